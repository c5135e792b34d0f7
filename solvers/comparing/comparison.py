"""What a comparison of arms found: one row for each rule and arm, and the runs behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.comparing.arms import ArmRun
from solvers.cost import Cost

GAIN = 1.1
"""Factor of the squared gradient norm from which an accepted teleport counts as one that changed something."""

COLUMNS = (
    *("rule", "arm", "rate", "final loss", "std", "min", "max", "diverged"),
    *("accepted", "rejected", f"gain >= {GAIN:g}", "median gain", "largest drift", "gradients", "seconds"),
)


@final
@dataclass(frozen=True, kw_only=True)
class ArmSummary:
    """One rule and one arm over all seeds, at the tuned learning rate.

    Parameters
    ----------
    rule, arm: names.
    learning_rate: the first step's, of the grid's rate with the lowest mean final loss; NaN where a policy finds it.
    tried: pairs of a learning rate and its mean final loss, infinite where a run left the finite numbers.
    runs: number of seeds.
    mean, std, min, max: of the final loss; infinite where a run left the finite numbers.
    diverged: runs that ended in numbers that are not finite, or higher than they began.
    accepted, rejected: teleports over all runs.
    runs_with_gain: runs in which a teleport was accepted that raised the squared gradient norm by 1.1 or more.
    median_gain: of the squared gradient norm over the accepted teleports; NaN without any.
    largest_drift: largest relative change of the loss in an accepted teleport.
    gradient_equivalents, seconds: mean cost of a run, teleports and acceptance tests included.
    """

    rule: str
    arm: str
    learning_rate: float
    tried: tuple[tuple[float, float], ...]
    runs: int
    mean: float
    std: float
    min: float
    max: float
    diverged: int
    accepted: int
    rejected: int
    runs_with_gain: int
    median_gain: float
    largest_drift: float
    gradient_equivalents: float
    seconds: float

    @classmethod
    def of(cls, runs: Sequence[ArmRun], *, tried: Sequence[tuple[float, float]] = ()) -> ArmSummary:
        """The summary of the runs of one rule and arm, one for each seed."""
        losses = np.array([run.final_loss if math.isfinite(run.final_loss) else math.inf for run in runs])
        gains = [gain for run in runs for gain in run.gains]
        is_finite = bool(np.isfinite(losses).all())
        return cls(
            rule=runs[0].rule,
            arm=runs[0].arm,
            learning_rate=runs[0].learning_rate,
            tried=tuple(tried),
            runs=len(runs),
            mean=float(losses.mean()),
            std=float(losses.std(ddof=1)) if is_finite and len(runs) > 1 else math.nan,
            min=float(losses.min()),
            max=float(losses.max()),
            diverged=sum(run.has_diverged for run in runs),
            accepted=len(gains),
            rejected=sum(len(run.rejected) for run in runs),
            runs_with_gain=sum(any(gain >= GAIN for gain in run.gains) for run in runs),
            median_gain=float(np.median(gains)) if gains else math.nan,
            largest_drift=max(run.largest_drift for run in runs),
            gradient_equivalents=float(np.mean([run.result.cost.gradient_equivalents for run in runs])),
            seconds=float(np.mean([run.result.cost.seconds for run in runs])),
        )

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        losses = [f"{value:.5g}" for value in (self.mean, self.std, self.min, self.max)]
        none = not self.accepted + self.rejected
        teleports = ["-"] * 5 if none else [
            str(self.accepted), str(self.rejected), f"{self.runs_with_gain}/{self.runs}",
            f"{self.median_gain:.3g}", f"{self.largest_drift:.1e}",
        ]  # fmt: skip
        rate = "-" if math.isnan(self.learning_rate) else f"{self.learning_rate:.3g}"
        cost = f"{self.gradient_equivalents:.0f}", f"{self.seconds:.2f}"
        return (self.rule, self.arm, rate, *losses, f"{self.diverged}/{self.runs}", *teleports, *cost)


@final
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Arms side by side; :func:`solvers.compare.compare` makes one.

    Parameters
    ----------
    summaries: one for each rule and arm.
    runs: the runs at the tuned learning rates, one for each rule, arm and seed.
    steps: optimizer steps of each run.
    seeds: the seeds.
    teleport: when the arm ``teleport`` did so, in words.
    cost: of everything, tuning included.
    is_complete: whether no run was interrupted.
    """

    summaries: tuple[ArmSummary, ...]
    runs: tuple[ArmRun, ...]
    steps: int
    seeds: tuple[int, ...]
    teleport: str
    cost: Cost
    is_complete: bool = True

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules, in order."""
        return tuple(dict.fromkeys(one.rule for one in self.summaries))

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, in order."""
        return tuple(dict.fromkeys(one.arm for one in self.summaries))

    def summary(self, rule: str, arm: str) -> ArmSummary:
        """The row of a rule and an arm.

        Raises
        ------
        InputError: there is none.
        """
        for one in self.summaries:
            if (one.rule, one.arm) == (rule, arm):
                return one
        raise InputError(
            f"the arm {arm!r} of the rule {rule!r}",
            why="the comparison has no such row",
            cure=f"use the rules {', '.join(self.rules)} and the arms {', '.join(self.arms)}",
        )

    def runs_of(self, rule: str, arm: str) -> tuple[ArmRun, ...]:
        """The runs of a rule and an arm, by seed."""
        return tuple(run for run in self.runs if (run.rule, run.arm) == (rule, arm))

    def ratio(self, rule: str, arm: str = "teleport") -> float:
        """Mean final loss of an arm over that of the base; infinite over a base of zero, NaN where both are zero."""
        mean, base = self.summary(rule, arm).mean, self.summary(rule, "base").mean
        if base == 0:
            return math.copysign(math.inf, mean) if mean else math.nan
        return mean / base

    def table(self) -> str:
        """The rows as text in columns."""
        rows = [COLUMNS, *(one.cells() for one in self.summaries)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) if k < 2 else cell.rjust(width)
                      for k, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
            for row in rows
        ]  # fmt: skip
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])

    def to_dict(self, *, history: bool = False) -> dict[str, Any]:
        """The comparison as JSON-ready data; numbers that are not finite are null.

        Parameters
        ----------
        history: whether the loss, the gradient norm and the cost after each step are included.
        """
        return {
            "steps": self.steps,
            "seeds": list(self.seeds),
            "teleport": self.teleport,
            "complete": self.is_complete,
            "cost": self.cost.to_dict(),
            "summaries": [_plain(asdict(one)) for one in self.summaries],
            "runs": [_run_dict(run, history=history) for run in self.runs],
        }


def _run_dict(run: ArmRun, *, history: bool) -> dict[str, Any]:
    """One run as JSON-ready data."""
    result: dict[str, Any] = {
        "rule": run.rule,
        "arm": run.arm,
        "seed": run.seed,
        "learning_rate": run.learning_rate,
        "start_loss": run.start_loss,
        "final_loss": run.final_loss,
        "status": run.result.status.value,
        "diverged": run.has_diverged,
        "accepted": len(run.accepted),
        "rejected": len(run.rejected),
        "gains": list(run.gains),
        "largest_drift": run.largest_drift,
        "cost": run.result.cost.to_dict(),
    }
    if history:
        result["history"] = [asdict(record) for record in run.result.history]
    plain: dict[str, Any] = _plain(result)
    return plain


def _plain(value: Any) -> Any:
    """Data without tuples and without numbers that are not finite."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
