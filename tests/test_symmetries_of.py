"""Symmetries of modules: the groups that are known by hand, and functions that stay as they are."""

from __future__ import annotations

import copy
import math

import pytest

torch = pytest.importorskip("torch")

from symmetry_cases import defect, dimensions, kept, normal  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.nn.utils.parametrizations import spectral_norm, weight_norm  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.symmetry.finder import symmetries_of  # noqa: E402


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def mlp(activation):
    return nn.Sequential(nn.Linear(3, 4), activation, nn.Linear(4, 5), activation, nn.Linear(5, 2)).double()


class Beside(nn.Module):
    """Modules with the same inputs, one beside the other."""

    def __init__(self, *modules):
        super().__init__()
        self.modules_beside = nn.ModuleList(modules)

    def forward(self, x):
        return torch.cat([one(x) for one in self.modules_beside], -1)


HOMOGENEOUS = [
    nn.ReLU(),
    nn.LeakyReLU(0.2),
    nn.PReLU(),
    nn.RReLU().eval(),
    nn.ReLU(inplace=True),
    nn.Threshold(0.0, 0.0),
]
ODD = [nn.Tanh(), nn.Softsign(), nn.Hardtanh(), nn.Tanhshrink(), nn.Softshrink(), nn.Hardshrink()]
OTHER = [
    nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Sigmoid(), nn.Softplus(), nn.ELU(), nn.SELU(), nn.CELU(), nn.Mish(),
    nn.LogSigmoid(), nn.Hardswish(), nn.Hardsigmoid(), nn.ReLU6(), nn.Threshold(0.1, 20.0),
]  # fmt: skip


def test_homogeneous_units_are_scaled_and_permuted():
    symmetry = kept(Beside(*map(mlp, HOMOGENEOUS)).eval(), normal(7, 3))
    assert dimensions(symmetry) == (0, 6 * 9, 0, ["S_4"] * 6 + ["S_5"] * 6)
    assert symmetries_of(mlp(nn.ReLU()), normal(7, 3)()).group == "R+^4 |x S_4 x R+^5 |x S_5"


def test_odd_units_change_sign():
    symmetry = kept(Beside(*map(mlp, ODD)), normal(7, 3))
    assert symmetry.dimension == 0
    assert symmetry.discrete_order == (2**4 * math.factorial(4) * 2**5 * math.factorial(5)) ** 6


def test_other_units_are_permuted():
    symmetry = kept(Beside(*map(mlp, OTHER)), normal(7, 3))
    assert dimensions(symmetry) == (0, 0, 0, ["S_4"] * 14 + ["S_5"] * 14)


def test_softmax_does_not_see_rows_that_move_together():
    symmetry = kept(Beside(mlp(nn.Softmax(-1)), mlp(nn.LogSoftmax(-1))), normal(7, 3))
    # Rows of weights and of biases: 3 + 1 in front of the first softmax, 4 + 1 of the second.
    assert dimensions(symmetry) == (0, 0, 2 * (3 + 1 + 4 + 1), ["S_4", "S_4", "S_5", "S_5"])


def test_glu_keeps_the_scaling_of_its_linear_half():
    net = nn.Sequential(nn.Linear(3, 8), nn.GLU(), nn.Linear(4, 2)).double()
    assert dimensions(kept(net, normal(7, 3))) == (0, 4, 0, ["S_4", "{+-1}^4"])


def test_deep_linear_network_has_all_invertible_matrices_and_translations():
    net = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3), nn.Linear(3, 5)).double()
    assert dimensions(kept(net, normal(7, 6))) == (16 + 9, 0, 4 + 3, [])


def test_lenet():
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 10),
    ).double()  # fmt: skip
    expected = (0, 6 + 16 + 12 + 8, 0, ["S_12", "S_16", "S_6", "S_8"])
    assert dimensions(kept(net, normal(2, 1, 28, 28))) == expected


def test_small_vgg():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(),
        nn.AvgPool2d(2), nn.Dropout(), nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 3),
    ).double()  # fmt: skip
    net(torch.randn(9, 3, 8, 8, dtype=torch.float64))
    evaluated = kept(net.eval(), normal(2, 3, 8, 8))
    assert dimensions(evaluated)[:3] == (0, 4 + 4 + 4 + 6, 4)
    trained = kept(net.train(), normal(5, 3, 8, 8))
    # The scale in front of the normalisation is inexact by epsilon; its sign and its shift are exact.
    assert dimensions(trained)[:3] == (0, 4 + 4 + 6, 4)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.a, self.m, self.b, self.n = (
            nn.Conv2d(4, 5, 3, padding=1),
            nn.BatchNorm2d(5),
            nn.Conv2d(5, 4, 1),
            nn.BatchNorm2d(4),
        )
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        x = functional.relu(self.norm(self.stem(x)))
        x = functional.relu(x + self.n(self.b(functional.relu(self.m(self.a(x))))))
        return self.last(functional.adaptive_avg_pool2d(x, 1).flatten(1))


