r"""Search of the orbit of a module's parameters in Lie algebra coordinates, :math:`\max_\xi f(\exp(\xi)\cdot w)`.

Gradients at g.w are :math:`J^{-T}\nabla L(w)` where g keeps the function, so that their norm on the whole orbit comes
from one gradient, without the module; other targets are evaluated at the moved parameters and pulled back.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from manifolds.errors import InputError
from solvers.pytorch.objective import ModuleObjective
from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.symmetry.scalings import Scalings
from solvers.pytorch.teleporting.carrying import Carrier
from solvers.search.orbit_ascent import Ascent, Region
from solvers.status import Status
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray


@final
class Chart:
    """Lie algebra coordinates at the identity as a group under addition, as the ascent on orbits takes it.

    Parameters
    ----------
    symmetry: of a module.
    frame: the directions that are searched, in columns of coordinates; all by default.
    """

    def __init__(self, symmetry: ModuleSymmetry, frame: FloatArray | None = None) -> None:
        self.symmetry = symmetry
        self._frame = None if frame is None else torch.from_numpy(frame)
        self.dimension = symmetry.dimension if frame is None else frame.shape[1]

    def element(self, coordinates: Tensor) -> Element:
        """The element of coordinates in the frame; differentiable."""
        return self.symmetry.element(coordinates if self._frame is None else self._frame @ coordinates)

    @staticmethod
    def exp(t: FloatArray) -> FloatArray:
        """The step itself: exponentials are taken when the element acts."""
        return t

    @staticmethod
    def compose(left: FloatArray, right: FloatArray) -> FloatArray:
        """The sum of the coordinates."""
        return left + right


def uniform_frame(symmetry: ModuleSymmetry) -> FloatArray:
    """One direction a component: all of its units, or the whole space, scaled alike.

    Raises
    ------
    InputError: no component has scalings.
    """
    columns, start = [], 0
    for component in symmetry.components:
        size = component.dimension
        direction = _uniform(component)
        if direction is not None:
            column = np.zeros(symmetry.dimension)
            column[start : start + size] = direction
            columns.append(column)
        start += size
    if not columns:
        raise InputError(
            "per='space' for a group without scalings",
            why="no space of the module can be scaled as a whole",
            cure="use per='unit'",
        )
    return np.stack(columns, axis=1)


def _uniform(component: Component) -> FloatArray | None:
    """The coordinates that scale all units of a component by e; None where it cannot."""
    if isinstance(component, Scalings):
        return np.ones(component.dimension)
    if not isinstance(component, LinearMaps) or component.kind == "O":
        return None
    unit = np.eye(component.size)
    if component.basis is None:
        return np.tile(unit.ravel(), component.number)
    rows = component.basis.reshape(len(component.basis), -1).double().numpy()
    found, *_ = np.linalg.lstsq(rows.T, unit.ravel(), rcond=None)
    return np.tile(found, component.number) if np.allclose(found @ rows, unit.ravel()) else None


class OrbitFunction(ABC):
    r"""The function :math:`\xi \mapsto f(\exp(\xi)\cdot w)`, with the merit that is maximised.

    Parameters
    ----------
    chart: coordinates on the group.
    tensors: where the orbit starts: parameters, and buffers that move along.
    maximize: whether the function is made large; small otherwise.
    """

    is_logarithmic = False
    """Whether the merit is the logarithm of the function, which is positive."""

    has_slope = True
    """Whether there are derivatives."""

    def __init__(self, chart: Chart, tensors: Mapping[str, Tensor], *, maximize: bool) -> None:
        self.chart, self.tensors, self.maximize = chart, dict(tensors), maximize
        self.action = chart
        self.start_value = math.nan

    @abstractmethod
    def at(self, coordinates: Tensor) -> Tensor:
        """The function, differentiable in the coordinates."""

    def value(self, coordinates: FloatArray) -> float:
        """The function at coordinates."""
        with torch.no_grad():
            return float(self.at(torch.from_numpy(coordinates)))

    def value_and_slope(self, coordinates: FloatArray) -> tuple[float, FloatArray]:
        """The function and its derivatives, shape (dimension,)."""
        with torch.enable_grad():
            leaf = torch.from_numpy(coordinates.copy()).requires_grad_()
            value = self.at(leaf)
            slope = torch.autograd.grad(value, leaf, allow_unused=True, materialize_grads=True)[0]
        return float(value.detach()), slope.numpy()

    def moved(self, coordinates: Tensor) -> dict[str, Tensor]:
        r"""The tensors at :math:`\exp(\xi)\cdot w`."""
        return self.chart.element(coordinates).transform(self.tensors)

    def merit(self, value: float) -> float:
        """What is maximised: the value relative to that of the start, or its logarithm; with a minus to minimise."""
        if not math.isfinite(value) or (self.is_logarithmic and value <= 0):
            return -math.inf
        scaled = math.log(value) if self.is_logarithmic else value / (abs(self.start_value) or 1.0)
        return scaled if self.maximize else -scaled

    def merit_slope(self, value: float, slope: FloatArray) -> FloatArray:
        """The derivatives of the merit, from those of the function."""
        size = value if self.is_logarithmic else abs(self.start_value) or 1.0
        return slope / (size if self.maximize else -size)


@final
class CarriedNorm(OrbitFunction):
    r"""The squared gradient norm :math:`|J^{-T}u|^2`, or :math:`(J^{-T}u)^T\eta J^{-T}u`, from the gradient u at w.

    Parameters
    ----------
    chart, tensors, maximize: as for every function on an orbit.
    gradient: u by name.
    eta: element -> entries of the metric there, by name; ones by default.
    """

    is_logarithmic = True

    def __init__(
        self,
        chart: Chart,
        tensors: Mapping[str, Tensor],
        gradient: Mapping[str, Tensor],
        *,
        maximize: bool,
        eta: Callable[[Element], Mapping[str, Tensor]] | None = None,
    ) -> None:
        super().__init__(chart, tensors, maximize=maximize)
        self._gradient, self._eta = dict(gradient), eta
        self.start_value = self.value(np.zeros(chart.dimension))

    def at(self, coordinates: Tensor) -> Tensor:
        """The squared norm of the carried gradient."""
        element = self.chart.element(coordinates)
        carried = Carrier(element, self.tensors).covector(self._gradient)
        if self._eta is None:
            return torch.stack([one.square().sum() for one in carried.values()]).sum().double()
        eta = self._eta(element)
        return torch.stack([(one.square() * eta[name]).sum() for name, one in carried.items()]).sum().double()


@final
class PulledTarget(OrbitFunction):
    """A target of the parameters, evaluated where the element leads.

    Parameters
    ----------
    chart, tensors, maximize: as for every function on an orbit.
    objective, target: of the parameters.
    """

    def __init__(
        self,
        chart: Chart,
        tensors: Mapping[str, Tensor],
        objective: ModuleObjective,
        target: Target,
        *,
        maximize: bool,
    ) -> None:
        super().__init__(chart, tensors, maximize=maximize)
        self._objective, self._target = objective, target
        self.has_slope = target.has_gradient
        self.start_value = self.value(np.zeros(chart.dimension))

    def at(self, coordinates: Tensor) -> Tensor:
        """The value of the target; its derivatives come from :meth:`value_and_slope`."""
        point = self._objective.vector(self.moved(coordinates))
        return torch.tensor(self._target.value(self._objective, point), dtype=torch.float64)

    def value_and_slope(self, coordinates: FloatArray) -> tuple[float, FloatArray]:
        """The target, and its gradient times the derivatives of the moved parameters."""
        with torch.enable_grad():
            leaf = torch.from_numpy(coordinates.copy()).requires_grad_()
            moved = self.moved(leaf)
            value, gradient = self._target.value_and_grad(self._objective, self._objective.vector(moved))
            slopes = self._objective.parameters(gradient)
            names = [name for name in slopes if moved[name].requires_grad]
            ends, weights = [moved[name] for name in names], [slopes[name] for name in names]
            pulled = torch.autograd.grad(ends, leaf, weights, allow_unused=True, materialize_grads=True)[0]
        return value, pulled.numpy()


@final
class UnrolledOnOrbit(OrbitFunction):
    """A function of the element that is differentiable as it stands, such as a lookahead that carries states along.

    Parameters
    ----------
    chart, tensors, maximize: as for every function on an orbit.
    function: coordinates -> a number.
    """

    def __init__(
        self,
        chart: Chart,
        tensors: Mapping[str, Tensor],
        function: Callable[[Tensor], Tensor],
        *,
        maximize: bool,
        has_slope: bool = True,
    ) -> None:
        super().__init__(chart, tensors, maximize=maximize)
        self._function = function
        self.has_slope = has_slope
        self.start_value = self.value(np.zeros(chart.dimension))

    def at(self, coordinates: Tensor) -> Tensor:
        """The function."""
        return self._function(coordinates)


@final
@dataclass(frozen=True, kw_only=True)
class FoundElement:
    """Where a search of an orbit ended.

    Parameters
    ----------
    coordinates: of the best element, shape (dimension,).
    value: the function there.
    status: why the search stopped.
    steps: accepted steps.
    evidence: what is reported beside, JSON-ready.
    """

    coordinates: FloatArray
    value: float
    status: Status
    steps: int
    evidence: Mapping[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How far a search may go.

    Parameters
    ----------
    radius: bound on every coordinate of log g.
    layer: bound on the factor by which the norm of a parameter may grow or shrink.
    steps: accepted steps at most.
    gain: factor of the function at which the search ends; None is none.
    """

    radius: float
    layer: float
    steps: int
    gain: float | None = None


