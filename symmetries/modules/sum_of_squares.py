r"""Sums of squares: rotations of the residuals, read off the expression before any ansatz.

:math:`L = \sum_a c_a f_a^2 + \text{const}` with independent residuals is a quadratic form in the coordinates u =
F(theta), so the rotations of u are symmetries of L, whatever their degree in theta.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any, final

from flint import fmpq

from manifolds.errors import InputError
from symmetries.arguments import require_loss
from symmetries.certificate import Certificate, Claim
from symmetries.fields import Polynomial, VectorField, polynomial_text
from symmetries.given_basis import field_nodes, node_polynomial
from symmetries.loss import Loss
from symmetries.modules.change_of_variables import ChangeOfVariables, Solved, change_variables, new_names
from symmetries.modules.polynomial_loss import Poly, PolynomialLoss, Ring
from symmetries.modules.syzygies import minor, normalised
from symmetries.scalar import Product, Sum
from symmetries.system import DeterminingSystem

MAX_RESIDUALS = 40


@final
@dataclass(frozen=True, kw_only=True)
class SumOfSquares:
    r"""A loss as a sum of squares, :math:`L = \sum_a c_a f_a(\theta)^2 + \text{const}`, and the symmetries it shows.

    Parameters
    ----------
    loss: the loss.
    coefficients: the numbers c_a, none of them zero; empty when the loss was not seen to be a sum of squares.
    residuals: the polynomials f_a.
    change: the coordinates (u, v) with u = F(theta), None when the residuals do not serve as coordinates.
    fields: :math:`X_{ab} = c_b u_b\,\partial_{u_a} - c_a u_a\,\partial_{u_b}` for a < b, in the parameters.
    claims: one for each field.
    null_fields: :math:`\partial_{v_k}` in the coordinates (u, v), along which no residual changes.
    null_claims: one for each null field.
    name: name of the algebra that the fields span, None without fields.
    name_claim: the claim of that name.
    reason: why there are no fields, empty when there are.
    """

    loss: Loss
    coefficients: tuple[Fraction, ...] = ()
    residuals: tuple[Polynomial, ...] = ()
    change: ChangeOfVariables | None = None
    fields: tuple[VectorField, ...] = ()
    claims: tuple[Claim, ...] = ()
    null_fields: tuple[VectorField, ...] = ()
    null_claims: tuple[Claim, ...] = ()
    name: str | None = None
    name_claim: Claim | None = None
    reason: str = ""

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The indices (a, b) of the fields, in their order."""
        return tuple(combinations(range(len(self.residuals)), 2)) if self.change else ()

    @property
    def is_polynomial(self) -> bool:
        """Whether the fields are polynomial: the Jacobian determinant is constant."""
        return self.change is not None and self.change.is_unimodular

    @property
    def certificate(self) -> Certificate:
        """The fields with their claims, in a form that can be stored and checked again."""
        fields = (*self.fields, *self.null_fields)
        return Certificate(
            loss=self.loss.to_dict(),
            fields=tuple(dict(field.components) for field in fields),
            claims=(*self.claims, *self.null_claims),
        )

    def __str__(self) -> str:
        if not self.change:
            return f"no symmetries from a sum of squares: {self.reason}"
        squares = [
            f"{'' if c == 1 else f'{c}*'}({polynomial_text(f)})**2"
            for c, f in zip(self.coefficients, self.residuals, strict=True)
        ]
        head = f"{' + '.join(squares)} + const: {self.name}"
        return "\n".join([head, *(f"  {field}" for field in (*self.fields, *self.null_fields))])


def sum_of_squares_symmetries(loss: Loss) -> SumOfSquares:
    r"""Symmetries of a sum of squares, without an ansatz.

    .. math:: L = \sum_{a=1}^q c_a f_a^2 + \text{const}, \qquad X_{ab} = J^{-1}(c_b f_b\, e_a - c_a f_a\, e_b),

    with the Jacobian matrix J of the residuals by q of the parameters, the others kept as coordinates.  The fields span
    so(p, q') for p positive and q' negative coefficients, and are polynomial when det J is constant.  Where there are
    fewer residuals than parameters, the fields that change no residual are symmetries as well.

    A loss of degree two is completed to squares when its expression does not show any.

    Parameters
    ----------
    loss: the loss; its residuals are read off its expression.

    Returns
    -------
    SumOfSquares with the fields and their claims, or with the reason why there are none: more residuals than
    parameters, dependent residuals, data or structural constants in them.

    Raises
    ------
    InputError: no loss is given.

    Examples
    --------
    >>> from symmetries import Loss
    >>> squares = sum_of_squares_symmetries(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2"))
    >>> squares.name, squares.claims[0].verdict
    ('so(2)', 'proved')
    >>> print(squares.fields[0])
    (-100*x**2 + 100*y) d/dx + (-200*x**3 + 200*x*y - x + 1) d/dy
    """
    loss = require_loss(loss, where="sum_of_squares_symmetries")
    return read_sum_of_squares(loss, DeterminingSystem.of(loss, seed=0))


