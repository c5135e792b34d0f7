"""Teleports of modules: gains, losses that stay, models that are left as they were."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from teleporter_cases import LOSS, OPTIMIZERS, batch, bits, network, scalings, train  # noqa: E402
from torch import nn  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.objective import module_objective  # noqa: E402
from solvers.pytorch.symmetry.finder import symmetries_of  # noqa: E402
from solvers.pytorch.symmetry.hidden_space import HiddenSpace  # noqa: E402
from solvers.pytorch.symmetry.legs import Leg  # noqa: E402
from solvers.pytorch.symmetry.linear_maps import LinearMaps  # noqa: E402
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry  # noqa: E402
from solvers.pytorch.symmetry.scalings import Scalings  # noqa: E402
from solvers.pytorch.teleporter import Teleporter  # noqa: E402
from solvers.running.acceptance import Rollout  # noqa: E402

TARGETS = [
    "gradient-norm",
    "preconditioned-gradient-norm",
    "sharpness",
    "curvature",
    "predicted-decrease",
    "lookahead",
    lambda objective, w: float(w @ w),
]


def squared_length(objective, w):
    """A target with its gradient."""
    return float(w @ w), 2 * w


def gradient_square(objective, w):
    """The squared gradient norm, as a target that nobody knows."""
    gradient = objective.gradient(w)
    return float(gradient @ gradient), 2 * objective.hvp(w, gradient)


def adam(model, data, steps=3):
    """An optimizer that has done some steps."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    train(model, optimizer, steps, data)
    return optimizer


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one if isinstance(one, str) else "function")
@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_along_the_group_the_loss_stays_and_the_target_is_no_worse(target, maximize, dtype):
    model, data = network(dtype=dtype), batch(dtype=dtype)
    optimizer = adam(model, data)
    unseen = torch.randn(30, 6, dtype=dtype, generator=torch.Generator().manual_seed(7))
    before = model(unseen).detach()
    teleporter = Teleporter(
        model,
        LOSS,
        optimizer=optimizer,
        symmetry=scalings(model),
        target=target,
        maximize=maximize,
        radius=0.7,
        steps=4,
    )
    result = teleporter.step(data)
    sign = 1 if maximize else -1
    assert sign * result.target_after >= sign * result.target_before
    assert result.relative_drift <= (1e-12 if dtype == torch.float64 else 1e-5)
    torch.testing.assert_close(
        model(unseen).detach(), before, rtol=1e-5, atol=1e-12 if dtype == torch.float64 else 1e-6
    )
    if result.element is not None:
        assert sign * (result.target_after - result.target_before) > 0


@pytest.mark.parametrize("maximize", [True, False])
def test_what_is_reported_is_what_the_model_has(maximize):
    model, data = network(), batch()
    result = Teleporter(model, LOSS, symmetry=scalings(model), maximize=maximize).step(data)
    loss = LOSS(model(data[0]), data[1])
    loss.backward()
    square = sum(float(one.grad.square().sum()) for one in model.parameters())
    assert result.element is not None
    assert result.loss_after == pytest.approx(loss.item(), rel=1e-12)
    assert result.target_after == pytest.approx(square, rel=1e-12)
    assert result.gradient_norm_after == pytest.approx(math.sqrt(square), rel=1e-12)
    assert (result.gain > 2) if maximize else (result.gain < 0.95)


def test_the_smallest_gradient_norm_is_that_of_the_closed_form():
    model, data = network(widths=(6, 8, 3), bias=False), batch()
    objective = module_objective(model, LOSS, data)
    gradient = objective.parameters(objective.gradient(objective.vector()))
    into, out = gradient["0.weight"].square().sum(1), gradient["2.weight"].square().sum(0)
    least = float(2 * (into * out).sqrt().sum())  # s^2 B + A / s^2 at its minimum, unit by unit
    result = Teleporter(model, LOSS, symmetry=scalings(model), maximize=False, radius=9.0, steps=60).step(data)
    assert result.target_after == pytest.approx(least, rel=1e-9)


