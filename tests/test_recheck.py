"""The second check of certificates: it agrees with the first, shares no code with it, and catches what was edited."""

import json
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from layers import House
from public_losses import BY_NAME, public_algebra

from manifolds import InputError
from symmetries import Certificate, Claim, FiniteAction, Loss, VectorField, derive, recheck, verify
from symmetries.dual_numbers import is_prime
from symmetries.recheck_numbers import rank

ROOT = Path(__file__).resolve().parent.parent
DERIVATION = {"scalar", "atoms", "lower", "expand", "modular", "prove", "system", "solve", "related", "straight_line"}
RANK = {"proved": 0, "measured": 1, "undecided": 2, "refuted": 3}


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != "relu_462"])
def test_derived_algebras_again(name):
    certificate = Certificate.from_json(public_algebra(name).certificate.to_json())
    again = recheck(certificate)
    for old, new in zip(certificate.claims, again.claims, strict=False):
        assert old.statement == new.statement
        assert new.verdict == old.verdict or {old.verdict, new.verdict} == {"proved", "measured"}


def test_independence_is_a_claim_of_its_own():
    again = recheck(derive(Loss.parse("x**2 + y**2 + z**2")).certificate)
    assert [claim.verdict for claim in again.claims] == ["proved"] * 5
    assert again.claims[-1].statement == "the 3 fields are linearly independent"


def test_it_shares_nothing_with_the_derivation():
    house = House.read(ROOT)
    # for Certificate.to_coq alone, which is never called here
    house.graph.remove_edge("symmetries.certificate", "symmetries.coq.export")
    assert "to_coq" not in (ROOT / "symmetries" / "recheck.py").read_text(encoding="utf-8")
    reached = nx.descendants(house.graph, "symmetries.recheck")
    assert not {f"symmetries.{name}" for name in DERIVATION} & reached


@pytest.fixture
def stored():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 1), "V": (1, 2)}, data={"Y": (2, 2)})
    return json.loads(derive(loss).certificate.to_json())


def reread(data):
    return recheck(Certificate.from_json(json.dumps(data)))


def test_unedited(stored):
    again = reread(stored)
    assert {claim.verdict for claim in again.claims} == {"proved"}
    statements = [claim["statement"] for claim in stored["claims"]]
    assert [claim.statement for claim in again.claims] == [*statements, again.claims[-1].statement]
    assert again.claims[-1].statement.endswith("fields are linearly independent")


def test_an_edited_loss_is_caught(stored):
    stored["loss"]["formula"] = "sum((Y - U@V)**2) + U[0,0]**2/1000000000"
    assert reread(stored).verdict == "refuted"


def test_an_edited_field_is_caught(stored):
    entry = next(iter(stored["fields"][0]))
    stored["fields"][0][entry] += f" + 1/10000000000000*{entry}"
    with pytest.raises(InputError):
        reread(stored)
    stored["claims"][0]["statement"] = f"({VectorField(stored['fields'][0])}) L = 0"
    assert reread(stored).verdict == "refuted"


def test_a_field_left_out_is_caught(stored):
    del stored["fields"][0]
    with pytest.raises(InputError):
        reread(stored)
    del stored["claims"][0]
    assert reread(stored).verdict == "refuted"


def test_a_field_twice_is_caught():
    stored = json.loads(derive(Loss.parse("x**2 + y**2 + z**2")).certificate.to_json())
    stored["fields"][1] = stored["fields"][0]
    stored["claims"][1] = stored["claims"][0]
    assert reread(stored).verdict == "refuted"


def test_too_small_a_dimension_is_caught():
    """A field and the number in the statement left out together."""
    stored = json.loads(derive(Loss.parse("x**2 + y**2 + z**2")).certificate.to_json())
    del stored["fields"][0]
    del stored["claims"][0]
    for claim in stored["claims"]:
        claim["statement"] = claim["statement"].replace("of dimension 3", "of dimension 2")
    again = reread(stored)
    assert again.verdict == "undecided"


