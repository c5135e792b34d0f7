"""The guard, acceptance by rollout, and the way back after a blow-up."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minimize_cases import CLIFF, FixedMove, JumpTo, ToTheCliff, anywhere, network, quadratic, scalings

from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.rules import Adam, GradientDescent, HeavyBall, SignDescent
from solvers.running.acceptance import Rollout
from solvers.running.guard import Guard, Stability, StableTarget
from solvers.schedules import At, Every
from solvers.status import Status
from solvers.targets import GradientNorm

STEEP = np.array([1.0, 100.0])


def level(value, angle, a=STEEP):
    """A point of {w'Aw/2 = value}."""
    return math.sqrt(2 * value) * np.array([math.cos(angle), math.sin(angle)]) / np.sqrt(a)


def run(move, *, rate=5e-3, steps=20, start=None, **options):
    start = level(2.0, 0.0) if start is None else start
    rule = options.pop("rule", GradientDescent(learning_rate=rate))
    return minimize(
        quadratic(STEEP), start, rule=rule, steps=steps, teleport=At([2], along=move, target=anywhere, **options)
    )


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.floats(0.1, 50.0), min_size=2, max_size=14), st.floats(1e-3, 1.0), st.integers(0, 5))
def test_the_stability_number_is_the_rate_times_the_top_eigenvalue(eigenvalues, rate, seed):
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.standard_normal((len(eigenvalues),) * 2))[0]
    a = (q * eigenvalues) @ q.T
    objective = Objective.from_functions(
        lambda w: float(w @ a @ w) / 2, lambda w: a @ w, lambda w, v: a @ v, size=len(a)
    )
    w, u = rng.standard_normal(len(a)), None
    u = a @ w
    rules = (GradientDescent(learning_rate=rate), HeavyBall(learning_rate=rate))
    for rule in rules:
        stability = Stability(rule, rate, products=14)
        assert stability.is_proportional(u)
        assert stability.number(objective, w) == pytest.approx(rate * max(eigenvalues), rel=1e-6)
    along = rate * (u @ a @ u) / (u @ u)
    quick = Stability(rules[0], rate).number(objective, w, quick=True)
    assert quick == pytest.approx(along if len(a) > 8 else rate * max(eigenvalues), rel=1e-9)


def test_rules_with_a_step_of_their_own_are_judged_along_it():
    objective, w, rate = quadratic(STEEP), np.array([1.0, 0.2]), 0.1
    g = STEEP * w
    for rule in (SignDescent(learning_rate=rate), Adam(learning_rate=rate, epsilon=0.0)):
        stability = Stability(rule, rate)
        assert not stability.is_proportional(g)
        step = -rate * np.sign(g)
        assert stability.number(objective, w) == pytest.approx((step @ (STEEP * step)) / -(g @ step))
    assert Stability(GradientDescent(), rate).number(objective, np.zeros(2)) == 0.0


def test_points_without_numbers_are_unstable():
    objective = Objective.from_functions(lambda w: 1.0, lambda w: w, lambda w, v: v * np.nan, size=2)
    assert Stability(GradientDescent(), 0.1).number(objective, np.ones(2)) == math.inf
    assert Stability(GradientDescent(), 0.1).number(objective, np.full(2, np.inf)) == math.inf


def test_a_teleport_to_where_the_step_overshoots_is_refused():
    stiff = Objective.from_functions(
        lambda w: w[0] ** 2 / 2 + (1 + w[0] ** 2) * w[1] ** 2 * 50,
        lambda w: np.array([w[0] + 100 * w[0] * w[1] ** 2, 100 * (1 + w[0] ** 2) * w[1]]),
        lambda w, v: (
            np.array([[1 + 100 * w[1] ** 2, 200 * w[0] * w[1]], [200 * w[0] * w[1], 100 * (1 + w[0] ** 2)]]) @ v
        ),
        size=2,
    )
    start = np.array([0.0, 1.0])
    there = np.array([math.sqrt(100.0), 0.0])
    options = {"rule": "gradient-descent", "learning_rate": 5e-3, "steps": 10}
    free = minimize(stiff, start, **options, teleport=At([0], along=JumpTo(there), target=anywhere, guard=None))
    assert free.history[1].teleported
    guarded = minimize(stiff, start, **options, teleport=At([0], along=JumpTo(there), target=anywhere))
    assert [one.status for one in guarded.teleports] == [Status.REJECTED]
    assert "overshoot" in guarded.teleports[0].evidence["rejected"]
    assert not any(record.teleported for record in guarded.history)
    plain = minimize(stiff, start, **options)
    assert guarded.last_point.tobytes() == plain.last_point.tobytes()
    assert guarded.cost.gradient_equivalents > plain.cost.gradient_equivalents