def test_the_carried_gradient_is_the_preconditioned_one_with_its_state():
    model, data = network(), batch()
    optimizer = adam(model, data)
    teleporter = Teleporter(
        model, LOSS, optimizer=optimizer, symmetry=scalings(model), target="preconditioned-gradient-norm"
    )
    result = teleporter.step(data)
    optimizer.zero_grad()
    LOSS(model(data[0]), data[1]).backward()
    total = 0.0
    for one in model.parameters():
        state = optimizer.state[one]
        root = (state["exp_avg_sq"] / (1 - 0.999**3)).sqrt()
        total += float((one.grad.square() * 0.01 / (root + 1e-8)).sum())
    assert result.target_after == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"])
def test_the_lookahead_is_what_the_next_steps_of_the_optimizer_do(name):
    model, data = network(), batch()
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 3, data)
    teleporter = Teleporter(
        model, LOSS, optimizer=optimizer, symmetry=scalings(model), target="lookahead", lookahead_steps=4, steps=6
    )
    result = teleporter.step(data)
    assert result.gain > 1
    before = LOSS(model(data[0]), data[1]).item()
    train(model, optimizer, 4, data)
    assert before - LOSS(model(data[0]), data[1]).item() == pytest.approx(result.target_after, rel=1e-6)


def test_a_lookahead_without_formulas_goes_by_values():
    model, data = network(), batch()
    optimizer = torch.optim.RAdam(model.parameters(), lr=0.02)
    train(model, optimizer, 8, data)
    result = Teleporter(
        model, LOSS, optimizer=optimizer, symmetry=scalings(model), target="lookahead", lookahead_steps=3, steps=15
    ).step(data)
    assert result.evidence["method"] == "random directions, values alone"
    before = LOSS(model(data[0]), data[1]).item()
    train(model, optimizer, 3, data)
    assert result.gain > 1
    assert before - LOSS(model(data[0]), data[1]).item() == pytest.approx(result.target_after, rel=1e-6)


def test_general_linear_groups_are_searched():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 4, bias=False), nn.Linear(4, 3, bias=False)).double()
    legs = (
        Leg(tensor="0.weight", shape=(4, 6), axes=(0,)),
        Leg(tensor="1.weight", shape=(3, 4), axes=(1,), exponent=-1),
    )
    space = HiddenSpace(name="0", size=4, components=(LinearMaps("0", legs, size=4),))
    symmetry, data = ModuleSymmetry(module=model, spaces=(space,)), batch()
    optimizer = adam(model, data)
    scalar = Teleporter(model, LOSS, symmetry=symmetry, per="space", radius=0.5)
    result = scalar.step(data)
    assert result.relative_drift < 1e-12
    result = Teleporter(model, LOSS, optimizer=optimizer, symmetry=symmetry, radius=0.5).step(data)
    assert result.gain > 1.5
    assert result.relative_drift < 1e-12
    train(model, optimizer, 2, data)
    assert math.isfinite(LOSS(model(data[0]), data[1]).item())


def test_a_single_scaling_a_space_scales_all_of_its_units_alike():
    model, data = network(bias=False), batch()
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    Teleporter(model, LOSS, symmetry=scalings(model), per="space").step(data)
    for name, one in model.named_parameters():
        ratios = one.detach() / before[name]
        torch.testing.assert_close(ratios, ratios.mean().expand_as(ratios), rtol=1e-10, atol=0.0)
        assert abs(float(ratios.mean()) - 1) > 1e-3


@pytest.mark.parametrize("layer_bound", [1.2, 2.0])
def test_no_weight_grows_or_shrinks_beyond_the_bound(layer_bound):
    model, data = network(), batch()
    before = [float(one.detach().norm()) for one in model.parameters()]
    result = Teleporter(model, LOSS, symmetry=scalings(model), layer_bound=layer_bound, radius=3.0).step(data)
    for one, old in zip(model.parameters(), before, strict=True):
        if one.ndim == 2:
            ratio = float(one.detach().norm()) / old
            assert 1 / layer_bound - 1e-12 <= ratio <= layer_bound + 1e-12
    assert result.gain > 1


def test_the_search_ends_at_a_gain():
    model, data = network(), batch()
    result = Teleporter(model, LOSS, symmetry=scalings(model), gain=1.5).step(data)
    assert result.gain == pytest.approx(1.5, rel=0.02)


