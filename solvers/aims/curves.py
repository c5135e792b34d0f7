r"""The curves :math:`\gamma(t) = \exp(tX).w` of a group action: their first two derivatives at t = 0.

The first is the field X at w; the second is the derivative of the field along itself, DX(w) X(w).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import final

import numpy as np

from symmetries.action import GroupAction
from symmetries.actions.layer_action import LayerAction
from symmetries.actions.linear_action import LinearAction
from symmetries.actions.numeric_fields import NumericPolynomials
from symmetries.actions.parameter_space import FloatArray
from symmetries.algebra import apply, require_polynomials
from symmetries.fields import Polynomial, VectorField

RELATIVE_STEP = float(np.finfo(float).eps) ** 0.2
"""Step of central differences of fourth order, in units of the size of the point."""


class Curves(ABC):
    """The derivatives of the curves of an action.

    Parameters
    ----------
    action: the action.
    """

    def __init__(self, action: GroupAction) -> None:
        self.action = action

    @abstractmethod
    def derivatives(self, w: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivative at w of the curve of the Lie algebra element of coordinates t, shape (n,)."""


class SmoothCurves(Curves):
    """Curves whose derivatives are differentiated in the point too."""

    @abstractmethod
    def pulled(self, w: FloatArray, t: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
        """Gradient in w of the first derivative times a vector plus the second times another, shape (n,)."""


@final
class MatrixCurves(SmoothCurves):
    """Curves of affine maps w -> A w + b, by the matrices of the Lie algebra."""

    def __init__(self, action: LinearAction) -> None:
        super().__init__(action)
        self.linear = action

    def derivatives(self, w: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """A w + b and A (A w + b)."""
        matrix, constant = self._parts(t)
        velocity = matrix @ w + constant
        return velocity, matrix @ velocity

    def pulled(self, w: FloatArray, t: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
        """The transposes of A and of A^2."""
        del w
        matrix = self._parts(t)[0]
        return matrix.T @ (first + matrix.T @ second)

    def _parts(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """A and b."""
        whole, size = self.linear.matrix(t), self.linear.space.size
        return whole[:size, :size], whole[:size, size] if self.linear.affine else np.zeros(size)


@final
class LayerCurves(SmoothCurves):
    """Curves of W -> g W h, by the products W -> a W + W b."""

    def __init__(self, action: LayerAction) -> None:
        super().__init__(action)
        self.layers = action

    def derivatives(self, w: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The product with the Lie algebra element once and twice."""
        velocity = self._product(w, t, transposed=False)
        return velocity, self._product(velocity, t, transposed=False)

    def pulled(self, w: FloatArray, t: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
        """The adjoint products."""
        del w
        return self._product(first + self._product(second, t, transposed=True), t, transposed=True)

    def _product(self, w: FloatArray, t: FloatArray, *, transposed: bool) -> FloatArray:
        """The Lie algebra element times w, or its transpose."""
        elements, start = {}, 0
        for name, group in self.layers.spaces.items():
            elements[name] = group.combine(t[start : start + group.dimension])
            start += group.dimension
        parts = []
        for name, value in self.layers.space.split(w).items():
            matrix = value.reshape((*value.shape, 1, 1)[:2])
            sides, change = self.layers.sides[name], np.zeros_like(matrix)
            if sides.left is not None:
                left = sides.left.derivative(elements[sides.left.space])
                change = change + (left.T if transposed else left) @ matrix
            if sides.right is not None:
                right = sides.right.derivative(elements[sides.right.space])
                change = change + matrix @ (right.T if transposed else right)
            parts.append(change.ravel())
        return np.concatenate(parts)


@final
class PolynomialCurves(SmoothCurves):
    """Curves of polynomial fields, by their exact partial derivatives."""

    def __init__(self, action: GroupAction, fields: tuple[VectorField, ...]) -> None:
        super().__init__(action)
        entries = action.space.entries
        rows = [require_polynomials(field) for field in fields]
        components: list[Polynomial] = [row.get(entry, {}) for row in rows for entry in entries]
        coordinates: list[dict[str, Polynomial]] = [{entry: {(): Fraction(1)}} for entry in entries]
        partials = [apply(one, component) for component in components for one in coordinates]
        self._shape = len(fields), len(entries)
        self._fields = NumericPolynomials(components, entries, action.constants)
        self._partials = NumericPolynomials(partials, entries, action.constants)

    def derivatives(self, w: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The field and its derivative along itself."""
        velocity = t @ self._fields.values(w).reshape(self._shape)
        return velocity, self._jacobian(w, t) @ velocity

    def pulled(self, w: FloatArray, t: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
        """The chain rule through the field, its Jacobian and its second derivatives."""
        size = self._shape[1]
        velocity, jacobian = t @ self._fields.values(w).reshape(self._shape), self._jacobian(w, t)
        bends = np.tensordot(t, self._partials.jacobian(w).reshape(*self._shape, size, size), axes=1)
        return jacobian.T @ (first + jacobian.T @ second) + np.einsum("i,ijk,j->k", second, bends, velocity)

    def _jacobian(self, w: FloatArray, t: FloatArray) -> FloatArray:
        """Derivative of the field at w."""
        return np.tensordot(t, self._partials.values(w).reshape(*self._shape, self._shape[1]), axes=1)


@final
class DifferenceCurves(Curves):
    """Curves of any action: the exact field, differentiated along itself by differences of fourth order."""

    def derivatives(self, w: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The field and its derivative along itself."""
        velocity = t @ self.action.field(w)
        length = float(np.linalg.norm(velocity))
        if length == 0:
            return velocity, np.zeros_like(w)
        step = RELATIVE_STEP * max(1.0, float(np.abs(w).max())) / length
        near, far = (
            t @ (self.action.field(w + s * step * velocity) - self.action.field(w - s * step * velocity))
            for s in (1, 2)
        )
        return velocity, (8 * near - far) / (12 * step)
