from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.linalg import expm
from space_costs import cost_on, distance_cost, error_of, problem_on
from space_table import GEODESIC, HOMOGENEOUS, OTHERS, TRANSPORTED

from manifolds._geomstats import load_geomstats
from manifolds.errors import InputError
from manifolds.rotations import Rotations
from manifolds.sections import closed_section
from manifolds.space import Space
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
from manifolds.transport import horizontal_element
from manifolds.vector_spaces import Euclidean
from solvers.batches import MiniBatches
from solvers.learning_rates import Cosine
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize
from solvers.network import Network
from solvers.objective import Objective
from solvers.rule import Rule, SecondOrderRule
from solvers.rules import RULES, Adam, AdamW, GradientDescent, HeavyBall, Lion, SciPy, make_rule
from solvers.schedules import At
from solvers.space_coordinates import read_space
from solvers.space_parts import measured_weights, read_parts
from solvers.status import Status
from solvers.step_sizes import Armijo, InverseCurvature, Polyak
from symmetries import Loss
from symmetries.actions.parameter_space import ParameterSpace

PRODUCT = Product({"U": SymplecticStiefel(4, 1), "Y": Grassmann(7, 2, field="complex"), "b": Euclidean(3)})
SPACES = [*HOMOGENEOUS, *GEODESIC, *TRANSPORTED, *OTHERS[:-1], PRODUCT]
POINTS_MOVE = [space for space in SPACES if space.dimension]
NAMES = [
    name
    for name, make in RULES.items()
    if isinstance(make, type) and issubclass(make, Rule) and not issubclass(make, SecondOrderRule)
]
WITHOUT_DECAY = {"adamw": {"weight_decay": 0.0}}
MOMENTUM = {"heavy-ball", "nesterov"}


def rule_of(name, **more):
    """A rule with the one rate that all of them run with here, shorter by 1 - momentum where steps add up."""
    rate = {"l-bfgs": 1.0, "adadelta": 1.0}.get(name, 1e-3 if name in MOMENTUM else 1e-2)
    return make_rule(name, learning_rate=rate, **{**WITHOUT_DECAY.get(name, {}), **more})


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


