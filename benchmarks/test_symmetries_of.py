"""Symmetries of large modules: seconds and memory for a transformer of 100 million parameters.

It checks the dimension of the group and the bar that it has to meet; memory is the growth of the peak of the
process, in sizes of the model, the model itself counted.
"""

from __future__ import annotations

import resource
import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from solvers.pytorch.symmetry.finder import symmetries_of  # noqa: E402


class Block(nn.Module):
    """A block of a decoder, its norms in front."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.a, self.b = nn.LayerNorm(size), nn.LayerNorm(size)
        self.packed, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.up, self.down = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)

    def forward(self, x: Tensor) -> Tensor:
        packed = self.packed(self.a(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = packed.permute(2, 0, 3, 1, 4).unbind(0)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.b(x))))


class Decoder(nn.Module):
    """A decoder, whose embeddings are tied to its head or not."""

    def __init__(self, *, size: int, heads: int, layers: int, words: int, tied: bool) -> None:
        super().__init__()
        self.head = None if tied else nn.Linear(size, words, bias=False)
        self.words, self.places = nn.Embedding(words, size), nn.Embedding(128, size)
        self.blocks = nn.ModuleList(Block(size, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(size)

    def forward(self, index: Tensor) -> Tensor:
        x = self.words(index) + self.places(torch.arange(index.shape[1], device=index.device))
        for block in self.blocks:
            x = block(x)
        return functional.linear(self.norm(x), self.words.weight if self.head is None else self.head.weight)


def peak() -> float:
    """The peak of the memory of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "own head"])
def test_transformer_of_100_million_parameters(benchmark: BenchmarkFixture, tied: bool) -> None:
    """Matrices in the heads, rows that means hide, and rotations of the stream where nothing but norms reads it."""
    torch.manual_seed(0)
    symmetries_of(Decoder(size=8, heads=2, layers=1, words=11, tied=tied), torch.randint(0, 11, (1, 5)))
    words = 20_000 if tied else 10_000
    model = Decoder(size=768, heads=12, layers=12, words=words, tied=tied)
    index = torch.randint(0, words, (1, 16))
    model(index)
    before, start, busy = peak(), time.perf_counter(), time.process_time()
    symmetry = benchmark.pedantic(symmetries_of, args=(model, index), rounds=1, iterations=1)
    seconds, size = time.perf_counter() - start, 4.0 * sum(one.numel() for one in model.parameters())
    busy, sizes = time.process_time() - busy, 1 + (peak() - before) / size
    benchmark.extra_info |= {"seconds": seconds, "processor seconds": busy, "model sizes": sizes}
    heads = [one for one in symmetry.components if one.group == "GL(64)^12"]
    assert len(heads) == 2 * 12
    assert [one.group for one in symmetry.components if one.group.startswith("O(")] == (
        [] if tied else ["O(767) x {+-1}"]
    )
    assert not [note for note in symmetry.notes if note.startswith("dropped")]
    assert sizes < 2
    assert seconds < 20
