"""The rotations as a space to optimize on: orthogonal frames of full size with determinant 1."""

from __future__ import annotations

from typing import Any, final

from manifolds.array_api import Array, converted, copied, namespace
from manifolds.checks import Seed
from manifolds.distances import group_distance
from manifolds.errors import InputError
from manifolds.form import Form, OrthogonalForm
from manifolds.homogeneous import Homogeneous


@final
class Rotations(Homogeneous):
    r"""The rotations :math:`\{Y \in \mathbb R^{n \times n} : Y^{\mathsf T} Y = I, \det Y = 1\}`, one component of
    `Stiefel(n, n)`.

    Parameters
    ----------
    n : int
    retraction : "cayley" or "geodesic"

    Raises
    ------
    InputError
        If n is no size, or an option is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> Rotations(2).belongs(np.eye(2)), Rotations(2).belongs(np.diag([1.0, -1.0]))
    (True, False)
    """

    compact = True

    def __init__(self, n: int, *, retraction: str = "cayley") -> None:
        super().__init__(n, n, retraction=retraction)

    def _make_form(self, field: str) -> Form:
        """The form of orthogonal matrices."""
        return OrthogonalForm(self.N, self.n)

    @property
    def name(self) -> str:
        """Such as `Rotations(3)`."""
        return super().name.replace(f"({self.n}, ", "(", 1)

    @property
    def dimension(self) -> int:
        """The number n(n - 1)/2."""
        return self.n * (self.n - 1) // 2

    def belongs(self, Y: Array, tolerance: float | None = None) -> bool:
        """Whether every matrix of a batch is orthogonal and has a positive determinant."""
        xp = namespace(Y)
        return super().belongs(Y, tolerance) and bool(xp.all(xp.linalg.det(Y) > 0))

    def check_point(self, Y: Array) -> None:
        """Refuse what is no rotation; see `Homogeneous.check_point`."""
        super().check_point(Y) if not super().belongs(Y) else self._check_orientation(Y)

    def _check_orientation(self, Y: Array) -> None:
        """Refuse reflections."""
        if not self.belongs(Y):
            raise InputError(
                f"Y is not on {self.name}: it is a reflection, of determinant -1",
                why="no step leads from one component of the orthogonal group to the other",
                cure=f"change the sign of one column, or take Stiefel({self.n}, {self.n}) for both components",
            )

    def project(self, Y: Array) -> Array:
        """The nearest orthogonal matrix, with one column turned round where that is a reflection."""
        return _oriented(super().project(Y))

    def random(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None, scale: float = 1.0) -> Array:
        """Uniformly distributed rotations; the parameters are those of `Space.random`."""
        return converted(_oriented(super().random(rng, batch)), like)

    def distance(self, X: Array, Y: Array) -> Array:
        """The norm of the rotation angles of the matrix from X to Y times the root of 1/2."""
        return group_distance(self.form, *self._pair(X, Y))


def _oriented(Y: Array) -> Array:
    """Y with the first column turned round where the determinant is negative."""
    xp = namespace(Y)
    sign = xp.where(xp.linalg.det(Y) < 0, -xp.ones_like(Y[..., 0, 0]), xp.ones_like(Y[..., 0, 0]))
    Y = copied(xp, Y)
    Y[..., :, 0] = Y[..., :, 0] * sign[..., None]
    return Y
