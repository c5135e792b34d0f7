"""Optimizers as specs: purity, the types of their slots, and their steps against formulas written another way."""

import copy

import numpy as np
import pytest
import scipy.linalg

from manifolds.errors import InputError
from solvers.naturality.adapters import from_rule
from solvers.naturality.linear_maps import (
    general_linear,
    left_orthogonal,
    matrix_signs,
    orthogonal,
    sign_flip,
    two_sided_general,
    two_sided_orthogonal,
)
from solvers.naturality.optimizers import averaging, full_matrix, kronecker, matrix_norms, mirror, quasi_newton, shampoo
from solvers.naturality.optimizers.adaptive import vector_adam
from solvers.naturality.optimizers.linear_algebra import polar, power, solve
from solvers.naturality.problem import Problem
from solvers.naturality.problems import matrix_problems, start_point, vector_problems
from solvers.naturality.registry import OPTIMIZERS, read_optimizer
from solvers.naturality.spec import OptimizerSpec, lift, run
from solvers.rules import Adam

PROBLEM = vector_problems(4)[0]
LAYER = matrix_problems((2, 3))[0]
POINT = start_point(4, np.random.default_rng(3))
WEIGHT = start_point(6, np.random.default_rng(4))


def setting(spec):
    point = WEIGHT if spec.matrix else POINT
    return (LAYER if spec.matrix else PROBLEM), np.abs(point) if spec.name == "mirror-entropy" else point


def after(name, steps=1, rate=None, problem=None, point=None):
    spec = read_optimizer(name)
    return run(spec, problem or setting(spec)[0], setting(spec)[1] if point is None else point, rate=rate, steps=steps)


@pytest.mark.parametrize("spec", OPTIMIZERS.values(), ids=lambda spec: spec.name)
def test_steps_are_pure_deterministic_and_downhill(spec):
    problem, point = setting(spec)
    state = spec.start(problem, point)
    for _ in range(3):
        kept = copy.deepcopy(state)
        following, again = spec.step(problem, state, spec.rate), spec.step(problem, state, spec.rate)
        assert set(following) == set(spec.slots) == set(state)
        for slot in following:
            np.testing.assert_array_equal(following[slot], again[slot])
            np.testing.assert_array_equal(state[slot], kept[slot])
        state = following
    assert state["point"].shape == point.shape
    small = run(spec, problem, point, rate=spec.rate / 100, steps=3)["point"]
    assert problem.value(small) < problem.value(point)


FOLLOWED = {
    "signs": (lambda size: sign_flip(size, 1), lambda shape: matrix_signs(shape, 1)),
    "rotations": (lambda size: orthogonal(size, 1), lambda shape: two_sided_orthogonal(shape, 1)),
    "all": (lambda size: general_linear(size, 1), lambda shape: two_sided_general(shape, 1)),
}
LIFTED = {
    "signs": "adagrad rmsprop adam amsgrad nadam adadelta adadelta-typed rprop rprop-typed madam root-free-rmsprop "
    "root-free-adam lion adam-declared-rates adafactor",
    "rotations": "heavy-ball nesterov barzilai-borwein dog full-matrix-adagrad bfgs l-bfgs muon-exact "
    "muon-newton-schulz shampoo-quarter shampoo-half soap",
    "all": "online-newton-step bfgs-natural averaged-newton exponentially-averaged-newton lookahead-newton",
}


@pytest.mark.parametrize(("maps", "name"), [(maps, name) for maps, names in LIFTED.items() for name in names.split()])
def test_the_state_follows_a_map_as_its_slot_types_say(maps, name):
    spec = OPTIMIZERS[name]
    problem, point = setting(spec)
    of_vectors, of_matrices = FOLLOWED[maps]
    morphism = of_matrices(problem.shape) if spec.matrix else of_vectors(problem.size)
    here = run(spec, problem, point, steps=3)
    there = run(spec, problem.push(morphism), morphism.apply(point), steps=3)
    typed = {slot: kind for slot, kind in spec.slots.items() if kind not in ("opaque", "frame_scalar")}
    images = lift(typed, {slot: here[slot] for slot in typed}, morphism)
    assert set(images) >= {"point"}
    for slot, image in images.items():
        scale = np.abs(image).max() + 1e-12
        np.testing.assert_allclose(np.array(there[slot]) / scale, np.array(image) / scale, atol=1e-8, err_msg=slot)


