r"""Constant metrics G of a gradient flow :math:`\dot\theta = -G^{-1}\nabla L`, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any, final

import numpy as np
from flint import fmpq, fmpq_mat

from manifolds.errors import InputError
from symmetries.data import measure
from symmetries.expression import entry_names
from symmetries.loss import Loss
from symmetries.lower import rational

Row = dict[int, Fraction]
LARGEST_DENSE = 400


@final
class Metric:
    r"""A constant symmetric positive definite matrix G on parameter space, with rational entries.

    Parameters
    ----------
    loss: the loss, whose parameter entries number the rows.
    given: None (the identity); positive numbers by name of parameter, one for all its
        entries or one each; positive numbers for all n entries (a
        diagonal matrix); or a symmetric positive definite n x n matrix.  Floats are read as exact decimals.

    Raises
    ------
    InputError: the size is wrong, or the matrix is not symmetric or not positive definite.

    >>> loss = Loss.parse("(x - 2*y)**2")
    >>> Metric(loss, [1, "1/2"]).inverse_row(1)
    {1: Fraction(2, 1)}
    """

    def __init__(self, loss: Loss, given: Any = None) -> None:
        self.entries = loss.entries
        self.is_identity = given is None
        self._rows, self._inverse = self._read(loss, given)
        self.is_diagonal = all(set(row) <= {k} for k, row in enumerate(self._rows))

    def row(self, k: int) -> Row:
        """Row k of G, without zeros."""
        return self._rows[k]

    def inverse_row(self, k: int) -> Row:
        """Row k of the inverse of G, without zeros."""
        return self._inverse[k]

    def raise_index(self, gradient: Mapping[str, Any], zero: Any) -> dict[str, Any]:
        """G^{-1} times a covector given by entry, in any arithmetic that multiplies by fractions."""
        position = {name: k for k, name in enumerate(self.entries)}
        result: dict[str, Any] = {}
        for name, value in gradient.items():
            for j, factor in self._inverse[position[name]].items():
                result[self.entries[j]] = result.get(self.entries[j], zero) + factor * value
        return result

    @cached_property
    def inverse_floats(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The inverse of G in double precision, its diagonal alone when G is diagonal."""
        n = len(self.entries)
        if self.is_diagonal:
            return np.array([float(self._inverse[k][k]) for k in range(n)])
        dense = np.zeros((n, n))
        for k, row in enumerate(self._inverse):
            for j, value in row.items():
                dense[k, j] = float(value)
        return dense

    def inverse_residues(self, prime: int) -> list[tuple[int, int, int]]:
        """Entries (row, column, residue) of the inverse of G modulo a prime."""
        return [
            (k, j, value.numerator * pow(value.denominator, -1, prime) % prime)
            for k, row in enumerate(self._inverse)
            for j, value in row.items()
        ]

    def _read(self, loss: Loss, given: Any) -> tuple[list[Row], list[Row]]:
        n = len(self.entries)
        if given is None:
            return [{k: Fraction(1)} for k in range(n)], [{k: Fraction(1)} for k in range(n)]
        if isinstance(given, Mapping):
            given = _by_parameter(loss, given)
        shape, values = measure(given.tolist() if hasattr(given, "tolist") else given, "the metric")
        if shape == (n,):
            return self._diagonal(values)
        if shape != (n, n):
            raise InputError(
                f"the metric has the shape {list(shape)}",
                why=f"the loss has {n} parameter entries",
                cure=f"give {n} positive numbers, or a {n} x {n} matrix",
            )
        if n > LARGEST_DENSE:
            why = f"it is inverted exactly, up to size {LARGEST_DENSE}"
            raise InputError(f"a dense metric of size {n}", why=why, cure="give a diagonal one")
        return self._dense(values, n)

    def _diagonal(self, values: Any) -> tuple[list[Row], list[Row]]:
        for name, value in zip(self.entries, values, strict=True):
            if value <= 0:
                raise InputError(f"the metric has {value} for {name}", why="it is not positive", cure="use G > 0")
        return [{k: value} for k, value in enumerate(values)], [{k: 1 / value} for k, value in enumerate(values)]

    def _dense(self, values: Any, n: int) -> tuple[list[Row], list[Row]]:
        table = [list(values[k * n : (k + 1) * n]) for k in range(n)]
        for i in range(n):
            for j in range(i):
                if table[i][j] != table[j][i]:
                    what = f"the metric has {table[j][i]} at ({j}, {i}) and {table[i][j]} at ({i}, {j})"
                    raise InputError(what, why="a metric is symmetric", cure="make the two equal")
        if not _positive_definite(table):
            why = "a pivot of its elimination is not positive"
            raise InputError("the metric is not positive definite", why=why, cure="use a matrix with v.G v > 0")
        inverse = fmpq_mat(n, n, [rational(value) for row in table for value in row]).inv()
        rows = [{j: value for j, value in enumerate(row) if value} for row in table]
        back = [{j: _fraction(inverse[i, j]) for j in range(n) if inverse[i, j] != 0} for i in range(n)]
        return rows, back


def _by_parameter(loss: Loss, given: Mapping[Any, Any]) -> list[Fraction]:
    """The numbers of each parameter, one spread over its entries; parameters that are not named have 1."""
    unknown = [name for name in given if name not in loss.parameters]
    if unknown:
        known = ", ".join(list(loss.parameters)[:20])
        raise InputError(f"the metric names {unknown[0]!r}", why="the loss has no such parameter", cure=f"use {known}")
    spread: list[Fraction] = []
    for name, shape in loss.parameters.items():
        found, values = measure(given.get(name, 1), f"the metric of {name!r}")
        count = len(entry_names(name, shape))
        if found not in {(), shape}:
            why = f"{name!r} has the shape {list(shape)}"
            raise InputError(f"the metric of {name!r} has the shape {list(found)}", why=why, cure="give one number")
        spread += list(values) if found else [values[0]] * count
    return spread


def _positive_definite(table: list[list[Fraction]]) -> bool:
    """Sylvester's criterion, by the pivots of an elimination."""
    work = [list(row) for row in table]
    for k in range(len(work)):
        if work[k][k] <= 0:
            return False
        for i in range(k + 1, len(work)):
            factor = work[i][k] / work[k][k]
            if factor:
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return True


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))
