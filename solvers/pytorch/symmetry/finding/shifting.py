"""A second pass over the operations of a module: which translations of biases does nothing see?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any, TypeAlias

import torch
from torch import Tensor

from solvers.pytorch.symmetry.finding.centres import kept_centre
from solvers.pytorch.symmetry.finding.displacements import (
    Carried,
    Displaced,
    Stored,
    Translation,
    is_constant_along,
    pattern,
    reordered,
    row_source,
    spread,
    vector_source,
)
from solvers.pytorch.symmetry.finding.trace import (
    CASTS,
    Trace,
    keeps_numbers,
    named_arguments,
    operation_name,
    shapes_of,
)
from solvers.pytorch.symmetry.shifts import Shifts

MOVING = frozenset(
    "view reshape _unsafe_view flatten unflatten permute transpose t unsqueeze squeeze expand select slice split"
    " split_with_sizes chunk unbind clone contiguous alias repeat_interleave repeat".split()
)
"""Operations that put numbers in other places and change none."""

Known: TypeAlias = Displaced | Stored | Any

Rule: TypeAlias = Callable[[Mapping[str, Any], tuple[tuple[int, ...], ...]], Any]
"""The results of an operation from its arguments by name and the shapes of the results."""


class Following(ABC):
    """The translations of the parameters of a module, followed through its operations.

    Parameters
    ----------
    trace: of the module.
    tensors: its parameters and buffers by name.
    movable: names of those that may move.
    """

    def __init__(self, trace: Trace, tensors: Mapping[str, Tensor], *, movable: frozenset[str]) -> None:
        self.trace = trace
        self.tensors = tensors
        self.movable = movable
        self.translations: list[Translation] = []
        self.uses: dict[str, int] = {}

    @abstractmethod
    def rule(self, name: str) -> Rule | None:
        """What an operation does to translations, by its bare name."""

    def run(self) -> tuple[Shifts, ...]:
        """Follow all operations; what nothing has seen is free."""
        for node in self.trace.graph.nodes:
            name = self.trace.tensors.get(node.name)
            if node.op == "placeholder" and name is not None:
                self.uses[name] = self.uses.get(name, 0) + _readings(node)
        values: dict[str, Known] = {}
        for node in self.trace.graph.nodes:
            if node.op == "placeholder":
                values[node.name] = self._placeholder(node)
            elif node.op == "get_attr":
                values[node.name] = Displaced(shapes_of(node)[0], constant=True)
            elif node.op == "call_function":
                values[node.name] = self._call(node, values)
        for name in (*self.trace.outputs, *self.trace.mutations):
            found = values.get(name)
            if isinstance(found, Displaced):
                found.see()
        return self._components()

    def _components(self) -> tuple[Shifts, ...]:
        """The groups of what is free, each with a name of its own."""
        found: list[Shifts] = []
        names: set[str] = set()
        everything = [part for one in self.translations for part in (one, *_parts(one))]
        alive = {
            flow.target.tensor
            for one in everything
            if not one.row and one.free.any()
            for flow in one.flows
            if not flow.weights
        }
        rows = {one.flows[0].target.tensor for one in everything if one.row and bool(one.free.all())}
        for one in everything:
            targets = [flow.target for flow in one.flows]
            tables = not one.row and all(leg.tensor in rows and len(leg.shape) > 1 for leg in targets)
            # Rows of a bias are among its own translations.
            if one.row and targets[0].tensor in alive and not targets[0].axes:
                continue
            base = f"{one.name} shift"
            number, name = 1, base
            while name in names:
                number += 1
                name = f"{base} ({number})"
            component = one.component(name, centred=tables)
            if component is not None:
                names.add(name)
                found.append(component)
        return tuple(found)

    def _placeholder(self, node: Any) -> Known:
        """A parameter that may move, or a constant."""
        name = self.trace.tensors.get(node.name)
        found = node.meta.get("val")
        if name is not None and name in self.movable:
            shape = tuple(self.tensors[name].shape)
            return Stored(name, shape, tuple(range(len(shape))), self.uses[name] == 1)
        return Displaced(tuple(found.shape), constant=True) if isinstance(found, Tensor) else found

    def _call(self, node: Any, values: Mapping[str, Known]) -> Known:
        """The result of one operation, after what it sees was marked."""
        name = operation_name(node.target)
        fill: Any = torch.fx.node.map_arg
        args = fill(node.args, lambda one: values.get(one.name))
        kwargs = fill(node.kwargs, lambda one: values.get(one.name))
        if _only_looks(node):
            return None
        if name == "getitem":
            return args[0][args[1]] if isinstance(args[0], list | tuple) else args[0]
        named = named_arguments(node.target, args, kwargs)
        given = [
            one for one in torch.utils._pytree.tree_leaves(list(named.values())) if isinstance(one, Displaced | Stored)
        ]
        rule = self.rule(name)
        shapes = shapes_of(node)
        if name in CASTS and len(given) == 1 and keeps_numbers(node) and given[0] is args[0]:
            result = given[0]
        elif name in MOVING and given:
            result = self._moved(node, args, given[0])
        elif given and all(isinstance(one, Displaced) and one.constant for one in given):
            result = self._plain(node, constant=True)
        elif rule is not None:
            result = rule(named, shapes)
        else:
            for one in given:
                if isinstance(one, Displaced):
                    one.see()
            result = self._plain(node)
        if isinstance(result, Displaced) and _readings(node) != 1:
            result = replace(result, source=None)
        if isinstance(result, Displaced) and given:
            result = replace(result, centred=result.centred or kept_centre(node, named, given))
        return result

    def _plain(self, node: Any, *, constant: bool = False) -> Known:
        """Results with no translation in them."""
        found = node.meta.get("val")
        shapes = shapes_of(node)
        results = tuple(Displaced(shape, constant=constant) for shape in shapes)
        return results if isinstance(found, list | tuple) else results[0]

    def _moved(self, node: Any, args: Any, value: Displaced | Stored) -> Known:
        """Numbers put in other places, and with them the entries of the vectors that are added to them."""
        if isinstance(value, Stored):
            return reordered(operation_name(node.target), args, value, shapes_of(node)[0])
        results: list[list[Carried]] = []
        found = node.meta.get("val")
        shapes = shapes_of(node)
        for one in value.carried:
            images = node.target(one.index.contiguous(), *args[1:], **node.kwargs)
            several = images if isinstance(found, list | tuple) else [images]
            results.append([one.moved(image.contiguous()) for image in several])
        last = value.stochastic and bool(shapes[0]) and shapes[0][-1:] == value.shape[-1:]
        last = last and operation_name(node.target) in (
            "view",
            "clone",
            "expand",
            "unsqueeze",
            "reshape",
            "_unsafe_view",
        )
        moved = [
            Displaced(shape, tuple(one[place] for one in results), stochastic=last, constant=value.constant)
            for place, shape in enumerate(shapes)
        ]
        if operation_name(node.target) in ("clone", "contiguous", "alias"):
            moved[0] = replace(moved[0], source=value.source)
        return tuple(moved) if isinstance(found, list | tuple) else moved[0]

    def vector(self, stored: Stored | Displaced | Any, shape: tuple[int, ...], axis: int) -> Displaced:
        """A bias along an axis as a value, with a translation of its own where it is read only here."""
        if not isinstance(stored, Stored):
            return stored if isinstance(stored, Displaced) else Displaced(shape, constant=True)
        if not stored.once or stored.shape[-1] != shape[axis] or prod(stored.shape) != stored.shape[-1]:
            return Displaced(shape)
        found = vector_source(stored, shape, axis)
        self.translations.append(found.carried[0].translation)
        if axis % len(shape) != len(shape) - 1:
            return found
        row = row_source(stored, (), shape)
        self.translations.append(row.translation)
        return replace(found, carried=(*found.carried, row))

    def table(self, stored: Stored, shape: tuple[int, ...]) -> Displaced:
        """A table of vectors as a value along its last axis, with translations where it is read only here."""
        number = len(stored.shape)
        if not stored.once or number < 2 or stored.order != tuple(range(number)) or shape[-1] != stored.shape[-1]:
            return Displaced(shape)
        found = vector_source(stored, shape, len(shape) - 1)
        row = row_source(stored, range(number - 1), shape)
        self.translations += [found.carried[0].translation, row.translation]
        return replace(found, carried=(*found.carried, row))

    def added(self, left: Displaced, right: Displaced, shape: tuple[int, ...]) -> Displaced:
        """The sum of two values: a parameter that nothing else has seen takes up what the other brings."""
        left, right = _broadcast(left, shape), _broadcast(right, shape)
        source, other = (right, left) if right.source is not None else (left, right)
        if source.source is None:
            return Displaced(shape, left.carried + right.carried)
        leg, own = source.source
        place = next(one for one in source.carried if one.translation is own)
        kept = [one for one in source.carried if one.translation is own or one.translation.row]
        for one in (*other.carried, *source.carried):
            if one.translation.row and one not in kept:
                kept.append(one)
            elif one.translation is not own and not one.translation.row:
                if torch.equal(one.index, place.index):
                    one.taken_up(leg)
                else:
                    kept.append(one)
        return Displaced(shape, tuple(kept), source=source.source)

    def through(self, value: Displaced, weight: Any, axes: tuple[int, int], shape: tuple[int, ...]) -> Displaced:
        """The linear map of the last axis by a parameter with its inner and outer axis given."""
        inner, outer = axes
        if not isinstance(weight, Stored) or len(weight.shape) != 2:
            value.see()
            if isinstance(weight, Displaced):
                weight.see()
            return Displaced(shape)
        carried: list[Carried] = []
        for one in value.carried:
            repeats = None if one.translation.row else pattern(one.index, one.index.ndim - 1)
            if repeats is None or not one.route():
                one.see()
                continue
            size = weight.shape[inner] // repeats
            stored = (size, repeats)
            whole = (weight.shape[outer], *stored) if outer < inner else (*stored, weight.shape[outer])
            if repeats > 1 and outer > inner:
                one.see()
                continue
            leg = weight.leg((inner,), shape=weight.shape if repeats == 1 else whole)
            carried.append(
                replace(
                    one,
                    index=spread(weight.shape[outer], shape, len(shape) - 1),
                    weights=(*one.weights, leg),
                    totals=(*one.totals, repeats),
                )
            )
        if weight.once:
            row = row_source(weight, (inner,), shape)
            self.translations.append(row.translation)
            carried.append(row)
        return Displaced(shape, tuple(carried))

    def absorbed(self, value: Displaced, dims: tuple[int, ...]) -> None:
        """A map that does not see what is the same along axes; everything else is seen."""
        for one in value.carried:
            if not one.translation.row or not all(is_constant_along(one.index, dim) for dim in dims):
                one.see()


def _readings(node: Any) -> int:
    """How often operations read the numbers of a node; one may read it twice."""
    leaves = torch.utils._pytree.tree_leaves
    users = [user for user in node.users if not _only_looks(user)]
    return sum(one is node for user in users for one in leaves((user.args, user.kwargs)))


def _only_looks(node: Any) -> bool:
    """Whether an operation asks for the shape and precision of a value alone."""
    return node.op == "call_function" and operation_name(node.target) == "_assert_tensor_metadata"


def _parts(one: Translation) -> list[Translation]:
    """The parts of a translation, and theirs."""
    return [part for own in one.parts.values() for part in (own, *_parts(own))]


def _broadcast(value: Displaced, shape: tuple[int, ...]) -> Displaced:
    """A value in a larger shape."""
    carried = tuple(replace(one, index=one.index.expand(shape)) for one in value.carried)
    return replace(value, shape=shape, carried=carried)
