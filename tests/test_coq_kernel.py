"""What coqc says of exported files: true ones are accepted, files with one number changed are rejected."""

import os
import re

import pytest
from coq_cases import AXIOMS, MORE, QUICK, certificate_of, coqc, needs_coqc, table

from symmetries import FiniteAction, Loss, VectorField, verify

pytestmark = needs_coqc

ACTIONS = {
    "scaling": ("relu(x)*y + abs(x)/x", {"x": "x*exp(t)", "y": "y*exp(-t)"}),
    "rotation": ("sqrt(x**2 + y**2) + exp(x**2 + y**2)", {"x": "x*cos(t) - y*sin(t)", "y": "x*sin(t) + y*cos(t)"}),
}


@pytest.mark.parametrize("name", QUICK)
def test_accepted(name, tmp_path):
    verdict = coqc(certificate_of(QUICK[name]).to_coq(), tmp_path)
    assert verdict.accepted, verdict.errors
    assert verdict.axioms
    assert verdict.axioms <= AXIOMS


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_accepted(name, tmp_path):
    formula, components = ACTIONS[name]
    verdict = coqc(verify(Loss.parse(formula), FiniteAction(components)).to_coq(), tmp_path)
    assert verdict.accepted, verdict.errors
    assert verdict.axioms <= AXIOMS


def test_hostile_names_accepted(tmp_path):
    verdict = coqc(certificate_of(MORE["hostile names"]).to_coq(), tmp_path)
    assert verdict.accepted, verdict.errors


def changed(text: str, old: str, new: str) -> str:
    """The text with one place changed, which must be there."""
    assert text.count(old) == 1, text.count(old)
    return text.replace(old, new)


def test_one_coefficient_changed_is_rejected(tmp_path):
    certificate = verify(Loss.parse("x**2 + 9*y**2"), VectorField({"x": "-9*y", "y": "x"}))
    text = certificate.to_coq()
    field = changed(text, "x := (-9) * y theta;", "x := (-9000001 / 1000000) * y theta;")
    loss = changed(text, "R := (x theta) ^ 2 + 9 * (y theta) ^ 2.", "R := (x theta) ^ 2 + 8 * (y theta) ^ 2.")
    last = "derivable_pt_lim (fun t => L (move theta (X1 theta) t)) 0 {}.\nProof. intros."
    statement = changed(text, last.format(0), last.format(1))
    for k, wrong in enumerate([field, loss, statement]):
        assert not coqc(wrong, tmp_path, name=f"wrong{k}").accepted


@pytest.mark.parametrize("name", ["relu", "batch norm", "softmax"])
def test_a_changed_field_is_rejected(name, tmp_path):
    text = certificate_of(QUICK[name]).to_coq()
    first = re.search(r"Definition X1 .*?:= \{\|(.*?)\|\}\.", text, re.DOTALL)
    assert first
    moved = re.sub(r":= (?!0[; ])([^;]+?)(;| $)", r":= 2 * (\1)\2", first[1], count=1)
    assert moved != first[1]
    assert not coqc(text.replace(first[1], moved), tmp_path).accepted


def test_a_condition_left_out_is_rejected(tmp_path):
    """The derivative of a square root needs its positive argument."""
    text = certificate_of(QUICK["norm"]).to_coq()
    condition = re.search(r"\n  0 < n\d+ given theta ->", text)
    assert condition
    assert not coqc(text.replace(condition[0], ""), tmp_path).accepted


@pytest.mark.skipif(
    "SYMPORT_COQ_TABLE" not in os.environ, reason="the whole table: set SYMPORT_COQ_TABLE=1 (4 minutes)"
)
def test_the_whole_table_is_accepted(tmp_path, capsys):
    accepted, seconds = 0, {}
    for name, certificate in table():
        verdict = coqc(certificate.to_coq(), tmp_path)
        seconds[name] = verdict.seconds
        assert verdict.accepted, (name, verdict.errors)
        accepted += 1
    with capsys.disabled():
        for name, value in seconds.items():
            print(f"{value:6.1f} s  {name}")
    assert accepted >= 90
    assert seconds["matrix factorisation 5"] <= 15
