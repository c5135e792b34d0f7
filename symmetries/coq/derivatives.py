"""The definitions of an exported loss, and the proofs that its derivatives are what the chain rule says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from symmetries.coq.domain import Domain
from symmetries.coq.header import plain
from symmetries.coq.layout import TIGHT, Jet, Layout, number_text, tight
from symmetries.coq.terms import ATOMS, KINKED, Key, Term

WIDTH = 110


GLUED = re.compile(r" (?=(?:given|theta|velocity|t)\b)| (?=:= )| : (?=R;)| \^ ")
"""Where a line is not broken: between a name and what it is applied to."""


def wrapped(text: str, indent: str = "  ") -> str:
    """A text in lines of bounded length, broken at spaces; a long definition begins with a new line.

    >>> wrapped("a b", "  ")
    'a b'
    """
    if len(text) <= WIDTH:
        return text
    head, separator, body = text.partition(" : R := ")
    if separator:
        return f"{head} : R :=\n{indent}{_broken(body, indent)}"
    return _broken(text, indent)


def _broken(text: str, indent: str) -> str:
    """A text in lines, the later ones indented."""
    lines = [""]
    for word in GLUED.sub(lambda found: found[0].replace(" ", "\0"), text).split(" "):
        if lines[-1] and len(lines[-1]) + len(word) + 1 > WIDTH:
            lines.append(indent + word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\n".join(lines).replace("\0", " ")


def record(name: str, maker: str, fields: Iterable[str]) -> str:
    """A record of real numbers."""
    return wrapped(f"Record {name} := {maker} {{ {'; '.join(f'{field} : R' for field in fields)} }}.")


def definitions(layout: Layout, labels: dict[Key, str], entries: list[str]) -> list[str]:
    """The records of data and parameters, the line, and the loss with its inner expressions."""
    names = [layout.identifiers[entry] for entry in entries]
    lines = ["Set Primitive Projections."]
    if layout.has_given:
        lines.append(record("Given", "MakeGiven", [layout.identifiers[entry] for entry in layout.given]))
    lines += [record("Point", "MakePoint", names), "Unset Primitive Projections.", ""]
    moved = "; ".join(f"{name} := {name} theta + t * {name} velocity" for name in names)
    lines += ["(* the point that is reached from theta at time t with a constant velocity *)"]
    lines += [wrapped(f"Definition move (theta velocity : Point) (t : R) : Point := {{| {moved} |}}."), ""]
    for key, name in layout.names.items():
        label = labels.get(key, "")
        comment = f"(* {plain(label)} *)\n" if label and name != "L" else ""
        if name == "L":
            lines.append("\n(* the loss *)")
        lines.append(comment + wrapped(f"Definition {name}{layout.binders(key)} : R := {layout.body(key)}."))
    return lines


def chain_rule(layout: Layout, domain: Domain, entries: list[str]) -> list[str]:
    """For each named term its derivative along a velocity, and the proof."""
    binders = "(given : Given) (theta velocity : Point)" if layout.has_given else "(theta velocity : Point)"
    lines = []
    for key, name in layout.names.items():
        if key in layout.moves and layout.pool[key].operation != "step":
            slope = _slope(layout, domain, key).slope
            lines.append(wrapped(f"Definition F_{name} {binders} : R := {slope}."))
    lines += ["", "Section Along_a_line.", "Variable velocity : Point."]
    for key in layout.keys:
        if key in layout.moves and layout.pool[key].operation in KINKED:
            place = layout.pool.kink(layout.pool[key].operation, layout.pool[key].arguments)
            rest = layout.jet(place).slope
            statement = f"{layout.text(place, TIGHT)} <> 0 \\/ {rest} = 0"
            lines.append(f"Hypothesis K_{layout.names[key]} : {statement}.")
    for entry in entries:
        name = layout.identifiers[entry]
        statement = f"jet (fun t => {name} (move theta velocity t)) ({name} theta) ({name} velocity)"
        lines.append(f"Lemma J_{name} : {statement}.\nProof. exact (jet_line _ _). Qed.")
    for key, name in layout.names.items():
        if key in layout.moves and layout.pool[key].operation != "step":
            curve = f"{name}{layout.arguments(key, '(move theta velocity t)')}"
            statement = f"jet (fun t => {curve}) ({name}{layout.arguments(key)}) ({layout.slope_name(key)})"
            proof = _slope(layout, domain, key).proof
            lines.append(wrapped(f"Lemma J_{name} : {statement}.") + "\n" + wrapped(f"Proof. exact {proof}. Qed."))
    return [*lines, "End Along_a_line."]


def _slope(layout: Layout, domain: Domain, key: Key) -> Jet:
    term = layout.pool[key]
    return _atom_slope(layout, domain, key, term) if term.operation in ATOMS else layout.body_jet(key)


def _companion(layout: Layout, key: Key) -> str:
    return layout.text(layout.pool.companions(key)[0], TIGHT)


def _atom_slope(layout: Layout, domain: Domain, key: Key, term: Term) -> Jet:
    """The derivative of an atom, in names where the lemma of the library has what they stand for."""
    slope, proof = layout.jet(term.arguments[0])
    slope, kind = tight(slope), term.operation
    me = layout.text(key, TIGHT)
    place = term.arguments[0]
    match kind:
        case "inv":
            return Jet(f"- ({slope} * ({me} * {me}))", f"(jet_inv {domain.nonzero[place]} {proof})")
        case "exp":
            return Jet(f"{me} * {slope}", f"(jet_exp {proof})")
        case "tanh":
            return Jet(f"(1 - {me} * {me}) * {slope}", f"(jet_tanh {proof})")
        case "cos":
            return Jet(f"- {_companion(layout, key)} * {slope}", f"(jet_cos {proof})")
        case "sin" | "atan":
            return Jet(f"{_companion(layout, key)} * {slope}", f"(jet_{kind} {proof})")
        case "ln":
            return Jet(f"{_companion(layout, key)} * {slope}", f"(jet_ln {domain.positive[place]} {proof})")
        case "sqrt":
            return Jet(f"/ 2 * {_companion(layout, key)} * {slope}", f"(jet_sqrt {domain.positive[place]} {proof})")
        case "rpower":
            front = number_text(Fraction(str(term.payload)))
            text = f"{front} * {me} * {_companion(layout, key)} * {slope}"
            return Jet(text, f"(jet_rpower {front} {domain.positive[place]} {proof})")
    return _kinked_slope(layout, key, term)


def _kinked_slope(layout: Layout, key: Key, term: Term) -> Jet:
    """The derivative of a function with a kink, by the step at its kink."""
    jets = [layout.jet(inner) for inner in term.arguments]
    slopes = [tight(one.slope) for one in jets]
    proofs = " ".join(one.proof for one in jets)
    step = _companion(layout, key)
    factors = {
        "abs": [f"(2 * {step} - 1)"],
        "max0": [step],
        "min0": [f"(1 - {step})"],
        "max": [step, f"(1 - {step})"],
        "min": [f"(1 - {step})", step],
    }[term.operation]
    text = " + ".join(f"{factor} * {slope}" for factor, slope in zip(factors, slopes, strict=True))
    return Jet(text, f"(jet_{term.operation} K_{layout.names[key]} {proofs})")
