"""The tables of verdicts: every optimizer of the registry against every class of linear maps, and its Lie algebra."""

from functools import cache

import numpy as np
import pytest

from solvers.naturality.classes import MATRIX_CLASSES, VECTOR_CLASSES
from solvers.naturality.lie_algebra import lie_algebra
from solvers.naturality.problem import Problem
from solvers.naturality.problems import matrix_problems, vector_problems
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.step_order import step_order
from solvers.naturality.trajectory import NATURAL, UNNATURAL, trajectory

SIGNED = {"permutation", "sign"}
ROTATIONS = {"orthogonal", "block-rotation"}
VECTOR_GROUPS = {
    "permutations": {"permutation"},
    "signed permutations": SIGNED,
    "signed permutations, translations": SIGNED | {"translation"},
    "monomial": SIGNED | {"scalar", "diagonal"},
    "monomial, translations": SIGNED | {"scalar", "diagonal", "translation"},
    "similarities about the origin": SIGNED | ROTATIONS | {"scalar"},
    "isometries": SIGNED | ROTATIONS | {"translation"},
    "similarities": SIGNED | ROTATIONS | {"translation", "scalar"},
    "block isometries": {"translation", "sign", "block-rotation"},
    "affine": set(VECTOR_CLASSES),
}
VECTOR_TABLE = {
    "permutations": "mirror-entropy",
    "signed permutations": "adamw adam-l2",
    "signed permutations, translations": (
        "sign-descent lion rmsprop adagrad adam amsgrad nadam adam-epsilon adadelta rprop"
    ),
    "monomial": "madam multiplicative-gradient mirror-burg",
    "monomial, translations": (
        "adam-declared-rates rprop-typed adadelta-typed root-free-rmsprop root-free-adam adahessian diagonal-newton "
        "levenberg-marquardt-scaled"
    ),
    "similarities about the origin": "lars",
    "isometries": (
        "gradient-descent heavy-ball nesterov normalised-gradient-descent full-matrix-adagrad "
        "online-newton-step-epsilon newton-damped natural-gradient-damped levenberg-marquardt bfgs dog"
    ),
    "similarities": "polyak-step barzilai-borwein dog-transported saddle-free-newton l-bfgs",
    "block isometries": "vector-adam",
    "affine": (
        "online-newton-step newton natural-gradient natural-gradient-pseudo-inverse gauss-newton empirical-fisher "
        "bfgs-natural mirror-transported averaged-newton exponentially-averaged-newton lookahead-newton"
    ),
}

EDGES = {"permutation", "sign", "translation"}
TWO_SIDED = EDGES | {"left-orthogonal", "right-orthogonal", "orthogonal"}
MATRIX_GROUPS = {
    "O(2) x O(3)": TWO_SIDED,
    "R+ O(2) x O(3)": TWO_SIDED | {"scalar"},
    "GL(2) x GL(3)": TWO_SIDED | {"scalar", "diagonal", "two-sided"},
    "O(3) wr S(2)": EDGES | {"right-orthogonal", "rows-apart", "entry-sign"},
    "signs of entries": EDGES | {"entry-sign"},
    "signs of entries, scalings, no translations": {"permutation", "sign", "entry-sign", "scalar"},
    "O(6)": TWO_SIDED | {"rows-apart", "entry-sign", "entry-orthogonal"},
    "affine": set(MATRIX_CLASSES),
}
MATRIX_TABLE = {
    "O(2) x O(3)": (
        "muon-exact muon-newton-schulz shampoo-quarter shampoo-quarter-epsilon soap kl-shampoo "
        "kl-shampoo-root-free-epsilon kfac-damped"
    ),
    "R+ O(2) x O(3)": "shampoo-half ekfac",
    "GL(2) x GL(3)": "kl-shampoo-root-free kfac",
    "O(3) wr S(2)": "row-normalised",
    "signs of entries": "adafactor",
    "signs of entries, scalings, no translations": "adafactor-torch",
    "O(6)": "gradient-descent",
    "affine": "natural-gradient",
}

# Those that follow uniform scalings once the learning rate is scaled too, beside those that follow them as they are.
SCALED_WITH_THE_RATE = (
    "gradient-descent heavy-ball nesterov sign-descent lion adagrad rmsprop adam amsgrad nadam "
    "normalised-gradient-descent rprop vector-adam full-matrix-adagrad muon-exact muon-newton-schulz row-normalised "
    "shampoo-quarter soap kl-shampoo adafactor"
).split()
NOT_EVEN_THEN = (
    "adadelta adam-epsilon adamw adam-l2 dog online-newton-step-epsilon newton-damped natural-gradient-damped "
    "levenberg-marquardt bfgs shampoo-quarter-epsilon kl-shampoo-root-free-epsilon kfac-damped"
).split()


