"""Declaring a loss: what it says of itself, and the declarations that are refused."""

import copy
import json
import pickle
from fractions import Fraction

import numpy as np
import pytest
from numeric import evaluate

from manifolds import InputError
from symmetries import Data, Loss
from symmetries.expression import number, symbol, symbols_of, walk
from symmetries.operations import add, square


def factorisation(**more) -> Loss:
    return Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)}, **more)


def test_a_loss_says_what_it_is():
    loss = factorisation(constants=["c"], name="mf", ansatz="linear")
    assert loss.parameters == {"U": (3, 2), "V": (2, 4)}
    assert list(loss.parameters) == ["U", "V"]
    assert loss.data == {"Y": Data((3, 4))}
    assert (loss.constants, loss.name, loss.ansatz, loss.at) == (("c",), "mf", "linear", None)
    assert loss.formula == str(loss) == "sum((Y - U@V)**2)"
    assert loss.expression.shape == ()
    assert symbols_of(loss.expression) == {"U": (3, 2), "V": (2, 4), "Y": (3, 4)}


def test_entries_are_named_in_declaration_order_row_by_row():
    loss = Loss.parse("x + sum(w) + sum(U) + a", "U:2x2 x w:2", data={"a": [], "b": Data((2,), moves=True)})
    assert loss.entries == ("U[0,0]", "U[0,1]", "U[1,0]", "U[1,1]", "x", "w[0]", "w[1]")
    assert loss.data_entries == ("a", "b[0]", "b[1]")
    assert loss.moving_entries == ("b[0]", "b[1]")


@pytest.mark.parametrize("parameters", ["x y", "x, y", ["x", "y"], ("x", "y"), {"x": (), "y": []}])
def test_names_alone_are_scalars(parameters):
    assert Loss.parse("x**2 + y**2", parameters).parameters == {"x": (), "y": ()}


def test_without_parameters_every_other_name_is_one_in_order_of_appearance():
    loss = Loss.parse("(b*y - x)**2 + a/z", data=["a"], constants="b")
    assert list(loss.parameters) == ["y", "x", "z"]


def test_given_data_is_in_the_expression_and_not_among_the_free_entries():
    loss = Loss.parse("sum((y - X@w)**2)", {"w": (2,)}, data={"X": [[1, 0.1], ["1/3", 2]], "y": Data((2,))})
    assert loss.data_entries == ("y[0]", "y[1]")
    assert loss.data["X"].values == (Fraction(1), Fraction(1, 10), Fraction(1, 3), Fraction(2))
    assert any(node.operation == "array" for node in walk(loss.expression))
    value = evaluate(loss.expression, {"w": np.array([1.0, 3.0]), "y": np.zeros(2)})
    assert float(value) == pytest.approx(1.3**2 + (1 / 3 + 6) ** 2)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (3, ("3",)),
        (0.1, ("1/10",)),
        ("2/3", ("2/3",)),
        ([0.5, 1], ("1/2", "1")),
        ([[1], [2]], ("1", "2")),
        (["1", "-2e-3"], ("1", "-1/500")),
        (np.array([0, 1, 1]), ("0", "1", "1")),
        (np.array([0.1], dtype=np.float32), ("1/10",)),
        (np.float64(0.25), ("1/4",)),
        ({"values": [0, 1]}, ("0", "1")),
        ({"values": [0, 1], "shape": [2]}, ("0", "1")),
        (Data.given([0, 1]), ("0", "1")),
    ],
    ids=repr,
)
def test_values_are_exact(given, values):
    loss = Loss.parse("x*sum(a)", "x", data={"a": given})
    assert tuple(map(str, loss.data["a"].values)) == values
    assert loss.data_entries == ()


def test_a_loss_of_one_entry_is_a_scalar():
    assert Loss.parse("w[None, :] @ w[:, None]", {"w": (3,)}).expression.shape == ()


def test_a_parameter_that_does_not_occur_is_allowed():
    assert Loss.parse("x**2", ["x", "unused"]).entries == ("x", "unused")


def test_from_an_expression():
    x = symbol("x")
    loss = Loss(add(square(x), number(3)), "x")
    assert loss.formula == "x**2 + 3"
    assert loss == Loss.parse("x**2 + 3", "x")


def test_formulas_are_read_in_the_symbols_of_the_loss():
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": np.ones((3, 4)).tolist()})
    values = {"U": np.arange(6.0).reshape(3, 2), "V": np.ones((2, 4))}
    assert float(evaluate(loss.read("U[0,1] + U_2_1 + sum(Y)"), values)) == 1 + 5 + 12
    assert loss.read("U@V").shape == (3, 4)
    with pytest.raises(InputError, match="'W'"):
        loss.read("W")


