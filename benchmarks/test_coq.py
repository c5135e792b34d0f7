"""Time of coqc on exported certificates; each benchmark also checks that the kernel accepts the file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from problems import linear_network, matrix_factorisation, network
from pytest_benchmark.fixture import BenchmarkFixture

from symmetries import Affine, Ansatz, Linear, Loss, derive

COQC = shutil.which("coqc")

SOFTMAX = Loss.parse("logsumexp(W@x + b) - (W@x + b)[0]", {"W": (5, 4), "b": (5,)}, data={"x": (4,)})
ATTENTION = Loss.parse(
    "sum((Y - softmax(X@Q@K.T@X.T)@X@V@O)**2)",
    {"Q": (3, 2), "K": (3, 2), "V": (3, 2), "O": (2, 1)},
    data={"X": (2, 3), "Y": (2, 1)},
)

CASES = [
    pytest.param(matrix_factorisation(3), Linear(), id="matrix-factorisation-3"),
    pytest.param(matrix_factorisation(5), Linear(), id="matrix-factorisation-5"),
    pytest.param(linear_network(3), Linear(), id="linear-network-3"),
    pytest.param(network("relu", 4, 8, 2), Linear(), id="relu-network-4-8-2"),
    pytest.param(SOFTMAX, Affine(), id="softmax-5"),
    pytest.param(ATTENTION, Linear(), id="softmax-attention"),
]


@pytest.mark.skipif(COQC is None, reason="coqc is not installed (Debian package coq)")
@pytest.mark.parametrize(("loss", "ansatz"), CASES)
def test_coqc(benchmark: BenchmarkFixture, tmp_path: Path, loss: Loss, ansatz: Ansatz) -> None:
    """One run of coqc, the loading of the library of real numbers included."""
    certificate = derive(loss, ansatz=ansatz).certificate
    text = certificate.to_coq()
    (tmp_path / "proof.v").write_text(text)
    benchmark.extra_info["fields"] = len(certificate.fields)
    benchmark.extra_info["lemmas"] = text.count("\nLemma ") + text.count("\nTheorem ")
    words = [str(COQC), "proof.v"]
    done = benchmark.pedantic(
        subprocess.run, args=(words,), kwargs={"cwd": tmp_path, "capture_output": True}, rounds=3, iterations=1
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("size", [3, 5])
def test_export(benchmark: BenchmarkFixture, size: int) -> None:
    """The export alone, every field proved again."""
    certificate = derive(matrix_factorisation(size)).certificate
    text = benchmark.pedantic(certificate.to_coq, rounds=3, iterations=1)
    assert f"Theorem symmetry_{size**2} " in text
