"""Arrays over a small prime field: gradients, signs, null spaces, index spaces, against independent ways."""

from fractions import Fraction

import numpy as np
import pytest
from flint import nmod_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from symmetries import Loss, compile_loss
from symmetries.expression import walk
from symmetries.large.block_fields import LazySequence
from symmetries.large.block_grading import grade_blocks, is_kept
from symmetries.large.block_independence import independence_of
from symmetries.large.moment_elimination import null_spaces, vanish
from symmetries.large.moment_field import PrimeField, field_primes
from symmetries.large.moment_sampler import MomentSampler
from symmetries.large.moment_signs import BranchSigns
from symmetries.modular import ModularProgram, Points, UnsuitablePrime
from symmetries.system import DeterminingSystem

PRIME = next(field_primes())
FIELD = PrimeField(PRIME)

integers = st.integers(-(10**9), 10**9)


@given(st.lists(integers, min_size=1, max_size=6), st.lists(integers, min_size=1, max_size=6))
def test_the_field_does_as_integers_do(left, right):
    size = min(len(left), len(right))
    a, b = FIELD.reduce(np.array(left[:size], dtype=float)), FIELD.reduce(np.array(right[:size], dtype=float))
    product = FIELD.canonical(FIELD.multiply(a, b)).astype(int).tolist()
    assert product == [x * y % PRIME for x, y in zip(left, right, strict=False)]
    dot = FIELD.canonical(FIELD.matmul(a[None, None], b[None, :, None]))
    assert int(dot[0, 0, 0]) == sum(x * y for x, y in zip(left, right, strict=False)) % PRIME
    inverse = FIELD.canonical(FIELD.multiply(FIELD.inverse(a), a)).astype(int).tolist()
    assert inverse == [int(x % PRIME != 0) for x in left[:size]]


