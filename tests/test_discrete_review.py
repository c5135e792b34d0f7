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


def test_a_search_past_its_limit_is_undecided() -> None:
    formula = "maximum(maximum(z/w, w*y), maximum(w/y, y*x))**2"
    group = discrete_symmetries(Loss.parse(formula, ["x", "y", "z", "w"]))
    assert group.completeness.verdict in {"proved", "undecided"}
