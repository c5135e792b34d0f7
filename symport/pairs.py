"""The values of `--at`, `--field` and `--action`: pairs `name=value` or `name: expression`, separated by `;` or `,`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError

if TYPE_CHECKING:
    from symmetries.expression import Shape
    from symmetries.loss import Loss

LARGEST = 2_000_000
"""Largest length of one option."""

TARGET = re.compile(r"([^\W\d]\w*)\s*(?:\[\s*([0-9]{1,9}(?:\s*,\s*[0-9]{1,9})*)\s*\])?")

WRITE = 'write pairs such as "x: -9*y; y: x" or "x=-1, y=2"'


def split_pairs(text: str, what: str) -> dict[str, str]:
    """Names and texts of the pairs; `what` says where they stand, for the errors.

    >>> split_pairs("x=-1, y=2", "--at")
    {'x': '-1', 'y': '2'}
    >>> split_pairs("U[0, 1]: 2*V[0,0]; V: [[1,0],[0,1]] @ V", "--field")
    {'U[0,1]': '2*V[0,0]', 'V': '[[1,0],[0,1]] @ V'}
    """
    if len(text) > LARGEST:
        raise InputError(f"{what} is too long", why=f"the limit is {LARGEST:,} characters", cure="use a loss file")
    pairs: dict[str, str] = {}
    for column, part in cut(text):
        name, value = read_pair(part, column, what)
        if name in pairs:
            raise InputError(f"{what} gives {name!r} twice", why="a name has one value", cure="remove one of them")
        pairs[name] = value
    if not pairs:
        raise InputError(f"{what} is empty", why="it must hold at least one pair", cure=WRITE)
    return pairs


def cut(text: str) -> Iterator[tuple[int, str]]:
    """The parts between separators that stand outside brackets, each with its column; empty ones are left out."""
    depth, start = 0, 0
    for place, letter in enumerate(text + ";"):
        if letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == ";" or (letter == "," and depth <= 0):
            part = text[start:place]
            if part.strip():
                yield start + len(part) - len(part.lstrip()) + 1, part.strip()
            start, depth = place + 1, 0


def read_pair(part: str, column: int, what: str) -> tuple[str, str]:
    """The name, without spaces, and the text of one pair."""
    found = TARGET.match(part)
    rest = part[found.end() :].lstrip() if found else ""
    if found is None or rest[:1] not in ("=", ":") or rest[1:2] == "=":
        why = "there is no `name=value` and no `name: expression`"
        raise InputError(f"{what}, column {column}: {shown(part)} is no pair", why=why, cure=WRITE)
    value = rest[1:].strip()
    if not value:
        raise InputError(
            f"{what}, column {column}: {shown(part)} has no value", why="a pair is a name and a value", cure=WRITE
        )
    name, index = found.groups()
    return (name if index is None else f"{name}[{''.join(index.split())}]"), value


def shown(text: str) -> str:
    """A text in an error, cut when it is long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


# points


def read_point(text: str, what: str = "--at") -> dict[str, Any]:
    """Values by name, as :meth:`symmetries.Loss.with_point` takes them; entries of one array are put together.

    >>> read_point("x=-1, U=[[1, 0], [0, 1/3]]")
    {'x': '-1', 'U': [['1', '0'], ['0', '1/3']]}
    >>> read_point("w[0]=1; w[1]=2")
    {'w': ['1', '2']}
    """
    values: dict[str, Any] = {}
    entries: dict[str, dict[tuple[int, ...], Any]] = {}
    for target, value in split_pairs(text, what).items():
        name, bracket, index = target.partition("[")
        literal = read_literal(value, f"{what}, {target}")
        if bracket:
            entries.setdefault(name, {})[tuple(map(int, index[:-1].split(",")))] = literal
        else:
            values[name] = literal
    for name, given in entries.items():
        if name in values:
            raise InputError(
                f"{what} gives {name!r} and entries of it", why="they may differ", cure="give one of the two"
            )
        values[name] = assemble(name, given, what)
    return values


def assemble(name: str, given: Mapping[tuple[int, ...], Any], what: str) -> Any:
    """Nested lists from all entries of an array."""
    axes = {len(index) for index in given}
    shape = [max(index[axis] for index in given) + 1 for axis in range(min(axes))]
    count = 1
    for length in shape:
        count *= length
    if len(axes) != 1 or count != len(given):
        why = "a point has all entries of an array, or none"
        raise InputError(f"{what} gives some entries of {name!r}", why=why, cure=f"give {name} as [[1, 0], [0, 1]]")

    def rows(head: tuple[int, ...]) -> Any:
        """The entries whose index begins so, nested."""
        return given[head] if len(head) == len(shape) else [rows((*head, k)) for k in range(shape[len(head)])]

    return rows(())


