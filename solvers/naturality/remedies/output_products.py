r"""Products with the Gauss-Newton matrix :math:`J^{\mathsf T}\nabla^2\ell\,J`, without the matrix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.network import Network
from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray, ParameterSpace

Product: TypeAlias = Callable[[FloatArray], FloatArray]


class ModelObjective(Objective):
    r"""A loss of outputs, :math:`L(w) = \ell(f(w))`, with products of its Gauss-Newton matrix.

    Source: N. Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent" (2002).
    """

    @abstractmethod
    def gauss_newton_product(self, w: FloatArray) -> Product:
        r"""The function :math:`v \mapsto J^{\mathsf T}\nabla^2\ell\,J v` at a point; the ledger is the caller's."""


@final
class OutputObjective(ModelObjective):
    r"""A loss of outputs from functions.

    Parameters
    ----------
    outputs: w -> f(w), any shape.
    push: (w, v) -> J v, of the shape of the outputs.
    pull: (w, u) -> :math:`J^{\mathsf T}u`, shape (n,).
    loss: z -> value and slope of the loss of the outputs.
    bend: (z, dz) -> the second derivative of the loss applied to a direction.
    size: n.

    >>> objective = OutputObjective(
    ...     outputs=lambda w: w**2,
    ...     push=lambda w, v: 2 * w * v,
    ...     pull=lambda w, u: 2 * w * u,
    ...     loss=lambda z: (float(z @ z) / 2, z),
    ...     bend=lambda z, dz: dz,
    ...     size=2,
    ... )
    >>> objective.value([1.0, 2.0]), objective.gradient([1.0, 2.0]).tolist()
    (8.5, [2.0, 16.0])
    >>> objective.gauss_newton_product(np.array([1.0, 2.0]))(np.ones(2)).tolist()
    [4.0, 16.0]
    """

    has_exact_hvp = False

    def __init__(
        self,
        *,
        outputs: Callable[[FloatArray], Any],
        push: Callable[[FloatArray, FloatArray], Any],
        pull: Callable[[FloatArray, Any], FloatArray],
        loss: Callable[[Any], tuple[float, Any]],
        bend: Callable[[Any, Any], Any],
        size: int,
    ) -> None:
        super().__init__(ParameterSpace({"w": (size,)}))
        self._outputs, self._push, self._pull, self._output_loss, self._bend = outputs, push, pull, loss, bend

    def _value(self, w: FloatArray) -> float:
        """The loss of the outputs."""
        return float(self._output_loss(self._outputs(w))[0])

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        """The loss and its slope, pulled back."""
        value, slope = self._output_loss(self._outputs(w))
        return float(value), np.asarray(self._pull(w, slope), dtype=float)

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        """A central difference of gradients."""
        length = float(np.linalg.norm(v))
        if not length:
            return np.zeros_like(v)
        step = 1e-6 * (1 + float(np.linalg.norm(w))) / length
        ahead, behind = self._value_and_grad(w + step * v)[1], self._value_and_grad(w - step * v)[1]
        return (ahead - behind) / (2 * step)

    def gauss_newton_product(self, w: FloatArray) -> Product:
        """The product at a point."""
        z = self._outputs(w)
        return lambda v: np.asarray(self._pull(w, self._bend(z, self._push(w, v))), dtype=float)


def gauss_newton_product(objective: Objective, w: FloatArray) -> Product:
    r"""The function :math:`v \mapsto (J^{\mathsf T}\nabla^2\ell\,J + \lambda I)v` of an objective at a point.

    Parameters
    ----------
    objective: a :class:`~solvers.network.Network`, whose own l2 term is :math:`\lambda`, or a :class:`ModelObjective`.
    w: the point, shape (n,).

    Raises
    ------
    InputError: the objective says nothing of its outputs.

    >>> network = Network(widths=(1, 1), inputs=[[1.0, 2.0]], targets=[[0.0, 0.0]], loss="squared", half=True)
    >>> gauss_newton_product(network, np.zeros(1))(np.ones(1)).tolist()
    [5.0]
    """
    if isinstance(objective, ModelObjective):
        return objective.gauss_newton_product(w)
    if isinstance(objective, Network):
        return _network_product(objective, w)
    raise InputError(
        f"an objective of the type {type(objective).__name__}",
        why="it says nothing of its outputs, so it has no Gauss-Newton matrix",
        cure="give a Network or an OutputObjective, or use the rule Newton",
    )


def _network_product(network: Network, w: FloatArray) -> Product:
    """The product of a dense network: a tangent forward, its change of slope backward."""
    layers = network.layers(w)
    hidden, before = network._forward(layers)
    slopes = [network._unit.slope(before[m], hidden[m + 1]) for m in range(len(layers) - 1)]

    def product(v: FloatArray) -> FloatArray:
        """The product with one vector."""
        _, moves = network._tangents(layers, network.layers(v), hidden, before)
        change = network._loss.slope_change(before[-1], moves[-1])
        parts: list[FloatArray] = []
        for m in range(len(layers) - 1, -1, -1):
            matrix = change @ hidden[m].T
            parts += [change.sum(axis=1), matrix.ravel()] if network.bias else [matrix.ravel()]
            if m:
                change = (layers[m][0].T @ change) * slopes[m - 1]
        found = np.concatenate(parts[::-1])
        return found + network.l2 * v if network.l2 else found

    return product
