"""Batched linear algebra against SciPy one matrix at a time, against mpmath, and against what defines it."""

import mpmath
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from manifolds.linalg import expm, expm_frechet, form_polar, phi, polar, rotation_polar
from manifolds.symplectic import symplectic_form

seeds = st.integers(0, 2**32 - 1)
some = settings(max_examples=20, deadline=None)


def relative(a, b):
    """The largest error of each matrix over its largest entry."""
    return (np.abs(a - b).max(axis=(-2, -1)) / np.abs(b).max(axis=(-2, -1))).max(initial=0.0)


@some
@given(seed=seeds, n=st.integers(1, 18), count=st.integers(0, 40), scale=st.floats(0, 20))
def test_batched_exponentials_are_single_ones(seed, n, count, scale):
    """Also the guard against SciPy's releases whose batched `expm` is wrong."""
    X = np.random.default_rng(seed).standard_normal((count, n, n)) * scale / n**0.5
    single = np.array([scipy.linalg.expm(A) for A in X]).reshape(X.shape)
    assert relative(expm(X), single) < 1e-11
    assert relative(scipy.linalg.expm(X), single) < 1e-13


def exact_expm(X):
    with mpmath.workdps(60):
        value = mpmath.expm(mpmath.matrix(X.tolist()), method="taylor")
        return np.array([[float(value[i, j]) for j in range(len(X))] for i in range(len(X))])


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize(("scale", "tolerance"), [(1e-8, 1e-15), (0.1, 2e-15), (1.0, 3e-14), (5.0, 3e-11)])
def test_exponentials_to_the_last_digits(n, scale, tolerance):
    """Large norms go through SciPy, whose exponential loses more digits."""
    X = np.random.default_rng(n).standard_normal((20, n, n)) * scale
    assert relative(expm(X), np.array([exact_expm(A) for A in X])) < tolerance


def test_large_and_small_norms_in_one_batch():
    norms = 10.0 ** np.arange(-20, 3)
    X = norms[:, None, None] * np.array([[0.0, -1.0], [1.0, 0.0]])
    exact = np.stack([np.cos(norms), -np.sin(norms), np.sin(norms), np.cos(norms)], axis=-1).reshape(-1, 2, 2)
    np.testing.assert_allclose(expm(X), exact, atol=1e-13)


def test_large_shears_do_not_lose_digits():
    """Matrices whose norm is far above their eigenvalues are not squared more often than need be."""
    X = np.tile([[1.0, 1e6], [0.0, -1.0]], (10, 1, 1))
    assert relative(expm(X), np.tile(exact_expm(X[0]), (10, 1, 1))) < 1e-13


def test_leading_axes():
    X = np.random.default_rng(0).standard_normal((3, 1, 4, 2, 2))
    assert expm(X).shape == X.shape
    np.testing.assert_allclose(expm(X)[2, 0, 3], scipy.linalg.expm(X[2, 0, 3]), atol=1e-13)


@some
@given(seed=seeds, n=st.integers(1, 6), scale=st.floats(0, 5), size=st.floats(-8, 8))
def test_the_derivative_is_that_of_scipy(seed, n, scale, size):
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((2, 12, n, n))
    X, Y = scale * X / n**0.5, 10.0**size * Y
    g, derivative = expm_frechet(X, Y)
    reference = [scipy.linalg.expm_frechet(A, B) for A, B in zip(X, Y, strict=True)]
    assert relative(g, np.array([pair[0] for pair in reference])) < 1e-11
    assert relative(derivative, np.array([pair[1] for pair in reference])) < 1e-10
    one_point = expm_frechet(X[0], Y)[1]
    assert relative(one_point, np.array([scipy.linalg.expm_frechet(X[0], B)[1] for B in Y])) < 1e-10


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e-16])
def test_the_derivative_at_tiny_matrices(size):
    """It is Y up to the size of X: nothing is lost to underflow."""
    X, Y = np.random.default_rng(0).standard_normal((2, 4, 3, 3))
    np.testing.assert_allclose(expm_frechet(size * X, Y)[1], Y, rtol=1e-13)


def test_the_derivative_at_and_along_zero():
    Y = np.random.default_rng(0).standard_normal((3, 3))
    np.testing.assert_allclose(expm_frechet(np.zeros((3, 3)), Y)[1], Y, rtol=1e-14)
    np.testing.assert_array_equal(expm_frechet(Y, np.zeros((3, 3)))[1], np.zeros((3, 3)))


