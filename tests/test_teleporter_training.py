"""Teleports in training loops: wrappers, schedulers, mixed precision, compiled models, resumed runs, ways back."""

import io
import math

import pytest

torch = pytest.importorskip("torch")

from teleporter_cases import LOSS, batch, bits, network, scalings, train  # noqa: E402
from torch import nn  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.teleporter import Teleporter  # noqa: E402
from solvers.pytorch.teleporting.guard import WayBack  # noqa: E402
from solvers.pytorch.teleporting.wrapper import Teleporting  # noqa: E402
from solvers.schedules import At, Every, When  # noqa: E402


def wrapped(schedule, *, seed=0, data=None, dtype=torch.float64, make=None, **options):
    """A model, the optimizer that teleports, and its batch."""
    model, given = network(seed=seed, dtype=dtype), batch(dtype=dtype)
    inner = (make or (lambda params: torch.optim.Adam(params, lr=0.01)))(model.parameters())
    teleporter = Teleporter(model, LOSS, optimizer=inner, symmetry=scalings(model), **options)
    return model, Teleporting(inner, teleporter, schedule=schedule, data=data or (lambda step: given)), given


def test_teleports_come_after_the_steps_that_the_schedule_names():
    model, optimizer, data = wrapped(Every(3))
    train(model, optimizer, 8, data)
    assert len(optimizer.results) == 2
    assert optimizer.steps_done == 8
    assert all(one.gain > 1 for one in optimizer.results)


def test_every_result_is_told():
    told = []
    model, plain, data = wrapped(Every(3))
    optimizer = Teleporting(
        plain.teleported, plain.teleporter, schedule=Every(3), data=lambda step: data, on_teleport=told.append
    )
    train(model, optimizer, 7, data)
    assert len(told) == 2
    assert told == optimizer.results


def test_the_wrapper_does_what_a_plain_loop_does():
    model, optimizer, data = wrapped(At([2, 5]))
    train(model, optimizer, 7, data)
    other = network()
    plain = torch.optim.Adam(other.parameters(), lr=0.01)
    teleporter = Teleporter(other, LOSS, optimizer=plain, symmetry=scalings(other))
    for step in range(1, 8):
        train(other, plain, 1, data)
        if step in (2, 5):
            teleporter.step(data)
    assert bits(model, optimizer.teleported) == bits(other, plain)


def test_triggers_see_steps_losses_and_gradients():
    seen = []

    def trigger(state):
        seen.append((state.step, state.loss, state.gradient_norm))
        return state.step == 2

    model, optimizer, data = wrapped(When(trigger))

    def closure():
        optimizer.zero_grad()
        loss = LOSS(model(data[0]), data[1])
        loss.backward()
        return loss.detach()

    for _ in range(3):
        optimizer.step(closure)
    assert [step for step, _, _ in seen] == [1, 2, 3]
    assert all(math.isfinite(loss) and norm > 0 for _, loss, norm in seen)
    assert len(optimizer.results) == 1


def test_schedulers_of_learning_rates_take_it_for_an_optimizer():
    model, optimizer, data = wrapped(At(3), make=lambda params: torch.optim.SGD(params, lr=0.1))
    scheduler = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 0.5, 1.0, total_iters=2),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4),
        ],
        milestones=[2],
    )
    rates = []
    for _ in range(6):
        train(model, optimizer, 1, data)
        scheduler.step()
        rates.append(optimizer.teleported.param_groups[0]["lr"])
    assert rates[-1] < 0.02 < max(rates)
    assert isinstance(optimizer, torch.optim.Optimizer)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    plateau.step(1.0)
    plateau.step(2.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * rates[-1])


def test_virtual_steps_neither_call_hooks_nor_count_for_schedulers():
    model, optimizer, data = wrapped(At(2), accept="rollout", make=lambda params: torch.optim.SGD(params, lr=0.1))
    calls = []
    optimizer.register_step_post_hook(lambda *args: calls.append(1))
    torch.optim.lr_scheduler.StepLR(optimizer.teleported, 100)
    train(model, optimizer, 4, data)
    assert len(optimizer.results) == 1
    assert len(calls) == 4


def test_gradients_may_be_accumulated():
    model, optimizer, data = wrapped(Every(1))
    halves = [(data[0][:10], data[1][:10]), (data[0][10:], data[1][10:])]
    for _ in range(3):
        optimizer.zero_grad()
        for x, y in halves:
            (LOSS(model(x), y) / 2).backward()
        optimizer.step()
    other, plain, _ = wrapped(Every(1))
    train(other, plain, 3, data)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)


