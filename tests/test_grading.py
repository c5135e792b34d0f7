"""The scalings and sign changes that split the equations: they keep the loss, and there are as many as known."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import REAL, Sampler, evaluate

from symmetries import Linear, Loss, derive
from symmetries.expression import entry_names
from symmetries.grading import Grading
from symmetries.system import DeterminingSystem

CASES = {
    "factorisation": ("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, {"Y": (3, 4)}, 2, 8),
    "weight decay": ("sum((Y - U@V)**2) + sum(U**2)", {"U": (3, 2), "V": (2, 4)}, {"Y": (3, 4)}, 0, 8),
    "relu": ("sum((y - B@relu(A@x))**2)", {"A": (3, 2), "B": (1, 3)}, {"x": (2,), "y": (1,)}, 5, 3),
    "tanh": ("sum((y - B@tanh(A@x))**2)", {"A": (3, 2), "B": (1, 3)}, {"x": (2,), "y": (1,)}, 2, 6),
    "softmax": ("cross_entropy(W@x, y)", {"W": (3, 2)}, {"x": (2,), "y": (3,)}, 2, 2),
    "quotient": ("(w@A@w)/(w@w)", {"w": (3,)}, {"A": (3, 3)}, 1, 3),
    "roots": ("sqrt(x*y)*abs(z)/z", {"x": (), "y": (), "z": ()}, {}, 2, 1),
    "monomial": ("x**2*y**3/z", {"x": (), "y": (), "z": ()}, {}, 2, 2),
    "none": ("x**2 + x**3 + y**2 + y**3", {"x": (), "y": ()}, {}, 0, 0),
}


def grading(name: str) -> tuple[Loss, Grading]:
    text, parameters, data, _, _ = CASES[name]
    loss = Loss.parse(text, parameters, data=data)
    return loss, DeterminingSystem.of(loss, seed=0).grading


def moved(loss: Loss, factors: dict[str, REAL], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Values before and after each input is multiplied by its factor."""
    sampler = Sampler(loss, seed=seed)
    points = sampler.points(20)
    after = {}
    for name, shape in sampler.shapes().items():
        scale = np.array([factors[entry] for entry in entry_names(name, shape)]).reshape(shape)
        after[name] = points[name] * scale
    return evaluate(loss.expression, points).real, evaluate(loss.expression, after).real


@pytest.mark.parametrize("name", CASES)
def test_every_scaling_keeps_the_loss(name: str) -> None:
    loss, found = grading(name)
    inputs = (*loss.entries, *loss.data_entries)
    for row in found.weights:
        before, after = moved(loss, {k: REAL(3) ** (REAL(int(w)) / 8) for k, w in zip(inputs, row, strict=True)}, 1)
        assert np.allclose(before, after, rtol=1e-14, atol=1e-14, equal_nan=True)


@pytest.mark.parametrize("name", CASES)
def test_every_sign_change_keeps_the_loss(name: str) -> None:
    loss, found = grading(name)
    inputs = (*loss.entries, *loss.data_entries)
    for row in found.parities:
        before, after = moved(loss, {k: REAL((-1) ** int(w)) for k, w in zip(inputs, row, strict=True)}, 2)
        both = np.isfinite(before) & np.isfinite(after)
        assert both.any()
        assert np.allclose(before[both], after[both], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_there_are_as_many_as_known(name: str) -> None:
    _, found = grading(name)
    assert (len(found.weights), len(found.parities)) == CASES[name][3:]
    if len(found.weights):
        assert np.linalg.matrix_rank(found.weights.astype(float)) == len(found.weights)


def test_constants_are_not_scaled() -> None:
    loss = Loss.parse("a*x**2 + y**2", ["x", "y"], constants=["a"])
    assert len(DeterminingSystem.of(loss, seed=0).grading.weights) == 0
    assert derive(loss, ansatz=Linear()).dimension == 1


def test_equal_characters_have_equal_hashes() -> None:
    weights = np.array([[1, -1, 1], [2, 0, 2]])
    weight, parity = Grading(weights, np.array([[1, 0, 1]])).hashes(np.random.default_rng(0))
    assert weight[0] == weight[2] != weight[1]
    assert parity[0] == parity[2] != parity[1]
    assert weight[0] + weight[1] == np.random.default_rng(0).integers(0, 2**64 - 1, 2, np.uint64, endpoint=True)[
        1
    ] * np.uint64(2)
