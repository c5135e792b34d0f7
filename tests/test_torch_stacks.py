"""What the optimizer of PyTorch keeps from step to step: it notices whatever others change, and has the same bits."""

import copy
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch.utils import backend_registration  # noqa: E402
from torch_points import give_gradients, largest_difference, one_thread, points, values  # noqa: E402, F401

from manifolds.errors import InputError  # noqa: E402
from manifolds.spaces import Grassmann, Stiefel  # noqa: E402
from manifolds.vector_spaces import Euclidean  # noqa: E402
from solvers.pytorch import ManifoldOptimizer  # noqa: E402
from solvers.pytorch.cayley import CayleyKernel, rows_of  # noqa: E402
from solvers.pytorch.moments import displacement  # noqa: E402
from solvers.rules import Adam  # noqa: E402

SPACES = [Stiefel(12, 3), Grassmann(16, 7), Stiefel(5, 4), Euclidean((4, 3))]


def begun(space, count=4, dtype=torch.float64):
    """Parameters after two steps, and their optimizer."""
    params = points(space, count, dtype=dtype)
    optimizer = ManifoldOptimizer(params, lr=0.1, space=space)
    for step in range(2):
        give_gradients(params, seed=step)
        optimizer.step()
    return params, optimizer


def built_anew(optimizer):
    """The same optimizer without anything that it kept from its last step."""
    optimizer.load_state_dict(optimizer.state_dict())


# Changes between steps.


def swap_states(params, optimizer):
    """Two parameters change their states."""
    state = optimizer.state
    state[params[0]], state[params[2]] = state[params[2]], state[params[0]]


def swap_slots(params, optimizer):
    """Two parameters change one slot."""
    one, other = optimizer.state[params[0]], optimizer.state[params[2]]
    one["average"], other["average"] = other["average"], one["average"]


def drop_state(params, optimizer):
    """One parameter begins again."""
    del optimizer.state[params[1]]


def replace_state(params, optimizer):
    """The optimizer has another dictionary, with other moments."""
    optimizer.state = defaultdict(dict, copy.deepcopy({id(p): state for p, state in optimizer.state.items()}))
    for param in params:
        optimizer.state[param] = optimizer.state.pop(id(param))
        optimizer.state[param]["average"] *= -1.0


def reverse_group(params, optimizer):
    """The group lists its parameters in another order."""
    optimizer.param_groups[0]["params"].reverse()


def replace_data(params, optimizer):
    """One parameter has its entries elsewhere, by columns."""
    params[1].data = params[1].data.flip(0).mT.contiguous().mT


def write_data(params, optimizer):
    """One parameter is written where PyTorch counts no write."""
    params[1].data.copy_(params[0].data)


def write_moments(params, optimizer):
    """A slot is written in place."""
    optimizer.state[params[1]]["average"].mul_(-1.0)


def other_rule(params, optimizer):
    """The group has another rule."""
    optimizer.param_groups[0]["rule"] = Adam(beta1=0.5)


def without_one(params, optimizer):
    """One parameter has no gradient."""
    params[1].grad = None


def strided_gradients(params, optimizer):
    """Gradients lie in memory by columns."""
    for param in params:
        param.grad = param.grad.mT.contiguous().mT


@pytest.mark.parametrize("space", SPACES, ids=repr)
@pytest.mark.parametrize(
    "change",
    [
        swap_states,
        swap_slots,
        drop_state,
        replace_state,
        reverse_group,
        replace_data,
        write_data,
        write_moments,
        other_rule,
        without_one,
        strided_gradients,
    ],
)
def test_changes_between_steps_count_as_if_nothing_was_kept(space, change):
    (params, optimizer), (twins, twin), (untouched, third) = (begun(space) for _ in range(3))
    for step in range(2, 5):
        give_gradients(params, twins, untouched, seed=step)
        if step == 2:
            change(params, optimizer), change(twins, twin)
        built_anew(twin)
        optimizer.step(), twin.step(), third.step()
    assert largest_difference(params, twins) == 0
    assert [optimizer.state[p]["step"] for p in params] == [twin.state[p]["step"] for p in twins]
    assert (largest_difference(params, untouched) == 0) == (change in (strided_gradients, reverse_group))


