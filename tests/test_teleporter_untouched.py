"""What a teleport must leave alone, and what it must say truly, in runs that are out of the ordinary."""

import copy
import sys
import time

import pytest

torch = pytest.importorskip("torch")

from teleporter_cases import LOSS, OPTIMIZERS, batch, bits, network, scalings, train  # noqa: E402
from torch import nn  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.objective import module_objective  # noqa: E402
from solvers.pytorch.teleporter import Teleporter  # noqa: E402
from solvers.pytorch.teleporting.guard import WayBack  # noqa: E402
from solvers.pytorch.teleporting.lookahead import OptimizerLookahead  # noqa: E402
from solvers.pytorch.teleporting.measured_loss import MeasuredLoss  # noqa: E402
from solvers.pytorch.teleporting.state_transport import StateRule, copied, states_of, transported  # noqa: E402
from solvers.pytorch.teleporting.wrapper import Teleporting  # noqa: E402
from solvers.schedules import Every  # noqa: E402


def trained(name="adam", *, dtype=torch.float64, steps=3, **options):
    """A network, its optimizer after some steps, and a batch."""
    model, data = network(dtype=dtype, **options), batch(dtype=dtype)
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, steps, data)
    return model, optimizer, data


def interrupted(call, files, at):
    """Whether an interrupt at the so-many-th line of some files came out of a call; and how many lines there were."""
    seen = 0

    def trace(frame, event, arg):
        nonlocal seen
        if not frame.f_code.co_filename.endswith(files):
            return None
        if event == "line":
            seen += 1
            if seen == at:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True, seen
    finally:
        sys.settrace(before)
    return False, seen


WRITING = ("session.py", "writing.py", "state_transport.py")


@pytest.mark.parametrize("part", ["step", "check"])
def test_an_interrupt_at_any_line_of_the_write_leaves_every_bit(part):
    def run(at):
        model, optimizer, data = trained("momentum")
        teleporter = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), steps=2, guard=WayBack())
        if part == "check":
            teleporter.step(data)
        before = bits(model, optimizer)
        call = (lambda: teleporter.check(1e9)) if part == "check" else lambda: teleporter.step(data)
        came_out, lines = interrupted(call, WRITING if part == "step" else WRITING[1:2], at)
        torch.set_grad_enabled(True)  # an interrupt between the end of a block and its exit skips the exit
        return came_out, bits(model, optimizer) == before, lines

    _, changed, lines = run(10**9)
    assert not changed
    # the last line of `check` is after all is restored
    for at in range(max(1, lines - 60), lines + (part == "step")):
        came_out, is_same, _ = run(at)
        assert came_out
        assert is_same, at


def test_parameters_frozen_after_some_steps_take_no_part_in_a_rollout():
    model, optimizer, data = trained("momentum")
    model[0].requires_grad_(False)
    frozen = model[0].weight.clone()
    result = Teleporter(model, LOSS, optimizer=optimizer, along="level-set", accept="rollout").step(data)
    assert result.evidence["rollout"]["ends"]
    assert torch.equal(model[0].weight, frozen)


def test_units_without_gradients_do_not_spoil_the_preconditioned_norm():
    model, data = network(activation=nn.ReLU()), batch()
    with torch.no_grad():
        model[0].weight[0], model[0].bias[0] = 0.0, -1.0
    optimizer = OPTIMIZERS["adam"](model.parameters())
    train(model, optimizer, 3, data)
    target = "preconditioned-gradient-norm"
    result = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), target=target).step(data)
    assert result.gain > 1.1


@pytest.mark.parametrize("target", ["predicted-decrease", "lookahead", "preconditioned-gradient-norm"])
def test_a_warm_up_may_begin_with_rate_zero(target):
    model, data = network(), batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    result = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), target=target).step(data)
    assert not result.status.is_failure
    assert result.relative_drift < 1e-12


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("radius", [0.02, 1.0])
def test_the_reported_lookahead_is_that_of_the_written_point(dtype, radius):
    model, optimizer, data = trained(dtype=dtype, steps=2)
    options = {"symmetry": scalings(model), "target": "lookahead", "steps": 3, "radius": radius}
    result = Teleporter(model, LOSS, optimizer=optimizer, **options).step(data)
    loss = MeasuredLoss(model, LOSS, [data])
    target = OptimizerLookahead(optimizer, dict(model.named_parameters()), loss, rule=StateRule())
    objective = module_objective(model, LOSS, data, dtype=None)
    assert result.target_after == pytest.approx(target.value(objective, objective.vector()), rel=1e-5)


