"""A rule that forgets its state at given steps: the control of teleports that rebuild the optimizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from manifolds.errors import InputError
from solvers.rule import Array, Rule, State
from solvers.steps.hyperparameters import read_count
from solvers.steps.rules_momentum import GradientDescent


@final
@dataclass(frozen=True, kw_only=True)
class ResettingRule(Rule):
    """A rule whose state starts anew at given steps.

    Parameters
    ----------
    learning_rate: of the steps; the learning rate of the inner rule is not used.
    rule: the inner rule.
    resets: numbers of steps done before each reset.

    Raises
    ------
    InputError: the inner rule is none, or a reset is no number of steps.

    >>> from solvers.rules import HeavyBall
    >>> rule = ResettingRule(rule=HeavyBall(momentum=0.5), resets=(2,))
    >>> state, moves = rule.start(0.0), []
    >>> for count in (1, 2, 3):
    ...     move, state = rule.step(1.0, state, count=count, rate=1.0)
    ...     moves.append(move)
    >>> moves
    [-1.0, -1.5, -1.0]
    """

    rule: Rule = field(default_factory=GradientDescent)
    resets: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.rule, Rule):
            raise InputError(
                f"the rule {self.rule!r} of a resetting rule", why="it is no rule", cure="give HeavyBall(), for example"
            )
        object.__setattr__(self, "resets", tuple(read_count(reset, name="resets", low=0) for reset in self.resets))

    def start(self, like: Array) -> State:
        """The state of the inner rule before its first step."""
        return self.rule.start(like)

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """The displacement and the next state of the inner rule."""
        last = max((reset for reset in self.resets if reset < count), default=0)
        if count == last + 1:
            state = self.rule.start(gradient)
        return self.rule.step(gradient, state, count=count - last, rate=rate, point=point)
