"""Coordinates on the symmetry group of a module, in which it is searched."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from manifolds.errors import InputError
from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.symmetry.scalings import Scalings
from symmetries.actions.parameter_space import FloatArray


@final
class Chart:
    """Lie algebra coordinates at the identity as a group under addition, as the ascent on orbits takes it.

    Parameters
    ----------
    symmetry: of a module.
    frame: the directions that are searched, in columns of coordinates, sparse; all by default.
    """

    def __init__(self, symmetry: ModuleSymmetry, frame: Tensor | None = None) -> None:
        self.symmetry = symmetry
        self._frame = frame
        self.dimension = symmetry.dimension if frame is None else frame.shape[1]

    def element(self, coordinates: Tensor) -> Element:
        """The element of coordinates in the frame; differentiable."""
        if self._frame is None:
            return self.symmetry.element(coordinates)
        return self.symmetry.element(torch.sparse.mm(self._frame, coordinates[:, None])[:, 0])

    @staticmethod
    def exp(t: FloatArray) -> FloatArray:
        """The step itself: exponentials are taken when the element acts."""
        return t

    @staticmethod
    def compose(left: FloatArray, right: FloatArray) -> FloatArray:
        """The sum of the coordinates."""
        return left + right


def without_rotations(symmetry: ModuleSymmetry) -> ModuleSymmetry:
    """The group without orthogonal maps, where something is left: they keep the norms of gradients.

    In the frame of weights that differ they keep them only nearly; but they are as many as a stream has pairs of units,
    and each step along them multiplies all matrices on the stream.
    """
    spaces = tuple(
        replace(
            space,
            components=tuple(one for one in space.components if not (isinstance(one, LinearMaps) and one.kind == "O")),
        )
        for space in symmetry.spaces
    )
    left = replace(symmetry, spaces=tuple(space for space in spaces if space.components))
    return left if left.dimension else symmetry


def uniform_frame(symmetry: ModuleSymmetry) -> Tensor:
    """One direction a component: all of its units, or the whole space, scaled alike.

    Raises
    ------
    InputError: no component has scalings.
    """
    rows, values, start = [], [], 0
    for component in symmetry.components:
        direction = _uniform(component)
        if direction is not None:
            places = np.flatnonzero(direction)
            rows.append(start + places)
            values.append(direction[places])
        start += component.dimension
    if not rows:
        raise InputError(
            "per='space' for a group without scalings",
            why="no space of the module can be scaled as a whole",
            cure="use per='unit'",
        )
    columns = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
    index = torch.from_numpy(np.stack([np.concatenate(rows), columns]))
    entries = torch.from_numpy(np.concatenate(values))
    return torch.sparse_coo_tensor(index, entries, (symmetry.dimension, len(rows)), check_invariants=True)


def _uniform(component: Component) -> FloatArray | None:
    """The coordinates that scale all units of a component by e; None where it cannot."""
    if isinstance(component, Scalings):
        return np.ones(component.dimension)
    if not isinstance(component, LinearMaps) or component.kind == "O":
        return None
    unit = np.eye(component.size)
    if component.basis is None:
        return np.tile(unit.ravel(), component.number)
    rows = component.basis.reshape(len(component.basis), -1).double().numpy()
    found, *_ = np.linalg.lstsq(rows.T, unit.ravel(), rcond=None)
    return np.tile(found, component.number) if np.allclose(found @ rows, unit.ravel()) else None
