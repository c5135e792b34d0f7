"""Numbers beside a verdict: residuals in double precision at random points, and jumps that a flow crosses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

import numpy as np

from symmetries.compiled import Tape
from symmetries.directional import Quantity, free_shapes, movable
from symmetries.expression import Node, Shape, walk
from symmetries.loss import Loss

TOLERANCE = 1e-9
TRIES = 6
FLOW_STEP = 0.02
FLOW_STEPS = 150
FLOW_STARTS = 40
FLOW_NODES = 60
JUMP = 1e-6
MOST_EVALUATIONS = 5_000


@final
@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Residuals at random points in double precision.

    Parameters
    ----------
    samples: number of points with a value.
    worst: largest residual relative to the scale of the summands.
    point: where that was.
    """

    samples: int
    worst: float
    point: Mapping[str, Any] | None = None

    @property
    def evidence(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {"samples": self.samples, "worst_residual": self.worst, "tolerance": TOLERANCE, "counterexample": None}


def random_point(shapes: Mapping[str, Shape], rng: np.random.Generator, *, positive: bool) -> dict[str, Any]:
    """A normally distributed point, or the absolute values of one."""
    point = {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()}
    return {name: np.abs(value) for name, value in point.items()} if positive else point


def measure(quantity: Quantity, *, samples: int, rng: np.random.Generator) -> Measurement:
    """Residuals of a quantity at up to ``samples`` random points where it is defined."""
    found, worst, at = 0, 0.0, None
    shapes = quantity.shapes
    for attempt in range(TRIES * samples):
        point = random_point(shapes, rng, positive=attempt % 2 == 1)
        total, scale = quantity.floats(point)
        if not (math.isfinite(total) and math.isfinite(scale)):
            continue
        found += 1
        if scale > 0 and abs(total) / scale > worst:
            worst, at = abs(total) / scale, point
        if found >= samples:
            break
    return Measurement(samples=found, worst=worst, point=at)


@final
class Flow:
    """The flow of a vector field by the classical Runge-Kutta method, to see whether the loss jumps along it."""

    def __init__(self, loss: Loss, components: Mapping[str, Node]) -> None:
        self.loss = loss
        self._tape = Tape(loss.expression, ())
        self._tapes = {entry: Tape(node, ()) for entry, node in components.items()}
        self._places = movable(loss)

    def velocity(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """The field at a point."""
        result: dict[str, Any] = {}
        for entry, tape in self._tapes.items():
            name, k = self._places[entry]
            if name not in result:
                result[name] = np.zeros(np.shape(point[name]))
            result[name].reshape(-1)[k] = float(tape.values(point)[-1])
        return result

    def step(self, point: Mapping[str, Any], h: float) -> dict[str, Any]:
        """One step of length h."""
        one = self.velocity(point)
        two = self.velocity(_shifted(point, one, h / 2))
        three = self.velocity(_shifted(point, two, h / 2))
        four = self.velocity(_shifted(point, three, h))
        mean = {name: (one[name] + 2 * two[name] + 2 * three[name] + four[name]) / 6 for name in one}
        return _shifted(point, mean, h)

    def value(self, point: Mapping[str, Any]) -> float:
        """The loss at a point."""
        return float(self._tape.values(point)[-1])

    def end(self, point: Mapping[str, Any], time: float, steps: int) -> float:
        """The loss after a time."""
        for _ in range(steps):
            point = self.step(point, time / steps)
        return self.value(point)

    def controlled_end(self, point: Mapping[str, Any], time: float) -> float:
        """The loss after a time, the flow with an error of each coordinate relative to itself; NaN past a blow-up.

        Large steps of a stiff field can leap over a jump that its flow never reaches.
        """
        from scipy.integrate import solve_ivp

        names = list(point)
        ends = np.cumsum([np.size(point[name]) for name in names])[:-1]
        evaluations = 0

        def named(flat: Any) -> dict[str, Any]:
            """The arrays of a vector."""
            parts = zip(names, np.split(flat, ends), strict=True)
            return {name: part.reshape(np.shape(point[name])) for name, part in parts}

        def velocity(now: float, flat: Any) -> Any:
            """The field, up to a number of evaluations."""
            nonlocal evaluations
            del now
            evaluations += 1
            speeds = self.velocity(named(flat)) if evaluations <= MOST_EVALUATIONS else {}
            missing = 0.0 if speeds else math.nan
            return np.concatenate(
                [np.ravel(speeds.get(name, np.full(np.shape(point[name]), missing))) for name in names]
            )

        start = np.concatenate([np.ravel(point[name]) for name in names])
        found = solve_ivp(velocity, (0.0, time), start, method="DOP853", rtol=1e-9, atol=1e-290)
        return self.value(named(found.y[:, -1])) if found.success else math.nan

    def jump(self, rng: np.random.Generator) -> dict[str, Any] | None:
        """A point and a time between which the loss changes along the flow, or None."""
        shapes = free_shapes(self.loss)
        with np.errstate(all="ignore"):
            for attempt in range(FLOW_STARTS):
                start = random_point(shapes, rng, positive=False)
                found = self._jump_from(start, -1 if attempt % 2 else 1)
                if found is not None:
                    return found
        return None

    def _jump_from(self, start: dict[str, Any], direction: int) -> dict[str, Any] | None:
        before = self.value(start)
        point: Mapping[str, Any] = start
        for count in range(1, FLOW_STEPS + 1):
            point = self.step(point, direction * FLOW_STEP)
            after = self.value(point)
            if not (math.isfinite(before) and math.isfinite(after)):
                return None
            if abs(after - before) > JUMP * (1 + abs(before)):
                time = direction * FLOW_STEP * (count + 1)
                fine = self.end(start, time, 4 * (count + 1))
                ends = np.array([self.end(start, time, count + 1), self.controlled_end(start, time)])
                agree = np.abs(ends - fine) <= 0.01 * abs(fine - before)  # false where one is NaN
                if not agree.all() or not abs(fine - before) > JUMP * (1 + abs(before)):
                    return None
                values = {name: np.asarray(value).tolist() for name, value in start.items()}
                return {"point": values, "time": time, "loss_before": before, "loss_after": fine}
        return None


def jump_at_pole(loss: Loss, components: Mapping[str, Node], rng: np.random.Generator) -> dict[str, Any] | None:
    """A jump along the flow of a field of few components, for a loss with quotients; None where none is seen."""
    nodes = list(walk(loss.expression))
    quotients = any(
        node.operation == "inv"
        or node.payload == "tan"
        or (node.operation == "power" and Fraction(str(node.payload)) < 0)
        for node in nodes
    )
    if not quotients or len(nodes) > FLOW_NODES or len(components) > FLOW_NODES:
        return None
    return Flow(loss, components).jump(rng)


def _shifted(point: Mapping[str, Any], velocity: Mapping[str, Any], h: float) -> dict[str, Any]:
    return {name: value + h * velocity[name] if name in velocity else value for name, value in point.items()}
