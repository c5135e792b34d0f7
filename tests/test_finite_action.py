"""Finite actions: invariance, the identity at time zero and the group law, each a claim of its own."""

import pickle

import pytest

from manifolds import InputError
from symmetries import FiniteAction, Loss, recheck, verify


def verdicts(loss, action):
    return [claim.verdict for claim in verify(loss, action, samples=16).claims]


ROTATION = FiniteAction({"x": "x*cos(t) - y*sin(t)", "y": "x*sin(t) + y*cos(t)"})

PROVED = [
    ("(x*y - 1)**2", FiniteAction({"x": "x*exp(t)", "y": "y*exp(-t)"})),
    ("x**2 + y**2", ROTATION),
    ("x**2 + y**2", FiniteAction({"x": "x*cos(2*s) - y*sin(2*s)", "y": "x*sin(2*s) + y*cos(2*s)"}, time="s")),
    ("x**2 - y**2", FiniteAction({"x": "x*cosh(t) + y*sinh(t)", "y": "x*sinh(t) + y*cosh(t)"})),
    ("(y - x**2)**2", FiniteAction({"x": "x + t", "y": "y + 2*t*x + t**2"})),
    ("relu(x)*y", FiniteAction({"x": "x*exp(t)", "y": "y*exp(-t)"})),
    ("where(x > 0, y, z)", FiniteAction({"x": "x*exp(t)"})),
    ("log(exp(x) + exp(y)) - x", FiniteAction({"x": "x + t", "y": "y + t"})),
    ("y*exp(x)", FiniteAction({"x": "x + t", "y": "y*exp(-t)"})),
    ("sqrt(x**2 + y**2)", ROTATION),
]


@pytest.mark.parametrize(("text", "action"), PROVED)
def test_one_parameter_groups_are_proved(text, action):
    loss = Loss.parse(text, ["x", "y", "z"])
    assert verdicts(loss, action) == ["proved", "proved", "proved"]
    assert recheck(verify(loss, action)).verdict in {"proved", "measured"}


def test_the_identity():
    assert verdicts(Loss.parse("z**2"), FiniteAction({})) == ["proved", "proved", "proved"]


def test_no_group_but_an_invariance():
    turned = FiniteAction({"x": "x*cos(t**2) - y*sin(t**2)", "y": "x*sin(t**2) + y*cos(t**2)"})
    assert verdicts(Loss.parse("x**2 + y**2"), turned) == ["proved", "proved", "refuted"]


def test_a_group_but_no_invariance():
    assert verdicts(Loss.parse("x**2 + 2*y**2"), ROTATION) == ["refuted", "proved", "proved"]


def test_neither():
    certificate = verify(Loss.parse("x**2 + y**2"), FiniteAction({"x": "x + t*y + 1", "y": "y"}))
    assert [claim.verdict for claim in certificate.claims] == ["refuted", "refuted", "refuted"]
    for claim in certificate.claims:
        assert claim.evidence["counterexample"]["exact"]
        assert claim.evidence["counterexample"]["value"] != "0"
    assert recheck(certificate).verdict == "refuted"


def test_a_step_instead_of_the_exponential_is_refuted():
    """I + T is no group element, however small its defect."""
    loss = Loss.parse("x**2 + y**2")
    step = FiniteAction({"x": "x - t*y/10000000", "y": "y + t*x/10000000"})
    assert verify(loss, step).claims[0].verdict == "refuted"


def test_a_scaling_by_a_negative_number_leaves_the_branch():
    loss = Loss.parse("relu(x)*y")
    assert verdicts(loss, FiniteAction({"x": "x*t", "y": "y/t"})) == ["refuted", "refuted", "refuted"]
    assert verify(loss, FiniteAction({"x": "x*t**2", "y": "y/t**2"})).claims[0].verdict == "proved"


def test_a_crossed_jump_is_refuted():
    assert verify(Loss.parse("where(x > 0, 1, 0)"), FiniteAction({"x": "x + t"})).claims[0].verdict == "refuted"


def test_matrices_and_moving_data():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (1, 1), "V": (1, 2)}, data={"Y": {"shape": [1, 2], "moves": True}})
    scale = FiniteAction({"U[0, 0]": "U[0,0]*exp(t)", "V[0,0]": "V[0,0]*exp(-t)", "V[0,1]": "V[0,1]*exp(-t)"})
    assert verdicts(loss, scale) == ["proved"] * 3
    flip = FiniteAction({"Y[0,0]": "Y[0,1]", "Y[0,1]": "Y[0,0]", "V[0,0]": "V[0,1]", "V[0,1]": "V[0,0]"})
    assert verdicts(loss, flip) == ["proved", "refuted", "refuted"]


@pytest.mark.parametrize(
    ("components", "time"),
    [({"q": "t"}, "t"), ({"x": "q*t"}, "t"), ({"x": "[t, t]"}, "t"), ({"x": "x + y"}, "y"), ({"x": "x*"}, "t")],
)
def test_actions_that_do_not_fit_are_refused(components, time):
    with pytest.raises(InputError):
        verify(Loss.parse("x**2 + y**2"), FiniteAction(components, time=time))


@pytest.mark.parametrize(("components", "time"), [([], "t"), ("x", "t"), ({}, "exp"), ({}, "2"), ({}, 3)])
def test_what_is_no_action_is_refused(components, time):
    with pytest.raises(InputError):
        FiniteAction(components, time=time)


def test_undefined_actions_are_refused():
    with pytest.raises(InputError, match="undefined"):
        verify(Loss.parse("x**2"), FiniteAction({"x": "x + log(-1 - x**2)*t"}))


def test_values():
    assert pickle.loads(pickle.dumps(ROTATION)) == ROTATION
    assert str(FiniteAction({"x": "-x"})) == "x -> -x"
    with pytest.raises(TypeError):
        ROTATION.components["x"] = "0"
