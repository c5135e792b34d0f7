"""The order test: how the defect of one step, or of a path of fixed time, shrinks with the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.classes import sample
from solvers.naturality.morphism import Morphism, check_morphism
from solvers.naturality.order_test import OrderTest, judge, unknown
from solvers.naturality.problem import Problem
from solvers.naturality.problems import start_point
from solvers.naturality.registry import read_optimizer
from solvers.naturality.runs import Run, Unfit, checked_maps, default_problems, guarded, reference_runs, trace
from solvers.naturality.slots import NoLift
from solvers.naturality.spec import OptimizerSpec, State, lift
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_seed

RATES = (1e-2, 3e-3, 1e-3, 3e-4)
"""Learning rates of the test, relative to that of the spec."""

FOLLOWS = 1e-2
"""Slots that are farther than this from their lifts at the smallest rate, relative to their size, do not follow."""


def step_order(
    spec: Any,
    morphism: Morphism | str = "generic",
    *,
    problems: Sequence[Problem] | None = None,
    rates: Sequence[float] = RATES,
    warm: int = 0,
    steps: int = 1,
    rng: int | np.random.Generator = 0,
) -> OrderTest:
    r"""The defect of a step from a lifted state, and its slope in the learning rate.

    .. math:: d(\eta) = \frac{|S(\varphi)\,\Phi_\eta(s) - \Phi'_\eta(S(\varphi)\,s)|}{|\varphi(\Phi_\eta(s)) -
        \varphi(s)|}

    The lift of the moved state is taken where the state has moved to; so the terms by which moving covectors differ are
    part of it.

    Parameters
    ----------
    spec: the optimizer, with typed slots, or whatever :func:`~solvers.naturality.registry.read_optimizer` reads.
    morphism: the change of coordinates, or the name of a class.
    problems: where it is run; the ready ones by default.
    rates: learning rates from large to small, relative to that of the spec.
    warm: steps before the test, so that the slots are not zero; zero starts both runs from their own first states,
        which asks nothing of the types of the slots.
    steps: steps of the test; with two or more, differences between points that a step keeps are seen too.
    rng: seed or generator.

    Raises
    ------
    InputError: the map has a wrong inverse or Jacobian, or is no known class.

    >>> descent = OptimizerSpec(
    ...     name="gradient descent",
    ...     init=lambda problem, theta: {"point": theta},
    ...     step=lambda problem, state, rate: {"point": state["point"] - rate * problem.gradient(state["point"])},
    ...     slots={"point": "point"},
    ... )
    >>> print(step_order(descent, "generic"))
    gradient descent, generic smooth map: unnatural, slope -0.00
    """
    read_count(warm, name="warm", low=0)
    read_count(steps, name="steps")
    spec = read_optimizer(spec)
    chosen, seed = default_problems(spec, problems), read_seed(rng)
    morphism = _read_map(morphism, chosen[0].shape, seed)
    speeds = _read_rates(rates) * spec.rate
    return _ordered(
        spec,
        morphism,
        chosen,
        seed,
        speeds,
        lambda run: _step_defects(spec, run, morphism, speeds, warm, steps),
        steps=warm + steps,
        shrinking=True,
    )


def flow_order(
    spec: Any,
    morphism: Morphism | str = "generic",
    *,
    time: float,
    problems: Sequence[Problem] | None = None,
    steps: Sequence[int] = (8, 16, 32, 64),
    rng: int | np.random.Generator = 0,
) -> OrderTest:
    r"""The defect of a path of fixed time, and its slope in the learning rate :math:`\eta = T/N`.

    One step from zero velocity tells nothing about an optimizer with inertia; the end of a path of fixed time does.

    Parameters
    ----------
    spec: the optimizer; what it holds fixed when the rate shrinks is its ``scaling``.
    morphism: the change of coordinates, or the name of a class.
    time: T, in units of the learning rate.
    problems: where it is run; the ready ones by default.
    steps: numbers of steps N, growing.
    rng: seed or generator.

    Raises
    ------
    InputError: the time or a number of steps makes no sense, or the map is no known class.

    >>> from solvers.naturality.optimizers.natural_gradient import natural_gradient
    >>> print(flow_order(natural_gradient(), "generic", time=0.2).flow)
    natural
    """
    read_number(time, name="time", interval=POSITIVE)
    spec = read_optimizer(spec)
    chosen, seed = default_problems(spec, problems), read_seed(rng)
    morphism = _read_map(morphism, chosen[0].shape, seed)
    counts = [read_count(count, name="steps") for count in steps]
    speeds = _read_rates([time / count for count in counts])
    if (shrunk := _shrunk(spec, chosen[0], speeds, counts, seed)) != "":
        return unknown(spec.name, morphism.name or "map", speeds, shrunk)
    return _ordered(
        spec,
        morphism,
        chosen,
        seed,
        speeds,
        lambda run: _path_defects(spec, run, morphism, speeds, counts),
        steps=1,
        shrinking=False,
    )


def leading_coefficient(
    spec: OptimizerSpec, problem: Problem, theta: Any, morphism: Morphism, rate: float
) -> tuple[float, float]:
    r"""The defect of an Euler step over the square of the rate, and its limit, :math:`\tfrac12|D^2\varphi(V,V)|`.

    >>> from solvers.naturality.nonlinear_maps import generic
    >>> from solvers.naturality.optimizers.natural_gradient import natural_gradient
    >>> from solvers.naturality.problems import vector_problems
    >>> seen, limit = leading_coefficient(natural_gradient(), vector_problems(3)[0], [0.5, -0.4, 0.8], generic(3), 1e-4)
    >>> bool(abs(seen / limit - 1) < 5e-4)
    True
    """
    theta = np.asarray(theta, dtype=float)
    here, there = spec.start(problem, theta), morphism.apply(theta)
    moved = np.asarray(spec.step(problem, here, rate)["point"])
    pushed = problem.push(morphism)
    other = np.asarray(spec.step(pushed, spec.start(pushed, there), rate)["point"])
    velocity = (moved - theta) / rate
    seen = float(np.linalg.norm(morphism.apply(moved) - other)) / rate**2
    return seen, float(np.linalg.norm(morphism.second(theta)(velocity, velocity))) / 2


def _read_map(morphism: Morphism | str, shape: tuple[int, ...], seed: int) -> Morphism:
    """The map itself, or a random one of the class."""
    return sample(morphism, shape, count=1, seed=seed)[0] if isinstance(morphism, str) else morphism


def _read_rates(rates: Sequence[float]) -> FloatArray:
    """Learning rates that shrink."""
    found = np.asarray(rates, dtype=float)
    if len(found) < 2 or not (np.isfinite(found).all() and (found > 0).all() and (np.diff(found) < 0).all()):
        raise InputError(
            f"the learning rates {list(rates)}",
            why="a slope needs two or more that are positive and shrink",
            cure="write rates=[1e-2, 1e-3]",
        )
    return found


def _ordered(
    spec: OptimizerSpec,
    morphism: Morphism,
    problems: Sequence[Problem],
    seed: int,
    speeds: FloatArray,
    work: Callable[[Run], tuple[list[float], dict[str, float]]],
    *,
    steps: int,
    shrinking: bool,
) -> OrderTest:
    """The outcome of a test of order over all problems."""
    called = morphism.name or "map"
    rng = np.random.default_rng(seed)
    try:
        runs = reference_runs(spec, problems, rate=float(speeds[0]), steps=steps, rng=rng)
        checked_maps([morphism], runs)
        if shrinking:
            _check_shrinking(spec, runs[0], speeds)
        with guarded():
            found = [work(run) for run in runs]
    except NoLift as error:
        return unknown(spec.name, called, speeds, f"{error.what} has no lift: {error.why}")
    except Unfit as error:
        check_morphism(morphism, np.abs(start_point(problems[0].size, np.random.default_rng(seed))))
        return unknown(spec.name, called, speeds, str(error))
    table = np.array([defects for defects, _ in found])
    slots = {slot: max(one[1].get(slot, 0.0) for one in found) for slot in found[0][1]}
    flow, slope, reason = judge(table, speeds)
    lost = [f"{slot} of type {spec.slots[slot]} by {size:.1e}" for slot, size in slots.items() if not size <= FOLLOWS]
    if lost and flow in ("exact", "natural"):
        flow, reason = "undecided", f"the point follows, and slots do not as their types say: {', '.join(lost)}"
    return OrderTest(
        optimizer=spec.name,
        map=called,
        flow=flow,
        slope=slope,
        rates=tuple(speeds.tolist()),
        defects=tuple(np.median(table, axis=0).tolist()),
        slots=slots,
        reason=reason,
    )


def _shrunk(spec: OptimizerSpec, problem: Problem, speeds: FloatArray, counts: Sequence[int], seed: int) -> str:
    """Why there is no flow: paths of one time get shorter and shorter; empty where they do not."""
    theta = np.abs(start_point(problem.size, np.random.default_rng(seed)))
    try:
        ways = [
            float(
                np.linalg.norm(trace(spec, problem, theta, rate=float(speeds[k]), steps=counts[k]).points[-1] - theta)
            )
            for k in (0, -1)
        ]
    except Unfit as error:
        return str(error)
    return "paths of a fixed time shrink with their steps, so that there is no flow" if ways[1] < 0.6 * ways[0] else ""


def _check_shrinking(spec: OptimizerSpec, run: Run, speeds: FloatArray) -> None:
    """Refuse an optimizer whose steps do not shrink with the learning rate: it has no flow."""
    ends = [trace(spec, run.problem, run.start, rate=float(speed), steps=1).points[-1] for speed in speeds[[0, -1]]]
    first, last = (float(np.linalg.norm(end - run.start)) for end in ends)
    if last > first * np.sqrt(speeds[-1] / speeds[0]):
        raise Unfit("its steps do not shrink with the learning rate, so that there is no flow")


def _step_defects(
    spec: OptimizerSpec, run: Run, morphism: Morphism, speeds: FloatArray, warm: int, steps: int
) -> tuple[list[float], dict[str, float]]:
    """Relative defects of one step for each rate, and those of the other slots at the last."""
    problem, pushed = run.problem, run.problem.push(morphism)
    state = spec.start(problem, run.start)
    for _ in range(warm):
        state = spec.step(problem, state, spec.rate)
    other = lift(spec.slots, state, morphism) if warm else spec.start(pushed, morphism.apply(run.start))
    found, slots = [], {}
    for speed in speeds:
        moved, answer = state, other
        for _ in range(steps):
            moved, answer = spec.step(problem, moved, float(speed)), spec.step(pushed, answer, float(speed))
        found.append(_relative(morphism, state["point"], moved["point"], answer["point"]))
    if warm:
        slots = _slot_defects(lift(spec.slots, moved, morphism), answer)
    return found, slots


def _slot_defects(wanted: State, answer: State) -> dict[str, float]:
    """How far slots are from the lifted ones, relative to their size."""
    found = {}
    for slot, value in wanted.items():
        size = float(np.linalg.norm(np.asarray(value, dtype=float)))
        gap = float(np.linalg.norm(np.asarray(value, dtype=float) - np.asarray(answer[slot], dtype=float)))
        found[slot] = gap / size if size else gap
    return found


def _path_defects(
    spec: OptimizerSpec, run: Run, morphism: Morphism, speeds: FloatArray, counts: Sequence[int]
) -> tuple[list[float], dict[str, float]]:
    """Relative defects of the ends of paths of one time."""
    pushed = run.problem.push(morphism)
    found = []
    for speed, count in zip(speeds, counts, strict=True):
        here, there = spec.start(run.problem, run.start), spec.start(pushed, morphism.apply(run.start))
        for _ in range(count):
            here, there = spec.step(run.problem, here, float(speed)), spec.step(pushed, there, float(speed))
        found.append(_relative(morphism, run.start, here["point"], there["point"]))
    return found, {}


def _relative(morphism: Morphism, start: FloatArray, moved: Any, other: Any) -> float:
    """The distance of a point from the image of another, relative to how far the image has moved."""
    image, begin = morphism.apply(moved), morphism.apply(start)
    way = float(np.linalg.norm(image - begin))
    return float(np.linalg.norm(image - np.asarray(other))) / way if way else float("nan")
