"""Parts that are proved for all sizes beside the whole linear algebra at small sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias, final

from manifolds.errors import InputError
from symmetries.algebra import components
from symmetries.ansatz import Linear
from symmetries.certificate import Claim, Verdict
from symmetries.derive import derive
from symmetries.domain import require_defined
from symmetries.fields import VectorField, multiply_monomials
from symmetries.loss import Loss
from symmetries.sizes.family import LossFamily
from symmetries.sizes.family_instance import member, sizes_of
from symmetries.sizes.family_parts import Part
from symmetries.sizes.family_words import rank_of

Vector: TypeAlias = Mapping[Any, Fraction]

TRIED = ((3, 2, 4, 3, 2, 3), (4, 3, 5, 2, 3, 2), (2, 3, 2, 3, 4, 2), (3, 4, 3, 2, 2, 3))
"""Sizes of parameters at which a family is derived, in order of the names; later ones where it has no value."""

SAMPLES = (3, 4, 3, 4)
"""The same for sizes that are those of data alone."""

ENOUGH = 2
"""So many assignments are derived."""


@final
@dataclass(frozen=True, kw_only=True)
class Fit:
    """What the derivation at one assignment of sizes says.

    Parameters
    ----------
    sizes: the assignment.
    dimension: dimension of all linear symmetries there, proved or bounded from above by ``verdict``.
    null_directions: number of constant directions that do not change the loss.
    explained: how many of the linear symmetries the parts and the null directions explain.
    null_explained: how many of the null directions the shifts explain.
    parts_dimension: dimension of the parts at these sizes, without multiples of null directions.
    verdict: whether the derivation was complete there.
    """

    sizes: Mapping[str, int]
    dimension: int
    null_directions: int
    explained: int
    null_explained: int
    parts_dimension: int
    verdict: Verdict

    @property
    def unexplained(self) -> int:
        """How many linear symmetries and null directions are in no part: accidents of these sizes, or missed ones."""
        return self.dimension - self.explained + self.null_directions - self.null_explained

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-ready data."""
        return {
            "sizes": dict(self.sizes),
            "dimension": self.dimension,
            "null_directions": self.null_directions,
            "explained": self.explained,
            "null_explained": self.null_explained,
            "unexplained": self.unexplained,
            "verdict": self.verdict,
        }


def measure(
    family: LossFamily, parts: Sequence[Part], sizes: Sequence[Mapping[str, int]] | None, seed: int
) -> list[Measured]:
    """The derivations at the given sizes, else at small ones where the loss has a value."""
    if sizes is not None:
        return [Measured.of(family, one, parts, seed) for one in sizes]
    found: list[Measured] = []
    for one in default_sizes(family):
        if len(found) == (ENOUGH if family.sizes else 1):
            break
        try:
            require_defined(family.at(**one), seed=seed)
            found.append(Measured.of(family, one, parts, seed))
        except InputError as error:
            refused = error
    if not found:
        raise refused
    return found


def default_sizes(family: LossFamily) -> list[dict[str, int]]:
    """Assignments of small sizes."""
    inner = {length for shape in family.parameters.values() for length in shape}
    result = []
    for tried, samples in zip(TRIED, SAMPLES, strict=True):
        own = (tried[place % len(tried)] for place in range(len(family.sizes)))
        result.append({name: next(own) if name in inner else samples for name in family.sizes})
    return result if family.sizes else [{}]


