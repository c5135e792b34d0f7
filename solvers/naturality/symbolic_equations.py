r"""Linear equations for the X with :math:`\delta_X U = XU + cU`, from the coefficients of a rational identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import sympy as sp

from manifolds.errors import InputError
from solvers.naturality.symbolic_radicals import Radicals
from solvers.naturality.typed_symbols import TypedSymbols


@final
class Equations:
    """The linear equations for (X, c) of one rational formula.

    Parameters
    ----------
    case: the formula, with its roots.
    types: the data.
    variable: their entries.
    constants: the other symbols.
    """

    def __init__(
        self, case: Radicals, types: Sequence[TypedSymbols], variable: list[sp.Symbol], constants: list[sp.Symbol]
    ) -> None:
        self._types, self._size = types, len(case.formula)
        self._variable, self._constants, self._roots = variable, constants, list(case.squares)
        self._K = sp.QQ.frac_field(*variable, *constants, *self._roots)
        self._squares = [self._element(square) for square in case.squares.values()]
        self._update = [self._element(entry) for entry in case.formula]

    def _element(self, expression: Any) -> Any:
        """An expression as an element of the field of fractions."""
        try:
            return self._K.from_sympy(sp.sympify(expression, strict=True))
        except (sp.polys.polyerrors.CoercionFailed, ValueError) as error:
            raise InputError(
                f"the term {expression}",
                why="the exact test knows rational functions, square roots of them, signs and absolute values",
                cure="use the tests by numbers: `trajectory` and `lie_algebra`",
            ) from error

    def rows(self) -> list[list[Any]]:
        """One row for each component, monomial of the roots and monomial of the data."""
        columns = []
        size, zero = self._size, self._K.zero
        for i in range(size):
            for j in range(size):
                change = self._change(sp.Matrix(size, size, lambda a, b, at=(i, j): int((a, b) == at)))
                columns.append([change[k] - (self._update[j] if k == i else zero) for k in range(size)])
        columns.append([-entry for entry in self._update])
        return [row for k in range(size) for row in self._component([column[k] for column in columns])]

    def _change(self, X: sp.Matrix) -> list[Any]:
        """The variation of the update along X."""
        K = self._K
        moved = dict.fromkeys((*self._variable, *self._constants, *self._roots), K.zero)
        for one in self._types:
            moved |= {symbol: self._element(value) for symbol, value in one.variation(X).items()}
        for root, square in zip(self._roots, self._squares, strict=True):
            moved[root] = self._along(square, moved) / (2 * K.from_sympy(root))
        return [self._along(entry, moved) for entry in self._update]

    def _along(self, entry: Any, moved: Mapping[sp.Symbol, Any]) -> Any:
        """The derivative of an element along a variation of the symbols."""
        total = self._K.zero
        for generator, symbol in zip(self._K.gens, self._K.symbols, strict=True):
            if moved[symbol]:
                total += entry.diff(generator) * moved[symbol]
        return total

    def _component(self, entries: list[Any]) -> list[list[Any]]:
        """The rows of one component: its numerators over one denominator, sorted by monomials."""
        denominator = self._K.field.ring.one
        for entry in entries:
            denominator = denominator.lcm(entry.denom)
        if not any(self._reduced(denominator).values()):
            raise InputError(
                "the update",
                why="a denominator vanishes identically once the square roots are squared",
                cure="write the formula without a division by zero",
            )
        numerators = [entry.numer * denominator.exquo(entry.denom) for entry in entries]
        parts = [self._reduced(numerator) for numerator in numerators]
        rows = []
        for parity in dict.fromkeys(key for part in parts for key in part):
            rows += self._by_monomials([part.get(parity, self._K.zero) for part in parts])
        return rows

    def _reduced(self, polynomial: Any) -> dict[tuple[int, ...], Any]:
        """A polynomial modulo the relations of the roots, by the exponents 0 and 1 of the roots."""
        count = len(self._roots)
        if not count:
            return {(): self._K.field.new(polynomial)}
        parts: dict[tuple[int, ...], Any] = {}
        ring = self._K.field.ring
        for monomial, coefficient in polynomial.terms():
            exponents = monomial[-count:]
            term = self._K.field.new(ring.from_dict({(*monomial[:-count], *([0] * count)): coefficient}))
            for square, exponent in zip(self._squares, exponents, strict=True):
                term *= square ** (exponent // 2)
            parity = tuple(exponent % 2 for exponent in exponents)
            parts[parity] = parts.get(parity, self._K.zero) + term
        return parts

    def _by_monomials(self, entries: list[Any]) -> list[list[Any]]:
        """Rows of the coefficients of the monomials of the data, in the field of the constants."""
        denominator = self._K.field.ring.one
        for entry in entries:
            denominator = denominator.lcm(entry.denom)
        domain = sp.QQ.frac_field(*self._constants) if self._constants else sp.QQ
        ring = domain.field.ring if self._constants else None
        table: dict[tuple[int, ...], list[Any]] = {}
        split, stop = len(self._variable), len(self._variable) + len(self._constants)
        for column, entry in enumerate(entries):
            for monomial, coefficient in (entry.numer * denominator.exquo(entry.denom)).terms():
                row = table.setdefault(monomial[:split], [domain.zero] * len(entries))
                value = coefficient if ring is None else ring.from_dict({monomial[split:stop]: coefficient})
                row[column] += domain.convert(value) if ring is None else domain.field.new(value)
        return list(table.values())
