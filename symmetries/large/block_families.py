"""Families of generators: the matrices of one index space that keep the loss, or a list of single fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal, TypeAlias, final

from symmetries.certificate import Claim
from symmetries.fields import VectorField
from symmetries.large.block_fields import BlockVector, action_text
from symmetries.large.block_grading import IndexSpace, Slot

Pattern: TypeAlias = Literal["gl", "sl", "so", "diagonal", "other"]

LETTERS = {"gl": "generic", "sl": "generic", "so": "skew", "diagonal": "diagonal"}


class Family(ABC):
    """Generators of one kind."""

    @property
    @abstractmethod
    def pattern(self) -> Pattern:
        """Which matrices: all (gl), without trace (sl), skew (so), diagonal, or others."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Number of generators."""

    @property
    @abstractmethod
    def space(self) -> str:
        """The axes in words."""

    @abstractmethod
    def vector(self, k: int) -> BlockVector:
        """Generator k."""

    @property
    def action(self) -> Mapping[str, str]:
        """How each array changes, as a formula in a letter; empty when there is no such formula."""
        return {}

    @property
    @abstractmethod
    def name(self) -> str | None:
        """Name of the algebra that the family spans; None when it is not known."""

    @property
    def arrays(self) -> frozenset[str]:
        """Arrays that are moved."""
        return frozenset(slot.name for k in range(self.dimension) for slot, _, _ in self.vector(k))


@final
@dataclass(frozen=True)
class SpaceFamily(Family):
    """The matrices of one index space, all acting alike.

    Parameters
    ----------
    kind: all matrices (gl), all but one diagonal unit (sl, where the rest acts by zero), skew or diagonal ones.
    powers: for each axis 1, or -1 for the negative transpose (gl, sl); the weight for diagonal ones.
    length: number of indices.
    indices: the diagonal units, in the families gl, sl and diagonal.
    pairs: the other units.
    letter: what the matrix is called.
    """

    kind: Literal["gl", "sl", "so", "diagonal"]
    powers: Mapping[Slot, Fraction]
    length: int
    indices: tuple[int, ...] = ()
    pairs: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    letter: str = "S"

    @property
    def pattern(self) -> Pattern:
        """Which matrices."""
        return self.kind

    @property
    def dimension(self) -> int:
        """Number of generators."""
        return len(self.pairs) + len(self.indices)

    @property
    def space(self) -> str:
        """The axes in words."""
        return ", ".join(slot.text for slot in self.powers)

    @property
    def arrays(self) -> frozenset[str]:
        """Arrays that are moved."""
        return frozenset(slot.name for slot in self.powers)

    def vector(self, k: int) -> BlockVector:
        """Generator k: units (i, j) by rows, skew units, or diagonal units."""
        if k >= len(self.pairs):
            i = self.indices[k - len(self.pairs)]
            return {(slot, i, i): power for slot, power in self.powers.items()}
        i, j = self.pairs[k]
        if self.kind == "so":
            first = {(slot, i, j): power for slot, power in self.powers.items()}
            return first | {(slot, j, i): -power for slot, power in self.powers.items()}
        return {(slot, *((i, j) if power > 0 else (j, i))): power for slot, power in self.powers.items()}

    def parts(self) -> tuple[Family, ...]:
        """The diagonal matrices and the others: where a loss jumps, the first may keep it alone."""
        if self.kind not in {"gl", "sl"}:
            return ()
        others = tuple(self.vector(k) for k in range(len(self.pairs)))
        return replace(self, kind="diagonal", pairs=()), ListedFamily(others)

    @property
    def action(self) -> Mapping[str, str]:
        """How each array changes."""
        kind = {"gl": "linear", "sl": "linear", "so": "rotation", "diagonal": "diagonal"}[self.kind]
        changes: dict[str, str] = {}
        for slot, power in self.powers.items():
            text = action_text(slot, power, self.letter, kind)
            if text is None:
                return {}
            joined = f"{changes[slot.name]} + {text}" if slot.name in changes else text
            changes[slot.name] = joined.replace("+ -", "- ")
        return changes

    @property
    def name(self) -> str | None:
        """Name of the algebra."""
        if self.kind == "diagonal" or self.length == 1:
            return f"R^{self.dimension}"
        return f"so({self.length})" if self.kind == "so" else f"{self.kind}({self.length},R)"


