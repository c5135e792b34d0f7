"""Logarithms: against SciPy and geomstats, near the angle pi, and where there is none."""

import warnings

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import (
    AffineGroup,
    DirectProduct,
    GeneralLinear,
    InputError,
    Orthogonal,
    SemidirectProduct,
    SpecialEuclidean,
    SpecialLinear,
    SpecialOrthogonal,
    SpecialUnitary,
    Symplectic,
    Unipotent,
    Unitary,
    load_geomstats,
)
from manifolds.logarithms import log_error, logm, so_log, unitary_log

seeds = st.integers(0, 2**32 - 1)
some = settings(max_examples=25, deadline=None)


def algebra_elements(group, rng, count, largest):
    """Algebra elements with the angle of the fastest rotation uniform below `largest`."""
    X = group.random_algebra(rng, shape=count)
    fastest = np.abs(np.linalg.eigvals(X).imag).max(axis=-1)
    return X * (largest * rng.uniform(size=count) / np.where(fastest > 0, fastest, 1.0))[:, None, None]


@some
@given(seed=seeds, n=st.integers(2, 9))
def test_rotations(seed, n):
    group = SpecialOrthogonal(n)
    X = algebra_elements(group, np.random.default_rng(seed), 12, 3.1)
    np.testing.assert_allclose(group.log(group.exp(X)), X, atol=1e-12)
    np.testing.assert_allclose(group.log(group.exp(X[0])), X[0], atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_rotations_as_geomstats_has_it(n):
    theirs = load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(n)
    ours = SpecialOrthogonal(n)
    X = algebra_elements(ours, np.random.default_rng(n), 20, 2.5)
    g = ours.exp(X)
    np.testing.assert_allclose(ours.log(g), theirs.log(g), atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("margin", [1e-2, 1e-5, 1e-8, 1e-11])
def test_rotations_near_a_half_turn(n, margin):
    """The exponential of the logarithm is the rotation, and the angle is right, however near pi."""
    rng, group = np.random.default_rng(n), SpecialOrthogonal(n)
    frames = np.linalg.qr(rng.standard_normal((10, n, n)))[0]
    turn = np.zeros((n, n))
    turn[1, 0], turn[0, 1] = np.pi - margin, -(np.pi - margin)
    if n > 3:
        turn[3, 2], turn[2, 3] = 0.7, -0.7
    X = frames @ turn @ frames.mT
    g = np.array([scipy.linalg.expm(A) for A in X])
    for computed in (group.log(g), np.stack([group.log(element) for element in g])):
        assert log_error(computed, g).max() < 2e-13
        np.testing.assert_array_equal(computed, -computed.mT)
        np.testing.assert_allclose(np.linalg.norm(computed, 2, axis=(-2, -1)), np.pi - margin, atol=2e-13)
        # Two matrices of angle pi share an exponential: near them the direction has the error of the entries / margin.
        np.testing.assert_allclose(computed, X, atol=1e-13 + 1e-14 / margin)


@pytest.mark.parametrize("angle", [0.0, 1e-300, 1e-20, 1e-9, 1e-4])
def test_rotations_near_the_identity(angle):
    group = SpecialOrthogonal(3)
    X = angle * group.combine(np.tile([0.6, 0.0, 0.8], (5, 1)))
    np.testing.assert_allclose(group.log(group.exp(X)), X, rtol=1e-12, atol=0.0 if angle > 1e-300 else 1e-300)


def test_every_branch_of_the_quaternion():
    """Axes near each coordinate axis, positive and negative, small and large angles, in a batch and alone."""
    rng, group = np.random.default_rng(0), SpecialOrthogonal(3)
    axes = np.concatenate([np.eye(3), -np.eye(3)]) + 0.1 * rng.standard_normal((6, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    for angle in (0.01, 1.0, 2.2, 3.0, 3.1415):
        X = group.combine(angle * axes)
        np.testing.assert_allclose(so_log(group.exp(X)), X, atol=1e-13)
        np.testing.assert_allclose([so_log(g) for g in group.exp(X)], X, atol=1e-13)


@some
@given(seed=seeds, n=st.integers(1, 5))
def test_unitary_matrices(seed, n):
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((6, n, n)) + 1j * rng.standard_normal((6, n, n))
    skew = Z - Z.conj().mT
    skew *= (3.0 / np.linalg.norm(skew, 2, axis=(-2, -1)))[:, None, None]
    U = np.array([scipy.linalg.expm(A) for A in skew])
    np.testing.assert_allclose(unitary_log(U), skew, atol=1e-11)


def test_repeated_angles():
    """Equal angles leave the eigenvectors open; the logarithm does not depend on them."""
    group = SpecialOrthogonal(6)
    X = group.project_algebra(scipy.linalg.block_diag(*[[[0.0, -1.2], [1.2, 0.0]]] * 3))
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 6, 6)))[0]
    X = Q @ X @ Q.mT
    np.testing.assert_allclose(so_log(group.exp(X)), X, atol=1e-13)


@some
@given(seed=seeds, n=st.integers(1, 6))
def test_general_matrices_as_scipy_has_it(seed, n):
    group = GeneralLinear(n)
    X = algebra_elements(group, np.random.default_rng(seed), 6, 2.8)
    X /= np.maximum(1.0, np.linalg.norm(X, 2, axis=(-2, -1)) / 4)[:, None, None]
    g = group.exp(X)
    batch = logm(g)
    assert log_error(batch, g).max() < 1e-10
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="logm result may be inaccurate")
        np.testing.assert_allclose(batch, [scipy.linalg.logm(A) for A in g], atol=1e-8)
    np.testing.assert_allclose(group.log(g), X, atol=1e-8)