def test_a_random_teleport_reports_the_lookahead_with_the_state_that_it_leaves():
    model, optimizer, data = trained(steps=4)
    options = {"symmetry": scalings(model), "target": "lookahead", "along": "random"}
    result = Teleporter(model, LOSS, optimizer=optimizer, **options).step(data)
    loss = MeasuredLoss(model, LOSS, [data])
    target = OptimizerLookahead(optimizer, dict(model.named_parameters()), loss, rule=StateRule())
    objective = module_objective(model, LOSS, data, dtype=None)
    assert result.target_after == pytest.approx(target.value(objective, objective.vector()), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_random_teleports_keep_to_the_bound_of_layers(seed):
    model, data = network(), batch()
    before = {name: float(one.detach().norm()) for name, one in model.named_parameters() if one.ndim == 2}
    options = {"along": "random", "radius": 3.0, "layer_bound": 1.5, "rng": seed}
    result = Teleporter(model, LOSS, symmetry=scalings(model), **options).step(data)
    factors = [float(model.get_parameter(name).detach().norm()) / size for name, size in before.items()]
    assert result.element is not None
    assert max(max(one, 1 / one) for one in factors) <= 1.5


def test_weights_are_cast_anew_within_autocast():
    model, data = network(dtype=torch.float32), batch(dtype=torch.float32)
    teleporter = Teleporter(model, LOSS, symmetry=scalings(model))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model(data[0])
        assert teleporter.step(data).gain > 1.1
        within = model(data[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(within, model(data[0]))


def test_lists_in_a_state_come_back_as_they_were():
    model, data = network(), batch()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=3)

    def closure():
        optimizer.zero_grad()
        loss = LOSS(model(data[0]), data[1])
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    before = copy.deepcopy(optimizer.state_dict()["state"][0])
    options = {"symmetry": scalings(model), "state": "keep", "guard": WayBack()}
    teleporter = Teleporter(model, LOSS, optimizer=optimizer, **options)
    assert teleporter.step(data).element is not None
    for _ in range(3):
        optimizer.step(closure)
    assert teleporter.check(1e9)
    after = optimizer.state_dict()["state"][0]
    for name in ("old_dirs", "old_stps", "ro"):
        assert len(after[name]) == len(before[name])
        assert all(torch.equal(one, other) for one, other in zip(after[name], before[name], strict=True))


def test_the_quotients_of_a_subclass_of_rmsprop_move_as_displacements():
    class Mine(torch.optim.RMSprop):
        """RMSprop under another name."""

    model, data = network(), batch()
    optimizer = Mine(model.parameters(), lr=0.005, momentum=0.5)
    train(model, optimizer, 3, data)
    element = scalings(model).random_element(0)
    named = dict(model.named_parameters())
    given = (states_of(optimizer, named), element, {name: one.detach() for name, one in named.items()})
    plain = torch.optim.RMSprop(model.parameters())
    moved, expected = (transported(*given, optimizer=one) for one in (optimizer, plain))
    for name, state in moved.items():
        assert torch.equal(state["momentum_buffer"], expected[name]["momentum_buffer"])


class Counting(nn.Module):
    """Counts its calls in a tensor that is no buffer, and holds a table of numbers as one."""

    def __init__(self):
        super().__init__()
        self.inner, self.seen = network(dtype=torch.float32), torch.zeros(1)
        self.table = torch.linspace(-1, 1, 36).reshape(6, 6)

    def forward(self, x):
        """The network on mixed inputs."""
        self.seen += 1
        return self.inner(x @ self.table)


@pytest.mark.parametrize("along", ["level-set", "group"])
def test_tensors_that_are_no_buffers_stay_and_follow_the_precision(along):
    model, data = Counting(), batch(dtype=torch.float32)
    symmetry = scalings(model.inner, "inner.")
    given = {"symmetry": type(symmetry)(module=model, spaces=symmetry.spaces)} if along == "group" else {}
    result = Teleporter(model, LOSS, along=along, **given).step(data)
    assert result.gain > 1.1
    assert float(model.seen) == 0


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_weights_computed_by_hooks_can_be_converted():
    model, data = network(dtype=torch.float32), batch(dtype=torch.float32)
    nn.utils.weight_norm(model[0])
    LOSS(model(data[0]), data[1]).backward()
    assert Teleporter(model, LOSS, along="level-set", steps=2).step(data).gain > 1.1


def test_a_loss_that_counts_is_left_alone():
    class Counted(nn.Module):
        """A loss with a buffer of its own."""

        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, outputs, targets):
            """The loss."""
            self.calls += 1
            return LOSS(outputs, targets)

    model, loss = network(), Counted()
    assert Teleporter(model, loss, symmetry=scalings(model)).step(batch()).gain > 1.1
    assert float(loss.calls) == 0


@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
@pytest.mark.parametrize("name", ["sgd", "momentum", "adagrad", "sparse-adam"])
@pytest.mark.parametrize("target", ["gradient-norm", "lookahead"])
def test_sparse_gradients(name, target):
    torch.manual_seed(0)
    layers = [nn.Embedding(11, 8, sparse=True), nn.Flatten(), nn.Linear(16, 8), nn.LeakyReLU(0.1), nn.Linear(8, 3)]
    model, data = nn.Sequential(*layers), (torch.randint(11, (20, 2)), batch()[1])
    if name == "sparse-adam":
        optimizer = torch.optim.SparseAdam(model[0].parameters())
    else:
        optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 2, data)
    result = Teleporter(model, LOSS, optimizer=optimizer, target=target, accept="rollout").step(data)
    assert result.evidence["rollout"]["ends"]
    assert result.relative_drift < 1e-5
    train(model, optimizer, 1, data)


