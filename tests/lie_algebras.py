"""Matrices and structure constants of known Lie algebras, and ways to disguise them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from flint import fmpz_mat

Matrix = np.ndarray[Any, Any]


def unit(n: int, i: int, j: int, value: int = 1) -> Matrix:
    matrix = np.zeros((n, n), dtype=object)
    matrix[i, j] = value
    return matrix


def gl(n: int) -> list[Matrix]:
    return [unit(n, i, j) for i, j in product(range(n), repeat=2)]


def sl(n: int) -> list[Matrix]:
    return [unit(n, i, j) for i, j in product(range(n), repeat=2) if i != j] + [
        unit(n, i, i) - unit(n, i + 1, i + 1) for i in range(n - 1)
    ]


def preserving(form: Matrix) -> list[Matrix]:
    """All matrices A with A^T S + S A = 0."""
    n = len(form)
    rows = []
    for i, j in product(range(n), repeat=2):
        a = unit(n, i, j)
        rows.append((a.T @ form + form @ a).reshape(-1))
    matrix = fmpz_mat(np.array(rows).T.tolist())
    vectors, count = matrix.nullspace()
    table = np.array([[int(x) for x in row] for row in vectors.transpose().tolist()], dtype=object)[: int(count)]
    return [row.reshape(n, n) // int(np.gcd.reduce(row)) for row in table]


def so(p: int, q: int = 0) -> list[Matrix]:
    return preserving(np.diag([1] * p + [-1] * q).astype(object))


def symplectic_form(n: int) -> Matrix:
    one, zero = np.eye(n, dtype=int), np.zeros((n, n), dtype=int)
    return np.block([[zero, one], [-one, zero]]).astype(object)


def sp(n: int) -> list[Matrix]:
    """sp(2n,R)."""
    return preserving(symplectic_form(n))


def realified(real: Matrix, imaginary: Matrix) -> Matrix:
    return np.block([[real, -imaginary], [imaginary, real]]).astype(object)


def zero(n: int) -> Matrix:
    return np.zeros((n, n), dtype=object)


def u(p: int, q: int = 0, *, special: bool = False) -> list[Matrix]:
    """u(p,q), or su(p,q), on R^2n."""
    n, sign = p + q, [1] * p + [-1] * q
    found = []
    for i in range(n):
        for j in range(i):
            found.append(realified(unit(n, i, j) - sign[i] * sign[j] * unit(n, j, i), zero(n)))
            found.append(realified(zero(n), unit(n, i, j) + sign[i] * sign[j] * unit(n, j, i)))
    turning = [unit(n, i, i) for i in range(n)]
    if special:
        turning = [turning[i] - turning[i + 1] for i in range(n - 1)]
    return found + [realified(zero(n), each) for each in turning]


def su(p: int, q: int = 0) -> list[Matrix]:
    return u(p, q, special=True)


def complexified(matrices: Sequence[Matrix]) -> list[Matrix]:
    """A complex algebra as a real one, from a basis of real matrices."""
    return [realified(m, zero(len(m))) for m in matrices] + [realified(zero(len(m)), m) for m in matrices]


def commuting_with(matrices: Sequence[Matrix], others: Sequence[Matrix]) -> list[Matrix]:
    """Combinations of matrices that commute with the others."""
    rows = [np.concatenate([(m @ o - o @ m).reshape(-1) for o in others]) for m in matrices]
    vectors, count = fmpz_mat(np.array(rows).T.tolist()).nullspace()
    table = [[int(x) for x in row] for row in vectors.transpose().tolist()][: int(count)]
    return [sum((c * m for c, m in zip(row, matrices, strict=True)), 0 * matrices[0]) for row in table]


def so_star(n: int) -> list[Matrix]:
    """so*(2n) on R^4n: complex matrices of size 2n with A^T A = 1 and A^* J A = J in their infinitesimal form."""
    size = 2 * n
    j = symplectic_form(n)
    wanted = []
    for i, k in product(range(size), repeat=2):
        wanted += [realified(unit(size, i, k), zero(size)), realified(zero(size), unit(size, i, k))]
    rows = []
    for m in wanted:
        re, im = m[:size, :size], m[size:, :size]
        skew = (re + re.T, im + im.T)
        star = (re.T @ j + j @ re, -im.T @ j + j @ im)
        rows.append(np.concatenate([each.reshape(-1) for each in (*skew, *star)]))
    vectors, count = fmpz_mat(np.array(rows).T.tolist()).nullspace()
    table = [[int(x) for x in row] for row in vectors.transpose().tolist()][: int(count)]
    return [sum((c * m for c, m in zip(row, wanted, strict=True)), 0 * wanted[0]) for row in table]


def quaternionic(n: int) -> list[Matrix]:
    """gl(n,H) on R^4n: what commutes with a quaternionic structure."""
    i = realified(zero(1), unit(1, 0, 0))  # on C = R^2
    left_i = np.kron(np.array([[1, 0], [0, 1]], dtype=object), i)
    left_j = np.kron(np.array([[0, -1], [1, 0]], dtype=object), np.array([[1, 0], [0, -1]], dtype=object))
    copies = [np.kron(np.eye(n, dtype=int).astype(object), each) for each in (left_i, left_j)]
    return commuting_with(gl(4 * n), copies)


def traceless(matrices: Sequence[Matrix]) -> list[Matrix]:
    return _kernel(matrices, lambda m: np.array([np.trace(m)], dtype=object))


def su_star(n: int) -> list[Matrix]:
    """su*(2n) = sl(n,H)."""
    return traceless(quaternionic(n))


def sp_compact(p: int, q: int = 0) -> list[Matrix]:
    """sp(p,q): quaternionic matrices that preserve a form of signature (4p,4q)."""
    form = np.diag([1] * (4 * p) + [-1] * (4 * q)).astype(object)
    return _kernel(quaternionic(p + q), lambda m: (m.T @ form + form @ m).reshape(-1))


def _kernel(matrices: Sequence[Matrix], condition: Any) -> list[Matrix]:
    rows = [condition(m) for m in matrices]
    vectors, count = fmpz_mat(np.array(rows).T.tolist()).nullspace()
    table = [[int(x) for x in row] for row in vectors.transpose().tolist()][: int(count)]
    return [sum((c * m for c, m in zip(row, matrices, strict=True)), 0 * matrices[0]) for row in table]


def block(*parts: Matrix) -> Matrix:
    size = sum(len(part) for part in parts)
    result, place = zero(size), 0
    for part in parts:
        result[place : place + len(part), place : place + len(part)] = part
        place += len(part)
    return result


def direct(*algebras: Sequence[Matrix]) -> list[Matrix]:
    """The direct sum, as block diagonal matrices."""
    sizes = [len(algebra[0]) for algebra in algebras]
    return [
        block(*(matrix if k == number else zero(sizes[k]) for k in range(len(algebras))))
        for number, algebra in enumerate(algebras)
        for matrix in algebra
    ]


def with_translations(matrices: Sequence[Matrix]) -> list[Matrix]:
    """a |x R^n as affine maps."""
    n = len(matrices[0])
    return [block(m, zero(1)) for m in matrices] + [unit(n + 1, i, n) for i in range(n)]


def heis(k: int) -> list[Matrix]:
    """heis(2k+1)."""
    n = k + 2
    return [unit(n, 0, i) for i in range(1, n)] + [unit(n, i, n - 1) for i in range(1, n - 1)]


def lines(k: int) -> list[Matrix]:
    return [unit(k, i, i) for i in range(k)]


def triangular(n: int) -> list[Matrix]:
    return [unit(n, i, j) for i in range(n) for j in range(i, n)]


def integral(*weights: Any) -> list[Matrix]:
    """R |x R^n with a given matrix, or diagonal weights."""
    matrix = np.array(weights[0], dtype=object) if np.ndim(weights[0]) == 2 else np.diag(weights).astype(object)
    return with_translations([matrix])


def disguised(matrices: Sequence[Matrix], seed: int) -> list[Matrix]:
    """The algebra after a unimodular change of variables and another integer change of its basis."""
    rng = np.random.default_rng(seed)
    n, d = len(matrices[0]), len(matrices)
    lower = np.tril(rng.integers(-2, 3, (n, n)), -1) + np.eye(n, dtype=int)
    upper = np.triu(rng.integers(-2, 3, (n, n)), 1) + np.eye(n, dtype=int)
    change = fmpz_mat((lower @ upper).tolist())
    inverse, sign = change.inv().numer_denom()
    left, right = (np.array([[int(x) for x in row] for row in m.tolist()], dtype=object) for m in (change, inverse))
    moved = [left @ m @ right * int(sign) for m in matrices]
    while True:
        mix = rng.integers(-3, 4, (d, d))
        if fmpz_mat(mix.tolist()).det() != 0:
            break
    stack = np.array([m.reshape(-1) for m in moved], dtype=object)
    mixed = fmpz_mat(mix.tolist()) * fmpz_mat(stack.tolist())
    return [np.array([int(x) for x in row], dtype=object).reshape(n, n) for row in mixed.tolist()]


def constants_of(matrices: Sequence[Matrix]) -> Matrix:
    """Structure constants, by floating-point least squares, which is exact enough for small integers."""
    basis = np.array([m.reshape(-1) for m in matrices], dtype=float)
    pairs = [((a @ b - b @ a).reshape(-1)).astype(float) for a in matrices for b in matrices]
    found = np.linalg.lstsq(basis.T, np.array(pairs).T, rcond=None)[0].T
    d = len(matrices)
    rounded = np.round(found)
    assert np.abs(found - rounded).max() < 1e-8
    return rounded.astype(int).reshape(d, d, d)
