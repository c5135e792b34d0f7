"""Optimizers of PyTorch on spaces: what one step does, and what may stand around it."""

import copy
import io
import math
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel  # noqa: E402
from manifolds.vector_spaces import Euclidean  # noqa: E402
from solvers.learning_rates import Cosine  # noqa: E402
from solvers.pytorch import ManifoldOptimizer, ManifoldParameter  # noqa: E402
from solvers.pytorch.cayley import CayleyKernel  # noqa: E402
from solvers.rules import RULES, Adam, HeavyBall, make_rule  # noqa: E402

SPACES = [
    Stiefel(12, 3),
    Grassmann(12, 3),
    Stiefel(5, 4),
    Stiefel(4, 4),
    Stiefel(7, 1),
    Stiefel(12, 3, field="complex"),
    Grassmann(12, 3, field="complex"),
    Stiefel(12, 3, retraction="geodesic"),
    Stiefel(12, 3, section="transported"),
    SymplecticStiefel(5, 2),
    SymplecticGrassmann(5, 2),
]
SAVED = [Stiefel(12, 3), Stiefel(5, 4), Stiefel(6, 2, section="transported"), SymplecticStiefel(3, 1)]
RULE_NAMES = [name for name, make in RULES.items() if isinstance(make, type) and name not in ("newton", "l-bfgs")]


class Layer(torch.nn.Module):
    """Two weights that carry their spaces, and a bias."""

    def __init__(self):
        super().__init__()
        self.weight = ManifoldParameter(torch.randn(9, 3), Stiefel(9, 3), project=True)
        self.other = ManifoldParameter(torch.randn(9, 3), Grassmann(9, 3), project=True)
        self.bias = torch.nn.Parameter(torch.zeros(9))


