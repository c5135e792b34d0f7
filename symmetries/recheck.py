r"""A second check of a certificate, which shares nothing with the derivation but the reader of formulas.

Every statement is checked again from the formula: by dual numbers over quotients of polynomials (exact), modulo random
primes with a bound on the error, or with 50 digits.  What cannot be checked again is said so.

The exact proofs here are of this check alone.  Its evaluation by numbers is not: the directional derivative, the search
for counterexamples, the identities of finite actions and the evaluation in double precision are those of
:func:`symmetries.verify`, so an error there would show in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import final

import numpy as np

from manifolds.errors import InputError
from symmetries.certificate import Certificate, Claim
from symmetries.counterexample import DIGITS, THRESHOLD, Finding, search
from symmetries.directional import (
    Difference,
    FieldDerivative,
    Point,
    Quantity,
    as_floats,
    from_entries,
    read_field,
)
from symmetries.dual import Hole, Unsupported
from symmetries.dual_numbers import Digits, Fractions
from symmetries.evidence import jump_at_pole
from symmetries.expression import Node, entry_names, walk
from symmetries.fields import VectorField
from symmetries.finite_action import FiniteAction, action_quantities
from symmetries.loss import Loss
from symmetries.recheck_bound import gradient_rank, independent, upper_bound, value_rank
from symmetries.recheck_exact import exactly
from symmetries.recheck_numbers import modular_test
from symmetries.recheck_text import example_point, terms

COMPLETE = re.compile(r"every (\S+) symmetry of L lies in the span of the fields, of dimension (\d+)")
REDUNDANCY = "the symmetries found explain every continuous redundancy of the parameters"
BRANCHING = frozenset({"where", "maximum", "minimum", "leaky_relu", "elu", "abs", "relu", "sign"})
SAMPLES = 24
JUMPS = "zero wherever it was tried, but the loss may jump along the flow"
POLES = "zero almost everywhere, but the loss may jump where a denominator vanishes or a sign changes"


def recheck(certificate: Certificate, *, rng: int | np.random.Generator = 0) -> Certificate:
    r"""Check every claim of a certificate again, by exact proofs of its own and by numbers.

    Parameters
    ----------
    certificate: what :func:`symmetries.verify` returned, or the ``certificate`` of an algebra.
    rng: seed or generator of the points and primes.

    Returns
    -------
    Certificate with the same statements and the verdicts of this check, and one more claim when a dimension is stated:
    that the fields are linearly independent.

    Raises
    ------
    InputError: the certificate contradicts itself, or calls refuted what this check proves and gives no counterexample
        for it, or one that shows zero.

    >>> from symmetries import Loss, derive
    >>> recheck(derive(Loss.parse("x**2 + 9*y**2")).certificate).verdict
    'proved'
    """
    if not isinstance(certificate, Certificate):
        raise InputError(
            f"recheck was given {type(certificate).__name__}",
            why="it checks certificates",
            cure="use Certificate.from_json(text)",
        )
    return _Recheck(certificate, np.random.default_rng(rng)).run()


@final
class _Recheck:
    def __init__(self, certificate: Certificate, rng: np.random.Generator) -> None:
        self.certificate = certificate
        self.rng = rng
        self.loss = Loss.from_dict(dict(certificate.loss))
        self.fields = [read_field(self.loss, components) for components in certificate.fields]
        spoken = {terms(claim.statement): claim.statement for claim in certificate.claims}
        written = [f"({VectorField(components)}) L = 0" for components in certificate.fields]
        self.statements = [spoken.get(terms(statement), statement) for statement in written]

    def run(self) -> Certificate:
        """All claims again."""
        self.quantities: dict[str, list[Quantity]] = {}
        self.examples = {claim.statement: example_point(claim) for claim in self.certificate.claims}
        checked = {s: self.field(s, nodes) for s, nodes in zip(self.statements, self.fields, strict=True)}
        actions = self.actions()
        claims = []
        stated = set()
        for claim in self.certificate.claims:
            stated.add(claim.statement)
            again = checked.get(claim.statement) or actions.get(claim.statement) or self.other(claim, checked)
            claims.append(self.compared(claim, again))
        claims += [claim for statement, claim in checked.items() if statement not in stated]
        claims += [claim for statement, claim in actions.items() if statement not in stated]
        if any(COMPLETE.fullmatch(claim.statement) for claim in claims) and self.fields:
            claims.append(self.independence())
        return Certificate(
            loss=self.certificate.loss,
            fields=self.certificate.fields,
            action=self.certificate.action,
            claims=tuple(claims),
        )

    def field(self, statement: str, components: dict[str, Node]) -> Claim:
        """The claim X.L = 0."""
        quantity = FieldDerivative(self.loss, components)
        self.quantities.setdefault(statement, [quantity])
        outcome = exactly(self.loss, quantity)
        if outcome == "zero":
            return Claim(
                statement=statement,
                verdict="proved",
                reason="zero as a quotient of polynomials over Q, by dual numbers",
            )
        if outcome == "jumps":
            return self.by_numbers(statement, quantity, doubt=POLES)
        try:
            test = modular_test(self.loss, components, self.rng)
        except Unsupported:
            return self.by_numbers(statement, quantity)
        if not test.zero:
            return self.by_numbers(statement, quantity)
        reason = (
            f"zero at {test.points} points modulo random primes; wrong with probability at most 2^-{test.error_bits}"
        )
        evidence = {
            "samples": test.points,
            "worst_residual": 0.0,
            "tolerance": 0.0,
            "counterexample": None,
            "primes": [str(prime) for prime in test.primes],
            "degree_bound": test.degree,
            "error_bits": test.error_bits,
        }
        return Claim(statement=statement, verdict="measured", reason=reason, evidence=evidence)

    def by_numbers(self, statement: str, quantity: Quantity, *, doubt: str = "") -> Claim:
        """The claim by a search for a counterexample; where there is a doubt, agreement leaves it undecided."""
        finding: Finding = search(quantity, samples=SAMPLES, rng=self.rng, first=self.example(statement, quantity))
        evidence = {
            "samples": finding.samples,
            "worst_residual": finding.worst,
            "tolerance": 0.0 if finding.exact else THRESHOLD,
            "counterexample": finding.counterexample or None,
        }
        if finding.kind == "undefined":
            reason = "the loss is undefined at every sampled point"
            return Claim(statement=statement, verdict="undecided", reason=reason, evidence=evidence)
        if finding.kind == "refuted":
            reason = "not zero at this point"
            return Claim(statement=statement, verdict="refuted", reason=reason, evidence=evidence)
        jumps = isinstance(quantity, FieldDerivative)
        if jumps and any(node.operation == "where" or node.payload == "sign" for node in walk(self.loss.expression)):
            doubt = JUMPS
        jump = jump_at_pole(self.loss, quantity.components, self.rng) if isinstance(quantity, FieldDerivative) else None
        if jump is not None:
            reason, evidence = "the loss jumps along the flow of the field", {**evidence, "counterexample": jump}
            return Claim(statement=statement, verdict="refuted", reason=reason, evidence=evidence)
        if doubt:
            return Claim(statement=statement, verdict="undecided", reason=doubt, evidence=evidence)
        how = "in exact fractions" if finding.exact else "with 50 digits"
        reason = f"zero {how} at {finding.samples} points"
        return Claim(statement=statement, verdict="measured", reason=reason, evidence=evidence)

    def example(self, statement: str, quantity: Quantity) -> Point | None:
        """The counterexample that the certificate gives, as a point."""
        given = self.examples.get(statement, {})
        names = [entry for name, shape in quantity.shapes.items() for entry in entry_names(name, shape)]
        if given.keys() != set(names):
            return None
        return from_entries([given[name] for name in names], quantity.shapes)

    def actions(self) -> dict[str, Claim]:
        """The claims about the finite action."""
        if not self.certificate.action:
            return {}
        times = {str(claim.evidence["time"]) for claim in self.certificate.claims if "time" in claim.evidence}
        action = FiniteAction(self.certificate.action, time=times.pop() if len(times) == 1 else "t")
        return {
            statement: self.identities(statement, quantities)
            for statement, quantities in action_quantities(self.loss, action).items()
        }

    def identities(self, statement: str, quantities: list[Difference]) -> Claim:
        """The claim that several differences vanish."""
        self.quantities[statement] = list(quantities)
        outcomes = [(quantity, exactly(self.loss, quantity)) for quantity in quantities]
        if all(outcome == "zero" for _, outcome in outcomes):
            reason = "both sides are the same quotient of polynomials over Q"
            return Claim(statement=statement, verdict="proved", reason=reason)
        claims = [
            self.by_numbers(statement, quantity, doubt=POLES if outcome == "jumps" else "")
            for quantity, outcome in outcomes
            if outcome != "zero"
        ]
        order = ("proved", "measured", "undecided", "refuted")
        return max(claims, key=lambda claim: order.index(claim.verdict))

    def other(self, claim: Claim, checked: dict[str, Claim]) -> Claim:
        """A claim that is not about one field or the action."""
        found = COMPLETE.fullmatch(claim.statement)
        if found:
            return self.completeness(claim, found.group(1), int(found.group(2)), checked)
        if claim.statement == REDUNDANCY:
            return self.redundancy(claim)
        if claim.statement.endswith(") L = 0") or claim.statement.startswith(("L(g_", "g_")):
            raise InputError(
                f"the claim {claim.statement!r}",
                why="the certificate holds no field or action that it speaks of",
                cure="use a certificate as it was written",
            )
        reason = "not rechecked: statements of this kind are not known to the second check"
        return Claim(statement=claim.statement, verdict="undecided", reason=reason)

    def completeness(self, claim: Claim, ansatz: str, dimension: int, checked: dict[str, Claim]) -> Claim:
        """The claim that there are no other fields in the ansatz."""
        statement = claim.statement
        if dimension != len(self.fields):
            reason = f"the claim speaks of {dimension} fields, the certificate holds {len(self.fields)}"
            return Claim(statement=statement, verdict="refuted", reason=reason)
        bound = upper_bound(self.loss, ansatz, self.rng)
        if isinstance(bound, str):
            return Claim(statement=statement, verdict="undecided", reason=bound)
        if bound.dimension < dimension:
            reason = f"the equations leave only {bound.dimension} dimensions"
            verdict = "refuted" if bound.exact else "undecided"
            return Claim(statement=statement, verdict=verdict, reason=reason, evidence=bound.evidence)  # type: ignore[arg-type]
        if bound.dimension > dimension:
            reason = f"the equations at {bound.rows} points leave {bound.dimension} dimensions"
            return Claim(statement=statement, verdict="undecided", reason=reason, evidence=bound.evidence)
        exact = bound.exact and all(one.verdict == "proved" for one in checked.values())
        where = f"modulo the prime {bound.prime}" if bound.exact else "in double precision"
        reason = f"the equations at {bound.rows} points {where} leave dimension {dimension} at most"
        verdict = "proved" if exact else "measured"
        return Claim(statement=statement, verdict=verdict, reason=reason, evidence=bound.evidence)  # type: ignore[arg-type]

    def independence(self) -> Claim:
        """The claim that the fields are a basis."""
        count = len(self.fields)
        statement = f"the {count} fields are linearly independent"
        if independent(self.loss, self.fields, self.rng):
            return Claim(statement=statement, verdict="proved", reason="their values at random points have full rank")
        return Claim(statement=statement, verdict="refuted", reason="their values at random points are dependent")

    def redundancy(self, claim: Claim) -> Claim:
        """The claim that the fields explain all continuous redundancy, from ranks at one point."""
        size = len(self.loss.entries) + len(self.loss.moving_entries)
        if size > 60:
            return Claim(statement=claim.statement, verdict="undecided", reason="not rechecked: too large")
        explained = value_rank(self.loss, self.fields, self.rng, samples=1, together=False) if self.fields else 0
        found = gradient_rank(self.loss, self.rng, enough=size - explained)
        if found is None:
            reason = "not rechecked: too few points have a value"
            return Claim(statement=claim.statement, verdict="undecided", reason=reason)
        hidden = size - found - explained
        evidence = {"redundancy": size - found, "explained": explained, "hidden": hidden}
        reason = f"the gradients for all data span {found} of {size} dimensions, the fields {explained}"
        branching = any(node.operation in BRANCHING or node.payload in BRANCHING for node in walk(self.loss.expression))
        verdict = "measured" if hidden <= 0 else "undecided" if branching else "refuted"
        return Claim(statement=claim.statement, verdict=verdict, reason=reason, evidence=evidence)  # type: ignore[arg-type]

    def compared(self, old: Claim, new: Claim) -> Claim:
        """The new claim; undecided where the old one has a counterexample that stands against a proof."""
        if old.verdict != "refuted" or new.verdict != "proved":
            return new
        if old.evidence.get("counterexample") and not self.disproved(old):
            reason = "the two checks disagree: refuted by the certificate's counterexample, proved by this check"
            return Claim(statement=old.statement, verdict="undecided", reason=reason, evidence=old.evidence)
        raise InputError(
            f"the claim {old.statement!r} is called refuted",
            why=f"checked again, it is {new.verdict}",
            cure="use a certificate as it was written",
        )

    def disproved(self, claim: Claim) -> bool:
        """Whether the counterexample that the certificate gives can be evaluated and shows zero.

        One that shows a jump along the flow cannot be evaluated as a point.
        """
        given = claim.evidence["counterexample"]
        if isinstance(given, Mapping) and "loss_after" in given:
            return False
        found = []
        for quantity in self.quantities.get(claim.statement, []):
            point = self.example(claim.statement, quantity)
            zero = None if point is None else _zero_at(quantity, point)
            if zero is not None:
                found.append(zero)
        return bool(found) and all(found)


def _zero_at(quantity: Quantity, point: Point) -> bool | None:
    """Whether a quantity is zero at a point, exactly or with 50 digits; None where it has no value."""
    import mpmath

    try:
        value, loss = quantity.evaluate(Fractions(), point)
        return None if isinstance(value, Hole) or isinstance(loss, Hole) else bool(value == 0)
    except Unsupported:
        pass
    with mpmath.workdps(DIGITS):
        value, loss = quantity.evaluate(Digits(), point)
        if any(isinstance(one, Hole) or not mpmath.isfinite(one) for one in (value, loss)):
            return None
        scale = quantity.floats(as_floats(point))[1]
        scale = scale if np.isfinite(scale) and scale > 0 else 1.0 + abs(float(loss))
        return bool(abs(value) <= THRESHOLD * scale)
