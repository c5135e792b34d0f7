r"""Deep linear networks: the projection :math:`(W_1, W_2) \mapsto W_2W_1` and the coordinate that repairs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.projection import Projection
from symmetries.actions.parameter_space import FloatArray

Slope: TypeAlias = Callable[[float], float]

ACCURACY = 1e-12


def product_projection(widths: tuple[int, int, int]) -> Projection:
    r"""The projection of a two-layer linear network, :math:`\pi(W_1, W_2) = W_2W_1`, on flat arrays.

    Parameters
    ----------
    widths: inputs, hidden units and outputs; W_1 has shape (hidden, inputs), W_2 (outputs, hidden).

    >>> product_projection((1, 1, 1))([2.0, 3.0]).tolist()
    [6.0]
    """
    inputs, hidden, outputs = widths
    if hidden < min(inputs, outputs):
        raise InputError(
            f"a network of the widths {widths}",
            why="products of so thin factors have not full rank, so they fill no open set",
            cure="give at least min(inputs, outputs) hidden units",
        )

    def multiply(theta: Any) -> Any:
        """The product, flat."""
        W1 = theta[: hidden * inputs].reshape(hidden, inputs)
        W2 = theta[hidden * inputs :].reshape(outputs, hidden)
        return (W2 @ W1).reshape(-1)

    source = hidden * (inputs + outputs)
    return Projection(multiply, source=source, target=inputs * outputs, name="W2 W1")


def product_co_metric(W1: Any, W2: Any) -> Callable[[FloatArray], FloatArray]:
    r"""The co-metric of gradient descent below the product, :math:`K(E) = W_2W_2^{\mathsf T}E + EW_1^{\mathsf T}W_1`.

    >>> product_co_metric([[1.0]], [[2.0]])(np.array([[1.0]])).tolist()
    [[5.0]]

    Source: S. Arora, N. Cohen and E. Hazan, "On the optimization of deep networks: implicit acceleration by
    overparameterization" (2018), theorem 1.
    """
    first, second = np.array(W1, dtype=float), np.array(W2, dtype=float)
    return lambda E: second @ second.T @ E + E @ first.T @ first


def balanced_co_metric(W: Any, *, offset: float = 0.0) -> Callable[[FloatArray], FloatArray]:
    r"""The same where :math:`W_1W_1^{\mathsf T} - W_2^{\mathsf T}W_2 = \lambda I`, from the product alone.

    .. math:: K(E) = (WW^{\mathsf T} + \tfrac{\lambda^2}4 I)^{1/2}E + E(W^{\mathsf T}W + \tfrac{\lambda^2}4 I)^{1/2}

    It holds on the balanced leaf, :math:`\lambda = 0`, for all widths, and elsewhere for square factors.  On other
    leaves with two hidden units or more the co-metric is no function of the product.

    Parameters
    ----------
    W: the product.
    offset: :math:`\lambda`.

    >>> balanced_co_metric([[4.0]])(np.array([[1.0]])).tolist()
    [[8.0]]
    >>> balanced_co_metric([[6.0]], offset=5.0)(np.array([[1.0]])).tolist()  # factors 3 and 2: 9 + 4
    [[13.0]]
    """
    product = np.array(W, dtype=float)
    if offset and product.shape[0] != product.shape[1]:
        raise InputError(
            f"a product of the shape {list(product.shape)} with an offset",
            why="the co-metric is a function of the product for square factors alone",
            cure="use offset=0, or square factors",
        )
    left, values, right = np.linalg.svd(product)
    roots = [np.zeros(size) + abs(offset) / 2 for size in product.shape]
    for root in roots:
        root[: len(values)] = np.sqrt(values**2 + offset**2 / 4)
    rows, columns = (left * roots[0]) @ left.T, (right.T * roots[1]) @ right
    return lambda E: rows @ E + E @ columns


def conserved(W1: Any, W2: Any) -> FloatArray:
    r"""The quantity :math:`W_1W_1^{\mathsf T} - W_2^{\mathsf T}W_2` that gradient flow keeps, shape (hidden, hidden).

    >>> conserved([[3.0]], [[2.0]]).tolist()
    [[5.0]]
    """
    first, second = np.array(W1, dtype=float), np.array(W2, dtype=float)
    return first @ first.T - second.T @ second


def factored_flow(a: float, b: float, slope: Slope, *, time: float) -> tuple[float, float]:
    """Gradient flow of L(ab) from (a, b): its end.

    >>> factored_flow(1.0, 1.0, lambda w: 0.0, time=1.0)
    (1.0, 1.0)
    """
    end = _integrate(lambda y: np.array([-y[1], -y[0]]) * slope(float(y[0] * y[1])), np.array([a, b]), time)
    return float(end[0]), float(end[1])


def reduced_flow(w: float, Q: float, slope: Slope, *, time: float) -> float:
    r"""The same in the product w = ab alone, with the conserved :math:`Q = a^2 - b^2` as a parameter.

    .. math:: \dot w = -\sqrt{Q^2 + 4w^2}\;L'(w)

    Parameters
    ----------
    w: the product at the start.
    Q: the conserved quantity.
    slope: :math:`L'`.
    time: how long.

    >>> a, b = factored_flow(0.5**0.5, 0.5**0.5, lambda w: w - 1.0, time=1.0)
    >>> abs(reduced_flow(0.5, 0.0, lambda w: w - 1.0, time=1.0) - a * b) < 1e-10
    True
    """
    return float(_integrate(lambda y: -np.sqrt(Q * Q + 4 * y * y) * slope(float(y[0])), np.array([w]), time)[0])


def _integrate(field: Callable[[FloatArray], FloatArray], start: FloatArray, time: float) -> FloatArray:
    """The end of an integral curve."""
    from scipy.integrate import solve_ivp

    found = solve_ivp(
        lambda _, y: field(y), (0.0, float(time)), start.astype(float), method="DOP853", rtol=ACCURACY, atol=ACCURACY
    )
    if not found.success:
        raise InputError("the flow", why=found.message, cure="follow it for a shorter time")
    return np.asarray(found.y[:, -1])
