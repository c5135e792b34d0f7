"""Group actions: axioms, invariance, derivatives, dimensions of orbits, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from symmetries import Affine, GroupAction, Linear, Loss, Polynomial, derive
from symmetries.actions.flow_action import FlowAction
from symmetries.actions.linear_action import LinearAction
from symmetries.compiled import compile_loss

CATALOGUED: list[tuple[str, dict[str, Any]]] = [
    ("low-rank", {}),
    ("low-rank", {"rows": 2, "columns": 5, "rank": 3}),
    ("linear-network", {}),
    ("linear-network", {"widths": (2, 3, 3, 1)}),
    ("homogeneous-network", {}),
    ("homogeneous-network", {"widths": (2, 3, 3, 1), "activation": "leaky_relu"}),
    ("odd-network", {}),
    ("elementwise-network", {"activation": "softplus"}),
    ("attention", {}),
    ("mlp-data", {}),
    ("mlp-data", {"activation": "sinh"}),
    ("mlp-data", {"on": "preactivation"}),
    ("mlp-data", {"on": "preactivation", "activation": "relu", "widths": (6, 16, 2), "inputs": np.eye(6, 2)}),
    ("mlp-data", {"on": "preactivation", "activation": "sin"}),
    ("rosenbrock", {}),
    ("rosenbrock", {"variables": 4}),
    ("booth", {}),
    ("quadratic", {"matrix": [[2, 1], [1, 3]]}),
    ("quadratic", {"matrix": [[2, 1, 0], [1, 3, 0], [0, 0, 1]]}),
]
DERIVED = {
    "ellipse": (Loss.parse("x**2 + 9*y**2"), Linear()),
    "booth": (Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2"), Affine()),
    "monomial": (Loss.parse("x*y*z"), Linear()),
    "rosenbrock": (Loss.parse("100*(x**2 - y)**2 + (x - 1)**2"), Polynomial(3)),
    "himmelblau": (Loss.parse("(x**2 + y - 11)**2 + (x + y**2 - 7)**2"), Polynomial(3)),
    "translation": (Loss.parse("(x - y)**2"), Affine()),
    "moving": (Loss.parse("(x*d - 1)**2", ["x"], data={"d": __import__("symmetries").Data((), moves=True)}), Linear()),
}


def catalogued_ids() -> list[str]:
    """Names of the rows of the table."""
    shown = [[value for value in sizes.values() if not isinstance(value, np.ndarray)] for _, sizes in CATALOGUED]
    return [" ".join([name, *map(str, values)]) for (name, _), values in zip(CATALOGUED, shown, strict=True)]


def random_data(action: GroupAction, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Values of the free data that does not move."""
    return {
        name: rng.standard_normal(item.shape)
        for name, item in action.loss.data.items()
        if item.values is None and not item.moves
    }


def element(action: GroupAction, rng: np.random.Generator, scale: float) -> Any:
    """A random element."""
    if action.dimension:
        return action.exp(scale * rng.standard_normal(action.dimension))
    return action.random(rng)  # type: ignore[attr-defined]


def check_axioms(action: GroupAction, seed: int, scale: float = 0.2) -> None:
    """The axioms of a left action and the invariance of the loss."""
    rng = np.random.default_rng(seed)
    w = 0.5 * rng.standard_normal(action.space.size)
    g, h = element(action, rng, scale), element(action, rng, scale)
    size = 1 + np.abs(w).max()
    assert action.apply(action.identity, w) == pytest.approx(w, abs=1e-13 * size)
    moved = action.apply(g, w)
    assert action.apply(action.inverse(g), moved) == pytest.approx(w, abs=1e-9 * size)
    both = action.apply(action.compose(h, g), w)
    assert both == pytest.approx(action.apply(h, moved), abs=1e-9 * (1 + np.abs(both).max()))
    if not action.loss.moving_entries:
        compiled, data = compile_loss(action.loss), random_data(action, rng)
        assert compiled.value(moved, data) == pytest.approx(compiled.value(w, data), rel=1e-11)


