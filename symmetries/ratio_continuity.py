"""Whether an identity between quotients of polynomials also holds where a loss jumps or has a pole."""

from __future__ import annotations

from fractions import Fraction
from typing import final

from symmetries.dual import Unsupported
from symmetries.ratio import Poly, Ratio
from symmetries.ratio_atoms import Atom, Quotients


@final
class Continuity:
    """The jumps, poles and logarithms that an evaluation over quotients has met, and whether the direction keeps them.

    Parameters
    ----------
    quotients: the arithmetic, after the evaluation, with the rates of the symbols along the direction.
    """

    def __init__(self, quotients: Quotients) -> None:
        self.quotients = quotients

    def continuous(self) -> bool:
        """Whether a derivative that vanishes almost everywhere leaves no jump for the direction to cross.

        At every jump the height vanishes or the direction is tangent to it; and so at every pole, where signs, roots or
        functions of poles occur.
        """
        for u, height, _ in self.quotients.jumps:
            if self.quotients.is_zero(u.tangent):
                continue
            if not (self._divides(u.value, height.value) or self._divides(u.value, u.tangent)):
                return False
        polar = self._polar()
        if not polar and not any(map(_kinked, self.quotients.atoms)):
            return True
        logarithms = [one for one in self.quotients.logarithms if polar or not self._plain_but_for_signs(one)]
        poles = [*self.quotients.poles, *logarithms]
        return all(self._never_zero(one) or self._keeps(one) for one in poles)

    def holds_on_jumps(self) -> bool:
        """Whether an identity between values, shown for signs +1 and -1, holds where the argument of a sign is zero.

        It does if every jump is that of one factor, whose sign is taken to be the same +1 or -1 wherever it is zero.
        """
        taken: dict[Poly, int] = {}
        for u, _, value in self.quotients.jumps:
            factors = u.value.numerator.factor_list()[1]
            parts = [(factor, power) for factor, power in factors if not self._never_zero(factor)]
            if len(parts) != 1 or parts[0][1] % 2 == 0 or not all(map(self._never_zero, u.value.denominator)):
                return False
            sign = self.quotients.sign(u.value).numerator
            if len(sign) != 1 or sum(sign.monoms()[0]) != 1:
                return False
            value = value if sign.LC > 0 else -value
            if taken.setdefault(sign.monic(), value) != value:
                return False
        return True

    def _polar(self) -> bool:
        """Whether a function is taken of something with poles, or of a logarithm."""
        polar = {atom.position for atom in self.quotients.atoms if atom.kind == "log"}
        return any(
            _used(atom.argument.numerator) & polar or not all(map(self._never_zero, atom.argument.denominator))
            for atom in self.quotients.atoms
        )

    def _plain_but_for_signs(self, polynomial: Poly) -> bool:
        """Whether a polynomial is one in symbols alone times signs, as in log(abs(x*y))."""
        signs = {atom.position for atom in self.quotients.atoms if atom.kind == "sign"}
        tails = {m[len(self.quotients.symbols) :] for m in polynomial.monoms()}
        return len(tails) == 1 and {k for k in _used(polynomial) if k >= len(self.quotients.symbols)} <= signs

    def _never_zero(self, polynomial: Poly) -> bool:
        """Whether a polynomial is visibly of one sign: even powers, exponentials, and a summand of nothing else."""
        positive = {atom.position for atom in self.quotients.atoms if atom.kind == "exp"}
        for atom in self.quotients.atoms:
            if atom.kind.startswith("root") and _visibly_positive(atom.argument.numerator, positive):
                positive.add(atom.position)
        return _visibly_positive(polynomial if polynomial.LC > 0 else -polynomial, positive)

    def _keeps(self, pole: Poly) -> bool:
        """Whether the direction is tangent to {D = 0}: X.D is a polynomial in symbols alone times D."""
        value = Ratio(pole)
        rate = self.rate(value)
        if self.quotients.is_zero(rate):
            return True
        factor = rate * value.inverse()
        return not factor.denominator and self._plain(factor)

    def rate(self, x: Ratio) -> Ratio:
        """The derivative of a quotient along the direction, from the ``rates`` of the symbols."""
        total = self._rate_of(x.numerator) * Ratio(self.quotients.ring.one, x.denominator)
        for factor, exponent in x.denominator.items():
            total = total - self.quotients.constant(exponent) * x * self._rate_of(factor) * Ratio(factor).inverse()
        return total

    def _rate_of(self, polynomial: Poly) -> Ratio:
        total = self.quotients.constant(0)
        for position in sorted(_used(polynomial)):
            if position not in self.quotients.rates:
                self.quotients.rates[position] = self._rate_of_atom(position)
            total = total + Ratio(polynomial.diff(self.quotients.ring.gens[position])) * self.quotients.rates[position]
        return total

    def _rate_of_atom(self, position: int) -> Ratio:
        """The derivative of an indeterminate; a symbol without a rate stands still."""
        atom = next((one for one in self.quotients.atoms if one.position == position), None)
        if atom is None or atom.kind in {"sign", "pi"}:
            return self.quotients.constant(0)
        change = self.rate(atom.argument)
        if self.quotients.is_zero(change):
            return change
        if atom.degree and atom.kind.startswith("root"):
            return change * atom.value * atom.argument.inverse() * self.quotients.constant(Fraction(1, atom.degree))
        if atom.kind.endswith("'"):
            raise Unsupported("a second derivative")
        return change * self.quotients.function(atom.kind, atom.argument)[1]

    def _divides(self, u: Ratio, other: Ratio) -> bool:
        """Whether ``other`` is a polynomial in symbols alone times u, both without denominators."""
        if u.denominator or other.denominator or not self._plain(u) or not self._plain(other):
            return False
        return not other.numerator.div(u.numerator)[1]

    def _plain(self, x: Ratio) -> bool:
        return all(not any(m[len(self.quotients.symbols) :]) for m in x.numerator.monoms())


def _used(polynomial: Poly) -> set[int]:
    """Positions of the indeterminates in a polynomial."""
    return {k for monomial in polynomial.monoms() for k, exponent in enumerate(monomial) if exponent}


def _kinked(atom: Atom) -> bool:
    """Whether an indeterminate has branches, as signs and roots of what is not constant have."""
    return bool(_used(atom.argument.numerator)) and atom.kind.partition(" ")[0] in {"sign", "root"}


def _visibly_positive(polynomial: Poly, positive: set[int]) -> bool:
    """Whether all summands are at least zero and one of them is positive, given the positive indeterminates."""
    summands = [({k for k, e in enumerate(m) if e} - positive, m, c) for m, c in polynomial.terms()]
    return all(c > 0 and not any(m[k] % 2 for k in others) for others, m, c in summands) and not all(
        others for others, _, _ in summands
    )
