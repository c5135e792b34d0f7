"""The entrywise functions of the formula language in double precision, each with two derivatives.

Every function takes arrays and returns the value, the first partial derivatives and the second ones; where a function
has a kink or a jump, they are the derivatives almost everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Scalar: TypeAlias = Callable[[FloatArray], FloatArray]


@final
class Jet(NamedTuple):
    """A function of one variable with its first and second derivative."""

    value: Scalar
    first: Scalar
    second: Scalar


def special(name: str, x: FloatArray) -> FloatArray:
    """A function of ``scipy.special``, imported when it is first needed."""
    import scipy.special

    return np.asarray(getattr(scipy.special, name)(x))


def nothing(x: FloatArray) -> FloatArray:
    """Zeros."""
    return np.zeros_like(x)


def cdf(x: FloatArray) -> FloatArray:
    """Distribution function of the standard normal distribution."""
    return special("ndtr", x)


def pdf(x: FloatArray) -> FloatArray:
    """Density of the standard normal distribution."""
    return np.asarray(np.exp(-x * x / 2) / np.sqrt(2 * np.pi))


def sigmoid(x: FloatArray) -> FloatArray:
    """1/(1 + exp(-x)) without overflow."""
    return special("expit", x)


def bump(x: FloatArray) -> FloatArray:
    """Derivative of the sigmoid, accurate in both tails."""
    return sigmoid(x) * sigmoid(-x)


def logarithm(x: FloatArray) -> FloatArray:
    """Natural logarithm of a positive number."""
    return np.log(x)


def erf_slope(x: FloatArray) -> FloatArray:
    """Derivative of the error function."""
    return np.asarray(2 / np.sqrt(np.pi) * np.exp(-x * x))


FUNCTIONS: Mapping[str, Jet] = {
    "exp": Jet(np.exp, np.exp, np.exp),
    "log": Jet(logarithm, lambda x: 1 / x, lambda x: -1 / (x * x)),
    "sin": Jet(np.sin, np.cos, lambda x: -np.sin(x)),
    "cos": Jet(np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)),
    "tan": Jet(np.tan, lambda x: 1 + np.tan(x) ** 2, lambda x: 2 * np.tan(x) * (1 + np.tan(x) ** 2)),
    "sinh": Jet(np.sinh, np.cosh, np.sinh),
    "cosh": Jet(np.cosh, np.sinh, np.cosh),
    "tanh": Jet(np.tanh, lambda x: 4 * bump(2 * x), lambda x: -8 * np.tanh(x) * bump(2 * x)),
    "sigmoid": Jet(sigmoid, bump, lambda x: -bump(x) * np.tanh(x / 2)),
    "softplus": Jet(lambda x: np.logaddexp(0, x), sigmoid, bump),
    "relu": Jet(lambda x: np.maximum(0, x), lambda x: (x > 0).astype(float), nothing),
    "abs": Jet(np.abs, np.sign, nothing),
    "sign": Jet(np.sign, nothing, nothing),
    "gelu": Jet(lambda x: x * cdf(x), lambda x: cdf(x) + x * pdf(x), lambda x: (2 - x * x) * pdf(x)),
    "normal_cdf": Jet(cdf, pdf, lambda x: -x * pdf(x)),
    "erf": Jet(lambda x: special("erf", x), erf_slope, lambda x: -2 * x * erf_slope(x)),
    "atan": Jet(np.arctan, lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
}
"""Every entrywise function of one argument."""


def power(exponent: float) -> Jet:
    """x ** exponent for a number as exponent."""

    def term(coefficient: float, degree: float) -> Scalar:
        """One term, as a function of the number."""
        if coefficient == 0:
            return nothing
        if degree == 0:
            return lambda x: np.full_like(x, coefficient)
        return lambda x: np.asarray(coefficient * x**degree)

    return Jet(
        term(1.0, exponent),
        term(exponent, exponent - 1),
        term(exponent * (exponent - 1), exponent - 2),
    )


Several: TypeAlias = Callable[[Any, list[FloatArray]], FloatArray]
Partials: TypeAlias = Callable[[Any, list[FloatArray]], list[FloatArray]]
Hessian: TypeAlias = Callable[[Any, list[FloatArray]], list[list[FloatArray]]]

RELATIONS: Mapping[str, Callable[[FloatArray], np.ndarray[Any, np.dtype[np.bool_]]]] = {
    ">": lambda u: u > 0,
    ">=": lambda u: u >= 0,
    "<": lambda u: u < 0,
    "<=": lambda u: u <= 0,
    "==": lambda u: u == 0,
    "!=": lambda u: u != 0,
}


@final
class SeveralJet(NamedTuple):
    """A function of several variables (and the payload of its node) with first and second partial derivatives."""

    value: Several
    first: Partials
    second: Hessian


def still(count: int) -> Hessian:
    """Second derivatives that vanish."""
    return lambda _, xs: [[np.zeros(()) for _ in range(count)] for _ in range(count)]


def larger(x: FloatArray, y: FloatArray) -> FloatArray:
    """1 where x > y, 1/2 where they are equal, else 0."""
    return np.asarray((np.sign(x - y) + 1) / 2)


def masked(payload: Any, u: FloatArray) -> FloatArray:
    """1 where the relation holds, else 0."""
    return RELATIONS[payload](u).astype(float)


def _exponential(_: Any, xs: list[FloatArray]) -> FloatArray:
    base, exponent = xs
    return np.where(base >= 0, np.abs(base) ** exponent, np.nan)


def _exponential_first(_: Any, xs: list[FloatArray]) -> list[FloatArray]:
    base, exponent = xs
    return [exponent * base ** (exponent - 1), base**exponent * np.log(base)]


def _exponential_second(_: Any, xs: list[FloatArray]) -> list[list[FloatArray]]:
    base, exponent = xs
    mixed = base ** (exponent - 1) * (1 + exponent * np.log(base))
    return [
        [exponent * (exponent - 1) * base ** (exponent - 2), mixed],
        [mixed, base**exponent * np.log(base) ** 2],
    ]


def _elu_second(_: Any, xs: list[FloatArray]) -> list[list[FloatArray]]:
    x, slope = xs
    inside = np.where(x > 0, 0.0, np.exp(np.minimum(x, 0)))
    return [[slope * inside, inside], [inside, np.zeros(())]]


def _leaky_second(_: Any, xs: list[FloatArray]) -> list[list[FloatArray]]:
    below = (xs[0] <= 0).astype(float)
    return [[np.zeros(()), below], [below, np.zeros(())]]


SEVERAL: Mapping[str, SeveralJet] = {
    "leaky_relu": SeveralJet(
        lambda _, xs: np.where(xs[0] > 0, xs[0], xs[1] * xs[0]),
        lambda _, xs: [np.where(xs[0] > 0, 1.0, xs[1]), np.minimum(xs[0], 0)],
        _leaky_second,
    ),
    "elu": SeveralJet(
        lambda _, xs: np.where(xs[0] > 0, xs[0], xs[1] * np.expm1(np.minimum(xs[0], 0))),
        lambda _, xs: [
            np.where(xs[0] > 0, 1.0, xs[1] * np.exp(np.minimum(xs[0], 0))),
            np.expm1(np.minimum(xs[0], 0)),
        ],
        _elu_second,
    ),
    "maximum": SeveralJet(
        lambda _, xs: np.maximum(*xs), lambda _, xs: [larger(xs[0], xs[1]), larger(xs[1], xs[0])], still(2)
    ),
    "minimum": SeveralJet(
        lambda _, xs: np.minimum(*xs), lambda _, xs: [larger(xs[1], xs[0]), larger(xs[0], xs[1])], still(2)
    ),
    "where": SeveralJet(
        lambda relation, xs: np.where(RELATIONS[relation](xs[0]), xs[1], xs[2]),
        lambda relation, xs: [np.zeros(()), masked(relation, xs[0]), 1 - masked(relation, xs[0])],
        still(3),
    ),
    "exponential": SeveralJet(_exponential, _exponential_first, _exponential_second),
}
"""Every entrywise function of several arguments."""
