"""Optimizer rules: PyTorch as the oracle, purity, precision, shapes, and nonsense refused by name."""

import copy
import dataclasses
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from solvers.rule import Rule, SecondOrderRule
from solvers.rules import (
    RULES,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    GradientDescent,
    HeavyBall,
    Lion,
    NAdam,
    Nesterov,
    RMSProp,
    SciPy,
    SignDescent,
    make_rule,
)

FIRST_ORDER = [
    GradientDescent(learning_rate=0.05),
    HeavyBall(learning_rate=0.02),
    HeavyBall(learning_rate=0.05, momentum=0.5),
    Nesterov(learning_rate=0.02),
    SignDescent(),
    Lion(learning_rate=1e-3, weight_decay=0.1),
    AdaGrad(learning_rate=0.5),
    RMSProp(),
    RMSProp(decay=0.9, momentum=0.5),
    AdaDelta(),
    Adam(),
    Adam(learning_rate=1e-3, beta1=0.8, beta2=0.99, epsilon=3e-7),
    AdamW(weight_decay=0.1),
    AMSGrad(learning_rate=0.1),
    NAdam(learning_rate=0.01),
    NAdam(learning_rate=0.01, beta1=0.99, momentum_decay=0.0),
]


def problem(seed):
    rng = np.random.default_rng(seed)
    square = rng.normal(size=(6, 6))
    matrix, offset = square @ square.T / 6 + np.eye(6), rng.normal(size=(6, 4))
    return rng.normal(size=(6, 4)), lambda w: matrix @ w + np.sin(3 * w) - offset


def run(rule, start, gradient, steps=100):
    w, state, path = start, rule.start(start), []
    for count in range(1, steps + 1):
        moved, state = rule.step(gradient(w), state, count=count, rate=rule.learning_rate, point=w)
        w = w + moved
        path.append(w)
    return path


def torch_twin(rule, torch, weights):
    """The optimizer of PyTorch with the same hyperparameters."""
    optim, rate = torch.optim, {"lr": rule.learning_rate}
    betas = {"betas": (rule.beta1, rule.beta2), "eps": rule.epsilon} if hasattr(rule, "beta1") else {}
    match rule:
        case GradientDescent():
            return optim.SGD(weights, **rate)
        case HeavyBall() | Nesterov():
            return optim.SGD(weights, **rate, momentum=rule.momentum, nesterov=isinstance(rule, Nesterov))
        case AdaGrad():
            return optim.Adagrad(weights, **rate, eps=rule.epsilon)
        case RMSProp():
            return optim.RMSprop(weights, **rate, alpha=rule.decay, eps=rule.epsilon, momentum=rule.momentum)
        case AdaDelta():
            return optim.Adadelta(weights, **rate, rho=rule.decay, eps=rule.epsilon)
        case AdamW():
            return optim.AdamW(weights, **rate, **betas, weight_decay=rule.weight_decay)
        case NAdam():
            return optim.NAdam(weights, **rate, **betas, momentum_decay=rule.momentum_decay)
        case Adam() | AMSGrad():
            return optim.Adam(weights, **rate, **betas, amsgrad=isinstance(rule, AMSGrad))