def read_sum_of_squares(loss: Loss, system: DeterminingSystem) -> SumOfSquares:
    """The sum of squares of a loss whose system is there already."""
    empty = SumOfSquares(loss=loss)
    try:
        parts = PolynomialLoss.from_system(loss, system)
    except InputError as error:
        return replace(empty, reason=error.what)
    if system.data or parts.constants:
        return replace(empty, reason="the residuals would hold data or structural constants")
    if len(parts.parts) != 1:
        return replace(empty, reason="the loss does not depend on its parameters")
    found = replace(empty, reason="the expression is no sum of squares")
    for squares in _candidates(system, parts):
        found = _with_squares(empty, parts, squares)
        if found.change:
            return found
    return found


def _candidates(system: DeterminingSystem, parts: PolynomialLoss) -> Iterator[list[tuple[fmpq, Poly]]]:
    """The squares of the expression, then those to which a loss of degree two is completed."""
    written = _squares(system, parts.ring)
    if written is not None:
        yield written
    if parts.parts[0].total_degree() == 2:
        completed = complete_squares(parts.parts[0])
        if completed is not None:
            yield completed


def _with_squares(empty: SumOfSquares, parts: PolynomialLoss, squares: list[tuple[fmpq, Poly]]) -> SumOfSquares:
    """The symmetries that given squares show."""
    size = len(parts.coordinates)
    coefficients = tuple(Fraction(int(c.p), int(c.q)) for c, _ in squares)
    found = replace(empty, coefficients=coefficients, residuals=tuple(parts.ring.named(f) for _, f in squares))
    if len(squares) > size:
        why = f"{len(squares)} residuals of {size} parameters satisfy relations that rotations do not keep"
        return replace(found, reason=why)
    if len(squares) > MAX_RESIDUALS:
        return replace(found, reason=f"{len(squares)} residuals are more than {MAX_RESIDUALS}")
    ring = Ring((*parts.coordinates, *new_names(len(squares), parts.coordinates)))
    residuals = [ring.poly(f) for f in found.residuals]
    solved = change_variables(residuals, ring)
    if solved is None:
        return replace(found, reason="the residuals were not seen to be independent coordinates")
    return _with_fields(found, parts.system, residuals, solved)


