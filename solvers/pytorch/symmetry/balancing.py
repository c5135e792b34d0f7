r"""The representative of least norm on an orbit of the symmetry group of a module.

A scaling s of a unit gives :math:`s^2A + s^{-2}B`, least at :math:`s = (B/A)^{1/4}`; an invertible matrix g between two
linear maps gives :math:`\operatorname{tr}(PM) + \operatorname{tr}(P^{-1}N)` with :math:`P = g^Tg`, least at the
geometric mean of :math:`M^{-1}` and N; a translation gives a least squares problem.  Each is solved in closed form,
one component after the other, until nothing moves: the norm is convex along the orbit, so that this is the minimum.

Source: G. Kempf, L. Ness, "The length of vectors in representation spaces" (1979); P. Stock, B. Graham, R. Gribonval,
H. Jegou, "Equi-normalization of neural networks" (2019), arXiv:1902.10416.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal, final

import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.pytorch.symmetry.component import Component, Tensors, Value
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.finder import group_of
from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.symmetry.scalings import Scalings
from solvers.pytorch.symmetry.shifts import Shifts

Of = Literal["parameters", "gradient"]

RANK_TOLERANCE = 1e-10
"""Eigenvalues below this fraction of the largest count as zero: the minimum is then not attained."""


@final
@dataclass(frozen=True, kw_only=True)
class Balance:
    """What balancing did.

    Parameters
    ----------
    element: that was applied.
    norm_before, norm_after: square roots of the sums of squares, of the parameters or of the gradient.
    sweeps: passes over all components.
    converged: whether the last pass left the tensors as they were, up to the tolerance.
    skipped: components without a closed form, or whose minimum is not attained, with the reason.
    """

    element: Element
    norm_before: float
    norm_after: float
    sweeps: int
    converged: bool
    skipped: Mapping[str, str]


def balance(
    model: nn.Module,
    example_inputs: Any = None,
    *,
    symmetry: ModuleSymmetry | None = None,
    of: Of = "parameters",
    gradient: Tensors | None = None,
    sweeps: int = 200,
    tolerance: float = 1e-12,
) -> Balance:
    r"""Move a module, in place, to the point of its orbit where the parameters, or the gradient, have the least norm.

    Parameters
    ----------
    model: whose parameters move; its function stays as it is.
    example_inputs: from which its symmetry group is found, as :func:`~solvers.pytorch.symmetries_of` takes them; or
    symmetry: the group, where it is known already.
    of: whose norm is made least, ``parameters`` or ``gradient``.
    gradient: of the loss by parameter name; by default what ``parameter.grad`` holds.
    sweeps: largest number of passes over the components.
    tolerance: change of the tensors in one pass, relative to their norm, below which it has converged.

    Raises
    ------
    InputError: there are no inputs and no group, or a gradient is missing.

    >>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False))
    >>> with torch.no_grad():
    ...     _ = net[0].weight.fill_(8.0), net[2].weight.fill_(2.0)
    >>> _ = balance(net, torch.ones(2, 1))
    >>> round(net[0].weight.item(), 6), round(net[2].weight.item(), 6)
    (4.0, 4.0)
    """
    symmetry = group_of(model, example_inputs, symmetry)
    tensors = _starting(model, symmetry, of, gradient)
    counted = tuple(name for name in tensors if name in dict(model.named_parameters()))
    result = least_norm(symmetry, tensors, counted=counted, of=of, sweeps=sweeps, tolerance=tolerance)
    symmetry.apply_(result.element)
    return result


def least_norm(
    symmetry: ModuleSymmetry,
    tensors: Tensors,
    *,
    counted: tuple[str, ...],
    of: Of = "parameters",
    sweeps: int = 200,
    tolerance: float = 1e-12,
) -> Balance:
    """The element that moves given tensors to the point of least norm of their orbit; nothing is changed.

    Parameters
    ----------
    symmetry: the group.
    tensors: in double precision, by name.
    counted: names of those whose norm counts.
    of, sweeps, tolerance: as in :func:`balance`.
    """
    components = [_acting(component, of) for component in symmetry.components if component.dimension]
    factors: list[tuple[Component, Value]] = []
    skipped: dict[str, str] = {}
    before = _square(tensors, counted)
    done, count = before == 0.0, 0
    while not done and count < sweeps:
        count, start = count + 1, tensors
        for own, acting in components:
            step = _step(acting, tensors, counted, of)
            if isinstance(step, str):
                skipped[own.name] = step
                continue
            tensors = {**tensors, **acting.transform(tensors, step)}
            factors.insert(0, (own, step))
        step_square = sum(float((tensors[name] - start[name]).square().sum()) for name in counted)
        done = step_square <= tolerance**2 * _square(tensors, counted)
    return Balance(
        element=Element(tuple(factors)),
        norm_before=before**0.5,
        norm_after=_square(tensors, counted) ** 0.5,
        sweeps=count,
        converged=done,
        skipped=skipped,
    )


def _starting(model: nn.Module, symmetry: ModuleSymmetry, of: Of, gradient: Tensors | None) -> dict[str, Tensor]:
    """The parameters, with the buffers that move, or the gradient, in double precision."""
    named = dict(model.named_parameters())
    if of == "parameters":
        source: dict[str, Tensor] = named | symmetry.tensors()
    elif of == "gradient":
        given = gradient if gradient is not None else {name: one.grad for name, one in named.items()}
        missing = [name for name in symmetry.tensor_names if name in named and given.get(name) is None]
        if missing:
            raise InputError(
                f"the gradient of {missing[0]!r} is missing",
                why="the gradient of least norm is found from the gradient",
                cure="call `backward` before, or give `gradient={name: tensor}`",
            )
        source = {name: tensor for name, tensor in given.items() if tensor is not None}
    else:
        raise InputError(f"of={of!r}", why="there is no such norm", cure="use 'parameters' or 'gradient'")
    return {name: tensor.detach().to(torch.float64) for name, tensor in source.items() if tensor.is_floating_point()}


def _acting(component: Component, of: Of) -> tuple[Component, Component]:
    """A component, and the same as it acts on what is balanced: gradients follow the duals, and have no buffers."""
    if of == "parameters" or isinstance(component, Shifts):
        return component, component
    dual = copy(component)
    dual.legs = tuple(replace(leg, exponent=-leg.exponent) for leg in component.legs)
    return component, dual


def _square(tensors: Tensors, counted: tuple[str, ...]) -> float:
    """The sum of the squares of the tensors that count."""
    return float(sum(tensors[name].square().sum() for name in counted))


def _step(component: Component, tensors: Tensors, counted: tuple[str, ...], of: Of) -> Value | str:
    """The element of one component that makes the norm least, or why there is none."""
    legs = tuple(leg for leg in component.legs if leg.tensor in counted)
    if isinstance(component, Scalings):
        return _scaling(component, legs, tensors)
    if isinstance(component, LinearMaps) and component.kind == "GL":
        return _matrices(component, legs, tensors)
    if of == "gradient" and isinstance(component, Shifts):
        return "a translation adds gradients of biases to those of weights, which has no closed form of least norm"
    if any(leg.frame for leg in component.legs):
        return "maps in the frames of weights have no closed form of least norm"
    if isinstance(component, LinearMaps) and component.kind == "O":
        return "rotations keep the norm"
    if isinstance(component, Shifts) and len(component.tensors) == len(component.flows):
        return _translation(component, tensors, counted)
    return _general(component, tensors, counted)


def _scaling(component: Scalings, legs: tuple[Leg, ...], tensors: Tensors) -> Value | str:
    r"""The logarithm of :math:`s = (B/A)^{1/4}`, by Newton steps where exponents are others than one and minus one."""
    squares: dict[int, Tensor] = {}
    for leg in legs:
        rows = leg.front(tensors[leg.tensor]).square().reshape(*component.shape, -1).sum(-1)
        squares[leg.exponent] = squares.get(leg.exponent, torch.zeros_like(rows)) + rows
    growing = sum((rows for power, rows in squares.items() if power > 0), torch.zeros(component.shape))
    falling = sum((rows for power, rows in squares.items() if power < 0), torch.zeros(component.shape))
    if bool((growing <= 0).any() or (falling <= 0).any()):
        return "a unit has no weights on one side, so that no scaling of least norm exists"
    if set(squares) == {1, -1}:
        return (falling / growing).log() / 4
    logarithm = torch.zeros(component.shape, dtype=torch.float64)
    powers = torch.tensor(list(squares), dtype=torch.float64).reshape(-1, *[1] * logarithm.ndim)
    for _ in range(50):
        terms = torch.stack(list(squares.values())) * torch.exp(2 * powers * logarithm)
        slope, bend = (2 * powers * terms).sum(0), (4 * powers.square() * terms).sum(0)
        logarithm = logarithm - (slope / bend).clamp(-1.0, 1.0)
    return logarithm


def _matrices(component: LinearMaps, legs: tuple[Leg, ...], tensors: Tensors) -> Value | str:
    r"""The square root of the geometric mean of :math:`M^{-1}` and N."""
    sides = {}
    for sign in (1, -1):
        total = torch.zeros(*component.copies, component.size, component.size, dtype=torch.float64)
        for leg in legs:
            if leg.exponent == sign:
                rows = leg.front(tensors[leg.tensor]).reshape(*component.copies, component.size, -1)
                total = total + rows @ rows.mT
        values = torch.linalg.eigvalsh(total)
        if bool((values[..., 0] <= RANK_TOLERANCE * values[..., -1]).any()):
            return "the weights on one side do not have full rank, so that no element of least norm exists"
        sides[sign] = total
    root = _power(sides[1], 0.5)
    back = _power(sides[1], -0.5)
    mean = back @ _power(root @ sides[-1] @ root, 0.5) @ back
    return component.of_matrix(_power(mean, 0.5))


def _translation(component: Shifts, tensors: Tensors, counted: tuple[str, ...]) -> Value:
    """The solution of a least squares problem."""
    basis = torch.eye(component.size, dtype=torch.float64) if component.basis is None else component.basis.double()
    normal, right = (
        torch.zeros(len(basis), len(basis), dtype=torch.float64),
        torch.zeros(len(basis), dtype=torch.float64),
    )
    for flow in component.flows:
        if flow.target.tensor in counted:
            response = flow.matrix(tensors, basis)
            rows = flow.target.front(tensors[flow.target.tensor]).reshape(response.shape[1], -1)
            multiples = flow.multiples(tensors, response).expand(rows.shape[1])
            normal = normal + multiples.square().sum() * response @ response.mT
            right = right - response @ (rows @ multiples)
    return component.exponential(torch.linalg.lstsq(normal, right, driver="gelsd").solution)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of positive definite matrices."""
    values, vectors = torch.linalg.eigh((matrix + matrix.mT) / 2)
    return (vectors * values[..., None, :].pow(exponent)) @ vectors.mT


def _general(component: Component, tensors: Tensors, counted: tuple[str, ...]) -> Value | str:
    """The minimum over the Lie algebra coordinates of one component by L-BFGS."""
    names = [name for name in component.tensors if name in counted]
    coordinates = torch.zeros(component.dimension, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS(
        [coordinates], max_iter=100, tolerance_grad=1e-12, tolerance_change=1e-15, line_search_fn="strong_wolfe"
    )

    def evaluate() -> Tensor:
        """The sum of the squares of what counts, with its gradient."""
        search.zero_grad()
        moved = component.transform(tensors, component.exponential(coordinates))
        size = torch.stack([moved[name].square().sum() for name in names]).sum()
        size.backward()
        return size

    if not names:
        return "it moves no parameter"
    with torch.enable_grad():
        search.step(evaluate)
    found = coordinates.detach()
    if not bool(torch.isfinite(found).all()):
        return "the search for the least norm left the finite numbers"
    return component.exponential(found)