def test_an_edited_verdict_is_caught(stored):
    bad = verify(Loss.parse("x**2 + y**2"), VectorField({"x": "y", "y": "x"}))
    edited = json.loads(bad.to_json())
    edited["claims"][0]["verdict"] = edited["verdict"] = "proved"
    assert reread(edited).verdict == "refuted"
    stored["claims"][0]["verdict"] = stored["verdict"] = "refuted"
    with pytest.raises(InputError, match="refuted"):
        reread(stored)


def test_a_counterexample_that_stands_against_a_proof_leaves_the_claim_undecided(monkeypatch):
    second = sys.modules[recheck.__module__]
    monkeypatch.setattr(second, "exactly", lambda *_: "zero")
    bad = verify(Loss.parse("x**2 + exp(y)"), VectorField({"x": "y", "y": "x"}))
    assert bad.verdict == "refuted"
    claim = recheck(bad).claims[0]
    assert claim.verdict == "undecided"
    assert "disagree" in claim.reason


def test_a_counterexample_that_shows_zero_is_caught():
    for text in ("x**2 + y**2", "exp(x**2 + y**2)"):
        good = json.loads(verify(Loss.parse(text), VectorField({"x": "y", "y": "-x"})).to_json())
        good["claims"][0]["verdict"] = good["verdict"] = "refuted"
        good["claims"][0].setdefault("evidence", {})["counterexample"] = {"point": {"x": "1", "y": "2"}}
        with pytest.raises(InputError, match="refuted"):
            reread(good)


def test_an_edited_action_is_caught():
    loss = Loss.parse("(x*y - 1)**2")
    edited = json.loads(verify(loss, FiniteAction({"x": "x*exp(t)", "y": "y*exp(-t)"})).to_json())
    edited["action"]["y"] = "y*exp(-t*1.0000001)"
    assert reread(edited).verdict == "refuted"
    edited["action"] = {}
    with pytest.raises(InputError):
        reread(edited)


def test_unknown_statements_stay_undecided(stored):
    stored["claims"].append({"statement": "all is well", "verdict": "proved"})
    claim = next(claim for claim in reread(stored).claims if claim.statement == "all is well")
    assert claim.verdict == "undecided"
    assert "not rechecked" in claim.reason


def test_what_is_too_large_for_polynomials_is_measured_with_a_bound():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (12, 6), "V": (6, 12)}, data={"Y": (12, 12)})
    field = {f"U[{i},0]": f"U[{i},0]" for i in range(12)} | {f"V[0,{j}]": f"-V[0,{j}]" for j in range(12)}
    claim = recheck(verify(loss, VectorField(field), samples=4)).claims[0]
    assert claim.verdict == "measured"
    assert claim.evidence["error_bits"] > 100
    assert len(claim.evidence["primes"]) == 3


def test_losses_that_cannot_be_read_are_refused(stored):
    stored["loss"]["formula"] = "import os"
    with pytest.raises(InputError):
        reread(stored)
    with pytest.raises(InputError):
        recheck("text")


def test_primes_and_ranks():
    assert [n for n in range(60) if is_prime(n)] == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]
    assert not is_prime(3215031751)
    assert is_prime(2**61 - 1)
    rng = np.random.default_rng(0)
    left, right = rng.integers(-5, 5, (7, 3)), rng.integers(-5, 5, (3, 6))
    assert rank((left @ right).tolist(), 2**61 - 1) == np.linalg.matrix_rank(left @ right)


ACROSS_POLES = [
    "abs(x)/x + y**2",
    "relu(x)/x + y**2",
    "sqrt(x**2)/x + y",
    "x/sqrt(x**2) + y",
    "abs(x**2 - 1)/(x**2 - 1)",
    "atan(1/x) + atan(x)",
    "maximum(x/abs(x), 0)",
    "(abs(x) + x)*abs(y)/(x*y)",
    "sign(x)**2*y",
    "x*exp(-log(x**2)/2) + y",
    "abs(x)*inv([[x, 0], [0, 1]])[0, 0] + y",
    "tanh(1/x) - (exp(2/x) - 1)/(exp(2/x) + 1) + abs(x)/x + y",
    "where(x > 0, 1, 0) + y**2",
]


