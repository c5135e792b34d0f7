"""The operations of a module as a flat list, with what its tensors are called."""

from __future__ import annotations

import io
import logging
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from copy import copy
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from manifolds.errors import InputError


@final
@dataclass(frozen=True)
class Trace:
    """A module as a graph of functional operations.

    Parameters
    ----------
    graph: of PyTorch operations without side effects.
    tensors: parameters and buffers by the placeholder that stands for them; tied ones have their first name.
    constants: other tensors by the placeholder or attribute that stands for them.
    outputs: names of the nodes that are results.
    mutations: buffers that the module overwrites, by the node that holds what is written.
    graphs: graphs that operations of the graph call, by attribute.
    ignored: classes of results that are no tensors and were not looked into.
    """

    graph: Any
    tensors: Mapping[str, str]
    constants: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    mutations: Mapping[str, str]
    graphs: Mapping[str, Any]
    ignored: tuple[str, ...] = ()

    def lengths_of(self, node: Any) -> tuple[str, str, int] | None:
        """The directions, the lengths and the axis of a weight normalisation of two parameters read only there."""
        first, second = node.args[:2]
        axis = int(node.args[2]) if len(node.args) > 2 else 0
        names = [self.tensors.get(one.name) for one in (first, second)]
        if None in names or any(len(one.users) != 1 for one in (first, second)) or axis < 0:
            return None
        if len(first.meta["val"].shape) != len(second.meta["val"].shape):
            return None
        return str(names[0]), str(names[1]), axis

    @property
    def lengths(self) -> dict[str, tuple[str, int]]:
        """The lengths and the axis of all weight normalisations, by directions."""
        nodes = [node for node in self.graph.nodes if node.op == "call_function"]
        found = [self.lengths_of(node) for node in nodes if operation_name(node.target) == "_weight_norm"]
        return {one[0]: one[1:] for one in found if one is not None}


def traced(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Trace:
    """The operations that the module makes of its inputs; the module itself is left as it was.

    Raises
    ------
    InputError: the operations depend on the data, or cannot be followed.
    """
    ignored: list[str] = []
    plain = _Plain(module, ignored.append)
    with undisturbed(module), _silent():
        try:
            program = torch.export.export(plain, args, dict(kwargs), strict=False)
            program = program.run_decompositions(decomp_table={})
        except Exception as error:
            raise InputError(
                f"{type(module).__name__} could not be traced",
                why=reason(error),
                cure="its operations must not depend on values of tensors; replace such branches by torch.where, "
                "or find the symmetries of its parts",
            ) from error
    signature = program.graph_signature
    first = {id(tensor): name for name, tensor in (*module.named_parameters(), *module.named_buffers())}
    own = {
        **dict(plain.named_parameters(remove_duplicate=False)),
        **dict(plain.named_buffers(remove_duplicate=False)),
    }
    tensors = {
        place: first.get(id(own.get(name)), name.removeprefix("module."))
        for place, name in {**signature.inputs_to_parameters, **signature.inputs_to_buffers}.items()
    }
    lifted = signature.inputs_to_lifted_tensor_constants
    constants = {place: program.constants[name] for place, name in lifted.items() if name in program.constants}
    mutations = {
        place: first.get(id(own.get(name)), name.removeprefix("module."))
        for place, name in signature.buffers_to_mutate.items()
    }
    graphs = dict(program.graph_module.named_children())
    outputs = (*map(str, signature.user_outputs), *signature.user_inputs_to_mutate)
    return Trace(program.graph, tensors, constants, outputs, mutations, graphs, tuple(dict.fromkeys(ignored)))


@contextmanager
def _silent() -> Iterator[None]:
    """Keep to itself what the tracer prints of operations that it cannot follow; the error says it."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


class _Plain(nn.Module):
    """A module whose results are plain lists and dictionaries of tensors.

    Parameters
    ----------
    module: whose results may be objects of other classes; of those only mappings and sequences are looked into.
    ignore: told the classes of the others.
    """

    def __init__(self, module: nn.Module, ignore: Callable[[str], None]) -> None:
        super().__init__()
        self.module = module
        self.ignore = ignore

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module returns, as tensors."""
        return self._plain(self.module(*args, **kwargs))

    def _plain(self, result: Any) -> Any:
        """The tensors of a result."""
        if isinstance(result, Mapping):
            return {str(name): self._plain(one) for name, one in result.items()}
        if isinstance(result, list | tuple):
            return [self._plain(one) for one in result]
        if result is None or isinstance(result, Tensor | int | float | bool | str):
            return result
        self.ignore(type(result).__name__)
        return None


def reason(error: Exception) -> str:
    """The first lines of what the tracer says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:3])[:400]}"


@contextmanager
def undisturbed(module: nn.Module) -> Iterator[None]:
    """Leave attributes, random numbers and switches as they are found."""
    attributes = [
        (one, {name: (value, _shallow(value)) for name, value in vars(one).items()}) for one in module.modules()
    ]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for one, before in attributes:
            for name, (value, content) in before.items():
                vars(one)[name] = value
                if isinstance(value, list) and content is not value:
                    value[:] = content
                elif content is not value:
                    value.clear()
                    value.update(content)
            for name in set(vars(one)) - set(before):
                del vars(one)[name]


def _shallow(value: Any) -> Any:
    """A copy of a list, a dictionary or a set, hooks among them; anything else as it is."""
    return copy(value) if type(value) in (list, dict, set, OrderedDict, defaultdict) else value


def operation_name(target: Any) -> str:
    """The bare name of an operation: ``linear`` of ``aten.linear.default``."""
    packet = getattr(target, "overloadpacket", None)
    name = getattr(packet, "__name__", None) or getattr(target, "__name__", str(target))
    return str(name)


def named_arguments(target: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by the names of the schema, with defaults for those left out."""
    schema = getattr(target, "_schema", None)
    if schema is None:
        return {**{str(place): one for place, one in enumerate(args)}, **kwargs}
    named: dict[str, Any] = {}
    for place, argument in enumerate(schema.arguments):
        if place < len(args):
            named[argument.name] = args[place]
        elif argument.name in kwargs:
            named[argument.name] = kwargs[argument.name]
        elif argument.has_default_value():
            named[argument.name] = argument.default_value
    return named


CASTS = frozenset(("_to_copy", "to", "type_as", "clone", "alias", "contiguous"))
"""Operations after which the numbers are the same, but for their precision."""


def keeps_numbers(node: Any) -> bool:
    """Whether the result of an operation may be fractional: whole numbers are what a cast has cut off."""
    found = node.meta.get("val")
    return not isinstance(found, Tensor) or found.is_floating_point() or found.is_complex()


def shapes_of(node: Any) -> tuple[tuple[int, ...], ...]:
    """The shapes of the results of a node, none where it is no tensor."""
    found = node.meta.get("val")
    several = found if isinstance(found, list | tuple) else [found]
    return tuple(tuple(map(int, one.shape)) if isinstance(one, Tensor) else () for one in several)
