"""All local optima that a search found, so that the next best can be tried where the best one is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np

from solvers.move import Destination, Move
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from solvers.results import TeleportResult
from solvers.status import Status
from solvers.target import Target
from solvers.teleport import teleport
from symmetries.actions.parameter_space import FloatArray

MOST = 4
"""How many optima are tried at most."""

FRACTIONS = (0.75, 0.5, 0.25, 0.125)
"""Parts of the way along an orbit that are tried when the whole way is refused."""


def teleports(
    objective: Objective, w: FloatArray, *, along: Move, target: Any, maximize: bool, rng: np.random.Generator
) -> Iterator[TeleportResult]:
    """Teleports to the local optima of one search, best first; each is checked when it is asked for.

    Parameters
    ----------
    objective, w: the level set.
    along: a move; one without a list of candidates has one.
    target, maximize: what is made large or small.
    rng: source of all random choices.

    >>> from symmetries import GroupAction
    >>> from solvers.orbit import OrbitMove
    >>> action = GroupAction.catalogued("rosenbrock")
    >>> found = teleports(
    ...     Objective.from_loss(action.loss), np.array([-1.0, -1.0]), along=OrbitMove(action), target="gradient-norm",
    ...     maximize=True, rng=np.random.default_rng(0))
    >>> [round(one.gain, 2) for one in found]
    [93.56, 92.36, 70.7, 69.62]
    """
    move = Remembering(along)
    with np.errstate(all="ignore"):
        yield teleport(objective, w.copy(), along=move, target=target, maximize=maximize, rng=rng)
        for destination in move.found[1:MOST]:
            yield teleport(objective, w.copy(), along=Known(along, destination), target=target, maximize=maximize)


def nearer(
    objective: Objective,
    w: FloatArray,
    refused: Sequence[TeleportResult],
    *,
    along: OrbitMove,
    target: Target,
    maximize: bool,
) -> Iterator[TeleportResult]:
    """Teleports less far along an orbit of one parameter than those that were refused, best first.

    Parameters
    ----------
    objective, w: the level set.
    refused: with the time of each in its evidence.
    along: the move that found them.
    target, maximize: what is made large or small; only points that are better than w are tried.
    """
    action, sign = along.action, 1.0 if maximize else -1.0
    with np.errstate(all="ignore"):
        start = sign * target.value(objective, w)
        ranked = []
        for result in refused:
            for part in FRACTIONS:
                element = action.exp([part * result.evidence["time"]])
                point = np.asarray(action.apply(element, w))
                ranked.append((sign * target.value(objective, point), part, element, point))
        for value, part, element, point in sorted(ranked, key=lambda one: -one[0]):
            if value > start:
                destination = Destination(
                    point=point, status=Status.CONVERGED, steps=1, element=element, evidence={"less_far_by": part}
                )
                move = Known(along, destination)
                yield teleport(objective, w.copy(), along=move, target=target, maximize=maximize)


@final
class Remembering(Move):
    """A move that keeps all that its search found.

    Parameters
    ----------
    move: the move.
    """

    def __init__(self, move: Move) -> None:
        self.name = move.name
        self.action = getattr(move, "action", None)
        self.found: list[Destination] = []
        self._move = move

    def search(
        self, objective: Objective, w: FloatArray, target: Target, *, maximize: bool, rng: np.random.Generator
    ) -> Destination:
        """The best of the optima."""
        search = getattr(self._move, "candidates", None)
        if search is None:
            self.found = [self._move.search(objective, w, target, maximize=maximize, rng=rng)]
        else:
            self.found = list(search(objective, w, target, maximize=maximize, rng=rng))
        return self.found[0]


@final
class Known(Move):
    """A move to a place that was found before.

    Parameters
    ----------
    move: which found it.
    destination: the place.
    """

    def __init__(self, move: Move, destination: Destination) -> None:
        self.name = move.name
        self.action = getattr(move, "action", None)
        self._destination = destination

    def search(
        self, objective: Objective, w: FloatArray, target: Target, *, maximize: bool, rng: np.random.Generator
    ) -> Destination:
        """The place."""
        return self._destination
