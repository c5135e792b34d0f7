"""Projections: the pseudo-inverse theorem, deep linear networks, quotient norms, related states, fixed points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.naturality.deep_linear import (
    balanced_co_metric,
    conserved,
    factored_flow,
    product_co_metric,
    product_projection,
    reduced_flow,
)
from solvers.naturality.optimizers.natural_gradient import (
    gauss_newton,
    natural_gradient,
    natural_gradient_damped,
    natural_gradient_pseudo_inverse,
)
from solvers.naturality.optimizers.second_order import newton
from solvers.naturality.problem import Problem
from solvers.naturality.problems import vector_problems
from solvers.naturality.projection import Projection
from solvers.naturality.quotient_norms import (
    euclidean_oracle,
    quotient_oracle,
    sign_oracle,
    spectral_oracle,
    zonotope_oracle,
)
from solvers.naturality.relation import fixed_points_kept, relation
from solvers.naturality.spec import OptimizerSpec
from solvers.naturality.submersion import submersion, velocity


def plain(update, name="plain"):
    """A spec without memory."""

    def step(problem, state, rate):
        return {"point": state["point"] + rate * update(problem.gradient(state["point"]))}

    return OptimizerSpec(name=name, init=lambda p, theta: {"point": theta}, step=step, slots={"point": "point"})


DESCENT = plain(lambda g: -g, "gradient descent")
SIGN = plain(lambda g: -np.sign(g), "sign")


def bent():
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((3, 6)), rng.standard_normal((3, 6))
    return Projection(lambda x: A @ x + 0.5 * np.tanh(B @ x) + 0.1 * (B @ x) ** 2, source=6, target=3, name="bent")


@pytest.mark.parametrize("problem", vector_problems(3), ids=lambda problem: problem.name)
def test_the_pseudo_inverse_theorem(problem):
    """J F^+ J^T = G'^-1 for F = J^T G' J, at twenty points of a bent projection."""
    found = submersion(natural_gradient_pseudo_inverse(), problem, bent(), points=20)
    assert found.related_defect <= 1e-10
    assert found.projectable_defect <= 1e-10
    assert found.verdict == "measured"


def test_damping_and_plain_gradients_are_not_natural():
    problem, rates = vector_problems(3)[0], 10.0 ** -np.arange(3, 7)
    defects = [
        submersion(natural_gradient_damped(damping=damping), problem, bent(), below=natural_gradient()).related_defect
        for damping in rates
    ]
    slopes = np.diff(np.log(defects)) / np.diff(np.log(rates))
    assert np.abs(slopes - 1).max() <= 0.02
    found = submersion(DESCENT, problem, bent())
    assert found.related_defect >= 0.1
    assert found.verdict == "refuted"
    assert found.claims[0].evidence["worst_point"]


def test_gradient_descent_is_natural_where_the_rows_are_orthonormal():
    rows = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 3)))[0].T
    assert submersion(DESCENT, vector_problems(3)[0], Projection.linear(rows)).verdict == "measured"
    assert submersion(DESCENT, vector_problems(3)[0], Projection.linear(2 * rows)).verdict == "refuted"
    # the projected velocity does not depend on the fibre: it can be projected, to another co-metric
    assert submersion(DESCENT, vector_problems(3)[0], Projection.linear(2 * rows)).claims[1].verdict == "measured"


def test_an_optimizer_that_does_not_move_is_undecided():
    found = submersion(plain(lambda g: 0 * g), vector_problems(3)[0], bent())
    assert [claim.verdict for claim in found.claims] == ["undecided", "undecided"]


def test_fibres():
    projection, rng = bent(), np.random.default_rng(2)
    theta = rng.standard_normal(6)
    other = projection.same_fibre(theta, theta + 0.3 * rng.standard_normal(6))
    np.testing.assert_allclose(projection(other), projection(theta), atol=1e-11)
    assert np.linalg.norm(other - theta) > 0.1
    never = Projection(lambda x: np.stack([np.exp(x[0])]), source=1, target=1)
    with pytest.raises(InputError, match="fibre"):
        never.same_fibre(np.array([0.0]), np.array([-800.0]))


# deep linear networks


def factors(seed=0, widths=(3, 4, 2)):
    rng = np.random.default_rng(seed)
    inputs, hidden, outputs = widths
    return rng.standard_normal((hidden, inputs)), rng.standard_normal((outputs, hidden))


def flat(W1, W2):
    return np.concatenate([W1.ravel(), W2.ravel()])


def test_the_co_metric_of_a_product_is_that_of_its_jacobian():
    W1, W2 = factors()
    J = product_projection((3, 4, 2)).jacobian(flat(W1, W2))
    E = np.random.default_rng(1).standard_normal((2, 3))
    np.testing.assert_allclose(product_co_metric(W1, W2)(E).ravel(), J @ J.T @ E.ravel(), rtol=1e-12)


def test_on_the_balanced_leaf_the_co_metric_is_a_function_of_the_product():
    rng = np.random.default_rng(3)
    U, values, Vt = np.linalg.svd(rng.standard_normal((2, 3)), full_matrices=False)
    R = np.linalg.qr(rng.standard_normal((4, 2)))[0]
    W1, W2 = R @ np.diag(np.sqrt(values)) @ Vt, U @ np.diag(np.sqrt(values)) @ R.T
    assert np.abs(conserved(W1, W2)).max() < 1e-14
    E = rng.standard_normal((2, 3))
    np.testing.assert_allclose(product_co_metric(W1, W2)(E), balanced_co_metric(W2 @ W1)(E), rtol=1e-10)


def test_on_a_leaf_of_a_multiple_of_the_identity_too():
    """W1 W1^T - W2^T W2 = lambda I for square factors, with either sign of lambda."""
    rng = np.random.default_rng(9)
    B, E = rng.standard_normal((3, 3)), rng.standard_normal((3, 3))
    values, vectors = np.linalg.eigh(B.T @ B + 0.7 * np.eye(3))
    longer = (vectors * np.sqrt(values)) @ vectors.T @ np.linalg.qr(rng.standard_normal((3, 3)))[0]
    for W1, W2, offset in ((longer, B, 0.7), (B.T, longer.T, -0.7)):
        np.testing.assert_allclose(conserved(W1, W2), offset * np.eye(3), atol=1e-12)
        expected = product_co_metric(W1, W2)(E)
        np.testing.assert_allclose(balanced_co_metric(W2 @ W1, offset=offset)(E), expected, rtol=1e-10)
    with pytest.raises(InputError, match="offset"):
        balanced_co_metric(np.ones((2, 3)), offset=1.0)


def test_product_and_conserved_matrix_do_not_determine_the_velocity_of_two_hidden_units():
    """Points with the same W2 W1 and the same W1 W1^T - W2^T W2 and another co-metric: with two hidden units or more
    the conserved matrix repairs the projection on leaves of multiples of the identity alone."""
    from scipy.optimize import least_squares

    W1, W2 = factors(10, (2, 2, 2))
    C, E = conserved(W1, W2), np.eye(2)

    def moved(g):
        g = g.reshape(2, 2)
        return g @ W1, W2 @ np.linalg.inv(g)

    def rest(g):
        return np.r_[(conserved(*moved(g)) - C)[np.triu_indices(2)], g[1] - 0.3]

    found = least_squares(rest, [1.0, 0.3, 0.0, 1.0], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    other = moved(found.x)
    assert np.abs(found.fun).max() < 1e-10
    np.testing.assert_allclose(other[1] @ other[0], W2 @ W1, atol=1e-10)
    change = product_co_metric(*other)(E) - product_co_metric(W1, W2)(E)
    assert np.abs(change).max() > 0.1


def test_gradient_descent_cannot_be_projected_and_rotations_of_the_hidden_units_do_not_matter():
    problem = vector_problems(6)[0]
    pi, (W1, W2) = product_projection((3, 4, 2)), factors()
    found = submersion(DESCENT, problem, pi, points=[flat(W1, W2)])
    assert found.projectable_defect > 0.1
    rng = np.random.default_rng(4)
    T = np.eye(4) + 0.3 * rng.standard_normal((4, 4))
    R = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    moved, turned = (np.linalg.inv(T) @ W1, W2 @ T), (R.T @ W1, W2 @ R)
    above = pi.pull_back(problem)

    def projected(W1, W2):
        return pi.jacobian(flat(W1, W2)) @ velocity(DESCENT, above, flat(W1, W2))

    here = projected(W1, W2)
    assert np.linalg.norm(projected(*moved) - here) > 0.1 * np.linalg.norm(here)
    np.testing.assert_allclose(R @ conserved(*turned) @ R.T, conserved(W1, W2), atol=1e-12)  # the same leaf
    np.testing.assert_allclose(projected(*turned), here, rtol=1e-10)


@pytest.mark.parametrize("Q", [0.0, 0.5, 2.0])
def test_the_reduced_equation_of_a_product(Q):
    w = 0.3
    a = np.sqrt((Q + np.sqrt(Q * Q + 4 * w * w)) / 2)
    b = w / a
    end = factored_flow(a, b, lambda w: w - 1.0, time=1.0)
    assert abs(end[0] ** 2 - end[1] ** 2 - Q) <= 1e-8
    assert abs(end[0] * end[1] - reduced_flow(w, Q, lambda w: w - 1.0, time=1.0)) <= 1e-8


def test_thin_networks_are_refused():
    with pytest.raises(InputError, match="widths"):
        product_projection((3, 1, 3))


# quotient norms


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 10**6))
def test_signs_go_to_the_corners_of_a_zonotope(seed):
    rng = np.random.default_rng(seed)
    P, g = rng.standard_normal((3, 8)), rng.standard_normal(3)
    np.testing.assert_allclose(quotient_oracle(sign_oracle, P)(g), zonotope_oracle(P)(g), atol=1e-12)


@pytest.mark.parametrize("name", ["signs", "euclidean", "spectral"])
def test_the_quotient_oracle_maximises_over_the_projected_ball(name):
    """Its answer has the dual norm of P^T g as its value, and no projected point of the ball has more."""
    rng = np.random.default_rng(5)
    P, g = rng.standard_normal((2, 6)), rng.standard_normal(2)
    oracle, ball = {
        "signs": (sign_oracle, lambda u: u / np.abs(u).max()),
        "euclidean": (euclidean_oracle, lambda u: u / np.linalg.norm(u)),
        "spectral": (spectral_oracle((2, 3)), lambda u: u / np.linalg.norm(u.reshape(2, 3), 2)),
    }[name]
    best = g @ quotient_oracle(oracle, P)(g)
    assert abs(best - (P.T @ g) @ oracle(P.T @ g)) < 1e-12
    sampled = max(g @ (P @ ball(rng.standard_normal(6))) for _ in range(2000))
    assert 0.6 * best < sampled <= best + 1e-12


def test_sign_descent_is_natural_for_the_quotient_norm():
    P = np.random.default_rng(6).standard_normal((3, 8))
    oracle = quotient_oracle(sign_oracle, P)
    below = plain(lambda g: -oracle(g), "quotient sign")
    assert submersion(SIGN, vector_problems(3)[0], Projection.linear(P), below=below).related_defect <= 1e-12
    assert submersion(SIGN, vector_problems(3)[0], Projection.linear(P)).verdict == "refuted"


# related states and fixed points


def averages(natural):
    """Averages of the gradient and of its outer product; a natural one pushes the step by a co-metric."""

    def init(problem, theta):
        return {"point": theta, "m": 0 * theta, "H": np.zeros((theta.size,) * 2)}

    def step(problem, state, rate):
        g = problem.gradient(state["point"])
        m, H = 0.9 * state["m"] + 0.1 * g, 0.9 * state["H"] + 0.1 * np.outer(g, g)
        return {"point": state["point"] - rate * (m if natural else np.sign(m)), "m": m, "H": H}

    return OptimizerSpec(name="averages", init=init, step=step, slots={"point": "point", "m": "covector", "H": "cov2"})


def test_covectors_and_metrics_stay_related_along_a_co_isometry():
    P = Projection.linear(np.linalg.qr(np.random.default_rng(7).standard_normal((5, 2)))[0].T)
    found = relation(averages(True), vector_problems(2)[0], P, np.arange(5.0) / 3)
    assert found.worst <= 1e-12
    broken = relation(averages(False), vector_problems(2)[0], P, np.arange(5.0) / 3)
    assert broken.worst > 1e-3


def test_relation_refuses_what_has_no_relation():
    with pytest.raises(InputError, match="linear"):
        relation(averages(True), vector_problems(3)[0], bent(), np.ones(6))
    with pytest.raises(InputError, match="a point of 4 numbers"):
        relation(averages(True), vector_problems(2)[0], Projection.linear(np.eye(2, 3)), np.ones(4))
    with pytest.raises(InputError, match="rate"):
        relation(averages(True), vector_problems(2)[0], Projection.linear(np.eye(2, 3)), np.ones(3), rate=-1.0)
    odd = OptimizerSpec(
        name="odd",
        init=lambda p, theta: {"point": theta, "v": theta**2},
        step=lambda p, state, rate: state,
        slots={"point": "point", "v": "diag_cov2"},
    )
    with pytest.raises(InputError, match="diag_cov2"):
        relation(odd, vector_problems(2)[0], Projection.linear(np.eye(2, 3)), np.ones(3))


def duplicates():
    """A network of three neurons, of which the first two can be exchanged."""
    rng = np.random.default_rng(8)
    x, y = rng.standard_normal((9, 2)), rng.standard_normal(9)

    def model(theta):
        rows = theta.reshape(3, 3)
        return (np.tanh(x @ rows[:, 1:].T) * rows[:, 0]).sum(1)

    problem = Problem(size=9, model=model, output_loss=lambda z: 0.5 * (z - y) ** 2)
    swap = np.kron(np.eye(3)[[1, 0, 2]], np.eye(3))
    theta = rng.standard_normal((3, 3))
    theta[1] = theta[0]
    return problem, swap, theta.ravel()


@pytest.mark.parametrize("spec", [DESCENT, SIGN, natural_gradient_damped(), averages(False)], ids=lambda s: s.name)
def test_equal_neurons_stay_equal(spec):
    problem, swap, theta = duplicates()
    assert fixed_points_kept(spec, problem, swap, theta, rate=0.01) < 1e-13


def test_an_optimizer_without_the_symmetry_leads_away_from_the_fixed_points():
    problem, swap, theta = duplicates()
    weights = np.linspace(1, 2, 9)
    assert fixed_points_kept(plain(lambda g: -weights * g), problem, swap, theta, rate=0.01) > 1e-3
    with pytest.raises(InputError, match="point"):
        fixed_points_kept(DESCENT, problem, swap, theta + np.arange(9))
    with pytest.raises(InputError, match="symmetry"):
        fixed_points_kept(DESCENT, problem, np.diag([2.0] + [1.0] * 8), np.r_[0.0, theta[1:]])


def test_bad_input():
    with pytest.raises(InputError, match="projection"):
        Projection(lambda x: x, source=2, target=3)
    with pytest.raises(InputError, match="projection"):
        Projection.linear(np.ones((2, 3)))
    with pytest.raises(InputError, match="shape"):
        Projection(lambda x: x, source=3, target=2)(np.ones(3))
    with pytest.raises(InputError, match="problem"):
        bent().pull_back(vector_problems(2)[0])
    flat_map = Projection(lambda x: np.stack([(x**2).sum()]), source=2, target=1, name="square")
    with pytest.raises(InputError, match="full rank"):
        submersion(newton(), Problem(lambda x: x[0] ** 2, size=1), flat_map, points=[[0.0, 0.0]])
    with pytest.raises(InputError, match="segments"):
        zonotope_oracle(np.ones((1, 30)))
    with pytest.raises(InputError, match="independent"):
        quotient_oracle(sign_oracle, np.ones((2, 4)))


@pytest.mark.parametrize("points", [[], [[1.0, 2.0]], [[np.nan] * 6], "ab", 2.5, 0])
def test_no_verdict_without_points(points):
    with pytest.raises(InputError, match="points"):
        submersion("gradient-descent", vector_problems(3)[0], bent(), points=points)


def test_what_does_not_fit_a_projection_is_refused():
    problem = vector_problems(3)[0]
    with pytest.raises(InputError, match="problem=None"):
        submersion("gradient-descent", None, bent())
    with pytest.raises(InputError, match="projection=None"):
        submersion("gradient-descent", problem, None)
    with pytest.raises(InputError, match="a field"):
        submersion(lambda problem, theta: np.ones(7), problem, bent())
    with pytest.raises(InputError, match="rate"):
        submersion("gradient-descent", problem, bent(), rate=0.0)


def test_gauss_newton_below_needs_no_pseudo_inverse():
    found = submersion(natural_gradient_pseudo_inverse(), vector_problems(3)[0], bent(), below=natural_gradient())
    assert found.verdict == "measured"
    assert submersion(gauss_newton(), vector_problems(3)[0], Projection.linear(np.eye(3))).verdict == "measured"
