"""Spaces of geomstats taken over, and points and tangent vectors in both directions, checked by geomstats itself."""

import numpy as np
import pytest

from manifolds import InputError, load_geomstats
from manifolds.geomstats_spaces import (
    points_from_geomstats,
    points_to_geomstats,
    space_from_geomstats,
    space_to_geomstats,
    tangents_from_geomstats,
    tangents_to_geomstats,
)
from manifolds.projectors import Projectors
from manifolds.rotations import Rotations
from manifolds.spaces import Grassmann, Stiefel, SymplecticStiefel
from manifolds.testing import check_space
from manifolds.vector_spaces import Euclidean

PAIRS = [Stiefel(6, 2), Grassmann(6, 2), Projectors(6, 2), Rotations(3), Euclidean(4), Euclidean((3, 2))]


def theirs(name, *sizes, **options):
    """A space of geomstats by its module and class."""
    module, kind = name.split(".")
    return getattr(load_geomstats(f"geometry.{module}"), kind)(*sizes, **options)


@pytest.mark.parametrize("space", PAIRS, ids=repr)
def test_points_and_tangent_vectors_are_those_of_geomstats(space):
    other = space_to_geomstats(space)
    Y = space.random(0)
    point = points_to_geomstats(space, Y)
    assert other.belongs(point, atol=1e-12)
    assert other.dim == space.dimension
    context = space.section(Y)
    X = space.tangent(context, space.random_coordinates(1))
    there = tangents_to_geomstats(space, Y, X)
    assert other.is_tangent(there, point, atol=1e-12)
    np.testing.assert_allclose(tangents_from_geomstats(space, Y, there), X, atol=1e-13)
    back = points_from_geomstats(space, point)
    np.testing.assert_allclose(points_to_geomstats(space, back), point, atol=1e-13)


@pytest.mark.parametrize("space", [*PAIRS[:1], *PAIRS[2:]], ids=repr)
def test_a_space_of_geomstats_comes_back(space):
    assert space_from_geomstats(space_to_geomstats(space)) == space


def test_points_of_geomstats_are_taken():
    for other in (theirs("stiefel.Stiefel", 5, 2), theirs("grassmannian.Grassmannian", 5, 2)):
        np.random.seed(0)  # noqa: NPY002 - geomstats draws from the global generator
        points = other.random_point(3)
        space = space_from_geomstats(other)
        assert space.belongs(points, 1e-10)
        assert check_space(space).passed


def test_geodesics_are_those_of_geomstats():
    """The canonical metric of its Stiefel manifold, the exponential of its Grassmannian and of its rotations."""
    stiefel = Stiefel(6, 2, retraction="geodesic")
    Y = stiefel.random(0)
    context = stiefel.section(Y)
    W = stiefel.random_coordinates(1)
    wanted = space_to_geomstats(stiefel).metric.exp(stiefel.tangent(context, W), Y)
    np.testing.assert_allclose(stiefel.retract(context, W), wanted, atol=1e-12)
    projectors = Projectors(6, 2, retraction="geodesic")
    P = projectors.random(0)
    context = projectors.section(P)
    W = projectors.random_coordinates(1)
    wanted = space_to_geomstats(projectors).metric.exp(projectors.tangent(context, W), P)
    np.testing.assert_allclose(projectors.retract(context, W), wanted, atol=1e-12)
    rotations = Rotations(3, retraction="geodesic")
    R = rotations.random(0)
    context = rotations.section(R)
    W = rotations.random_coordinates(1)
    wanted = space_to_geomstats(rotations).exp(rotations.tangent(context, W), R)
    np.testing.assert_allclose(rotations.retract(context, W), wanted, atol=1e-12)


def test_inner_products_are_those_of_geomstats():
    space = Stiefel(6, 2)
    Y = space.random(0)
    context = space.section(Y)
    D, W = space.random_coordinates(1), space.random_coordinates(2)
    X, Z = space.tangent(context, D), space.tangent(context, W)
    assert abs(space_to_geomstats(space).metric.inner_product(X, Z, Y) - space.inner(D, W)) <= 1e-12


def test_a_loss_of_projectors_falls_to_the_leading_eigenspace():
    """Gradient descent on a Grassmannian of geomstats, its points and gradients as geomstats has them."""
    A = np.diag([5.0, 4.0, 1.0, 0.5, 0.1])
    space = space_from_geomstats(theirs("grassmannian.Grassmannian", 5, 2))
    P = space.random(0)
    for _ in range(300):
        context = space.section(P)
        P = space.retract(context, -0.1 * space.lift(context, -A))
    np.testing.assert_allclose(P, np.diag([1.0, 1.0, 0.0, 0.0, 0.0]), atol=1e-8)


def test_frames_of_projectors_near_and_on_the_singular_set():
    """The first rows of the frame may vanish."""
    space = Projectors(5, 2)
    for ones in ([2, 3], [0, 4], [0, 1]):
        P = np.zeros((5, 5))
        P[ones, ones] = 1.0
        Y = space.frame(P)
        np.testing.assert_allclose(Y @ Y.T, P, atol=1e-15)
        context = space.section(P)
        W = 0.3 * space.random_coordinates(0)
        assert space.error(space.retract(context, W)) <= 1e-14
        np.testing.assert_allclose(space.coordinates(context, space.tangent(context, W)), W, atol=1e-15)


def refusal(call):
    """The error with which a call is refused."""
    with pytest.raises(InputError) as caught:
        call()
    return caught.value


def test_what_has_no_counterpart_is_refused():
    sphere = theirs("hypersphere.Hypersphere", 2)
    assert "an object of type Hypersphere" in refusal(lambda: space_from_geomstats(sphere)).what
    vectors = theirs("special_orthogonal.SpecialOrthogonal", 3, point_type="vector")
    error = refusal(lambda: space_from_geomstats(vectors))
    assert "Vectors" in error.what
    assert 'point_type="matrix"' in error.cure
    assert "an object of type int" in refusal(lambda: space_from_geomstats(3)).what
    for space in (SymplecticStiefel(3, 1), Stiefel(3, 1, field="complex"), Euclidean(())):
        assert "geomstats has no space like" in refusal(lambda space=space: space_to_geomstats(space)).what


def test_points_off_the_space_are_refused():
    assert "is not on Grassmann(3, 1)" in refusal(lambda: points_to_geomstats(Grassmann(3, 1), np.ones((3, 1)))).what
    assert "is not on Projectors(3, 1)" in refusal(lambda: points_from_geomstats(Grassmann(3, 1), np.eye(3))).what
    assert (
        "is not on Stiefel(3, 1)" in refusal(lambda: points_from_geomstats(Stiefel(3, 1), [[1.0], [1.0], [0.0]])).what
    )
