"""Losses of a network's outputs, with the first derivative and its change along a direction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals


class OutputLoss(ABC):
    """A function of the outputs, one column a sample."""

    @abstractmethod
    def value(self, outputs: FloatArray) -> float:
        """The loss."""

    @abstractmethod
    def slope(self, outputs: FloatArray) -> FloatArray:
        """Its derivative in the outputs."""

    @abstractmethod
    def slope_change(self, outputs: FloatArray, direction: FloatArray) -> FloatArray:
        """The derivative of the slope along a direction of the outputs."""

    @abstractmethod
    def on(self, indices: Any) -> OutputLoss:
        """The same loss of some of the samples."""


@final
class SquaredError(OutputLoss):
    r"""The squared error :math:`c\,\|Z - Y\|_F^2`.

    Parameters
    ----------
    targets: Y, shape (outputs, samples).
    scale: the factor c.

    >>> error = SquaredError(np.array([[1.0, 2.0]]), scale=0.5)
    >>> error.value(np.zeros((1, 2))), error.slope(np.zeros((1, 2))).tolist()
    (2.5, [[-1.0, -2.0]])
    """

    def __init__(self, targets: FloatArray, *, scale: float = 1.0) -> None:
        self.targets, self.scale = targets, scale

    def value(self, outputs: FloatArray) -> float:
        """The squared error."""
        rest = outputs - self.targets
        return self.scale * float(np.sum(rest * rest))

    def slope(self, outputs: FloatArray) -> FloatArray:
        """2c(Z - Y)."""
        return 2 * self.scale * (outputs - self.targets)

    def slope_change(self, outputs: FloatArray, direction: FloatArray) -> FloatArray:
        """2c times the direction."""
        return 2 * self.scale * direction

    def on(self, indices: Any) -> SquaredError:
        """The squared error of some of the samples."""
        return SquaredError(self.targets[:, indices], scale=self.scale)


@final
class CrossEntropy(OutputLoss):
    r"""The mean cross-entropy :math:`\frac1n\sum_i(\log\sum_k e^{z_{ki}} - z_{y_i i})`.

    Parameters
    ----------
    classes: the class of each sample, shape (samples,).

    >>> entropy = CrossEntropy(np.array([0, 1]))
    >>> round(entropy.value(np.zeros((2, 2))), 6), entropy.slope(np.zeros((2, 2))).tolist()
    (0.693147, [[-0.25, 0.25], [0.25, -0.25]])
    """

    def __init__(self, classes: Any) -> None:
        self.classes = classes

    def value(self, outputs: FloatArray) -> float:
        """The mean cross-entropy."""
        top = outputs.max(axis=0)
        total = top + np.log(np.exp(outputs - top).sum(axis=0))
        return float(np.mean(total - outputs[self.classes, np.arange(outputs.shape[1])]))

    def slope(self, outputs: FloatArray) -> FloatArray:
        """The probabilities minus the indicators of the classes, over n."""
        slope = self._probabilities(outputs)
        slope[self.classes, np.arange(outputs.shape[1])] -= 1
        return slope / outputs.shape[1]

    def slope_change(self, outputs: FloatArray, direction: FloatArray) -> FloatArray:
        """The change of the probabilities, over n."""
        p = self._probabilities(outputs)
        pd = p * direction
        return (pd - p * pd.sum(axis=0)) / outputs.shape[1]

    def on(self, indices: Any) -> CrossEntropy:
        """The mean cross-entropy of some of the samples."""
        return CrossEntropy(self.classes[indices])

    @staticmethod
    def _probabilities(outputs: FloatArray) -> FloatArray:
        """The softmax of each column."""
        e = np.exp(outputs - outputs.max(axis=0))
        return e / e.sum(axis=0)


def output_loss(name: str, targets: Any, *, outputs: int, samples: int, half: bool = False) -> OutputLoss:
    """The loss of a name, with its targets checked.

    >>> output_loss("squared", [[1.0, 2.0]], outputs=1, samples=2).value(np.zeros((1, 2)))
    5.0
    """
    if name == "cross-entropy":
        classes = _read_array(targets)
        if classes.shape != (samples,) or classes.dtype.kind not in "iu":
            raise InputError(
                f"targets of the shape {list(classes.shape)} and the type {classes.dtype}",
                why=f"cross-entropy takes one class, an integer, for each of {samples} samples",
                cure='give integers of the shape [samples], or write loss="squared"',
            )
        if samples and not 0 <= classes.min() <= classes.max() < outputs:
            raise InputError(
                f"the class {int(classes.max() if classes.max() >= outputs else classes.min())}",
                why=f"the network has {outputs} outputs, so the classes are 0 to {outputs - 1}",
                cure="make the last width the number of classes",
            )
        return CrossEntropy(classes)
    if name == "squared":
        values = read_reals(targets, what="the targets")
        if values.shape != (outputs, samples) or not np.isfinite(values).all():
            raise InputError(
                f"targets of the shape {list(values.shape)}",
                why=f"the outputs have the shape {[outputs, samples]}, and numbers must be finite",
                cure="give one column a sample",
            )
        return SquaredError(values, scale=0.5 if half else 1.0)
    raise InputError(f"loss={name!r}", why="it is not known", cure='use "cross-entropy" or "squared"')


def _read_array(targets: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """Classes as an array of whatever type they have."""
    try:
        return np.asarray(targets)
    except ValueError:
        raise InputError(
            "the targets", why="the lists have different lengths", cure="give one class a sample"
        ) from None
