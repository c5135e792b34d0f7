"""Lie algebras as null spaces: names, closure, translations, kinks, and what is not settled."""

import numpy as np
import pytest

from solvers.naturality.equations import split_factors
from solvers.naturality.lie_algebra import lie_algebra, lie_algebras
from solvers.naturality.linear_algebras import closure_defect, dictionary, name_algebra, smallest_cosine, span
from solvers.naturality.problems import vector_problems
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.spec import OptimizerSpec


def memoryless(name, step, rate=0.05):
    return OptimizerSpec(
        name=name,
        init=lambda problem, theta: {"point": theta},
        step=lambda problem, state, speed: {"point": step(problem, state["point"], speed)},
        slots={"point": "point"},
        rate=rate,
    )


@pytest.mark.parametrize("shape", [(2,), (4,), (6,), (2, 3), (3, 3)])
def test_the_dictionary_holds_algebras_and_knows_them_again(shape):
    size = int(np.prod(shape))
    for name, matrices in dictionary(shape):
        basis = span(matrices).reshape(-1, size, size)
        assert closure_defect(basis) <= 1e-12, name
        turned = np.linalg.qr(np.random.default_rng(1).standard_normal((len(basis), len(basis))))[0]
        mixed = np.tensordot(turned, basis, 1) if len(basis) else basis
        found, cosine = name_algebra(mixed, shape)
        assert cosine > 1 - 1e-12
        known = dict(dictionary(shape))[found]
        assert len(span(known)) == len(basis)
        assert smallest_cosine(span(known), span(matrices)) > 1 - 1e-12


def test_dimensions_of_named_algebras():
    table = {name: len(span(matrices)) for name, matrices in dictionary((2, 3))}
    assert (table["so(2) + so(3)"], table["R + so(2) + so(3)"], table["gl(2) + gl(3) / R"]) == (4, 5, 12)
    assert (table["so(3)^2"], table["so(6)"], table["gl(6)"], table["sl(6)"]) == (6, 15, 36, 35)


def test_spaces_that_are_no_algebras_or_have_no_name():
    skew = np.zeros((2, 3, 3))
    skew[0, 0, 1], skew[0, 1, 0] = 1, -1
    skew[1, 1, 2], skew[1, 2, 1] = 1, -1
    assert closure_defect(skew / np.sqrt(2)) == pytest.approx(1 / np.sqrt(2))
    assert name_algebra(np.diag([1.0, 2.0, 3.0])[None] / np.sqrt(14), (3,))[0] == ""


def test_factors_of_a_two_sided_map_are_found():
    rng = np.random.default_rng(0)
    X = np.kron(rng.standard_normal((2, 2)), np.eye(3)) + np.kron(np.eye(2), rng.standard_normal((3, 3)))
    left, right = split_factors(X / 5, (2, 3))
    from scipy.linalg import expm

    assert np.allclose(np.kron(left, right.T), expm(X / 5))
    assert split_factors(rng.standard_normal((6, 6)), (2, 3)) is None


@pytest.mark.parametrize(("name", "translations"), [("gradient-descent", 4), ("lars", 0), ("adamw", 0)])
def test_translations_are_columns_of_the_affine_algebra(name, translations):
    found = lie_algebra(OPTIMIZERS[name], affine=True)
    assert (found.translations, found.dimension) == (translations, lie_algebra(OPTIMIZERS[name]).dimension)


def test_an_optimizer_without_a_learning_rate_gains_nothing_from_its_column():
    def normalised(problem, point, rate):
        gradient = problem.gradient(point)
        return point - 0.05 * gradient / np.linalg.norm(gradient)

    strict, orbital = lie_algebras(memoryless("fixed", normalised))
    assert (strict.name, orbital.name) == ("so(4)", "so(4)")


def test_paths_with_kinks_nearby_are_left_out():
    def kinked(problem, point, rate):
        gradient = problem.gradient(point)
        return point - rate * (gradient if abs(point[0]) > 0.6 else 0.9 * gradient)

    assert lie_algebra(memoryless("kinked", kinked)).dimension == 6


def test_low_precision_is_undecided_and_not_a_small_algebra():
    def rounded(problem, point, rate):
        return point - rate * problem.gradient(point).astype(np.float32).astype(float)

    found = lie_algebra(memoryless("rounded", rounded))
    assert (found.verdict, found.dimension, found.name) == ("undecided", -1, "")
    assert "no smooth functions" in found.reason


def test_an_algebra_without_a_name_is_given_by_its_basis():
    weights = np.array([1.0, 1.0, 2.0, 5.0])

    def weighted(problem, point, rate):
        return point - rate * weights * problem.gradient(point)

    found = lie_algebra(memoryless("weighted", weighted))
    assert (found.verdict, found.name, found.dimension) == ("measured", "", 6)
    metric = np.diag(1 / weights)
    assert all(np.allclose(metric @ X + X.T @ metric, 0, atol=1e-6) for X in found.basis)
    assert len(found.claim.evidence["basis"]) == 6


@pytest.mark.parametrize("step", [lambda p, x, r: x - r * x, lambda p, x, r: x * np.nan])
def test_unfit_optimizers_are_undecided(step):
    found = lie_algebra(memoryless("unfit", step))
    assert found.verdict == "undecided"
    assert found.certificate.verdict == "undecided"
    assert str(found).startswith("unfit: undecided: it ")


def test_the_evidence_is_there():
    found = lie_algebra(OPTIMIZERS["polyak-step"], problems=vector_problems(3))
    assert (found.name, found.dimension) == ("R + so(3)", 4)
    assert found.gap >= 1e4
    assert found.closure <= 1e-5
    assert found.claim.evidence["dimension"] == 4
    assert len(found.singular_values) == 9
    assert np.allclose(found.basis.reshape(4, 9) @ found.basis.reshape(4, 9).T, np.eye(4))
