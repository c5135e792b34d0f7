"""Newton equivalence: every kind of quadratic, losses that are none, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from solvers.equivalence.quadratic import Quadratic
from solvers.equivalence.steepest import angle_between, steepest_point
from solvers.newton import angle_to_newton, check_newton_equivalence, is_transitive, named_claim
from solvers.objective import Objective
from symmetries import Certificate, GroupAction, Linear, Loss, VectorField, derive
from symmetries.ansatz import Basis

NAMES = ["quadratic", "definite", "minimum", "transitive", "maximiser", "eigenvector", "parallel", "landing"]
ROSENBROCK = Loss.parse("(1 - x)**2 + 100*(y - x**2)**2")


def _matrix(values: Any, seed: int = 0) -> np.ndarray[Any, Any]:
    """A symmetric matrix with about the given eigenvalues."""
    basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values), len(values))))
    matrix = (basis * np.asarray(values)) @ basis.T
    return (matrix + matrix.T) / 2


def _names(check: Any) -> list[str]:
    return [claim.evidence["name"] for claim in check.claims]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("kind", ["mild", "ill", "repeated", "identity"])
def test_definite_quadratics(n: int, kind: str) -> None:
    values = {
        "mild": np.logspace(-3, 0, n),
        "ill": np.logspace(-12, 0, n),
        "repeated": np.where(np.arange(n) < n / 2, 1.0, 3.0),
        "identity": np.ones(n),
    }[kind]
    check = check_newton_equivalence(_matrix(values, n), rng=n)
    assert check.verdict == "measured"
    assert _names(check)[:8] == NAMES
    assert [claim.verdict for claim in check.claims[:5]] == ["proved"] * 5
    assert is_transitive(check) is True
    angle = angle_to_newton(check)
    assert angle is not None
    assert angle <= 1e-12
    landing = named_claim(check, "landing")
    assert landing is not None
    assert landing.evidence["relative_distance"] <= 1e-12


def test_n_500_with_condition_1e12_and_a_linear_part() -> None:
    """The largest size that is promised, from data in floating point."""
    n, rng = 500, np.random.default_rng(5)
    matrix, centre = _matrix(np.logspace(-12, 0, n), 5), rng.standard_normal(n)
    objective = Objective.from_functions(
        lambda w: float((w - centre) @ matrix @ (w - centre)) / 2,
        lambda w: matrix @ (w - centre),
        lambda _, v: matrix @ v,
        size=n,
    )
    check = check_newton_equivalence(matrix, rng=rng)
    assert check.verdict == "measured"
    assert [claim.verdict for claim in check.claims[:5]] == ["proved"] * 5
    by_functions = check_newton_equivalence(objective, rng=0)
    assert by_functions.verdict in ("measured", "undecided")
    assert all(claim.verdict != "proved" for claim in by_functions.claims)


@pytest.mark.parametrize(("rows", "n"), [(1, 2), (3, 7), (20, 50)])
def test_semidefinite_quadratics(rows: int, n: int) -> None:
    factor = np.random.default_rng(n).integers(-3, 4, (rows, n)).astype(float)
    check = check_newton_equivalence(factor.T @ factor, rng=1)
    assert check.verdict == "measured"
    definite, transitive = named_claim(check, "definite"), named_claim(check, "transitive")
    assert definite is not None
    assert transitive is not None
    assert (definite.verdict, definite.evidence["rank"]) == ("proved", rows)
    assert transitive.verdict == "proved"
    assert "translations along the kernel" in transitive.statement


@pytest.mark.parametrize("n", [3, 20, 120])
def test_a_semidefinite_matrix_of_doubles_is_one_up_to_its_rounding(n: int) -> None:
    """Rounding makes zero eigenvalues negative; in a formula the same coefficients are meant."""
    matrix = _matrix(np.where(np.arange(n) < n / 2, 0.0, 1.0 + np.arange(n)), n)
    for problem in (matrix, matrix * 1e-30):
        check = check_newton_equivalence(problem, rng=2)
        definite = named_claim(check, "definite")
        assert definite is not None
        assert check.verdict == "measured"
        assert definite.verdict in ("measured", "proved")
    assert check_newton_equivalence(Loss.parse("x**2 - 1e-20*y**2")).verdict == "undecided"


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (np.diag([1.0, -1.0]), "both signs"),
        (np.diag([1.0, 1.0, -1e-12]), "both signs"),
        (-np.eye(3), "no minimum"),
        (np.zeros((2, 2)), "Hessian is zero"),
        (Loss.parse("x + y"), "Hessian is zero"),
        (Loss.parse("x**2 + y"), "unbounded below"),
        (Loss.parse("sum((X@w - y)**2)", {"w": (3,)}, data={"X": (4, 3), "y": (4,)}), "no values"),
        (Loss.parse("a*x**2", ["x"], data=["a"]), "no values"),
    ],
)
def test_a_hypothesis_that_fails_leaves_it_undecided(problem: Any, reason: str) -> None:
    check = check_newton_equivalence(problem)
    assert check.verdict == "undecided"
    assert any(reason in claim.reason for claim in check.claims if claim.verdict == "undecided")
    assert not any(claim.verdict == "refuted" for claim in check.claims)
    assert angle_to_newton(check) is None


def test_a_start_at_the_minimiser_is_undecided() -> None:
    check = check_newton_equivalence(Loss.parse("(x - 1)**2 + (y + 2)**2"), [1.0, -2.0])
    assert check.verdict == "undecided"
    assert "minimiser already" in check.claims[-1].reason


def test_near_the_minimiser_rounding_is_no_refutation() -> None:
    for offset in (1e-9, 1e-13, 1e-16, 1e-300):
        check = check_newton_equivalence(Loss.parse("(x - 1)**2 + 10**6*(x - 2*y)**2"), [1.0 + offset, 0.5])
        assert check.verdict in ("measured", "undecided")


def test_booth_lands_exactly() -> None:
    loss = Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2")
    check = check_newton_equivalence(loss, [5.0, -5.0])
    assert isinstance(check, Certificate)
    maximiser, landing, search = (named_claim(check, name) for name in ("maximiser", "landing", "search"))
    assert maximiser is not None
    assert landing is not None
    assert search is not None
    assert maximiser.evidence["eigenvalue"] == pytest.approx(18)
    assert maximiser.evidence["gain"] == pytest.approx(1.8, rel=1e-12)
    assert landing.evidence["distance"] <= 1e-12
    assert search.evidence["share_of_the_maximum"] == pytest.approx(1, abs=1e-6)
    assert Certificate.from_json(check.to_json()).verdict == "measured"


def test_the_maximiser_against_many_digits() -> None:
    """An independent path: mpmath's eigenvectors at 60 digits."""
    rng = np.random.default_rng(11)
    matrix, w = _matrix(np.logspace(-9, 0, 5), 11), rng.standard_normal(5)
    check = check_newton_equivalence(matrix, w)
    maximiser = named_claim(check, "maximiser")
    assert maximiser is not None
    with mpmath.workdps(60):
        exact = mpmath.matrix(matrix.tolist())
        values, vectors = mpmath.eigsy(exact)
        start = mpmath.matrix(w.tolist())
        level = (start.T * exact * start)[0] / 2
        radius = mpmath.sqrt(2 * level / values[4])
        expected = np.array([float(radius * vectors[k, 4]) for k in range(5)])
    found = np.array(maximiser.evidence["point"])
    assert min(np.abs(found - expected).max(), np.abs(found + expected).max()) <= 1e-14 * float(radius) * 50


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(2, 6), st.integers(0, 10_000))
def test_no_random_point_of_the_level_set_is_steeper(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, w = _matrix(10.0 ** rng.uniform(-2, 2, n), seed), rng.standard_normal(n)
    quadratic = Quadratic.from_matrix(matrix)
    found = steepest_point(quadratic, w, [Fraction(0)] * n, n)
    assert found is not None
    directions = rng.standard_normal((200, n))
    scale = np.sqrt((w @ matrix @ w) / np.einsum("ki,ij,kj->k", directions, matrix, directions))
    others = np.linalg.norm((directions * scale[:, None]) @ matrix, axis=1) ** 2
    assert others.max() <= found.maximum * (1 + 1e-10)
    assert float(found.point @ matrix @ found.point) == pytest.approx(float(w @ matrix @ w), rel=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 4), st.sampled_from(["any", "gram", "minus a gram"]), st.booleans(), st.integers(0, 10_000))
