"""Exact expansion: nodes as quotients of polynomials over Q in symbols and atoms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

from flint import Ordering, fmpq, fmpq_mpoly_ctx

from symmetries.scalar import Atom, Constant, Index, Product, ScalarGraph, Sum

Poly: TypeAlias = Any
Denominator: TypeAlias = dict[Index, int]

DEFAULT_TERM_LIMIT = 200_000


class ExpansionTooLarge(Exception):
    """An expansion went past its limit of terms; the caller answers "undecided"."""


@final
@dataclass(frozen=True)
class Quotient:
    """numerator / product of inverted nodes ** exponents."""

    numerator: Poly
    denominator: Denominator = field(default_factory=dict)


@final
class Expander:
    """Expands nodes of a graph; nodes in ``opaque`` are kept as indeterminates.

    Parameters
    ----------
    graph: the graph.
    roots: the nodes that are going to be expanded.
    opaque: nodes treated as indeterminates, beside symbols and atoms.
    term_limit: most terms of a polynomial before :class:`ExpansionTooLarge` is raised.
    """

    def __init__(
        self,
        graph: ScalarGraph,
        roots: Iterable[Index],
        *,
        opaque: frozenset[Index] = frozenset(),
        term_limit: int = DEFAULT_TERM_LIMIT,
    ) -> None:
        self.graph = graph
        self.term_limit = term_limit
        needed = list(roots)
        while True:  # the argument of an absolute value or a root is needed when its powers are reduced
            self.order = _reachable(graph, needed, opaque)
            leaves = [node for node in self.order if node in opaque or not _is_rational(graph, node)]
            self._relations = {node: graph.entries[node] for node in leaves if _has_relation(graph, node, opaque)}
            arguments = {entry.argument for entry in self._relations.values() if isinstance(entry, Atom)}
            if arguments <= set(self.order):
                break
            needed = [*self.order, *sorted(arguments - set(self.order))]
        self.leaves = leaves
        self.context = fmpq_mpoly_ctx.get([f"v{node}" for node in leaves] or ["v"], Ordering.degrevlex)
        generators = self.context.gens()
        self._values: dict[Index, Quotient] = {node: Quotient(generators[k]) for k, node in enumerate(leaves)}
        self._position = {node: k for k, node in enumerate(leaves)}
        self._dividers: dict[Index, Poly] = {}

    def quotient(self, root: Index) -> Quotient:
        """The node as a quotient, powers of roots and absolute values reduced."""
        value = self._values.get(root)
        if value is None:
            for node in _reachable(self.graph, [root], frozenset(self._values)):
                if node not in self._values:
                    self._values[node] = self._expand(node)
            value = self._values[root]
        return self._reduce(value)

    def is_zero(self, root: Index) -> bool:
        """Whether the node is zero as a rational function of its atoms, modulo their algebraic relations.

        A fraction 0/D says nothing where D vanishes, so D must not vanish on an open set, as x + abs(x) does.
        """
        value = self.quotient(root)
        if value.numerator != 0:
            return False
        if any(self._vanishes_openly(self._dividers[node]) for node in value.denominator):
            raise ExpansionTooLarge
        return True

    def _vanishes_openly(self, polynomial: Poly) -> bool:
        """Whether the norm of a polynomial over its absolute values and the roots of such is zero (or not computed)."""
        for node in sorted(self._relations, reverse=True):
            polynomial = self._reduce(Quotient(polynomial)).numerator
            entry, position = self._relations[node], self._position[node]
            assert isinstance(entry, Atom)
            if polynomial == 0 or polynomial.degrees()[position] == 0:
                continue
            if entry.kind == "root":
                if not any(_is_branching(self.graph, inner) for inner in self.graph.atoms([entry.argument])):
                    continue
                if entry.degree != 2:
                    return True
            terms = polynomial.to_dict().items()
            conjugate = {exponents: -value if exponents[position] else value for exponents, value in terms}
            self._check(polynomial, polynomial)
            polynomial = polynomial * self.context.from_dict(conjugate)
        return bool(self._reduce(Quotient(polynomial)).numerator == 0)

    def factors(self, root: Index) -> list[tuple[Poly, int]]:
        """The irreducible factors of a node with their exponents, negative below the line; its number is dropped."""
        value = self.quotient(root)
        parts = [(value.numerator, 1)] + [(self._dividers[node], -power) for node, power in value.denominator.items()]
        return [(piece, sign * int(power)) for part, sign in parts for piece, power in part.factor()[1]]

    def _expand(self, node: Index) -> Quotient:
        entry = self.graph.entries[node]
        if isinstance(entry, Constant):
            return Quotient(self.context.constant(entry.value))
        if isinstance(entry, Sum):
            return self._sum(entry)
        assert isinstance(entry, Product)
        return self._product(entry)

    def _sum(self, entry: Sum) -> Quotient:
        parts = [(self._values[node], coefficient) for node, coefficient in entry.terms]
        common: Denominator = {}
        for part, _ in parts:
            for node, exponent in part.denominator.items():
                common[node] = max(common.get(node, 0), exponent)
        total = self._scale_to(Quotient(self.context.constant(entry.constant)), common)
        for part, coefficient in parts:
            total += self._scale_to(part, common) * coefficient
        self._check(total)
        return Quotient(total, common)

    def _scale_to(self, part: Quotient, common: Denominator) -> Poly:
        numerator = part.numerator
        for node, exponent in common.items():
            missing = exponent - part.denominator.get(node, 0)
            if missing:
                self._check(numerator, self._dividers[node])
                numerator = numerator * self._dividers[node] ** missing
        return numerator

    def _product(self, entry: Product) -> Quotient:
        numerator = self.context.constant(1)
        denominator: Denominator = {}
        for node, exponent in entry.powers:
            part = self._reduce(self._values[node])
            if exponent > 0:
                for _ in range(exponent):
                    self._check(numerator, part.numerator)
                    numerator = numerator * part.numerator
                up, down = {}, {inner: power * exponent for inner, power in part.denominator.items()}
            else:
                self._dividers[node] = part.numerator
                up = {inner: power * -exponent for inner, power in part.denominator.items()}
                down = {node: -exponent}
            for inner, power in down.items():
                denominator[inner] = denominator.get(inner, 0) + power
            for inner, power in up.items():
                denominator[inner] = denominator.get(inner, 0) - power
        for node in [node for node, power in denominator.items() if power < 0]:
            numerator = numerator * self._dividers[node] ** -denominator[node]
        return Quotient(numerator, {node: power for node, power in denominator.items() if power > 0})

    def _reduce(self, value: Quotient) -> Quotient:
        """Replace g**degree by the argument for every root g, g**2 by the argument squared for absolute values."""
        for node, entry in self._relations.items():
            assert isinstance(entry, Atom)
            degree = entry.degree if entry.kind == "root" else 2
            position = self._position[node]
            if value.numerator.degrees()[position] >= degree:
                value = self._reduce_one(value, node, entry, degree, position)
        return value

    def _reduce_one(self, value: Quotient, node: Index, entry: Atom, degree: int, position: int) -> Quotient:
        base = self.quotient(entry.argument)
        step = 2 if entry.kind == "abs" else 1
        layers: dict[int, dict[tuple[int, ...], fmpq]] = {}
        for monomial, coefficient in value.numerator.to_dict().items():
            whole, rest = divmod(monomial[position], degree)
            layers.setdefault(whole, {})[(*monomial[:position], rest, *monomial[position + 1 :])] = coefficient
        most = max(layers)
        bottom = self.context.constant(1)
        for inner, power in base.denominator.items():
            bottom *= self._dividers[inner] ** power
        total = self.context.constant(0)
        for whole, terms in layers.items():
            total += (
                self.context.from_dict(terms) * base.numerator ** (step * whole) * bottom ** (step * (most - whole))
            )
        self._check(total)
        denominator = dict(value.denominator)
        for inner, power in base.denominator.items():
            denominator[inner] = denominator.get(inner, 0) + power * step * most
        return self._reduce(Quotient(total, denominator))

    def _check(self, *polynomials: Poly) -> None:
        size = 1
        for polynomial in polynomials:
            size *= max(1, len(polynomial))
        if size > self.term_limit:
            raise ExpansionTooLarge


def _reachable(graph: ScalarGraph, roots: Iterable[Index], closed: frozenset[Index]) -> list[Index]:
    seen: set[Index] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if node not in closed and _is_rational(graph, node):
                stack.extend(graph.children(node))
    return sorted(seen)


def _is_rational(graph: ScalarGraph, node: Index) -> bool:
    return isinstance(graph.entries[node], Constant | Sum | Product)


def _is_branching(graph: ScalarGraph, node: Index) -> bool:
    entry = graph.entries[node]
    return isinstance(entry, Atom) and entry.kind in {"abs", "sign"}


def _has_relation(graph: ScalarGraph, node: Index, opaque: frozenset[Index]) -> bool:
    entry = graph.entries[node]
    return node not in opaque and isinstance(entry, Atom) and entry.kind in {"root", "abs"}


def to_node(graph: ScalarGraph, polynomial: Poly, leaves: list[Index]) -> Index:
    """A polynomial as a node again."""
    return graph.linear(
        (graph.product((leaves[k], exponent) for k, exponent in enumerate(monomial) if exponent), coefficient)
        for monomial, coefficient in polynomial.to_dict().items()
    )


def square_free_factors(graph: ScalarGraph, node: Index, *, limit: int = 2_000) -> tuple[fmpq, Mapping[Index, int]]:
    """A sum as number * product of powers of square-free factors; left whole when it is large or not polynomial."""
    if not isinstance(graph.entries[node], Sum):
        return fmpq(1), {node: 1}
    expander = Expander(graph, [node], term_limit=limit)
    try:
        value = expander.quotient(node)
    except ExpansionTooLarge:
        return fmpq(1), {node: 1}
    if value.denominator or value.numerator == 0:
        return fmpq(1), {node: 1}
    content, pieces = value.numerator.factor_squarefree()
    if all(exponent == 1 for _, exponent in pieces):
        return fmpq(1), {node: 1}
    split: dict[Index, int] = {}
    for piece, exponent in pieces:
        number, part = graph.primitive(to_node(graph, piece, expander.leaves))
        content *= number ** int(exponent)
        split[part] = split.get(part, 0) + int(exponent)
    return fmpq(content), split


def is_square_free(graph: ScalarGraph, node: Index, *, limit: int = 20_000) -> bool:
    """Whether a node is a polynomial without a repeated factor; False when it is large or not polynomial."""
    expander = Expander(graph, [node], term_limit=limit)
    try:
        value = expander.quotient(node)
    except ExpansionTooLarge:
        return False
    if value.denominator or value.numerator == 0:
        return False
    return all(exponent == 1 for _, exponent in value.numerator.factor_squarefree()[1])
