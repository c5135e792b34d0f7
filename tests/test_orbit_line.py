"""Global searches on circles and intervals, against dense grids and exact optima."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.search.orbit_line import best_times, circle_optima, crossing, interval_optima


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12))
def test_no_maximum_of_a_trigonometric_polynomial_is_missed(coefficients: list[float]) -> None:
    def function(t: float) -> float:
        return sum(a * np.cos((k // 2 + 1) * t + k) for k, a in enumerate(coefficients))

    found = circle_optima(function, 2 * np.pi)
    grid = [function(t) for t in np.linspace(0, 2 * np.pi, 4000)]
    assert found.resolved
    assert found.merits[0] >= max(grid) - 1e-9
    assert function(float(found.times[0])) == pytest.approx(found.merits[0], abs=1e-9)


def test_all_maxima_are_found_best_first() -> None:
    found = circle_optima(lambda t: float(np.cos(3 * t) + 0.1 * np.cos(t)), 2 * np.pi)
    assert len(found.times) == 3
    assert list(found.merits) == sorted(found.merits, reverse=True)
    assert found.merits[0] == pytest.approx(1.1)


def test_narrow_peaks_refine_the_samples() -> None:
    found = circle_optima(lambda t: float(1 / (1.02 - np.cos(t - 1))), 2 * np.pi)
    assert found.resolved
    assert found.samples > 32
    assert found.times[0] == pytest.approx(1.0, abs=1e-8)


def test_a_kink_is_reported_as_not_resolved() -> None:
    assert not circle_optima(lambda t: -abs(np.sin(t / 2)), 2 * np.pi).resolved


@pytest.mark.parametrize("wave", [31, 32, 33, 64, 96])
def test_a_wave_that_the_first_samples_miss_is_seen_between_them(wave: int) -> None:
    found = circle_optima(lambda t: float(np.cos(t) + np.sin(wave * t)), 2 * np.pi)
    assert found.resolved
    assert found.samples > 2 * wave
    assert found.merits[0] == pytest.approx(2.0, abs=0.01)


def test_intervals_have_their_ends_among_the_optima() -> None:
    found = interval_optima(np.cosh, -2.0, 1.0)
    assert found.times.round(12).tolist() == [-2.0, 1.0]
    assert found.border == (-2.0, 1.0)


def test_an_interval_shrinks_to_where_the_function_is_finite() -> None:
    found = interval_optima(lambda t: t if t < 1 / 3 else -np.inf, -1.0, 1.0)
    assert found.border == pytest.approx((-1.0, 1 / 3), abs=1e-5)
    assert found.times[0] == pytest.approx(1 / 3, abs=1e-5)


def test_the_first_crossing_of_a_level() -> None:
    assert crossing(lambda t: t * t, 2.0, 1.0) == pytest.approx(1.0)
    assert crossing(lambda t: -t, 2.0, 1.0) == 2.0


def test_times_above_a_level_come_best_first() -> None:
    found = interval_optima(lambda t: -abs(t - 1), 0.0, 2.0)
    times = best_times(found, -0.5, 16)
    assert times[0] == pytest.approx(1.0, abs=0.1)
    assert all(abs(t - 1) < 0.5 for t in times)
