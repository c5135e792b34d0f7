"""Structure constants of a Lie algebra: [e_i, e_j] = sum_k c_ijk e_k, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.refusal import shorten
from symmetries.structure.integer_matrices import Integers, coordinates, integers, product, saturated_basis

SLACK = 8


@final
@dataclass(frozen=True, eq=False)
class StructureConstants:
    r"""A Lie algebra by integers :math:`c_{ijk}` with :math:`[e_i, e_j] = \sum_k c_{ijk}\, e_k`.

    Parameters
    ----------
    table: the integers, one cube.

    >>> rotations = StructureConstants.read([[[0, 0, 0], [0, 0, 1], [0, -1, 0]],
    ...                                      [[0, 0, -1], [0, 0, 0], [1, 0, 0]],
    ...                                      [[0, 1, 0], [-1, 0, 0], [0, 0, 0]]])
    >>> rotations.killing.tolist()
    [[-2, 0, 0], [0, -2, 0], [0, 0, -2]]
    """

    table: Integers

    @classmethod
    def read(cls, constants: Sequence[Any] | np.ndarray[Any, Any]) -> StructureConstants:
        """The algebra of given rational structure constants, antisymmetry and Jacobi's identity checked.

        The basis is multiplied by the common denominator, which makes them integers.
        """
        cube = _cube(constants)
        size = len(cube)
        for i, j in zip(*np.nonzero(np.any(cube + cube.transpose(1, 0, 2), axis=2)), strict=True):
            raise InputError(
                f"the structure constants of [e_{i}, e_{j}] and [e_{j}, e_{i}]",
                why="they are not opposite, and a bracket is antisymmetric",
                cure="give c[i][j][k] = -c[j][i][k], and c[i][i][k] = 0",
            )
        found = cls(cube)
        broken = found.jacobi_failure()
        if size and broken is not None:
            i, j, k = broken
            raise InputError(
                f"the structure constants of e_{i}, e_{j}, e_{k}",
                why=f"Jacobi's identity fails: [e_{i}, [e_{j}, e_{k}]] + [e_{j}, [e_{k}, e_{i}]] + "
                f"[e_{k}, [e_{i}, e_{j}]] is not 0, so this is no Lie algebra",
                cure="check the constants of these brackets",
            )
        return found

    @property
    def dimension(self) -> int:
        """Dimension of the algebra."""
        return len(self.table)

    def ad(self, vector: Integers) -> Integers:
        """The matrix A with y A = [x, y] for row vectors y."""
        size = self.dimension
        return product(vector.reshape(1, size), self.table.reshape(size, size * size)).reshape(size, size)

    def brackets(self, left: Integers, right: Integers) -> Integers:
        """[x, y] for all rows x and y, as an array over (x, y, coordinate)."""
        size, p, q = self.dimension, len(left), len(right)
        maps = product(left, self.table.reshape(size, size * size)).reshape(p, size, size)
        together = product(right, maps.transpose(1, 0, 2).reshape(size, p * size))
        return together.reshape(q, p, size).transpose(1, 0, 2)

    def bracket(self, x: Integers, y: Integers) -> Integers:
        """[x, y]."""
        return self.brackets(x.reshape(1, -1), y.reshape(1, -1))[0, 0]

    @cached_property
    def killing(self) -> Integers:
        r"""The Killing form, :math:`K_{ij} = \operatorname{tr}(\operatorname{ad} e_i \operatorname{ad} e_j)`."""
        size = self.dimension
        return product(
            self.table.reshape(size, size * size), self.table.transpose(0, 2, 1).reshape(size, size * size).T
        )

    @cached_property
    def trace(self) -> Integers:
        """The traces of ad e_i; all zero for a unimodular algebra."""
        return integers(np.trace(self.table, axis1=1, axis2=2)) if self.dimension else np.zeros(0, dtype=np.int64)

    def span_of_brackets(self, left: Integers, right: Integers, rng: np.random.Generator) -> Integers:
        """A basis of the span of [x, y] for all rows x and y.

        A few random combinations span it; that none is missing is checked with the vectors that annihilate them.
        """
        from symmetries.structure.integer_matrices import null_vectors, random_rows

        size = self.dimension
        every = self.brackets(left, right).reshape(len(left) * len(right), size)
        every = every[np.any(every != 0, axis=1)]
        count = size + SLACK
        while len(every) > 2 * count:
            basis = saturated_basis(product(random_rows(count, len(every), rng, bound=1), every))
            if not np.any(product(every, null_vectors(basis).T if len(basis) else np.eye(size, dtype=np.int64))):
                return basis
            count *= 2
        return saturated_basis(every) if len(every) else np.zeros((0, size), dtype=np.int64)

    def subalgebra(self, basis: Integers) -> StructureConstants:
        """The algebra that the independent rows span, up to a common factor of its basis."""
        every = self.brackets(basis, basis).reshape(len(basis) ** 2, self.dimension)
        found = coordinates(basis, every)
        if found is None:
            raise InputError(
                "a subspace of an algebra", why="it is not closed under brackets", cure="take a subalgebra"
            )
        # with the basis times the denominator, the constants are integers
        return StructureConstants(found[0].reshape(len(basis), len(basis), len(basis)))

    def quotient(self, ideal: Integers) -> tuple[StructureConstants, Integers, Integers, int]:
        """The quotient by an ideal: constants, lifts of its basis, and the projection as rows over a denominator.

        The basis of the quotient are images of unit vectors; constants are those of the basis times the denominator.
        """
        from symmetries.structure.integer_matrices import echelon, null_vectors

        functionals = null_vectors(ideal) if len(ideal) else np.eye(self.dimension, dtype=np.int64)
        projection, value, pivots = echelon(functionals)
        lifts = np.eye(self.dimension, dtype=np.int64)[pivots]
        every = self.brackets(lifts, lifts).reshape(len(lifts) ** 2, self.dimension)
        count = len(pivots)
        table = product(every, projection.T).reshape(count, count, count)
        return StructureConstants(table), lifts, projection, value

    def jacobi_failure(self) -> tuple[int, int, int] | None:
        """Three basis vectors for which Jacobi's identity fails, or None."""
        size = self.dimension
        flat = self.table.reshape(size, size * size)
        for i in range(size):
            inner = product(self.table[i], flat).reshape(size, size, size)  # [[e_i, e_j], e_k]
            outer = product(self.table.reshape(size * size, size), self.table[i]).reshape(size, size, size)
            # [e_i, [e_j, e_k]] = [[e_i, e_j], e_k] + [e_j, [e_i, e_k]], where [e_j, [e_i, e_k]] = -[[e_i, e_k], e_j]
            wrong = np.any(outer - inner + inner.transpose(1, 0, 2), axis=2)
            if wrong.any():
                j, k = (int(place[0]) for place in np.nonzero(wrong))
                return i, j, k
        return None


