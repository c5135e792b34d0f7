"""Conserved quantities against independent integration and symbolic brackets, and what is refused."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

from manifolds import InputError
from symmetries import Loss
from symmetries.conservation import conservation_laws, conserved_quantities
from symmetries.conserved.cartan_split import cartan_split
from symmetries.conserved.gradient_flow import gradient_path, measure_drift, predict_drift, step_drift

u, v, w, x, y = sp.symbols("u v w x y", real=True)
FLOWS = {
    "product": ("(y - u*v*w*x)**2", (u, v, w), (x, y), None),
    "metric": ("(y - u*v*x)**2 + (u*v)**3", (u, v), (x, y), [[2, 0], [0, 5]]),
    "dense metric": ("(y - (u + v)*w*x)**2", (u, v, w), (x, y), [[2, 1, 0], [1, 3, 0], [0, 0, 1]]),
    "activation": ("(y - u*tanh(v))**2 + x*w**2", (u, v, w), (x, y), None),
    "decay": ("(y - u*v*x)**2 + u**2 + v**2", (u, v), (x, y), None),
    "one flow": ("u**2 + 3*v**2 + u*v*w", (u, v, w), (), None),
    "constant": ("3 + 0*u*v", (u, v), (), None),
}


def velocities(name):
    """The fields of the gradient flow, by SymPy alone."""
    text, parameters, data, metric = FLOWS[name]
    loss = sp.sympify(text, locals={str(one): one for one in (*parameters, *data)})
    inverse = (sp.eye(len(parameters)) if metric is None else sp.Matrix(metric)).inv()
    return -inverse * sp.Matrix([sp.diff(loss, one) for one in parameters])


def laws_of(name):
    text, parameters, data, metric = FLOWS[name]
    loss = Loss.parse(text, [str(one) for one in parameters], data=[str(one) for one in data])
    return conservation_laws(loss, metric=metric)


@pytest.mark.parametrize("name", FLOWS)
def test_quantities_stay_along_integrated_flows(name):
    _, parameters, data, _ = FLOWS[name]
    laws = laws_of(name)
    field = sp.lambdify([*parameters, *data], list(velocities(name)))
    rng = np.random.default_rng(5)
    for quantity in laws.quantities:
        for _ in range(3):
            start, given = rng.uniform(0.4, 1.2, len(parameters)), rng.normal(size=len(data))
            path = solve_ivp(
                lambda _, point, given=given: field(*point, *given), (0, 0.2), start, rtol=1e-11, atol=1e-12
            )
            assert path.success
            assert abs(quantity.value(path.y[:, -1]) - quantity.value(start)) < 1e-8


@pytest.mark.parametrize("name", FLOWS)
def test_counts_agree_with_symbolic_brackets(name):
    _, parameters, data, _ = FLOWS[name]
    laws = laws_of(name)
    flow = velocities(name)
    values = [(2, 3), (-1, 5), (4, -3)][: 3 if data else 1]
    fields = [flow.subs(dict(zip(data, pair, strict=bool(data)))) if data else flow for pair in values]
    for _ in range(2):
        fields += [
            b.jacobian(parameters) * a - a.jacobian(parameters) * b
            for k, a in enumerate(fields[:3])
            for b in fields[k + 1 : 6]
        ]
    at = dict(zip(parameters, (sp.Rational(3, 7), sp.Rational(5, 11), sp.Rational(-2, 3)), strict=False))
    matrix = np.array(sp.Matrix.hstack(*(one.subs(at) for one in fields)).evalf(30).tolist(), dtype=float)
    scales = np.abs(matrix).max(axis=0)
    matrix = matrix[:, scales > 0] / scales[scales > 0]
    rank = np.linalg.matrix_rank(matrix, tol=1e-10) if matrix.size else 0
    assert laws.count.verdict == "proved"
    assert laws.count.evidence["upper"] == len(parameters) - rank
    assert laws.independent <= len(parameters) - rank


QUANTITY = conserved_quantities(Loss.parse("c*(y - u*v)**2", ["u", "v"], data=["y"], constants=["c"]))[0]
DATA = {"y": 2.0, "c": 1.0}


@pytest.mark.parametrize(
    "call",
    [
        lambda: gradient_path(QUANTITY, ["a", 1], step=0.1, count=1, data=DATA),
        lambda: gradient_path(QUANTITY, [1j, 1], step=0.1, count=1, data=DATA),
        lambda: gradient_path(QUANTITY, [1, 1], step="a", count=1, data=DATA),
        lambda: gradient_path(QUANTITY, [1, 1], step=None, count=1, data=DATA),
        lambda: gradient_path(QUANTITY, [1, 1], step=0.1, count=1, method=["heun"], data=DATA),
        lambda: gradient_path(QUANTITY, [1, 1], step=0.1, count=1, data=5),
        lambda: gradient_path(QUANTITY, [1, 1], step=0.1, count=1, data={"y": "a", "c": 1}),
        lambda: QUANTITY.value("ab", {"c": 1}),
        lambda: step_drift(QUANTITY, [1, 1], "a", data=DATA),
        lambda: step_drift(QUANTITY, [1, 1], -1, data=DATA),
        lambda: step_drift(QUANTITY, "a", 0.1, data=DATA),
        lambda: predict_drift(QUANTITY, [1, 1], None, data=DATA),
        lambda: measure_drift(QUANTITY, [1, 1], data={"y": 2.0}),
        lambda: measure_drift(QUANTITY, [1, 1], data=None),
        lambda: measure_drift(QUANTITY, [1, 1], halvings=-1, data=DATA),
        lambda: measure_drift(QUANTITY, [1, 1], halvings=1.5, data=DATA),
        lambda: measure_drift(QUANTITY, [1, 1], time="a", data=DATA),
        lambda: cartan_split(QUANTITY.loss),
        lambda: conservation_laws(QUANTITY.loss, patterns=["all"]),
        lambda: conservation_laws(QUANTITY.loss, patterns="every", counted=False),
    ],
)
def test_bad_input_is_refused_in_three_parts(call):
    with pytest.raises(InputError) as refusal:
        call()
    assert str(refusal.value).count("\n") == 2
