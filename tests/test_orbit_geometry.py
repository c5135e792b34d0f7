"""Slices, minimal vectors, distances to orbits, canonical representatives, invariants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from symmetries import Affine, GroupAction, Linear, Loss, Polynomial, derive
from symmetries.actions.canonical import canonical_representative
from symmetries.actions.invariants import polynomial_invariants
from symmetries.actions.orbit_geometry import ADVICE, minimal_vector, nearest_on_orbit, slice_at
from symmetries.ansatz import Ansatz
from symmetries.compiled import compile_loss
from symmetries.fields import polynomial_text


@pytest.mark.parametrize("name", ["low-rank", "linear-network", "attention", "rosenbrock"])
def test_a_slice_is_the_normal_space(name: str) -> None:
    action = GroupAction.catalogued(name)
    w = np.random.default_rng(0).standard_normal(action.space.size)
    normal = slice_at(action, w)
    assert len(normal) == action.space.size - action.orbit_dimension(w)
    assert normal @ normal.T == pytest.approx(np.eye(len(normal)), abs=1e-12)
    assert normal @ action.field(w).T == pytest.approx(0.0, abs=1e-9 * np.abs(action.field(w)).max())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_minimal_vectors_balance_factors(seed: int) -> None:
    action = GroupAction.catalogued("low-rank")
    w = np.random.default_rng(seed).standard_normal(14)
    found = minimal_vector(action, w)
    parts = action.space.split(found.point)
    assert found.status == "converged"
    assert parts["U"].T @ parts["U"] == pytest.approx(parts["V"] @ parts["V"].T, abs=1e-6)
    product = action.space.split(w)
    singular = np.linalg.svd(product["U"] @ product["V"], compute_uv=False)
    assert 2 * found.value == pytest.approx(2 * singular.sum(), rel=1e-9)
    assert action.apply(found.element, w) == pytest.approx(found.point, abs=1e-8)


@pytest.mark.parametrize("name", ["low-rank", "homogeneous-network", "attention"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_canonical_representative_does_not_depend_on_the_point_of_the_orbit(name: str, seed: int) -> None:
    action: Any = GroupAction.catalogued(name)
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(action.space.size)
    one = canonical_representative(action, w)
    other = canonical_representative(action, action.apply(action.random(rng, scale=0.4), w))
    assert one.status == other.status == "converged"
    assert other.point == pytest.approx(one.point, abs=1e-5)
    data = {k: rng.standard_normal(v.shape) for k, v in action.loss.data.items() if v.values is None}
    compiled = compile_loss(action.loss)
    assert compiled.value(one.point, data) == pytest.approx(compiled.value(w, data), rel=1e-11)


def test_an_orbit_that_is_not_closed_has_no_nearest_point() -> None:
    action = GroupAction.from_algebra(derive(Loss.parse("x**2*y")))
    found = minimal_vector(action, [1.0, 0.0])
    assert found.status == "unbounded"
    assert found.advice == ADVICE["unbounded"]


def test_nearest_on_an_orbit() -> None:
    action = GroupAction.from_algebra(derive(Loss.parse("x**2 + y**2 + z**2")))
    found = nearest_on_orbit(action, [3.0, 0.0, 4.0], [0.0, 0.0, -7.0])
    assert found.point == pytest.approx([0.0, 0.0, -5.0], abs=1e-6)
    assert np.sqrt(2 * found.value) == pytest.approx(2.0)
    low_rank = GroupAction.catalogued("low-rank")
    rng = np.random.default_rng(0)
    w = rng.standard_normal(14)
    same = nearest_on_orbit(low_rank, w, low_rank.apply(low_rank.random(rng, scale=0.3), w))
    assert same.value == pytest.approx(0.0, abs=1e-20)


def test_normal_forms_of_other_groups_are_refused() -> None:
    action: Any = GroupAction.catalogued("odd-network")
    with pytest.raises(InputError, match="Z_2"):
        canonical_representative(action, np.ones(20))


INVARIANTS: list[tuple[Loss, Ansatz, int, tuple[int, ...], set[str]]] = [
    (Loss.parse("x**2 + 9*y**2"), Linear(), 4, (0, 1, 1, 2), {"x**2 + 9*y**2"}),
    (Loss.parse("(x*y*z - 1)**2"), Linear(), 6, (0, 0, 1, 1, 1, 2), {"x*y*z"}),
    (Loss.parse("(x - y)**2"), Affine(), 3, (1, 2, 3), {"x - y"}),
    (Loss.parse("det(A)", {"A": (2, 2)}), Linear(), 4, (0, 1, 1, 2), {"A[0,0]*A[1,1] - A[0,1]*A[1,0]"}),
]


@pytest.mark.parametrize(("loss", "ansatz", "degree", "dimensions", "formulas"), INVARIANTS)
def test_invariants(loss: Loss, ansatz: Ansatz, degree: int, dimensions: tuple[int, ...], formulas: set[str]) -> None:
    ring = polynomial_invariants(derive(loss, ansatz=ansatz), degree=degree)
    assert ring.dimensions == dimensions
    assert set(ring.formulas) == formulas
    assert ring.claim.verdict == "proved"


def test_the_loss_is_an_invariant_of_a_nonlinear_group() -> None:
    loss = Loss.parse("100*(x**2 - y)**2 + (x - 1)**2")
    ring = polynomial_invariants(derive(loss, ansatz=Polynomial(3)), degree=4)
    assert len(ring.generators) == 1
    assert "x**4" in polynomial_text(ring.generators[0])


def test_invariants_of_a_factorisation_are_the_entries_of_the_product() -> None:
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)})
    ring = polynomial_invariants(derive(loss), degree=4)
    assert len(ring.generators) == 4
    assert ring.dimensions == (0, 4, 4, 14)


@pytest.mark.parametrize("degree", [0, -1, True, 1.5])
def test_a_degree_that_is_none_is_refused(degree: Any) -> None:
    with pytest.raises(InputError, match="degree"):
        polynomial_invariants(derive(Loss.parse("x**2 + y**2")), degree=degree)


def test_too_many_monomials_and_constants_are_refused() -> None:
    with pytest.raises(InputError, match="monomials"):
        polynomial_invariants(derive(Loss.parse("x**2 + y**2")), degree=500)
    loss = Loss.parse("x**2/a**2 + y**2", ["x", "y"], constants=["a"])
    with pytest.raises(InputError, match="contain a"):
        polynomial_invariants(derive(loss))
