r"""Products of matrix words and their normal form.

The rules hold for matrices of every size: a product of vectors with an inner length of 1 is a scalar and moves to the
front; diagonal matrices that stand side by side commute; ``diag(v) 1 = v``; ``(A * B) 1`` is the diagonal of
``A B^T``; a trace is unchanged by rotation and by transposition.  Two expressions with the same normal form are equal;
the converse is not claimed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias

from symmetries.sizes.matrix_forms import ONE, Atom, Factor, Form, NotDecided, Units, Word, multiply_units, units_from

MAX_TERMS = 4000
"""Largest number of terms of one form."""

Measure: TypeAlias = Callable[[int], tuple[Fraction, Units]]
"""What a length is: a number times powers of sizes."""


def plain(length: int) -> tuple[Fraction, Units]:
    """A length that is a number and nothing else."""
    return Fraction(length), ()


class Words(ABC):
    """Atoms, words over them, and their normal form.

    Parameters
    ----------
    measure: what a length is.
    """

    def __init__(self, measure: Measure = plain) -> None:
        self.measure = measure
        self.atoms: list[Atom] = []
        self._table: dict[Any, Atom] = {}
        self._products: dict[Word, Form] = {}

    @abstractmethod
    def diag(self, column: Form) -> Form:
        """The diagonal matrix of a column."""

    @abstractmethod
    def diagonal(self, square: Form) -> Form:
        """The diagonal of a square matrix, as a column."""

    @abstractmethod
    def segment(self, word: Word) -> Form:
        """Scalar of a word from length 1 to length 1."""

    @abstractmethod
    def loop(self, word: Word, size: int) -> Form:
        """Trace of a word in normal form."""

    # atoms

    def atom(self, kind: str, key: Any, rows: int, columns: int, *, diagonal: bool = False, symmetry: int = 0) -> Atom:
        """The atom of that kind, key and shape, always the same object.

        The shape counts: the zero matrix and the identity have no letter that tells their sizes apart.
        """
        found = self._table.get((kind, key, rows, columns))
        if found is None:
            symmetry = 1 if diagonal or rows == columns == 1 else symmetry
            found = Atom(len(self.atoms), kind, key, rows, columns, diagonal, symmetry)
            self.atoms.append(found)
            self._table[kind, key, rows, columns] = found
        return found

    def single(self, atom: Atom) -> Form:
        """An atom as a form."""
        return self.reduce(((atom.index, False),), atom.rows, atom.columns)

    def shape(self, factor: Factor) -> tuple[int, int]:
        """Rows and columns of a factor."""
        atom = self.atoms[factor[0]]
        return (atom.columns, atom.rows) if factor[1] else (atom.rows, atom.columns)

    def is_diagonal(self, factor: Factor) -> bool:
        """Whether a factor is a diagonal matrix."""
        return self.atoms[factor[0]].diagonal

    def is_diag_of_column(self, factor: Factor) -> bool:
        """Whether a factor is the diagonal matrix of a column."""
        return self.atoms[factor[0]].kind == "diag"

    # linear operations

    @staticmethod
    def number(value: Fraction | int, units: Units = ()) -> Form:
        """A scalar."""
        return Form(1, 1, {(units, (), ()): Fraction(value)} if value else {})

    @staticmethod
    def identity(size: int) -> Form:
        """The identity matrix."""
        return Form(size, size, {ONE: Fraction(1)})

    def ones(self, length: int) -> Form:
        """The column of ones."""
        return self.identity(1) if length == 1 else self.single(self.atom("ones", length, length, 1))

    def length(self, length: int) -> Form:
        """A length as a scalar."""
        value, units = self.measure(length)
        return self.number(value, units)

    def combine(self, rows: int, columns: int, parts: Iterable[tuple[Fraction, Units, tuple[int, ...], Form]]) -> Form:
        """A sum of forms, each times a number, units and scalar atoms."""
        total = Form(rows, columns)
        for factor, units, scalars, form in parts:
            for (own, inner, word), value in form.terms.items():
                joined = tuple(sorted(inner + scalars)) if scalars else inner
                total.put((multiply_units(own, units), joined, word), value * factor)
        if len(total.terms) > MAX_TERMS:
            raise NotDecided(f"the expansion has more than {MAX_TERMS} terms")
        return total

    def add(self, *forms: Form) -> Form:
        """Sum of forms of one shape."""
        one = Fraction(1)
        return self.combine(forms[0].rows, forms[0].columns, ((one, (), (), form) for form in forms))

    def scale(self, form: Form, value: Fraction | int, units: Units = ()) -> Form:
        """A number times a form."""
        if value == 1 and not units:
            return form
        return self.combine(form.rows, form.columns, [(Fraction(value), units, (), form)])

    def times(self, scalar: Form, form: Form) -> Form:
        """A scalar form times a form."""
        parts = [(value, units, scalars, form) for (units, scalars, _), value in scalar.terms.items()]
        return self.combine(form.rows, form.columns, parts)

    def transpose(self, form: Form) -> Form:
        """Transpose of a form."""
        parts = []
        for (units, scalars, word), value in form.terms.items():
            sign, flipped = self.flip(word)
            parts.append((value * sign, units, scalars, self.reduce(flipped, form.columns, form.rows)))
        return self.combine(form.columns, form.rows, parts)

    def multiply(self, left: Form, right: Form) -> Form:
        """Matrix product of two forms."""
        if left.columns != right.rows:
            raise NotDecided(f"a product of shapes {left.rows}x{left.columns} and {right.rows}x{right.columns}")
        rows, columns = left.rows, right.columns
        if len(left.terms) * len(right.terms) > MAX_TERMS:
            raise NotDecided(f"the expansion has more than {MAX_TERMS} terms")
        parts = []
        for (units, scalars, word), value in left.terms.items():
            for (more, inner, other), factor in right.terms.items():
                product = self.reduce(word + other, rows, columns)
                parts.append((value * factor, multiply_units(units, more), scalars + inner, product))
        return self.combine(rows, columns, parts)

    def product(self, *forms: Form) -> Form:
        """Matrix product of several forms."""
        result = forms[0]
        for form in forms[1:]:
            result = self.multiply(result, form)
        return result

    def trace(self, form: Form) -> Form:
        """Trace of a square form."""
        parts = [
            (value, units, scalars, self.loop(word, form.rows)) for (units, scalars, word), value in form.terms.items()
        ]
        return self.combine(1, 1, parts)

    # words

    def flip(self, word: Word) -> tuple[int, Word]:
        """Transpose of a word, with its sign."""
        sign, flipped = 1, []
        for index, transposed in reversed(word):
            symmetry = self.atoms[index].symmetry
            sign *= symmetry or 1
            flipped.append((index, transposed if symmetry else not transposed))
        return sign, tuple(flipped)

    def of_word(self, word: Word, rows: int, columns: int) -> Form:
        """A word in normal form as a form."""
        return Form(rows, columns, {((), (), word): Fraction(1)})

    def between(self, before: Word, middle: Form, after: Word, rows: int, columns: int) -> Form:
        """A form between two words."""
        parts = [
            (value, units, scalars, self.reduce(before + word + after, rows, columns))
            for (units, scalars, word), value in middle.terms.items()
        ]
        return self.combine(rows, columns, parts)

    def reduce(self, word: Word, rows: int, columns: int) -> Form:
        """Normal form of a word of that shape."""
        if not word:
            return self.identity(rows)
        if word not in self._products:
            self._products[word] = self._reduce(word, rows, columns)
        return self._products[word]

    def _reduce(self, word: Word, rows: int, columns: int) -> Form:
        word = self.sort_runs(word)
        for place in range(len(word) - 1):
            middle = self._pair(word, place)
            if middle is not None:
                start, form, stop = middle
                return self.between(word[:start], form, word[stop:], rows, columns)
        return self._cut(word, rows, columns)

    def sort_runs(self, word: Word) -> Word:
        """Diagonal factors that stand side by side in a fixed order, powers of one letter joined."""
        result: list[Factor] = []
        place = 0
        while place < len(word):
            stop = place
            while stop < len(word) and self.is_diagonal(word[stop]):
                stop += 1
            if stop == place:
                result.append(word[place])
                place += 1
                continue
            result.extend(self._sorted_run(word[place:stop]))
            place = stop
        return tuple(result)

    def _sorted_run(self, run: Word) -> list[Factor]:
        powers: dict[str, Fraction] = {}
        others: list[Factor] = []
        size = self.shape(run[0])[0]
        for factor in run:
            atom = self.atoms[factor[0]]
            if atom.kind == "power":
                name, exponent = atom.key
                powers[name] = powers.get(name, Fraction(0)) + exponent
            else:
                others.append(factor)
        letters = [(self.power_letter(name, size, exponent).index, False) for name, exponent in units_from(powers)]
        return letters + sorted(others, key=lambda factor: (self.is_diag_of_column(factor), factor))

    def power_letter(self, name: str, size: int, exponent: Fraction) -> Atom:
        """A power of a positive diagonal letter."""
        return self.atom("power", (name, exponent), size, size, diagonal=True)

    def _pair(self, word: Word, place: int) -> tuple[int, Form, int] | None:
        """A rule for two neighbours: where it starts, what stands there instead, and where it stops."""
        left, right = word[place], word[place + 1]
        found = self._before_ones(left, right)
        if found is not None:
            return place, found, place + 2
        if self.atoms[left[0]].kind == "ones" and left[1]:
            stop = place + 1
            while stop < len(word) and self.is_diagonal(word[stop]):
                stop += 1
            chosen = stop - 1 if stop > place + 1 else place + 1
            factor = word[chosen]
            found = self._before_ones(
                (factor[0], factor[1] if self.atoms[factor[0]].symmetry else not factor[1]), (left[0], False)
            )
            if found is not None:
                flipped = self.transpose(found)
                return place, self.between((), flipped, word[place + 1 : chosen], 1, self.shape(factor)[1]), chosen + 1
        return self._cancelled(left, right, place)

    def _before_ones(self, left: Factor, right: Factor) -> Form | None:
        """Value of a factor times the column of ones, where a rule knows it."""
        atom = self.atoms[left[0]]
        if self.atoms[right[0]].kind != "ones" or right[1]:
            return None
        if atom.kind == "diag":
            return self.of_word(atom.key, atom.rows, 1)
        if atom.kind == "softmax" and not left[1]:
            return self.ones(atom.rows)
        if atom.kind == "hadamard" and len(atom.key) == 2:
            first, second = (self.of_word(word, atom.rows, atom.columns) for word in atom.key)
            if left[1]:
                return self.diagonal(self.multiply(self.transpose(first), second))
            return self.diagonal(self.multiply(first, self.transpose(second)))
        return None

    def _cancelled(self, left: Factor, right: Factor, place: int) -> tuple[int, Form, int] | None:
        """A letter next to its inverse."""
        first, second = self.atoms[left[0]], self.atoms[right[0]]
        if first.kind != "letter" or second.kind != "letter" or first.key[0] != second.key[0]:
            return None
        inverse = first.key[2] != second.key[2] and left[1] == right[1]
        orthogonal = first.key[1] == "orthogonal" and first is second and left[1] != right[1]
        return (place, self.identity(self.shape(left)[0]), place + 2) if inverse or orthogonal else None

    # scalars inside words

    def _cut(self, word: Word, rows: int, columns: int) -> Form:
        """A word with its scalar parts moved to the front."""
        lengths = [rows, *(self.shape(factor)[1] for factor in word)]
        cuts = [place for place, length in enumerate(lengths) if length == 1]
        if not cuts:
            return self.of_word(word, rows, columns)
        scalar = self.identity(1)
        for start, stop in pairwise(cuts):
            scalar = self.times(self.segment(word[start:stop]), scalar)
        column = self.column(word[: cuts[0]])
        sign, flipped = self.flip(word[cuts[-1] :])
        back, row = self.flip(self.column(self.sort_runs(flipped)))
        kept = self.of_word(column + self.sort_runs(row), rows, columns)
        return self.scale(self.times(scalar, kept), sign * back)

    def column(self, word: Word) -> Word:
        """A column whose entrywise factors stand in a fixed order: diag(u) v = diag(v) u."""
        stop = 0
        while stop < len(word) and self.is_diagonal(word[stop]):
            stop += 1
        start = next((place for place in range(stop) if self.is_diag_of_column(word[place])), stop)
        if start == stop or stop == len(word):
            return word
        columns = sorted([*(self.atoms[factor[0]].key for factor in word[start:stop]), word[stop:]])
        size = self.shape(word[0])[0]
        return (*word[:start], *sorted(self.diag_factor(part, size) for part in columns[:-1]), *columns[-1])

    def diag_factor(self, column: Word, size: int) -> Factor:
        """The diagonal matrix of a column that does not start with a diagonal factor."""
        return self.atom("diag", column, size, size, diagonal=True).index, False
