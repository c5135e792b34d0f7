"""What minimisation on spaces is for: leading eigenspaces, Brockett's cost, symplectic traces and reduction."""

import numpy as np
import pytest
from space_costs import projection_cost

from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
from solvers.learning_rates import Cosine
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize
from solvers.rules import LBFGS, Adam
from solvers.status import Status


def symmetric(size, count):
    """A matrix whose leading eigenvalues, so many, lie in [2, 3] and the others in [0, 1]."""
    Q = Stiefel(size, size).random(9)
    return (Q * np.r_[np.linspace(0, 1, size - count), np.linspace(2, 3, count)]) @ Q.T


def eigenspace(A, space):
    """Minus the trace of the part of A on the span of Y, and the lowest value."""
    objective = objective_on(space, lambda Y: -np.sum(Y * (A @ Y)), lambda Y: -2 * A @ Y)
    return objective, -np.sum(np.linalg.eigvalsh(A)[-space.n :])


@pytest.mark.parametrize("section", ["closed", "transported"])
@pytest.mark.parametrize("kind", [Stiefel, Grassmann])
def test_adam_finds_the_leading_eigenspace_with_both_sections(kind, section):
    space = kind(128, 8, section=section)
    objective, best = eigenspace(symmetric(128, 8), space)

    def errors(rate):
        run = minimize(objective, space.random(1), space=space, rule=Adam(learning_rate=rate), steps=300)
        assert space.error(run.last_point) <= 2e-14
        return [(record.loss - best) / abs(best) for record in run.history]

    constant = errors(1e-2)
    assert constant[100] <= 1e-4
    assert constant[300] <= 1e-6
    assert -1e-14 <= errors(Cosine(3e-2, 0.0, 300))[300] <= 1e-12


def test_principal_components_are_those_of_the_singular_value_decomposition():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 30)) * np.r_[6.0, 5.0, 4.0, np.ones(27)]
    space = Grassmann(30, 3)
    objective, best = eigenspace(X.T @ X, space)
    result = minimize(objective, space.random(0), space=space, rule="l-bfgs", tolerance=1e-6)
    assert result.status is Status.CONVERGED
    assert result.value == pytest.approx(best, rel=1e-14)
    components = np.linalg.svd(X)[2][:3].T
    assert float(space.distance(result.point, components)) < 1e-7


def test_the_cost_of_brockett_sorts_the_eigenvectors():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((60, 60))
    A, weights = A + A.T, np.arange(5.0, 0.0, -1.0)
    space = Stiefel(60, 5)
    objective = objective_on(space, lambda Y: np.sum(Y * (A @ Y) * weights), lambda Y: 2 * (A @ Y) * weights)
    result = minimize(objective, space.random(1), space=space, rule=LBFGS(), steps=2000, tolerance=1e-6)
    values, vectors = np.linalg.eigh(A)
    assert result.status is Status.CONVERGED
    assert result.value == pytest.approx(values[:5] @ weights, rel=1e-13)
    np.testing.assert_allclose(np.abs(vectors[:, :5].T @ result.point), np.eye(5), atol=1e-5)


@pytest.mark.parametrize("kind", [Stiefel, Grassmann])
def test_pymanopt_ends_at_the_same_minimum(kind):
    pymanopt = pytest.importorskip("pymanopt")
    from pymanopt import manifolds, optimizers

    A, weights = symmetric(40, 4), np.arange(4.0, 0.0, -1.0) if kind is Stiefel else np.ones(4)
    space, manifold = kind(40, 4), getattr(manifolds, kind.__name__)(40, 4)

    def value(Y):
        return float(np.sum(Y * (A @ Y) * weights))

    def gradient(Y):
        return 2 * (A @ Y) * weights

    start = space.random(1)
    ours = minimize(objective_on(space, value, gradient), start, space=space, rule="l-bfgs", tolerance=1e-7)
    cost, slope = (pymanopt.function.numpy(manifold)(one) for one in (value, gradient))
    problem = pymanopt.Problem(manifold, cost, euclidean_gradient=slope)
    theirs = optimizers.ConjugateGradient(verbosity=0, max_iterations=2000).run(problem, initial_point=start)
    assert ours.value <= theirs.cost + 1e-12
    assert ours.value == pytest.approx(theirs.cost, abs=1e-8)


def williamson(N, seed):
    """A positive definite matrix with the symplectic eigenvalues from 1 to 3, and these."""
    values, S = np.linspace(1, 3, N), SymplecticStiefel(N, N).random(seed)
    A = (S.T * np.r_[values, values]) @ S
    return (A + A.T) / 2, values


@pytest.mark.parametrize("rate", [3e-3, 1e-2, 3e-2])
def test_the_smallest_symplectic_trace_at_three_rates(rate):
    A, values = williamson(20, seed=0)
    space = SymplecticStiefel(20, 3)
    objective = objective_on(space, lambda U: np.sum(U * (A @ U)), lambda U: 2 * A @ U)
    best = 2 * np.sum(values[:3])
    result = minimize(
        objective, space.random(1), space=space, rule=Adam(learning_rate=Cosine(rate, 0.0, 3000)), steps=3000
    )
    assert abs(result.value - best) <= 1e-12 * best
    assert np.max(np.abs(space.form.pair(result.point, result.point) - np.eye(6))) <= 2e-14
    quick = minimize(objective, space.random(1), space=space, rule="l-bfgs", tolerance=1e-9)
    assert quick.value == pytest.approx(best, rel=1e-13)


def complex_frame(X, n):
    """The orthonormal symplectic frame of the leading left singular vectors of the data as complex vectors."""
    N = len(X) // 2
    Q = np.linalg.svd(X[:N] + 1j * X[N:])[0][:, :n]
    return np.block([[Q.real, -Q.imag], [Q.imag, Q.real]])


def test_a_proper_symplectic_decomposition_beats_the_complex_one():
    """The reduction of snapshots: below the complex decomposition, above the bound without symplecticity."""
    space = SymplecticGrassmann(16, 3)
    X = np.random.default_rng(4).standard_normal((32, 8))
    value, gradient = projection_cost(space)
    start = complex_frame(X, 3)
    assert space.belongs(start)
    objective = objective_on(space, value, gradient)
    result = minimize(objective, start, space=space, rule="l-bfgs", steps=800, tolerance=1e-6)
    bound = 0.5 * np.sum(np.linalg.svd(X)[1][6:] ** 2)
    assert bound <= result.value < 0.9 * objective.value(start)
    assert space.belongs(result.point, tolerance=1e-12)
    other = minimize(objective, start, space=space, rule=Adam(learning_rate=Cosine(0.02, 0.0, 500)), steps=500)
    assert bound <= other.value < 0.9 * objective.value(start)
    turn = SymplecticStiefel(3, 3).random(3)
    assert value(result.point @ turn) == pytest.approx(result.value, rel=1e-10)
