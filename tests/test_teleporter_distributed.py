"""Teleports in data-parallel training: the same decision and the same bits on every process, errors on all."""

from datetime import timedelta
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from teleporter_cases import LOSS, batch, bits, network, scalings, train  # noqa: E402
from torch import distributed as dist  # noqa: E402
from torch import multiprocessing as mp  # noqa: E402
from torch.nn.parallel import DistributedDataParallel  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.teleporter import Teleporter  # noqa: E402
from solvers.running.acceptance import Rollout  # noqa: E402

pytestmark = pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="gloo is not built in")

RANKS = 2


def worker(rank, store, results):
    """One process."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=RANKS, timeout=timedelta(seconds=60)
    )
    try:
        torch.save({one.__name__: one(rank) for one in (teleports, alone, failing)}, Path(results) / f"{rank}.pt")
    finally:
        dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each process found: starting them takes longer than what they do."""
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(worker, args=(str(folder / "store"), str(folder)), nprocs=RANKS)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(RANKS)]


def trained(rank, dtype=torch.float32):
    """A model in training, with other data on every process."""
    model = network(dtype=dtype)
    parallel = DistributedDataParallel(model)
    optimizer = torch.optim.Adam(parallel.parameters(), lr=0.01)
    data = batch(seed=10 + rank, dtype=dtype)
    train(parallel, optimizer, 3, data)
    return model, parallel, optimizer, data


def described(result):
    """What must agree."""
    return [result.status.value, result.loss_before, result.loss_after, result.target_after, result.gradient_norm_after]


MOVES = {
    "group": {"accept": Rollout(steps=3)},
    "level-set": {"along": "level-set", "steps": 3},
    "null-space": {"along": "null-space", "steps": 2, "target": "sharpness", "energy": 0.9},
    "random": {"along": "random", "radius": 0.3},
    "lookahead": {"target": "lookahead", "lookahead_steps": 2, "steps": 4},
}


def teleports(rank):
    """Every move once, with training in between."""
    found = {}
    for name, options in MOVES.items():
        model, parallel, optimizer, data = trained(rank)
        symmetry = scalings(model) if options.get("along", "group") in ("group", "random") else None
        teleporter = Teleporter(parallel, LOSS, optimizer=optimizer, symmetry=symmetry, **options)
        results = [teleporter.step([data, batch(seed=20 + rank, dtype=torch.float32)])]
        train(parallel, optimizer, 2, data)
        results.append(teleporter.step(data))
        train(parallel, optimizer, 2, data)
        found[name] = ([described(one) for one in results], bits(model, optimizer))
    return found


def test_every_rank_takes_the_same_decision_with_the_same_bits(found):
    first, second = (one["teleports"] for one in found)
    for name in MOVES:
        assert first[name][0] == second[name][0]
        assert first[name][1] == second[name][1]
    assert first["group"][0][0][0] not in ("rejected", "no-improvement")


def alone(rank):
    """The gradient norm on two ranks, and that of one process with the data of both."""
    model, parallel, optimizer, _ = trained(rank, torch.float64)
    result = Teleporter(parallel, LOSS, optimizer=optimizer, symmetry=scalings(model)).step(batch(seed=10 + rank))
    return result.loss_before, result.loss_after, result.target_before, result.target_after


def reference():
    """The same with the mean over both batches, in this process."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    data = [batch(seed=10), batch(seed=11)]
    for _ in range(3):
        optimizer.zero_grad()
        (sum(LOSS(model(x), y) for x, y in data) / 2).backward()
        optimizer.step()
    result = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), batches=2).step(data)
    return result.loss_before, result.loss_after, result.target_before, result.target_after


def test_two_ranks_do_what_one_process_does_with_the_data_of_both(found):
    first, second = (one["alone"] for one in found)
    assert first == second
    assert first == pytest.approx(reference(), rel=1e-9)


def failing(rank):
    """A teleport on data of which those of one rank are broken."""
    model, parallel, optimizer, data = trained(rank)
    before = bits(model, optimizer)
    broken = [
        (data[0][:, :4], data[1]),  # fails in the model
        torch.ones(3),  # is no batch
        [data, data],  # one more than on the other rank
    ]
    told = []
    for one in broken:
        try:
            given = one if rank == 1 else data
            Teleporter(parallel, LOSS, optimizer=optimizer, symmetry=scalings(model)).step(given)
        except (InputError, RuntimeError) as error:
            told.append(str(error))
    unchanged = bits(model, optimizer) == before
    train(parallel, optimizer, 1, data)  # no rank is left waiting
    return told, unchanged


def test_a_rank_that_fails_raises_on_all_and_nothing_is_changed(found):
    (first, first_unchanged), (second, second_unchanged) = (one["failing"] for one in found)
    assert len(first) == len(second) == 3
    assert all("failed on rank 1" in one for one in first[:2])
    assert not any("failed on rank" in one for one in second)
    assert "different numbers of batches" in first[2]
    assert first[2] == second[2]
    assert first_unchanged
    assert second_unchanged