def test_the_number_of_steps_of_each_parameter_is_in_its_state():
    params, optimizer = begun(Stiefel(12, 3))
    for step in range(3, 6):
        give_gradients(params, seed=step)
        optimizer.step()
        assert [optimizer.state[param]["step"] for param in params] == [step] * 4
        assert [entry["step"] for entry in optimizer.state_dict()["state"].values()] == [step] * 4


def test_one_parameter_may_change_its_type_alone():
    params, optimizer = begun(Stiefel(12, 3), dtype=torch.float32)
    for dtype in (torch.bfloat16, torch.float64):
        params[2].data, params[2].grad = params[2].data.to(dtype), None
        give_gradients(params, seed=7)
        optimizer.step()
        assert [param.dtype for param in params] == [torch.float32, torch.float32, dtype, torch.float32]
        state = optimizer.state[params[2]]
        assert state["average"].dtype == (torch.float32 if dtype == torch.bfloat16 else torch.float64)
        assert torch.equal(params[2].detach(), (state["master"] if dtype == torch.bfloat16 else params[2]).to(dtype))
    assert [optimizer.state[param]["step"] for param in params] == [4] * 4


@pytest.mark.parametrize("space", SPACES, ids=repr)
@pytest.mark.parametrize("count", [1, 4])
def test_a_parameter_that_changed_its_shape_is_refused_and_nothing_is_changed(space, count):
    params, optimizer = begun(space, count)
    before, kept = values(params), params[-1].data
    give_gradients(params, seed=2)
    params[-1].data = params[-1].data[:-1].clone()
    params[-1].grad = torch.ones_like(params[-1])
    with pytest.raises(InputError, match="has the shape"):
        optimizer.step()
    assert largest_difference(params[:-1] or [kept], before[:-1] or before) == 0
    assert [optimizer.state[param]["step"] for param in params] == [2] * count
    params[-1].data = kept
    params[-1].grad = torch.ones_like(params[-1])
    optimizer.step()
    assert [optimizer.state[param]["step"] for param in params] == [3] * count
    assert largest_difference(params, before) > 0


def test_after_a_refused_step_there_is_a_step():
    params = points(Stiefel(12, 3))
    optimizer, before = ManifoldOptimizer(params, lr=0.1, space=Stiefel(12, 3)), values(params)
    give_gradients(params)
    params[1].grad = params[1].grad.to_sparse()
    for _ in range(2):
        with pytest.raises(InputError, match="sparse"):
            optimizer.step()
    give_gradients(params)
    optimizer.step()
    assert min(float((a.detach() - b).abs().max()) for a, b in zip(params, before, strict=True)) > 0


def test_a_parameter_that_was_empty_moves_once_it_has_entries():
    empty = torch.nn.Parameter(torch.zeros(0, dtype=torch.float64))
    params = [empty, *points(Euclidean(3), 2)]
    optimizer = ManifoldOptimizer(params, lr=0.1)
    for _ in range(2):
        give_gradients(params)
        optimizer.step()
    empty.data, empty.grad = torch.zeros(2, dtype=torch.float64), None
    give_gradients(params)
    optimizer.step()
    assert float(empty.detach().abs().min()) == pytest.approx(0.1)
    assert [optimizer.state[param]["step"] for param in params] == [1, 3, 3]


@pytest.mark.parametrize("space", SPACES[:2], ids=repr)
def test_parameters_keep_their_place_in_memory(space):
    params = [torch.nn.Parameter(Y.detach().mT.contiguous().mT) for Y in points(space)] + points(space, 1)
    twins = [torch.nn.Parameter(Y.detach().clone(memory_format=torch.contiguous_format)) for Y in params]
    where = [(param.data_ptr(), param.stride()) for param in params]
    for one in (params, twins):
        optimizer = ManifoldOptimizer(one, lr=0.1, space=space)
        for step in range(3):
            give_gradients(one, seed=step)
            optimizer.step()
    assert [(param.data_ptr(), param.stride()) for param in params] == where
    assert largest_difference(params, twins) == 0


# The kernel, and Adam in one pass.


