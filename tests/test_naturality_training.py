"""Training in many coordinate systems, and objectives in other coordinates."""

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.naturality.remedies.natural_gradient_rule import NaturalGradient
from solvers.naturality.remedies.output_products import gauss_newton_product
from solvers.naturality.remedies.reparameterised import Reparameterised, ill_conditioned
from solvers.naturality.training_spread import training_spread
from solvers.network import Network
from solvers.objective import Objective
from solvers.rules import Adam, GradientDescent


def network():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2, 30))
    return Network(
        widths=(2, 3, 1),
        inputs=X,
        targets=np.sin(2 * X[:1]) * np.cos(X[1:]),
        activation="tanh",
        loss="squared",
        half=True,
        bias=True,
        l2=0.03,
    )


def test_the_natural_gradient_trains_alike_in_all_coordinates():
    objective = network()
    rules = {
        "natural": (NaturalGradient(dense_limit=100), (0.3,)),
        "adam": (Adam(), (1e-3, 1e-2, 1e-1)),
        "descent": (GradientDescent(), (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)),
    }
    found = {
        one.name: one
        for one in training_spread(objective, objective.initial(1), rules, coordinates=4, condition=100.0, steps=30)
    }
    assert found["natural"].widest < 1e-6
    assert set(found["natural"].rates) == {0.3}
    assert found["adam"].spread > 1.3
    assert min(found["adam"].loss_ratio, found["descent"].loss_ratio) > 1.2
    assert found["natural"].curves.shape == (5, 31)
    assert found["natural"].curves[:, -1].max() < found["adam"].curves[:, -1].min()


def test_derivatives_in_other_coordinates():
    objective, A = network(), ill_conditioned(13, condition=50.0, rng=1)
    moved = Reparameterised(objective, A)
    w, v = objective.initial(0), np.random.default_rng(2).standard_normal(13)
    y, h = A @ w, 1e-6
    assert abs(moved.value(y) - objective.value(w)) < 1e-12
    expected = (moved.value(y + h * v) - moved.value(y - h * v)) / (2 * h)
    assert abs(moved.gradient(y) @ v - expected) < 1e-6 * (1 + abs(expected))
    slopes = (moved.gradient(y + h * v) - moved.gradient(y - h * v)) / (2 * h)
    np.testing.assert_allclose(moved.hvp(y, v), slopes, rtol=1e-5, atol=1e-6)
    inverse = np.linalg.inv(A)
    G = np.array([gauss_newton_product(objective, w)(e) for e in np.eye(13)])
    np.testing.assert_allclose(gauss_newton_product(moved, y)(v), inverse.T @ G @ inverse @ v, rtol=1e-8)


def test_evaluations_are_counted():
    moved = Reparameterised(network(), np.eye(13))
    moved.value_and_grad(np.zeros(13))
    moved.hvp(np.zeros(13), np.ones(13))
    total = moved.ledger.total()
    assert (total.gradients, total.hvps) == (1, 1)


def test_rates_that_blow_up_are_passed_over_and_refused_when_there_are_no_others():
    objective = network()
    rules = {"descent": (GradientDescent(), (1e3, 1e-3))}
    found = training_spread(objective, objective.initial(1), rules, coordinates=1, condition=1.0, steps=20)[0]
    assert set(found.rates) == {1e-3}
    hopeless = Objective.from_functions(
        lambda w: float(np.exp(w @ w)), lambda w: 2 * w * np.exp(w @ w), lambda w, v: v, size=1
    )
    with pytest.raises(InputError, match="blows up"):
        training_spread(hopeless, [1.0], {"descent": (GradientDescent(), (1e3,))}, coordinates=1, steps=20)


@pytest.mark.parametrize("matrix", [np.ones((2, 2)), np.eye(3), "A"])
def test_bad_matrices(matrix):
    bowl = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=2)
    with pytest.raises(InputError):
        Reparameterised(bowl, matrix)


def test_bad_input():
    with pytest.raises(InputError, match="rules"):
        training_spread(network(), np.zeros(13), {})
    with pytest.raises(InputError, match="condition"):
        ill_conditioned(3, condition=0.5)
    assert abs(np.linalg.slogdet(ill_conditioned(4, condition=1e3))[1]) < 1e-10
