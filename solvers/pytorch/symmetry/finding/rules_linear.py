"""Linear maps: products of matrices, sums over axes, convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from solvers.pytorch.symmetry.finding.arguments import Arguments, Rule
from solvers.pytorch.symmetry.finding.axes import Unmatched, regroup
from solvers.pytorch.symmetry.finding.frames import Frame
from solvers.pytorch.symmetry.finding.joining import Dual, Product, Same
from solvers.pytorch.symmetry.finding.spaces import (
    Atlas,
    Choice,
    Fixed,
    Item,
    Items,
    Occurrence,
    State,
    items_size,
)
from solvers.pytorch.symmetry.finding.values import Value, combined, constant, held, settled, shared, tied


def added(atlas: Atlas, left: Value, right: Value | None) -> Value:
    """The sum of two values."""
    if right is None or (right.zero and right.ndim <= left.ndim):
        return left
    if left.zero and left.ndim <= right.ndim and items_size(left.items) <= items_size(right.items):
        return right
    return combined(atlas, Same(atlas), left, right)


def product(atlas: Atlas, left: Value, right: Value) -> Value:
    """The product of two values, unit by unit."""
    for value, vector in ((left, right), (right, left)):
        framed = measured_by(atlas, value, vector)
        if framed is not None:
            return framed
    result = combined(atlas, Product(atlas), left, right)
    return replace(result, zero=left.zero or right.zero)


def measured_by(atlas: Atlas, value: Value, vector: Value) -> Value | None:
    """The value times a parameter along its last axis, in the frame of that, where linear maps act on the axis."""
    name = atlas.vectors.get(id(vector))
    if name is None or value.ndim < 2 or vector.ndim != 1:
        return None
    (own,), last = vector.axes[0], atlas.resolved(value.axes[-1])
    if not isinstance(own, Occurrence) or own.space.parent is not None or own.space.refinement is not None:
        return None
    if name not in atlas.frames and own.space.state is not State.LINEAR:
        return None
    if len(last) != 1 or not isinstance(last[0], Occurrence) or last[0].size != own.size:
        return None
    space = last[0].space
    if space.state is not State.LINEAR or space is own.space:
        return None
    # What coordinates are measured by is read elsewhere: no linear map may act on it.
    atlas.fix(vector.items, "coordinates are measured by it")
    atlas.frames.add(name)
    space.framed = True
    return replace(value, axes=(*value.axes[:-1], (replace(last[0], frame=last[0].frame + Frame.of(name)),)))


def counts(named: Mapping[str, Any]) -> bool:
    """Whether an operation makes whole numbers of what it reads first."""
    dtype = named.get("dtype")
    return isinstance(dtype, torch.dtype) and not (dtype.is_floating_point or dtype.is_complex)


def contracted(atlas: Atlas, left: Items, right: Items, *, beside: Items = ()) -> None:
    """The sum over an axis of products; ``beside`` are the factors that are the same on both sides elsewhere.

    What acts on the axis is undone on the other side at the same places of these factors, and of no others: it does
    not depend on a unit of a space that numbers the rows of one side and the columns of the other.
    """
    Dual(atlas).join(left, right)
    tied(atlas, (*shared(atlas, left, right), *atlas.resolved(beside)))


def both_have(atlas: Atlas, left: Value, right: Value) -> Items:
    """The factors that are the same on axes of two values that were multiplied unit by unit."""
    pairs = zip(reversed(left.axes), reversed(right.axes), strict=False)
    return tuple(item for one, other in pairs for item in shared(atlas, one, other))


def summed(atlas: Atlas, value: Value, dims: tuple[int, ...], shape: tuple[int, ...]) -> Value:
    """The sum over axes; the other axes stay."""
    for dim in dims:
        if any(isinstance(item, Choice) for item in atlas.resolved(value.axes[dim])):
            return held(atlas, value, shape, "a sum over different things")
        Dual(atlas).lonely(value.axes[dim])
    kept: tuple[Items, ...] = tuple(
        () if position in dims else axis
        for position, axis in enumerate(value.axes)
        if position not in dims or len(shape) == value.ndim
    )
    return settled(atlas, replace(value, axes=kept))


def linear(atlas: Atlas, value: Value, weight: Value, bias: Value | None) -> Value:
    """The affine map of the last axis."""
    contracted(atlas, value.axes[-1], weight.axes[-1])
    out = weight.axes[:1] if weight.ndim > 1 else ()
    result = Value((*value.axes[:-1], *out), zero=value.zero)
    result = settled(atlas, result)
    return result if bias is None else added(atlas, result, bias)


def matmul(atlas: Atlas, left: Value, right: Value) -> Value:
    """The product of matrices, batched as usual."""
    if right.ndim == 1:
        contracted(atlas, left.axes[-1], right.axes[0])
        return settled(atlas, Value(left.axes[:-1], zero=left.zero or right.zero))
    contracted_axes = left.axes[-1], right.axes[-2]
    rows, columns = left.axes[:-1][-1:], right.axes[-1:]
    outer = Value(left.axes[:-2]), Value(right.axes[:-2])
    batch = combined(atlas, Product(atlas), *outer)
    contracted(atlas, *contracted_axes, beside=both_have(atlas, *outer))
    return settled(atlas, Value((*batch.axes, *rows, *columns), zero=left.zero or right.zero))


def einsum(atlas: Atlas, equation: str, operands: tuple[Value, ...], shape: tuple[int, ...]) -> Value:
    """A sum of products over named axes."""
    text = equation.replace(" ", "")
    inputs, _, output = text.partition("->")
    names = inputs.split(",")
    if "." in text or "->" not in text or any(len(set(name)) != len(name) for name in names):
        for operand in operands:
            atlas.fix(operand.items, "einsum with dots or repeated names")
        return constant(shape)
    places: dict[str, list[Items]] = {}
    for name, operand in zip(names, operands, strict=True):
        for letter, axis in zip(name, operand.axes, strict=True):
            places.setdefault(letter, []).append(axis)
    found: dict[str, Items] = {}
    for letter in sorted(places, key=lambda one: one not in output):
        axes = places[letter]
        if letter in output:
            found[letter] = axes[0]
            for other in axes[1:]:
                found[letter] = Product(atlas).join(found[letter], other)
        elif len(axes) == 2:
            Dual(atlas).join(*axes)
        else:
            joint = axes[0]
            for other in axes[1:]:
                joint = Product(atlas).join(joint, other)
            Dual(atlas).lonely(joint)
    for letter in sorted(set(places) - set(output)):
        owners = [dict(zip(name, one.axes, strict=True)) for name, one in zip(names, operands, strict=True)]
        _tied_owners(atlas, [one for one in owners if letter in one])
    return settled(atlas, Value(tuple(found[letter] for letter in output)))


def _tied_owners(atlas: Atlas, owners: list[dict[str, Items]]) -> None:
    """Let what acts on the axes of operands that are summed over one of them depend on what they have in common."""
    common: list[Item] = []
    for letter in sorted(set.intersection(*(set(one) for one in owners))):
        axis = owners[0][letter]
        for other in owners[1:]:
            axis = shared(atlas, axis, other[letter])
        common += axis
    tied(atlas, tuple(common))


def convolution(atlas: Atlas, args: Arguments, *, transposed: bool = False) -> Value:
    """A convolution over the channels, in groups; positions are not acted on."""
    value, weight, bias = args.value("input"), args.value("weight"), args.optional("bias")
    groups, spatial = int(args.get("groups", default=1)), weight.ndim - 2
    for axis in (*value.axes[-spatial:], *weight.axes[2:]):
        atlas.fix(axis, "a convolution over the axis")
    channels: Items = value.axes[-spatial - 1]
    beside: Items = ()
    into, out = (weight.axes[0], weight.axes[1]) if transposed else (weight.axes[1], weight.axes[0])
    if groups > 1:
        try:
            outer, channels = regroup(atlas, channels, (groups, items_size(channels) // groups))
            whole = into if transposed else out
            group, rest = regroup(atlas, whole, (groups, items_size(whole) // groups))
        except Unmatched:
            for one in args.values:
                atlas.fix(one.items, "a convolution in groups across segments")
            return constant(args.shape)
        joint = Product(atlas).join(outer, group)
        beside = shared(atlas, outer, group)
        into, out = (rest, joint + out) if transposed else (into, joint + rest)
    contracted(atlas, channels, into, beside=beside)
    positions: tuple[Items, ...] = tuple((Fixed(size),) for size in args.shape[-spatial:])
    result = settled(atlas, Value((*value.axes[: -spatial - 1], out, *positions)))
    if bias is None:
        return result
    return added(atlas, result, Value((*bias.axes, *((),) * spatial)))


def _matmul(atlas: Atlas, args: Arguments) -> Value:
    """The two matrices of matmul, mm, bmm and mv."""
    left, right = args.values
    if left.ndim == 1:
        contracted(atlas, left.axes[0], right.axes[-2])
        return settled(atlas, Value((*right.axes[:-2], right.axes[-1])))
    return matmul(atlas, left, right)


def _addmm(atlas: Atlas, args: Arguments) -> Value:
    """A matrix plus a product of matrices."""
    first, left, right = args.values
    return added(atlas, matmul(atlas, left, right), first if args.get("beta", default=1) else None)


def _linear(atlas: Atlas, args: Arguments) -> Value:
    """An affine layer."""
    return linear(atlas, args.value("input"), args.value("weight"), args.optional("bias"))


def _bilinear(atlas: Atlas, args: Arguments) -> Value:
    """A bilinear layer."""
    one, other, weight = args.value("input1"), args.value("input2"), args.value("weight")
    batch = combined(atlas, Product(atlas), Value(one.axes[:-1]), Value(other.axes[:-1]))
    contracted(atlas, one.axes[-1], weight.axes[1])
    contracted(atlas, other.axes[-1], weight.axes[2])
    result = settled(atlas, Value((*batch.axes, weight.axes[0])))
    return added(atlas, result, args.optional("bias"))


def _convolution(atlas: Atlas, args: Arguments) -> Value:
    """A convolution, transposed or not."""
    return convolution(atlas, args, transposed="transpose" in args.operation or bool(args.get("transposed")))


def _sum(atlas: Atlas, args: Arguments) -> Value:
    """A sum or mean."""
    value = args.value()
    if counts(args.named):
        return held(atlas, value, args.shape, "a sum of whole numbers")
    return summed(atlas, value, args.dimensions(value), args.shape)


def _einsum(atlas: Atlas, args: Arguments) -> Value:
    """A sum of products over named axes."""
    return einsum(atlas, args.get("equation"), args.values, args.shape)


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot"), _matmul),
    **dict.fromkeys(("addmm", "baddbmm"), _addmm),
    **dict.fromkeys(("sum", "mean"), _sum),
    **dict.fromkeys(
        ("conv1d", "conv2d", "conv3d", "convolution", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        _convolution,
    ),
    "linear": _linear,
    "bilinear": _bilinear,
    "einsum": _einsum,
}
