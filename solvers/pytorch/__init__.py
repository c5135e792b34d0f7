"""Optimizers of this package as optimizers of PyTorch.

It needs the extra `torch`; no other package imports it.

>>> import torch
>>> from manifolds.spaces import Stiefel
>>> weight = ManifoldParameter(torch.eye(5)[:, :2], Stiefel(5, 2))
>>> optimizer = ManifoldOptimizer([weight], rule="adam", lr=1e-2)
"""

from __future__ import annotations

from manifolds.errors import InputError


class MissingTorch(InputError, ImportError):
    """PyTorch is not installed."""


try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingTorch(
        "solvers.pytorch needs PyTorch, which is not installed",
        why="PyTorch is an extra, since its builds are large and most of this package does without it",
        cure="`make setup-torch` in a checkout, or `pip install 'symport[torch]'`",
    ) from error

from solvers.pytorch.optimizer import ManifoldOptimizer  # noqa: E402
from solvers.pytorch.parameter import ManifoldParameter  # noqa: E402

__all__ = ["ManifoldOptimizer", "ManifoldParameter", "MissingTorch"]
