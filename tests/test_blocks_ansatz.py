"""The ansatz of matrices on the axes of arrays, against linear fields and exact linear algebra."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from public_losses import RECORDS, public_loss

from manifolds.errors import InputError
from symmetries import Linear, Loss, derive, estimate_size, recheck, verify
from symmetries.algebra import components
from symmetries.ansatz import Blocks, read_ansatz
from symmetries.catalog import catalog
from symmetries.expression import entry_names

X = {"x": (2,)}


def unit_fields(loss):
    """All unit matrices on all axes, as coefficients by component and monomial, written out by hand."""
    shapes = loss.parameters | {name: item.shape for name, item in loss.data.items() if item.moves}
    fields = []
    for name, shape in shapes.items():
        table = np.array(entry_names(name, shape), dtype=object).reshape(shape or (1,))
        for axis in range(table.ndim):
            rows = np.moveaxis(table, axis, 0)
            for i, j in product(range(len(rows)), repeat=2):
                moved = zip(np.ravel(rows[i]), np.ravel(rows[j]), strict=True)
                fields.append({(entry, ((source, 1),)): Fraction(1) for entry, source in moved})
    return fields


def rank(rows):
    """Rank of sparse rational rows."""
    keys = {key: k for k, key in enumerate(dict.fromkeys(key for row in rows for key in row))}
    matrix = fmpq_mat(max(1, len(rows)), max(1, len(keys)))
    for place, row in enumerate(rows):
        for key, value in row.items():
            matrix[place, keys[key]] = fmpq(int(value.numerator), int(value.denominator))
    return matrix.rank()


def blocks_in_linear(loss):
    """Dimension of what the linear symmetries and the block fields have in common, as sum minus span."""
    linear = [components(field) for field in derive(loss, ansatz=Linear()).generators]
    units = unit_fields(loss)
    return rank(linear) + rank(units) - rank(linear + units)


def check_against_linear(loss):
    algebra = derive(loss, ansatz=Blocks())
    assert algebra.dimension == blocks_in_linear(loss)
    assert algebra.completeness.verdict == "proved"
    fields = [components(field) for field in algebra.generators]
    assert rank(fields) == algebra.dimension
    assert rank(fields + unit_fields(loss)) == rank(unit_fields(loss))
    assert algebra.null_directions == derive(loss).null_directions


@pytest.mark.parametrize("entry", [one for one in catalog() if len(one.loss.entries) <= 60], ids=lambda one: one.name)
def test_catalogued_losses_agree_with_linear_fields(entry):
    check_against_linear(entry.loss)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])
def test_public_losses_agree_with_linear_fields(record):
    check_against_linear(public_loss(record["name"]))


MF = {"U": (3, 2), "V": (2, 3)}
Y33 = {"Y": (3, 3)}

CASES = {
    "near symmetry": ("sum((Y - U@V)**2) + 1e-13*sum(U**2)", MF, Y33),
    "coefficient divisible by a prime": ("sum((Y - U@V)**2) + 1048559*sum(U**2)", MF, Y33),
    "coefficient divisible by three primes": ("sum((Y-U@V)**2) + 1048559*1048447*1048391*sum(U**2)", MF, Y33),
    "dead unit": ("sum((y - B@relu(-(A@x)**2))**2)", {"A": (3, 2), "B": (2, 3)}, X | {"y": (2,)}),
    "unused arrays": ("sum((Y - U@V)**2)", MF | {"W": (2, 3), "c": (), "b": (3,)}, Y33),
    "determinant": ("(det(A) - 1)**2", {"A": (3, 3)}, None),
    "inverse": ("sum((Y - inv(A)@B)**2)", {"A": (2, 2), "B": (2, 2)}, {"Y": (2, 2)}),
    "given data": ("sum((y - X@w)**2)", {"w": (3,)}, {"X": [[1, 2, 3], [2, 4, 6], [3, 6, 9]], "y": [1, 2, 3]}),
    "related exponentials": ("sum(exp(2*U)) + sum(exp(U))**2", {"U": (2, 2)}, None),
    "square of one matrix": ("sum((Y - U@U)**2)", {"U": (3, 3)}, Y33),
    "two traces": ("trace(U@V@U@V)", MF, None),
    "slices": ("sum((Y - U[:,0:2]@V)**2)", {"U": (3, 4), "V": (2, 3)}, Y33),
    "two heads": (
        "sum((Y - concatenate([A@B, C@D], axis=1))**2)",
        {"A": (2, 2), "B": (2, 2), "C": (2, 2), "D": (2, 1)},
        {"Y": (2, 3)},
    ),
    "norm": ("norm(Y - U@V)", MF, Y33),
    "many roots": ("sum(sqrt(1 + (U@x)**2))", {"U": (3, 2)}, X),
    "large weights": ("x**997*y**1009*z", {"x": (), "y": (), "z": ()}, None),
    "diagonal factor": ("sum((Y - U@diag(d)@V)**2)", MF | {"d": (2,)}, Y33),
    "softmax": ("sum((Y - softmax(X@W + b))**2)", {"W": (3, 4), "b": (4,)}, {"X": (2, 3), "Y": (2, 4)}),
    "leaky relu": ("sum((y - leaky_relu(A@x, 1/10)@b)**2)", {"A": (3, 2), "b": (3,)}, X | {"y": ()}),
    "maximum": ("sum(maximum(A@x, B@x))", {"A": (3, 2), "B": (3, 2)}, X),
    "three axes": ("sum(T**2)", {"T": (2, 2, 2)}, None),
    "two rotations": ("sum((U@U.T - V@V.T)**2)", {"U": (2, 3), "V": (2, 3)}, None),
    "squared units": ("sum((y - B@(A@x)**2)**2)", {"A": (2, 2), "B": (1, 2)}, X | {"y": (1,)}),
    "sum of squares of sine and cosine": ("sum(sin(U@x)**2 + cos(U@x)**2)", {"U": (2, 2)}, X),
    "relu that is linear": ("sum(relu(U@x)) - sum(relu(-U@x)) - sum(U@x)", {"U": (2, 2)}, X),
    "far branch": ("sum(relu(x - 10)*A@B)", {"A": (1, 2), "B": (2, 1), "x": ()}, None),
    "symplectic": ("trace(J@U.T@K@U)", {"U": (2, 2)}, {"J": [[0, 1], [-1, 0]], "K": [[0, 1], [-1, 0]]}),
}


@pytest.mark.parametrize("case", CASES)
def test_losses_agree_with_linear_fields(case):
    formula, parameters, data = CASES[case]
    check_against_linear(Loss.parse(formula, parameters, data=data))


@pytest.mark.parametrize(
    ("formula", "parameters", "data", "name", "patterns"),
    [
        ("sum((Y - U@V)**2)", {"U": (7, 6), "V": (6, 7)}, {"Y": (7, 7)}, "gl(6,R)", ["gl"]),
        ("sum((Y - U@V)**2) + sum(U**2) + sum(V**2)", {"U": (3, 9), "V": (9, 3)}, {"Y": (3, 3)}, "so(9)", ["so"]),
        ("sum((y - B@relu(A@x))**2)", {"A": (40, 2), "B": (2, 40)}, X | {"y": (2,)}, "R^40", ["diagonal"]),
        ("sum((y - B@relu(A@x)**2)**2)", {"A": (40, 2), "B": (2, 40)}, X | {"y": (2,)}, "R^40", ["diagonal"]),
        ("sum((y - B@tanh(A@x))**2)", {"A": (40, 2), "B": (2, 40)}, X | {"y": (2,)}, "0", []),
        (
            "sum((Y - softmax(X@Q@K.T@X.T)@X@V@O)**2)",
            {"Q": (5, 4), "K": (5, 4), "V": (5, 4), "O": (4, 5)},
            {"X": (3, 5), "Y": (3, 5)},
            "gl(4,R) + gl(4,R)",
            ["gl", "gl"],
        ),
        (
            "sum((Y - (X + relu(X@A + b)@B)@C)**2)",
            {"A": (4, 9), "b": (9,), "B": (9, 4), "C": (4, 3)},
            {"X": (2, 4), "Y": (2, 3)},
            "R^9",
            ["diagonal"],
        ),
    ],
)
def test_families_of_networks(formula, parameters, data, name, patterns):
    algebra = derive(Loss.parse(formula, parameters, data=data), ansatz=Blocks())
    assert algebra.name == name
    assert [one.family.pattern for one in algebra.families] == patterns
    assert all(one.claim.verdict == "proved" for one in algebra.families)
    assert algebra.completeness.verdict == "proved"
    statement = f"every blocks symmetry of L lies in the span of the fields, of dimension {algebra.dimension}"
    assert algebra.completeness.statement == statement


def test_large_families_are_proved_without_entries():
    loss = Loss.parse("sum((Y - X@Q@K.T@X.T)**2)", {"Q": (40, 36), "K": (40, 36)}, data={"X": (3, 40), "Y": (3, 3)})
    algebra = derive(loss, ansatz=Blocks())
    assert (algebra.dimension, algebra.name, algebra.completeness.verdict) == (1296, "gl(36,R)", "proved")
    assert algebra.families[0].claim.evidence["method"] == "equivariance of every operation"
    positive, negative, zero = algebra.killing_signature
    assert (positive, negative, zero) == (35 * 38 // 2, 36 * 35 // 2, 1)
    assert algebra.levi.semisimple == "sl(36,R)"
    assert len(algebra.certificate.fields) == len(algebra.certificate.claims) - 1 == 1
    assert "1296-dimensional" in str(algebra)
    assert len(str(algebra).splitlines()) == 2


@pytest.mark.parametrize("k", [0, 5, 1295, -1])
def test_a_generator_of_a_large_family_keeps_the_loss(k):
    loss = Loss.parse("sum((Y - X@Q@K.T@X.T)**2)", {"Q": (40, 36), "K": (40, 36)}, data={"X": (3, 40), "Y": (3, 3)})
    field = derive(loss, ansatz=Blocks()).generators[k]
    rng = np.random.default_rng(3)
    point = {name: rng.normal(size=shape) for name, shape in loss.parameters.items()}
    moved = {name: np.zeros_like(array) for name, array in point.items()}
    for entry, formula in field.components.items():
        source = formula.removeprefix("-")
        name, place = entry.split("[")
        other, at = source.split("[")
        index, where = (tuple(map(int, text.rstrip("]").split(","))) for text in (place, at))
        moved[name][index] = (-1 if formula.startswith("-") else 1) * point[other][where]
    # First-order change of Q K^T, on which alone the loss depends.
    change = moved["Q"] @ point["K"].T + point["Q"] @ moved["K"].T
    assert np.abs(moved["Q"]).max() > 0
    np.testing.assert_allclose(change, 0, atol=1e-12)


def test_what_jumps_is_undecided_and_keeps_its_proved_part():
    algebra = derive(Loss.parse("sum(where(U > 0, 1, 0))", {"U": (2, 2)}), ansatz=Blocks())
    assert (algebra.dimension, algebra.completeness.verdict) == (3, "undecided")
    assert "jumps" in algebra.completeness.reason
    assert {one.family.pattern for one in algebra.families} == {"diagonal"}


def test_structural_constants_are_no_data():
    loss = Loss.parse("a*x**2 + a*y**2 + b*sum(W**2)", {"x": (), "y": (), "W": (2, 3)}, constants=["a", "b"])
    algebra = derive(loss, ansatz=Blocks())
    assert algebra.dimension == blocks_in_linear(loss) == 4


def test_data_that_moves_is_moved():
    from symmetries import Data

    loss = Loss.parse("sum((Y - U@V)**2)", MF, data={"Y": Data((3, 3), moves=True)})
    algebra = derive(loss, ansatz=Blocks())
    assert algebra.dimension == blocks_in_linear(loss)
    assert any("Y" in one.family.arrays for one in algebra.families)


def test_the_answer_does_not_depend_on_the_seed():
    loss = Loss.parse("sum((y - B@relu(A@x))**2)", {"A": (4, 2), "B": (2, 4)}, data=X | {"y": (2,)})
    found = [derive(loss, ansatz=Blocks(), rng=seed) for seed in (0, 1, 12345)]
    assert len({tuple(map(str, algebra.generators)) for algebra in found}) == 1


def test_a_small_algebra_is_verified_and_rechecked():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)})
    algebra = derive(loss, ansatz=Blocks())
    assert verify(loss, algebra).verdict == "proved"
    again = recheck(algebra.certificate)
    assert all(claim.verdict != "refuted" for claim in again.claims)
    assert algebra.bracket(0, 1).components
    assert algebra.is_closed


def test_null_directions_are_cut_off():
    loss = Loss.parse("cross_entropy(X@W + b, Y)", {"W": (4, 3), "b": (3,)}, data={"X": (2, 4), "Y": (2, 3)})
    algebra = derive(loss, ansatz=Blocks())
    linear = derive(loss)
    assert algebra.null_directions == linear.null_directions == 5
    assert algebra.essential.dimension == 0
    assert algebra.dimension == blocks_in_linear(loss)


def test_null_directions_of_a_large_network():
    data = {"X": (4, 80), "Y": (4, 10)}
    loss = Loss.parse("cross_entropy(relu(X@A)@W + b, Y)", {"A": (80, 60), "W": (60, 10), "b": (10,)}, data=data)
    algebra = derive(loss, ansatz=Blocks())
    assert algebra.null_directions == 61
    assert algebra.essential.name == "R^60"
    assert algebra.completeness.verdict == "measured"


def test_progress_is_told():
    seen = []
    loss = Loss.parse("sum((Y - U@V)**2)", MF, data=Y33)
    derive(loss, ansatz=Blocks(), progress=lambda stage, done, total: seen.append((stage, done, total)))
    assert seen[0] == ("moment matrices", 0, 3)
    assert seen[-1] == ("moment matrices", 3, 3)


def test_counts_and_names():
    loss = Loss.parse("sum(U**2) + x + sum(b)", {"U": (3, 2), "x": (), "b": (4,)})
    assert Blocks().count_in(loss) == 9 + 4 + 1 + 16
    assert read_ansatz(" Blocks ") == Blocks()
    assert Blocks().name == "blocks"
    with pytest.raises(TypeError, match="no single monomials"):
        Blocks().unknowns(3)
    with pytest.raises(InputError, match="not known"):
        read_ansatz("blocks:2")


def test_the_size_is_known_before():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (30, 20), "V": (20, 40)}, data={"Y": (30, 40)})
    size = estimate_size(loss, ansatz=Blocks())
    assert (size.coordinates, size.unknowns, size.largest_block) == (1400, 900 + 400 + 400 + 1600, 30 + 20 + 20 + 40)
    assert size.blocks == 1 + 30 * 29 // 2 + 20 * 19 + 40 * 39 // 2


def test_too_many_unknowns_are_refused():
    loss = Loss.parse("sum((y - U@x)**2)", {"U": (300, 3000)}, data={"x": (3000,), "y": (300,)})
    with pytest.raises(InputError) as caught:
        derive(loss, ansatz=Blocks())
    assert "9,090,000 unknown coefficients" in caught.value.what
    assert "columns of U" in caught.value.why
    assert "smaller sizes" in caught.value.cure


def test_too_many_coupled_unknowns_are_refused():
    loss = Loss.parse("sum(softmax(W@x)**4)", {"W": (100, 5)}, data={"x": (5,)})
    with pytest.raises(InputError) as caught:
        derive(loss, ansatz=Blocks())
    assert "coupled unknowns" in caught.value.what
    assert "6,000" in caught.value.why
    assert "free data" in caught.value.cure


def test_a_loss_that_has_no_points_is_refused():
    formula = "sum(sqrt(1 + (A@x)**2)) + sum(log(1 + abs(A)))"
    loss = Loss.parse(formula, {"A": (60, 20)}, data={"x": (20,)})
    with pytest.raises(InputError) as caught:
        derive(loss, ansatz=Blocks())
    assert "could not be sampled" in caught.value.what
    assert "Linear()" in caught.value.cure
