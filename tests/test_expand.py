"""Exact expansion, against SymPy."""

from __future__ import annotations

import pytest
import sympy
from flint import fmpq

from symmetries import Loss
from symmetries.expand import Expander, ExpansionTooLarge, is_square_free, square_free_factors, to_node
from symmetries.lower import lower
from symmetries.scalar import Index, ScalarGraph


def read(text: str) -> tuple[ScalarGraph, Index]:
    graph = ScalarGraph()
    return graph, lower(graph, Loss.parse(text, ["x", "y", "z"]).expression)


ZERO = """
(x + y)**3 - x**3 - 3*x**2*y - 3*x*y**2 - y**3
1/x + 1/y - (x + y)/(x*y)
1/(x - y) - 1/(x + y) - 2*y/(x**2 - y**2)
x/(1 + x/(1 + x)) - x*(1 + x)/(1 + 2*x)
abs(x)**2 - x**2
(abs(x) + y)**2 - x**2 - 2*abs(x)*y - y**2
sqrt(x**2 + y)**2 - x**2 - y
1/(sqrt(1 + x**2) + x) - sqrt(1 + x**2) + x
(sqrt(1 + x**2) - 1)*(sqrt(1 + x**2) + 1) - x**2
tanh(x)**2 - (tanh(x) + 1)*(tanh(x) - 1) - 1
exp(x)*(exp(-x) + exp(x)) - 1 - exp(x)**2
""".strip().splitlines()

NOT_ZERO = """
(x + y)**3 - x**3 - y**3
1/x + 1/y - 1/(x + y)
abs(x) - x
abs(x)*abs(y) - x*y
sqrt(1 + x**2) - 1 - x
tanh(x)**2 - tanh(y)**2
1/(x - y) - 1/(x + y) - 2*y/(x**2 - 2*y**2)
(x + y + z)**5 - x**5 - y**5 - z**5 - 1
""".strip().splitlines()


@pytest.mark.parametrize("text", ZERO)
def test_zero_is_seen(text: str) -> None:
    graph, node = read(text)
    assert Expander(graph, [node]).is_zero(node)


@pytest.mark.parametrize("text", NOT_ZERO)
def test_what_is_not_zero_is_not_called_so(text: str) -> None:
    graph, node = read(text)
    assert not Expander(graph, [node]).is_zero(node)


@pytest.mark.parametrize("text", ["(x + 2*y)**4*(x - z)", "(x/2 - y/3)**3", "x*(y + z)**2 - 3*(x - y*z)**2 + 7"])
def test_the_expansion_has_the_terms_of_sympy(text: str) -> None:
    graph, node = read(text)
    expander = Expander(graph, [node])
    value = expander.quotient(node)
    assert not value.denominator
    symbols = [sympy.Symbol(graph.entries[leaf].name) for leaf in expander.leaves]  # type: ignore[union-attr]
    expected = sympy.Poly(sympy.sympify(text, rational=True), *symbols).as_dict()
    got = {tuple(map(int, m)): sympy.Rational(int(c.p), int(c.q)) for m, c in value.numerator.to_dict().items()}
    assert got == expected


def test_an_expansion_that_grows_too_large_is_given_up() -> None:
    graph, node = read("(x + y + z + 1)**40")
    with pytest.raises(ExpansionTooLarge):
        Expander(graph, [node], term_limit=1_000).quotient(node)


def test_opaque_nodes_stay_closed() -> None:
    graph, node = read("(x + y)**2 - (x + y)*(x + y)")
    assert node == graph.zero
    graph, node = read("(x + y)**2 + z")
    inner = graph.linear([(graph.symbol("x"), 1), (graph.symbol("y"), 1)])
    expander = Expander(graph, [node], opaque=frozenset({inner}))
    assert len(expander.quotient(node).numerator) == 2


def test_there_and_back() -> None:
    graph, node = read("(x + 2*y)**3 - z/5")
    expander = Expander(graph, [node])
    again = to_node(graph, expander.quotient(node).numerator, expander.leaves)
    assert Expander(graph, [again, node]).is_zero(graph.subtract(again, node))


@pytest.mark.parametrize(
    ("text", "exponents"),
    [
        ("x**2 + 2*x*y + y**2", [2]),
        ("x**3 + 3*x**2*y + 3*x*y**2 + y**3", [3]),
        ("x**2 - y**2", [1]),
        ("x**2*z + 2*x*y*z + y**2*z", [1, 2]),
    ],
)
def test_square_free_factors(text: str, exponents: list[int]) -> None:
    graph, node = read(text)
    number, parts = square_free_factors(graph, node)
    assert sorted(parts.values()) == exponents
    product = graph.product(parts.items(), number)
    assert Expander(graph, [product, node]).is_zero(graph.subtract(product, node))
    assert is_square_free(graph, node) == (max(exponents) == 1)


def test_irreducible_factors_above_and_below_the_line() -> None:
    graph, node = read("(x**2 - y**2)/(x*z + y*z)**2")
    factors = Expander(graph, [node]).factors(node)
    total: dict[str, int] = {}
    for piece, exponent in factors:
        total[str(piece)] = total.get(str(piece), 0) + exponent
    assert sorted(exponent for exponent in total.values() if exponent) == [-2, -1, 1]


def test_a_number_has_no_leaves() -> None:
    graph = ScalarGraph()
    node = graph.constant(fmpq(3, 7))
    assert Expander(graph, [node]).quotient(node).numerator == fmpq(3, 7)
