"""The machine that reads a formula part by part without recursion, whatever the depth of the formula."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Generator, Mapping
from fractions import Fraction
from typing import NamedTuple, TypeAlias, final

from manifolds.errors import InputError
from symmetries.expression import Node, Shape, number
from symmetries.refusal import FormulaError, Limits, refuse
from symmetries.scan import Piece, scan
from symmetries.words import MARK


class Place(NamedTuple):
    """A node of Python's tree and the piece of the formula that it comes from."""

    node: ast.AST
    piece: Piece


Steps: TypeAlias = Generator[Place, Node, Node]
"""How a part is read: it yields the parts that it needs, is sent their expressions, and returns its own."""

Grammar: TypeAlias = Callable[["Reader", Place], "Steps | Node"]
"""What says how the part at a place is read."""


@final
class Reader:
    """The reading of one formula by a grammar; see :func:`symmetries.formula.read_formula`."""

    def __init__(
        self,
        text: str,
        grammar: Grammar,
        symbols: Mapping[str, Shape],
        given: Mapping[str, Node],
        limits: Limits,
        implicit: bool,
    ) -> None:
        self.text = text
        self.grammar = grammar
        self.symbols = symbols
        self.given = given
        self.limits = limits
        self.implicit = implicit
        self.pieces = scan(text, limits)
        self.shared: dict[object, Node] = {}
        self.names: dict[str, Node] = {}
        self.counted: tuple[Piece, list[int]] | None = None
        self.entries = 0
        self.products = 0

    def read(self) -> Node:
        """The expression of the whole formula; no recursion, whatever the formula."""
        stack: list[tuple[Place, Steps]] = []
        current = self.parse(self.pieces[-1])
        place: Place | None = current
        node = number(0)
        while place is not None or stack:
            try:
                if place is not None:
                    current = place = self.resolve(place)
                    result = self.grammar(self, place)
                    if isinstance(result, Node):
                        node, place = self.charge(place, result), None
                        continue
                    stack.append((place, result))
                    place = next(result)
                else:
                    current = stack[-1][0]
                    place = stack[-1][1].send(node)
            except StopIteration as finished:
                node, place = self.charge(stack.pop()[0], finished.value), None
            except FormulaError:
                raise
            except InputError as error:
                raise self.refuse(current, error.what, why=error.why, cure=error.cure) from None
        return node

    def parse(self, piece: Piece) -> Place:
        """The tree of a piece."""
        try:
            tree = ast.parse(f"({piece.text})", mode="eval").body
        except SyntaxError as error:
            position = piece.position(min(max((error.offset or 1) - 2, 0), max(len(piece.text) - 1, 0)))
            word = (re.compile(r"\w+|.").match(self.text, position) or [""])[0]
            why = f"it is not well formed ({error.msg})"
            raise refuse(
                self.text, position, word, "the formula cannot be read", why=why, cure="correct it there"
            ) from None
        except (RecursionError, MemoryError, ValueError, OverflowError) as error:
            why = f"Python's parser gives up ({type(error).__name__})"
            raise refuse(
                self.text, piece.position(0), "", "the formula cannot be read", why=why, cure="simplify it"
            ) from None
        return Place(tree, piece)

    def resolve(self, place: Place) -> Place:
        """The tree of the piece that a place names, if it names one."""
        while (piece := self.named(place)) is not None:
            place = self.parse(piece)
        return place

    def named(self, place: Place) -> Piece | None:
        """The piece that a place names, if it names one."""
        node = place.node
        named = isinstance(node, ast.Name) and node.id.startswith(MARK)
        return self.pieces[int(node.id[len(MARK) :])] if named else None  # type: ignore[attr-defined]

    def span(self, place: Place) -> tuple[int, str]:
        """Position of a place in the formula, and its text."""
        node, piece = place
        start, end = getattr(node, "col_offset", 1), getattr(node, "end_col_offset", 1)
        if not piece.text.isascii():
            letters = self.letters(piece)
            start, end = letters[start], letters[end]
        begin = piece.position(max(start - 1, 0))
        return begin, self.text[begin : piece.position(max(end - 2, 0)) + 1]

    def letters(self, piece: Piece) -> list[int]:
        """The letter at each byte of a piece in brackets, as Python's parser counts bytes."""
        if self.counted is None or self.counted[0] is not piece:
            text = f"({piece.text})"
            self.counted = (piece, [place for place, letter in enumerate(text) for _ in letter.encode()] + [len(text)])
        return self.counted[1]

    def refuse(self, place: Place, what: str, *, why: str, cure: str, word: str | None = None) -> FormulaError:
        """The error at a place."""
        position, text = self.span(place)
        return refuse(self.text, position, text if word is None else word, what, why=why, cure=cure)

    @staticmethod
    def key(node: Node) -> object:
        """What two equal expressions with the same arguments have in common."""
        payload = id(node) if node.operation == "array" else node.payload
        return (node.operation, tuple(map(id, node.arguments)), node.shape, payload)

    def charge(self, place: Place, node: Node) -> Node:
        """Count a result against the limits, and use an equal earlier one instead where there is one."""
        if node.operation == "number" and isinstance(node.payload, Fraction):
            self.entries += (node.payload.numerator.bit_length() + node.payload.denominator.bit_length()) // 8
        known = self.shared.setdefault(self.key(node), node)
        if known is not node:
            return known
        self.entries += node.size
        if node.operation == "matmul":
            self.products += node.size * node.arguments[0].shape[-1]
        elif node.operation in ("det", "inv"):
            self.products += node.arguments[0].shape[0] ** 3
        for what, used, limit in (
            ("entries", self.entries, self.limits.entries),
            ("products", self.products, self.limits.products),
        ):
            if used > limit:
                raise self.refuse(
                    place, "the formula is too large", why=f"the limit is {limit} {what}", cure="use smaller sizes"
                )
        if node.ndim > self.limits.axes:
            why = f"the limit is {self.limits.axes}"
            raise self.refuse(place, f"an array has {node.ndim} axes", why=why, cure="reshape it")
        return node

    def spend(self, place: Place, entries: int) -> None:
        """Count entries that are about to be made."""
        self.entries += entries
        if self.entries > self.limits.entries:
            why = f"the limit is {self.limits.entries} entries"
            raise self.refuse(place, "the formula is too large", why=why, cure="use smaller sizes")