@final
@dataclass(frozen=True, kw_only=True)
class Measured:
    """A derivation at one assignment beside the parts.

    Parameters
    ----------
    fit: the dimensions.
    inflated: whether each part only multiplies null directions by parameters.
    consistent: whether all parts lie in what was derived.
    """

    fit: Fit
    inflated: tuple[bool, ...]
    consistent: bool

    @classmethod
    def of(cls, family: LossFamily, sizes: Mapping[str, int], parts: Sequence[Part], seed: int) -> Measured:
        """The derivation and the parts at one assignment."""
        loss = family.at(**sizes)
        algebra = derive(loss, ansatz=Linear(), rng=seed)
        derived = [components(field) for field in algebra.generators]
        null = [components(field) for field in algebra.null_fields]
        multiples = [multiple(vector, entry) for vector in null for entry in loss.entries]
        own = [[components(field) for field in basis_of(loss, part)] for part in parts]
        base = rank_of(multiples)
        linear = [vectors for part, vectors in zip(parts, own, strict=True) if not part.is_shift]
        constant = [vector for part, vectors in zip(parts, own, strict=True) if part.is_shift for vector in vectors]
        explained = rank_of([*multiples, *flat(linear)])
        fit = Fit(
            sizes=dict(sizes),
            dimension=algebra.dimension,
            null_directions=len(null),
            explained=explained,
            null_explained=rank_of(constant),
            parts_dimension=explained - base,
            verdict=algebra.completeness.verdict,
        )
        inflated = tuple(
            not part.is_shift and rank_of([*multiples, *vectors]) == base
            for part, vectors in zip(parts, own, strict=True)
        )
        together = rank_of([*derived, *multiples, *flat(linear)]) == algebra.dimension
        return cls(fit=fit, inflated=inflated, consistent=together and rank_of([*null, *constant]) == len(null))


def flat(vectors: Iterable[Iterable[Vector]]) -> list[Vector]:
    """All vectors of several lists."""
    return [vector for some in vectors for vector in some]


def multiple(vector: Vector, entry: str) -> Vector:
    """A field times one parameter."""
    return {
        (target, multiply_monomials(monomial, ((entry, 1),))): value for (target, monomial), value in vector.items()
    }


def basis_of(loss: Loss, part: Part) -> list[VectorField]:
    """The fields of a part for a basis of its matrices."""
    ((name, (rows, columns)),) = sizes_of(loss, part.field).letters.items()
    kind = part.field.letters[name]
    positions = [(i, j) for i in range(rows) for j in range(columns)]
    if kind == "diagonal":
        positions = [(i, i) for i in range(rows)]
    elif kind in ("skew", "symmetric"):
        positions = [(i, j) for i, j in positions if i < j or (i == j and kind == "symmetric")]
    fields = []
    for i, j in positions:
        values = [[Fraction(0)] * columns for _ in range(rows)]
        values[i][j] = Fraction(1)
        if kind in ("skew", "symmetric") and i != j:
            values[j][i] = Fraction(-1 if kind == "skew" else 1)
        fields.append(member(loss, part.field, {name: values}))
    return fields


def completeness(fits: Sequence[Fit], consistent: Sequence[bool]) -> Claim:
    """The claim that the parts are all linear symmetries and null directions, at the sizes tried."""
    at = ", ".join("(" + ", ".join(f"{name} = {value}" for name, value in fit.sizes.items()) + ")" for fit in fits)
    statement = f"at {at} every linear symmetry and every null direction lies in the parts"
    evidence = {"sizes_tried": [fit.to_dict() for fit in fits]}
    open_ones = [fit for fit in fits if fit.verdict != "proved"]
    extra = [fit for fit in fits if fit.unexplained]
    if not all(consistent):
        verdict: Verdict = "undecided"
        reason = "a part that is proved for all sizes was not found by a derivation at a small size"
    elif extra:
        verdict = "undecided"
        shown = "; ".join(f"{fit.unexplained} at {dict(fit.sizes)}" for fit in extra)
        reason = f"there are symmetries in no part, accidents of small sizes or missed ones: {shown}"
    elif open_ones:
        verdict, reason = "undecided", f"the derivation at {dict(open_ones[0].sizes)} may be incomplete"
    else:
        verdict, reason = "proved", f"the exact derivation at {at} finds no other; other sizes are not claimed"
    return Claim(statement=statement, verdict=verdict, reason=reason, evidence=evidence)
