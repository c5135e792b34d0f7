"""Statements that look provable and are not: sizes that no letter tells apart, noise, inverses, overlaps, names."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from manifolds.errors import InputError
from symmetries import Loss
from symmetries.dual import HOLE, Hole, evaluate
from symmetries.dual_functions import Entry
from symmetries.sizes.dual_enclosures import Enclosures
from symmetries.sizes.family import LossFamily
from symmetries.sizes.family_instance import draw
from symmetries.sizes.family_parts import is_representation
from symmetries.sizes.family_proof import has_value, prove_family, random_point, value_at
from symmetries.sizes.family_symmetry import derive_family
from symmetries.sizes.family_words import Place
from symmetries.sizes.matrix_field import FamilyAction, FamilyField, prove_matrix_field

U = {"U": ("n", "k")}
UV = {"U": ("n", "k"), "V": ("k", "m")}
COLUMN = FamilyField({"U": "c@ones.T"}, {"c": "generic"})


def family(formula: str, parameters: dict, data: dict | None = None) -> LossFamily:
    return LossFamily.parse(formula, parameters, data=data)


@pytest.mark.parametrize(
    "formula",
    [
        "sum(exp(eye(n))) + exp(1)*sum(U) - sum(U)",
        "sum(exp(2*eye(k))) + exp(2)*sum(U) - sum(U)",
        "sum(tanh(eye(n))) + sum(tanh(eye(k))@U.T)",
    ],
)
def test_functions_of_identities_of_different_sizes_are_different(formula):
    claim = prove_family(family(formula, U), COLUMN)
    assert claim.verdict == "refuted"


def test_functions_of_zeros_of_different_shapes_are_different():
    one = family("sum(sigmoid(0*V)) + 2*sigmoid(0*w)*sum(U) - 2*sum(U)", {**UV, "w": ()})
    assert prove_family(one, COLUMN).verdict == "refuted"


def test_arrays_of_the_same_numbers_in_different_shapes_are_different():
    wide, high = "[[1, 2, 3], [4, 5, 6]]", "[[1, 2], [3, 4], [5, 6]]"
    loss = Loss.parse(f"(sum(sum({wide}, axis=1)**2) - sum(sum({high}, axis=1)**2))*u", ["u"])
    assert prove_matrix_field(loss, FamilyField({"u": "1"})).verdict != "proved"


# refutations


def test_noise_refutes_no_action():
    """The loss is 0, and two noises differ."""
    zero = family("log(exp(sum(U@V))) - sum(U@V) + log(exp(sum(U@V)) + 1) - softplus(sum(U@V))", UV)
    for components in ({"U": "U@inv(g)", "V": "g@g@V"}, {"U": "U@g"}):
        assert prove_family(zero, FamilyAction(components, {"g": "invertible"})).verdict == "undecided"
    jump = family("sign(log(exp(sum(U@V)) + 1) - softplus(sum(U@V)))", UV)
    assert prove_family(jump, FamilyAction({"U": "U@g"}, {"g": "invertible"})).verdict == "undecided"


def test_sizes_without_a_value_refute_no_field():
    """At n > k the determinant is 0, which decimals take for a small number."""
    one = family("log(det(U@U.T)) + softplus(w) - log(1 + exp(w))", {**U, "w": ()})
    assert not has_value(one.at(n=3, k=2), np.random.default_rng(0))
    assert has_value(one.at(n=2, k=2), np.random.default_rng(0))
    field = FamilyField({"U": "U@A", "w": "1"}, {"A": "skew"})
    assert prove_family(one, field).verdict == "undecided"


def test_sizes_without_a_value_are_passed_over():
    one = family("sum(inv(U@U.T))", U)
    claim = prove_family(one, FamilyField({"U": "S@U"}, {"S": "generic"}))
    assert claim.verdict == "refuted"
    sizes = claim.evidence["counterexample"]["sizes"]
    assert sizes["n"] <= sizes["k"]


@pytest.mark.parametrize(
    ("formula", "word", "letters"),
    [
        ("det(W)/abs(det(W))", "g@W", {"g": "invertible"}),
        ("det(W)", "q@W", {"q": "orthogonal"}),
    ],
)
def test_elements_outside_the_identity_component_are_tried(formula, word, letters):
    claim = prove_family(family(formula, {"W": ("n", "n")}), FamilyAction({"W": word}, letters))
    assert claim.verdict == "refuted"


@pytest.mark.parametrize("size", [1, 2, 7])
def test_letters_are_of_their_kinds(size):
    from flint import fmpq, fmpq_mat

    signs = set()
    for seed in range(12):
        for kind in ("invertible", "orthogonal"):
            rows = draw(kind, size, size, np.random.default_rng(seed))
            matrix = fmpq_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in rows])
            signs.add((kind, bool(matrix.det() > 0)))
            assert matrix.det() != 0
            if kind == "orthogonal":
                assert matrix * matrix.transpose() == fmpq_mat(
                    [[int(i == j) for j in range(size)] for i in range(size)]
                )
    assert len(signs) == 4


# what is shown


def test_an_action_that_is_not_proved_is_not_shown():
    found = derive_family(family("det(W)", {"W": ("n", "n")}))
    assert all(part.action is None for part in found.parts)
    assert all(claim.verdict == "proved" for claim in found.invariance)
    assert found.name is None


@pytest.mark.parametrize(
    ("formula", "parameters", "data"),
    [
        ("sum(sign(W)*Y)", {"W": ("n", "k")}, {"Y": ("n", "k")}),
        ("trace(W@W)", {"W": ("n", "n")}, {}),
    ],
)
def test_parts_that_overlap_have_no_dimension(formula, parameters, data):
    """Rows and columns scaled by t and 1/t, and conjugation by a multiple of 1, do nothing."""
    found = derive_family(family(formula, parameters, data))
    assert found.name is None
    assert found.dimension is None
    assert "whose parts overlap" in str(found)
    assert all(fit.parts_dimension == found.dimension_at(**fit.sizes) - 1 for fit in found.fits)


def test_null_directions_that_overlap_have_no_dimension():
    text = "sum((Y - W + mean(W, axis=0) + mean(W, axis=1, keepdims=True) - mean(W))**2)"
    found = derive_family(family(text, {"W": ("n", "k")}, {"Y": ("n", "k")}))
    assert len(found.shifts) == 2
    assert found.null_dimension is None


def test_only_representations_are_algebras():
    rows, columns = Place("U", 0), Place("V", 1)
    one, zero = Fraction(1), Fraction(0)
    assert is_representation([rows, columns], [one, zero], [zero, one])
    assert not is_representation([rows, columns], [one, zero], [zero, -one])
    assert not is_representation([rows, columns], [one, -2 * one], [zero, zero])
    assert not is_representation([rows], [one / 2], [one / 2])


@pytest.mark.parametrize("taken", ["S", "A", "g", "q"])
def test_letters_make_way_for_names_of_the_family(taken):
    parameters = {taken: ("n", "k"), "V": ("k", "m")}
    found = derive_family(family(f"sum((Y - {taken}@V)**2)", parameters, {"Y": ("n", "m")}))
    assert found.name == "gl(k)"
    assert found.parts[0].action is not None


def test_letters_make_way_for_sizes_and_constants():
    found = derive_family(
        LossFamily.parse(
            "c*sum((Y - relu(X@D)@t)**2)",
            {"D": ("p", "d"), "t": ("d", "q")},
            data={"X": ("N", "p"), "Y": ("N", "q")},
            constants=["c"],
        )
    )
    assert found.name == "R^d"
    assert found.parts[0].action is not None
    assert set(found.parts[0].action.letters) == {"d1"}


# words


@pytest.mark.parametrize("kind", ["generic", "skew", "symmetric", "diagonal", "scalar", "traceless"])
def test_a_letter_that_may_have_no_inverse_is_not_inverted(kind):
    with pytest.raises(InputError, match=r"inv\(S\)") as caught:
        prove_family(family("sum(U**2)", U), FamilyField({"U": "inv(S)@S@U - U"}, {"S": kind}))
    assert "need not have an inverse" in caught.value.why
    assert caught.value.cure
    with pytest.raises(InputError):
        prove_family(family("sum(U**2)", U), FamilyAction({"U": "U + inv(c)"}, {"c": "shift"}))


def test_signs_of_scaled_arguments_are_those_of_the_arguments():
    claim = prove_family(family("sum(sign(U)) + sum(where(U > 0, U, 0))/norm(U)", U), FamilyAction(
        {"U": "t*U"}, {"t": "positive"}
    ))  # fmt: skip
    assert claim.verdict == "proved"


# enclosures


def test_enclosures_hold_what_decimals_give():
    import mpmath

    from symmetries.directional import unmoved
    from symmetries.dual_numbers import Digits

    rng = np.random.default_rng(0)
    for text in (
        "exp(x) + log(y**2) + sin(x)*cos(y) + tan(x) + atan(y) + erf(x) + gelu(y) + normal_cdf(x)",
        "relu(x) + abs(y) + sign(x) + where(x > 0, y, x) + sqrt(x**2 + y**2) + (x**2)**(1/3)",
        "tanh(x) + sigmoid(y) + softplus(x) + maximum(x, y)*minimum(x, y) + elu(x, 2) + leaky_relu(y, 1/5) + pi",
        "det([[x, y], [1, 2]]) + sum(inv([[x, y], [3, 2]])) + (x**2)**y",
    ):
        loss = Loss.parse(text, ["x", "y"])
        point = random_point(loss, rng)
        with mpmath.workdps(50):
            decimals = evaluate(loss.expression, Digits(), unmoved(Digits(), point)).values[0]
        assert abs(float(value_at(loss, point)) - float(decimals)) < 1e-12 * (1 + abs(float(decimals)))


def test_enclosures_do_not_guess():
    numbers = Enclosures()
    wide = numbers.constant(Fraction(1, 3)) * 3 - 1
    zero = Entry(numbers, numbers.constant(0), numbers.constant(0))
    one = Entry(numbers, numbers.constant(1), numbers.constant(0))
    assert numbers.invert(wide) is HOLE
    assert numbers.function("log", wide) == (HOLE, HOLE)
    assert isinstance(numbers.root(wide, Fraction(1, 2))[0], Hole)
    assert numbers.root(zero.value, Fraction(1, 2))[0] == 0
    assert numbers.choose(">", Entry(numbers, wide, wide), one, zero).value is HOLE
    assert numbers.choose(">=", zero, one, zero) is one
    assert numbers.choose("<", one, one, zero) is zero


# bad input


@pytest.mark.parametrize("text", ["1e9999999*U", "U/1e99999999", "1e-401*U"])
def test_numbers_out_of_range_are_refused(text):
    with pytest.raises(InputError, match="is refused") as caught:
        FamilyField({"U": text})
    assert "10**400" in caught.value.why


@pytest.mark.parametrize("kind", [["generic"], {}, None, 3])
def test_kinds_that_are_no_names_are_refused(kind):
    with pytest.raises(InputError, match="the letter 'S' of a field is"):
        FamilyField({"U": "S@U"}, {"S": kind})


@pytest.mark.parametrize("sizes", [5, "n", {"n": 1}, [3], ["n"], [None], [{3: 1}], [{"self": 1}], []])
def test_assignments_that_are_none_are_refused(sizes):
    with pytest.raises(InputError) as caught:
        derive_family(family("sum(U**2)", U), sizes=sizes)
    assert caught.value.why
    assert caught.value.cure


@pytest.mark.parametrize("constants", ["abc", None, 3, [3]])
def test_constants_that_are_no_names_are_refused(constants):
    with pytest.raises(InputError, match="constant"):
        LossFamily.parse("sum(U)", U, constants=constants)


def test_a_field_is_proved_for_a_loss_alone():
    loss = Loss.parse("sum(U**2)", {"U": (2, 2)})
    action = FamilyAction({"U": "q@U"}, {"q": "orthogonal"})
    for arguments in ((loss, action), (loss, None), (None, COLUMN), (family("sum(U)", U), COLUMN)):
        with pytest.raises(InputError, match="prove_matrix_field was given"):
            prove_matrix_field(*arguments)
