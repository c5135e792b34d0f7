"""Scalar expressions for the export to Coq: what the formula says, entry by entry, shared where it is the same.

Unlike :mod:`symmetries.scalar` nothing is brought to a normal form, so that the exported loss reads like the formula.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple, TypeAlias, final

Key: TypeAlias = int
"""Position of a term in its pool."""

ATOMS = frozenset(
    {"inv", "sqrt", "rpower", "exp", "ln", "sin", "cos", "tanh", "atan", "abs", "max0", "min0", "max", "min", "step"}
)
"""Operations that are no polynomials."""

KINKED = frozenset({"abs", "max0", "min0", "max", "min"})
"""Operations with a kink."""


class Term(NamedTuple):
    """One operation on other terms.

    Operations: ``number`` and ``rpower`` (payload: a fraction), ``symbol`` (payload: an entry), ``pi``, ``add``,
    ``sub``, ``mul``, ``pow`` (payload: an exponent of at least 2), and the atoms; ``max0`` is max(u, 0), ``step`` is 1
    for u > 0, else 0.
    """

    operation: str
    arguments: tuple[Key, ...] = ()
    payload: Fraction | str | int | None = None


@final
class TermPool:
    """Terms, each held once, arguments before what is made of them.

    >>> pool = TermPool()
    >>> x = pool.symbol("x")
    >>> pool.add([x, pool.scale(-1, x)]) == pool.add([x, pool.scale(-1, x)])
    True
    """

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self._keys: dict[Term, Key] = {}

    def __getitem__(self, key: Key) -> Term:
        return self.terms[key]

    def make(self, operation: str, arguments: Iterable[Key] = (), payload: Fraction | str | int | None = None) -> Key:
        """The term, made when it is new."""
        term = Term(operation, tuple(arguments), payload)
        key = self._keys.get(term)
        if key is None:
            key = self._keys[term] = len(self.terms)
            self.terms.append(term)
        return key

    def find(self, operation: str, *arguments: Key) -> Key | None:
        """The term where it is there already."""
        return self._keys.get(Term(operation, arguments))

    def number(self, value: Fraction | int) -> Key:
        """A rational number."""
        return self.make("number", (), Fraction(value))

    def symbol(self, entry: str) -> Key:
        """An entry of a parameter, of data, or a constant."""
        return self.make("symbol", (), entry)

    def atom(self, kind: str, *arguments: Key) -> Key:
        """An atom, with the terms that its derivative and its relations speak of: those of lower keys come first."""
        if kind in KINKED:
            self.make("step", [self.kink(kind, arguments)])
        if kind == "sin":
            self.make("cos", arguments)
        key = self.make(kind, arguments)
        match kind:
            case "cos":
                self.make("sin", arguments)
            case "sqrt":
                self.make("inv", [key])
            case "ln":
                self.make("inv", arguments)
            case "atan":
                self.invert(self.one_plus_square(arguments[0]))
        return key

    def one_plus_square(self, key: Key) -> Key:
        """1 + u**2, the denominator of the derivative of atan."""
        return self.make("add", [self.number(1), self._integer_power(key, 2)])

    def kink(self, kind: str, arguments: tuple[Key, ...]) -> Key:
        """The term on whose sign a bent function turns."""
        return self.make("sub", arguments) if kind in {"max", "min"} else arguments[0]

    def value(self, key: Key) -> Fraction | None:
        """The number that a term is, or None."""
        term = self.terms[key]
        return term.payload if term.operation == "number" and isinstance(term.payload, Fraction) else None

    def add(self, parts: Iterable[Key]) -> Key:
        """A sum; numbers are collected at its end."""
        kept, total = [], Fraction(0)
        for part in parts:
            value = self.value(part)
            if value is None:
                kept.append(part)
            else:
                total += value
        if total or not kept:
            kept.append(self.number(total))
        return kept[0] if len(kept) == 1 else self.make("add", kept)

    def multiply(self, parts: Iterable[Key]) -> Key:
        """A product; numbers are collected at its front."""
        kept: list[Key] = []
        total = Fraction(1)
        for part in parts:
            term = self.terms[part]
            inner = term.arguments if term.operation == "mul" else (part,)
            for factor in inner:
                value = self.value(factor)
                if value is None:
                    kept.append(factor)
                else:
                    total *= value
        if total == 0 or not kept:
            return self.number(total)
        if total != 1:
            kept.insert(0, self.number(total))
        return kept[0] if len(kept) == 1 else self.make("mul", kept)

    def scale(self, coefficient: Fraction | int, key: Key) -> Key:
        """A number times a term."""
        return self.multiply([self.number(coefficient), key])

    def subtract(self, left: Key, right: Key) -> Key:
        """A difference."""
        return self.add([left, self.scale(-1, right)])

    def power(self, base: Key, exponent: Fraction) -> Key:
        """A rational power of what is positive, or an integer one."""
        if exponent < 0:
            return self.invert(self.power(base, -exponent))
        if exponent.denominator == 1:
            return self._integer_power(base, exponent.numerator)
        if exponent.denominator == 2:
            whole = self._integer_power(base, exponent.numerator // 2)
            return self.multiply([whole, self.atom("sqrt", base)])
        self.make("inv", [base])
        return self.make("rpower", [base], exponent)

    def _integer_power(self, base: Key, exponent: int) -> Key:
        if exponent == 0:
            return self.number(1)
        if exponent == 1:
            return base
        value = self.value(base)
        return self.make("pow", [base], exponent) if value is None else self.number(value**exponent)

    def invert(self, key: Key) -> Key:
        """1 / x."""
        value = self.value(key)
        return self.number(1 / value) if value else self.make("inv", [key])

    def companions(self, key: Key) -> list[Key]:
        """The terms that the derivative and the relations of an atom speak of, where there are any."""
        kind, xs, _ = self.terms[key]
        match kind:
            case "sin" | "cos":
                others = [Term("cos" if kind == "sin" else "sin", xs)]
            case "sqrt":
                others = [Term("inv", (key,))]
            case "ln" | "rpower":
                others = [Term("inv", xs)]
            case "atan":
                others = [Term("inv", (self.one_plus_square(xs[0]),))]
            case _ if kind in KINKED:
                others = [Term("step", (self.kink(kind, xs),))]
            case _:
                others = []
        return [self._keys[other] for other in others]

    def closure(self, roots: Iterable[Key]) -> list[Key]:
        """Every term below the roots and their companions, ascending."""
        keys = self.below(roots)
        while True:
            more = self.below([*keys, *(other for key in keys for other in self.companions(key))])
            if len(more) == len(keys):
                return keys
            keys = more

    def below(self, roots: Iterable[Key]) -> list[Key]:
        """Every term below the roots, ascending."""
        seen: set[Key] = set()
        stack = list(roots)
        while stack:
            key = stack.pop()
            if key not in seen:
                seen.add(key)
                stack.extend(self.terms[key].arguments)
        return sorted(seen)
