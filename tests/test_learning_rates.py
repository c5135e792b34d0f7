"""Learning-rate schedules: their ends, PyTorch as the oracle, composition, and nonsense refused by name."""

import math
import pickle

import numpy as np
import pytest

from manifolds import InputError
from solvers.learning_rates import Constant, Cosine, Exponential, Linear, OneOver, Product, Sequence, StepDecay

ALL = [
    Constant(0.1),
    Linear(1.0, 0.25, 10),
    Cosine(1.0, 0.25, 10),
    Cosine(1.0, 0.25, 10, warmup=3),
    StepDecay(1.0, 0.5, every=4),
    Exponential(1.0, 0.9),
    OneOver(1.0, decay=0.5, power=0.5),
    Constant(0.5) * Linear(1.0, 0.25, 10),
    Linear(0.1, 1.0, 4).then(Cosine(1.0, 0.0, 5), after=4),
]


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_schedules_are_frozen_finite_and_survive_a_process_border(schedule):
    rates = [schedule(step) for step in range(1, 40)]
    assert all(math.isfinite(rate) and rate >= 0 for rate in rates)
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert [schedule(step) for step in range(1, 40)] == rates


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (Cosine(1.0, 0.25, 11), lambda s, o: s.CosineAnnealingLR(o, T_max=10, eta_min=0.25)),
        (StepDecay(1.0, 0.5, every=4), lambda s, o: s.StepLR(o, step_size=4, gamma=0.5)),
        (Exponential(1.0, 0.9), lambda s, o: s.ExponentialLR(o, gamma=0.9)),
        (Linear(1.0, 0.25, 11), lambda s, o: s.LinearLR(o, 1.0, 0.25, total_iters=10)),
    ],
    ids=["cosine", "step decay", "exponential", "linear"],
)
def test_equal_pytorch(schedule, make):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    for step in range(1, 12):
        assert schedule(step) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-12)
        optimizer.step()
        scheduler.step()


def test_cosine_reaches_both_ends_and_warms_up_on_a_line():
    cosine = Cosine(0.8, 0.2, 12, warmup=3)
    assert [cosine(step) for step in (1, 2, 3, 4)] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert cosine(12) == pytest.approx(0.2, abs=1e-15)
    assert cosine(1000) == pytest.approx(0.2, abs=1e-15)
    falling = [cosine(step) for step in range(4, 13)]
    assert falling == sorted(falling, reverse=True)
    assert Cosine(0.8, 0.2, 1)(1) == 0.8


def test_composition():
    both = Product(Constant(2.0), Exponential(1.0, 0.5))
    assert both(3) == 0.5
    assert (3 * Constant(0.5))(1) == (Constant(0.5) * 3)(1) == 1.5
    sequence = Constant(1.0).then(lambda step: 0.1 * step, after=5)
    assert [sequence(step) for step in (5, 6, 7)] == pytest.approx([1.0, 0.1, 0.2])
    np.testing.assert_allclose([OneOver(1.0)(step) for step in (1, 2, 10)], [1.0, 0.5, 0.1])


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Constant(-1.0), "rate"),
        (lambda: Constant(True), "rate"),
        (lambda: Linear(1.0, math.nan, 5), "end"),
        (lambda: Linear(1.0, 0.0, 0), "steps"),
        (lambda: Linear(1.0, 0.0, 2.5), "steps"),
        (lambda: Cosine(-1.0, 0.0, 5), "start"),
        (lambda: Cosine(1.0, 0.0, 5, warmup=5), "warmup"),
        (lambda: Cosine(1.0, 0.0, 5, warmup=-1), "warmup"),
        (lambda: StepDecay(1.0, 0.0, every=2), "factor"),
        (lambda: StepDecay(1.0, 0.5, every=True), "every"),
        (lambda: Exponential(1.0, -0.5), "factor"),
        (lambda: OneOver(1.0, decay=-1.0), "decay"),
        (lambda: Sequence(Constant(1.0), Constant(1.0), after=-1), "after"),
        (lambda: Constant(1.0).then(0.5, after=2), "0.5"),
        (lambda: Product(Constant(1.0), "x"), "'x'"),
    ],
)
def test_nonsense_is_refused_by_name(make, named):
    with pytest.raises(InputError) as error:
        make()
    assert named in error.value.what


def test_rates_that_overflow_are_infinite_or_zero():
    assert Exponential(1.0, 2.0)(5000) == StepDecay(1.0, 2.0, every=1)(5000) == math.inf
    assert OneOver(1.0, decay=1e300, power=5.0)(10) == 0.0
