"""Our rules as specs give the runs of `minimize`, SciPy methods those of SciPy; what those notice of rotations."""

import sys

import numpy as np
import pytest
import scipy
from scipy.optimize import minimize as scipy_minimize

from manifolds.errors import InputError
from solvers.minimize import minimize
from solvers.naturality.adapters import SCIPY_METHODS, ScipyAdapter, from_rule
from solvers.naturality.problems import start_point, vector_problems
from solvers.naturality.registry import read_optimizer
from solvers.naturality.spec import run
from solvers.naturality.trajectory import NATURAL, UNNATURAL, trajectory
from solvers.objective import Objective
from solvers.rule import Rule
from solvers.rules import RULES, Adam, GradientDescent, make_rule
from solvers.step_sizes import Armijo

PROBLEM = vector_problems(4)[0]
POINT = start_point(4, np.random.default_rng(3))
RULE_NAMES = [name for name, make in RULES.items() if isinstance(make, type) and issubclass(make, Rule)]


def objective():
    return Objective.from_functions(
        PROBLEM.value, PROBLEM.gradient, lambda w, v: PROBLEM.hessian(w) @ v, size=PROBLEM.size
    )


@pytest.mark.parametrize("name", RULE_NAMES)
def test_a_rule_as_a_spec_takes_the_steps_of_minimize(name):
    rule, points = make_rule(name), []
    minimize(objective(), POINT, rule=rule, steps=4, tolerance=0.0, callback=lambda step: points.append(step.point))
    spec = from_rule(rule)
    assert spec.name == name
    assert len(points) == 4
    for k, point in enumerate(points, start=1):
        found = run(spec, PROBLEM, POINT, rate=rule.learning_rate, steps=k)["point"]
        np.testing.assert_allclose(found, point, rtol=1e-10)


@pytest.mark.parametrize("name", sorted(set(RULES) - set(RULE_NAMES)))
def test_the_other_rules_are_methods_of_scipy(name):
    assert from_rule(make_rule(name)).name.lower() == f"scipy:{name}"


def test_a_rule_with_a_schedule_or_no_rule_is_refused():
    with pytest.raises(InputError, match="learning rate of GradientDescent"):
        from_rule(GradientDescent(learning_rate=lambda step: 1 / step))
    with pytest.raises(InputError, match="learning rate of GradientDescent"):
        from_rule(GradientDescent(learning_rate=Armijo()))
    with pytest.raises(InputError, match="given as a rule"):
        from_rule("adam")


def test_the_slots_of_rules_have_types():
    assert dict(from_rule(Adam()).slots) == {
        "point": "point",
        "average": "covector",
        "square": "diag_cov2",
        "count": "scalar",
    }


@pytest.mark.parametrize("method", ["BFGS", "CG", "L-BFGS-B", "SLSQP", "Nelder-Mead"])
def test_a_method_of_scipy_takes_its_own_steps(method):
    spec = ScipyAdapter(method, iterations=1)
    expected = scipy_minimize(
        PROBLEM.value,
        POINT,
        method=method,
        jac=None if method == "Nelder-Mead" else PROBLEM.gradient,
        options={"maxiter": 3},
    ).x
    np.testing.assert_array_equal(run(spec, PROBLEM, POINT, steps=3)["point"], expected)


def test_an_optimizer_of_pytorch_without_pytorch_is_refused_with_the_way_to_get_it(monkeypatch):
    for name in [
        name for name in sys.modules if name.partition(".")[0] == "torch" or name.startswith("solvers.pytorch")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="PyTorch, which is not installed") as caught:
        read_optimizer("torch:Adam")
    assert "symport[torch]" in caught.value.cure


def test_methods_without_this_name_are_refused():
    with pytest.raises(InputError, match="the nearest is 'Nelder-Mead'"):
        ScipyAdapter("nelder mead")
    assert "dogleg" not in SCIPY_METHODS
    with pytest.raises(InputError, match="iterations"):
        ScipyAdapter("BFGS", iterations=0)
    with pytest.raises(InputError, match="options of scipy:BFGS"):
        run(ScipyAdapter("BFGS", options={"memory": 3}), PROBLEM, POINT)


def defects(method, *classes, problems=3):
    found = trajectory(ScipyAdapter(method), list(classes), problems=vector_problems(4)[:problems], maps=2)
    return {name: one.defect for name, one in found.classes.items()}


# What SciPy does with rotations is its own affair; the findings below are those of 1.17.1.
SCIPY = tuple(int(part) for part in scipy.__version__.split(".")[:2])
of_record = pytest.mark.skipif(SCIPY > (1, 17), reason="the findings of record are those of SciPy 1.17")


@pytest.mark.parametrize("method", ["CG", "BFGS", "L-BFGS-B", "SLSQP", "trust-ncg", "trust-krylov"])
def test_methods_of_scipy_that_follow_isometries(method):
    found = defects(method, "orthogonal", "translation", "scalar")
    assert found["orthogonal"] <= NATURAL
    assert found["translation"] <= NATURAL
    assert found["scalar"] >= UNNATURAL


@of_record
def test_newton_cg_of_scipy_does_not_follow_rotations():
    """The tolerance of its inner conjugate gradients is the 1-norm of the gradient."""
    found = defects("Newton-CG", "orthogonal", "permutation", "sign", "translation")
    assert found.pop("orthogonal") >= 0.05
    assert max(found.values()) <= NATURAL


@of_record
def test_trust_exact_of_scipy_does_not_follow_rotations():
    """Its bounds of eigenvalues are Gershgorin's and those of the infinity norm."""
    found = defects("trust-exact", "orthogonal", "translation", problems=5)
    assert found["orthogonal"] >= 1e-2
    assert found["translation"] <= NATURAL


@of_record
def test_nelder_and_mead_of_scipy_follow_diagonal_scalings_and_no_translations():
    """The first simplex is made of relative changes of the coordinates of the start."""
    found = defects("Nelder-Mead", "sign", "permutation", "scalar", "diagonal", "translation", "orthogonal")
    assert min(found.pop("translation"), found.pop("orthogonal")) >= UNNATURAL
    assert max(found.values()) <= NATURAL


@of_record
@pytest.mark.parametrize("method", ["Powell", "COBYLA"])
def test_methods_of_scipy_that_notice_the_order_of_the_coordinates(method):
    assert defects(method, "permutation")["permutation"] >= UNNATURAL
