"""Optimizers, problems and maps that mislead: no verdict may be wrong, and what is wrong is named."""

import numpy as np
import pytest

from manifolds import InputError
from solvers.naturality.classify import classify
from solvers.naturality.group_names import name_group
from solvers.naturality.lie_algebra import lie_algebra
from solvers.naturality.morphism import Morphism, check_morphism
from solvers.naturality.optimizers.adaptive import vector_adam
from solvers.naturality.problem import Problem
from solvers.naturality.problems import vector_problems
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.spec import OptimizerSpec
from solvers.naturality.step_order import step_order
from solvers.naturality.trajectory import ClassDefect, trajectory
from solvers.naturality.type_inference import infer_types
from solvers.rules import Adam


def spec(step, name="mine", **more):
    """An optimizer from a function of problem, point, count and rate that returns the next point."""

    def advance(problem, state, rate):
        return {"point": step(problem, state["point"], state["count"], rate), "count": state["count"] + 1}

    types = {"point": "point", "count": "scalar"}
    return OptimizerSpec(name=name, init=lambda p, t: {"point": t, "count": 0}, step=advance, slots=types, **more)


def mixed(size):
    """A loss without symmetry."""
    A = np.random.default_rng(size).standard_normal((2 * size + 1, size))
    return Problem(lambda x: (np.tanh(A @ x) ** 2).sum() + 0.1 * (x**4).sum() + np.sin(x).sum(), size=size)


def followed(*names):
    """Outcomes of which some classes are natural."""
    return {name: ClassDefect(name=name, level="natural", defect=0.0) for name in names}


ERRORS = {
    "AttributeError": lambda p, x, k, r: x.foo,
    "RuntimeError": lambda p, x, k, r: (_ for _ in ()).throw(RuntimeError("boom")),
    "5 numbers": lambda p, x, k, r: np.append(x, 0.0),
    "3 numbers": lambda p, x, k, r: (x - r * p.gradient(x))[: 3 if k == 3 else 4],
    "complex": lambda p, x, k, r: x - r * p.gradient(x) + 0j,
}


@pytest.mark.parametrize("reason", ERRORS)
def test_whatever_a_step_raises_or_returns_becomes_a_reason(reason):
    verdict = classify(spec(ERRORS[reason]), gauge=False)
    assert verdict.verdict == "undecided"
    assert verdict.strict is None
    assert reason in verdict.sentence


def test_a_step_that_changes_its_state_is_named():
    def step(problem, state, rate):
        state["point"] -= rate * problem.gradient(state["point"])
        return state

    mine = OptimizerSpec(name="mine", init=lambda p, t: {"point": t}, step=step, slots={"point": "point"})
    verdict = classify(mine, gauge=False)
    assert verdict.verdict == "undecided"
    assert "changes the state that it is given" in verdict.sentence


def test_what_a_problem_hands_out_belongs_to_the_caller():
    problem, theta = vector_problems(3)[0], np.array([0.4, -0.7, 1.0])
    for ask in (problem.gradient, problem.hessian, lambda x: problem.structure("squared rates", x)):
        first = ask(theta)
        kept = first.copy()
        first *= 2
        assert np.array_equal(ask(theta), kept)


def test_maps_in_place_leave_the_callers_point():
    def double(x):
        x *= 2
        return x

    morphism, theta = Morphism(double, lambda y: y / 2), np.ones(2)
    assert morphism.apply(theta).tolist() == [2.0, 2.0]
    assert theta.tolist() == [1.0, 1.0]
    halved = Morphism(lambda x: 2 * x, lambda y: np.divide(y, 2, out=y) if isinstance(y, np.ndarray) else y / 2)
    assert halved.pull(theta).tolist() == [0.5, 0.5]
    assert theta.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("after", [5, 9])
def test_a_switch_after_the_first_steps_is_seen(after):
    def step(problem, x, count, rate):
        gradient = problem.gradient(x)
        return x - rate * (gradient if count < after else np.sign(gradient))

    verdict = classify(spec(step), gauge=False)
    assert verdict.strict is None
    assert verdict.verdict == "undecided"
    assert f"from step {after + 1} on" in verdict.sentence


def test_an_inverse_that_is_wrong_elsewhere_is_found():
    def inverse(y):
        return np.arcsinh(y) if np.asarray(getattr(y, "value", y))[0] > 0 else 1.1 * np.arcsinh(y)

    partly = Morphism(np.sinh, inverse, name="partly wrong")
    with pytest.raises(InputError, match="the inverse of 'partly wrong'"):
        trajectory(OPTIMIZERS["gradient-descent"], {"mine": [partly]})


