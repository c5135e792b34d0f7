"""What the optimizer of PyTorch refuses, and that nothing is changed by then."""

import math

import pytest

torch = pytest.importorskip("torch")

from manifolds.errors import InputError  # noqa: E402
from manifolds.space_products import Product  # noqa: E402
from manifolds.spaces import Grassmann, Stiefel, SymplecticStiefel  # noqa: E402
from manifolds.vector_spaces import Euclidean  # noqa: E402
from solvers.pytorch import ManifoldOptimizer, ManifoldParameter  # noqa: E402
from solvers.rules import make_rule  # noqa: E402
from solvers.step_sizes import Armijo  # noqa: E402

SPACE = Stiefel(9, 3)


def point(space=SPACE, seed=0, dtype=torch.float64):
    return torch.nn.Parameter(space.random(seed, like=torch.empty(0, dtype=dtype)))


def refused(function, *words):
    """The error of a call, which has three parts and these words in it."""
    with pytest.raises(InputError) as caught:
        function()
    assert caught.value.why
    assert caught.value.cure
    for word in words:
        assert word in str(caught.value)
    return caught.value


def build(params, *args, **options):
    return lambda: ManifoldOptimizer(params, *args, **options)


# Registration.


def test_a_point_off_the_space_is_refused_by_how_much():
    weight = torch.nn.Parameter(1.5 * torch.eye(9, dtype=torch.float64)[:, :3])
    wrong = math.sqrt(3) * 1.25
    refused(build([weight], space=SPACE), "parameter 0 of group 0", f"{wrong:.1e}", "project=True")
    ManifoldOptimizer([weight], space=SPACE, project=True)
    assert SPACE.belongs(weight.detach(), 1e-14)
    refused(lambda: ManifoldParameter(2 * weight.detach(), SPACE), "the parameter", "project=True")


def test_nothing_is_projected_when_something_is_refused():
    weights = [torch.nn.Parameter(torch.ones(9, 3) + torch.eye(9, 3)), torch.nn.Parameter(torch.full((9, 3), math.nan))]
    refused(build(weights, space=SPACE, project=True), "parameter 1 of group 0 is not finite")
    assert float(weights[0].detach()[0, 0]) == 2.0


@pytest.mark.parametrize(
    ("weight", "space", "words"),
    [
        (torch.zeros(3, 9), SPACE, ["(3, 9)", "transpose"]),
        (torch.zeros(9, 2), SPACE, ["(9, 2)", "(9, 3)"]),
        (torch.zeros(9), SPACE, ["(9,)"]),
        (torch.zeros(9, 3, dtype=torch.complex64), SPACE, ["complex64", "real"]),
        (torch.zeros(9, 3), Stiefel(9, 3, field="complex"), ["float32", "complex"]),
        (torch.zeros(9, 3, dtype=torch.int64), SPACE, ["int64"]),
        (torch.zeros(9, 3), Product({"W": SPACE}), ["product", "group"]),
        (torch.zeros(9, 3), "stiefel", ["'stiefel'"]),
        (torch.full((9, 3), math.nan), SPACE, ["not finite"]),
    ],
)
def test_a_tensor_that_is_no_point(weight, space, words):
    weight.requires_grad_(weight.is_floating_point() or weight.is_complex())
    refused(build([weight], space=space), *words)


def test_a_frame_with_more_columns_than_rows():
    refused(lambda: Stiefel(3, 9), "larger")


def test_mixed_types_and_devices():
    mixed = [point(), point(dtype=torch.float32)]
    refused(build(mixed, space=SPACE), "float32", "float64", "own group")
    ManifoldOptimizer([{"params": [param], "space": SPACE} for param in mixed])
    apart = [point(), torch.nn.Parameter(torch.empty(9, 3, dtype=torch.float64, device="meta"))]
    refused(build(apart, space=SPACE), "meta", "cpu")