def test_verdicts_agree_with_an_exact_classification(n: int, kind: str, in_range: bool, seed: int) -> None:
    """Random quadratics with integer coefficients, classified by SymPy."""
    rng = np.random.default_rng(seed)
    factor = rng.integers(-3, 4, (int(rng.integers(1, n + 1)), n))
    square = rng.integers(-3, 4, (n, n))
    matrix = {"any": square + square.T, "gram": factor.T @ factor, "minus a gram": -factor.T @ factor}[kind]
    linear = matrix @ rng.integers(-2, 3, n) if in_range else rng.integers(-3, 4, n)
    w = rng.integers(-3, 4, n)
    names = [f"x{k}" for k in range(n)]
    terms = [f"({matrix[i, j]})*{names[i]}*{names[j]}/2" for i in range(n) for j in range(n)]
    terms += [f"({linear[i]})*{names[i]}" for i in range(n)]
    exact = sp.Matrix(matrix.tolist())
    attained = exact.rank() == exact.row_join(sp.Matrix(linear.tolist())).rank()
    good = exact.is_positive_semidefinite and matrix.any() and attained and (matrix @ w + linear).any()
    check = check_newton_equivalence(Loss.parse(" + ".join(terms), names), w.astype(float))
    assert check.verdict == ("measured" if good else "undecided")