def test_wrong_maps_are_refused_of_optimizers_that_say_nothing_too():
    with pytest.raises(InputError, match="the inverse of 'wrong'"):
        trajectory(spec(lambda p, x, k, r: x), {"mine": [Morphism(lambda x: 2 * x, lambda y: y, name="wrong")]})


def test_factors_that_are_not_those_of_the_map_are_refused():
    A = np.kron(np.diag([2.0, 1.0]), np.eye(3))
    good = Morphism.linear(A, name="rows", factors=(np.diag([2.0, 1.0]), np.eye(3)))
    check_morphism(good, np.ones(6))
    with pytest.raises(InputError, match="the factors of 'rows'"):
        check_morphism(Morphism.linear(A, name="rows", factors=(np.eye(2), np.eye(3))), np.ones(6))


def test_a_map_that_ends_on_the_way_says_nothing_of_the_optimizer():
    def step(problem, x, count, rate):
        return x - rate * problem.gradient(x) - (5.0 if count == 3 else 0.0)

    shifted = Morphism(lambda x: np.log(x + 4.0), lambda y: np.exp(y) - 4.0, name="logarithm")
    found = trajectory(spec(step), {"mine": [shifted]}).classes["mine"]
    assert found.level == "undecided"
    assert "domain" in found.reason


def test_one_problem_is_enough_to_see_that_the_gradient_is_ignored():
    verdict = classify(spec(lambda p, x, k, r: (1 - r) * x), problems=[mixed(4)], gauge=False)
    assert "ignores its gradient" in verdict.sentence
    assert classify("gradient-descent", problems=[mixed(4), mixed(4)], gauge=False).strict.name == "O(4)"


def test_scalings_of_coordinates_are_named_with_what_was_seen():
    def lopsided(problem, x, count, rate):
        gradient = problem.gradient(x)
        return x - 0.02 * rate / gradient * (1 + 0.5 * (gradient > 0))

    verdict = classify(spec(lopsided), gauge=False)
    assert verdict.strict.name == "R₊^4 ⋊ S(4)"
    assert verdict.strict.sentence == "permutations, scalings of the coordinates and translations"
    signs = name_group("diag(4)", (4,), followed("diagonal", "sign"))
    assert (signs.name, signs.words) == ("R₊^4 ⋊ {±1}^4", "sign changes, scalings of the coordinates")
    entries = name_group("diag(6)", (2, 3), followed("diagonal", "entry-permutation"))
    assert entries.name == "R₊^6 ⋊ S(6)"
    assert "sign" not in entries.words


def test_blocks_are_named_without_what_was_not_tried():
    found = name_group("so(3)^2", (6,), followed("block-rotation"))
    assert found.name == "SO(3)^2"
    assert found.sentence == "rotations of blocks of 3 coordinates"
    assert classify(vector_adam(block=3), problems=[mixed(6)], gauge=False).strict.name == "SO(3)^2"


def test_minus_the_identity_is_part_of_the_name():
    assert name_group("0", (4,), followed("permutation", "minus")).name == "S(4) × {±1}"
    assert name_group("0", (4,), followed("minus")).sentence == "minus the identity"


@pytest.mark.parametrize(("size", "group"), [(1, "O(1)"), (2, "O(2)"), (3, "O(3)")])
def test_few_parameters_are_enough(size, group):
    verdict = classify("gradient-descent", problems=[mixed(size)], gauge=False)
    assert verdict.strict.name == group


def test_nearly_natural_optimizers_are_called_so():
    def step(problem, x, count, rate):
        gradient = problem.gradient(x)
        return x - rate * (gradient + 1e-9 * np.sign(gradient))

    verdict = classify(spec(step), gauge=False)
    assert verdict.strict is None
    assert "only nearly (orthogonal to " in verdict.sentence


