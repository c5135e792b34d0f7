"""Every matrix group: its laws on random elements, its facts, batches, and the exponential that geomstats computes."""

import copy
import pickle

import numpy as np
import pytest
import scipy.linalg
from group_table import GROUPS, TABLE, every_group
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import (
    AffineGroup,
    DirectProduct,
    GeneralLinear,
    Heisenberg,
    Orthogonal,
    PositiveDiagonal,
    SemidirectProduct,
    SpecialLinear,
    SpecialOrthogonal,
    SpecialUnitary,
    Symplectic,
    Unipotent,
    Unitary,
    load_geomstats,
)
from manifolds.linalg import expm_frechet
from manifolds.testing import check_group

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=6, deadline=None)


@every_group
@few
@given(seed=seeds, samples=st.integers(1, 5), scale=st.floats(0.01, 3.0))
def test_the_laws_hold(group, seed, samples, scale):
    report = check_group(group, rng=seed, samples=samples, scale=scale)
    assert report.worst_residual < 1e-9


@pytest.mark.parametrize(("group", "name", "algebra", "size", "dimension", "components"), TABLE, ids=repr)
def test_facts(group, name, algebra, size, dimension, components):
    assert (group.name, repr(group), group.algebra_name) == (name, name, algebra)
    assert (group.size, group.dimension) == (size, dimension)
    assert group.basis.shape == (dimension, size, size)
    assert group.components.shape == (components, size, size)
    np.testing.assert_array_equal(group.identity, np.eye(size))
    with pytest.raises(ValueError, match="read-only"):
        group.basis[...] = 0


@every_group
def test_the_basis_is_tangent(group):
    """Along e + t E the equations of the group hold to first order, for each E of the basis."""
    step = 1e-4
    assert np.all(group.defect(group.identity + step * group.basis) < 10 * step**2)
    rest = np.eye(group.size**2).reshape(-1, group.size, group.size)
    rest = rest - group.project_algebra(rest)
    assert np.linalg.matrix_rank(rest.reshape(len(rest), -1), tol=1e-9) == group.size**2 - group.dimension


@every_group
def test_the_representatives_of_the_components(group):
    """The representatives are elements, and differ by more than rounding."""
    components = group.components
    assert group.belongs(components).all()
    differences = components[:, None] - components[None]
    assert (np.abs(differences).max(axis=(-2, -1)) + np.eye(len(components)) > 0.5).all()


@every_group
def test_leading_axes(group):
    rng = np.random.default_rng(3)
    X, Y = (group.random_algebra(rng, shape=(2, 3), scale=0.2) for _ in range(2))
    g = group.exp(X)
    n, d = group.size, group.dimension
    assert g.shape == group.log(g).shape == group.inverse(g).shape == group.project(g).shape == (2, 3, n, n)
    assert group.dexp(X, Y).shape == group.bracket(X, Y).shape == (2, 3, n, n)
    assert group.coordinates(X).shape == (2, 3, d)
    assert group.adjoint(g).shape == group.adjoint_algebra(X).shape == (2, 3, d, d)
    assert group.belongs(g).shape == group.defect(g).shape == group.algebra_defect(X).shape == (2, 3)
    assert group.compose(g, group.identity, g[0]).shape == (2, 3, n, n)
    for i in range(2):
        for j in range(3):
            np.testing.assert_allclose(g[i, j], scipy.linalg.expm(X[i, j]), atol=1e-13)
            np.testing.assert_allclose(group.adjoint(g)[i, j], group.adjoint(g[i, j]), atol=1e-12)
            np.testing.assert_allclose(group.dexp(X, Y)[i, j], group.dexp(X[i, j], Y[i, j]), atol=1e-12)


@every_group
def test_no_matrices_at_all(group):
    none = np.zeros((0, group.size, group.size))
    for function in (group.exp, group.log, group.inverse, group.project, group.check, group.project_algebra):
        assert function(none).shape == none.shape
    assert group.random(0, shape=0).shape == none.shape
    assert group.belongs(none).shape == group.defect(none).shape == (0,)


@every_group
def test_integers_and_lists_are_taken(group):
    zero = np.zeros((group.size, group.size), dtype=int)
    np.testing.assert_array_equal(group.exp(zero.tolist()), group.identity)
    np.testing.assert_array_equal(group.inverse(np.eye(group.size, dtype=int).tolist()), group.identity)


@every_group
def test_arguments_are_left_alone(group):
    X = group.random_algebra(1, shape=4, scale=0.3)
    g = group.exp(X)
    before = X.copy(), g.copy()
    results = [
        group.exp(X),
        group.log(g),
        group.inverse(g),
        group.project(g),
        group.project_algebra(X),
        group.dexp(X, X),
    ]
    for result in results:
        result += 1.0
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(g, before[1])


