"""A theorem checked on a problem: claims with verdicts, with or without a declared loss."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np

from solvers.objective import Objective
from symmetries.certificate import Certificate, Claim, Verdict, overall
from symmetries.loss import Loss


@final
@dataclass(frozen=True, kw_only=True)
class TheoremCheck:
    """What was found when a theorem was checked where there is no declared loss.

    Parameters
    ----------
    theorem: what was checked, in a few words.
    claims: the statements with their verdicts.
    source: where the theorem comes from.

    >>> check = TheoremCheck(theorem="a line", claims=(Claim(statement="2/pi", verdict="proved"),))
    >>> print(check)
    a line: proved
      proved    2/pi
    """

    theorem: str
    claims: tuple[Claim, ...]
    source: str = ""

    @property
    def verdict(self) -> Verdict:
        """Verdict of all claims together."""
        return overall(claim.verdict for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """The check as JSON-ready data."""
        return {
            "theorem": self.theorem,
            "source": self.source,
            "verdict": self.verdict,
            "claims": [claim.to_dict() for claim in self.claims],
        }

    def __str__(self) -> str:
        head = f"{self.theorem}: {self.verdict}"
        return "\n".join([head, *(f"  {claim.verdict:9} {claim.statement}" for claim in self.claims)])


Checked: TypeAlias = Certificate | TheoremCheck
"""Claims about a declared loss, or about a problem without one."""


def checked(problem: Objective | Loss | None, claims: Iterable[Claim], *, theorem: str, source: str) -> Checked:
    """The certificate of the loss of a problem; a theorem check where there is none.

    >>> checked(Loss.parse("x**2"), [], theorem="none", source="").verdict
    'proved'
    """
    loss = problem.loss if isinstance(problem, Objective) else problem
    if loss is None:
        return TheoremCheck(theorem=theorem, claims=tuple(claims), source=source)
    return Certificate(loss=loss.to_dict(), claims=tuple(claims))


def figure(value: Any) -> Any:
    """Numbers and arrays as JSON-ready data, None for what is not finite.

    >>> figure(np.array([1.0, np.inf]))
    [1.0, None]
    """
    if isinstance(value, np.ndarray | list | tuple):
        return [figure(entry) for entry in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, str) or value is None:
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def compared(
    statement: str,
    left: float,
    right: float,
    *,
    reason: str = "",
    tolerance: float = 1e-9,
    assumptions: tuple[str, ...] = (),
    **evidence: Any,
) -> Claim:
    """The claim that left <= right, up to a relative tolerance: measured, refuted, or undecided where not finite.

    >>> compared("1 <= 2", 1.0, 2.0).verdict, compared("2 <= 1", 2.0, 1.0).verdict
    ('measured', 'refuted')
    """
    numbers = {"left": figure(left), "right": figure(right), "tolerance": tolerance}
    facts = {**numbers, **{name: figure(value) for name, value in evidence.items()}}
    if not (math.isfinite(left) and math.isfinite(right)):
        why = "a side of the inequality is not finite"
        return Claim(statement=statement, verdict="undecided", reason=why, assumptions=assumptions, evidence=facts)
    slack = tolerance * max(abs(left), abs(right))
    verdict: Verdict = "measured" if left <= right + slack else "refuted"
    how = reason or ("the inequality holds" if verdict == "measured" else "the left side is larger")
    return Claim(statement=statement, verdict=verdict, reason=how, assumptions=assumptions, evidence=facts)


def vanishing(statement: str, residual: float, *, tolerance: float, reason: str = "", **evidence: Any) -> Claim:
    """The claim that something is zero: measured within the tolerance, refuted outside, undecided when not finite.

    >>> vanishing("x = 0", 1e-12, tolerance=1e-9).verdict
    'measured'
    """
    facts = {name: figure(value) for name, value in evidence.items()}
    facts |= {"worst_residual": figure(residual), "tolerance": tolerance}
    if not math.isfinite(residual):
        return Claim(statement=statement, verdict="undecided", reason="the residual is not finite", evidence=facts)
    verdict: Verdict = "measured" if abs(residual) <= tolerance else "refuted"
    how = reason or f"the relative residual is {abs(residual):.1e}"
    return Claim(statement=statement, verdict=verdict, reason=how, evidence=facts)


def undecided(statement: str, reason: str, **evidence: Any) -> Claim:
    """A claim whose hypotheses fail or are not known.

    >>> undecided("it converges", "the step is too long").verdict
    'undecided'
    """
    facts = {name: figure(value) for name, value in evidence.items()}
    return Claim(statement=statement, verdict="undecided", reason=reason, evidence=facts)
