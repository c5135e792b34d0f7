"""Names of Lie algebras: known ones, plain and disguised; those that must not be named; what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from lie_algebras import (
    Matrix,
    complexified,
    constants_of,
    direct,
    disguised,
    gl,
    heis,
    integral,
    lines,
    sl,
    so,
    sp,
    su,
    triangular,
    u,
    with_translations,
)

from manifolds import InputError
from symmetries import VectorField
from symmetries.identify import identify
from symmetries.structure.algebra_identity import AlgebraIdentity
from symmetries.structure.structure_constants import StructureConstants

KNOWN: dict[str, list[Matrix]] = {
    **{f"so({n})": so(n) for n in range(3, 11)},
    **{f"so({p},{q})": so(p, q) for p, q in ((2, 1), (3, 1), (2, 2), (4, 1), (3, 2), (5, 2), (4, 4), (6, 2), (7, 3))},
    **{f"so({p},{q})": so(p, q) for p, q in ((5, 1), (4, 2), (3, 3))},
    **{f"sl({n},R)": sl(n) for n in (2, 3, 4, 5)},
    **{f"gl({n},R)": gl(n) for n in (2, 3, 5, 8)},
    **{f"sp({2 * n},R)": sp(n) for n in (2, 3, 4)},
    "su(2)": su(2),
    "su(3)": su(3),
    "su(2,1)": su(2, 1),
    "su(2,2)": su(2, 2),
    "u(3)": u(3),
    "u(2,1)": u(2, 1),
    "sl(2,C)": complexified(sl(2)),
    "sl(3,C)": complexified(sl(3)),
    "heis(3)": heis(1),
    "heis(5)": heis(2),
    "so(2) |x R^2": with_translations(so(2)),
    "so(3) |x R^3": with_translations(so(3)),
    "so(4) |x R^4": with_translations(so(4)),
    "so(1,1) |x R^2": with_translations(so(1, 1)),
    "so(3,1) |x R^4": with_translations(so(3, 1)),
    "aff(1)": with_translations(gl(1)),
    "aff(2)": with_translations(gl(2)),
    "aff(3)": with_translations(gl(3)),
    "sl(2,R) |x R^2": with_translations(sl(2)),
    "so(3) + so(3)": direct(so(3), so(3)),
    "gl(2,R) + gl(2,R)": direct(gl(2), gl(2)),
    "gl(3,R) + so(4) + heis(3)": direct(gl(3), so(4), heis(1)),
    "aff(1) + R^1": triangular(2),
    "(R^2 |x heis(3)) + R^1": triangular(3),
    "R^3": lines(3),
}
"""Algebras by the name that their natural representation has."""


def named(matrices: list[Matrix], **options: Any) -> AlgebraIdentity:
    return identify([matrix.tolist() for matrix in matrices], **options)


def test_there_are_enough() -> None:
    assert len(KNOWN) >= 43


@pytest.mark.parametrize("name", KNOWN)
def test_natural_representations_have_their_names(name: str) -> None:
    assert named(KNOWN[name]).name == name


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("seed", [1])
def test_disguised_algebras_have_the_same_names(name: str, seed: int) -> None:
    plain, other = named(KNOWN[name]), named(disguised(KNOWN[name], seed), seed=7)
    assert other == plain


ABSTRACT = [name for name in KNOWN if len(KNOWN[name]) <= 21]


@pytest.mark.parametrize("name", ABSTRACT)
def test_structure_constants_give_the_same_algebra(name: str) -> None:
    """Abstractly a rotation is a line, so what is compared are the names with their synonyms."""
    plain, abstract = named(KNOWN[name]), identify(constants_of(KNOWN[name]))
    assert abstract.name is not None
    own = {plain.name, *plain.synonyms}
    assert own & {abstract.name, *abstract.synonyms} or abstract.name.replace("R^1", "so(2)") in own
    assert abstract.killing_signature == plain.killing_signature


@pytest.mark.parametrize(
    ("matrices", "name"),
    [
        ([[[0, 1], [-1, 0]]], "so(2)"),
        ([[[0, 2], [-3, 0]]], "so(2)"),
        ([[[1, 2], [-3, -1]]], "so(2)"),
        ([[[1, 0], [0, 2]]], "R^1"),
        ([[[0, 1], [0, 0]]], "R^1"),
        ([[[1, 1], [-1, 1]]], "R^1"),
        ([[[0, 1, 1, 0], [-1, 0, 0, 1], [0, 0, 0, 1], [0, 0, -1, 0]]], "R^1"),  # eigenvalues ±i, twice, with a block
    ],
)
def test_a_line_is_a_rotation_when_it_is_compact(matrices: list[Any], name: str) -> None:
    assert identify(matrices).name == name


def test_commuting_rotations_and_scalings() -> None:
    turn = [[0, -1], [1, 0]]
    first = np.kron(np.diag([1, 0]), turn) + np.kron(np.diag([0, 1]), np.eye(2, dtype=int))
    second = np.kron(np.diag([1, 2]), turn)
    assert identify([first]).name == "R^1"  # a spiral beside a rotation
    assert identify([first, second]).name == "R^1 + so(2)"
    third = np.kron(np.diag([0, 1]), np.eye(2, dtype=int))
    assert identify([first, second, third]).name == "R^1 + so(2) + so(2)"


UNNAMED = {
    "weights 1 and 2": integral(1, 2),
    "a spiral": integral([[1, -1], [1, 1]]),
    "a Jordan block": integral([[1, 1], [0, 1]]),
    "nilpotent of step 3": integral([[0, 1, 0], [0, 0, 1], [0, 0, 0]]),
    "weights 1, 1 and -2": integral(1, 1, -2),
    "upper triangular of size 4": triangular(4),
}


@pytest.mark.parametrize("case", UNNAMED)
@pytest.mark.parametrize("hide", [False, True])
def test_no_name_where_none_is_certain(case: str, hide: bool) -> None:
    matrices = disguised(UNNAMED[case], 5) if hide else UNNAMED[case]
    found = named(matrices)
    assert found.name is None
    assert found.synonyms == ()
    assert "no name" in found.reason
    assert "derived series" in found.description
    assert str(found) == found.description


@pytest.mark.parametrize(("weights", "name"), [((1, 1), "R^1 |x R^2"), ((1, -1), "so(1,1) |x R^2")])
def test_weights_that_have_a_name(weights: tuple[int, ...], name: str) -> None:
    assert named(integral(*weights)).name == name


def test_flags_and_series() -> None:
    found = named(with_translations(so(3)))
    assert (found.dimension, found.derived_series, found.lower_central_series) == (6, (6,), (6,))
    assert (found.perfect, found.unimodular, found.reductive, found.solvable, found.semisimple) == (
        (True, True, False, False, False)
    )
    assert found.levi is not None
    assert (found.levi.semisimple, found.levi.radical) == ("so(3)", "R^3")
    assert (found.levi.semisimple_dimension, found.levi.radical_dimension) == (3, 3)
    assert found.simple_ideals == ("so(3)",)
    assert found.killing_signature == (0, 3, 3)
    nilpotent = named(heis(2))
    assert (nilpotent.nilpotent, nilpotent.solvable, nilpotent.abelian, nilpotent.centre) == (True, True, False, 1)
    assert nilpotent.lower_central_series == (5, 1, 0)
    assert named(with_translations(gl(1))).unimodular is False
    nothing = identify([])
    assert (nothing.name, nothing.dimension, nothing.abelian, nothing.semisimple) == ("0", 0, True, False)


@pytest.mark.parametrize("seed", range(4))
def test_the_seed_does_not_matter(seed: int) -> None:
    assert named(direct(so(3, 1), sl(2), heis(1)), seed=seed) == named(direct(so(3, 1), sl(2), heis(1)), seed=99)


def test_large_algebras_are_not_identified() -> None:
    found = identify([np.diag([int(k == j) for j in range(161)]) for k in range(161)])
    assert found.name is None
    assert "160" in found.reason


# fields


def test_fields_are_read() -> None:
    turn, shift_x, shift_y = VectorField({"x": "-y", "y": "x"}), VectorField({"x": "1"}), VectorField({"y": "1"})
    assert identify([turn, shift_x, shift_y]).name == "so(2) |x R^2"
    assert identify([turn]).name == "so(2)"
    assert identify([shift_x]).name == "R^1"


def test_nonlinear_fields() -> None:
    projective = [VectorField({"x": text}) for text in ("1", "x", "x**2")]
    assert identify(projective).name == "sl(2,R)"
    assert identify([VectorField({"x": "y", "y": "-x + x**2"})]).name == "R^1"
    bent = VectorField({"x": "y - x**2", "y": "-x + 2*x*(y - x**2)"})  # a rotation in x and y - x**2
    assert identify([bent]).name == "so(2)"


def test_fields_not_closed_are_refused_with_the_bracket() -> None:
    with pytest.raises(InputError, match="vector fields") as caught:
        identify([VectorField({"x": "y"}), VectorField({"y": "x"})])
    assert "the bracket of fields 1 and 2" in caught.value.why


def test_nonlinear_fields_not_closed_are_refused() -> None:
    with pytest.raises(InputError, match="vector fields"):
        identify([VectorField({"x": "x**2"}), VectorField({"x": "x**3"})])


def test_matrices_not_closed_are_refused() -> None:
    with pytest.raises(InputError, match="matrices") as caught:
        identify([[[0, 1], [0, 0]], [[0, 0], [1, 0]]])
    assert "matrices 0 and 1" in caught.value.why


@pytest.mark.parametrize(
    ("algebra", "what"),
    [
        ([[[0.5, 0], [0, 1]]], "matrix 0"),
        ([[[1, 0], [0, 1]], [[0, 1], [1, float("nan")]]], "matrix 1"),
        ([[[1, 0, 0], [0, 1, 0]]], "matrix 0"),
        ([[[1, 0], [0, 1]], [[1]]], "matrix 1"),
        ([[["one"]]], "matrix 0"),
        ([[[1, 0], [0, 1]], [[2, 0], [0, 2]]], "generators"),
        ([VectorField({"x": "x"}), VectorField({"x": "2*x"})], "generators"),
        ([VectorField({"x": "x**2"}), VectorField({"x": "2*x**2"})], "generators"),
        ([VectorField({"x": "x"}), 3], "item 1"),
        ([VectorField({"x": "sin(x)"})], "component"),
        ([VectorField({"U[0]": "U[1]"})], "field"),
        ([3], "matrix 0"),
    ],
)
def test_what_is_no_basis_is_refused(algebra: list[Any], what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        identify(algebra)
    assert caught.value.why
    assert caught.value.cure


def test_structure_constants_are_checked() -> None:
    with pytest.raises(InputError, match="opposite"):
        StructureConstants.read([[[0, 0], [1, 0]], [[1, 0], [0, 0]]])
    broken = np.zeros((3, 3, 3), dtype=int)
    for i, j, k in ((0, 1, 2), (0, 2, 0)):
        broken[i, j, k], broken[j, i, k] = 1, -1
    with pytest.raises(InputError, match="Jacobi") as caught:
        identify(broken)
    assert "e_0, e_1, e_2" in caught.value.what
    with pytest.raises(InputError, match="cube"):
        StructureConstants.read([[[0, 0]]])


def test_fractions_and_text_are_exact() -> None:
    assert identify([[[0, Fraction(1, 3)], ["-1/7", 0]]]).name == "so(2)"