def test_residual_network_with_batch_normalisation():
    net = Residual().double()
    for _ in range(3):
        net(torch.randn(9, 3, 8, 8, dtype=torch.float64))
    # The stream and the block, each behind its normalisation; in eval mode also in front of each of the three.
    assert dimensions(kept(net.eval(), normal(2, 3, 8, 8)))[:2] == (0, 4 + 5 + 4 + 5 + 4)
    assert dimensions(kept(net.train(), normal(9, 3, 8, 8)))[:2] == (0, 4 + 5)


def test_weight_normalisation_does_not_see_lengths_which_follow_what_acts_inside():
    net = nn.Sequential(weight_norm(nn.Linear(3, 4)), nn.GELU(), weight_norm(nn.Linear(4, 2))).double()
    assert dimensions(kept(net, normal(7, 3)))[1] == 4 + 2
    net = nn.Sequential(weight_norm(nn.Conv1d(3, 4, 3)), nn.ReLU(), weight_norm(nn.Conv1d(4, 3, 3), dim=1)).double()
    # Lengths of the directions, which nothing sees, and the four units behind ReLU.
    assert dimensions(kept(net, normal(2, 3, 9)))[1] == 4 + 4 + 4


def test_spectral_normalisation_lowers_the_claim_and_says_so():
    net = nn.Sequential(spectral_norm(nn.Linear(3, 4)), nn.ReLU(), nn.Linear(4, 2)).double()
    symmetry = kept(net, normal(7, 3))
    assert symmetry.dimension == 0
    assert any("not known" in note for note in symmetry.notes)


def test_groups_of_channels():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 12, 3, groups=4), nn.ReLU(), nn.Conv2d(12, 12, 3, groups=12),
        nn.GELU(), nn.Conv2d(12, 5, 1),
    ).double()  # fmt: skip
    assert dimensions(kept(net, normal(2, 3, 9, 9))) == (0, 8 + 12, 0, ["S_2^4", "S_3^4", "S_4"])


def test_normalisation_of_groups_and_instances():
    net = nn.Sequential(
        nn.Conv1d(3, 8, 3), nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv1d(8, 6, 3), nn.InstanceNorm1d(6, affine=True),
        nn.Tanh(), nn.Flatten(), nn.Linear(30, 2),
    ).double()  # fmt: skip
    assert dimensions(kept(net, normal(2, 3, 9)))[:3] == (0, 8, 6)


def test_dropout_keeps_units_in_their_places_while_it_is_on():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)).double()
    assert dimensions(kept(net.train(), normal(7, 3))) == (0, 4, 0, [])
    assert dimensions(kept(net.eval(), normal(7, 3))) == (0, 4, 0, ["S_4"])


def test_frozen_parameters_stay():
    net = mlp(nn.ReLU())
    net[2].weight.requires_grad_(False)
    symmetry = kept(net, normal(7, 3))
    assert symmetry.dimension == 0
    assert "frozen" in symmetry.notes[0]


def test_unused_parameters_are_not_moved():
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            return self.used(x)

    assert symmetries_of(Unused(), torch.randn(2, 3)).dimension == 0


@pytest.mark.parametrize(
    ("module", "inputs", "what"),
    [
        (lambda x: x, torch.ones(2), "symmetries_of was given function"),
        (nn.ReLU(), torch.ones(2), "ReLU has no parameters"),
    ],
)
def test_what_is_no_module_with_parameters_is_refused(module, inputs, what):
    with pytest.raises(InputError, match=what):
        symmetries_of(module, inputs)


def test_data_dependent_branches_are_refused_and_leave_the_module_as_it_was():
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Parameter(torch.randn(3, 3))

        def forward(self, x):
            return x @ self.a if x.sum() > 0 else x

    net = Branching()
    before = copy.deepcopy(net.state_dict())
    attributes = set(vars(net))
    with pytest.raises(InputError, match="Branching could not be traced") as error:
        symmetries_of(net, torch.randn(2, 3))
    assert error.value.cure
    assert set(vars(net)) == attributes
    assert all(torch.equal(before[name], one) for name, one in net.state_dict().items())


