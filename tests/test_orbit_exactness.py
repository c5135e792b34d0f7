"""Exact actions keep the loss to rounding on any data; the laws of a group action; no drift at any order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.search.orbit_guards import random_element
from symmetries import GroupAction

CASES = 100

EXACT: list[tuple[str, dict[str, Any]]] = [
    ("rosenbrock", {}),
    ("rosenbrock", {"variables": 6}),
    ("booth", {}),
    ("quadratic", {"matrix": [[2, 1, 0, 0], [1, 3, 1, 0], [0, 1, 4, 1], [0, 0, 1, 5]]}),
    ("linear-network", {}),
    ("homogeneous-network", {"widths": (3, 5, 4, 2), "activation": "leaky_relu"}),
    ("odd-network", {}),
    ("elementwise-network", {}),
    ("attention", {}),
    ("low-rank", {}),
]

DATA_DEPENDENT: list[dict[str, Any]] = [
    {"on": "hidden"},
    {"on": "preactivation"},
    {"on": "preactivation", "activation": "tanh"},
    {"on": "hidden", "widths": (5, 6, 7, 8)},
]


def identifiers(cases: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [f"{name}-{k}" for k, (name, _) in enumerate(cases)]


def objectives(action: GroupAction, rng: np.random.Generator) -> list[Objective]:
    """The loss on two draws of its data, which the action does not know."""
    free = {name: item.shape for name, item in action.loss.data.items() if item.values is None}
    draws = [{name: rng.standard_normal(shape) for name, shape in free.items()} for _ in range(2)]
    return [Objective.from_loss(action.loss, draw) for draw in draws]


def relative_change(objective: Objective, w: Any, moved: Any) -> float:
    before, after = objective.value(w), objective.value(moved)
    return abs(after - before) / max(abs(before), abs(after))


@pytest.mark.parametrize(("name", "sizes"), EXACT, ids=identifiers(EXACT))
def test_exact_actions_keep_the_loss_on_unseen_data(name: str, sizes: dict[str, Any]) -> None:
    action, rng = GroupAction.catalogued(name, **sizes), np.random.default_rng(11)
    seen, unseen = objectives(action, rng)
    for _ in range(CASES):
        w = rng.standard_normal(action.space.size)
        g = random_element(action, rng, length=rng.uniform(0.0, 1.0))
        moved = np.asarray(action.apply(g, w))
        assert relative_change(seen, w, moved) <= 1e-12
        assert relative_change(unseen, w, moved) <= 1e-12


@pytest.mark.parametrize(("name", "sizes"), EXACT, ids=identifiers(EXACT))
def test_identity_inverse_and_composition(name: str, sizes: dict[str, Any]) -> None:
    action, rng = GroupAction.catalogued(name, **sizes), np.random.default_rng(12)
    for _ in range(CASES):
        _check_laws(action, rng)


def _check_laws(action: GroupAction, rng: np.random.Generator) -> None:
    w = rng.standard_normal(action.space.size)
    g, h = (random_element(action, rng, length=rng.uniform(0.0, 1.0)) for _ in range(2))
    moved = np.asarray(action.apply(g, w))
    size = 1 + max(np.abs(w).max(), np.abs(moved).max())
    assert np.abs(action.apply(action.identity, w) - w).max() <= 1e-14 * size
    assert np.abs(action.apply(action.inverse(g), moved) - w).max() <= 1e-10 * size
    there = np.asarray(action.apply(h, moved))
    assert np.abs(action.apply(action.compose(h, g), w) - there).max() <= 1e-10 * (size + np.abs(there).max())


@pytest.mark.parametrize("sizes", DATA_DEPENDENT, ids=range(len(DATA_DEPENDENT)))
def test_data_dependent_actions_keep_the_loss_at_full_rank(sizes: dict[str, Any]) -> None:
    action, rng = GroupAction.catalogued("mlp-data", **sizes), np.random.default_rng(13)
    objective = objectives(action, rng)[0]
    kept = 0
    for _ in range(CASES):
        w = rng.standard_normal(action.space.size)
        g = random_element(action, rng, length=rng.uniform(0.0, 1.0))
        try:
            moved = np.asarray(action.apply(g, w))
        except InputError:
            continue
        kept += 1
        assert relative_change(objective, w, moved) <= 1e-9
    assert kept >= 0.9 * CASES


def test_there_is_no_drift_at_any_order_in_the_step() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.uniform(size=(5, 4))
    action = GroupAction.catalogued("mlp-data", widths=(5, 6, 7, 8), inputs=inputs)
    objective = Objective.from_loss(action.loss, {"Y": rng.uniform(size=(8, 4))})
    w = rng.uniform(size=action.space.size)
    t = rng.standard_normal(action.dimension)
    t /= np.linalg.norm(t)
    for length in (1e-1, 1e-2, 1e-3, 1e-4):
        assert relative_change(objective, w, action.apply(length * t, w)) <= 1e-13
