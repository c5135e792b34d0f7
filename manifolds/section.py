"""What a section does to tall matrices, and the section that is a block reflection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from manifolds.array_api import Array, copied, namespace
from manifolds.form import Form


class Section(ABC):
    """An element of the group, by what it does to matrices with as many rows."""

    @abstractmethod
    def apply(self, V: Array) -> Array:
        """The section times V; V may be overwritten."""

    @abstractmethod
    def solve(self, X: Array) -> Array:
        """The inverse of the section times X."""

    @abstractmethod
    def pull_back(self, G: Array) -> Array:
        """The (conjugate) transpose of the section times G."""

    @abstractmethod
    def conditioning(self) -> Array:
        """The spectral norm of the inverse that the section contains, one number for each matrix of a batch."""


@final
@dataclass(frozen=True, eq=False)
class ReflectionSection(Section):
    r"""The section :math:`(I - P K^{-1} P^*)\,\mathrm{diag}(S, I)`, where :math:`P = E S - Y`, :math:`K + K^* = P^* P`.

    It lies in the group for every matrix Y, whether Y is a frame or not: that K + K* is the Gram matrix of P holds by
    construction. For this reason errors do not grow from step to step.

    Parameters
    ----------
    form : Form
    P : array of shape (..., R, m)
    inverse : array of shape (..., m, m)
        The inverse of K.
    S : array of shape (..., m, m) or None
        None stands for minus the identity.
    """

    form: Form
    P: Array
    inverse: Array
    S: Array | None = None

    def turn(self, H: Array) -> Array:
        """S H; H may be a part of what is overwritten next, so that a tape of derivatives gets a copy of it."""
        return -H if self.S is None else self.S @ copied(namespace(H), H)

    def reflect(self, V: Array) -> Array:
        """The first factor times V."""
        moved = self.P @ -(self.inverse @ self.form.pair(self.P, V))
        moved += V
        return moved

    def apply(self, V: Array) -> Array:
        """The section times V, which is overwritten."""
        return self.reflect(self.form.set_head(V, self.turn(self.form.head(V))))

    def solve(self, X: Array) -> Array:
        """The inverse of the section times X."""
        form = self.form
        V = self.P @ -(form.star(self.inverse) @ form.pair(self.P, X))
        V += X
        return self._turned_back(V)

    def pull_back(self, G: Array) -> Array:
        """The (conjugate) transpose of the section times G."""
        form = self.form
        V = form.dual(self.P, -(form.transpose(self.inverse) @ (form.transpose(self.P) @ G)))
        V += G
        return self._turned_back(V)

    def conditioning(self) -> Array:
        """The spectral norm of the inverse of K."""
        return namespace(self.P).linalg.matrix_norm(self.inverse, ord=2)

    def _turned_back(self, V: Array) -> Array:
        """V with the inverse of S on its head."""
        head = self.form.head(V)
        turned = -head if self.S is None else self.form.transpose(self.S) @ copied(namespace(head), head)
        return self.form.set_head(V, turned)
