"""The theory of teleportation as checks: each function takes a problem and returns claims with verdicts.

Where there is a declared loss the answer is a :class:`symmetries.Certificate`, elsewhere a :class:`TheoremCheck`; both
have ``claims`` and ``verdict``.  ``proved`` is said only of what was decided exactly, ``measured`` has figures and
tolerances, ``refuted`` with a counterexample, and ``undecided`` with the hypothesis that fails.

>>> from symmetries import Loss
>>> quadratic_flow_stays_steepest(Loss.parse("x**2 + 9*y**2"), [1.0, 1.0]).verdict
'measured'
"""

from solvers.convergence.ascent_cost import ascent_step_cost
from solvers.convergence.correlation import correlation_over_runs
from solvers.convergence.descent_drift import drift_of_descent
from solvers.convergence.displacement import displacement_against_curvature
from solvers.convergence.expansive_example import expansive_in_distance
from solvers.convergence.factorisation_rate import factorisation_rate
from solvers.convergence.gradient_transformation import improvement_condition
from solvers.convergence.hessian_stability import hessian_stability_rate
from solvers.convergence.invariances import published_invariances
from solvers.convergence.lasting_advantage import lasting_advantage
from solvers.convergence.logistic_stability import logistic_stability
from solvers.convergence.no_gain import cannot_help
from solvers.convergence.nonconvex_bound import nonconvex_teleport_bound
from solvers.convergence.optimal_points import level_set_kkt
from solvers.convergence.persistence import persistence_of_optimality
from solvers.convergence.quadratic_flow import quadratic_flow_stays_steepest
from solvers.convergence.smooth_convex_rate import neither_helps_nor_hurts, smooth_convex_rate
from solvers.convergence.stochastic_descent import linear_rate_to_a_floor, stochastic_teleport_bound
from solvers.convergence.theorem_check import TheoremCheck
from solvers.convergence.two_layer_conservation import teleport_leaves_the_flow, two_layer_conservation
from solvers.newton import check_newton_equivalence

__all__ = [
    "TheoremCheck",
    "ascent_step_cost",
    "cannot_help",
    "check_newton_equivalence",
    "correlation_over_runs",
    "displacement_against_curvature",
    "drift_of_descent",
    "expansive_in_distance",
    "factorisation_rate",
    "hessian_stability_rate",
    "improvement_condition",
    "lasting_advantage",
    "level_set_kkt",
    "linear_rate_to_a_floor",
    "logistic_stability",
    "neither_helps_nor_hurts",
    "nonconvex_teleport_bound",
    "persistence_of_optimality",
    "published_invariances",
    "quadratic_flow_stays_steepest",
    "smooth_convex_rate",
    "stochastic_teleport_bound",
    "teleport_leaves_the_flow",
    "two_layer_conservation",
]
