"""Optimal points of a level set, third derivatives and what the flow does to them."""

import numpy as np
import pytest
import sympy
from scipy.optimize import brentq

from manifolds.errors import InputError
from solvers.convergence.third_derivative import _differences, third_derivative
from solvers.objective import Objective
from solvers.rates import level_set_kkt, persistence_of_optimality
from symmetries import Loss

ROSENBROCK = Loss.parse("100*(x**2 - y)**2 + (x - 1)**2")
BENT = Loss.parse("x*(1 - 8*x**2*y)**(-1/2)", ["x", "y"])


def on_orbit(angle):
    """The point of Rosenbrock's orbit through (-1, -1) at an angle of its residuals (20, -2)."""
    u, v = 20 * np.cos(angle) + 2 * np.sin(angle), 20 * np.sin(angle) - 2 * np.cos(angle)
    return np.array([v + 1, (v + 1) ** 2 - u / 10])


def orbit_maximum():
    """The steepest point of the orbit, by a second computation."""
    objective = Objective.from_loss(ROSENBROCK)

    def slope(angle):
        gradient = objective.gradient(on_orbit(angle))
        return np.array([-gradient[1], gradient[0]]) @ objective.hvp(on_orbit(angle), gradient)

    angles = np.linspace(0.6, 1.1, 200)
    lengths = [np.sum(objective.gradient(on_orbit(angle)) ** 2) for angle in angles]
    best = int(np.argmax(lengths))
    return on_orbit(brentq(slope, angles[best - 1], angles[best + 1], xtol=1e-15)), max(lengths)


def test_rosenbrock_violates_the_condition():
    point, length = orbit_maximum()
    assert length / 806416 == pytest.approx(93.56, abs=0.01)
    check = persistence_of_optimality(ROSENBROCK, point)
    assert [claim.verdict for claim in check.claims] == ["measured", "refuted", "refuted"]
    assert check.claims[1].evidence["worst_residual"] == pytest.approx(0.0221, abs=1e-4)
    assert check.claims[1].evidence["derivative"] == "formulas"


def test_a_set_that_is_not_regular_is_left_although_the_derivative_is_parallel():
    check = persistence_of_optimality(BENT, [[0.0, 0.5], [0.0, 1.0]], time=0.2)
    assert [claim.verdict for claim in check.claims] == ["measured", "measured", "refuted"]
    assert "regular" in check.claims[1].assumptions[0]


def test_quadratics_of_any_sign_and_radial_losses_persist():
    assert persistence_of_optimality(Loss.parse("x**2 - 3*y**2"), [0.0, 1.0]).claims[1].verdict == "proved"
    radial = persistence_of_optimality(Loss.parse("(x**2 + y**2)**2"), [[1.0, 0.5], [0.2, 0.3]])
    assert [claim.verdict for claim in radial.claims] == ["measured"] * 3


def test_points_that_are_not_optimal_are_undecided():
    check = persistence_of_optimality(ROSENBROCK, [-1.0, -1.0])
    assert [claim.verdict for claim in check.claims] == ["refuted", "undecided", "undecided"]
    assert persistence_of_optimality(Loss.parse("x**2 + y**4"), [0.0, 0.0]).verdict == "undecided"


def test_third_derivatives_by_formulas_by_differences_and_by_sympy():
    x, y = sympy.symbols("x y")
    expression = sympy.exp(x * y) + x**3 * sympy.sin(y)
    objective = Objective.from_loss(Loss.parse("exp(x*y) + x**3*sin(y)", ["x", "y"]))
    w, u = np.array([0.3, -0.7]), np.array([1.2, 0.4])
    s = sympy.Symbol("s")
    moved = expression.subs({x: x + s * float(u[0]), y: y + s * float(u[1])}, simultaneous=True).diff(s, 2).subs(s, 0)
    wanted = [float(moved.diff(one).subs({x: 0.3, y: -0.7})) for one in (x, y)]
    vector, how = third_derivative(objective, w, u)
    assert how == "formulas"
    assert np.allclose(vector, wanted, rtol=1e-12)
    assert np.allclose(_differences(objective, w, u), wanted, rtol=1e-8)


def test_third_derivatives_with_data():
    loss = Loss.parse("sum(c*w**3) + a*sum(w**2)", {"w": (2,)}, data={"c": (2,)}, constants=["a"])
    objective = Objective.from_loss(loss, {"c": [1.0, 2.0]}, constants={"a": 5.0})
    vector, how = third_derivative(objective, np.array([1.0, 1.0]), np.array([1.0, 2.0]))
    assert (how, vector.tolist()) == ("formulas", [6.0, 48.0])


def test_functions_are_differenced():
    functions = Objective.from_functions(
        lambda w: float((w @ w) ** 2),
        lambda w: 4 * (w @ w) * w,
        lambda w, v: 4 * (w @ w) * v + 8 * (w @ v) * w,
        size=2,
    )
    check = persistence_of_optimality(functions, [1.0, 0.5])
    assert check.verdict == "measured"
    assert check.claims[1].evidence["derivative"] == "differences"


def test_kkt_of_a_semidefinite_quadratic():
    loss = Loss.parse("(x + y)**2 + 3*z**2")
    check = level_set_kkt(loss, [1.0, 1.0, 0.0])
    assert check.verdict == "measured"
    assert check.claims[0].evidence["eigenvalue"] == pytest.approx(4)
    assert level_set_kkt(loss, [1.0, 1.0, 1.0]).verdict == "refuted"
    assert level_set_kkt(Loss.parse("x + y**2"), [0.0, 0.0]).claims[1].verdict == "undecided"  # lambda = 0
    assert level_set_kkt(loss, [0.0, 0.0, 0.0]).verdict == "undecided"


def test_bad_input():
    with pytest.raises(InputError, match="points"):
        persistence_of_optimality(ROSENBROCK, [])
    with pytest.raises(InputError, match="time"):
        persistence_of_optimality(ROSENBROCK, [1.0, 2.0], time=-1.0)


def test_a_long_flow_from_a_rounded_point_is_not_refuted_by_rounding():
    bowl = Loss.parse("x**2/2 + 5*y**2")
    near = persistence_of_optimality(bowl, [1e-8, 1.0], time=0.5)
    assert near.claims[2].verdict == "measured"
    assert persistence_of_optimality(bowl, [1e-8, 1.0], time=5.0).claims[2].verdict == "undecided"


def test_a_point_that_is_optimal_up_to_rounding_is_no_counterexample():
    # optimal on x = 0, where the third derivative vanishes; beside it all of it is across the gradient
    loss = Loss.parse("x**2/2 + 5*y**2/2 + x**2*y**2")
    for x in (0.0, 1e-8, 1e-7, 5e-7):
        assert persistence_of_optimality(loss, [x, 1.0], time=0.05).claims[1].verdict in ("measured", "undecided")
    assert persistence_of_optimality(loss, [1e-7, 1.0], tolerance=1e-8).claims[1].verdict == "undecided"


@pytest.mark.parametrize("options", [{"time": True}, {"tolerance": "a"}, {"tolerance": np.nan}])
def test_numbers_that_make_no_sense(options):
    with pytest.raises(InputError, match=next(iter(options))):
        persistence_of_optimality(Loss.parse("x**2 + y**2"), [0.0, 1.0], **options)


def test_what_is_no_point():
    with pytest.raises(InputError, match="points"):
        persistence_of_optimality(Loss.parse("x**2 + y**2"), 5)
