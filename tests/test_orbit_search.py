"""Searches of an orbit: which optimum is the best, and what is said of one on the border."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from solvers.network import Network
from solvers.search.orbit_line import circle_optima, merit_along
from solvers.search.orbit_polish import polished_best
from solvers.teleport import teleport
from symmetries import Basis, GroupAction, Loss, VectorField, derive

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


def test_minima_that_differ_by_little_of_the_range_are_told_apart() -> None:
    text = "(x - 3)**2 + 4*(y + 3*x**2 - x)**2"
    hamiltonian = VectorField({"x": "8*(y + 3*x**2 - x)", "y": "-2*(x - 3) - 8*(y + 3*x**2 - x)*(6*x - 1)"})
    action = GroupAction.from_algebra(derive(Loss.parse(text), ansatz=Basis([hamiltonian])))
    found = teleport(action.loss, [5.805264102296558, -0.8088609820257404], along=action, maximize=False)
    assert found.target_after < 0.1079  # there is another local minimum of 0.1145, and the start has 6.5e8


def test_beside_a_pole_a_target_is_unbounded() -> None:
    rosenbrock = GroupAction.catalogued("rosenbrock")
    found = teleport(rosenbrock.loss, [-1.0, -1.0], along=rosenbrock, target="predicted-decrease")
    assert found.status == "unbounded"
    assert found.relative_drift < 1e-8


def test_beside_a_pole_an_ascent_is_not_converged() -> None:
    rng = np.random.default_rng(3)
    network = Network(
        widths=(3, 4, 2), inputs=rng.normal(size=(3, 20)), targets=rng.integers(0, 2, size=20), activation="identity"
    )
    action = GroupAction.catalogued("linear-network", widths=(3, 4, 2))
    start = network.initial(np.random.default_rng(1))
    assert teleport(network, start, along=action, target="predicted-decrease").status == "unbounded"
