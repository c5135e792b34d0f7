"""What the parts of a module are called with, and who reads its tensors, while it runs once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, TypeAlias, final

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from manifolds.errors import InputError
from solvers.pytorch.symmetry.finding.trace import reason, undisturbed
from solvers.pytorch.symmetry.finding.watching import Reads, left_alone, place_of

Call: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional arguments and the others."""

ALIKE = 4
"""Number of calls of a part, alike in shapes and numbers, that are kept."""

MOST = 16
"""Number of calls of a part that are kept."""


def run(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], reads: Reads | None = None) -> None:
    """Call a module as it is, and leave it and its inputs bit for bit as they were.

    Raises
    ------
    InputError: it fails.
    """
    inputs = [leaf for leaf in pytree.tree_leaves((args, dict(kwargs))) if isinstance(leaf, Tensor)]

    def attempt(gradients: bool) -> None:
        """Run the module once and leave everything as it was."""

        def call() -> None:
            """One run, which leaves the random numbers as they were."""
            with torch.random.fork_rng(devices=[]):
                module(*args, **kwargs)

        with undisturbed(module), torch.set_grad_enabled(gradients), reads or nullcontext():
            left_alone(call, [*module.parameters(), *inputs], copied=list(module.buffers()))

    try:
        try:
            attempt(False)
        except Exception:
            if not torch.is_grad_enabled():
                raise
            attempt(True)
    except Exception as error:
        raise InputError(
            f"the module {type(module).__name__} does not run on the example inputs",
            why=reason(error),
            cure="give inputs that it takes, `symmetries_of(module, (first, second), kwargs={...})`, of the precision "
            "and on the device of the module",
        ) from error


@final
class Record:
    """What the parts of a module are called with, and who reads its tensors.

    Parameters
    ----------
    module: the whole.

    Its ``transformed`` parts are those that function transforms, as ``torch.vmap``, call with tensors of their own.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.tensors = [*module.parameters(), *module.buffers()]
        self.reads = Reads(self.tensors)
        self.calls: dict[int, list[Call]] = {}
        self.transformed: set[int] = set()
        self.names = {id(one): name for name, one in module.named_modules()}
        self.signatures: dict[tuple[int, str], int] = {}

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """Hooks on all parts, gone afterwards."""
        handles = []
        try:
            for one in self.module.modules():
                if isinstance(one, torch.jit.ScriptModule):
                    continue
                handles.append(one.register_forward_pre_hook(self._enter, with_kwargs=True, prepend=True))
                handles.append(one.register_forward_hook(self._leave, always_call=True))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A part is called."""
        tensors = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        for leaf in tensors:
            self.reads.see(leaf)
        self.reads.active.append(module)
        if any(leaf.numel() and not place_of(leaf) for leaf in tensors):
            self.transformed.add(id(module))
            return
        calls = self.calls.setdefault(id(module), [])
        signature = (id(module), repr([_kind(leaf) for leaf in pytree.tree_leaves((args, kwargs))]))
        self.signatures[signature] = self.signatures.get(signature, 0) + 1
        if module is not self.module and self.signatures[signature] <= ALIKE and len(calls) < MOST:
            calls.append(pytree.tree_map(_copy, (args, kwargs)))

    def _leave(self, module: nn.Module, args: Any, result: Any) -> None:
        """A part is done."""
        if self.reads.active and self.reads.active[-1] is module:
            self.reads.active.pop()


def _kind(one: Any) -> Any:
    """What a tensor looks like; anything else as it is."""
    return (tuple(one.shape), str(one.dtype)) if isinstance(one, Tensor) else one


def _copy(one: Any) -> Any:
    """A tensor of its own; anything else as it is."""
    return one.detach().clone() if isinstance(one, Tensor) else one
