"""From structure constants and an action to the identity of an algebra."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product as choices

import numpy as np

from symmetries.structure.adapted_basis import AdaptedBasis
from symmetries.structure.algebra_identity import AlgebraIdentity, LeviDecomposition
from symmetries.structure.algebra_series import Anatomy
from symmetries.structure.direct_sum import DirectSum, direct_sum
from symmetries.structure.integer_matrices import Integers
from symmetries.structure.real_forms import preferred
from symmetries.structure.reductive import PAIRS, Summand, abelian_names, pair_up, plain, summands, with_centre
from symmetries.structure.representation import Representation
from symmetries.structure.semidirect import Named, semidirect_name
from symmetries.structure.semisimple import RationalIdeal, simple_ideals
from symmetries.structure.structure_constants import StructureConstants

MAX_DIMENSION = 160
"""Dimension up to which an algebra is identified."""

MAX_SYNONYMS = 12

ABELIAN = re.compile(r"R\^[0-9]+")


def zero() -> AlgebraIdentity:
    """The algebra of dimension 0.

    >>> zero().name
    '0'
    """
    return identify_constants(StructureConstants(np.zeros((0, 0, 0), dtype=np.int64)))


def identify_constants(algebra: StructureConstants, *, seed: int = 0) -> AlgebraIdentity:
    """The identity of an algebra given by structure constants alone."""
    if algebra.dimension > MAX_DIMENSION:
        return too_large(algebra.dimension)
    return _identity(Anatomy(algebra, seed), None)


def identify_adapted(adapted: AdaptedBasis, *, seed: int = 0) -> AlgebraIdentity:
    """The identity of an algebra of matrices."""
    return _identity(Anatomy(adapted.constants, seed), adapted.representation)


def too_large(dimension: int) -> AlgebraIdentity:
    """What is said of an algebra beyond the limit."""
    reason = f"algebras of dimension above {MAX_DIMENSION} are not identified"
    return AlgebraIdentity(dimension=dimension, name=None, reason=reason, description=f"dimension {dimension}")


def unknown(dimension: int, reason: str) -> AlgebraIdentity:
    """What is said of an algebra that cannot be identified."""
    return AlgebraIdentity(dimension=dimension, name=None, reason=reason, description=f"dimension {dimension}")


def _identity(anatomy: Anatomy, representation: Representation | None) -> AlgebraIdentity:
    parts = direct_sum(anatomy)
    ideals = _ideals(anatomy, parts)
    named = _names(anatomy, parts, ideals, representation) if ideals is not None else []
    certain = ideals is not None and all(one.name for one in named)
    name = (direct(one.name for one in named) or "0") if certain else None
    reason = "" if certain else _reason(ideals, parts)
    return AlgebraIdentity(
        dimension=anatomy.dimension,
        name=name,
        synonyms=_synonyms(named) if certain else (),
        reason=reason,
        description=describe(anatomy),
        abelian=anatomy.is_abelian,
        nilpotent=anatomy.is_nilpotent,
        solvable=anatomy.is_solvable,
        reductive=anatomy.is_reductive,
        semisimple=anatomy.is_semisimple,
        perfect=anatomy.is_perfect,
        unimodular=anatomy.is_unimodular,
        killing_signature=anatomy.killing_signature,
        centre=len(anatomy.centre),
        derived_series=anatomy.derived_series,
        lower_central_series=anatomy.lower_central_series,
        levi=_levi(anatomy, parts, ideals, named, representation),
        simple_ideals=tuple(_place_names(ideals or ())),
    )


def _ideals(anatomy: Anatomy, parts: DirectSum) -> tuple[RationalIdeal, ...] | None:
    """The simple ideals of the semisimple part: of a direct summand where it is one, else of the quotient."""
    rng = np.random.default_rng(anatomy.seed)
    if not parts.others:
        return simple_ideals(anatomy.algebra.subalgebra(parts.semisimple), rng)
    return simple_ideals(anatomy.algebra.quotient(anatomy.radical)[0], rng)


def _names(
    anatomy: Anatomy,
    parts: DirectSum,
    ideals: tuple[RationalIdeal, ...],
    representation: Representation | None,
) -> list[Named]:
    """Names of the summands; an empty name where there is none."""
    algebra = anatomy.algebra
    if parts.others:
        rng = np.random.default_rng(anatomy.seed)
        own = simple_ideals(algebra.subalgebra(parts.semisimple), rng)
        if own is None:
            return [Named("")]
        ideals = own
    found = summands(ideals, parts.semisimple, algebra.killing, representation, anatomy.seed)
    pairs, rest = pair_up(found, representation)
    rest.sort(key=lambda part: -len(part.basis))
    simple, centre = with_centre(rest, parts.abelian, parts.inner_centre, representation)
    first = sorted([*simple, *pairs], key=_order)
    return [*first, *_others(algebra, parts, anatomy.seed), *abelian_names(centre, representation)]


def _others(algebra: StructureConstants, parts: DirectSum, seed: int) -> list[Named]:
    """Names of the summands with a radical that is not central, the large ones first; empty where there is none."""
    found = []
    for other in parts.others:
        named = semidirect_name(algebra.subalgebra(other), seed)
        found.append(replace(named, dimension=len(other)) if named is not None else Named("", (), len(other)))
    return sorted(found, key=_order)


def direct(names: Iterable[str]) -> str:
    """A direct sum, semidirect summands in brackets.

    >>> direct(["so(3)", "so(2) |x R^2"]), direct(["so(2) |x R^2"])
    ('so(3) + (so(2) |x R^2)', 'so(2) |x R^2')
    """
    parts = list(names)
    return " + ".join(f"({part})" if "|x" in part and len(parts) > 1 else part for part in parts)


def _synonyms(named: Sequence[Named]) -> tuple[str, ...]:
    """Sums of other names of the summands, and so(4) = so(3) + so(3), gl(n,R) = sl(n,R) + R^1 and their kin."""
    own = direct(one.name for one in named)
    sums = [direct(chosen) for chosen in choices(*((one.name, *one.synonyms) for one in named))][:MAX_SYNONYMS]
    names = [one.name for one in named]
    lines = [1 if one == "so(2)" else int(one[2:]) for one in names if one == "so(2)" or ABELIAN.fullmatch(one)]
    if "so(2)" in names and len(lines) == len(names):
        sums += [f"R^{sum(lines)}", *(["u(1)"] if names == ["so(2)"] else [])]
    merged = [*_paired(named), *_with_line(named)]
    merged += [again for one in _paired(named) for again in _with_line(one)]
    sums += [direct(one.name for one in parts) for parts in merged]
    return tuple(dict.fromkeys(one for one in sums if one != own))


def _paired(named: Sequence[Named]) -> list[list[Named]]:
    """The summands with two of rank 1 written as one."""
    compact = [one for one in named if "su(2)" in (one.name, *one.synonyms)]
    split = [one for one in named if "sp(2,R)" in (one.name, *one.synonyms)]
    found = []
    for pair, name in ((compact[:2], PAIRS[-3, -3]), (split[:2], PAIRS[1, 1]), (compact[:1] + split[:1], PAIRS[-3, 1])):
        if len(pair) == 2:
            rest = list(named)
            for one in pair:
                rest.remove(one)
            found.append(sorted([*rest, Named(name, (), 6)], key=lambda one: -one.dimension))
    return found


def _with_line(named: Sequence[Named]) -> list[list[Named]]:
    """The summands with sl(n,R) or su(p,q) and the one central line written as gl(n,R) or u(p,q)."""
    line = next((one for one in named if one.name == "R^1"), None)
    if line is None:
        return []
    found = []
    for k, one in enumerate(named):
        for name in (one.name, *one.synonyms):
            family = {"sl(": "gl", "su(": "u"}.get(name[:3])
            if family is not None and not name.endswith("C)"):
                parts = [*named[:k], Named(f"{family}{name[2:]}", (), one.dimension + 1), *named[k + 1 :]]
                found.append([part for part in parts if part is not line])
    return found


def _reason(ideals: tuple[RationalIdeal, ...] | None, parts: DirectSum) -> str:
    if ideals is None:
        return "the simple ideals were not found"
    for ideal in ideals:
        for place in ideal.places:
            if not place.names:
                return f"two real forms agree in what was computed: {' or '.join(place.candidates)}"
    sizes = " and ".join(str(len(other)) for other in parts.others)
    return f"its part of dimension {sizes} beside direct summands has a radical that is not central, and no name"


def _place_names(ideals: Sequence[RationalIdeal]) -> list[str]:
    """Names of the simple ideals, the large ones first."""
    named = [
        (-place.dimension, preferred(place.names, None)[0] if place.names else " or ".join(place.candidates))
        for ideal in ideals
        for place in ideal.places
    ]
    return [name for _, name in sorted(named)]


def _levi(
    anatomy: Anatomy,
    parts: DirectSum,
    ideals: tuple[RationalIdeal, ...] | None,
    named: Sequence[Named],
    representation: Representation | None,
) -> LeviDecomposition:
    """Names of the radical and of the semisimple part."""
    if not parts.others and ideals is not None:
        found = summands(ideals, parts.semisimple, anatomy.algebra.killing, representation, anatomy.seed)
        pairs, rest = pair_up(found, representation)
        semisimple = [one.name for one in sorted([*_plain_names(rest), *pairs], key=_order)]
        radical: str | None = direct(one.name for one in abelian_names(parts.abelian, representation)) or "0"
    else:
        semisimple = _place_names(ideals or ())
        radical = _radical_name(anatomy, named)
    certain = ideals is not None and all(" or " not in one and one for one in semisimple)
    size = anatomy.dimension - len(anatomy.radical)
    return LeviDecomposition(
        radical=radical,
        semisimple=(" + ".join(semisimple) or "0") if certain else None,
        radical_dimension=len(anatomy.radical),
        semisimple_dimension=size,
    )


def _plain_names(parts: Sequence[Summand]) -> list[Named]:
    """The simple ideals by their own names, none merged with the centre."""
    return [one for part in parts for one in plain(part)]


def _order(one: Named) -> tuple[int, str]:
    """Large ones first."""
    return -one.dimension, one.name


def _radical_name(anatomy: Anatomy, named: Sequence[Named]) -> str | None:
    """The name of the radical as an algebra of its own."""
    if anatomy.is_solvable:
        return direct(one.name for one in named) if named and all(one.name for one in named) else None
    return _solvable_name(anatomy.algebra, anatomy.radical, anatomy.seed)


def _solvable_name(algebra: StructureConstants, rows: Integers, seed: int) -> str | None:
    inner = Anatomy(algebra.subalgebra(rows), seed)
    parts = direct_sum(inner)
    named = _others(inner.algebra, parts, seed)
    if not all(one.name for one in named):
        return None
    return direct([*(one.name for one in named), *(one.name for one in abelian_names(parts.abelian, None))])


def describe(anatomy: Anatomy) -> str:
    """The structure in words.

    >>> describe(Anatomy(StructureConstants(np.zeros((2, 2, 2), dtype=np.int64))))
    'abelian of dimension 2'
    """
    size = anatomy.dimension
    if anatomy.is_abelian:
        return f"abelian of dimension {size}"
    kind = (
        "nilpotent"
        if anatomy.is_nilpotent
        else "solvable"
        if anatomy.is_solvable
        else "semisimple"
        if anatomy.is_semisimple
        else "reductive"
        if anatomy.is_reductive
        else "neither solvable nor reductive"
    )
    series = ", ".join(map(str, anatomy.derived_series))
    text = f"{kind}, of dimension {size}; derived series {series}; centre of dimension {len(anatomy.centre)}"
    if anatomy.is_nilpotent:
        return f"{text}; lower central series {', '.join(map(str, anatomy.lower_central_series))}"
    if not anatomy.is_solvable and not anatomy.is_semisimple:
        text += f"; radical of dimension {len(anatomy.radical)}"
    return f"{text}; Killing form with signature {anatomy.killing_signature}"
