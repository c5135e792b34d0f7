"""Parameters, states and options that others change around the steps of the optimizer of PyTorch."""

import copy
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch_points import give_gradients, largest_difference, one_thread, points, values  # noqa: E402, F401

from manifolds.errors import InputError  # noqa: E402
from manifolds.spaces import Grassmann, Stiefel, SymplecticStiefel  # noqa: E402
from manifolds.vector_spaces import Euclidean  # noqa: E402
from solvers.pytorch import ManifoldOptimizer, ManifoldParameter  # noqa: E402

TRANSPORTED = [
    Stiefel(6, 2, section="transported"),
    Stiefel(6, 2, section="transported", field="complex"),
    Grassmann(6, 2, section="transported", retraction="geodesic"),
    SymplecticStiefel(3, 1, section="transported"),
]

# Parameters written by someone else.


@pytest.mark.parametrize("space", TRANSPORTED, ids=repr)
def test_a_transported_section_follows_points_that_were_written(space):
    dtype = torch.complex128 if getattr(space, "field", "real") == "complex" else torch.float64
    params = points(space, dtype=dtype)
    optimizer = ManifoldOptimizer(params, "gradient-descent", lr=0.1, space=space)
    give_gradients(params)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.0
    start, fresh = values(params), points(space, 1, dtype=dtype, seed=7)[0].detach()
    with torch.no_grad():
        params[1].copy_(fresh)
    optimizer.step()
    expected = [start[0], fresh, start[2]]
    assert max(float((a.detach() - b).abs().max()) for a, b in zip(params, expected, strict=True)) <= 1e-12


def test_a_transported_section_is_kept_where_nothing_was_written():
    (one,), (other,) = points(TRANSPORTED[0], 1), points(TRANSPORTED[0], 1)
    ours = ManifoldOptimizer([one], "heavy-ball", lr=0.1, space=TRANSPORTED[0])
    theirs = ManifoldOptimizer([other], "heavy-ball", lr=0.1, space=TRANSPORTED[0])
    for step in range(4):
        give_gradients([one], [other], seed=step)
        ours.step(), theirs.step()
        section = theirs.state[other]["section"].clone()
        assert torch.equal(section[:, :2], other.detach())
        other.data = other.data.clone()
    assert largest_difference([one], [other]) == 0


@pytest.mark.parametrize("assigned", [True, False])
def test_half_precision_parameters_written_behind_the_back_count(assigned):
    space = Stiefel(16, 3)
    param = torch.nn.Parameter(points(space)[0].detach().bfloat16())
    optimizer = ManifoldOptimizer([param], lr=1e-4, space=space)
    param.grad = torch.ones_like(param)
    optimizer.step()
    fresh = space.random(5, like=torch.empty(0)).bfloat16()
    if assigned:
        param.data = fresh.clone()
    else:
        param.data.copy_(fresh)
    optimizer.step()
    assert float((param.detach() - fresh).abs().max()) < 0.02


@pytest.mark.parametrize("space", [*TRANSPORTED[::3], Stiefel(12, 3), Stiefel(5, 4)], ids=repr)
def test_parameters_may_change_their_type(space):
    params = points(space, dtype=torch.float32)
    optimizer = ManifoldOptimizer(params, lr=0.01, space=space)
    for dtype, bar in ((torch.float32, 1e-5), (torch.float64, 1e-12), (torch.bfloat16, 1e-1), (torch.float32, 1e-5)):
        for param in params:
            param.data, param.grad = param.data.to(dtype), None
        give_gradients(params)
        optimizer.step()
        assert max(float(space.error(param.detach().double())) for param in params) <= bar


@pytest.mark.parametrize(("start", "end"), [((2, 3), (3, 2)), ((2, 3), (5, 2)), ((6,), (2, 3))])
def test_parameters_may_not_change_their_shape(start, end):
    params = [*points(Euclidean(4), 1), torch.nn.Parameter(torch.ones(start, dtype=torch.float64))]
    optimizer = ManifoldOptimizer(params)
    give_gradients(params)
    optimizer.step()
    before = values(params[:1]), optimizer.state[params[0]]["average"].clone()
    params[1].data, params[1].grad = torch.ones(end, dtype=torch.float64), None
    give_gradients(params)
    with pytest.raises(InputError, match="parameter 1 of group 0 has the shape"):
        optimizer.step()
    assert torch.equal(params[0].detach(), before[0][0])
    assert torch.equal(optimizer.state[params[0]]["average"], before[1])
    assert optimizer.state[params[0]]["step"] == 1


