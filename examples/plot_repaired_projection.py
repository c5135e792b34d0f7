r"""
A conserved quantity repairs a projection
=========================================

Gradient flow of :math:`L(ab)` does not know the product :math:`w = ab` alone: at the same w it moves at different
speeds, depending on the factors.  Together with the conserved quantity :math:`Q = a^2 - b^2` it does,
:math:`\dot w = -\sqrt{Q^2 + 4w^2}\,L'(w)`.
"""

import matplotlib.pyplot as plt
import numpy as np

from solvers.naturality.deep_linear import factored_flow, reduced_flow

# %%
# Three starts on one fibre, :math:`ab = 0.3`, with different Q; the minimum is at :math:`ab = 1`.


def slope(w):
    """The derivative of (w - 1)^2 / 2."""
    return w - 1


def factors(w, Q):
    """Positive a, b with ab = w and a^2 - b^2 = Q."""
    a = np.sqrt((Q + np.sqrt(Q * Q + 4 * w * w)) / 2)
    return a, w / a


times, charges = np.linspace(0, 1.2, 25), (0.0, 0.5, 2.0)
paths = {
    Q: np.array([factored_flow(*factors(0.3, Q), slope, time=t) if t else factors(0.3, Q) for t in times])
    for Q in charges
}
products = {Q: path.prod(axis=1) for Q, path in paths.items()}
reduced = {Q: [reduced_flow(0.3, Q, slope, time=t) if t else 0.3 for t in times] for Q in charges}

for Q in charges:
    error = np.abs(products[Q] - reduced[Q]).max()
    drift = np.abs(paths[Q][:, 0] ** 2 - paths[Q][:, 1] ** 2 - Q).max()
    print(f"Q = {Q}: reduced equation off by {error:.0e}, Q drifts by {drift:.0e}")
    assert max(error, drift) < 1e-8

# %%
# Left: the paths stay on the hyperbolas of Q and end on the curve of minima.  Right: the products, in which the starts
# coincide and the speeds do not; dots are the reduced equations, one for each Q.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
grid = np.linspace(0.02, 1.9, 300)
left.plot(grid, 1 / grid, color="k", lw=1, ls="--", label="minima, $ab = 1$")
left.plot(grid, 0.3 / grid, color="0.75", lw=1, label="one fibre, $ab = 0.3$")
for Q, colour in zip(charges, ("C0", "C1", "C3"), strict=True):
    a = np.linspace(np.sqrt(Q) + 1e-3, 1.9, 300)
    left.plot(a, np.sqrt(a**2 - Q), color=colour, lw=0.8, alpha=0.5)
    left.plot(*paths[Q].T, color=colour, lw=2.2, label=f"$Q = {Q:g}$")
    left.plot(*paths[Q][0], "o", color=colour, ms=5)
    right.plot(times, products[Q], color=colour, lw=2)
    right.plot(times, reduced[Q], "o", color=colour, ms=3.5)
    right.annotate(
        f"$Q = {Q:g}$", (times[-1], products[Q][-1]), xytext=(5, -3), textcoords="offset points", color=colour
    )
left.set(xlim=(0, 1.9), ylim=(0, 1.6), xlabel="$a$", ylabel="$b$", title="gradient flow of $L(ab)$")
left.legend(fontsize=8, loc="upper right", framealpha=1, edgecolor="white")
right.set(xlabel="time", ylabel="$w = ab$", title="below the projection", xlim=(0, 1.4))
right.axhline(1, color="k", lw=1, ls="--")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
