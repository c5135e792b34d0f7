"""What a matrix group refuses, and that it says what, why and what to do."""

import numpy as np
import pytest
from group_table import every_group

from manifolds import (
    AffineGroup,
    DirectProduct,
    GeneralLinear,
    Heisenberg,
    IndefiniteOrthogonal,
    InputError,
    Orthogonal,
    PositiveDiagonal,
    SemidirectProduct,
    SpecialEuclidean,
    SpecialLinear,
    SpecialOrthogonal,
    SpecialUnitary,
    Symplectic,
    Translations,
    Unipotent,
    Unitary,
)

KINDS = [
    GeneralLinear,
    SpecialLinear,
    PositiveDiagonal,
    Orthogonal,
    SpecialOrthogonal,
    Symplectic,
    Unitary,
    SpecialUnitary,
    Unipotent,
    Heisenberg,
    Translations,
    SpecialEuclidean,
    AffineGroup,
]


def refusal(call):
    with pytest.raises(InputError) as caught:
        call()
    error = caught.value
    assert error.what
    assert error.why
    assert error.cure
    return error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [2.0, 2.5, "2", None, True, np.float64(2), 1 + 0j])
def test_inexact_sizes(kind, size):
    error = refusal(lambda: kind(size))
    assert repr(size) in error.what
    assert "whole number" in error.why


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, -1])
def test_sizes_that_are_too_small(kind, size):
    error = refusal(lambda: kind(size))
    assert str(size) in error.what
    assert "at least 1" in error.cure


def test_sizes_of_products():
    assert "p = 0" in refusal(lambda: IndefiniteOrthogonal(0, 2)).what
    assert "q = 1.5" in refusal(lambda: IndefiniteOrthogonal(1, 1.5)).what
    assert "copies = 0" in refusal(lambda: SemidirectProduct(GeneralLinear(2), copies=0)).what
    assert GeneralLinear(np.int64(2)) == GeneralLinear(2)


def test_factors_that_are_no_groups():
    assert "at least one group" in refusal(DirectProduct).why
    assert "no factors" in refusal(lambda: DirectProduct(GeneralLinear(2), 3)).what
    assert "no group" in refusal(lambda: SemidirectProduct("GL(2)")).what


@every_group
def test_wrong_shapes(group):
    n = group.size
    for shape in [(n,), (n, n + 1), (n + 1, n + 1), (2, n + 1, n), ()]:
        for function in (group.exp, group.log, group.inverse, group.project, group.belongs, group.coordinates):
            error = refusal(lambda function=function, shape=shape: function(np.ones(shape)))
            assert str(shape) in error.what
            assert f"{n} x {n}" in error.why


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ([[1.0, 2.0], [3.0]], "not an array"),
        ([[1j, 0], [0, 1]], "is complex"),
        ([["a", "b"], ["c", "d"]], "entries of type"),
        ([[None, 1], [1, 1]], "entries of type"),
        ([[True, False], [False, True]], "entries of type bool"),
        ([[np.nan, 0.0], [0.0, 1.0]], r"the entry (0, 0) is nan"),
        ([[1.0, 0.0], [0.0, -np.inf]], r"the entry (1, 1) is -inf"),
        ([[[1.0, 0.0], [0.0, 1.0]], [[1.0, np.inf], [0.0, 1.0]]], r"the entry (1, 0, 1) is inf"),
    ],
)
def test_matrices_that_are_none(value, what):
    for function in (GeneralLinear(2).exp, GeneralLinear(2).inverse, GeneralLinear(2).project):
        assert what in refusal(lambda function=function: function(value)).what


@every_group
def test_elements_outside_the_group(group):
    """Zero is in no group; every operation on elements refuses it by the name of the group."""
    zero = np.zeros((group.size, group.size))
    calls = [group.check, group.inverse, group.log, group.adjoint, lambda g: group.compose(group.identity, g)]
    for call in calls:
        error = refusal(lambda call=call: call(zero))
        assert group.name in error.what
        assert "condition" in error.why
    assert not group.belongs(zero)


