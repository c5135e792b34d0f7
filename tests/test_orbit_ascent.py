"""Local ascents on orbits: borders, guards, frames, and groups where the action is not defined everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from solvers.network import Network
from solvers.objective import Objective
from solvers.search.orbit_ascent import Ascent, Region
from solvers.search.orbit_guards import natural_frame
from solvers.search.orbit_target import OrbitTarget
from solvers.status import Status
from solvers.targets import GradientNorm
from symmetries import GroupAction


def everything(g: Any) -> bool:
    del g
    return True


def on_scalings() -> OrbitTarget:
    rng, widths = np.random.default_rng(0), (6, 5, 4, 3)
    network = Network(widths=widths, inputs=rng.standard_normal((6, 20)), targets=rng.integers(0, 3, 20))
    w = network.initial(rng)
    action = GroupAction.catalogued("homogeneous-network", widths=widths, activation="leaky_relu")
    return OrbitTarget(action, network, w, GradientNorm(), gradient=network.gradient(w), maximize=True)


def climb(f: OrbitTarget, region: Region, steps: int = 100, **options: Any) -> Ascent:
    start = np.zeros(f.action.dimension)
    return Ascent(f=f, region=region, element=f.action.identity, coordinates=start, **options).run(steps)


def test_on_a_ball_the_slope_is_normal_at_the_end() -> None:
    f = on_scalings()
    ascent = climb(f, Region(radius=0.8, abelian=True, admits=everything), 300)
    assert ascent.status is Status.TRUST_RADIUS
    assert np.linalg.norm(ascent.coordinates) == pytest.approx(0.8, rel=1e-9)
    value, rates = f.value_and_slope(ascent.element)
    slope = f.merit_slope(value, rates)
    assert slope / np.linalg.norm(slope) == pytest.approx(ascent.coordinates / 0.8, abs=1e-5)


def test_in_a_box_every_scale_runs_to_a_face() -> None:
    f = on_scalings()
    ascent = climb(f, Region(radius=np.inf, abelian=True, admits=everything, box=0.3), 300)
    assert ascent.status is Status.TRUST_RADIUS
    assert np.abs(ascent.coordinates) == pytest.approx(0.3)  # the logarithm of the norm is convex


def test_coordinates_are_those_of_the_element() -> None:
    f = on_scalings()
    ascent = climb(f, Region(radius=0.8, abelian=True, admits=everything), 7)
    for one, other in zip(ascent.element, f.action.exp(ascent.coordinates), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_without_a_common_frame_the_path_is_measured() -> None:
    f = on_scalings()
    ascent = climb(f, Region(radius=0.8, abelian=False, admits=everything))
    assert ascent.travelled == pytest.approx(0.8)
    assert ascent.status is Status.TRUST_RADIUS


def test_a_guard_that_refuses_everything_keeps_the_start() -> None:
    f = on_scalings()
    ascent = climb(f, Region(radius=0.8, abelian=True, admits=lambda g: False))
    assert ascent.steps == 0
    assert ascent.value == f.start_value
    assert ascent.status is Status.TRUST_RADIUS


def test_slopes_are_derivatives_along_the_generators() -> None:
    f, h = on_scalings(), 1e-6
    g = f.action.exp(np.linspace(-0.3, 0.3, f.action.dimension))
    _, rates = f.value_and_slope(g)
    for k, direction in enumerate(np.eye(f.action.dimension)):
        ahead, behind = (f.value(f.action.compose(f.action.exp(s * h * direction), g)) for s in (1, -1))
        assert rates[k] == pytest.approx((ahead - behind) / (2 * h), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", ["linear-network", "low-rank", "attention", "mlp-data", "rosenbrock"])
def test_slopes_of_other_groups_are_derivatives_too(name: str) -> None:
    rng, h = np.random.default_rng(2), 1e-6
    action = GroupAction.catalogued(name, **({"variables": 4} if name == "rosenbrock" else {}))
    free = {key: item.shape for key, item in action.loss.data.items() if item.values is None}
    objective = Objective.from_loss(action.loss, {key: rng.standard_normal(shape) for key, shape in free.items()})
    w = rng.standard_normal(objective.size)
    f = OrbitTarget(action, objective, w, GradientNorm(), gradient=objective.gradient(w), maximize=True)
    g = action.exp(0.05 * rng.standard_normal(action.dimension))
    _, rates = f.value_and_slope(g)
    t = rng.standard_normal(action.dimension)
    ahead, behind = (f.value(action.compose(action.exp(s * h * t), g)) for s in (1, -1))
    assert rates @ t == pytest.approx((ahead - behind) / (2 * h), rel=1e-5)


def test_the_frame_of_a_compact_group_is_orthonormal_for_the_trace_form() -> None:
    action = GroupAction.catalogued("quadratic", matrix=[[2, 1, 0], [1, 3, 1], [0, 1, 4]])
    frame, matrices = natural_frame(action), action.representation()
    assert frame is not None
    assert matrices is not None
    columns = np.tensordot(frame.T, matrices, axes=1)
    np.testing.assert_allclose(-np.einsum("aij,bji->ab", columns, columns), np.eye(3), atol=1e-12)
    assert natural_frame(GroupAction.catalogued("low-rank")) is None


def test_carried_and_evaluated_targets_agree_on_the_orbit() -> None:
    carried = on_scalings()
    evaluated = OrbitTarget(
        carried.action,
        carried.objective,
        carried.start,
        GradientNorm(),
        gradient=carried.objective.gradient(carried.start),
        maximize=True,
        transport=False,
    )
    assert carried.is_transported
    assert not evaluated.is_transported
    g = carried.action.exp(np.linspace(-1, 1, carried.action.dimension))
    for one, other in zip(carried.value_and_slope(g), evaluated.value_and_slope(g), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)