def test_the_factors_of_kl_shampoo_follow_up_to_a_scale_between_them():
    spec, morphism = OPTIMIZERS["kl-shampoo-root-free"], two_sided_general((2, 3), 2)
    here, there = run(spec, LAYER, WEIGHT, steps=2), run(spec, LAYER.push(morphism), morphism.apply(WEIGHT), steps=2)
    image = lift(spec.slots, here, morphism)
    np.testing.assert_allclose(
        np.kron(there["rows"], there["columns"]), np.kron(image["rows"], image["columns"]), rtol=1e-8, atol=1e-12
    )


def test_vector_adam_with_blocks_of_one_is_adam():
    expected = run(from_rule(Adam(epsilon=0.0)), PROBLEM, POINT, rate=0.1, steps=5)["point"]
    np.testing.assert_allclose(run(vector_adam(block=1), PROBLEM, POINT, rate=0.1, steps=5)["point"], expected)


def test_full_matrix_adagrad_against_a_matrix_square_root():
    samples = PROBLEM.per_sample_gradients(POINT)
    root = scipy.linalg.sqrtm(samples.T @ samples)
    moved = after("full-matrix-adagrad", rate=1.0)["point"] - POINT
    np.testing.assert_allclose(moved, -np.linalg.solve(root, PROBLEM.gradient(POINT)), rtol=1e-9)


def test_the_epsilon_of_the_online_newton_step_is_where_the_moment_starts():
    start = full_matrix.online_newton_step(epsilon=0.5).init(PROBLEM, POINT)
    np.testing.assert_array_equal(start["moment"], 0.5 * np.eye(4))


def test_bfgs_meets_the_secant_equation_and_a_quadratic_in_as_many_steps_as_parameters():
    rng = np.random.default_rng(0)
    s, y = rng.standard_normal(4), rng.standard_normal(4)
    y = y if s @ y > 0 else -y
    updated = quasi_newton.update_inverse(np.eye(4), s, y)
    np.testing.assert_allclose(updated @ y, s, rtol=1e-10)
    np.testing.assert_allclose(updated, updated.T, atol=1e-14)
    np.testing.assert_array_equal(quasi_newton.update_inverse(np.eye(4), s, -y), np.eye(4))


def test_lbfgs_with_all_pairs_is_bfgs_from_the_scaled_identity():
    spec = quasi_newton.lbfgs(memory=10)
    states = [spec.init(PROBLEM, POINT)]
    for _ in range(4):
        states.append(spec.step(PROBLEM, states[-1], 0.3))
    points = [state["point"] for state in states]
    gradients = [PROBLEM.gradient(point) for point in points]
    pairs = [(b - a, h - g) for a, b, g, h in zip(points[:3], points[1:4], gradients[:3], gradients[1:4], strict=True)]
    s, y = pairs[-1]
    inverse = (s @ y) / (y @ y) * np.eye(4)
    for s, y in pairs:
        inverse = quasi_newton.update_inverse(inverse, s, y)
    np.testing.assert_allclose(points[4] - points[3], -0.3 * inverse @ gradients[3], rtol=1e-9)


def test_averages_of_iterates_against_the_iterates():
    base = OPTIMIZERS["newton"]
    points = [run(base, PROBLEM, POINT, steps=k)["point"] for k in range(4)]
    np.testing.assert_allclose(after("averaged-newton", 3)["point"], np.mean(points, axis=0), rtol=1e-12)
    slow = POINT + 0.5 * (points[2] - POINT)
    np.testing.assert_allclose(after("lookahead-newton", 3)["point"], slow, rtol=1e-12)
    assert averaging.averaged(base, name="mine").name == "mine"


