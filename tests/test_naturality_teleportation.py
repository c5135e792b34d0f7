"""Teleportation and naturality: what a teleport changes, which optimizers conserve, and what they can feel."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers import minimize, teleport
from solvers.felt_symmetries import UselessTeleport, felt_symmetries, unfelt_fields, why_useless
from solvers.naturality.optimizers.natural_gradient import metric_descent
from solvers.naturality.problem import Problem
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.remedies.inertia import natural_inertia
from solvers.naturality.spec import OptimizerSpec
from solvers.naturality.teleportation import can_teleportation_help, charge_drift, orbit_cosine, teleport_effect
from solvers.objective import Objective
from solvers.rates import cannot_help
from solvers.rules import LBFGS, Adam, AdamW, GradientDescent, HeavyBall, Lion, Nesterov, Newton, SciPy
from solvers.schedules import At
from solvers.step_sizes import Armijo
from symmetries import Affine, GroupAction, Loss, VectorField, derive

HIDDEN = 2


def samples(seed=0):
    """Inputs and targets of seven samples."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((7, 3)), rng.standard_normal((7, 2))


def network(seed=0):
    """A two-layer linear network of 3 inputs, 2 hidden units, 2 outputs, as a problem of 10 parameters."""
    x, y = samples(seed)

    def model(theta):
        return (x @ theta[:6].reshape(2, 3).T @ theta[6:].reshape(2, 2).T).reshape(-1)

    return Problem(size=10, model=model, output_loss=lambda z: 0.5 * (z - y.reshape(-1)) ** 2 / 7)


def matrix_of(g):
    """The matrix of (W1, W2) -> (g W1, W2 g^-1)."""
    return scipy.linalg.block_diag(np.kron(g, np.eye(3)), np.kron(np.eye(2), np.linalg.inv(g).T))


def generator_of(X):
    """The matrix of (W1, W2) -> (X W1, -W2 X)."""
    return scipy.linalg.block_diag(np.kron(X, np.eye(3)), np.kron(np.eye(2), -X.T))


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


GROUPS = {
    "O(h)": turn(0.7) @ np.diag([1.0, -1.0]),
    "signed permutation": np.array([[0.0, -1.0], [1.0, 0.0]]),
    "diagonal": np.diag([1.7, 0.6]),
    "GL(h)": np.array([[1.3, 0.5], [-0.4, 0.9]]),
}


def polar(G):
    """The partial isometry of a matrix: singular values above rounding become one."""
    left, values, right = np.linalg.svd(G, full_matrices=False)
    keep = values > 1e-10 * values.max()
    return left[:, keep] @ right[keep]


def muon(problem, state, rate):
    g = problem.gradient(state["point"])
    moved = np.concatenate([polar(g[:6].reshape(2, 3)).ravel(), polar(g[6:].reshape(2, 2)).ravel()])
    return {"point": state["point"] - rate * moved}


MUON = OptimizerSpec(
    name="layerwise muon", init=lambda p, theta: {"point": theta}, step=muon, slots={"point": "point"}, rate=0.02
)


def kfac(damping):
    """Each layer preconditioned by the second moments of its inputs and of the slopes of its outputs."""
    x, y = samples()

    def step(problem, state, rate):
        W1, W2 = state["point"][:6].reshape(2, 3), state["point"][6:].reshape(2, 2)
        h = x @ W1.T
        slopes = (h @ W2.T - y) / 7
        layers = ((slopes @ W2, x), (slopes, h))
        moved = []
        for s, a in layers:
            S, A = s.T @ s + damping * np.eye(2), a.T @ a + damping * np.eye(a.shape[1])
            moved.append((np.linalg.solve(S, s.T @ a) @ np.linalg.inv(A)).ravel())
        return {"point": state["point"] - rate * np.concatenate(moved)}

    return OptimizerSpec(
        name="kfac", init=lambda p, theta: {"point": theta}, step=step, slots={"point": "point"}, rate=0.01
    )


PSEUDO = metric_descent("pseudo", lambda problem, point: problem.gauss_newton(point), rate=0.1, pseudo=True)
DAMPED = metric_descent(
    "damped", lambda problem, point: problem.gauss_newton(point) + 0.1 * np.eye(point.size), rate=0.1
)