def search_group(f: OrbitFunction, bounds: Bounds, *, rng: np.random.Generator) -> FoundElement:
    """The best element within the bounds: L-BFGS, or random directions where there are no derivatives.

    Parameters
    ----------
    f: the function on the orbit.
    bounds: of the search.
    rng: of random directions.
    """
    dimension = f.chart.dimension
    norms = {name: float(one.norm()) for name, one in f.tensors.items()}

    def admits(coordinates: FloatArray) -> bool:
        """Whether no parameter grows or shrinks too much."""
        return largest_factor(f, coordinates, norms) <= bounds.layer

    region = Region(radius=math.inf, abelian=True, admits=admits, box=bounds.radius)
    if f.is_logarithmic and not f.start_value > 0:
        reason = {"reason": "the gradient is zero, wherever an element leads"}
        start = np.zeros(dimension)
        return FoundElement(
            coordinates=start, value=f.start_value, status=Status.NO_IMPROVEMENT, steps=0, evidence=reason
        )
    if not f.has_slope:
        return _climb_by_values(f, region, bounds, rng)
    given: Any = f  # the ascent asks for a function on a group, which coordinates under addition are
    ascent = Ascent(given, region, element=np.zeros(dimension), coordinates=np.zeros(dimension))
    ascent.run(bounds.steps, gain=bounds.gain)
    status = ascent.status
    if status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    if status in (Status.CONVERGED, Status.MAX_STEPS) and _on_border(ascent.coordinates, bounds.radius):
        status = Status.TRUST_RADIUS
    return FoundElement(
        coordinates=np.asarray(ascent.element),
        value=ascent.value,
        status=status,
        steps=ascent.steps,
        evidence={"method": "L-BFGS in Lie algebra coordinates", "slope": _finite(ascent.slope)},
    )


