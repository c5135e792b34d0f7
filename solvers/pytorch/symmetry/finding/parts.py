"""The parts of a module that can be traced where the whole cannot: they are found by hooks while it runs once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.pytorch.symmetry.finding.recording import Call, Record, run
from solvers.pytorch.symmetry.finding.trace import Trace, traced
from solvers.pytorch.symmetry.finding.watching import place_of


@final
@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a module as a function of its own.

    Parameters
    ----------
    name: of the part in the whole.
    module: the part.
    trace: its operations.
    calls: what it was called with.
    held: its tensors, by their names in the part, that others use as well or that nobody used.
    names: of its tensors in the whole, by those in the part.
    """

    name: str
    module: nn.Module
    trace: Trace
    calls: tuple[Call, ...]
    held: frozenset[str]
    names: Mapping[str, str]


def parts_of(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[list[Part], list[str]]:
    """The largest parts that can be traced, with what the module gives them, and notes on what cannot.

    Raises
    ------
    InputError: the module does not run on its inputs.
    """
    record = Record(module)
    with record.hooked():
        run(module, args, kwargs, record.reads)
    parts: list[Part] = []
    untraced = [type(module).__name__]
    seen: set[int] = set()

    def search(whole: nn.Module) -> None:
        """Trace the children of a module, and theirs where a child cannot be traced."""
        for child in whole.children():
            calls = record.calls.get(id(child), [])
            scripted = isinstance(child, torch.jit.ScriptModule)
            if id(child) in seen or scripted or not any(True for _ in child.parameters()):
                continue
            seen.add(id(child))
            trace = _traced(child, calls[0]) if calls and id(child) not in record.transformed else None
            if trace is not None:
                parts.append(_part(record, child, trace))
                continue
            if calls:
                untraced.append(record.names[id(child)])
            search(child)

    search(module)
    note = (
        f"could not be traced: {', '.join(untraced)}; the group is that of its parts "
        f"{', '.join(part.name for part in parts)}; that nothing else sees into them is known only from running it"
    )
    return parts, [note]


def _traced(module: nn.Module, call: Call) -> Trace | None:
    """The operations of a part, where they can be followed and all of its results can be looked into."""
    try:
        trace = traced(module, *call)
    except InputError:
        return None
    return None if trace.ignored else trace


def _part(record: Record, module: nn.Module, trace: Trace) -> Part:
    """A part with what it must not move."""
    own = [name for name, one in record.module.named_modules(remove_duplicate=False) if one is module]
    outside = {
        place_of(tensor)
        for name, tensor in _everywhere(record.module)
        if not any(name.startswith(f"{prefix}.") for prefix in own)
    }
    first = {id(tensor): name for name, tensor in _once(record.module)}
    held = {
        name
        for name, tensor in _once(module)
        if place_of(tensor) in outside or not record.reads.only_inside(tensor, module)
    }
    names = {name: first[id(tensor)] for name, tensor in _once(module)}
    name = record.names[id(module)]
    calls = tuple(record.calls[id(module)])
    return Part(name=name, module=module, trace=trace, calls=calls, held=frozenset(held), names=names)


def _once(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Parameters and buffers, each under its first name."""
    return [*module.named_parameters(), *module.named_buffers()]


def _everywhere(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Parameters and buffers under all their names."""
    return [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
