"""Between SymPy and array expressions; SymPy itself is imported by whoever makes its expressions.

:func:`from_sympy` takes scalars, matrix symbols and their products, inverses, traces, entrywise functions, and explicit
matrices.  Functions that SymPy does not have are named: ``sympy.Function("sigmoid")(x)`` is the language's sigmoid.
:func:`to_sympy` writes an expression out entry by entry, each entry of ``U`` being ``Symbol("U[0,1]", real=True)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from manifolds.errors import InputError
from symmetries import indexing, operations
from symmetries.data import exact
from symmetries.expression import Node, Shape, number, symbol
from symmetries.formula import read_formula
from symmetries.sympy_out import to_sympy
from symmetries.sympy_table import BUILDERS, LEAVES, Expression, shown
from symmetries.vocabulary import FUNCTIONS

__all__ = ["from_sympy", "to_sympy"]

ENTRY = re.compile(r"[^\W\d]\w*(\[[0-9, ]+\]|(_[0-9]+)+)")

RELATIONS: Mapping[str, str] = {
    "StrictGreaterThan": ">",
    "GreaterThan": ">=",
    "StrictLessThan": "<",
    "LessThan": "<=",
    "Equality": "==",
    "Unequality": "!=",
}

KNOWN = frozenset([*LEAVES, *BUILDERS, *RELATIONS, "Piecewise", "ElementwiseApplyFunction", "BooleanTrue"])
"""Classes of SymPy that are read."""

INSTEAD: Mapping[str, str] = {
    "ImaginaryUnit": "write real and imaginary parts as two real symbols",
    "conjugate": "declare the symbols real=True",
    "re": "declare the symbols real=True",
    "im": "declare the symbols real=True",
    "Infinity": "use finite numbers",
    "NegativeInfinity": "use finite numbers",
    "ComplexInfinity": "use finite numbers",
    "NaN": "use finite numbers",
    "Sum": "write it out with .doit()",
    "Product": "write it out with .doit()",
    "Derivative": "write it out with .doit()",
    "Integral": "write it out with .doit()",
    "BlockMatrix": "write it out with .as_explicit()",
    "And": "nest two Piecewise",
    "Or": "nest two Piecewise",
}


def from_sympy(expr: Expression, symbols: Mapping[str, Shape]) -> Node:
    """The array expression of an expression of SymPy.

    Parameters
    ----------
    expr: what SymPy made, a scalar or a matrix.
    symbols: shapes of the declared names; a vector may be a column of SymPy.

    Raises
    ------
    InputError
        Naming the part that it cannot take.

    >>> import sympy
    >>> x = sympy.Symbol("x")
    >>> from_sympy(sympy.exp(x) + 1, {"x": ()}).operation
    'add'
    """
    if isinstance(expr, int | float | Fraction) and not isinstance(expr, bool):
        return number(exact(expr, "the expression"))
    if hasattr(expr, "as_immutable"):
        expr = expr.as_immutable()
    if not hasattr(expr, "free_symbols") or not hasattr(expr, "args"):
        what = f"an expression of type {type(expr).__name__}"
        raise InputError(what, why="it is not SymPy's", cure="give an expression of SymPy, or use Loss.parse for text")
    return Border(symbols).read(expr)


class Border:
    """The reading of one expression; each sub-expression is read once, without recursion."""

    def __init__(self, symbols: Mapping[str, Shape], bound: Mapping[Expression, Node] | None = None) -> None:
        self.symbols = symbols
        self.done: dict[Expression, Node] = dict(bound or {})
        self.seen: dict[str, Expression] = {}

    def read(self, root: Expression) -> Node:
        """The node of an expression."""
        stack: list[tuple[Expression, bool]] = [(root, False)]
        while stack:
            expr, ready = stack.pop()
            if expr in self.done:
                continue
            if not ready:
                stack.append((expr, True))
                stack.extend((part, False) for part in reversed(self.parts(expr)))
                continue
            try:
                self.done[expr] = self.build(expr, [self.done[part] for part in self.parts(expr)])
            except InputError as error:
                plain = error.what.startswith("in ") or kind(expr) in LEAVES
                what = error.what if plain else f"in {shown(expr)}: {error.what}"
                raise InputError(what, why=error.why, cure=error.cure) from None
        return self.done[root]

    def parts(self, expr: Expression) -> Sequence[Expression]:
        """The sub-expressions that must be read first."""
        name = kind(expr)
        if name == "Piecewise":
            sides = [side for _, test in expr.args if kind(test) in RELATIONS for side in test.args]
            return [*(value for value, _ in expr.args), *sides]
        if name in ("ImmutableDenseMatrix", "ImmutableSparseMatrix"):
            return list(expr.flat())
        if name in ("MatrixElement", "ElementwiseApplyFunction", "MatrixSlice"):
            return [part for part in expr.args[:1] if name != "ElementwiseApplyFunction"] or [expr.expr]
        if name in LEAVES:
            return ()
        if name in BUILDERS or is_named(expr):
            return expr.args
        raise self.refuse(expr)

    def refuse(self, expr: Expression) -> InputError:
        """The error for an expression that is not known."""
        name = type(expr).__name__
        cure = INSTEAD.get(name, "write it with the functions of the formula language")
        why = "it is not real" if name in ("ImaginaryUnit", "conjugate", "re", "im") else f"{name} is not known here"
        return InputError(f"the sub-expression {shown(expr)}", why=why, cure=cure)

    def build(self, expr: Expression, nodes: list[Node]) -> Node:
        """The node of an expression from those of its parts."""
        name = kind(expr)
        if name in ("Symbol", "MatrixSymbol"):
            return self.symbol(expr)
        if name == "Piecewise":
            return self.piecewise(expr)
        if name == "ElementwiseApplyFunction":
            bound, body = expr.function.args
            return Border(self.symbols, {bound[0]: nodes[0]}).read(body)
        if name in LEAVES:
            return LEAVES[name](expr)
        if name in BUILDERS:
            return BUILDERS[name](expr, nodes)
        return FUNCTIONS[expr.func.__name__].build(*nodes)

    def symbol(self, expr: Expression) -> Node:
        """A declared symbol, or the entry of one."""
        name = str(expr.name)
        if self.seen.setdefault(name, expr) != expr:
            why = "two symbols have this name and differ in what is assumed of them"
            raise InputError(f"the symbol {name!r}", why=why, cure="make it once, with real=True")
        if kind(expr) == "Symbol" and expr.is_real is False:
            raise InputError(f"the symbol {name!r}", why="it is not real", cure="make it with real=True")
        shape = self.symbols.get(name)
        if kind(expr) == "MatrixSymbol" and shape is not None:
            if shape == tuple(expr.shape) or (*shape, 1) == tuple(expr.shape):
                return indexing.reshape(symbol(name, shape), tuple(map(int, expr.shape)))
            why = f"it is declared with the shape {list(shape)}"
            raise InputError(f"{name!r} has the shape {list(expr.shape)}", why=why, cure="make the two agree")
        if shape == ():
            return symbol(name)
        if shape is None and ENTRY.fullmatch(name) and re.split(r"[\[_]", name)[0]:
            return read_formula(name, self.symbols)
        why = (
            "it is not declared"
            if shape is None
            else f"it is declared with the shape {list(shape)}, and is a scalar here"
        )
        raise InputError(f"the symbol {name!r}", why=why, cure="declare it as a parameter, data or a constant")

    def piecewise(self, expr: Expression) -> Node:
        """Nested choices."""
        value, last = expr.args[-1]
        if kind(last) != "BooleanTrue":
            why = "it has no value where no condition holds"
            raise InputError("a Piecewise without a last case", why=why, cure="end it with (value, True)")
        result = self.done[value]
        for case, test in reversed(expr.args[:-1]):
            if kind(test) not in RELATIONS:
                raise self.refuse(test)
            left, right = (self.done[side] for side in test.args)
            result = operations.where(left, RELATIONS[kind(test)], right, self.done[case], result)
        return result


def kind(expr: Expression) -> str:
    """The name of the first known class of an expression."""
    for cls in type(expr).__mro__:
        if cls.__name__ in KNOWN:
            return str(cls.__name__)
    return type(expr).__name__


def is_named(expr: Expression) -> bool:
    """Whether an expression is a function of the language by its name, such as ``Function("sigmoid")(x)``."""
    function = FUNCTIONS.get(type(expr).__name__)
    named = type(type(expr)).__name__ == "UndefinedFunction" and function is not None
    return named and len(expr.args) == len([a for a in function.arguments if a.kind == "array"])  # type: ignore[union-attr]
