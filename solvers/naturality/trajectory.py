"""The trajectory test: does a run in other coordinates follow the image of the run?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.theorem_check import TheoremCheck, figure
from solvers.naturality.classes import linear_classes, samples
from solvers.naturality.morphism import Morphism, check_morphism
from solvers.naturality.problem import Problem
from solvers.naturality.problems import start_point
from solvers.naturality.registry import read_optimizer
from solvers.naturality.runs import Run, Unfit, checked_maps, default_problems, reference_runs, step_defects, trace
from solvers.naturality.slots import NoLift
from solvers.naturality.spec import OptimizerSpec
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.arguments import read_seed
from symmetries.certificate import Claim, Verdict

Level: TypeAlias = Literal["natural", "approximate", "unnatural", "undecided"]

NATURAL, UNNATURAL = 1e-10, 1e-3
"""Defects below which an optimizer follows, and above which it does not."""

SINGLE = 1e-4
"""The first of these for states in single precision."""

_VERDICTS: Mapping[Level, Verdict] = {
    "natural": "measured",
    "approximate": "undecided",
    "unnatural": "refuted",
    "undecided": "undecided",
}


@final
@dataclass(frozen=True, kw_only=True)
class ClassDefect:
    """How an optimizer does under a class of maps.

    Parameters
    ----------
    name: the class.
    level: ``natural``, ``approximate``, ``unnatural`` or ``undecided``.
    defect: the worst relative distance of the paths.
    by_step: the worst after each step.
    counterexample: problem, map and start where the worst was seen, when it is not natural.
    factors: smallest and largest factor of the learning rate, in the orbital test.
    reason: why the level is what it is.
    """

    name: str
    level: Level
    defect: float
    by_step: tuple[float, ...] = ()
    counterexample: Mapping[str, Any] | None = None
    factors: tuple[float, float] | None = None
    reason: str = ""

    def claim(self, optimizer: str, *, orbital: bool) -> Claim:
        """The statement that the optimizer follows the class."""
        up_to = ", up to a factor of the learning rate" if orbital else ""
        evidence: dict[str, Any] = {"class": self.name, "defect": figure(self.defect), "by_step": figure(self.by_step)}
        if self.counterexample is not None:
            evidence["counterexample"] = dict(self.counterexample)
        if self.factors is not None:
            evidence["rate_factors"] = figure(self.factors)
        return Claim(
            statement=f"{optimizer} follows maps of the class {self.name}{up_to}",
            verdict=_VERDICTS[self.level],
            reason=self.reason,
            evidence=evidence,
        )


@final
@dataclass(frozen=True, kw_only=True)
class TrajectoryTest:
    """What the trajectory test found.

    Parameters
    ----------
    optimizer: its name.
    orbital: whether the learning rate was adapted to each map.
    classes: outcome by class.
    """

    optimizer: str
    orbital: bool
    classes: Mapping[str, ClassDefect]

    @property
    def natural(self) -> tuple[str, ...]:
        """The classes that the optimizer follows."""
        return tuple(name for name, found in self.classes.items() if found.level == "natural")

    @property
    def claims(self) -> tuple[Claim, ...]:
        """One statement for each class."""
        return tuple(found.claim(self.optimizer, orbital=self.orbital) for found in self.classes.values())

    @property
    def certificate(self) -> TheoremCheck:
        """The claims."""
        how = "orbital naturality" if self.orbital else "naturality"
        return TheoremCheck(theorem=f"{how} of the paths of {self.optimizer}", claims=self.claims)

    def __str__(self) -> str:
        return f"{self.optimizer} follows {', '.join(self.natural) or 'no class'}"


def trajectory(
    spec: Any,
    classes: Sequence[str] | Mapping[str, Sequence[Morphism]] | None = None,
    *,
    problems: Sequence[Problem] | None = None,
    rate: float | None = None,
    steps: int = 4,
    maps: int = 3,
    orbital: bool = False,
    tolerance: float | None = None,
    rng: int | np.random.Generator = 0,
) -> TrajectoryTest:
    r"""Compare a run in other coordinates with the image of the run, for random maps of each class.

    .. math:: \max_k \frac{|\varphi(\theta_k) - \theta'_k|}{|\varphi(\theta_k) - \varphi(\theta_0)|}

    The second run is given the loss composed with the inverse of the map and nothing else.  The maximum over all steps
    sees changes of regime, and what convergence would hide later.

    Parameters
    ----------
    spec: the optimizer, or whatever :func:`~solvers.naturality.registry.read_optimizer` reads.
    classes: names of classes, or maps by name; by default all linear classes for the shape of the problems.
    problems: where it is run; five problems in four variables, or of 2 x 3 matrices, by default.
    rate: the learning rate; that of the spec by default.
    steps: number of steps, more than any warm-up has.
    maps: random maps for each class; those after a counterexample are not tried.
    orbital: whether the learning rate of the second run is adapted to each map.
    tolerance: largest defect that counts as natural; 1e-10 by default, 1e-4 for states in single precision.
    rng: seed or generator.

    Raises
    ------
    InputError: a class is not known, the inverse or the Jacobian of a map is wrong, or a number is out of its range.

    >>> descent = OptimizerSpec(
    ...     name="gradient descent",
    ...     init=lambda problem, theta: {"point": theta},
    ...     step=lambda problem, state, rate: {"point": state["point"] - rate * problem.gradient(state["point"])},
    ...     slots={"point": "point"},
    ... )
    >>> print(trajectory(descent, ["orthogonal", "scalar"]))
    gradient descent follows orthogonal
    >>> print(trajectory(descent, ["orthogonal", "scalar", "general"], orbital=True))
    gradient descent follows orthogonal, scalar
    """
    read_count(steps, name="steps")
    read_count(maps, name="maps")
    spec = read_optimizer(spec)
    seed, chosen = read_seed(rng), default_problems(spec, problems)
    speed = spec.rate if rate is None else read_number(rate, name="rate", interval=POSITIVE)
    if tolerance is not None:
        read_number(tolerance, name="tolerance", interval=POSITIVE)
    given = _read_classes(classes, chosen[0].shape, count=maps, seed=seed)
    try:
        runs = reference_runs(spec, chosen, rate=speed, steps=steps, rng=np.random.default_rng(seed))
    except Unfit as error:
        for morphism in (one for several in given.values() for one in several):
            check_morphism(morphism, np.abs(start_point(chosen[0].size, np.random.default_rng(seed))))
        found = {name: _undecided(name, str(error)) for name in given}
    else:
        bound = tolerance or (SINGLE if any(run.single for run in runs) else NATURAL)
        found = {
            name: _try_class(spec, name, checked_maps(several, runs), runs, speed, orbital, bound)
            for name, several in given.items()
        }
    return TrajectoryTest(optimizer=spec.name, orbital=orbital, classes=found)


def _read_classes(
    classes: Sequence[str] | Mapping[str, Sequence[Morphism]] | None, shape: tuple[int, ...], *, count: int, seed: int
) -> Mapping[str, Sequence[Morphism]]:
    """The maps of each class, drawn where only its name is given."""
    if not isinstance(classes, Mapping):
        return samples(list(linear_classes(shape)) if classes is None else classes, shape, count=count, seed=seed)
    for name, several in classes.items():
        if not all(isinstance(one, Morphism) for one in np.atleast_1d(np.array(several, dtype=object))):
            raise InputError(f"the class {name!r}", why="it holds what is no map", cure="give a list of Morphism(...)")
    return classes


def _undecided(name: str, reason: str) -> ClassDefect:
    """The outcome where nothing could be compared."""
    return ClassDefect(name=name, level="undecided", defect=float("nan"), reason=reason)


def _try_class(
    spec: OptimizerSpec,
    name: str,
    maps: Sequence[Morphism],
    runs: Sequence[Run],
    rate: float,
    orbital: bool,
    bound: float,
) -> ClassDefect:
    """The worst of all maps and runs."""
    rows, factors, remarks, pairs = [], [], [], []
    for morphism in maps:
        for run in runs:
            factor = best_factor(spec, run, morphism, rate=rate) if orbital else 1.0
            defects, remark = step_defects(spec, run, morphism, rate=rate * factor)
            rows.append(defects)
            remarks.append(remark)
            factors.append(factor)
            pairs.append((run, morphism))
        if np.max(rows[-len(runs) :]) >= UNNATURAL:  # one counterexample is enough
            break
    table = np.array(rows)
    if np.isnan(table).any():
        return _undecided(name, remarks[int(np.isnan(table).any(axis=1).argmax())])
    worst = int(table.max(axis=1).argmax())
    by_step = table.max(axis=0)
    defect = float(by_step.max())
    level: Level = "natural" if defect <= bound else "unnatural" if defect >= UNNATURAL else "approximate"
    run, morphism = pairs[worst]
    return ClassDefect(
        name=name,
        level=level,
        defect=defect,
        by_step=tuple(by_step.tolist()),
        counterexample=None if level == "natural" else describe(run, morphism),
        factors=(min(factors), max(factors)) if orbital else None,
        reason=remarks[worst] or _reason(level, by_step, bound),
    )


def _reason(level: Level, by_step: Any, bound: float) -> str:
    """Why a class has its level, with the step from which on it does not follow."""
    if level == "natural":
        return f"the paths agree to {by_step.max():.1e}"
    says = "differ by" if level == "unnatural" else "differ by no more than"
    first = int(np.argmax(by_step > bound))
    since = f", from step {first + 1} on" if first else ""
    return f"the paths {says} {by_step.max():.1e} of the way{since}"


def describe(run: Run, morphism: Morphism) -> dict[str, Any]:
    """A counterexample: the problem, the start and the map, as JSON-ready data.

    >>> from solvers.naturality.problems import vector_problems
    >>> run = Run(problem=vector_problems(2)[0], points=np.zeros((1, 2)))
    >>> describe(run, Morphism.linear(2 * np.eye(2), name="double"))["map"]
    'double'
    """
    found: dict[str, Any] = {"problem": run.problem.name, "start": figure(run.start), "map": morphism.name}
    if morphism.affine is not None:
        found |= {"matrix": figure(morphism.affine[0]), "shift": figure(morphism.affine[1])}
    return found


def best_factor(spec: OptimizerSpec, run: Run, morphism: Morphism, *, rate: float) -> float:
    r"""The factor of the learning rate with which the first step in other coordinates comes closest to the image.

    For steps that are proportional to the rate it is :math:`\langle a, b\rangle / \langle b, b\rangle`, a the image of
    the step and b the step at factor one; more such quotients follow for those that are not.
    """
    wanted = morphism.apply(run.points[1]) - morphism.apply(run.start)
    first = Run(problem=run.problem, points=run.points[:2])
    factor = 1.0
    for _ in range(40):
        seen = _displacement(spec, first, morphism, rate * factor)
        with np.errstate(all="ignore"):
            size = float(seen @ seen)
        if not np.isfinite(size) or size == 0:
            return 1.0
        quotient = float(wanted @ seen) / size
        factor *= quotient
        if not 1e-6 < factor < 1e6:
            return 1.0
        if abs(quotient - 1) < 1e-15:
            break
    return factor


def _displacement(spec: OptimizerSpec, run: Run, morphism: Morphism, rate: float) -> Any:
    """The first step in other coordinates."""
    start = morphism.apply(run.start)
    try:
        return trace(spec, run.problem.push(morphism), start, rate=rate, steps=1).points[1] - start
    except (NoLift, Unfit):
        return np.zeros(len(start))
