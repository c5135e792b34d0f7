"""Lanczos' recurrence with full reorthogonalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import torch

Product = Callable[[torch.Tensor], torch.Tensor]
Draw = Callable[[], torch.Tensor]


@final
@dataclass
class Krylov:
    r"""An orthonormal basis :math:`Q` with :math:`HQ = QT + \beta q e^{\mathsf T}`, T tridiagonal, grown step by step.

    When the space is invariant (:math:`\beta = 0`) it goes on with a new random vector across it, so that eigenvalues
    of higher multiplicity and eigenvectors across the start are found as well.

    Parameters
    ----------
    product: the product of a symmetric matrix with a vector.
    draw: a random vector.

    >>> matrix = torch.diag(torch.tensor([3.0, 1.0, 1.0], dtype=torch.float64))
    >>> generator = torch.Generator().manual_seed(0)
    >>> krylov = Krylov(matrix.mv, lambda: torch.randn(3, generator=generator, dtype=torch.float64))
    >>> for _ in range(3): krylov.step()
    >>> krylov.ritz()[0].numpy().round(12).tolist()
    [1.0, 1.0, 3.0]

    Source: C. Lanczos (1950); B. N. Parlett, "The Symmetric Eigenvalue Problem" (1998), chapter 13.
    """

    product: Product
    draw: Draw
    basis: list[torch.Tensor] = field(default_factory=list, init=False)
    diagonal: list[float] = field(default_factory=list, init=False)
    beside: list[float] = field(default_factory=list, init=False)
    following: torch.Tensor | None = field(default=None, init=False)

    def step(self) -> None:
        """One more vector and one more product."""
        vector = self.following if self.following is not None else self._fresh()
        image = self.product(vector)
        self.basis.append(vector)
        self.diagonal.append(float(vector @ image))
        size = float(image.norm())
        rest = self._across(self._across(image))
        length = float(rest.norm())
        scale = max([size, *map(abs, self.diagonal), *self.beside])
        if length > 10 * torch.finfo(vector.dtype).eps * scale * len(vector) ** 0.5:
            self.beside.append(length)
            self.following = rest / length
        else:
            self.beside.append(0.0)
            self.following = None

    def ritz(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Ritz values in ascending order, their vectors in the basis, and bounds of their residuals."""
        count = len(self.diagonal)
        inner = torch.tensor(self.beside[: count - 1], dtype=torch.float64)
        matrix = torch.diag(torch.tensor(self.diagonal, dtype=torch.float64))
        values, vectors = torch.linalg.eigh(matrix + torch.diag(inner, 1) + torch.diag(inner, -1))
        return values, vectors, self.beside[-1] * vectors[-1].abs()

    def lifted(self, coefficients: torch.Tensor) -> torch.Tensor:
        """The vector with these coefficients in the basis."""
        return coefficients.to(self.basis[0].device, self.basis[0].dtype) @ torch.stack(self.basis)

    def _fresh(self) -> torch.Tensor:
        """A unit vector across the basis."""
        vector = self.draw()
        vector = self._across(self._across(vector / vector.norm()))
        return vector / vector.norm()

    def _across(self, vector: torch.Tensor) -> torch.Tensor:
        """The part of a vector across the basis."""
        if not self.basis:
            return vector
        rows = torch.stack(self.basis)
        return vector - rows.T @ (rows @ vector)
