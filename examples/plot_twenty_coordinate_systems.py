r"""
One network in twenty coordinate systems
========================================

The same network is trained from the same function in twenty random coordinate systems :math:`w' = Aw` of condition
number 100, each optimizer at the learning rate that is best there.  The natural gradient draws one curve; the others
draw twenty.
"""

import matplotlib.pyplot as plt
import numpy as np

from solvers.naturality.remedies.natural_gradient_rule import NaturalGradient
from solvers.naturality.training_spread import training_spread
from solvers.network import Network
from solvers.rules import Adam, GradientDescent

# %%
# A regression by six tanh units with weight decay.  The decay is part of the loss, so that the metric has it too.

rng = np.random.default_rng(0)
X = rng.standard_normal((2, 60))
Y = np.sin(2 * X[:1]) * np.cos(X[1:]) + 0.05 * rng.standard_normal((1, 60))
network = Network(
    widths=(2, 6, 1), inputs=X, targets=Y, activation="tanh", loss="squared", half=True, bias=True, l2=0.03
)

rates = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
rules = {
    "gradient descent": (GradientDescent(), rates),
    "Adam": (Adam(), rates),
    "natural gradient": (NaturalGradient(dense_limit=100), [0.3]),
}
found = training_spread(network, network.initial(1), rules, coordinates=20, condition=100.0, steps=60)
for one in found:
    print(f"{one.name:17} last losses {one.curves[:, -1].min():.3f} to {one.curves[:, -1].max():.3f}")

# %%
# The black curve is the one in the original coordinates.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
for ax, one, colour in zip(axes, found, ("C0", "C1", "C2"), strict=True):
    ax.semilogy(one.curves[1:].T, color=colour, alpha=0.5, lw=1.4)
    ax.semilogy(one.curves[0], color="k", lw=1.1, ls="--")
    ax.set(title=f"{one.name}\nlargest / smallest last loss: {one.spread:.2f}", xlabel="step", ylim=(0.4, 40))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("loss")
assert found[2].widest < 1e-6
plt.show()
