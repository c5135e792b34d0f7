"""Symmetries of streams that are read through normalisations: sound at far elements, complete, and of use."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from symmetry_cases import call, normal
from torch import nn
from torch.nn import functional

from manifolds.errors import InputError
from solvers.pytorch import align, balance, canonical, symmetries_of
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.teleporting.carrying import Carrier

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
    named = {name: one.detach() for name, one in module.named_parameters()}
    rows = []
    for _ in range(batches):
        (x,) = make()
        jacobian = torch.func.jacrev(lambda given, x=x: torch.func.functional_call(module, given, (x,)))(named)
        rows.append(torch.cat([one.reshape(-1, named[name].numel()) for name, one in jacobian.items()], 1))
    matrix = torch.cat(rows)
    used = matrix[:, matrix.abs().amax(0) > 0]
    sizes = torch.linalg.svdvals(used)
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


MAXIMAL = {
    "layer norm": (block("layer"), "O(5) x {+-1}"),
    "rms norm": (block("rms"), "O(6)"),
    "a mean that is read": (lambda s, x: s.read(s.rms(s.first(x))) + s.first(x).mean(-1, keepdim=True), "O(5)"),
    "weight behind": (lambda s, x: s.read(s.unit(s.first(x)) * s.w), "O(6)"),
    "weights before": (lambda s, x: s.read(s.unit(s.first(x) * s.w)), "O(6)"),
    "scaled branch": (lambda s, x: branch(s, s.first(x)), "O(6)"),
    "weights in a matrix": (lambda s, x: functional.linear(s.unit(s.first(x)), s.read.weight * s.w), "O(6)"),
    "transposed matrix": (
        lambda s, x: s.read(torch.tanh(torch.addmm(s.b, s.layer(s.first(x)), s.square.weight))),
        "O(5) x {+-1}",
    ),
}
SOUND = {
    "written out": (written, "O(5) x {+-1}"),
    "mean also read": (lambda s, x: written(s, x) + s.first(x).mean(-1, keepdim=True), "O(5)"),
    "sum read": (lambda s, x: s.read(s.layer(s.first(x))) + s.first(x).sum(-1, keepdim=True), "O(5)"),
    "weight rotated elsewhere": (
        lambda s, x: s.read(s.rms(s.first(x))) + s.also(s.unit(s.second(x) + s.rms.weight)),
        "O(6)",
    ),
    "weight as vector of its stream": (
        lambda s, x: s.read(s.rms(s.first(x))) + s.also(s.unit(s.first(x) + s.rms.weight)),
        "",
    ),
    "weight normalised": (lambda s, x: s.read(s.rms(s.first(x))) + s.also(s.unit(s.rms.weight[None])), "O(6)"),
    "weight as its bias": (lambda s, x: s.read(functional.layer_norm(s.first(x), (SIZE,), s.w, s.w)), ""),
    "weight as bias behind": (lambda s, x: s.read(s.unit(s.first(x)) * s.w + s.w), ""),
    "weight that scales units": (lambda s, x: s.read(torch.relu(s.square(s.unit(s.first(x)) * s.w)) * s.w), "O(6)"),
    "frames of two streams": (
        lambda s, x: s.read(s.unit(s.first(x)) * s.w + s.unit(s.second(x)) * s.w),
        "O(6)",
    ),
    "different frames": (lambda s, x: s.read(s.unit(s.first(x)) * s.w + s.unit(s.second(x)) * s.b), ""),
    "a value twice in a sum": (
        lambda s, x: s.read(s.layer((lambda y: y + y)(s.down(torch.tanh(s.up(s.first(x))))))),
        "O(5) x {+-1}",
    ),
    "gate": (lambda s, x: s.read(s.layer(s.first(x)) * torch.sigmoid(s.square(s.layer(s.first(x))))), ""),
    "square axes": (lambda s, x: s.read(s.layer(s.first(x)[:SIZE].T)), ""),
    "rows of another axis": (lambda s, x: s.read(s.layer(s.first(x)[:SIZE]).T), ""),
}


@pytest.mark.parametrize("case", MAXIMAL)
def test_all_symmetries_of_a_stream_are_found(case):
    torch.manual_seed(0)
    run, group = MAXIMAL[case]
    module = made(Streams(run))
    symmetry = symmetries_of(module, INPUTS(), check=False)
    assert worst(module, symmetry, INPUTS) < 1e-10
    assert group in [one.group for one in symmetry.components]
    assert symmetry.dimension == null_dimension(module, INPUTS)


@pytest.mark.parametrize("case", SOUND)
def test_what_is_claimed_without_a_check_holds(case):
    torch.manual_seed(0)
    run, group = SOUND[case]
    module = made(Streams(run))
    symmetry = symmetries_of(module, INPUTS(), check=False)
    assert worst(module, symmetry, INPUTS) < 1e-10
    found = [one.group for one in symmetry.components if isinstance(one, LinearMaps) and one.kind == "O"]
    assert found == ([group] if group else [])


def beside(module, symmetry):
    """A copy of a module with its group."""
    twin = deepcopy(module)
    return twin, ModuleSymmetry(module=twin, spaces=symmetry.spaces)


def tried(norm):
    """A residual net with one entry of a weight negative, its group and inputs."""
    torch.manual_seed(0)
    run = block(norm) if norm != "upright" else MAXIMAL["a mean that is read"][0]
    module = made(Streams(run))
    with torch.no_grad():
        module.layer.weight[1] *= -1
        module.rms.weight[2] *= -1
    (x,) = INPUTS()
    return module, symmetries_of(module, x), x


KINDS = ("layer", "rms", "upright")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_moved_nets_are_aligned_and_have_one_representative(kind, seed):
    module, symmetry, x = tried(kind)
    goal = module(x).detach()
    moved, own = beside(module, symmetry)
    own.apply_(far_element(own, seed))
    third, own_third = beside(moved, own)
    assert align(module, third, symmetry=own_third).distance_after < 1e-6
    assert torch.allclose(third(x), goal, rtol=0, atol=1e-10)
    first, own_first = beside(module, symmetry)
    assert not canonical(first, symmetry=own_first).unresolved
    assert not canonical(moved, symmetry=own).unresolved
    for one, other in zip(first.parameters(), moved.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-8)
    assert torch.allclose(moved(x), goal, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_balancing_lowers_norms_and_says_the_truth(kind):
    module, symmetry, x = tried(kind)
    goal = module(x).detach()

    def slopes(net):
        """The norm of the gradient of a loss."""
        net.zero_grad()
        net(x).pow(3).mean().backward()
        return sum(float(one.grad.square().sum()) for one in net.parameters() if one.grad is not None) ** 0.5

    for of in ("parameters", "gradient"):
        net, own = beside(module, symmetry)
        slopes(net)
        done = balance(net, symmetry=own, of=of)
        size = (
            sum(float(one.detach().square().sum()) for one in net.parameters()) ** 0.5
            if of == "parameters"
            else slopes(net)
        )
        assert done.norm_after <= done.norm_before * (1 + 1e-12)
        assert abs(size - done.norm_after) < 1e-9 * size
        assert torch.allclose(net(x), goal, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_and_displacements_are_carried(kind):
    module, symmetry, x = tried(kind)
    element = far_element(symmetry, 3)
    generator = torch.Generator().manual_seed(4)
    named = {name: one.detach().clone() for name, one in module.named_parameters()}
    along = {name: torch.randn(one.shape, generator=generator, dtype=torch.float64) for name, one in named.items()}

    def gradient(net):
        """Of a loss, with zeros for what is not used."""
        found = torch.autograd.grad(net(x).pow(3).mean(), list(net.parameters()), materialize_grads=True)
        return dict(zip(named, found, strict=True))

    carrier = Carrier(element, symmetry.tensors())
    covector, vector = carrier.covector(gradient(module)), carrier.vector(along)
    moved, own = beside(module, symmetry)
    own.apply_(element)
    for name, one in gradient(moved).items():
        assert torch.allclose(one, covector[name], rtol=0, atol=1e-10)
    ends = [
        element.transform({name: one + step * along[name] for name, one in named.items()}) for step in (1e-6, -1e-6)
    ]
    for name in named:
        assert torch.allclose((ends[0][name] - ends[1][name]) / 2e-6, vector[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("entry", [0.0, 1e-300, float("nan")])
def test_weights_that_became_zero_are_refused(entry):
    module, symmetry, _ = tried("layer")
    with torch.no_grad():
        module.layer.weight[0] = entry
    before = deepcopy(module.state_dict())
    with pytest.raises(InputError, match=r"layer\.weight.*\n *why.*\n *try"):
        symmetry.apply_(symmetry.random_element(1))
    for name, one in module.state_dict().items():
        assert torch.equal(one.nan_to_num(7.0), before[name].nan_to_num(7.0))
