"""Does a signed permutation leave a loss unchanged?  Exactly where normal forms or expansions decide it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from copy import copy
from fractions import Fraction
from functools import cached_property
from typing import Any, final

import numpy as np

from symmetries import operations
from symmetries.calculus import make_atom
from symmetries.certificate import Claim
from symmetries.counterexample import THRESHOLD, search, search_at
from symmetries.directional import Difference, Point, Quantity, free_shapes
from symmetries.dual import Arithmetic
from symmetries.expand import Expander, ExpansionTooLarge
from symmetries.expression import Node, Shape, number, walk
from symmetries.finite_action import entry_node, moved
from symmetries.identity import is_identically_zero
from symmetries.loss import Loss
from symmetries.natural_domain import lower_loss, restricted
from symmetries.permutations.differing_points import differing_points
from symmetries.permutations.signed_permutation import SignedPermutation
from symmetries.scalar import Atom, Index, ScalarGraph, Sum

SAMPLES = 24
TERM_LIMIT = 20_000
SECONDS = 5.0
IDENTITY_NODES = 4_000
"""Losses with more operations are not compared through relations between their functions."""


@final
class Invariance:
    """A loss in normal form, ready to be compared with its images under signed permutations.

    Parameters
    ----------
    loss: the loss.

    >>> loss = Loss.parse("x**4 + y**4")
    >>> Invariance(loss).claim(SignedPermutation.from_map(loss.entries, {"x": "-y", "y": "x"})).verdict
    'proved'
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.graph = ScalarGraph()
        self.root, self.conditions = lower_loss(self.graph, loss.expression)
        self.coordinates = (*loss.entries, *loss.moving_entries)
        self._nodes = [self.graph.symbol(name) for name in self.coordinates]

    def rewritten(self, root: Index) -> Invariance:
        """The same loss with an equal node of the same graph in the place of its root."""
        other = copy(self)
        other.__dict__.pop("_parents", None)
        other.root = root
        return other

    @cached_property
    def domain(self) -> frozenset[tuple[Index, bool]]:
        """What has to be positive (True) or not negative (False) for the loss to have a value, in normal form."""
        found = set()
        plain = ScalarGraph()  # one that knows nothing of the domain
        entries = zip(
            restricted(self.graph, self.loss.expression), restricted(plain, self.loss.expression), strict=True
        )
        for (entry, strictly), (same, _) in entries:
            free = plain.is_positive(same) if strictly else plain.is_nonnegative(same)
            if not free and not self.graph.is_number(entry):
                found.add((self._direction(entry), strictly))
        return frozenset(found)

    def _direction(self, node: Index) -> Index:
        """A node up to a positive number."""
        content, inner = self.graph.primitive(node)
        return inner if content > 0 else self.graph.scale(inner, -1)

    @cached_property
    def guarded(self) -> bool:
        """Whether the loss has branches, whose conditions may guard a logarithm or a root."""
        return any(node.operation == "where" for node in walk(self.loss.expression))

    @cached_property
    def _parents(self) -> dict[Index, list[Index]]:
        parents: dict[Index, list[Index]] = {}
        roots = [self.root, *(node for node, _ in self.domain)]
        for node in self.graph.reachable(roots):
            for child in self.graph.children(node):
                parents.setdefault(child, []).append(node)
        return parents

    def image(self, permutation: SignedPermutation) -> Mapping[Index, Index]:
        """What the nodes that change become when every coordinate is replaced by its new value."""
        graph = self.graph
        new: dict[Index, Index] = {}
        queue: list[Index] = []
        queued: set[Index] = set()
        for k in permutation.support:
            target, sign = permutation.images[k], permutation.signs[k]
            new[self._nodes[target]] = graph.scale(self._nodes[k], sign)
        pending = list(new)
        while pending or queue:
            for node in pending:
                for parent in self._parents.get(node, ()):
                    if parent not in queued:
                        queued.add(parent)
                        heapq.heappush(queue, parent)
            if not queue:
                break
            node = heapq.heappop(queue)
            value = self._rebuilt(node, new)
            pending = []
            if value != node:
                new[node] = value
                pending = [node]
        return new

    def _rebuilt(self, node: Index, new: Mapping[Index, Index]) -> Index:
        """A node with its arguments replaced, in normal form."""
        graph, entry = self.graph, self.graph.entries[node]
        if isinstance(entry, Atom):
            return make_atom(graph, entry.kind, new.get(entry.argument, entry.argument), entry.degree)
        if isinstance(entry, Sum):
            return graph.linear([(new.get(inner, inner), value) for inner, value in entry.terms], entry.constant)
        return graph.product([(new.get(inner, inner), exponent) for inner, exponent in entry.powers])  # type: ignore[union-attr]

    def keeps_domain(self, new: Mapping[Index, Index]) -> bool:
        """Whether the conditions under which the loss has a value are visibly permuted."""
        touched = [(node, strictly) for node, strictly in self.domain if node in new]
        if not touched:
            return True
        if self.guarded:
            return False
        return {(self._direction(new[node]), strictly) for node, strictly in touched} == set(touched)

    def proves(self, permutation: SignedPermutation) -> bool:
        """Whether the normal form, or an exact expansion, shows that the loss is kept; False means unknown."""
        new = self.image(permutation)
        return self.keeps_value(new) and self.keeps_domain(new)

    def keeps_value(self, new: Mapping[Index, Index]) -> bool:
        """Whether the value is shown to be kept, wherever there is one before and after; False means unknown."""
        after = new.get(self.root, self.root)
        if after == self.root:
            return True
        difference = self.graph.subtract(after, self.root)
        try:
            return Expander(self.graph, [difference], term_limit=TERM_LIMIT).is_zero(difference)
        except ExpansionTooLarge:
            return False

    def claim(self, permutation: SignedPermutation, *, rng: int = 0) -> Claim:
        """The claim that L(g w) = L(w), at every w where the loss has a value.

        Verdicts: ``proved``; ``measured`` where numbers agree and no proof was found; ``refuted`` with a point;
        ``undecided`` where the domain is not visibly kept or no point could be tried.
        """
        statement = _statement(permutation)
        if self.proves(permutation):
            return self.proved_claim(permutation)
        if not self.keeps_domain(self.image(permutation)):
            reason = "the map does not visibly keep the set where the loss has a value"
            return Claim(statement=statement, verdict="undecided", reason=reason)
        return self._by_numbers(statement, permutation, rng)

    def proved_claim(self, permutation: SignedPermutation) -> Claim:
        """The claim of a map that was proved to keep the loss."""
        reason = "after the substitution the loss has the same normal form, or agrees when expanded exactly"
        assumptions = self._at_jumps(permutation)
        return Claim(statement=_statement(permutation), verdict="proved", reason=reason, assumptions=assumptions)

    def _at_jumps(self, permutation: SignedPermutation) -> tuple[str, ...]:
        """Values exactly on a jump, a set of measure zero, are not compared."""
        signs = [k for k in self.graph.atoms([self.root]) if _is_sign(self.graph, k)]
        new = self.image(permutation) if signs else {}
        moving = any(child in new for k in signs for child in self.graph.children(k))
        return ("the points are off the set of measure zero where the loss jumps",) if moving else ()

    def _by_numbers(self, statement: str, permutation: SignedPermutation, rng: int) -> Claim:
        components = self.components(permutation)
        changed = moved(self.loss, self.loss.expression, components)
        quantity = Difference(changed, self.loss.expression, free_shapes(self.loss))
        found = search(quantity, samples=SAMPLES, rng=np.random.default_rng(rng))
        on_jumps = found.kind == "refuted" and self._only_on_jumps(quantity, rng)
        if found.kind == "agrees" or on_jumps:
            points = differing_points(self.graph, self.root, quantity, permutation, np.random.default_rng(rng))
            harder = search_at(quantity, points, seconds=SECONDS)
            found, on_jumps = (harder, False) if harder.kind == "refuted" else (found, on_jumps)
        evidence: dict[str, Any] = {"samples": found.samples, "worst_residual": found.worst, "tolerance": THRESHOLD}
        evidence["counterexample"] = found.counterexample or None
        if on_jumps:
            reason = "the two sides were seen to differ only at points where the loss may jump"
            return Claim(statement=statement, verdict="undecided", reason=reason, evidence=evidence)
        if found.kind == "refuted":
            reason = "the two sides differ at this point"
            return Claim(statement=statement, verdict="refuted", reason=reason, evidence=evidence)
        if found.kind == "undefined":
            reason = "the loss has no value at any point that was tried"
            return Claim(statement=statement, verdict="undecided", reason=reason, evidence=evidence)
        difference = operations.subtract(changed, self.loss.expression)
        if len(self.graph) <= IDENTITY_NODES and is_identically_zero(difference, seed=rng):
            reason = "both sides agree when related functions are written in independent ones"
            return Claim(statement=statement, verdict="proved", reason=reason, evidence=evidence)
        reason = f"equal with 50 digits at {found.samples} points; the normal forms do not show it"
        return Claim(statement=statement, verdict="measured", reason=reason, evidence=evidence)

    def _only_on_jumps(self, quantity: Difference, rng: int) -> bool:
        """Whether no counterexample is left at points with coordinates that are not small fractions."""
        if not any(_is_sign(self.graph, k) for k in self.graph.atoms([self.root])):
            return False
        return search(_Shifted(quantity), samples=SAMPLES, rng=np.random.default_rng(rng)).kind != "refuted"

    def components(self, permutation: SignedPermutation) -> dict[str, Node]:
        """The new value of every moved entry as an expression."""
        result = {}
        for entry, source in permutation.map.items():
            node = entry_node(self.loss, source.removeprefix("-"))
            result[entry] = operations.multiply(number(-1), node) if source.startswith("-") else node
        return result


