"""Linear combinations of matrix words: what an array expression is in the free algebra of matrices.

A word is a product of atoms, each perhaps transposed: ``U V``, ``S^T U``.  A term is a rational number times powers of
positive scalars (sizes), a product of scalar atoms (traces), and a word.  No atom is ever written out entry by entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias, final

Factor: TypeAlias = tuple[int, bool]
"""Number of an atom, and whether it is transposed."""

Word: TypeAlias = tuple[Factor, ...]

Units: TypeAlias = tuple[tuple[str, Fraction], ...]
"""Powers of positive scalars such as sizes, sorted by name."""

Term: TypeAlias = tuple[Units, tuple[int, ...], Word]
"""Units, scalar atoms, and the word."""

Frozen: TypeAlias = tuple[tuple[Term, Fraction], ...]

ONE: Term = ((), (), ())


class NotDecided(Exception):
    """The rules do not decide; the message says which operation stopped them."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Atom:
    """One letter of the words.

    Parameters
    ----------
    index: its number in the algebra, in order of creation.
    kind: what it is: ``symbol``, ``letter``, ``ones``, ``diag``, ``diagonal``, ``hadamard``, ``function``, ...
    key: what tells it from others of its kind.
    rows, columns: its shape.
    diagonal: whether it is a diagonal matrix.
    symmetry: 1 when it equals its transpose, -1 when it is the opposite of it, else 0.
    """

    index: int
    kind: str
    key: Any
    rows: int
    columns: int
    diagonal: bool = False
    symmetry: int = 0


@final
@dataclass(eq=False, slots=True)
class Form:
    """A linear combination of words of one shape; the caller keeps it unchanged once it is made.

    >>> bool(Form(2, 3)), Form(1, 1, {ONE: Fraction(2)}).value
    (False, Fraction(2, 1))
    """

    rows: int
    columns: int
    terms: dict[Term, Fraction] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def frozen(self) -> Frozen:
        """The terms in a fixed order, to compare and to look up."""
        return tuple(sorted(self.terms.items()))

    @property
    def value(self) -> Fraction | None:
        """The number that this is, None when it is no number."""
        if not self.terms:
            return Fraction(0)
        return self.terms.get(ONE) if len(self.terms) == 1 and self.rows == self.columns == 1 else None

    def put(self, term: Term, value: Fraction) -> None:
        """Add one term, while the form is being made."""
        total = self.terms.get(term, Fraction(0)) + value
        if total:
            self.terms[term] = total
        else:
            self.terms.pop(term, None)


def multiply_units(left: Units, right: Units) -> Units:
    """Product of two powers of units.

    >>> multiply_units((("n", Fraction(1)),), (("n", Fraction(-1)),))
    ()
    """
    if not left or not right:
        return left or right
    powers: dict[str, Fraction] = dict(left)
    for name, exponent in right:
        powers[name] = powers.get(name, Fraction(0)) + exponent
    return units_from(powers)


def units_from(powers: Mapping[str, Fraction]) -> Units:
    """Units from exponents by name."""
    return tuple(sorted((name, exponent) for name, exponent in powers.items() if exponent))


def power_of_units(units: Units, exponent: Fraction) -> Units:
    """A power of units."""
    return tuple((name, old * exponent) for name, old in units) if exponent else ()
