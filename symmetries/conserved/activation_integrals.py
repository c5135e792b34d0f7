r"""Conserved quantities that are no polynomials: integrals of activations.

Where a loss depends on a parameter t only through a function y = s(t), it is a loss in y, and a field
(c y + d) d/dy is (c s + d)/s' d/dt.  So scalings and translations of such losses give separable quantities
:math:`Q = \sum_i \phi_i(\theta_i)` with :math:`\phi_i' = G_{ii}(c_i s_i + d_i)/s_i'`: for v s(b), the law
:math:`v^2/2 - \Phi(b)` with :math:`\Phi' = s/s'`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from manifolds.errors import InputError
from symmetries.ansatz import Unknowns
from symmetries.calculus import rebuild
from symmetries.certificate import Claim
from symmetries.conserved.antiderivative import antiderivative, node_text
from symmetries.conserved.metric import Metric
from symmetries.expand import Expander, ExpansionTooLarge
from symmetries.fields import Polynomial, VectorField
from symmetries.loss import Loss
from symmetries.lower import lower, rational
from symmetries.prove import Prover
from symmetries.related import relate
from symmetries.scalar import Index, Product, ScalarGraph, Symbol
from symmetries.solve import solve
from symmetries.system import DeterminingSystem

MAX_COORDINATES = 400
PRIME_MARK = "'"
"""What is behind the name of a parameter stands for the function of it that the loss sees."""


@final
@dataclass(frozen=True)
class ActivationIntegral:
    """A separable conserved quantity, given by the components of its gradient field.

    Parameters
    ----------
    expression: the quantity in the formula language; None where it was not found in closed form.
    components: the field G^{-1} grad Q as nodes, by entry.
    field: the same as formulas.
    derivatives: formulas of the derivatives of the quantity, by entry.
    claim: that it is conserved.
    """

    expression: str | None
    components: Mapping[str, Index]
    field: VectorField
    derivatives: Mapping[str, str]
    claim: Claim


def activation_integrals(
    loss: Loss, system: DeterminingSystem, metric: Metric
) -> tuple[tuple[ActivationIntegral, ...], tuple[str, ...]]:
    """The separable conserved quantities that come from scalings and translations of functions of single parameters.

    Also what was left out, in words.
    """
    inner = inner_functions(system.graph, system.root, system.coordinates)
    if not inner:
        return (), ()
    if not metric.is_diagonal or len(system.coordinates) > MAX_COORDINATES:
        why = "the metric is not diagonal" if not metric.is_diagonal else f"more than {MAX_COORDINATES} parameters"
        return (), (f"integrals of activations were not searched: {why}",)
    outer = _outer_system(system, inner)
    found, remarks = [], []
    for one in solve(outer, _scalings_and_translations(outer)).found:
        assert one.field.polynomials is not None
        if not any(name.endswith(PRIME_MARK) for name in one.field.polynomials):
            continue
        result = _pulled_back(loss, system, metric, inner, one.field.polynomials)
        if result is None:
            remarks.append(f"a separable law of {', '.join(one.field)} could not be proved")
        else:
            found.append(result)
    return tuple(found), tuple(dict.fromkeys(remarks))


def inner_functions(graph: ScalarGraph, root: Index, coordinates: tuple[str, ...]) -> dict[str, Index]:
    """The one function of each coordinate through which the root depends on it, where that is not linear.

    >>> graph = ScalarGraph()
    >>> b, v = graph.symbol("b"), graph.symbol("v")
    >>> list(inner_functions(graph, graph.multiply(v, graph.atom("tanh", b)), ("v", "b")))
    ['b']
    """
    owner = _owners(graph, root, set(coordinates))
    outermost: dict[str, set[Index]] = {}
    for node, mine in owner.items():
        if mine is None:
            for name, group in _groups(graph, node, owner).items():
                outermost.setdefault(name, set()).add(group)
    tops = {name: next(iter(found)) for name, found in outermost.items() if len(found) == 1}
    return {name: top for name, top in tops.items() if not isinstance(graph.entries[top], Symbol)}


def _owners(graph: ScalarGraph, root: Index, names: set[str]) -> dict[Index, str | None]:
    """The coordinate that alone is below a node; empty for numbers, None where data or several coordinates are."""
    owner: dict[Index, str | None] = {}
    for node in graph.reachable([root]):
        entry = graph.entries[node]
        if isinstance(entry, Symbol):
            owner[node] = entry.name if entry.name in names else None
            continue
        below = {owner[child] for child in graph.children(node)} - {""}
        owner[node] = "" if not below else next(iter(below)) if len(below) == 1 else None
    return owner


def _groups(graph: ScalarGraph, node: Index, owner: Mapping[Index, str | None]) -> dict[str, Index]:
    """The functions of single coordinates in a node of several; factors of one coordinate belong together."""
    entry = graph.entries[node]
    powers = entry.powers if isinstance(entry, Product) else [(child, 1) for child in graph.children(node)]
    groups: dict[str, list[tuple[Index, int]]] = {}
    for child, exponent in powers:
        name = owner[child]
        if name:
            groups.setdefault(name, []).append((child, exponent))
    if not isinstance(entry, Product):
        return {name: group[0][0] if len(group) == 1 else node for name, group in groups.items()}
    return {name: graph.product(group) for name, group in groups.items()}


def _outer_system(system: DeterminingSystem, inner: Mapping[str, Index]) -> DeterminingSystem:
    """The loss as a function of the inner functions."""
    root, *conditions = _in_inner(system, [system.root, *system.conditions], inner)
    root, independence = relate(system.graph, root, seed=system.seed)
    return DeterminingSystem(
        graph=system.graph,
        root=root,
        coordinates=tuple(name + PRIME_MARK if name in inner else name for name in system.coordinates),
        data=(*system.data, *inner),
        constants=system.constants,
        seed=system.seed,
        independence=independence,
        conditions=tuple(conditions),
    )


def _in_inner(system: DeterminingSystem, roots: list[Index], inner: Mapping[str, Index]) -> list[Index]:
    """Expressions with the inner functions replaced by symbols."""
    graph = system.graph
    replacement = {node: graph.symbol(name + PRIME_MARK) for name, node in inner.items()}
    owner = _owners(graph, system.root, set(system.coordinates))
    for node in sorted(owner):
        entry = graph.entries[node]
        if not isinstance(entry, Product) or owner[node] is not None:
            continue
        taken = [name for name in _groups(graph, node, owner) if name in inner]
        rest = [(child, exponent) for child, exponent in entry.powers if owner[child] not in taken]
        factors = [(rebuild(graph, child, replacement), exponent) for child, exponent in rest]
        replacement[node] = graph.product([*factors, *((graph.symbol(name + PRIME_MARK), 1) for name in taken)])
    return [rebuild(graph, root, replacement) for root in roots]


def _scalings_and_translations(system: DeterminingSystem) -> Unknowns:
    """The fields y_i d/dy_i and d/dy_i."""
    size = len(system.coordinates)
    monomials = np.concatenate([np.eye(size, dtype=np.int64), np.zeros((1, size), dtype=np.int64)])
    every = np.arange(size)
    return Unknowns(
        monomials=monomials,
        component=np.concatenate([every, every]),
        monomial=np.concatenate([every, np.full(size, size)]),
    )


def _pulled_back(
    loss: Loss,
    system: DeterminingSystem,
    metric: Metric,
    inner: Mapping[str, Index],
    field: Mapping[str, Polynomial],
) -> ActivationIntegral | None:
    """The quantity of a field of the outer loss; None where it is not proved."""
    graph = system.graph
    components: dict[str, Index] = {}
    derivatives: dict[str, Index] = {}
    for outer_name, polynomial in field.items():
        name = outer_name.removesuffix(PRIME_MARK)
        symbol = graph.symbol(name)
        function = inner[name] if outer_name.endswith(PRIME_MARK) else symbol
        scale = sum((value for monomial, value in polynomial.items() if monomial), start=Fraction(0))
        shift = sum((value for monomial, value in polynomial.items() if not monomial), start=Fraction(0))
        slope = Prover(graph, function).derivative({symbol: graph.one})
        if slope == graph.zero:
            return None
        top = graph.linear([(function, rational(scale))], rational(shift))
        components[name] = graph.divide(top, slope)
        k = metric.entries.index(name)
        derivatives[name] = graph.scale(components[name], rational(metric.row(k)[k]))
    proof = system.prover.prove({graph.symbol(name): node for name, node in components.items()})
    if proof.outcome != "zero":
        return None
    expression = _integrated(loss, graph, derivatives)
    shown = VectorField({name: node_text(graph, node) for name, node in components.items()})
    claim = Claim(
        statement=f"{expression or f'the potential of {shown}'} is conserved where it is defined",
        verdict="proved",
        reason="its gradient field annihilates the loss, and the derivative of each term is checked exactly",
        evidence={"invariants": proof.invariants, "expansions": proof.expansions},
    )
    written = {name: node_text(graph, node) for name, node in derivatives.items()}
    return ActivationIntegral(expression, components, shown, written, claim)


def _integrated(loss: Loss, graph: ScalarGraph, derivatives: Mapping[str, Index]) -> str | None:
    """The sum of the antiderivatives, each with its derivative checked; None where one was not found."""
    terms = []
    for name, integrand in derivatives.items():
        text = antiderivative(graph, integrand, name)
        if text is None or not _is_antiderivative(loss, graph, text, graph.symbol(name), integrand):
            return None
        terms.append(text)
    return " + ".join(terms).replace("+ -", "- ")


def _is_antiderivative(loss: Loss, graph: ScalarGraph, text: str, symbol: Index, integrand: Index) -> bool:
    """Whether the derivative of a formula is the integrand, exactly."""
    try:
        node = lower(graph, loss.read(text))
    except InputError:
        return False
    derivative = Prover(graph, node).derivative({symbol: graph.one})
    difference, _ = relate(graph, graph.subtract(derivative, integrand), seed=0)
    if difference == graph.zero:
        return True
    try:
        return Expander(graph, [difference]).is_zero(difference)
    except ExpansionTooLarge:
        return False
