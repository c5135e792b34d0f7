import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from space_costs import cost_on, problem_on
from space_table import GEODESIC, HOMOGENEOUS, TRANSPORTED

from manifolds.errors import InputError
from manifolds.space_products import Product
from manifolds.spaces import Stiefel, SymplecticStiefel
from manifolds.vector_spaces import Euclidean
from solvers.batches import MiniBatches
from solvers.learning_rates import Cosine
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize
from solvers.network import Network
from solvers.objective import Objective
from solvers.rules import Adam, SciPy
from solvers.running.coordinates import EuclideanCoordinates
from solvers.running.limited_memory_stepper import LimitedMemoryStepper
from solvers.running.transport import transport_state
from solvers.schedules import At
from solvers.status import Status
from solvers.step_sizes import Armijo
from solvers.steps.limited_memory import LBFGS, quasi_newton, slot_names
from solvers.steps.wolfe_search import Trial, WolfeSearch
from symmetries import GroupAction, Loss

ROSENBROCK = Objective.from_functions(rosen, rosen_der, size=10)
START = np.tile([-1.2, 1.0], 5)


def dense_inverse(pairs, size):
    """The matrix that the recursion applies, by its rank-two updates."""
    s, y, product = pairs[0]
    H = product / (y @ y) * np.eye(size)
    for s, y, product in reversed(pairs):
        left = np.eye(size) - np.outer(s, y) / product
        H = left @ H @ left.T + np.outer(s, s) / product
    return H


def test_the_recursion_applies_the_matrix_of_its_updates():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((6, 6))
    A = A @ A.T + np.eye(6)
    pairs = [(s, A @ s, float(s @ A @ s)) for s in rng.standard_normal((4, 6))]
    g = rng.standard_normal(6)
    np.testing.assert_allclose(quasi_newton(g, pairs), -dense_inverse(pairs, 6) @ g, rtol=1e-12)
    latest = pairs[0]
    np.testing.assert_allclose(quasi_newton(latest[1], pairs), -latest[0], rtol=1e-10)
    assert np.array_equal(quasi_newton(g, []), -g)


def test_it_minimises_in_euclidean_space_as_well_as_that_of_scipy():
    ours = minimize(ROSENBROCK, START, rule="l-bfgs", tolerance=1e-9)
    theirs = minimize(ROSENBROCK, START, rule=SciPy("L-BFGS-B", options={"ftol": 0.0, "gtol": 1e-9}), tolerance=1e-9)
    assert ours.status is Status.CONVERGED
    np.testing.assert_allclose(ours.point, 1.0, atol=1e-8)
    assert ours.cost.gradients <= 1.5 * theirs.cost.gradients
    assert ours.cost.values == ours.cost.hvps == 0
    assert ours.cost.gradients <= ours.steps + 25


def test_a_quadratic_ends_in_as_many_steps_as_it_has_eigenvalues_or_few_more():
    a = np.array([1.0, 10.0, 100.0])
    quadratic = Objective.from_functions(lambda w: float(w @ (a * w)) / 2, lambda w: a * w, size=3)
    result = minimize(quadratic, np.ones(3), rule=LBFGS(), tolerance=1e-10)
    assert result.status is Status.CONVERGED
    assert result.steps <= 20


@pytest.mark.parametrize("space", [s for s in (*HOMOGENEOUS, *GEODESIC, *TRANSPORTED) if s.dimension], ids=repr)
def test_it_converges_on_every_space(space):
    objective = problem_on(space)
    result = minimize(objective, space.random(11), space=space, rule="l-bfgs", steps=600, tolerance=1e-7)
    assert result.status is Status.CONVERGED
    assert result.history[-1].gradient_norm <= 1e-7
    losses = [record.loss for record in result.history]
    assert all(after <= before + 1e-13 * abs(before) for before, after in pairwise(losses))
    assert space.belongs(result.point)
    context = space.section(result.last_point)
    assert space.norm(space.lift(context, cost_on(space)[1](result.last_point))) <= 1.01e-7


def test_it_needs_far_fewer_gradients_than_adam():
    space = Stiefel(40, 4)
    objective, start = problem_on(space), space.random(0)
    quick = minimize(objective, start, space=space, rule="l-bfgs", tolerance=1e-8)
    slow = minimize(objective, start, space=space, rule=Adam(learning_rate=Cosine(0.1, 0.0, 300)), steps=300)
    assert quick.value <= slow.value + 1e-12
    assert quick.cost.gradients < 100


def test_half_the_weight_on_the_head_matters():
    """With the plain product of entries the slope of the search would be wrong by the part of the head."""
    space = Stiefel(6, 4)
    value, gradient = cost_on(space)
    objective, Y = objective_on(space, value, gradient), space.random(1)
    step = minimize(objective, Y, space=space, rule=LBFGS(trials=1), steps=1)
    context = space.section(Y)
    D = space.lift(context, gradient(Y))
    t = step.history[1].learning_rate
    assert t == pytest.approx(1.0 / float(space.norm(D)), rel=1e-14)
    np.testing.assert_allclose(step.last_point, space.retract(context, -t * D), atol=1e-14)
    assert step.history[0].gradient_norm == pytest.approx(float(space.norm(D)), rel=1e-14)
    assert float(space.norm(D)) < 0.99 * np.linalg.norm(D)


