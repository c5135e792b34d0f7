r"""Curves of the action on hidden states of a network, in closed form.

With :math:`s = \sigma(z)` on layer m, Lie algebra elements M on that layer and N on the one below, and the left inverse
H of the layer's inputs,

.. math::
    \gamma' = \varphi' H - W N, \qquad \gamma'' = \varphi'' H - 2\varphi' H N + W N^2, \\
    \varphi' = \frac{Ms}{\sigma'}, \qquad \varphi'' = \frac{M^2s}{\sigma'} - \frac{\sigma''}{\sigma'^3}(Ms)^2,

the divisions entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from solvers.curves import SmoothCurves
from symmetries.actions.network_action import STEP, HiddenStateAction
from symmetries.actions.parameter_space import FloatArray

AnyArray: TypeAlias = np.ndarray[Any, Any]

CHUNK = 64
"""Coordinates that are perturbed at once in a gradient."""

SLOPES: dict[str, tuple[Callable[[AnyArray], AnyArray], Callable[[AnyArray], AnyArray]]] = {
    "identity": (np.ones_like, np.zeros_like),
    "leaky_relu": (lambda s: np.where(np.real(s) > 0, 1.0, 0.1), np.zeros_like),
    "tanh": (lambda s: 1 - s * s, lambda s: -2 * s * (1 - s * s)),
    "sigmoid": (lambda s: s * (1 - s), lambda s: s * (1 - s) * (1 - 2 * s)),
    "sinh": (lambda s: np.sqrt(1 + s * s), lambda s: s),
    "softplus": (lambda s: -np.expm1(-s), lambda s: -np.expm1(-s) * np.exp(-s)),
}
r"""The derivatives :math:`\sigma'` and :math:`\sigma''` as analytic functions of :math:`s = \sigma(z)`, by name."""


@final
class HiddenStateCurves(SmoothCurves):
    """Curves of :class:`symmetries.actions.network_action.HiddenStateAction`.

    Gradients are exact: imaginary perturbations of the weights through the closed form.

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
    (2023), arXiv:2305.13404, appendix on curvature, for one pair of layers and piecewise linear activations.
    """

    def __init__(self, action: HiddenStateAction) -> None:
        super().__init__(action)
        self.network = action
        self._slope, self._bend = SLOPES[action.activation.name]

    def derivatives(self, w: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The closed form, where the left inverses exist."""
        self.action.apply(self.action.identity, w)  # refuses hidden states that lack rank
        first, second = self._jets(w, self._elements(t))
        return first, second

    def pulled(self, w: FloatArray, t: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
        """Imaginary parts of the closed form at slightly complex weights."""
        elements, result = self._elements(t), np.zeros_like(w)
        for start in range(0, len(w), CHUNK):
            size = min(CHUNK, len(w) - start)
            near = np.tile(w.astype(complex), (size, 1))
            near[np.arange(size), start + np.arange(size)] += 1j * STEP
            one, two = self._jets(near, elements)
            result[start : start + size] = (one @ first + two @ second).imag / STEP
        return result

    def _elements(self, t: FloatArray) -> list[FloatArray]:
        """The Lie algebra matrices, one for each hidden layer."""
        parts, start = [], 0
        for group in self.network.groups:
            parts.append(group.combine(t[start : start + group.dimension]))
            start += group.dimension
        return parts

    def _jets(self, w: AnyArray, elements: Sequence[FloatArray]) -> tuple[AnyArray, AnyArray]:
        """First and second derivative at one point or at points in rows."""
        weights = list(self.network.space.split(w).values())
        hidden: AnyArray = self.network.inputs
        below: FloatArray | None = None
        firsts, seconds = [], []
        for weight, element, projection in zip(weights, elements, self.network.projections, strict=False):
            z = weight @ hidden
            s = self.network.activation.value(z)
            left = np.linalg.solve(projection @ z, projection @ weight)
            moved, slope = element @ s, self._slope(s)
            first = moved / slope @ left
            second = ((element @ moved) / slope - self._bend(s) / slope**3 * moved**2) @ left
            if below is not None:
                second = second - 2 * first @ below + weight @ (below @ below)
                first = first - weight @ below
            firsts.append(first)
            seconds.append(second)
            hidden, below = s, element
        assert below is not None
        firsts.append(-weights[-1] @ below)
        seconds.append(weights[-1] @ (below @ below))
        return _joined(firsts), _joined(seconds)


def _joined(parts: Sequence[AnyArray]) -> AnyArray:
    """Matrices as one vector, or one vector in each row."""
    return np.concatenate([part.reshape(*part.shape[:-2], -1) for part in parts], axis=-1)
