"""The determining equations as one writes them in plain SymPy: expand, collect, null space."""

from __future__ import annotations

import sympy
from sympy.polys.matrices import DomainMatrix

from symmetries import Loss
from symmetries.sympy_border import to_sympy


def dimension(loss: Loss) -> int:
    """Number of linear symmetries of a polynomial loss.

    X.L with one unknown per entry of the n x n matrix of X is expanded; its coefficient at each monomial in
    parameters and data is a linear equation.  SymPy's fastest own tools are used: ``Poly`` for the products, sparse
    ``DomainMatrix`` over QQ for the null space.
    """
    expression = to_sympy(loss.expression)
    names = {str(symbol): symbol for symbol in expression.free_symbols}
    parameters = [names[entry] for entry in loss.entries]
    generators = [*parameters, *(names[entry] for entry in loss.data_entries)]
    polynomial = sympy.Poly(sympy.expand(expression), *generators)
    gradient = [polynomial.diff(symbol) for symbol in parameters]
    equations: dict[tuple[int, ...], dict[int, object]] = {}
    for i, slope in enumerate(gradient):
        for j in range(len(parameters)):
            unknown = i * len(parameters) + j
            for monomial, coefficient in slope.terms():
                raised = (*monomial[:j], monomial[j] + 1, *monomial[j + 1 :])
                equations.setdefault(raised, {})[unknown] = sympy.QQ.from_sympy(coefficient)
    rows = dict(enumerate(equations.values()))
    matrix = DomainMatrix(rows, (len(rows), len(parameters) ** 2), sympy.QQ)
    return matrix.shape[1] - matrix.rank()
