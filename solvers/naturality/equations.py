"""The linear equations for the generators of maps that an optimizer follows, by differences of its paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

OUTLIER = 100.0
"""A run whose differences disagree this much more than those of every other is too sensitive."""

ROUGH, SMALL = 1e-2, 1e-3
"""Differences over one step and over two agree to this part of their size, or of ``SMALL``, where paths are smooth."""


@final
class Equations:
    """The linear equations for the generators of maps that an optimizer follows."""

    def __init__(self, spec: OptimizerSpec, runs: Sequence[Run], rate: float, *, affine: bool) -> None:
        self.spec, self.runs, self.rate, self.affine = spec, runs, rate, affine
        self.shape = runs[0].problem.shape
        self.size = runs[0].problem.size
        self.steps = len(runs[0].points) - 1
        self.within = ""
        self._maps: dict[tuple[bytes, bytes], Morphism] = {}
        self.noise = 0.0  # how far differences over one step and over two are apart

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
        """The derivatives by central differences, one column for each generator, and the generators.

        Runs near which the path has a kink are left out, and so is the most sensitive one where others are enough.

        Raises
        ------
        Unfit: that leaves too few equations.
        """
        generators = self.generators()
        blocks: list[FloatArray] = []
        smooth: list[Run] = []
        errors: list[float] = []
        for place, run in enumerate(self.runs):
            pairs = np.array([self._differences(run, X, b, step) for X, b in generators])
            near, far = pairs[:, 0].T, pairs[:, 1].T
            size = max(float(np.linalg.norm(near)), SMALL)
            if np.linalg.norm(near - far) <= ROUGH * size:
                blocks.append((4 * near - far) / 3)
                smooth.append(run)
                errors.append(float(np.linalg.norm(near - far)))
            if place >= 3 and not blocks:
                break
        if len(blocks) * self.size < len(generators) + 1:
            raise Unfit(
                "its paths are no smooth functions of the map: low precision, a branch or a rounding hides derivatives"
            )
        kept = _steady(errors, least=2 * self.size)
        self.runs, self.noise = [smooth[place] for place in kept], float(np.linalg.norm([errors[k] for k in kept]))
        return np.concatenate([blocks[place] for place in kept]), generators

    def by_rate(self, step: float) -> FloatArray:
        """The derivatives by the logarithm of the rate, one column; none where the optimizer has no learning rate."""
        column = np.concatenate([self._by_rate(run, step) for run in self.runs])
        seen = np.linalg.norm(column) > ZERO * np.sqrt(len(column))
        return column[:, None] if seen else column[:, None][:, :0]

    def _differences(self, run: Run, X: FloatArray, b: FloatArray, step: float) -> tuple[FloatArray, FloatArray]:
        """Central differences of the path's end, pulled back, per length of the path, for the step and twice it."""
        return self._central(run, step, lambda t: self._end(run, t * X, t * b, 1.0))

    def _by_rate(self, run: Run, step: float) -> FloatArray:
        """The derivative of the path's end by the logarithm of the rate, per length of the path."""
        none, zero = np.zeros((self.size, self.size)), np.zeros(self.size)
        near, far = self._central(run, step, lambda t: self._end(run, none, zero, float(np.exp(t))))
        return (4 * near - far) / 3

    def _central(self, run: Run, step: float, end: Callable[[float], FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Two central differences, from which the term of second order cancels."""
        way = self._length(run)
        near, far = ((end(t) - end(-t)) / (2 * t * way) for t in (step, 2 * step))
        return near, far

    def _length(self, run: Run) -> float:
        """How far the path leads."""
        return float(np.linalg.norm(run.points[-1] - run.start))

    def _map(self, X: FloatArray, b: FloatArray) -> Morphism:
        """The map exp(X) θ + b, made once for all runs."""
        key = (X.tobytes(), b.tobytes())
        if key not in self._maps:
            factors = split_factors(X, self.shape) if len(self.shape) == 2 else None
            self._maps[key] = Morphism.linear(expm(X), b, factors=factors)
        return self._maps[key]

    def _end(self, run: Run, X: FloatArray, b: FloatArray, factor: float) -> FloatArray:
        """The end of the path in the coordinates exp(X) θ + b, pulled back."""
        problem, start = run.problem, run.start
        if not (X.any() or b.any()):
            return trace(self.spec, problem, start, rate=self.rate * factor, steps=self.steps).points[-1]
        morphism = self._map(X, b)
        begin = morphism.apply(start)
        end = trace(self.spec, problem.push(morphism), begin, rate=self.rate * factor, steps=self.steps).points[-1]
        return np.asarray(morphism.pull(end))


def _steady(errors: Sequence[float], *, least: int) -> list[int]:
    """The places of all errors, or of all but one that is a hundred times the next where ``least`` or more are left.

    >>> _steady([1.0, 2.0, 300.0], least=1), _steady([1.0, 2.0, 300.0], least=3)
    ([0, 1], [0, 1, 2])
    """
    places = list(range(len(errors)))
    ranked = sorted(places, key=lambda place: errors[place])
    if len(places) <= least or len(places) < 2 or errors[ranked[-1]] <= OUTLIER * errors[ranked[-2]]:
        return places
    return sorted(ranked[:-1])


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
