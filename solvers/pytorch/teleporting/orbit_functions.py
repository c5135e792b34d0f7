r"""Targets as functions on the symmetry group of a module, :math:`\xi \mapsto f(\exp(\xi)\cdot w)`.

Gradients at g.w are :math:`J^{-T}\nabla L(w)` where g keeps the function, so that their norm on the whole orbit comes
from one gradient, without the module; other targets are evaluated at the moved parameters and pulled back.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import final

import numpy as np
import torch
from torch import Tensor

from solvers.pytorch.objective import ModuleObjective
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.teleporting.carrying import Carrier
from solvers.pytorch.teleporting.chart import Chart
from solvers.target import Target
from symmetries.actions.parameter_space import FloatArray


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
        moved = self.moved(coordinates)
        self._objective.set_beside(_detached(moved))
        point = self._objective.vector(moved)
        return torch.tensor(self._target.value(self._objective, point), dtype=torch.float64)

    def value_and_slope(self, coordinates: FloatArray) -> tuple[float, FloatArray]:
        """The target, and its gradient times the derivatives of the moved parameters."""
        with torch.enable_grad():
            leaf = torch.from_numpy(coordinates.copy()).requires_grad_()
            moved = self.moved(leaf)
            self._objective.set_beside(_detached(moved))
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
    has_slope: whether derivatives go through it.
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


def _detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors without their graphs."""
    return {name: one.detach() for name, one in tensors.items()}
