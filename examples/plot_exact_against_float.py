r"""
No threshold is right
=====================

The usual way to find a symmetry numerically is to sample the determining equations in double precision and count small
singular values. The answer depends on a threshold. For the well-scaled losses of the catalogue that works. This script
shows two ways in which it fails: a symmetry that is broken by very little, and a loss whose minimum lies far away.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetries import Affine, Loss, catalog, derive
from symmetries.compiled import compile_loss

# %%
# The equations at random points: one row per point, one column per unknown, columns normalised. The unknowns are those
# of the linear ansatz, or with ``affine`` those of the affine one.


def singular_values(loss, *, affine=False, spare=40):
    compiled = compile_loss(loss)
    rng = np.random.default_rng(0)
    free = {name: item.shape for name, item in loss.data.items() if item.values is None}
    constants = {name: 1 + rng.random() for name in loss.constants}
    rows = []
    while len(rows) < compiled.size * (compiled.size + affine) + spare:
        w = rng.normal(size=compiled.size)
        data = {name: rng.normal(size=shape) for name, shape in free.items()} | constants
        slope = compiled.gradient(w, data)
        if np.isfinite(slope).all():
            monomials = np.append(w, 1) if affine else w
            rows.append(np.outer(slope, monomials).ravel() / max(np.abs(slope).max(), 1e-300))
    matrix = np.array(rows)
    norms = np.linalg.norm(matrix, axis=0)
    values = np.linalg.svd(matrix / np.where(norms > 0, norms, 1), compute_uv=False)
    return values / values[0]


# %%
# The loss :math:`(x^2+y^2)^2 + \varepsilon\, x^4` has a rotation for :math:`\varepsilon = 0` and no linear symmetry
# otherwise. The exact answer is 0 for every :math:`\varepsilon` shown.

exponents = np.arange(2, 17)
spectra, exact = [], []
for exponent in exponents:
    loss = Loss.parse(f"x**4 + 2*x**2*y**2 + y**4 + 1e-{exponent}*x**4")
    spectra.append(singular_values(loss))
    exact.append(derive(loss).dimension)
assert exact == [0] * len(exponents)
unbroken = Loss.parse("x**4 + 2*x**2*y**2 + y**4")
assert derive(unbroken).dimension == 1
floor = singular_values(unbroken)[-1]

# %%
# The catalogue first. For its small losses without null directions, every singular value of a true symmetry is below
# every other one by a wide gap.

true, false = [], []
for entry in catalog.catalog():
    moving = any(item.moves for item in entry.loss.data.values())
    small = entry.dimension > 0 and len(entry.loss.entries) <= 14
    if entry.ansatz == "linear" and not entry.null_directions and small and not moving:
        values = singular_values(entry.loss)
        true.append(values[-entry.dimension])
        false.append(values[-entry.dimension - 1])
print(f"{len(true)} ready losses: true symmetries up to {max(true):.0e}, everything else from {min(false):.0e}")
assert max(true) < min(false)

# %%
# The second family has its symmetry unbroken: the ellipses :math:`(x-c)^2 + 9\,(y-c)^2` turn about their centre. The
# exact answer is one affine symmetry for every :math:`c`. The points are drawn near the origin, where for large
# :math:`c` the loss looks more and more like a linear function, which has many more symmetries.

powers = np.arange(0, 11)
moved = []
for power in powers:
    ellipse = Loss.parse(f"(x - 1e{power})**2 + 9*(y - 1e{power})**2")
    assert derive(ellipse, ansatz=Affine()).dimension == 1
    moved.append(singular_values(ellipse, affine=True))
moved = np.array(moved)
counted = (moved < 1e-10).sum(axis=1)
print("symmetries counted at the threshold 1e-10:", counted.tolist())

# %%
# On the left, the smallest singular value follows the defect down to the rounding errors. Each threshold calls the loss
# symmetric as soon as the line is below it. On the right, singular values that belong to no symmetry fall below every
# threshold one after the other. The exact answers, along the lower edges, do not change.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
defects = 10.0**-exponents
spectra = np.array(spectra)
for one in axes:
    for threshold in (1e-5, 1e-10):
        one.axhline(threshold, color="C0", lw=1)
for threshold in (1e-5, 1e-10):
    below = defects[spectra[:, -1] < threshold]
    axes[0].plot(below, [threshold] * len(below), "x", color="C0", ms=6)
    axes[0].text(1.4e-2, threshold * 1.6, f"threshold {threshold:.0e}", fontsize=9, color="C0", va="bottom")
axes[0].loglog(defects, spectra[:, :-1], color="0.7", lw=1)
axes[0].plot([], [], color="0.7", lw=1, label="other singular values")
axes[0].plot(defects, spectra[:, -1], "o-", color="C3", label="smallest singular value")
axes[0].axhline(floor, color="0.3", ls=":", lw=1)
axes[0].text(1.4e-2, floor * 1.5, "of the unbroken loss", fontsize=9, color="0.3", va="bottom")
axes[0].plot([], [], "x", color="C0", label="false symmetry at this threshold")
axes[0].plot(defects, [3e-19] * len(defects), "|", color="C2", ms=12, mew=2, label="exact: no symmetry, proved")
axes[0].set(xlabel=r"defect $\varepsilon$", ylabel="relative singular value", ylim=(1e-19, 5))
axes[0].invert_xaxis()
axes[0].set_title(r"a broken rotation: $(x^2+y^2)^2 + \varepsilon\,x^4$")
axes[0].legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 0.2))

offsets = 10.0**powers
axes[1].loglog(offsets, np.maximum(moved[:, :-1], 1e-18), "s-", color="C3", ms=4, lw=1)
axes[1].plot([], [], "s-", color="C3", ms=4, lw=1, label="singular values of no symmetry")
axes[1].plot(offsets, np.maximum(moved[:, -1], 1e-18), "o-", color="C2", label="of the true symmetry")
axes[1].plot(offsets, [3e-19] * len(offsets), "|", color="C2", ms=12, mew=2, label="exact: one symmetry, proved")
axes[1].set(xlabel="$c$", title="a far minimum: $(x-c)^2 + 9\\,(y-c)^2$")
axes[1].legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 0.2))
for one in axes:
    one.spines[["top", "right"]].set_visible(False)
plt.show()