@pytest.mark.parametrize("rule", [one for one in FIRST_ORDER if not isinstance(one, SignDescent | Lion)], ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_equals_pytorch_over_a_hundred_steps(rule, seed):
    torch = pytest.importorskip("torch")
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of momenta in the default precision
    try:
        start, gradient = problem(seed)
        weights = torch.tensor(start, requires_grad=True)
        twin = torch_twin(rule, torch, [weights])
        path = run(rule, start, gradient)
        for before, after in zip([start, *path], path, strict=False):
            weights.grad = torch.tensor(gradient(before))
            twin.step()
            assert np.abs(after - weights.detach().numpy()).max() <= 1e-15 * np.abs(after).max()
    finally:
        torch.set_default_dtype(default)


@pytest.mark.parametrize("rule", FIRST_ORDER, ids=str)
def test_tensors_and_arrays_move_alike(rule):
    torch = pytest.importorskip("torch")
    start, gradient = problem(3)
    arrays = run(rule, start, gradient, steps=30)
    tensors = run(rule, torch.tensor(start), lambda w: torch.tensor(gradient(w.numpy())), steps=30)
    assert isinstance(tensors[-1], torch.Tensor)
    np.testing.assert_allclose(tensors[-1].numpy(), arrays[-1], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("rule", FIRST_ORDER, ids=str)
def test_a_step_is_pure_and_keeps_shape_and_precision(rule):
    rng = np.random.default_rng(0)
    for shape in [(), (3,), (2, 3, 4)]:
        point = np.asarray(rng.normal(size=shape), dtype=np.float32)
        gradient = np.asarray(rng.normal(size=shape), dtype=np.float32)
        state = rule.start(point)
        assert state.keys() == rule.slots.keys()
        before = copy.deepcopy((gradient, state, point))
        moved, after = rule.step(gradient, state, count=1, rate=0.1, point=point)
        again, _ = rule.step(gradient, state, count=1, rate=0.1, point=point)
        for kept, given_ in zip((gradient, point), (before[0], before[2]), strict=True):
            np.testing.assert_array_equal(kept, given_)
        for name, slot in state.items():
            np.testing.assert_array_equal(slot, before[1][name])
        np.testing.assert_array_equal(moved, again)
        assert after.keys() == rule.slots.keys()
        for array in (moved, *after.values()):
            assert np.shape(array) == shape
            assert array.dtype == np.float32


@pytest.mark.parametrize("rule", FIRST_ORDER, ids=str)
def test_the_displacement_is_the_rate_times_that_at_rate_one(rule):
    start, gradient = problem(5)
    state = rule.start(start)
    for count in (1, 2, 3):
        unit, _ = rule.step(gradient(start), state, count=count, rate=1.0, point=start)
        moved, after = rule.step(gradient(start), state, count=count, rate=0.125, point=start)
        _, other = rule.step(gradient(start), state, count=count, rate=7.0, point=start)
        np.testing.assert_allclose(moved, 0.125 * unit, rtol=1e-12, atol=1e-15)
        for name in after:
            np.testing.assert_array_equal(after[name], other[name])
        state = after


@pytest.mark.parametrize("rule", FIRST_ORDER, ids=str)
def test_every_rule_lowers_a_quadratic(rule):
    weights = np.array([1.0, 4.0, 0.5])
    rule = dataclasses.replace(rule, learning_rate=1e-2 if not isinstance(rule, AdaDelta) else 1.0)
    if hasattr(rule, "weight_decay"):
        rule = dataclasses.replace(rule, weight_decay=0.0)
    path = run(rule, np.array([1.0, -2.0, 3.0]), lambda w: weights * w, steps=300)
    assert path[-1] @ (weights * path[-1]) < 0.9 * 21.5


def test_slots_follow_their_kind_under_scaling():
    # Scaling coordinates by a power of two is exact: gradients divide by it, so every slot must follow its own law.
    scale = 4.0
    laws = {"covector": 1 / scale, "vector": scale, "square": scale**-2, "vector-square": scale**2}
    for rule in (HeavyBall(), Nesterov(), Lion(), AdaGrad(), Adam(), AMSGrad(), NAdam()):
        plain, scaled = rule.start(np.ones(3)), rule.start(np.ones(3))
        for count in range(1, 6):
            gradient = np.random.default_rng(count).normal(size=3)
            _, plain = rule.step(gradient, plain, count=count, rate=1.0, point=np.zeros(3))
            _, scaled = rule.step(gradient / scale, scaled, count=count, rate=1.0, point=np.zeros(3))
        for name, kind in rule.slots.items():
            np.testing.assert_allclose(scaled[name], laws[kind] * plain[name], rtol=1e-12)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-3), min_size=1, max_size=5))
def test_the_first_step_of_adam_without_epsilon_is_sign_descent(gradient):
    g = np.array(gradient)
    for rule in (Adam(epsilon=0), AMSGrad(epsilon=0), AdaGrad(epsilon=0)):
        moved, _ = rule.step(g, rule.start(g), count=1, rate=0.1)
        np.testing.assert_allclose(moved, SignDescent().step(g, {}, count=1, rate=0.1)[0], rtol=1e-9)


@pytest.mark.parametrize("make", [Adam, AdamW, AMSGrad, NAdam, AdaGrad, RMSProp])
def test_coordinates_without_a_gradient_stay_where_they_are(make):
    rule = make(epsilon=0, **({"weight_decay": 0} if make is AdamW else {}))
    moved, _ = rule.step(np.array([0.0, 2.0]), rule.start(np.zeros(2)), count=1, rate=0.1)
    assert moved[0] == 0
    assert moved[1] < 0


def test_the_two_epsilons_of_adam():
    g, beside, under = np.array([3.0]), Adam(epsilon=1.0), Adam(epsilon=0.0, epsilon_root=16.0)
    assert beside.step(g, beside.start(g), count=1, rate=1.0)[0] == pytest.approx(-3 / 4)
    assert under.step(g, under.start(g), count=1, rate=1.0)[0] == pytest.approx(-3 / 5)


