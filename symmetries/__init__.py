"""Losses and what leaves them invariant: reading, deriving, naming, proving, acting, conserving.

What every program needs is imported with the package; the rest when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import symmetries.actions.integrate  # noqa: F401 - it enters itself as the maker of actions
from manifolds.lazy_package import import_on_demand
from symmetries.action import GroupAction
from symmetries.algebra import SymmetryAlgebra
from symmetries.ansatz import Affine, Ansatz, Basis, Blocks, Diagonal, Linear, Polynomial
from symmetries.certificate import Certificate, Claim
from symmetries.compiled import compile_loss
from symmetries.data import Data
from symmetries.derive import derive
from symmetries.estimate import SizeEstimate, estimate_size
from symmetries.fields import VectorField
from symmetries.finite_action import FiniteAction
from symmetries.loss import Loss
from symmetries.recheck import recheck
from symmetries.verify import verify

if TYPE_CHECKING:
    from symmetries.actions.canonical import canonical_representative
    from symmetries.actions.invariants import InvariantRing, polynomial_invariants
    from symmetries.actions.orbit_geometry import Representative, minimal_vector, nearest_on_orbit, slice_at
    from symmetries.conservation import (
        ConservationLaws,
        ConservedQuantity,
        conservation_laws,
        conserved_quantities,
    )
    from symmetries.conserved.cartan_split import CartanSplit, cartan_split
    from symmetries.conserved.gradient_flow import measure_drift, predict_drift, step_drift
    from symmetries.discrete import DiscreteGroup, discrete_symmetries
    from symmetries.identify import identify
    from symmetries.modules.change_of_variables import ChangeOfVariables
    from symmetries.modules.polynomial_module import polynomial_module
    from symmetries.modules.sum_of_squares import SumOfSquares, sum_of_squares_symmetries
    from symmetries.modules.symmetry_module import SymmetryModule
    from symmetries.sizes.family import LossFamily
    from symmetries.sizes.family_proof import prove_family
    from symmetries.sizes.family_symmetry import FamilySymmetry, derive_family
    from symmetries.sizes.matrix_field import FamilyAction, FamilyField, prove_matrix_field
    from symmetries.structure.algebra_identity import AlgebraIdentity, LeviDecomposition
    from symmetries.structure.parameter_action import ParameterAction, parameter_action

_ROOMS = {
    "structure.algebra_identity": ("AlgebraIdentity", "LeviDecomposition"),
    "actions.canonical": ("canonical_representative",),
    "conserved.cartan_split": ("CartanSplit", "cartan_split"),
    "modules.change_of_variables": ("ChangeOfVariables",),
    "conservation": ("ConservationLaws", "ConservedQuantity", "conservation_laws", "conserved_quantities"),
    "discrete": ("DiscreteGroup", "discrete_symmetries"),
    "sizes.family": ("LossFamily",),
    "sizes.family_proof": ("prove_family",),
    "sizes.family_symmetry": ("FamilySymmetry", "derive_family"),
    "conserved.gradient_flow": ("measure_drift", "predict_drift", "step_drift"),
    "identify": ("identify",),
    "actions.invariants": ("InvariantRing", "polynomial_invariants"),
    "sizes.matrix_field": ("FamilyAction", "FamilyField", "prove_matrix_field"),
    "actions.orbit_geometry": ("Representative", "minimal_vector", "nearest_on_orbit", "slice_at"),
    "structure.parameter_action": ("ParameterAction", "parameter_action"),
    "modules.polynomial_module": ("polynomial_module",),
    "modules.sum_of_squares": ("SumOfSquares", "sum_of_squares_symmetries"),
    "modules.symmetry_module": ("SymmetryModule",),
}

__all__ = [
    "Affine",
    "AlgebraIdentity",
    "Ansatz",
    "Basis",
    "Blocks",
    "CartanSplit",
    "Certificate",
    "ChangeOfVariables",
    "Claim",
    "ConservationLaws",
    "ConservedQuantity",
    "Data",
    "Diagonal",
    "DiscreteGroup",
    "FamilyAction",
    "FamilyField",
    "FamilySymmetry",
    "FiniteAction",
    "GroupAction",
    "InvariantRing",
    "LeviDecomposition",
    "Linear",
    "Loss",
    "LossFamily",
    "ParameterAction",
    "Polynomial",
    "Representative",
    "SizeEstimate",
    "SumOfSquares",
    "SymmetryAlgebra",
    "SymmetryModule",
    "VectorField",
    "canonical_representative",
    "cartan_split",
    "compile_loss",
    "conservation_laws",
    "conserved_quantities",
    "derive",
    "derive_family",
    "discrete_symmetries",
    "estimate_size",
    "identify",
    "measure_drift",
    "minimal_vector",
    "nearest_on_orbit",
    "parameter_action",
    "polynomial_invariants",
    "polynomial_module",
    "predict_drift",
    "prove_family",
    "prove_matrix_field",
    "recheck",
    "slice_at",
    "step_drift",
    "sum_of_squares_symmetries",
    "verify",
]

import_on_demand(__name__, _ROOMS)
