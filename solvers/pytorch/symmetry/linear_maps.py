"""Invertible matrices that act on hidden spaces between linear maps."""

from __future__ import annotations

from typing import Literal, TypeAlias, final

import numpy as np
import torch
from torch import Tensor

from solvers.pytorch.symmetry.component import Component, Tensors, on_legs, working
from solvers.pytorch.symmetry.legs import Leg

Pair: TypeAlias = tuple[Tensor, Tensor]
"""A matrix g and its dual, the inverse transpose of g: kept together, so that inverses cost and lose nothing."""


@final
class LinearMaps(Component):
    r"""A matrix group on a space of size m, or one element for each of several copies of it (the heads of attention).

    An element is the pair :math:`(g, g^{-T})`, each of shape (\*copies, m, m).  Legs take copy axes first, then the
    axis of the space: :math:`T \mapsto gT` along it where the exponent is +1, :math:`T \mapsto g^{-T}T` where it is -1.

    Parameters
    ----------
    size: the dimension m.
    copies: number of independent elements along each copy axis.
    kind: ``GL``, all invertible matrices; ``O``, the orthogonal ones; ``algebra``, the invertible elements of the
        matrix algebra that ``basis`` spans, shape (d, m, m), closed under products.
    centred: for ``O``, whether only the maps take part that keep the vector of ones, or turn it round.
    upright: where ``centred``, whether they do not turn it round.
    label: how the group of one copy is printed, for algebras.

    >>> maps = LinearMaps("hidden", (Leg(tensor="w", shape=(2, 3), axes=(0,)),), size=2)
    >>> maps.group, maps.dimension
    ('GL(2)', 4)
    >>> double = maps.exponential(torch.tensor([2.0, 0.0, 0.0, 2.0]).log().nan_to_num(neginf=0.0))
    >>> maps.transform({"w": torch.ones(2, 3)}, double)["w"].round().tolist()
    [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
    """

    def __init__(
        self,
        name: str,
        legs: tuple[Leg, ...],
        *,
        size: int,
        copies: tuple[int, ...] = (),
        kind: Literal["GL", "O", "algebra"] = "GL",
        basis: Tensor | None = None,
        centred: bool = False,
        upright: bool = False,
        label: str = "",
    ) -> None:
        super().__init__(name, legs)
        self.size = size
        self.copies = copies
        self.kind = kind
        self.basis = basis
        self.centred = centred
        self.turns = centred and not upright
        self.rank = size - 1 if centred else size
        self.label = label or f"{kind}({self.rank})" + (" x {+-1}" if self.turns else "")

    @property
    def number(self) -> int:
        """Number of copies in all."""
        return int(np.prod(self.copies, dtype=int))

    @property
    def one_dimension(self) -> int:
        """Dimension of the group of one copy."""
        if self.basis is not None:
            return len(self.basis)
        return self.size**2 if self.kind == "GL" else self.rank * (self.rank - 1) // 2

    @property
    def group(self) -> str:
        """For instance ``GL(4)^2``: two copies of GL(4)."""
        label = f"({self.label})" if self.turns else self.label
        return self.label if self.number == 1 else f"{label}^{self.number}"

    @property
    def dimension(self) -> int:
        """The dimension of one copy times their number."""
        return self.number * self.one_dimension

    @property
    def discrete_order(self) -> int:
        """For each copy of GL or O two components, by the sign of the determinant, or four; one for algebras."""
        return 1 if self.kind == "algebra" else (4 if self.turns else 2) ** self.number

    def identity(self) -> Pair:
        """Unit matrices."""
        unit = torch.eye(self.size, dtype=torch.float64).expand(*self.copies, self.size, self.size)
        return unit, unit

    def generator(self, coordinates: Tensor) -> Tensor:
        r"""The matrices of the Lie algebra with the given coordinates, shape (\*copies, m, m)."""
        rows = coordinates.reshape(*self.copies, self.one_dimension)
        if self.kind == "GL":
            return rows.reshape(*self.copies, self.size, self.size)
        if self.basis is not None:
            return torch.tensordot(rows, self.basis.to(rows), dims=1)
        upper = torch.triu_indices(self.rank, self.rank, offset=1, device=rows.device)
        position = upper[0] * self.rank + upper[1]
        flat = torch.zeros(*self.copies, self.rank**2, dtype=rows.dtype, device=rows.device)
        above = flat.index_add(-1, position, rows).reshape(*self.copies, self.rank, self.rank)
        return self._spread(above - above.mT)

    def _spread(self, turned: Tensor) -> Tensor:
        """Skew matrices of the rank as such of the size, that take the vector of ones to zero where ``centred``."""
        free = self.axes(turned)[:, self.size - self.rank :]
        return free @ turned @ free.mT if self.centred else turned

    def axes(self, like: Tensor) -> Tensor:
        """An orthonormal basis, in columns, of which the group mixes the last ``rank``, and turns round the others.

        Where ``centred`` it is the reflection that exchanges the first unit vector with the normalised vector of ones.
        """
        unit = torch.eye(self.size, dtype=like.dtype, device=like.device)
        if not self.centred:
            return unit
        normal = torch.full((self.size,), self.size**-0.5, dtype=like.dtype, device=like.device)
        normal[0] -= 1
        return unit - 2 * torch.outer(normal, normal) / normal.dot(normal).clamp_min(1e-300)

    def nearest(self, matrix: Tensor) -> Pair:
        r"""The element next to matrices of shape (\*copies, m, m) among orthogonal ones, by polar factors."""
        axes, fixed = self.axes(matrix), self.size - self.rank
        inside = axes.mT @ matrix @ axes
        left, _, right = torch.linalg.svd(inside[..., fixed:, fixed:])
        found = torch.zeros_like(inside)
        found[..., fixed:, fixed:] = left @ right
        turned = (inside[..., :fixed, :fixed] < 0) & self.turns
        found[..., :fixed, :fixed] = torch.where(turned, -1.0, 1.0)
        return (axes @ found @ axes.mT,) * 2

    def reflection(self, signs: Tensor) -> Pair:
        r"""The orthogonal element that turns axes round, by signs of shape (\*copies, m); others stay as they are."""
        if not self.turns:
            signs = torch.cat([signs[..., : self.size - self.rank].abs(), signs[..., self.size - self.rank :]], -1)
        axes = self.axes(signs)
        return (axes @ torch.diag_embed(signs) @ axes.mT,) * 2

    def exponential(self, coordinates: Tensor) -> Pair:
        """The matrix exponential of the generator, and of minus its transpose.

        The library's exponential is good to 1e-12 at some norms only; one Newton step makes the pair dual to rounding,
        on which it rests that functions stay.
        """
        generator = self.generator(coordinates)
        unit = torch.eye(self.size, dtype=generator.dtype, device=generator.device)
        matrix = torch.linalg.matrix_exp(generator)
        if self.kind == "O":
            matrix = matrix @ (1.5 * unit - 0.5 * matrix.mT @ matrix)
            return matrix, matrix
        dual = torch.linalg.matrix_exp(-generator.mT)
        return matrix, dual @ (2 * unit - matrix.mT @ dual)

    def of_matrix(self, matrix: Tensor) -> Pair:
        r"""The element of invertible matrices, shape (\*copies, m, m)."""
        return matrix, torch.linalg.inv(matrix).mT

    def inverse(self, value: Pair) -> Pair:
        """The transposes of the dual and of the matrix."""
        return value[1].mT, value[0].mT

    def compose(self, left: Pair, right: Pair) -> Pair:
        """The product of the matrices, and of the duals."""
        return left[0] @ right[0], left[1] @ right[1]

    def random(self, rng: np.random.Generator, *, scale: float) -> Pair:
        """The exponential of Gaussian generators whose Frobenius norms are uniform below ``scale``."""
        rows = torch.from_numpy(rng.standard_normal((*self.copies, self.one_dimension)))
        if not rows.numel():
            return self.identity()
        generator = self.generator(rows)
        norms = torch.linalg.matrix_norm(generator)[..., None].clamp_min(1e-300)
        size = torch.from_numpy(scale * rng.uniform(size=(*self.copies, 1)))
        return self.exponential(rows / norms * size)

    def transform(self, tensors: Tensors, value: Pair) -> dict[str, Tensor]:
        """Products along the axis of each leg."""

        def act(leg: Leg, front: Tensor) -> Tensor:
            """The product along one leg."""
            matrix = working(value[0] if leg.exponent > 0 else value[1], front)
            columns = front.reshape(*self.copies, self.size, -1).to(matrix.dtype)
            return (matrix @ columns).reshape(front.shape)

        return on_legs(tensors, self.legs, act)
