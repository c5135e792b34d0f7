"""The four homogeneous spaces: orthonormal and symplectic frames, and the subspaces that they span."""

from __future__ import annotations

from typing import final

from manifolds.array_api import Array
from manifolds.distances import group_distance, sphere_distance, subspace_distance
from manifolds.form import Form, OrthogonalForm, SymplecticForm, UnitaryForm
from manifolds.homogeneous import Homogeneous
from manifolds.vector_spaces import read_field


@final
class Stiefel(Homogeneous):
    r"""The orthonormal frames :math:`\{Y \in \mathbb R^{N \times n} : Y^{\mathsf T} Y = I\}`, or the complex ones.

    It is :math:`O(N) / O(N - n)` with the canonical metric; coordinates are :math:`D = (A, B)` with A skew and B any
    matrix of N - n rows. `Stiefel(n, n)` is the orthogonal group.

    Parameters
    ----------
    N, n : int
        Rows and columns, n at most N.
    field : "real" or "complex"
        For complex frames the adjoint is the conjugate transpose.
    retraction : "cayley" or "geodesic"
    section : "closed" or "transported"

    Raises
    ------
    InputError
        If n is larger than N, or an option is unknown.

    Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.

    Examples
    --------
    >>> import numpy as np
    >>> space = Stiefel(5, 2)
    >>> Y = space.random(0)
    >>> context = space.section(Y)
    >>> D = space.lift(context, np.ones((5, 2)))
    >>> Y = space.retract(context, -0.1 * D)
    >>> space.dimension, space.belongs(Y)
    (7, True)
    """

    compact = True

    def _make_form(self, field: str) -> Form:
        """The form of the space."""
        return orthonormal(self.N, self.n, field)

    @property
    def dimension(self) -> int:
        """The number nN - n(n + 1)/2; 2nN - n² for complex frames."""
        N, n = self.N, self.n
        return n * N - n * (n + 1) // 2 if self.field == "real" else 2 * n * N - n * n

    def distance(self, X: Array, Y: Array) -> Array:
        """The geodesic distance, where a formula is known: on spheres and on groups, n = 1 or n = N.

        Two components of the orthogonal group are at an infinite distance.
        """
        if self.n == self.N:
            return group_distance(self.form, *self._pair(X, Y))
        if self.n == 1 and self.field == "real":
            return sphere_distance(*self._pair(X, Y))
        return super().distance(X, Y)


@final
class Grassmann(Homogeneous):
    r"""The n-dimensional subspaces of :math:`\mathbb R^N` or :math:`\mathbb C^N`, each given by an orthonormal frame.

    It is :math:`O(N) / (O(n) \times O(N - n))`; the loss has to be the same for all frames of a subspace. Coordinates
    have a zero head.

    Parameters
    ----------
    N, n : int
        The dimensions, n at most N.
    field : "real" or "complex"
    retraction : "cayley" or "geodesic"
    section : "closed" or "transported"

    Raises
    ------
    InputError
        If n is larger than N, or an option is unknown.

    Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.

    Examples
    --------
    >>> import numpy as np
    >>> plane = Grassmann(3, 1)
    >>> float(plane.distance(np.array([[1.0], [0.0], [0.0]]), np.array([[-1.0], [1.0], [0.0]]) / 2**0.5)) * 4 / np.pi
    1.0
    """

    compact = True
    subspaces = True

    def _make_form(self, field: str) -> Form:
        """The form of the space."""
        return orthonormal(self.N, self.n, field)

    @property
    def dimension(self) -> int:
        """The number n(N - n), twice that over the complex numbers."""
        return self.n * (self.N - self.n) * (1 if self.field == "real" else 2)

    def distance(self, X: Array, Y: Array) -> Array:
        """The norm of the principal angles."""
        return subspace_distance(self.form, *self._pair(X, Y))


@final
class SymplecticStiefel(Homogeneous):
    r"""The symplectic frames :math:`\{U \in \mathbb R^{2N \times 2n} : U^{\mathsf T} J_{2N} U = J_{2n}\}`.

    It is :math:`Sp(2N) / Sp(2(N - n))` with :math:`J = \begin{pmatrix} 0 & I \\ -I & 0 \end{pmatrix}`. It is not
    compact. The geodesic retraction is the exponential of the group; its curves are geodesics of an indefinite metric,
    not of the one in which `inner` measures coordinates.

    Parameters
    ----------
    N, n : int
        Half the numbers of rows and of columns, n at most N.
    retraction : "cayley" or "geodesic"
        The Cayley transform is not defined for some long steps.
    section : "closed" or "transported"

    Raises
    ------
    InputError
        If n is larger than N, or an option is unknown.

    Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.

    Examples
    --------
    >>> space = SymplecticStiefel(5, 2)
    >>> space.shape, space.dimension, space.belongs(space.random(0))
    ((10, 4), 34, True)
    """

    def __init__(self, N: int, n: int, *, retraction: str = "cayley", section: str = "closed") -> None:
        super().__init__(N, n, retraction=retraction, section=section)

    def _make_form(self, field: str) -> Form:
        """The form of the space."""
        return SymplecticForm(self.N, self.n)

    @property
    def dimension(self) -> int:
        """The number 4nN - n(2n - 1)."""
        return 4 * self.n * self.N - self.n * (2 * self.n - 1)


@final
class SymplecticGrassmann(Homogeneous):
    r"""The symplectic subspaces of dimension 2n of :math:`\mathbb R^{2N}`, each given by a symplectic frame.

    It is :math:`Sp(2N) / (Sp(2n) \times Sp(2(N - n)))`; the loss has to be the same for all frames of a subspace.

    Parameters
    ----------
    N, n : int
        Half the dimensions, n at most N.
    retraction : "cayley" or "geodesic"
        The Cayley transform is not defined for some long steps.
    section : "closed" or "transported"

    Raises
    ------
    InputError
        If n is larger than N, or an option is unknown.

    Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.

    Examples
    --------
    >>> space = SymplecticGrassmann(5, 2)
    >>> space.shape, space.dimension
    ((10, 4), 24)
    """

    subspaces = True

    def __init__(self, N: int, n: int, *, retraction: str = "cayley", section: str = "closed") -> None:
        super().__init__(N, n, retraction=retraction, section=section)

    def _make_form(self, field: str) -> Form:
        """The form of the space."""
        return SymplecticForm(self.N, self.n)

    @property
    def dimension(self) -> int:
        """The number 4n(N - n)."""
        return 4 * self.n * (self.N - self.n)


def orthonormal(N: int, n: int, field: str) -> Form:
    """The form of orthonormal frames over a field."""
    return OrthogonalForm(N, n) if read_field(field) == "real" else UnitaryForm(N, n)
