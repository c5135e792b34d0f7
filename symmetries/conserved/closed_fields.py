r"""Gradient fields in the span of given fields: X with a closed 1-form G X, and its potential Q.

On all of R^n a closed form is exact, and for polynomials the potential is an integral along rays:
:math:`Q(\theta) = \int_0^1 \langle GX(t\theta), \theta\rangle\,dt`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from flint import fmpq_mat

from symmetries.algebra import SymmetryAlgebra
from symmetries.conserved.conservation_solve import Law, normalised, prove_law
from symmetries.conserved.metric import Metric
from symmetries.fields import Monomial, Polynomial, VectorField, multiply_monomials
from symmetries.lower import rational
from symmetries.nullspace import primitive_integers, short_basis
from symmetries.span import Span
from symmetries.system import DeterminingSystem

Form: TypeAlias = dict[str, dict[Monomial, Fraction]]
"""A 1-form with polynomial components, by entry."""


def closed_fields(
    algebra: SymmetryAlgebra, system: DeterminingSystem, metric: Metric
) -> tuple[list[Law], tuple[str, ...]]:
    """The potentials of all gradient fields in the span of the generators, each proved; and what was left out."""
    fields = [field for field in algebra.generators if field.polynomials is not None]
    remarks: tuple[str, ...] = ()
    if len(fields) < algebra.dimension:
        remarks = (f"{algebra.dimension - len(fields)} generators are no polynomials and were left out",)
    forms = [lowered(metric, field) for field in fields]
    moving = set(algebra.loss.moving_entries)
    equations = [_conditions(form, field, moving) for form, field in zip(forms, fields, strict=True)]
    laws = []
    for vector in short_basis(combinations(equations)):
        form = _combined(forms, vector)
        potential = ray_integral(form, metric.entries)
        if potential:
            laws.append(prove_law(system, metric, normalised(potential)))
    proved = [law for law in laws if law.proof.outcome == "zero"]
    if len(proved) < len(laws):
        remarks = (*remarks, f"{len(laws) - len(proved)} potentials could not be proved")
    return proved, remarks


def lowered(metric: Metric, field: VectorField) -> Form:
    """The 1-form G X of a polynomial field."""
    assert field.polynomials is not None
    position = {name: k for k, name in enumerate(metric.entries)}
    form: Form = {}
    for name, polynomial in field.polynomials.items():
        for row, factor in metric.row(position[name]).items() if name in position else ():
            target = form.setdefault(metric.entries[row], {})
            for monomial, value in polynomial.items():
                target[monomial] = target.get(monomial, Fraction(0)) + factor * value
    return form


def exterior_derivative(form: Form) -> dict[tuple[str, str, Monomial], Fraction]:
    """d of a 1-form with constant or polynomial components, by pair of entries and monomial.

    >>> exterior_derivative({"x": {(("y", 1),): Fraction(1)}})
    {('x', 'y', ()): Fraction(-1, 1)}
    """
    result: dict[tuple[str, str, Monomial], Fraction] = {}
    for entry, polynomial in form.items():
        for monomial, value in polynomial.items():
            for name, exponent in monomial:
                if name == entry:
                    continue
                rest = multiply_monomials(monomial, ((name, -1),))
                first, second, sign = (name, entry, 1) if name < entry else (entry, name, -1)
                key = (first, second, rest)
                result[key] = result.get(key, Fraction(0)) + sign * exponent * value
    return {key: value for key, value in result.items() if value}


def _conditions(form: Form, field: VectorField, moving: set[str]) -> dict[Hashable, Fraction]:
    """What must vanish for a gradient field of parameters: d(G X), and the motion of data."""
    assert field.polynomials is not None
    curl: dict[Hashable, Fraction] = dict(exterior_derivative(form).items())
    for entry in moving & field.polynomials.keys():
        curl |= {(entry, monomial): value for monomial, value in field.polynomials[entry].items()}
    return curl


def combinations(vectors: Sequence[Mapping[Hashable, Fraction]]) -> list[dict[int, int]]:
    """Integer combinations of sparse vectors that vanish, a basis of them.

    >>> combinations([{"a": Fraction(1)}, {"a": Fraction(2)}, {}])
    [{0: 2, 1: -1}, {2: 1}]
    """
    rows: dict[Hashable, dict[int, Fraction]] = {}
    for column, vector in enumerate(vectors):
        for key, value in vector.items():
            rows.setdefault(key, {})[column] = value
    independent = Span(rows.values()).rows()
    size = len(vectors)
    entries = [rational(row.get(k, Fraction(0))) for row in independent for k in range(size)]
    reduced, rank = fmpq_mat(len(independent), size, entries).rref()
    pivots = [next(k for k in range(size) if reduced[row, k] != 0) for row in range(rank)]
    basis = []
    for free in (k for k in range(size) if k not in pivots):
        solved = {pivots[row]: -reduced[row, free] for row in range(rank) if reduced[row, free] != 0}
        basis.append(primitive_integers({**solved, free: rational(1)}))
    return basis


def _combined(forms: Sequence[Form], vector: Mapping[int, int]) -> Form:
    total: Form = {}
    for k, factor in vector.items():
        for entry, polynomial in forms[k].items():
            target = total.setdefault(entry, {})
            for monomial, value in polynomial.items():
                target[monomial] = target.get(monomial, Fraction(0)) + factor * value
    return total


def ray_integral(form: Form, entries: Sequence[str]) -> Polynomial:
    """The potential of a closed form that vanishes at the origin.

    >>> form = {"x": {(("y", 1),): Fraction(1)}, "y": {(("x", 1),): Fraction(1)}}
    >>> ray_integral(form, ["x", "y"])
    {(('x', 1), ('y', 1)): Fraction(1, 1)}
    """
    coordinates = set(entries)
    potential: dict[Monomial, Fraction] = {}
    for entry in entries:
        for monomial, value in form.get(entry, {}).items():
            power = sum(exponent for name, exponent in monomial if name in coordinates)
            raised = multiply_monomials(monomial, ((entry, 1),))
            potential[raised] = potential.get(raised, Fraction(0)) + value / (power + 1)
    return {monomial: value for monomial, value in potential.items() if value}
