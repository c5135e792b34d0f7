"""Loss gauge: which functions of the loss an optimizer does not notice."""

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.naturality.loss_gauge import gauged, loss_gauge
from solvers.naturality.optimizers.gradient_descent import normalised_gradient_descent, polyak_step
from solvers.naturality.optimizers.natural_gradient import gauss_newton, natural_gradient
from solvers.naturality.optimizers.quasi_newton import bfgs
from solvers.naturality.optimizers.second_order import newton
from solvers.naturality.problem import Problem
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.spec import OptimizerSpec


def averaging(update, *, moments=2, slots=None):
    """A spec of an update of the gradient, the averages of g and g^2, and the number of the step."""

    def step(problem, state, rate):
        g = problem.gradient(state["point"])
        m = 0.9 * state["m"] + 0.1 * g
        v = 0.9 * state["v"] + 0.1 * g**2
        return {"point": state["point"] - rate * update(g, m, v), "m": m, "v": v}

    def init(problem, theta):
        return {"point": theta, "m": np.zeros(problem.size), "v": np.zeros(problem.size)}

    return OptimizerSpec(
        name="test", init=init, step=step, slots={"point": "point", "m": "covector", "v": "diag_cov2"}, rate=0.05
    )


OWN = {
    "gradient descent": (lambda g, m, v: g, "shift"),
    "heavy ball": (lambda g, m, v: m, "shift"),
    "sign": (lambda g, m, v: np.sign(g), "monotone"),
    "RMSProp": (lambda g, m, v: g / np.sqrt(v), "affine"),
    "Adam": (lambda g, m, v: m / np.sqrt(v), "affine"),
    "Adam with epsilon": (lambda g, m, v: m / (np.sqrt(v) + 0.1), "shift"),
    "root-free": (lambda g, m, v: 0.05 * g / v, "shift"),
}
"""Updates with the largest family of functions that they do not notice."""


@pytest.mark.parametrize("name", OWN)
def test_the_gauge_of_updates(name):
    update, expected = OWN[name]
    found = loss_gauge(averaging(update))
    assert (found.gauge, found.verdict) == (expected, "measured"), found.defects
    for family, defect in found.defects.items():
        assert defect < 1e-10 or defect > 1e-3, family


@pytest.mark.parametrize(
    ("spec", "expected"),
    [(normalised_gradient_descent(), "monotone"), (polyak_step(), "scale"), (newton(), "affine"), (bfgs(), "shift")],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_gauge_of_specs(spec, expected):
    assert loss_gauge(spec).gauge == expected


def test_natural_gradient_and_gauss_newton_differ():
    """The Fisher matrix does not see the loss of the outputs; the Gauss-Newton matrix is scaled with it."""
    fisher, newton_like = loss_gauge(natural_gradient()), loss_gauge(gauss_newton())
    assert fisher.gauge == "shift"
    assert newton_like.gauge == "affine"
    assert newton_like.verdict == "undecided"
    assert "output_loss" in newton_like.claims[-1].reason
    assert "undecided" in str(newton_like)


def test_signs_of_averages_turn_under_a_function_that_bends():
    """Lion's average weighs old gradients by h', so a step where both nearly cancel changes its sign."""

    def loss(x):
        return 5.0 + (x**2).sum()

    def step(problem, state, rate):
        g = problem.gradient(state["point"])
        return {"point": state["point"] - rate * np.sign(state["m"] + 0.6 * g), "m": 0.9 * state["m"] + 0.1 * g}

    lion = OptimizerSpec(
        name="lion",
        init=lambda problem, theta: {"point": theta, "m": np.zeros(problem.size)},
        step=step,
        slots={"point": "point", "m": "covector"},
        rate=0.4,
    )
    found = loss_gauge(lion, problems=[Problem(loss, size=3)], steps=12, rng=1)
    assert found.defects["scale"] < 1e-12
    assert found.defects["monotone"] > 1e-3


def test_the_gauged_problem_has_the_derivatives_of_the_composition():
    problem = Problem(lambda x: (x**4).sum() + x[0] * x[1], size=2)
    point = np.array([0.7, -1.1])
    bent = gauged(problem, lambda loss: loss**3)
    value, g, H = problem.value(point), problem.gradient(point), problem.hessian(point)
    np.testing.assert_allclose(bent.gradient(point), 3 * value**2 * g, rtol=1e-13)
    np.testing.assert_allclose(bent.hessian(point), 3 * value**2 * H + 6 * value * np.outer(g, g), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("muon-exact", "affine"),
        ("row-normalised", "monotone"),
        ("adam-declared-rates", "affine"),
        ("lion", "affine"),
        ("mirror-entropy", "shift"),
    ],
)
def test_optimizers_are_given_what_they_read(name, expected):
    """Matrices, declared structure, positive parameters."""
    assert loss_gauge(OPTIMIZERS[name]).gauge == expected


def test_an_optimizer_that_does_not_move_is_undecided():
    still = OptimizerSpec(
        name="still",
        init=lambda problem, theta: {"point": theta},
        step=lambda problem, state, rate: state,
        slots={"point": "point"},
    )
    found = loss_gauge(still)
    assert found.verdict == "undecided"
    assert [claim.verdict for claim in found.claims] == ["undecided"] * 3
    assert all("does not move" in claim.reason for claim in found.claims)


def test_names_and_rules_are_read():
    assert loss_gauge("sign-descent").gauge == "monotone"
    assert loss_gauge("gradient-descent", rate=0.01, rng=3).gauge == "shift"


def test_bad_input():
    with pytest.raises(InputError, match="problems"):
        loss_gauge(newton(), problems=[None])
    with pytest.raises(InputError, match="problems"):
        loss_gauge(newton(), problems=[])
    with pytest.raises(InputError, match="steps"):
        loss_gauge(newton(), steps=0)
    with pytest.raises(InputError, match="rate"):
        loss_gauge(newton(), rate=0.0)
