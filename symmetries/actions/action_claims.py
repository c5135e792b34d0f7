r"""Verification of a group action: its fields exactly, its elements and its group law in numbers and by argument.

If X.L = 0 for every generator, L is constant on every curve exp(tX).w, and so on the orbits of the group that they
generate; where the exponential is exact, the finite statement is as proved as the fields are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.certificate import Certificate, Claim, Verdict, overall
from symmetries.compiled import Tape
from symmetries.directional import free_shapes

if TYPE_CHECKING:
    from symmetries.action import GroupAction
    from symmetries.fields import VectorField

LARGEST_COORDINATES = 2.0
"""Norm of the random Lie algebra elements."""

TOLERANCE = 1e-11
"""Change of the loss, relative to the sum of its absolute terms, that double precision may make."""

LAW_TOLERANCE = 1e-8
"""Distance of points that the group law says are equal, relative to their size and the size of the Jacobian."""

TRIES = 4


@final
@dataclass
class Residuals:
    """What was seen at random points.

    Parameters
    ----------
    samples: number of points where the action and the loss are defined.
    refused: number of points where the action is not defined.
    loss: largest relative change of the loss.
    law: largest relative violation of the group law.
    worst: the point and the element of the largest change of the loss.
    """

    samples: int = 0
    refused: int = 0
    loss: float = 0.0
    law: float = 0.0
    worst: Mapping[str, Any] = field(default_factory=dict)


def verify_action(
    action: GroupAction,
    prove: Callable[[Sequence[VectorField]], tuple[Claim, ...]],
    *,
    samples: int,
    rng: np.random.Generator,
) -> Certificate:
    """The certificate of an action: fields, finite invariance, group law.

    Parameters
    ----------
    action: the action.
    prove: gives one claim for each field.
    samples: number of elements and points.
    rng: generator of these.
    """
    fields = action.exact_fields()
    parts = prove(fields) if fields else ()
    seen = sampled(action, samples=samples, rng=rng)
    evidence = {"samples": seen.samples, "worst_residual": seen.loss, "tolerance": TOLERANCE, "counterexample": None}
    finite = Claim(
        statement="L(g.w) = L(w)",
        verdict="measured",
        reason=f"{seen.samples} random elements and points in double precision; defined {action.domain}",
        evidence={**evidence, "refused": seen.refused},
    )
    if not seen.samples:
        finite = replace(finite, verdict="undecided", reason="the action is defined at none of the sampled points")
    elif seen.loss > TOLERANCE:
        reason = "the loss changes under this element at this point"
        counterexample = {**finite.evidence, "counterexample": dict(seen.worst)}
        finite = replace(finite, verdict="refuted", reason=reason, evidence=counterexample)
    elif fields and action.is_exact:
        finite = _by_fields(finite, parts)
    return Certificate(
        loss=action.loss.to_dict(),
        fields=tuple(dict(one.components) for one in fields or ()),
        claims=(*parts, finite, _law_claim(action, seen)),
    )


def _by_fields(finite: Claim, parts: tuple[Claim, ...]) -> Claim:
    """The finite statement from the statements about the fields."""
    verdict: Verdict = overall(claim.verdict for claim in parts)
    if verdict != "proved":
        return finite
    return replace(
        finite,
        verdict=verdict,
        reason="L is constant along the flows, since X.L = 0 for every generator, and elements are products of flows",
        assumptions=tuple(dict.fromkeys(text for claim in parts for text in claim.assumptions)),
    )


def _law_claim(action: GroupAction, seen: Residuals) -> Claim:
    evidence = {"samples": seen.samples, "worst_residual": seen.law, "tolerance": LAW_TOLERANCE, "counterexample": None}
    claim = Claim(
        statement="e.w = w, g.(h.w) = (gh).w, g^-1.(g.w) = w",
        verdict="measured",
        reason="random elements and points in double precision",
        evidence=evidence,
    )
    if not seen.samples:
        return replace(claim, verdict="undecided", reason="the action is defined at none of the sampled points")
    if seen.law > LAW_TOLERANCE:
        return replace(claim, verdict="refuted", reason="the two sides differ", evidence=evidence)
    if action.is_exact:
        return replace(claim, verdict="proved", reason="matrices act by matrix products, after a change of variables")
    return claim


def sampled(action: GroupAction, *, samples: int, rng: np.random.Generator) -> Residuals:
    """Residuals at random elements and points."""
    seen = Residuals()
    value = _value_with_scale(action)
    for attempt in range(TRIES * samples):
        if seen.samples >= samples:
            break
        w = rng.standard_normal(action.space.size)
        w = np.abs(w) if attempt % 2 else w
        try:
            g, h = (_random_element(action, w, rng) for _ in range(2))
            moved = action.apply(g, w)
            change, scale = value(w, moved, rng)
            law = _law_residual(action, g, h, w, moved)
        except InputError:
            seen.refused += 1
            continue
        if not (math.isfinite(change) and math.isfinite(scale)):
            continue
        seen.samples += 1
        relative = abs(change) / scale if scale else 0.0
        if relative > seen.loss:
            seen.loss, seen.worst = relative, {"w": w.tolist(), "moved": moved.tolist()}
        seen.law = max(seen.law, law)
    return seen


def _random_element(action: GroupAction, w: Any, rng: np.random.Generator) -> Any:
    """A random element whose logarithm has norm at most 2, or one of a finite group.

    It is taken for a time in which its first velocity crosses a distance of the size of the point: exponentials of
    large matrices lose all digits.
    """
    if not action.dimension:
        return action.random(rng)
    t = rng.standard_normal(action.dimension)
    t *= LARGEST_COORDINATES * rng.uniform() / np.linalg.norm(t)
    speed = float(np.linalg.norm(t @ action.field(w)))
    t /= max(1.0, speed / (1.0 + float(np.linalg.norm(w))))
    return action.exp(t)


def _law_residual(action: GroupAction, g: Any, h: Any, w: Any, moved: Any) -> float:
    """The largest violation of the group law, relative to the sizes of the points on the way."""
    there = action.apply(h, moved)
    back = action.apply(action.inverse(g), moved)
    size = 1.0 + max(float(np.abs(point).max(initial=0.0)) for point in (w, moved, there))
    gaps = (
        action.apply(action.compose(h, g), w) - there,
        back - w,
        action.apply(action.identity, w) - w,
    )
    return max(float(np.abs(gap).max(initial=0.0)) for gap in gaps) / size**2


def _value_with_scale(action: GroupAction) -> Any:
    """A function of two points: the difference of the loss between them, and the sum of its absolute terms."""
    loss = action.loss
    shapes = free_shapes(loss)
    tape = Tape(loss.expression, tuple(shapes))
    others = {name: shape for name, shape in shapes.items() if name not in action.space.shapes}

    def difference(w: Any, moved: Any, rng: np.random.Generator) -> tuple[float, float]:
        """The difference and the scale, with random data."""
        data = {name: np.asarray(rng.standard_normal(shape)) for name, shape in others.items()}
        data |= {name: np.asarray(value) for name, value in action.constants.items()}
        sides, scale = [], 0.0
        with np.errstate(all="ignore"):
            for point in (w, moved):
                inputs = {**data, **action.space.split(point)}
                values = tape.values(inputs)
                sides.append(float(values[-1]))
                parts = tape.magnitudes(values)
                scale += abs(sides[-1]) + sum(float(np.sum(np.abs(inputs[k]) * m)) for k, m in parts.items())
        return sides[1] - sides[0], scale

    return difference
