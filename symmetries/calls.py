"""How the calls of a formula are read: arguments are bound by NumPy's rules, choices take comparisons."""

from __future__ import annotations

import ast
from collections.abc import Generator, Mapping
from difflib import get_close_matches
from fractions import Fraction

from manifolds.errors import InputError
from symmetries import numbers, operations
from symmetries.expression import Node, Shape, check_shape, number
from symmetries.reader import Place, Reader, Steps
from symmetries.refusal import FormulaError, shorten
from symmetries.vocabulary import CHOICES, FUNCTIONS, REFUSED, REQUIRED, Kind
from symmetries.words import MARK

SIGNS: Mapping[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def unknown(reader: Reader, place: Place, name: str, candidates: list[str], what: str) -> FormulaError:
    """The error for a name that means nothing, with the closest one that does."""
    close = get_close_matches(name[:60], candidates, 1)
    cure = REFUSED.get(name) or (f"write {close[0]}" if close else "declare it, or correct it")
    return reader.refuse(
        place,
        f"{what} {shorten(name)!r} is not known",
        why="it is not in the language" if what == "the function" else "it is not declared",
        cure=cure,
        word=name,
    )


def read_call(reader: Reader, place: Place) -> Steps:
    """A function of the language."""
    node = place.node
    assert isinstance(node, ast.Call)
    if not isinstance(node.func, ast.Name) or node.func.id.startswith(MARK):
        why, cure = "only functions are called", "write * for a product"
        raise reader.refuse(place, "a value is called", why=why, cure=cure)
    name, spot = node.func.id, Place(node.func, place.piece)
    if name == "where":
        return read_where(reader, place)
    if name == "Piecewise":
        return read_piecewise(reader, place)
    if name in FUNCTIONS:
        return read_function(reader, place, name)
    if name in reader.symbols or name in reader.given:
        why, cure = "it is no function", f"write {name}*(...) for a product"
        raise reader.refuse(spot, f"{name!r} is called", why=why, cure=cure)
    raise unknown(reader, spot, name, [*FUNCTIONS, *CHOICES], "the function")


def read_function(reader: Reader, place: Place, name: str) -> Steps:
    """The arguments of a function, each read by its kind, and what it builds."""
    function = FUNCTIONS[name]
    values: list[object] = []
    if function.variadic:
        for part in positional(reader, place, function.usage(name)):
            values.append((yield part))
    else:
        given = bind(reader, place, name)
        for argument in function.arguments:
            if argument.name not in given:
                default = argument.default
                values.append(number(default) if isinstance(default, Fraction) else default)
            elif argument.kind == "array":
                values.append((yield given[argument.name]))
            else:
                values.append((yield from special(reader, given[argument.name], argument.kind)))
    if name in ("eye", "ones", "zeros"):
        reserve(reader, place, name, values)
    return function.build(*values)


def reserve(reader: Reader, place: Place, name: str, values: list[object]) -> None:
    """Count the entries of an array of numbers before it is made."""
    shape: Shape = values[0] if isinstance(values[0], tuple) else ()
    if name == "eye":
        rows, columns = values
        shape = (rows, rows if columns is None else columns)  # type: ignore[assignment]
    check_shape(shape, what=name)
    entries = 1
    for length in shape:
        entries *= length
    reader.spend(place, entries)


def positional(reader: Reader, place: Place, usage: str) -> list[Place]:
    """The arguments of a call that takes none by name."""
    node = place.node
    assert isinstance(node, ast.Call)
    if node.keywords or not node.args:
        what = "an argument by name" if node.keywords else "a call without arguments"
        raise reader.refuse(place, what, why="it is not taken here", cure=f"write {usage}")
    return [starless(reader, Place(part, place.piece), usage) for part in node.args]


def starless(reader: Reader, place: Place, usage: str) -> Place:
    """Refuse an unpacked argument."""
    if isinstance(place.node, ast.Starred):
        raise reader.refuse(place, "an unpacking with *", why="arguments are written one by one", cure=f"write {usage}")
    return place


def bind(reader: Reader, place: Place, name: str) -> dict[str, Place]:
    """The arguments of a call by name, each given once and all that are required given."""
    node, function = place.node, FUNCTIONS[name]
    assert isinstance(node, ast.Call)
    usage = function.usage(name)
    known = [argument.name for argument in function.arguments]
    if len(node.args) > len(known):
        spot = Place(node.args[len(known)], place.piece)
        why = f"{name} takes at most {len(known)} arguments"
        raise reader.refuse(spot, f"one argument too many for {name}", why=why, cure=f"write {usage}")
    given = {
        key: starless(reader, Place(part, place.piece), usage) for key, part in zip(known, node.args, strict=False)
    }
    for keyword in node.keywords:
        spot = Place(keyword.value, place.piece)
        if keyword.arg is None:
            raise reader.refuse(
                spot, "an unpacking with **", why="arguments are written one by one", cure=f"write {usage}"
            )
        if keyword.arg not in known or keyword.arg in given:
            why = "it is given twice" if keyword.arg in given else f"{name} has no such argument"
            what = f"the argument {shorten(keyword.arg)!r} of {name}"
            raise reader.refuse(spot, what, why=why, cure=f"write {usage}", word=keyword.arg)
        given[keyword.arg] = spot
    for argument in function.arguments:
        if argument.default is REQUIRED and argument.name not in given:
            why = f"its argument {argument.name!r} is missing"
            raise reader.refuse(place, f"{name} with too few arguments", why=why, cure=f"write {usage}")
    return given


def special(reader: Reader, place: Place, kind: Kind) -> Generator[Place, Node, object]:
    """An argument that is no expression: an axis, a shape, a flag, a list of arrays."""
    place = reader.resolve(place)
    node = place.node
    constant = node.value if isinstance(node, ast.Constant) else place
    if kind == "flag":
        if constant is not True and constant is not False:
            raise reader.refuse(
                place, "a value that is no flag", why="it switches something", cure="write True or False"
            )
        return constant
    if constant is None and kind in ("axes", "length"):
        return None
    if isinstance(node, ast.Tuple | ast.List):
        parts = [Place(part, place.piece) for part in node.elts]
        values: list[object] = []
        for part in parts:
            values.append((yield part) if kind == "arrays" else (yield from integer(reader, part)))
        if kind in ("axes", "shape") or (kind == "arrays" and values):
            return values if kind == "arrays" else tuple(values)
    if kind == "arrays":
        why = "several arrays are joined"
        raise reader.refuse(
            place, "a value that is no list of arrays", why=why, cure="write concatenate([a, b], axis=0)"
        )
    value = yield from integer(reader, place)
    return (value,) if kind == "shape" else value


def integer(reader: Reader, place: Place) -> Generator[Place, Node, int]:
    """An integer, for an index, an axis or a length."""
    value = numbers.value_of((yield place))
    if value is None or value.denominator != 1:
        raise reader.refuse(
            place, "a value that is no integer", why="an integer is needed here", cure="write an integer"
        )
    if abs(value) > 10**9:
        raise reader.refuse(place, "an integer that is too large", why="arrays are smaller", cure="use a smaller one")
    return int(value)


def read_where(reader: Reader, place: Place) -> Steps:
    """``where(left > right, a, b)``."""
    usage = "where(c, a, b), with a comparison c such as x > 0"
    parts = positional(reader, place, usage)
    if len(parts) != 3:
        raise reader.refuse(place, f"where with {len(parts)} arguments", why="it takes three", cure=f"write {usage}")
    left, relation, right = yield from condition(reader, parts[0])
    a = yield parts[1]
    b = yield parts[2]
    return operations.where(left, relation, right, a, b)


def condition(reader: Reader, place: Place) -> Generator[Place, Node, tuple[Node, str, Node]]:
    """A comparison of two values."""
    place = reader.resolve(place)
    node = place.node
    if not isinstance(node, ast.Compare):
        why = "a choice needs a comparison"
        raise reader.refuse(place, "a condition that compares nothing", why=why, cure="write where(x > 0, a, b)")
    if len(node.ops) > 1:
        why = "a comparison has two sides"
        raise reader.refuse(place, "a chain of comparisons", why=why, cure="nest two where(c, a, b)")
    relation = SIGNS.get(type(node.ops[0]))
    if relation is None:
        cure = f"use one of {' '.join(SIGNS.values())}"
        raise reader.refuse(place, "an unknown comparison", why="the language does not have it", cure=cure)
    left = yield Place(node.left, place.piece)
    right = yield Place(node.comparators[0], place.piece)
    return left, relation, right


def read_piecewise(reader: Reader, place: Place) -> Steps:
    """``Piecewise((a, x > 0), (b, True))``, SymPy's spelling of nested choices."""
    usage = "Piecewise((a, x > 0), (b, True))"
    cases: list[tuple[Node, tuple[Node, str, Node] | None]] = []
    for part in positional(reader, place, usage):
        if cases and cases[-1][1] is None:
            raise reader.refuse(part, "a case after the last one", why="True takes all", cure=f"write {usage}")
        case = reader.resolve(part)
        if not isinstance(case.node, ast.Tuple) or len(case.node.elts) != 2:
            raise reader.refuse(
                part, "a case that is no pair", why="a case is (value, condition)", cure=f"write {usage}"
            )
        value = yield Place(case.node.elts[0], case.piece)
        test = reader.resolve(Place(case.node.elts[1], case.piece))
        always = isinstance(test.node, ast.Constant) and test.node.value is True
        cases.append((value, None if always else (yield from condition(reader, test))))
    result, final = cases.pop()
    if final is not None:
        why = "it has no value where no condition holds"
        raise reader.refuse(place, "a Piecewise without a last case", why=why, cure=f"write {usage}")
    for value, test_parts in reversed(cases):
        if test_parts is None:
            raise InputError("a case after the last one", why="True takes all", cure=f"write {usage}")
        result = operations.where(*test_parts, value, result)
    return result
