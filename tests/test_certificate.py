"""Claims and certificates: frozen, through JSON and back, damaged ones refused."""

import json
from dataclasses import FrozenInstanceError

import pytest

from manifolds import InputError
from symmetries import Certificate, Claim, FiniteAction, Loss, VectorField, derive, verify
from symmetries.certificate import overall


@pytest.fixture
def certificate():
    return verify(Loss.parse("x**2 + y**2*a", ["x", "y"], constants=["a"]), VectorField({"x": "-a*y", "y": "x"}))


def test_through_json_and_back(certificate):
    assert Certificate.from_json(certificate.to_json()) == certificate
    algebra = derive(Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2")).certificate
    again = Certificate.from_json(algebra.to_json())
    assert again.verdict == algebra.verdict
    assert json.loads(again.to_json()) == json.loads(algebra.to_json())
    action = verify(Loss.parse("x*y"), FiniteAction({"x": "x*exp(t)", "y": "y*exp(-t)"}))
    assert Certificate.from_json(action.to_json()) == action


def test_frozen(certificate):
    with pytest.raises(FrozenInstanceError):
        certificate.claims = ()
    with pytest.raises(FrozenInstanceError):
        certificate.claims[0].verdict = "refuted"


def test_overall():
    assert overall([]) == "proved"
    assert overall(["proved", "measured", "undecided"]) == "undecided"
    assert overall(["refuted", "undecided"]) == "refuted"


def test_unknown_verdicts_are_refused():
    with pytest.raises(InputError, match="sure"):
        Claim(statement="x", verdict="sure")


def damaged():
    good = json.loads(verify(Loss.parse("x**2"), VectorField({"x": "x"})).to_json())
    yield ""
    yield "{"
    yield "[]"
    yield "null"
    yield "[" * 100_000
    yield "{}"
    for key in ("schema", "loss", "fields", "action", "verdict", "claims"):
        yield json.dumps({name: value for name, value in good.items() if name != key})
    yield json.dumps({**good, "schema": "symport/certificate/2"})
    yield json.dumps({**good, "verdict": "proved"})
    yield json.dumps({**good, "claims": 3})
    yield json.dumps({**good, "claims": [3]})
    yield json.dumps({**good, "claims": [{"statement": "x"}]})
    yield json.dumps({**good, "claims": [{"statement": "x", "verdict": "sure"}]})
    yield json.dumps({**good, "claims": [{"statement": "x", "verdict": ["proved"]}]})
    yield json.dumps({**good, "fields": [3]})
    yield json.dumps({**good, "fields": 3})
    yield json.dumps({**good, "action": 3})


@pytest.mark.parametrize("text", list(damaged()))
def test_damaged_certificates_are_refused(text):
    with pytest.raises(InputError) as error:
        Certificate.from_json(text)
    assert error.value.why
    assert error.value.cure
