"""Data of the experiments with networks: digits without a download, image sets from files, and a small regression."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manifolds.errors import InputError
from solvers.pytorch.data_files import read_cifar_batch, read_idx
from symmetries.arguments import read_generator, read_seed

IDX_NAMES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
CIFAR_TRAINING = tuple(f"data_batch_{number}" for number in range(1, 6))
CIFAR_TEST = "test_batch"
CIFAR_FOLDER = "cifar-10-batches-py"

TRAINING_DIGITS = 1500
"""Digits for training; the other 297 are for testing."""

REGRESSION_SEEDS = tuple(12345 * n * n for n in range(5))
"""Seeds of the published regression."""

REGRESSION_WIDTHS = (5, 6, 7, 8)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images as rows of numbers from 0 to 1, with their classes.

    Parameters
    ----------
    name: of the set.
    train_inputs, test_inputs: shape (images, pixels), floating.
    train_targets, test_targets: shape (images,), integers from 0.
    """

    name: str
    train_inputs: Tensor
    train_targets: Tensor
    test_inputs: Tensor
    test_targets: Tensor

    @property
    def features(self) -> int:
        """Entries of one input."""
        return int(self.train_inputs.shape[1])

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.train_targets.max()) + 1

    def first(self, train: int, test: int | None = None) -> Dataset:
        """The first images of each part.

        >>> digits28().first(100, 50).train_inputs.shape
        torch.Size([100, 784])
        """
        return replace(
            self,
            train_inputs=self.train_inputs[:train],
            train_targets=self.train_targets[:train],
            test_inputs=self.test_inputs[:test],
            test_targets=self.test_targets[:test],
        )


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Regression:
    r"""A small regression with the weights from which it starts.

    .. math:: \tfrac12 \lVert Y - W_3\,\sigma(W_2\,\sigma(W_1 X)) \rVert^2

    Parameters
    ----------
    inputs, targets: X and Y with one sample in each row, shapes (4, 5) and (4, 8).
    weights: W1, W2, W3, of shapes (6, 5), (7, 6), (8, 7).
    """

    inputs: Tensor
    targets: Tensor
    weights: tuple[Tensor, ...]


def digits28(rng: Any = 0, *, dtype: torch.dtype = torch.float32) -> Dataset:
    """The 1,797 digits of scikit-learn, stretched bilinearly from 8 x 8 to 28 x 28 pixels: 1,500 to train on.

    Parameters
    ----------
    rng: of the order, and so of what is held back for testing.
    dtype: of the pixels.

    >>> digits = digits28()
    >>> digits.train_inputs.shape, len(digits.test_targets), digits.classes
    (torch.Size([1500, 784]), 297, 10)
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    order = read_generator(rng).permutation(len(data.target))
    small = torch.from_numpy(np.ascontiguousarray(data.images[order]) / 16.0)[:, None]
    stretched = torch.nn.functional.interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    inputs, targets = stretched.flatten(1).to(dtype), torch.from_numpy(data.target[order].astype(np.int64))
    return Dataset(
        name="digits28",
        train_inputs=inputs[:TRAINING_DIGITS],
        train_targets=targets[:TRAINING_DIGITS],
        test_inputs=inputs[TRAINING_DIGITS:],
        test_targets=targets[TRAINING_DIGITS:],
    )


def read_folder(folder: str | Path, *, dtype: torch.dtype = torch.float32) -> Dataset:
    """The images of a folder: the four IDX files of MNIST or Fashion-MNIST, or the six batches of CIFAR-10.

    Parameters
    ----------
    folder: with the files under their published names; IDX files may end in ``.gz``.
    dtype: of the pixels.

    Raises
    ------
    InputError: files are missing or damaged, or do not belong together.
    """
    where = Path(folder)
    if not where.is_dir():
        raise InputError(f"the folder {where}", why="there is no such folder", cure="name one with the files")
    cifar = where / CIFAR_FOLDER if (where / CIFAR_FOLDER).is_dir() else where
    if any((cifar / name).exists() for name in (*CIFAR_TRAINING, CIFAR_TEST)):
        return _cifar(cifar, dtype)
    if any(_present(where, name) for name in IDX_NAMES.values()):
        return _idx(where, dtype)
    why = f"it has neither {IDX_NAMES['train_images']} (or .gz) nor {CIFAR_TRAINING[0]}"
    cure = "put the four files of MNIST or Fashion-MNIST there, or the batches of CIFAR-10 for Python"
    raise InputError(f"the folder {where}", why=why, cure=cure)


def idx_arrays(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """The four arrays of a folder with the files of MNIST, by the keys of `IDX_NAMES`.

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
    return arrays


