"""Polynomial vector fields and maps in double precision: values and Jacobians at many points."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import final

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.parameter_space import FloatArray
from symmetries.algebra import require_polynomials
from symmetries.fields import Monomial, Polynomial, VectorField


@final
class NumericPolynomials:
    r"""Polynomials :math:`p_i(w) = \sum_k c_k \prod_j w_j^{e_{jk}}` in the coordinates, as arrays.

    Parameters
    ----------
    polynomials: the polynomials.
    coordinates: names of the coordinates, in the order of w.
    constants: values of the other names that occur.

    Raises
    ------
    InputError: a name is neither a coordinate nor a constant with a value.

    >>> from fractions import Fraction
    >>> square = NumericPolynomials([{(("x", 2),): Fraction(3), (): Fraction(1)}], ["x", "y"])
    >>> square.values(np.array([2.0, 5.0])).tolist(), square.jacobian(np.array([2.0, 5.0])).tolist()
    ([13.0], [[12.0, 0.0]])
    """

    def __init__(
        self,
        polynomials: Sequence[Polynomial],
        coordinates: Sequence[str],
        constants: Mapping[str, float] | None = None,
    ) -> None:
        self.size = len(coordinates)
        self.count = len(polynomials)
        place = {name: k for k, name in enumerate(coordinates)}
        known = dict(constants or {})
        rows: list[int] = []
        values: list[float] = []
        factors: list[list[int]] = []
        for row, polynomial in enumerate(polynomials):
            for monomial, coefficient in polynomial.items():
                value, powers = _factors(monomial, place, known)
                rows.append(row)
                values.append(float(coefficient) * value)
                factors.append(powers)
        width = max(map(len, factors), default=0)
        self._rows = np.array(rows, dtype=np.int64)
        self._coefficients = np.array(values, dtype=float)
        self._factors = np.array([row + [self.size] * (width - len(row)) for row in factors], dtype=np.int64)
        self._factors = self._factors.reshape(len(rows), width)

    def values(self, w: FloatArray) -> FloatArray:
        """Values at w of shape (..., n), shape (..., count)."""
        terms = self._coefficients * self._extended(w)[..., self._factors].prod(axis=-1)
        result = np.zeros((*w.shape[:-1], self.count))
        np.add.at(np.moveaxis(result, -1, 0), self._rows, np.moveaxis(terms, -1, 0))
        return result

    def jacobian(self, w: FloatArray) -> FloatArray:
        """Derivatives at one point w, shape (count, n)."""
        powers = self._extended(w)[self._factors]
        result = np.zeros((self.count, self.size + 1))
        for k in range(self._factors.shape[1]):
            others = np.delete(powers, k, axis=1).prod(axis=1)
            np.add.at(result, (self._rows, self._factors[:, k]), self._coefficients * others)
        return result[:, : self.size]

    def _extended(self, w: FloatArray) -> FloatArray:
        """The point with a 1 behind it, by which short products are filled up."""
        return np.concatenate([w, np.ones((*w.shape[:-1], 1))], axis=-1)


def _factors(monomial: Monomial, place: Mapping[str, int], constants: Mapping[str, float]) -> tuple[float, list[int]]:
    """Value of the constants in a monomial, and the coordinates in it, each as often as it is a factor."""
    value = 1.0
    powers: list[int] = []
    for name, exponent in monomial:
        if name in place:
            powers += [place[name]] * exponent
        elif name in constants:
            value *= constants[name] ** exponent
        else:
            raise InputError(
                f"the constant {name!r} has no value",
                why="the field is to be evaluated in numbers and its coefficients depend on it",
                cure=f"give constants={{{name!r}: ...}}",
            )
    return value, powers


def foreign_names(fields: Iterable[VectorField], coordinates: Container[str]) -> list[str]:
    """Names in the coefficients of fields that are no coordinates."""
    polynomials = (polynomial for field in fields for polynomial in require_polynomials(field).values())
    names = {name for polynomial in polynomials for monomial in polynomial for name, _ in monomial}
    return sorted(name for name in names if name not in coordinates)


def constant_values(names: Iterable[str], given: Mapping[str, float] | None) -> dict[str, float]:
    """Values of constants: those given by name, and expressions in them such as sqrt(2) or pi."""
    from symmetries.compiled import Tape
    from symmetries.formula import read_formula

    values = {str(name): float(value) for name, value in (given or {}).items()}
    inputs = {name: np.asarray(value) for name, value in values.items()}
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(values, ())
    result = dict(values)
    for name in names:
        if name in result:
            continue
        try:
            node = read_formula(name, shapes)
        except InputError:
            continue
        result[name] = float(Tape(node, ()).values(inputs)[-1])
    return result
