"""Symmetries of modules: the groups that are known by hand, and functions that stay as they are."""

from __future__ import annotations

import copy
import math

import pytest

torch = pytest.importorskip("torch")

import numpy as np  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.nn.utils.parametrizations import spectral_norm, weight_norm  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.symmetry.element import Element  # noqa: E402
from solvers.pytorch.symmetry.finder import symmetries_of  # noqa: E402
from solvers.pytorch.symmetry.linear_maps import LinearMaps  # noqa: E402
from solvers.pytorch.symmetry.permutations import Permutations  # noqa: E402
from solvers.pytorch.symmetry.scalings import Scalings, Signs  # noqa: E402
from solvers.pytorch.symmetry.shifts import Shifts  # noqa: E402


def dimensions(symmetry):
    """Dimensions of matrices, scalings and translations, and what is finite."""
    kinds = {LinearMaps: 0, Scalings: 0, Shifts: 0}
    for component in symmetry.components:
        if type(component) in kinds:
            kinds[type(component)] += component.dimension
    finite = sorted(one.group for one in symmetry.components if isinstance(one, Permutations | Signs))
    return (*kinds.values(), finite)


def defect(module, symmetry, make, *, scale=1.0):
    """Largest relative change of the outputs on unseen inputs, of all components together and of each alone."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    rng = np.random.default_rng(5)
    words = [symmetry.components, *[(one,) for one in symmetry.components]]
    worst = 0.0
    for components in words:
        element = Element(tuple((one, one.random(rng, scale=scale)) for one in components))
        with torch.no_grad():
            moved = element.transform(tensors)
            for _ in range(2):
                inputs = make()
                before, after = (plain(call(module, where, inputs)) for where in (tensors, moved))
                worst = max(worst, float((before - after).abs().max() / before.abs().max()))
    return worst


def call(module, tensors, inputs):
    """The module at other parameters; what it overwrites is a copy."""
    copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.func.functional_call(module, copies, inputs)


def plain(result):
    """The first tensor of a result."""
    if hasattr(result, "logits"):
        return result.logits
    if hasattr(result, "last_hidden_state"):
        return result.last_hidden_state
    return result[0] if isinstance(result, tuple) else result


def kept(module, make):
    """The symmetry, after the module was seen to be as it was and its function to stay under all elements."""
    before = copy.deepcopy(module.state_dict())
    symmetry = symmetries_of(module, make())
    assert all(torch.equal(before[name], one) for name, one in module.state_dict().items())
    assert not [note for note in symmetry.notes if note.startswith("dropped")], symmetry.notes
    assert defect(module, symmetry, make) < 1e-11
    return symmetry


def normal(*shape):
    """Random inputs of a shape."""
    return lambda: (torch.randn(*shape, dtype=torch.float64),)


def words(number, *shape):
    """Random integers."""
    return lambda: (torch.randint(0, number, shape),)


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
        x = F.relu(self.norm(self.stem(x)))
        x = F.relu(x + self.n(self.b(F.relu(self.m(self.a(x))))))
        return self.last(F.adaptive_avg_pool2d(x, 1).flatten(1))


def test_residual_network_with_batch_normalisation():
    net = Residual().double()
    for _ in range(3):
        net(torch.randn(9, 3, 8, 8, dtype=torch.float64))
    # The stream and the block, each behind its normalisation; in eval mode also in front of each of the three.
    assert dimensions(kept(net.eval(), normal(2, 3, 8, 8)))[:2] == (0, 4 + 5 + 4 + 5 + 4)
    assert dimensions(kept(net.train(), normal(9, 3, 8, 8)))[:2] == (0, 4 + 5)


class Reader(nn.Module):
    def __init__(self, body, size, out=None):
        super().__init__()
        self.first, self.body, self.last = nn.Linear(3, size), body, nn.Linear(out or size, 2)

    def forward(self, x):
        y = self.body(self.first(x))
        return self.last(y[0] if isinstance(y, tuple) else y)


class SelfAttention(nn.Module):
    def __init__(self, size, heads, *, full):
        super().__init__()
        self.attention, self.full = nn.MultiheadAttention(size, heads, batch_first=True), full

    def forward(self, x):
        return torch.sin(x + self.attention(x, x, x, need_weights=self.full)[0])


@pytest.mark.parametrize("full", [True, False])
def test_attention_has_matrices_for_each_head(full):
    net = Reader(SelfAttention(6, 2, full=full), 6).double()
    # Queries and keys, values and outputs: GL(3) for each head; the shifts of keys and of values.
    assert dimensions(kept(net, normal(2, 4, 3))) == (4 * 9, 0, 6 + 6, ["S_2", "S_6", "{+-1}^6"])


@pytest.mark.parametrize("first", [True, False])
def test_transformer_encoder(first):
    layer = nn.TransformerEncoderLayer(6, 2, 5, batch_first=True, norm_first=first, dropout=0.1)
    body = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(6) if first else None, enable_nested_tensor=False)
    symmetry = kept(Reader(body, 6).double().eval(), normal(2, 4, 3))
    matrices, scalings, _, _ = dimensions(symmetry)
    assert matrices == 2 * 4 * 9
    # Two units of five behind ReLU; the norms, each with the layer that reads it alone.
    assert scalings == 2 * 5 + (5 * 6 if first else 6)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_units_change_sign_and_place(kind):
    net = Reader(kind(4, 5, batch_first=True), 4, 5).double()
    symmetry = kept(net, normal(2, 4, 3))
    shifts = {nn.LSTM: 4 * 5, nn.GRU: 2 * 5, nn.RNN: 5}[kind]
    # In front of the recurrence there is a linear space of four, whose translations its biases do not take up.
    assert dimensions(symmetry) == (16, 0, shifts, ["S_5", "{+-1}^5"])


def test_bidirectional_lstm_of_two_layers():
    net = Reader(nn.LSTM(4, 3, 2, batch_first=True, bidirectional=True), 4, 6).double()
    assert dimensions(kept(net, normal(2, 4, 3)))[3] == ["S_3"] * 4 + ["{+-1}^3"] * 4


class Decoder(nn.Module):
    """A decoder with tied embeddings, rotary positions, gated units and grouped queries."""

    def __init__(self, size=16, heads=4, kept=2, interleaved=False):
        super().__init__()
        self.heads, self.kept, self.each, self.interleaved = heads, kept, size // heads, interleaved
        self.words = nn.Embedding(9, size)
        self.q, self.k, self.v, self.o = (
            nn.Linear(size, n * self.each, bias=False) for n in (heads, kept, kept, heads)
        )
        self.a, self.b, self.c = nn.RMSNorm(size), nn.RMSNorm(size), nn.RMSNorm(size)
        self.gate, self.up, self.down = nn.Linear(size, 10, bias=False), nn.Linear(size, 10), nn.Linear(10, size)
        self.register_buffer("frequencies", 100.0 ** (-torch.arange(0, self.each, 2) / self.each))

    def turn(self, x):
        angles = torch.arange(x.shape[-2])[:, None] * self.frequencies
        if self.interleaved:
            one, other = x[..., ::2], x[..., 1::2]
            pair = (one * angles.cos() - other * angles.sin(), one * angles.sin() + other * angles.cos())
            return torch.stack(pair, -1).flatten(-2)
        angles = torch.cat([angles, angles], -1)
        one, other = x.chunk(2, -1)
        return x * angles.cos() + torch.cat([-other, one], -1) * angles.sin()

    def forward(self, index):
        x = self.words(index)
        y = self.a(x)
        q, k, v = (f(y).unflatten(-1, (-1, self.each)).transpose(1, 2) for f in (self.q, self.k, self.v))
        k, v = (one.repeat_interleave(self.heads // self.kept, 1) for one in (self.turn(k), v))
        z = F.scaled_dot_product_attention(self.turn(q), k, v, is_causal=True)
        x = x + self.o(z.transpose(1, 2).flatten(2))
        y = self.b(x)
        x = x + self.down(F.silu(self.gate(y)) * self.up(y))
        return self.c(x) @ self.words.weight.T


@pytest.mark.parametrize("interleaved", [True, False])
def test_decoder_with_rotary_positions_and_tied_embeddings(interleaved):
    symmetry = kept(Decoder(interleaved=interleaved).double(), words(9, 2, 5))
    groups = [one.group for one in symmetry.components if isinstance(one, LinearMaps)]
    # For each of two keys the complex scalings of two pairs of frequencies, and GL(4) on its values.
    assert groups == ["(GL(1,C)^2)^2", "GL(4)^2"]
    matrices, scalings, shifts, finite = dimensions(symmetry)
    assert (matrices, scalings, shifts) == (2 * 4 + 2 * 16, 10 + 16 + 16, 0)
    assert "S_2^2" in finite
    assert "S_2" in finite


def test_rotary_positions_seen_at_one_place_only_are_still_sound():
    symmetry = kept(Decoder().double(), words(9, 1, 2))
    assert symmetry.dimension >= 80


class Packed(nn.Module):
    """Queries, keys and values in one projection, viewed as heads."""

    def __init__(self, order):
        super().__init__()
        self.first, self.packed, self.out, self.order = nn.Linear(3, 8), nn.Linear(8, 24), nn.Linear(8, 2), order

    def forward(self, x):
        y = self.packed(torch.tanh(self.first(x)))
        if self.order == "heads first":
            q, k, v = y.unflatten(-1, (2, 3, 4)).transpose(1, 2).unbind(3)
        elif self.order == "heads last":
            q, k, v = y.unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4).unbind(0)
        else:
            q, k, v = (one.unflatten(-1, (2, 4)).transpose(1, 2) for one in y.split(8, -1))
        z = torch.softmax(q @ k.transpose(-1, -2) / 2, -1) @ v
        return self.out(z.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("order", ["heads first", "heads last", "split"])
def test_packed_projections_come_apart(order):
    symmetry = kept(Packed(order).double(), normal(2, 5, 3))
    matrices, _, shifts, finite = dimensions(symmetry)
    assert matrices == 4 * 16
    assert shifts == 8 + 8
    assert finite == ["S_2", "S_8", "{+-1}^8"]


def test_weight_normalisation_does_not_see_lengths():
    net = nn.Sequential(weight_norm(nn.Linear(3, 4)), nn.GELU(), weight_norm(nn.Linear(4, 2))).double()
    assert dimensions(kept(net, normal(7, 3)))[1] == 4 + 2


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


def test_tied_weights_are_moved_once():
    net = Decoder().double()
    symmetry = symmetries_of(net, words(9, 2, 5)())
    assert "words.weight" in symmetry.tensor_names
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    # g acts on both sides of one matrix and nothing may act on the inputs: nothing is left but the shift.
    assert dimensions(kept(tied.double(), normal(7, 4)))[0] == 0


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
            self.a = nn.Linear(3, 3)

        def forward(self, x):
            return self.a(x) if x.sum() > 0 else x

    net = Branching()
    before = copy.deepcopy(net.state_dict())
    attributes = set(vars(net))
    with pytest.raises(InputError, match="Branching could not be traced") as error:
        symmetries_of(net, torch.randn(2, 3))
    assert error.value.cure
    assert set(vars(net)) == attributes
    assert all(torch.equal(before[name], one) for name, one in net.state_dict().items())


def test_wrong_inputs_are_refused():
    with pytest.raises(InputError, match="could not be traced"):
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