def test_tiny_huge_and_defective_matrices():
    """diag(1e-200, 1e200), a Jordan block, a large shear."""
    matrices = np.array(
        [[[1e-200, 0.0], [0.0, 1e200]], [[2.0, 1.0], [0.0, 2.0]], [[1.0, 1e8], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]]
    )
    ten = 200 * np.log(10)
    exact = np.array(
        [[[-ten, 0.0], [0.0, ten]], [[np.log(2), 0.5], [0.0, np.log(2)]], [[0.0, 1e8], [0.0, 0.0]], np.zeros((2, 2))]
    )
    np.testing.assert_allclose(GeneralLinear(2).log(matrices), exact, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose([GeneralLinear(2).log(g) for g in matrices], exact, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("group", [SpecialLinear(3), Symplectic(2), AffineGroup(2), SpecialEuclidean(3)], ids=repr)
def test_logarithms_lie_in_the_algebra(group):
    g = group.random(0, shape=20, scale=0.4)
    g = g[np.abs(np.angle(np.linalg.eigvals(g))).max(axis=-1) < 3.0]
    X = group.log(g)
    assert group.algebra_defect(X).max() < 1e-12
    np.testing.assert_allclose(group.exp(X), g, atol=1e-12)


def test_special_unitary_logarithms_of_least_norm():
    group = SpecialUnitary(3)
    rng = np.random.default_rng(0)
    shifted = 0
    frames = group.to_complex(group.random(1, shape=200))
    angles = rng.uniform(-3.0, 3.0, size=(200, 3))
    angles[:, 2] = -angles[:, 0] - angles[:, 1]
    g = group.from_complex((frames * np.exp(1j * angles)[:, None, :]) @ frames.conj().mT)
    X = group.log(g)
    np.testing.assert_allclose(group.exp(X), g, atol=1e-12)
    assert group.algebra_defect(X).max() < 1e-12
    for k in range(200):
        principal = np.angle(np.exp(1j * angles[k]))
        shifts = 2 * np.pi * np.array([(a, b, -a - b) for a in range(-2, 3) for b in range(-2, 3)])
        turns = round(principal.sum() / (2 * np.pi))
        candidates = principal - 2 * np.pi * turns * np.array([1, 0, 0]) + shifts
        least = np.sqrt((candidates**2).sum(axis=1).min())
        np.testing.assert_allclose(np.linalg.norm(group.to_complex(X[k])), least, atol=1e-9)
        np.testing.assert_allclose(group.log(g[k]), X[k], atol=1e-11)
        shifted += turns != 0
    assert 20 < shifted < 180


HALF = np.diag([-1.0, -1.0, 1.0])


@pytest.mark.parametrize(
    ("group", "g", "message"),
    [
        (SpecialOrthogonal(2), -np.eye(2), "no principal logarithm: it has the eigenvalue -1"),
        (SpecialOrthogonal(3), HALF, "no principal logarithm: it has the eigenvalue -1"),
        (SpecialOrthogonal(5), np.diag([-1.0, 1, 1, -1, 1]), "no principal logarithm: it has the eigenvalue -1"),
        (Orthogonal(3), HALF, "no principal logarithm: it has the eigenvalue -1"),
        (Orthogonal(3), np.diag([-1.0, 1, 1]), "determinant -1 has no real logarithm"),
        (Unitary(1), -np.eye(2), "no principal logarithm: it has the eigenvalue -1"),
        (SpecialUnitary(2), -np.eye(4), "no principal logarithm: it has the eigenvalue -1"),
        (SpecialEuclidean(2), HALF, "no principal logarithm: it has the eigenvalue -1"),
        (SemidirectProduct(SpecialOrthogonal(2)), HALF, "no principal logarithm: it has the eigenvalue -1"),
        (GeneralLinear(2), np.diag([3.0, -0.25]), "no principal logarithm: it has the eigenvalue -0.25"),
        (Symplectic(1), np.diag([-2.0, -0.5]), "no principal logarithm: it has the eigenvalue -(2|0.5)"),
        (SpecialLinear(2), -np.eye(2), "no principal logarithm: it has the eigenvalue -1"),
        (AffineGroup(1), np.diag([-3.0, 1.0]), "no principal logarithm: it has the eigenvalue -3"),
        (
            DirectProduct(GeneralLinear(1), SpecialOrthogonal(2)),
            np.diag([2.0, -1, -1]),
            "no principal logarithm: it has the eigenvalue -1",
        ),
    ],
    ids=repr,
)
def test_elements_without_a_logarithm(group, g, message):
    with pytest.raises(InputError, match=message) as caught:
        group.log(g)
    assert caught.value.why
    assert caught.value.cure
    with pytest.raises(InputError, match=message):
        group.log(np.stack([np.eye(group.size), g]))


def test_the_place_in_a_batch_is_named():
    batch = np.tile(np.eye(3), (2, 3, 1, 1))
    batch[1, 2] = HALF
    with pytest.raises(InputError, match=r"the matrix at index \(1, 2\) has no principal logarithm"):
        SpecialOrthogonal(3).log(batch)
    with pytest.raises(InputError, match=r"the matrix at index \(1,\) has no principal logarithm"):
        GeneralLinear(2).log(np.stack([np.eye(2), np.diag([1.0, -2.0])]))


def test_a_special_unitary_matrix_without_a_single_shortest_logarithm():
    group = SpecialUnitary(3)
    centre = group.from_complex(np.exp(2j * np.pi / 3) * np.eye(3))
    with pytest.raises(InputError, match="no single logarithm of least norm in su") as caught:
        group.log(centre)
    assert "2.0944" in caught.value.why
    assert "Unitary(n)" in caught.value.cure
    np.testing.assert_allclose(Unitary(3).exp(Unitary(3).log(centre)), centre, atol=1e-14)


def test_a_logarithm_that_cannot_be_computed(monkeypatch):
    import manifolds.groups

    monkeypatch.setattr(manifolds.groups, "logm", np.zeros_like)
    monkeypatch.setattr(manifolds.groups.MatrixGroup, "_geomstats_log", lambda self, g: np.full(g.shape, np.nan))
    with pytest.raises(InputError, match=r"the logarithm of the matrix at index \(1,\) cannot be computed") as caught:
        GeneralLinear(2).log(np.stack([np.eye(2), 2 * np.eye(2)]))
    assert "ill-conditioned" in caught.value.why


def test_unipotent_logarithms_are_exact():
    """They are polynomials with these coefficients: no rounding on small integers over powers of 2."""
    group = Unipotent(3)
    g = np.array([[1.0, 2.0, 5.0], [0.0, 1.0, 4.0], [0.0, 0.0, 1.0]])
    np.testing.assert_array_equal(group.log(g), [[0.0, 2.0, 1.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(group.exp(group.log(np.stack([g, g])))[0], g)
