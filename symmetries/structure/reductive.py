"""Names of reductive algebras as people write them: gl(n,R), u(n), so(4), and what is left of ideals and centre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.structure.algebra_series import complement_of
from symmetries.structure.integer_matrices import Integers, integers, kills, null_vectors, product, rank
from symmetries.structure.real_forms import preferred
from symmetries.structure.representation import Representation
from symmetries.structure.semidirect import Named
from symmetries.structure.semisimple import RationalIdeal, SimpleIdeal

VECTOR_OF_FOUR = Fraction(8)
"""Dimension over trace of the vectors of so(4), so(3,1), so(2,2), in units of the Killing form."""

PAIRS = {(-3, -3): "so(4)", (-3, 1): "so*(4)", (1, 1): "so(2,2)"}
"""Sums of two ideals of rank 1 by their characters."""

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

LARGEST_DENOMINATOR = 10_000


@final
@dataclass(frozen=True, eq=False)
class Summand:
    """A direct summand to be named.

    Parameters
    ----------
    places: its simple ideals over the reals.
    basis: its rows in the algebra.
    casimir: dimension of what it moves over the trace there, in units of the Killing form; None when not constant.
    moved: dimension of what it moves, by block.
    """

    places: tuple[SimpleIdeal, ...]
    basis: Integers
    casimir: Fraction | None = None
    moved: list[int] = field(default_factory=list)


def summands(
    ideals: Sequence[RationalIdeal], rows: Integers, killing: Integers, representation: Representation | None, seed: int
) -> list[Summand]:
    """The ideals, with how they act on the parameters.

    Parameters
    ----------
    ideals: those of a semisimple subalgebra, in its coordinates.
    rows: the subalgebra's basis.
    killing: the Killing form of the whole algebra.
    representation: the action.
    """
    rng = np.random.default_rng(seed)
    found = []
    for ideal in ideals:
        basis = product(ideal.basis, rows)
        if representation is None:
            found.append(Summand(ideal.places, basis))
            continue
        moved = representation.moved(basis, rng)
        total = sum(size * block.copies for size, block in zip(moved, representation.blocks, strict=True))
        found.append(Summand(ideal.places, basis, _casimir(basis, killing, representation, total), moved))
    return found


def _casimir(basis: Integers, killing: Integers, representation: Representation, moved: int) -> Fraction | None:
    """Dimension over trace, None when the trace form is not a multiple of the Killing form."""
    ratios = set()
    for x, y in ((basis[0], row) for row in basis[:4]):
        expected = int(product(product(x.reshape(1, -1), killing), y.reshape(-1, 1))[0, 0])
        trace = representation.trace_form(x, y)
        if expected:
            ratios.add(trace / expected)
        elif trace:
            return None
    for x in basis[:4]:
        expected = int(product(product(x.reshape(1, -1), killing), x.reshape(-1, 1))[0, 0])
        if expected:
            ratios.add(representation.trace_form(x, x) / expected)
    if len(ratios) != 1:
        return None
    ratio = ratios.pop()
    return Fraction(moved) / ratio if ratio else None


def pair_up(found: list[Summand], representation: Representation | None) -> tuple[list[Named], list[Summand]]:
    """so(4), so(2,2) from two ideals that act together on vectors of four, and the summands that are left."""
    names: list[Named] = []
    rest: list[Summand] = []
    waiting = list(found)
    while waiting:
        one = waiting.pop(0)
        if [_is_rank_one(place) for place in one.places] == [True, True] and one.casimir == VECTOR_OF_FOUR:
            names.append(_pair(one.places))
            continue
        partner = next((other for other in waiting if _together(one, other, representation)), None)
        if partner is None:
            rest.append(one)
        else:
            waiting.remove(partner)
            names.append(_pair((*one.places, *partner.places)))
    return names, rest


def _is_rank_one(place: SimpleIdeal) -> bool:
    return (place.letter, place.rank, place.is_complex) == ("A", 1, False)


def _pair(places: tuple[SimpleIdeal, ...]) -> Named:
    low, high = sorted(place.character for place in places)
    parts = sorted((preferred(place.names, None)[0] for place in places), reverse=True)
    return Named(PAIRS[low, high], (" + ".join(parts),), 6)


def _together(one: Summand, other: Summand, representation: Representation | None) -> bool:
    """Whether two ideals of rank 1 act as so(4) or so(2,2) does on vectors: on the same subspace, both nontrivially."""
    if representation is None or one.moved != other.moved:
        return False
    if not all(len(part.places) == 1 and _is_rank_one(part.places[0]) for part in (one, other)):
        return False
    if not (one.casimir == other.casimir == VECTOR_OF_FOUR):
        return False
    both = np.concatenate([one.basis, other.basis])
    return representation.moved(both, np.random.default_rng(0)) == one.moved


def with_centre(
    parts: list[Summand], abelian: Integers, inner: Integers, representation: Representation | None
) -> tuple[list[Named], Integers]:
    """gl(n,R) and u(p,q) from simple ideals with a central line each, and the rest of the abelian summand.

    The line of an ideal acts on nothing that the ideal leaves alone, by scalings for sl(n,R), by rotations for
    su(p,q). Without a representation, the lines go to the ideals sl(n,R) when there is one for each.

    Parameters
    ----------
    parts: the simple ideals.
    abelian: the abelian summand.
    inner: the centre of the other summands, which may be added to its elements.
    representation: the action.
    """
    names: list[Named] = []
    if representation is None:
        linear = [part for part in parts if _family(part) == "sl"]
        merge = len(linear) == len(parts) == len(abelian) > 0
        for part in parts:
            names += _enlarged(part, "gl") if merge else plain(part)
        return names, abelian[:0] if merge else abelian
    centre = np.concatenate([inner, abelian])
    used = inner
    for part in parts:
        family = _family(part)
        line = _line(part, family, centre, used, representation) if family is not None else None
        if line is None:
            names += plain(part)
        else:
            used = np.concatenate([used, line])
            names += _enlarged(part, "gl" if family == "sl" else "u")
    turning = rotations(centre, representation)
    more = complement_of(used, turning)
    return names, np.concatenate([more, complement_of(np.concatenate([used, more]), centre)])


def _family(part: Summand) -> str | None:
    """``sl`` for sl(n,R), ``su`` for su(p,q), acting as such."""
    if len(part.places) != 1 or part.places[0].letter != "A" or part.places[0].is_complex:
        return None
    name = preferred(part.places[0].names, part.casimir)[0] if part.places[0].names else ""
    names = {form.name for form in part.places[0].names}
    if name.startswith(("sl(", "su(")):
        return name[:2]
    if part.casimir == Fraction(2 * (part.places[0].rank + 1) ** 2):
        return "su" if any(each.startswith("su(") for each in names) else None
    return None


def _line(
    part: Summand, family: str, centre: Integers, used: Integers, representation: Representation
) -> Integers | None:
    """A central direction that belongs to an ideal."""
    fixed = _trivial_on_fixed(part, centre, representation) if len(centre) else centre
    wanted = "scaling" if family == "sl" else "compact"
    candidates = [*fixed, *([sum(fixed[1:], fixed[0])] if len(fixed) > 1 else [])]
    turning = rotations(fixed, representation) if family == "su" and len(fixed) > 1 else fixed[:0]
    for row in [*turning, *candidates]:
        line = integers(np.array(row)).reshape(1, -1)
        if rank(np.concatenate([used, line])) > len(used) and representation.spectrum(line[0]) == wanted:
            return line
    return None


def _trivial_on_fixed(part: Summand, centre: Integers, representation: Representation) -> Integers:
    """Central elements that act as zero on everything that the ideal leaves alone."""
    conditions = []
    for k in range(len(representation.blocks)):
        maps = [representation.of(row)[k] for row in part.basis]
        fixed = null_vectors(np.concatenate(maps, axis=0))
        if len(fixed):
            images = [product(representation.of(row)[k], fixed.T).reshape(-1) for row in centre]
            conditions.append(np.array(images, dtype=object).reshape(len(centre), -1))
    if not conditions:
        return centre
    return product(kills(integers(np.concatenate(conditions, axis=1))), centre)


def plain(part: Summand) -> list[Named]:
    """Names of the ideals themselves."""
    named = []
    for place in part.places:
        names = preferred(place.names, part.casimir)
        named.append(Named(names[0], names[1:], place.dimension) if names else Named(""))
    return named


def _enlarged(part: Summand, family: str) -> list[Named]:
    """gl(n,R) for sl(n,R), u(p,q) for su(p,q)."""
    names = [form.name for form in part.places[0].names]
    own = next(name for name in names if name.startswith("sl(" if family == "gl" else "su("))
    line = "R^1" if family == "gl" else "so(2)"
    return [Named(f"{family}{own[2:]}", tuple(f"{name} + {line}" for name in names), len(part.basis) + 1)]


def rotations(centre: Integers, representation: Representation) -> Integers:
    """Rational directions in a space of commuting elements whose eigenvalues are imaginary and that are semisimple.

    Floating-point eigenvalues propose them, the exact spectrum decides.
    """
    if len(centre) == 1:
        return centre if representation.spectrum(centre[0]) == "compact" else centre[:0]
    if not len(centre):
        return centre
    real_parts = _real_parts(centre, representation)
    _, values, right = np.linalg.svd(real_parts, full_matrices=True)
    count = int(np.sum(values > 1e-7 * max(1.0, float(values[0]) if len(values) else 1.0)))
    proposed = _rational_rows(right[count:])
    if not len(proposed):
        return centre[:0]
    rows = product(proposed, centre)
    kept = [row for row in rows if representation.spectrum(row) == "compact"]
    return integers(np.array(kept, dtype=object)).reshape(len(kept), centre.shape[1])


def _real_parts(centre: Integers, representation: Representation) -> Floats:
    """Real parts of the eigenvalues, one row for each weight and a column for each central direction."""
    rng = np.random.default_rng(1)
    rows: list[list[float]] = [[0.0] * len(centre)]
    weights = rng.normal(size=len(centre))
    parts = [representation.of(row) for row in centre]
    for k in range(len(representation.blocks)):
        matrices = [part[k].astype(float) for part in parts]
        _, vectors = np.linalg.eig(sum(w * matrix for w, matrix in zip(weights, matrices, strict=True)))
        for vector in vectors.T:
            norm = np.vdot(vector, vector).real
            rows.append([float((np.vdot(vector, matrix @ vector) / norm).real) for matrix in matrices])
    return np.array(rows)


def _rational_rows(space: Floats) -> Integers:
    """Rational vectors close to a basis of a real space, through its echelon form."""
    rows = np.array(space, dtype=float)
    done = 0
    for column in range(rows.shape[1]):
        if done == len(rows):
            break
        pivot = done + int(np.argmax(np.abs(rows[done:, column])))
        if abs(rows[pivot, column]) < 1e-6:
            continue
        rows[[done, pivot]] = rows[[pivot, done]]
        rows[done] /= rows[done, column]
        for other in range(len(rows)):
            if other != done:
                rows[other] -= rows[other, column] * rows[done]
        done += 1
    fractions = [[Fraction(float(value)).limit_denominator(LARGEST_DENOMINATOR) for value in row] for row in rows]
    scale = 1
    for row in fractions:
        for value in row:
            scale = scale * value.denominator // int(np.gcd(scale, value.denominator))
    return integers([[int(value * scale) for value in row] for row in fractions]).reshape(len(rows), space.shape[1])


def abelian_names(directions: Integers, representation: Representation | None) -> list[Named]:
    """R^k and so(2) for commuting directions; a single line that winds around a torus for ever is no so(2)."""
    turning = rotations(directions, representation) if representation is not None else directions[:0]
    if representation is not None and len(turning) == 1 and not representation.is_circle(turning[0]):
        turning = turning[:0]
    lines = len(directions) - len(turning)
    return ([Named(f"R^{lines}")] if lines else []) + [Named("so(2)")] * len(turning)
