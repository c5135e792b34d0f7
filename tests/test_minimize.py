"""The one loop: results, histories, stops, interruptions, spaces, mini-batches and bad input."""

import math
import signal

import numpy as np
import pytest
from minimize_cases import BOOTH, CORNER, JumpTo, anywhere, comparable, network, quadratic

from manifolds.errors import InputError
from manifolds.space_products import Product
from manifolds.spaces import Stiefel
from manifolds.vector_spaces import Euclidean
from solvers.batches import MiniBatches
from solvers.minimize import minimize, read_rule
from solvers.objective import Objective
from solvers.rules import RULES, Adam, GradientDescent, HeavyBall
from solvers.running.run_state import LoopState
from solvers.schedules import At, Every
from solvers.status import Status
from solvers.step_sizes import Armijo, InverseCurvature, Polyak
from symmetries import Loss

BOWL = Loss.parse("x**2 + 9*y**2")


def plain(name, a, w, steps, eta):
    """Points of three optimizers written out."""
    m, v, points = np.zeros_like(w), np.zeros_like(w), [w]
    for t in range(1, steps + 1):
        g = a * w
        if name == "gradient-descent":
            w = w - eta * g
        elif name == "heavy-ball":
            m = 0.9 * m + g
            w = w - eta * m
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            w = w - eta * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        points.append(w)
    return points


@pytest.mark.parametrize("name", ["gradient-descent", "heavy-ball", "adam"])
def test_the_history_is_that_of_the_formulas(name):
    a, seen = np.array([1.0, 10.0]), []
    result = minimize(quadratic(), [3.0, 1.0], rule=name, learning_rate=0.05, steps=20, callback=seen.append)
    points = plain(name, a, np.array([3.0, 1.0]), 20, 0.05)
    np.testing.assert_allclose(result.last_point, points[-1], rtol=1e-7)
    np.testing.assert_allclose([r.loss for r in result.history], [p @ (a * p) / 2 for p in points], rtol=1e-6)
    assert [r.step for r in result.history] == list(range(21))
    assert math.isnan(result.history[0].learning_rate)
    assert {r.learning_rate for r in result.history[1:]} == {0.05}
    assert [r.gradient_equivalents for r in result.history] == [float(k) for k in range(1, 22)]
    assert result.cost.gradients == 21
    np.testing.assert_allclose([state.point for state in seen], points[1:], rtol=1e-7)


def test_the_best_point_is_returned_not_the_last():
    result = minimize(quadratic((1.0,)), [1.0], rule=HeavyBall(learning_rate=0.5, momentum=0.95), steps=7)
    losses = [record.loss for record in result.history]
    assert result.value == min(losses) < losses[-1]
    assert quadratic((1.0,)).value(result.point) == result.value
    assert quadratic((1.0,)).value(result.last_point) == losses[-1]


def test_points_come_back_in_the_form_of_the_start():
    start = {"x": 1.0, "y": 2.0}
    seen = []
    result = minimize(BOWL, start, rule="adam", steps=3, callback=lambda state: seen.append(state.point))
    assert result.point.keys() == result.last_point.keys() == seen[0].keys() == start.keys()
    assert start == {"x": 1.0, "y": 2.0}
    array = np.array([1.0, 2.0])
    again = minimize(BOWL, array, rule="adam", steps=3)
    assert again.point.tolist() == [float(result.point["x"]), float(result.point["y"])]
    assert array.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_lowers_a_bowl_by_name(name):
    result = minimize(quadratic(), [3.0, 1.0], rule=name, steps=200)
    assert result.value < quadratic().value([3.0, 1.0])
    assert result.status in (Status.MAX_STEPS, Status.CONVERGED)


def test_a_learning_rate_replaces_that_of_the_rule():
    assert read_rule(Adam(beta1=0.5), 0.3) == Adam(learning_rate=0.3, beta1=0.5)
    rates = [r.learning_rate for r in minimize(BOWL, [1.0, 1.0], learning_rate=lambda t: 1 / t, steps=3).history]
    assert rates[1:] == [1.0, 1 / 2, 1 / 3]


