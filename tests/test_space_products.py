"""Products of spaces: factor by factor, in the order of declaration, carried sections included."""

import numpy as np
import pytest

from manifolds import InputError
from manifolds.projectors import Projectors
from manifolds.rotations import Rotations
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticStiefel
from manifolds.vector_spaces import Euclidean

SPACE = Product({"W": Stiefel(5, 2), "b": Euclidean(3), "P": Product({"V": Grassmann(4, 1), "c": Euclidean(())})})


def test_facts():
    assert SPACE.dimension == 7 + 3 + 3 + 1
    assert SPACE.size == 10 + 3 + 4 + 1
    assert SPACE.shape == {"W": (5, 2), "b": (3,), "P": {"V": (4, 1), "c": ()}}
    assert not SPACE.compact
    assert Product({"W": Stiefel(5, 2), "P": Projectors(3, 1), "R": Rotations(3)}).compact
    assert not Product({"U": SymplecticStiefel(3, 1)}).compact
    assert Product({"a": Euclidean(2)}) == Product({"a": Euclidean(2)}) != Product({"b": Euclidean(2)})


def test_vectors_hold_the_factors_in_their_order():
    Y = SPACE.random(0)
    vector = SPACE.pack(Y)
    np.testing.assert_array_equal(vector[:10], Y["W"].ravel())
    np.testing.assert_array_equal(vector[10:13], Y["b"])
    assert vector[17] == Y["P"]["c"]
    assert SPACE.unpack(vector)["P"]["c"].shape == ()
    with pytest.raises(InputError, match="18 entries"):
        SPACE.unpack(vector[1:])


def test_a_step_is_that_of_the_factors():
    Y, W = SPACE.random(0), SPACE.random_coordinates(1)
    after = SPACE.retract(SPACE.section(Y), W)
    np.testing.assert_array_equal(after["b"], Y["b"] + W["b"])
    stiefel = Stiefel(5, 2)
    np.testing.assert_array_equal(after["W"], stiefel.retract(stiefel.section(Y["W"]), W["W"]))
    parts = [stiefel.inner(W["W"], W["W"]), np.sum(W["b"] ** 2), np.sum(W["P"]["V"] ** 2), W["P"]["c"] ** 2]
    np.testing.assert_allclose(SPACE.inner(W, W), sum(parts), rtol=1e-15)


def test_carried_sections_are_carried_beside_closed_ones():
    carried_space = Stiefel(5, 2, section="transported")
    space = Product({"a": carried_space, "b": Stiefel(5, 2), "c": Euclidean(2)})
    Y, W = space.random(0), space.random_coordinates(1)
    point, carried = space.advance(space.section(Y), W)
    assert carried["a"].shape == (5, 5)
    assert carried["b"] is None
    assert carried["c"] is None
    again, _ = space.advance(space.section(point, carried=carried), W)
    alone = carried_space.advance(carried_space.section(point["a"], carried=carried["a"]), W["a"])[0]
    np.testing.assert_array_equal(again["a"], alone)
    assert SPACE.advance(SPACE.section(SPACE.random(0)), SPACE.random_coordinates(0))[1] is None


def test_distances_add_in_squares():
    space = Product({"V": Grassmann(4, 1), "b": Euclidean(2)})
    X, Y = space.random(0), space.random(1)
    wanted = np.hypot(Grassmann(4, 1).distance(X["V"], Y["V"]), np.linalg.norm(X["b"] - Y["b"]))
    np.testing.assert_allclose(space.distance(X, Y), wanted, rtol=1e-15)
    with pytest.raises(InputError, match=r"Stiefel\(5, 2\) has no distance"):
        SPACE.distance(SPACE.random(0), SPACE.random(1))


def test_errors_name_the_worst_part():
    Y = SPACE.random(0)
    Y["P"]["V"] = 2 * Y["P"]["V"]
    np.testing.assert_allclose(SPACE.error(Y), 3.0, rtol=1e-14)
    assert not SPACE.belongs(Y)
    assert SPACE.belongs(SPACE.project(Y))
