"""Cases that once gave a search of level sets a wrong status."""

from __future__ import annotations

import numpy as np
import pytest

from solvers.aims.target_norms import GradientNorm
from solvers.level_set import LevelSetMove
from solvers.objective import Objective
from solvers.status import Status
from solvers.teleport import teleport
from symmetries import Loss


@pytest.mark.parametrize(
    ("formula", "start", "maximize"),
    [
        ("x**4 + y**4", [1.0, 0.5], False),
        ("sin(x) + sin(y)", [0.3, 0.4], False),
        ("tanh(x)**2 + tanh(y)**2", [2.0, 2.0], True),
    ],
)
def test_a_stationary_point_inside_the_sub_level_set_is_converged(formula, start, maximize):
    objective = Objective.from_loss(Loss.parse(formula))
    move = LevelSetMove(form="sub-level", steps=60)
    result = teleport(objective, start, along=move, maximize=maximize)
    size = np.linalg.norm(objective.gradient(result.point))
    product = objective.hvp(result.point, objective.gradient(result.point))
    assert np.linalg.norm(product) <= 1e-5 * max(size, 1e-2)
    assert result.status is Status.CONVERGED
    assert result.loss_after < result.loss_before


def test_a_gradient_that_reuses_its_array_misleads_no_search():
    scales, buffer = np.array([1.0, 4.0]), np.zeros(2)

    def gradient(w):
        return np.multiply(2 * scales, w, out=buffer)

    def search(slope):
        objective = Objective.from_functions(
            lambda w: float(w @ (scales * w)), slope, lambda w, v: 2 * scales * v, size=2
        )
        rng = np.random.default_rng(0)
        return LevelSetMove().search(objective, np.array([1.0, 0.3]), GradientNorm(), maximize=True, rng=rng).point

    assert search(gradient).tolist() == search(lambda w: 2 * scales * w).tolist()


def test_products_by_differences_count_for_the_limit_of_a_search():
    scales = np.linspace(1.0, 50.0, 12)
    objective = Objective.from_functions(lambda w: float(w @ (scales * w)), lambda w: 2 * scales * w, size=12)
    start = np.random.default_rng(0).standard_normal(12)
    result = teleport(objective, start, along=LevelSetMove(hvps=3))
    assert (result.steps <= 3, result.cost.hvps, objective.products) == (True, 0, 3)
    assert teleport(objective, start, along=LevelSetMove()).steps > 3
