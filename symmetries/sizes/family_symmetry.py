r"""The symmetries of a family of losses: found at small sizes and by matrix words, proved for all sizes.

Every part is proved for all sizes.  That there is no more is proved at the sizes tried, by the exact derivation there,
and claimed at no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.arguments import read_seed
from symmetries.certificate import Certificate, Claim
from symmetries.sizes.family import LossFamily
from symmetries.sizes.family_fit import Fit, completeness, measure
from symmetries.sizes.family_parts import Part, parts_of
from symmetries.sizes.family_proof import prove_family


@final
@dataclass(frozen=True, kw_only=True)
class FamilySymmetry:
    """The symmetry algebra of a family of losses, for every size.

    Parameters
    ----------
    family: the losses.
    parts: what acts linearly, each part proved for all sizes.
    shifts: constant directions that do not change the loss, proved for all sizes.
    invariance: the claims of the parts, then of the shifts, then of the finite actions; a part has the action only
        where it is proved, for a field says nothing of the components of a group that hold no identity.
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
        if not all(part.closed for part in self.parts) or self.dimension is None:
            return None
        if any(meet(one, other) for one, other in combinations(self.parts, 2)):
            return None
        return " + ".join(part.name for part in self.parts) or "0"

    @property
    def dimension(self) -> str | None:
        """Dimension of the span of the parts, as a formula in the sizes; None where they overlap."""
        if any(fit.parts_dimension != self.dimension_at(**fit.sizes) for fit in self.fits):
            return None
        return " + ".join(part.dimension for part in self.parts) or "0"

    @property
    def null_dimension(self) -> str | None:
        """Number of null directions in the shifts, as a formula in the sizes; None where they overlap."""
        if any(fit.null_explained != sum(part.value(fit.sizes) for part in self.shifts) for fit in self.fits):
            return None
        return " + ".join(part.dimension for part in self.shifts) or "0"

    def dimension_at(self, **sizes: int) -> int:
        """Sum of the dimensions of the parts at given sizes."""
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
        dimension = f"of dimension {self.dimension}" if self.dimension else "whose parts overlap"
        lines = [f"{self.name or 'algebra without a name'}, {dimension}, {self.family.quantifier}"]
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
    if sizes is not None:
        check_assignments(sizes)
    checked = [(part, prove_family(family, part.field, rng=seed)) for part in parts_of(family)]
    proved = [part for part, claim in checked if claim.verdict == "proved"]
    measured = measure(family, proved, sizes, seed)
    kept = [part for number, part in enumerate(proved) if any(not one.inflated[number] for one in measured)]
    shown = [part for part in kept if not part.is_shift] + [part for part in kept if part.is_shift]
    claims = {id(part): claim for part, claim in checked}
    invariance = [claims[id(part)] for part in shown]
    for number, part in enumerate(shown):
        if part.action is not None:
            claim = prove_family(family, part.action, rng=seed)
            if claim.verdict == "proved":
                invariance.append(claim)
            else:
                shown[number] = replace(part, action=None)
    fits = tuple(one.fit for one in measured)
    return FamilySymmetry(
        family=family,
        parts=tuple(part for part in shown if not part.is_shift),
        shifts=tuple(part for part in shown if part.is_shift),
        invariance=tuple(invariance),
        fits=fits,
        completeness=completeness(fits, tuple(one.consistent for one in measured)),
    )


def check_assignments(sizes: object) -> None:
    """Refuse what is no list of assignments."""
    cure = 'write sizes=[{"n": 3, "k": 2}]'
    if not isinstance(sizes, Sequence) or isinstance(sizes, str):
        raise InputError(f"derive_family was given the sizes {sizes!r}", why="they are no list", cure=cure)
    if not sizes:
        raise InputError("derive_family was given no sizes", why="it tries some", cure=cure)
    for one in sizes:
        if not isinstance(one, Mapping) or not all(isinstance(name, str) for name in one):
            why = "an assignment has an integer for each name of a size"
            raise InputError(f"derive_family was given the sizes {one!r}", why=why, cure=cure)
