r"""
Canonical representatives
=========================

The factors of :math:`UV` are determined up to :math:`U \mapsto Ug^{-1},\ V \mapsto gV`. The point of the orbit that is
nearest to the origin has balanced factors, :math:`U^TU = VV^T`; with ordered axes and fixed signs it is a normal form,
the same for every point of the orbit.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetries import GroupAction
from symmetries.actions.canonical import canonical_representative

# %%
# Eight points of one orbit, far apart, go to one representative.

action = GroupAction.catalogued("low-rank", rows=4, columns=5, rank=3)
rng = np.random.default_rng(0)
w = rng.standard_normal(action.space.size)
points = [w] + [action.apply(action.random(rng, scale=0.6), w) for _ in range(7)]
forms = [canonical_representative(action, point) for point in points]
for point, form in zip(points, forms, strict=True):
    gap = np.abs(form.point - forms[0].point).max()
    print(f"|w|^2 = {point @ point:9.3f} -> {form.point @ form.point:.9f} in {form.steps:3} steps, gap {gap:.0e}")
    assert gap < 1e-4

# %%
# The two matrices that balance are equal and diagonal, with the singular values of :math:`UV`.

U, V = action.space.split(forms[0].point).values()
print(np.round(U.T @ U, 6))
assert np.allclose(U.T @ U, V @ V.T, atol=1e-5)
assert np.allclose(np.diag(U.T @ U), np.linalg.svd(U @ V, compute_uv=False)[:3], atol=1e-5)

# %%
# Above :math:`U^TU` at each point, below :math:`VV^T`; the last column is the representative.

figure, axes = plt.subplots(2, 5, figsize=(9, 3.8), layout="constrained")
for column, point in enumerate([*points[:4], forms[0].point]):
    parts = action.space.split(point)
    grams = parts["U"].T @ parts["U"], parts["V"] @ parts["V"].T
    size = max(np.abs(gram).max() for gram in grams)
    for ax, gram in zip(axes[:, column], grams, strict=True):
        ax.imshow(gram, cmap="RdBu_r", vmin=-size, vmax=size)
        ax.set(xticks=[], yticks=[])
    axes[0, column].set_title("normal form" if column == 4 else f"point {column + 1}")
axes[0, 0].set_ylabel("$U^TU$")
axes[1, 0].set_ylabel("$VV^T$")
plt.show()
