"""Random moves: points of the same loss, at the distance asked for, whatever the target says."""

from __future__ import annotations

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.aims.target_norms import GradientNorm
from solvers.level_set import LevelSetMove
from solvers.objective import Objective
from solvers.orbit import OrbitMove
from solvers.search.random_move import RandomMove
from solvers.teleport import teleport
from symmetries import GroupAction

NETWORK = GroupAction.catalogued("low-rank", rows=3, columns=3, rank=2)


def objective():
    return Objective.from_loss(NETWORK.loss, {"Y": np.eye(3)})


def drawn(move, seed, **options):
    known, w = objective(), np.linspace(-1, 1, 12)
    found = move.search(known, w, GradientNorm(), maximize=True, rng=np.random.default_rng(seed))
    return known, w, found


@pytest.mark.parametrize("move", [OrbitMove(NETWORK), LevelSetMove()], ids=["orbit", "level-set"])
def test_the_loss_is_kept_and_the_gradient_norm_goes_both_ways(move):
    ratios = []
    for seed in range(12):
        known, w, found = drawn(RandomMove(move, 0.3), seed)
        assert known.value(found.point) == pytest.approx(known.value(w), rel=1e-10)
        ratios.append(GradientNorm().value(known, found.point) / GradientNorm().value(known, w))
    assert min(ratios) < 0.97
    assert max(ratios) > 1.03


def test_the_length_of_the_logarithm_is_the_radius_in_the_mean():
    squares = []
    for seed in range(400):
        element = drawn(RandomMove(OrbitMove(NETWORK), 0.05), seed)[2].element
        squares.append(np.sum((np.asarray(element[0]) - np.eye(2)) ** 2))
    assert np.sqrt(np.mean(squares)) == pytest.approx(0.05, rel=0.1)


def test_a_level_set_point_lies_near_the_radius():
    for seed in range(5):
        _, w, found = drawn(RandomMove(LevelSetMove(), 0.1), seed)
        assert 0.09 < np.linalg.norm(found.point - w) < 0.2


def test_the_seed_fixes_the_point():
    one, other = (drawn(RandomMove(OrbitMove(NETWORK), 0.3), 3)[2].point for _ in range(2))
    assert (one == other).all()


def test_teleport_takes_it_where_every_point_is_as_good():
    result = teleport(objective(), np.linspace(-1, 1, 12), along=RandomMove(OrbitMove(NETWORK), 0.3), target=_one)
    assert result.relative_drift < 1e-12
    assert result.gradient_norm_after != result.gradient_norm_before


def _one(known, w):
    return 1.0


def test_other_moves_and_radii_are_refused():
    with pytest.raises(InputError, match="random point by str"):
        RandomMove("level-set")
    with pytest.raises(InputError, match="radius"):
        RandomMove(LevelSetMove(), -1.0)
