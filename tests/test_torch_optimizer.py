"""Steps of the optimizer of PyTorch: on spaces, in vector spaces, in groups."""

import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch_points import alone, give_gradients, largest_difference, one_thread, points, values  # noqa: E402, F401

from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel  # noqa: E402
from manifolds.vector_spaces import Euclidean  # noqa: E402
from solvers.learning_rates import Cosine  # noqa: E402
from solvers.pytorch import ManifoldOptimizer, ManifoldParameter  # noqa: E402
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
RULE_NAMES = [name for name, make in RULES.items() if isinstance(make, type) and name not in ("newton", "l-bfgs")]


class Layer(torch.nn.Module):
    """Two weights that carry their spaces, and a bias."""

    def __init__(self):
        super().__init__()
        self.weight = ManifoldParameter(torch.randn(9, 3), Stiefel(9, 3), project=True)
        self.other = ManifoldParameter(torch.randn(9, 3), Grassmann(9, 3), project=True)
        self.bias = torch.nn.Parameter(torch.zeros(9))


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