@pytest.mark.parametrize("space", [space for space in POINTS_MOVE if not isinstance(space, Euclidean)], ids=repr)
def test_products_of_slopes_and_steps_are_derivatives_along_retractions(space):
    objective, start = problem_on(space), space.random(1)
    coordinates = read_space(space, objective.space)
    w = objective.point(start)
    section, lifted = coordinates.lift(w, objective.gradient(w), None)
    W = coordinates.lift(w, np.cos(np.arange(w.size)), None)[1]
    line = coordinates.line(objective, section, w, lifted)
    h = 1e-5 / coordinates.norm(W)
    difference = (line.objective.value(h * W) - line.objective.value(-h * W)) / (2 * h)
    assert difference == pytest.approx(float(line.slope @ W), rel=1e-6, abs=1e-6)
    isometric = coordinates.isometric(lifted) @ coordinates.isometric(W)
    assert isometric == pytest.approx(float(line.slope @ W), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(coordinates.from_isometric(coordinates.isometric(W)), W, rtol=1e-14)


@pytest.mark.parametrize("space", [Stiefel(9, 3), Grassmann(9, 3), SymplecticStiefel(4, 2), PRODUCT], ids=repr)
def test_a_line_search_runs_on_spaces(space):
    rule = GradientDescent(learning_rate=Armijo(grow=True))
    losses = [
        one.loss for one in minimize(problem_on(space), space.random(1), space=space, rule=rule, steps=20).history
    ]
    assert all(after < before for before, after in pairwise(losses))


def test_the_step_of_polyak_runs_on_spaces():
    space = Stiefel(9, 3)
    rule = GradientDescent(learning_rate=Polyak(minimum=0.0, scale=0.5))
    assert minimize(problem_on(space), space.random(1), space=space, rule=rule, steps=200).value < 1e-6


def test_what_needs_straight_lines_is_refused_with_a_cure():
    space = Stiefel(5, 2)
    objective, start = problem_on(space), space.random(0)
    for rule in ("newton", "bfgs", SciPy("trust-ncg"), SciPy("L-BFGS-B")):
        with pytest.raises(InputError) as error:
            minimize(objective, start, space=space, rule=rule)
        assert "rule='l-bfgs'" in error.value.cure
    with pytest.raises(InputError, match="Hessian-vector products"):
        minimize(objective, start, space=space, rule=GradientDescent(learning_rate=InverseCurvature()))
    with pytest.raises(InputError, match="lead out of the space"):
        minimize(objective, start, space=space, teleport=At([1]))


def test_a_start_off_the_space_is_refused_with_its_distance_and_project():
    space = Product({"Y": Stiefel(5, 2), "b": Euclidean(3)})
    start = space.random(0)
    start["Y"] = 2 * start["Y"]
    with pytest.raises(InputError, match=r"'Y'.* is 4\.2e\+00") as error:
        minimize(problem_on(space), start, space=space)
    assert "project" in error.value.cure
    start["Y"] = space.factors["Y"].project(start["Y"])
    assert minimize(problem_on(space), start, space=space, steps=3).steps == 3


@pytest.mark.parametrize(
    "space", [Grassmann(6, 2), Grassmann(5, 3, field="complex"), SymplecticGrassmann(4, 1)], ids=repr
)
def test_a_loss_of_frames_is_refused_where_points_are_subspaces(space):
    start = space.random(0)
    with pytest.raises(InputError, match="depends on the frame") as error:
        minimize(objective_on(space, *distance_cost(space)), start, space=space)
    assert "Stiefel" in error.value.cure
    assert minimize(objective_on(space, lambda Y: 1.0, lambda Y: 0 * Y), start, space=space).status is Status.CONVERGED


def test_spaces_that_are_not_those_of_the_parameters_are_refused():
    objective = Objective.from_functions(
        lambda w: float(np.sum(w**3)), lambda w: 3 * w**2, shapes={"Y": (5, 2), "b": (3,)}
    )
    start = {"Y": Stiefel(5, 2).random(0), "b": np.zeros(3)}
    for space, match in [
        (Stiefel(5, 2), "entries"),
        ({"Y": Stiefel(4, 2)}, "entries"),
        ({"X": Stiefel(5, 2)}, "no parameter 'X'"),
        (Product({"Y": Stiefel(5, 2)}), "factors are Y"),
        ({"Y": "Stiefel"}, "no space"),
        ({"Y": Product({"Y": Stiefel(5, 2)})}, "product within"),
        ("Stiefel", "no space"),
        ({"Y": SymplecticStiefel(5, 2)}, "entries"),
    ]:
        with pytest.raises(InputError, match=match):
            minimize(objective, start, space=space)
    for space in ({"Y": Stiefel(5, 2)}, {"b": None, "Y": Stiefel(5, 2)}, {"Y": Stiefel(5, 2), "b": Euclidean(3)}):
        assert minimize(objective, start, space=space, steps=2).steps == 2


def test_a_vector_is_read_as_the_point_row_by_row():
    space = Stiefel(4, 2)
    target, start = space.random(1), space.random(0)
    flat = Objective.from_functions(
        lambda w: 0.5 * float(np.sum((w - target.ravel()) ** 2)), lambda w: w - target.ravel(), size=8
    )
    by_matrix = objective_on(space, lambda Y: 0.5 * float(np.sum((Y - target) ** 2)), lambda Y: Y - target)
    one = minimize(flat, start.ravel(), space=space, steps=20)
    other = minimize(by_matrix, start, space=space, steps=20)
    assert np.array_equal(one.point, other.point.ravel())


def test_gradients_of_a_wrong_form_are_refused():
    space = Stiefel(4, 2)
    both = Product({"Y": space, "b": Euclidean(2)})
    for where, gradient in ((space, lambda Y: Y.T), (space, lambda Y: 0.0), (both, lambda p: p["Y"])):
        with pytest.raises(InputError, match="gradient"):
            minimize(objective_on(where, lambda Y: 0.0, gradient), where.random(0), space=where)
    with pytest.raises(InputError, match="no function"):
        objective_on(space, 1.0, lambda Y: Y)
    with pytest.raises(InputError, match="no function"):
        objective_on(space, lambda Y: 0.0)
    with pytest.raises(InputError, match="two gradients"):
        objective_on(space, None, lambda Y: Y, value_and_gradient=lambda Y: (0.0, Y))
    with pytest.raises(InputError, match="two answers"):
        minimize(objective_on(space, value_and_gradient=lambda Y: 0.0), space.random(0), space=space)
    for value, gradient in (
        (lambda Y: "x", lambda Y: Y),
        (lambda Y: 1j, lambda Y: Y),
        (lambda Y: 0.0, lambda Y: 1j * Y),
    ):
        with pytest.raises(InputError, match=r"value|complex"):
            minimize(objective_on(space, value, gradient), space.random(0), space=space)
    with pytest.raises(InputError, match="no space"):
        objective_on({"b": None}, lambda p: 0.0, lambda p: p)


def test_functions_that_write_into_their_argument_leave_the_point_alone():
    space = Stiefel(5, 2)
    value, gradient = cost_on(space)

    def spoiling(function):
        def spoilt(Y):
            answer = function(Y)
            Y[:] = np.nan
            return answer

        return spoilt

    start = space.random(0)
    clean = minimize(objective_on(space, value, gradient), start, space=space, steps=5)
    spoilt = minimize(objective_on(space, spoiling(value), spoiling(gradient)), start, space=space, steps=5)
    both = objective_on(space, value_and_gradient=lambda Y: (value(Y), gradient(Y)))
    assert np.array_equal(clean.point, spoilt.point)
    assert np.array_equal(clean.point, minimize(both, start, space=space, steps=5).point)
    assert both.value(start) == value(start)


def test_products_of_an_objective_of_points_are_differences_of_gradients():
    space = Stiefel(4, 2, field="complex")
    objective = objective_on(space, lambda Y: float(np.sum(np.abs(Y) ** 4)), lambda Y: 4 * np.abs(Y) ** 2 * Y)
    w = objective.point(space.random(0))
    H = objective.hessian(w)
    np.testing.assert_allclose(H @ w, 3 * objective.gradient(w), rtol=1e-6)
    assert objective.hvp(w, 0 * w).tolist() == [0.0] * 16


@pytest.mark.parametrize("space", [Stiefel(5, 2), Grassmann(5, 2), SymplecticStiefel(3, 2), Rotations(3)], ids=repr)
def test_weights_of_known_spaces_are_those_that_are_measured(space):
    (part,) = read_parts(space, ParameterSpace({"Y": (2, *space.shape)}))
    np.testing.assert_array_equal(part.weights(), np.tile(measured_weights(space), 2))


def test_metrics_that_no_scaling_makes_plain_are_refused():
    skewed = SimpleNamespace(size=2, shape=(2,), inner=lambda a, b: a[..., 0] * b[..., 0] + a[..., 0] * b[..., 1])
    with pytest.raises(InputError, match="weighted sum"):
        measured_weights(skewed)


def geomstats_spaces():
    """Spaces of geomstats and a cost on each whose minimum is known."""
    A = np.diag([5.0, 4.0, 2.0, 1.0, 0.5])
    stiefel = load_geomstats("geometry.stiefel").Stiefel(5, 2)
    grassmannian = load_geomstats("geometry.grassmannian").Grassmannian(5, 2)
    rotations = load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(3)
    goal = rotations.random_point()
    return [
        (stiefel, lambda Y: -float(np.sum(Y * (A @ Y))), lambda Y: -2 * A @ Y, -9.0),
        (grassmannian, lambda P: -float(np.sum(A * P)), lambda P: -A, -9.0),
        (rotations, lambda R: -float(np.sum(goal * R)), lambda R: -goal, -3.0),
    ]


@pytest.mark.parametrize("rule", [HeavyBall(learning_rate=0.02), Adam(learning_rate=Cosine(0.1, 0.0, 400)), "l-bfgs"])
@pytest.mark.parametrize("k", range(3), ids=["Stiefel", "Grassmannian", "SpecialOrthogonal"])
def test_spaces_of_geomstats_are_spaces(k, rule):
    space, value, gradient, best = geomstats_spaces()[k]
    np.random.seed(0)  # noqa: NPY002 - geomstats draws from it
    start = space.random_point()
    result = minimize(objective_on(space, value, gradient), start, space=space, rule=rule, steps=400)
    assert result.value == pytest.approx(best, abs=1e-9)
    assert space.belongs(result.point, atol=1e-12)
    flat = Objective.from_functions(
        lambda w: value(w.reshape(start.shape)),
        lambda w: gradient(w.reshape(start.shape)).ravel(),
        shapes={"Y": start.shape},
    )
    again = minimize(flat, {"Y": start}, space={"Y": space}, rule=rule, steps=400)
    assert again.value == result.value


def test_other_objects_of_geomstats_are_refused():
    hyperbolic = load_geomstats("geometry.hypersphere").Hypersphere(3)
    with pytest.raises(InputError, match="geomstats"):
        minimize(Loss.parse("x**2"), {"x": 1.0}, space=hyperbolic)


class Circle(Space):
    """A space of the user: unit vectors in the plane, whose retraction goes wrong where `wrong`."""

    compact = True
    name, dimension, shape, size = "Circle", 1, (2,), 2

    def __init__(self, *, wrong=False):
        self.wrong = wrong

    def section(self, Y, *, carried=None, check=True):
        return Y

    def lift(self, context, G, *, check=True):
        return np.array([0.0, context[0] * G[1] - context[1] * G[0]])

    def retract(self, context, W, *, check=True):
        length = 1.0 if self.wrong else np.hypot(1.0, W[1])
        return np.array([context[0] - W[1] * context[1], context[1] + W[1] * context[0]]) / length

    def tangent(self, context, D):
        return D[1] * np.array([-context[1], context[0]])

    def coordinates(self, context, X):
        return np.array([0.0, context[0] * X[1] - context[1] * X[0]])

    def horizontal(self, D):
        return np.array([0.0, D[1]])

    def inner(self, D1, D2):
        return D1[..., 0] * D2[..., 0] + D1[..., 1] * D2[..., 1]

    def error(self, Y):
        return abs(Y @ Y - 1)

    def belongs(self, Y, tolerance=None):
        return bool(self.error(Y) <= (tolerance or 1e-8))

    def project(self, Y):
        return Y / np.linalg.norm(Y)

    def random(self, rng, batch=(), *, like=None):
        return self.project(np.random.default_rng(rng).standard_normal(2))

    def random_coordinates(self, rng, batch=(), *, like=None):
        return self.horizontal(np.random.default_rng(rng).standard_normal(2))


@pytest.mark.parametrize("name", NAMES)
def test_a_space_of_the_user_is_a_space(name):
    circle = Circle()
    objective = Objective.from_functions(lambda w: float(w[1]), lambda w: np.array([0.0, 1.0]), size=2)
    result = minimize(objective, circle.random(0), space=circle, rule=rule_of(name), steps=200)
    assert result.history[-1].loss < result.history[0].loss
    assert circle.error(result.point) < 1e-13
    if name == "l-bfgs":
        np.testing.assert_allclose(result.point, [0.0, -1.0], atol=1e-8)


def test_a_step_that_leads_off_the_space_is_no_result():
    circle = Circle(wrong=True)
    objective = Objective.from_functions(lambda w: -float(w @ w), lambda w: np.array([0.0, 1.0]), size=2)
    result = minimize(objective, [1.0, 0.0], space=circle, rule=GradientDescent(learning_rate=0.5), steps=5)
    assert result.status is Status.NON_FINITE
    assert result.point.tolist() == [1.0, 0.0]
