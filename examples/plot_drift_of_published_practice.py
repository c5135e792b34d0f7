r"""
Drift: published practice against exact group elements
======================================================

A teleport must not change the loss. The recipe in circulation for networks with invertible activations takes g = I + T
with I - T for its inverse, and computes all hidden states once, before any weight has moved. Its error is of first
order in T: the loss changes, and what looks like an effect of the teleport may be that change.
"""

import matplotlib.pyplot as plt
import numpy as np

from solvers.network import Network
from symmetries import GroupAction

# %%
# The setting: a regression with three layers, half the squared error, leaky ReLUs, every entry uniform on [0, 1].

widths, slope = (5, 6, 7, 8), 0.1
rng = np.random.default_rng(0)
inputs, targets = rng.uniform(size=(5, 4)), rng.uniform(size=(8, 4))
network = Network(widths=widths, inputs=inputs, targets=targets, loss="squared", half=True)
action = GroupAction.catalogued("mlp-data", widths=widths, inputs=inputs, activation="leaky_relu")
start = rng.uniform(size=network.size)


def unit(z):
    """The leaky ReLU."""
    return np.where(z > 0, z, slope * z)


def inverse_unit(h):
    """Its inverse."""
    return np.where(h > 0, h, h / slope)


def split(w):
    """The three weights."""
    return list(network.space.split(w).values())


def recipe(w, steps, *, fresh):
    """I + T on each hidden layer in turn, from hidden states computed before, or again after each layer."""
    weights = [weight.copy() for weight in split(w)]
    hidden = [inputs]
    for weight in weights[:-1]:
        hidden.append(unit(weight @ hidden[-1]))
    for m, T in enumerate(steps):
        state = hidden[m]
        moved = inverse_unit((np.eye(len(T)) + T) @ unit(weights[m] @ state))
        weights[m] = moved @ np.linalg.pinv(state)
        weights[m + 1] = weights[m + 1] @ (np.eye(len(T)) - T)
        if fresh:
            hidden[m + 1] = unit(weights[m] @ state)
    return np.concatenate([weight.ravel() for weight in weights])


def blocks(t):
    """Coordinates as the matrices T of the two hidden layers."""
    return t[:36].reshape(6, 6), t[36:].reshape(7, 7)


ways = {
    "published: I ± T, old hidden states": lambda w, t: recipe(w, blocks(t), fresh=False),
    "I ± T, new hidden states": lambda w, t: recipe(w, blocks(t), fresh=True),
    "exact: exp(T) and its inverse": lambda w, t: np.asarray(action.apply(t, w)),
}

# %%
# The order of the error: slope 1, slope 2, and rounding.

sizes = np.array([1e-4, 1e-3, 1e-2, 1e-1])
directions = rng.standard_normal((20, action.dimension))
directions /= np.linalg.norm(directions, axis=1, keepdims=True)
loss = network.value(start)
drifts = {
    name: np.array([max(abs(network.value(way(start, size * t)) / loss - 1) for t in directions) for size in sizes])
    for name, way in ways.items()
}
for name, drift in drifts.items():
    order = np.polyfit(np.log(sizes), np.log(drift), 1)[0]
    print(f"{name:38} {'  '.join(f'{value:.1e}' for value in drift)}   order {order:.2f}")
orders = [np.polyfit(np.log(sizes), np.log(drift), 1)[0] for drift in drifts.values()]
assert abs(orders[0] - 1) < 0.1
assert abs(orders[1] - 2) < 0.2
assert max(drifts["exact: exp(T) and its inverse"]) < 1e-13

# %%
# Ten steps of length 0.05 up the slope of the gradient norm: the loss that ought to be constant.

climbs = {}
for name, way in ways.items():
    w, losses = start, [1.0]
    for _ in range(10):
        gradient = network.gradient(w)
        t = action.pullback(w, 2 * network.hvp(w, gradient))
        w = way(w, 0.05 * t / np.linalg.norm(t))
        losses.append(network.value(w) / loss)
    climbs[name] = losses
    print(f"{name:38} loss after ten steps: {losses[-1]:.12g} of the start")

figure, axes = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
for (name, drift), colour, marker in zip(drifts.items(), ("C3", "C1", "C0"), ("o", "s", "^"), strict=True):
    axes[0].loglog(sizes, drift, marker + "-", color=colour, lw=2, label=name)
    axes[1].plot(climbs[name], marker + "-", color=colour, lw=2, ms=5)
for order, height, colour in ((1, 3e-3, "C3"), (2, 3e-6, "C1")):
    axes[0].text(3e-3, height, f"slope {order}", color=colour, ha="right", va="bottom")
axes[0].set(xlabel="|T|", ylabel="relative change of the loss", title="one step", ylim=(1e-17, 30))
axes[0].legend(frameon=False, loc="center left", bbox_to_anchor=(0.0, 0.3))
axes[1].set(xlabel="step", ylabel="loss relative to the start", title="ten steps up the gradient norm")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
