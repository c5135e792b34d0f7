r"""Independence of the functions in a large loss, from its array expression.

Exponentials are algebraically independent over the functions below them exactly when the differentials du of their
arguments, together with dv/v for the logarithms log v, are linearly independent over Q.  The differentials are sampled
along random directions modulo a prime: full rank there proves the independence.

Source: J. Ax, "On Schanuel's conjectures", Annals of Mathematics 93 (1971).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np

from symmetries.expression import Node
from symmetries.large.moment_field import FloatArray
from symmetries.large.moment_rules import aligned
from symmetries.large.moment_sampler import MomentSampler
from symmetries.nullspace import null_vectors
from symmetries.related import Independence

EXPONENTIAL = frozenset({"exp", "tanh", "sigmoid", "softplus", "sinh", "cosh"})
TRIGONOMETRIC = frozenset({"sin", "cos", "tan"})
NORMAL = frozenset({"normal_cdf", "gelu", "erf"})
MAX_FUNCTIONS = 1_500
SPARE = 8

UNKNOWN = "the functions in the loss satisfy no relation beyond the known ones"
NORMAL_ALONE = "the normal distribution function and density are independent of the other functions"
EQUAL = "arguments of functions that agree at all sampled points are equal"


def independence_of(sampler: MomentSampler) -> Independence:
    """What is known of relations between the functions of a loss.

    ``proved`` is False without assumptions when a relation was seen: then the sampled equations may be too many.
    """
    nodes = sampler.nodes
    kinds = {name for node in nodes for name in (_kind(node),) if name}
    if not kinds:
        return Independence(True, "the loss is built from rational operations and absolute values")
    if _numbers_mixed(sampler):
        return Independence(False, "functions of numbers in the loss may be related")
    assumptions: list[str] = []
    if "normal" in kinds:
        assumptions.append(NORMAL_ALONE)
    if "root" in kinds:
        which = "radicals and the absolute values" if sampler.bent else "radicals"
        assumptions.append(f"the {which} are independent up to square factors")
    transcendental = sorted(kinds & {"exponential", "trigonometric", "logarithm"})
    if transcendental and sampler.bent:
        assumptions.append(
            f"on every branch of the absolute values, {', '.join(transcendental)} functions are independent"
        )
    if transcendental:
        if _columns(nodes) > MAX_FUNCTIONS:
            return Independence(False, f"there are more than {MAX_FUNCTIONS} functions", (*assumptions, UNKNOWN))
        found = [_full_rank(sampler, family) for family in ("exponential", "trigonometric")]
        if any(one == "relation" for one in found):
            return Independence(False, "a relation between functions in the loss was seen that is not used")
        if any(one == "equal" for one in found):
            assumptions.append(EQUAL)
    if assumptions:
        return Independence(
            False, "some functions are outside the classes whose relations are decided", tuple(assumptions)
        )
    return Independence(True, "the differentials of the arguments are linearly independent (Ax-Schanuel)")


def _kind(node: Node) -> str:
    payload: Any = node.payload
    if node.operation == "function":
        if payload in EXPONENTIAL:
            return "exponential"
        if payload in TRIGONOMETRIC or payload == "atan":
            return "trigonometric"
        return "normal" if payload in NORMAL else "logarithm" if payload == "log" else ""
    if node.operation == "power":
        return "root" if payload.denominator > 1 else ""
    return "exponential" if node.operation in {"softmax", "logsumexp", "exponential", "elu"} else ""


def _numbers_mixed(sampler: MomentSampler) -> bool:
    """Whether there are several functions of numbers, such as exp(1) and exp(2), or pi and such a function."""
    moving: set[int] = set()
    count = 0
    for node in sampler.nodes:
        own = node.operation == "symbol" and node.payload in sampler.inputs
        if own or any(id(argument) in moving for argument in node.arguments):
            moving.add(id(node))
        elif node.operation == "pi":
            count += 1
        elif _kind(node) not in {"", "root"}:
            count += max(node.size, node.arguments[0].size)
    return count > 1


def _columns(nodes: Sequence[Node]) -> int:
    """Differentials of all functions at most."""
    return sum(node.size + sum(argument.size for argument in node.arguments) for node in nodes if _kind(node))


def _full_rank(sampler: MomentSampler, family: str) -> str:
    """Whether the differentials of a family are independent: ``independent``, ``equal`` (repeated) or ``relation``."""
    wanted = _columns(sampler.nodes) + SPARE
    arguments: list[FloatArray] = []
    rows: list[FloatArray] = []
    field = sampler.field
    rng = np.random.default_rng([field.prime, wanted])
    chosen = [node for node in sampler.nodes if _family(node, family)]
    for points, values, entries in sampler.states(wanted):
        samples = max(len(points[name]) for name in sampler.inputs)
        directions = {
            name: rng.integers(0, field.prime, size=(samples, *shape)).astype(float)
            for name, shape in sampler.inputs.items()
        }
        state = State(values, sampler.tangents(values, entries, directions))
        pairs = [one for node in chosen for one in _differentials(sampler, node, state)]
        if not pairs:
            return "independent"
        arguments.append(np.concatenate([_row(argument, samples) for argument, _ in pairs], axis=1))
        rows.append(np.concatenate([_row(change, samples) for _, change in pairs], axis=1))
    if sum(map(len, rows)) < wanted:
        return "relation"
    table, matrix = field.canonical(np.concatenate(arguments)), field.canonical(np.concatenate(rows))
    # A function of u and of -u are one: arguments are compared up to sign.
    folded = np.where(table[:1] > field.prime / 2, (field.prime - table) % field.prime, table)
    _, first = np.unique(folded, axis=1, return_index=True)
    pivots, _ = null_vectors(np.ascontiguousarray(matrix[:, first].astype(np.uint64)), field.prime)
    if len(pivots) < len(first):
        return "relation"
    return "independent" if len(first) == matrix.shape[1] else "equal"


def _family(node: Node, family: str) -> bool:
    """Whether a node counts among the exponentials and logarithms, or among the trigonometric functions."""
    kind = _kind(node)
    return kind == "trigonometric" if family == "trigonometric" else kind in {"exponential", "logarithm"}


Pair: TypeAlias = tuple[FloatArray, FloatArray]
"""An argument and a differential."""


@final
class State(NamedTuple):
    """Values and tangents of all nodes."""

    values: dict[int, FloatArray]
    tangents: dict[int, FloatArray | None]


def _differentials(sampler: MomentSampler, node: Node, state: State) -> list[Pair]:
    """Arguments of the functions of a node with the differentials that stand for them."""
    field, payload, argument = sampler.field, node.payload, node.arguments[0]
    u, du = state.values[id(argument)], state.tangents[id(argument)]
    if node.operation == "exponential":
        return _of_power(sampler, node, state)
    if du is None:
        return []
    if _kind(node) == "logarithm":
        return [(u, field.multiply(du, field.inverse(u)))]
    if payload == "atan":
        return [(u, field.multiply(du, field.inverse(field.reduce(1 + field.multiply(u, u)))))]
    twice = 2 if payload == "tanh" else 1
    found = [(field.reduce(twice * u), field.reduce(twice * du))]
    if payload == "softplus":
        power = sampler.rules.functions.exp(u)
        total = field.reduce(1 + power)
        found.append((total, field.multiply(power, field.inverse(total), du)))
    change = state.tangents[id(node)]
    if node.operation == "logsumexp" and change is not None:
        found.append((state.values[id(node)], change))
    return found


def _of_power(sampler: MomentSampler, node: Node, state: State) -> list[Pair]:
    """The base, whose logarithm is taken, and exponent * log(base)."""
    field = sampler.field
    base, exponent = node.arguments
    u, du = state.values[id(base)], state.tangents[id(base)]
    power, dpower = state.values[id(exponent)], state.tangents[id(exponent)]
    logarithm = aligned(sampler.rules.functions.log(u), node)
    found: list[Pair] = []
    moved: FloatArray = np.zeros((1, *node.shape))
    if du is not None:
        found.append((u, field.multiply(du, field.inverse(u))))
        moved = moved + field.multiply(aligned(found[0][1], node), aligned(power, node))
    if dpower is not None:
        moved = moved + field.multiply(logarithm, aligned(dpower, node))
    product = np.broadcast_to(field.multiply(logarithm, aligned(power, node)), moved.shape)
    return [*found, (product, field.reduce(moved))] if found or dpower is not None else []


def _row(part: FloatArray, samples: int) -> FloatArray:
    return np.broadcast_to(part, (samples, *part.shape[1:])).reshape(samples, -1)
