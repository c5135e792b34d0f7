"""The hidden spaces that were found, each with its group as components that act on tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.finding.characters import Character
from solvers.pytorch.symmetry.finding.places import Place, Scattered, places_of
from solvers.pytorch.symmetry.finding.space_group import Solved, forced, layer_of
from solvers.pytorch.symmetry.finding.spaces import Atlas, Occurrence, Space, State
from solvers.pytorch.symmetry.finding.values import Value, settled
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.legs import Leg


def concluded(atlas: Atlas, parameters: Mapping[str, Value]) -> None:
    """Make the last decisions: which blocks are index sets, and over what there are copies."""
    for outer, variable, inner, own in atlas.gauges:
        # Blocks that are scaled inside need no scaling as a whole; blocks that are held inside may be acted on.
        inside = atlas.occurrences((Occurrence(inner, Character.of(own)),))
        if any(not forced(item.space, item.character) for item in inside):
            whole = atlas.resolved((Occurrence(outer, Character.of(variable)),))
            atlas.break_up(whole)
            atlas.require_all(whole)
    for value in parameters.values():
        settled(atlas, value)
    for space in atlas.spaces:
        if space.parent is None and space.refinement is None:
            space.family = tuple(one for one in atlas.family(space) if one.state is not State.LINEAR)
    for space in atlas.spaces:
        space.family = tuple(one for one in space.family if space not in one.family)
    for one, other in atlas.beside:
        # A scaling of blocks is among those of the units of each block, where each block has its own.
        outer = one.root()
        units = atlas.occurrences((Occurrence(other, Character.of(other.variables[0])),))
        each = [item for item in units if outer in atlas.family(item.space)]
        if any(not forced(item.space, item.character) for item in each):
            whole = (Occurrence(outer, Character.of(one.variables[0])),)
            atlas.break_up(whole)
            atlas.require_all(whole)


def compiled(
    atlas: Atlas, parameters: Mapping[str, Value], lengths: Mapping[str, tuple[str, int]]
) -> tuple[HiddenSpace, ...]:
    """The hidden spaces on which something acts, with their groups; ``lengths`` by directions, where they follow."""
    found: dict[Space, list[Place]] = {}
    for name, value in parameters.items():
        try:
            places = list(places_of(atlas, name, settled(atlas, value)))
        except Scattered:
            atlas.fix(value.items, "a segment lies in pieces")
            atlas.note(f"{name} is held fixed: a segment of it lies in pieces")
            continue
        for place in places:
            found.setdefault(place.space, []).append(place)
    names: set[str] = set()
    spaces: list[HiddenSpace] = []
    for space, where in found.items():
        if space.state is not State.FIXED:
            components = Solved(space, where, layer_of(where[0])).components(atlas)
            for component in components:
                component.legs = tuple(_following(leg, lengths, parameters) for leg in component.legs)
            spaces += _spaces(space, components, names)
    return tuple(spaces)


def _following(leg: Leg, lengths: Mapping[str, tuple[str, int]], parameters: Mapping[str, Value]) -> Leg:
    """The leg with the lengths that follow it, where it acts inside normalised vectors."""
    if leg.tensor not in lengths or not leg.axes:
        return leg
    length, axis = lengths[leg.tensor]
    shape, place, whole = parameters[leg.tensor].shape, 0, leg.blocks or leg.shape
    bounds = []
    for size in shape:
        start, product = place, 1
        while place < len(whole) and product < size:
            product *= whole[place]
            place += 1
        bounds.append((start, place))
    own = range(*bounds[axis])
    return leg if leg.axes[-1] in own else replace(leg, length=length, length_axis=axis)


def _spaces(space: Space, components: tuple[Component, ...], names: set[str]) -> list[HiddenSpace]:
    """The components of one set of units, layer by layer; permutations go with the first."""
    layers: dict[str, list[Component]] = {}
    for component in components:
        layers.setdefault(component.name, []).append(component)
    spaces = []
    for layer, own in layers.items():
        name, number = layer, 1
        while name in names:
            number += 1
            name = f"{layer} ({number})"
        names.add(name)
        for place, component in enumerate(own):
            component.name = name if place == 0 else f"{name} [{place + 1}]"
        spaces.append(HiddenSpace(name=name, size=space.size, components=tuple(own)))
    return spaces
