"""From null spaces modulo primes to proved polynomial conserved quantities with rational coefficients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations_with_replacement
from math import gcd, lcm
from typing import Any, TypeAlias, final

from symmetries.conserved.conservation_equations import LawEquations, LawSolution, Monomials
from symmetries.conserved.metric import Metric
from symmetries.fields import Monomial, Polynomial, VectorField, multiply_monomials, polynomial_text
from symmetries.lower import rational
from symmetries.nullspace import chinese_remainder, primitive_integers, rational_vector, short_basis
from symmetries.prove import Proof
from symmetries.scalar import Index
from symmetries.span import Span
from symmetries.system import DeterminingSystem

Progress: TypeAlias = Callable[[int, int], None]

FIRST_BOUND = 1024
MAX_LIFTS = 40
SHORT_LIMIT = 200

OPEN: Mapping[str, str] = {
    "discontinuous": "the gradient of a candidate crosses a jump of the loss",
    "too large": "the expansion that would prove a candidate is too large",
    "nonzero": "a candidate modulo primes is not conserved over the rationals",
}


@final
@dataclass(frozen=True)
class Law:
    """A polynomial whose gradient field annihilates the loss, with the proof."""

    polynomial: Polynomial
    field: VectorField
    proof: Proof


@final
@dataclass
class LawOutcome:
    """What solving the equations of conserved quantities gave.

    Parameters
    ----------
    laws: proved quantities, a basis of what was found.
    upper_bound: dimension that the conserved quantities among the candidates cannot exceed.
    open: unsettled parts, as messages.
    evidence: sizes and primes behind the bound.
    """

    laws: list[Law] = field(default_factory=list)
    upper_bound: int = 0
    open: list[str] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)


def gradient_field(metric: Metric, polynomial: Polynomial) -> VectorField:
    r"""The field :math:`X = G^{-1}\nabla Q` of a polynomial Q.

    >>> from symmetries import Loss
    >>> print(gradient_field(Metric(Loss.parse("x + y")), {(("x", 2),): Fraction(1), (("y", 2),): Fraction(-1)}))
    2*x d/dx - 2*y d/dy
    """
    covector: dict[str, dict[Monomial, Fraction]] = {}
    position = {name: k for k, name in enumerate(metric.entries)}
    for monomial, value in polynomial.items():
        for name, exponent in monomial:
            if name not in position:
                continue
            rest = tuple((other, power - (other == name)) for other, power in monomial if other != name or power > 1)
            for row, factor in metric.inverse_row(position[name]).items():
                target = covector.setdefault(metric.entries[row], {})
                term = value * exponent if factor == 1 else value * exponent * factor
                target[rest] = target[rest] + term if rest in target else term
    kept = {
        name: {m: value for m, value in covector[name].items() if value} for name in metric.entries if name in covector
    }
    kept = {name: part for name, part in kept.items() if part}
    return VectorField({name: polynomial_text(part) for name, part in kept.items()}, kept)


def solve_laws(
    system: DeterminingSystem, metric: Metric, monomials: Monomials, *, progress: Progress | None = None
) -> LawOutcome:
    """All combinations of the monomials that gradient flow conserves for all data, each proved."""
    if not monomials.count:
        return LawOutcome()
    sampled = next(iter(system.samplers()), None)
    if sampled is None:
        raise system.undefined()
    first = LawEquations(system, metric, monomials, *sampled)
    outcome = LawOutcome()
    blocks = first.blocks()
    candidates = first.with_solutions(blocks)
    for done, block in enumerate(candidates):
        _settle(system, metric, first, first.solve(block), outcome)
        if progress is not None:
            progress(done + 1, len(candidates))
    outcome.evidence = {
        "monomials": monomials.count,
        "largest_block": max((len(block) for block in blocks), default=1),
        "prime": first.prime,
        "points": first.sampler.samples,
    }
    return outcome


def _settle(
    system: DeterminingSystem, metric: Metric, first: LawEquations, solution: LawSolution, outcome: LawOutcome
) -> None:
    """Reconstruct and prove the null vectors of a block, with more primes while that fails."""
    if not solution.basis:
        return
    nullity = len(solution.basis)
    vectors = _rational(solution.basis, first.prime, FIRST_BOUND)
    laws = _prove_all(system, metric, first.monomials, solution, vectors) if vectors else []
    if not laws or any(law.proof.outcome == "nonzero" for law in laws):
        laws, nullity = _lift(system, metric, first, solution)
    outcome.upper_bound += nullity
    proved = [law for law in laws if law.proof.outcome == "zero"]
    outcome.laws += proved
    if len(proved) < nullity:
        reasons = [OPEN[kind] for kind in sorted({law.proof.outcome for law in laws} - {"zero"})]
        reasons = reasons or ["a candidate could not be reconstructed over the rationals"]
        outcome.open += [reason for reason in reasons if reason not in outcome.open]


def _lift(
    system: DeterminingSystem, metric: Metric, first: LawEquations, solution: LawSolution
) -> tuple[list[Law], int]:
    """Combine primes until the rational vectors are proved; the laws and the smallest nullity seen."""
    combined: list[dict[int, int]] = []
    pivots: tuple[int, ...] = ()
    modulus, best = 1, len(solution.basis)
    previous: Any = None
    laws: list[Law] = []
    for lifts, (prime, sampler) in enumerate(system.samplers()):
        if lifts >= MAX_LIFTS or best == 0:
            break
        equations = LawEquations(system, metric, first.monomials, prime, sampler)
        equations.draw(1)
        current = equations.solve(solution.block)
        if len(current.basis) > best:
            continue
        if modulus == 1 or len(current.basis) < best or current.pivots != pivots:
            combined, pivots, modulus, best, previous = current.basis, current.pivots, prime, len(current.basis), None
            laws = []
        else:
            pairs = zip(combined, current.basis, strict=True)
            combined = [chinese_remainder(old, modulus, new, prime) for old, new in pairs]
            modulus *= prime
        probe = rational_vector(combined[0], modulus) if combined else None
        if probe is not None and probe == previous:
            vectors = _rational(combined, modulus, None)
            laws = _prove_all(system, metric, first.monomials, solution, vectors) if vectors else []
            if laws and all(law.proof.outcome != "nonzero" for law in laws):
                break
        previous = probe
    return laws, best


def _rational(basis: list[dict[int, int]], modulus: int, bound: int | None) -> list[dict[int, int]]:
    vectors = [rational_vector(residues, modulus, bound=bound) for residues in basis]
    if any(vector is None for vector in vectors):
        return []
    return [primitive_integers(vector) for vector in vectors if vector is not None]


def _prove_all(
    system: DeterminingSystem,
    metric: Metric,
    monomials: Monomials,
    solution: LawSolution,
    vectors: list[dict[int, int]],
) -> list[Law]:
    """Proof attempts; a candidate that is not conserved ends them, since its block must be lifted again."""
    laws: list[Law] = []
    for vector in short_basis(vectors, limit=SHORT_LIMIT):
        polynomial = {
            _named(metric, monomials.positions(int(solution.block[place]))): Fraction(value)
            for place, value in vector.items()
        }
        laws.append(prove_law(system, metric, normalised(polynomial)))
        if laws[-1].proof.outcome == "nonzero":
            break
    return laws


def prove_law(system: DeterminingSystem, metric: Metric, polynomial: Polynomial) -> Law:
    """Try to prove that a polynomial is conserved: its gradient field annihilates the loss."""
    field = gradient_field(metric, polynomial)
    assert field.polynomials is not None
    graph = system.graph
    tangents = {graph.symbol(name): _component(system, part) for name, part in field.polynomials.items()}
    return Law(polynomial, field, system.prover.prove(tangents))


def _component(system: DeterminingSystem, polynomial: Polynomial) -> Index:
    """The node of a polynomial; most are linear, and quick."""
    if all(len(monomial) == 1 and monomial[0][1] == 1 for monomial in polynomial):
        symbols = ((system.named[monomial[0][0]], rational(value)) for monomial, value in polynomial.items())
        return system.graph.linear(symbols)
    return system.component_node(polynomial)


def _named(metric: Metric, positions: Sequence[int]) -> Monomial:
    names = [metric.entries[k] for k in positions]
    return tuple(sorted((name, names.count(name)) for name in set(names)))


def normalised(polynomial: Polynomial) -> Polynomial:
    """A polynomial scaled to coprime integers, terms in the order of the formula, the first one positive.

    >>> normalised({(("x", 2),): Fraction(-1, 2), (("y", 2),): Fraction(1)})
    {(('x', 2),): Fraction(1, 1), (('y', 2),): Fraction(-2, 1)}
    """
    ordered = sorted(polynomial, key=lambda monomial: (-sum(power for _, power in monomial), monomial))
    values = [polynomial[monomial] for monomial in ordered if polynomial[monomial]]
    scale = Fraction(lcm(*(value.denominator for value in values)), gcd(*(value.numerator for value in values)))
    scale = -scale if values[0] < 0 else scale
    return {monomial: polynomial[monomial] * scale for monomial in ordered if polynomial[monomial]}


def degree(polynomial: Polynomial) -> int:
    """The degree of a polynomial.

    >>> degree({(("x", 2), ("y", 1)): Fraction(1), (): Fraction(5)})
    3
    """
    return max((sum(exponent for _, exponent in monomial) for monomial in polynomial), default=0)


def independent_of_products(laws: Sequence[Law], chosen: Sequence[Law], most: int) -> list[Law]:
    """The laws that are no polynomials, of degree ``most`` at most, in the chosen ones and in those before them."""
    span = Span(products([law.polynomial for law in chosen], most))
    kept = []
    for law in sorted(laws, key=lambda law: (degree(law.polynomial), len(law.polynomial))):
        if span.add(law.polynomial):
            kept.append(law)
    return kept


def simplified(laws: Sequence[Law]) -> list[Law]:
    """The laws without those that are polynomials in laws of lower degree."""
    kept: list[Law] = []
    for most in sorted({degree(law.polynomial) for law in laws}):
        kept += independent_of_products([law for law in laws if degree(law.polynomial) == most], kept, most)
    return kept


def products(polynomials: Sequence[Polynomial], most: int) -> list[Polynomial]:
    """All products of polynomials without a constant term, up to a degree."""
    result: list[Polynomial] = []
    lowest = min((degree(one) for one in polynomials), default=1)
    for count in range(1, most // max(1, lowest) + 1):
        for chosen in combinations_with_replacement(polynomials, count):
            if sum(map(degree, chosen)) <= most:
                result.append(_product(chosen))
    return result


def _product(factors: Sequence[Polynomial]) -> Polynomial:
    total: dict[Monomial, Fraction] = {(): Fraction(1)}
    for factor in factors:
        grown: dict[Monomial, Fraction] = {}
        for left, a in total.items():
            for right, b in factor.items():
                monomial = multiply_monomials(left, right)
                grown[monomial] = grown.get(monomial, Fraction(0)) + a * b
        total = grown
    return {monomial: value for monomial, value in total.items() if value}
