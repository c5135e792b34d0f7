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


def refused(call, what, cure=""):
    with pytest.raises(InputError) as caught:
        call()
    assert what in caught.value.what
    assert cure in caught.value.cure
    assert caught.value.why


def test_a_point_off_the_space_is_told_by_how_much_and_how_to_mend_it():
    refused(lambda: SPACE.section(2 * Y), "its error |Y* Y - I| is 4.2e+00", "space.project(Y)")
    refused(lambda: SymplecticStiefel(3, 1).section(np.ones((6, 2))), "its error |Y* Y - I| is 1.4e+00", "project")
    refused(lambda: Projectors(3, 1).section(np.eye(3)), "its error is 2.0e+00", "project")
    assert SPACE.belongs(SPACE.project(2 * Y))


def test_a_slightly_inexact_point_is_taken():
    for near in (Y + 1e-9, Y.astype(np.float32) + np.float32(1e-5)):
        still = SPACE.retract(SPACE.section(near), np.zeros_like(near))
        assert np.abs(still - near).max() <= 1e-4
        assert still.dtype == near.dtype
    refused(lambda: SPACE.section(Y + 1e-6), "is not on Stiefel(5, 2)")


@pytest.mark.parametrize("kind", [Stiefel, Grassmann, SymplecticStiefel, SymplecticGrassmann, Projectors])
def test_sizes(kind):
    refused(lambda: kind(2, 5), "n = 5 is larger than N = 2", "rows first")
    refused(lambda: kind(0, 0), "N = 0 is too small")
    refused(lambda: kind(5.0, 2), "N = 5.0 is not a size")
    refused(lambda: kind(5, 2, retraction="qr"), "retraction = 'qr' is unknown", '"cayley" or "geodesic"')


def test_options():
    refused(lambda: Stiefel(5, 2, field="quaternion"), "field = 'quaternion' is unknown")
    refused(lambda: Stiefel(5, 2, section="open"), "section = 'open' is unknown", '"closed" or "transported"')
    refused(lambda: Euclidean((2, -1)), "shape = -1")
    refused(lambda: Euclidean(2, field="p-adic"), "field = 'p-adic'")
    refused(lambda: Product({}), "without factors")
    refused(lambda: Product({"W": 3}), "the factor 'W' is 3")


def test_odd_sizes_of_symplectic_frames():
    space = SymplecticStiefel(3, 1)
    for shape in ((5, 2), (6, 1), (7, 3)):
        refused(lambda shape=shape: space.section(np.ones(shape)), f"Y has the shape {shape}", "(..., 6, 2)")
    with pytest.raises(InputError, match="even"):
        space.section(np.ones((7, 3)))


def test_shapes():
    refused(lambda: SPACE.section(Y.T), "Y has the shape (2, 5)", "(..., 5, 2)")
    refused(lambda: SPACE.section(Y[0]), "Y has the shape (2,)")
    refused(lambda: SPACE.lift(CONTEXT, Y.T), "the gradient has the shape (2, 5), the point the shape (5, 2)")
    refused(lambda: SPACE.lift(CONTEXT, np.stack([Y, Y])), "the gradient has the shape (2, 5, 2)")
    refused(lambda: SPACE.retract(CONTEXT, Y[:, :1]), "the step has the shape (5, 1)")
    refused(lambda: SPACE.unpack(np.ones(9)), "a vector of the shape (9,)", "(10,)")


def test_types():
    refused(lambda: SPACE.section(np.eye(5, 2, dtype=int)), "entries of type int64", "floating-point")
    refused(lambda: SPACE.section(Y + 0j), "entries of type complex128", 'field="complex"')
    refused(lambda: Stiefel(5, 2, field="complex").section(Y), "entries of type float64", "complex")
    refused(lambda: SPACE.section([[1.0, 0.0]] * 5), "an object of type list is no array", "numpy.asarray")
    refused(lambda: SPACE.lift(CONTEXT, Y.astype(np.float32)), "of type float32, the point of type float64")
    refused(lambda: SPACE.lift(CONTEXT, Y.astype(np.longdouble)), "the point of type float64")