def test_long_products_stay_exact():
    rng = np.random.default_rng(0)
    left, right = (rng.integers(-(PRIME // 2), PRIME // 2, size=40_000) for _ in range(2))
    found = FIELD.canonical(FIELD.matmul(left[None, None].astype(float), right[None, :, None].astype(float)))
    assert int(found[0, 0, 0]) == sum(int(a) * int(b) for a, b in zip(left, right, strict=True)) % PRIME


def test_primes_have_roots_and_rationals_residues():
    primes = [prime for _, prime in zip(range(5), field_primes(odd_degrees=frozenset({3})), strict=False)]
    assert all(prime % 8 == 7 and (prime - 1) % 3 and prime < 2**20 for prime in primes)
    assert FIELD.residue(Fraction(1, 3)) * 3 % PRIME == 1
    with pytest.raises(UnsuitablePrime):
        FIELD.residue(Fraction(1, PRIME))


# gradients, against the scalar program over the same field for rational losses

RATIONAL = {
    "matrices": ("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 3)}, {"Y": (3, 3)}),
    "vectors": ("(u@A@v - 1/3)**3", {"u": (2,), "A": (2, 3), "v": (3,)}, None),
    "shapes": ("sum(concatenate([A[:,0:2], B.T], axis=0)*mean(A)**2)", {"A": (2, 3), "B": (2, 1)}, None),
    "repeated entries": ("sum(kron(A, B)**2) + sum(A[0,0]*A[0,:])", {"A": (2, 2), "B": (1, 2)}, None),
    "quotients": ("sum(A/(1 + B**2)) + 1/sum(A)**3", {"A": (2, 2), "B": (2,)}, None),
    "determinant and inverse": ("det(A)**2 + sum(inv(A)@B)", {"A": (3, 3), "B": (3, 2)}, None),
    "diagonals": ("trace(A@B)*sum(diag(A)) + sum(A@diag(d)@B)", {"A": (3, 3), "B": (3, 3), "d": (3,)}, None),
}


@pytest.mark.parametrize("case", RATIONAL)
def test_gradients_agree_with_the_scalar_program(case):
    formula, parameters, data = RATIONAL[case]
    loss = Loss.parse(formula, parameters, data=data)
    sampler = MomentSampler(loss, PRIME, seed=4)
    system = DeterminingSystem.of(loss, seed=0)
    modular = ModularProgram(system.program, PRIME)
    order = [entry.partition("[")[0] for entry in system.inputs]
    names = list(dict.fromkeys(order))
    for points, values, entries in sampler.states(5):
        gradient = sampler.gradient(values, entries, len(points[names[0]]))
        flat = np.concatenate([points[name].reshape(len(points[name]), -1) for name in names], axis=1)
        # The scalar program divides points by 2**24.
        scaled = FIELD.canonical(flat).astype(np.int64).T * (2**24 % PRIME) % PRIME
        slots, good = modular.evaluate(Points(scaled))
        assert good.all()
        expected = modular.gradient(slots)[: len(system.coordinates)].T
        found = [gradient[name].reshape(len(flat), -1) for name in sampler.shapes]
        assert (FIELD.canonical(np.concatenate(found, axis=1)).astype(np.uint64) == expected).all()


BENT = [
    ("sum(relu(A@x)*b)", {"A": (3, 2), "b": (3,)}),
    ("sum(maximum(A@x, b) + minimum(b, 0)*abs(A@x))", {"A": (3, 2), "b": (3,)}),
    ("sum(leaky_relu(A@x, 1/5)*b) + sum(where(b > 0, b**2, b**3))", {"A": (3, 2), "b": (3,)}),
]


@pytest.mark.parametrize(("formula", "parameters"), BENT)
def test_bent_losses_take_the_branch_of_the_real_point(formula, parameters):
    loss = Loss.parse(formula, parameters, data={"x": (2,)})
    sampler = MomentSampler(loss, PRIME, seed=1)
    compiled = compile_loss(loss)
    points, floats = sampler._draw(6)
    good = np.ones(6, dtype=bool)
    values, entries = sampler.evaluate(points, sampler._branches(floats, good), good)
    assert good.all()
    gradient = sampler.gradient(values, entries, 6)
    for k in range(6):
        w = np.concatenate([floats[name][k].ravel() for name in parameters])
        exact = compiled.gradient(w, {"x": floats["x"][k]})
        found = np.concatenate([gradient[name][k].ravel() for name in parameters])
        # Points are integers over 256; the gradients have a denominator of 5 at most besides.
        scale = 5 * 256**3
        assert (FIELD.canonical(FIELD.reduce(found * (scale % PRIME))) == np.mod(np.rint(exact * scale), PRIME)).all()


TRANSCENDENTAL = [
    ("exp(x)*exp(-x)", 0),
    ("sin(x)**2 + cos(x)**2", 0),
    ("sigmoid(x) + sigmoid(-x)", 0),
    ("sigmoid(2*x)*2 - tanh(x)", 0),
    ("softplus(x) - log(1 + exp(x))", 0),
    ("normal_cdf(x) + normal_cdf(-x)", 0),
    ("(erf(x) + erf(-x))*y", 0),
    ("tan(x)*cos(x) - sin(x)", 0),
    ("sinh(x)**2 - cosh(x)**2", 0),
    ("gelu(x) - x*normal_cdf(x)", 0),
    ("atan(x) + atan(-x)", 0),
    ("x**(1/3)*x**(2/3) - x", 0),
    ("exp(y*log(x)) - x**y", 0),
    ("sum(softmax(concatenate([reshape(x, (1,)), reshape(y, (1,))])))", 0),
]


@pytest.mark.parametrize(("formula", "slope"), TRANSCENDENTAL)
def test_functions_keep_their_identities(formula, slope):
    loss = Loss.parse(formula, ["x", "y"])
    sampler = MomentSampler(loss, next(field_primes(odd_degrees=frozenset({3}))), seed=2)
    batches = list(sampler.batches(6))
    assert sum(batch.count for batch in batches) >= 6
    for batch in batches:
        for name in ("x", "y"):
            assert (sampler.field.canonical(batch.gradients[name]) == slope).all()


def test_tangents_and_gradients_agree():
    formula = "sum(tanh(A@B)*softmax(B.T@A.T)) + logsumexp(A@b) + sum(inv(C)@A) + det(C)*sum(atan(b))"
    loss = Loss.parse(formula, {"A": (2, 2), "B": (2, 2), "b": (2,), "C": (2, 2)})
    sampler = MomentSampler(loss, PRIME, seed=5)
    rng = np.random.default_rng(1)
    for points, values, entries in sampler.states(4):
        count = len(points["A"])
        directions = {
            name: rng.integers(0, PRIME, (count, *shape)).astype(float) for name, shape in sampler.inputs.items()
        }
        tangent = sampler.tangents(values, entries, directions)[id(sampler.root)]
        gradient = sampler.gradient(values, entries, count)
        paired = [
            FIELD.reduce(FIELD.multiply(gradient[name], FIELD.reduce(directions[name])).reshape(count, -1).sum(axis=1))
            for name in sampler.shapes
        ]
        assert (FIELD.canonical(tangent) == FIELD.canonical(sum(paired))).all()


# elimination


@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 3), st.integers(0, 2**31))
def test_null_spaces_agree_with_flint(rows, columns, rank, seed):
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, PRIME, (4, rows, rank)), rng.integers(0, PRIME, (4, rank, columns))
    stack = np.stack([a.astype(object) @ b.astype(object) % PRIME for a, b in zip(left, right, strict=True)]).astype(
        float
    )
    stack = stack.reshape(4, rows, columns)
    which, vectors = null_spaces(stack, FIELD)
    for k, matrix in enumerate(stack):
        flint = nmod_mat(rows, columns, [int(value) for value in matrix.ravel()], PRIME)
        assert (which == k).sum() == columns - flint.rank()
    assert vanish(stack[which], vectors, FIELD).all()
    if len(vectors):
        spoiled = vectors.copy()
        spoiled[0, 0] += 1
        columns_used = FIELD.is_zero(stack[which[0], :, 0]).all()
        assert vanish(stack[which], spoiled, FIELD)[0] == columns_used


# signs


def test_uncertain_signs_are_refused():
    loss = Loss.parse("sum(relu(A@x))", {"A": (1, 2)}, data={"x": (2,)})
    signs = BranchSigns(loss.expression, whole=False)
    at = {"A": np.array([[1.0, -1.0]]), "x": np.array([1.0, 1.0])}
    assert signs.at(at) is None
    assert signs.at(at | {"x": np.array([1.0, 1.0 + 1e-12])}) is None
    assert signs.at(at | {"x": np.array([1.0, 2.0])}) is not None


def test_points_outside_the_domain_are_refused():
    loss = Loss.parse("relu(x) + log(y)", ["x", "y"])
    signs = BranchSigns(loss.expression, whole=True)
    assert signs.at({"x": np.asarray(1.0), "y": np.asarray(-1.0)}) is None
    assert signs.at({"x": np.asarray(1.0), "y": np.asarray(2.0)}) is not None


# index spaces


def spaces(formula, parameters, data=None):
    grading = grade_blocks(Loss.parse(formula, parameters, data=data))
    return {space.text: space.oriented for space in grading.spaces}, {slot.text for slot in grading.coupled}


def test_index_spaces():
    data = {"x": (2,), "y": (2,)}
    found, coupled = spaces("sum((y - B@relu(A@x))**2)", {"A": (3, 2), "B": (2, 3)}, data)
    assert found == {"columns of A": True, "rows of A, columns of B": True, "rows of B": False}
    assert not coupled
    found, coupled = spaces("sum((y - B@exp(A@x))**2)", {"A": (3, 2), "B": (2, 3)}, data)
    assert coupled == {"rows of A", "columns of B"}
    found, coupled = spaces("sum((X@A)**2)", {"A": (2, 3)}, {"X": [[1, 2], [3, 4]]})
    assert coupled == {"rows of A"}
    found, coupled = spaces("sum(inv(A)@B)", {"A": (2, 2), "B": (2, 2)})
    assert coupled == {"columns of A", "columns of B"}


def kept(formula, parameters, data, kind, powers):
    loss = Loss.parse(formula, parameters, data=data)
    symbols = loss.parameters | {name: item.shape for name, item in loss.data.items() if item.values is None}
    return is_kept(loss.expression, symbols, kind, {axis: Fraction(power) for axis, power in powers.items()})


SQUARE = {"A": (3, 3), "B": (3, 3)}
CONJUGATE = {("A", 0): 1, ("A", 1): -1}


@pytest.mark.parametrize(
    ("formula", "kind", "powers", "expected"),
    [
        ("trace(A)", "linear", CONJUGATE, False),  # true, but a trace is read entry by entry
        ("det(A)", "linear", CONJUGATE, True),
        ("det(A)", "linear", {("A", 0): 1}, False),
        ("det(A)", "rotation", {("A", 0): 1}, True),
        ("sum(A*B)", "linear", {("A", 0): 1, ("B", 0): -1}, True),
        ("sum(A*B)", "linear", {("A", 0): 1, ("B", 0): 1}, False),
        ("sum(A*B)", "rotation", {("A", 0): 1, ("B", 0): 1}, True),
        ("sum(A**2)", "rotation", {("A", 1): 1}, True),
        ("sum(A**4)", "rotation", {("A", 1): 1}, False),
        ("sum(A*B, axis=1)[0]", "rotation", {("A", 0): 1, ("B", 0): 1}, False),
        ("sum((A@eye(3)@B)**2)", "linear", {("A", 1): 1, ("B", 0): -1}, True),
        ("sum((A@eye(3)@B)**2)", "linear", {("A", 1): 1, ("B", 0): 1}, False),
        ("sum((A@diag(A[0,:])@B)**2)", "linear", {("A", 1): 1, ("B", 0): -1}, False),
        ("sum((A[:,0:3]@B)**2)", "linear", {("A", 1): 1, ("B", 0): -1}, True),
        ("sum((A[:,0:2]@B[0:2,:])**2)", "linear", {("A", 1): 1, ("B", 0): -1}, False),
        ("sum((inv(A)@B)**2)", "linear", {("A", 0): 1, ("B", 0): 1}, True),
        ("sum((inv(A)@B)**2)", "linear", {("A", 0): 1, ("B", 0): -1}, False),
        ("sum((A@relu(B))**2)", "scaling", {("A", 1): 1, ("B", 0): -1}, True),
        ("sum((A@relu(B)**2)**2)", "scaling", {("A", 1): -2, ("B", 0): 1}, True),
        ("sum((A@relu(B)**2)**2)", "scaling", {("A", 1): -1, ("B", 0): 1}, False),
        ("sum((A@tanh(B))**2)", "scaling", {("A", 1): 1, ("B", 0): -1}, False),
        ("sum((A@tanh(B))**2)", "sign", {("A", 1): 1, ("B", 0): 1}, True),
        ("sum((A@exp(B))**2)", "sign", {("A", 1): 1, ("B", 0): 1}, False),
        ("sum(concatenate([A, B], axis=0)@A.T)", "rotation", {("A", 1): 1, ("B", 1): 1}, True),
        ("sum(concatenate([A, B], axis=0)@A.T)", "rotation", {("A", 1): 1}, False),
        ("sum(A + 1)", "rotation", {("A", 0): 1}, False),
        ("sum((A + reshape(B[0,:], (1, 3)))**2)", "rotation", {("A", 0): 1}, False),
        ("sum(softmax(A@B))", "linear", {("A", 0): 1}, False),
        ("sum(softmax(A@B))", "linear", {("A", 1): 1, ("B", 0): -1}, True),
    ],
)
def test_equivariance_is_read_off_exactly(formula, kind, powers, expected):
    assert kept(formula, SQUARE, None, kind, powers) is expected


# independence


@pytest.mark.parametrize(
    ("formula", "proved", "says"),
    [
        ("sum((y - B@A@x)**2)", True, "rational"),
        ("sum((y - B@tanh(A@x))**2)", True, "Ax-Schanuel"),
        ("sum(exp(A@x)) + sum(exp(2*(A@x)))", False, "a relation"),
        ("sum(exp(A@x)) + sum(exp(A@x + 1))", False, "a relation"),
        ("sum(log(A**2)) + sum(log(A**4)*B.T)", False, "a relation"),
        ("sum(sin(A@x)) + sum(cos(2*(A@x)))", False, "a relation"),
        ("sum(tanh(A@x)**2 + 1/cosh(A@x)**2)", False, "a relation"),
        ("sum(log(A**2)) + sum(log(3*A**2)*A)", False, "a relation"),
        ("sum(exp(A@x)) + sum(exp(-(A@x))*(A@x))", False, "outside the classes"),
        ("sum(relu(B@tanh(A@x)))", False, "outside the classes"),
        ("sum(erf(A@x))", False, "outside the classes"),
        ("logsumexp(A@x) + sum(softmax(B@y))", True, "Ax-Schanuel"),
    ],
)
def test_independence_of_functions(formula, proved, says):
    loss = Loss.parse(formula, {"A": (3, 2), "B": (2, 3)}, data={"x": (2,), "y": (3,) if "B@y" in formula else (2,)})
    found = independence_of(MomentSampler(loss, PRIME, seed=0))
    assert found.proved is proved
    assert says in found.reason
    assert bool(found.assumptions) is (says == "outside the classes")


def test_a_lazy_sequence_is_a_sequence():
    made = LazySequence(4, lambda k: 10 * k)
    assert list(made) == [0, 10, 20, 30] == [made[k] for k in range(4)]
    assert (made[-1], made[1:3], len(made)) == (30, (10, 20), 4)
    with pytest.raises(IndexError):
        made[4]


def test_every_operation_has_a_rule():
    operations = {
        node.operation
        for case in RATIONAL.values()
        for node in walk(Loss.parse(case[0], case[1], data=case[2]).expression)
    }
    assert {"matmul", "gather", "concatenate", "reshape", "det", "inv", "power", "multiply", "transpose"} <= operations
