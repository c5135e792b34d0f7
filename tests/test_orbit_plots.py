"""Pictures of orbits: what is drawn lies on the level set of the point."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from manifolds import InputError
from symmetries import GroupAction, Loss, derive
from symmetries.compiled import compile_loss
from symport.orbit_plots import plot_orbit


def test_curves_in_the_plane_lie_on_the_level_set() -> None:
    action = GroupAction.catalogued("rosenbrock")
    ax = plot_orbit(action, [0.5, 0.5], Figure().subplots(), ts=np.linspace(0, 2 * np.pi, 100))
    curve, start = ax.lines
    values = compile_loss(action.loss).values(curve.get_xydata())
    assert values == pytest.approx(values[0], rel=1e-10)
    assert np.ravel(start.get_xydata()).tolist() == [0.5, 0.5]
    assert ax.collections
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")


def test_a_surface_in_space() -> None:
    action = GroupAction.from_algebra(derive(Loss.parse("x**2 + y**2 + z**2")))
    ax = plot_orbit(action, [1.0, 2.0, 2.0], Figure().add_subplot(projection="3d"))
    assert len(ax.lines) == 4
    cloud = np.array(ax.collections[0]._offsets3d).T
    assert (cloud**2).sum(axis=1) == pytest.approx(9.0)
    other = plot_orbit(action, [1.0, 2.0, 2.0], Figure().add_subplot(projection="3d"), rng=1)
    assert not np.array_equal(np.array(other.collections[0]._offsets3d).T, cloud)


def test_refusals() -> None:
    with pytest.raises(InputError, match="there are 14 parameters"):
        plot_orbit(GroupAction.catalogued("low-rank"), np.ones(14))
    with pytest.raises(InputError, match="projection"):
        plot_orbit(GroupAction.catalogued("booth"), [1.0, 1.0], Figure().add_subplot(projection="3d"))
