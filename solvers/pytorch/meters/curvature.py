"""Curvature of the orbit through a module's parameters: how much the curves of its group bend."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch

from manifolds.errors import InputError
from solvers.cost import Cost
from solvers.pytorch.meters.curve_derivatives import (
    Curve,
    Derivatives,
    derivatives_by_differences,
    derivatives_in_time,
)
from solvers.pytorch.meters.estimate import Estimate, read_samples
from solvers.pytorch.meters.failing_layer import REFUSALS
from solvers.pytorch.meters.flat import FlatParameters, Parameters
from solvers.pytorch.meters.hessian_products import first_line
from symmetries.arguments import read_seed

Generator = Any
"""An element of the Lie algebra in the form that the curve takes: a tensor, or a tuple of tensors."""


@final
@dataclass(frozen=True, kw_only=True)
class CurveCurvature:
    r"""Curvature :math:`\kappa` of one curve, in 1/length, and its slope :math:`d\kappa/dt` in the curve's time.

    Parameters
    ----------
    value: the curvature.
    slope: its derivative in t; at a curvature of zero, which is the least value, from the right.
    speed: the length of the velocity.
    method: how the derivatives were taken.
    """

    value: float
    slope: float
    speed: float
    method: str


def curvature(
    orbit: Any,
    parameters: Mapping[str, torch.Tensor],
    *,
    shape: Any = None,
    elements: int = 16,
    rng: Any = 0,
) -> Estimate:
    r"""The mean curvature :math:`\psi(w) = \operatorname{E}_M\,\kappa(\gamma_M)`, :math:`\gamma_M(t) = \exp(tM).w`.

    .. math:: \kappa = \sqrt{|\gamma'|^2|\gamma''|^2 - (\gamma'\cdot\gamma'')^2}\;/\;|\gamma'|^3 \text{ at } t = 0

    over random elements M, uniform on the unit sphere of the Frobenius norm.  Derivatives in t are by nested forward
    mode; where an operation of the curve has none, from values of the curve near t = 0, and the evidence says so.

    Parameters
    ----------
    orbit: a function ``curve(parameters, M, t)`` that gives the parameters at the time t, or a symmetry of a module
        with ``coordinates`` and ``transformed(parameters, coordinates)``, whose coordinates are then the entries of M.
    parameters: tensors by name.
    shape: of the matrix M, or a list of shapes of several; only for a function.
    elements: how many random elements.
    rng: their seed.

    Raises
    ------
    InputError: the group is trivial, an element does not move the parameters, the curve is not finite.

    >>> def turned(parameters, M, t):
    ...     return {"w": torch.linalg.matrix_exp(t * (M - M.T)) @ parameters["w"]}
    >>> point = {"w": torch.tensor([3.0, 4.0], dtype=torch.float64)}
    >>> round(curvature(turned, point, shape=(2, 2), elements=3).value, 12)
    0.2

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
    (2023), arXiv:2305.13404, section 4.2.
    """
    began = time.perf_counter()
    target = CurvatureTarget(orbit, parameters, shape=shape, elements=elements, rng=rng)
    values, methods = [], []
    for element in target.elements:
        found, method = _derivatives(target.curve, parameters, element, order=2)
        values.append(_bend(*found[:2])[0])
        methods.append(method)
    method = max(methods, key=lambda one: one != FORWARD)
    cost = Cost(seconds=time.perf_counter() - began)
    return Estimate.of(
        torch.tensor(values, dtype=torch.float64),
        cost=cost,
        evidence={"derivatives": method, "coordinates": target.dimension},
    )


FORWARD = "nested forward mode"


def curve_curvature(curve: Curve, parameters: Mapping[str, torch.Tensor], generator: Generator) -> CurveCurvature:
    r"""Curvature of one curve at t = 0, and its derivative in t.

    Parameters
    ----------
    curve: function of parameters, generator and a time, a tensor of shape ().
    parameters: tensors by name.
    generator: what the curve takes as its second argument.

    Raises
    ------
    InputError: the curve does not move the parameters, or is not finite.

    >>> def ellipse(parameters, M, t):
    ...     return {"x": 2 * torch.cos(t), "y": torch.sin(t)}
    >>> found = curve_curvature(ellipse, {"x": torch.tensor(2.0), "y": torch.tensor(0.0)}, None)
    >>> found.value, abs(round(found.slope, 6))  # a vertex: a / b^2
    (2.0, 0.0)
    """
    (velocity, acceleration, jerk), method = _derivatives(curve, parameters, generator, order=3)
    value, across, along = _bend(velocity, acceleration)
    square, length = float(velocity @ velocity), float(across.norm())
    if length > 0:
        slope = (float(across @ jerk) / length - 3 * along * length) / square
    else:
        slope = float((jerk - (velocity @ jerk) / square * velocity).norm()) / square
    return CurveCurvature(value=value, slope=slope, speed=square**0.5, method=method)


def _derivatives(
    curve: Curve, parameters: Mapping[str, torch.Tensor], generator: Generator, *, order: int
) -> tuple[Derivatives, str]:
    """The derivatives of a curve in double precision, and how they were taken."""
    flat = FlatParameters(parameters)
    held = {name: one.detach() for name, one in parameters.items()}
    start = flat.join(held)

    def path(t: torch.Tensor) -> torch.Tensor:
        """The parameters at a time, as one vector."""
        return flat.join({**held, **curve(held, generator, t)})

    method = FORWARD
    try:
        found = derivatives_in_time(path, start, order=order)
    except (torch.OutOfMemoryError, InputError):
        raise
    except REFUSALS as error:
        found = derivatives_by_differences(path, start)
        method = f"from values of the curve, since forward mode fails: {first_line(error)}"
    if not all(bool(torch.isfinite(one).all()) for one in found):
        raise InputError(
            "a curve of the group is not finite",
            why="its derivatives overflow or are NaN at the parameters",
            cure="check the parameters, and the domain of the action",
        )
    return tuple(one.detach().to(torch.float64) for one in found), method


def _bend(velocity: torch.Tensor, acceleration: torch.Tensor) -> tuple[float, torch.Tensor, float]:
    """Curvature, the part of the acceleration across the velocity, and the coefficient of the part along it."""
    square = float(velocity @ velocity)
    if square == 0:
        raise InputError(
            "an element of the Lie algebra does not move the parameters",
            why="a curve that stands still has no curvature",
            cure="take other parameters, or elements that act on them",
        )
    along = float(velocity @ acceleration) / square
    across = acceleration - along * velocity
    return float(across.norm()) / square, across, along


@final
class CurvatureTarget:
    """Mean curvature as a function of parameters: the same random elements at all of them.

    Parameters
    ----------
    orbit, parameters, shape, elements, rng: as for :func:`curvature`; the parameters give names, types and device.

    Raises
    ------
    InputError: the group is trivial, or there is no shape for a function.

    >>> def scaled(parameters, M, t):
    ...     return {"u": torch.exp(M * t) @ parameters["u"], "v": parameters["v"] @ torch.exp(-M * t)}
    >>> point = {"u": torch.ones(1, 1, dtype=torch.float64), "v": torch.ones(1, 1, dtype=torch.float64)}
    >>> target = CurvatureTarget(scaled, point, shape=(1, 1), elements=1)  # of the hyperbola u v = 1, at its vertex
    >>> value, gradient = target.value_and_gradient(point)
    >>> round(float(value), 12), round(float(gradient["u"]), 12)
    (0.707106781187, -0.353553390593)
    """

    name = "curvature"

    def __init__(
        self,
        orbit: Any,
        parameters: Mapping[str, torch.Tensor],
        *,
        shape: Any = None,
        elements: int = 16,
        rng: Any = 0,
    ) -> None:
        count = read_samples(elements, name="elements", example=16)
        if not parameters:
            raise InputError("there are no parameters", why="nothing moves along the curves", cure="give some by name")
        self._flat = FlatParameters(parameters)
        self.curve, shapes, self._single = _read_orbit(orbit, shape)
        self.dimension = sum(torch.Size(one).numel() for one in shapes)
        if not self.dimension:
            raise InputError(
                "the group is trivial",
                why="it has no one-parameter subgroup whose curve could bend",
                cure="take a module with symmetries of positive dimension",
            )
        generator = torch.Generator().manual_seed(read_seed(rng))
        self.elements = [self._element(shapes, generator) for _ in range(count)]

    def __call__(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The mean curvature; differentiable in the parameters, also under the transformations of torch.func."""
        start = self._flat.join(parameters)
        values = []
        for element in self.elements:

            def path(t: torch.Tensor, element: Generator = element) -> torch.Tensor:
                """The parameters at a time, as one vector."""
                return self._flat.join({**parameters, **self.curve(dict(parameters), element, t)})

            velocity, acceleration = derivatives_in_time(path, start, order=2)
            square = velocity @ velocity
            across = acceleration - (velocity @ acceleration) / square * velocity
            values.append(across.norm() / square)
        return torch.stack(values).mean()

    def value_and_gradient(self, parameters: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, Parameters]:
        """The value and its gradient by name."""
        with torch.enable_grad():
            leaves = {name: one.detach().requires_grad_() for name, one in parameters.items()}
            value = self(leaves)
            slopes = torch.autograd.grad(value, list(leaves.values()), allow_unused=True, materialize_grads=True)
        return value.detach(), dict(zip(leaves, slopes, strict=True))

    def _element(self, shapes: Sequence[Sequence[int]], generator: torch.Generator) -> Generator:
        """A random element of unit Frobenius norm."""
        parts = [torch.randn(tuple(one), generator=generator, dtype=torch.float64) for one in shapes]
        norm = torch.sqrt(sum((part.square().sum() for part in parts), torch.zeros((), dtype=torch.float64)))
        moved = tuple((part / norm).to(self._flat.device, self._flat.dtype) for part in parts)
        return moved[0] if self._single else moved


def _read_orbit(orbit: Any, shape: Any) -> tuple[Curve, list[tuple[int, ...]], bool]:
    """The curve, the shapes of a generator, and whether it is a single tensor."""
    if hasattr(orbit, "transformed") and hasattr(orbit, "coordinates"):

        def along(parameters: Parameters, element: torch.Tensor, t: torch.Tensor) -> Mapping[str, torch.Tensor]:
            """The parameters at a time along an element."""
            return orbit.transformed(parameters, t * element)

        return along, [(int(orbit.coordinates),)], True
    if not callable(orbit) or shape is None:
        raise InputError(
            f"an orbit of the type {type(orbit).__name__}, shape={shape!r}",
            why="it is neither a symmetry of a module nor a curve with the shape of its generators",
            cure="give symmetries_of(module, inputs), or a function of (parameters, M, t) and shape=(16, 16)",
        )
    if isinstance(shape, Sequence) and any(isinstance(one, Sequence) for one in shape):
        return orbit, [tuple(int(k) for k in one) for one in shape], False
    return orbit, [tuple(int(k) for k in shape)], True
