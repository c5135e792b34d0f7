"""Coordinates in which the group of a module is searched."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from solvers.pytorch import Teleporter, symmetries_of  # noqa: E402
from solvers.pytorch.teleporting.chart import Chart, uniform_frame, without_rotations  # noqa: E402


class Stream(nn.Module):
    """A block that reads a stream through a norm without weights, behind and before linear maps."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)
        self.up, self.down = nn.Linear(4, 5), nn.Linear(5, 4)

    def forward(self, x):
        x = self.first(x)
        x = x + self.down(functional.relu(self.up(functional.rms_norm(x, (4,)))))
        return self.last(functional.rms_norm(x, (4,)))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Stream().double()


def gradient_norm(net, x, y):
    """The norm of the gradient of a loss."""
    net.zero_grad()
    functional.mse_loss(net(x), y).backward()
    return float(torch.cat([one.grad.ravel() for one in net.parameters()]).norm())


def batch():
    """Inputs and targets."""
    random = torch.Generator().manual_seed(1)
    return torch.randn(20, 3, generator=random).double(), torch.randn(20, 2, generator=random).double()


def test_rotations_keep_gradient_norms_and_are_not_searched(net):
    symmetry = symmetries_of(net, batch()[0])
    rotations = [one for one in symmetry.components if one.group == "O(4)"]
    searched = without_rotations(symmetry)
    assert len(rotations) == 1
    assert searched.dimension == symmetry.dimension - rotations[0].dimension
    before = gradient_norm(net, *batch())
    element = Chart(symmetry).element(torch.linspace(-2.0, 1.0, symmetry.dimension).double())
    turn = type(element)(tuple(one for one in element.factors if one[0] is rotations[0]))
    symmetry.apply_(turn)
    assert gradient_norm(net, *batch()) == pytest.approx(before, rel=1e-12)
    assert len(turn.factors) == 1


def test_a_group_of_rotations_alone_is_kept(net):
    symmetry = symmetries_of(nn.Sequential(net.first, nn.RMSNorm(4, elementwise_affine=False), net.last), batch()[0])
    assert symmetry.group == "O(4)"
    assert without_rotations(symmetry) is symmetry


def test_a_teleport_of_the_gradient_norm_leaves_rotations_out(net):
    teleporter = Teleporter(net, functional.mse_loss)
    jump = teleporter.step(batch())
    assert jump.gain > 1
    assert jump.relative_drift < 1e-12


def test_directions_of_whole_spaces_are_the_sums_of_those_of_units(net):
    symmetry = without_rotations(symmetries_of(net, batch()[0]))
    frame = uniform_frame(symmetry)
    whole = Chart(symmetry, frame).element(torch.tensor([0.3]).double())
    units = Chart(symmetry).element(torch.full((5,), 0.3).double())
    assert tuple(frame.shape) == (5, 1)
    for name, moved in whole.changes(symmetry.tensors()).items():
        assert torch.equal(moved, units.changes(symmetry.tensors())[name])
