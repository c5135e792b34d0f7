"""Vector spaces: the textbook formulas, so that a rule does there what it does anywhere."""

import numpy as np

from manifolds.vector_spaces import Euclidean, gaussian, real_inner


def test_every_operation_is_the_plain_one():
    space, rng = Euclidean((3, 2)), np.random.default_rng(0)
    Y, G, W = rng.standard_normal((3, 3, 2))
    context = space.section(Y)
    assert space.lift(context, G) is G
    np.testing.assert_array_equal(space.retract(context, W), Y + W)
    np.testing.assert_array_equal(space.tangent(context, W), W)
    np.testing.assert_allclose(space.inner(G, W), np.sum(G * W), rtol=1e-15)
    np.testing.assert_allclose(space.distance(Y, G), np.linalg.norm(Y - G), rtol=1e-15)
    assert space.error(Y) == 0


def test_complex_vectors_are_real_vectors_of_twice_the_dimension():
    space = Euclidean(3, field="complex")
    D = space.random(0)
    assert space.dimension == 6
    np.testing.assert_allclose(space.inner(D, 1j * D), 0, atol=1e-15)
    np.testing.assert_allclose(space.norm(D), np.linalg.norm(D), rtol=1e-15)
    np.testing.assert_allclose(real_inner(D, D, axes=1), np.linalg.norm(D) ** 2, rtol=1e-15)


def test_numbers_and_batches():
    space = Euclidean(())
    assert space.shape == ()
    assert space.size == space.dimension == 1
    assert space.inner(np.ones(4), np.ones(4)).shape == (4,)
    assert space.unpack(np.ones(1)).shape == ()


def test_complex_normal_entries_have_variance_one():
    z = gaussian(np.random.default_rng(0), (100_000,), "complex")
    assert abs(np.mean(np.abs(z) ** 2) - 1) <= 0.02
    assert abs(np.mean(z**2)) <= 0.02


def test_names():
    assert repr(Euclidean(3)) == "Euclidean((3,))"
    assert repr(Euclidean((), field="complex")) == "Euclidean((), field='complex')"
