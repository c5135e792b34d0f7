r"""
Two networks in one basin
=========================

Two networks that are trained from different starts compute nearly the same function with their hidden units in another
order. On the straight line between their weights the loss has a barrier. Moving the second network along the orbit of
its symmetry group, towards the first, changes nothing of what it computes, and most of the barrier is gone.

Source of the observation: S. Ainsworth, J. Hayase, S. Srinivasa, "Git Re-Basin", arXiv:2209.04836.
"""

from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from solvers.pytorch import align, symmetries_of

# %%
# Two networks for handwritten digits, trained from two starts on the same images.

digits = load_digits()
images = torch.tensor(digits.data / 16, dtype=torch.float32)
labels = torch.tensor(digits.target)
train, test = slice(0, 1400), slice(1400, None)


def trained(seed: int) -> nn.Sequential:
    """A network after training from one start."""
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    with torch.no_grad():
        for parameter in net.parameters():
            bound = parameter.shape[-1] ** -0.5
            parameter.uniform_(-bound, bound, generator=generator)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.1)
    for _ in range(25):
        for batch in torch.randperm(1400, generator=generator).split(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images[train][batch]), labels[train][batch]).backward()
            optimizer.step()
    return net


first, second = trained(0), trained(1)
symmetry = symmetries_of(second, (images[:8],))
print(symmetry.table())

# %%
# The second network is moved along its orbit; its outputs stay.

before = deepcopy(second)
result = align(first, second, symmetry=symmetry)
change = float((second(images) - before(images)).detach().abs().max())
assert change < 1e-4
print(f"distance {result.distance_before:.2f} -> {result.distance_after:.2f}; outputs changed by {change:.1e}")


def along_line(end: nn.Module) -> list[float]:
    """The test loss on the straight line of weights from the first network to another."""
    losses = []
    for share in np.linspace(0, 1, 25):
        middle = deepcopy(first)
        with torch.no_grad():
            for mine, one, other in zip(middle.parameters(), first.parameters(), end.parameters(), strict=True):
                mine.copy_((1 - share) * one + share * other)
            losses.append(float(nn.functional.cross_entropy(middle(images[test]), labels[test])))
    return losses


# %%
# The loss on the way, and how much each hidden unit of one network looks at what each unit of the other looks at.

figure, (left, *maps) = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained", width_ratios=[1.4, 1, 1])
share = np.linspace(0, 1, 25)
left.plot(share, along_line(before), lw=2, color="tab:red", label="as trained")
left.plot(share, along_line(second), lw=2, color="tab:blue", label="aligned")
left.set(xlabel="way from the first network to the second", ylabel="test loss", ylim=(0, None))
left.legend(frameon=False)
left.spines[["top", "right"]].set_visible(False)
units = nn.functional.normalize(first[0].weight.detach())
for ax, (net, title) in zip(maps, [(before, "as trained"), (second, "aligned")], strict=True):
    cosines = units @ nn.functional.normalize(net[0].weight.detach()).T
    shown = ax.imshow(cosines[:64, :64], cmap="RdBu", vmin=-0.8, vmax=0.8)
    ax.set(title=title, xlabel="unit of the second network", ylabel="unit of the first", xticks=[], yticks=[])
figure.colorbar(shown, ax=maps, label="cosine of incoming weights", shrink=0.8)
plt.show()
