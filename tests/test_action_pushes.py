"""Pullbacks, pushes and representations of actions against the dense formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag, expm

from manifolds import GeneralLinear
from manifolds.errors import InputError
from symmetries import GroupAction, Loss, Polynomial, derive
from symmetries.actions.layer_action import Factor, LayerAction, Sides
from symmetries.actions.representations import block_bases

NAMES: list[tuple[str, dict[str, Any]]] = [
    ("homogeneous-network", {"widths": (3, 4, 5, 2)}),
    ("linear-network", {"widths": (3, 4, 5, 2)}),
    ("odd-network", {}),
    ("attention", {}),
    ("low-rank", {}),
    ("quadratic", {"matrix": [[2, 1, 0], [1, 3, 1], [0, 1, 4]]}),
    ("booth", {}),
    ("rosenbrock", {"variables": 4}),
    ("mlp-data", {}),
    ("mlp-data", {"on": "preactivation"}),
]


def every_form() -> LayerAction:
    """An action with all four forms of factors, and a vector."""
    loss = Loss.parse("sum(A)+sum(B)+sum(c)", {"A": (2, 2), "B": (2, 2), "c": (2,)})
    sides = {
        "A": Sides(left=Factor("k", "g^-T"), right=Factor("k", "g^T")),
        "B": Sides(left=Factor("k", "g^-1"), right=Factor("k", "g")),
        "c": Sides(left=Factor("k", "g^T")),
    }
    return LayerAction(loss, spaces={"k": GeneralLinear(2)}, sides=sides)


def actions() -> list[Any]:
    made = [
        pytest.param(GroupAction.catalogued(name, **sizes), id=f"{name}-{k}") for k, (name, sizes) in enumerate(NAMES)
    ]
    affine = GroupAction.from_algebra(derive(Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2 + 3*(z - 1)**2")))
    embedded = GroupAction.from_algebra(derive(Loss.parse("x**2 + 2*x*y**2 + y**4 + y**2"), ansatz=Polynomial(3)))
    return [
        *made,
        pytest.param(every_form(), id="forms"),
        pytest.param(affine, id="affine"),
        pytest.param(embedded, id="nonlinear"),
    ]


@pytest.mark.parametrize("action", actions())
def test_pullback_and_pushes_are_the_dense_formulas(action: GroupAction) -> None:
    rng = np.random.default_rng(3)
    w, v, m = rng.standard_normal((3, action.space.size))
    g = action.exp(0.3 * rng.standard_normal(action.dimension)) if action.dimension else action.random(rng)
    jacobian = action.jacobian(g, w)
    inverse = np.linalg.inv(jacobian).T
    size = 1e-12 * (1 + np.abs(inverse).max()) ** 2 * np.linalg.cond(jacobian)
    np.testing.assert_allclose(action.pullback(w, m), action.field(w) @ m, atol=1e-12)
    np.testing.assert_allclose(action.push_vector(g, w, v), jacobian @ v, atol=size)
    np.testing.assert_allclose(action.push_covector(g, w, m), inverse @ m, atol=size)
    np.testing.assert_allclose(action.push_square(g, w, m**2), inverse**2 @ m**2, atol=size)


@pytest.mark.parametrize("action", actions())
def test_pairings_are_kept(action: GroupAction) -> None:
    rng = np.random.default_rng(4)
    w, v, m = rng.standard_normal((3, action.space.size))
    g = action.exp(0.3 * rng.standard_normal(action.dimension)) if action.dimension else action.random(rng)
    pushed = action.push_covector(g, w, m) @ action.push_vector(g, w, v)
    assert pushed == pytest.approx(m @ v, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", ["homogeneous-network", "low-rank", "quadratic"])
def test_gradients_of_what_is_kept_are_pushed(name: str) -> None:
    action = GroupAction.catalogued(name)
    if name == "homogeneous-network":
        from solvers.network import Network

        rng = np.random.default_rng(0)
        objective: Any = Network(
            widths=(3, 4, 2), inputs=rng.standard_normal((3, 7)), targets=rng.integers(0, 2, 7), activation="relu"
        )
    else:
        from solvers.objective import Objective

        rng = np.random.default_rng(1)
        data = {"Y": rng.standard_normal((3, 4))} if name == "low-rank" else None
        objective = Objective.from_loss(action.loss, data)
    w = rng.standard_normal(action.space.size)
    g = action.exp(0.4 * rng.standard_normal(action.dimension))
    there = objective.gradient(np.asarray(action.apply(g, w)))
    np.testing.assert_allclose(action.push_covector(g, w, objective.gradient(w)), there, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("action", actions())
def test_representations_exponentiate_to_the_elements(action: GroupAction) -> None:
    matrices = action.representation()
    if matrices is None:
        assert not action.is_affine
        return
    t = 0.3 * np.random.default_rng(5).standard_normal(action.dimension)
    g = action.exp(t)
    whole = block_diag(*g) if isinstance(g, tuple) else g
    np.testing.assert_allclose(expm(np.tensordot(t, matrices, axes=1)), whole, atol=1e-12)


def test_large_representations_are_not_written_down() -> None:
    assert block_bases([GeneralLinear(50), GeneralLinear(50)]) is None


def test_affine_actions_say_so() -> None:
    assert GroupAction.catalogued("low-rank").is_affine
    assert GroupAction.catalogued("quadratic").is_affine
    assert not GroupAction.catalogued("rosenbrock").is_affine


def test_wrong_covectors_are_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        GroupAction.catalogued("booth").pullback([1.0, 2.0], [1.0])