@pytest.mark.parametrize(("name", "sizes"), CATALOGUED, ids=catalogued_ids())
@pytest.mark.parametrize("seed", [0, 1])
def test_catalogued_actions_are_left_actions_that_keep_the_loss(name: str, sizes: dict[str, Any], seed: int) -> None:
    check_axioms(GroupAction.catalogued(name, **sizes), seed)


@pytest.mark.parametrize("name", DERIVED)
@pytest.mark.parametrize("seed", [0, 1])
def test_derived_actions_are_left_actions_that_keep_the_loss(name: str, seed: int) -> None:
    loss, ansatz = DERIVED[name]
    check_axioms(GroupAction.from_algebra(derive(loss, ansatz=ansatz)), seed)


def actions() -> list[Any]:
    """All actions of the tables."""
    rows = [
        pytest.param(GroupAction.catalogued(n, **s), id=i)
        for (n, s), i in zip(CATALOGUED, catalogued_ids(), strict=True)
    ]
    derived = [
        pytest.param(GroupAction.from_algebra(derive(loss, ansatz=ansatz)), id=f"derived {name}")
        for name, (loss, ansatz) in DERIVED.items()
    ]
    return rows + derived


@pytest.mark.parametrize("action", actions())
def test_the_jacobian_and_the_fields_are_derivatives(action: GroupAction) -> None:
    rng = np.random.default_rng(5)
    w, v = 0.5 * rng.standard_normal((2, action.space.size))
    g, step = element(action, rng, 0.1), 1e-6
    difference = (action.apply(g, w + step * v) - action.apply(g, w - step * v)) / (2 * step)
    assert action.jacobian(g, w) @ v == pytest.approx(difference, rel=1e-4, abs=1e-4 * np.abs(difference).max())
    for t, field in zip(np.eye(action.dimension), action.field(w), strict=True):
        velocity = (action.apply(step * t, w) - action.apply(-step * t, w)) / (2 * step)
        assert field == pytest.approx(velocity, rel=1e-4, abs=1e-4 * (1 + np.abs(velocity).max()))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_axioms_at_random_seeds(seed: int) -> None:
    check_axioms(GroupAction.catalogued("low-rank"), seed, scale=0.7)


def test_dimensions_of_orbits() -> None:
    loss = Loss.parse("x**2 + y**2 + z**2")
    action = GroupAction.from_algebra(derive(loss))
    assert (action.dimension, action.orbit_dimension(), action.stabiliser_dimension()) == (3, 2, 1)
    assert action.is_transitive_on_level_set()
    assert action.orbit_dimension([0.0, 0.0, 0.0]) == 0
    assert not action.is_transitive_on_level_set([0.0, 0.0, 0.0])


def test_an_orbit_stays_on_its_level_set() -> None:
    loss = Loss.parse("x**2 + 9*y**2")
    action = GroupAction.from_algebra(derive(loss))
    points = action.orbit([3.0, 0.0], np.linspace(0, 2, 9))
    assert points.shape == (9, 2)
    assert (points**2 @ [1.0, 9.0]) == pytest.approx(9.0)


def test_points_come_back_as_they_were_given() -> None:
    action = GroupAction.catalogued("low-rank")
    w = {"U": np.ones((3, 2)), "V": np.ones((2, 4))}
    moved = action.apply(np.diag([2.0, 4.0]), w)
    assert moved["U"][0].tolist() == [0.5, 0.25]
    flat = action.apply(np.diag([2.0, 4.0]), action.space.flat(w))
    assert flat.tolist() == action.space.flat(moved).tolist()
    rows = action.apply(np.diag([2.0, 4.0]), np.stack([action.space.flat(w)] * 3))
    assert rows.shape == (3, 14)
    assert rows[1].tolist() == flat.tolist()


