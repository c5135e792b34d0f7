r"""
Root diagrams
=============

The simple Lie algebras of rank two are known by sight: the common eigenvalues of a Cartan subalgebra, the roots, are
vectors in a plane, and there are only three such patterns. Here they are computed from structure constants that know
nothing of roots, and the fourth picture belongs to an algebra that was derived from a loss.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetries import Loss, derive
from symmetries.identify import identify
from symmetries.structure.root_system import roots_and_weights
from symmetries.structure.structure_constants import StructureConstants


def constants(matrices):
    """Structure constants of matrices that span an algebra, from commutators and least squares."""
    basis = np.array([matrix.reshape(-1) for matrix in matrices], dtype=float).T
    made = np.array([(a @ b - b @ a).reshape(-1) for a in matrices for b in matrices], dtype=float).T
    found = np.round(np.linalg.lstsq(basis, made, rcond=None)[0].T).astype(int)
    return StructureConstants.read(found.reshape(len(matrices), len(matrices), len(matrices)))


def unit(n, i, j):
    """The matrix with a single 1."""
    matrix = np.zeros((n, n), dtype=int)
    matrix[i, j] = 1
    return matrix


# %%
# Three of the four are classical: traceless matrices, and skew matrices of size four and five.

sl3 = [unit(3, i, j) for i in range(3) for j in range(3) if i != j]
sl3 += [unit(3, i, i) - unit(3, i + 1, i + 1) for i in range(2)]
so4, so5 = ([unit(n, i, j) - unit(n, j, i) for i in range(n) for j in range(i)] for n in (4, 5))

# %%
# The last one is found by :func:`symmetries.derive`: the linear maps that keep what a loss sees of three vectors, their
# products under a skew form :math:`J`.

J = [[0, 0, 1, 0], [0, 0, 0, 1], [-1, 0, 0, 0], [0, -1, 0, 0]]
loss = Loss.parse(
    "(u@J@v - 1)**2 + 3*(u@J@w - 3)**2 + 2*(v@J@w - 2)**2 + ((u@J@v)*(v@J@w) - u@J@w)**2",
    {"u": (4,), "v": (4,), "w": (4,)},
    data={"J": J},
)
algebra = derive(loss)
print(algebra.name, algebra.killing_signature)


def matrix_of(field, names):
    """The matrix of a linear field on the functions of the parameters."""
    matrix = np.zeros((len(names), len(names)), dtype=int)
    for entry, polynomial in field.polynomials.items():
        for ((name, _),), value in polynomial.items():
            matrix[names.index(name), names.index(entry)] = value
    return matrix


found = [matrix_of(field, list(loss.entries)) for field in algebra.generators]

# %%
# Long roots are dark. Perpendicular roots that do not add up to others belong to different ideals: so(4) falls apart.

systems = {"sl(3,R)": sl3, "so(4) = so(3) + so(3)": so4, "so(5)": so5, "from the loss": found}
figure, axes = plt.subplots(1, 4, figsize=(11, 3.5), layout="constrained")
figure.get_layout_engine().set(h_pad=0.12)
for axis, (name, matrices) in zip(axes, systems.items(), strict=True):
    roots, _ = roots_and_weights(constants(matrices))
    lengths = np.linalg.norm(roots, axis=1)
    for root, length in zip(roots, lengths, strict=True):
        colour = "#0b3d66" if length > 1.01 * lengths.min() or np.ptp(lengths) < 1e-6 else "#6ea8d8"
        axis.annotate("", root, (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.6, "shrinkB": 0})
    limit = 1.25 * lengths.max()
    shown = identify([matrix.tolist() for matrix in matrices]).name
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    axis.set_title(f"{name}\n{len(roots)} roots" + (f", {shown}" if name == "from the loss" else ""), fontsize=10)
    for side in axis.spines.values():
        side.set_visible(False)
plt.show()
