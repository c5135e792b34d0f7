"""Level-set teleportation: how far it gets on known problems, feasibility, and honest statuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.level_set import LevelSetMove
from solvers.move import Destination
from solvers.objective import Objective
from solvers.status import Status
from solvers.target import Target
from solvers.target_norms import GradientNorm
from symmetries import Loss

BOOTH = "(x + 2*y - 7)**2 + (2*x + y - 5)**2"
ROSENBROCK = "100*(x**2 - y)**2 + (x - 1)**2"
GOLDSTEIN_PRICE = (
    "(1 + (x + y + 1)**2*(19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2))"
    "*(30 + (2*x - 3*y)**2*(18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))"
)


def from_text(text: str) -> Objective:
    return Objective.from_loss(Loss.parse(text))


def search(
    objective: Objective, start: Any, target: Target | None = None, *, maximize: bool = True, **options: Any
) -> tuple[Destination, float, float]:
    """The destination, the ratio of the targets and the relative change of the loss."""
    w, target = np.array(start, dtype=float), target or GradientNorm()
    kept = w.copy()
    found = LevelSetMove(**options).search(objective, w, target, maximize=maximize, rng=np.random.default_rng(0))
    assert (w == kept).all()
    before, after = objective.value(w), objective.value(found.point)
    gain = target.value(objective, found.point) / (target.value(objective, w) or np.nan)
    return found, gain, (after - before) / (abs(before) or 1.0)


@pytest.mark.parametrize("form", ["equality", "sub-level"])
@pytest.mark.parametrize(
    ("text", "start", "best", "hvps"),
    [(BOOTH, (5, -5), 1.8, 15), (ROSENBROCK, (-1, -1), 70.6988, 20), (GOLDSTEIN_PRICE, (0, 0), 32.531, 20)],
)
def test_known_maxima_of_two_parameters(
    text: str, start: tuple[float, float], best: float, hvps: int, form: str
) -> None:
    objective = from_text(text)
    before = objective.ledger.total()
    found, gain, drift = search(objective, start, form=form, hvps=hvps)
    assert gain > 0.999 * best
    assert drift <= 1e-12
    assert form == "sub-level" or drift >= -1e-12
    assert (objective.ledger.total() - before).hvps <= hvps
    assert not found.status.is_failure


def test_options_out_of_range_are_refused() -> None:
    for options in ({"form": "inside"}, {"steps": 0}, {"hvps": 1.5}, {"radius": -1.0}, {"tolerance": 2.0}):
        with pytest.raises(InputError, match=next(iter(options))):
            LevelSetMove(**options)


def test_a_critical_start_stays() -> None:
    found, _, _ = search(from_text("x**2 + y**2"), (0, 0))
    assert (found.status, found.point.tolist()) == (Status.NO_IMPROVEMENT, [0, 0])
