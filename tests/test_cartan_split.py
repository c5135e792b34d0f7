"""The Cartan split: conservation laws on one side, isometries on the other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from manifolds.errors import InputError
from symmetries import Affine, Data, Linear, Loss, Polynomial, compile_loss, derive
from symmetries.algebra import SymmetryAlgebra
from symmetries.conservation import conserved_quantities
from symmetries.conserved.cartan_split import cartan_split
from symmetries.fields import VectorField


def factorisation(n: int, r: int, m: int) -> SymmetryAlgebra:
    return derive(Loss.parse("sum((Y - U@V)**2)", {"U": (n, r), "V": (r, m)}, data={"Y": (n, m)}))


def matrix(algebra: SymmetryAlgebra, field: VectorField) -> np.ndarray:
    names = algebra.loss.entries
    result = np.zeros((len(names), len(names)))
    assert field.polynomials is not None
    for entry, polynomial in field.polynomials.items():
        for monomial, value in polynomial.items():
            result[names.index(entry), names.index(monomial[0][0])] += float(value)
    return result


@pytest.mark.parametrize("r", [1, 2, 3])
def test_gl_is_symmetric_plus_skew(r: int) -> None:
    algebra = factorisation(3, r, 3)
    split = cartan_split(algebra)
    assert (len(split.conserving), len(split.commuting), split.rest) == (r * (r + 1) // 2, r * (r - 1) // 2, 0)
    assert split.claim.verdict == "proved"
    for field in split.conserving:
        assert np.array_equal(matrix(algebra, field), matrix(algebra, field).T)
    for field in split.commuting:
        assert np.array_equal(matrix(algebra, field), -matrix(algebra, field).T)


def test_a_metric_moves_the_split() -> None:
    """With G = diag(a, b) on (U, V) the symmetric part is that of G X; the dimensions stay."""
    algebra = factorisation(3, 2, 3)
    split = cartan_split(algebra, metric={"U": 2, "V": 3})
    assert (len(split.conserving), len(split.commuting), split.rest) == (3, 1, 0)
    weights = np.diag([2.0] * 6 + [3.0] * 6)
    for field in split.conserving:
        assert np.allclose(weights @ matrix(algebra, field), (weights @ matrix(algebra, field)).T)


def test_a_rest() -> None:
    """x**2 + 9*y**2 has -9*y d/dx + x d/dy, which is neither, in the Euclidean metric; in its own it is an isometry."""
    algebra = derive(Loss.parse("x**2 + 9*y**2"), ansatz=Linear())
    split = cartan_split(algebra)
    assert (split.conserving, split.commuting, split.rest) == ((), (), 1)
    assert "neither" in split.claim.statement
    assert len(cartan_split(algebra, metric=[1, 9]).commuting) == 1


def test_translations_are_both() -> None:
    split = cartan_split(derive(Loss.parse("(x - y)**2"), ansatz=Affine()))
    assert split.translations == 1


def test_the_conserving_part_gives_the_quantities() -> None:
    algebra = factorisation(2, 3, 2)
    assert len(cartan_split(algebra).conserving) == len(conserved_quantities(algebra)) == 6


def test_gradient_descent_commutes_with_the_isometries_only() -> None:
    algebra = factorisation(2, 2, 2)
    split, compiled = cartan_split(algebra), compile_loss(algebra.loss)
    rng = np.random.default_rng(0)
    w, data = rng.normal(size=8), {"Y": rng.normal(size=(2, 2))}
    defects = []
    for field in (*split.commuting, *split.conserving):
        g = expm(0.3 * matrix(algebra, field))
        defects.append(np.abs(g @ compiled.gradient(w, data) - compiled.gradient(g @ w, data)).max())
    assert max(defects[:1]) < 1e-12
    assert min(defects[1:]) > 1e-2


def test_refusals() -> None:
    with pytest.raises(InputError, match="isometries of a constant metric are affine"):
        cartan_split(derive(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2"), ansatz=Polynomial(3)))
    moving = Loss.parse("sum((Y - U@V)**2)", {"U": (1, 1), "V": (1, 1)}, data={"Y": Data((1, 1), moves=True)})
    with pytest.raises(InputError, match="an algebra that moves data"):
        cartan_split(derive(moving))
