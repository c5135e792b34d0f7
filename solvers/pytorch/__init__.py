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
    from solvers.pytorch.discovery import discover_module
    from solvers.pytorch.learned import MetaResult, MetaSettings, ModuleTask, RegressionTask, learn_optimizer
    from solvers.pytorch.meters import curvature, hessian_trace, sharpness, spectral_density, top_eigenvalues
    from solvers.pytorch.natural_gradient import NaturalGradient
    from solvers.pytorch.naturality import TorchAdapter
    from solvers.pytorch.objective import ModuleObjective, module_objective
    from solvers.pytorch.optimizer import ManifoldOptimizer
    from solvers.pytorch.parameter import ManifoldParameter
    from solvers.pytorch.symmetry.approximate import ApproximateSymmetry
    from solvers.pytorch.symmetry.balancing import balance
    from solvers.pytorch.symmetry.canonical import canonical
    from solvers.pytorch.symmetry.finder import symmetries_of
    from solvers.pytorch.symmetry.matching import align
    from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
    from solvers.pytorch.teleporter import Teleporter
    from solvers.pytorch.teleporting.wrapper import Teleporting

_ROOM_OF = {
    "ApproximateSymmetry": "symmetry.approximate",
    "ManifoldOptimizer": "optimizer",
    "ManifoldParameter": "parameter",
    "MetaResult": "learned",
    "MetaSettings": "learned",
    "ModuleObjective": "objective",
    "ModuleSymmetry": "symmetry.module_symmetry",
    "ModuleTask": "learned",
    "NaturalGradient": "natural_gradient",
    "RegressionTask": "learned",
    "Teleporter": "teleporter",
    "Teleporting": "teleporting.wrapper",
    "TorchAdapter": "naturality",
    "align": "symmetry.matching",
    "balance": "symmetry.balancing",
    "canonical": "symmetry.canonical",
    "curvature": "meters",
    "discover_module": "discovery",
    "hessian_trace": "meters",
    "learn_optimizer": "learned",
    "module_objective": "objective",
    "sharpness": "meters",
    "spectral_density": "meters",
    "symmetries_of": "symmetry.finder",
    "top_eigenvalues": "meters",
}

__all__ = [
    "ApproximateSymmetry",
    "ManifoldOptimizer",
    "ManifoldParameter",
    "MetaResult",
    "MetaSettings",
    "MissingTorch",
    "ModuleObjective",
    "ModuleSymmetry",
    "ModuleTask",
    "NaturalGradient",
    "RegressionTask",
    "Teleporter",
    "Teleporting",
    "TorchAdapter",
    "align",
    "balance",
    "canonical",
    "curvature",
    "discover_module",
    "hessian_trace",
    "learn_optimizer",
    "module_objective",
    "sharpness",
    "spectral_density",
    "symmetries_of",
    "top_eigenvalues",
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
