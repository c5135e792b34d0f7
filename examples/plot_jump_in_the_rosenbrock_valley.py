r"""
The jump in the Rosenbrock valley
=================================

Gradient descent crawls along the floor of Rosenbrock's valley. A teleport moves a point along its orbit, at the same
loss, to where the gradient is largest. One such jump is no shortcut: it lands far up the valley. A jump before every
step is: twelve steps reach the minimum to twelve digits.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from solvers.minimize import minimize
from solvers.objective import Objective
from solvers.rules import GradientDescent
from solvers.schedules import At, Every
from solvers.step_sizes import InverseCurvature
from solvers.teleport import teleport
from symmetries import GroupAction

# %%
# One teleport from (-1, -1). The orbit is a circle in the residuals :math:`u = 10(x^2-y)` and :math:`v = x-1`, so the
# whole of it is searched, and the best point is a root of the exact derivative.

action = GroupAction.catalogued("rosenbrock")
objective = Objective.from_loss(action.loss)
start = np.array([-1.0, -1.0])
jump = teleport(objective, start, along=action)
print(f"({jump.point[0]:.4f}, {jump.point[1]:.4f}): loss {jump.loss_before:.6g} -> {jump.loss_after:.6g}")
print(f"|grad L|^2 x {jump.gain:.4f}, {jump.status}, {jump.cost.gradient_equivalents:.0f} gradient equivalents")
assert abs(jump.gain - 93.5616) < 1e-4
assert jump.relative_drift < 1e-12

# %%
# Four ways to go on: fixed steps, steps of one over the curvature along the gradient, and those steps after teleports.
# The stability guard is off here: every teleport goes to the largest gradient there is.

curvature = GradientDescent(learning_rate=InverseCurvature())
runs = {
    "fixed rate $10^{-3}$": minimize(objective, start, rule=GradientDescent(learning_rate=1e-3), steps=60),
    "steps $1/\\lambda$": minimize(objective, start, rule=curvature, steps=60),
    "one teleport, then $1/\\lambda$": minimize(
        objective, start, rule=curvature, steps=60, teleport=At([0], along=action, guard=None)
    ),
    "a teleport before every step": minimize(
        objective, start, rule=curvature, steps=60, teleport=Every(1, along=action, guard=None)
    ),
}
for name, run in runs.items():
    steps = next((record.step for record in run.history if record.loss <= 1e-12), None)
    print(f"{name:32} loss {run.value:.1e} after {run.steps} steps" + (f", 1e-12 after {steps}" if steps else ""))
assert steps is not None
assert steps <= 12

# %%
# On the left the jump, with the level set of the start in blue; in the middle the valley near the minimum, where the
# points with teleports come in from the right; on the right the loss.

figure, axes = plt.subplots(1, 3, figsize=(13.5, 4.3), layout="constrained")
greys = LinearSegmentedColormap.from_list("greys", ["white", "0.72"])


def valley(ax, xs, ys, levels):
    """Contours of the logarithm of the loss."""
    x, y = np.meshgrid(xs, ys)
    heights = np.log10(100 * (x**2 - y) ** 2 + (x - 1) ** 2 + 1e-12)
    ax.contourf(x, y, heights, levels=levels, cmap=greys, extend="both")
    ax.set(xlabel="$x$", ylabel="$y$")


orbit = action.orbit(start, np.linspace(0, 2 * np.pi, 1200))
valley(axes[0], np.linspace(-21, 23, 300), np.linspace(-20, 480, 300), np.linspace(0, 7, 15))
axes[0].plot(*orbit.T, color="C0", lw=2.2, label="orbit: loss 404")
axes[0].annotate(
    "",
    jump.point,
    start,
    arrowprops={"arrowstyle": "-|>", "color": "C3", "lw": 1.8, "connectionstyle": "arc3,rad=-0.18", "shrinkB": 5},
)
axes[0].plot(*start, "o", color="k", ms=7, label="start")
axes[0].plot(*jump.point, "^", color="C3", ms=9, label="largest gradient")
axes[0].plot(1, 1, "*", color="C2", ms=13, label="minimum")
axes[0].set(title="the jump", ylim=(-20, 480))
axes[0].legend(frameon=False, loc="upper center")


class Path:
    """Keeps the points of a run."""

    def __init__(self):
        self.points = [start]

    def __call__(self, state):
        self.points.append(np.array(state.point))
        return False


valley(axes[1], np.linspace(-1.7, 1.9, 300), np.linspace(-1.6, 3.2, 300), np.linspace(-2, 4, 13))
axes[1].plot(*orbit.T, color="C0", lw=2.2)
path = Path()
minimize(objective, start, rule=curvature, steps=60, callback=path)
axes[1].plot(*np.array(path.points).T, "o-", color="C1", ms=2.5, lw=0.9, label="60 steps $1/\\lambda$")
path = Path()
minimize(objective, start, rule=curvature, steps=12, teleport=Every(1, along=action, guard=None), callback=path)
near = np.array(path.points[1:])
axes[1].plot(*near.T, "^-", color="C3", ms=6, lw=0.9, label="after each teleport and step")
axes[1].plot(*start, "o", color="k", ms=7)
axes[1].plot(1, 1, "*", color="C2", ms=13)
axes[1].set(title="the floor of the valley", xlim=(-1.7, 1.9), ylim=(-1.6, 3.2))
axes[1].legend(frameon=False, loc="upper center")

for (name, run), colour in zip(runs.items(), ("0.55", "C1", "C4", "C3"), strict=True):
    losses = [max(record.loss, 1e-30) for record in run.history]
    axes[2].semilogy(range(len(losses)), losses, color=colour, lw=2, label=name)
axes[2].set(title="loss against steps", xlabel="step", ylabel="$L$", ylim=(1e-31, 1e8))
axes[2].legend(frameon=False, loc="lower right")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
