"""Symmetries of PyTorch modules, teleportation in training, and optimizers on homogeneous spaces.

It needs the extra `torch`; no other package imports it.

>>> import torch
>>> from manifolds.spaces import Stiefel
>>> weight = ManifoldParameter(torch.eye(5)[:, :2], Stiefel(5, 2))
>>> optimizer = ManifoldOptimizer([weight], rule="adam", lr=1e-2)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from solvers.pytorch.optimizer import ManifoldOptimizer
    from solvers.pytorch.parameter import ManifoldParameter
    from solvers.pytorch.symmetry.balancing import balance
    from solvers.pytorch.symmetry.canonical import canonical
    from solvers.pytorch.symmetry.finder import symmetries_of
    from solvers.pytorch.symmetry.matching import align
    from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
    from solvers.pytorch.teleporter import Teleporter

_ROOM_OF = {
    "ManifoldOptimizer": "optimizer",
    "ManifoldParameter": "parameter",
    "ModuleSymmetry": "symmetry.module_symmetry",
    "Teleporter": "teleporter",
    "align": "symmetry.matching",
    "balance": "symmetry.balancing",
    "canonical": "symmetry.canonical",
    "symmetries_of": "symmetry.finder",
}

__all__ = [
    "ManifoldOptimizer",
    "ManifoldParameter",
    "MissingTorch",
    "ModuleSymmetry",
    "Teleporter",
    "align",
    "balance",
    "canonical",
    "symmetries_of",
]


def __getattr__(name: str) -> Any:
    """Import the room of a public name when it is first asked for."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"solvers.pytorch.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, those of rooms that are not loaded yet included."""
    return sorted(set(globals()) | set(__all__))
