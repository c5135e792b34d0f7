"""The syntax of --at, --field and --action."""

from fractions import Fraction

import pytest

from manifolds.errors import InputError
from symmetries import Loss, VectorField
from symmetries.verify import verify
from symport.pairs import read_components, read_point, split_pairs

ELLIPSE = Loss.parse("x**2 + 9*y**2")
FACTORISATION = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)})


@pytest.mark.parametrize(
    "text",
    ["x: -9*y; y: x", "x=-9*y;y=x", "x: -9*y, y: x", " x : -9*y ;; y : x ; ", "y: x; x: -9*y"],
)
def test_pairs_are_separated_by_semicolons_or_commas(text):
    assert split_pairs(text, "--field") == {"x": "-9*y", "y": "x"}


def test_commas_inside_brackets_do_not_separate():
    pairs = split_pairs("U: [[1,0],[0,1]] @ U, V[0, 1]: maximum(a, b)", "--field")
    assert pairs == {"U": "[[1,0],[0,1]] @ U", "V[0,1]": "maximum(a, b)"}


def test_a_comparison_is_no_separator_of_name_and_value():
    assert split_pairs("x: where(x >= 0, y, -y)", "--field") == {"x": "where(x >= 0, y, -y)"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        (" ; , ", "empty"),
        ("x", "no pair"),
        ("-9*y", "no pair"),
        ("x == 1", "no pair"),
        ("x:", "no value"),
        ("x: 1; x: 2", "twice"),
        ("x: 1, 2", "'2' is no pair"),
        ("x y: 1", "no pair"),
        ("1x: 1", "no pair"),
        ("x: " + "1" * 3_000_000, "too long"),
    ],
)
def test_what_is_no_pair_is_refused_with_its_place(text, named):
    with pytest.raises(InputError, match=named) as caught:
        split_pairs(text, "--field")
    assert "--field" in caught.value.what
    assert caught.value.why
    assert caught.value.cure


def test_the_column_of_a_wrong_pair_is_named():
    with pytest.raises(InputError, match="column 7"):
        split_pairs("x: 1; oops", "--at")


def test_a_point_is_exact():
    point = read_point("x=-1, y=0.1")
    assert ELLIPSE.with_point(point).at == {"x": Fraction(-1), "y": Fraction(1, 10)}


def test_a_point_may_hold_matrices_and_entries():
    point = read_point("U=[[1,0],[0,1/3]]; V[0,0]=1; V[0,1]=2; V[1,0]=3; V[1,1]=-4e-1")
    at = FACTORISATION.with_point(point).at
    assert at["U"] == ((1, 0), (0, Fraction(1, 3)))
    assert at["V"] == ((1, 2), (3, Fraction(-2, 5)))


@pytest.mark.parametrize(
    "text",
    [
        "x=[1",
        "x=1]",
        "x=1 2",
        "x=[[1,2]",
        "x=y",
        "x=1+1",
        "z=1",
        "x=nan",
        "x=inf",
        "w[0]=1",
        "x[0]=1; x[1,1]=1",
        "x=1; x[0]=1",
        "x=" + "[" * 100_000,
        "x[999999999]=1",
    ],
)
def test_what_is_no_point_is_refused(text):
    with pytest.raises(InputError):
        ELLIPSE.with_point(read_point(text))


def test_a_field_of_scalars():
    assert read_components("x: -9*y; y: x", ELLIPSE, "--field") == {"x": "-9*y", "y": "x"}


def test_a_field_of_matrices_is_written_out_entry_by_entry():
    components = read_components("U: U@[[0,1],[0,0]]; V: -[[0,1],[0,0]]@V", FACTORISATION, "--field")
    assert set(components) == {"U[0,0]", "U[0,1]", "U[1,0]", "U[1,1]", "V[0,0]", "V[0,1]", "V[1,0]", "V[1,1]"}
    assert verify(FACTORISATION, VectorField(components)).verdict == "proved"


def test_a_field_of_entries():
    components = read_components("U[0, 0]: U[0,0]; V[0,0]: -V[0,0]", FACTORISATION, "--field")
    assert components == {"U[0,0]": "U[0,0]", "V[0,0]": "-V[0,0]"}


def test_moving_data_may_be_moved():
    loss = Loss.parse("(x - Y)**2", ["x"], data={"Y": {"shape": [], "moves": True}})
    assert read_components("x: 1; Y: 1", loss, "--field") == {"x": "1", "Y": "1"}


def test_the_time_is_a_symbol_of_an_action_only():
    assert read_components("x: x*exp(t)", ELLIPSE, "--action", time="t") == {"x": "x*exp(t)"}
    with pytest.raises(InputError, match="'t'"):
        read_components("x: x*exp(t)", ELLIPSE, "--field")


def test_a_loss_with_the_name_of_the_time_is_refused():
    with pytest.raises(InputError, match="the name 't'"):
        read_components("t: t", Loss.parse("t**2"), "--action", time="t")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("z: 1", "the component of z"),
        ("x[0]: 1", "x"),
        ("x: z", "'z'"),
        ("x: x^2", "column 2"),
        ("x: __import__('os')", "the component of x"),
        ("x: [1, 2]", r"shape \[2\]"),
    ],
)
def test_what_is_no_component_is_refused_with_its_place(text, named):
    with pytest.raises(InputError, match=named) as caught:
        read_components(text, ELLIPSE, "--field")
    assert "--field" in caught.value.what


@pytest.mark.parametrize("text", ["U: 1", "U: [1, 2]", "U[5,5]: 1", "Y: Y", "U: U; U[0,0]: 1"])
def test_what_does_not_fit_a_matrix_is_refused(text):
    with pytest.raises(InputError):
        read_components(text, FACTORISATION, "--field")
