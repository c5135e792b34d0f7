"""Towers of projections and networks of growing width."""

from itertools import pairwise

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.naturality.growing_widths import halving, network_problem, width_limit
from solvers.naturality.optimizers.natural_gradient import natural_gradient_pseudo_inverse
from solvers.naturality.problem import Problem
from solvers.naturality.problems import vector_problems
from solvers.naturality.projection import Projection
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.spec import OptimizerSpec
from solvers.naturality.towers import Tower

SIZES = (8, 5, 3, 2)


def plain(update, name):
    def step(problem, state, rate):
        m = 0.8 * state["m"] + problem.gradient(state["point"])
        return {"point": state["point"] - rate * update(m), "m": m}

    return OptimizerSpec(
        name=name,
        init=lambda p, theta: {"point": theta, "m": 0 * theta},
        step=step,
        slots={"point": "point", "m": "covector"},
        rate=0.05,
    )


HEAVY_BALL, SIGN = plain(lambda m: m, "heavy ball"), plain(np.sign, "sign")
ADAM = OPTIMIZERS["adam"]
NATURAL = natural_gradient_pseudo_inverse()


def linear_tower(kind):
    rng = np.random.default_rng(0)
    projections = []
    for source, target in pairwise(SIZES):
        matrix = {
            "coordinate": np.eye(source)[rng.permutation(source)[:target]],
            "co-isometric": np.linalg.qr(rng.standard_normal((source, target)))[0].T,
        }[kind]
        projections.append(Projection.linear(matrix))
    return Tower(vector_problems(SIZES[-1])[0], projections)


START = np.random.default_rng(1).standard_normal(SIZES[0])


@pytest.mark.parametrize(
    ("spec", "kind", "natural"),
    [
        (HEAVY_BALL, "co-isometric", True),
        (HEAVY_BALL, "coordinate", True),
        (SIGN, "coordinate", True),
        (SIGN, "co-isometric", False),
        (ADAM, "coordinate", True),
        (ADAM, "co-isometric", False),
        (NATURAL, "co-isometric", None),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_the_table_of_towers(spec, kind, natural):
    paths = linear_tower(kind).paths(spec, START)
    if natural is None:  # down to the bottom on every floor
        assert max(paths.bottom) <= 1e-10
    elif natural:
        assert max(*paths.legs, *paths.bottom) <= 1e-12
    else:
        assert max(paths.legs) >= 1e-2


def bent_tower():
    rng, projections = np.random.default_rng(2), []
    for source, target in pairwise(SIZES):
        A, B = rng.standard_normal((target, source)), 0.4 * rng.standard_normal((target, source))
        projections.append(
            Projection(lambda x, A=A, B=B: A @ x + 0.5 * (B @ x) ** 2, source=source, target=target, name="bent")
        )
    return Tower(vector_problems(SIZES[-1])[0], projections)


def field_on(tower, k, theta):
    from solvers.naturality.submersion import velocity

    return velocity(NATURAL, tower.floors[k], theta)


def test_a_degenerate_target_breaks_the_middle_legs_and_not_the_bottom():
    """Where a floor has more parameters than the bottom tells apart, its metric is degenerate: the pseudo-inverse is
    natural onto the bottom alone."""
    tower, points = bent_tower(), bent_tower().points(START)
    legs, velocities = [], [field_on(tower, k, point) for k, point in enumerate(points)]
    to_bottom = []
    for k, projection in enumerate(tower.projections):
        below = velocities[k + 1]
        legs.append(np.linalg.norm(projection.jacobian(points[k]) @ velocities[k] - below) / np.linalg.norm(below))
        carried = velocities[k]
        for lower, place in zip(tower.projections[k:], points[k:], strict=False):
            carried = lower.jacobian(place) @ carried
        to_bottom.append(np.linalg.norm(carried - velocities[-1]) / np.linalg.norm(velocities[-1]))
    assert min(legs[:-1]) >= 0.1
    assert legs[-1] <= 1e-10
    assert max(to_bottom) <= 1e-10


def test_copies_need_a_rate_that_grows_with_them():
    """Means of pairs halve the co-metric: gradient descent is consistent at twice the rate on each floor up."""
    inputs, targets = np.random.default_rng(3).standard_normal((6, 2)), np.linspace(-1, 1, 6)
    tower = Tower(network_problem(2, inputs, targets), [halving(8, 3), halving(4, 3)])
    assert tower.sizes == (24, 12, 6)
    start = np.random.default_rng(4).standard_normal(24)
    scaled = tower.paths(HEAVY_BALL, start, rates=[0.2, 0.1, 0.05])
    assert max(scaled.bottom) <= 1e-12
    assert max(tower.paths(HEAVY_BALL, start, rate=0.05).bottom) > 0.1
    assert max(tower.paths(SIGN, start, rate=0.05).bottom) <= 1e-12  # the mean of equal signs is the sign


def descent(name="gradient descent"):
    return plain(lambda m: m, name)


def test_the_limit_of_growing_widths():
    mean_field = width_limit(descent(), (8, 16, 32, 64, 128), rate=0.02)
    assert mean_field.order > 0.7
    assert mean_field.differences[-1] < 0.05
    sizes = np.linalg.norm(mean_field.outputs, axis=1)
    assert sizes[-1] > 0.5 * sizes[0]


def test_at_a_constant_rate_wide_networks_are_not_trained():
    """The outputs fall with the width: the limit is the function at the start."""
    sizes = np.linalg.norm(width_limit(descent(), (16, 32, 64, 128), rate=0.02, scaling="constant").outputs, axis=1)
    np.testing.assert_allclose(sizes[1:] / sizes[:-1], 0.5, atol=0.1)


def test_the_natural_gradient_needs_no_scaling_with_the_width():
    """In function space its flow is the same at all widths, so paths differ in proportion to the rate."""
    coarse = width_limit(NATURAL, (8, 12, 16), rate=0.05, steps=8, scaling="constant")
    fine = width_limit(NATURAL, (8, 12, 16), rate=0.0125, steps=32, scaling="constant")
    assert max(coarse.differences) < 0.2
    assert max(fine.differences) < 0.4 * max(coarse.differences)


def test_bad_input():
    square = Problem(lambda x: (x**2).sum(), size=2)
    with pytest.raises(InputError, match="tower"):
        Tower(square, [])
    with pytest.raises(InputError, match="problem"):
        Tower(square, [Projection.linear(np.eye(3, 4))])
    with pytest.raises(InputError, match="learning rates"):
        Tower(square, [Projection.linear(np.eye(2, 3))]).paths(SIGN, np.ones(3), rates=[0.1])
    with pytest.raises(InputError, match="widths"):
        width_limit(SIGN, (8, 4, 16), rate=0.1)
    with pytest.raises(InputError, match="widths"):
        width_limit(SIGN, (3, 5, 7), rate=0.1)
    with pytest.raises(InputError, match="scaling='mean_field'"):
        width_limit(SIGN, (4, 6, 8), rate=0.1, scaling="mean_field")
    with pytest.raises(InputError, match="rate"):
        width_limit(SIGN, (4, 6, 8), rate=-0.1)
    with pytest.raises(InputError, match="halved"):
        halving(3, 2)
