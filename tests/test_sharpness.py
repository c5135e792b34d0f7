"""Sharpness: the analytic mean on quadratics, standard errors, gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taylor import taylor_slope

from manifolds.errors import InputError
from solvers.aims.sharpness import Sharpness
from solvers.objective import Objective
from symmetries import Loss

RADII = (0.2, 0.5, 1.0)


def quadratic(size, seed=0):
    root = np.random.default_rng(seed).standard_normal((size, size))
    matrix = root @ root.T
    return matrix, Objective.from_functions(lambda w: w @ matrix @ w / 2, lambda w: matrix @ w, size=size)


def test_the_mean_on_a_quadratic_is_analytic():
    matrix, objective = quadratic(6)
    w = np.arange(6.0)
    expected = objective.value(w) + np.mean(np.square(RADII)) * np.trace(matrix) / 12
    estimate = Sharpness(RADII, directions=4000).estimate(objective, w)
    assert estimate.value == pytest.approx(expected, abs=4 * estimate.standard_error)
    assert 0 < estimate.standard_error < 0.02 * (expected - objective.value(w))


def test_the_estimate_is_unbiased_and_its_error_is_the_spread():
    matrix, objective = quadratic(4, seed=1)
    expected = np.mean(np.square(RADII)) * np.trace(matrix) / 8
    estimates = [Sharpness(RADII, directions=5, rng=seed).estimate(objective, np.zeros(4)) for seed in range(300)]
    scores = [(one.value - expected) / one.standard_error for one in estimates]
    values = [one.value for one in estimates]
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / math.sqrt(300))
    assert np.std(values) == pytest.approx(np.sqrt(np.mean([one.standard_error**2 for one in estimates])), rel=0.15)
    assert np.median(np.abs(scores)) < 1


def test_both_signs_are_taken():
    objective = Objective.from_functions(lambda w: float(w.sum() ** 3), lambda w: 3 * w.sum() ** 2 + 0 * w, size=3)
    assert Sharpness((0.5,), directions=3).value(objective, np.zeros(3)) == pytest.approx(0, abs=1e-15)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_gradients_leave_remainders_of_second_order(seed, directions):
    objective = Objective.from_loss(Loss.parse("100*(x**2 - y)**2 + (x - 1)**2", ["x", "y"]))
    target = Sharpness((0.1, 0.4), directions=directions, rng=seed)
    assert taylor_slope(target, objective, np.array([-1.0, 0.7]), seed=seed) == pytest.approx(2, abs=0.1)


def test_values_cost_values_and_the_seed_fixes_them():
    _, objective = quadratic(3)
    target = Sharpness((0.1, 0.2), directions=7, rng=3)
    first = target.value(objective, np.ones(3))
    assert objective.ledger.total().values == 28
    assert target.value(objective, np.ones(3)) == first
    assert Sharpness((0.1, 0.2), directions=7, rng=4).value(objective, np.ones(3)) != first


def test_one_direction_has_no_standard_error():
    assert Sharpness(directions=1).estimate(quadratic(3)[1], np.ones(3)).standard_error == math.inf


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"radii": ()}, "radii"),
        ({"radii": (0.1, -0.1)}, "radii"),
        ({"radii": (math.inf,)}, "radii"),
        ({"radii": "wide"}, "radii"),
        ({"directions": 0}, "directions=0"),
        ({"directions": 2.5}, "directions=2.5"),
        ({"rng": -1}, "rng=-1"),
    ],
)
def test_bad_options_are_refused(options, what):
    with pytest.raises(InputError, match=what):
        Sharpness(**options)


def test_losses_that_overflow_are_infinite():
    steep = Objective.from_loss(Loss.parse("exp(x**2)"))
    assert Sharpness().value(steep, np.array([30.0])) == np.inf
    assert np.isnan(Sharpness().estimate(steep, np.array([30.0])).standard_error)
