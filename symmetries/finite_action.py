r"""Finite actions given by formulas: :math:`w \mapsto g_t\cdot w` for a time t."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, final

from manifolds.errors import InputError
from symmetries import indexing, operations
from symmetries.declarations import NAME
from symmetries.directional import Difference, free_shapes, movable
from symmetries.expression import Node, Shape, number, symbol
from symmetries.formula import RESERVED, read_formula
from symmetries.substitution import substitute

if TYPE_CHECKING:
    from symmetries.loss import Loss


@final
@dataclass(frozen=True)
class FiniteAction:
    r"""A family of maps of parameter space, :math:`(g_t\cdot w)_i = \phi_i(w, t)`.

    Parameters
    ----------
    components: formula of each moved entry in the entries and the time; absent entries stay where they are.
    time: name of the time.

    Raises
    ------
    InputError
        When the components are no mapping from entries to formulas, or the time is no name.

    >>> from symmetries import Loss, verify
    >>> action = FiniteAction({"x": "x*exp(t)", "y": "y*exp(-t)"})
    >>> verify(Loss.parse("(x*y - 1)**2"), action).verdict
    'proved'
    """

    components: Mapping[str, str]
    time: str = "t"

    def __post_init__(self) -> None:
        given: object = self.components
        if not isinstance(given, Mapping):
            raise InputError(
                f"a finite action was given {type(self.components).__name__}",
                why="it needs a formula for each entry that it moves",
                cure='write FiniteAction({"x": "x*exp(t)", "y": "y*exp(-t)"})',
            )
        name: object = self.time
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in RESERVED:
            raise InputError(
                f"the time of a finite action is called {self.time!r}",
                why="it needs a name that no function has",
                cure="call it t",
            )
        components = {str(entry).replace(" ", ""): str(formula) for entry, formula in self.components.items()}
        object.__setattr__(self, "components", MappingProxyType(components))

    def __reduce__(self) -> tuple[type[FiniteAction], tuple[dict[str, str], str]]:
        return (FiniteAction, (dict(self.components), self.time))

    def __str__(self) -> str:
        return "; ".join(f"{entry} -> {formula}" for entry, formula in self.components.items()) or "the identity"


def read_action(loss: Loss, action: FiniteAction) -> dict[str, Node]:
    """The components of an action as scalar expressions in the symbols of the loss and the time."""
    shapes = free_shapes(loss)
    given = {name: item.node for name, item in loss.data.items() if item.values is not None}
    if action.time in shapes or action.time in given:
        raise InputError(
            f"the time of the action is called {action.time!r}",
            why="the loss has a symbol of that name",
            cure="give it another name: FiniteAction(..., time='s')",
        )
    known = movable(loss)
    nodes = {}
    for entry, formula in action.components.items():
        if entry not in known:
            listed = ", ".join(list(known)[:6]) + (", ..." if len(known) > 6 else "")
            raise InputError(
                f"the component {entry} of an action", why="it is no parameter entry of the loss", cure=f"use {listed}"
            )
        node = read_formula(formula, {**shapes, action.time: ()}, given=given)
        if node.shape != ():
            raise InputError(
                f"the component {entry} -> {formula} of an action",
                why=f"it has the shape {list(node.shape)}",
                cure="give a scalar formula",
            )
        nodes[entry] = node
    return nodes


def moved(loss: Loss, expression: Node, components: Mapping[str, Node]) -> Node:
    """An expression in the symbols of the loss, with the components in the place of the entries."""
    places = movable(loss)
    shapes = free_shapes(loss)
    by_name: dict[str, dict[int, Node]] = {}
    for entry, node in components.items():
        name, k = places[entry]
        by_name.setdefault(name, {})[k] = node
    return substitute(expression, {name: _stacked(name, shapes[name], parts) for name, parts in by_name.items()})


def _stacked(name: str, shape: Shape, parts: Mapping[int, Node]) -> Node:
    """A symbol with some of its entries replaced."""
    whole = symbol(name, shape)
    if not shape:
        return parts[0]
    entries = [
        indexing.reshape(parts[k], (1,)) if k in parts else indexing.gather(whole, (k,), (1,))
        for k in range(whole.size)
    ]
    return indexing.reshape(indexing.concatenate(entries), shape)


def at_time(components: Mapping[str, Node], time: str, value: Node) -> dict[str, Node]:
    """The components at another time."""
    return {entry: substitute(node, {time: value}) for entry, node in components.items()}


def composed(loss: Loss, outer: Mapping[str, Node], inner: Mapping[str, Node]) -> dict[str, Node]:
    """The components of the outer action after the inner one."""
    after = {entry: moved(loss, node, inner) for entry, node in outer.items()}
    return {**inner, **after}


def entry_node(loss: Loss, entry: str) -> Node:
    """An entry itself."""
    name, k = movable(loss)[entry]
    whole = symbol(name, free_shapes(loss)[name])
    return indexing.gather(whole, (k,), ()) if whole.shape else whole


def action_quantities(loss: Loss, action: FiniteAction) -> dict[str, list[Difference]]:
    """What has to vanish for each statement about an action."""
    time = action.time
    shapes = free_shapes(loss)
    second = next(name for name in (f"{time}_{k}" for k in range(1, 1000)) if name not in shapes)
    components = read_action(loss, action)
    later = at_time(components, time, symbol(second))
    both = at_time(components, time, operations.add(symbol(second), symbol(time)))
    start = at_time(components, time, number(0))
    timed = {**shapes, time: ()}
    twice = {**timed, second: ()}
    own = {entry: entry_node(loss, entry) for entry in components}
    after = composed(loss, later, components)
    changed = moved(loss, loss.expression, components)
    return {
        f"L(g_{time} w) = L(w)": [Difference(changed, loss.expression, timed)],
        "g_0 w = w": [Difference(start[entry], own[entry], shapes) for entry in components],
        f"g_s(g_{time} w) = g_(s+{time}) w": [Difference(after[entry], both[entry], twice) for entry in components],
    }
