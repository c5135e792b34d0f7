"""Symmetries that hold only as far as the epsilon of a normalisation is small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.finding.checking import Check
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.scalings import Scalings

MOST = 32
"""Number of components whose defect is measured."""


@final
@dataclass(frozen=True, kw_only=True)
class ApproximateSymmetry:
    """A component that would be a symmetry if normalisations added nothing to variances.

    Parameters
    ----------
    component: the group; no part of the symmetry of the module.
    defect: largest change of the outputs that was measured, relative to their size.
    scale: bound of the logarithm of the element that was tried.
    """

    component: Component
    defect: float
    scale: float

    def __str__(self) -> str:
        """A line for tables."""
        one = self.component
        return f"{one.group} on {one.name}: changes the outputs by {self.defect:.1e} at log-scale {self.scale:g}"


def approximate_symmetries(
    loose: Sequence[HiddenSpace], exact: Sequence[HiddenSpace], check: Check, *, scale: float = 0.5
) -> tuple[ApproximateSymmetry, ...]:
    """The scalings that are found without epsilon and not with it, each with its defect."""
    known = {_acts(one) for space in exact for one in space.components}
    found = []
    candidates = [one for space in loose for one in space.components if isinstance(one, Scalings)]
    for one in [one for one in candidates if _acts(one) not in known][:MOST]:
        defect = check.defect(Element(((one, one.random(check.rng, scale=scale)),)))
        if defect > check.tolerance:
            found.append(ApproximateSymmetry(component=one, defect=defect, scale=scale))
    return tuple(found)


def _acts(component: Component) -> Any:
    """Where and how a component acts, whatever the order of its legs."""
    return frozenset((leg.tensor, leg.shape, leg.narrow, leg.axes, leg.exponent) for leg in component.legs)