@every_group
def test_equality_pickling_and_copies(group):
    group.exp(np.zeros((group.size, group.size)))  # what is cached by then is not pickled
    again = pickle.loads(pickle.dumps(group))
    assert again == group == copy.deepcopy(group)
    assert hash(again) == hash(group)
    np.testing.assert_array_equal(again.random(4), group.random(4))
    assert sum(other == group for other in GROUPS) == 1


@every_group
def test_dexp_is_the_derivative_of_scipy(group):
    rng = np.random.default_rng(0)
    X, Y = (group.random_algebra(rng, scale=0.4) for _ in range(2))
    g, derivative = scipy.linalg.expm_frechet(X, Y)
    np.testing.assert_allclose(group.dexp(X, Y), np.linalg.solve(g, derivative), atol=1e-12)
    np.testing.assert_allclose(expm_frechet(X, Y)[1], derivative, atol=1e-12)


@every_group
def test_geomstats_computes_one_exponential(group, monkeypatch):
    calls = []
    lie_group = load_geomstats("geometry.lie_group").MatrixLieGroup
    exp = lie_group.exp.__func__

    def counted(cls, tangent_vec, base_point=None):
        calls.append(tangent_vec)
        return exp(cls, tangent_vec, base_point)

    monkeypatch.setattr(lie_group, "exp", classmethod(counted))
    X = group.random_algebra(2, scale=0.3)
    g = group.exp(X)
    assert len(calls) == 1
    assert calls[0] is X
    np.testing.assert_allclose(g, scipy.linalg.expm(X), atol=1e-14)
    group.random(3, scale=0.1)
    assert len(calls) == 2


@pytest.mark.parametrize("seed", range(3))
def test_the_scale_of_random_elements(seed):
    group = SpecialOrthogonal(3)
    np.testing.assert_array_equal(group.random(seed, scale=0.0), np.eye(3))
    small, large = (group.random_algebra(seed, shape=500, scale=scale) for scale in (0.1, 10.0))
    np.testing.assert_allclose(group.coordinates(small).std(), 0.1, rtol=0.1)
    np.testing.assert_allclose(large, 100 * small)


@every_group
def test_large_elements_belong(group):
    """The defect is relative: elements with entries in the thousands are told from others as small ones are."""
    g = group.random(0, shape=50, scale=2.0)
    assert group.belongs(g).all()
    product = group.compose(g, g[::-1], group.inverse(g))
    assert group.belongs(product, tolerance=1e-7).all()


def test_all_components_are_drawn():
    group = DirectProduct(Orthogonal(2), GeneralLinear(1))
    rotations, numbers = group.split(group.random(0, shape=200))
    signs = np.stack([np.sign(np.linalg.det(rotations)), np.sign(numbers[:, 0, 0])])
    assert len(np.unique(signs, axis=1).T) == 4


def test_a_generator_moves_on_and_a_seed_does_not():
    group, rng = GeneralLinear(2), np.random.default_rng(0)
    assert not np.array_equal(group.random(rng), group.random(rng))
    np.testing.assert_array_equal(group.random(7), group.random(7))


# Structure: the algebras are the ones that they are called.


def killing_signature(group):
    """The numbers of positive, negative and zero eigenvalues of the Killing form."""
    ads = np.einsum("ijk->ikj", group.structure_constants)
    values = np.linalg.eigvalsh(np.einsum("iab,jba->ij", ads, ads))
    return int((values > 1e-9).sum()), int((values < -1e-9).sum()), int((np.abs(values) <= 1e-9).sum())


@pytest.mark.parametrize(
    ("group", "signature"),
    [
        (SpecialOrthogonal(3), (0, 3, 0)),
        (SpecialOrthogonal(5), (0, 10, 0)),
        (SpecialUnitary(3), (0, 8, 0)),
        (Unitary(2), (0, 3, 1)),
        (SpecialLinear(3), (5, 3, 0)),
        (Symplectic(2), (6, 4, 0)),
        (GeneralLinear(2), (2, 1, 1)),
        (Heisenberg(2), (0, 0, 5)),
        (Unipotent(4), (0, 0, 6)),
        (PositiveDiagonal(3), (0, 0, 3)),
        (SemidirectProduct(SpecialOrthogonal(3)), (0, 3, 3)),
    ],
    ids=repr,
)
def test_the_killing_form(group, signature):
    assert killing_signature(group) == signature


