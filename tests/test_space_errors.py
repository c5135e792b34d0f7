"""What spaces say to input that they cannot take: what, why and the cure, and nothing is changed."""

import numpy as np
import pytest

from manifolds import InputError
from manifolds.projectors import Projectors
from manifolds.rotations import Rotations
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
from manifolds.testing import check_space
from manifolds.vector_spaces import Euclidean

SPACE = Stiefel(5, 2)
Y = SPACE.random(0)
CONTEXT = SPACE.section(Y)


def refusal(call):
    """The error with which a call is refused, which says why."""
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.why
    return caught.value


def test_a_point_off_the_space_is_told_by_how_much_and_how_to_mend_it():
    error = refusal(lambda: SPACE.section(2 * Y))
    assert "its error |Y* Y - I| is 4.2e+00" in error.what
    assert "space.project(Y)" in error.cure
    error = refusal(lambda: SymplecticStiefel(3, 1).section(np.ones((6, 2))))
    assert "its error |Y* Y - I| is 1.4e+00" in error.what
    assert "project" in error.cure
    error = refusal(lambda: Projectors(3, 1).section(np.eye(3)))
    assert "its error is 2.0e+00" in error.what
    assert "project" in error.cure
    assert SPACE.belongs(SPACE.project(2 * Y))


def test_a_slightly_inexact_point_is_taken():
    for near in (Y + 1e-9, Y.astype(np.float32) + np.float32(1e-5)):
        still = SPACE.retract(SPACE.section(near), np.zeros_like(near))
        assert np.abs(still - near).max() <= 1e-4
        assert still.dtype == near.dtype
    assert "is not on Stiefel(5, 2)" in refusal(lambda: SPACE.section(Y + 1e-6)).what


@pytest.mark.parametrize("kind", [Stiefel, Grassmann, SymplecticStiefel, SymplecticGrassmann, Projectors])
def test_sizes(kind):
    error = refusal(lambda: kind(2, 5))
    assert "n = 5 is larger than N = 2" in error.what
    assert "rows first" in error.cure
    assert "N = 0 is too small" in refusal(lambda: kind(0, 0)).what
    assert "N = 5.0 is not a size" in refusal(lambda: kind(5.0, 2)).what
    error = refusal(lambda: kind(5, 2, retraction="qr"))
    assert "retraction = 'qr' is unknown" in error.what
    assert '"cayley" or "geodesic"' in error.cure


def test_options():
    assert "field = 'quaternion' is unknown" in refusal(lambda: Stiefel(5, 2, field="quaternion")).what
    error = refusal(lambda: Stiefel(5, 2, section="open"))
    assert "section = 'open' is unknown" in error.what
    assert '"closed" or "transported"' in error.cure
    assert "shape = -1" in refusal(lambda: Euclidean((2, -1))).what
    assert "field = 'p-adic'" in refusal(lambda: Euclidean(2, field="p-adic")).what
    assert "without factors" in refusal(lambda: Product({})).what
    assert "the factor 'W' is 3" in refusal(lambda: Product({"W": 3})).what


def test_odd_sizes_of_symplectic_frames():
    space = SymplecticStiefel(3, 1)
    for shape in ((5, 2), (6, 1), (7, 3)):
        error = refusal(lambda shape=shape: space.section(np.ones(shape)))
        assert f"Y has the shape {shape}" in error.what
        assert "(..., 6, 2)" in error.cure
    with pytest.raises(InputError, match="even"):
        space.section(np.ones((7, 3)))


def test_shapes():
    error = refusal(lambda: SPACE.section(Y.T))
    assert "Y has the shape (2, 5)" in error.what
    assert "(..., 5, 2)" in error.cure
    assert "Y has the shape (2,)" in refusal(lambda: SPACE.section(Y[0])).what
    assert (
        "the gradient has the shape (2, 5), the point the shape (5, 2)"
        in refusal(lambda: SPACE.lift(CONTEXT, Y.T)).what
    )
    assert "the gradient has the shape (2, 5, 2)" in refusal(lambda: SPACE.lift(CONTEXT, np.stack([Y, Y]))).what
    assert "the step has the shape (5, 1)" in refusal(lambda: SPACE.retract(CONTEXT, Y[:, :1])).what
    error = refusal(lambda: SPACE.unpack(np.ones(9)))
    assert "a vector of the shape (9,)" in error.what
    assert "(10,)" in error.cure


def test_types():
    error = refusal(lambda: SPACE.section(np.eye(5, 2, dtype=int)))
    assert "entries of type int64" in error.what
    assert "floating-point" in error.cure
    error = refusal(lambda: SPACE.section(Y + 0j))
    assert "entries of type complex128" in error.what
    assert 'field="complex"' in error.cure
    error = refusal(lambda: Stiefel(5, 2, field="complex").section(Y))
    assert "entries of type float64" in error.what
    assert "complex" in error.cure
    error = refusal(lambda: SPACE.section([[1.0, 0.0]] * 5))
    assert "an object of type list is no array" in error.what
    assert "numpy.asarray" in error.cure
    assert (
        "of type float32, the point of type float64" in refusal(lambda: SPACE.lift(CONTEXT, Y.astype(np.float32))).what
    )
    assert "the point of type float64" in refusal(lambda: SPACE.lift(CONTEXT, Y.astype(np.longdouble))).what