def regression(rng: Any = 0, *, dtype: torch.dtype = torch.float64) -> Regression:
    """The published regression with three layers: every entry uniform on [0, 1], drawn in single precision.

    Parameters
    ----------
    rng: its seed; the published ones are in `REGRESSION_SEEDS`.
    dtype: of what is returned.

    >>> problem = regression(REGRESSION_SEEDS[1])
    >>> problem.inputs.shape, [tuple(weight.shape) for weight in problem.weights]
    (torch.Size([4, 5]), [(6, 5), (7, 6), (8, 7)])

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022),
    arXiv:2205.10637, section 6.
    """
    generator = torch.Generator().manual_seed(read_seed(rng))
    pairs = pairwise(REGRESSION_WIDTHS)
    shapes = [*((after, before) for before, after in pairs), (REGRESSION_WIDTHS[0], 4), (REGRESSION_WIDTHS[-1], 4)]
    *weights, inputs, targets = (torch.rand(shape, generator=generator).to(dtype) for shape in shapes)
    return Regression(inputs=inputs.T.contiguous(), targets=targets.T.contiguous(), weights=tuple(weights))


def _idx(folder: Path, dtype: torch.dtype) -> Dataset:
    """The set in IDX files."""
    arrays = idx_arrays(folder)
    return Dataset(
        name=folder.name or "idx",
        train_inputs=_pixels(arrays["train_images"], dtype),
        train_targets=torch.from_numpy(arrays["train_labels"].astype(np.int64)),
        test_inputs=_pixels(arrays["test_images"], dtype),
        test_targets=torch.from_numpy(arrays["test_labels"].astype(np.int64)),
    )


def _cifar(folder: Path, dtype: torch.dtype) -> Dataset:
    """The set in the batches of CIFAR-10."""
    missing = [name for name in (*CIFAR_TRAINING, CIFAR_TEST) if not (folder / name).exists()]
    if missing:
        raise InputError(
            f"the folder {folder}", why=f"the file {missing[0]} is missing", cure="put all six batches there"
        )
    batches = [read_cifar_batch(folder / name) for name in CIFAR_TRAINING]
    test_images, test_labels = read_cifar_batch(folder / CIFAR_TEST)
    return Dataset(
        name="CIFAR-10",
        train_inputs=_pixels(np.concatenate([images for images, _ in batches]), dtype),
        train_targets=torch.from_numpy(np.concatenate([labels for _, labels in batches])),
        test_inputs=_pixels(test_images, dtype),
        test_targets=torch.from_numpy(test_labels),
    )


def _pixels(images: NDArray[np.uint8], dtype: torch.dtype) -> Tensor:
    """Bytes as rows of numbers from 0 to 1."""
    return torch.from_numpy(images.reshape(len(images), -1).copy()).to(dtype) / 255


def _present(folder: Path, name: str) -> bool:
    """Whether a folder has a file or its compressed form."""
    return (folder / name).exists() or (folder / f"{name}.gz").exists()


def _found(folder: Path, name: str) -> Path:
    """The file of a name in a folder, or its compressed form.

    Raises
    ------
    InputError: there is neither.
    """
    if not _present(folder, name):
        raise InputError(
            f"the folder {folder}",
            why=f"it has neither {name} nor {name}.gz",
            cure="put the four files of MNIST or Fashion-MNIST there",
        )
    return folder / name if (folder / name).exists() else folder / f"{name}.gz"
