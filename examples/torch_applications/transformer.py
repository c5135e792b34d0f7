"""A vision transformer whose query, key and value projections lie on a Stiefel manifold."""

from __future__ import annotations

import math
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from manifolds.spaces import Stiefel
from solvers.pytorch import ManifoldParameter


def glorot(*shape: int, rng: np.random.Generator, batch: tuple[int, ...] = ()) -> Tensor:
    r"""Entries uniform between :math:`\pm\sqrt{6 / (a + b)}` for a matrix of shape (a, b), in single precision.

    Source: X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).
    """
    bound = math.sqrt(6 / sum(shape))
    return torch.from_numpy(rng.uniform(-bound, bound, (*batch, *shape)).astype(np.float32))


@final
class Attention(nn.Module):
    r"""Self-attention of several heads, without a skip connection.

    Head i maps tokens X, one a row, to :math:`\operatorname{softmax}(X W^Q_i (X W^K_i)^{\mathsf T} / \sqrt N)\, X
    W^V_i`, where N is the width and projections have the shape (N, n); the outputs of the heads lie side by side.

    Parameters
    ----------
    width : int
        Length of a token.
    heads : int
        It divides the width.
    rng : numpy.random.Generator
    orthonormal : bool
        Whether the projections are on the Stiefel manifold, or free with Glorot's start.
    """

    def __init__(self, width: int, heads: int, *, rng: np.random.Generator, orthonormal: bool) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise InputError(
                f"{heads} heads for tokens of {width} entries",
                why="the outputs of the heads, side by side, are as long as a token",
                cure="give a number of heads that divides the length of a token",
            )
        self.heads, self.size = heads, width // heads
        space = Stiefel(width, self.size)
        self.projections: nn.Parameter
        if orthonormal:
            start = torch.from_numpy(space.random(rng, (3, heads)).astype(np.float32))
            self.projections = ManifoldParameter(start, space)
        else:
            self.projections = nn.Parameter(glorot(width, self.size, rng=rng, batch=(3, heads)))

    def forward(self, tokens: Tensor) -> Tensor:
        """The tokens of shape (images, patches, width) after attention, of the same shape."""
        images, patches, width = tokens.shape
        columns = self.projections.permute(2, 0, 1, 3).reshape(width, 3 * width)
        mapped = (tokens @ columns).view(images, patches, 3, self.heads, self.size).permute(2, 0, 3, 1, 4)
        queries, keys, values = mapped
        weights = torch.softmax(queries @ keys.mT * width**-0.5, dim=-1)
        return (weights @ values).transpose(1, 2).reshape(images, patches, width)


@final
class Residual(nn.Module):
    r"""The layer :math:`x + \tanh(W x + b)`.

    Parameters
    ----------
    width : int
    rng : numpy.random.Generator
    """

    def __init__(self, width: int, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(glorot(width, width, rng=rng))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """The tokens after the layer, of the same shape."""
        return tokens + torch.tanh(nn.functional.linear(tokens, self.weight, self.bias))


@final
class VisionTransformer(nn.Module):
    """Blocks of attention and a residual layer, and class probabilities from the last token.

    Parameters
    ----------
    width : int
        Pixels of a patch, which are the entries of a token.
    heads : int
        It divides the width.
    layers : int
        Number of blocks.
    classes : int
    seed : int
        Of the start.
    orthonormal : bool
        Whether query, key and value projections are on the Stiefel manifold.

    Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.

    >>> model = VisionTransformer(width=16, heads=4, layers=2, classes=10, seed=0)
    >>> model(torch.zeros(5, 4, 16)).shape, model.orthogonality_error() < 1e-6
    (torch.Size([5, 10]), True)
    """

    def __init__(
        self, *, width: int, heads: int, layers: int, classes: int, seed: int, orthonormal: bool = True
    ) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        blocks = [
            nn.Sequential(Attention(width, heads, rng=rng, orthonormal=orthonormal), Residual(width, rng=rng))
            for _ in range(layers)
        ]
        self.blocks = nn.Sequential(*blocks)
        self.weight = nn.Parameter(glorot(classes, width, rng=rng))

    def forward(self, tokens: Tensor) -> Tensor:
        """Class probabilities of shape (images, classes), from tokens of shape (images, patches, width)."""
        return torch.softmax(nn.functional.linear(self.blocks(tokens)[:, -1], self.weight), dim=-1)

    def orthogonality_error(self) -> float:
        r"""The largest :math:`\|Y^{\mathsf T} Y - I\|_F` of a projection."""
        errors = [
            parameter.space.error(parameter.detach()).max()
            for parameter in self.parameters()
            if isinstance(parameter, ManifoldParameter)
        ]
        return float(torch.stack(errors).max()) if errors else math.nan


def relative_error(probabilities: Tensor, labels: Tensor) -> Tensor:
    r"""The loss :math:`\|P - T\|_F / \|T\|_F` of class probabilities P, with one row of T a unit vector per label.

    One fixed class for all, of ten equally frequent ones, has the loss :math:`\sqrt{1.8} \approx 1.34`.

    >>> float(relative_error(torch.tensor([[0.0, 1.0]]), torch.tensor([1])))
    0.0
    """
    target = nn.functional.one_hot(labels, probabilities.shape[-1])
    return torch.linalg.vector_norm(probabilities - target) / math.sqrt(len(labels))
