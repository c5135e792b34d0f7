"""Brackets of polynomial vector fields."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from manifolds.errors import InputError
from symmetries.fields import Monomial, Polynomial, VectorField, multiply_monomials


def components(field: VectorField) -> dict[tuple[str, Monomial], Fraction]:
    """Coefficients of a polynomial field by component and monomial."""
    return {
        (entry, monomial): value
        for entry, polynomial in require_polynomials(field).items()
        for monomial, value in polynomial.items()
    }


def require_polynomials(field: VectorField) -> Mapping[str, Polynomial]:
    """The polynomial components of a field, refused when they are not known."""
    if not isinstance(field, VectorField):
        raise InputError(
            f"a field was given as {type(field).__name__}",
            why="it is no vector field",
            cure="use a field that derive() returned",
        )
    if field.polynomials is None:
        raise InputError(
            f"the field {field}",
            why="its components are not known as polynomials",
            cure="use a field that derive() returned",
        )
    return field.polynomials


def bracket(left: VectorField, right: VectorField) -> VectorField:
    r"""Lie bracket of two polynomial fields, :math:`[X, Y]_k = X(Y_k) - Y(X_k)`.

    >>> x = {"x": {(("y", 1),): Fraction(-1)}, "y": {(("x", 1),): Fraction(1)}}
    >>> t = {"x": {(): Fraction(1)}}
    >>> print(bracket(VectorField.from_polynomials(t), VectorField.from_polynomials(x)))
    d/dy
    """
    x, y = require_polynomials(left), require_polynomials(right)
    result: dict[str, dict[Monomial, Fraction]] = {}
    for one, other, sign in ((x, y, 1), (y, x, -1)):
        for entry, polynomial in other.items():
            for monomial, value in apply(one, polynomial).items():
                target = result.setdefault(entry, {})
                target[monomial] = target.get(monomial, Fraction(0)) + sign * value
    return VectorField.from_polynomials(result)


def apply(field: Mapping[str, Polynomial], polynomial: Polynomial) -> dict[Monomial, Fraction]:
    """Derivative of a polynomial along a polynomial field."""
    result: dict[Monomial, Fraction] = {}
    for monomial, value in polynomial.items():
        for name, exponent in monomial:
            if name not in field:
                continue
            rest = multiply_monomials(monomial, ((name, -1),))
            for factor, coefficient in field[name].items():
                together = multiply_monomials(rest, factor)
                result[together] = result.get(together, Fraction(0)) + value * exponent * coefficient
    return result
