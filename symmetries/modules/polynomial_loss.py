r"""A loss that is polynomial in its parameters, by the monomials of its data.

:math:`L(\theta; d) = \sum_m d^m L_m(\theta)` holds for all data, so a field that may not depend on the data annihilates
L exactly when it annihilates every :math:`L_m`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn, TypeAlias, final

from flint import Ordering, fmpq, fmpq_mpoly_ctx

from manifolds.errors import InputError
from symmetries.constants import constant_text
from symmetries.expand import Expander, ExpansionTooLarge
from symmetries.expression import Node, walk
from symmetries.fields import Monomial, Polynomial
from symmetries.loss import Loss
from symmetries.scalar import Atom, Symbol
from symmetries.system import DeterminingSystem

Poly: TypeAlias = Any
"""A polynomial in the ring of a :class:`Ring`."""

MAX_COORDINATES = 200
MAX_TERMS = 200_000


@final
@dataclass(frozen=True)
class Ring:
    """Polynomials over Q in named quantities.

    Parameters
    ----------
    names: names of the indeterminates.

    >>> ring = Ring(("x", "y"))
    >>> ring.named(ring.variable("x") ** 2)
    {(('x', 2),): Fraction(1, 1)}
    """

    names: tuple[str, ...]

    @property
    def context(self) -> Any:
        """The ring as python-flint knows it."""
        return fmpq_mpoly_ctx.get([f"v{k}" for k in range(max(1, len(self.names)))], Ordering.degrevlex)

    def variable(self, name: str) -> Poly:
        """The indeterminate of a name."""
        return self.context.gens()[self.names.index(name)]

    def named(self, polynomial: Poly) -> dict[Monomial, Fraction]:
        """A polynomial by the names of its indeterminates."""
        result: dict[Monomial, Fraction] = {}
        for exponents, value in polynomial.to_dict().items():
            powers = ((name, int(e)) for name, e in zip(self.names, exponents, strict=False) if e)
            result[tuple(sorted(powers))] = Fraction(int(value.p), int(value.q))
        return result

    def poly(self, polynomial: Polynomial) -> Poly:
        """The polynomial of a mapping from named monomials to numbers."""
        place = {name: k for k, name in enumerate(self.names)}
        terms: dict[tuple[int, ...], fmpq] = {}
        for monomial, value in polynomial.items():
            exponents = [0] * max(1, len(self.names))
            for name, exponent in monomial:
                exponents[place[name]] = exponent
            terms[tuple(exponents)] = fmpq(value.numerator, value.denominator)
        return self.context.from_dict(terms)


@final
@dataclass(frozen=True)
class PolynomialLoss:
    """The coefficients L_m of the monomials of the data, those that depend on the parameters.

    Parameters
    ----------
    system: the loss with its prover.
    coordinates: what a symmetry may move: parameters and moving data.
    constants: structural constants that occur.
    ring: polynomials in coordinates and constants.
    parts: the coefficients L_m, of low degree first.
    """

    system: DeterminingSystem
    coordinates: tuple[str, ...]
    constants: tuple[str, ...]
    ring: Ring
    parts: tuple[Poly, ...]

    @classmethod
    def of(cls, loss: Loss) -> PolynomialLoss:
        """The polynomial form of a loss, refused when there is none."""
        count = len(loss.entries) + len(loss.moving_entries)
        if count > MAX_COORDINATES:
            raise InputError(
                f"the loss moves {count} parameters",
                why=f"polynomial fields of every degree are found for {MAX_COORDINATES} at most",
                cure="use derive() with a linear or affine ansatz, or a smaller size of the same family",
            )
        return cls.from_system(loss, DeterminingSystem.of(loss, seed=0))

    @classmethod
    def from_system(cls, loss: Loss, system: DeterminingSystem) -> PolynomialLoss:
        """The polynomial form of a loss whose system is there already."""
        numerator, names = _expanded(loss, system)
        constants = tuple(name for name in system.constants if name in names)
        ring = Ring((*system.coordinates, *constants))
        place = {name: k for k, name in enumerate(ring.names)}
        parts: dict[Monomial, dict[tuple[int, ...], fmpq]] = {}
        for exponents, value in numerator.to_dict().items():
            inside = [0] * max(1, len(ring.names))
            outside = []
            for name, exponent in zip(names, exponents, strict=False):
                if name in place:
                    inside[place[name]] = exponent
                elif exponent:
                    outside.append((name, int(exponent)))
            # A term without coordinates moves under no field.
            if any(inside[: len(system.coordinates)]):
                parts.setdefault(tuple(sorted(outside)), {})[tuple(inside)] = value
        ordered = sorted(parts.items(), key=lambda part: (_degree(part[1], len(system.coordinates)), part[0]))
        polys = tuple(ring.context.from_dict(terms) for _, terms in ordered)
        return cls(system, system.coordinates, constants, ring, polys)

    def gradient(self, part: Poly) -> tuple[Poly, ...]:
        """Derivatives of a polynomial by the coordinates."""
        return tuple(part.derivative(k) for k in range(len(self.coordinates)))

    def along(self, field: Mapping[str, Polynomial], part: Poly) -> Poly:
        """Derivative of a polynomial along a polynomial field."""
        place = {name: k for k, name in enumerate(self.coordinates)}
        total = self.ring.context.constant(0)
        for entry, component in field.items():
            total += self.ring.poly(component) * part.derivative(place[entry])
        return total


def _degree(terms: Mapping[tuple[int, ...], fmpq], coordinates: int) -> int:
    return max(sum(exponents[:coordinates]) for exponents in terms)


def _expanded(loss: Loss, system: DeterminingSystem) -> tuple[Poly, list[str]]:
    """The loss, denominators without coordinates cleared, with the names of its indeterminates."""
    graph = system.graph
    expander = Expander(graph, [system.root], term_limit=MAX_TERMS)
    try:
        quotient = expander.quotient(system.root)
    except ExpansionTooLarge:
        raise InputError(
            "the loss has too many terms when it is written out",
            why=f"at most {MAX_TERMS} are taken",
            cure="use derive() with an ansatz, or a smaller size of the same family",
        ) from None
    used = [k for k, degree in enumerate(quotient.numerator.degrees()) if degree and k < len(expander.leaves)]
    below = [expander.leaves[k] for k in used]
    moved = set(system.coordinates)
    divided = [
        node
        for node in quotient.denominator
        if any(_name(graph.entries[k]) in moved for k in graph.symbols([node])) or graph.atoms([node])
    ]
    strange = [node for node in below if isinstance(graph.entries[node], Atom)]
    if strange or divided:
        _refuse(loss, system, strange)
    return quotient.numerator, [_name(graph.entries[node]) for node in expander.leaves]


def _name(entry: Any) -> str:
    return entry.name if isinstance(entry, Symbol) else ""


def _refuse(loss: Loss, system: DeterminingSystem, strange: Sequence[int]) -> NoReturn:
    """The error that names what is not polynomial."""
    numbers = [constant_text(system.graph, node) for node in strange if system.graph.is_number(node)]
    if numbers and len(numbers) == len(strange):
        raise InputError(
            f"the loss holds {', '.join(numbers[:3])}",
            why="the module of polynomial symmetries is found over the rational numbers",
            cure='put a name in its place and declare that as a constant: constants=["c"]',
        )
    names = list(dict.fromkeys(filter(None, map(_transcendental, walk(loss.expression)))))
    raise InputError(
        f"the loss is not a polynomial: it holds {', '.join(names[:4]) or 'a function that is not one'}",
        why="the module of polynomial symmetries belongs to losses that are polynomials in their parameters",
        cure="use derive() with an ansatz, or declare what does not move as data or constants by a name of its own",
    )


def _transcendental(node: Node) -> str:
    """What the operation of a node is called when it may leave the polynomials."""
    if node.operation == "function":
        return str(node.payload)
    if node.operation in {"maximum", "minimum", "leaky_relu", "elu", "where", "exponential", "softmax", "logsumexp"}:
        return node.operation
    if node.operation == "inv":
        return "inv"
    if node.operation == "power":
        exponent = Fraction(str(node.payload))
        if exponent.denominator != 1:
            return f"a power {exponent}"
        return "a division" if exponent < 0 else ""
    return ""
