"""The words of a formula: how its text falls into them, and which are refused before anything is parsed."""

from __future__ import annotations

import keyword
import re
import unicodedata

from symmetries.refusal import Limits, refuse, shorten

MARK = "__"
"""What the names of cut pieces start with (see :mod:`symmetries.scan`); names that users write may not."""

WORD = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\w*)"
    r"|(?P<attribute>\.\s*[^\W\d]\w*)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<power>\*\*)"
    r"|(?P<relation><=|>=|==|!=|<(?!<)|>(?!>))"
    r"|(?P<product>//|[*/@%])"
    r"|(?P<sign>[+-])"
    r"|(?P<open>[(\[])"
    r"|(?P<close>[)\]])"
    r"|(?P<comma>,)"
    r"|(?P<equals>=)"
    r"|(?P<colon>:(?!=))"
    r"|(?P<other>:=|<<|>>|.)",
    re.DOTALL,
)

NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]+))?")

INSTEAD = {
    "^": "write ** for a power",
    "'": "write .T for a transpose; names and numbers need no quotes",
    '"': "remove the quotes: names and numbers need none",
    "{": "use ( ) for grouping and [ ] for arrays",
    "}": "use ( ) for grouping and [ ] for arrays",
    "!": "write != inside where(c, a, b); factorials are not known",
    "~": "exchange the two values of where(c, a, b)",
    "&": "nest two where(c, a, b)",
    "|": "write abs(x) for an absolute value, or nest two where(c, a, b)",
    ";": "write one formula",
    "#": "remove the comment",
    ":=": "write the value where it is used",
    "<<": "compare with < inside where(c, a, b)",
    ">>": "compare with > inside where(c, a, b)",
    "−": "write - for a minus",
    "–": "write - for a minus",
    "×": "write * for an entrywise product, @ for a matrix product",
    "·": "write * for an entrywise product, @ for a matrix product",
    "⋅": "write * for an entrywise product, @ for a matrix product",
    "÷": "write / for a quotient",
    "√": "write sqrt(x)",
    "²": "write **2 for a square",
    "³": "write **3 for a cube",
    "∞": "use a finite number",
    "’": "write .T for a transpose",
}

PYTHON_WORDS = {
    "if": "write where(c, a, b) for a choice",
    "else": "write where(c, a, b) for a choice",
    "and": "nest two where(c, a, b)",
    "or": "nest two where(c, a, b)",
    "not": "exchange the two values of where(c, a, b)",
    "for": "use an array and sum(...) instead of a loop",
    "in": "use an array and sum(...) instead of a loop",
    "lambda": "write the body of the function, in the declared names; `lam` is a name",
}

LIBRARIES = frozenset("np numpy jnp jax torch F nn functional math cmath sp sympy scipy tf linalg special".split())
"""Modules whose names people paste in front of a function."""

ATTRIBUTES = {
    "T": "",
    "mT": "write .T for a transpose",
    "H": "write .T for a transpose; everything is real",
    "t": "write .T for a transpose",
    "transpose": "write .T for a transpose",
    "dot": "write x @ y for a matrix product",
    "shape": "write the numbers of the shape",
    "size": "write the number",
    "pow": "write ** for a power",
}


CYRILLIC = (
    "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0458\u0455\u0410\u0412"
    "\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405"
)
GREEK = "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf"
LOOKALIKES = str.maketrans(CYRILLIC + GREEK, "aeopcxyijsABEKMHOPCTXIJS" + "ABEZHIKMNOPTYXo")
"""Cyrillic and Greek letters that are drawn like Latin ones."""


def check_name(text: str, position: int, name: str, limits: Limits) -> None:
    """Refuse a name that is a word of Python, private, too long, or a lookalike of another."""
    if keyword.iskeyword(name) and name not in ("True", "False", "None"):
        cure = PYTHON_WORDS.get(name, "rename it")
        raise refuse(text, position, name, f"{name!r} is refused", why="it is a word of Python's programs", cure=cure)
    if name.startswith(MARK):
        why = "names that start with two underscores are Python's own"
        raise refuse(text, position, name, f"the name {shorten(name)!r} is refused", why=why, cure="rename it")
    if len(name) > limits.name:
        why = f"the limit is {limits.name} letters"
        raise refuse(text, position, name, "a name is too long", why=why, cure="shorten it")
    for offset, letter in enumerate(name if not name.isidentifier() else ""):
        if not f"_{letter}".isidentifier():
            check_other(text, position + offset, letter)
    if not name.isascii():
        plain = unicodedata.normalize("NFKC", name)
        drawn = plain.translate(LOOKALIKES)
        plain = drawn if drawn.isascii() else plain
        if plain != name:
            why = f"it only looks like {plain!r}"
            raise refuse(text, position, name, f"the name {name!r} is refused", why=why, cure=f"write {plain}")


def check_number(text: str, position: int, word: str, limits: Limits) -> None:
    """Refuse what is no plain decimal number or has too many digits."""
    match = NUMBER.match(word)
    assert match is not None  # the pattern of a number starts with this one
    said = f"the number {shorten(word)!r} is refused"
    rest = word[match.end() :]
    if rest:
        plain = word.replace("_", "")
        cure = "write integers, decimals or fractions such as 1/3"
        if plain.isdigit() and plain.isascii():
            cure = f"write {shorten(plain)}"
        elif not rest.startswith("_") and word[:2].lower() not in ("0x", "0b", "0o") and rest not in ("j", "J"):
            cure = f"write {shorten(match.group())}*{shorten(rest)} for a product"
        raise refuse(text, position, word, said, why="it is no decimal number", cure=cure)
    mantissa, exponent = match.groups()
    if len(mantissa) > limits.digits or (exponent and (len(exponent) > 9 or abs(int(exponent)) > limits.digits)):
        why = f"the limit is {limits.digits} digits"
        raise refuse(text, position, word, "a number has too many digits", why=why, cure="use a smaller number")
    if len(mantissa) > 1 and mantissa[0] == "0" and mantissa.isdigit() and not exponent:
        cure = f"write {shorten(mantissa.lstrip('0') or '0')}"
        raise refuse(text, position, word, said, why="it starts with 0", cure=cure)


def check_attribute(text: str, position: int, word: str, owner: str) -> None:
    """Refuse every attribute but the transpose."""
    name = word[1:].strip()
    if name == "T":
        return
    cure = ATTRIBUTES.get(name) or f"write {shorten(name)}(x) if that is a function of the language"
    if owner in LIBRARIES:
        cure = f"write {shorten(name)} without {owner}."
    raise refuse(text, position, word, f"{shorten(word)!r} is refused", why="the only attribute is .T", cure=cure)


def check_other(text: str, position: int, word: str) -> None:
    """Refuse a character that the language does not have."""
    cure = INSTEAD.get(word, "remove it")
    if (
        cure == "remove it"
        and not word.isascii()
        and unicodedata.normalize("NFKC", word) in tuple("+-*/@()[],.=<>:0123456789")
    ):
        cure = f"write {unicodedata.normalize('NFKC', word)}"
    raise refuse(text, position, word, f"{word!r} is refused", why="the language does not have it", cure=cure)
