"""Making optimizers natural: remedies around a rule or a spec, each with what it repairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.registry import read_optimizer
from solvers.naturality.remedies.charts import Frame, cholesky_frame, eigenframe, in_chart, root_frame
from solvers.naturality.remedies.discretisation import discretised
from solvers.naturality.remedies.inertia import connected
from solvers.naturality.remedies.metrics import read_metric
from solvers.naturality.remedies.raising import in_metric, with_declared_rates
from solvers.naturality.spec import OptimizerSpec

Remedy: TypeAlias = Literal["declare", "metric", "frame", "gauge", "discretisation", "connection"]


def naturalise(optimizer: Any, *, by: Remedy = "metric", **options: Any) -> OptimizerSpec:
    r"""An optimizer that is natural under more changes of coordinates.

    ==================  ==========================================  =======================================
    remedy              what it does                                what it repairs
    ==================  ==========================================  =======================================
    ``declare``         a rate for each coordinate is declared by   rules of signed permutations, up to
                        the problem and follows the coordinates     coordinatewise scalings
    ``metric``          the displacement is raised by a metric G    sums of gradients, up to all maps
    ``frame``           the step is taken in a frame E of the       rules of rotations in any orthonormal
                        problem, :math:`E\,U(E^{\mathsf T}g)`       frame; rules of signed permutations in
                                                                    an eigenframe; up to all maps
    ``gauge``           the step is taken at the representative of  a group of symmetries of the loss
                        the orbit, :math:`T V(T^{-1}\theta)`
    ``discretisation``  the field is followed by a better method    nothing but the order of the defect
    ``connection``      vectors are carried along each step         momentum that has inertia
    ==================  ==========================================  =======================================

    Parameters
    ----------
    optimizer: a spec, a rule of :mod:`solvers.rules`, or a name.
    by: the remedy.
    options: ``structure`` of ``declare``; ``metric`` of ``metric``, ``frame`` and ``connection``; ``frame``
        (``cholesky``, ``eigenframe``, ``root``, or a function of problem and point) and ``other``, the second metric
        of an eigenframe; ``slice`` of ``gauge``, a function of problem and point to the matrix T with
        :math:`T^{-1}\theta` on the slice; ``method`` of ``discretisation`` (``midpoint``, ``runge-kutta``,
        ``geodesic``, ``exponential``).

    Raises
    ------
    InputError: the remedy or an option is not known, or the optimizer does not fit it.

    >>> naturalise("gradient-descent", by="metric", metric="fisher").name
    'gradient-descent in the metric fisher'
    >>> naturalise("sign-descent", by="frame", frame="eigenframe").name
    'sign-descent in the eigenframe frame'
    """
    spec = read_optimizer(optimizer)
    if not isinstance(by, str) or by not in REMEDIES:
        raise InputError(f"the remedy {by!r}", why="it is not known", cure=f"use {', '.join(REMEDIES)}")
    make, known = REMEDIES[by]
    for option in options:
        if option not in known:
            raise InputError(
                f"the option {option!r} of the remedy {by!r}",
                why="it does not know it",
                cure=f"use {', '.join(known)}",
            )
    return make(spec, **options)


def _in_frame(
    spec: OptimizerSpec, *, frame: Any = "cholesky", metric: Any = "fisher", other: Any = "empirical-fisher"
) -> OptimizerSpec:
    """The optimizer in a frame that the problem determines, with the point as its origin."""
    G = read_metric(metric)
    named: Mapping[str, Callable[[], Frame]] = {
        "cholesky": lambda: cholesky_frame(G),
        "root": lambda: root_frame(G),
        "eigenframe": lambda: eigenframe(G, read_metric(other)),
    }
    if not callable(frame) and frame not in named:
        raise InputError(f"the frame {frame!r}", why="it is not known", cure=f"use {', '.join(named)} or a function")
    chosen: Frame = frame if callable(frame) else named[frame]()
    called = frame if isinstance(frame, str) else "given"
    return in_chart(
        spec,
        lambda problem, theta: (np.asarray(chosen(problem, theta), dtype=float), theta),
        name=f"{spec.name} in the {called} frame",
        notes=f"steps are taken in the {called} frame of the problem",
    )


def _gauge_fixed(spec: OptimizerSpec, *, slice: Frame | None = None) -> OptimizerSpec:  # noqa: A002
    """The optimizer at the representative of the orbit, carried back."""
    if not callable(slice):
        raise InputError(
            "a gauge without a slice",
            why="nothing says which point of the orbit represents it",
            cure="give slice=(problem, point) -> matrix, such as balanced_slice(widths)",
        )
    fixed = slice
    return in_chart(
        spec,
        lambda problem, theta: (np.asarray(fixed(problem, theta), dtype=float), np.zeros_like(theta)),
        name=f"{spec.name} in a fixed gauge",
        notes="steps are taken at a canonical point of the orbit and carried back",
    )


REMEDIES: Mapping[str, tuple[Callable[..., OptimizerSpec], tuple[str, ...]]] = {
    "declare": (with_declared_rates, ("structure",)),
    "metric": (in_metric, ("metric",)),
    "frame": (_in_frame, ("frame", "metric", "other")),
    "gauge": (_gauge_fixed, ("slice",)),
    "discretisation": (discretised, ("method",)),
    "connection": (connected, ("metric",)),
}
"""Remedies by name, each with its options."""
