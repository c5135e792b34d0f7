"""Time of the module of all polynomial symmetries, next to SymPy's syzygies and to a derivation of degree six.

SymPy's `syzygy_module` is given the gradients as polynomials and returns generators, neither minimal nor proved; the
derivation with `Polynomial(6)` knows the symmetries of degree six at most.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
import sympy as sp
from pytest_benchmark.fixture import BenchmarkFixture

from symmetries import Loss, Polynomial, derive
from symmetries.catalog import get
from symmetries.modules.polynomial_loss import PolynomialLoss
from symmetries.modules.polynomial_module import polynomial_module
from symmetries.modules.sum_of_squares import sum_of_squares_symmetries

CUBIC = "b**2*c**2 - 4*a*c**3 - 4*b**3*d - 27*a**2*d**2 + 18*a*b*c*d"
QUARTIC = (
    "256*a**3*f**3 - 192*a**2*b*d*f**2 - 128*a**2*c**2*f**2 + 144*a**2*c*d**2*f - 27*a**2*d**4 + 144*a*b**2*c*f**2"
    " - 6*a*b**2*d**2*f - 80*a*b*c**2*d*f + 18*a*b*c*d**3 + 16*a*c**4*f - 4*a*c**3*d**2 - 27*b**4*f**2"
    " + 18*b**3*c*d*f - 4*b**3*d**3 - 4*b**2*c**3*f + b**2*c**2*d**2"
)
FACTORISATION = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)})

# The loss, the number of generators, the dimension in degree six, whether the derivation of that degree is run too.
CASES = [
    pytest.param(get("rosenbrock").loss, 1, 10, True, id="rosenbrock"),
    pytest.param(get("booth").loss, 1, 21, True, id="booth"),
    pytest.param(get("himmelblau").loss, 1, 10, True, id="himmelblau"),
    pytest.param(get("goldstein-price").loss, 1, 0, True, id="goldstein-price"),
    pytest.param(get("beale").loss, 1, 0, True, id="beale"),
    pytest.param(get("rosenbrock-n").loss, 6, 206, True, id="rosenbrock-4"),
    pytest.param(Loss.parse("b**2 - 4*a*c"), 3, 133, True, id="discriminant-2"),
    pytest.param(Loss.parse(CUBIC), 3, 378, True, id="discriminant-3"),
    pytest.param(Loss.parse(QUARTIC), 4, 882, True, id="discriminant-4"),
    pytest.param(Loss.parse("det(A)", {"A": (2, 2)}), 6, 511, True, id="det-2"),
    pytest.param(Loss.parse("det(A)", {"A": (3, 3)}), 16, 25_652, False, id="det-3"),
    pytest.param(Loss.parse("det(A)", {"A": (4, 4)}), 30, None, False, id="det-4"),
    pytest.param(FACTORISATION, 4, 5_148, False, id="matrix-factorisation-n8"),
]


def plain_sympy(loss: Loss) -> int:
    """Number of generators that SymPy finds for the syzygies of the gradients."""
    parts = PolynomialLoss.of(loss)
    symbols = sp.symbols(f"t0:{len(parts.coordinates)}")
    ring = sp.QQ.old_poly_ring(*symbols)

    def expression(polynomial: Any) -> Any:
        """A polynomial in SymPy's symbols."""
        terms = polynomial.to_dict().items()
        return sum(
            sp.Rational(int(c.p), int(c.q)) * sp.Mul(*(s ** int(e) for s, e in zip(symbols, m, strict=False)))
            for m, c in terms
        )

    gradients = [[expression(slope) for slope in parts.gradient(part)] for part in parts.parts]
    columns = [list(column) for column in zip(*gradients, strict=True)]
    return len(ring.free_module(len(gradients)).submodule(*columns).syzygy_module().gens)


@pytest.mark.parametrize(("loss", "generators", "sixth", "derived"), CASES)
def test_module(benchmark: BenchmarkFixture, loss: Loss, generators: int, sixth: int | None, derived: bool) -> None:
    """The whole module, completeness and proofs included; the peers' seconds are in the extra info."""
    module = benchmark.pedantic(polynomial_module, args=(loss,), rounds=5, iterations=1, warmup_rounds=1)
    assert len(module.generators) == generators
    assert module.completeness.verdict == "proved"
    assert module.completeness.assumptions == ()
    start = time.perf_counter()
    count = plain_sympy(loss)
    benchmark.extra_info["plain_sympy"] = {"seconds": round(time.perf_counter() - start, 4), "generators": count}
    if sixth is not None:
        assert module.dimension(6) == sixth
    if derived:
        start = time.perf_counter()
        assert derive(loss, ansatz=Polynomial(6)).dimension == sixth
        benchmark.extra_info["polynomial_6"] = {"seconds": round(time.perf_counter() - start, 4)}
    print(f"\n{benchmark.stats['median']:.4f} s; {dict(benchmark.extra_info)}")


@pytest.mark.parametrize(
    ("loss", "degree"),
    [
        pytest.param(get("rosenbrock").loss, 3, id="rosenbrock"),
        pytest.param(get("booth").loss, 1, id="booth"),
        pytest.param(Loss.parse("x**2 + (y - x**2)**2 + (z - y**2)**2"), 6, id="triangular-3"),
    ],
)
def test_sum_of_squares(benchmark: BenchmarkFixture, loss: Loss, degree: int) -> None:
    """Rotations of the residuals without an ansatz, next to the derivation in the degree that they have."""
    squares = benchmark.pedantic(sum_of_squares_symmetries, args=(loss,), rounds=10, iterations=1, warmup_rounds=1)
    assert all(claim.verdict == "proved" for claim in squares.claims)
    start = time.perf_counter()
    assert derive(loss, ansatz=Polynomial(degree)).dimension >= len(squares.fields)
    benchmark.extra_info["derive"] = {"seconds": round(time.perf_counter() - start, 4), "degree": degree}
    print(f"\n{benchmark.stats['median']:.4f} s; {dict(benchmark.extra_info)}")
