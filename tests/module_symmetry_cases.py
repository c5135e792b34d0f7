"""Small networks whose symmetry groups are written down by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import nn

from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.symmetry.permutations import Permutations
from solvers.pytorch.symmetry.scalings import Scalings, Signs
from solvers.pytorch.symmetry.shifts import Flow, Shifts


def dense(widths: Sequence[int], activation: Callable[[], nn.Module], *, seed: int = 0) -> nn.Sequential:
    """A network of linear layers with an activation between them, in double precision."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    net = nn.Sequential(*layers[:-1]).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 2)
    return net


def layer_legs(layer: int, inputs: int, size: int, outputs: int) -> tuple[Leg, ...]:
    """The legs of the hidden space behind a linear layer of `dense`."""
    return (
        Leg(tensor=f"{layer}.weight", shape=(size, inputs), axes=(0,)),
        Leg(tensor=f"{layer}.bias", shape=(size,), axes=(0,)),
        Leg(tensor=f"{layer + 2}.weight", shape=(outputs, size), axes=(1,), exponent=-1),
    )


def shifts_of(layer: int, size: int, outputs: int) -> Shifts:
    """The translations of the space between two linear layers of `dense`."""
    weight = Leg(tensor=f"{layer + 2}.weight", shape=(outputs, size), axes=(1,))
    return Shifts(
        f"{layer} shift",
        (
            Flow(target=Leg(tensor=f"{layer}.bias", shape=(size,), axes=(0,))),
            Flow(target=Leg(tensor=f"{layer + 2}.bias", shape=(outputs,), axes=(0,), exponent=-1), weights=(weight,)),
        ),
        size=size,
    )


def by_hand(net: nn.Module, widths: Sequence[int], kind: str) -> ModuleSymmetry:
    """The symmetry group of `dense` for ReLU (``scalings``), tanh (``signs``) or no activation (``matrices``)."""
    spaces = []
    for position, size in enumerate(widths[1:-1]):
        layer, outputs = 2 * position, widths[position + 2]
        legs = layer_legs(layer, widths[position], size, outputs)
        units = Permutations(f"{layer} units", legs, size=size)
        components: dict[str, tuple[Component, ...]] = {
            "scalings": (Scalings(f"{layer} scales", legs, shape=(size,)), units),
            "signs": (Signs(f"{layer} signs", legs, shape=(size,)), units),
            "matrices": (LinearMaps(f"{layer} matrices", legs, size=size), shifts_of(layer, size, outputs)),
        }
        spaces.append(HiddenSpace(name=f"{layer}", size=size, components=components[kind]))
    return ModuleSymmetry(module=net, spaces=tuple(spaces))


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"scalings": nn.ReLU, "signs": nn.Tanh, "matrices": nn.Identity}
"""The activation for which each kind of group is the symmetry of `dense`."""
