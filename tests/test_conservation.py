"""Conserved quantities: known ones derived, each checked by SymPy and by numbers, counts by formulas."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from conserved_networks import known_linear, layers, random_widths
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Sampler

from manifolds.errors import InputError
from symmetries import Affine, Basis, Data, Diagonal, Linear, Loss, Polynomial, VectorField, derive, recheck
from symmetries.ansatz import Ansatz
from symmetries.catalog import CatalogEntry, catalog
from symmetries.conservation import conservation_laws, conserved_quantities
from symmetries.sympy_out import to_sympy

PAIR = {"x": (2,), "y": (2,)}
NET = {"A": (3, 2), "B": (2, 3), "c": (3,)}


def loss_of(text: str, parameters: object = None, data: object = None, **more: object) -> Loss:
    return Loss.parse(text, parameters, data=data, **more)


def rate(loss: Loss, expression: str) -> sp.Expr:
    """d/dt of a quantity along the gradient flow, by SymPy alone."""
    value, quantity = to_sympy(loss.expression), to_sympy(loss.read(expression))
    names = [sp.Symbol(name, real=True) for name in loss.entries]
    return -sum(value.diff(name) * quantity.diff(name) for name in names)


KNOWN = {
    "product": ("(y - u*v)**2", ["u", "v"], ["y"], ["u**2 - v**2"]),
    "factorisation": (
        "sum((Y - U@V)**2)",
        {"U": (2, 1), "V": (1, 2)},
        {"Y": (2, 2)},
        ["U[0,0]**2 + U[1,0]**2 - V[0,0]**2 - V[0,1]**2"],
    ),
    "translation": ("(x - y)**2", ["x", "y"], None, ["x + y"]),
    "unused": ("x**2 + 0*z", ["x", "z"], None, ["z"]),
    "exponential unit": ("(y - v*exp(b + w*x))**2", ["v", "b", "w"], ["x", "y"], ["-v**2 + 2*b"]),
    "square unit": ("(y - v*(w*x)**2)**2", ["v", "w"], ["x", "y"], ["-w**2 + 2*v**2"]),
    "rotation only": ("(x**2 + y**2 - d)**2", ["x", "y"], ["d"], []),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_quantities_are_derived(name: str) -> None:
    text, parameters, data, expected = KNOWN[name]
    found = conserved_quantities(loss_of(text, parameters, data))
    polynomial = [quantity for quantity in found if quantity.kind != "activation integral"]
    assert len(polynomial) == len(expected)
    for quantity, wanted in zip(polynomial, expected, strict=True):
        ratio = sp.cancel(sp.sympify(quantity.expression.replace("[", "_").replace("]", "").replace(",", "_")))
        other = sp.sympify(wanted.replace("[", "_").replace("]", "").replace(",", "_"))
        assert sp.cancel(ratio / other).is_number
        assert quantity.verdict == "proved"


@pytest.mark.parametrize("name", KNOWN)
def test_sympy_sees_that_they_are_conserved(name: str) -> None:
    text, parameters, data, _ = KNOWN[name]
    loss = loss_of(text, parameters, data)
    for quantity in conserved_quantities(loss):
        if "abs" not in quantity.expression:
            assert sp.simplify(rate(loss, quantity.expression)) == 0


def test_balancedness_of_a_linear_network() -> None:
    """All entries of B^T B - A A^T, and nothing else."""
    laws = conservation_laws(loss_of("sum((y - B@(A@x))**2)", {"A": (3, 2), "B": (2, 3)}, PAIR))
    assert (len(laws.quantities), laws.independent, laws.count.verdict, laws.verdict) == (6, 6, "proved", "proved")
    rng = np.random.default_rng(0)
    values = []
    a, b = rng.normal(size=(3, 2)), rng.normal(size=(2, 3))
    gap = b.T @ b - a @ a.T
    for quantity in laws.quantities:
        values.append(abs(quantity.value(np.concatenate([a.ravel(), b.ravel()]))))
    entries = [abs(gap[i, j]) for i in range(3) for j in range(i + 1)]
    assert np.allclose(sorted(values), sorted(entries))


UNITS = {
    "linear": ("sum((y - B@(A@x + c))**2)", 6, 6),
    "relu": ("sum((y - B@relu(A@x + c))**2)", 3, 3),
    "leaky relu": ("sum((y - B@leaky_relu(A@x + c, 1/10))**2)", 3, 3),
    "tanh": ("sum((y - B@tanh(A@x + c))**2)", 0, 0),
    "exp": ("sum((y - B@exp(A@x + c))**2)", 3, 3),
    "square": ("sum((y - B@((A@x + c)**2))**2)", 3, 3),
    "cube": ("sum((y - B@((A@x + c)**3))**2)", 3, 3),
}


@pytest.mark.parametrize("unit", UNITS)
def test_units(unit: str) -> None:
    text, quantities, independent = UNITS[unit]
    laws = conservation_laws(loss_of(text, NET, PAIR))
    assert (len(laws.quantities), laws.independent) == (quantities, independent)
    assert laws.completeness.verdict == "proved"
    assert laws.count.verdict == "proved"
    assert laws.count.evidence["upper"] == independent


OTHERS = {
    "softmax": ("cross_entropy(W@x, y)", {"W": (3, 2)}, {"x": (2,), "y": (3,)}, 2),
    "attention": ("sum((Y - softmax(X@Q@K.T@X.T)@X)**2)", {"Q": (3, 2), "K": (3, 2)}, {"X": (3, 3), "Y": (3, 3)}, 3),
    "batch normalisation": (
        "sum((Y - (X@w - mean(X@w))/sqrt(mean((X@w - mean(X@w))**2))*g)**2)",
        {"w": (2,), "g": ()},
        {"X": (4, 2), "Y": (4,)},
        1,
    ),
    "weight normalisation": ("(y - g*(v@x)/norm(v))**2", {"g": (), "v": (3,)}, {"x": (3,), "y": ()}, 1),
    "residual": ("sum((y - x - B@relu(A@x))**2)", {"A": (3, 2), "B": (2, 3)}, PAIR, 3),
}


@pytest.mark.parametrize("name", OTHERS)
def test_layers(name: str) -> None:
    text, parameters, data, expected = OTHERS[name]
    laws = conservation_laws(loss_of(text, parameters, data))
    assert (laws.independent, laws.count.verdict) == (expected, "proved")


def test_weight_decay_leaves_the_ratios() -> None:
    """B^T B - A A^T decays as a whole: the 5 ratios of its entries are conserved, which are no polynomials."""
    text = "sum((y - B@(A@x))**2) + sum(A**2) + sum(B**2)"
    laws = conservation_laws(loss_of(text, {"A": (3, 2), "B": (2, 3)}, PAIR))
    assert (laws.quantities, laws.count.verdict, laws.count.evidence["upper"]) == ((), "undecided", 5)


@pytest.mark.parametrize("seed", range(6))
def test_random_linear_networks(seed: int) -> None:
    """The number that the brackets leave is that of the known laws, for random widths; the bar is a benchmark."""
    rng = np.random.default_rng([seed, 5])
    widths = tuple(int(width) for width in rng.integers(1, 6, size=int(rng.integers(3, 6))))
    laws = conservation_laws(layers(widths, ""))
    assert laws.count.evidence["upper"] == known_linear(widths)
    assert laws.independent <= laws.count.evidence["upper"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("biases", [False, True])
def test_random_relu_networks(seed: int, biases: bool) -> None:
    rng = np.random.default_rng([seed, 6])
    widths = tuple(min(width, 5) for width in random_widths(rng)[:5])
    laws = conservation_laws(layers(widths, "relu", biases=biases), patterns="all")
    assert laws.independent == laws.count.evidence["upper"] == sum(widths[1:-1])
    assert any("pattern" in assumption for assumption in laws.count.assumptions)


def test_patterns_that_do_not_occur_leave_more_laws() -> None:
    """Without bias, one input has the two patterns of its sign: 2 directions of 6 are moved, not 3."""
    loss = layers((1, 3, 1), "relu")
    realised, every = conservation_laws(loss), conservation_laws(loss, patterns="all")
    assert (realised.count.verdict, realised.count.evidence["upper"]) == ("undecided", 4)
    assert (every.count.verdict, every.count.evidence["upper"]) == ("proved", 3)


def test_one_direction_has_more_laws_than_balancedness() -> None:
    """A linear network from R to R is one number of its parameters: n - 1 laws, 6 of them quadratic."""
    laws = conservation_laws(layers((1, 2, 2, 1), ""))
    assert (laws.independent, laws.count.evidence["upper"], laws.count.verdict) == (6, 7, "proved")
    assert "straightened" in laws.count.reason


@pytest.mark.parametrize("widths", [(1, 2, 2, 1, 2), (2, 1, 3, 2, 1, 2), (1, 1, 1, 1), (3, 1, 2, 2, 1, 2, 2, 1)])
def test_stretches_from_width_one_to_width_one(widths: tuple[int, ...]) -> None:
    laws = conservation_laws(layers(widths, ""))
    assert (laws.count.verdict, laws.count.evidence["lower"]) == ("proved", known_linear(widths))


def test_a_flow_along_one_field_in_a_metric_without_polynomial_laws() -> None:
    laws = conservation_laws(loss_of("(y - u*v)**2", ["u", "v"], ["y"]), metric=[[2, 1], [1, 2]])
    assert (laws.quantities, laws.count.verdict, laws.count.evidence["lower"]) == ((), "proved", 1)


def test_units_that_can_be_off_are_not_straightened() -> None:
    """All units on: one direction, but the other signs of the weights have two; nothing is proved of either."""
    assert conservation_laws(layers((1, 2, 2, 1), "relu")).count.verdict == "undecided"


def test_fixed_data_have_one_flow() -> None:
    laws = conservation_laws(loss_of("(1 - x)**2 + 100*(y - x**2)**2"), ansatz=Polynomial(3))
    assert laws.quantities == ()
    assert (laws.count.verdict, laws.count.evidence["upper"]) == ("proved", 1)
    assert "straightening" in laws.count.reason


# two ways to the same quantities


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_the_algebra_and_the_search_agree(n: int, r: int, m: int) -> None:
    loss = loss_of("sum((Y - U@V)**2)", {"U": (n, r), "V": (r, m)}, {"Y": (n, m)})
    searched = conserved_quantities(loss, ansatz=Linear())
    within = conserved_quantities(derive(loss, ansatz=Linear()))
    assert len(searched) == len(within)


@pytest.mark.parametrize("ansatz", [Linear(), Affine(), Diagonal(), Polynomial(2)])
@pytest.mark.parametrize("name", ["translation", "product", "exponential unit", "unused"])
def test_the_algebra_and_the_search_agree_in_every_ansatz(name: str, ansatz: Ansatz) -> None:
    text, parameters, data, _ = KNOWN[name]
    loss = loss_of(text, parameters, data)
    searched = [one for one in conserved_quantities(loss, ansatz=ansatz) if one.kind != "activation integral"]
    assert sorted(map(str, searched)) == sorted(map(str, conserved_quantities(derive(loss, ansatz=ansatz))))


def test_a_basis_of_fields_is_searched_as_an_algebra() -> None:
    fields = [VectorField({"u": "u", "v": "-v"}), VectorField({"u": "v"})]
    found = conserved_quantities(loss_of("(y - u*v)**2", ["u", "v"], ["y"]), ansatz=Basis(fields))
    assert [str(one) for one in found] == ["u**2 - v**2"]


def test_data_that_move_stand_still_here() -> None:
    loss = loss_of("sum((Y - U@V)**2)", {"U": (2, 1), "V": (1, 2)}, {"Y": Data((2, 2), moves=True)})
    assert len(conserved_quantities(loss)) == len(conserved_quantities(derive(loss))) == 1


def test_constants_may_be_in_the_loss() -> None:
    found = conserved_quantities(loss_of("(y - a*u*v)**2", ["u", "v"], ["y"], constants=["a"]))
    assert [str(one) for one in found] == ["u**2 - v**2"]
    assert found[0].value([2.0, 1.0], {"a": 3.0}) == 3.0


# metrics


@settings(max_examples=20, deadline=None)
@given(st.fractions("1/9", 9, max_denominator=9), st.fractions("1/9", 9, max_denominator=9))
def test_a_diagonal_metric_weights_the_quantities(a: object, b: object) -> None:
    """G = diag(a, b): a u**2 - b v**2 is conserved."""
    loss = loss_of("(y - u*v)**2", ["u", "v"], ["y"])
    (quantity,) = conserved_quantities(loss, metric=[a, b])
    assert np.isclose(quantity.value([1.0, 0.0]) * float(b), -quantity.value([0.0, 1.0]) * float(a))  # type: ignore[arg-type]


def test_a_dense_metric() -> None:
    """Translation along (1, 1) with metric G keeps (1, 1).G theta."""
    loss = loss_of("(x - y)**2")
    (quantity,) = conserved_quantities(loss, metric=[[2, 1], [1, 3]])
    assert str(quantity) == "3*x + 4*y"


def test_the_metric_does_not_change_the_number_for_networks() -> None:
    loss = loss_of("sum((y - B@(A@x))**2)", {"A": (2, 2), "B": (2, 2)}, PAIR)
    laws = conservation_laws(loss, metric={"A": 2, "B": "1/3"})
    assert (laws.independent, laws.count.verdict) == (3, "proved")


# evidence


def test_numbers_agree() -> None:
    """X = G^{-1} grad Q annihilates the loss in long doubles, for every quantity of several losses."""
    for text, parameters, data, _ in KNOWN.values():
        loss = loss_of(text, parameters, data)
        sampler = Sampler(loss)
        points = sampler.points(5)
        gradient = sampler.gradient(points).astype(float)
        entries = sampler.entries(points).astype(float)
        for quantity in conserved_quantities(loss):
            change = [gradient[:, k] @ quantity.gradient(entries[:, k]) for k in range(5)]
            assert np.abs(change).max() < 1e-9 * (1 + np.abs(gradient).max())


def test_the_certificate_can_be_checked_again() -> None:
    laws = conservation_laws(loss_of("sum((y - B@(A@x))**2)", {"A": (2, 2), "B": (2, 2)}, PAIR))
    assert recheck(laws.certificate).verdict == "proved"


def test_a_small_addition_breaks_a_law() -> None:
    assert conserved_quantities(loss_of("(y - u*v)**2 + 1e-13*u**2", ["u", "v"], ["y"])) == ()


def test_functions_that_are_related_at_different_data_are_not_counted() -> None:
    """exp(w + x)/exp(x) is the same at all data, which atoms at separate data do not know."""
    laws = conservation_laws(loss_of("(exp(w + x) + v*exp(x) - y)**2", ["w", "v"], ["x", "y"]))
    assert laws.count.verdict == "undecided"


def test_products_of_simpler_quantities_are_left_out() -> None:
    found = conserved_quantities(loss_of("(x - y)**2 + (z - w)**2"), ansatz=Polynomial(2))
    assert [one.kind for one in found if one.kind != "activation integral"] == ["linear", "linear"]


def test_text() -> None:
    laws = conservation_laws(loss_of("(y - u*v)**2", ["u", "v"], ["y"]))
    assert str(laws).splitlines() == ["1 conserved quantities, 1 independent (count proved)", "  u**2 - v**2"]


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_bounds_meet_or_leave_room_in_the_catalogue(entry: CatalogEntry) -> None:
    laws = conservation_laws(entry.loss)
    evidence = laws.count.evidence
    assert laws.independent <= evidence["lower"] <= evidence["upper"]
    assert laws.completeness.verdict == "proved"
    assert (laws.count.verdict == "proved") == (evidence["lower"] == evidence["upper"])


# refusals


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ([1], "the metric has the shape [1]"),
        ([1, 0], "the metric has 0 for v"),
        ([[1, 2], [0, 1]], "symmetric"),
        ([[1, 2], [2, 1]], "not positive definite"),
        ({"w": 2}, "the metric names 'w'"),
        ({"u": [1, 2]}, "the metric of 'u' has the shape [2]"),
    ],
)
def test_metrics_that_are_refused(metric: object, said: str) -> None:
    with pytest.raises(InputError) as caught:
        conserved_quantities(loss_of("(y - u*v)**2", ["u", "v"], ["y"]), metric=metric)
    assert said in str(caught.value)


def test_what_is_no_loss_is_refused() -> None:
    with pytest.raises(InputError, match="conserved_quantities was given str"):
        conserved_quantities("x**2")  # type: ignore[arg-type]
    loss = loss_of("x**2")
    with pytest.raises(InputError, match="is not an ansatz"):
        conserved_quantities(loss, ansatz="linear")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="an algebra and an ansatz"):
        conserved_quantities(derive(loss), ansatz=Linear())
    with pytest.raises(InputError, match="patterns='some'"):
        conservation_laws(loss, patterns="some")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="undefined at every sampled point"):
        conserved_quantities(loss_of("log(-x**2 - 1)"))
    with pytest.raises(InputError, match="monomials"):
        conserved_quantities(loss_of("sum(w**2)", {"w": (300,)}), ansatz=Polynomial(3))
    with pytest.raises(InputError, match="roots or logarithms"):
        conservation_laws(loss_of("(y - sqrt(relu(x) + 1))**2", ["x"], ["y"]), patterns="all")