def test_level_sets_need_no_group():
    model, data = network(dtype=torch.float32), batch(dtype=torch.float32)
    result = Teleporter(model, LOSS, along="level-set").step(data)
    assert result.gain > 3
    assert result.loss_after <= result.loss_before * (1 + 1e-5)
    assert result.evidence["precision"] == "float64"
    assert result.cost.hvps == pytest.approx(10, abs=1)


def test_null_spaces_leave_the_outputs_on_the_batch():
    model = network(widths=(12, 20, 20, 3), activation=nn.Tanh())
    data, others = batch(8, inputs=12), batch(50, inputs=12, seed=5)
    before, unseen = model(data[0]).detach(), model(others[0]).detach()
    result = Teleporter(model, LOSS, along="null-space", held_out=others).step(data)
    torch.testing.assert_close(model(data[0]).detach(), before, rtol=0.0, atol=1e-11)
    assert not torch.allclose(model(others[0]).detach(), unseen)
    assert result.relative_drift <= 1e-12
    assert result.gain > 1
    drift = (LOSS(model(others[0]), others[1]) - LOSS(unseen, others[1])).item()
    held_out = result.evidence["held_out"]
    assert held_out["loss_after"] - held_out["loss_before"] == pytest.approx(drift, abs=1e-12)
    ranks = {line["layer"]: (line["width"], line["rank"]) for line in result.evidence["ranks"]}
    assert ranks == {"0.weight": (13, 8), "2.weight": (21, 8), "4.weight": (21, 8)}


def test_a_first_layer_with_more_inputs_than_samples_is_searched_on_their_span():
    data, outcomes = batch(8, inputs=40), []
    for target in ("gradient-norm", gradient_square):
        model = network(widths=(40, 20, 20, 3), activation=nn.Tanh())
        first = model[0].weight.detach().clone()
        before = model(data[0]).detach()
        result = Teleporter(model, LOSS, along="null-space", target=target, steps=1).step(data)
        torch.testing.assert_close(model(data[0]).detach(), before, rtol=0.0, atol=1e-11)
        objective = module_objective(model, LOSS, data)
        gradient = objective.gradient(objective.vector())
        assert float(gradient @ gradient) == pytest.approx(result.target_after, rel=1e-9)
        outcomes.append(result.gain)
        assert torch.equal(model[0].weight.detach(), first) == (target == "gradient-norm")
    assert min(outcomes) > 1.5


def test_convolutions_have_null_spaces_of_their_patches():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(6, 4, 3, stride=2),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(16, 3),
    ).double()
    x, y = torch.randn(2, 3, 6, 6, dtype=torch.float64), torch.tensor([0, 2])
    before = model(x).detach()
    result = Teleporter(model, LOSS, along="null-space", target=squared_length).step((x, y))
    assert result.gain > 1
    assert result.relative_drift <= 1e-12
    torch.testing.assert_close(model(x).detach(), before, rtol=1e-11, atol=1e-13)
    assert [line["samples"] for line in result.evidence["ranks"]] == [72, 8, 2]


def test_a_random_teleport_keeps_the_loss_whatever_the_target():
    model, data = network(), batch()
    before = bits(model)
    result = Teleporter(model, LOSS, symmetry=scalings(model), along="random", rng=3).step(data)
    assert bits(model) != before
    assert result.relative_drift < 1e-12
    again = network()
    other = Teleporter(again, LOSS, symmetry=scalings(again), along="random", rng=3).step(data)
    assert bits(again) == bits(model)
    assert other.gain == result.gain


def test_the_same_seed_gives_the_same_bits_and_leaves_global_random_numbers_alone():
    outcomes = []
    for _ in range(2):
        model, data = network(dropout=0.3), batch()
        torch.manual_seed(5)
        optimizer = adam(model, data)
        state = torch.get_rng_state()
        Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), steps=2, accept="rollout").step(
            [data, batch(seed=3)]
        )
        assert torch.equal(torch.get_rng_state(), state)
        outcomes.append(bits(model, optimizer))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "accept", [Rollout(steps=3, margin=1e6), lambda before, after: False], ids=["rollout", "function"]
)
@pytest.mark.parametrize("name", ["momentum", "adam", "rmsprop-centered"])
def test_a_rejected_teleport_leaves_every_bit(accept, name):
    model, data = network(), batch()
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 3, data)
    gradients = [one.grad.clone() for one in model.parameters()]
    before = bits(model, optimizer)
    result = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), accept=accept).step(data)
    assert result.status.value == "rejected"
    assert result.gain == 1.0
    assert result.loss_after == result.loss_before
    assert result.status.advice
    assert bits(model, optimizer) == before
    assert all(torch.equal(one.grad, old) for one, old in zip(model.parameters(), gradients, strict=True))


