"""The same numbers on every process of a data-parallel training.

Each process evaluates its own batches; losses, gradients and Hessian-vector products are averaged over all processes,
whose further computation is the same.  A process that fails says so in the same exchange, so that none waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn
from torch import distributed as dist

from manifolds.errors import InputError


@final
class Ranks:
    """The processes among which a model is trained: those of a data-parallel wrapper, or this one alone.

    Parameters
    ----------
    model: as the training loop calls it.

    >>> ranks = Ranks(nn.Linear(1, 1))
    >>> ranks.size, ranks.mean(lambda: [torch.ones(2)])[0].tolist()
    (1, [1.0, 1.0])
    """

    def __init__(self, model: nn.Module) -> None:
        inner = getattr(model, "_orig_mod", model)
        self.group: Any = None
        self.size, self.rank = 1, 0
        if isinstance(inner, nn.parallel.DistributedDataParallel):
            self.group = inner.process_group
            self.size, self.rank = dist.get_world_size(self.group), dist.get_rank(self.group)

    def mean(self, evaluate: Callable[[], list[Tensor]]) -> list[Tensor]:
        """What every process evaluates, averaged over them.

        Parameters
        ----------
        evaluate: gives floating tensors on one device, of the same shapes on every process.

        Raises
        ------
        InputError: it failed on another process; on the one where it failed, its own error.
        """
        if self.size == 1:
            return evaluate()
        return self._together(evaluate)

    def _together(self, evaluate: Callable[[], list[Tensor]]) -> list[Tensor]:
        """First whether all were successful, then the means: one exchange each."""
        found: list[Tensor] = []
        failure: BaseException | None = None
        try:
            found = evaluate()
        except BaseException as error:  # noqa: BLE001 - an interrupt too has to be told to the others
            failure = error
        self.require_all(failure)
        flat = torch.cat([one.detach().reshape(-1) for one in found])
        dist.all_reduce(flat, group=self.group)
        flat /= self.size
        pieces = flat.split([one.numel() for one in found])
        return [piece.reshape(one.shape) for piece, one in zip(pieces, found, strict=True)]

    def require_all(self, failure: BaseException | None) -> None:
        """Raise on every process when something failed on one.

        Parameters
        ----------
        failure: of this process; None when it has none.
        """
        if self.size == 1:
            if failure is not None:
                raise failure
            return
        told = torch.zeros(self.size, device=self._device)
        told[self.rank] = float(failure is not None)
        dist.all_reduce(told, group=self.group)
        if failure is not None:
            raise failure
        failed = [rank for rank, one in enumerate(told.tolist()) if one]
        if failed:
            raise InputError(
                f"the teleport failed on rank {', '.join(map(str, failed))}",
                why="all ranks take the same decision, so none takes one",
                cure="see the error of that rank; the model and the optimizer are as they were on all ranks",
            )

    def require_same(self, count: int, *, what: str) -> None:
        """Refuse, on every process, a number that is not the same on all.

        Raises
        ------
        InputError: it differs.
        """
        if self.size == 1:
            return
        told = torch.zeros(self.size, device=self._device)
        told[self.rank] = count
        dist.all_reduce(told, group=self.group)
        if len(set(told.tolist())) > 1:
            raise InputError(
                f"different numbers of {what} on the processes: {', '.join(f'{one:.0f}' for one in told.tolist())}",
                why="all processes evaluate together",
                cure=f"give as many {what} on each",
            )

    def from_first(self, tensors: list[Tensor]) -> None:
        """Overwrite tensors by those of the first process."""
        if self.size > 1:
            for one in tensors:
                dist.broadcast(one, src=dist.get_global_rank(self.group, 0), group=self.group)

    def decide(self, answer: bool) -> bool:
        """The answer of the first process."""
        if self.size == 1:
            return answer
        told = torch.tensor([float(answer)], device=self._device)
        self.from_first([told])
        return bool(told.item())

    @property
    def _device(self) -> torch.device:
        """Where small messages live."""
        if dist.get_backend(self.group) == "nccl":
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("cpu")
