"""The determining equations of a loss: one linear equation in the coefficients of X for every point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.calculus import rebuild
from symmetries.constants import constant_nodes
from symmetries.expression import entry_names
from symmetries.fields import Polynomial, VectorField
from symmetries.grading import Grading, grade
from symmetries.lower import rational
from symmetries.modular import GradientSampler, ModularProgram, UnsuitablePrime
from symmetries.natural_domain import lower_loss
from symmetries.primes import suitable_primes
from symmetries.prove import Prover
from symmetries.radicals import needed_roots
from symmetries.related import Independence, relate
from symmetries.scalar import Index, ScalarGraph
from symmetries.straight_line import Program, compile_program

if TYPE_CHECKING:
    from symmetries.loss import Loss

Residues: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]

CONSTANT_SPAN = 2**26
MAX_PRIMES = 60


@final
@dataclass(eq=False)
class DeterminingSystem:
    """A loss as a scalar graph, with everything that its determining equations are made from.

    Parameters
    ----------
    graph: the scalar graph.
    root: the loss in it.
    coordinates: entries that a symmetry may move: parameters and moving data.
    data: entries of data for all values of which the symmetry must hold.
    constants: structural constants.
    seed: seed of all sampling.
    independence: what is known of relations between the atoms.
    conditions: what is positive on the domain of the loss.
    """

    graph: ScalarGraph
    root: Index
    coordinates: tuple[str, ...]
    data: tuple[str, ...]
    constants: tuple[str, ...]
    seed: int
    independence: Independence
    conditions: tuple[Index, ...] = ()
    _samplers: dict[int, GradientSampler] = field(default_factory=dict)

    @classmethod
    def of(cls, loss: Loss, *, seed: int) -> DeterminingSystem:
        """The system of a declared loss."""
        graph = ScalarGraph()
        lowered, conditions = lower_loss(graph, loss.expression)
        root, independence = relate(graph, lowered, seed=seed)
        moving = set(loss.moving_entries)
        return cls(
            graph=graph,
            root=root,
            coordinates=(*loss.entries, *loss.moving_entries),
            data=tuple(name for name in loss.data_entries if name not in moving),
            constants=tuple(name for constant in loss.constants for name in entry_names(constant, ())),
            seed=seed,
            independence=independence,
            conditions=conditions,
        )

    def slice(self, at: Mapping[str, Fraction], shift: Mapping[str, Fraction]) -> DeterminingSystem:
        """The system of the loss where some coordinates have given values and others are shifted."""
        graph = self.graph
        replacement = {graph.symbol(name): graph.constant(rational(value)) for name, value in at.items()}
        for name, value in shift.items():
            node = graph.symbol(name)
            replacement[node] = graph.linear([(node, 1)], rational(value))
        root, independence = relate(graph, rebuild(graph, self.root, replacement), seed=self.seed)
        return DeterminingSystem(
            graph=graph,
            root=root,
            coordinates=tuple(name for name in self.coordinates if name not in at),
            data=self.data,
            constants=self.constants,
            seed=self.seed,
            independence=independence,
            conditions=tuple(rebuild(graph, node, replacement) for node in self.conditions),
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of all inputs of the program: coordinates, data, constants."""
        return (*self.coordinates, *self.data, *self.constants)

    @cached_property
    def program(self) -> Program:
        """The loss as a straight-line program, the conditions of its domain as further outputs."""
        return compile_program(self.graph, [self.root, *self.conditions], self.inputs)

    @cached_property
    def grading(self) -> Grading:
        """Scalings and signs of coordinates and data that split the system."""
        graded = [True] * (len(self.coordinates) + len(self.data)) + [False] * len(self.constants)
        return grade(self.graph, self.root, self.inputs, graded)

    @cached_property
    def prover(self) -> Prover:
        """The prover of statements X.L = 0."""
        return Prover(self.graph, self.root)

    @cached_property
    def constant_nodes(self) -> dict[str, Index]:
        """Constants that the coefficients of a symmetry may depend on, by their text."""
        return constant_nodes(self.graph, self.root, self.constants)

    @cached_property
    def named(self) -> dict[str, Index]:
        """Node of every name that a component of a derived field may hold."""
        return self.constant_nodes | {name: self.graph.symbol(name) for name in (*self.coordinates, *self.constants)}

    def component_node(self, polynomial: Polynomial) -> Index:
        """Node of a polynomial in named coordinates and constants."""
        return self.graph.linear(
            (self.graph.product((self.named[name], exponent) for name, exponent in monomial), rational(value))
            for monomial, value in polynomial.items()
        )

    def tangent_map(self, field: VectorField) -> dict[Index, Index]:
        """A field with polynomial components as a map from symbols to components."""
        assert field.polynomials is not None
        return {self.graph.symbol(entry): self.component_node(part) for entry, part in field.polynomials.items()}

    # sampling

    def samplers(self) -> Iterator[tuple[int, GradientSampler]]:
        """One sampler per suitable prime, most convenient prime first."""
        radicands, degrees = needed_roots(self.graph, [self.root])
        primes = suitable_primes(quadratic_residues=radicands, odd_degrees=degrees)
        for prime, _ in zip(primes, range(MAX_PRIMES), strict=False):
            sampler = self._samplers.get(prime)
            if sampler is None:
                try:
                    modular = ModularProgram(self.program, prime, conditions=len(self.conditions))
                except UnsuitablePrime:
                    continue
                sampler = self._sampler(modular, prime)
                if sampler is None:
                    continue
                self._samplers[prime] = sampler
            yield prime, sampler

    def _sampler(self, modular: ModularProgram, prime: int) -> GradientSampler | None:
        for positive in (False, True):
            rng = np.random.default_rng([self.seed, prime, positive])
            sampler = GradientSampler(modular, rng, positive=positive)
            for position in range(len(self.coordinates) + len(self.data), len(self.inputs)):
                sampler.fix(position, int(rng.integers(1, CONSTANT_SPAN)))
            if sampler.draw(1):
                return sampler
        return None

    def undefined(self) -> InputError:
        """The error of a loss without a value anywhere it was tried."""
        return InputError(
            "the loss is undefined at every sampled point",
            why="a logarithm, root or quotient in it has no real value there",
            cure="check signs inside logarithms and roots, and denominators that are identically zero",
        )
