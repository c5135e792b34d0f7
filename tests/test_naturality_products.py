"""Natural gradients by conjugate gradients on Gauss-Newton products, on networks and on modules."""

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers import minimize
from solvers.naturality.remedies.natural_gradient_rule import NaturalGradient
from solvers.naturality.remedies.output_products import OutputObjective, gauss_newton_product
from solvers.network import Network
from solvers.objective import Objective


def network(loss="squared", activation="tanh", bias=True, l2=0.0):
    rng = np.random.default_rng(0)
    targets = rng.standard_normal((2, 20)) if loss == "squared" else rng.integers(0, 2, 20)
    return Network(
        widths=(3, 4, 2),
        inputs=rng.standard_normal((3, 20)),
        targets=targets,
        activation=activation,
        loss=loss,
        bias=bias,
        l2=l2,
    )


def dense(net, w):
    product = gauss_newton_product(net, w)
    return np.array([product(e) for e in np.eye(net.size)])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
def test_the_product_is_that_of_the_matrix(loss, bias):
    """J^T H J with J by central differences of the outputs and H by differences of the slope."""
    net = network(loss, "softplus", bias)
    w, h = net.initial(0), 1e-6
    J = np.array([(net.outputs(w + h * e) - net.outputs(w - h * e)).ravel() / (2 * h) for e in np.eye(net.size)])
    z = net.outputs(w)
    flat = np.eye(z.size).reshape(-1, *z.shape)
    H = np.array([(net._loss.slope(z + h * e) - net._loss.slope(z - h * e)).ravel() / (2 * h) for e in flat])
    np.testing.assert_allclose(dense(net, w), J @ H @ J.T, atol=1e-6)


def test_l2_is_part_of_the_metric():
    plain, heavy = network(), network(l2=0.3)
    w = plain.initial(0)
    np.testing.assert_allclose(dense(heavy, w), dense(plain, w) + 0.3 * np.eye(plain.size), atol=1e-12)


def test_conjugate_gradients_give_the_dense_step():
    net = network("cross-entropy")
    w = net.initial(1)
    g, G = net.gradient(w), dense(net, w)
    exact = -0.5 * np.linalg.solve(G + 0.01 * np.eye(net.size), g)
    by_products = NaturalGradient(damping=0.01, tolerance=1e-12).displacement(net, w, g, rate=0.5)
    np.testing.assert_allclose(by_products, exact, rtol=1e-7, atol=1e-10)
    formed = NaturalGradient(damping=0.01, dense_limit=100).displacement(net, w, g, rate=0.5)
    np.testing.assert_allclose(formed, exact, rtol=1e-9, atol=1e-12)


def test_without_damping_the_step_is_the_pseudo_inverse():
    """Few samples, many parameters: conjugate gradients from zero stay in the range of the metric."""
    rng = np.random.default_rng(2)
    net = Network(
        widths=(2, 6, 1),
        inputs=rng.standard_normal((2, 4)),
        targets=rng.standard_normal((1, 4)),
        loss="squared",
        half=True,
        activation="tanh",
    )
    w = net.initial(0)
    g = net.gradient(w)
    expected = -np.linalg.pinv(dense(net, w), rcond=1e-10) @ g
    found = NaturalGradient(tolerance=1e-12).displacement(net, w, g, rate=1.0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


def test_products_are_counted_and_no_matrix_is_formed_for_many_parameters():
    rng = np.random.default_rng(3)
    net = Network(
        widths=(30, 70, 3), inputs=rng.standard_normal((30, 40)), targets=rng.integers(0, 3, 40), activation="tanh"
    )
    assert net.size > 2000
    result = minimize(
        net, net.initial(0), rule=NaturalGradient(learning_rate=0.2, damping=1e-2, iterations=20), steps=15
    )
    assert 15 <= result.cost.hvps <= 15 * 20
    assert result.value < 0.2 * net.value(net.initial(0))
    with pytest.raises(InputError, match="dense_limit"):
        NaturalGradient(dense_limit=2001)


def scaled(A):
    """The same least squares problem in the coordinates A w."""
    rng = np.random.default_rng(4)
    B, y, inverse = rng.standard_normal((9, 5)), rng.standard_normal(9), np.linalg.inv(A)

    def outputs(w):
        return np.tanh(B @ inverse @ w)

    def jacobian(w):
        return (1 - outputs(w) ** 2)[:, None] * (B @ inverse)

    return OutputObjective(
        outputs=outputs,
        push=lambda w, v: jacobian(w) @ v,
        pull=lambda w, u: jacobian(w).T @ u,
        loss=lambda z: (float((z - y) @ (z - y)) / 2, z - y),
        bend=lambda z, dz: dz,
        size=5,
    )


def test_the_rule_is_natural_in_minimize():
    """The losses of a run do not depend on linear coordinates; those of gradient descent do."""
    A = np.random.default_rng(5).standard_normal((5, 5)) + 2 * np.eye(5)
    start = np.linspace(-0.3, 0.4, 5)

    def losses(rule):
        runs = [minimize(scaled(M), M @ start, rule=rule, steps=6, tolerance=0.0).history for M in (np.eye(5), A)]
        return [np.array([record.loss for record in history]) for history in runs]

    natural = losses(NaturalGradient(learning_rate=0.3, tolerance=1e-13))
    np.testing.assert_allclose(natural[1], natural[0], rtol=1e-8)
    plain = losses("gradient-descent")
    assert np.abs(plain[1] - plain[0]).max() > 1e-3


def test_the_hessian_products_of_an_output_objective():
    objective = scaled(np.eye(5))
    w, v = np.linspace(-0.3, 0.4, 5), np.arange(5.0)
    h = 1e-5
    expected = (objective.gradient(w + h * v) - objective.gradient(w - h * v)) / (2 * h)
    np.testing.assert_allclose(objective.hvp(w, v), expected, rtol=1e-6)
    assert objective.hvp(w, 0 * v).tolist() == [0.0] * 5
    assert not objective.has_exact_hvp


def test_an_objective_without_outputs_is_refused():
    objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=2)
    with pytest.raises(InputError, match="outputs"):
        NaturalGradient().displacement(objective, np.ones(2), np.ones(2), rate=1.0)
    with pytest.raises(InputError, match="damping"):
        NaturalGradient(damping=-1.0)