def test_wrong_inputs_are_refused():
    with pytest.raises(InputError, match="does not run on the example inputs"):
        symmetries_of(mlp(nn.ReLU()), torch.randn(2, 9))


def test_single_precision_is_kept_to_single_precision():
    net = mlp(nn.ReLU()).float()
    symmetry = symmetries_of(net, torch.randn(7, 3))
    assert defect(net, symmetry, lambda: (torch.randn(7, 3),)) < 1e-5


def test_the_same_seed_gives_the_same_bits():
    net = mlp(nn.ReLU())
    one, other = (symmetries_of(net, torch.ones(2, 3, dtype=torch.float64)) for _ in range(2))
    assert one.table() == other.table()
    for left, right in zip(one.random_element(3).factors, other.random_element(3).factors, strict=True):
        assert torch.equal(left[1], right[1])


def test_normalisations_say_how_far_their_scale_is_from_exact():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)).double()
    symmetry = kept(net.train(), normal(5, 3, 8, 8))
    (approximate,) = symmetry.approximate
    assert approximate.component.dimension == 4
    assert 1e-9 < approximate.defect < 1e-3
    assert approximate.component not in symmetry.components


def test_layer_normalisation_without_epsilon_does_not_see_a_common_factor():
    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4, eps=0.0), nn.ReLU(), nn.Linear(4, 2)).double()
    symmetry = kept(net, normal(7, 3))
    # Four units behind the norm, one common factor in front of it, and rows that move together.
    assert dimensions(symmetry)[:3] == (0, 4 + 1, 3 + 1)


def test_a_compiled_module_has_the_symmetry_of_the_module():
    net = mlp(nn.ReLU())
    symmetry = symmetries_of(torch.compile(net, backend="eager"), normal(7, 3)())
    assert symmetry.module is net
    assert symmetry.dimension == 9


class Experts(nn.Module):
    """A mixture of experts, all evaluated."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(3, 4)
        self.up, self.down = nn.Parameter(torch.randn(4, 3, 5)), nn.Parameter(torch.randn(4, 5, 2))

    def forward(self, x):
        y = torch.einsum("beh,ehd->bed", torch.relu(torch.einsum("bd,edh->beh", x, self.up)), self.down)
        return (torch.softmax(self.gate(x), -1)[..., None] * y).sum(1)


def test_experts_are_permuted_and_so_are_the_units_of_each():
    symmetry = kept(Experts().double(), normal(7, 3))
    # Five units of each of four experts; the rows of the gate in front of the softmax.
    assert dimensions(symmetry) == (0, 4 * 5, 3 + 1, ["S_4", "S_5^4"])


class Form(nn.Module):
    """The input times a matrix that is made of parameters."""

    def __init__(self, matrix, **shapes):
        super().__init__()
        self.matrix = matrix
        self.factors = nn.ParameterDict({name: torch.randn(shape).double() for name, shape in shapes.items()})

    def forward(self, x):
        return x @ self.matrix(**self.factors)


@pytest.mark.parametrize(
    ("matrix", "shapes", "group"),
    [
        (lambda U: U @ U.T, {"U": (5, 3)}, "O(3)"),
        (lambda U: torch.einsum("ij,kj->ik", U, U), {"U": (5, 3)}, "O(3)"),
        (lambda U: functional.linear(U, U), {"U": (5, 3)}, "O(3)"),
        (lambda U, V: U @ V.T + (U + V) @ V.T, {"U": (5, 3), "V": (5, 3)}, "O(3)"),
        (lambda U: U @ U.mT, {"U": (4, 5, 3)}, "O(3)^4"),
        (lambda U: torch.einsum("hji,hji->hi", U, U).T, {"U": (4, 3, 5)}, "O(3)^20"),
        (lambda U, V: torch.einsum("hij,hjk->ihk", U, V).flatten(1), {"U": (4, 5, 3), "V": (4, 3, 2)}, "GL(3)^4"),
        (lambda U, V: torch.einsum("aj,bj,cj->ab", U, U, V), {"U": (5, 3), "V": (4, 3)}, None),
    ],
)
def test_rows_of_a_factor_that_meets_itself_are_acted_on_alike(matrix, shapes, group):
    symmetry = kept(Form(matrix, **shapes), normal(2, 5))
    assert not [note for note in symmetry.notes if note.startswith("dropped")]
    assert group is None or symmetry.group == group