@pytest.fixture(autouse=True)
def _one_thread():
    """The matrices are too small for several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def points(space, count=3, dtype=torch.float64, seed=0):
    """Parameters on a space."""
    return [torch.nn.Parameter(Y.clone()) for Y in space.random(seed, count, like=torch.empty(0, dtype=dtype))]


def give_gradients(*lists, seed=0, scale=1.0):
    """The same random gradients to the parameters of each list."""
    random = torch.Generator().manual_seed(seed)
    for params in zip(*lists, strict=True):
        gradient = scale * torch.randn(params[0].shape, generator=random, dtype=params[0].dtype)
        for param in params:
            param.grad = gradient.clone()


def values(params):
    """Copies of the parameters."""
    return [param.detach().clone() for param in params]


def largest_difference(one, other):
    """Between two lists of parameters, or of parameters and arrays."""
    return max(
        float(np.abs(a.detach().numpy() - (b.detach().numpy() if isinstance(b, torch.Tensor) else b)).max())
        for a, b in zip(one, other, strict=True)
    )


def alone(space, rule, Y, gradients, rate):
    """The steps of one point by the methods of the space, in NumPy."""
    Y, state, carried = Y.detach().numpy().copy(), None, None
    for count, G in enumerate(gradients, start=1):
        context = space.section(Y, carried=carried)
        D = space.lift(context, G)
        real = np.stack([D.real, D.imag], axis=-1) if np.iscomplexobj(D) else D
        state = rule.start(real) if state is None else state
        W, state = rule.step(real, state, count=count, rate=rate)
        Y, carried = space.advance(context, W[..., 0] + 1j * W[..., 1] if np.iscomplexobj(D) else W)
    return Y


# Steps.


@pytest.mark.parametrize("space", SPACES, ids=repr)
@pytest.mark.parametrize("rule", [Adam(), HeavyBall(momentum=0.5)], ids=["adam", "heavy-ball"])
def test_steps_are_those_of_the_space_and_the_rule(space, rule):
    params = points(space)
    random, gradients = np.random.default_rng(1), []
    for _ in params:
        real = random.standard_normal((4, *space.shape))
        imaginary = 1j * random.standard_normal(real.shape)
        gradients.append(real + imaginary if space.field == "complex" else real)
    wanted = [alone(space, rule, Y, G, 0.01) for Y, G in zip(params, gradients, strict=True)]
    optimizer = ManifoldOptimizer(params, rule, lr=0.01, space=space)
    for step in range(4):
        for param, G in zip(params, gradients, strict=True):
            param.grad = torch.tensor(G[step])
        optimizer.step()
    assert largest_difference(params, wanted) <= 1e-12
    assert all(float(space.error(param.detach())) <= 1e-13 for param in params)


@pytest.mark.parametrize("space", [Stiefel(49, 7), Grassmann(49, 7), Stiefel(8, 4), Stiefel(7, 1)], ids=repr)
@pytest.mark.parametrize("rule", RULE_NAMES)
def test_the_kernel_is_the_space(space, rule):
    one, other = points(space), points(space)
    give_gradients(one, other)
    weightless = {"weight_decay": 0.0} if rule in ("adamw", "lion") else {}
    for params, kernel in ((one, True), (other, False)):
        ManifoldOptimizer(params, rule, lr=0.05, space=space, in_place=kernel, **weightless).step()
    assert largest_difference(one, points(space)) > 0
    assert largest_difference(one, other) <= 2e-15


def test_the_kernel_gives_way_where_its_section_is_singular():
    space = Stiefel(12, 3)
    Y = -torch.eye(12, 3, dtype=torch.float64)  # the head is -I
    Z = space.random(0, like=Y)
    params = [torch.nn.Parameter(Y), torch.nn.Parameter(Z.clone())]
    starts = values(params)
    for rule in ("adam", "gradient-descent"):
        give_gradients(params)
        wanted = [
            alone(space, make_rule(rule), start, [param.grad.numpy()], 0.1)
            for start, param in zip(starts, params, strict=True)
        ]
        ManifoldOptimizer(params, rule, lr=0.1, space=space).step()
        assert largest_difference(params, wanted) <= 1e-14
        with torch.no_grad():
            for param, start in zip(params, starts, strict=True):
                param.copy_(start)


@pytest.mark.parametrize("space", [Stiefel(12, 3), Grassmann(12, 3)], ids=repr)
@pytest.mark.parametrize(("dtype", "bar"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_long_steps_stay_on_the_space(space, dtype, bar):
    params = points(space, dtype=dtype)
    give_gradients(params, scale=1e4)
    ManifoldOptimizer(params, "gradient-descent", lr=1.0, space=space).step()
    assert all(float(space.error(param.detach())) <= bar for param in params)


def test_float32_does_not_drift():
    space = Stiefel(49, 7)
    params = points(space, 2, dtype=torch.float32)
    optimizer, errors = ManifoldOptimizer(params, "adam", lr=1e-3, space=space, beta2=0.99, epsilon=3e-7), []
    for step in range(600):
        give_gradients(params, seed=step)
        optimizer.step()
        errors.append(max(float(space.error(param.detach())) for param in params))
    times = np.arange(1, len(errors) + 1)[100:]
    assert max(errors) <= 5e-6
    assert np.polyfit(np.log(times), np.log(errors[100:]), 1)[0] <= 0.2


# Vector spaces.


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("maximize", [False, True])
def test_in_vector_spaces_it_is_the_adam_of_pytorch(dtype, maximize):
    random = torch.Generator().manual_seed(1)
    one = [torch.nn.Parameter(torch.randn(s, generator=random, dtype=dtype)) for s in [(3, 4), (5,), (2, 2, 2), ()]]
    other = [torch.nn.Parameter(param.detach().clone()) for param in one]
    ours = ManifoldOptimizer(one, "adam", lr=1e-2, maximize=maximize)
    theirs = torch.optim.Adam(other, lr=1e-2, maximize=maximize)
    for step in range(100):
        give_gradients(one, other, seed=step)
        ours.step(), theirs.step()
    for a, b in zip(values(one), values(other), strict=True):
        assert float(((a - b).abs() / b.abs()).max()) <= 1e-15


@pytest.mark.parametrize(
    ("rule", "hyperparameters", "make"),
    [
        ("adamw", {"weight_decay": 0.1}, lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1)),
        ("amsgrad", {}, lambda p: torch.optim.Adam(p, lr=1e-2, amsgrad=True)),
        ("nadam", {}, lambda p: torch.optim.NAdam(p, lr=1e-2)),
        ("heavy-ball", {"momentum": 0.8}, lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.8)),
        ("nesterov", {"momentum": 0.8}, lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.8, nesterov=True)),
        ("rmsprop", {}, lambda p: torch.optim.RMSprop(p, lr=1e-2)),
        ("adagrad", {}, lambda p: torch.optim.Adagrad(p, lr=1e-2)),
    ],
)
def test_in_vector_spaces_every_rule_is_that_of_pytorch(rule, hyperparameters, make):
    one = points(Euclidean((3, 2)))
    other = [torch.nn.Parameter(param.detach().clone()) for param in one]
    ours, theirs = ManifoldOptimizer(one, rule, lr=1e-2, **hyperparameters), make(other)
    for step in range(20):
        give_gradients(one, other, seed=step)
        ours.step(), theirs.step()
    # The NAdam of PyTorch keeps its products of momenta in single precision.
    assert largest_difference(one, other) <= (1e-8 if rule == "nadam" else 1e-14)


# Groups.


def test_groups_have_their_own_space_rule_and_rate():
    frames, vectors, others = points(Stiefel(9, 2)), points(Euclidean(4)), points(Grassmann(9, 2))
    optimizer = ManifoldOptimizer(
        [
            {"params": frames, "space": Stiefel(9, 2), "retraction": "geodesic", "lr": 0.1},
            {"params": vectors, "rule": "heavy-ball", "momentum": 0.5},
            {"params": others, "space": Grassmann(9, 2), "beta1": 0.5},
        ],
        lr=0.01,
    )
    rules = [group["rule"] for group in optimizer.param_groups]
    assert rules == [Adam(), HeavyBall(momentum=0.5), Adam(beta1=0.5)]
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.01, 0.01]
    starts, spaces = (
        values(frames + vectors + others),
        [Stiefel(9, 2, retraction="geodesic"), Euclidean(4), Grassmann(9, 2)],
    )
    give_gradients(frames + vectors + others)
    wanted = [
        alone(spaces[k // 3], rules[k // 3], start, [param.grad.numpy()], 0.1 if k < 3 else 0.01)
        for k, (start, param) in enumerate(zip(starts, frames + vectors + others, strict=True))
    ]
    optimizer.step()
    assert largest_difference(frames + vectors + others, wanted) <= 1e-13


def test_options_of_the_optimizer_are_those_of_its_groups():
    frames, vectors = points(Stiefel(9, 2)), points(Euclidean(4))
    groups = [{"params": frames, "space": Stiefel(9, 2)}, {"params": vectors, "maximize": False}]
    optimizer = ManifoldOptimizer(groups, retraction="geodesic", maximize=True, trust_radius=1.0)
    assert [group["maximize"] for group in optimizer.param_groups] == [True, False]
    assert [group["space"] for group in optimizer.param_groups] == [Stiefel(9, 2, retraction="geodesic"), None]
    assert [group["trust_radius"] for group in optimizer.param_groups] == [1.0, 1.0]


def test_a_rule_that_is_an_object_has_its_rate():
    params = points(Euclidean(4))
    groups = [{"params": params[:1]}, {"params": params[1:2], "lr": 0.5}, {"params": params[2:], "rule": "adam"}]
    optimizer = ManifoldOptimizer(groups, HeavyBall(learning_rate=0.3))
    assert [group["lr"] for group in optimizer.param_groups] == [0.3, 0.5, 0.01]
    assert ManifoldOptimizer(params, "adam").param_groups[0]["lr"] == 1e-3
    assert ManifoldOptimizer(params, Adam(learning_rate=Cosine(0.2, 0.1, 5))).param_groups[0]["lr"] == 0.2


def test_a_module_with_parameters_that_carry_their_space():
    torch.manual_seed(0)
    layer = Layer()
    optimizer = ManifoldOptimizer(layer.parameters(), lr=0.1)
    layer = layer.double()
    target = Stiefel(9, 3).random(1, like=layer.bias)
    for _ in range(50):
        optimizer.zero_grad()
        ((layer.weight + layer.bias[:, None] - target) ** 2).sum().backward()
        layer.other.grad = torch.ones_like(layer.other)
        optimizer.step()
    assert Stiefel(9, 3).belongs(layer.weight.detach(), 1e-12)
    assert Stiefel(9, 3).belongs(layer.other.detach(), 1e-12)
    assert float(layer.bias.detach().norm()) > 0
    named = ManifoldOptimizer(layer.named_parameters(), lr=0.1)
    assert named.param_groups[0]["param_names"] == ["weight", "other", "bias"]
    twin = copy.deepcopy(layer)
    assert twin.weight.space == Stiefel(9, 3)
    assert pickle.loads(pickle.dumps(layer)).other.space == Grassmann(9, 3)


def test_parameters_with_leading_axes_are_many_points():
    space = Stiefel(9, 3)
    one = points(space, 6)
    other = [torch.nn.Parameter(torch.stack(values(one)).view(2, 3, 9, 3))]
    give_gradients(one)
    other[0].grad = torch.stack([param.grad for param in one]).view(2, 3, 9, 3)
    for params in (one, other):
        ManifoldOptimizer(params, lr=0.1, space=space).step()
    torch.testing.assert_close(torch.stack(values(one)).view(2, 3, 9, 3), other[0].detach(), rtol=0, atol=1e-15)


def test_equal_shapes_are_one_update():
    space = Stiefel(9, 3)
    optimizer = ManifoldOptimizer([{"params": points(space, 8), "space": space}, {"params": points(Euclidean(2), 8)}])
    for group in optimizer.param_groups:
        give_gradients(group["params"])
    optimizer.step()
    assert [len(plan.stacks) for plan in optimizer._plans.values()] == [1, 1]


def test_parameters_without_a_gradient_wait():
    space = Stiefel(9, 3)
    one, other = points(space), points(space)
    together = ManifoldOptimizer(one, lr=0.1, space=space)
    apart = [ManifoldOptimizer([param], lr=0.1, space=space) for param in other]
    for step in range(6):
        give_gradients(one, other, seed=step)
        for k in range(3):
            if step % (k + 2) == 0:
                one[k].grad = None
            else:
                apart[k].step()
        together.step()
    assert largest_difference(one, other) <= 1e-13
    assert [together.state[param]["step"] for param in one] == [3, 4, 4]


def test_a_group_that_comes_later():
    frames, vectors = points(Stiefel(9, 3)), points(Euclidean(2))
    optimizer = ManifoldOptimizer(frames, lr=0.1, space=Stiefel(9, 3))
    give_gradients(frames)
    optimizer.step()
    optimizer.add_param_group({"params": vectors, "space": Euclidean(2)})
    give_gradients(frames + vectors)
    before = values(vectors)
    optimizer.step()
    assert largest_difference(vectors, before) == pytest.approx(0.1, rel=1e-6)


# What stands around steps.


def loss_of(params):
    """A loss that couples the entries."""
    return sum((k + 1) * ((param - 0.3) ** 4).abs().sum() for k, param in enumerate(params))


@pytest.mark.parametrize(
    "space",
    [Stiefel(12, 3), Stiefel(5, 4), Stiefel(6, 2, section="transported"), SymplecticStiefel(3, 1)],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_saved_state_goes_on_with_the_same_bits(space, dtype):
    def begin():
        params = [torch.nn.Parameter(Y.detach().to(dtype)) for Y in points(space)] + points(Euclidean(4), 1)
        groups = [{"params": params[:3], "space": space, "project": True}, {"params": params[3:], "rule": "nadam"}]
        return params, ManifoldOptimizer(groups, lr=0.01)

    def run(params, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of(params).backward()
            optimizer.step()
        return values(params)

    params, optimizer = begin()
    run(params, optimizer, 5)
    file = io.BytesIO()
    torch.save([optimizer.state_dict(), values(params)], file)
    straight = run(params, optimizer, 5)
    file.seek(0)
    saved, kept = torch.load(file, weights_only=True)
    params, optimizer = begin()
    optimizer.load_state_dict(saved)
    with torch.no_grad():
        for param, value in zip(params, kept, strict=True):
            param.copy_(value)
    for one, other in zip(run(params, optimizer, 5), straight, strict=True):
        assert torch.equal(one, other)


def test_copies_and_pickles_go_on_alike():
    params = points(Stiefel(9, 3))
    optimizer = ManifoldOptimizer(params, lr=0.1, space=Stiefel(9, 3))
    give_gradients(params)
    optimizer.step()
    for other_params, other in (copy.deepcopy((params, optimizer)), pickle.loads(pickle.dumps((params, optimizer)))):
        give_gradients(other_params, seed=1)
        other.step()
        twin_params, twin = copy.deepcopy((params, optimizer))
        give_gradients(twin_params, seed=1)
        twin.step()
        assert largest_difference(other_params, twin_params) == 0
    assert largest_difference(params, other_params) > 0


@pytest.mark.parametrize(
    "make",
    [
        lambda o: torch.optim.lr_scheduler.StepLR(o, 2, 0.5),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=10, cycle_momentum=False),
        torch.optim.lr_scheduler.LinearLR,
    ],
)
def test_schedulers_of_pytorch(make):
    one, other = points(Euclidean((3, 2))), points(Euclidean((3, 2)))
    ours, theirs = ManifoldOptimizer(one, lr=0.1), torch.optim.Adam(other, lr=0.1)
    schedules = make(ours), make(theirs)
    for step in range(8):
        give_gradients(one, other, seed=step)
        ours.step(), theirs.step()
        for schedule in schedules:
            schedule.step()
    assert largest_difference(one, other) <= 1e-15


def test_schedules_of_this_package():
    params = points(Euclidean(1), 1)
    optimizer = ManifoldOptimizer(params, "sign-descent", lr=Cosine(0.1, 0.0, 5))
    start = float(params[0].detach())
    for _ in range(5):
        params[0].grad = torch.ones_like(params[0])
        optimizer.step()
    assert start - float(params[0].detach()) == pytest.approx(0.1 * 2.5)
    assert optimizer.param_groups[0]["lr"] == 0.0


def test_a_rate_that_is_a_tensor():
    one, other = points(Stiefel(9, 3)), points(Stiefel(9, 3))
    give_gradients(one, other)
    ManifoldOptimizer(one, lr=torch.tensor(0.1, dtype=torch.float64), space=Stiefel(9, 3)).step()
    ManifoldOptimizer(other, lr=0.1, space=Stiefel(9, 3)).step()
    assert largest_difference(one, other) <= 1e-16


def test_a_closure_gives_the_loss():
    params = points(Stiefel(9, 3))
    optimizer = ManifoldOptimizer(params, lr=0.01, space=Stiefel(9, 3))

    def closure():
        optimizer.zero_grad()
        loss = loss_of(params)
        loss.backward()
        return loss

    losses = [float(optimizer.step(closure).detach()) for _ in range(20)]
    assert losses[-1] < losses[0]


def test_maximize_is_the_step_on_minus_the_loss():
    one, other = points(Stiefel(9, 3)), points(Stiefel(9, 3))
    give_gradients(one, other)
    for param in other:
        param.grad.neg_()
    ManifoldOptimizer(one, lr=0.1, space=Stiefel(9, 3), maximize=True).step()
    ManifoldOptimizer(other, lr=0.1, space=Stiefel(9, 3)).step()
    assert largest_difference(one, other) == 0


def test_a_gradient_scaler_leaves_out_steps_that_overflow():
    params = points(Stiefel(9, 3), dtype=torch.float32)
    optimizer, scaler = (
        ManifoldOptimizer(params, lr=0.1, space=Stiefel(9, 3)),
        torch.amp.GradScaler("cpu", init_scale=4.0),
    )
    start = values(params)
    for bad in (True, False):
        optimizer.zero_grad()
        loss = loss_of(params) * (float("inf") if bad else 1.0)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        assert (largest_difference(params, start) == 0) == bad
    twins = points(Stiefel(9, 3), dtype=torch.float32)
    loss_of(twins).backward()
    ManifoldOptimizer(twins, lr=0.1, space=Stiefel(9, 3)).step()
    assert largest_difference(params, twins) == 0
    assert scaler.get_scale() == 2.0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_has_a_copy_in_single_precision(dtype):
    space = Stiefel(16, 3)
    params = [torch.nn.Parameter(Y.detach().to(dtype)) for Y in points(space)]
    vector = torch.nn.Parameter(torch.ones(4, dtype=dtype))
    optimizer = ManifoldOptimizer([{"params": params, "space": space}, {"params": [vector]}], lr=1e-4)
    for _ in range(50):
        for param in [*params, vector]:
            param.grad = torch.ones_like(param)
        optimizer.step()
    for param in params:
        master = optimizer.state[param]["master"]
        assert master.dtype == torch.float32
        assert space.belongs(master, 1e-5)
        assert torch.equal(param.detach(), master.to(dtype))
    # Each step is below the rounding of the parameter, and all together are not.
    assert float(vector.detach()[0]) == pytest.approx(1 - 50e-4, abs=5e-3)
    assert float(optimizer.state[vector]["master"][0]) == pytest.approx(1 - 50e-4, abs=1e-5)


def test_half_precision_parameters_written_by_someone_else_count():
    space = Stiefel(16, 3)
    param = torch.nn.Parameter(points(space)[0].detach().bfloat16())
    optimizer = ManifoldOptimizer([param], lr=1e-4, space=space)
    param.grad = torch.ones_like(param)
    optimizer.step()
    fresh = space.random(5, like=torch.empty(0)).bfloat16()
    with torch.no_grad():
        param.copy_(fresh)
    optimizer.step()
    assert float((param.detach() - fresh).abs().max()) < 0.02


def test_the_same_start_gives_the_same_bits():
    results = []
    for _ in range(2):
        params = points(Stiefel(49, 7), 5, dtype=torch.float32)
        optimizer = ManifoldOptimizer(params, lr=0.01, space=Stiefel(49, 7))
        for step in range(10):
            give_gradients(params, seed=step)
            optimizer.step()
        results.append(values(params))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_trust_radius_bounds_the_step():
    space = SymplecticStiefel(4, 1)
    for radius in (None, 0.1):
        (param,) = points(space, 1)
        start = param.detach().clone()
        param.grad = torch.full_like(param, 3.0)
        ManifoldOptimizer([param], "gradient-descent", lr=1.0, space=space, trust_radius=radius).step()
        step = space.coordinates(space.section(start), param.detach() - start)
        assert (float(space.norm(step)) < 0.15) == (radius is not None)
    frames = points(Stiefel(9, 3))
    give_gradients(frames, scale=100.0)
    starts = values(frames)
    ManifoldOptimizer(frames, "gradient-descent", lr=1.0, space=Stiefel(9, 3), trust_radius=1e-3).step()
    assert largest_difference(frames, starts) <= 1e-3


def test_compiled_training_steps_are_the_same():
    def train(params, optimizer):
        optimizer.zero_grad()
        loss_of(params).backward()
        optimizer.step()

    one, other = points(Stiefel(9, 3)), points(Stiefel(9, 3))
    ours, theirs = (ManifoldOptimizer(params, lr=0.01, space=Stiefel(9, 3)) for params in (one, other))
    compiled = torch.compile(train, backend="eager")
    for _ in range(3):
        compiled(one, ours)
        train(other, theirs)
    assert largest_difference(one, other) == 0


# Devices.


@pytest.mark.parametrize("space", [Stiefel(12, 3), Grassmann(12, 3), None], ids=repr)
@pytest.mark.parametrize("rule", ["adam", "heavy-ball", "lion"])
def test_a_step_waits_for_no_device(space, rule):
    shape = (4, 5) if space is None else space.shape
    params = [torch.nn.Parameter(torch.empty(shape, device="meta")) for _ in range(3)]
    optimizer = ManifoldOptimizer(params, rule, lr=0.01)
    optimizer.param_groups[0]["space"] = space  # there are no numbers to look at
    for _ in range(3):
        for param in params:
            param.grad = torch.empty_like(param)
        optimizer.step()
    assert all(optimizer.state[param]["step"] == 3 for param in params)
    optimizer.param_groups[0]["check_finite"] = True  # now it does
    with pytest.raises(RuntimeError, match="meta"):
        optimizer.step()


def test_the_kernel_is_one_graph_where_no_number_can_be_looked_at():
    def step(both):
        kernel, room = CayleyKernel(flat=False), [torch.empty_like(both[:, :3]) for _ in range(2)]
        kernel.lift(both, out=room[0])
        return kernel.retract(both[:, :3], -0.1 * room[0], out=room[1])

    whole = torch.compile(step, backend="eager", fullgraph=True)
    assert whole(torch.empty(4, 6, 12, device="meta")).shape == (4, 3, 12)


def test_elsewhere_a_step_with_bad_gradients_changes_nothing(monkeypatch):
    params = [*points(Stiefel(12, 3)), *points(Stiefel(5, 4))]
    groups = [{"params": params[:3], "space": Stiefel(12, 3)}, {"params": params[3:], "space": Stiefel(5, 4)}]
    optimizer = ManifoldOptimizer(groups, lr=0.1)
    give_gradients(params)
    optimizer.step()
    before = values(params)
    moments = [{k: v.clone() for k, v in optimizer.state[p].items() if k != "step"} for p in params]
    device = torch.device("cpu")

    def masked(work):
        finite = torch.stack([stack.finite_on_device() for _, stacks in work for stack in stacks]).all()
        return {device: finite}

    monkeypatch.setattr(optimizer, "_checked", masked)
    params[1].grad[0, 0] = float("nan")
    optimizer.step()
    assert largest_difference(params, before) == 0
    for param, kept in zip(params, moments, strict=True):
        assert all(torch.equal(optimizer.state[param][name], value) for name, value in kept.items())
    params[1].grad[0, 0] = 0.0
    optimizer.step()
    assert largest_difference(params, before) > 0


# What importing does.


def test_without_pytorch_there_is_one_clear_error():
    code = (
        "import sys; sys.modules['torch'] = None\ntry:\n    import solvers.pytorch\nexcept ImportError as e: print(e)"
    )
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("solvers.pytorch needs PyTorch")
    assert "\n  why: " in done.stdout
    assert "\n  try: " in done.stdout


def test_it_finds_the_leading_eigenspace():
    """Oja's problem: the trace of Y^T A Y is largest on the leading eigenspace."""
    A, space = torch.diag(torch.linspace(1, 2, 12, dtype=torch.float64) ** 4), Stiefel(12, 3)
    params = points(space, 1)
    optimizer = ManifoldOptimizer(params, lr=Cosine(0.1, 0.0, 400), space=space, maximize=True)
    for _ in range(400):
        optimizer.zero_grad()
        (params[0].T @ A @ params[0]).trace().backward()
        optimizer.step()
    best = float(A.diagonal().sort().values[-3:].sum())
    assert math.isclose(float((params[0].detach().T @ A @ params[0].detach()).trace()), best, rel_tol=1e-9)
