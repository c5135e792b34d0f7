"""The determining equations in SymPy, in two ways: as one writes them, and with its fastest tools."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.polys.matrices import DomainMatrix

from symmetries import Loss
from symmetries.sympy_border import to_sympy


def expand_collect_nullspace(loss: Loss) -> int:
    """Number of linear symmetries of a polynomial loss: X.L with unknown coefficients expanded, collected, solved.

    The null space is that of SymPy's sparse matrices over QQ, its fastest.
    """
    expression, parameters, data = _symbols(loss)
    size = len(parameters)
    unknowns = sympy.symbols(f"c:{size * size}")
    moved = [sum(unknowns[i * size + j] * parameters[j] for j in range(size)) for i in range(size)]
    derivative = sympy.Add(*[moved[i] * sympy.diff(expression, parameters[i]) for i in range(size)])
    collected = sympy.Poly(sympy.expand(derivative), *parameters, *data)
    position = {unknown: k for k, unknown in enumerate(unknowns)}
    equations = [sympy.expand(coefficient).as_coefficients_dict() for coefficient in collected.coeffs()]
    rows = {
        row: {position[unknown]: sympy.QQ.from_sympy(value) for unknown, value in equation.items()}
        for row, equation in enumerate(equations)
    }
    return DomainMatrix(rows, (len(rows), size * size), sympy.QQ).nullspace().shape[0]


def polynomial_rank(loss: Loss) -> int:
    """The same number with less work: the gradient as polynomials, whose monomials are shifted by hand, and a rank."""
    expression, parameters, data = _symbols(loss)
    polynomial = sympy.Poly(sympy.expand(expression), *parameters, *data)
    equations: dict[tuple[int, ...], dict[int, Any]] = {}
    for i, symbol in enumerate(parameters):
        slope = polynomial.diff(symbol)
        for j in range(len(parameters)):
            unknown = i * len(parameters) + j
            for monomial, coefficient in slope.terms():
                raised = (*monomial[:j], monomial[j] + 1, *monomial[j + 1 :])
                equations.setdefault(raised, {})[unknown] = sympy.QQ.from_sympy(coefficient)
    rows = dict(enumerate(equations.values()))
    matrix = DomainMatrix(rows, (len(rows), len(parameters) ** 2), sympy.QQ)
    return matrix.shape[1] - matrix.rank()


def _symbols(loss: Loss) -> tuple[Any, list[Any], list[Any]]:
    expression = to_sympy(loss.expression)
    names = {str(symbol): symbol for symbol in expression.free_symbols}
    return expression, [names[entry] for entry in loss.entries], [names[entry] for entry in loss.data_entries]
