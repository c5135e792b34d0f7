r"""
A deep transformer on the Stiefel manifold
==========================================

A vision transformer of 32 blocks, whose attention has neither a skip connection nor a normalisation, does not learn
from the usual start: after a few steps it gives the same class to all images, and no gradient is left. With query, key
and value projections on the Stiefel manifold, and everything else as it was, it learns. All parameters are moved by
Adam at one learning rate; projections stay orthonormal to the rounding of single precision.

Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.
"""

import matplotlib.pyplot as plt
import torch
from torch_applications.images import digits
from torch_applications.transformer_training import train_transformer

# %%
# The 1,797 digits of scikit-learn are cut into four tokens of 16 pixels; there are four heads, with projections in
# :math:`\mathrm{St}(16, 4)`. The picture shows a shorter run than the twenty epochs of `train_digits_transformer.py`.

torch.set_num_threads(1)
images, runs = digits(), {}
for name, orthonormal in [("on the Stiefel manifold", True), ("free", False)]:
    _, run = train_transformer(images, layers=32, heads=4, orthonormal=orthonormal, epochs=8)
    runs[name] = run
    last = run.epochs[-1]
    print(f"{name:24} loss {last.loss:.3f}, test accuracy {last.accuracy:.3f}, {run.parameters} parameters")

assert runs["free"].epochs[-1].loss > 1.33
assert runs["on the Stiefel manifold"].epochs[-1].loss < 0.95

# %%
# One class for all images has the loss :math:`\sqrt{1.8} \approx 1.34`, and an accuracy of about a tenth.

figure, (losses, accuracies, errors) = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
colours = {"on the Stiefel manifold": "#d9480f", "free": "#1f2937"}
for name, run in runs.items():
    epochs = range(1, len(run.epochs) + 1)
    style = {"color": colours[name], "marker": "o", "ms": 4, "lw": 2}
    losses.plot(epochs, [epoch.loss for epoch in run.epochs], **style)
    accuracies.plot(epochs, [epoch.accuracy for epoch in run.epochs], label=name, **style)
losses.axhline(1.8**0.5, color="0.6", ls=":", zorder=0)
losses.text(8, 1.8**0.5 - 0.03, "one class for all", color="0.45", ha="right", va="top")
losses.set(title="training loss", xlabel="epoch", ylim=(0.6, 1.45))
accuracies.axhline(0.1, color="0.6", ls=":", zorder=0)
accuracies.set(title="test accuracy", xlabel="epoch", ylim=(0, 0.8))
accuracies.legend(frameon=False, loc="upper left")
run = runs["on the Stiefel manifold"]
drift = [epoch.orthogonality_error for epoch in run.epochs]
errors.semilogy(range(1, 9), drift, color=colours["on the Stiefel manifold"], marker="o", ms=4, lw=2)
errors.axhline(2**-23, color="0.6", ls=":", zorder=0)
errors.text(8, 2**-23 * 1.1, "rounding of one number", color="0.45", ha="right", va="bottom")
errors.set(title=r"largest $\|Y^\mathsf{T} Y - I\|_F$", xlabel="epoch", ylim=(5e-8, 1e-4))
for ax in (losses, accuracies, errors):
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xticks(range(1, 9))
plt.show()
