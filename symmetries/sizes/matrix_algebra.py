r"""The free algebra of matrices with entrywise products and functions.

Entrywise functions enter as opaque atoms of a form in normal form.  What is known of them holds for every size: a
positively homogeneous function of degree k lets positive diagonal factors out with the power k; softmax and the
logarithm of a sum of exponentials, taken along rows, see a shift c 1^T as no change and as the shift c.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import final

from symmetries.sizes.matrix_forms import Form, Frozen, Units, Word, power_of_units, units_from
from symmetries.sizes.matrix_scalars import Scalars

DEGREE: Mapping[str, int] = {"relu": 1, "sign": 0}
"""Functions f(t x) = t^k f(x) for t > 0, and k; indicators have the degree 0 as well."""

LONG = 128
"""Number of terms from which a product is not expanded."""

POWER = "power:"

INDICATOR = "indicator:"


def degree_of(name: str) -> Fraction | None:
    """Degree of positive homogeneity of a function, None where it has none.

    >>> degree_of("relu"), degree_of("power:-1/2"), degree_of("tanh")
    (Fraction(1, 1), Fraction(-1, 2), None)
    """
    if name.startswith(POWER):
        return Fraction(name.removeprefix(POWER))
    if name.startswith(INDICATOR):
        return Fraction(0)
    return Fraction(DEGREE[name]) if name in DEGREE else None


@final
class MatrixAlgebra(Scalars):
    """Matrix forms with diagonals, entrywise products and functions.

    >>> algebra = MatrixAlgebra()
    >>> u, v = (algebra.single(algebra.atom("symbol", name, 2, 2)) for name in "uv")
    >>> left = algebra.trace(algebra.multiply(u, v))
    >>> bool(algebra.add(left, algebra.scale(algebra.trace(algebra.multiply(v, u)), -1)))
    False
    """

    def map_words(self, form: Form, rows: int, columns: int, rule: Callable[[Word], Form]) -> Form:
        """The linear map that sends each word where the rule says."""
        parts = [(value, units, scalars, rule(word)) for (units, scalars, word), value in form.terms.items()]
        return self.combine(rows, columns, parts)

    # diagonals

    def diag(self, column: Form) -> Form:
        """The diagonal matrix of a column."""
        size = column.rows

        def one(word: Word) -> Form:
            """The diagonal matrix of one word."""
            stop = self.run_before(word)
            rest = word[stop:]
            if not rest or (len(rest) == 1 and self.atoms[rest[0][0]].kind == "ones"):
                return self.reduce(word[:stop], size, size)
            return self.reduce((*word[:stop], self.diag_factor(rest, size)), size, size)

        return column if size == 1 else self.map_words(column, size, size, one)

    def diagonal(self, square: Form) -> Form:
        """The diagonal of a square matrix, as a column."""
        size = square.rows

        def one(word: Word) -> Form:
            """The diagonal of one word."""
            start, stop = self.run_before(word), self.run_after(word)
            if start >= stop:
                return self.multiply(self.of_word(word, size, size), self.ones(size)) if word else self.ones(size)
            around, rest = word[:start] + word[stop:], word[start:stop]
            split = self.split(rest, size)
            if split is not None:
                column, row = split
                return self.product(self.reduce(around, size, size), self.diag(column), self.transpose(row))
            sign, flipped = self.flip(rest)
            chosen, factor = (rest, 1) if rest <= flipped else (flipped, sign)
            if rest == flipped and sign < 0:
                return Form(size, 1)
            atom = self.atom("diagonal", chosen, size, 1)
            return self.scale(self.reduce((*around, (atom.index, False)), size, 1), factor)

        return square if size == 1 else self.map_words(square, size, 1, one)

    def run_before(self, word: Word) -> int:
        """Number of diagonal factors at the start."""
        return next((place for place, factor in enumerate(word) if not self.is_diagonal(factor)), len(word))

    def run_after(self, word: Word) -> int:
        """Where the diagonal factors at the end start."""
        return len(word) - next(
            (place for place, factor in enumerate(reversed(word)) if not self.is_diagonal(factor)), len(word)
        )

    def split(self, word: Word, rows: int) -> tuple[Form, Form] | None:
        """A word through length 1 as a column times a row."""
        columns = self.shape(word[-1])[1]
        for place, factor in enumerate(word[:-1]):
            if self.shape(factor)[1] == 1:
                return self.reduce(word[: place + 1], rows, 1), self.reduce(word[place + 1 :], 1, columns)
        return None

    # entrywise products

    def hadamard(self, left: Form, right: Form) -> Form:
        """Entrywise product of two forms of one shape."""
        rows, columns = left.rows, left.columns
        if rows == columns == 1:
            return self.times(left, right)
        if columns == 1:
            return self.multiply(self.diag(left), right)
        if rows == 1:
            return self.multiply(left, self.diag(self.transpose(right)))
        return self.map_words(
            left,
            rows,
            columns,
            lambda word: self.map_words(
                right, rows, columns, lambda other: self.entrywise([word, other], rows, columns)
            ),
        )

    def entrywise(self, words: Sequence[Word], rows: int, columns: int) -> Form:
        """Entrywise product of words of one shape that is neither a row nor a column."""
        before, after = self.identity(rows), self.identity(columns)
        kept: list[Word] = []
        for word in self._flat(words):
            start, stop = self.run_before(word), self.run_after(word)
            if start >= stop:
                kept.append(word)
                continue
            before = self.multiply(before, self.reduce(word[:start], rows, rows))
            after = self.multiply(self.reduce(word[stop:], columns, columns), after)
            middle = word[start:stop]
            split = self.split(middle, rows)
            if split is None:
                kept.append(middle)
                continue
            before = self.multiply(before, self.diag(split[0]))
            after = self.multiply(self.diag(self.transpose(split[1])), after)
        return self.product(before, self._opaque_product(kept, rows, columns), after)

    def _flat(self, words: Sequence[Word]) -> list[Word]:
        """The factors, those of entrywise products inside included."""
        found: list[Word] = []
        for word in words:
            atom = self.atoms[word[0][0]] if len(word) == 1 else None
            if atom is None or atom.kind != "hadamard" or self._signed(atom.key):
                found.append(word)
            else:
                found.extend(self.flip(inner)[1] if word[0][1] else inner for inner in atom.key)
        return found

    def _signed(self, words: Sequence[Word]) -> bool:
        """Whether a transpose of one of the words has a sign."""
        return any(self.flip(word)[0] < 0 for word in words)

    def _opaque_product(self, words: list[Word], rows: int, columns: int) -> Form:
        """Entrywise product of words without diagonal factors around them."""
        if not words:
            return self.multiply(self.ones(rows), self.transpose(self.ones(columns)))
        if len(words) == 1:
            return self.reduce(words[0], rows, columns)
        diagonal = next((word for word in words if all(map(self.is_diagonal, word))), None)
        if diagonal is not None:
            result = self.reduce(diagonal, rows, rows)
            words.remove(diagonal)
            for word in words:
                result = self.multiply(result, self.diag(self.diagonal(self.reduce(word, rows, columns))))
            return result
        chosen, flipped = sorted(words), sorted(self.flip(word)[1] for word in words)
        if flipped < chosen and not self._signed(words):
            return self.transpose(self.single(self.atom("hadamard", tuple(flipped), columns, rows)))
        symmetry = 1 if flipped == chosen and not self._signed(words) else 0
        return self.single(self.atom("hadamard", tuple(chosen), rows, columns, symmetry=symmetry))

    # functions

    def function(self, name: str, form: Form) -> Form:
        """A function of every entry."""
        if name == "relu" and form.terms:
            size = abs(min(form.terms.items())[1])
            if min(form.terms.items())[1] < 0:
                return self.add(form, self.function(name, self.scale(form, -1)))
            if size != 1:
                return self.scale(self.function(name, self.scale(form, 1 / size)), size)
        degree = degree_of(name)
        if degree is None:
            return self._entrywise_atom(name, form)
        before, units, inner, after = self.positive_factors(form)
        result = self._entrywise_atom(name, inner)
        if not (before or units or after):
            return result
        left, right = self._powers(before, form.rows, degree), self._powers(after, form.columns, degree)
        return self.scale(self.product(left, result, right), 1, power_of_units(units, degree))

    def _powers(self, powers: Mapping[str, Fraction], size: int, degree: Fraction) -> Form:
        """Product of powers of positive diagonal letters, each raised to a degree."""
        letters = [self.power_letter(name, size, exponent * degree) for name, exponent in powers.items() if degree]
        return self.reduce(tuple((letter.index, False) for letter in letters), size, size)

    def positive_factors(self, form: Form) -> tuple[dict[str, Fraction], Units, Form, dict[str, Fraction]]:
        """Positive diagonal letters and units that all terms have in common, and the form without them."""
        words = [word for _, _, word in form.terms]
        before = _common([self._letters(word[: self.run_before(word)]) for word in words])
        after = _common(
            [self._letters(word[self.run_after(word) :]) if self.run_before(word) < len(word) else {} for word in words]
        )
        units = units_from(_common([dict(units) for units, _, _ in form.terms]))
        if not (before or after or units):
            return {}, (), form, {}
        left, right = self._powers(before, form.rows, Fraction(-1)), self._powers(after, form.columns, Fraction(-1))
        inner = self.scale(self.product(left, form, right), 1, power_of_units(units, Fraction(-1)))
        return before, units, inner, after

    def _letters(self, run: Word) -> dict[str, Fraction]:
        """Exponents of the positive diagonal letters of a run."""
        atoms = [self.atoms[index] for index, _ in run]
        return dict(atom.key for atom in atoms if atom.kind == "power")

    def _entrywise_atom(self, name: str, form: Form) -> Form:
        """The atom of a function of a form, in one of its two directions."""
        if form.rows == form.columns == 1:
            return self.single(self.atom("function", (name, form.frozen), 1, 1))
        flipped = self.transpose(form)
        own, other = form.frozen, flipped.frozen
        if own == other and form.rows == form.columns:
            return self.single(self.atom("function", (name, own), form.rows, form.columns, symmetry=1))
        if (form.columns, own) <= (form.rows, other):
            return self.single(self.atom("function", (name, own), form.rows, form.columns))
        return self.transpose(self.single(self.atom("function", (name, other), form.columns, form.rows)))

    def softmax(self, form: Form) -> Form:
        """Softmax of every row."""
        if form.columns == 1:
            return self.ones(form.rows)
        inner, _ = self.shifted(form)
        return self.single(self.atom("softmax", inner.frozen, form.rows, form.columns))

    def logsumexp(self, form: Form) -> Form:
        """Logarithm of the sum of the exponentials of every row, as a column."""
        if form.columns == 1:
            return form
        inner, shift = self.shifted(form)
        return self.add(self.single(self.atom("logsumexp", (inner.frozen, form.columns), form.rows, 1)), shift)

    def shifted(self, form: Form) -> tuple[Form, Form]:
        """A form without its terms c 1^T, and the sum of these c."""
        ones = ("ones", form.columns)
        inner, shift = Form(form.rows, form.columns), Form(form.rows, 1)
        for term, value in form.terms.items():
            last = term[2][-1] if term[2] else None
            atom = self.atoms[last[0]] if last else None
            if last and atom and (atom.kind, atom.key) == ones and last[1]:
                shift.put((term[0], term[1], term[2][:-1]), value)
            else:
                inner.put(term, value)
        return inner, shift

    def compact(self, form: Form, times: int) -> Form:
        """A form, or one atom that stands for it where a product with ``times`` terms would be long."""
        if len(form.terms) * times <= LONG:
            return form
        return self.single(self.atom("block", (form.frozen, form.rows, form.columns), form.rows, form.columns))

    def opaque(self, kind: str, key: object, forms: Sequence[Form], rows: int, columns: int) -> Form:
        """A function of forms of which nothing is known."""
        return self.single(
            self.atom(kind, (key, tuple((form.rows, form.columns, form.frozen) for form in forms)), rows, columns)
        )

    def linear_map(self, key: object, form: Form, rows: int, columns: int) -> Form:
        """A linear map of which nothing else is known, such as a choice of entries."""

        def one(word: Word) -> Form:
            """The image of one word."""
            return self.single(self.atom("linear", (key, word, form.rows, form.columns), rows, columns))

        return self.map_words(form, rows, columns, one)

    def thaw(self, frozen: Frozen, rows: int, columns: int) -> Form:
        """The form that was frozen."""
        return Form(rows, columns, dict(frozen))


def _common(powers: Sequence[Mapping[str, Fraction]]) -> dict[str, Fraction]:
    """The exponents on which all agree in sign, the smaller in size; names that one lacks have none."""
    if not powers:
        return {}
    found = {}
    for name in powers[0]:
        values = {one.get(name, Fraction(0)) for one in powers}
        if len(values) == 1 and 0 not in values:
            found[name] = values.pop()
    return found