@some
@given(seed=seeds, n=st.integers(1, 5), count=st.integers(1, 12))
def test_phi(seed, n, count):
    """X phi(X) = exp(X) - 1, which determines phi(X) for invertible X."""
    X = np.random.default_rng(seed).standard_normal((count, n, n))
    np.testing.assert_allclose(X @ phi(X), expm(X) - np.eye(n), atol=1e-11)
    np.testing.assert_allclose(phi(np.diag([0.0, 1.0])), np.diag([1.0, np.e - 1]), rtol=1e-14)


@some
@given(seed=seeds, n=st.integers(1, 6))
def test_polar_factors(seed, n):
    A = np.random.default_rng(seed).standard_normal((5, n, n))
    expected = np.array([scipy.linalg.polar(a)[0] for a in A])
    np.testing.assert_allclose(polar(A), expected, atol=1e-9)
    R = rotation_polar(A)
    np.testing.assert_allclose(R @ R.mT, np.broadcast_to(np.eye(n), R.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(R), 1.0)
    same = np.linalg.det(A) > 0
    np.testing.assert_allclose(R[same], expected[same], atol=1e-9)


@some
@given(seed=seeds, n=st.integers(1, 4))
def test_the_symplectic_factor(seed, n):
    """A = S H with S symplectic and H = H*; on symplectic matrices it is the identity."""
    rng, J = np.random.default_rng(seed), symplectic_form(n)
    near = np.eye(2 * n) + 0.2 * rng.standard_normal((4, 2 * n, 2 * n)) / n
    S = form_polar(near, J)
    H = np.linalg.solve(S, near)
    np.testing.assert_allclose(S.mT @ J @ S, np.broadcast_to(J, S.shape), atol=1e-11)
    np.testing.assert_allclose(J.T @ H.mT @ J, H, atol=1e-11)
    np.testing.assert_allclose(form_polar(S, J), S, atol=1e-11)


@pytest.mark.parametrize(
    ("function", "matrix", "message"),
    [
        (polar, np.zeros((2, 2)), "no single nearest orthogonal matrix"),
        (polar, np.ones((2, 2)), "no single nearest orthogonal matrix"),
        (rotation_polar, np.diag([1.0, -1.0]), "no single nearest rotation"),
        (rotation_polar, np.diag([0.0, 0.0]), "no single nearest rotation"),
        (lambda A: form_polar(A, symplectic_form(1)), np.diag([1.0, -1.0]), "no nearest matrix that preserves"),
        (lambda A: form_polar(A, symplectic_form(1)), np.zeros((2, 2)), "no nearest matrix that preserves"),
    ],
)
def test_matrices_without_a_nearest_element(function, matrix, message):
    with pytest.raises(InputError, match=message) as caught:
        function(np.stack([np.eye(2), matrix]))
    assert caught.value.why
    assert "nearer to the group" in caught.value.cure


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize(("count", "n"), [(1, 3), (20, 3), (2, 20)])
def test_expm_keeps_the_type(dtype, count, n):
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((count, n, n)) / n**0.5 + (1j if np.issubdtype(dtype, np.complexfloating) else 0)).astype(
        dtype
    )
    result = expm(X)
    assert result.dtype == dtype
    wanted = np.array([scipy.linalg.expm(A) for A in X.astype(np.complex128)])
    np.testing.assert_allclose(result, wanted, atol=1e-4 if dtype in (np.float32, np.complex64) else 1e-12)


def test_expm_of_tensors():
    torch = pytest.importorskip("torch")
    X = np.random.default_rng(0).standard_normal((5, 4, 4))
    result = expm(torch.asarray(X))
    assert type(result) is torch.Tensor
    np.testing.assert_allclose(result.numpy(), expm(X), rtol=1e-12, atol=1e-13)


def test_expm_of_a_library_without_one(monkeypatch):
    """The standard has no exponential: other libraries get the polynomial and the squarings."""
    torch = pytest.importorskip("torch")
    from manifolds import array_api

    class Bare:
        """The tensors without their exponential."""

        class linalg:  # noqa: N801 - the name in the standard
            """No functions."""

        abs, sum, max, eye = torch.abs, staticmethod(lambda x, axis: x.sum(axis)), torch.max, torch.eye

    monkeypatch.setattr(array_api, "namespace", lambda array: Bare)
    for scale in (0.0, 0.01, 1.0, 30.0):
        X = scale * np.random.default_rng(0).standard_normal((3, 4, 4))
        X = X - X.mT
        wanted = np.array([scipy.linalg.expm(A) for A in X])
        np.testing.assert_allclose(expm(torch.asarray(X)).numpy(), wanted, atol=1e-11)