def test_lion_by_hand():
    rule = Lion(beta1=0.5, beta2=0.75, weight_decay=0.5)
    moved, state = rule.step(
        np.array([1.0, -8.0]), {"momentum": np.array([-2.0, 4.0])}, count=3, rate=0.5, point=np.array([2.0, 0.0])
    )
    np.testing.assert_allclose(moved, [0.5 - 0.5, 0.5])
    np.testing.assert_allclose(state["momentum"], [-1.25, 1.0])


@pytest.mark.parametrize(
    ("make", "hyperparameters", "named"),
    [
        (GradientDescent, {"learning_rate": -1.0}, "learning_rate"),
        (GradientDescent, {"learning_rate": math.nan}, "learning_rate"),
        (GradientDescent, {"learning_rate": math.inf}, "learning_rate"),
        (GradientDescent, {"learning_rate": True}, "learning_rate"),
        (GradientDescent, {"learning_rate": "0.1"}, "learning_rate"),
        (GradientDescent, {"learning_rate": None}, "learning_rate"),
        (HeavyBall, {"momentum": 1.0}, "momentum"),
        (Nesterov, {"momentum": -0.1}, "momentum"),
        (Adam, {"beta1": 1}, "beta1"),
        (Adam, {"beta2": 1.5}, "beta2"),
        (Adam, {"beta2": False}, "beta2"),
        (Adam, {"epsilon": -1e-8}, "epsilon"),
        (Adam, {"epsilon_root": 1j}, "epsilon_root"),
        (AdamW, {"weight_decay": math.nan}, "weight_decay"),
        (NAdam, {"momentum_decay": -1}, "momentum_decay"),
        (RMSProp, {"decay": np.float64(1)}, "decay"),
        (AdaDelta, {"epsilon": [1]}, "epsilon"),
        (Lion, {"weight_decay": -1}, "weight_decay"),
    ],
)
def test_nonsense_is_refused_by_name(make, hyperparameters, named):
    with pytest.raises(InputError) as error:
        make(**hyperparameters)
    assert named in error.value.what
    assert error.value.why
    assert error.value.cure


def test_weight_decay_needs_the_point():
    rule = AdamW()
    with pytest.raises(InputError, match="point"):
        rule.step(np.ones(2), rule.start(np.ones(2)), count=1, rate=0.1)


def test_numbers_of_other_types_become_floats():
    rule = Adam(learning_rate=np.float64(0.5), beta1=np.float32(0.5), beta2=0)
    assert [type(value) for value in (rule.learning_rate, rule.beta1, rule.beta2)] == [float] * 3
    moved, _ = rule.step(np.ones(2, dtype=np.float32), rule.start(np.ones(2, dtype=np.float32)), count=1, rate=0.5)
    assert moved.dtype == np.float32


@pytest.mark.parametrize("name", RULES)
def test_names_make_rules(name):
    rule = make_rule(name)
    if isinstance(rule, SciPy):
        assert rule.method.lower() == name
        return
    assert isinstance(rule, Rule)
    assert rule == pickle.loads(pickle.dumps(rule))
    assert make_rule(name, learning_rate=0.25).learning_rate == 0.25
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.learning_rate = 1.0
    if isinstance(rule, SecondOrderRule):
        with pytest.raises(InputError, match="Hessian"):
            rule.step(np.ones(2), rule.start(np.ones(2)), count=1, rate=1.0)


@pytest.mark.parametrize(
    ("wrong", "near"), [("adma", "adam"), ("LBFGS", "l-bfgs"), ("LBFGSB", "l-bfgs-b"), ("sgd", None), (3, None)]
)
def test_unknown_names_are_refused_with_the_nearest(wrong, near):
    with pytest.raises(InputError) as error:
        make_rule(wrong)
    assert near is None or repr(near) in error.value.why
    assert "adam" in error.value.cure


def test_unknown_hyperparameters_are_refused_with_the_nearest():
    with pytest.raises(InputError) as error:
        make_rule("adam", beta_1=0.5)
    assert "'beta1'" in error.value.why
    with pytest.raises(InputError, match="learning_rate"):
        make_rule("bfgs", learning_rate=0.1)
    assert make_rule("cg", options={"gtol": 1e-3}).options["gtol"] == 1e-3


@pytest.mark.parametrize("name", ["slots", "ranges"])
def test_what_a_rule_shares_with_its_class_is_no_hyperparameter(name):
    with pytest.raises(InputError, match=name) as caught:
        make_rule("adam", **{name: {}})
    assert "slots" not in str(caught.value).split("try:")[1]
