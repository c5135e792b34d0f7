"""Parameters of modules that carry their space."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from manifolds.errors import InputError
from manifolds.space import Space
from solvers.pytorch.layouts import working_type


@final
class ManifoldParameter(torch.nn.Parameter):
    r"""A parameter of a module that is a point of a space, or a batch of points along its leading axes.

    `ManifoldOptimizer` moves it on its space; for every other purpose it is an ordinary parameter.

    Parameters
    ----------
    data : Tensor
        Its last axes have the shape of the space.
    space : Space
    requires_grad : bool
    project : bool
        Whether to take the point of the space near `data`, rather than to refuse what is not on it.

    Raises
    ------
    InputError
        If `data` has another shape or is not on the space.

    Examples
    --------
    >>> from manifolds.spaces import Stiefel
    >>> weight = ManifoldParameter(torch.ones(4, 1), Stiefel(4, 1), project=True)
    >>> weight.detach().T, weight.space
    (tensor([[0.5000, 0.5000, 0.5000, 0.5000]]), Stiefel(4, 1))
    """

    space: Space

    def __new__(
        cls, data: Tensor, space: Space, requires_grad: bool = True, *, project: bool = False
    ) -> ManifoldParameter:
        """The parameter, after a look at the point."""
        if not isinstance(data, Tensor):
            raise InputError(
                f"the parameter is {type(data).__name__}", why="a parameter is a tensor", cure="give torch.tensor(...)"
            )
        data = placed(data.detach(), space, project=project, name="the parameter")
        made = torch.Tensor._make_subclass(cls, data, requires_grad)
        made.space = space
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> ManifoldParameter:
        """A copy on the same space."""
        if id(self) not in memo:
            memo[id(self)] = _rebuilt(self.detach().clone(), self.space, self.requires_grad)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Data, space and whether gradients are wanted, for pickle."""
        return _rebuilt, (self.detach(), self.space, self.requires_grad)


def _rebuilt(data: Tensor, space: Space, requires_grad: bool) -> ManifoldParameter:
    """A parameter as it was, without a look at the point."""
    made = torch.Tensor._make_subclass(ManifoldParameter, data, requires_grad)
    made.space = space
    return made


def space_of(param: Tensor, space: Space | None) -> Space | None:
    """The space of a parameter: its own, or that of its group."""
    return getattr(param, "space", None) if space is None else space


def placed(data: Tensor, space: Space, *, project: bool, name: str) -> Tensor:
    """A tensor that is on a space, or made so.

    Half-precision numbers are looked at in single precision.

    Parameters
    ----------
    data : Tensor
    space : Space
    project : bool
        Whether to return the point of the space near it.
    name : str
        What it is called in messages.

    Raises
    ------
    InputError
        If its shape is another one, or it is not on the space.

    Examples
    --------
    >>> from manifolds.spaces import Stiefel
    >>> placed(torch.tensor([[1.0], [1.0]]), Stiefel(2, 1), project=False, name="the parameter 0 of group 0")
    Traceback (most recent call last):
    ...
    manifolds.errors.InputError: the parameter 0 of group 0 is not on Stiefel(2, 1): its error |Y* Y - I| is 1.0e+00
      why: steps start from the point that it should be, and stay on the space from there
      try: give project=True, which takes the point next to it, or space.project(Y), or space.random(rng)
    """
    if not isinstance(space, Space):
        raise InputError(
            f"the space of {name} is {space!r}",
            why="it is no space",
            cure="give a space of `manifolds`, such as Stiefel(49, 7)",
        )
    if isinstance(space.shape, dict):
        raise InputError(
            f"the space of {name} is {space.name}",
            why="a parameter is one tensor, and a point of a product is several",
            cure="give each factor its own group of parameters",
        )
    wide = data.to(working_type(data.dtype))
    narrow = float(torch.finfo(data.dtype).eps) if data.dtype.is_floating_point or data.dtype.is_complex else 0.0
    if _fits(wide, space, name) and space.belongs(wide, narrow**0.5):
        return space.project(wide).to(data.dtype) if project else data
    if not torch.isfinite(wide).all():
        raise InputError(
            f"{name} is not finite", why="a point has finite entries", cure="look where it was initialised"
        )
    if project:
        return space.project(wide).to(data.dtype)
    raise InputError(
        f"{name} is not on {space.name}: its error |Y* Y - I| is {float(space.error(wide).max()):.1e}",
        why="steps start from the point that it should be, and stay on the space from there",
        cure="give project=True, which takes the point next to it, or space.project(Y), or space.random(rng)",
    )


def _fits(data: Tensor, space: Space, name: str) -> bool:
    """Whether the shape and the field are those of the space; an error says what differs.

    Raises
    ------
    InputError
        If one differs.
    """
    shape, own = tuple(space.shape), tuple(data.shape)
    if own[len(own) - len(shape) :] != shape or len(own) < len(shape):
        turned = len(shape) == 2 and own[-2:] == shape[::-1]
        raise InputError(
            f"{name} has the shape {own}",
            why=f"a point of {space.name} has the shape {shape}, after any number of leading axes"
            + ("; this is the shape of its transpose" if turned else ""),
            cure="keep the transpose as the parameter, and transpose it where it is used"
            if turned
            else f"give a tensor of shape {shape}, or the space of its shape",
        )
    wanted = getattr(space, "field", "real")
    if data.is_complex() != (wanted == "complex"):
        raise InputError(
            f"{name} has entries of type {data.dtype}",
            why=f"{space.name} is made of {wanted} numbers",
            cure='write field="complex" in the space of complex parameters, and only there',
        )
    return True
