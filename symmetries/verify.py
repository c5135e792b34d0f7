r"""Verification: is a field, an algebra or a finite action a symmetry of a loss?

Exact where that can be decided; elsewhere by numbers with many digits; and refuted only with a point to look at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from manifolds.errors import InputError
from symmetries.action import GroupAction
from symmetries.actions.action_claims import verify_action
from symmetries.algebra import SymmetryAlgebra
from symmetries.arguments import read_generator
from symmetries.certificate import Certificate, Claim, Verdict
from symmetries.counterexample import THRESHOLD, Finding, candidates, search, search_at
from symmetries.directional import Difference, FieldDerivative, Quantity, as_fractions, read_field
from symmetries.evidence import TOLERANCE, Flow, Measurement, measure
from symmetries.expression import Node, symbols_of
from symmetries.far_points import far_points
from symmetries.fields import VectorField
from symmetries.finite_action import FiniteAction, action_quantities, read_action
from symmetries.given_basis import field_nodes
from symmetries.identity import is_identically_zero, settle_zero
from symmetries.loss import Loss
from symmetries.natural_domain import is_restricted
from symmetries.operations import subtract
from symmetries.prove import Proof
from symmetries.refusal import shorten
from symmetries.scalar import Index
from symmetries.system import DeterminingSystem

Subject: TypeAlias = VectorField | Sequence[VectorField] | SymmetryAlgebra | FiniteAction | GroupAction

WHY: Mapping[str, str] = {
    "nonzero": "the exact equations do not show that it vanishes: functions may be related in an unknown way",
    "too large": "the exact expansion went past its limit",
    "discontinuous": "the field may cross a jump of the loss, where a derivative says nothing",
}

QUICK_ENTRIES, QUICK_SAMPLES = 64, 6
"""Before the proof of a small loss, so many points are tried with many digits: a counterexample is quicker to find."""

HARDER_SECONDS, HARDER_POINTS = 1.0, 120
"""Where there is no proof, so much longer a counterexample is searched for."""

HIDDEN = "the exact equations show that X.L is no zero function, but no point was found where it is seen not to vanish"

JUMPS = "the loss jumps along the flow of the field"

DISAGREE = "double precision sees a residual at a point where exact evaluation has no value"


def verify(loss: Loss, subject: Subject, *, samples: int = 64, rng: int | np.random.Generator = 0) -> Certificate:
    r"""Verify that fields or a finite action leave a loss unchanged, :math:`X\cdot L = 0` or :math:`L(g_t w) = L(w)`.

    Parameters
    ----------
    loss: the loss.
    subject: a field, several fields, an algebra that :func:`symmetries.derive` returned, a finite action given by
        formulas, or a :class:`symmetries.GroupAction`.
    samples: number of points of the numeric evidence.
    rng: seed or generator of the points.

    Returns
    -------
    Certificate with one claim for each statement: ``proved`` exactly; ``measured`` where only numbers agree, with 50
    digits; ``refuted`` with a counterexample; ``undecided`` with the reason.

    Raises
    ------
    InputError: the subject does not fit the loss, or the loss is undefined at every sampled point.

    Examples
    --------
    >>> from symmetries import Loss, VectorField, verify
    >>> loss = Loss.parse("x**2 + y**2")
    >>> verify(loss, VectorField({"x": "-y", "y": "x"})).verdict
    'proved'
    >>> certificate = verify(loss, VectorField({"x": "-y", "y": "1.0000001*x"}))
    >>> certificate.verdict, certificate.claims[0].evidence["counterexample"]["point"]
    ('refuted', {'x': '1', 'y': '1'})

    Source: P. J. Olver, "Applications of Lie Groups to Differential Equations" (1993), theorem 2.8.
    """
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise InputError(f"samples={samples!r}", why="it is a number of points", cure="give a positive integer")
    generator = read_generator(rng)
    if isinstance(subject, FiniteAction):
        return _verify_action(loss, subject, samples, generator)
    if isinstance(subject, GroupAction):
        return _verify_group(loss, subject, samples, generator)
    fields, extra = _fields(subject)
    system = DeterminingSystem.of(loss, seed=int(generator.integers(2**31)))
    claims = [_field_claim(loss, system, field, samples, generator) for field in fields]
    return Certificate(
        loss=loss.to_dict(), fields=tuple(dict(field.components) for field in fields), claims=(*claims, *extra)
    )


def _verify_group(loss: Loss, action: GroupAction, samples: int, rng: np.random.Generator) -> Certificate:
    """The certificate of a group action, which must have been made for this loss."""
    if action.loss != loss:
        raise InputError(
            f"an action on the loss {shorten(action.loss.formula)}",
            why="it was made for another loss than the one that is to be verified",
            cure="verify(action.loss, action), or make the action from an algebra of this loss",
        )

    def prove(fields: Sequence[VectorField]) -> tuple[Claim, ...]:
        """The claims of the fields."""
        return verify(loss, fields, samples=min(samples, 16), rng=rng).claims

    return verify_action(action, prove, samples=samples, rng=rng)


def _fields(subject: object) -> tuple[tuple[VectorField, ...], tuple[Claim, ...]]:
    if isinstance(subject, VectorField):
        return (subject,), ()
    if isinstance(subject, SymmetryAlgebra):
        return tuple(subject.generators), (subject.completeness,)
    fields = tuple(subject) if isinstance(subject, Sequence) and not isinstance(subject, str) else ()
    if fields and all(isinstance(field, VectorField) for field in fields):
        return fields, ()
    raise InputError(
        f"verify was given {type(subject).__name__}",
        why="it checks vector fields, algebras and finite actions",
        cure='write VectorField({"x": "-y", "y": "x"}), or FiniteAction({"x": "x*exp(t)", "y": "y*exp(-t)"})',
    )


def _field_claim(
    loss: Loss, system: DeterminingSystem, field: VectorField, samples: int, rng: np.random.Generator
) -> Claim:
    components = read_field(loss, field.components)
    quantity = FieldDerivative(loss, components)
    statement = f"({field}) L = 0"
    assumptions = _on_data(loss, components, "field")
    numbers = measure(quantity, samples=samples, rng=rng)
    good = bool(numbers.samples) and numbers.worst <= TOLERANCE
    finding = None if good else _searched(quantity, numbers, samples, rng)
    if good and sum(math.prod(shape) for shape in quantity.shapes.values()) <= QUICK_ENTRIES:
        quick = search(quantity, samples=QUICK_SAMPLES, rng=rng)
        finding = quick if quick.kind == "refuted" else None
    if finding is not None and finding.kind == "refuted":
        return _refuted(statement, finding, "X.L is not zero at this point")
    nodes = field_nodes(loss, system, field)
    proof = system.prover.prove(nodes)
    nonzero = proof.outcome == "nonzero" and system.independence.proved
    if nonzero and (finding is None or finding.kind != "refuted") and _brings_functions(system, nodes):
        zero = settle_zero(system.graph, system.prover.derivative(nodes), seed=system.seed)
        nonzero = zero is False and not is_restricted(system.graph, [loss.expression, *components.values()])
        proof = system.prover.settled(nodes) if zero else proof
    if proof.outcome == "zero":
        checks = numbers.evidence if finding is None else _evidence(finding)
        evidence = {**checks, "invariants": proof.invariants, "expansions": proof.expansions}
        if finding is not None and not finding.settled:
            return Claim(statement=statement, verdict="undecided", reason=DISAGREE, evidence=numbers.evidence)
        reason = _how(proof)
        return Claim(statement=statement, verdict="proved", reason=reason, assumptions=assumptions, evidence=evidence)
    finding = finding or _searched(quantity, numbers, samples, rng)
    if finding.kind == "refuted":
        return _refuted(statement, finding, "X.L is not zero at this point")
    if not finding.settled:
        return Claim(statement=statement, verdict="undecided", reason=DISAGREE, evidence=numbers.evidence)
    if proof.outcome == "discontinuous":
        return _at_jump(statement, loss, quantity, numbers, rng)
    jump = Flow(loss, components).jump(rng) if system.prover.may_jump(nodes) else None
    if jump is not None:
        evidence = {**numbers.evidence, "counterexample": jump}
        return Claim(statement=statement, verdict="refuted", reason=JUMPS, evidence=evidence)
    harder = _searched_far(quantity, (loss.expression, *components.values()), rng)
    if harder.kind == "refuted":
        return _refuted(statement, harder, "X.L is not zero at this point")
    finding = replace(finding, samples=finding.samples + harder.samples)
    if nonzero:
        return Claim(statement=statement, verdict="undecided", reason=HIDDEN, evidence=_evidence(finding))
    return replace(_measured(statement, finding, WHY[proof.outcome]), assumptions=assumptions)


def _brings_functions(system: DeterminingSystem, nodes: Mapping[Index, Index]) -> bool:
    """Whether the components of a field have functions in them, which may be related to those of the loss."""
    return bool(system.graph.atoms(list(nodes.values())))


def _searched_far(quantity: Quantity, expressions: Sequence[Node], rng: np.random.Generator) -> Finding:
    """A much longer search, at points of many scales and beside kinks: what is not proved may fail there alone."""
    points = chain(
        far_points(quantity.shapes, expressions, rng, count=HARDER_POINTS),
        candidates(quantity, rng, HARDER_POINTS),
    )
    return search_at(quantity, points, seconds=HARDER_SECONDS)


def _on_data(loss: Loss, components: Mapping[str, Node], what: str) -> tuple[str, ...]:
    """What a claim rests on when the components depend on data that stands for all values."""
    used = {name for node in components.values() for name in symbols_of(node)}
    names = [name for name, item in loss.data.items() if item.values is None and not item.moves and name in used]
    if not names:
        return ()
    return (f"the {what} depends on the data {', '.join(names)}: for each value of them it is another symmetry",)


def _how(proof: Proof) -> str:
    method = "expanded exactly" if proof.expansions else "in normal form"
    return f"L depends on the moved parameters through {proof.invariants} expressions whose derivatives vanish {method}"


def _searched(quantity: Quantity, numbers: Measurement, samples: int, rng: np.random.Generator) -> Finding:
    first = as_fractions(numbers.point) if numbers.point and numbers.worst > TOLERANCE else None
    finding = search(quantity, samples=samples, rng=rng, first=first)
    if finding.kind == "undefined":
        raise InputError(
            "the loss is undefined at every sampled point",
            why="a logarithm, root or quotient in it, or in the subject, has no real value there",
            cure="check signs inside logarithms and roots, and denominators that are identically zero",
        )
    return finding


def _evidence(finding: Finding) -> dict[str, Any]:
    return {
        "samples": finding.samples,
        "worst_residual": finding.worst,
        "tolerance": 0.0 if finding.exact else THRESHOLD,
        "counterexample": finding.counterexample or None,
    }


def _refuted(statement: str, finding: Finding, reason: str) -> Claim:
    return Claim(statement=statement, verdict="refuted", reason=reason, evidence=_evidence(finding))


def _measured(statement: str, finding: Finding, why: str) -> Claim:
    how = "exact fractions" if finding.exact else "50 digits"
    reason = f"zero in {how} at {finding.samples} points; {why}"
    return Claim(statement=statement, verdict="measured", reason=reason, evidence=_evidence(finding))


def _at_jump(
    statement: str, loss: Loss, quantity: FieldDerivative, numbers: Measurement, rng: np.random.Generator
) -> Claim:
    jump = Flow(loss, quantity.components).jump(rng)
    evidence = {**numbers.evidence, "counterexample": jump}
    verdict: Verdict = "undecided" if jump is None else "refuted"
    reason = WHY["discontinuous"] if jump is None else JUMPS
    return Claim(statement=statement, verdict=verdict, reason=reason, evidence=evidence)


def _verify_action(loss: Loss, action: FiniteAction, samples: int, rng: np.random.Generator) -> Certificate:
    claims = []
    assumptions = _on_data(loss, read_action(loss, action), "action")
    for statement, quantities in action_quantities(loss, action).items():
        claim = _identity_claim(statement, quantities, samples, rng, action.time)
        claims.append(claim if claim.verdict == "refuted" else replace(claim, assumptions=assumptions))
    return Certificate(loss=loss.to_dict(), action=dict(action.components), claims=tuple(claims))


def _identity_claim(
    statement: str, quantities: list[Difference], samples: int, rng: np.random.Generator, time: str
) -> Claim:
    """The claim that all differences vanish."""
    parts = [_one_identity(statement, quantity, samples, rng) for quantity in quantities]
    weight = {"proved": 0, "measured": 1, "undecided": 2, "refuted": 3}
    if not parts:
        return Claim(statement=statement, verdict="proved", reason="nothing is moved", evidence={"time": time})
    worst = max(parts, key=lambda claim: weight[claim.verdict])
    evidence = {
        **worst.evidence,
        "samples": min(part.evidence["samples"] for part in parts),
        "worst_residual": max(part.evidence["worst_residual"] for part in parts),
        "time": time,
    }
    return Claim(statement=statement, verdict=worst.verdict, reason=worst.reason, evidence=evidence)


def _one_identity(statement: str, quantity: Difference, samples: int, rng: np.random.Generator) -> Claim:
    numbers = measure(quantity, samples=samples, rng=rng)
    good = bool(numbers.samples) and numbers.worst <= TOLERANCE
    finding = None if good else _action_searched(statement, quantity, numbers, samples, rng)
    if finding is None or finding.kind == "agrees":
        zero = is_identically_zero(subtract(quantity.left, quantity.right), seed=int(rng.integers(2**31)))
        if zero and (finding is None or finding.settled):
            reason = "both sides have the same normal form, or agree when expanded exactly"
            evidence = numbers.evidence if finding is None else _evidence(finding)
            return Claim(statement=statement, verdict="proved", reason=reason, evidence=evidence)
    finding = finding or _action_searched(statement, quantity, numbers, samples, rng)
    if finding.kind == "refuted":
        return _refuted(statement, finding, "the two sides differ at this point")
    harder = _searched_far(quantity, (quantity.left, quantity.right), rng)
    if harder.kind == "refuted":
        return _refuted(statement, harder, "the two sides differ at this point")
    if finding.kind == "undefined" or not finding.settled:
        reason = DISAGREE if finding.kind == "agrees" else "one of the sides is undefined at every sampled point"
        return Claim(statement=statement, verdict="undecided", reason=reason, evidence=_evidence(finding))
    return _measured(statement, finding, WHY["nonzero"])


def _action_searched(
    statement: str, quantity: Difference, numbers: Measurement, samples: int, rng: np.random.Generator
) -> Finding:
    """The search for a counterexample; only the invariance itself needs a point where it is defined."""
    if statement.startswith("L("):
        return _searched(quantity, numbers, samples, rng)
    first = as_fractions(numbers.point) if numbers.point and numbers.worst > TOLERANCE else None
    return search(quantity, samples=samples, rng=rng, first=first)
