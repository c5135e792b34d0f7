"""Where spaces of geomstats come in: its Stiefel manifolds, Grassmannians and rotations as spaces to optimize on."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from manifolds._geomstats import load_geomstats
from manifolds.checks import Array, real_array
from manifolds.errors import InputError
from manifolds.projectors import Projectors
from manifolds.rotations import Rotations
from manifolds.space import Space
from manifolds.space_checks import require_entries
from manifolds.spaces import Grassmann, Stiefel
from manifolds.vector_spaces import Euclidean


def space_from_geomstats(space: Any, *, retraction: str = "cayley") -> Space:
    """The space of ours that has the same points, as the same arrays, as a space of geomstats.

    Parameters
    ----------
    space : Stiefel, Grassmannian, SpecialOrthogonal (of matrices), Euclidean or Matrices of geomstats
        A Grassmannian of geomstats has projectors for points, and becomes `Projectors`.
    retraction : "cayley" or "geodesic"

    Raises
    ------
    InputError
        If it is another object.

    Examples
    --------
    >>> space_from_geomstats(load_geomstats("geometry.stiefel").Stiefel(5, 2))
    Stiefel(5, 2)
    >>> space_from_geomstats(load_geomstats("geometry.grassmannian").Grassmannian(5, 2))
    Projectors(5, 2)
    """
    name = type(space).__name__
    if type(space).__module__.startswith("geomstats."):
        if name == "Stiefel":
            return Stiefel(space.n, space.p, retraction=retraction)
        if name == "Grassmannian":
            return Projectors(space.n, space.p, retraction=retraction)
        if name == "_SpecialOrthogonalMatrices":
            return Rotations(space.n, retraction=retraction)
        if name in ("Euclidean", "Matrices"):
            return Euclidean(space.shape)
    vectors = name.startswith("_SpecialOrthogonal")
    raise InputError(
        f"an object of type {name} is no space that can be taken over from geomstats",
        why="rotation vectors are coordinates that break down, not points"
        if vectors
        else "the spaces in common are Stiefel, Grassmannian, SpecialOrthogonal, Euclidean and Matrices",
        cure='give SpecialOrthogonal(n, point_type="matrix")' if vectors else "give one of these, or subclass Space",
    )


def space_to_geomstats(space: Space) -> Any:
    """The space of geomstats that has the same elements as one of ours.

    Parameters
    ----------
    space : Stiefel, Grassmann, Projectors, Rotations or Euclidean
        Points of a `Grassmann` are translated by `points_to_geomstats`.

    Raises
    ------
    InputError
        If geomstats has no such space.

    Examples
    --------
    >>> space_to_geomstats(Grassmann(5, 2)).dim
    6
    """
    if getattr(space, "field", "real") == "real":
        if isinstance(space, Rotations):
            return load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(space.n)
        if isinstance(space, Stiefel):
            return load_geomstats("geometry.stiefel").Stiefel(space.N, space.n)
        if isinstance(space, Grassmann | Projectors):
            return load_geomstats("geometry.grassmannian").Grassmannian(space.N, space.n)
        if isinstance(space, Euclidean) and len(space.shape) == 1:
            return load_geomstats("geometry.euclidean").Euclidean(*space.shape)
        if isinstance(space, Euclidean) and len(space.shape) == 2:
            return load_geomstats("geometry.matrices").Matrices(*space.shape)
    raise InputError(
        f"geomstats has no space like {space!r}",
        why="it has real Stiefel manifolds, Grassmannians, rotations, vectors and matrices, none of them symplectic",
        cure="stay with the space here, which has all that an optimizer needs",
    )


def points_to_geomstats(space: Space, Y: ArrayLike) -> Array:
    """Points of ours as points of geomstats: for a `Grassmann` the projector onto the span, else the array itself.

    Parameters
    ----------
    space : Space
        The space of ours.
    Y : points of it

    Raises
    ------
    InputError
        If a point does not belong to the space.

    Examples
    --------
    >>> points_to_geomstats(Grassmann(2, 1), [[0.6], [0.8]]).round(12)
    array([[0.36, 0.48],
           [0.48, 0.64]])
    """
    Y = _checked(space, Y)
    return Y @ Y.mT if isinstance(space, Grassmann) else Y


def points_from_geomstats(space: Space, points: ArrayLike) -> Array:
    """Points of geomstats as points of ours: for a `Grassmann` a frame of the range of the projector.

    Parameters
    ----------
    space : Space
        The space of ours.
    points : array
        Points of `space_to_geomstats(space)`.

    Raises
    ------
    InputError
        If a point does not belong to the space.

    Examples
    --------
    >>> points_from_geomstats(Grassmann(2, 1), [[0.36, 0.48], [0.48, 0.64]]).round(12)
    array([[0.6],
           [0.8]])
    """
    if isinstance(space, Grassmann):
        projectors = Projectors(space.N, space.n)
        return projectors.frame(_checked(projectors, points))
    return _checked(space, points)


def tangents_to_geomstats(space: Space, Y: ArrayLike, X: ArrayLike) -> Array:
    r"""Tangent vectors of ours as those of geomstats; for a `Grassmann` :math:`X Y^{\mathsf T} + Y X^{\mathsf T}`.

    Parameters
    ----------
    space : Space
        The space of ours.
    Y, X : arrays of the shape of the points
        A point of ours and a tangent vector there.

    Examples
    --------
    >>> tangents_to_geomstats(Grassmann(2, 1), [[1.0], [0.0]], [[0.0], [2.0]])
    array([[0., 2.],
           [2., 0.]])
    """
    Y, X = _checked(space, Y), _tangents(space, X)
    if not isinstance(space, Grassmann):
        return X
    half = X @ Y.mT
    return half + half.mT


def tangents_from_geomstats(space: Space, Y: ArrayLike, X: ArrayLike) -> Array:
    r"""Tangent vectors of geomstats as those of ours; for a `Grassmann` :math:`X Y`.

    Parameters
    ----------
    space : Space
        The space of ours.
    Y : array of the shape of the points
        A point of ours.
    X : array
        A tangent vector of geomstats there.

    Examples
    --------
    >>> tangents_from_geomstats(Grassmann(2, 1), [[1.0], [0.0]], [[0.0, 2.0], [2.0, 0.0]])
    array([[0.],
           [2.]])
    """
    Y, X = _checked(space, Y), _tangents(Projectors(space.N, space.n) if isinstance(space, Grassmann) else space, X)
    return X @ Y if isinstance(space, Grassmann) else X


def _checked(space: Space, points: ArrayLike) -> Array:
    """Points as an array, refused when one is not on the space."""
    Y = real_array(points, what="points")
    space.section(Y)
    return Y


def _tangents(space: Space, X: ArrayLike) -> Array:
    """Tangent vectors as an array, refused when it has not the shape of points."""
    return require_entries(real_array(X, what="X"), shape=space.shape, field="real", what="X", space=space.name)
