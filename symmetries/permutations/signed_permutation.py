"""Signed permutations of coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from symmetries.refusal import shorten


@final
@dataclass(frozen=True)
class SignedPermutation:
    r"""A map that sends the basis vector :math:`e_i` to :math:`\pm e_{\sigma(i)}`.

    Parameters
    ----------
    names: names of the coordinates.
    images: :math:`\sigma(i)` for every coordinate.
    signs: the signs, 1 or -1.

    Raises
    ------
    InputError: the images are no permutation of the coordinates, or a sign is neither 1 nor -1.

    >>> turn = SignedPermutation(("x", "y"), (1, 0), (1, -1))
    >>> print(turn)
    x -> -y, y -> x
    >>> turn.order, turn.compose(turn).map
    (4, {'x': '-x', 'y': '-y'})
    """

    names: tuple[str, ...]
    images: tuple[int, ...]
    signs: tuple[int, ...]

    def __post_init__(self) -> None:
        size = len(self.names)
        if len(self.images) != size or len(self.signs) != size or sorted(self.images) != list(range(size)):
            what = f"a signed permutation of {size} coordinates with the images {shorten(str(list(self.images)))}"
            cure = f"give every number from 0 to {size - 1} once, and a sign for each"
            raise InputError(what, why="the images are no permutation of the coordinates", cure=cure)
        wrong = [sign for sign in self.signs if sign not in (1, -1)]
        if wrong:
            raise InputError(f"the sign {wrong[0]!r}", why="a sign is 1 or -1", cure="write 1 or -1")

    @classmethod
    def identity(cls, names: Sequence[str]) -> SignedPermutation:
        """The map that moves nothing.

        >>> SignedPermutation.identity(["x"]).is_identity
        True
        """
        return cls(tuple(names), tuple(range(len(names))), (1,) * len(names))

    @classmethod
    def from_map(cls, names: Sequence[str], moved: Mapping[str, str]) -> SignedPermutation:
        """The map whose new value of an entry is the given entry, ``"y"`` or ``"-y"``; absent entries stay.

        >>> print(SignedPermutation.from_map(["x", "y"], {"x": "-x"}))
        x -> -x
        """
        position = {name: k for k, name in enumerate(names)}
        images, signs = list(range(len(names))), [1] * len(names)
        for entry, text in moved.items():
            source = text.strip().removeprefix("-").strip()
            if entry not in position or source not in position:
                unknown = entry if entry not in position else source
                known = ", ".join(list(names)[:6]) + (", ..." if len(names) > 6 else "")
                what = f"{shorten(repr(unknown))} in a signed permutation"
                raise InputError(what, why="it is no coordinate", cure=f"use {known}, with a minus in front or not")
            images[position[source]] = position[entry]
            signs[position[source]] = -1 if text.strip().startswith("-") else 1
        return cls(tuple(names), tuple(images), tuple(signs))

    @classmethod
    def from_points(cls, names: Sequence[str], points: Sequence[int]) -> SignedPermutation:
        """The map with the given images of the points +e_0, ..., +e_(n-1), as numbers: -e_k is n + k."""
        size = len(names)
        images = tuple(int(point) % size for point in points[:size])
        return cls(tuple(names), images, tuple(-1 if point >= size else 1 for point in points[:size]))

    @cached_property
    def points(self) -> tuple[int, ...]:
        """The permutation of the 2n points +e_0, ..., +e_(n-1), -e_0, ..., -e_(n-1), counted from 0."""
        size = len(self.names)
        up = [image if sign > 0 else image + size for image, sign in zip(self.images, self.signs, strict=True)]
        return (*up, *((point + size) % (2 * size) for point in up))

    def apply(self, w: Any) -> Any:
        """The image of a vector; the coordinates stand on the last axis.

        >>> SignedPermutation.from_map(["x", "y"], {"x": "-y", "y": "x"}).apply([1.0, 2.0]).tolist()
        [-2.0, 1.0]
        """
        vector = np.asarray(w)
        if vector.shape[-1:] != (len(self.names),):
            why = f"there are {len(self.names)} coordinates"
            raise InputError(f"a point of shape {list(vector.shape)}", why=why, cure="put them on the last axis")
        result = np.empty_like(vector)
        result[..., list(self.images)] = vector * np.array(self.signs, dtype=vector.dtype)
        return result

    def compose(self, other: SignedPermutation) -> SignedPermutation:
        """This map after the other one."""
        if self.names != other.names:
            why, cure = "they act on different coordinates", "compose maps of the same loss"
            raise InputError("a composition of two signed permutations", why=why, cure=cure)
        images = tuple(self.images[image] for image in other.images)
        signs = tuple(sign * self.signs[image] for image, sign in zip(other.images, other.signs, strict=True))
        return SignedPermutation(self.names, images, signs)

    def inverse(self) -> SignedPermutation:
        """The map that undoes this one."""
        images, signs = [0] * len(self.names), [1] * len(self.names)
        for k, (image, sign) in enumerate(zip(self.images, self.signs, strict=True)):
            images[image], signs[image] = k, sign
        return SignedPermutation(self.names, tuple(images), tuple(signs))

    @property
    def is_identity(self) -> bool:
        """Whether nothing is moved."""
        return not self.support

    @cached_property
    def support(self) -> tuple[int, ...]:
        """The coordinates that are moved or change their sign."""
        pairs = enumerate(zip(self.images, self.signs, strict=True))
        return tuple(k for k, (image, sign) in pairs if image != k or sign < 0)

    @cached_property
    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """The cycles of the moved coordinates; one of twice its length, (x, y, -x, -y), turns signs.

        >>> SignedPermutation.from_map(["x", "y"], {"x": "-y", "y": "x"}).cycles
        (('x', 'y', '-x', '-y'),)
        """
        return tuple(self._cycles())

    def _cycles(self) -> Iterator[tuple[str, ...]]:
        size, seen = len(self.names), set()
        for start in self.support:
            if start in seen:
                continue
            cycle, point = [], start
            while point not in cycle:
                cycle.append(point)
                point = self.points[point]
            seen |= {point % size for point in cycle}
            yield tuple(self.names[point % size] if point < size else f"-{self.names[point % size]}" for point in cycle)

    @property
    def order(self) -> int:
        """The smallest power that is the identity."""
        return lcm(*(len(cycle) for cycle in self.cycles))

    @cached_property
    def map(self) -> dict[str, str]:
        """The new value of every moved entry, as the entry that it comes from."""
        moved = {}
        for k in self.support:
            moved[self.names[self.images[k]]] = self.names[k] if self.signs[k] > 0 else f"-{self.names[k]}"
        return {name: moved[name] for name in self.names if name in moved}

    @property
    def matrix(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The matrix of the map."""
        result = np.zeros((len(self.names), len(self.names)), dtype=np.int64)
        result[list(self.images), range(len(self.names))] = self.signs
        return result

    def __str__(self) -> str:
        return ", ".join(f"{entry} -> {value}" for entry, value in self.map.items()) or "identity"
