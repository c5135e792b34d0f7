"""SciPy's minimizers on an objective: SciPy called by hand as the oracle, history, stops, walls and interruption."""

import pickle

import numpy as np
import pytest
import scipy.optimize

from manifolds import InputError
from solvers.objective import Objective
from solvers.scipy_methods import METHODS, SciPy, scipy_minimize
from solvers.status import Status
from symmetries import Loss

ROSENBROCK = Loss.parse("100*(x**2 - y)**2 + (x - 1)**2")
START = np.array([-1.2, 1.0])


@pytest.mark.parametrize("method", METHODS)
def test_the_minimum_is_found_and_every_call_counted(method):
    objective, history = Objective.from_loss(ROSENBROCK), []
    result = scipy_minimize(
        objective, START, SciPy(method), steps=500, callback=lambda *line: history.append(line) and None
    )
    assert result.status == Status.CONVERGED
    np.testing.assert_allclose(result.point, [1, 1], atol=1e-3)
    assert result.value == objective.value(result.point)
    assert [line[0] for line in history] == list(range(1, result.steps + 1))
    for _, point, value, gradient in history:
        reached = objective.value_and_grad(point)
        assert reached[0] == value
        np.testing.assert_array_equal(reached[1], gradient)
    assert result.value <= min(line[2] for line in history)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_iterates_as_scipy_by_hand_at_no_further_cost(method):
    objective, calls, products, path = Objective.from_loss(ROSENBROCK), [], [], []

    def value_and_grad(w):
        calls.append(1)
        return objective.value_and_grad(w)

    def hvp(w, v):
        products.append(1)
        return objective.hvp(w, v)

    keep = {"hessp": hvp} if method in ("trust-ncg", "Newton-CG") else {}
    scipy.optimize.minimize(
        value_and_grad,
        START,
        method=method,
        jac=True,
        callback=lambda intermediate_result: path.append(intermediate_result.x.copy()),
        **keep,
    )
    ours, other = [], Objective.from_loss(ROSENBROCK)
    scipy_minimize(other, START, SciPy(method), steps=500, callback=lambda k, w, value, gradient: ours.append(w) and 0)
    np.testing.assert_array_equal(ours, path)
    total = other.ledger.total()
    assert total.values == 0
    assert total.gradients <= len(calls)
    assert total.hvps == len(products)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_goes_on_from_its_last_point_after_it_was_stopped(method):
    objective = Objective.from_loss(ROSENBROCK)
    first = scipy_minimize(objective, START, SciPy(method), steps=5)
    assert (first.status, first.steps) == (Status.MAX_STEPS, 5)
    asked = scipy_minimize(objective, START, SciPy(method), steps=500, callback=lambda k, *rest: k == 5)
    assert (asked.status, asked.steps) == (Status.MAX_STEPS, 5)
    np.testing.assert_array_equal(asked.last_point, first.last_point)
    second = scipy_minimize(objective, first.last_point, SciPy(method), steps=500)
    assert second.status == Status.CONVERGED
    assert second.value <= first.value


@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_norm_stops_a_run(method):
    objective = Objective.from_loss(ROSENBROCK)
    result = scipy_minimize(objective, START, SciPy(method), steps=500, tolerance=1.0)
    assert result.status == Status.CONVERGED
    assert np.linalg.norm(objective.gradient(result.last_point)) <= 1.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("error")
def test_line_searches_turn_back_from_where_the_objective_is_not_defined(method):
    objective = Objective.from_loss(Loss.parse("x - 100*log(x) + 50*(y - 1)**4 - log(1 - y)"))
    result = scipy_minimize(objective, [1e-3, -20.0], SciPy(method), steps=300)
    assert np.isfinite(result.value)
    assert result.value < objective.value([1e-3, -20.0])
    assert np.isfinite(result.last_point).all()
    assert result.point[0] > 0
    assert result.point[1] < 1


@pytest.mark.parametrize("method", METHODS)
def test_interruption_keeps_the_best_point(method):
    calls = []

    def gradient(w):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return 4 * w**3

    objective = Objective.from_functions(lambda w: float(np.sum(w**4)), gradient, lambda w, v: 12 * w**2 * v, size=3)
    start = np.array([3.0, -2.0, 1.0])
    result = scipy_minimize(objective, start, SciPy(method), steps=100)
    assert result.status == Status.INTERRUPTED
    assert result.value == float(np.sum(result.point**4)) < np.sum(start**4)


def test_never_worse_than_the_start():
    # A gradient that points uphill: every trial is worse.
    objective = Objective.from_functions(lambda w: float(w @ w), lambda w: -2 * w, lambda w, v: -2 * v, size=2)
    for method in METHODS:
        result = scipy_minimize(objective, [1.0, 1.0], SciPy(method), steps=3)
        assert result.value <= 2.0


@pytest.mark.parametrize("method", ["trust-ncg", "Newton-CG"])
def test_a_product_that_is_not_finite_ends_the_run(method):
    objective = Objective.from_functions(
        lambda w: float(w @ w), lambda w: 2 * w, lambda w, v: np.full(2, np.nan), size=2
    )
    result = scipy_minimize(objective, [1.0, 2.0], SciPy(method), steps=10)
    assert result.status == Status.NON_FINITE
    np.testing.assert_array_equal(result.point, [1.0, 2.0])


def test_bad_input_is_refused():
    objective = Objective.from_loss(ROSENBROCK)
    for make, named in [
        (lambda: SciPy("Powell"), "Powell"),
        (lambda: SciPy("BFGS", options={"maxiter": 3}), "maxiter"),
        (lambda: SciPy("BFGS", options=3), "options"),
        (lambda: scipy_minimize(objective, START, SciPy("BFGS", options={"gtoll": 1e-3}), steps=3), "gtoll"),
        (lambda: scipy_minimize(objective, START, SciPy(), steps=0), "steps"),
        (lambda: scipy_minimize(objective, START, SciPy(), steps=3, tolerance=-1), "tolerance"),
        (lambda: scipy_minimize(objective, [np.nan, 0.0], SciPy(), steps=3), "start"),
    ]:
        with pytest.raises(InputError) as error:
            make()
        assert named in error.value.what


def test_a_spec_crosses_a_process_border_and_does_not_change():
    spec = SciPy("CG", options={"gtol": 1e-3})
    assert pickle.loads(pickle.dumps(spec)) == spec
    with pytest.raises(TypeError):
        spec.options["gtol"] = 1.0


@pytest.mark.parametrize("value", ["a", np.nan, [1.0, np.nan]])
def test_options_that_are_no_numbers(value):
    with pytest.raises(InputError, match="gtol"):
        SciPy("BFGS", options={"gtol": value})


def test_options_of_every_kind_that_scipy_takes():
    options = {"norm": np.inf, "return_all": False, "hess_inv0": np.eye(2), "gtol": np.float32(1e-6), "xrtol": 0}
    assert dict(SciPy("BFGS", options=options).options) == options