CASES = [
    factorisation(),
    Loss.parse("(x - a)**2 + b/y", "x y", data={"a": "1/3"}, constants="b", name="n", ansatz="polynomial:3"),
    Loss.parse("sum(X@w)", {"w": (2,)}, data={"X": Data((4, 2), moves=True)}),
    Loss.parse("sum(w*y)", {"w": (2,)}, data={"y": Data.given([1, 2])}),
    Loss.parse("sum(w)", {"w": (2,)}).with_point({"w": [1, "1/2"]}),
]


@pytest.mark.parametrize("loss", CASES, ids=str)
@pytest.mark.parametrize(
    "clone",
    [
        lambda loss: Loss.from_dict(loss.to_dict()),
        lambda loss: Loss.from_dict(json.loads(json.dumps(loss.to_dict(), allow_nan=False))),
        lambda loss: pickle.loads(pickle.dumps(loss)),
        copy.copy,
        copy.deepcopy,
    ],
)
def test_a_loss_survives_being_written(loss, clone):
    twin = clone(loss)
    assert twin == loss
    assert hash(twin) == hash(loss)
    assert (twin.to_dict(), twin.entries, twin.at) == (loss.to_dict(), loss.entries, loss.at)


def test_losses_that_differ_are_not_equal():
    assert Loss.parse("x**2 + y", "x y") != Loss.parse("x**2 + y", "x", data="y")
    assert Loss.parse("x**2") != Loss.parse("x**2").with_point({"x": 1})
    assert Loss.parse("x**2") != "x**2"


def test_a_point():
    loss = Loss.parse("x + sum(w) + a", {"x": (), "w": (2,)}, data="a").with_point({"x": -1, "w": [0.5, "1/3"], "a": 2})
    assert loss.at == {"x": Fraction(-1), "w": (Fraction(1, 2), Fraction(1, 3)), "a": Fraction(2)}


def test_a_loss_is_read_only():
    loss = factorisation()
    with pytest.raises(AttributeError, match="read-only"):
        loss.name = "other"  # type: ignore[misc]
    loss.parameters["W"] = (1,)
    assert "W" not in loss.parameters


def test_a_loss_shows_itself():
    loss = factorisation()
    assert repr(loss) == "Loss.parse('sum((Y - U@V)**2)', {'U': (3, 2), 'V': (2, 4)}, data={'Y': (3, 4)})"
    assert loss._repr_latex_() == r"$\displaystyle \left\lVert Y - U V\right\rVert^{2}$"


