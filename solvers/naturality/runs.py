"""Runs of an optimizer to compare others with, and what makes one unfit for comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.linear_maps import general_linear, scalar, translation
from solvers.naturality.morphism import Morphism, check_inverse, check_morphism
from solvers.naturality.problem import Problem
from solvers.naturality.problems import matrix_problems, start_point, vector_problems
from solvers.naturality.slots import NoLift
from solvers.naturality.spec import OptimizerSpec, State
from solvers.naturality.structures import declare
from symmetries.actions.parameter_space import FloatArray

FAR = 1e6
"""A run that ends this far from its start, relative to the size of the start, has diverged."""

CONVERGED = 1e-9
"""Gradients this small after one step, relative to those before it, leave nothing to compare."""

SIZE, SHAPE = 4, (2, 3)
"""Sizes at which optimizers are tested: no coincidences of small groups."""


@final
class Unfit(Exception):
    """Why nothing can be said about an optimizer from its runs."""


@contextmanager
def guarded() -> Iterator[None]:
    """Errors of an optimizer become reasons why nothing can be said; numbers that are not finite stay silent.

    >>> with guarded():
    ...     1 / 0
    Traceback (most recent call last):
    solvers.naturality.runs.Unfit: it stops with ZeroDivisionError: division by zero
    """
    with np.errstate(all="ignore"):
        try:
            yield
        except NoLift:
            raise
        except InputError as error:
            raise Unfit(f"{error.what}: {error.why}") from error
        except Unfit:
            raise
        except Exception as error:  # whatever code of others raises
            raise Unfit(f"it stops with {type(error).__name__}: {error}") from error


@final
@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of an optimizer on a problem.

    Parameters
    ----------
    problem: what was minimised.
    points: the parameters before the first step and after each, shape (steps + 1, n).
    single: whether some array of the state was in single precision.
    """

    problem: Problem
    points: FloatArray
    single: bool = False

    @property
    def start(self) -> FloatArray:
        """The parameters before the first step."""
        return self.points[0]


def default_problems(spec: OptimizerSpec, problems: Sequence[Problem] | None = None) -> tuple[Problem, ...]:
    """The problems that are given, or the ready ones of the shape that the optimizer reads.

    >>> from solvers.naturality.spec import OptimizerSpec
    >>> still = OptimizerSpec(name="still", init=lambda p, t: {"point": t}, step=lambda p, s, r: s, slots={})
    >>> [problem.size for problem in default_problems(still)]
    [4, 4, 4, 4, 4]
    """
    if problems is None:
        problems = matrix_problems(SHAPE) if spec.matrix else vector_problems(SIZE)
    if isinstance(problems, Problem) or not len(problems) or not all(isinstance(one, Problem) for one in problems):
        raise InputError("the problems", why="they are no list of one problem or more", cure="write [Problem(...)]")
    chosen = tuple(map(declare, problems))
    if len(chosen[0].shape) > 2:
        why = f"their parameters have {len(chosen[0].shape)} axes"
        raise InputError("the problems", why=why, cure="give vectors or matrices: size=n or shape=(m, k)")
    if len({problem.shape for problem in chosen}) > 1:
        raise InputError("the problems", why="their parameters differ in shape", cure="give problems of one shape")
    return chosen


def trace(spec: OptimizerSpec, problem: Problem, theta: FloatArray, *, rate: float, steps: int) -> Run:
    """Run an optimizer; numbers that are not finite are kept, for the caller to judge.

    Raises
    ------
    NoLift: it reads structure that has no lift.
    Unfit: it stops with an error.
    """
    with guarded():
        state = spec.start(problem, theta)
        points = [_read_point(state, problem.size)]
        for _ in range(steps):
            state = spec.step(problem, state, rate)
            points.append(_read_point(state, problem.size))
    return Run(problem=problem, points=np.array(points, dtype=float), single=_single(state))


