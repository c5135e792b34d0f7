r"""Linear relations between the arguments of exponentials and of trigonometric functions.

exp(2x) and exp(x) are one function, not two.  Relations are looked for as linear relations between the differentials
of the arguments: by the Ax-Schanuel theorem and the Risch structure theorem, exponentials are algebraically
independent over the functions below them exactly when the differentials du of their arguments, together with dv/v for
the logarithms log v, are linearly independent over Q.  Full rank modulo a prime proves that independence; when the
rank drops, the atoms are rewritten in a basis of the lattice that their arguments span.

Source: J. Ax, "On Schanuel's conjectures", Annals of Mathematics 93 (1971); R. Risch, "Algebraic properties of the
elementary functions of analysis", American Journal of Mathematics 101 (1979).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from symmetries.lattice import Family, Relation, rewrite
from symmetries.modular import ModularProgram, Points, Residues, UnsuitablePrime
from symmetries.nullspace import null_vectors, rational_vector
from symmetries.primes import suitable_primes
from symmetries.radicals import needed_roots, roots_independent
from symmetries.scalar import Atom, Index, ScalarGraph, Symbol
from symmetries.straight_line import compile_program

EXPONENTIAL = frozenset({"exp", "tanh", "log"})
TRIGONOMETRIC = frozenset({"tan_half", "atan"})
UNRELATED = frozenset({"normal_cdf", "normal_pdf"})
MAX_ROUNDS = 8
MAX_MEMBERS = 600


@final
@dataclass(frozen=True)
class Independence:
    """What is known about relations between the atoms of a loss.

    Parameters
    ----------
    proved: whether the atoms are known to have no relation that the normal form does not know.
    reason: why.
    assumptions: what must be assumed otherwise.
    """

    proved: bool
    reason: str
    assumptions: tuple[str, ...] = ()


def relate(graph: ScalarGraph, root: Index, *, seed: int) -> tuple[Index, Independence]:
    """The loss with related exponentials and trigonometric functions rewritten in independent ones."""
    for _ in range(MAX_ROUNDS):
        kinds = _kinds(graph, root)
        if not kinds & (EXPONENTIAL | TRIGONOMETRIC):
            break
        exponential = _relations(graph, root, "exponential", seed)
        trigonometric = _relations(graph, root, "trigonometric", seed)
        if exponential is None or trigonometric is None:
            return root, _unknown("the differentials of the arguments could not be sampled, or are too many")
        if not exponential and not trigonometric:
            break
        changed = (
            rewrite(graph, root, "exponential", _members(graph, root, "exponential"), exponential)
            if exponential
            else None
        )
        if changed is None and trigonometric:
            changed = rewrite(graph, root, "trigonometric", _members(graph, root, "trigonometric"), trigonometric)
        if changed is None or changed == root:
            return root, _unknown("a relation between their arguments was seen and could not be used")
        root = changed
    return root, _verdict(graph, root)


def _kinds(graph: ScalarGraph, root: Index) -> set[str]:
    return {entry.kind for entry in (graph.entries[k] for k in graph.atoms([root])) if isinstance(entry, Atom)}


def _unknown(reason: str) -> Independence:
    return Independence(False, reason, ("the functions in the loss satisfy no relation beyond the known ones",))


def _verdict(graph: ScalarGraph, root: Index) -> Independence:
    kinds = _kinds(graph, root)
    assumptions = []
    transcendental = kinds & (EXPONENTIAL | TRIGONOMETRIC)
    if kinds & UNRELATED:
        assumptions.append("the normal distribution function and density are independent of the other functions")
    if transcendental and kinds & {"abs", "sign"}:
        assumptions.append(
            f"on every branch of the absolute values, {', '.join(sorted(transcendental))} are independent"
        )
    if not roots_independent(graph, root):
        assumptions.append("the radicals are independent up to square factors")
    if _constants_mixed(graph, root):
        assumptions.append("the transcendental constants are algebraically independent")
    if assumptions:
        return Independence(
            False, "some functions are outside the classes whose relations are decided", tuple(assumptions)
        )
    if transcendental:
        return Independence(True, "the differentials of the arguments are linearly independent (Ax-Schanuel)")
    return Independence(True, "the loss is built from rational operations, absolute values and roots")


def _constants_mixed(graph: ScalarGraph, root: Index) -> bool:
    """Whether two or more transcendental numbers (pi, e, log 2) occur."""
    count = 0
    for node in graph.atoms([root]):
        entry = graph.entries[node]
        assert isinstance(entry, Atom)
        if entry.kind == "pi" or (entry.kind != "root" and not graph.symbols([node])):
            count += 1
    return count > 1


def _members(graph: ScalarGraph, root: Index, family: Family) -> list[Index]:
    kinds = EXPONENTIAL if family == "exponential" else TRIGONOMETRIC
    return [
        node
        for node in graph.atoms([root])
        if isinstance(entry := graph.entries[node], Atom) and entry.kind in kinds and graph.symbols([node])
    ]


def _differential(graph: ScalarGraph, node: Index) -> Index:
    """Function whose differential stands for the atom: its exponent, or the logarithm itself."""
    entry = graph.entries[node]
    assert isinstance(entry, Atom)
    if entry.kind in {"log", "atan"}:
        return node
    return graph.scale(entry.argument, 2) if entry.kind == "tanh" else entry.argument


def _relations(graph: ScalarGraph, root: Index, family: Family, seed: int) -> list[Relation] | None:
    """Rational linear relations between the differentials of the members, by position; None when not sampled."""
    members = _members(graph, root, family)
    if len(members) < 2:
        return []
    if len(members) > MAX_MEMBERS:
        return None
    forms = [_differential(graph, node) for node in members]
    names = [entry.name for entry in (graph.entries[k] for k in graph.symbols(forms)) if isinstance(entry, Symbol)]
    program = compile_program(graph, forms, names)
    radicands, degrees = needed_roots(graph, forms)
    prime = next(suitable_primes(quadratic_residues=radicands, odd_degrees=degrees), None)
    if prime is None:
        return None
    try:
        modular = ModularProgram(program, prime)
    except UnsuitablePrime:
        return None
    rng = np.random.default_rng([seed, len(members)])
    samples = max(2, -(-(len(members) + 8) // len(names)) + 1)
    for _ in range(20):
        values, good = modular.evaluate(Points.random(len(names), samples * 4, rng))
        if good.sum() >= samples:
            kept = values[:, good][:, :samples]
            rows: list[Residues] = [modular.gradient(kept, k).reshape(-1) for k in range(len(forms))]
            matrix = np.stack(rows, axis=1)
            _, basis = null_vectors(matrix, prime)
            vectors = [rational_vector(vector, prime, bound=1000) for vector in basis]
            return None if any(vector is None for vector in vectors) else [v for v in vectors if v is not None]
    return None
