"""Components of a part of a module, under the names that its tensors have in the whole."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace

from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.shifts import Flow, Shifts


def renamed(space: HiddenSpace, prefix: str, names: Mapping[str, str]) -> HiddenSpace:
    """The space of a part as one of the whole.

    Parameters
    ----------
    space: of the part.
    prefix: of the part in the whole.
    names: of tensors in the whole, by those in the part.

    >>> from solvers.pytorch.symmetry.scalings import Scalings
    >>> leg = Leg(tensor="0.weight", shape=(3, 2), axes=(0,))
    >>> space = HiddenSpace(name="0", size=3, components=(Scalings("0", (leg,), shape=(3,)),))
    >>> renamed(space, "head", {"0.weight": "head.0.weight"}).tensors
    ('head.0.weight',)
    """
    components = tuple(_component(one, prefix, names) for one in space.components)
    return replace(space, name=f"{prefix}.{space.name}", components=components)


def _component(component: Component, prefix: str, names: Mapping[str, str]) -> Component:
    """A component under new names."""
    one = copy(component)
    one.name = f"{prefix}.{component.name}"
    one.legs = tuple(_leg(leg, names) for leg in component.legs)
    if isinstance(one, Shifts):
        one.flows = tuple(_flow(flow, names) for flow in one.flows)
    return one


def _flow(flow: Flow, names: Mapping[str, str]) -> Flow:
    """A flow under new names."""
    target, weights = _leg(flow.target, names), tuple(_leg(weight, names) for weight in flow.weights)
    against = names[flow.against] if flow.against else ""
    return replace(flow, target=target, weights=weights, frame=_frame(flow.frame, names), against=against)


def _frame(powers: tuple[tuple[str, int], ...], names: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """The powers of vectors under new names."""
    return tuple((names[name], power) for name, power in powers)


def _leg(leg: Leg, names: Mapping[str, str]) -> Leg:
    """A leg under new names."""
    length = names[leg.length] if leg.length else ""
    return replace(leg, tensor=names[leg.tensor], length=length, frame=_frame(leg.frame, names))
