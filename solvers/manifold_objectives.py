r"""Objectives from functions of points: of matrices, of batches of them, or of arrays by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.checks import batch_shape
from manifolds.errors import InputError
from manifolds.space_products import Product
from solvers.function_answers import read_numbers
from solvers.objective import Objective
from solvers.running.coordinates import read_point
from solvers.running.space_parts import Part, read_one, read_parts
from symmetries.actions.parameter_space import FloatArray, ParameterSpace, Point

PointValue: TypeAlias = Callable[[Any], float]
"""Point -> L(point)."""

PointGradient: TypeAlias = Callable[[Any], Any]
"""Point -> the array of partial derivatives, of the shape of the point; arrays by name for a product."""

PointBoth: TypeAlias = Callable[[Any], tuple[float, Any]]
"""Point -> both of them, where they share work."""


@final
class PointObjective(Objective):
    """The objective of functions of points; use :func:`objective_on`."""

    has_exact_hvp = False

    def __init__(self, parts: tuple[Part, ...], value: PointValue, both: PointBoth, *, by_name: bool) -> None:
        super().__init__(ParameterSpace({part.name: part.shape for part in parts}))
        self._parts, self._point_value, self._both, self._by_name = parts, value, both, by_name

    def point(self, w: Point) -> FloatArray:
        """A point as a vector of shape (n,), refused when it is none; arrays of the shape of points are taken too."""
        return super().point(read_point(self.space, w))

    def _points(self, w: FloatArray) -> Any:
        """The point of a vector, in the form that the functions take; a copy, into which they may write."""
        w = w.copy()
        points = {part.name: part.read(w) for part in self._parts}
        return points if self._by_name else points[self._parts[0].name]

    def _value(self, w: FloatArray) -> float:
        """L."""
        return _number(self._point_value(self._points(w)))

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        """L and its partial derivatives."""
        both = self._both(self._points(w))
        if not isinstance(both, tuple) or len(both) != 2:
            raise InputError(
                f"value_and_gradient returned a {type(both).__name__}",
                why="two answers are needed",
                cure="return the value and the gradient, in this order",
            )
        value, answer = both
        given = answer if self._by_name else {self._parts[0].name: answer}
        if not isinstance(given, Mapping) or given.keys() != self.space.shapes.keys():
            raise InputError(
                f"a gradient of the type {type(answer).__name__}",
                why=f"the point is one array for each of {', '.join(self.space.shapes)}",
                cure="return a dictionary with these names",
            )
        return _number(value), np.concatenate([self._written(part, given[part.name]) for part in self._parts])

    def _written(self, part: Part, gradient: Any) -> FloatArray:
        """One partial gradient as a vector."""
        array = np.asarray(gradient)
        if array.dtype.kind == "c" and not part.is_complex:
            raise InputError(
                f"the gradient by {part.name!r} is complex",
                why=f"{part.name!r} is real",
                cure="return its real part, or take a space of complex frames",
            )
        array = array.astype(complex) if part.is_complex else read_numbers(gradient, f"gradient by {part.name!r}")
        shape = part.shape[:-1] if part.is_complex else part.shape
        if array.shape != shape:
            raise InputError(
                f"the gradient by {part.name!r} has the shape {array.shape}",
                why=f"{part.name!r} has the shape {shape}",
                cure="return the array of partial derivatives, not their projection or their sum",
            )
        return part.write(array)

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        """Central differences of gradients."""
        self.ledger.count(gradients=2, hvps=-1)
        length = float(np.linalg.norm(v))
        if length == 0:
            return np.zeros_like(v)
        step = np.cbrt(np.finfo(float).eps) * (1 + float(np.linalg.norm(w))) / length
        up, down = (self._value_and_grad(w + sign * step * v)[1] for sign in (1, -1))
        return (up - down) / (2 * step)


def objective_on(
    space: Any,
    value: PointValue | None = None,
    gradient: PointGradient | None = None,
    *,
    value_and_gradient: PointBoth | None = None,
    batch: int | tuple[int, ...] = (),
) -> PointObjective:
    r"""The objective of functions of the points of a space, to be minimised there.

    Parameters
    ----------
    space: a space, one of geomstats, or spaces by name; the functions then take arrays by name.
    value: point -> L(point).
    gradient: point -> the partial derivatives :math:`\partial L/\partial Y_{ij}`, of the shape of the point; for
        complex points those by the real parts plus i times those by the imaginary parts.
    value_and_gradient: point -> both, in place of the two where they share work.
    batch: leading axes, for a batch of points.

    Raises
    ------
    InputError: it is no space, or something is no function.

    >>> from manifolds.spaces import Stiefel
    >>> from solvers.minimize import minimize
    >>> A, sphere = np.diag([3.0, 2.0, 1.0]), Stiefel(3, 1)
    >>> rayleigh = objective_on(sphere, lambda Y: float(np.sum(Y * (A @ Y))), lambda Y: 2 * A @ Y)
    >>> result = minimize(rayleigh, sphere.random(0), space=sphere, rule="l-bfgs")
    >>> round(result.value, 9), result.point.shape
    (1.0, (3, 1))
    """
    value, both = _read_functions(value, gradient, value_and_gradient)
    factors = space.factors if isinstance(space, Product) else space
    by_name = isinstance(factors, Mapping)
    spaces = {str(name): read_one(one) for name, one in (factors.items() if by_name else [("Y", space)])}
    if not spaces:
        raise InputError("objective_on without spaces", why="there are no points", cure="give at least one space")
    axes = batch_shape(batch)
    shapes = {}
    for name, one in spaces.items():
        field = (2,) if getattr(one, "field", "real") == "complex" else ()
        shapes[name] = (*axes, *one.shape, *field)
    parts = read_parts(spaces, ParameterSpace(shapes))
    return PointObjective(parts, value, both, by_name=by_name)


def _read_functions(
    value: PointValue | None, gradient: PointGradient | None, both: PointBoth | None
) -> tuple[PointValue, PointBoth]:
    """The value, and value with gradient, from what is given."""
    given = {"value": value, "gradient": gradient} if both is None else {"value_and_gradient": both}
    for name, function in given.items():
        if not callable(function):
            raise InputError(f"{name}={function!r}", why="it is no function", cure="give functions of a point")
    if both is None:
        assert value is not None
        assert gradient is not None
        return value, lambda point: (value(_copied(point)), gradient(point))
    if gradient is not None:
        raise InputError(
            "gradient beside value_and_gradient", why="there would be two gradients", cure="give one of them"
        )
    return value or (lambda point: both(point)[0]), both


def _number(answer: Any) -> float:
    """A value that a function returned."""
    return float(answer) if isinstance(answer, float) else float(read_numbers(answer, "value", size=1).item())


def _copied(point: Any) -> Any:
    """A copy of a point: a function that writes into it leaves the point alone."""
    return {name: one.copy() for name, one in point.items()} if isinstance(point, Mapping) else point.copy()
