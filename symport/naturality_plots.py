"""Pictures of the groups of optimizers as a lattice. Matplotlib is imported only when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError
from symport.plots import INK, MUTED, RULE

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes

    from solvers.naturality.verdict import Verdict

FILL = {"generic": "#e6f4f1", "some": "#fdf1e3", "none": "#f4f5f7"}
EDGE = {"generic": "#0b7285", "some": "#d9480f", "none": RULE}
"""Colours of groups by the nonlinear maps that some optimizer of theirs follows."""

NAMES = 3
"""Optimizers in a row below the name of their group."""

LINE, PAD, GAP = 0.155, 0.14, 0.5
"""Height of a line of text, margin of a box and gap between levels, in inches."""

WIDTH = 0.078
"""Width of a letter, in inches."""


def plot_lattice(verdicts: Sequence[Verdict], ax: Axes | None = None) -> Axes:
    """The groups of affine maps that optimizers follow, larger above smaller, with the optimizers that follow them.

    Two groups are joined where all classes of maps that are in the one are in the other, and no third stands between.

    Parameters
    ----------
    verdicts: what :func:`solvers.naturality.classify` returned; those that are undecided are listed apart.
    ax: where to draw; a new figure without it.

    Raises
    ------
    InputError: there is no verdict.

    >>> from solvers.naturality.classify import classify
    >>> axes = plot_lattice([classify(name, gauge=False) for name in ("adam", "newton")])
    >>> sorted(text.get_text().splitlines()[0] for text in axes.texts if text.get_gid() == "group")
    ['B(4) ⋉ translations', 'GL(4) ⋉ translations']
    """
    if not verdicts:
        raise InputError("a picture of no verdicts", why="it would be empty", cure="give one or more")
    graphs = [hasse_diagram([one for one in verdicts if len(one.shape) == axes]) for axes in (1, 2)]
    graphs = [graph for graph in graphs if graph.number_of_nodes()]
    layouts = [_layout(graph) for graph in graphs]
    width = sum(size[0] for _, size in layouts) + GAP * (len(layouts) - 1)
    height = max((size[1] for _, size in layouts), default=1.0)
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(max(6.0, width + 0.4), height + 1.3), layout="constrained")[1]
    left = 0.0
    for graph, (places, size) in zip(graphs, layouts, strict=True):
        raised = (height - size[1]) / 2
        _draw(ax, graph, {key: (left + x, raised + y) for key, (x, y) in places.items()})
        sides = next(iter(graph.nodes.values()))["shape"]
        title = f"vectors of {sides[0]} parameters" if len(sides) == 1 else f"{' x '.join(map(str, sides))} matrices"
        top = raised + size[1] + 0.15
        ax.text(left + size[0] / 2, top, title, ha="center", color=INK, fontsize=12, fontweight="bold")
        left += size[0] + GAP
    _legend(ax, verdicts)
    ax.set(xlim=(-0.15, max(width, 1.0) + 0.15), ylim=(-0.75, height + 0.5))
    ax.axis("off")
    return ax


def hasse_diagram(verdicts: Sequence[Verdict]) -> nx.DiGraph:
    """The groups as a directed graph from smaller to larger, without the edges that others imply.

    Each node is the set of classes of maps that are followed, with the name of the group, the optimizers, and
    whether one of these follows nonlinear maps.
    """
    import networkx as nx

    graph = nx.DiGraph()
    for verdict in verdicts:
        if verdict.strict is None:
            continue
        key = (str(verdict.strict), frozenset(verdict.followed))
        if key not in graph:
            graph.add_node(key, name=str(verdict.strict), optimizers=[], curved="none", shape=verdict.shape)
        node = graph.nodes[key]
        node["optimizers"].append(_mark(verdict))
        found = "generic" if "generic" in verdict.nonlinear else "some" if verdict.nonlinear else "none"
        node["curved"] = min(node["curved"], found, key=list(FILL).index)
    for small in graph:
        graph.add_edges_from((small, large) for large in graph if small[1] < large[1])
    reduced = nx.transitive_reduction(graph)
    reduced.add_nodes_from(graph.nodes(data=True))
    return reduced


def _mark(verdict: Verdict) -> str:
    """The name of an optimizer, marked where its flow follows nonlinear maps."""
    mark = "**" if "generic" in verdict.nonlinear else "*" if verdict.nonlinear else ""
    return verdict.optimizer + mark


def _lines(node: Any) -> list[str]:
    """The optimizers of a group in rows."""
    names = node["optimizers"]
    return [", ".join(names[place : place + NAMES]) for place in range(0, len(names), NAMES)]


def _size(node: Any) -> tuple[float, float]:
    """Width and height of the box of a group."""
    lines = _lines(node)
    letters = max(1.15 * len(node["name"]), *(len(line) for line in lines))
    return letters * WIDTH + 2 * PAD, (len(lines) + 1.3) * LINE + 2 * PAD


def _layout(graph: nx.DiGraph) -> tuple[dict[Any, tuple[float, float]], tuple[float, float]]:
    """Centres of the boxes, the smallest groups at the bottom, and the size of the whole.

    Lines that pass a level have two places of their own there, at its bottom and its top, beside the boxes.
    """
    import networkx as nx

    full = _with_bends(graph)
    levels = [list(level) for level in nx.topological_generations(full)]
    sizes = {key: _size(node) if node else (PAD, 0.0) for key, node in full.nodes(data=True)}
    width = max(sum(sizes[key][0] for key in level) + GAP / 2 * (len(level) + 1) for level in levels)
    places: dict[Any, tuple[float, float]] = {}
    bottom = 0.0
    for level in levels:
        ordered = sorted(level, key=lambda key: (_mean_place(full, key, places), str(key[0])))
        tall = max(sizes[key][1] for key in level)
        free = (width - sum(sizes[key][0] for key in level)) / (len(level) + 1)
        x = free
        for key in ordered:
            places[key] = (x + sizes[key][0] / 2, bottom + tall / 2)
            x += sizes[key][0] + free
        for key in level:
            if key not in graph:
                places[*key, "top"] = (places[key][0], bottom + tall)
                places[key] = (places[key][0], bottom)
        bottom += tall + GAP
    return places, (width, bottom - GAP)


def _with_bends(graph: nx.DiGraph) -> nx.DiGraph:
    """The graph with a node for each level that an edge passes."""
    import networkx as nx

    level = {key: place for place, keys in enumerate(nx.topological_generations(graph)) for key in keys}
    full = nx.DiGraph()
    full.add_nodes_from(graph.nodes(data=True))
    for small, large in graph.edges:
        path = [small, *((small, large, place) for place in range(level[small] + 1, level[large])), large]
        nx.add_path(full, path)
    return full


def _mean_place(graph: nx.DiGraph, key: Any, places: dict[Any, tuple[float, float]]) -> float:
    """The mean place of the groups below one."""
    below = [places[one][0] for one in graph.predecessors(key) if one in places]
    return sum(below) / len(below) if below else 0.0


def _draw(ax: Axes, graph: nx.DiGraph, places: dict[Any, tuple[float, float]]) -> None:
    """The boxes of the groups and the lines between them."""
    from matplotlib.patches import FancyBboxPatch

    sizes = {key: _size(node) for key, node in graph.nodes(data=True)}
    for small, large in graph.edges:
        bends = [place for key, place in places.items() if key[:2] == (small, large)]
        (x, y), (u, v) = places[small], places[large]
        line = [(x, y + sizes[small][1] / 2), *sorted(bends, key=lambda one: one[1]), (u, v - sizes[large][1] / 2)]
        ax.plot(*zip(*line, strict=True), color=RULE, linewidth=1.1, zorder=1, solid_joinstyle="round")
    for key, node in graph.nodes(data=True):
        (x, y), (width, height) = places[key], sizes[key]
        corner = (x - width / 2, y - height / 2)
        style = "round,pad=0,rounding_size=0.08"
        face, edge = FILL[node["curved"]], EDGE[node["curved"]]
        ax.add_patch(
            FancyBboxPatch(corner, width, height, style, facecolor=face, edgecolor=edge, linewidth=1.2, zorder=2)
        )
        top = y + height / 2 - PAD
        text = ax.text(x, top, node["name"], ha="center", va="top", color=INK, fontsize=10, fontweight="bold")
        text.set(zorder=3, gid="group")
        rest = "\n".join(_lines(node))
        ax.text(x, top - 1.3 * LINE, rest, ha="center", va="top", color=INK, fontsize=8, zorder=3, linespacing=1.3)


def _legend(ax: Axes, verdicts: Sequence[Verdict]) -> None:
    """What the marks mean, and which verdicts are open."""
    open_names = [verdict.optimizer for verdict in verdicts if verdict.strict is None]
    text = "** its flow follows all smooth maps   * some nonlinear maps   lines: the upper group contains the lower"
    if open_names:
        text += f"\nundecided: {', '.join(open_names)}"
    ax.text(0.0, -0.25, text, ha="left", va="top", color=MUTED, fontsize=8.5)
