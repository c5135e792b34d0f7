r"""Steepest descent under a norm, and the quotient norm that a projection makes of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.parameter_space import FloatArray

Oracle: TypeAlias = Callable[[FloatArray], FloatArray]
r"""A linear minimisation oracle :math:`g \mapsto \operatorname{argmax}_{N(u)\le 1}\langle g, u\rangle`."""

MOST_VERTICES = 20


def sign_oracle(gradient: FloatArray) -> FloatArray:
    """The oracle of the maximum norm: the signs.

    >>> sign_oracle(np.array([2.0, -0.5])).tolist()
    [1.0, -1.0]
    """
    return np.sign(gradient)


def euclidean_oracle(gradient: FloatArray) -> FloatArray:
    """The oracle of the Euclidean norm: the direction.

    >>> euclidean_oracle(np.array([3.0, 4.0])).tolist()
    [0.6, 0.8]
    """
    return gradient / np.linalg.norm(gradient)


def spectral_oracle(shape: tuple[int, int]) -> Oracle:
    """The oracle of the spectral norm of matrices of a shape, flat: the polar factor.

    >>> spectral_oracle((2, 2))(np.array([0.0, 2.0, -3.0, 0.0])).tolist()
    [0.0, 1.0, -1.0, 0.0]
    """

    def polar(gradient: FloatArray) -> FloatArray:
        """The polar factor, flat."""
        left, _, right = np.linalg.svd(gradient.reshape(shape), full_matrices=False)
        return (left @ right).reshape(-1) + 0.0

    return polar


def quotient_oracle(oracle: Oracle, projection: Any) -> Oracle:
    r"""The oracle of the quotient norm :math:`\min\{N(u) : Pu = v\}`, which is :math:`P\circ U_N\circ P^{\mathsf T}`.

    So steepest descent under a norm is natural along linear projections, when the norm goes with them.

    Parameters
    ----------
    oracle: of the norm N above.
    projection: P, shape (k, n), of full row rank.

    >>> quotient_oracle(sign_oracle, [[1.0, 1.0]])(np.array([3.0])).tolist()
    [2.0]
    """
    P = np.array(projection, dtype=float)
    if P.ndim != 2 or np.linalg.matrix_rank(P) < len(P):
        raise InputError("the projection", why="its rows must be independent", cure="give a matrix of full row rank")
    return lambda gradient: P @ oracle(P.T @ gradient)


def zonotope_oracle(projection: Any) -> Oracle:
    r"""The oracle of the zonotope :math:`P[-1, 1]^n` by trying all its corners: for checking another one.

    >>> zonotope_oracle([[1.0, 1.0]])(np.array([3.0])).tolist()
    [2.0]
    """
    P = np.array(projection, dtype=float)
    if P.shape[1] > MOST_VERTICES:
        raise InputError(
            f"a zonotope of {P.shape[1]} segments",
            why="all 2^n corners are tried",
            cure=f"give at most {MOST_VERTICES} columns",
        )
    corners = np.array(list(product((-1.0, 1.0), repeat=P.shape[1]))) @ P.T
    return lambda gradient: corners[np.argmax(corners @ gradient)]
