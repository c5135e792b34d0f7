"""What a loss is declared to depend on: parameters, data and structural constants."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from manifolds.errors import InputError
from symmetries.data import Data
from symmetries.expression import MAX_ENTRIES, Node, Shape, check_shape, symbols_of
from symmetries.refusal import Limits, shorten
from symmetries.vocabulary import RESERVED
from symmetries.words import MARK, WORD

NAME = re.compile(r"[^\W\d]\w*")

ANSATZ = re.compile(r"linear|affine|diagonal|blocks|polynomial:[1-9][0-9]?")
"""The ansatz that a loss may recommend."""


@final
@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a loss depends on, checked.

    Parameters
    ----------
    parameters, data, constants: as in :class:`symmetries.Loss`, each by name.
    name: what the loss is called.
    ansatz: the family of fields that suits it.
    """

    parameters: Mapping[str, Shape]
    data: Mapping[str, Data] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    name: str = ""
    ansatz: str | None = None

    def __post_init__(self) -> None:
        name: object = self.name
        if not isinstance(name, str):
            raise InputError(
                f"a loss called {shorten(repr(self.name))}", why="a name is text", cure="give it as a string"
            )
        if self.ansatz is not None and not (isinstance(self.ansatz, str) and ANSATZ.fullmatch(self.ansatz)):
            cure = "use linear, affine, diagonal, blocks or polynomial:3 (any degree)"
            raise InputError(f"the ansatz {shorten(repr(self.ansatz))}", why="it is not known", cure=cure)
        check_disjoint({"parameter": self.parameters, "data": self.data, "constant": self.constants})

    @classmethod
    def read(cls, parameters: Any, data: Any, constants: Any, name: str, ansatz: str | None) -> Declaration:
        """The declaration that a user wrote."""
        return cls(
            parameters=read_shapes(parameters, "the parameter"),
            data=read_data(data),
            constants=read_constants(constants),
            name=name,
            ansatz=ansatz,
        )

    @property
    def free(self) -> dict[str, Shape]:
        """Shapes of all names without values."""
        data = {name: item.shape for name, item in self.data.items() if item.values is None}
        return {**self.parameters, **data, **dict.fromkeys(self.constants, ())}

    @property
    def shapes(self) -> dict[str, Shape]:
        """Shapes of all names."""
        return {**self.free, **{name: item.shape for name, item in self.data.items()}}

    @property
    def given(self) -> dict[str, Node]:
        """Values of the data that has them, as expressions."""
        return {name: item.node for name, item in self.data.items() if item.values is not None}


def check_name(name: object, what: str) -> str:
    """A name that a formula can use.

    >>> check_name("exp", "the parameter")
    Traceback (most recent call last):
    manifolds.errors.InputError: the parameter 'exp' has a taken name
      why: 'exp' means something in every formula
      try: rename it
    """
    text = name if isinstance(name, str) else str(getattr(name, "name", name))
    said = f"{what} {shorten(repr(text))}"
    if not NAME.fullmatch(text) or text.startswith(MARK) or unicodedata.normalize("NFKC", text) != text:
        why = "a name is letters, digits and _, and does not start with a digit or with two _"
        raise InputError(f"{said} has no usable name", why=why, cure="rename it, for instance x_1 or theta")
    if len(text) > Limits().name:
        raise InputError(f"{said} has a long name", why=f"the limit is {Limits().name} letters", cure="shorten it")
    if text in RESERVED:
        raise InputError(f"{said} has a taken name", why=f"{text!r} means something in every formula", cure="rename it")
    if keyword.iskeyword(text):
        raise InputError(f"{said} has a taken name", why=f"{text!r} is a word of Python", cure=f"write {text}_")
    return text


def split_names(text: str, what: str) -> list[tuple[str, Shape]]:
    """Names in one text, with shapes where they are not scalars.

    >>> split_names("x, y w:3 U:3x2", "the parameter")
    [('x', ()), ('y', ()), ('w', (3,)), ('U', (3, 2))]
    """
    found = []
    for word in text.replace(",", " ").split():
        name, colon, lengths = word.partition(":")
        if colon and not re.fullmatch(r"[0-9]{1,9}(x[0-9]{1,9})*", lengths):
            if re.fullmatch(r"[0-9]+(x[0-9]+)*", lengths):
                why, cure = f"the limit is {MAX_ENTRIES:,} entries", "use a smaller array"
                raise InputError(f"{what} {shorten(repr(word))} is too large", why=why, cure=cure)
            cure = "write names such as x, w:3 (a vector) and U:3x2 (a matrix)"
            raise InputError(f"{what} {shorten(repr(word))}", why="its shape cannot be read", cure=cure)
        found.append((check_name(name, what), tuple(map(int, lengths.split("x"))) if colon else ()))
    return found


def read_shape(shape: object, what: str) -> Shape:
    """A shape from a list of lengths, or from one length."""
    lengths = (shape,) if isinstance(shape, int) and not isinstance(shape, bool) else shape
    if not isinstance(lengths, list | tuple):
        cure = "write shapes like [] (scalar), [3] (vector) or [3, 2] (matrix)"
        raise InputError(f"{what} has the shape {shorten(repr(shape))}", why="a shape is a list of lengths", cure=cure)
    result = tuple(
        int(length) if hasattr(length, "__index__") and not isinstance(length, bool) else length for length in lengths
    )
    check_shape(result, what=what)
    if len(result) > Limits().axes:
        raise InputError(f"{what} has {len(result)} axes", why=f"the limit is {Limits().axes}", cure="reshape it")
    return result