def read_literal(text: str, what: str) -> Any:
    """A number as text, or nested lists of them.

    >>> read_literal("[[1, -2], [1/3, 4e-1]]", "U")
    [['1', '-2'], ['1/3', '4e-1']]
    """
    stack: list[list[Any]] = [[]]
    for word in re.findall(r"\[|\]|,|[^\[\],\s]+", text):
        if word == "[":
            stack.append([])
        elif word == "]" and len(stack) > 1:
            closed = stack.pop()
            stack[-1].append(closed)
        elif word not in ("]", ","):
            stack[-1].append(word)
        elif word == "]":
            stack.append([])
    if len(stack) != 1 or len(stack[0]) != 1:
        cure = "write a number such as -1 or 1/3, or rows such as [[1, 0], [0, 1]]"
        raise InputError(
            f"{what}: {shown(text)} is no value", why="it is neither a number nor an array of numbers", cure=cure
        )
    return stack[0][0]


# fields and actions


def read_components(text: str, loss: Loss, what: str, *, time: str | None = None) -> dict[str, str]:
    """A formula for each parameter entry; a pair for a whole array is written out entry by entry.

    Parameters
    ----------
    text: the pairs.
    loss: the loss whose symbols the formulas may use.
    what: where they stand, for the errors.
    time: one more symbol that they may use.

    >>> from symmetries import Loss
    >>> loss = Loss.parse("sum(w**2)", {"w": (2,)})
    >>> read_components("w: [[0, -1], [1, 0]] @ w", loss, "--field")
    {'w[0]': '([[0, -1], [1, 0]] @ w)[0]', 'w[1]': '([[0, -1], [1, 0]] @ w)[1]'}
    """
    shapes = movable(loss)
    entries = {*loss.entries, *loss.moving_entries}
    components: dict[str, str] = {}
    for target, formula in split_pairs(text, what).items():
        place = f"{what}, the component of {target}"
        shape = read_shape(formula, loss, place, time)
        written = {target: formula} if target in entries else spread(target, formula, shapes, place)
        wanted = () if target in entries else shapes[target]
        if shape != wanted:
            why = f"{target} has the shape {list(wanted)}"
            raise InputError(f"{place} has the shape {list(shape)}", why=why, cure="make the two agree")
        twice = [entry for entry in written if entry in components]
        if twice:
            raise InputError(f"{what} gives {twice[0]!r} twice", why="a name has one value", cure="remove one of them")
        components.update(written)
    return components


def movable(loss: Loss) -> dict[str, Shape]:
    """Shapes of what a field may move: parameters, and data that moves."""
    return loss.parameters | {name: item.shape for name, item in loss.data.items() if item.moves}


def spread(target: str, formula: str, shapes: Mapping[str, Shape], place: str) -> dict[str, str]:
    """The entries of a formula for a whole array."""
    from symmetries.expression import entry_names

    if target not in shapes:
        cure = f"use {', '.join(list(shapes)[:12])}, or their entries such as U[0,1]"
        raise InputError(f"{place} names nothing that moves", why="the loss has no such parameter", cure=cure)
    names = entry_names(target, shapes[target])
    return {name: f"({formula}){name.removeprefix(target)}" for name in names}


def read_shape(formula: str, loss: Loss, place: str, time: str | None) -> Shape:
    """The shape of a formula, which is read and refused like every formula."""
    from symmetries.formula import read_formula

    free = {name: item.shape for name, item in loss.data.items() if item.values is None}
    symbols = loss.parameters | free | dict.fromkeys(loss.constants, ())
    if time is not None:
        if time in symbols:
            why = f"{time!r} is the time of an action"
            raise InputError(
                f"{place} cannot be read: the loss has the name {time!r}", why=why, cure="rename it in the loss"
            )
        symbols[time] = ()
    given = {name: item.node for name, item in loss.data.items() if item.values is not None}
    try:
        return read_formula(formula, symbols, given=given).shape
    except InputError as error:
        raise InputError(f"{place}: {error.what}", why=error.why, cure=error.cure) from None
