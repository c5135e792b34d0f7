"""What the order test finds, and how defects at several learning rates are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np

from solvers.convergence.theorem_check import TheoremCheck, figure
from symmetries.actions.parameter_space import FloatArray
from symmetries.certificate import Claim, Verdict

Flow: TypeAlias = Literal["exact", "natural", "unnatural", "undecided"]

EXACT = 1e-10
"""Defects below this, relative to the step, are rounding."""

NEAR = 0.25
"""How far a slope of a relative defect may be from zero or one."""


@final
@dataclass(frozen=True, kw_only=True)
class OrderTest:
    r"""How the defect of an optimizer under a map depends on the learning rate.

    Parameters
    ----------
    optimizer: its name.
    map: the change of coordinates.
    flow: ``exact`` (no defect), ``natural`` (the flow follows, the step only to some order), ``unnatural`` or
        ``undecided``.
    slope: the median over the runs of d log(defect) / d log(rate), the defect relative to the displacement: 0 for an
        unnatural flow, 1 for Euler steps of a natural one, p for a method of order p that follows exactly in the limit.
    rates: learning rates.
    defects: medians of the relative defects, one for each rate.
    slots: worst relative defects of the other slots at the smallest rate.
    reason: why.
    """

    optimizer: str
    map: str
    flow: Flow
    slope: float
    rates: tuple[float, ...]
    defects: tuple[float, ...]
    slots: dict[str, float]
    reason: str

    @property
    def claim(self) -> Claim:
        """The statement that the flow follows the map."""
        verdicts: dict[Flow, Verdict] = {
            "exact": "measured",
            "natural": "measured",
            "unnatural": "refuted",
            "undecided": "undecided",
        }
        evidence: dict[str, Any] = {
            "flow": self.flow,
            "slope": figure(self.slope),
            "rates": figure(self.rates),
            "defects": figure(self.defects),
            "slots": {slot: figure(value) for slot, value in self.slots.items()},
        }
        statement = f"the flow of {self.optimizer} follows the {self.map}"
        return Claim(statement=statement, verdict=verdicts[self.flow], reason=self.reason, evidence=evidence)

    @property
    def certificate(self) -> TheoremCheck:
        """The claim as a check."""
        return TheoremCheck(theorem=f"order of {self.optimizer}", claims=(self.claim,))

    def __str__(self) -> str:
        return f"{self.optimizer}, {self.map}: {self.flow}, slope {self.slope:.2f}"


def unknown(optimizer: str, called: str, speeds: FloatArray, reason: str) -> OrderTest:
    """The outcome where nothing could be compared."""
    nothing = float("nan")
    return OrderTest(
        optimizer=optimizer,
        map=called,
        flow="undecided",
        slope=nothing,
        rates=tuple(speeds.tolist()),
        defects=(),
        slots={},
        reason=reason,
    )


def judge(table: FloatArray, speeds: FloatArray) -> tuple[Flow, float, str]:
    """What relative defects, one row a run, say about the flow."""
    if not np.isfinite(table).all():
        return "undecided", float("nan"), "a step leaves the domain of the map or of the optimizer"
    if table.max() <= EXACT:
        return "exact", float("nan"), f"the defect is rounding, {table.max():.1e} of the step"
    slopes = [_slope(row, speeds) for row in table]
    known = [slope for slope in slopes if np.isfinite(slope)]
    if not known:
        return "undecided", float("nan"), "the defects vanish in rounding before they show a slope"
    slope, least = float(np.median(known)), float(min(known))
    if abs(slope) <= NEAR:
        return "unnatural", slope, f"the defect stays {table[:, -1].max():.1e} of the step as the rate shrinks"
    if slope >= 1 - NEAR and least > NEAR:
        return "natural", slope, f"the defect relative to the step shrinks with the power {slope:.2f} of the rate"
    return "undecided", slope, f"slopes between {least:.2f} and {max(known):.2f} fit neither"


def _slope(row: FloatArray, speeds: FloatArray) -> float:
    """The slope over the rates at which a defect stands out of rounding."""
    seen = row > 10 * EXACT
    if seen.sum() < 2:
        return float("nan")
    return float(np.polyfit(np.log(speeds[seen]), np.log(row[seen]), 1)[0])
