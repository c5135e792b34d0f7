"""The linear equations for the generators of maps that an optimizer follows, by differences of its paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from scipy.linalg import expm

from solvers.naturality.morphism import Morphism
from solvers.naturality.runs import Run, Unfit, trace
from solvers.naturality.slots import NoLift
from solvers.naturality.spec import OptimizerSpec
from symmetries.actions.parameter_space import FloatArray

ZERO = 1e-6
"""Derivatives by the rate below this count as zero: the optimizer has no learning rate."""

WEIGHTS = ((1, 2 / 3), (-1, -2 / 3), (2, -1 / 12), (-2, 1 / 12))
"""Places and weights of the central difference of fourth order."""


@final
class Equations:
    """The linear equations for the generators of maps that an optimizer follows."""

    def __init__(self, spec: OptimizerSpec, runs: Sequence[Run], rate: float, *, orbital: bool, affine: bool) -> None:
        self.spec, self.runs, self.rate = spec, runs, rate
        self.orbital, self.affine = orbital, affine
        self.shape = runs[0].problem.shape
        self.size = runs[0].problem.size
        self.steps = len(runs[0].points) - 1
        self.within = ""

    def generators(self) -> list[tuple[FloatArray, FloatArray]]:
        """Matrices and shifts; fewer matrices where what the optimizer reads has no lift along others."""
        size = self.size
        units = np.eye(size * size).reshape(-1, size, size)
        none = np.zeros(size)
        for where, matrices in (("", units), *_smaller_spans(self.shape)):
            if self._lifts(matrices):
                why = f" within the {where}: what it reads beside the loss has no lift along others"
                self.within = why if where else ""
                units = matrices
                break
        else:
            raise Unfit("what it reads beside the loss has no lift along general, two-sided or diagonal maps")
        shifts = np.eye(size) if self.affine else np.zeros((0, size))
        return [*((unit, none) for unit in units), *((np.zeros((size, size)), shift) for shift in shifts)]

    def _lifts(self, matrices: FloatArray) -> bool:
        """Whether a combination of matrices takes the declared structure to where it is defined."""
        weights = np.random.default_rng(0).uniform(0.05, 0.1, len(matrices))
        try:
            self._end(self.runs[0], np.tensordot(weights, matrices, 1), np.zeros(self.size), 1.0)
        except NoLift:
            return False
        return True

    def matrix(self, step: float) -> tuple[FloatArray, list[tuple[FloatArray, FloatArray]]]:
        """The derivatives by central differences, one column for each generator and one for the rate."""
        generators = self.generators()
        blocks = [np.column_stack([self._rate_of_change(run, X, b, step) for X, b in generators]) for run in self.runs]
        matrix = np.concatenate(blocks)
        if self.orbital:
            column = np.concatenate([self._by_rate(run, step) for run in self.runs])
            if np.linalg.norm(column) > ZERO * np.sqrt(len(column)):
                matrix = np.column_stack([matrix, column])
        return matrix, generators

    def _rate_of_change(self, run: Run, X: FloatArray, b: FloatArray, step: float) -> FloatArray:
        """The derivative of the path's end, pulled back, per length of the path."""
        change = sum(weight * self._end(run, place * step * X, place * step * b, 1.0) for place, weight in WEIGHTS)
        return np.asarray(change) / (step * self._length(run))

    def _by_rate(self, run: Run, step: float) -> FloatArray:
        """The derivative of the path's end by the logarithm of the rate, per length of the path."""
        none, zero = np.zeros((self.size, self.size)), np.zeros(self.size)
        change = sum(weight * self._end(run, none, zero, np.exp(place * step)) for place, weight in WEIGHTS)
        return np.asarray(change) / (step * self._length(run))

    def _length(self, run: Run) -> float:
        """How far the path leads."""
        return float(np.linalg.norm(run.points[-1] - run.start))

    def _end(self, run: Run, X: FloatArray, b: FloatArray, factor: float) -> FloatArray:
        """The end of the path in the coordinates exp(X) θ + b, pulled back."""
        problem, start = run.problem, run.start
        if not (X.any() or b.any()):
            return trace(self.spec, problem, start, rate=self.rate * factor, steps=self.steps).points[-1]
        factors = split_factors(X, self.shape) if len(self.shape) == 2 else None
        morphism = Morphism.linear(expm(X), b, factors=factors)
        begin = morphism.apply(start)
        end = trace(self.spec, problem.push(morphism), begin, rate=self.rate * factor, steps=self.steps).points[-1]
        return np.asarray(morphism.pull(end))


def _smaller_spans(shape: tuple[int, ...]) -> list[tuple[str, FloatArray]]:
    """Spaces of matrices along which less structure has a lift."""
    size = int(np.prod(shape))
    diagonal = ("diagonal matrices", np.eye(size * size).reshape(-1, size, size)[:: size + 1])
    if len(shape) == 1:
        return [diagonal]
    left, right = (np.eye(side * side).reshape(-1, side, side) for side in shape)
    rows = [np.kron(X, np.eye(shape[1])) for X in left]
    traceless = [X - np.trace(X) / shape[1] * np.eye(shape[1]) for X in right[:-1]]
    columns = [np.kron(np.eye(shape[0]), X) for X in traceless]
    return [("maps of rows and columns", np.array([*rows, *columns])), diagonal]


def split_factors(X: FloatArray, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray] | None:
    r"""P and Q with :math:`e^X W = P W Q`, where X acts on rows and columns; None where it does not.

    >>> left, right = split_factors(np.kron(np.diag([1.0, -1.0]), np.eye(3)), (2, 3))
    >>> left.round(3).tolist(), right.round(3).tolist() == np.eye(3).tolist()
    ([[2.718, 0.0], [0.0, 0.368]], True)
    """
    m, k = shape
    blocks = X.reshape(m, k, m, k)
    left = np.einsum("iaja->ij", blocks) / k
    rest = X - np.kron(left, np.eye(k))
    right = np.einsum("iaib->ab", rest.reshape(m, k, m, k)) / m
    if np.abs(rest - np.kron(np.eye(m), right)).max() > 1e-12 * max(1e-300, float(np.abs(X).max())):
        return None
    return expm(left), expm(right.T)
