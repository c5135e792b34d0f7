"""How hidden spaces are merged with one another and divided: into products, segments and cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from solvers.pytorch.symmetry.finding.characters import TRIVIAL
from solvers.pytorch.symmetry.finding.frames import PLAIN, Frame, Metric
from solvers.pytorch.symmetry.finding.spaces import Atlas, Occurrence, Refinement, Requirement, Space, State


def merge(atlas: Atlas, left: Space, right: Space, *, turn: int = 1, offset: Frame = PLAIN) -> Space:
    """Make two spaces of one size the same set of units: what acts on it must suit both.

    Merged are the sets of units; which powers of which scalings belong together is for requirements to say. The linear
    maps of the right space are those of the left one, or their duals for the turn -1, in the frame ``offset``.
    """
    left, right = left.root(), right.root()
    if left is right:
        return left
    members = set(atlas.family(right)) - {left, right}
    family = tuple(member for member in atlas.family(left) if member in members)
    if State.FIXED in (left.state, right.state):
        reason = left.reason or right.reason
        atlas.fix_space(left, reason)
        atlas.fix_space(right, reason)
    state = max(left.state, right.state)
    matrices = left.matrices + right.matrices
    if state is State.INDEX and matrices:
        state, matrices = State.FIXED, []
    left.state, left.family, left.matrices = state, family, matrices
    left.permutable = left.permutable and right.permutable
    left.variables += right.variables
    left.requirements += right.requirements
    left.metrics += [replace(one, frame=(one.frame + offset).turned(turn)) for one in right.metrics]
    left.framed = left.framed or right.framed or not offset.is_plain()
    right.parent, right.turn, right.offset = left, turn, offset
    return left


def identify(atlas: Atlas, left: Occurrence, right: Occurrence, *, dual: bool) -> Space:
    """Merge the spaces of two occurrences that act alike, or each as the dual of the other."""
    frame, turn = (-left.frame, -left.turn) if dual else (left.frame, left.turn)
    if left.space.root() is not right.space.root():
        offset = (frame - right.frame).turned(right.turn)
        return merge(atlas, left.space, right.space, turn=turn * right.turn, offset=offset)
    space = left.space.root()
    if space.state is State.LINEAR:
        if turn != right.turn:
            middle = (frame - right.frame).turned(turn).halved()
            if middle is not None:
                space.metrics.append(Metric(middle))
                return space
        if frame != right.frame:
            atlas.break_up((left, right))
    return space


def _unframed(atlas: Atlas, space: Space) -> None:
    """Leave only permutations and scalings of a space that is to be divided, unless it acts everywhere alike."""
    if not space.is_plain():
        atlas.break_up((Occurrence(space, TRIVIAL),))


def split(atlas: Atlas, space: Space, outer_size: int) -> None:
    """Divide the units of a space into blocks: outer numbers the blocks, inner the units of each."""
    _unframed(atlas, space)
    if space.matrices:
        atlas.fix_space(space, "it is cut after a constant linear map")
    family = atlas.family(space)
    outer = Space(outer_size, space.name, family, space.state, space.permutable)
    inner = Space(space.size // outer_size, space.name, (*family, outer), space.state, space.permutable)
    names = {variable: atlas.variable() for variable in space.variables}
    outer.variables, inner.variables = list(names.values()), list(space.variables)
    for one in space.requirements:
        outer.requirements.append(Requirement(one.character.renamed(names), one.constant))
        inner.requirements.append(Requirement(one.character))
    outer.reason = inner.reason = space.reason
    atlas.spaces += [outer, inner]
    atlas.gauges += [(outer, name, inner, variable) for variable, name in names.items()]
    space.refinement = Refinement("product", (outer, inner), (names, {}))


def cut(atlas: Atlas, space: Space, sizes: Sequence[int]) -> None:
    """Divide a space into segments, one behind the other, with a group of its own on each."""
    _unframed(atlas, space)
    if space.matrices:
        atlas.fix_space(space, "it is cut after a constant linear map")
    family = atlas.family(space)
    children, names = _children(atlas, space, sizes, [family] * len(sizes))
    space.refinement = Refinement("sum", children, names)


def choose(atlas: Atlas, space: Space) -> None:
    """Take the units of a space for different things, so that families over it come apart."""
    dependent = [one for one in atlas.spaces if _is_current(one) and space in atlas.family(one)]
    depth = {one: sum(member in dependent for member in atlas.family(one)) for one in dependent}
    dependent.sort(key=depth.__getitem__)
    before = {one: [member for member in atlas.family(one) if member is not space] for one in dependent}
    found: dict[Space, tuple[Space, ...]] = {}
    for one in dependent:
        _unframed(atlas, one)
        families = [
            tuple(found[member][number] if member in found else member for member in before[one])
            for number in range(space.size)
        ]
        found[one], names = _children(atlas, one, [one.size] * space.size, families)
        one.refinement = Refinement("cases", found[one], names)
    space.refinement = Refinement("choice", (), ())


def _children(
    atlas: Atlas, space: Space, sizes: Sequence[int], families: Sequence[tuple[Space, ...]]
) -> tuple[tuple[Space, ...], tuple[dict[int, int], ...]]:
    """Spaces with variables of their own for the segments or cases of a space."""
    children, all_names = [], []
    for size, family in zip(sizes, families, strict=True):
        names = {variable: atlas.variable() for variable in space.variables}
        child = Space(size, space.name, family, space.state, space.permutable, list(names.values()))
        child.requirements = [Requirement(one.character.renamed(names)) for one in space.requirements]
        child.matrices = [(sign.renamed(names), matrix) for sign, matrix in space.matrices]
        child.reason = space.reason
        atlas.spaces.append(child)
        children.append(child)
        all_names.append(names)
    return tuple(children), tuple(all_names)


def _is_current(space: Space) -> bool:
    """Whether a space is neither merged nor refined."""
    return space.parent is None and space.refinement is None
