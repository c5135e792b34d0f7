"""When a minimisation teleports."""

import numpy as np
import pytest
from minimize_cases import BOOTH, JumpTo, anywhere, quadratic

from manifolds.errors import InputError
from solvers.minimize import minimize
from solvers.orbit import OrbitMove
from solvers.running.acceptance import Rollout
from solvers.running.guard import Guard
from solvers.running.run_state import LoopState
from solvers.schedules import At, Every, When

MOVE = JumpTo([0.0, 0.0])


class Counting(JumpTo):
    """Notes the steps at which it was asked, by the loss, and stays."""

    def __init__(self):
        super().__init__([0.0])
        self.points = []

    def search(self, objective, w, target, *, maximize, rng):
        self.points.append(w.copy())
        self.point = w.copy()
        return super().search(objective, w, target, maximize=maximize, rng=rng)


def steps_of(make, steps=12):
    """The steps before which a schedule teleports."""
    move = Counting()
    seen = [np.array([3.0, 1.0])]
    minimize(
        quadratic(), [3.0, 1.0], steps=steps, teleport=make(along=move, target=anywhere),
        callback=lambda state: seen.append(state.point),
    )  # fmt: skip
    return [next(k for k, point in enumerate(seen) if np.array_equal(point, asked)) for asked in move.points]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda **o: Every(5, **o), [0, 5, 10]),
        (lambda **o: Every(5, start=4, **o), [4, 9]),
        (lambda **o: Every(3, start=1, stop=7, **o), [1, 4]),
        (lambda **o: Every(1, start=10, **o), [10, 11]),
        (lambda **o: At([2, 7, 40], **o), [2, 7]),
        (lambda **o: At(2, 7, **o), [2, 7]),
        (lambda **o: At(range(0, 12, 6), **o), [0, 6]),
        (lambda **o: When(lambda state: state.step % 4 == 3, **o), [3, 7, 11]),
        (lambda **o: When(lambda state: len(state.history) == 6, **o), [5]),
    ],
)
def test_a_schedule_teleports_at_its_steps(make, expected):
    assert steps_of(make) == expected


def test_the_next_step_is_the_first_that_is_due():
    for schedule in (Every(4), Every(4, start=6), Every(3, start=1, stop=9), At([3, 5])):
        due = [step for step in range(30) if schedule.next_due(step) == step]
        for step in range(12):
            assert schedule.next_due(step) == next((one for one in due if one >= step), None)


def test_a_trigger_sees_the_state_of_the_loop():
    seen = []

    def trigger(state):
        seen.append(state)
        return False

    result = minimize(quadratic(), [3.0, 1.0], steps=4, teleport=When(trigger))
    assert [state.step for state in seen] == [0, 1, 2, 3]
    assert all(isinstance(state, LoopState) for state in seen)
    assert [state.loss for state in seen] == [record.loss for record in result.history[:4]]
    assert result.teleports == ()


def test_the_guard_and_the_acceptance_are_read():
    schedule = Every(2, accept="rollout", guard=Guard(stability=0.5))
    assert schedule.accept == Rollout()
    assert schedule.guard == Guard(stability=0.5)
    assert Every(2, accept="always").accept is None
    assert Every(2).guard == Guard()
    assert Every(2, guard=None).guard is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: Every(0),
        lambda: Every(2.5),
        lambda: Every(True),
        lambda: Every(5, start=-1),
        lambda: At([]),
        lambda: At([-1]),
        lambda: At("5"),
        lambda: At([1.5]),
        lambda: When(5),
        lambda: Every(5, accept="maybe"),
        lambda: Every(5, guard="strong"),
        lambda: Every(5, state="carried"),
        lambda: Every(5, objective=3),
        lambda: Every(5, guard=Guard(stability=-1.0)),
        lambda: Every(5, guard=Guard(scale=0.5)),
        lambda: Every(5, accept=Rollout(steps=0)),
        lambda: Every(5, accept=Rollout(margin=-1.0)),
        lambda: minimize(quadratic(), [1.0, 1.0], teleport=Every(5, objective=quadratic((1.0, 2.0, 3.0)))),
        lambda: minimize(quadratic(), [1.0, 1.0], teleport=Every(5, along=MOVE, radius=2.0)),
    ],
)
def test_nonsense_is_refused(make):
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.why
    assert caught.value.cure


def test_the_options_of_a_move_belong_to_the_description():
    near, far = (Every(5, along=OrbitMove(BOOTH, radius=radius)).describe() for radius in (0.5, 2.0))
    assert near != far
    assert Every(5, along=BOOTH).describe() == Every(5, along=BOOTH).describe()


def test_a_teleport_may_search_another_objective_and_its_cost_is_counted():
    other = quadratic((1.0, 10.0))
    schedule = At([2], along="level-set", objective=other, steps=3)
    result = minimize(quadratic((1.0, 10.0)), [3.0, 1.0], rule="gradient-descent", learning_rate=0.05, steps=5,
                      teleport=schedule)  # fmt: skip
    assert result.teleports[0].gain > 1
    assert result.cost.gradients == other.ledger.total().gradients + 7


def test_the_history_of_a_state_does_not_grow():
    seen = []
    minimize(quadratic(), [3.0, 1.0], steps=6, callback=seen.append)
    assert [len(state.history) for state in seen] == [2, 3, 4, 5, 6, 7]
    for state in seen:
        assert state.history[-1].step == state.step == state.history[:][-1].step
        assert state.history[-1].loss == state.loss
        with pytest.raises(IndexError):
            state.history[state.step + 1]