def _read_point(state: State, size: int) -> FloatArray:
    """The point of a state, for its own."""
    point = np.array(state["point"])
    if point.size != size:
        raise Unfit(f"its point has {point.size} numbers, and there are {size} parameters")
    if point.dtype.kind not in "fiu":
        raise Unfit(f"its point holds {point.dtype} numbers, and real ones are due")
    return point.reshape(-1)


def reference_runs(
    spec: OptimizerSpec,
    problems: Sequence[Problem],
    *,
    rate: float,
    steps: int,
    rng: np.random.Generator,
    count: int = 0,
) -> tuple[Run, ...]:
    """Runs on the problems in turn, from random points.

    Parameters
    ----------
    spec: the optimizer.
    problems: what it minimises.
    rate, steps: learning rate and number of steps.
    rng: generator of the starts.
    count: how many runs; one for each problem by default.

    Raises
    ------
    Unfit: the optimizer is not deterministic, does not move, ignores the loss, diverges, or has converged at once.
    """
    runs: list[Run] = []
    for place in range(count or len(problems)):
        problem = problems[place % len(problems)]
        theta = start_point(problem.size, rng)
        found = trace(spec, problem, theta, rate=rate, steps=steps)
        if not np.isfinite(found.points).all():  # optimizers of positive parameters
            found = trace(spec, problem, np.abs(theta), rate=rate, steps=steps)
        runs.append(found)
    _check_fit(spec, problems, runs, rate, steps)
    return tuple(runs)


def _check_fit(spec: OptimizerSpec, problems: Sequence[Problem], runs: list[Run], rate: float, steps: int) -> None:
    """Refuse an optimizer whose runs cannot be compared."""
    for run in runs:
        away = float(np.abs(run.points - run.start).max())
        if not np.isfinite(run.points).all() or away > FAR * (1 + float(np.linalg.norm(run.start))):
            raise Unfit(
                f"it diverges on {run.problem.name or 'a problem'} at the learning rate {rate:g}; lower the rate"
            )
    first = runs[0]
    _check_pure(spec, first, rate)
    again = trace(spec, first.problem, first.start, rate=rate, steps=steps)
    if not np.array_equal(again.points, first.points):
        gap = float(np.abs(again.points - first.points).max())
        raise Unfit(f"it is not deterministic: two runs from one point differ by {gap:.3g}; fix its seed")
    if any(np.array_equal(run.points[-1], run.start) and not np.ptp(run.points, axis=0).any() for run in runs):
        raise Unfit("it does not move the point: nothing can be compared; raise the rate or the number of steps")
    if all(np.array_equal(other, first.points) for other in _on_other_losses(spec, problems, first, rate)):
        raise Unfit("it ignores its gradient: its path is the same on different losses")
    ratios = [_gradient_ratio(run) for run in runs]
    if all(ratio <= CONVERGED for ratio in ratios):
        raise Unfit("it has converged after one step, and convergence hides what happened; take fewer inner iterations")


def _check_pure(spec: OptimizerSpec, run: Run, rate: float) -> None:
    """Refuse an optimizer whose steps write into the state that they are given, which tests use again."""
    with guarded():
        state = spec.start(run.problem, run.start)
        for _ in range(len(run.points) - 1):
            kept = {slot: np.copy(value) for slot, value in state.items() if isinstance(value, np.ndarray)}
            moved = spec.step(run.problem, state, rate)
            if not all(np.array_equal(np.asarray(state.get(slot)), value) for slot, value in kept.items()):
                raise Unfit("its step changes the state that it is given; return a new state, with arrays of its own")
            state = moved


def _on_other_losses(spec: OptimizerSpec, problems: Sequence[Problem], run: Run, rate: float) -> Iterator[FloatArray]:
    """Paths from the start of a run on other losses: other problems first, then the same one in other places."""
    size = run.problem.size
    yield from (_path(spec, problem, run, rate) for problem in problems if problem is not run.problem)
    for make in (translation, scalar, general_linear):
        yield _path(spec, run.problem.push(make(size)), run, rate)


