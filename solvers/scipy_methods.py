"""SciPy's minimizers on an objective: counted, watched at every iteration, and stopped with the best point kept."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.status import Status
from solvers.steps.hyperparameters import NON_NEGATIVE, read_count, read_number
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_reals

Watcher: TypeAlias = Callable[[int, FloatArray, float, FloatArray], Any]
"""Called after every iteration with its number, the point, the value and the gradient; a true answer stops the run as
if its steps were used up."""

METHODS = ("BFGS", "L-BFGS-B", "CG", "trust-ncg", "Newton-CG")
_SECOND_ORDER = ("trust-ncg", "Newton-CG")


@final
@dataclass(frozen=True)
class SciPy:
    """A minimizer of ``scipy.optimize.minimize``, to be given where a rule is.

    Parameters
    ----------
    method: ``BFGS``, ``L-BFGS-B``, ``CG``, ``trust-ncg`` or ``Newton-CG``; the last two use Hessian-vector products.
    options: of the method, as SciPy documents them; the number of iterations is the caller's.

    Raises
    ------
    InputError: the method is another one, or the options name ``maxiter``, ``callback`` or ``disp`` or are no numbers.

    >>> SciPy("L-BFGS-B", options={"maxcor": 20}).method
    'L-BFGS-B'
    """

    method: str = "BFGS"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(
                f"the SciPy method {self.method!r}",
                why="the objective gives values, gradients and Hessian-vector products",
                cure=f"use one of {', '.join(METHODS)}",
            )
        if not isinstance(self.options, Mapping):
            raise InputError(f"options={self.options!r}", why="they go by name", cure='write {"gtol": 1e-8}')
        for name in ("maxiter", "callback", "disp"):
            if name in self.options:
                raise InputError(
                    f"the option {name!r} of the SciPy method",
                    why="the one loop counts the iterations and reports them",
                    cure="give `steps` and `callback` to the minimisation",
                )
        for name, value in self.options.items():
            if not isinstance(value, bool | None) and np.isnan(read_reals(value, what=f"the option {name!r}")).any():
                raise InputError(
                    f"the option {name!r} of the SciPy method",
                    why="it contains NaN, which every test for convergence passes or none",
                    cure="give numbers",
                )
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the two fields, so that the spec crosses a process boundary."""
        return type(self), (self.method, dict(self.options))


@final
@dataclass(frozen=True, kw_only=True)
class ScipyResult:
    """Where a run of a SciPy method ended.

    Parameters
    ----------
    point: the best point at which the objective was evaluated, shape (n,).
    value: the objective there.
    last_point: the last iterate, where another run can start.
    steps: iterations done.
    status: why it stopped.
    message: what SciPy said.
    """

    point: FloatArray
    value: float
    last_point: FloatArray
    steps: int
    status: Status
    message: str


def scipy_minimize(
    objective: Objective,
    w: Any,
    spec: SciPy,
    *,
    steps: int,
    callback: Watcher | None = None,
    tolerance: float = 0.0,
) -> ScipyResult:
    """Run a SciPy method from a point; for a part of a longer run, start it again at the point that it is moved to.

    Parameters
    ----------
    objective: what is minimised; its ledger counts every evaluation.
    w: the start, shape (n,).
    spec: the method and its options.
    steps: most iterations.
    callback: called after every iteration, see :data:`Watcher`.
    tolerance: of the gradient norm, beside the method's own tests.

    Raises
    ------
    InputError: the start is not finite, or SciPy does not know an option.

    >>> objective = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, size=2)
    >>> result = scipy_minimize(objective, [3.0, 4.0], SciPy("BFGS"), steps=10)
    >>> result.value < 1e-12, result.status.value
    (True, 'converged')

    Source: P. Virtanen et al., "SciPy 1.0: fundamental algorithms for scientific computing in Python" (2020).
    """
    read_count(steps, name="steps")
    read_number(tolerance, name="tolerance", interval=NON_NEGATIVE)
    run = _Run(objective, w, callback=callback, tolerance=tolerance)
    try:
        status, message = _run(run, spec, steps)
    except KeyboardInterrupt:
        status, message = Status.INTERRUPTED, "interrupted"
    except _NonFiniteProductError:
        status, message = Status.NON_FINITE, "a Hessian-vector product is not finite"
    return ScipyResult(
        point=run.best, value=run.best_value, last_point=run.last, steps=run.steps, status=status, message=message
    )


