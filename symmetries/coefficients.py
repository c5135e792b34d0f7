"""Null spaces over the field of constants: coefficients of a symmetry in Q(a, b), Q(sqrt(2)), Q(pi)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import numpy as np
from flint import fmpq

from symmetries.ansatz import Unknowns
from symmetries.fields import Monomial, VectorField, multiply_monomials
from symmetries.scalar import Atom, Constant, Index, ScalarGraph, Sum, Symbol
from symmetries.system import DeterminingSystem

MAX_SUPPORT = 60
SPARE_ROWS = 4
SPAN = 50


def solve_over_constants(
    system: DeterminingSystem, unknowns: Unknowns, block: np.ndarray[Any, Any], basis: Sequence[Mapping[int, int]]
) -> list[VectorField] | None:
    """Null space of one block of the determining equations over the field of constants, or None when out of reach.

    The equations are taken at random integer points, where they are elements of the field K of the constants.
    ``basis`` is the null space modulo a prime at random constants: it says which unknowns each null vector over K
    needs, so each is found by exact elimination on those alone.
    """
    constants = system.constant_nodes
    known = {*constants, *system.coordinates}
    for domain, values in _fields(system.graph, constants):
        found = [_null_vector(system, unknowns, block[sorted(vector)], domain, values) for vector in basis]
        fields = [field for field in found if field is not None and _names(field) <= known]
        if len(fields) == len(basis):
            return fields
    return None


def _null_vector(
    system: DeterminingSystem, unknowns: Unknowns, support: np.ndarray[Any, Any], domain: Any, values: dict[Index, Any]
) -> VectorField | None:
    """The one field whose coefficients over the constants stand at the given unknowns."""
    from sympy.polys.matrices import DomainMatrix

    if len(support) > MAX_SUPPORT:
        return None
    rows = _rows(system, unknowns, support, domain, values)
    if rows is None:
        return None
    matrix = DomainMatrix(rows, (len(rows), len(support)), domain).to_sparse()
    vectors = matrix.nullspace().to_dense().to_list()
    return _vector_field(system, unknowns, support, vectors[0], domain) if len(vectors) == 1 else None


def _fields(graph: ScalarGraph, constants: Mapping[str, Index]) -> Iterator[tuple[Any, dict[Index, Any]]]:
    """Fields that hold the constants, each with the constants in it, the quickest first.

    Several radicals are tried as independent symbols before their algebraic field, whose arithmetic is slow; what is
    found holds for all values of the symbols and so for the radicals.
    """
    import sympy
    from sympy import QQ

    radicals: dict[Index, Any] = {}
    symbols: dict[Index, Any] = {}
    for text, node in constants.items():
        symbols[node] = sympy.Symbol(text)
        entry = graph.entries[node]
        if isinstance(entry, Atom) and entry.kind == "root":
            inside = graph.entries[entry.argument]
            if not isinstance(inside, Constant):
                return
            radicals[node] = sympy.root(sympy.Rational(int(inside.value.p), int(inside.value.q)), entry.degree)
    free = {node: symbol for node, symbol in symbols.items() if node not in radicals}
    if len(radicals) != 1 and symbols:
        field = QQ.frac_field(*symbols.values())
        yield field, {node: field.from_sympy(symbol) for node, symbol in symbols.items()}
    if radicals:
        domain = QQ.algebraic_field(*radicals.values())
        domain = domain.frac_field(*free.values()) if free else domain
        yield domain, {node: domain.from_sympy(value) for node, value in (radicals | free).items()}


def _rows(
    system: DeterminingSystem, unknowns: Unknowns, block: np.ndarray[Any, Any], domain: Any, constants: dict[Index, Any]
) -> list[list[Any]] | None:
    """Equations at random integer points over the field of constants."""
    from sympy.polys.polyerrors import NotInvertible

    graph = system.graph
    rng = np.random.default_rng([system.seed, len(block)])
    components = sorted({int(unknowns.component[k]) for k in block})
    slopes = {k: system.prover.derivative({graph.symbol(system.coordinates[k]): graph.one}) for k in components}
    order = graph.reachable([*slopes.values()])
    rows: list[list[Any]] = []
    for _ in range(10 * (len(block) + SPARE_ROWS)):
        if len(rows) == len(block) + SPARE_ROWS:
            return rows
        point = {
            name: int(rng.integers(1, SPAN)) * int(rng.choice([-1, 1])) for name in (*system.coordinates, *system.data)
        }
        try:
            values = evaluate_in(graph, order, domain, point, constants, rng)
        except (ZeroDivisionError, NotInvertible):
            continue
        row = []
        for unknown in block:
            monomial = domain(1)
            for coordinate, exponent in _powers(unknowns, int(unknowns.monomial[unknown])):
                monomial *= domain(point[system.coordinates[coordinate]]) ** exponent
            row.append(monomial * values[slopes[int(unknowns.component[unknown])]])
        rows.append(row)
    return None


def evaluate_in(
    graph: ScalarGraph,
    order: Sequence[Index],
    domain: Any,
    point: Mapping[str, int],
    known: Mapping[Index, Any],
    rng: np.random.Generator,
) -> dict[Index, Any]:
    """Values of nodes in an exact field at an integer point.

    Atoms get random values, absolute values a random branch.
    """
    values: dict[Index, Any] = {}
    for node in order:
        entry = graph.entries[node]
        if node in known:
            values[node] = known[node]
        elif isinstance(entry, Constant):
            values[node] = domain.convert(_fraction(entry.value))
        elif isinstance(entry, Symbol):
            values[node] = domain(point[entry.name])
        elif isinstance(entry, Sum):
            total = domain.convert(_fraction(entry.constant))
            for inner, coefficient in entry.terms:
                total += domain.convert(_fraction(coefficient)) * values[inner]
            values[node] = total
        elif isinstance(entry, Atom):
            sign = int(rng.choice([-1, 1]))
            drawn = values[entry.argument] * domain(sign) if entry.kind == "abs" else domain(int(rng.integers(2, SPAN)))
            values[node] = domain(sign) if entry.kind == "sign" else drawn
        else:
            total = domain(1)
            for inner, exponent in entry.powers:
                base = values[inner] if exponent > 0 else domain(1) / values[inner]
                for _ in range(abs(exponent)):
                    total *= base
            values[node] = total
    return values


def _fraction(value: fmpq) -> Any:
    from sympy import QQ

    return QQ(int(value.p), int(value.q))


def _powers(unknowns: Unknowns, which: int) -> list[tuple[int, int]]:
    if unknowns.monomials is None:
        return [(which, 1)]
    return [(int(k), int(unknowns.monomials[which][k])) for k in np.flatnonzero(unknowns.monomials[which])]


def _vector_field(
    system: DeterminingSystem,
    unknowns: Unknowns,
    block: np.ndarray[Any, Any],
    vector: Sequence[Any],
    domain: Any,
) -> VectorField:
    """The field of a vector over the constants, denominators cleared."""
    import sympy

    radicals = _radicals(system.graph, system.constant_nodes)

    places = [k for k, value in enumerate(vector) if value]
    numbers = [sympy.together(domain.to_sympy(vector[k])) for k in places]
    scale = sympy.lcm_list([sympy.denom(value) for value in numbers])
    cleared = [sympy.cancel(value * scale) for value in numbers]
    common = sympy.gcd_list(cleared)
    if common != 0:
        cleared = [sympy.cancel(value / common) for value in cleared]
    polynomials: dict[str, dict[Monomial, Fraction]] = {}
    for k, value in zip(places, cleared, strict=True):
        unknown = block[k]
        entry = system.coordinates[unknowns.component[unknown]]
        powers = _powers(unknowns, int(unknowns.monomial[unknown]))
        monomial = tuple(sorted((system.coordinates[j], exponent) for j, exponent in powers))
        for factor, number in _terms(value, radicals):
            target = polynomials.setdefault(entry, {})
            together = multiply_monomials(monomial, factor)
            target[together] = target.get(together, Fraction(0)) + number
    content = _content([value for polynomial in polynomials.values() for value in polynomial.values()])
    return VectorField.from_polynomials(
        {
            entry: {monomial: value / content for monomial, value in polynomials[entry].items()}
            for entry in system.coordinates
            if entry in polynomials
        }
    )


def _names(field: VectorField) -> set[str]:
    """Names of coordinates and constants in the components of a field."""
    return {
        name for polynomial in (field.polynomials or {}).values() for monomial in polynomial for name, _ in monomial
    }


def _content(numbers: Sequence[Fraction]) -> Fraction:
    """Greatest common divisor of rationals, with the sign of the first."""
    top, bottom = gcd(*(value.numerator for value in numbers)), lcm(*(value.denominator for value in numbers))
    return Fraction(top if numbers[0] > 0 else -top, bottom)


def _terms(value: Any, radicals: Mapping[int, Mapping[int, str]]) -> list[tuple[Monomial, Fraction]]:
    """A polynomial in the constants as terms by name."""
    import sympy

    terms = []
    for term in sympy.Add.make_args(sympy.expand(value)):
        number, factors = term.as_coeff_mul()
        powers: dict[str, int] = {}
        for factor in factors:
            for name, exponent in _constant_powers(factor, radicals):
                powers[name] = powers.get(name, 0) + exponent
        monomial = tuple(sorted(powers.items()))
        terms.append((monomial, Fraction(int(number.p), int(number.q))))
    return terms


def _constant_powers(factor: Any, radicals: Mapping[int, Mapping[int, str]]) -> list[tuple[str, int]]:
    """A power of constants by name: a**3, sqrt(6) = sqrt(2) sqrt(3), 2**(2/3) = (2**(1/3))**2."""
    import sympy

    base, exponent = factor.as_base_exp()
    if exponent.is_Integer or not base.is_Integer:
        return [(str(base), int(exponent))] if exponent.is_Integer else [(str(factor), 1)]
    powers = []
    for number, times in sympy.factorint(base).items():
        degree, name = next(
            ((d, text) for d, text in radicals.get(number, {}).items() if d % exponent.q == 0),
            (exponent.q, str(factor)),
        )
        powers.append((name, times * int(exponent * degree)))
    return powers


def _radicals(graph: ScalarGraph, constants: Mapping[str, Index]) -> dict[int, dict[int, str]]:
    """Names of the roots of numbers, by number and degree."""
    found: dict[int, dict[int, str]] = {}
    for text, node in constants.items():
        entry = graph.entries[node]
        inside = graph.value_of(entry.argument) if isinstance(entry, Atom) and entry.kind == "root" else None
        if isinstance(entry, Atom) and inside is not None and inside.q == 1:
            found.setdefault(int(inside.p), {})[entry.degree] = text
    return found
