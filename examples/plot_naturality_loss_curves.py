r"""
The same training in other coordinates
======================================

One problem, written in two coordinate systems, and four optimizers on both. Where the two curves lie on each other, the
optimizer does not notice the change: gradient descent under rotations, Adam without its root under scalings of the
coordinates, natural gradient under both, and Adam under neither.
"""

import matplotlib.pyplot as plt
import numpy as np

from solvers.naturality.linear_maps import orthogonal, positive_diagonal
from solvers.naturality.problems import vector_problems
from solvers.naturality.registry import OPTIMIZERS

# %%
# The problem in other coordinates is the loss composed with the inverse of the map; the optimizer is told nothing else.

SIZE, STEPS = 8, 60
problem = vector_problems(SIZE)[0]
start = np.random.default_rng(2).choice([-1.0, 1.0], SIZE) * np.linspace(0.5, 1.5, SIZE)
maps = {"a rotation": orthogonal(SIZE, 1, determinant=1), "scalings of the coordinates": positive_diagonal(SIZE, 1)}
rates = {"gradient-descent": 0.03, "adam": 0.02, "root-free-adam": 0.01, "natural-gradient": 0.05}


def losses(spec, problem, theta, rate):
    """The losses along a run."""
    state, values = spec.start(problem, theta), [problem.value(theta)]
    for _ in range(STEPS):
        state = spec.step(problem, state, rate)
        values.append(problem.value(state["point"]))
    return np.array(values)


# %%
# Solid: the original coordinates. Dashed: the others, blue where the path is the same, red where it is another.

figure, axes = plt.subplots(2, 4, figsize=(12, 5.2), sharex=True, sharey="row", layout="constrained")
for row, (called, morphism) in zip(axes, maps.items(), strict=True):
    pushed, there = problem.push(morphism), morphism.apply(start)
    for ax, (name, rate) in zip(row, rates.items(), strict=True):
        spec = OPTIMIZERS[name]
        here, other = losses(spec, problem, start, rate), losses(spec, pushed, there, rate)
        gap = np.abs(here - other).max()
        follows = gap < 1e-9
        ax.plot(here, color="#1f77b4", lw=3, alpha=0.45, label="original coordinates")
        ax.plot(other, "--", color="#1f77b4" if follows else "#d62728", lw=1.8)
        verdict = "the same path" if follows else "another path"
        ax.text(0.96, 0.93, verdict, transform=ax.transAxes, ha="right", va="top")
        ax.spines[["top", "right"]].set_visible(False)
        print(f"{name:18} {called:28} largest difference of the losses {gap:.1e}")
    row[0].set_ylabel(f"loss, under {called.removesuffix(' of the coordinates')}")
for ax, title in zip(axes[0], ["gradient descent", "Adam", "Adam without its root", "natural gradient"], strict=True):
    ax.set_title(title)
for ax in axes[1]:
    ax.set_xlabel("step")
axes[0, 0].plot([], "--", color="0.3", label="other coordinates")
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
plt.show()