def test_mirror_descent_with_a_quadratic_potential_is_preconditioned_gradient_descent():
    A = np.diag([1.0, 2.0, 3.0, 4.0])
    problem = copy.copy(PROBLEM)
    problem.hidden = {"potential": ("scalar", lambda theta: 0.5 * (theta * (A @ theta)).sum())}
    moved = run(mirror.mirror_transported(), problem, POINT, rate=0.1)["point"] - POINT
    np.testing.assert_allclose(moved, -0.1 * np.linalg.solve(A, PROBLEM.gradient(POINT)), rtol=1e-12)


def test_mirror_descent_that_cannot_reach_its_dual_point_says_so():
    problem = Problem(
        lambda x: 50 * x.sum(), size=1, hidden={"potential": ("scalar", lambda x: np.sqrt(1 + x**2).sum())}
    )
    with np.errstate(all="ignore"), pytest.raises(InputError, match="mirror descent"):
        run(mirror.mirror_transported(), problem, [0.5], rate=1.0)


def test_burg_and_entropy_move_the_gradients_of_their_potentials():
    positive = np.abs(POINT)
    g = PROBLEM.gradient(positive)
    burg, entropy = (after(name, rate=0.01, point=positive)["point"] for name in ("mirror-burg", "mirror-entropy"))
    np.testing.assert_allclose(-1 / burg, -1 / positive - 0.01 * g)
    np.testing.assert_allclose(np.log(entropy), np.log(positive) - 0.01 * g)


def test_kfac_is_the_inverse_of_a_kronecker_product():
    inputs = np.random.default_rng(0).standard_normal((9, 3))
    slopes = np.random.default_rng(1).standard_normal((9, 2))
    outers = inputs[:, :, None] * inputs[:, None, :]
    problem = Problem(
        shape=(2, 3),
        model=lambda W: (slopes * (inputs @ W.T)).sum(1),
        output_loss=lambda z: z,
        hidden={"activations": ("col_cov2", outers)},
    )
    S, A, G = kronecker.layer_moments(problem, WEIGHT)
    np.testing.assert_allclose(S, slopes.T @ slopes / 9, rtol=1e-10)
    np.testing.assert_allclose(A, inputs.T @ inputs / 9, rtol=1e-10)
    np.testing.assert_allclose(G.sum(axis=0).ravel(), problem.gradient(WEIGHT), rtol=1e-10)
    for damping in (0.0, 0.04):
        dense = np.kron(S + damping**0.5 * np.eye(2), A + damping**0.5 * np.eye(3))
        moved = run(kronecker.kfac(damping=damping), problem, WEIGHT, rate=1.0)["point"] - WEIGHT
        np.testing.assert_allclose(moved, -np.linalg.solve(dense, problem.gradient(WEIGHT)), rtol=1e-9)
    basis = np.kron(np.linalg.eigh(S)[1], np.linalg.eigh(A)[1])
    second = np.mean((G.reshape(9, 6) @ basis) ** 2, axis=0)
    moved = run(kronecker.ekfac(), problem, WEIGHT, rate=1.0)["point"] - WEIGHT
    np.testing.assert_allclose(moved, -basis @ ((basis.T @ problem.gradient(WEIGHT)) / second), rtol=1e-9)


def test_kfac_without_activations_names_what_is_missing():
    problem = Problem(shape=(1, 1), model=lambda W: W[0], output_loss=lambda z: z)
    with pytest.raises(InputError, match="activations"):
        run(kronecker.kfac(), problem, [1.0])


def test_the_matrix_normal_estimate_solves_both_likelihood_equations():
    samples = np.random.default_rng(0).standard_normal((30, 2, 3))
    rows, columns = shampoo.matrix_normal(samples)
    left, right = np.linalg.inv(rows), np.linalg.inv(columns)
    np.testing.assert_allclose(rows, sum(G @ right @ G.T for G in samples) / 90, rtol=1e-10)
    np.testing.assert_allclose(columns, sum(G.T @ left @ G for G in samples) / 60, rtol=1e-10)


def test_what_a_problem_is_too_small_for_is_refused():
    with pytest.raises(InputError, match="too few samples"):
        shampoo.matrix_normal(np.ones((1, 2, 2)))
    with pytest.raises(InputError, match="block=3"):
        run(vector_adam(block=3), PROBLEM, POINT)


