"""The trajectory test: bad optimizers, changes of regime, orbits, and maps that are wrong."""

import itertools

import numpy as np
import pytest

from manifolds import InputError
from solvers.naturality import linear_maps as linear
from solvers.naturality.morphism import Morphism
from solvers.naturality.problem import Problem
from solvers.naturality.problems import vector_problems
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.spec import OptimizerSpec
from solvers.naturality.trajectory import trajectory

NOISE = itertools.count()


def spec(step, name="mine", rate=0.05, slots=("count",)):
    """An optimizer from its displacement, a function of problem, point, count and rate."""

    def advance(problem, state, speed):
        moved = step(problem, state["point"], state["count"], speed)
        return {"point": state["point"] + moved, "count": state["count"] + 1}

    types = {"point": "point", **dict.fromkeys(slots, "scalar")}
    return OptimizerSpec(name=name, init=lambda p, t: {"point": t, "count": 0}, step=advance, slots=types, rate=rate)


def descent(problem, point, count, rate):
    return -rate * problem.gradient(point)


BAD = {
    "not deterministic": lambda p, x, k, r: -r * p.gradient(x) * (1 + 1e-9 * next(NOISE)),
    "diverges": lambda p, x, k, r: 1e5 * x**3,
    "does not move": lambda p, x, k, r: 0 * x,
    "ignores its gradient": lambda p, x, k, r: -r * x,
    "LinAlgError": lambda p, x, k, r: np.linalg.solve(np.zeros((4, 4)), x),
    "no hidden structure": lambda p, x, k, r: p.structure("a secret", x),
    "converged": lambda p, x, k, r: minimum(p, x) - x,
}


def minimum(problem, x):
    for _ in range(60):
        x = x - np.linalg.solve(problem.gauss_newton(x) + 0.3 * np.eye(4), problem.gradient(x))
    for _ in range(8):
        x = x - np.linalg.solve(problem.hessian(x), problem.gradient(x))
    return x


@pytest.mark.parametrize("reason", BAD)
def test_optimizers_of_which_nothing_can_be_said_are_named(reason):
    found = trajectory(spec(BAD[reason]), ["permutation", "general"])
    assert {one.level for one in found.classes.values()} == {"undecided"}
    assert all(reason in one.reason for one in found.classes.values())
    assert found.certificate.verdict == "undecided"


def test_a_change_of_regime_is_seen_and_dated():
    def switching(problem, point, count, rate):
        gradient = problem.gradient(point)
        return -rate * (gradient if count < 3 else np.sign(gradient))

    early = trajectory(spec(switching), ["orthogonal"], steps=3).classes["orthogonal"]
    late = trajectory(spec(switching), ["orthogonal"], steps=6).classes["orthogonal"]
    assert early.level == "natural"
    assert late.level == "unnatural"
    assert "from step 4 on" in late.reason
    assert max(late.by_step[:3]) < 1e-12


def test_unnaturality_is_refuted_with_its_map():
    found = trajectory(spec(descent, name="descent"), ["scalar", "sign"])
    worst, natural = found.certificate.claims
    assert (worst.verdict, natural.verdict) == ("refuted", "measured")
    example = worst.evidence["counterexample"]
    assert example["map"] == "uniform scaling"
    morphism = Morphism.linear(np.array(example["matrix"]), np.array(example["shift"]))
    problem = next(one for one in vector_problems(4) if one.name == example["problem"])
    start = np.array(example["start"])
    image = morphism.apply(start - 0.05 * problem.gradient(start))
    other = morphism.apply(start) - 0.05 * problem.push(morphism).gradient(morphism.apply(start))
    assert np.linalg.norm(image - other) > 1e-3 * np.linalg.norm(image - morphism.apply(start))


def test_factors_of_the_rate_are_those_of_the_theory():
    maps = {"double": [Morphism.linear(2 * np.eye(4))]}
    cases = {"gradient-descent": 4.0, "normalised-gradient-descent": 2.0, "adam": 2.0, "mirror-entropy": 2.0}
    for name, factor in cases.items():
        found = trajectory(OPTIMIZERS[name], maps, orbital=True).classes["double"]
        assert found.level == "natural"
        assert found.factors == pytest.approx((factor, factor), rel=1e-9)


def test_small_constants_are_seen_as_approximate():
    def nearly(problem, point, count, rate):
        gradient = problem.gradient(point)
        return -rate * gradient / (np.abs(gradient) + 1e-6)

    found = trajectory(spec(nearly), ["scalar"], orbital=True).classes["scalar"]
    assert found.level == "approximate"
    assert 1e-10 < found.defect < 1e-3


def test_single_precision_has_its_own_bound():
    def rounded(problem, state, rate):
        point = state["point"].astype(np.float32)
        return {"point": point - np.float32(rate) * problem.gradient(point).astype(np.float32)}

    single = OptimizerSpec(name="single", init=lambda p, t: {"point": t}, step=rounded, slots={"point": "point"})
    found = trajectory(single, ["orthogonal", "general"]).classes
    assert found["orthogonal"].level == "natural"
    assert found["orthogonal"].defect > 1e-10
    assert found["general"].level == "unnatural"


def test_structure_without_a_lift_is_no_naturality():
    found = trajectory(OPTIMIZERS["adam-declared-rates"], ["diagonal", "orthogonal"]).classes
    assert found["diagonal"].level == "natural"
    assert found["orthogonal"].level == "unnatural"
    assert "no lift" in found["orthogonal"].reason


def test_wrong_maps_are_refused_before_any_verdict():
    wrong = Morphism(lambda x: 2 * x, lambda x: x / 3, name="wrong")
    with pytest.raises(InputError, match="wrong"):
        trajectory(spec(descent), {"mine": [wrong]})
    with pytest.raises(InputError, match="not known"):
        trajectory(spec(descent), ["rotation of the earth"])
    with pytest.raises(InputError, match="steps"):
        trajectory(spec(descent), steps=0)
    with pytest.raises(InputError, match="differ in shape"):
        trajectory(spec(descent), problems=[*vector_problems(3), *vector_problems(4)])


def test_the_same_seed_gives_the_same_numbers():
    one, two = (trajectory(spec(descent), rng=7).classes for _ in range(2))
    assert [found.defect for found in one.values()] == [found.defect for found in two.values()]


def test_a_users_own_problem():
    loss = Problem(lambda x: np.sum(np.cosh(x)) + x[0] * x[1] * x[2], size=3, name="mine")
    found = trajectory(spec(descent), ["orthogonal", "general"], problems=[loss])
    assert found.natural == ("orthogonal",)
    assert np.isfinite(found.classes["general"].defect)
    assert linear.translation(3).affine is not None
