"""geomstats in and out: its group objects through ours and back, its points as our elements, its numbers as oracles."""

import numpy as np
import pytest

from manifolds import (
    GeneralLinear,
    Heisenberg,
    InputError,
    MatrixGroup,
    SpecialEuclidean,
    SpecialOrthogonal,
    Symplectic,
    from_geomstats,
    load_geomstats,
    matrices_from_geomstats,
    matrices_to_geomstats,
)
from manifolds.testing import check_group


def theirs(room, name, *arguments, **options):
    return getattr(load_geomstats(f"geometry.{room}"), name)(*arguments, **options)


BY_MATRICES = [
    (theirs("general_linear", "GeneralLinear", 3), GeneralLinear(3)),
    (theirs("general_linear", "GeneralLinear", 2, positive_det=True), GeneralLinear(2, positive_determinant=True)),
    (theirs("special_orthogonal", "SpecialOrthogonal", 2), SpecialOrthogonal(2)),
    (theirs("special_orthogonal", "SpecialOrthogonal", 3), SpecialOrthogonal(3)),
    (theirs("special_orthogonal", "SpecialOrthogonal", 5), SpecialOrthogonal(5)),
    (theirs("special_euclidean", "SpecialEuclidean", 2), SpecialEuclidean(2)),
    (theirs("special_euclidean", "SpecialEuclidean", 3), SpecialEuclidean(3)),
]
BY_VECTORS = [
    (theirs("special_orthogonal", "SpecialOrthogonal", 2, point_type="vector"), SpecialOrthogonal(2)),
    (theirs("special_orthogonal", "SpecialOrthogonal", 3, point_type="vector"), SpecialOrthogonal(3)),
    (theirs("special_euclidean", "SpecialEuclidean", 2, point_type="vector"), SpecialEuclidean(2)),
    (theirs("special_euclidean", "SpecialEuclidean", 3, point_type="vector"), SpecialEuclidean(3)),
    (theirs("heisenberg", "HeisenbergVectors"), Heisenberg(1)),
]
by_matrices = pytest.mark.parametrize(("their_group", "group"), BY_MATRICES, ids=lambda x: type(x).__name__)
by_vectors = pytest.mark.parametrize(("their_group", "group"), BY_VECTORS, ids=lambda x: type(x).__name__)
everything = pytest.mark.parametrize(("their_group", "group"), BY_MATRICES + BY_VECTORS, ids=lambda x: type(x).__name__)


@everything
def test_their_objects_come_in_and_pass_the_laws(their_group, group):
    ours = from_geomstats(their_group)
    assert ours == group
    assert check_group(ours).passed
    assert ours.dimension == their_group.dim


@by_matrices
def test_our_groups_go_out_and_come_back(their_group, group):
    out = group.to_geomstats()
    assert type(out) is type(their_group)
    assert out.dim == their_group.dim
    assert out.shape == (group.size, group.size)
    assert from_geomstats(out) == group


def test_the_heisenberg_group_goes_out_and_comes_back():
    assert from_geomstats(Heisenberg(1).to_geomstats()) == Heisenberg(1)


@by_matrices
def test_the_same_numbers_come_out_of_both(their_group, group):
    rng = np.random.default_rng(0)
    X = group.random_algebra(rng, shape=6, scale=0.4)
    g, h = group.exp(X), group.random(rng, shape=6, scale=0.3)
    np.testing.assert_allclose(g, their_group.exp(X), atol=1e-13)
    np.testing.assert_allclose(group.exp(X[0]), their_group.exp(X[0]), rtol=0, atol=0)
    np.testing.assert_allclose(group.log(g), their_group.log(g), atol=1e-11)
    np.testing.assert_allclose(group.log(g[0]), their_group.log(g[0]), atol=1e-11)
    np.testing.assert_allclose(group.compose(g, h), their_group.compose(g, h), atol=1e-14)
    np.testing.assert_allclose(group.inverse(g), their_group.inverse(g), atol=1e-13)
    np.testing.assert_array_equal(group.identity, their_group.identity)
    assert their_group.belongs(g, atol=1e-9).all()


@by_matrices
def test_their_points_belong_to_ours(their_group, group):
    load_geomstats("backend").random.seed(0)
    points = their_group.random_point(5)
    assert group.belongs(matrices_from_geomstats(their_group, points)).all()
    np.testing.assert_array_equal(matrices_to_geomstats(their_group, points), points)
    assert group.belongs(group.compose(points, group.inverse(points))).all()