REFUSED = [
    (("x + foo", "x"), {}, "'foo'", "declare"),
    (("x", []), {}, "no parameters", "at least one"),
    (("3", None), {}, "no parameters", "at least one"),
    (("w", {"w": (3,)}), {}, "not a scalar", "sum"),
    (("x", "x"), {"data": "x"}, "'x' is a parameter and data", "rename"),
    (("x", "x"), {"constants": "x"}, "'x' is a parameter and a constant", "rename"),
    (("x*y", "x"), {"data": "y", "constants": "y"}, "'y' is data and a constant", "rename"),
    (("x", "x x"), {}, "declared twice", "rename"),
    (("x", ["x", "2y"]), {}, "'2y'", "rename"),
    (("x", ["x", "a b"]), {}, "'a b'", "rename"),
    (("x", ["x", "__y"]), {}, "'__y'", "rename"),
    (("x", ["x", "ｙ"]), {}, "'ｙ'", "rename"),
    (("x", ["x", "exp"]), {}, "'exp'", "rename"),
    (("x", ["x", "pi"]), {}, "'pi'", "rename"),
    (("x", "x"), {"data": ["e"]}, "'e'", "rename"),
    (("x", ["x", "lambda"]), {}, "'lambda'", "lambda_"),
    (("x", ["x", "a" * 300]), {}, "long name", "shorten"),
    (("x", ["x", 3]), {}, "3", "names"),
    (("x", 3), {}, "3", "names"),
    (("x", {"x": (0,)}), {}, "[0]", "[3]"),
    (("x", {"x": (-1, 2)}), {}, "[-1, 2]", "[3]"),
    (("x", {"x": (1.5,)}), {}, "[1.5]", "[3]"),
    (("x", {"x": (True,)}), {}, "[True]", "[3]"),
    (("x", {"x": "3"}), {}, "'3'", "[3]"),
    (("x", {"x": (10**9,)}), {}, "1000000000 entries", "smaller"),
    (("x", {"x": (1,) * 20}), {}, "20 axes", "reshape"),
    (("x", "x:0x"), {}, "'x:0x'", "U:3x2"),
    (("x", "x"), {"data": {"Y": (0, 3)}}, "'Y'", "values"),
    (("x", "x"), {"data": {"Y": [[1, 2], [3]]}}, "'Y'", "same length"),
    (("x", "x"), {"data": {"Y": [[], []]}}, "'Y'", "same length"),
    (("x", "x"), {"data": {"Y": [[1, 2], 3]}}, "'Y'", "same length"),
    (("x", "x"), {"data": {"Y": [[[[[[[[["1"]]]]]]]]]}}, "'Y'", "same length"),
    (("x", "x"), {"data": {"Y": [[float("nan")]]}}, "'Y'", "decimals"),
    (("x", "x"), {"data": {"Y": [[float("inf")]]}}, "'Y'", "decimals"),
    (("x", "x"), {"data": {"Y": [[1j]]}}, "'Y'", "decimals"),
    (("x", "x"), {"data": {"Y": [["two"]]}}, "'Y'", "decimals"),
    (("x", "x"), {"data": {"Y": [["1/0"]]}}, "'Y'", "decimals"),
    (("x", "x"), {"data": {"Y": [["1e999999999"]]}}, "'Y'", "decimals"),
    (("x", "x"), {"data": {"Y": [[True]]}}, "'Y'", "decimals"),
    (("x", "x"), {"data": {"Y": None}}, "'Y'", "decimals"),
    (("x", "x"), {"data": {"Y": {"shape": [2], "values": [1, 2, 3]}}}, "'Y'", "agree"),
    (("x", "x"), {"data": {"Y": {"shape": [2], "values": [1, 2], "moves": True}}}, "'Y'", "drop"),
    (("x", "x"), {"data": {"Y": {"values": [1, 2], "moves": True}}}, "'Y'", "drop"),
    (("x", "x"), {"data": {"Y": {"shape": [2], "moves": 1}}}, "'Y'", "True or False"),
    (("x", "x"), {"data": {"Y": {"shape": [2], "move": True}}}, "'move'", "shape"),
    (("x", "x"), {"data": {"Y": {"moves": True}}}, "'Y'", "shape"),
    (("x", "x"), {"constants": {"c": (2,)}}, "'c'", "each entry"),
    (("x", "x"), {"constants": 7}, "7", "names"),
    (("x", "x"), {"ansatz": "polynomial"}, "'polynomial'", "polynomial:3"),
    (("x", "x"), {"ansatz": 3}, "3", "polynomial:3"),
    (("x", "x"), {"name": 3}, "3", "string"),
    ((3, "x"), {}, "int", "string"),
]


@pytest.mark.parametrize(("arguments", "more", "named", "advice"), REFUSED)
def test_what_contradicts_itself_is_refused_by_name(arguments, more, named, advice):
    with pytest.raises(InputError) as caught:
        Loss.parse(*arguments, **more)
    assert named in caught.value.what
    assert advice in caught.value.cure
    assert caught.value.why


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Loss("x**2", "x"), "text"),
        (lambda: Loss(symbol("q"), "x"), "'q'"),
        (lambda: Loss(symbol("x", (2,)), "x"), "'x'"),
        (lambda: Loss(None, "x"), "NoneType"),
        (lambda: Loss.from_dict(3), "declaration"),
        (lambda: Loss.from_dict({"parameters": ["x"]}), "declaration"),
        (lambda: Loss.from_dict({"formula": "x", "loss": "x"}), "'loss'"),
        (lambda: Loss.parse("x").with_point({"y": 1}), "'y'"),
        (lambda: Loss.parse("x").with_point({"x": [1]}), "'x'"),
        (lambda: Loss.parse("x").with_point({"x": float("nan")}), "'x'"),
        (lambda: Loss.parse("x").with_point([1]), "point"),
        (lambda: Data(3), "3"),
        (lambda: Data((2,), [1, 2, 3]), "[2]"),
        (lambda: Data((2,), moves="yes"), "'yes'"),
    ],
)
def test_other_constructors_refuse_by_name_too(build, named):
    with pytest.raises(InputError) as caught:
        build()
    assert named in caught.value.what
    assert caught.value.why
    assert caught.value.cure
