r"""Scalar expressions in normal form: a hash-consed graph of sums, products and atoms.

A sum is a constant plus a linear combination of other nodes; a product is a power product of other nodes; an *atom*
is a function that is not rational, such as exp(u) or \|u\|.  Equal normal forms are the same node, so like terms
cancel as the graph is built, and much of what has to be proved zero *is* the node zero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias, final

from flint import fmpq

from manifolds.errors import InputError

Index: TypeAlias = int
Powers: TypeAlias = tuple[tuple[Index, int], ...]
Terms: TypeAlias = tuple[tuple[Index, fmpq], ...]

ONE, ZERO = fmpq(1), fmpq(0)
FLATTEN_LIMIT = 512


class Constant(NamedTuple):
    """A rational number."""

    value: fmpq


class Symbol(NamedTuple):
    """A parameter entry, a datum or a structural constant."""

    name: str


class Sum(NamedTuple):
    """constant + sum of coefficient * node, nodes ascending."""

    constant: fmpq
    terms: Terms


class Product(NamedTuple):
    """Product of node ** exponent, nodes ascending, exponents nonzero integers."""

    powers: Powers


class Atom(NamedTuple):
    """A function that is not rational, of one node; ``degree`` is the q of a q-th root, or the value of a sign at 0.

    Kinds: exp, log (of the absolute value), tanh, tan_half (tan(u/2)), abs, root, normal_cdf, normal_pdf, atan, sign,
        pi.
    """

    kind: str
    argument: Index
    degree: int = 0


Entry: TypeAlias = Constant | Symbol | Sum | Product | Atom


@final
class ScalarGraph:
    """A growing graph of scalar expressions in normal form; nodes are named by their index."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._index: dict[Any, Index] = {}
        self._nonnegative: dict[Index, bool] = {}
        self._steady: list[bool] = []
        self.positive: set[Index] = set()
        self._assumed: set[Index] = set()
        self._on_domain: set[Index] = set()
        self.zero = self.constant(ZERO)
        self.one = self.constant(ONE)

    def __len__(self) -> int:
        return len(self.entries)

    def _intern(self, entry: Entry) -> Index:
        key = (type(entry), *entry)
        found = self._index.get(key)
        if found is None:
            found = self._index[key] = len(self.entries)
            self.entries.append(entry)
            self._steady.append(not isinstance(entry, Symbol) and all(self._steady[k] for k in self.children(found)))
        return found

    def is_number(self, node: Index) -> bool:
        """Whether the node has no symbols below it."""
        return self._steady[node]

    # leaves

    def constant(self, value: fmpq | int) -> Index:
        """Node of a rational number."""
        return self._intern(Constant(fmpq(value)))

    def symbol(self, name: str) -> Index:
        """Node of a symbol."""
        return self._intern(Symbol(name))

    def value_of(self, node: Index) -> fmpq | None:
        """The number that a node is, or None."""
        entry = self.entries[node]
        return entry.value if isinstance(entry, Constant) else None

    # sums

    def scaled(self, node: Index) -> tuple[fmpq, Index]:
        """The node as coefficient * node with coefficient 1 inside."""
        entry = self.entries[node]
        if isinstance(entry, Constant):
            return entry.value, self.one
        if isinstance(entry, Sum) and entry.constant == 0 and len(entry.terms) == 1:
            return entry.terms[0][1], entry.terms[0][0]
        return ONE, node

    def linear(self, terms: Iterable[tuple[Index, fmpq | int]], constant: fmpq | int = 0) -> Index:
        """Normal form of constant + sum of coefficient * node."""
        total = fmpq(constant)
        collected: dict[Index, fmpq] = {}
        for node, coefficient in terms:
            entry = self.entries[node]
            if isinstance(entry, Constant):
                total += coefficient * entry.value
            elif isinstance(entry, Sum) and len(entry.terms) <= FLATTEN_LIMIT:
                total += coefficient * entry.constant
                for inner, factor in entry.terms:
                    collected[inner] = collected.get(inner, ZERO) + coefficient * factor
            else:
                collected[node] = collected.get(node, ZERO) + coefficient
        kept = sorted((node, coefficient) for node, coefficient in collected.items() if coefficient != 0)
        if not kept:
            return self.constant(total)
        if len(kept) == 1 and total == 0 and kept[0][1] == 1:
            return kept[0][0]
        return self._intern(Sum(total, tuple(kept)))

    def add(self, *nodes: Index) -> Index:
        """Sum of nodes."""
        return self.linear((node, ONE) for node in nodes)

    def scale(self, node: Index, coefficient: fmpq | int) -> Index:
        """coefficient * node."""
        return self.linear(((node, fmpq(coefficient)),))

    def subtract(self, left: Index, right: Index) -> Index:
        """left - right."""
        return self.linear(((left, ONE), (right, -ONE)))

    # products

    def primitive(self, node: Index) -> tuple[fmpq, Index]:
        """coefficient * node with a primitive integer sum of positive first coefficient inside."""
        entry = self.entries[node]
        if not isinstance(entry, Sum):
            return self.scaled(node)
        numbers = [coefficient for _, coefficient in entry.terms]
        content = _content([*numbers, entry.constant] if entry.constant != 0 else numbers)
        if numbers[0] < 0:
            content = -content
        if content == 1:
            return ONE, node
        return content, self.linear(
            [(inner, value / content) for inner, value in entry.terms], entry.constant / content
        )

    def product(self, factors: Iterable[tuple[Index, int]], coefficient: fmpq | int = 1) -> Index:
        """Normal form of coefficient * product of node ** exponent."""
        total = fmpq(coefficient)
        powers: dict[Index, int] = {}
        pending = list(factors)
        while pending:
            node, exponent = pending.pop()
            if exponent == 0:
                continue
            entry = self.entries[node]
            if isinstance(entry, Symbol):
                powers[node] = powers.get(node, 0) + exponent
            elif isinstance(entry, Constant):
                if entry.value == 0 and exponent < 0:
                    raise InputError(
                        "a division by 0", why="part of the loss is 1/0 everywhere", cure="check the denominators"
                    )
                total *= entry.value**exponent
            elif isinstance(entry, Sum):
                content, inner = self.primitive(node)
                total *= content**exponent
                if isinstance(self.entries[inner], Sum):
                    powers[inner] = powers.get(inner, 0) + exponent
                else:
                    pending.append((inner, exponent))
            elif isinstance(entry, Product):
                pending.extend((inner, power * exponent) for inner, power in entry.powers)
            else:
                powers[node] = powers.get(node, 0) + exponent
                pending.extend(self._reduced(node, entry, powers))
        if total == 0:
            return self.zero
        kept = tuple(sorted((node, exponent) for node, exponent in powers.items() if exponent))
        if not kept:
            return self.constant(total)
        node = kept[0][0] if len(kept) == 1 and kept[0][1] == 1 else self._intern(Product(kept))
        return node if total == 1 else self.linear(((node, total),))

    def _reduced(self, node: Index, entry: Atom, powers: dict[Index, int]) -> list[tuple[Index, int]]:
        """Keep the exponents of roots below their degree, of absolute values in {0, 1}."""
        degree = {"root": entry.degree, "abs": 2}.get(entry.kind, 0)
        exponent = powers[node]
        if not degree or 0 <= exponent < degree:
            return []
        whole, powers[node] = divmod(exponent, degree)
        return [(entry.argument, whole * (2 if entry.kind == "abs" else 1))]

    def multiply(self, *nodes: Index) -> Index:
        """Product of nodes."""
        return self.product((node, 1) for node in nodes)

    def power(self, node: Index, exponent: int) -> Index:
        """node ** exponent for an integer exponent."""
        return self.product(((node, exponent),))

    def divide(self, left: Index, right: Index) -> Index:
        """left / right."""
        return self.product(((left, 1), (right, -1)))

    # signs

    def is_nonnegative(self, node: Index) -> bool:
        """Whether the node is visibly >= 0 on the whole domain (False when unknown)."""
        known = self._nonnegative.get(node)
        if known is None:
            known = node in self.positive or node in self._assumed or self._visibly_nonnegative(self.entries[node])
            self._nonnegative[node] = known
        return known

    def assume_nonnegative(self, node: Index, *, strictly: bool) -> None:
        """Take a node to be >= 0 (> 0) from now on, since the loss has no value elsewhere."""
        (self.positive if strictly else self._assumed).add(node)
        self._on_domain.add(node)
        self._nonnegative.clear()

    @contextmanager
    def without_domain(self, *, but: Collection[Index] = ()) -> Iterator[None]:
        """Signs as they are off the domain too, except those of some nodes."""
        known = self.positive, self._assumed, self._nonnegative
        dropped = self._on_domain.difference(but)
        self.positive, self._assumed, self._nonnegative = known[0] - dropped, known[1] - dropped, {}
        try:
            yield
        finally:
            self.positive, self._assumed, self._nonnegative = known

    @property
    def on_domain(self) -> frozenset[Index]:
        """What is taken to be >= 0 because the loss has no value elsewhere."""
        return frozenset(self._on_domain)

    def _visibly_nonnegative(self, entry: Entry) -> bool:
        if isinstance(entry, Constant):
            return bool(entry.value >= 0)
        if isinstance(entry, Sum):
            return self._least(entry) is not None
        if isinstance(entry, Product):
            return all(exponent % 2 == 0 or self.is_nonnegative(node) for node, exponent in entry.powers)
        return isinstance(entry, Atom) and entry.kind in {"exp", "abs", "root", "normal_cdf", "normal_pdf", "pi"}

    def is_positive(self, node: Index) -> bool:
        """Whether the node is visibly > 0 on the whole domain (False when unknown)."""
        entry = self.entries[node]
        if node in self.positive:
            return True
        if isinstance(entry, Constant):
            return bool(entry.value > 0)
        if isinstance(entry, Sum):
            least = self._least(entry)
            return least is not None and bool(least > 0 or least < entry.constant)
        if isinstance(entry, Product):
            return all(self.is_positive(inner) for inner, _ in entry.powers)
        return isinstance(entry, Atom) and entry.kind in {"exp", "normal_cdf", "normal_pdf", "pi"}

    def _least(self, entry: Sum) -> fmpq | None:
        """A lower bound >= 0 of a sum, None when none is seen; tanh lies strictly between -1 and 1."""
        bound = entry.constant
        for node, coefficient in entry.terms:
            inside = self.entries[node]
            if isinstance(inside, Atom) and inside.kind == "tanh":
                bound -= abs(coefficient)
            elif coefficient < 0 or not self.is_nonnegative(node):
                return None
        return bound if bound >= 0 else None

    # atoms, raw: symmetries.atoms puts their arguments in normal form first

    def atom(self, kind: str, argument: Index, degree: int = 0) -> Index:
        """Atom as it stands."""
        return self._intern(Atom(kind, argument, degree))

    def children(self, node: Index) -> tuple[Index, ...]:
        """The nodes that a node is made of."""
        entry = self.entries[node]
        if isinstance(entry, Sum):
            return tuple(inner for inner, _ in entry.terms)
        if isinstance(entry, Product):
            return tuple(inner for inner, _ in entry.powers)
        if isinstance(entry, Atom) and entry.kind != "pi":
            return (entry.argument,)
        return ()

    def reachable(self, roots: Iterable[Index]) -> list[Index]:
        """Every node below the roots, ascending: arguments come before what is made of them."""
        seen: set[Index] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(self.children(node))
        return sorted(seen)

    def atoms(self, roots: Iterable[Index]) -> list[Index]:
        """The atoms below the roots, ascending."""
        return [node for node in self.reachable(roots) if isinstance(self.entries[node], Atom)]

    def symbols(self, roots: Iterable[Index]) -> list[Index]:
        """The symbols below the roots, ascending."""
        return [node for node in self.reachable(roots) if isinstance(self.entries[node], Symbol)]


def _content(numbers: list[fmpq]) -> fmpq:
    """Positive greatest common divisor of rationals."""
    content = ZERO
    for value in numbers:
        if value != 0:
            content = abs(value) if content == 0 else content.gcd(value)
            if content == 1:
                break
    return abs(content)
