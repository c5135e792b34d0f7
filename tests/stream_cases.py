"""Nets whose streams are read through normalisations, and how their symmetries are tried."""

from __future__ import annotations

import numpy as np
import torch
from symmetry_cases import call, normal
from torch import nn
from torch.autograd.functional import jacobian
from torch.func import functional_call
from torch.nn import functional

from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.linear_maps import LinearMaps

SIZE = 6
INPUTS = normal(8, 8)


class Streams(nn.Module):
    """Layers from which the cases take what they need."""

    def __init__(self, run=None):
        super().__init__()
        self.run = run
        self.first, self.second = nn.Linear(8, SIZE), nn.Linear(8, SIZE)
        self.layer, self.other = nn.LayerNorm(SIZE, eps=1e-2), nn.LayerNorm(SIZE, eps=1e-2)
        self.rms = nn.RMSNorm(SIZE, eps=1e-2)
        self.up, self.down = nn.Linear(SIZE, 5), nn.Linear(5, SIZE)
        self.square = nn.Linear(SIZE, SIZE)
        self.read, self.also = nn.Linear(SIZE, 3), nn.Linear(SIZE, 3)
        self.w, self.b = nn.Parameter(torch.rand(SIZE) + 0.5), nn.Parameter(torch.randn(SIZE))

    def forward(self, x):
        return self.run(self, x)

    def unit(self, x):
        """The value divided by its length."""
        return functional.rms_norm(x, (SIZE,), None, 1e-2)


def made(module, *, seed=0):
    """The module in double precision, its parameters in general position."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double()
    for one in module.parameters():
        one.data += 0.3 * torch.randn(one.shape, generator=generator, dtype=torch.float64)
    return module


def far(component, rng):
    """A random element; of orthogonal maps one of any connected component."""
    if isinstance(component, LinearMaps) and component.kind == "O":
        shape = (*component.copies, component.size, component.size)
        return component.nearest(torch.from_numpy(rng.standard_normal(shape)))
    return component.random(rng, scale=1.0)


def far_element(symmetry, seed=0):
    """A product of elements of all components."""
    rng = np.random.default_rng(seed)
    return Element(tuple((one, far(one, rng)) for one in symmetry.components))


def worst(module, symmetry, make):
    """Largest relative change of the outputs, by all components and by each alone, none of them checked before."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    rng, found = np.random.default_rng(5), 0.0
    for word in [symmetry.components, *[(one,) for one in symmetry.components]]:
        for _ in range(3):
            moved = Element(tuple((one, far(one, rng)) for one in word)).transform(tensors)
            with torch.no_grad():
                inputs = make()
                before, after = (call(module, where, inputs) for where in (tensors, moved))
            found = max(found, float((before - after).abs().max() / before.abs().max()))
    return found


def null_dimension(module, make, batches=12):
    """Number of directions in which no output changes, of the parameters that are used."""
    names, given = zip(*[(name, one.detach()) for name, one in module.named_parameters()], strict=True)
    rows = []
    for _ in range(batches):
        inputs = make()
        found = jacobian(lambda *now, i=inputs: functional_call(module, dict(zip(names, now, strict=True)), i), given)
        rows.append(torch.cat([one.reshape(-1, own.numel()) for one, own in zip(found, given, strict=True)], 1))
    matrix = torch.cat(rows)
    used = matrix[:, matrix.abs().amax(0) > 0]
    sizes = torch.linalg.svdvals(torch.linalg.qr(used, mode="r")[1])
    return used.shape[1] - int((sizes > 1e-9 * sizes[0]).sum())


def written(self, x):
    """Layer normalisation by hand."""
    x = self.first(x)
    mean = x.mean(-1, keepdim=True)
    variance = (x - mean).square().mean(-1, keepdim=True)
    return self.read((x - mean) * torch.rsqrt(variance + 1e-2) * self.w + self.b)


def block(norm):
    """A residual block with its normalisation before it."""

    def run(self, x):
        x = self.first(x)
        x = x + self.down(torch.tanh(self.up(getattr(self, norm)(x))))
        return self.read((self.other if norm == "layer" else self.rms)(x))

    return run


def branch(self, x):
    """A residual branch scaled by a vector."""
    return self.read(self.rms(x + self.w * self.down(torch.tanh(self.up(self.unit(x))))))
