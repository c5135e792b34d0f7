"""Small images as sequences of patches: the digits of scikit-learn, or files in the IDX format of MNIST."""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from manifolds.errors import InputError

MOST_BYTES = 1 << 30
"""Larger files are refused, compressed ones by what they hold."""

IDX_NAMES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


@final
@dataclass(frozen=True, eq=False)
class Images:
    """Images cut into patches, for training and for testing.

    Parameters
    ----------
    train_tokens, test_tokens : float32 arrays of shape (images, patches, pixels of a patch)
        Pixels are from 0 to 1.
    train_labels, test_labels : int64 arrays of shape (images,)
        Classes from 0.
    """

    train_tokens: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_tokens: NDArray[np.float32]
    test_labels: NDArray[np.int64]

    @property
    def patches(self) -> int:
        """The number of patches of an image."""
        return self.train_tokens.shape[1]

    @property
    def pixels(self) -> int:
        """The number of pixels of a patch."""
        return self.train_tokens.shape[2]

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.train_labels.max()) + 1


def cut(images: NDArray[Any], side: int) -> NDArray[Any]:
    """Images in square patches, row by row.

    Parameters
    ----------
    images : array of shape (images, height, width)
    side : int
        Pixels along a side of a patch; it divides height and width.

    Raises
    ------
    InputError: the patches do not fill the image.

    >>> cut(np.arange(16).reshape(1, 4, 4), 2)[0].tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    """
    count, height, width = images.shape
    if side < 1 or height % side or width % side:
        raise InputError(
            f"patches of {side} x {side} pixels for images of {height} x {width}",
            why="they do not fill the image",
            cure="give a side that divides both",
        )
    blocks = images.reshape(count, height // side, side, width // side, side).transpose(0, 1, 3, 2, 4)
    return blocks.reshape(count, -1, side * side)


def digits(*, seed: int = 0, test: int = 360) -> Images:
    """The 1,797 digits of scikit-learn, 8 x 8 pixels in four patches, in random order.

    Parameters
    ----------
    seed : int
        Of the order, and so of what is held back for testing.
    test : int
        How many are held back.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(seed).permutation(len(data.target))
    tokens = cut(data.images.astype(np.float32) / 16, 4)[order]
    labels = data.target.astype(np.int64)[order]
    return Images(tokens[test:], labels[test:], tokens[:test], labels[:test])


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of bytes in an IDX file, which may be compressed by gzip.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError: it is no such file, or not all of one.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, EOFError) as error:
        raise InputError(f"the file {path}", why=str(error), cure="name a readable IDX file") from None
    cure = "give the files of MNIST or Fashion-MNIST as they are published"
    if len(content) > MOST_BYTES:
        raise InputError(f"the file {path}", why=f"it holds more than {MOST_BYTES} bytes", cure=cure)
    if len(content) < 4 or content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise InputError(f"the file {path}", why="it is no IDX file of unsigned bytes", cure=cure)
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=content[3], offset=4))
    entries = len(content) - 4 - 4 * content[3]
    if math.prod(shape) != entries:
        why = f"it announces an array of shape {shape} and holds {entries} entries"
        raise InputError(f"the file {path}", why=why, cure=cure)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def idx_folder(folder: Path, *, side: int = 7) -> Images:
    """The images of a folder with the four files of MNIST, or of Fashion-MNIST, by their published names.

    Parameters
    ----------
    folder : Path
    side : int
        Pixels along a side of a patch.

    Raises
    ------
    InputError: a file is missing or damaged, or labels and images do not belong together.
    """
    arrays = {part: read_idx(_found(folder, name)) for part, name in IDX_NAMES.items()}
    for part in ("train", "test"):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels) or not len(images):
            raise InputError(
                f"the {part} files of {folder}",
                why=f"images of shape {images.shape} do not go with labels of shape {labels.shape}",
                cure="give files of one data set",
            )
    if arrays["train_images"].shape[1:] != arrays["test_images"].shape[1:]:
        raise InputError(
            f"the files of {folder}", why="images for testing have another size", cure="give files of one data set"
        )
    if arrays["test_labels"].max() > arrays["train_labels"].max():
        raise InputError(f"the files of {folder}", why="a class is only in the test", cure="give files of one data set")
    return Images(
        cut(arrays["train_images"].astype(np.float32) / 255, side),
        arrays["train_labels"].astype(np.int64),
        cut(arrays["test_images"].astype(np.float32) / 255, side),
        arrays["test_labels"].astype(np.int64),
    )


def _found(folder: Path, name: str) -> Path:
    """The file of a name in a folder, or its compressed form."""
    plain, packed = folder / name, folder / f"{name}.gz"
    if not plain.exists() and not packed.exists():
        raise InputError(
            f"the folder {folder}",
            why=f"it has neither {name} nor {name}.gz",
            cure="put the four files of MNIST or Fashion-MNIST there",
        )
    return plain if plain.exists() else packed
