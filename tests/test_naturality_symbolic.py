"""The exact test: algebras of update formulas, discrete parts, and the identities behind them."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from solvers.naturality.exact_identities import (
    _zero,
    commutator_identity,
    discrete_noether,
    newton_defect,
    product_identity,
)
from solvers.naturality.lie_algebra import lie_algebra
from solvers.naturality.problems import vector_problems
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.symbolic import SymbolicAlgebra, subspace_name, symbolic
from solvers.naturality.symbolic_discrete import discrete_part
from solvers.naturality.symbolic_radicals import rational_cases
from solvers.naturality.typed_symbols import TypedSymbols
from solvers.naturality.update_formulas import FORMULAS, exact_algebra

g, a = TypedSymbols("g", "covector", 2), TypedSymbols("a", "covector", 2)
H, S, f = TypedSymbols("H", "cov2", 2), TypedSymbols("S", "root-of-cov2", 2), TypedSymbols("f", "scalar", 2)
B, v = TypedSymbols("B", "con2", 2), TypedSymbols("v", "vector", 2)
G, I2, SMALL = g.matrix, sp.eye(2), sp.Symbol("epsilon", positive=True)


def diagonal(matrix):
    return sp.diag(*matrix.diagonal())


TABLE = {
    "gradient descent": (-G, [g], "so(2)", 2),
    "cube": (G.applyfunc(lambda x: x**3), [g], "0", 1),
    "inverse": (G.applyfunc(lambda x: 1 / x), [g], "diag(2)", 2),
    "inverse with epsilon": (G.applyfunc(lambda x: x / (x + SMALL)), [g], "0", 0),
    "Polyak": (-f.matrix[0] * G / (G.T * G)[0], [g, f], "co(2)", 2),
    "Newton": (-H.matrix.inv() * G, [g, H], "gl(2)", 4),
    "damped Newton": (-(H.matrix + SMALL * I2).inv() * G, [g, H], "so(2)", 1),
    "Marquardt": (-(H.matrix + SMALL * diagonal(H.matrix)).inv() * G, [g, H], "diag(2)", 2),
    "diagonal Newton": (-diagonal(H.matrix).inv() * G, [g, H], "diag(2)", 2),
    "full AdaGrad": (-S.matrix.inv() * G, [g, S], "so(2)", 2),
    "sign": (G.applyfunc(sp.sign), [g], "0", 1),
    "normalised": (G / sp.sqrt((G.T * G)[0]), [g], "so(2)", 2),
    "RMSProp": (sp.Matrix([x / sp.sqrt(x**2 + y**2) for x, y in zip(G, a.matrix, strict=True)]), [g, a], "0", 1),
    "root-free": (sp.Matrix([x / (x**2 + y**2) for x, y in zip(G, a.matrix, strict=True)]), [g, a], "diag(2)", 2),
    "BFGS": (-B.matrix * G, [g, B], "gl(2)", 4),
    "velocity": (v.matrix - G, [g, v], "so(2)", 1),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_algebra_of_a_formula(name):
    update, data, expected, orbital = TABLE[name]
    found = symbolic(update, data)
    assert (found.name, found.verdict, len(found.orbital)) == (expected, "proved", orbital)
    assert found.claims[0].evidence["dimension"] == found.dimension


def carried(types, values, A):
    """The data in the coordinates A theta, by the transformation law and not by its derivative."""
    T = np.linalg.inv(A).T
    laws = {
        "covector": lambda x: T @ x,
        "vector": lambda x: A @ x,
        "cov2": lambda x: T @ x @ T.T,
        "con2": lambda x: A @ x @ A.T,
        "scalar": lambda x: x,
        "root-of-cov2": lambda x: root(T @ x @ x @ T.T),
    }
    return [laws[one.kind](value) for one, value in zip(types, values, strict=True)]


def root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.sqrt(values)) @ vectors.T


@pytest.mark.parametrize("name", TABLE)
def test_the_basis_exponentiates_to_equivariances_and_the_rest_does_not(name):
    update, data, _, _ = TABLE[name]
    found, rng = symbolic(update, data), np.random.default_rng(3)
    entries = [entry for one in data for entry in one.entries]
    flat = sp.lambdify([*entries, SMALL], update, modules="numpy")

    def compute(*arrays):
        pairs = zip(data, arrays, strict=True)
        numbers = [array[np.triu_indices(2)] if array.shape == (2, 2) else array.ravel() for _, array in pairs]
        return flat(*np.concatenate(numbers), 0.1)

    square = rng.standard_normal((2, 2))
    random = {"cov2": square @ square.T + np.eye(2), "scalar": np.array([[0.7]])}
    random |= {"con2": random["cov2"], "root-of-cov2": random["cov2"]}
    values = [random.get(one.kind, rng.standard_normal((2, 1))) for one in data]

    def defect(X):
        import scipy.linalg

        A = scipy.linalg.expm(0.3 * X)
        left = compute(*carried(data, values, A))
        return np.linalg.norm(left - A @ compute(*values)) / np.linalg.norm(left)

    inside = [np.array(X, dtype=float) for X in found.basis]
    assert all(defect(X) < 1e-12 for X in inside)
    if found.dimension < 4:
        span = np.array([X.ravel() for X in inside]).reshape(-1, 4)
        outside = np.linalg.svd(span, full_matrices=True)[2][found.dimension :]
        assert min(defect(X.reshape(2, 2)) for X in outside) > 1e-4


def test_three_coordinates():
    g3 = TypedSymbols("g", "covector", 3)
    assert symbolic(-g3.matrix, [g3]).name == "so(3)"
    assert symbolic(g3.matrix.applyfunc(lambda x: 1 / x), [g3]).name == "diag(3)"


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.lists(st.integers(-3, 3), min_size=4, max_size=4))
def test_a_constant_preconditioner_has_the_algebra_of_its_form(entries):
    """U = P g with P positive definite is natural under the X with X P + P X^T = 0, of dimension n(n-1)/2."""
    square = sp.Matrix(2, 2, entries)
    P = square * square.T + I2
    found = symbolic(-P * G, [g])
    assert found.dimension == 1
    X = found.basis[0]
    assert (X * P + P * X.T).is_zero_matrix


def test_exactly_the_signed_permutations():
    found = discrete_part(G.applyfunc(lambda x: x**3), g)
    assert (found.complex_solutions, found.real_solutions, found.signed_permutations) == (32, 8, 8)
    assert "8 signed permutations" in found.claim.statement
    assert found.claim.verdict == "proved"


def test_a_discrete_part_that_is_smaller():
    """g_1^3, 2 g_2^3: the swap is lost over the rationals, and comes back with a factor of root 2."""
    found = discrete_part(sp.Matrix([G[0] ** 3, 2 * G[1] ** 3]), g)
    assert found.signed_permutations == 4
    assert found.real_solutions == 8


def test_infinitely_many_maps_are_refused():
    with pytest.raises(InputError, match="discrete part"):
        discrete_part(G, g)
    with pytest.raises(InputError, match="linearly dependent"):
        discrete_part(sp.Matrix([G[0] ** 3, G[0] ** 3]), g)
    with pytest.raises(InputError, match="update"):
        discrete_part(sp.Matrix([1 / G[0], G[1]]), g)


def test_the_identities():
    claims = [newton_defect(), discrete_noether(3), commutator_identity(3), *product_identity()]
    assert {claim.verdict for claim in claims} == {"proved"}


def test_a_wrong_identity_is_refuted():
    x = sp.Symbol("x")
    claim = _zero([1 / x - x], "1/x = x")
    assert claim.verdict == "refuted"
    assert claim.evidence["differences"]


def test_what_is_no_rational_formula_is_refused():
    for update in (G.applyfunc(sp.exp), G.applyfunc(lambda x: x ** sp.Rational(1, 3)), G.applyfunc(sp.Heaviside)):
        with pytest.raises(InputError, match="the term"):
            symbolic(update, [g])
    with pytest.raises(InputError, match="the sign of"):
        symbolic(sp.Matrix([sp.sign(G[0] - G[1]), G[1]]), [g])


def test_flows_across_a_change_of_sign_are_not_decided():
    """(2 + sign g_1) g is linear on both sides and jumps between them, so rotations do not leave it as it is."""
    jumping = symbolic((2 + sp.sign(G[0])) * G, [g])
    assert (jumping.name, jumping.verdict) == ("so(2)", "undecided")
    scaled = symbolic(sp.Matrix([sp.Abs(G[0]) / G[0] ** 2, 1 / G[1]]), [g])
    assert (scaled.name, scaled.verdict) == ("diag(2)", "proved")


def test_a_square_inside_a_root_is_refused():
    with pytest.raises(InputError, match="square root"):
        symbolic(G * sp.sqrt(sp.expand((G[0] - G[1]) ** 2 * (1 + G[1] ** 2))), [g])


def test_roots_that_depend_on_each_other_are_refused():
    p, q = G[0] ** 2 + 1, G[1] ** 2 + 2
    with pytest.raises(InputError, match="square roots"):
        symbolic(sp.Matrix([sp.sqrt(p) + sp.sqrt(q), sp.sqrt(sp.expand(p * q))]), [g])
    assert symbolic(sp.Matrix([sp.sqrt(p) * G[0], sp.sqrt(q) * G[1]]), [g]).verdict == "proved"


def test_roots_of_constants_are_refused():
    """X g sqrt(2) = ... may have solutions with sqrt(2) in X, which splitting by the root would lose."""
    for constant in (sp.sqrt(2), sp.sqrt(SMALL)):
        with pytest.raises(InputError, match="square roots"):
            symbolic(G * constant, [g])


def test_a_root_is_not_taken_for_a_rational_function():
    """sqrt(q) and its negative give the same rational identities; a formula that mixes both parities is split."""
    cases = rational_cases(sp.Matrix([G[0] + sp.sqrt((G.T * G)[0])]), signed=list(G), variable=list(G))
    assert len(cases) == 1
    assert len(cases[0].squares) == 1


@pytest.mark.parametrize(
    ("update", "data"),
    [
        ("g/|g|", [g]),
        (G, []),
        (G, None),
        (G, g),
        (G, ["g"]),
        (G, [TypedSymbols("g", "covector", 3)]),
        (G, [g, g]),
        (G.T, [g]),
    ],
)
def test_bad_input(update, data):
    with pytest.raises(InputError):
        symbolic(update, data)


def test_symbols_named_as_entries_are_no_constants():
    """They were: of other assumptions, with a proved algebra of an update that does not move."""
    with pytest.raises(InputError, match="the symbol g0"):
        symbolic(sp.Matrix(sp.symbols("g0 g1")), [g])


@pytest.mark.parametrize("factor", [0.1, sp.pi, sp.I, sp.sqrt(2)])
def test_the_discrete_part_is_exact_or_refused(factor):
    with pytest.raises(InputError, match="the update"):
        discrete_part(G.applyfunc(lambda entry: factor * entry**3), g)
    with pytest.raises(InputError, match="the update"):
        discrete_part(G, None)


def test_too_many_patterns_of_signs_are_refused():
    with pytest.raises(InputError, match="signs of 12 entries"):
        exact_algebra("sign-descent", size=12)


def test_bad_types():
    with pytest.raises(InputError, match="name"):
        TypedSymbols(3, "covector", 2)
    with pytest.raises(InputError, match="type"):
        TypedSymbols("g", "spinor", 2)
    with pytest.raises(InputError, match="size"):
        TypedSymbols("g", "covector", 0)


def test_an_unnamed_algebra_is_reported_by_its_basis():
    found = symbolic(sp.Matrix([G[0], G[1] ** 3]), [g])
    assert isinstance(found, SymbolicAlgebra)
    assert found.to_dict()["verdict"] == "proved"
    assert subspace_name([sp.Matrix([[1, 0], [0, 0]])], 2) is None


EXACT = {
    "so(2)": {
        "gradient-descent",
        "heavy-ball",
        "normalised-gradient-descent",
        "newton-damped",
        "natural-gradient-damped",
        "levenberg-marquardt",
        "full-matrix-adagrad",
        "online-newton-step-epsilon",
    },
    "co(2)": {"polyak-step"},
    "0": {"sign-descent", "lion", "rmsprop", "adagrad", "adam", "adam-epsilon"},
    "diag(2)": {"root-free-adam", "root-free-rmsprop", "diagonal-newton", "levenberg-marquardt-scaled"},
    "gl(2)": {"newton", "natural-gradient", "gauss-newton", "empirical-fisher", "online-newton-step"},
}


def test_known_formulas_are_named():
    found = {name: exact_algebra(name) for name in FORMULAS}
    for algebra, names in EXACT.items():
        assert {name for name, one in found.items() if one.name == algebra} == names
    assert {one.verdict for one in found.values()} == {"proved"}
    assert set(FORMULAS) <= set(OPTIMIZERS)
    with pytest.raises(InputError, match="formula"):
        exact_algebra("nadam")


@pytest.mark.parametrize("name", ["gradient-descent", "polyak-step", "adam", "root-free-adam"])
def test_exact_and_measured_algebras_have_the_same_dimension(name):
    """The program against its formula: a null space of derivatives of runs, and one over the rationals."""
    measured = lie_algebra(OPTIMIZERS[name], problems=vector_problems(3))
    assert measured.dimension == exact_algebra(name, size=3).dimension
