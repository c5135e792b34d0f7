"""Transported sections of parameters, as long as they lead to the parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from manifolds.homogeneous import Homogeneous
from manifolds.space import Space
from manifolds.transport import dense_section, frame


def section_matrix(space: Homogeneous, points: Tensor) -> Tensor:
    """The closed section as a matrix, where none was carried along.

    >>> from manifolds.spaces import Stiefel
    >>> section_matrix(Stiefel(2, 1, section="transported"), torch.tensor([[0.0], [1.0]]))
    tensor([[ 0., -1.],
            [ 1.,  0.]])
    """
    matrix: Tensor = dense_section(space.form, points).matrix
    return matrix


def current_sections(space: Space, points: Tensor, carried: Tensor) -> Tensor:
    """The sections that were carried along, and new ones for points that were written by someone else since.

    >>> from manifolds.spaces import Stiefel
    >>> one, other = torch.eye(2), torch.tensor([[0.0], [1.0]])
    >>> current_sections(Stiefel(2, 1, section="transported"), other, one)
    tensor([[ 0., -1.],
            [ 1.,  0.]])
    """
    if not isinstance(space, Homogeneous):
        return carried
    apart = (carried @ frame(space.form, points) - points).abs().amax((-2, -1), keepdim=True)
    near = 64 * torch.finfo(points.dtype).eps * carried.abs().amax((-2, -1), keepdim=True)
    same = apart <= near
    if points.device.type == "cpu" and bool(same.all()):
        return carried
    return torch.where(same, carried, section_matrix(space, points))