def largest_factor(f: OrbitFunction, coordinates: FloatArray, norms: Mapping[str, float]) -> float:
    """The largest factor by which the norm of a tensor grows or shrinks; infinity where one is no longer finite."""
    with torch.no_grad():
        moved = f.chart.element(torch.from_numpy(coordinates)).changes(f.tensors)
    largest = 1.0
    for name, one in moved.items():
        before, after = norms[name], float(one.norm())
        if not math.isfinite(after):
            return math.inf
        if before > 0 and after > 0 and one.ndim >= 2:
            largest = max(largest, after / before, before / after)
    return largest


def _climb_by_values(f: OrbitFunction, region: Region, bounds: Bounds, rng: np.random.Generator) -> FoundElement:
    """Steps to and fro along random directions; each that is better is taken, and lengths adapt."""
    best, value, reach, steps = np.zeros(f.chart.dimension), f.start_value, bounds.radius / 2, 0
    for _ in range(bounds.steps):
        direction = rng.standard_normal(best.size)
        direction *= reach / (np.abs(direction).max() or 1.0)
        for sign in (1, -1):
            trial = best + region.inside(best, 0.0, sign * direction)
            reached = f.value(trial)
            if f.merit(reached) > f.merit(value) and region.admits(trial):
                best, value, steps = trial, reached, steps + 1
                reach = min(1.5 * reach, bounds.radius)
                break
        else:
            reach *= 0.7
    evidence = {"method": "random directions, values alone"}
    status = Status.TRUST_RADIUS if steps and _on_border(best, bounds.radius) else Status.MAX_STEPS
    return FoundElement(coordinates=best, value=value, status=status, steps=steps, evidence=evidence)


def _on_border(coordinates: FloatArray, radius: float) -> bool:
    """Whether a coordinate is as large as it may be."""
    return bool(coordinates.size and np.abs(coordinates).max() >= radius * (1 - 1e-9))


def _finite(value: float) -> float | None:
    """A number for JSON."""
    return value if math.isfinite(value) else None
