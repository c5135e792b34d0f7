r"""Exact proof that a vector field annihilates a loss.

The derivative X.N of every node N is built in normal form, arguments first.  Where a loss depends on its parameters
through invariants u_1, ..., u_q, the derivatives X.u_k are the node zero and nothing above them is touched: that is
the proof.  Where the normal form is too weak to see that a derivative vanishes, it is expanded exactly over Q in its
atoms.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import numpy as np

from symmetries.calculus import derivative_factor
from symmetries.expand import Expander, ExpansionTooLarge, is_square_free
from symmetries.lower import exact_quotient
from symmetries.modular import GradientSampler, ModularProgram, UnsuitablePrime
from symmetries.primes import suitable_primes
from symmetries.radicals import may_hide_sign
from symmetries.scalar import Atom, Index, Powers, Product, ScalarGraph, Sum, Symbol
from symmetries.straight_line import compile_program

Outcome: TypeAlias = Literal["zero", "nonzero", "discontinuous", "too large"]
TangentMap: TypeAlias = Mapping[Index, Index]

CHECK_POINTS = 4
CHECK_PRIMES = 2
CONTINUOUS = frozenset({"exp", "tanh", "abs", "root", "normal_cdf", "normal_pdf", "atan", "pi"})
"""Atoms without poles and jumps."""


@final
@dataclass(frozen=True)
class Proof:
    """How the attempt to prove X.L = 0 ended.

    Parameters
    ----------
    outcome: ``zero`` (proved), ``nonzero`` (X.L is another function, unless atoms are related in an unseen way),
        ``discontinuous`` (X crosses a jump of the loss) or ``too large`` (the expansion went past its limit).
    invariants: number of inner expressions whose derivative was shown to vanish.
    expansions: how many of them needed an expansion.
    """

    outcome: Outcome
    invariants: int = 0
    expansions: int = 0


@final
class Prover:
    """Proves statements X.L = 0 about one loss."""

    def __init__(self, graph: ScalarGraph, root: Index, *, term_limit: int = 200_000) -> None:
        self.graph = graph
        self.root = root
        self.term_limit = term_limit
        self._parents: dict[Index, list[Index]] = {}
        for node in graph.reachable([root]):
            for child in graph.children(node):
                self._parents.setdefault(child, []).append(node)
        self._denominators = _denominators(graph, root)

    @property
    def poles(self) -> tuple[Index, ...]:
        """Denominators at whose zeros the loss may jump."""
        return tuple(self._denominators)

    def prove(self, field: TangentMap) -> Proof:
        """Try to prove that the field, a map from symbols to components, annihilates the loss."""
        tangents, jumps = self._tangents(field)
        if any(not self._keeps_jump(node, tangents) for node in jumps):
            return Proof("discontinuous")
        if self.root not in tangents:
            return self._proved(tangents, field, expansions=0)
        zeros = self._zero_candidates(tangents)
        if self.root not in zeros:
            return Proof("nonzero")
        return self._prove_by_expansion(field, zeros)

    def derivative(self, field: TangentMap) -> Index:
        """X.L as a node."""
        return self._tangents(field)[0].get(self.root, self.graph.zero)

    def settled(self, field: TangentMap) -> Proof:
        """The proof once X.L is known to be the zero function: the field must not cross poles where the loss jumps."""
        return self._proved(self._tangents(field)[0], field, expansions=1)

    def may_jump(self, field: TangentMap) -> bool:
        """Whether X may cross a pole where the loss jumps, so that X.L = 0 at points says too little."""
        tangents, _ = self._tangents(field)
        return not all(self._keeps_pole(node, tangents) for node in self._denominators if node in tangents)

    def _tangents(
        self, field: TangentMap, vanishes: Callable[[Index, Index], bool] | None = None
    ) -> tuple[dict[Index, Index], list[Index]]:
        """Derivatives of all nodes where they are not zero, and the jumps met; ``vanishes`` may show more zeros."""
        tangents = {node: value for node, value in field.items() if value != self.graph.zero}
        queue: list[Index] = []
        queued: set[Index] = set()
        jumps: list[Index] = []

        def push(node: Index) -> None:
            """Queue what is made of a node."""
            for parent in self._parents.get(node, ()):
                if parent not in queued:
                    queued.add(parent)
                    heapq.heappush(queue, parent)

        for node in list(tangents):
            push(node)
        while queue:
            node = heapq.heappop(queue)
            entry = self.graph.entries[node]
            if isinstance(entry, Atom) and entry.kind == "sign":
                jumps.append(node)
                continue
            value = self._tangent(node, tangents)
            if value != self.graph.zero and not (vanishes and vanishes(node, value)):
                tangents[node] = value
                push(node)
        return tangents, jumps

    def _tangent(self, node: Index, tangents: Mapping[Index, Index]) -> Index:
        graph = self.graph
        entry = graph.entries[node]
        if isinstance(entry, Sum):
            return graph.linear((tangents[inner], value) for inner, value in entry.terms if inner in tangents)
        if isinstance(entry, Product):
            moved = [(inner, exponent) for inner, exponent in entry.powers if inner in tangents]
            parts = [
                graph.product([*_lowered(entry.powers, inner), (tangents[inner], 1)], exponent)
                for inner, exponent in moved
            ]
            return parts[0] if len(parts) == 1 else graph.add(*parts)
        assert isinstance(entry, Atom)
        return graph.multiply(derivative_factor(graph, node), tangents[entry.argument])

    def _keeps_jump(self, node: Index, tangents: Mapping[Index, Index]) -> bool:
        """Whether X is tangent to {u = 0} for the jump sign(u): X.u is a polynomial times u."""
        entry = self.graph.entries[node]
        assert isinstance(entry, Atom)
        change = tangents.get(entry.argument)
        if change is None:
            return True
        if self.graph.atoms([change, entry.argument]):
            return False
        return exact_quotient(self.graph, change, entry.argument) is not None

    def _keeps_pole(self, node: Index, tangents: Mapping[Index, Index]) -> bool:
        """Whether X is tangent to {D = 0} for a denominator D: X.D is a continuous function times D."""
        graph, change = self.graph, tangents[node]
        if graph.value_of(graph.divide(change, node)) is not None:
            return True
        kinds = {entry.kind for entry in (graph.entries[k] for k in graph.atoms([change])) if isinstance(entry, Atom)}
        if kinds - CONTINUOUS or _poles(graph, [child for k in graph.atoms([change]) for child in graph.children(k)]):
            return False
        return exact_quotient(graph, change, node) is not None

    def _vanishing(self, tangents: Mapping[Index, Index], field: TangentMap) -> int:
        parents = {parent for node in tangents for parent in self._parents.get(node, ())}
        return len(parents - tangents.keys())

    def _zero_candidates(self, tangents: Mapping[Index, Index]) -> set[Index]:
        """Nodes whose derivative vanishes at random points of a prime field."""
        graph = self.graph
        nodes = sorted(tangents)
        roots = [tangents[node] for node in nodes]
        names = [entry.name for entry in (graph.entries[k] for k in graph.symbols(roots)) if isinstance(entry, Symbol)]
        program = compile_program(graph, roots, names)
        left = set(nodes)
        tried = 0
        for prime in suitable_primes():
            if tried == CHECK_PRIMES or not left:
                break
            try:
                sampler = GradientSampler(ModularProgram(program, prime), np.random.default_rng([len(nodes), prime]))
                values = sampler.sample_values(CHECK_POINTS)
            except UnsuitablePrime:
                continue
            tried += 1
            if values is not None:
                vanish = (values[program.outputs] == 0).all(axis=1)
                left &= {node for node, zero in zip(nodes, vanish, strict=True) if zero}
        return left

    def _prove_by_expansion(self, field: TangentMap, zeros: set[Index]) -> Proof:
        expanded: list[Index] = []

        def vanishes(node: Index, value: Index) -> bool:
            """Whether an expansion shows that a derivative is zero."""
            if node not in zeros or not self._is_zero(value):
                return False
            expanded.append(node)
            return True

        tangents, _ = self._tangents(field, vanishes)
        if self.root in tangents:
            return Proof("too large" if self._is_zero(tangents[self.root]) is None else "nonzero")
        return self._proved(tangents, field, expansions=len(expanded))

    def _proved(self, tangents: Mapping[Index, Index], field: TangentMap, *, expansions: int) -> Proof:
        if not all(self._keeps_pole(node, tangents) for node in self._denominators if node in tangents):
            return Proof("discontinuous")
        return Proof("zero", invariants=self._vanishing(tangents, field), expansions=expansions)

    def _is_zero(self, node: Index) -> bool | None:
        """Whether a node is zero as a rational function of its atoms; None when the expansion is too large."""
        try:
            return Expander(self.graph, [node], term_limit=self.term_limit).is_zero(node)
        except ExpansionTooLarge:
            return None


def _lowered(powers: Powers, node: Index) -> list[tuple[Index, int]]:
    """A power product with the exponent of one factor lowered by one."""
    return [(inner, exponent - (inner == node)) for inner, exponent in powers if inner != node or exponent != 1]


def _denominators(graph: ScalarGraph, root: Index) -> list[Index]:
    """Expressions that the loss divides by, that may vanish, and where it may then jump.

    A quotient N/D of analytic functions has a value on the projective line, which X.L = 0 keeps constant across D = 0;
    removable zeros do no harm.  It may jump where absolute values, signs or even roots change branch, as in abs(x)/x,
    and where a function is taken of a pole, as in atan(1/x).
    """
    atoms = graph.atoms([root])
    everywhere = _poles(graph, [root])
    below = _poles(graph, [child for k in atoms for child in graph.children(k)])
    if below == everywhere:
        return everywhere
    bent = any(isinstance(entry := graph.entries[k], Atom) and entry.kind in {"abs", "sign"} for k in atoms)
    return everywhere if bent or may_hide_sign(graph, root) else below


def _poles(graph: ScalarGraph, roots: Iterable[Index]) -> list[Index]:
    """Denominators and arguments of logarithms below the roots that may vanish.

    What the domain makes positive counts as such where it changes sign at its zeros: the loss has no value beyond them.
    """
    found: set[Index] = set()
    for entry in (graph.entries[k] for k in graph.reachable(roots)):
        if isinstance(entry, Product):
            found |= {inner for inner, exponent in entry.powers if exponent < 0}
        elif isinstance(entry, Atom) and entry.kind == "log":
            found.add(entry.argument)
    edges = [node for node in graph.on_domain if not graph.atoms([node]) and is_square_free(graph, node)]
    with graph.without_domain(but=edges):
        return sorted(node for node in found if not graph.is_positive(node))
