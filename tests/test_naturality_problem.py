"""Problems, what an optimizer may read of them, and what becomes of it in other coordinates."""

import numpy as np
import pytest

from manifolds import InputError
from solvers.naturality import linear_maps as linear
from solvers.naturality import nonlinear_maps as curved
from solvers.naturality.problem import Problem
from solvers.naturality.problems import matrix_problems, start_point, vector_problems
from solvers.naturality.slots import NoLift

MAPS = [
    linear.general_linear(4, 1),
    linear.translation(4, 2),
    curved.generic(4, 3),
    curved.coordinatewise(4, 4),
    curved.inversion(4, 5),
    curved.triangular(4, 6),
    curved.triangular(4, 7, upper=True),
]


@pytest.mark.parametrize("morphism", MAPS, ids=lambda one: one.name)
@pytest.mark.parametrize("problem", vector_problems(4), ids=lambda one: one.name)
def test_composition_and_the_chain_rule_agree(problem, morphism):
    theta = start_point(4, np.random.default_rng(1))
    there = morphism.apply(theta)
    composed, chained = problem.push(morphism), problem.push(morphism, mode="chain")
    assert composed.value(there) == pytest.approx(problem.value(theta), rel=1e-12)
    assert chained.value(there) == pytest.approx(problem.value(theta), rel=1e-12)
    scale = 1 + np.abs(composed.hessian(there)).max()
    assert np.abs(composed.gradient(there) - chained.gradient(there)).max() <= 1e-13 * scale
    assert np.abs(composed.hessian(there) - chained.hessian(there)).max() <= 1e-12 * scale


@pytest.mark.parametrize("morphism", MAPS, ids=lambda one: one.name)
def test_pushed_models_pull_back_to_the_old_ones(morphism):
    problem = vector_problems(4)[1]
    theta = start_point(4, np.random.default_rng(2))
    J = morphism.jacobian(theta)
    pushed, there = problem.push(morphism), morphism.apply(theta)
    for matrix in ("gauss_newton", "fisher", "empirical_fisher"):
        old, new = getattr(problem, matrix)(theta), getattr(pushed, matrix)(there)
        assert np.allclose(J.T @ new @ J, old, rtol=1e-10, atol=1e-12)
    assert np.allclose(pushed.model_jacobian(there) @ J, problem.model_jacobian(theta), atol=1e-11)


def test_pushes_compose():
    first, second = MAPS[2], MAPS[0]
    problem = vector_problems(4)[0]
    theta = start_point(4, np.random.default_rng(3))
    there = second.apply(first.apply(theta))
    both = [
        problem.push(first, mode).push(second, other) for mode in ("compose", "chain") for other in ("compose", "chain")
    ]
    for one in both[1:]:
        assert np.allclose(one.gradient(there), both[0].gradient(there), rtol=1e-11)
        assert np.allclose(one.hessian(there), both[0].hessian(there), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("problem", [*vector_problems(3), *matrix_problems((2, 3))], ids=lambda one: one.name)
def test_the_loss_is_the_sum_of_those_of_the_samples(problem):
    theta = start_point(problem.size, np.random.default_rng(4))
    assert np.allclose(problem.per_sample_gradients(theta).sum(axis=0), problem.gradient(theta), rtol=1e-12)
    h = 1e-5 * np.eye(problem.size)
    differences = [(problem.value(theta + e) - problem.value(theta - e)) / 2e-5 for e in h]
    assert np.allclose(problem.gradient(theta), differences, atol=1e-8)
    bends = np.einsum("m,mij->ij", output_gradient(problem, theta), problem.model_second(theta))
    assert np.allclose(problem.gauss_newton(theta) + bends, problem.hessian(theta), atol=1e-11)


def output_gradient(problem, theta):
    """The slopes of the losses of the samples, from gradients that are multiples of rows of the Jacobian."""
    rows, gradients = problem.model_jacobian(theta), problem.per_sample_gradients(theta)
    return (rows * gradients).sum(axis=1) / (rows * rows).sum(axis=1)


def test_gradients_are_of_order_one_and_generic():
    for problem in vector_problems(4):
        gradient = problem.gradient(start_point(4, np.random.default_rng(5)))
        assert 0.05 < np.linalg.norm(gradient) < 50
        assert len(set(np.abs(gradient).round(6))) == 4


def test_hidden_structure_follows_by_its_type():
    ones = np.ones(2)
    hidden = {
        "rates": ("diag_con2", 4 * ones),
        "metric": ("cov2", np.eye(2)),
        "potential": ("scalar", lambda x: (x**2).sum()),
    }
    problem = Problem(lambda x: (x**2).sum(), size=2, hidden=hidden)
    pushed = problem.push(linear.Morphism.linear(np.diag([2.0, 3.0])))
    assert pushed.structure("rates").tolist() == [16.0, 36.0]
    assert np.allclose(pushed.structure("metric"), np.diag([1 / 4, 1 / 9]))
    assert pushed.structure("potential", [2.0, 3.0]) == pytest.approx(2.0)
    turned = problem.push(linear.orthogonal(2, 1))
    assert np.allclose(turned.structure("metric"), np.eye(2))
    with pytest.raises(NoLift):
        turned.structure("rates", [1.0, 1.0])
    bent = problem.push(curved.coordinatewise(2, 1))
    J = curved.coordinatewise(2, 1).jacobian([0.3, 0.4])
    there = curved.coordinatewise(2, 1).apply([0.3, 0.4])
    assert np.allclose(bent.structure("rates", there), 4 * np.diag(J) ** 2)
    with pytest.raises(NoLift, match="varies"):
        bent.structure("rates")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Problem(np.sum), "size or a shape"),
        (lambda: Problem(np.sum, size=2, shape=(1, 2)), "size or a shape"),
        (lambda: Problem(size=2), "nothing is minimised"),
        (lambda: Problem(np.sum, size=2).model_jacobian([1, 2]), "no model"),
        (lambda: Problem(np.sum, size=2).per_sample_gradients([1, 2]), "no output_loss"),
        (lambda: Problem(np.sum, size=2).gradient([1, 2, 3]), "there are 2"),
        (lambda: Problem(lambda x: x, size=2).gradient([1, 2]), "one number"),
        (lambda: Problem(np.sum, size=2).structure("rates"), "no hidden structure"),
        (lambda: Problem(np.sum, size=2).push(MAPS[0], mode="both"), "not known"),
        (lambda: Problem(np.sum, size=2).value(["a", "b"]), "real numbers"),
    ],
)
def test_bad_problems_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
