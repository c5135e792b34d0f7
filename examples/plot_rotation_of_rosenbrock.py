r"""
The group SO(2) on Rosenbrock's function
========================================

The cubic generator of :math:`100\,(x^2-y)^2 + (x-1)^2` integrates to a rotation of the residuals. Along its orbit the
loss is constant and the gradient is not: it pays to know where on the orbit one stands.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetries import GroupAction, Loss, Polynomial, derive, verify
from symmetries.compiled import compile_loss

# %%
# The action comes from the derived generator. Its closed form is proved: it keeps the loss, and it is a group.

rosenbrock = Loss.parse("100*(x**2 - y)**2 + (x - 1)**2")
action = GroupAction.from_algebra(derive(rosenbrock, ansatz=Polynomial(3)))
form = action.closed_form(0)
for entry, formula in form.components.items():
    print(f"{entry} -> {formula}")
for claim in verify(rosenbrock, form).claims:
    print(f"{claim.statement:32} {claim.verdict}")

# %%
# One turn takes the time :math:`2\pi/10`. The square of the gradient's norm has four local maxima on the orbit of
# (-1, -1); the largest is 93.56 times the value at the start, and a local search may end at 69.6 times.

start = np.array([-1.0, -1.0])
times = np.linspace(0, 2 * np.pi / 10, 4001)
orbit = action.orbit(start, times)
compiled = compile_loss(rosenbrock)
squares = np.array([np.sum(compiled.gradient(point) ** 2) for point in orbit])
ratio = squares / np.sum(compiled.gradient(start) ** 2)
peaks = np.flatnonzero((ratio > np.roll(ratio, 1)) & (ratio > np.roll(ratio, -1)))
print("local maxima, relative to the start:", np.round(np.sort(ratio[peaks])[::-1], 2))
assert abs(ratio.max() - 93.5616) < 1e-3
assert len(peaks) == 4
assert np.abs(compiled.values(orbit) / compiled.value(start) - 1).max() < 1e-12

# %%
# On the left the orbit with the maxima, on the right the gradient along it.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
axes[0].plot(*orbit.T, color="C0", lw=2)
axes[0].plot(*start, "o", color="k", label="start")
axes[0].plot(*orbit[peaks].T, "^", color="C3", label="largest gradients")
axes[0].set(xlabel="$x$", ylabel="$y$", title="the orbit of (-1, -1), where the loss is 404")
axes[0].legend(frameon=False, loc="upper center")
axes[1].plot(10 * times, ratio, color="C0", lw=2)
axes[1].plot(10 * times[peaks], ratio[peaks], "^", color="C3")
axes[1].set(xlabel="angle", ylabel="$|\\nabla L|^2$ relative to the start", title="the gradient along the orbit")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
