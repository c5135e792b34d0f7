"""A second set of algebras, with an independent look at each by floating-point numbers."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from flint import fmpz_mat
from lie_algebras import (
    Matrix,
    block,
    complexified,
    constants_of,
    direct,
    disguised,
    gl,
    heis,
    lines,
    preserving,
    sl,
    so,
    so_star,
    sp,
    sp_compact,
    su,
    su_star,
    symplectic_form,
    u,
    unit,
    with_translations,
    zero,
)

from symmetries.identify import identify


def over_field(matrices: list[Matrix], square: int) -> list[Matrix]:
    """The algebra over Q(sqrt(d)), as a rational algebra of twice the dimension."""
    root = np.array([[0, square], [1, 0]], dtype=object)
    return [np.kron(each, m) for m in matrices for each in (np.eye(2, dtype=int).astype(object), root)]


def twisted(square: int) -> list[Matrix]:
    """so of the form x^2 + y^2 + sqrt(d) z^2 over Q(sqrt(d)): so(3) at one real place, so(2,1) at the other."""
    root, one = np.array([[0, square], [1, 0]], dtype=object), np.eye(2, dtype=int).astype(object)
    form = [one, one, root]
    found = []
    for (i, j), factor in product(((1, 0), (2, 0), (2, 1)), (one, root)):
        matrix = zero(6)
        matrix[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = factor @ form[j]
        matrix[2 * j : 2 * j + 2, 2 * i : 2 * i + 2] = -factor @ form[i]
        found.append(matrix)
    return found


def octonions(sign: int) -> Matrix:
    """Structure constants of the octonions, or of the split ones, by doubling the reals three times."""
    table, conjugate = np.ones((1, 1, 1), dtype=object), np.eye(1, dtype=int).astype(object)
    for s in (-1, -1, sign):
        k = len(table)
        doubled = np.zeros((2 * k, 2 * k, 2 * k), dtype=object)
        for i, j in product(range(k), repeat=2):
            doubled[i, j, :k] += table[i, j]
            doubled[i, k + j, k:] += table[j, i]
            doubled[k + i, j, k:] += conjugate[j, j] * table[i, j]
            doubled[k + i, k + j, :k] += s * conjugate[j, j] * table[j, i]
        table = doubled
        conjugate = np.diag([conjugate[i, i] if i < k else -1 for i in range(2 * k)])
    return table


def derivations(table: Matrix) -> list[Matrix]:
    n = len(table)
    rows = []
    for i, j in product(range(n), repeat=2):
        d = unit(n, i, j)
        defect = (
            np.einsum("abk,lk->abl", table, d) - np.einsum("ka,kbl->abl", d, table) - np.einsum("kb,akl->abl", d, table)
        )
        rows.append(defect.reshape(-1))
    vectors, count = fmpz_mat(np.array(rows).T.tolist()).nullspace()
    columns = vectors.transpose().tolist()[: int(count)]
    integral = [np.array([int(x) for x in row], dtype=object) for row in columns]
    return [(row // np.gcd.reduce(row)).reshape(n, n) for row in integral]


def jacobi() -> list[Matrix]:
    """sp(2,R) |x heis(3), as matrices of size 4."""
    form = symplectic_form(1)
    found = [block(zero(1), m, zero(1)) for m in sp(1)]
    for i in range(2):
        matrix = unit(4, 1 + i, 3)
        matrix[0, 1:3] = form[i]
        found.append(matrix)
    return [*found, unit(4, 0, 3)]


def diamond(action: list[list[int]]) -> list[Matrix]:
    """R |x heis(3)."""
    return [*jacobi()[3:], block(zero(1), np.array(action, dtype=object), zero(1))]


def binary_cubics() -> list[Matrix]:
    """sl(2,R) on cubic forms."""
    found = []
    for (a, b), (c, d) in (m.tolist() for m in sl(2)):
        matrix = zero(4)
        for k in range(4):
            matrix[k, k] += (3 - k) * a + k * d
            if k < 3:
                matrix[k + 1, k] += (3 - k) * c
            if k > 0:
                matrix[k - 1, k] += k * b
        found.append(matrix)
    return found


def with_determinant() -> list[Matrix]:
    """gl(2,R) |x (R^2 + det)."""
    acting = [block(m, np.array([[np.trace(m)]], dtype=object), zero(1)) for m in gl(2)]
    return acting + [unit(4, k, 3) for k in range(3)]


def copies(matrices: list[Matrix], count: int) -> list[Matrix]:
    return [block(*([m] * count)) for m in matrices]


FRESH: dict[str, tuple[list[Matrix], str | None]] = {
    "so*(6)": (so_star(3), "so*(6)"),
    "so*(8)": (so_star(4), "so(6,2)"),
    "su*(4)": (su_star(2), "su*(4)"),
    "sp(1,1)": (sp_compact(1, 1), "sp(1,1)"),
    "sp(2)": (sp_compact(2), "sp(2)"),
    "so(4,C)": (complexified(so(4)), "sl(2,C) + sl(2,C)"),
    "compact g2": (derivations(octonions(-1)), "g2(-14)"),
    "split g2": (derivations(octonions(1)), "g2(2)"),
    "so(3) + R^2": (direct(so(3), lines(2)), "so(3) + R^2"),
    "sl(2,R) + heis(3)": (direct(sl(2), heis(1)), "sl(2,R) + heis(3)"),
    "two motions of the plane": (
        direct(with_translations(so(2)), with_translations(so(2))),
        "(so(2) |x R^2) + (so(2) |x R^2)",
    ),
    "motions and boosts": (direct(with_translations(so(3)), so(2, 1)), "so(2,1) + (so(3) |x R^3)"),
    "gl(2,R) |x R^2": (with_translations(gl(2)), "aff(2)"),
    "gl(2,R) |x (R^2 + det)": (with_determinant(), None),
    "sl(2,R) |x 2 R^2": (with_translations(copies(sl(2), 2)), None),
    "sl(2,R) |x cubics": (with_translations(binary_cubics()), None),
    "cubics": (binary_cubics(), "sl(2,R)"),
    "diamond": (diamond([[0, -1], [1, 0]]), None),
    "split diamond": (diamond([[1, 0], [0, -1]]), None),
    "sl(2,R) |x heis(3)": (jacobi(), "sl(2,R) |x heis(3)"),
    "so(3) over Q(sqrt 2)": (over_field(so(3), 2), "so(3) + so(3)"),
    "so(2,1) over Q(sqrt 2)": (over_field(so(2, 1), 2), "so(2,1) + so(2,1)"),
    "sl(3) over Q(sqrt 5)": (over_field(sl(3), 5), "sl(3,R) + sl(3,R)"),
    "a form with sqrt 2": (twisted(2), "sl(2,R) + so(3)"),
    "so(3) over Q(i)": (twisted(-1), "so(3,C)"),
    "so(4) with discriminant 2": (preserving(np.diag([1, 1, 1, 2]).astype(object)), "so(4)"),
    "so(2,2) with discriminant 2": (preserving(np.diag([1, 1, -1, -2]).astype(object)), "so(2,2)"),
    "motions over Q(sqrt 2)": (over_field(with_translations(so(2)), 2), None),
    "aff(1) over Q(sqrt 2)": (over_field(with_translations(gl(1)), 2), "aff(1) + aff(1)"),
    "aff(1) over Q(i)": (over_field(with_translations(gl(1)), -1), "(so(2) + R^1) |x R^2"),
    "sl(2,C) |x C^2": (with_translations(complexified(sl(2))), "sl(2,C) |x R^4"),
    "su(3) |x C^3": (with_translations(su(3)), "su(3) |x R^6"),
    "u(2) |x C^2": (with_translations(u(2)), None),
    "similarities": (with_translations([*so(3), np.eye(3, dtype=int).astype(object)]), "(so(3) + R^1) |x R^3"),
    "sp(4,R) |x R^4": (with_translations(sp(2)), "sp(4,R) |x R^4"),
}


@pytest.mark.parametrize("case", FRESH)
@pytest.mark.parametrize("seed", [None, 3])
def test_the_fresh_set(case: str, seed: int | None) -> None:
    matrices, name = FRESH[case]
    found = identify([m.tolist() for m in (matrices if seed is None else disguised(matrices, seed))])
    if case == "so(2,1) over Q(sqrt 2)":
        assert found.name in (name, "sl(2,R) + sl(2,R)")
        return
    assert found.name == name


def test_the_inhomogeneous_algebras_of_isomorphic_ones_keep_apart() -> None:
    """so(3,1) = sl(2,C), but R^4 as vectors and as spinors give different semidirect products."""
    poincare = identify([m.tolist() for m in with_translations(so(3, 1))])
    spinors = identify([m.tolist() for m in with_translations(complexified(sl(2)))])
    assert not {poincare.name, *poincare.synonyms} & {spinors.name, *spinors.synonyms}


@pytest.mark.parametrize("case", FRESH)
def test_floating_point_numbers_agree(case: str) -> None:
    """Signature of the Killing form, centre, derived algebra and radical from eigenvalues and singular values."""
    matrices, _ = FRESH[case]
    found: Any = identify([m.tolist() for m in matrices])
    c = constants_of(matrices).astype(float)
    d = len(c)
    killing = np.einsum("iab,jba->ij", c, c)
    values = np.linalg.eigvalsh(killing)
    scale = np.abs(values).max() or 1.0
    counts = (int(np.sum(values > 1e-9 * scale)), int(np.sum(values < -1e-9 * scale)))
    assert found.killing_signature == (*counts, d - sum(counts))
    derived = np.linalg.svd(c.reshape(d * d, d))
    rank = int(np.sum(derived[1] > 1e-9))
    assert d - np.linalg.matrix_rank(c.reshape(d, d * d)) == found.centre
    assert rank == (found.derived_series[1] if len(found.derived_series) > 1 else d)
    radical = d - np.linalg.matrix_rank(derived[2][:rank] @ killing, tol=1e-8)
    assert found.levi.radical_dimension == radical
    assert found.unimodular == bool(np.allclose(np.einsum("iaa->i", c), 0))
