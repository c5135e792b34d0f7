r"""
The gap that a symmetry leaves
==============================

Gradients of a black box at random points give linear equations for the fields that leave it unchanged. A symmetry is a
singular value at the level of rounding, with a wide gap to the next one. Here the box is a network
:math:`V\sigma(Ux + b)` with six hidden units, and the fields scale rows and columns of its weights. With
:math:`\sigma(z) = \log(1 + e^{\beta z})/\beta` the scalings of the hidden units are symmetries only in the limit
:math:`\beta\to\infty`, where it is ReLU: before, they are approximate, and their defect says by how much.
"""

import matplotlib.pyplot as plt
import numpy as np

from solvers.discover import AxisScalings, discover

SHAPES = {"U": (6, 3), "b": (6,), "V": (2, 6)}


def data(rng):
    """An input of the network, and a covector on its outputs."""
    return rng.standard_normal(3), rng.standard_normal(2)


def gradient_with(unit, slope):
    """The gradient of r.V.unit(U x + b) in U, b and V."""

    def gradient(w, batch):
        x, r = batch
        z = w["U"] @ x + w["b"]
        back = (w["V"].T @ r) * slope(z)
        return {"U": np.outer(back, x), "b": back, "V": np.outer(r, unit(z))}

    return gradient


def softplus(beta):
    """The smooth unit that becomes ReLU, and its derivative."""
    return lambda z: np.logaddexp(0, beta * z) / beta, lambda z: 0.5 * (1 + np.tanh(beta * z / 2))


# %%
# On the left all singular values: six of them are rounding for ReLU, none for tanh; for a sharp softplus six are small,
# and far above rounding. On the right these six, at a thousand points, as the softplus
# becomes sharper.

units = {
    "ReLU": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    r"softplus, $\beta = 100$": softplus(100.0),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
}
figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained")
for (name, functions), colour, marker in zip(units.items(), ("C0", "C1", "0.45"), "os^", strict=True):
    found = discover(None, gradient=gradient_with(*functions), shapes=SHAPES, data=data, ansatz=AxisScalings())
    values = np.maximum(found.singular_values, 1e-17)
    left.semilogy(np.arange(1, len(values) + 1), values, marker, color=colour, ms=5, label=f"{name}: {found.dimension}")
    print(f"{name:24} dimension {found.dimension}, {found.name}, gap {found.gap:.0e}")
left.axhspan(1e-17, found.tolerance, color="C0", alpha=0.08, lw=0)
left.text(23, found.tolerance / 3, "counts as zero", va="top", ha="right", color="C0")
left.set(xlabel="singular value, by size", ylabel="relative to the terms", ylim=(1e-17, 20), xlim=(0, 24))
left.legend(title="unit and dimension", frameon=False, loc="center right")

rng = np.random.default_rng(0)
points = [{name: rng.standard_normal(shape) for name, shape in SHAPES.items()} for _ in range(1000)]
sharpness = np.geomspace(1, 300, 8)
smallest = []
for beta in sharpness:
    found = discover(None, points, gradient=gradient_with(*softplus(beta)), data=data, ansatz=AxisScalings())
    smallest.append(found.singular_values[:6])
right.loglog(sharpness, smallest, "o-", color="C1", ms=3.5, lw=0.8)
right.set(xlabel=r"sharpness $\beta$ of the softplus", ylabel="six smallest singular values")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
