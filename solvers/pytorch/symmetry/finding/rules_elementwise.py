"""Maps of numbers, unit by unit: which factors of a unit pass through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isinf

from solvers.pytorch.symmetry.finding.arguments import Arguments, Rule
from solvers.pytorch.symmetry.finding.joining import Same
from solvers.pytorch.symmetry.finding.rules_linear import added, product
from solvers.pytorch.symmetry.finding.spaces import Atlas
from solvers.pytorch.symmetry.finding.values import Kind, Value, combined, constant, joined, mapped

LINEAR = (
    "clone contiguous detach alias neg negative positive to _to_copy type_as lift_fresh_copy lift_fresh float double"
    " half bfloat16 real _assert_tensor_metadata"
).split()
POSITIVE = "relu leaky_relu".split()
OTHER = "hardswish hardsigmoid log_sigmoid elu selu celu mish silu gelu sigmoid softplus exp log log1p expm1".split()
ODD = "tanh sin tan asin atan sinh asinh atanh erf arctan arcsin arcsinh arctanh softshrink hardshrink erfinv".split()


def _with(kind: Kind | int | float) -> Rule:
    """The rule of a map of one value."""

    def rule(atlas: Atlas, args: Arguments) -> Value:
        """Apply the map."""
        return mapped(atlas, args.value(), kind)

    return rule


def _add(atlas: Atlas, args: Arguments) -> Value:
    """A sum or difference; multiples do not matter."""
    left, right = args.value("self", "input"), args.value("other")
    return added(atlas, left, right if args.get("alpha", default=1) else None)


def _multiply(atlas: Atlas, args: Arguments) -> Value:
    """A product."""
    left, right = args.value("self", "input"), args.value("other")
    return product(atlas, left, right)


def _divide(atlas: Atlas, args: Arguments) -> Value:
    """A quotient; rounded, it keeps nothing."""
    left, right = args.value("self", "input"), args.value("other")
    if args.get("rounding_mode") is not None:
        return unknown_map(atlas, args)
    return product(atlas, left, right if right.constant else mapped(atlas, right, -1))


def _power(atlas: Atlas, args: Arguments) -> Value:
    """A power by a number; by a value, it keeps nothing."""
    exponent = args.named.get("exponent")
    if not isinstance(exponent, int | float):
        return unknown_map(atlas, args)
    return args.value("self") if exponent == 1 else mapped(atlas, args.value("self"), exponent)


def _clamp(atlas: Atlas, args: Arguments) -> Value:
    """A clamp: odd between opposite bounds, homogeneous with one bound at zero."""
    low = args.get("min", "min_val", default=-float("inf"))
    high = args.get("max", "max_val", default=float("inf"))
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return unknown_map(atlas, args)
    if (low == 0 and isinf(high)) or (high == 0 and isinf(low)):
        return mapped(atlas, args.value(), "positive")
    return mapped(atlas, args.value(), "odd" if low == -high else "any")


def _threshold(atlas: Atlas, args: Arguments) -> Value:
    """A threshold: homogeneous at zero."""
    at_zero = args.get("threshold") == 0 and args.get("value") == 0
    return mapped(atlas, args.value(), "positive" if at_zero else "any")


def _prelu(atlas: Atlas, args: Arguments) -> Value:
    """A leaky map whose slopes are parameters: they change places with the units and are not scaled."""
    value, slope = args.value("self", "input"), args.value("weight")
    value = mapped(atlas, value, "positive")
    slope = mapped(atlas, slope, "any")
    if slope.shape in ((), (1,)):
        return value
    shaped = Value(((), *slope.axes, *((),) * (value.ndim - 2)) if value.ndim > 1 else slope.axes)
    return product(atlas, value, shaped)


def _random_slopes(atlas: Atlas, args: Arguments) -> Value:
    """Leaky maps whose slopes are drawn anew for every unit in training mode."""
    value = mapped(atlas, args.value(), "positive")
    if args.get("training"):
        atlas.pin(value.items)
    return value


def _compare(atlas: Atlas, args: Arguments) -> Value:
    """A comparison: with zero it does not see positive factors."""
    left, right = args.value("self", "input"), args.value("other")
    if right.zero:
        positive = mapped(atlas, left, "positive")
        return replace(mapped(atlas, positive, "direction"), constant=left.constant)
    return mapped(atlas, joined(atlas, (left, right), broken=True), "any")


def _extreme(atlas: Atlas, args: Arguments) -> Value:
    """The larger or smaller of two values, which must carry the same positive factor."""
    left, right = args.value("self", "input"), args.value("other")
    return mapped(atlas, joined(atlas, (left, right), broken=True), "positive")


def _where(atlas: Atlas, args: Arguments) -> Value:
    """A choice between two values, unit by unit."""
    condition, one, other = args.value("condition"), args.value("self", "input"), args.value("other")
    chosen = _either(atlas, one, other)
    return product(atlas, chosen, mapped(atlas, condition, "any"))


def _either(atlas: Atlas, one: Value, other: Value) -> Value:
    """Units of two values, which must carry the same factors; zeros may carry any."""
    for value in (one, other):
        atlas.break_up(value.items)
    if one.zero or other.zero:
        moving, zero = (other, one) if one.zero else (one, other)
        ndim = max(moving.ndim, zero.ndim)
        return moving if ndim == moving.ndim else combined(atlas, Same(atlas), moving, zero)
    return combined(atlas, Same(atlas), one, other)


def _masked_fill(atlas: Atlas, args: Arguments) -> Value:
    """Units replaced by a number where a mask says so."""
    value, mask, number = args.value("self"), args.value("mask"), args.value("value")
    return product(atlas, _either(atlas, value, number), mapped(atlas, mask, "any"))


def _dropout(atlas: Atlas, args: Arguments) -> Value:
    """Dropout: in training mode the mask keeps every unit in its place."""
    value = args.value("input", "self")
    active = args.get("train", "training", default=True) and args.get("p", default=0.5) > 0
    if not active:
        return value
    atlas.note("dropout in training mode: units keep their places, so that the same draw gives the same output")
    atlas.pin(value.items)
    return mapped(atlas, value, "any") if "alpha" in args.operation else value


def unknown_map(atlas: Atlas, args: Arguments) -> Value:
    """A map of several values, unit by unit, through which no factor passes."""
    values = [mapped(atlas, value, "any") for value in args.values]
    result = values[0]
    for other in values[1:]:
        result = combined(atlas, Same(atlas), result, other)
    return mapped(atlas, result, "any")


def _addc(atlas: Atlas, args: Arguments) -> Value:
    """A value plus a product or quotient of two others."""
    first, one, other = args.values
    right = other if "mul" in args.operation else mapped(atlas, other, -1)
    return added(atlas, first, product(atlas, one, right))


def _lerp(atlas: Atlas, args: Arguments) -> Value:
    """Between two values, by a weight."""
    first, last = args.value("self"), args.value("end")
    return added(atlas, first, product(atlas, added(atlas, first, last), args.value("weight")))


def _zeros(atlas: Atlas, args: Arguments) -> Value:
    """A new tensor of zeros."""
    return constant(args.shape, zero=True)


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(LINEAR, _with("linear")),
    **dict.fromkeys(POSITIVE, _with("positive")),
    **dict.fromkeys(ODD, _with("odd")),
    **dict.fromkeys(OTHER, _with("any")),
    "abs": _with("magnitude"),
    "sign": _with("direction"),
    "sgn": _with("direction"),
    "square": _with(2),
    "sqrt": _with(0.5),
    "rsqrt": _with(-0.5),
    "reciprocal": _with(-1),
    **dict.fromkeys(("cos", "cosh"), _with("even")),
    **dict.fromkeys(("add", "sub", "subtract", "rsub"), _add),
    **dict.fromkeys(("mul", "multiply"), _multiply),
    **dict.fromkeys(("div", "divide", "true_divide"), _divide),
    "pow": _power,
    **dict.fromkeys(("clamp", "hardtanh", "clip", "clamp_min", "clamp_max"), _clamp),
    "threshold": _threshold,
    "rrelu": _random_slopes,
    **dict.fromkeys(("prelu", "_prelu_kernel"), _prelu),
    **dict.fromkeys(("gt", "ge", "lt", "le", "eq", "ne"), _compare),
    **dict.fromkeys(("maximum", "minimum"), _extreme),
    "where": _where,
    "masked_fill": _masked_fill,
    **dict.fromkeys(("dropout", "native_dropout", "alpha_dropout", "feature_dropout"), _dropout),
    "feature_alpha_dropout": _dropout,
    **dict.fromkeys(("addcmul", "addcdiv"), _addc),
    "lerp": _lerp,
    **dict.fromkeys(("zeros_like", "new_zeros"), _zeros),
}
"""Maps by name; any other map of numbers lets permutations through and nothing else."""
