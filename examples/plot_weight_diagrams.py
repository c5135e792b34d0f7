r"""
Weight diagrams
===============

An algebra may act on parameters in many ways. The weights, the common eigenvalues of its Cartan subalgebra on the
parameters, say how: the same :math:`\mathfrak{sl}(3)` moves a vector, a symmetric matrix or a traceless matrix.
"""

from itertools import combinations_with_replacement

import matplotlib.pyplot as plt
import numpy as np

from symmetries.identify import identify
from symmetries.structure.root_system import roots_and_weights
from symmetries.structure.structure_constants import StructureConstants


def unit(n, i, j):
    """The matrix with a single 1."""
    matrix = np.zeros((n, n), dtype=int)
    matrix[i, j] = 1
    return matrix


sl3 = [unit(3, i, j) for i in range(3) for j in range(3) if i != j]
sl3 += [unit(3, i, i) - unit(3, i + 1, i + 1) for i in range(2)]
basis = np.array([matrix.reshape(-1) for matrix in sl3], dtype=float).T
made = np.array([(a @ b - b @ a).reshape(-1) for a in sl3 for b in sl3], dtype=float).T
table = np.round(np.linalg.lstsq(basis, made, rcond=None)[0].T).astype(int).reshape(8, 8, 8)

# %%
# Three actions: on vectors, on symmetric matrices :math:`S \mapsto AS + SA^T`, and on the algebra itself.

SYMMETRIC = [(unit(3, i, j) + unit(3, j, i)) / (1 + (i == j)) for i, j in combinations_with_replacement(range(3), 2)]


def on(space, act):
    """The matrices of an action on a space of matrices."""
    frame = np.array([each.reshape(-1) for each in space], dtype=float).T
    images = [np.array([act(a, each).reshape(-1) for each in space], dtype=float).T for a in sl3]
    return [np.linalg.lstsq(frame, image, rcond=None)[0] for image in images]


actions = {
    "a vector $v$": [matrix.astype(float) for matrix in sl3],
    "a symmetric matrix $S$": on(SYMMETRIC, lambda a, s: a @ s + s @ a.T),
    "a traceless matrix $X$": on(sl3, lambda a, x: a @ x - x @ a),
}
for name, matrices in actions.items():
    exact = [np.round(matrix).astype(int).tolist() for matrix in matrices]
    print(name, "moved by", identify(exact).name)

# %%
# Grey arrows are roots: a root vector moves a weight along its root. The size of a dot is the number of times that a
# weight occurs.

figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.5), layout="constrained")
figure.get_layout_engine().set(h_pad=0.12)
for axis, (name, matrices) in zip(axes, actions.items(), strict=True):
    roots, weights = roots_and_weights(StructureConstants.read(table), matrices)
    for root in roots:
        axis.annotate("", root, (0, 0), arrowprops={"arrowstyle": "-|>", "color": "0.75", "shrinkB": 0})
    places, times = np.unique(np.round(weights, 6) + 0.0, axis=0, return_counts=True)
    axis.scatter(*places.T, s=60 * times, color="#b3261e", zorder=3)
    limit = 1.2 * max(np.abs(weights).max(), np.abs(roots).max())
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    axis.set_title(f"{name}: {len(weights)} weights", fontsize=10)
    for side in axis.spines.values():
        side.set_visible(False)
plt.show()
