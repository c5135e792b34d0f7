"""What a module does to tensors while it runs: which it reads, and in which of its parts; what it writes is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode


def place_of(tensor: Tensor) -> int:
    """The address of the memory of a tensor; 0 where it has none of its own, as inside of ``torch.vmap``."""
    if tensor.layout is not torch.strided or tensor.device.type == "meta" or not tensor.numel():
        return 0
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0


@final
class Unwritten(TorchDispatchMode):
    """Tensors are, after the run, bit for bit what they were; only what is written to is copied.

    Parameters
    ----------
    tensors: that are to stay as they are.
    copied: that are copied in any case, since operations write to them without saying so, as running statistics.
    """

    supports_higher_order_operators = True

    def __init__(self, tensors: Iterable[Tensor], *, copied: Iterable[Tensor] = ()) -> None:
        super().__init__()
        always = list(copied)
        self.before = [(one, one.detach()) for one in (*tensors, *always)]
        self.storages = {place_of(one): one.untyped_storage() for one, _ in self.before if place_of(one)}
        self.saved: dict[int, Any] = {}
        for one in always:
            self._save(one)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation, after copies of what it is about to write to."""
        named = kwargs or {}
        schema = getattr(func, "_schema", None)
        for place, argument in enumerate(schema.arguments if schema else ()):
            if argument.alias_info is not None and argument.alias_info.is_write:
                given = args[place] if place < len(args) else named.get(argument.name)
                for leaf in pytree.tree_leaves(given):
                    self._save(leaf)
        return func(*args, **named)

    def __exit__(self, *error: Any) -> None:
        """Put back what was written to."""
        super().__exit__(*error)
        self.restore()

    def restore(self) -> None:
        """Put back what was copied."""
        for place, storage in self.saved.items():
            self.storages[place].copy_(storage)
        for one, before in self.before:
            if place_of(one) != place_of(before):
                one.data = before

    def _save(self, one: Any) -> None:
        """Copy the memory of a tensor that is to stay, once."""
        place = place_of(one) if isinstance(one, Tensor) else 0
        if place in self.storages and place not in self.saved:
            self.saved[place] = self.storages[place].clone()


def left_alone(call: Callable[[], Any], tensors: Iterable[Tensor], *, copied: Iterable[Tensor] = ()) -> Any:
    """The result of a call that leaves tensors as they are.

    Parameters
    ----------
    call: what is done; once more, after copies of all tensors, where it does not bear to be watched, as inside of
        ``torch.compile``.
    tensors: that are to stay as they are.
    copied: that are copied in any case.
    """
    stay = [*tensors, *copied]
    try:
        with Unwritten(stay, copied=copied):
            return call()
    except Exception:  # noqa: BLE001  # if it is not the watch that it fails by, it fails again
        watch = Unwritten((), copied=stay)
        try:
            return call()
        finally:
            watch.restore()


@final
class Reads(TorchDispatchMode):
    """Inside which modules the tensors of a module are read.

    Parameters
    ----------
    tensors: that are watched.

    >>> net = nn.Sequential(nn.Linear(2, 2, bias=False))
    >>> reads = Reads(net.parameters())
    >>> with reads:
    ...     reads.active.append(net[0])
    ...     _ = net(torch.ones(1, 2))
    >>> reads.only_inside(net[0].weight, net[0])
    True
    """

    supports_higher_order_operators = True

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        super().__init__()
        self.places = {place_of(one) for one in tensors} - {0}
        self.active: list[nn.Module] = []
        self.within: dict[int, frozenset[int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation, and note which tensors it takes."""
        for leaf in pytree.tree_leaves((args, kwargs)):
            if isinstance(leaf, Tensor):
                self.see(leaf)
        return func(*args, **(kwargs or {}))

    def see(self, tensor: Tensor) -> None:
        """Note that a tensor is taken inside of the modules that are active, if any are."""
        place = place_of(tensor)
        if place in self.places and self.active:
            active = frozenset(map(id, self.active))
            self.within[place] = self.within.get(place, active) & active

    def only_inside(self, tensor: Tensor, module: nn.Module) -> bool:
        """Whether a tensor was read, and never outside of a module."""
        return id(module) in self.within.get(place_of(tensor), frozenset())
