"""Symmetries of PyTorch modules, teleportation in training, and optimizers on homogeneous spaces.

It needs the extra `torch`; no other package imports it.

>>> import torch
>>> from manifolds.spaces import Stiefel
>>> weight = ManifoldParameter(torch.eye(5)[:, :2], Stiefel(5, 2))
>>> optimizer = ManifoldOptimizer([weight], rule="adam", lr=1e-2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifolds.errors import InputError
from manifolds.lazy_package import import_on_demand


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

_ROOMS = {
    "discovery": ("discover_module",),
    "learned": ("MetaResult", "MetaSettings", "ModuleTask", "RegressionTask", "learn_optimizer"),
    "meters": ("curvature", "hessian_trace", "sharpness", "spectral_density", "top_eigenvalues"),
    "natural_gradient": ("NaturalGradient",),
    "naturality": ("TorchAdapter",),
    "objective": ("ModuleObjective", "module_objective"),
    "optimizer": ("ManifoldOptimizer",),
    "parameter": ("ManifoldParameter",),
    "symmetry.approximate": ("ApproximateSymmetry",),
    "symmetry.balancing": ("balance",),
    "symmetry.canonical": ("canonical",),
    "symmetry.finder": ("symmetries_of",),
    "symmetry.matching": ("align",),
    "symmetry.module_symmetry": ("ModuleSymmetry",),
    "teleporter": ("Teleporter",),
    "teleporting.wrapper": ("Teleporting",),
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

import_on_demand(__name__, _ROOMS)
