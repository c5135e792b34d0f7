r"""Straight-line programs over a prime field: values and gradients at many points at once, without rounding.

A point is rational (an integer over 2**24) and is used twice: modulo p, and as a double, whose only use is to say
which branch of an absolute value the point lies on, so that every branch pattern is one that really occurs.  A
transcendental atom gets a pseudo-random value that depends on its kind and on the value of its argument alone: equal
arguments give equal atoms, also on a branch.  Its derivative follows from its rule, for instance T' = 1 - T\ :sup:`2`
for tanh.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.floating import FloatArray, evaluate_with_scales
from symmetries.straight_line import Accumulation, Program, Step

Residues: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]

SCALE_BITS = 24
SPAN = 2**26
CUBE_BITS = (0, 0, 0, 0, 3, 6)
"""Points lie in cubes of half-width 4 * 2**bits, so that branches away from the origin are met."""
BRANCHING = frozenset({"abs", "sign"})
CHUNK_ENTRIES = 8_000_000
CLEAR_OF_ROUNDING = 1e-7
"""An argument this much larger than its rounding error, relative to its terms, has a certain sign."""


class UnsuitablePrime(Exception):
    """The prime divides a denominator of the loss, or has no root of some degree; the caller takes another one."""


@final
@dataclass(frozen=True)
class Points:
    """Rational points, integers over 2**24, shape (inputs, samples)."""

    numerators: np.ndarray[Any, np.dtype[np.int64]]

    @classmethod
    def random(cls, inputs: int, samples: int, rng: np.random.Generator, *, positive: bool = False) -> Points:
        """Points uniform in [-4, 4] or, a part of them, in larger cubes; positive ones on demand."""
        numerators = rng.integers(1 if positive else -SPAN, SPAN, size=(inputs, samples), endpoint=True)
        return cls(numerators << rng.choice(CUBE_BITS, size=samples))

    def floats(self) -> FloatArray:
        """The points as doubles, exactly."""
        return self.numerators / 2.0**SCALE_BITS

    def residues(self, prime: int) -> Residues:
        """The points modulo a prime."""
        inverse = pow(2**SCALE_BITS, -1, prime)
        return (self.numerators % prime * inverse % prime).astype(np.uint64)

    def take(self, keep: np.ndarray[Any, Any]) -> Points:
        """Some of the samples."""
        return Points(self.numerators[:, keep])


@final
class ModularProgram:
    """A program over the field with ``prime`` elements.

    Parameters
    ----------
    program: the program.
    prime: the prime.
    conditions: number of last outputs that must be positive at a point, when the loss has branches.
    """

    def __init__(self, program: Program, prime: int, *, conditions: int = 0) -> None:
        self.program = program
        self.prime = prime
        self._p = np.uint64(prime)
        self._constants = self._residues(program.constants)
        self._coefficients = [self._residues(step.coefficients) for step in program.steps]
        self._offsets = [self._residues(step.constants) for step in program.steps]
        self._branches = bool(program.kinds & BRANCHING)
        self._conditions = program.outputs[len(program.outputs) - conditions :]

    def _residues(self, rationals: tuple[Any, ...]) -> Residues:
        p = self.prime
        residues = []
        for value in rationals:
            bottom = int(value.q) % p
            if bottom == 0:
                raise UnsuitablePrime
            residues.append(int(value.p) % p if bottom == 1 else int(value.p) * pow(bottom, -1, p) % p)
        return np.array(residues, dtype=np.uint64)[:, None]

    # values

    def evaluate(self, points: Points) -> tuple[Residues, np.ndarray[Any, np.dtype[np.bool_]]]:
        """Values of all slots, and which samples are good (defined, on a definite branch, all roots in the field)."""
        program = self.program
        values = np.empty((program.slots, points.numerators.shape[1]), dtype=np.uint64)
        good = np.ones(points.numerators.shape[1], dtype=bool)
        floats = evaluate_with_scales(program, points.floats()) if self._branches else None
        if floats is not None:
            good &= (floats[0][self._conditions] > 0).all(axis=0)
        values[: len(program.inputs)] = points.residues(self.prime)
        values[len(program.inputs) : len(program.inputs) + len(self._constants)] = self._constants
        for number, step in enumerate(program.steps):
            values[step.start : step.stop] = self._values(step, number, values, floats, good)
        return values, good

    def _values(
        self,
        step: Step,
        number: int,
        values: Residues,
        floats: tuple[FloatArray, FloatArray] | None,
        good: np.ndarray[Any, Any],
    ) -> Residues:
        left = values[step.left]
        if step.kind == "sum":
            terms = self._mod(left * self._coefficients[number])
            return self._mod(np.add.reduceat(terms, step.cuts, axis=0) + self._offsets[number])
        if step.kind == "multiply":
            return self._mod(left * values[step.right])
        if step.kind == "invert":
            good &= (left != 0).all(axis=0)
            return self._power(left, self.prime - 2)
        if step.kind in BRANCHING:
            assert floats is not None
            argument, scale = floats[0][step.left], floats[1][step.left]
            good &= (np.abs(argument) > CLEAR_OF_ROUNDING * scale).all(axis=0)
            negative = argument < 0
            magnitude = left if step.kind == "abs" else np.ones_like(left)
            return np.where(negative, self._negate(magnitude), magnitude)
        if step.kind == "root":
            if floats is not None:
                good &= (floats[0][step.left] > 0).all(axis=0)
            return self._root(left, step.degree, good)
        if step.kind == "log":
            good &= (left != 0).all(axis=0)
        return self._transcendental(step.kind, left)

    def _transcendental(self, kind: str, left: Residues) -> Residues:
        upper = left > np.uint64(self.prime // 2)
        folded = np.where(upper, self._negate(left), left)
        drawn = self._draw(kind, folded)
        if kind == "exp":
            drawn = np.where(upper, self._power(drawn, self.prime - 2), drawn)
            return np.where(left == 0, np.uint64(1), drawn)
        if kind == "log":
            return np.where(folded == 1, np.uint64(0), drawn)
        if kind == "normal_cdf":
            drawn = np.where(upper, self._mod(self._negate(drawn) + np.uint64(1)), drawn)
            return np.where(left == 0, np.uint64(pow(2, -1, self.prime)), drawn)
        if kind in {"tanh", "tan_half", "atan"}:
            return np.where(left == 0, np.uint64(0), np.where(upper, self._negate(drawn), drawn))
        return drawn

    def _draw(self, kind: str, argument: Residues) -> Residues:
        """Pseudo-random residue of (kind, argument), by the finaliser of SplitMix64."""
        seed = int.from_bytes(kind.encode()[:8].ljust(8, b"\0"), "little") ^ 0x9E3779B97F4A7C15
        mixed = argument ^ np.uint64(seed)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        return self._mod(mixed ^ (mixed >> np.uint64(31)))

    def _root(self, left: Residues, degree: int, good: np.ndarray[Any, Any]) -> Residues:
        value = left
        while degree % 2 == 0:
            root = self._power(value, (self.prime + 1) // 4)
            good &= (self._mod(root * root) == value).all(axis=0)
            value, degree = root, degree // 2
        if gcd(degree, self.prime - 1) > 1:
            raise UnsuitablePrime
        return value if degree == 1 else self._power(value, pow(degree, -1, self.prime - 1))

    # gradients

    def gradient(self, values: Residues, output: int = 0) -> Residues:
        """Gradient of a root in the inputs, shape (inputs, samples)."""
        adjoint = np.zeros_like(values)
        adjoint[self.program.outputs[output]] = 1
        for number in range(len(self.program.steps) - 1, -1, -1):
            self._adjoints(number, values, adjoint)
        return adjoint[: len(self.program.inputs)]

    def _adjoints(self, number: int, values: Residues, adjoint: Residues) -> None:
        step = self.program.steps[number]
        upper = adjoint[step.start : step.stop]
        if step.kind == "sum":
            self._accumulate(adjoint, step.into_left, upper[step.row] * self._coefficients[number])
        elif step.kind == "multiply":
            assert step.into_right is not None
            left, right = values[step.left], values[step.right]
            self._accumulate(adjoint, step.into_left, upper * right)
            self._accumulate(adjoint, step.into_right, upper * left)
        elif step.kind not in {"sign", "pi"}:
            self._accumulate(adjoint, step.into_left, upper * self._slope(step, values))

    def _slope(self, step: Step, values: Residues) -> Residues:
        left, result = values[step.left], values[step.start : step.stop]
        one = np.uint64(1)
        match step.kind:
            case "invert":
                return self._negate(self._mod(result * result))
            case "exp":
                return result
            case "log":
                return self._power(left, self.prime - 2)
            case "tanh":
                return self._mod(self._negate(self._mod(result * result)) + one)
            case "tan_half":
                return self._mod((self._mod(result * result) + one) * np.uint64(pow(2, -1, self.prime)))
            case "abs":
                return self._mod(result * self._power(left, self.prime - 2))
            case "root":
                inverse = self._power(self._mod(left * np.uint64(step.degree)), self.prime - 2)
                return self._mod(result * inverse)
            case "atan":
                return self._power(self._mod(self._mod(left * left) + one), self.prime - 2)
            case "normal_pdf":
                return self._negate(self._mod(left * result))
            case _:
                return values[step.right]

    def _accumulate(self, adjoint: Residues, into: Accumulation, rows: Residues) -> None:
        sums = np.add.reduceat(self._mod(rows)[into.order], into.starts, axis=0)
        adjoint[into.targets] = self._mod(adjoint[into.targets] + sums)

    # arithmetic

    def _mod(self, values: Residues) -> Residues:
        return values - (values // self._p) * self._p

    def _negate(self, values: Residues) -> Residues:
        return np.where(values == 0, values, self._p - values)

    def _power(self, base: Residues, exponent: int) -> Residues:
        result = np.ones_like(base)
        while exponent:
            if exponent & 1:
                result = self._mod(result * base)
            exponent >>= 1
            if exponent:
                base = self._mod(base * base)
        return result


@final
class GradientSampler:
    """Good points with the gradient of a loss there, drawn as needed and kept.

    Parameters
    ----------
    modular: the program of the loss.
    rng: where points come from.
    fixed: values of some inputs, the same at every point, by position (structural constants).
    """

    def __init__(self, modular: ModularProgram, rng: np.random.Generator, *, positive: bool = False) -> None:
        self.modular = modular
        self.positive = positive
        self._rng = rng
        inputs = len(modular.program.inputs)
        self._fixed: dict[int, int] = {}
        self.points = np.zeros((inputs, 0), dtype=np.uint64)
        self.gradients = np.zeros((inputs, 0), dtype=np.uint64)
        self.refused = 0

    def fix(self, position: int, numerator: int) -> None:
        """Hold an input at numerator / 2**24."""
        self._fixed[position] = numerator

    @property
    def samples(self) -> int:
        """Number of good points so far."""
        return self.points.shape[1]

    def sample_values(self, samples: int) -> Residues | None:
        """Values of all slots at that many good points, or None when too few of the points tried are good."""
        inputs = len(self.modular.program.inputs)
        kept: list[Residues] = []
        found = 0
        for _ in range(60):
            values, good = self.modular.evaluate(Points.random(inputs, 4 * samples, self._rng, positive=self.positive))
            kept.append(values[:, good])
            found += int(good.sum())
            if found >= samples:
                return np.concatenate(kept, axis=1)
        return None

    def draw(self, samples: int) -> bool:
        """Have at least that many good points; False when too few of the points tried are good."""
        if self.samples >= samples:
            return True
        inputs = len(self.modular.program.inputs)
        most = max(8, CHUNK_ENTRIES // max(1, self.modular.program.slots))
        points, gradients = [self.points], [self.gradients]
        found, tries = self.samples, 0
        while found < samples:
            share = max(0.01, (found + 1) / (found + self.refused + 1))
            batch = min(most, max(8, int((samples - found) / share) + 1))
            candidates = Points.random(inputs, batch, self._rng, positive=self.positive)
            for position, numerator in self._fixed.items():
                candidates.numerators[position] = numerator
            values, good = self.modular.evaluate(candidates)
            self.refused += int((~good).sum())
            tries += batch
            if good.any():
                kept = values if good.all() else values[:, good]
                points.append(kept[:inputs])
                gradients.append(self.modular.gradient(kept))
                found += kept.shape[1]
            if tries > 2_000 + 300 * samples and found < samples:
                break
        self.points = np.concatenate(points, axis=1)
        self.gradients = np.concatenate(gradients, axis=1)
        return found >= samples
