"""Symmetries of black boxes: the exact derivation as oracle, no false symmetry, and what is left undecided."""

import json
from functools import partial

import numpy as np
import pytest
from public_losses import BY_NAME, public_algebra, public_loss

from manifolds.errors import InputError
from solvers.discover import AxisMatrices, AxisScalings, discover
from solvers.discovery.points import read_points, shapes_of
from solvers.discovery.subject import independent_constants
from solvers.objective import Objective
from symmetries import Affine, Basis, Blocks, Diagonal, Linear, Loss, Polynomial, VectorField, derive
from symmetries.ansatz import read_ansatz
from symmetries.catalog import catalog, get
from symmetries.certificate import Certificate

LARGEST = 330
"""Unknowns up to which the losses with known answers are sampled here."""


def small(record) -> bool:
    loss = public_loss(record["name"])
    return read_ansatz(record["ansatz"]).count_in(loss) <= LARGEST and not any(one.moves for one in loss.data.values())


@pytest.mark.parametrize("name", [name for name, record in BY_NAME.items() if small(record)])
def test_the_exact_derivation_agrees(name):
    found = discover(public_loss(name), ansatz=read_ansatz(BY_NAME[name]["ansatz"]), rng=1)
    exact = public_algebra(name)
    assert (found.verdict, found.dimension, found.name) == ("measured", exact.dimension, exact.name)
    assert found.null_directions is not None
    assert len(found.null_directions) == exact.null_directions


@pytest.mark.parametrize("entry", [one for one in catalog() if len(one.loss.entries) <= 12], ids=lambda one: one.name)
def test_affine_symmetries_of_the_catalogue_agree(entry):
    if any(one.moves for one in entry.loss.data.values()):
        pytest.skip("its data move")
    found = discover(entry.loss, ansatz=Affine(), rng=2)
    assert (found.verdict, found.dimension) == ("measured", derive(entry.loss, ansatz=Affine()).dimension)


def random_polynomial(seed):
    rng = np.random.default_rng(seed)
    names = "xyz"[: int(rng.integers(2, 4))]
    terms = [(rng.integers(0, 3, len(names)), int(rng.integers(1, 5))) for _ in range(int(rng.integers(1, 5)))]
    factors = [
        "*".join([str(factor), *(f"{v}**{e}" for v, e in zip(names, powers, strict=True))]) for powers, factor in terms
    ]
    return Loss.parse(" - ".join(factors), list(names))


@pytest.mark.parametrize("ansatz", [Linear(), Affine()], ids=lambda one: one.name)
def test_random_polynomials_agree_with_the_derivation(ansatz):
    for seed in range(15):
        loss = random_polynomial(seed)
        found, exact = discover(loss, ansatz=ansatz, rng=seed), derive(loss, ansatz=ansatz)
        if exact.dimension == ansatz.count(len(loss.entries)):
            assert found.verdict == "undecided"  # a constant
        else:
            assert (found.dimension, found.name) == (exact.dimension, exact.name), str(loss)


def test_each_generator_annihilates_the_loss_at_fresh_points():
    loss = Loss.parse(
        "sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": np.arange(12.0).reshape(3, 4).tolist()}
    )
    objective = Objective.from_loss(loss)
    found = discover(objective)
    assert (found.dimension, found.name) == (5, "gl(2,R) + so(2)")  # Y has the rank 2, which adds one
    assert found.agrees_with(derive(loss))
    rng = np.random.default_rng(9)
    for one in found.generators:
        w = rng.standard_normal(14)
        assert abs(objective.gradient(w) @ one.at(w)) <= 1e-12 * np.abs(objective.gradient(w) * one.at(w)).sum()
        assert one.field is not None


