"""Matrix words as a user writes them: read, sized and turned into forms."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, final

from manifolds.errors import InputError
from symmetries.sizes.matrix_algebra import MatrixAlgebra
from symmetries.sizes.matrix_forms import Form
from symmetries.sizes.matrix_letters import INVERTIBLE, SCALARS, Kind, letter_form

LONGEST = 1000
"""Largest length of one component."""

LARGEST_EXPONENT = 400
"""Largest power of ten of a number."""

Matrices: TypeAlias = Mapping[str, tuple[int, int]]


@final
@dataclass(frozen=True, eq=False)
class Part:
    """A part of a component: ``name``, ``number``, ``ones``, ``sum``, ``product``, ``entrywise``, ``transpose``,
    ``inverse`` or ``scaled`` (by a number)."""

    kind: str
    text: str
    parts: tuple[Part, ...] = ()
    name: str = ""
    value: Fraction = Fraction(1)

    def walk(self) -> Iterator[Part]:
        """This part and all inside it, the inner ones first."""
        for part in self.parts:
            yield from part.walk()
        yield self


@final
@dataclass(frozen=True, eq=False)
class Component:
    """One component of a family: for which parameter, and the word."""

    target: str
    root: Part


def read_component(text: str, target: str) -> Component:
    """Read one component.

    >>> read_component("-U", "U").root.kind
    'scaled'
    """
    what = f"the component of {target}"
    if len(text) > LONGEST:
        raise InputError(f"{what} is too long", why=f"the limit is {LONGEST} characters", cure="simplify it")
    try:
        return Component(target, _part(ast.parse(text.strip(), mode="eval").body, text.strip(), what))
    except InputError:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        cure = 'write a sum of products such as "S@V - V@T.T"'
        raise InputError(f"{what}, {text[:60]!r}, cannot be read", why="it is not well formed", cure=cure) from None


def _part(node: ast.expr, text: str, what: str) -> Part:
    """A part from Python's tree, which is never run."""
    said = ast.get_source_segment(text, node) or text

    def inner(one: ast.expr) -> Part:
        """A part inside."""
        return _part(one, text, what)

    if isinstance(node, ast.Name):
        return Part("ones", said) if node.id == "ones" else Part("name", said, name=node.id)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Part("number", said, value=read_number(said, what))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -1 if isinstance(node.op, ast.USub) else 1
        return Part("scaled", said, (inner(node.operand),), value=Fraction(sign))
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return Part("transpose", said, (inner(node.value),))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "inv" and len(node.args) == 1:
        letter = node.args[0]
        if isinstance(letter, ast.Name) and not node.keywords:
            return Part("inverse", said, name=letter.id)
    if isinstance(node, ast.BinOp):
        return _operation(node, said, inner, what)
    why = "a component is made of letters, parameters, numbers, ones, + - * / @ .T and inv(letter)"
    raise InputError(f"{what}: {said[:60]!r} is refused", why=why, cure='write a word such as "-U@S"')


def read_number(said: str, what: str) -> Fraction:
    """A decimal number, exactly.

    >>> read_number("1.5e-1", "the component of U")
    Fraction(3, 20)
    """
    exponent = said.lower().partition("e")[2] or "0"
    if abs(int(exponent)) > LARGEST_EXPONENT:
        why = f"the limit is 10**{LARGEST_EXPONENT}"
        raise InputError(f"{what}: {said[:60]!r} is refused", why=why, cure="write a number of usual size")
    return Fraction(said)


