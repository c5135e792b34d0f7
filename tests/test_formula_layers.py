"""Null-space moves of losses that are formulas."""

import numpy as np
import pytest
from command import in_process

from manifolds.errors import InputError
from solvers.network import Network
from solvers.objective import Objective
from solvers.search.formula_layers import layer_products
from solvers.search.null_space_layers import NullSpaces
from solvers.teleport import teleport
from symmetries import Loss

SHAPES = {"W1": (6, 8), "W2": (5, 6), "W3": (2, 5)}
TEXT = "sum((Y - W3@tanh(W2@tanh(W1@X)))**2)"


def problem(text=TEXT, shapes=SHAPES, samples=3, seed=0):
    rng = np.random.default_rng(seed)
    data = {"X": rng.standard_normal((8, samples)), "Y": rng.standard_normal((2, samples))}
    loss = Loss.parse(text, shapes, data={name: value.shape for name, value in data.items()})
    objective = Objective.from_loss(loss, data)
    return objective, rng.standard_normal(objective.size) / 2, data


def test_a_formula_moves_as_the_network_that_it_describes():
    objective, w, data = problem()
    network = Network(widths=(8, 6, 5, 2), inputs=data["X"], targets=data["Y"], activation="tanh", loss="squared")
    one = teleport(objective, w, along="null-space", steps=3)
    ranks = [(line["layer"], line["rank"], line["nullity"]) for line in one.evidence["ranks"]]
    assert ranks == [("W1", 3, 5), ("W2", 3, 3), ("W3", 3, 2)]
    assert one.gain > 1.1
    assert one.relative_drift <= 1e-12
    np.testing.assert_allclose(network.outputs(one.point), network.outputs(w), atol=1e-12)


@pytest.mark.parametrize(
    ("text", "shapes", "layers"),
    [
        (TEXT, SHAPES, {"W1", "W2", "W3"}),
        (TEXT + " + sum(W1**2)", SHAPES, {"W2", "W3"}),
        ("sum((Y - W3@W2@W1@X)**2)", SHAPES, {"W1", "W3"}),
        ("sum((Y - W3@(W2@(W1@X)))**2)", SHAPES, {"W1", "W2", "W3"}),
        ("sum((Y.T - tanh(X.T@A)@B)**2)", {"A": (8, 5), "B": (5, 2)}, {"A", "B"}),
        ("sum((Y - A@tanh(B@X) - A@B@X)**2)", {"A": (2, 4), "B": (4, 8)}, {"A"}),
        ("sum((Y - A@(A.T@(B@X)))**2)", {"A": (2, 4), "B": (2, 8)}, {"B"}),
    ],
)
def test_which_parameters_are_layers(text, shapes, layers):
    objective, w, _ = problem(text, shapes)
    found = set(layer_products(objective.loss))
    assert found == layers
    rng = np.random.default_rng(1)
    spaces = NullSpaces.of(objective, w)
    moved = w + 10 * spaces.project(rng.standard_normal(w.size))
    assert spaces.dimension == 0 or not np.array_equal(moved, w)
    assert objective.value(moved) == pytest.approx(objective.value(w), rel=1e-11)


def test_two_uses_of_one_matrix_are_seen_together():
    objective, w, _ = problem("sum((Y - A@tanh(B@X) - A@(C@X))**2)", {"A": (2, 9), "B": (9, 8), "C": (9, 8)})
    result = teleport(objective, w, along="null-space")
    assert {line["layer"]: line["rank"] for line in result.evidence["ranks"]} == {"A": 6, "B": 3, "C": 3}
    assert result.relative_drift <= 1e-12


def test_a_loss_without_layers_is_refused():
    with pytest.raises(InputError, match="products W @ h"):
        teleport(Loss.parse("x**2 + y**2"), [1.0, 2.0], along="null-space")


def test_the_command_moves_through_null_spaces(capsys):
    words = ("teleport", "sum((Y - W2@tanh(W1@X))**2)", "--parameters", "W1:5x4 W2:1x5", "--data", "X:4x2 Y:1x2")
    start = "W1=[[1,2,3,4],[0,1,0,1],[1,0,1,0],[2,1,0,1],[1,1,1,2]]; W2=[[1,1,0,1,2]]"
    point = f"{start}; X=[[1,0],[0,1],[1,1],[0,2]]; Y=[[1,2]]"
    done = in_process(capsys, *words, "--at", point, "--along", "null-space", "--json")
    assert done.code == 0
    assert done.object["relative_drift"] <= 1e-12
    assert [line["nullity"] for line in done.object["evidence"]["ranks"]] == [2, 3]
