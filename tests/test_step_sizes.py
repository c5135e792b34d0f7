"""Step sizes that ask the objective: what they promise, what they cost, and where they fall back."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from solvers.learning_rates import Exponential
from solvers.objective import Objective
from solvers.rules import GradientDescent, HeavyBall
from solvers.running.coordinates import EuclideanCoordinates
from solvers.running.stepper import Stepper
from solvers.step_sizes import Armijo, InverseCurvature, Polyak, StabilityGuard
from symmetries import Loss

SEEDS = st.integers(0, 10_000)


def quadratic(weights):
    weights = np.asarray(weights, dtype=float)
    return Objective.from_functions(
        lambda w: float(w @ (weights * w)) / 2, lambda w: weights * w, lambda w, v: weights * v, size=len(weights)
    )


def rate_of(policy, objective, w, direction=None):
    w = np.asarray(w, dtype=float)
    value, gradient = objective.value_and_grad(w)
    before = objective.ledger.total()
    rate = policy.rate(objective, w, value, gradient, -gradient if direction is None else np.asarray(direction))
    return rate, objective.ledger.total() - before


@settings(deadline=None, derandomize=True, max_examples=40)
@given(SEEDS, st.floats(-3, 3), st.booleans())
def test_armijo_decreases_enough(seed, exponent, grow):
    rng = np.random.default_rng(seed)
    objective = Objective.from_loss(Loss.parse("100*(x**2 - y)**2 + (x - 1)**2 + exp(x*y/10)"))
    w, policy = rng.normal(size=2), Armijo(initial=10**exponent, grow=grow)
    value, gradient = objective.value_and_grad(w)
    rate, _ = rate_of(policy, objective, w)
    assert rate > 0
    assert objective.value(w - rate * gradient) <= value - 1e-4 * rate * gradient @ gradient


def test_armijo_grows_to_the_minimum_and_counts_its_values():
    objective = quadratic([1 / 64])
    assert rate_of(Armijo(), objective, [1.0])[0] == 1.0
    rate, cost = rate_of(Armijo(grow=True), objective, [1.0])
    assert rate == 64.0
    assert (cost.values, cost.gradients, cost.hvps) == (8, 0, 0)


def test_armijo_turns_back_from_where_the_objective_is_not_defined():
    objective = Objective.from_loss(Loss.parse("x - log(x)"))
    rate, _ = rate_of(Armijo(initial=1e3), objective, [3.0])
    assert 0 < rate < 4.5


def test_armijo_gives_up_at_zero():
    cliff = Objective.from_functions(lambda w: 0.0 if w[0] == 1 else 1.0, lambda w: np.ones(1), size=1)
    rate, cost = rate_of(Armijo(trials=7), cliff, [1.0])
    assert (rate, cost.values) == (0.0, 7)


def test_polyak_reaches_the_minimum_of_a_cone_and_halves_on_a_ball():
    cone = Objective.from_functions(lambda w: float(np.linalg.norm(w)), lambda w: w / np.linalg.norm(w), size=2)
    assert rate_of(Polyak(minimum=0.0), cone, [3.0, 4.0])[0] == pytest.approx(5.0)
    rate, cost = rate_of(Polyak(minimum=0.0), quadratic([2.0, 2.0]), [3.0, 4.0])
    assert rate == pytest.approx(0.25)
    assert cost.gradient_equivalents == 0
    assert rate_of(Polyak(minimum=0.0, largest=0.1), quadratic([2.0, 2.0]), [3.0, 4.0])[0] == 0.1
    assert rate_of(Polyak(minimum=1e9), quadratic([2.0, 2.0]), [3.0, 4.0])[0] == 0.0


@settings(deadline=None, derandomize=True, max_examples=25)
@given(SEEDS)
def test_inverse_curvature_is_the_exact_search_on_a_quadratic(seed):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 10, size=4)
    objective, w, direction = quadratic(weights), rng.normal(size=4), rng.normal(size=4)
    gradient = weights * w
    direction *= -np.sign(gradient @ direction)
    rate, cost = rate_of(InverseCurvature(), objective, w, direction)
    assert cost.hvps == 1
    assert abs((weights * (w + rate * direction)) @ direction) <= 1e-10 * np.linalg.norm(gradient)


def test_inverse_curvature_is_one_over_lambda_and_lands_at_an_eigenvector():
    weights, w = np.array([2.0, 18.0]), np.array([0.0, 3.0])
    rate, _ = rate_of(InverseCurvature(), quadratic(weights), w)
    assert rate == pytest.approx(1 / 18)
    u = weights * np.array([1.0, 1.0])
    rate, _ = rate_of(InverseCurvature(), quadratic(weights), [1.0, 1.0])
    assert 1 / rate == pytest.approx(u @ (weights * u) / (u @ u))


def test_inverse_curvature_falls_back_where_the_curvature_is_not_positive():
    saddle = quadratic([1.0, -4.0])
    rate, cost = rate_of(InverseCurvature(fallback=Armijo(initial=0.5)), saddle, [0.0, 1.0])
    assert rate == 0.5
    assert (cost.hvps, cost.values) == (1, 1)
    assert rate_of(InverseCurvature(), saddle, [1.0, 0.0], direction=[1.0, 0.0])[0] == 0.0


def test_the_guard_keeps_eta_lambda_below_its_limit():
    objective = quadratic([2.0, 18.0])
    assert rate_of(StabilityGuard(learning_rate=1e-3), objective, [0.0, 1.0])[0] == 1e-3
    assert rate_of(StabilityGuard(learning_rate=5.0), objective, [0.0, 1.0])[0] == pytest.approx(1 / 18)
    assert rate_of(StabilityGuard(learning_rate=5.0, limit=0.5), objective, [0.0, 1.0])[0] == pytest.approx(1 / 36)
    assert rate_of(StabilityGuard(learning_rate=5.0), quadratic([-1.0]), [1.0])[0] == 5.0
    # An ascending direction: the curvature along the gradient decides.
    guarded, _ = rate_of(StabilityGuard(learning_rate=5.0), objective, [0.0, 1.0], direction=[0.0, 1.0])
    assert guarded == pytest.approx(1 / 18)
    inner = StabilityGuard(learning_rate=InverseCurvature(), limit=0.5)
    assert rate_of(inner, objective, [0.0, 1.0])[0] == pytest.approx(1 / 36)


def test_the_guard_keeps_gradient_descent_finite_where_the_bare_rate_diverges():
    def descend(rule):
        objective, w = Objective.from_loss(Loss.parse("100*(x**2 - y)**2 + (x - 1)**2")), np.array([20.0, -20.0])
        stepper = Stepper(rule, EuclideanCoordinates())
        with np.errstate(all="ignore"):
            for count in range(1, 60):
                value, gradient = objective.value_and_grad(w)
                w = stepper.advance(objective, w, value, gradient, {}, count=count, number=count).w
            return objective.value(w)

    assert not math.isfinite(descend(GradientDescent(learning_rate=1e-3)))
    assert descend(GradientDescent(learning_rate=StabilityGuard(learning_rate=1e-3))) < 1e3


def test_rates_are_read_from_numbers_schedules_functions_and_policies():
    objective, w = quadratic([2.0]), np.array([1.0])
    value, gradient = objective.value_and_grad(w)

    def read(rate, count=3):
        stepper = Stepper(HeavyBall(learning_rate=rate), EuclideanCoordinates())
        return stepper.advance(objective, w, value, gradient, stepper.start(w), count=1, number=count).rate

    assert read(0.5) == 0.5
    assert read(Exponential(1.0, 0.5)) == 0.25
    assert read(lambda step: 1 / step) == pytest.approx(1 / 3)
    assert read(InverseCurvature()) == 0.5
    assert read(StabilityGuard(learning_rate=Exponential(1.0, 0.5))) == 0.25
    assert read(StabilityGuard(learning_rate=Exponential(1.0, 0.5)), count=1) == 0.5
    with pytest.raises(InputError, match="step 3"):
        read(lambda step: -1.0)
    with pytest.raises(InputError, match="step 3"):
        read(StabilityGuard(learning_rate=lambda step: math.nan))
    for nothing in (None, 1j, "fast"):
        with pytest.raises(InputError, match="step 3"):
            read(lambda step, nothing=nothing: nothing)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Armijo(initial=0.0), "initial"),
        (lambda: Armijo(decrease=1.0), "decrease"),
        (lambda: Armijo(shrink=0), "shrink"),
        (lambda: Armijo(trials=0), "trials"),
        (lambda: Polyak(minimum=math.nan), "minimum"),
        (lambda: Polyak(minimum=0.0, scale=-1), "scale"),
        (lambda: Polyak(minimum=0.0, largest=0.0), "largest"),
        (lambda: InverseCurvature(fallback=0.1), "fallback"),
        (lambda: InverseCurvature(scale=math.inf), "scale"),
        (lambda: StabilityGuard(limit=0.0), "limit"),
        (lambda: StabilityGuard(learning_rate=-1.0), "learning_rate"),
    ],
)
def test_nonsense_is_refused_by_name(make, named):
    with pytest.raises(InputError) as error:
        make()
    assert named in error.value.what