def _operation(node: ast.BinOp, said: str, inner: Callable[[ast.expr], Part], what: str) -> Part:
    """A part from an operator with two sides."""
    left, right = inner(node.left), inner(node.right)
    if isinstance(node.op, ast.Add):
        return Part("sum", said, (left, right))
    if isinstance(node.op, ast.Sub):
        return Part("sum", said, (left, Part("scaled", right.text, (right,), value=Fraction(-1))))
    if isinstance(node.op, ast.MatMult):
        return Part("product", said, (left, right))
    if isinstance(node.op, ast.Mult):
        return Part("entrywise", said, (left, right))
    if isinstance(node.op, ast.Div) and right.kind == "number" and right.value:
        return Part("scaled", said, (left,), value=1 / right.value)
    why = "the operators of a word are + - * @, and / by a number"
    raise InputError(f"{what}: {said[:60]!r} is refused", why=why, cure='write a word such as "-U@S"')


# sizes


@final
@dataclass(frozen=True)
class Shapes:
    """Rows and columns of the letters, and of each ``ones`` by its part."""

    letters: Matrices
    ones: Mapping[int, int]


@final
class _Lengths:
    """Lengths that are found to be equal, step by step."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.known: dict[int, int] = {}

    def new(self, value: int | None = None) -> int:
        """A length, perhaps known."""
        self.parent.append(len(self.parent))
        if value is not None:
            self.known[len(self.parent) - 1] = value
        return len(self.parent) - 1

    def find(self, length: int) -> int:
        """The first of the lengths that are equal to it."""
        while self.parent[length] != length:
            length = self.parent[length]
        return length

    def equal(self, left: int, right: int) -> tuple[int, int] | None:
        """Make two lengths equal; their values when they differ."""
        first, second = self.find(left), self.find(right)
        if first == second:
            return None
        values = self.known.get(first), self.known.get(second)
        if values[0] is not None and values[1] is not None and values[0] != values[1]:
            return values[0], values[1]
        self.parent[second] = first
        if values[1] is not None:
            self.known[first] = values[1]
        return None

    def value(self, length: int) -> int | None:
        """The value of a length where it is known."""
        return self.known.get(self.find(length))


@final
class _Inference:
    """The sizes of the letters from the places where they stand."""

    def __init__(
        self, letters: Mapping[str, str], kinds: Mapping[str, Kind], matrices: Matrices, say: Callable[[int], str]
    ) -> None:
        self.letters, self.matrices, self.say = letters, matrices, say
        self.lengths = _Lengths()
        self.ones: dict[int, int] = {}
        self.shapes: dict[str, tuple[int, int]] = {}
        for name, kind in letters.items():
            rows = self.lengths.new(1 if kind in SCALARS else None)
            self.shapes[name] = (rows, rows if kinds[kind].square else self.lengths.new())
        self.fixed = {name: (self.lengths.new(m), self.lengths.new(n)) for name, (m, n) in matrices.items()}
        self.one = self.lengths.new(1)

    def join(self, pairs: list[tuple[int, int]], part: Part, what: str) -> None:
        """Make lengths equal, or say which operation was given two different ones."""
        for left, right in pairs:
            differ = self.lengths.equal(left, right)
            if differ is not None:
                first, second = map(self.say, differ)
                why = f"{part.text!r} needs the two sizes to be equal"
                cure = "transpose a factor with .T, or use another letter"
                raise InputError(f"{what}: the sizes {first} and {second} do not agree", why=why, cure=cure)

    def scalar(self, shape: tuple[int, int]) -> bool:
        """Whether a shape is known to be a number's."""
        return all(self.lengths.value(length) == 1 for length in shape)

    def shape(self, part: Part, what: str) -> tuple[int, int]:
        """Rows and columns of a part."""
        inner = [self.shape(one, what) for one in part.parts]
        if part.kind in ("name", "inverse"):
            return self.named(part, what)
        if part.kind == "number":
            return self.one, self.one
        if part.kind == "ones":
            self.ones[id(part)] = self.lengths.new()
            return self.ones[id(part)], self.one
        if part.kind == "transpose":
            return inner[0][1], inner[0][0]
        if part.kind == "product":
            self.join([(inner[0][1], inner[1][0])], part, what)
            return inner[0][0], inner[1][1]
        if part.kind == "entrywise" and self.scalar(inner[0]):
            return inner[1]
        if part.kind in ("sum", "entrywise") and not (part.kind == "entrywise" and self.scalar(inner[1])):
            self.join(list(zip(*inner, strict=True)), part, what)
        return inner[0]

    def named(self, part: Part, what: str) -> tuple[int, int]:
        """Rows and columns of a name."""
        if part.name in self.letters:
            kind = self.letters[part.name]
            if part.kind == "inverse" and kind not in INVERTIBLE:
                why = f"a letter that is {kind} need not have an inverse"
                cure = f"use inv in an action, for a letter that is {', '.join(sorted(INVERTIBLE))}"
                raise InputError(f"{what}: {part.text!r} is refused", why=why, cure=cure)
            return self.shapes[part.name]
        if part.kind == "inverse":
            why = "inv is for letters alone"
            raise InputError(f"{what}: {part.text!r} is refused", why=why, cure="write inv(g) for a letter g")
        if part.name in self.fixed:
            return self.fixed[part.name]
        names = ", ".join([*self.letters, *self.matrices])
        raise InputError(
            f"{what} has the name {part.name!r}", why="it is no letter and not in the loss", cure=f"use {names}"
        )


