"""Symmetries by numbers alone: numeric gradients and a singular value decomposition.

It shares with the engine the array expression that the reader makes and nothing of the derivation.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from extended import COMPLEX, REAL, Array, evaluate

from symmetries import Loss, VectorField
from symmetries.ansatz import Affine, Ansatz, Diagonal, Linear, Polynomial
from symmetries.expression import entry_names

__all__ = ["COMPLEX", "REAL", "Sampler", "evaluate", "nullity", "residual"]

STEP = REAL("1e-30")


class Sampler:
    """Random points of a loss and its gradients there."""

    def __init__(self, loss: Loss, *, positive: bool = False, seed: int = 0) -> None:
        self.loss = loss
        self.positive = positive
        self.rng = np.random.default_rng(seed)
        self.coordinates = (*loss.entries, *loss.moving_entries)
        self.constants = {name: REAL(self.rng.uniform(0.5, 2)) for name in loss.constants}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        free = {name: item.shape for name, item in self.loss.data.items() if item.values is None}
        return {**self.loss.parameters, **free}

    def points(self, count: int) -> dict[str, Array]:
        """Random values of all parameters and free data."""
        result = {}
        for name, shape in self.shapes().items():
            drawn = self.rng.uniform(0.2, 1.1, (count, *shape))
            signs = 1 if self.positive else self.rng.choice([-1, 1], (count, *shape))
            result[name] = (drawn * signs).astype(COMPLEX)
        return result | {name: np.full(count, value, dtype=COMPLEX) for name, value in self.constants.items()}

    def entries(self, points: Mapping[str, Array]) -> Array:
        """Values of the coordinates, shape (coordinates, count)."""
        columns: dict[str, Array] = {}
        for name, shape in self.shapes().items():
            flat = points[name].reshape(len(points[name]), -1)
            columns |= {entry: flat[:, k] for k, entry in enumerate(entry_names(name, shape))}
        return np.array([columns[entry].real for entry in self.coordinates])

    def moved(self, points: Mapping[str, Array], shift: Mapping[str, Array]) -> dict[str, Array]:
        """The points with coordinates shifted."""
        result = dict(points)
        for name, shape in self.shapes().items():
            names = entry_names(name, shape)
            if not any(entry in shift for entry in names):
                continue
            zero = np.zeros(len(points[name]), dtype=COMPLEX)
            delta = np.stack([np.broadcast_to(shift.get(entry, zero), zero.shape) for entry in names], axis=1)
            result[name] = points[name] + delta.reshape(points[name].shape)
        return result

    def slope(self, points: Mapping[str, Array], direction: Mapping[str, Array]) -> Array:
        """Directional derivative."""
        shift = {entry: 1j * STEP * value for entry, value in direction.items()}
        return evaluate(self.loss.expression, self.moved(points, shift)).imag / STEP

    def gradient(self, points: Mapping[str, Array]) -> Array:
        """Gradient in the coordinates, shape (coordinates, count)."""
        return np.array([self.slope(points, {entry: REAL(1)}) for entry in self.coordinates])


def monomials(ansatz: Ansatz, values: Array) -> list[list[Array]]:
    """For each coordinate, the values of the monomials that an ansatz allows in its component."""
    size = len(values)
    if isinstance(ansatz, Diagonal):
        return [[values[i]] for i in range(size)]
    if isinstance(ansatz, Linear):
        degrees = [1]
    elif isinstance(ansatz, Affine):
        degrees = [0, 1]
    else:
        assert isinstance(ansatz, Polynomial)
        degrees = list(range(ansatz.degree + 1))
    family: list[Array] = []
    for degree in degrees:
        family += powers(values, degree)
    return [family] * size


def powers(values: Array, degree: int) -> list[Array]:
    """All monomials of one degree."""
    if degree == 0:
        return [np.ones_like(values[0])]
    if len(values) == 1:
        return [values[0] ** degree]
    return [values[0] ** k * rest for k in range(degree + 1) for rest in powers(values[1:], degree - k)]


def nullity(loss: Loss, ansatz: Ansatz, *, positive: bool = False, seed: int = 0, tolerance: float = 1e-9) -> int:
    """Dimension of the symmetries that singular values show; a missing gap is an error."""
    sampler = Sampler(loss, positive=positive, seed=seed)
    size = len(sampler.coordinates)
    unknowns = ansatz.count(size)
    count = 2 * unknowns + 40
    points = sampler.points(count)
    gradient = sampler.gradient(points)
    family = monomials(ansatz, sampler.entries(points))
    columns = [value * gradient[i] for i in range(size) for value in family[i]]
    matrix = np.array(columns, dtype=REAL).T
    matrix = matrix[np.isfinite(matrix).all(axis=1)]
    assert len(matrix) > unknowns, "the loss is defined at too few of the sampled points"
    norms = np.sqrt(np.sum(gradient[:, np.isfinite(gradient).all(axis=0)] ** 2))
    scale = np.sqrt(np.sum(matrix**2, axis=0))
    still = int(np.sum(scale <= 1e-10 * norms))
    rest = (matrix / np.maximum(scale, REAL("1e-300")))[:, scale > 1e-10 * norms]
    rows = np.sqrt(np.sum(rest**2, axis=1))
    rest = rest[rows > 0] / rows[rows > 0][:, None]
    singular = np.linalg.svd(rest.astype(float), compute_uv=False) if rest.size else np.zeros(0)
    small = singular <= tolerance * (singular[0] if len(singular) else 1)
    values = np.sort(singular)
    gap = int(small.sum())
    if 0 < gap < len(values):
        assert values[gap] > 1e3 * values[gap - 1], f"no gap: {values[gap - 1]:.1e}, {values[gap]:.1e}"
    return still + gap + max(rest.shape[1] - len(singular), 0)


def residual(loss: Loss, field: VectorField, *, positive: bool = False, seed: int = 1, count: int = 12) -> float:
    """Largest |X L| at random points, over |X| |grad L| there."""
    sampler = Sampler(loss, positive=positive, seed=seed)
    points = sampler.points(count)
    direction = {entry: evaluate(loss.read(text), points).real for entry, text in field.components.items()}
    length = np.sqrt(sum(value**2 for value in direction.values()))
    direction = {entry: value / length for entry, value in direction.items()}
    slope = sampler.slope(points, direction)
    size = np.sqrt(np.sum(sampler.gradient(points) ** 2, axis=0))
    good = np.isfinite(slope) & np.isfinite(size) & (size > 0)
    assert good.any(), "the loss is defined at no sampled point"
    return float(np.max(np.abs(slope[good]) / size[good]))