def test_a_rollout_predicts_the_run():
    model, data = network(), [batch(seed=k) for k in range(4)]
    optimizer = adam(model, data[0])
    teleporter = Teleporter(
        model, LOSS, optimizer=optimizer, symmetry=scalings(model), accept=Rollout(steps=6), rollouts=1, radius=0.3
    )
    result = teleporter.step(data)
    ends = result.evidence["rollout"]["ends"][0]
    predicted = ends["without"] if result.status.value == "rejected" else ends["with"]
    for k in range(6):
        train(model, optimizer, 1, data[k % 4])
    mean = float(np.mean([LOSS(model(x), y).item() for x, y in data]))
    assert mean == pytest.approx(predicted, rel=1e-9)


def test_a_rollout_asks_for_every_order_of_the_batches():
    model, data = network(), [batch(seed=k) for k in range(4)]
    optimizer = adam(model, data[0])
    result = Teleporter(
        model, LOSS, optimizer=optimizer, symmetry=scalings(model), accept=Rollout(steps=3), rollouts=4
    ).step(data)
    ends = result.evidence["rollout"]["ends"]
    better = [one["with"] < one["without"] for one in ends]
    assert all(better) == (result.status.value != "rejected")
    assert len(ends) == (4 if all(better) else better.index(False) + 1)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("after", [1, 3, 6])
def test_an_interrupt_at_any_time_leaves_every_bit(error, after):
    model, data = network(), batch()
    optimizer = adam(model, data)
    before, calls = bits(model, optimizer), []

    def loss(outputs, targets):
        calls.append(1)
        if len(calls) == after:
            raise error
        return LOSS(outputs, targets)

    teleporter = Teleporter(model, loss, optimizer=optimizer, symmetry=scalings(model), accept="rollout")
    with pytest.raises(error):
        teleporter.step(data)
    assert bits(model, optimizer) == before
    calls.extend([1] * after)
    assert teleporter.step(data).status.value != "interrupted"


def test_an_error_while_writing_leaves_every_bit(monkeypatch):
    model, data = network(), batch()
    optimizer = adam(model, data)
    before = bits(model, optimizer)

    def fails(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("solvers.pytorch.teleporting.writing.write_states", fails)
    monkeypatch.setattr(
        "solvers.pytorch.teleporting.writing.Snapshot.restore",
        lambda self, model, optimizer, named: _restored(self, model),
    )
    with pytest.raises(KeyboardInterrupt):
        Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model)).step(data)
    assert bits(model, optimizer) == before


def _restored(snapshot, model):
    """The tensors written back, without the states, which were not reached."""
    live = dict(model.named_parameters())
    with torch.no_grad():
        for name, one in snapshot.tensors.items():
            live[name].copy_(one)


def test_batch_statistics_modes_and_gradients_stay():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.LeakyReLU(0.1), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)
    )
    legs = (
        Leg(tensor="3.weight", shape=(5, 8), axes=(0,)),
        Leg(tensor="3.bias", shape=(5,), axes=(0,)),
        Leg(tensor="5.weight", shape=(3, 5), axes=(1,), exponent=-1),
    )
    space = HiddenSpace(name="3", size=5, components=(Scalings("3", legs, shape=(5,)),))
    symmetry, data = ModuleSymmetry(module=model, spaces=(space,)), batch(dtype=torch.float32)
    optimizer = adam(model, data)
    before = [one.clone() for one in model.buffers()]
    model[2].eval()
    result = Teleporter(model, LOSS, optimizer=optimizer, symmetry=symmetry, accept="rollout").step(data)
    assert result.relative_drift < 1e-5
    assert all(torch.equal(one, old) for one, old in zip(model.buffers(), before, strict=True))
    assert model[1].training
    assert not model[2].training


