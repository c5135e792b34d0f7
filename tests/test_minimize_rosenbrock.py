"""Minimisation with teleports on Rosenbrock's and Booth's functions: what it must reach."""

import math
from itertools import pairwise

import numpy as np
import pytest
from minimize_cases import BOOTH, CORNER, ROSENBROCK

from solvers.minimize import minimize
from solvers.rules import GradientDescent
from solvers.schedules import At, Every
from solvers.status import Status
from solvers.step_sizes import InverseCurvature

SCHEDULES = {
    "at the start": lambda **o: At([0], **o),
    "every step": lambda **o: Every(1, **o),
    "every 10": lambda **o: Every(10, **o),
    "every 100": lambda **o: Every(100, **o),
    "99, 199, ...": lambda **o: Every(100, start=99, **o),
}


@pytest.mark.parametrize(("target", "steps"), [("gradient-norm", 12), ("predicted-decrease", 6)])
def test_teleports_at_every_step_reach_the_minimum_of_rosenbrock(target, steps):
    result = minimize(
        ROSENBROCK.loss, CORNER, rule=GradientDescent(learning_rate=InverseCurvature()), steps=steps,
        teleport=Every(1, along=ROSENBROCK, target=target),
    )  # fmt: skip
    assert result.value <= 1e-12
    assert result.steps <= steps
    losses = [record.loss for record in result.history]
    assert all(later < earlier for earlier, later in pairwise(losses))


def test_without_teleports_these_steps_are_far_from_it():
    rule = GradientDescent(learning_rate=InverseCurvature())
    assert minimize(ROSENBROCK.loss, CORNER, rule=rule, steps=12).value > 1e-2


@pytest.mark.parametrize("rate", [1e-3, 5e-4])
@pytest.mark.parametrize("name", SCHEDULES)
def test_no_schedule_leads_out_of_the_finite_numbers(name, rate):
    steps = 40 if name == "every step" else 250
    rule = GradientDescent(learning_rate=rate)
    schedule = SCHEDULES[name](along=ROSENBROCK)
    result = minimize(ROSENBROCK.loss, CORNER, rule=rule, steps=steps, teleport=schedule)
    plain = minimize(ROSENBROCK.loss, CORNER, rule=rule, steps=steps)
    assert result.status in (Status.MAX_STEPS, Status.CONVERGED)
    assert all(math.isfinite(record.loss) for record in result.history)
    assert np.isfinite(result.last_point).all()
    assert result.value <= plain.value
    assert result.teleports


def test_without_the_guard_a_teleport_of_the_start_diverges():
    schedule = At([0], along=ROSENBROCK, guard=None)
    result = minimize(ROSENBROCK.loss, CORNER, rule=GradientDescent(learning_rate=1e-3), steps=250, teleport=schedule)
    assert result.status is Status.NON_FINITE
    assert result.value == pytest.approx(404.0, rel=1e-9)


def test_one_teleport_and_one_step_solve_booth():
    rule = GradientDescent(learning_rate=1 / 18)
    result = minimize(BOOTH.loss, (5.0, -5.0), rule=rule, steps=1, teleport=At([0], along=BOOTH))
    assert result.value <= 1e-24
    np.testing.assert_allclose(result.point, [1.0, 3.0], rtol=1e-12)
    assert result.teleports[0].gain == pytest.approx(1.8, rel=1e-12)


def test_a_destination_nearer_on_the_orbit_is_taken_where_the_best_is_refused():
    rule = GradientDescent(learning_rate=1e-3)
    schedule = At([100], along=ROSENBROCK)
    result = minimize(ROSENBROCK.loss, CORNER, rule=rule, steps=101, teleport=schedule)
    (teleport,) = result.teleports
    assert teleport.status is Status.CONVERGED
    assert 0 < teleport.evidence["less_far_by"] < 1
    assert teleport.gain > 1
    assert teleport.relative_drift < 1e-9


def test_the_next_best_optimum_is_taken_where_the_step_from_the_best_overshoots():
    result = minimize(
        ROSENBROCK.loss, CORNER, rule=GradientDescent(learning_rate=InverseCurvature()), steps=1,
        teleport=At([0], along=ROSENBROCK, target="predicted-decrease"),
    )  # fmt: skip
    (teleport,) = result.teleports
    assert teleport.target_after < teleport.loss_before
    assert result.value < 0.01 * teleport.loss_before
