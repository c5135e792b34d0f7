"""Orbit search: known maxima, all kinds of groups, guards and borders, cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.network import Network
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from solvers.status import Status
from solvers.targets import GradientNorm, PreconditionedGradientNorm
from solvers.teleport import teleport
from symmetries import Affine, GroupAction, Loss, Polynomial, derive

BOOTH = GroupAction.catalogued("booth")
ROSENBROCK = GroupAction.catalogued("rosenbrock")


def action_of(text: str, **options: Any) -> tuple[Loss, GroupAction]:
    loss = Loss.parse(text)
    return loss, GroupAction.from_algebra(derive(loss, **options))


def positive_definite(seed: int, size: int) -> Any:
    factor = np.random.default_rng(seed).integers(-3, 4, (size, size))
    return factor @ factor.T + np.eye(size, dtype=int)


@pytest.mark.parametrize(("start", "ratio"), [((5.0, -5.0), 1.8), ((7.5, -4.0), 8.2)])
def test_booth_in_closed_form(start: tuple[float, float], ratio: float) -> None:
    result = teleport(BOOTH.loss, start, along=BOOTH)
    assert result.gain == pytest.approx(ratio, rel=1e-13)
    assert result.status is Status.CONVERGED
    x, y = result.point
    u, v = x + 2 * y - 7, 2 * x + y - 5
    assert u == pytest.approx(v, rel=1e-14)  # |grad|^2 = 4 (u^2 + v^2)(5 + 4 sin 2 angle): the residuals are equal
    assert np.linalg.norm(Objective.from_loss(BOOTH.loss).gradient(result.point)) ** 2 == pytest.approx(
        36 * (u * u + v * v)
    )


def test_one_step_from_the_best_point_of_booth_lands_on_the_minimum() -> None:
    objective = Objective.from_loss(BOOTH.loss)
    best = teleport(objective, [5.0, -5.0], along=BOOTH).point
    assert objective.value(best - objective.gradient(best) / 18) <= 1e-24


def test_rosenbrock_in_four_local_maxima() -> None:
    objective, start = Objective.from_loss(ROSENBROCK.loss), np.array([-1.0, -1.0])
    found = OrbitMove(ROSENBROCK).candidates(objective, start, GradientNorm(), rng=np.random.default_rng(0))
    before = GradientNorm().value(objective, start)
    ratios = [GradientNorm().value(objective, one.point) / before for one in found]
    assert ratios == pytest.approx([93.5616, 92.363, 70.699, 69.621], rel=1e-5)
    assert ratios[0] * before == pytest.approx(7.54495343e7, rel=1e-8)


def test_rosenbrock_maximum_against_a_dense_grid() -> None:
    u, v = 20.0, -2.0
    angles = np.linspace(0, 2 * np.pi, 2_000_001)
    a, b = u * np.cos(angles) - v * np.sin(angles), u * np.sin(angles) + v * np.cos(angles)
    grid = (40 * (b + 1) * a + 2 * b) ** 2 + 400 * a**2
    result = teleport(ROSENBROCK.loss, [-1.0, -1.0], along=ROSENBROCK)
    assert result.target_after >= grid.max() * (1 - 1e-12)
    assert result.target_after == pytest.approx(grid.max(), rel=1e-6)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_quadratics_reach_the_top_eigenvector(size: int) -> None:
    matrix = positive_definite(size, size)
    action = GroupAction.catalogued("quadratic", matrix=matrix.tolist())
    w = np.random.default_rng(size).standard_normal(size)
    result = teleport(action.loss, w, along=action)
    largest = float(np.linalg.eigvalsh(matrix.astype(float))[-1])
    assert result.target_after == pytest.approx(2 * largest * result.loss_before, rel=1e-9)
    assert result.relative_drift <= 1e-12


def test_derived_and_catalogued_actions_find_the_same_point() -> None:
    loss = Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2")
    derived = GroupAction.from_algebra(derive(loss, ansatz=Affine()))
    assert teleport(loss, [5.0, -5.0], along=derived).gain == pytest.approx(1.8, rel=1e-12)


def test_a_closed_flow_without_matrices_is_searched_all_around() -> None:
    loss, action = action_of("x**4 + y**4", ansatz=Polynomial(3))
    assert action.representation() is None
    result = teleport(loss, [1.0, 0.9], along=action)  # 128 flows
    level = result.loss_before
    assert result.status is Status.CONVERGED
    assert result.target_after == pytest.approx(16 * level**1.5, rel=1e-9)  # on an axis


def test_a_hyperbola_is_unbounded_without_a_radius() -> None:
    loss, action = action_of("x**2 - y**2")
    free = teleport(loss, [1.0, 0.3], along=action)
    bound = teleport(loss, [1.0, 0.3], along=action, radius=0.5)
    assert (free.status, bound.status) == (Status.UNBOUNDED, Status.TRUST_RADIUS)
    assert abs(free.evidence["time"]) == pytest.approx(3.0)
    assert abs(bound.evidence["time"]) == pytest.approx(0.5)
    assert free.gain > bound.gain > 1
    assert free.relative_drift <= 1e-12


def test_the_least_gradient_on_a_hyperbola_is_at_its_vertex() -> None:
    loss, action = action_of("x**2 - y**2")
    result = teleport(loss, [1.0, 0.3], along=action, maximize=False)
    assert result.point == pytest.approx([np.sqrt(0.91), 0.0], abs=1e-12)
    assert result.status is Status.CONVERGED


def test_factors_of_a_matrix_are_unbounded_without_a_radius() -> None:
    action = GroupAction.catalogued("low-rank")
    data = {"Y": np.random.default_rng(0).standard_normal((3, 4))}
    w = np.random.default_rng(1).standard_normal(14)
    free = teleport(action.loss, w, along=action, data=data)
    bound = teleport(action.loss, w, along=action, data=data, radius=0.5)
    assert (free.status, bound.status) == (Status.UNBOUNDED, Status.TRUST_RADIUS)
    assert free.evidence["cap"] == 3.0
    assert bound.evidence["path_length"] <= 0.5 + 1e-12
    assert free.gain > bound.gain > 1


def test_scalings_have_a_least_gradient_where_layers_balance() -> None:
    action = GroupAction.catalogued("low-rank", rows=1, columns=1, rank=1)
    result = teleport(action.loss, [8.0, 2.0], along=action, data={"Y": [[1.0]]}, maximize=False)
    assert np.abs(result.point) == pytest.approx([4.0, 4.0], rel=1e-7)


def network(seed: int = 0) -> tuple[Network, GroupAction, Any]:
    rng = np.random.default_rng(seed)
    widths = (6, 5, 4, 3)
    objective = Network(widths=widths, inputs=rng.standard_normal((6, 20)), targets=rng.integers(0, 3, 20))
    return (
        objective,
        GroupAction.catalogued("homogeneous-network", widths=widths, activation="leaky_relu"),
        objective.initial(rng),
    )


def test_carried_and_evaluated_gradients_lead_to_the_same_point() -> None:
    objective, action, w = network()
    carried = teleport(objective, w, along=action, radius=1.0)
    weight = PreconditionedGradientNorm(np.ones(objective.size))
    evaluated = teleport(
        objective, w, along=action, radius=1.0, target=lambda o, v: GradientNorm().value_and_grad(o, v)
    )
    metric = teleport(objective, w, along=action, radius=1.0, target=weight)
    assert carried.target_after == pytest.approx(metric.target_after, rel=1e-10)
    assert carried.target_after == pytest.approx(evaluated.target_after, rel=1e-4)
    assert carried.cost.gradient_equivalents < 15 < evaluated.cost.gradient_equivalents


def test_no_point_in_the_ball_of_scalings_is_better() -> None:
    objective, action, w = network(1)
    result = teleport(objective, w, along=action, radius=0.7, steps=200)
    rng = np.random.default_rng(2)
    for _ in range(300):
        t = rng.standard_normal(action.dimension)
        t *= 0.7 / np.linalg.norm(t)
        value = GradientNorm().value(objective, np.asarray(action.apply(t, w)))
        assert value <= result.target_after * (1 + 1e-9)


def test_scales_stay_in_their_bounds() -> None:
    objective, action, w = network(3)
    result = teleport(objective, w, along=action, scale_bound=0.2, steps=100)
    scales = np.concatenate([np.diag(g) for g in result.element])
    assert np.abs(np.log(scales)).max() <= 0.2 + 1e-12
    assert result.status in (Status.TRUST_RADIUS, Status.MAX_STEPS)
    assert result.gain > 1
    loss = GroupAction.catalogued("low-rank")
    data = {"Y": rng_matrix(3, 4)}
    moved = teleport(loss.loss, rng_matrix(14), along=loss, data=data, scale_bound=0.3)
    values = np.linalg.svd(moved.element[0], compute_uv=False)
    assert np.abs(np.log(values)).max() <= 0.3 + 1e-12


def rng_matrix(*shape: int) -> Any:
    return np.random.default_rng(5).standard_normal(shape)


@pytest.mark.parametrize("rate", [2e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("start", [(-0.5, 0.3), (1.5, 2.0), (-1.0, -1.0), (0.2, 0.9)])
def test_points_where_a_step_is_unstable_are_not_taken(start: tuple[float, float], rate: float) -> None:
    objective = Objective.from_loss(ROSENBROCK.loss)
    result = teleport(objective, start, along=ROSENBROCK, stability=rate)
    free = teleport(objective, start, along=ROSENBROCK)
    assert free.target_after >= result.target_after >= result.target_before
    if result.status is Status.NO_IMPROVEMENT:
        return
    u = objective.gradient(result.point)
    assert rate * (u @ objective.hvp(result.point, u)) / (u @ u) <= 1 + 1e-9


def test_a_guard_leaves_the_best_of_what_is_stable() -> None:
    objective = Objective.from_loss(BOOTH.loss)  # curvatures from 2 to 18, in step with the gradient
    result = teleport(objective, [9.0, -5.0], along=BOOTH, stability=1 / 10)
    u = objective.gradient(result.point)
    assert 9 <= (u @ objective.hvp(result.point, u)) / (u @ u) <= 10
    assert result.gain > 1
    assert result.status is Status.TRUST_RADIUS


def test_a_gain_can_be_enough() -> None:
    assert teleport(BOOTH.loss, [5.0, -5.0], along=BOOTH, stop_at_gain=1.5).gain == pytest.approx(1.5, rel=1e-9)
    objective, action, w = network(4)
    result = teleport(objective, w, along=action, stop_at_gain=2.0)
    assert result.gain == pytest.approx(2.0, rel=1e-2)
    assert result.status is Status.CONVERGED


def test_isometries_cannot_improve_a_gradient_norm() -> None:
    loss, action = action_of("x**2 + y**2 + z**2")
    result = teleport(loss, [2.0, 1.0, 0.5], along=action)
    assert result.status is Status.NO_IMPROVEMENT
    assert result.point == pytest.approx([2.0, 1.0, 0.5])


def test_finite_groups_are_sampled() -> None:
    action = GroupAction.catalogued("elementwise-network")
    rng = np.random.default_rng(0)
    data = {"X": rng.standard_normal((3, 2)), "Y": rng.standard_normal((2, 2))}
    w = rng.standard_normal(20)
    result = teleport(action.loss, w, along=action, data=data, target=lambda objective, v: v[0])
    assert result.target_after == max(w[0], w[3], w[6], w[9])


def test_functions_without_gradients_are_searched_by_values() -> None:
    loss, action = action_of("x**2 + y**2 + z**2")
    result = teleport(loss, [2.0, 1.0, 0.0], along=action, target=lambda objective, w: w[2], steps=200)
    assert result.target_after == pytest.approx(np.sqrt(5), rel=1e-3)
    line = teleport(BOOTH.loss, [5.0, -5.0], along=BOOTH, target=lambda objective, w: w[0])
    assert line.target_after == pytest.approx(1 + 12 * np.sqrt(5) / 3, rel=1e-10)


def test_restarts_find_what_one_ascent_misses() -> None:
    action = GroupAction.catalogued("rosenbrock", variables=4)
    w = [-1.0, -1.0, 0.5, 0.2]
    alone = teleport(action.loss, w, along=action, restarts=0)
    many = teleport(action.loss, w, along=action, restarts=6)
    assert many.target_after >= alone.target_after


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), st.booleans(), st.sampled_from([None, 0.1, 1.0]))
def test_never_worse_and_never_off_the_level(start: tuple[float, float], maximize: bool, radius: float | None) -> None:
    result = teleport(ROSENBROCK.loss, start, along=ROSENBROCK, maximize=maximize, radius=radius)
    assert (result.target_after >= result.target_before) is maximize or result.target_after == result.target_before
    assert result.relative_drift <= 1e-8 or result.loss_before < 1e-10


def test_the_same_seed_gives_the_same_bits() -> None:
    action = GroupAction.catalogued("rosenbrock", variables=4)
    first, second = (teleport(action.loss, [-1.0, -1.0, 0.5, 0.2], along=action, rng=3) for _ in range(2))
    assert (first.point == second.point).all()


def test_a_random_point_of_the_orbit_is_no_search() -> None:
    move = OrbitMove(ROSENBROCK)
    found = move.random(np.array([-1.0, -1.0]), rng=np.random.default_rng(0))
    objective = Objective.from_loss(ROSENBROCK.loss)
    assert objective.value(found.point) == pytest.approx(404.0, rel=1e-12)
    assert not np.allclose(found.point, [-1.0, -1.0])


def test_ten_steps_on_a_large_network_cost_fewer_than_fifty_gradients() -> None:
    rng, widths = np.random.default_rng(0), (784, 16, 10, 10)
    objective = Network(widths=widths, inputs=rng.standard_normal((784, 200)), targets=rng.integers(0, 10, 200))
    action = GroupAction.catalogued("homogeneous-network", widths=widths, activation="leaky_relu")
    w = objective.initial(rng)
    result = teleport(objective, w, along=action, radius=1.0, steps=10)
    assert result.steps == 10
    assert result.gain > 1.38
    assert result.relative_drift <= 1e-12
    assert result.cost.gradient_equivalents <= 15  # gradients are carried along the orbit, none is computed there


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": -1.0}, "radius"),
        ({"radius": float("inf")}, "radius"),
        ({"steps": 0}, "steps"),
        ({"steps": True}, "steps"),
        ({"restarts": -1}, "restarts"),
        ({"stability": 0.0}, "stability"),
        ({"stop_at_gain": "much"}, "stop_at_gain"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        OrbitMove(BOOTH, **options)


def test_a_gain_that_cannot_be_reached_is_refused() -> None:
    with pytest.raises(InputError, match="stop_at_gain"):
        teleport(BOOTH.loss, [5.0, -5.0], along=BOOTH, stop_at_gain=0.5)


def test_an_orbit_needs_an_action() -> None:
    with pytest.raises(InputError, match="orbits belong to group actions"):
        OrbitMove("booth")  # type: ignore[arg-type]