@pytest.mark.parametrize(
    ("group", "g", "why"),
    [
        (SpecialOrthogonal(2), np.diag([1.0, 1.01]), "the condition g^T g = I is missed by 0.0201"),
        (SpecialOrthogonal(2), np.diag([1.0, -1.0]), "the condition det g = 1 is missed by 2"),
        (SpecialLinear(2), np.diag([1.0, 1.5]), "the condition det g = 1 is missed by 0.5"),
        (Symplectic(1), np.diag([1.0, 1.5]), "the condition g^T J g = J is missed by 0.5"),
        (IndefiniteOrthogonal(1, 1), np.diag([1.0, 1.5]), "the condition g^T M g = M is missed by 1.25"),
        (Unitary(1), np.diag([1.0, -1.0]), "the condition g J = J g is missed by 2"),
        (SpecialUnitary(1), [[0.0, -1.0], [1.0, 0.0]], "the condition det(A + iB) = 1 is missed by 1.41"),
        (GeneralLinear(2), [[1.0, 2.0], [2.0, 4.0]], "its smallest singular value over its largest is"),
        (GeneralLinear(2, positive_determinant=True), np.diag([1.0, -2.0]), "det g > 0 fails: its determinant is -2"),
        (PositiveDiagonal(2), np.diag([1.0, -2.0]), "g_kk > 0 fails: the smallest entry of its diagonal is -2"),
        (PositiveDiagonal(2), [[1.0, 1.0], [0.0, 2.0]], "the condition g is diagonal is missed by 0.707"),
        (Unipotent(2), [[1.0, 5.0], [0.25, 1.0]], "the identity outside its pattern is missed by 0.25"),
        (SpecialEuclidean(1), [[1.0, 5.0], [0.25, 1.0]], "the last rows are (0, 1) is missed by 0.25"),
        (SpecialEuclidean(1), [[-1.0, 5.0], [0.0, 1.0]], "det g = 1 for the linear part is missed by 2"),
        (DirectProduct(SpecialLinear(1), SpecialLinear(1)), np.diag([1.0, 3.0]), "det g = 1 for factors[1], SL(1,R)"),
        (DirectProduct(SpecialLinear(1), SpecialLinear(1)), [[1.0, 3.0], [0.0, 1.0]], "block diagonal is missed by 3"),
    ],
    ids=repr,
)
def test_by_how_much(group, g, why):
    error = refusal(lambda: group.inverse(g))
    assert why in error.why
    assert "index" not in error.what
    batch = np.stack([np.eye(group.size), g])
    assert "at index (1,)" in refusal(lambda: group.log(batch)).what
    np.testing.assert_array_equal(group.belongs(batch), [True, False])
    assert group.defect(batch)[0] == 0
    assert group.defect(batch)[1] > 1e-3


@every_group
def test_huge_entries_are_judged_without_a_warning(group):
    huge = 1e200 * np.eye(group.size)
    expected = group.name.startswith(("GL", "D+"))
    assert group.belongs(huge) == expected
    np.testing.assert_array_equal(group.belongs(np.stack([huge, group.identity])), [expected, True])
    assert group.algebra_defect(np.stack([1e200 * E for E in [group.identity, *group.basis]]))[1:].max(initial=0) == 0


@pytest.mark.parametrize("group", [Symplectic(1), SpecialLinear(2), IndefiniteOrthogonal(1, 1)], ids=repr)
def test_large_singular_matrices_are_no_elements(group):
    """However small the distance to an element is relative to their entries."""
    for large in (1e3, 1e6, 1e12):
        for g in ([[large, 1.0], [large, 1.0]], [[0.0, large], [0.0, 0.0]], [[large, large], [large, large]]):
            assert not group.belongs(g)
            with pytest.raises(InputError, match="is not in"):
                group.inverse(g)


def test_the_tolerance_of_belongs():
    group, g = SpecialOrthogonal(2), np.diag([1.0, 1.0 + 1e-7])
    assert not group.belongs(g)
    assert group.belongs(g, tolerance=1e-6)
    np.testing.assert_allclose(group.defect(g), 2e-7, rtol=1e-6)
    assert group.inverse(g) is not None
    assert "tolerance 1e-09" in refusal(lambda: group.check(g, tolerance=1e-9)).why


def test_invertibility_does_not_depend_on_units():
    group = GeneralLinear(3)
    g = group.random(0)
    rows, columns = np.diag([1e-150, 1.0, 1e120]), np.diag([1e90, 1e-90, 1.0])
    scaled = rows @ g @ columns
    assert group.belongs(scaled)
    np.testing.assert_allclose(columns @ group.inverse(scaled) @ rows, np.linalg.inv(g), rtol=1e-9)
    singular = g.copy()
    singular[2] = singular[0] - 3 * singular[1]
    assert not group.belongs(singular)
    assert not group.belongs(np.diag([1e-150, 1.0, 1e150]) @ singular)


