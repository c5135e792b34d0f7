"""The operations of the formula language that move entries: indexing, reshaping, joining."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from manifolds.errors import InputError
from symmetries.expression import Node, Shape, check_shape


def gather(x: Node, positions: tuple[int, ...], shape: Shape) -> Node:
    """Entries of ``x`` at the given row-major positions, as an array of the given shape."""
    check_shape(shape, what="the result of an indexing")
    return Node("gather", (x,), shape, positions)


def index(x: Node, key: tuple[int | slice | None, ...]) -> Node:
    """NumPy basic indexing with integers, slices and new axes."""
    lengths, shape = list(x.shape), []
    positions, stride = np.zeros((), dtype=np.int64), x.size
    for part in (*key, *(slice(None) for _ in range(x.ndim - sum(part is not None for part in key)))):
        if part is None:
            shape.append(1)
            continue
        if not lengths or (isinstance(part, int) and not -lengths[0] <= part < lengths[0]):
            raise InputError(
                f"the index {key_text(key)} into an array of shape {list(x.shape)}",
                why="it is out of range; indices start at 0",
                cure="use indices below the lengths of the shape",
            )
        length = lengths.pop(0)
        stride //= length
        if isinstance(part, int):
            positions = positions + part % length * stride
            continue
        chosen = np.arange(*part.indices(length))
        if not chosen.size:
            what = f"the slice {key_text(key)} of an array of shape {list(x.shape)}"
            raise InputError(what, why="it is empty", cure="widen it")
        shape.append(chosen.size)
        check_shape(tuple(shape), what="the result of an indexing")
        positions = positions[..., None] + chosen * stride
    flat = positions.ravel()
    if flat.size == x.size and (flat == np.arange(x.size)).all():
        return reshape(x, tuple(shape))
    return gather(x, tuple(flat.tolist()), tuple(shape))


def key_text(key: tuple[int | slice | None, ...]) -> str:
    """An index as a user writes it."""

    def one(part: int | slice | None) -> str:
        """One part of the index."""
        if not isinstance(part, slice):
            return str(part)
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends + ([str(part.step)] if part.step is not None else []))

    return "[" + ", ".join(one(part) for part in key) + "]"


def reshape(x: Node, shape: Shape) -> Node:
    """The same entries, row by row, in another shape; one length may be -1."""
    if shape.count(-1) == 1:
        rest = -math.prod(shape)
        if rest > 0 and x.size % rest == 0:
            shape = tuple(x.size // rest if length == -1 else length for length in shape)
    check_shape(shape, what="the result of reshape")
    if math.prod(shape) != x.size:
        raise InputError(
            f"reshape of an array of shape {list(x.shape)} to {list(shape)}",
            why=f"they hold {x.size} and {math.prod(shape)} entries",
            cure="choose lengths whose product is the same",
        )
    return x if shape == x.shape else Node("reshape", (x,), shape)


def concatenate(parts: Sequence[Node], axis: int = 0) -> Node:
    """Arrays joined along an axis."""
    if not parts:
        raise InputError(
            "concatenate was given no arrays", why="there is nothing to join", cure="give it a list of arrays"
        )
    ndim = parts[0].ndim
    axis = normalise_axis(axis, ndim, "concatenate")
    rest = {part.shape[:axis] + part.shape[axis + 1 :] for part in parts}
    if len(rest) != 1 or any(part.ndim != ndim for part in parts):
        raise InputError(
            f"concatenate was given arrays of shapes {', '.join(str(list(part.shape)) for part in parts)}",
            why=f"they must agree in all axes but axis {axis}",
            cure="reshape or transpose them first",
        )
    length = sum(part.shape[axis] for part in parts)
    shape = (*parts[0].shape[:axis], length, *parts[0].shape[axis + 1 :])
    check_shape(shape, what="the result of concatenate")
    return Node("concatenate", tuple(parts), shape, axis)


def normalise_axis(axis: int, ndim: int, what: str) -> int:
    """Axis counted from the front."""
    if not -ndim <= axis < ndim:
        raise InputError(
            f"{what} along axis {axis}", why=f"the array has {ndim} axes", cure="use an axis below that number"
        )
    return axis % ndim
