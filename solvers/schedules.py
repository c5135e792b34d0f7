"""When a minimisation teleports, and where to: at given steps, every so many, or when a function says so."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.running.acceptance import Acceptance, read_acceptance
from solvers.running.checkpoint import describe
from solvers.running.guard import Guard, read_guard
from solvers.running.run_state import LoopState
from solvers.running.transport import StateMode, read_state_mode
from symmetries.action import GroupAction

Trigger: TypeAlias = Callable[[LoopState], Any]


class TeleportSchedule(ABC):
    r"""When to teleport, :math:`w \mapsto g\cdot w` with L(g.w) = L(w), and what is done with it.

    Parameters
    ----------
    along: a group action, ``level-set``, ``null-space`` or a move.
    target: what the teleport makes large, by name or as a function.
    maximize: whether the target is made large; small otherwise.
    radius: how far a teleport may go, in the units of the move.
    accept: None takes every teleport that the guard lets pass; ``rollout`` compares some virtual steps from both
        points first; a :class:`Rollout`, or a function (point before, point after) -> bool.
    guard: the stability guard; None turns it off, and with it the way back when the run blows up.
    state: what becomes of the state of the optimizer: ``transport``, ``keep`` or ``reset``; by default it is
        transported where there is a group action and kept elsewhere.
    objective: whose level set is searched, where it is not the one that is minimised.
    options: what :func:`teleport` takes beside.

    Raises
    ------
    InputError: an option has no sense, or a state is to be transported by a move without a group.
    """

    def __init__(
        self,
        *,
        along: Any = "level-set",
        target: Any = "gradient-norm",
        maximize: bool = True,
        radius: float | None = None,
        accept: Any = None,
        guard: Any = "default",
        state: StateMode | None = None,
        objective: Objective | None = None,
        **options: Any,
    ) -> None:
        self.along, self.target, self.maximize, self.radius = along, target, maximize, radius
        self.accept: Acceptance | None = read_acceptance(accept)
        self.guard: Guard | None = read_guard(guard)
        self.action = action_of(along)
        self.state: StateMode = read_state_mode(state, self.action)
        if objective is not None and not isinstance(objective, Objective):
            raise InputError(
                f"the objective of a teleport of the type {type(objective).__name__}",
                why="it must be an Objective of the same parameters",
                cure="give network.on(indices), or leave it away",
            )
        self.objective = objective
        self.options: Mapping[str, Any] = dict(options)

    @abstractmethod
    def is_due(self, state: LoopState) -> bool:
        """Whether to teleport before the coming step."""

    def next_due(self, step: int) -> int | None:
        """The first step from this one on at which a teleport is due; None where no step is known before."""
        return None

    @property
    def is_known(self) -> bool:
        """Whether the steps are known before the run."""
        return True

    @abstractmethod
    def when(self) -> str:
        """The times in words."""

    def describe(self) -> str:
        """The whole schedule in words, for the checkpoint."""
        along = self.along
        if self.action is not None:
            action = f"{type(self.action).__name__} of dimension {self.action.dimension} on {self.action.loss.name}"
            along = action if self.along is self.action else f"{describe(self.along)} along {action}"
        options = {
            "along": along,
            "target": self.target,
            "maximize": self.maximize,
            "radius": self.radius,
            "accept": self.accept,
            "guard": self.guard,
            "state": self.state,
            **self.options,
        }
        return f"{self.when()} {describe(options)}"


@final
class Every(TeleportSchedule):
    """Teleport before the steps start, start + period, start + 2 period, ...

    Parameters
    ----------
    period: steps between teleports.
    start: steps done before the first; 0 teleports the start itself.
    stop: no teleport from this step on.

    >>> schedule = Every(100, start=99, along="level-set")
    >>> [step for step in range(400) if schedule.next_due(step) == step]
    [99, 199, 299, 399]
    """

    def __init__(self, period: int, /, *, start: int = 0, stop: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.period = _step(period, "the period of Every", low=1)
        self.start = _step(start, "start", low=0)
        self.stop = None if stop is None else _step(stop, "stop", low=0)

    def is_due(self, state: LoopState) -> bool:
        """Whether the step is one of these."""
        return self.next_due(state.step) == state.step

    def next_due(self, step: int) -> int | None:
        """The first of these steps from the given one on."""
        periods = max(0, -((self.start - step) // self.period))
        due = self.start + periods * self.period
        return None if self.stop is not None and due >= self.stop else due

    def when(self) -> str:
        """The times in words."""
        return f"Every({self.period}, start={self.start}, stop={self.stop})"


@final
class At(TeleportSchedule):
    """Teleport before given steps: ``At([5])`` after five steps were done.

    Parameters
    ----------
    steps: numbers of steps done before each teleport.

    >>> At([99, 199]).next_due(100), At(5).steps
    (199, (5,))
    """

    def __init__(self, steps: int | Sequence[int], /, *more: int, **options: Any) -> None:
        super().__init__(**options)
        given = [steps] if isinstance(steps, int | np.integer) else steps
        if not isinstance(given, Sequence | np.ndarray | range | set | frozenset) or isinstance(given, str):
            raise InputError(f"At({steps!r})", why="it is no list of steps", cure="write At([5, 50])")
        self.steps = tuple(sorted({_step(step, "a step of At", low=0) for step in (*given, *more)}))
        if not self.steps:
            raise InputError("At([])", why="it names no step", cure="write At([5]), or teleport=None")

    def is_due(self, state: LoopState) -> bool:
        """Whether the step is one of these."""
        return state.step in self.steps

    def next_due(self, step: int) -> int | None:
        """The first of these steps from the given one on."""
        return next((due for due in self.steps if due >= step), None)

    def when(self) -> str:
        """The times in words."""
        return f"At({list(self.steps)})"


@final
class When(TeleportSchedule):
    """Teleport when a function of the state of the loop returns True.

    Parameters
    ----------
    trigger: loop state -> bool; a function of what it is given, so that a resumed run does the same.

    >>> schedule = When(lambda state: state.gradient_norm < 1e-3)
    >>> schedule.is_known
    False
    """

    def __init__(self, trigger: Trigger, /, **options: Any) -> None:
        super().__init__(**options)
        if not callable(trigger):
            raise InputError(
                f"When({trigger!r})", why="it is no function", cure="write When(lambda state: state.gradient_norm < 1)"
            )
        self.trigger = trigger

    @property
    def is_known(self) -> bool:
        """Whether the steps are known before the run: they are not."""
        return False

    def is_due(self, state: LoopState) -> bool:
        """What the trigger says."""
        return bool(self.trigger(state))

    def when(self) -> str:
        """The trigger's name."""
        return f"When({getattr(self.trigger, '__qualname__', type(self.trigger).__name__)})"


def action_of(along: Any) -> GroupAction | None:
    """The group action along which a teleport goes; None for moves without a group.

    >>> action_of("level-set") is None
    True
    """
    if isinstance(along, GroupAction):
        return along
    action = getattr(along, "action", None)
    return action if isinstance(action, GroupAction) else None


def read_schedule(teleport: Any) -> TeleportSchedule | None:
    """The schedule of a minimisation.

    >>> read_schedule(50)
    Traceback (most recent call last):
    manifolds.errors.InputError: teleport=50
      why: it does not say when to teleport
      try: write Every(50, along=...), At([5], along=...), When(trigger, along=...) or None
    """
    if teleport is None or isinstance(teleport, TeleportSchedule):
        return teleport
    raise InputError(
        f"teleport={teleport!r}",
        why="it does not say when to teleport",
        cure="write Every(50, along=...), At([5], along=...), When(trigger, along=...) or None",
    )


def _step(number: Any, what: str, *, low: int) -> int:
    """A number of steps."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < low:
        raise InputError(f"{what}: {number!r}", why="it is no number of steps", cure=f"give an integer from {low} up")
    return int(number)
