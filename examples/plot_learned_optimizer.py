r"""
An optimizer that learns to teleport
====================================

A recurrent network reads the gradients of a regression and proposes the learning rate, alone or together with an
element :math:`\exp(T)` of a group that leaves the loss invariant. Both networks are trained on the same twelve tasks by
truncated unrolling, and judged on tasks that they have not seen. What the teleport adds is small beside what the rate
does; and it costs a second gradient at every step.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from solvers.pytorch.learned import RegressionTask, learn_optimizer
from solvers.pytorch.learning.rollout import value_and_gradient

# %%
# The teleports are exact: in hundreds of them the loss changes by rounding alone.

torch.set_num_threads(1)
STEPS, UNSEEN = 60, range(100, 110)
results = {
    variant: learn_optimizer(RegressionTask, variant=variant, rounds=12, steps=STEPS, meta_rate=3e-3)
    for variant in ("rate", "rate+teleport")
}
runs = {variant: [result.follow(RegressionTask(k)) for k in UNSEEN] for variant, result in results.items()}
drifts = [drift for way in runs["rate+teleport"] for drift in way.drifts]
assert max(drifts) < 1e-10
print(f"{len(drifts)} teleports, largest relative change of the loss {max(drifts):.0e}")

# %%
# Gradient descent at the rate of the literature for comparison.


def descent(task, rate):
    parameters, losses = task.start, []
    for _ in range(STEPS + 1):
        loss, slope = value_and_gradient(task, parameters, differentiable=False)
        losses.append(float(loss))
        parameters = {name: (one - rate * slope[name]).detach() for name, one in parameters.items()}
    return losses


curves = {"descent, rate 3e-4": [descent(RegressionTask(k), 3e-4) for k in UNSEEN]}
curves |= {f"learned {variant}": [way.losses for way in ways] for variant, ways in runs.items()}
for name, losses in curves.items():
    print(f"{name:22} mean loss after {STEPS} steps {np.mean([one[-1] for one in losses]):6.2f}")

# %%
# The rates that they propose rise as the loss falls. At the right, the unseen tasks one by one: below the diagonal the
# network with teleports ends lower after equally many steps.

colours = dict(zip(curves, ("#6b7280", "#0b7285", "#d9480f"), strict=True))
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
for name, losses in curves.items():
    low, centre, high = np.quantile(np.array(losses)[:, 1:], [0.1, 0.5, 0.9], axis=0)
    steps = np.arange(1, STEPS + 1)
    left.fill_between(steps, low, high, color=colours[name], alpha=0.15, lw=0)
    left.loglog(steps, centre, color=colours[name], lw=2, label=name)
left.set(title="loss on unseen tasks", xlabel="step")
left.legend(frameon=False)
middle.axhline(3e-4, color=colours["descent, rate 3e-4"], lw=2)
for variant, ways in runs.items():
    for way in ways:
        middle.loglog(range(1, STEPS + 1), way.rates, color=colours[f"learned {variant}"], lw=0.8)
middle.set(title="proposed learning rates", xlabel="step", ylim=(5e-5, 1e-2))
last = {variant: [way.losses[-1] for way in ways] for variant, ways in runs.items()}
bounds = [0.8 * min(map(min, last.values())), 1.25 * max(map(max, last.values()))]
right.plot(bounds, bounds, color="0.8", lw=1, zorder=0)
right.scatter(last["rate"], last["rate+teleport"], color=colours["learned rate+teleport"], s=40, edgecolor="white")
right.set(title="last loss, task by task", xlabel="rate alone", ylabel="rate and teleport", aspect="equal")
right.set(xlim=bounds, ylim=bounds)
for ax in (left, middle, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
