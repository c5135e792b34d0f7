"""Meters of a module at its parameters: sharpness, curvature of orbits, trace and eigenvalues of the Hessian."""

from __future__ import annotations

from solvers.pytorch.meters.curvature import CurvatureTarget, CurveCurvature, curvature, curve_curvature
from solvers.pytorch.meters.density import SpectralDensity, spectral_density
from solvers.pytorch.meters.eigenvalues import Eigenvalues, top_eigenvalues
from solvers.pytorch.meters.estimate import Estimate
from solvers.pytorch.meters.sharpness import SharpnessTarget, sharpness
from solvers.pytorch.meters.trace import hessian_trace

__all__ = [
    "CurvatureTarget",
    "CurveCurvature",
    "Eigenvalues",
    "Estimate",
    "SharpnessTarget",
    "SpectralDensity",
    "curvature",
    "curve_curvature",
    "hessian_trace",
    "sharpness",
    "spectral_density",
    "top_eigenvalues",
]