@pytest.mark.parametrize("text", ACROSS_POLES)
@pytest.mark.parametrize("kind", [VectorField, FiniteAction])
def test_both_checks_agree_across_poles(text, kind):
    claim = VectorField({"x": "1"}) if kind is VectorField else FiniteAction({"x": "x + t"})
    first = verify(Loss.parse(text), claim, samples=16)
    again = recheck(first).verdict
    assert {first.verdict, again} != {"proved", "refuted"}
    assert "proved" not in {first.verdict, again}
    if kind is VectorField:
        assert again in {"undecided", "refuted"}


def test_logarithms_with_another_slope_on_each_side_are_not_proved_again():
    loss = Loss.parse("log(2*abs(x) + x) - log(abs(x)) + y")
    assert recheck(verify(loss, VectorField({"x": "1"}), samples=16)).verdict == "undecided"


ALONG_POLES = [
    ("abs(x)/x + y**2", {"x": "x"}),
    ("abs(x)/sqrt(x**2 + y**2)", {"x": "x", "y": "y"}),
    ("relu(x)/(x**2 + 1) - relu(x)/(1 + x**2) + y", {"x": "1"}),
    ("abs(x)/exp(x) - abs(x)*exp(-x) + y", {"x": "1"}),
    ("abs(x*y)/sqrt(1 + x**2*y**2)", {"x": "x", "y": "-y"}),
    ("atan(y/x)", {"x": "x", "y": "y"}),
    ("tan(x) - sin(x)/cos(x) + y", {"x": "1"}),
    ("tanh(x/(x + y))", {"x": "x", "y": "y"}),
    ("log(abs(x*y)) - log(abs(x))", {"x": "1"}),
]


@pytest.mark.parametrize(("text", "field"), ALONG_POLES)
def test_fields_along_the_poles_stay_proved(text, field):
    certificate = verify(Loss.parse(text), VectorField(field), samples=16)
    assert certificate.verdict == "proved"
    assert recheck(certificate).verdict == "proved"


@pytest.mark.parametrize(
    ("text", "action", "verdict"),
    [
        ("where(x > 0, 1, 0) + y", {"x": "x*exp(t)"}, "proved"),
        ("abs(x)*y", {"x": "x*exp(t)", "y": "y*exp(-t)"}, "proved"),
        ("sign(x)*y", {"x": "x*exp(t)"}, "undecided"),
        ("where(x*y > 0, 1, 0) + z", {"x": "x*exp(t)"}, "undecided"),
    ],
)
def test_actions_on_losses_with_jumps(text, action, verdict):
    """A sign is proved through +1 and -1; where it is zero, only a single where of one factor is covered."""
    certificate = verify(Loss.parse(text), FiniteAction(action), samples=16)
    assert certificate.verdict == "proved"
    assert recheck(certificate).verdict == verdict


def test_the_value_on_a_jump_counts() -> None:
    """(1 - sign(x)**2) y is 0 but where x = 0, and there it is y: d/dy changes it."""
    loss = Loss.parse("(1 - sign(x)**2)*y + z**2", ["x", "y", "z"])
    claim = Claim(statement="(d/dy) L = 0", verdict="proved")
    stored = Certificate(loss=loss.to_dict(), fields=({"y": "1"},), claims=(claim,))
    assert recheck(stored).verdict != "proved"
    kept = Certificate(
        loss=Loss.parse("sign(x)*y**2 + z", ["x", "y", "z"]).to_dict(),
        fields=({"x": "x"},),
        claims=(Claim(statement="(x d/dx) L = 0", verdict="proved"),),
    )
    assert recheck(kept).verdict == "proved"
