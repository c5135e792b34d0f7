"""Levi subalgebras: closed, semisimple, and complements of the radical."""

from __future__ import annotations

import numpy as np
import pytest
from lie_algebras import Matrix, constants_of, direct, gl, heis, sl, so, triangular, with_translations
from test_identify_fresh import binary_cubics, jacobi, with_determinant

from symmetries.structure.algebra_series import Anatomy
from symmetries.structure.integer_matrices import rank
from symmetries.structure.levi import levi_subalgebra
from symmetries.structure.structure_constants import StructureConstants

CASES: dict[str, list[Matrix]] = {
    "motions": with_translations(so(3)),
    "affine": with_translations(gl(3)),
    "jacobi": jacobi(),
    "cubics": with_translations(binary_cubics()),
    "determinant": with_determinant(),
    "sum": direct(sl(2), heis(1)),
    "two": direct(with_translations(so(3, 1)), gl(2)),
    "triangular": triangular(3),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_it_is_a_semisimple_complement(case: str, seed: int | None) -> None:
    table = constants_of(CASES[case])
    if seed is not None:
        rng = np.random.default_rng(seed)
        d = len(table)
        change = np.tril(rng.integers(-2, 3, (d, d)), -1) + np.eye(d, dtype=int)
        inverse = np.round(np.linalg.inv(change)).astype(int)
        assert (change @ inverse == np.eye(d)).all()
        table = np.einsum("ai,bj,ijk,kc->abc", change, change, table, inverse)
    algebra = StructureConstants.read(table)
    levi = levi_subalgebra(algebra)
    anatomy = Anatomy(algebra)
    assert len(levi) + len(anatomy.radical) == algebra.dimension
    assert rank(np.concatenate([levi, anatomy.radical])) == algebra.dimension
    if len(levi):
        inner = Anatomy(algebra.subalgebra(levi))  # raises unless closed
        assert inner.is_semisimple
