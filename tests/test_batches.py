"""Mini-batches are a function of the seed and the step."""

import numpy as np
import pytest
from minimize_cases import network, quadratic

from manifolds.errors import InputError
from solvers.batches import MiniBatches, read_batches


def test_every_epoch_is_a_permutation_and_each_another_one():
    batches = MiniBatches(network(samples=12), size=4, rng=0)
    epochs = [[batches.indices(3 * epoch + k) for k in range(3)] for epoch in range(4)]
    for epoch in epochs:
        assert sorted(np.concatenate(epoch).tolist()) == list(range(12))
    assert len({tuple(np.concatenate(epoch)) for epoch in epochs}) == 4


def test_batches_do_not_depend_on_the_order_in_which_they_are_asked_for():
    forwards, backwards = (MiniBatches(network(samples=10), size=3, rng=5) for _ in range(2))
    asked = {step: backwards.indices(step) for step in reversed(range(12))}
    for step in range(12):
        assert forwards.indices(step).tolist() == asked[step].tolist()
    other = MiniBatches(network(samples=10), size=3, rng=6)
    assert any(other.indices(step).tolist() != asked[step].tolist() for step in range(3))


def test_the_rest_of_an_epoch_is_left_out():
    batches = MiniBatches(network(samples=10), size=4)
    assert batches.period == 2
    assert all(batches.indices(step).size == 4 for step in range(9))


def test_a_batch_is_the_objective_on_its_samples_with_the_same_ledger():
    net = network(samples=10)
    batches = MiniBatches(net, size=5, rng=1)
    part, w = batches(3), net.initial(0)
    assert part.value(w) == net.on(batches.indices(3)).value(w)
    assert part.ledger is net.ledger
    halves = [batches(step).value(w) for step in (4, 5)]
    assert sum(halves) == pytest.approx(net.value(w))


@pytest.mark.parametrize(
    "make",
    [
        lambda: MiniBatches(quadratic(), size=1),
        lambda: MiniBatches(network(), size=0),
        lambda: MiniBatches(network(samples=5), size=6),
        lambda: MiniBatches(network(), size=2.5),
        lambda: MiniBatches(network(), size=2, count=0),
        lambda: MiniBatches(network(), size=2, rng="a"),
        lambda: read_batches(MiniBatches(network(), size=2), quadratic()),
        lambda: read_batches(lambda step: network(), quadratic())(0),
    ],
)
def test_nonsense_is_refused(make):
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.cure
