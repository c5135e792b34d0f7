"""The hidden spaces that were found, each with its group as components that act on tensors."""

from __future__ import annotations

from collections.abc import Mapping

from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.finding.characters import Character
from solvers.pytorch.symmetry.finding.places import Place, Scattered, places_of
from solvers.pytorch.symmetry.finding.space_group import Solved, forced, layer_of
from solvers.pytorch.symmetry.finding.spaces import Atlas, Occurrence, Space, State
from solvers.pytorch.symmetry.finding.values import Value, settled
from solvers.pytorch.symmetry.hidden_space import HiddenSpace


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


def compiled(atlas: Atlas, parameters: Mapping[str, Value]) -> tuple[HiddenSpace, ...]:
    """The hidden spaces on which something acts, with their groups."""
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
            spaces += _spaces(space, Solved(space, where, layer_of(where[0])).components(atlas), names)
    return tuple(spaces)


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
