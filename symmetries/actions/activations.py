"""Activation functions with their inverses, on real arrays and, for exact derivatives, on slightly complex ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError


@final
@dataclass(frozen=True)
class Activation:
    r"""A function :math:`\sigma` applied to every entry.

    Parameters
    ----------
    name: name in the formula language.
    formula: template of its application in the formula language.
    value: the function.
    inverse: its inverse where it is one-to-one, else None.
    range: the open interval of its values.

    >>> round(float(activation("tanh").inverse(np.array(0.5))), 6)
    0.549306
    """

    name: str
    formula: str
    value: Callable[[Any], Any]
    inverse: Callable[[Any], Any] | None = None
    range: tuple[float, float] = (-np.inf, np.inf)


def _leaky(slope: float) -> Callable[[Any], Any]:
    """The function that is x for positive and slope times x for negative real parts."""
    return lambda x: np.where(np.real(x) > 0, x, slope * x)


def _log_ratio(y: Any) -> Any:
    """Inverse of tanh, accurate for small imaginary parts."""
    return (np.log1p(y) - np.log1p(-y)) / 2


def _asinh(y: Any) -> Any:
    """Inverse of sinh, accurate for negative real and for small imaginary parts."""
    sign = np.where(np.real(y) < 0, -1.0, 1.0)
    return sign * np.log(sign * y + np.sqrt(y * y + 1))


def _softplus(x: Any) -> Any:
    """log(1 + e^x) without overflow."""
    large = np.real(x) > 0
    return np.where(large, x, 0) + np.log1p(np.exp(np.where(large, -x, x)))


def _softplus_inverse(y: Any) -> Any:
    """log(e^y - 1) without overflow."""
    return y + np.log(-np.expm1(-y))


ACTIVATIONS = {
    one.name: one
    for one in (
        Activation("identity", "({0})", lambda x: x, lambda y: y),
        Activation("leaky_relu", "leaky_relu({0}, 1/10)", _leaky(0.1), _leaky(10.0)),
        Activation("tanh", "tanh({0})", np.tanh, _log_ratio, (-1.0, 1.0)),
        Activation(
            "sigmoid", "sigmoid({0})", lambda x: 1 / (1 + np.exp(-x)), lambda y: np.log(y / (1 - y)), (0.0, 1.0)
        ),
        Activation("sinh", "sinh({0})", np.sinh, _asinh),
        Activation("softplus", "softplus({0})", _softplus, _softplus_inverse, (0.0, np.inf)),
        Activation("relu", "relu({0})", _leaky(0.0)),
        Activation("square", "square({0})", lambda x: x * x),
        Activation("sin", "sin({0})", np.sin),
    )
}
"""The known activations by name."""


def activation(name: str) -> Activation:
    """The activation of a name, refused when it is not known."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise InputError(f"the activation {name!r}", why="it is not known", cure=f"use one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