def test_the_second_search_keeps_to_stable_points():
    objective, rule = quadratic(STEEP), GradientDescent(learning_rate=0.1)
    target = StableTarget(GradientNorm(), Stability(rule, 0.1), limit=1.0, maximize=True, floor=3.0)
    loose = StableTarget(GradientNorm(), Stability(rule, 0.005), limit=1.0, maximize=True, floor=3.0)
    w = np.array([1.0, 1.0])
    assert loose.value(objective, w) == GradientNorm().value(objective, w)
    assert target.value(objective, w) == pytest.approx(-1 - 9)
    small = StableTarget(GradientNorm(), Stability(rule, 0.1), limit=1.0, maximize=False, floor=3.0)
    assert small.value(objective, w) > 0
    np.testing.assert_array_equal(
        target.value_and_grad(objective, w)[1], GradientNorm().value_and_grad(objective, w)[1]
    )


def test_a_large_change_of_the_scale_of_a_layer_is_refused():
    net, action = network(), scalings()
    start = net.initial(0)
    element = action.exp(np.full(action.dimension, math.log(30.0)))
    result = minimize(
        net, start, rule=Adam(learning_rate=1e-6), steps=3,
        teleport=At([1], along=FixedMove(action, element), target=anywhere),
    )  # fmt: skip
    assert "norm of a matrix" in result.teleports[0].evidence["rejected"]
    assert Guard(scale=31.0).bounds_scale(net.space, start, action.apply(element, start))
    assert not Guard(scale=29.0).bounds_scale(net.space, start, action.apply(element, start))


def test_a_move_that_raises_the_loss_is_refused():
    result = run(JumpTo(level(4.0, 1.0)))
    assert result.status is Status.MAX_STEPS
    assert not any(record.teleported for record in result.history)
    assert all(a.loss >= b.loss for a, b in zip(result.history, result.history[1:], strict=False))


def test_a_rollout_takes_what_ends_lower_and_nothing_else():
    start = level(2.0, 0.7)
    two = minimize(quadratic(STEEP), start, rule=GradientDescent(learning_rate=5e-3), steps=2)
    value = two.history[-1].loss
    good, bad = JumpTo(level(value, math.pi / 2)), JumpTo(level(value, 0.0))
    taken = run(good, start=start, accept=Rollout(steps=5))
    refused = run(bad, start=start, accept=Rollout(steps=5))
    assert taken.history[3].teleported
    assert taken.teleports[0].status is not Status.REJECTED
    assert [one.status for one in refused.teleports] == [Status.REJECTED]
    assert "after 5 steps" in refused.teleports[0].evidence["rejected"]
    assert refused.value < run(bad, start=start).value
    assert taken.value < refused.value


