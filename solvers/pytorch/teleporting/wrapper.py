"""An optimizer of PyTorch that teleports between its steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

import torch
from torch import Tensor

from manifolds.errors import InputError
from solvers.pytorch.teleporter import Teleporter
from solvers.pytorch.teleporting.virtual_optimizer import HOOKS
from solvers.results import TeleportResult
from solvers.running.run_state import LoopState
from solvers.schedules import TeleportSchedule, read_schedule
from solvers.steps.hyperparameters import read_count

Data = Callable[[int], Any] | Iterable[Any]
"""A function of the number of steps done that gives a batch or several, or something that batches are drawn from."""


@final
class Teleporting(torch.optim.Optimizer):
    r"""An optimizer that teleports after the steps that a schedule names.

    It takes the place of the optimizer in the training loop: schedulers of learning rates, gradient scalers and
    accumulation of gradients work on it as on the optimizer inside, whose parameter groups and state are its own.  A
    teleport comes after a step, so that the next gradients are taken at the new point.

    Parameters
    ----------
    optimizer: any optimizer of PyTorch.
    teleporter: of the same model and optimizer.
    schedule: ``Every(50)``, ``At([75])`` or ``When(trigger)`` of :mod:`solvers.schedules`; only their times count.
    data: a function of the number of steps done that gives a batch or several, or a loader; of a loader the first
        ``draw`` batches are taken each time, in an order drawn from the teleporter's random numbers.
    draw: batches taken from a loader.
    on_teleport: called with every result.

    Raises
    ------
    InputError: the teleporter has another optimizer, or the schedule says more than times.

    >>> from torch import nn
    >>> from solvers.schedules import At
    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> batch = torch.randn(16, 4), torch.randint(3, (16,))
    >>> sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> teleporter = Teleporter(model, nn.functional.cross_entropy, optimizer=sgd)
    >>> optimizer = Teleporting(sgd, teleporter, schedule=At([2]), data=lambda step: batch)
    >>> for step in range(4):
    ...     optimizer.zero_grad()
    ...     nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    ...     optimizer.step()
    >>> [(one.status.value, one.gain > 2) for one in optimizer.results]
    [('trust-radius', True)]
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        teleporter: Teleporter,
        *,
        schedule: TeleportSchedule,
        data: Data,
        draw: int = 1,
        on_teleport: Callable[[TeleportResult], Any] | None = None,
    ) -> None:
        if teleporter.optimizer is not optimizer:
            raise InputError(
                "a teleporter of another optimizer",
                why="its teleports would leave the state of this one behind",
                cure="give Teleporter(model, loss_fn, optimizer=optimizer)",
            )
        known = read_schedule(schedule)
        if known is None or known.options or known.along != "level-set" or known.target != "gradient-norm":
            raise InputError(
                f"schedule={schedule!r}" if known is None else "a schedule that says where to teleport",
                why="the teleporter knows where, the schedule says when",
                cure="write schedule=Every(50), At([75]) or When(trigger), and give the rest to the Teleporter",
            )
        if known.is_known and known.next_due(0) == 0 and known.next_due(1) is None:
            raise InputError(
                "a schedule that names step 0 alone",
                why="an optimizer teleports after its steps",
                cure="call teleporter.step(batch) before the loop",
            )
        self.teleported, self.teleporter, self.schedule = optimizer, teleporter, known
        self._data, self._draw, self._on_teleport = data, read_count(draw, name="draw"), on_teleport
        self.steps_done = 0
        self.results: list[TeleportResult] = []
        self.rolled_back: list[int] = []
        self._lowest = math.inf
        self.defaults = optimizer.defaults
        for name in HOOKS:
            setattr(self, name, getattr(optimizer, name))

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of the optimizer inside."""
        return self.teleported.param_groups

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:
        """Give the optimizer inside other groups."""
        self.teleported.param_groups = groups

    @property
    def state(self) -> Any:
        """The state of the optimizer inside."""
        return self.teleported.state

    @state.setter
    def state(self, state: Any) -> None:
        """Give the optimizer inside another state."""
        self.teleported.state = state

    def __getstate__(self) -> dict[str, Any]:
        """Everything, for copies."""
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Everything back; the hooks are those of the optimizer inside, which makes new ones in a copy."""
        self.__dict__.update(state)
        for name in HOOKS:
            setattr(self, name, getattr(self.teleported, name))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        self.teleported.zero_grad(set_to_none=set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Give the optimizer inside another group."""
        self.teleported.add_param_group(param_group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """A step of the optimizer inside, and a teleport where one is due.

        Parameters
        ----------
        closure: computes the loss and its gradients anew, as the optimizer takes it.
        """
        loss = self.teleported.step() if closure is None else self.teleported.step(closure)
        self.steps_done += 1
        loss_now = loss.detach() if isinstance(loss, Tensor) else loss
        value = float(loss_now) if isinstance(loss_now, Tensor | float | int) else math.nan
        if self.teleporter.check(None if math.isnan(value) else value):
            self.rolled_back.append(self.steps_done)
        elif self._is_due(value):
            self.results.append(self.teleporter.step(self._batches()))
            if self._on_teleport is not None:
                self._on_teleport(self.results[-1])
        return loss

    def _is_due(self, loss: float) -> bool:
        """Whether the schedule names the number of steps done."""
        if self.schedule.is_known:
            return self.schedule.next_due(self.steps_done) == self.steps_done
        squares = [
            float(one.grad.detach().double().square().sum())
            for group in self.param_groups
            for one in group["params"]
            if one.grad is not None
        ]
        self._lowest = min(self._lowest, loss) if math.isfinite(loss) else self._lowest
        state = LoopState(
            step=self.steps_done,
            point=self.teleporter.model,
            loss=loss,
            gradient_norm=math.sqrt(math.fsum(squares)),
            best_value=self._lowest,
            history=(),
        )
        return self.schedule.is_due(state)

    def _batches(self) -> Any:
        """What the teleport is measured on; drawing leaves the global random numbers alone."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.teleporter.draw_seed())
            if not isinstance(self._data, Iterable):
                return self._data(self.steps_done)
            batches = []
            for batch in self._data:
                batches.append(batch)
                if len(batches) == self._draw:
                    break
        return batches

    def state_dict(self) -> dict[str, Any]:
        """The state of the optimizer inside, with that of the teleporter under ``teleporting``."""
        own = {"steps_done": self.steps_done, "lowest": self._lowest, "teleporter": self.teleporter.state_dict()}
        return {**self.teleported.state_dict(), "teleporting": own}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a saved state; the run goes on to the same bits.

        Raises
        ------
        InputError: it was saved without teleports.
        """
        if not isinstance(state_dict, Mapping) or "teleporting" not in state_dict:
            raise InputError(
                "a state without 'teleporting'",
                why="it was not saved by an optimizer that teleports",
                cure="load it into the optimizer inside: optimizer.teleported.load_state_dict(state)",
            )
        own = state_dict["teleporting"]
        self.teleported.load_state_dict({name: one for name, one in state_dict.items() if name != "teleporting"})
        self.teleporter.load_state_dict(own["teleporter"])
        self.steps_done, self._lowest = int(own["steps_done"]), float(own["lowest"])

    def __repr__(self) -> str:
        return f"Teleporting({self.teleported!r}, {self.schedule.when()})"
