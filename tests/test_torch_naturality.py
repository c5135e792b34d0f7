"""Optimizers of PyTorch: the adapter takes their steps, and what the findings of record about them are."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from manifolds.errors import InputError  # noqa: E402
from solvers.naturality.adapters import from_rule  # noqa: E402
from solvers.naturality.optimizers.adafactor import adafactor  # noqa: E402
from solvers.naturality.optimizers.sign_based import rprop  # noqa: E402
from solvers.naturality.problem import Problem  # noqa: E402
from solvers.naturality.problems import matrix_problems, start_point, vector_problems  # noqa: E402
from solvers.naturality.registry import read_optimizer  # noqa: E402
from solvers.naturality.spec import run  # noqa: E402
from solvers.naturality.trajectory import NATURAL, UNNATURAL, trajectory  # noqa: E402
from solvers.pytorch.naturality import OPTIMIZERS, TorchAdapter  # noqa: E402
from solvers.rules import make_rule  # noqa: E402

PROBLEM, LAYER = vector_problems(4)[0], matrix_problems((2, 3))[0]
POINT, WEIGHT = start_point(4, np.random.default_rng(3)), start_point(6, np.random.default_rng(4))
TORCH = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
of_record = pytest.mark.skipif(TORCH != (2, 13), reason="the findings of record are those of PyTorch 2.13")
SIGNED = {"permutation", "sign"}


@pytest.mark.parametrize(
    ("kind", "rule"),
    [("SGD", "gradient-descent"), ("Adam", "adam"), ("AdamW", "adamw"), ("NAdam", "nadam"), ("Adagrad", "adagrad")],
)
def test_the_adapter_takes_the_steps_of_our_rules(kind, rule):
    theirs = run(TorchAdapter(kind), PROBLEM, POINT, rate=0.03, steps=4)["point"]
    ours = run(from_rule(make_rule(rule)), PROBLEM, POINT, rate=0.03, steps=4)["point"]
    np.testing.assert_allclose(theirs, ours, rtol=1e-7)  # NAdam of PyTorch keeps a product in single precision


def test_adafactor_and_rprop_of_the_registry_take_the_steps_of_pytorch():
    theirs = run(TorchAdapter("Adafactor", weight_decay=0.0), LAYER, WEIGHT, rate=0.05, steps=4)["point"]
    np.testing.assert_allclose(theirs, run(adafactor(relative=True), LAYER, WEIGHT, rate=0.05, steps=4)["point"])
    theirs = run(TorchAdapter("Rprop"), PROBLEM, POINT, rate=0.05, steps=8)["point"]
    np.testing.assert_allclose(theirs, run(rprop(initial=0.05), PROBLEM, POINT, rate=1.0, steps=8)["point"])


def test_a_class_an_instance_and_a_name_are_read():
    weight = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    given = torch.optim.SGD([weight], lr=0.01, momentum=0.5)
    for optimizer, kind in ((torch.optim.Adam, "Adam"), ("torch:adam", "Adam"), (given, "SGD")):
        assert read_optimizer(optimizer).name == f"torch:{kind}"
    expected = run(TorchAdapter("SGD", momentum=0.5), PROBLEM, POINT, rate=0.01, steps=3)["point"]
    np.testing.assert_array_equal(run(read_optimizer(given), PROBLEM, POINT, steps=3)["point"], expected)


def test_steps_asked_for_out_of_order_are_those_of_one_run():
    spec = TorchAdapter("Adam")
    states = [spec.start(PROBLEM, POINT)]
    for _ in range(4):
        states.append(spec.step(PROBLEM, states[-1], 0.05))
    for place in (2, 0, 3, 3, 1):
        again = spec.step(PROBLEM, states[place], 0.05)
        np.testing.assert_array_equal(again["point"], states[place + 1]["point"])
    other = spec.step(PROBLEM, states[2], 0.01)["point"]
    np.testing.assert_array_equal(other, run(TorchAdapter("Adam"), PROBLEM, POINT, rate=0.01, steps=3)["point"])


def test_names_and_settings_that_pytorch_does_not_know_are_refused():
    with pytest.raises(InputError, match="the nearest is 'Adamax'"):
        TorchAdapter("adammax")
    with pytest.raises(InputError, match="settings of torch:Adam"):
        TorchAdapter("Adam", beta=0.9)
    with pytest.raises(InputError, match="settings of torch:Adam"):
        TorchAdapter("Adam", betas=(2.0, 0.9))


def defects(kind, *classes, problems=None, steps=4, **settings):
    shape = matrix_problems((2, 3)) if TorchAdapter(kind).matrix else vector_problems(4)
    found = trajectory(
        TorchAdapter(kind, **settings), list(classes) or None, problems=problems or shape[:3], maps=2, steps=steps
    )
    return {name: one.defect for name, one in found.classes.items()}


@of_record
@pytest.mark.parametrize("kind", ["Adam", "NAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Rprop"])
def test_optimizers_of_pytorch_that_follow_signed_permutations_alone(kind):
    found = defects(kind)
    assert {name for name, defect in found.items() if defect <= NATURAL} == SIGNED | {"translation"}
    assert min(defect for name, defect in found.items() if name not in SIGNED | {"translation"}) >= UNNATURAL


@of_record
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
def test_gradient_descent_of_pytorch_follows_isometries(settings):
    found = defects("SGD", "orthogonal", "translation", "scalar", lr=0.02, **settings)
    assert max(found["orthogonal"], found["translation"]) <= NATURAL
    assert found["scalar"] >= UNNATURAL


@of_record
@pytest.mark.parametrize(
    ("kind", "settings", "least"), [("AdamW", {}, 1e-3), ("SGD", {"weight_decay": 0.1}, 1e-3), ("ASGD", {}, 1e-6)]
)
def test_decay_towards_zero_notices_translations(kind, settings, least):
    found = defects(kind, "translation", "permutation", **settings)
    assert found["translation"] >= least
    assert found["permutation"] <= NATURAL


def scaled(problem, factor):
    """The problem with its loss times a factor."""
    return Problem(lambda theta: factor * problem._loss(theta), size=problem.size, name=problem.name)


@of_record
@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_of_pytorch_follows_rotations_only_where_the_first_gradient_is_short(search):
    """Its first step is min(1, 1/|g|_1) times the rate, and the 1-norm changes under rotations."""
    long = [scaled(problem, 5.0) for problem in vector_problems(4)[:3]]
    short = [scaled(problem, 0.02) for problem in vector_problems(4)[:3]]
    rng = np.random.default_rng(0)
    for problem in vector_problems(4)[:3]:
        gradient = problem.gradient(start_point(4, rng))
        assert 5.0 * np.abs(gradient).sum() > 1
        assert 2 * 0.02 * np.linalg.norm(gradient) < 1  # so that |g|_1 < 1 in all rotated coordinates
    assert defects("LBFGS", "orthogonal", problems=long, line_search_fn=search)["orthogonal"] >= UNNATURAL
    assert defects("LBFGS", "orthogonal", problems=short, line_search_fn=search)["orthogonal"] <= NATURAL


@of_record
def test_radam_of_pytorch_follows_rotations_until_it_rectifies():
    spec = TorchAdapter("RAdam", iterations=1)
    found = trajectory(spec, ["orthogonal"], problems=vector_problems(4)[:3], maps=2, steps=8).classes["orthogonal"]
    assert max(found.by_step[:5]) <= NATURAL
    assert found.by_step[5] >= 1e-6
    assert found.by_step[7] > found.by_step[5]
    assert defects("RAdam", "orthogonal")["orthogonal"] >= UNNATURAL


@of_record
def test_muon_of_pytorch_follows_orthogonal_maps_to_the_precision_of_bfloat16():
    one = matrix_problems((2, 3))[:1]  # bfloat16 is slow on processors
    found = defects("Muon", "orthogonal", "permutation", "diagonal", problems=one, steps=2, weight_decay=0.0)
    assert 1e-3 < found["orthogonal"] < 0.2
    assert found["permutation"] <= NATURAL
    assert found["diagonal"] > 3 * found["orthogonal"]


@of_record
def test_adafactor_of_pytorch_follows_scalings_and_no_translations():
    found = defects("Adafactor", "scalar", "translation", "entry-sign")
    assert max(found["scalar"], found["entry-sign"]) <= NATURAL
    assert found["translation"] >= UNNATURAL


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer_of_pytorch_moves_downhill(kind):
    spec = TorchAdapter(kind)
    problem, point = (LAYER, WEIGHT) if spec.matrix else (PROBLEM, POINT)
    assert problem.value(run(spec, problem, point, rate=spec.rate / 10, steps=3)["point"]) < problem.value(point)


def test_groups_with_different_settings_are_refused():
    first, second = (torch.zeros(2, requires_grad=True) for _ in range(2))
    same = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=0.1)
    assert read_optimizer(same).name == "torch:SGD"
    other = torch.optim.SGD([{"params": [first], "lr": 0.1}, {"params": [second], "lr": 0.5}])
    with pytest.raises(InputError, match="the groups of SGD"):
        read_optimizer(other)
