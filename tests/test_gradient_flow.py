"""Conserved quantities along integrated flows, and their drift under gradient descent: predicted and measured."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from manifolds.errors import InputError
from symmetries import Loss, compile_loss
from symmetries.conservation import ConservedQuantity, conservation_laws
from symmetries.conserved.gradient_flow import gradient_path, measure_drift, predict_drift, step_drift

LOSSES = {
    "linear": ("mean((Y - X@A@B)**2)", {"A": (2, 3), "B": (3, 1)}),
    "relu": ("mean((Y - relu(X@A)@B)**2)", {"A": (2, 3), "B": (3, 1)}),
    "exp": ("mean((Y - exp(X@A + c)@B)**2)", {"A": (2, 2), "B": (2, 1), "c": (2,)}),
    "sigmoid gates": ("mean((Y - X@A@(sigmoid(c)*B))**2)", {"A": (2, 2), "B": (2,), "c": (2,)}),
    "square": ("mean((Y - (X@A)**2@B)**2)", {"A": (2, 2), "B": (2, 1)}),
}


def problem(name: str) -> tuple[tuple[ConservedQuantity, ...], np.ndarray, dict[str, np.ndarray]]:
    text, parameters = LOSSES[name]
    target = (4,) if name == "sigmoid gates" else (4, 1)
    loss = Loss.parse(text, parameters, data={"X": (4, 2), "Y": target})
    rng = np.random.default_rng(1)
    data = {"X": rng.normal(size=(4, 2)), "Y": rng.normal(size=target)}
    return conservation_laws(loss, counted=False).quantities, 0.7 * rng.normal(size=len(loss.entries)), data


@pytest.mark.parametrize("name", LOSSES)
def test_an_accurate_integrator_keeps_them(name: str) -> None:
    quantities, w, data = problem(name)
    assert quantities
    compiled = compile_loss(quantities[0].loss)
    flow = solve_ivp(lambda t, w: -compiled.gradient(w, data), (0, 1), w, rtol=1e-10, atol=1e-12, max_step=0.01)
    assert compiled.value(flow.y[:, -1], data) < compiled.value(w, data)
    assert quantities
    for quantity in quantities:
        assert abs(quantity.value(flow.y[:, -1]) - quantity.value(w)) < 1e-7 * (1 + abs(quantity.value(w)))


@pytest.mark.parametrize("name", ["linear", "exp", "sigmoid gates", "square"])
@pytest.mark.parametrize(("method", "order"), [("gradient-descent", 1), ("heun", 2), ("runge-kutta-4", 4)])
def test_the_drift_has_the_order_of_the_method(name: str, method: str, order: int) -> None:
    quantities, w, data = problem(name)
    assert quantities
    for quantity in quantities:
        count = 16 if order == 4 else 128
        drift = measure_drift(quantity, w, count=count, method=method, data=data, time=0.5)  # type: ignore[arg-type]
        # Heun and Runge-Kutta may keep a quadratic quantity one order better than the path.
        assert order - 0.3 < drift.order < order + (0.3 if order == 1 else 1.4) or max(map(abs, drift.drifts)) < 1e-11


@pytest.mark.parametrize("name", LOSSES)
def test_one_step_of_gradient_descent_is_exact_for_quadratic_quantities(name: str) -> None:
    quantities, w, data = problem(name)
    assert quantities
    for quantity in quantities:
        path = gradient_path(quantity, w, step=0.05, count=1, data=data)
        change = quantity.value(path[1]) - quantity.value(path[0])
        if quantity.kind == "quadratic":
            assert abs(change - step_drift(quantity, w, 0.05, data=data)) < 1e-12
        else:
            assert np.isclose(change, step_drift(quantity, w, 0.05, data=data), rtol=0.2)


@pytest.mark.parametrize("name", ["linear", "exp", "sigmoid gates", "square"])
def test_the_drift_of_gradient_descent_is_predicted(name: str) -> None:
    """The error of the prediction, relative to the drift, halves with the learning rate."""
    quantities, w, data = problem(name)
    quantity = quantities[-1]
    errors = []
    for count in (500, 1000):
        path = gradient_path(quantity, w, step=0.5 / count, count=count, data=data)
        measured = quantity.value(path[-1]) - quantity.value(path[0])
        errors.append(abs(measured / predict_drift(quantity, w, 0.5 / count, time=0.5, data=data) - 1))
    assert errors[1] < 0.02
    assert errors[1] < 0.7 * errors[0] or errors[1] < 1e-6


def test_with_a_metric() -> None:
    loss = Loss.parse("(1 - u*v)**2")
    (quantity,) = conservation_laws(loss, metric=[[2, 1], [1, 2]], counted=False).quantities or (None,)
    assert quantity is None
    (quantity,) = [
        one for one in conservation_laws(loss, metric=[4, 1], counted=False).quantities if one.kind == "quadratic"
    ]
    drift = measure_drift(quantity, [1.5, 0.2], method="runge-kutta-4", count=16)
    assert abs(drift.order - 4) < 0.3
    path = gradient_path(quantity, [1.5, 0.2], step=0.1, count=1)
    assert abs(quantity.value(path[1]) - quantity.value(path[0]) - step_drift(quantity, [1.5, 0.2], 0.1)) < 1e-12


def test_refusals() -> None:
    (quantity, *_) = conservation_laws(Loss.parse("(1 - u*v)**2"), counted=False).quantities
    with pytest.raises(InputError, match="the method 'euler'"):
        gradient_path(quantity, [1.0, 1.0], step=0.1, count=1, method="euler")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a step or time of 0"):
        gradient_path(quantity, [1.0, 1.0], step=0, count=1)
    with pytest.raises(InputError, match="count=0"):
        measure_drift(quantity, [1.0, 1.0], count=0)
    with pytest.raises(InputError, match="a step or time of -1"):
        predict_drift(quantity, [1.0, 1.0], -1)
