"""One pass over the operations of a module, in which each makes its demands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor

from solvers.pytorch.symmetry.finding import (
    rules_attention,
    rules_elementwise,
    rules_linear,
    rules_recurrent,
    rules_reduction,
    rules_shape,
)
from solvers.pytorch.symmetry.finding.arguments import Arguments, Rule
from solvers.pytorch.symmetry.finding.characters import Character
from solvers.pytorch.symmetry.finding.frames import is_frame
from solvers.pytorch.symmetry.finding.isotropy import Isotropic, followed, isotropic
from solvers.pytorch.symmetry.finding.joining import Same
from solvers.pytorch.symmetry.finding.regions import Finder, Region, turned
from solvers.pytorch.symmetry.finding.spaces import Atlas, Occurrence, Repeated
from solvers.pytorch.symmetry.finding.trace import Trace, keeps_numbers, named_arguments, operation_name, shapes_of
from solvers.pytorch.symmetry.finding.values import Value, combined, constant

RULES: Mapping[str, Rule] = {
    **rules_elementwise.RULES,
    **rules_linear.RULES,
    **rules_shape.RULES,
    **rules_reduction.RULES,
    **rules_attention.RULES,
    **rules_recurrent.RULES,
}
"""What is known of each operation, by its bare name."""

FILLED = (
    "full",
    "full_like",
    "zeros",
    "zeros_like",
    "ones",
    "ones_like",
    "new_zeros",
    "new_ones",
    "new_full",
    "scalar_tensor",
)


@final
class Interpreter:
    """Values of all nodes of a trace, in an atlas of hidden spaces.

    Parameters
    ----------
    trace: of the module.
    tensors: its parameters and buffers by name.
    held: names of those that nothing may move.
    moving: names of the buffers that may move with the parameters.
    without_epsilon: whether normalisations are taken to divide by variances with nothing added.
    framing: whether products with vectors of parameters are followed as changes of the frame.
    """

    def __init__(
        self,
        trace: Trace,
        tensors: Mapping[str, Tensor],
        *,
        held: frozenset[str],
        moving: frozenset[str],
        without_epsilon: bool = False,
        framing: bool = False,
    ) -> None:
        self.trace = trace
        self.tensors = tensors
        self.held = held
        self.moving = moving
        self.atlas = Atlas(without_epsilon=without_epsilon, framing=framing)
        self.parameters: dict[str, Value] = {}

    def run(self) -> None:
        """Go through all operations; what is left to act is then in the atlas."""
        values = self._graph(self.trace.graph, {}, top=True)
        for name in self.trace.outputs:
            if name in values and isinstance(values[name], Value):
                self.atlas.fix(values[name].items, "an output")
        for place, name in self.trace.mutations.items():
            written = values.get(place)
            if isinstance(written, Value):
                combined(self.atlas, Same(self.atlas), written, self._stored(name))

    def _graph(self, graph: Any, given: Mapping[str, Any], *, top: bool = False) -> dict[str, Any]:
        """The values of all nodes of one graph."""
        values: dict[str, Any] = dict(given)
        regions = Finder(graph, self._known()).regions()
        inside = {name for region in regions.values() for name in region.inside}
        lengths = isotropic(graph) if self.atlas.framing else {}
        inside |= {name for one in lengths.values() for name in one.inside}
        for node in graph.nodes:
            if node.name in values or node.name in inside:
                continue
            if node.op == "placeholder":
                values[node.name] = self._placeholder(node)
            elif node.op == "get_attr":
                found = self.trace.graphs.get(str(node.target))
                values[node.name] = found if found is not None else constant(shapes_of(node)[0])
            elif node.op == "call_function":
                values[node.name] = self._result(node, values, regions.get(node.name), lengths.get(node.name))
            elif node.op == "output" and not top:
                values["output"] = torch.fx.node.map_arg(node.args[0], lambda one: values[one.name])
        return values

    def _known(self) -> dict[str, Tensor]:
        """The tensors that are known and do not move, by placeholder."""
        still = {
            place: self.tensors[name]
            for place, name in self.trace.tensors.items()
            if name in self.tensors and name not in self.moving and name not in self.trace.mutations.values()
            if not isinstance(self.tensors[name], torch.nn.Parameter)
        }
        return {**self.trace.constants, **still}

    def _placeholder(self, node: Any) -> Any:
        """A parameter, a buffer, a constant or an input."""
        name = self.trace.tensors.get(node.name)
        if name is not None and (node.users or name in self.trace.mutations.values()):
            return self._stored(name)
        found = node.meta.get("val")
        return constant(tuple(found.shape)) if isinstance(found, Tensor) else found

    def _stored(self, name: str) -> Value:
        """A parameter or buffer, with a space of its own on each axis where it may move."""
        if name not in self.parameters:
            tensor = self.tensors[name]
            movable = isinstance(tensor, torch.nn.Parameter) or name in self.moving
            if name in self.held or not movable or not tensor.is_floating_point():
                self.parameters[name] = constant(tuple(tensor.shape))
            else:
                spaces = [self.atlas.fresh(int(size), name) for size in tensor.shape]
                for space in spaces:
                    space.family = tuple(other for other in spaces if other is not space)
                self.atlas.beside += [(one, other) for one in spaces for other in spaces if one is not other]
                axes = tuple((Occurrence(space, Character.of(space.variables[0])),) for space in spaces)
                self.parameters[name] = Value(axes)
                if self.atlas.framing and isinstance(tensor, torch.nn.Parameter) and is_frame(tensor):
                    self.atlas.vectors[id(self.parameters[name])] = name
        return self.parameters[name]

    def _result(self, node: Any, values: Mapping[str, Any], region: Region | None, length: Isotropic | None) -> Any:
        """The result of one operation, or of those that make a linear map or a length of the last axis."""
        if region is not None:
            return turned(self.atlas, region, values[region.start])
        start = None if length is None else values.get(length.start.name)
        if length is not None and isinstance(start, Value):
            shape = shapes_of(node)[0]
            return constant(shape) if start.constant else followed(self.atlas, length, start, shape)
        return self._call(node, values)

    def _call(self, node: Any, values: Mapping[str, Any]) -> Any:
        """The result of one operation."""
        name = operation_name(node.target)
        fill = torch.fx.node.map_arg
        args = fill(node.args, lambda one: values.get(one.name))
        kwargs = fill(node.kwargs, lambda one: values.get(one.name))
        if name == "getitem":
            container = args[0]
            return container[args[1]] if isinstance(container, list | tuple) else container
        branches = name in ("cond", "while_loop")
        if name.startswith("wrap_with_") or (not branches and hasattr(args[1] if len(args) > 1 else None, "graph")):
            return self._inner(name, args)
        named = named_arguments(node.target, args, kwargs)
        shapes = shapes_of(node)
        used = {one.args[1] for one in node.users if operation_name(one.target) == "getitem"}
        followed = name == "_weight_norm" and self.trace.lengths_of(node) is not None
        arguments = Arguments(name, named, shapes, {"used": used, "followed": followed})
        if all(one.constant for one in arguments.values):
            return self._constant(node, arguments)
        rule = RULES.get(name)
        if name in rules_elementwise.LINEAR and not keeps_numbers(node):
            rule = rules_elementwise.unknown_map
        if rule is None and torch.Tag.pointwise in getattr(node.target, "tags", ()):
            rule = rules_elementwise.unknown_map
        if rule is None:
            return self._unknown(node, arguments)
        try:
            return rule(self.atlas, arguments)
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
            # A way of calling it that the rule does not know: demands already made only restrict.
            return self._unknown(node, arguments)

    def _inner(self, name: str, args: Any) -> Any:
        """A graph called by an operation that switches gradients or precision."""
        place = next((number for number, one in enumerate(args) if hasattr(one, "graph")), None)
        if place is None or not name.startswith("wrap_with_"):
            given = [one for one in torch.utils._pytree.tree_leaves(args) if isinstance(one, Value)]
            for one in given:
                self.atlas.fix(one.items, f"the operation {name}")
            self.atlas.note(f"the operation {name} is not known: nothing that it reads is moved")
            return ()
        graph = args[place].graph
        names = [node.name for node in graph.nodes if node.op == "placeholder"]
        result = self._graph(graph, dict(zip(names, args[place + 1 :], strict=False)))
        return result.get("output", ())

    def _constant(self, node: Any, arguments: Arguments) -> Any:
        """What no parameter takes part in; the same number everywhere where that is known."""
        name, shapes = arguments.operation, arguments.shapes
        found = node.meta.get("val")
        if not isinstance(found, Tensor):
            return tuple(constant(shape) for shape in shapes) if isinstance(found, list | tuple) else found
        if name in FILLED:
            number = 0 if "zeros" in name else 1 if "ones" in name else arguments.get("fill_value", "s")
            return constant(shapes[0], uniform=True, zero=number == 0)
        uniform = bool(arguments.values) and all(
            isinstance(item, Repeated) for value in arguments.values for item in value.items
        )
        keeps = name in ("clone", "contiguous", "expand", "view", "reshape", "unsqueeze", "select", "slice", "_to_copy")
        zero = keeps and uniform and all(value.zero for value in arguments.values)
        pointwise = torch.Tag.pointwise in getattr(node.target, "tags", ()) and "rand" not in name
        return constant(shapes[0], uniform=uniform and (keeps or pointwise), zero=zero)

    def _unknown(self, node: Any, arguments: Arguments) -> Any:
        """An operation of which nothing is known: what it reads is not moved."""
        name = arguments.operation
        if any(not one.constant for one in arguments.values):
            self.atlas.note(f"the operation {name} is not known: nothing that it reads is moved")
        for one in arguments.values:
            self.atlas.fix(one.items, f"the operation {name}")
        results = tuple(replace(constant(shape), constant=False) for shape in arguments.shapes)
        return results if isinstance(node.meta.get("val"), list | tuple) else results[0]
