"""Functions that are not rational, brought to few kinds of atoms with arguments in normal form.

Relations between atoms that the normal form knows: exp(-u) = 1/exp(u), exp(c log u) = u**c, log(u v) = log u + log v,
|c u v**2| = |c| v**2 |u|, sqrt(u)**2 = u, sqrt(c v**2) = sqrt(c) |v|, tanh and atan odd, cos even, erf odd.  Linear
relations between arguments (exp(2 x) = exp(x)**2, sin(2 x) = 2 sin x cos x) are found later, by
:mod:`symmetries.related`.
"""

from __future__ import annotations

from math import gcd

from flint import fmpq, fmpz

from manifolds.errors import InputError
from symmetries.enclosure import constant_sign
from symmetries.expand import square_free_factors
from symmetries.scalar import Atom, Constant, Index, Product, ScalarGraph, Sum

FACTOR_LIMIT = 10**12
"""Constants up to this size are split into primes inside logarithms and roots."""


def pi(graph: ScalarGraph) -> Index:
    """The circle number, as an atom: transcendental."""
    return graph.atom("pi", graph.zero)


def signed(graph: ScalarGraph, node: Index) -> tuple[int, Index]:
    """The node as sign * node whose first coefficient is positive."""
    entry = graph.entries[node]
    first = entry.terms[0][1] if isinstance(entry, Sum) else entry.value if isinstance(entry, Constant) else 1
    return (-1, graph.scale(node, -1)) if first < 0 else (1, node)


def factors(graph: ScalarGraph, node: Index) -> tuple[fmpq, dict[Index, int]]:
    """The node as a rational number times a power product.

    Common factors of sums are pulled out, and so are the signs of numbers such as 1 - sqrt(2).
    """
    content, parts = _factors(graph, node)
    for part in [part for part in parts if graph.is_number(part) and not graph.is_positive(part)]:
        direction = constant_sign(graph, part)
        if direction == 0:
            continue
        exponent = parts.pop(part)
        positive = graph.scale(part, direction)
        graph.positive.add(positive)
        parts[positive] = parts.get(positive, 0) + exponent
        content *= direction if exponent % 2 else 1
    return content, parts


def _factors(graph: ScalarGraph, node: Index) -> tuple[fmpq, dict[Index, int]]:
    content, inner = graph.primitive(node)
    entry = graph.entries[inner]
    if isinstance(entry, Constant):
        return content * entry.value, {}
    if isinstance(entry, Product):
        total: dict[Index, int] = {}
        for base, exponent in entry.powers:
            number, parts = _factors(graph, base)
            content *= number**exponent
            for part, power in parts.items():
                total[part] = total.get(part, 0) + power * exponent
        return content, {part: power for part, power in total.items() if power}
    if isinstance(entry, Sum):
        return _factors_of_sum(graph, inner, entry, content)
    return content, {inner: 1}


def _factors_of_sum(graph: ScalarGraph, node: Index, entry: Sum, content: fmpq) -> tuple[fmpq, dict[Index, int]]:
    shared: dict[Index, int] | None = {} if entry.constant != 0 else None
    for inner, _ in entry.terms:
        inside = graph.entries[inner]
        powers = dict(inside.powers) if isinstance(inside, Product) else {inner: 1}
        if shared is None:
            shared = powers
        else:
            shared = {base: min(shared.get(base, 0), powers.get(base, 0)) for base in shared | powers}
            shared = {base: exponent for base, exponent in shared.items() if exponent}
    if not shared:
        return content, {node: 1}
    inverse = [(base, -exponent) for base, exponent in shared.items()]
    terms = [(graph.product([(inner, 1), *inverse]), value) for inner, value in entry.terms]
    if entry.constant != 0:
        terms.append((graph.product(inverse), entry.constant))
    number, rest = graph.primitive(graph.linear(terms))
    total = dict(shared)
    value = graph.value_of(rest)
    if value is None:
        total[rest] = total.get(rest, 0) + 1
    else:
        number *= value
    return content * number, total


def exp(graph: ScalarGraph, argument: Index) -> Index:
    """exp(u): logarithms and the constant of u are taken out."""
    value = graph.value_of(argument)
    if value is not None:
        unit = graph.atom("exp", graph.constant(fmpq(1, value.q)))
        return graph.power(unit, int(value.p))
    entry = graph.entries[argument]
    terms = entry.terms if isinstance(entry, Sum) else ((argument, fmpq(1)),)
    constant = entry.constant if isinstance(entry, Sum) else fmpq(0)
    outside = [exp(graph, graph.constant(constant))] if constant != 0 else []
    inside: list[tuple[Index, fmpq]] = []
    for node, coefficient in terms:
        part = graph.entries[node]
        if isinstance(part, Atom) and part.kind == "log":
            outside.append(rational_power(graph, absolute(graph, part.argument), coefficient))
        else:
            inside.append((node, coefficient))
    if inside:
        sign, rest = signed(graph, graph.linear(inside))
        outside.append(graph.power(graph.atom("exp", rest), sign))
    return graph.multiply(*outside)


