"""No formula and no loss file runs code, hangs, eats memory, or fails with anything but the error of bad input."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from manifolds import InputError
from symmetries import Loss
from symmetries.formula import read_formula
from symmetries.loss_file import read_declaration
from symmetries.printing import formula_text

SHAPES = {"x": (), "y": (), "w": (5,), "U": (3, 2), "A": (3, 3)}
SECONDS = 3.0
"""What one short input may take; it takes milliseconds, so only what grows out of bounds is caught."""

WORDS = [
    *("x y w U A foo __import__ __class__ os e pi sum sin where Piecewise Max eye ones zeros kron outer diag").split(),
    *("reshape concatenate softmax det inv cross_entropy Heaviside axis keepdims shape True False None lambda").split(),
    *("if else for in and or not is await yield async print eval exec open getattr globals U_0_1 w_9 np.exp").split(),
    *("0 1 2 1/3 1e-13 1e9999 1e999999999 0x1f 1_0 3j 007 9**9 10**9 99999999999999999999 .5 5. 1..2 -1").split(),
    *("( ) [ ] { } + - * / ** @ // % ^ & | ~ << >> < > <= >= == != := = , : ; . .T .T.T .__class__ .real").split(),
    *("' \" ''' f' b' \\ # ? $ ! ` ... -> => <> \0 \x1b \ud800 \u202e ｘ 𝐱 е − × ² ′ ″ １ ⁰ ﹙ （ ）").split(" "),
    *("x.__class__.__mro__[1].__subclasses__() __import__('os').system('true') (lambda:0)() [i]*10**9").split(),
    *("ones((10**9,)) eye(10**5) reshape(w,(10**9,-1)) w[10**30] w[::10**30] x**10**10 9**9**9**9 2**x**x").split(),
    *("\n \t \r \x0c \u2028 \u00a0").split(" "),
]


def check(error: InputError) -> None:
    """The error has three parts, and it can be shown."""
    assert all((error.what, error.why, error.cure))
    assert len(str(error)) < 2000
    str(error).encode("utf-8", "backslashreplace")


def check_formula(text: str) -> None:
    """Read a formula: it is read, and then it can be written, or it is refused in three parts and a column."""
    started = time.perf_counter()
    try:
        formula_text(read_formula(text, SHAPES))
    except InputError as error:
        check(error)
    assert time.perf_counter() - started < SECONDS


relaxed = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
@example("ones((10**9,))")
@example("9**9**9**9")
@example("((((((((((((((((((((x")
@example("x.__class__.__mro__")
def test_words_glued_together(text):
    check_formula(text)


@relaxed
@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))
def test_words_in_a_row(text):
    check_formula(text)


@relaxed
@given(st.text(max_size=60))
def test_any_text(text):
    check_formula(text)


VALID = (
    "sum((U@[[1,2],[3,4]] - where(U > x, U, y)[:, ::-1])**2, axis=0)[0] "
    "+ Max(x, w_3, log1p(y)/3e-2) - -A.T[1, 2]**(-1/2)"
)


@relaxed
@given(st.data())
def test_a_formula_with_parts_cut_out_doubled_or_exchanged(data):
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        text = text[:start] + data.draw(st.sampled_from([*WORDS, "", text[start:end] * 2])) + text[end:]
    check_formula(text)


def test_the_formula_that_is_cut_up_is_read():
    assert read_formula(VALID, SHAPES).shape == ()


def nest(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    forms = ["kron({0},{1})", "outer({0},{1})", "concatenate([{0},{1}])", "[{0},{1}]", "({0}@{1})", "{0}*{1}"]
    forms += ["reshape({0},(-1,1))", "reshape({0},(1,-1))*reshape({1},(-1,1))", "det({0})", "{0}[None]", "{0}.T+{1}"]
    return st.builds(lambda form, a, b: form.format(a, b), st.sampled_from(forms), inner, inner)


@relaxed
@given(st.recursive(st.sampled_from(["w", "U", "A", "x"]), nest, max_leaves=30))
def test_nested_products_do_not_explode(text):
    check_formula(text)


LINES = [
    'loss = "x**2 + sum(U)"',
    'loss = "__import__(1)"',
    "loss = 3",
    "name = 'n'",
    'ansatz = "linear"',
    'ansatz = "polynomial:99999"',
    "[parameters]",
    "[data]",
    "[constants]",
    "[at]",
    "[[data]]",
    "[data.Y]",
    "[__proto__]",
    "x = []",
    "x = [3]",
    "U = [2, 3]",
    "U = [1000000000, 1000000000]",
    "U = [[1, 2], [3, 4]]",
    "U = [[1, 2], [3]]",
    "Y = {shape = [2], moves = true}",
    "Y = {shape = [2], values = [1, 2, 3]}",
    "Y = {values = [[nan, inf]]}",
    "Y = [[1e999999999]]",
    "Y = 1e-999999999",
    "Y = 0xffffffffffffffffffffffffffffffffff",
    "Y = 1979-05-27",
    "Y = " + "[" * 300 + "]" * 300,
    "Y = " + "{a=" * 300,
    "Y = " + "9" * 5000,
    ".".join("abcdefghijklmnopqrstuvwxyz") + " = 1",
    '"a b" = []',
    '"" = []',
    "exp = []",
    "lambda = []",
    "moves = true",
    "\x00",
    "= 3",
]


def check_file(text: str) -> None:
    """Read a loss file: it is read, and its loss written and read again, or it is refused in three parts."""
    started = time.perf_counter()
    try:
        loss = Loss.from_dict(read_declaration(text))
        assert Loss.from_dict(loss.to_dict()) == loss
    except InputError as error:
        check(error)
    assert time.perf_counter() - started < SECONDS


@relaxed
@given(st.lists(st.sampled_from(LINES), max_size=12).map("\n".join))
def test_lines_of_loss_files_in_any_order(text):
    check_file(text)


@relaxed
@given(st.text(max_size=80).map(lambda text: 'loss = "x"\n' + text))
def test_any_file(text):
    check_file(text)


@relaxed
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=3)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
        max_leaves=6,
    ),
    st.sampled_from(["name", "formula", "parameters", "data", "constants", "ansatz", "at"]),
)
def test_any_declaration(value, key):
    for declaration in ({"formula": "x", key: value}, {"formula": "x + sum(Y)", "data": {"Y": value}}):
        try:
            loss = Loss.from_dict(declaration)
        except InputError as error:
            check(error)
        else:
            assert Loss.from_dict(loss.to_dict()) == loss


WATCH = """
import sys
seen = []
watching = False

