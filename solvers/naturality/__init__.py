"""Which changes of coordinates an optimizer does not notice: tests, verdicts, and how to make an optimizer natural.

Names are imported when they are first asked for; the adapter of PyTorch is in `solvers.pytorch.naturality`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifolds.lazy_package import import_on_demand

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

import_on_demand(__name__, _ROOMS)
