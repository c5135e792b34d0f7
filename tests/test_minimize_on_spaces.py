import numpy as np
import pytest
from scipy.linalg import expm
from space_costs import (
    NAMES,
    POINTS_MOVE,
    PRODUCT,
    WITHOUT_DECAY,
    cost_on,
    distance_cost,
    error_of,
    problem_on,
    rule_of,
)
from space_table import TRANSPORTED

from manifolds.errors import InputError
from manifolds.rotations import Rotations
from manifolds.sections import closed_section
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
from manifolds.transport import horizontal_element
from manifolds.vector_spaces import Euclidean
from solvers.batches import MiniBatches
from solvers.learning_rates import Cosine
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize
from solvers.network import Network
from solvers.rules import Adam, AdamW, GradientDescent, Lion, make_rule
from solvers.status import Status
from symmetries import Loss


@pytest.mark.parametrize("space", POINTS_MOVE, ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_every_rule_lowers_a_cost_on_every_space_and_stays_there(name, space):
    objective, start = problem_on(space), space.random(11)
    result = minimize(objective, start, space=space, rule=rule_of(name), steps=12)
    assert result.history[-1].loss < result.history[0].loss
    assert result.value == min(record.loss for record in result.history)
    assert max(error_of(space, result.point), error_of(space, result.last_point)) <= 1e-13
    assert space.belongs(result.point)


@pytest.mark.parametrize("space", [Stiefel(1, 1), Grassmann(3, 3), SymplecticGrassmann(2, 2)], ids=repr)
def test_nothing_moves_where_there_is_one_point(space):
    start = space.random(0)
    objective = objective_on(space, *distance_cost(space)) if space.n == 1 else problem_on(space)
    result = minimize(objective, start, space=space, rule="adam", steps=5)
    assert result.status is Status.CONVERGED
    assert result.steps == 0
    assert np.array_equal(result.point, start)


@pytest.mark.parametrize("name", NAMES)
def test_on_a_vector_space_a_rule_is_the_plain_rule_bit_for_bit(name):
    space = Euclidean((4, 3))
    objective, start = problem_on(space), space.random(1)
    rule = make_rule(name)
    plain = minimize(objective, start.ravel(), rule=rule, steps=30)
    assert np.array_equal(minimize(objective, start, space=space, rule=rule, steps=30).point.ravel(), plain.point)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "l-bfgs"])
def test_beside_a_frame_a_vector_moves_as_it_does_alone(name):
    space = Product({"Y": Stiefel(5, 2), "b": Euclidean(3)})
    start = space.random(1)
    together = minimize(problem_on(space), start, space={"Y": Stiefel(5, 2)}, rule=make_rule(name), steps=30)
    for part, one in (("b", Euclidean(3)), ("Y", Stiefel(5, 2))):
        rule = make_rule(name, **(WITHOUT_DECAY.get(name, {}) if part == "Y" else {}))
        alone = minimize(problem_on(one), start[part], space=one, rule=rule, steps=30)
        np.testing.assert_allclose(together.last_point[part], alone.last_point, rtol=1e-14, atol=1e-14)


