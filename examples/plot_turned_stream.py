r"""
A stream turned to its principal axes
=====================================

Large language models write to one stream and read it through norms. A root mean square norm does not see rotations, so
that the whole stream may be turned: matrices that write to it are multiplied by Q, those that read it, whose columns
the weights w of the norm scale, by :math:`\operatorname{diag}(w)\, Q^{-1} \operatorname{diag}(w)^{-1}`. Turned to the
principal axes of the stream, a model holds most of what it knows in its first coordinates, and the last matter least.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

from solvers.pytorch import symmetries_of
from solvers.pytorch.symmetry.element import Element

torch.manual_seed(0)
WIDTH = 32


class Block(nn.Module):
    """A gated layer behind a norm, added to the stream."""

    def __init__(self):
        super().__init__()
        self.norm = nn.RMSNorm(WIDTH)
        self.gate, self.up = nn.Linear(WIDTH, 48), nn.Linear(WIDTH, 48)
        self.down = nn.Linear(48, WIDTH)

    def forward(self, x):
        y = self.norm(x)
        return x + self.down(nn.functional.silu(self.gate(y)) * self.up(y))


# %%
# A network with four blocks learns a function of eight inputs.

blocks = [Block() for _ in range(4)]
net = nn.Sequential(nn.Linear(8, WIDTH), *blocks, nn.RMSNorm(WIDTH), nn.Linear(WIDTH, 3)).double()
inputs = torch.randn(512, 8, dtype=torch.float64)
goals = torch.sin(inputs[:, :3] * inputs[:, 3:6]) + inputs[:, 5:8]
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for _ in range(300):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(inputs), goals)
    loss.backward()
    optimizer.step()
print(f"mean squared error {loss.item():.4f}")

# %%
# Its group has the rotations of the stream, beside the scalings of the weights of the norms and of gated units.

symmetry = symmetries_of(net, inputs[:4])
rotations = next(one for one in symmetry.components if one.group == f"O({WIDTH})")
print(symmetry.table())


# %%
# The principal axes of all that the norms read make one element of it. The function stays.


def streams():
    """What each norm reads, for all inputs."""
    x, found = net[0](inputs), []
    for block in net[1:5]:
        found.append(x)
        x = block(x)
    return torch.cat([*found, x]).detach()


def cut_error(kept):
    """The error of the outputs when only the first coordinates of the stream are kept in front of the last norm."""
    x = net[:5](inputs)
    x = torch.cat([x[:, :kept], torch.zeros_like(x[:, kept:])], dim=1)
    return float((net[5:](x) - net(inputs)).square().mean().detach())


before, spread_before = net(inputs).detach(), streams().square().mean(0)
cuts = range(2, WIDTH, 2)
errors_before = [cut_error(kept) for kept in cuts]
rows = streams()
axes = torch.linalg.eigh(rows.T @ rows).eigenvectors.flip(-1).T
symmetry.apply_(Element(((rotations, rotations.of_matrix(axes)),)))
assert torch.allclose(net(inputs), before, rtol=1e-10, atol=1e-12)
errors_after = [cut_error(kept) for kept in cuts]
half = len(cuts) // 2
print(f"error with {cuts[half]} coordinates: {errors_before[half]:.1e} as trained, {errors_after[half]:.1e} turned")
assert errors_after[half] < 0.2 * errors_before[half]

# %%
# The size of each coordinate of the stream, and the error when the last ones are left out in front of the last norm.

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.semilogy(spread_before, "o", ms=4, label="as trained")
left.semilogy(streams().square().mean(0), "s", ms=4, label="turned")
left.set(xlabel="coordinate of the stream", ylabel="mean square")
left.legend(frameon=False)
right.semilogy(cuts, errors_before, "o-", ms=4, label="as trained")
right.semilogy(cuts, errors_after, "s-", ms=4, label="turned")
right.set(xlabel="coordinates kept", ylabel="squared error of the outputs")
fig.suptitle("one function, two bases of its stream", fontsize=11)
plt.show()
