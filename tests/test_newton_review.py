"""Cases that once gave Newton equivalence a wrong verdict."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.equivalence.enclosed_constants import _boxes
from solvers.equivalence.other_claims import Steepest, other_claims
from solvers.newton import check_newton_equivalence, named_claim
from solvers.objective import Objective
from symmetries import Loss


def verdict_of(problem, w=None):
    return named_claim(check_newton_equivalence(problem, w), "quadratic").verdict


@pytest.mark.parametrize("start", [[1.0], [20.0]])
def test_rounding_of_a_cancelling_quadratic_does_not_refute_it(start):
    assert verdict_of(Loss.parse("cosh(x)**2 - sinh(x)**2 + x**2"), start) != "refuted"


def test_a_quadratic_hidden_below_rounding_is_proved_by_expansion():
    check = check_newton_equivalence(Loss.parse("exp(log(x**2 + 1e12)) - 1e12 + x**2"), [1.0])
    assert (verdict_of(Loss.parse("exp(log(x**2 + 1e12)) - 1e12 + x**2"), [1.0]), check.verdict) == (
        "proved",
        "measured",
    )


@pytest.mark.parametrize("offset", [1e6, 1e10, 1e12])
def test_functions_with_large_rounding_are_not_refuted(offset):
    objective = Objective.from_functions(
        lambda w: float(np.exp(np.log(w @ w + offset)) - offset), lambda w: 2 * w, lambda w, v: 2 * v, size=2
    )
    assert verdict_of(objective, [1.0, 2.0]) != "refuted"


@pytest.mark.parametrize("text", ["abs(x)", "cosh(x) + x**2", "relu(x)**2 + x", "1/(1 + x**2)", "sqrt(1 + x**2)"])
def test_what_is_not_quadratic_is_still_refuted(text):
    loss = Loss.parse(text)
    objective = Objective.from_loss(loss)
    functions = Objective.from_functions(objective.value, objective.gradient, objective.hvp, size=objective.size)
    assert (verdict_of(loss, [0.7]), verdict_of(functions, [0.7])) == ("refuted", "refuted")


def test_a_step_from_a_point_that_is_not_stationary_refutes_nothing():
    objective = Objective.from_loss(Loss.parse("x**4 + y**2"))
    w = np.array([1.0, 0.3])
    gradient = objective.gradient(w)
    found = Steepest(w, gradient, objective.hvp(w, gradient), "level-set", "max-steps")
    landing = other_claims(objective, w, found, np.zeros(2))[-1]
    assert (landing.verdict, "eigenvector" in landing.reason) == ("undecided", True)


@pytest.mark.parametrize(("centre", "radius"), [(1.0, 1e-15), (1e8, 1e-7), (-1e10, 1e-3), (0.1, 0.5)])
def test_boxes_cover_the_ball_exactly_whatever_the_rounding_of_their_middles(centre, radius):
    boxes = sorted(
        (Fraction(m) - Fraction(h), Fraction(m) + Fraction(h)) for ((m, h),) in _boxes(np.array([centre]), radius)
    )
    assert boxes[0][0] <= Fraction(centre) - Fraction(radius)
    assert max(high for _, high in boxes) >= Fraction(centre) + Fraction(radius)
    reached = boxes[0][1]
    for low, high in boxes[1:]:
        assert low <= reached
        reached = max(reached, high)


@pytest.mark.parametrize("problem", [[[1], [2, 3]], [["a"]], [], [[1.0, 2.0]]])
def test_lists_that_are_no_matrix_are_refused(problem):
    with pytest.raises(InputError):
        check_newton_equivalence(problem)


@pytest.mark.parametrize("minimiser", ["zz", [1.0], [np.nan, 0.0]])
def test_a_minimiser_that_is_no_point_is_refused_for_quadratics_too(minimiser):
    with pytest.raises(InputError):
        check_newton_equivalence(Loss.parse("x**2 + y**2"), [1.0, 2.0], minimiser=minimiser)
