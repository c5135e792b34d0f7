"""The Grassmannian as orthogonal projectors: for losses that are given on N x N matrices, as geomstats has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from manifolds.array_api import Array, namespace, norm, precision
from manifolds.checks import Seed
from manifolds.errors import InputError
from manifolds.homogeneous import FrameContext
from manifolds.space import Space
from manifolds.space_checks import require_alike, require_entries, require_finite, require_gradient, require_precision
from manifolds.spaces import Grassmann


@final
@dataclass(frozen=True, eq=False)
class ProjectorContext:
    """A projector and its frame.

    Parameters
    ----------
    point : array of shape (..., N, N)
    frame : FrameContext
    """

    point: Array
    frame: FrameContext


@final
class Projectors(Space):
    r"""The projectors :math:`\{P \in \mathbb R^{N \times N} : P = P^{\mathsf T} = P^2, \mathrm{tr} P = n\}`.

    Each stands for its range. A step costs about :math:`N^3`, and gradients are matrices of N x N; a loss of frames
    runs faster on `Grassmann(N, n)`. Coordinates are those of `Grassmann` in the first n columns, and zero
    in the others.

    Parameters
    ----------
    N, n : int
    retraction : "cayley" or "geodesic"

    Raises
    ------
    InputError
        If n is larger than N, or an option is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> space = Projectors(3, 1)
    >>> context = space.section(np.diag([1.0, 0.0, 0.0]))
    >>> P = space.retract(context, -0.1 * space.lift(context, np.ones((3, 3))))
    >>> space.belongs(P), round(float(np.trace(P)), 12)
    (True, 1.0)
    """

    compact = True

    def __init__(self, N: int, n: int, *, retraction: str = "cayley") -> None:
        self.frames = Grassmann(N, n, retraction=retraction)
        self.N, self.n = self.frames.N, self.frames.n

    @property
    def name(self) -> str:
        """Such as `Projectors(5, 2)`."""
        return self.frames.name.replace("Grassmann", "Projectors", 1)

    @property
    def dimension(self) -> int:
        """The number n(N - n)."""
        return self.frames.dimension

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of a projector."""
        return self.N, self.N

    @property
    def size(self) -> int:
        """The number of entries of a projector."""
        return self.N * self.N

    def frame(self, P: Array) -> Array:
        """The orthonormal frame of the range whose first n rows are positive semidefinite."""
        xp = namespace(P)
        _, vectors = xp.linalg.eigh(0.5 * (P + P.mT))
        Y = vectors[..., -self.n :]
        U, _, V = xp.linalg.svd(Y[..., : self.n, :], full_matrices=False)
        return Y @ (U @ V).mT

    def section(self, Y: Array, *, carried: Any = None, check: bool = True) -> ProjectorContext:
        """The context of a projector, see `Space.section`."""
        if check:
            self._check_point(Y)
        return ProjectorContext(Y, self.frames.section(self.frame(Y), check=False))

    def lift(self, context: ProjectorContext, G: Array, *, check: bool = True) -> Array:
        """The coordinates of the gradient, see `Space.lift`."""
        if check:
            require_gradient(G, context.point)
        return self._wide(self.frames.lift(context.frame, (G + G.mT) @ context.frame.point, check=False))

    def retract(self, context: ProjectorContext, W: Array, *, check: bool = True) -> Array:
        """The projector that the step leads to, see `Space.retract`."""
        if check:
            require_alike(W, context.point, what="the step")
        Y = self.frames.retract(context.frame, W[..., : self.n], check=check)
        return Y @ Y.mT

    def tangent(self, context: ProjectorContext, D: Array) -> Array:
        r"""The tangent vector :math:`X Y^{\mathsf T} + Y X^{\mathsf T}` for the tangent vector X of the frame Y."""
        half = self.frames.tangent(context.frame, D[..., : self.n]) @ context.frame.point.mT
        return half + half.mT

    def coordinates(self, context: ProjectorContext, X: Array) -> Array:
        """The coordinates of a tangent vector, of the tangential part of any symmetric X."""
        symmetric = 0.5 * (self._entries(X) + X.mT)
        return self._wide(self.frames.coordinates(context.frame, symmetric @ context.frame.point))

    def horizontal(self, D: Array) -> Array:
        """D with zeros in its first n rows and after its first n columns."""
        return self._wide(self.frames.horizontal(D[..., : self.n]))

    def inner(self, D1: Array, D2: Array) -> Array:
        """The sum of the products of the entries."""
        return self.frames.inner(D1[..., : self.n], D2[..., : self.n])

    def error(self, Y: Array) -> Array:
        r"""The norm :math:`\|P^2 - P\|_F`, plus those of the part which is not symmetric and of the trace minus n."""
        xp = namespace(self._entries(Y))
        trace = xp.abs(xp.linalg.trace(Y) - self.n)
        return norm(xp, Y @ Y - Y) + norm(xp, Y - Y.mT) + trace

    def belongs(self, Y: Array, tolerance: float | None = None) -> bool:
        """Whether every matrix of a batch is such a projector, to the square root of the rounding by default."""
        xp = namespace(self._entries(Y))
        bound = precision(xp, Y) ** 0.5 if tolerance is None else tolerance
        return bool(xp.all(self.error(Y) <= bound))

    def project(self, Y: Array) -> Array:
        """The nearest projector: onto the n leading eigenvectors of the symmetric part."""
        require_finite(self._entries(Y), what="P", why="no projector is near to it", cure="look where it was computed")
        F = self.frame(Y)
        return F @ F.mT

    def random(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None) -> Array:
        """Uniformly distributed projectors; the parameters are those of `Space.random`."""
        Y = self.frames.random(rng, batch, like=like)
        return Y @ Y.mT

    def random_coordinates(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None) -> Array:
        """Random coordinates; the parameters are those of `Space.random`."""
        return self._wide(self.frames.random_coordinates(rng, batch, like=like))

    def distance(self, X: Array, Y: Array) -> Array:
        """The norm of the principal angles of the ranges."""
        for P in (X, Y):
            require_finite(self._entries(P), what="P", why="it has no range", cure="look where it was computed")
        return self.frames.distance(self.frame(X), self.frame(Y))

    def _wide(self, D: Array) -> Array:
        """D with columns of zeros added."""
        xp = namespace(D)
        zeros = xp.zeros((*D.shape[:-1], self.N - self.n), dtype=D.dtype, device=D.device)
        return xp.concat([D, zeros], axis=-1)

    def _entries(self, P: Array) -> Array:
        """P, refused when its shape or type is another one."""
        entries = require_entries(P, shape=self.shape, field="real", what="P", space=self.name)
        return require_precision(entries, what="P")

    def _check_point(self, P: Array) -> None:
        """Refuse what is no such projector."""
        if not self.belongs(P):
            require_finite(P, what="P", why="a point has finite entries", cure="look where it was computed")
            raise InputError(
                f"P is not on {self.name}: its error is {float(namespace(P).max(self.error(P))):.1e}",
                why=f"a point is a symmetric matrix with P P = P of trace {self.n}",
                cure="take space.project(P), the projector next to it, or space.random(rng)",
            )
