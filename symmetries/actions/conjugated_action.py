r"""Actions that are linear after a change of variables, :math:`w \mapsto F^{-1}(M F(w))`.

When L = c_0 + sum_a c_a F_a(w)^2 and F is invertible, every matrix M with M^T C M = C, C = diag(c), gives a
transformation that keeps the loss: the group SO(p, q) of the signs of c acts.  Coordinates of F that L does not contain
have c_a = 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.action import GroupAction
from symmetries.actions.numeric_fields import NumericPolynomials
from symmetries.actions.one_parameter import one_parameter_group
from symmetries.actions.parameter_space import FloatArray
from symmetries.algebra import apply, require_polynomials
from symmetries.arguments import read_reals
from symmetries.fields import Polynomial, VectorField, polynomial_text
from symmetries.finite_action import FiniteAction
from symmetries.modules.change_of_variables import ChangeOfVariables
from symmetries.numbers import rational_root

if TYPE_CHECKING:
    from manifolds import GeneralLinear
    from symmetries.loss import Loss

Matrix = tuple[tuple[Fraction, ...], ...]

OFF_GROUP = 1e-6
"""How far M^T C M may be from C, relative to C."""


def compose_polynomial(outer: Polynomial, inner: Mapping[str, Polynomial]) -> dict[Any, Fraction]:
    """A polynomial with polynomials in the place of its names.

    >>> square = {(("u", 2),): Fraction(1)}
    >>> polynomial_text(compose_polynomial(square, {"u": {(("x", 1),): Fraction(1), (): Fraction(1)}}))
    'x**2 + 2*x + 1'
    """
    total: dict[Any, Fraction] = {}
    for monomial, coefficient in outer.items():
        product: dict[Any, Fraction] = {(): coefficient}
        for name, exponent in monomial:
            factor = inner.get(name, {((name, 1),): Fraction(1)})
            for _ in range(exponent):
                product = multiply_polynomials(product, factor)
        for key, value in product.items():
            total[key] = total.get(key, Fraction(0)) + value
    return {key: value for key, value in total.items() if value}


def multiply_polynomials(left: Polynomial, right: Polynomial) -> dict[Any, Fraction]:
    """Product of two polynomials."""
    from symmetries.fields import multiply_monomials

    result: dict[Any, Fraction] = {}
    for one, a in left.items():
        for other, b in right.items():
            key = multiply_monomials(one, other)
            result[key] = result.get(key, Fraction(0)) + a * b
    return result


@final
class ConjugatedAction(GroupAction):
    r"""The action :math:`g\cdot w = F^{-1}(M F(w))` of a group of matrices with :math:`M^T C M = C`.

    Elements are the matrices M, shape (q, q).

    Parameters
    ----------
    loss: the loss, equal to c_0 + sum_a c_a F_a^2.
    change: the change of variables, with its inverse.
    weights: the c_a, one for each new coordinate.
    matrices: a basis of the Lie algebra, matrices S with C S skew.

    >>> action = GroupAction.catalogued("rosenbrock")
    >>> print(action.closed_form(0).components["x"])
    -10*sin(t)*(x**2 - y) + cos(t)*(x - 1) + 1
    """

    is_exact = True

    def __init__(
        self, loss: Loss, *, change: ChangeOfVariables, weights: Sequence[Fraction], matrices: Sequence[Matrix]
    ) -> None:
        super().__init__(loss, dimension=len(matrices), domain="everywhere")
        self.change, inverse = change, _checked_inverse(change)
        self.weights = tuple(weights)
        self.matrices = tuple(matrices)
        for matrix in self.matrices:
            _require_skew(matrix, self.weights)
        self._algebra = np.array(self.matrices, dtype=float).reshape(self.dimension, len(weights), len(weights))
        self._metric = np.diag(np.array(self.weights, dtype=float))
        self._forward = NumericPolynomials(change.forward, change.parameters)
        self._backward = NumericPolynomials(inverse, change.names)

    @property
    def identity(self) -> FloatArray:
        """The identity matrix."""
        return np.eye(len(self.weights))

    def exp(self, t: Any) -> FloatArray:
        """The matrix exponential of sum_k t_k S_k."""
        return np.asarray(self._group.exp(np.tensordot(self.coordinates(t), self._algebra, axes=1)))

    @cached_property
    def _group(self) -> GeneralLinear:
        """The group of all invertible matrices, made once: searches take thousands of exponentials."""
        from manifolds import GeneralLinear

        return GeneralLinear(len(self.weights))

    def compose(self, g: FloatArray, h: FloatArray) -> FloatArray:
        """The matrix product."""
        return self._checked(g) @ self._checked(h)

    def inverse(self, g: FloatArray) -> FloatArray:
        """The inverse matrix."""
        return np.linalg.inv(self._checked(g))

    def exact_fields(self) -> tuple[VectorField, ...]:
        r"""The fields :math:`X = (DF)^{-1} S F`, exactly: the derivative of the inverse map, taken at F."""
        forward = dict(zip(self.change.names, self.change.forward, strict=True))
        fields = []
        for matrix in self.matrices:
            velocities: dict[str, Polynomial] = {
                name: {((other, 1),): value for other, value in zip(self.change.names, row, strict=True) if value}
                for name, row in zip(self.change.names, matrix, strict=True)
            }
            components = {
                entry: compose_polynomial(apply(velocities, polynomial), forward)
                for entry, polynomial in zip(self.change.parameters, self.change.inverse or (), strict=True)
            }
            fields.append(VectorField.from_polynomials(components))
        return tuple(fields)

    def closed_form(self, k: int) -> FiniteAction | None:
        """The flow of generator k in formulas: the exact exponential of S_k between F and its inverse."""
        from symmetries.formula import read_formula
        from symmetries.printing import formula_text
        from symmetries.substitution import substitute

        names = self.change.names
        rows: dict[str, Polynomial] = {
            name: {((other, 1),): value for other, value in zip(names, row, strict=True) if value}
            for name, row in zip(names, self.matrices[self._number(k)], strict=True)
        }
        rotated = one_parameter_group(VectorField.from_polynomials(rows), time=self.time)
        if rotated is None:
            return None
        scalars: dict[str, tuple[int, ...]] = dict.fromkeys(self.change.parameters, ())
        forward = {name: read_formula(formula, scalars) for name, formula in self.change.formulas.items()}
        images: dict[str, tuple[int, ...]] = dict.fromkeys(names, ())
        timed = {**images, rotated.time: ()}
        moved = {name: substitute(read_formula(rotated.components.get(name, name), timed), forward) for name in names}
        return FiniteAction(
            {
                entry: formula_text(substitute(read_formula(formula, images), moved))
                for entry, formula in (self.change.inverse_formulas or {}).items()
            },
            time=self.time,
        )

    def representation(self) -> FloatArray:
        """The matrices on the residuals."""
        return self._algebra

    def _act(self, g: FloatArray, w: FloatArray) -> FloatArray:
        return self._backward.values(self._forward.values(w) @ self._checked(g).T)

    def _fields(self, w: FloatArray) -> FloatArray:
        velocities = self._algebra @ self._forward.values(w)
        return np.linalg.solve(self._forward.jacobian(w), velocities.T).T.reshape(self.dimension, self.space.size)

    def _jacobian(self, g: FloatArray, w: FloatArray) -> FloatArray:
        matrix = self._checked(g)
        image = matrix @ self._forward.values(w)
        return self._backward.jacobian(image) @ matrix @ self._forward.jacobian(w)

    def _checked(self, g: Any) -> FloatArray:
        """An element, refused when it does not keep the quadratic form, with by how much."""
        matrix = read_reals(g, what="a group element")
        size = len(self.weights)
        if matrix.shape != (size, size):
            raise InputError(
                f"a group element of the shape {list(matrix.shape)}",
                why=f"the group acts by matrices of order {size} on the residuals",
                cure="take elements from exp(), compose() and inverse() of this action, or give coordinates",
            )
        scale = float(np.abs(self._metric).max() * max(1.0, np.abs(matrix).max()) ** 2)
        off = float(np.abs(matrix.T @ self._metric @ matrix - self._metric).max()) / scale
        if not off <= OFF_GROUP:
            raise InputError(
                "a group element",
                why=f"it does not keep the quadratic form of the residuals: it is off by {off:.1e}",
                cure="take elements from exp(), compose() and inverse() of this action, or give coordinates",
            )
        return matrix


def _checked_inverse(change: ChangeOfVariables) -> tuple[Polynomial, ...]:
    """The inverse of a change of variables, refused when it is none."""
    forward = dict(zip(change.names, change.forward, strict=True))
    for name, polynomial in zip(change.parameters, change.inverse or (), strict=change.inverse is not None):
        if compose_polynomial(polynomial, forward) != {((name, 1),): Fraction(1)}:
            raise InputError(
                f"the change of variables {change.formulas}",
                why=f"{name} = {polynomial_text(polynomial)} does not invert it",
                cure="give the inverse map",
            )
    if change.inverse is None:
        raise InputError(
            f"the change of variables {change.formulas}", why="its inverse is not known", cure="give the inverse map"
        )
    return change.inverse


def _require_skew(matrix: Matrix, weights: Sequence[Fraction]) -> None:
    """Refuse a matrix S for which C S is not skew."""
    size = range(len(weights))
    if any(weights[a] * matrix[a][b] + weights[b] * matrix[b][a] for a in size for b in size):
        raise InputError(
            f"the matrix {[[str(value) for value in row] for row in matrix]}",
            why="it does not generate maps that keep the quadratic form of the residuals",
            cure="give matrices S with C S skew",
        )


def rotation_matrices(weights: Sequence[Fraction]) -> list[Matrix]:
    """A basis of the matrices S with C S skew: c_b E_ab - c_a E_ba, over the root of |c_a c_b| where it is rational."""
    size = len(weights)
    moving = [k for k in range(size) if weights[k]]
    result = []
    for a, b in combinations(moving, 2):
        root = rational_root(abs(weights[a] * weights[b]), 2) or Fraction(1)
        rows = [[Fraction(0)] * size for _ in range(size)]
        rows[a][b], rows[b][a] = weights[b] / root, -weights[a] / root
        result.append(tuple(tuple(row) for row in rows))
    return result


def matrices_of(fields: Sequence[VectorField], forward: Sequence[Polynomial]) -> list[Matrix] | None:
    """The matrices S with X F = S F of fields X, exactly; None where one of the fields has none."""
    result = []
    for field in fields:
        polynomials = require_polynomials(field)
        rows = []
        for residual in forward:
            row = combination(apply(polynomials, residual), forward)
            if row is None:
                return None
            rows.append(row)
        result.append(tuple(rows))
    return result


def combination(target: Polynomial, basis: Sequence[Polynomial]) -> tuple[Fraction, ...] | None:
    """The coefficients of a polynomial in a linearly independent list; None when it is no combination of them."""
    from flint import fmpq, fmpq_mat

    monomials = sorted({monomial for polynomial in (target, *basis) for monomial in polynomial})
    columns = [*basis, target]
    entries = [
        [
            fmpq(value.numerator, value.denominator)
            for value in (polynomial.get(m, Fraction(0)) for polynomial in columns)
        ]
        for m in monomials
    ]
    reduced, rank = fmpq_mat(entries).rref() if entries else (None, 0)
    if reduced is None or rank > len(basis):
        return tuple(Fraction(0) for _ in basis) if reduced is None else None
    pivots = [next(j for j in range(len(columns)) if reduced[i, j] != 0) for i in range(rank)]
    if len(basis) in pivots:
        return None
    values = [Fraction(0)] * len(basis)
    for i, pivot in enumerate(pivots):
        last = reduced[i, len(basis)]
        values[pivot] = Fraction(int(last.p), int(last.q))
    return tuple(values)
