"""Identification of Lie algebras of polynomial vector fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import numpy as np

from manifolds.errors import InputError
from symmetries.brackets import bracket, components
from symmetries.fields import VectorField
from symmetries.refusal import shorten
from symmetries.structure.adapted_basis import adapt, dependent
from symmetries.structure.algebra_identity import AlgebraIdentity
from symmetries.structure.integer_matrices import Integers, coordinates, integers, rank
from symmetries.structure.naming import MAX_DIMENSION, identify_adapted, identify_constants, too_large
from symmetries.structure.representation import fields_representation, functions_representation
from symmetries.structure.structure_constants import StructureConstants

FUNCTIONS = 24
"""Largest space of functions on which nonlinear fields are represented."""


def identify_fields(fields: Sequence[VectorField], *, seed: int = 0) -> AlgebraIdentity:
    """The identity of the algebra with these fields as a basis; refused when they are no basis of an algebra."""
    read = [with_polynomials(field) for field in fields]
    names = sorted({name for field in read for name in names_of(field)})
    found = identify_polynomial_fields(read, names, closed=False, seed=seed)
    if found is None:
        raise leaving(read)
    return found


def names_of(field: VectorField) -> set[str]:
    """Coordinates that a field moves or depends on."""
    polynomials = field.polynomials or {}
    inside = {name for polynomial in polynomials.values() for monomial in polynomial for name, _ in monomial}
    return inside | set(polynomials)


def identify_polynomial_fields(
    fields: Sequence[VectorField], names: Sequence[str], *, closed: bool, seed: int
) -> AlgebraIdentity | None:
    """The identity of the algebra with these fields as a basis; None when they are not closed under brackets."""
    if len(fields) > MAX_DIMENSION:
        return too_large(len(fields))
    degree = max((sum(e for _, e in m) for field in fields for m in _monomials(field)), default=0)
    representation = (
        fields_representation(fields, names)
        if degree <= 1
        else functions_representation(fields, names, limit=FUNCTIONS)
    )
    if representation is None:
        constants = _constants(fields)
        return identify_constants(constants, seed=seed) if constants is not None else None
    adapted = adapt(representation, len(fields), closed=closed)
    return identify_adapted(adapted, seed=seed) if adapted is not None else None


def _monomials(field: VectorField) -> list[tuple[tuple[str, int], ...]]:
    return [monomial for polynomial in (field.polynomials or {}).values() for monomial in polynomial]


def _constants(fields: Sequence[VectorField]) -> StructureConstants | None:
    """Structure constants of polynomial fields, from their brackets; None when these leave the span."""
    count = len(fields)
    pairs = [(i, j) for i in range(count) for j in range(i)]
    vectors = [components(field) for field in (*fields, *(bracket(fields[i], fields[j]) for i, j in pairs))]
    places = {key: k for k, key in enumerate(dict.fromkeys(key for vector in vectors for key in vector))}
    scale = lcm(*(value.denominator for vector in vectors for value in vector.values()))
    rows = np.zeros((len(vectors), len(places)), dtype=object)
    for number, vector in enumerate(vectors):
        for key, value in vector.items():
            rows[number, places[key]] = int(value * scale)
    basis: Integers = integers(rows[:count])
    if rank(basis) < count:
        raise dependent(basis)
    found = coordinates(basis, integers(rows[count:]))
    if found is None:
        return None
    table = np.zeros((count, count, count), dtype=object)
    for row, (i, j) in zip(found[0], pairs, strict=True):
        table[i, j], table[j, i] = row, -row
    return StructureConstants(integers(table))


def leaving(fields: Sequence[VectorField]) -> InputError:
    """The error that names a bracket which is no combination of the fields."""
    from symmetries.span import Span

    span = Span([components(field) for field in fields])
    for i, one in enumerate(fields):
        for j, other in enumerate(fields[:i]):
            made = bracket(other, one)
            if not span.contains(components(made)):
                return InputError(
                    "the vector fields",
                    why=f"the bracket of fields {j + 1} and {i + 1}, {shorten(str(made))}, is no combination of them, "
                    "so they span no Lie algebra",
                    cure="add the brackets that are missing, or leave fields out",
                )
    raise AssertionError("the fields are closed under brackets")


def with_polynomials(field: VectorField) -> VectorField:
    """A field with its components as polynomials, read from their formulas where they are not known.

    >>> with_polynomials(VectorField({"x": "-9*y", "y": "x"})).polynomials
    {'x': {(('y', 1),): Fraction(-9, 1)}, 'y': {(('x', 1),): Fraction(1, 1)}}
    """
    if field.polynomials is not None:
        return field
    from symmetries.formula import read_formula
    from symmetries.given_basis import node_polynomial
    from symmetries.lower import lower
    from symmetries.scalar import ScalarGraph

    text = " ".join([*field.components, *field.components.values()])
    if "[" in text:
        raise InputError(
            f"the field {shorten(str(field))}",
            why="entries of arrays in formulas are read only together with a loss",
            cure="use scalar names, or a field that derive() returned",
        )
    words = {word for word in re.findall(r"[^\W\d]\w*", text) if word not in ("pi", "e")}
    polynomials = {}
    for entry, formula in field.components.items():
        graph = ScalarGraph()
        found = node_polynomial(graph, lower(graph, read_formula(formula, dict.fromkeys(words, ()))))
        if found is None:
            raise InputError(
                f"the component d/d{entry} = {shorten(formula)}",
                why="it is no polynomial with rational coefficients",
                cure="give polynomial components",
            )
        polynomials[entry] = {monomial: Fraction(value) for monomial, value in found.items()}
    return VectorField.from_polynomials(polynomials)