def _cube(constants: Sequence[Any] | np.ndarray[Any, Any]) -> Integers:
    """Rational numbers in a cube, times their common denominator."""
    rows = constants.tolist() if isinstance(constants, np.ndarray) else constants
    size = len(rows) if isinstance(rows, list | tuple) else 0
    if not (
        _is_row(rows, size) and all(_is_row(plane, size) and all(_is_row(r, size) for r in plane) for plane in rows)
    ):
        raise InputError(
            "the structure constants", why="they form no cube", cure="give c[i][j][k] with all of i, j, k below d"
        )
    values = [exact(value, "the structure constants") for plane in rows for line in plane for value in line]
    scale = lcm(*(value.denominator for value in values)) if values else 1
    return integers([int(value * scale) for value in values], (size, size, size))


def _is_row(values: Any, size: int) -> bool:
    return isinstance(values, list | tuple) and len(values) == size


def exact(value: Any, what: str) -> Fraction:
    """A rational number; floating-point numbers are refused, since a rank would depend on their rounding.

    >>> exact("1/3", "the matrix")
    Fraction(1, 3)
    """
    if not isinstance(value, float | np.floating | complex):
        try:
            if hasattr(value, "p") and hasattr(value, "q"):
                return Fraction(int(value.p), int(value.q))
            return Fraction(int(value)) if isinstance(value, np.integer) else Fraction(value)
        except (TypeError, ValueError, ZeroDivisionError):
            pass
    raise InputError(
        f"{what}: the entry {shorten(repr(value))}",
        why="it is not an exact rational number, and the type of an algebra is decided without rounding",
        cure="write integers, fractions.Fraction or text such as '1/3'",
    )
