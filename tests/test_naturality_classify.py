"""Verdicts: names, sentences, JSON, what a user gives, and what cannot be settled."""

import itertools
import json

import numpy as np
import pytest

from manifolds import InputError
from solvers.naturality.classify import classify
from solvers.naturality.group_names import Group, name_group
from solvers.naturality.registry import read_optimizer
from solvers.naturality.spec import OptimizerSpec
from solvers.naturality.trajectory import ClassDefect
from solvers.rules import Adam, make_rule

SENTENCES = {
    "gradient-descent": "rotations, reflections and translations only; uniform scalings once the learning rate is "
    "scaled too; no nonlinear maps",
    "adam": "signed permutations and translations only; uniform scalings once the learning rate is scaled too; "
    "diagonal scalings once the learning-rate vector is transported; no nonlinear maps",
    "adamw": "signed permutations only; no nonlinear maps",
    "natural-gradient": "all affine maps; all smooth maps in the limit of small steps",
    "root-free-adam": "permutations, sign changes, scalings of the coordinates and translations only; coordinatewise "
    "maps for the first steps, in the limit of small steps",
    "vector-adam": "orthogonal maps of blocks of 2 coordinates, permutations of these and translations only; uniform "
    "scalings once the learning rate is scaled too; no nonlinear maps",
    "mirror-entropy": "permutations only; uniform scalings once the learning rate is scaled too; all affine maps once "
    "the potential is transported; no nonlinear maps",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_verdicts_read_as_sentences(name):
    verdict = classify(name, gauge=False)
    assert str(verdict) == f"{name}: {SENTENCES[name]}"
    assert verdict.verdict == "measured"
    assert verdict.reasons == ()


GROUPS = {
    "row-normalised": ("O(3) ≀ S(2) ⋉ translations", "R₊·(O(3) ≀ S(2)) ⋉ translations", 6),
    "adafactor": ("{±1}^6 ⋊ (S(2)×S(3)) ⋉ translations", "R₊·({±1}^6 ⋊ (S(2)×S(3))) ⋉ translations", 0),
}


@pytest.mark.parametrize("name", GROUPS)
def test_groups_of_matrices(name):
    verdict = classify(name, gauge=False)
    assert (str(verdict.strict), str(verdict.orbital), verdict.algebra[1]) == GROUPS[name]


def test_the_data_have_the_fields_that_programs_read():
    verdict = classify("rprop")
    data = json.loads(verdict.to_json())
    assert data["strict_group"] == "B(4) ⋉ translations"
    assert data["orbital_group"] == "R₊·B(4) ⋉ translations"
    assert data["lie_algebra"] == {"name": "0", "dimension": 0}
    assert data["discrete"] == ["permutation", "sign", "minus"]
    assert data["nonlinear"] == []
    assert data["loss_gauge"] == "monotone"
    assert data["transported"]["group"] == "R₊^4 ⋊ B(4) ⋉ translations"
    verdicts = {claim["verdict"] for check in data["evidence"] for claim in check["claims"]}
    assert {"measured", "refuted"} <= verdicts <= {"measured", "refuted", "undecided"}
    assert [check.to_dict() for check in verdict.certificates] == data["evidence"]


def user(step, **options):
    """An optimizer in the way a user writes one."""
    return OptimizerSpec(
        name="mine",
        init=lambda problem, theta: {"point": theta},
        step=lambda problem, state, rate: {"point": step(problem, state["point"], rate)},
        slots={"point": "point"},
        **options,
    )


def test_an_optimizer_of_ten_lines():
    verdict = classify(user(lambda p, x, r: x - r * np.cbrt(p.gradient(x))), gauge=False)
    assert str(verdict.strict) == "B(4) ⋉ translations"
    assert verdict.transported is None


NOISE = itertools.count()


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (lambda p, x, r: x - r * p.gradient(x) * (1 + 1e-9 * next(NOISE)), "not deterministic"),
        (lambda p, x, r: x * 1e9, "diverges"),
        (lambda p, x, r: 0.9 * x, "ignores its gradient"),
        (lambda p, x, r: x, "does not move"),
        (lambda p, x, r: x / "two", "TypeError"),
    ],
)
def test_unfit_optimizers_are_undecided_and_say_why(step, reason):
    verdict = classify(user(step))
    assert verdict.verdict == "undecided"
    assert verdict.strict is None
    assert reason in str(verdict)
    assert json.loads(verdict.to_json())["strict_group"] is None


def test_low_precision_is_undecided():
    verdict = classify(user(lambda p, x, r: x - r * p.gradient(x).astype(np.float16).astype(float)), gauge=False)
    assert verdict.verdict == "undecided"
    assert "Lie algebra is undecided" in str(verdict)


def test_large_maps_overrule_small_ones():
    """A branch that small maps do not reach: the algebra alone would name too large a group."""

    def branching(problem, point, rate):
        gradient = problem.gradient(point)
        return point - rate * gradient * (1.5 if np.abs(gradient).sum() > 2 * np.linalg.norm(gradient) * 0.85 else 1.0)

    verdict = classify(user(branching), gauge=False)
    assert verdict.verdict == "undecided"
    assert verdict.strict is None
    assert "larger ones are not" in str(verdict)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Adam", "adam"),
        ("sgd", "gradient-descent"),
        ("heavy_ball", "heavy-ball"),
        ("scipy:newton-cg", "scipy:Newton-CG"),
    ],
)
def test_names_are_read_kindly(given, name):
    assert read_optimizer(given).name == name


def test_what_holds_nearly_is_said():
    """The epsilon of the defaults: uniform scalings are followed with another rate, but for a small defect."""
    verdict = classify(Adam(), gauge=False)
    assert verdict.orbital is None
    assert 1e-10 < verdict.approximate["scalar with another learning rate"] < 1e-3
    assert "nearly: scalar with another learning rate" in str(verdict)


def test_rules_of_this_package_are_optimizers():
    assert read_optimizer(Adam(epsilon=0.0)).slots["square"] == "diag_cov2"
    assert str(classify(make_rule("sign-descent"), gauge=False).strict) == "B(4) ⋉ translations"


@pytest.mark.parametrize("given", ["adm", "scipy:BFSG", "", 3, None, dict])
def test_unknown_optimizers_are_refused(given):
    with pytest.raises(InputError):
        classify(given)


def test_third_party_optimizers_are_flagged():
    newton = classify("scipy:Newton-CG", gauge=False)
    assert newton.verdict == "undecided"
    assert "orthogonal" not in newton.followed
    assert "sign" in newton.followed


def test_groups_are_named_from_single_maps():
    def seen(*names):
        return {name: ClassDefect(name=name, level="natural", defect=0.0) for name in names}

    assert str(name_group("so(3)", (3,), seen("rotation"))) == "SO(3)"
    assert name_group("so(3)", (3,), seen("permutation")) is None
    assert str(name_group("R", (3,), seen("scalar", "sign"))) == "R₊·{±1}^3"
    assert str(name_group("R", (3,), seen("scalar"))) == "R₊"
    assert name_group("0", (3,), seen("scalar")) is None
    assert str(name_group("so(2) + so(2)", (2, 2), seen("orthogonal", "transpose"))) == "O(2)×O(2) ⋊ transpose"
    assert str(name_group("0", (2, 3), seen("permutation", "sign", "translation"))) == "B(2)×B(3) ⋉ translations"
    assert name_group("e(8)", (3,), seen("general")) is None
    assert Group(name="1", words="no linear maps but the identity", translations=True).sentence == "translations"
