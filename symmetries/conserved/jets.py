r"""Gradients at jets: programs over the ring F_p[e_1, ..., e_k] with e_i**2 = 0.

A jet theta + e_1 a_1 + ... carries derivatives along: the part of F(theta + e v) in front of e is DF(theta).v, exactly.
Nested brackets of vector fields need one nilpotent e for each level of nesting.

Source: A. Griewank and A. Walther, "Evaluating Derivatives" (2008), chapter 13 (derivative tensors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np

from symmetries.floating import evaluate_with_scales
from symmetries.modular import BRANCHING, CLEAR_OF_ROUNDING, ModularProgram, Points, Residues
from symmetries.straight_line import Accumulation, Step

Signs: TypeAlias = dict[int, np.ndarray[Any, np.dtype[np.bool_]]]
"""Which arguments of each branching step are negative, by number of the step, shape (operations, samples)."""


@final
@dataclass(frozen=True)
class Sampled:
    """Points at which a program is defined, with the branch that each lies on.

    Parameters
    ----------
    residues: the inputs modulo the prime, shape (inputs, samples).
    signs: the branches.
    """

    residues: Residues
    signs: Signs

    def take(self, which: np.ndarray[Any, Any]) -> Sampled:
        """Some of the samples, in any order, with repetitions."""
        return Sampled(self.residues[:, which], {k: value[:, which] for k, value in self.signs.items()})


@final
class JetProgram:
    """A program and its gradient over F_p[e_1, ..., e_k]; arrays have the shape (slots, 2**k, samples).

    The second axis runs over the monomials in the nilpotents; its upper half is the part in front of the last one.

    Parameters
    ----------
    modular: the program over the prime field.
    """

    def __init__(self, modular: ModularProgram) -> None:
        self.modular = modular
        self.program = modular.program
        self.prime = modular.prime
        self._p = np.uint64(modular.prime)

    # points

    def sample(self, points: Points, *, free_signs: np.random.Generator | None = None) -> Sampled:
        """The points at which the program is defined; ``free_signs`` draws each branch at random instead."""
        values, good = self.modular.evaluate(points)
        del values
        signs: Signs = {}
        branching = {k: step for k, step in enumerate(self.program.steps) if step.kind in BRANCHING}
        if branching:
            floats, scales = evaluate_with_scales(self.program, points.floats())
            for k, step in branching.items():
                argument = floats[step.left]
                good = good & (np.abs(argument) > CLEAR_OF_ROUNDING * scales[step.left]).all(axis=0)
                signs[k] = argument < 0
                if free_signs is not None:
                    signs[k] = free_signs.integers(0, 2, size=argument.shape).astype(bool)
        return Sampled(points.residues(self.prime), signs).take(np.flatnonzero(good))

    # arithmetic of jets

    def product(self, left: Residues, right: Residues) -> Residues:
        """Product of jets."""
        half = left.shape[1] // 2
        if half == 0:
            return self._mod(left * right)
        low = self.product(left[:, :half], right[:, :half])
        high = self.product(left[:, :half], right[:, half:]) + self.product(left[:, half:], right[:, :half])
        return np.concatenate([low, self._mod(high)], axis=1)

    def inverse(self, value: Residues) -> Residues:
        """Inverse of jets whose base is not zero."""
        half = value.shape[1] // 2
        if half == 0:
            return self._power(value, self.prime - 2)
        low = self.inverse(value[:, :half])
        high = self._negate(self.product(self.product(low, low), value[:, half:]))
        return np.concatenate([low, high], axis=1)

    # values

    def values(self, jets: Residues, signs: Signs) -> Residues:
        """Values of all slots from the jets of the inputs, shape (inputs, 2**k, samples)."""
        program, constants = self.program, self.modular._constants
        values = np.zeros((program.slots, *jets.shape[1:]), dtype=np.uint64)
        inputs = len(program.inputs)
        values[:inputs] = jets
        values[inputs : inputs + len(constants), 0] = constants
        for number, step in enumerate(program.steps):
            values[step.start : step.stop] = self._values(step, number, values, signs)
        return values

    def _values(self, step: Step, number: int, values: Residues, signs: Signs) -> Residues:
        left = values[step.left]
        if step.kind == "sum":
            sums = np.add.reduceat(self._mod(left * self.modular._coefficients[number][:, None]), step.cuts, axis=0)
            sums[:, 0] += self.modular._offsets[number]
            return self._mod(sums)
        if step.kind == "multiply":
            return self.product(left, values[step.right])
        if step.kind == "invert":
            return self.inverse(left)
        if step.kind == "abs":
            return np.where(signs[number][:, None], self._negate(left), left)
        if step.kind == "sign":
            result = np.zeros_like(left)
            result[:, 0] = np.where(signs[number], self._p - np.uint64(1), np.uint64(1))
            return result
        return self._function(step, left, values[step.right])

    def _function(self, step: Step, left: Residues, right: Residues) -> Residues:
        """f(u + e v) = f(u) + e f'(u) v."""
        half = left.shape[1] // 2
        if half == 0:
            if step.kind == "root":
                return self.modular._root(left, step.degree, np.ones(left.shape[1:], dtype=bool))
            return self.modular._transcendental(step.kind, left)
        low = self._function(step, left[:, :half], right[:, :half])
        slope = self._slope(step, left[:, :half], low, right[:, :half])
        return np.concatenate([low, self.product(slope, left[:, half:])], axis=1)

    def _slope(self, step: Step, left: Residues, result: Residues, right: Residues) -> Residues:
        match step.kind:
            case "invert":
                return self._negate(self.product(result, result))
            case "exp":
                return result
            case "log":
                return self.inverse(left)
            case "tanh":
                return self._shifted(self._negate(self.product(result, result)))
            case "tan_half":
                half = np.uint64(pow(2, -1, self.prime))
                return self._mod(self._shifted(self.product(result, result)) * half)
            case "root":
                return self.product(result, self.inverse(self._mod(left * np.uint64(step.degree))))
            case "atan":
                return self.inverse(self._shifted(self.product(left, left)))
            case "normal_pdf":
                return self._negate(self.product(left, result))
            case "normal_cdf":
                return right
            case _:
                return np.zeros_like(left)

    def _shifted(self, value: Residues) -> Residues:
        value[:, 0] = self._mod(value[:, 0] + np.uint64(1))
        return value

    # gradients

    def gradient(self, jets: Residues, signs: Signs) -> Residues:
        """Gradient of the first root in the inputs at the jets, shape (inputs, 2**k, samples)."""
        values = self.values(jets, signs)
        adjoint = np.zeros_like(values)
        adjoint[self.program.outputs[0], 0] = 1
        for number in range(len(self.program.steps) - 1, -1, -1):
            self._adjoints(number, values, adjoint, signs)
        return adjoint[: len(self.program.inputs)]

    def _adjoints(self, number: int, values: Residues, adjoint: Residues, signs: Signs) -> None:
        step = self.program.steps[number]
        upper = adjoint[step.start : step.stop]
        if step.kind == "sum":
            coefficients = self.modular._coefficients[number][:, None]
            self._accumulate(adjoint, step.into_left, self._mod(upper[step.row] * coefficients))
        elif step.kind == "multiply":
            assert step.into_right is not None
            left, right = values[step.left], values[step.right]
            self._accumulate(adjoint, step.into_left, self.product(upper, right))
            self._accumulate(adjoint, step.into_right, self.product(upper, left))
        elif step.kind == "abs":
            self._accumulate(adjoint, step.into_left, np.where(signs[number][:, None], self._negate(upper), upper))
        elif step.kind not in {"sign", "pi"}:
            right = values[step.right] if len(step.right) else upper
            slope = self._slope(step, values[step.left], values[step.start : step.stop], right)
            self._accumulate(adjoint, step.into_left, self.product(upper, slope))

    def _accumulate(self, adjoint: Residues, into: Accumulation, rows: Residues) -> None:
        sums = np.add.reduceat(rows[into.order], into.starts, axis=0)
        adjoint[into.targets] = self._mod(adjoint[into.targets] + sums)

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
