r"""Groups that act on the factors of matrix products, :math:`W_m \mapsto g_m W_m g_{m-1}^{-1}`.

Each parameter is multiplied from the left and from the right by the matrix of a hidden space, or by what becomes of it:
its inverse, its transpose or the inverse of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.action import GroupAction
from symmetries.actions.parameter_space import FloatArray
from symmetries.actions.representations import block_bases
from symmetries.arguments import read_generator
from symmetries.fields import Monomial, VectorField

if TYPE_CHECKING:
    from manifolds import MatrixGroup
    from symmetries.loss import Loss

Form: TypeAlias = Literal["g", "g^-1", "g^T", "g^-T"]
Elements: TypeAlias = tuple[FloatArray, ...]


@final
@dataclass(frozen=True)
class Factor:
    """One side of a parameter: the hidden space whose group element multiplies it, and in what form.

    >>> Factor("k", "g^-1").of(np.diag([2.0, 4.0])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """

    space: str
    form: Form = "g"

    def of(self, g: FloatArray) -> FloatArray:
        """The matrix that stands beside the parameter."""
        if self.form == "g":
            return g
        if self.form == "g^T":
            return g.T
        inverse = np.linalg.inv(g)
        return inverse if self.form == "g^-1" else inverse.T

    def derivative(self, x: FloatArray) -> FloatArray:
        """Its derivative at the identity along x."""
        sign = -1.0 if "-" in self.form else 1.0
        return sign * (x.T if self.form.endswith("T") else x)

    def of_inverse_transpose(self, g: FloatArray) -> FloatArray:
        """The inverse of the transpose of the matrix that stands beside the parameter."""
        if self.form == "g^-T":
            return g
        return g.T if self.form == "g^-1" else Factor(self.space, "g^-T" if self.form == "g" else "g^-1").of(g)


@final
@dataclass(frozen=True)
class Sides:
    """What multiplies one parameter from the left and from the right; a vector is a column."""

    left: Factor | None = None
    right: Factor | None = None


@final
class LayerAction(GroupAction):
    r"""The action of a product of matrix groups, one for each hidden space.

    Elements are tuples of matrices, one for each hidden space, in order; with one space the matrix alone will do.
    Coordinates are those of the groups' Lie algebra bases, one after the other.

    Parameters
    ----------
    loss: the loss.
    spaces: group of each hidden space.
    sides: what multiplies each parameter; parameters that are not named stay.
    domain: where the action is defined.

    >>> from manifolds import GeneralLinear
    >>> from symmetries import Loss
    >>> loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)})
    >>> action = LayerAction(
    ...     loss,
    ...     spaces={"k": GeneralLinear(2)},
    ...     sides={"U": Sides(right=Factor("k", "g^-1")), "V": Sides(left=Factor("k"))},
    ... )
    >>> moved = action.apply(2 * np.eye(2), {"U": np.eye(2), "V": np.eye(2)})
    >>> moved["U"].tolist(), moved["V"].tolist()
    ([[0.5, 0.0], [0.0, 0.5]], [[2.0, 0.0], [0.0, 2.0]])
    """

    is_exact = True
    is_affine = True

    def __init__(
        self,
        loss: Loss,
        *,
        spaces: Mapping[str, MatrixGroup],
        sides: Mapping[str, Sides],
        domain: str = "everywhere",
    ) -> None:
        super().__init__(loss, dimension=sum(group.dimension for group in spaces.values()), domain=domain)
        self.spaces = dict(spaces)
        self.sides = {name: sides.get(name, Sides()) for name in self.space.shapes}
        self._place = {name: k for k, name in enumerate(self.spaces)}
        for name, shape in self.space.shapes.items():
            self._check_sizes(name, shape)

    def _check_sizes(self, name: str, shape: tuple[int, ...]) -> None:
        """Refuse a factor whose size is not that of the parameter's side."""
        rows_and_columns = (*shape, 1)[:2] if len(shape) < 2 else shape
        for factor, size in zip((self.sides[name].left, self.sides[name].right), rows_and_columns, strict=True):
            if factor is not None and self.spaces[factor.space].size != size:
                raise InputError(
                    f"the parameter {name!r} of the shape {list(shape)}",
                    why=f"it is to be multiplied by {self.spaces[factor.space]} of the space {factor.space!r}",
                    cure=f"use matrices of order {size}",
                )

    @property
    def identity(self) -> Elements:
        """The identity matrices."""
        return tuple(group.identity for group in self.spaces.values())

    def exp(self, t: Any) -> Elements:
        """The exponentials of the matrices of coordinates t."""
        coordinates = self.coordinates(t)
        elements, start = [], 0
        for group in self.spaces.values():
            elements.append(group.exp(group.combine(coordinates[start : start + group.dimension])))
            start += group.dimension
        return tuple(elements)

    def compose(self, g: Any, h: Any) -> Elements:
        """The products, space by space."""
        return tuple(left @ right for left, right in zip(self._checked(g), self._checked(h), strict=True))

    def inverse(self, g: Any) -> Elements:
        """The inverses, space by space."""
        return tuple(group.inverse(one) for group, one in zip(self.spaces.values(), self._checked(g), strict=True))

    def random(self, rng: int | np.random.Generator = 0, *, scale: float = 1.0) -> Elements:
        """A random element; ``scale`` is the standard deviation of the coordinates."""
        generator = read_generator(rng)
        return tuple(group.random(generator, scale=scale) for group in self.spaces.values())

    def exact_fields(self) -> tuple[VectorField, ...]:
        """The fields W -> a W + W b of the basis elements, as polynomials."""
        from symmetries.expression import entry_names

        fields = []
        for space, group in self.spaces.items():
            for x in group.basis:
                components: dict[str, dict[Monomial, Fraction]] = {}
                for name, shape in self.space.shapes.items():
                    names = np.array(entry_names(name, shape)).reshape((*shape, 1, 1)[:2])
                    sides = self.sides[name]
                    if sides.left is not None and sides.left.space == space:
                        _add_products(components, names, sides.left.derivative(x))
                    if sides.right is not None and sides.right.space == space:
                        _add_products(components, names.T, sides.right.derivative(x).T)
                fields.append(VectorField.from_polynomials(components))
        return tuple(fields)

    def _is_coordinates(self, g_or_t: Any) -> bool:
        if isinstance(g_or_t, tuple | list) and any(np.ndim(part) == 2 for part in g_or_t):
            return False
        return super()._is_coordinates(g_or_t)

    def _act(self, g: Any, w: FloatArray) -> FloatArray:
        elements = self._checked(g)
        parts = self.space.split(w)
        rows = []
        for name, value in parts.items():
            moved = _as_matrix(value, len(self.space.shapes[name]))
            left, right = self._matrices(name, elements)
            if left is not None:
                moved = left @ moved
            if right is not None:
                moved = moved @ right
            rows.append(moved.reshape(*w.shape[:-1], -1))
        return np.concatenate(rows, axis=-1)

    def _matrices(self, name: str, elements: Elements) -> tuple[FloatArray | None, FloatArray | None]:
        """The matrices on the two sides of a parameter."""
        sides = self.sides[name]
        left = None if sides.left is None else sides.left.of(elements[self._place[sides.left.space]])
        right = None if sides.right is None else sides.right.of(elements[self._place[sides.right.space]])
        return left, right

    def _fields(self, w: FloatArray) -> FloatArray:
        parts = {name: _as_matrix(value, value.ndim) for name, value in self.space.split(w).items()}
        rows = []
        for space, group in self.spaces.items():
            for x in group.basis:
                moved = []
                for name, value in parts.items():
                    change = np.zeros_like(value)
                    sides = self.sides[name]
                    if sides.left is not None and sides.left.space == space:
                        change = change + sides.left.derivative(x) @ value
                    if sides.right is not None and sides.right.space == space:
                        change = change + value @ sides.right.derivative(x)
                    moved.append(change.ravel())
                rows.append(np.concatenate(moved))
        return np.array(rows).reshape(self.dimension, self.space.size)

    def representation(self) -> FloatArray | None:
        """The basis matrices of all spaces in the blocks of one matrix."""
        return block_bases(self.spaces.values())

    def _pullback(self, w: FloatArray, covector: FloatArray) -> FloatArray:
        parts, others = self.space.split(w), self.space.split(covector)
        gathered = {space: np.zeros((group.size, group.size)) for space, group in self.spaces.items()}
        for name, value in parts.items():
            matrix, other = _as_matrix(value, value.ndim), _as_matrix(others[name], value.ndim)
            left, right = self.sides[name].left, self.sides[name].right
            if left is not None:
                gathered[left.space] += left.derivative(self._products(left, other, matrix.T))
            if right is not None:
                gathered[right.space] += right.derivative(self._products(right, matrix.T, other))
        rates = [
            np.diagonal(matrix)
            if _is_diagonal(self.spaces[space])
            else np.tensordot(self.spaces[space].basis, matrix, axes=2)
            for space, matrix in gathered.items()
        ]
        return np.concatenate([np.zeros(0), *rates])

    def _products(self, factor: Factor, one: FloatArray, other: FloatArray) -> FloatArray:
        """The product of two matrices; only its diagonal where the group is diagonal."""
        if _is_diagonal(self.spaces[factor.space]):
            return np.diag(np.einsum("ij,ji->i", one, other))
        return one @ other

    def _push_vector(self, g: Any, w: FloatArray, vector: FloatArray) -> FloatArray:
        del w
        return self._act(g, vector)

    def _push_covector(self, g: Any, w: FloatArray, covector: FloatArray, *, power: int) -> FloatArray:
        del w
        elements = self._checked(g)
        rows = []
        for name, value in self.space.split(covector).items():
            moved = _as_matrix(value, value.ndim)
            left, right = self.sides[name].left, self.sides[name].right
            if left is not None:
                moved = left.of_inverse_transpose(elements[self._place[left.space]]) ** power @ moved
            if right is not None:
                moved = moved @ right.of_inverse_transpose(elements[self._place[right.space]]) ** power
            rows.append(moved.ravel())
        return np.concatenate(rows)

    def _jacobian(self, g: Any, w: FloatArray) -> FloatArray:
        del w
        elements = self._checked(g)
        result = np.zeros((self.space.size, self.space.size))
        start = 0
        for name, shape in self.space.shapes.items():
            rows, columns = (*shape, 1, 1)[:2]
            left, right = self._matrices(name, elements)
            block = np.kron(np.eye(rows) if left is None else left, np.eye(columns) if right is None else right.T)
            stop = start + rows * columns
            result[start:stop, start:stop] = block
            start = stop
        return result

    def _checked(self, g: Any) -> Elements:
        """The matrices of an element, each refused by its group when it does not belong to it."""
        given = (g,) if isinstance(g, np.ndarray) else g
        if not isinstance(given, tuple | list) or len(given) != len(self.spaces):
            listed = ", ".join(f"{name}: {group}" for name, group in self.spaces.items())
            raise InputError(
                f"a group element of the type {type(g).__name__}",
                why=f"the group is the product over the hidden spaces {listed}",
                cure=f"give a tuple of {len(self.spaces)} matrices, or {self.dimension} coordinates",
            )
        return tuple(
            group.check(one, what=f"g on the space {name!r}")
            for (name, group), one in zip(self.spaces.items(), given, strict=True)
        )


def _is_diagonal(group: MatrixGroup) -> bool:
    """Whether a group is that of the positive diagonal matrices, whose coordinates are their diagonal."""
    from manifolds import PositiveDiagonal

    return isinstance(group, PositiveDiagonal)


def _add_products(components: dict[str, dict[Monomial, Fraction]], names: Any, matrix: FloatArray) -> None:
    """Add the entries of the matrix times the array of named entries."""
    for i, k in zip(*np.nonzero(matrix), strict=True):
        for j in range(names.shape[1]):
            polynomial = components.setdefault(str(names[i, j]), {})
            monomial = ((str(names[k, j]), 1),)
            polynomial[monomial] = polynomial.get(monomial, Fraction(0)) + Fraction(float(matrix[i, k]))


def _as_matrix(value: FloatArray, rank: int) -> FloatArray:
    """An array whose last two axes are those of a matrix; a vector is a column, a scalar a 1 x 1 matrix."""
    return value if rank == 2 else value[..., None] if rank == 1 else value[..., None, None]
