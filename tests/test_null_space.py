"""Null-space moves: what the batch does not see, the rank table, held-out drift, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.aims.target_norms import GradientNorm, PreconditionedGradientNorm
from solvers.move import Destination
from solvers.network import Network
from solvers.null_space import NullSpaceMove
from solvers.objective import Objective
from solvers.search.null_space_batch import narrowed
from solvers.search.null_space_layers import Layered, NullSpaces, leading_subspace
from solvers.status import Status
from solvers.target import Target


def network(
    widths: tuple[int, ...] = (20, 16, 12, 4), samples: int = 6, *, seed: int = 0, bias: bool = False, **more: Any
) -> Network:
    rng = np.random.default_rng(seed)
    return Network(
        widths=widths,
        inputs=rng.standard_normal((widths[0], samples)),
        targets=rng.integers(widths[-1], size=samples),
        bias=bias,
        **{"activation": "tanh", **more},
    )


def search(
    objective: Objective, w: np.ndarray, target: Target | None = None, *, maximize: bool = True, **options: Any
) -> tuple[Destination, float]:
    """The destination and the ratio of the targets."""
    target = target or GradientNorm()
    found = NullSpaceMove(**options).search(objective, w, target, maximize=maximize, rng=np.random.default_rng(0))
    return found, target.value(objective, found.point) / target.value(objective, w)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    samples=st.integers(1, 9),
    activation=st.sampled_from(["relu", "leaky_relu", "tanh", "softplus", "sigmoid", "identity"]),
    bias=st.booleans(),
    maximize=st.booleans(),
)
def test_outputs_of_every_layer_are_kept(seed: int, samples: int, activation: str, bias: bool, maximize: bool) -> None:
    """For any activation; the gradient norm is never worse, and the point is another one."""
    objective = network((10, 12, 8, 3), samples, seed=seed, bias=bias, activation=activation)
    w = objective.initial(seed)
    found, gain = search(objective, w, maximize=maximize)
    for before, after in zip(objective.layer_inputs(w), objective.layer_inputs(found.point), strict=True):
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-11 * (1 + np.abs(before).max()))
    assert abs(objective.value(found.point) / objective.value(w) - 1) <= 2e-12
    assert gain >= 1 - 1e-14 if maximize else gain <= 1 + 1e-14
    assert np.linalg.norm(found.point - w) <= np.linalg.norm(w)


def test_gain_rank_table_and_held_out_drift() -> None:
    whole = network(samples=40)
    objective, others = whole.on(np.arange(6)), whole.on(np.arange(6, 40))
    w = whole.initial(1)
    found, gain = search(objective, w, held_out=others)
    assert gain > 10
    assert found.status == Status.TRUST_RADIUS
    ranks = [(line["layer"], line["width"], line["rank"], line["nullity"]) for line in found.evidence["ranks"]]
    assert ranks == [("W1", 20, 6, 14), ("W2", 16, 6, 10), ("W3", 12, 6, 6)]
    assert abs(found.evidence["relative_drift"]) <= 1e-12
    held_out = found.evidence["held_out"]
    assert held_out["loss_before"] == others.value(w)
    assert held_out["loss_after"] == others.value(found.point)
    assert abs(held_out["relative_drift"]) > 1e-3


def test_projection_is_that_of_dense_algebra() -> None:
    objective = network(bias=True)
    w = objective.initial(2)
    spaces, vector = NullSpaces.of(objective, w), np.random.default_rng(3).standard_normal(objective.size)
    part = objective.space.split(spaces.project(vector))
    given = objective.space.split(vector)
    for m, hidden in enumerate(objective.layer_inputs(w), start=1):
        rows = np.vstack([hidden, np.ones(hidden.shape[1])])
        D = np.column_stack([given[f"W{m}"], given[f"b{m}"]])
        expected = D @ (np.eye(len(rows)) - rows @ np.linalg.pinv(rows))
        np.testing.assert_allclose(np.column_stack([part[f"W{m}"], part[f"b{m}"]]), expected, atol=1e-12)
    assert spaces.dimension == sum(line["free_parameters"] for line in spaces.table())


def test_narrow_network_has_the_loss_and_the_gradient_norm() -> None:
    objective = network()
    w = objective.initial(4)
    spaces = NullSpaces.of(objective, w)
    place = narrowed(objective, w, spaces, GradientNorm(), exact=True)
    assert place.objective.size < objective.size
    assert (place.widened(place.start) == w).all()
    moved = place.start + place.spaces.project(np.random.default_rng(5).standard_normal(place.objective.size))
    wide = place.widened(moved)
    assert place.objective.value(moved) == pytest.approx(objective.value(wide), rel=1e-13)
    assert GradientNorm().value(place.objective, moved) == pytest.approx(GradientNorm().value(objective, wide))
    assert objective.value(wide) == pytest.approx(objective.value(w), rel=1e-12)


def test_narrow_and_wide_searches_agree() -> None:
    """A target that is not narrowed but has the same values climbs to the same point."""
    objective = network((20, 9, 8, 3), 5)
    w = objective.initial(0)
    _, narrow = search(objective, w, radius=1.0)
    _, wide = search(objective, w, PreconditionedGradientNorm(np.ones(objective.size)), radius=1.0)
    assert narrow == pytest.approx(wide, rel=0.05)


def test_nothing_is_free_in_a_narrow_network() -> None:
    objective = network((6, 5, 4), samples=30)
    w = objective.initial(0)
    found, gain = search(objective, w)
    assert (found.status, gain, found.steps) == (Status.NO_IMPROVEMENT, 1.0, 0)
    assert (found.point == w).all()
    assert [line["nullity"] for line in found.evidence["ranks"]] == [0, 0]
    assert "fewer samples" in found.evidence["reason"]


def test_less_energy_moves_more_and_drifts_more() -> None:
    """Medians over seeds of one step at a fixed learning rate: drift grows as the share falls, rounding at one."""
    drifts, ranks = [], []
    for seed in range(15):
        objective = network((30, 24, 20, 5), samples=16, activation="softplus", seed=seed)
        w = objective.initial(seed)
        gradient = GradientNorm().value_and_grad(objective, w)[1]
        row, before = [], objective.outputs(w)
        for energy in (1.0, 0.999, 0.99, 0.9, 0.7):
            spaces = NullSpaces.of(objective, w, energy=energy)
            row.append(float(np.abs(objective.outputs(w + 0.1 * spaces.project(gradient)) - before).max()))
            ranks.append([line["rank"] for line in spaces.table()])
        drifts.append(row)
    curve = np.median(drifts, axis=0)
    assert curve[0] <= 1e-13
    assert (np.diff(curve) > 0).all()
    assert (np.diff(np.reshape(ranks, (15, 5, 3)), axis=1) <= 0).all()


def test_what_a_layer_drifts_is_bounded_by_the_next_singular_value() -> None:
    objective = network((30, 24, 5), samples=16)
    w = objective.initial(0)
    hidden = objective.layer_inputs(w)[0]
    values = np.linalg.svd(hidden, compute_uv=False)
    vector = np.random.default_rng(1).standard_normal(objective.size)
    for energy in (0.99, 0.9, 0.5):
        spaces = NullSpaces.of(objective, w, energy=energy)
        change = objective.space.split(spaces.project(vector))["W1"]
        rank = spaces.table()[0]["rank"]
        assert np.linalg.norm(change @ hidden) <= np.linalg.norm(change) * values[rank] * (1 + 1e-12)


def test_drift_of_less_energy_is_within_the_tolerance_and_told() -> None:
    objective = network((30, 24, 20, 5), samples=24, activation="softplus")
    w = objective.initial(0)
    for tolerance in (1e-4, 1e-2):
        found, gain = search(objective, w, energy=0.9, tolerance=tolerance)
        drift = objective.value(found.point) / objective.value(w) - 1
        assert 1e-7 < abs(drift) <= tolerance
        assert found.evidence["relative_drift"] == pytest.approx(drift, rel=1e-2)
        assert gain > 1
    assert NullSpaceMove(energy=0.9).allowed_drift == 1e-2
    assert NullSpaceMove().allowed_drift == 1e-12


def test_leading_subspace_against_the_gram_matrix() -> None:
    rows = np.random.default_rng(0).standard_normal((7, 5)) * [5, 3, 1, 0.1, 0.01]
    values = np.sort(np.linalg.eigvalsh(rows.T @ rows))[::-1]
    shares = np.cumsum(values) / values.sum()
    for energy in (0.5, 0.9, 0.99, 0.9999, 1.0):
        basis, share = leading_subspace(rows, energy=energy)
        rank = 5 if energy == 1 else int(np.argmax(shares >= energy)) + 1
        assert basis.shape == (7, rank)
        assert share == pytest.approx(shares[rank - 1])
    assert leading_subspace(np.zeros((3, 2)), energy=1.0)[0].shape == (3, 0)


def test_other_layered_objectives_join_by_their_layer_inputs() -> None:
    inner = network((9, 7, 3), 3)

    class Weighted(Objective):
        """Three times a network's loss."""

        def layer_inputs(self, w: np.ndarray) -> list[np.ndarray]:
            return inner.layer_inputs(w)

        def _value(self, w: np.ndarray) -> float:
            return 3 * inner.value(w)

        def _value_and_grad(self, w: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = inner.value_and_grad(w)
            return 3 * value, 3 * gradient

        def _hvp(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
            return 3 * inner.hvp(w, v)

    objective = Weighted(inner.space)
    assert isinstance(objective, Layered)
    found, gain = search(objective, inner.initial(0))
    assert gain > 1
    assert abs(found.evidence["relative_drift"]) <= 1e-12


def test_what_has_no_layers_is_refused() -> None:
    plain = Objective.from_functions(lambda w: w @ w, lambda w: 2 * w, size=3)
    with pytest.raises(InputError, match="layers"):
        search(plain, np.ones(3))
    decayed = network(l2=0.1)
    with pytest.raises(InputError, match="decay"):
        search(decayed, decayed.initial(0))
    objective = network()
    with pytest.raises(InputError, match="held_out"):
        search(objective, objective.initial(0), held_out=network((4, 3, 2)))


@pytest.mark.parametrize(
    "options",
    [{"energy": 0.0}, {"energy": 1.5}, {"steps": 0}, {"radius": -1}, {"tolerance": 0}, {"held_out": 3}],
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        NullSpaceMove(**options)
