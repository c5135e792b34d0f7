"""Coordinates of spaces in minimisation: derivatives, line searches, forms of points, and what is refused."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from space_costs import (
    POINTS_MOVE,
    PRODUCT,
    cost_on,
    distance_cost,
    problem_on,
)

from manifolds.errors import InputError
from manifolds.rotations import Rotations
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
from manifolds.vector_spaces import Euclidean
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.rules import GradientDescent, SciPy
from solvers.running.space_coordinates import read_space
from solvers.running.space_parts import measured_weights, read_parts
from solvers.schedules import At
from solvers.status import Status
from solvers.step_sizes import Armijo, InverseCurvature, Polyak
from symmetries.actions.parameter_space import ParameterSpace


@pytest.mark.parametrize("space", [space for space in POINTS_MOVE if not isinstance(space, Euclidean)], ids=repr)
def test_products_of_slopes_and_steps_are_derivatives_along_retractions(space):
    objective, start = problem_on(space), space.random(1)
    coordinates = read_space(space, objective.space)
    w = objective.point(start)
    section, lifted = coordinates.lift(w, objective.gradient(w), None)
    W = coordinates.lift(w, np.cos(np.arange(w.size)), None)[1]
    line = coordinates.line(objective, section, w, lifted)
    h = 1e-5 / coordinates.norm(W)
    difference = (line.objective.value(h * W) - line.objective.value(-h * W)) / (2 * h)
    assert difference == pytest.approx(float(line.slope @ W), rel=1e-6, abs=1e-6)
    isometric = coordinates.isometric(lifted) @ coordinates.isometric(W)
    assert isometric == pytest.approx(float(line.slope @ W), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(coordinates.from_isometric(coordinates.isometric(W)), W, rtol=1e-14)


@pytest.mark.parametrize("space", [Stiefel(9, 3), Grassmann(9, 3), SymplecticStiefel(4, 2), PRODUCT], ids=repr)
def test_a_line_search_runs_on_spaces(space):
    rule = GradientDescent(learning_rate=Armijo(grow=True))
    losses = [
        one.loss for one in minimize(problem_on(space), space.random(1), space=space, rule=rule, steps=20).history
    ]
    assert all(after < before for before, after in pairwise(losses))


def test_the_step_of_polyak_runs_on_spaces():
    space = Stiefel(9, 3)
    rule = GradientDescent(learning_rate=Polyak(minimum=0.0, scale=0.5))
    assert minimize(problem_on(space), space.random(1), space=space, rule=rule, steps=200).value < 1e-6


def test_what_needs_straight_lines_is_refused_with_a_cure():
    space = Stiefel(5, 2)
    objective, start = problem_on(space), space.random(0)
    for rule in ("newton", "bfgs", SciPy("trust-ncg"), SciPy("L-BFGS-B")):
        with pytest.raises(InputError) as error:
            minimize(objective, start, space=space, rule=rule)
        assert "rule='l-bfgs'" in error.value.cure
    with pytest.raises(InputError, match="Hessian-vector products"):
        minimize(objective, start, space=space, rule=GradientDescent(learning_rate=InverseCurvature()))
    with pytest.raises(InputError, match="lead out of the space"):
        minimize(objective, start, space=space, teleport=At([1]))


def test_a_start_off_the_space_is_refused_with_its_distance_and_project():
    space = Product({"Y": Stiefel(5, 2), "b": Euclidean(3)})
    start = space.random(0)
    start["Y"] = 2 * start["Y"]
    with pytest.raises(InputError, match=r"'Y'.* is 4\.2e\+00") as error:
        minimize(problem_on(space), start, space=space)
    assert "project" in error.value.cure
    start["Y"] = space.factors["Y"].project(start["Y"])
    assert minimize(problem_on(space), start, space=space, steps=3).steps == 3


@pytest.mark.parametrize(
    "space", [Grassmann(6, 2), Grassmann(5, 3, field="complex"), SymplecticGrassmann(4, 1)], ids=repr
)
def test_a_loss_of_frames_is_refused_where_points_are_subspaces(space):
    start = space.random(0)
    with pytest.raises(InputError, match="depends on the frame") as error:
        minimize(objective_on(space, *distance_cost(space)), start, space=space)
    assert "Stiefel" in error.value.cure
    assert minimize(objective_on(space, lambda Y: 1.0, lambda Y: 0 * Y), start, space=space).status is Status.CONVERGED


def test_spaces_that_are_not_those_of_the_parameters_are_refused():
    objective = Objective.from_functions(
        lambda w: float(np.sum(w**3)), lambda w: 3 * w**2, shapes={"Y": (5, 2), "b": (3,)}
    )
    start = {"Y": Stiefel(5, 2).random(0), "b": np.zeros(3)}
    for space, match in [
        (Stiefel(5, 2), "entries"),
        ({"Y": Stiefel(4, 2)}, "entries"),
        ({"X": Stiefel(5, 2)}, "no parameter 'X'"),
        (Product({"Y": Stiefel(5, 2)}), "factors are Y"),
        ({"Y": "Stiefel"}, "no space"),
        ({"Y": Product({"Y": Stiefel(5, 2)})}, "product within"),
        ("Stiefel", "no space"),
        ({"Y": SymplecticStiefel(5, 2)}, "entries"),
    ]:
        with pytest.raises(InputError, match=match):
            minimize(objective, start, space=space)
    for space in ({"Y": Stiefel(5, 2)}, {"b": None, "Y": Stiefel(5, 2)}, {"Y": Stiefel(5, 2), "b": Euclidean(3)}):
        assert minimize(objective, start, space=space, steps=2).steps == 2


def test_a_vector_is_read_as_the_point_row_by_row():
    space = Stiefel(4, 2)
    target, start = space.random(1), space.random(0)
    flat = Objective.from_functions(
        lambda w: 0.5 * float(np.sum((w - target.ravel()) ** 2)), lambda w: w - target.ravel(), size=8
    )
    by_matrix = objective_on(space, lambda Y: 0.5 * float(np.sum((Y - target) ** 2)), lambda Y: Y - target)
    one = minimize(flat, start.ravel(), space=space, steps=20)
    other = minimize(by_matrix, start, space=space, steps=20)
    assert np.array_equal(one.point, other.point.ravel())


def test_gradients_of_a_wrong_form_are_refused():
    space = Stiefel(4, 2)
    both = Product({"Y": space, "b": Euclidean(2)})
    for where, gradient in ((space, lambda Y: Y.T), (space, lambda Y: 0.0), (both, lambda p: p["Y"])):
        with pytest.raises(InputError, match="gradient"):
            minimize(objective_on(where, lambda Y: 0.0, gradient), where.random(0), space=where)
    with pytest.raises(InputError, match="no function"):
        objective_on(space, 1.0, lambda Y: Y)
    with pytest.raises(InputError, match="no function"):
        objective_on(space, lambda Y: 0.0)
    with pytest.raises(InputError, match="two gradients"):
        objective_on(space, None, lambda Y: Y, value_and_gradient=lambda Y: (0.0, Y))
    with pytest.raises(InputError, match="two answers"):
        minimize(objective_on(space, value_and_gradient=lambda Y: 0.0), space.random(0), space=space)
    for value, gradient in (
        (lambda Y: "x", lambda Y: Y),
        (lambda Y: 1j, lambda Y: Y),
        (lambda Y: 0.0, lambda Y: 1j * Y),
    ):
        with pytest.raises(InputError, match=r"value|complex"):
            minimize(objective_on(space, value, gradient), space.random(0), space=space)
    with pytest.raises(InputError, match="no space"):
        objective_on({"b": None}, lambda p: 0.0, lambda p: p)


def test_functions_that_write_into_their_argument_leave_the_point_alone():
    space = Stiefel(5, 2)
    value, gradient = cost_on(space)

    def spoiling(function):
        def spoilt(Y):
            answer = function(Y)
            Y[:] = np.nan
            return answer

        return spoilt

    start = space.random(0)
    clean = minimize(objective_on(space, value, gradient), start, space=space, steps=5)
    spoilt = minimize(objective_on(space, spoiling(value), spoiling(gradient)), start, space=space, steps=5)
    both = objective_on(space, value_and_gradient=lambda Y: (value(Y), gradient(Y)))
    assert np.array_equal(clean.point, spoilt.point)
    assert np.array_equal(clean.point, minimize(both, start, space=space, steps=5).point)
    assert both.value(start) == value(start)


def test_products_of_an_objective_of_points_are_differences_of_gradients():
    space = Stiefel(4, 2, field="complex")
    objective = objective_on(space, lambda Y: float(np.sum(np.abs(Y) ** 4)), lambda Y: 4 * np.abs(Y) ** 2 * Y)
    w = objective.point(space.random(0))
    H = objective.hessian(w)
    np.testing.assert_allclose(H @ w, 3 * objective.gradient(w), rtol=1e-6)
    assert objective.hvp(w, 0 * w).tolist() == [0.0] * 16


@pytest.mark.parametrize("space", [Stiefel(5, 2), Grassmann(5, 2), SymplecticStiefel(3, 2), Rotations(3)], ids=repr)
def test_weights_of_known_spaces_are_those_that_are_measured(space):
    (part,) = read_parts(space, ParameterSpace({"Y": (2, *space.shape)}))
    np.testing.assert_array_equal(part.weights(), np.tile(measured_weights(space), 2))


def test_metrics_that_no_scaling_makes_plain_are_refused():
    skewed = SimpleNamespace(size=2, shape=(2,), inner=lambda a, b: a[..., 0] * b[..., 0] + a[..., 0] * b[..., 1])
    with pytest.raises(InputError, match="weighted sum"):
        measured_weights(skewed)
