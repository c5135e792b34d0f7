"""Vector spaces as spaces to optimize on: every step is an addition."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from manifolds.array_api import Array, converted, namespace
from manifolds.checks import Seed, batch_shape, generator
from manifolds.errors import InputError
from manifolds.space import Space, entries
from manifolds.space_checks import require_alike, require_entries, require_finite, require_gradient


@final
class Euclidean(Space):
    r"""The vector space of arrays of one shape, with :math:`\langle D_1, D_2 \rangle = \sum_i D_{1i} D_{2i}`.

    Sections and lifts are identities and a step is :math:`Y + W`: a rule does here what it does in any textbook.

    Parameters
    ----------
    shape : int or tuple of int
        The shape of a point; `()` for numbers.
    field : "real" or "complex"

    Raises
    ------
    InputError
        If the shape is none, or the field is unknown.

    Examples
    --------
    >>> space = Euclidean(2)
    >>> space.retract(space.section(np.array([1.0, 2.0])), np.array([0.5, 0.0]))
    array([1.5, 2. ])
    """

    def __init__(self, shape: int | tuple[int, ...], *, field: str = "real") -> None:
        self._shape = batch_shape(shape)
        self.field = read_field(field)

    @property
    def name(self) -> str:
        """Such as `Euclidean((3, 2))`."""
        return f"Euclidean({self._shape}{field_words(self.field)})"

    @property
    def dimension(self) -> int:
        """The number of real coordinates."""
        return self.size * (2 if self.field == "complex" else 1)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a point."""
        return self._shape

    @property
    def size(self) -> int:
        """The number of entries."""
        return entries(self._shape)

    def section(self, Y: Array, *, carried: Any = None, check: bool = True) -> Array:
        """The point itself."""
        if check:
            require_finite(
                self._entries(Y, "Y"), what="Y", why="a point has finite entries", cure="look where it was computed"
            )
        return Y

    def lift(self, context: Array, G: Array, *, check: bool = True) -> Array:
        """G itself."""
        if check:
            require_gradient(G, context)
        return G

    def retract(self, context: Array, W: Array, *, check: bool = True) -> Array:
        """Y + W."""
        if check:
            require_alike(W, context, what="the step")
        Y = context + W
        if check:
            require_finite(
                Y, what="the next point", why="the step is not finite, or too long", cure="take a shorter step"
            )
        return Y

    def tangent(self, context: Array, D: Array) -> Array:
        """D itself."""
        return D

    def coordinates(self, context: Array, X: Array) -> Array:
        """X itself."""
        return X

    def horizontal(self, D: Array) -> Array:
        """D itself."""
        return D

    def inner(self, D1: Array, D2: Array) -> Array:
        """The sum of the products of the entries."""
        return real_inner(D1, D2, axes=len(self._shape))

    def error(self, Y: Array) -> Array:
        """Zero."""
        return 0 * self.inner(Y, Y)

    def belongs(self, Y: Array, tolerance: float | None = None) -> bool:
        """Whether all entries are finite."""
        xp = namespace(self._entries(Y, "Y"))
        return bool(xp.all(xp.isfinite(Y)))

    def project(self, Y: Array) -> Array:
        """Y itself, refused where it is not finite."""
        require_finite(self._entries(Y, "Y"), what="Y", why="no point is near to it", cure="look where it was computed")
        return Y

    def random(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None) -> Array:
        """Standard normal entries."""
        return converted(gaussian(generator(rng), (*batch_shape(batch), *self._shape), self.field), like)

    def random_coordinates(self, rng: Seed, batch: int | tuple[int, ...] = (), *, like: Any = None) -> Array:
        """Standard normal entries."""
        return self.random(rng, batch, like=like)

    def distance(self, X: Array, Y: Array) -> Array:
        """The norm of the difference."""
        return self.norm(self._entries(Y, "Y") - self._entries(X, "X"))

    def _entries(self, Y: Array, what: str) -> Array:
        """Y, refused when its shape or type is another one."""
        return require_entries(Y, shape=self._shape, field=self.field, what=what, space=self.name)


def real_inner(A: Array, B: Array, *, axes: int) -> Array:
    """The real part of the sum of conj(A) B over the last axes.

    Examples
    --------
    >>> real_inner(np.array([1j, 1.0]), np.array([1j, 2.0]), axes=1)
    np.float64(3.0)
    """
    xp = namespace(A)
    last = tuple(range(-axes, 0))
    if not xp.isdtype(A.dtype, "complex floating"):
        return xp.sum(A * B, axis=last)
    return xp.sum(xp.real(A) * xp.real(B) + xp.imag(A) * xp.imag(B), axis=last)


def gaussian(rng: np.random.Generator, shape: tuple[int, ...], field: str) -> Any:
    """Standard normal entries; complex ones have independent real and imaginary parts of variance 1/2.

    Examples
    --------
    >>> gaussian(np.random.default_rng(0), (2,), "complex").dtype
    dtype('complex128')
    """
    if field == "real":
        return rng.standard_normal(shape)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / 2**0.5


def read_field(field: str) -> str:
    """The field, `"real"` or `"complex"`.

    Raises
    ------
    InputError
        If it is another word.

    Examples
    --------
    >>> read_field("real")
    'real'
    """
    if field not in ("real", "complex"):
        raise InputError(
            f"field = {field!r} is unknown",
            why="frames and vectors are made of real or of complex numbers",
            cure='give "real" or "complex"',
        )
    return field


def field_words(field: str) -> str:
    """The field as an argument in a name; nothing for the real one.

    Examples
    --------
    >>> field_words("real"), field_words("complex")
    ('', ", field='complex'")
    """
    return "" if field == "real" else f", field={field!r}"
