"""Groups and points of geomstats go through our actions."""

from __future__ import annotations

import numpy as np
import pytest

from manifolds import from_geomstats, load_geomstats, matrices_from_geomstats
from symmetries import Loss, verify
from symmetries.actions.layer_action import Factor, LayerAction, Sides
from symmetries.compiled import compile_loss


def test_general_linear_on_a_factorisation() -> None:
    group = load_geomstats("geometry.general_linear").GeneralLinear(2)
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 3)}, data={"Y": (3, 3)})
    sides = {"U": Sides(right=Factor("k", "g^-1")), "V": Sides(left=Factor("k"))}
    action = LayerAction(loss, spaces={"k": from_geomstats(group)}, sides=sides)
    point = group.random_point()
    w, data = np.arange(12.0), {"Y": np.eye(3)}
    value = compile_loss(loss).value
    assert value(action.apply(point, w), data) == pytest.approx(value(w, data), rel=1e-10)
    assert verify(loss, action).verdict == "proved"


@pytest.mark.parametrize("point_type", ["matrix", "vector"])
def test_rotations_on_vectors(point_type: str) -> None:
    group = load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(3, point_type=point_type)
    loss = Loss.parse("(sum(x**2) - 1)**2 + sum(x*y)", {"x": (3,), "y": (3,)})
    sides = {"x": Sides(left=Factor("space")), "y": Sides(left=Factor("space"))}
    action = LayerAction(loss, spaces={"space": from_geomstats(group)}, sides=sides)
    rotation = matrices_from_geomstats(group, group.random_uniform())
    w = np.array([1.0, 2.0, 3.0, -1.0, 0.5, 2.0])
    value = compile_loss(loss).value
    assert value(action.apply(rotation, w)) == pytest.approx(value(w), rel=1e-10)
    assert verify(loss, action).verdict == "proved"


def test_rigid_motions_of_points() -> None:
    group = load_geomstats("geometry.special_euclidean").SpecialEuclidean(2)
    loss = Loss.parse("(sum((P[:2, 0] - P[:2, 1])**2) - 2)**2", {"P": (3, 2)})
    action = LayerAction(loss, spaces={"plane": from_geomstats(group)}, sides={"P": Sides(left=Factor("plane"))})
    motion = group.random_point()
    points = np.array([[0.0, 1.0], [2.0, -1.0], [1.0, 1.0]])
    value = compile_loss(loss).value
    moved = action.apply(motion, {"P": points})["P"]
    assert moved[2] == pytest.approx([1.0, 1.0])
    assert value(moved.ravel()) == pytest.approx(value(points.ravel()), rel=1e-10)
