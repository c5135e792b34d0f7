"""Algebras that are easily mistaken for others, and what is no algebra at all."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations_with_replacement
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
    sl,
    so,
    so_star,
    sp,
    sp_compact,
    su,
    su_star,
    symplectic_form,
    triangular,
    u,
    unit,
    with_translations,
    zero,
)

from manifolds import InputError
from symmetries import VectorField
from symmetries.identify import identify
from symmetries.structure.root_system import roots_and_weights
from symmetries.structure.structure_constants import StructureConstants

TURN = np.array([[0, -1], [1, 0]], dtype=object)


def table(size: int, brackets: dict[tuple[int, int], dict[int, int]]) -> Matrix:
    found = np.zeros((size, size, size), dtype=object)
    for (i, j), value in brackets.items():
        for k, coefficient in value.items():
            found[i, j, k], found[j, i, k] = coefficient, -coefficient
    return found


def in_another_basis(constants: Matrix, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    size = len(constants)
    lower = np.tril(rng.integers(-2, 3, (size, size)), -1) + np.eye(size, dtype=int)
    upper = np.triu(rng.integers(-2, 3, (size, size)), 1) + np.eye(size, dtype=int)
    change = (lower @ upper).astype(object)
    top, sign = fmpz_mat(change.tolist()).inv().numer_denom()
    back = np.array([[int(x) * int(sign) for x in row] for row in top.tolist()], dtype=object)
    return np.einsum("ai,bj,ijk,kc->abc", change, change, constants, back)


def plane(a: int, b: int, c: int, d: int) -> Matrix:
    """R |x R^2."""
    return table(3, {(0, 1): {1: a, 2: c}, (0, 2): {1: b, 2: d}})


ABSTRACT: dict[str, tuple[Matrix, str | None]] = {
    "Bianchi I": (table(3, {}), "R^3"),
    "Bianchi II": (table(3, {(1, 2): {0: 1}}), "heis(3)"),
    "Bianchi III": (plane(1, 0, 0, 0), "aff(1) + R^1"),
    "Bianchi IV": (plane(1, 1, 0, 1), None),
    "Bianchi V": (plane(1, 0, 0, 1), "R^1 |x R^2"),
    "Bianchi VI 0": (plane(0, 1, 2, 0), "so(1,1) |x R^2"),
    "Bianchi VI with ratio -2": (plane(1, 0, 0, -2), None),
    "Bianchi VI, irrational": (plane(1, 2, 1, 1), None),
    "Bianchi VII 0": (plane(0, -1, 3, 0), "so(2) |x R^2"),
    "Bianchi VII, a spiral": (plane(1, -3, 1, 1), None),
    "Bianchi VIII": (table(3, {(0, 1): {2: -1}, (1, 2): {0: 1}, (2, 0): {1: 1}}), "sl(2,R)"),
    "Bianchi IX": (table(3, {(0, 1): {2: 1}, (1, 2): {0: 1}, (2, 0): {1: 1}}), "so(3)"),
    "filiform of size 4": (table(4, {(0, 1): {2: 1}, (0, 2): {3: 1}}), None),
    "a weight and a Jordan block of 0": (table(4, {(3, 0): {0: 1}, (3, 2): {1: 1}}), None),
    "the same and a line": (table(5, {(3, 0): {0: 1}, (3, 2): {1: 1}}), None),
    "a plane turned and scaled": (
        table(4, {(0, 2): {0: 1}, (1, 2): {1: 1}, (0, 3): {1: -1}, (1, 3): {0: 1}}),
        "(so(2) + R^1) |x R^2",
    ),
    "a plane sheared and scaled": (table(4, {(0, 2): {2: 1}, (0, 3): {3: 1}, (1, 2): {3: 1}}), None),
    "two lines": (table(4, {(0, 1): {1: 1}, (2, 3): {3: 1}}), "aff(1) + aff(1)"),
    "aff(1) and heis(3), mixed": (table(5, {(0, 3): {0: 1}, (2, 3): {1: 1}, (2, 4): {1: 1}}), "heis(3) + aff(1)"),
    "heis(5), mixed": (table(5, {(0, 1): {4: 1}, (2, 3): {4: -7}, (0, 2): {4: 3}}), "heis(5)"),
    "a Jordan block on heis(3)": (
        table(5, {(2, 3): {4: 1}, (0, 2): {3: 1}, (1, 2): {2: 1}, (1, 3): {3: 1}, (1, 4): {4: 2}}),
        None,
    ),
    "weights on heis(3)": (
        table(5, {(2, 3): {4: 1}, (0, 2): {2: 1}, (0, 3): {3: -1}, (1, 2): {2: 1}, (1, 3): {3: 1}, (1, 4): {4: 2}}),
        "R^2 |x heis(3)",
    ),
    "heis(3) and motions": (
        table(6, {(0, 4): {1: 2}, (1, 4): {0: -2}, (3, 5): {2: 2}}),
        "heis(3) + (so(2) |x R^2)",
    ),
    "free nilpotent of step 2": (table(6, {(0, 1): {3: 1}, (0, 2): {4: 1}, (1, 2): {5: 1}}), None),
    "quaternionic Heisenberg": (
        table(7, {(0, 1): {4: 1}, (2, 3): {4: 1}, (0, 2): {5: 1}, (3, 1): {5: 1}, (0, 3): {6: 1}, (1, 2): {6: 1}}),
        None,
    ),
}


@pytest.mark.parametrize("case", ABSTRACT)
def test_structure_constants(case: str) -> None:
    """Name and all invariants are those of the algebra, in every basis and for every seed."""
    constants, name = ABSTRACT[case]
    plain = identify(StructureConstants.read(constants))
    assert plain.name == name
    for seed in range(1, 7):
        hidden = StructureConstants.read(in_another_basis(constants, seed))
        assert identify(hidden, seed=seed) == plain


def forms(n: int, degree: int, matrices: list[Matrix]) -> list[Matrix]:
    """Linear maps on homogeneous polynomials."""
    monomials = [tuple(m.count(i) for i in range(n)) for m in combinations_with_replacement(range(n), degree)]
    found = []
    for matrix in matrices:
        image = zero(len(monomials))
        for column, monomial in enumerate(monomials):
            for (a, b), value in np.ndenumerate(matrix):
                if value and monomial[b]:
                    moved = list(monomial)
                    moved[b] -= 1
                    moved[a] += 1
                    image[monomials.index(tuple(moved)), column] += monomial[b] * value
        found.append(image)
    return found


def copies(matrices: list[Matrix], count: int) -> list[Matrix]:
    return [block(*[m] * count) for m in matrices]


def over(matrices: list[Matrix], *coefficients: int) -> list[Matrix]:
    """The algebra over Q[t] modulo a monic polynomial, whose lower coefficients are given, the constant one first."""
    size = len(coefficients)
    root = zero(size)
    for i, value in enumerate(coefficients):
        root[i, size - 1] = -value
        if i:
            root[i, i - 1] = 1
    powers = [np.eye(size, dtype=int).astype(object)]
    while len(powers) < size:
        powers.append(powers[-1] @ root)
    return [np.kron(m, power) for m in matrices for power in powers]


def galilei(n: int) -> list[Matrix]:
    found = [block(m, zero(2)) for m in so(n)]
    found += [unit(n + 2, i, n + k) for k in range(2) for i in range(n)]
    return [*found, unit(n + 2, n, n + 1)]


def on_heisenberg(k: int) -> list[Matrix]:
    """sp(2k,R) |x heis(2k+1)."""
    form, n = symplectic_form(k), 2 * k + 2
    found = [block(zero(1), m, zero(1)) for m in sp(k)]
    for i in range(2 * k):
        matrix = unit(n, 1 + i, n - 1)
        matrix[0, 1 : n - 1] = form[i]
        found.append(matrix)
    return [*found, unit(n, 0, n - 1)]


def strictly_triangular(n: int) -> list[Matrix]:
    return [unit(n, i, j) for i in range(n) for j in range(i + 1, n)]


MATRICES: dict[str, tuple[list[Matrix], str | None]] = {
    "so*(6)": (so_star(3), "so*(6)"),
    "su*(6)": (su_star(3), "su*(6)"),
    "sp(2,1)": (sp_compact(2, 1), "sp(2,1)"),
    "so(1,4)": (so(1, 4), "so(4,1)"),
    "so(5,2)": (so(5, 2), "so(5,2)"),
    "so(4,2)": (so(4, 2), "so(4,2)"),
    "su(3,2)": (su(3, 2), "su(3,2)"),
    "su(4)": (su(4), "su(4)"),
    "so(5,C)": (complexified(so(5)), "so(5,C)"),
    "sp(4,C)": (complexified(sp(2)), "sp(4,C)"),
    "u(1,1)": (u(1, 1), "sl(2,R) + so(2)"),
    "u(3,1)": (u(3, 1), "u(3,1)"),
    "su(2,1) + R": (direct(su(2, 1), lines(1)), "su(2,1) + R^1"),
    "sl(2,C) + sl(2,R)": (direct(complexified(sl(2)), sl(2)), "sl(2,C) + sl(2,R)"),
    "so(4) + so(2,2)": (direct(so(4), so(2, 2)), "so(2,2) + so(4)"),
    "so(3) + so(2,1) + so(3)": (direct(so(3), so(2, 1), so(3)), "so(2,1) + so(3) + so(3)"),
    "Galilei": (galilei(3), None),
    "Galilei on a line": (galilei(1), "heis(3)"),
    "Schroedinger": (on_heisenberg(1), "sl(2,R) |x heis(3)"),
    "sp(4,R) on heis(5)": (on_heisenberg(2), "sp(4,R) |x heis(5)"),
    "heis(7)": (heis(3), "heis(7)"),
    "strictly triangular of size 4": (strictly_triangular(4), None),
    "strictly triangular of size 5": (strictly_triangular(5), None),
    "triangular of size 4": (triangular(4), None),
    "aff(1) + R^3": (direct(with_translations(gl(1)), lines(3)), "aff(1) + R^3"),
    "so(3) on 2 R^3": (with_translations(copies(so(3), 2)), None),
    "sl(2) on 2 R^2": (with_translations(copies(sl(2), 2)), None),
    "sl(2) on quadratic forms": (with_translations(forms(2, 2, sl(2))), "so(2,1) |x R^3"),
    "sl(2) on quartic forms": (with_translations(forms(2, 4, sl(2))), None),
    "gl(2) on quadratic forms": (with_translations(forms(2, 2, gl(2))), "(so(2,1) + R^1) |x R^3"),
    "sl(3) on covectors": (with_translations([-m.T for m in sl(3)]), "sl(3,R) |x R^3"),
    "sl(3) on vectors and covectors": (with_translations([block(m, -m.T) for m in sl(3)]), None),
    "su(2) on C^2": (with_translations(su(2)), "su(2) |x R^4"),
    "two of these": (with_translations(direct(su(2), su(2))), "(su(2) |x R^4) + (su(2) |x R^4)"),
    "rotations on forms of degree 2": (forms(3, 2, so(3)), "so(3)"),
    "cubic forms": (forms(2, 3, gl(2)), "gl(2,R)"),
    "sl(2) over a real cubic field": (over(sl(2), 1, -3, 0), "sl(2,R) + sl(2,R) + sl(2,R)"),
    "so(3) over Q(2^(1/3))": (over(so(3), -2, 0, 0), "sl(2,C) + so(3)"),
    "heis(3) over Q(i)": (over(heis(1), 1, 0), None),
    "aff(1) over Q(2^(1/3))": (over(with_translations(gl(1)), -2, 0, 0), None),
    "motions over Q(i)": (over(with_translations(so(3)), 1, 0), "so(3,C) |x R^6"),
    "Weyl": (with_translations([*so(3, 1), np.eye(4, dtype=int).astype(object)]), "(so(3,1) + R^1) |x R^4"),
    "similarities of the plane": (
        with_translations([TURN, np.eye(2, dtype=int).astype(object)]),
        "(so(2) + R^1) |x R^2",
    ),
    "two planes turned together": (with_translations(copies([TURN], 2)), None),
    "frequencies 2 and 3": ([block(2 * TURN, 3 * TURN)], "so(2)"),
    "frequencies 1 and sqrt(2)": ([block(TURN, np.array([[0, -2], [1, 0]], dtype=object))], "R^1"),
    "conjugate frequencies": ([np.kron(TURN, np.array([[3, 2], [1, 3]], dtype=object))], "R^1"),
    "a turn with a Jordan block": ([np.kron(np.eye(2, dtype=int), TURN) + np.eye(4, k=2, dtype=int)], "R^1"),
    "a torus over Q(sqrt(2))": (over([TURN], -2, 0), "so(2) + so(2)"),
}


@pytest.mark.parametrize("case", MATRICES)
def test_matrices(case: str) -> None:
    matrices, name = MATRICES[case]
    plain = identify([m.tolist() for m in matrices])
    assert plain.name == name
    assert identify([m.tolist() for m in disguised(matrices, len(case))], seed=5) == plain
    if len(matrices) <= 16:
        c = constants_of(matrices).astype(float)
        values = np.linalg.eigvalsh(np.einsum("iab,jba->ij", c, c))
        size = np.abs(values).max() or 1
        seen = (int(np.sum(values > 1e-8 * size)), int(np.sum(values < -1e-8 * size)))
        assert plain.killing_signature == (*seen, len(c) - sum(seen))


def test_two_copies_of_vectors_of_so_6_2_are_no_vectors_of_so_star_8() -> None:
    """so*(8) = so(6,2), and the dimensions and traces of both modules are the same."""
    double = identify([m.tolist() for m in with_translations(copies(so(6, 2), 2))])
    quaternionic = identify([m.tolist() for m in with_translations(so_star(4))])
    assert double.killing_signature == quaternionic.killing_signature
    assert (double.name, quaternionic.name) == (None, "so*(8) |x R^16")


def test_parts_are_listed_in_one_order() -> None:
    for parts in ((so(3), sl(3), so(2, 1)), (so(2, 1), so(3), sl(3))):
        found = identify([m.tolist() for m in direct(*parts)])
        assert found.simple_ideals == ("sl(3,R)", "sl(2,R)", "so(3)")
        assert found.levi is not None
        assert found.levi.semisimple == found.name == "sl(3,R) + so(2,1) + so(3)"


@pytest.mark.parametrize(
    "algebra",
    [None, 5, "abc", b"ab", {}, {"x": "y"}, VectorField({"x": "y"}), 1.5],
    ids=lambda one: type(one).__name__,
)
def test_what_is_no_list_is_refused(algebra: Any) -> None:
    with pytest.raises(InputError, match="the algebra") as caught:
        identify(algebra)
    assert "list of vector fields" in caught.value.cure


@pytest.mark.parametrize("matrix", ["12", ["12", "34"], {1, 2}, [1, 2], np.eye(2)[0], [[[1]]], [[True, None], [1, 1]]])
def test_what_is_no_matrix_is_refused(matrix: Any) -> None:
    with pytest.raises(InputError, match="matrix 0"):
        identify([matrix])


@pytest.mark.parametrize("constants", [None, 5, "a", [1, 2], [[1]], [[[0], [0]], [[0]]], {1}])
def test_what_is_no_cube_is_refused(constants: Any) -> None:
    with pytest.raises(InputError, match="structure constants") as caught:
        StructureConstants.read(constants)
    assert "cube" in caught.value.why


def test_large_numbers_are_exact() -> None:
    large = 10**40
    found = identify([[[large, 0], [0, -large]], [[0, large**3], [0, 0]], [[0, 0], [Fraction(1, large), 0]]])
    assert found.name == "sl(2,R)"


NO_REPRESENTATIONS: list[Any] = [
    [[[1]]],
    [[[0, 1], [0, 0]], [[0, 0], [1, 0]], [[1, 0], [0, -1]]],
    [[[1, 2]]] * 3,
    "abc",
]


@pytest.mark.parametrize("matrices", NO_REPRESENTATIONS)
def test_weights_are_those_of_a_representation(matrices: Any) -> None:
    algebra = StructureConstants.read(constants_of(so(3)))
    with pytest.raises(InputError, match="weights") as caught:
        roots_and_weights(algebra, matrices)
    assert "no representation" in caught.value.why
