r"""The discrete part of a naturality group, exactly: real solutions of :math:`C^{\mathsf T}U(Cg) = U(g)`, counted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, permutations, product
from math import factorial
from typing import Any, final

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from manifolds.errors import InputError
from solvers.naturality.typed_symbols import TypedSymbols
from symmetries.certificate import Claim

Monomial = tuple[int, ...]


@final
@dataclass(frozen=True, kw_only=True)
class DiscretePart:
    """The linear maps under which an update of one covector is equivariant, when they are finitely many.

    Parameters
    ----------
    complex_solutions: how many complex matrices there are.
    real_solutions: how many of them are real.
    signed_permutations: how many signed permutations are among them.
    claim: what this proves.
    """

    complex_solutions: int
    real_solutions: int
    signed_permutations: int
    claim: Claim


def discrete_part(update: Any, covector: TypedSymbols) -> DiscretePart:
    r"""Count the matrices A with :math:`U(A^{-\mathsf T}g) = A\,U(g)` for all g, and compare with signed permutations.

    With :math:`C = A^{-\mathsf T}` the condition is :math:`C^{\mathsf T}U(Cg) = U(g)`, polynomial equations for the
    entries of C.  A Groebner basis gives the algebra of functions on their solutions; the rank of its trace form
    :math:`(p, q) \mapsto \operatorname{tr} M_{pq}` is the number of complex solutions, the signature that of real ones.

    Parameters
    ----------
    update: the formula of U, a SymPy matrix of shape (n, 1), polynomial in g with rational coefficients, with linearly
        independent components.
    covector: g.

    Raises
    ------
    InputError: the update is not polynomial, its components depend on each other, or there are infinitely many
        solutions.

    >>> g = TypedSymbols("g", "covector", 1)
    >>> found = discrete_part(g.matrix.applyfunc(lambda entry: entry**3), g)
    >>> found.complex_solutions, found.real_solutions
    (4, 2)

    Source: P. Pedersen, M.-F. Roy, A. Szpirglas, "Counting real zeros in the multivariate case" (1993).
    """
    equations, unknown = _equations(update, covector)
    basis = sp.groebner(equations, *unknown, order="grevlex")
    if not basis.is_zero_dimensional:
        raise InputError(
            "the discrete part of this update",
            why="infinitely many linear maps leave the update as it is",
            cure="ask for the Lie algebra first: `symbolic`",
        )
    form = _trace_form(basis, unknown)
    real, size = _signature(form), covector.size
    signed = _signed_permutations(update, covector)
    known = 2**size * factorial(size)
    exact = real == signed
    shown = f"exactly the {known} signed permutations" if exact and signed == known else f"{real} real matrices"
    claim = Claim(
        statement=f"the A with U(A^-T g) = A U(g) for all g are {shown}",
        verdict="proved",
        reason=f"the trace form of the solution algebra has rank {form.rank()} and signature {real}",
        evidence={"complex": form.rank(), "real": real, "signed_permutations": signed},
    )
    return DiscretePart(complex_solutions=form.rank(), real_solutions=real, signed_permutations=signed, claim=claim)


def _equations(update: Any, covector: TypedSymbols) -> tuple[list[sp.Expr], list[sp.Symbol]]:
    """The polynomial equations for the entries of C, and these entries."""
    known = isinstance(covector, TypedSymbols) and covector.kind == "covector" and isinstance(update, sp.MatrixBase)
    if not known or update.shape != (covector.size, 1):
        raise InputError("the update", why="it is no column of formulas of one covector", cure="give a SymPy matrix")
    g, size = covector.matrix, covector.size
    if not all(entry.is_polynomial(*g) and not entry.free_symbols - set(g) for entry in update):
        raise InputError("the update", why="it is not polynomial in the covector alone", cure="use `trajectory`")
    if not all(value.is_Rational for entry in update for value in sp.Poly(entry, *g).coeffs()):
        raise InputError(
            "the update", why="its coefficients are not rational, so nothing is exact", cure="use sympy.Rational(1, 10)"
        )
    independent = [sp.Poly(entry, *g).as_dict() for entry in update]
    monomials = sorted({monomial for one in independent for monomial in one})
    if sp.Matrix([[one.get(m, 0) for m in monomials] for one in independent]).rank() < size:
        raise InputError("the update", why="its components are linearly dependent", cure="use `trajectory`")
    C = sp.Matrix(size, size, lambda i, j: sp.Symbol(f"c{i}{j}"))
    moved = C.T * update.xreplace(dict(zip(g, C * g, strict=True))) - update
    return [value for entry in moved for value in sp.Poly(sp.expand(entry), *g).coeffs()], list(C)


def _trace_form(basis: sp.polys.polytools.GroebnerBasis, unknown: list[sp.Symbol]) -> DomainMatrix:
    """The matrix of the trace form in the standard monomials."""
    leading = [poly.monoms(order=sp.polys.orderings.grevlex)[0] for poly in basis.polys]
    standard = _standard_monomials(leading, len(unknown))
    number = {monomial: k for k, monomial in enumerate(standard)}
    one = DomainMatrix.eye(len(standard), sp.QQ).to_dense()
    steps = [_multiplication(basis, unknown, standard, number, variable) for variable in range(len(unknown))]
    products = []
    for monomial in standard:
        matrix = one
        for step, exponent in zip(steps, monomial, strict=True):
            for _ in range(exponent):
                matrix = matrix * step
        products.append(matrix.to_list())
    count = len(standard)
    traces = [[_trace(left, right, count) for right in products] for left in products]
    return DomainMatrix(traces, (count, count), sp.QQ)


def _trace(left: list[list[Any]], right: list[list[Any]], count: int) -> Any:
    """The trace of a product."""
    total = sp.QQ.zero
    for i in range(count):
        for j in range(count):
            if left[i][j] and right[j][i]:
                total += left[i][j] * right[j][i]
    return total


def _standard_monomials(leading: list[Monomial], count: int) -> list[Monomial]:
    """The monomials that no leading monomial divides."""
    bounds = [min(m[k] for m in leading if sum(m) == m[k]) for k in range(count)]
    return [
        monomial
        for monomial in product(*(range(bound) for bound in bounds))
        if not any(all(a >= b for a, b in zip(monomial, m, strict=True)) for m in leading)
    ]


def _multiplication(
    basis: sp.polys.polytools.GroebnerBasis,
    unknown: list[sp.Symbol],
    standard: list[Monomial],
    number: dict[Monomial, int],
    variable: int,
) -> DomainMatrix:
    """Multiplication by one variable; row k is the image of the standard monomial k."""
    rows = []
    for monomial in standard:
        raised = tuple(e + (k == variable) for k, e in enumerate(monomial))
        row = [sp.QQ.zero] * len(standard)
        if raised in number:
            row[number[raised]] = sp.QQ.one
        else:
            power = sp.prod(symbol**e for symbol, e in zip(unknown, raised, strict=True))
            remainder = sp.Poly(basis.reduce(power)[1], *unknown, domain=sp.QQ)
            for exponents, value in remainder.rep.to_dict().items():
                row[number[exponents]] = sp.QQ.convert(value)
        rows.append(row)
    return DomainMatrix(rows, (len(standard), len(standard)), sp.QQ)


def _signature(form: DomainMatrix) -> int:
    """Positive minus negative eigenvalues of a symmetric rational matrix, by Descartes' rule, exact for real roots."""
    coefficients = form.charpoly()
    return _sign_changes(coefficients) - _sign_changes([c * (-1) ** k for k, c in enumerate(coefficients)])


def _sign_changes(coefficients: list[Any]) -> int:
    """How often the sign changes along a list of numbers."""
    signs = [c > 0 for c in coefficients if c]
    return sum(a != b for a, b in pairwise(signs))


def _signed_permutations(update: sp.Matrix, covector: TypedSymbols) -> int:
    """How many signed permutations leave the update as it is."""
    g, size, count = covector.matrix, covector.size, 0
    for order in permutations(range(size)):
        for signs in product((1, -1), repeat=size):
            A = sp.Matrix(size, size, lambda i, j, o=order, s=signs: s[i] * int(j == o[i]))
            moved = update.xreplace(dict(zip(g, A * g, strict=True))) - A * update
            count += all(sp.expand(entry) == 0 for entry in moved)
    return count
