"""The catalogue: entries read, derive to what they say, and agree with singular values and numeric derivatives."""

from __future__ import annotations

import json
import math
import re

import pytest
from oracle import nullity, residual

from manifolds import InputError
from symmetries import Loss, SymmetryAlgebra, derive
from symmetries.ansatz import read_ansatz
from symmetries.catalog import CatalogEntry, catalog, find, get

REQUIRED = """
rosenbrock rosenbrock-n booth matyas himmelblau goldstein-price beale ellipse ellipse-constants quadratic sphere
quadratic-semidefinite quadratic-indefinite matrix-factorisation matrix-factorisation-l2 symmetric-factorisation
matrix-completion tensor-factorisation tri-factorisation linear-network relu-network leaky-relu-network tanh-network
sigmoid-network softmax-regression softmax-network logistic-regression attention attention-value-output
batch-normalisation layer-normalisation weight-normalisation rayleigh-quotient phase-retrieval swiglu-network
low-rank-adaptation siamese-network homogeneous-network autoencoder
""".split()
SUMMAND = r"(R\^\d+|so\(\d+(,\d+)?\)|(gl|sl|sp)\(\d+,R\)|u\(\d+\))"
ALGEBRA = re.compile(rf"0|{SUMMAND}( \+ {SUMMAND})*")
KNOWN_DIMENSIONS = {
    "sp(4,R)": 10,
    "so(3,1)": 6,
    "u(2)": 4,
    "sl(2,R)": 3,
    "0": 0,
    "so(2)": 1,
    "so(3)": 3,
    "so(2,1)": 3,
    "so(4)": 6,
    "so(2,2)": 6,
    "gl(2,R)": 4,
}

every_entry = pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)


@pytest.fixture(scope="module")
def algebras() -> dict[str, SymmetryAlgebra]:
    return {entry.name: derive(entry.loss) for entry in catalog()}


@every_entry
def test_it_derives_to_what_the_entry_says(entry: CatalogEntry, algebras: dict[str, SymmetryAlgebra]) -> None:
    algebra = algebras[entry.name]
    assert algebra.ansatz.name == entry.ansatz
    assert algebra.dimension == entry.dimension
    assert algebra.null_directions == entry.null_directions
    assert algebra.essential.dimension == entry.essential_dimension
    assert algebra.completeness.verdict == "proved"
    assert {claim.verdict for claim in algebra.generator_claims} <= {"proved"}


@every_entry
def test_singular_values_of_sampled_gradients_agree(entry: CatalogEntry) -> None:
    assert nullity(entry.loss, read_ansatz(entry.ansatz)) == entry.dimension


@every_entry
def test_every_generator_has_derivative_zero_by_numbers(
    entry: CatalogEntry, algebras: dict[str, SymmetryAlgebra]
) -> None:
    for field in algebras[entry.name].generators:
        assert residual(entry.loss, field) < 1e-12


@every_entry
def test_null_directions_give_what_the_ansatz_allows(entry: CatalogEntry) -> None:
    size = len(entry.loss.entries)
    functions = {"linear": size, "affine": size + 1, "polynomial:3": math.comb(size + 3, 3)}
    assert entry.dimension == entry.null_directions * functions[entry.ansatz] + entry.essential_dimension


@every_entry
def test_the_text_of_an_entry(entry: CatalogEntry) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
    assert entry.title
    assert entry.note.endswith(".")
    assert entry.source
    assert (entry.loss.name, entry.loss.ansatz, entry.loss.formula) == (entry.name, entry.ansatz, entry.formula)
    assert entry.algebra is None or ALGEBRA.fullmatch(entry.algebra)
    assert Loss.from_dict(json.loads(json.dumps(entry.loss.to_dict()))) == entry.loss


@every_entry
def test_the_algebra_named_has_the_dimension(entry: CatalogEntry, algebras: dict[str, SymmetryAlgebra]) -> None:
    if entry.algebra is None:
        return
    sizes = [int(part[2:]) if part.startswith("R^") else KNOWN_DIMENSIONS[part] for part in entry.algebra.split(" + ")]
    assert sum(sizes) == entry.dimension
    assert algebras[entry.name].is_closed


def test_the_names() -> None:
    names = [entry.name for entry in catalog()]
    assert len(set(names)) == len(names) >= 36
    assert set(REQUIRED) <= set(names)


def test_the_loss_is_built_once() -> None:
    entry = get("booth")
    assert entry.loss is entry.loss
    assert find("booth") is entry
    assert find("Booth") is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [("rosenbrok", "rosenbrock"), ("Relu_Network", "relu-network"), ("normalisation", "batch-normalisation")],
)
def test_a_wrong_name_is_refused_with_close_ones(name: str, meant: str) -> None:
    with pytest.raises(InputError) as caught:
        get(name)
    assert meant in caught.value.cure


def test_a_name_far_from_all_is_refused() -> None:
    with pytest.raises(InputError, match="not in the catalogue"):
        get("\u2603" * 1000)
