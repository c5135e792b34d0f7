r"""Typed symbols: data of an optimizer as SymPy matrices that know how a linear change of coordinates moves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import sympy as sp

from manifolds.errors import InputError

Kind: TypeAlias = Literal["covector", "vector", "cov2", "con2", "root-of-cov2", "scalar"]

KINDS = ("covector", "vector", "cov2", "con2", "root-of-cov2", "scalar")


@final
@dataclass(frozen=True)
class TypedSymbols:
    r"""One datum with generic real entries, and its variation along :math:`A_t = e^{tX}` at t = 0.

    .. math::
        \delta g = -X^{\mathsf T} g,\quad \delta v = X v,\quad \delta H = -X^{\mathsf T}H - HX,\quad
        \delta B = XB + BX^{\mathsf T},\quad S\,\delta S + \delta S\,S = \delta(S^2)

    for a covector, a vector, a covariant and a contravariant symmetric matrix and the root of a covariant one.

    Parameters
    ----------
    name: what the entries are called: ``g0``, ``H01``.
    kind: the type.
    size: the number n of coordinates.

    Raises
    ------
    InputError: there is no name, the type is not known, or the size is no positive integer.

    >>> TypedSymbols("g", "covector", 2).matrix
    Matrix([
    [g0],
    [g1]])
    """

    name: str
    kind: Kind
    size: int

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"name={self.name!r}", why="entries are called after it", cure="write 'g'")
        if self.kind not in KINDS:
            raise InputError(f"the type {self.kind!r}", why="it is not known", cure=f"use one of {', '.join(KINDS)}")
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1:
            raise InputError(f"size={self.size!r}", why="it counts coordinates", cure="give an integer from 1 up")

    @property
    def matrix(self) -> sp.Matrix:
        """The datum: shape (n, 1) of vectors and covectors, (n, n) symmetric of the others, (1, 1) of a scalar."""
        if self.kind == "scalar":
            return sp.Matrix([[self._symbol("")]])
        if self.kind in ("covector", "vector"):
            return sp.Matrix([self._symbol(str(i)) for i in range(self.size)])
        return sp.Matrix(self.size, self.size, lambda i, j: self._symbol(f"{min(i, j)}{max(i, j)}"))

    def _symbol(self, index: str) -> sp.Symbol:
        """The real symbol of one entry."""
        return sp.Symbol(self.name + index, real=True)

    @property
    def entries(self) -> tuple[sp.Symbol, ...]:
        """The independent entries, in the order of the upper triangle."""
        return tuple(dict.fromkeys(self.matrix))

    def variation(self, X: Any) -> dict[sp.Symbol, sp.Expr]:
        """How each entry varies along a matrix of gl(n).

        >>> TypedSymbols("g", "covector", 2).variation(sp.Matrix([[0, 1], [0, 0]]))
        {g0: 0, g1: -g0}
        """
        S = self.matrix
        if self.kind == "root-of-cov2":
            return self._root_variation(X)
        moved = {
            "scalar": lambda: sp.zeros(1, 1),
            "covector": lambda: -X.T * S,
            "vector": lambda: X * S,
            "cov2": lambda: -X.T * S - S * X,
            "con2": lambda: X * S + S * X.T,
        }[self.kind]()
        return dict(zip(S, moved, strict=True))

    def _root_variation(self, X: Any) -> dict[sp.Symbol, sp.Expr]:
        """The variation of the positive root, from the Sylvester equation."""
        S, H = self.matrix, self.matrix * self.matrix
        unknown = TypedSymbols("delta_" + self.name, "cov2", self.size)
        D = unknown.matrix
        rest = S * D + D * S + X.T * H + H * X
        equations = [rest[i, j] for i in range(self.size) for j in range(i, self.size)]
        matrix, right = sp.linear_eq_to_matrix(equations, list(unknown.entries))
        K = sp.QQ.frac_field(*self.entries)
        A, b = (sp.polys.matrices.DomainMatrix.from_Matrix(one).convert_to(K) for one in (matrix, right))
        solution = A.lu_solve(b).to_Matrix()
        return dict(zip(self.entries, solution, strict=True))
