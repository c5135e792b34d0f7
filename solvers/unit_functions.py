"""Activations of network units with the first two derivatives that gradients and Hessian-vector products need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.parameter_space import FloatArray

Derivative: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]


@final
@dataclass(frozen=True)
class UnitFunction:
    r"""A function :math:`\sigma` applied to every entry, with :math:`\sigma'` and :math:`\sigma''`.

    Parameters
    ----------
    value: z -> h.
    slope: (z, h) -> the first derivative at z.
    bend: (z, h) -> the second derivative at z; None where it is zero almost everywhere.

    >>> square = UnitFunction(lambda z: z**2, lambda z, _h: 2 * z, lambda z, _h: np.full_like(z, 2.0))
    >>> square.slope(np.array([3.0]), np.array([9.0])).tolist()
    [6.0]
    """

    value: Callable[[FloatArray], FloatArray]
    slope: Derivative
    bend: Derivative | None = None


def _logistic(z: FloatArray) -> FloatArray:
    """1 / (1 + e^-z) without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1 + e)


def _leaky(slope: float) -> UnitFunction:
    """The function that is z for positive and slope times z for negative z."""
    return UnitFunction(lambda z: np.maximum(z, slope * z), lambda z, _h: np.where(z > 0, 1.0, slope))


UNIT_FUNCTIONS = {
    "identity": UnitFunction(lambda z: z, lambda z, _h: np.ones_like(z)),
    "relu": UnitFunction(lambda z: np.maximum(z, 0.0), lambda z, _h: np.where(z > 0, 1.0, 0.0)),
    "leaky_relu": _leaky(0.1),
    "tanh": UnitFunction(np.tanh, lambda _z, h: 1 - h * h, lambda _z, h: -2 * h * (1 - h * h)),
    "sigmoid": UnitFunction(_logistic, lambda _z, h: h * (1 - h), lambda _z, h: h * (1 - h) * (1 - 2 * h)),
    "softplus": UnitFunction(
        lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
        lambda z, _h: _logistic(z),
        lambda z, _h: _logistic(z) * _logistic(-z),
    ),
}
"""The known activations by the names of the formula language."""


def unit_function(name: str) -> UnitFunction:
    """The activation of a name.

    >>> unit_function("relu").value(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    if not isinstance(name, str) or name not in UNIT_FUNCTIONS:
        raise InputError(
            f"the activation {name!r}", why="it is not known", cure=f"use one of {', '.join(UNIT_FUNCTIONS)}"
        )
    return UNIT_FUNCTIONS[name]