def random_function(seed, kind):
    """A sum of functions of random linear forms with a quadratic form and a product: no affine symmetries."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    A, b, c, d = rng.standard_normal((n + 2, n)), *rng.standard_normal((2, n + 2)), rng.standard_normal(n)
    unit, slope = {
        "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
        "sine": (np.sin, np.cos),
        "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
        "softplus": (lambda z: np.log1p(np.exp(z)), lambda z: 1 / (1 + np.exp(-z))),
        "cubic": (lambda z: z**3 + z**2, lambda z: 3 * z**2 + 2 * z),
    }[kind]

    def value(w):
        return float(c @ unit(A @ w + b) + d @ w**2)

    def gradient(w):
        return A.T @ (c * slope(A @ w + b)) + 2 * d * w

    return n, value, gradient


@pytest.mark.parametrize("kind", ["tanh", "sine", "relu", "softplus", "cubic"])
@pytest.mark.parametrize("ansatz", [Linear(), Affine(), Diagonal()], ids=lambda one: one.name)
def test_no_false_symmetry_of_random_functions(kind, ansatz):
    for seed in range(22):  # 330 functions in all
        n, value, gradient = random_function(seed, kind)
        found = discover(value, gradient=gradient, size=n, ansatz=ansatz, rng=seed)
        assert (found.verdict, found.dimension) == ("measured", 0), (seed, found)


def test_no_false_symmetry_from_differences_and_from_few_digits():
    for seed in range(10):
        n, value, gradient = random_function(seed, "tanh")
        assert discover(value, size=n, rng=seed).dimension == 0
        single = partial(lambda w, slope: slope(w).astype(np.float32), slope=gradient)
        found = discover(None, gradient=single, size=n, rng=seed)
        assert found.dimension in (0, None)
        assert found.tolerance > 1e-6


@pytest.mark.parametrize("size", [1e-3, 1e-5, 1e-7])
def test_noise_in_the_gradient_is_no_symmetry_and_hides_one(size):
    noise = np.random.default_rng(0)
    n, _, gradient = random_function(3, "sine")
    noisy = discover(None, gradient=lambda w: gradient(w) * (1 + size * noise.standard_normal(n)), size=n)
    assert noisy.dimension in (0, None)
    turning = discover(None, gradient=lambda w: 2 * w * (1 + size * noise.standard_normal(3)), size=3)
    assert turning.dimension in (0, None)
    assert len(turning.approximate) >= 3
    assert all(size / 30 <= one.defect <= 30 * size for one in turning.approximate[:3])
    told = discover(None, gradient=lambda w: 2 * w * (1 + size * noise.standard_normal(3)), size=3, tolerance=10 * size)
    assert (told.dimension, told.identity.killing_signature) == (3, (0, 3, 0))


@pytest.mark.parametrize("size", [1e-2, 1e-4, 1e-6])
def test_the_defect_of_an_approximate_symmetry_is_its_size(size):
    found = discover(
        lambda w: w @ w + size * w[0] ** 4,
        size=2,
        gradient=lambda w: 2 * w + np.array([4 * size * w[0] ** 3, 0]),
        approximate=0.2,
    )
    assert found.dimension == 0
    assert 0.1 * size <= found.approximate[0].defect <= 10 * size
    turn = found.approximate[0].parts
    np.testing.assert_allclose(turn / turn[0, 1], [[0, 1], [-1, 0]], atol=5 * size)


def test_a_defect_below_what_can_be_told_is_undecided_and_never_a_symmetry():
    found = discover(
        lambda w: w @ w + 1e-10 * w[0] ** 4, size=2, gradient=lambda w: 2 * w + np.array([4e-10 * w[0] ** 3, 0])
    )
    assert (found.verdict, found.dimension, found.generators) == ("undecided", None, ())
    assert found.approximate
    assert "tolerance" in found.reason


def test_too_few_points_say_how_many_are_needed():
    found = discover(lambda w: w @ w, np.random.default_rng(0).standard_normal((10, 3)))
    assert (found.verdict, found.dimension) == ("undecided", None)
    assert found.certificate.claims[0].evidence["needed"] == 33
    assert "9 unknowns need 33" in found.reason


def test_repeated_points_count_once():
    points = np.tile(np.random.default_rng(0).standard_normal((3, 2)), (50, 1))
    assert discover(lambda w: w @ w, points).verdict == "undecided"


def test_points_in_a_plane_do_not_tell_linear_fields_apart():
    points = np.random.default_rng(0).standard_normal((300, 3))
    points[:, 2] = points[:, 0] + points[:, 1]
    found = discover(lambda w: np.sin(w[0]) + w[1] ** 3 + w[2] * w[0], points)
    assert found.verdict == "undecided"


def test_fields_that_vanish_on_the_points_are_no_symmetries():
    points = np.random.default_rng(0).standard_normal((100, 2)) * [1.0, 0.0]
    found = discover(lambda w: w[0] + w[1], points, ansatz=Diagonal())
    assert found.verdict == "undecided"


def test_constant_functions_and_flat_regions_are_undecided():
    for function in (lambda w: 3.0, lambda w: float(np.maximum(w - 100, 0).sum())):
        found = discover(function, size=2)
        assert (found.verdict, found.dimension) == ("undecided", None)
        assert "constant" in found.reason


def test_null_directions_are_reported():
    found = discover(lambda w: np.sin(w[0] + w[1]) + w[3] ** 2, size=4, ansatz=Affine())
    assert found.null_directions.shape == (2, 4)
    span = np.linalg.svd(found.null_directions)[2][:2]
    for direction in ([1, -1, 0, 0], [0, 0, 1, 0]):
        assert np.linalg.norm(span @ direction) == pytest.approx(np.linalg.norm(direction), abs=1e-6)


def test_gradients_that_are_not_finite_are_left_out():
    found = discover(lambda w: np.sqrt(w @ w - 0.5), size=2, gradient=lambda w: w / np.sqrt(w @ w - 0.5))
    assert (found.dimension, found.name) == (1, "so(2)")
    assert found.certificate.claims[0].evidence["non_finite_gradients"] > 0
    never = discover(None, gradient=lambda w: w * np.nan, size=2)
    assert (never.verdict, never.dimension) == ("undecided", None)
    assert "not finite" in never.reason


def test_a_kink_between_differences_is_left_out():
    found = discover(lambda w: abs(w[0]) + abs(w[1]) + 0.5 * w[2] ** 2, size=3, ansatz=Diagonal(), sample=near_kinks)
    assert (found.verdict, found.dimension) == ("measured", 0)
    assert found.certificate.claims[0].evidence["non_finite_gradients"] > 0


def near_kinks(rng):
    return rng.standard_normal(3) * np.where(rng.random(3) < 0.2, 1e-4, 1.0)


def test_data_are_drawn_for_every_equation():
    def value(w, batch):
        return float((w[0] * w[1] * batch[0] - batch[1]) ** 2 + w[2] * batch[2])

    found = discover(value, size=3, data=lambda rng: rng.standard_normal(3), ansatz=Diagonal())
    assert (found.dimension, found.name) == (1, "R^1")
    np.testing.assert_allclose(np.abs(found.generators[0].parts), [1, 1, 0], atol=1e-9)


def test_candidates_are_refuted_with_a_point_or_measured():
    turn, stretch = [[0, 1], [-1, 0]], [[1, 0], [0, -1]]
    found = discover(lambda w: w @ w, size=2, gradient=lambda w: 2 * w, candidates=[turn, stretch, lambda w: 0 * w])
    assert [claim.verdict for claim in found.candidates] == ["measured", "refuted", "undecided"]
    point = np.array(found.candidates[1].evidence["counterexample"])
    assert abs(2 * point @ (stretch @ point)) > 1e-3
    assert found.verdict == "measured"


def test_given_fields_that_no_matrix_has():
    def valley(w):
        return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2

    def turn(w):
        across = 100 * (w[1] - w[0] ** 2)
        return np.array([across, 1 - w[0] + 2 * w[0] * across])

    def other(w):
        return np.array([np.sin(w[1]), w[0] ** 2])

    found = discover(valley, size=2, ansatz=[turn, other])
    assert found.dimension == 1
    np.testing.assert_allclose(
        found.generators[0].coefficients / found.generators[0].coefficients[0], [1, 0], atol=1e-6
    )
    assert (found.name, found.identity.reason) == (None, "the brackets of given fields are not known")


def test_fields_of_formulas():
    loss = Loss.parse("(1 - x)**2 + 100*(y - x**2)**2")
    turn = VectorField({"x": "100*(y - x**2)", "y": "1 - x + 200*x*(y - x**2)"})
    other = VectorField({"x": "sin(y)", "y": "1"})
    found = discover(loss, ansatz=Basis([turn, other]), candidates=[turn, other])
    assert found.dimension == 1
    assert [claim.verdict for claim in found.candidates] == ["measured", "refuted"]
    with pytest.raises(InputError, match="component 'z'"):
        discover(loss, candidates=[VectorField({"z": "1"})])


def test_a_loss_names_its_ansatz():
    assert discover(get("booth").loss).dimension == get("booth").dimension
    assert discover(get("booth").loss).ansatz == "affine"


def test_polynomial_fields_agree_with_the_derivation():
    loss = Loss.parse("(1 - x)**2 + 100*(y - x**2)**2")
    for degree in (2, 3, 4):
        assert discover(loss, ansatz=Polynomial(degree)).dimension == derive(loss, ansatz=Polynomial(degree)).dimension


def test_irrational_coefficients_have_invariants_and_no_name():
    found = discover(lambda w: w[0] ** 2 + 2**0.5 * w[1] ** 2 + 3**0.5 * w[2] ** 2, size=3)
    assert (found.dimension, found.name) == (3, None)
    assert (found.identity.killing_signature, found.identity.semisimple) == ((0, 3, 0), True)


def test_the_answer_does_not_depend_on_units_or_on_the_scale_of_f():
    for factor in (1e-8, 1.0, 1e8):
        found = discover(None, size=2, gradient=partial(np.multiply, 2 * factor), scale=1e3)
        assert (found.dimension, found.name) == (1, "so(2)")
    found = discover(lambda w: w[0] ** 2 + 1e6 * w[1] ** 2, size=2, gradient=lambda w: w * [2, 2e6])
    assert (found.dimension, found.name) == (1, "so(2)")


def test_same_seed_same_bits_and_json():
    one, other = (discover(Loss.parse("x**2 + 9*y**2 + z**4"), rng=5) for _ in range(2))
    assert one.singular_values.tobytes() == other.singular_values.tobytes()
    assert one.generators[0].coefficients.tobytes() == other.generators[0].coefficients.tobytes()
    again = Certificate.from_json(one.certificate.to_json())
    assert again.verdict == "measured"
    assert json.loads(again.to_json())["loss"]["black_box"]
    assert "so(2)" in one.table()


def relu_value(w, batch):
    x, r = batch
    return float(r @ (w["V"] @ np.maximum(w["U"] @ x + w["b"], 0)))


def relu_gradient(w, batch):
    x, r = batch
    z = w["U"] @ x + w["b"]
    back = (w["V"].T @ r) * (z > 0)
    return {"U": np.outer(back, x), "b": back, "V": np.outer(r, np.maximum(z, 0))}


def relu_data(rng):
    return rng.standard_normal(3), rng.standard_normal(2)


SHAPES = {"U": (5, 3), "b": (5,), "V": (2, 5)}


def test_scalings_of_hidden_units_by_axes():
    found = discover(relu_value, gradient=relu_gradient, shapes=SHAPES, data=relu_data, ansatz=AxisScalings())
    assert (found.dimension, found.name) == (5, "R^5")
    units = set()
    for one in found.generators:
        parts = one.parts
        assert set(parts) == {("U", 0), ("b", 0), ("V", 1)}
        np.testing.assert_allclose(parts["U", 0], parts["b", 0], atol=1e-12)
        np.testing.assert_allclose(parts["U", 0], -parts["V", 1], atol=1e-12)
        units.add(tuple(np.flatnonzero(parts["U", 0])))
    assert units == {(k,) for k in range(5)}
    single = discover(relu_value, shapes={"U": (2, 3), "b": (2,), "V": (2, 2)}, data=relu_data, ansatz=AxisScalings())
    assert single.dimension == 2


def test_matrices_on_axes_agree_with_the_derivation_in_blocks():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)})
    exact = derive(loss, ansatz=Blocks())
    for ansatz in (Blocks(), AxisMatrices(4)):
        found = discover(loss, ansatz=ansatz)
        assert (found.dimension, found.name) == (exact.dimension, "gl(2,R)")
    short = discover(loss, ansatz=AxisMatrices(2))
    assert short.dimension == 4
    assert discover(loss, ansatz=AxisScalings()).dimension == 2


def test_one_point_is_not_enough_for_matrices_on_axes():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)})
    w = np.random.default_rng(0).standard_normal(14)
    found = discover(loss, sample=lambda rng: w, ansatz=AxisMatrices(4))
    assert found.verdict == "undecided"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: discover(lambda w: w @ w), "number of coordinates"),
        (lambda: discover(None, size=2), "f=None"),
        (lambda: discover(3.0, size=2), "f=3.0"),
        (lambda: discover(lambda w: w @ w, np.zeros((3, 2, 2))), "number of coordinates"),
        (lambda: discover(lambda w: w @ w, np.full((3, 2), np.nan)), "the points"),
        (lambda: discover(lambda w: w @ w, np.zeros((3, 2)), sample=lambda rng: 0), "points beside sample"),
        (lambda: discover(lambda w: w @ w, size=2, ansatz="linear"), "ansatz"),
        (lambda: discover(lambda w: w @ w, size=2, ansatz=[]), "ansatz"),
        (lambda: discover(lambda w: w @ w, size=200), "unknown coefficients"),
        (lambda: discover(lambda w: w @ w, size=2, tolerance=-1), "tolerance"),
        (lambda: discover(lambda w: w @ w, size=2, scale=0), "scale"),
        (lambda: discover(lambda w: w, size=2), "function"),
        (lambda: discover(lambda w: w @ w, size=2, gradient=lambda w: 3 * w), "the gradient"),
        (lambda: discover(None, size=2, gradient=lambda w: w[:1]), "gradient"),
        (lambda: discover(lambda w: w @ w, size=2, candidates=[np.eye(3)]), "candidate 0"),
        (lambda: discover(lambda w: w @ w, size=2, rng=-1), "rng"),
        (lambda: discover(lambda w: w @ w, size=2, ansatz=[lambda w: w[:1]]), "field 0"),
        (lambda: discover(lambda w: w @ w, size=2, sample=lambda rng: np.array([np.inf, 0])), "sample"),
        (lambda: discover(Loss.parse("x**2"), size=1), "size"),
        (lambda: discover(Loss.parse("x**2"), data=lambda rng: 0), "data"),
        (lambda: AxisMatrices(0), "AxisMatrices"),
        (lambda: discover(lambda w: w @ w, np.zeros((0, 2))), "the points"),
        (lambda: discover(lambda w: 1.0, [{"a": np.ones(2)}, np.ones(2)]), "the points"),
        (lambda: discover(lambda w: w @ w, size=2, shapes={"w": (2,)}), "size beside shapes"),
        (lambda: discover(lambda w: w @ w, size=2, candidates=3), "candidates"),
        (lambda: discover(lambda w: w @ w, size=2, candidates=lambda w: w), "candidates"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(InputError) as caught:
        call()
    assert named in caught.value.what


def test_differences_of_random_values_are_refused():
    noise = np.random.default_rng(0)
    with pytest.raises(InputError, match="two values"):
        discover(lambda w: w @ w + 1e-6 * noise.standard_normal(), size=3)
    with pytest.raises(InputError, match="two values"):
        discover(lambda w, b: b * (w @ w) + 1e-9 * noise.standard_normal(), size=3, data=lambda rng: rng.random())


def test_values_in_single_precision_hide_no_symmetry():
    found = discover(lambda w: np.sum(w.astype(np.float32) ** 2), size=3)
    assert (found.dimension, found.tolerance > 1e-4) == (3, True)
    assert discover(lambda w: np.float32(w[0] ** 2 + np.sin(w[1]) + w[2] ** 4), size=3).dimension in (0, None)


def test_a_gradient_of_values_in_single_precision_is_accepted():
    found = discover(
        lambda w: np.float32(100 + np.sum(w.astype(np.float32) ** 2)), size=3, gradient=lambda w: 2 * w, scale=0.1
    )
    assert found.dimension == 3


def test_constants_are_never_in_relation_by_chance():
    """Equal constants would make a translation of it."""
    loss = Loss.parse("(a - b)*x + y**2", ["x", "y"], constants=["a", "b"])
    for seed in range(40):
        a, b, c = independent_constants("abc", np.random.default_rng(seed)).values()
        assert not {a, 2 * a, a + b, 2 * b - a, c} & {b, 2 * b, 1.0, 2.0, a - c, a + 1}
        assert len(set(independent_constants("abcdefghij", np.random.default_rng(seed)).values())) == 10
        assert discover(loss, ansatz=Affine(), rng=seed).dimension == 1


def test_points_and_shapes_are_read():
    assert shapes_of(None, 3, None) == {"w": (3,)}
    assert shapes_of(None, None, {"W": (2, 2)}) == {"W": (2, 2)}
    points = [{"W": np.eye(2)}, {"W": np.eye(2)}, {"W": np.ones((2, 2))}]
    assert len(read_points(points, {"W": (2, 2)})) == 2


@pytest.mark.parametrize("shift", [-3.0, -5.0, -7.0])
def test_units_that_are_seldom_active_give_no_false_symmetry(shift):
    """Their weights could satisfy a few equations by chance."""

    def gradient(w, batch):
        x, r = batch
        z = w["U"] @ x + w["b"] + shift
        back = (w["V"].T @ r) * (z > 0)
        return {"U": np.outer(back, x), "b": back, "V": np.outer(r, np.maximum(z, 0)), "c": r}

    shapes = {"U": (6, 3), "b": (6,), "V": (2, 6), "c": (2,)}
    for ansatz in (AxisScalings(), Diagonal()):
        found = discover(None, gradient=gradient, shapes=shapes, data=relu_data, ansatz=ansatz)
        assert found.dimension in (0, None)
        assert shift < -5 or found.dimension == 0


@pytest.mark.parametrize("size", [0.0, 1e-4])
def test_many_unknowns_take_the_way_by_pivots(size, monkeypatch):
    """The null space and the approximate symmetries are those of the singular vectors."""

    def gradient(w):
        return 2 * w + size * np.array([4 * w[0] ** 3, 0, 0, 0])

    full = discover(None, gradient=gradient, size=4)
    monkeypatch.setattr("solvers.discovery.spectrum.FULL", 1)
    pivoted = discover(None, gradient=gradient, size=4)
    assert full.dimension == pivoted.dimension == (3 if size else 6)
    assert full.name == pivoted.name == ("so(3)" if size else "so(4)")
    np.testing.assert_allclose(full.singular_values, pivoted.singular_values, atol=1e-13)
    if size:
        assert [one.defect < 1e-3 for one in pivoted.approximate[:4]] == [True] * 3
        np.testing.assert_allclose(
            [one.defect for one in pivoted.approximate], [one.defect for one in full.approximate[:3]], rtol=0.7
        )
