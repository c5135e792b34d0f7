"""Which terms of an exported loss have a name, and how terms, their derivatives and the proofs of these are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple, final

from symmetries.coq.terms import ATOMS, Key, TermPool

SUM, PRODUCT, TIGHT = 0, 1, 2
"""How tightly a written term must bind."""


class Jet(NamedTuple):
    """The derivative of a term as text, and the proof that it is one."""

    slope: str
    proof: str


@final
class Layout:
    """Names of terms and their text.

    Parameters
    ----------
    pool: the terms.
    root: the loss.
    extra: other terms that are written, such as the components of the fields.
    identifiers: identifier of each entry.
    moving: entries that a field may move.
    time: the time of an action, where there is one.
    """

    def __init__(
        self,
        pool: TermPool,
        root: Key,
        extra: Iterable[Key],
        identifiers: Mapping[str, str],
        moving: Iterable[str],
        *,
        time: str = "",
    ) -> None:
        self.pool = pool
        self.root = root
        self.identifiers = identifiers
        self.parameters = frozenset(moving)
        self.time = time
        self.keys = pool.closure([root, *extra])
        self.moves: set[Key] = set()
        self.fixed: set[Key] = set()
        self.timed: set[Key] = set()
        self._seen = 0
        self.look()
        symbols = [str(pool[key].payload) for key in self.keys if pool[key].operation == "symbol"]
        symbols = [entry for entry in symbols if entry != time or not time]
        self.has_given = any(entry not in self.parameters for entry in symbols)
        self.given = [entry for entry in identifiers if entry in set(symbols) - self.parameters]
        self.names: dict[Key, str] = {}
        for key in self._named():
            self.names[key] = "L" if key == root else f"n{len(self.names) + (root not in self.names)}"

    def look(self) -> None:
        """Note which terms depend on parameters, and which on data, for all terms that are new in the pool."""
        for key in range(self._seen, len(self.pool.terms)):
            term = self.pool[key]
            if term.operation == "symbol":
                timed = self.time and term.payload == self.time
                group = self.moves if term.payload in self.parameters else self.timed if timed else self.fixed
                group.add(key)
            if any(inner in self.timed for inner in term.arguments):
                self.timed.add(key)
            if any(inner in self.moves for inner in term.arguments):
                self.moves.add(key)
            if any(inner in self.fixed for inner in term.arguments):
                self.fixed.add(key)
        self._seen = len(self.pool.terms)

    def _named(self) -> list[Key]:
        pool, named = self.pool, {self.root}
        uses: dict[Key, int] = {}
        for key in pool.below([self.root]):
            for inner in set(pool[key].arguments):
                uses[inner] = uses.get(inner, 0) + 1
        for key in self.keys:
            term = pool[key]
            if term.operation in ATOMS:
                named.add(key)
                named.update(inner for inner in term.arguments if not self.is_leaf(inner))
            elif term.operation == "pow":
                named.update(inner for inner in term.arguments if not self.is_leaf(inner))
            if term.operation in {"add", "mul", "pow"} and uses.get(key, 0) > 1 and not self._is_short(key):
                named.add(key)
        return sorted(named)

    def is_leaf(self, key: Key) -> bool:
        """Whether a term is a number or a symbol."""
        return self.pool[key].operation in {"number", "symbol", "pi"}

    def _is_short(self, key: Key) -> bool:
        inner = self.pool[key].arguments
        return all(self.is_leaf(k) for k in inner) and sum(self.pool.value(k) is None for k in inner) <= 1

    # text

    def arguments(self, key: Key, theta: str = "theta") -> str:
        """What a named term is applied to."""
        given = " given" if self.has_given and (key in self.moves or key in self.fixed) else ""
        return given + (f" {theta}" if key in self.moves else "") + (" t" if key in self.timed else "")

    @property
    def both(self) -> str:
        """The point and, where there is any, the data."""
        return "given theta" if self.has_given else "theta"

    def binders(self, key: Key) -> str:
        """The arguments of the definition of a named term."""
        given = " (given : Given)" if self.has_given and (key in self.moves or key in self.fixed) else ""
        theta = " (theta : Point)" if key in self.moves else ""
        return given + theta + (" (t : R)" if key in self.timed else "")

    def text(self, key: Key, level: int = SUM) -> str:
        """A term; named ones by their name."""
        if key in self.names:
            inner = self.arguments(key)
            return f"{self.names[key]}{inner}" if level < TIGHT + 1 or not inner else f"({self.names[key]}{inner})"
        return self.body(key, level)

    def body(self, key: Key, level: int = SUM) -> str:
        """A term with its outermost operation written out."""
        pool, term = self.pool, self.pool[key]
        xs = term.arguments
        match term.operation:
            case "number":
                return number_text(pool.value(key) or Fraction(0))
            case "pi":
                return "PI"
            case "symbol":
                entry = str(term.payload)
                if key in self.timed:
                    return "t"
                text = f"{self.identifiers[entry]} {'theta' if entry in self.parameters else 'given'}"
                return text if level <= TIGHT else f"({text})"
            case "add":
                return bracket(self._sum(xs), level > SUM)
            case "sub":
                return bracket(f"{self.text(xs[0], PRODUCT)} - {self.text(xs[1], PRODUCT)}", level > SUM)
            case "mul":
                return bracket(self._product(xs), level > PRODUCT)
            case "pow":
                return bracket(f"{self.text(xs[0], TIGHT + 1)} ^ {term.payload}", level > TIGHT)
            case _:
                return bracket(self._application(key), level > TIGHT)

    def _application(self, key: Key) -> str:
        term = self.pool[key]
        xs = [self.text(inner, TIGHT + 1) for inner in term.arguments]
        match term.operation:
            case "inv":
                return f"/ {xs[0]}"
            case "rpower":
                return f"Rpower {xs[0]} {number_text(Fraction(str(term.payload)))}"
            case "abs":
                return f"Rabs {xs[0]}"
            case "max" | "min":
                return f"R{term.operation} {xs[0]} {xs[1]}"
            case "max0" | "min0":
                return f"R{term.operation[:3]} {xs[0]} 0"
            case _:
                return f"{term.operation} {xs[0]}"

    def split(self, key: Key) -> tuple[bool, Key]:
        """Whether a summand is subtracted, and what is."""
        term = self.pool[key]
        value = self.pool.value(key)
        if value is not None and value < 0 and key not in self.names:
            return True, self.pool.number(-value)
        if term.operation == "mul" and key not in self.names:
            front = self.pool.value(term.arguments[0])
            if front is not None and front < 0:
                rest = self.pool.multiply([self.pool.number(-front), *term.arguments[1:]])
                self.look()
                return True, rest
        return False, key

    def _sum(self, xs: tuple[Key, ...]) -> str:
        text = self.text(xs[0], PRODUCT)
        for inner in xs[1:]:
            negative, rest = self.split(inner)
            text += f" {'-' if negative else '+'} {self.text(rest, PRODUCT)}"
        return text

    def parts(self, xs: tuple[Key, ...]) -> tuple[Key | None, list[Key], list[Key]]:
        """The number in front of a product, its factors that do not move and those that do."""
        front = xs[0] if self.pool.value(xs[0]) is not None else None
        rest = xs[1:] if front is not None else xs
        return front, [k for k in rest if k not in self.moves], [k for k in rest if k in self.moves]

    def _scale(self, front: Key | None, fixed: list[Key]) -> str:
        texts = ([] if front is None else [self.text(front, TIGHT)]) + [self.text(k, TIGHT) for k in fixed]
        return " * ".join(texts)

    def _product(self, xs: tuple[Key, ...]) -> str:
        front, fixed, moving = self.parts(xs)
        rest = " * ".join(self.text(k, TIGHT) for k in moving)
        if not moving:
            return self._scale(front, fixed)
        if front is not None and self.pool.value(front) == -1 and not fixed:
            return f"- {rest}" if len(moving) == 1 else f"- ({rest})"
        if front is None and not fixed:
            return rest
        scale = self._scale(front, fixed)
        return f"{bracket(scale, ' * ' in scale)} * {bracket(rest, len(moving) > 1)}"

    # derivatives

    def slope_name(self, key: Key) -> str:
        """The derivative of a named term along the velocity."""
        return f"F_{self.names[key]} {self.both} velocity"

    def jet(self, key: Key) -> Jet:
        """Derivative and proof of a term that may have a name."""
        term = self.pool[key]
        if key not in self.moves:
            return Jet("0", f"(jet_constant {self.text(key, TIGHT + 1)})")
        if key in self.names:
            return Jet(self.slope_name(key), f"J_{self.names[key]}")
        if term.operation == "symbol":
            name = self.identifiers[str(term.payload)]
            return Jet(f"{name} velocity", f"J_{name}")
        return self.body_jet(key)

    def body_jet(self, key: Key) -> Jet:
        """Derivative and proof of a sum, product or power, from those of its parts."""
        term = self.pool[key]
        if term.operation == "add":
            return self._sum_jet(term.arguments)
        if term.operation == "mul":
            return self._product_jet(term.arguments)
        if term.operation == "sub":
            (left, one), (right, other) = (self.jet(inner) for inner in term.arguments)
            return Jet(f"{tight(left)} - {tight(right)}", f"(jet_sub {one} {other})")
        base = term.arguments[0]
        slope, proof = self.jet(base)
        exponent = int(str(term.payload))
        if exponent == 2:
            return Jet(f"2 * {self.text(base, TIGHT)} * {tight(slope)}", f"(jet_square {proof})")
        below = f"{self.text(base, TIGHT + 1)} ^ {exponent - 1}"
        return Jet(f"{exponent} * {below} * {tight(slope)}", f"(jet_pow {exponent - 1} {proof})")

    def _sum_jet(self, xs: tuple[Key, ...]) -> Jet:
        slope, proof = self.jet(xs[0])
        for inner in xs[1:]:
            negative, rest = self.split(inner)
            other, why = self.jet(rest)
            slope = f"{slope} {'-' if negative else '+'} {tight(other)}"
            proof = f"(jet_{'sub' if negative else 'add'} {proof} {why})"
        return Jet(slope, proof)

    def _product_jet(self, xs: tuple[Key, ...]) -> Jet:
        front, fixed, moving = self.parts(xs)
        slope, proof = self.jet(moving[0])
        text = self.text(moving[0], TIGHT)
        for inner in moving[1:]:
            other, why = self.jet(inner)
            value = self.text(inner, TIGHT)
            slope = f"{tight(slope)} * {value} + {bracket(text, ' * ' in text)} * {tight(other)}"
            proof = f"(jet_mul {proof} {why})"
            text = f"{text} * {value}"
        if front is not None and self.pool.value(front) == -1 and not fixed:
            return Jet(f"- {tight(slope)}", f"(jet_opp {proof})")
        if front is None and not fixed:
            return Jet(slope, proof)
        scale = self._scale(front, fixed)
        return Jet(f"{bracket(scale, ' * ' in scale)} * {tight(slope)}", f"(jet_scale {tight(scale)} {proof})")


def bracket(text: str, when: bool) -> str:
    """The text, in brackets when it must be."""
    return f"({text})" if when else text


def tight(text: str) -> str:
    """The text in brackets unless it is one word."""
    return text if text.isalnum() else f"({text})"


def number_text(value: Fraction) -> str:
    """A rational number of Coq.

    >>> number_text(Fraction(-3, 2)), number_text(Fraction(4))
    ('(-3 / 2)', '4')
    """
    if value.denominator == 1:
        return f"({value})" if value < 0 else str(value)
    return f"({value.numerator} / {value.denominator})"
