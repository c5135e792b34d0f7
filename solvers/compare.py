"""Teleportation beside its controls: the same runs without it, with a reset in its place, and to random points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.batches import MiniBatches
from solvers.comparing.arms import ARMS, ArmRun, Rate, Setting, accepting, require_known_times, with_rate
from solvers.comparing.comparison import ArmSummary, Comparison
from solvers.cost import Cost
from solvers.minimize import read_rule
from solvers.objective import Objective, as_objective
from solvers.rule import Rule
from solvers.schedules import TeleportSchedule, read_schedule
from solvers.status import Status
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals, read_seed

TUNING = ("every-arm", "base")


def compare(
    objective: Any,
    start: Any,
    *,
    teleport: TeleportSchedule,
    rules: Any = "adam",
    arms: Sequence[str] = ARMS,
    seeds: int | Sequence[int] = 5,
    steps: int = 300,
    learning_rates: Any = None,
    tune: str = "every-arm",
    batches: Any = None,
    accept: Any = "rollout",
    random_radius: float | None = None,
    data: Mapping[str, Any] | None = None,
    callback: Callable[[ArmRun], Any] | None = None,
) -> Comparison:
    r"""Run an optimizer with teleports and beside it the controls without which a gain says nothing.

    The arms: ``base`` never teleports; ``reset-only`` sets the state of the optimizer back whenever a teleport is due;
    ``random`` goes to a random point of the orbit or level set under the same guard and acceptance test; ``teleport``
    does what the schedule says, with the acceptance test on.

    With a grid every arm runs at every rate on every seed, and each keeps the rate of its lowest mean final loss: the
    same budget of tuning for all.  With ``tune="base"`` the rate of the base serves all arms.

    Parameters
    ----------
    objective: a loss or an objective.
    start: a point, points in rows (one a seed), or a function seed -> point.
    teleport: :class:`Every`, :class:`At` or :class:`When`, with where to go.
    rules: a rule or its name, several of them, or rules by the names they are to have.
    arms: which of ``base``, ``reset-only``, ``random``, ``teleport``.
    seeds: how many, or which.
    steps: optimizer steps of each run.
    learning_rates: the grid of rates or schedules of rates, or grids by the names of the rules; None takes the rules'
        own rates.
    tune: ``every-arm`` or ``base``.
    batches: samples in a mini-batch, or a function seed -> batches; None takes the whole objective at each step.
    accept: the acceptance test of schedules that have none; None leaves them without.
    random_radius: how far the random points are; see :class:`~solvers.search.random_move.RandomMove`.
    data: values of the data and constants of a loss.
    callback: called after each run.

    Raises
    ------
    InputError: an argument makes no sense.

    >>> from solvers.schedules import At
    >>> from symmetries import GroupAction
    >>> booth = GroupAction.catalogued("booth")
    >>> result = compare(booth.loss, [5.0, -5.0], teleport=At([4], along=booth), rules="gradient-descent",
    ...                  learning_rates=[0.05, 0.08], steps=10, seeds=1)
    >>> [one.arm for one in result.summaries], result.ratio("gradient-descent") < 0.01
    (['base', 'reset-only', 'random', 'teleport'], True)
    """
    known, schedule = as_objective(objective, data), _read_teleport(teleport)
    names, numbers, chosen = _read_arms(arms, schedule), _read_seeds(seeds), _read_rules(rules)
    _require_tuning(tune, names)
    _require_callable(callback)
    setting = Setting(
        objective=known,
        start=_read_start(known, start, numbers),
        steps=read_count(steps, name="steps"),
        schedule=accepting(schedule, accept),
        batches=_read_batches(known, batches),
        random_radius=random_radius,
    )
    for arm in names:
        setting.schedule_of(arm)  # refuses what it cannot do before the first run
    study = _Study(setting, numbers, callback)
    for name, rule in chosen.items():
        grid = _read_grid(name, learning_rates, chosen)
        for arm in names:
            tuned = study.rates.get((name, "base")) if tune == "base" and arm != "base" else None
            study.run(name, rule, arm, grid if tuned is None else [tuned])
    return study.comparison()


@final
class _Study:
    """The runs up to now."""

    def __init__(self, setting: Setting, seeds: tuple[int, ...], callback: Callable[[ArmRun], Any] | None) -> None:
        self._setting, self._seeds, self._callback = setting, seeds, callback
        self._cost = Cost()
        self.rates: dict[tuple[str, str], Rate | None] = {}
        self._summaries: list[ArmSummary] = []
        self._runs: list[ArmRun] = []
        self._is_complete = True

    def run(self, name: str, rule: Rule, arm: str, grid: Sequence[Rate | None]) -> None:
        """All seeds at all rates of a grid; the runs at the best rate are kept, none where the grid is interrupted."""
        best: tuple[float, Rate | None, list[ArmRun]] | None = None
        tried = []
        for rate in grid:
            runs = self._seeded(name, rule if rate is None else with_rate(rule, rate), arm)
            if not self._is_complete:
                return
            losses = [run.final_loss if math.isfinite(run.final_loss) else math.inf for run in runs]
            mean = float(np.mean(losses))
            tried.append((runs[0].learning_rate, mean))
            if best is None or mean < best[0]:
                best = mean, rate, runs
        if best is not None:
            self.rates[name, arm] = best[1]
            self._runs += best[2]
            self._summaries.append(ArmSummary.of(best[2], tried=tried))

    def _seeded(self, name: str, rule: Rule, arm: str) -> list[ArmRun]:
        """One run for each seed, up to an interruption."""
        runs: list[ArmRun] = []
        for seed in self._seeds if self._is_complete else ():
            run = self._setting.run(name, rule, arm, seed)
            self._cost += run.result.cost
            if run.result.status == Status.INTERRUPTED:
                self._is_complete = False
                break
            runs.append(run)
            if self._callback is not None:
                self._callback(run)
        return runs

    def comparison(self) -> Comparison:
        """What was found."""
        return Comparison(
            summaries=tuple(self._summaries),
            runs=tuple(self._runs),
            steps=self._setting.steps,
            seeds=self._seeds,
            teleport=self._setting.schedule.when(),
            cost=self._cost,
            is_complete=self._is_complete,
        )


def _read_teleport(teleport: Any) -> TeleportSchedule:
    """The schedule of the arm ``teleport``."""
    schedule = read_schedule(teleport)
    if schedule is None:
        raise InputError(
            "teleport=None", why="the arm 'teleport' has nothing to do", cure="write Every(50, along=...), for example"
        )
    return schedule


def _require_tuning(tune: Any, arms: Sequence[str]) -> None:
    """Refuse a way to tune that does not exist, or needs an arm that is not run."""
    if tune not in TUNING:
        raise InputError(f"tune={tune!r}", why="there is no such way to tune", cure=f"use one of {', '.join(TUNING)}")
    if tune == "base" and "base" not in arms:
        raise InputError("tune='base'", why="the arm 'base' is not run", cure="add it, or tune every arm")


def _require_callable(callback: Any) -> None:
    """Refuse a callback that cannot be called."""
    if callback is not None and not callable(callback):
        raise InputError(f"callback={callback!r}", why="it cannot be called", cure="give a function of an ArmRun")


def _read_arms(arms: Any, schedule: TeleportSchedule) -> tuple[str, ...]:
    """The arms, in the order of tables."""
    given = (arms,) if isinstance(arms, str) else tuple(arms) if isinstance(arms, Iterable) else ()
    unknown = [arm for arm in given if arm not in ARMS]
    if unknown or not given:
        raise InputError(
            f"arms={arms!r}",
            why=f"there is no arm {unknown[0]!r}" if unknown else "there is none to run",
            cure=f"use some of {', '.join(ARMS)}",
        )
    if "reset-only" in given:
        require_known_times(schedule)
    return tuple(arm for arm in ARMS if arm in given)


def _read_seeds(seeds: Any) -> tuple[int, ...]:
    """The seeds."""
    if isinstance(seeds, int | np.integer):
        return tuple(range(read_count(seeds, name="seeds")))
    numbers = tuple(read_seed(seed) for seed in seeds) if isinstance(seeds, Iterable) else ()
    if not numbers or len(set(numbers)) < len(numbers):
        raise InputError(f"seeds={seeds!r}", why="they are no different seeds", cure="write seeds=5 or seeds=[3, 4]")
    return numbers


def _read_rules(rules: Any) -> dict[str, Rule]:
    """Rules by name."""
    if isinstance(rules, Mapping):
        named = {str(name): read_rule(rule) for name, rule in rules.items()}
    else:
        several = [rules] if isinstance(rules, str | Rule) or not isinstance(rules, Iterable) else list(rules)
        read = [(rule if isinstance(rule, str) else None, read_rule(rule)) for rule in several]
        named = {name or _name_of(rule): rule for name, rule in read}
        if len(named) < len(read):
            raise InputError(
                "two rules of the same name", why="rows go by names", cure='write rules={"slow": ..., "fast": ...}'
            )
    for name, rule in named.items():
        if not isinstance(rule, Rule):
            raise InputError(
                f"the rule {name!r}", why="it keeps a memory that no arm can reset", cure="use one of the rules"
            )
    if not named:
        raise InputError("no rules", why="there is nothing to run", cure='write rules=["adam"]')
    return {name: rule for name, rule in named.items() if isinstance(rule, Rule)}


def _name_of(rule: Any) -> str:
    """A rule's name in tables: that of its class in lower case with dashes."""
    from solvers.rules import RULES

    return next((name for name, kind in RULES.items() if kind is type(rule)), type(rule).__name__)