def infer(
    components: Mapping[str, Component],
    letters: Mapping[str, str],
    kinds: Mapping[str, Kind],
    matrices: Matrices,
    say: Callable[[int], str] = str,
) -> Shapes:
    """The sizes of all letters.

    Raises
    ------
    InputError: two sizes that must be equal differ, or a size cannot be inferred.
    """
    for name in letters:
        if name in matrices:
            why = "the loss has that name"
            raise InputError(f"the letter {name!r} has a taken name", why=why, cure="rename the letter")
    inference = _Inference(letters, kinds, matrices, say)
    for component in components.values():
        what = f"the component of {component.target}"
        found = inference.shape(component.root, what)
        target = inference.fixed[component.target]
        inference.join(list(zip(target, found, strict=True)), component.root, what)
    value = inference.lengths.value
    shapes: dict[str, tuple[int, int]] = {}
    for name, (rows, columns) in inference.shapes.items():
        sizes = value(rows), value(columns)
        if sizes[0] is None or sizes[1] is None:
            why = "no parameter stands next to it, so that its size is open"
            raise InputError(f"the size of the letter {name!r} cannot be inferred", why=why, cure="remove the letter")
        shapes[name] = (sizes[0], sizes[1])
    return Shapes(shapes, {part: value(length) or 1 for part, length in inference.ones.items()})


# forms


def build(
    algebra: MatrixAlgebra, component: Component, letters: Mapping[str, str], shapes: Shapes, matrices: Matrices
) -> Form:
    """A component as a form."""

    def one(part: Part) -> Form:
        """The form of a part."""
        if part.kind in ("name", "inverse"):
            if part.name in letters:
                rows, columns = shapes.letters[part.name]
                kind = letters[part.name]
                return letter_form(algebra, part.name, kind, rows, columns, inverse=part.kind == "inverse")
            return algebra.single(algebra.atom("symbol", part.name, *matrices[part.name]))
        if part.kind == "number":
            return algebra.number(part.value)
        if part.kind == "ones":
            return algebra.ones(shapes.ones[id(part)])
        forms = [one(inner) for inner in part.parts]
        if part.kind == "scaled":
            return algebra.scale(forms[0], part.value)
        if part.kind == "transpose":
            return algebra.transpose(forms[0])
        if part.kind == "sum":
            return algebra.add(*forms)
        if part.kind == "product":
            return algebra.multiply(*forms)
        if forms[0].rows == forms[0].columns == 1:
            return algebra.times(*forms)
        if forms[1].rows == forms[1].columns == 1:
            return algebra.times(forms[1], forms[0])
        return algebra.hadamard(*forms)

    return one(component.root)
