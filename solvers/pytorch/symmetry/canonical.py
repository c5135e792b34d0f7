r"""One representative for each orbit of the symmetry group of a module.

Weights of normalisations that are read in their frame are made ones.  The continuous part is then fixed by the least
norm (:func:`~solvers.pytorch.symmetry.balancing.balance`), which leaves
rotations of the spaces of matrices, fixed by principal axes in decreasing order; units are sorted by the norms of their
weights; and signs are fixed by making a sum of cubes of weights positive, in an order in which no sum depends on signs
that are still open.  Two models on one orbit, in general position, get the same parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, final

import torch
from torch import Tensor, nn

from solvers.pytorch.symmetry.balancing import least_norm
from solvers.pytorch.symmetry.component import Component, Tensors
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.finder import group_of
from solvers.pytorch.symmetry.folding import folded
from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.symmetry.permutations import Permutations
from solvers.pytorch.symmetry.scalings import Signs

Signed: TypeAlias = Signs | LinearMaps
"""Components that contain changes of sign."""

TIE = 1e-9
"""Relative size below which a sum of cubes does not tell its sign."""


@final
@dataclass(frozen=True, kw_only=True)
class Canonical:
    """What moving to the canonical representative did.

    Parameters
    ----------
    element: that was applied.
    unresolved: components for which no rule decides, with the reason; the representative is unique up to these.
    """

    element: Element
    unresolved: dict[str, str]


def canonical(model: nn.Module, example_inputs: Any = None, *, symmetry: ModuleSymmetry | None = None) -> Canonical:
    r"""Move a module, in place, to the canonical representative of its orbit; its function stays as it is.

    Parameters
    ----------
    model: whose parameters move.
    example_inputs: from which its symmetry group is found, as :func:`~solvers.pytorch.symmetries_of` takes them; or
    symmetry: the group, where it is known already.

    Raises
    ------
    InputError: there are no inputs and no group.

    >>> from copy import deepcopy
    >>> from solvers.pytorch import symmetries_of
    >>> first = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    >>> second = deepcopy(first)
    >>> inputs = torch.ones(4, 2, dtype=torch.float64)
    >>> symmetry = symmetries_of(second, inputs)
    >>> symmetry.apply_(symmetry.random_element(1))
    >>> _ = canonical(first, inputs), canonical(second, inputs)
    >>> bool(torch.equal(first[0].weight, second[0].weight))
    True
    """
    symmetry = group_of(model, example_inputs, symmetry)
    counted = tuple(name for name, _ in model.named_parameters())
    tensors: Tensors = {name: one.detach().double().clone() for name, one in model.named_parameters()}
    tensors = {**symmetry.tensors(), **tensors}
    first, group = folded(symmetry, tensors)
    least = least_norm(group, first.transform(tensors), counted=counted)
    unresolved = dict(least.skipped)
    for component in group.components:
        if any(leg.frame for leg in component.legs):
            unresolved[component.name] = "maps in the frames of weights are not fixed"
        elif isinstance(component, LinearMaps) and component.kind == "O":
            unresolved.pop(component.name, None)
        elif isinstance(component, LinearMaps) and component.kind == "algebra":
            unresolved[component.name] = "unitary elements of an algebra are not fixed"
    element, tensors = _sorted(group, least.element @ first, tensors, counted)
    element, tensors = _turned(group, element, tensors, counted, unresolved)
    element = _signed(group, element, tensors, counted, unresolved)
    symmetry.apply_(element)
    return Canonical(element=element, unresolved=unresolved)


def _sorted(
    symmetry: ModuleSymmetry, element: Element, tensors: Tensors, counted: tuple[str, ...]
) -> tuple[Element, Tensors]:
    """Units in decreasing order of the norms of their weights."""
    moved: Tensors = element.transform(tensors)
    for component in symmetry.components:
        if not isinstance(component, Permutations):
            continue
        norms = torch.zeros(*component.copies, component.size, dtype=torch.float64)
        for leg in component.legs:
            if leg.tensor in counted:
                rows = leg.front(moved[leg.tensor]).reshape(*component.copies, component.size, -1)
                norms = norms + rows.square().sum(-1)
        factor = Element(((component, torch.argsort(norms, dim=-1, descending=True)),))
        element, moved = factor @ element, factor.transform(moved)
    return element, moved


def _turned(
    symmetry: ModuleSymmetry, element: Element, moved: Tensors, counted: tuple[str, ...], unresolved: dict[str, str]
) -> tuple[Element, Tensors]:
    """The spaces of matrices in their principal axes."""
    for component in symmetry.components:
        if not isinstance(component, LinearMaps) or component.kind == "algebra" or component.name in unresolved:
            continue
        total = torch.zeros(*component.copies, component.size, component.size, dtype=torch.float64)
        for leg in component.legs:
            if leg.tensor in counted and leg.exponent == 1:
                rows = leg.front(moved[leg.tensor]).reshape(*component.copies, component.size, -1)
                total = total + rows @ rows.mT
        axes, fixed = component.axes(total), component.size - component.rank
        inside = axes.mT @ total @ axes
        turned = torch.eye(component.size, dtype=torch.float64).repeat(*component.copies, 1, 1)
        turned[..., fixed:, fixed:] = torch.linalg.eigh(inside[..., fixed:, fixed:]).eigenvectors.flip(-1).mT
        turned = axes @ turned @ axes.mT
        factor = Element(((component, (turned, turned)),))
        element, moved = factor @ element, factor.transform(moved)
    return element, moved


def _signed(
    symmetry: ModuleSymmetry, element: Element, moved: Tensors, counted: tuple[str, ...], unresolved: dict[str, str]
) -> Element:
    """Signs that make sums of cubes positive, component after component."""
    open_components = [
        one for one in symmetry.components if isinstance(one, Signs | LinearMaps) and one.name not in unresolved
    ]
    progress = True
    while progress and open_components:
        progress = False
        for component in tuple(open_components):
            sums = _cubes(component, open_components, moved, counted)
            if sums is None:
                continue
            factor = Element(((component, _flips(component, sums)),))
            element, moved = factor @ element, factor.transform(moved)
            open_components.remove(component)
            progress = True
    for component in open_components:
        unresolved[component.name] = "its signs are tied to other open signs"
    return element


def _cubes(component: Signed, open_components: list[Signed], moved: Tensors, counted: tuple[str, ...]) -> Tensor | None:
    """For each unit a sum of cubes that only its own sign turns; None where no leg has one."""
    shape = component.shape if isinstance(component, Signs) else (*component.copies, component.size)
    dead = _dead(component, moved, counted, shape)
    for leg in component.legs:
        others = [one for one in _acting(leg.tensor, open_components) if one is not component]
        twice = sum(one.tensor == leg.tensor and one.exponent % 2 for one in component.legs) > 1
        if leg.tensor not in counted or others or twice or not leg.exponent % 2:
            continue
        rows = _units(component, leg, moved, shape)
        sums, sizes = rows.pow(3).sum(-1), rows.abs().pow(3).sum(-1)
        if bool(((sums.abs() > TIE * sizes) | dead).all()):
            return sums
    return None


def _units(component: Signed, leg: Leg, moved: Tensors, shape: tuple[int, ...]) -> Tensor:
    """The weights of each unit at a leg, in the axes that the signs of the component turn round."""
    rows = leg.front(moved[leg.tensor]).reshape(*shape, -1)
    return component.axes(rows).mT @ rows if isinstance(component, LinearMaps) else rows


def _dead(component: Signed, moved: Tensors, counted: tuple[str, ...], shape: tuple[int, ...]) -> Tensor:
    """Which units have no weights at any leg: their signs change nothing."""
    sizes = torch.zeros(shape, dtype=torch.float64)
    for leg in component.legs:
        if leg.tensor in counted:
            sizes = sizes + _units(component, leg, moved, shape).square().sum(-1)
    return sizes <= TIE**2 * sizes.max()


def _acting(tensor: str, components: list[Signed]) -> list[Component]:
    """The components that act on a tensor."""
    return [one for one in components if tensor in one.tensors]


def _flips(component: Signed, sums: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    """The element that turns negative sums positive."""
    signs = torch.where(sums < 0, -1.0, 1.0).double()
    return signs if isinstance(component, Signs) else component.reflection(signs)
