"""Searches of an orbit: which optimum is the best, and what is said of one on the border."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from solvers.orbit_line import circle_optima, merit_along
from solvers.orbit_search import polished_best
from solvers.teleport import teleport
from symmetries import GroupAction

SCALING = GroupAction.catalogued("low-rank", rows=1, columns=1, rank=1)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (lambda objective, w: float(np.log(w[0])), "unbounded"),
        (lambda objective, w: float(np.arctan(w[0] - 30)), "trust-radius"),
        (
            lambda objective, w: (float(np.arctan(w[0] - 30)), np.array([1 / (1 + (w[0] - 30) ** 2), 0.0])),
            "trust-radius",
        ),
    ],
    ids=["logarithm", "bounded", "bounded-with-gradient"],
)
def test_a_target_that_is_best_on_the_border_says_whether_it_is_bounded(target: Any, status: str) -> None:
    found = teleport(SCALING.loss, [2.0, 3.0], along=SCALING, data={"Y": np.ones((1, 1))}, target=target)
    assert found.status == status
    assert np.allclose(found.point, [2 * np.exp(3.0), 3 * np.exp(-3.0)], rtol=1e-12)


def test_a_far_start_is_no_overflow() -> None:
    booth = GroupAction.catalogued("booth")
    found = teleport(booth.loss, [1e100, -1e100], along=booth)
    assert found.gain == pytest.approx(9)
    assert teleport(booth.loss, [1e150, 1e150], along=booth).status in ("converged", "no-improvement")


def test_waves_that_samples_resolve_late_are_not_taken_for_rounding() -> None:
    samples = circle_optima(lambda t: float(np.sin(300 * t) + 0.1 * np.cos(t)), 2 * np.pi)
    assert samples.resolved
    assert samples.merits[0] == pytest.approx(1.1, rel=1e-4)


def test_of_kinks_that_samples_do_not_resolve_the_best_is_found() -> None:
    heights = np.array([1.0, 1.01, 1.005])
    f: Any = SimpleNamespace(
        action=SimpleNamespace(exp=lambda t: t[0]),
        has_slope=False,
        value=lambda t: float((heights - 300 * np.abs(np.asarray(t) - [0.5001, 2.3017, 4.4003])).max()),
        merit=lambda value: value,
    )
    optima = circle_optima(merit_along(f), 2 * np.pi)
    assert not optima.resolved
    times, merits = polished_best(f, optima)
    assert times[0] == pytest.approx(2.3017, abs=1e-7)
    assert merits[0] == pytest.approx(1.01, abs=1e-5)
