"""Fields for people, in Unicode for a terminal and in LaTeX for a page."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from symport.matrix_form import Coefficients, Product, products

if TYPE_CHECKING:
    from symmetries.fields import VectorField
    from symmetries.loss import Loss

ENTRY = re.compile(r"([^\W\d]\w*)\[([0-9]+(?:,[0-9]+)*)\]")
"""A parameter entry as fields write it: U[0,1]."""

TWICE = re.compile(r"((?:\\mathrm\{[^{}]*\}|\\[A-Za-z]+|[^\W\d_])_\{[^{}]*\})_\{")
"""A subscript that is followed by another one."""

MANY_UNITS = 4
"""A constant matrix with more entries than this is written out."""


def unicode_formula(formula: str) -> str:
    """A formula in one line of Unicode, entries with subscripts.

    >>> unicode_formula("-2*U[0,1]**2*theta")
    '-2·U₀₁²·θ'
    """
    from symmetries.printing import unicode_text

    return unicode_text(ENTRY.sub(lambda found: f"{found[1]}_{found[2].replace(',', '_')}", formula))


def unicode_field(field: VectorField) -> str:
    """A field in one line of Unicode.

    >>> from symmetries import VectorField
    >>> unicode_field(VectorField({"x": "-9*y", "y": "x + 1", "U[0,1]": "1"}))
    '-9·y ∂x + (x + 1) ∂y + ∂U₀₁'
    """
    parts = [f"{unicode_factor(formula)}∂{unicode_formula(entry)}" for entry, formula in field.components.items()]
    return " + ".join(parts).replace("+ -", "- ") or "0"


def unicode_factor(formula: str) -> str:
    """A component in front of its derivative."""
    if formula in ("1", "-1"):
        return formula.removesuffix("1")
    shown = unicode_formula(formula)
    return f"({shown}) " if is_sum(formula) else f"{shown} "


def is_sum(formula: str) -> bool:
    """Whether a component needs brackets."""
    return " + " in formula or " - " in formula


def unicode_products(changes: tuple[Product, ...]) -> str:
    """The changes of the parameters in one line of Unicode: δU = U·E₀₁, δV = -E₀₁·V."""
    return ", ".join(f"δ{unicode_formula(one.name)} = {unicode_product(one)}" for one in changes)


def unicode_product(product: Product) -> str:
    """left W + W right in Unicode."""
    name = unicode_formula(product.name)
    if len(product.shape) == 0:
        return f"{unicode_number(product.left.get((0, 0), Fraction(0)))}{name}"
    terms = []
    for matrix, before in ((product.left, True), (product.right, False)):
        sign, text = unicode_matrix(matrix)
        if text:
            terms.append(f"{sign}{text}·{name}" if before else f"{sign}{name}·{text}")
    return " + ".join(terms).replace("+ -", "- ")


def unicode_matrix(matrix: Coefficients) -> tuple[str, str]:
    """A sign and a combination of matrix units Eij."""
    if not matrix:
        return "", ""
    if len(matrix) == 1:
        ((i, k), value) = next(iter(matrix.items()))
        return unicode_number(value), unicode_formula(f"E_{i}_{k}")
    sign = "-" if all(value < 0 for value in matrix.values()) else ""
    units = [
        f"{unicode_number(-value if sign else value)}{unicode_formula(f'E_{i}_{k}')}"
        for (i, k), value in positive_first(matrix)
    ]
    text = " + ".join(units).replace("+ -", "- ")
    return sign, f"({text})" if len(units) > 1 else text


def positive_first(matrix: Coefficients) -> list[tuple[tuple[int, int], Fraction]]:
    """The entries of a constant matrix, those with a plus sign in front."""
    return sorted(matrix.items(), key=lambda item: (item[1] < 0, item[0]))


def unicode_number(value: Fraction) -> str:
    """A coefficient in front of something."""
    return "" if value == 1 else "-" if value == -1 else f"{value}·"


def short_field(loss: Loss, field: VectorField) -> str:
    """The shortest of the two ways to write a field in a terminal."""
    components = unicode_field(field)
    if len(components) <= 60:
        return components
    changes = products(loss, field)
    return components if changes is None else min(unicode_products(changes), components, key=len)


# LaTeX


def latex_formula(loss: Loss, formula: str) -> str:
    """A formula in the symbols of a loss, in LaTeX."""
    from symmetries.printing import latex

    return tidy(latex(loss.read(formula)))


def tidy(latex: str) -> str:
    r"""LaTeX in which a subscript below a subscript is put in braces, and short indices stand without a comma.

    >>> print(tidy(r"W_{1}_{0, 2} + U_{10, 2}"))
    {W_{1}}_{02} + U_{10, 2}
    """
    short = re.sub(r"_\{([0-9]), ([0-9])\}", r"_{\1\2}", latex)
    return TWICE.sub(r"{\1}_{", short)


def latex_field(loss: Loss, field: VectorField) -> str:
    r"""A field in LaTeX.

    >>> from symmetries import Loss, VectorField
    >>> loss = Loss.parse("x**2 + 9*y**2")
    >>> print(latex_field(loss, VectorField({"x": "9*y", "y": "-x"})))
    9 y\,\partial_{x} {} - x\,\partial_{y}
    """
    return " ".join(latex_terms(loss, field)) or "0"


def latex_terms(loss: Loss, field: VectorField) -> list[str]:
    """The terms of a field in LaTeX, each with its sign."""
    terms: list[str] = []
    for entry, formula in field.components.items():
        if formula in ("1", "-1"):
            factor = formula.removesuffix("1")
        else:
            shown = latex_formula(loss, formula)
            factor = rf"\left({shown}\right)\," if is_sum(formula) else rf"{shown}\,"
        term = rf"{factor}\partial_{{{latex_formula(loss, entry)}}}"
        negative = term.startswith("-")
        sign = "" if not terms else "{} - " if negative else "{} + "
        terms.append(sign + (term[1:].lstrip() if terms and negative else term))
    return terms


def latex_products(loss: Loss, changes: tuple[Product, ...]) -> str:
    r"""The changes of the parameters in LaTeX: \delta U = U E_{01}."""
    shown = []
    for one in changes:
        name = latex_formula(loss, one.name)
        terms = [] if one.shape else [f"{latex_number(one.left.get((0, 0), Fraction(0)))} {name}"]
        for matrix, before in ((one.left, True), (one.right, False)) if one.shape else ():
            sign, text = latex_matrix(matrix, one.shape[0] if before else one.shape[-1])
            if text:
                terms.append(f"{sign}{text}\\, {name}" if before else f"{sign}{name}\\, {text}")
        total = " + ".join(terms).replace("+ -", "- ")
        shown.append(rf"\delta {name} = {total}")
    return r",\quad ".join(shown)


def latex_matrix(matrix: Coefficients, size: int) -> tuple[str, str]:
    """A sign and a constant matrix: a combination of a few matrix units, or written out."""
    if not matrix:
        return "", ""
    sign = "-" if all(value < 0 for value in matrix.values()) else ""
    if len(matrix) > MANY_UNITS and size <= 8:
        rows = [[latex_entry(matrix.get((i, k), Fraction(0))) for k in range(size)] for i in range(size)]
        return "", r"\begin{bmatrix}" + r" \\ ".join(" & ".join(row) for row in rows) + r"\end{bmatrix}"
    comma = "," if size > 10 else ""
    if len(matrix) == 1:
        ((i, k), value) = next(iter(matrix.items()))
        return latex_number(value), f"E_{{{i}{comma}{k}}}"
    units = [
        f"{latex_number(-value if sign else value)} E_{{{i}{comma}{k}}}" for (i, k), value in positive_first(matrix)
    ]
    text = " + ".join(unit.strip() for unit in units).replace("+ -", "- ")
    return sign, rf"\left({text}\right)"


def latex_number(value: Fraction) -> str:
    """A coefficient in front of something."""
    return "" if value == 1 else "-" if value == -1 else latex_entry(value)


def latex_entry(value: Fraction) -> str:
    """A rational number."""
    sign = "-" if value < 0 else ""
    if value.denominator == 1:
        return str(value)
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