def _path(spec: OptimizerSpec, problem: Problem, run: Run, rate: float) -> FloatArray:
    """The path from the start of a run on a problem; that of the run where it cannot be followed."""
    try:
        return trace(spec, problem, run.start, rate=rate, steps=len(run.points) - 1).points
    except (NoLift, Unfit):
        return run.points


def _gradient_ratio(run: Run) -> float:
    """The size of the gradient after the first step over that before it."""
    before, after = (float(np.linalg.norm(run.problem.gradient(point))) for point in run.points[:2])
    return after / before if before > 0 else 0.0


def _single(state: State) -> bool:
    """Whether some array of a state is in single precision or less."""
    kinds = [np.asarray(value).dtype for value in state.values() if np.ndim(value)]
    return any(kind.kind == "f" and kind.itemsize < 8 for kind in kinds)


def step_defects(spec: OptimizerSpec, run: Run, morphism: Morphism, *, rate: float) -> tuple[FloatArray, str]:
    r"""How far the run in other coordinates is from the image of a run, relative to how far that has moved.

    .. math:: \frac{|\varphi(\theta_k) - \theta'_k|}{|\varphi(\theta_k) - \varphi(\theta_0)|}

    Parameters
    ----------
    spec: the optimizer.
    run: the run whose image is taken.
    morphism: the change of coordinates, which has been checked.
    rate: of the run in other coordinates.

    Returns
    -------
    The defects after each step, infinite where the other run leaves its domain, not a number where nothing can be
    compared, and a remark.
    """
    with np.errstate(all="ignore"):
        images = np.array([morphism.apply(point) for point in run.points])
    steps = len(images) - 1
    if not np.isfinite(images).all():
        return np.full(steps, np.nan), "a path leaves the domain of the map"
    try:
        other = trace(spec, run.problem.push(morphism), images[0], rate=rate, steps=steps).points
    except NoLift as error:
        return np.full(steps, np.inf), f"what it reads beside the loss has no lift: {error.why}"
    except Unfit as error:
        return np.full(steps, np.nan), f"in other coordinates {error}"
    away = np.linalg.norm(images - images[0], axis=1)[1:]
    with np.errstate(over="ignore", invalid="ignore"):  # a run may end far away
        defects = np.linalg.norm(images - other, axis=1)[1:]
    tiny = 1e-300 + 1e-13 * float(np.linalg.norm(images[0]))
    relative = np.where(np.isfinite(defects), defects / np.maximum(away, tiny), np.inf)
    return relative, "" if np.isfinite(other).all() else "the run in other coordinates is not finite"


def checked_maps(maps: Sequence[Morphism], runs: Sequence[Run]) -> Sequence[Morphism]:
    """The maps, after each was checked at a start, and its inverse all along the runs.

    Raises
    ------
    InputError: an inverse or a Jacobian is wrong.
    """
    for morphism in maps:
        check_morphism(morphism, runs[0].start)
        check_inverse(morphism, np.concatenate([run.points for run in runs]))
    return maps


def forgets(spec: OptimizerSpec, problem: Problem, theta: FloatArray, *, rate: float, steps: int = 2) -> bool:
    """Whether a step depends on the point alone: one from an old state is as one from a first state there.

    >>> from solvers.naturality.registry import OPTIMIZERS
    >>> from solvers.naturality.problems import vector_problems
    >>> problem, theta = vector_problems(2)[0], np.array([0.5, -0.7])
    >>> [forgets(OPTIMIZERS[name], problem, theta, rate=0.1) for name in ("gradient-descent", "heavy-ball")]
    [True, False]
    """
    points = trace(spec, problem, theta, rate=rate, steps=steps + 1).points
    fresh = trace(spec, problem, points[-2], rate=rate, steps=1).points[-1]
    way = float(np.linalg.norm(points[-1] - points[-2]))
    return bool(np.linalg.norm(points[-1] - fresh) <= 1e-10 * way)
