"""The section at a frame and its Cayley step: the block reflection and the general retraction, with fewer products."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import sections
from manifolds.array_api import is_within, quick_inverse
from manifolds.frame_section import FrameSection, frame_section
from manifolds.retractions import retracted
from manifolds.section import ReflectionSection
from manifolds.sections import closed_section
from manifolds.spaces import Grassmann, Stiefel

QUICK = settings(deadline=None, derandomize=True, max_examples=40)
SPACES = st.sampled_from([Stiefel, Grassmann])
FIELDS = st.sampled_from(["real", "complex"])
LENGTHS = (1e-4, 1e-2, 0.3, 1.0, 3.0, 30.0, 1e4)


def general(section, W, *, flat):
    """The section of the same point as a block reflection, times the columns of the Cayley transform."""
    return section.reflection.apply(retracted(section.form, W, retraction="cayley", flat=flat))


def step(space, seed, *, length, batch=()):
    """A point and coordinates of a step whose largest singular value is the length."""
    Y, W = space.random(seed, batch), space.random_coordinates(seed + 1, batch)
    size = np.linalg.norm(W, 2, axis=(-2, -1))[..., None, None]
    return Y, length * W / np.where(size > 0, size, 1)


def room(space, n, more, field):
    """A space whose frames have a one-stage section."""
    return space(n + max(n, 4) + more, n, field=field)


@QUICK
@given(SPACES, FIELDS, st.integers(1, 9), st.integers(0, 30), st.sampled_from(LENGTHS), st.integers(0, 10**6))
def test_a_step_is_that_of_the_general_section(kind, field, n, more, length, seed):
    space = room(kind, n, more, field)
    Y, W = step(space, seed, length=length)
    section = frame_section(np, space.form, Y)
    worst = 1e-14 * max(1, np.linalg.norm(section.inverse, 2)) ** 2
    new = section.cayley(W, flat=space.subspaces)
    np.testing.assert_allclose(new, general(section, W, flat=space.subspaces), rtol=0, atol=worst)
    assert space.error(new) <= worst


@QUICK
@given(SPACES, FIELDS, st.integers(1, 9), st.integers(0, 30), st.integers(0, 10**6))
def test_gradients_are_pulled_back_as_by_the_general_section(kind, field, n, more, seed):
    space = room(kind, n, more, field)
    Y, G = space.random(seed), space.random(seed + 1) * 7
    section = frame_section(np, space.form, Y)
    worst = 1e-14 * max(1, np.linalg.norm(section.inverse, 2)) ** 2 * 7
    np.testing.assert_allclose(section.pull_back(G), section.reflection.pull_back(G), rtol=0, atol=worst)


@pytest.mark.parametrize(("N", "n"), [(49, 7), (128, 64), (300, 100)])
@pytest.mark.parametrize("length", LENGTHS)
def test_large_frames(N, n, length):
    space = Stiefel(N, n)
    Y, W = step(space, 0, length=length)
    section = closed_section(space.form, Y)
    assert isinstance(section, FrameSection)
    new = section.cayley(W, flat=False)
    np.testing.assert_allclose(new, general(section, W, flat=False), rtol=0, atol=1e-14)
    assert space.error(new) <= 3e-14


@pytest.mark.parametrize("length", LENGTHS)
def test_a_batch_is_its_members_one_by_one(length):
    space = Stiefel(20, 5)
    Y, W = step(space, 0, length=length, batch=(2, 3))
    W[0, 1] *= 1e-3
    whole = frame_section(np, space.form, Y).cayley(W, flat=False)
    for k in np.ndindex(2, 3):
        alone = frame_section(np, space.form, Y[k]).cayley(W[k], flat=False)
        np.testing.assert_allclose(whole[k], alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize("space", [Stiefel(30, 6), Grassmann(30, 6), Stiefel(30, 6, field="complex")], ids=repr)
def test_short_steps_take_back_the_error_of_the_frame(space):
    """It shrinks by the length of the step, and after a longer step nothing but its square is left."""
    Y, W = step(space, 0, length=1.0)
    Y = Y @ (np.eye(6) + 1e-6 * np.random.default_rng(0).standard_normal((6, 6)))
    section, before = frame_section(np, space.form, Y), space.error(Y)
    after = {length: space.error(section.cayley(length * W, flat=space.subspaces)) for length in (1e-4, 1e-2, 1.0)}
    assert after[1e-4] <= 1e-3 * before
    assert after[1e-2] <= 1e-1 * before
    assert after[1.0] <= 1e2 * before**2


def test_errors_stay_flat_through_steps_of_any_length():
    space, rng = Stiefel(40, 6), np.random.default_rng(0)
    for length in (1e-3, 0.1, 0.5, 2.0, 10.0):
        Y, worst = space.random(rng), 0.0
        for _ in range(200):
            W = space.random_coordinates(rng)
            context = space.section(Y, check=False)
            Y, _ = space.advance(context, length * W / np.linalg.norm(W, 2))
            worst = max(worst, space.error(Y))
        assert worst <= 2e-14


def test_errors_stay_flat_in_single_precision():
    space, rng = Stiefel(49, 7), np.random.default_rng(0)
    Y, worst = space.random(rng).astype(np.float32), 0.0
    for _ in range(2000):
        W = 1e-3 * space.random_coordinates(rng).astype(np.float32)
        Y, _ = space.advance(space.section(Y, check=False), W)
        worst = max(worst, space.error(Y))
    assert Y.dtype == np.float32
    assert worst <= 5e-6


def test_a_device_is_not_waited_for(monkeypatch):
    """Without a look at the numbers the section is the general one."""
    space = Stiefel(20, 5)
    Y, W = step(space, 0, length=1e-2)
    wanted = space.advance(space.section(Y, check=False), W)[0]
    monkeypatch.setattr(sections, "on_host", lambda array: False)
    monkeypatch.setattr(sections, "is_within", None)
    context = space.section(Y, check=False)
    assert isinstance(context.section, ReflectionSection)
    np.testing.assert_allclose(space.advance(context, W)[0], wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("length", [1e-3, 0.1, 1.0, 10.0])
def test_points_near_the_singular_set(length):
    """Many eigenvalues of the head near -1, so that the inverse is large: up to entries of 100 the section is kept."""
    space = Stiefel(200, 40)
    near = -np.eye(200)[:, :40] + 0.02 * np.random.default_rng(0).standard_normal((200, 40))
    Y, W = space.project(near), step(space, 0, length=length)[1]
    section = closed_section(space.form, Y)
    assert isinstance(section, FrameSection)
    assert 100 < np.linalg.norm(section.inverse) < 1000
    new = section.cayley(W, flat=False)
    np.testing.assert_allclose(new, general(section, W, flat=False), rtol=0, atol=1e-12)
    assert space.error(new) <= 1e-12
    assert isinstance(closed_section(space.form, space.project(near - 20 * np.eye(200)[:, :40])), ReflectionSection)


@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float32, 1e-2), (np.float64, 1e-7), (np.float64, 1e-2), (np.complex128, 1e-5)]
)
def test_what_is_no_frame_gets_the_general_section(dtype, size):
    """From there one step leads back to the space, however far off the point is."""
    space = Stiefel(20, 5, field="complex" if np.dtype(dtype).kind == "c" else "real")
    rng, bound = np.random.default_rng(0), 50 * np.finfo(dtype).eps
    for seed in range(20):
        Y, W = (x.astype(dtype) for x in step(space, seed, length=0.1))
        noise = rng.standard_normal((5, 5))
        for error in (noise, noise - np.trace(noise) / 5 * np.eye(5), np.diag([1.0, -1, 0, 0, 0])):
            wrong = Y + (size * Y @ error).astype(dtype)
            assert isinstance(closed_section(space.form, Y), FrameSection)
            assert isinstance(closed_section(space.form, wrong), ReflectionSection)
            assert space.error(space.retract(space.section(wrong, check=False), W, check=False)) <= bound
            both = closed_section(space.form, np.stack([Y, wrong]))
            assert isinstance(both, ReflectionSection)


def test_the_arguments_are_left_as_they_are():
    space = Stiefel(20, 5)
    for length in LENGTHS:
        Y, W = step(space, 0, length=length)
        before = Y.copy(), W.copy()
        section = space.section(Y, check=False)
        space.lift(section, W, check=False)
        space.advance(section, W)
        np.testing.assert_array_equal(Y, before[0])
        np.testing.assert_array_equal(W, before[1])


def test_a_long_step_with_a_rest_near_the_identity():
    """A step back along the frame itself, for which R is I although C is large."""
    space = Stiefel(6, 1)
    for half_angle in (0.5, 1.0, 1.4):
        Y = np.zeros((6, 1))
        Y[0], Y[3] = np.cos(2 * half_angle), np.sin(2 * half_angle)
        W = np.zeros((6, 1))
        W[3] = -4 * np.tan(half_angle)
        section = frame_section(np, space.form, Y)
        new = section.cayley(W, flat=False)
        np.testing.assert_allclose(new, general(section, W, flat=False), rtol=0, atol=1e-14)
        assert space.error(new) <= 1e-14


def test_the_exponential_works_with_the_block_reflection():
    Y = Stiefel(20, 5).random(0)
    assert isinstance(Stiefel(20, 5).section(Y).section, FrameSection)
    assert isinstance(Stiefel(20, 5, retraction="geodesic").section(Y).section, ReflectionSection)


def test_frames_in_any_memory_order():
    space = Stiefel(70, 20)
    Y, W = step(space, 0, length=0.1)
    wanted = space.retract(space.section(Y), W)
    turned = space.retract(space.section(np.asfortranarray(Y)), np.asfortranarray(W))
    strided = np.repeat(Y, 2, axis=1)[:, ::2]
    np.testing.assert_allclose(turned, wanted, rtol=0, atol=1e-14)
    np.testing.assert_allclose(space.retract(space.section(strided), W), wanted, rtol=0, atol=1e-14)


def test_steps_that_are_no_numbers_lead_nowhere():
    space = Stiefel(20, 5)
    Y, W = step(space, 0, length=0.1)
    W[7, 2] = np.nan
    assert np.isnan(space.advance(space.section(Y, check=False), W)[0]).any()


@pytest.mark.parametrize("length", [1e-2, 1.0])
def test_derivatives_through_a_step(length):
    """The tape of PyTorch goes through a step: the derivative along a curve of steps and gradients is a difference."""
    torch = pytest.importorskip("torch")
    space = Stiefel(15, 4)
    Y, W = (torch.tensor(x) for x in step(space, 0, length=length))
    G, weight = (torch.tensor(space.random_coordinates(k)) for k in (2, 3))

    def value(t):
        point = space.retract(space.section(Y, check=False), t * W, check=False)
        D = space.lift(space.section(point, check=False), t * G, check=False)
        return (weight * space.retract(space.section(point, check=False), 0.01 * D, check=False)).sum()

    t = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(value(t), t)
    h = 1e-5
    with torch.no_grad():
        difference = (value(t + h) - value(t - h)) / (2 * h)
    assert abs(slope - difference) <= 1e-8 * max(1, abs(difference))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("size", [1, 5, 64, 65])
def test_inverses_of_small_matrices(dtype, size):
    A = _matrix(np.random.default_rng(size), size, dtype)
    for one in (A, np.asfortranarray(A), A.T):
        before = one.copy()
        found = quick_inverse(np, one)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, np.linalg.inv(one), rtol=0, atol=100 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(one, before)


def _matrix(rng, size, dtype):
    """A well conditioned matrix of a type."""
    A = rng.standard_normal((size, size)) + 1j * rng.standard_normal((size, size))
    A = np.eye(size) + 0.2 / size**0.5 * A
    return A.astype(dtype) if np.dtype(dtype).kind == "c" else A.real.astype(dtype)


@pytest.mark.parametrize("size", [1, 3, 70])
def test_singular_matrices_have_no_inverse(size):
    A = np.eye(size)
    A[-1, -1] = 0
    assert np.isnan(quick_inverse(np, A)).all()


def test_frobenius_norms_within_a_bound():
    A = np.stack([np.eye(3), 2 * np.eye(3)])
    assert is_within(np, A[0], 1.74)
    assert not is_within(np, A[0], 1.73)
    assert not is_within(np, A, 1.74)
    assert is_within(np, A, 3.47)
    assert is_within(np, 1j * A[0], 1.74)
    assert not is_within(np, np.array([[np.inf]]), 1.0)
    assert not is_within(np, np.array([[[np.nan]]]), 1.0)
    assert is_within(np, A[:0], 1.0)
