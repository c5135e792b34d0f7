r"""Characters of index spaces: how a loss sees matrices that act on one axis of each of its arrays.

Let a group act on every axis s of every array through the power f(s) of one element: scalings and signs of single
indices, all invertible matrices, or rotations.  A node of the loss then transforms by such powers too, one for each of
its axes, as long as some linear equations between the f(s) hold; they are read off the operations, exactly.  The loss
is kept by every action whose powers solve all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal, TypeAlias, final

import numpy as np

from symmetries.expression import Node, Shape, walk

Axis: TypeAlias = tuple[str, int]
"""Name of an array and number of one of its axes."""
Form: TypeAlias = dict[Axis, Fraction]
Kind: TypeAlias = Literal["scaling", "sign", "linear", "rotation"]

ODD = frozenset({"tanh", "sin", "sinh", "tan", "erf", "atan", "sign"})
EVEN = frozenset({"abs", "cos", "cosh"})
HOMOGENEOUS = frozenset({"relu", "abs"})


@final
class Charges:
    """The equations between the powers of the axes.

    Parameters
    ----------
    root: the loss.
    symbols: shapes of the arrays that may transform: parameters and free data.
    kind: ``scaling`` and ``sign`` (of single indices), ``linear`` (all matrices: powers 1, 0 and -1, where -1 is the
        inverse transpose) or ``rotation`` (powers 0 and 1).
    """

    def __init__(self, root: Node, symbols: Mapping[str, Shape], kind: Kind) -> None:
        self.kind = kind
        self.symbols = symbols
        self.equations: list[Form] = []
        self._fresh = 0
        self._exact = kind in {"linear", "rotation"}
        self._forms: dict[int, list[Form]] = {}
        nodes = list(walk(root))
        contracted = _contracted(nodes) if self._exact else set()
        for node in nodes:
            if id(node) not in contracted:
                self._forms[id(node)] = self._visit(node)

    # helpers

    def _require(self, form: Form) -> None:
        """Add the equation form = 0."""
        reduced = {axis: value % 2 if self.kind == "sign" else value for axis, value in form.items()}
        reduced = {axis: value for axis, value in reduced.items() if value}
        if reduced and reduced not in self.equations[-4:]:
            self.equations.append(reduced)

    def _trivial(self, nodes: Any) -> None:
        """Every axis of the nodes is kept."""
        for node in nodes:
            for form in self._forms[id(node)]:
                self._require(form)

    def _opposite(self, left: Form, right: Form) -> None:
        """The powers of two axes that are summed over together cancel; rotations have equal ones."""
        self._require(combine((left, 1), (right, -1 if self.kind == "rotation" else 1)))

    def _aligned(self, argument: Node, node: Node) -> list[Form | None]:
        """Forms of an argument at the axes of a broadcast result; None where it does not vary."""
        forms = self._forms[id(argument)]
        missing = node.ndim - argument.ndim
        aligned: list[Form | None] = [None] * missing
        for form, own, length in zip(forms, argument.shape, node.shape[missing:], strict=True):
            if own == length:
                aligned.append(form)
            else:
                self._require(form)
                aligned.append(None)
        return aligned

    # operations

    def _visit(self, node: Node) -> list[Form]:
        operation = node.operation
        nothing: list[Form] = [{} for _ in node.shape]
        if operation == "symbol":
            name = str(node.payload)
            if name not in self.symbols:
                return nothing
            return [{(name, axis): Fraction(1)} for axis in range(node.ndim)]
        if not node.arguments:
            return self._diagonal(node) if operation == "array" else nothing
        if operation in {"add", "maximum", "minimum", "where"}:
            return self._terms(node)
        if operation == "multiply":
            return self._product(node)
        if operation == "power":
            return self._power(node)
        if operation in {"function", "leaky_relu"}:
            return self._function(node)
        method = getattr(self, f"_{operation}", None)
        if method is not None:
            result: list[Form] = method(node)
            return result
        self._trivial(node.arguments)
        return nothing

    def _diagonal(self, node: Node) -> list[Form]:
        """A diagonal array of numbers is kept when its two axes have opposite powers."""
        payload: Any = node.payload
        if node.ndim != 2 or node.shape[0] != node.shape[1] or node.shape[0] < 2:
            return [{} for _ in node.shape]
        size = node.shape[0]
        diagonal = payload[:: size + 1]
        if sum(map(bool, payload)) != sum(map(bool, diagonal)) or (self._exact and len(set(diagonal)) > 1):
            return [{}, {}]
        self._fresh += 1
        axis = ("", self._fresh)
        turned = Fraction(1 if self.kind == "rotation" else -1)
        return [{axis: Fraction(1)}, {axis: turned}]

    def _terms(self, node: Node) -> list[Form]:
        """Terms that transform alike; bent ones only by scalings."""
        bent = node.operation != "add"
        if bent and self.kind != "scaling":
            self._trivial(node.arguments)
            return [{} for _ in node.shape]
        terms = node.arguments[1:] if node.operation == "where" else node.arguments
        result: list[Form] = []
        for forms in zip(*(self._aligned(term, node) for term in terms), strict=True):
            first = forms[0] or {}
            for form in forms[1:]:
                self._require(combine((form or {}, 1), (first, -1)))
            result.append(first)
        return result

    def _product(self, node: Node) -> list[Form]:
        result: list[Form] = []
        for forms in zip(*(self._aligned(factor, node) for factor in node.arguments), strict=True):
            present = [form for form in forms if form is not None]
            if self._exact and len(present) > 1:
                for form in present:
                    self._require(form)
                present = []
            result.append(combine(*((form, 1) for form in present)))
        return result

    def _power(self, node: Node) -> list[Form]:
        exponent: Any = node.payload
        forms = self._forms[id(node.arguments[0])]
        if self._exact or (self.kind == "sign" and exponent.denominator != 1):
            self._trivial(node.arguments)
            return [{} for _ in forms]
        return [combine((form, exponent)) for form in forms]

    def _function(self, node: Node) -> list[Form]:
        argument = node.arguments[0]
        forms = [form or {} for form in self._aligned(argument, node)]
        nothing: list[Form] = [{} for _ in node.shape]
        name = node.payload if node.operation == "function" else "leaky_relu"
        if self.kind == "scaling" and (name in HOMOGENEOUS or name == "leaky_relu"):
            self._trivial(node.arguments[1:])
            return forms
        if self.kind == "scaling" and name == "sign":
            return nothing
        if self.kind == "sign" and name in ODD:
            return forms
        if self.kind == "sign" and name in EVEN:
            return nothing
        self._trivial(node.arguments)
        return nothing

    def _matmul(self, node: Node) -> list[Form]:
        left, right = (self._forms[id(argument)] for argument in node.arguments)
        self._opposite(left[-1], right[0])
        return left[:-1] + right[1:]

    def _transpose(self, node: Node) -> list[Form]:
        return self._forms[id(node.arguments[0])][::-1]

    def _inv(self, node: Node) -> list[Form]:
        first, second = self._forms[id(node.arguments[0])]
        if self.kind == "rotation":
            return [second, first]
        return [combine((second, -1)), combine((first, -1))]

    def _det(self, node: Node) -> list[Form]:
        first, second = self._forms[id(node.arguments[0])]
        if self.kind != "rotation":
            self._require(combine((first, 1), (second, 1)))
        return []

    def _reshape(self, node: Node) -> list[Form]:
        """Axes of length 1 come and go; other changes need trivial powers."""
        argument = node.arguments[0]
        before = list(zip(self._forms[id(argument)], argument.shape, strict=True))
        forms = [form for form, length in before if length > 1]
        for form, length in before:
            if length == 1:
                self._require(form)
        lengths = [length for length in argument.shape if length > 1]
        if lengths != [length for length in node.shape if length > 1]:
            self._trivial(node.arguments)
            return [{} for _ in node.shape]
        source = iter(forms)
        return [next(source) if length > 1 else {} for length in node.shape]

    def _gather(self, node: Node) -> list[Form]:
        """Axes whose indices stay as they are keep their power; the others need a trivial one."""
        argument = node.arguments[0]
        positions: Any = node.payload
        sources = np.unravel_index(np.array(positions, dtype=np.int64), argument.shape or (1,))
        result: list[Form] = [{} for _ in node.shape]
        counts = np.indices(node.shape).reshape(node.ndim, node.size)
        for axis, form in enumerate(self._forms[id(argument)]):
            same = [
                k
                for k, length in enumerate(node.shape)
                if length == argument.shape[axis] > 1 and (counts[k] == sources[axis]).all()
            ]
            if same and not (self._exact and _mixed(sources, axis, node.shape, same[0])):
                result[same[0]] = combine((result[same[0]], 1), (form, 1))
            else:
                self._require(form)
        return result

    def _concatenate(self, node: Node) -> list[Form]:
        along: Any = node.payload
        first = self._forms[id(node.arguments[0])]
        for argument in node.arguments:
            for axis, form in enumerate(self._forms[id(argument)]):
                self._require(form if axis == along else combine((form, 1), (first[axis], -1)))
        return [{} if axis == along else form for axis, form in enumerate(first)]

    def _contraction(self, argument: Node, axes: Any) -> list[Form]:
        """A sum of a product over axes that two factors share is a contraction of tensors."""
        factors = argument.arguments * 2 if argument.operation == "power" else argument.arguments
        columns = [self._aligned(factor, argument) for factor in factors]
        result: list[Form] = []
        for axis in range(argument.ndim):
            present = [forms[axis] or {} for forms in columns if forms[axis] is not None]
            if axis in axes and len(present) == 2:
                self._opposite(*present)
            elif axis in axes or len(present) > 1:
                for form in present:
                    self._require(form)
            if axis not in axes:
                result.append(present[0] if len(present) == 1 else {})
        return result

    def _sum(self, node: Node) -> list[Form]:
        argument, axes = node.arguments[0], node.payload
        if id(argument) not in self._forms:
            return self._contraction(argument, axes)
        forms = self._forms[id(argument)]
        for axis, form in enumerate(forms):
            if axis in axes:  # type: ignore[operator]
                self._require(form)
        return [form for axis, form in enumerate(forms) if axis not in axes]  # type: ignore[operator]


def _mixed(sources: Any, axis: int, shape: Shape, along: int) -> bool:
    """Whether another source index than that of ``axis`` varies along an axis of the result."""
    for other, source in enumerate(sources):
        table = np.moveaxis(source.reshape(shape), along, 0)
        if other != axis and (table != table[:1]).any():
            return True
    return False


def _contracted(nodes: list[Node]) -> set[int]:
    """Products of two factors and squares that are used in sums alone."""
    users: dict[int, set[str]] = {}
    for node in nodes:
        for argument in node.arguments:
            users.setdefault(id(argument), set()).add(node.operation)
    return {
        id(node)
        for node in nodes
        if users.get(id(node)) == {"sum"}
        and ((node.operation == "multiply") or (node.operation == "power" and node.payload == 2))
    }


def combine(*parts: tuple[Form, Any]) -> Form:
    """Sum of forms times numbers."""
    total: Form = {}
    for form, factor in parts:
        for axis, value in form.items():
            new = total.get(axis, Fraction(0)) + value * factor
            if new:
                total[axis] = new
            else:
                total.pop(axis, None)
    return total
