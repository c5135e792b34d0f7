r"""Homogeneous spaces: one algebra for orthonormal, unitary and symplectic frames and the subspaces that they span.

A tangent space is identified with the horizontal part of the Lie algebra at E: the elements :math:`\bar B = D E^* - E
D^* - E (E^* D) E^*`, which their columns :math:`D = \bar B E` determine. The head of D is skew for frames
(:math:`A^* = -A`) and zero for subspaces; its tail is free.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

from manifolds.array_api import Array, converted, copied, identity, namespace, norm, precision
from manifolds.checks import Seed, batch_shape, generator, whole_number
from manifolds.errors import InputError
from manifolds.form import Form
from manifolds.frame_section import FrameSection
from manifolds.frames import closest_frame, random_frame
from manifolds.retractions import RETRACTIONS, retracted
from manifolds.section import Section
from manifolds.sections import MatrixSection, closed_section
from manifolds.space import Space
from manifolds.space_checks import require_alike, require_entries, require_finite, require_gradient, require_precision
from manifolds.transport import dense_section, transported
from manifolds.vector_spaces import field_words, gaussian, real_inner


@final
@dataclass(frozen=True, eq=False)
class FrameContext:
    """A frame and the section there.

    Parameters
    ----------
    section : Section
    point : array of shape (..., R, m)
    """

    section: Section
    point: Array


class Homogeneous(Space):
    """The frames Y with Y* Y = I for a form, or the subspaces that they span.

    Subclasses say which form and whether frames or subspaces are meant.

    Parameters
    ----------
    N, n : int
        The sizes, n at most N.
    field : "real" or "complex"
    retraction : "cayley" or "geodesic"
        How steps are made: by the Cayley transform, or by the exponential.
    section : "closed" or "transported"
        Whether the section is computed from the point alone, or carried along from step to step, as a matrix of the
        size of the group.

    Examples
    --------
    >>> from manifolds.spaces import SymplecticStiefel
    >>> space = SymplecticStiefel(4, 1)
    >>> context = space.section(space.random(0))
    >>> W = space.random_coordinates(1)
    >>> X = space.tangent(context, W)
    >>> bool(abs(space.coordinates(context, X) - W).max() < 1e-12)
    True
    """

    subspaces: ClassVar[bool] = False
    """Whether frames that span the same subspace are the same point."""

    def __init__(
        self, N: int, n: int, *, field: str = "real", retraction: str = "cayley", section: str = "closed"
    ) -> None:
        self.N, self.n = whole_number(N, name="N"), whole_number(n, name="n")
        if self.n > self.N:
            raise InputError(
                f"n = {n} is larger than N = {N}",
                why="a frame has at most as many columns as rows",
                cure="give the number of rows first, such as Stiefel(5, 2)",
            )
        self.retraction = _one_of(retraction, RETRACTIONS, "retraction")
        self.section_kind = _one_of(section, ("closed", "transported"), "section")
        self.form = self._make_form(field)

    @abstractmethod
    def _make_form(self, field: str) -> Form:
        """The form of the space."""

    @property
    def field(self) -> str:
        """The field of the entries, `"real"` or `"complex"`."""
        return self.form.field

    @property
    def name(self) -> str:
        """Such as `Stiefel(5, 2)`, with what differs from the defaults."""
        words = field_words(self.field)
        words += "" if self.retraction == "cayley" else f", retraction={self.retraction!r}"
        words += "" if self.section_kind == "closed" else f", section={self.section_kind!r}"
        return f"{type(self).__name__}({self.N}, {self.n}{words})"

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of a frame."""
        return self.form.rows, self.form.columns

    @property
    def size(self) -> int:
        """The number of entries of a frame."""
        return self.form.rows * self.form.columns

    # One step.

    def section(self, Y: Array, *, carried: Any = None, check: bool = True) -> FrameContext:
        """The context of a frame, see `Space.section`."""
        if check:
            self.check_point(Y)
        if self.section_kind == "closed":
            return FrameContext(closed_section(self.form, Y, look=check, reflect=self.retraction != "cayley"), Y)
        return FrameContext(dense_section(self.form, Y) if carried is None else MatrixSection(self.form, carried), Y)

    def lift(self, context: FrameContext, G: Array, *, check: bool = True) -> Array:
        r"""The coordinates of the gradient: with :math:`T = \lambda^{\mathsf T} G`, the head :math:`T_h - T_h^*`
        for frames and zero for subspaces, and the tail of T.
        """
        if check:
            require_gradient(G, context.point)
        T = context.section.pull_back(G)
        head = self.form.head(T)
        return self.form.set_head(T, 0 * head if self.subspaces else head - self.form.star(head))

    def retract(self, context: FrameContext, W: Array, *, check: bool = True) -> Array:
        """The frame that the step leads to, see `Space.retract`."""
        if check:
            require_alike(W, context.point, what="the step")
        section = context.section
        if isinstance(section, FrameSection) and self.retraction == "cayley":
            Y = section.cayley(W, flat=self.subspaces)
        else:
            Y = section.apply(retracted(self.form, W, retraction=self.retraction, flat=self.subspaces))
        if check:
            require_finite(
                Y,
                what="the next point",
                why="the step is not finite, or so long that the retraction is not defined there",
                cure="take a shorter step, such as a smaller learning rate",
            )
            self._check_stay(Y)
        return Y

    def advance(self, context: FrameContext, W: Array) -> tuple[Array, Any]:
        """The next frame, and the section there if it is transported."""
        if self.section_kind == "transported" and isinstance(context.section, MatrixSection):
            return transported(self.form, context.section.matrix, W, retraction=self.retraction)
        return self.retract(context, W, check=False), None

    # Geometry.

    def tangent(self, context: FrameContext, D: Array) -> Array:
        r"""The tangent vector :math:`\lambda D`."""
        return context.section.apply(copied(namespace(D), D))

    def coordinates(self, context: FrameContext, X: Array) -> Array:
        r"""The coordinates :math:`\lambda^{-1} X` of a tangent vector, of the tangential part of any other X."""
        return self.horizontal(context.section.solve(self._entries(X)))

    def horizontal(self, D: Array) -> Array:
        """D with the skew part of its head for frames, with the head zero for subspaces."""
        head = self.form.head(D)
        other = 0 * head if self.subspaces else 0.5 * (head - self.form.star(head))
        return self.form.set_head(copied(namespace(D), D), other)

    def inner(self, D1: Array, D2: Array) -> Array:
        r"""The inner product :math:`\langle D_1, D_2 \rangle - \frac12 \langle A_1, A_2 \rangle`, A being the heads.

        The head counts half because it holds each of its coordinates twice.
        """
        whole = real_inner(D1, D2, axes=2)
        return whole if self.subspaces else whole - 0.5 * real_inner(self.form.head(D1), self.form.head(D2), axes=2)

    # Points.

    def error(self, Y: Array) -> Array:
        r"""The norm :math:`\|Y^* Y - I\|_F`."""
        xp = namespace(self._entries(Y))
        return norm(xp, self.form.pair(Y, Y) - identity(xp, self.form.columns, Y))

    def relative_error(self, Y: Array) -> Array:
        """The error in units of the squared norm of Y, where that is larger than that of an orthonormal frame."""
        xp = namespace(Y)
        square = xp.sum(xp.abs(Y) ** 2, axis=(-2, -1)) / self.form.columns
        return self.error(Y) / xp.where(square > 1, square, xp.ones_like(square))

    def belongs(self, Y: Array, tolerance: float | None = None) -> bool:
        """Whether every frame of a batch satisfies Y* Y = I, to the square root of the rounding by default."""
        xp = namespace(self._entries(Y))
        bound = precision(xp, Y) ** 0.5 if tolerance is None else tolerance
        return bool(xp.all(self.relative_error(Y) <= bound))

    def check_point(self, Y: Array) -> None:
        """Refuse what is not on the space.

        Raises
        ------
        InputError
            It says by how much a frame misses the space.
        """
        if self.belongs(Y):
            return
        require_finite(Y, what="Y", why="a point has finite entries", cure="look where it was computed")
        worst = float(namespace(Y).max(self.error(Y)))
        raise InputError(
            f"Y is not on {self.name}: its error |Y* Y - I| is {worst:.1e}",
            why="the section, and with it every step, is that of the frame that Y should be",
            cure="take space.project(Y), the frame next to it, or space.random(rng)",
        )

    def project(self, Y: Array) -> Array:
        """The nearest frame for orthonormal frames; for symplectic ones the factor of Y that preserves the form.

        Raises
        ------
        InputError
            If there is no such frame, as where columns of Y depend on each other.
        """
        require_finite(self._entries(Y), what="Y", why="no frame is near to it", cure="look where it was computed")
        return closest_frame(self.form, Y)

    def random(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None, scale: float = 1.0) -> Array:
        """Random frames: uniformly distributed orthonormal ones, or symplectic ones.

        Parameters
        ----------
        rng : int or numpy.random.Generator
        batch : int or tuple of int
            Leading axes.
        like : array
            The frames are of its library, type and device.
        scale : float
            For symplectic frames: the length of the step from a random orthonormal frame; their norms grow as its
            exponential.
        """
        rng, axes = generator(rng), batch_shape(batch)
        Y = random_frame(self.form, rng, axes)
        if self.form.copies == 2 and scale:
            D = self.random_coordinates(rng, axes)
            D = D * (scale / self.norm(D))[..., None, None] if self.dimension else D
            moved = retracted(self.form, D, retraction="geodesic", flat=self.subspaces)
            Y = closed_section(self.form, Y).apply(moved)
        return converted(Y, like)

    def random_coordinates(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None) -> Array:
        """Random coordinates: normal entries, made horizontal."""
        D = gaussian(generator(rng), (*batch_shape(batch), *self.shape), self.field)
        return converted(self.horizontal(D), like)

    def _check_stay(self, Y: Array) -> None:
        """Refuse a next point that rounding led off the space."""
        if not self.belongs(Y):
            worst = float(namespace(Y).max(self.error(Y)))
            raise InputError(
                f"the next point is not on {self.name}: its error |Y* Y - I| is {worst:.1e}",
                why="the step is so long that rounding leads off the space",
                cure="take a shorter step, such as a smaller learning rate",
            )

    def _pair(self, X: Array, Y: Array) -> tuple[Array, Array]:
        """Two points, refused when the shape, the type or an entry of one is none of a frame."""
        for one in (X, Y):
            require_finite(self._entries(one), what="a point", why="it is nowhere", cure="look where it was computed")
        return X, Y

    def _entries(self, Y: Array) -> Array:
        """Y, refused when its shape or type is another one."""
        entries = require_entries(Y, shape=self.shape, field=self.field, what="Y", space=self.name)
        return require_precision(entries, what="Y")


def _one_of(value: str, known: Any, what: str) -> str:
    """An option, refused when it is unknown."""
    if not isinstance(value, str) or value not in known:
        words = " or ".join(f'"{word}"' for word in known)
        raise InputError(f"{what} = {value!r} is unknown", why=f"there are {words}", cure=f"give {words}")
    return value
