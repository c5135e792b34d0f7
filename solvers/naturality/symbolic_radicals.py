"""Square roots and signs in the formula of an update, replaced by symbols with their relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, final

import sympy as sp

from manifolds.errors import InputError

MOST_SIGNS = 8
"""Entries whose signs are told apart at most."""


@final
@dataclass(frozen=True, kw_only=True)
class Radicals:
    """A rational formula with symbols that stand for square roots.

    Parameters
    ----------
    formula: rational in the data, the constants and the symbols of the roots.
    squares: what each of these symbols is the root of, rational in the data and the constants.
    """

    formula: sp.Matrix
    squares: Mapping[sp.Symbol, sp.Expr]


def rational_cases(formula: sp.Matrix, *, signed: Sequence[sp.Symbol], variable: Sequence[sp.Symbol]) -> list[Radicals]:
    """The rational formulas that a formula with roots, signs and absolute values is, one for each pattern of signs.

    Parameters
    ----------
    formula: in SymPy; roots of rational expressions, signs and absolute values of single symbols.
    signed: the symbols that take both signs on open sets, whatever the others are.
    variable: the symbols of the data; the others are constants.

    Raises
    ------
    InputError: a function is not of these, there are too many signs, the roots depend on each other, or one of them is
        a constant.

    >>> g = sp.Symbol("g", real=True)
    >>> [case.formula[0] for case in rational_cases(sp.Matrix([g * sp.sign(g)]), signed=[g], variable=[g])]
    [-g, g]
    """
    choices = sorted(formula.atoms(sp.sign, sp.Abs), key=str)
    symbols = list(dict.fromkeys(one.args[0] for one in choices))
    for symbol in symbols:
        if symbol not in signed:
            raise InputError(
                f"the sign of {symbol}",
                why="only the sign of one entry of a vector or covector is known to take both values",
                cure="write the update with signs of single entries",
            )
    if len(symbols) > MOST_SIGNS:
        raise InputError(
            f"signs of {len(symbols)} entries",
            why=f"each pattern of signs is a case of its own, and more than {2**MOST_SIGNS} are not looked at",
            cure=f"take at most {MOST_SIGNS} coordinates; what holds for all sizes shows at small ones",
        )
    cases = []
    for pattern in product((-1, 1), repeat=len(symbols)):
        chosen = dict(zip(symbols, pattern, strict=True))
        values = {one: chosen[one.args[0]] * (1 if isinstance(one, sp.sign) else one.args[0]) for one in choices}
        cases.append(_without_roots(formula.xreplace(values), frozenset(variable)))
    return cases


def _without_roots(formula: sp.Matrix, variable: frozenset[sp.Symbol]) -> Radicals:
    """The formula with a symbol for each square root."""
    squares: dict[sp.Symbol, sp.Expr] = {}
    by_base: dict[Any, sp.Symbol] = {}
    values = {}
    for power in sorted(formula.atoms(sp.Pow), key=str):
        base, exponent = power.args
        if exponent.is_Integer:
            continue
        if not (exponent.is_Rational and exponent.q == 2) or not base.is_rational_function():
            raise InputError(
                f"the term {power}",
                why="the exact test knows rational functions and square roots of rational functions",
                cure="use the tests by numbers: `trajectory` and `lie_algebra`",
            )
        base = sp.together(base)
        if base not in by_base:
            by_base[base] = sp.Symbol(f"root_{len(by_base)}", positive=True)
            squares[by_base[base]] = base
        values[power] = by_base[base] ** exponent.p
    _require_independent(tuple(squares.values()), variable)
    return Radicals(formula=formula.xreplace(values), squares=squares)


def _require_independent(squares: Sequence[sp.Expr], variable: frozenset[sp.Symbol]) -> None:
    """Refuse roots of which a product is rational in the data: their monomials would not be independent.

    Factors without data do not count, since the unknown X may contain roots of numbers and of constants.
    """
    factors: list[dict[Any, int]] = []
    for square in squares:
        numerator, denominator = sp.fraction(sp.together(square))
        odd: dict[Any, int] = {}
        for part in (numerator, denominator):
            for factor, multiplicity in sp.factor_list(part)[1]:
                if factor.free_symbols & variable:
                    odd[factor] = odd.get(factor, 0) + multiplicity
        if any(multiplicity and multiplicity % 2 == 0 for multiplicity in odd.values()):
            raise InputError(
                f"the square root of {square}",
                why="it holds the square of a factor, whose root is an absolute value that has a kink",
                cure="take the square out of the root",
            )
        factors.append({factor: 1 for factor, multiplicity in odd.items() if multiplicity % 2})
    names = list(dict.fromkeys(factor for one in factors for factor in one))
    table = sp.polys.matrices.DomainMatrix(
        [[sp.GF(2)(one.get(name, 0)) for name in names] for one in factors], (len(factors), len(names)), sp.GF(2)
    )
    if factors and (not names or table.rank() < len(factors)):
        raise InputError(
            "the square roots of the update",
            why="one of them is constant or a product of some is rational, so they are not independent of each other",
            cure="write it with fewer roots, and a symbol for the root of a constant",
        )
