"""Condition: one equation or inequality that makes a matrix an element of a group, and how far it is missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from manifolds.checks import Array, place, worst_index
from manifolds.errors import InputError


@final
@dataclass(frozen=True)
class Condition:
    """One condition on matrices, and how far each matrix of a batch misses it.

    Parameters
    ----------
    statement : str
        Such as `g^T g = I`.
    missed_by : array
        0 where it holds, otherwise by how much it fails, one number for each matrix.
    found : array or None
        A number to show beside it, one for each matrix, such as the determinant.
    found_name : str
        What that number is.

    Examples
    --------
    >>> Condition.matrix("g^T g = I", 2 * np.eye(2)).missed_by
    np.float64(2.0)
    >>> Condition.holds("det g > 0", np.array([True, False])).missed_by
    array([0., 1.])
    """

    statement: str
    missed_by: Array
    found: Array | None = None
    found_name: str = ""

    @classmethod
    def matrix(cls, statement: str, residual: Array, *, scale: Array | float = 1.0) -> Condition:
        """The condition that matrices vanish: missed by the largest entry of each, see `relative`.

        Examples
        --------
        >>> Condition.matrix("g^T g = I", np.diag([0.5, -2.0])).missed_by
        np.float64(2.0)
        """
        return cls(statement, relative(residual, scale).max(axis=(-2, -1), initial=0.0))

    @classmethod
    def number(cls, statement: str, residual: Array, *, scale: Array | float = 1.0) -> Condition:
        """The condition that numbers vanish, one for each matrix: missed by their size, see `relative`.

        Examples
        --------
        >>> Condition.number("det g = 1", np.array([0.0, -0.5])).missed_by
        array([0. , 0.5])
        """
        return cls(statement, relative(residual, scale))

    @classmethod
    def holds(cls, statement: str, true: Array, *, found: Array | None = None, found_name: str = "") -> Condition:
        """A condition that holds or does not: missed by 1 where it does not.

        Examples
        --------
        >>> Condition.holds("det g > 0", np.array(True)).missed_by
        array(0.)
        """
        return cls(statement, np.where(true, 0.0, 1.0), found, found_name)

    def refusal(self, group: str, *, what: str, tolerance: float) -> InputError:
        """The error for the matrix of the batch that misses the condition most.

        Examples
        --------
        >>> print(Condition.matrix("g^T g = I", 2 * np.eye(2)).refusal("O(2)", what="g", tolerance=1e-6))
        g is not in O(2)
          why: the condition g^T g = I is missed by 2 (tolerance 1e-06)
          try: bring it into the group with project(g)
        """
        index, missed = worst_index(self.missed_by)
        cure = f"bring it into the group with project({what})"
        if self.found is None:
            why = f"the condition {self.statement} is missed by {missed:.3g} (tolerance {tolerance:g})"
        else:
            why = f"the condition {self.statement} fails: {self.found_name} is {float(self.found[index]):.3g}"
            cure = f"give a matrix for which {self.statement}"
        return InputError(f"{what}{place(index)} is not in {group}", why=why, cure=cure)


def relative(residual: Array, scale: Array | float = 1.0) -> Array:
    """The size of residuals of equations whose right sides are of size 1, relative to what rounding does to them.

    `scale` bounds the change of the residual by a relative change of the entries of the matrix. It is left out where
    the equation fails altogether, so that a large singular matrix is not taken for an element.

    Examples
    --------
    >>> relative(np.array([1e-6, 1.0]), 1e6)
    array([1.e-12, 1.e+00])
    """
    size = np.abs(residual)
    scale = np.maximum(scale, 1.0)
    return np.where((size < 0.5) & np.isfinite(scale), size / scale, size)