def test_libraries_and_devices():
    torch = pytest.importorskip("torch")
    tensor = torch.asarray(Y)
    refused(lambda: SPACE.lift(CONTEXT, tensor), "an array of torch, the point one of numpy", "library of the point")
    refused(lambda: SPACE.retract(SPACE.section(tensor), Y), "an array of numpy, the point one of torch")
    refused(lambda: SPACE.lift(SPACE.section(tensor), tensor.to("meta")), "lies on meta, the point on cpu", "device")
    refused(lambda: SPACE.lift(SPACE.section(tensor), tensor.float()), "of type torch.float32")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("space", [SPACE, Euclidean((5, 2)), Product({"W": SPACE})], ids=repr)
def test_gradients_that_are_not_finite(space, bad):
    product = isinstance(space, Product)
    point, G = ({"W": Y}, {"W": Y.copy()}) if product else (Y, Y.copy())
    (G["W"] if product else G)[3, 1] = bad
    context, before = space.section(point), Y.copy()
    refused(lambda: space.lift(context, G), "the gradient is not finite at index (3, 1)", "leave the step out")
    np.testing.assert_array_equal(Y, before)


def test_points_that_are_not_finite():
    bad = Y.copy()
    bad[0, 0] = np.nan
    refused(lambda: SPACE.section(bad), "Y is not finite at index (0, 0)")
    refused(lambda: SPACE.project(bad), "Y is not finite")
    refused(lambda: Euclidean((5, 2)).section(bad), "Y is not finite")
    assert not SPACE.belongs(bad)
    assert not Euclidean((5, 2)).belongs(bad)


def test_steps_that_lead_nowhere():
    refused(lambda: SPACE.retract(CONTEXT, np.full((5, 2), np.nan)), "the next point is not finite", "shorter step")
    space = SymplecticStiefel(1, 1)
    E = np.eye(2)
    W = np.array([[2.0, 0.0], [0.0, -2.0]])  # I - W/2 is singular
    refused(lambda: space.retract(space.section(E), W), "the next point is not finite", "learning rate")


def test_projection_of_matrices_that_have_no_nearest_frame():
    refused(lambda: SPACE.project(np.zeros((5, 2))), "no single frame near to Y", "space.random")
    refused(lambda: SPACE.project(np.ones((5, 2))), "no single frame near to Y")
    refused(lambda: SymplecticStiefel(3, 1).project(np.ones((6, 2))), "no single frame near to Y")
    swapped = np.eye(6)[:, [3, 0]]  # Y* Y = -I
    refused(lambda: SymplecticStiefel(3, 1).project(swapped), "no single frame near to Y")


def test_reflections_are_no_rotations():
    refused(lambda: Rotations(2).section(np.diag([1.0, -1.0])), "a reflection, of determinant -1", "Stiefel(2, 2)")
    refused(lambda: Rotations(2).section(2 * np.eye(2)), "its error |Y* Y - I|")
    assert Rotations(2).belongs(Rotations(2).project(np.diag([1.0, -1.1])))


def test_parts_of_a_product():
    space = Product({"W": SPACE, "b": Euclidean(2)})
    refused(lambda: space.section({"W": Y}), "Y is ['W'], the factors are ['W', 'b']", "with the keys ['W', 'b']")
    refused(lambda: space.section(Y), "Y is of type ndarray")
    context = space.section({"W": Y, "b": np.zeros(2)})
    refused(lambda: space.lift(context, {"W": Y, "c": np.zeros(2)}), "G is ['W', 'c']")
    refused(lambda: space.section({"W": 2 * Y, "b": np.zeros(2)}), "Y is not on Stiefel(5, 2)")


def test_checks_can_be_left_out():
    G = np.full((5, 2), np.nan)
    assert np.isnan(SPACE.lift(SPACE.section(2 * Y, check=False), G, check=False)).any()


def test_check_space_refuses_what_is_no_space():
    refused(lambda: check_space(3), "3 is no space", "space_from_geomstats")
    refused(lambda: check_space(SPACE, on_failure="ignore"), "on_failure = 'ignore'")
    refused(lambda: check_space(SPACE, samples=0), "samples = 0")
    refused(lambda: SPACE.random("seed"), "rng = 'seed'")
