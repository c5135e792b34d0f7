"""The determining equations once more in double precision, as an independent check that decides nothing."""

from __future__ import annotations

import numpy as np

from symmetries.ansatz import Ansatz, Basis
from symmetries.floating import evaluate_floats, gradient_floats
from symmetries.system import DeterminingSystem

MAX_UNKNOWNS = 400
RELATIVE_THRESHOLD = 1e-10
WIDE = 4.0
"""A quarter of the points is spread over [-4, 4], so that few branches of absolute values are missed."""
ROUNDING = 1e-11
"""A coefficient whose equations are that much smaller than the largest is free: they are rounding errors."""


def float_nullity(system: DeterminingSystem, ansatz: Ansatz) -> int | None:
    """Number of singular values below 1e-10 of the largest.

    None when the system is large or too few points are defined.
    """
    size = len(system.coordinates)
    if isinstance(ansatz, Basis) or not size or ansatz.count(size) > MAX_UNKNOWNS:
        return None
    unknowns = ansatz.unknowns(size)
    rows = 3 * unknowns.count + 40
    rng = np.random.default_rng([system.seed, rows])
    points = rng.normal(size=(len(system.inputs), 4 * rows))
    points[:, ::4] = rng.uniform(-WIDE, WIDE, size=points[:, ::4].shape)
    points[:, 1::2] = np.abs(points[:, 1::2])
    fixed = size + len(system.data)
    points[fixed:] = np.abs(rng.normal(size=(len(system.inputs) - fixed, 1))) + 0.5
    values = evaluate_floats(system.program, points)
    gradients = gradient_floats(system.program, values)
    good = np.isfinite(values[system.program.outputs[0]]) & np.isfinite(gradients).all(axis=0)
    points, gradients = points[:, good][:, :rows], gradients[:, good][:, :rows]
    if points.shape[1] < unknowns.count + 5:
        return None
    gradients = gradients / np.maximum(np.abs(gradients).max(axis=0), np.finfo(float).tiny)
    if unknowns.monomials is None:
        monomials = points[:size]
    else:
        monomials = np.prod(points[None, :size] ** unknowns.monomials[:, :, None], axis=1)
    matrix = (monomials[unknowns.monomial] * gradients[unknowns.component]).T
    norms = np.linalg.norm(matrix, axis=0)
    still = norms <= ROUNDING * norms.max(initial=0.0)
    matrix = matrix[:, ~still] / norms[~still]
    free = int(still.sum())
    if not matrix.size:
        return free
    singular = np.linalg.svd(matrix, compute_uv=False)
    return free + int((singular < RELATIVE_THRESHOLD * singular[0]).sum())
