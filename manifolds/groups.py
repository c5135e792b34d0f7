"""MatrixGroup: a group of real matrices with its Lie algebra; what every group does, and what a new one must say."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from manifolds._geomstats import load_geomstats
from manifolds.checks import Array, Seed, generator, place, square_matrices
from manifolds.elements import MatrixElements
from manifolds.errors import InputError
from manifolds.linalg import expm, expm_frechet
from manifolds.logarithms import log_error, logm, refuse_negative_eigenvalues

LOG_ERROR = 1e-13
"""How far from its argument, relatively and for each row, the exponential of a quick logarithm may be."""

LOG_TOLERANCE = 1e-6
"""How far from its argument, relatively, the exponential of a logarithm may be."""


class MatrixGroup(MatrixElements):
    r"""A group :math:`G` of invertible real :math:`n \times n` matrices, with its Lie algebra :math:`\mathfrak g`.

    Elements and algebra elements are arrays of shape `(..., n, n)`: every function works on all leading axes at once,
    and the leading axes of two arguments broadcast. `exp` is the matrix exponential. For every group,
    :math:`e g = g e = g`, :math:`g g^{-1} = e`, :math:`(gh)k = g(hk)`; :math:`\exp((s+t)X) = \exp(sX)\exp(tX)`;
    :math:`g \exp(X) g^{-1} = \exp(\mathrm{Ad}_g X)`; :math:`\log` inverts :math:`\exp` where it is defined.
    `manifolds.testing.check_group` checks these laws, also on a group of yours.

    A subclass says three things: a basis of the algebra (`algebra_basis`), the equations of the group
    (`conditions`), and the nearest element (`nearest`). It may replace `nearest_algebra` by something quicker, and
    hook in faster formulas (`_exp_batch`, `_log`, `_inverse`). One exponential is computed by geomstats, see `exp`.

    Parameters
    ----------
    size : int
        The number :math:`n` of rows.
    name : str
        Such as `SO(3)`.
    algebra_name : str or None
        The name of the Lie algebra in the printed grammar, such as `so(3)`; None where that grammar has no name.

    Examples
    --------
    The group of matrices that preserve :math:`x^2 + 4y^2`, of which the library does not know:

    >>> class Ellipse(MatrixGroup):
    ...     def __init__(self):
    ...         super().__init__(size=2, name="SO(x^2 + 4y^2)", algebra_name="so(2)")
    ...     def algebra_basis(self):
    ...         return np.array([[[0.0, -4.0], [1.0, 0.0]]])
    ...     def conditions(self, g):
    ...         M = np.diag([1.0, 4.0])
    ...         return [Condition.matrix("g^T M g = M", g.mT @ M @ g - M),
    ...                 Condition.number("det g = 1", np.linalg.det(g) - 1)]
    ...     def nearest(self, A):
    ...         S = np.diag([1.0, 2.0])
    ...         return np.linalg.inv(S) @ rotation_polar(S @ A @ np.linalg.inv(S)) @ S
    >>> from manifolds import Condition
    >>> from manifolds.linalg import rotation_polar
    >>> group = Ellipse()
    >>> quarter = group.exp(group.combine([np.pi / 4]))
    >>> quarter.round(12) + 0.0
    array([[ 0. , -2. ],
           [ 0.5,  0. ]])
    >>> from manifolds.testing import check_group
    >>> check_group(group).passed
    True
    """

    _has_geomstats: bool = False

    @property
    def components(self) -> Array:
        """One element of each connected component, the identity first, of shape `(number of components, n, n)`."""
        return np.eye(self.size)[None]

    # Facts.

    @property
    def identity(self) -> Array:
        """The identity matrix."""
        return np.eye(self.size)

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, MatrixGroup) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        return (type(self), self.name, self.size)

    # The group.

    def compose(self, g: ArrayLike, h: ArrayLike, *more: ArrayLike) -> Array:
        r"""The product :math:`g h`, or :math:`g h k \cdots`.

        Raises
        ------
        InputError
            If a factor is not in the group (by more than `ELEMENT_TOLERANCE`).

        Examples
        --------
        >>> from manifolds import PositiveDiagonal
        >>> PositiveDiagonal(2).compose(np.diag([2.0, 3.0]), np.diag([5.0, 7.0]))
        array([[10.,  0.],
               [ 0., 21.]])
        """
        product = self.check(g, what="g")
        for factor in (h, *more):
            product = product @ self.check(factor, what="h")
        return product

    def inverse(self, g: ArrayLike) -> Array:
        r"""The inverse :math:`g^{-1}`.

        Raises
        ------
        InputError
            If :math:`g` is not in the group, in particular if it is not invertible.

        Examples
        --------
        >>> from manifolds import Unipotent
        >>> Unipotent(2).inverse([[1.0, 3.0], [0.0, 1.0]])
        array([[ 1., -3.],
               [ 0.,  1.]])
        """
        return self._inverse(self.check(g, what="g")).copy()

    def _inverse(self, g: Array) -> Array:
        return np.asarray(np.linalg.inv(g), dtype=float)

    def exp(self, X: ArrayLike) -> Array:
        r"""The exponential :math:`\exp X = \sum_{k \ge 0} X^k / k!`, an element of the group for :math:`X` in the Lie
        algebra.

        For one matrix, geomstats computes it: its own group where it has this one, its general linear group otherwise.
        For a batch, closed forms or `manifolds.linalg.expm` do.

        Parameters
        ----------
        X : array of shape (..., n, n)

        Raises
        ------
        InputError
            If :math:`X` is not in the Lie algebra, or so large that the exponential overflows.

        Examples
        --------
        >>> from manifolds import SpecialOrthogonal
        >>> SpecialOrthogonal(2).exp([[0.0, -np.pi / 2], [np.pi / 2, 0.0]]).round(12) + 0.0
        array([[ 0., -1.],
               [ 1.,  0.]])
        """
        X = square_matrices(X, self.size, what="X")
        norm2 = self._admit_algebra(X)
        if norm2 > 1e4:
            return self._large_exp(X, norm2)
        return self._plain_exp(X)

    def _plain_exp(self, X: Array) -> Array:
        if X.ndim == 2:
            return self._ambient.exp(X)
        return self._exp_batch(X) if X.size else X.copy()

    def _large_exp(self, X: Array, norm2: float) -> Array:
        """The exponential where it may overflow."""
        with np.errstate(over="ignore", invalid="ignore"):
            g = self._plain_exp(X)
        if not np.isfinite(g).all():
            raise InputError(
                f"the exponential of X overflows (|X| = {norm2**0.5:.3g})",
                why="the entries of exp X grow like the exponential of the largest eigenvalue of X",
                cure="take a smaller X",
            )
        return g

    def _exp_batch(self, X: Array) -> Array:
        return expm(X)

    def log(self, g: ArrayLike) -> Array:
        r"""The principal logarithm: the :math:`X` in the Lie algebra with :math:`\exp X = g` and
        :math:`|\mathrm{Im}\,\lambda| < \pi`.

        It exists for every :math:`g` without eigenvalues on the closed negative real axis, and inverts `exp` on the set
        of those :math:`X` in the Lie algebra all of whose eigenvalues have imaginary part in :math:`(-\pi, \pi)`. A
        group that has logarithms beyond, or lacks some of these, says so in its own documentation.

        Raises
        ------
        InputError
            If :math:`g` is not in the group, or has no principal logarithm: the eigenvalue is named.

        Examples
        --------
        >>> from manifolds import GeneralLinear
        >>> GeneralLinear(2).log([[1.0, 2.0], [0.0, 1.0]])
        array([[0., 2.],
               [0., 0.]])
        """
        g = self.check(g, what="g")
        return self._log(g) if g.size else g.copy()

    def _log(self, g: Array) -> Array:
        """The logarithm of checked elements: by geomstats for one and where square roots fail, else by square roots."""
        if g.ndim == 2:
            refuse_negative_eigenvalues(g)
            X = self._geomstats_log(g)
        else:
            X = logm(g)
            for index in np.argwhere(~(log_error(X, g) < LOG_ERROR * self.size)):
                X[tuple(index)] = self._geomstats_log(g[tuple(index)])
        poor = log_error(X, g) > LOG_TOLERANCE
        if poor.any():
            where = tuple(int(i) for i in np.argwhere(poor)[0]) if g.ndim > 2 else ()
            raise InputError(
                f"the logarithm of the matrix{place(where)} cannot be computed",
                why="it is too ill-conditioned: the exponential of what was found is another matrix",
                cure="take the logarithms of factors nearer to the identity",
            )
        return self.nearest_algebra(X)

    def _geomstats_log(self, g: Array) -> Array:
        """The logarithm of one matrix as geomstats computes it; not a number where that is not real."""
        with warnings.catch_warnings():
            # Where digits are lost SciPy, which geomstats calls, warns; here the caller looks at the exponential.
            warnings.filterwarnings("ignore", message="logm result may be inaccurate", category=RuntimeWarning)
            X = np.real_if_close(self._ambient.log(g), tol=1e6)
        return np.full(g.shape, np.nan) if np.iscomplexobj(X) else X

    def random(self, rng: Seed = 0, *, shape: int | tuple[int, ...] = (), scale: float = 1.0) -> Array:
        r"""Random elements: :math:`c \exp X` with :math:`X` from `random_algebra` and :math:`c` one of `components`,
        all equally likely.

        Parameters
        ----------
        rng : int or numpy.random.Generator
        shape : int or tuple of int
            The leading axes of the result.
        scale : float
            The standard deviation of the coordinates of :math:`X`.

        Examples
        --------
        >>> from manifolds import Symplectic
        >>> group = Symplectic(2)
        >>> group.belongs(group.random(1, shape=3))
        array([ True,  True,  True])
        """
        rng = generator(rng)
        g = self.exp(self.random_algebra(rng, shape=shape, scale=scale))
        return self._random_component(rng, g.shape[:-2]) @ g

    def _random_component(self, rng: np.random.Generator, axes: tuple[int, ...]) -> Array:
        representatives = self.components
        if len(representatives) == 1:
            return representatives[0]
        return representatives[rng.integers(len(representatives), size=axes)]

    def adjoint(self, g: ArrayLike) -> Array:
        r"""The matrix of :math:`\mathrm{Ad}_g : X \mapsto g X g^{-1}` in `basis`, of shape `(..., dimension,
        dimension)`.

        Examples
        --------
        >>> from manifolds import AffineGroup
        >>> AffineGroup(1).adjoint([[2.0, 3.0], [0.0, 1.0]])
        array([[ 1.,  0.],
               [-3.,  2.]])
        """
        g = self.check(g, what="g")
        moved = g[..., None, :, :] @ self.basis @ self._inverse(g)[..., None, :, :]
        return self._coordinates(moved).mT

    def dexp(self, X: ArrayLike, Y: ArrayLike) -> Array:
        r"""The differential of `exp` at :math:`X` along :math:`Y`, brought to the identity from the left.

        .. math::

            \mathrm{dexp}_X Y = \exp(-X)\,\frac{d}{dt}\exp(X + tY)\Big|_{t=0}
            = \sum_{k \ge 0} \frac{(-1)^k}{(k+1)!}\,\mathrm{ad}_X^k\, Y ,

        an element of the Lie algebra.

        Examples
        --------
        >>> from manifolds import PositiveDiagonal
        >>> PositiveDiagonal(2).dexp(np.diag([5.0, -1.0]), np.diag([1.0, 2.0])).round(12)
        array([[1., 0.],
               [0., 2.]])
        """
        X, Y = square_matrices(X, self.size, what="X"), square_matrices(Y, self.size, what="Y")
        self._admit_algebra(X)
        self._admit_algebra(Y, what="Y")
        g, derivative = expm_frechet(X, Y)
        return self.nearest_algebra(self._inverse(g) @ derivative)

    # geomstats.

    def to_geomstats(self) -> Any:
        """The group as an object of geomstats, whose points are the same matrices.

        Raises
        ------
        InputError
            If geomstats has no such group.

        Examples
        --------
        >>> from manifolds import SpecialOrthogonal
        >>> SpecialOrthogonal(3).to_geomstats().dim
        3
        """
        if not self._has_geomstats:
            raise InputError(
                f"geomstats has no group {self.name}",
                why="it has GL(n,R), GL+(n,R), SO(n), SE(n) and the Heisenberg group H(3)",
                cure="take manifolds.GeneralLinear(n).to_geomstats(), of which it is a subgroup",
            )
        return self._make_geomstats()

    def _make_geomstats(self) -> Any:
        """An object of geomstats whose exponential and logarithm are those of this group."""
        return load_geomstats("geometry.general_linear").GeneralLinear(self.size, equip=False)

    @cached_property
    def _ambient(self) -> Any:
        return self._make_geomstats()

    def __getstate__(self) -> dict[str, Any]:
        """What crosses a process boundary: the group without what it has cached."""
        return {key: value for key, value in vars(self).items() if key not in _CACHED}


_CACHED = frozenset({"basis", "_dual", "structure_constants", "_ambient"})
