r"""The symmetries of a family of losses: found at small sizes and by matrix words, proved for all sizes.

Every part is proved for all sizes.  That there is no more is proved at the sizes tried, by the exact derivation there,
and claimed at no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.algebra import components
from symmetries.ansatz import Linear
from symmetries.arguments import read_seed
from symmetries.certificate import Certificate, Claim, Verdict
from symmetries.derive import derive
from symmetries.domain import require_defined
from symmetries.family import LossFamily
from symmetries.family_instance import member, sizes_of
from symmetries.family_parts import Part, parts_of
from symmetries.family_proof import prove_family
from symmetries.family_words import rank_of
from symmetries.fields import VectorField, multiply_monomials
from symmetries.loss import Loss

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


@final
@dataclass(frozen=True, kw_only=True)
class FamilySymmetry:
    """The symmetry algebra of a family of losses, for every size.

    Parameters
    ----------
    family: the losses.
    parts: what acts linearly, each part proved for all sizes.
    shifts: constant directions that do not change the loss, proved for all sizes.
    invariance: the claims of the parts, then of the shifts, then of the finite actions.
    fits: what the derivations at small sizes say.
    completeness: the claim that there is no more at the sizes tried.
    """

    family: LossFamily
    parts: tuple[Part, ...]
    shifts: tuple[Part, ...]
    invariance: tuple[Claim, ...]
    fits: tuple[Fit, ...]
    completeness: Claim

    @cached_property
    def name(self) -> str | None:
        """Name of the algebra of the parts, such as ``gl(k) + gl(l)``; None where they are no direct sum."""
        if any(part.kind == "symmetric" for part in self.parts) or any(
            meet(one, other) for one, other in combinations(self.parts, 2)
        ):
            return None
        if any(fit.parts_dimension != self.dimension_at(**fit.sizes) for fit in self.fits):
            return None
        return " + ".join(part.name for part in self.parts) or "0"

    @property
    def dimension(self) -> str:
        """Dimension of the parts, as a formula in the sizes."""
        return " + ".join(part.dimension for part in self.parts) or "0"

    @property
    def null_dimension(self) -> str:
        """Number of null directions, as a formula in the sizes."""
        return " + ".join(part.dimension for part in self.shifts) or "0"

    def dimension_at(self, **sizes: int) -> int:
        """Value of the formula at given sizes."""
        return sum(part.value(sizes) for part in self.parts)

    @property
    def action(self) -> tuple[str, ...]:
        """How the groups of all parts and shifts act, in words."""
        return tuple(str(part.action or part.field) for part in (*self.parts, *self.shifts))

    @property
    def unexplained(self) -> tuple[int, ...]:
        """How many symmetries no part explains, at each of the sizes tried."""
        return tuple(fit.unexplained for fit in self.fits)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All claims."""
        return (*self.invariance, self.completeness)

    @property
    def certificate(self) -> Certificate:
        """All claims with the family."""
        return Certificate(loss=self.family.to_dict(), claims=self.claims)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON-ready data."""
        return {
            "family": self.family.to_dict(),
            "name": self.name,
            "dimension": self.dimension,
            "null_dimension": self.null_dimension,
            "parts": [part_dict(part) for part in self.parts],
            "shifts": [part_dict(part) for part in self.shifts],
            "invariance": [claim.to_dict() for claim in self.invariance],
            "completeness": self.completeness.to_dict(),
            "sizes_tried": [fit.to_dict() for fit in self.fits],
        }

    def __str__(self) -> str:
        lines = [f"{self.name or 'algebra without a name'}, of dimension {self.dimension}, {self.family.quantifier}"]
        lines += [f"  {part.name}: {part.action or part.field}" for part in self.parts]
        lines += [f"  null directions {part.name}: {part.action or part.field}" for part in self.shifts]
        lines.append(f"  completeness {self.completeness.verdict}: {self.completeness.reason}")
        return "\n".join(lines)


def part_dict(part: Part) -> dict[str, Any]:
    """A part as JSON-ready data."""
    return {
        "name": part.name,
        "size": part.size,
        "kind": part.kind,
        "dimension": part.dimension,
        "field": dict(part.field.components),
        "letters": dict(part.field.letters),
        "action": dict(part.action.components) if part.action else None,
        "action_letters": dict(part.action.letters) if part.action else None,
    }


def meet(one: Part, other: Part) -> bool:
    """Whether two parts act on one axis, or on a parameter as a whole, and need not commute."""
    if one.is_diagonal and other.is_diagonal:
        return False
    return bool({place for place in one.places if place.axis is not None} & set(other.places))


def derive_family(
    family: LossFamily,
    *,
    sizes: Sequence[Mapping[str, int]] | None = None,
    rng: int | np.random.Generator = 0,
) -> FamilySymmetry:
    r"""Derive the symmetries of a family that are matrices times parameters or shifts, and prove them for all sizes.

    Parameters
    ----------
    family: the losses.
    sizes: assignments at which the whole linear algebra is derived, to see whether anything is missing.
    rng: seed or generator of the sampling; the answer does not depend on it.

    Raises
    ------
    InputError: an assignment of sizes is not complete.

    Examples
    --------
    >>> family = LossFamily.parse("sum((Y - U@V)**2)", {"U": ("n", "k"), "V": ("k", "m")}, data={"Y": ("n", "m")})
    >>> symmetry = derive_family(family)
    >>> symmetry.name, symmetry.dimension, symmetry.action[0]
    ('gl(k)', 'k**2', 'U → U@inv(g), V → g@V for every invertible matrix g')
    >>> symmetry.completeness.verdict, symmetry.unexplained
    ('proved', (0, 0))
    """
    if not isinstance(family, LossFamily):
        why, cure = "it derives families", 'write LossFamily.parse(text, {"U": ("n", "k")}, data=...)'
        raise InputError(f"derive_family was given {type(family).__name__}", why=why, cure=cure)
    seed = read_seed(rng)
    if sizes is not None and not sizes:
        raise InputError("derive_family was given no sizes", why="it tries some", cure="give one assignment or more")
    checked = [(part, prove_family(family, part.field, rng=seed)) for part in parts_of(family)]
    proved = [part for part, claim in checked if claim.verdict == "proved"]
    measured = measure(family, proved, sizes, seed)
    kept = [part for number, part in enumerate(proved) if any(not one.inflated[number] for one in measured)]
    shown = [part for part in kept if not part.is_shift] + [part for part in kept if part.is_shift]
    claims = {id(part): claim for part, claim in checked}
    invariance = [claims[id(part)] for part in shown]
    for part in shown:
        if part.action is not None:
            invariance.append(prove_family(family, part.action, rng=seed))
    fits = tuple(one.fit for one in measured)
    return FamilySymmetry(
        family=family,
        parts=tuple(part for part in shown if not part.is_shift),
        shifts=tuple(part for part in shown if part.is_shift),
        invariance=tuple(invariance),
        fits=fits,
        completeness=completeness(fits, tuple(one.consistent for one in measured)),
    )


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