TABLE = {
    "gradient-descent": (OPTIMIZERS["gradient-descent"], {"O(h)", "signed permutation"}),
    "heavy-ball": (OPTIMIZERS["heavy-ball"], {"O(h)", "signed permutation"}),
    "sign-descent": (OPTIMIZERS["sign-descent"], {"signed permutation"}),
    "adam": (OPTIMIZERS["adam"], {"signed permutation"}),
    "root-free-adam": (OPTIMIZERS["root-free-adam"], {"signed permutation", "diagonal"}),
    "muon": (MUON, {"O(h)", "signed permutation"}),
    "newton": (OPTIMIZERS["newton"], set(GROUPS)),
    "pseudo-inverse": (PSEUDO, {"O(h)", "signed permutation"}),
    "damped": (DAMPED, {"O(h)", "signed permutation"}),
    "kfac": (kfac(0.0), set(GROUPS)),
    "kfac-damped": (kfac(0.1), {"O(h)", "signed permutation"}),
}
"""Optimizers with the groups along which a teleport changes nothing."""


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", TABLE)
def test_the_table_of_teleports(name, group):
    spec, natural = TABLE[name]
    theta = np.random.default_rng(1).standard_normal(10)
    rate = 0.002 if name == "root-free-adam" else 0.02
    rate = {"newton": 0.1, "pseudo-inverse": 0.1, "damped": 0.1}.get(name, rate)
    found = teleport_effect(spec, network(), theta, matrix_of(GROUPS[group]), rate=rate, steps=12)
    if group in natural:
        assert found <= 1e-10
    else:
        assert found >= 1e-4


def test_a_transformation_that_changes_the_loss_is_refused():
    with pytest.raises(InputError, match="transformation"):
        teleport_effect(MUON, network(), np.ones(10), 2 * np.eye(10))


@pytest.mark.parametrize(
    "transformation", [np.full((10, 10), np.nan), np.eye(3), np.eye(10)[:3], np.inf * np.ones((10, 10))]
)
def test_transformations_that_do_not_fit_are_refused(transformation):
    with pytest.raises(InputError, match="transformation"):
        teleport_effect(MUON, network(), np.ones(10), transformation)


def test_runs_that_diverge_differ():
    bowl = Problem(lambda x: (x**4).sum(), size=2)
    effect = teleport_effect(OPTIMIZERS["gradient-descent"], bowl, [1.0, 2.0], np.eye(2)[::-1], rate=1e6, steps=50)
    assert effect == np.inf


def test_fields_and_velocities_that_vanish_are_orthogonal():
    bowl, descent = Problem(lambda x: (x**2).sum(), size=2), OPTIMIZERS["gradient-descent"]
    assert orbit_cosine(descent, bowl, [0.0, 0.0], np.eye(2)[None]) == 0
    assert orbit_cosine(descent, bowl, [1.0, 2.0], np.zeros((1, 2, 2))) == 0
    with pytest.raises(InputError, match="the generators"):
        orbit_cosine(descent, bowl, [1.0, 2.0], np.eye(3)[None])
    with pytest.raises(InputError, match="rate"):
        charge_drift(descent, bowl, [1.0, 2.0], np.eye(2), rate=0.0, time=1.0)
    with pytest.raises(InputError, match="time"):
        charge_drift(descent, bowl, [1.0, 2.0], np.eye(2), rate=0.1, time=-1.0)
    with pytest.raises(InputError, match="no step"):
        charge_drift(descent, bowl, [1.0, 2.0], np.eye(2), rate=0.1, time=0.01)
    with pytest.raises(InputError, match="rate"):
        teleport_effect(descent, bowl, [1.0, 2.0], np.eye(2), rate=-0.1)
    with pytest.raises(InputError, match="rate"):
        orbit_cosine(descent, bowl, [1.0, 2.0], [np.eye(2)], rate=0.0)


# brackets and conservation


