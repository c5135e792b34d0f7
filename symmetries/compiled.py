"""A loss and its derivatives as fast array functions in double precision.

The expression is worked through array by array, forward for values and tangents and backward for gradients, so the cost
of a gradient or of a Hessian-vector product is a small multiple of the cost of the loss, for any number of parameters.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.arguments import read_reals
from symmetries.array_algebra import RULES
from symmetries.array_functions import FloatArray
from symmetries.expression import Node, Shape, walk
from symmetries.loss import Loss
from symmetries.numbers import as_float

Values: TypeAlias = Mapping[str, Any]
LEAVES = frozenset({"number", "array", "symbol", "pi"})


@final
class Step(NamedTuple):
    """One operation of a tape: where its arguments are, which of them depend on the moving symbols."""

    node: Node
    arguments: tuple[int, ...]
    moving: list[bool]


@final
class Tape:
    """An array expression as a list of steps; a subexpression that occurs several times is one step.

    Parameters
    ----------
    root: the expression.
    moving: names of the symbols that derivatives are taken in.
    """

    def __init__(self, root: Node, moving: Sequence[str]) -> None:
        self.root = root
        place: dict[int, int] = {}
        known: dict[Hashable, int] = {}
        self.steps: list[Step] = []
        self._moves: list[bool] = []
        names = frozenset(moving)
        for node in walk(root):
            arguments = tuple(place[id(argument)] for argument in node.arguments)
            place[id(node)] = known.setdefault(_key(node, arguments), len(self.steps))
            if place[id(node)] < len(self.steps):
                continue
            flags = [self._moves[k] for k in arguments]
            self.steps.append(Step(node, arguments, flags))
            self._moves.append(node.payload in names if node.operation == "symbol" else any(flags))
        self._constants = [_constant(step.node) for step in self.steps]

    def values(self, inputs: Values) -> list[FloatArray]:
        """Values of all steps."""
        values: list[FloatArray] = []
        for step, constant in zip(self.steps, self._constants, strict=True):
            if constant is not None:
                values.append(constant)
            elif step.node.operation == "symbol":
                values.append(inputs[str(step.node.payload)])
            else:
                values.append(RULES[step.node.operation].value(step.node, [values[k] for k in step.arguments]))
        return values

    def tangents(self, values: list[FloatArray], directions: Values) -> list[FloatArray | None]:
        """Tangents of all steps, None where nothing moves."""
        tangents: list[FloatArray | None] = []
        for k, step in enumerate(self.steps):
            if not self._moves[k]:
                tangents.append(None)
            elif step.node.operation == "symbol":
                tangents.append(directions[str(step.node.payload)])
            else:
                xs, ts = [values[j] for j in step.arguments], [tangents[j] for j in step.arguments]
                tangents.append(RULES[step.node.operation].tangent(step.node, xs, values[k], ts))
        return tangents

    def gradient(self, values: list[FloatArray], place: int | None = None) -> dict[str, FloatArray]:
        """Gradient of the root (of one entry, where a place is given) in each moving symbol that it depends on."""
        return self._backward(values, None, place)[0]

    def magnitudes(self, values: list[FloatArray]) -> dict[str, FloatArray]:
        """Bound of the summands of the gradient: the chain rule with the absolute value of every factor."""
        adjoints: list[FloatArray | None] = [None] * len(self.steps)
        adjoints[-1] = np.ones(self.root.shape)
        result: dict[str, FloatArray] = {}
        for k in range(len(self.steps) - 1, -1, -1):
            step, adjoint = self.steps[k], adjoints[k]
            if adjoint is None or not self._moves[k]:
                continue
            if step.node.operation == "symbol":
                _add_named(result, str(step.node.payload), adjoint)
                continue
            xs = [values[j] for j in step.arguments]
            parts = RULES[step.node.operation].bound(step.node, xs, values[k], adjoint, step.moving)
            _add(adjoints, step.arguments, parts)
        return result

    def gradient_tangent(self, values: list[FloatArray], tangents: list[FloatArray | None]) -> dict[str, FloatArray]:
        """Derivative of the gradient along the tangents: the Hessian times the direction."""
        return self._backward(values, tangents)[1]

    def _backward(
        self, values: list[FloatArray], tangents: list[FloatArray | None] | None, place: int | None = None
    ) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        count = len(self.steps)
        adjoints: list[FloatArray | None] = [None] * count
        moved: list[FloatArray | None] = [None] * count
        adjoints[-1], moved[-1] = np.ones(self.root.shape), np.zeros(self.root.shape)
        if place is not None:
            adjoints[-1] = (np.arange(math.prod(self.root.shape)) == place).astype(float).reshape(self.root.shape)
        gradient: dict[str, FloatArray] = {}
        change: dict[str, FloatArray] = {}
        for k in range(count - 1, -1, -1):
            step, adjoint = self.steps[k], adjoints[k]
            if adjoint is None or not self._moves[k]:
                continue
            if step.node.operation == "symbol":
                _add_named(gradient, str(step.node.payload), adjoint)
                _add_named(change, str(step.node.payload), moved[k])
                continue
            rule, xs = RULES[step.node.operation], [values[j] for j in step.arguments]
            parts = rule.adjoint(step.node, xs, values[k], adjoint, step.moving)
            _add(adjoints, step.arguments, parts)
            if tangents is not None:
                ts, yt, at = [tangents[j] for j in step.arguments], tangents[k], moved[k]
                assert yt is not None
                at = np.zeros(step.node.shape) if at is None else at
                _add(
                    moved,
                    step.arguments,
                    rule.adjoint_tangent(step.node, xs, ts, values[k], yt, adjoint, at, step.moving),
                )
        return gradient, change


def _key(node: Node, arguments: tuple[int, ...]) -> Hashable:
    """What two nodes of the same value share; arrays of numbers are compared by identity, as they may be long."""
    payload = id(node) if node.operation == "array" else node.payload
    return node.operation, payload, node.shape, arguments


def _constant(node: Node) -> FloatArray | None:
    payload: Any = node.payload
    if node.operation == "number":
        return np.asarray(as_float(payload))
    if node.operation == "array":
        return np.array([as_float(value) for value in payload]).reshape(node.shape)
    return np.asarray(math.pi) if node.operation == "pi" else None


def _add(store: list[FloatArray | None], places: tuple[int, ...], parts: Sequence[FloatArray | None]) -> None:
    for place, part in zip(places, parts, strict=True):
        if part is not None:
            old = store[place]
            store[place] = part if old is None else old + part


def _add_named(store: dict[str, FloatArray], name: str, part: FloatArray | None) -> None:
    if part is not None:
        store[name] = store[name] + part if name in store else part


@final
class CompiledLoss:
    r"""A loss as functions of the flat vector w of its parameters, in declaration order, row by row.

    Where the loss is undefined, values and derivatives are NaN; at kinks and jumps the derivatives are those almost
    everywhere.  ``data`` maps the names of data without values, and of structural constants, to arrays.

    Parameters
    ----------
    loss: the loss; use :func:`compile_loss`, which keeps what it compiled.

    Examples
    --------
    >>> import numpy as np
    >>> from symmetries import Loss
    >>> compiled = compile_loss(Loss.parse("x**2*y", ["x", "y"]))
    >>> compiled.value(np.array([2.0, 3.0])), compiled.gradient(np.array([2.0, 3.0])).tolist()
    (12.0, [12.0, 4.0])
    >>> compiled.hvp(np.array([2.0, 3.0]), np.array([1.0, 0.0])).tolist()
    [6.0, 4.0]
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self._tape = Tape(loss.expression, tuple(loss.parameters))
        self._shapes = loss.parameters
        free = {name: item.shape for name, item in loss.data.items() if item.values is None}
        self._free: dict[str, Shape] = free | dict.fromkeys(loss.constants, ())
        self.size = sum(math.prod(shape) for shape in self._shapes.values())

    def value(self, w: Any, data: Values | None = None) -> float:
        """L(w).

        Parameters
        ----------
        w: the parameters, shape (n,).
        data: arrays by name, as in the class.
        """
        with np.errstate(all="ignore"):
            return float(self._tape.values(self._inputs(w, data))[-1])

    def values(self, ws: Any, data: Values | None = None) -> FloatArray:
        """L at every row of ``ws``, shape (m, n)."""
        return np.array([self.value(w, data) for w in np.atleast_2d(np.asarray(ws, dtype=float))])

    def gradient(self, w: Any, data: Values | None = None) -> FloatArray:
        """Gradient of L at w, shape (n,)."""
        return self.value_and_gradient(w, data)[1]

    def value_and_gradient(self, w: Any, data: Values | None = None) -> tuple[float, FloatArray]:
        """L(w) and its gradient, in one pass."""
        with np.errstate(all="ignore"):
            values = self._tape.values(self._inputs(w, data))
            value = float(values[-1])
            if not math.isfinite(value):
                return value, np.full(self.size, np.nan)
            return value, self._flat(self._tape.gradient(values))

    def hvp(self, w: Any, v: Any, data: Values | None = None) -> FloatArray:
        """Hessian of L at w times v, shape (n,), by forward mode over reverse mode."""
        directions = self._split(v, "v")
        with np.errstate(all="ignore"):
            values = self._tape.values(self._inputs(w, data))
            if not math.isfinite(float(values[-1])):
                return np.full(self.size, np.nan)
            return self._flat(self._tape.gradient_tangent(values, self._tape.tangents(values, directions)))

    def _split(self, w: Any, what: str) -> dict[str, FloatArray]:
        flat = read_reals(w, what=f"{what}, the flat vector of the parameters")
        if flat.shape != (self.size,):
            raise InputError(
                f"{what} has the shape {list(flat.shape)}",
                why=f"the parameters of the loss are {self.size} numbers in one vector",
                cure="flatten the parameters in declaration order, row by row",
            )
        parts, start = {}, 0
        for name, shape in self._shapes.items():
            stop = start + math.prod(shape)
            parts[name] = flat[start:stop].reshape(shape)
            start = stop
        return parts

    def _inputs(self, w: Any, data: Values | None) -> dict[str, FloatArray]:
        if data is not None and not isinstance(data, Mapping):
            what = f"the data of the loss are {type(data).__name__}"
            raise InputError(what, why="they go by name", cure='write {"x": 1.5, "y": 2}')
        given = {} if data is None else dict(data)
        if given.keys() != self._free.keys():
            wrong = sorted(given.keys() ^ self._free.keys())
            raise InputError(
                f"the data {', '.join(map(repr, wrong))}",
                why="each datum without values and each constant needs one, and nothing else does",
                cure=f"give {', '.join(self._free) or 'no data'}",
            )
        inputs = self._split(w, "w")
        for name, shape in self._free.items():
            value = read_reals(given[name], what=f"the data {name!r}")
            if value.shape != shape:
                raise InputError(
                    f"the data {name!r} has the shape {list(value.shape)}",
                    why=f"it is declared with the shape {list(shape)}",
                    cure="make the two agree",
                )
            inputs[name] = value
        return inputs

    def _flat(self, parts: Mapping[str, FloatArray]) -> FloatArray:
        rows = [np.broadcast_to(parts.get(name, np.zeros(())), shape).ravel() for name, shape in self._shapes.items()]
        return np.concatenate(rows).astype(float)


@lru_cache(maxsize=64)
def compile_loss(loss: Loss) -> CompiledLoss:
    """The loss as fast array functions; the same loss is compiled once.

    >>> import numpy as np
    >>> from symmetries import Loss
    >>> loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 1), "V": (1, 2)}, data={"Y": (2, 2)})
    >>> compile_loss(loss).value(np.ones(4), {"Y": np.eye(2)})
    2.0
    """
    return CompiledLoss(loss)
