"""What the operations of a module do to translations: carry them on, take them up, or see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any, final

from solvers.pytorch.symmetry.finding.centres import centre_of, unread_rows
from solvers.pytorch.symmetry.finding.displacements import (
    Carried,
    Displaced,
    Stored,
    Translation,
    is_constant_along,
    pattern,
    spread,
)
from solvers.pytorch.symmetry.finding.shifting import Following, Rule
from solvers.pytorch.symmetry.shifts import Flow

Shapes = tuple[tuple[int, ...], ...]


@final
class ShiftPass(Following):
    """The translations of a module, by the rules of its operations; what has no rule sees everything."""

    def rule(self, name: str) -> Rule | None:
        """What an operation does to translations, by its bare name."""
        rules: dict[str, Rule] = {
            "linear": self._linear,
            "addmm": self._addmm,
            "embedding": self._embedding,
            "add": self._add,
            "mul": self._multiply,
            "div": self._multiply,
            "softmax": self._softmax,
            "_softmax": self._softmax,
            "log_softmax": self._softmax,
            "_log_softmax": self._softmax,
            "layer_norm": self._layer_norm,
            "scaled_dot_product_attention": self._attention,
            "mean": self._mean,
            "dropout": self._dropout,
            "lstm": self._recurrent,
            "gru": self._recurrent,
            "rnn_tanh": self._recurrent,
            "rnn_relu": self._recurrent,
            **dict.fromkeys(("matmul", "bmm", "mm"), self._matmul),
            **dict.fromkeys(("conv1d", "conv2d", "conv3d"), self._convolution),
            **dict.fromkeys(("batch_norm", "instance_norm"), self._batch_norm),
            **dict.fromkeys(
                (
                    "_native_batch_norm_legit_functional",
                    "_native_batch_norm_legit_no_training",
                    "_native_batch_norm_legit",
                ),
                self._batch_norm,
            ),
            **dict.fromkeys(
                [f"{kind}_pool{n}d" for kind in ("max", "adaptive_avg", "adaptive_max") for n in "123"], self._pool
            ),
            **dict.fromkeys([f"avg_pool{n}d" for n in "123"], self._pool),
            **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices"), self._pool),
        }
        return rules.get(name)

    def _linear(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """An affine layer: its bias takes up what came through."""
        value = self._value(named["input"])
        weight, bias = named["weight"], named.get("bias")
        self.translations += unread_rows(value, weight, (1, 0), bias)
        result = self.through(value, weight, (1, 0), shapes[0])
        return result if bias is None else self.added(result, self.vector(bias, shapes[0], -1), shapes[0])

    def _addmm(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """An affine layer with its weight the other way round."""
        if isinstance(named["mat2"], Stored) and isinstance(named["mat1"], Displaced):
            plain = named.get("beta", 1) == 1 and named.get("alpha", 1) == 1
            bias = named["self"] if plain else Displaced(shapes[0])
            self.translations += unread_rows(named["mat1"], named["mat2"], named["mat2"].order[:2], bias)
        result = self._matmul({"self": named["mat1"], "mat2": named["mat2"]}, shapes)
        if named.get("beta", 1) != 1 or named.get("alpha", 1) != 1:
            return result.see()
        return self.added(result, self.vector(named["self"], shapes[0], -1), shapes[0])

    def _value(self, found: Any) -> Displaced:
        """A value; a parameter is one that nothing may translate."""
        return found if isinstance(found, Displaced) else Displaced(found.shape if isinstance(found, Stored) else ())

    def _matmul(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """A product of matrices: by a parameter, of weights that sum to one, or of queries and keys."""
        left, right = list(named.values())[:2]
        if isinstance(right, Stored) and isinstance(left, Displaced) and len(right.shape) == 2:
            inner, outer = right.order
            return self.through(left, right, (inner, outer), shapes[0])
        one, other = self._value(left), self._value(right)
        one.see()
        carried: list[Carried] = []
        for term in other.carried:
            if term.index.ndim < 2 or term.translation.row:
                term.see()
            elif one.stochastic and is_constant_along(term.index, -2):
                index = term.index.narrow(-2, 0, 1).expand(shapes[0])
                carried.append(term.moved(index))
            elif is_constant_along(term.index, -1):
                carried.extend(self._rows(term, shapes[0]))
            else:
                term.see()
        return Displaced(shapes[0], tuple(carried))

    def _rows(self, term: Carried, shape: tuple[int, ...]) -> tuple[Carried, ...]:
        """A translation of all keys moves each row of scores by one number; only its being seen matters from here."""
        rows = spread(1, (1,), 0).new_zeros(()).expand(shape)
        marked = Translation(term.translation.name, 1, [Flow(target=term.translation.flows[0].target)], row=True)
        marked.watch.append(term)
        return (Carried(marked, rows),)

    def _attention(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """Attention does not see a translation of all keys, and passes on one of all values."""
        query, key, value = (self._value(named[name]) for name in ("query", "key", "value"))
        query.see()
        if isinstance(named.get("attn_mask"), Displaced):
            named["attn_mask"].see()
        for term in key.carried:
            if term.translation.row or not is_constant_along(term.index, -2):
                term.see()
        plain = float(named.get("dropout_p") or 0.0) == 0 and not named.get("enable_gqa")
        carried: list[Carried] = []
        for term in value.carried:
            if plain and not term.translation.row and is_constant_along(term.index, -2):
                carried.append(term.moved(term.index.narrow(-2, 0, 1).expand(shapes[0])))
            else:
                term.see()
        return Displaced(shapes[0], tuple(carried))

    def _embedding(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """Rows of a table."""
        weight = named["weight"]
        return self.table(weight, shapes[0]) if isinstance(weight, Stored) else Displaced(shapes[0])

    def _add(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """A sum; parameters that are added take up what the other brings."""
        if named.get("alpha", 1) != 1:
            return Displaced(
                shapes[0], self._value(named["self"]).see().carried + self._value(named["other"]).see().carried
            )
        sides = []
        for one in (named["self"], named["other"]):
            if isinstance(one, Stored):
                flat = prod(one.shape) == one.shape[-1] if one.shape else False
                one = self.vector(one, shapes[0], -1) if flat else self.table(one, shapes[0])
            sides.append(one if isinstance(one, Displaced) else Displaced((), constant=True))
        return self.added(sides[0], sides[1], shapes[0])

    def _multiply(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """A multiple by a number: rows stay rows."""
        value, other = self._value(named["self"]), named["other"]
        number = isinstance(other, int | float) or (
            isinstance(other, Displaced) and other.constant and prod(other.shape) == 1
        )
        kept = tuple(one for one in value.carried if number and one.translation.row)
        Displaced(value.shape, tuple(one for one in value.carried if one not in kept)).see()
        if isinstance(other, Displaced):
            other.see()
        return Displaced(shapes[0], tuple(replace(one, index=one.index.expand(shapes[0])) for one in kept))

    def _softmax(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """Softmax does not see what is the same along its axis."""
        value, dim = self._value(named["self"]), int(named["dim"])
        self.absorbed(value, (dim,))
        return Displaced(shapes[0], stochastic=dim % len(shapes[0]) == len(shapes[0]) - 1)

    def _layer_norm(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """Layer normalisation does not see the mean; its bias begins anew."""
        value, number = self._value(named["input"]), len(named["normalized_shape"])
        self.absorbed(value, tuple(range(-number, 0)))
        weight, bias = named.get("weight"), named.get("bias")
        result = Displaced(shapes[0])
        if number != 1:
            return result
        if bias is not None:
            result = self.added(result, self.vector(bias, shapes[0], -1), shapes[0])
        return replace(result, centred=centre_of(self.tensors, weight, bias))

    def _batch_norm(self, named: Mapping[str, Any], shapes: Shapes) -> Any:
        """Normalisation of each channel by itself: a running mean moves along, batch statistics do not see it."""
        value, shape = self._value(named["input"]), shapes[0]
        mean = named.get("running_mean")
        training = bool(named.get("training", named.get("use_input_stats", False)))
        for one in value.carried:
            fits = not one.translation.row and pattern(one.index, 1) == 1 and one.index.shape == shape
            if fits and isinstance(mean, Stored) and one.route():
                one.followed(mean.leg((0,)))
            elif not fits or mean is not None or not training:
                one.see()
        bias = named.get("bias")
        result = Displaced(shape)
        if bias is not None:
            result = self.added(result, self.vector(bias, shape, 1), shape)
        return result if len(shapes) == 1 else (result, *(Displaced(one) for one in shapes[1:]))

    def _convolution(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """A convolution without padding carries translations of channels on, summed over its positions."""
        value, weight, bias = self._value(named["input"]), named["weight"], named.get("bias")
        shape = shapes[0]
        padding = named.get("padding", 0)
        padded = padding != "valid" and any(padding if isinstance(padding, list | tuple) else [padding])
        axis = len(shape) - (len(weight.shape) - 1)
        carried: list[Carried] = []
        for one in value.carried:
            plain = isinstance(weight, Stored) and named.get("groups", 1) == 1 and not padded
            if not plain or one.translation.row or pattern(one.index, axis) != 1 or not one.route():
                one.see()
                continue
            number = prod(weight.shape[2:])
            leg = weight.leg((1,), shape=(*weight.shape[:2], number))
            index = spread(shape[axis], shape, axis)
            carried.append(replace(one, index=index, weights=(*one.weights, leg), totals=(*one.totals, number)))
        result = Displaced(shape, tuple(carried))
        return result if bias is None else self.added(result, self.vector(bias, shape, axis), shape)

    def _pool(self, named: Mapping[str, Any], shapes: Shapes) -> Any:
        """Pooling carries on what is the same at all positions, unless it pads with zeros."""
        value, shape = self._value(next(iter(named.values()))), shapes[0]
        axis = 1 if len(shape) > 2 else 0
        average = "count_include_pad" in named and any(named.get("padding") or [0])
        carried: list[Carried] = []
        for one in value.carried:
            if average or one.translation.row or pattern(one.index, axis) != 1:
                one.see()
            else:
                carried.append(replace(one, index=spread(shape[axis], shape, axis)))
        result = Displaced(shape, tuple(carried))
        return result if len(shapes) == 1 else (result, Displaced(shapes[1]))

    def _mean(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """A mean over axes along which a translation is the same carries it on."""
        value = self._value(named["self"])
        dims = named.get("dim")
        dims = list(range(len(value.shape))) if not dims else [dims] if isinstance(dims, int) else dims
        carried: list[Carried] = []
        for one in value.carried:
            if not one.translation.row and all(is_constant_along(one.index, dim) for dim in dims):
                carried.append(replace(one, index=one.index.amax(dims, keepdim=bool(named.get("keepdim")))))
            else:
                one.see()
        return Displaced(shapes[0], tuple(carried))

    def _dropout(self, named: Mapping[str, Any], shapes: Shapes) -> Displaced:
        """Dropout sees everything, and nothing where it is off."""
        value = self._value(named["input"])
        active = named.get("train", True) and named.get("p", 0.5) > 0
        return value.see() if active else value

    def _recurrent(self, named: Mapping[str, Any], shapes: Shapes) -> Any:
        """The two biases of a gate take up each other; of a gated unit those of its two gates."""
        self._value(named["input"]).see()
        start = named["hx"]
        for one in start if isinstance(start, list | tuple) else [start]:
            self._value(one).see()
        if named.get("has_biases"):
            biases = [one for one in named["params"] if isinstance(one, Stored) and len(one.shape) == 1]
            for first, second in zip(biases[::2], biases[1::2], strict=False):
                if not first.once or not second.once:
                    continue
                flows = [Flow(target=first.leg((0,))), Flow(target=replace(second.leg((0,)), exponent=-1))]
                translation = Translation(first.name, first.shape[0], flows, routed=True)
                if len(shapes) == 2 and first.shape[0] == 3 * shapes[1][-1]:
                    translation.free[2 * shapes[1][-1] :] = False
                self.translations.append(translation)
        return tuple(Displaced(shape) for shape in shapes)
