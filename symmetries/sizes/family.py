r"""Families of losses: one formula, with sizes that are names.

A family is read at two assignments of distinct primes to its sizes.  Both must give the same array expression up to
lengths and numbers that are powers of sizes, such as the 1/n of a mean; what is proved on that expression without
counting entries then holds for every size.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, final

from manifolds.errors import InputError
from symmetries.declarations import check_name
from symmetries.loss import Loss
from symmetries.refusal import shorten
from symmetries.sizes.family_structure import Structure, compare
from symmetries.sizes.matrix_field import Setting

Length: TypeAlias = str | int
"""A size by its name, or a fixed integer."""

LONGEST = 10_000
"""Largest length of the formula of a family."""

PRIMES = tuple(p for p in range(11, 400) if all(p % q for q in range(2, 20) if q < p))

MOST_SIZES = 12
"""Largest number of sizes of one family."""

SHAPED = frozenset({"eye", "ones", "zeros", "identity", "reshape"})


@final
@dataclass(frozen=True)
class LossFamily:
    r"""A loss for every size: a formula, and shapes whose lengths are names or integers.

    Parameters
    ----------
    formula: the loss, in the formula language; it may use the sizes in ``eye(n)``, ``ones((n, 1))`` and as factors.
    parameters, data: shape of each name.
    constants: names of scalars on which the coefficients of a symmetry may depend.
    name: what it is called.

    Raises
    ------
    InputError
        The formula does not fit the shapes for general sizes, or its structure depends on the sizes.

    >>> family = LossFamily.parse("sum((Y - U@V)**2)", {"U": ("n", "k"), "V": ("k", "m")}, data={"Y": ("n", "m")})
    >>> family.sizes, family.at(n=3, k=2, m=4).parameters
    (('n', 'k', 'm'), {'U': (3, 2), 'V': (2, 4)})
    """

    formula: str
    parameters: Mapping[str, tuple[Length, ...]]
    data: Mapping[str, tuple[Length, ...]]
    constants: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", read_shapes(self.parameters, "the parameter"))
        object.__setattr__(self, "data", read_shapes(self.data, "the data"))
        object.__setattr__(self, "constants", read_constants(self.constants))
        check_sizes(self.sizes, {*self.parameters, *self.data, *self.constants})
        self._check_formula()
        assert self.structure is not None

    @classmethod
    def parse(
        cls,
        text: str,
        parameters: Mapping[str, Sequence[Length]],
        *,
        data: Mapping[str, Sequence[Length]] | None = None,
        constants: Sequence[str] = (),
        name: str = "",
    ) -> LossFamily:
        """A family from the formula language."""
        shapes: Any = parameters
        return cls(text, shapes, data or {}, constants, name)  # type: ignore[arg-type]

    @property
    def sizes(self) -> tuple[str, ...]:
        """Names of the sizes, in order of first appearance."""
        lengths = (length for shape in (*self.parameters.values(), *self.data.values()) for length in shape)
        return tuple(dict.fromkeys(length for length in lengths if isinstance(length, str)))

    def at(self, /, **sizes: int) -> Loss:
        """The loss at given sizes.

        >>> LossFamily.parse("sum(w**2)/n", {"w": ("n",)}).at(n=2).formula
        'sum(w**2)/2'
        """
        for name, value in sizes.items():
            if name not in self.sizes:
                cure = f"use {', '.join(self.sizes)}"
                raise InputError(f"the size {name!r}", why="the family has no such size", cure=cure)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"the size {name}={value!r}", why="a size is a positive integer", cure="give one")
        missing = [name for name in self.sizes if name not in sizes]
        if missing:
            raise InputError(
                f"the size {missing[0]!r} has no value", why="a loss has fixed sizes", cure="give all sizes"
            )
        formula = self.formula
        if sizes:
            names = "|".join(map(re.escape, sizes))
            formula = re.sub(rf"(?<![\w.])({names})(?!\w)", lambda found: str(sizes[found.group()]), formula)
        return Loss.parse(
            formula,
            {name: resolve(shape, sizes) for name, shape in self.parameters.items()},
            data={name: resolve(shape, sizes) for name, shape in self.data.items()} or None,
            constants=list(self.constants) or None,
            name=self.name,
        )

    @cached_property
    def structure(self) -> Structure:
        """The array expression at distinct primes, and what its lengths and numbers are."""
        primes = self._primes()
        count = len(self.sizes)
        assignments = [dict(zip(self.sizes, primes[start : start + count], strict=True)) for start in (0, count)]
        try:
            first, second = (self.at(**sizes) for sizes in assignments)
        except InputError as error:
            what, why, cure = (self._named(part, assignments) for part in (error.what, error.why, error.cure))
            raise InputError(what, why=why, cure=cure) from None
        return compare(first.expression, second.expression, assignments[0], assignments[1])

    def _named(self, text: str, assignments: Sequence[Mapping[str, int]]) -> str:
        """A text with the names of the sizes in place of the primes that stood for them."""
        names = {str(value): name for sizes in assignments for name, value in sizes.items()}
        return re.sub(r"(?<![\w.])[0-9]+(?![\w.])", lambda found: names.get(found.group(), found.group()), text)

    def _primes(self) -> tuple[int, ...]:
        """Primes for two assignments, none of which divides an integer that is written anywhere."""
        shapes = (*self.parameters.values(), *self.data.values())
        written = {length for shape in shapes for length in shape if isinstance(length, int)}
        written |= {int(digits) for digits in re.findall(r"[0-9]{1,18}", self.formula)}
        free = [prime for prime in PRIMES if all(value % prime or not value for value in written)]
        if len(free) < 2 * len(self.sizes):
            raise InputError("the formula has too many numbers", why="no sizes are left to read it at", cure="simplify")
        return tuple(free)

    def _check_formula(self) -> None:
        """Refuse what may mean something else at other sizes: slices, and sums of sizes."""
        if not isinstance(self.formula, str):
            raise InputError("the formula of a family", why="a formula is text", cure="give it as a string")
        if len(self.formula) > LONGEST:
            why = f"the limit is {LONGEST} characters"
            raise InputError("the formula of the family is too long", why=why, cure="simplify it")
        try:
            tree = ast.parse(self.formula.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            Loss.parse(self.formula, dict.fromkeys(self.parameters, (1,)))
            raise InputError("the formula cannot be read", why="it is not well formed", cure="correct it") from None
        for node in ast.walk(tree):
            refuse_dependence(node, set(self.sizes), self.formula)

    @cached_property
    def setting(self) -> Setting:
        """What proofs for all sizes need."""
        structure = self.structure
        loss_shapes = {**self.parameters, **self.data, **dict.fromkeys(self.constants, ())}
        return Setting(
            root=structure.root,
            shapes={name: resolve(shape, structure.sizes) for name, shape in loss_shapes.items()},
            movable=tuple(self.parameters),
            measure=structure.measure,
            quantity=structure.quantity,
            length_name=structure.length_name,
        )

    @property
    def quantifier(self) -> str:
        """For which sizes its statements hold."""
        return f"for all {', '.join(self.sizes)}" if self.sizes else ""

    def to_dict(self) -> dict[str, Any]:
        """The declaration as JSON-ready data."""
        return {
            "name": self.name,
            "formula": self.formula,
            "parameters": {name: list(shape) for name, shape in self.parameters.items()},
            "data": {name: list(shape) for name, shape in self.data.items()},
            "constants": list(self.constants),
            "sizes": list(self.sizes),
        }

    def __str__(self) -> str:
        return f"{self.formula} {self.quantifier}".strip()


def resolve(shape: Sequence[Length], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """A shape with its sizes filled in.

    >>> resolve(("n", 2), {"n": 5})
    (5, 2)
    """
    return tuple(sizes[length] if isinstance(length, str) else length for length in shape)


def read_shapes(shapes: object, what: str) -> dict[str, tuple[Length, ...]]:
    """Shapes by name, checked."""
    cure = 'write {"U": ("n", "k")} with names or positive integers'
    if not isinstance(shapes, Mapping):
        raise InputError(
            f"{what} of a family is declared as {shorten(repr(shapes))}", why="it is no mapping", cure=cure
        )
    result: dict[str, tuple[Length, ...]] = {}
    for name, shape in shapes.items():
        check_name(name, what)
        if isinstance(shape, str | int):
            shape = (shape,)
        if not isinstance(shape, Sequence):
            raise InputError(f"{what} {name!r} has the shape {shape!r}", why="a shape is a list of sizes", cure=cure)
        for length in shape:
            if isinstance(length, bool) or not isinstance(length, str | int):
                raise InputError(f"{what} {name!r} has the size {length!r}", why="it is no size", cure=cure)
            if isinstance(length, int) and length < 1:
                raise InputError(f"{what} {name!r} has the size {length}", why="a size is at least 1", cure=cure)
        result[name] = tuple(shape)
    return result


def read_constants(constants: object) -> tuple[str, ...]:
    """Names of constants, checked."""
    if isinstance(constants, str) or not isinstance(constants, Sequence):
        why, cure = "they are a list of names", 'write constants=["c"]'
        raise InputError(f"the constants of a family are {shorten(repr(constants))}", why=why, cure=cure)
    return tuple(check_name(name, "the constant") for name in constants)


def check_sizes(sizes: Sequence[str], names: set[str]) -> None:
    """Refuse sizes that have no usable name, or too many of them."""
    if len(sizes) > MOST_SIZES:
        why = f"the limit is {MOST_SIZES}"
        raise InputError(f"the family has {len(sizes)} sizes", why=why, cure="fix some of them")
    for size in sizes:
        check_name(size, "the size")
        if size in names:
            raise InputError(f"the size {size!r} is also an array", why="a name stands for one thing", cure="rename it")


def refuse_dependence(node: ast.AST, sizes: set[str], formula: str) -> None:
    """Refuse a part of a formula that may mean something else at other sizes."""
    said = shorten(ast.get_source_segment(formula.strip(), node) or "it", 80)
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            full = isinstance(part, ast.Slice) and part.lower is part.upper is part.step is None
            if not full and not (isinstance(part, ast.Constant) and part.value is None):
                why = "an index names fixed entries, which are not there for every size"
                cure = "take sums, or fix the sizes with family.at(...)"
                raise InputError(f"{said!r} is refused in a family", why=why, cure=cure)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Pow):
        inner = [node.right] if isinstance(node.op, ast.Pow) else [node.left, node.right]
        if any(is_of_sizes(part, sizes) for part in inner):
            why = "sizes may be multiplied and divided, not added or used as exponents"
            raise InputError(f"{said!r} is refused in a family", why=why, cure="write it with products of sizes")


def is_of_sizes(node: ast.AST, sizes: set[str]) -> bool:
    """Whether an expression is made of sizes and numbers, with at least one size."""
    names = {part.id for part in names_in(node)}
    return bool(names) and names <= sizes


def names_in(node: ast.AST) -> Iterator[ast.Name]:
    """The names in an expression."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part