def hook(event, arguments):
    if watching and event.split(".")[0] in ("exec", "import", "open", "os", "subprocess", "socket", "ctypes", "shutil"):
        seen.append(event)

import symmetries.formula
from manifolds import InputError
from symmetries import Loss
sys.addaudithook(hook)
texts = sys.stdin.read().split("\\x01")
for text in texts:  # what is imported late is imported now
    try:
        Loss.parse(text)
    except InputError:
        pass
watching = True
for text in texts:
    try:
        Loss.parse(text)
    except InputError:
        pass
assert not seen, seen
eval("1")
watching = False
assert seen == ["exec"], seen
print("quiet")
"""


def test_nothing_is_run_imported_or_opened():
    texts = [word for word in WORDS if word.isprintable()] + [VALID, "x**2", "eval('1')", "open('f')", "exec"]
    done = subprocess.run(
        [sys.executable, "-c", WATCH], input="\x01".join(texts), capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "quiet", done.stderr


SIZE = 120_000
LONG = {
    "sum": "+".join(["x"] * (SIZE // 2)),
    "product": "*".join(["x"] * (SIZE // 2)),
    "quotient": "/".join(["x"] * (SIZE // 2)),
    "matrix product": "@".join(["A"] * (SIZE // 2)),
    "entries": "+".join(["U[0,1]"] * (SIZE // 7)),
    "roots of long numbers": "+".join(["(7**1100)**(1/2)"] * (SIZE // 17)),
    "long fractions": "+".join(["7**1100/3**2000"] * (SIZE // 16)),
    "fractions": "+".join(f"1/{number}" for number in range(1, SIZE // 7)),
    "deep calls": "+".join(["sin(" * 190 + "x" + ")" * 190] * (SIZE // 1000)),
    "open brackets": "(" * SIZE,
    "open squares": "[" * SIZE,
    "open calls": "f(" * SIZE,
    "closed brackets": "(" * SIZE + ")" * SIZE,
    "signs": "-" * SIZE + "x",
    "powers": "**".join(["x"] * (SIZE // 3)),
    "transposes": "x" + ".T" * SIZE,
    "indices": "w" + "[0]" * SIZE,
    "calls": "x" + "()" * SIZE,
    "comparisons": "where(" + "<".join(["x"] * SIZE) + ",1,2)",
    "slices": "+".join(["sum(w[1:3])"] * (SIZE // 12)),
    "identities": "+".join(["sum(eye(1000))"] * (SIZE // 15)),
    "ones": "+".join(["sum(ones((10**6,)))"] * (SIZE // 20)),
    "list": "[" + "1," * SIZE + "1]",
    "lists": "sum([" + ",".join("[" + "1," * 999 + "1]" for _ in range(SIZE // 2000)) + "])",
    "arguments": "Max(" + "x," * SIZE + "x)",
    "keywords": "sum(" + "axis=0," * SIZE + "x)",
    "krons": "kron(" * 100 + "A" + ",A)" * 100,
    "outers": "outer(" * 100 + "w" + ",w)" * 100,
    "doubled": "concatenate([" * 90 + "w" + ",w])" * 90,
    "digits": "1" * SIZE,
    "decimals": "0." + "1" * SIZE,
    "name": "a" * SIZE,
    "letters": "α" * SIZE,
    "spaces": " " * SIZE,
    "lines": "x\n+" * (SIZE // 3) + "x",
    "commas": "," * SIZE,
    "colons": "w[" + ":" * SIZE + "]",
    "quotes": "'" * SIZE,
    "zeros": "\0" * SIZE,
    "unknown names": "+".join(f"q{number}" for number in range(SIZE // 7)),
    "half a pair": "x+" * (SIZE // 2),
}

LONG_FILES = {
    "dots": "a" + ".a" * SIZE + "=1",
    "quoted dots": '"a"' + '."a"' * SIZE + "=1",
    "arrays": "a=" + "[" * SIZE + "]" * SIZE,
    "tables": "a=" + "{a=" * SIZE,
    "digits": "a=" + "9" * SIZE,
    "words": "a " * SIZE,
    "lines": "\n" * SIZE,
    "quotes": '"a' * SIZE,
    "headers": "[[a]]\n" * (SIZE // 6),
    "numbers": 'loss="x"\n[parameters]\nx=[]\n[data]\nY=[[' + "1e-999," * (SIZE // 7) + "1]]",
}

LIMITED = """
import resource, sys, time
from manifolds import InputError
from symmetries import Loss
from symmetries.formula import read_formula
from symmetries.loss_file import read_declaration
sys.path.insert(0, sys.argv[2])
from test_reader_is_safe import LONG, LONG_FILES, SHAPES
pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (pages + (600 << 20),) * 2)
name = sys.argv[1]
for title, text in (LONG if name == "formulas" else LONG_FILES).items():
    started = time.perf_counter()
    try:
        if name == "formulas":
            read_formula(text, SHAPES)
        else:
            Loss.from_dict(read_declaration(text))
    except InputError as error:
        assert error.why and error.cure and len(str(error)) < 2000, title
    seconds = time.perf_counter() - started
    assert seconds < 20, (title, seconds)
print("all refused or read")
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited through Linux's /proc")
@pytest.mark.parametrize("name", ["formulas", "files"])
def test_long_input_takes_bounded_time_and_memory(name):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), name, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.strip() == "all refused or read", done.stderr[-2000:]


@pytest.mark.parametrize("title", ["sum", "product", "quotient", "entries", "lines", "deep calls", "slices"])
def test_what_is_long_and_harmless_is_read(title):
    assert read_formula(LONG[title], SHAPES).shape == ()


def test_a_caller_deep_in_its_own_recursion_gets_an_answer_or_the_error():
    def deep(levels: int) -> object:
        return read_formula("(x + 1)*(y + (2 - x))", SHAPES) if not levels else deep(levels - 1)

    assert deep(sys.getrecursionlimit() // 2)
