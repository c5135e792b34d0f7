"""The part of an exported file that speaks of the fields: their definitions, identities and theorems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from symmetries.coq.claims import Identity, kinks, opposite_exponential
from symmetries.coq.derivatives import wrapped
from symmetries.coq.domain import Domain
from symmetries.coq.header import plain
from symmetries.coq.layout import SUM, TIGHT, Layout, number_text
from symmetries.coq.polynomial import Poly, Relation
from symmetries.coq.terms import Key

DIVISION = re.compile(r"/ \d")


@final
@dataclass(frozen=True)
class FieldProof:
    """One field with the identities that show its invariance.

    Parameters
    ----------
    number: its number, from 1.
    text: the field as people write it.
    components: its components by entry.
    identities: the identities, arguments first.
    """

    number: int
    text: str
    components: Mapping[str, Key]
    identities: tuple[Identity, ...]


def field_definition(layout: Layout, proof: FieldProof, entries: Iterable[str]) -> str:
    """A field as a map from points to velocities."""
    zero = layout.pool.number(0)
    parts = "; ".join(
        f"{layout.identifiers[entry]} := {layout.text(proof.components.get(entry, zero), SUM)}" for entry in entries
    )
    binders = "(given : Given) (theta : Point)" if layout.has_given else "(theta : Point)"
    comment = f"(* {plain(proof.text)} *)"
    return f"{wrapped(comment, '   ')}\n{wrapped(f'Definition X{proof.number} {binders} : Point := {{| {parts} |}}.')}"


def polynomial_text(layout: Layout, polynomial: Poly) -> str:
    """A polynomial of Coq."""
    terms = []
    for monomial, value in sorted(polynomial.items()):
        number = Fraction(int(value.p), int(value.q))
        factors = [
            layout.text(key, TIGHT) if exponent == 1 else f"({layout.text(key, TIGHT)}) ^ {exponent}"
            for key, exponent in monomial
        ]
        if number != 1 or not factors:
            factors.insert(0, number_text(number))
        terms.append(" * ".join(factors))
    return " + ".join(terms) or "0"


def sides(layout: Layout, relation: Relation) -> tuple[str, str]:
    """The two sides of a relation, in names."""
    key = relation.leading
    term = layout.pool[key]
    me = layout.text(key, TIGHT)
    xs = [layout.text(inner, TIGHT) for inner in term.arguments]
    companion = layout.pool.companions(key)
    other = layout.text(companion[0], TIGHT) if companion else ""
    match term.operation:
        case "inv":
            return f"{xs[0]} * {me}", "1"
        case "exp":
            twin = opposite_exponential(layout, key)
            assert twin is not None
            return f"{layout.text(twin, TIGHT)} * {me}", "1"
        case "sqrt":
            return f"({me}) ^ 2", layout.text(term.arguments[0])
        case "step":
            return f"({me}) ^ 2", me
        case "sin":
            return f"({me}) ^ 2", f"1 - ({other}) ^ 2"
        case "abs":
            return me, f"(2 * {other} - 1) * {xs[0]}"
        case "max0":
            return me, f"{other} * {xs[0]}"
        case "min0":
            return me, f"(1 - {other}) * {xs[0]}"
        case "max":
            return me, f"{other} * {xs[0]} + (1 - {other}) * {xs[1]}"
    return me, f"(1 - {other}) * {xs[0]} + {other} * {xs[1]}"


RULES = {
    "step": "step_relation _",
    "sin": "circle_relation _",
    "abs": "abs_step _",
    "max0": "max0_step _",
    "min0": "min0_step _",
    "max": "max_step _ _",
    "min": "min_step _ _",
}


def relation_lemma(layout: Layout, domain: Domain, relation: Relation) -> str:
    """A fact about an atom."""
    key = relation.leading
    term = layout.pool[key]
    left, right = sides(layout, relation)
    match term.operation:
        case "inv":
            proof = f"exact (inverse_relation _ {domain.nonzero[term.arguments[0]]})"
        case "sqrt":
            proof = f"exact (sqrt_relation _ (Rlt_le _ _ {domain.positive[term.arguments[0]]}))"
        case "exp":
            twin = opposite_exponential(layout, key)
            inner = [*term.arguments, *(() if twin is None else layout.pool[twin].arguments)]
            names = ", ".join(layout.names[k] for k in inner if k in layout.names)
            proof = f"apply exp_relation.{f' unfold {names}.' if names else ''} ring"
        case operation:
            proof = f"exact ({RULES[operation]})"
    return f"Lemma R_{layout.names[key]} : {left} = {right}.\nProof. {proof}. Qed."


def identity_lemma(layout: Layout, proof: FieldProof, identity: Identity, bodies: Mapping[str, str]) -> str:
    """X.u = k u, reduced to an identity of polynomials."""
    number = proof.number
    name = layout.names[identity.key]
    right = _multiple(layout, identity)
    point = f"(X{number} {layout.both})"
    statement = f"Lemma X{number}_{name} : F_{name} {layout.both} {point} = {right}."
    opened = [f"F_{layout.names[key]}" for key in identity.slopes]
    values = [f"X{number}", *(layout.names[key] for key in identity.values)]
    steps = [f"unfold {', '.join(opened)}"]
    if identity.used:
        steps.append(f"rewrite {', '.join(f'X{number}_{layout.names[key]}' for key in identity.used)}")
    steps += [f"unfold {', '.join(values)}", "cbn"]
    texts = [bodies[name] for name in (*opened, *values)] + [right]
    if not identity.cofactors:
        steps.append(decide(texts + [_multiple(layout, one) for one in proof.identities if one.key in identity.used]))
        return f"{wrapped(statement)}\n{wrapped('Proof. ' + '; '.join(steps) + '. Qed.')}"
    total, why = "0", "eq_refl"
    for cofactor, relation in reversed(identity.cofactors):
        left, other = sides(layout, relation)
        total = f"({polynomial_text(layout, cofactor)}) * ({left} - ({other})) + ({total})"
        why = f"(combine _ _ _ _ R_{layout.names[relation.leading]} {why})"
    factors = [_multiple(layout, one) for one in proof.identities if one.key in identity.used]
    steps.append(decide([*texts, total, *factors]))
    return "\n".join(
        [
            wrapped(statement),
            "Proof.",
            wrapped(f"  apply by_cofactors with ({total}).", "    "),
            wrapped(f"  - {'; '.join(steps)}.", "    "),
            wrapped(f"  - exact {why}.", "    "),
            "Qed.",
        ]
    )


def decide(texts: Iterable[str]) -> str:
    """The tactic for an identity: field where a number is divided, else ring."""
    return "field" if any(DIVISION.search(text) for text in texts) else "ring"


def _multiple(layout: Layout, identity: Identity) -> str:
    if identity.factor == 0:
        return "0"
    return f"{number_text(identity.factor)} * {layout.text(identity.key, TIGHT)}"


def field_theorem(layout: Layout, proof: FieldProof) -> tuple[list[str], dict[str, Key]]:
    """The theorem at one point, and the hypotheses on kinks that it needs: statements, and the terms they are of."""
    number = proof.number
    lines, facts = [], []
    off: dict[str, Key] = {}
    proved = {identity.key: identity for identity in proof.identities}
    for key in sorted(kinks(layout)):
        fact, line, statement = _kink_fact(layout, proof, proved, key)
        facts.append(fact)
        if line:
            lines.append(line)
            off[statement] = key
    curve = f"fun t => L{layout.arguments(layout.root, f'(move theta (X{number} {layout.both}) t)')}"
    lines += [
        f"Lemma invariant_{number} : derivable_pt_lim ({curve}) 0 0.",
        "Proof.",
        *(f"  pose proof ({fact})." for fact in facts),
        wrapped(f"  assert (E : jet ({curve}) (L{layout.arguments(layout.root)})", "    "),
        f"    (F_L {layout.both} (X{number} {layout.both}))) by (apply J_L; assumption).",
        f"  rewrite X{number}_L in E. exact (proj2 E).",
        "Qed.",
    ]
    return lines, off


def _kink_fact(layout: Layout, proof: FieldProof, proved: Mapping[Key, Identity], key: Key) -> tuple[str, str, str]:
    """Why the kink at u = 0 does no harm: X.u = k u, or the point is off it (a hypothesis and its statement)."""
    number = proof.number
    text = layout.text(key, TIGHT)
    if key in proved:
        factor = proved[key].factor
        name = f"X{number}_{layout.names[key]}"
        slope = f"F_{layout.names[key]} {layout.both} (X{number} {layout.both})"
        rest = f"or_intror ({text} <> 0) {name}"
        return (f"kink_multiple {number_text(factor)} _ ({slope}) {name}" if factor else rest), "", ""
    if key in layout.names:
        label = layout.names[key]
        slope = f"F_{label} {layout.both} (X{number} {layout.both})"
    else:
        label = layout.identifiers[str(layout.pool[key].payload)]
        slope = f"{label} (X{number} {layout.both})"
        component = proof.components.get(str(layout.pool[key].payload))
        multiple = _leaf_factor(layout, key, component)
        if multiple is not None:
            rest = f"{number_text(multiple)} * {text}"
            return f"kink_multiple {number_text(multiple)} _ _ (ltac:(cbn; ring) : {slope} = {rest})", "", ""
    statement = f"{text} <> 0"
    return f"or_introl ({slope} = 0) off_{label}", f"Hypothesis off_{label} : {statement}.", statement


def _leaf_factor(layout: Layout, key: Key, component: Key | None) -> Fraction | None:
    """k for the component k x of the entry x."""
    pool = layout.pool
    if component is None:
        return Fraction(0)
    if component == key:
        return Fraction(1)
    term = pool[component]
    if term.operation == "mul" and len(term.arguments) == 2 and term.arguments[1] == key:
        return pool.value(term.arguments[0])
    return pool.value(component) if pool.value(component) == 0 else None


def final_theorem(layout: Layout, domain: Domain, proof: FieldProof, off: Iterable[str]) -> list[str]:
    """The theorem with everything that it assumes in its statement."""
    number = proof.number
    binders = "(given : Given) (theta : Point)" if layout.has_given else "(theta : Point)"
    conditions = "".join(f"\n  {statement} ->" for statement in [*domain.hypotheses.values(), *off])
    curve = f"fun t => L{layout.arguments(layout.root, f'(move theta (X{number} {layout.both}) t)')}"
    return [
        f"Theorem symmetry_{number} : forall {binders},{conditions}",
        f"  derivable_pt_lim ({curve}) 0 0.",
        f"Proof. intros. apply invariant_{number}; assumption. Qed.",
    ]
