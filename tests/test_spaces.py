"""The homogeneous spaces against dense group computations, other libraries, and themselves after many steps."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from space_table import GEODESIC, HOMOGENEOUS, TRANSPORTED, dense, symplectic_unit

from manifolds import InputError
from manifolds.group_laws import difference
from manifolds.retractions import retracted
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
from manifolds.testing import check_space
from manifolds.transport import frame, horizontal_element
from manifolds.vector_spaces import Euclidean

QUICK = settings(deadline=None, derandomize=True, max_examples=30)
EVERY = [*HOMOGENEOUS, *GEODESIC, *TRANSPORTED]
KINDS = [Stiefel, Grassmann, SymplecticStiefel, SymplecticGrassmann]


def adam(space, Y, steps, *, rate, rng, gradient=None):
    """Adam with gradients of noise; the errors every hundred steps, and the last point."""
    m, v, carried, errors = 0 * Y, 0 * Y, None, []
    for t in range(1, steps + 1):
        G = rng.standard_normal(Y.shape).astype(Y.dtype) if gradient is None else gradient(Y)
        context = space.section(Y, carried=carried, check=False)
        D = space.lift(context, G, check=False)
        m, v = 0.9 * m + 0.1 * D, 0.99 * v + 0.01 * D * D
        W = (-rate / (1 - 0.9**t)) * m / ((v / (1 - 0.99**t)) ** 0.5 + 3e-7)
        Y, carried = space.advance(context, W)
        if t % 100 == 0:
            errors.append(float(space.error(Y)))
    return np.array(errors), Y


def test_definitions():
    """Frames satisfy the equations that define them, written out."""
    Y = Stiefel(6, 2, field="complex").random(0)
    np.testing.assert_allclose(Y.conj().T @ Y, np.eye(2), atol=1e-14)
    U = SymplecticStiefel(5, 2).random(0)
    np.testing.assert_allclose(U.T @ symplectic_unit(5) @ U, symplectic_unit(2), atol=1e-13)
    assert np.abs(U.T @ U - np.eye(4)).max() > 0.1


@pytest.mark.parametrize("space", EVERY, ids=repr)
def test_steps_agree_with_dense_group_elements(space):
    form, Y, W = space.form, space.random(0), 0.4 * space.random_coordinates(1)
    context = space.section(Y)
    generator, one = horizontal_element(form, W), np.eye(form.rows)
    element = (
        scipy.linalg.expm(generator)
        if space.retraction == "geodesic"
        else np.linalg.inv(one - generator / 2) @ (one + generator / 2)
    )
    wanted = dense(form, context.section, Y.dtype) @ element @ frame(form, Y)
    assert difference(space.retract(context, W), wanted) <= 1e-13
    assert difference(space.advance(context, W)[0], wanted) <= 1e-13


@QUICK
@given(st.sampled_from(KINDS), st.integers(1, 6), st.integers(0, 6), st.integers(0, 10**6), st.floats(1e-6, 2.0))
def test_geodesics_agree_with_dense_exponentials(kind, n, more, seed, scale):
    space = kind(n + more, n, retraction="geodesic")
    form, rng = space.form, np.random.default_rng(seed)
    Y, W = space.random(rng), space.random_coordinates(rng)
    W = W * (scale / max(1e-300, np.linalg.norm(W)))
    context = space.section(Y)
    wanted = dense(form, context.section, Y.dtype) @ scipy.linalg.expm(horizontal_element(form, W)) @ frame(form, Y)
    assert difference(space.retract(context, W), wanted) <= 1e-13 * max(1.0, np.linalg.norm(Y, 2) ** 2)


@pytest.mark.parametrize("space", [Stiefel(9, 3), Stiefel(5, 5), SymplecticStiefel(6, 2)], ids=repr)
def test_the_group_acts_by_its_own_exponential_in_geomstats(space):
    """A second exponential of the same generators: that of the matrix groups of geomstats."""
    from manifolds import GeneralLinear

    group = GeneralLinear(space.form.rows).to_geomstats()
    geodesic = type(space)(space.N, space.n, retraction="geodesic")
    Y, W = space.random(0), 0.3 * space.random_coordinates(1)
    context = geodesic.section(Y)
    element = group.exp(horizontal_element(space.form, W))
    wanted = dense(space.form, context.section, Y.dtype) @ element @ frame(space.form, Y)
    assert difference(geodesic.retract(context, W), wanted) <= 1e-13


def test_the_lift_is_the_riemannian_gradient():
    """For the canonical metric it is G - Y G^T Y on Stiefel manifolds and (I - Y Y^T) G on Grassmannians."""
    Y, G = Stiefel(8, 3).random(0), np.random.default_rng(0).standard_normal((8, 3))
    for space, wanted in ((Stiefel(8, 3), G - Y @ G.T @ Y), (Grassmann(8, 3), G - Y @ Y.T @ G)):
        context = space.section(Y)
        D = space.lift(context, G)
        np.testing.assert_allclose(space.tangent(context, D), wanted, atol=1e-14)
        np.testing.assert_allclose(space.coordinates(context, wanted), D, atol=1e-14)
        X = space.tangent(context, space.random_coordinates(1))
        canonical = np.trace(wanted.T @ (np.eye(8) - Y @ Y.T / 2) @ X)
        assert abs(space.inner(D, space.coordinates(context, X)) - canonical) <= 1e-13
        assert abs(np.sum(G * X) - canonical) <= 1e-13


def test_the_horizontal_lift_is_moved_into_the_fixed_space_by_the_section():
    """With Omega = (I - Y Y*/2) X Y* - Y X* (I - Y Y*/2), the conjugate by the section is the element of D."""
    for space in (Stiefel(7, 3), SymplecticStiefel(5, 2), Stiefel(6, 2, field="complex")):
        form, Y = space.form, space.random(0)
        context, one = space.section(Y), np.eye(form.rows)
        D = space.random_coordinates(1)
        X, matrix = space.tangent(context, D), dense(form, context.section, Y.dtype)
        star = {id(A): form.pair(A, one) for A in (X, Y)}
        half = one - Y @ star[id(Y)] / 2
        omega = half @ X @ star[id(Y)] - Y @ star[id(X)] @ half
        assert difference(context.section.solve(omega @ matrix), horizontal_element(form, D)) <= 1e-12


@pytest.mark.parametrize("retraction", ["cayley", "geodesic"])
@pytest.mark.parametrize("space", HOMOGENEOUS[:-1], ids=repr)
def test_the_differential_of_a_retraction_is_the_identity(space, retraction):
    options = {"field": space.field} if space.compact else {}
    space = type(space)(space.N, space.n, retraction=retraction, **options)
    Y, W, h = space.random(0), space.random_coordinates(1), 1e-5
    context = space.section(Y)
    slope = (space.retract(context, h * W) - space.retract(context, -h * W)) / (2 * h)
    X = space.tangent(context, W)
    assert np.linalg.norm(slope - X) <= 1e-8 * max(1.0, np.linalg.norm(X))


@pytest.mark.parametrize("retraction", ["cayley", "geodesic"])
@pytest.mark.parametrize(("N", "n"), [(20, 3), (49, 7), (9, 6), (5, 5)])
@pytest.mark.parametrize("length", [79.0, 361.0, 700.0])
def test_long_steps_stay_on_the_space(N, n, length, retraction):
    space = Stiefel(N, n, retraction=retraction)
    Y, W = space.random(0), space.random_coordinates(1)
    W *= length / np.linalg.norm(horizontal_element(space.form, W), 2)
    bounds = {"cayley": (1e-14, 1e-6), "geodesic": (2e-13, 3e-5)}[retraction]
    for dtype, bound in zip((np.float64, np.float32), bounds, strict=True):
        point = space.retract(space.section(Y.astype(dtype)), W.astype(dtype))
        assert point.dtype == dtype
        assert space.error(point) <= bound * max(1.0, n / 3)


def test_a_quarter_of_a_great_circle_is_exact():
    space = Stiefel(3, 1, retraction="geodesic")
    point = space.retract(space.section(np.array([[1.0], [0.0], [0.0]])), np.array([[0.0], [np.pi / 2], [0.0]]))
    np.testing.assert_allclose(point, [[0.0], [1.0], [0.0]], atol=1e-15)


@pytest.mark.parametrize(
    "space", [Stiefel(49, 7), Grassmann(20, 4), Stiefel(9, 7), Stiefel(6, 6), SymplecticStiefel(8, 2)], ids=repr
)
def test_single_precision_does_not_drift(space):
    """A tenth of the steps of the benchmark."""
    rng = np.random.default_rng(0)
    errors, Y = adam(space, space.random(rng).astype(np.float32), 1500, rate=1e-3, rng=rng)
    assert Y.dtype == np.float32
    assert errors.max() <= 5e-6
    assert errors[-5:].mean() <= 3 * errors[:5].mean() + 1e-6


def test_double_precision_does_not_drift():
    rng = np.random.default_rng(0)
    space = Stiefel(128, 8)
    errors, _ = adam(space, space.random(rng), 1000, rate=1e-2, rng=rng)
    assert errors.max() <= 2e-14


def test_the_leading_eigenspace_is_found():
    values = np.linspace(1.0, 0.1, 30)
    for space in (Grassmann(30, 3), Stiefel(30, 3), Grassmann(30, 3, section="transported")):
        _, Y = adam(
            space,
            space.random(0),
            1500,
            rate=1e-3,
            rng=np.random.default_rng(0),
            gradient=lambda Y: -2 * values[:, None] * Y,
        )
        assert np.trace(Y.T @ (values[:, None] * Y)) >= values[:3].sum() * (1 - 1e-3)


@pytest.mark.parametrize("space", [*HOMOGENEOUS, *GEODESIC], ids=repr)
def test_torch_computes_the_same(space):
    torch = pytest.importorskip("torch")
    Y, W = space.random(0, 2), 0.5 * space.random_coordinates(1, 2)
    G = space.random(2, 2)
    tensors = space.random(0, 2, like=torch.zeros(1, dtype=torch.float64))
    assert tensors.numpy().tobytes() == Y.tobytes()
    ours, theirs = space.section(Y), space.section(tensors)
    for method, argument in ((space.lift, G), (space.retract, W), (space.tangent, W), (space.coordinates, G)):
        result = method(theirs, torch.asarray(argument))
        assert type(result) is torch.Tensor
        assert difference(result.numpy(), method(ours, argument)) <= 1e-13
    assert difference(space.project(tensors + 1e-3 * tensors).numpy(), Y) <= 1e-13


@pytest.mark.parametrize("space", HOMOGENEOUS, ids=repr)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_types_are_kept(space, library):
    xp = pytest.importorskip(library)
    like = xp.zeros(1, dtype=xp.complex64 if space.field == "complex" else xp.float32)
    Y = space.random(0, like=like)
    context = space.section(Y)
    W = 0.3 * space.random_coordinates(1, like=like)
    results = [
        Y,
        space.lift(context, Y),
        space.retract(context, W),
        space.tangent(context, W),
        space.coordinates(context, Y),
        space.project(Y),
        retracted(space.form, W, retraction="geodesic", flat=space.subspaces),
    ]
    assert {array.dtype for array in results} == {like.dtype}
    assert float(space.relative_error(results[2])) <= 1e-5


def descent(space, Y, G, rate=0.3):
    """One step of gradient descent."""
    context = space.section(Y)
    return space.retract(context, -rate * space.lift(context, G))


@QUICK
@given(
    st.sampled_from([Stiefel, Grassmann]),
    st.sampled_from(["real", "complex"]),
    st.sampled_from(["cayley", "geodesic"]),
    st.integers(1, 4),
    st.integers(0, 6),
    st.integers(0, 10**6),
)
def test_descent_turns_with_the_space(kind, field, retraction, n, more, seed):
    """No step depends on the choice of the section: from g Y with the gradient g G it leads to g times the next."""
    space = kind(n + more, n, field=field, retraction=retraction)
    rng = np.random.default_rng(seed)
    Y, g = space.random(rng), Stiefel(n + more, n + more, field=field).random(rng)
    G = rng.standard_normal(Y.shape) + (1j * rng.standard_normal(Y.shape) if field == "complex" else 0)
    np.testing.assert_allclose(descent(space, g @ Y, g @ G), g @ descent(space, Y, G), atol=1e-12)


@QUICK
@given(st.sampled_from(["real", "complex"]), st.integers(1, 4), st.integers(0, 6), st.integers(0, 10**6))
def test_descent_on_a_grassmannian_depends_on_the_subspace_alone(field, n, more, seed):
    """A loss of subspaces has at Y Q the gradient G Q, and the step from there leads to the same subspace."""
    space = Grassmann(n + more, n, field=field)
    rng = np.random.default_rng(seed)
    Y, Q = space.random(rng), Stiefel(n, n, field=field).random(rng)
    A = rng.standard_normal((n + more, n + more))
    A = A + A.T
    one, other = descent(space, Y, 2 * A @ Y, rate=0.1), descent(space, Y @ Q, 2 * A @ Y @ Q, rate=0.1)
    np.testing.assert_allclose(one @ one.conj().T, other @ other.conj().T, atol=1e-12)


@QUICK
@given(st.sampled_from(KINDS), st.integers(1, 4), st.integers(0, 5), st.integers(0, 10**6))
def test_geodesics_are_one_parameter_groups(kind, n, more, seed):
    """From the next point, in the section carried there, half a step and half a step make a whole one."""
    space = kind(n + more, n, retraction="geodesic", section="transported")
    rng = np.random.default_rng(seed)
    Y, W = space.random(rng), space.random_coordinates(rng)
    W = 0.5 * W / max(1.0, np.linalg.norm(W))
    half, carried = space.advance(space.section(Y), W / 2)
    twice, _ = space.advance(space.section(half, carried=carried), W / 2)
    whole, _ = space.advance(space.section(Y), W)
    assert difference(twice, whole) <= 1e-12
    closed = kind(n + more, n, retraction="geodesic")
    assert difference(closed.retract(closed.section(Y), W), whole) <= 1e-12


def test_nothing_waits_for_a_device():
    """Tensors without numbers: whatever looks at a number raises."""
    torch = pytest.importorskip("torch")
    for space in HOMOGENEOUS[:-1]:
        dtype = torch.complex64 if space.field == "complex" else torch.float32
        Y = torch.zeros((5, *space.shape), dtype=dtype, device="meta")
        context = space.section(Y, check=False)
        D = space.lift(context, Y, check=False)
        results = [D, space.advance(context, D)[0], space.shortened(D, 1.0), space.tangent(context, D)]
        assert {(array.device.type, array.dtype, array.shape) for array in results} == {("meta", dtype, Y.shape)}


def test_parameters_of_torch_are_taken_and_nothing_is_differentiated():
    torch = pytest.importorskip("torch")
    space = Stiefel(12, 3)
    Y = torch.nn.Parameter(space.random(0, like=torch.zeros(1)))
    with torch.no_grad():
        context = space.section(Y)
        step = space.retract(context, -0.1 * space.lift(context, torch.ones(12, 3)))
    assert not step.requires_grad
    assert space.belongs(step, 1e-6)


def test_trust_regions():
    for space in (SymplecticStiefel(5, 2), Euclidean(()), Product({"W": SymplecticStiefel(5, 2), "b": Euclidean(2)})):
        W = space.random_coordinates(0, 20)
        lengths = space.norm(W)
        radius = float(np.median(lengths))
        short = space.shortened(W, radius)
        np.testing.assert_allclose(space.norm(short), np.minimum(lengths, radius), rtol=1e-14)


def test_distances():
    X, Y = (Grassmann(7, 3).random(seed) for seed in (0, 1))
    angles = scipy.linalg.subspace_angles(X, Y)
    assert abs(Grassmann(7, 3).distance(X, Y) - np.linalg.norm(angles)) <= 1e-13
    tiny = Grassmann(7, 3, retraction="geodesic")
    W = tiny.random_coordinates(2)
    W *= 1e-9 / tiny.norm(W)
    assert abs(tiny.distance(X, tiny.retract(tiny.section(X), W)) / 1e-9 - 1) <= 1e-5
    assert Stiefel(3, 3).distance(np.eye(3), -np.eye(3)) == np.inf
    turned = scipy.linalg.expm(np.array([[0, -2.0, 0], [2.0, 0, 0], [0, 0, 0]]))
    assert abs(Stiefel(3, 3).distance(np.eye(3), turned) - 2.0) <= 1e-14
    for space in (Stiefel(5, 2), SymplecticStiefel(3, 2), SymplecticGrassmann(3, 2), Stiefel(5, 1, field="complex")):
        with pytest.raises(InputError, match="has no distance"):
            space.distance(space.random(0), space.random(1))


def test_projections():
    """The polar factor is nearer than any other frame; a symplectic frame that was scaled comes back."""
    rng = np.random.default_rng(0)
    space = Stiefel(6, 3)
    A = rng.standard_normal((6, 3))
    nearest = space.project(A)
    assert all(np.linalg.norm(A - nearest) <= np.linalg.norm(A - Y) for Y in space.random(rng, 200))
    symplectic = SymplecticStiefel(6, 2)
    U = symplectic.random(0)
    np.testing.assert_allclose(symplectic.project(1.7 * U), U, atol=1e-12)
    assert symplectic.belongs(symplectic.project(U + 0.05 * rng.standard_normal(U.shape)), 1e-12)


@QUICK
@given(st.sampled_from(KINDS), st.integers(1, 5), st.integers(0, 5), st.integers(0, 10**6))
def test_every_size_holds_the_laws(kind, n, more, seed):
    assert check_space(kind(n + more, n), rng=seed, samples=2).passed


def test_frames_of_the_same_size_as_the_space_do_not_move_on_grassmannians():
    space = Grassmann(3, 3)
    Y = space.random(0)
    D = space.lift(space.section(Y), np.ones((3, 3)))
    assert space.dimension == 0
    assert (D == 0).all()
    np.testing.assert_allclose(space.retract(space.section(Y), D), Y, atol=1e-15)


def test_names_and_equality():
    assert repr(Stiefel(5, 2, retraction="geodesic")) == "Stiefel(5, 2, retraction='geodesic')"
    assert Stiefel(5, 2) == Stiefel(5, 2)
    assert len({Stiefel(5, 2), Stiefel(5, 2), Grassmann(5, 2), Stiefel(5, 2, field="complex")}) == 3
