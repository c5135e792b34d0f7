r"""The graph whose automorphisms are the signed permutations of the coordinates that an expression shows to keep it.

Every node v of the expression that depends on a coordinate has two vertices, v and -v, joined by an edge.  A sum v is
joined to the signed terms that it is made of, -v to their negatives; a product of several factors is joined to them
through one vertex for each pattern of signs; tanh hands the sign on, an absolute value drops it, an exponential turns
it into a sign of its exponent.  Colours say what a node is and which constants and data stand in it.  An automorphism
that keeps the colours and the vertex of the loss keeps the loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product as all_patterns
from typing import TYPE_CHECKING, Any, TypeAlias, final

from symmetries.scalar import Atom, Index, Product, ScalarGraph, Sum, Symbol

if TYPE_CHECKING:
    import networkx

MAX_SIGNED_FACTORS = 8
"""Products of more factors with odd exponents keep the sign of each factor here; sign flips are found elsewhere."""

ODD = frozenset({"tanh", "tan_half", "atan", "sign"})
EVEN = frozenset({"abs", "log", "normal_pdf"})

Ends: TypeAlias = tuple[int, int]
"""The vertices of v and -v."""


def is_odd(entry: Atom) -> bool:
    """Whether an atom is an odd function; a sign that is 1 or -1 at zero is none."""
    return entry.kind in ODD and not entry.degree


@final
class SignedGraph:
    """The graph of an expression; vertex k is the coordinate k, vertex n + k its negative.

    Parameters
    ----------
    graph, root: the expression.
    coordinates: names of the coordinates.
    classes: coordinates of different classes are not exchanged.

    >>> graph = ScalarGraph()
    >>> x, y = graph.symbol("x"), graph.symbol("y")
    >>> signed = SignedGraph(graph, graph.subtract(x, y), ["x", "y"], [0, 0])
    >>> signed.networkx().number_of_nodes(), signed.faithful
    (6, True)
    """

    def __init__(self, graph: ScalarGraph, root: Index, coordinates: Sequence[str], classes: Sequence[int]) -> None:
        self.graph = graph
        self.size = len(coordinates)
        self.faithful = True
        self.colours: list[int] = []
        self.adjacency: list[list[int]] = []
        self._palette: dict[Any, int] = {}
        self._ends: dict[Index, Ends] = {}
        self._powers: dict[Index, Ends] = {}
        self._depth: dict[Index, int] = {}
        for sign in (0, 1):
            for k in range(self.size):
                self._vertex(("coordinate", classes[k]))
                if sign:
                    self._join(k, self.size + k)
        position = {name: k for k, name in enumerate(coordinates)}
        for node in graph.reachable([root]):
            self._visit(node, position)
        if root in self._ends:
            for sign, vertex in enumerate(self._ends[root]):
                self.colours[vertex] = self._colour(("loss", sign))

    def networkx(self) -> networkx.Graph:
        """The graph with the attribute ``colour`` at every vertex."""
        import networkx

        result = networkx.Graph()
        result.add_nodes_from((vertex, {"colour": colour}) for vertex, colour in enumerate(self.colours))
        result.add_edges_from((a, b) for a, others in enumerate(self.adjacency) for b in others if a < b)
        return result

    # building

    def _colour(self, key: Any) -> int:
        return self._palette.setdefault(key, len(self._palette))

    def _vertex(self, key: Any) -> int:
        self.colours.append(self._colour(key))
        self.adjacency.append([])
        return len(self.colours) - 1

    def _join(self, a: int, b: int) -> None:
        self.adjacency[a].append(b)
        self.adjacency[b].append(a)

    def _pair(self, key: Any, other: Any) -> Ends:
        ends = self._vertex(key), self._vertex(other)
        self._join(*ends)
        return ends

    def _visit(self, node: Index, position: Mapping[str, int]) -> None:
        entry = self.graph.entries[node]
        if isinstance(entry, Symbol) and entry.name in position:
            k = position[entry.name]
            self._ends[node], self._depth[node] = (k, self.size + k), 0
        elif isinstance(entry, Sum):
            self._sum(node, entry)
        elif isinstance(entry, Product):
            self._product(node, entry.powers)
        elif isinstance(entry, Atom) and entry.argument in self._ends:
            self._atom(node, entry)

    def _sum(self, node: Index, entry: Sum) -> None:
        moving = [(inner, value) for inner, value in entry.terms if inner in self._ends]
        if not moving:
            return
        depth = self._depth[node] = 1 + max(self._depth[inner] for inner, _ in moving)
        fixed = [(inner, value) for inner, value in entry.terms if inner not in self._ends]
        keys = [
            ("sum", depth, str(sign * entry.constant), tuple((inner, str(sign * value)) for inner, value in fixed))
            for sign in (1, -1)
        ]
        ends = self._ends[node] = self._pair(keys[0], keys[1])
        for side, vertex in enumerate(ends):
            terms: dict[str, list[int]] = {}
            for inner, value in moving:
                terms.setdefault(str(abs(value)), []).append(self._ends[inner][side ^ (value < 0)])
            self._labelled(vertex, ("term", depth), terms)

    def _labelled(self, vertex: int, kind: tuple[str, int], groups: Mapping[str, Iterable[int]]) -> None:
        """Join a vertex to others, through one more vertex where the label is not 1."""
        for label, others in groups.items():
            middle = vertex
            if label != "1":
                middle = self._vertex((*kind, label))
                self._join(vertex, middle)
            for other in others:
                self._join(middle, other)

    def _product(self, node: Index, powers: Sequence[tuple[Index, int]]) -> None:
        moving = [(inner, exponent) for inner, exponent in powers if inner in self._ends]
        if not moving:
            return
        below = [self._depth[inner] - (inner in self._powers) for inner, _ in moving]
        depth = self._depth[node] = 1 + max(below)
        fixed = tuple(sorted((inner, exponent) for inner, exponent in powers if inner not in self._ends))
        odd = [(inner, e) for inner, e in moving if e % 2 and inner not in self._powers]
        even = [(inner, e) for inner, e in moving if e % 2 == 0 and inner not in self._powers]
        definite = 0 if odd else 1
        ends = self._pair(("product", depth, fixed, definite), ("product", depth, fixed, -definite))
        self._ends[node] = ends
        for vertex in ends:
            groups: dict[str, list[int]] = {}
            for inner, e in even:
                groups.setdefault(str(e), []).extend(self._ends[inner])
            for inner, e in moving:
                if inner in self._powers:
                    groups.setdefault(f"e{abs(e)}", []).append(self._powers[inner][e < 0])
            self._labelled(vertex, ("factor", depth), groups)
        self._signed_factors(ends, odd, depth)

    def _signed_factors(self, ends: Ends, odd: Sequence[tuple[Index, int]], depth: int) -> None:
        """Join a product to its factors with odd exponents, so that its sign is the product of theirs."""
        few = len(odd) <= MAX_SIGNED_FACTORS
        self.faithful &= few
        patterns = all_patterns((0, 1), repeat=len(odd)) if few else [(0,) * len(odd), (1,) * len(odd)]
        for pattern in patterns if odd else ():
            vertex = ends[sum(pattern) % 2 if few else pattern[0]]
            if few and len(odd) > 1:
                middle = self._vertex(("pattern", depth))
                self._join(vertex, middle)
                vertex = middle
            groups: dict[str, list[int]] = {}
            for (inner, e), side in zip(odd, pattern, strict=True):
                groups.setdefault(str(e), []).append(self._ends[inner][side])
            self._labelled(vertex, ("factor", depth), groups)

    def _atom(self, node: Index, entry: Atom) -> None:
        argument = self._ends[entry.argument]
        depth = self._depth[node] = 1 + self._depth[entry.argument]
        kind = ("atom", depth, entry.kind, entry.degree)
        if entry.kind == "exp":
            base = self._powers[node] = self._pair((*kind, 0), (*kind, 0))
            for side in (0, 1):
                self._join(base[side], argument[side])
            self._ends[node] = base
            self._depth[node] = depth + 1
            self._product(node, [(node, 1)])
            return
        definite = 0 if is_odd(entry) else 1
        ends = self._ends[node] = self._pair((*kind, definite), (*kind, -definite))
        for side in (0, 1):
            if is_odd(entry):
                self._join(ends[side], argument[side])
            elif entry.kind in EVEN:
                self._join(ends[side], argument[0])
                self._join(ends[side], argument[1])
            else:
                self._join(ends[side], argument[0])
