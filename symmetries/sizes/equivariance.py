r"""The derivative of a matrix form along a field, by Leibniz' rule on words and by equivariance of functions.

Where the derivative of an argument is :math:`\delta P = A P + P B + \lambda P` with constant A, B and scalar
:math:`\lambda`, the argument moves as :math:`e^{tA} P e^{tB} e^{\lambda t}`.  With diagonal A and B every entry keeps
its sign, and a positively homogeneous function f of degree k has :math:`\delta f(P) = k (A f(P) + f(P) B + \lambda
f(P))`, exactly and across its kinks and jumps.  Functions without kinks, and those that are Lipschitz, obey the chain
rule along every line of the flow; functions with poles or jumps are used only where the argument is invariant or
scaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from symmetries.sizes.matrix_algebra import POWER, MatrixAlgebra, degree_of
from symmetries.sizes.matrix_forms import Atom, Form, NotDecided, Term, Word, units_from

DERIVATIVES: Mapping[str, str] = {"exp": "exp", "sin": "cos", "softplus": "sigmoid", "sinh": "cosh", "cosh": "sinh"}
"""Derivatives that are functions of the language themselves."""

SMOOTH = frozenset("exp sin cos sinh cosh tanh sigmoid softplus gelu normal_cdf erf atan relu".split())
"""Functions that are Lipschitz on bounded sets, everywhere defined, and so obey the chain rule along a line."""


@final
@dataclass(frozen=True, eq=False)
class Scaling:
    """How a form P moves: A P + P B + lambda P with constant A (left), B (right) and lambda (scalar), and the rest."""

    left: Form
    right: Form
    scalar: Form
    rest: Form


@final
class Derivation:
    """The derivative of forms along a field.

    Parameters
    ----------
    algebra: where the forms live.
    field: derivative of each symbol that moves.
    letters: the constant matrices of the field.
    equations: where forms that must vanish are collected; without it a form that does not vanish is not decided.
    """

    def __init__(
        self,
        algebra: MatrixAlgebra,
        field: Mapping[str, Form],
        letters: tuple[Atom, ...],
        equations: list[Form] | None = None,
    ) -> None:
        self.algebra = algebra
        self.field = field
        self.letters = letters
        self.equations = equations
        self._constants = {letter.index for letter in letters}
        self._known: dict[int, Form] = {}

    def _require(self, rest: Form, what: str) -> None:
        """Ask that a form vanishes, or give up."""
        if not rest:
            return
        if self.equations is None:
            raise NotDecided(what)
        self.equations.append(rest)

    def of(self, form: Form) -> Form:
        """Derivative of a form."""
        algebra = self.algebra
        parts = []
        for (units, scalars, word), value in form.terms.items():
            for place, scalar in enumerate(scalars):
                moved = self.of_atom(algebra.atoms[scalar])
                if moved:
                    kept = algebra.reduce(word, form.rows, form.columns)
                    others = scalars[:place] + scalars[place + 1 :]
                    parts.append((value, units, others, algebra.times(moved, kept)))
            parts.append((value, units, scalars, self.of_word(word, form.rows, form.columns)))
        return algebra.combine(form.rows, form.columns, parts)

    def of_word(self, word: Word, rows: int, columns: int) -> Form:
        """Derivative of a word."""
        algebra = self.algebra
        total = Form(rows, columns)
        for place, (index, transposed) in enumerate(word):
            moved = self.of_atom(algebra.atoms[index])
            if moved:
                middle = algebra.transpose(moved) if transposed else moved
                total = algebra.add(total, algebra.between(word[:place], middle, word[place + 1 :], rows, columns))
        return total

    def of_atom(self, atom: Atom) -> Form:
        """Derivative of an atom."""
        if atom.index not in self._known:
            self._known[atom.index] = self._of_atom(atom)
        return self._known[atom.index]

    def _of_atom(self, atom: Atom) -> Form:
        zero = Form(atom.rows, atom.columns)
        if atom.kind == "symbol":
            return self.field.get(str(atom.key), zero)
        rule = {
            "trace": self._of_trace,
            "diag": self._of_diag,
            "diagonal": self._of_diagonal,
            "hadamard": self._of_product,
            "function": self._of_function,
            "softmax": self._of_softmax,
            "logsumexp": self._of_logsumexp,
            "linear": self._of_linear_map,
            "inv": self._of_inverse,
            "det": self._of_determinant,
            "opaque": self._of_opaque,
            "block": self._of_block,
        }.get(atom.kind)
        return zero if rule is None else rule(atom)

    def _of_trace(self, atom: Atom) -> Form:
        kind, word = atom.key
        size = self.algebra.shape(word[0])[0]
        moved = self.of_word(word, size, size)
        return moved if kind == "open" else self.algebra.trace(moved)

    def _of_diag(self, atom: Atom) -> Form:
        return self.algebra.diag(self.of_word(atom.key, atom.rows, 1))

    def _of_diagonal(self, atom: Atom) -> Form:
        return self.algebra.diagonal(self.of_word(atom.key, atom.rows, atom.rows))

    def _of_product(self, atom: Atom) -> Form:
        algebra, total = self.algebra, Form(atom.rows, atom.columns)
        for place, word in enumerate(atom.key):
            result = self.of_word(word, atom.rows, atom.columns)
            for other in atom.key[:place] + atom.key[place + 1 :]:
                result = algebra.hadamard(result, algebra.of_word(other, atom.rows, atom.columns))
            total = algebra.add(total, result)
        return total

    def _of_function(self, atom: Atom) -> Form:
        algebra = self.algebra
        name, frozen = atom.key
        inner = algebra.thaw(frozen, atom.rows, atom.columns)
        moved = self.of(inner)
        if not moved:
            return moved
        degree, own = degree_of(name), algebra.single(atom)
        found = self.scaling(inner, moved, diagonal=True)
        exponent = Fraction(name.removeprefix(POWER)) if name.startswith(POWER) else None
        smooth = name in SMOOTH or (exponent is not None and exponent.denominator == 1 and exponent > 0)
        if not smooth:
            self._require(found.rest, f"{said(name)} of a changing argument, which may cross its poles or jumps")
        if name == "log":
            ones = algebra.multiply(algebra.ones(atom.rows), algebra.transpose(algebra.ones(atom.columns)))
            return self._applied(found, ones)
        if degree is None and not smooth:
            raise NotDecided(f"{said(name)} of a changing argument, for which there is no rule")
        scaled = (
            algebra.scale(self._applied(found, own), degree) if degree is not None else Form(atom.rows, atom.columns)
        )
        rest = found.rest if degree is not None else moved
        if not smooth or not rest:
            return scaled
        return algebra.add(scaled, algebra.hadamard(self._slope(name, inner, exponent), rest))

    def _slope(self, name: str, inner: Form, exponent: Fraction | None) -> Form:
        """The derivative of a function at an argument."""
        algebra = self.algebra
        if exponent is not None:
            lower = (
                algebra.function(f"{POWER}{exponent - 1}", inner) if exponent != 3 else algebra.hadamard(inner, inner)
            )
            return algebra.scale(lower, exponent)
        if name == "cos":
            return algebra.scale(algebra.function("sin", inner), -1)
        return algebra.function(DERIVATIVES.get(name, f"{name}'"), inner)

    def _applied(self, scaling: Scaling, form: Form) -> Form:
        """A f + f B + lambda f."""
        algebra = self.algebra
        parts = [algebra.multiply(scaling.left, form), algebra.multiply(form, scaling.right)]
        return algebra.add(*parts, algebra.times(scaling.scalar, form))

    def _of_softmax(self, atom: Atom) -> Form:
        """Along rows: delta s = s * Z - diag(row sums of s * Z) s, for Z = delta P."""
        algebra = self.algebra
        moved = self.of(algebra.thaw(atom.key, atom.rows, atom.columns))
        own = algebra.single(atom)
        if not moved:
            return moved
        mean = algebra.diagonal(algebra.multiply(own, algebra.transpose(moved)))
        lowered = algebra.multiply(algebra.diag(mean), own)
        return algebra.add(algebra.hadamard(own, moved), algebra.scale(lowered, -1))

    def _of_logsumexp(self, atom: Atom) -> Form:
        """Along rows: the row sums of softmax(P) * delta P."""
        algebra = self.algebra
        frozen, columns = atom.key
        inner = algebra.thaw(frozen, atom.rows, columns)
        moved = self.of(inner)
        return algebra.diagonal(algebra.multiply(algebra.softmax(inner), algebra.transpose(moved)))

    def _of_block(self, atom: Atom) -> Form:
        return self.of(self.algebra.thaw(*atom.key))

    def _of_linear_map(self, atom: Atom) -> Form:
        key, word, rows, columns = atom.key
        return self.algebra.linear_map(key, self.of_word(word, rows, columns), atom.rows, atom.columns)

    def _arguments(self, atom: Atom) -> list[tuple[Form, Form]]:
        """Arguments of an opaque atom with their derivatives."""
        forms = [self.algebra.thaw(frozen, rows, columns) for rows, columns, frozen in atom.key[1]]
        return [(form, self.of(form)) for form in forms]

    def _of_inverse(self, atom: Atom) -> Form:
        algebra = self.algebra
        ((inner, moved),) = self._arguments(atom)
        if not moved:
            return moved
        found, own = self.scaling(inner, moved, diagonal=False), algebra.single(atom)
        self._require(found.rest, "inv of a changing argument, which may cross its poles")
        parts = [
            algebra.multiply(own, found.left),
            algebra.multiply(found.right, own),
            algebra.times(found.scalar, own),
        ]
        return algebra.scale(algebra.add(*parts), -1)

    def _of_determinant(self, atom: Atom) -> Form:
        algebra = self.algebra
        ((inner, moved),) = self._arguments(atom)
        if not moved:
            return Form(1, 1)
        found = self.scaling(inner, moved, diagonal=False)
        self._require(found.rest, "det of a changing argument that is not multiplied by constant matrices")
        rate = algebra.add(algebra.trace(found.left), algebra.trace(found.right))
        rate = algebra.add(rate, algebra.times(algebra.length(inner.rows), found.scalar))
        return algebra.times(rate, algebra.single(atom))

    def _of_opaque(self, atom: Atom) -> Form:
        for _, moved in self._arguments(atom):
            self._require(moved, f"{atom.key[0][0]} of a changing argument, for which there is no rule")
        return Form(atom.rows, atom.columns)

    # equivariance

    def scaling(self, form: Form, moved: Form, *, diagonal: bool) -> Scaling:
        """Constants A, B and lambda with moved = A form + form B + lambda form + rest.

        They are read off at one word of the form; what they do not explain is the rest.
        """
        algebra, rows, columns = self.algebra, form.rows, form.columns
        left, right = Form(rows, rows), Form(columns, columns)
        scalar = self._rate(form, moved)
        rest = algebra.add(moved, algebra.scale(algebra.times(scalar, form), -1))
        for letter in self._matrices(rows, diagonal=diagonal):
            factor = self._coefficient(form, algebra.multiply(letter, self._first(form)), rest)
            if factor:
                left = algebra.add(left, algebra.times(factor, letter))
                rest = algebra.add(rest, algebra.scale(algebra.times(factor, algebra.multiply(letter, form)), -1))
        for letter in self._matrices(columns, diagonal=diagonal):
            factor = self._coefficient(form, algebra.multiply(self._first(form), letter), rest)
            if factor:
                right = algebra.add(right, algebra.times(factor, letter))
                rest = algebra.add(rest, algebra.scale(algebra.times(factor, algebra.multiply(form, letter)), -1))
        return Scaling(left, right, scalar, rest)

    def _matrices(self, size: int, *, diagonal: bool) -> list[Form]:
        """The constant matrices that may stand on a side: the letters of that size and their transposes."""
        if size == 1:
            return []
        found = [letter for letter in self.letters if letter.rows == letter.columns == size]
        forms = [self.algebra.single(letter) for letter in found if letter.diagonal or not diagonal]
        turned = [] if diagonal else [self.algebra.single(letter) for letter in found if not letter.symmetry]
        return forms + [self.algebra.transpose(form) for form in turned]

    def _first(self, form: Form) -> Form:
        """The first term of a form."""
        term, value = min(form.terms.items())
        return Form(form.rows, form.columns, {term: value})

    def _coefficient(self, form: Form, image: Form, moved: Form) -> Form:
        """The constant scalar with which the image of the first term stands in ``moved``."""
        if len(image.terms) != 1:
            return Form(1, 1)
        (term, value), *_ = image.terms.items()
        return self._quotients(term, value, moved)

    def _rate(self, form: Form, moved: Form) -> Form:
        """The constant scalar with which the first term stands in ``moved``."""
        if not form:
            return Form(1, 1)
        term, value = min(form.terms.items())
        return self._quotients(term, value, moved)

    def _quotients(self, term: Term, value: Fraction, moved: Form) -> Form:
        """All constant multiples of a term in a form, as one scalar."""
        result = Form(1, 1)
        units, scalars, word = term
        for (own, inner, other), factor in moved.terms.items():
            extra = _difference(inner, scalars)
            if other == word and extra is not None and all(self._is_constant(index) for index in extra):
                powers = dict(own)
                for name, exponent in units:
                    powers[name] = powers.get(name, Fraction(0)) - exponent
                result.put((units_from(powers), extra, ()), factor / value)
        return result

    def _is_constant(self, index: int) -> bool:
        """Whether a scalar atom is made of the letters of the field alone."""
        atom = self.algebra.atoms[index]
        return atom.kind == "trace" and all(inner in self._constants for inner, _ in atom.key[1])


def _difference(larger: tuple[int, ...], smaller: tuple[int, ...]) -> tuple[int, ...] | None:
    """What is left of a product when some factors are taken out."""
    rest = list(larger)
    for index in smaller:
        if index not in rest:
            return None
        rest.remove(index)
    return tuple(rest)


def said(name: str) -> str:
    """A function as a user knows it.

    >>> said("power:-1/2"), said("indicator:>"), said("tan")
    ('the power -1/2', 'a choice by > 0', 'tan')
    """
    kind, colon, rest = name.partition(":")
    if not colon:
        return name
    return f"the power {rest}" if kind == "power" else f"a choice by {rest} 0"
