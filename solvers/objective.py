r"""Objectives: value, gradient and Hessian-vector product of what is minimised, each evaluation counted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.cost import HVP_WEIGHT, VALUE_WEIGHT, Ledger
from solvers.function_answers import read_numbers, read_space
from symmetries import Loss, compile_loss
from symmetries.actions.parameter_space import FloatArray, ParameterSpace, Point
from symmetries.arguments import read_reals, require_loss

Value: TypeAlias = Callable[[FloatArray], float]
Gradient: TypeAlias = Callable[[FloatArray], FloatArray]
Product: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]


class Objective(ABC):
    r"""A real function of a flat vector w with its gradient :math:`\nabla L(w)` and products :math:`\nabla^2L(w)v`.

    Every call is counted in :attr:`ledger`.  Where the function is not defined the answers are NaN.

    Parameters
    ----------
    space: names and shapes of the parameters; entries are taken in order, row by row.
    loss: the declared loss behind the objective, where there is one.
    hvp_weight: gradient equivalents of one Hessian-vector product.

    >>> objective = Objective.from_loss(Loss.parse("x**2 + 9*y**2"))
    >>> objective.value_and_grad([1.0, 1.0])
    (10.0, array([ 2., 18.]))
    >>> objective.hvp([1.0, 1.0], [0.0, 1.0]).tolist(), objective.ledger.total().gradient_equivalents
    ([0.0, 18.0], 3.0)
    """

    has_exact_hvp = True
    """Whether Hessian-vector products are exact to rounding, not differences of gradients."""

    products = 0
    """Number of Hessian-vector products so far; differences of gradients are products here, gradients in the ledger."""

    def __init__(self, space: ParameterSpace, *, loss: Loss | None = None, hvp_weight: float = HVP_WEIGHT) -> None:
        self.space = space
        self.loss = loss
        self.ledger = Ledger(value_weight=VALUE_WEIGHT, hvp_weight=hvp_weight)

    @staticmethod
    def from_loss(
        loss: Loss, data: Mapping[str, Any] | None = None, *, constants: Mapping[str, float] | None = None
    ) -> Objective:
        """The objective of a declared loss, compiled once.

        Parameters
        ----------
        loss: the declaration.
        data: arrays by name, for the data that was declared by its shape; what the loss file names is the default.
        constants: values of the structural constants, by name.

        Raises
        ------
        InputError: a name is missing or unknown, a shape is wrong, or a number is not finite.

        >>> loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 1), "V": (1, 2)}, data={"Y": (2, 2)})
        >>> Objective.from_loss(loss, {"Y": np.eye(2)}).value(np.ones(4))
        2.0
        """
        return LossObjective(require_loss(loss, where="Objective.from_loss"), {**(data or {}), **(constants or {})})

    @staticmethod
    def from_functions(
        value: Value, gradient: Gradient, hvp: Product | None = None, *, size: int | None = None, shapes: Any = None
    ) -> Objective:
        r"""The objective of functions of a flat vector.

        Parameters
        ----------
        value: w -> L(w).
        gradient: w -> its gradient, shape (n,).
        hvp: (w, v) -> Hessian times v; without it, central differences of gradients, two gradients a product.
        size: the number n of parameters, or
        shapes: their shapes by name.

        Raises
        ------
        InputError: neither or both of size and shapes are given, or something is no function.

        >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=2)
        >>> objective.hvp([1.0, 0.0], [0.0, 1.0]).round(6).tolist(), objective.has_exact_hvp
        ([0.0, 2.0], False)
        """
        return FunctionObjective(value, gradient, hvp, space=read_space(size, shapes))

    @property
    def size(self) -> int:
        """Number n of parameters."""
        return self.space.size

    @abstractmethod
    def _value(self, w: FloatArray) -> float:
        """L(w)."""

    @abstractmethod
    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        """L(w) and its gradient."""

    @abstractmethod
    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        """Hessian at w times v."""

    def value(self, w: Point) -> float:
        """L(w), counted as a third of a gradient."""
        point = self.point(w)
        self.ledger.count(values=1)
        return self._value(point)

    def value_and_grad(self, w: Point) -> tuple[float, FloatArray]:
        """L(w) and its gradient, shape (n,), counted as one gradient."""
        point = self.point(w)
        self.ledger.count(gradients=1)
        return self._value_and_grad(point)

    def gradient(self, w: Point) -> FloatArray:
        """Gradient at w, shape (n,)."""
        return self.value_and_grad(w)[1]

    def hvp(self, w: Point, v: Any) -> FloatArray:
        """Hessian at w times v, shape (n,)."""
        point, direction = self.point(w), self.point(v)
        self.ledger.count(hvps=1)
        self.products += 1
        return self._hvp(point, direction)

    def hessian(self, w: Point) -> FloatArray:
        """The Hessian at w, shape (n, n), from n products; its symmetric part."""
        matrix = np.array([self.hvp(w, direction) for direction in np.eye(self.size)])
        return (matrix + matrix.T) / 2

    def point(self, w: Point) -> FloatArray:
        """A point as a vector of shape (n,), refused when it is none."""
        if type(w) is np.ndarray and w.dtype == np.float64 and w.shape == (self.size,):
            return w
        flat = self.space.flat(w)
        if flat.ndim != 1:
            raise InputError(
                f"an array of the shape {list(flat.shape)}",
                why="one point is needed",
                cure=f"give a vector of {self.size} numbers, or arrays by name",
            )
        return flat

    def start(self, w: Point) -> FloatArray:
        """A point to start from, copied: refused when it, the objective or the gradient there is not finite."""
        point = self.point(w).copy()
        if not np.isfinite(point).all():
            raise InputError("the starting point", why="it contains NaN or infinity", cure="give finite numbers")
        value, gradient = self.value_and_grad(point)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise InputError(
                "the starting point",
                why=f"the objective is {value} there, and its gradient is not finite"
                if np.isfinite(value)
                else f"the objective is {value} there",
                cure="start where the objective and its gradient are finite",
            )
        return point


@final
class LossObjective(Objective):
    """The objective of a declared loss; use :meth:`Objective.from_loss`."""

    def __init__(self, loss: Loss, data: Mapping[str, Any]) -> None:
        super().__init__(ParameterSpace(dict(loss.parameters)), loss=loss)
        self._compiled = compile_loss(loss)
        self.data = _read_data(loss, data)

    def _value(self, w: FloatArray) -> float:
        return self._compiled.value(w, self.data)

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        return self._compiled.value_and_gradient(w, self.data)

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        return self._compiled.hvp(w, v, self.data)


@final
class FunctionObjective(Objective):
    """The objective of functions; use :meth:`Objective.from_functions`."""

    def __init__(self, value: Value, gradient: Gradient, hvp: Product | None, *, space: ParameterSpace) -> None:
        for name, function in (("value", value), ("gradient", gradient), ("hvp", hvp or value)):
            if not callable(function):
                raise InputError(
                    f"{name}={function!r}", why="it is no function", cure="give functions of a flat vector"
                )
        super().__init__(space)
        self._functions = value, gradient, hvp
        self.has_exact_hvp = hvp is not None

    def _value(self, w: FloatArray) -> float:
        answer = self._functions[0](w.copy())  # a function that writes into its argument leaves the point alone
        return float(answer) if isinstance(answer, float) else float(read_numbers(answer, "value", size=1).item())

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        return self._value(w), self._gradient(w)

    def _gradient(self, w: FloatArray) -> FloatArray:
        """The gradient that the function gives."""
        return self._checked(self._functions[1](w.copy()), "gradient")

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        product = self._functions[2]
        if product is not None:
            return self._checked(product(w.copy(), v.copy()), "hvp")
        length = float(np.linalg.norm(v))
        self.ledger.count(gradients=2 if length else 0, hvps=-1)
        if length == 0:
            return np.zeros_like(v)
        step = np.cbrt(np.finfo(float).eps) * (1 + float(np.linalg.norm(w))) / length
        up, down = (self._gradient(w + sign * step * v) for sign in (1, -1))
        return (up - down) / (2 * step)

    def _checked(self, answer: Any, name: str) -> FloatArray:
        """A vector that a function returned."""
        vector = read_numbers(answer, name)  # a copy: the function may write the next answer into the same array
        if vector.shape != (self.size,):
            raise InputError(
                f"the {name} has the shape {list(vector.shape)}",
                why=f"the objective has {self.size} parameters in one vector",
                cure=f"return an array of the shape [{self.size}]",
            )
        return vector


def as_objective(objective: Any, data: Mapping[str, Any] | None = None) -> Objective:
    """An objective from itself or from a loss.

    >>> as_objective(Loss.parse("x**2 + y**2")).size
    2
    """
    if isinstance(objective, Loss):
        return Objective.from_loss(objective, data)
    if not isinstance(objective, Objective):
        raise InputError(
            f"an objective of the type {type(objective).__name__}",
            why="a loss or an objective is needed",
            cure="declare a Loss, or write Objective.from_functions(value, gradient, size=n)",
        )
    if data is not None:
        raise InputError(
            "data beside an objective", why="an objective has its data already", cure="give the data to it"
        )
    return objective


def _read_data(loss: Loss, given: Mapping[str, Any]) -> dict[str, FloatArray]:
    """Values of the data and constants that a loss leaves free; what the loss file names is the default."""
    free = {name: item.shape for name, item in loss.data.items() if item.values is None}
    free |= dict.fromkeys(loss.constants, ())
    known = {name: value for name, value in (loss.at or {}).items() if name in free} | dict(given)
    missing, unknown = [name for name in free if name not in known], [name for name in known if name not in free]
    if missing or unknown:
        raise InputError(
            f"the data {', '.join(map(repr, missing or unknown))}",
            why="no values were given for them" if missing else "the loss leaves no such data free",
            cure=f"give data by name: {', '.join(free) or 'none is needed'}",
        )
    values = {name: read_reals(known[name], what=f"the data {name!r}") for name in free}
    for name, value in values.items():
        if value.shape != free[name] or not np.isfinite(value).all():
            raise InputError(
                f"the data {name!r} with the shape {list(value.shape)}",
                why=f"the loss declares the shape {list(free[name])}, and numbers must be finite",
                cure="make the two agree",
            )
    return values
