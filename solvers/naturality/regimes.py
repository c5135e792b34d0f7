"""Optimizers that change their ways: maps that are followed for the first steps, and no longer after a switch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from solvers.naturality.classes import sample
from solvers.naturality.problem import Problem
from solvers.naturality.problems import start_point
from solvers.naturality.runs import FAR, Run, Unfit, step_defects, trace
from solvers.naturality.slots import NoLift
from solvers.naturality.spec import OptimizerSpec
from solvers.naturality.trajectory import UNNATURAL, ClassDefect, TrajectoryTest, describe

STEPS = 16
"""Steps of the paths on which a switch is looked for."""

BEFORE = 1e-8
"""Largest defect of the step before a switch: rounding that grows gets to larger ones on its way, a switch does not."""


def watched(
    spec: OptimizerSpec, problems: Sequence[Problem], paths: TrajectoryTest, *, steps: int = STEPS, seed: int = 0
) -> TrajectoryTest:
    """The outcome of the trajectory test, with classes refuted that a longer path of the first problem leaves at once.

    A defect that is rounding after one step and more than a thousandth of the way after the next is a switch.

    Parameters
    ----------
    spec: the optimizer.
    problems: where it is run.
    paths: outcome on short paths.
    steps: of the longer path.
    seed: of the start and of the maps.

    >>> from solvers.naturality.optimizers.gradient_descent import polyak_step
    >>> from solvers.naturality.problems import vector_problems
    >>> from solvers.naturality.trajectory import trajectory
    >>> short = trajectory(polyak_step(), ["orthogonal"])
    >>> watched(polyak_step(), vector_problems(4), short).natural
    ('orthogonal',)
    """
    run = _long_run(spec, problems[0], steps, seed)
    if run is None:
        return paths
    late = {name: found for name in paths.natural if (found := _switch(spec, run, name, seed)) is not None}
    return replace(paths, classes={**paths.classes, **late}) if late else paths


def switched(paths: TrajectoryTest, watched_paths: TrajectoryTest) -> str:
    """Which classes are followed at first only, in words; empty where there is none.

    >>> nothing = TrajectoryTest(optimizer="none", orbital=False, classes={})
    >>> switched(nothing, nothing)
    ''
    """
    late = [name for name in paths.natural if name not in watched_paths.natural]
    if not late:
        return ""
    first = watched_paths.classes[late[0]]
    return f"maps ({', '.join(late)}) are followed at first and then not: {first.reason}"


def _long_run(spec: OptimizerSpec, problem: Problem, steps: int, seed: int) -> Run | None:
    """The longer path as far as it stays near, from a start where the optimizer is defined."""
    start = start_point(problem.size, np.random.default_rng(seed))
    for theta in (start, np.abs(start)):
        try:
            run = trace(spec, problem, theta, rate=spec.rate, steps=steps)
        except (Unfit, NoLift):
            continue
        with np.errstate(all="ignore"):
            near = np.isfinite(run.points).all(axis=1) & (np.abs(run.points - theta).max(axis=1) < FAR)
        kept = len(near) if near.all() else int(near.argmin())
        if kept > 1:
            return replace(run, points=run.points[:kept])
    return None


def _switch(spec: OptimizerSpec, run: Run, name: str, seed: int) -> ClassDefect | None:
    """The refutation of a class by a switch, or None."""
    morphism = sample(name, run.problem.shape, count=1, seed=seed)[0]
    defects, _ = step_defects(spec, run, morphism, rate=spec.rate)
    with np.errstate(invalid="ignore"):
        jumps = np.flatnonzero((defects[1:] >= UNNATURAL) & np.isfinite(defects[1:]) & (defects[:-1] <= BEFORE))
    if not len(jumps):
        return None
    place = int(jumps[0]) + 1
    return ClassDefect(
        name=name,
        level="unnatural",
        defect=float(defects[place]),
        by_step=tuple(defects.tolist()),
        counterexample=describe(run, morphism),
        reason=f"the paths differ by {defects[place]:.1e} of the way, from step {place + 1} on",
    )
