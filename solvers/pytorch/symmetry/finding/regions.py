"""Constant linear maps made of many operations, such as rotary position embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from solvers.pytorch.symmetry.finding.spaces import Atlas, Occurrence, State
from solvers.pytorch.symmetry.finding.trace import operation_name
from solvers.pytorch.symmetry.finding.values import Value, settled

RENAMING = frozenset(
    "slice select split split_with_sizes chunk unbind getitem neg cat stack view reshape _unsafe_view flatten unflatten"
    " transpose permute unsqueeze squeeze clone contiguous _to_copy to view_as_complex view_as_real alias".split()
)
"""Operations that are linear in what they are given."""

TELLING = frozenset("slice select split split_with_sizes chunk unbind view_as_complex matmul".split())
"""Operations that tell the units of an axis apart: without them the rules of each operation say as much."""

LONGEST = 48
"""Number of operations after which a region is given up."""

POSITIONS = 32
"""Number of positions at which the matrices are read off."""


@final
@dataclass(frozen=True)
class Region:
    """Operations that together are a linear map of the last axis at every position.

    Parameters
    ----------
    start, end: the nodes before and after it.
    inside: names of the nodes between.
    run: the map itself.
    shape, device: of what it is applied to.
    """

    start: str
    end: str
    inside: frozenset[str]
    run: Callable[[Tensor], Tensor] = field(compare=False)
    shape: tuple[int, ...]
    device: torch.device

    def apply(self, value: Tensor) -> Tensor:
        """The map of a value that is not on its device."""
        return self.run(value.to(self.device)).cpu()


@final
class Finder:
    """The regions of one graph.

    Parameters
    ----------
    graph: of operations.
    known: tensors that do not move, by the placeholder that stands for them.
    """

    def __init__(self, graph: Any, known: Mapping[str, Tensor]) -> None:
        self.nodes = list(graph.nodes)
        self.place = {node: number for number, node in enumerate(self.nodes)}
        self.known = dict(known)
        self.still: set[Any] = set()
        for node in self.nodes:
            fixed = node.op == "placeholder" and node.name in known
            inputs = node.all_input_nodes
            made = node.op == "call_function" and all(one in self.still for one in inputs)
            if fixed or (
                made and "rand" not in operation_name(node.target) and "drop" not in operation_name(node.target)
            ):
                self.still.add(node)

    def regions(self) -> dict[str, Region]:
        """All regions, by the node that they end at; none begins inside another."""
        found: dict[str, Region] = {}
        taken: set[str] = set()
        for node in self.nodes:
            telling = any(operation_name(user.target) in TELLING for user in node.users if user.op == "call_function")
            if node.name in taken or node in self.still or not telling or not _is_real(node):
                continue
            region = self.region(node)
            if region is not None:
                found[region.end] = region
                taken |= region.inside
        return found

    def region(self, start: Any) -> Region | None:
        """The shortest region that begins at a node and holds all that is made of it, else the shortest."""
        members: list[Any] = []
        partial: Region | None = None
        inside = {start}
        shape = tuple(start.meta["val"].shape)
        for node in self.nodes[self.place[start] + 1 : self.place[start] + 8 * LONGEST]:
            if node.op != "call_function" or not any(one in inside for one in node.all_input_nodes):
                continue
            if not self._is_linear(node, inside):
                continue
            members.append(node)
            inside.add(node)
            if len(members) > LONGEST:
                break
            if _is_real(node) and tuple(node.meta["val"].shape) == shape:
                between = self._between(members, node)
                closed = all(user in between or user is node for one in between for user in one.users)
                told = any(operation_name(one.target) in TELLING for one in between)
                if closed and told:
                    steps = [one for one in members if one in between or one is node]
                    names = frozenset(one.name for one in between)
                    found = Region(
                        start.name, node.name, names, self._map(start, steps), shape, start.meta["val"].device
                    )
                    if all(user in between or user is node for user in start.users):
                        return found
                    partial = partial or found
        return partial

    def _is_linear(self, node: Any, inside: set[Any]) -> bool:
        """Whether an operation is linear in the members among what it reads, everything else being constant."""
        name = operation_name(node.target)
        inputs = node.all_input_nodes
        own = [one for one in inputs if one in inside]
        if any(one not in inside and one not in self.still for one in inputs):
            return False
        if name in ("mul", "matmul", "bmm"):
            return len(own) == 1 and list(node.args[:2]).count(own[0]) <= 1
        if name == "div":
            return len(own) == 1 and node.args[0] is own[0]
        if name in ("add", "sub"):
            return all(one in inside for one in node.args[:2] if hasattr(one, "op")) and len(own) == len(node.args[:2])
        return name in RENAMING and len(own) == len(inputs)

    def _between(self, members: list[Any], end: Any) -> set[Any]:
        """The members from which a member is made."""
        between: set[Any] = set()
        stack = [end]
        while stack:
            for one in stack.pop().all_input_nodes:
                if one in members and one not in between:
                    between.add(one)
                    stack.append(one)
        return between

    def _map(self, start: Any, steps: list[Any]) -> Callable[[Tensor], Tensor]:
        """The map that the operations make."""

        def run(value: Tensor) -> Tensor:
            """The image of a value."""
            known: dict[Any, Any] = {start: value}
            with torch.no_grad():
                for step in steps:
                    known[step] = self._evaluated(step, known)
            return known[steps[-1]]

        return run

    def _evaluated(self, node: Any, known: dict[Any, Any]) -> Any:
        """The value of a node, from members that are known and from constants."""

        def of(one: Any) -> Any:
            """The value of one input."""
            return known[one] if one in known else self._constant(one)

        args = torch.fx.node.map_arg(node.args, of)
        return node.target(*args, **torch.fx.node.map_arg(node.kwargs, of))

    def _constant(self, node: Any) -> Any:
        """The value of a node that no parameter and no input takes part in."""
        if node.name not in self.known:
            self.known[node.name] = self._evaluated(node, {})
        return self.known[node.name]


def _is_real(node: Any) -> bool:
    """Whether a node is a tensor of real numbers with axes."""
    found = node.meta.get("val")
    return isinstance(found, Tensor) and found.is_floating_point() and found.ndim > 0


def matrices_of(region: Region, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, ...]] | None:
    """The matrices of a region at some positions, and along which axes they differ, if it is such a map."""
    *leading, size = region.shape
    generic = torch.from_numpy(rng.standard_normal(size)).expand(region.shape).clone()
    try:
        image = region.apply(generic)
    except (RuntimeError, TypeError, ValueError):
        return None
    varying = tuple(
        dim for dim in range(len(leading)) if not torch.equal(image, image.narrow(dim, 0, 1).expand_as(image))
    )
    counts = [leading[dim] if dim in varying else 1 for dim in range(len(leading))]
    total = int(np.prod(counts, dtype=int))
    chosen = np.unique(np.append(rng.choice(total, min(total, POSITIONS), replace=False), total - 1))
    spots = np.unravel_index(chosen, counts) if counts else ()
    index = tuple(torch.from_numpy(one) for one in spots)
    columns = []
    for unit in torch.eye(size, dtype=torch.float64):
        columns.append(region.apply(unit.expand(region.shape).clone())[index].double().reshape(-1, size))
    matrices = torch.stack(columns, -1)
    other = torch.from_numpy(rng.standard_normal(region.shape))
    local = (matrices @ other[index].reshape(-1, size, 1))[..., 0]
    apart = (region.apply(other)[index].double().reshape(-1, size) - local).abs().max()
    return (matrices.numpy(), varying) if float(apart) < 1e-9 * (1 + float(local.abs().max())) else None


def turned(atlas: Atlas, region: Region, value: Value) -> Value:
    """The value after the map: on the last axis only what commutes with it may act."""
    axis = atlas.resolved(value.axes[-1])
    if not atlas.occurrences(value.items):
        return value
    read = matrices_of(region, np.random.default_rng(0))
    first = axis[0] if len(axis) == 1 else None
    if read is None:
        atlas.fix(value.items, "a linear map that is not the same kind at all positions")
    elif isinstance(first, Occurrence) and first.space.state is State.LINEAR:
        first.space.matrices.append((first.character, read[0]))
        for dim in read[1]:
            atlas.pin(value.axes[dim])
    else:
        atlas.fix(axis, "a constant linear map")
        for dim in read[1]:
            atlas.pin(value.axes[dim])
    return settled(atlas, value)
