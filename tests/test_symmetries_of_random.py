"""No false symmetry in random architectures; and in small ones, none that is missed."""

from __future__ import annotations

import os

import pytest

torch = pytest.importorskip("torch")

import numpy as np  # noqa: E402
from random_architectures import Random  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils.parametrizations import weight_norm  # noqa: E402

from solvers.pytorch.symmetry.element import Element  # noqa: E402
from solvers.pytorch.symmetry.finder import symmetries_of  # noqa: E402

ARCHITECTURES = int(os.environ.get("SYMPORT_RANDOM_ARCHITECTURES", "24"))
"""How many random architectures are tried; a long run takes more."""


def outputs(module, tensors, x):
    """The module at other parameters."""
    copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    return torch.func.functional_call(module, copies, (x,))


@pytest.mark.parametrize("block", range(4))
def test_no_false_symmetry(block):
    for seed in range(block, ARCHITECTURES, 4):
        module = Random(seed)
        x, unseen = (scale * torch.randn(3, 5, 3, dtype=torch.float64) for scale in (1, 2))
        symmetry = symmetries_of(module, x, check=False)
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        rng = np.random.default_rng(seed)
        with torch.no_grad():
            before = [outputs(module, tensors, one) for one in (x, unseen)]
            for component in symmetry.components:
                # A whole step, and the difference quotient of a small one.
                for scale in (0.7, 1e-4):
                    element = Element(((component, component.random(rng, scale=scale)),))
                    moved = element.transform(tensors)
                    for one, old in zip((x, unseen), before, strict=True):
                        apart = float((outputs(module, moved, one) - old).abs().max() / (1e-300 + old.abs().max()))
                        assert apart < 1e-9, (seed, module.describe(), component, scale, apart)


def fibre_dimension(module, make, *, batches, extra=()):
    """The generic dimension of the set of parameters with the same function: an upper bound from ranks."""
    module = module.double()
    for parameter in module.parameters():
        if parameter.ndim < 2:
            parameter.data += 0.3 * torch.randn_like(parameter)
    tensors = {name: one.detach() for name, one in module.named_parameters()}
    tensors |= {name: one.detach() for name, one in module.named_buffers() if name in extra}
    rows = []
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        for _ in range(batches):
            x = make()
            jacobian = torch.func.jacrev(lambda p, x=x: torch.func.functional_call(module, p, (x,)).flatten())(tensors)
            rows.append(torch.cat([one.reshape(one.shape[0], -1) for one in jacobian.values()], 1))
    matrix = torch.cat(rows)
    values = torch.linalg.svdvals(matrix)
    rank = int((values > 1e-9 * values[0]).sum())
    assert matrix.shape[0] > matrix.shape[1]
    return matrix.shape[1] - rank


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.attention, self.last = (
            nn.Linear(6, 4),
            nn.MultiheadAttention(4, 2, batch_first=True),
            nn.Linear(4, 4),
        )

    def forward(self, x):
        y = torch.tanh(self.first(x))
        return self.last(y + self.attention(y, y, y, need_weights=False)[0])


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.body, self.last = kind(6, 3, batch_first=True), nn.Linear(3, 3)

    def forward(self, x):
        return self.last(self.body(x)[0])


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 3, bias=False), nn.Linear(3, 3)

    def forward(self, x):
        return self.b(self.a(x)) @ self.a.weight


CASES = {
    "tanh": (lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), (60, 4), 0),
    "gelu": (lambda: nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 3)), (60, 4), 0),
    "relu": (
        lambda: nn.Sequential(nn.Linear(6, 4), nn.LeakyReLU(), nn.Linear(4, 4), nn.LeakyReLU(), nn.Linear(4, 3)),
        (90, 6),
        8,
    ),
    "prelu": (lambda: nn.Sequential(nn.Linear(6, 4), nn.PReLU(4), nn.Linear(4, 3)), (60, 6), 4),
    "linear": (lambda: nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 3), nn.Linear(3, 5)), (60, 6), 9 + 9 + 3 + 3),
    "convolution": (
        lambda: nn.Sequential(nn.Conv2d(3, 2, 3), nn.Conv2d(2, 4, 3), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 3)),
        (40, 3, 10, 10),
        4 + 16 + 2 + 4,
    ),
    "normalised": (
        lambda: nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 5)),
        (60, 6),
        4 + 6 + 1,
    ),
    "lengths": (
        lambda: nn.Sequential(nn.Linear(6, 4), nn.RMSNorm(4, eps=1e-3, elementwise_affine=False), nn.Linear(4, 5)),
        (60, 6),
        4 * 3 // 2,
    ),
    "batch": (
        lambda: nn.Sequential(
            nn.Linear(6, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Tanh(), nn.Linear(4, 5)
        ),
        (60, 6),
        4,
    ),
    "attention": (Attention, (12, 5, 6), 4 * 4 + 3 * 4),
    "lstm": (lambda: Recurrent(nn.LSTM), (12, 5, 6), 4 * 3),
    "gru": (lambda: Recurrent(nn.GRU), (12, 5, 6), 2 * 3),
    "directions": (
        lambda: nn.Sequential(weight_norm(nn.Linear(6, 4)), nn.LeakyReLU(), weight_norm(nn.Linear(4, 3))),
        (60, 6),
        4 + 3 + 4,
    ),
    "tied": (Tied, (60, 6), 9),
}


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("name", CASES)
def test_nothing_is_missed_where_the_rank_of_the_jacobian_bounds_the_group(name):
    build, shape, expected = CASES[name]
    torch.manual_seed(1)
    module = build()
    bound = fibre_dimension(module, lambda: 2 * torch.randn(*shape, dtype=torch.float64), batches=3)
    symmetry = symmetries_of(module, torch.randn(*shape, dtype=torch.float64))
    # The rank bounds the orbit of the group from above; here the two agree, so the identity component is all there is.
    assert symmetry.dimension == bound == expected
