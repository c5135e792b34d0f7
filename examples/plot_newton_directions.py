r"""
Newton directions before and after a teleport
=============================================

Along a level set of a quadratic the gradient turns against the Newton direction, which always points to the minimum.
The two are parallel where the gradient norm is largest (and where it is smallest). One gradient step from the steepest
point, with the inverse of the curvature as the rate, is a step of Newton's method.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

from solvers.equivalence.local_steepest import local_steepest
from solvers.equivalence.steepest import angle_between
from solvers.newton import check_newton_equivalence, named_claim
from solvers.objective import Objective
from symmetries import Loss

# %%
# Booth's function, from (5, -5). The check proves that the group O(2) fills the level set, finds the steepest point in
# closed form, and measures where one step of 1/18 ends.

loss = Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2")
start = np.array([5.0, -5.0])
check = check_newton_equivalence(loss, start)
found = named_claim(check, "maximiser").evidence
landing = named_claim(check, "landing").evidence
print(f"verdict {check.verdict}, gain of |grad L|^2 {found['gain']:.3f}")
print(f"distance to the minimum after the step {landing['distance']:.0e}")

# %%
# On the left the level set is coloured by the angle between the two directions. In the middle that angle and the
# gradient norm go around it: the angle vanishes at the four extrema of the norm. On the right a sum of exponentials,
# where the same teleport and step come near to the minimum and do not reach it.

objective = Objective.from_loss(loss)
centre, hessian = np.array([1.0, 3.0]), objective.hessian(start)
values, vectors = np.linalg.eigh(hessian)
height = objective.value(start)
turns = np.linspace(0, 2 * np.pi, 721)
circle = np.stack([np.cos(turns), np.sin(turns)])
ellipse = centre + (vectors @ (circle * np.sqrt(2 * height / values)[:, None])).T
angles = np.array([np.degrees(angle_between(objective.gradient(w), w - centre)) for w in ellipse])
norms = np.array([np.linalg.norm(objective.gradient(w)) for w in ellipse])

orange, blue, ink = "#d9480f", "#0b7285", "#1f2937"


def arrow(ax, point, direction, colour, width, length):
    """An arrow of one length from a point."""
    tip = point + length * direction / np.linalg.norm(direction)
    style = {"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 12}
    ax.annotate("", xy=tuple(tip), xytext=tuple(point), arrowprops=style)


def directions(ax, objective, point, length):
    """Gradient descent and Newton's method from a point."""
    gradient = objective.gradient(point)
    arrow(ax, point, -np.linalg.solve(objective.hessian(point), gradient), blue, 4.0, length)
    arrow(ax, point, -gradient, orange, 1.8, length)


figure, axes = plt.subplots(1, 2, figsize=(9.6, 4.3), layout="constrained")
ax = axes[0]
segments = np.stack([ellipse[:-1], ellipse[1:]], axis=1)
line = LineCollection(segments, array=angles[:-1], cmap="YlOrBr", linewidths=4, norm=plt.Normalize(-15, angles.max()))
ax.add_collection(line)
bar = figure.colorbar(line, ax=ax, shrink=0.75, label="angle in degrees")
bar.ax.set_ylim(0, angles.max())
steepest = np.array(found["point"])
for point in (start, steepest):
    directions(ax, objective, point, 3.6)
    ax.plot(*point, "o", color=ink, ms=6, zorder=5)
ax.plot(*centre, "*", color=ink, ms=15, mec="white", zorder=6)
ax.annotate("start", start, xytext=(8, -14), textcoords="offset points")
ax.annotate("steepest\npoint", steepest, xytext=(-8, -24), textcoords="offset points", ha="right")
ax.plot([], [], color=orange, lw=2, label="gradient descent")
ax.plot([], [], color=blue, lw=3, label="Newton")
ax.legend(frameon=False, loc="upper right", fontsize=9)
ax.set(xlim=(-9.5, 11.5), ylim=(-7.5, 13.5), aspect="equal", xlabel="x", ylabel="y", title="Booth: one step lands")

ax = axes[1]
ax.plot(turns, norms, color=ink, lw=2)
ax.set(ylabel=r"$|\nabla L|$ (black)", ylim=(0, 1.12 * norms.max()))
other = ax.twinx()
other.plot(turns, angles, color=orange, lw=2)
other.set(ylim=(0, 1.12 * angles.max()))
other.set_ylabel("angle in degrees (orange)", color=orange)
other.tick_params(axis="y", colors=orange)
ax.set(xlabel="turn along the level set", title="parallel where the norm is extreme")
ax.set_xticks([0, np.pi / 2, np.pi, 3 * np.pi / 2, 2 * np.pi], ["0", "π/2", "π", "3π/2", "2π"])
extrema = [np.abs(turns - k * np.pi / 2).argmin() for k in range(5)]
assert angles[extrema].max() < 1e-5
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
other.spines["top"].set_visible(False)

# %%
# Beyond quadratics the step from the steepest point is still Newton's, so that the distance is squared each time, once
# the minimum is near.

ax = plt.subplots(figsize=(5.4, 4.6), layout="constrained")[1]
sums = Objective.from_loss(Loss.parse("exp(2*x + y) - 2*x - y + exp(x - y) - x + y"))
w, path = np.array([0.3, -1.2]), []
for _ in range(5):
    there = local_steepest(sums, w, np.zeros(2))
    path += [w, there.point]
    w = there.point - there.gradient / there.eigenvalue
path.append(w)
xs, ys = np.meshgrid(np.linspace(-3.3, 1.5, 201), np.linspace(-2.0, 2.8, 201))
heights = np.exp(2 * xs + ys) - 3 * xs + np.exp(xs - ys)
ax.contour(xs, ys, heights, levels=sorted(map(sums.value, path[0:3:2])), colors="0.65", linewidths=1.2)
for k, (before, after, end) in enumerate(zip(path[0::2], path[1::2], path[2::2], strict=False)):
    ax.plot(*np.array([before, after]).T, ":", color="0.35", lw=1.4, label="teleport" if k == 0 else None)
    ax.plot(*np.array([after, end]).T, "-", color=orange, lw=2.2, label=r"step of $1/\lambda$" if k == 0 else None)
    ax.plot(*before, "o", color=ink, ms=6, zorder=5)
directions(ax, sums, path[0], 0.8)
ax.plot(0, 0, "*", color=ink, ms=15, mec="white", zorder=6)
distances = [np.linalg.norm(point) for point in path[0::2]]
text = "distance to the minimum\n" + "\n".join(f"  {k}:  {d:.1e}" for k, d in enumerate(distances))
ax.text(0.02, 0.04, text, transform=ax.transAxes, fontsize=9, va="bottom")
ax.legend(frameon=False, loc="upper right", fontsize=9)
ax.set(xlabel="x", ylabel="y", aspect="equal", title="sum of exponentials: order two")
ax.spines[["top", "right"]].set_visible(False)
plt.show()
print("distances to the minimum:", "  ".join(f"{d:.2e}" for d in distances))