def test_two_spaces_for_one_parameter():
    weight = ManifoldParameter(point().detach(), SPACE)
    refused(build([weight], space=Grassmann(9, 3)), "carries Stiefel(9, 3)", "Grassmann(9, 3)")


@pytest.mark.parametrize("rule", ["adamw", "lion"])
def test_weight_decay_on_curved_spaces(rule):
    weight, bias = point(), torch.nn.Parameter(torch.ones(3))
    refused(build([weight], rule, space=SPACE, weight_decay=0.1), "compact", "weight_decay=0")
    symplectic = point(SymplecticStiefel(3, 1))
    refused(build([symplectic], rule, space=SymplecticStiefel(3, 1), weight_decay=0.1), "weight_decay=0")
    groups = [{"params": [weight], "space": SPACE, "weight_decay": 0.0}, {"params": [bias]}]
    optimizer = ManifoldOptimizer(groups, rule, weight_decay=0.1, lr=0.1)
    assert [group["rule"].weight_decay for group in optimizer.param_groups] == [0.0, 0.1]


@pytest.mark.parametrize(
    "rule", ["newton", "l-bfgs", "bfgs", make_rule("adam", learning_rate=Armijo()), make_rule("newton")], ids=str
)
def test_rules_that_need_an_objective(rule):
    refused(build([point()], rule), "objective" if rule != "bfgs" else "rule")


def test_options_and_hyperparameters():
    refused(build([point()], "adan"), "'adam'")
    refused(build([point()], beta=0.9), "beta1")
    refused(build([point()], trust_raduis=1.0), "trust_radius")
    refused(build([point()], learning_rate=0.1), "lr")
    refused(build([point()], lr=-1.0), "lr")
    refused(build([point()], space=SPACE, trust_radius=0.0), "trust_radius")
    refused(build([point()], space=SPACE, retraction="polar"), "polar")
    refused(build([{"params": [point()], "retraction": "geodesic"}]), "None")
    refused(build([point()], check_finite="often"), "often")
    refused(build([{"params": [point()], "spaec": SPACE}]), "'space'")


def test_parameters_that_are_none():
    refused(build([]), "no parameters")
    refused(build(point()), "list")
    refused(build(3), "int")
    refused(build(["weight"]), "str")
    refused(build([point().detach().requires_grad_() * 2]), "computed")
    weight = point()
    refused(build([weight, weight]), "twice")
    refused(build([{"params": [weight]}, {"params": [weight]}]), "twice")


def test_a_group_that_is_refused_is_not_taken_in():
    optimizer = ManifoldOptimizer([point()], space=SPACE)
    refused(lambda: optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(9, 3))]}), "project")
    assert len(optimizer.param_groups) == 1


# Steps.


def running(rule="adam", **options):
    """An optimizer after two steps, with parameters on spaces and in a vector space, and gradients."""
    params = [point(seed=k) for k in range(3)] + [point(SymplecticStiefel(3, 1)), torch.nn.Parameter(torch.ones(2))]
    groups = [
        {"params": params[:3], "space": SPACE},
        {"params": params[3:4], "space": SymplecticStiefel(3, 1)},
        {"params": params[4:]},
    ]
    optimizer = ManifoldOptimizer(groups, rule, lr=0.01, **options)
    for _ in range(2):
        for param in params:
            param.grad = torch.linspace(-1, 1, param.numel(), dtype=param.dtype).view(param.shape)
        optimizer.step()
    return params, optimizer


def snapshot(params, optimizer):
    """Copies of the parameters and of the state."""
    states = [{name: torch.as_tensor(value).clone() for name, value in optimizer.state[p].items()} for p in params]
    return [param.detach().clone() for param in params], states


def assert_as_before(params, optimizer, before):
    after = snapshot(params, optimizer)
    assert all(torch.equal(a, b) for a, b in zip(after[0], before[0], strict=True))
    for one, other in zip(after[1], before[1], strict=True):
        assert all(torch.equal(one[name], other[name]) for name in other)


