r"""Entrywise functions over a prime field: values and partial derivatives at many points.

A transcendental function has a pseudo-random value that depends on the value of its argument alone, and the derivative
that its differential equation gives.  Functions of one family share one draw: with E = exp(2u), tanh u is
(E - 1)/(E + 1), so that related functions of one argument stay related.  Which branch of a bent function a point lies
on is said by signs that were found at the same point in double precision.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.expression import Node
from symmetries.large.moment_field import FloatArray, PrimeField
from symmetries.modular import UnsuitablePrime

Signs: TypeAlias = FloatArray | None
Entry: TypeAlias = tuple[FloatArray, list[FloatArray]]
"""A value and its partial derivatives."""

BENT = frozenset({"relu", "abs", "sign"})
BENT_OPERATIONS = frozenset({"leaky_relu", "elu", "maximum", "minimum", "where"})


def is_bent(node: Node) -> bool:
    """Whether an operation has branches."""
    return node.operation in BENT_OPERATIONS or (node.operation == "function" and node.payload in BENT)


@final
class Functions:
    """The entrywise functions over one field; ``good`` is narrowed to the samples at which they are defined."""

    def __init__(self, field: PrimeField) -> None:
        self.field = field
        self._half = np.asarray(field.residue(Fraction(1, 2)))
        root = pow(2, (field.prime + 1) // 4, field.prime)
        self._root_two = np.asarray(float(root))

    # families of functions that share one draw

    def exp(self, u: FloatArray) -> FloatArray:
        """exp with exp(-u) = 1/exp(u) and exp(0) = 1."""
        field = self.field
        upper = field.is_upper(u)
        drawn = field.draw("exp", np.where(upper, -u, u))
        drawn = np.where(upper, field.inverse(drawn), drawn)
        return np.where(field.is_zero(u), 1.0, drawn)

    def log(self, u: FloatArray) -> FloatArray:
        """log |u| with log 1 = 0."""
        field = self.field
        folded = np.where(field.is_upper(u), -u, u)
        return np.where(field.canonical(folded) == 1, 0.0, field.draw("log", folded))

    def _odd(self, kind: str, u: FloatArray) -> FloatArray:
        field = self.field
        upper = field.is_upper(u)
        drawn = field.draw(kind, np.where(upper, -u, u))
        return np.where(field.is_zero(u), 0.0, np.where(upper, -drawn, drawn))

    def _normal(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function and density of the normal distribution."""
        field = self.field
        upper = field.is_upper(u)
        folded = np.where(upper, -u, u)
        drawn = field.draw("cdf", folded)
        cdf = np.where(field.is_zero(u), self._half, np.where(upper, 1 - drawn, drawn))
        return field.reduce(cdf), field.draw("pdf", folded)

    def _circle(self, u: FloatArray, good: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(cos u, sin u) from t = tan(u/2)."""
        field = self.field
        t = self._odd("tan_half", u)
        square = field.multiply(t, t)
        below = self._inverse(1 + square, good)
        return field.multiply(1 - square, below), field.multiply(2 * t, below)

    def _inverse(self, u: FloatArray, good: FloatArray) -> FloatArray:
        """1/u; samples with a zero are not good."""
        defined(good, ~self.field.is_zero(u))
        return self.field.inverse(u)

    # functions of one argument

    def one(self, name: str, u: FloatArray, signs: Signs, good: Any) -> Entry:
        """A function of the formula language with its derivative."""
        field = self.field
        if signs is not None:
            above = (signs > 0).astype(float)
            return {
                "relu": lambda: (above * u, [above]),
                "abs": lambda: (signs * u, [signs]),
                "sign": lambda: (signs, [np.zeros_like(u)]),
            }[name]()
        match name:
            case "exp":
                value = self.exp(u)
                return value, [value]
            case "log":
                return self.log(u), [self._inverse(u, good)]
            case "tanh" | "sigmoid":
                argument = field.reduce(2 * u) if name == "tanh" else u
                power = self.exp(argument)
                share = field.multiply(power, self._inverse(field.reduce(power + 1), good))
                slope = field.multiply(share, field.reduce(1 - share))
                if name == "sigmoid":
                    return share, [slope]
                return field.reduce(2 * share - 1), [field.reduce(4 * slope)]
            case "softplus":
                power = self.exp(u)
                total = field.reduce(power + 1)
                return self.log(total), [field.multiply(power, self._inverse(total, good))]
            case "sinh" | "cosh":
                power = self.exp(u)
                other = field.inverse(power)
                even, odd = field.multiply(power + other, self._half), field.multiply(power - other, self._half)
                return (odd, [even]) if name == "sinh" else (even, [odd])
            case "sin" | "cos" | "tan":
                cosine, sine = self._circle(u, good)
                if name != "tan":
                    return (sine, [cosine]) if name == "sin" else (cosine, [-sine])
                value = field.multiply(sine, self._inverse(cosine, good))
                return value, [field.reduce(1 + field.multiply(value, value))]
            case "atan":
                return self._odd("atan", u), [self._inverse(field.reduce(1 + field.multiply(u, u)), good)]
            case "normal_cdf":
                cdf, pdf = self._normal(u)
                return cdf, [pdf]
            case "gelu":
                cdf, pdf = self._normal(u)
                return field.multiply(u, cdf), [field.reduce(cdf + field.multiply(u, pdf))]
            case "erf":
                cdf, pdf = self._normal(field.multiply(u, self._root_two))
                return field.reduce(2 * cdf - 1), [field.multiply(2 * pdf, self._root_two)]
        raise UnsuitablePrime

    def power(self, u: FloatArray, exponent: Fraction, good: Any) -> Entry:
        """A rational power with its derivative r u**r / u."""
        field = self.field
        inverse = None
        if exponent.denominator == 1 and exponent >= 1:
            below = field.power(u, int(exponent) - 1)
            return field.multiply(u, below), [field.multiply(below, np.asarray(field.residue(exponent)))]
        if exponent == 0:
            return np.ones_like(u), [np.zeros_like(u)]
        inverse = self._inverse(u, good)
        root = self._root(u, exponent.denominator, good)
        whole = exponent.numerator
        value = field.power(root, whole) if whole >= 0 else field.inverse(field.power(root, -whole))
        return value, [field.multiply(value, inverse, np.asarray(field.residue(exponent)))]

    def _root(self, u: FloatArray, degree: int, good: Any) -> FloatArray:
        """The root; samples where it is not in the field are not good."""
        field, p = self.field, self.field.prime
        value = u
        while degree % 2 == 0:
            root = field.power(value, (p + 1) // 4)
            defined(good, field.is_zero(field.multiply(root, root) - value))
            value, degree = root, degree // 2
        if gcd(degree, p - 1) > 1:
            raise UnsuitablePrime
        return value if degree == 1 else field.power(value, pow(degree, -1, p - 1))

    # functions of several arguments

    def several(self, node: Node, xs: list[FloatArray], signs: Signs, good: Any) -> Entry:
        """A bent function of several arguments, or a power with a variable exponent."""
        field = self.field
        if node.operation == "exponential":
            base, exponent = xs
            logarithm = self.log(base)
            value = self.exp(field.multiply(exponent, logarithm))
            inverse = self._inverse(base, good)
            return value, [field.multiply(exponent, inverse, value), field.multiply(logarithm, value)]
        assert signs is not None
        above = (signs > 0).astype(float)
        below = 1 - above
        zero = np.zeros(())
        match node.operation:
            case "leaky_relu":
                x, slope = xs
                return above * x + below * field.multiply(slope, x), [above + below * slope, below * x]
            case "elu":
                x, slope = xs
                power = self.exp(x)
                value = above * x + below * field.multiply(slope, power - 1)
                return value, [above + below * field.multiply(slope, power), below * field.reduce(power - 1)]
            case "maximum":
                return above * xs[0] + below * xs[1], [above, below]
            case "minimum":
                return below * xs[0] + above * xs[1], [below, above]
            case "where":
                first, second = (above, below) if node.payload in {">", ">="} else (below, above)
                return first * xs[1] + second * xs[2], [zero, first, second]
        raise UnsuitablePrime


def defined(good: Any, entries: Any) -> None:
    """Keep the samples (the first axis) at which every entry is true; what does not vary says nothing."""
    if entries.shape[0] == len(good):
        good &= entries.reshape(len(good), -1).all(axis=1)
    elif not entries.all():
        good[:] = False
