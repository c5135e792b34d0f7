r"""Loss gauge: under which changes of the loss, :math:`L \mapsto h\circ L`, an optimizer follows the same path."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.convergence.theorem_check import TheoremCheck, figure
from solvers.naturality.problem import Problem
from solvers.naturality.problems import start_point
from solvers.naturality.registry import read_optimizer
from solvers.naturality.runs import default_problems
from solvers.naturality.spec import OptimizerSpec, run
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_generator
from symmetries.certificate import Claim, Verdict

Gauge: TypeAlias = Literal["monotone", "affine", "scale", "shift", "none"]

NATURAL, UNNATURAL = 1e-10, 1e-3
"""Relative defects below which paths are the same, and above which they differ."""

SCALES = (3.7, 0.2)
SHIFTS = (1.3, -0.4)


@final
@dataclass(frozen=True, kw_only=True)
class LossGauge:
    """Which changes of the loss leave the path of an optimizer as it is.

    Parameters
    ----------
    optimizer: its name.
    gauge: the largest family that was seen to leave the path as it is: ``monotone``, ``affine`` (scalings and shifts),
        ``scale``, ``shift`` or ``none``; where a claim is undecided it may be larger.
    defects: the worst relative distance of the paths' ends, by family; NaN where nothing could be run.
    claims: one statement for each family.
    """

    optimizer: str
    gauge: Gauge
    defects: Mapping[str, float]
    claims: tuple[Claim, ...]

    @property
    def verdict(self) -> Verdict:
        """``measured`` where every family was settled, ``undecided`` otherwise."""
        return "undecided" if any(claim.verdict == "undecided" for claim in self.claims) else "measured"

    @property
    def certificate(self) -> TheoremCheck:
        """The claims."""
        return TheoremCheck(theorem=f"loss gauge of {self.optimizer}", claims=self.claims)

    def __str__(self) -> str:
        says = {
            "monotone": "follows the same path for every monotone function of the loss that was tried",
            "affine": "does not notice that the loss is scaled or shifted",
            "scale": "does not notice that the loss is scaled, and notices a shift",
            "shift": "does not notice a shift of the loss, and notices that it is scaled",
            "none": "notices every change of the loss",
        }
        open_families = [claim.evidence["family"] for claim in self.claims if claim.verdict == "undecided"]
        rest = f" (undecided: {', '.join(open_families)})" if open_families else ""
        return f"{self.optimizer}: {says[self.gauge]}{rest}"


def loss_gauge(
    spec: Any,
    *,
    problems: Sequence[Problem] | None = None,
    rate: float | None = None,
    steps: int = 4,
    rng: int | np.random.Generator = 0,
) -> LossGauge:
    r"""Compare the paths on L and on h(L), for scalings, shifts and monotone functions h.

    .. math:: \frac{|\theta_K(h\circ L) - \theta_K(L)|}{|\theta_K(L) - \theta_0|}

    Parameters
    ----------
    spec: the optimizer, or whatever :func:`~solvers.naturality.registry.read_optimizer` reads.
    problems: where it is run; by default five problems in four variables, or of 2 x 3 matrices.
    rate: the learning rate; that of the spec by default.
    steps: K.
    rng: seed or generator of the starting points.

    Raises
    ------
    InputError: there is no problem or no step, or the rate is not positive.

    >>> from solvers.naturality.optimizers.gradient_descent import normalised_gradient_descent
    >>> found = loss_gauge(normalised_gradient_descent())
    >>> found.gauge, found.verdict
    ('monotone', 'measured')
    """
    read_count(steps, name="steps")
    spec = read_optimizer(spec)
    if rate is not None:
        read_number(rate, name="rate", interval=POSITIVE)
    chosen = default_problems(spec, problems)
    generator = read_generator(rng)
    starts = [_inside(spec, problem, start_point(problem.size, generator), rate) for problem in chosen]
    pairs = list(zip(chosen, starts, strict=True))
    found = {name: _worst(spec, pairs, name, rate, steps) for name in FAMILIES}
    claims = tuple(_claim(spec, name, defect, why) for name, (defect, why) in found.items())
    kept = {claim.evidence["family"]: claim.verdict == "measured" for claim in claims}
    return LossGauge(
        optimizer=spec.name,
        gauge=_largest(kept),
        defects={name: defect for name, (defect, _) in found.items()},
        claims=claims,
    )


def _inside(spec: OptimizerSpec, problem: Problem, start: FloatArray, rate: float | None) -> FloatArray:
    """The start, or its absolute values for an optimizer that lives where parameters are positive."""
    with np.errstate(all="ignore"):
        for candidate in (start, np.abs(start)):
            with suppress(InputError, np.linalg.LinAlgError):
                if np.isfinite(run(spec, problem, candidate, rate=rate)["point"]).all():
                    return candidate
    return start


def gauged(problem: Problem, change: Callable[[Any], Any], *, linear: tuple[float, float] | None = None) -> Problem:
    r"""The problem with the loss h(L).

    Parameters
    ----------
    problem: with the loss L.
    change: h, written with NumPy functions.
    linear: a and b where h(L) = aL + b; then the losses of the samples change too.

    >>> gauged(Problem(lambda x: x[0] ** 2, size=1), lambda loss: 3 * loss).gradient([1.0]).tolist()
    [6.0]
    """
    loss, inner, output_loss = problem._loss, problem._output_loss, None
    if linear is not None and inner is not None:
        scale, shift = linear

        def output_loss(outputs: Any) -> Any:
            """The scaled losses of the samples; the shift is spread over them."""
            plain = inner(outputs)
            return scale * plain + shift / max(1, math.prod(plain.shape))

    changed = Problem(
        lambda theta: change(loss(theta)),
        size=problem.size,
        model=problem._model,
        output_loss=output_loss,
        layers=problem.layers,
        hidden=problem.hidden,
        name=problem.name,
    )
    changed.shape = problem.shape  # the functions above take the entries in a row
    return changed


@final
@dataclass(frozen=True)
class Change:
    """A function h of the loss, with a and b where h(L) = aL + b.

    Parameters
    ----------
    function: h, written with NumPy functions.
    linear: a and b, or None.
    """

    function: Callable[[Any], Any]
    linear: tuple[float, float] | None = None


def _affine(scale: float, shift: float) -> Change:
    """The change to aL + b."""
    return Change(lambda loss: scale * loss + shift, (scale, shift))


def changes(family: str, size: float) -> list[Change]:
    """Functions of a loss of a given size, of one family; those of ``monotone`` bend over its range.

    >>> [change.linear for change in changes("scale", 1.0)]
    [(3.7, 0.0), (0.2, 0.0)]
    """
    if family == "scale":
        return [_affine(scale, 0.0) for scale in SCALES]
    if family == "shift":
        return [_affine(1.0, part * size) for part in SHIFTS]
    return [
        Change(lambda loss: np.exp(2.0 / size * loss)),
        Change(lambda loss: np.arctan(loss / size)),
        Change(lambda loss: loss**3 / size**2 + 0.1 * loss),
    ]


FAMILIES: Mapping[str, str] = {"scale": "a L with a > 0", "shift": "L + b", "monotone": "increasing functions of L"}
"""Families of changes of a loss, and how a statement calls them."""


def _worst(
    spec: OptimizerSpec, pairs: Sequence[tuple[Problem, FloatArray]], family: str, rate: float | None, steps: int
) -> tuple[float, str]:
    """The worst relative defect of a family, or NaN and the reason why nothing could be run."""
    worst = 0.0
    for problem, start in pairs:
        for change in changes(family, abs(problem.value(start)) or 1.0):
            other = gauged(problem, change.function, linear=change.linear)
            try:
                with np.errstate(all="ignore"):
                    plain = run(spec, problem, start, rate=rate, steps=steps)["point"]
                    changed = run(spec, other, start, rate=rate, steps=steps)["point"]
            except InputError as error:
                return math.nan, f"{error.what}: {error.why}"
            except np.linalg.LinAlgError as error:
                return math.nan, f"the optimizer met a singular matrix: {error}"
            moved = float(np.linalg.norm(plain - start))
            if not (moved and math.isfinite(moved)):
                return math.nan, "the optimizer does not move, or diverges on the loss itself"
            defect = float(np.linalg.norm(changed - plain)) / moved
            worst = max(worst, defect if math.isfinite(defect) else math.inf)
    return worst, ""


def _claim(spec: OptimizerSpec, family: str, defect: float, why: str) -> Claim:
    """What the defect says of a family."""
    statement = f"{spec.name} follows the same path for {FAMILIES[family]}"
    evidence = {"family": family, "defect": figure(defect), "natural": NATURAL, "unnatural": UNNATURAL}
    if math.isnan(defect):
        return Claim(statement=statement, verdict="undecided", reason=why, evidence=evidence)
    if defect <= NATURAL:
        return Claim(statement=statement, verdict="measured", reason="the paths agree", evidence=evidence)
    if defect >= UNNATURAL:
        return Claim(statement=statement, verdict="refuted", reason="the paths differ", evidence=evidence)
    reason = (
        f"the paths differ by {defect:.2g} of the displacement: more than rounding, less than a change of direction"
    )
    return Claim(statement=statement, verdict="undecided", reason=reason, evidence=evidence)


def _largest(kept: Mapping[str, bool]) -> Gauge:
    """The largest family that is kept."""
    if all(kept.values()):
        return "monotone"
    if kept["scale"] and kept["shift"]:
        return "affine"
    if kept["scale"]:
        return "scale"
    return "shift" if kept["shift"] else "none"