@pytest.mark.parametrize("seed", range(40))
def test_no_scale_and_no_condition_number_refutes_a_quadratic(seed: int) -> None:
    """Condition numbers to 1e14, scales from 1e-120 to 1e120, minimisers and starts far out."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    matrix = _matrix(10.0 ** rng.uniform(-14, 0, n), seed) * 10.0 ** rng.integers(-120, 120)
    centre = rng.standard_normal(n) * 10.0 ** rng.integers(-3, 9)
    data = {"A": matrix, "b": -matrix @ centre}
    w = centre + rng.standard_normal(n) * 10.0 ** rng.integers(-12, 6)
    loss = Loss.parse("w@A@w/2 + dot(b, w)", {"w": (n,)}, data={"A": (n, n), "b": (n,)})
    functions = Objective.from_functions(
        lambda v: v @ matrix @ v / 2 + data["b"] @ v,
        lambda v: matrix @ v + data["b"],
        lambda _, v: matrix @ v,
        size=n,
    )
    for check in (check_newton_equivalence(loss, w, data=data), check_newton_equivalence(functions, w)):
        assert check.verdict in ("measured", "undecided")


def test_least_squares_with_data_in_every_form() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((20, 5)), rng.standard_normal(20)
    shapes = {"X": (20, 5), "y": (20,)}
    free = Loss.parse("sum((X@w - y)**2)", {"w": (5,)}, data=shapes)
    given = Loss.parse("norm(X@w - y)**2", {"w": (5,)}, data={"X": X.tolist(), "y": y.tolist()})
    centre = np.linalg.lstsq(X, y, rcond=None)[0]
    for problem, data in ((free, {"X": X, "y": y}), (given, None), (Objective.from_loss(free, {"X": X, "y": y}), None)):
        check = check_newton_equivalence(problem, np.ones(5), data=data)
        maximiser = named_claim(check, "maximiser")
        assert maximiser is not None
        assert (check.verdict, maximiser.verdict) == ("measured", "proved")
        assert maximiser.evidence["minimiser"] == pytest.approx(centre, rel=1e-12)


def test_functions_are_measured_and_never_proved() -> None:
    matrix = _matrix(np.logspace(-3, 0, 6))
    exact = Objective.from_functions(
        lambda w: w @ matrix @ w / 2, lambda w: matrix @ w, lambda _, v: matrix @ v, size=6
    )
    differences = Objective.from_functions(lambda w: w @ matrix @ w / 2, lambda w: matrix @ w, size=6)
    for objective in (exact, differences):
        check = check_newton_equivalence(objective)
        assert {claim.verdict for claim in check.claims} == {"measured"}
    cosh = Objective.from_functions(lambda w: np.cosh(w).sum(), np.sinh, lambda w, v: np.cosh(w) * v, size=2)
    assert check_newton_equivalence(cosh, [1.0, 2.0]).verdict == "refuted"


def test_a_given_group_must_fill_the_level_set() -> None:
    action = GroupAction.catalogued("quadratic", matrix=[[2, 1, 0], [1, 3, 0], [0, 0, 5]])
    check = check_newton_equivalence(action.loss, action=action)
    transitive = named_claim(check, "transitive")
    assert transitive is not None
    assert (check.verdict, transitive.verdict, transitive.evidence["rank"]) == ("measured", "proved", 2)
    small = Loss.parse("x**2 + y**2 + 2*z**2")
    algebra = derive(small, ansatz=Linear())
    turn = GroupAction.from_algebra(algebra)
    assert is_transitive(check_newton_equivalence(small, [1.0, 1.0, 1.0], action=turn)) is True
    linear = GroupAction.catalogued("low-rank", rows=1, columns=1, rank=1)
    with pytest.raises(InputError, match="another loss"):
        check_newton_equivalence(small, action=linear)
    with pytest.raises(InputError, match="no group action"):
        check_newton_equivalence(small, action="orbit")  # type: ignore[arg-type]


def test_a_group_of_lower_rank_is_undecided() -> None:
    """Rotations of the first two coordinates alone do not reach the steepest point of an ellipsoid."""
    loss = Loss.parse("x**2 + y**2 + 2*z**2")
    algebra = derive(loss, ansatz=Basis([VectorField({"x": "-y", "y": "x"})]))
    check = check_newton_equivalence(loss, [1.0, 1.0, 1.0], action=GroupAction.from_algebra(algebra))
    assert (check.verdict, is_transitive(check)) == ("undecided", False)


def test_rosenbrock_is_refuted_at_its_steepest_point() -> None:
    check = check_newton_equivalence(ROSENBROCK, [-1.0, -1.0])
    verdicts = {claim.evidence["name"]: claim.verdict for claim in check.claims}
    assert check.verdict == "refuted"
    assert verdicts == {
        "quadratic": "refuted",
        "transitive": "proved",
        "eigenvector": "measured",
        "parallel": "measured",
        "landing": "refuted",
    }
    eigenvector, landing = named_claim(check, "eigenvector"), named_claim(check, "landing")
    assert eigenvector is not None
    assert landing is not None
    x, y = eigenvector.evidence["point"]
    slope = np.array([2 * (x - 1) - 400 * x * (y - x**2), 200 * (y - x**2)])
    assert slope @ slope == pytest.approx(7.54495343e7, rel=1e-6)
    assert landing.evidence["minimiser"] == [1.0, 1.0]
    assert landing.evidence["distance"] == pytest.approx(222.1987, rel=1e-5)


def test_an_unknown_minimiser_leaves_the_landing_undecided() -> None:
    loss = Loss.parse("exp(x) - x + exp(y) - y")
    unknown, known = (
        check_newton_equivalence(loss, [1.0, 2.0]),
        check_newton_equivalence(loss, [1.0, 2.0], minimiser=[0, 0]),
    )
    for check, verdict in ((unknown, "undecided"), (known, "refuted")):
        landing = named_claim(check, "landing")
        assert landing is not None
        assert (check.verdict, landing.verdict) == ("refuted", verdict)
    quartic = named_claim(check_newton_equivalence(Loss.parse("(x - 1)**4 + (2*y - x)**4"), [3.0, 0.0]), "landing")
    assert quartic is not None
    assert quartic.evidence["minimiser"] == [1.0, 0.5]


def test_the_declared_point_is_the_start() -> None:
    loss = Loss.parse("x**2 + 9*y**2").with_point({"x": 3, "y": 0})
    maximiser = named_claim(check_newton_equivalence(loss), "maximiser")
    assert maximiser is not None
    assert maximiser.evidence["gradient_norm_before"] == 6.0
    one, other = (check_newton_equivalence(_matrix([1.0, 2.0, 3.0]), rng=4).to_dict() for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("problem", "w", "message"),
    [
        (np.array([[1.0, 2.0], [0.0, 1.0]]), None, "not symmetric"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), None, "NaN"),
        (np.ones((2, 3)), None, "shape"),
        ("x**2", None, "loss or an objective"),
        (np.eye(2), [1.0, 2.0, 3.0], "3"),
        (np.eye(2), [1.0, np.inf], "NaN or infinity"),
        (ROSENBROCK, [1.0], "parameters"),
    ],
)
def test_refusals(problem: Any, w: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_newton_equivalence(problem, w)


def test_angles_are_accurate_when_small() -> None:
    assert angle_between(np.array([1.0, 0.0]), np.array([1.0, 1e-15])) == pytest.approx(1e-15)
    assert angle_between(np.array([1.0, 0.0]), np.array([-1.0, 0.0])) == pytest.approx(np.pi)
    assert np.isnan(angle_between(np.zeros(2), np.ones(2)))