def _run(run: _Run, spec: SciPy, steps: int) -> tuple[Status, str]:
    """Call SciPy, and say why it stopped."""
    from scipy.optimize import OptimizeWarning, minimize

    options = {**({"maxfun": 2**31 - 1} if spec.method == "L-BFGS-B" else {}), **spec.options, "maxiter": steps}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", module=r"scipy\.optimize")
        warnings.filterwarnings("error", message="Unknown solver options", category=OptimizeWarning)
        try:
            result = minimize(
                run.evaluate,
                run.best.copy(),
                method=spec.method,
                jac=True,
                hessp=run.product if spec.method in _SECOND_ORDER else None,
                callback=run.iterated,
                options=options,
            )
        except OptimizeWarning as warning:
            raise InputError(
                f"the options {', '.join(map(repr, spec.options))} of the SciPy method {spec.method}",
                why=str(warning),
                cure="use the options that SciPy documents for the method",
            ) from None
    message = str(result.message)
    if run.reason is not None:
        return run.reason, message
    if result.success:
        return Status.CONVERGED, message
    if run.steps >= steps:
        return Status.MAX_STEPS, message
    return Status.NON_FINITE if run.met_non_finite else Status.NO_IMPROVEMENT, message


class _NonFiniteProductError(Exception):
    """A Hessian-vector product is not finite; the inner loops of SciPy would not end."""


@final
class _Run:
    """What SciPy calls, and what is kept of a run: the best point evaluated and the last iterate."""

    def __init__(self, objective: Objective, w: Any, *, callback: Watcher | None, tolerance: float) -> None:
        self.objective = objective
        start = objective.point(w).copy()
        value, gradient = objective.value_and_grad(start)
        if not _is_finite(value, gradient):
            objective.start(start)  # refuses it
        self.best, self.last, self.best_value = start, start, value
        self.steps = 0
        self.reason: Status | None = None
        self.met_non_finite = False
        self._callback = callback
        self._tolerance = tolerance
        self._seen = self._iterate = start, value, gradient

    def evaluate(self, w: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient; where they are not finite, a wall that a line search turns back from."""
        point = np.array(w, dtype=float)
        value, gradient = self._at(point)
        if not _is_finite(value, gradient):
            self.met_non_finite = True
            return self.best_value + 1e10 * (1 + abs(self.best_value)), np.zeros_like(gradient)
        if value < self.best_value:
            self.best, self.best_value = point, value
        return value, gradient.copy()

    def product(self, w: FloatArray, v: FloatArray) -> FloatArray:
        """Hessian times v."""
        image = self.objective.hvp(np.array(w, dtype=float), np.array(v, dtype=float))
        if not np.isfinite(image).all():
            raise _NonFiniteProductError
        return image

    def iterated(self, intermediate_result: Any) -> None:
        """Take note of an iterate, and stop where that was asked for."""
        point = np.array(intermediate_result.x, dtype=float)
        value, gradient = self._at(point)
        if not _is_finite(value, gradient):
            self.reason = Status.NON_FINITE
            raise StopIteration
        self.steps += 1
        self.last, self._iterate = point, (point, value, gradient)
        if float(np.linalg.norm(gradient)) <= self._tolerance:
            self.reason = Status.CONVERGED
        if self._callback is not None and self._callback(self.steps, point, value, gradient.copy()):
            self.reason = self.reason or Status.MAX_STEPS
        if self.reason is not None:
            raise StopIteration

    def _at(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient, remembered at the point asked for before and at the last iterate."""
        for known in (self._seen, self._iterate):
            if np.array_equal(known[0], point):
                return known[1], known[2]
        self._seen = point, *self.objective.value_and_grad(point)
        return self._seen[1], self._seen[2]


def _is_finite(value: float, gradient: FloatArray) -> bool:
    """Whether the value and all of the gradient are finite."""
    return math.isfinite(value) and bool(np.isfinite(gradient).all())
