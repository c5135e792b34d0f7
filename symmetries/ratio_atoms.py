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
    free_signs: leave out s**2 = 1, which is false where u = 0; what then vanishes, vanishes there too.
    """

    def __init__(self, symbols: int, functions: int, *, free_signs: bool = False) -> None:
        from sympy import QQ
        from sympy.polys.rings import ring

        names = [f"g{k}" for k in range(symbols + functions)] or ["g0"]
        self.ring, *generators = ring(names, QQ)
        self.domain = QQ
        self._sign_degree = 0 if free_signs else 2
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
        return self.atom("sign", Ratio(factor), self._sign_degree, self.constant(1))

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
