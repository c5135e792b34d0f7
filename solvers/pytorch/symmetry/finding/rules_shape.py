"""Views, selections and concatenations: axes are renamed, divided and put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from solvers.pytorch.symmetry.finding.arguments import Arguments, Rule
from solvers.pytorch.symmetry.finding.axes import Unmatched, open_choice, picked, segments
from solvers.pytorch.symmetry.finding.rules_linear import product
from solvers.pytorch.symmetry.finding.spaces import (
    Atlas,
    Cases,
    Choice,
    Fixed,
    Items,
    Occurrence,
    Repeated,
    Sum,
    items_size,
)
from solvers.pytorch.symmetry.finding.values import Value, constant, held, joined, mapped, reshaped, settled


def permuted(atlas: Atlas, value: Value, order: Sequence[int]) -> Value:
    """The value with its axes in another order."""
    return settled(atlas, replace(value, axes=tuple(value.axes[position] for position in order)))


def without_axes(atlas: Atlas, value: Value, dims: Sequence[int]) -> Value:
    """The value without axes of size one; what acts on their unit goes to an axis beside them."""
    axes: list[Items] = []
    carried: Items = ()
    for position, axis in enumerate(value.axes):
        if position in dims and items_size(axis) == 1:
            carried += tuple(item for item in atlas.resolved(axis) if isinstance(item, Occurrence | Sum))
        else:
            axes.append(carried + axis)
            carried = ()
    if carried and axes:
        axes[-1] += carried
    elif carried:
        atlas.fix(carried, "a single number")
    return settled(atlas, replace(value, axes=tuple(axes)))


def selected(atlas: Atlas, value: Value, dim: int, index: int) -> Value:
    """The value at one place of an axis."""
    axis = open_choice(atlas, value.axes[dim])
    rest = tuple(atlas.resolved(one) for position, one in enumerate(value.axes) if position != dim)
    if any(isinstance(item, Choice) for item in axis):
        if len(axis) > 1:
            return held(atlas, value, tuple(items_size(one) for one in rest), "one unit is selected")
        rest = tuple(picked(one, index % items_size(axis)) for one in rest)
    else:
        atlas.fix(axis, "one unit is selected")
    return settled(atlas, replace(value, axes=rest))


def segmented(atlas: Atlas, value: Value, dim: int, sizes: Sequence[int]) -> tuple[Value, ...]:
    """The value cut along an axis."""
    axis = atlas.resolved(value.axes[dim])
    shapes = [tuple(size if position == dim else n for position, n in enumerate(value.shape)) for size in sizes]
    others = [item for position, one in enumerate(value.axes) if position != dim for item in atlas.resolved(one)]
    chosen = any(isinstance(item, Choice) for item in axis) or (
        len(axis) == 1 and isinstance(axis[0], Occurrence) and set(sizes) == {1} and len(sizes) > 1
    )
    if chosen and set(sizes) == {1} and len(sizes) > 1:
        return tuple(with_axis(selected(atlas, value, dim, number), dim) for number in range(len(sizes)))
    try:
        if chosen and any(isinstance(item, Cases) for item in others):
            raise Unmatched
        parts = segments(atlas, axis, sizes)
    except Unmatched:
        return tuple(held(atlas, value, shape, "an axis is cut across its factors") for shape in shapes)
    pieces = [replace(value, axes=(*value.axes[:dim], part, *value.axes[dim + 1 :])) for part in parts]
    return tuple(settled(atlas, piece) for piece in pieces)


def with_axis(value: Value, dim: int) -> Value:
    """The value with a new axis of size one."""
    return replace(value, axes=(*value.axes[:dim], (), *value.axes[dim:]))


def concatenated(atlas: Atlas, values: Sequence[Value], dim: int) -> Value:
    """Values one behind the other along an axis; they must be acted on alike along the others."""
    values = [value for value in values if 0 not in value.shape] or list(values[:1])
    dim %= values[0].ndim
    parts = [atlas.resolved(value.axes[dim]) for value in values]
    rest = [replace(value, axes=(*value.axes[:dim], (), *value.axes[dim + 1 :])) for value in values]
    common = joined(atlas, rest)
    parts = [atlas.resolved(part) for part in parts]
    if all(isinstance(item, Fixed | Repeated) for part in parts for item in part):
        axis: Items = (Fixed(sum(items_size(part) for part in parts)),)
    else:
        axis = (Sum(tuple(part or (Fixed(1),) for part in parts)),)
    zero = all(value.zero for value in values)
    result = replace(common, axes=(*common.axes[:dim], axis, *common.axes[dim + 1 :]), zero=zero)
    return settled(atlas, replace(result, constant=all(value.constant for value in values)))


def expanded(atlas: Atlas, value: Value, shape: Sequence[int]) -> Value:
    """The value repeated along axes of size one, and along new ones in front."""
    axes = ((),) * (len(shape) - value.ndim) + value.axes
    found = tuple(
        (*axis, Repeated(size)) if items_size(axis) != size else axis for axis, size in zip(axes, shape, strict=True)
    )
    return settled(atlas, replace(value, axes=found))


def _view(atlas: Atlas, args: Arguments) -> Value:
    """The value in the shape of the result."""
    return reshaped(atlas, args.value(), args.shape)


def _permute(atlas: Atlas, args: Arguments) -> Value:
    """Axes in another order."""
    value = args.value()
    return permuted(atlas, value, args.dimensions(value, "dims"))


def _transpose(atlas: Atlas, args: Arguments) -> Value:
    """Two axes exchanged."""
    value = args.value()
    order = list(range(value.ndim))
    if args.operation == "t":
        return permuted(atlas, value, order[::-1])
    first, second = args.dimension(value, "dim0"), args.dimension(value, "dim1")
    order[first], order[second] = second, first
    return permuted(atlas, value, order)


def _unsqueeze(atlas: Atlas, args: Arguments) -> Value:
    """A new axis of size one."""
    value = args.value()
    return with_axis(value, int(args.get("dim", default=0)) % (value.ndim + 1))


def _squeeze(atlas: Atlas, args: Arguments) -> Value:
    """Axes of size one removed."""
    value = args.value()
    return without_axes(atlas, value, args.dimensions(value))


def _expand(atlas: Atlas, args: Arguments) -> Value:
    """The value repeated to the shape of the result."""
    return expanded(atlas, args.value(), args.shape)


def _repeat(atlas: Atlas, args: Arguments) -> Value:
    """The value several times along axes."""
    value = args.value()
    axes = ((),) * (len(args.shape) - value.ndim) + value.axes
    found: list[Items] = []
    for axis, size in zip(axes, args.shape, strict=True):
        number = size // max(items_size(axis), 1)
        inner = args.operation == "repeat_interleave"
        extra: Items = (Repeated(number),) if number > 1 else ()
        found.append(axis + extra if inner else extra + axis)
    return settled(atlas, replace(value, axes=tuple(found)))


def _select(atlas: Atlas, args: Arguments) -> Value:
    """One place of an axis."""
    value = args.value()
    return selected(atlas, value, args.dimension(value, default=0), int(args.named["index"]))


def _slice(atlas: Atlas, args: Arguments) -> Value:
    """A range of an axis."""
    value = args.value()
    dim = args.dimension(value, default=0)
    size, start = value.shape[dim], int(args.get("start", default=0))
    start = min(start % size if start < 0 else start, size)
    length = args.shape[dim]
    if length == size:
        return value
    if args.get("step", default=1) != 1 or length == 0:
        return held_axis(atlas, value, dim, args.shape[dim])
    sizes = [part for part in (start, length, size - start - length) if part]
    return segmented(atlas, value, dim, sizes)[1 if start else 0]


def held_axis(atlas: Atlas, value: Value, dim: int, size: int) -> Value:
    """The value with an axis of another size on which nothing acts."""
    atlas.fix(value.axes[dim], "units of the axis are taken apart")
    if any(isinstance(item, Choice) for item in atlas.resolved(value.axes[dim])):
        shape = tuple(size if position == dim else n for position, n in enumerate(value.shape))
        return held(atlas, value, shape, "units of the axis are taken apart")
    return settled(atlas, replace(value, axes=(*value.axes[:dim], (Fixed(size),), *value.axes[dim + 1 :])))


def _split(atlas: Atlas, args: Arguments) -> tuple[Value, ...]:
    """An axis cut into segments."""
    value = args.value()
    dim = args.dimension(value, default=0)
    return segmented(atlas, value, dim, [shape[dim] for shape in args.shapes])


def _unbind(atlas: Atlas, args: Arguments) -> tuple[Value, ...]:
    """All places of an axis."""
    value = args.value()
    dim = args.dimension(value, default=0)
    return tuple(selected(atlas, value, dim, number) for number in range(value.shape[dim]))


def _cat(atlas: Atlas, args: Arguments) -> Value:
    """Values one behind the other."""
    return concatenated(atlas, args.values, int(args.named.get("dim", 0)))


def _stack(atlas: Atlas, args: Arguments) -> Value:
    """Values along a new axis."""
    dim = int(args.named.get("dim", 0)) % len(args.shape)
    return concatenated(atlas, [with_axis(value, dim) for value in args.values], dim)


def _scatter(atlas: Atlas, args: Arguments) -> Value:
    """A range of an axis exchanged for another value."""
    value, source = args.value("self", "input"), args.value("src")
    dim = args.dimension(value, default=0)
    size = value.shape[dim]
    if args.operation == "select_scatter":
        source, start = with_axis(source, dim), int(args.named["index"]) % size
    else:
        start = int(args.get("start", default=0)) % size
    if args.get("step", default=1) != 1:
        return held(atlas, Value((*value.axes, *source.axes)), args.shape, "units are written one by one")
    length = source.shape[dim]
    if length == size:
        return source
    sizes = [part for part in (start, length, size - start - length) if part]
    parts = list(segmented(atlas, value, dim, sizes))
    parts[1 if start else 0] = source
    return concatenated(atlas, parts, dim)


def _copy(atlas: Atlas, args: Arguments) -> Value:
    """What was written over a value."""
    return expanded(atlas, args.value("src"), args.shape)


def _triangle(atlas: Atlas, args: Arguments) -> Value:
    """The lower or upper triangle: a product with a constant mask."""
    return product(atlas, args.value(), constant(args.shape[-2:]))


def _turn(atlas: Atlas, args: Arguments) -> Value:
    """Axes reversed or rolled."""
    value = args.value()
    for dim in args.dimensions(value, "dims"):
        value = held_axis(atlas, value, dim, value.shape[dim])
    return value


def _gated(atlas: Atlas, args: Arguments) -> Value:
    """A gated linear unit: one half times the sigmoid of the other."""
    value = args.value()
    dim = args.dimension(value)
    one, other = segmented(atlas, value, dim, (value.shape[dim] // 2,) * 2)
    return product(atlas, one, mapped(atlas, other, "any"))


def _item(atlas: Atlas, args: Arguments) -> Any:
    """One of several results."""
    return args.extra["container"][args.extra["index"]]


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("view", "reshape", "_unsafe_view", "flatten", "unflatten", "view_as", "reshape_as"), _view),
    "_reshape_alias": _view,
    "permute": _permute,
    **dict.fromkeys(("transpose", "t", "swapaxes", "swapdims"), _transpose),
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    **dict.fromkeys(("expand", "expand_as", "broadcast_to"), _expand),
    **dict.fromkeys(("repeat", "tile", "repeat_interleave"), _repeat),
    "select": _select,
    **dict.fromkeys(("slice", "narrow"), _slice),
    **dict.fromkeys(("split", "split_with_sizes", "chunk", "unsafe_split", "unsafe_chunk", "tensor_split"), _split),
    "unbind": _unbind,
    **dict.fromkeys(("cat", "concat"), _cat),
    "stack": _stack,
    **dict.fromkeys(("slice_scatter", "select_scatter"), _scatter),
    "copy": _copy,
    **dict.fromkeys(("tril", "triu"), _triangle),
    **dict.fromkeys(("flip", "roll"), _turn),
    "glu": _gated,
    "getitem": _item,
}