@pytest.mark.parametrize("target", ["sharpness", "predicted-decrease", "lookahead", "gradient-norm"])
def test_running_statistics_move_with_the_parameters(target):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).double()
    data = batch()
    optimizer = adam(model, data)
    model.eval()
    symmetry = symmetries_of(model, data[0])
    assert any(name.endswith("running_mean") for name in symmetry.tensor_names)
    before = model(data[0]).detach()
    given = {"optimizer": optimizer, "symmetry": symmetry, "target": target, "steps": 2, "lookahead_steps": 2}
    result = Teleporter(model, LOSS, **given).step(data)
    torch.testing.assert_close(model(data[0]).detach(), before, rtol=1e-9, atol=1e-11)
    again = Teleporter(model, LOSS, **given, accept=lambda before, after: False).step(data)
    assert again.target_before == pytest.approx(result.target_after, rel=1e-7)


def test_tied_weights_stay_tied_and_storage_stays():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(7, 4)
            self.into, self.out = nn.Linear(4, 6), nn.Linear(6, 4)
            self.head = nn.Linear(4, 7, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, tokens):
            return self.head(self.out(torch.relu(self.into(self.embedding(tokens)))))

    torch.manual_seed(0)
    model = Tied().double()
    legs = (
        Leg(tensor="into.weight", shape=(6, 4), axes=(0,)),
        Leg(tensor="into.bias", shape=(6,), axes=(0,)),
        Leg(tensor="out.weight", shape=(4, 6), axes=(1,), exponent=-1),
    )
    space = HiddenSpace(name="into", size=6, components=(Scalings("into", legs, shape=(6,)),))
    symmetry = ModuleSymmetry(module=model, spaces=(space,))
    tokens = torch.randint(7, (30,), generator=torch.Generator().manual_seed(0))
    places = [one.data_ptr() for one in model.parameters()]
    for along, given in (("group", symmetry), ("level-set", None), ("null-space", None)):
        result = Teleporter(model, LOSS, symmetry=given, along=along, steps=4).step((tokens, tokens.flip(0)))
        assert result.loss_after <= result.loss_before * (1 + 1e-9)
        assert model.head.weight is model.embedding.weight
        assert [one.data_ptr() for one in model.parameters()] == places


def test_costs_count_every_evaluation():
    model, data, calls = network(), batch(), []

    def loss(outputs, targets):
        calls.append(1)
        return LOSS(outputs, targets)

    result = Teleporter(model, loss, symmetry=scalings(model)).step(data)
    assert result.cost.gradients == len(calls) == 2  # before and after: the search needs none
    assert result.cost.seconds > 0
    assert result.evidence["search_seconds"] < result.evidence["seconds"]


def test_a_stationary_point_is_no_improvement():
    model = network(widths=(6, 8, 3))
    with torch.no_grad():
        for one in model.parameters():
            one.zero_()
    x, y = batch(3)
    y = torch.arange(3)
    before = bits(model)
    result = Teleporter(model, LOSS, symmetry=scalings(model)).step((x, y))
    assert result.status.value == "no-improvement"
    assert bits(model) == before


def test_several_batches_are_averaged():
    model, data = network(), [batch(seed=1), batch(seed=2)]
    together = (torch.cat([x for x, _ in data]), torch.cat([y for _, y in data]))
    one = Teleporter(model, LOSS, symmetry=scalings(model), batches=2, accept=lambda a, b: False).step(data)
    other = Teleporter(model, LOSS, symmetry=scalings(model), accept=lambda a, b: False).step(together)
    assert one.loss_before == pytest.approx(other.loss_before, rel=1e-12)
    assert one.target_before == pytest.approx(other.target_before, rel=1e-12)


def test_groups_are_found_where_none_is_given():
    model, data = network(dtype=torch.float32), batch(dtype=torch.float32)
    teleporter = Teleporter(model, LOSS)
    assert teleporter.step(data).gain > 2
    assert teleporter.symmetry.dimension == 13


def test_a_module_without_a_group_is_told_what_else_there_is():
    model = nn.Linear(6, 3).double()
    with pytest.raises(InputError, match="dimension 0") as caught:
        Teleporter(model, LOSS).step(batch())
    assert "level-set" in caught.value.cure