def test_the_rollout_takes_the_steps_of_the_run_itself():
    """The end that is compared is where the run arrives."""
    start = level(2.0, 0.7)
    rule = HeavyBall(learning_rate=lambda t: 4e-3 / t, momentum=0.5)
    losses = []

    class Spy(JumpTo):
        def search(self, objective, w, target, *, maximize, rng):
            return super().search(objective, w, target, maximize=maximize, rng=rng)

    end = Rollout.end

    def spying(self, *arguments, **options):
        losses.append(end(self, *arguments, **options))
        return losses[-1]

    value = minimize(quadratic(STEEP), start, rule=rule, steps=2).history[-1].loss
    move = Spy(level(value, 0.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rollout, "end", spying)
        result = run(move, start=start, rule=rule, accept=Rollout(steps=6))
    assert losses[0] == result.history[8].loss


def test_a_rollout_needs_the_margin_and_finite_ends():
    assert Rollout(margin=0.1).prefers(1.0, 0.85)
    assert not Rollout(margin=0.1).prefers(1.0, 0.95)
    assert not Rollout().prefers(1.0, 1.0)
    assert not Rollout().prefers(math.nan, math.nan)
    assert Rollout().prefers(math.nan, 1.0)
    assert Rollout(margin=0.1).prefers(-1.0, -1.2)
    assert not Rollout(margin=0.1).prefers(-1.0, -1.05)


def test_mini_batch_rollouts_go_over_the_batches_to_come():
    parts = [quadratic((1.0, 9.0)), quadratic((2.0, 5.0)), quadratic((0.5, 30.0))]
    seen = []

    class Watched:
        def __init__(self, stepper):
            self.stepper = stepper

        def roll(self, objectives, w, state, *, count, step):
            seen.append(([parts.index(one) for one in objectives], step))
            return w

    from solvers.batches import FunctionBatches

    batches = FunctionBatches(lambda step: parts[step % 3], size=2)
    w = np.array([1.0, 2.0])
    end = Rollout(steps=4).end(Watched(None), batches, step=7, w=w, state={}, count=7)
    assert seen == [([1, 2, 0, 1], 7)]
    assert end == pytest.approx(np.mean([part.value(w) for part in parts]))


def test_a_function_may_decide():
    seen = []

    def judge(before, after):
        seen.append((before, after))
        return False

    result = run(JumpTo(level(1.0, 1.0)), start=level(2.0, 0.0), accept=judge)
    assert len(seen) == 1
    assert result.teleports[0].evidence["rejected"] == "the acceptance function said no"


def well(w):
    """A loss that runs away beyond the border |w_1| = 5 and is a bowl in w_0 elsewhere."""
    return float(w[0] ** 2 + np.exp(w[1] ** 2 - 25.0))


def test_a_run_that_blows_up_after_a_teleport_is_taken_back():
    objective = Objective.from_functions(
        well,
        lambda w: np.array([2 * w[0], 2 * w[1] * np.exp(w[1] ** 2 - 25.0)]),
        size=2,
    )
    start, there = np.array([2.0, 0.0]), np.array([0.0, math.sqrt(25.0 + math.log(4.0))])
    options = {"rule": "gradient-descent", "learning_rate": 0.4, "steps": 8}
    guard = Guard(stability=math.inf)
    schedule = At([0], along=JumpTo(there), target=anywhere, guard=guard)
    wild = minimize(objective, start, **options, teleport=At([0], along=JumpTo(there), target=anywhere, guard=None))
    assert wild.status is Status.NON_FINITE
    safe = minimize(objective, start, **options, teleport=schedule)
    assert safe.value < 1e-3
    assert safe.status is Status.MAX_STEPS
    assert safe.teleports[0].status is Status.REJECTED
    assert "taken back" in safe.teleports[0].evidence["rejected"]
    plain = minimize(objective, start, **options)
    returned = next(k for k, record in enumerate(safe.history) if k and record.loss == safe.history[0].loss)
    assert [record.loss for record in safe.history[returned:]] == [
        record.loss for record in plain.history[: len(safe.history) - returned]
    ]


def test_repeated_blow_ups_lead_back_to_the_run_without_teleports():
    schedule = Every(1, along=ToTheCliff(), target=anywhere, guard=Guard(stability=math.inf))
    options = {"rule": "gradient-descent", "learning_rate": 0.4, "steps": 60}
    result = minimize(CLIFF, [20.0, 0.0], **options, teleport=schedule)
    assert sum("taken back" in one.evidence.get("rejected", "") for one in result.teleports) >= 2
    assert math.isfinite(result.history[-1].loss)
    assert result.status is not Status.NON_FINITE
    assert result.value < 4 * 0.992**60


def test_the_step_of_an_adaptive_rule_is_judged_with_its_state():
    objective, w, rate = quadratic(STEEP), np.array([1.0, 0.2]), 0.5
    rule = Adam(learning_rate=rate, epsilon=0.0)
    state = {"average": np.array([1.0, 20.0]), "square": np.array([400.0, 4e4])}
    step = rule.step(STEEP * w, state, count=5, rate=rate)[0]
    number = Stability(rule, rate, state=state, count=4).number(objective, w)
    assert number == pytest.approx((step @ (STEEP * step)) / -(STEEP * w @ step))
    assert number < Stability(rule, rate).number(objective, w)


def test_accepted_teleports_on_a_network_keep_every_rule_going():
    net, action = network(samples=40, widths=(5, 6, 3)), scalings((5, 6, 3))
    start = net.initial(0)
    rates = {"gradient-descent": 5e-4, "heavy-ball": 1e-4, "adagrad": 2e-2, "rmsprop": 2e-3, "adam": 5e-3}
    for rule, rate in rates.items():
        options = {"rule": rule, "learning_rate": rate, "steps": 60}
        schedule = Every(20, along=action, steps=5, accept=Rollout(steps=20))
        result, plain = minimize(net, start, **options, teleport=schedule), minimize(net, start, **options)
        taken = [one for one in result.teleports if one.status is not Status.REJECTED]
        assert max(one.gain for one in taken) > 1.1
        assert result.value <= 1.02 * plain.value
        assert all(one.relative_drift < 1e-10 for one in taken)