def _squares(system: DeterminingSystem, ring: Ring) -> list[tuple[fmpq, Poly]] | None:
    """Coefficients and residuals of the squares that a loss is written as, a constant left out."""
    graph = system.graph
    entry = graph.entries[system.root]
    terms = entry.terms if isinstance(entry, Sum) else ((system.root, fmpq(1)),)
    found = []
    for node, coefficient in terms:
        inside = graph.entries[node]
        if not isinstance(inside, Product) or any(power % 2 or power < 0 for _, power in inside.powers):
            return None
        residual = node_polynomial(graph, graph.product((inner, power // 2) for inner, power in inside.powers))
        if residual is None:
            return None
        found.append((coefficient, ring.poly(residual)))
    return found


def complete_squares(polynomial: Poly) -> list[tuple[fmpq, Poly]] | None:
    """A polynomial of degree two as a sum of squares of affine ones and a constant; None when a linear part is left.

    Source: J.-L. Lagrange's reduction, as in F. R. Gantmacher, "The Theory of Matrices" (1959), section X.3.
    """
    size = polynomial.context().nvars()
    found: list[tuple[fmpq, Poly]] = []
    while polynomial.total_degree() == 2:
        slopes = [polynomial.derivative(k) for k in range(size)]
        second = {(i, j): slopes[i].derivative(j) for i in range(size) for j in range(i, size)}
        pair = next((pair for pair in sorted(second, key=lambda one: one[0] != one[1]) if second[pair] != 0), None)
        assert pair is not None
        factor, (p, q) = second[pair].leading_coefficient(), (slopes[pair[0]], slopes[pair[1]])
        new = [(1 / (2 * factor), p)] if pair[0] == pair[1] else [(1 / (4 * factor), p + q), (-1 / (4 * factor), p - q)]
        for coefficient, residual in new:
            polynomial -= coefficient * residual**2
            whole = normalised({0: residual})[0]
            scale = residual.leading_coefficient() / whole.leading_coefficient()
            found.append((coefficient * scale**2, whole))
    return found if polynomial.is_constant() else None


def _with_fields(
    found: SumOfSquares, system: DeterminingSystem, residuals: Sequence[Poly], solved: Solved
) -> SumOfSquares:
    """The fields, each proved."""
    ring, size = solved.ring, solved.size
    kept = [k for k in range(size) if k not in solved.pivots]
    columns = _inverse_columns(residuals, solved)
    rotations = []
    for a, b in combinations(range(len(residuals)), 2):
        p, q = (fmpq(found.coefficients[k].numerator, found.coefficients[k].denominator) for k in (a, b))
        part = {k: q * residuals[b] * columns[a][k] - p * residuals[a] * columns[b][k] for k in solved.pivots}
        rotations.append(_field(part, solved))
    nulls = []
    for k in kept:
        moved = {
            j: -sum((f.derivative(k) * columns[a][j] for a, f in enumerate(residuals)), ring.context.constant(0))
            for j in solved.pivots
        }
        nulls.append(_field({k: solved.determinant, **moved}, solved))
    change = ChangeOfVariables(
        parameters=system.coordinates,
        names=(*ring.names[size:], *(ring.names[k] for k in kept)),
        forward=tuple(ring.named(part) for part in (*residuals, *(ring.context.gens()[k] for k in kept))),
        determinant=ring.named(solved.determinant),
        inverse=_inverse(solved) if solved.inverse else None,
    )
    name = orthogonal_name(found.coefficients)
    return replace(
        found,
        change=change,
        fields=tuple(rotations),
        claims=tuple(_claim(found.loss, system, field) for field in rotations),
        null_fields=tuple(nulls),
        null_claims=tuple(_claim(found.loss, system, field) for field in nulls),
        name=name,
        name_claim=_name_claim(name, change),
    )


def _inverse_columns(residuals: Sequence[Poly], solved: Solved) -> list[dict[int, Poly]]:
    """Columns of det(J) J^-1 for the pivots, by residual: cofactors, or derivatives of the inverse map."""
    ring, size = solved.ring, solved.size
    if solved.inverse:
        images = [*ring.context.gens()[:size], *residuals]
        scale = solved.determinant
        return [
            {k: scale * value.derivative(size + a).compose(*images) for k, value in solved.inverse.items()}
            for a in range(len(residuals))
        ]
    rows = [tuple(residual.derivative(k) for k in range(size)) for residual in residuals]
    columns: list[dict[int, Poly]] = []
    for a in range(len(rows)):
        others = rows[:a] + rows[a + 1 :]
        known: dict[tuple[int, ...], Poly] = {(): ring.context.constant(1)}
        columns.append(
            {
                k: minor(others, solved.pivots[:i] + solved.pivots[i + 1 :], known) * (-1) ** (a + i)
                for i, k in enumerate(solved.pivots)
            }
        )
    return columns


def _field(entries: Mapping[int, Poly], solved: Solved) -> VectorField:
    """The field with the given components over the determinant."""
    names, ring, determinant = solved.ring.names, solved.ring, solved.determinant
    kept = {k: entry for k, entry in sorted(entries.items()) if entry != 0}
    factors = {k: entry.gcd(determinant) for k, entry in kept.items()}
    if all((determinant // factor).is_constant() for factor in factors.values()):
        number = {k: (determinant // factor).leading_coefficient() for k, factor in factors.items()}
        polynomials = {names[k]: ring.named(entry // factors[k] / number[k]) for k, entry in kept.items()}
        return VectorField.from_polynomials(polynomials)
    components = {}
    for k, entry in kept.items():
        below = determinant // factors[k]
        whole = entry // factors[k]
        if below.is_constant():
            components[names[k]] = polynomial_text(ring.named(whole / below.leading_coefficient()))
        else:
            components[names[k]] = f"({polynomial_text(ring.named(whole))})/({polynomial_text(ring.named(below))})"
    return VectorField(components)


def _inverse(solved: Solved) -> tuple[Polynomial, ...]:
    """Every parameter in the new coordinates."""
    generators = solved.ring.context.gens()
    return tuple(solved.ring.named(solved.inverse.get(k, generators[k])) for k in range(solved.size))


def _claim(loss: Loss, system: DeterminingSystem, field: VectorField) -> Claim:
    proof = system.prover.prove(field_nodes(loss, system, field))
    evidence: dict[str, Any] = {"invariants": proof.invariants, "expansions": proof.expansions}
    statement = f"({field}) L = 0"
    if proof.outcome == "zero":
        return Claim(
            statement=statement, verdict="proved", reason="a rotation of the residuals, expanded", evidence=evidence
        )
    return Claim(
        statement=statement, verdict="undecided", reason=f"the exact proof ended: {proof.outcome}", evidence=evidence
    )


def orthogonal_name(coefficients: Sequence[Fraction]) -> str:
    """Name of the algebra of rotations of a form with these coefficients.

    >>> orthogonal_name([Fraction(1), Fraction(2), Fraction(-1)]), orthogonal_name([Fraction(1)])
    ('so(2,1)', '0')
    """
    positive = sum(value > 0 for value in coefficients)
    large, small = sorted((positive, len(coefficients) - positive), reverse=True)
    if large + small < 2:
        return "0"
    return f"so({large},{small})" if small else f"so({large})"


def _name_claim(name: str, change: ChangeOfVariables) -> Claim:
    where = "everywhere" if change.is_unimodular else "where the Jacobian determinant is not zero"
    return Claim(
        statement=f"the fields span {name} under Lie brackets",
        verdict="proved",
        reason=f"in the coordinates ({', '.join(change.names)}), which they are {where}, the fields are the linear "
        "rotations of a diagonal form",
        evidence={"determinant": polynomial_text(change.determinant)},
    )
