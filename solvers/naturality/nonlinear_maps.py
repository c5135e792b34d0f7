"""Nonlinear changes of coordinates: coordinatewise, generic, conformal, triangular, and the Möbius maps of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.linear_maps import general_matrix
from solvers.naturality.morphism import Morphism
from symmetries.arguments import read_generator


def coordinatewise(size: int, rng: Any = 0) -> Morphism:
    """The hyperbolic sine of each coordinate after a scaling.

    >>> coordinatewise(2).jacobian([0.5, 1.0]).nonzero()[0].tolist()
    [0, 1]
    """
    scale = read_generator(rng).uniform(0.7, 1.3, size)
    return Morphism(lambda x: np.sinh(scale * x), lambda y: np.arcsinh(y) / scale, name="coordinatewise map")


def generic(size: int, rng: Any = 0) -> Morphism:
    """A smooth map that mixes all coordinates, with no symmetry: a sine hyperbolicus between two general matrices.

    >>> check = generic(3)
    >>> bool(np.allclose(check.pull(check.apply([0.3, -0.2, 0.5])), [0.3, -0.2, 0.5]))
    True
    """
    generator = read_generator(rng)
    inner, outer = (general_matrix(size, generator, condition=2.0) for _ in range(2))
    before, after = np.linalg.inv(inner), np.linalg.inv(outer)
    return Morphism(
        lambda x: outer @ np.sinh(inner @ x), lambda y: before @ np.arcsinh(after @ y), name="generic smooth map"
    )


def complex_exponential() -> Morphism:
    """The map exp(z) of the plane as complex numbers, which is conformal.

    >>> complex_exponential().apply([0.0, 0.0]).tolist()
    [1.0, 0.0]
    """

    def inverse(y: Any) -> Any:
        """The principal logarithm."""
        return np.stack([np.log(y[0] ** 2 + y[1] ** 2) / 2, np.arctan2(y[1], y[0])])

    return Morphism(
        lambda x: np.stack([np.exp(x[0]) * np.cos(x[1]), np.exp(x[0]) * np.sin(x[1])]), inverse, name="exp(z)"
    )


def inversion(size: int, rng: Any = 0) -> Morphism:
    r"""The inversion :math:`c + (\theta - c)/|\theta - c|^2` at a sphere of radius one, which is conformal.

    >>> image = inversion(3).apply([0.1, 0.2, 0.3])
    >>> inversion(3).pull(image).round(12).tolist()
    [0.1, 0.2, 0.3]
    """
    centre = read_generator(rng).standard_normal(size)
    centre = 3 * centre / np.linalg.norm(centre)

    def invert(x: Any) -> Any:
        """The map, which is its own inverse up to the radius."""
        away = x - centre
        return centre + 9 * away / (away * away).sum()

    return Morphism(invert, invert, name="inversion")


def matrix_moebius(shape: tuple[int, int], rng: Any = 0) -> Morphism:
    r"""The map :math:`W \mapsto (A W + B)(C W + D)^{-1}` of matrices, whose Jacobian is a two-sided map at each W.

    >>> check = matrix_moebius((2, 3))
    >>> W = np.linspace(-1, 1, 6)
    >>> bool(np.allclose(check.pull(check.apply(W)), W))
    True
    """
    rows, columns = shape
    generator = read_generator(rng)
    A, D = (general_matrix(side, generator, condition=2.0) for side in shape)
    B = 0.3 * generator.standard_normal((rows, columns))
    C = 0.1 * generator.standard_normal((columns, rows))
    whole = np.linalg.inv(np.block([[A, B], [C, D]]))
    back = (whole[:rows, :rows], whole[:rows, rows:], whole[rows:, :rows], whole[rows:, rows:])

    def fraction(parts: tuple[Any, ...], x: Any) -> Any:
        """The fractional linear map of four blocks."""
        a, b, c, d = parts
        W = x.reshape(rows, columns)
        return ((a @ W + b) @ np.linalg.inv(c @ W + d)).reshape(-1)

    return Morphism(lambda x: fraction((A, B, C, D), x), lambda y: fraction(back, y), name="matrix Möbius map")


def triangular(size: int, rng: Any = 0, *, upper: bool = False) -> Morphism:
    """An autoregressive map: each coordinate is moved by a function of those before it, or after it where ``upper``.

    >>> J = triangular(3).jacobian([0.1, 0.2, 0.3])
    >>> bool(np.allclose(J, np.tril(J))), bool(np.allclose(J, np.triu(J)))
    (True, False)
    """
    if size < 2:
        raise InputError(f"{size} coordinates", why="none stands before another", cure="give two or more")
    generator = read_generator(rng)
    weights = np.tril(generator.uniform(0.4, 0.9, (size, size)), -1)
    scale = generator.uniform(0.8, 1.2, size)
    order = range(size)
    if upper:
        weights, order = weights.T, range(size - 1, -1, -1)

    def forward(x: Any) -> Any:
        """Scaled coordinates plus waves of the others."""
        return scale * x + weights @ np.sin(x)

    def inverse(y: Any) -> Any:
        """One coordinate after the other."""
        found: dict[int, Any] = {}
        for place in order:
            rest = y[place]
            for other, value in found.items():
                rest = rest - weights[place, other] * np.sin(value)
            found[place] = rest / scale[place]
        return np.stack([found[place] for place in range(size)])

    return Morphism(forward, inverse, name=f"{'upper' if upper else 'lower'} triangular map")
