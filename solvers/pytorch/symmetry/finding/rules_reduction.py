"""Normalisations, softmax, pooling, lookups: operations that reduce or divide by what they reduce."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from solvers.pytorch.symmetry.finding.arguments import Arguments, Rule
from solvers.pytorch.symmetry.finding.axes import Unmatched, regroup
from solvers.pytorch.symmetry.finding.joining import Same
from solvers.pytorch.symmetry.finding.rules_linear import added, matmul, product
from solvers.pytorch.symmetry.finding.rules_shape import held_axis, permuted
from solvers.pytorch.symmetry.finding.spaces import Atlas, Cases, Fixed, Items, Occurrence, Repeated, Sum
from solvers.pytorch.symmetry.finding.values import Value, combined, constant, held, mapped, settled


def normalised(atlas: Atlas, value: Value, dims: tuple[int, ...], *, epsilon: float, centred: bool) -> Value:
    """The value divided by its size over axes, its mean over them taken away where ``centred``.

    Without epsilon a factor common to all units vanishes; with it, only signs pass, all alike where there is a mean.
    """
    atlas.break_up(value.items)
    inside: Items = tuple(item for dim in dims for item in atlas.resolved(value.axes[dim]))
    acted = atlas.occurrences(inside)
    alone = len(acted) == 1 and not any(isinstance(item, Sum | Cases) for item in inside)
    alone = alone and not atlas.family(acted[0].space) if acted else False
    for item in acted:
        space, log, sign = item.space, item.character.magnitude(), item.character.direction()
        if alone and epsilon == 0:
            atlas.require(space, log, constant=True)
        else:
            atlas.require(space, log)
        if centred:
            atlas.require(space, sign, constant=alone)
    outside = tuple(item for dim, axis in enumerate(value.axes) if dim not in dims for item in axis)
    if epsilon != 0:
        for item in atlas.occurrences(outside):
            atlas.require(item.space, item.character.magnitude())
    return replace(mapped(atlas, value, "direction"), zero=False)


def affine(atlas: Atlas, value: Value, weight: Value | None, bias: Value | None, *, trailing: int = 0) -> Value:
    """The value times a weight plus a bias, which have as many axes fewer at the end."""
    extra: tuple[Items, ...] = ((),) * trailing
    if weight is not None:
        value = product(atlas, value, replace(weight, axes=weight.axes + extra))
    if bias is not None:
        value = added(atlas, value, replace(bias, axes=bias.axes + extra))
    return value


def _layer_norm(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """Layer normalisation."""
    value = args.value("input")
    dims = tuple(range(value.ndim - len(args.get("normalized_shape")), value.ndim))
    epsilon = float(args.named.get("eps", 1e-5))
    result = normalised(atlas, value, dims, epsilon=epsilon, centred=True)
    result = affine(atlas, result, args.optional("weight"), args.optional("bias"))
    return _several(atlas, result, args)


def _rms_norm(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """Root-mean-square normalisation; without a given epsilon it is that of the precision."""
    value = args.value("input")
    dims = tuple(range(value.ndim - len(args.get("normalized_shape")), value.ndim))
    epsilon = args.named.get("eps")
    result = normalised(atlas, value, dims, epsilon=1e-7 if epsilon is None else float(epsilon), centred=False)
    return _several(atlas, affine(atlas, result, args.optional("weight"), None), args)


def _group_norm(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """Normalisation over the channels of each group and over positions."""
    value, groups = args.value("input"), int(args.get("num_groups", "group"))
    channels = value.shape[1]
    try:
        outer, inner = regroup(atlas, value.axes[1], (groups, channels // groups))
    except Unmatched:
        return held(atlas, value, args.shape, "groups of channels across segments")
    whole = Value((value.axes[0], outer, inner, *value.axes[2:]))
    atlas.break_up(whole.items)
    epsilon = float(args.named.get("eps", 1e-5))
    for item in atlas.occurrences(inner):
        own = len(atlas.occurrences(inner)) == 1 and all(
            isinstance(one, Occurrence) and member is one.space
            for member in atlas.family(item.space)
            for one in atlas.resolved(outer)
        )
        atlas.require(item.space, item.character.direction(), constant=own)
        atlas.require(item.space, item.character.magnitude(), constant=own and epsilon == 0)
    positions = tuple(range(3, whole.ndim))
    for dim in positions:
        atlas.fix(whole.axes[dim], "normalisation over the axis")
    for item in atlas.occurrences(outer):
        if epsilon != 0:
            atlas.require(item.space, item.character.magnitude())
    result = mapped(atlas, whole, "direction")
    result = Value((result.axes[0], result.axes[1] + result.axes[2], *result.axes[3:]))
    trailing = value.ndim - 2
    result = affine(atlas, result, args.optional("weight"), args.optional("bias"), trailing=trailing)
    return _several(atlas, result, args)


def _batch_norm(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """Batch or instance normalisation: each channel by itself, or an affine map by running statistics."""
    value, epsilon = args.value("input"), float(args.named.get("eps", 1e-5))
    mean, variance = args.optional("running_mean"), args.optional("running_var")
    training = bool(args.get("training", "use_input_stats", default=True))
    weight, bias, trailing = args.optional("weight"), args.optional("bias"), value.ndim - 2
    extra: tuple[Items, ...] = ((),) * trailing
    if "no_training" in args.operation:
        training = False
    channels = Value((value.axes[1],))
    if mean is not None and variance is not None:
        if mean.constant:
            atlas.fix(value.axes[1], "running statistics are held fixed")
        moved = combined(atlas, Same(atlas), mapped(atlas, channels, "linear"), mean)
        if training:
            combined(atlas, Same(atlas), mapped(atlas, moved, 2), variance)
        value = replace(value, axes=(value.axes[0], moved.axes[0], *value.axes[2:]))
    if training or mean is None or variance is None:
        for dim in (0, *range(2, value.ndim)):
            atlas.fix(value.axes[dim], "normalisation over the axis")
        atlas.break_up(value.items)
        for item in atlas.occurrences(value.axes[1]):
            if epsilon != 0:
                atlas.require(item.space, item.character.magnitude())
        result = mapped(atlas, value, "direction")
    else:
        spread = mapped(atlas, variance, "any" if epsilon else -0.5)
        result = product(atlas, value, replace(spread, axes=spread.axes + extra))
    result = affine(atlas, result, weight, bias, trailing=trailing)
    if len(args.shapes) == 1:
        return result
    others = [constant(shape) for shape in args.shapes[1:]]
    if len(args.shapes) == 5 and mean is not None and variance is not None:
        others[2:] = [mean, variance]
    return (result, *others)


def _several(atlas: Atlas, result: Value, args: Arguments) -> Value | tuple[Value, ...]:
    """The result alone, or with others beside it; where something reads those, nothing may act."""
    if len(args.shapes) == 1:
        return result
    if any(place in args.extra.get("used", ()) for place in range(1, len(args.shapes))):
        for value in (*args.values, result):
            atlas.fix(value.items, f"statistics or places of {args.operation} are read")
    return (result, *(constant(shape) for shape in args.shapes[1:]))


def _any_along(atlas: Atlas, args: Arguments) -> Value:
    """Softmax and its kin: units may change places, and nothing else."""
    return mapped(atlas, args.value(), "any")


def _extremes(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """Reductions that see the order or size of units, but not which is which."""
    value = mapped(atlas, args.value(), "any")
    dims = args.dimensions(value)
    kept = len(args.shape) == value.ndim
    axes = tuple(() if dim in dims else axis for dim, axis in enumerate(value.axes) if dim not in dims or kept)
    result = settled(atlas, Value(axes))
    return result if len(args.shapes) == 1 else (result,) * len(args.shapes)


def _places(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """Operations that say at which place something is, or add up along an axis."""
    value = args.value()
    shapes = args.shapes
    kind = "linear" if args.operation == "cumsum" else "any"
    value = mapped(atlas, value, kind)  # type: ignore[arg-type]
    dims = args.dimensions(value)
    results = []
    for shape in shapes:
        one = value
        for dim in dims:
            one = held_axis(atlas, one, dim, shape[dim] if len(shape) == value.ndim else 1)
        if len(shape) < value.ndim:
            one = Value(tuple(axis for dim, axis in enumerate(one.axes) if dim not in dims))
        results.append(settled(atlas, one))
    return results[0] if len(results) == 1 else tuple(results)


def _pool(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """Pooling and resampling of positions: linear, or with positive factors where it takes the largest."""
    value = args.value()
    found = re.search(r"pool(\d)d", args.operation)
    number = int(found.group(1)) if found else value.ndim - 2
    if "max" in args.operation:
        value = mapped(atlas, value, "positive")
    for axis in value.axes[-number:]:
        atlas.fix(axis, "pooling over the axis")
    positions: tuple[Items, ...] = tuple((Fixed(size),) for size in args.shape[-number:])
    result = settled(atlas, replace(value, axes=value.axes[:-number] + positions))
    return _several(atlas, result, args)


def _pad(atlas: Atlas, args: Arguments) -> Value:
    """Padding: by zeros or by what is there it is linear, by other numbers not."""
    value = args.value()
    filled = args.get("value", default=0) not in (0, None) and args.get("mode", default="constant") == "constant"
    value = mapped(atlas, value, "any") if filled else value
    for dim, (size, old) in enumerate(zip(args.shape, value.shape, strict=True)):
        if size != old:
            value = held_axis(atlas, value, dim, size)
    return value


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


def _weight_norm(atlas: Atlas, args: Arguments) -> Value:
    """A direction times a length: the length of the direction does not matter, its own scaling is free."""
    direction, length = args.value("v"), args.value("g")
    dim = args.dimension(direction, default=0)
    for other, axis in enumerate(direction.axes):
        if other == dim:
            atlas.break_up(axis)
            continue
        for item in atlas.occurrences(axis):
            atlas.require(item.space, item.character.magnitude())
    normed = _only_direction(atlas, direction, dim)
    return product(atlas, normed, length)


def _only_direction(atlas: Atlas, value: Value, dim: int) -> Value:
    """The value with the signs alone of the factors along an axis."""
    one = mapped(atlas, Value((value.axes[dim],)), "direction")
    return settled(atlas, replace(value, axes=(*value.axes[:dim], one.axes[0], *value.axes[dim + 1 :])))


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("layer_norm", "native_layer_norm"), _layer_norm),
    **dict.fromkeys(("rms_norm", "_fused_rms_norm"), _rms_norm),
    **dict.fromkeys(("group_norm",), _group_norm),
    **dict.fromkeys(("batch_norm", "instance_norm", "_native_batch_norm_legit_functional"), _batch_norm),
    **dict.fromkeys(("_native_batch_norm_legit_no_training", "_native_batch_norm_legit"), _batch_norm),
    **dict.fromkeys(("softmax", "log_softmax", "_softmax", "_log_softmax", "logcumsumexp"), _any_along),
    **dict.fromkeys(("amax", "amin", "logsumexp", "std", "var", "prod", "norm", "linalg_vector_norm"), _extremes),
    **dict.fromkeys(("cumsum", "cumprod", "sort", "topk", "argmax", "argmin", "max", "min"), _places),
    **dict.fromkeys(
        [f"{kind}_pool{n}d" for kind in ("avg", "max", "adaptive_avg", "adaptive_max", "lp") for n in (1, 2, 3)], _pool
    ),
    **dict.fromkeys([f"max_pool{n}d_with_indices" for n in (2, 3)], _pool),
    **dict.fromkeys([f"upsample_{kind}" for kind in ("nearest1d", "nearest2d", "bilinear2d", "linear1d")], _pool),
    **dict.fromkeys(("pad", "constant_pad_nd", "reflection_pad2d", "replication_pad2d"), _pad),
    "embedding": _embedding,
    "index": _indexed,
    "index_select": _index_select,
    "scaled_dot_product_attention": _attention,
    "_weight_norm": _weight_norm,
    "_weight_norm_interface": _weight_norm,
}
