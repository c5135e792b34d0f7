"""The part of a study that uses the symmetries: a teleportation, and Newton equivalence where the loss is quadratic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, final

from manifolds.errors import InputError
from symport.page import claim_html, details, section

if TYPE_CHECKING:
    from solvers.convergence.theorem_check import Checked
    from solvers.objective import Objective
    from solvers.results import TeleportResult
    from symmetries.algebra import SymmetryAlgebra
    from symport.pictures import Picture
    from symport.session import Session
    from symport.tables import Block

LARGEST = 150
"""Parameters up to which a study teleports."""

RADIUS = 1.0
"""Bound on |log g| in a study: on groups that are not compact there may be no steepest point."""


@final
@dataclass(frozen=True, kw_only=True)
class MoveStudy:
    """One teleportation from one point, and whether a step from the steepest point is Newton's.

    Parameters
    ----------
    objective: the loss with its data; None where the loss is too large, or has constants without values.
    start: the point, arrays by name.
    along: ``orbit``, or ``level-set`` for a loss without symmetries.
    teleport: the result; None where the loss has no finite value and gradient at the point.
    newton: the check of a quadratic loss; None for others.
    """

    objective: Objective | None = None
    start: Mapping[str, Any] | None = None
    along: str = "orbit"
    teleport: TeleportResult | None = None
    newton: Checked | None = None

    @classmethod
    def of(cls, algebra: SymmetryAlgebra, session: Session) -> MoveStudy:
        """The study of a derived algebra, from the point that the loss names or from one drawn from the seed."""
        loss = algebra.loss
        given = loss.at or {}
        if len(loss.entries) > LARGEST or any(name not in given for name in loss.constants):
            return cls()
        import numpy as np

        from solvers.objective import Objective
        from symmetries.arguments import read_reals
        from symmetries.directional import free_shapes

        rng = np.random.default_rng(session.seed)
        values = {
            name: read_reals(given[name], what=f"the value of {name!r}")
            if name in given
            else np.asarray(rng.uniform(0.5, 2.0, shape))
            for name, shape in free_shapes(loss).items()
        }
        constants = {name: float(values[name]) for name in loss.constants}
        data = {name: values[name] for name, item in loss.data.items() if item.values is None}
        start = {name: values[name] for name in loss.parameters}
        objective = Objective.from_loss(loss, data, constants=constants)
        along = "orbit" if algebra.dimension and not loss.moving_entries else "level-set"
        return cls(
            objective=objective,
            start=start,
            along=along,
            teleport=_teleported(algebra, objective, start, along, constants, session),
            newton=_checked(objective, start, session),
        )

    def payload(self, session: Session) -> dict[str, Any]:
        """The parts as the verbs of their own print them; null is what does not apply."""
        from symport.starts import listed
        from symport.verbs.newton import newton_payload
        from symport.verbs.teleport import teleport_payload

        parts: dict[str, Any] = {"teleport": None, "newton": None}
        if self.objective is None or self.objective.loss is None or self.start is None:
            return parts
        if self.teleport is not None:
            free = {name: item for name, item in self.objective.loss.data.items() if item.values is None}
            data = {name: value for name, value in getattr(self.objective, "data", {}).items() if name in free}
            body = {"along": self.along, "at": listed(self.start)} | teleport_payload(self.teleport, data)
            parts["teleport"] = session.head("teleport") | body
        if self.newton is not None:
            body = {"at": listed(self.start)} | newton_payload(self.newton, self.objective.loss)
            parts["newton"] = session.head("newton") | body
        return parts

    def pictures(self) -> tuple[Picture, ...]:
        """The jump in the plane; nothing for more parameters."""
        if self.objective is None or self.teleport is None or self.objective.size != 2:
            return ()
        from symport.move_plots import plot_jump
        from symport.pictures import paint

        caption = "The teleportation: both points lie on the same level set; arrows are the steepest ways down."
        objective, start, found = self.objective, self.start, self.teleport

        def plot(_: MoveStudy, ax: Any) -> None:
            """The jump."""
            plot_jump(objective, start, found, ax)

        return (paint(plot, self, "teleport.svg", caption, (6.2, 5.6)),)

    def blocks(self) -> list[Block]:
        """What is printed for people."""
        from symport.tables import Heading, Table

        rows = []
        if self.teleport is not None:
            found = self.teleport
            rows.append(["teleport", f"{found.target} times {found.gain:.6g} along the {self.along}"])
            rows.append(["", f"relative drift {found.relative_drift:.0e}, {found.status.value}"])
        if self.newton is not None:
            rows.append(["Newton equivalence", self.newton.verdict])
        return [Heading("moves"), Table(rows)] if rows else []

    def sections(self) -> list[str]:
        """Sections of the page, empty ones included."""
        return [section("Teleportation", self._jump()), section("Newton equivalence", self._newton())]

    def _jump(self) -> str:
        """The teleportation."""
        if self.teleport is None:
            return ""
        found, cost = self.teleport, self.teleport.cost
        rows = [
            ("along", f"the {self.along} of the point that the loss names, or of one drawn from the seed"),
            ("loss", f"{found.loss_before:.10g} → {found.loss_after:.10g} (relative drift {found.relative_drift:.0e})"),
            ("|∇L|", f"{found.gradient_norm_before:.6g} → {found.gradient_norm_after:.6g}"),
            (found.target, f"× {found.gain:.8g}"),
            ("status", f"{found.status.value}: {found.status.advice}"),
            ("cost", f"{cost.gradient_equivalents:.1f} gradient equivalents"),
        ]
        body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
        return f'<table class="facts">{body}</table>'

    def _newton(self) -> str:
        """The claims of Newton equivalence."""
        if self.newton is None:
            return ""
        from solvers.newton import named_claim

        head = "<p>The loss is quadratic: is the minimum one step from the steepest point of the level set?</p>"
        landing = named_claim(self.newton, "landing")
        shown = claim_html(landing) if landing is not None else ""
        return head + shown + details("all claims", "".join(map(claim_html, self.newton.claims)))


def _teleported(
    algebra: SymmetryAlgebra,
    objective: Objective,
    start: Mapping[str, Any],
    along: str,
    constants: Mapping[str, float],
    session: Session,
) -> TeleportResult | None:
    """The teleportation; None where the start is refused."""
    from solvers.search.orbit_guards import is_compact
    from solvers.teleport import teleport
    from symmetries.action import GroupAction

    try:
        if along == "level-set":
            return teleport(objective, start, along=along, radius=RADIUS, rng=session.seed)
        action = GroupAction.from_algebra(algebra, constants=constants)
        closed = action.dimension == 1 and action.is_exact and is_compact(action)
        return teleport(objective, start, along=action, radius=None if closed else RADIUS, rng=session.seed)
    except InputError:  # the loss, its gradient or its flows are not finite at the point
        return None


def _checked(objective: Objective, start: Mapping[str, Any], session: Session) -> Checked | None:
    """Newton equivalence, where the loss is quadratic for certain."""
    import numpy as np

    from solvers.equivalence.decide import decide_loss
    from solvers.newton import check_newton_equivalence

    loss = objective.loss
    assert loss is not None
    if loss.constants or loss.moving_entries:
        return None
    data = dict(getattr(objective, "data", {}))
    rng = np.random.default_rng(session.seed)
    try:
        if decide_loss(loss, data, objective.point(start), rng).claim.verdict != "proved":
            return None
        return check_newton_equivalence(objective, start, rng=rng)
    except InputError:  # the point or the loss is not finite
        return None