@final
@dataclass(frozen=True)
class ListedFamily(Family):
    """Single generators.

    Parameters
    ----------
    vectors: the generators.
    """

    vectors: tuple[BlockVector, ...]

    @property
    def pattern(self) -> Pattern:
        """Which matrices."""
        return "other"

    @property
    def dimension(self) -> int:
        """Number of generators."""
        return len(self.vectors)

    @property
    def space(self) -> str:
        """The axes in words."""
        slots = dict.fromkeys(slot for vector in self.vectors for slot, _, _ in vector)
        return ", ".join(slot.text for slot in slots)

    def vector(self, k: int) -> BlockVector:
        """Generator k."""
        return self.vectors[k]

    @property
    def is_diagonal(self) -> bool:
        """Whether all matrices are diagonal, each with equal entries."""
        for vector in self.vectors:
            values: dict[Slot, set[Fraction]] = {}
            for (slot, i, j), value in vector.items():
                if i != j:
                    return False
                values.setdefault(slot, set()).add(value)
            if any(len(found) > 1 for found in values.values()):
                return False
            if any(sum(1 for slot, _, _ in vector if slot == one) < one.length for one in values):
                return False
        return True

    @property
    def name(self) -> str | None:
        """Name of the algebra: scalings of whole arrays commute."""
        if self.is_diagonal:
            return f"R^{self.dimension}"
        return None


@final
@dataclass(frozen=True)
class UnnamedFields(Family):
    """Fields that are left of a family on a slice.

    Parameters
    ----------
    fields: the fields.
    whole: the family that they come from.
    """

    fields: tuple[VectorField, ...]
    whole: Family

    @property
    def pattern(self) -> Pattern:
        """Which matrices."""
        return "other"

    @property
    def dimension(self) -> int:
        """Number of generators."""
        return len(self.fields)

    @property
    def space(self) -> str:
        """The axes in words."""
        return self.whole.space

    @property
    def arrays(self) -> frozenset[str]:
        """Arrays that are moved."""
        return self.whole.arrays

    @property
    def name(self) -> str | None:
        """Name of the algebra: that of the family, when it is left whole."""
        return self.whole.name if self.dimension == self.whole.dimension else None

    def vector(self, k: int) -> BlockVector:
        """Not known: the fields are given as they are."""
        raise TypeError("fields on a slice are no matrices on axes")


@final
@dataclass(frozen=True)
class ProvedFamily:
    """A family with the claim that all its generators annihilate the loss."""

    family: Family
    claim: Claim


def families_name(families: Sequence[Family]) -> str | None:
    """Name of the direct sum of several families, None when one of them has none.

    Families of different index spaces act on different axes, and so commute; scalings of whole arrays commute with
    everything.  Two families that share an axis need not.
    """
    acting = [set(one.powers) for one in families if isinstance(one, SpaceFamily) and one.kind != "diagonal"]
    diagonal = {
        slot for one in families if isinstance(one, SpaceFamily) and one.kind == "diagonal" for slot in one.powers
    }
    if sum(map(len, acting)) != len(set().union(*acting)) or diagonal & set().union(*acting):
        return None
    flat = 0
    parts: list[tuple[int, str]] = []
    for one in families:
        if one.name is None:
            return None
        if one.name.startswith("R^"):
            flat += one.dimension
        else:
            parts.append((one.dimension, one.name))
    names = [name for _, name in sorted(parts, key=lambda part: -part[0])]
    return " + ".join([*names, *([f"R^{flat}"] if flat else [])]) or "0"


def whole_space(space: IndexSpace, powers: Mapping[Slot, Fraction], *, dropped: Sequence[int] = ()) -> SpaceFamily:
    """All matrices of a space, or all but some diagonal units."""
    size = space.length
    kept = tuple(i for i in range(size) if i not in dropped)
    pairs = tuple((i, j) for i in range(size) for j in range(size) if i != j)
    return SpaceFamily("sl" if dropped else "gl", powers, size, kept, pairs)
