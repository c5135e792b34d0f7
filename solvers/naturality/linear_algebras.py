"""Spaces of matrices that are closed under brackets: closure, principal angles, and the ones that have names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from symmetries.actions.parameter_space import FloatArray

SAME = 1e-8
"""Spaces agree when no principal angle has a cosine below one minus this."""


def span(matrices: FloatArray) -> FloatArray:
    """An orthonormal basis of the span of matrices, as rows of n² entries.

    >>> span(np.array([np.eye(2), 2 * np.eye(2)])).shape
    (1, 4)
    """
    matrices = np.asarray(matrices, dtype=float)
    if len(matrices) == 0:
        return np.zeros((0, matrices.shape[1] ** 2 if matrices.ndim == 3 else 0))
    rows = matrices.reshape(len(matrices), -1)
    _, sizes, right = np.linalg.svd(rows, full_matrices=False)
    return right[sizes > 1e-10 * max(1e-300, sizes[0])]


def closure_defect(basis: FloatArray) -> float:
    """The largest part of a bracket of unit basis matrices that lies outside their span.

    Parameters
    ----------
    basis: orthonormal, shape (d, n, n).

    >>> closure_defect(np.array([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]]))
    1.4142135623730951
    """
    if len(basis) < 2:
        return 0.0
    products = np.einsum("aij,bjk->abik", basis, basis)
    brackets = (products - products.swapaxes(0, 1)).reshape(-1, basis.shape[1] ** 2)
    rows = basis.reshape(len(basis), -1)
    outside = brackets - brackets @ rows.T @ rows
    return float(np.linalg.norm(outside, axis=1).max())


def smallest_cosine(a: FloatArray, b: FloatArray) -> float:
    """The smallest cosine of the principal angles of two spaces with orthonormal bases as rows.

    >>> smallest_cosine(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    0.0
    """
    if len(a) == 0:
        return 1.0
    return float(np.linalg.svd(a @ b.T, compute_uv=False).min())


def name_algebra(basis: FloatArray, shape: tuple[int, ...]) -> tuple[str, float]:
    """The name of an algebra of matrices that act on parameters of a shape, with the smallest cosine.

    The name is empty where the dictionary holds none.

    Parameters
    ----------
    basis: orthonormal, shape (d, n, n).
    shape: of the parameters, (n,) or (m, k).

    >>> turn = np.array([[[0.0, -1.0], [1.0, 0.0]]]) / np.sqrt(2)
    >>> name_algebra(turn, (2,))[0]
    'so(2)'
    """
    rows = basis.reshape(len(basis), int(np.prod(shape)) ** 2)
    for name, matrices in dictionary(shape):
        known = span(matrices)
        if len(known) != len(rows):
            continue
        cosine = smallest_cosine(rows, known)
        if cosine > 1 - SAME:
            return name, cosine
    return "", 0.0


def dictionary(shape: tuple[int, ...]) -> Iterator[tuple[str, FloatArray]]:
    """Named algebras of matrices on parameters of a shape, as spanning sets; the plainer name comes first.

    >>> [name for name, _ in dictionary((2,))][:5]
    ['0', 'R', 'diag(2)', 'R + diag(2)', 'so(2)']
    """
    size = int(np.prod(shape))
    one = np.eye(size)[None]
    yield "0", np.zeros((0, size, size))
    yield "R", one
    plain: list[tuple[str, FloatArray]] = [(f"diag({size})", _diagonal(size)), (f"so({size})", _skew(size))]
    if len(shape) == 2:
        plain = [*_two_sided(shape[0], shape[1]), *plain]
    else:
        plain += [*_blocks(size)]
    for name, matrices in plain:
        yield name, matrices
        yield f"R + {name}", np.concatenate([matrices, one])
    yield f"gl({size})", _all(size)
    yield f"sl({size})", np.concatenate([_triangular(size, 1), _triangular(size, -1), _traceless(size)])
    yield f"upper triangular({size})", _triangular(size, 0)
    yield f"lower triangular({size})", _triangular(size, 0).swapaxes(1, 2)


def _blocks(size: int) -> Iterator[tuple[str, FloatArray]]:
    """Algebras that act on consecutive blocks of one length, each block for itself."""
    for block in range(2, size):
        if size % block == 0:
            count = size // block
            for name, algebra in ((f"so({block})", _skew), (f"gl({block})", _all)):
                yield f"{name}^{count}", _each(count, algebra(block))


def _two_sided(m: int, k: int) -> Iterator[tuple[str, FloatArray]]:
    """Algebras that act on the rows and the columns of matrices; entries are counted row by row."""
    algebras: tuple[tuple[str, Callable[[int], FloatArray]], ...] = (("so", _skew), ("gl", _all), ("diag", _diagonal))
    for name, algebra in algebras:
        left = np.array([np.kron(X, np.eye(k)) for X in algebra(m)]).reshape(-1, m * k, m * k)
        right = np.array([np.kron(np.eye(m), X) for X in algebra(k)]).reshape(-1, m * k, m * k)
        modulo = "" if name == "so" else " / R"
        yield f"{name}({m}) + {name}({k}){modulo}", np.concatenate([left, right])
        yield f"{name}({m}) on rows", left
        yield f"{name}({k}) on columns", right
    for name, algebra in algebras[:2]:
        yield f"{name}({k})^{m}", _each(m, algebra(k))
        columns = np.array([np.kron(X, one) for X in algebra(m) for one in _diagonal(k)]).reshape(-1, m * k, m * k)
        yield f"{name}({m})^{k} on columns", columns


def _each(count: int, algebra: FloatArray) -> FloatArray:
    """One algebra on each of the blocks."""
    size = count * algebra.shape[1]
    return np.array([np.kron(one, X) for one in _diagonal(count) for X in algebra]).reshape(-1, size, size)


def _all(size: int) -> FloatArray:
    """The matrices with a single one."""
    return np.eye(size * size).reshape(-1, size, size)


def _diagonal(size: int) -> FloatArray:
    """The diagonal matrices with a single one."""
    return _all(size)[:: size + 1]


def _skew(size: int) -> FloatArray:
    """The elementary skew matrices."""
    places = list(zip(*np.triu_indices(size, 1), strict=True))
    found = np.zeros((len(places), size, size))
    for matrix, (i, j) in zip(found, places, strict=True):
        matrix[i, j], matrix[j, i] = 1.0, -1.0
    return found


def _triangular(size: int, above: int) -> FloatArray:
    """The elementary matrices on and above a diagonal, or below it where the number is negative."""
    rows, columns = np.triu_indices(size, above) if above >= 0 else np.tril_indices(size, above)
    return _all(size)[rows * size + columns]


def _traceless(size: int) -> FloatArray:
    """Differences of neighbouring diagonal entries."""
    diagonal = _diagonal(size)
    return diagonal[:-1] - diagonal[1:]
