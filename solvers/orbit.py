r"""Search of the orbit of a point for the place where a target is best, :math:`\max_{g\in G} f(g\cdot w)`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.move import Destination, Move
from solvers.objective import Objective
from solvers.search.orbit_guards import (
    group_period,
    largest_scale,
    orbit_period,
    require_kept,
    require_same_space,
    rounding,
    scales_only,
    step_times_curvature,
)
from solvers.search.orbit_search import Found, Plan, search_orbit
from solvers.search.orbit_target import OrbitTarget
from solvers.status import Status
from solvers.target import Target
from symmetries import GroupAction
from symmetries.actions.parameter_space import FloatArray

BETTER = 1e-12
"""Relative change of the target from which a point counts as better than the start."""

DRIFT = 1e-8
"""Relative change of the loss beyond which a point is not taken."""

NEARER = 4
"""How often a search is repeated nearer, or without carried gradients, when its places do not keep the loss."""

AGREE = 1e-6
"""Relative difference up to which a carried gradient norm and the evaluated one agree."""


@final
@dataclass(frozen=True, eq=False)
class OrbitMove(Move):
    r"""The search of an orbit :math:`G\cdot w` of a group action.

    Orbits of one parameter are searched globally: closed ones over the whole circle, others up to the radius.  On
    groups with more parameters a local ascent (L-BFGS in Lie algebra coordinates, exact exponentials) starts at the
    identity and at random elements.  Finite groups are sampled.

    Parameters
    ----------
    action: an action that keeps the objective; it is refused when small random elements change the value.
    radius: bound on ``|log g|``, the Euclidean length of its Lie algebra coordinates, or of the path in them where the
        group does not commute.  None is no bound on compact groups and 3 on others, where a search that would leave it
        is reported as ``unbounded``.
    steps: largest number of steps of each local ascent.
    restarts: number of random starts beside the identity, each the best of 16 elements; None is 2 on compact groups, 4
        where gradients are carried along, and none on others.
    stability: a learning rate; points where it times the curvature along the gradient exceeds 1 are not taken.
    scale_bound: bound on the size of the logarithm of every singular value of the matrices of a layer action.
    stop_at_gain: stop where the target has changed by this factor.

    Raises
    ------
    InputError: an option makes no sense.

    >>> move = OrbitMove(GroupAction.catalogued("booth"))
    >>> move.name, move.action.dimension
    ('orbit', 1)

    Source: B. Zhao et al., "Symmetry Teleportation for Accelerated Optimization" (2022), arXiv:2205.10637, section 4;
    the search is ours.
    """

    action: GroupAction
    radius: float | None = None
    steps: int = 60
    restarts: int | None = None
    stability: float | None = None
    scale_bound: float | None = None
    stop_at_gain: float | None = None

    name = "orbit"

    def __post_init__(self) -> None:
        if not isinstance(self.action, GroupAction):
            raise InputError(
                f"an orbit along {type(self.action).__name__}",
                why="orbits belong to group actions",
                cure="give GroupAction.from_algebra(derive(loss)) or GroupAction.catalogued(name)",
            )
        for name in ("radius", "stability", "scale_bound", "stop_at_gain"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                raise InputError(f"{name}={value!r}", why="it must be a positive number", cure=f"write {name}=1.0")
        for name, least in (("steps", 1), ("restarts", 0)):
            value = getattr(self, name)
            if name == "restarts" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise InputError(
                    f"{name}={value!r}", why=f"it must be an integer from {least} up", cure=f"write {name}=10"
                )

    def search(
        self, objective: Objective, w: FloatArray, target: Target, *, maximize: bool, rng: np.random.Generator
    ) -> Destination:
        """The best point of the orbit that was found; see :class:`OrbitMove`."""
        return self.candidates(objective, w, target, maximize=maximize, rng=rng)[0]

    def candidates(
        self, objective: Objective, w: FloatArray, target: Target, *, maximize: bool = True, rng: np.random.Generator
    ) -> list[Destination]:
        """Local optima on the orbit that are better than the start, best first; the start alone where there is none.

        The first one is allowed by the guards and keeps the loss; its status says how the search ended.
        """
        require_same_space(self.action, objective)
        level = objective.value_and_grad(w)
        evidence = {"change_of_the_loss_nearby": require_kept(self.action, objective, w, level, rng)}
        noise = evidence["change_of_the_loss_nearby"] / max(abs(level[0]), np.finfo(float).tiny)
        plan = self._plan(objective, w, noise=noise)
        try:
            good, status = self._kept(objective, w, target, plan, level=level, maximize=maximize, rng=rng)
        except KeyboardInterrupt:
            good, status = [], Status.INTERRUPTED
        good = good or [Destination(point=w.copy(), status=status, steps=0, element=self.action.identity)]
        return [replace(one, evidence={**evidence, **one.evidence}) for one in good]

    def _kept(
        self,
        objective: Objective,
        w: FloatArray,
        target: Target,
        plan: Plan,
        *,
        level: tuple[float, FloatArray],
        maximize: bool,
        rng: np.random.Generator,
    ) -> tuple[list[Destination], Status]:
        """The places that are better and keep the loss, best first, and a status for when there is none.

        Where the best ones are so far away that rounding changes the loss, the search is repeated nearer.
        """
        status, transport = Status.NO_IMPROVEMENT, True
        for _ in range(1 + NEARER):
            f = OrbitTarget(
                self.action,
                objective,
                w,
                target,
                gradient=level[1],
                maximize=maximize,
                transport=transport,
                logarithmic=plan.period is None,
            )
            self._require_gain(f)
            found = [] if f.is_stationary else search_orbit(f, plan, rng)
            better = [one for one in found if self._is_better(f, one.value)]
            good = [one for one in (self._checked(f, one, level) for one in better) if one is not None]
            if found and found[0].status in (Status.NON_FINITE, Status.INTERRUPTED):
                status = found[0].status
            if good or not better:
                return good, status
            if f.is_transported:
                transport = False
            elif plan.period is None:
                plan = replace(plan, radius=max(one.length for one in better) / 2)
        return [], status

    def random(self, w: FloatArray, *, rng: np.random.Generator, scale: float = 1.0) -> Destination:
        """A random point of the orbit, better or worse: the control of a search.

        Parameters
        ----------
        w: where the orbit passes, shape (n,).
        rng: source of the element.
        scale: standard deviation of the coordinates of its logarithm.
        """
        dimension = self.action.dimension
        g = self.action.exp(scale * rng.standard_normal(dimension)) if dimension else self.action.random(rng)
        point = np.asarray(self.action.apply(g, w))
        return Destination(point=point, status=Status.CONVERGED, steps=1, element=g)

    def _require_gain(self, f: OrbitTarget) -> None:
        """Refuse a factor of the target that the search cannot stop at."""
        gain = self.stop_at_gain
        if gain is not None and not (f.start_value > 0 and (gain > 1 if f.maximize else gain < 1)):
            raise InputError(
                f"stop_at_gain={gain!r}",
                why=f"the target is {f.start_value:.4g} at the start and is made {'large' if f.maximize else 'small'}",
                cure="give a factor above 1 to maximise, below 1 to minimise, of a target that is positive",
            )

    def _plan(self, objective: Objective, w: FloatArray, *, noise: float) -> Plan:
        """The options as the searches take them."""
        period = None
        if self.action.dimension == 1:
            matrices = self.action.representation()
            period = orbit_period(self.action, w) if matrices is None else group_period(self.action)

        box = self.scale_bound if self.scale_bound is not None and scales_only(self.action) else np.inf

        def admits(g: Any) -> bool:
            """The guards."""
            if self.scale_bound is not None and np.isinf(box) and largest_scale(self.action, g) > self.scale_bound:
                return False
            if self.stability is None:
                return True
            return step_times_curvature(objective, np.asarray(self.action.apply(g, w)), self.stability) <= 1.0

        return Plan(
            radius=self.radius,
            box=box,
            noise=noise,
            steps=self.steps,
            restarts=self.restarts,
            gain=self.stop_at_gain,
            admits=admits,
            period=period,
        )

    def _checked(self, f: OrbitTarget, found: Found, level: tuple[float, FloatArray]) -> Destination | None:
        """Where a search ended, evaluated once more; None where it is no better or does not keep the loss."""
        point = f.point(found.element)
        loss, gradient = f.objective.value_and_grad(point)
        allowed = DRIFT * abs(level[0]) + rounding(level[1], f.start)
        if not abs(loss - level[0]) <= allowed:
            return None
        value = f.of_gradient(gradient)[0] if f.is_transported else found.value
        if not np.isfinite(value) or abs(value - found.value) > AGREE * abs(value):
            return None
        if not self._is_better(f, value):
            return None
        return Destination(
            point=point,
            status=found.status,
            steps=found.steps,
            element=found.element,
            evidence={**found.evidence, "target": value},
        )

    @staticmethod
    def _is_better(f: OrbitTarget, value: float) -> bool:
        """Whether a value of the target is better than that of the start, by more than rounding."""
        return (value - f.start_value) * (1 if f.maximize else -1) > BETTER * abs(f.start_value)


def _is_number(value: Any) -> bool:
    """Whether something is a finite real number."""
    return not isinstance(value, bool) and isinstance(value, int | float | np.number) and bool(np.isfinite(value))
