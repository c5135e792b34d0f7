"""Discrete symmetries: jumps count as sets of measure zero on both sides of a claim, and limits are no errors."""

from __future__ import annotations

import pytest

from symmetries.discrete import discrete_symmetries
from symmetries.loss import Loss

AT_JUMPS = [
    ("sign(z*z)", ["x", "z"], 8),
    ("sign(x - y)**4", ["x", "y", "z"], 48),
    ("sign(y)**2 * x", ["x", "y", "z"], 8),
    ("cosh(sign(x))", ["x", "y"], 8),
]


@pytest.mark.parametrize(("formula", "names", "almost_everywhere"), AT_JUMPS, ids=[one[0] for one in AT_JUMPS])
def test_values_on_a_jump_exclude_no_map(formula: str, names: list[str], almost_everywhere: int) -> None:
    group = discrete_symmetries(Loss.parse(formula, names))
    assert group.order == almost_everywhere or group.completeness.verdict != "proved"


def test_maps_across_a_jump_are_still_excluded() -> None:
    group = discrete_symmetries(Loss.parse("sign(x) + sign(y)", ["x", "y"]))
    assert (group.order, group.verdict) == (2, "proved")


DIFFERENT_IN_A_CORNER = [
    ("sign(-x) + maximum(y, 4*z**2 + y**2)", 2),
    ("2*z + where(exp(2*x) > erf(y), 1, 0)", 1),
    ("maximum(maximum(-y, x), z**2 + y**2)**2 + log((2*x)**(1/3)*abs(2*y))**2 + z", 1),
    ("where(minimum(where(y > x, 1, 0), relu(x)) > 0, 1, 2) + tan(x + y)", 1),
]


@pytest.mark.parametrize(("formula", "order"), DIFFERENT_IN_A_CORNER, ids=[one[0] for one in DIFFERENT_IN_A_CORNER])
def test_maps_that_change_the_loss_in_a_small_region_are_excluded(formula: str, order: int) -> None:
    assert discrete_symmetries(Loss.parse(formula, ["x", "y", "z"][: 3 if "z" in formula else 2])).order == order


def test_a_search_past_its_limit_is_undecided() -> None:
    formula = "maximum(maximum(z/w, w*y), maximum(w/y, y*x))**2"
    group = discrete_symmetries(Loss.parse(formula, ["x", "y", "z", "w"]))
    assert group.completeness.verdict in {"proved", "undecided"}
