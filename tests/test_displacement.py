"""Displacement against curvature, against reference values and a second computation of the distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.spatial import cKDTree

from manifolds.errors import InputError
from solvers.convergence.displacement import mean_displacement
from solvers.rates import displacement_against_curvature

CIRCLE = {1: 0.63635, 2: 0.63555, 5: 0.62955, 10: 0.59874}
PARABOLA = {0.5: 0.63095, 1: 0.62106, 2: 0.61401, 5: 0.63902, 10: 0.67315, 20: 0.70731, 40: 0.73625, 80: 0.75884}


@pytest.mark.parametrize(("kappa", "value"), CIRCLE.items())
def test_circle(kappa, value):
    claim = displacement_against_curvature([kappa], curve="circle", radius=0.1).claims[1]
    assert claim.evidence["value"] == pytest.approx(value, abs=1e-5)
    assert claim.evidence["quadrature_error"] < 1e-8


@pytest.mark.parametrize(("bend", "value"), PARABOLA.items())
def test_parabola(bend, value):
    assert mean_displacement(bend, "parabola")[0] == pytest.approx(value, abs=1e-5)


def test_the_minimum_of_the_parabola():
    found = minimize_scalar(lambda b: mean_displacement(b, "parabola")[0], bounds=(1, 3), method="bounded")
    assert found.x == pytest.approx(1.828, abs=1e-2)
    assert found.fun == pytest.approx(0.61379, abs=1e-5)


def test_neither_curve_is_monotone():
    assert displacement_against_curvature([1, 2, 5, 10], curve="circle").claims[-1].verdict == "measured"
    assert displacement_against_curvature([10, 16, 30], curve="circle").claims[-1].verdict == "refuted"
    rising = displacement_against_curvature([5, 20, 50]).claims[-1]
    assert (rising.verdict, rising.evidence["counterexample"]) == ("refuted", [20.0, 50.0])


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.floats(0.01, 50))
def test_against_the_nearest_of_many_points(bend):
    angles = (np.arange(400) + 0.5) * 2 * np.pi / 400
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    x = np.sinh(np.linspace(-8, 8, 60_001)) / np.sinh(8) * 2.2
    nearest, _ = cKDTree(np.column_stack([x, bend * x**2 / 2])).query(points)
    assert mean_displacement(bend, "parabola")[0] == pytest.approx(nearest.mean(), abs=3e-4)
    to_circle = np.abs(np.hypot(points[:, 0], points[:, 1] - 1 / bend) - 1 / bend)
    assert mean_displacement(bend, "circle")[0] == pytest.approx(to_circle.mean(), abs=3e-4)


def test_it_depends_on_the_product_and_ends_at_the_line():
    values = [displacement_against_curvature([k], radius=r).claims[1].evidence["value"] for k, r in ((2, 1), (20, 0.1))]
    assert values[0] == pytest.approx(values[1], rel=1e-14)
    line = displacement_against_curvature([0]).claims
    assert line[0].verdict == "proved"
    assert mean_displacement(1e-9, "parabola")[0] == pytest.approx(2 / np.pi, abs=1e-9)


@pytest.mark.parametrize(
    ("curvatures", "options"), [([], {}), ([2, 1], {}), ([-1], {}), ([1], {"radius": 0}), ([1], {"curve": "line"})]
)
def test_bad_input(curvatures, options):
    with pytest.raises(InputError):
        displacement_against_curvature(curvatures, **options)


@pytest.mark.parametrize("curve", ["circle", "parabola"])
def test_the_smallest_and_the_largest_curvatures(curve):
    for bend in (1e-300, 1e-11, 1e-9):
        value, error = mean_displacement(bend, curve)
        assert abs(value - 2 / np.pi) <= error + 1e-12
    assert displacement_against_curvature([1e9], radius=1.0, curve=curve).verdict == "measured"
    with pytest.raises(InputError, match="above 1e"):
        displacement_against_curvature([1e200], radius=1.0, curve=curve)