@pytest.mark.parametrize(
    "make",
    [
        lambda: Problem(lambda x: x.sum(), size=0),
        lambda: Problem(lambda x: x.sum(), size=-1),
        lambda: Problem(lambda x: x.sum(), size=2.5),
        lambda: Problem(lambda x: x.sum(), shape=(2, 0)),
        lambda: Problem(3.0, size=2),
        lambda: Problem(lambda x: x.sum(), size=2, hidden={"a": ("nonsense", 1.0)}),
        lambda: Problem(lambda x: x.sum(), size=2, hidden={"a": 1.0}),
        lambda: Problem(lambda x: x, size=2).value([1.0, 2.0]),
        lambda: Problem(lambda x: np.where(x > 0, x, 0).sum(), size=2).gradient([1.0, 2.0]),
        lambda: Problem(lambda x: x.std(), size=2).gradient([1.0, 2.0]),
        lambda: OptimizerSpec(name="a", init=dict, step=dict, slots={}, scaling="other"),
        lambda: OptimizerSpec(name="a", init=dict, step=dict, slots={}, rate=-1.0),
        lambda: OptimizerSpec(name="a", init=None, step=dict, slots={}),
        lambda: classify("adam", problems=mixed(4)),
        lambda: classify("adam", problems=[]),
        lambda: classify("adam", problems=[1]),
        lambda: classify("adam", problems=[Problem(lambda x: (x**2).sum(), shape=(2, 2, 2))]),
        lambda: trajectory(OPTIMIZERS["adam"], ["sign"], tolerance=-1.0),
        lambda: trajectory(OPTIMIZERS["adam"], ["sign"], rate=float("nan")),
        lambda: trajectory(OPTIMIZERS["adam"], "sign"),
        lambda: trajectory(OPTIMIZERS["adam"], ["sing"]),
        lambda: infer_types("adam", "sign"),
        lambda: infer_types("adam", ["sing"]),
        lambda: infer_types("adam", maps=0),
        lambda: lie_algebra("adam", rate=-1.0),
        lambda: lie_algebra("adam", step_size=0.0),
        lambda: lie_algebra("adam", steps=0),
    ],
)
def test_bad_input_is_named_with_its_cure(make):
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.why
    assert caught.value.cure


def heavy_ball(kind):
    """Gradient descent with momentum that moves by the momentum before it is renewed, of a declared type."""

    def step(problem, state, rate):
        return {
            "point": state["point"] - rate * state["m"],
            "m": 0.9 * state["m"] + problem.gradient(state["point"]),
        }

    types = {"point": "point", "m": kind}
    return OptimizerSpec(name="mine", init=lambda p, t: {"point": t, "m": 0 * t}, step=step, slots=types)


def test_a_slot_of_the_wrong_type_is_no_proof_that_steps_follow():
    assert step_order(heavy_ball("covector"), "orthogonal", warm=2).flow == "exact"
    found = step_order(heavy_ball("vector"), "general", warm=2)
    assert found.flow == "undecided"
    assert "m of type vector" in found.reason
    assert step_order(heavy_ball("covector"), "general", warm=2).flow != "exact"


def test_every_test_takes_what_classify_takes():
    assert trajectory("adam", ["sign"]).natural == ("sign",)
    assert lie_algebra("gradient-descent").name == "so(4)"
    assert step_order("adam", "sign").flow == "exact"
    assert infer_types("adam", ["sign"]).types["average"]["sign"] == ("vector", "covector")
    assert classify(Adam, gauge=False).optimizer == "adam"


def test_rates_seeds_and_steps_of_differences_change_no_algebra():
    for options in ({"rate": 0.2}, {"step_size": 3e-5}, {"steps": 5}, {"rng": 7}, {"problems": [mixed(4)]}):
        assert lie_algebra("gradient-descent", **options).name == "so(4)"
        assert lie_algebra("adam", **options).name == "0"


def test_problems_seeds_and_numbers_of_maps_change_no_types():
    for options in ({"steps": 5}, {"maps": 1}, {"rng": 7}, {"problems": [mixed(4)]}):
        assert infer_types("adam", ["diagonal"], **options).types["square"]["diagonal"] == ("diag_cov2",)


def test_maps_are_checked_of_optimizers_that_stop():
    wrong = Morphism(lambda x: 2 * x, lambda y: y, name="wrong")
    with pytest.raises(InputError, match="the inverse of 'wrong'"):
        step_order(spec(ERRORS["AttributeError"]), wrong)


def test_slots_without_numbers_or_that_come_later_have_no_type():
    def step(problem, state, rate):
        gradient = problem.gradient(state["point"])
        return {"point": state["point"] - rate * gradient, "last": gradient, "note": "text"}

    late = OptimizerSpec(name="mine", init=lambda p, t: {"point": t, "note": "text"}, step=step, slots={})
    found = infer_types(late, ["diagonal"])
    assert found.types["last"]["diagonal"] == ("covector",)
    assert found.silent["note"] == "it holds no numbers"
