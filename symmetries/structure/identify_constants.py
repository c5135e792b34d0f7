"""Identification of algebras whose fields depend on symbolic constants, for all values of these that are not zero.

Along a path of values on which the Killing form stays nondegenerate the real Lie algebra stays the same; so a name
found at one point of each orthant holds on the orthant when no denominator and no determinant vanishes there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from itertools import product as choices
from typing import Any

from symmetries.brackets import bracket, components
from symmetries.fields import Monomial, VectorField
from symmetries.structure.algebra_identity import AlgebraIdentity
from symmetries.structure.identify_fields import identify_polynomial_fields
from symmetries.structure.naming import unknown

MAX_DIMENSION = 10
MAX_CONSTANTS = 6


def identify_over_constants(
    fields: Sequence[VectorField], names: Sequence[str], constants: Sequence[str], *, seed: int
) -> AlgebraIdentity:
    """The identity of an algebra for all values of its constants that are not zero."""
    if len(constants) > MAX_CONSTANTS:
        return unknown(len(fields), f"the generators depend on more than {MAX_CONSTANTS} constants")
    abelian = not any(components(bracket(one, other)) for one, other in combinations(fields, 2))
    if not abelian and (len(fields) > MAX_DIMENSION or not _keeps_its_type(fields, constants)):
        return unknown(len(fields), "it may be another algebra for other values of the constants")
    found = [
        identify_polynomial_fields(at_values(fields, values), names, closed=abelian, seed=seed)
        for values in _orthants(constants)
    ]
    first = found[0]
    if first is None or any(one is None or one.name != first.name for one in found):
        if abelian and first is not None:
            return replace(first, name=f"R^{len(fields)}", synonyms=(), assumptions=_assumptions(constants))
        return unknown(len(fields), "it depends on the signs of the constants")
    if (abelian and len(fields) > 1) or (abelian and not _turns(fields[0], names, constants) and first.name == "so(2)"):
        first = replace(first, name=f"R^{len(fields)}", synonyms=())
    return replace(first, assumptions=_assumptions(constants))


def _assumptions(constants: Sequence[str]) -> tuple[str, ...]:
    free = [name for name in constants if _is_free(name)]
    return (f"{', '.join(free)} not zero",) if free else ()


def _is_free(name: str) -> bool:
    """Whether a constant is a symbol of the loss rather than a number such as sqrt(2) or pi, which are positive."""
    return name.isidentifier() and name != "pi"


def is_positive_number(name: str) -> bool:
    """Whether a constant is a number that is positive by its form: pi, a root, an exponential.

    >>> is_positive_number("sqrt(2)"), is_positive_number("(2)**(1/3)"), is_positive_number("log(1/2)")
    (True, True, False)
    """
    return name == "pi" or name.startswith(("sqrt(", "exp(")) or "**(1/" in name


def _symbols(constants: Sequence[str]) -> list[Any]:
    import sympy

    signs: list[dict[str, bool]] = [{"positive": True} if is_positive_number(name) else {} for name in constants]
    return [sympy.Symbol(f"c{k}", **sign) for k, sign in enumerate(signs)]


def _orthants(constants: Sequence[str]) -> list[dict[str, Fraction]]:
    """One point of each orthant; roots, exponentials and pi stay positive."""
    signs = [(1,) if is_positive_number(name) else (1, -1) for name in constants]
    return [
        {name: Fraction(sign * (7 + 3 * k), 4 + k) for k, (name, sign) in enumerate(zip(constants, row, strict=True))}
        for row in choices(*signs)
    ]


def at_values(fields: Sequence[VectorField], values: Mapping[str, Fraction]) -> list[VectorField]:
    """Fields with constants replaced by numbers."""
    return [
        VectorField.from_polynomials(
            {entry: _at(dict(polynomial), values) for entry, polynomial in (field.polynomials or {}).items()}
        )
        for field in fields
    ]


def _at(polynomial: Mapping[Monomial, Fraction], values: Mapping[str, Fraction]) -> dict[Monomial, Fraction]:
    result: dict[Monomial, Fraction] = {}
    for monomial, coefficient in polynomial.items():
        kept = tuple((name, exponent) for name, exponent in monomial if name not in values)
        for name, exponent in monomial:
            if name in values:
                coefficient *= values[name] ** exponent
        result[kept] = result.get(kept, Fraction(0)) + coefficient
    return result


def _matrix(field: VectorField, names: Sequence[str], constants: Sequence[str]) -> Any:
    """The matrix of an affine field over polynomials in the constants, the constant function last; None otherwise."""
    import sympy

    place = {name: k for k, name in enumerate(names)}
    symbols = dict(zip(constants, _symbols(constants), strict=True))
    matrix = sympy.zeros(len(names) + 1, len(names) + 1)
    for entry, polynomial in (field.polynomials or {}).items():
        for monomial, value in polynomial.items():
            moving = [(name, exponent) for name, exponent in monomial if name in place]
            if len(moving) > 1 or any(exponent > 1 for _, exponent in moving):
                return None
            row = place[moving[0][0]] if moving else len(names)
            factor = sympy.prod([symbols[name] ** exponent for name, exponent in monomial if name in symbols])
            matrix[row, place[entry]] += sympy.Rational(value.numerator, value.denominator) * factor
    return matrix


def _turns(field: VectorField, names: Sequence[str], constants: Sequence[str]) -> bool:
    """Whether a field is a rotation for all constants: its characteristic polynomial is t^k (t^2 + m) with m > 0.

    The one pair of eigenvalues makes it semisimple beside 0, where the matrix must have the rank 2.
    """
    import sympy

    matrix = _matrix(field, names, constants)
    if matrix is None:
        return False
    t = sympy.Symbol("t")
    used = [k for k in range(matrix.rows) if any(matrix.row(k)) or any(matrix.col(k))]
    small = matrix.extract(used, used)
    coefficients = small.charpoly(t).all_coeffs()
    tail = [sympy.expand(value) for value in coefficients[1:]]
    return (
        len(tail) >= 2
        and tail[0] == 0
        and is_positive(tail[1])
        and not any(tail[2:])
        and all(sympy.expand(minor) == 0 for minor in _minors(small))
    )


def _minors(matrix: Any) -> list[Any]:
    """All minors of size 3 when the matrix is small; a nonzero one, so that nothing is concluded, when it is not."""
    if matrix.rows > 6:
        return [1]
    triples = list(combinations(range(matrix.rows), 3))
    return [matrix.extract(list(rows), list(columns)).det() for rows in triples for columns in triples]


def is_positive(value: Any) -> bool:
    """Whether a polynomial is positive wherever no symbol is zero, by its even exponents and positive coefficients.

    Symbols that are positive themselves may have any exponent.

    >>> import sympy
    >>> a, b = sympy.symbols("a b")
    >>> is_positive(a**2 * b**2 + 3), is_positive(a * b)
    (True, False)
    """
    import sympy

    poly = sympy.Poly(value, *sorted(value.free_symbols, key=str)) if value.free_symbols else None
    if poly is None:
        return bool(value > 0)
    return all(
        coefficient > 0 and all(e % 2 == 0 or symbol.is_positive for e, symbol in zip(monomial, poly.gens, strict=True))
        for monomial, coefficient in poly.terms()
    )


def _keeps_its_type(fields: Sequence[VectorField], constants: Sequence[str]) -> bool:
    """Whether the structure constants are defined and the Killing form is nondegenerate off the coordinate planes."""
    import sympy

    symbols = _symbols(constants)
    table = _table(fields, constants, symbols)
    if table is None:
        return False
    count = len(fields)
    killing = sympy.Matrix(
        count,
        count,
        lambda i, j: sum(table[i][a][b] * table[j][b][a] for a in range(count) for b in range(count)),
    )
    determinant = sympy.factor(killing.det())
    values = [determinant, *(value for plane in table for row in plane for value in row)]
    return (
        determinant != 0
        and all(_never_zero(sympy.denom(sympy.together(value))) for value in values)
        and _never_zero(sympy.numer(sympy.together(determinant)))
    )


def _never_zero(value: Any) -> bool:
    """Whether all factors of a polynomial are single symbols or positive."""
    import sympy

    _, factors = sympy.factor_list(value)
    return all(factor.is_Symbol or is_positive(factor) or is_positive(-factor) for factor, _ in factors)


def _table(fields: Sequence[VectorField], constants: Sequence[str], symbols: Sequence[Any]) -> Any:
    """Structure constants over the rational functions in the constants; None when the span is not closed."""
    from sympy import QQ
    from sympy.polys.matrices import DomainMatrix

    field = QQ.frac_field(*symbols)
    count = len(fields)
    made = [bracket(fields[i], fields[j]) for i in range(count) for j in range(count)]
    vectors = [_over(each, constants, symbols, field) for each in (*fields, *made)]
    keys = list(dict.fromkeys(key for vector in vectors for key in vector))
    rows = [[vector.get(key, field.zero) for key in keys] for vector in vectors]
    basis = DomainMatrix(rows[:count], (count, len(keys)), field)
    _, pivots = basis.rref()
    if len(pivots) < count:
        return None
    square = DomainMatrix([[row[p] for p in pivots] for row in rows[:count]], (count, count), field)
    wanted = DomainMatrix([[row[p] for p in pivots] for row in rows[count:]], (count**2, count), field)
    found = wanted * square.inv()
    if found * basis != DomainMatrix(rows[count:], (count**2, len(keys)), field):
        return None
    entries = [[field.to_sympy(value) for value in row] for row in found.to_list()]
    return [entries[i * count : (i + 1) * count] for i in range(count)]


def _over(vector: VectorField, constants: Sequence[str], symbols: Sequence[Any], domain: Any) -> dict[Any, Any]:
    """Coefficients of a field by component and monomial in the coordinates, as functions of the constants."""
    place = dict(zip(constants, symbols, strict=True))
    result: dict[Any, Any] = {}
    for (entry, monomial), value in components(vector).items():
        key = (entry, tuple((name, e) for name, e in monomial if name not in place))
        factor = domain.from_sympy(_power(monomial, place)) * domain.convert(_rational(value))
        result[key] = result.get(key, domain.zero) + factor
    return result


def _power(monomial: Monomial, place: Mapping[str, Any]) -> Any:
    import sympy

    return sympy.prod([place[name] ** exponent for name, exponent in monomial if name in place])


def _rational(value: Fraction) -> Any:
    from sympy import QQ

    return QQ(value.numerator, value.denominator)
