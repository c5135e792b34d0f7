"""Coordinates on the symmetry group of a module, in which it is searched."""

from __future__ import annotations

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
    frame: the directions that are searched, in columns of coordinates; all by default.
    """

    def __init__(self, symmetry: ModuleSymmetry, frame: FloatArray | None = None) -> None:
        self.symmetry = symmetry
        self._frame = None if frame is None else torch.from_numpy(frame)
        self.dimension = symmetry.dimension if frame is None else frame.shape[1]

    def element(self, coordinates: Tensor) -> Element:
        """The element of coordinates in the frame; differentiable."""
        return self.symmetry.element(coordinates if self._frame is None else self._frame @ coordinates)

    @staticmethod
    def exp(t: FloatArray) -> FloatArray:
        """The step itself: exponentials are taken when the element acts."""
        return t

    @staticmethod
    def compose(left: FloatArray, right: FloatArray) -> FloatArray:
        """The sum of the coordinates."""
        return left + right


def uniform_frame(symmetry: ModuleSymmetry) -> FloatArray:
    """One direction a component: all of its units, or the whole space, scaled alike.

    Raises
    ------
    InputError: no component has scalings.
    """
    columns, start = [], 0
    for component in symmetry.components:
        size = component.dimension
        direction = _uniform(component)
        if direction is not None:
            column = np.zeros(symmetry.dimension)
            column[start : start + size] = direction
            columns.append(column)
        start += size
    if not columns:
        raise InputError(
            "per='space' for a group without scalings",
            why="no space of the module can be scaled as a whole",
            cure="use per='unit'",
        )
    return np.stack(columns, axis=1)


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
