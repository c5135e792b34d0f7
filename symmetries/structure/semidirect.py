r"""Names of algebras with a radical that is not central: heis, aff, a |x R^n with a standard action.

A name is given only where the data that are checked determine the algebra up to isomorphism.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from symmetries.structure.algebra_series import Anatomy, complement_of
from symmetries.structure.integer_matrices import (
    Integers,
    coordinates,
    integers,
    kills,
    product,
    random_rows,
    rank,
    signature,
)
from symmetries.structure.real_forms import RealForm
from symmetries.structure.semisimple import RationalIdeal, simple_ideals
from symmetries.structure.structure_constants import StructureConstants


@final
@dataclass(frozen=True)
class Named:
    """A name with its synonyms, and the dimension where names are sorted by it."""

    name: str
    synonyms: tuple[str, ...] = ()
    dimension: int = 0


def semidirect_name(algebra: StructureConstants, seed: int) -> Named | None:
    """The name of an algebra that is not reductive and has no abelian direct factor, or None."""
    anatomy = Anatomy(algebra, seed)
    moved = anatomy.brackets(anatomy.whole, anatomy.radical)  # [g, r], nilpotent
    if anatomy.is_nilpotent or len(anatomy.radical) == len(moved):
        heisenberg = _heisenberg(anatomy)
        if heisenberg is not None:
            return heisenberg
    if not np.any(algebra.brackets(moved, moved)):
        return _abelian_kernel(anatomy, moved)
    return _borel(anatomy) if anatomy.is_solvable else None


def _heisenberg(anatomy: Anatomy) -> Named | None:
    """heis(2k+1), alone or with sp(2k,R) acting on it."""
    algebra = anatomy.algebra
    radical = anatomy.radical
    size = len(radical)
    line = anatomy.brackets(radical, radical)
    if len(line) != 1 or size % 2 == 0:
        return None
    inner = Anatomy(algebra.subalgebra(radical), anatomy.seed)
    if len(inner.centre) != 1:
        return None
    if anatomy.is_solvable:
        return Named(f"heis({size})") if size == anatomy.dimension else None
    quotient = complement_of(line, radical)
    standard = _standard(anatomy, quotient, line)
    if standard is None or standard[0].name not in (f"sp({size - 1},R)", f"sl({size - 1},R)"):
        return None
    names = [f"{form.name} |x heis({size})" for form in standard]
    return Named(names[0], tuple(names[1:]))


def _abelian_kernel(anatomy: Anatomy, kernel: Integers) -> Named | None:
    """a |x R^n, where R^n = [g, r] is abelian."""
    outside = complement_of(kernel, anatomy.radical)
    size, torus = len(kernel), len(outside)
    standard = _standard(anatomy, kernel, None)
    if torus == 0:
        return _over(standard[0].name, standard, size) if standard is not None else None
    maps = [_action(anatomy.algebra, kernel, row) for row in outside]
    if torus == 1 and _is_scalar(maps[0]):
        if anatomy.is_solvable:
            return Named("aff(1)", ("aff(1,R)", "R^1 |x R^1")) if size == 1 else Named(f"R^1 |x R^{size}")
        if standard is None:
            return None
        if standard[0].name == f"sl({size},R)":
            other = (f"gl({size},R) |x R^{size}",)
            return Named(f"aff({size})", (f"aff({size},R)", *other))
        return Named(f"({standard[0].name} + R^1) |x R^{size}")
    if anatomy.is_solvable and size == 2:
        return _plane(maps)
    return None


def _over(name: str, standard: tuple[RealForm, ...], size: int) -> Named:
    """a |x R^n with its other names."""
    inner = name[name.index("(") + 1 : -1]
    if not name.startswith("so(") or name.endswith("C)"):
        return Named(f"{name} |x R^{size}", tuple(f"{form.name} |x R^{size}" for form in standard[1:]))
    other = [f"iso({inner})"] if "," in inner else [f"e({inner})", f"iso({inner})"]
    return Named(f"{name} |x R^{size}", tuple(other))


def _plane(maps: list[Integers]) -> Named | None:
    """A solvable algebra R^k |x R^2: the motions of the plane, and the affine maps of the complex line."""
    if len(maps) == 1:
        trace, determinant = _trace(maps[0]), _determinant(maps[0])
        if trace == 0 and determinant > 0:
            return Named("so(2) |x R^2", ("e(2)", "iso(2)"))
        if trace == 0 and determinant < 0:
            return Named("so(1,1) |x R^2", ("e(1,1)", "iso(1,1)"))
        return None
    rows = np.array([each.reshape(-1) for each in (*maps, np.eye(2, dtype=np.int64))])
    if len(maps) == 2 and rank(rows[:2]) == rank(rows) == 2:  # both act, and together they scale the plane
        free = next(each for each in maps if not _is_scalar(each))
        discriminant = _trace(free) ** 2 - 4 * _determinant(free)
        if discriminant < 0:
            return Named("(so(2) + R^1) |x R^2", ("aff(1,C)",))
        if discriminant > 0:  # the two lines are not rational, else the algebra had been split
            return Named("aff(1) + aff(1)")
    return None


def _trace(matrix: Integers) -> int:
    return int(matrix[0, 0]) + int(matrix[1, 1])


def _determinant(matrix: Integers) -> int:
    return int(matrix[0, 0]) * int(matrix[1, 1]) - int(matrix[0, 1]) * int(matrix[1, 0])


def _is_scalar(matrix: Integers) -> bool:
    """Whether a matrix is a multiple of the identity, other than zero."""
    value = int(matrix[0, 0])
    return value != 0 and not np.any(matrix - value * np.eye(len(matrix), dtype=matrix.dtype))


def _action(algebra: StructureConstants, ideal: Integers, vector: Integers) -> Integers:
    """The matrix of ad x on an ideal, up to a factor."""
    images = algebra.brackets(vector.reshape(1, -1), ideal)[0]
    found = coordinates(ideal, images)
    assert found is not None
    return found[0]


def _borel(anatomy: Anatomy) -> Named | None:
    """The Borel algebra of sl(3,R): R^2 |x heis(3) with two independent real weights on heis(3) modulo its centre."""
    algebra, derived = anatomy.algebra, anatomy.derived
    if (anatomy.dimension, len(derived)) != (5, 3):
        return None
    line = anatomy.brackets(derived, derived)
    if len(line) != 1 or len(Anatomy(algebra.subalgebra(derived)).centre) != 1:
        return None
    plane = complement_of(line, derived)
    maps = [_quotient_action(algebra, plane, line, row)[0] for row in complement_of(derived, anatomy.whole)]
    rows = np.array([each.reshape(-1) for each in maps])
    if rank(rows) != 2:
        return None
    free = next((each for each in maps if np.any(each - each[0, 0] * np.eye(2, dtype=each.dtype))), None)
    if free is None or _trace(free) ** 2 - 4 * _determinant(free) <= 0:
        return None
    return Named("R^2 |x heis(3)")


def _quotient_action(
    algebra: StructureConstants, module: Integers, below: Integers | None, vector: Integers
) -> tuple[Integers, int]:
    """The matrix of ad x on a module modulo a smaller one, over a denominator."""
    stack = module if below is None else np.concatenate([module, below])
    images = algebra.brackets(vector.reshape(1, -1), module)[0]
    found = coordinates(stack, images)
    assert found is not None
    return found[0][:, : len(module)], found[1]


def _standard(anatomy: Anatomy, module: Integers, below: Integers | None) -> tuple[RealForm, ...] | None:
    """Names of the semisimple quotient, its action on the module being the natural representation of the first one.

    The traces of the module, those of scalars taken off, must be a multiple of the Killing form, with the factor and
    the dimension of the natural representation, and nothing in the module may stay fixed.
    """
    quotient, lifts, _, scale = anatomy.algebra.quotient(anatomy.radical)
    ideals = simple_ideals(quotient, np.random.default_rng(anatomy.seed)) if quotient.dimension else None
    if not ideals:
        return None
    matrices, denominators = zip(*(_quotient_action(anatomy.algebra, module, below, row) for row in lifts), strict=True)
    size = len(module)
    traceless = []
    for matrix, denominator in zip(matrices, denominators, strict=True):
        trace = sum(int(matrix[k, k]) for k in range(size))
        shifted = size * matrix.astype(object) - trace * np.eye(size, dtype=object)
        traceless.append(shifted * Fraction(scale, size * denominator))
    flat = np.array([each.reshape(-1) for each in traceless], dtype=object)
    if rank(integers(np.concatenate([_cleared(each).T for each in traceless], axis=0))) != size:
        return None
    gram = flat @ np.array([each.T.reshape(-1) for each in traceless], dtype=object).T
    killing = quotient.killing.astype(object)
    place = next(zip(*np.nonzero(killing), strict=True))
    factor = Fraction(gram[place]) / int(killing[place])
    if factor == 0 or np.any(gram - factor * killing):
        return None
    forms = _whole(ideals)
    fitting = [form for form in forms if form.size == size and form.casimir == Fraction(size) / factor]
    # two copies of the vectors of so(6,2) have the size and the traces of the vectors of so*(8)
    if any(form.name.startswith("so*") for form in fitting) and not _is_irreducible(matrices, anatomy.seed):
        return None
    return tuple(fitting) or None


def _is_irreducible(matrices: Sequence[Integers], seed: int) -> bool:
    r"""Whether a module of a semisimple algebra has no smaller one inside.

    What commutes with the action is then R, C or H, where \operatorname{tr}(a b) has one positive square; otherwise
    there are projections to parts of the module, and more positive squares.
    """
    size = len(matrices[0])
    unit = np.eye(size, dtype=np.int64)
    rows = integers(np.array([each.reshape(-1) for each in matrices], dtype=object))
    few = product(random_rows(3, len(rows), np.random.default_rng(seed), bound=1), rows).reshape(3, size, size)
    found = kills(np.concatenate([np.kron(unit, one) - np.kron(one.T, unit) for one in few], axis=1))
    forms = found.reshape(len(found), size, size)
    transposed = integers(forms.transpose(0, 2, 1).reshape(len(found), size**2))
    return signature(product(found, transposed.T))[0] == 1


def _cleared(matrix: Integers) -> Integers:
    """A rational matrix times a common denominator."""
    from math import lcm

    scale = lcm(*(Fraction(value).denominator for value in matrix.reshape(-1)))
    return np.array([[int(value * scale) for value in row] for row in matrix], dtype=object)


def _whole(ideals: tuple[RationalIdeal, ...]) -> tuple[RealForm, ...]:
    """Names of a semisimple algebra that is simple or, like so(4) and so(2,2), a sum of two of rank 1."""
    places = [place for ideal in ideals for place in ideal.places]
    if len(places) == 1:
        return places[0].names
    if len(places) == 2 and all((place.letter, place.rank, place.is_complex) == ("A", 1, False) for place in places):
        characters = sorted(place.character for place in places)
        name = {(-3, -3): "so(4)", (1, 1): "so(2,2)"}.get((characters[0], characters[1]))
        return (RealForm(name, Fraction(8), 4),) if name is not None else ()
    return ()
