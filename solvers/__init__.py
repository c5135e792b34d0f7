"""What one does with the symmetries of a loss: teleportation, optimizers, Newton equivalence, convergence theory.

Names are imported when they are first asked for; PyTorch is in `solvers.pytorch`, which nothing here imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifolds.lazy_package import import_on_demand

if TYPE_CHECKING:
    from solvers.batches import MiniBatches
    from solvers.compare import compare
    from solvers.comparing.comparison import Comparison
    from solvers.cost import Cost
    from solvers.discover import discover
    from solvers.discovery.axes import AxisMatrices, AxisScalings
    from solvers.discovery.result import Discovery
    from solvers.equivalence.newton_contraction import check_newton_contraction
    from solvers.equivalence.newton_order import observed_order
    from solvers.felt_symmetries import UselessTeleport
    from solvers.learning_rates import Constant, Cosine, Exponential, Linear, OneOver, StepDecay
    from solvers.level_set import LevelSetMove
    from solvers.manifold_objectives import objective_on
    from solvers.minimize import minimize
    from solvers.move import Move
    from solvers.network import Network
    from solvers.newton import check_newton_equivalence
    from solvers.null_space import NullSpaceMove
    from solvers.objective import Objective
    from solvers.objective_check import check_objective
    from solvers.orbit import OrbitMove
    from solvers.rates import cannot_help, improvement_condition
    from solvers.results import MinimizeResult, TeleportResult
    from solvers.rule import Rule
    from solvers.rules import (
        AdaDelta,
        AdaGrad,
        Adam,
        AdamW,
        AMSGrad,
        GradientDescent,
        HeavyBall,
        Lion,
        NAdam,
        Nesterov,
        RMSProp,
        SignDescent,
        make_rule,
    )
    from solvers.running.acceptance import Rollout
    from solvers.running.checkpoint import Checkpoint
    from solvers.running.guard import Guard
    from solvers.schedules import At, Every, When
    from solvers.scipy_methods import SciPy
    from solvers.status import Status
    from solvers.step_sizes import Armijo, InverseCurvature, Polyak, StabilityGuard
    from solvers.steps.limited_memory import LBFGS
    from solvers.steps.newton_rule import Newton
    from solvers.targets import (
        Curvature,
        FunctionTarget,
        GradientNorm,
        Lookahead,
        PreconditionedGradientNorm,
        PredictedDecrease,
        Sharpness,
    )
    from solvers.teleport import teleport

_ROOMS = {
    "running.acceptance": ("Rollout",),
    "batches": ("MiniBatches",),
    "running.checkpoint": ("Checkpoint",),
    "compare": ("compare",),
    "comparing.comparison": ("Comparison",),
    "cost": ("Cost",),
    "running.guard": ("Guard",),
    "learning_rates": (
        "Constant",
        "Cosine",
        "Exponential",
        "Linear",
        "OneOver",
        "StepDecay",
    ),
    "level_set": ("LevelSetMove",),
    "steps.limited_memory": ("LBFGS",),
    "manifold_objectives": ("objective_on",),
    "minimize": ("minimize",),
    "move": ("Move",),
    "network": ("Network",),
    "newton": ("check_newton_equivalence",),
    "equivalence.newton_contraction": ("check_newton_contraction",),
    "equivalence.newton_order": ("observed_order",),
    "steps.newton_rule": ("Newton",),
    "null_space": ("NullSpaceMove",),
    "objective": ("Objective",),
    "objective_check": ("check_objective",),
    "orbit": ("OrbitMove",),
    "rates": (
        "cannot_help",
        "improvement_condition",
    ),
    "results": (
        "MinimizeResult",
        "TeleportResult",
    ),
    "rule": ("Rule",),
    "rules": (
        "AMSGrad",
        "AdaDelta",
        "AdaGrad",
        "Adam",
        "AdamW",
        "GradientDescent",
        "HeavyBall",
        "Lion",
        "NAdam",
        "Nesterov",
        "RMSProp",
        "SignDescent",
        "make_rule",
    ),
    "schedules": (
        "At",
        "Every",
        "When",
    ),
    "scipy_methods": ("SciPy",),
    "status": ("Status",),
    "step_sizes": (
        "Armijo",
        "InverseCurvature",
        "Polyak",
        "StabilityGuard",
    ),
    "targets": (
        "Curvature",
        "FunctionTarget",
        "GradientNorm",
        "Lookahead",
        "PreconditionedGradientNorm",
        "PredictedDecrease",
        "Sharpness",
    ),
    "teleport": ("teleport",),
    "discover": ("discover",),
    "discovery.axes": ("AxisMatrices", "AxisScalings"),
    "discovery.result": ("Discovery",),
    "felt_symmetries": ("UselessTeleport",),
}

__all__ = [
    "LBFGS",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Armijo",
    "At",
    "AxisMatrices",
    "AxisScalings",
    "Checkpoint",
    "Comparison",
    "Constant",
    "Cosine",
    "Cost",
    "Curvature",
    "Discovery",
    "Every",
    "Exponential",
    "FunctionTarget",
    "GradientDescent",
    "GradientNorm",
    "Guard",
    "HeavyBall",
    "InverseCurvature",
    "LevelSetMove",
    "Linear",
    "Lion",
    "Lookahead",
    "MiniBatches",
    "MinimizeResult",
    "Move",
    "NAdam",
    "Nesterov",
    "Network",
    "Newton",
    "NullSpaceMove",
    "Objective",
    "OneOver",
    "OrbitMove",
    "Polyak",
    "PreconditionedGradientNorm",
    "PredictedDecrease",
    "RMSProp",
    "Rollout",
    "Rule",
    "SciPy",
    "Sharpness",
    "SignDescent",
    "StabilityGuard",
    "Status",
    "StepDecay",
    "TeleportResult",
    "UselessTeleport",
    "When",
    "cannot_help",
    "check_newton_contraction",
    "check_newton_equivalence",
    "check_objective",
    "compare",
    "discover",
    "improvement_condition",
    "make_rule",
    "minimize",
    "objective_on",
    "observed_order",
    "teleport",
]

import_on_demand(__name__, _ROOMS)
