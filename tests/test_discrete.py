"""Discrete symmetries: names and orders that are known, all signed permutations tried, verdicts, the catalogue."""

from __future__ import annotations

from itertools import permutations, product
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from symmetries.catalog import catalog
from symmetries.compiled import compile_loss
from symmetries.data import Data
from symmetries.discrete import discrete_symmetries
from symmetries.loss import Loss
from symmetries.permutations.signed_permutation import SignedPermutation

PAIR = {"x": (2,), "y": (2,)}


def network(activation: str, hidden: int) -> Loss:
    shapes = {"W1": (hidden, 2), "b1": (hidden,), "W2": (2, hidden), "b2": (2,)}
    return Loss.parse(f"sum((y - W2@{activation}(W1@x + b1) - b2)**2)", shapes, data=PAIR)


KNOWN = [
    ("x**4 + y**4", 8, "D_4"),
    ("x**2 + y**2", 8, "D_4"),
    ("x**2 + 9*y**2", 4, "Z_2^2"),
    ("x**4 + y**4 + z**4", 48, "Z_2 wr S_3"),
    ("x*y", 4, "Z_2^2"),
    ("x*y*z", 24, "S_4"),
    ("x*y*z*w", 192, "Z_2^3 |x S_4"),
    ("x + y + z", 6, "S_3"),
    ("x**2*y + y**2*z + z**2*x", 3, "Z_3"),
    ("x + 2*y", 1, "1"),
    ("(x*y)**2 + (y*z)**2 + (z*w)**2 + (w*x)**2", 128, None),
    ("x**3*y - x*y**3", 4, "Z_4"),
    ("(1 - x)**2 + 100*(y - x**2)**2", 1, "1"),
    ("x**2/(1 + y**2)", 4, "Z_2^2"),
    ("(x - y)/(x + y)", 2, "Z_2"),
    ("cosh(x) + cosh(y)", 8, "D_4"),
    ("cos(x)*cos(y)", 8, "D_4"),
    ("sin(x)*sin(y)", 4, "Z_2^2"),
    ("exp(x) + exp(y)", 2, "Z_2"),
    ("tanh(x) + tanh(y) + tanh(z)", 6, "S_3"),
    ("abs(x) + abs(y)", 8, "D_4"),
    ("maximum(x, y)", 2, "Z_2"),
    ("maximum(x, y) - minimum(x, y)", 4, "Z_2^2"),
    ("log(x) + log(y)", 2, "Z_2"),
    ("log(x)**2", 1, "1"),
    ("sqrt(x**2 + y**2 + z**2)", 48, "Z_2 wr S_3"),
    ("sqrt(x)", 1, "1"),
    ("exp(2*x) - exp(x)**2 + y**2", 4, "Z_2^2"),
]


@pytest.mark.parametrize(("formula", "order", "name"), KNOWN, ids=[one[0] for one in KNOWN])
def test_known_groups(formula: str, order: int, name: str | None) -> None:
    group = discrete_symmetries(Loss.parse(formula))
    assert (group.order, group.name, group.verdict) == (order, name, "proved")


@pytest.mark.parametrize("hidden", [1, 2, 3, 4, 5])
def test_neurons_of_a_tanh_network_are_exchanged_and_flipped(hidden: int) -> None:
    group = discrete_symmetries(network("tanh", hidden))
    assert group.order == 2**hidden * factorial(hidden)
    assert group.name == {1: "Z_2", 2: "D_4"}.get(hidden, f"Z_2 wr S_{hidden}")
    assert group.verdict == "proved"


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "softplus"])
def test_neurons_of_other_networks_are_exchanged(activation: str) -> None:
    group = discrete_symmetries(network(activation, 3))
    assert (group.order, group.name, group.verdict) == (6, "S_3", "proved")


def test_layers_of_a_deep_network_give_a_product() -> None:
    shapes = {"A": (3, 2), "B": (3, 3), "C": (1, 3)}
    loss = Loss.parse("sum((y - C@tanh(B@tanh(A@x)))**2)", shapes, data={"x": (2,), "y": (1,)})
    group = discrete_symmetries(loss)
    assert (group.order, group.name, group.verdict) == (48**2, "(Z_2 wr S_3) x (Z_2 wr S_3)", "proved")


def test_a_wide_network_has_its_exact_order() -> None:
    shapes = {"W1": (64, 4), "b1": (64,), "W2": (2, 64), "b2": (2,)}
    loss = Loss.parse("sum((y - W2@tanh(W1@x + b1) - b2)**2)", shapes, data={"x": (4,), "y": (2,)})
    group = discrete_symmetries(loss)
    assert (group.order, group.name, group.verdict) == (2**64 * factorial(64), "Z_2 wr S_64", "proved")


