"""Minimisation: one call for every rule, with teleports, mini-batches, checkpoints and a history."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from manifolds.errors import InputError
from solvers.batches import read_batches
from solvers.felt_symmetries import warn_of_useless_teleport
from solvers.objective import Objective, as_objective
from solvers.results import MinimizeResult
from solvers.rule import Rule
from solvers.rules import Adam, make_rule
from solvers.running.checkpoint import Checkpoint, describe, read_checkpoint
from solvers.running.coordinates import Coordinates, point_like, read_point, require_no_decay
from solvers.running.jump import Jump
from solvers.running.limited_memory_stepper import LimitedMemoryStepper
from solvers.running.loop import Callback, Loop
from solvers.running.meter import Meter
from solvers.running.progress import Progress
from solvers.running.run_state import RunState
from solvers.running.scipy_loop import ScipyLoop
from solvers.running.scipy_stepper import ScipyStepper
from solvers.running.space_coordinates import read_space
from solvers.running.stepper import Stepper
from solvers.schedules import TeleportSchedule, read_schedule
from solvers.scipy_methods import SciPy
from solvers.status import Status
from solvers.steps.hyperparameters import NON_NEGATIVE, read_count, read_number
from solvers.steps.limited_memory import LBFGS
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_seed

DEFAULT_RULE = Adam(learning_rate=1e-2)
"""What minimises where nothing else is asked for."""

IF_PRESENT = "if-present"
"""To resume where there is something to resume from."""


def minimize(
    objective: Any,
    w: Point,
    *,
    space: Any = None,
    trust_radius: float | None = None,
    rule: Any = DEFAULT_RULE,
    learning_rate: Any = None,
    steps: int = 1000,
    teleport: TeleportSchedule | None = None,
    callback: Callback | None = None,
    tolerance: float = 1e-10,
    batches: Any = None,
    checkpoint: Any = None,
    resume: bool | Literal["if-present"] = False,
    progress: bool = False,
    data: Mapping[str, Any] | None = None,
    rng: int | np.random.Generator = 0,
) -> MinimizeResult:
    r"""Minimise a loss by an optimizer that may teleport along its level sets.

    .. math:: w_{t+1} = g_t\cdot w_t + W_t, \qquad L(g_t\cdot w_t) = L(w_t)

    where W_t is the step of the rule at :math:`g_t\cdot w_t`, and g_t is the identity at steps without a teleport.  On
    a space the gradient is lifted to coordinates, and their step is retracted.

    Ctrl-C returns the best point so far with the status ``interrupted``. With the guard of a schedule on, a run that
    blows up after a teleport is taken back to before it.  Where it is proved that the rule commutes with the group of
    the teleports, so that none of them changes a loss of the run, the warning ``UselessTeleport`` says so.

    Parameters
    ----------
    objective: a loss or an objective.
    w: the start: a vector of shape (n,), an array of the shape of the only parameter, or arrays by name; points are
        returned in the same form.
    space: where the parameters live: a space of :mod:`manifolds` or of geomstats, a product, or spaces by name, with
        None for vectors; leading axes are a batch of points. None is Euclidean space.
    trust_radius: longest step of each point on a curved space; for spaces that are not compact.
    rule: a rule, its name (``"adam"``, ``"l-bfgs"``), or a SciPy method (``"bfgs"``, ``"l-bfgs-b"``, ``SciPy(...)``).
    learning_rate: a number, a schedule or a step size in place of the rule's own.
    steps: how many steps at most.
    teleport: :class:`Every`, :class:`At` or :class:`When`, with where to go; None never teleports.
    callback: called with a :class:`LoopState` after each step; it stops the run by returning True.
    tolerance: stop where the gradient norm is no larger; with mini-batches that of the whole loss once an epoch.
    batches: :class:`MiniBatches`, or a function step -> objective; None takes the whole objective at each step.
    checkpoint: a file, or a :class:`Checkpoint` that says how often; it is written at the end and on Ctrl-C too.
    resume: go on from the checkpoint with the same bits as a run that was not stopped; ``"if-present"`` starts anew
        where there is no file.
    progress: whether to show a bar where standard error is a terminal.
    data: values of the data and constants of a loss.
    rng: seed of all random choices of the teleports.

    Raises
    ------
    InputError: an argument makes no sense, the start is not finite, the checkpoint cannot be written, or it belongs to
        another problem.

    >>> from symmetries import Loss
    >>> result = minimize(Loss.parse("x**2 + 9*y**2"), {"x": 1.0, "y": 1.0}, rule="gradient-descent", learning_rate=0.1)
    >>> result.status.value, result.value < 1e-18, sorted(result.point)
    ('converged', True, ['x', 'y'])

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022),
    arXiv:2205.10637, algorithm 1.
    """
    known = as_objective(objective, data)
    optimizer = read_rule(rule, learning_rate)
    coordinates = read_space(space, known.space, trust_radius=trust_radius)
    schedule, saver, seed = read_schedule(teleport), read_checkpoint(checkpoint), read_seed(rng)
    _require_together(optimizer, coordinates, schedule, batches, checkpoint, callback)
    _require_numbers(steps, tolerance, resume, saver)
    stepper, parts, meter = _stepper(optimizer, coordinates), read_batches(batches, known), _meter(known, schedule)
    jump = None
    if schedule is not None:
        jump = Jump(schedule, objective=known, batches=parts, stepper=stepper, meter=meter, seed=seed)
        if batches is None and schedule.objective is None:
            jump.cannot_help = warn_of_useless_teleport(
                optimizer, schedule.action, transports=schedule.state == "transport", stacklevel=2
            )
    start, value, gradient = _start(known, coordinates, w)
    described = _description(known, optimizer, coordinates, parts, schedule)
    at_start = {"seed": seed, "start": start, "loss at the start": value, "gradient at the start": gradient}
    loop = Loop(
        objective=known,
        batches=parts,
        stepper=stepper,
        schedule=schedule,
        jump=jump,
        steps=int(steps),
        tolerance=float(tolerance),
        callback=callback,
        checkpoint=saver,
        problem={**described, **at_start},
        progress=Progress(progress, steps=int(steps)),
        meter=meter,
        history=[],
        teleports=[],
        given=w,
    )
    resumes = resume is True or (bool(resume) and saver is not None and saver.exists())
    run, interrupted = _first_state(loop, start, value, gradient, resume=resumes)
    if interrupted:
        return _result(loop, run, Status.INTERRUPTED)
    with loop.progress:
        run, status = (ScipyLoop(loop, optimizer) if isinstance(optimizer, SciPy) else loop).go(run)
    return _result(loop, run, status)


def _description(
    objective: Objective, optimizer: Any, coordinates: Any, batches: Any, schedule: TeleportSchedule | None
) -> dict[str, str]:
    """What a checkpoint says of the run that it belongs to."""
    return {
        "parameters": describe(objective.space.shapes),
        "rule": describe(optimizer),
        "space": coordinates.describe(),
        "mini-batches": batches.describe(),
        "teleport": "none" if schedule is None else schedule.describe(),
    }


def _result(loop: Loop, run: RunState, status: Status) -> MinimizeResult:
    """The result, with points in the form in which the start was given."""
    space = loop.objective.space
    return MinimizeResult(
        point=point_like(space, run.best.copy(), loop.given),
        value=run.best_value,
        last_point=point_like(space, run.w.copy(), loop.given),
        steps=run.step,
        status=status,
        history=tuple(loop.history),
        cost=loop.meter.total(),
        teleports=tuple(loop.teleports),
    )


def read_rule(rule: Any, learning_rate: Any = None) -> Rule | SciPy:
    """The rule of a name or of itself, with another learning rate where one is given.

    >>> read_rule("adam", 0.5).learning_rate, read_rule("l-bfgs-b").method
    (0.5, 'L-BFGS-B')
    """
    if isinstance(rule, str):
        return make_rule(rule, learning_rate=learning_rate)
    if isinstance(rule, SciPy):
        if learning_rate is not None:
            raise InputError(
                f"learning_rate={learning_rate!r} for the SciPy method {rule.method}",
                why="it chooses its steps itself",
                cure="leave it away",
            )
        return rule
    if not isinstance(rule, Rule):
        raise InputError(
            f"rule={rule!r}",
            why="it is no rule and no name of one",
            cure="write Adam(learning_rate=1e-2), or rule='adam'",
        )
    return rule if learning_rate is None else replace(rule, learning_rate=learning_rate)


def _require_numbers(steps: Any, tolerance: Any, resume: Any, checkpoint: Checkpoint | None) -> None:
    """Refuse numbers that make no sense, and a resumption from nowhere."""
    read_count(steps, name="steps", low=0)
    read_number(tolerance, name="tolerance", interval=NON_NEGATIVE)
    if not (isinstance(resume, bool) or resume == IF_PRESENT) or (resume and checkpoint is None):
        raise InputError(
            f"resume={resume!r}" + ("" if checkpoint else " without a checkpoint"),
            why="a run is resumed from a file" if checkpoint is None else "it is neither true nor false",
            cure="write checkpoint='run.json', resume=True (or 'if-present')",
        )


def _require_together(
    rule: Rule | SciPy,
    coordinates: Coordinates,
    schedule: TeleportSchedule | None,
    batches: Any,
    checkpoint: Any,
    callback: Any,
) -> None:
    """Refuse what does not go together."""
    if callback is not None and not callable(callback):
        raise InputError(
            f"callback={callback!r}", why="it is no function", cure="give a function of the state of the loop"
        )
    if schedule is not None and not coordinates.is_euclidean:
        raise InputError(
            f"teleports on {coordinates.describe()}",
            why="moves along level sets lead out of the space",
            cure="leave `teleport` or `space` away",
        )
    require_no_decay(rule, coordinates)
    if isinstance(rule, LBFGS) and batches is not None:
        raise InputError(
            "batches with L-BFGS",
            why="differences of gradients of different functions say nothing about curvature",
            cure="leave `batches` away, or use a rule such as Adam",
        )
    if not isinstance(rule, SciPy):
        return
    for name, value in (("space", not coordinates.is_euclidean), ("batches", batches), ("checkpoint", checkpoint)):
        if value:
            raise InputError(
                f"{name} with the SciPy method {rule.method}",
                why="it keeps its own memory of one function on Euclidean space, which cannot be read or restored",
                cure=f"use rule='l-bfgs', another one of the rules, or leave `{name}` away",
            )


def _stepper(optimizer: Rule | SciPy, coordinates: Coordinates) -> Stepper | LimitedMemoryStepper | ScipyStepper:
    """What makes the steps of an optimizer."""
    if isinstance(optimizer, SciPy):
        return ScipyStepper(optimizer)
    if isinstance(optimizer, LBFGS):
        return LimitedMemoryStepper(optimizer, coordinates)
    return Stepper(optimizer, coordinates)


def _start(objective: Objective, coordinates: Coordinates, w: Point) -> tuple[FloatArray, float, FloatArray]:
    """The start, with the loss and the gradient there; refused when anything is not finite."""
    w = read_point(objective.space, w)
    point = objective.point(w).copy()
    with np.errstate(all="ignore"):
        finite = bool(np.isfinite(point).all())
        value, gradient = objective.value_and_grad(point) if finite else (math.nan, point)
        if not (math.isfinite(value) and np.isfinite(gradient).all()):
            objective.start(w)
    return coordinates.start(point, gradient), float(value), gradient


def _first_state(
    loop: Loop, w: FloatArray, value: float, gradient: FloatArray, *, resume: bool
) -> tuple[RunState, bool]:
    """The state from which the loop goes on, a new one or that of the checkpoint, and whether it was interrupted."""
    interrupted, saved = False, None
    try:
        if loop.jump is not None:
            loop.jump.require_possible(w)
    except KeyboardInterrupt:
        interrupted = True
    if loop.checkpoint is not None and resume:
        saved = loop.checkpoint.read(problem=loop.problem)
    elif loop.checkpoint is not None:
        loop.checkpoint.require_writable()
    if saved is not None and saved.run.step:  # before the first step a run is as a new one
        loop.history[:], loop.teleports[:] = saved.history, saved.teleports
        loop.meter.restart(saved.run.cost)
        return saved.run, interrupted
    run = loop.at_start(w, value, gradient, best=value)
    if not interrupted:
        try:
            return loop.begin(w, value, gradient), False
        except KeyboardInterrupt:
            interrupted = True
    loop.save(run)
    return run, interrupted


def _meter(objective: Objective, schedule: TeleportSchedule | None) -> Meter:
    """The count of a run, in the units of its objective."""
    now = objective.ledger.total()
    meter = Meter(now - now)
    meter.watch(objective.ledger)
    if schedule is not None and schedule.objective is not None:
        meter.watch(schedule.objective.ledger)
    return meter
