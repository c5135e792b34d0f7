"""Our own rules and SciPy's methods as optimizers that can be asked for their naturality."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.optimizers.build import specify
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from solvers.objective import Objective
from solvers.rule import Rule, SecondOrderRule
from solvers.rules import LBFGS, RULES, SciPy
from solvers.steps.hyperparameters import read_count
from symmetries.actions.parameter_space import FloatArray

SLOT_TYPES = {"covector": "covector", "vector": "vector", "square": "diag_cov2", "vector-square": "diag_con2"}
"""The slot types of :mod:`solvers.rule` as those of a state."""

SCIPY_METHODS = (
    "Nelder-Mead",
    "Powell",
    "CG",
    "BFGS",
    "Newton-CG",
    "L-BFGS-B",
    "TNC",
    "COBYLA",
    "SLSQP",
    "trust-ncg",
    "trust-krylov",
    "trust-exact",
)
"""Methods of ``scipy.optimize.minimize`` without constraints; ``dogleg`` needs positive definite Hessians."""

_WITH_GRADIENT = set(SCIPY_METHODS) - {"Nelder-Mead", "Powell", "COBYLA"}
_WITH_HESSIAN = {"Newton-CG", "trust-ncg", "trust-krylov", "trust-exact"}
_STRIDES = {"Nelder-Mead": 10, "COBYLA": 8, "TNC": 8}


def from_rule(rule: Any, *, name: str = "", notes: str = "") -> OptimizerSpec:
    """A rule of this package with its typed slots.

    Rules that ask for more than the gradient are handed the objective of the problem; L-BFGS and SciPy's methods, which
    search along lines, are run anew for every step and have an opaque state.

    Parameters
    ----------
    rule: what :func:`~solvers.rules.make_rule` returns; its learning rate is left to the tests.
    name: of the spec; that of the rule otherwise.
    notes: what a reader of the table should know.

    Raises
    ------
    InputError: it is no rule, or its learning rate is a schedule or a step-size policy.

    >>> from solvers.rules import Adam
    >>> from_rule(Adam()).slots["square"]
    'diag_cov2'
    """
    if isinstance(rule, SciPy):
        return ScipyAdapter(rule.method, options=rule.options)
    if not isinstance(rule, Rule):
        raise InputError(
            f"{rule!r} given as a rule", why="it is none", cure="use make_rule, or a class of solvers.rules"
        )
    if not isinstance(rule.learning_rate, float):
        raise InputError(
            f"the learning rate of {type(rule).__name__}",
            why="a schedule or a policy hides state of its own",
            cure="give a number; the rate is an argument of every test",
        )
    name = name or _name_of(type(rule))
    if isinstance(rule, LBFGS):
        return _from_search(rule, name)
    spec = _from_second_order(rule, name) if isinstance(rule, SecondOrderRule) else _from_first_order(rule, name)
    return replace(spec, notes=notes)


def _name_of(kind: type[Rule]) -> str:
    """The name under which the command line knows a rule, or that of its class."""
    return next((known for known, make in RULES.items() if make is kind), kind.__name__)


def _from_first_order(rule: Rule, name: str) -> OptimizerSpec:
    """A rule that asks for the gradient alone."""

    def start(problem: Problem, point: FloatArray) -> State:
        """The slots that do not start at zero."""
        return dict(rule.start(point))

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point, count = state["point"], int(state["count"]) + 1
        kept = {slot: state[slot] for slot in rule.slots}
        moved, kept = rule.step(problem.gradient(point), kept, count=count, rate=rate, point=point)
        return {**kept, "point": point + moved, "count": float(count)}

    slots = {**{slot: SLOT_TYPES[kind] for slot, kind in rule.slots.items()}, "count": "scalar"}
    rate = {"adadelta": 1.0, "heavy-ball": 0.02, "nesterov": 0.02}.get(_name_of(type(rule)), 0.05)
    return specify(name, step, slots, start=start, rate=rate)


def _from_second_order(rule: SecondOrderRule, name: str) -> OptimizerSpec:
    """A rule that asks for products with the Hessian."""

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point = state["point"]
        moved = rule.displacement(_objective_of(problem), point, problem.gradient(point), rate=rate)
        return {"point": point + moved}

    return specify(name, step, rate=0.5)


def _from_search(rule: LBFGS, name: str) -> OptimizerSpec:
    """L-BFGS with its line search."""

    def follow(problem: Problem, start: FloatArray, steps: int, rate: float) -> FloatArray:
        """The point after some iterations from the start."""
        from solvers.minimize import minimize

        return np.asarray(minimize(_objective_of(problem), start, rule=rule, steps=steps, tolerance=0.0).point)

    return black_box(name, follow)


def _objective_of(problem: Problem) -> Objective:
    """The problem as an objective."""
    return Objective.from_functions(
        problem.value, problem.gradient, lambda w, v: problem.hessian(w) @ v, size=problem.size
    )


def black_box(
    name: str,
    follow: Callable[[Problem, FloatArray, int, float], FloatArray],
    *,
    rate: float = 0.05,
    matrix: bool = False,
    notes: str = "",
) -> OptimizerSpec:
    """An optimizer whose state nothing is known of: a step is one more iteration of a run from the start.

    Parameters
    ----------
    name: of the spec.
    follow: (problem, start, iterations, rate) -> point, deterministic.
    rate: the learning rate of tests.
    matrix: whether it reads the parameters as a matrix.
    notes: what a reader of the table should know.

    >>> spec = black_box("shrink", lambda problem, start, steps, rate: start * (1 - rate) ** steps, rate=0.5)
    >>> state = spec.init(Problem(lambda x: x.sum(), size=1), np.array([4.0]))
    >>> spec.step(Problem(lambda x: x.sum(), size=1), state, 0.5)["point"].tolist()
    [2.0]
    """

    def start(problem: Problem, point: FloatArray) -> State:
        """The slots that do not start at zero."""
        return {"start": point}

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        count = int(state["count"]) + 1
        point = follow(problem, state["start"].copy(), count, rate)
        return {"point": point, "start": state["start"], "count": float(count)}

    slots = {"start": "opaque", "count": "scalar"}
    return specify(name, step, slots, start=start, rate=rate, matrix=matrix, notes=notes)


def ScipyAdapter(
    method: str, *, options: Mapping[str, Any] | None = None, iterations: int | None = None
) -> OptimizerSpec:
    """A method of ``scipy.optimize.minimize`` with exact derivatives and an opaque state; it has no learning rate.

    Parameters
    ----------
    method: one of :data:`SCIPY_METHODS`, in any case.
    options: of the method, as SciPy documents them.
    iterations: in one step; by default 1, and 8 or 10 for methods that move only after many evaluations.

    Raises
    ------
    InputError: SciPy has no such method; on the first step, that it does not know an option.

    >>> ScipyAdapter("bfgs").name
    'scipy:BFGS'
    """
    known = {one.lower(): one for one in SCIPY_METHODS}
    if str(method).lower() not in known:
        near = get_close_matches(str(method).lower(), known, n=1)
        raise InputError(
            f"the SciPy method {method!r}",
            why="it is not known" + (f"; the nearest is {known[near[0]]!r}" if near else ""),
            cure=f"use one of {', '.join(SCIPY_METHODS)}",
        )
    chosen = known[method.lower()]
    stride = _STRIDES.get(chosen, 1) if iterations is None else read_count(iterations, name="iterations")

    def follow(problem: Problem, start: FloatArray, steps: int, rate: float) -> FloatArray:
        """The point after some iterations from the start."""
        from scipy.optimize import OptimizeWarning, minimize

        limit = "maxfun" if chosen == "TNC" else "maxiter"
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message="Unknown solver options")
            try:
                result = minimize(
                    problem.value,
                    start,
                    method=chosen,
                    jac=problem.gradient if chosen in _WITH_GRADIENT else None,
                    hess=problem.hessian if chosen in _WITH_HESSIAN else None,
                    options={limit: stride * steps, **(options or {})},
                )
            except OptimizeWarning as warning:
                why, cure = str(warning), "use the options that SciPy documents for the method"
                raise InputError(f"the options of scipy:{chosen}", why=why, cure=cure) from None
        return np.asarray(result.x, dtype=float)

    return black_box(f"scipy:{chosen}", follow, notes="a method of SciPy chooses its own steps")
