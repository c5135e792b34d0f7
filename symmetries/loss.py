"""A loss: a scalar formula, the parameters that a symmetry moves, the data, and the structural constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any, NoReturn, final

from manifolds.errors import InputError
from symmetries import indexing
from symmetries.data import Data, Nested, listed, measure, nest
from symmetries.declarations import Declaration, check_symbols, free_names, require_parameters
from symmetries.expression import Node, Shape, entry_names
from symmetries.formula import read_formula
from symmetries.printing import formula_text, latex
from symmetries.refusal import shorten
from symmetries.substitution import substitute

__all__ = ["Data", "Loss"]

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

    __slots__ = ("_at", "_declaration", "_expression", "_formula")

    _at: Mapping[str, Nested] | None
    _declaration: Declaration
    _expression: Node
    _formula: str

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
        declaration = Declaration.read(parameters, data, constants, name, ansatz)
        if isinstance(expr, Node):
            check_symbols(expr, declaration.shapes)
            node = expr
        else:
            from symmetries.sympy_border import from_sympy

            node = from_sympy(expr, declaration.shapes)
        self._fill(declaration, substitute(node, declaration.given), formula_text(node))

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
        implicit = parameters is None
        declaration = Declaration.read([] if implicit else parameters, data, constants, name, ansatz)
        if not implicit:
            require_parameters(declaration)
        node = read_formula(text, declaration.free, implicit_scalars=implicit, given=declaration.given)
        if implicit:
            declaration = replace(declaration, parameters=free_names(text, node, declaration.free))
        return cls._make(declaration, node, text)

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Loss:
        """A loss from a TOML file; see :mod:`symmetries.loss_file`."""
        from symmetries.loss_file import read_loss_file, within

        declaration = read_loss_file(path)
        with within(path):
            return cls.from_dict(declaration)

    @classmethod
    def from_dict(cls, declaration: Any) -> Loss:
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
            "name": self._declaration.name,
            "formula": self._formula,
            "parameters": {name: list(shape) for name, shape in self._declaration.parameters.items()},
            "data": {name: item.to_json() for name, item in self._declaration.data.items()},
            "constants": list(self._declaration.constants),
            "ansatz": self._declaration.ansatz,
        }
        if self._at is not None:
            result["at"] = {name: listed(value) for name, value in self._at.items()}
        return result

    def with_point(self, at: Mapping[str, Any]) -> Loss:
        """The same loss with a point: values of parameters, and of data and constants that are free.

        >>> Loss.parse("x**2").with_point({"x": "1/2"}).at
        {'x': Fraction(1, 2)}
        """
        if not isinstance(at, Mapping):
            raise InputError(f"a point {shorten(repr(at))}", why="it names no values", cure='write {"x": -1, "y": 2}')
        shapes = self._declaration.free
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
        return Loss._make(self._declaration, self._expression, self._formula, point)

    @classmethod
    def _make(cls, declaration: Declaration, node: Node, formula: str, at: Mapping[str, Nested] | None = None) -> Loss:
        """The loss from its checked parts."""
        loss = cls.__new__(cls)
        loss._fill(declaration, node, formula, at)
        return loss

    def _fill(self, declaration: Declaration, node: Node, formula: str, at: Mapping[str, Nested] | None = None) -> None:
        """Check and keep the parts."""
        if node.size != 1:
            why, cure = f"it has the shape {list(node.shape)}", "reduce it with sum(...), mean(...) or norm(...)"
            raise InputError("the loss is not a scalar", why=why, cure=cure)
        require_parameters(declaration)
        object.__setattr__(self, "_declaration", declaration)
        object.__setattr__(self, "_expression", indexing.reshape(node, ()) if node.shape else node)
        object.__setattr__(self, "_formula", formula)
        object.__setattr__(self, "_at", at)

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
        return dict(self._declaration.parameters)

    @property
    def data(self) -> dict[str, Data]:
        """The data, in declaration order."""
        return dict(self._declaration.data)

    @property
    def constants(self) -> tuple[str, ...]:
        """Names on which the coefficients of a symmetry may depend."""
        return self._declaration.constants

    @property
    def name(self) -> str:
        """What the loss is called."""
        return self._declaration.name

    @property
    def ansatz(self) -> str | None:
        """The family of fields that suits it, where one was named."""
        return self._declaration.ansatz

    @property
    def at(self) -> dict[str, Nested] | None:
        """The point that was declared with it."""
        return None if self._at is None else dict(self._at)

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of the parameters, in declaration order, row by row."""
        return tuple(
            entry for name, shape in self._declaration.parameters.items() for entry in entry_names(name, shape)
        )

    @property
    def data_entries(self) -> tuple[str, ...]:
        """Names of the entries of the data without values."""
        free = {name: item.shape for name, item in self._declaration.data.items() if item.values is None}
        return tuple(entry for name, shape in free.items() for entry in entry_names(name, shape))

    @property
    def moving_entries(self) -> tuple[str, ...]:
        """Names of the entries of the data that the group may move."""
        moving = {name: item.shape for name, item in self._declaration.data.items() if item.moves}
        return tuple(entry for name, shape in moving.items() for entry in entry_names(name, shape))

    def read(self, text: str) -> Node:
        """A formula in the symbols of this loss.

        >>> Loss.parse("sum(U**2)", {"U": (2, 2)}).read("U[0,1]").payload
        (1,)
        """
        return read_formula(text, self._declaration.free, given=self._declaration.given)

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Loss) else NotImplemented

    def __hash__(self) -> int:
        return hash(
            (
                self._formula,
                tuple(self._declaration.parameters.items()),
                self._declaration.constants,
                self._declaration.name,
            )
        )

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        return (Loss.from_dict, (self.to_dict(),))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a loss is read-only: {name} cannot be set")

    def __str__(self) -> str:
        return self._formula

    def __repr__(self) -> str:
        parts = [repr(shorten(self._formula, 200)), repr(self._declaration.parameters)]
        if self._declaration.data:
            parts.append(
                "data={" + ", ".join(f"{name!r}: {item.shape}" for name, item in self._declaration.data.items()) + "}"
            )
        if self._declaration.constants:
            parts.append(f"constants={list(self._declaration.constants)}")
        return f"Loss.parse({', '.join(parts)})"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {latex(read_formula(self._formula, self._declaration.shapes))}$"
