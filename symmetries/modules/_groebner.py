"""Groebner bases of submodules of free modules, by SymPy; the only place that speaks to its implementation.

SymPy chooses the pairs (sugar strategy, chain criterion); the divisions are those of
:mod:`symmetries.modules.module_vectors`, so that their number can be limited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symmetries.modules.module_vectors import (
    Divisors,
    Effort,
    EffortSpent,
    ModuleOrder,
    Vector,
    reduced_basis,
    remainder,
)

PAIRS = 4
"""A new element of a basis of k elements counts as k**2 / PAIRS steps more, for the choice among its pairs."""


def coefficient_field(constants: Sequence[str]) -> Any:
    """The rationals, or the rational functions of the named constants.

    >>> coefficient_field(()).one, coefficient_field(("a",)).one
    (1, 1)
    """
    from sympy import QQ, Symbol

    return QQ.frac_field(*map(Symbol, constants)) if constants else QQ


def groebner_basis(
    vectors: Sequence[Vector], order: ModuleOrder, field: Any, effort: Effort, *, found: list[Vector] | None = None
) -> list[Vector]:
    """Reduced Groebner basis of the module that the vectors generate.

    Parameters
    ----------
    vectors: the generators.
    order: the order of the monomials.
    field: what :func:`coefficient_field` gave.
    effort: steps that may be taken.
    found: receives the elements as they are found, so that they are there when the effort is spent.

    Raises
    ------
    EffortSpent: the basis was not finished.

    Source: A. Giovini and others, "One sugar cube, please" (1991).
    """
    from sympy.polys.distributedmodules import sdm_groebner

    effort.spend(len(vectors) ** 2 // PAIRS)
    known = Divisors()
    count = 0

    def normal_form(vector: Vector, basis: list[Vector], _order: Any, _field: Any) -> Vector:
        """The remainder, with leading coefficient one."""
        nonlocal count
        while count < len(basis):
            known.add(basis[count])
            count += 1
        effort.spend(len(vector) + 1)
        rest = remainder(vector, known, order, effort)
        if rest:
            effort.spend(len(basis) ** 2 // PAIRS)
            rest = [(monomial, value / rest[0][1]) for monomial, value in rest]
            if found is not None:
                found.append(rest)
        return rest

    basis = sdm_groebner([list(vector) for vector in vectors if vector], normal_form, order, field)
    return reduced_basis(basis, order, effort)


__all__ = ["EffortSpent", "coefficient_field", "groebner_basis"]
