"""Direct products of matrix groups, as block diagonal matrices."""

from __future__ import annotations

import itertools
import re
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from manifolds.checks import Array, square_matrices
from manifolds.conditions import Condition
from manifolds.errors import InputError
from manifolds.groups import MatrixGroup

_MOST_COMPONENTS = 4096


@final
class DirectProduct(MatrixGroup):
    r""":math:`G_1 \times \cdots \times G_m` as block diagonal matrices.

    Everything is done factor by factor; the basis takes those of the factors in turn.

    Parameters
    ----------
    factors : MatrixGroup
        At least one group.

    Examples
    --------
    >>> from manifolds import GeneralLinear, SpecialOrthogonal
    >>> group = DirectProduct(SpecialOrthogonal(3), GeneralLinear(2))
    >>> group, group.algebra_name, group.size, group.dimension
    (SO(3) x GL(2,R), 'so(3) + gl(2,R)', 5, 7)
    >>> rotation, matrix = group.split(group.identity)
    >>> rotation.shape, matrix.shape
    ((3, 3), (2, 2))
    """

    def __init__(self, *factors: MatrixGroup) -> None:
        if not factors or not all(isinstance(factor, MatrixGroup) for factor in factors):
            raise InputError(
                f"{factors!r} are no factors of a product",
                why="a product is made of at least one group, and of groups only",
                cure="give matrix groups: DirectProduct(SpecialOrthogonal(3), GeneralLinear(2))",
            )
        self.factors = factors
        ends = np.cumsum([factor.size for factor in factors]).tolist()
        self._blocks = [slice(end - factor.size, end) for factor, end in zip(factors, ends, strict=True)]
        super().__init__(
            size=ends[-1],
            name=" x ".join(f"({f.name})" if "|x" in f.name else f.name for f in factors),
            algebra_name=sum_name([factor.algebra_name for factor in factors]),
        )

    def split(self, g: ArrayLike) -> tuple[Array, ...]:
        """The blocks of each matrix, one for each factor."""
        return self._split(square_matrices(g, self.size, what="g"))

    def _split(self, g: Array) -> tuple[Array, ...]:
        return tuple(g[..., block, block] for block in self._blocks)

    def join(self, *blocks: ArrayLike) -> Array:
        """The block diagonal matrices of one matrix for each factor, whose leading axes broadcast.

        Examples
        --------
        >>> from manifolds import PositiveDiagonal
        >>> DirectProduct(PositiveDiagonal(1), PositiveDiagonal(1)).join([[2.0]], [[3.0]])
        array([[2., 0.],
               [0., 3.]])
        """
        if len(blocks) != len(self.factors):
            raise InputError(
                f"{len(blocks)} blocks do not make an element of {self.name}",
                why=f"it has {len(self.factors)} factors",
                cure="give one matrix for each factor",
            )
        return self._join(
            [
                square_matrices(A, f.size, what=f"the block of {f.name}")
                for A, f in zip(blocks, self.factors, strict=True)
            ]
        )

    def _join(self, blocks: list[Array]) -> Array:
        axes = np.broadcast_shapes(*(A.shape[:-2] for A in blocks))
        result = np.zeros((*axes, self.size, self.size))
        for block, A in zip(self._blocks, blocks, strict=True):
            result[..., block, block] = A
        return result

    def algebra_basis(self) -> Array:
        """The bases of the factors, each in its block."""
        parts = []
        for factor, block in zip(self.factors, self._blocks, strict=True):
            part = np.zeros((factor.dimension, self.size, self.size))
            part[:, block, block] = factor.basis
            parts.append(part)
        return np.concatenate(parts)

    def conditions(self, g: Array) -> list[Condition]:
        """Every block is in its group, and there is nothing outside the blocks."""
        blocks = self._split(g)
        inner = [
            Condition(f"{c.statement} for factors[{number}], {factor.name}", c.missed_by, c.found, c.found_name)
            for number, (factor, block) in enumerate(zip(self.factors, blocks, strict=True))
            for c in factor.conditions(block)
        ]
        return [*inner, Condition.matrix("g is block diagonal", g - self._join(list(blocks)))]

    def nearest(self, A: Array) -> Array:
        """The blocks made elements of their groups."""
        return self._join([f.nearest(block) for f, block in zip(self.factors, self._split(A), strict=True)])

    def nearest_algebra(self, A: Array) -> Array:
        """The blocks projected on their algebras."""
        return self._join([f.nearest_algebra(block) for f, block in zip(self.factors, self._split(A), strict=True)])

    @property
    def components(self) -> Array:
        """The products of those of the factors.

        Raises
        ------
        InputError
            If there are more than 4096.
        """
        parts = [factor.components for factor in self.factors]
        count = int(np.prod([len(part) for part in parts]))
        if count > _MOST_COMPONENTS:
            raise InputError(
                f"the components of {self.name} are too many",
                why=f"there are {count}, and more than {_MOST_COMPONENTS} are not listed",
                cure="take the components of its factors",
            )
        return np.stack([self._join(list(choice)) for choice in itertools.product(*parts)])

    def _random_component(self, rng: np.random.Generator, axes: tuple[int, ...]) -> Array:
        return self._join([factor._random_component(rng, axes) for factor in self.factors])

    def _exp_batch(self, X: Array) -> Array:
        return self._join([f._exp_batch(block) for f, block in zip(self.factors, self._split(X), strict=True)])

    def _log(self, g: Array) -> Array:
        return self._join([f._log(block) for f, block in zip(self.factors, self._split(g), strict=True)])

    def _inverse(self, g: Array) -> Array:
        return self._join([f._inverse(block) for f, block in zip(self.factors, self._split(g), strict=True)])

    @property
    def _key(self) -> tuple[object, ...]:
        return (type(self), *(factor._key for factor in self.factors))


def sum_name(names: list[str | None]) -> str | None:
    """The name of a direct sum in the printed grammar: zeros left out, abelian summands put together at the end.

    Examples
    --------
    >>> sum_name(["R^1", "so(3)", "0", "R^2"]), sum_name(["so(2) |x R^2", "R^1"]), sum_name(["0"])
    ('so(3) + R^3', '(so(2) |x R^2) + R^1', '0')
    """
    summands: list[str] = []
    flat = 0
    for name in names:
        if name is None:
            return None
        for term in name.split(" + ") if "|x" not in name else [f"({name})"]:
            if match := re.fullmatch(r"R\^(\d+)", term):
                flat += int(match[1])
            elif term != "0":
                summands.append(term)
    if flat:
        summands.append(f"R^{flat}")
    return " + ".join(summands) or "0"