def rows(table):
    return [(name, group) for group, names in table.items() for name in names.split()]


@cache
def outcome(name, *, matrix=False):
    return trajectory(OPTIMIZERS[name], problems=matrix_problems((2, 3)) if matrix else None).classes


def sides(found):
    """The classes that count as natural, those with a defect of rounding, and those with a large one."""
    natural = {name for name, one in found.items() if one.level == "natural"}
    small = {name for name, one in found.items() if one.defect <= NATURAL}
    return natural, small, {name for name, one in found.items() if one.defect >= UNNATURAL}


def test_the_tables_hold_every_optimizer():
    named = [name for table in (VECTOR_TABLE, MATRIX_TABLE) for name, _ in rows(table)]
    assert set(named) == set(OPTIMIZERS)
    assert len(rows(VECTOR_TABLE)) >= 30
    assert len(rows(MATRIX_TABLE)) >= 13
    plain = {name for name, spec in OPTIMIZERS.items() if not spec.matrix}
    assert {name for name, _ in rows(VECTOR_TABLE)} == plain


@pytest.mark.parametrize(("name", "group"), rows(VECTOR_TABLE))
def test_vector_optimizers_follow_their_group_and_no_more(name, group):
    found, expected = outcome(name), VECTOR_GROUPS[group]
    assert sides(found) == (expected, expected, set(found) - expected)


@pytest.mark.parametrize(("name", "group"), rows(MATRIX_TABLE))
def test_matrix_optimizers_follow_their_group_and_no_more(name, group):
    found, expected = outcome(name, matrix=True), MATRIX_GROUPS[group]
    assert sides(found) == (expected, expected, set(found) - expected)


@pytest.mark.parametrize("name", SCALED_WITH_THE_RATE)
def test_scalings_that_a_learning_rate_makes_up_for(name):
    assert outcome(name)["scalar"].defect >= UNNATURAL
    found = trajectory(OPTIMIZERS[name], ["scalar"], orbital=True).classes["scalar"]
    assert found.defect <= NATURAL
    assert found.factors[0] < 0.9 or found.factors[1] > 1.1


@pytest.mark.parametrize("name", NOT_EVEN_THEN)
def test_scalings_that_no_learning_rate_makes_up_for(name):
    assert trajectory(OPTIMIZERS[name], ["scalar"], orbital=True).classes["scalar"].defect > 1e-4


@pytest.mark.parametrize(
    ("name", "dimension", "algebra"),
    [
        ("gradient-descent", 6, "so(4)"),
        ("polyak-step", 7, "R + so(4)"),
        ("lars", 7, "R + so(4)"),
        ("adam", 0, "0"),
        ("adam-declared-rates", 4, "diag(4)"),
        ("root-free-adam", 4, "diag(4)"),
        ("madam", 4, "diag(4)"),
        ("vector-adam", 2, "so(2)^2"),
        ("full-matrix-adagrad", 6, "so(4)"),
        ("bfgs", 6, "so(4)"),
        ("levenberg-marquardt-scaled", 4, "diag(4)"),
        ("online-newton-step", 16, "gl(4)"),
        ("natural-gradient", 16, "gl(4)"),
        ("newton", 16, "gl(4)"),
        ("bfgs-natural", 16, "gl(4)"),
        ("mirror-transported", 16, "gl(4)"),
        ("muon-exact", 4, "so(2) + so(3)"),
        ("shampoo-half", 5, "R + so(2) + so(3)"),
        ("row-normalised", 6, "so(3)^2"),
        ("kl-shampoo-root-free", 12, "gl(2) + gl(3) / R"),
        ("adafactor-torch", 1, "R"),
    ],
)
def test_lie_algebras(name, dimension, algebra):
    found = lie_algebra(OPTIMIZERS[name], steps=2 if OPTIMIZERS[name].matrix else 3)
    assert (found.dimension, found.name, found.verdict) == (dimension, algebra, "measured")
    assert found.gap >= 1e4
    assert found.closure <= 1e-5


@pytest.mark.parametrize(
    ("name", "dimension", "algebra"), [("gradient-descent", 15, "so(6)"), ("natural-gradient", 36, "gl(6)")]
)
def test_lie_algebras_of_vector_optimizers_on_matrices(name, dimension, algebra):
    found = lie_algebra(OPTIMIZERS[name], problems=matrix_problems((2, 3)), steps=2)
    assert (found.dimension, found.name) == (dimension, algebra)


