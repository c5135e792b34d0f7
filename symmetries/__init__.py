"""Losses and what leaves them invariant: reading, deriving, naming, proving, acting, conserving."""

import symmetries.catalogued_actions
import symmetries.integrate  # noqa: F401 - both enter themselves as makers of actions
from symmetries.action import GroupAction
from symmetries.algebra import SymmetryAlgebra
from symmetries.ansatz import Affine, Ansatz, Basis, Diagonal, Linear, Polynomial
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

__all__ = [
    "Affine",
    "Ansatz",
    "Basis",
    "Certificate",
    "Claim",
    "Data",
    "Diagonal",
    "FiniteAction",
    "GroupAction",
    "Linear",
    "Loss",
    "Polynomial",
    "SizeEstimate",
    "SymmetryAlgebra",
    "VectorField",
    "compile_loss",
    "derive",
    "estimate_size",
    "recheck",
    "verify",
]
