r"""Proof for all sizes that a family of fields or transformations leaves a family of losses unchanged.

For a field the derivative X.L is brought to normal form; for a transformation L(g.w) and L(w) are, with
:math:`g^{-1} g = 1`, :math:`Q Q^T = 1`, and positive diagonal factors that leave positively homogeneous functions.
What the rules do not prove is tried at small sizes, and a false statement is refuted there with numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from manifolds.errors import InputError
from symmetries.arguments import read_seed
from symmetries.certificate import Claim, Verdict
from symmetries.directional import Point, free_shapes, unmoved
from symmetries.domain import require_defined
from symmetries.dual import Hole, evaluate
from symmetries.loss import Loss
from symmetries.sizes.dual_enclosures import Enclosures
from symmetries.sizes.family import LossFamily
from symmetries.sizes.family_instance import Letters, member, random_letters, sizes_of, written_out
from symmetries.sizes.matrix_algebra import MatrixAlgebra
from symmetries.sizes.matrix_field import DEEP, FamilyAction, FamilyField, Setting, decide
from symmetries.sizes.matrix_forms import NotDecided
from symmetries.sizes.matrix_reading import Reading
from symmetries.sizes.matrix_text import build, infer
from symmetries.verify import verify

SMALL = ((3, 2, 4, 5, 2, 3), (2, 3, 3, 2, 4, 2), (4, 3, 2, 3, 3, 2))
"""Sizes at which a statement is tried, in order of the names."""

POINTS = 12
"""So many points are tried for a value of the loss."""

PRECISION_BITS = 256
"""Bits of the enclosures of values."""


def prove_family(
    family: LossFamily, subject: FamilyField | FamilyAction, *, rng: int | np.random.Generator = 0
) -> Claim:
    r"""Prove for all sizes that X.L = 0 for a family of fields, or L(g.w) = L(w) for a family of transformations.

    Parameters
    ----------
    family: the losses.
    subject: the fields or the transformations, as matrix words.
    rng: seed or generator of the numbers of a counterexample.

    Returns
    -------
    Claim: ``proved`` for all sizes; ``refuted`` with sizes, letters and a point at which it fails; or ``undecided``
    with the operation that stopped the rules.

    Raises
    ------
    InputError: the words do not fit the family: a size cannot be inferred, or two sizes differ.

    Examples
    --------
    >>> family = LossFamily.parse("sum((Y - U@V)**2)", {"U": ("n", "k"), "V": ("k", "m")}, data={"Y": ("n", "m")})
    >>> claim = prove_family(family, FamilyField({"U": "-U@S", "V": "S@V"}, letters={"S": "generic"}))
    >>> claim.verdict, claim.statement
    ('proved', 'X L = 0 for δU = -U@S, δV = S@V for every matrix S, for all n, k, m')
    >>> false = FamilyField({"U": "U@S", "V": "S@V"}, letters={"S": "generic"})
    >>> prove_family(family, false).verdict
    'refuted'

    Source: P. J. Olver, "Applications of Lie Groups to Differential Equations" (1993), proposition 2.6.
    """
    if not isinstance(family, LossFamily) or not isinstance(subject, FamilyField | FamilyAction):
        what = f"prove_family was given {type(family).__name__} and {type(subject).__name__}"
        why = "it proves a FamilyField or a FamilyAction for a LossFamily"
        raise InputError(what, why=why, cure='write FamilyField({"U": "-U@S", "V": "S@V"}, letters={"S": "generic"})')
    for name in subject.letters:
        if name in family.sizes:
            why = "the family has a size of that name"
            raise InputError(f"the letter {name!r} has a taken name", why=why, cure="rename the letter")
    decided = decide if isinstance(subject, FamilyField) else decide_action
    verdict, reason = decided(family.setting, subject)  # type: ignore[arg-type]
    said = "X L = 0" if isinstance(subject, FamilyField) else "L(g w) = L(w)"
    statement = ", ".join(part for part in (f"{said} for {subject}", family.quantifier) if part)
    evidence = {"method": "matrix words", "sizes": list(family.sizes)}
    claim = Claim(statement=statement, verdict=verdict, reason=reason, evidence=evidence)
    return claim if verdict == "proved" else tried(claim, family, subject, np.random.default_rng(read_seed(rng)))


def decide_action(setting: Setting, action: FamilyAction) -> tuple[Verdict, str]:
    """Whether the rules prove L(g.w) = L(w), and the reason."""
    algebra = MatrixAlgebra(setting.measure)
    setting.require_movable(action.components, "the action")
    matrices = setting.matrices()
    shapes = infer(action.parsed, action.letters, action.kinds, matrices, setting.length_name)
    try:
        values = {
            name: build(algebra, component, action.letters, shapes, matrices)
            for name, component in action.parsed.items()
        }
        before = Reading(algebra, quantity=setting.quantity).read(setting.root)
        after = Reading(algebra, values, quantity=setting.quantity).read(setting.root)
        left = algebra.add(after, algebra.scale(before, -1))
    except NotDecided as error:
        return "undecided", f"the rules for matrices do not decide: {error}"
    except RecursionError:
        return "undecided", DEEP
    if left:
        return "undecided", "the rules for matrices do not bring L(g w) and L(w) to one normal form"
    return "proved", "L(g w) and L(w) have the same normal form in matrix words"


def small_sizes(family: LossFamily) -> Iterator[dict[str, int]]:
    """Small sizes to try a statement at."""
    for sizes in SMALL:
        yield {name: sizes[place % len(sizes)] for place, name in enumerate(family.sizes)}


def tried(claim: Claim, family: LossFamily, subject: FamilyField | FamilyAction, rng: np.random.Generator) -> Claim:
    """A claim that the rules do not prove, tried at small sizes."""
    holds = []
    for sizes in small_sizes(family):
        loss = family.at(**sizes)
        letters = random_letters(subject, sizes_of(loss, subject), rng)
        if isinstance(subject, FamilyField):
            verdict, found = field_at(loss, subject, letters, rng)
        else:
            verdict, found = action_at(loss, subject, letters, rng)
        if verdict == "refuted":
            shown = {name: [[str(value) for value in row] for row in rows] for name, rows in letters.items()}
            counterexample = {"sizes": sizes, "letters": shown, **found}
            evidence = {**claim.evidence, "counterexample": counterexample}
            at = ", ".join(f"{name} = {value}" for name, value in sizes.items())
            return replace(claim, verdict="refuted", reason=f"it fails at {at}", evidence=evidence)
        if verdict == "proved":
            holds.append(sizes)
    if not holds:
        return claim
    reason = f"{claim.reason}; with random letters it holds at the sizes tried"
    return replace(claim, reason=reason, evidence={**claim.evidence, "holds_at": holds})


def field_at(
    loss: Loss, family: FamilyField, letters: Letters, rng: np.random.Generator
) -> tuple[Verdict, Mapping[str, Any]]:
    """Whether one field of a family is a symmetry, exactly, with the counterexample."""
    field = member(loss, family, letters)
    if not field.components:
        return "undecided", {}
    try:
        require_defined(loss, seed=int(rng.integers(2**31)))
        certificate = verify(loss, field, rng=int(rng.integers(2**31)))
    except InputError:  # the loss has no value at these sizes
        return "undecided", {}
    if certificate.verdict == "refuted" and not has_value(loss, rng):
        return "undecided", {}
    return certificate.verdict, {"at": certificate.claims[0].evidence.get("counterexample")}


def has_value(loss: Loss, rng: np.random.Generator) -> bool:
    """Whether the loss has a value for certain at one of a few points; decimals may take zero for a small number."""
    points = (random_point(loss, rng) for _ in range(POINTS))
    return any(
        value_at(loss, one) is not None
        for point in points
        for one in (point, {name: np.asarray(abs(values), dtype=object) for name, values in point.items()})
    )


def action_at(
    loss: Loss, action: FamilyAction, letters: Letters, rng: np.random.Generator
) -> tuple[Verdict, Mapping[str, Any]]:
    """Whether the loss has for certain another value at g.w than at w, at one of a few points."""
    images = written_out(loss, action, letters)
    for _ in range(4):
        point = random_point(loss, rng)
        moved = move(loss, images, point)
        values = [value_at(loss, one) for one in (point, moved)]
        if any(value is None for value in values):
            continue
        before, after = values
        if not after.overlaps(before):
            shown = {name: np.vectorize(str, otypes=[object])(array).tolist() for name, array in point.items()}
            return "refuted", {"at": {"point": shown, "before": in_digits(before), "after": in_digits(after)}}
    return "undecided", {}


def random_point(loss: Loss, rng: np.random.Generator) -> Point:
    """Values with small numerators."""
    found = {}
    for name, shape in free_shapes(loss).items():
        values = rng.integers(1, 12, size=shape) * rng.choice([-1, 1], size=shape)
        found[name] = np.frompyfunc(lambda value: Fraction(int(value), 5), 1, 1)(values)
    return {name: np.asarray(values, dtype=object) for name, values in found.items()}


def move(loss: Loss, images: Mapping[str, Any], point: Point) -> Point:
    """The point g.w."""
    from symmetries.expression import entry_names

    shapes = free_shapes(loss)
    values = {
        entry: value
        for name, array in point.items()
        for entry, value in zip(entry_names(name, shapes[name]), array.reshape(-1), strict=True)
    }
    moved = {}
    for name, shape in shapes.items():
        entries = entry_names(name, shape)
        if entries[0] not in images:
            moved[name] = point[name]
            continue
        flat = np.empty(len(entries), dtype=object)
        flat[:] = [polynomial_at(images[entry], values) for entry in entries]
        moved[name] = flat.reshape(shape)
    return moved


def polynomial_at(polynomial: Mapping[Sequence[tuple[str, int]], Fraction], values: Mapping[str, Any]) -> Fraction:
    """Value of a polynomial in entries."""
    total = Fraction(0)
    for monomial, coefficient in polynomial.items():
        term = coefficient
        for name, exponent in monomial:
            term *= values[name] ** exponent
        total += term
    return total


def value_at(loss: Loss, point: Point) -> Any:
    """An interval that holds the value of the loss, None where it has no value or that is not certain."""
    from flint import ctx

    previous, ctx.prec = ctx.prec, PRECISION_BITS
    try:
        arithmetic = Enclosures()
        value = evaluate(loss.expression, arithmetic, unmoved(arithmetic, point)).values[0]
        return None if isinstance(value, Hole) or not value.is_finite() else value
    finally:
        ctx.prec = previous


def in_digits(value: Any) -> str:
    """The middle of an interval in digits that show its difference from others."""
    return str(value.mid().str(50, radius=False))