def test_on_a_product_vectors_and_frames_share_one_memory():
    space = Product({"U": SymplecticStiefel(4, 1), "Y": Stiefel(6, 2), "b": Euclidean(3)})
    rng = np.random.default_rng(0)
    A = rng.standard_normal((3, 12))

    def parts(p):
        return A @ p["Y"].ravel() - p["b"], p["U"][:6, :2] - p["Y"]

    def value(p):
        one, other = parts(p)
        return 0.5 * float(one @ one) + 0.5 * float(np.sum(other**2))

    def gradient(p):
        one, other = parts(p)
        U = np.zeros((8, 2))
        U[:6] = other
        return {"U": U, "Y": (A.T @ one).reshape(6, 2) - other, "b": -one}

    result = minimize(objective_on(space, value, gradient), space.random(1), space=space, rule="l-bfgs", tolerance=1e-8)
    assert result.status is Status.CONVERGED
    assert space.belongs(result.point)


def test_the_trust_radius_bounds_the_search():
    space = SymplecticStiefel(5, 2)
    objective, start = problem_on(space), space.random(0)
    bounded = minimize(objective, start, space=space, rule="l-bfgs", trust_radius=0.05, steps=6)
    points = [start]
    minimize(
        objective,
        start,
        space=space,
        rule="l-bfgs",
        trust_radius=0.05,
        steps=6,
        callback=lambda state: points.append(state.point),
    )
    assert np.array_equal(points[-1], bounded.last_point)
    for before, after in pairwise(points):
        X = space.coordinates(space.section(before), after - before)
        assert float(space.norm(X)) <= 0.06
    free = minimize(objective, start, space=space, rule="l-bfgs", steps=6)
    assert free.value < bounded.value


def test_a_teleport_carries_the_memory_along():
    """Displacements as vectors, changes of the gradient as covectors: their products are what they were."""
    loss = Loss.parse("(x*y - 1)**2 + (z - 2)**2 * (x*y + 3)**2", ["x", "y", "z"])
    action = GroupAction.catalogued("homogeneous-network", widths=(1, 1, 1), activation="identity")
    stepper = LimitedMemoryStepper(LBFGS(memory=2), EuclideanCoordinates())
    rng = np.random.default_rng(0)
    state = {name: rng.standard_normal(action.space.size) for name in stepper.slots}
    w, g = rng.standard_normal(action.space.size), action.random(rng)
    moved = transport_state(stepper.slots, state, action=action, element=g, w=w)
    for k in range(2):
        (s, y), (t, z) = ([one[name] for name in slot_names(k)] for one in (state, moved))
        assert t @ z == pytest.approx(s @ y, rel=1e-12)
        assert not np.allclose(t, s)
    result = minimize(loss, [3.0, 0.1, 0.0], rule="l-bfgs", teleport=At([3], along="level-set"))
    assert result.value < 1e-15


def test_functions_that_fail_along_the_way_are_stepped_back_from():
    barrier = Objective.from_functions(
        lambda w: float(w[0] - math.log(w[0])) if w[0] > 0 else math.nan,
        lambda w: 1 - 1 / w if w[0] > 0 else w * math.nan,
        size=1,
    )
    result = minimize(barrier, [5.0], rule=LBFGS(learning_rate=50.0), tolerance=1e-9)
    assert result.status is Status.CONVERGED
    np.testing.assert_allclose(result.point, 1.0, atol=1e-8)


def test_no_lower_point_ends_the_run_where_it_is():
    wrong = Objective.from_functions(lambda w: float(w @ w), lambda w: -2 * w, size=2)
    result = minimize(wrong, [1.0, 2.0], rule="l-bfgs")
    assert result.status is Status.NO_IMPROVEMENT
    assert result.value == 5.0
    assert result.history[-1].learning_rate == 0.0


def test_values_that_differ_by_rounding_do_not_stop_it():
    offset = 1e8
    objective = Objective.from_functions(lambda w: float(rosen(w)) + offset, rosen_der, size=10)
    result = minimize(objective, START, rule="l-bfgs", tolerance=1e-6)
    assert result.status is Status.CONVERGED
    np.testing.assert_allclose(result.last_point, 1.0, atol=1e-5)


@pytest.mark.parametrize(("memory", "length"), [(1, 3), (3, 9), (10, 25)])
def test_the_search_finds_both_conditions(memory, length):
    def at(t):
        return Trial(length=t, value=math.cos(t) + 1e-3 * t * t * memory, slope=-math.sin(t) + 2e-3 * t * memory)

    start = Trial(length=0.0, value=1.0, slope=-1e-3)
    search = WolfeSearch(decrease=1e-4, curvature=0.9, trials=60)
    found = search.find(at, start, first=float(length), longest=math.inf)
    assert found.value <= 1.0 - 1e-4 * found.length * 1e-3
    assert found.slope >= -0.9e-3
    short = search.find(at, start, first=1.0, longest=0.5)
    assert short.length == 0.5


def test_one_seed_one_run():
    runs = [minimize(ROSENBROCK, START, rule="l-bfgs", steps=30).last_point for _ in range(2)]
    assert np.array_equal(*runs)


def test_what_makes_no_sense_is_refused():
    for wrong in (
        {"memory": 0},
        {"memory": 2.5},
        {"trials": 0},
        {"decrease": 0.0},
        {"decrease": 0.6},
        {"curvature": 1.0},
        {"curvature": 1e-5},
        {"learning_rate": 0.0},
        {"learning_rate": Armijo()},
        {"learning_rate": Cosine(1.0, 0.0, 5)},
    ):
        with pytest.raises(InputError):
            LBFGS(**wrong)
    with pytest.raises(InputError, match="gradient alone"):
        LBFGS().step(np.ones(2), {}, count=1, rate=1.0)
    network = Network(widths=(2, 1), inputs=np.ones((2, 8)), targets=np.ones((1, 8)), loss="squared")
    with pytest.raises(InputError, match="batches with L-BFGS"):
        minimize(network, network.initial(0), rule="l-bfgs", batches=MiniBatches(network, size=4))
    assert pickle.loads(pickle.dumps(LBFGS(memory=3))) == LBFGS(memory=3)
