"""The normal form of scalar expressions, against SymPy and against numbers."""

from __future__ import annotations

import sympy
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from symmetries.scalar import Constant, Index, Product, ScalarGraph, Sum, Symbol

NAMES = ["x", "y", "z"]
Tree = tuple  # type: ignore[type-arg]

leaves = st.one_of(st.sampled_from(NAMES), st.integers(-3, 3))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("add"), inner, inner),
        st.tuples(st.just("multiply"), inner, inner),
        st.tuples(st.just("scale"), inner, st.fractions(-3, 3, max_denominator=5)),
        st.tuples(st.just("power"), inner, st.integers(0, 3)),
    ),
    max_leaves=12,
)


def build(graph: ScalarGraph, tree: object) -> Index:
    match tree:
        case str():
            return graph.symbol(tree)
        case int():
            return graph.constant(tree)
        case ("add", left, right):
            return graph.add(build(graph, left), build(graph, right))
        case ("multiply", left, right):
            return graph.multiply(build(graph, left), build(graph, right))
        case ("scale", inner, value):
            return graph.scale(build(graph, inner), fmpq(value.numerator, value.denominator))
        case ("power", inner, exponent):
            return graph.power(build(graph, inner), exponent)
    raise AssertionError(tree)


def meaning(tree: object) -> sympy.Expr:
    match tree:
        case str():
            return sympy.Symbol(tree)
        case int():
            return sympy.Integer(tree)
        case ("add", left, right):
            return meaning(left) + meaning(right)
        case ("multiply", left, right):
            return meaning(left) * meaning(right)
        case ("scale", inner, value):
            return meaning(inner) * sympy.Rational(value.numerator, value.denominator)
        case ("power", inner, exponent):
            return meaning(inner) ** exponent
    raise AssertionError(tree)


def read_back(graph: ScalarGraph, node: Index) -> sympy.Expr:
    entry = graph.entries[node]
    match entry:
        case Constant(value):
            return sympy.Rational(int(value.p), int(value.q))
        case Symbol(name):
            return sympy.Symbol(name)
        case Sum(constant, terms):
            total = sympy.Rational(int(constant.p), int(constant.q))
            return total + sum(sympy.Rational(int(c.p), int(c.q)) * read_back(graph, k) for k, c in terms)
        case Product(powers):
            return sympy.prod([read_back(graph, k) ** e for k, e in powers])
    raise AssertionError(entry)


@given(trees)
@settings(max_examples=150, deadline=None)
def test_the_normal_form_means_the_same(tree: object) -> None:
    graph = ScalarGraph()
    assert sympy.expand(read_back(graph, build(graph, tree)) - meaning(tree)) == 0


@given(trees, trees)
@settings(max_examples=60, deadline=None)
def test_sums_and_products_commute(left: object, right: object) -> None:
    graph = ScalarGraph()
    a, b = build(graph, left), build(graph, right)
    assert graph.add(a, b) == graph.add(b, a)
    assert graph.multiply(a, b) == graph.multiply(b, a)
    assert graph.subtract(a, a) == graph.zero


@given(trees)
@settings(max_examples=60, deadline=None)
def test_children_come_before_what_is_made_of_them(tree: object) -> None:
    graph = ScalarGraph()
    root = build(graph, tree)
    for node in graph.reachable([root]):
        assert all(child < node for child in graph.children(node))
        entry = graph.entries[node]
        if isinstance(entry, Product):
            assert all(exponent for _, exponent in entry.powers)
        if isinstance(entry, Sum):
            assert all(value != 0 for _, value in entry.terms)


def test_equal_expressions_are_one_node() -> None:
    graph = ScalarGraph()
    x, y = graph.symbol("x"), graph.symbol("y")
    assert graph.add(x, y, graph.scale(x, -1)) == y
    assert graph.multiply(x, y, graph.power(x, -1)) == y
    assert graph.power(graph.scale(x, 2), 3) == graph.scale(graph.power(x, 3), 8)
    double = graph.linear([(x, 2), (y, 4)])
    assert graph.multiply(double, double) == graph.scale(graph.power(graph.linear([(x, 1), (y, 2)]), 2), 4)
    assert graph.divide(double, graph.linear([(x, 1), (y, 2)])) == graph.constant(2)


def test_powers_of_roots_and_absolute_values_are_reduced() -> None:
    graph = ScalarGraph()
    x = graph.symbol("x")
    bend, root = graph.atom("abs", x), graph.atom("root", x, 3)
    assert graph.power(bend, 2) == graph.power(x, 2)
    assert graph.power(bend, 5) == graph.multiply(graph.power(x, 4), bend)
    assert graph.power(bend, -1) == graph.multiply(graph.power(x, -2), bend)
    assert graph.power(root, 3) == x
    assert graph.multiply(graph.scale(bend, -1), bend) == graph.scale(graph.power(x, 2), -1)
    assert graph.power(graph.scale(root, 2), 3) == graph.scale(x, 8)
    assert graph.power(root, -1) == graph.multiply(graph.power(x, -1), graph.power(root, 2))


def test_signs_that_are_visible() -> None:
    graph = ScalarGraph()
    x, y = graph.symbol("x"), graph.symbol("y")
    square = graph.power(x, 2)
    assert graph.is_nonnegative(graph.linear([(square, 3), (graph.atom("exp", y), 1)]))
    assert graph.is_positive(graph.linear([(square, 3)], 1))
    assert not graph.is_positive(square)
    assert not graph.is_nonnegative(x)
    assert not graph.is_nonnegative(graph.linear([(square, 1)], -1))
    assert not graph.is_nonnegative(graph.linear([(square, 1), (y, 1)]))
    assert not graph.is_nonnegative(graph.power(x, 3))
