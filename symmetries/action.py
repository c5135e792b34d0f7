r"""Group actions on parameter space, :math:`(g, w) \mapsto g\cdot w`.

A left action satisfies e.w = w and g.(h.w) = (gh).w.  It keeps the loss when L(g.w) = L(w); its fields are the
velocities of the curves exp(tX).w at t = 0.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.parameter_space import FloatArray, ParameterSpace, Point
from symmetries.actions.tangent_maps import TangentMaps
from symmetries.arguments import read_generator, read_reals

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra
    from symmetries.fields import VectorField
    from symmetries.finite_action import FiniteAction
    from symmetries.loss import Loss

Maker = TypeVar("Maker", bound="Callable[..., GroupAction]")

Element: TypeAlias = Any
"""A group element: a matrix, or what the action at hand documents."""

RANK_TOLERANCE = 1e-10
"""Singular values below so much of the largest count as zero."""


MAKERS: dict[str, Callable[..., GroupAction]] = {}
"""What makes actions, by what they are made from; the modules that know how enter themselves."""


def makes_actions_from(what: str) -> Callable[[Maker], Maker]:
    """Enter a function as the maker of actions from an algebra or from the catalogue."""

    def enter(maker: Maker) -> Maker:
        """Enter it and leave it as it is."""
        MAKERS[what] = maker
        return maker

    return enter


class GroupAction(TangentMaps):
    r"""A left action of a Lie group on the parameters of a loss, :math:`g\cdot(h\cdot w) = (gh)\cdot w`.

    Group elements are what :meth:`exp`, :meth:`compose` and :meth:`inverse` return; wherever an element is expected,
    coordinates t of a Lie algebra element may be given instead and stand for exp(sum_k t_k X_k).

    Parameters
    ----------
    loss: the loss that the action keeps.
    dimension: dimension of the group.
    domain: where the action is defined, in words.
    constants: values of the structural constants of the loss.

    >>> from symmetries import Loss, derive
    >>> action = GroupAction.from_algebra(derive(Loss.parse("x**2 + y**2")))
    >>> action.apply(np.pi / 2, [1.0, 0.0]).round(12).tolist()
    [0.0, -1.0]

    Source: P. J. Olver, "Applications of Lie Groups to Differential Equations" (1993), section 1.2.
    """

    is_exact = False
    """Whether elements act by exact formulas, so that the flows of the fields are their exponentials."""

    is_affine = False
    """Whether every element acts by an affine map, whose Jacobian is the same at all points."""

    def __init__(
        self, loss: Loss, *, dimension: int, domain: str, constants: Mapping[str, float] | None = None
    ) -> None:
        self.loss = loss
        self.constants = {name: float(value) for name, value in (constants or {}).items()}
        self.space = ParameterSpace.of(loss)
        self.dimension = dimension
        self.domain = domain

    @staticmethod
    def from_algebra(algebra: SymmetryAlgebra, *, constants: Mapping[str, float] | None = None) -> GroupAction:
        """The action that the generators of an algebra integrate to.

        Parameters
        ----------
        algebra: what :func:`symmetries.derive` returned.
        constants: values of the structural constants of the loss, where it has any.

        Raises
        ------
        InputError: a constant has no value.
        """
        from symmetries.algebra import SymmetryAlgebra

        if not isinstance(algebra, SymmetryAlgebra):
            raise InputError(
                f"from_algebra was given {type(algebra).__name__}",
                why="it needs a symmetry algebra",
                cure="give what derive(loss) returned",
            )
        if constants is not None and not isinstance(constants, Mapping):
            raise InputError(f"constants={constants!r}", why="they are no values by name", cure="give {'a': 2.0}")
        return MAKERS["algebra"](algebra, constants=constants)

    @staticmethod
    def catalogued(name: str, **sizes: Any) -> GroupAction:
        """A ready action.

        Parameters
        ----------
        name: ``rosenbrock``, ``booth``, ``quadratic`` (matrix), ``low-rank`` (rows, columns, rank), ``linear-network``,
            ``homogeneous-network``, ``odd-network``, ``elementwise-network`` (widths, activation), ``attention``
            (model, keys, tokens) or ``mlp-data`` (widths, inputs, activation, on).
        sizes: what its sizes are, by name.

        Raises
        ------
        InputError: the name, or the name of a size, is not known, or a size makes no sense.

        >>> GroupAction.catalogued("low-rank", rows=3, columns=4, rank=2).dimension
        4
        """
        return MAKERS["catalogue"](name, **sizes)

    @property
    @abstractmethod
    def identity(self) -> Element:
        """The neutral element e."""

    @abstractmethod
    def exp(self, t: Any) -> Element:
        """The group element exp(sum_k t_k X_k) of coordinates t, shape (dimension,)."""

    @abstractmethod
    def compose(self, g: Element, h: Element) -> Element:
        """The product gh, which acts by h first."""

    @abstractmethod
    def inverse(self, g: Element) -> Element:
        """The inverse element."""

    @abstractmethod
    def _act(self, g: Element, w: FloatArray) -> FloatArray:
        """g.w for one point or points in rows."""

    @abstractmethod
    def _fields(self, w: FloatArray) -> FloatArray:
        """Velocities of the generators at one point, shape (dimension, n)."""

    @abstractmethod
    def _jacobian(self, g: Element, w: FloatArray) -> FloatArray:
        """Derivative of w -> g.w at one point, shape (n, n)."""

    def exact_fields(self) -> tuple[VectorField, ...] | None:
        """The generators as exact polynomial fields; None where they are not polynomial."""
        return None

    def random(self, rng: int | np.random.Generator = 0, *, scale: float = 1.0) -> Element:
        """A random element; ``scale`` is the standard deviation of the coordinates of its logarithm."""
        return self.exp(scale * read_generator(rng).standard_normal(self.dimension))

    @property
    def time(self) -> str:
        """Name of the time in closed forms: t, or another letter where the loss has a symbol of that name."""
        return time_name(self.loss)

    def closed_form(self, k: int) -> FiniteAction | None:
        """The flow of generator k as formulas in the entries and the time; None where none was found."""
        self._number(k)
        return None

    def _number(self, k: Any) -> int:
        """The number of a generator, refused when there is none."""
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 0 <= k < self.dimension:
            raise InputError(
                f"the generator {k!r}",
                why=f"there are {self.dimension} generators, counted from 0",
                cure="give the number of one of them",
            )
        return int(k)

    def element(self, g_or_t: Any) -> Element:
        """A group element, from itself or from Lie algebra coordinates."""
        if self._is_coordinates(g_or_t):
            return self.exp(self.coordinates(g_or_t))
        return g_or_t

    def _is_coordinates(self, g_or_t: Any) -> bool:
        """Whether something is a number or a list of numbers."""
        if not isinstance(g_or_t, int | float | Sequence | np.ndarray | np.generic):
            return False
        try:
            return np.ndim(g_or_t) <= 1
        except ValueError:  # lists of unequal length are neither coordinates nor an element
            return False

    def coordinates(self, t: Any) -> FloatArray:
        """Lie algebra coordinates as an array of shape (dimension,); a number where the dimension is 1."""
        values = np.atleast_1d(read_reals(t, what="Lie algebra coordinates"))
        if values.shape != (self.dimension,):
            raise InputError(
                f"Lie algebra coordinates of the shape {list(np.shape(t))}",
                why=f"the algebra has dimension {self.dimension}",
                cure=f"give {self.dimension} numbers, one a generator",
            )
        if not np.isfinite(values).all():
            raise InputError("Lie algebra coordinates", why="they contain NaN or infinity", cure="give finite numbers")
        return values

    def apply(self, g_or_t: Any, w: Point) -> Any:
        """The point g.w, in the form in which w was given.

        Parameters
        ----------
        g_or_t: a group element, or Lie algebra coordinates.
        w: a point: a vector of shape (n,), points in rows, or arrays by name.

        Raises
        ------
        InputError: w is no point of the loss, g is not invertible, or the action is not defined there.
        """
        point = self.space.flat(w)
        return self.space.like(self._act(self.element(g_or_t), point), w)

    def field(self, w: Point) -> FloatArray:
        """Velocities X_k(w) of the generators at a point, shape (dimension, n)."""
        return self._fields(self._one_point(w))

    def jacobian(self, g_or_t: Any, w: Point) -> FloatArray:
        """Derivative of w -> g.w at a point, shape (n, n)."""
        return self._jacobian(self.element(g_or_t), self._one_point(w))

    def representation(self) -> FloatArray | None:
        """Matrices of the generators in a faithful representation, shape (dimension, m, m); None where none is small.

        Their exponentials are conjugate to the elements that :meth:`exp` returns, so that periods and compactness can
        be read off.
        """
        return None

    def orbit(self, w: Point, ts: Sequence[float] | FloatArray, *, direction: Any = None) -> FloatArray:
        """The points exp(tX).w for each time t, shape (len(ts), n).

        Parameters
        ----------
        w: a point.
        ts: times.
        direction: coordinates of X; the first generator by default.
        """
        point = self._one_point(w)
        along = np.eye(1, self.dimension)[0] if direction is None else self.coordinates(direction)
        times = read_reals(ts, what="the times of an orbit")
        if times.ndim != 1:
            raise InputError(
                f"times of the shape {list(times.shape)}",
                why="an orbit takes a list of them",
                cure="give a list of numbers",
            )
        return np.array([self._act(self.exp(t * along), point) for t in times]).reshape(len(times), self.space.size)

    def orbit_dimension(self, w: Point | None = None, *, rng: int | np.random.Generator = 0) -> int:
        """Dimension of the orbit through a point, or of a generic orbit: the rank of the velocities."""
        return _rank(self._fields(self._point_or_random(w, rng)))

    def stabiliser_dimension(self, w: Point | None = None, *, rng: int | np.random.Generator = 0) -> int:
        """Dimension of the stabiliser of a point, or of a generic point."""
        return self.dimension - self.orbit_dimension(w, rng=rng)

    def is_transitive_on_level_set(self, w: Point | None = None, *, rng: int | np.random.Generator = 0) -> bool:
        """Whether the orbit through a point, or through a generic point, is open in its level set: rank n - 1."""
        return self.orbit_dimension(w, rng=rng) == self.space.size - 1

    def _one_point(self, w: Point) -> FloatArray:
        """A point as a vector."""
        flat = self.space.flat(w)
        if flat.ndim != 1:
            raise InputError(
                f"an array of the shape {list(flat.shape)}",
                why="one point is needed",
                cure=f"give a vector of {self.space.size} numbers",
            )
        return flat

    def _point_or_random(self, w: Point | None, rng: int | np.random.Generator) -> FloatArray:
        """A point, or a random one with positive coordinates where logarithms and roots are defined too."""
        if w is not None:
            return self._one_point(w)
        return read_generator(rng).uniform(0.5, 2.0, size=self.space.size)


def time_name(loss: Loss) -> str:
    """A name for the time that is no symbol of the loss, t where that is free.

    >>> from symmetries import Loss
    >>> time_name(Loss.parse("t**2 + x**2"))
    's'
    """
    taken = {*loss.parameters, *loss.data, *loss.constants}
    return next(name for name in chain(("t", "s", "r"), (f"t_{k}" for k in count())) if name not in taken)


def _rank(matrix: FloatArray) -> int:
    """Numerical rank."""
    if not matrix.size:
        return 0
    scale = np.linalg.norm(matrix, axis=1, keepdims=True)
    values = np.linalg.svd(matrix / np.where(scale > 0, scale, 1), compute_uv=False)
    return int((values > RANK_TOLERANCE * max(values[0], 1e-300)).sum())
