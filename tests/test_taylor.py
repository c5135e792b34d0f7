"""Taylor remainders along a line: limits, slopes and kinks against functions whose answer is known."""

import numpy as np
import pytest

from solvers.objective import Objective
from solvers.taylor import FACTOR, Line, find_limit, find_slope, jumps

STEPS = FACTOR ** -np.arange(14.0)


def test_a_limit_comes_with_a_bound_of_its_error():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        limit, noise = rng.normal(), 1e-16 / STEPS
        differences = limit + rng.normal() * STEPS**2 + rng.normal() * STEPS**4 + noise * rng.uniform(-1, 1, 14)
        found = find_limit(differences, noise)
        assert abs(found.size - abs(limit)) <= found.uncertainty < 1e-10


def test_a_limit_of_vectors_is_that_of_their_entries():
    rows = np.array([3.0, 4.0]) + STEPS[:, None] ** 2
    assert find_limit(rows, 0 * STEPS).size == pytest.approx(5.0)


def test_large_steps_do_not_speak_for_small_ones():
    # A ripple of length 1e-3: at large steps the differences agree on zero, at small ones on one.
    differences = np.where(STEPS < 1e-3, 1.0, 0.0)
    assert find_limit(differences, 1e-12 / STEPS).size == pytest.approx(1.0, abs=1e-3)


def test_too_few_steps_have_no_limit():
    assert find_limit(np.ones(3), np.zeros(3)) is None


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_slopes_are_read_above_rounding(order):
    rng = np.random.default_rng(order)
    noise = np.full(14, 1e-16)
    remainders = np.abs(2 * STEPS**order + STEPS ** (order + 1) + noise * rng.uniform(-1, 1, 14))
    assert find_slope(remainders, STEPS, noise) == pytest.approx(order, abs=0.15)


def test_remainders_that_are_not_seen_or_vanish_at_once_have_no_slope():
    assert find_slope(np.full(14, 1e-16), STEPS, np.full(14, 1e-16)) is None
    assert find_slope(np.where(STEPS > 1e-3, STEPS, 0), STEPS, np.full(14, 1e-16)) is None


def test_kinks_are_told_from_bends():
    noise = np.full(14, 1e-16)
    assert jumps(0.5 * STEPS, STEPS, noise, 5, threshold=1e-6)
    assert not jumps(5 * STEPS**2, STEPS, noise, 5, threshold=1e-6)
    assert not jumps(np.maximum(STEPS - 1e-4, 0), STEPS, noise, 9, threshold=1e-6)


def test_points_that_are_not_finite_are_left_out():
    objective = Objective.from_functions(lambda w: float(np.log(w[0])), lambda w: 1 / w, size=1)
    with np.errstate(all="ignore"):
        line = Line.sample(objective, np.array([0.1]), np.array([1.0]), scale=1.0)
    assert line.steps[0] == 0.0625
    assert np.isfinite(line.values).all()
    assert len(line.steps) == line.values.shape[1] == line.gradients.shape[1] == len(line.value_noise)
    np.testing.assert_allclose(line.mean_rise + line.half_difference, line.values[0] - line.value, atol=1e-15)
    np.testing.assert_allclose(line.mean_turn + line.half_turn, line.gradients[0] - line.gradient, atol=1e-14)
