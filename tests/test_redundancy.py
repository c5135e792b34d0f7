"""The redundancy claim: is there a continuous symmetry outside the ansatz?"""

from __future__ import annotations

import numpy as np
import pytest
from oracle import Sampler

from symmetries import Affine, Ansatz, Linear, Loss, derive

PAIR = {"x": (2,), "y": (1,)}
NET = {"A": (3, 2), "B": (1, 3)}

EXPLAINED = {
    "linear": ("sum((y - B@A@x)**2)", {"A": (2, 2), "B": (2, 2)}, {"x": (2,), "y": (2,)}, Linear(), 4),
    "factorisation": ("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 3)}, {"Y": (3, 3)}, Linear(), 4),
    "relu": ("sum((y - B@relu(A@x))**2)", NET, PAIR, Linear(), 3),
    "tanh": ("sum((y - B@tanh(A@x))**2)", NET, PAIR, Affine(), 0),
    "sigmoid": ("sum((y - B@sigmoid(A@x))**2)", NET, PAIR, Affine(), 0),
    "exp": ("sum((y - B@exp(A@x + c))**2)", {**NET, "c": (3,)}, PAIR, Affine(), 3),
    "softmax": ("cross_entropy(W@x, y)", {"W": (3, 2)}, {"x": (2,), "y": (3,)}, Linear(), 2),
    "attention": (
        "sum((Y - softmax(X@Q@K.T@X.T)@X)**2)",
        {"Q": (3, 1), "K": (3, 1)},
        {"X": (3, 3), "Y": (3, 3)},
        Linear(),
        1,
    ),
    "batch normalisation": (
        "sum((Y - (X@w - mean(X@w))/sqrt(mean((X@w - mean(X@w))**2))*g)**2)",
        {"w": (2,), "g": ()},
        {"X": (4, 2), "Y": (4,)},
        Linear(),
        1,
    ),
    "weight normalisation": ("(y - g*(v@x)/norm(v))**2", {"g": (), "v": (3,)}, {"x": (3,), "y": ()}, Linear(), 1),
}

HIDDEN = {
    "square": ("sum((y - B@((A@x)**2))**2)", NET, PAIR, 6, 3),
    "cube": ("sum((y - B@((A@x)**3))**2)", NET, PAIR, 5, 2),
    "weight decay": ("sum((Y - U@V)**2) + sum(U**2) + sum(V**2)", {"U": (3, 2), "V": (2, 4)}, {"Y": (3, 4)}, 3, 2),
    "squares": ("sum((Y - U**2@V**2)**2)", {"U": (3, 2), "V": (2, 3)}, {"Y": (3, 3)}, 4, 2),
}


@pytest.mark.parametrize("name", EXPLAINED)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_symmetries_found_explain_everything(name: str, seed: int) -> None:
    text, parameters, data, ansatz, redundancy = EXPLAINED[name]
    claim = derive(Loss.parse(text, parameters, data=data), ansatz=ansatz, rng=seed).redundancy
    assert claim is not None
    assert claim.verdict == "measured"
    assert claim.evidence == {"redundancy": redundancy, "explained": redundancy, "hidden": 0}


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_hidden_symmetries_are_counted(name: str, seed: int) -> None:
    """B (A x)**2 of a net 2-3-1 is one quadratic form of two variables: 9 parameters, 3 numbers."""
    text, parameters, data, redundancy, hidden = HIDDEN[name]
    claim = derive(Loss.parse(text, parameters, data=data), rng=seed).redundancy
    assert claim is not None
    assert claim.verdict == "refuted"
    assert claim.evidence == {"redundancy": redundancy, "explained": redundancy - hidden, "hidden": hidden}
    assert str(hidden) in claim.reason


@pytest.mark.parametrize("name", [*EXPLAINED, *HIDDEN])
def test_the_redundancy_is_that_of_numeric_gradients(name: str) -> None:
    text, parameters, data = (EXPLAINED.get(name) or HIDDEN[name])[:3]
    redundancy = EXPLAINED[name][4] if name in EXPLAINED else HIDDEN[name][3]
    loss = Loss.parse(text, parameters, data=data)
    sampler = Sampler(loss, seed=3)
    points = sampler.points(80)
    for parameter in loss.parameters:
        points[parameter] = np.broadcast_to(points[parameter][:1], points[parameter].shape).copy()
    singular = np.linalg.svd(sampler.gradient(points).astype(float), compute_uv=False)
    assert len(loss.entries) - int((singular > 1e-9 * singular[0]).sum()) == redundancy


def test_without_free_data_nothing_is_claimed() -> None:
    assert derive(Loss.parse("x**2 + y**2")).redundancy is None


@pytest.mark.parametrize("ansatz", [Linear(), Affine()])
def test_one_sample_and_many_samples_have_one_algebra(ansatz: Ansatz) -> None:
    """For all data, a sum over independent samples has the symmetries of one sample."""
    one = Loss.parse("sum((y - B@relu(A@x))**2)", NET, data=PAIR)
    many = Loss.parse("mean((Y - relu(X@A.T)@B.T)**2)", NET, data={"X": (4, 2), "Y": (4, 1)})
    assert derive(one, ansatz=ansatz).dimension == derive(many, ansatz=ansatz).dimension == 3


@pytest.mark.parametrize(
    ("text", "parameters", "data", "expected"),
    [
        ("sum((Y - (X@w - mean(X@w))/sqrt(mean((X@w - mean(X@w))**2)))**2)", {"w": (3,)}, {"X": (4, 3), "Y": (4,)}, 1),
        (
            "sum((Y - (X@w - mean(X@w))/sqrt(mean((X@w - mean(X@w))**2) + 1/100000))**2)",
            {"w": (3,)},
            {"X": (4, 3), "Y": (4,)},
            0,
        ),
        ("sum((y - W@x/sqrt(mean((W@x)**2)))**2)", {"W": (3, 2)}, {"x": (2,), "y": (3,)}, 1),
        ("sum((y - W@x/sqrt(mean((W@x)**2) + 1/100000))**2)", {"W": (3, 2)}, {"x": (2,), "y": (3,)}, 0),
        ("sum((y - B@relu(A@x))**2) + sum(A**2) + sum(B**2)", NET, PAIR, 0),
        ("sum((y - B@relu(A@x))**2) + 1e-13*sum(A**2)", NET, PAIR, 0),
    ],
)
def test_what_a_small_addition_breaks(
    text: str, parameters: dict[str, tuple[int, ...]], data: dict[str, tuple[int, ...]], expected: int
) -> None:
    algebra = derive(Loss.parse(text, parameters, data=data))
    assert (algebra.dimension, algebra.completeness.verdict) == (expected, "proved")
