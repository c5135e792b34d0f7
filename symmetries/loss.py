"""A loss: a scalar formula, the parameters that a symmetry moves, the data, and the structural constants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from typing import Any, NoReturn, final

from manifolds.errors import InputError
from symmetries import operations
from symmetries.data import Data, Nested, listed, measure, nest
from symmetries.declarations import check_disjoint, read_constants, read_data, read_shapes
from symmetries.expression import Node, Shape, entry_names, symbols_of
from symmetries.formula import read_formula
from symmetries.printing import formula_text, latex
from symmetries.substitution import substitute
from symmetries.refusal import shorten
from symmetries.words import WORD

__all__ = ["Data", "Loss"]

ANSATZ = re.compile(r"linear|affine|diagonal|blocks|polynomial:[1-9][0-9]?")
"""The ansatz that a loss may recommend."""

KEYS = ("name", "formula", "parameters", "data", "constants", "ansatz", "at")


@final
class Loss:
    r"""A loss :math:`L(\theta; \text{data})`.

    Parameters
    ----------
    expr: an expression of SymPy, or a :class:`symmetries.expression.Node`; text is read by :meth:`parse`.
    parameters: names or symbols (scalars), or a mapping from names to shapes.
    data: names (scalars), or a mapping from names to shapes (for all data), values (for given data) or :class:`Data`.
    constants: names on which the coefficients of a symmetry may depend.
    name: what the loss is called.
    ansatz: the family of fields that suits it, such as ``linear`` or ``polynomial:3``.

    Raises
    ------
    InputError
        When the declaration contradicts itself or the formula.

    >>> loss = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)})
    >>> loss.entries[:3]
    ('U[0,0]', 'U[0,1]', 'U[1,0]')
    """

    __slots__ = ("_ansatz", "_at", "_constants", "_data", "_expression", "_formula", "_name", "_parameters")

    def __init__(
        self,
        expr: Any,
        parameters: Any,
        *,
        data: Any = None,
        constants: Any = None,
        name: str = "",
        ansatz: str | None = None,
    ) -> None:
        if isinstance(expr, str):
            why, cure = "it takes an expression", "write Loss.parse(text, parameters, ...)"
            raise InputError("Loss was given text", why=why, cure=cure)
        self._declare(read_shapes(parameters, "the parameter"), data, constants, name, ansatz)
        symbols = {**self._free_shapes(), **{key: item.shape for key, item in self._data.items()}}
        if isinstance(expr, Node):
            check_symbols(expr, symbols)
            node = expr
        else:
            from symmetries.sympy_border import from_sympy

            node = from_sympy(expr, symbols)
        self._finish(substitute(node, self._given()), formula_text(node))

    @classmethod
    def parse(
        cls,
        text: str,
        parameters: Any = None,
        *,
        data: Any = None,
        constants: Any = None,
        name: str = "",
        ansatz: str | None = None,
    ) -> Loss:
        """A loss from the formula language; without ``parameters`` every other free name is a scalar parameter.

        >>> list(Loss.parse("x**2 + 9*y**2").parameters)
        ['x', 'y']
        """
        loss = cls.__new__(cls)
        found = {} if parameters is None else read_shapes(parameters, "the parameter")
        loss._declare(found, data, constants, name, ansatz)
        node = read_formula(text, loss._free_shapes(), implicit_scalars=parameters is None, given=loss._given())
        if parameters is None:
            loss._declare(free_names(text, node, loss._free_shapes()), data, constants, name, ansatz)
        loss._finish(node, text)
        return loss

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Loss:
        """A loss from a TOML file; see :mod:`symmetries.loss_file`."""
        from symmetries.loss_file import read_loss_file

        return read_loss_file(path)

    @classmethod
    def from_dict(cls, declaration: Mapping[str, Any]) -> Loss:
        """The loss that :meth:`to_dict` wrote.

        >>> loss = Loss.parse("(x - y)**2", ["x"], data=["y"])
        >>> Loss.from_dict(loss.to_dict()) == loss
        True
        """
        if not isinstance(declaration, Mapping) or not isinstance(declaration.get("formula"), str):
            why, cure = "it has no formula", "use what Loss.to_dict wrote"
            raise InputError("the declaration of a loss cannot be read", why=why, cure=cure)
        unknown = [key for key in declaration if key not in KEYS]
        if unknown:
            what = f"the declaration of a loss has the key {shorten(repr(unknown[0]))}"
            raise InputError(what, why="it is not known", cure=f"use {', '.join(KEYS)}")
        loss = cls.parse(
            declaration["formula"],
            declaration.get("parameters"),
            data=declaration.get("data"),
            constants=declaration.get("constants"),
            name=declaration.get("name", ""),
            ansatz=declaration.get("ansatz"),
        )
        return loss.with_point(declaration["at"]) if declaration.get("at") is not None else loss

    def to_dict(self) -> dict[str, Any]:
        """The declaration as JSON-ready data, numbers as exact text."""
        result: dict[str, Any] = {
            "name": self._name,
            "formula": self._formula,
            "parameters": {name: list(shape) for name, shape in self._parameters.items()},
            "data": {name: item.to_json() for name, item in self._data.items()},
            "constants": list(self._constants),
            "ansatz": self._ansatz,
        }
        if self._at is not None:
            result["at"] = {name: listed(map_nested(value)) for name, value in self._at.items()}
        return result

    def with_point(self, at: Mapping[str, Any]) -> Loss:
        """The same loss with a point: values of parameters, and of data and constants that are free.

        >>> Loss.parse("x**2").with_point({"x": "1/2"}).at
        {'x': Fraction(1, 2)}
        """
        if not isinstance(at, Mapping):
            raise InputError(f"a point {shorten(repr(at))}", why="it names no values", cure='write {"x": -1, "y": 2}')
        shapes = self._free_shapes()
        point: dict[str, Nested] = {}
        for name, values in at.items():
            if name not in shapes:
                cure = f"use {', '.join(list(shapes)[:20])}"
                raise InputError(f"the point gives {shorten(repr(name))}", why="the loss has no such name", cure=cure)
            shape, entries = measure(values, f"the point's {name!r}")
            if shape != shapes[name]:
                what = f"the point's {name!r} has the shape {list(shape)}"
                raise InputError(what, why=f"{name!r} has the shape {list(shapes[name])}", cure="make the two agree")
            point[name] = nest(entries, shape)
        copy = Loss.__new__(Loss)
        for slot in Loss.__slots__:
            object.__setattr__(copy, slot, point if slot == "_at" else getattr(self, slot))
        return copy

    def _declare(self, parameters: dict[str, Shape], data: Any, constants: Any, name: str, ansatz: str | None) -> None:
        """Check and keep what the loss depends on."""
        if not isinstance(name, str):
            raise InputError(f"a loss called {shorten(repr(name))}", why="a name is text", cure="give it as a string")
        if ansatz is not None and not (isinstance(ansatz, str) and ANSATZ.fullmatch(ansatz)):
            cure = "use linear, affine, diagonal, blocks or polynomial:3 (any degree)"
            raise InputError(f"the ansatz {shorten(repr(ansatz))}", why="it is not known", cure=cure)
        items, names = read_data(data), read_constants(constants)
        check_disjoint({"parameter": parameters, "data": items, "constant": names})
        for slot, value in (
            ("_parameters", parameters),
            ("_data", items),
            ("_constants", names),
            ("_name", name),
            ("_ansatz", ansatz),
            ("_at", None),
        ):
            object.__setattr__(self, slot, value)

    def _free_shapes(self) -> dict[str, Shape]:
        """Shapes of every name that has no value."""
        free = {name: item.shape for name, item in self._data.items() if item.values is None}
        return {**self._parameters, **free, **dict.fromkeys(self._constants, ())}

    def _given(self) -> dict[str, Node]:
        """Values of the data that has them."""
        return {name: item.node for name, item in self._data.items() if item.values is not None}

    def _finish(self, node: Node, formula: str) -> None:
        """Check and keep the expression."""
        if node.size != 1:
            why = f"it has the shape {list(node.shape)}"
            raise InputError("the loss is not a scalar", why=why, cure="reduce it with sum(...), mean(...) or norm(...)")
        if not self._parameters:
            why = "a symmetry moves parameters"
            raise InputError("the loss has no parameters", why=why, cure="declare at least one name as a parameter")
        object.__setattr__(self, "_expression", operations.reshape(node, ()) if node.shape else node)
        object.__setattr__(self, "_formula", formula)

    @property
    def expression(self) -> Node:
        """The scalar expression, with given data in place."""
        return self._expression

    @property
    def formula(self) -> str:
        """The formula as it was written."""
        return self._formula

    @property
    def parameters(self) -> dict[str, Shape]:
        """Shapes of the parameters, in declaration order."""
        return dict(self._parameters)

    @property
    def data(self) -> dict[str, Data]:
        """The data, in declaration order."""
        return dict(self._data)

    @property
    def constants(self) -> tuple[str, ...]:
        """Names on which the coefficients of a symmetry may depend."""
        return self._constants

    @property
    def name(self) -> str:
        """What the loss is called."""
        return self._name

    @property
    def ansatz(self) -> str | None:
        """The family of fields that suits it, where one was named."""
        return self._ansatz

    @property
    def at(self) -> dict[str, Nested] | None:
        """The point that was declared with it."""
        return None if self._at is None else dict(self._at)

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of the parameters, in declaration order, row by row."""
        return tuple(entry for name, shape in self._parameters.items() for entry in entry_names(name, shape))

    @property
    def data_entries(self) -> tuple[str, ...]:
        """Names of the entries of the data without values."""
        free = {name: item.shape for name, item in self._data.items() if item.values is None}
        return tuple(entry for name, shape in free.items() for entry in entry_names(name, shape))

    @property
    def moving_entries(self) -> tuple[str, ...]:
        """Names of the entries of the data that the group may move."""
        moving = {name: item.shape for name, item in self._data.items() if item.moves}
        return tuple(entry for name, shape in moving.items() for entry in entry_names(name, shape))

    def read(self, text: str) -> Node:
        """A formula in the symbols of this loss.

        >>> Loss.parse("sum(U**2)", {"U": (2, 2)}).read("U[0,1]").payload
        (1,)
        """
        return read_formula(text, self._free_shapes(), given=self._given())

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Loss) else NotImplemented

    def __hash__(self) -> int:
        return hash((self._formula, tuple(self._parameters.items()), self._constants, self._name))

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        return (Loss.from_dict, (self.to_dict(),))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a loss is read-only: {name} cannot be set")

    def __str__(self) -> str:
        return self._formula

    def __repr__(self) -> str:
        parts = [repr(shorten(self._formula, 200)), repr(self._parameters)]
        if self._data:
            parts.append("data={" + ", ".join(f"{name!r}: {item.shape}" for name, item in self._data.items()) + "}")
        if self._constants:
            parts.append(f"constants={list(self._constants)}")
        return f"Loss.parse({', '.join(parts)})"

    def _repr_latex_(self) -> str:
        shapes = {**self._free_shapes(), **{name: item.shape for name, item in self._data.items()}}
        return f"$\\displaystyle {latex(read_formula(self._formula, shapes))}$"


def map_nested(value: Nested) -> Any:
    """Nested numbers as nested text."""
    return tuple(map(map_nested, value)) if isinstance(value, tuple) else str(value)


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
