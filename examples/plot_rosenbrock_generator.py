r"""
The hidden rotation of Rosenbrock's function
============================================

Rosenbrock's function :math:`L = (1-x)^2 + 100\,(y-x^2)^2` has no linear and no affine symmetry. With polynomials of
degree three as components it has exactly one. Its flow runs along the level sets, and in the coordinates
:math:`u = 1-x,\ v = 10\,(y-x^2)` it is a rotation, since :math:`L = u^2 + v^2`.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from scipy.integrate import solve_ivp

from symmetries import Affine, Linear, Loss, Polynomial, derive

# %%
# The derivation is exact. The list is complete within each ansatz.

rosenbrock = Loss.parse("(1 - x)**2 + 100*(y - x**2)**2")
for ansatz in (Linear(), Affine(), Polynomial(2), Polynomial(3)):
    algebra = derive(rosenbrock, ansatz=ansatz)
    print(f"{ansatz.name:14} {algebra.dimension}  complete: {algebra.completeness.verdict}")

(generator,) = algebra.generators
print(generator)

# %%
# The components are polynomials with rational coefficients. Here they become a function for the integrator.


def velocity(_, point):
    x, y = point
    total = {"x": 0.0, "y": 0.0}
    for entry, polynomial in generator.polynomials.items():
        for monomial, coefficient in polynomial.items():
            powers = dict(monomial)
            total[entry] += float(coefficient) * x ** powers.get("x", 0) * y ** powers.get("y", 0)
    return np.array([total["x"], total["y"]])


def loss(point):
    x, y = point
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def straight(point):
    x, y = point
    return np.array([1 - x, 10 * (y - x**2)])


# %%
# Integral curves start at four heights. Each is followed for one turn, whose duration is the same for all of them,
# because in the straight coordinates the field is :math:`-10\,v\,\partial_u + 10\,u\,\partial_v` up to sign.

starts = [(1 - radius, (1 - radius) ** 2) for radius in (0.35, 0.9, 1.5, 2.1)]
turn = 2 * np.pi / 10
curves = []
for start in starts:
    solution = solve_ivp(velocity, (0, turn), start, rtol=1e-10, atol=1e-12, t_eval=np.linspace(0, turn, 400))
    curves.append(solution.y)
    drift = np.abs(loss(solution.y) / loss(solution.y[:, 0]) - 1).max()
    closing = np.abs(solution.y[:, -1] - solution.y[:, 0]).max()
    print(f"L = {loss(solution.y[:, 0]):.4f}   largest relative drift {drift:.0e}   gap after one turn {closing:.0e}")
    assert drift < 1e-7
    assert closing < 1e-6

# %%
# On the left the level sets in grey, with the integral curves on top, coloured by time. Each goes up one side of the
# curved valley and down the other. On the right the same curves
# in the straight coordinates.

figure, axes = plt.subplots(1, 2, figsize=(11, 5), width_ratios=(1.25, 1), layout="constrained")
xs, ys = np.meshgrid(np.linspace(-1.5, 3.3, 400), np.linspace(-1, 10, 400))
heights = np.log10(loss((xs, ys)) + 1e-3)
axes[0].contour(xs, ys, heights, levels=np.arange(-1, 3.6, 0.4), colors="0.8", linewidths=0.9)
for one, chart in zip(axes, (lambda point: point, straight), strict=True):
    for curve in curves:
        points = chart(curve).T
        segments = np.stack([points[:-1], points[1:]], axis=1)
        line = LineCollection(segments, array=np.linspace(0, 1, len(segments)), cmap="turbo", lw=2)
        one.add_collection(line)
        one.plot(*points[0], "o", color="k", ms=4)
    one.plot(*chart(np.array([1.0, 1.0])), "*", color="C3", mec="white", ms=13, label="minimum")
    one.spines[["top", "right"]].set_visible(False)
axes[0].set(xlim=(-1.5, 3.3), ylim=(-1, 10), xlabel="$x$", ylabel="$y$", title="integral curves of the generator")
axes[0].plot([], [], "o", color="k", ms=4, label="start")
axes[0].legend(loc="upper left", frameon=True, edgecolor="none")
axes[1].set(
    xlim=(-2.4, 2.4),
    ylim=(-2.4, 2.4),
    aspect="equal",
    xlabel="$u = 1 - x$",
    ylabel="$v = 10\\,(y - x^2)$",
    title="the same curves, straightened",
)
figure.colorbar(line, ax=axes, label="part of one turn", shrink=0.8)
plt.show()