def test_shampoo_against_powers_of_a_kronecker_product():
    spec = shampoo.shampoo(epsilon=0.1, name="one")
    G = LAYER.gradient(WEIGHT).reshape(2, 3)
    dense = np.kron(G @ G.T + 0.1 * np.eye(2), G.T @ G + 0.1 * np.eye(3))
    moved = run(spec, LAYER, WEIGHT, rate=1.0)["point"] - WEIGHT
    expected = -scipy.linalg.fractional_matrix_power(dense, -0.25) @ G.ravel()
    np.testing.assert_allclose(moved, expected, rtol=1e-9)


def test_soap_in_the_coordinate_frame_is_adam_in_it():
    weights = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    problem = Problem(
        lambda W: (weights * W**2 / 2).sum() + (W[0, 1] ** 2 + W[0, 2] ** 2 + W[1, 0] ** 2) / 2, shape=(2, 3)
    )
    point = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    spec = OPTIMIZERS["soap"]
    adam = run(from_rule(Adam(beta1=0.95, beta2=0.95, epsilon=0.0)), problem, point, rate=0.1, steps=3)["point"]
    np.testing.assert_allclose(run(spec, problem, point, rate=0.1, steps=3)["point"], adam, atol=1e-12)


def test_newton_schulz_moves_singular_values_alone():
    G = np.random.default_rng(0).standard_normal((2, 3))
    left, sizes, right = np.linalg.svd(G, full_matrices=False)
    x = sizes / np.linalg.norm(sizes)
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    np.testing.assert_allclose(matrix_norms.newton_schulz(G), (left * x) @ right, atol=1e-12)
    morphism = left_orthogonal((2, 3), 0)
    turned = matrix_norms.newton_schulz(morphism.apply(G.ravel()).reshape(2, 3))
    np.testing.assert_allclose(turned.ravel(), morphism.apply(matrix_norms.newton_schulz(G).ravel()), atol=1e-13)


def test_powers_and_polar_factors_on_the_range():
    matrix = np.outer([1.0, 2.0], [1.0, 2.0])
    np.testing.assert_allclose(power(matrix, -1.0), np.linalg.pinv(matrix), atol=1e-15)
    np.testing.assert_allclose(power(np.diag([-4.0, 9.0]), 0.5, absolute=True), np.diag([2.0, 3.0]))
    np.testing.assert_allclose(polar(matrix), matrix / 5, atol=1e-15)
    assert np.isnan(solve(np.zeros((2, 2)), np.ones(2))).all()


def test_the_first_step_of_dog_and_of_rprop():
    g = PROBLEM.gradient(POINT)
    np.testing.assert_allclose(after("dog")["point"], POINT - 0.1 * g / np.linalg.norm(g))
    np.testing.assert_allclose(after("rprop")["point"], POINT - 0.05 * np.sign(g))


def test_barzilai_and_borwein_on_a_multiple_of_the_identity_end_in_two_steps():
    problem = Problem(lambda x: 1.5 * (x**2).sum(), size=3)
    end = run(OPTIMIZERS["barzilai-borwein"], problem, [1.0, 2.0, 3.0], rate=1.0, steps=2)["point"]
    np.testing.assert_allclose(end, 0, atol=1e-12)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Adam", "adam"),
        ("gradient_descent", "gradient-descent"),
        ("Natural Gradient", "natural-gradient"),
        ("scipy:bfgs", "scipy:BFGS"),
        ("newton-cg", "scipy:Newton-CG"),
        ("SGD", "gradient-descent"),
        (Adam(), "adam"),
        (OPTIMIZERS["newton"], "newton"),
    ],
)
def test_optimizers_by_whatever_the_caller_has(given, name):
    found = read_optimizer(given)
    assert isinstance(found, OptimizerSpec)
    assert found.name == name


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("adm", "'adam'"),
        ("kfak", "'kfac'"),
        ("scipy:BGFS", "'BFGS'"),
        (3, "int"),
        ("", "one of"),
    ],
)
def test_names_that_nothing_has_are_refused_with_the_nearest(given, part):
    with pytest.raises(InputError, match=part):
        read_optimizer(given)