def log(graph: ScalarGraph, argument: Index) -> Index:
    """log|u|, split over the factors of u."""
    content, parts = factors(graph, argument)
    if not parts and content <= 0:
        raise InputError(
            f"the logarithm of {content}", why="it is not a real number", cure="check the argument of log in the loss"
        )
    terms: list[tuple[Index, fmpq | int]] = []
    for prime, exponent in prime_powers(abs(content)):
        terms.append((graph.atom("log", graph.constant(prime)), exponent))
    for part, exponent in parts.items():
        entry = graph.entries[part]
        if isinstance(entry, Atom) and entry.kind == "exp":
            terms.append((entry.argument, exponent))
        elif isinstance(entry, Atom) and entry.kind in {"root", "abs"}:
            terms.append((log(graph, entry.argument), fmpq(exponent, entry.degree or 1)))
        else:
            terms.append((graph.atom("log", part), exponent))
    return graph.linear(terms)


def prime_powers(value: fmpq) -> list[tuple[int, int]]:
    """A positive rational as a power product of primes (of itself when it is too large to factor)."""
    powers: list[tuple[int, int]] = []
    for number, sign in ((value.p, 1), (value.q, -1)):
        if number == 1:
            continue
        pairs = fmpz(number).factor() if number <= FACTOR_LIMIT else [(number, 1)]
        powers.extend((int(prime), sign * int(exponent)) for prime, exponent in pairs)
    return powers


def tanh(graph: ScalarGraph, argument: Index) -> Index:
    """tanh(u), odd."""
    if argument == graph.zero:
        return graph.zero
    sign, inner = signed(graph, argument)
    return graph.scale(graph.atom("tanh", inner), sign)


def tan_half(graph: ScalarGraph, argument: Index) -> Index:
    """tan(u/2), odd: sine and cosine are rational in it."""
    if argument == graph.zero:
        return graph.zero
    sign, inner = signed(graph, argument)
    return graph.scale(graph.atom("tan_half", inner), sign)


def cos_sin(graph: ScalarGraph, argument: Index) -> tuple[Index, Index]:
    """cos(u) and sin(u); a multiple of pi/2 inside u turns them exactly."""
    argument, quarter_turns = _without_quarter_turns(graph, argument)
    t = tan_half(graph, argument)
    denominator = graph.power(graph.linear([(graph.power(t, 2), 1)], 1), -1)
    cosine = graph.multiply(graph.linear([(graph.power(t, 2), -1)], 1), denominator)
    sine = graph.product([(t, 1), (denominator, 1)], 2)
    for _ in range(quarter_turns):
        cosine, sine = graph.scale(sine, -1), cosine
    return cosine, sine


def _without_quarter_turns(graph: ScalarGraph, argument: Index) -> tuple[Index, int]:
    circle = pi(graph)
    entry = graph.entries[argument]
    terms = dict(entry.terms) if isinstance(entry, Sum) else {argument: fmpq(1)}
    turns = 2 * terms.get(circle, fmpq(0))
    if turns.q != 1 or turns == 0:
        return argument, 0
    return graph.subtract(argument, graph.scale(circle, turns / 2)), int(turns.p) % 4


def absolute(graph: ScalarGraph, argument: Index) -> Index:
    """|u|: contents, even powers and nonnegative factors are taken out."""
    content, parts = factors(graph, argument)
    result: list[tuple[Index, int]] = []
    for part, exponent in parts.items():
        if exponent % 2 and not graph.is_nonnegative(part):
            bent = _bent(graph, part)
            result += [(graph.atom("abs", part) if bent is None else bent, 1), (part, exponent - 1)]
        else:
            result.append((part, exponent))
    return graph.product(result, abs(content))


def _bent(graph: ScalarGraph, node: Index) -> Index | None:
    """|a |w| + b w| without the outer absolute value, None for any other node: relu and leaky relu are such sums."""
    entry = graph.entries[node]
    terms = entry.terms if isinstance(entry, Sum) else ()
    bends = [(inner, a) for inner, a in terms if isinstance(atom := graph.entries[inner], Atom) and atom.kind == "abs"]
    if len(bends) != 1:
        return None
    bend, a = bends[0]
    w = graph.children(bend)[0]
    b, rest = graph.primitive(graph.linear([(node, 1), (bend, -a)]))
    if rest != w:
        return None
    if abs(b) <= abs(a):
        return graph.scale(node, 1 if a > 0 else -1)
    return graph.linear([(bend, abs(b)), (w, a if b > 0 else -a)])