def test_autocast_does_not_reach_the_measurement():
    model, optimizer, data = wrapped(At(2), dtype=torch.float32, accept="rollout")
    scaler = torch.amp.GradScaler("cpu")
    for _ in range(4):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = LOSS(model(data[0]), data[1])
            scaler.scale(loss).backward()
            scaler.step(optimizer)  # within autocast, as some loops do
            scaler.update()
    (result,) = optimizer.results
    assert result.relative_drift < 1e-5
    assert result.evidence["precision"] == "float32"


def test_half_precision_models_are_measured_in_single_precision():
    model, data = network(dtype=torch.bfloat16), batch(dtype=torch.bfloat16)
    result = Teleporter(model, LOSS, symmetry=scalings(model), per="space", radius=0.5).step(data)
    assert result.evidence["precision"] == "float32"
    assert model[0].weight.dtype == torch.bfloat16
    assert result.loss_after <= result.loss_before * 1.05


def test_compiled_models_go_on():
    model, data = network(dtype=torch.float32), batch(dtype=torch.float32)
    compiled = torch.compile(model, backend="eager")
    optimizer = torch.optim.Adam(compiled.parameters(), lr=0.01)
    train(compiled, optimizer, 2, data)
    before = compiled(data[0]).detach()
    result = Teleporter(compiled, LOSS, optimizer=optimizer, symmetry=scalings(model)).step(data)
    assert result.gain > 1
    torch.testing.assert_close(compiled(data[0]).detach(), before, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(compiled(data[0]).detach(), model(data[0]).detach())
    train(compiled, optimizer, 2, data)


@pytest.mark.parametrize("options", [{"along": "random", "radius": 0.2}, {"accept": "rollout", "target": "lookahead"}])
def test_a_resumed_run_has_the_same_bits(options):
    loader = [batch(seed=k) for k in range(5)]
    model, optimizer, data = wrapped(Every(2), data=loader, **options)
    optimizer._draw = 2
    train(model, optimizer, 5, data)
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    train(model, optimizer, 4, data)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    other, again, _ = wrapped(Every(2), seed=3, data=loader, **options)
    again._draw = 2
    other.load_state_dict(saved["model"])
    again.load_state_dict(saved["optimizer"])
    train(other, again, 4, data)
    assert bits(other, again.teleported) == bits(model, optimizer.teleported)
    assert again.steps_done == 9


def test_drawing_from_a_shuffled_loader_leaves_global_random_numbers_alone():
    dataset = torch.utils.data.TensorDataset(*batch(40))
    loader = torch.utils.data.DataLoader(dataset, batch_size=10, shuffle=True)
    model, optimizer, data = wrapped(At(2), data=loader)
    train(model, optimizer, 1, data)
    state = torch.get_rng_state()
    train(model, optimizer, 1, data)
    assert torch.equal(torch.get_rng_state(), state)
    assert len(optimizer.results) == 1


def test_a_run_that_blows_up_is_taken_back():
    model, data = network(), batch()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    train(model, optimizer, 3, data)
    before = bits(model, optimizer)
    teleporter = Teleporter(
        model, LOSS, optimizer=optimizer, symmetry=scalings(model), guard=WayBack(blow_up=0.5, steps=5)
    )
    teleporter.step(data)
    assert not teleporter.check(1.0)
    train(model, optimizer, 2, data)
    assert teleporter.check(100.0)
    assert bits(model, optimizer) == before
    assert not teleporter.check(100.0)
    train(model, optimizer, 2, data)


def test_the_watch_ends():
    model, data = network(), batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    teleporter = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), guard=WayBack(steps=2))
    teleporter.step(data)
    assert [teleporter.is_watching, teleporter.check(1.0), teleporter.check(1.0), teleporter.is_watching] == [
        True,
        False,
        False,
        False,
    ]
    assert not teleporter.check(math.nan)


def test_the_wrapper_looks_by_itself_and_takes_back():
    model, optimizer, data = wrapped(
        At(2), make=lambda params: torch.optim.SGD(params, lr=0.01), guard=WayBack(blow_up=0.1, steps=6, period=2)
    )
    train(model, optimizer, 2, data)
    optimizer.param_groups[0]["lr"] = 1e3
    before = [one.detach().clone() for one in model.parameters()]
    train(model, optimizer, 2, data)
    assert optimizer.rolled_back == [4]
    assert any(not torch.equal(one, old) for one, old in zip(model.parameters(), before, strict=True))
    assert LOSS(model(data[0]), data[1]).item() == pytest.approx(optimizer.results[0].loss_before, rel=1e-9)


