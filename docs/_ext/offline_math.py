"""Formulas as MathML, which browsers set by themselves, so that the pages need no network and no script."""

from __future__ import annotations

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

REPLACEMENTS = {r"\lVert": r"\|", r"\rVert": r"\|", r"\lvert": "|", r"\rvert": "|", r"\displaystyle": ""}
"""Commands that the converter does not know, and what means the same."""

FRAKTUR = re.compile(r"\\mathfrak\{([a-z]+)\}")
"""Small letters only: the browsers leave a style of letters to the letters themselves."""

FIXED_SIZE = re.compile(r'<mo minsize="[^"]*" maxsize="[^"]*">')
"""Brackets around binomials; without the sizes they grow with what they hold."""

WORD_JOINER = "\u2060"
"""Keeps a formula and the punctuation behind it on one line."""


def fraktur(letter: str) -> str:
    """A small Fraktur letter.

    >>> fraktur("a")
    '𝔞'
    """
    return chr(ord("𝔞") + ord(letter) - ord("a"))


def mathml(latex: str, *, block: bool = False) -> str:
    """A formula as a ``math`` element."""
    for command, same in REPLACEMENTS.items():
        latex = latex.replace(command, same)
    latex = FRAKTUR.sub(lambda match: "".join(map(fraktur, match[1])), latex)
    element = convert(latex, display="block" if block else "inline")
    element = FIXED_SIZE.sub("<mo>", element)
    return element.replace("<mo>.</mo>", '<mo lspace="0" rspace="0">.</mo>')


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext()) + WORD_JOINER)
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    identifier = f' id="{node["ids"][0]}"' if node.get("ids") else ""
    translator.body.append(f'<div class="math"{identifier}>{mathml(node.astext(), block=True)}{number}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))  # type: ignore[arg-type]
    return {"parallel_read_safe": True, "parallel_write_safe": True}
