"""Symmetries of modules in single precision: the function stays to 1e-5 on unseen inputs."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from symmetry_cases import defect  # noqa: E402
from torch import nn  # noqa: E402

from solvers.pytorch import symmetries_of  # noqa: E402


def images():
    """Random images."""
    return (torch.randn(4, 1, 12, 12, dtype=torch.float32),)


def tokens():
    """Random sequences."""
    return (torch.randn(2, 5, 8, dtype=torch.float32),)


def convolutional():
    """Convolutions with batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(150, 3)
    )


def encoder(*, first):
    """A transformer of two layers."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0, norm_first=first)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


CASES = {
    "convolutions, training": (convolutional, images),
    "convolutions, evaluation": (lambda: convolutional().eval(), images),
    "encoder, norms last": (lambda: encoder(first=False), tokens),
    "encoder, norms first": (lambda: encoder(first=True), tokens),
    "linear maps": (lambda: nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 3)), tokens),
}


@pytest.mark.parametrize("name", CASES)
def test_single_precision_keeps_the_function(name):
    make, inputs = CASES[name]
    torch.manual_seed(0)
    module = make().float()
    symmetry = symmetries_of(module, inputs())
    assert symmetry.dimension > 0
    assert defect(module, symmetry, inputs) < 1e-5
