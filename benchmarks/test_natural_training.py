"""One network in twenty ill-conditioned coordinate systems: spread of the loss curves of four optimizers.

The learning rate of each optimizer is tuned anew in each coordinate system.  The spreads are in the extra information.
"""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from solvers.naturality.growing_widths import width_limit
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.remedies.natural_gradient_rule import NaturalGradient
from solvers.naturality.training_spread import training_spread
from solvers.network import Network
from solvers.rules import Adam, GradientDescent

RATES = tuple(10.0**k for k in np.arange(-6, 0.1, 0.5))
RULES = {
    "natural gradient": (NaturalGradient(dense_limit=100), (0.3,)),
    "adam": (Adam(), RATES),
    "gradient descent": (GradientDescent(), RATES),
}


def network() -> Network:
    """A regression by six tanh units with weight decay, 25 parameters."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2, 60))
    Y = np.sin(2 * X[:1]) * np.cos(X[1:]) + 0.05 * rng.standard_normal((1, 60))
    return Network(
        widths=(2, 6, 1), inputs=X, targets=Y, activation="tanh", loss="squared", half=True, bias=True, l2=0.03
    )


@pytest.mark.parametrize("condition", [1e2, 1e3])
def test_the_spread_of_loss_curves(benchmark: BenchmarkFixture, condition: float) -> None:
    """The natural gradient gives one curve; the others spread and end higher than in the original coordinates."""
    objective = network()
    found = benchmark.pedantic(
        lambda: training_spread(objective, objective.initial(1), RULES, coordinates=20, condition=condition, steps=100),
        rounds=1,
    )
    by_name = {one.name: one for one in found}
    for name, one in by_name.items():
        benchmark.extra_info[name] = {
            "spread of last losses": round(one.spread, 6),
            "median last loss over original": round(one.loss_ratio, 3),
            "last loss, original": round(float(one.curves[0, -1]), 4),
            "last loss, worst": round(float(one.curves[:, -1].max()), 4),
        }
    assert by_name["natural gradient"].widest < 1e-12 * condition**3
    assert by_name["adam"].loss_ratio > 1.5
    assert by_name["gradient descent"].loss_ratio > 1.5
    assert min(by_name[name].spread for name in ("adam", "gradient descent")) > 1.3


def test_the_limit_of_growing_widths(benchmark: BenchmarkFixture) -> None:
    """In the mean-field scaling the trained functions converge; at a constant rate wide networks stay untrained."""
    spec, widths = OPTIMIZERS["gradient-descent"], (8, 16, 32, 64, 128, 256)
    found = benchmark.pedantic(lambda: width_limit(spec, widths, rate=0.05), rounds=1)
    constant = width_limit(spec, widths, rate=0.05, scaling="constant")
    sizes = np.linalg.norm(constant.outputs, axis=1)
    benchmark.extra_info["differences"] = [round(gap, 5) for gap in found.differences]
    benchmark.extra_info["order"] = round(found.order, 2)
    benchmark.extra_info["outputs at a constant rate, widest over narrowest"] = round(float(sizes[-1] / sizes[0]), 4)
    assert found.order > 0.7
    assert sizes[-1] < 0.1 * sizes[0]
