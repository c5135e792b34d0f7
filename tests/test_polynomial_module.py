"""The module of polynomial symmetries, against SymPy's derivatives and against derivations degree by degree."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from manifolds.errors import InputError
from symmetries import Data, Loss, Polynomial, VectorField, derive
from symmetries.algebra import bracket
from symmetries.catalog import get
from symmetries.modules.polynomial_loss import MAX_COORDINATES, PolynomialLoss, Ring
from symmetries.modules.polynomial_module import polynomial_module
from symmetries.modules.symmetry_module import SymmetryModule
from symmetries.modules.syzygies import find_syzygies, independent_parts, primitive, trivial_syzygies

CUBIC = "b**2*c**2 - 4*a*c**3 - 4*b**3*d - 27*a**2*d**2 + 18*a*b*c*d"
QUARTIC = (
    "256*a**3*f**3 - 192*a**2*b*d*f**2 - 128*a**2*c**2*f**2 + 144*a**2*c*d**2*f - 27*a**2*d**4 + 144*a*b**2*c*f**2"
    " - 6*a*b**2*d**2*f - 80*a*b*c**2*d*f + 18*a*b*c*d**3 + 16*a*c**4*f - 4*a*c**3*d**2 - 27*b**4*f**2"
    " + 18*b**3*c*d*f - 4*b**3*d**3 - 4*b**2*c**3*f + b**2*c**2*d**2"
)
WITH_CONSTANTS = Loss.parse("a*x**2 + b*y**2 + x*y*z", ["x", "y", "z"], constants=["a", "b"])
MOVING = Loss.parse("(x**2 - d*y)**2", ["x", "y"], data={"d": Data((), moves=True)})
LINEAR_NETWORK = "sum((Y - U@V)**2)"


def det(size: int) -> Loss:
    return Loss.parse("det(A)", {"A": (size, size)})


def factorisation(rows: int, inner: int, columns: int) -> Loss:
    shapes = {"U": (rows, inner), "V": (inner, columns)}
    return Loss.parse(LINEAR_NETWORK, shapes, data={"Y": (rows, columns)})


CASES = [
    # loss, degrees of the generators, how many are trivial, highest degree compared with derive
    pytest.param(get("rosenbrock").loss, (3,), 1, 6, id="rosenbrock"),
    pytest.param(get("booth").loss, (1,), 1, 6, id="booth"),
    pytest.param(get("himmelblau").loss, (3,), 1, 6, id="himmelblau"),
    pytest.param(get("goldstein-price").loss, (7,), 1, 7, id="goldstein-price"),
    pytest.param(get("beale").loss, (7,), 1, 7, id="beale"),
    pytest.param(get("matyas").loss, (1,), 1, 6, id="matyas"),
    pytest.param(get("sphere").loss, (1,) * 6, 6, 3, id="sphere"),
    pytest.param(get("quadratic-semidefinite").loss, (0, 1), 1, 4, id="quadratic-semidefinite"),
    pytest.param(get("rosenbrock-n").loss, (3,) * 6, 6, 3, id="rosenbrock-n"),
    pytest.param(get("ellipse-constants").loss, (1,), 1, 2, id="ellipse-constants"),
    pytest.param(det(2), (1,) * 6, 6, 4, id="det-2"),
    pytest.param(det(3), (1,) * 16, 0, 3, id="det-3"),
    pytest.param(Loss.parse("b**2 - 4*a*c"), (1,) * 3, 3, 6, id="discriminant-2"),
    pytest.param(Loss.parse(CUBIC), (1,) * 3, 0, 4, id="discriminant-3"),
    pytest.param(Loss.parse(QUARTIC), (1, 1, 1, 2), 0, 2, id="discriminant-4"),
    pytest.param(Loss.parse("x*y"), (1,), 1, 6, id="product"),
    pytest.param(Loss.parse("x**2*y"), (1,), 0, 6, id="square-times"),
    pytest.param(Loss.parse("x**2 + y**3 + z**4"), (2, 3, 3), 3, 4, id="weighted"),
    pytest.param(Loss.parse("(x*y + z**2)**3 + x*y + z**2"), (1, 1, 1), 0, 3, id="function-of-a-quadric"),
    pytest.param(Loss.parse("(x + y + z)**2 + (x + y + z)**3"), (0, 0), 0, 4, id="function-of-a-sum"),
    pytest.param(Loss.parse("(x - y)**2 + (z - x**2)**2 + 0*w"), (0, 1, 3), 1, 3, id="null-directions"),
    pytest.param(factorisation(2, 2, 2), (1,) * 4, 0, 2, id="factorisation"),
    pytest.param(Loss.parse("d*(x*y - z) + c*(x + y)", ["x", "y", "z"], data=["c", "d"]), (1,), 1, 5, id="data"),
    pytest.param(WITH_CONSTANTS, (2,) * 3, 2, 2, id="constants"),
    pytest.param(Loss.parse("x**2 + d*y", ["x", "y"], data=["d"]), (), 0, 3, id="full-rank"),
    pytest.param(Loss.parse("5 + 0*x + 0*y"), (0, 0), 0, 3, id="constant"),
    pytest.param(MOVING, (1,) * 3, 0, 3, id="moving"),
]


@pytest.mark.parametrize(("loss", "degrees", "trivial", "highest"), CASES)
def test_known_modules(loss: Loss, degrees: tuple[int, ...], trivial: int, highest: int) -> None:
    module = polynomial_module(loss)
    assert module.degrees == degrees
    assert module.trivial.count(True) == trivial
    assert [claim.verdict for claim in module.claims] == ["proved"] * (len(degrees) + 1)
    assert module.completeness.assumptions == ()
    assert [module.dimension(d) for d in range(highest + 1)] == [
        derive(loss, ansatz=Polynomial(d)).dimension for d in range(highest + 1)
    ]


def by_sympy(loss: Loss) -> tuple[Any, dict[str, Any]]:
    """The loss as SymPy has it, with a symbol for each entry."""
    names = (*loss.entries, *loss.data_entries, *loss.constants)
    symbols = {name: sp.Symbol(f"s{k}") for k, name in enumerate(names)}
    if "U" not in loss.parameters:
        return sp.sympify(str(loss), locals=symbols), symbols
    u = sp.Matrix(2, 2, [symbols[f"U[{i},{j}]"] for i in range(2) for j in range(2)])
    v = sp.Matrix(2, 2, [symbols[f"V[{i},{j}]"] for i in range(2) for j in range(2)])
    w = sp.Matrix(2, 2, [symbols[f"Y[{i},{j}]"] for i in range(2) for j in range(2)])
    return sum(entry**2 for entry in w - u * v), symbols


def along(loss: Loss, field: VectorField) -> Any:
    """X.L by SymPy, expanded."""
    expression, symbols = by_sympy(loss)
    assert field.polynomials is not None
    total = 0
    for entry, polynomial in field.polynomials.items():
        component = sum(
            sp.Rational(value.numerator, value.denominator) * sp.Mul(*(symbols[n] ** e for n, e in monomial))
            for monomial, value in polynomial.items()
        )
        total += component * expression.diff(symbols[entry])
    return sp.expand(total)


SCALAR = ["rosenbrock", "booth", "himmelblau", "goldstein-price", "beale", "matyas", "quadratic-semidefinite"]


@pytest.mark.parametrize(
    "loss",
    [*(get(name).loss for name in SCALAR), Loss.parse(CUBIC), Loss.parse(QUARTIC), factorisation(2, 2, 2)],
    ids=[*SCALAR, "cubic", "quartic", "factorisation"],
)
def test_sympy_sees_that_every_generator_annihilates_the_loss(loss: Loss) -> None:
    module = polynomial_module(loss)
    assert module.generators
    assert all(along(loss, field) == 0 for field in module.generators)


def test_sympy_finds_the_same_module_of_discriminants() -> None:
    """Two modules are equal when each holds the generators of the other."""
    a, b, c, d = sp.symbols("a b c d")
    ring = sp.QQ.old_poly_ring(a, b, c, d)
    discriminant = sp.sympify(CUBIC)
    columns = ring.free_module(1).submodule(*[[discriminant.diff(s)] for s in (a, b, c, d)])
    syzygies = columns.syzygy_module()
    module = polynomial_module(Loss.parse(CUBIC))
    ours = [[sp.sympify(field.components.get(str(s), "0")) for s in (a, b, c, d)] for field in module.generators]
    assert all(syzygies.contains(vector) for vector in ours)
    for generator in syzygies.gens:
        texts = {str(s): str(ring.to_sympy(part)) for s, part in zip((a, b, c, d), generator, strict=True)}
        assert module.contains(VectorField(texts))


def test_the_symmetries_of_a_determinant_are_left_and_right_multiplications() -> None:
    """sl(3) + sl(3), and det has degree 3, so its Koszul fields have degree 2 and lie in their module."""
    module = polynomial_module(det(3))
    assert (module.rank, module.minimality, module.weights) == (8, "minimal", (1,) * 9)
    assert len(module.trivial_fields) == comb(9, 2)
    assert all(module.contains(field) for field in module.trivial_fields)
    assert not any(module.is_trivial(field) for field in module.generators)
    x = VectorField({"A[0,0]": "A[1,0]", "A[0,1]": "A[1,1]", "A[0,2]": "A[1,2]"})
    assert module.contains(x)
    assert not module.contains(VectorField({"A[0,0]": "A[0,0]"}))


def test_a_weighted_homogeneous_loss_has_koszul_fields_alone() -> None:
    module = polynomial_module(Loss.parse("x**2 + y**3 + z**4"))
    assert module.weights == (6, 4, 3)
    assert module.minimality == "minimal"
    assert module.essential == ()
    assert next(str(field) for field in module.generators) == "3*y**2 d/dx - 2*x d/dy"


def test_an_essential_field_is_none_of_koszul() -> None:
    module = polynomial_module(Loss.parse("x**2*y"))
    assert [str(field) for field in module.essential] == ["x d/dx - 2*y d/dy"]
    assert [str(field) for field in module.trivial_fields] == ["-x**2 d/dx + 2*x*y d/dy"]
    assert module.is_trivial(VectorField({"x": "x**2", "y": "-2*x*y"}))
    assert not module.is_trivial(module.generators[0])


def test_constants_stay_in_the_coefficients() -> None:
    module = polynomial_module(get("ellipse-constants").loss)
    assert [str(field) for field in module.generators] == ["a**2*y d/dx - b**2*x d/dy"]
    assert module.contains(VectorField({"x": "a**2*b*y", "y": "-b**3*x"}))
    assert not module.contains(VectorField({"x": "a**2*y", "y": "-b*x"}))


def test_a_regulariser_leaves_a_graded_module() -> None:
    """The square of U V is a multiple of its entries, so the gradient of the regulariser is what is left."""
    text = "sum((Y - U@V)**2) + a*sum(U**2) + b*sum(V**2)"
    loss = Loss.parse(text, {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)}, constants=["a", "b"])
    module = polynomial_module(loss)
    assert (module.rank, module.degrees, module.minimality) == (3, (1, 3, 3, 3), "minimal")
    assert len(module.essential) == 4
    assert module.completeness.verdict == "proved"
    assert [module.dimension(d) for d in range(2)] == [0, 1]


def test_data_stand_for_all_values() -> None:
    text = "(x/a)**2 + (y/b)**2"
    assert polynomial_module(Loss.parse(text, ["x", "y"], data=["a", "b"])).generators == ()
    module = polynomial_module(factorisation(2, 2, 2))
    assert (module.equations, module.rank) == (5, 4)
    with pytest.raises(InputError, match="no polynomial in the parameters"):
        module.contains(VectorField({"U[0,0]": "Y[0,0]"}))


def test_brackets_of_symmetries_stay_in_the_module() -> None:
    module = polynomial_module(get("rosenbrock-n").loss)
    assert all(module.contains(bracket(x, y)) for x in module.generators[:3] for y in module.generators[3:])


small_polynomials = st.dictionaries(
    st.tuples(*[st.integers(0, 2)] * 3).filter(lambda m: 0 < sum(m) <= 3),
    st.integers(-3, 3).filter(bool),
    min_size=1,
    max_size=4,
)


def random_loss(terms: dict[tuple[int, ...], int]) -> Loss:
    text = " + ".join(f"({value})*x**{m[0]}*y**{m[1]}*z**{m[2]}" for m, value in terms.items())
    return Loss.parse(text, ["x", "y", "z"])


@settings(max_examples=10, deadline=None)
@given(small_polynomials)
def test_dimensions_of_random_losses_agree_with_derivations(terms: dict[tuple[int, ...], int]) -> None:
    loss = random_loss(terms)
    module = polynomial_module(loss)
    assert module.is_complete
    assert [module.dimension(d) for d in range(5)] == [derive(loss, ansatz=Polynomial(d)).dimension for d in range(5)]


def combination(module: SymmetryModule, factors: list[dict[tuple[int, ...], int]]) -> VectorField:
    """Sum of the generators times polynomials in x, y, z."""
    ring = Ring(module.coordinates)
    total = {entry: ring.context.constant(0) for entry in module.coordinates}
    for field, terms in zip(module.generators, factors, strict=False):
        factor = ring.context.from_dict({m: v for m, v in terms.items() if v})
        for entry, polynomial in (field.polynomials or {}).items():
            total[entry] += factor * ring.poly(polynomial)
    return VectorField.from_polynomials({entry: ring.named(part) for entry, part in total.items()})


@settings(max_examples=30, deadline=None)
@given(small_polynomials, st.lists(small_polynomials, min_size=3, max_size=3), st.integers(0, 2))
def test_combinations_are_members_and_moved_ones_are_not(
    terms: dict[tuple[int, ...], int], factors: list[dict[tuple[int, ...], int]], moved: int
) -> None:
    loss = random_loss(terms)
    module = polynomial_module(loss)
    field = combination(module, factors)
    assert module.contains(field)
    entry = "xyz"[moved]
    assume(any(m[moved] for m in terms))
    polynomials = {name: dict(part) for name, part in (field.polynomials or {}).items()}
    target = polynomials.setdefault(entry, {})
    target[()] = target.get((), Fraction(0)) + 1
    assert not module.contains(VectorField.from_polynomials(polynomials))


@settings(max_examples=30, deadline=None)
@given(small_polynomials)
def test_koszul_fields_lie_inside_and_no_generator_can_be_left_out(terms: dict[tuple[int, ...], int]) -> None:
    loss = random_loss(terms)
    module = polynomial_module(loss)
    assert all(module.contains(field) for field in module.trivial_fields)
    flags = [module.is_trivial(field) for field in module.generators]
    assert all(known in {None, flag} for known, flag in zip(module.trivial, flags, strict=True))
    whole = [module.dimension(d) for d in range(max(module.degrees, default=0) + 3)]
    for k in range(len(module.generators)):
        rest = [one for j, one in enumerate(module.generators) if j != k]
        assert span_dimension(rest, module.coordinates, len(whole) - 1) < whole[-1]


def span_dimension(fields: list[VectorField], coordinates: tuple[str, ...], degree: int) -> int:
    """Dimension of the span of the fields times monomials, up to a degree, by plain linear algebra."""
    from itertools import combinations_with_replacement as choose

    from symmetries.algebra import components
    from symmetries.inflation import times
    from symmetries.modules.symmetry_module import field_degree
    from symmetries.span import Span

    span = Span()
    for field in fields:
        for shift in range(degree - field_degree(field, coordinates) + 1):
            for names in choose(coordinates, shift):
                monomial = tuple((name, names.count(name)) for name in sorted(set(names)))
                span.add(components(times(field, monomial)))
    return span.dimension


def test_the_one_null_vector_of_minors_is_what_a_groebner_basis_finds() -> None:
    from symmetries.modules._groebner import groebner_basis
    from symmetries.modules.module_vectors import Effort, ModuleOrder
    from symmetries.modules.syzygies import Codec, _by_groebner_basis

    for name in ("rosenbrock", "himmelblau", "goldstein-price", "beale"):
        parts = PolynomialLoss.of(get(name).loss)
        rows = [primitive(parts.gradient(part)) for part in independent_parts(parts)]
        codec = Codec.of(parts)
        (minors,) = find_syzygies(parts, rows, Effort(10)).basis
        by_elimination = _by_groebner_basis(rows, codec, Effort(1_000_000))
        assert by_elimination.checked
        again = groebner_basis([minors], ModuleOrder(), codec.field, Effort(1_000_000))
        assert list(by_elimination.basis) == again


def test_trivial_syzygies_of_several_rows() -> None:
    parts = PolynomialLoss.of(Loss.parse("d*(x*y - z) + c*(x + y)", ["x", "y", "z"], data=["c", "d"]))
    gradients = [parts.gradient(part) for part in parts.parts]
    (entries,) = trivial_syzygies(gradients) or [{}]
    assert all(sum(row[k] * f for k, f in entries.items()) == 0 for row in gradients)


# what was not finished


def test_a_groebner_basis_that_is_not_finished_leaves_completeness_open() -> None:
    loss = get("rosenbrock-n").loss
    module = polynomial_module(loss, effort=400)
    assert module.completeness.verdict == "undecided"
    assert "400 steps" in module.completeness.reason
    assert {claim.verdict for claim in module.generator_claims} <= {"proved"}
    complete = polynomial_module(loss)
    assert all(complete.contains(field) for field in module.generators)
    with pytest.raises(InputError, match="not known completely"):
        module.dimension(3)


def test_unfinished_modules_hold_the_affine_symmetries() -> None:
    module = polynomial_module(factorisation(2, 2, 2), effort=20)
    assert module.completeness.verdict == "undecided"
    assert len(module.generators) >= 4
    assert all(claim.verdict == "proved" for claim in module.generator_claims)


def test_a_division_that_takes_too_long_is_refused() -> None:
    module = polynomial_module(get("rosenbrock").loss, effort=2)
    with pytest.raises(InputError, match="more than 2 steps"):
        module.contains(VectorField({"x": "x**3*(100*x**2 - 100*y)", "y": "x**3*(200*x**3 - 200*x*y + x - 1)"}))


# what is printed and stored


def test_text_and_certificate() -> None:
    module = polynomial_module(get("booth").loss)
    assert str(module).splitlines()[0] == "module of rank 1 with 1 generator (irredundant; completeness proved)"
    assert module.certificate.verdict == "proved"
    from symmetries import recheck

    assert recheck(module.certificate).verdict == "proved"


# bad input


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("exp(x) + y", "exp"),
        ("relu(x) + y**2", "relu"),
        ("x/y", "a division"),
        ("sqrt(x)*y", "a power 1/2"),
        ("maximum(x, y)", "maximum"),
        ("tanh(x)*exp(y)", "tanh, exp"),
        ("softmax([x, y])[0]", "softmax"),
        ("where(x > 0, x, y)", "where"),
    ],
)
def test_a_loss_that_is_no_polynomial_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        polynomial_module(Loss.parse(text))
    assert f"it holds {named}" in caught.value.what
    assert caught.value.why
    assert "derive()" in caught.value.cure


@pytest.mark.parametrize(("text", "number"), [("x**2 + sqrt(2)*y**2", "sqrt(2)"), ("x**2 + pi*y", "pi")])
def test_numbers_that_are_not_rational_are_refused_by_name(text: str, number: str) -> None:
    with pytest.raises(InputError) as caught:
        polynomial_module(Loss.parse(text))
    assert number in caught.value.what
    assert "constants" in caught.value.cure


def test_decimals_are_exact() -> None:
    assert polynomial_module(Loss.parse("0.1*x**2 + 1e-13*y**2")).contains(VectorField({"x": "1e-12*y", "y": "-x"}))


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(InputError, match=f"{MAX_COORDINATES} at most"):
        polynomial_module(Loss.parse("sum(w**2)", {"w": (MAX_COORDINATES + 1,)}))


def test_too_many_terms_are_refused() -> None:
    with pytest.raises(InputError, match="too many terms"):
        polynomial_module(Loss.parse("sum(w)**9", {"w": (12,)}))


@pytest.mark.parametrize("effort", [0, -1, True, 1.5, "much"])
def test_the_effort_is_a_positive_integer(effort: Any) -> None:
    with pytest.raises(InputError, match="effort="):
        polynomial_module(get("booth").loss, effort=effort)


@pytest.mark.parametrize("degree", [-1, True, 1.5, "3"])
def test_a_degree_is_an_integer_from_zero(degree: Any) -> None:
    with pytest.raises(InputError, match="it is a degree"):
        polynomial_module(get("booth").loss).dimension(degree)


def test_other_things_than_losses_and_fields_are_refused() -> None:
    with pytest.raises(InputError, match="needs a Loss"):
        polynomial_module("x**2")  # type: ignore[arg-type]
    module = polynomial_module(get("booth").loss)
    with pytest.raises(InputError, match="vector fields"):
        module.contains("x")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no parameter entry"):
        module.contains(VectorField({"z": "x"}))
    with pytest.raises(InputError, match="no polynomial"):
        module.contains(VectorField({"x": "exp(x)"}))
