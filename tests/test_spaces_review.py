"""Corners of spaces and of minimisation on them: empty batches, numbers, long steps, tapes, underflow, bad pairs."""

import numpy as np
import pytest

from manifolds.array_api import inverse
from manifolds.errors import InputError
from manifolds.geomstats_spaces import tangents_from_geomstats, tangents_to_geomstats
from manifolds.projectors import Projectors
from manifolds.rotations import Rotations
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticStiefel
from manifolds.vector_spaces import Euclidean
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize

EDGES = [
    Stiefel(1, 1),
    Stiefel(4, 3),
    Stiefel(3, 3, field="complex"),
    Grassmann(2, 1, retraction="geodesic"),
    SymplecticStiefel(2, 2),
    Rotations(1),
    Projectors(3, 3),
    Euclidean(()),
]


@pytest.mark.parametrize("space", EDGES, ids=str)
@pytest.mark.parametrize("batch", [(), (0,), (2, 3)])
def test_steps_keep_the_batch_and_leave_arguments_alone(space, batch):
    Y, W = np.asarray(space.random(0, batch)), np.asarray(space.random_coordinates(1, batch))
    for array in (Y, W):
        array.setflags(write=False)
    for _ in range(2):
        context = space.section(Y)
        space.lift(context, W)
        Y = space.retract(context, W)
    assert np.shape(Y) == (*batch, *space.shape)
    assert np.shape(space.norm(W)) == batch
    assert space.belongs(Y)


def test_numbers_are_points_of_products_too():
    space = Product({"Y": Stiefel(4, 2), "s": Euclidean(())})
    Y, W = space.random(0), space.random_coordinates(1)
    for _ in range(2):
        context = space.section(Y)
        Y = space.retract(context, space.lift(context, W))
    assert space.belongs(Y)


@pytest.mark.parametrize("retraction", ["cayley", "geodesic"])
@pytest.mark.parametrize("make", [Stiefel, Grassmann, SymplecticStiefel])
@pytest.mark.parametrize("power", [0, 1, 2, 3, 4, 6, 8, 15, 40, 160])
def test_a_step_of_any_length_stays_on_the_space_or_is_refused(make, retraction, power):
    space = make(3, 2, retraction=retraction)
    refused = 0
    for seed in range(4):
        with np.errstate(all="ignore"):
            context = space.section(space.random(seed))
            try:
                point = space.retract(context, 10.0**power * space.random_coordinates(seed + 10))
            except InputError:
                refused += 1
                continue
            assert space.belongs(point)
    assert power > 0 or not refused


@pytest.mark.parametrize(
    "space",
    [Stiefel(5, 2), Stiefel(12, 2), Grassmann(3, 2), SymplecticStiefel(4, 2), Stiefel(5, 2, section="transported")],
    ids=str,
)
def test_derivatives_go_through_lifts_and_steps(space):
    torch = pytest.importorskip("torch")
    point, direction = space.random(0), space.random_coordinates(2)

    def loss(Y, W):
        context = space.section(Y)
        return (space.retract(context, W + 0.1 * space.lift(context, 0 * W + 1)) ** 3).sum()

    Y = torch.tensor(point, requires_grad=True)
    W = torch.tensor(space.random_coordinates(1), requires_grad=True)
    loss(Y, W).backward()
    plain, along = W.detach(), torch.tensor(direction)
    h = 1e-6
    ahead, behind = (float(loss(torch.tensor(point), plain + sign * h * along)) for sign in (1, -1))
    assert float((W.grad * along).sum()) == pytest.approx((ahead - behind) / (2 * h), rel=1e-5, abs=1e-5)
    assert bool(torch.isfinite(Y.grad).all())


def test_only_singular_matrices_of_a_batch_have_no_inverse():
    batch = np.stack([np.zeros((3, 3)), 1e-120 * np.eye(3), np.eye(3)])
    result = inverse(np, batch)
    assert np.isnan(result[0]).all()
    np.testing.assert_allclose(result[1:], [1e120 * np.eye(3), np.eye(3)])


@pytest.mark.parametrize(
    "space", [Stiefel(3, 1), Stiefel(3, 3), Grassmann(3, 2), Rotations(3), Projectors(3, 2), Euclidean(3)], ids=str
)
def test_distances_of_what_are_no_points_are_refused(space):
    Y = space.random(0)
    with pytest.raises(InputError):
        space.distance(Y, Y[:1])
    with pytest.raises(InputError):
        space.distance(Y[:1], Y)
    if not isinstance(space, Euclidean):
        with pytest.raises(InputError):
            space.distance(Y, np.full_like(Y, np.nan))


def test_limited_memory_survives_gradients_whose_squares_underflow():
    space = Euclidean(2)
    quartic = objective_on(space, lambda y: float(np.sum(y**4)), lambda y: 4 * y**3)
    result = minimize(quartic, np.ones(2), space=space, rule="l-bfgs", tolerance=0.0, steps=600)
    assert result.value < 1e-100


@pytest.mark.parametrize("space", EDGES, ids=str)
def test_points_like_whole_numbers_are_refused(space):
    for draw in (space.random, space.random_coordinates):
        with pytest.raises(InputError, match="like has entries"):
            draw(0, like=np.zeros(1, dtype=int))


def test_vectors_that_are_not_finite_are_no_points():
    space = Euclidean(2)
    context = space.section(np.ones(2))
    for entry in (np.nan, np.inf):
        with pytest.raises(InputError, match="finite"):
            space.retract(context, np.full(2, entry))
        with pytest.raises(InputError, match="finite"):
            space.project(np.full(2, entry))


@pytest.mark.parametrize("space", [Stiefel(5, 2), SymplecticStiefel(5, 2), Projectors(5, 2)], ids=str)
def test_what_is_no_array_of_the_space_is_refused(space):
    context = space.section(space.random(0))
    with pytest.raises(InputError):
        space.error(np.ones(2))
    with pytest.raises(InputError):
        space.coordinates(context, np.ones((2, 2)))
    with pytest.raises(InputError):
        space.unpack([1.0])
    for kind in (np.float16, np.longdouble):
        with pytest.raises(InputError, match="type float"):
            space.section(space.random(0).astype(kind))


def test_what_makes_no_space_is_refused():
    for factors in (None, 5, [Stiefel(5, 2)]):
        with pytest.raises(InputError, match="the factors are"):
            Product(factors)
    with pytest.raises(InputError, match="retraction"):
        Stiefel(5, 2, retraction=[])


def test_objectives_of_batches_read_their_axes():
    space = Stiefel(3, 1)

    def value(Y):
        return float(np.sum(Y * np.arange(3.0)[:, None]))

    def gradient(Y):
        return 0 * Y + np.arange(3.0)[:, None]

    result = minimize(objective_on(space, value, gradient, batch=2), space.random(0, 2), space=space, rule="l-bfgs")
    assert result.value == pytest.approx(-2 * 5**0.5)
    for batch in ("ab", -1, (2.5,), None):
        with pytest.raises(InputError):
            objective_on(space, value, gradient, batch=batch)
    with pytest.raises(InputError, match="without spaces"):
        objective_on({}, value, gradient)


def test_tangent_vectors_of_another_shape_are_not_translated():
    space = Grassmann(2, 1)
    Y = np.array([[1.0], [0.0]])
    for translate in (tangents_to_geomstats, tangents_from_geomstats):
        with pytest.raises(InputError, match="X has the shape"):
            translate(space, Y, np.ones((1, 3)))
