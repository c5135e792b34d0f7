r"""
Displacement against curvature
==============================

When training ends in a curved valley and the test loss has its minimum a little further, at a random point of a circle
of radius :math:`r`, how far is that from the valley on average? For a straight valley :math:`2r/\pi`. A bent one is
nearer, until it is bent so much that it turns back.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize_scalar

from solvers.convergence.displacement import mean_displacement
from solvers.rates import displacement_against_curvature

# %%
# Distances to the curve come from exact foot points, of a circle and of the parabola :math:`y = \kappa x^2/2`, and the
# mean from adaptive quadrature broken where the small circle crosses the curve. So the values have ten digits; these
# are known and agree to their last digit.

known = {
    "circle": {0.1: 0.63635, 0.2: 0.63555, 0.5: 0.62955, 1: 0.59874},
    "parabola": {0.5: 0.63095, 1: 0.62106, 2: 0.61401, 5: 0.63902, 10: 0.67315, 20: 0.70731, 40: 0.73625, 80: 0.75884},
}
for curve, values in known.items():
    check = displacement_against_curvature(list(values), radius=1.0, curve=curve)
    found = [claim.evidence["value"] for claim in check.claims[1:-1]]
    assert np.allclose(found, list(values.values()), atol=1e-5)
    print(check.claims[-1].statement, "--", check.claims[-1].verdict)

# %%
# Everything depends on :math:`\kappa r` alone. Both curves fall below the line at first, and rise above it when the
# valley turns back within the circle: for the circle earlier, since it closes.

bends = np.geomspace(0.05, 100, 240)
curves = {curve: np.array([mean_displacement(bend, curve)[0] for bend in bends]) for curve in known}
lowest = {
    curve: minimize_scalar(lambda bend, curve=curve: mean_displacement(bend, curve)[0], bounds=(1, 3), method="bounded")
    for curve in known
}
assert abs(lowest["parabola"].fun - 0.61379) < 1e-5

fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained", width_ratios=[1, 1.5])
angles = np.linspace(0, 2 * np.pi, 300)
left.plot(np.cos(angles), np.sin(angles), color="0.75", lw=1)
x = np.linspace(-1.5, 1.5, 400)
for bend, shade in ((0.5, "#9ecae1"), (2, "#4292c6"), (10, "#08519c")):
    left.plot(x, bend * x**2 / 2, color=shade, lw=2, label=rf"$\kappa r = {bend:g}$")
for angle in np.deg2rad([8, 50, 130, 172, 215, 250, 290, 325]):
    point = np.array([np.cos(angle), np.sin(angle)])
    fine = np.linspace(-1.3, 1.3, 20_001)
    foot = np.argmin((fine - point[0]) ** 2 + (fine**2 - point[1]) ** 2)
    left.plot([point[0], fine[foot]], [point[1], fine[foot] ** 2], color="#e6550d", lw=1.2)
    left.plot(*point, "o", color="#e6550d", ms=4)
left.set(xlim=(-1.45, 1.45), ylim=(-1.2, 1.7), aspect="equal", xticks=[], yticks=[], title="distances to a valley")
left.legend(frameon=False, loc="lower center", ncols=3, handlelength=1, columnspacing=1, bbox_to_anchor=(0.5, -0.12))
left.spines[:].set_visible(False)

right.axhline(2 / np.pi, color="0.6", lw=1, ls=":")
right.text(95, 2 / np.pi - 0.004, r"line, $2/\pi$", color="0.4", va="top", ha="right")
right.semilogx(bends, curves["parabola"], color="#08519c", lw=2.2, label="parabola")
right.semilogx(bends, curves["circle"], color="#31a354", lw=2.2, label="circle")
for curve, colour in (("parabola", "#08519c"), ("circle", "#31a354")):
    right.plot(list(known[curve]), list(known[curve].values()), "o", color=colour, ms=5, mec="white")
    best = lowest[curve]
    right.plot(best.x, best.fun, "v", color=colour, ms=8)
    right.annotate(
        rf"{best.fun:.4f} at $\kappa r = {best.x:.2f}$",
        (best.x, best.fun),
        xytext=(26, -9),
        textcoords="offset points",
        color=colour,
    )
right.set(xlabel=r"curvature times radius, $\kappa r$", ylabel="mean distance over $r$", ylim=(0.52, 0.8))
right.set(xlim=(0.05, 100), title="mean displacement")
right.legend(frameon=False, loc="upper left")
right.spines[["top", "right"]].set_visible(False)
plt.show()