def test_adam_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    space = Product({"W": Euclidean((4, 3)), "b": Euclidean(3)})
    rng = np.random.default_rng(0)
    A, start = rng.standard_normal((4, 4)), space.random(1)

    def value(p):
        return float(np.sum((A @ p["W"] + p["b"]) ** 2))

    def gradient(p):
        R = 2 * (A @ p["W"] + p["b"])
        return {"W": A.T @ R, "b": R.sum(axis=0)}

    ours = minimize(objective_on(space, value, gradient), start, space=space, rule=Adam(learning_rate=1e-2), steps=100)
    weights = {name: torch.tensor(one, requires_grad=True) for name, one in start.items()}
    optimizer = torch.optim.Adam(weights.values(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        ((torch.tensor(A) @ weights["W"] + weights["b"]) ** 2).sum().backward()
        optimizer.step()
    for name, one in weights.items():
        np.testing.assert_allclose(ours.last_point[name], one.detach().numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    "space", [Stiefel(9, 2, retraction="geodesic"), SymplecticStiefel(6, 2, retraction="geodesic")], ids=repr
)
def test_adam_is_the_computation_with_matrices_of_the_size_of_the_group(space):
    value, gradient = cost_on(space)
    Y, form = space.random(2), space.form
    result = minimize(objective_on(space, value, gradient), Y, space=space, rule=Adam(learning_rate=1e-2), steps=20)
    E = form.set_head(np.zeros(space.shape), np.eye(form.columns))
    m = v = np.zeros(space.shape)
    for count in range(1, 21):
        section = closed_section(form, Y).apply(np.eye(form.rows))
        T = section.T @ gradient(Y)
        D = form.set_head(T.copy(), form.head(T) - form.star(form.head(T)))
        m, v = 0.9 * m + 0.1 * D, 0.999 * v + 0.001 * D * D
        W = -1e-2 * (m / (1 - 0.9**count)) / (np.sqrt(v / (1 - 0.999**count)) + 1e-8)
        Y = section @ expm(horizontal_element(form, W)) @ E
    np.testing.assert_allclose(result.last_point, Y, atol=1e-12)


@pytest.mark.parametrize("name", ["adam", "heavy-ball", "lion"])
@pytest.mark.parametrize("space", [Stiefel(7, 3), SymplecticStiefel(4, 1), Stiefel(5, 2, field="complex")], ids=repr)
def test_a_batch_moves_as_its_points_do(name, space):
    target, start = space.random(5, (2, 3)), space.random(6, (2, 3))

    def problem(goal, batch=()):
        return objective_on(space, lambda Y: 0.5 * np.sum(np.abs(Y - goal) ** 2), lambda Y: Y - goal, batch=batch)

    together = minimize(problem(target, (2, 3)), start, space=space, rule=rule_of(name), steps=15).last_point
    assert together.shape == start.shape
    for index in np.ndindex(2, 3):
        alone = minimize(problem(target[index]), start[index], space=space, rule=rule_of(name), steps=15)
        np.testing.assert_allclose(together[index], alone.last_point, atol=1e-13)


def test_a_loss_with_named_parameters_runs_on_spaces_by_name():
    loss = Loss.parse("sum((X - U@V)**2)", {"U": (5, 2), "V": (2, 6)}, data={"X": (5, 6)})
    X = np.random.default_rng(0).standard_normal((5, 6))
    start = {"U": Stiefel(5, 2).random(0), "V": np.zeros((2, 6))}
    result = minimize(loss, start, space={"U": Stiefel(5, 2), "V": None}, rule="l-bfgs", steps=300, data={"X": X})
    best = float(np.sum(np.linalg.svd(X)[1][2:] ** 2))
    assert result.value == pytest.approx(best, rel=1e-12)
    assert Stiefel(5, 2).error(result.point["U"]) < 1e-13
    alone = Loss.parse("sum((X - U)**2)", {"U": (5, 2)}, data={"X": (5, 2)})
    nearest = minimize(alone, start["U"], space=Stiefel(5, 2), rule="l-bfgs", data={"X": X[:, :2]}).point
    np.testing.assert_allclose(nearest, Stiefel(5, 2).project(X[:, :2]), atol=1e-8)
    adam = minimize(
        loss, start, space={"U": Stiefel(5, 2)}, learning_rate=Cosine(0.05, 0.0, 600), steps=600, data={"X": X}
    )
    assert adam.value == pytest.approx(best, rel=1e-6)


def test_mini_batches_of_a_network_with_an_orthonormal_layer():
    rng = np.random.default_rng(0)
    network = Network(widths=(3, 6, 2), inputs=rng.standard_normal((3, 40)), targets=rng.integers(0, 2, 40))
    start = network.space.split(network.initial(0)) | {"W1": Stiefel(6, 3).random(0)}
    result = minimize(
        network,
        start,
        space={"W1": Stiefel(6, 3)},
        learning_rate=0.02,
        steps=60,
        batches=MiniBatches(network, size=10),
    )
    assert Stiefel(6, 3).error(result.point["W1"]) < 1e-13
    assert result.value < network.value(start)


@pytest.mark.parametrize("name", ["adam", "l-bfgs"])
@pytest.mark.parametrize(
    "space", [Stiefel(6, 2, section="transported"), SymplecticStiefel(4, 1), TRANSPORTED[3], PRODUCT], ids=repr
)
def test_a_run_resumes_with_the_same_bits(name, space, tmp_path):
    objective, start, file = problem_on(space), space.random(3), tmp_path / "run.json"
    options = {"space": space, "rule": rule_of(name), "tolerance": 0.0, "trust_radius": 0.5}
    whole = minimize(objective, start, steps=16, **options)
    minimize(objective, start, steps=9, checkpoint=file, **options)
    rest = minimize(objective, start, steps=16, checkpoint=file, resume=True, **options)
    for one, other in ((whole.last_point, rest.last_point), (whole.point, rest.point)):
        for name in one if isinstance(one, dict) else [...]:
            assert np.array_equal(one[name], other[name])
    assert [record.loss for record in whole.history] == [record.loss for record in rest.history]
    with pytest.raises(InputError, match="space"):
        minimize(objective, start, steps=20, checkpoint=file, resume=True, **{**options, "trust_radius": None})


def test_complex_sections_that_are_carried_along_resume_too(tmp_path):
    space = Stiefel(6, 2, field="complex", section="transported")
    objective, start, file = problem_on(space), space.random(3), tmp_path / "run.json"
    whole = minimize(objective, start, space=space, steps=16)
    minimize(objective, start, space=space, steps=9, checkpoint=file)
    rest = minimize(objective, start, space=space, steps=16, checkpoint=file, resume=True)
    assert np.array_equal(rest.last_point, whole.last_point)
    assert rest.last_point.dtype == complex


def test_a_gradient_that_is_nan_ends_the_run_at_the_last_good_point():
    space = Stiefel(5, 2)
    value, gradient = cost_on(space)
    calls = []

    def failing(Y):
        calls.append(Y.copy())
        return np.full_like(Y, np.nan) if len(calls) > 6 else gradient(Y)

    result = minimize(objective_on(space, value, failing), space.random(0), space=space, steps=50)
    assert result.status is Status.NON_FINITE
    assert len(calls) == 7
    assert np.array_equal(result.point, calls[5])
    assert space.error(result.point) < 1e-13
    calls[:] = [0] * 9
    with pytest.raises(InputError, match="gradient is not finite"):
        minimize(objective_on(space, value, failing), space.random(0), space=space)


@pytest.mark.parametrize("space", [Stiefel(8, 3), SymplecticStiefel(4, 2), SymplecticGrassmann(4, 1)], ids=repr)
@pytest.mark.parametrize("rate", [1e3, 1e160, 1e308])
def test_steps_without_measure_return_a_point_of_the_space_and_no_worse_one(space, rate):
    objective, start = problem_on(space), space.random(0)
    result = minimize(objective, start, space=space, rule=GradientDescent(learning_rate=rate), steps=20)
    assert space.belongs(result.point)
    assert result.value <= objective.value(start)
    assert result.value == objective.value(result.point)


def test_the_trust_radius_bounds_each_step_of_each_point():
    space = SymplecticStiefel(5, 2)
    target, start = space.random(5, 3), space.random(6, 3)
    objective = objective_on(space, lambda Y: 0.5 * np.sum((Y - target) ** 2), lambda Y: Y - target, batch=(3,))
    rule = GradientDescent(learning_rate=0.2)
    moved = minimize(objective, start, space=space, rule=rule, steps=1, trust_radius=0.3).last_point
    for Y, one, goal in zip(start, moved, target, strict=True):
        context = space.section(Y)
        W = -0.2 * space.lift(context, Y - goal)
        assert np.array_equal(space.norm(space.shortened(W, 0.3)) < 0.31, True)
        np.testing.assert_allclose(one, space.retract(context, space.shortened(W, 0.3)), atol=1e-13)
    assert max(space.norm(space.lift(space.section(start), start - target))) * 0.2 > 0.3


def test_the_trust_radius_keeps_a_run_that_would_leave():
    space = SymplecticStiefel(6, 2)
    objective, start = problem_on(space), space.random(0)
    free = minimize(objective, start, space=space, rule=GradientDescent(learning_rate=0.6), steps=100)
    kept = minimize(objective, start, space=space, rule=GradientDescent(learning_rate=0.6), steps=100, trust_radius=0.1)
    assert not free.history[-1].loss < 10 * objective.value(start)
    assert kept.history[-1].loss < objective.value(start)
    for wrong, match in ((0.0, "trust_radius"), (-1, "trust_radius"), ("1", "trust_radius")):
        with pytest.raises(InputError, match=match):
            minimize(objective, start, space=space, trust_radius=wrong)
    with pytest.raises(InputError, match="Euclidean"):
        minimize(Loss.parse("x**2"), {"x": 1.0}, trust_radius=1.0)


@pytest.mark.parametrize("rule", [AdamW(), Lion(weight_decay=0.1)], ids=repr)
@pytest.mark.parametrize("space", [Stiefel(5, 2), Grassmann(5, 2), Rotations(3)], ids=repr)
def test_weight_decay_is_refused_on_compact_spaces(rule, space):
    with pytest.raises(InputError, match="same norm"):
        minimize(problem_on(space), space.random(0), space=space, rule=rule)


def test_weight_decay_shrinks_what_can_shrink():
    space = Product({"U": SymplecticStiefel(4, 1), "Y": Stiefel(5, 2), "b": Euclidean(3)})
    nudge = {name: np.full(shape, 1e-9) for name, shape in space.shape.items()}
    objective = objective_on(space, lambda p: 1e-9 * float(sum(one.sum() for one in p.values())), lambda p: nudge)
    start = space.random(0)
    rule = Lion(learning_rate=1e-2, weight_decay=1.0)
    moved = minimize(objective, start, space=space, rule=rule, steps=40, tolerance=0.0).last_point
    still = minimize(objective, start, space=space, rule=Lion(learning_rate=1e-2), steps=40, tolerance=0.0).last_point
    assert np.linalg.norm(moved["U"]) < np.linalg.norm(still["U"]) - 1e-2
    np.testing.assert_allclose(moved["Y"], still["Y"], atol=1e-12)
    sign = np.sign(nudge["b"])
    b = start["b"]
    for _ in range(40):
        b = b * (1 - 1e-2) - 1e-2 * sign
    np.testing.assert_allclose(moved["b"], b, rtol=1e-12)
