"""Targets of a teleportation by name: which there are, and what reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.aims.curvature import Curvature
from solvers.aims.lookahead import Lookahead
from solvers.aims.predicted_decrease import PredictedDecrease
from solvers.aims.sharpness import Sharpness
from solvers.aims.target_norms import GradientNorm, PreconditionedGradientNorm
from solvers.objective import Objective
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray

__all__ = [
    "TARGETS",
    "Curvature",
    "FunctionTarget",
    "GradientNorm",
    "Lookahead",
    "PreconditionedGradientNorm",
    "PredictedDecrease",
    "Sharpness",
    "read_target",
]

UserFunction: TypeAlias = Callable[[Objective, FloatArray], Any]


@final
@dataclass(frozen=True)
class FunctionTarget(Target):
    """A function of the user's, (objective, w) -> value or (value, gradient).

    Parameters
    ----------
    function: returns a number, or a number and an array of shape (n,); it evaluates the objective it is given, so that
        the cost is counted.
    has_gradient: whether it returns the gradient.
    name: the name in results.

    >>> objective = Objective.from_functions(lambda w: w @ w / 2, lambda w: w, size=2)
    >>> FunctionTarget(lambda objective, w: abs(w[0])).value(objective, np.array([-3.0, 4.0]))
    3.0
    """

    function: UserFunction
    has_gradient: bool = False
    name: str = "function"

    def value(self, objective: Objective, w: FloatArray) -> float:
        """What the function returns."""
        return self.read(objective, w)[0]

    def value_and_grad(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray]:
        """The value and the gradient that the function returns."""
        value, gradient = self.read(objective, w)
        if gradient is None:
            raise self.without_gradient()
        return value, gradient

    def read(self, objective: Objective, w: FloatArray) -> tuple[float, FloatArray | None]:
        """The value and the gradient, None without one; refused when the answer is no number and no pair."""
        answer = self.function(objective, w.copy())
        value, gradient = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
        try:
            if isinstance(value, bool | np.bool_ | str | bytes) or np.size(value) != 1:
                raise TypeError(type(value))
            number = float(np.asarray(value).item())
            slope = None if gradient is None else np.asarray(gradient, dtype=float)
        except (TypeError, ValueError):
            raise InputError(
                f"the target function returned {type(answer).__name__}",
                why="a target is a real number",
                cure="return a float, or a float and a gradient of the shape of the point",
            ) from None
        if slope is not None and slope.shape != w.shape:
            raise InputError(
                f"the target function returned a gradient of the shape {list(slope.shape)}",
                why=f"the point has the shape {list(w.shape)}",
                cure="return an array of the same shape",
            )
        return number, slope


TARGETS: Mapping[str, Callable[..., Target]] = {
    GradientNorm.name: GradientNorm,
    PreconditionedGradientNorm.name: PreconditionedGradientNorm,
    Sharpness.name: Sharpness,
    Curvature.name: Curvature,
    PredictedDecrease.name: PredictedDecrease,
    Lookahead.name: Lookahead,
}
"""What makes each target, by name."""


def read_target(
    spec: Any, *, objective: Objective | None = None, w: FloatArray | None = None, action: Any = None, **options: Any
) -> Target:
    """The target of a name, of a function or of itself.

    Parameters
    ----------
    spec: a name, a function (objective, w) -> value or (value, gradient), or a target.
    objective, w: where the search starts: a target that is not finite there is refused, and a function shows there
        whether it returns gradients.
    action: the group action along which is searched, for the targets that need one.
    options: what the target of that name takes.

    Raises
    ------
    InputError: the name or an option is not known, or the target is not finite at the start.

    >>> read_target("gradient-norm")
    GradientNorm()
    >>> read_target("gradient-nrom")
    Traceback (most recent call last):
    manifolds.errors.InputError: the target 'gradient-nrom'
      why: there is none of that name; the nearest is 'gradient-norm'
      try: use one of ...
    """
    target = _made(spec, action, options)
    if objective is None or w is None:
        return target
    if isinstance(target, FunctionTarget):
        return FunctionTarget(target.function, has_gradient=_gives_gradient(target, objective, w), name=target.name)
    target.start_value(objective, w)
    return target


def _made(spec: Any, action: Any, options: Mapping[str, Any]) -> Target:
    """The target that a specification names."""
    if isinstance(spec, str):
        if spec not in TARGETS:
            near = get_close_matches(spec, TARGETS, n=1)
            raise InputError(
                f"the target {spec!r}",
                why="there is none of that name" + (f"; the nearest is {near[0]!r}" if near else ""),
                cure=f"use one of {', '.join(TARGETS)}, or a function (objective, w) -> float",
            )
        return _by_name(spec, action, options)
    if options:
        raise InputError(
            f"options {', '.join(map(repr, options))} beside a target that is given as {type(spec).__name__}",
            why="they belong to the targets by name",
            cure="give them to the target itself",
        )
    if isinstance(spec, Target):
        return spec
    if callable(spec):
        return FunctionTarget(spec, name=getattr(spec, "__name__", "function"))
    raise InputError(
        f"a target of the type {type(spec).__name__}",
        why="it is no name, no function and no target",
        cure=f"use one of {', '.join(TARGETS)}, or a function (objective, w) -> float",
    )


def _by_name(name: str, action: Any, options: Mapping[str, Any]) -> Target:
    """The target of a known name with its options; the action goes to those that take one."""
    known = signature(TARGETS[name]).parameters
    given = dict(options)
    if action is not None and "action" in known:
        given["action"] = action
    for key in given:
        if key not in known:
            raise InputError(
                f"the target {name!r} was given {key!r}",
                why="it does not know it",
                cure=f"use {', '.join(known) or 'no options'}",
            )
    missing = [key for key, one in known.items() if one.default is one.empty and key not in given]
    if missing:
        raise InputError(
            f"the target {name!r} without {missing[0]!r}",
            why="it is not defined without",
            cure=f"give {', '.join(f'{key}=...' for key in missing)}",
        )
    return TARGETS[name](**given)


def _gives_gradient(target: FunctionTarget, objective: Objective, w: FloatArray) -> bool:
    """Whether a function returns a gradient at the start, where both are to be finite."""
    value, gradient = target.read(objective, w)
    target.require_finite(value)
    if gradient is not None and not np.isfinite(gradient).all():
        raise InputError(
            f"the gradient of the target {target.name!r} at the start",
            why="it contains NaN or infinity",
            cure="start elsewhere, or return the value alone to search by values",
        )
    return gradient is not None
