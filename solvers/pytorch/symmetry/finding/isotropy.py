"""Lengths and means along the last axis, written out by a module: orthogonal maps leave them as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from torch import Tensor

from solvers.pytorch.symmetry.finding.frames import Metric
from solvers.pytorch.symmetry.finding.rules_linear import counts
from solvers.pytorch.symmetry.finding.spaces import Atlas, Items, Occurrence, State
from solvers.pytorch.symmetry.finding.trace import CASTS, keeps_numbers, named_arguments, operation_name
from solvers.pytorch.symmetry.finding.values import Value, constant, held, mapped, settled

LENGTHS = frozenset(("linalg_vector_norm", "norm", "var", "std"))
MEANS = frozenset(("mean", "sum"))


@final
@dataclass(frozen=True)
class Isotropic:
    """An operation, or two, that orthogonal maps of the last axis of what it begins with leave as they are.

    Parameters
    ----------
    start: the node that it begins with.
    centred: whether only those do that keep the vector of ones, or turn it round.
    upright: whether only those do that do not turn it round either.
    number: whether the result is a number for each vector; otherwise it is the vector less its mean.
    inside: nodes that need not be looked at.
    """

    start: Any
    centred: bool
    upright: bool = False
    number: bool = True
    inside: frozenset[str] = frozenset()


def isotropic(graph: Any) -> dict[str, Isotropic]:
    """The operations of this kind in a graph, by the node with the result."""
    found: dict[str, Isotropic] = {}
    for node in graph.nodes:
        one = _read(node) if node.op == "call_function" else None
        if one is not None:
            found[node.name] = one
    return {
        name: replace(one, upright=one.upright and not _only_taken_away(name, graph, found))
        for name, one in found.items()
    }


def _only_taken_away(name: str, graph: Any, found: Mapping[str, Isotropic]) -> bool:
    """Whether a mean is only subtracted from the vectors of which it is the mean."""
    nodes = [node for node in graph.nodes if node.name == name]
    while nodes:
        for user in nodes.pop().users:
            if user.op == "call_function" and operation_name(user.target) in CASTS and keeps_numbers(user):
                nodes.append(user)
            elif user.name not in found or found[user.name].number:
                return False
    return True


def _read(node: Any) -> Isotropic | None:
    """One operation."""
    name = operation_name(node.target)
    if name in MEANS | LENGTHS and _along_last(node):
        inner = node.args[0]
        if name in LENGTHS:
            return Isotropic(inner, centred=name in ("var", "std"))
        squared = _squared(inner)
        if squared is not None and len(inner.users) == 1:
            return Isotropic(squared, centred=False, inside=frozenset((inner.name,)))
        return Isotropic(inner, centred=True, upright=True)
    if name == "sub" and len(node.args) == 2 and not node.kwargs and hasattr(node.args[1], "op"):
        value, mean = _bare(node.args[0]), _bare(node.args[1])
        averaged = mean.op == "call_function" and operation_name(mean.target) == "mean" and _along_last(mean)
        if averaged and _bare(mean.args[0]) is value and mean.meta["val"].ndim == value.meta["val"].ndim:
            return Isotropic(node.args[0], centred=True, number=False)
    return None


def _along_last(node: Any) -> bool:
    """Whether an operation reduces the last axis alone, by the Euclidean norm if it is a norm."""
    named: Mapping[str, Any] = named_arguments(node.target, node.args, node.kwargs)
    found = node.args[0].meta.get("val") if hasattr(node.args[0], "meta") else None
    if not isinstance(found, Tensor) or not found.is_floating_point() or found.ndim < 2:
        return False
    if counts(named) or any(named.get(order, 2) not in (2, None) for order in ("ord", "p")):
        return False
    dims = named.get("dim")
    dims = [dims] if isinstance(dims, int) else list(dims or [])
    return [dim % found.ndim for dim in dims] == [found.ndim - 1]


def _squared(node: Any) -> Any:
    """The node of which one is the square, if it is one."""
    if node.op != "call_function":
        return None
    name = operation_name(node.target)
    if name == "square" or (name == "pow" and node.args[1] == 2):
        return node.args[0]
    return node.args[0] if name == "mul" and node.args[0] is node.args[1] else None


def _bare(node: Any) -> Any:
    """A node before it was cast or copied."""
    while node.op == "call_function" and operation_name(node.target) in CASTS and keeps_numbers(node):
        node = node.args[0]
    return node


def followed(atlas: Atlas, found: Isotropic, value: Value, shape: tuple[int, ...]) -> Value:
    """The result, after the demand that what acts on the last axis is orthogonal."""
    last = atlas.resolved(value.axes[-1])
    if not atlas.occurrences(last):
        return _without(atlas, value, shape) if found.number else value
    beside: Items = tuple(item for axis in value.axes[:-1] for item in axis)
    own = last[0] if len(last) == 1 and isinstance(last[0], Occurrence) else None
    if own is None or own.space.state is not State.LINEAR:
        return held(atlas, value, shape, "a length or a mean")
    if own.space in {item.space for item in atlas.occurrences(beside)}:
        return held(atlas, value, shape, "a length or a mean")
    atlas.require(own.space, own.character.magnitude())
    own.space.metrics.append(Metric(own.frame.turned(own.turn), found.centred, found.upright))
    return _without(atlas, value, shape) if found.number else value


def _without(atlas: Atlas, value: Value, shape: tuple[int, ...]) -> Value:
    """One number for each vector."""
    rest = mapped(atlas, Value(value.axes[:-1], constant=value.constant), "any")
    axes = rest.axes if len(shape) < value.ndim else (*rest.axes, ())
    return settled(atlas, replace(constant(shape), axes=axes, constant=value.constant))
