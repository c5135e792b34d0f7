"""Losses whose certificates are exported to Coq: at least one for every class of functions; and the program coqc."""

import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from public_losses import BY_NAME, public_algebra

from symmetries import Certificate, Loss, derive
from symmetries.ansatz import read_ansatz
from symmetries.catalog import catalog

COQC = shutil.which("coqc")
AXIOMS = {
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "Classical_Prop.classic",
    "FunctionalExtensionality.functional_extensionality_dep",
}
"""What the real numbers of the standard library rest on."""

needs_coqc = pytest.mark.skipif(COQC is None, reason="coqc is not installed (Debian package coq)")


@dataclass(frozen=True, eq=False)
class Case:
    formula: str
    parameters: Any
    data: Any = None
    ansatz: str = "linear"
    constants: tuple[str, ...] = ()

    @property
    def loss(self) -> Loss:
        return Loss.parse(self.formula, self.parameters, data=self.data, constants=list(self.constants))


CENTRED = "W@X - mean(W@X, axis=1, keepdims=True)"
BATCH_NORM = f"sum((Y - ({CENTRED})/sqrt(mean(({CENTRED})**2, axis=1, keepdims=True)))**2)"
LAYER_NORM = "sum((y - (W@x - mean(W@x))/sqrt(mean((W@x - mean(W@x))**2)))**2)"
HOSTILE = "at**2 + Prop**2 + theta**2 + n1**2 + L*t + R**2"
HEADS = {"Q": (3, 2), "K": (3, 2), "V": (3, 2), "O": (2, 1)}
NET = {"W": (2, 2), "b": (2,), "V": (1, 2)}
PAIR = {"x": (2,), "y": (1,)}

QUICK = {
    "polynomial": Case("(1 - x)**2 + 100*(y - x**2)**2", ["x", "y"], ansatz="polynomial:3"),
    "coefficients": Case("x**2/3 + sqrt(2)*y**2 + pi*z**2", ["x", "y", "z"]),
    "rational": Case("c@inv(A)@b + p/q", {"A": (2, 2), "b": (2,), "c": (2,), "p": (), "q": ()}),
    "relu": Case("sum((y - V@relu(W@x + b))**2)", NET, PAIR),
    "max and abs": Case("maximum(x, 2*y)*abs(z) + leaky_relu(x, 1/10)*z", ["x", "y", "z"]),
    "softmax": Case("cross_entropy(W@x, p)", {"W": (3, 2)}, {"x": (2,), "p": (3,)}, "affine"),
    "attention": Case(
        "sum((Y - softmax(X@Q@K.T@X.T)@X@V@O)**2)",
        {"Q": (2, 1), "K": (2, 1), "V": (2, 1), "O": (1, 1)},
        {"X": (2, 2), "Y": (2, 1)},
    ),
    "sigmoid and tanh": Case("(y - a*tanh(v*x) - sigmoid(b*w*x))**2", ["a", "v", "b", "w"], ["x", "y"]),
    "batch norm": Case(BATCH_NORM, {"W": (2, 2)}, {"X": (2, 3), "Y": (2, 3)}),
    "norm": Case("(y - g*(w@x)/norm(w))**2", {"w": (2,), "g": ()}, {"x": (2,), "y": ()}),
    "functions": Case("sin(x*y) + cos(x*y)**2 + log(x) + log(y) + atan(x*y) + (x*y)**(1/3)", ["x", "y"]),
}
"""One for each class; with coqc these run in the default tests."""

MORE = {
    "matrix factorisation 3": Case("sum((Y - U@V)**2)", {"U": (3, 3), "V": (3, 3)}, {"Y": (3, 3)}),
    "matrix factorisation 5": Case("sum((Y - U@V)**2)", {"U": (5, 5), "V": (5, 5)}, {"Y": (5, 5)}),
    "three layers": Case("sum((Y - A@B@C)**2)", {"A": (3, 3), "B": (3, 3), "C": (3, 3)}, {"Y": (3, 3)}),
    "linear attention": Case("sum((Y - X@Q@K.T@X.T@X@V@O)**2)", HEADS, {"X": (2, 3), "Y": (2, 1)}),
    "softmax attention": Case("sum((Y - softmax(X@Q@K.T@X.T)@X@V@O)**2)", HEADS, {"X": (2, 3), "Y": (2, 1)}),
    "two hidden layers": Case("sum((Y - relu(V@relu(W@x)))**2)", {"W": (3, 2), "V": (2, 3)}, {"x": (2,), "Y": (2,)}),
    "rms norm": Case("sum((y - g*(W@x)/sqrt(mean((W@x)**2)))**2)", {"W": (3, 2), "g": (3,)}, {"x": (2,), "y": (3,)}),
    "layer norm": Case(LAYER_NORM, {"W": (3, 2)}, {"x": (2,), "y": (3,)}),
    "elu, softplus, cosh, tan": Case("elu(x/y) + softplus(x/y) + cosh(x/y) + tan(x/y)", ["x", "y"]),
    "quotient of bent functions": Case("maximum(x, y)/minimum(x, y) + abs(x - y)/(abs(x) + abs(y))", ["x", "y"]),
    "constants": Case("x**2/a**2 + y**2/b**2", ["x", "y"], constants=("a", "b")),
    "hostile names": Case(HOSTILE, ["at", "Prop", "theta", "n1", "L", "t"], ["R"]),
}
"""More, of which only some are quick."""

UNPROVED = {"sin_double", "relu_pos_id"}
"""Public losses whose proof needs a relation that the export does not know."""


@cache
def certificate_of(case: Case) -> Certificate:
    return derive(case.loss, ansatz=read_ansatz(case.ansatz)).certificate


def table() -> Iterator[tuple[str, Certificate]]:
    """Every certificate with a field: of the cases, the public losses and the catalogue."""
    for name, case in {**QUICK, **MORE}.items():
        yield name, certificate_of(case)
    for name in BY_NAME:
        if public_algebra(name).generators and name not in UNPROVED:
            yield name, public_algebra(name).certificate
    for entry in catalog():
        certificate = derive(entry.loss, ansatz=read_ansatz(entry.ansatz)).certificate
        if certificate.fields:
            yield f"catalogue: {entry.name}", certificate


@dataclass(frozen=True)
class Verdict:
    accepted: bool
    output: str
    errors: str
    seconds: float
    """Processor time."""

    @property
    def axioms(self) -> set[str]:
        return set(re.findall(r"^([A-Z]\w*\.\w+)", self.output, re.MULTILINE))


def coqc(text: str, directory: Path, *, name: str = "proof") -> Verdict:
    """The verdict of the kernel on a file, checked with no option."""
    if COQC is None:
        pytest.skip("coqc is not installed (Debian package coq)")
    (directory / f"{name}.v").write_text(text, encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([COQC, f"{name}.v"], cwd=directory, capture_output=True, text=True, check=False, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Verdict(done.returncode == 0, done.stdout, done.stderr, seconds)
