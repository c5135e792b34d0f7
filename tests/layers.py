"""The import graph of the engine, read from the source without running it, and the breaches of its layering."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx

FLOORS = ("manifolds", "symmetries", "solvers", "symport")
ADAPTER = "manifolds._geomstats"


@dataclass(frozen=True)
class House:
    """The modules of a source tree, what each imports, and where.

    Parameters
    ----------
    graph : networkx.DiGraph
        One node a module of the four packages, one edge an import among them, on every path of the code.
    foreign : frozenset of (str, str)
        Pairs (module, top-level name of a package from outside that it imports).
    """

    graph: nx.DiGraph
    foreign: frozenset[tuple[str, str]]

    @classmethod
    def read(cls, root: Path) -> "House":
        """Read every module of the four packages below `root`."""
        sources = {module_name(path, root): path for floor in FLOORS for path in sorted((root / floor).rglob("*.py"))}
        graph, foreign = nx.DiGraph(), set()
        graph.add_nodes_from(sources)
        for module, path in sources.items():
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            for target in imported_names(ast.parse(path.read_text(encoding="utf-8")), package):
                known = longest_known(target, sources)
                if known is None:
                    foreign.add((module, target.partition(".")[0]))
                elif known != module:
                    graph.add_edge(module, known)
        return cls(graph, frozenset(foreign))

    def upward_imports(self) -> list[tuple[str, str]]:
        """Imports of a higher floor by a lower one."""
        return sorted((low, high) for low, high in self.graph.edges if floor_of(low) < floor_of(high))

    def cycles(self) -> list[list[str]]:
        """Groups of modules that import each other in a circle."""
        return sorted(sorted(group) for group in nx.strongly_connected_components(self.graph) if len(group) > 1)

    def importers_of(self, package: str) -> list[str]:
        """Modules that import the outside package."""
        return sorted(module for module, name in self.foreign if name == package)


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def floor_of(module: str) -> int:
    return FLOORS.index(module.partition(".")[0])


def longest_known(target: str, modules: dict[str, Path]) -> str | None:
    """The module that the dotted name lies in: `symmetries.loss.Loss` lies in `symmetries.loss`."""
    while target not in modules:
        target, dot, _ = target.rpartition(".")
        if not dot:
            return None
    return target


def imported_names(node: ast.AST, package: str) -> Iterator[str]:
    """Every dotted name that running the code may import, in functions, by `importlib` and by `__import__` too."""
    children = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and is_type_checking(node.test):
        children = iter(node.orelse)
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        origin = absolute(node, package)
        yield from (f"{origin}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and is_dynamic_import(node.func) and node.args:
        yield from leading_text(node.args[0])
    for child in children:
        yield from imported_names(child, package)


def is_type_checking(test: ast.expr) -> bool:
    return (test.id if isinstance(test, ast.Name) else getattr(test, "attr", "")) == "TYPE_CHECKING"


def absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    base = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def is_dynamic_import(function: ast.expr) -> bool:
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    return name in {"import_module", "__import__"}


def leading_text(argument: ast.expr) -> Iterator[str]:
    """The text with which the argument of a dynamic import begins, as far as it is written there."""
    if isinstance(argument, ast.JoinedStr) and argument.values:
        argument = argument.values[0]
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield argument.value.rstrip(".")
