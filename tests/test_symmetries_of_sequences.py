"""Symmetries of attention, decoders and recurrent layers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from symmetry_cases import dimensions, kept, normal, words  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from solvers.pytorch.symmetry.finder import symmetries_of  # noqa: E402
from solvers.pytorch.symmetry.linear_maps import LinearMaps  # noqa: E402


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


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
    # GL(3) for queries and keys, and for values and outputs of each head; rotations of a stream that only norms read.
    assert matrices == 2 * 4 * 9 + (5 * 4 // 2 if first else 0)
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
        z = functional.scaled_dot_product_attention(self.turn(q), k, v, is_causal=True)
        x = x + self.o(z.transpose(1, 2).flatten(2))
        y = self.b(x)
        x = x + self.down(functional.silu(self.gate(y)) * self.up(y))
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


def test_tied_weights_are_moved_once():
    net = Decoder().double()
    symmetry = symmetries_of(net, words(9, 2, 5)())
    assert "words.weight" in symmetry.tensor_names
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    # g acts on both sides of one matrix and nothing may act on the inputs: nothing is left but the shift.
    assert dimensions(kept(tied.double(), normal(7, 4)))[0] == 0


class Fused(nn.Module):
    """One head of keys and one of values behind those of queries, taken by their numbers."""

    def __init__(self):
        super().__init__()
        self.first, self.packed, self.out = nn.Linear(3, 8), nn.Linear(8, 24), nn.Linear(16, 2)
        self.register_buffer("angles", torch.arange(5.0)[:, None] * torch.tensor([1.0, 0.3]))

    def forward(self, x):
        y = self.packed(torch.tanh(self.first(x))).unflatten(-1, (6, 4)).transpose(1, 2)
        q, k, v = y[:, :-2], y[:, [-2]], y[:, [-1]]
        angles = torch.cat([self.angles, self.angles], -1)
        q, k = (one * angles.cos() + torch.cat([-one[..., 2:], one[..., :2]], -1) * angles.sin() for one in (q, k))
        z = functional.scaled_dot_product_attention(q, k.expand_as(q), v.expand_as(q))
        return self.out(z.transpose(1, 2).flatten(2))


def test_heads_taken_by_their_numbers_are_not_moved_against_each_other():
    kept(Fused().double(), normal(2, 5, 3))


class Lengths(nn.Module):
    """A residual stream that is read only through its direction; so are queries and keys."""

    def __init__(self, size, heads):
        super().__init__()
        self.heads, self.words = heads, nn.Embedding(9, size)
        self.packed = nn.ModuleList(nn.Linear(size, size, bias=False) for _ in range(3))
        self.out, self.last = nn.Linear(size, size, bias=False), nn.Linear(size, 7, bias=False)
        self.up, self.down = nn.Linear(size, 8, bias=False), nn.Linear(8, size, bias=False)

    @staticmethod
    def unit(x):
        return functional.rms_norm(x, x.shape[-1:], eps=1e-4)

    def forward(self, index):
        x = self.words(index)
        q, k, v = (one(self.unit(x)).unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in self.packed)
        y = functional.scaled_dot_product_attention(self.unit(q), self.unit(k), v)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        x = x + self.down(torch.relu(self.up(self.unit(x))))
        return self.last(self.unit(x))


def test_a_stream_that_is_read_by_its_direction_is_turned():
    symmetry = kept(Lengths(6, 2).double(), words(9, 2, 4))
    assert {one.group for one in symmetry.components} == {"O(6)", "S_2", "O(3)^2", "GL(3)^2", "R+^8", "S_8"}
    assert symmetry.dimension == 15 + 2 * 3 + 2 * 9 + 8
