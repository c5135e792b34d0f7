r"""
Orbits on contours
==================

The orbit of a point under the symmetries of a loss lies in the level set of that point. In two dimensions a
one-dimensional group fills whole pieces of the level sets: rotations of an ellipse, boosts of a saddle, scalings of a
quotient, a nonlinear rotation.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetries import GroupAction, Linear, Loss, Polynomial, derive
from symmetries.compiled import compile_loss

# %%
# Four losses, with the family of fields that holds their symmetry, starting points, and the times to follow them.

cases = [
    ("x**2 + 9*y**2", Linear(), [(0.7, 0.0), (1.6, 0.0), (2.5, 0.0)], (0, 2 * np.pi / 3)),
    ("x**2 - y**2", Linear(), [(0.6, 0.0), (1.4, 0.0), (0.0, 1.0), (0.0, -1.6), (-1.0, 0.0)], (-1.6, 1.6)),
    ("(x*y - 1)**2", Linear(), [(0.5, 0.5), (1.0, 1.0), (-1.3, -1.3), (1.2, -0.6)], (-2.0, 2.0)),
    ("(x - y**2)**2 + y**2", Polynomial(3), [(0.0, 0.5), (0.0, 0.9), (0.0, 1.3)], (0, 2 * np.pi)),
]

figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
grid = np.linspace(-2.8, 2.8, 200)
for ax, (formula, ansatz, starts, (begin, end)) in zip(axes, cases, strict=True):
    loss = Loss.parse(formula, ["x", "y"])
    algebra = derive(loss, ansatz=ansatz)
    action = GroupAction.from_algebra(algebra)
    value = compile_loss(loss).values
    heights = value(np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)).reshape(len(grid), len(grid))
    ax.contour(grid, grid, np.cbrt(heights), levels=14, colors="0.85", linewidths=0.8)
    for start in starts:
        orbit = action.orbit(start, np.linspace(begin, end, 300))
        drift = np.abs(value(orbit) - value(np.array([start])))
        assert drift.max() < 1e-11 * (1 + abs(value(np.array([start]))[0]))
        ax.plot(*orbit.T, lw=2)
        ax.plot(*start, "o", color="k", ms=3.5)
    ax.set(title=f"${formula.replace('**', '^').replace('*', '')}$", xlim=(-2.8, 2.8), ylim=(-2.8, 2.8), aspect="equal")
    ax.spines[["top", "right"]].set_visible(False)
    print(f"{formula:24} dimension {algebra.dimension}, {action.domain}: {algebra.generators[0]}")
plt.show()
