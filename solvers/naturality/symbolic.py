r"""The exact test: all X with :math:`\delta U - XU = 0` as rational functions, by a null space over the rationals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from manifolds.errors import InputError
from solvers.convergence.theorem_check import TheoremCheck
from solvers.naturality.symbolic_equations import Equations
from solvers.naturality.symbolic_radicals import rational_cases
from solvers.naturality.typed_symbols import TypedSymbols
from symmetries.certificate import Claim, Verdict


@final
@dataclass(frozen=True, kw_only=True)
class SymbolicAlgebra:
    """The linear changes of coordinates that an update does not notice, exactly.

    Parameters
    ----------
    size: the number n of coordinates.
    basis: of the Lie algebra of linear maps under which the update is equivariant, n x n SymPy matrices.
    orbital: pairs (X, c) of maps and rates for which it is equivariant up to the factor e^{ct}.
    claims: the statement with its verdict.
    """

    size: int
    basis: tuple[sp.ImmutableMatrix, ...]
    orbital: tuple[tuple[sp.ImmutableMatrix, sp.Expr], ...]
    claims: tuple[Claim, ...]

    @property
    def dimension(self) -> int:
        """Dimension of the algebra."""
        return len(self.basis)

    @cached_property
    def name(self) -> str | None:
        """Name of the algebra as a subspace of gl(n): 0, R, diag(n), so(n), co(n), sl(n), gl(n); None for others."""
        return subspace_name(self.basis, self.size)

    @property
    def verdict(self) -> Verdict:
        """Verdict of the claims together."""
        return self.certificate.verdict

    @property
    def certificate(self) -> TheoremCheck:
        """The claims."""
        return TheoremCheck(theorem="linear naturality algebra", claims=self.claims)

    def to_dict(self) -> dict[str, Any]:
        """The algebra as JSON-ready data."""
        return {
            "dimension": self.dimension,
            "name": self.name,
            "basis": [[[str(entry) for entry in row] for row in X.tolist()] for X in self.basis],
            **self.certificate.to_dict(),
        }


def symbolic(update: Any, data: Sequence[TypedSymbols]) -> SymbolicAlgebra:
    r"""The Lie algebra of linear maps A under which an update formula is equivariant, :math:`U(A\cdot d) = A\,U(d)`.

    .. math:: \{X \in \mathfrak{gl}(n) : \delta_X U(d) = X\,U(d) \text{ for all } d\}

    with the typed variations of the data d.  The numerators of this identity are polynomials in the entries of d; their
    coefficients are linear equations for X, solved exactly.

    Parameters
    ----------
    update: the formula of U: a SymPy matrix of shape (n, 1) in the entries of the data: rational functions, square
        roots of them, signs and absolute values of entries of vectors and covectors.  Symbols of no datum are constants
        of generic value.
    data: what the update reads; see :class:`TypedSymbols`.

    Raises
    ------
    InputError: the formula is no such matrix, or the data do not fit it.

    >>> g = TypedSymbols("g", "covector", 2)
    >>> found = symbolic(-g.matrix, [g])
    >>> found.name, found.verdict, len(found.orbital)
    ('so(2)', 'proved', 2)
    >>> symbolic(g.matrix.applyfunc(lambda entry: 1 / entry), [g]).name
    'diag(2)'
    """
    formula, size, types = _read(update, data)
    variable = [entry for one in types for entry in one.entries]
    signed = [entry for one in types if one.kind in ("covector", "vector") for entry in one.entries]
    constants = sorted(formula.free_symbols - set(variable), key=str)
    rows: list[list[Any]] = []
    for case in rational_cases(formula, signed=signed, variable=variable):
        rows += Equations(case, types, variable, constants).rows()
    domain = sp.QQ.frac_field(*constants) if constants else sp.QQ
    count = size * size + 1
    table = DomainMatrix(rows, (len(rows), count), domain) if rows else DomainMatrix.zeros((0, count), domain)
    strict = _null_vectors(table[:, : count - 1])
    orbital = tuple(
        (sp.ImmutableMatrix(size, size, vector[:-1]), vector[-1]) for vector in _null_vectors(table) if any(vector[:-1])
    )
    basis = tuple(sp.ImmutableMatrix(size, size, vector) for vector in strict)
    claim = _claim(basis, size, constants, types, crosses=_crosses(formula, basis, types))
    return SymbolicAlgebra(size=size, basis=basis, orbital=orbital, claims=(claim,))


def subspace_name(basis: Sequence[Any], size: int) -> str | None:
    """The name of a subspace of gl(n) that is one of the standard ones in these coordinates.

    >>> subspace_name([sp.Matrix([[0, 1], [-1, 0]])], 2)
    'so(2)'
    """
    if not basis:
        return "0"
    for name, standard in standard_subspaces(size).items():
        if len(standard) == len(basis):
            stacked = sp.Matrix([list(X) for X in (*standard, *basis)])
            if stacked.rank() == len(basis):
                return name
    return None


def standard_subspaces(size: int) -> Mapping[str, list[sp.Matrix]]:
    """Bases of the standard subspaces of gl(n), by name."""
    unit = [
        [sp.Matrix(size, size, lambda a, b, i=i, j=j: int((a, b) == (i, j))) for j in range(size)] for i in range(size)
    ]
    diagonal = [unit[i][i] for i in range(size)]
    skew = [unit[i][j] - unit[j][i] for i in range(size) for j in range(i)]
    off = [unit[i][j] for i in range(size) for j in range(size) if i != j]
    return {
        "gl(1)" if size == 1 else "R": [sp.eye(size)],
        f"so({size})": skew,
        f"diag({size})": diagonal,
        f"co({size})": [*skew, sp.eye(size)],
        f"sl({size})": [*off, *(diagonal[i] - diagonal[0] for i in range(1, size))],
        f"gl({size})": [*diagonal, *off],
    }


def _null_vectors(table: DomainMatrix) -> list[list[sp.Expr]]:
    """A basis of the null space, in SymPy numbers."""
    if not table.shape[0]:
        return [list(row) for row in sp.eye(table.shape[1]).tolist()]
    return [list(row) for row in table.nullspace().rref()[0].to_Matrix().tolist()]


def _read(update: Any, data: Sequence[TypedSymbols]) -> tuple[sp.Matrix, int, tuple[TypedSymbols, ...]]:
    """The formula, the number of coordinates and the data, refused where they make no sense."""
    types = tuple(data) if isinstance(data, Sequence) else ()
    if not types or not all(isinstance(one, TypedSymbols) for one in types):
        raise InputError(
            "the data of the update", why="they are no typed symbols", cure='give [TypedSymbols("g", "covector", 2)]'
        )
    if not isinstance(update, sp.MatrixBase) or update.shape[1] != 1:
        raise InputError(
            f"an update of the type {type(update).__name__}",
            why="it is read as a SymPy matrix of shape (n, 1), never as text",
            cure="write sympy.Matrix([...]) in the entries of the data",
        )
    size = len(update)
    if any(one.size != size for one in types):
        raise InputError(
            "the data of the update", why=f"the update has {size} components", cure="give data of one size"
        )
    names = [entry for one in types for entry in one.entries]
    if len(set(names)) < len(names):
        raise InputError("the data of the update", why="two of them share a symbol", cure="give them different names")
    for symbol in sorted(update.free_symbols - set(names), key=str):
        if str(symbol) in {str(entry) for entry in names}:
            raise InputError(
                f"the symbol {symbol} of the update",
                why="it has the name of an entry of the data, and other assumptions, so it would be a constant",
                cure="take the entries from TypedSymbols(...).matrix",
            )
    return sp.Matrix(update), size, types


def _crosses(formula: sp.Matrix, basis: Sequence[sp.ImmutableMatrix], types: Sequence[TypedSymbols]) -> bool:
    """Whether the flow of some X leads through zero an entry whose sign the formula takes."""
    symbols = {one.args[0] for one in formula.atoms(sp.sign, sp.Abs)}
    for X in basis:
        moved = {symbol: value for one in types for symbol, value in one.variation(sp.Matrix(X)).items()}
        if any(sp.expand(moved[symbol].subs(symbol, 0)) != 0 for symbol in symbols):
            return True
    return False


def _claim(
    basis: Sequence[sp.ImmutableMatrix],
    size: int,
    constants: Sequence[sp.Symbol],
    types: Sequence[TypedSymbols],
    *,
    crosses: bool,
) -> Claim:
    """What was proved; undecided where a flow crosses a change of sign, at which the update may jump."""
    name = subspace_name(basis, size)
    assumptions = []
    if constants:
        assumptions.append(f"generic values of {', '.join(map(str, constants))}")
    if any(one.kind == "root-of-cov2" for one in types):
        assumptions.append("the root is that of a positive definite matrix")
    shown = name or f"a space of dimension {len(basis)}"
    exact = "the identity of rational functions is a linear system over the rationals, whose null space is exact"
    between = "it holds between changes of sign, which flows of some of these X cross; other X are excluded"
    return Claim(
        statement=f"the X in gl({size}) with delta_X U = X U for all data are {shown}",
        verdict="undecided" if crosses else "proved",
        reason=between if crosses else exact,
        assumptions=tuple(assumptions),
        evidence={"dimension": len(basis), "name": name},
    )
