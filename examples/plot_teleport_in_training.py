r"""
A teleport in the middle of a training
======================================

One teleport after the first epoch, beside three controls: nothing, a reset of the optimizer's state, and a random
element of the group under the same test. On the left the rate is that of the published experiments, on the right it is
tuned: there the test takes nothing, and there is nothing to win.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from solvers.pytorch import Teleporter, symmetries_of
from solvers.pytorch.datasets import digits28
from solvers.running.acceptance import Rollout

torch.set_num_threads(1)
LOSS = nn.functional.cross_entropy
digits = digits28()
inputs, targets = digits.train_inputs, digits.train_targets

# %%
# A network 784-16-10-10 of leaky ReLU units on scikit-learn's digits at 28 x 28 pixels, mini-batches of 20 samples. The
# teleport searches one scaling for each hidden layer and maximises the decrease of the loss in five virtual steps. It
# is taken when 60 virtual steps end lower by 5 % in each of three orders of the mini-batches.

EPOCHS, BATCH, AT = 12, 20, 75
TEST = Rollout(steps=60, margin=0.05)
ARMS = {
    "base": None,
    "reset only": {"along": "random", "radius": 1e-9, "state": "reset"},
    "random teleport": {"along": "random", "radius": 2.0, "accept": TEST},
    "teleport": {
        "target": "lookahead",
        "per": "space",
        "radius": 2.0,
        "layer_bound": 30.0,
        "steps": 20,
        "accept": TEST,
    },
}


def train(rate, options, seed=1):
    """The loss on all training samples every 25 steps, and the result of the teleport."""
    torch.manual_seed(seed)
    layers = nn.Linear(784, 16, bias=False), nn.LeakyReLU(0.1), nn.Linear(16, 10, bias=False), nn.LeakyReLU(0.1)
    model = nn.Sequential(*layers, nn.Linear(10, 10, bias=False))
    optimizer, order = torch.optim.SGD(model.parameters(), lr=rate), np.random.default_rng(seed)
    parts = [piece for _ in range(EPOCHS) for piece in torch.from_numpy(order.permutation(1500)).split(BATCH)]
    curve, found = [], None
    for step, piece in enumerate(parts):
        if step == AT and options is not None:
            shuffled = torch.from_numpy(np.random.default_rng(seed + 1).permutation(1500))
            pieces = [shuffled[:200], *shuffled.split(BATCH)]
            symmetry = symmetries_of(model, inputs[:2])
            teleporter = Teleporter(model, LOSS, optimizer=optimizer, symmetry=symmetry, **options)
            found = teleporter.step([(inputs[one], targets[one]) for one in pieces])
        if step % 25 == 0:
            with torch.no_grad():
                curve.append(LOSS(model(inputs), targets).item())
        optimizer.zero_grad()
        LOSS(model(inputs[piece]), targets[piece]).backward()
        optimizer.step()
    return curve, found


# %%
# Both rates, all arms; thick lines are running means of the logarithm. What a teleport costs, search and rollouts
# together, stands in the legend in gradients: about as many as the training itself has steps.


def smooth(curve, width=5):
    """The geometric mean of the last values."""
    logarithms = np.log(curve)
    return np.exp([logarithms[max(0, k - width + 1) : k + 1].mean() for k in range(len(curve))])


COLOURS = {"base": "#444444", "reset only": "#d9952b", "random teleport": "#3f7fb0", "teleport": "#b5344c"}
figure, axes = plt.subplots(1, 2, figsize=(11, 4.8), sharey=True, layout="constrained")
ends = {}
for ax, (rate, name) in zip(axes, ((1e-2, "published rate"), (0.2, "tuned rate")), strict=True):
    for arm, options in ARMS.items():
        curve, found = train(rate, options)
        steps, style = 25 * np.arange(len(curve)), "--" if arm == "reset only" else "-"
        label = f"{arm}: {curve[-1]:.3f}"
        if found is not None and arm != "reset only":
            cost, taken = found.cost.gradient_equivalents, found.element is not None
            label += f", {'taken' if taken else 'not taken'} for {cost:.0f} gradients"
        ax.plot(steps, curve, style, color=COLOURS[arm], lw=0.7, alpha=0.35)
        ax.plot(steps, smooth(curve), style, color=COLOURS[arm], lw=2.2, label=label)
        ends[name, arm] = curve[-1]
    ax.axvline(AT, color="#999999", lw=0.8, ls=":")
    ax.set_yscale("log")
    ax.set_title(f"gradient descent at {rate:g}, {name}", loc="left", fontsize=11)
    ax.set_xlabel("steps of the optimizer; the teleport comes at the dotted line")
    ax.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("loss on all training samples")
plt.show()

# %%
# At the small rate one teleport does more than the rest of the training, and a random one that passes the same test
# does a part of it. But a scaling of the layers is, for plain gradient descent, a choice of their learning rates: with
# a tuned rate the base comes as far without any, and the test lets no teleport pass.

assert ends["published rate", "teleport"] < 0.6 * ends["published rate", "base"]
assert ends["tuned rate", "teleport"] <= 1.02 * ends["tuned rate", "base"]
assert ends["tuned rate", "base"] < 0.5 * ends["published rate", "base"]