@pytest.mark.parametrize("rule", ["adam", "heavy-ball"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", [1, 3, 4])
def test_gradients_that_are_not_finite(rule, bad, which):
    params, optimizer = running(rule)
    before = snapshot(params, optimizer)
    params[which].grad.view(-1)[1] = bad
    index = {1: 0, 3: 1, 4: 2}[which]
    refused(optimizer.step, f"group {index}", "not finite", "no parameter and no state was changed")
    assert_as_before(params, optimizer, before)
    params[which].grad.view(-1)[1] = 0.5
    optimizer.step()
    assert all(optimizer.state[param]["step"] == 3 for param in params)


def test_the_look_at_gradients_can_be_left_out():
    params, optimizer = running(check_finite=False)
    params[4].grad[0] = math.nan
    optimizer.step()
    assert math.isnan(float(params[4].detach()[0]))


def test_gradients_whose_products_overflow():
    for dtype, huge in ((torch.float32, 1e37), (torch.float64, 1e307)):
        weight = point(dtype=dtype)
        optimizer = ManifoldOptimizer([weight], space=SPACE)
        weight.grad = torch.full_like(weight, huge)
        refused(optimizer.step, "large")


@pytest.mark.parametrize("rule", ["adam", "gradient-descent"])
@pytest.mark.parametrize("space", [SPACE, Stiefel(5, 4), SymplecticStiefel(3, 1)], ids=repr)
def test_steps_so_long_that_there_is_no_point(space, rule):
    weight = point(space, dtype=torch.float32)
    optimizer = ManifoldOptimizer([weight], rule, lr=1e30, space=space)
    before = weight.detach().clone()
    weight.grad = torch.linspace(-1, 1, weight.numel()).view(weight.shape)
    refused(optimizer.step, "leads to no point", "trust_radius")
    assert torch.equal(weight.detach(), before)
    assert optimizer.state[weight]["step"] == 0


def test_sparse_gradients():
    table = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = ManifoldOptimizer(table.parameters())
    table(torch.tensor([1])).sum().backward()
    refused(optimizer.step, "sparse")
    table.weight.grad = table.weight.grad.to_dense()
    optimizer.step()
    table.weight.grad = table.weight.grad.to_sparse()
    refused(optimizer.step, "sparse")


@pytest.mark.parametrize("count", [1, 2])
def test_gradients_of_another_shape(count):
    params = [point(seed=k) for k in range(count)]
    optimizer = ManifoldOptimizer(params, space=SPACE)
    for _ in range(2):
        for param in params:
            param.grad = torch.ones_like(param)
    optimizer.step()
    params[0].data = torch.eye(9, 3, dtype=torch.float64)[:, :2].clone()
    refused(optimizer.step, "(9, 3)", "(9, 2)")


# States.


def test_states_of_others():
    params, optimizer = running()
    saved = optimizer.state_dict()
    before = snapshot(params, optimizer)
    other = ManifoldOptimizer([{"params": params[:3]}, {"params": params[3:4]}, {"params": params[4:]}])
    refused(lambda: other.load_state_dict(saved), "Stiefel(9, 3)", "vector space")
    other = ManifoldOptimizer(params[:3], space=SPACE)
    refused(lambda: other.load_state_dict(saved), "3 groups")
    refused(lambda: running("heavy-ball")[1].load_state_dict(saved), "HeavyBall")
    plain = torch.optim.Adam(params[:3]).state_dict()
    refused(lambda: other.load_state_dict(plain), "ManifoldOptimizer")
    fewer = ManifoldOptimizer([params[:2]] and [{"params": params[:2], "space": SPACE}])
    alone = ManifoldOptimizer(params[:3], space=SPACE)
    refused(lambda: fewer.load_state_dict(alone.state_dict()), "group 0")
    assert_as_before(params, optimizer, before)
    assert Euclidean(2).belongs(params[4].detach())
