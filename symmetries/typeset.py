"""Expressions for people: LaTeX for a page, Unicode for a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction

from symmetries.data import nest
from symmetries.emit import (
    ATOM,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Parts,
    coefficient,
    emit,
    is_diagonal,
    is_trace,
    key_text,
    negated,
    plain_sum,
    slice_key,
    split_quotient,
    terms,
)
from symmetries.expression import Node
from symmetries.words import WORD

GREEK: Mapping[str, str] = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi pi rho sigma tau phi chi psi omega "
        "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split(),
        "αβγδεζηθικμνξπρστφχψωΓΔΘΛΞΠΣΦΨΩ",
        strict=True,
    )
)
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
NAMED = frozenset(["exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh"])
SIGNS = {">": ">", ">=": r"\ge", "<": "<", "<=": r"\le", "==": "=", "!=": r"\ne"}
LIST_LIMIT = 64
"""Arrays of numbers with more entries than this are shown by their shape."""


def latex(node: Node) -> str:
    r"""An expression in LaTeX.

    >>> from symmetries.formula import read_formula
    >>> print(latex(read_formula("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4), "Y": (3, 4)})))
    \left\lVert Y - U V\right\rVert^{2}
    """
    return emit(node, style, (r"\left(", r"\right)"))


def decorate(formula: str) -> str:
    """A formula in one line of Unicode.

    >>> decorate("x_1**2 - sqrt(theta)*U[0,1]")
    'x₁² - √(θ)·U[0,1]'
    """
    words = [(match.lastgroup, match.group()) for match in WORD.finditer(formula)]
    words += [("end", "")] * 3
    shown: list[str] = []
    place = 0
    while place < len(words) - 3:
        kind, word = words[place]
        following = words[place + 2][1] if words[place + 1][0] != "sign" else words[place + 3][1]
        if kind == "power" and words[place + 1][1].isdigit() and following not in ("**", "[") and "." not in following:
            shown.append(words[place + 1][1].translate(RAISED))
            place += 1
        elif kind == "name":
            shown.append(unicode_name(word))
        else:
            shown.append({"*": "·", ".T": "ᵀ", "<=": "≤", ">=": "≥", "!=": "≠", "==": "="}.get(word, word))
        place += 1
    return "".join(shown)


def unicode_name(name: str) -> str:
    """A name with Greek letters and subscripts.

    >>> unicode_name("theta_12"), unicode_name("U_0_1")
    ('θ₁₂', 'U₀₁')
    """
    if name == "sqrt":
        return "√"
    head, *lower = name.split("_")
    if head and lower and all(part.isdecimal() and part.isascii() for part in lower):
        separator = "" if all(len(part) == 1 for part in lower) or len(lower) == 1 else ","
        return GREEK.get(head, head) + separator.join(lower).translate(LOWERED)
    return GREEK.get(name, name)


def latex_name(name: str) -> str:
    r"""A name in LaTeX.

    >>> print(latex_name("theta_1"), latex_name("rate"), latex_name("U[0,1]"))
    \theta_{1} \mathrm{rate} U_{0,1}
    """
    match = re.fullmatch(r"([^\W\d_]*)_?([0-9]*(?:_[0-9]+)*)(?:\[([0-9,]+)\])?", name)
    if match is None or not match.group(1):
        head = name.replace("_", r"\_")
        return rf"\mathrm{{{head}}}"
    head, lower = match.group(1), match.group(3) or match.group(2).replace("_", ",")
    shown = f"\\{head}" if head in GREEK else head if len(head) == 1 else rf"\mathrm{{{head}}}"
    return f"{shown}_{{{lower}}}" if lower else shown


def style(node: Node) -> tuple[int, Parts]:
    """How a node is written in LaTeX."""
    return STYLES.get(node.operation, write_call)(node)


def ratio(value: Fraction) -> str:
    """A positive number."""
    return str(value) if value.denominator == 1 else rf"\frac{{{value.numerator}}}{{{value.denominator}}}"


def write_number(node: Node) -> tuple[int, Parts]:
    """A number."""
    value = node.payload
    assert isinstance(value, Fraction)
    tightness = SIGN if value < 0 else ATOM if value.denominator == 1 else PRODUCT
    return tightness, [("-" if value < 0 else "") + ratio(abs(value))]


def write_array(node: Node) -> tuple[int, Parts]:
    """An array of numbers; a large one by its shape."""
    values, lengths = node.payload, r" \times ".join(map(str, node.shape))
    assert isinstance(values, tuple)
    if node.size > LIST_LIMIT or node.ndim > 2:
        return ATOM, [rf"\mathrm{{array}}_{{{lengths}}}"]
    if node.ndim == 2 and all(value == int(i // node.shape[1] == i % node.shape[1]) for i, value in enumerate(values)):
        return ATOM, [rf"I_{{{node.shape[0] if node.shape[0] == node.shape[1] else lengths}}}"]
    texts = tuple(("-" if value < 0 else "") + ratio(abs(Fraction(value))) for value in values)
    rows = nest(texts, node.shape) if node.ndim == 2 else [[text] for text in texts]
    inside = r" \\ ".join(" & ".join(row) for row in rows)
    return ATOM, [rf"\begin{{bmatrix}}{inside}\end{{bmatrix}}"]


def write_sum(node: Node) -> tuple[int, Parts]:
    """A sum, with differences."""
    parts: Parts = []
    for term in terms(node):
        opposite = negated(term) if parts else None
        parts += [" - ", (opposite, PRODUCT)] if opposite is not None else [" + " if parts else "", (term, PRODUCT)]
    return SUM, parts


def write_product(node: Node) -> tuple[int, Parts]:
    """A product, with a fraction where something is below."""
    value, factors = coefficient(node)
    above, below = split_quotient(factors)
    entrywise = sum(factor.ndim > 0 for factor in above) > 1
    sign = ["-"] if value < 0 else []
    if below or (value.denominator > 1 and not any(factor.ndim for factor in above)):
        top, bottom = str(abs(value.numerator)), str(value.denominator)
        upper, lower = (juxtapose(*side, entrywise, SUM) for side in ((top, above), (bottom, below)))
        return PRODUCT, [*sign, r"\frac{", *upper, "}{", *lower, "}"]
    return PRODUCT, [*sign, *juxtapose(ratio(abs(value)), above, entrywise)]


def juxtapose(lead: str, factors: list[Node], entrywise: bool, single: int = PRODUCT) -> Parts:
    """A number and factors side by side, 1 only when it is alone; ``single`` is the tightness of one factor alone."""
    parts: Parts = [lead] if lead != "1" or not factors else []
    for position, factor in enumerate(factors):
        mark = r" \odot " if entrywise and position else r" \cdot " if factor.operation == "number" else r" "
        needed = single if len(factors) == 1 and not parts else POWER
        product = len(factors) == 1 and factor.operation == "matmul"
        parts += [mark if parts else "", (factor, PRODUCT if product else needed)]
    return parts


def write_power(node: Node) -> tuple[int, Parts]:
    """A power, a root or a quotient; a norm where it is one."""
    exponent, base = node.payload, node.arguments[0]
    assert isinstance(exponent, Fraction)
    if exponent < 0:
        return write_product(node)
    if exponent == Fraction(1, 2):
        inner = squared(base)
        if inner is not None:
            return ATOM, [r"\left\lVert ", (inner, 0), r"\right\rVert"]
        return ATOM, [r"\sqrt{", (base, 0), "}"]
    raised = str(exponent) if exponent.denominator == 1 else f"{exponent.numerator}/{exponent.denominator}"
    return POWER, [(base, ATOM), rf"^{{\circ {raised}}}" if node.ndim else f"^{{{raised}}}"]


def squared(node: Node) -> Node | None:
    """The array of which a node is the sum of the squares, None when it is none."""
    argument = node.arguments[0] if plain_sum(node) and node.arguments[0].ndim else None
    return (
        argument.arguments[0]
        if argument is not None and argument.operation == "power" and argument.payload == 2
        else None
    )


def write_total(node: Node) -> tuple[int, Parts]:
    """A sum of entries: a squared norm, a trace, or a sum."""
    inner, argument = squared(node), node.arguments[0]
    if inner is not None:
        return POWER, [r"\left\lVert ", (inner, 0), r"\right\rVert^{2}"]
    if is_trace(node):
        return ATOM, [r"\operatorname{tr}\left(", (argument.arguments[0], 0), r"\right)"]
    return write_reduction(node)


def write_reduction(node: Node) -> tuple[int, Parts]:
    """A reduction, with its axes when they are not all."""
    axes, argument = node.payload, node.arguments[0]
    assert isinstance(axes, tuple)
    lower = "" if axes == tuple(range(argument.ndim)) else f"_{{{','.join(map(str, axes))}}}"
    return ATOM, [rf"\operatorname{{{node.operation}}}{lower}\left(", (argument, 0), r"\right)"]


def write_call(node: Node) -> tuple[int, Parts]:
    """A function of its arguments."""
    name = str(node.payload) if node.operation == "function" else node.operation
    if name == "abs":
        return ATOM, [r"\left|", (node.arguments[0], 0), r"\right|"]
    shown = f"\\{name}" if name in NAMED else rf"\operatorname{{{name.replace('_', chr(92) + '_')}}}"
    parts: Parts = [shown, r"\left("]
    for position, argument in enumerate(node.arguments):
        parts += [", " if position else "", (argument, 0)]
    return ATOM, [*parts, r"\right)"]


def write_matmul(node: Node) -> tuple[int, Parts]:
    """A matrix product; a chain from the left needs no brackets."""
    left, right = node.arguments
    return PRODUCT, [(left, PRODUCT if left.operation == "matmul" else POWER), " ", (right, POWER)]


def write_where(node: Node) -> tuple[int, Parts]:
    """A choice."""
    u, a, b = node.arguments
    relation = SIGNS[str(node.payload)]
    parts: Parts = [
        r"\begin{cases}",
        (a, 0),
        " & ",
        (u, 0),
        rf" {relation} 0 \\ ",
        (b, 0),
        r" & \text{otherwise}\end{cases}",
    ]
    return ATOM, parts


def write_gather(node: Node) -> tuple[int, Parts]:
    """An entry, a slice or a diagonal."""
    argument = node.arguments[0]
    if is_diagonal(node):
        return ATOM, [r"\operatorname{diag}\left(", (argument, 0), r"\right)"]
    found = slice_key(node) if argument.shape else None
    if found is None:
        return ATOM, [(argument, ATOM), r"_{\mathrm{chosen}}"]
    return ATOM, [(argument, ATOM), f"_{{{key_text(found[0], argument.shape)}}}"]


STYLES: Mapping[str, Callable[[Node], tuple[int, Parts]]] = {
    "number": write_number,
    "array": write_array,
    "symbol": lambda node: (ATOM, [latex_name(str(node.payload))]),
    "pi": lambda node: (ATOM, [r"\pi"]),
    "add": write_sum,
    "multiply": write_product,
    "power": write_power,
    "exponential": lambda node: (POWER, [(node.arguments[0], ATOM), "^{", (node.arguments[1], 0), "}"]),
    "where": write_where,
    "matmul": write_matmul,
    "transpose": lambda node: (POWER, [(node.arguments[0], ATOM), r"^{\top}"]),
    "inv": lambda node: (POWER, [(node.arguments[0], ATOM), r"^{-1}"]),
    "det": lambda node: (ATOM, [r"\det\left(", (node.arguments[0], 0), r"\right)"]),
    "reshape": lambda node: style(node.arguments[0]),
    "gather": write_gather,
    "sum": write_total,
    "logsumexp": write_reduction,
    "softmax": write_reduction,
    "concatenate": write_call,
}
"""How each operation is written; the others are calls."""
