"""SciPy's minimizers behind the same call."""

import numpy as np
import pytest
from minimize_cases import BOOTH, CORNER, ROSENBROCK, quadratic
from scipy.optimize import minimize as scipy_minimize

from manifolds.errors import InputError
from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.running.acceptance import Rollout
from solvers.schedules import At, When
from solvers.scipy_methods import SciPy
from solvers.status import Status


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "trust-ncg"])
def test_the_iterates_are_those_of_scipy(method):
    objective = Objective.from_loss(ROSENBROCK.loss)
    points = [np.array(CORNER)]
    oracle = scipy_minimize(
        objective.value_and_grad, np.array(CORNER), jac=True, method=method,
        hessp=objective.hvp if method == "trust-ncg" else None,
        callback=lambda intermediate_result: points.append(intermediate_result.x.copy()),
    )  # fmt: skip
    seen = []
    result = minimize(ROSENBROCK.loss, CORNER, rule=method.lower(), callback=lambda state: seen.append(state.point))
    assert result.status is Status.CONVERGED
    assert result.value <= oracle.fun
    np.testing.assert_allclose(seen, points[1:], rtol=1e-8)
    assert [record.step for record in result.history] == list(range(len(points)))
    assert result.cost.gradients >= oracle.nfev


def test_it_stops_by_steps_tolerance_and_callback():
    assert minimize(ROSENBROCK.loss, CORNER, rule="bfgs", steps=4).status is Status.MAX_STEPS
    assert minimize(ROSENBROCK.loss, CORNER, rule="bfgs", steps=4).steps == 4
    result = minimize(quadratic(), [3.0, 1.0], rule="cg", callback=lambda state: True)
    assert result.status is Status.CONVERGED
    assert result.steps == 1
    loose = minimize(ROSENBROCK.loss, CORNER, rule="bfgs", tolerance=1.0)
    assert loose.status is Status.CONVERGED
    assert loose.history[-1].gradient_norm <= 1.0


def test_it_teleports_between_its_runs():
    schedule = At([0, 5], along=BOOTH)
    result = minimize(BOOTH.loss, [5.0, -5.0], rule="bfgs", steps=20, teleport=schedule)
    assert result.teleports[0].gain == pytest.approx(1.8)
    assert result.history[1].teleported
    assert result.value < 1e-12
    triggered = minimize(
        ROSENBROCK.loss, CORNER, rule="bfgs", steps=60,
        teleport=When(lambda state: state.step == 6, along=ROSENBROCK, target="gradient-norm"),
    )  # fmt: skip
    assert len(triggered.teleports) == 1
    assert triggered.value < 1e-8


def test_a_rollout_of_its_iterations_decides():
    schedule = At([3], along=ROSENBROCK, accept=Rollout(steps=8))
    result = minimize(ROSENBROCK.loss, CORNER, rule="bfgs", steps=60, teleport=schedule)
    assert len(result.teleports) == 1
    assert result.value < 1e-8


def test_an_interruption_returns_the_best_point():
    def callback(state):
        if state.step == 5:
            raise KeyboardInterrupt

    result = minimize(ROSENBROCK.loss, CORNER, rule="bfgs", callback=callback)
    assert result.status is Status.INTERRUPTED
    assert result.steps == 5
    assert result.value == min(record.loss for record in result.history)


@pytest.mark.parametrize(
    "options", [{"checkpoint": "run.json"}, {"batches": lambda step: quadratic()}, {"learning_rate": 0.1}]
)
def test_what_it_cannot_do_is_refused(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        minimize(quadratic(), [1.0, 1.0], rule=SciPy("BFGS"), **options)
    assert not list(tmp_path.iterdir())
