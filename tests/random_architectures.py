"""Random modules for the tests of symmetries: operations of many kinds, put together by a seed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

ACTIVATIONS = [
    nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.ELU, nn.Hardtanh, nn.Softsign,
    nn.Tanhshrink, nn.Softshrink, nn.Hardshrink, nn.Hardswish, nn.ReLU6, nn.SELU, nn.CELU, nn.Mish, nn.LogSigmoid,
    nn.PReLU, nn.Identity,
]  # fmt: skip


class Branch(nn.Module):
    """One random operation on values of shape (batch, time, size)."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        super().__init__()
        self.size = self.out = size
        kinds = [name[5:] for name in dir(self) if name.startswith("make_")]
        self.kind = str(rng.choice(kinds))
        getattr(self, f"make_{self.kind}")(rng)

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self, f"run_{self.kind}")(x)

    def make_linear(self, rng: np.random.Generator) -> None:
        self.out = int(rng.choice([4, 6, 8]))
        self.a = nn.Linear(self.size, self.out, bias=bool(rng.integers(2)))

    def run_linear(self, x: Tensor) -> Tensor:
        return self.a(x)

    def make_activation(self, rng: np.random.Generator) -> None:
        self.a = ACTIVATIONS[int(rng.integers(len(ACTIVATIONS)))]()

    def run_activation(self, x: Tensor) -> Tensor:
        return self.a(x)

    def make_odd_maps(self, rng: np.random.Generator) -> None:
        self.choice = int(rng.integers(6))

    def run_odd_maps(self, x: Tensor) -> Tensor:
        maps = [torch.sin, torch.abs, torch.square, torch.cos, lambda v: v.clamp(-1, 1), lambda v: v * v.abs()]
        return maps[self.choice](x)

    def make_norm(self, rng: np.random.Generator) -> None:
        size, affine = self.size, bool(rng.integers(2))
        kinds = [
            nn.LayerNorm(size, elementwise_affine=affine),
            nn.RMSNorm(size, elementwise_affine=affine),
            nn.BatchNorm1d(size, affine=affine),
            nn.GroupNorm(2, size, affine=affine),
            nn.InstanceNorm1d(size, affine=affine),
        ]
        self.a = kinds[int(rng.integers(5))]

    def run_norm(self, x: Tensor) -> Tensor:
        if isinstance(self.a, nn.LayerNorm | nn.RMSNorm):
            return self.a(x)
        return self.a(x.transpose(1, 2)).transpose(1, 2)

    def make_residual(self, rng: np.random.Generator) -> None:
        self.a = nn.Linear(self.size, 6)
        self.b = nn.Linear(6, self.size, bias=bool(rng.integers(2)))
        self.c = ACTIVATIONS[int(rng.integers(len(ACTIVATIONS)))]()

    def run_residual(self, x: Tensor) -> Tensor:
        return x + self.b(self.c(self.a(x)))

    def make_attention(self, rng: np.random.Generator) -> None:
        self.a = nn.MultiheadAttention(self.size, 2, batch_first=True, bias=bool(rng.integers(2)))
        self.full = bool(rng.integers(2))

    def run_attention(self, x: Tensor) -> Tensor:
        return x + self.a(x, x, x, need_weights=self.full)[0]

    def make_grouped_queries(self, rng: np.random.Generator) -> None:
        self.q, self.k = nn.Linear(self.size, 12), nn.Linear(self.size, 6)
        self.v, self.o = nn.Linear(self.size, 6, bias=False), nn.Linear(12, self.size)
        self.norm = bool(rng.integers(2))
        self.register_buffer("angles", torch.arange(7.0)[:, None] * torch.tensor([1.0, 0.1]))
        self.rotary = bool(rng.integers(2))

    def run_grouped_queries(self, x: Tensor) -> Tensor:
        size = 4 if self.rotary else 3
        heads = 12 // size
        q = self.q(x).unflatten(-1, (heads, size)).transpose(1, 2)
        k = self.k(x)
        if self.rotary:
            k = torch.cat([k, k[..., :2]], -1).unflatten(-1, (2, 4)).transpose(1, 2)
            k, q = self.turn(k)[:, :1].expand(-1, 3, -1, -1), self.turn(q)
            v = self.v(x).unflatten(-1, (1, 6)).transpose(1, 2)[..., :4].expand(-1, 3, -1, -1)
        else:
            k = k.unflatten(-1, (2, 3)).transpose(1, 2).repeat_interleave(2, 1)
            v = self.v(x).unflatten(-1, (2, 3)).transpose(1, 2).repeat_interleave(2, 1)
        q = functional.normalize(q, dim=-1) if self.norm else q
        y = torch.softmax(q @ k.transpose(-1, -2) / 2, -1) @ v
        return x + self.o(y.transpose(1, 2).flatten(2))

    def turn(self, x: Tensor) -> Tensor:
        angles = self.angles[: x.shape[-2]]
        one, other = x.chunk(2, -1)
        return torch.cat([one * angles.cos() - other * angles.sin(), other * angles.cos() + one * angles.sin()], -1)

    def make_gate(self, rng: np.random.Generator) -> None:
        self.a = nn.Linear(self.size, 12, bias=bool(rng.integers(2)))
        self.b = nn.Linear(6, self.size)
        self.choice = int(rng.integers(4))

    def run_gate(self, x: Tensor) -> Tensor:
        one, other = self.a(x).chunk(2, -1)
        maps = [torch.sigmoid, functional.silu, torch.tanh, lambda v: v]
        return self.b(maps[self.choice](one) * other)

    def make_cat(self, rng: np.random.Generator) -> None:
        self.a, self.b = nn.Linear(self.size, 3), nn.Linear(self.size, 5)
        self.out = 8
        self.choice = bool(rng.integers(2))

    def run_cat(self, x: Tensor) -> Tensor:
        return torch.cat([torch.relu(self.a(x)), torch.tanh(self.b(x)) if self.choice else self.b(x)], -1)

    def make_pieces(self, rng: np.random.Generator) -> None:
        self.out = self.size // 2
        self.choice = int(rng.integers(4))

    def run_pieces(self, x: Tensor) -> Tensor:
        one, other = x.chunk(2, -1)
        return [one + other, one * other, torch.maximum(one, other), one - torch.relu(other)][self.choice]

    def make_convolution(self, rng: np.random.Generator) -> None:
        groups = int(rng.choice([1, 2, self.size]))
        self.a = nn.Conv1d(self.size, self.size, 3, padding=int(rng.integers(2)), groups=groups)
        self.pool = int(rng.integers(3))

    def run_convolution(self, x: Tensor) -> Tensor:
        y = self.a(x.transpose(1, 2))
        y = functional.pad(y, (0, x.shape[1] - y.shape[-1]), value=0.0)
        y = [y, functional.max_pool1d(y, 3, 1, 1), functional.avg_pool1d(y, 3, 1, 1)][self.pool]
        return y.transpose(1, 2)

    def make_scale(self, rng: np.random.Generator) -> None:
        shapes = [(self.size,), (), (1,), (5, 1), (5, self.size)]
        self.a = nn.Parameter(torch.from_numpy(rng.uniform(0.5, 1.5, shapes[int(rng.integers(5))])))
        self.plus = bool(rng.integers(2))

    def run_scale(self, x: Tensor) -> Tensor:
        return x + self.a if self.plus else x * self.a

    def make_mixed(self, rng: np.random.Generator) -> None:
        self.a = nn.Parameter(torch.from_numpy(rng.standard_normal((2, self.size // 2, 3))))
        self.b = nn.Parameter(torch.from_numpy(rng.standard_normal((2, 3, self.size))))
        self.c = ACTIVATIONS[int(rng.integers(len(ACTIVATIONS)))]()

    def run_mixed(self, x: Tensor) -> Tensor:
        y = torch.einsum("bthd,hde->bhte", x.unflatten(-1, (2, self.size // 2)), self.a)
        return torch.einsum("bhte,hed->btd", self.c(y), self.b)

    def make_twice(self, rng: np.random.Generator) -> None:
        self.a = nn.Linear(self.size, self.size)
        self.c = ACTIVATIONS[int(rng.integers(len(ACTIVATIONS)))]()

    def run_twice(self, x: Tensor) -> Tensor:
        return self.a(self.c(self.a(x)))

    def make_tied(self, rng: np.random.Generator) -> None:
        self.a = nn.Linear(self.size, 4, bias=False)
        self.choice = bool(rng.integers(2))

    def run_tied(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return (torch.tanh(y) if self.choice else y) @ self.a.weight

    def make_recurrent(self, rng: np.random.Generator) -> None:
        kinds = [nn.LSTM, nn.GRU, nn.RNN]
        self.both = bool(rng.integers(2))
        self.out = 8 if self.both else 4
        self.a = kinds[int(rng.integers(3))](self.size, 4, batch_first=True, bidirectional=self.both)

    def run_recurrent(self, x: Tensor) -> Tensor:
        return self.a(x)[0]

    def make_normed(self, rng: np.random.Generator) -> None:
        self.a = weight_norm(nn.Linear(self.size, self.size), dim=int(rng.integers(2)))

    def run_normed(self, x: Tensor) -> Tensor:
        return self.a(x)

    def make_moved(self, rng: np.random.Generator) -> None:
        self.choice = int(rng.integers(6))

    def run_moved(self, x: Tensor) -> Tensor:
        return [
            lambda: x.roll(1, -1),
            lambda: x.flip(1),
            lambda: torch.softmax(x, -1),
            lambda: x - x.mean(-1, keepdim=True),
            lambda: x / (1 + x.norm(dim=-1, keepdim=True)),
            lambda: torch.where(x > 0, x, 0.1 * x),
        ][self.choice]()


class Random(nn.Module):
    """A random chain of random operations between two linear layers."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        size = int(rng.choice([4, 6, 8]))
        self.first = nn.Linear(3, size)
        self.branches = nn.ModuleList()
        for _ in range(int(rng.integers(2, 6))):
            branch = Branch(rng, size)
            if branch.out % 2 or branch.out < 4:
                continue
            self.branches.append(branch)
            size = branch.out
        self.last = nn.Linear(size, 3)
        self.double()
        for parameter in self.parameters():
            if parameter.ndim < 2:
                parameter.data += 0.2 * torch.randn_like(parameter)
        self.train(bool(rng.integers(2)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for branch in self.branches:
            x = branch(x)
        return self.last(x)

    def describe(self) -> str:
        return " > ".join(branch.kind for branch in self.branches)
