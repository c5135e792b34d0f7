"""Which changes of coordinates an optimizer does not notice: tests, verdicts, and how to make an optimizer natural.

Names are imported when they are first asked for; the adapter of PyTorch is in `solvers.pytorch.naturality`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from solvers.naturality.adapters import ScipyAdapter, from_rule
    from solvers.naturality.classify import classify
    from solvers.naturality.group_names import Group
    from solvers.naturality.lie_algebra import AlgebraTest, lie_algebra
    from solvers.naturality.loss_gauge import LossGauge, loss_gauge
    from solvers.naturality.morphism import Morphism, check_morphism
    from solvers.naturality.naturalise import naturalise
    from solvers.naturality.order_test import OrderTest
    from solvers.naturality.problem import Problem
    from solvers.naturality.problems import matrix_problems, vector_problems
    from solvers.naturality.registry import OPTIMIZERS, read_optimizer
    from solvers.naturality.relation import relation
    from solvers.naturality.slots import NoLift
    from solvers.naturality.spec import OptimizerSpec, lift, run
    from solvers.naturality.step_order import flow_order, step_order
    from solvers.naturality.structures import declare
    from solvers.naturality.submersion import submersion
    from solvers.naturality.symbolic import symbolic
    from solvers.naturality.teleportation import can_teleportation_help
    from solvers.naturality.towers import Tower
    from solvers.naturality.trajectory import TrajectoryTest, trajectory
    from solvers.naturality.type_inference import TypeTest, infer_types
    from solvers.naturality.verdict import Verdict

_ROOMS = {
    "adapters": (
        "ScipyAdapter",
        "from_rule",
    ),
    "classify": ("classify",),
    "group_names": ("Group",),
    "lie_algebra": (
        "AlgebraTest",
        "lie_algebra",
    ),
    "loss_gauge": (
        "LossGauge",
        "loss_gauge",
    ),
    "morphism": (
        "Morphism",
        "check_morphism",
    ),
    "naturalise": ("naturalise",),
    "order_test": ("OrderTest",),
    "problem": ("Problem",),
    "problems": (
        "matrix_problems",
        "vector_problems",
    ),
    "registry": (
        "OPTIMIZERS",
        "read_optimizer",
    ),
    "relation": ("relation",),
    "slots": ("NoLift",),
    "spec": (
        "OptimizerSpec",
        "lift",
        "run",
    ),
    "step_order": (
        "flow_order",
        "step_order",
    ),
    "structures": ("declare",),
    "submersion": ("submersion",),
    "symbolic": ("symbolic",),
    "teleportation": ("can_teleportation_help",),
    "towers": ("Tower",),
    "trajectory": (
        "TrajectoryTest",
        "trajectory",
    ),
    "type_inference": (
        "TypeTest",
        "infer_types",
    ),
    "verdict": ("Verdict",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "OPTIMIZERS",
    "AlgebraTest",
    "Group",
    "LossGauge",
    "Morphism",
    "NoLift",
    "OptimizerSpec",
    "OrderTest",
    "Problem",
    "ScipyAdapter",
    "Tower",
    "TrajectoryTest",
    "TypeTest",
    "Verdict",
    "can_teleportation_help",
    "check_morphism",
    "classify",
    "declare",
    "flow_order",
    "from_rule",
    "infer_types",
    "lie_algebra",
    "lift",
    "loss_gauge",
    "matrix_problems",
    "naturalise",
    "read_optimizer",
    "relation",
    "run",
    "step_order",
    "submersion",
    "symbolic",
    "trajectory",
    "vector_problems",
]


def __getattr__(name: str) -> Any:
    """Import the room of a public name when it is first asked for."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"solvers.naturality.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, those of rooms that are not loaded yet included."""
    return sorted(set(globals()) | set(__all__))


class _Naturality(ModuleType):
    """The package; a module named like its function does not hide the function once it is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _ROOM_OF.get(name) == name:
            value = getattr(value, name, value)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Naturality
