"""Changes of coordinates, their checks, and how typed slots follow them."""

import numpy as np
import pytest

from manifolds import InputError
from solvers.naturality import linear_maps as linear
from solvers.naturality import nonlinear_maps as curved
from solvers.naturality.classes import DISCRETE_CLASSES, linear_classes, nonlinear_classes, sample
from solvers.naturality.morphism import Morphism, check_morphism
from solvers.naturality.problems import start_point
from solvers.naturality.slots import TYPES, NoLift, push_slot
from solvers.naturality.spec import OptimizerSpec, lift

SHAPES = [(4,), (2, 3), (3, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_map_of_every_class_passes_its_check_and_moves_points(shape):
    size = int(np.prod(shape))
    names = [*linear_classes(shape), *nonlinear_classes(shape), *DISCRETE_CLASSES]
    for name in names:
        for morphism in sample(name, shape, count=4, seed=3):
            theta = start_point(size, np.random.default_rng(0))
            check_morphism(morphism, theta)
            assert np.abs(morphism.apply(theta) - theta).max() > 1e-3, name
            assert np.linalg.cond(morphism.jacobian(theta)) < 200


def test_samples_do_not_depend_on_what_else_is_sampled():
    one, again = (sample("general", (4,), count=2, seed=5)[1].affine[0] for _ in range(2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, sample("general", (4,), count=2, seed=6)[1].affine[0])


def test_classes_hold_what_they_say():
    for determinant in (-1, 1):
        maps = [linear.orthogonal(5, seed, determinant=determinant).affine[0] for seed in range(4)]
        assert all(np.linalg.det(one) == pytest.approx(determinant) for one in maps)
    assert {np.sign(np.linalg.det(linear.orthogonal(4, seed).affine[0])) for seed in range(8)} == {-1.0, 1.0}
    assert np.linalg.cond(linear.general_linear(4, 3).affine[0]) == pytest.approx(10)
    inside = curved.inversion(4, 2).jacobian(np.ones(4) * 0.3)
    assert np.allclose(inside.T @ inside, (inside.T @ inside)[0, 0] * np.eye(4))
    plane = curved.complex_exponential().jacobian(np.array([0.3, -0.4]))
    assert np.allclose(plane.T @ plane, np.exp(0.6) * np.eye(2))
    J = curved.matrix_moebius((2, 3), 1).jacobian(np.linspace(-1, 1, 6)).reshape(2, 3, 2, 3).transpose(0, 2, 1, 3)
    assert np.linalg.svd(J.reshape(4, 9), compute_uv=False)[1] < 1e-12  # one Kronecker product


def test_two_sided_maps_act_on_rows_and_columns():
    morphism = linear.two_sided_general((2, 3), 4)
    left, right = morphism.factors
    W = np.arange(6.0).reshape(2, 3)
    assert np.allclose(morphism.apply(W.ravel()).reshape(2, 3), left @ W @ right)


@pytest.mark.parametrize(
    ("morphism", "message"),
    [
        (Morphism(lambda x: 2 * x, lambda x: x / 3), "inverse"),
        (Morphism(lambda x: x**2, np.sqrt), "inverse"),
        (Morphism(np.sinh, np.arcsinh, jacobian=lambda x: np.diag(np.sinh(x))), "Jacobian"),
        (Morphism(np.sinh, np.arcsinh, jacobian=lambda x: np.eye(3)), "Jacobian"),
        (Morphism(lambda x: 2 * x, lambda x: x / 2, affine=(2 * np.eye(2), np.ones(2))), "affine"),
        (Morphism(lambda x: 2 * x, lambda x: x / 2, affine=(3 * np.eye(2), np.zeros(2))), "Jacobian"),
        (Morphism(lambda x: x[:1], lambda x: x), "inverse"),
        (Morphism(lambda x: x**3, np.cbrt), "Jacobian"),
        (Morphism(np.log, np.exp), "inverse"),
    ],
)
def test_wrong_maps_are_refused(morphism, message):
    with pytest.raises(InputError, match=message):
        check_morphism(morphism, np.array([-0.5, 0.0]))


@pytest.mark.parametrize("call", [lambda: linear.permutation(1), lambda: linear.block_rotations(3)])
def test_classes_that_are_empty_are_refused(call):
    with pytest.raises(InputError):
        call()
    with pytest.raises(InputError, match="not known"):
        sample("transpose", (2, 3), count=1, seed=0)


def value_of(kind, shape, rng):
    size = int(np.prod(shape))
    if kind in ("cov2", "con2"):
        return rng.standard_normal((size, size))
    if kind in ("row_cov2", "col_cov2"):
        side = shape[0] if kind == "row_cov2" else shape[1]
        return rng.standard_normal((side, side))
    return rng.standard_normal(size)


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "opaque"])
def test_lifts_are_functors(kind):
    rng, shape = np.random.default_rng(1), (2, 3)
    theta = start_point(6, rng)
    if kind.startswith("diag"):
        first = Morphism.linear(linear.permutation_matrix(6, rng) * 2.0)
        second = curved.coordinatewise(6, rng)
    elif "_cov2" in kind:
        first, second = linear.two_sided_general(shape, rng), linear.two_sided_general(shape, rng)
    else:
        first, second = curved.generic(6, rng), linear.general_linear(6, rng)
    factors = None
    if first.factors and second.factors:
        factors = (second.factors[0] @ first.factors[0], first.factors[1] @ second.factors[1])
    both = Morphism(lambda x: second._f(first._f(x)), lambda y: first.pull(second.pull(y)), factors=factors)
    value = value_of(kind, shape, rng)
    once = push_slot(kind, value, theta, both)
    twice = push_slot(kind, push_slot(kind, value, theta, first), first.apply(theta), second)
    assert np.allclose(once, twice, rtol=1e-9, atol=1e-11)


def test_covectors_and_vectors_are_dual():
    rng = np.random.default_rng(2)
    theta, v, m = start_point(4, rng), rng.standard_normal(4), rng.standard_normal(4)
    morphism = curved.generic(4, 3)
    pushed = push_slot("covector", m, theta, morphism) @ push_slot("vector", v, theta, morphism)
    assert pushed == pytest.approx(m @ v)


def test_what_has_no_lift_says_so():
    square = {"point": np.ones(4), "square": np.ones(4)}
    slots = {"point": "point", "square": "diag_cov2"}
    assert lift(slots, square, linear.permutation(4, 1))["square"].tolist() == [1, 1, 1, 1]
    for case, state in ((slots, square), ({"point": "point"}, square)):
        with pytest.raises(NoLift):
            lift(case, state, linear.orthogonal(4, 1))
    with pytest.raises(NoLift, match="P W Q"):
        push_slot("row_cov2", np.eye(2), np.ones(6), linear.general_linear(6, 1))
    with pytest.raises(InputError, match="not known"):
        push_slot("tensor", np.ones(2), np.ones(2), linear.permutation(2, 1))


def test_specs_are_checked():
    with pytest.raises(InputError, match="not known"):
        OptimizerSpec(name="x", init=dict, step=dict, slots={"v": "velocity"})
    spec = OptimizerSpec(name="x", init=lambda p, t: {"v": t}, step=lambda p, s, r: s, slots={})
    from solvers.naturality.problem import Problem

    with pytest.raises(InputError, match="does not hold"):
        spec.start(Problem(np.sum, size=2), [1.0, 2.0])