def sign(graph: ScalarGraph, argument: Index, at_zero: int = 0) -> Index:
    """sign(u), or the one that is 1 or -1 where u = 0; the sign of a square is kept, since it jumps at zero."""
    content, parts = factors(graph, argument)
    if content == 0:
        return graph.constant(at_zero)
    if at_zero:
        direction = 1 if content > 0 else -1
        inner = graph.product((part, exponent) for part, exponent in parts.items() if not graph.is_positive(part))
        return graph.scale(_one_sided(graph, inner, at_zero * direction), direction)
    signs = [
        (graph.atom("sign", part), 2 - exponent % 2) for part, exponent in parts.items() if not graph.is_positive(part)
    ]
    return graph.product(signs, 1 if content > 0 else -1)


def _one_sided(graph: ScalarGraph, argument: Index, at_zero: int) -> Index:
    """The sign of u where u is not zero, ``at_zero`` where it is, which may be so on an open set."""
    if graph.is_positive(argument) or (at_zero > 0 and graph.is_nonnegative(argument)):
        return graph.one
    return graph.atom("sign", argument, at_zero)


def rational_power(graph: ScalarGraph, base: Index, exponent: fmpq) -> Index:
    """base ** exponent for a rational exponent."""
    if exponent.q == 1:
        return graph.power(base, int(exponent.p))
    return graph.power(root(graph, base, int(exponent.q)), int(exponent.p))


def root(graph: ScalarGraph, argument: Index, degree: int) -> Index:
    """q-th root of u >= 0: q-th powers are taken out."""
    content, parts = factors(graph, argument)
    if content == 0:
        return graph.zero
    split: dict[Index, int] = {}
    for part, exponent in parts.items():
        number, pieces = square_free_factors(graph, part)
        content *= number**exponent
        for piece, power in pieces.items():
            split[piece] = split.get(piece, 0) + power * exponent
    outside: list[tuple[Index, int]] = []
    inside: list[tuple[Index, int]] = []
    for part, exponent in split.items():
        _take_root(graph, part, exponent, degree, outside, inside)
    if content < 0 and not inside:
        raise InputError(
            f"the root of degree {degree} of a negative quantity",
            why="it is not a real number",
            cure="check the sign inside the root",
        )
    outside += [(constant_root(graph, prime, degree), power) for prime, power in prime_powers(abs(content))]
    if len(inside) == 1 and content > 0 and (shared := gcd(inside[0][1], degree)) > 1:
        part, exponent = inside[0]
        base = absolute(graph, part) if shared % 2 == 0 else part
        outside.append((graph.atom("root", base, degree // shared), exponent // shared))
    elif inside:
        outside.append((graph.atom("root", graph.product(inside, 1 if content > 0 else -1), degree), 1))
    return graph.product(outside)


def _take_root(
    graph: ScalarGraph,
    part: Index,
    exponent: int,
    degree: int,
    outside: list[tuple[Index, int]],
    inside: list[tuple[Index, int]],
) -> None:
    entry = graph.entries[part]
    if isinstance(entry, Atom) and entry.kind == "exp":
        outside.append((exp(graph, graph.scale(entry.argument, fmpq(exponent, degree))), 1))
        return
    if isinstance(entry, Atom) and entry.kind == "root":
        outside.append((graph.atom("root", entry.argument, entry.degree * degree), exponent))
        return
    whole, rest = divmod(exponent, degree)
    if graph.is_nonnegative(part):
        outside.append((part, whole))
        if rest:
            outside.append((graph.atom("root", part, degree), rest))
        return
    outside.append((absolute(graph, part) if degree % 2 == 0 else part, whole))
    if rest:
        inside.append((part, rest))


def constant_root(graph: ScalarGraph, value: int, degree: int) -> Index:
    """q-th root of a positive integer that is a prime (or too large to factor)."""
    return graph.atom("root", graph.constant(value), degree)


def normal_pdf(graph: ScalarGraph, argument: Index) -> Index:
    """Density of the standard normal distribution, even."""
    return graph.atom("normal_pdf", signed(graph, argument)[1])


def normal_cdf(graph: ScalarGraph, argument: Index) -> Index:
    """Distribution function of the standard normal distribution: Phi(-u) = 1 - Phi(u)."""
    if argument == graph.zero:
        return graph.constant(fmpq(1, 2))
    direction, inner = signed(graph, argument)
    value = graph.atom("normal_cdf", inner)
    return value if direction > 0 else graph.linear([(value, -1)], 1)


def atan(graph: ScalarGraph, argument: Index) -> Index:
    """atan(u), odd."""
    if argument == graph.zero:
        return graph.zero
    direction, inner = signed(graph, argument)
    return graph.scale(graph.atom("atan", inner), direction)
