r"""The point of an orbit that is nearest to another model: weight matching.

Two networks trained apart may compute nearly the same function with their hidden units in another order.  Of two models
of one architecture the second is moved by an element of its symmetry group, so that its function stays, to where

.. math:: |g\cdot w_b - w_a|^2

is small: permutations, with signs where the group has them, by linear assignment, one hidden space after the other;
then the continuous part by L-BFGS in Lie algebra coordinates.  Each step lowers the distance; the end is a local
minimum.

Source: S. Ainsworth, J. Hayase, S. Srinivasa, "Git Re-Basin: Merging Models modulo Permutation Symmetries" (2023),
arXiv:2209.04836 (permutations by linear assignment).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.pytorch.symmetry.balancing import least_norm
from solvers.pytorch.symmetry.component import Component, Tensors, Value, in_frame
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.finder import group_of
from solvers.pytorch.symmetry.folding import folded
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.symmetry.permutations import Permutations
from solvers.pytorch.symmetry.scalings import Signs
from solvers.pytorch.symmetry.shifts import Shifts
from symmetries.arguments import read_generator

MARGIN = 1e-9
"""Decrease of the distance, relative to the norms, below which a step is none."""


@final
@dataclass(frozen=True, kw_only=True)
class Alignment:
    """What aligning did.

    Parameters
    ----------
    element: that was applied to the second model.
    distance_before, distance_after: between the parameters of the two models.
    rounds: passes over the hidden spaces.
    """

    element: Element
    distance_before: float
    distance_after: float
    rounds: int


def align(
    model_a: nn.Module,
    model_b: nn.Module,
    example_inputs: Any = None,
    *,
    symmetry: ModuleSymmetry | None = None,
    continuous: bool = True,
    rounds: int = 100,
    rng: Any = 0,
) -> Alignment:
    r"""Move the second model, in place, along its orbit towards the first; its function stays as it is.

    Parameters
    ----------
    model_a: the model that stays.
    model_b: the model that moves; it has the same parameters by name and shape.
    example_inputs: from which its symmetry group is found, as :func:`~solvers.pytorch.symmetries_of` takes them; or
    symmetry: of the second model, where it is known already.
    continuous: whether scalings, matrices and translations take part, and not permutations and signs alone.
    rounds: largest number of passes over the hidden spaces.
    rng: seed or generator of the order in which the spaces are visited.

    Raises
    ------
    InputError: there are no inputs and no group, or the models do not have the same parameters.

    >>> first = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    >>> from copy import deepcopy
    >>> from solvers.pytorch import symmetries_of
    >>> second, inputs = deepcopy(first), torch.ones(4, 2, dtype=torch.float64)
    >>> symmetry = symmetries_of(second, inputs)
    >>> symmetry.apply_(symmetry.random_element(1))
    >>> align(first, second, inputs).distance_after < 1e-12
    True
    """
    symmetry = group_of(model_b, example_inputs, symmetry)
    still, tensors, counted = _read(model_a, model_b)
    match = _Match(symmetry, counted, continuous, rounds, read_generator(rng))
    moves = [match.search(tensors, still)]
    if continuous:
        _, group = folded(symmetry, tensors)
        own, other = (_representative(symmetry, one, counted) for one in (still, tensors))
        moving, goal, near = other.transform(tensors), own.transform(still), replace(match, symmetry=group)
        starts = (False, True) if any(isinstance(one, LinearMaps) for one in group.components) else (False,)
        moves += [own.inverse() @ near.search(moving, goal, anchored=start) @ other for start in starts]
        match.count += near.count
        moves = [match.refined(one, tensors, still) for one in moves]
    moves.append(symmetry.identity())
    best = min(moves, key=lambda one: _distance(one.transform(tensors), still, counted))
    symmetry.apply_(best)
    return Alignment(
        element=best,
        distance_before=_distance(tensors, still, counted),
        distance_after=_distance(best.transform(tensors), still, counted),
        rounds=match.count,
    )


def _read(model_a: nn.Module, model_b: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor], tuple[str, ...]]:
    """Copies of the tensors of the two models in double precision, and the names of the parameters: they count."""
    still, moving = (
        {name: one.detach().double().clone() for name, one in model.named_parameters()} for model in (model_a, model_b)
    )
    shapes = [{name: tuple(one.shape) for name, one in tensors.items()} for tensors in (still, moving)]
    if shapes[0] != shapes[1]:
        wrong = next(name for name in (*shapes[0], *shapes[1]) if shapes[0].get(name) != shapes[1].get(name))
        raise InputError(
            f"the parameter {wrong!r} has the shapes {shapes[0].get(wrong)} and {shapes[1].get(wrong)}",
            why="models are aligned parameter by parameter",
            cure="give two models of one architecture",
        )
    buffers = [
        {name: one.detach().double() for name, one in model.named_buffers() if one.is_floating_point()}
        for model in (model_a, model_b)
    ]
    return still | buffers[0], moving | buffers[1], tuple(still)


def _representative(symmetry: ModuleSymmetry, tensors: Tensors, counted: tuple[str, ...]) -> Element:
    """The element to where frames are ones and the norm is least."""
    first, group = folded(symmetry, tensors)
    return least_norm(group, first.transform(tensors), counted=counted).element @ first


def _distance(moved: Tensors, still: Tensors, counted: tuple[str, ...]) -> float:
    """Of the parameters of two models."""
    return float(sum((moved[name] - still[name]).square().sum() for name in counted)) ** 0.5


@final
@dataclass
class _Match:
    """The search for a near element, one component after the other."""

    symmetry: ModuleSymmetry
    counted: tuple[str, ...]
    continuous: bool
    rounds: int
    rng: np.random.Generator
    count: int = 0

    def search(self, tensors: Tensors, still: Tensors, *, anchored: bool = False) -> Element:
        """The product of the steps, each of which lowers the distance.

        Parameters
        ----------
        tensors, still: of the model that moves, and of the other.
        anchored: whether to begin with the orthogonal maps that the tensors give of which all other axes are known.
        """
        element = self.anchored(tensors, still) if anchored else self.symmetry.identity()
        tensors = element.transform(tensors)
        spaces = list(self.symmetry.spaces)
        size = _distance(dict.fromkeys(still, torch.zeros(())), still, self.counted) + 1e-300
        for count in range(self.rounds):
            self.count += 1
            start = last = _distance(tensors, still, self.counted)
            for space in spaces:
                for component in space.components:
                    if anchored and count == 0 and isinstance(component, LinearMaps):
                        continue
                    step = self.step(component, space, tensors, still)
                    moved = step.transform(tensors)
                    new = _distance(moved, still, self.counted)
                    if last - new > MARGIN * size:
                        element, tensors, last = step @ element, moved, new
            if start - last <= MARGIN * size:
                break
            if count:
                self.rng.shuffle(spaces)
        return element

    def step(self, component: Component, space: HiddenSpace, tensors: Tensors, still: Tensors) -> Element:
        """The nearest element of one component, the others as they are."""
        if isinstance(component, Permutations):
            shape = (*component.copies, component.size)
            signs = next((one for one in space.components if isinstance(one, Signs) and one.shape == shape), None)
            return self.assignment(component, signs, tensors, still)
        if isinstance(component, LinearMaps) and component.kind != "algebra" and self.continuous:
            nearest = component.nearest(_correlations(component, component.legs, tensors, still, self.counted))
            return Element(((component, nearest),))
        return self.symmetry.identity()

    def anchored(self, tensors: Tensors, still: Tensors) -> Element:
        """The nearest orthogonal maps by the tensors that nothing else but translations moves."""
        factors: list[tuple[Component, Value]] = []
        for maps in self.symmetry.components:
            if isinstance(maps, LinearMaps) and maps.kind == "O":
                others = [one for one in self.symmetry.components if one is not maps and not isinstance(one, Shifts)]
                moved = {name for one in others if not one.implied for name in one.tensors}
                legs = tuple(leg for leg in maps.legs if leg.tensor not in moved)
                factors.append((maps, maps.nearest(_correlations(maps, legs, tensors, still, self.counted))))
        return Element(tuple(factors))

    def assignment(self, units: Permutations, signs: Signs | None, tensors: Tensors, still: Tensors) -> Element:
        """The permutation, and the signs of its units, of the largest inner product with the other model."""
        turning = {_place(leg) for leg in signs.legs if leg.exponent % 2} if signs is not None else set()
        maps = self.attached(units)
        gauged = {_place(leg)[:3] for one in maps for leg in one.legs}
        plain = [leg for leg in units.legs if _place(leg)[:3] not in gauged]
        odd = _inner(units, [leg for leg in plain if _place(leg) in turning], tensors, still, self.counted)
        score = _inner(units, [leg for leg in plain if _place(leg) not in turning], tensors, still, self.counted)
        score = score + odd.abs() if signs is not None else score + odd
        for one in maps:
            score = score + _nuclear(one, tensors, still, self.counted)
        rows = score.reshape(-1, units.size, units.size)
        chosen = torch.stack([torch.from_numpy(linear_sum_assignment(-row.numpy())[1]) for row in rows])
        order = chosen.reshape(*units.copies, units.size)
        factors: list[tuple[Component, Value]] = [(units, order)]
        if signs is not None and turning:
            picked = torch.gather(odd, -1, order[..., None])[..., 0]
            factors.insert(0, (signs, torch.where(picked < 0, -1.0, 1.0).double().reshape(signs.shape)))
        return Element(tuple(factors))

    def attached(self, units: Permutations) -> list[LinearMaps]:
        """The matrix groups with one copy for each unit, as the heads of attention have them."""
        if not self.continuous or units.copies:
            return []
        places = {(leg.tensor, leg.shape, leg.narrow, leg.axes) for leg in units.legs}
        return [
            one
            for one in self.symmetry.components
            if isinstance(one, LinearMaps)
            and one.copies == (units.size,)
            and any((leg.tensor, leg.shape, leg.narrow, leg.axes[:1]) in places for leg in one.legs)
        ]

    def refined(self, element: Element, tensors: Tensors, still: Tensors) -> Element:
        """The element followed by the best nearby one, by L-BFGS in Lie algebra coordinates."""
        if not self.symmetry.dimension:
            return element
        start = element.transform(tensors)
        coordinates = torch.zeros(self.symmetry.dimension, dtype=torch.float64, requires_grad=True)
        search = torch.optim.LBFGS(
            [coordinates], max_iter=100, tolerance_grad=1e-12, tolerance_change=1e-15, line_search_fn="strong_wolfe"
        )

        def evaluate() -> Tensor:
            """The squared distance to the other model, with its gradient."""
            search.zero_grad()
            moved = self.symmetry.element(coordinates).transform(start)
            size = torch.stack([(moved[name] - still[name]).square().sum() for name in self.counted]).sum()
            size.backward()
            return size

        with torch.enable_grad():
            search.step(evaluate)
        found = coordinates.detach()
        if not bool(torch.isfinite(found).all()):
            return element
        return self.symmetry.element(found) @ element


def _place(leg: Leg) -> tuple[Any, ...]:
    """Where a leg acts, whatever its exponent."""
    return leg.tensor, leg.shape, leg.narrow, leg.axes


def _inner(units: Permutations, legs: list[Leg], tensors: Tensors, still: Tensors, counted: tuple[str, ...]) -> Tensor:
    """Inner products of each unit of the first model with each unit of the second, summed over legs."""
    total = torch.zeros(*units.copies, units.size, units.size, dtype=torch.float64)
    for leg in legs:
        if leg.tensor in counted:
            first, second = (
                leg.front(one[leg.tensor]).reshape(*units.copies, units.size, -1) for one in (still, tensors)
            )
            total = total + first @ second.mT
    return total


def _correlations(
    maps: LinearMaps, legs: tuple[Leg, ...], tensors: Tensors, still: Tensors, counted: tuple[str, ...]
) -> Tensor:
    """The matrices whose polar factors are the nearest rotations, one for each copy; frames are taken away first."""
    total = torch.zeros(*maps.copies, maps.size, maps.size, dtype=torch.float64)
    for leg in legs:
        if leg.tensor in counted:
            first, second = (in_frame(leg, one).reshape(*maps.copies, maps.size, -1) for one in (still, tensors))
            total = total + first @ second.mT
    return total


def _nuclear(maps: LinearMaps, tensors: Tensors, still: Tensors, counted: tuple[str, ...]) -> Tensor:
    """The largest inner product of each copy with each other over rotations of its space: a nuclear norm."""
    copies, size = maps.copies[0], maps.size
    total = torch.zeros(copies, copies, size, size, dtype=torch.float64)
    for leg in maps.legs:
        if leg.tensor in counted:
            first, second = (leg.front(one[leg.tensor]).reshape(copies, size, -1) for one in (still, tensors))
            total = total + torch.einsum("iar,jbr->ijab", first, second)
    return torch.linalg.svdvals(total).sum(-1)
