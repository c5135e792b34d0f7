"""Files of public image sets, read as data and nothing else: IDX files, and the pickled batches of CIFAR-10."""

from __future__ import annotations

import gzip
import io
import math
import pickle
import zlib
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from manifolds.errors import InputError

MOST_BYTES = 1 << 30
"""Larger files are refused, compressed ones by what they hold."""

CIFAR_ENTRIES = 3 * 32 * 32
"""Bytes of one image of CIFAR-10: the red, green and blue plane, row by row."""

IDX_CURE = "give the files of MNIST or Fashion-MNIST as they are published"
CIFAR_CURE = "give the batches of CIFAR-10 for Python as they are published"

STRINGS, NUMPY_ARRAY, NUMPY_DTYPE = ("_codecs", "encode"), ("numpy", "ndarray"), ("numpy", "dtype")
NUMPY_EMPTY = (("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of bytes in an IDX file, which may be compressed by gzip.

    Parameters
    ----------
    path: of the file; one that ends in ``.gz`` is unpacked.

    Raises
    ------
    InputError: it is no such file, not all of one, or larger than a gigabyte.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
    """
    content = _bytes_of(path, gzipped=path.suffix == ".gz", cure=IDX_CURE)
    if len(content) < 4 or content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise InputError(f"the file {path}", why="it is no IDX file of unsigned bytes", cure=IDX_CURE)
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=content[3], offset=4))
    entries = len(content) - 4 - 4 * content[3]
    if math.prod(shape) != entries:
        why = f"it announces an array of shape {shape} and holds {entries} entries"
        raise InputError(f"the file {path}", why=why, cure=IDX_CURE)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def read_cifar_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The images and labels of one batch of CIFAR-10 in its form for Python, without running anything from it.

    The file is a pickle, which may call any function when it is opened.  Here it can name the four functions that
    rebuild an array of NumPy and no other, and not even these are called: what they would get is read as data.

    Parameters
    ----------
    path: of the file.

    Returns
    -------
    Images of shape (n, 3072), labels of shape (n,).

    Raises
    ------
    InputError: the file is no such pickle, names anything else, or images and labels do not go together.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images" (2009).
    """
    content = _bytes_of(path, gzipped=False, cure=CIFAR_CURE)
    what = f"the file {path}"
    try:
        found = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except InputError as error:
        raise InputError(what, why=error.why, cure=error.cure) from None
    except Exception as error:  # noqa: BLE001 - the reader of damaged pickles raises errors of every kind
        raise InputError(what, why=f"it is no pickle: {str(error)[:200]}", cure=CIFAR_CURE) from None
    if not isinstance(found, dict):
        raise InputError(what, why="it holds no table", cure=CIFAR_CURE)
    table = {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in found.items()}
    images, labels = table.get("data"), table.get("labels")
    if isinstance(images, _Array):
        images = images.bytes_of_shape()
    if not isinstance(images, np.ndarray) or images.ndim != 2 or images.shape[1] != CIFAR_ENTRIES:
        raise InputError(what, why=f"it holds no rows of {CIFAR_ENTRIES} bytes called data", cure=CIFAR_CURE)
    is_list = isinstance(labels, list) and all(type(one) is int and 0 <= one < 10 for one in labels)
    if labels is None or not is_list or len(labels) != len(images) or not labels:
        raise InputError(what, why="it holds no list of labels from 0 to 9, one for each image", cure=CIFAR_CURE)
    return images, np.array(labels, dtype=np.int64)


def _bytes_of(path: Path, *, gzipped: bool, cure: str) -> bytes:
    """The content of a file."""
    try:
        with gzip.open(path) if gzipped else path.open("rb") as file:
            content: bytes = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"the file {path}", why=str(error), cure="name a readable file") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"the file {path}", why=f"it holds more than {MOST_BYTES} bytes", cure=cure)
    return content


@final
class _Unpickler(pickle.Unpickler):
    """A reader of pickles that knows arrays of NumPy and no other name."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """What stands in for a name.

        Raises
        ------
        InputError: the name belongs to no array.
        """
        name = (module_name, global_name)
        if name in NUMPY_EMPTY:
            return _Array
        if name == NUMPY_ARRAY:
            return NUMPY_ARRAY
        if name == NUMPY_DTYPE:
            return _Kind
        if name == STRINGS:
            return _encoded
        raise InputError(
            "a pickle", why=f"it names {module_name}.{global_name}, which no batch of images needs", cure=CIFAR_CURE
        )

    def persistent_load(self, pid: Any) -> Any:
        """Refuse references to what lies outside the file."""
        raise InputError("a pickle", why="it refers to something outside the file", cure=CIFAR_CURE)


@final
class _Kind:
    """What a pickle says of the type of an array."""

    __slots__ = ("code",)

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code

    def __setstate__(self, state: Any) -> None:
        """The order of the bytes, which one byte has not."""


@final
class _Array:
    """What a pickle says of an array: its shape and its bytes."""

    __slots__ = ("state",)

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        """Keep what the array would be rebuilt from."""
        self.state = state

    def bytes_of_shape(self) -> NDArray[np.uint8]:
        """The array, where it is one of bytes.

        Raises
        ------
        InputError: it is none, or it holds another number of them than its shape says.
        """
        what = "the array of a pickle"
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise InputError(what, why="nothing says what it holds", cure=CIFAR_CURE)
        _, shape, kind, by_columns, raw = self.state
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        known = isinstance(kind, _Kind) and kind.code in ("u1", "|u1") and isinstance(raw, bytes)
        sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
        if not known or not sizes or math.prod(shape) != len(raw):
            raise InputError(what, why="it is no array of bytes of the shape that it announces", cure=CIFAR_CURE)
        return np.frombuffer(raw, np.uint8).reshape(shape, order="F" if by_columns else "C")


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    """Bytes that an old pickle holds as text."""
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise InputError("a pickle", why="it holds bytes in a form that no batch has", cure=CIFAR_CURE)
    return text.encode("latin1")
