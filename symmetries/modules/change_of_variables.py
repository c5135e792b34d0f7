r"""Polynomial changes of variables u = F(theta), with their inverse where elimination finds one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from typing import final

from symmetries.fields import Polynomial, polynomial_text
from symmetries.modules.polynomial_loss import Poly, Ring
from symmetries.modules.syzygies import minor

MAX_TERMS = 2_000
MAX_MINOR_SIZE = 6
MAX_SUBSETS = 300


@final
@dataclass(frozen=True)
class ChangeOfVariables:
    r"""New coordinates :math:`(u, v) = (F(\theta), \theta_{\text{kept}})` on parameter space.

    Parameters
    ----------
    parameters: names of the old coordinates theta.
    names: names of the new ones: u_1, ..., u_q, then the parameters that are kept.
    forward: the new coordinates as polynomials in the old ones.
    determinant: Jacobian determinant of the new coordinates by the old ones, up to sign; a polynomial in theta.
    inverse: the old coordinates as polynomials in the new ones, None where none was found.

    >>> from symmetries import Loss
    >>> from symmetries.modules.sum_of_squares import sum_of_squares_symmetries
    >>> change = sum_of_squares_symmetries(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2")).change
    >>> change.formulas
    {'u1': 'x - 1', 'u2': '-x**2 + y'}
    >>> change.inverse_formulas
    {'x': 'u1 + 1', 'y': 'u1**2 + 2*u1 + u2 + 1'}
    """

    parameters: tuple[str, ...]
    names: tuple[str, ...]
    forward: tuple[Polynomial, ...]
    determinant: Polynomial
    inverse: tuple[Polynomial, ...] | None = None

    @property
    def formulas(self) -> dict[str, str]:
        """Formulas of the new coordinates, by their names."""
        return {name: polynomial_text(part) for name, part in zip(self.names, self.forward, strict=True)}

    @property
    def inverse_formulas(self) -> dict[str, str] | None:
        """Formulas of the old coordinates in the new ones, by their names."""
        if self.inverse is None:
            return None
        return {name: polynomial_text(part) for name, part in zip(self.parameters, self.inverse, strict=True)}

    @property
    def is_unimodular(self) -> bool:
        """Whether the Jacobian determinant is a constant other than zero."""
        return set(self.determinant) == {()}


@final
@dataclass(frozen=True)
class Solved:
    """The change of variables while it is made: polynomials in theta and u together.

    Parameters
    ----------
    ring: polynomials in theta, then u.
    size: number of coordinates theta.
    pivots: the coordinates that u replaces, in the order of the Jacobian's columns.
    inverse: each pivot as a polynomial in u and the other coordinates; empty when elimination stopped.
    determinant: determinant of the columns of the pivots.
    """

    ring: Ring
    size: int
    pivots: tuple[int, ...]
    inverse: Mapping[int, Poly]
    determinant: Poly


def new_names(count: int, taken: Sequence[str]) -> tuple[str, ...]:
    """Names u1, u2, ... that are not taken.

    >>> new_names(2, ["u1", "x"])
    ('u_1', 'u_2')
    """
    for stem in ("u", "u_", "u__", "new_"):
        names = tuple(f"{stem}{k + 1}" for k in range(count))
        if not set(names) & set(taken):
            return names
    return tuple(f"new_coordinate_{len(taken)}_{k + 1}" for k in range(count))


def change_variables(residuals: Sequence[Poly], ring: Ring) -> Solved | None:
    """Coordinates that the residuals can replace, a constant determinant preferred; None when they are dependent.

    The residuals are polynomials in the first indeterminates of the ring, as many as there are parameters; the last
    ones, one for each residual, are the new coordinates.
    """
    count = len(residuals)
    size = len(ring.names) - count
    rows = [tuple(residual.derivative(k) for k in range(size)) for residual in residuals]
    inverse = _eliminate(residuals, ring, size)
    if inverse is not None:
        pivots = tuple(sorted(inverse))
        return Solved(ring, size, pivots, inverse, _constant_determinant(rows, pivots, ring))
    if count > MAX_MINOR_SIZE or comb(size, count) > MAX_SUBSETS:
        return None
    best: tuple[tuple[int, ...], Poly] | None = None
    known: dict[tuple[int, ...], Poly] = {}
    for columns in islice(combinations(range(size), count), MAX_SUBSETS):
        determinant = minor(rows, columns, known)
        if determinant == 0:
            continue
        if best is None or len(determinant) < len(best[1]) or determinant.is_constant():
            best = (columns, determinant)
        if determinant.is_constant():
            break
    return None if best is None else Solved(ring, size, best[0], {}, best[1])


def _constant_determinant(rows: Sequence[tuple[Poly, ...]], columns: tuple[int, ...], ring: Ring) -> Poly:
    """The determinant, known to be constant, from its value at the origin."""
    from flint import fmpq_mat

    origin = [0] * len(ring.names)
    matrix = fmpq_mat(len(rows), len(columns), [row[k](*origin) for row in rows for k in columns])
    return ring.context.constant(matrix.det())


def _eliminate(residuals: Sequence[Poly], ring: Ring, size: int) -> dict[int, Poly] | None:
    """Solve u = F(theta) for as many coordinates as there are residuals, one after the other.

    An equation is solved for a coordinate that stands in it once, with a number as its factor.
    """
    generators = ring.context.gens()
    equations = {a: residual - generators[size + a] for a, residual in enumerate(residuals)}
    solved: dict[int, Poly] = {}
    while equations:
        choices = [
            (len(equation), equation.total_degree(), a, k)
            for a, equation in equations.items()
            for k in range(size)
            if (slope := equation.derivative(k)).is_constant() and slope != 0
        ]
        if not choices:
            return None
        _, _, a, k = min(choices)
        equation = equations.pop(a)
        value = generators[k] - equation / equation.derivative(k).leading_coefficient()
        images = [value if j == k else generator for j, generator in enumerate(generators)]
        equations = {b: other.compose(*images) for b, other in equations.items()}
        solved = {j: other.compose(*images) for j, other in solved.items()} | {k: value}
        if any(len(polynomial) > MAX_TERMS for polynomial in (*equations.values(), *solved.values())):
            return None
    # Polynomials g with g(F(theta)) = theta make F an isomorphism of polynomial rings.
    images = [*generators[:size], *residuals]
    exact = all(value.compose(*images) == generators[k] for k, value in solved.items())
    return solved if exact else None