def test_frames_of_another_shape_are_no_points():
    (param,) = points(Stiefel(9, 3), 1)
    optimizer = ManifoldOptimizer([param], "gradient-descent", space=Stiefel(9, 3))
    param.data = torch.eye(8, 3, dtype=torch.float64)
    param.grad = torch.ones_like(param)
    with pytest.raises(InputError, match=r"\(8, 3\)"):
        optimizer.step()


def test_parameters_without_entries_have_no_steps():
    empty = torch.nn.Parameter(torch.zeros(0, 12, 3, dtype=torch.float64))
    params = [empty, *points(Stiefel(12, 3), 1)]
    optimizer = ManifoldOptimizer(params, space=Stiefel(12, 3))
    give_gradients(params)
    before = values(params)
    optimizer.step()
    assert not torch.equal(params[1].detach(), before[1])


def test_new_sections_wait_for_no_device():
    space = Stiefel(6, 2, section="transported")
    param = torch.nn.Parameter(torch.empty(6, 2, device="meta"))
    optimizer = ManifoldOptimizer([param], lr=0.01)
    optimizer.param_groups[0]["space"] = space  # there are no numbers to look at
    for _ in range(2):
        param.grad = torch.empty_like(param)
        optimizer.step()
    assert optimizer.state[param]["step"] == 2
    assert optimizer.state[param]["section"].shape == (6, 6)


# States written by someone else.


def stepped(**options):
    """Three parameters after a step, and their optimizer."""
    params = points(Stiefel(9, 3))
    optimizer = ManifoldOptimizer(params, lr=0.1, space=Stiefel(9, 3), **options)
    give_gradients(params)
    optimizer.step()
    return params, optimizer


def test_states_that_were_replaced_or_dropped_count():
    (params, optimizer), (twins, other) = stepped(), stepped()
    optimizer.state[params[0]]["average"] = torch.zeros_like(params[0])
    other.state[twins[0]]["average"].zero_()
    optimizer.state.pop(params[1])
    give_gradients(params, twins, seed=1)
    optimizer.step(), other.step()
    assert torch.equal(params[0].detach(), twins[0].detach())
    assert torch.equal(params[2].detach(), twins[2].detach())
    assert optimizer.state[params[0]]["average"].abs().max() > 0
    assert [optimizer.state[param]["step"] for param in params] == [2, 1, 2]


def test_hooks_see_and_change_what_is_loaded():
    params, optimizer = stepped()
    seen = []

    def cleared(_, state):
        state = copy.deepcopy(state)
        state["state"][0]["average"].zero_()
        return state

    optimizer.register_load_state_dict_pre_hook(cleared)
    optimizer.register_load_state_dict_post_hook(lambda one: seen.append(one.state[params[1]]["average"].clone()))
    optimizer.load_state_dict(optimizer.state_dict())
    assert float(optimizer.state[params[0]]["average"].abs().max()) == 0
    assert torch.equal(seen[0], optimizer.state[params[1]]["average"])
    assert float(seen[0].abs().max()) > 0


def without(name):
    """A change of a saved state that leaves out an entry of its group."""
    return lambda saved: saved["param_groups"][0].pop(name)


@pytest.mark.parametrize(
    "change",
    [
        dict.clear,
        lambda saved: saved.pop("state"),
        lambda saved: saved.update(param_groups=3),
        lambda saved: saved.update(param_groups=[3]),
        without("spaces"),
        without("params"),
        lambda saved: saved["param_groups"][0]["rule"].pop("name"),
        lambda saved: saved["param_groups"][0]["rule"].update(beta3=0.5),
        lambda saved: saved["param_groups"][0]["rule"].update(beta1=2.0),
        lambda saved: saved["param_groups"][0].update(params=[0]),
        lambda saved: saved["state"][1].pop("step"),
        lambda saved: saved["state"].update({1: 3}),
        lambda saved: saved["state"][1].update(average=torch.zeros(2)),
        lambda saved: saved["state"][1].update(average=0.0),
    ],
)
def test_damaged_states_change_nothing(change):
    optimizer = stepped()[1]
    saved, state, groups = copy.deepcopy(optimizer.state_dict()), optimizer.state, optimizer.param_groups
    change(saved)
    with pytest.raises(InputError):
        optimizer.load_state_dict(saved)
    assert optimizer.state is state
    assert optimizer.param_groups is groups
    with pytest.raises(InputError):
        optimizer.load_state_dict(None)