def test_libraries_and_devices():
    torch = pytest.importorskip("torch")
    tensor = torch.asarray(Y)
    error = refusal(lambda: SPACE.lift(CONTEXT, tensor))
    assert "an array of torch, the point one of numpy" in error.what
    assert "library of the point" in error.cure
    assert "an array of numpy, the point one of torch" in refusal(lambda: SPACE.retract(SPACE.section(tensor), Y)).what
    error = refusal(lambda: SPACE.lift(SPACE.section(tensor), tensor.to("meta")))
    assert "lies on meta, the point on cpu" in error.what
    assert "device" in error.cure
    assert "of type torch.float32" in refusal(lambda: SPACE.lift(SPACE.section(tensor), tensor.float())).what


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("space", [SPACE, Euclidean((5, 2)), Product({"W": SPACE})], ids=repr)
def test_gradients_that_are_not_finite(space, bad):
    product = isinstance(space, Product)
    point, G = ({"W": Y}, {"W": Y.copy()}) if product else (Y, Y.copy())
    (G["W"] if product else G)[3, 1] = bad
    context, before = space.section(point), Y.copy()
    error = refusal(lambda: space.lift(context, G))
    assert "the gradient is not finite at index (3, 1)" in error.what
    assert "leave the step out" in error.cure
    np.testing.assert_array_equal(Y, before)


def test_points_that_are_not_finite():
    bad = Y.copy()
    bad[0, 0] = np.nan
    assert "Y is not finite at index (0, 0)" in refusal(lambda: SPACE.section(bad)).what
    assert "Y is not finite" in refusal(lambda: SPACE.project(bad)).what
    assert "Y is not finite" in refusal(lambda: Euclidean((5, 2)).section(bad)).what
    assert not SPACE.belongs(bad)
    assert not Euclidean((5, 2)).belongs(bad)


def test_steps_that_lead_nowhere():
    error = refusal(lambda: SPACE.retract(CONTEXT, np.full((5, 2), np.nan)))
    assert "the next point is not finite" in error.what
    assert "shorter step" in error.cure
    space = SymplecticStiefel(1, 1)
    E = np.eye(2)
    W = np.array([[2.0, 0.0], [0.0, -2.0]])  # I - W/2 is singular
    error = refusal(lambda: space.retract(space.section(E), W))
    assert "the next point is not finite" in error.what
    assert "learning rate" in error.cure


def test_projection_of_matrices_that_have_no_nearest_frame():
    error = refusal(lambda: SPACE.project(np.zeros((5, 2))))
    assert "no single frame near to Y" in error.what
    assert "space.random" in error.cure
    assert "no single frame near to Y" in refusal(lambda: SPACE.project(np.ones((5, 2)))).what
    assert "no single frame near to Y" in refusal(lambda: SymplecticStiefel(3, 1).project(np.ones((6, 2)))).what
    swapped = np.eye(6)[:, [3, 0]]  # Y* Y = -I
    assert "no single frame near to Y" in refusal(lambda: SymplecticStiefel(3, 1).project(swapped)).what


def test_reflections_are_no_rotations():
    error = refusal(lambda: Rotations(2).section(np.diag([1.0, -1.0])))
    assert "a reflection, of determinant -1" in error.what
    assert "Stiefel(2, 2)" in error.cure
    assert "its error |Y* Y - I|" in refusal(lambda: Rotations(2).section(2 * np.eye(2))).what
    assert Rotations(2).belongs(Rotations(2).project(np.diag([1.0, -1.1])))


def test_parts_of_a_product():
    space = Product({"W": SPACE, "b": Euclidean(2)})
    error = refusal(lambda: space.section({"W": Y}))
    assert "Y is ['W'], the factors are ['W', 'b']" in error.what
    assert "with the keys ['W', 'b']" in error.cure
    assert "Y is of type ndarray" in refusal(lambda: space.section(Y)).what
    context = space.section({"W": Y, "b": np.zeros(2)})
    assert "G is ['W', 'c']" in refusal(lambda: space.lift(context, {"W": Y, "c": np.zeros(2)})).what
    assert "Y is not on Stiefel(5, 2)" in refusal(lambda: space.section({"W": 2 * Y, "b": np.zeros(2)})).what


def test_checks_can_be_left_out():
    G = np.full((5, 2), np.nan)
    assert np.isnan(SPACE.lift(SPACE.section(2 * Y, check=False), G, check=False)).any()


def test_check_space_refuses_what_is_no_space():
    error = refusal(lambda: check_space(3))
    assert "3 is no space" in error.what
    assert "space_from_geomstats" in error.cure
    assert "on_failure = 'ignore'" in refusal(lambda: check_space(SPACE, on_failure="ignore")).what
    assert "samples = 0" in refusal(lambda: check_space(SPACE, samples=0)).what
    assert "rng = 'seed'" in refusal(lambda: SPACE.random("seed")).what
