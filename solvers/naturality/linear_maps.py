"""Random linear changes of coordinates of vectors and of matrices, class by class."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.morphism import Morphism
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_generator

CONDITION = 10.0
"""Largest condition number of a general matrix, so that rounding stays far below the tolerances."""


def translation(size: int, rng: Any = 0) -> Morphism:
    """A shift of size one.

    >>> translation(3).jacobian(np.zeros(3)).tolist() == np.eye(3).tolist()
    True
    """
    shift = read_generator(rng).standard_normal(size)
    return Morphism.linear(np.eye(size), shift / np.linalg.norm(shift), name="translation")


def permutation(size: int, rng: Any = 0) -> Morphism:
    """A permutation of the coordinates that is not the identity.

    >>> sorted(permutation(3).apply([1, 2, 3]).tolist())
    [1.0, 2.0, 3.0]
    """
    return Morphism.linear(permutation_matrix(size, rng), name="permutation")


def sign_flip(size: int, rng: Any = 0) -> Morphism:
    """Signs of the coordinates, not all the same.

    >>> np.abs(sign_flip(3).apply([1, 2, 3])).tolist()
    [1.0, 2.0, 3.0]
    """
    return Morphism.linear(np.diag(_signs(size, rng)), name="sign flip")


def orthogonal(size: int, rng: Any = 0, *, determinant: int | None = None) -> Morphism:
    """An orthogonal map; its determinant is 1 or -1, whichever comes unless it is given.

    >>> round(float(np.linalg.det(orthogonal(3, determinant=-1).jacobian(np.zeros(3)))), 12)
    -1.0
    """
    return Morphism.linear(orthogonal_matrix(size, rng, determinant=determinant), name="orthogonal map")


def scalar(size: int, rng: Any = 0) -> Morphism:
    """A uniform scaling by a factor between 1/3 and 3 that is away from one.

    >>> bool(1.4 < abs(np.log(scalar(2).apply([1.0, 1.0])[0])) / np.log(1.5) + 1)
    True
    """
    generator = read_generator(rng)
    factor = np.exp(generator.choice([-1, 1]) * generator.uniform(0.4, 1.1))
    return Morphism.linear(factor * np.eye(size), name="uniform scaling")


def positive_diagonal(size: int, rng: Any = 0) -> Morphism:
    """Scalings of the coordinates by factors between 1/3 and 3 that differ.

    >>> bool((positive_diagonal(3).apply([1.0, 1.0, 1.0]) > 0).all())
    True
    """
    return Morphism.linear(np.diag(_stretches(size, rng)), name="diagonal scaling")


def block_rotations(size: int, rng: Any = 0, *, block: int = 2) -> Morphism:
    """Rotations of consecutive blocks of coordinates, and a permutation of the blocks.

    >>> float(np.linalg.norm(block_rotations(4).apply([1.0, 0, 0, 0]))).__round__(12)
    1.0
    """
    if size % block:
        raise InputError(f"{size} coordinates", why=f"they are no blocks of {block}", cure="give a multiple")
    generator = read_generator(rng)
    count = size // block
    blocks = np.zeros((size, size))
    for place in range(count):
        part = slice(block * place, block * (place + 1))
        blocks[part, part] = orthogonal_matrix(block, generator)
    order = np.kron(permutation_matrix(count, generator), np.eye(block)) if count > 1 else np.eye(size)
    return Morphism.linear(order @ blocks, name="block rotations")


def general_linear(size: int, rng: Any = 0, *, condition: float = CONDITION) -> Morphism:
    """A general invertible map of a condition number.

    >>> float(round(np.linalg.cond(general_linear(4, condition=5.0).jacobian(np.zeros(4))), 9))
    5.0
    """
    return Morphism.linear(general_matrix(size, rng, condition=condition), name="general linear map")


def two_sided(left: FloatArray, right: FloatArray, *, name: str = "two-sided map") -> Morphism:
    r"""The map :math:`W \mapsto P W Q` of matrices, on their entries row by row.

    Parameters
    ----------
    left: P, shape (m, m).
    right: Q, shape (k, k).
    name: what messages call it.

    >>> two_sided(np.eye(1), np.diag([1.0, 2.0])).apply([3.0, 4.0]).tolist()
    [3.0, 8.0]
    """
    left, right = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
    return Morphism.linear(np.kron(left, right.T), name=name, factors=(left, right))


def matrix_permutation(shape: tuple[int, int], rng: Any = 0) -> Morphism:
    """Permutations of the rows and of the columns.

    >>> sorted(matrix_permutation((1, 3)).apply([1, 2, 3]).tolist())
    [1.0, 2.0, 3.0]
    """
    generator = read_generator(rng)
    matrices = [permutation_matrix(side, generator) if side > 1 else np.eye(1) for side in shape]
    return two_sided(matrices[0], matrices[1], name="permutation of rows and columns")


def matrix_signs(shape: tuple[int, int], rng: Any = 0) -> Morphism:
    """Signs of the rows and of the columns.

    >>> np.abs(matrix_signs((1, 3)).apply([1, 2, 3])).tolist()
    [1.0, 2.0, 3.0]
    """
    generator = read_generator(rng)
    rows, columns = (np.diag(_signs(side, generator)) for side in shape)
    return two_sided(rows, columns, name="signs of rows and columns")


def left_orthogonal(shape: tuple[int, int], rng: Any = 0) -> Morphism:
    """An orthogonal map of the rows.

    >>> left_orthogonal((2, 3)).factors[1].tolist() == np.eye(3).tolist()
    True
    """
    return two_sided(orthogonal_matrix(shape[0], rng), np.eye(shape[1]), name="orthogonal map of the rows")


def right_orthogonal(shape: tuple[int, int], rng: Any = 0) -> Morphism:
    """An orthogonal map of the columns.

    >>> right_orthogonal((2, 3)).factors[0].tolist() == np.eye(2).tolist()
    True
    """
    return two_sided(np.eye(shape[0]), orthogonal_matrix(shape[1], rng), name="orthogonal map of the columns")


def two_sided_orthogonal(shape: tuple[int, int], rng: Any = 0) -> Morphism:
    """Orthogonal maps of the rows and of the columns.

    >>> float(np.linalg.norm(two_sided_orthogonal((1, 2)).apply([3.0, 4.0]))).__round__(12)
    5.0
    """
    generator = read_generator(rng)
    rows, columns = (orthogonal_matrix(side, generator) for side in shape)
    return two_sided(rows, columns, name="orthogonal maps of rows and columns")


def two_sided_diagonal(shape: tuple[int, int], rng: Any = 0) -> Morphism:
    """Scalings of the rows and of the columns.

    >>> bool((two_sided_diagonal((1, 2)).apply([1.0, 1.0]) > 0).all())
    True
    """
    generator = read_generator(rng)
    rows, columns = (np.diag(_stretches(side, generator)) for side in shape)
    return two_sided(rows, columns, name="scalings of rows and columns")


def two_sided_general(shape: tuple[int, int], rng: Any = 0, *, condition: float = 3.0) -> Morphism:
    """General maps of the rows and of the columns, each of a condition number.

    >>> bool(np.linalg.cond(two_sided_general((2, 3)).jacobian(None)) < 9.01)
    True
    """
    generator = read_generator(rng)
    rows, columns = (general_matrix(side, generator, condition=condition) for side in shape)
    return two_sided(rows, columns, name="general maps of rows and columns")


def transpose(side: int) -> Morphism:
    """The transpose of square matrices.

    >>> transpose(2).apply([1, 2, 3, 4]).tolist()
    [1.0, 3.0, 2.0, 4.0]
    """
    order = np.arange(side * side).reshape(side, side).T.reshape(-1)
    return Morphism.linear(np.eye(side * side)[order], name="transpose")


def permutation_matrix(size: int, rng: Any = 0) -> FloatArray:
    """A permutation matrix that is not the identity.

    >>> permutation_matrix(2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if size < 2:
        raise InputError(f"{size} coordinates", why="nothing can be permuted", cure="give two or more")
    generator = read_generator(rng)
    order = np.arange(size)
    while (order == np.arange(size)).all():
        order = generator.permutation(size)
    return np.eye(size)[order]


def orthogonal_matrix(size: int, rng: Any = 0, *, determinant: int | None = None) -> FloatArray:
    """An orthogonal matrix, distributed uniformly among those of its determinant.

    >>> bool(np.allclose(orthogonal_matrix(3) @ orthogonal_matrix(3).T, np.eye(3)))
    True
    """
    factor, upper = np.linalg.qr(read_generator(rng).standard_normal((size, size)))
    factor = factor * np.sign(np.diag(upper))
    if determinant is not None and np.linalg.det(factor) * determinant < 0:
        factor[:, 0] *= -1
    return factor


def general_matrix(size: int, rng: Any = 0, *, condition: float = CONDITION) -> FloatArray:
    """A matrix of determinant of either sign and of a condition number.

    >>> float(round(np.linalg.cond(general_matrix(3)), 9))
    10.0
    """
    generator = read_generator(rng)
    half = np.log(condition) / 2
    values = np.exp(np.linspace(-half, half, size)) if size > 1 else np.array([np.sqrt(condition)])
    return orthogonal_matrix(size, generator) * values @ orthogonal_matrix(size, generator)


def _signs(size: int, rng: Any) -> FloatArray:
    """Signs, not all the same where there are two or more."""
    generator = read_generator(rng)
    signs = generator.choice([-1.0, 1.0], size)
    if size > 1 and abs(signs.sum()) == size:
        signs[generator.integers(size)] *= -1
    return signs


def _stretches(size: int, rng: Any) -> FloatArray:
    """Factors between 1/3 and 3, spread over that range in a random order."""
    generator = read_generator(rng)
    spread = np.linspace(-1.0, 1.0, size) if size > 1 else np.array([1.0])
    return np.exp(generator.permutation(spread) + generator.uniform(-0.1, 0.1, size))
