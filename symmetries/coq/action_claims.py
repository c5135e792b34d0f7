"""The proof that a finite action leaves an exported loss unchanged: u(g_t theta) = s u(theta) for inner expressions u.

The scale s is a power of an exponential of the time, and 1 for an invariant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from symmetries.coq import polynomial as polynomials
from symmetries.coq.claims import Expansion, Mode
from symmetries.coq.layout import Layout
from symmetries.coq.polynomial import Cofactors, Poly, TooLarge
from symmetries.coq.relative import finite_values, values_at
from symmetries.coq.terms import ATOMS, Key

LARGEST_POWER = 6
SCALED = frozenset({"max0", "min0", "max", "min", "abs", "inv", "sqrt"})
"""Atoms f with f(s u) a multiple of f(u)."""


@final
@dataclass(frozen=True)
class Scaling:
    """u(g_t theta) = s u(theta) for a named term u, and how it is proved.

    Parameters
    ----------
    key: the term u.
    exponent: the power s of the exponential of the time.
    opened: terms without such an equation that are written out on both sides, outermost first.
    values: other terms that are written out, outermost first.
    used: terms whose own equation is used.
    cofactors: relations between atoms that it needs; None for an atom, which follows from a lemma.
    """

    key: Key
    exponent: int
    opened: tuple[Key, ...] = ()
    values: tuple[Key, ...] = ()
    used: tuple[Key, ...] = ()
    cofactors: Cofactors | None = None


@final
class ActionProver:
    """Finds the equations of the inner expressions of a loss under an action.

    Parameters
    ----------
    layout: the loss and the components.
    components: the components of the action by entry.
    growing: the exponential of the time in whose powers the scales are, None when there is none.
    """

    def __init__(self, layout: Layout, components: Mapping[str, Key], growing: Key | None) -> None:
        self.layout = layout
        self.components = components
        self.growing = growing
        self.known: dict[Key, int] = {}
        self.inner = [key for key in layout.pool.below([layout.root]) if key in layout.names and key in layout.moves]

    def scale(self, exponent: int) -> Key:
        """The scale as a term."""
        pool = self.layout.pool
        if exponent == 0 or self.growing is None:
            return pool.number(1)
        base = self.growing if exponent > 0 else shrinking(self.layout, self.growing)
        key = base if abs(exponent) == 1 else pool.make("pow", [base], abs(exponent))
        self.layout.look()
        return key

    def prove(self) -> list[Scaling] | None:
        """The equations, arguments first; None where no proof is found."""
        guesses = self._guesses()
        found: dict[Key, Scaling] = {}
        for key in self.inner:
            if key not in guesses:
                continue
            scaling = self._atom(key) if self.layout.pool[key].operation in ATOMS else self._sum(key, guesses[key])
            if scaling is not None and scaling.exponent == guesses[key]:
                self.known[key] = scaling.exponent
                found[key] = scaling
        if self.known.get(self.layout.root) != 0:
            return None
        needed = {self.layout.root}
        for key in sorted(found, reverse=True):
            if key in needed:
                needed |= set(found[key].used)
        return [found[key] for key in self.inner if key in needed]

    def _guesses(self) -> dict[Key, int]:
        """Exponents that fit at a few points."""
        pool, layout = self.layout.pool, self.layout
        keys = pool.below([*layout.keys, *self.components.values()])
        values = finite_values(pool, keys, np.random.default_rng(0), small=layout.time)
        if values is None:
            return {}
        point = {str(pool[key].payload): values[key] for key in keys if pool[key].operation == "symbol"}
        moved = values_at(pool, keys, point | {entry: values[k] for entry, k in self.components.items()})
        base = values[self.growing] if self.growing is not None else None
        guesses: dict[Key, int] = {}
        for key in self.inner:
            before, after = values[key], moved[key]
            used = np.abs(before) > 1e-6
            if not used.any():
                guesses[key] = 0
                continue
            for exponent in sorted(range(-LARGEST_POWER, LARGEST_POWER + 1), key=abs):
                if base is None and exponent:
                    break
                scaled = before if base is None else before * base**exponent
                if np.all(np.abs(after - scaled) <= 1e-8 * (1 + np.abs(before) + np.abs(after))):
                    guesses[key] = exponent
                    break
        return guesses

    def entry_exponent(self, key: Key) -> int | None:
        """The exponent of an entry that the action scales."""
        component = self.components.get(str(self.layout.pool[key].payload))
        if component is None:
            return 0
        for exponent in range(-LARGEST_POWER, LARGEST_POWER + 1):
            expansion = Expansion(self.layout, {}, {}, "open")
            wanted = polynomials.multiply(expansion.value(self.scale(exponent)), expansion.value(key))
            if polynomials.add(expansion.value(component), wanted, -1) == {}:
                return exponent
        return None

    def argument_exponent(self, key: Key) -> int | None:
        """The exponent of the argument of an atom."""
        if key not in self.layout.moves:
            return 0
        if self.layout.pool[key].operation == "symbol":
            return self.entry_exponent(key)
        return self.known.get(key)

    def _atom(self, key: Key) -> Scaling | None:
        term = self.layout.pool[key]
        exponents = {self.argument_exponent(inner) for inner in term.arguments if self.layout.pool.value(inner) != 0}
        exponent = exponents.pop() if len(exponents) == 1 else None
        if exponent is None or (exponent and term.operation not in SCALED):
            return None
        if exponent and any(not self._has_lemma(inner) for inner in term.arguments):
            return None
        if term.operation == "sqrt" and exponent % 2:
            return None
        used = tuple(inner for inner in term.arguments if inner in self.known)
        result = {"inv": -exponent, "sqrt": exponent // 2}.get(term.operation, exponent)
        return Scaling(key, result, used=used)

    def _has_lemma(self, key: Key) -> bool:
        return key in self.known or self.layout.pool[key].operation == "symbol"

    def _sum(self, key: Key, exponent: int) -> Scaling | None:
        modes: tuple[Mode, Mode] = ("cut", "open")
        for mode in modes:
            try:
                found = self._sum_in(key, exponent, mode)
            except (TooLarge, _NoValue):
                continue
            if found is not None:
                return found
        return None

    def _sum_in(self, key: Key, exponent: int, mode: Mode) -> Scaling | None:
        closed = dict.fromkeys(self.known, Fraction(0))
        moved = _Moved(self, Expansion(self.layout, {}, closed, mode))
        before = moved.expansion
        scale = before.value(self.scale(exponent))
        difference = polynomials.add(moved.opened(key), polynomials.multiply(scale, before.opened(key)), -1)
        cofactors = polynomials.cofactors(difference, before.relations(difference)) if difference else []
        if cofactors is None:
            return None
        opened = {key, *moved.open_terms}
        values = set(before.values) - opened
        first, second, third = (tuple(sorted(part, reverse=True)) for part in (opened, values, moved.used))
        return Scaling(key, exponent, first, second, third, cofactors)


class _NoValue(Exception):
    """A term at the moved point is no polynomial in what is known at the point."""


@final
class _Moved:
    """Values of terms at the moved point, as polynomials in values at the point."""

    def __init__(self, prover: ActionProver, expansion: Expansion) -> None:
        self.prover = prover
        self.expansion = expansion
        self.open_terms: set[Key] = set()
        self.used: set[Key] = set()

    def value(self, key: Key) -> Poly:
        """A term at the moved point."""
        prover, layout = self.prover, self.prover.layout
        if key not in layout.moves:
            return self.expansion.value(key)
        term = layout.pool[key]
        if term.operation == "symbol":
            component = prover.components.get(str(term.payload))
            return self.expansion.value(key if component is None else component)
        if key in prover.known:
            self.used.add(key)
            scale = self.expansion.value(prover.scale(prover.known[key]))
            return polynomials.multiply(scale, self.expansion.value(key))
        if term.operation in ATOMS:
            raise _NoValue
        if key in layout.names:
            self.open_terms.add(key)
        return self.opened(key)

    def opened(self, key: Key) -> Poly:
        """A sum, product or power from the moved values of its parts."""
        term = self.prover.layout.pool[key]
        return polynomials.combine(term.operation, term.payload, [self.value(inner) for inner in term.arguments])


def shrinking(layout: Layout, growing: Key) -> Key:
    """The exponential of the opposite argument."""
    pool = layout.pool
    return pool.make("exp", [pool.scale(-1, pool[growing].arguments[0])])
