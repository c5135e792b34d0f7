r"""Dual evaluation over quotients of polynomials, in which functions that are not rational are new indeterminates.

Each such indeterminate belongs to one function of one exact argument and has the derivative of that function.  An
identity that holds for free indeterminates holds for the functions, so a zero found here is a proof; absolute values
are written as \|u\| = s u with s**2 = 1, which is true whatever s is where u = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

from symmetries.dual import Arithmetic, Unsupported
from symmetries.dual_functions import Entry
from symmetries.numbers import rational_root
from symmetries.ratio import Poly, Ratio, TooLarge

MAX_SUMMANDS = 4
"""Up to so many terms, exp of a sum is written as a product."""


@final
@dataclass(frozen=True)
class Atom:
    """An indeterminate that stands for a function of an argument."""

    kind: str
    argument: Ratio
    value: Ratio
    position: int
    partner: Ratio | None = None
    degree: int = 0
    branching: bool = False


@final
class Quotients(Arithmetic):
    """Quotients of polynomials over Q in the symbols and in indeterminates for functions.

    Parameters
    ----------
    symbols: number of symbols.
    functions: most indeterminates for functions.
    """

    def __init__(self, symbols: int, functions: int) -> None:
        from sympy import QQ
        from sympy.polys.rings import ring

        names = [f"g{k}" for k in range(symbols + functions)] or ["g0"]
        self.ring, *generators = ring(names, QQ)
        self.domain = QQ
        self.symbols = [Ratio(generator) for generator in generators[:symbols]]
        self._spare = [(symbols + k, generator) for k, generator in enumerate(generators[symbols:])][::-1]
        self.atoms: list[Atom] = []
        self.jumps: list[tuple[Entry, Entry, int]] = []
        self.poles: list[Poly] = []
        self.logarithms: list[Poly] = []
        self.rates: dict[int, Ratio] = {}

    # numbers

    def constant(self, value: Fraction | int) -> Ratio:
        """A rational number."""
        fraction = Fraction(value)
        return Ratio(self.ring(self.domain(fraction.numerator, fraction.denominator)))

    def invert(self, x: Ratio) -> Ratio:
        """1 / x, and a note of what vanishes at its poles."""
        if not self.reduced(x.numerator):
            raise Unsupported("a division by zero")
        if not x.numerator.is_ground and x.numerator not in self.poles:
            self.poles.append(x.numerator)
        return x.inverse()

    def is_zero(self, x: Ratio) -> bool:
        """Whether a quotient is zero modulo the relations of the indeterminates."""
        return not self.reduced(x.numerator)

    def reduced(self, polynomial: Poly) -> Poly:
        """A polynomial modulo the relations, up to a denominator that is a power product."""
        for atom in reversed(self.atoms):
            if atom.degree and polynomial.degree(self.ring.gens[atom.position]) >= atom.degree:
                polynomial = self._lowered(polynomial, atom)
        return polynomial

    def _lowered(self, polynomial: Poly, atom: Atom) -> Poly:
        """Powers of one indeterminate replaced: s**2 = 1, sin**2 = 1 - cos**2, r**q = u."""
        assert atom.partner is not None
        layers: dict[int, Poly] = {}
        for monomial, coefficient in polynomial.terms():
            whole, rest = divmod(monomial[atom.position], atom.degree)
            lower = (*monomial[: atom.position], rest, *monomial[atom.position + 1 :])
            layers[whole] = layers.get(whole, self.ring.zero) + self.ring({lower: coefficient})
        total = self.constant(0)
        for whole, part in layers.items():
            total = total + Ratio(part) * atom.partner**whole
        return total.numerator

    # indeterminates

    def _new(self, kind: str, argument: Ratio, degree: int = 0, partner: Ratio | None = None) -> Atom:
        if not self._spare:
            raise TooLarge
        position, generator = self._spare.pop()
        branching = kind == "sign" or self._branches(argument)
        atom = Atom(kind, argument, Ratio(generator), position, partner, degree, branching)
        self.atoms.append(atom)
        return atom

    def _known(self, kind: str, argument: Ratio) -> Atom | None:
        for atom in self.atoms:
            if atom.kind == kind and self.is_zero(atom.argument - argument):
                return atom
        return None

    def atom(self, kind: str, argument: Ratio, degree: int = 0, partner: Ratio | None = None) -> Ratio:
        """The indeterminate of a function of an argument."""
        return (self._known(kind, argument) or self._new(kind, argument, degree, partner)).value

    def function(self, name: str, x: Ratio) -> tuple[Ratio, Ratio]:
        """A function with its derivative."""
        one = self.constant(1)
        if name == "exp":
            value = self._exponential(x)
            return value, value
        if name == "log":
            if self.is_zero(x):
                raise Unsupported("log 0")
            self.logarithms.append(x.numerator)
            return (self.constant(0) if self.is_zero(x - one) else self.atom("log", x)), x.inverse()
        if name in {"sin", "cos"}:
            cosine, sine = self._turn(x)
            return (sine, cosine) if name == "sin" else (cosine, -sine)
        if name == "atan":
            return self.atom("atan", x), self.invert(one + x * x)
        return self.atom(name, x), self.atom(f"{name}'", x)

    def _exponential(self, x: Ratio) -> Ratio:
        """exp(x), as a power of one that is there already where the arguments are integer multiples."""
        if self.is_zero(x):
            return self.constant(1)
        if not x.denominator and 1 < len(x.numerator) <= MAX_SUMMANDS:
            result = self.constant(1)
            for monomial, coefficient in x.numerator.terms():
                result = result * self._exponential(Ratio(self.ring({monomial: coefficient})))
            return result
        for atom in self.atoms:
            if atom.kind != "exp" or not atom.argument.numerator or not x.numerator:
                continue
            factor = self._multiple(x, atom.argument)
            if factor is not None and factor.denominator == 1 and abs(factor) <= 12:
                power = atom.value ** abs(factor.numerator)
                return power if factor > 0 else self.invert(power)
        return self.atom("exp", x)

    def _multiple(self, x: Ratio, y: Ratio) -> Fraction | None:
        """The rational number x / y, None where it is none."""
        left, right = x.over(y.denominator), y.over(x.denominator)
        factor = left.LC / right.LC if right else self.domain(0)
        if not factor or left != right * factor or x.denominator != y.denominator:
            return None
        return Fraction(int(factor.numerator), int(factor.denominator))

    def _turn(self, x: Ratio) -> tuple[Ratio, Ratio]:
        """cos x and sin x."""
        if self.is_zero(x):
            return self.constant(1), self.constant(0)
        known = self._known("sin", x)
        if known is not None:
            return self.atom("cos", x), known.value
        opposite = self._known("sin", -x)
        if opposite is not None:
            return self.atom("cos", -x), -opposite.value
        for atom in [one for one in self.atoms if one.kind == "sin"]:
            turns = self._multiple(x, atom.argument)
            if turns is not None and turns.denominator == 1 and abs(turns) <= 12:
                return self._turned(self.atom("cos", atom.argument), atom.value, int(turns))
        cosine = self.atom("cos", x)
        return cosine, self.atom("sin", x, 2, self.constant(1) - cosine * cosine)

    def _turned(self, cosine: Ratio, sine: Ratio, turns: int) -> tuple[Ratio, Ratio]:
        """cos(k x) and sin(k x) by the addition theorems."""
        c, s = self.constant(1), self.constant(0)
        for _ in range(abs(turns)):
            c, s = c * cosine - s * sine, s * cosine + c * sine
        return (c, s) if turns > 0 else (c, -s)

    def root(self, x: Ratio, exponent: Fraction) -> tuple[Ratio, Ratio]:
        """x ** exponent, with a new indeterminate for the root."""
        if self._branches(x) or self.is_zero(x):
            raise Unsupported("a root of something that may vanish on an open set")
        degree = exponent.denominator
        base = self._rational_root(x, degree) or self.atom(f"root {degree}", x, degree, x)
        value = base ** abs(exponent.numerator)
        value = value if exponent > 0 else self.invert(value)
        return value, self.constant(exponent) * value * x.inverse()

    def _rational_root(self, x: Ratio, degree: int) -> Ratio | None:
        if x.denominator or not x.numerator.is_ground:
            return None
        number = x.numerator.LC
        found = rational_root(Fraction(int(number.numerator), int(number.denominator)), degree) if number > 0 else None
        return None if found is None else self.constant(found)

    def pi(self) -> Ratio:
        """The circle number, transcendental."""
        return self.atom("pi", self.constant(0))

    # branches

    def _branches(self, x: Ratio) -> bool:
        """Whether a sign occurs in an expression, directly or inside another function."""
        polynomials = [x.numerator, *x.denominator]
        marked = {atom.position for atom in self.atoms if atom.branching}
        return any(monomial[k] for one in polynomials for monomial in one.monoms() for k in marked)

    def sign(self, x: Ratio) -> Ratio:
        """A product of signs s with s**2 = 1, one for each irreducible factor of x that may change its sign."""
        result = self.constant(1)
        for polynomial, exponent in [(x.numerator, 1), *x.denominator.items()]:
            if len(polynomial) > 400:
                raise TooLarge
            content, factors = polynomial.factor_list()
            result = result * self.constant(1 if content > 0 else -1) if exponent % 2 else result
            for factor, power in factors:
                if exponent * power % 2:
                    result = result * self._sign_of(factor)
        return result

    def _sign_of(self, factor: Poly) -> Ratio:
        if factor.LC < 0:
            return -self._sign_of(-factor)
        positive = {atom.position for atom in self.atoms if atom.kind == "exp"}
        terms = factor.terms()
        if all(c > 0 and all(e % 2 == 0 or k in positive for k, e in enumerate(m)) for m, c in terms):
            return self.constant(1)
        return self.atom("sign", Ratio(factor), 2, self.constant(1))

    def absolute(self, x: Entry) -> Entry:
        """|u| = s u."""
        if self.is_zero(x.value):
            return x
        sign = self.sign(x.value)
        return Entry(self, sign * x.value, sign * x.tangent)

    def choose(self, relation: str, u: Entry, a: Entry, b: Entry) -> Entry:
        """(a + b)/2 + s (a - b)/2, and a note of the jump."""
        if relation in {"==", "!="} or self.is_zero(u.value) or self._branches(u.value):
            raise Unsupported("where")
        if relation in {"<", "<="}:
            a, b = b, a
        if self._positive(u.value):
            return a
        self.jumps.append((u, a - b, 1 if relation in {">=", "<"} else -1))
        sign = self.sign(u.value)
        half = (a - b) * Fraction(1, 2)
        return (a + b) * Fraction(1, 2) + Entry(self, sign * half.value, sign * half.tangent)

    def _positive(self, u: Ratio) -> bool:
        """Whether a quotient is visibly positive everywhere: even powers with positive coefficients, and a constant."""
        return all(
            one.coeff(1) > 0 and all(c > 0 and not any(e % 2 for e in m) for m, c in one.terms())
            for one in (u.numerator, *u.denominator)
        )

    # continuity

    def continuous(self) -> bool:
        """Whether a derivative that vanishes almost everywhere leaves no jump for the direction to cross.

        At every jump the height vanishes or the direction is tangent to it; and so at every pole, where signs, roots or
        functions of poles occur.
        """
        for u, height, _ in self.jumps:
            if self.is_zero(u.tangent):
                continue
            if not (self._divides(u.value, height.value) or self._divides(u.value, u.tangent)):
                return False
        polar = self._polar()
        if not polar and not any(map(_kinked, self.atoms)):
            return True
        poles = [*self.poles, *(one for one in self.logarithms if polar or not self._plain_but_for_signs(one))]
        return all(self._never_zero(one) or self._keeps(one) for one in poles)

    def holds_on_jumps(self) -> bool:
        """Whether an identity between values, shown for signs +1 and -1, holds where the argument of a sign is zero.

        It does if every jump is that of one factor, whose sign is taken to be the same +1 or -1 wherever it is zero.
        """
        taken: dict[Poly, int] = {}
        for u, _, value in self.jumps:
            factors = u.value.numerator.factor_list()[1]
            parts = [(factor, power) for factor, power in factors if not self._never_zero(factor)]
            if len(parts) != 1 or parts[0][1] % 2 == 0 or not all(map(self._never_zero, u.value.denominator)):
                return False
            sign = self.sign(u.value).numerator
            if len(sign) != 1 or sum(sign.monoms()[0]) != 1:
                return False
            value = value if sign.LC > 0 else -value
            if taken.setdefault(sign.monic(), value) != value:
                return False
        return True

    def _polar(self) -> bool:
        """Whether a function is taken of something with poles, or of a logarithm."""
        polar = {atom.position for atom in self.atoms if atom.kind == "log"}
        return any(
            _used(atom.argument.numerator) & polar or not all(map(self._never_zero, atom.argument.denominator))
            for atom in self.atoms
        )

    def _plain_but_for_signs(self, polynomial: Poly) -> bool:
        """Whether a polynomial is one in symbols alone times signs, as in log(abs(x*y))."""
        signs = {atom.position for atom in self.atoms if atom.kind == "sign"}
        tails = {m[len(self.symbols) :] for m in polynomial.monoms()}
        return len(tails) == 1 and {k for k in _used(polynomial) if k >= len(self.symbols)} <= signs

    def _never_zero(self, polynomial: Poly) -> bool:
        """Whether a polynomial is visibly of one sign: even powers, exponentials, and a summand of nothing else."""
        positive = {atom.position for atom in self.atoms if atom.kind == "exp"}
        for atom in self.atoms:
            if atom.kind.startswith("root") and _visibly_positive(atom.argument.numerator, positive):
                positive.add(atom.position)
        return _visibly_positive(polynomial if polynomial.LC > 0 else -polynomial, positive)

    def _keeps(self, pole: Poly) -> bool:
        """Whether the direction is tangent to {D = 0}: X.D is a polynomial in symbols alone times D."""
        value = Ratio(pole)
        rate = self.rate(value)
        if self.is_zero(rate):
            return True
        factor = rate * value.inverse()
        return not factor.denominator and self._plain(factor)

    def rate(self, x: Ratio) -> Ratio:
        """The derivative of a quotient along the direction, from the ``rates`` of the symbols."""
        total = self._rate_of(x.numerator) * Ratio(self.ring.one, x.denominator)
        for factor, exponent in x.denominator.items():
            total = total - self.constant(exponent) * x * self._rate_of(factor) * Ratio(factor).inverse()
        return total

    def _rate_of(self, polynomial: Poly) -> Ratio:
        total = self.constant(0)
        for position in sorted(_used(polynomial)):
            if position not in self.rates:
                self.rates[position] = self._rate_of_atom(position)
            total = total + Ratio(polynomial.diff(self.ring.gens[position])) * self.rates[position]
        return total

    def _rate_of_atom(self, position: int) -> Ratio:
        """The derivative of an indeterminate; a symbol without a rate stands still."""
        atom = next((one for one in self.atoms if one.position == position), None)
        if atom is None or atom.kind in {"sign", "pi"}:
            return self.constant(0)
        change = self.rate(atom.argument)
        if self.is_zero(change):
            return change
        if atom.degree and atom.kind.startswith("root"):
            return change * atom.value * atom.argument.inverse() * self.constant(Fraction(1, atom.degree))
        if atom.kind.endswith("'"):
            raise Unsupported("a second derivative")
        return change * self.function(atom.kind, atom.argument)[1]

    def _divides(self, u: Ratio, other: Ratio) -> bool:
        """Whether ``other`` is a polynomial in symbols alone times u, both without denominators."""
        if u.denominator or other.denominator or not self._plain(u) or not self._plain(other):
            return False
        return not other.numerator.div(u.numerator)[1]

    def _plain(self, x: Ratio) -> bool:
        return all(not any(m[len(self.symbols) :]) for m in x.numerator.monoms())


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


def functions_needed(root: Any) -> int:
    """Bound of the number of indeterminates that the functions of an expression may need."""
    from symmetries.expression import walk

    count = 0
    for node in walk(root):
        if node.operation in {"function", "power", "maximum", "minimum", "leaky_relu", "elu", "where", "exponential"}:
            count += 2 * node.size if node.operation != "power" or node.payload.denominator != 1 else 0  # type: ignore[union-attr]
        elif node.operation in {"softmax", "logsumexp"}:
            count += 2 * node.arguments[0].size
        elif node.operation == "pi":
            count += 1
    return count
