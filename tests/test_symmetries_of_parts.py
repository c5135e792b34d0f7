"""Symmetries of modules that cannot be traced as a whole, and modules that stay as they were."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from symmetry_cases import defect, normal  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import weight_norm  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch import ApproximateSymmetry, symmetries_of  # noqa: E402


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def mlp(hidden=5):
    return nn.Sequential(nn.Linear(3, hidden), nn.ReLU(), nn.Linear(hidden, 3)).double()


def state(module):
    """Everything about a module that must stay: tensors bit by bit, attributes, hooks."""
    hooks = [(len(one._forward_hooks), len(one._forward_pre_hooks)) for one in module.modules()]
    return copy.deepcopy(module.state_dict()), [set(vars(one)) for one in module.modules()], hooks


def same(before, after):
    return before[1:] == after[1:] and all(torch.equal(one, after[0][name]) for name, one in before[0].items())


def untouched(module, inputs, **kwargs):
    """The symmetries, after a look at whether the module stayed as it was."""
    before = state(module)
    symmetry = symmetries_of(module, inputs, **kwargs)
    assert same(before, state(module))
    return symmetry


class Branching(nn.Module):
    """Parts called twice and in a list, with Python branches on values between them."""

    def __init__(self):
        super().__init__()
        self.a = mlp(5)
        self.blocks = nn.ModuleList([mlp(4), mlp(6)])

    def forward(self, x):
        x = self.a(x) if x.sum() > 0 else -self.a(2 * x)
        for block in self.blocks:
            x = x + block(x)
        return x


class Repeating(nn.Module):
    """As many steps as a value says, and an answer that no tracer follows, around a branching part."""

    def __init__(self):
        super().__init__()
        self.inner, self.head = Branching(), mlp(2)

    def forward(self, x):
        for _ in range(int(x.abs().sum().item()) % 3 + 1):
            x = self.inner(x)
        return self.head(x)


@pytest.mark.parametrize(("module", "dimension"), [(Branching, 5 + 4 + 6), (Repeating, 5 + 4 + 6 + 2)])
def test_the_group_is_that_of_the_parts(module, dimension):
    net = module()
    symmetry = untouched(net, normal(4, 3)())
    assert symmetry.dimension == dimension
    assert symmetry.module is net
    assert "could not be traced: " + module.__name__ in symmetry.notes[0]
    assert symmetry.certificate.claims[0].verdict == "measured"
    assert defect(net, symmetry, normal(4, 3)) < 1e-9
    assert all(name in dict(net.named_parameters()) for name in symmetry.tensor_names)


def test_translations_are_renamed_with_the_weights_that_they_read():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 3)).double()

        def forward(self, x):
            return self.part(x) if x.sum() > 0 else x - self.part(x)

    net = Net()
    symmetry = untouched(net, normal(4, 3)())
    assert symmetry.dimension == symmetries_of(net.part, normal(4, 3)()).dimension == 16 + 4
    assert defect(net, symmetry, normal(4, 3)) < 1e-9


class Watched(nn.Module):
    """Reads a weight of a part itself."""

    def __init__(self):
        super().__init__()
        self.a, self.b = mlp(), mlp()

    def forward(self, x):
        penalty = self.a[0].weight.sum() if x.sum() < 1e9 else 0.0
        return self.a(x) + self.b(x) + penalty


def test_weights_that_the_whole_reads_are_not_moved():
    net = Watched()
    symmetry = untouched(net, normal(4, 3)())
    assert symmetry.dimension == 5
    assert all(name.startswith("b.") for name in symmetry.tensor_names)
    assert any(note.startswith("a: used elsewhere") for note in symmetry.notes)


def test_without_a_check_they_are_not_moved_either():
    symmetry = symmetries_of(Watched(), normal(4, 3)(), check=False)
    assert symmetry.dimension == 5
    assert symmetry.certificate is None


def test_activations_that_the_whole_sees_are_noticed():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part, self.seen = mlp(), None
            self.part[0].register_forward_hook(lambda module, args, result: setattr(self, "seen", result))

        def forward(self, x):
            return self.part(x if x.sum() > 0 else -x).sum() + self.seen[:, 0]

    net = Net()
    symmetry = untouched(net, normal(4, 3)())
    assert symmetry.dimension == 0
    assert any("dropped" in note for note in symmetry.notes)
    assert net.seen is None


class Shared(nn.Module):
    """One layer in two parts, or one weight in two layers."""

    def __init__(self, what):
        super().__init__()
        self.a, self.b = mlp(), mlp()
        if what == "module":
            self.b[0] = self.a[0]
        else:
            self.b[0].weight = self.a[0].weight

    def forward(self, x):
        return self.a(x) + self.b(x) if x.sum() > 0 else self.a(x)


@pytest.mark.parametrize("what", ["module", "weight"])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_parts_share_is_not_moved(what, sign):
    net = Shared(what)
    symmetry = untouched(net, sign * normal(4, 3)()[0].abs())
    # The first layer is shared, and behind it every unit is seen twice.
    assert symmetry.dimension == 0
    assert defect(net, symmetry, normal(4, 3)) < 1e-9


def test_a_part_with_two_names_acts_under_the_first():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = mlp()
            self.b = self.a

        def forward(self, x):
            return self.b(x) if x.sum() > 0 else self.a(-x)

    net = Twice()
    symmetry = untouched(net, normal(4, 3)())
    assert symmetry.dimension == 5
    assert all(name.startswith("a.") for name in symmetry.tensor_names)
    assert defect(net, symmetry, normal(4, 3)) < 1e-9


@pytest.mark.parametrize(
    ("module", "inputs", "why"),
    [
        (mlp().float(), torch.ones(2, 9), "shapes cannot be multiplied"),
        (mlp(), torch.ones(2, 3), "dtype"),
        (mlp(), (), "positional argument"),
        (nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 2)), torch.tensor([7]), "index out of range"),
    ],
)
def test_a_module_that_does_not_run_is_told_from_one_that_cannot_be_traced(module, inputs, why):
    with pytest.raises(InputError, match="does not run on the example inputs") as error:
        untouched(module, inputs)
    assert why in str(error.value)
    assert error.value.cure


@pytest.mark.parametrize(
    ("module", "what"),
    [
        (lambda: nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 2)), "without a shape"),
        (lambda: mlp().to("meta"), "meta device"),
        (torch.inference_mode()(mlp), "inference mode"),
        (lambda: torch.jit.script(mlp()), "TorchScript"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_modules_without_values_to_move_are_refused(module, what):
    with pytest.raises(InputError, match=what):
        symmetries_of(module(), normal(4, 3)())


def test_a_module_on_the_meta_device_has_a_group_without_a_check():
    assert symmetries_of(mlp().to("meta"), torch.ones(4, 3, device="meta").double(), check=False).dimension == 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layer", [nn.Embedding, nn.EmbeddingBag])
def test_renormalised_embeddings_stay_as_they_were(dtype, layer):
    net = nn.Sequential(layer(9, 3, max_norm=0.1), nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(dtype)
    symmetry = untouched(net, torch.arange(8).reshape(2, 4))
    assert symmetry.dimension == 4


class Writing(nn.Module):
    """Writes to its parameters, its attributes and its input while it runs."""

    def __init__(self):
        super().__init__()
        self.part, self.steps, self.log = mlp(), 0, []

    def forward(self, x):
        self.steps += 1
        self.log.append(self.steps)
        with torch.no_grad():
            self.part[0].weight.clamp_(-0.1, 0.1)
        self.part[2].weight.data = self.part[2].weight.data * 0.5
        x.mul_(2)
        return self.part(x) if x.sum() > 0 else x


def test_what_a_module_writes_is_undone():
    net, x = Writing(), normal(4, 3)()[0].abs()
    given, log = x.clone(), net.log
    untouched(net, x)
    assert torch.equal(x, given)
    assert net.steps == 0
    assert net.log is log
    assert log == []


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_hooks_of_the_module_stay():
    net = mlp()
    net[0].register_forward_hook(lambda module, args, result: result + 1)
    weight_norm(net[2])
    untouched(net, normal(4, 3)())


def test_entries_that_are_one_in_memory_are_not_moved():
    net = mlp()
    net[0].bias = nn.Parameter(torch.ones(1, dtype=torch.float64).expand(5))
    symmetry = untouched(net, normal(4, 3)())
    assert "0.bias" not in symmetry.tensor_names
    symmetry.apply_(symmetry.random_element(0))


def test_inputs_that_the_module_refuses_are_not_tried():
    class Picky(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = mlp()

        def forward(self, x):
            if (x < 0).any():
                raise ValueError("a negative input")
            return self.part(x)

    assert untouched(Picky(), normal(4, 3)()[0].abs()).dimension == 5


def test_tables_list_what_holds_approximately():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)).double()
    symmetry = untouched(net, normal(9, 3)())
    assert symmetry.approximate
    assert all(isinstance(one, ApproximateSymmetry) for one in symmetry.approximate)
    lines = symmetry.table().splitlines()
    assert lines[-len(symmetry.approximate) :] == [f"approximate: {one}" for one in symmetry.approximate]


def test_parts_that_cannot_be_watched_are_not_moved():
    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.plain, self.hidden = mlp(), mlp()

        def forward(self, x):
            return self.plain(x if x.sum() > 0 else -x) + torch.vmap(self.hidden)(x)

    symmetry = untouched(Around(), torch.randn(5, 3).double())
    assert symmetry.dimension == 5
    assert all(name.startswith("plain.") for name in symmetry.tensor_names)


def test_branches_of_operations_are_not_seen_through():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = mlp()

        def forward(self, x):
            return torch.cond(x.sum() > 0, lambda one: 2 * one, lambda one: one - 1, (self.part(x),))

    symmetry = untouched(Net(), normal(4, 3)())
    assert symmetry.dimension == 5
    assert any("cond" in note for note in symmetry.notes)


def test_objects_that_parts_return_are_not_hidden_from_the_whole():
    class Result:
        def __init__(self, inside):
            self.inside = inside

    class Part(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = mlp()

        def forward(self, x):
            inside = self.layers[0](x)
            return self.layers[2](torch.relu(inside)), Result(inside)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = Part()

        def forward(self, x):
            y, result = self.part(x if x.sum() > 0 else -x)
            return y + result.inside.sum()

    assert symmetries_of(Net(), normal(4, 3)(), check=False).dimension == 0
