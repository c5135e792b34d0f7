"""The classes of changes of coordinates that optimizers are tried on, by name."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.naturality import linear_maps as linear
from solvers.naturality import nonlinear_maps as curved
from solvers.naturality.morphism import Morphism

Factory = Callable[[tuple[int, ...], np.random.Generator], Morphism]
"""A random map of a class, from the shape of the parameters."""


def _on_entries(factory: Callable[..., Morphism]) -> Factory:
    """A class of maps of all entries in a row."""
    return lambda shape, rng: factory(int(np.prod(shape)), rng)


def _on_matrices(factory: Callable[[tuple[int, int], Any], Morphism]) -> Factory:
    """A class of maps that knows rows and columns."""
    return lambda shape, rng: factory((shape[0], shape[1]), rng)


def _matrix_translation(shape: tuple[int, ...], rng: np.random.Generator) -> Morphism:
    """A shift of a matrix, whose rows and columns are not mixed."""
    shift = linear.translation(int(np.prod(shape)), rng).apply(np.zeros(int(np.prod(shape))))
    factors = (np.eye(shape[0]), np.eye(shape[1]))
    return Morphism.linear(np.eye(len(shift)), shift, name="translation", factors=factors)


def _matrix_scalar(shape: tuple[int, ...], rng: np.random.Generator) -> Morphism:
    """A uniform scaling of a matrix, by way of its rows."""
    factor = float(linear.scalar(1, rng).jacobian(np.zeros(1))[0, 0])
    return linear.two_sided(factor * np.eye(shape[0]), np.eye(shape[1]), name="uniform scaling")


def _rows_apart(shape: tuple[int, ...], rng: np.random.Generator) -> Morphism:
    """An orthogonal map of the entries of each row by itself, and a permutation of the rows."""
    return linear.block_rotations(int(np.prod(shape)), rng, block=shape[-1])


def _rotation(shape: tuple[int, ...], rng: np.random.Generator) -> Morphism:
    """An orthogonal map of determinant 1."""
    return linear.orthogonal(int(np.prod(shape)), rng, determinant=1)


def _reflection(shape: tuple[int, ...], rng: np.random.Generator) -> Morphism:
    """An orthogonal map of determinant -1."""
    return linear.orthogonal(int(np.prod(shape)), rng, determinant=-1)


def _minus(shape: tuple[int, ...], _rng: np.random.Generator) -> Morphism:
    """Minus the identity."""
    return Morphism.linear(-np.eye(int(np.prod(shape))), name="minus the identity")


VECTOR_CLASSES: Mapping[str, Factory] = {
    "translation": _on_entries(linear.translation),
    "permutation": _on_entries(linear.permutation),
    "sign": _on_entries(linear.sign_flip),
    "orthogonal": _on_entries(linear.orthogonal),
    "scalar": _on_entries(linear.scalar),
    "diagonal": _on_entries(linear.positive_diagonal),
    "block-rotation": _on_entries(linear.block_rotations),
    "general": _on_entries(linear.general_linear),
}
"""Linear maps of vectors, and translations."""

MATRIX_CLASSES: Mapping[str, Factory] = {
    "translation": _matrix_translation,
    "permutation": _on_matrices(linear.matrix_permutation),
    "sign": _on_matrices(linear.matrix_signs),
    "left-orthogonal": _on_matrices(linear.left_orthogonal),
    "right-orthogonal": _on_matrices(linear.right_orthogonal),
    "orthogonal": _on_matrices(linear.two_sided_orthogonal),
    "scalar": _matrix_scalar,
    "diagonal": _on_matrices(linear.two_sided_diagonal),
    "two-sided": _on_matrices(linear.two_sided_general),
    "rows-apart": _rows_apart,
    "entry-sign": _on_entries(linear.sign_flip),
    "entry-orthogonal": _on_entries(linear.orthogonal),
    "general": _on_entries(linear.general_linear),
}
"""Linear maps of matrices, and translations; ``orthogonal`` and ``diagonal`` act on rows and columns."""

SQUARE_CLASSES: Mapping[str, Factory] = {"transpose": lambda shape, _rng: linear.transpose(shape[0])}
"""Maps of square matrices only."""

DISCRETE_CLASSES: Mapping[str, Factory] = {
    "entry-permutation": _on_entries(linear.permutation),
    "entry-sign": _on_entries(linear.sign_flip),
    "rotation": _rotation,
    "reflection": _reflection,
    "minus": _minus,
}
"""Maps that tell apart the groups of one algebra."""

NONLINEAR_CLASSES: Mapping[str, Factory] = {
    "coordinatewise": _on_entries(curved.coordinatewise),
    "conformal": _on_entries(curved.inversion),
    "lower-triangular": _on_entries(curved.triangular),
    "upper-triangular": lambda shape, rng: curved.triangular(int(np.prod(shape)), rng, upper=True),
    "generic": _on_entries(curved.generic),
}
"""Smooth maps that are not affine."""

MATRIX_NONLINEAR_CLASSES: Mapping[str, Factory] = {
    "coordinatewise": _on_entries(curved.coordinatewise),
    "moebius": _on_matrices(curved.matrix_moebius),
    "generic": _on_entries(curved.generic),
}
"""Smooth maps of matrices that are not affine."""


def linear_classes(shape: tuple[int, ...]) -> Mapping[str, Factory]:
    """The linear classes for parameters of a shape.

    >>> len(linear_classes((4,))), "transpose" in linear_classes((3, 3))
    (8, True)
    """
    if len(shape) == 1:
        known = VECTOR_CLASSES if shape[0] % 2 == 0 else _without(VECTOR_CLASSES, "block-rotation")
        return known if shape[0] > 1 else _without(known, "permutation")
    return {**MATRIX_CLASSES, **SQUARE_CLASSES} if shape[0] == shape[1] else MATRIX_CLASSES


def nonlinear_classes(shape: tuple[int, ...]) -> Mapping[str, Factory]:
    """The nonlinear classes for parameters of a shape.

    >>> list(nonlinear_classes((2, 3)))
    ['coordinatewise', 'moebius', 'generic']
    """
    if shape == (1,):
        return _without(_without(NONLINEAR_CLASSES, "lower-triangular"), "upper-triangular")
    return NONLINEAR_CLASSES if len(shape) == 1 else MATRIX_NONLINEAR_CLASSES


def sample(name: str, shape: tuple[int, ...], *, count: int, seed: int) -> list[Morphism]:
    """Random maps of a class; the same seed gives the same maps, whatever other classes are tried.

    Raises
    ------
    InputError: the class is not known for parameters of this shape.

    >>> [map.name for map in sample("scalar", (3,), count=2, seed=0)]
    ['uniform scaling', 'uniform scaling']
    """
    known = {**DISCRETE_CLASSES, **linear_classes(shape), **nonlinear_classes(shape)}
    if name not in known:
        raise InputError(f"the class {name!r}", why="it is not known here", cure=f"use one of {', '.join(known)}")
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return [known[name](shape, rng) for _ in range(count)]


def samples(names: Sequence[str], shape: tuple[int, ...], *, count: int, seed: int) -> dict[str, list[Morphism]]:
    """Random maps of several classes, by name.

    Raises
    ------
    InputError: the names are one, or a class is not known for parameters of this shape.

    >>> {name: len(maps) for name, maps in samples(["scalar", "sign"], (3,), count=2, seed=0).items()}
    {'scalar': 2, 'sign': 2}
    """
    if isinstance(names, str):
        raise InputError(f"classes={names!r}", why="it is one name", cure=f"write [{names!r}]")
    return {name: sample(name, shape, count=count, seed=seed) for name in names}


def _without(classes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The classes but one."""
    return {key: value for key, value in classes.items() if key != name}