def test_factorisations_keep_signed_permutations_of_the_inner_index() -> None:
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 3), "V": (3, 3)}, data={"Y": (3, 3)})
    assert (discrete_symmetries(loss).order, discrete_symmetries(loss).name) == (48, "Z_2 wr S_3")


def test_given_data_that_agrees_gives_more() -> None:
    free = Loss.parse("sum((y - x)**2)", {"x": (3,)}, data={"y": (3,)})
    equal = Loss.parse("sum((y - x)**2)", {"x": (3,)}, data={"y": [2.0, 2.0, 2.0]})
    opposite = Loss.parse("sum((y - x)**2)", {"x": (2,)}, data={"y": [2.0, -2.0]})
    assert [discrete_symmetries(loss).name for loss in (free, equal, opposite)] == ["1", "S_3", "Z_2"]
    assert discrete_symmetries(opposite).generators[0].map == {"x[0]": "-x[1]", "x[1]": "-x[0]"}


def test_constants_are_not_moved_and_hold_for_all_values() -> None:
    assert discrete_symmetries(Loss.parse("(x/a)**2 + (y/b)**2", ["x", "y"], constants=["a", "b"])).order == 4
    assert discrete_symmetries(Loss.parse("(x/a)**2 + (y/a)**2", ["x", "y"], constants=["a"])).order == 8


def test_moving_data_is_permuted_among_itself() -> None:
    loss = Loss.parse("(w - v)**2", ["w"], data={"v": Data((), moves=True)})
    group = discrete_symmetries(loss)
    assert group.coordinates == ("w", "v")
    assert [one.map for one in group.generators] == [{"w": "-w", "v": "-v"}]


def test_parameters_that_do_nothing_are_moved_freely() -> None:
    group = discrete_symmetries(Loss.parse("x + 0*y + 0*z", ["x", "y", "z"]))
    assert (group.order, group.name) == (8, "D_4")


def test_maps_that_the_formula_hides_are_found() -> None:
    group = discrete_symmetries(Loss.parse("tanh(x + y) - tanh(x)*(1 + tanh(y))/(1 + tanh(x)*tanh(y)) + 0*z"))
    assert group.verdict in {"proved", "measured", "undecided"}
    swap = SignedPermutation.from_map(group.coordinates, {"x": "y", "y": "x"})
    hidden = Loss.parse("sin(x)*cos(y) + sin(y)*cos(x) + sin(x + y)")
    assert SignedPermutation.from_map(("x", "y"), {"x": "y", "y": "x"}) in discrete_symmetries(hidden)
    assert swap.order == 2


def test_a_relation_between_functions_hides_a_flip() -> None:
    group = discrete_symmetries(Loss.parse("log(1 + exp(x)) - x/2"))
    assert (group.order, group.name) == (2, "Z_2")


def test_jumps_are_excepted() -> None:
    group = discrete_symmetries(Loss.parse("where(x > 0, 1, -1)*where(y > 0, 1, -1)"))
    assert group.order == 4
    assert any("jumps" in one for claim in group.generator_claims for one in claim.assumptions)


def test_guarded_logarithms_are_not_flipped() -> None:
    group = discrete_symmetries(Loss.parse("where(x > 0, log(y)**2, log(-y)**2)"))
    assert SignedPermutation.from_map(group.coordinates, {"y": "-y"}) not in group
    assert group.completeness.verdict == "undecided"


def test_a_root_that_cancels_restricts_the_domain() -> None:
    group = discrete_symmetries(Loss.parse("sqrt(x)*0 + y**2"))
    assert [one.map for one in group.generators] == [{"y": "-y"}]
    assert group.verdict == "proved"


# every signed permutation, one by one

TERMS = st.tuples(st.integers(-2, 2), st.lists(st.integers(0, 3), min_size=4, max_size=4))


