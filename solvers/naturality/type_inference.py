"""Type inference: how the slots of an optimizer follow changes of coordinates, found from what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from solvers.convergence.theorem_check import TheoremCheck, figure
from solvers.naturality.classes import samples
from solvers.naturality.morphism import Morphism
from solvers.naturality.problem import Problem
from solvers.naturality.problems import start_point
from solvers.naturality.registry import read_optimizer
from solvers.naturality.runs import Unfit, default_problems, guarded
from solvers.naturality.slots import NoLift, push_slot
from solvers.naturality.spec import OptimizerSpec, State
from solvers.steps.hyperparameters import read_count
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_seed
from symmetries.certificate import Claim, Verdict

TOLERANCE = 1e-9
"""Largest distance of a slot from its lift, relative to its size."""

CLASSES = ("permutation", "sign", "orthogonal", "diagonal", "general")
"""Classes of maps under which types are told apart."""

MATRIX_CLASSES = ("permutation", "sign", "orthogonal", "diagonal", "two-sided")
"""The same for matrices."""


@final
@dataclass(frozen=True, kw_only=True)
class TypeTest:
    """The types that fit the slots of an optimizer.

    Parameters
    ----------
    optimizer: its name.
    types: by slot and class of maps the types that fit; none means that the slot has no lift there.  Slots that stay
        zero, or whose state could not be followed, are left out.
    defects: the smallest defect of any type, by slot and class.
    silent: slots about which nothing can be said, each with the reason.
    reason: why there are no types at all, or empty.
    """

    optimizer: str
    types: Mapping[str, Mapping[str, tuple[str, ...]]]
    defects: Mapping[str, Mapping[str, float]]
    silent: Mapping[str, str]
    reason: str = ""

    @property
    def claims(self) -> tuple[Claim, ...]:
        """One statement for each slot and class."""
        if self.reason:
            return (
                Claim(statement=f"the slots of {self.optimizer} have types", verdict="undecided", reason=self.reason),
            )
        found = []
        for slot, by_class in self.types.items():
            for name, types in by_class.items():
                verdict: Verdict = "measured" if types else "refuted"
                what = f"is a {' or a '.join(types)}" if types else "has a lift"
                statement = f"the slot {slot} of {self.optimizer} {what} under {name} maps"
                evidence: dict[str, Any] = {"types": list(types), "defect": figure(self.defects[slot][name])}
                reason = f"the nearest type is {self.defects[slot][name]:.1e} away"
                found.append(Claim(statement=statement, verdict=verdict, reason=reason, evidence=evidence))
        for slot, reason in self.silent.items():
            statement = f"the slot {slot} of {self.optimizer} has a type"
            found.append(Claim(statement=statement, verdict="undecided", reason=reason))
        return tuple(found)

    @property
    def certificate(self) -> TheoremCheck:
        """The claims."""
        return TheoremCheck(theorem=f"types of the slots of {self.optimizer}", claims=self.claims)


def infer_types(
    spec: Any,
    classes: Sequence[str] | None = None,
    *,
    problems: Sequence[Problem] | None = None,
    steps: int = 3,
    maps: int = 3,
    rng: int | np.random.Generator = 0,
) -> TypeTest:
    """The slot types under which the state follows, with the point held still by a learning rate of zero.

    A point that moves would pass its own unnaturality on to the slots.

    Parameters
    ----------
    spec: the optimizer, or whatever :func:`~solvers.naturality.registry.read_optimizer` reads; the types that
        it declares are not looked at.
    classes: of maps.
    problems: where it is run; the ready ones by default.
    steps: with a learning rate of zero.
    maps: random maps for each class.
    rng: seed or generator.

    Raises
    ------
    InputError: a class is not known, or a number is out of its range.

    >>> from solvers.naturality.registry import OPTIMIZERS
    >>> found = infer_types(OPTIMIZERS["adam"], ["diagonal", "orthogonal"])
    >>> found.types["average"]["diagonal"], found.types["square"]
    (('covector',), {'diagonal': ('diag_cov2',), 'orthogonal': ()})
    """
    read_count(steps, name="steps")
    read_count(maps, name="maps")
    spec = read_optimizer(spec)
    chosen, seed = default_problems(spec, problems), read_seed(rng)
    shape = chosen[0].shape
    names = classes or (MATRIX_CLASSES if len(shape) == 2 else CLASSES)
    drawn = samples(names, shape, count=maps, seed=seed) | samples(["translation"], shape, count=maps, seed=seed)
    random = np.random.default_rng(seed)
    starts = [start_point(problem.size, random) for problem in chosen]
    try:
        with guarded():
            states = [_held(spec, problem, theta, steps) for problem, theta in zip(chosen, starts, strict=True)]
            firsts = [spec.start(problem, theta) for problem, theta in zip(chosen, starts, strict=True)]
            pushed = {
                name: [
                    (place, morphism, _pushed(spec, problem, morphism, theta, steps))
                    for place, (problem, theta) in enumerate(zip(chosen, starts, strict=True))
                    for morphism in several
                ]
                for name, several in drawn.items()
            }
    except Unfit as error:
        return TypeTest(optimizer=spec.name, types={}, defects={}, silent={}, reason=str(error))
    silent = _silent(states)
    fixed = [
        slot for slot in states[0] if all(_same(a[slot], b.get(slot)) for a, b in zip(states, firsts, strict=True))
    ]
    return _compared(spec, states, pushed, silent, fixed, names)


def _same(a: Any, b: Any) -> bool:
    """Whether two slots hold the same numbers."""
    return np.array_equal(np.asarray(a), np.asarray(b))


def _pushed(spec: OptimizerSpec, problem: Problem, morphism: Morphism, theta: FloatArray, steps: int) -> State | None:
    """The held state in other coordinates, None where what the optimizer reads has no lift."""
    try:
        return _held(spec, problem.push(morphism), morphism.apply(theta), steps)
    except NoLift:
        return None


def _held(spec: OptimizerSpec, problem: Problem, theta: Any, steps: int) -> State:
    """The state after steps with a learning rate of zero.

    Raises
    ------
    Unfit: the point moves all the same.
    """
    state = spec.start(problem, theta)
    for _ in range(steps):
        state = spec.step(problem, state, 0.0)
    if not np.allclose(np.asarray(state["point"]), np.asarray(theta), rtol=1e-12, atol=1e-12):
        raise Unfit("the point moves at a learning rate of zero, and would pass that on to the slots")
    return state


def _silent(states: Sequence[State]) -> dict[str, str]:
    """Slots that say nothing, with the reason."""
    found = {}
    for slot in states[0]:
        try:
            values = [np.asarray(state[slot], dtype=float) for state in states]
        except (ValueError, TypeError):
            found[slot] = "it holds no numbers"
            continue
        if not all(np.isfinite(value).all() for value in values):
            found[slot] = "it is not finite at a learning rate of zero"
        elif not any(value.any() for value in values):
            found[slot] = "it stays zero at a learning rate of zero"
    return {slot: why for slot, why in found.items() if slot != "point"}


def _compared(
    spec: OptimizerSpec,
    states: Sequence[State],
    pushed: Mapping[str, Sequence[tuple[int, Morphism, State | None]]],
    silent: Mapping[str, str],
    fixed: Sequence[str],
    names: Sequence[str],
) -> TypeTest:
    """The types that fit all runs of each class.

    A slot that never changes is not taken for one that ignores maps, and points are told from vectors by translations.
    """
    slots = [slot for slot in states[0] if slot != "point" and slot not in silent]
    types: dict[str, dict[str, tuple[str, ...]]] = {slot: {} for slot in slots}
    defects: dict[str, dict[str, float]] = {slot: {} for slot in slots}
    for slot in slots:
        kinds = _candidates(np.shape(states[0][slot]), len(states[0]["point"]))
        kinds = tuple(kind for kind in kinds if kind != "frame_scalar" or slot not in fixed)
        worst = _worst(("point",) if "point" in kinds else (), slot, states, pushed["translation"])
        moves = worst.get("point", np.inf) <= TOLERANCE
        kinds = tuple(kind for kind in kinds if (kind == "point") == moves)
        for name in names:
            worst = _worst(kinds, slot, states, pushed[name])
            types[slot][name] = tuple(kind for kind, defect in worst.items() if defect <= TOLERANCE)
            defects[slot][name] = min(worst.values(), default=float("inf"))
    return TypeTest(optimizer=spec.name, types=types, defects=defects, silent=silent)


def _worst(
    kinds: Sequence[str], slot: str, states: Sequence[State], runs: Sequence[tuple[int, Morphism, State | None]]
) -> dict[str, float]:
    """The largest defect of each type over the runs of a class."""
    return {
        kind: max(_defect(kind, slot, states[place], other, morphism) for place, morphism, other in runs)
        for kind in kinds
    }


def _candidates(shape: tuple[int, ...], size: int) -> tuple[str, ...]:
    """The types that a slot of a shape may have."""
    if int(np.prod(shape)) == 1 and size > 1:
        return ("scalar",)
    if int(np.prod(shape)) == size:
        return ("vector", "covector", "diag_cov2", "diag_con2", "point", "frame_scalar")
    if shape == (size, size):
        return ("cov2", "con2", "frame_scalar")
    return ("row_cov2", "col_cov2", "frame_scalar") if len(shape) == 2 and shape[0] == shape[1] else ("frame_scalar",)


def _defect(kind: str, slot: str, state: State, other: State | None, morphism: Morphism) -> float:
    """How far a slot in other coordinates is from a lift, relative to its size; infinite where there is none."""
    if other is None:
        return float("inf")
    try:
        wanted = np.asarray(push_slot(kind, state[slot], state["point"], morphism), dtype=float)
    except (NoLift, ValueError):
        return float("inf")
    gap = float(np.linalg.norm(wanted - np.asarray(other[slot], dtype=float)))
    return gap / max(float(np.linalg.norm(wanted)), 1e-300)
