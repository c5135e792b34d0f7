"""What stands around steps of the optimizer of PyTorch: saved states, schedulers, scalers, compilers, devices."""

import copy
import io
import math
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch_points import give_gradients, largest_difference, one_thread, points, values  # noqa: E402, F401

from manifolds.spaces import Grassmann, Stiefel, SymplecticStiefel  # noqa: E402
from manifolds.vector_spaces import Euclidean  # noqa: E402
from solvers.learning_rates import Cosine  # noqa: E402
from solvers.pytorch import ManifoldOptimizer  # noqa: E402
from solvers.pytorch.cayley import CayleyKernel  # noqa: E402

SAVED = [Stiefel(12, 3), Stiefel(5, 4), Stiefel(6, 2, section="transported"), SymplecticStiefel(3, 1)]

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


def test_elsewhere_a_step_that_leads_to_no_point_is_left_out(monkeypatch):
    params = points(Stiefel(12, 3), dtype=torch.float32)
    optimizer = ManifoldOptimizer(params, "adam", lr=0.1, space=Stiefel(12, 3))
    give_gradients(params)
    before = values(params)
    monkeypatch.setattr(optimizer, "_checked", lambda work: {torch.device("cpu"): torch.tensor(True)})
    params[0].grad[0, 0] = 3e38  # products of it overflow
    optimizer.step()
    assert largest_difference(params, before) == 0
    assert all(float(optimizer.state[param]["square"].abs().max()) == 0 for param in params)


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
