"""Roots and weights as vectors in a Euclidean space, in floating-point numbers, for pictures and for a second look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from manifolds.errors import InputError
from symmetries.structure.semisimple import cartan_subalgebra
from symmetries.structure.structure_constants import StructureConstants

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

TOLERANCE = 1e-4
"""How far a Cartan integer may lie from an integer."""

ATTEMPTS = 8


def roots_and_weights(
    algebra: StructureConstants, matrices: Sequence[Any] = (), *, seed: int = 0
) -> tuple[Floats, Floats]:
    r"""The roots of a semisimple algebra and the weights of a representation, in one orthonormal basis.

    A root is a common eigenvalue :math:`\alpha` of ad h for h in a Cartan subalgebra, a weight one of the matrices of
    h. Lengths are those of the Killing form. All numbers :math:`2(\alpha,\beta)/(\beta,\beta)` are checked to be
    integers up to 1e-4.

    Parameters
    ----------
    algebra: the structure constants.
    matrices: the matrices of the basis in a representation.
    seed: of the random choices.

    Raises
    ------
    InputError: the algebra is not semisimple, or the matrices are no representation of it.

    >>> found, _ = roots_and_weights(StructureConstants.read([[[0, 0, 0], [0, 0, 1], [0, -1, 0]],
    ...     [[0, 0, -1], [0, 0, 0], [1, 0, 0]], [[0, 1, 0], [-1, 0, 0], [0, 0, 0]]]))
    >>> found.round(3).tolist()
    [[-0.707], [0.707]]

    Source: J. E. Humphreys, "Introduction to Lie Algebras and Representation Theory" (1972), sections 8 and 20.
    """
    killing = algebra.killing.astype(float)
    if not algebra.dimension or np.linalg.matrix_rank(killing) < algebra.dimension:
        raise InputError(
            "the algebra whose roots were asked for",
            why="its Killing form is degenerate, so it is not semisimple and roots do not describe it",
            cure="take the semisimple part",
        )
    acted = _matrices(algebra, matrices) if len(matrices) else None
    rng = np.random.default_rng(seed)
    for _ in range(ATTEMPTS):
        cartan = cartan_subalgebra(algebra, rng)
        if cartan is None:
            continue
        torus = cartan.basis.astype(float)
        ads = np.einsum("hi,ijk->hkj", torus, algebra.table.astype(float))
        acting = np.tensordot(torus, acted, 1) if acted is not None else None
        mix = rng.normal(size=len(torus))
        roots = _eigenvalues(ads, mix)
        roots = roots[np.abs(roots).max(axis=1) > TOLERANCE * np.abs(roots).max()]
        form = np.linalg.inv(torus @ killing @ torus.T)
        euclidean = _embed(roots, form, _eigenvalues(acting, mix) if acting is not None else roots[:0])
        if euclidean is not None:
            return euclidean
    raise ArithmeticError("the eigenvalues are too inexact for the roots")


def _matrices(algebra: StructureConstants, matrices: Sequence[Any]) -> Floats:
    """The matrices as one array, with the commutators that the structure constants ask for."""
    try:
        found = np.array([each.tolist() if hasattr(each, "tolist") else each for each in matrices], dtype=float)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.ndim == 3 and len(found) == algebra.dimension and found.shape[1] == found.shape[2]:
        made = np.einsum("aij,bjk->abik", found, found)
        wrong = made - made.transpose(1, 0, 2, 3) - np.tensordot(algebra.table.astype(float), found, 1)
        if np.abs(wrong).max() <= TOLERANCE * (1 + np.abs(made).max()):
            return found
    raise InputError(
        "the matrices whose weights were asked for",
        why="they are no representation: their commutators are not those of the structure constants",
        cure="give one square matrix of numbers for each basis vector of the algebra",
    )


def _eigenvalues(maps: Any, mix: Floats) -> Any:
    """Common eigenvalues of commuting diagonalisable matrices, one row for each eigenvector."""
    _, vectors = np.linalg.eig(np.tensordot(mix, maps, 1))
    images = np.einsum("hij,jk->hik", maps, vectors)
    return np.einsum("ik,hik->kh", vectors.conj(), images) / np.einsum("ik,ik->k", vectors.conj(), vectors)[:, None]


def _embed(roots: Any, form: Floats, weights: Any) -> tuple[Floats, Floats] | None:
    """Vectors with the scalar products of the form; None when the roots are none."""
    rank = len(form)
    gram = roots @ form @ roots.T
    chosen: list[int] = []
    for k in range(len(roots)):
        if len(chosen) < rank and np.linalg.matrix_rank(roots[[*chosen, k]], tol=1e-6) > len(chosen):
            chosen.append(k)
    integers = 2 * gram / np.diag(gram)
    if len(chosen) < rank or np.abs(integers - np.round(integers.real)).max() > TOLERANCE:
        return None
    base = roots[chosen]
    lower = np.linalg.cholesky((base @ form @ base.T).real)
    frames = [np.linalg.solve(base.T, each.T).T.real @ lower for each in (roots, weights)]
    ordered = [each[np.lexsort(np.round(each, 6).T[::-1])] if len(each) else each.reshape(0, rank) for each in frames]
    return ordered[0], ordered[1]
