"""L-BFGS: a quasi-Newton direction from the last few displacements and changes of the gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.rule import Array, Rule, State
from solvers.steps.hyperparameters import POSITIVE, Interval, read_count, read_number
from symmetries.actions.parameter_space import FloatArray

Pair: TypeAlias = tuple[FloatArray, FloatArray, float]
"""A displacement s, the change y of the gradient along it, and their product, which is positive."""

CAUTION = 1e-10
"""Pairs whose product is smaller than this part of the product of their lengths say nothing about curvature."""


@final
@dataclass(frozen=True, kw_only=True)
class LBFGS(Rule):
    r"""Limited-memory BFGS with a line search, in Euclidean space and on every other space without vector transport.

    .. math:: W = -t\,H g,\qquad H \leftarrow (I - \rho s y^{\mathsf T}) H (I - \rho y s^{\mathsf T})
        + \rho s s^{\mathsf T}, \quad \rho = 1/\langle s, y\rangle

    from :math:`H = (\langle s, y\rangle/\langle y, y\rangle)\,I` with the last pairs of displacements s and changes y
    of the gradient.  On a space all of them are coordinates, which are compared between points as they are; the line
    search runs along the retraction, and every product is that of the space.  A step costs one gradient where the first
    length tried will do.

    Parameters
    ----------
    learning_rate: the first length tried, in units of the quasi-Newton displacement.
    memory: how many pairs are kept.
    decrease: factor c of the sufficient decrease :math:`L(R(tW)) \le L + c\,t \langle g, W\rangle`.
    curvature: factor c of the slope condition :math:`\langle g', W\rangle \ge c \langle g, W\rangle`, above
        ``decrease``.
    trials: most gradients in one line search.

    Raises
    ------
    InputError: a number lies outside its interval.

    >>> from solvers.minimize import minimize
    >>> from symmetries import Loss
    >>> rosenbrock = Loss.parse("100*(y - x**2)**2 + (1 - x)**2")
    >>> result = minimize(rosenbrock, {"x": -1.0, "y": -1.0}, rule=LBFGS())
    >>> result.status.value, result.value < 1e-20, result.steps < 60
    ('converged', True, True)

    Source: D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization" (1989); the line
    search as in A. S. Lewis and M. L. Overton, "Nonsmooth optimization via quasi-Newton methods" (2013), with the
    approximate conditions of W. W. Hager and H. Zhang (2005) where values differ by rounding alone.
    """

    learning_rate: Any = 1.0
    memory: int = 10
    decrease: float = 1e-4
    curvature: float = 0.9
    trials: int = 30

    ranges: ClassVar[Mapping[str, Interval]] = {"decrease": Interval(0.0, 0.5, open_low=True)}

    def __post_init__(self) -> None:
        super().__post_init__()
        read_number(self.learning_rate, name="learning_rate", interval=POSITIVE)
        read_number(self.curvature, name="curvature", interval=Interval(self.decrease, 1.0, open_low=True))
        read_count(self.memory, name="memory")
        read_count(self.trials, name="trials")

    def start(self, like: Array) -> State:
        """No pairs: zeros for each."""
        return {name: like * 0 for k in range(self.memory) for name in slot_names(k)}

    def step(
        self, gradient: Array, state: State, *, count: int, rate: float, point: Array | None = None
    ) -> tuple[Array, State]:
        """Refused: the line search asks the objective, to which the gradient is not the Hessian's only witness."""
        raise InputError(
            "L-BFGS was given a gradient alone",
            why="it needs the objective for its line search, from which it learns the Hessian",
            cure="use it on an objective with `minimize`",
        )


def slot_names(k: int) -> tuple[str, str]:
    """The slots of the k-th pair, the latest being 0.

    >>> slot_names(0)
    ('displacement 0', 'change 0')
    """
    return f"displacement {k}", f"change {k}"


def quasi_newton(gradient: FloatArray, pairs: Sequence[Pair]) -> FloatArray:
    """The displacement -H g by the two-loop recursion.

    Parameters
    ----------
    gradient: g, in coordinates with the plain inner product.
    pairs: in the same coordinates, the latest first.

    >>> quasi_newton(np.array([2.0, 1.0]), [(np.array([1.0, 0.0]), np.array([4.0, 0.0]), 4.0)]).tolist()
    [-0.5, -0.25]

    Source: J. Nocedal, "Updating quasi-Newton matrices with limited storage" (1980).
    """
    from scipy.linalg.blas import daxpy  # adds a multiple in place

    q, factors = np.array(gradient, dtype=float), []
    for s, y, product in pairs:
        factors.append(float(s @ q) / product)
        q = daxpy(y, q, a=-factors[-1])
    if pairs:
        _, y, product = pairs[0]
        q *= product / float(y @ y)
    for (s, y, product), factor in zip(reversed(pairs), reversed(factors), strict=True):
        q = daxpy(s, q, a=factor - float(y @ q) / product)
    return -q
