r"""
The gradient norm along an orbit
================================

The loss is constant on an orbit, its gradient is not. On a closed orbit the search finds every local maximum: it
samples the circle until the trigonometric interpolant has converged, then solves for the root of the exact derivative.
On an orbit that runs to infinity there is in general no largest gradient, only a smallest one.
"""

import matplotlib.pyplot as plt
import numpy as np

from solvers.network import Network
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from solvers.targets import GradientNorm
from solvers.teleport import teleport
from symmetries import GroupAction

target, rng = GradientNorm(), np.random.default_rng(0)


def picture(title, **more):
    """Axes for the squared gradient norm along an orbit."""
    ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")[1]
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(title=title, ylabel="$|\\nabla L|^2$ relative to the start", **more)
    return ax


# %%
# Rosenbrock's function from (-1, -1): four local maxima. A local ascent may stop at three quarters of the largest.

rosenbrock = GroupAction.catalogued("rosenbrock")
objective, start = Objective.from_loss(rosenbrock.loss), np.array([-1.0, -1.0])
before = target.value(objective, start)
found = OrbitMove(rosenbrock).candidates(objective, start, target, rng=rng)
angles = np.linspace(0, 2 * np.pi, 1001)
curve = np.array([target.value(objective, point) for point in rosenbrock.orbit(start, angles)]) / before
ax = picture("Rosenbrock: four maxima on a circle", xlabel="angle", ylim=(-4, 108))
ax.plot(angles, curve, color="C0", lw=2)
for place in found:
    angle, ratio = place.evidence["time"] % (2 * np.pi), place.evidence["target"] / before
    print(f"angle {angle:.4f}: |grad L|^2 x {ratio:.4f}")
    ax.plot(angle, ratio, "^", color="C3", ms=8)
    ax.annotate(f"×{ratio:.2f}", (angle, ratio), xytext=(0, 7), textcoords="offset points", ha="center", color="C3")
print(f"{found[0].evidence['samples']} samples resolve the circle: {found[0].evidence['resolved']}")
assert len(found) == 4
assert max(curve) <= found[0].evidence["target"] / before * (1 + 1e-12)

# %%
# Booth's function: :math:`|\nabla L|^2 = 4r^2(5 + 4\sin 2\theta)` on the circle of radius r in the residuals, so the
# best ratio from (5, -5) is 9/5 exactly.

booth = GroupAction.catalogued("booth")
objective, start = Objective.from_loss(booth.loss), np.array([5.0, -5.0])
before = target.value(objective, start)
curve = np.array([target.value(objective, point) for point in booth.orbit(start, angles)]) / before
found = OrbitMove(booth).candidates(objective, start, target, rng=rng)
ax = picture("Booth: the ratio 9/5, exactly", xlabel="angle", ylim=(0, 2.1))
ax.plot(angles, curve, color="C0", lw=2)
for place in found:
    angle, ratio = place.evidence["time"] % (2 * np.pi), place.evidence["target"] / before
    ax.plot(angle, ratio, "^", color="C3", ms=8)
    ax.annotate(f"×{ratio:.4f}", (angle, ratio), xytext=(0, 7), textcoords="offset points", ha="center", color="C3")
assert abs(found[0].evidence["target"] / before - 1.8) < 1e-13

# %%
# A network with leaky ReLUs: one layer scaled by s and the next by 1/s. The squared norm is
# :math:`A s^2 + B + C s^{-2}`. It has a minimum and no maximum: the search stops at its radius and says so.

widths = (20, 16, 3)
network = Network(widths=widths, inputs=rng.standard_normal((20, 50)), targets=rng.integers(0, 3, 50))
scalings = GroupAction.catalogued("homogeneous-network", widths=widths, activation="leaky_relu")
w = network.initial(rng)
together = np.ones(scalings.dimension) / np.sqrt(scalings.dimension)
logs = np.linspace(-6, 6, 201)
curve = np.array([target.value(network, np.asarray(scalings.apply(t * together, w))) for t in logs])
curve /= target.value(network, w)
small = teleport(network, w, along=scalings, maximize=False, steps=200)
free, bound = teleport(network, w, along=scalings), teleport(network, w, along=scalings, radius=1.0)
for name, result in (("least", small), ("radius 1", bound), ("no radius", free)):
    print(f"{name:9}  |grad L|^2 x {result.gain:8.3f}  {result.status}, loss changed by {result.relative_drift:.0e}")
ax = picture("a scaling: no maximum", xlabel="$t$ in $g = \\exp(tX)$, |X| = 1")
ax.semilogy(logs, curve, color="C0", lw=2, label="all units alike")
ax.axhline(small.gain, color="C2", ls="--", lw=1.5, label="least, over all units")
ax.plot([-1, 1], [bound.gain] * 2, color="C3", lw=3, label="best within |log g| ≤ 1")
ax.axvspan(-1, 1, color="C3", alpha=0.08, lw=0)
ax.legend(frameon=False, loc="upper center")
plt.show()
