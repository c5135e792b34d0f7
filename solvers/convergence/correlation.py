"""Correlations over runs, with confidence intervals: does a property of a minimum go with its validation loss?"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

from manifolds.errors import InputError
from solvers.convergence.paths import require_positive
from solvers.convergence.theorem_check import TheoremCheck, undecided
from symmetries.arguments import read_reals
from symmetries.certificate import Claim

SOURCE = "R. A. Fisher, Metron 1 (1921)"


def correlation_over_runs(first: Any, second: Any, *, level: float = 0.95) -> TheoremCheck:
    r"""Pearson's correlation of two quantities over independent runs, with its confidence interval.

    .. math:: \tanh\Bigl(\operatorname{artanh} r \pm \frac{z}{\sqrt{n-3}}\Bigr)

    Parameters
    ----------
    first, second: one number a run, shape (n,), n at least 4.
    level: of the interval, between 0 and 1.

    Returns
    -------
    One claim, that the quantities go together: measured with its sign where the interval does not hold 0, undecided
    where it does.  A correlation says nothing of causes.

    Raises
    ------
    InputError: the shapes differ, there are fewer than 4 runs, or a quantity is constant.

    Examples
    --------
    >>> x = np.arange(20.0)
    >>> claim = correlation_over_runs(x, x + 3 * np.sin(7 * x)).claims[0]
    >>> claim.verdict, claim.evidence["correlation"] > 0.8
    ('measured', True)
    >>> correlation_over_runs(x, np.cos(x)).verdict
    'undecided'

    Source: R. A. Fisher, "On the probable error of a coefficient of correlation", Metron 1 (1921).
    """
    x, y = read_reals(first, what="the first quantity"), read_reals(second, what="the second quantity")
    if (
        x.ndim != 1
        or x.shape != y.shape
        or len(x) < 4
        or not np.isfinite([*x, *y]).all()
        or not (np.ptp(x) and np.ptp(y))
    ):
        raise InputError(
            f"quantities of the shapes {list(x.shape)} and {list(y.shape)}",
            why="one finite number a run is needed of each, for 4 runs at least, and neither may be constant",
            cure="give two lists of the same length",
        )
    require_positive(level, "level")
    if not level < 1:
        raise InputError(f"level={level!r}", why="it is no number between 0 and 1", cure="give 0.95")
    x, y = (one / np.abs(one).max() for one in (x, y))  # squares of the given numbers may leave the range of doubles
    r = float(np.clip(np.corrcoef(x, y)[0, 1], -1 + 1e-15, 1 - 1e-15))
    half = float(norm.ppf((1 + level) / 2)) / (len(x) - 3) ** 0.5
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    evidence = {"correlation": r, "interval": [float(low), float(high)], "level": level, "runs": len(x)}
    statement = "the two quantities are correlated over the runs"
    if low <= 0 <= high:
        reason = f"r = {r:.3f}, and the interval from {low:.3f} to {high:.3f} holds 0"
        return TheoremCheck(theorem="correlation", claims=(undecided(statement, reason, **evidence),), source=SOURCE)
    reason = f"r = {r:.3f}, between {low:.3f} and {high:.3f} at the level {level:g}"
    claim = Claim(statement=statement, verdict="measured", reason=reason, evidence=evidence)
    return TheoremCheck(theorem="correlation", claims=(claim,), source=SOURCE)
