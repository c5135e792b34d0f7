"""Numbers for the second check: random primes of 61 bits, degrees, ranks, zero tests with a bound on their error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.directional import along, free_shapes
from symmetries.dual import HOLE, Arithmetic, Dual, evaluate
from symmetries.dual_numbers import Residues, is_prime
from symmetries.expression import Node, walk
from symmetries.loss import Loss

BITS = 61
POINTS = 4
PRIMES = 3
Degrees: TypeAlias = tuple[int, int]
"""Bounds of the degrees of a numerator and of a denominator."""


def random_prime(rng: np.random.Generator, *, bits: int = BITS) -> int:
    """A random prime with that many bits."""
    while True:
        candidate = int(rng.integers(2 ** (bits - 1), 2**bits)) | 1
        if is_prime(candidate):
            return candidate


def degrees(root: Node) -> Degrees:
    """Bounds of the degrees of a rational expression.

    >>> from symmetries.formula import read_formula
    >>> degrees(read_formula("(x*y + 1)**3/(1 + x)", {"x": (), "y": ()}))
    (6, 1)
    """
    done: dict[int, Degrees] = {}
    for node in walk(root):
        done[id(node)] = _degrees_of(node, [done[id(argument)] for argument in node.arguments])
    return done[id(root)]


def _degrees_of(node: Node, parts: list[Degrees]) -> Degrees:
    payload: Any = node.payload
    match node.operation:
        case "number" | "array" | "pi":
            return 0, 0
        case "symbol":
            return 1, 0
        case "multiply":
            return sum(n for n, _ in parts), sum(d for _, d in parts)
        case "add":
            return _total(parts)
        case "power":
            exponent = int(payload)
            top, bottom = parts[0]
            return (top * exponent, bottom * exponent) if exponent >= 0 else (-bottom * exponent, -top * exponent)
        case "sum":
            return _total(parts * (node.arguments[0].size // max(1, node.size)))
        case "matmul":
            each = parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]
            return _total([each] * node.arguments[0].shape[-1])
        case "det" | "inv":
            size = node.arguments[0].shape[0]
            top, bottom = parts[0][0] * size + parts[0][1] * size * size, parts[0][1] * size * size
            return (top, bottom) if node.operation == "det" else (top + bottom, top + bottom)
        case _:
            return max(n for n, _ in parts), max(d for _, d in parts)


def _total(parts: list[Degrees]) -> Degrees:
    """Degrees of a sum over a common denominator."""
    bottom = sum(d for _, d in parts)
    return max(n + bottom - d for n, d in parts), bottom


@final
@dataclass(frozen=True)
class ModularTest:
    """A zero test modulo random primes at random points.

    Parameters
    ----------
    zero: whether the quantity was zero at every point.
    points: number of points, over all primes.
    primes: the primes.
    degree: bound of the degree of the numerator of the quantity.
    """

    zero: bool
    points: int
    primes: tuple[int, ...]
    degree: int

    @property
    def error_bits(self) -> int:
        """k such that the probability to take a nonzero quantity for zero is at most 2**-k.

        By the Schwartz-Zippel lemma each point errs with probability at most degree/p, for a prime that does not divide
        all coefficients.
        """
        return int(self.points * (BITS - 1 - math.log2(max(2, self.degree))))


def modular_test(loss: Loss, components: dict[str, Node], rng: np.random.Generator) -> ModularTest:
    """Test X.L = 0 modulo random primes; for rational losses and fields."""
    top, bottom = degrees(loss.expression)
    parts = [degrees(node) for node in components.values()]
    degree = top + bottom + max((n for n, _ in parts), default=0) + sum(d for _, d in parts)
    primes, found, zero = [], 0, True
    for _ in range(PRIMES):
        prime = random_prime(rng)
        arithmetic = Residues(prime)
        inputs = random_inputs(loss, POINTS, rng, prime)
        result = evaluate(loss.expression, arithmetic, along(loss, components, arithmetic, inputs))
        tangents = [0] * POINTS if result.tangents is None else [t for t in result.tangents if t is not HOLE]
        primes.append(prime)
        found += len(tangents)
        zero = zero and not any(tangents)
    return ModularTest(zero and found > 0, found, tuple(primes), degree)


def random_inputs(loss: Loss, samples: int, rng: np.random.Generator, prime: int) -> dict[str, Dual]:
    """Random residues for every symbol; structural constants have one value at all samples."""
    inputs = {}
    for name, shape in free_shapes(loss).items():
        values = rng.integers(0, prime, size=(samples, *shape)).astype(object)
        if name in loss.constants:
            values[:] = values[0]
        inputs[name] = Dual(values, None)
    return inputs


def small_inputs(loss: Loss, samples: int, rng: np.random.Generator) -> dict[str, Dual]:
    """Random fractions for every symbol, for losses with absolute values."""
    inputs = {}
    for name, shape in free_shapes(loss).items():
        numerators = rng.integers(-(2**10), 2**10, size=(samples, *shape)).astype(object)
        values = np.frompyfunc(lambda n: Fraction(n, 2**8), 1, 1)(numerators)
        values = np.asarray(values, dtype=object).reshape(samples, *shape)
        if name in loss.constants:
            values[:] = values[0]
        inputs[name] = Dual(values, None)
    return inputs


def rank(rows: list[list[int]], prime: int) -> int:
    """Rank of a matrix of integers modulo a prime, by plain elimination.

    >>> rank([[1, 2], [2, 4]], 2**61 - 1)
    1
    """
    word = np.int64 if prime < 2**31 else object
    work = np.array([[int(value) % prime for value in row] for row in rows], dtype=word)
    if not work.size:
        return 0
    done = 0
    for column in range(work.shape[1]):
        below = next((row for row in range(done, work.shape[0]) if work[row, column]), None)
        if below is None:
            continue
        work[[done, below]] = work[[below, done]]
        work[done] = work[done] * pow(int(work[done, column]), -1, prime) % prime
        left = work[done + 1 :]
        moved = np.flatnonzero(left[:, column])
        left[moved] = (left[moved] - left[moved, column, None] * work[done]) % prime
        done += 1
        if done == work.shape[0]:
            break
    return done


def residue(value: Any, prime: int) -> int | None:
    """A fraction or integer modulo a prime; None where it has no value."""
    if value is HOLE:
        return None
    fraction = Fraction(value)
    bottom = fraction.denominator % prime
    return fraction.numerator * pow(bottom, -1, prime) % prime if bottom else None


def field_values(
    components: dict[str, Node], arithmetic: Arithmetic, inputs: dict[str, Dual], entries: tuple[str, ...]
) -> list[list[Any]]:
    """Components of a field at every sample, one row a sample."""
    samples = len(next(iter(inputs.values())).values)
    zero = [arithmetic.constant(0)] * samples
    columns = [
        list(np.broadcast_to(evaluate(components[entry], arithmetic, inputs).values, (samples,)))
        if entry in components
        else zero
        for entry in entries
    ]
    return [list(row) for row in zip(*columns, strict=True)]