def test_step_sizes_choose_the_rate():
    run = minimize(quadratic(), [0.0, 1.0], rule="gradient-descent", learning_rate=InverseCurvature(), steps=5)
    assert run.history[1].learning_rate == pytest.approx(0.1)
    assert run.value < 1e-30
    assert minimize(BOWL, [3.0, 1.0], rule="gradient-descent", learning_rate=Armijo(), steps=200).value < 1e-15


def test_no_step_that_lowers_the_loss_ends_the_run():
    def run(teleport=None):
        rate = Polyak(minimum=4.0)
        return minimize(
            quadratic(), [3.0, 1.0], rule="gradient-descent", learning_rate=rate, steps=50, teleport=teleport
        )

    result = run()
    assert result.status is Status.NO_IMPROVEMENT
    assert result.history[-1].learning_rate == 0
    assert result.value <= 4.0
    assert run(At([20], along="level-set")).steps > 20


def test_it_stops_at_a_small_gradient():
    result = minimize(quadratic(), [3.0, 1.0], rule="gradient-descent", learning_rate=0.1, tolerance=1e-3, steps=500)
    assert result.status is Status.CONVERGED
    norms = [record.gradient_norm for record in result.history]
    assert norms[-1] <= 1e-3 < min(norms[:-1])
    assert minimize(quadratic(), [0.0, 0.0]).steps == 0
    assert minimize(quadratic(), [1.0, 1.0], steps=0).status is Status.MAX_STEPS


def test_the_callback_sees_the_state_and_stops_the_run():
    seen = []

    def callback(state):
        seen.append(state)
        return state.loss < 1.0

    result = minimize(quadratic(), [3.0, 1.0], rule="gradient-descent", learning_rate=0.1, callback=callback)
    assert result.status is Status.CONVERGED
    assert all(isinstance(state, LoopState) for state in seen)
    assert seen[-1].step == result.steps == len(result.history) - 1
    assert seen[-1].best_value == result.value < 1 < seen[-2].loss


def test_a_run_that_leaves_the_finite_numbers_says_so_and_keeps_the_best_point():
    result = minimize(BOWL, [1.0, 1.0], rule="gradient-descent", learning_rate=10.0, steps=1000)
    assert result.status is Status.NON_FINITE
    assert result.value == 10.0
    assert result.point.tolist() == [1.0, 1.0]
    assert result.status.is_failure


def test_a_function_that_turns_nan_ends_the_run():
    def value(w):
        return float("nan") if w[0] < 1 else float(w @ w)

    result = minimize(Objective.from_functions(value, lambda w: 2 * w, size=1), [2.0], learning_rate=0.3, steps=50)
    assert result.status is Status.NON_FINITE
    assert 1 <= result.point[0] < 2


@pytest.mark.parametrize("where", ["objective", "callback", "signal"])
def test_an_interruption_returns_the_best_point_so_far(where):
    calls = 0

    def gradient(w):
        nonlocal calls
        calls += 1
        if calls == 12 and where == "objective":
            raise KeyboardInterrupt
        return 2 * w

    def callback(state):
        if state.step == 10 and where != "objective":
            if where == "signal":
                signal.raise_signal(signal.SIGINT)
            raise KeyboardInterrupt

    bowl = Objective.from_functions(lambda w: float(w @ w), gradient, size=2)
    result = minimize(bowl, [3.0, 4.0], rule="gradient-descent", learning_rate=0.1, callback=callback)
    assert result.status is Status.INTERRUPTED
    assert result.steps == len(result.history) - 1 == 10
    assert result.value == pytest.approx(25 * 0.64**result.steps)
    assert bowl.value(result.point) == result.value