@pytest.mark.parametrize(
    ("group", "X"),
    [
        (SpecialOrthogonal(3), np.eye(3)),
        (SpecialLinear(2), np.eye(2)),
        (Symplectic(1), np.eye(2)),
        (IndefiniteOrthogonal(1, 1), np.eye(2)),
        (Unitary(1), np.eye(2)),
        (SpecialUnitary(2), Unitary(2).basis[1]),
        (PositiveDiagonal(2), np.ones((2, 2))),
        (Unipotent(2), np.eye(2)),
        (SpecialEuclidean(2), np.eye(3)),
        (DirectProduct(GeneralLinear(1), GeneralLinear(1)), np.ones((2, 2))),
    ],
    ids=repr,
)
def test_matrices_outside_the_algebra(group, X):
    calls = [group.exp, group.coordinates, group.adjoint_algebra]
    calls += [lambda X: group.dexp(X, 0 * X), lambda X: group.bracket(X, 0 * X)]
    for call in calls:
        error = refusal(lambda call=call: call(X))
        assert f"X is not in {group.algebra_name}" in error.what
        assert "of its norm" in error.why
        assert "project_algebra(X)" in error.cure
    assert "Y is not in" in refusal(lambda: group.dexp(0 * X, X)).what
    batch = np.stack([0 * X, X])
    assert "X at index (1,)" in refusal(lambda: group.exp(batch)).what
    np.testing.assert_array_equal(group.algebra_defect(batch) > 0.1, [False, True])
    assert group.exp(group.project_algebra(X)).shape == X.shape


def test_a_nameless_algebra_is_called_after_its_group():
    assert "the Lie algebra of UT(4,R)" in refusal(lambda: Unipotent(4).exp(np.eye(4))).what


def test_an_algebra_element_that_is_almost_one():
    group = SpecialOrthogonal(3)
    X = group.random_algebra(0)
    noise = np.random.default_rng(0).standard_normal((3, 3))
    assert group.exp(X + 1e-12 * noise).shape == (3, 3)
    assert "so(3)" in refusal(lambda: group.exp(X + 1e-8 * noise)).what


@pytest.mark.parametrize("group", [GeneralLinear(2), PositiveDiagonal(2)], ids=repr)
def test_exponentials_that_overflow(group):
    for X in (800 * np.eye(2), np.tile(800 * np.eye(2), (20, 1, 1))):
        error = refusal(lambda X=X: group.exp(X))
        assert "overflows (|X| = 1.13e+03)" in error.what
    assert group.exp(-800 * np.eye(2)).max() == 0.0


def test_matrices_without_a_projection():
    assert "GL(2,R)" in refusal(lambda: GeneralLinear(2).project(np.zeros((2, 2)))).what
    positive = GeneralLinear(2, positive_determinant=True)
    assert "det g > 0" in refusal(lambda: positive.project(np.diag([1.0, -1.0]))).why
    assert "positive" in refusal(lambda: SpecialLinear(2).project(np.diag([1.0, -1.0]))).why
    error = refusal(lambda: SpecialLinear(3).project(np.stack([np.eye(3), np.zeros((3, 3))])))
    assert "A at index (1,) has no multiple in SL(3,R)" in error.what
    assert "not positive" in refusal(lambda: PositiveDiagonal(2).project(-np.eye(2))).why
    assert "no single nearest" in refusal(lambda: Unitary(1).project(np.diag([1.0, -1.0]))).what
    assert "preserves the form" in refusal(lambda: Symplectic(1).project(np.zeros((2, 2)))).what


@pytest.mark.parametrize("rng", [-1, 1.5, "0", None, True])
def test_sources_of_randomness(rng):
    assert repr(rng) in refusal(lambda: GeneralLinear(2).random(rng)).what


@pytest.mark.parametrize("scale", [-1.0, np.inf, np.nan])
def test_scales(scale):
    assert "standard deviation" in refusal(lambda: GeneralLinear(2).random(0, scale=scale)).what


@pytest.mark.parametrize("shape", [-1, 2.5, (2, 1.0), "3"])
def test_shapes_of_random_elements(shape):
    assert "shape = " in refusal(lambda: GeneralLinear(2).random(0, shape=shape)).what


def test_coordinates_of_the_wrong_length():
    for wrong in ([1.0, 2.0], 1.0, np.ones((4, 3))):
        error = refusal(lambda wrong=wrong: GeneralLinear(2).combine(wrong))
        assert "dimension 4" in error.why


def test_parts_that_do_not_fit():
    group = AffineGroup(2)
    assert "translation has the shape (2,)" in refusal(lambda: group.join(np.eye(2), [1.0, 2.0])).what
    assert "linear has the shape" in refusal(lambda: group.join(np.eye(3), np.ones((2, 1)))).what
    product = DirectProduct(GeneralLinear(2), GeneralLinear(1))
    assert "1 blocks" in refusal(lambda: product.join(np.eye(2))).what
    assert "the block of GL(1,R)" in refusal(lambda: product.join(np.eye(2), np.eye(2))).what
    assert "Z has the shape (2,)" in refusal(lambda: Unitary(2).from_complex([1.0, 1j])).what


def test_tables_that_are_too_large():
    error = refusal(lambda: GeneralLinear(21).structure_constants)
    assert "441^3" in error.why
    assert "adjoint_algebra" in error.cure
    error = refusal(lambda: DirectProduct(*[GeneralLinear(1)] * 13).components)
    assert "8192" in error.why
    assert DirectProduct(*[GeneralLinear(1)] * 13).random(0).shape == (13, 13)