def test_structure_constants_of_rotations_are_the_epsilon_tensor():
    epsilon = np.zeros((3, 3, 3))
    for i, j, k in [(0, 1, 2), (1, 2, 0), (2, 0, 1)]:
        epsilon[i, j, k], epsilon[j, i, k] = 1.0, -1.0
    np.testing.assert_array_equal(SpecialOrthogonal(3).structure_constants, epsilon)


def test_heisenberg_brackets():
    group = Heisenberg(2)
    constants = group.structure_constants
    expected = np.zeros((5, 5, 5))
    for i in range(2):
        expected[i, 2 + i, 4], expected[2 + i, i, 4] = 1.0, -1.0
    np.testing.assert_array_equal(constants, expected)


def test_the_adjoint_of_a_rotation_is_the_rotation():
    group = SpecialOrthogonal(3)
    g = group.random(0, shape=5)
    np.testing.assert_allclose(group.adjoint(g), g, atol=1e-14)


# Particular groups.


def test_unitary_matrices_and_their_real_form():
    rng, group = np.random.default_rng(0), Unitary(3)
    Z = rng.standard_normal((4, 3, 3)) + 1j * rng.standard_normal((4, 3, 3))
    W = rng.standard_normal((4, 3, 3)) + 1j * rng.standard_normal((4, 3, 3))
    np.testing.assert_allclose(group.from_complex(Z) @ group.from_complex(W), group.from_complex(Z @ W))
    np.testing.assert_array_equal(group.to_complex(group.from_complex(Z)), Z)
    J = Symplectic(3).form
    np.testing.assert_allclose(group.from_complex(Z) @ J, J @ group.from_complex(Z))
    g = group.random(1, shape=4)
    U = group.to_complex(g)
    np.testing.assert_allclose(U @ U.conj().mT, np.broadcast_to(np.eye(3), U.shape), atol=1e-12)
    assert Symplectic(3).belongs(g).all()
    assert SpecialOrthogonal(6).belongs(g).all()
    assert not SpecialUnitary(3).belongs(g).any()
    h = SpecialUnitary(3).random(1, shape=4)
    np.testing.assert_allclose(np.linalg.det(group.to_complex(h)), 1.0, atol=1e-12)


def test_affine_maps_act_from_the_left():
    group = AffineGroup(2)
    rng = np.random.default_rng(0)
    g, h = group.random(rng), group.random(rng)
    (A, v), (B, u) = group.split(g), group.split(h)
    np.testing.assert_allclose(group.compose(g, h), group.join(A @ B, A @ u + v), atol=1e-14)
    np.testing.assert_allclose(group.inverse(g), group.join(np.linalg.inv(A), -np.linalg.inv(A) @ v), atol=1e-14)


def test_the_factors_of_a_product_do_not_mix():
    group = DirectProduct(SpecialOrthogonal(3), GeneralLinear(2))
    rng = np.random.default_rng(0)
    g, h = group.random(rng, shape=3), group.random(rng, shape=3)
    (R, A), (S, B) = group.split(g), group.split(h)
    np.testing.assert_allclose(group.compose(g, h), group.join(R @ S, A @ B))
    assert group.join(np.eye(3), A).shape == (3, 5, 5)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_projections_are_nearest(n):
    """No other element that was tried is nearer."""
    rng = np.random.default_rng(n)
    for group in (Orthogonal(n), SpecialOrthogonal(n), Unitary(n), Unipotent(n)):
        A = rng.standard_normal((group.size, group.size))
        best = group.project(A)
        assert group.belongs(best)
        others = best @ group.random(rng, shape=200, scale=0.3)
        distance = np.linalg.norm(A - best)
        assert (np.linalg.norm(A - others, axis=(-2, -1)) >= distance - 1e-12).all()


def test_the_projections_of_matrices_near_the_group_are_near():
    rng = np.random.default_rng(0)
    for group in GROUPS:
        g = group.random(rng, shape=10, scale=0.3)
        noisy = g + 1e-6 * rng.standard_normal(g.shape)
        projected = group.project(noisy)
        assert group.belongs(projected).all()
        assert np.abs(projected - noisy).max() < 1e-4
        assert np.abs(group.project(projected) - projected).max() < 1e-10


def test_special_linear_projection_keeps_the_direction():
    A = np.array([[1.0, 2.0], [-3.0, 4.0]])
    np.testing.assert_allclose(SpecialLinear(2).project(A), A / np.sqrt(10.0))
    np.testing.assert_allclose(SpecialLinear(3).project(-np.eye(3)), np.eye(3))


def test_a_drifting_product_is_brought_back():
    group = Symplectic(2)
    g = group.random(0, scale=0.2)
    for step in range(2000):
        g = g @ group.random(step, scale=0.01)
        if step % 100 == 99:
            g = group.project(g)
    assert group.defect(g) < 1e-12