@pytest.mark.parametrize("n", [6, 7, 8, 15, 16, 17, 23])
@pytest.mark.parametrize("kind", [Stiefel, Grassmann])
def test_the_kernel_is_the_space_at_all_numbers_of_columns(kind, n):
    space = kind(2 * n + 5, n)
    one, other = points(space), points(space)
    for params, kernel in ((one, True), (other, False)):
        optimizer = ManifoldOptimizer(params, lr=0.05, space=space, in_place=kernel)
        for step in range(3):
            give_gradients(params, seed=step)
            optimizer.step()
    assert largest_difference(one, points(space)) > 0.05
    assert largest_difference(one, other) <= 2e-13


def test_rows_that_fill_up_are_not_read():
    space, room = Stiefel(20, 7), torch.empty(2, 3, 7, 20, dtype=torch.float64)
    assert rows_of(7) == 16
    both = torch.zeros(3, 16, 20, dtype=torch.float64)
    both[:, :7] = space.random(0, 3, like=both).mT
    both[:, 7:14] = torch.linspace(-1, 1, 20, dtype=torch.float64)
    filled = both.clone()
    filled[:, 14:] = 3.0
    for given, out in zip((both, filled), room, strict=True):
        assert CayleyKernel(flat=False).lift(given, out=out)
    assert torch.equal(room[0], room[1])


@pytest.mark.parametrize(("dtype", "bar"), [(torch.float32, 1e-7), (torch.float64, 1e-15)])
def test_adam_in_one_pass_is_adam(dtype, bar):
    rule, random = Adam(beta2=0.99, epsilon=1e-3), torch.Generator().manual_seed(0)
    slots = [{name: torch.zeros(5, 6, dtype=dtype) for name in rule.slots} for _ in range(2)]
    scratch = [torch.empty(5, 6, dtype=dtype) for _ in range(2)]
    for count in range(1, 200):
        D = torch.randn(5, 6, generator=random, dtype=dtype)
        W = [
            displacement(rule, D.clone(), slots[k], scratch[k], count=count, rate=0.1, point=D if k else None)
            for k in range(2)
        ]
        assert float((W[0] - W[1]).abs().max()) <= bar
    for name in rule.slots:
        torch.testing.assert_close(slots[0][name], slots[1][name], rtol=10 * bar, atol=10 * bar)


def test_without_adam_in_one_pass_the_steps_are_the_same(monkeypatch):
    (params, optimizer), (twins, twin) = begun(Stiefel(12, 3)), begun(Stiefel(12, 3))
    give_gradients(params, twins, seed=2)
    optimizer.step()
    monkeypatch.delattr(torch, "_fused_adam_")
    twin.step()
    assert largest_difference(params, twins) <= 1e-15


# Devices.


def test_without_numbers_to_look_at_a_step_waits_for_nothing_and_stays_on_its_device():
    if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
        pytest.skip("this PyTorch cannot pretend to have an accelerator")
    code = """
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend
from manifolds.spaces import Grassmann, Stiefel
from solvers.pytorch import ManifoldOptimizer

_setup_privateuseone_for_python_backend("elsewhere")
torch.elsewhere.is_initialized = lambda: True

for space in (Stiefel(12, 3), Grassmann(12, 3), Stiefel(49, 7), Stiefel(64, 20), None):
    for rule in ("adam", "heavy-ball"):
        for count in (1, 3):
            with FakeTensorMode(allow_non_fake_inputs=False):
                shape = (4, 5) if space is None else space.shape
                params = [torch.nn.Parameter(torch.empty(shape, device="elsewhere")) for _ in range(count)]
                optimizer = ManifoldOptimizer(params, rule, lr=0.01)
                optimizer.param_groups[0]["space"] = space  # there are no numbers to look at
                for _ in range(3):
                    for param in params:
                        param.grad = torch.empty_like(param)
                    optimizer.step()
                names = optimizer.param_groups[0]["rule"].slots
                slots = [optimizer.state[param][name] for param in params for name in names]
                assert {tensor.device.type for tensor in [*params, *slots]} == {"elsewhere"}
                assert [optimizer.state[param]["step"] for param in params] == [3] * count
                optimizer.param_groups[0]["check_finite"] = True  # now it waits
                try:
                    optimizer.step()
                except DataDependentOutputException:
                    print("waits")
"""
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["waits"] * 20