def test_linear_fields_give_matrices_and_others_flows() -> None:
    assert isinstance(GroupAction.from_algebra(derive(Loss.parse("x**2 + y**2"))), LinearAction)
    loss, ansatz = DERIVED["himmelblau"]
    assert isinstance(GroupAction.from_algebra(derive(loss, ansatz=ansatz)), FlowAction)


def test_constants_need_values() -> None:
    algebra = derive(Loss.parse("x**2/a**2 + y**2/b**2", ["x", "y"], constants=["a", "b"]))
    action = GroupAction.from_algebra(algebra, constants={"a": 2.0, "b": 3.0})
    moved = action.apply(0.4, [1.0, 1.0])
    assert (moved[0] / 2) ** 2 + (moved[1] / 3) ** 2 == pytest.approx(1 / 4 + 1 / 9)
    with pytest.raises(InputError, match="the constant 'a' has no value"):
        GroupAction.from_algebra(algebra)


def test_a_flow_that_blows_up_says_when() -> None:
    loss = Loss.parse("y*exp(1/x)", ["x", "y"])
    algebra = derive(loss, ansatz=Polynomial(2))
    action = FlowAction(loss, [field for field in algebra.generators if "x**2" in field.components.get("x", "")])
    time = 1.0 if action.field([1.0, 1.0])[0][0] > 0 else -1.0
    assert action.apply(0.5 * time, [1.0, 1.0])[0] == pytest.approx(2.0)
    with pytest.raises(InputError, match=r"blows up: at the time 0\.5"):
        action.apply(2 * time, [1.0, 1.0])


@pytest.mark.parametrize(
    ("g", "w", "message"),
    [
        (np.zeros((2, 2)), np.ones(14), "g is invertible fails"),
        (np.eye(3), np.ones(14), "shape|3"),
        (np.eye(2), np.ones(13), "a point has the shape"),
        (np.eye(2), {"U": np.ones((3, 2)), "W": np.ones((2, 4))}, "'W'|'V'"),
        (np.eye(2), {"U": np.ones((3, 2)), "V": np.ones((4, 2))}, "has the shape"),
        ([1.0, 2.0], np.ones(14), "dimension 4"),
        ([1.0, 2.0, np.nan, 0.0], np.ones(14), "NaN"),
    ],
)
def test_refusals(g: Any, w: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        GroupAction.catalogued("low-rank").apply(g, w)


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("unknown", {}, "not catalogued"),
        ("low-rank", {"width": 3}, "'width'"),
        ("linear-network", {"widths": (3, 2)}, "widths"),
        ("homogeneous-network", {"activation": "tanh"}, "positively homogeneous"),
        ("odd-network", {"activation": "relu"}, "not odd"),
        ("mlp-data", {"activation": "relu"}, "not one-to-one"),
        ("mlp-data", {"inputs": np.ones((6, 7))}, "at most 6 samples"),
        ("mlp-data", {"inputs": np.ones((5, 2))}, "inputs of the shape"),
        ("mlp-data", {"on": "outputs"}, "hidden states or pre-activations"),
        ("quadratic", {"matrix": [[1, 2], [2, 1]]}, "positive definite"),
        ("quadratic", {"matrix": [[1, 2], [0, 1]]}, "symmetric"),
    ],
)
def test_refused_names_and_sizes(name: str, sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GroupAction.catalogued(name, **sizes)


def test_a_hidden_state_without_rank_is_refused() -> None:
    action = GroupAction.catalogued("mlp-data", inputs=np.ones((6, 2)))
    with pytest.raises(InputError, match="layer 1 lack rank"):
        action.apply(action.exp(np.zeros(action.dimension) + 0.01), np.random.default_rng(0).standard_normal(76))


def test_a_hidden_state_out_of_range_is_refused() -> None:
    action = GroupAction.catalogued("mlp-data", activation="tanh")
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="out of the range of tanh"):
        action.apply(action.random(1), 2 * rng.standard_normal(76))
