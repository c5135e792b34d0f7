"""Rates of gradient descent with teleports on convex losses, and the two examples."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.convergence.expansive_example import ExpansiveExample
from solvers.objective import Objective
from solvers.rates import expansive_in_distance, neither_helps_nor_hurts, smooth_convex_rate
from symmetries import Loss

BOWL = Loss.parse("x**2/2 + 5*y**2")


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.floats(0.01, 0.199), st.sets(st.integers(0, 14)), st.floats(-3, 3), st.floats(-3, 3))
def test_the_bound_holds_for_any_schedule(rate, at, x, y):
    if abs(x) + abs(y) < 1e-3:
        return
    check = smooth_convex_rate(BOWL, [x, y], learning_rate=rate, steps=15, at=at)
    assert check.verdict == "measured"
    assert check.claims[-1].evidence["share_of_bound"] <= 1


def test_a_user_defined_teleport_that_cheats_is_found_out():
    check = smooth_convex_rate(BOWL, [1.0, 1.0], learning_rate=0.1, steps=3, at={0}, teleport=lambda w: 2 * w)
    assert check.claims[2].verdict == check.verdict == "refuted"


def test_hypotheses():
    assert smooth_convex_rate(BOWL, [1.0, 1.0], learning_rate=0.2, steps=3).verdict == "undecided"
    logistic = Loss.parse("log(1 + exp(x)) + log(1 + exp(-2*x))")
    assert "smoothness" in smooth_convex_rate(logistic, [3.0], learning_rate=0.2, steps=3).claims[0].reason
    check = smooth_convex_rate(logistic, [3.0], learning_rate=0.5, steps=40, smoothness=1.25)
    assert check.verdict == "measured"
    assert "the loss is convex" in check.claims[-1].assumptions
    with pytest.raises(InputError, match="steps"):
        smooth_convex_rate(BOWL, [1.0, 1.0], learning_rate=0.1, steps=0)


def test_the_distance_of_the_start_is_not_enough():
    example = ExpansiveExample(Fraction(100))
    run = {
        "learning_rate": 1.0,
        "steps": 200,
        "smoothness": 1.0,
        "minimiser": [0.0, 0.0],
        "teleport": lambda _: np.array([example.end, 0.0]),
        "at": {0},
    }
    assert smooth_convex_rate(example.objective(), [0.0, 2.0], **run).verdict == "measured"
    near = smooth_convex_rate(example.objective(), [0.0, 2.0], radius=2.0, **run)
    assert [claim.verdict for claim in near.claims[-2:]] == ["refuted", "refuted"]


@pytest.mark.parametrize("reach", [2, 7, 1000, Fraction(5, 2)])
def test_teleports_can_go_far_away(reach):
    check = expansive_in_distance(reach, samples=2000)
    assert [claim.verdict for claim in check.claims[:-1]] == ["proved"] * 5
    assert check.claims[-1].verdict == "measured"


def test_the_example_is_what_it_says():
    example = ExpansiveExample(Fraction(10))
    objective = example.objective()
    rng = np.random.default_rng(0)
    points = rng.uniform(-14, 14, size=(300, 2))
    for a, b in zip(points[::2], points[1::2], strict=True):
        assert objective.value(a) + objective.gradient(a) @ (b - a) <= objective.value(b) + 1e-12  # convex
        assert np.linalg.norm(objective.gradient(a) - objective.gradient(b)) <= np.linalg.norm(a - b) + 1e-12
        step = 1e-6 * (b - a)
        slope = (objective.value(a + step) - objective.value(a - step)) / 2
        assert slope == pytest.approx(objective.gradient(a) @ step, abs=1e-11)
    assert objective.value(np.array([example.end, 0.0])) == pytest.approx(1, abs=1e-12)
    level = np.array([np.sum(objective.gradient(np.array([example.end, 0.0])) ** 2)])
    assert level[0] == pytest.approx(float(example.squared_gradients()[-1]))


def test_reach_must_be_rational():
    for reach in (1, 2.5, True, "far"):
        with pytest.raises(InputError, match="reach"):
            expansive_in_distance(reach)


def test_a_round_loss_gains_nothing():
    certificate = neither_helps_nor_hurts()
    assert {claim.verdict for claim in certificate.claims} == {"proved"}
    values = []
    for at in ((), {0, 2}, {1}):
        objective = Objective.from_loss(Loss.parse("(x**2 + y**2)/2"))
        check = smooth_convex_rate(
            objective, [1.0, 2.0], learning_rate=0.3, steps=5, at=at, teleport=lambda w: np.array([w[1], -w[0]])
        )
        values.append(check.claims[-1].evidence["final_gap"])
    assert values == pytest.approx([values[0]] * 3, rel=1e-12)


def test_a_point_that_is_no_minimiser_is_found_out():
    check = smooth_convex_rate(BOWL, [1.0, 1.0], learning_rate=0.1, steps=3, minimiser=[0.5, 0.0])
    assert check.claims[1].verdict == check.verdict == "refuted"


@pytest.mark.parametrize(
    "options",
    [
        {"at": 5},
        {"at": [1.5]},
        {"at": [-1]},
        {"at": "0"},
        {"radius": "a"},
        {"radius": -1.0},
        {"smoothness": "a"},
        {"teleport": 5},
    ],
)
def test_options_that_make_no_sense(options):
    with pytest.raises(InputError, match=next(iter(options))):
        smooth_convex_rate(Loss.parse("x**2 + y**2"), [1.0, 1.0], learning_rate=0.1, steps=3, **options)


def test_hypotheses_that_fail_decide_nothing():
    steep = smooth_convex_rate(Loss.parse("x**2/2 + 5*y**2"), [1.0, 1.0], learning_rate=1.0, steps=5, smoothness=0.1)
    assert (steep.verdict, "eigenvalue 10" in steep.claims[-1].reason) == ("undecided", True)
    options = {"learning_rate": 0.1, "steps": 5, "smoothness": 10.0, "minimiser": [0.0]}
    hill = smooth_convex_rate(Loss.parse("x**4 - x**2"), [0.1], **options)
    assert [claim.verdict for claim in hill.claims[1:]] == ["measured", "measured", "undecided"]
    still = smooth_convex_rate(Loss.parse("x**2"), [0.0], learning_rate=0.1, steps=5)
    assert still.claims[-1].verdict == "undecided"
