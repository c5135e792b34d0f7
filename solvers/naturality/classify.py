"""All tests of naturality of one optimizer, put together into one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from solvers.convergence.theorem_check import TheoremCheck
from solvers.naturality.classes import DISCRETE_CLASSES, SQUARE_CLASSES, linear_classes, nonlinear_classes
from solvers.naturality.group_names import Group, name_group
from solvers.naturality.lie_algebra import AlgebraTest, lie_algebras
from solvers.naturality.loss_gauge import loss_gauge
from solvers.naturality.order_test import OrderTest
from solvers.naturality.problem import Problem
from solvers.naturality.problems import start_point
from solvers.naturality.regimes import switched, watched
from solvers.naturality.registry import OPTIMIZERS, read_optimizer
from solvers.naturality.runs import Unfit, default_problems, forgets
from solvers.naturality.slots import NoLift
from solvers.naturality.spec import OptimizerSpec
from solvers.naturality.step_order import flow_order, step_order
from solvers.naturality.trajectory import ClassDefect, TrajectoryTest, trajectory
from solvers.naturality.verdict import Transported, Verdict
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_seed

VARIANTS = {
    "adam": ("adam-declared-rates", "the learning-rate vector is"),
    "rprop": ("rprop-typed", "the first step lengths are"),
    "adadelta": ("adadelta-typed", "the regularisers are"),
    "dog": ("dog-transported", "the first distance is"),
    "bfgs": ("bfgs-natural", "the first inverse Hessian is"),
    "mirror-entropy": ("mirror-transported", "the potential is"),
    "mirror-burg": ("mirror-transported", "the potential is"),
}
"""Optimizers of which another entry of the registry transports the hidden structure, and what that is."""

STEPS = 3
"""Steps of the tests of nonlinear maps, so that differences between iterates are seen."""

TIME, COUNTS = 6.0, (16, 64, 128)
"""Length of the paths in learning rates, and numbers of steps, where an optimizer remembers its past."""


def classify(
    optimizer: Any,
    *,
    problems: Sequence[Problem] | None = None,
    gauge: bool = True,
    rng: int | np.random.Generator = 0,
) -> Verdict:
    """Which changes of coordinates an optimizer does not notice.

    Paths of four steps are compared, and one of sixteen is watched for a change of regime, which leaves the verdict
    undecided.

    Parameters
    ----------
    optimizer: a name (``adam``, ``torch:Adam``, ``scipy:BFGS``), an :class:`~solvers.naturality.spec.OptimizerSpec`,
        one of our rules, or a class of ``torch.optim``.
    problems: where it is run; by default five problems in four variables, or of 2 x 3 matrices.
    gauge: whether changes of the loss are tried too.
    rng: seed or generator.

    Raises
    ------
    InputError: the optimizer is not known.

    >>> verdict = classify("adam", gauge=False)
    >>> str(verdict.strict), verdict.algebra, verdict.nonlinear
    ('B(4) ⋉ translations', ('0', 0), ())
    >>> print(verdict)
    adam: signed permutations and translations only; uniform scalings once the learning rate is scaled too; diagonal \
