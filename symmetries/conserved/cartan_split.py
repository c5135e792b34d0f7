r"""The Cartan split of an algebra of symmetries by a metric: conservation laws on one side, isometries on the other.

For a linear field X = A theta and a constant metric G: when G A is symmetric, theta^T G A theta / 2 is conserved by
gradient flow; when G A is skew, exp(t A) is an isometry, and gradient flow, gradient descent and momentum commute with
it.  Only X = 0 is both.  For an algebra that is closed under the adjoint A -> G^{-1} A^T G the two parts are
everything.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

from manifolds.errors import InputError
from symmetries.algebra import SymmetryAlgebra, components
from symmetries.certificate import Claim
from symmetries.conserved.closed_fields import Form, combinations, lowered
from symmetries.conserved.metric import Metric
from symmetries.fields import Monomial, VectorField
from symmetries.nullspace import short_basis
from symmetries.span import Span


@final
@dataclass(frozen=True, kw_only=True)
class CartanSplit:
    """The parts of an algebra of affine symmetries.

    Parameters
    ----------
    conserving: a basis of the fields X with G X a gradient: each gives a conserved quantity of gradient flow.
    commuting: a basis of the Killing fields of G: gradient descent commutes with their flows.
    translations: dimension of the intersection of the two, which is made of constant fields.
    rest: number of dimensions that are in neither, nor in their sum.
    claim: that the split is complete, with the dimensions.
    """

    conserving: tuple[VectorField, ...]
    commuting: tuple[VectorField, ...]
    translations: int
    rest: int
    claim: Claim


def cartan_split(algebra: SymmetryAlgebra, *, metric: Any = None) -> CartanSplit:
    r"""Split an algebra of linear or affine symmetries into gradient fields and isometries of a metric, exactly.

    Parameters
    ----------
    algebra: an algebra that :func:`symmetries.derive` returned, of linear, affine or diagonal fields.
    metric: the constant metric G; see :class:`symmetries.conserved.metric.Metric`.  The identity by default.

    Raises
    ------
    InputError: the fields are not affine, they move data, or the metric does not fit.

    Examples
    --------
    >>> from symmetries import Loss, derive
    >>> loss = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 3)}, data={"Y": (3, 3)})
    >>> split = cartan_split(derive(loss))
    >>> len(split.conserving), len(split.commuting), split.rest  # gl(2) = symmetric + so(2)
    (3, 1, 0)

    Source: S. Helgason, "Differential Geometry, Lie Groups, and Symmetric Spaces" (1978), section III.7.
    """
    given: object = algebra
    if not isinstance(given, SymmetryAlgebra):
        what = f"cartan_split was given {type(algebra).__name__}"
        raise InputError(what, why="it splits an algebra of symmetries", cure="write cartan_split(derive(loss))")
    shape = Metric(algebra.loss, metric)
    _require_affine(algebra)
    forms = [lowered(shape, field) for field in algebra.generators]
    names = set(algebra.loss.entries)
    conserving = _combined(algebra, combinations([_part(form, names, -1) for form in forms]))
    commuting = _combined(algebra, combinations([_part(form, names, 1) for form in forms]))
    together = Span(components(field) for field in (*conserving, *commuting)).dimension
    translations = len(conserving) + len(commuting) - together
    rest = algebra.dimension - together
    whole = "the algebra is the sum of both" if rest == 0 else f"{rest} dimensions of the algebra are in neither"
    claim = Claim(
        statement=f"{len(conserving)} dimensions are gradient fields, {len(commuting)} are isometries; {whole}",
        verdict=algebra.completeness.verdict,
        reason="linear algebra over the rationals on a basis of the algebra",
        assumptions=algebra.completeness.assumptions,
        evidence={
            "dimension": algebra.dimension,
            "conserving": len(conserving),
            "commuting": len(commuting),
            "translations": translations,
            "rest": rest,
        },
    )
    return CartanSplit(conserving=conserving, commuting=commuting, translations=translations, rest=rest, claim=claim)


def _require_affine(algebra: SymmetryAlgebra) -> None:
    if algebra.loss.moving_entries:
        why, cure = "a gradient flow moves parameters only", "derive with data that stand still"
        raise InputError("an algebra that moves data", why=why, cure=cure)
    for field in algebra.generators:
        parts = [] if field.polynomials is None else [m for p in field.polynomials.values() for m in p]
        names = set(algebra.loss.entries)
        if field.polynomials is None or any(sum(e for name, e in m if name in names) > 1 for m in parts):
            why = "isometries of a constant metric are affine"
            raise InputError(f"the field {field}", why=why, cure="derive with Linear() or Affine()")


def _part(form: Form, coordinates: set[str], sign: int) -> dict[Hashable, Fraction]:
    """Coefficients of A + sign A^T for the form A theta + b: they vanish for skew A (sign 1), symmetric A (-1)."""
    result: dict[Hashable, Fraction] = {}
    for entry, polynomial in form.items():
        for monomial, value in polynomial.items():
            for name in (name for name, _ in monomial if name in coordinates):
                constants: Monomial = tuple(pair for pair in monomial if pair[0] not in coordinates)
                key = (*sorted((entry, name)), constants)
                factor = 1 if entry <= name else sign
                factor += sign if entry == name else 0
                result[key] = result.get(key, Fraction(0)) + factor * value
    return {key: value for key, value in result.items() if value}


def _combined(algebra: SymmetryAlgebra, vectors: list[dict[int, int]]) -> tuple[VectorField, ...]:
    """The combinations of the generators, as fields."""
    fields = []
    for vector in short_basis(vectors):
        total: dict[str, dict[Monomial, Fraction]] = {}
        for k, factor in vector.items():
            for (entry, monomial), value in components(algebra.generators[k]).items():
                target = total.setdefault(entry, {})
                target[monomial] = target.get(monomial, Fraction(0)) + factor * value
        ordered = {entry: total[entry] for entry in algebra.loss.entries if entry in total}
        fields.append(VectorField.from_polynomials(ordered))
    return tuple(fields)
