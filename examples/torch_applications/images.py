"""Small images as sequences of patches: the digits of scikit-learn, or files in the IDX format of MNIST."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from manifolds.errors import InputError
from solvers.pytorch.datasets import idx_arrays


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
    arrays = idx_arrays(folder)
    return Images(
        cut(arrays["train_images"].astype(np.float32) / 255, side),
        arrays["train_labels"].astype(np.int64),
        cut(arrays["test_images"].astype(np.float32) / 255, side),
        arrays["test_labels"].astype(np.int64),
    )
