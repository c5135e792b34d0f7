"""Vectors in which coordinates are measured made ones: the weights of a normalisation go into the matrices behind it.

In a frame of ones orthogonal maps keep norms, and the same map is right for all matrices.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import torch

from solvers.pytorch.symmetry.component import Component, Tensors, Value
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.symmetry.scalings import Scalings, Signs


def folded(symmetry: ModuleSymmetry, tensors: Tensors) -> tuple[Element, ModuleSymmetry]:
    """The element that makes frames ones, and the group that is left there; frames that it cannot change stay.

    Parameters
    ----------
    symmetry: the group.
    tensors: where it acts, by name.
    """
    factors: list[tuple[Component, Value]] = []
    used: list[Component] = [one for one in symmetry.components if one.implied]
    done: set[str] = set()
    for name in dict.fromkeys(name for one in symmetry.components for leg in one.legs for name, _ in leg.frame):
        own = [one for one in symmetry.components if name in one.tensors and one not in used]
        scalings = [one for one in own if isinstance(one, Scalings) and _power(one, name)]
        signs = [one for one in own if isinstance(one, Signs) and _power(one, name)]
        vector = tensors[name].detach().double()
        if len(scalings) == 1 and len(own) == 1 + len(signs) and (signs or bool((vector > 0).all())):
            factors.append((scalings[0], -vector.abs().log() / _power(scalings[0], name)))
            factors += [(signs[0], torch.where(vector < 0, -1.0, 1.0).double())] if signs else []
            used += own
            done.add(name)
    spaces = tuple(_left(space, used, done) for space in symmetry.spaces)
    return Element(tuple(factors)), replace(symmetry, spaces=tuple(space for space in spaces if space.components))


def _power(component: Scalings | Signs, name: str) -> int:
    """The exponent with which each unit of a component scales one entry of a vector; zero where it does not."""
    legs = [leg for leg in component.legs if leg.tensor == name]
    plain = len(legs) == 1 and legs[0].shape == component.shape and not legs[0].narrow
    return legs[0].exponent if plain else 0


def _left(space: HiddenSpace, used: list[Component], done: set[str]) -> HiddenSpace:
    """What is left of a space: without the components that were used, and with frames of ones left out."""
    kept: list[Component] = []
    for component in space.components:
        if component not in used:
            plain = copy(component)
            plain.legs = tuple(
                replace(leg, frame=tuple(one for one in leg.frame if one[0] not in done)) for leg in component.legs
            )
            kept.append(plain)
    return replace(space, components=tuple(kept))
