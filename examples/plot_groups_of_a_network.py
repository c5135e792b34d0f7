r"""
The groups of a network
=======================

Between two operations of a network lies a hidden space, and what stands on both sides says which changes of its basis
nobody notices. Batch normalisation and ReLU leave scalings, signs and permutations of channels; tanh leaves signs and
permutations; two linear maps in a row leave all invertible matrices. Squares are the tensors of the network; a full
line joins a group with a tensor that follows it, a dashed one with a tensor that follows its dual.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

from solvers.pytorch import symmetries_of
from symport.module_plots import plot_module_symmetry

# %%
# A convolutional network in evaluation mode, and the table of its hidden spaces.

net = nn.Sequential(
    nn.Conv2d(1, 6, 3, bias=False),
    nn.BatchNorm2d(6),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(6, 4, 3, bias=False),
    nn.Tanh(),
    nn.Flatten(),
    nn.Linear(64, 8, bias=False),
    nn.Linear(8, 3, bias=False),
).eval()
images = torch.randn(4, 1, 14, 14, generator=torch.Generator().manual_seed(0))
symmetry = symmetries_of(net, images)
print(symmetry.table())

# %%
# A random element moves every weight and no output.

before = net(images).detach()
symmetry.apply_(symmetry.random_element(1))
assert torch.allclose(net(images), before, atol=1e-5)

ax = plot_module_symmetry(symmetry)
ax.set_title("groups that act on hidden spaces", loc="right", fontsize=10)
plt.show()
