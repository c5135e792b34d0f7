"""Sections lie in the group, take E to the point and are well conditioned, everywhere and for every array library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from space_table import FORMS, dense, random_point, symplectic_unit

from manifolds import sections
from manifolds.form import OrthogonalForm, SymplecticForm, UnitaryForm
from manifolds.frame_section import one_stage_section
from manifolds.sections import closed_section, polar_section
from manifolds.spaces import Grassmann, Stiefel, SymplecticStiefel
from manifolds.transport import frame

QUICK = settings(deadline=None, derandomize=True, max_examples=25)


def adjoint(form, A):
    """A* from its definition, with J in full."""
    if form.copies == 1:
        return A.conj().T
    rows, columns = (symplectic_unit(size // 2) for size in A.shape)
    return columns.T @ A.T @ rows


def residual(form, Y, section):
    matrix = dense(form, section, Y.dtype)
    one = np.eye(form.rows)
    return max(
        np.abs(adjoint(form, matrix) @ matrix - one).max(),
        np.abs(matrix @ frame(form, Y) - Y).max(),
        np.abs(section.solve(Y) - adjoint(form, matrix) @ Y).max(),
        np.abs(section.pull_back(Y) - matrix.conj().T @ Y).max(),
    )


@QUICK
@given(st.sampled_from(FORMS), st.integers(1, 8), st.integers(0, 8), st.integers(0, 10**6))
def test_sections_are_group_elements_over_the_point(kind, n, more, seed):
    form = kind(n + more, n)
    Y = random_point(form, seed)
    assert residual(form, Y, closed_section(form, Y)) <= 1e-13


@QUICK
@given(st.sampled_from(FORMS), st.integers(1, 4), st.integers(1, 5), st.integers(0, 10**6))
def test_adjoint_of_the_form(kind, n, more, seed):
    form, rng = kind(n + more, n), np.random.default_rng(seed)
    A, B = (rng.standard_normal((form.rows, form.columns)) + 0j for _ in range(2))
    A, B = (A + 1j * B, B) if form.field == "complex" else (A.real, B.real)
    square = A[: form.columns]
    np.testing.assert_allclose(form.pair(A, B), adjoint(form, A) @ B, atol=1e-12)
    np.testing.assert_allclose(form.star(square), adjoint(form, square), atol=1e-14)
    np.testing.assert_allclose(form.dual(A, square), adjoint(form, A).conj().T @ square, atol=1e-12)
    tail = A - frame(form, A) @ form.head(A)
    np.testing.assert_allclose(form.tail_gram(A), adjoint(form, tail) @ tail, atol=1e-12)


@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize(("N", "n"), [(2, 1), (3, 2), (5, 4), (8, 7), (9, 6), (20, 19), (30, 16)])
def test_the_polar_section_is_well_conditioned(N, n, field):
    space = Stiefel(N, n, field=field)
    Y = space.random(1, 300)
    section = closed_section(space.form, Y)
    assert section.conditioning().max() <= 1.01
    assert residual(space.form, Y[0], closed_section(space.form, Y[0])) <= 1e-13


def test_the_symplectic_section_is_well_conditioned_on_wild_frames():
    space = SymplecticStiefel(10, 3)
    rng = np.random.default_rng(0)
    largest, worst = 0.0, 0.0
    for scale in (1.0, 4.0, 8.0, 13.0):
        Y = space.random(rng, 250, scale=scale)
        section = closed_section(space.form, Y)
        size = np.linalg.norm(Y, 2, axis=(-2, -1))
        largest, worst = max(largest, size.max()), max(worst, section.second.conditioning().max())
        difference = np.abs(section.apply(frame(space.form, Y)) - Y).max(axis=(-2, -1)) / size
        assert difference.max() <= 1e-15 * size.max() ** 1.5
    assert 300 <= largest <= 1e4
    assert worst <= 5


def test_one_stage_would_not_do_for_symplectic_frames():
    """The reason for two stages: the head of a symplectic frame can have the eigenvalue -1 on a hypersurface."""
    space = SymplecticStiefel(4, 2)
    before, crossing, after = (
        np.diag([-a, 3.0, 0.0, 0.0, -1 / a, 1 / 3, 0.0, 0.0])[:, [0, 1, 4, 5]] for a in (2.0, 1.0, 0.5)
    )
    for Y in (before, crossing, after):
        assert space.belongs(Y)
        assert residual(space.form, Y, closed_section(space.form, Y)) <= 1e-14
    assert not np.abs(one_stage_section(np, space.form, crossing).inverse).max() < 1e12


@pytest.mark.parametrize(("N", "n"), [(12, 3), (20, 5), (9, 6), (5, 1), (2, 1), (4, 4)])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_singular_points_of_the_one_stage_section(N, n, field):
    space = Stiefel(N, n, field=field)
    E = frame(space.form, space.random(0))
    reverse = E[:, ::-1].copy()
    near = space.project(-E + 1e-9 * space.random(1))
    for Y in (E, -E, reverse, -reverse, np.roll(E, 1, axis=0), near):
        assert residual(space.form, Y, closed_section(space.form, Y)) <= 1e-14


def test_a_device_is_waited_for_only_where_the_point_is_looked_at(monkeypatch):
    """On a device the first, checked section is safe at singular points too."""
    monkeypatch.setattr(sections, "on_host", lambda array: False)
    space = Stiefel(12, 3)
    Y = -frame(space.form, space.random(0))
    assert np.isnan(space.section(Y, check=False).section.inverse).all()
    assert residual(space.form, Y, space.section(Y).section) <= 1e-14


def test_a_batch_with_one_singular_point_among_others():
    space = Stiefel(12, 3)
    Y = space.random(0, 3)
    Y[1] = -frame(space.form, Y[1])
    whole = closed_section(space.form, Y)
    X = space.random(1, 3)
    alone = [closed_section(space.form, Y[i]).solve(X[i]) for i in range(3)]
    np.testing.assert_allclose(whole.solve(X), np.stack(alone), atol=1e-15)


def test_the_section_of_an_inexact_point_is_still_in_the_group():
    """The reason why errors do not grow: K + K* = P* P holds whatever Y is."""
    for form in (OrthogonalForm(9, 3), OrthogonalForm(6, 4), UnitaryForm(9, 3), SymplecticForm(7, 2)):
        Y = random_point(form, 0)
        Y = Y + 1e-3 * np.random.default_rng(0).standard_normal(Y.shape)
        matrix = dense(form, closed_section(form, Y), Y.dtype)
        assert np.abs(adjoint(form, matrix) @ matrix - np.eye(form.rows)).max() <= 1e-14


def test_group_elements_are_drawn_back_to_the_group():
    space = Stiefel(4, 4)
    Y = space.random(0) + 1e-5 * np.random.default_rng(0).standard_normal((4, 4))
    before, after = space.error(Y), space.error(closed_section(space.form, Y).matrix)
    assert after <= before**2


def test_polar_and_one_stage_sections_differ_by_an_element_that_fixes_the_origin():
    space = Grassmann(12, 3)
    Y = space.random(0)
    one, polar = (dense(space.form, make(np, space.form, Y), Y.dtype) for make in (one_stage_section, polar_section))
    gauge = one.T @ polar
    np.testing.assert_allclose(gauge[:3, :3], np.eye(3), atol=1e-14)
    np.testing.assert_allclose(gauge[3:, :3], 0, atol=1e-14)