def one_name(item: object, what: str) -> tuple[str, Shape]:
    """Name and shape of one listed item: text, a symbol of SymPy, or a matrix symbol of SymPy."""
    if isinstance(item, str):
        return check_name(item, what), ()
    if getattr(item, "is_Matrix", False) and getattr(item, "is_symbol", False):
        return check_name(item, what), read_shape(tuple(item.shape), f"{what} {item}")  # type: ignore[attr-defined]
    if getattr(item, "is_Symbol", False):
        return check_name(item, what), ()
    cure = 'write names, ["x", "y"], or shapes, {"U": (3, 2)}'
    raise InputError(f"{what} {shorten(repr(item))}", why="it is no name and no symbol", cure=cure)


def read_shapes(declared: object, what: str) -> dict[str, Shape]:
    """Names and shapes of parameters: a text, a list of names or symbols, or a mapping to shapes."""
    if isinstance(declared, str):
        pairs = split_names(declared, what)
    elif isinstance(declared, Mapping):
        pairs = []
        for name, shape in declared.items():
            text = one_name(name, what)[0]
            pairs.append((text, read_shape(shape, f"{what} {text!r}")))
    elif getattr(declared, "is_symbol", False):
        pairs = [one_name(declared, what)]
    elif isinstance(declared, Iterable):
        pairs = [one_name(item, what) for item in declared]
    else:
        cure = 'write names, ["x", "y"], or shapes, {"U": (3, 2)}'
        raise InputError(f"{what}s are declared as {shorten(repr(declared))}", why="it is no list of names", cure=cure)
    result: dict[str, Shape] = {}
    for name, shape in pairs:
        if name in result:
            raise InputError(f"{what} {name!r} is declared twice", why="a name stands for one thing", cure="rename one")
        result[name] = shape
    return result


def read_data(declared: object) -> dict[str, Data]:
    """Data from names, shapes, values, tables or :class:`symmetries.Data`."""
    if declared is None:
        return {}
    if not isinstance(declared, Mapping):
        return {name: Data(shape) for name, shape in read_shapes(declared, "the data").items()}
    result: dict[str, Data] = {}
    for name, spec in declared.items():
        text = one_name(name, "the data")[0]
        if text in result:
            raise InputError(
                f"the data {text!r} is declared twice", why="a name stands for one thing", cure="rename one"
            )
        try:
            result[text] = one_data(spec)
        except InputError as error:
            what = error.what.replace("the data", "it")
            raise InputError(f"the data {text!r}: {what}", why=error.why, cure=error.cure) from None
    return result


def one_data(spec: Any) -> Data:
    """One data declaration: a flat list of positive integers is a shape, other numbers are values."""
    if isinstance(spec, Data):
        return spec
    if isinstance(spec, Mapping):
        unknown = [key for key in spec if key not in ("shape", "values", "moves")]
        if unknown or not ("shape" in spec or "values" in spec):
            what = f"the key {shorten(repr(unknown[0]))}" if unknown else "a table without shape and values"
            raise InputError(what, why="data has shape, values and moves", cure="write {shape = [3, 4], moves = true}")
        if "shape" not in spec:
            return Data.given(spec["values"]) if not spec.get("moves") else Data((), spec["values"], moves=True)
        return Data(read_shape(spec["shape"], "the data"), spec.get("values"), spec.get("moves", False))
    if isinstance(spec, list | tuple) and all(isinstance(length, int) for length in spec):
        if any(isinstance(length, bool) or length < 1 for length in spec):
            raise InputError(
                f"the data has the shape {shorten(str(list(spec)))}",
                why="a flat list of integers is a shape, and lengths are positive",
                cure="write {values = [...]}, or Data.given([...]), for a vector of integers",
            )
        return Data(read_shape(spec, "the data"))
    return Data.given(spec)


def read_constants(declared: object) -> tuple[str, ...]:
    """Structural constants, all scalars."""
    shapes = read_shapes(declared, "the constant") if declared is not None else {}
    for name, shape in shapes.items():
        if shape:
            why = f"it has the shape {list(shape)}, and constants are scalars"
            raise InputError(f"the constant {name!r} is no scalar", why=why, cure="declare a scalar for each entry")
    return tuple(shapes)


def check_disjoint(tables: Mapping[str, Iterable[str]]) -> None:
    """Refuse a name that is declared in two tables."""
    owner: dict[str, str] = {}
    for table, names in tables.items():
        for name in names:
            if name in owner:
                what = f"the name {name!r} is a {owner[name]} and a {table}".replace("a data", "data")
                raise InputError(what, why="a name stands for one thing", cure="rename one of them")
            owner[name] = table


def require_parameters(declaration: Declaration) -> None:
    """Refuse a loss that nothing can move."""
    if not declaration.parameters:
        why, cure = "a symmetry moves parameters", "declare at least one name as a parameter"
        raise InputError("the loss has no parameters", why=why, cure=cure)


def check_symbols(node: Node, symbols: Mapping[str, Shape]) -> None:
    """Refuse an expression whose symbols are not the declared ones."""
    for name, shape in symbols_of(node).items():
        if name not in symbols:
            why, cure = "it is not declared", "declare it as a parameter, data or a constant"
            raise InputError(f"the expression contains {name!r}", why=why, cure=cure)
        if symbols[name] != shape:
            why = f"it is declared with the shape {list(symbols[name])}"
            raise InputError(f"{name!r} has the shape {list(shape)}", why=why, cure="make the two agree")


def free_names(text: str, node: Node, known: Mapping[str, Shape]) -> dict[str, Shape]:
    """Scalars that a formula uses and nobody declared, in order of first appearance in the text."""
    used = symbols_of(node)
    found: dict[str, Shape] = {}
    for match in WORD.finditer(text):
        name = match.group()
        if match.lastgroup == "name" and name in used and name not in known:
            found[name] = ()
    return found
