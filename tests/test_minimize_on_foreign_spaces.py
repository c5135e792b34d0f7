"""Minimisation on spaces of geomstats and on a space of the user."""

import numpy as np
import pytest
from space_costs import (
    NAMES,
    rule_of,
)

from manifolds._geomstats import load_geomstats
from manifolds.errors import InputError
from manifolds.space import Space
from solvers.learning_rates import Cosine
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.rules import Adam, GradientDescent, HeavyBall
from solvers.status import Status
from symmetries import Loss


def geomstats_spaces():
    """Spaces of geomstats and a cost on each whose minimum is known."""
    A = np.diag([5.0, 4.0, 2.0, 1.0, 0.5])
    stiefel = load_geomstats("geometry.stiefel").Stiefel(5, 2)
    grassmannian = load_geomstats("geometry.grassmannian").Grassmannian(5, 2)
    rotations = load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(3)
    goal = rotations.random_point()
    return [
        (stiefel, lambda Y: -float(np.sum(Y * (A @ Y))), lambda Y: -2 * A @ Y, -9.0),
        (grassmannian, lambda P: -float(np.sum(A * P)), lambda P: -A, -9.0),
        (rotations, lambda R: -float(np.sum(goal * R)), lambda R: -goal, -3.0),
    ]


@pytest.mark.parametrize("rule", [HeavyBall(learning_rate=0.02), Adam(learning_rate=Cosine(0.1, 0.0, 400)), "l-bfgs"])
@pytest.mark.parametrize("k", range(3), ids=["Stiefel", "Grassmannian", "SpecialOrthogonal"])
def test_spaces_of_geomstats_are_spaces(k, rule):
    space, value, gradient, best = geomstats_spaces()[k]
    np.random.seed(0)  # noqa: NPY002 - geomstats draws from it
    start = space.random_point()
    result = minimize(objective_on(space, value, gradient), start, space=space, rule=rule, steps=400)
    assert result.value == pytest.approx(best, abs=1e-9)
    assert space.belongs(result.point, atol=1e-12)
    flat = Objective.from_functions(
        lambda w: value(w.reshape(start.shape)),
        lambda w: gradient(w.reshape(start.shape)).ravel(),
        shapes={"Y": start.shape},
    )
    again = minimize(flat, {"Y": start}, space={"Y": space}, rule=rule, steps=400)
    assert again.value == result.value


def test_other_objects_of_geomstats_are_refused():
    hyperbolic = load_geomstats("geometry.hypersphere").Hypersphere(3)
    with pytest.raises(InputError, match="geomstats"):
        minimize(Loss.parse("x**2"), {"x": 1.0}, space=hyperbolic)


class Circle(Space):
    """A space of the user: unit vectors in the plane, whose retraction goes wrong where `wrong`."""

    compact = True
    name, dimension, shape, size = "Circle", 1, (2,), 2

    def __init__(self, *, wrong=False):
        self.wrong = wrong

    def section(self, Y, *, carried=None, check=True):
        return Y

    def lift(self, context, G, *, check=True):
        return np.array([0.0, context[0] * G[1] - context[1] * G[0]])

    def retract(self, context, W, *, check=True):
        length = 1.0 if self.wrong else np.hypot(1.0, W[1])
        return np.array([context[0] - W[1] * context[1], context[1] + W[1] * context[0]]) / length

    def tangent(self, context, D):
        return D[1] * np.array([-context[1], context[0]])

    def coordinates(self, context, X):
        return np.array([0.0, context[0] * X[1] - context[1] * X[0]])

    def horizontal(self, D):
        return np.array([0.0, D[1]])

    def inner(self, D1, D2):
        return D1[..., 0] * D2[..., 0] + D1[..., 1] * D2[..., 1]

    def error(self, Y):
        return abs(Y @ Y - 1)

    def belongs(self, Y, tolerance=None):
        return bool(self.error(Y) <= (tolerance or 1e-8))

    def project(self, Y):
        return Y / np.linalg.norm(Y)

    def random(self, rng, batch=(), *, like=None):
        return self.project(np.random.default_rng(rng).standard_normal(2))

    def random_coordinates(self, rng, batch=(), *, like=None):
        return self.horizontal(np.random.default_rng(rng).standard_normal(2))


@pytest.mark.parametrize("name", NAMES)
def test_a_space_of_the_user_is_a_space(name):
    circle = Circle()
    objective = Objective.from_functions(lambda w: float(w[1]), lambda w: np.array([0.0, 1.0]), size=2)
    result = minimize(objective, circle.random(0), space=circle, rule=rule_of(name), steps=200)
    assert result.history[-1].loss < result.history[0].loss
    assert circle.error(result.point) < 1e-13
    if name == "l-bfgs":
        np.testing.assert_allclose(result.point, [0.0, -1.0], atol=1e-8)


def test_a_step_that_leads_off_the_space_is_no_result():
    circle = Circle(wrong=True)
    objective = Objective.from_functions(lambda w: -float(w @ w), lambda w: np.array([0.0, 1.0]), size=2)
    result = minimize(objective, [1.0, 0.0], space=circle, rule=GradientDescent(learning_rate=0.5), steps=5)
    assert result.status is Status.NON_FINITE
    assert result.point.tolist() == [1.0, 0.0]
