"""Two learning problems on scikit-learn's digits, as objectives with exact Hessian-vector products.

Both read the 1,797 images of 8 x 8 pixels that scikit-learn carries, divided by 16, so that pixels lie in [0, 1].
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_softmax, softmax
from sklearn.datasets import load_digits

from solvers.objective import Objective
from symmetries.actions.parameter_space import FloatArray, ParameterSpace


def digits() -> tuple[FloatArray, FloatArray]:
    """Images in rows, shape (1797, 64), and their classes."""
    images, classes = load_digits(return_X_y=True)
    return images / 16.0, classes


class LogisticRegression(Objective):
    r"""Odd against even digits: :math:`\frac1n\sum_i\log(1+e^{-y_i x_i^Tw}) + \frac\lambda2|w|^2`, 64 parameters."""

    def __init__(self, l2: float = 1e-2) -> None:
        super().__init__(ParameterSpace({"w": (64,)}))
        images, classes = digits()
        self.signed = images * np.where(classes % 2 == 1, 1.0, -1.0)[:, None]
        self.l2 = l2

    def initial(self, seed: int) -> FloatArray:
        """A start with normal entries of standard deviation 1/20."""
        return np.random.default_rng(seed).standard_normal(64) / 20

    def _value(self, w: FloatArray) -> float:
        return float(np.logaddexp(0, -self.signed @ w).mean() + self.l2 / 2 * (w @ w))

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        margins = self.signed @ w
        value = np.logaddexp(0, -margins).mean() + self.l2 / 2 * (w @ w)
        return float(value), -self.signed.T @ expit(-margins) / len(margins) + self.l2 * w

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        share = expit(self.signed @ w)
        weighted = share * (1 - share) * (self.signed @ v)
        return self.signed.T @ weighted / len(share) + self.l2 * v


class SoftplusNetwork(Objective):
    """All ten classes by a softplus network 64-50-10 with biases and mean cross-entropy, 3,760 parameters."""

    def __init__(self, l2: float = 0.0) -> None:
        super().__init__(ParameterSpace({"W1": (50, 64), "b1": (50,), "W2": (10, 50), "b2": (10,)}))
        self.images, self.classes = digits()
        self.hot = np.eye(10)[self.classes]
        self.l2 = l2

    def initial(self, seed: int) -> FloatArray:
        """Weights with variance one over the number of inputs, biases zero."""
        rng = np.random.default_rng(seed)
        first, second = rng.standard_normal((50, 64)) / 8, rng.standard_normal((10, 50)) / np.sqrt(50)
        return np.concatenate([first.ravel(), np.zeros(50), second.ravel(), np.zeros(10)])

    @staticmethod
    def _split(w: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """The four arrays of a flat vector."""
        return w[:3200].reshape(50, 64), w[3200:3250], w[3250:3750].reshape(10, 50), w[3750:]

    def _value(self, w: FloatArray) -> float:
        return self._value_and_grad(w)[0]

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        W1, b1, W2, b2 = self._split(w)
        inner = self.images @ W1.T + b1
        hidden = np.logaddexp(0, inner)
        scores = hidden @ W2.T + b2
        value = -(self.hot * log_softmax(scores, axis=1)).sum() / len(scores) + self.l2 / 2 * (w @ w)
        error = (softmax(scores, axis=1) - self.hot) / len(scores)
        back = (error @ W2) * expit(inner)
        parts = back.T @ self.images, back.sum(0), error.T @ hidden, error.sum(0)
        return float(value), np.concatenate([part.ravel() for part in parts]) + self.l2 * w

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        (W1, b1, W2, b2), (V1, c1, V2, c2) = self._split(w), self._split(v)
        inner, d_inner = self.images @ W1.T + b1, self.images @ V1.T + c1
        slope = expit(inner)
        hidden, d_hidden = np.logaddexp(0, inner), slope * d_inner
        shares = softmax(hidden @ W2.T + b2, axis=1)
        d_scores = d_hidden @ W2.T + hidden @ V2.T + c2
        count = len(shares)
        error = (shares - self.hot) / count
        d_error = shares * (d_scores - (shares * d_scores).sum(1, keepdims=True)) / count
        d_back = (d_error @ W2 + error @ V2) * slope + (error @ W2) * slope * (1 - slope) * d_inner
        parts = (
            d_back.T @ self.images,
            d_back.sum(0),
            d_error.T @ hidden + error.T @ d_hidden,
            d_error.sum(0),
        )
        return np.concatenate([part.ravel() for part in parts]) + self.l2 * v
