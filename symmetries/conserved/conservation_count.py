"""How many conserved quantities are independent: from below by their gradients, from above by brackets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np

from manifolds.errors import InputError
from symmetries.calculus import rebuild
from symmetries.certificate import Claim
from symmetries.conserved.bottleneck import annihilators
from symmetries.conserved.gradient_lie_algebra import Echelon, LieRank, lie_rank
from symmetries.conserved.metric import Metric
from symmetries.fields import VectorField
from symmetries.modular import BRANCHING, ModularProgram, Points, Residues
from symmetries.related import relate
from symmetries.scalar import Index
from symmetries.straight_line import compile_program
from symmetries.system import DeterminingSystem

Patterns: TypeAlias = Literal["realised", "all"]

ALL_PATTERNS = "every pattern of units that are on and off occurs for some data"
RELATED_DATA = "functions of the loss at different data satisfy no relation beyond the known ones"
STRAIGHTENED = "the flow moves some parameters along one field, which can be straightened"
RELATED = "functions of the loss are related at different data, which the count does not see"
CLOSED = "more brackets added nothing where they were tried, so {upper} is likely; it is not proved"
TRIES = 40


def gradient_rank(
    system: DeterminingSystem,
    fields: Sequence[VectorField],
    others: Sequence[Mapping[str, Index]],
    *,
    metric: Metric | None = None,
    groups: Sequence[Sequence[int]] = (),
) -> int:
    """Rank of some fields at a random point modulo a prime: no more than their rank at a generic point.

    Parameters
    ----------
    system: the loss that the fields belong to.
    fields: fields with polynomial components.
    others: fields whose components are nodes, by entry.
    metric, groups: the metric, and groups of parameters that the flow moves along one field each; all functions that
        these keep are counted as well.
    """
    if not fields and not others and not groups:
        return 0
    best = 0
    none = np.zeros((0, len(system.coordinates)), dtype=np.uint64)
    for prime, sampler in system.samplers():
        for attempt in range(TRIES):
            rng = np.random.default_rng([system.seed, prime, attempt])
            points = Points.random(len(system.inputs), 1, rng, positive=sampler.positive)
            rows = [_polynomial_row(system, field, points.residues(prime)[:, 0], prime) for field in fields]
            rest = _node_rows(system, others, points, prime) if others else none
            if rest is None:
                continue
            span = Echelon(len(system.coordinates), prime)
            first = np.array(rows, dtype=np.uint64).reshape(len(rows), rest.shape[1])
            covectors = [_covectors(metric, part, prime) for part in (first, rest)]
            more = annihilators(system, metric, groups, points, prime) if metric and groups else first[:0]
            best = span.add(np.concatenate([*covectors, more]))
            break
        break
    return best


def _covectors(metric: Metric | None, rows: Residues, prime: int) -> Residues:
    """The covectors G X of fields X, one a row; the fields themselves, which have the same rank, without a metric."""
    if metric is None or metric.is_identity:
        return rows
    result = np.zeros_like(rows)
    for k in range(rows.shape[1]):
        for j, value in metric.row(k).items():
            factor = np.uint64(_residue(value, prime))
            result[:, k] = (result[:, k] + rows[:, j] * factor) % np.uint64(prime)
    return result


def _polynomial_row(system: DeterminingSystem, field: VectorField, point: Residues, prime: int) -> list[int]:
    value = {name: int(residue) for name, residue in zip(system.inputs, point, strict=True)}
    row = []
    assert field.polynomials is not None
    for entry in system.coordinates:
        total = 0
        for monomial, coefficient in field.polynomials.get(entry, {}).items():
            term = _residue(coefficient, prime)
            for name, exponent in monomial:
                term = term * pow(value[name], exponent, prime) % prime
            total += term
        row.append(total % prime)
    return row


def _residue(value: Fraction, prime: int) -> int:
    return value.numerator * pow(value.denominator, -1, prime) % prime


def _node_rows(
    system: DeterminingSystem, fields: Sequence[Mapping[str, Index]], points: Points, prime: int
) -> Residues | None:
    places = [(k, entry) for k, field in enumerate(fields) for entry in field]
    program = compile_program(system.graph, [fields[k][entry] for k, entry in places], system.inputs)
    values, good = ModularProgram(program, prime).evaluate(points)
    if not good[0]:
        return None
    rows = np.zeros((len(fields), len(system.coordinates)), dtype=np.uint64)
    for (k, entry), slot in zip(places, program.outputs, strict=True):
        rows[k, system.coordinates.index(entry)] = values[slot, 0]
    return rows


def count_claim(
    system: DeterminingSystem,
    metric: Metric,
    known: int,
    *,
    patterns: Patterns = "realised",
    more: Callable[[], int] | None = None,
) -> Claim:
    r"""The claim that exactly so many conserved quantities are independent near a generic point, for all data.

    Parameters
    ----------
    system: the loss.
    metric: the metric of the gradient flow.
    known: number of conserved quantities that are known to be independent.
    patterns: ``realised``: the branches of the units that sampled data reach; ``all``: every combination of branches,
        which is an assumption.
    more: called when some are missing: their number with those that exist without being known in closed form.
    """
    size = len(system.coordinates)
    everything = _all_patterns(system, patterns)
    lie = lie_rank(system, metric, target=size - known, all_patterns=everything, seed=system.seed)
    if lie is None:
        statement = f"at least {known} conserved quantities are independent"
        return Claim(statement=statement, verdict="undecided", reason="too few points have a value")
    assumptions = [*system.independence.assumptions]
    across = _across_data(system) if system.data else "independent"
    if across == "unknown":
        assumptions.append(RELATED_DATA)
    if everything:
        assumptions.append(ALL_PATTERNS)
    existing = more() if more is not None and system.data and known < size - lie.rank else known
    claim = _claim(system, known, max(known, existing), lie, tuple(assumptions))
    if across == "related":
        return replace(claim, verdict="undecided", reason=f"{RELATED}; without it: {claim.reason}")
    return claim


def _claim(system: DeterminingSystem, known: int, existing: int, lie: LieRank, assumptions: tuple[str, ...]) -> Claim:
    size = len(system.coordinates)
    upper = size - lie.rank
    where = "near a generic point" if not system.program.kinds & BRANCHING else "near some points of an open set"
    who = "for all data" if system.data else "for the one flow"
    evidence = {
        "parameters": size,
        "lower": existing,
        "known": known,
        "upper": upper,
        "bracket_dimension": lie.rank,
        "gradient_dimension": lie.gradients,
        "height": lie.height,
        "prime": lie.prime,
    }
    statement = f"exactly {upper} conserved quantities are independent {where}, {who}"
    brackets = f"the gradients and their brackets span {lie.rank} of {size} dimensions modulo {lie.prime}"
    if existing == upper:
        reason = f"{brackets}, which leaves no more than the {existing} that are proved and independent"
        if existing > known:
            reason += f"; {existing - known} of these exist because {STRAIGHTENED}, and have no formula here"
        return Claim(statement=statement, verdict="proved", reason=reason, assumptions=assumptions, evidence=evidence)
    if not system.data and lie.rank == 1:
        reason = (
            f"without free data there is one field, and a field that is not zero has {upper} independent local "
            f"conserved quantities (straightening); {known} of them are given here"
        )
        evidence["lower"] = upper
        return Claim(statement=statement, verdict="proved", reason=reason, evidence=evidence)
    reason = f"{existing} are known, and {brackets}, which leaves at most {upper}"
    if lie.closed:
        reason += "; " + CLOSED.format(upper=upper)
    return Claim(statement=statement, verdict="undecided", reason=reason, assumptions=assumptions, evidence=evidence)


def check_patterns(patterns: object) -> None:
    """Refuse a choice of branches that is not known."""
    if not isinstance(patterns, str) or patterns not in {"realised", "all"}:
        raise InputError(f"patterns={patterns!r}", why="it is not known", cure="use 'realised' or 'all'")


def _all_patterns(system: DeterminingSystem, patterns: str) -> bool:
    check_patterns(patterns)
    if patterns == "all" and system.program.kinds & {"root", "log"}:
        why = "the loss has roots or logarithms, which have no value on some of them"
        raise InputError("patterns='all'", why=why, cure="use patterns='realised'")
    return patterns == "all" and bool(system.program.kinds & BRANCHING)


def _across_data(system: DeterminingSystem) -> Literal["independent", "related", "unknown"]:
    """Whether functions that are independent at one datum may be related at two, as exp(w + x) and exp(x) are."""
    graph = system.graph
    if not graph.atoms([system.root]):
        return "independent"
    copy = {graph.symbol(name): graph.symbol(f"{name} (another)") for name in system.data}
    other = rebuild(graph, system.root, copy)
    both = graph.add(graph.multiply(graph.symbol("(one)"), system.root), graph.multiply(graph.symbol("(two)"), other))
    related, independence = relate(graph, both, seed=system.seed)
    if related != both or "a relation" in independence.reason:
        return "related"
    return "independent" if independence.assumptions == system.independence.assumptions else "unknown"
