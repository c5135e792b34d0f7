"""Normalisations, softmax, pooling: operations that reduce or divide by what they reduce."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from solvers.pytorch.symmetry.finding.arguments import Arguments, Rule
from solvers.pytorch.symmetry.finding.axes import Unmatched, regroup
from solvers.pytorch.symmetry.finding.frames import Metric
from solvers.pytorch.symmetry.finding.joining import Same
from solvers.pytorch.symmetry.finding.rules_linear import added, product
from solvers.pytorch.symmetry.finding.rules_shape import held_axis
from solvers.pytorch.symmetry.finding.spaces import Atlas, Cases, Fixed, Items, Occurrence, State, Sum
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


def turned(atlas: Atlas, value: Value, *, epsilon: float, centred: bool = False) -> Value | None:
    """The value divided by its length along the last axis, on which orthogonal maps stay, if all linear maps act there.

    The length of a vector is the same after an orthogonal map, and its mean after one that keeps the vector of ones; on
    the other axes units may change places and signs.
    """
    last = atlas.resolved(value.axes[-1])
    if len(last) != 1 or not isinstance(last[0], Occurrence) or last[0].size == 1 or epsilon == 0:
        return None
    space = last[0].space
    beside = replace(value, axes=(*value.axes[:-1], ()))
    if space.state is not State.LINEAR or space in {item.space for item in atlas.occurrences(beside.items)}:
        return None
    atlas.require(space, last[0].character.magnitude())
    space.metrics.append(Metric(last[0].frame.turned(last[0].turn), centred))
    for item in atlas.occurrences(beside.items):
        atlas.require(item.space, item.character.magnitude())
    beside = mapped(atlas, beside, "direction")
    return settled(atlas, replace(beside, axes=(*beside.axes[:-1], last), zero=False))


def _epsilon(atlas: Atlas, args: Arguments) -> float:
    """What is added to a variance; where it is not given it is that of the precision, and not zero."""
    found = args.named.get("eps", 1e-5)
    return 0.0 if atlas.without_epsilon else 1e-7 if found is None else float(found)


def affine(atlas: Atlas, value: Value, weight: Value | None, bias: Value | None, *, trailing: int = 0) -> Value:
    """The value times a weight plus a bias, which have as many axes fewer at the end."""
    extra: tuple[Items, ...] = ((),) * trailing
    if weight is not None:
        value = product(atlas, value, replace(weight, axes=weight.axes + extra) if extra else weight)
    if bias is not None:
        value = added(atlas, value, replace(bias, axes=bias.axes + extra))
    return value


def _layer_norm(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """Layer normalisation."""
    value = args.value("input")
    dims = tuple(range(value.ndim - len(args.get("normalized_shape")), value.ndim))
    epsilon = _epsilon(atlas, args)
    result = turned(atlas, value, epsilon=epsilon, centred=True) if len(dims) == 1 and atlas.framing else None
    result = result or normalised(atlas, value, dims, epsilon=epsilon, centred=True)
    result = affine(atlas, result, args.optional("weight"), args.optional("bias"))
    return _several(atlas, result, args)


def _rms_norm(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """Root-mean-square normalisation; without a given epsilon it is that of the precision."""
    value = args.value("input")
    dims = tuple(range(value.ndim - len(args.get("normalized_shape")), value.ndim))
    epsilon = _epsilon(atlas, args)
    may_turn = len(dims) == 1 and (atlas.framing or args.optional("weight") is None)
    result = turned(atlas, value, epsilon=epsilon) if may_turn else None
    result = result or normalised(atlas, value, dims, epsilon=epsilon, centred=False)
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
    epsilon = _epsilon(atlas, args)
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
    value, epsilon = args.value("input"), _epsilon(atlas, args)
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
        spread = mapped(atlas, variance, "any" if args.named.get("eps", 1e-5) else -0.5)
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
}
