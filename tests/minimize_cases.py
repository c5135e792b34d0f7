"""Problems and moves for the tests of minimisation."""

import numpy as np

from solvers.move import Destination, Move
from solvers.network import Network
from solvers.objective import Objective
from solvers.status import Status
from symmetries import GroupAction

ROSENBROCK = GroupAction.catalogued("rosenbrock")
BOOTH = GroupAction.catalogued("booth")
CORNER = (-1.0, -1.0)


def quadratic(eigenvalues=(1.0, 10.0)):
    """A diagonal quadratic with its minimum at zero."""
    a = np.array(eigenvalues)
    return Objective.from_functions(lambda w: float(w @ (a * w) / 2), lambda w: a * w, lambda w, v: a * v, size=len(a))


def network(samples=24, *, seed=0, widths=(3, 4, 2)):
    """A small network on random data."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((widths[0], samples)), rng.standard_normal((widths[-1], samples))
    return Network(widths=widths, inputs=x, targets=y, activation="leaky_relu", loss="squared")


def scalings(widths=(3, 4, 2)):
    """The scalings of its hidden units."""
    return GroupAction.catalogued("homogeneous-network", widths=widths, activation="leaky_relu")


class FixedMove(Move):
    """Goes to g.w for one given g."""

    name = "orbit"

    def __init__(self, action, element):
        self.action, self.element = action, element

    def search(self, objective, w, target, *, maximize, rng):
        point = np.asarray(self.action.apply(self.element, w))
        return Destination(point=point, status=Status.CONVERGED, steps=1, element=self.element)


class JumpTo(Move):
    """Goes to a given point, without a group."""

    name = "level-set"

    def __init__(self, point):
        self.point = np.array(point, dtype=float)

    def search(self, objective, w, target, *, maximize, rng):
        return Destination(point=self.point.copy(), status=Status.CONVERGED, steps=1)


def anywhere(objective, w):
    """A target that no point improves, so that a move decides alone."""
    return 1.0


def comparable(result):
    """What two runs of the same problem must share to the last bit."""
    lines = [(r.step, r.loss, r.gradient_norm, r.teleported, r.gradient_equivalents) for r in result.history]
    teleports = [(t.status, t.loss_after, t.gain, np.asarray(t.point).tobytes()) for t in result.teleports]
    ends = np.asarray(result.point).tobytes(), np.asarray(result.last_point).tobytes()
    return lines, teleports, ends, result.value, result.steps, result.status, result.cost.gradient_equivalents


def cliff(w):
    """A loss that is flat along w_0 and runs away beyond |w_1| = 5."""
    return float((0.1 * w[0]) ** 2 + np.exp(w[1] ** 2 - 25.0))


CLIFF = Objective.from_functions(cliff, lambda w: np.array([0.02 * w[0], 2 * w[1] * np.exp(w[1] ** 2 - 25.0)]), size=2)


class ToTheCliff(JumpTo):
    """Goes to the point of the same loss from which gradient descent with the rate 0.4 runs away."""

    def __init__(self):
        super().__init__([0.0, 0.0])

    def search(self, objective, w, target, *, maximize, rng):
        self.point = np.array([0.0, np.sqrt(max(0.0, 25.0 + np.log(cliff(w))))])
        return super().search(objective, w, target, maximize=maximize, rng=rng)
