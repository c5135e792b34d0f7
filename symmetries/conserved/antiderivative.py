"""Antiderivatives of functions of one variable: rational ones in the variable or in an exponential of it.

What is found is a candidate; the caller checks its derivative exactly.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Any

from symmetries.scalar import Atom, Constant, Index, Product, ScalarGraph, Sum, Symbol

ELEMENTARY = frozenset({"exp", "log", "tanh", "abs", "root", "atan"})
VARIABLE, POWER = "t", "E"


def antiderivative(graph: ScalarGraph, node: Index, name: str) -> str | None:
    """A formula whose derivative in the named symbol should be the node; None where none is found.

    >>> graph = ScalarGraph()
    >>> antiderivative(graph, graph.power(graph.symbol("b"), 2), "b")
    'b**3/3'
    """
    import sympy
    from sympy.integrals.rationaltools import ratint

    entries = [graph.entries[k] for k in graph.reachable([node])]
    if any(isinstance(entry, Symbol) and entry.name != name for entry in entries):
        return None
    kinds = {entry.kind for entry in entries if isinstance(entry, Atom)}
    variable, power = sympy.Symbol(VARIABLE, real=True), sympy.Symbol(POWER, positive=True)
    if not kinds:
        expression = sympy.together(_write(graph, node, variable, {}))
        found = ratint(expression, variable)
    elif kinds <= {"exp", "tanh"}:
        written = _in_exponentials(graph, node, power)
        if written is None:
            return None
        expression, step = written
        found = ratint(sympy.cancel(sympy.together(expression / (step * power))), power)
        found = sympy.expand(found.subs(power, sympy.exp(step * variable)))
    elif kinds == {"tan_half"}:
        found = _of_half_tangent(graph, node, variable)
    else:
        found = None
    if found is None or found.has(sympy.Integral, sympy.RootSum, sympy.I):
        return None
    return _text(found, variable, name)


def _text(found: Any, variable: Any, name: str) -> str:
    """A formula of SymPy in the formula language; a logarithm is that of the absolute value."""
    import sympy

    function = sympy.Function("log")
    shown = found.replace(sympy.log, lambda u: function(sympy.Abs(u)) if not u.is_positive else function(u))
    text: str = sympy.sstr(sympy.sympify(shown).subs(variable, sympy.Symbol(name)))
    return text.replace("Abs(", "abs(")


def _of_half_tangent(graph: ScalarGraph, node: Index, variable: Any) -> Any:
    """The antiderivative of a rational function of one tan(q t/2), None for any other node."""
    import sympy
    from sympy.integrals.rationaltools import ratint

    atoms = graph.atoms([node])
    entry = graph.entries[atoms[0]]
    assert isinstance(entry, Atom)
    rate = _rate(graph, entry.argument)
    if len(atoms) > 1 or rate is None or _bare(graph, node, set(atoms)):
        return None
    tangent, q = sympy.Symbol("T", real=True), sympy.Rational(rate.numerator, rate.denominator)
    written = _write(graph, node, None, {atoms[0]: tangent})
    found = ratint(sympy.cancel(sympy.together(written * 2 / (q * (1 + tangent**2)))), tangent)
    return found.subs(tangent, sympy.tan(q * variable / 2))


def _in_exponentials(graph: ScalarGraph, node: Index, power: Any) -> tuple[Any, Any] | None:
    """The node as a rational function of E = exp(step * t), where all its exponentials are powers of that."""
    import sympy

    rates: dict[Index, Fraction] = {}
    reached = graph.reachable([node])
    inside: set[Index] = set()
    for k in reached:
        entry = graph.entries[k]
        if isinstance(entry, Atom):
            rate = _rate(graph, entry.argument)
            if rate is None:
                return None
            rates[k] = rate
            inside.add(entry.argument)
    step = Fraction(1, lcm(*(rate.denominator for rate in rates.values())))
    values: dict[Index, Any] = {}
    for k, rate in rates.items():
        entry = graph.entries[k]
        assert isinstance(entry, Atom)
        exponent = int(rate / step)
        raised = power**exponent if entry.kind == "exp" else power ** (2 * exponent)
        values[k] = raised if entry.kind == "exp" else (raised - 1) / (raised + 1)
    if _bare(graph, node, set(values)):
        return None
    written = _write(graph, node, None, values)
    return written, sympy.Rational(step.numerator, step.denominator)


def _bare(graph: ScalarGraph, node: Index, closed: set[Index]) -> bool:
    """Whether the variable occurs outside the exponentials."""
    stack = [node]
    while stack:
        current = stack.pop()
        if current in closed:
            continue
        if isinstance(graph.entries[current], Symbol):
            return True
        stack.extend(graph.children(current))
    return False


def _rate(graph: ScalarGraph, argument: Index) -> Fraction | None:
    """q where the argument is q times a symbol."""
    number, inner = graph.scaled(argument)
    if not isinstance(graph.entries[inner], Symbol):
        return None
    return Fraction(int(number.p), int(number.q))


def _write(graph: ScalarGraph, node: Index, variable: Any, values: dict[Index, Any]) -> Any:
    """The node in SymPy."""
    import sympy

    if node in values:
        return values[node]
    entry = graph.entries[node]
    if isinstance(entry, Constant):
        return sympy.Rational(int(entry.value.p), int(entry.value.q))
    if isinstance(entry, Symbol):
        return variable
    if isinstance(entry, Sum):
        constant = sympy.Rational(int(entry.constant.p), int(entry.constant.q))
        return constant + sum(
            sympy.Rational(int(value.p), int(value.q)) * _write(graph, inner, variable, values)
            for inner, value in entry.terms
        )
    assert isinstance(entry, Product)
    return sympy.prod([_write(graph, inner, variable, values) ** exponent for inner, exponent in entry.powers])


def node_text(graph: ScalarGraph, node: Index) -> str:
    """A node in the formula language.

    >>> graph = ScalarGraph()
    >>> node_text(graph, graph.multiply(graph.symbol("v"), graph.atom("exp", graph.symbol("b"))))
    'v*exp(b)'
    """
    entry = graph.entries[node]
    if isinstance(entry, Constant):
        return _number(entry.value)
    if isinstance(entry, Symbol):
        return entry.name
    if isinstance(entry, Sum):
        terms = [_term(node_text(graph, inner), value) for inner, value in entry.terms]
        terms += [_number(entry.constant)] if entry.constant != 0 else []
        return " + ".join(terms).replace("+ -", "- ")
    if isinstance(entry, Product):
        return "*".join(_power(graph, inner, exponent) for inner, exponent in entry.powers)
    inner = node_text(graph, entry.argument)
    match entry.kind:
        case "pi":
            return "pi"
        case "root":
            return f"({inner})**(1/{entry.degree})"
        case "log":
            return f"log(abs({inner}))"
        case "tan_half":
            return f"tan(({inner})/2)"
        case "sign" if entry.degree:
            return f"where({inner} {'>=' if entry.degree > 0 else '>'} 0, 1, -1)"
        case "normal_cdf":
            return f"((1 + erf(({inner})/sqrt(2)))/2)"
        case "normal_pdf":
            return f"(exp(-({inner})**2/2)/sqrt(2*pi))"
        case _:
            return f"{entry.kind}({inner})"


def _term(text: str, value: Any) -> str:
    if value == 1:
        return text
    return f"-{text}" if value == -1 else f"{_number(value)}*{text}"


def _number(value: Any) -> str:
    return str(int(value.p)) if value.q == 1 else f"{int(value.p)}/{int(value.q)}"


def _power(graph: ScalarGraph, node: Index, exponent: int) -> str:
    text = node_text(graph, node)
    if isinstance(graph.entries[node], Sum | Product | Constant):
        text = f"({text})"
    if exponent == 1:
        return text
    root = isinstance(entry := graph.entries[node], Atom) and entry.kind == "root"
    text = f"({text})" if root else text
    return f"{text}**{exponent}" if exponent > 0 else f"{text}**({exponent})"