def test_a_copied_wrapper_calls_the_hooks_that_are_given_to_it():
    model, optimizer, data = trained()
    teleporter = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model))
    wrapper, calls = copy.deepcopy(Teleporting(optimizer, teleporter, schedule=Every(2), data=[data])), []
    wrapper.register_step_post_hook(lambda *given: calls.append(1))
    other = Teleporting(optimizer, teleporter, schedule=Every(2), data=[data])
    train(wrapper.teleporter.model, wrapper, 4, data)
    train(model, other, 4, data)
    assert len(calls) == 4
    assert bits(wrapper.teleporter.model, wrapper.teleported) == bits(model, optimizer)


def test_products_from_the_graph_of_the_gradient_are_those_made_anew():
    model, data = network(), batch()
    one, other = (module_objective(model, LOSS, data) for _ in range(2))
    w = one.vector()
    with one.keeping_graphs():
        for point in (w, w + 0.1, w):
            value, gradient = one.value_and_grad(point)
            assert (value, gradient.tolist()) == (other.value(point), other.gradient(point).tolist())
            for direction in (gradient, w, point):
                assert one.hvp(point, direction).tolist() == pytest.approx(other.hvp(point, direction).tolist())
            assert one.hvp(2 * point, w).tolist() == pytest.approx(other.hvp(2 * point, w).tolist())
    assert one.ledger.total().hvps == 12


def test_losses_of_closures_are_read_without_a_warning():
    model, optimizer, data = trained("momentum")
    options = {"symmetry": scalings(model), "guard": WayBack(blow_up=100.0, steps=5)}
    teleporter = Teleporter(model, LOSS, optimizer=optimizer, **options)
    wrapper = Teleporting(optimizer, teleporter, schedule=Every(2), data=[data])

    def closure():
        wrapper.zero_grad()
        loss = LOSS(model(data[0]), data[1])
        loss.backward()
        return loss

    for _ in range(3):
        wrapper.step(closure)
    assert len(wrapper.results) == 1
    assert not teleporter.check(LOSS(model(data[0]), data[1]))


@pytest.mark.parametrize("draw", [0, -1, 1.5])
def test_a_wrapper_draws_at_least_one_batch(draw):
    model, optimizer, data = trained()
    teleporter = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model))
    with pytest.raises(InputError, match="draw"):
        Teleporting(optimizer, teleporter, schedule=Every(2), data=[data], draw=draw)


def test_parameters_of_another_optimizer_are_named():
    model, data = network(), batch()
    optimizer = torch.optim.SGD([*model[0].parameters(), *model[2].parameters()], lr=0.1, momentum=0.9)
    result = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model)).step(data)
    assert result.evidence["moved_without_optimizer"] == ["4.weight"]


def test_copied_states_share_nothing():
    held = {"weight": {"pairs": [torch.ones(2)], "average": torch.ones(2), "step": 3}}
    other = copied(held)
    other["weight"]["pairs"][0] += 1
    other["weight"]["average"] += 1
    assert held["weight"]["pairs"][0].tolist() == held["weight"]["average"].tolist() == [1.0, 1.0]


def test_the_cost_has_the_time_of_finding_the_group(monkeypatch):
    def slowly(self, data):
        time.sleep(0.05)
        return scalings(self.model)

    monkeypatch.setattr(Teleporter, "_found", slowly)
    assert Teleporter(network(), LOSS).step(batch()).cost.seconds >= 0.05
