r"""Sign flips that visibly keep a loss, by linear algebra over the field with two elements.

Every node of the normal form gets a parity, a linear form in the unknown flips of the coordinates: a product adds the
parities of its factors, a sum needs equal ones of its terms, tanh hands the parity on, an absolute value drops it,
other functions need parity 0.  The loss needs parity 0.  A parity is an integer whose bits are its coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence

from symmetries.permutations.signed_graph import EVEN, is_odd
from symmetries.scalar import Atom, Constant, Index, Product, ScalarGraph, Sum, Symbol


def sign_flips(graph: ScalarGraph, root: Index, coordinates: Sequence[str]) -> list[tuple[int, ...]]:
    """Basis of the sign flips that the normal form shows to keep the root; each is the set of flipped coordinates.

    >>> graph = ScalarGraph()
    >>> x, y = graph.symbol("x"), graph.symbol("y")
    >>> sign_flips(graph, graph.multiply(x, y), ["x", "y"])
    [(0, 1)]
    """
    equations = _equations(graph, root, {name: k for k, name in enumerate(coordinates)})
    pivots: dict[int, int] = {}
    for row in equations:
        reduced = _reduce(row, pivots)
        if reduced:
            pivots[reduced.bit_length() - 1] = reduced
    return _kernel(pivots, len(coordinates))


def _reduce(row: int, pivots: dict[int, int]) -> int:
    """What is left of an equation after those with larger unknowns are used."""
    bit = row.bit_length() - 1
    while row and bit >= 0:
        if row >> bit & 1 and bit in pivots:
            row ^= pivots[bit]
            bit = row.bit_length()
        elif row >> bit & 1:
            return row
        bit -= 1
    return row


def _kernel(pivots: dict[int, int], size: int) -> list[tuple[int, ...]]:
    """Solutions, one for each free unknown; a pivot is the largest unknown of its equation."""
    basis = []
    for free in (k for k in range(size) if k not in pivots):
        solution = 1 << free
        for pivot in sorted(pivots):
            if (pivots[pivot] & solution & ((1 << pivot) - 1)).bit_count() % 2:
                solution |= 1 << pivot
        basis.append(tuple(k for k in range(size) if solution >> k & 1))
    return basis


def _equations(graph: ScalarGraph, root: Index, position: dict[str, int]) -> list[int]:
    parity: dict[Index, int] = {}
    equations: list[int] = []
    for node in graph.reachable([root]):
        entry = graph.entries[node]
        if isinstance(entry, Symbol):
            parity[node] = 1 << position[entry.name] if entry.name in position else 0
        elif isinstance(entry, Constant):
            parity[node] = 0
        elif isinstance(entry, Product):
            total = 0
            for inner, exponent in entry.powers:
                total ^= parity[inner] if exponent % 2 else 0
            parity[node] = total
        elif isinstance(entry, Sum):
            first = 0 if entry.constant != 0 else parity[entry.terms[0][0]]
            equations += [parity[inner] ^ first for inner, _ in entry.terms]
            parity[node] = first
        else:
            parity[node] = _of_atom(entry, parity, equations)
    return [*equations, parity[root]]


def _of_atom(entry: Atom, parity: dict[Index, int], equations: list[int]) -> int:
    inner = parity.get(entry.argument, 0)
    if is_odd(entry):
        return inner
    if entry.kind not in EVEN:
        equations.append(inner)
    return 0
