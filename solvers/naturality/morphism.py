"""A change of coordinates with its inverse and its derivatives, and the check that they belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.jets import derivatives
from symmetries.actions.parameter_space import FloatArray

Map = Callable[[Any], Any]

INVERSE_TOLERANCE = 1e-8
"""How far the inverse may lead from the point, relative to one plus the size of the point."""

JACOBIAN_TOLERANCE = 1e-5
"""How far a given Jacobian may be from central differences, relative to its size."""


@final
class Morphism:
    r"""A smooth invertible map :math:`\theta' = \varphi(\theta)` of flat arrays of n parameters.

    Parameters
    ----------
    f: the map, of an array of shape (n,), written with NumPy functions.
    inverse: its inverse, likewise; the losses are composed with it.
    name: what messages call it.
    jacobian: the matrix of derivatives at a point; by default ``f`` is differentiated.
    affine: the matrix and the shift where the map is affine.
    factors: P and Q where the map is :math:`W \mapsto P W Q` on matrices.

    >>> stretch = Morphism(lambda x: np.sinh(x), lambda y: np.arcsinh(y), name="sinh")
    >>> float(stretch.jacobian(np.zeros(2))[0, 0]), stretch.second([1.0, 1.0])([1, 0], [1, 0]).round(4).tolist()
    (1.0, [1.1752, 0.0])
    """

    def __init__(
        self,
        f: Map,
        inverse: Map,
        *,
        name: str = "",
        jacobian: Callable[[FloatArray], FloatArray] | None = None,
        affine: tuple[FloatArray, FloatArray] | None = None,
        factors: tuple[FloatArray, FloatArray] | None = None,
    ) -> None:
        self.name, self.affine, self.factors = name, affine, factors
        self._f, self._inverse, self._jacobian = f, inverse, jacobian

    @classmethod
    def linear(
        cls,
        matrix: FloatArray,
        shift: FloatArray | None = None,
        *,
        name: str = "",
        factors: tuple[FloatArray, FloatArray] | None = None,
    ) -> Morphism:
        r"""The affine map :math:`A\theta + b`.

        >>> Morphism.linear(2 * np.eye(2), np.ones(2)).pull([3.0, 5.0]).tolist()
        [1.0, 2.0]
        """
        matrix = np.asarray(matrix, dtype=float)
        shift = np.zeros(len(matrix)) if shift is None else np.asarray(shift, dtype=float)
        inverse = np.linalg.inv(matrix)
        return cls(
            lambda theta: matrix @ theta + shift,
            lambda theta: inverse @ (theta - shift),
            name=name,
            affine=(matrix, shift),
            factors=factors,
        )

    def apply(self, theta: Any) -> FloatArray:
        """The image of a point."""
        return np.asarray(self._f(np.array(theta, dtype=float)), dtype=float)

    def pull(self, theta: Any) -> Any:
        """The inverse image of a point; jets go through."""
        return self._inverse(np.array(theta, dtype=float) if isinstance(theta, list | tuple | np.ndarray) else theta)

    def jacobian(self, theta: Any) -> FloatArray:
        """The matrix of derivatives at a point, shape (n, n)."""
        if self.affine is not None:
            return self.affine[0]
        point = np.asarray(theta, dtype=float)
        if self._jacobian is not None:
            return np.asarray(self._jacobian(point), dtype=float)
        return derivatives(self._f, point, order=1).first.T

    def bend(self, theta: Any) -> FloatArray:
        """Second derivatives at a point, the component last, shape (n, n, n)."""
        point = np.asarray(theta, dtype=float)
        if self.affine is not None:
            return np.zeros((len(point),) * 3)
        return np.asarray(derivatives(self._f, point).second)

    def second(self, theta: Any) -> Callable[[Any, Any], FloatArray]:
        r"""The second derivative :math:`D^2\varphi(u, v)` at a point, as a function of two vectors."""
        bend = self.bend(theta)
        return lambda u, v: np.einsum("ijk,i,j->k", bend, np.asarray(u, dtype=float), np.asarray(v, dtype=float))


def check_morphism(morphism: Morphism, theta: Any) -> None:
    """Refuse a map whose inverse or Jacobian is wrong at a point.

    Parameters
    ----------
    morphism: the map.
    theta: a point of its domain, shape (n,).

    Raises
    ------
    InputError: the inverse does not lead back, there or nearby, the Jacobian differs from central differences, or the
        affine form or the factors from the map.

    >>> check_morphism(Morphism(lambda x: 2 * x, lambda x: x, name="wrong"), [1.0, 1.0])
    Traceback (most recent call last):
    manifolds.errors.InputError: the inverse of 'wrong'
      why: it leads 0.5 away from the point, relative to its size
      try: give the inverse of the map
    """
    point = np.asarray(theta, dtype=float).reshape(-1)
    size = 1 + float(np.abs(point).max())
    width = 1e-5 * size
    called = f"of {morphism.name!r}" if morphism.name else "of a map"
    with np.errstate(all="ignore"):
        for near in (point, *(point + width * np.sin(np.arange(1, len(point) + 1) * k) for k in (1, 2))):
            _require_inverse(morphism, near, morphism.apply(near))
        rows = np.eye(len(point)) * width
        differences = np.array([morphism.apply(point + row) - morphism.apply(point - row) for row in rows]).T
        jacobian = morphism.jacobian(point)
        off = _distance(jacobian, differences / (2 * width)) / (1e-300 + float(np.abs(jacobian).max(initial=0.0)))
    if not off <= JACOBIAN_TOLERANCE:
        why = f"it differs from central differences by {off:.3g}, relative to its size"
        raise InputError(f"the Jacobian {called}", why=why, cure="leave it out, so that the map is differentiated")
    if not np.isfinite(np.linalg.cond(jacobian)):
        raise InputError(f"the Jacobian {called}", why="it is singular", cure="give a map with a smooth inverse")
    if morphism.affine is not None:
        away = _distance(morphism.affine[0] @ point + morphism.affine[1], morphism.apply(point))
        if not away <= INVERSE_TOLERANCE * size:
            why = f"it gives a point {away:.3g} away from that of the map"
            raise InputError(f"the affine form {called}", why=why, cure="give the matrix and the shift of the map")
    if morphism.factors is not None:
        off = _distance(np.kron(morphism.factors[0], np.transpose(morphism.factors[1])), jacobian)
        if not off <= JACOBIAN_TOLERANCE * float(np.abs(jacobian).max()):
            why = f"the matrix of W -> P W Q differs from the Jacobian by {off:.3g}"
            raise InputError(f"the factors {called}", why=why, cure="give P and Q with W' = P W Q, or leave them out")


def check_inverse(morphism: Morphism, points: Any) -> None:
    """Refuse a map whose inverse does not lead back to each of some points; images that are not finite are passed over.

    Parameters
    ----------
    morphism: the map.
    points: of its domain, shape (k, n).

    Raises
    ------
    InputError: the inverse does not lead back.

    >>> check_inverse(Morphism(lambda x: 2 * x, lambda x: x / 2), [[1.0, 1.0], [2.0, 3.0]])
    """
    with np.errstate(all="ignore"):
        for point in np.asarray(points, dtype=float):
            image = morphism.apply(point)
            if np.isfinite(image).all():
                _require_inverse(morphism, point, image)


def _require_inverse(morphism: Morphism, point: FloatArray, image: FloatArray) -> None:
    """Refuse a map whose inverse does not lead from an image to its point."""
    away = _distance(morphism.pull(image), point) / (1 + float(np.abs(point).max()))
    if not away <= INVERSE_TOLERANCE:
        called = f"of {morphism.name!r}" if morphism.name else "of a map"
        why = f"it leads {away:.3g} away from the point, relative to its size"
        raise InputError(f"the inverse {called}", why=why, cure="give the inverse of the map")


def _distance(a: Any, b: Any) -> float:
    """The largest difference of two arrays, infinite for arrays of other shapes."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return float(np.abs(a - b).max(initial=0.0)) if a.shape == b.shape else float("inf")
