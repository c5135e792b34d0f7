r"""Actions that are linear on a finite-dimensional space of polynomials which contains the coordinates.

A field X is a derivation of the polynomials.  When a space V = span(b_1, ..., b_m) that contains the coordinates is
mapped into itself, X b = M b, then b(exp(tX).w) = e^(tM) b(w), and the moved point is read off: X is locally finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.action import GroupAction
from symmetries.actions.conjugated_action import Matrix, combination
from symmetries.actions.numeric_fields import NumericPolynomials
from symmetries.actions.one_parameter import one_parameter_group
from symmetries.actions.parameter_space import FloatArray
from symmetries.algebra import apply, require_polynomials
from symmetries.arguments import read_reals
from symmetries.fields import Monomial, Polynomial, VectorField, polynomial_text
from symmetries.finite_action import FiniteAction

if TYPE_CHECKING:
    from symmetries.loss import Loss

LARGEST_SPACE = 24
"""Dimension up to which a space of polynomials is completed."""

LARGEST_DEGREE = 8

OFF_IMAGE = 1e-6
"""How far, relatively, the other polynomials may be from their values at the moved point."""


@final
class EmbeddedAction(GroupAction):
    r"""The action of locally finite fields by matrices on values of polynomials, :math:`b(g\cdot w) = G b(w)`.

    Elements are the matrices G, shape (m, m).

    Parameters
    ----------
    loss: the loss.
    generators: the fields.
    basis: polynomials b_1, ..., b_m, the coordinates first.
    matrices: the matrices M_k with X_k b = M_k b.

    Source: A. van den Essen, "Polynomial Automorphisms and the Jacobian Conjecture" (2000), section 1.3, on locally
    finite derivations.
    """

    is_exact = True

    def __init__(
        self,
        loss: Loss,
        generators: Sequence[VectorField],
        *,
        basis: Sequence[Polynomial],
        matrices: Sequence[Matrix],
    ) -> None:
        super().__init__(loss, dimension=len(generators), domain="everywhere")
        self.generators = tuple(generators)
        self.basis = tuple(basis)
        self.matrices = tuple(matrices)
        order = len(self.basis)
        self._algebra = np.array(self.matrices, dtype=float).reshape(self.dimension, order, order)
        self._values = NumericPolynomials(self.basis, self.space.entries)

    @property
    def identity(self) -> FloatArray:
        """The identity matrix."""
        return np.eye(len(self.basis))

    def exp(self, t: Any) -> FloatArray:
        """The matrix exponential of sum_k t_k M_k."""
        from manifolds import GeneralLinear

        return GeneralLinear(len(self.basis)).exp(np.tensordot(self.coordinates(t), self._algebra, axes=1))

    def compose(self, g: FloatArray, h: FloatArray) -> FloatArray:
        """The matrix product: b(g.(h.w)) = G H b(w)."""
        return self._checked(g) @ self._checked(h)

    def inverse(self, g: FloatArray) -> FloatArray:
        """The inverse matrix."""
        matrix = self._checked(g)
        try:
            return np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            raise InputError(
                "a group element",
                why="its matrix is singular",
                cure="take elements from exp(), compose() and inverse() of this action",
            ) from None

    def exact_fields(self) -> tuple[VectorField, ...]:
        """The generators."""
        return self.generators

    def closed_form(self, k: int) -> FiniteAction | None:
        """The flow of generator k in formulas: the exact exponential of M_k on the values of the polynomials."""
        from symmetries.formula import read_formula
        from symmetries.printing import formula_text
        from symmetries.substitution import substitute

        names = [f"value_{j}" for j in range(len(self.basis))]
        rows: dict[str, Polynomial] = {
            name: {((other, 1),): value for other, value in zip(names, row, strict=True) if value}
            for name, row in zip(names, self.matrices[self._number(k)], strict=True)
        }
        flow = one_parameter_group(VectorField.from_polynomials(rows), time=self.time)
        if flow is None:
            return None
        texts = dict(zip(names, map(polynomial_text, self.basis), strict=True))
        values = {name: self.loss.read(text) for name, text in texts.items()}
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys([*names, flow.time], ())
        moved = {
            entry: formula_text(substitute(read_formula(flow.components[name], shapes), values))
            for entry, name in zip(self.space.entries, names, strict=False)
            if name in flow.components
        }
        return FiniteAction(moved, time=self.time)

    def representation(self) -> FloatArray:
        """The matrices on the polynomials."""
        return self._algebra

    def _act(self, g: FloatArray, w: FloatArray) -> FloatArray:
        element = self._checked(g)
        with np.errstate(all="ignore"):
            moved = self._values.values(w) @ element.T
            point = moved[..., : self.space.size]
            again = self._values.values(point)
            off = float(np.abs(again - moved).max(initial=0.0) / (1 + np.abs(moved).max(initial=0.0)))
        if not np.isfinite(moved).all():
            raise InputError(
                "the action of a group element on a point",
                why="the polynomials that it moves have values that are NaN or overflow",
                cure="take a finite point nearer to the origin",
            )
        if not off <= OFF_IMAGE:
            raise InputError(
                "a group element",
                why=f"it does not come from a map of the parameters, or rounding at a large point hides it: the "
                f"polynomials are off by {off:.1e}",
                cure="take elements from exp(), compose() and inverse() of this action, or give coordinates",
            )
        return point

    def _fields(self, w: FloatArray) -> FloatArray:
        return (self._algebra @ self._values.values(w))[:, : self.space.size]

    def _jacobian(self, g: FloatArray, w: FloatArray) -> FloatArray:
        return (self._checked(g) @ self._values.jacobian(w))[: self.space.size]

    def _checked(self, g: Any) -> FloatArray:
        """An element, refused when it has another order."""
        matrix = read_reals(g, what="a group element")
        order = len(self.basis)
        if matrix.shape != (order, order):
            raise InputError(
                f"a group element of the shape {list(matrix.shape)}",
                why=f"the group acts by matrices of order {order} on the values of polynomials",
                cure="take elements from exp(), compose() and inverse() of this action, or give coordinates",
            )
        return matrix


def embed(loss: Loss, generators: Sequence[VectorField]) -> EmbeddedAction | None:
    """The action on the smallest space of polynomials that the fields keep; None where it is not found small.

    >>> from symmetries import Loss, Polynomial, derive
    >>> loss = Loss.parse("x**2 + 2*x*y**2 + y**4 + y**2")
    >>> action = embed(loss, derive(loss, ansatz=Polynomial(3)).generators)
    >>> [polynomial_text(polynomial) for polynomial in action.basis][:4]
    ['x', 'y', '2*y**3 + 2*x*y + y', '-y**2 - x']
    """
    from symmetries.actions.parameter_space import ParameterSpace

    entries = ParameterSpace.of(loss).entries
    known = set(entries)
    fields = [require_polynomials(field) for field in generators]
    if any(name not in known for field in fields for p in field.values() for m in p for name, _ in m):
        return None
    basis: list[Polynomial] = [{((entry, 1),): Fraction(1)} for entry in entries]
    if any(() in polynomial for field in fields for polynomial in field.values()):
        basis.append({(): Fraction(1)})
    images: dict[tuple[int, int], tuple[Fraction, ...]] = {}
    place = 0
    while place < len(basis):
        for k, field in enumerate(fields):
            image = {monomial: value for monomial, value in apply(field, basis[place]).items() if value}
            found = combination(image, basis)
            if found is None:
                if len(basis) >= LARGEST_SPACE + len(entries) or max(map(_degree, image)) > LARGEST_DEGREE:
                    return None
                found = (*[Fraction(0)] * len(basis), Fraction(1))
                basis.append(image)
            images[k, place] = found
        place += 1
    size = len(basis)
    matrices = [
        tuple((*images[k, j], *[Fraction(0)] * (size - len(images[k, j]))) for j in range(size))
        for k in range(len(fields))
    ]
    return EmbeddedAction(loss, generators, basis=basis, matrices=matrices)


def _degree(monomial: Monomial) -> int:
    """Total degree of a monomial."""
    return sum(exponent for _, exponent in monomial)
