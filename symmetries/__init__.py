"""Losses and what leaves them invariant: reading, deriving, naming, proving, acting, conserving."""

from symmetries.certificate import Certificate, Claim
from symmetries.data import Data
from symmetries.fields import VectorField
from symmetries.loss import Loss

__all__ = ["Certificate", "Claim", "Data", "Loss", "VectorField"]
