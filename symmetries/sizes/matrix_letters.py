"""Letters: constant matrices of a field or of a group element, by their kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from manifolds.errors import InputError
from symmetries.sizes.matrix_algebra import MatrixAlgebra
from symmetries.sizes.matrix_forms import Atom, Form


@final
@dataclass(frozen=True)
class Kind:
    """What is known of a letter.

    Parameters
    ----------
    words: how it is said: ``every {words} S``.
    square: whether it has as many rows as columns.
    symmetry: 1 when S^T = S, -1 when S^T = -S, else 0.
    diagonal: whether it is diagonal.
    """

    words: str
    square: bool = True
    symmetry: int = 0
    diagonal: bool = False


ALGEBRA_KINDS: Mapping[str, Kind] = {
    "generic": Kind("matrix", square=False),
    "skew": Kind("skew-symmetric matrix", symmetry=-1),
    "symmetric": Kind("symmetric matrix", symmetry=1),
    "diagonal": Kind("diagonal matrix", diagonal=True),
    "scalar": Kind("number"),
    "traceless": Kind("matrix of trace 0"),
}
"""Kinds of the letters of a field."""

GROUP_KINDS: Mapping[str, Kind] = {
    "invertible": Kind("invertible matrix"),
    "orthogonal": Kind("orthogonal matrix"),
    "positive diagonal": Kind("diagonal matrix with positive entries", diagonal=True),
    "positive": Kind("positive number"),
    "number": Kind("number"),
    "shift": Kind("matrix", square=False),
}
"""Kinds of the letters of a group element."""

INVERTIBLE = frozenset({"invertible", "orthogonal", "positive diagonal", "positive"})
"""Kinds of letters that have an inverse, whatever their values."""

SCALARS = frozenset({"scalar", "positive", "number"})
"""Kinds of letters that are numbers."""


def check_kinds(letters: object, kinds: Mapping[str, Kind], what: str) -> dict[str, str]:
    """Letters with their kinds, or an error that names the letter."""
    cure = f"use {', '.join(kinds)}"
    if not isinstance(letters, Mapping):
        raise InputError(f"the letters of {what}", why="they are no mapping from names to kinds", cure=cure)
    for name, kind in letters.items():
        if not isinstance(name, str) or not name.isidentifier() or name == "ones":
            raise InputError(f"the letter {name!r} of {what}", why="it is no free name", cure="use a letter such as S")
        if not isinstance(kind, str) or kind not in kinds:
            raise InputError(f"the letter {name!r} of {what} is {kind!r}", why="that kind is not known", cure=cure)
    return dict(letters)


def letter_form(algebra: MatrixAlgebra, name: str, kind: str, rows: int, columns: int, *, inverse: bool) -> Form:
    """A letter, or its inverse, as a form."""
    if kind == "positive":
        return algebra.number(1, ((name, Fraction(-1 if inverse else 1)),))
    if kind == "positive diagonal":
        return algebra.single(algebra.power_letter(name, rows, Fraction(-1 if inverse else 1)))
    form = algebra.single(letter_atom(algebra, name, kind, rows, columns, inverse=inverse and kind != "orthogonal"))
    return algebra.transpose(form) if inverse and kind == "orthogonal" else form


def letter_atom(
    algebra: MatrixAlgebra, name: str, kind: str, rows: int, columns: int, *, inverse: bool = False
) -> Atom:
    """The atom of a letter."""
    known = ALGEBRA_KINDS.get(kind) or GROUP_KINDS[kind]
    return algebra.atom(
        "letter", (name, kind, inverse), rows, columns, diagonal=known.diagonal, symmetry=known.symmetry
    )


def random_letter(kind: str, rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """A letter of that kind with small integers.

    >>> random_letter("skew", 2, 2, np.random.default_rng(0)).trace()
    np.int64(0)
    """
    values = rng.integers(1, 8, size=(rows, columns)) * rng.choice([-1, 1], size=(rows, columns))
    if kind == "skew":
        upper = np.triu(values, 1)
        return upper - upper.T
    if kind == "symmetric":
        return np.triu(values) + np.triu(values, 1).T
    if kind == "diagonal":
        return np.diag(np.diag(values))
    if kind == "traceless":
        values[-1, -1] -= np.trace(values)
    return values
