"""A problem as an optimizer sees it: a loss, what else it may read, and what becomes of both in other coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, final

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.jet_functions import is_jet
from solvers.naturality.jets import Jet, derivatives
from solvers.naturality.morphism import Morphism
from solvers.naturality.slots import TYPES, NoLift, push_slot
from solvers.steps.hyperparameters import read_count
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals

Function = Callable[[Any], Any]

Mode = Literal["compose", "chain"]


@final
class Problem:
    r"""A loss :math:`L` on an open part of :math:`R^n` with the structure that an optimizer is allowed to read.

    Parameters
    ----------
    loss: a function of the parameters, written with NumPy functions; None: the sum of ``output_loss`` of ``model``.
    size: number of parameters, for a loss of a flat array; or
    shape: of the parameters, for a loss of a matrix.  The methods take flat arrays in both cases.
    model: outputs of the parameters, the samples along the first axis.
    output_loss: losses of the samples from these outputs, shape (samples,).
    layers: shapes of the blocks of the parameters, for optimizers that treat them one by one.
    hidden: declared structure by name, each a slot type and its value: numbers, or a function of the parameters.  It is
        carried along by :meth:`push`.
    name: what messages call it.

    Raises
    ------
    InputError: neither size nor shape is given, or no number of parameters; the loss or the model is no function; a
        structure has no known type; or a derivative is asked for that the loss does not have.

    >>> problem = Problem(lambda x: x[0] ** 2 + 3 * x[0] * x[1], size=2)
    >>> problem.gradient([1.0, 1.0]).tolist(), problem.hessian([1.0, 1.0]).tolist()
    ([5.0, 3.0], [[2.0, 3.0], [3.0, 0.0]])
    """

    def __init__(
        self,
        loss: Function | None = None,
        *,
        size: int | None = None,
        shape: tuple[int, ...] | None = None,
        model: Function | None = None,
        output_loss: Function | None = None,
        layers: tuple[tuple[int, ...], ...] | None = None,
        hidden: Mapping[str, tuple[str, Any]] | None = None,
        name: str = "",
    ) -> None:
        if (size is None) == (shape is None):
            raise InputError("a problem", why="it needs either a size or a shape", cure="give size=n or shape=(m, k)")
        sides = (size,) if size is not None else tuple(np.atleast_1d(np.array(shape, dtype=object)))
        self.shape: tuple[int, ...] = tuple(read_count(side, name="a problem's number of parameters") for side in sides)
        self.size = math.prod(self.shape)
        self.name, self.layers = name, layers or (self.shape,)
        self.hidden: Mapping[str, tuple[str, Any]] = _read_structures(hidden or {})
        self._model = None if model is None else self._of_flat(model)
        self._output_loss = output_loss
        if loss is None and (model is None or output_loss is None):
            raise InputError("a problem without a loss", why="nothing is minimised", cure="give a loss, or both others")
        for what, function in (("loss", loss), ("model", model), ("output_loss", output_loss)):
            if function is not None and not callable(function):
                raise InputError(f"{what}={function!r}", why="it is no function", cure="give one of the parameters")
        self._loss = self._of_flat(loss) if loss is not None else self._sum_of_losses
        self._last: tuple[bytes, Jet] | None = None
        self._origin: tuple[Problem, Morphism] | None = None

    def _of_flat(self, function: Function) -> Function:
        """A function of the parameters in their shape as one of a flat array."""
        if len(self.shape) == 1:
            return function
        return lambda theta: function(theta.reshape(self.shape))

    def _sum_of_losses(self, theta: Any) -> Any:
        """The loss as the sum of those of the samples."""
        if self._model is None or self._output_loss is None:
            raise self._lacks("model and output_loss")
        return self._output_loss(self._model(theta)).sum()

    def _lacks(self, what: str) -> InputError:
        """The error of an optimizer that needs more than the loss."""
        called = f"the problem {self.name!r}" if self.name else "the problem"
        return InputError(
            f"{called} has no {what}", why="the optimizer reads it", cure=f"declare it: Problem(..., {what}=)"
        )

    def _jet(self, theta: Any, order: int) -> Jet:
        """Derivatives of the loss at a point; those of the last point are kept."""
        point = self._point(theta)
        key = point.tobytes()
        if self._last is None or self._last[0] != key or (order > 1 and self._last[1].second is None):
            self._last = (key, self._derive(point, order))
        return self._last[1]

    def _derive(self, point: FloatArray, order: int) -> Jet:
        """Derivatives of the loss, through the chain rule where the problem was pushed in that mode."""
        if self._origin is None:
            jet = derivatives(self._loss, point, order=order)
            if jet.ndim:
                raise _no_number(jet.shape)
            return jet
        problem, morphism = self._origin
        old = morphism.pull(point)
        inverse = np.linalg.inv(morphism.jacobian(old))
        below = problem._jet(old, order)
        second = None
        if order > 1 and below.second is not None:
            first = inverse.T @ below.first
            second = inverse.T @ (below.second - morphism.bend(old) @ first) @ inverse
        return Jet(below.value, inverse.T @ below.first, second)

    def _point(self, theta: Any) -> FloatArray:
        """The point as a flat array of the right size."""
        point = read_reals(theta, what="the parameters").reshape(-1)
        if len(point) != self.size:
            raise InputError(f"{len(point)} parameters", why=f"there are {self.size}", cure="give them all")
        return point

    def value(self, theta: Any) -> float:
        """The loss."""
        point = self._point(theta)
        if self._origin is not None:
            return self._origin[0].value(self._origin[1].pull(point))
        found = self._loss(point)
        if np.ndim(found):
            raise _no_number(np.shape(found))
        return float(found)

    def gradient(self, theta: Any) -> FloatArray:
        """The gradient, shape (n,)."""
        return self._jet(theta, 1).first.copy()

    def hessian(self, theta: Any) -> FloatArray:
        """The Hessian matrix, shape (n, n)."""
        second = self._jet(theta, 2).second
        return np.zeros((self.size, self.size)) if second is None else second.copy()

    def model_value(self, theta: Any) -> FloatArray:
        """Outputs of the model in a row, shape (m,)."""
        return np.asarray(self._outputs(theta, 0)).reshape(-1)

    def model_jacobian(self, theta: Any) -> FloatArray:
        """Derivatives of the outputs, shape (m, n)."""
        return self._outputs(theta, 1).first.reshape(self.size, -1).T

    def model_second(self, theta: Any) -> FloatArray:
        """Second derivatives of the outputs, shape (m, n, n)."""
        second = self._outputs(theta, 2).second
        return np.moveaxis(np.asarray(second).reshape(self.size, self.size, -1), -1, 0)

    def _outputs(self, theta: Any, order: int) -> Any:
        """The model at a point, with derivatives when the order is not zero."""
        if self._model is None:
            raise self._lacks("model")
        point = self._point(theta)
        return derivatives(self._model, point, order=order) if order else self._model(point)

    def output_hessian(self, theta: Any) -> FloatArray:
        """Second derivatives of the loss with respect to the outputs, shape (m, m)."""
        if self._output_loss is None:
            raise self._lacks("output_loss")
        outputs, output_loss = np.asarray(self._outputs(theta, 0)), self._output_loss
        jet = derivatives(lambda flat: output_loss(flat.reshape(outputs.shape)).sum(), outputs.reshape(-1))
        return np.asarray(jet.second)

    def per_sample_gradients(self, theta: Any) -> FloatArray:
        """Gradients of the losses of the samples, shape (samples, n)."""
        if self._output_loss is None:
            raise self._lacks("output_loss")
        losses = self._output_loss(self._outputs(theta, 1))
        if not is_jet(losses) or losses.ndim != 1:
            raise self._lacks("output_loss of one number a sample")
        return losses.first.T

    def gauss_newton(self, theta: Any) -> FloatArray:
        r"""The generalised Gauss-Newton matrix :math:`J^T \nabla^2\ell\, J`, shape (n, n)."""
        jacobian = self.model_jacobian(theta)
        return jacobian.T @ self.output_hessian(theta) @ jacobian

    def fisher(self, theta: Any) -> FloatArray:
        r"""The Fisher matrix :math:`J^T J` of outputs that are observed with unit normal noise, shape (n, n)."""
        jacobian = self.model_jacobian(theta)
        return jacobian.T @ jacobian

    def empirical_fisher(self, theta: Any) -> FloatArray:
        """The sum of the outer products of the gradients of the samples, shape (n, n)."""
        gradients = self.per_sample_gradients(theta)
        return gradients.T @ gradients

    def structure(self, name: str, theta: Any = None) -> Any:
        """A declared structure at a point.

        Raises
        ------
        InputError: it is not declared.
        NoLift: no point is given and it varies, as constants do along maps that are not affine.
        """
        if name not in self.hidden:
            raise self._lacks(f"hidden structure {name!r}")
        value = self.hidden[name][1]
        if not callable(value):
            return np.copy(value) if isinstance(value, np.ndarray) else value
        if theta is None:
            raise NoLift(f"the structure {name!r}", why="it varies from point to point here", cure="give the point")
        return value(self._point(theta))

    def push(self, morphism: Morphism, mode: Mode = "compose") -> Problem:
        r"""The same problem in other coordinates :math:`\theta' = \varphi(\theta)`.

        Parameters
        ----------
        morphism: the change of coordinates.
        mode: ``compose`` differentiates :math:`L \circ \varphi^{-1}` itself; ``chain`` takes the gradient
            :math:`J^{-T} g` and the Hessian from the old ones.  Both are the same numbers up to rounding.

        >>> problem = Problem(lambda x: (x**3).sum(), size=2)
        >>> double = Morphism(lambda x: 2 * x, lambda x: x / 2)
        >>> problem.push(double).gradient([2.0, 4.0]).tolist()
        [1.5, 6.0]
        """
        if mode not in ("compose", "chain"):
            raise InputError(f"mode={mode!r}", why="it is not known", cure='use "compose" or "chain"')
        pushed = Problem.__new__(Problem)
        pushed.shape, pushed.size, pushed.name, pushed.layers = self.shape, self.size, self.name, self.layers
        pushed._output_loss, pushed._last = self._output_loss, None
        loss, model = self._loss, self._model
        pushed._loss = lambda theta: loss(morphism.pull(theta))
        pushed._model = None if model is None else lambda theta: model(morphism.pull(theta))
        pushed._origin = (self, morphism) if mode == "chain" or self._origin is not None else None
        pushed.hidden = {name: _push_structure(kind, value, morphism) for name, (kind, value) in self.hidden.items()}
        return pushed


def _no_number(shape: tuple[int, ...]) -> InputError:
    """The error of a loss of more than one number."""
    return InputError(f"the loss has shape {shape}", why="one number is minimised", cure="sum over the entries")


def _read_structures(hidden: Mapping[str, tuple[str, Any]]) -> dict[str, tuple[str, Any]]:
    """Declared structures, each with a known type."""
    for name, given in hidden.items():
        if not (isinstance(given, tuple) and len(given) == 2 and given[0] in TYPES):
            raise InputError(
                f"the structure {name!r}",
                why=f"it is {given!r}, and no pair of a slot type and a value",
                cure=f'write hidden={{"{name}": ("con2", value)}} with one of {", ".join(TYPES)}',
            )
    return dict(hidden)


def _push_structure(kind: str, value: Any, morphism: Morphism) -> tuple[str, Any]:
    """A declared structure in other coordinates: numbers under affine maps that lift them, otherwise functions."""
    if callable(value) and kind == "scalar":
        return kind, lambda theta: value(morphism.pull(theta))
    if morphism.affine is not None and not callable(value):
        origin = np.zeros(morphism.affine[0].shape[0])
        with suppress(NoLift):
            return kind, push_slot(kind, np.asarray(value, dtype=float), origin, morphism)

    def field(theta: FloatArray) -> Any:
        """The structure at a new point, from that at the old one; refused when it is read and has no lift."""
        old = morphism.pull(theta)
        return push_slot(kind, np.asarray(value(old) if callable(value) else value, dtype=float), old, morphism)

    return kind, field
