"""Losses and what leaves them invariant: reading, deriving, naming, proving, acting, conserving."""

from symmetries.algebra import SymmetryAlgebra
from symmetries.ansatz import Affine, Ansatz, Basis, Diagonal, Linear, Polynomial
from symmetries.certificate import Certificate, Claim
from symmetries.data import Data
from symmetries.derive import derive
from symmetries.estimate import SizeEstimate, estimate_size
from symmetries.fields import VectorField
from symmetries.loss import Loss

__all__ = [
    "Affine",
    "Ansatz",
    "Basis",
    "Certificate",
    "Claim",
    "Data",
    "Diagonal",
    "Linear",
    "Loss",
    "Polynomial",
    "SizeEstimate",
    "SymmetryAlgebra",
    "VectorField",
    "derive",
    "estimate_size",
]