@final
class _Shifted(Quantity):
    """A quantity at points whose entries are all moved by different small steps, off the jumps through small points."""

    def __init__(self, quantity: Quantity) -> None:
        self._quantity = quantity

    @property
    def shapes(self) -> dict[str, Shape]:
        """The symbols of the quantity."""
        return self._quantity.shapes

    def evaluate(self, arithmetic: Arithmetic, point: Point) -> tuple[Any, Any]:
        """The quantity at the moved point."""
        return self._quantity.evaluate(arithmetic, self._moved(point))

    def floats(self, point: Mapping[str, Any]) -> tuple[float, float]:
        """The quantity at the moved point, in double precision."""
        return self._quantity.floats({name: np.asarray(v, dtype=float) for name, v in self._moved(point).items()})

    def _moved(self, point: Mapping[str, Any]) -> dict[str, Any]:
        result, count = {}, 0
        for name, values in point.items():
            steps = [Fraction((count + k) ** 2 + 7, 1_000_003 + count + k) for k in range(np.size(values))]
            count += len(steps)
            result[name] = values + np.array(steps, dtype=object).reshape(np.shape(values))
        return result


def _statement(permutation: SignedPermutation) -> str:
    return f"L(g w) = L(w) for g: {permutation}"


def _is_sign(graph: ScalarGraph, node: Index) -> bool:
    entry = graph.entries[node]
    return isinstance(entry, Atom) and entry.kind == "sign"
