"""Time of one proof for all sizes, and of a whole answer; each benchmark also checks the verdict."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from symmetries import Loss
from symmetries.sizes.family import LossFamily
from symmetries.sizes.family_symmetry import derive_family
from symmetries.sizes.matrix_field import FamilyField, decide, prove_matrix_field

MATRICES = {"U": ("n", "k"), "V": ("k", "m")}
NETWORK = {"W1": ("p", "h"), "b": ("h",), "W2": ("h", "q")}
HEADS = {"Q": ("p", "d"), "K": ("p", "d"), "V": ("p", "f"), "O": ("f", "q")}
DATA = {"X": ("N", "p"), "Y": ("N", "q")}
CENTRED = "(X@W1 + b - mean(X@W1 + b, axis=0))"
BATCH_NORM = f"{CENTRED}/sqrt(mean({CENTRED}**2, axis=0))"
ATTENTION = LossFamily.parse("sum((Y - softmax(X@Q@K.T@X.T, axis=1)@X@V@O)**2)", HEADS, data=DATA)
FACTORISATION = LossFamily.parse("sum((Y - U@V)**2)", MATRICES, data={"Y": ("n", "m")})
RELU = LossFamily.parse("mean((Y - relu(X@W1 + b)@W2)**2)", NETWORK, data=DATA)
NORMALISED = LossFamily.parse(f"mean((Y - relu({BATCH_NORM})@W2)**2)", NETWORK, data=DATA)
TANH = LossFamily.parse("mean((Y - tanh(X@W1 + b)@W2)**2)", NETWORK, data=DATA)

GL = FamilyField({"U": "-U@S", "V": "S@V"}, {"S": "generic"})
SCALING = FamilyField({"W1": "W1@D", "b": "D@b", "W2": "-D@W2"}, {"D": "diagonal"})

PROOFS = [
    pytest.param(FACTORISATION, GL, "proved", id="matrix-factorisation"),
    pytest.param(RELU, SCALING, "proved", id="relu-network"),
    pytest.param(
        ATTENTION, FamilyField({"Q": "Q@S", "K": "-K@S.T"}, {"S": "generic"}), "proved", id="attention-queries-and-keys"
    ),
    pytest.param(
        NORMALISED, FamilyField({"W1": "W1@D", "b": "D@b"}, {"D": "diagonal"}), "proved", id="batch-norm-scaling"
    ),
    pytest.param(TANH, SCALING, "undecided", id="tanh-network-refused"),
]


@pytest.mark.parametrize(("family", "field", "verdict"), PROOFS)
def test_proof_for_all_sizes(benchmark: BenchmarkFixture, family: LossFamily, field: FamilyField, verdict: str) -> None:
    setting = family.setting
    found, _ = benchmark.pedantic(decide, args=(setting, field), rounds=5, iterations=1)
    assert found == verdict


def test_proof_for_98304_parameters(benchmark: BenchmarkFixture) -> None:
    """One loss of 256 x 192 x 256; no entry is looked at."""
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (256, 192), "V": (192, 256)}, data={"Y": (256, 256)})
    claim = benchmark.pedantic(prove_matrix_field, args=(loss, GL), rounds=5, iterations=1)
    assert claim.verdict == "proved"


ANSWERS = [
    pytest.param(FACTORISATION, "gl(k)", id="matrix-factorisation"),
    pytest.param(RELU, "R^h", id="relu-network"),
    pytest.param(ATTENTION, "gl(d) + gl(f)", id="attention"),
    pytest.param(NORMALISED, "R^h", id="batch-norm"),
]


@pytest.mark.parametrize(("family", "name"), ANSWERS)
def test_answer_for_all_sizes(benchmark: BenchmarkFixture, family: LossFamily, name: str) -> None:
    """The parts found and proved for all sizes, beside two derivations at small sizes."""
    symmetry = benchmark.pedantic(derive_family, args=(family,), rounds=3, iterations=1)
    assert symmetry.name == name
    assert symmetry.completeness.verdict == "proved"
