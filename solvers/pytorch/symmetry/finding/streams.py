"""Rotations of streams that are read through normalisations with weights, beside what was found without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.permutations import Permutations
from solvers.pytorch.symmetry.scalings import Signs


def with_streams(spaces: Sequence[HiddenSpace], framed: Sequence[HiddenSpace]) -> tuple[HiddenSpace, ...]:
    """The spaces with the orthogonal maps that were found in frames; those imply permutations and signs of units.

    Parameters
    ----------
    spaces: found where weights of normalisations are units like all others.
    framed: found where they are frames; only their orthogonal maps count.
    """
    found = tuple(spaces)
    for component in (one for space in framed for one in space.components):
        if isinstance(component, LinearMaps) and component.kind == "O" and component.one_dimension:
            known = any(_same(component, one) for space in found for one in space.components)
            found = found if known else _beside(found, component)
    return found


def _same(one: LinearMaps, other: Component) -> bool:
    """Whether two are the same group."""
    return isinstance(other, LinearMaps) and set(map(_place, one.legs)) == set(map(_place, other.legs))


def _place(leg: Leg) -> tuple[Any, ...]:
    """Where a leg acts."""
    return leg.tensor, leg.shape, leg.narrow, leg.axes


def _beside(spaces: tuple[HiddenSpace, ...], maps: LinearMaps) -> tuple[HiddenSpace, ...]:
    """The spaces with orthogonal maps before the permutations of the same units, and their signs."""
    places = set(map(_place, maps.legs))
    chosen = next((space for space in spaces if any(_permutes(one, places) for one in space.components)), None)
    if chosen is None:
        return (*spaces, HiddenSpace(name=maps.name, size=maps.size, components=(maps,)))
    permutations = [one for one in chosen.components if _permutes(one, places)]
    upright = maps.centred and not maps.turns
    signs = [] if upright else _signs_of(spaces, {_place(leg) for leg in maps.legs if not leg.frame})
    for implied in (*permutations, *signs[:1]):
        implied.implied = True
    for other in (one for one in signs[1:] if one.shape == signs[0].shape):
        other.legs = _odd(signs[0].legs, other.legs)
    components = (maps, *chosen.components)
    for number, component in enumerate(components):
        component.name = chosen.name if number == 0 else f"{chosen.name} [{number + 1}]"
    return tuple(replace(space, components=components) if space is chosen else space for space in spaces)


def _permutes(component: Component, places: set[tuple[Any, ...]]) -> bool:
    """Whether a component permutes the units at these places, and maybe elsewhere."""
    return isinstance(component, Permutations) and places <= set(map(_place, component.legs))


def _signs_of(spaces: Sequence[HiddenSpace], places: set[tuple[Any, ...]]) -> list[Signs]:
    """The groups of signs of the units at these places: up to signs elsewhere they are the same orthogonal maps."""
    found = []
    for component in (one for space in spaces for one in space.components):
        if isinstance(component, Signs):
            legs = component.legs
            own = any(_place(leg) in places for leg in legs)
            common = bool(places) and {place[:3] for place in places} <= {
                _place(leg)[:3] for leg in legs if not leg.axes
            }
            found += [component] if own or common else []
    return found


def _odd(one: Sequence[Leg], other: Sequence[Leg]) -> tuple[Leg, ...]:
    """The legs of the product of two groups of signs of the same units: those that only one of them has."""
    ones, others = set(map(_place, one)), set(map(_place, other))
    return tuple(leg for leg in (*one, *other) if (_place(leg) in ones) != (_place(leg) in others))
