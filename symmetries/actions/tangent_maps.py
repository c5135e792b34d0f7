r"""Tangent maps of an action: how w -> g.w moves vectors and covectors, and rates along the generators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from symmetries.actions.parameter_space import FloatArray, Point


class TangentMaps(ABC):
    r"""The half of a :class:`symmetries.GroupAction` that concerns derivatives, by its Jacobian J and its fields.

    A function that the action keeps has gradients :math:`\nabla L(g\cdot w) = J^{-T}\nabla L(w)`.

    >>> from symmetries import GroupAction
    >>> action = GroupAction.catalogued("low-rank", rows=1, columns=1, rank=1)
    >>> double = [np.log(2)]  # (u, v) -> (u / 2, 2 v)
    >>> action.push_vector(double, [1.0, 1.0], [1.0, 1.0]).tolist()
    [0.5, 2.0]
    >>> action.push_covector(double, [1.0, 1.0], [1.0, 1.0]).tolist()
    [2.0, 0.5]

    Source: P. J. Olver, "Applications of Lie Groups to Differential Equations" (1993), section 1.3.
    """

    @abstractmethod
    def element(self, g_or_t: Any) -> Any:
        """A group element, from itself or from Lie algebra coordinates."""

    @abstractmethod
    def _one_point(self, w: Point) -> FloatArray:
        """A point as a vector."""

    @abstractmethod
    def _fields(self, w: FloatArray) -> FloatArray:
        """Velocities of the generators at one point, shape (dimension, n)."""

    @abstractmethod
    def _jacobian(self, g: Any, w: FloatArray) -> FloatArray:
        """Derivative of w -> g.w at one point, shape (n, n)."""

    def pullback(self, w: Point, covector: Any) -> FloatArray:
        r"""The rates :math:`\langle m, X_k(w)\rangle` at which a linear function m grows along the generators at w.

        With the gradient of a function for m these are its derivatives along the orbit.

        Parameters
        ----------
        w: a point.
        covector: m, shape (n,).

        Returns
        -------
        Rates of shape (dimension,).

        >>> from symmetries import GroupAction
        >>> GroupAction.catalogued("low-rank", rows=1, columns=1, rank=1).pullback([2.0, 3.0], [1.0, 10.0]).tolist()
        [28.0]
        """
        return self._pullback(self._one_point(w), self._one_point(covector))

    def push_vector(self, g_or_t: Any, w: Point, vector: Any) -> FloatArray:
        r"""A tangent vector v at w taken to g.w: :math:`J v`, shape (n,)."""
        return self._push_vector(self.element(g_or_t), self._one_point(w), self._one_point(vector))

    def push_covector(self, g_or_t: Any, w: Point, covector: Any) -> FloatArray:
        r"""A covector m at w taken to g.w: :math:`J^{-T} m`, shape (n,); so move gradients of what the action keeps."""
        return self._push_covector(self.element(g_or_t), self._one_point(w), self._one_point(covector), power=1)

    def push_square(self, g_or_t: Any, w: Point, squares: Any) -> FloatArray:
        r"""Second moments of a covector's entries taken to g.w: :math:`(J^{-T})^{\circ 2} v`, squared entry by entry.

        It is exact for the second moments of covectors whose entries are uncorrelated.

        >>> from symmetries import GroupAction
        >>> action = GroupAction.catalogued("low-rank", rows=1, columns=1, rank=1)
        >>> action.push_square([np.log(2)], [1.0, 1.0], [1.0, 1.0]).tolist()
        [4.0, 0.25]
        """
        return self._push_covector(self.element(g_or_t), self._one_point(w), self._one_point(squares), power=2)

    def _pullback(self, w: FloatArray, covector: FloatArray) -> FloatArray:
        """The rates of a linear function; actions with many generators find them without the fields."""
        return self._fields(w) @ covector

    def _push_vector(self, g: Any, w: FloatArray, vector: FloatArray) -> FloatArray:
        """J v."""
        return self._jacobian(g, w) @ vector

    def _push_covector(self, g: Any, w: FloatArray, covector: FloatArray, *, power: int) -> FloatArray:
        """The entries of J^-T, to a power one by one, times a covector."""
        jacobian = self._jacobian(g, w)
        return np.linalg.solve(jacobian.T, covector) if power == 1 else np.linalg.inv(jacobian).T ** power @ covector
