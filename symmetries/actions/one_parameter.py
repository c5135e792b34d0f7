r"""One-parameter groups of linear and affine fields in closed form, :math:`w \mapsto e^{tA} w`.

The entries of e^(tA) solve the linear equation chi(d/dt) f = 0 of the characteristic polynomial chi of A, so that
e^(tA) = sum_j f_j(t) C_j for a basis f_j of its solutions; the matrices C_j follow exactly from the derivatives at
t = 0, which are the powers of A.  Where chi splits into linear and quadratic factors the f_j are t^k e^(at), times cos
and sin, or cosh and sinh, of bt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, perm
from typing import Any, TypeAlias, final

from manifolds.errors import InputError
from symmetries.algebra import require_polynomials
from symmetries.fields import Monomial, VectorField, multiply_monomials, polynomial_text
from symmetries.finite_action import FiniteAction

ONE = "1"
"""Name of the coordinate that is always 1, by which an affine field is linear."""

LARGEST_BLOCK = 24
"""Coordinates that move each other, up to which a closed form is written."""

Entries: TypeAlias = dict[tuple[str, str], dict[Monomial, Fraction]]


@final
@dataclass(frozen=True)
class Mode:
    r"""A solution :math:`t^k e^{at} h(t)` of the characteristic equation.

    Parameters
    ----------
    power: the exponent k.
    rate: a, an element of the coefficient field.
    square: the square of the frequency: h is cosh(bt) or sinh(bt)/b with b^2 = square, or 1 where it is None.
    odd: whether h is the odd one of the two.
    """

    power: int
    rate: Any
    square: Any | None = None
    odd: bool = False

    def derivatives(self, count: int, domain: Any) -> list[Any]:
        """Derivatives at t = 0 of the orders 0 to count - 1."""
        taylor = []
        inner = domain.one
        for order in range(count):
            if self.square is None:
                taylor.append(domain.one if order == 0 else domain.zero)
            else:
                taylor.append(inner if order % 2 == int(self.odd) else domain.zero)
                if order % 2 == 1:
                    inner = inner * self.square
        rates = [domain.one]
        while len(rates) < count:
            rates.append(rates[-1] * self.rate)
        result = []
        for order in range(count):
            total = domain.zero
            for k in range(order - self.power + 1):
                weight = perm(order, self.power) * comb(order - self.power, k)
                total += domain(weight) * taylor[k] * rates[order - self.power - k]
            result.append(total)
        return result


def one_parameter_group(field: VectorField, *, time: str = "t") -> FiniteAction | None:
    r"""The flow of a linear or affine field in closed form, :math:`w \mapsto e^{tA} w`.

    None where the characteristic polynomial has an irreducible factor of degree three or more, or a frequency whose
    sign depends on the values of constants.

    Parameters
    ----------
    field: a field that :func:`symmetries.derive` returned.
    time: name of the time in the formulas.

    Raises
    ------
    InputError: the field has a quantity of the name of the time.

    >>> rotation = VectorField.from_polynomials({"x": {(("y", 1),): Fraction(9)}, "y": {(("x", 1),): Fraction(-1)}})
    >>> print(one_parameter_group(rotation))
    x -> cos(3*t)*x + 3*sin(3*t)*y; y -> -1/3*sin(3*t)*x + cos(3*t)*y
    """
    polynomials = require_polynomials(field)
    if any(time in {entry, *(name for m in p for name, _ in m)} for entry, p in polynomials.items()):
        raise InputError(
            f"the time is called {time!r}",
            why=f"the field {field} has a quantity of that name",
            cure="give another name: one_parameter_group(field, time='s')",
        )
    entries = linear_entries(polynomials)
    if entries is None:
        return None
    components: dict[str, str] = {}
    for block in _blocks(entries):
        formulas = _block_formulas(block, entries, time)
        if formulas is None:
            return None
        components.update(formulas)
    ordered = {entry: components[entry] for entry in polynomials}
    return FiniteAction(ordered, time=time)


def linear_entries(polynomials: Mapping[str, Mapping[Monomial, Fraction]]) -> Entries | None:
    """Coefficients of an affine field by (moved entry, entry that it depends on), as polynomials in the constants.

    None when a component is not affine in the moved entries.  An entry that is not moved is a constant of the flow, and
    so are structural constants; both stay in the coefficients.
    """
    moved = set(polynomials)
    result: Entries = {}
    for entry, polynomial in polynomials.items():
        for monomial, value in polynomial.items():
            moving = [(name, exponent) for name, exponent in monomial if name in moved]
            if len(moving) > 1 or any(exponent != 1 for _, exponent in moving):
                return None
            source = moving[0][0] if moving else ONE
            rest = tuple((name, exponent) for name, exponent in monomial if name not in moved)
            place = result.setdefault((entry, source), {})
            place[rest] = place.get(rest, Fraction(0)) + value
    return result


def _blocks(entries: Entries) -> list[list[str]]:
    """Groups of moved entries that act on each other; the constant 1 joins each group that it acts on."""
    import networkx

    graph = networkx.Graph()
    for target, source in entries:
        graph.add_node(target)
        if source != ONE:
            graph.add_edge(target, source)
    order = {name: k for k, name in enumerate(dict.fromkeys(target for target, _ in entries))}
    return [sorted(group, key=order.__getitem__) for group in networkx.connected_components(graph)]


def _block_formulas(block: Sequence[str], entries: Entries, time: str) -> dict[str, str] | None:
    """Formulas of the entries of one block at the time t."""
    affine = any((target, ONE) in entries for target in block)
    names = [*block, ONE] if affine else list(block)
    if len(names) > LARGEST_BLOCK:
        return None
    matrix, domain, texts = _domain_matrix(names, entries)
    modes = _modes(matrix, domain)
    if modes is None:
        return None
    written = [_mode_text(mode, texts, time) for mode in modes]
    parts = _mode_matrices(matrix, modes, domain)
    formulas = {}
    for i, target in enumerate(block):
        terms = []
        for j, source in enumerate(names):
            for part, mode in zip(parts, written, strict=True):
                if mode is None:
                    return None
                coefficient = _text(part[i][j] / mode[1], texts)
                if coefficient != "0":
                    terms.append(_term(coefficient, mode[0], source))
        formulas[target] = " + ".join(terms).replace("+ -", "- ") or "0"
    return formulas


def _term(coefficient: str, function: str, source: str) -> str:
    """One summand: coefficient, function of the time, entry."""
    sign = ""
    if coefficient in ("1", "-1") and (function or source != ONE):
        sign, coefficient = coefficient[:-1], ""
    factors = [factor for factor in (coefficient, function, "" if source == ONE else source) if factor]
    return sign + ("*".join(factors) or "1")


def _domain_matrix(names: Sequence[str], entries: Entries) -> tuple[list[list[Any]], Any, dict[str, str]]:
    """The matrix over Q, or over the rational functions in what the coefficients contain."""
    from sympy import QQ

    others = sorted({name for (target, _), poly in entries.items() if target in names for m in poly for name, _ in m})
    if not others:
        domain: Any = QQ
        generators: dict[str, Any] = {}
        texts: dict[str, str] = {}
    else:
        labels = [f"c{k}" for k in range(len(others))]
        domain = QQ.frac_field(*labels)
        generators = dict(zip(others, domain.gens, strict=True))
        texts = dict(zip(labels, others, strict=True))
    matrix = []
    for target in names:
        row = []
        for source in names:
            total = domain.zero
            for monomial, value in entries.get((target, source), {}).items():
                term = domain(QQ(value.numerator, value.denominator))
                for name, exponent in monomial:
                    term *= generators[name] ** exponent
                total += term
            row.append(total)
        matrix.append(row)
    return matrix, domain, texts


def _modes(matrix: list[list[Any]], domain: Any) -> list[Mode] | None:
    """A basis of the solutions of the characteristic equation; None where a factor has degree three or more."""
    from sympy import Poly, Symbol
    from sympy.polys.matrices import DomainMatrix

    size = len(matrix)
    coefficients = DomainMatrix(matrix, (size, size), domain).charpoly()
    variable = Symbol("lambda")
    characteristic = Poly([domain.to_sympy(value) for value in coefficients], variable, domain=domain)
    modes: list[Mode] = []
    for factor, multiplicity in characteristic.factor_list()[1]:
        values = [domain.from_sympy(value) for value in factor.monic().all_coeffs()]
        if len(values) > 3:
            return None
        for power in range(multiplicity):
            if len(values) == 2:
                modes.append(Mode(power, -values[1]))
            else:
                rate = -values[1] / domain(2)
                square = rate * rate - values[2]
                modes += [Mode(power, rate, square, odd) for odd in (False, True)]
    return modes


def _mode_matrices(matrix: list[list[Any]], modes: Sequence[Mode], domain: Any) -> list[list[list[Any]]]:
    """The matrices C_j with sum_j f_j^(m)(0) C_j = A^m."""
    from sympy.polys.matrices import DomainMatrix

    size = len(matrix)
    a = DomainMatrix(matrix, (size, size), domain)
    power = DomainMatrix.eye(size, domain).to_dense()
    rows = []
    for _ in modes:
        rows.append([power[i, j].element for i in range(size) for j in range(size)])
        power = power * a
    count = len(modes)
    columns = [mode.derivatives(count, domain) for mode in modes]
    wronskian = DomainMatrix([[column[k] for column in columns] for k in range(count)], (count, count), domain)
    solved = wronskian.lu_solve(DomainMatrix(rows, (count, size * size), domain))
    return [[[solved[k, i * size + j].element for j in range(size)] for i in range(size)] for k in range(count)]


def _mode_text(mode: Mode, texts: Mapping[str, str], time: str) -> tuple[str, int] | None:
    """A solution times an integer, and the integer; "" is the constant 1; None where a square has no known sign."""
    parts, divisor = [], 1
    if mode.power:
        parts.append(time if mode.power == 1 else f"{time}**{mode.power}")
    if mode.rate:
        parts.append(f"exp({_times(_text(mode.rate, texts), time)})")
    if mode.square is not None:
        split = _root(mode.square, texts)
        if split is None:
            return None
        frequency, imaginary = split
        function = ("sin" if mode.odd else "cos") if imaginary else ("sinh" if mode.odd else "cosh")
        wave = f"{function}({_times(frequency, time)})"
        if mode.odd and frequency.isdigit():
            divisor = int(frequency)
        elif mode.odd:
            wave = f"{wave}/{_bracketed(frequency)}"
        parts.append(wave)
    return "*".join(parts), divisor


def _times(coefficient: str, time: str) -> str:
    """Coefficient times the time."""
    if coefficient in ("1", "-1"):
        return coefficient[:-1] + time
    return f"{_bracketed(coefficient)}*{time}"


def _bracketed(text: str) -> str:
    """A text as a factor."""
    plain = text.lstrip("-")
    root = plain.startswith("sqrt(") and plain.endswith(")") and plain.count("(") == 1
    return text if plain.isalnum() or root else f"({text})"


def _text(value: Any, texts: Mapping[str, str]) -> str:
    """An element of the coefficient field in the formula language."""
    if not texts:
        return str(Fraction(int(value.numerator), int(value.denominator)))
    over, under = (_polynomial_text(part, texts) for part in (value.numer, value.denom))
    if under == "1":
        return f"({over})" if " " in over else over
    return f"({over})/({under})"


def _polynomial_text(polynomial: Any, texts: Mapping[str, str]) -> str:
    """A polynomial in the constants in the formula language."""
    names = [texts[str(symbol)] for symbol in polynomial.ring.symbols]
    terms: dict[Monomial, Fraction] = {}
    for exponents, value in polynomial.terms():
        monomial: Monomial = ()
        for name, exponent in zip(names, exponents, strict=True):
            monomial = multiply_monomials(monomial, ((name, exponent),)) if exponent else monomial
        terms[monomial] = Fraction(int(value.numerator), int(value.denominator))
    return polynomial_text(terms)


def _root(square: Any, texts: Mapping[str, str]) -> tuple[str, bool] | None:
    """The frequency b with b^2 = |square|, and whether the square is negative; None where that depends on constants."""
    if not texts:
        value = Fraction(int(square.numerator), int(square.denominator))
        return _surd(abs(value)), value < 0
    value, over = _even_part(square.numer)
    other, under = _even_part(square.denom)
    if over is None or under is None:
        return None
    rational = value / other
    factor = _surd(abs(rational))
    field = square.field
    rest = _text(field(over) / field(under), texts)
    return (rest if factor == "1" else f"{factor}*{rest}"), rational < 0


def _even_part(polynomial: Any) -> tuple[Fraction, Any]:
    """Content c and root r of a polynomial c r^2; the root is None where there is none."""
    content, factors = polynomial.factor_list()
    root = polynomial.ring.one
    for factor, multiplicity in factors:
        if multiplicity % 2:
            return Fraction(1), None
        root *= factor ** (multiplicity // 2)
    return Fraction(int(content.numerator), int(content.denominator)), root


def _surd(value: Fraction) -> str:
    r"""The square root of a positive rational number, with its square part in front.

    >>> _surd(Fraction(9)), _surd(Fraction(1, 12)), _surd(Fraction(8))
    ('3', '1/6*sqrt(3)', '2*sqrt(2)')
    """
    from sympy import factorint

    outer, inner = Fraction(1, value.denominator), 1
    for prime, exponent in factorint(value.numerator * value.denominator).items():
        outer *= prime ** (exponent // 2)
        inner *= prime ** (exponent % 2)
    if inner == 1:
        return str(outer)
    return f"sqrt({inner})" if outer == 1 else f"{outer}*sqrt({inner})"