def test_mini_batches_see_each_sample_once_an_epoch_and_the_whole_loss_decides():
    net = network(samples=20)
    batches = MiniBatches(net, size=5, rng=0)
    start = net.initial(0)
    result = minimize(net, start, rule=Adam(learning_rate=0.02), batches=batches, steps=40)
    assert result.value == net.value(result.point) < 0.9 * net.value(start)
    w, rule, state = start.copy(), Adam(learning_rate=0.02), Adam().start(start)
    for step in range(40):
        loss, gradient = net.on(batches.indices(step)).value_and_grad(w)
        assert result.history[step].loss == loss
        moved, state = rule.step(gradient, state, count=step + 1, rate=0.02, point=w)
        w = w + moved
    assert w.tobytes() == result.last_point.tobytes()
    assert result.cost.gradients == 1 + 41 + 10


def test_a_function_of_the_step_gives_batches_too():
    parts = [quadratic((1.0, 2.0)), quadratic((3.0, 4.0))]
    whole = quadratic((2.0, 3.0))
    result = minimize(
        whole, [1.0, 1.0], rule="gradient-descent", learning_rate=0.1, batches=lambda step: parts[step % 2], steps=7
    )
    w = np.array([1.0, 1.0])
    for step in range(7):
        w = w - 0.1 * parts[step % 2].gradient(w)
    np.testing.assert_allclose(result.last_point, w, rtol=1e-14)
    assert result.cost.gradients == 1 + 8 + 1


def test_the_whole_gradient_ends_a_run_of_mini_batches():
    net = network(samples=8, widths=(2, 1))
    batches = MiniBatches(net, size=8)
    result = minimize(
        net, net.initial(0), rule="gradient-descent", learning_rate=0.02, batches=batches, steps=5000, tolerance=1e-8
    )
    assert result.status is Status.CONVERGED
    assert np.linalg.norm(net.gradient(result.last_point)) <= 1e-8


def test_a_rule_runs_on_a_space():
    space = Stiefel(6, 2)
    a = np.diag([6.0, 5.0, 3.0, 2.0, 1.0, 0.5])
    objective = Objective.from_functions(
        lambda w: -float(np.vdot(w.reshape(6, 2), a @ w.reshape(6, 2))),
        lambda w: -2 * (a @ w.reshape(6, 2)).ravel(),
        shapes={"Y": (6, 2)},
    )
    start = {"Y": space.random(0)}
    result = minimize(objective, start, space=space, rule=GradientDescent(learning_rate=0.05), steps=300)
    assert space.belongs(result.point["Y"])
    assert result.value == pytest.approx(-11.0, abs=1e-8)
    assert result.history[-1].gradient_norm < 1e-3
    with pytest.raises(InputError):
        minimize(objective, {"Y": np.ones((6, 2))}, space=space)
    with pytest.raises(InputError, match="straight lines"):
        minimize(objective, start, space=space, rule="newton")
    with pytest.raises(InputError, match="lead out of the space"):
        minimize(objective, start, space=space, teleport=At([1]))
    with pytest.raises(InputError, match="entries"):
        minimize(objective, start, space=Stiefel(5, 2))
    with pytest.raises(InputError, match="no space"):
        minimize(objective, start, space="Stiefel")


def test_a_run_on_a_space_resumes_with_the_same_bits(tmp_path):
    space = Stiefel(4, 2, section="transported")
    objective = Objective.from_functions(
        lambda w: float(np.sum(np.sin(3 * w) + w**3)), lambda w: 3 * np.cos(3 * w) + 3 * w**2, shapes={"Y": (4, 2)}
    )
    options = {"space": space, "rule": Adam(learning_rate=0.05)}
    start = {"Y": space.random(0)}
    whole = minimize(objective, start, steps=20, **options)
    minimize(objective, start, steps=8, **options, checkpoint=tmp_path / "run.json")
    rest = minimize(objective, start, steps=20, **options, checkpoint=tmp_path / "run.json", resume=True)
    assert rest.last_point["Y"].tobytes() == whole.last_point["Y"].tobytes()
    assert [r.loss for r in rest.history] == [r.loss for r in whole.history]


def test_the_same_seed_gives_the_same_bits():
    def run(seed):
        schedule = Every(3, along="level-set", steps=3)
        return minimize(network(), network().initial(0), rule="adam", steps=8, teleport=schedule, rng=seed)

    assert comparable(run(4)) == comparable(run(4))


