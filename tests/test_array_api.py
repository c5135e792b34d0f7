"""Array libraries: which one an array belongs to, and the operations that the standard leaves out."""

import numpy as np
import pytest

from manifolds import InputError
from manifolds.array_api import converted, identity, inverse, is_floating, namespace, on_host, precision
from manifolds.projectors import Projectors
from manifolds.rotations import Rotations
from manifolds.space_laws import apart, parts
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
from manifolds.vector_spaces import Euclidean

LIBRARIES = ["numpy", "torch"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_library_of_an_array(library):
    xp = pytest.importorskip(library)
    found = namespace(xp.ones(3))
    assert found is namespace(xp.zeros(2))
    assert type(found.asarray([1.0])) is type(xp.ones(1))


@pytest.mark.parametrize("value", [[1.0], 1.0, None, "array"])
def test_what_is_no_array(value):
    with pytest.raises(InputError, match="is no array"):
        namespace(value)


@pytest.mark.parametrize("library", LIBRARIES)
def test_inverses_without_exceptions(library):
    xp = pytest.importorskip(library)
    A = np.random.default_rng(0).standard_normal((4, 3, 3))
    A[2] = np.outer([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) * [[0], [1], [0]]
    result = np.asarray(inverse(namespace(xp.ones(1)), xp.asarray(A)))
    assert np.isnan(result[2]).all()
    for index in (0, 1, 3):
        np.testing.assert_allclose(result[index], np.linalg.inv(A[index]), atol=1e-13)
    single = inverse(namespace(xp.ones(1)), xp.zeros((2, 2), dtype=xp.float32))
    assert np.isnan(np.asarray(single)).all()
    assert single.dtype == xp.float32


@pytest.mark.parametrize("library", LIBRARIES)
def test_types(library):
    xp = pytest.importorskip(library)
    found = namespace(xp.ones(1))
    assert precision(found, xp.ones(1, dtype=xp.float32)) == np.finfo(np.float32).eps
    assert precision(found, xp.ones(1, dtype=xp.complex128)) == np.finfo(np.float64).eps
    assert is_floating(found, xp.ones(1, dtype=xp.complex64), field="complex")
    assert not is_floating(found, xp.ones(1, dtype=xp.int64), field="real")
    assert identity(found, 2, xp.ones(1, dtype=xp.float32)).dtype == xp.float32
    single = xp.ones(1, dtype=xp.float32)
    assert converted(np.ones(2), single).dtype == xp.float32
    assert converted(np.ones(2) + 1j, single).dtype == xp.complex64
    assert on_host(single)


def test_a_device_is_no_host():
    torch = pytest.importorskip("torch")
    assert not on_host(torch.ones(1, device="meta"))


@pytest.mark.parametrize(
    "space",
    [
        Stiefel(12, 3),
        Stiefel(9, 6),
        Stiefel(4, 4),
        Stiefel(12, 3, field="complex"),
        Grassmann(12, 3, retraction="geodesic"),
        SymplecticStiefel(9, 2),
        SymplecticStiefel(4, 3),
        SymplecticGrassmann(6, 2, section="transported"),
        Rotations(3),
        Projectors(6, 2),
        Product({"W": Stiefel(5, 2), "b": Euclidean(3)}),
    ],
    ids=repr,
)
def test_spaces_keep_to_the_standard(space):
    """A library that has the functions of the standard and no other, with no mixing of types, gives the same."""
    strict = pytest.importorskip("array_api_strict")
    Y, W, like = space.random(0, 2), space.random_coordinates(1, 2), strict.zeros(1, dtype=strict.float64)
    theirs = parts(lambda y, w: converted(w, y), space.random(0, 2, like=like), W)
    context, other = space.section(Y), space.section(space.random(0, 2, like=like))
    for method in ("retract", "tangent", "coordinates", "lift"):
        assert apart(getattr(space, method)(other, theirs), getattr(space, method)(context, W)) <= 1e-14
    point, _ = space.advance(other, theirs)
    assert space.belongs(space.project(point))
    assert apart(space.norm(space.shortened(theirs, 0.1)), space.norm(space.shortened(W, 0.1))) <= 1e-14
