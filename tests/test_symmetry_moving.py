"""Parameters that are moved only while they are read: the same numbers as those of a moved copy, and little memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils.parametrizations import weight_norm  # noqa: E402

from solvers.pytorch.symmetry.element import Element  # noqa: E402
from solvers.pytorch.symmetry.finder import symmetries_of  # noqa: E402
from solvers.pytorch.symmetry.finding import checking  # noqa: E402
from solvers.pytorch.symmetry.finding.moving import SHARE, Moving, Unmovable  # noqa: E402
from solvers.pytorch.symmetry.legs import Leg  # noqa: E402
from solvers.pytorch.symmetry.scalings import Scalings  # noqa: E402


class Tied(nn.Module):
    """A table that is read twice, with attention between, and a recurrent layer."""

    def __init__(self):
        super().__init__()
        self.words, self.norm = nn.Embedding(7, 8), nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.recurrent = nn.LSTM(8, 8, batch_first=True)

    def forward(self, index):
        x = self.words(index)
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return self.recurrent(x)[0] @ self.words.weight.T


CASES = {
    "tied": (Tied, lambda: torch.randint(0, 7, (2, 5))),
    "lengths": (
        lambda: nn.Sequential(weight_norm(nn.Linear(4, 6)), nn.ReLU(), weight_norm(nn.Linear(6, 5)), nn.Linear(5, 2)),
        lambda: torch.randn(3, 4).double(),
    ),
    "statistics": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 2)),
        lambda: torch.randn(3, 2, 5, 5).double(),
    ),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request):
    torch.manual_seed(0)
    make, inputs = request.param
    return make().double(), inputs()


def test_tensors_and_outputs_are_those_of_a_moved_copy(case):
    module, inputs = case
    symmetry = symmetries_of(module, inputs)
    element = symmetry.random_element(1)
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    moving = Moving(element, tensors)
    assert len(moving.places) > 3
    with torch.no_grad():
        moved = element.transform(tensors)
        for name in moving.places:
            torch.testing.assert_close(moving[name], moved[name], rtol=1e-12, atol=1e-13)
        buffers = frozenset(name for name, _ in module.named_buffers())
        lazy = {k: v.clone() if k in buffers else v for k, v in moving.parameters(buffers).items()}
        after = torch.func.functional_call(module, lazy, (inputs,))
        torch.testing.assert_close(after, torch.func.functional_call(module, moved, (inputs,)), rtol=1e-11, atol=1e-12)
        assert type(after) is torch.Tensor


def test_large_modules_are_judged_alike(case, monkeypatch):
    module, inputs = case
    small = symmetries_of(module, inputs)
    before = {name: one.clone() for name, one in module.state_dict().items()}
    monkeypatch.setattr(checking, "DOUBLE_LIMIT", 0)
    copied = []
    sparingly = checking.sparingly
    monkeypatch.setattr(checking, "sparingly", lambda word, given: copied.append(word) or sparingly(word, given))
    large = symmetries_of(module, inputs)
    # Copies are moved of a few tensors alone: where a scaling is known to be approximate.
    assert len(small.components) > 1
    assert all(len(word.factors) == 1 for word in copied)
    assert small.table() == large.table()
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())


def test_what_is_no_symmetry_is_found_out(monkeypatch):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).double()
    monkeypatch.setattr(checking, "DOUBLE_LIMIT", 0)
    check = checking.Check(module, (torch.randn(5, 3).double(),), {}, np.random.default_rng(0))
    wrong = Scalings("wrong", (Leg(tensor="0.weight", shape=(4, 3), axes=(0,)),), shape=(4,))
    assert list(check.failing([wrong])) == ["wrong: R+^4"]
    right = replace(wrong.legs[0], tensor="1.weight", shape=(2, 4), axes=(1,), exponent=-1)
    bias = replace(wrong.legs[0], tensor="0.bias", shape=(4,))
    assert not check.failing([Scalings("right", (wrong.legs[0], bias, right), shape=(4,))])


def test_little_is_kept():
    torch.manual_seed(0)
    module = nn.Sequential(*[nn.Linear(16, 16) for _ in range(40)])
    tensors = dict(module.named_parameters())
    legs = tuple(Leg(tensor=name, shape=tuple(one.shape), axes=(0,)) for name, one in tensors.items())
    scalings = Scalings("all", legs, shape=(16,))
    moving = Moving(Element(((scalings, torch.zeros(16)),)), tensors)
    with torch.no_grad():
        module_outputs = torch.func.functional_call(module, moving.parameters(frozenset()), (torch.ones(1, 16),))
    torch.testing.assert_close(module_outputs, module(torch.ones(1, 16)).detach())
    assert sum(one.nbytes for one in moving._kept.values()) * SHARE <= sum(one.nbytes for one in tensors.values())


def test_an_operation_that_overwrites_a_parameter_is_refused():
    torch.manual_seed(0)
    table = nn.Embedding(5, 4, max_norm=0.5)
    module = nn.Sequential(table, nn.Linear(4, 3))
    leg = Leg(tensor="0.weight", shape=(5, 4), axes=(1,))
    scalings = Scalings("table", (leg,), shape=(4,))
    moving = Moving(Element(((scalings, torch.zeros(4)),)), dict(module.named_parameters()))
    with torch.no_grad(), pytest.raises(Unmovable, match="renorm"):
        torch.func.functional_call(module, moving.parameters(frozenset()), (torch.arange(5),))