def test_the_cost_holds_all_that_was_evaluated():
    net = network()
    before = net.ledger.total()
    schedule = Every(4, along="level-set", steps=3, accept="rollout")
    result = minimize(net, net.initial(0), rule="adam", steps=9, teleport=schedule)
    spent = net.ledger.total() - before
    assert result.cost.gradient_equivalents == pytest.approx(spent.gradient_equivalents)
    assert sum(one.cost.gradient_equivalents for one in result.teleports) < spent.gradient_equivalents
    assert len(result.teleports) == 3


def test_a_teleport_marks_the_step_that_follows():
    move = JumpTo([0.0, math.sqrt(0.9)])
    result = minimize(
        quadratic(), [3.0, 0.0], rule="gradient-descent", learning_rate=0.1, steps=3,
        teleport=At([0], along=move, target=anywhere),
    )  # fmt: skip
    assert [record.teleported for record in result.history] == [False, True, False, False][: len(result.history)]
    assert result.value < 1e-30
    assert result.teleports[0].point.tolist() == move.point.tolist()


def test_no_progress_bar_without_a_terminal(capsys):
    minimize(BOWL, [1.0, 1.0], steps=5, progress=True)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"w": [1.0]}, "shape"),
        ({"w": [1.0, float("inf")]}, "starting point"),
        ({"w": {"x": 1.0}}, "'y'"),
        ({"objective": 3}, "objective"),
        ({"objective": Loss.parse("log(x) + y"), "w": [0.0, 1.0]}, "starting point"),
        ({"rule": "adamm"}, "adam"),
        ({"rule": Adam}, "rule"),
        ({"rule": 3}, "rule"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": lambda step: -1.0}, "learning rate"),
        ({"steps": -1}, "steps"),
        ({"steps": 2.5}, "steps"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"teleport": 50}, "teleport=50"),
        ({"teleport": At([1], along=BOOTH), "objective": Loss.parse("x**4 + y**2")}, "action"),
        ({"teleport": At([1], along="sideways")}, "sideways"),
        ({"teleport": At([1], speed=3)}, "speed"),
        ({"callback": 3}, "callback"),
        ({"batches": 32}, "batches"),
        ({"batches": lambda step: 3}, "batch of step 0"),
        ({"rng": -1}, "rng"),
        ({"data": {"Y": 1.0}}, "Y"),
    ],
)
def test_bad_input_is_refused_with_its_name(change, named):
    arguments = {"objective": BOWL, "w": [1.0, 1.0]} | change
    with pytest.raises(InputError) as caught:
        minimize(**arguments)
    assert named in str(caught.value)
    assert caught.value.why
    assert caught.value.cure


def test_hyperparameters_are_checked_by_the_rules():
    for make in (lambda: Adam(beta1=1.0), lambda: HeavyBall(momentum=-0.1), lambda: GradientDescent(learning_rate="x")):
        with pytest.raises(InputError):
            minimize(BOWL, CORNER, rule=make())


def test_parameters_on_several_spaces_move_together():
    space = Product({"Y": Stiefel(4, 2), "b": Euclidean((3,))})
    objective = Objective.from_functions(
        lambda w: float(np.sum(w[:8] ** 3) + np.sum((w[8:] - 2.0) ** 2)),
        lambda w: np.concatenate([3 * w[:8] ** 2, 2 * (w[8:] - 2.0)]),
        shapes={"Y": (4, 2), "b": (3,)},
    )
    start = {"Y": space.random(0)["Y"], "b": np.zeros(3)}
    result = minimize(objective, start, space=space, rule="adam", learning_rate=0.05, steps=400)
    assert space.belongs(result.point)
    np.testing.assert_allclose(result.point["b"], 2.0, atol=1e-2)
    assert result.value < objective.value(start) - 12
    turned = Product({"b": Euclidean((3,)), "Y": Stiefel(4, 2)})
    again = minimize(objective, start, space=turned, rule="adam", learning_rate=0.05, steps=400)
    assert again.value == result.value
