r"""
The four generators of a matrix factorisation
=============================================

The loss :math:`\lVert Y - UV \rVert^2` does not change under :math:`U \mapsto U g^{-1},\ V \mapsto g V` with an
invertible matrix :math:`g`. For inner size two its linear symmetries are the algebra :math:`\mathfrak{gl}(2)`: one
generator for each :math:`2 \times 2` matrix :math:`A`, along which :math:`U` has the velocity :math:`-UA` and :math:`V`
the velocity :math:`AV`. The rows of :math:`U` and the columns of :math:`V` are points of the plane, so that the motion
can be drawn.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import expm

from symmetries import Basis, Loss, VectorField, derive

# %%
# The derivation searches all linear fields on the 14 parameters, and finds four.

factorisation = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)})
algebra = derive(factorisation)
print(algebra)

# %%
# They are the fields of the four elementary matrices. Conversely, the fields of four other matrices, the identity, a
# squeeze, a shear and a rotation, are a basis as well, and all four are proved.

MATRICES = {
    "scaling": [[1, 0], [0, 1]],
    "squeeze": [[1, 0], [0, -1]],
    "shear": [[0, 1], [0, 0]],
    "rotation": [[0, -1], [1, 0]],
}


def field_of(a):
    """The vector field with velocity -U A and A V."""
    u = {f"U[{i},{k}]": f"-({a[0][k]})*U[{i},0] - ({a[1][k]})*U[{i},1]" for i in range(3) for k in range(2)}
    v = {f"V[{k},{j}]": f"({a[k][0]})*V[0,{j}] + ({a[k][1]})*V[1,{j}]" for k in range(2) for j in range(4)}
    return VectorField(u | v)


given = derive(factorisation, ansatz=Basis([field_of(a) for a in MATRICES.values()]))
assert given.dimension == algebra.dimension == 4
print("all proved:", all(claim.verdict == "proved" for claim in given.generator_claims))

# %%
# Now the motion. Each panel follows the flow of one generator, :math:`U \exp(-tA)` and :math:`\exp(tA) V`. While the
# points move, the product :math:`UV`, and with it the loss for every :math:`Y`, stays what it is.

U = np.array([[1.0, 0.3], [-0.5, 0.9], [0.4, -1.0]])
V = np.array([[0.9, -0.2, -1.1, 0.5], [0.6, 1.2, -0.3, -0.8]])
times = np.linspace(-0.7, 0.7, 61)

figure, axes = plt.subplots(1, 4, figsize=(12, 3.7), sharex=True, sharey=True, layout="constrained")
grid = np.linspace(-2, 2, 9)
plane = np.stack(np.meshgrid(grid, grid)).reshape(2, -1)
for one, (name, rows) in zip(axes, MATRICES.items(), strict=True):
    A = np.array(rows, dtype=float)
    one.quiver(*plane, *(A @ plane), color="0.85", angles="xy", width=0.005)
    flow = np.stack([expm(t * A) for t in times])
    moved_u, moved_v = U @ np.linalg.inv(flow), flow @ V
    change = np.abs(moved_u @ moved_v - U @ V).max()
    assert change < 1e-13
    for i in range(3):
        one.plot(*moved_u[:, i, :].T, color="C0", lw=1.8)
        one.plot(*moved_u[-1, i], marker="o", color="C0", ms=4)
    for j in range(4):
        one.plot(*moved_v[:, :, j].T, color="C1", lw=1.8)
        one.plot(*moved_v[-1, :, j], marker="o", color="C1", ms=4)
    one.plot(*U.T, "o", mfc="white", mec="C0", ms=5)
    one.plot(*V, "o", mfc="white", mec="C1", ms=5)
    text = "; ".join(" ".join(f"{entry:g}" for entry in row) for row in rows)
    one.set_title(f"{name}\n$A = $[{text}]   change of $UV$: {change:.0e}", fontsize=9)
    one.set(aspect="equal", xlim=(-2.2, 2.2), ylim=(-2.2, 2.2))
axes[0].plot([], [], color="C0", label="rows of $U$")
axes[0].plot([], [], color="C1", label="columns of $V$")
axes[0].legend(loc="lower left", fontsize=8, frameon=False)
plt.show()

# %%
# The bracket of two generators is again one of them or a combination: :math:`[X_A, X_B] = X_{BA-AB}` here too. The
# field of the identity commutes with all others; the other three form :math:`\mathfrak{sl}(2)`.

names = list(MATRICES)
for i, first in enumerate(names):
    for second in names[i + 1 :]:
        a, b = np.array(MATRICES[first]), np.array(MATRICES[second])
        print(f"[{first}, {second}] belongs to the matrix {(b @ a - a @ b).tolist()}")
