r"""Independence of the functions in a large loss, from its array expression.

Exponentials are algebraically independent over the functions below them exactly when the differentials du of their
arguments, together with dv/v for the logarithms log v, are linearly independent over Q.  The differentials are sampled
along random directions modulo a prime: full rank there proves the independence.

Source: J. Ax, "On Schanuel's conjectures", Annals of Mathematics 93 (1971).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, final

import numpy as np

from symmetries.expression import Node
from symmetries.moment_field import FloatArray
from symmetries.moment_rules import aligned
from symmetries.moment_sampler import MomentSampler
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
    assumptions: list[str] = []
    if "normal" in kinds:
        assumptions.append(NORMAL_ALONE)
    if "root" in kinds:
        assumptions.append("the radicals are independent up to square factors")
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


def _columns(nodes: Sequence[Node]) -> int:
    """Differentials of all functions at most."""
    return sum(node.size + sum(argument.size for argument in node.arguments) for node in nodes if _kind(node))


def _full_rank(sampler: MomentSampler, family: str) -> str:
    """Whether the differentials of a family are independent: ``independent``, ``equal`` (repeated) or ``relation``."""
    wanted = _columns(sampler.nodes) + SPARE
    rows: list[FloatArray] = []
    found = 0
    field = sampler.field
    rng = np.random.default_rng([field.prime, wanted])
    for points, values, entries in sampler.states(wanted):
        samples = max(len(points[name]) for name in sampler.inputs)
        directions = {
            name: rng.integers(0, field.prime, size=(samples, *shape)).astype(float)
            for name, shape in sampler.inputs.items()
        }
        tangents = sampler.tangents(values, entries, directions)
        state = State(values, tangents)
        chosen = [node for node in sampler.nodes if _family(node, family)]
        columns = [one for node in chosen for one in _differentials(sampler, node, state)]
        if not columns:
            return "independent"
        rows.append(np.concatenate(columns, axis=1))
        found += samples
    if found < wanted:
        return "relation"
    matrix = field.canonical(np.concatenate(rows))
    # A function and its negative argument are one: columns are compared up to sign.
    folded = np.where(matrix[:1] > field.prime / 2, (field.prime - matrix) % field.prime, matrix)
    distinct = np.unique(folded, axis=1)
    pivots, _ = null_vectors(np.ascontiguousarray(distinct.astype(np.uint64)), field.prime)
    if len(pivots) < distinct.shape[1]:
        return "relation"
    return "independent" if distinct.shape[1] == matrix.shape[1] else "equal"


def _family(node: Node, family: str) -> bool:
    """Whether a node counts among the exponentials and logarithms, or among the trigonometric functions."""
    kind = _kind(node)
    return kind == "trigonometric" if family == "trigonometric" else kind in {"exponential", "logarithm"}


@final
class State(NamedTuple):
    """Values and tangents of all nodes."""

    values: dict[int, FloatArray]
    tangents: dict[int, FloatArray | None]


def _differentials(sampler: MomentSampler, node: Node, state: State) -> list[FloatArray]:
    """Differentials that stand for the functions of a node, one column per entry."""
    field, payload, argument = sampler.field, node.payload, node.arguments[0]
    u, du = state.values[id(argument)], state.tangents[id(argument)]
    if node.operation == "exponential":
        return _of_power(sampler, node, state)
    if du is None:
        return []
    if _kind(node) == "logarithm":
        return [_row(field.multiply(du, field.inverse(u)))]
    if payload == "atan":
        return [_row(field.multiply(du, field.inverse(field.reduce(1 + field.multiply(u, u)))))]
    found = [field.reduce((2 if payload == "tanh" else 1) * du)]
    if payload == "softplus":
        power = sampler.rules.functions.exp(u)
        share = field.multiply(power, field.inverse(field.reduce(1 + power)))
        found.append(field.multiply(share, du))
    change = state.tangents[id(node)]
    if node.operation == "logsumexp" and change is not None:
        found.append(change)
    return [_row(part) for part in found]


def _of_power(sampler: MomentSampler, node: Node, state: State) -> list[FloatArray]:
    """Differentials of log(base) and of exponent * log(base)."""
    field = sampler.field
    base, exponent = node.arguments
    u, du = state.values[id(base)], state.tangents[id(base)]
    power, dpower = state.values[id(exponent)], state.tangents[id(exponent)]
    found: list[FloatArray] = []
    moved: FloatArray = np.zeros((1, *node.shape))
    if du is not None:
        found.append(field.multiply(du, field.inverse(u)))
        moved = moved + field.multiply(aligned(found[0], node), aligned(power, node))
    if dpower is not None:
        logarithm = aligned(sampler.rules.functions.log(u), node)
        moved = moved + field.multiply(logarithm, aligned(dpower, node))
    return [_row(part) for part in (*found, field.reduce(moved))]


def _row(part: FloatArray) -> FloatArray:
    return part.reshape(len(part), -1)
