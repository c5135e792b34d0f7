r"""
What optimizers notice
======================

For each optimizer and each class of changes of coordinates, how far a run in other coordinates ends from the image of
the run, as a share of the way that was moved. There is nothing between rounding and plain disagreement: naturality is
a yes or a no, and the rows sort themselves into groups.
"""

import matplotlib.pyplot as plt
import numpy as np

from solvers.naturality.classes import VECTOR_CLASSES
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.trajectory import trajectory

# %%
# Four steps on five problems in four variables, with two random maps of each class.

groups = {
    "signed\npermutations": "adamw sign-descent adam lion rmsprop adagrad rprop",
    "scalings of\ncoordinates": "mirror-burg madam root-free-adam adahessian levenberg-marquardt-scaled",
    "rotations\nof blocks": "vector-adam",
    "rotations": "gradient-descent nesterov normalised-gradient-descent full-matrix-adagrad newton-damped bfgs",
    "similarities": "lars polyak-step l-bfgs",
    "all linear\nmaps": "newton bfgs-natural online-newton-step gauss-newton natural-gradient",
}
classes = ["permutation", "sign", "translation", "block-rotation", "orthogonal", "scalar", "diagonal", "general"]
assert set(classes) == set(VECTOR_CLASSES)
names = " ".join(groups.values()).split()
tests = {name: trajectory(OPTIMIZERS[name], classes, maps=2).classes for name in names}
defects = np.array([[tests[name][kind].defect for kind in classes] for name in names])
assert not ((defects > 1e-10) & (defects < 1e-3)).any()
for group, members in groups.items():
    patterns = {tuple(defects[names.index(name)] <= 1e-10) for name in members.split()}
    print(f"{group.replace(chr(10), ' '):24} {len(members.split())} optimizers, {len(patterns)} patterns")

# %%
# Blue: the paths agree to rounding. Red: they do not. Only translations tell the members of a group apart.

figure, ax = plt.subplots(figsize=(8.6, 9.4), layout="constrained")
shown = np.log10(np.clip(defects, 1e-16, 1))
image = ax.imshow(shown, cmap="RdBu_r", vmin=-16, vmax=0, aspect="auto")
ax.set_xticks(range(len(classes)), [kind.replace("-", " ") for kind in classes], rotation=35, ha="left")
ax.set_yticks(range(len(names)), [name.replace("-", " ") for name in names])
ax.xaxis.tick_top()
ax.set_xticks(np.arange(len(classes) + 1) - 0.5, minor=True)
ax.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
ax.grid(which="minor", color="white", lw=2)
ax.tick_params(which="both", length=0)
ax.spines[:].set_visible(False)
top = -0.5
for group, members in groups.items():
    bottom = top + len(members.split())
    ax.text(len(classes) - 0.3, (top + bottom) / 2, group, va="center", ha="left")
    ax.axhline(bottom, color="black", lw=1.2)
    top = bottom
bar = figure.colorbar(image, location="bottom", shrink=0.5, aspect=30, ticks=[-16, -12, -8, -4, 0])
bar.set_label("defect, as a share of the way moved")
bar.ax.set_xticklabels(["≤ 1e-16", "1e-12", "1e-8", "1e-4", "≥ 1"])
plt.show()