def test_named_and_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = network()

        def forward(self, x, *, shift):
            return self.body(x + shift)

    model, (x, y) = Two(), batch()
    symmetry = scalings(model.body)
    inner = Teleporter(model.body, LOSS, symmetry=symmetry, accept=lambda a, b: False).step((x + 1.0, y))
    result = Teleporter(model, LOSS, along="level-set", steps=2).step(({"x": x, "shift": torch.tensor(1.0)}, y))
    assert result.loss_before == pytest.approx(inner.loss_before, rel=1e-12)


# What is refused.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"along": "orbit"}, "along='orbit'"),
        ({"target": "gradient-nrom"}, "gradient-nrom"),
        ({"radius": -1.0}, "radius"),
        ({"layer_bound": 0.5}, "layer_bound"),
        ({"steps": 0}, "steps"),
        ({"batches": 0}, "batches"),
        ({"accept": "always-not"}, "accept"),
        ({"accept": "rollout"}, "without an optimizer"),
        ({"state": "carry"}, "state"),
        ({"along": "level-set", "state": "transport"}, "without a group"),
        ({"per": "layer"}, "per"),
        ({"energy": 0.0}, "energy"),
        ({"rng": -1}, "rng"),
        ({"optimizer": "adam"}, "optimizer"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    model = network()
    with pytest.raises(InputError, match=words) as caught:
        Teleporter(model, LOSS, symmetry=scalings(model), **options)
    assert caught.value.why
    assert caught.value.cure


@pytest.mark.parametrize("target", ["lookahead", "preconditioned-gradient-norm"])
def test_targets_of_an_optimizer_need_one(target):
    model = network()
    with pytest.raises(InputError, match="without an optimizer"):
        Teleporter(model, LOSS, symmetry=scalings(model), target=target).step(batch())


def test_an_optimizer_of_other_parameters_is_refused():
    model = network()
    foreign = torch.optim.SGD(network().parameters(), lr=0.1)
    with pytest.raises(InputError, match="optimizer SGD") as caught:
        Teleporter(model, LOSS, optimizer=foreign, symmetry=scalings(model))
    assert "not parameters of the model" in caught.value.why


def test_the_symmetry_of_another_model_is_refused():
    with pytest.raises(InputError, match="symmetry of another"):
        Teleporter(network(), LOSS, symmetry=scalings(network()))


@pytest.mark.parametrize(
    ("change", "given", "words"),
    [
        (lambda model: model.requires_grad_(False), None, "no parameters with gradients"),
        (lambda model: model[0].weight.requires_grad_(False), None, "the group moves '0.weight'"),
        (lambda model: model[2].to("meta"), None, "several devices"),
        (lambda model: nn.init.constant_(model[4].bias, math.nan), None, "the loss is nan"),
        (None, {"loss": lambda outputs, targets: outputs}, "a loss of shape"),
        (None, {"loss": lambda outputs, targets: LOSS(outputs.detach(), targets)}, "depends on no trainable"),
        (None, {"batch": torch.ones(3)}, "a batch of the type Tensor"),
        (None, {"batch": []}, "no batch"),
        (None, {"batch": [(1, 2, 3)]}, "a batch of the type tuple"),
    ],
)
def test_models_losses_and_batches_that_cannot_be_measured_are_refused(change, given, words):
    model = network()
    symmetry, given = scalings(model), given or {}
    if change is not None:
        with torch.no_grad():
            change(model)
    on_cpu = all(one.device.type == "cpu" for one in model.parameters())
    before = bits(model) if on_cpu else None
    with pytest.raises(InputError, match=words) as caught:
        Teleporter(model, given.get("loss", LOSS), symmetry=symmetry).step(given.get("batch", batch()))
    assert caught.value.why
    assert caught.value.cure
    assert before is None or bits(model) == before


def test_wrappers_are_refused_where_they_do_not_fit():
    model, optimizer, _ = wrapped(At(3))
    inner = optimizer.teleported
    alone = Teleporter(model, LOSS, symmetry=scalings(model))
    fitting = optimizer.teleporter
    for build, words in [
        (lambda: Teleporting(inner, alone, schedule=At(3), data=[]), "another optimizer"),
        (lambda: Teleporting(inner, fitting, schedule=50, data=[]), "teleport=50"),
        (lambda: Teleporting(inner, fitting, schedule=None, data=[]), "schedule=None"),
        (lambda: Teleporting(inner, fitting, schedule=At(3, along="null-space"), data=[]), "says where"),
        (lambda: Teleporting(inner, fitting, schedule=At(0), data=[]), "step 0"),
        (lambda: optimizer.load_state_dict(inner.state_dict()), "without 'teleporting'"),
        (lambda: fitting.load_state_dict({"along": "level-set"}), "no such teleporter"),
    ]:
        with pytest.raises(InputError, match=words):
            build()
