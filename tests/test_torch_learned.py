"""The learned optimizer: exact teleports, derivatives through unrolled steps, resuming, and that it learns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.learned import (  # noqa: E402
    VARIANTS,
    MetaSettings,
    ModuleTask,
    Proposer,
    RegressionTask,
    Task,
    follow,
    learn_optimizer,
)
from solvers.pytorch.learning.regression import ACTIONS  # noqa: E402
from solvers.pytorch.learning.rollout import start_of  # noqa: E402
from solvers.pytorch.learning.training import MetaTraining, unrolled  # noqa: E402
from solvers.status import Status  # noqa: E402

SMALL = {"rounds": 3, "steps": 20, "hidden": 5, "meta_rate": 1e-2}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small_task(seed: int) -> RegressionTask:
    return RegressionTask(seed, size=4)


def stirred(proposer: Proposer, size: float = 0.3) -> Proposer:
    """The network with random linear maps, so that it proposes something."""
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for one in proposer.parameters():
            one += size * torch.randn(one.shape, generator=generator, dtype=one.dtype)
    return proposer


def proposer_for(task: Any, **options: Any) -> Proposer:
    settings = MetaSettings(**{"hidden": 4, "radius": 0.2, **options})
    return Proposer(settings, blocks=[one.numel() for one in task.start.values()], coordinates=task.coordinates)


def relative(one: Any, two: Any) -> float:
    return max(float((one[name] - two[name]).abs().max() / two[name].abs().max()) for name in two)


# The task and its groups.


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("seed", range(5))
def test_the_action_is_exact_and_a_group_action(action, seed):
    task = RegressionTask(seed, action=action)
    generator = torch.Generator().manual_seed(seed)
    T = torch.randn(task.coordinates, generator=generator, dtype=torch.float64)
    T /= T.norm()
    start = task.start
    moved = task.moved(start, T)
    assert relative(moved, start) > 1e-3
    assert task.loss(moved).item() == pytest.approx(task.loss(start).item(), rel=1e-11)
    assert relative(task.moved(start, 0 * T), start) < 1e-14
    assert relative(task.moved(moved, -T), start) < 1e-9
    assert relative(task.moved(task.moved(start, 0.3 * T), 0.7 * T), moved) < 1e-9


def test_the_outputs_are_kept_and_not_only_the_loss():
    task = RegressionTask(3, size=6)
    T = 0.1 * torch.arange(36.0, dtype=torch.float64) / 36
    moved = task.moved(task.start, T)

    def outputs(parameters):
        return parameters["U"] @ nn.functional.leaky_relu(parameters["V"] @ task.X, 0.1)

    assert torch.allclose(outputs(moved), outputs(task.start), rtol=1e-10)


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 2.0}, {"action": "shuffle"}, {"rng": "now"}])
def test_refused_tasks(options):
    with pytest.raises(InputError):
        RegressionTask(**{"rng": 0, **options})


# The network.


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_untrained_network_is_gradient_descent(variant):
    task = small_task(0)
    way = follow(proposer_for(task, variant=variant, initial_rate=1e-3, radius=0.01), task, 30)
    parameters = {name: one.clone() for name, one in task.start.items()}
    for loss in way.losses:
        leaves = {name: one.requires_grad_() for name, one in parameters.items()}
        value = task.loss(leaves)
        assert loss == pytest.approx(value.item(), rel=1e-9)
        slopes = torch.autograd.grad(value, list(leaves.values()))
        parameters = {
            name: (one - 1e-3 * slope).detach() for (name, one), slope in zip(leaves.items(), slopes, strict=True)
        }
    assert way.rates == pytest.approx([1e-3] * 30, rel=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_bounds_hold_and_teleports_do_not_drift(variant):
    task = RegressionTask(1, size=8)
    proposer = stirred(proposer_for(task, variant=variant), 2.0)
    way = follow(proposer, task, 25)
    assert all(1e-7 <= rate <= 5e-3 * (1 + 1e-12) for rate in way.rates)
    teleports = len(way.rates) if "teleport" in variant else 0
    assert (len(way.drifts), len(way.radii)) == (teleports, teleports)
    assert way.cost.gradients == len(way.rates) + teleports
    if teleports:
        assert max(way.drifts) < 1e-10
        assert 0.05 < max(way.radii) <= 0.2


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_gradient_of_the_meta_loss_is_that_of_finite_differences(variant):
    """Through teleports, gradients and memory of five steps."""
    task = RegressionTask(2, size=3)
    proposer = stirred(proposer_for(task, variant=variant))

    def meta_loss() -> Any:
        return unrolled(proposer, task, start_of(task, proposer), 5)[0]

    slopes = torch.autograd.grad(meta_loss(), list(proposer.parameters()))
    generator = torch.Generator().manual_seed(1)
    for one, slope in zip(proposer.parameters(), slopes, strict=True):
        move = torch.randn(one.shape, generator=generator, dtype=torch.float64)
        ends = []
        for step in (1e-5, -2e-5):
            with torch.no_grad():
                one += step * move
            ends.append(meta_loss().item())
        with torch.no_grad():
            one += 1e-5 * move
        along = float((slope * move).sum())
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(along, rel=1e-4, abs=1e-6 * float(slope.norm()) + 1e-7)
        assert float(slope.norm()) > 0


def test_the_meta_loss_is_the_sum_of_the_losses_met():
    task = small_task(5)
    proposer = stirred(proposer_for(task, variant="rate+teleport"))
    total, walk, last = unrolled(proposer, task, start_of(task, proposer), 7)
    way = follow(proposer, task, 7)
    assert total.item() == pytest.approx(sum(way.losses[1:]), rel=1e-12)
    assert last == pytest.approx(way.losses[-1], rel=1e-12)
    assert relative({name: one.detach() for name, one in walk.parameters.items()}, way.last_parameters) < 1e-12


def test_the_best_point_is_returned_and_not_the_last():
    task = RegressionTask(0)
    way = follow(proposer_for(task, variant="rate", initial_rate=2e-3), task, 40)
    assert way.status == Status.NON_FINITE
    assert len(way.losses) <= 41
    assert task.loss(way.parameters).item() == min(loss for loss in way.losses if math.isfinite(loss))


# The training.


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_improves_over_the_untrained(variant):
    learned = learn_optimizer(small_task, variant=variant, radius=0.1, rounds=6, steps=40, hidden=5, meta_rate=1e-2)
    assert learned.status == Status.MAX_STEPS
    assert learned.best <= learned.untrained
    if variant != "teleport":  # by orders of magnitude below: the initial rate is far too small for these tasks
        assert learned.best < 0.5 * learned.untrained
    validation = [learned.untrained, *(one.validation for one in learned.rounds)]
    assert learned.best == min(validation)
    assert validation[learned.best_round + 1] == learned.best
    fresh = [MetaTraining(small_task, learned.settings).task(1, k) for k in range(2)]
    assert sum(learned.follow(task).losses[-1] for task in fresh) / 2 == learned.best


def test_the_rounds_repeat_bit_by_bit_and_depend_on_the_seed():
    one, two = (learn_optimizer(small_task, **SMALL) for _ in range(2))
    assert one.rounds == two.rounds
    assert learn_optimizer(small_task, seed=1, **SMALL).rounds != one.rounds


def test_switched_off_gradients_do_not_switch_off_the_training():
    with torch.no_grad():
        inside = learn_optimizer(small_task, **SMALL)
    assert inside.rounds == learn_optimizer(small_task, **SMALL).rounds


def test_resuming_gives_the_same_bits(tmp_path):
    path = tmp_path / "state.pt"
    whole = learn_optimizer(small_task, **{**SMALL, "rounds": 4})
    learn_optimizer(small_task, **{**SMALL, "rounds": 2}, state_file=path)
    told = []
    resumed = learn_optimizer(small_task, **{**SMALL, "rounds": 4}, state_file=path, callback=told.append)
    assert [one.index for one in told] == [2, 3]
    assert resumed.rounds == whole.rounds
    ours, theirs = resumed.proposer.state_dict(), whole.proposer.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    again = learn_optimizer(small_task, **{**SMALL, "rounds": 4}, state_file=path)
    assert again.rounds == whole.rounds
    assert [one.name for one in tmp_path.iterdir()] == ["state.pt"]


def test_an_interruption_in_the_midst_of_a_round_loses_only_that_round(tmp_path):
    path = tmp_path / "state.pt"
    whole = learn_optimizer(small_task, **SMALL)
    calls = {"loss": 0}

    class Interrupting(Task):
        def __init__(self, seed: int) -> None:
            self.inner = small_task(seed)
            super().__init__(self.inner.start, coordinates=self.inner.coordinates)

        def loss(self, parameters):
            calls["loss"] += 1
            if calls["loss"] == 300:
                raise KeyboardInterrupt
            return self.inner.loss(parameters)

        def moved(self, parameters, coordinates):
            return self.inner.moved(parameters, coordinates)

    first = learn_optimizer(Interrupting, **SMALL, state_file=path)
    assert first.status == Status.INTERRUPTED
    assert 0 < len(first.rounds) < 3
    assert first.rounds == whole.rounds[: len(first.rounds)]
    second = learn_optimizer(Interrupting, **SMALL, state_file=path)
    assert second.status == Status.MAX_STEPS
    assert second.rounds == whole.rounds


def test_a_training_that_diverges_returns_the_untrained_network():
    learned = learn_optimizer(
        lambda seed: RegressionTask(seed, size=20), variant="update", rounds=2, steps=30, hidden=4, meta_rate=3.0
    )
    assert learned.best_round == -1
    assert learned.best == learned.untrained
    assert all(bool(torch.isfinite(one).all()) for one in learned.proposer.parameters())


def test_state_files_of_others_are_refused(tmp_path):
    path = tmp_path / "state.pt"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="state file"):
        learn_optimizer(small_task, **SMALL, state_file=path)
    torch.save({"format": "another"}, path)
    with pytest.raises(InputError, match="state file"):
        learn_optimizer(small_task, **SMALL, state_file=path)
    path.unlink()
    learn_optimizer(small_task, **{**SMALL, "rounds": 1}, state_file=path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"meta_rate=0\.01"):
        learn_optimizer(small_task, **{**SMALL, "meta_rate": 0.1}, state_file=path)
    with pytest.raises(InputError, match="other sizes"):
        learn_optimizer(lambda seed: RegressionTask(seed, size=5), **SMALL, state_file=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        {"variant": "luck"},
        {"rounds": 0},
        {"steps": True},
        {"meta_rate": -1.0},
        {"clip": math.inf},
        {"initial_rate": 1.0},
        {"seed": -1},
        {"speed": 3},
    ],
)
def test_refused_options(options):
    with pytest.raises(InputError) as caught:
        learn_optimizer(small_task, **options)
    assert next(iter(options)).split("_")[-1] in str(caught.value)


def test_settings_and_options_together_are_refused():
    settings = MetaSettings(**SMALL)
    with pytest.raises(InputError, match="say it twice"):
        learn_optimizer(small_task, settings=settings, rounds=2)
    assert learn_optimizer(small_task, settings=replace(settings, rounds=1)).settings.rounds == 1


# Modules.


class Scalings:
    """Positive scalings of the hidden units of a network of two layers, as a symmetry of a module."""

    coordinates = 5

    def transformed(self, parameters: Any, coordinates: Any) -> Any:
        s = torch.exp(coordinates)
        return {
            **parameters,
            "0.weight": s[:, None] * parameters["0.weight"],
            "0.bias": s * parameters["0.bias"],
            "2.weight": parameters["2.weight"] / s,
        }


def module_task(seed: int, symmetry: Any = None) -> ModuleTask:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1)).double()
        batch = torch.randn(8, 3).double(), torch.randn(8, 1).double()
    return ModuleTask(net, nn.functional.mse_loss, batch, symmetry=symmetry)


def test_a_module_and_its_symmetry_make_a_task():
    learned = learn_optimizer(
        lambda seed: module_task(seed, Scalings()),
        rounds=4,
        steps=30,
        hidden=5,
        initial_rate=1e-2,
        highest_rate=0.3,
        radius=0.1,
        meta_rate=1e-2,
    )
    assert learned.best < learned.untrained
    way = learned.follow(module_task(1000, Scalings()))
    assert max(way.drifts) < 1e-12
    assert way.losses[-1] < way.losses[0]


def test_teleports_without_a_group_are_refused():
    with pytest.raises(InputError, match="variant="):
        learn_optimizer(module_task, **SMALL)
    with pytest.raises(InputError, match="no group"):
        module_task(0).moved({}, torch.zeros(0))
    assert learn_optimizer(module_task, variant="rate", **SMALL).best_round >= -1
