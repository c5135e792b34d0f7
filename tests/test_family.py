"""Families of losses: reading at all sizes, and their symmetries derived, named and compared with small sizes."""

from __future__ import annotations

import json

import pytest
from command import in_process

from manifolds.errors import InputError
from symmetries import Loss
from symmetries.sizes.family import LossFamily
from symmetries.sizes.family_symmetry import FamilySymmetry, derive_family

MF = {"U": ("n", "k"), "V": ("k", "m")}
Y = {"Y": ("n", "m")}
NET = {"W1": ("p", "h"), "b": ("h",), "W2": ("h", "q")}
XY = {"X": ("N", "p"), "Y": ("N", "q")}


def family(formula: str, parameters: dict, data: dict | None = None) -> LossFamily:
    return LossFamily.parse(formula, parameters, data=data)


# reading


def test_a_family_has_its_losses():
    one = family("sum((Y - U@V)**2)/n + sum((U.T@U - eye(k))**2)", MF, Y)
    loss = one.at(n=3, k=2, m=4)
    assert loss == Loss.parse(
        "sum((Y - U@V)**2)/3 + sum((U.T@U - eye(2))**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)}
    )
    assert str(one) == "sum((Y - U@V)**2)/n + sum((U.T@U - eye(k))**2) for all n, k, m"
    assert json.dumps(one.to_dict())


def test_fixed_sizes_and_scalars_stand_beside_names():
    one = family("t*sum((Y - U@V)**2)", {"U": ("n", 2), "V": (2, 11), "t": ()}, {"Y": ("n", 11)})
    assert one.sizes == ("n",)
    assert one.at(n=5).parameters == {"U": (5, 2), "V": (2, 11), "t": ()}


def test_a_mean_of_a_flat_array_is_a_power_of_sizes():
    one = family("mean(reshape(U, (n*k,))**2)", {"U": ("n", "k")})
    assert {units for _, units in one.structure.numbers.values()} == {(("k", -1), ("n", -1))}


