"""The constants of a loss, structural ones and numbers such as sqrt(2) and pi, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence

from symmetries.scalar import Atom, Constant, Index, Product, ScalarGraph, Sum, Symbol


def constant_atoms(graph: ScalarGraph, root: Index, names: Sequence[str]) -> tuple[Index, ...]:
    """Atoms below the root that depend on no symbol but the named ones: sqrt(2), pi, exp(a)."""
    fixed = set(names)
    steady: set[Index] = set()
    found: list[Index] = []
    for node in graph.reachable([root]):
        entry = graph.entries[node]
        if isinstance(entry, Symbol):
            holds = entry.name in fixed
        else:
            holds = all(child in steady for child in graph.children(node))
        if holds:
            steady.add(node)
            if isinstance(entry, Atom):
                found.append(node)
    return tuple(found)


def constant_nodes(graph: ScalarGraph, root: Index, names: Sequence[str]) -> dict[str, Index]:
    """Constants of a loss by their text: structural ones that occur, then numbers."""
    present = set(graph.reachable([root]))
    named = {name: graph.symbol(name) for name in names}
    named = {name: node for name, node in named.items() if node in present}
    return named | {constant_text(graph, node): node for node in constant_atoms(graph, root, names)}


def constant_text(graph: ScalarGraph, node: Index) -> str:
    """A constant expression in the formula language, such as sqrt(2), log(a+1) or tan(pi/6)."""
    entry = graph.entries[node]
    if isinstance(entry, Constant):
        return str(entry.value)
    if isinstance(entry, Symbol):
        return entry.name
    if isinstance(entry, Sum):
        terms = [f"{value}*{constant_text(graph, inner)}" for inner, value in entry.terms]
        if entry.constant != 0:
            terms.append(str(entry.constant))
        return "+".join(terms).replace("+-", "-")
    if isinstance(entry, Product):
        return "*".join(f"({constant_text(graph, inner)})**({exponent})" for inner, exponent in entry.powers)
    return _atom_text(graph, entry)


def _atom_text(graph: ScalarGraph, entry: Atom) -> str:
    if entry.kind == "pi":
        return "pi"
    argument = constant_text(graph, entry.argument)
    if entry.kind == "root":
        return f"sqrt({argument})" if entry.degree == 2 else f"({argument})**(1/{entry.degree})"
    if entry.kind == "tan_half":
        return f"(sin({argument})/(1+cos({argument})))"
    if entry.kind == "normal_pdf":
        return f"(exp(-({argument})**2/2)/sqrt(2*pi))"
    if entry.kind == "log" and not graph.is_positive(entry.argument):
        return f"log(abs({argument}))"
    return f"{entry.kind}({argument})"
