"""Time of naming an algebra, plain and disguised; there is no peer that decides real forms, so none is timed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from lie_algebras import Matrix, complexified, disguised, gl, sl, so, with_translations

from symmetries import Loss, derive
from symmetries.identify import identify
from symmetries.structure.identify_derived import identify_derived

CASES = [
    pytest.param(gl(8), "gl(8,R)", id="gl8-dimension-64"),
    pytest.param(disguised(gl(8), 1), "gl(8,R)", id="gl8-disguised-dimension-64"),
    pytest.param(disguised(sl(8), 1), "sl(8,R)", id="sl8-disguised-dimension-63"),
    pytest.param(disguised(so(7, 3), 1), "so(7,3)", id="so73-disguised-dimension-45"),
    pytest.param(complexified(sl(3)), "sl(3,C)", id="sl3C-dimension-16"),
    pytest.param(disguised(with_translations(gl(3)), 1), "aff(3)", id="aff3-disguised-dimension-12"),
]


@pytest.mark.parametrize(("matrices", "name"), CASES)
def test_naming(benchmark: BenchmarkFixture, matrices: list[Matrix], name: str) -> None:
    basis = [matrix.tolist() for matrix in matrices]
    found = benchmark.pedantic(identify, args=(basis,), rounds=3, iterations=1)
    assert found.name == name


def test_derived_algebra(benchmark: BenchmarkFixture) -> None:
    """The algebra of a matrix factorisation of inner size 8, without the derivation."""
    algebra = derive(Loss.parse("sum((Y - U@V)**2)", {"U": (8, 8), "V": (8, 8)}, data={"Y": (8, 8)}))
    found = benchmark.pedantic(identify_derived, args=(algebra,), rounds=3, iterations=1)
    assert found.name == "gl(8,R)"