def test_states_of_other_shapes_are_refused():
    one, other = points(Euclidean(3), 1), points(Euclidean(4), 1)
    give_gradients(one)
    saving = ManifoldOptimizer(one)
    saving.step()
    with pytest.raises(InputError, match=r"parameter 0 of group 0 has the shape \(4,\)"):
        ManifoldOptimizer(other).load_state_dict(saving.state_dict())


def test_what_was_loaded_is_a_copy():
    params, optimizer = stepped(rule="heavy-ball")
    saved = optimizer.state_dict()
    twins = [torch.nn.Parameter(param.detach().clone()) for param in params]
    other = ManifoldOptimizer(twins, "heavy-ball", space=Stiefel(9, 3))
    other.load_state_dict(saved)
    kept = {name: value.clone() for name, value in optimizer.state[params[0]].items() if name != "step"}
    give_gradients(twins, seed=5)
    other.step()
    assert other.param_groups[0]["lr"] == 0.1
    assert all(torch.equal(optimizer.state[params[0]][name], value) for name, value in kept.items())


# Wrong input.


@pytest.mark.parametrize(
    "params",
    [
        lambda a, b: {a, b},
        lambda a, b: [{"params": {a, b}}],
        lambda a, b: [{"params": {"a": a}}],
        lambda a, b: [{"params": 3}],
        lambda a, b: [{"params": None}],
        lambda a, b: [{"lr": 0.1}],
        lambda a, b: [a, {"params": [b]}],
        lambda a, b: [{"params": [b]}, a],
        lambda a, b: [("a", a), b],
        lambda a, b: [{"params": [("a", a)]}, {"params": [b]}],
        lambda a, b: [torch.nn.Parameter(torch.eye(3).to_sparse())],
    ],
)
def test_lists_of_parameters_that_are_none(params):
    with pytest.raises(InputError):
        ManifoldOptimizer(params(*points(Euclidean(3), 2)))


def test_later_groups_that_are_none():
    one, other = points(Euclidean(3), 2)
    optimizer = ManifoldOptimizer([("one", one)])
    for group in ([other], {"params": [other]}, {"lr": 0.1}, None):
        with pytest.raises(InputError):
            optimizer.add_param_group(group)
    optimizer.add_param_group({"params": [("other", other)]})
    assert [group["param_names"] for group in optimizer.param_groups] == [["one"], ["other"]]


@pytest.mark.parametrize("data", [[[1.0], [0.0]], None])
def test_a_parameter_is_made_of_a_tensor(data):
    with pytest.raises(InputError, match="tensor"):
        ManifoldParameter(data, Stiefel(2, 1))


@pytest.mark.parametrize(
    "options",
    [
        {"lr": torch.tensor([0.1, 0.2])},
        {"lr": torch.tensor(float("nan"))},
        {"lr": torch.tensor(-1.0)},
        {"lr": torch.tensor(1j)},
        {"maximize": "no"},
        {"check_finite": torch.ones(2)},
    ],
)
def test_options_that_are_none(options):
    with pytest.raises(InputError):
        ManifoldOptimizer(points(Euclidean(3), 1), **options)


@pytest.mark.parametrize("threads", [0, 1025, 10**11])
def test_threads_of_the_commands_are_some(threads, capsys):
    examples = Path(__file__).resolve().parent.parent / "examples"
    sys.path.insert(0, str(examples))
    try:
        from torch_applications.command import parser, run_script
    finally:
        sys.path.remove(str(examples))
    options = parser("A command.").parse_args(["--threads", str(threads)])
    assert run_script(lambda _: {}, options) == 2
    assert f"--threads {threads}" in capsys.readouterr().err


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), "fast", None, torch.tensor(float("nan"))], ids=str)
def test_rates_that_are_set_to_no_number_change_nothing(rate):
    params = [*points(Stiefel(9, 3), 1), *points(Euclidean(3), 1)]
    optimizer = ManifoldOptimizer([{"params": params[:1], "space": Stiefel(9, 3)}, {"params": params[1:]}], lr=0.1)
    give_gradients(params)
    before = values(params)
    optimizer.param_groups[1]["lr"] = rate
    with pytest.raises(InputError, match="lr of group 1"):
        optimizer.step()
    assert largest_difference(params, before) == 0
    assert [optimizer.state[param]["step"] for param in params] == [0, 0]
