"""Even roots: whether they are independent, and whether a quotient by them may be a hidden sign."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symmetries.expand import Expander, ExpansionTooLarge, is_square_free
from symmetries.scalar import Atom, Index, ScalarGraph


def roots_independent(graph: ScalarGraph, root: Index) -> bool:
    """Whether no product of some even radicands is a square, so that the even roots are independent.

    That is so when each radicand is a polynomial without a repeated factor that has a symbol of its own; else the
    exponents of the irreducible factors of the radicands must be independent modulo 2.
    """
    radicands = _even_radicands(graph, root)
    if _kinds_inside(graph, radicands) & {"abs", "sign", "root"}:
        return False
    return _independent(graph, radicands)


def may_hide_sign(graph: ScalarGraph, root: Index) -> bool:
    """Whether a quotient by even roots may jump as a sign does, as (1 - sqrt(x))/sqrt(1 - 2*sqrt(x) + x) does at 1.

    It does not where the radicands cannot vanish, or are polynomials in symbols without a repeated factor, which
    change sign where they vanish along a hypersurface, and no product of some is a square.

    >>> from symmetries.formula import read_formula
    >>> from symmetries.natural_domain import lower_loss
    >>> graph = ScalarGraph()
    >>> [
    ...     may_hide_sign(graph, lower_loss(graph, read_formula(text, {"x": ()}))[0])
    ...     for text in ("sqrt(x)", "sqrt(1 - 2*sqrt(x) + x)")
    ... ]
    [False, True]
    """
    with graph.without_domain():
        radicands = [node for node in _even_radicands(graph, root) if not graph.is_positive(node)]
    if graph.atoms(radicands):
        return True
    return not (all(is_square_free(graph, node) for node in radicands) and _independent(graph, radicands))


def needed_roots(graph: ScalarGraph, roots: Iterable[Index]) -> tuple[frozenset[int], frozenset[int]]:
    """Numbers that roots are taken of and the odd parts of the degrees: what a field must have to hold the roots."""
    radicands, degrees = set(), set()
    for entry in (graph.entries[k] for k in graph.atoms(roots)):
        if not isinstance(entry, Atom) or entry.kind != "root":
            continue
        inside = graph.value_of(entry.argument)
        if inside is not None:
            radicands.add(int(inside.p) * int(inside.q))
        odd = entry.degree
        while odd % 2 == 0:
            odd //= 2
        degrees.add(odd)
    return frozenset(radicands), frozenset(degrees)


def _even_radicands(graph: ScalarGraph, root: Index) -> list[Index]:
    """What even roots are taken of, numbers left out."""
    entries = (graph.entries[k] for k in graph.atoms([root]))
    found = [e.argument for e in entries if isinstance(e, Atom) and e.kind == "root" and e.degree % 2 == 0]
    return [node for node in dict.fromkeys(found) if graph.value_of(node) is None]


def _independent(graph: ScalarGraph, radicands: Sequence[Index]) -> bool:
    symbols = [set(graph.symbols([node])) for node in radicands]
    if all(
        inside - set().union(*(symbols[:k] + symbols[k + 1 :])) and is_square_free(graph, node)
        for k, (node, inside) in enumerate(zip(radicands, symbols, strict=True))
    ):
        return True
    return _exponents_independent(graph, radicands)


def _kinds_inside(graph: ScalarGraph, nodes: Sequence[Index]) -> set[str]:
    return {entry.kind for entry in (graph.entries[k] for k in graph.atoms(nodes)) if isinstance(entry, Atom)}


def _exponents_independent(graph: ScalarGraph, nodes: Sequence[Index]) -> bool:
    """Whether the exponents of the irreducible factors of some nodes are linearly independent modulo 2."""
    expander = Expander(graph, nodes, term_limit=2_000)
    position: dict[str, int] = {}
    pivots: dict[int, int] = {}
    try:
        for node in nodes:
            row = 0
            for piece, exponent in expander.factors(node):
                bit = position.setdefault(str(piece), len(position))
                row ^= (exponent & 1) << bit
            while row and row.bit_length() in pivots:
                row ^= pivots[row.bit_length()]
            if not row:
                return False
            pivots[row.bit_length()] = row
    except ExpansionTooLarge:
        return False
    return True
