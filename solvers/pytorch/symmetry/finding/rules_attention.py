"""Attention, tables of vectors, weight normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from solvers.pytorch.symmetry.finding.arguments import Arguments, Rule
from solvers.pytorch.symmetry.finding.rules_linear import matmul, product
from solvers.pytorch.symmetry.finding.rules_shape import held_axis, permuted
from solvers.pytorch.symmetry.finding.spaces import Atlas, Items, Repeated
from solvers.pytorch.symmetry.finding.values import Value, constant, held, mapped, settled


def _attention(atlas: Atlas, args: Arguments) -> Value:
    """Softmax of scaled products of queries and keys, times values."""
    query, key, value = args.value("query"), args.value("key"), args.value("value")
    if args.get("enable_gqa"):
        heads = query.shape[-3]
        key, value = (_repeated_heads(one, heads // one.shape[-3]) for one in (key, value))
    order = (*range(key.ndim - 2), key.ndim - 1, key.ndim - 2)
    scores = matmul(atlas, query, permuted(atlas, key, order))
    mask = args.optional("attn_mask")
    if mask is not None:
        scores = mapped(atlas, scores, "any")
        scores = product(atlas, scores, mapped(atlas, mask, "any"))
    weights = mapped(atlas, scores, "any")
    if float(args.get("dropout_p", default=0.0)) > 0:
        atlas.note("dropout in training mode: units keep their places, so that the same draw gives the same output")
        atlas.pin(weights.items)
    return matmul(atlas, weights, value)


def _repeated_heads(value: Value, number: int) -> Value:
    """Every head several times, one behind the other."""
    extra: Items = (Repeated(number),) if number > 1 else ()
    return replace(value, axes=(*value.axes[:-3], value.axes[-3] + extra, *value.axes[-2:]))


def _embedding(atlas: Atlas, args: Arguments) -> Value:
    """Rows of a table."""
    weight, index = args.value("weight"), args.value("indices")
    atlas.fix(weight.axes[0], "rows are looked up by their numbers")
    mapped(atlas, index, "any")
    return settled(atlas, Value((*constant(index.shape).axes, weight.axes[1])))


def _indexed(atlas: Atlas, args: Arguments) -> Value:
    """Places of axes looked up by their numbers."""
    value = args.value("self")
    indices = args.named.get("indices") or []
    used = [dim for dim, one in enumerate(indices) if one is not None]
    contiguous = used == list(range(used[0], used[-1] + 1)) if used else False
    if not contiguous or any(isinstance(one, Value) and not one.constant for one in indices):
        return held(atlas, value, args.shape, "places are looked up")
    for dim in used:
        value = held_axis(atlas, value, dim, value.shape[dim])
    number = len(args.shape) - (value.ndim - len(used))
    new = constant(args.shape[used[0] : used[0] + number]).axes
    return settled(atlas, Value((*value.axes[: used[0]], *new, *value.axes[used[-1] + 1 :])))


def _index_select(atlas: Atlas, args: Arguments) -> Value:
    """Places of one axis looked up by their numbers."""
    value = args.value("self")
    dim = args.dimension(value)
    return held_axis(atlas, value, dim, args.shape[dim])


def _weight_norm(atlas: Atlas, args: Arguments) -> Value:
    """A direction times a length: the length of the direction does not matter, its own scaling is free."""
    direction, length = args.value("v"), args.value("g")
    dim = args.dimension(direction, default=0)
    for other, axis in enumerate(direction.axes):
        if other == dim:
            atlas.break_up(axis)
            continue
        if not args.extra.get("followed"):
            for item in atlas.occurrences(axis):
                atlas.require(item.space, item.character.magnitude())
    normed = _only_direction(atlas, direction, dim)
    return product(atlas, normed, length)


def _only_direction(atlas: Atlas, value: Value, dim: int) -> Value:
    """The value with the signs alone of the factors along an axis."""
    one = mapped(atlas, Value((value.axes[dim],)), "direction")
    return settled(atlas, replace(value, axes=(*value.axes[:dim], one.axes[0], *value.axes[dim + 1 :])))


RULES: Mapping[str, Rule] = {
    "embedding": _embedding,
    "index": _indexed,
    "index_select": _index_select,
    "scaled_dot_product_attention": _attention,
    "_weight_norm": _weight_norm,
    "_weight_norm_interface": _weight_norm,
}
