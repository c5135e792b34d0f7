"""Types of slots, inferred from what they hold."""

import numpy as np
import pytest

from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.spec import OptimizerSpec
from solvers.naturality.type_inference import infer_types

EVERY = ("vector", "covector")


@pytest.mark.parametrize(
    ("name", "slot", "by_class"),
    [
        ("heavy-ball", "momentum", {"orthogonal": EVERY, "diagonal": ("covector",), "general": ("covector",)}),
        ("adam", "average", {"orthogonal": EVERY, "general": ("covector",)}),
        ("adam", "square", {"diagonal": ("diag_cov2",), "orthogonal": (), "general": ()}),
        ("adam", "count", {"diagonal": ("scalar",), "general": ("scalar",)}),
        ("full-matrix-adagrad", "moment", {"orthogonal": ("cov2", "con2"), "general": ("cov2",)}),
        ("bfgs-natural", "inverse", {"orthogonal": ("cov2", "con2"), "general": ("con2",)}),
        ("bfgs", "inverse", {"orthogonal": ("cov2", "con2"), "diagonal": (), "general": ()}),
        ("rprop-typed", "squared_lengths", {"diagonal": ("diag_con2",), "general": ()}),
        ("dog", "start", {"general": ("point",)}),
    ],
)
def test_types_are_those_of_the_theory(name, slot, by_class):
    found = infer_types(OPTIMIZERS[name], list(by_class)).types[slot]
    assert found == by_class


def test_matrix_slots_have_sides():
    found = infer_types(OPTIMIZERS["shampoo-half"], ["orthogonal", "two-sided"]).types
    assert found["rows"] == {"orthogonal": ("row_cov2",), "two-sided": ()}
    assert found["columns"] == {"orthogonal": ("col_cov2",), "two-sided": ()}
    soap = infer_types(OPTIMIZERS["soap"], ["orthogonal"]).types
    assert soap["square"]["orthogonal"] == ("frame_scalar",)


def test_the_average_of_natural_gradients_is_a_vector():
    def step(problem, state, rate):
        moved = np.linalg.solve(problem.gauss_newton(state["point"]), problem.gradient(state["point"]))
        average = 0.9 * state["average"] + 0.1 * moved
        return {"point": state["point"] - rate * average, "average": average}

    spec = OptimizerSpec(
        name="averaged",
        init=lambda problem, theta: {"point": theta, "average": np.zeros(len(theta))},
        step=step,
        slots={"point": "point", "average": "opaque"},
    )
    assert infer_types(spec).types["average"]["general"] == ("vector",)


def test_a_moving_point_would_spoil_the_types():
    """With a learning rate that is not zero, Adam's average seems to have no lift."""
    adam = OPTIMIZERS["adam"]
    moving = OptimizerSpec(
        name="moving", init=adam.init, step=lambda p, s, rate: adam.step(p, s, rate + 0.05), slots=adam.slots
    )
    found = infer_types(moving)
    assert "learning rate of zero" in found.reason
    assert found.certificate.verdict == "undecided"


def test_slots_that_stay_zero_and_slots_without_a_lift_are_named():
    found = infer_types(OPTIMIZERS["bfgs"], ["general"])
    assert "stays zero" in found.silent["displacement"]
    verdicts = {claim.statement.split()[2]: claim.verdict for claim in found.claims}
    assert verdicts == {"gradient": "measured", "inverse": "refuted", "count": "measured", "displacement": "undecided"}


@pytest.mark.parametrize("name", ["adam", "heavy-ball", "full-matrix-adagrad", "bfgs-natural", "root-free-adam"])
def test_declared_types_are_among_the_inferred_ones(name):
    spec = OPTIMIZERS[name]
    found = infer_types(spec, ["permutation", "diagonal"])
    assert {*found.types, *found.silent} == set(spec.slots) - {"point"}
    for slot, by_class in found.types.items():
        assert set(by_class) == {"permutation", "diagonal"}
        assert all(spec.slots[slot] in types for types in by_class.values()), slot
