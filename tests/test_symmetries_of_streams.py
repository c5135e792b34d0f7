"""Symmetries of streams that are read through normalisations: sound at far elements, complete, and of use."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from stream_cases import INPUTS, SIZE, Streams, block, branch, far_element, made, null_dimension, worst, written
from symmetry_cases import normal
from torch import nn
from torch.nn import functional

from manifolds.errors import InputError
from solvers.pytorch import align, balance, canonical, symmetries_of
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.teleporting.carrying import Carrier

MAXIMAL = {
    "layer norm": (block("layer"), "O(5) x {+-1}"),
    "rms norm": (block("rms"), "O(6)"),
    "a mean that is read": (lambda s, x: s.read(s.rms(s.first(x))) + s.first(x).mean(-1, keepdim=True), "O(5)"),
    "weight behind": (lambda s, x: s.read(s.unit(s.first(x)) * s.w), "O(6)"),
    "weights before": (lambda s, x: s.read(s.unit(s.first(x) * s.w)), "O(6)"),
    "scaled branch": (lambda s, x: branch(s, s.first(x)), "O(6)"),
    "weights in a matrix": (lambda s, x: functional.linear(s.unit(s.first(x)), s.read.weight * s.w), "O(6)"),
    "a place of a normalised sequence": (lambda s, x: s.read(s.layer(s.first(x)[:, None])[:, 0]), "O(5) x {+-1}"),
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
    "weights on both sides": (
        lambda s, x: s.read(s.down(torch.tanh(s.up(s.unit(s.first(x) * s.w) * s.w)))),
        "O(6)",
    ),
    "whole numbers": (lambda s, x: s.read((3 * s.first(x)).to(torch.int64).to(x.dtype)), ""),
    "sums of whole numbers": (lambda s, x: s.read((3 * s.first(x)).sum(0, True, dtype=torch.int64).to(x.dtype)), ""),
    "weights cut off": (lambda s, x: s.read(s.unit(s.first(x)) * (3 * s.b).to(torch.int32)), ""),
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


@pytest.mark.parametrize("bias", [True, False])
def test_all_symmetries_of_an_encoder_are_found(bias):
    torch.manual_seed(0)
    options = {"activation": "gelu", "batch_first": True, "norm_first": True, "bias": bias, "layer_norm_eps": 1e-2}
    layer = nn.TransformerEncoderLayer(SIZE, 2, 5, 0.0, **options)
    norm = nn.LayerNorm(SIZE, eps=1e-2, bias=bias)
    encoder = nn.TransformerEncoder(layer, 1, norm=norm, enable_nested_tensor=False)
    module = made(nn.Sequential(nn.Linear(8, SIZE, bias=bias), encoder, nn.Linear(SIZE, 3, bias=bias)))
    make = normal(4, 7, 8)
    symmetry = symmetries_of(module, make(), check=False)
    assert worst(module, symmetry, make) < 1e-10
    assert symmetry.dimension == null_dimension(module, make)


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
        sizes = [one.detach().norm() for one in net.parameters()]
        size = float(torch.stack(sizes).norm()) if of == "parameters" else slopes(net)
        assert done.norm_after <= done.norm_before * (1 + 1e-12)
        assert abs(size - done.norm_after) < 1e-9 * size
        assert torch.allclose(net(x), goal, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_and_displacements_are_carried(kind):
    module, symmetry, x = tried(kind)
    element = far_element(symmetry, 3)
    named = {name: one.detach().clone() for name, one in module.named_parameters()}
    along = {name: torch.randn_like(one) for name, one in named.items()}

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


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_streams_of_parts_that_alone_can_be_traced(norm):
    torch.manual_seed(0)

    class Branching(nn.Module):
        """A net whose operations depend on values."""

        def __init__(self):
            super().__init__()
            self.part = Streams(block(norm))

        def forward(self, x):
            y = self.part(x)
            return y if float(y.sum()) > 0 else -y

    module = made(Branching())
    symmetry = symmetries_of(module, INPUTS())
    assert worst(module, symmetry, INPUTS) < 1e-10
    assert symmetry.dimension == symmetries_of(module.part, INPUTS()).dimension


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
