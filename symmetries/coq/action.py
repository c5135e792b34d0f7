"""The export of a finite action to Coq: L(g_t theta) = L(theta) for all times, checked by the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from manifolds.errors import InputError
from symmetries.coq.action_claims import ActionProver, Scaling, shrinking
from symmetries.coq.derivatives import definitions, wrapped
from symmetries.coq.domain import Domain
from symmetries.coq.fields import decide, polynomial_text, relation_lemma, sides
from symmetries.coq.header import header
from symmetries.coq.layout import SUM, TIGHT, Layout
from symmetries.coq.lowering import Lowering
from symmetries.coq.names import identifiers
from symmetries.coq.polynomial import Relation
from symmetries.coq.prelude import PRELUDE
from symmetries.coq.satisfied import require_satisfied
from symmetries.coq.scaling import SCALING
from symmetries.coq.terms import ATOMS, Key, TermPool
from symmetries.directional import free_shapes, movable
from symmetries.expression import entry_names
from symmetries.finite_action import FiniteAction, read_action
from symmetries.loss import Loss


def export_action(loss: Loss, action: FiniteAction) -> str:
    """The text of a Coq file that proves that an action leaves a loss unchanged.

    Raises
    ------
    InputError: the proof needs a relation that the export does not know.
    """
    pool = TermPool()
    lowering = Lowering(pool)
    root = lowering.scalar(loss.expression)
    components = {entry: lowering.scalar(node) for entry, node in read_action(loss, action).items()}
    exponentials = [k for k in pool.below(components.values()) if pool[k].operation == "exp"]
    pairs = [pool.make("exp", [pool.scale(-1, pool[k].arguments[0])]) for k in exponentials]
    entries = list(movable(loss))
    known = [entry for name, shape in free_shapes(loss).items() for entry in entry_names(name, shape)]
    names = identifiers([*known, action.time])
    layout = Layout(pool, root, [*components.values(), *pairs], names, entries, time=action.time)
    growing = next((k for k in exponentials if k not in layout.moves), None)
    if growing is not None:
        shrinking(layout, growing)
    prover = ActionProver(layout, components, growing)
    scalings = prover.prove() if root in layout.moves and not layout.is_leaf(root) else None
    if scalings is None:
        raise InputError(
            f"the action {action} in the export to Coq",
            why="its proof needs a relation between functions that the export does not know",
            cure="export a field instead, or keep the certificate as JSON",
        )
    writer = _Writer(prover, entries)
    require_satisfied(pool, writer.domain.assumed, f"the theorem on the action {action}")
    lines = writer.lines(lowering.labels, scalings)
    conditions = writer.domain.described(lowering.labels)
    top = header(loss, statements=[str(action)], conditions=conditions, lines=lines, action=True)
    return "\n".join([top, *lines, ""])


@final
class _Writer:
    def __init__(self, prover: ActionProver, entries: list[str]) -> None:
        self.prover = prover
        self.layout = prover.layout
        self.entries = entries
        self.domain = Domain(prover.layout)
        self.moved = f"(act {prover.layout.both} t)"

    def lines(self, labels: dict[Key, str], scalings: Sequence[Scaling]) -> list[str]:
        """The sections of the file."""
        layout = self.layout
        given = ["Variable given : Given."] if layout.has_given else []
        binders = "(given : Given) (theta : Point) (t : R)" if layout.has_given else "(theta : Point) (t : R)"
        parts = "; ".join(f"{layout.identifiers[entry]} := {self._component(entry)}" for entry in self.entries)
        lines = ["Require Import Reals Lra.", "Local Open Scope R_scope.", ""]
        lines += ["(* 1. Functions with a kink, and of a multiple *)", PRELUDE.strip(), SCALING.strip(), ""]
        lines += ["(* 2. The loss *)", *definitions(layout, labels, self.entries), ""]
        lines += ["(* 3. The action *)", wrapped(f"Definition act {binders} : Point := {{| {parts} |}}."), ""]
        lines += ["(* 4. Where the loss is defined *)", "Section At_a_point.", *given]
        lines += ["Variables (theta : Point) (t : R).", *self.domain.lines, ""]
        texts = "\n".join(lines)
        lines += ["(* 5. Relations between the functions that occur *)", *self._relations(scalings)]
        lines += ["", "(* 6. What the action does to the inner expressions *)", *self._entries(scalings)]
        lines += [self._lemma(one, texts) for one in scalings]
        conditions = "".join(f"\n  {statement} ->" for statement in self.domain.hypotheses.values())
        root = layout.root
        statement = f"L{layout.arguments(root, self.moved)} = L{layout.arguments(root)}"
        lines += ["End At_a_point.", "", "(* 7. The theorem *)"]
        lines += [f"Theorem invariance : forall {binders},{conditions}\n  {statement}."]
        return [*lines, "Proof. intros. apply A_L; assumption. Qed.", "", "Print Assumptions invariance."]

    def _component(self, entry: str) -> str:
        component = self.prover.components.get(entry)
        return f"{self.layout.identifiers[entry]} theta" if component is None else self.layout.text(component, SUM)

    def _relations(self, scalings: Sequence[Scaling]) -> list[str]:
        """The relations that cofactors and scales speak of."""
        found: dict[Key, Relation] = {
            relation.leading: relation for one in scalings for _, relation in one.cofactors or []
        }
        if self.prover.growing is not None:
            pair = max(self.prover.growing, shrinking(self.layout, self.prover.growing))
            found[pair] = Relation(pair, {})
        return [relation_lemma(self.layout, self.domain, found[key]) for key in sorted(found)]

    def _entries(self, scalings: Sequence[Scaling]) -> list[str]:
        """What the action does to the entries that are arguments of functions."""
        layout, lines = self.layout, []
        pool = layout.pool
        wanted = {k for one in scalings if pool[one.key].operation in ATOMS for k in pool[one.key].arguments}
        for key in sorted(wanted):
            if pool[key].operation != "symbol" or key not in layout.moves:
                continue
            name = layout.identifiers[str(pool[key].payload)]
            right = self._scaled(self.prover.entry_exponent(key) or 0, layout.text(key))
            lines.append(f"Lemma A_{name} : {name} {self.moved} = {right}.\nProof. unfold act; cbn; ring. Qed.")
        return lines

    def _scaled(self, exponent: int, text: str) -> str:
        return text if exponent == 0 else f"{self.layout.text(self.prover.scale(exponent), TIGHT)} * ({text})"

    def _name(self, key: Key) -> str:
        layout = self.layout
        return layout.names[key] if key in layout.names else layout.identifiers[str(layout.pool[key].payload)]

    def _lemma(self, one: Scaling, texts: str) -> str:
        layout = self.layout
        name = layout.names[one.key]
        right = self._scaled(one.exponent, f"{name}{layout.arguments(one.key)}")
        statement = f"Lemma A_{name} : {name}{layout.arguments(one.key, self.moved)} = {right}."
        if one.cofactors is None:
            return f"{wrapped(statement)}\nProof. {self._atom(one)} Qed."
        opened = ", ".join(layout.names[key] for key in one.opened)
        steps = [f"unfold {opened}"]
        if one.used:
            steps.append("rewrite " + ", ".join(f"A_{layout.names[key]}" for key in one.used))
        steps += [f"unfold {', '.join(['act', *(layout.names[key] for key in one.values)])}", "cbn"]
        if not one.cofactors:
            script = "; ".join([*steps, decide([texts])])
            return f"{wrapped(statement)}\n{wrapped(f'Proof. {script}. Qed.')}"
        total, why = "0", "eq_refl"
        for cofactor, relation in reversed(one.cofactors):
            left, other = sides(layout, relation)
            total = f"({polynomial_text(layout, cofactor)}) * ({left} - ({other})) + ({total})"
            why = f"(combine _ _ _ _ R_{layout.names[relation.leading]} {why})"
        return "\n".join(
            [
                wrapped(statement),
                "Proof.",
                wrapped(f"  apply by_cofactors with ({total}).", "    "),
                wrapped(f"  - {'; '.join(steps)}; {decide([texts, total])}.", "    "),
                wrapped(f"  - exact {why}.", "    "),
                "Qed.",
            ]
        )

    def _atom(self, one: Scaling) -> str:
        """The proof for an atom, from what is known of its arguments."""
        layout, prover = self.layout, self.prover
        pool = layout.pool
        term = pool[one.key]
        moving = [key for key in term.arguments if key in layout.moves]
        names = [f"A_{self._name(key)}" for key in dict.fromkeys(moving)]
        steps = f"unfold {layout.names[one.key]}; rewrite {', '.join(names)}."
        below = prover.argument_exponent(moving[0]) or 0
        if below == 0:
            return f"{steps} reflexivity."
        scale = layout.text(prover.scale(below), TIGHT + 1)
        positive = self.domain.positive_proof(prover.scale(below))
        if term.operation == "inv":
            return f"{steps} exact (scale_inv _ _ _ {self._pair(below)})."
        if term.operation == "sqrt":
            half = layout.text(prover.scale(one.exponent), TIGHT + 1)
            inner = layout.text(moving[0], TIGHT + 1)
            square = f"replace ({scale} * {inner}) with ({half} * {half} * {inner}) by ring."
            root = self.domain.positive_proof(prover.scale(one.exponent))
            return f"{steps} {square} exact (scale_sqrt _ _ {root} {self.domain.positive[moving[0]]})."
        blanks = " ".join("_" for _ in term.arguments if pool.value(_) != 0)
        return f"{steps} exact (scale_{term.operation} _ {blanks} {positive})."

    def _pair(self, exponent: int) -> str:
        """That the scale times its inverse is 1."""
        prover, layout = self.prover, self.layout
        assert prover.growing is not None
        other = shrinking(layout, prover.growing)
        fact = f"R_{layout.names[max(prover.growing, other)]}"
        # the relation is written with the older exponential first
        if (exponent > 0) != (prover.growing < other):
            fact = f"(scale_swap _ _ {fact})"
        return fact if abs(exponent) == 1 else f"(scale_pair _ _ {abs(exponent)} {fact})"