@pytest.mark.parametrize(
    ("name", "strict"),
    [("gradient-descent", 6), ("full-matrix-adagrad", 6), ("vector-adam", 2), ("adam", 0), ("muon-exact", 4)],
)
def test_one_more_dimension_up_to_the_learning_rate(name, strict):
    assert lie_algebra(OPTIMIZERS[name], orbital=True, steps=2).dimension == strict + 1


@pytest.mark.parametrize(
    ("name", "strict"), [("polyak-step", 7), ("adam-epsilon", 0), ("newton-damped", 6), ("natural-gradient", 16)]
)
def test_no_more_dimension_up_to_the_learning_rate(name, strict):
    assert lie_algebra(OPTIMIZERS[name], orbital=True).dimension == strict


FLOWS = {
    "natural": {
        "coordinatewise": "root-free-adam root-free-rmsprop levenberg-marquardt-scaled adam-declared-rates rprop-typed",
        "conformal": "polyak-step",
        "lower-triangular": "natural-gradient",
        "moebius": "kl-shampoo-root-free",
        "generic": "natural-gradient gauss-newton empirical-fisher online-newton-step",
    },
    "unnatural": {
        "coordinatewise": "gradient-descent adam diagonal-newton newton levenberg-marquardt kl-shampoo-root-free",
        "conformal": "gradient-descent normalised-gradient-descent newton root-free-adam",
        "lower-triangular": "root-free-adam",
        "moebius": "muon-exact kl-shampoo",
        "generic": "root-free-adam polyak-step newton levenberg-marquardt mirror-transported kl-shampoo-root-free",
    },
}


@pytest.mark.parametrize(
    ("flow", "maps", "name"),
    [(flow, maps, name) for flow in FLOWS for maps, names in FLOWS[flow].items() for name in names.split()],
)
def test_flows_and_maps_that_are_not_affine(flow, maps, name):
    found = step_order(OPTIMIZERS[name], maps)
    assert found.flow == flow
    assert abs(found.slope - (flow == "natural")) <= 0.1


def redundant_problems():
    """Models of three outputs with four parameters."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(3):
        A, B, target = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), rng.standard_normal(3)
        found.append(
            Problem(
                size=4,
                model=lambda theta, A=A, B=B: A @ theta + 0.3 * np.tanh(B @ theta),
                output_loss=lambda y, target=target: 0.5 * (y - target) ** 2,
                name="redundant",
            )
        )
    return found


def test_the_pseudo_inverse_is_natural_for_similarities_alone_where_parameters_are_redundant():
    found = trajectory(OPTIMIZERS["natural-gradient-pseudo-inverse"], problems=redundant_problems()).classes
    expected = VECTOR_GROUPS["similarities"]
    assert sides(found) == (expected, expected, set(found) - expected)


def test_one_step_of_shampoo_with_a_half_on_a_square_is_the_inverse_transpose():
    problem = matrix_problems((3, 3))[0]
    point = np.random.default_rng(0).standard_normal(9)
    G = problem.gradient(point).reshape(3, 3)
    spec = OPTIMIZERS["shampoo-half"]
    moved = spec.step(problem, spec.init(problem, point), 1.0)["point"] - point
    np.testing.assert_allclose(moved.reshape(3, 3), -np.linalg.inv(G).T, rtol=1e-8)


def test_muon_follows_transposes_and_shampoo_without_root_and_with_epsilon_does_not():
    problems = matrix_problems((3, 3))
    for name in ("muon-exact", "muon-newton-schulz", "shampoo-half", "kl-shampoo-root-free"):
        assert trajectory(OPTIMIZERS[name], ["transpose"], problems=problems, maps=1).natural == ("transpose",)
    found = trajectory(OPTIMIZERS["kl-shampoo-root-free-epsilon"], ["transpose"], problems=problems, maps=1)
    assert found.classes["transpose"].defect >= UNNATURAL


@pytest.mark.parametrize("epsilon", [1e-2, 1e-4])
def test_the_defect_of_adam_under_scalings_is_proportional_to_epsilon(epsilon):
    from solvers.naturality.adapters import from_rule
    from solvers.rules import Adam

    found = trajectory(from_rule(Adam(epsilon=epsilon)), ["scalar"], orbital=True, problems=vector_problems(4)[:2])
    assert 0.02 * epsilon < found.classes["scalar"].defect < 20 * epsilon
