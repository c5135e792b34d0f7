"""Targets on a network 784-16-10-10: the curvature of an orbit with its gradient, in milliseconds.

python -m pytest benchmarks/test_targets.py
"""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from solvers.aims.curvature import Curvature
from solvers.objective import Objective
from symmetries import GroupAction

SLOWEST = 0.05
"""Seconds allowed for the curvature of one curve, with or without its gradient."""


@pytest.mark.parametrize("activation", ["leaky_relu", "tanh"])
@pytest.mark.parametrize("with_gradient", [False, True], ids=["value", "value and gradient"])
def test_curvature_of_an_orbit(benchmark: BenchmarkFixture, activation: str, with_gradient: bool) -> None:
    """At most 50 ms, and the gradient agrees with central differences along a random direction to 1e-6."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((784, 8))
    action = GroupAction.catalogued("mlp-data", widths=(784, 16, 10, 10), inputs=inputs, activation=activation)
    objective = Objective.from_functions(lambda w: 0.0, np.zeros_like, size=action.space.size)
    target, w = Curvature(action, elements=1), 0.05 * rng.standard_normal(action.space.size)
    benchmark(target.value_and_grad if with_gradient else target.value, objective, w)
    if with_gradient:
        value, gradient = target.value_and_grad(objective, w)
        move = rng.standard_normal(len(w)) / np.sqrt(len(w))
        ends = [target.value(objective, w + sign * 1e-6 * move) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(gradient @ move, rel=1e-6, abs=1e-6 * value)
    assert benchmark.stats["median"] <= SLOWEST