@settings(deadline=None, derandomize=True, max_examples=10)
@given(st.integers(0, 10**6))
def test_the_bracket_of_a_symmetry_and_gradient_flow(seed):
    """DV xi - Dxi V = (XP + PX^T) grad L, zero for the P-skew generators."""
    rng, problem = np.random.default_rng(seed), network(seed % 5)
    theta, S = rng.standard_normal(10), rng.standard_normal((10, 10))
    P, X = S @ S.T / 10, generator_of(rng.standard_normal((2, 2)))
    g, H = problem.gradient(theta), problem.hessian(theta)
    bracket = -P @ H @ X @ theta + X @ P @ g
    expected = (X @ P + P @ X.T) @ g
    assert np.abs(bracket - expected).max() <= 1e-12 * (1 + np.abs(P @ H).max() * np.abs(X @ theta).max())
    skew = generator_of(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    assert np.abs(-H @ skew @ theta + skew @ g).max() <= 1e-12 * (1 + np.abs(H).max() * np.abs(theta).max())


SYMMETRIC = [generator_of(np.array(X, dtype=float)) for X in ([[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [1, 0]])]


def test_the_discrete_noether_identity():
    problem, theta, rate = network(), np.random.default_rng(2).standard_normal(10), 0.1
    g = problem.gradient(theta)
    for X in SYMMETRIC:
        change = charge_drift(OPTIMIZERS["gradient-descent"], problem, theta, X, rate=rate, time=rate)
        assert abs(change - rate**2 * g @ X @ g / 2) <= 1e-12


def test_which_optimizers_are_orthogonal_to_the_orbits():
    """The velocities of gradients in co-metrics of the outputs are in the range of J^T, which is orthogonal to the
    orbit; the others conserve nothing."""
    problem, theta = network(), np.random.default_rng(3).standard_normal(10)
    cosines = {name: orbit_cosine(spec, problem, theta, SYMMETRIC) for name, (spec, _) in TABLE.items()}
    for name in ("gradient-descent", "pseudo-inverse", "damped"):
        assert cosines[name] <= 1e-8, name
    for name in ("newton", "sign-descent", "muon", "root-free-adam"):
        assert cosines[name] >= 0.05, name


@pytest.mark.parametrize(("name", "ratio"), [("gradient-descent", 2.0), ("pseudo-inverse", 2.0), ("damped", 2.0)])
def test_drifts_halve_with_the_rate(name, ratio):
    spec, problem, theta = TABLE[name][0], network(), np.random.default_rng(7).standard_normal(10)
    for X in SYMMETRIC:
        drifts = [charge_drift(spec, problem, theta, X, rate=rate, time=0.4) for rate in (2e-3, 1e-3)]
        assert abs(drifts[0] / drifts[1] - ratio) <= 0.05


@pytest.mark.parametrize("name", ["sign-descent", "muon"])
def test_drifts_of_optimizers_that_do_not_conserve_stay(name):
    spec, problem, theta = TABLE[name][0], network(), 0.6 * np.random.default_rng(4).standard_normal(10)
    drifts = [charge_drift(spec, problem, theta, SYMMETRIC[0], rate=rate, time=0.1) for rate in (2e-3, 1e-3)]
    assert 0.8 < drifts[0] / drifts[1] < 1.25


def test_inertia_conserves_the_skew_charges_and_not_the_symmetric_ones():
    """exp(gamma t) <theta', X theta> is constant along v' = -gamma v - grad L for skew X."""
    from scipy.integrate import solve_ivp

    problem, gamma = network(), 0.3
    start = np.random.default_rng(5).standard_normal(20) * 0.5

    def motion(_, state):
        return np.concatenate([state[10:], -gamma * state[10:] - problem.gradient(state[:10])])

    end = solve_ivp(motion, (0, 2), start, method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    skew = generator_of(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    charges = [state[10:] @ skew @ state[:10] for state in (start, end)]
    assert abs(np.exp(2 * gamma) * charges[1] - charges[0]) <= 1e-8
    symmetric = [state[10:] @ SYMMETRIC[0] @ state[:10] for state in (start, end)]
    assert abs(np.exp(2 * gamma) * symmetric[1] - symmetric[0]) > 1e-2


# what is felt


FACTORS = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)})
BOWL = Loss.parse("x**2 + y**2 + z**2")


@pytest.mark.parametrize(
    ("rule", "loss", "felt"),
    [
        (GradientDescent(), FACTORS, 3),
        (HeavyBall(), FACTORS, 3),
        (Nesterov(), BOWL, 0),
        (GradientDescent(), BOWL, 0),
        (Adam(), BOWL, 3),
        (Lion(), FACTORS, 4),
        (Newton(indefinite="refuse"), FACTORS, 0),
        (GradientDescent(), Loss.parse("x**2 + 9*y**2"), 1),
    ],
)
def test_what_rules_feel(rule, loss, felt):
    found = can_teleportation_help(rule, derive(loss))
    assert (found.felt_dimension, found.can_help, found.claim.verdict) == (felt, felt > 0, "proved")
    assert len(found.felt) == felt
    if isinstance(rule, GradientDescent | HeavyBall):
        assert all(np.array_equal(one, one.T) for one in found.felt)


def test_the_unfelt_combinations_are_skew_and_keep_the_losses():
    algebra = derive(FACTORS)
    found = felt_symmetries(GradientDescent(), algebra)
    action = GroupAction.from_algebra(algebra)
    element = action.exp(0.8 * found.unfelt[0])
    w = np.random.default_rng(6).standard_normal(8)
    np.testing.assert_allclose(np.linalg.norm(action.apply(element, w)), np.linalg.norm(w), rtol=1e-12)


def test_translations_are_felt_by_weight_decay_alone():
    slope = derive(Loss.parse("(x - y)**2", ["x", "y"]), ansatz=Affine())
    plain, decayed = (felt_symmetries(rule, slope) for rule in (Adam(), AdamW()))
    assert plain.felt_dimension == slope.dimension - 1
    assert decayed.felt_dimension == slope.dimension
    assert plain.felt is None  # the fields are affine, not linear


def test_nonlinear_symmetries_are_felt():
    action = GroupAction.catalogued("rosenbrock")
    assert can_teleportation_help("gradient-descent", action).can_help


@pytest.mark.parametrize(
    "rule", [Newton(), Newton(indefinite="refuse", damping=0.1), LBFGS(), GradientDescent(learning_rate=Armijo())]
)
def test_what_is_not_known_exactly_is_undecided(rule):
    assert unfelt_fields(rule) is None
    found = felt_symmetries(rule, derive(BOWL))
    assert (found.can_help, found.claim.verdict) == (None, "undecided")


@pytest.mark.parametrize("formula", ["x**2 + y**2", "x**2 + 9*y**2", "x**2 - y**2", "(x - y)**2"])
def test_it_agrees_with_the_decay_rates_in_the_euclidean_metric(formula):
    """Two programs: one of whole algebras, one of single generators."""
    action = GroupAction.from_algebra(derive(Loss.parse(formula)))
    useless = felt_symmetries(GradientDescent(), action).can_help is False
    assert useless == (cannot_help(action).verdict == "proved")


def test_finite_groups_and_unknown_fields_are_undecided():
    unknown = VectorField({"x": "sin(y)", "y": "0*x"})
    assert felt_symmetries(GradientDescent(), [unknown]).can_help is None


def test_parameters_that_do_not_move_are_parameters():
    """(x, y) -> (x + t z, y - t w) keeps x w + y z, and is no translation: z and w are parameters too."""
    shear = VectorField.from_polynomials({"x": {(("z", 1),): Fraction(1)}, "y": {(("w", 1),): Fraction(-1)}})
    found = felt_symmetries(GradientDescent(), [shear])
    assert (found.felt_dimension, found.can_help) == (1, True)
    assert found.felt[0].shape == (4, 4)


def test_newton_above_its_dense_limit_is_undecided():
    assert felt_symmetries(Newton(indefinite="refuse", dense_limit=2), derive(BOWL)).can_help is None


@pytest.mark.parametrize("size", [1e9, 1e-7, 1e-200])
def test_the_units_of_generators_do_not_matter(size):
    turned, squeezed = np.array([[0.0, size], [-size, 0.0]]), np.diag([1.0, -1.0])
    found = can_teleportation_help("gradient-descent", np.array([turned, squeezed]))
    assert (found.felt_dimension, found.can_help) == (1, True)
    np.testing.assert_allclose(np.abs(found.unfelt), [[1.0, 0.0]], atol=1e-12)
    nearly = can_teleportation_help("gradient-descent", np.array([[[0.0, 1.0], [-1.0 + 1e-8, 0.0]]]))
    assert nearly.can_help


def test_a_generator_that_is_zero_is_not_felt():
    found = can_teleportation_help("gradient-descent", np.zeros((1, 2, 2)))
    assert (found.felt_dimension, found.can_help, found.unfelt.tolist()) == (0, False, [[1.0]])


def test_newton_that_changes_indefinite_hessians_is_undecided():
    """Its algebra at convex problems is that of all matrices; at others it is not."""
    assert can_teleportation_help("newton", np.diag([1.0, -1.0])[None]).can_help is None


def test_specs_are_measured():
    skew, diagonal = np.zeros((2, 3, 3)), np.diag([1.0, -1.0, 0.0])
    skew[0, 0, 1], skew[0, 1, 0] = 1.0, -1.0
    skew[1] = diagonal
    found = can_teleportation_help(OPTIMIZERS["normalised-gradient-descent"], skew)
    assert (found.felt_dimension, found.claim.verdict) == (1, "measured")
    np.testing.assert_allclose(np.abs(found.unfelt), [[1.0, 0.0]], atol=1e-8)
    by_diagonals = can_teleportation_help("root-free-rmsprop", skew)
    np.testing.assert_allclose(np.abs(by_diagonals.unfelt), [[0.0, 1.0]], atol=1e-6)
    assert can_teleportation_help(OPTIMIZERS["adam"], derive(BOWL)).felt_dimension == 3
    large = can_teleportation_help(natural_inertia(), np.ones((1, 12, 12)))
    assert large.claim.verdict == "undecided"


def test_matrices_with_rules():
    matrices = np.array([generator_of(X) for X in np.eye(4).reshape(4, 2, 2)])
    found = can_teleportation_help("gradient-descent", matrices)
    assert (found.dimension, found.felt_dimension, found.claim.verdict) == (4, 3, "measured")


@pytest.mark.parametrize("symmetry", ["so(2)", np.eye(3), np.full((1, 2, 2), np.nan), []])
def test_bad_symmetries(symmetry):
    with pytest.raises(InputError):
        can_teleportation_help("gradient-descent", symmetry)


def test_nonlinear_generators_of_a_spec_are_refused():
    with pytest.raises(InputError, match="not linear"):
        can_teleportation_help(OPTIMIZERS["adam"], GroupAction.catalogued("rosenbrock"))


# the warning


def test_minimize_warns_once_and_says_why():
    turn_action = GroupAction.from_algebra(derive(BOWL))
    start = {"x": 1.0, "y": 0.5, "z": -1.0}
    with pytest.warns(UselessTeleport, match="cannot feel") as caught:
        result = minimize(BOWL, start, rule="heavy-ball", steps=6, teleport=At([1, 3], along=turn_action))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert all("cannot feel" in one.evidence["cannot_help"] for one in result.teleports)


def test_it_does_not_warn_where_a_teleport_may_help():
    turn_action = GroupAction.from_algebra(derive(BOWL))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        minimize(BOWL, [1.0, 0.5, -1.0], rule="adam", steps=2, teleport=At([1], along=turn_action))
        minimize(FACTORS, np.ones(8), rule="gradient-descent", learning_rate=0.01, steps=2, data={"Y": np.eye(2)})
        minimize(BOWL, [1.0, 0.5, -1.0], rule="heavy-ball", steps=2, teleport=At([1], along=turn_action, state="keep"))
        other = Objective.from_functions(lambda w: float(w[0] ** 2), lambda w: np.array([2 * w[0], 0, 0]), size=3)
        elsewhere = At([1], along=turn_action, objective=Objective.from_loss(BOWL))
        minimize(other, [1.0, 0.5, -1.0], rule="gradient-descent", steps=2, teleport=elsewhere)
    assert caught == []


def test_a_search_along_isometries_says_that_the_gradient_norm_is_constant():
    turn_action = GroupAction.from_algebra(derive(BOWL))
    found = teleport(BOWL, [1.0, 0.5, -1.0], along=turn_action)
    assert "isometries" in found.evidence["cannot_help"]
    assert (
        "cannot_help"
        not in teleport(
            GroupAction.catalogued("booth").loss, [5.0, -5.0], along=GroupAction.catalogued("booth")
        ).evidence
    )


def test_no_reason_without_a_group_or_a_rule():
    assert why_useless(GradientDescent(), None) is None
    assert why_useless(SciPy("BFGS"), GroupAction.from_algebra(derive(BOWL))) is None


def test_the_runs_really_are_the_same():
    """The proved verdict against the losses of two runs."""
    action = GroupAction.from_algebra(derive(BOWL))
    start = np.array([1.0, 0.5, -1.0])
    moved = action.apply(action.exp([0.3, -0.8, 0.5]), start)
    losses = [[record.loss for record in minimize(BOWL, w, rule="heavy-ball", steps=8).history] for w in (start, moved)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-12)