@by_matrices
def test_the_bases_agree(their_group, group):
    basis = their_group.lie_algebra.basis
    np.testing.assert_array_equal(group.basis, basis)
    X = group.random_algebra(0, shape=4)
    np.testing.assert_allclose(group.coordinates(X), their_group.lie_algebra.basis_representation(X), atol=1e-14)


@by_vectors
def test_vectors_become_matrices_and_back(their_group, group):
    """The translation is a homomorphism: composing there and here is the same."""
    rng = np.random.default_rng(1)
    x, y = (0.5 * rng.standard_normal((6, group.dimension)) for _ in range(2))
    g, h = matrices_from_geomstats(their_group, x), matrices_from_geomstats(their_group, y)
    assert group.belongs(g).all()
    np.testing.assert_allclose(matrices_to_geomstats(their_group, g), x, atol=1e-13)
    np.testing.assert_allclose(matrices_to_geomstats(their_group, g[0]), x[0], atol=1e-13)
    product = matrices_to_geomstats(their_group, group.compose(g, h))
    np.testing.assert_allclose(product, their_group.compose(x, y), atol=1e-9)
    np.testing.assert_allclose(matrices_to_geomstats(their_group, group.inverse(g)), their_group.inverse(x), atol=1e-9)


def test_vectors_as_geomstats_makes_matrices_of_them():
    so3 = theirs("special_orthogonal", "SpecialOrthogonal", 3, point_type="vector")
    x = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_allclose(matrices_from_geomstats(so3, x), so3.matrix_from_rotation_vector(x), atol=1e-12)
    heisenberg = theirs("heisenberg", "HeisenbergVectors")
    np.testing.assert_allclose(
        matrices_from_geomstats(heisenberg, x), heisenberg.upper_triangular_matrix_from_vector(x), atol=1e-14
    )


def test_one_logarithm_of_a_rotation_is_computed_by_geomstats(monkeypatch):
    calls = []
    lie_group = load_geomstats("geometry.lie_group").MatrixLieGroup
    log = lie_group.log.__func__

    def counted(cls, point, base_point=None):
        calls.append(cls.__name__)
        return log(cls, point, base_point)

    monkeypatch.setattr(lie_group, "log", classmethod(counted))
    for group in (SpecialOrthogonal(4), SpecialEuclidean(3), GeneralLinear(3)):
        group.log(group.exp(group.random_algebra(0, scale=0.3)))
    names = ["_SpecialOrthogonalMatrices", "_SpecialEuclideanMatrices", "GeneralLinear"]
    assert [name for name in calls if name in names][:1] == names[:1]
    assert set(names) <= set(calls)


def test_groups_that_geomstats_lacks():
    for group in (Symplectic(1), SpecialOrthogonal(1), SpecialEuclidean(1), Heisenberg(2)):
        with pytest.raises(InputError, match="geomstats has no group") as caught:
            group.to_geomstats()
        assert group.name in caught.value.what
        assert "GL(n,R)" in caught.value.why
        assert "to_geomstats" in caught.value.cure


@pytest.mark.parametrize("other", [3, "SO(3)", None, theirs("stiefel", "Stiefel", 3, 2), GeneralLinear(2)])
def test_other_objects_are_refused(other):
    with pytest.raises(InputError, match="no group that can be taken over from geomstats") as caught:
        from_geomstats(other)
    assert type(other).__name__ in caught.value.what
    assert "HeisenbergVectors" in caught.value.why
    assert MatrixGroup.__name__ in caught.value.cure


def test_points_that_do_not_fit_are_refused():
    so3 = theirs("special_orthogonal", "SpecialOrthogonal", 3)
    with pytest.raises(InputError, match=r"points is not in SO\(3\)"):
        matrices_from_geomstats(so3, 2 * np.eye(3))
    with pytest.raises(InputError, match=r"g is not in SO\(3\)"):
        matrices_to_geomstats(so3, 2 * np.eye(3))
    vectors = theirs("special_orthogonal", "SpecialOrthogonal", 3, point_type="vector")
    with pytest.raises(InputError, match=r"points has the shape \(2,\)") as caught:
        matrices_from_geomstats(vectors, [1.0, 2.0])
    assert "a vector of 3 numbers" in caught.value.why
