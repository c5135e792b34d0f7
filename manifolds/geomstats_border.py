"""Where objects of geomstats come in: its groups as ours, its points as matrices and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from manifolds.affine import SpecialEuclidean
from manifolds.checks import Array, real_array
from manifolds.errors import InputError
from manifolds.general_linear import GeneralLinear
from manifolds.groups import MatrixGroup
from manifolds.orthogonal import SpecialOrthogonal
from manifolds.unipotent import Heisenberg


def from_geomstats(group: Any) -> MatrixGroup:
    """The group of ours that a group object of geomstats stands for; `MatrixGroup.to_geomstats` is the way back.

    Parameters
    ----------
    group : GeneralLinear, SpecialOrthogonal, SpecialEuclidean or HeisenbergVectors of geomstats
        In its representation by matrices, or by vectors where geomstats has one. Points of the former are elements of
        ours as they are; those of the latter are translated by `matrices_from_geomstats`.

    Raises
    ------
    InputError
        If it is another object.

    Examples
    --------
    >>> from manifolds import load_geomstats
    >>> from_geomstats(load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(3))
    SO(3)
    """
    name = type(group).__name__
    if type(group).__module__.startswith("geomstats."):
        if name == "GeneralLinear":
            return GeneralLinear(group.n, positive_determinant=group.positive_det)
        if name.startswith("_SpecialOrthogonal"):
            return SpecialOrthogonal(group.n)
        if name.startswith("_SpecialEuclidean"):
            return SpecialEuclidean(group.n)
        if name == "HeisenbergVectors":
            return Heisenberg(1)
    raise InputError(
        f"an object of type {name} is no group that can be taken over from geomstats",
        why="the groups in common are GeneralLinear, SpecialOrthogonal, SpecialEuclidean and HeisenbergVectors",
        cure="give one of these, or subclass MatrixGroup",
    )


def _by_vectors(group: Any) -> bool:
    return type(group).__name__.endswith("Vectors")


def matrices_from_geomstats(group: Any, points: ArrayLike) -> Array:
    """The points of a group of geomstats as elements of ours: checked, and made matrices where they are vectors.

    Parameters
    ----------
    group : object of geomstats
        The group to which the points belong.
    points : array
        Of shape (..., n, n), or (..., m) for a group of vectors.

    Raises
    ------
    InputError
        If a point does not belong to the group.

    Examples
    --------
    >>> from manifolds import load_geomstats
    >>> so3 = load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(3, point_type="vector")
    >>> matrices_from_geomstats(so3, [0.0, 0.0, np.pi / 2]).round(12)[0] + 0.0
    array([ 0., -1.,  0.])
    """
    ours = from_geomstats(group)
    if not _by_vectors(group):
        return ours.check(points, what="points")
    x = real_array(points, what="points")
    if x.ndim == 0 or x.shape[-1] != ours.dimension:
        raise InputError(
            f"points has the shape {x.shape}",
            why=f"a point of this group is a vector of {ours.dimension} numbers",
            cure=f"give an array of shape (..., {ours.dimension})",
        )
    if isinstance(ours, SpecialEuclidean):
        turns = ours.linear.dimension
        return ours.join(ours.linear.exp(ours.linear.combine(x[..., :turns])), x[..., turns:, None])
    return ours.exp(ours.combine(x))


def matrices_to_geomstats(group: Any, g: ArrayLike) -> Array:
    """Elements of ours as points of a group of geomstats: the matrices themselves, or its vectors.

    Parameters
    ----------
    group : object of geomstats
        The group to which the points shall belong.
    g : array of shape (..., n, n)

    Raises
    ------
    InputError
        If a matrix is not in the group, or is a rotation by pi where a vector is wanted.

    Examples
    --------
    >>> group = Heisenberg(1).to_geomstats()
    >>> matrices_to_geomstats(group, [[1.0, 2.0, 3.0], [0.0, 1.0, 4.0], [0.0, 0.0, 1.0]])
    array([ 2.,  4., -1.])
    """
    ours = from_geomstats(group)
    if not _by_vectors(group):
        return ours.check(g)
    if isinstance(ours, SpecialEuclidean):
        rotation, translation = ours.split(ours.check(g))
        vector = ours.linear.coordinates(ours.linear.log(rotation))
        return np.concatenate([vector, translation[..., 0]], axis=-1)
    return ours.coordinates(ours.log(g))
