"""Scalars made of matrix words: what stands between two lengths of 1, and traces."""

from __future__ import annotations

from abc import ABC
from fractions import Fraction
from typing import Any

from symmetries.sizes.matrix_forms import Atom, Form, Word
from symmetries.sizes.matrix_words import Measure, Words, plain


class Scalars(Words, ABC):
    """Words whose scalars have a normal form.

    Parameters
    ----------
    measure: what a length is.
    """

    def __init__(self, measure: Measure = plain) -> None:
        super().__init__(measure)
        self._segments: dict[Word, Form] = {}
        self._loops: dict[Word, Form] = {}

    def segment(self, word: Word) -> Form:
        """Scalar of a word from length 1 to length 1."""
        if word not in self._segments:
            self._segments[word] = self._segment(word)
        return self._segments[word]

    def _segment(self, word: Word) -> Form:
        first, last = self.atoms[word[0][0]], self.atoms[word[-1][0]]
        if len(word) == 2 and first is last and first.kind == "ones":
            return self.length(first.rows)
        if len(word) > 1 and last.kind == "diagonal" and not word[-1][1]:
            return self._through_diagonal(word[:-1], last)
        if len(word) > 1 and first.kind == "diagonal" and word[0][1]:
            sign, flipped = self.flip(word[1:])
            return self.scale(self._through_diagonal(flipped, first), sign)
        for place, factor in enumerate(word):
            atom = self.atoms[factor[0]]
            if 0 < place < len(word) - 1 and atom.kind == "hadamard" and len(atom.key) == 2:
                return self._through_hadamard(word[:place], atom, factor[1], word[place + 1 :])
        return self._open(word)

    def _through_diagonal(self, row: Word, atom: Atom) -> Form:
        """A row times the diagonal of M, which is tr(diag(row) M)."""
        sign, flipped = self.flip(row)
        column = self.scale(self.reduce(flipped, atom.rows, 1), sign)
        return self.trace(self.multiply(self.diag(column), self.of_word(atom.key, atom.rows, atom.rows)))

    def _through_hadamard(self, row: Word, atom: Atom, transposed: bool, column: Word) -> Form:
        """The scalar u^T (A * B) v = tr(diag(u) A diag(v) B^T)."""
        first, second = (self.of_word(word, atom.rows, atom.columns) for word in atom.key)
        if transposed:
            first, second = self.transpose(first), self.transpose(second)
        sign, flipped = self.flip(row)
        left = self.diag(self.scale(self.reduce(flipped, first.rows, 1), sign))
        right = self.diag(self.reduce(column, first.columns, 1))
        return self.trace(self.product(left, first, right, self.transpose(second)))

    def _open(self, word: Word) -> Form:
        """The scalar of a word, in one of its two directions, its entrywise factors in a fixed order."""
        start = next((place for place, factor in enumerate(word) if self.is_diag_of_column(factor)), len(word))
        stop = start
        while stop < len(word) and self.is_diagonal(word[stop]):
            stop += 1
        begin = start
        while begin and self.is_diagonal(word[begin - 1]):
            begin -= 1
        if begin > 0 and start < stop < len(word):
            turn, left = self.flip(word[:begin])
            parts = sorted([left, *(self.atoms[factor[0]].key for factor in word[start:stop]), word[stop:]])
            size = self.shape(word[start])[0]
            back, row = self.flip(parts[0])
            middle = (*word[begin:start], *sorted(self.diag_factor(part, size) for part in parts[1:-1]))
            word = (*row, *middle, *parts[-1])
            if turn * back < 0:
                return self.scale(self._named(word), -1)
        return self._named(word)

    def _named(self, word: Word) -> Form:
        """The atom of a scalar word."""
        sign, flipped = self.flip(word)
        flipped = self.sort_runs(flipped)
        if flipped == word and sign < 0:
            return Form(1, 1)
        chosen, factor = (word, 1) if word <= flipped else (flipped, sign)
        return self.scalar_atom(("open", chosen), factor)

    def scalar_atom(self, key: Any, factor: int = 1) -> Form:
        """A scalar atom as a form."""
        index = self.atom("trace", key, 1, 1).index
        return self.scale(Form(1, 1, {((), (index,), ()): Fraction(1)}), factor)

    # traces

    def loop(self, word: Word, size: int) -> Form:
        """Trace of a word in normal form."""
        if not word:
            return self.length(size)
        if word not in self._loops:
            self._loops[word] = self._loop(word)
        return self._loops[word]

    def _loop(self, word: Word) -> Form:
        size = self.shape(word[0])[0]
        if size == 1:
            return self.reduce(word, 1, 1)
        for place, factor in enumerate(word[:-1]):
            if self.shape(factor)[1] == 1:
                return self.reduce(word[place + 1 :] + word[: place + 1], 1, 1)
        if all(map(self.is_diagonal, word)) and any(map(self.is_diag_of_column, word)):
            ones = self.ones(size)
            return self.product(self.transpose(ones), self.of_word(word, size, size), ones)
        if len(word) > 1:
            wrapped = word[-1:] + word[:-1]
            around = self.is_diagonal(word[-1]) and self.is_diagonal(word[0])
            if (around and not all(map(self.is_diagonal, word))) or self._pair(wrapped, 0) is not None:
                length = self.shape(word[-1])[0]
                return self.trace(self.reduce(wrapped, length, length))
        return self._closed(word)

    def _closed(self, word: Word) -> Form:
        """The atom of a trace: the first of all rotations of the word and of its transpose."""
        atom = self.atoms[word[0][0]]
        if len(word) == 1 and atom.kind == "letter" and atom.key[1] == "traceless":
            return Form(1, 1)
        sign, flipped = self.flip(word)
        best: dict[Word, set[int]] = {}
        for factor, one in ((1, word), (sign, self.sort_runs(flipped))):
            for start in range(len(one)):
                inside = start and self.is_diagonal(one[start]) and self.is_diagonal(one[start - 1])
                if not inside:
                    best.setdefault(self.sort_runs(one[start:] + one[:start]), set()).add(factor)
        chosen = min(best)
        if len(best[chosen]) == 2:
            return Form(1, 1)
        return self.scalar_atom(("closed", chosen), best[chosen].pop())
