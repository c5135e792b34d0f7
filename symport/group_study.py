"""The part of a study beyond fields: finite transformations, discrete symmetries, conserved quantities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, final

from symport.formulas import unicode_formula
from symport.page import badge, claim_html, details, section
from symport.sections import cut

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.certificate import Certificate
    from symmetries.conservation import ConservationLaws
    from symmetries.discrete import DiscreteGroup
    from symmetries.finite_action import FiniteAction
    from symport.session import Session
    from symport.tables import Block

LARGEST = 150
"""Parameters up to which a study looks for discrete symmetries and conserved quantities."""

FORMS = 12
"""Generators whose flows a study writes down."""

SAMPLES = 32

LISTED = 40
"""Rows of a table on the page."""


@final
@dataclass(frozen=True, kw_only=True)
class GroupStudy:
    """What a loss has beyond its vector fields; None where the loss is too large for it.

    Parameters
    ----------
    flows: the flow of each of the first generators in formulas, None where there is none.
    action: the certificate of the finite action, None for a loss with constants, or without symmetries.
    discrete: the discrete symmetries.
    laws: what gradient flow conserves.
    """

    flows: tuple[FiniteAction | None, ...] = ()
    action: Certificate | None = None
    discrete: DiscreteGroup | None = None
    laws: ConservationLaws | None = None

    @classmethod
    def of(cls, algebra: SymmetryAlgebra, session: Session) -> GroupStudy:
        """The study of a derived algebra."""
        loss = algebra.loss
        if len(loss.entries) > LARGEST or algebra.dimension > LARGEST:
            return cls()
        from symmetries.conservation import conservation_laws
        from symmetries.discrete import discrete_symmetries

        flows, action = _integrated(algebra, session)
        return cls(
            flows=flows,
            action=action,
            discrete=discrete_symmetries(loss, rng=session.seed),
            laws=conservation_laws(loss, rng=session.seed),
        )

    def payload(self, session: Session) -> dict[str, Any]:
        """The parts as the verbs of their own print them; null is what was not looked for."""
        from symport.payloads import claim_payload
        from symport.verbs.conserved import conserved_payload
        from symport.verbs.discrete import discrete_payload

        return {
            "act": None
            if not self.flows
            else {
                "flows": [None if flow is None else dict(flow.components) for flow in self.flows],
                "claims": [claim_payload(claim) for claim in self.action.claims[-2:]] if self.action else None,
            },
            "discrete": session.head("discrete") | discrete_payload(self.discrete) if self.discrete else None,
            "conserved": session.head("conserved") | conserved_payload(self.laws) if self.laws else None,
        }

    def blocks(self) -> list[Block]:
        """What is printed for people."""
        from symport.tables import Heading, Table
        from symport.verbs.discrete import order_text

        rows = []
        if self.action is not None:
            finite = self.action.claims[-2]
            rows.append(["finite action", f"{finite.verdict}: {finite.statement}"])
        if self.discrete is not None:
            name = self.discrete.name or "not named"
            order = order_text(self.discrete.order)
            rows.append(["discrete", f"{name}, order {order} (that there are no others: {self.discrete.verdict})"])
        if self.laws is not None:
            count = f"{self.laws.independent} independent" if self.laws.quantities else "none"
            rows.append(["conserved", f"{count} (that there are no others: {self.laws.verdict})"])
        return [Heading("groups"), Table(rows)] if rows else []

    def sections(self) -> list[str]:
        """Sections of the page, empty ones included."""
        return [
            section("Finite transformations", self._finite()),
            section("Discrete symmetries", self._discrete()),
            section("Conserved by gradient flow", self._conserved()),
        ]

    def _finite(self) -> str:
        """The flows of the generators."""
        if not self.flows:
            return ""
        rows = []
        for k, flow in enumerate(self.flows, 1):
            if flow is None:
                formulas = ["no closed form was found; the flow is integrated numerically"]
            else:
                moved = list(flow.components.items())[:LISTED]
                formulas = [f"{entry} → {unicode_formula(formula)}" for entry, formula in moved]
            body = "<br>".join(escape(cut(formula, 300)) for formula in formulas)
            rows.append(f"<tr><td>exp(t·X{k})</td><td>{body}</td></tr>")
        claims = "".join(map(claim_html, self.action.claims[-2:])) if self.action is not None else ""
        return f'{claims}<table class="facts">{"".join(rows)}</table>'

    def _discrete(self) -> str:
        """The discrete group."""
        if self.discrete is None:
            return ""
        from symport.verbs.discrete import map_text, order_text

        group = self.discrete
        head = f"<p>{escape(group.name or 'a group without a name')}, of order {escape(order_text(group.order))}.</p>"
        body = "".join(
            f"<tr><td>{badge(claim.verdict)}</td><td>{escape(map_text(element.map))}</td></tr>"
            for element, claim in list(zip(group.generators, group.generator_claims, strict=True))[:LISTED]
        )
        table = f'<table class="facts">{body}</table>' if body else ""
        return head + details("generators", table) + details("complete?", claim_html(group.completeness))

    def _conserved(self) -> str:
        """The conserved quantities."""
        if self.laws is None:
            return ""
        rows = "".join(
            f"<tr><td>{badge(one.verdict)}</td><td>{escape(cut(unicode_formula(one.expression), 300))}</td></tr>"
            for one in self.laws.quantities[:LISTED]
        )
        table = f'<table class="facts">{rows}</table>' if rows else "<p>None was found.</p>"
        remarks = "".join(f"<p>{escape(remark)}</p>" for remark in self.laws.remarks)
        claims = claim_html(self.laws.completeness) + claim_html(self.laws.count)
        return table + remarks + details("complete? how many of any form?", claims)


def _integrated(
    algebra: SymmetryAlgebra, session: Session
) -> tuple[tuple[FiniteAction | None, ...], Certificate | None]:
    """Flows of the first generators, and the certificate of the action."""
    from symmetries.action import GroupAction, time_name
    from symmetries.actions.one_parameter import one_parameter_group
    from symmetries.verify import verify

    if not algebra.dimension:
        return (), None
    first: Sequence[int] = range(min(algebra.dimension, FORMS))
    if algebra.loss.constants:
        time = time_name(algebra.loss)
        return tuple(one_parameter_group(algebra.generators[k], time=time) for k in first), None
    action = GroupAction.from_algebra(algebra)
    certificate = verify(algebra.loss, action, samples=SAMPLES, rng=session.seed)
    return tuple(action.closed_form(k) for k in first), certificate
