"""Projections: smooth maps onto fewer parameters, the problems that they pull back, and points of their fibres."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.jets import derivatives
from solvers.naturality.problem import Problem
from symmetries.actions.parameter_space import FloatArray

FIBRE_STEPS = 60
FIBRE_TOLERANCE = 1e-12


@final
class Projection:
    r"""A smooth map :math:`\pi: R^n \to R^k` of flat arrays whose Jacobian has rank k where it is used.

    Parameters
    ----------
    f: the map, of an array of shape (n,), written with NumPy functions.
    source: n.
    target: k, at most n.
    name: what messages call it.

    Raises
    ------
    InputError: the sizes make no sense, or the map gives another number of entries.

    >>> total = Projection(lambda x: np.stack([x[0] + x[1]]), source=2, target=1)
    >>> total([1.0, 2.0]).tolist(), total.jacobian([1.0, 2.0]).tolist()
    ([3.0], [[1.0, 1.0]])
    """

    def __init__(self, f: Callable[[Any], Any], *, source: int, target: int, name: str = "") -> None:
        if not 1 <= target <= source:
            raise InputError(
                f"a projection from {source} to {target} parameters",
                why="it goes to at least one and not to more than there are",
                cure="give 1 <= target <= source",
            )
        self.f, self.source, self.target, self.name = f, int(source), int(target), name
        self.matrix: FloatArray | None = None

    @classmethod
    def linear(cls, matrix: Any, *, name: str = "") -> Projection:
        """The linear map of a matrix of shape (k, n).

        >>> Projection.linear([[1.0, 0.0]]).source
        2
        """
        P = np.array(matrix, dtype=float)
        if P.ndim != 2 or np.linalg.matrix_rank(P) < len(P):
            raise InputError(
                f"a projection by an array of shape {P.shape}",
                why="its rows must be linearly independent",
                cure="give a matrix of full row rank",
            )
        made = cls(lambda theta: P @ theta, source=P.shape[1], target=P.shape[0], name=name)
        made.matrix = P
        return made

    def __call__(self, theta: Any) -> FloatArray:
        """The image of a point, shape (k,)."""
        image = np.asarray(self.f(np.asarray(theta, dtype=float)), dtype=float)
        if image.shape != (self.target,):
            raise InputError(
                f"the projection {self.name!r} gives shape {image.shape}",
                why=f"it was declared to go to {self.target} parameters",
                cure="return a flat array of so many entries",
            )
        return image

    def jacobian(self, theta: Any) -> FloatArray:
        """Derivatives at a point, shape (k, n)."""
        return derivatives(self.f, np.asarray(theta, dtype=float), order=1).first.T

    def pull_back(self, problem: Problem) -> Problem:
        r"""The problem :math:`L' \circ \pi`, with the model and the structure of the outputs, on the larger space.

        >>> square = Problem(lambda x: x[0] ** 2, size=1)
        >>> Projection.linear([[1.0, 1.0]]).pull_back(square).gradient([1.0, 2.0]).tolist()
        [6.0, 6.0]
        """
        if problem.size != self.target:
            raise InputError(
                f"a problem of {problem.size} parameters",
                why=f"the projection goes to {self.target}",
                cure="give a problem on the image of the projection",
            )
        loss, model, f = problem._loss, problem._model, self.f
        return Problem(
            lambda theta: loss(f(theta)),
            size=self.source,
            model=None if model is None else lambda theta: model(f(theta)),
            output_loss=problem._output_loss,
            name=problem.name,
        )

    def same_fibre(self, theta: FloatArray, guess: FloatArray) -> FloatArray:
        """A point near a guess that the projection takes to the image of another point, by Gauss-Newton steps.

        Raises
        ------
        InputError: none was found.

        >>> product = Projection(lambda x: np.stack([x[0] * x[1]]), source=2, target=1)
        >>> product(product.same_fibre(np.array([1.0, 2.0]), np.array([3.0, 1.0]))).round(12).tolist()
        [2.0]
        """
        wanted, point = self(theta), np.array(guess, dtype=float)
        size = 1 + float(np.abs(wanted).max())
        for _ in range(FIBRE_STEPS):
            rest = wanted - self(point)
            if np.abs(rest).max() <= FIBRE_TOLERANCE * size:
                return point
            point = point + np.linalg.lstsq(self.jacobian(point), rest, rcond=None)[0]
        raise InputError(
            f"the fibre of {self.name or 'a projection'}",
            why="no second point of it was found from the guess",
            cure="give a guess nearer to the first point",
        )
