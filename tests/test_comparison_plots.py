"""Pictures of comparisons: the curves are the histories, with the costs of teleports on the axis."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from manifolds import InputError
from solvers.compare import compare
from solvers.objective import Objective
from solvers.schedules import At
from symmetries import GroupAction, Loss
from symport.comparison_plots import AGAINST, plot_comparison, plot_path


@pytest.fixture(scope="module")
def booth():
    action = GroupAction.catalogued("booth")
    starts = np.array([[5.0, -5.0], [7.5, -4.0]])
    return Objective.from_loss(action.loss), compare(
        action.loss,
        starts,
        teleport=At([4], along=action),
        rules=["gradient-descent", "heavy-ball"],
        learning_rates=0.02,
        steps=8,
        seeds=2,
    )


def test_medians_over_the_seeds_against_steps(booth):
    ax = plot_comparison(booth[1], Figure().subplots())
    assert [line.get_label().split(",")[0] for line in ax.lines] == ["base", "reset-only", "random", "teleport"]
    runs = booth[1].runs_of("gradient-descent", "base")
    expected = np.median([[record.loss for record in run.result.history] for run in runs], axis=0)
    assert ax.lines[0].get_xydata() == pytest.approx(np.array([np.arange(9), expected]).T)
    assert (ax.get_xlabel(), ax.get_yscale()) == ("optimizer steps", "log")
    assert len(ax.collections) == 4


@pytest.mark.parametrize("against", ["gradient-equivalents", "seconds"])
def test_curves_end_at_the_cost_and_the_loss_of_their_runs(booth, against):
    ax = plot_comparison(booth[1], Figure().subplots(), rule="heavy-ball", against=against, arms=("base", "teleport"))
    for line, arm in zip(ax.lines, ("base", "teleport"), strict=True):
        runs = booth[1].runs_of("heavy-ball", arm)
        costs = [getattr(run.result.history[-1], against.replace("-", "_")) for run in runs]
        assert line.get_xydata()[-1] == pytest.approx((max(costs), np.median([run.final_loss for run in runs])))
    assert ax.get_xlabel() == AGAINST[against]


def test_the_cost_of_a_teleport_is_on_the_axis(booth):
    ax = plot_comparison(booth[1], Figure().subplots(), against="gradient-equivalents", arms=("base", "teleport"))
    base, teleport = (line.get_xdata()[-1] for line in ax.lines)
    spent = max(run.result.cost.gradient_equivalents for run in booth[1].runs_of("gradient-descent", "teleport"))
    assert base == 9
    assert teleport == pytest.approx(spent)
    assert teleport > 10 * base


def test_gradient_norm_against_loss(booth):
    ax = plot_comparison(booth[1], Figure().subplots(), against="loss", arms=("base",))
    run = booth[1].runs_of("gradient-descent", "base")[0]
    expected = [[record.loss, record.gradient_norm] for record in run.result.history]
    assert ax.lines[0].get_xydata() == pytest.approx(np.array(expected))
    assert ax.get_ylabel() == "gradient norm"


def test_smoothing_is_a_mean_over_the_last_steps(booth):
    ax = plot_comparison(booth[1], Figure().subplots(), against="loss", arms=("base",), smooth=3)
    losses = [record.loss for record in booth[1].runs_of("gradient-descent", "base")[0].result.history]
    assert ax.lines[0].get_xdata()[[0, 1, 5]] == pytest.approx([losses[0], np.mean(losses[:2]), np.mean(losses[3:6])])


def test_the_path_runs_over_the_level_set_of_its_teleport(booth):
    objective, result = booth
    run = result.runs_of("gradient-descent", "teleport")[0]
    ax = plot_path(objective, run, Figure().subplots())
    level = next(one for one in ax.collections if getattr(one, "levels", np.zeros(0)).size == 1)
    assert level.levels[0] == pytest.approx(run.accepted[0].loss_before)
    curve = np.concatenate([path.vertices for path in level.get_paths()])
    heights = [objective.value(point) for point in curve]
    assert heights == pytest.approx([level.levels[0]] * len(curve), rel=0.02)
    landed = next(line for line in ax.lines if line.get_label() == "teleported to")
    assert landed.get_xydata() == pytest.approx(run.accepted[0].point[None])
    steps = next(line for line in ax.lines if line.get_label() == "steps")
    assert (steps.get_xydata() == run.path).all()


def test_refusals(booth):
    with pytest.raises(InputError, match="no such axis"):
        plot_comparison(booth[1], against="time")
    with pytest.raises(InputError, match="no such row"):
        plot_comparison(booth[1], rule="adam")
    bowl = Objective.from_loss(Loss.parse("x**2 + y**2 + z**2"))
    result = compare(bowl, np.ones(3), teleport=At([1]), arms="base", steps=2, seeds=1)
    with pytest.raises(InputError, match="there are 3 parameters"):
        plot_path(bowl, result.runs[0])
