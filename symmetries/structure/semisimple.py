r"""The simple ideals of a semisimple Lie algebra and their real forms, exactly and without floating-point numbers.

For a regular element x with Cartan subalgebra H, the maps that commute with all ad y are \phi_h for h in a subspace of
H, where \phi_h x = h. They form a product of number fields, one for each ideal that is simple over the rationals; the
real and complex places of the field are the simple ideals over the reals. The signature of the Killing form at one
real place is read off two forms K(\phi ., .), with \phi = 1 and with \phi positive at this place alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

import numpy as np
from flint import fmpz_poly

from symmetries.structure.integer_matrices import (
    Integers,
    characteristic_polynomial,
    coordinates,
    from_flint,
    integers,
    kills,
    product,
    random_rows,
    rank,
    saturated_basis,
    signature,
    to_flint,
)
from symmetries.structure.real_forms import RealForm, complex_form, complex_type, real_forms, type_dimension
from symmetries.structure.real_roots import real_cuts
from symmetries.structure.spectra import polynomial_value
from symmetries.structure.structure_constants import StructureConstants

ATTEMPTS = 12
SPARE_EQUATIONS = 12


@final
@dataclass(frozen=True)
class SimpleIdeal:
    """A simple ideal over the reals.

    Parameters
    ----------
    letter: complex type, ``A`` to ``G``.
    rank: rank of the complex type.
    is_complex: whether it is a complex algebra seen as a real one.
    character: positive minus negative squares of the Killing form.
    names: its names; empty when another real form has the same character.
    candidates: all real forms that agree with what is known.
    """

    letter: str
    rank: int
    is_complex: bool
    character: int
    names: tuple[RealForm, ...]
    candidates: tuple[str, ...]

    @property
    def dimension(self) -> int:
        """Dimension as a real algebra."""
        return type_dimension(self.letter, self.rank) * (2 if self.is_complex else 1)


@final
@dataclass(frozen=True, eq=False)
class RationalIdeal:
    """An ideal that is simple over the rationals; over the reals it is the sum of its places.

    Parameters
    ----------
    basis: vectors in the coordinates of the semisimple algebra.
    places: the simple ideals over the reals.
    """

    basis: Integers
    places: tuple[SimpleIdeal, ...]


@final
@dataclass(frozen=True, eq=False)
class CartanSubalgebra:
    """A Cartan subalgebra H as the centraliser of a regular element x.

    Parameters
    ----------
    element: x.
    basis: a basis of H.
    """

    element: Integers
    basis: Integers


def cartan_subalgebra(algebra: StructureConstants, rng: np.random.Generator) -> CartanSubalgebra | None:
    """A Cartan subalgebra of a semisimple algebra.

    The centraliser of x is one when it is abelian and ad x has no nilpotent part at 0: it is then the null space of
    all powers of ad x, nilpotent and its own normaliser.
    """
    for attempt in range(ATTEMPTS):
        x = random_rows(1, algebra.dimension, rng, bound=1 + attempt // 3)[0]
        ad = algebra.ad(x)
        basis = kills(ad)
        if np.any(algebra.brackets(basis, basis)) or rank(product(ad, ad)) != rank(ad):
            continue
        return CartanSubalgebra(x, basis)
    return None


def simple_ideals(algebra: StructureConstants, rng: np.random.Generator) -> tuple[RationalIdeal, ...] | None:
    """Simple ideals of a semisimple algebra; None when the random choices failed every time.

    The dimensions add up, each is that of a simple type, and the characters add up to that of the Killing form.
    """
    if not algebra.dimension:
        return ()
    for _ in range(ATTEMPTS):
        cartan = cartan_subalgebra(algebra, rng)
        found = _split(algebra, cartan, rng) if cartan is not None else None
        if found is not None:
            return found
    return None


def centroid_image(algebra: StructureConstants, cartan: CartanSubalgebra, rng: np.random.Generator) -> Integers:
    r"""The images of x under all maps that commute with ad: h in H for which K(\phi_h [a, x], [u, v]) is alternating.

    With \phi_h [a, x] = [a, h] this is a linear condition on h for any three vectors; random ones are taken.
    """
    killing, x, size = algebra.killing, cartan.element, algebra.dimension
    count = len(cartan.basis) + SPARE_EQUATIONS
    ad = algebra.ad(x)
    conditions = []
    for _ in range(count):
        a, b, c = random_rows(3, size, rng, bound=1)
        xa, xb, xc = (product(one.reshape(1, size), ad)[0] for one in (a, b, c))
        first = algebra.bracket(algebra.bracket(xb, xc), a)
        second = algebra.bracket(algebra.bracket(xc, xa), b)
        conditions.append(first - second)
    rows = product(cartan.basis, product(killing, integers(np.array(conditions)).T))
    return product(kills(rows), cartan.basis)


def _split(
    algebra: StructureConstants, cartan: CartanSubalgebra, rng: np.random.Generator
) -> tuple[RationalIdeal, ...] | None:
    """The ideals, from the characteristic polynomial of one map of the centroid on H."""
    centroid = centroid_image(algebra, cartan, rng)
    u = product(random_rows(1, len(centroid), rng, bound=5), centroid)[0]
    action = centroid_action(algebra, cartan, u, rng)
    if action is None:
        return None
    matrix, denominator = action
    factors = [factor for factor, _ in characteristic_polynomial(matrix).factor()[1]]
    if sum(factor.degree() for factor in factors) != len(centroid):
        return None
    parts = [kills(polynomial_value(factor, matrix)) for factor in factors]  # in coordinates of H
    whole = coordinates(cartan.basis, cartan.element.reshape(1, -1))
    stack = np.concatenate(parts)
    inside = coordinates(stack, whole[0]) if whole is not None and len(stack) == len(matrix) else None
    if inside is None:
        return None
    ideals, place = [], 0
    for factor, part in zip(factors, parts, strict=True):
        own = product(inside[0][:, place : place + len(part)], part)
        place += len(part)
        torus = product(part, cartan.basis)
        component = product(own, cartan.basis)[0]
        found = _rational_ideal(algebra, _Factor(factor, matrix, denominator, torus, own, component, cartan), rng)
        if found is None:
            return None
        ideals.append(found)
    return _checked(algebra, ideals)


def _checked(algebra: StructureConstants, ideals: Sequence[RationalIdeal]) -> tuple[RationalIdeal, ...] | None:
    """The ideals when they add up, commute and have the characters of the Killing form."""
    if sum(len(ideal.basis) for ideal in ideals) != algebra.dimension:
        return None
    for i, one in enumerate(ideals):
        for other in ideals[:i]:
            if np.any(algebra.brackets(one.basis, other.basis)):
                return None
    positive, negative, zero = signature(algebra.killing)
    if zero or sum(place.character for ideal in ideals for place in ideal.places) != positive - negative:
        return None
    return tuple(ideals)


def centroid_action(
    algebra: StructureConstants, cartan: CartanSubalgebra, u: Integers, rng: np.random.Generator
) -> tuple[Integers, int] | None:
    r"""The matrix on H, over a denominator, of the map \phi with \phi x = u.

    For h in H it solves [\phi h, [x, y]] = [u, [h, y]] with a random y.
    """
    y = random_rows(1, algebra.dimension, rng, bound=2)
    x = cartan.element.reshape(1, -1)
    left = algebra.brackets(cartan.basis, algebra.brackets(x, y)[0])[:, 0]
    right = algebra.brackets(u.reshape(1, -1), algebra.brackets(cartan.basis, y)[:, 0])[0]
    return coordinates(left, right)


@final
@dataclass(frozen=True, eq=False)
class _Factor:
    """What belongs to one field of the centroid: the polynomial, its map on H, and the parts of H and of x."""

    polynomial: fmpz_poly
    matrix: Integers
    denominator: int
    torus: Integers
    own: Integers
    component: Integers
    cartan: CartanSubalgebra

    @property
    def degree(self) -> int:
        """Number of complex simple ideals."""
        return int(self.polynomial.degree())


def _rational_ideal(algebra: StructureConstants, factor: _Factor, rng: np.random.Generator) -> RationalIdeal | None:
    """The ideal of one field, with its places."""
    ad = algebra.ad(factor.component)
    basis = (
        np.eye(algebra.dimension, dtype=np.int64)
        if len(factor.torus) == len(factor.cartan.basis)
        else saturated_basis(np.concatenate([ad, factor.torus]))
    )
    dimension, over = divmod(len(basis), factor.degree)
    size, left = divmod(len(factor.torus), factor.degree)
    letters = complex_type(dimension, size) if not (over or left) else ()
    if len(letters) > 1:
        letters = _by_lengths(letters, size, factor.degree, ad)
    if len(letters) != 1:
        return None
    places = _places(algebra, factor, basis, letters[0], size)
    return RationalIdeal(basis, places) if places is not None else None


def _by_lengths(letters: tuple[str, ...], size: int, degree: int, ad: Integers) -> tuple[str, ...]:
    """B and C by the ratio of the sums of squares of their 2r short or long roots and of the others.

    With roots ±e_i and ±e_i ± e_j the ratio is 1 : 2 (r - 1), with ±2e_i and ±e_i ± e_j it is 2 : (r - 1).
    """
    factors = [factor for factor, _ in characteristic_polynomial(ad).factor()[1] if factor.degree() and factor[0] != 0]
    few = [factor for factor in factors if factor.degree() == 2 * size * degree]
    if len(few) == 1 and len(factors) == 2:
        many = next(factor for factor in factors if factor is not few[0])
        ratio = _square_sum(few[0]) / _square_sum(many)
        return ("B",) if ratio == Fraction(1, 2 * (size - 1)) else ("C",) if ratio == Fraction(2, size - 1) else ()
    if not few and "E" in letters and sum(factor.degree() for factor in factors) == 72 * degree:
        # the Weyl group has one orbit of 72 roots; those of B6 and C6 split into 12 and 60
        return ("E",) if all(factor.degree() >= 36 * degree for factor in factors) else ()
    return ()


def _square_sum(polynomial: fmpz_poly) -> Fraction:
    """Sum of the squares of the roots."""
    top, second, third = (int(polynomial[polynomial.degree() - k]) for k in range(3))
    return Fraction(second, top) ** 2 - 2 * Fraction(third, top)


def _places(
    algebra: StructureConstants, factor: _Factor, basis: Integers, letter: str, size: int
) -> tuple[SimpleIdeal, ...] | None:
    """Real forms at the real places, and complex algebras at the complex ones."""
    cuts = real_cuts(factor.polynomial)
    pairs = (factor.degree - len(cuts)) // 2
    total = _character(product(product(basis, algebra.killing), basis.T))
    places = []
    for low, high in cuts:
        character = total
        if factor.degree > 1:
            twisted, odd = divmod(total + _twisted_character(algebra, factor, basis, low, high), 2)
            if odd:
                return None
            character = twisted
        groups = real_forms(letter, size, character)
        if not groups:
            return None
        candidates = tuple(form.name for names in groups for form in names)
        places.append(SimpleIdeal(letter, size, False, character, groups[0] if len(groups) == 1 else (), candidates))
    if sum(place.character for place in places) != total:
        return None
    names = complex_form(letter, size)
    candidates = tuple(form.name for form in names)
    places += [SimpleIdeal(letter, size, True, 0, names, candidates)] * pairs
    return tuple(places)


def _character(form: Integers) -> int:
    positive, negative, _ = signature(form)
    return positive - negative


def _twisted_character(
    algebra: StructureConstants, factor: _Factor, basis: Integers, low: Fraction, high: Fraction
) -> int:
    r"""Character of K(\psi ., .) with \psi = -(\phi - low)(\phi - high), positive at the places in between alone."""
    matrix = to_flint(factor.matrix)
    scale = low.denominator * high.denominator
    lower = matrix * low.denominator - _scalar(len(factor.matrix), factor.denominator * low.numerator)
    upper = matrix * high.denominator - _scalar(len(factor.matrix), factor.denominator * high.numerator)
    psi = from_flint(lower * upper * (-1 if scale > 0 else 1))
    image = product(product(factor.own, psi), factor.cartan.basis)[0]
    # on [a, x] the map is [a, psi x], on H its matrix; the two parts are orthogonal for every invariant form
    twisted = product(basis, algebra.ad(image))
    plain = product(basis, algebra.ad(factor.component))
    roots = product(product(twisted, algebra.killing), plain.T)
    inside = coordinates(factor.cartan.basis, factor.torus)
    assert inside is not None
    moved = product(product(inside[0], psi), factor.cartan.basis)
    torus = product(product(moved, algebra.killing), factor.torus.T)
    return _character(roots) + _character(torus)


def _scalar(size: int, value: int) -> Any:
    from flint import fmpz_mat

    return fmpz_mat(size, size, [value * (i == j) for i in range(size) for j in range(size)])
