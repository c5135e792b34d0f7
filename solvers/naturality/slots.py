"""Types of what an optimizer remembers, and how each follows a change of coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.morphism import Morphism
from symmetries.actions.parameter_space import FloatArray

TYPES = {
    "point": "φ(point)",
    "vector": "J v",
    "covector": "J⁻ᵀ m",
    "cov2": "J⁻ᵀ H J⁻¹",
    "con2": "J B Jᵀ",
    "diag_cov2": "(J⁻ᵀ)∘² s, J monomial",
    "diag_con2": "J∘² s, J monomial",
    "row_cov2": "P⁻ᵀ L P⁻¹ for W' = P W Q",
    "col_cov2": "Q⁻¹ R Q⁻ᵀ for W' = P W Q",
    "frame_scalar": "itself",
    "scalar": "itself",
    "tt": "J v; its rate of change gains D²φ(v, v)",
    "opaque": "no lift is known",
}
"""The slot types with their push-forward along φ, where J = Dφ."""

MONOMIAL = 1e-12
"""Entries below this part of the largest are taken for zero when a Jacobian is checked for being monomial."""


class NoLift(InputError):
    """A slot does not follow the change of coordinates: its type has no push-forward there."""


def push_slot(kind: str, value: Any, theta: FloatArray, morphism: Morphism) -> Any:
    r"""A slot in other coordinates.

    Parameters
    ----------
    kind: one of :data:`TYPES`.
    value: an array of n entries in any shape, or of shape (n, n) for ``cov2`` and ``con2``; matrices may be stacked.
    theta: the point, shape (n,), at which the Jacobian is taken.
    morphism: the change of coordinates.

    Raises
    ------
    NoLift: a diagonal type meets a Jacobian that is not monomial, a factor meets a map that has none, or the type is
        ``opaque``.
    InputError: the type is not known.

    >>> stretch = Morphism.linear(np.diag([2.0, 3.0]))
    >>> push_slot("covector", np.array([1.0, 1.0]), np.zeros(2), stretch).round(3).tolist()
    [0.5, 0.333]
    >>> push_slot("diag_con2", np.array([1.0, 1.0]), np.zeros(2), stretch).tolist()
    [4.0, 9.0]
    """
    if kind not in TYPES:
        raise InputError(f"the slot type {kind!r}", why="it is not known", cure=f"use one of {', '.join(TYPES)}")
    if kind in ("scalar", "frame_scalar"):
        return value
    if kind == "opaque":
        raise NoLift("an opaque slot", why="nothing says how it follows", cure="give it a type, or use the trajectory")
    array = np.asarray(value, dtype=float)
    if kind == "point":
        return np.asarray(morphism.apply(array.reshape(-1))).reshape(array.shape)
    if kind in ("row_cov2", "col_cov2"):
        return _push_factor(kind, array, morphism)
    jacobian = morphism.jacobian(theta)
    if kind in ("vector", "tt"):
        return (jacobian @ array.reshape(-1)).reshape(array.shape)
    if kind == "con2":
        return jacobian @ array @ jacobian.T
    inverse = np.linalg.inv(jacobian)
    if kind == "covector":
        return (inverse.T @ array.reshape(-1)).reshape(array.shape)
    if kind == "cov2":
        return inverse.T @ array @ inverse
    if not is_monomial(jacobian):
        raise NoLift(
            f"a slot of type {kind} under {morphism.name or 'a map'}",
            why="a diagonal stays diagonal only under monomial Jacobians",
            cure="use permutations, signs and coordinatewise maps, or the full matrix",
        )
    square = (inverse.T if kind == "diag_cov2" else jacobian) ** 2
    return (square @ array.reshape(-1)).reshape(array.shape)


def is_monomial(matrix: FloatArray) -> bool:
    """Whether every row and every column has one entry that is not zero.

    >>> is_monomial(np.array([[0.0, 2.0], [3.0, 0.0]])), is_monomial(np.ones((2, 2)))
    (True, False)
    """
    filled = np.abs(matrix) > MONOMIAL * np.abs(matrix).max()
    return bool((filled.sum(axis=0) == 1).all() and (filled.sum(axis=1) == 1).all())


def _push_factor(kind: str, array: FloatArray, morphism: Morphism) -> FloatArray:
    """A metric on the rows or on the columns of a matrix."""
    if morphism.factors is None:
        raise NoLift(
            f"a slot of type {kind} under {morphism.name or 'a map'}",
            why="it is no map of the form W' = P W Q",
            cure="use maps of the rows and of the columns",
        )
    left, right = morphism.factors
    if kind == "row_cov2":
        inverse = np.linalg.inv(left)
        return inverse.T @ array @ inverse
    inverse = np.linalg.inv(right)
    return inverse @ array @ inverse.T