def _read_grid(name: str, learning_rates: Any, rules: Mapping[str, Rule]) -> list[Rate | None]:
    """The rates of a rule; None is its own."""
    if isinstance(learning_rates, Mapping):
        unknown = [key for key in learning_rates if key not in rules]
        if unknown:
            raise InputError(
                f"learning_rates for {unknown[0]!r}", why="no rule has this name", cure=f"use {', '.join(rules)}"
            )
        learning_rates = learning_rates.get(name)
    if learning_rates is None:
        return [None]
    given = [learning_rates] if isinstance(learning_rates, Real) or callable(learning_rates) else learning_rates
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(
            f"learning_rates={learning_rates!r}", why="they are no grid", cure="write learning_rates=[1e-3, 1e-2, 1e-1]"
        )
    grid: list[Rate | None] = [
        rate if callable(rate) else read_number(rate, name="learning_rates", interval=POSITIVE) for rate in given
    ]
    if not grid:
        raise InputError("learning_rates=[]", why="the grid is empty", cure="write learning_rates=[1e-3, 1e-2, 1e-1]")
    return grid


def _read_start(objective: Objective, start: Any, seeds: tuple[int, ...]) -> Callable[[int], FloatArray]:
    """The first point of each seed."""
    if callable(start):
        return lambda seed: objective.start(start(seed))
    points = None if isinstance(start, Mapping) else read_reals(start, what="the start")
    if points is not None and points.ndim == 2:
        if len(points) != len(seeds):
            raise InputError(
                f"{len(points)} starts for {len(seeds)} seeds", why="each seed has one", cure="make the two agree"
            )
        rows = {seed: objective.start(point) for seed, point in zip(seeds, points, strict=True)}
        return rows.__getitem__
    point = objective.start(start)
    return lambda _: point.copy()


def _read_batches(objective: Objective, batches: Any) -> Callable[[int], Any] | None:
    """The batches of each seed."""
    if batches is None or callable(batches):
        return batches
    size = read_count(batches, name="batches")
    return lambda seed: MiniBatches(objective, size=size, rng=seed)