def brute_force(loss: Loss) -> set[SignedPermutation]:
    """All signed permutations that keep the value at random points, in double precision."""
    compiled = compile_loss(loss)
    rng = np.random.default_rng(5)
    n = len(loss.entries)
    shapes = {name: item.shape for name, item in loss.data.items()}
    cases = [(rng.normal(size=n), {name: rng.normal(size=shape) for name, shape in shapes.items()}) for _ in range(4)]
    kept = set()
    for order in permutations(range(n)):
        for signs in product((1, -1), repeat=n):
            g = SignedPermutation(loss.entries, order, signs)
            values = [(compiled.value(w, data), compiled.value(g.apply(w), data)) for w, data in cases]
            if all(abs(a - b) <= 1e-9 * (1 + abs(a)) for a, b in values):
                kept.add(g)
    return kept


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.lists(TERMS, min_size=1, max_size=4), st.sampled_from(["", "tanh", "cos", "abs", "exp"]))
def test_the_group_is_exactly_what_trying_all_maps_finds(
    n: int, terms: list[tuple[int, list[int]]], function: str
) -> None:
    names = "xyzw"[:n]
    text = " + ".join(
        f"({value})*" + "*".join(f"{name}**{e}" for name, e in zip(names, powers, strict=False))
        for value, powers in terms
    )
    loss = Loss.parse(f"{function}({text})" + (f" + d*{names[0]}**2" if n > 1 else ""), list(names), data=["d"])
    group = discrete_symmetries(loss)
    assert set(group.elements()) == brute_force(loss)
    assert group.completeness.verdict == "proved"


FOUR = [
    "a*b + b*c + c*d + d*a",
    "(a - b)**2 + (b - c)**2 + (c - d)**2",
    "a*d - b*c",
    "a**2*b**2 - c**2*d**2",
    "tanh(a*x)*b + tanh(c*x)*d",
    "abs(a - b) + abs(c - d)",
    "(a + b)*(c + d) + a*c",
    "1/(1 + (a*b - c*d)**2)",
]


@pytest.mark.parametrize("formula", FOUR)
def test_four_parameters_against_all_384_maps(formula: str) -> None:
    loss = Loss.parse(formula, list("abcd"), data=["x"])
    group = discrete_symmetries(loss)
    assert set(group.elements()) == brute_force(loss)
    assert group.completeness.verdict == "proved"


# the catalogue


@pytest.mark.parametrize("name", [entry.name for entry in catalog()])
def test_the_catalogue(name: str) -> None:
    loss = next(entry.loss for entry in catalog() if entry.name == name)
    group = discrete_symmetries(loss)
    assert all(claim.verdict == "proved" for claim in group.generator_claims)
    assert group.completeness.verdict in {"proved", "undecided"}
    compiled = compile_loss(loss)
    rng = np.random.default_rng(3)
    checked = 0
    for trial in range(8):
        g = group.random(rng)
        parts = [rng.normal(size=len(group.coordinates))]
        w = np.abs(parts[0]) if trial % 2 else parts[0]
        image = g.apply(w)
        data = {n: rng.normal(size=item.shape) for n, item in loss.data.items() if item.values is None}
        data |= {n: rng.normal(size=()) for n in loss.constants}
        n = len(loss.entries)
        moved = dict(data)
        start = n
        for key, item in loss.data.items():
            if item.moves:
                size = int(np.prod(item.shape))
                data[key] = w[start : start + size].reshape(item.shape)
                moved[key] = image[start : start + size].reshape(item.shape)
                start += size
        before, after = compiled.value(w[:n], data), compiled.value(image[:n], moved)
        if np.isfinite(before):
            checked += 1
            assert after == pytest.approx(before, rel=1e-8, abs=1e-10)
    assert checked


UNDECIDED = {"attention-value-output", "batch-normalisation", "layer-normalisation", "rms-normalisation"}


def test_most_of_the_catalogue_is_complete() -> None:
    found = {e.name for e in catalog() if discrete_symmetries(e.loss).completeness.verdict == "undecided"}
    assert found <= UNDECIDED


# the interface


def test_the_answer_does_not_depend_on_the_seed() -> None:
    groups = [discrete_symmetries(network("tanh", 3), rng=seed) for seed in (0, 1, np.random.default_rng(2))]
    assert {tuple(str(one) for one in group.generators) for group in groups} == {
        tuple(str(one) for one in groups[0].generators)
    }


def test_membership_and_text() -> None:
    group = discrete_symmetries(Loss.parse("x**4 + y**4"))
    assert SignedPermutation.identity(["x", "y"]) in group
    assert "x -> y" not in group
    assert str(group).startswith("group of order 8 (D_4; completeness proved)")
    assert group.claims[-1] is group.completeness
    assert len(set(group.elements())) == 8


def test_no_loss_is_refused() -> None:
    with pytest.raises(InputError, match="discrete_symmetries was given str"):
        discrete_symmetries("x**2")  # type: ignore[arg-type]


def test_an_undefined_loss_is_refused() -> None:
    with pytest.raises(InputError, match="undefined at every sampled point"):
        discrete_symmetries(Loss.parse("log(-1 - x**2)"))


def test_a_bad_seed_is_refused() -> None:
    with pytest.raises(InputError, match="rng=-1"):
        discrete_symmetries(Loss.parse("x**2"), rng=-1)
