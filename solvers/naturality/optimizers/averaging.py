"""Averages of the iterates of another optimizer, which need nothing of the coordinates but their affine structure."""

from __future__ import annotations

from collections.abc import Callable

from solvers.naturality.optimizers.build import specify
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray


def averaged(base: OptimizerSpec, *, name: str = "") -> OptimizerSpec:
    r"""The average of all iterates of an optimizer so far, :math:`\bar\theta_t = \frac1{t+1}\sum_{i\le t}\theta_i`.

    Parameters
    ----------
    base: whose iterates are averaged; they do not depend on the average.
    name: of the spec; ``averaged-`` and the name of the base otherwise.

    >>> from solvers.naturality.optimizers.second_order import newton
    >>> averaged(newton()).slots["iterate"]
    'point'

    Source: B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        moved, count = base.step(problem, _inner(state), rate), state["averaged steps"] + 1
        point = state["point"] + (moved["point"] - state["point"]) / (count + 1)
        return {**_outer(moved), "point": point, "averaged steps": count}

    return _around(base, step, name or f"averaged-{base.name}", "averaged steps")


def exponentially_averaged(base: OptimizerSpec, *, decay: float = 0.9, name: str = "") -> OptimizerSpec:
    r"""An exponential average of the iterates of an optimizer, :math:`\bar\theta' = \rho\bar\theta + (1-\rho)\theta'`.

    Parameters
    ----------
    base: whose iterates are averaged.
    decay: :math:`\rho`.
    name: of the spec; ``exponentially-averaged-`` and the name of the base otherwise.

    >>> from solvers.naturality.optimizers.second_order import newton
    >>> exponentially_averaged(newton()).name
    'exponentially-averaged-newton'

    Source: D. Morales-Brotons, T. Vogels and H. Hendrikx, "Exponential moving average of weights in deep learning:
    dynamics and benefits" (2024).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        moved = base.step(problem, _inner(state), rate)
        point = decay * state["point"] + (1 - decay) * moved["point"]
        return {**_outer(moved), "point": point, "averaged steps": state["averaged steps"] + 1}

    return _around(base, step, name or f"exponentially-averaged-{base.name}", "averaged steps")


def lookahead(base: OptimizerSpec, *, period: int = 2, share: float = 0.5, name: str = "") -> OptimizerSpec:
    r"""An optimizer whose iterates return, every k steps, to :math:`\phi' = \phi + \alpha(\theta - \phi)`.

    Parameters
    ----------
    base: the fast optimizer.
    period: k.
    share: :math:`\alpha`.
    name: of the spec; ``lookahead-`` and the name of the base otherwise.

    >>> from solvers.naturality.optimizers.second_order import newton
    >>> lookahead(newton()).name
    'lookahead-newton'

    Source: M. Zhang et al., "Lookahead optimizer: k steps forward, 1 step back" (2019), algorithm 1.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        moved, count = base.step(problem, _inner(state), rate), state["fast steps"] + 1
        if count % period:
            return {**_outer(moved), "point": state["point"], "fast steps": count}
        point = state["point"] + share * (moved["point"] - state["point"])
        return {**_outer({**moved, "point": point}), "point": point, "fast steps": count}

    return _around(base, step, name or f"lookahead-{base.name}", "fast steps")


def _inner(state: State) -> State:
    """The state of the base: its point is the slot ``iterate``."""
    return {**state, "point": state["iterate"]}


def _outer(state: State) -> State:
    """The state of the base as slots beside a point."""
    return {**state, "iterate": state["point"]}


def _around(
    base: OptimizerSpec, step: Callable[[Problem, State, float], State], name: str, counter: str
) -> OptimizerSpec:
    """A spec with the slots of the base, its iterate, and a counter."""

    def start(problem: Problem, point: FloatArray) -> State:
        """The slots that do not start at zero."""
        return _outer(base.init(problem, point))

    slots = {slot: kind for slot, kind in base.slots.items() if slot != "point"}
    slots |= {"iterate": "point", counter: "scalar"}
    return specify(name, step, slots, start=start, rate=base.rate)