scalings once the learning-rate vector is transported; no nonlinear maps
    """
    spec, seed = read_optimizer(optimizer), read_seed(rng)
    chosen = default_problems(spec, problems)
    shape = chosen[0].shape
    short = _paths(spec, chosen, seed)
    failed = next((one.reason for one in short.classes.values() if one.level == "undecided"), "")
    if all(one.level == "undecided" for one in short.classes.values()):
        return _undecided(spec, shape, short, failed)
    paths = watched(spec, chosen, short, seed=seed)
    strict, orbital = lie_algebras(spec, problems=chosen, rng=seed)
    missed = [name for name in linear_classes(shape) if paths.classes[name].level != "natural"]
    scaled = trajectory(spec, missed, problems=chosen, orbital=True, rng=seed) if missed else None
    levels = paths.classes if scaled is None else {**paths.classes, **_better(paths, scaled)}
    curved, lasting, open_curved, checks = _nonlinear(spec, chosen, seed)
    group, orbit = _group(strict, shape, paths.classes), _group(orbital, shape, levels)
    said, gauge_check = _gauge(spec, chosen, seed) if gauge else ("", ())
    evidence = [paths.certificate, *([scaled.certificate] if scaled else []), strict.certificate, orbital.certificate]
    late = switched(short, paths)
    reasons = (late,) if late else _reasons(paths, strict, group, open_curved)
    group, orbit = (None, None) if late else (group, orbit)
    return Verdict(
        optimizer=spec.name,
        shape=shape,
        strict=group,
        orbital=orbit,
        algebra=(strict.name, strict.dimension),
        orbital_algebra=(orbital.name, orbital.dimension),
        discrete=_discrete(paths),
        followed=tuple(name for name in linear_classes(shape) if name in paths.natural),
        approximate=_approximate(paths, scaled),
        nonlinear=curved,
        lasting=lasting,
        transported=_transported(optimizer, spec, seed),
        loss_gauge=said,
        scaling=spec.scaling,
        verdict="undecided" if reasons else "measured",
        reasons=reasons,
        evidence=(*evidence, *checks, *gauge_check),
    )


def _paths(spec: OptimizerSpec, problems: Sequence[Problem], seed: int) -> TrajectoryTest:
    """The trajectory test over all linear and discrete classes."""
    shape = problems[0].shape
    names = [*linear_classes(shape), *DISCRETE_CLASSES]
    if len(shape) == 1:  # entries and coordinates are the same
        names = [name for name in names if not name.startswith("entry-")]
    return trajectory(spec, list(dict.fromkeys(names)), problems=problems, rng=seed)


def _undecided(spec: OptimizerSpec, shape: tuple[int, ...], paths: TrajectoryTest, reason: str) -> Verdict:
    """The verdict on an optimizer whose runs cannot be compared."""
    return Verdict(
        optimizer=spec.name,
        shape=shape,
        strict=None,
        orbital=None,
        algebra=("", -1),
        orbital_algebra=("", -1),
        discrete=(),
        followed=(),
        approximate={},
        nonlinear=(),
        lasting=(),
        transported=None,
        loss_gauge="",
        scaling=spec.scaling,
        verdict="undecided",
        reasons=(reason,),
        evidence=(paths.certificate,),
    )


def _better(paths: TrajectoryTest, scaled: TrajectoryTest) -> dict[str, ClassDefect]:
    """The classes that are followed once the learning rate is adapted."""
    return {name: one for name, one in scaled.classes.items() if one.defect < paths.classes[name].defect}


def _approximate(paths: TrajectoryTest, scaled: TrajectoryTest | None) -> dict[str, float]:
    """The classes that are followed up to a small defect, as they are or with another learning rate."""
    found = {name: one.defect for name, one in paths.classes.items() if one.level == "approximate"}
    rescaled = {} if scaled is None else scaled.classes
    found |= {
        f"{name} with another learning rate": one.defect
        for name, one in rescaled.items()
        if one.level == "approximate" and paths.classes[name].level == "unnatural"
    }
    return found


def _group(found: AlgebraTest, shape: tuple[int, ...], levels: Any) -> Group | None:
    """The group, or None where the algebra is not settled, has no name, or single maps contradict it."""
    return name_group(found.name, shape, levels) if found.verdict == "measured" and found.name else None


def _reasons(
    paths: TrajectoryTest, found: AlgebraTest, group: Group | None, open_curved: Sequence[str]
) -> tuple[str, ...]:
    """Why a verdict is undecided; none where it is settled."""
    reasons = []
    if found.verdict == "undecided":
        reasons.append(f"the Lie algebra is undecided: {found.reason}")
    elif not found.name:
        reasons.append(f"the Lie algebra of dimension {found.dimension} has no name here")
    elif group is None:
        reasons.append(f"small maps are followed as by {found.name}, larger ones are {_larger(paths)}")
    for name, one in paths.classes.items():
        if one.level == "undecided":
            reasons.append(f"{name}: {one.reason}")
    return (*reasons, *open_curved)


def _larger(paths: TrajectoryTest) -> str:
    """How larger maps fare where they are not followed as small ones: nearly, or not."""
    near = [f"{name} to {one.defect:.0e}" for name, one in paths.classes.items() if one.level == "approximate"]
    if near:
        return f"only nearly ({', '.join(near)})"
    worst = {name: one.defect for name, one in paths.classes.items() if one.level == "unnatural"}
    seen = [f"{name} {worst[name]:.0e}" for name in ("orthogonal", "scalar", "diagonal") if name in worst]
    return f"not ({', '.join(seen)})" if seen else "not"


def _discrete(paths: TrajectoryTest) -> tuple[str, ...]:
    """The classes of single maps that are followed."""
    names = ("permutation", "sign", *DISCRETE_CLASSES, *SQUARE_CLASSES)
    return tuple(name for name in dict.fromkeys(names) if name in paths.natural and name != "rotation")


def _nonlinear(
    spec: OptimizerSpec, problems: Sequence[Problem], seed: int
) -> tuple[tuple[str, ...], tuple[str, ...], list[str], list[TheoremCheck]]:
    """The classes of nonlinear maps that the flow follows, those over a fixed time, what stays open, and the checks."""
    followed, lasting, reasons, checks = [], [], [], []
    memoryless = forgets(spec, problems[0], _somewhere(problems[0], seed), rate=spec.rate)
    for name in nonlinear_classes(problems[0].shape):
        found = _order(spec, name, problems, seed)
        checks.append(found.certificate)
        if found.flow in ("natural", "exact"):
            followed.append(name)
            if not memoryless and spec.scaling != "inertial":
                found = flow_order(spec, name, time=TIME * spec.rate, steps=COUNTS, problems=problems[:3], rng=seed)
                checks.append(found.certificate)
            if found.flow in ("natural", "exact"):
                lasting.append(name)
        elif found.flow == "undecided":
            paths = trajectory(spec, [name], problems=problems, maps=1, rng=seed)
            checks.append(paths.certificate)
            level = paths.classes[name].level
            if level == "natural":
                followed.append(name)
                lasting.append(name)
            elif level != "unnatural":
                reasons.append(f"{name} maps: {found.reason}")
    return tuple(followed), tuple(lasting), reasons, checks


def _somewhere(problem: Problem, seed: int) -> FloatArray:
    """A point in the positive orthant, where optimizers of positive parameters are defined too."""
    return np.abs(start_point(problem.size, np.random.default_rng(seed)))


def _order(spec: OptimizerSpec, name: str, problems: Sequence[Problem], seed: int) -> OrderTest:
    """The order test: of a few steps, or of paths of fixed time for optimizers with inertia."""
    if spec.scaling == "inertial":
        return flow_order(spec, name, time=TIME * spec.rate, steps=COUNTS, problems=problems, rng=seed)
    return step_order(spec, name, steps=STEPS, problems=problems, rng=seed)


def _gauge(spec: OptimizerSpec, problems: Sequence[Problem], seed: int) -> tuple[str, tuple[TheoremCheck, ...]]:
    """The changes of the loss that are not noticed."""
    try:
        found = loss_gauge(spec, problems=problems[:4], rng=seed)
    except (Unfit, NoLift):
        return "", ()
    return (found.gauge if found.verdict == "measured" else ""), (found.certificate,)


def _transported(optimizer: Any, spec: OptimizerSpec, seed: int) -> Transported | None:
    """What an optimizer of the registry follows once its hidden structure is transported."""
    if spec.name not in VARIANTS or not isinstance(optimizer, str):
        return None
    name, structure = VARIANTS[spec.name]
    variant = OPTIMIZERS[name]
    chosen = default_problems(variant)
    paths = _paths(variant, chosen, seed)
    group = _group(lie_algebras(variant, problems=chosen, rng=seed)[0], chosen[0].shape, paths.classes)
    return None if group is None else Transported(structure=structure, optimizer=name, group=group)
