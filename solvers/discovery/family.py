r"""Families of vector fields as unknown coefficients, and the equation that one gradient gives for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from array_api_compat import to_device

from symmetries.actions.parameter_space import FloatArray, ParameterSpace
from symmetries.expression import entry_names
from symmetries.fields import Monomial

Arrays: TypeAlias = Mapping[str, Any]
"""A point or a gradient: arrays of NumPy or of PyTorch by parameter."""

Coefficients: TypeAlias = dict[tuple[str, Monomial], float]
"""A polynomial field: the coefficient of each monomial in each component."""


@final
@dataclass(frozen=True, eq=False)
class Equation:
    r"""The equation :math:`\sum_k c_k\, \nabla f\cdot X_k = 0` of one point.

    Parameters
    ----------
    row: :math:`\nabla f\cdot X_k`, shape (unknowns,).
    terms: sums of the squares of the terms of these products, shape (unknowns,).
    sizes: :math:`|X_k|^2`, shape (unknowns,).
    """

    row: FloatArray
    terms: FloatArray
    sizes: FloatArray


class Family(ABC):
    r"""The fields :math:`X = \sum_k c_k X_k` in which symmetries are looked for, on arrays of given shapes.

    Parameters
    ----------
    shapes: the shape of each parameter.
    """

    name: str
    """The family in a word."""

    brackets_stay = False
    """Whether the family is closed under brackets."""

    commutes = False
    """Whether all brackets are zero."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.space = ParameterSpace(dict(shapes))

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of unknown coefficients."""

    @abstractmethod
    def equation(self, point: Arrays, gradient: Arrays, *, length: float) -> Equation:
        """The equation of a point, whose gradient is divided by its length."""

    @abstractmethod
    def field(self, coefficients: FloatArray, point: Arrays) -> FloatArray:
        """X at a point as a vector of shape (n,)."""

    def trivial(self) -> FloatArray:
        """Coefficients of fields that are zero everywhere, as rows; independent."""
        return np.zeros((0, self.count))

    def observed(self, points: FloatArray) -> float | None:
        """How well the points tell the fields apart, from 0 (not at all) to 1; None where that is not known.

        The points are flat, shape (m, n).
        """
        return None

    def bracket(self, left: FloatArray, right: FloatArray) -> FloatArray | None:
        """Coefficients of the Lie bracket of two fields, up to its sign; None where it may leave the family."""
        return None

    def tidy(self, coefficients: FloatArray, rounding: float) -> FloatArray:
        """Coefficients of the same field with more zeros; entries up to ``rounding`` times the largest are zero."""
        return coefficients

    def parts(self, coefficients: FloatArray) -> Any:
        """The coefficients in the form in which people write them."""
        return coefficients

    def polynomials(self, coefficients: FloatArray) -> Coefficients | None:
        """The field as a polynomial one; None where it is none or too large to write down."""
        return None

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return tuple(entry for name, shape in self.space.shapes.items() for entry in entry_names(name, shape))


def flat(arrays: Arrays, space: ParameterSpace) -> FloatArray:
    """Arrays by name as one vector of doubles."""
    return np.concatenate([as_numbers(arrays[name]).ravel() for name in space.shapes])


def as_numbers(array: Any) -> FloatArray:
    """An array of NumPy or of PyTorch, on any device, as doubles of NumPy."""
    if isinstance(array, np.ndarray | float):
        return np.asarray(array, dtype=float)
    if hasattr(array, "detach"):
        array = to_device(array.detach(), "cpu").double()
    return np.asarray(array, dtype=float)
