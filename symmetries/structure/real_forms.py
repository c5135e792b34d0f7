r"""The simple real Lie algebras: their names, told apart by complex type and the signature of the Killing form.

The character of a real form is the number of positive minus the number of negative squares of its Killing form, that
is the dimension of its non-compact part minus that of a maximal compact subalgebra.

Source: S. Helgason, "Differential Geometry, Lie Groups, and Symmetric Spaces" (1978), chapter X.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import final

EXCEPTIONAL = {
    ("G", 2): (-14, 2),
    ("F", 4): (-52, -20, 4),
    ("E", 6): (-78, -26, -14, 2, 6),
    ("E", 7): (-133, -25, -5, 7),
    ("E", 8): (-248, -24, 8),
}
"""Characters of the real forms of the exceptional types, the compact one first."""


@final
@dataclass(frozen=True)
class RealForm:
    """One name of a simple real Lie algebra.

    Parameters
    ----------
    name: in the printed grammar.
    casimir: dimension over trace of the natural representation, in units of the Killing form: with D its dimension
        and tr(x y) = t K(x, y) there, the number D / t. None where there is no such representation.
    size: the real dimension D of the natural representation.
    """

    name: str
    casimir: Fraction | None = None
    size: int = 0


def complex_type(dimension: int, rank: int) -> tuple[str, ...]:
    """Letters of the complex simple algebras of a dimension and rank; B and C, and E6 with them, share both.

    >>> complex_type(8, 2), complex_type(21, 3), complex_type(78, 6), complex_type(9, 2)
    (('A',), ('B', 'C'), ('B', 'C', 'E'), ())
    """
    least = {"A": 1, "B": 2, "C": 3, "D": 4}
    special = [letter for letter, size in EXCEPTIONAL if size == rank]
    letters = [*(letter for letter, size in least.items() if rank >= size), *special]
    return tuple(letter for letter in letters if type_dimension(letter, rank) == dimension)


def type_dimension(letter: str, rank: int) -> int:
    """Dimension of the complex simple algebra of a type and rank.

    >>> type_dimension("A", 2), type_dimension("F", 4)
    (8, 52)
    """
    r = rank
    sizes = {"A": r * (r + 2), "B": r * (2 * r + 1), "C": r * (2 * r + 1), "D": r * (2 * r - 1)}
    return sizes[letter] if letter in sizes else -EXCEPTIONAL[letter, rank][0]  # the compact form has no other squares


def real_forms(letter: str, rank: int, character: int) -> tuple[tuple[RealForm, ...], ...]:
    """Simple real algebras with this type and character, each as the tuple of its names.

    None or one is usual; a few large forms share their character with another.

    >>> [[form.name for form in names] for names in real_forms("A", 3, -5)]
    [['su*(4)', 'so(5,1)']]
    >>> [[form.name for form in names] for names in real_forms("D", 9, -9)]
    [['so(12,6)'], ['so*(18)']]
    """
    groups = list(_classes(letter, rank, character))
    if (letter, rank) == ("A", 1) or (letter, rank) in LOW:
        merged = tuple(form for names in groups for form in names)
        return (merged,) if merged else ()
    return tuple(groups)


LOW = {("A", 3), ("B", 2), ("D", 4)}
"""Types with coincidences of real forms; all names that share a character there are names of one algebra."""


def _classes(letter: str, rank: int, character: int) -> Iterator[tuple[RealForm, ...]]:
    """The algebras of one family after the other."""
    if letter == "A":
        yield from _linear(rank + 1, character)
        if rank == 1:
            yield from _orthogonal(3, character)
        if rank == 3:
            yield from _orthogonal(6, character)
    elif letter == "B":
        yield from _orthogonal(2 * rank + 1, character)
        if rank == 2:
            yield from _symplectic(2, character)
    elif letter == "C":
        yield from _symplectic(rank, character)
    elif letter == "D":
        yield from _orthogonal(2 * rank, character)
    elif character in EXCEPTIONAL[letter, rank]:
        yield (RealForm(f"{letter.lower()}{rank}({character})"),)


def _linear(n: int, character: int) -> Iterator[tuple[RealForm, ...]]:
    """sl(n,R), su(p,q) and su*(n)."""
    casimir = Fraction(2 * n * n)
    if character == n - 1:
        extra = ("sp(2,R)", "su(1,1)") if n == 2 else ()
        yield tuple(RealForm(name, casimir, n) for name in (f"sl({n},R)", *extra))
    difference = isqrt(max(0, 1 - character))
    if difference**2 == 1 - character and difference <= n and (n - difference) % 2 == 0 and n > 2:
        yield (RealForm(f"su{_signature((n + difference) // 2, (n - difference) // 2)}", casimir, 2 * n),)
    if n == 2 and character == -3:
        yield (RealForm("su(2)", casimir, 4), RealForm("sp(1)", casimir, 4))
    if n > 2 and n % 2 == 0 and character == -(n + 1):
        yield (RealForm(f"su*({n})", casimir, 2 * n),)


def _orthogonal(n: int, character: int) -> Iterator[tuple[RealForm, ...]]:
    """so(p,q) and so*(n)."""
    casimir = Fraction(n * (n - 2))
    difference = isqrt(max(0, n - 2 * character))
    if difference**2 == n - 2 * character and difference <= n and (n - difference) % 2 == 0:
        yield (RealForm(f"so{_signature((n + difference) // 2, (n - difference) // 2)}", casimir, n),)
    if n % 2 == 0 and n >= 6 and 2 * character == -n:
        yield (RealForm(f"so*({n})", casimir, 2 * n),)


def _symplectic(n: int, character: int) -> Iterator[tuple[RealForm, ...]]:
    """sp(2n,R) and sp(p,q)."""
    casimir = Fraction(4 * n * (n + 1))
    if character == n:
        yield (RealForm(f"sp({2 * n},R)", casimir, 2 * n),)
    square, odd = divmod(-character - n, 2)
    difference = isqrt(max(0, square))
    if not odd and difference**2 == square and difference <= n and (n - difference) % 2 == 0:
        yield (RealForm(f"sp{_signature((n + difference) // 2, (n - difference) // 2)}", casimir, 4 * n),)


def _signature(p: int, q: int) -> str:
    return f"({p},{q})" if q else f"({p})"


def complex_form(letter: str, rank: int) -> tuple[RealForm, ...]:
    """Names of a complex simple algebra seen as a real one.

    >>> [form.name for form in complex_form("A", 1)]
    ['sl(2,C)', 'so(3,1)', 'so(3,C)', 'sp(2,C)']
    """
    linear = [RealForm(f"sl({rank + 1},C)", Fraction(4 * (rank + 1) ** 2), 2 * rank + 2)] if letter == "A" else []
    sizes = {("A", 1): 3, ("A", 3): 6, ("B", rank): 2 * rank + 1, ("D", rank): 2 * rank}
    n = sizes.get((letter, rank), 0)
    orthogonal = [RealForm(f"so({n},C)", Fraction(2 * n * (n - 2)), 2 * n)] if n else []
    k = rank if letter == "C" or (letter, rank) in (("A", 1), ("B", 2)) else 0
    symplectic = [RealForm(f"sp({2 * k},C)", Fraction(8 * k * (k + 1)), 4 * k)] if k else []
    lorentz = [RealForm("so(3,1)", Fraction(8), 4)] if (letter, rank) == ("A", 1) else []
    return (*linear, *lorentz, *orthogonal, *symplectic) or (RealForm(f"{letter.lower()}{rank}(C)"),)


def preferred(names: tuple[RealForm, ...], casimir: Fraction | None) -> tuple[str, ...]:
    """The names, the one whose natural representation is at hand first; compact ones of rank 1 and 2 as so(n) else.

    >>> preferred(real_forms("A", 1, 1)[0], Fraction(3))
    ('so(2,1)', 'sl(2,R)', 'sp(2,R)', 'su(1,1)')
    >>> preferred(real_forms("A", 1, -3)[0], None)
    ('so(3)', 'su(2)', 'sp(1)')
    """
    usual = ("so(3)", "so(5)", "so(4,1)", "sp(4,R)")
    ordered = sorted(names, key=lambda form: (form.casimir != casimir, form.name not in usual))
    return tuple(form.name for form in ordered)