REFUSED = {
    "a mismatch": ("sum((Y - U@V.T)**2)", "@ was given arrays of shapes [n, k] and [m, k]", "inner lengths"),
    "a sum of sizes that differ": ("sum(U + V)", "arrays of shapes [n, k] and [k, m]", "broadcast"),
    "an entry": ("U[0, 0] + sum(V)", "'U[0, 0]' is refused", "fixed entries"),
    "an entry by name": ("U_0_0 + sum(V)", "takes entries by their positions", "differ"),
    "a slice": ("sum(U[:5])", "'U[:5]' is refused", "fixed entries"),
    "a slice by size": ("sum(U[:k])", "'U[:k]' is refused", "fixed entries"),
    "a difference of sizes": ("(n - k)*sum(U)", "'n - k' is refused", "multiplied and divided"),
    "a root of two sizes": ("sum(U)*(n - 11)*(n - 17)", "is refused", "multiplied and divided"),
    "a size as exponent": ("sum(U**k)", "'U**k' is refused", "exponents"),
    "an array of numbers": ("sum(U*[[1, 2], [3, 4]])", "arrays of shapes", "broadcast"),
    "an identity of a fixed size": ("sum((U.T@U - eye(3))**2)", "arrays of shapes [k, k] and [3, 3]", "broadcast"),
    "no formula": ("sum((Y - U@V)**2", "", ""),
    "no scalar": ("U@V", "the loss is not a scalar", "shape [n, m]"),
    "an unknown name": ("sum(Q)", "'Q' is not known", "not declared"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_formulas_that_depend_on_sizes_are_refused(name):
    formula, what, why = REFUSED[name]
    with pytest.raises(InputError) as caught:
        family(formula, MF, Y)
    assert what in caught.value.what
    assert why in caught.value.why
    assert caught.value.cure


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({"U": ("n", 0)}, "has the size 0"),
        ({"U": ("n", -1)}, "has the size -1"),
        ({"U": ("n", 1.5)}, "has the size 1.5"),
        ({"U": ("n", True)}, "has the size True"),
        ({"U": 2.5}, "has the shape 2.5"),
        ({"U": ("U", "k")}, "the size 'U' is also an array"),
        ({"U": ("exp", "k")}, "the size 'exp' has a taken name"),
        ({"U": ("2n", "k")}, "the size '2n' has no usable name"),
        ({"exp": ("n",)}, "the parameter 'exp' has a taken name"),
        ({"U": tuple(f"n{k}" for k in range(13))}, "the family has 13 sizes"),
        (["U"], "is declared as"),
        ({}, "has no parameters"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(parameters, what):
    with pytest.raises(InputError) as caught:
        family("sum(U)", parameters)
    assert what in caught.value.what
    assert caught.value.why
    assert caught.value.cure


@pytest.mark.parametrize(
    ("sizes", "what"),
    [
        ({"n": 3, "k": 2}, "the size 'm' has no value"),
        ({"n": 3, "k": 2, "m": 0}, "the size m=0"),
        ({"n": 3, "k": 2, "m": True}, "the size m=True"),
        ({"n": 3, "k": 2, "m": 2, "q": 1}, "the size 'q'"),
    ],
)
def test_assignments_that_make_no_sense_are_refused(sizes, what):
    with pytest.raises(InputError, match=what):
        family("sum((Y - U@V)**2)", MF, Y).at(**sizes)


def test_a_long_formula_is_refused():
    with pytest.raises(InputError, match="too long"):
        family(" + ".join(["sum(U)"] * 2000), {"U": ("n", "k")})


# symmetries

NAMES = {
    "factorisation": ("sum((Y - U@V)**2)", MF, Y, "gl(k)", "k**2", "0"),
    "with decay": ("sum((Y - U@V)**2) + sum(U**2) + sum(V**2)", MF, Y, "so(k)", "k*(k - 1)/2", "0"),
    "three layers": (
        "sum((Y - X@A@B@C)**2)",
        {"A": ("p", "k"), "B": ("k", "l"), "C": ("l", "q")},
        XY,
        "gl(k) + gl(l)",
        "k**2 + l**2",
        "0",
    ),
    "relu": ("sum((Y - relu(X@W1 + b)@W2)**2)", NET, XY, "R^h", "h", "0"),
    "relu squared": ("sum((Y - relu(X@W1)**2@W2)**2)", {"W1": ("p", "h"), "W2": ("h", "q")}, XY, "R^h", "h", "0"),
    "tanh": ("sum((Y - tanh(X@W1 + b)@W2)**2)", NET, XY, "0", "0", "0"),
    "softmax": ("cross_entropy(X@W + b, Y)", {"W": ("p", "q"), "b": ("q",)}, XY, "0", "0", "p + 1"),
    "weight norm": (
        "sum((Y - X@(W/sqrt(sum(W**2, axis=0))))**2)",
        {"W": ("p", "q")},
        XY,
        "R^q",
        "q",
        "0",
    ),
    "norm": ("sum((Y - X@W/norm(W))**2)", {"W": ("p", "q")}, XY, "R", "1", "0"),
    "symmetric": ("sum((Y - U@U.T)**2)", {"U": ("n", "k")}, {"Y": ("n", "n")}, "so(k)", "k*(k - 1)/2", "0"),
    "tied": ("sum((X - X@W@W.T)**2)", {"W": ("p", "k")}, {"X": ("N", "p")}, "so(k)", "k*(k - 1)/2", "0"),
    "attention": (
        "sum((Y - softmax(X@Q@K.T@X.T, axis=1)@X@V@O)**2)",
        {"Q": ("p", "d"), "K": ("p", "d"), "V": ("p", "f"), "O": ("f", "q")},
        XY,
        "gl(d) + gl(f)",
        "d**2 + f**2",
        "0",
    ),
}


@pytest.fixture(scope="module")
def symmetry() -> FamilySymmetry:
    return derive_family(family("sum((Y - U@V)**2)", MF, Y))


@pytest.mark.parametrize("name", NAMES)
def test_symmetries_are_named_for_all_sizes(name):
    formula, parameters, data, algebra, dimension, null = NAMES[name]
    found = derive_family(family(formula, parameters, data))
    assert (found.name, found.dimension, found.null_dimension) == (algebra, dimension, null)
    assert all(claim.verdict == "proved" for claim in found.invariance)
    assert found.completeness.verdict == "proved"
    assert found.unexplained == (0, 0)
    for fit in found.fits:
        if not fit.null_directions:
            assert found.dimension_at(**fit.sizes) == fit.dimension
    assert json.loads(json.dumps(found.to_dict()))["name"] == algebra


def test_the_answer_says_what_is_proved_for_which_sizes(symmetry):
    statements = [claim.statement for claim in symmetry.invariance]
    assert statements == [
        "X L = 0 for δU = -U@S, δV = S@V for every matrix S, for all n, k, m",
        "L(g w) = L(w) for U → U@inv(g), V → g@V for every invertible matrix g, for all n, k, m",
    ]
    assert "(n = 3, k = 2, m = 4), (n = 4, k = 3, m = 5)" in symmetry.completeness.statement
    assert symmetry.certificate.verdict == "proved"
    assert str(symmetry).startswith("gl(k), of dimension k**2, for all n, k, m")


def test_symmetries_that_no_part_explains_are_counted():
    """The inner product has so(k, k), of which gl(k) is a part."""
    found = derive_family(family("(y - u@v)**2", {"u": ("k",), "v": ("k",)}, {"y": ()}))
    assert found.unexplained == tuple(k * (2 * k - 1) - k * k for k in (3, 4))
    assert found.completeness.verdict == "undecided"
    assert found.certificate.verdict == "undecided"


def test_accidents_of_small_sizes_are_told_apart():
    found = derive_family(
        family("sum((Y - U@V)**2)", MF, Y), sizes=[{"n": 1, "k": 1, "m": 1}, {"n": 2, "k": 2, "m": 2}]
    )
    assert found.name == "gl(k)"
    assert found.fits[0].dimension == found.fits[0].explained == 1
    one = derive_family(family("sum((Y - U@V)**2)", MF, Y), sizes=[{"n": 2, "k": 1, "m": 1}])
    assert one.unexplained[0] == one.fits[0].dimension - 1


def test_a_batch_norm_has_scalings_and_null_directions():
    centred = "(X@W + b - mean(X@W + b, axis=0))"
    text = f"sum((Y - relu({centred}/sqrt(mean({centred}**2, axis=0)))@V)**2)"
    found = derive_family(family(text, {"W": ("p", "h"), "b": ("h",), "V": ("h", "q")}, XY))
    assert (found.name, found.dimension, found.null_dimension) == ("R^h", "h", "h")
    assert found.completeness.verdict == "proved"


def test_sizes_without_a_value_are_passed_over():
    found = derive_family(family("log(det(U@U.T))", {"U": ("n", "k")}))
    assert all(fit.sizes["n"] <= fit.sizes["k"] for fit in found.fits)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [(("x**2",), "derive_family was given str"), ((family("sum(U)", {"U": ("n",)}), []), "was given no sizes")],
)
def test_derive_family_refuses(arguments, what):
    with pytest.raises(InputError, match=what):
        derive_family(arguments[0], **({"sizes": arguments[1]} if len(arguments) > 1 else {}))


# the command line


def test_the_command_answers_for_all_sizes(capsys):
    words = ("derive", "sum((Y-U@V)**2)", "--parameters", "U:nxk V:kxm", "--data", "Y:nxm")
    found = in_process(capsys, *words, "--json")
    assert found.code == 0
    made = found.object
    assert made["schema"] == "symport/derive/1"
    assert made["algebra"]["name"] == "gl(k)"
    assert made["dimension"] is None
    assert made["loss"]["parameters"] == {"U": ["n", "k"], "V": ["k", "m"]}
    assert made["family"]["dimension"] == "k**2"
    assert made["family"]["parts"][0]["field"] == {"U": "-U@S", "V": "S@V"}
    assert made["completeness"]["verdict"] == "proved"
    shown = in_process(capsys, *words)
    assert "for every invertible matrix g" in shown.out
    assert "n = 4, k = 3, m = 5" in shown.out


def test_the_keys_are_those_of_a_derivation(capsys):
    one = in_process(capsys, "derive", "sum(w**2)", "--parameters", "w:n", "--json").object
    assert set(one) >= {
        *("loss", "ansatz", "dimension", "null_directions", "essential_dimension", "generators", "closed", "algebra"),
        *("essential", "completeness", "seconds", "version"),
    }
    assert one["algebra"]["name"] == "so(n)"


def test_symmetries_in_no_part_are_undecided_on_the_command_line(capsys):
    words = ("derive", "(y - u@v)**2", "--parameters", "u:k v:k", "--data", "y")
    assert in_process(capsys, *words).code == 3


def test_a_loss_file_may_have_sizes_that_are_names(capsys, tmp_path):
    file = tmp_path / "net.toml"
    file.write_text(
        'name = "net"\nloss = "sum((Y - relu(X@W1)@W2)**2)"\n[parameters]\nW1 = ["p", "h"]\nW2 = ["h", 2]\n'
        '[data]\nX = ["N", "p"]\nY = ["N", 2]\n'
    )
    out = tmp_path / "out"
    assert in_process(capsys, "derive", str(file), "--output", str(out)).code == 0
    assert json.loads((out / "derive.json").read_text())["algebra"]["name"] == "R^h"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sum(U)", "--parameters", "U:nx"), "the shape of 'U:nx' cannot be read"),
        (("sum(U)", "--parameters", "U:nx3 U:k"), "gives 'U' twice"),
        (("sum(U)", "--data", "U:nxk"), "need --parameters"),
        (("sum(U)*y", "--parameters", "U:nxk", "--data", "y", "--moves", "y"), "--moves with sizes"),
        (("sum(U)", "--parameters", "U:nxk", "--ansatz", "affine"), "--ansatz affine with sizes"),
        (("sum((Y-U@V.T)**2)", "--parameters", "U:nxk V:kxm", "--data", "Y:nxm"), "[n, k] and [m, k]"),
        (("sum(U[0])", "--parameters", "U:nxk"), "is refused in a family"),
    ],
)
def test_the_command_refuses(capsys, words, said):
    done = in_process(capsys, "derive", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
