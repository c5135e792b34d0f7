"""The contraction of a teleport and a step near a minimum, and its observed order, against mpmath and closed forms."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from manifolds import InputError
from solvers.equivalence.enclosed_constants import enclosed_constants
from solvers.equivalence.local_steepest import local_steepest
from solvers.newton import check_newton_contraction, named_claim, observed_order
from solvers.objective import Objective
from symmetries import Certificate, Loss

DATA = np.random.default_rng(0).standard_normal((30, 3)).round(3)
LOGISTIC = Loss.parse("mean(softplus(X@w)) + 1/10*dot(w, w)", {"w": 3}, data={"X": DATA.tolist()})
EXPONENTIALS = Loss.parse("exp(x) - x + exp(2*y) - 2*y")


def _minimiser(loss: Loss) -> np.ndarray[Any, Any]:
    """By Newton's method."""
    objective = Objective.from_loss(loss)
    w = np.zeros(objective.size)
    for _ in range(30):
        w = w - np.linalg.solve(objective.hessian(w), objective.gradient(w))
    return w


PROBLEMS = {
    "exponentials": (EXPONENTIALS, np.zeros(2), 0.2, 2),
    "logistic": (LOGISTIC, _minimiser(LOGISTIC), 0.5, 2),
    "log-cosh": (Loss.parse("log(cosh(x)) + 2*log(cosh(2*y + x))"), np.zeros(2), 0.2, 3),
    "log-cosh, repeated": (Loss.parse("log(cosh(x)) + log(cosh(y))"), np.zeros(2), 0.2, 3),
    "quartic": (Loss.parse("x**4 + y**4 + (x + 2*y)**2 + x**2"), np.zeros(2), 0.3, 3),
    "cubic": (Loss.parse("x**2 + 4*y**2 + x**3 + x*y**2 + x**4 + y**4"), np.zeros(2), 0.1, 2),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_bound_holds_and_the_order_is_seen(name: str) -> None:
    loss, centre, radius, order = PROBLEMS[name]
    check = check_newton_contraction(loss, centre, radius=radius)
    assert isinstance(check, Certificate)
    assert check.verdict == "measured"
    found, contraction = named_claim(check, "order"), named_claim(check, "contraction")
    assert found is not None
    assert contraction is not None
    assert found.evidence["order"] == pytest.approx(order, abs=0.1)
    assert max(contraction.evidence["largest_shares_of_the_bound"]) <= 1 + 1e-6
    assert contraction.evidence["largest_distance_ratio_of_the_teleport"] <= 1.001
    if order == 2:
        assert found.evidence["constant"] == pytest.approx(found.evidence["predicted_constant"], rel=0.02)


@pytest.mark.parametrize(
    ("text", "radius", "mu", "G"),
    [
        ("exp(x) - x", 0.5, np.exp(-0.5), np.exp(0.5)),
        ("x**2 + 4*y**2", 1.0, 2.0, 0.0),
        ("sqrt(1 + x**2) + y**2", 0.2, 1.04**-1.5, 3 * 0.2 / 1.04**2.5),
        ("x**2 + x**3/6 + y**2", 0.5, 1.5, 1.0),
    ],
)
def test_enclosed_constants_are_on_the_safe_side_and_sharp(text: str, radius: float, mu: float, G: float) -> None:
    """Constants in closed form."""
    loss = Loss.parse(text)
    found = enclosed_constants(loss, {}, np.zeros(len(loss.entries)), radius)
    assert found is not None
    assert 0.97 * mu <= found[0] <= mu * (1 + 1e-12)
    assert G * (1 - 1e-12) <= found[1] <= 1.1 * G + 1e-12


def test_enclosures_prove_the_constants_where_they_can() -> None:
    check = check_newton_contraction(EXPONENTIALS, [0, 0], radius=0.2)
    claims = [named_claim(check, name) for name in ("convex", "lipschitz")]
    assert [claim.verdict for claim in claims if claim is not None] == ["proved", "proved"]
    for text in ("abs(x) + x**2", "x**2 - y**2", "relu(x)**2 + x**2"):
        loss = Loss.parse(text)
        assert enclosed_constants(loss, {}, np.zeros(len(loss.entries)), 0.1) is None


def test_the_constant_of_the_exponentials_in_closed_form() -> None:
    """H = diag(1, 4) and D3L[v,v] = 8 e_y at the minimum, so the constant is |8/4|/2 = 1."""
    found = observed_order(EXPONENTIALS, [0.0, 0.0], radius=0.05)
    assert found.predicted == pytest.approx(1.0, rel=1e-6)
    assert found.constant == pytest.approx(1.0, rel=5e-3)


def test_the_steepest_point_against_many_digits() -> None:
    """Lagrange's conditions solved with mpmath at 40 digits."""
    objective = Objective.from_loss(EXPONENTIALS)
    w = np.array([0.1, -0.05])
    found = local_steepest(objective, w, np.zeros(2))
    assert found is not None
    with mpmath.workdps(40):
        level = mpmath.exp(w[0]) - w[0] + mpmath.exp(2 * mpmath.mpf(w[1])) - 2 * mpmath.mpf(w[1])

        def equations(x: Any, y: Any, s: Any) -> list[Any]:
            """H u = s u and L = L0."""
            u, v = mpmath.exp(x) - 1, 2 * mpmath.exp(2 * y) - 2
            return [
                mpmath.exp(x) * u - s * u,
                4 * mpmath.exp(2 * y) * v - s * v,
                mpmath.exp(x) - x + mpmath.exp(2 * y) - 2 * y - level,
            ]

        root = mpmath.findroot(equations, (found.point[0], found.point[1], found.eigenvalue))
        expected = np.array([float(root[0]), float(root[1])])
    assert found.point == pytest.approx(expected, abs=1e-14)
    angles = np.linspace(0, 2 * np.pi, 500)
    for angle in angles:  # no point of the level set is steeper
        direction = np.array([np.cos(angle), np.sin(angle)])
        low, high = 0.0, 2.0
        for _ in range(45):
            middle = (low + high) / 2
            low, high = (middle, high) if objective.value(middle * direction) < level else (low, middle)
        assert np.linalg.norm(objective.gradient(low * direction)) <= np.linalg.norm(found.gradient) * (1 + 1e-9)


def test_a_quadratic_lands_at_once() -> None:
    check = check_newton_contraction(Loss.parse("x**2 + 4*y**2"), [0.0, 0.0], radius=1.0)
    order = named_claim(check, "order")
    assert order is not None
    assert (check.verdict, order.verdict) == ("measured", "measured")
    assert "lands" not in order.reason
    assert "ends at the minimiser" in order.reason


def test_given_constants_are_refuted_by_a_sample_and_sampled_ones_are_not() -> None:
    good = check_newton_contraction(EXPONENTIALS, [0, 0], radius=0.2, strong_convexity=0.8, hessian_lipschitz=12.0)
    assert good.verdict == "measured"
    for options, name in (
        ({"strong_convexity": 0.95, "hessian_lipschitz": 12.0}, "convex"),
        ({"strong_convexity": 0.8, "hessian_lipschitz": 1.0}, "lipschitz"),
    ):
        check = check_newton_contraction(EXPONENTIALS, [0, 0], radius=0.2, **options)
        claim = named_claim(check, name)
        assert claim is not None
        assert claim.verdict == "refuted"
    small = check_newton_contraction(EXPONENTIALS, [0, 0], radius=0.2, samples=2)
    assert small.verdict in ("measured", "undecided")


@pytest.mark.parametrize(
    ("text", "centre", "radius", "verdict", "name"),
    [
        ("x**2 + 4*y**2", [0.1, 0.0], 0.1, "refuted", "minimum"),
        ("x**2 - 4*y**2", [0.0, 0.0], 0.1, "undecided", "convex"),
        ("(1 - x)**2 + 100*(y - x**2)**2", [1.0, 1.0], 0.5, "undecided", "convex"),
        ("x**4 + y**2", [0.0, 0.0], 0.1, "undecided", "convex"),
    ],
)
def test_hypotheses_that_fail(text: str, centre: list[float], radius: float, verdict: str, name: str) -> None:
    check = check_newton_contraction(Loss.parse(text), centre, radius=radius)
    claim = named_claim(check, name)
    assert claim is not None
    assert (check.verdict, claim.verdict) == (verdict, verdict)


def test_an_objective_without_a_loss() -> None:
    objective = Objective.from_functions(
        lambda w: np.cosh(w).sum() + w[0] ** 2,
        lambda w: np.sinh(w) + 2 * w * np.eye(2)[0],
        lambda w, v: np.cosh(w) * v + 2 * v * np.eye(2)[0],
        size=2,
    )
    check = check_newton_contraction(objective, [0.0, 0.0], radius=0.3)
    assert check.verdict == "measured"
    assert not isinstance(check, Certificate)


@pytest.mark.parametrize(
    "options",
    [
        {"radius": 0.0},
        {"radius": -1.0},
        {"radius": float("nan")},
        {"radius": 0.1, "samples": 1},
        {"radius": 0.1, "strong_convexity": 0},
    ],
)
def test_refusals(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        check_newton_contraction(EXPONENTIALS, [0, 0], **options)
    with pytest.raises(InputError, match="starts"):
        observed_order(EXPONENTIALS, [0, 0], starts=2)
