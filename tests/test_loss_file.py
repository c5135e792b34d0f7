"""Loss files: what they declare, exactly, and the files that are refused, with the place."""

import tracemalloc
from fractions import Fraction

import pytest

from manifolds import InputError
from symmetries import Data, Loss
from symmetries.formula import FormulaError
from symmetries.loss_file import LARGEST, read_declaration

WHOLE = """
name = "matrix factorisation"
loss = "sum((Y - U@V)**2) + c*x"
ansatz = "linear"
[parameters]
U = [3, 2]
V = [2, 4]
x = []
[constants]
c = []
[data]
Y = [3, 4]
[at]
U = [[1, 0], [0.1, "1/3"], [2e-3, -1]]
x = -1
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "loss.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_file_declares_a_loss(write):
    loss = Loss.from_file(write(WHOLE))
    assert (loss.name, loss.ansatz, loss.constants) == ("matrix factorisation", "linear", ("c",))
    assert loss.parameters == {"U": (3, 2), "V": (2, 4), "x": ()}
    assert loss.data == {"Y": Data((3, 4))}
    third = Fraction(1, 3)
    assert loss.at == {"U": ((1, 0), (Fraction(1, 10), third), (Fraction(1, 500), -1)), "x": Fraction(-1)}
    assert loss == Loss.parse(
        "sum((Y - U@V)**2) + c*x",
        {"U": (3, 2), "V": (2, 4), "x": ()},
        data={"Y": (3, 4)},
        constants=["c"],
        name="matrix factorisation",
        ansatz="linear",
    ).with_point({"U": [[1, 0], ["0.1", "1/3"], ["0.002", -1]], "x": -1})


def test_a_path_may_be_text(write):
    assert Loss.from_file(str(write('loss = "x**2"'))).entries == ("x",)


@pytest.mark.parametrize(
    ("line", "data"),
    [
        ("Y = [2, 3]", Data((2, 3))),
        ("Y = []", Data(())),
        ("Y = {shape = [2, 3], moves = true}", Data((2, 3), moves=True)),
        ("Y = [[1, 2.0000001], [1e-13, -3]]", Data.given([["1", "20000001/10000000"], ["1/10000000000000", "-3"]])),
        ("Y = [0.5, 1]", Data.given(["1/2", 1])),
        ("Y = {values = [0, 1, 2]}", Data.given([0, 1, 2])),
        ("Y = 0.1", Data.given("1/10")),
        ('Y = ["1", "2/3"]', Data.given([1, "2/3"])),
    ],
)
def test_data(write, line, data):
    loss = Loss.from_file(write(f'loss = "x*sum(Y)"\n[parameters]\nx = []\n[data]\n{line}\n'))
    assert loss.data == {"Y": data}


def test_without_a_table_of_parameters_every_other_name_is_one(write):
    loss = Loss.from_file(write('loss = "(a*x - y)**2"\nconstants = ["a"]\n'))
    assert (list(loss.parameters), loss.constants) == (["x", "y"], ("a",))


@pytest.mark.parametrize(
    ("text", "named", "advice"),
    [
        ("name = 'n'", "no loss", "loss ="),
        ("loss = 3", "no loss", "loss ="),
        ('loss = "x"\nlosss = "y"', "'losss'", "parameters"),
        ('loss = "x"\nU = [3, 2]', "'U'", "[parameters]"),
        ('loss = "x"\nparameters = 3', "parameters is 3", "[parameters]"),
        ('loss = "x"\nat = true', "at is True", "[at]"),
        ('loss = "x\n', "no TOML", "correct"),
        ('loss = "x"\nloss = "y"', "no TOML", "correct"),
        ('loss = "x"\n[data]\nY = [2]\nY = [3]', "no TOML", "correct"),
        ('loss = "x"\n[parameters]\nx = []\n[data]\nx = []', "'x' is a parameter and data", "rename"),
        ('loss = "x"\n[parameters]\nx = []\n[constants]\nx = []', "'x' is a parameter and a constant", "rename"),
        ('loss = "x"\n[parameters]\nx = [-1]', "[-1]", "[3]"),
        ('loss = "x"\n[parameters]\nx = [1.5]', "1.5", "[3]"),
        ('loss = "x"\n[parameters]\nx = "3"', "'3'", "[3]"),
        ('loss = "x"\n[parameters]\nx = {shape = [3]}', "shape", "[3]"),
        ('loss = "x"\n[parameters]\n"x y" = []', "'x y'", "rename"),
        ('loss = "x"\n[parameters]\nexp = []', "'exp'", "rename"),
        ('loss = "x"\n[parameters]\nx = []\n[data]\nY = [[1, nan]]', "'Y'", "decimals"),
        ('loss = "x"\n[parameters]\nx = []\n[data]\nY = [[1, inf]]', "'Y'", "decimals"),
        ('loss = "x"\n[parameters]\nx = []\n[data]\nY = [[1, -inf]]', "'Y'", "decimals"),
        ('loss = "x"\n[parameters]\nx = []\n[data]\nY = [[1, 1e999999999]]', "'Y'", "decimals"),
        ('loss = "x"\n[parameters]\nx = []\n[data]\nY = [[1], [1, 2]]', "'Y'", "same length"),
        ('loss = "x"\n[parameters]\nx = []\n[data]\nY = [[true]]', "'Y'", "decimals"),
        ('loss = "x"\n[parameters]\nx = []\n[data]\nY = 1979-05-27', "'Y'", "decimals"),
        ('loss = "x"\n[parameters]\nx = []\n[data]\nY = {shape = [2], move = true}', "'move'", "shape"),
        ('loss = "x"\n[parameters]\nx = []\n[constants]\nc = [2]', "'c'", "each entry"),
        ('loss = "x"\n[parameters]\nx = []\n[at]\ny = 1', "'y'", "use x"),
        ('loss = "x"\n[parameters]\nx = []\n[at]\nx = [1.5]', "'x'", "agree"),
        ('loss = "x"\nansatz = "cubic"', "'cubic'", "polynomial:3"),
        ('loss = "x"\nname = 3', "3", "string"),
        ('loss = "w"\n[parameters]\nw = [3]', "not a scalar", "sum"),
        ('loss = "3"', "no parameters", "at least one"),
        ('loss = "x"\n[parameters]\n', "no parameters", "at least one"),
        (b'loss = "\xff"', "no text", "UTF-8"),
        (b"\x00", "no TOML", "correct"),
        (b"", "no loss", "loss ="),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(write, text, named, advice):
    path = write(text)
    with pytest.raises(InputError) as caught:
        Loss.from_file(path)
    assert named in caught.value.what
    assert path.name in caught.value.what
    assert advice in caught.value.cure
    assert caught.value.why


def test_toml_errors_say_where(write):
    with pytest.raises(InputError) as caught:
        Loss.from_file(write('loss = "x"\n[parameters]\nx = [\n'))
    assert "line" in caught.value.why or "end of document" in caught.value.why


def test_formula_errors_keep_their_column(write):
    path = write('loss = "x + y^2"')
    with pytest.raises(FormulaError) as caught:
        Loss.from_file(path)
    assert (caught.value.column, caught.value.word) == (6, "^")
    assert path.name in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path, "a\0b"):
        with pytest.raises(InputError, match="cannot be opened"):
            Loss.from_file(path)


def test_a_file_that_is_too_large_is_not_read(write):
    path = write(b"")
    with path.open("r+b") as file:
        file.truncate(10 * LARGEST)
    tracemalloc.start()
    with pytest.raises(InputError, match="too large"):
        Loss.from_file(path)
    assert tracemalloc.get_traced_memory()[1] < 3 * LARGEST
    tracemalloc.stop()


def test_decimals_are_not_rounded():
    declaration = read_declaration('loss = "x"\n[at]\nx = 0.1000000000000000000000000000001')
    assert Fraction(declaration["at"]["x"]) == Fraction(10**30 + 1, 10**31)
