"""Which combinations of the unknowns annihilate all equations, and how clearly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.linalg

from symmetries.actions.parameter_space import FloatArray

FULL = 600
"""Unknowns up to which the singular vectors are computed; beyond, a pivoted triangle gives the null space."""

ITERATIONS = 12
"""Inverse iterations for the smallest rejected combinations of many unknowns."""


@final
@dataclass(frozen=True)
class Precision:
    r"""What the arithmetic of the gradients allows to tell apart.

    Parameters
    ----------
    unit: relative error :math:`\varepsilon` of a gradient.
    tolerance: largest singular value, relative to the terms of the equations, that counts as zero.
    gap: least ratio of the first rejected to the last accepted singular value.

    >>> round(Precision.of(2.0**-52).tolerance, 15), round(Precision.of(2.0**-52).gap)
    (1.1028e-11, 1351)
    """

    unit: float
    tolerance: float
    gap: float

    @classmethod
    def of(cls, unit: float, *, tolerance: float | None = None, gap: float | None = None) -> Precision:
        r"""Tolerance :math:`\varepsilon^{0.7}` and gap :math:`\varepsilon^{-0.2}`, unless they are given.

        A larger tolerance says that the gradients are less exact than their digits.
        """
        unit = unit if tolerance is None else max(unit, tolerance ** (1 / 0.7))
        return cls(unit, unit**0.7 if tolerance is None else tolerance, unit**-0.2 if gap is None else gap)

    @property
    def floor(self) -> float:
        """Terms smaller than the largest ones by this factor are not scaled up further: they may be rounding."""
        return float(self.unit**0.25)

    @property
    def clear(self) -> float:
        """The least singular value that is clearly not zero; between it and the tolerance nothing is decided."""
        return float(self.tolerance * self.unit**-0.15)


@final
@dataclass(frozen=True, eq=False)
class Spectrum:
    """The singular values of the scaled equations and the null space that they show.

    Parameters
    ----------
    values: singular values in increasing order, relative to the terms of the equations.
    null: basis of the accepted combinations as rows, in the scaled unknowns.
    next: combinations of the smallest rejected singular values as rows, in the scaled unknowns.
    gap: ratio of the first rejected to the last accepted singular value.
    doubt: why nothing can be decided; empty when the decision is clear.
    """

    values: FloatArray
    null: FloatArray
    next: FloatArray
    gap: float
    doubt: str


def spectrum(factor: FloatArray, rows: int, trivial: FloatArray, precision: Precision, *, following: int) -> Spectrum:
    """Decide the null space of scaled equations.

    Parameters
    ----------
    factor: their triangle.
    rows: number of equations in it.
    trivial: combinations that are no fields, as rows; they are excluded.
    precision: what counts as zero.
    following: how many rejected combinations to give.

    >>> found = spectrum(np.diag([2.0, 2.0, 0.0]), 4, np.zeros((0, 3)), Precision.of(2.0**-52), following=1)
    >>> found.values.tolist(), len(found.null), found.doubt
    ([0.0, 1.0, 1.0], 1, '')
    """
    scaled = factor / np.sqrt(max(rows, 1))
    if len(trivial):  # made the largest singular directions, and then left out
        basis = scipy.linalg.qr(trivial.T, mode="economic")[0].T
        scaled = np.concatenate([scaled, 2 * float(np.linalg.norm(scaled)) * basis])
    columns, kept = scaled.shape[1], scaled.shape[1] - len(trivial)
    if columns <= FULL:
        _, falling, vectors = scipy.linalg.svd(scaled, full_matrices=True)
    else:
        falling, vectors = scipy.linalg.svdvals(scaled), None
    values = np.concatenate([falling, np.zeros(columns - len(falling))])[::-1][:kept]
    accepted = int(np.sum(values <= precision.tolerance))
    if vectors is None:
        null, near = _by_pivots(scaled, accepted, min(following, kept - accepted))
    else:
        ordered = vectors[::-1]
        null, near = ordered[:accepted], ordered[accepted : min(accepted + following, kept)]
    gap, doubt = _decide(values, accepted, precision)
    return Spectrum(values, null, near, gap, doubt)


def _by_pivots(scaled: FloatArray, accepted: int, following: int) -> tuple[FloatArray, FloatArray]:
    """The null space of known dimension, and the next combinations, from a triangle with pivots.

    It is far cheaper than singular vectors.  The next combinations are those modulo the null space, by inverse
    iteration on the part of the triangle that is regular.
    """
    columns = scaled.shape[1]
    triangle, order = scipy.linalg.qr(scaled, mode="r", pivoting=True, check_finite=False)
    rank = columns - accepted
    regular = triangle[:rank, :rank]
    null, near = np.zeros((accepted, columns)), np.zeros((following, columns))
    null[:, order[:rank]] = -scipy.linalg.solve_triangular(regular, triangle[:rank, rank:], check_finite=False).T
    null[:, order[rank:]] = np.eye(accepted)
    block = np.random.default_rng(0).standard_normal((rank, following))
    for _ in range(ITERATIONS if following else 0):
        solved = scipy.linalg.solve_triangular(regular, block, trans="T", check_finite=False)
        solved = scipy.linalg.solve_triangular(regular, solved, check_finite=False)
        block = scipy.linalg.qr(solved, mode="economic", check_finite=False)[0]
    near[:, order[:rank]] = block.T
    return null, near


def _decide(values: FloatArray, accepted: int, precision: Precision) -> tuple[float, str]:
    """The gap, and why it is no clear one."""
    last = float(values[accepted - 1]) if accepted else 0.0
    first = float(values[accepted]) if accepted < len(values) else 1.0
    gap = first / max(last, precision.unit)
    if first < precision.clear:
        return gap, (
            f"the singular value {first:.1e} is neither clearly above nor below the tolerance {precision.tolerance:.1e}"
        )
    if gap < precision.gap:
        return gap, f"the gap {gap:.1e} in the singular values is smaller than {precision.gap:.1e}"
    return gap, ""
