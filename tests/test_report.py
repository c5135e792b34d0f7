"""The report: one page that needs nothing else, and says what the object for programs says."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from types import NoneType

import pytest

from symmetries import Loss, derive
from symmetries.catalog import find
from symport.formulas import latex_field, latex_products, short_field, tidy, unicode_products
from symport.mathml import mathml
from symport.matrix_form import products
from symport.payloads import derive_payload
from symport.pictures import draw
from symport.report import Study, render
from symport.spec import Spec

VOID = {"meta", "img", "br", "link", "input", "hr"}
VERDICT = {"proved", "measured", "refuted", "undecided"}


def study_of(loss: Loss, *, title: str = "") -> Study:
    algebra = derive(loss)
    payload = {"version": "1", "seconds": 0.5, "derive": derive_payload(algebra)}
    spec = Spec(loss=loss, title=title, slug="loss", ansatz=loss.ansatz)
    return Study(spec=spec, algebra=algebra, certificate=algebra.certificate, payload=payload, pictures=draw(algebra))


class Page(HTMLParser):
    """Every tag is closed; what the page refers to is collected."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in ("src", "href", "action", "data", "poster")]
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


NAMES = ["rosenbrock", "matrix-factorisation", "softmax-network", "attention", "homogeneous-network", "beale"]


@pytest.mark.parametrize("name", [*NAMES, "ellipse-constants", "moving-data", "tensor-factorisation", "quadratic"])
def test_the_page_needs_nothing_else(name):
    entry = find(name)
    text = render(study_of(entry.loss, title=entry.title))
    page = Page(text)
    assert {reference.partition(":")[0] for reference in page.references} == {"data"}
    assert not re.search(r"https?:", text)
    assert not re.search(r"url\(|@import|<script|<link", text)
    assert entry.title in page.text
    assert "<code>\\" not in text, "some LaTeX was not set"


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_every_generator(name):
    study = study_of(find(name).loss)
    text = render(study)
    listing = text.partition("generators in LaTeX")[2]
    assert len(re.findall(r"^(?:<pre>|.*<pre>)?X_\{", listing, flags=re.MULTILINE)) == study.algebra.dimension
    rows = set(re.findall(r'<td class="name"><math><msub><mi>X</mi><mn>(\d+)</mn></msub></math></td>', text))
    assert rows == {str(k + 1) for k in range(study.algebra.dimension)}


def test_many_generators_are_all_there():
    study = study_of(Loss.parse("sum(w**2)", {"w": (9,)}))
    assert study.algebra.dimension == 36
    page = Page(render(study))
    assert "12 more generators" in page.text


def test_the_page_says_what_was_found():
    page = Page(render(study_of(find("softmax-network").loss)))
    for part in (
        "22",
        "null directions",
        "under the assumptions below",
        "20 generators of the form f(θ) v",
        "assuming that",
    ):
        assert part in page.text
    page = Page(render(study_of(find("beale").loss)))
    assert "It is proved that there is none" in page.text


def test_the_page_tells_when_the_list_may_be_incomplete():
    study = study_of(find("ellipse").loss)
    claim = replace(study.algebra.completeness, verdict="undecided", reason="a block was left open")
    text = Page(render(replace(study, algebra=replace(study.algebra, completeness=claim)))).text
    assert "Whether there are more is undecided" in text
    assert "a block was left open" in text


def test_the_page_tells_of_symmetries_outside_the_ansatz():
    loss = Loss.parse("(y - v@(W@x)**2)**2", {"W": (3, 2), "v": (3,)}, data={"x": (2,), "y": ()})
    assert "there is more" in render(study_of(loss))


def test_hostile_names_stay_text():
    name = "<script>alert(1)</script> $title \"&'"
    loss = Loss.parse("x**2 + y**2", name=name)
    text = render(study_of(loss, title=name))
    assert "<script" not in text
    assert name in Page(text).text


def test_the_page_is_the_same_each_time():
    assert render(study_of(find("booth").loss)) == render(study_of(find("booth").loss))


# the object


def check(payload, schema, place="derive"):
    """A small schema: a type, a set of values, a list of one schema, or an object."""
    if isinstance(schema, dict):
        assert isinstance(payload, dict), place
        assert set(schema) <= set(payload), (place, set(schema) - set(payload))
        for key, inner in schema.items():
            check(payload[key], inner, f"{place}.{key}")
    elif isinstance(schema, list):
        assert isinstance(payload, list), place
        for number, item in enumerate(payload):
            check(item, schema[0], f"{place}[{number}]")
    elif isinstance(schema, set):
        assert payload in schema, place
    else:
        assert isinstance(payload, schema), (place, payload)


CLAIM = {"statement": str, "verdict": VERDICT, "reason": str, "assumptions": [str], "evidence": dict}
DERIVE = {
    "loss": {"formula": str, "parameters": dict, "data": dict},
    "ansatz": str,
    "dimension": int,
    "null_directions": int,
    "essential_dimension": int,
    "generators": [{"field": dict, "verdict": VERDICT}],
    "closed": bool,
    "algebra": {
        "name": (str, NoneType),
        "synonyms": [str],
        "abelian": (bool, NoneType),
        "solvable": (bool, NoneType),
        "nilpotent": (bool, NoneType),
        "semisimple": (bool, NoneType),
        "killing_signature": (list, NoneType),
        "levi": (dict, NoneType),
    },
    "essential": {"dimension": int, "name": (str, NoneType)},
    "completeness": CLAIM,
}


@pytest.mark.parametrize("name", [*NAMES, "least-squares-deficient", "matrix-completion"])
def test_the_object_keeps_its_schema(name):
    loss = find(name).loss
    payload = derive_payload(derive(loss))
    check(payload, DERIVE)
    assert payload["dimension"] == len(payload["generators"]) == find(name).dimension
    assert all(isinstance(length, int) for shape in payload["loss"]["parameters"].values() for length in shape)
    for generator in payload["generators"]:
        assert set(generator["field"]) <= {*loss.entries, *loss.moving_entries}
        for formula in generator["field"].values():
            assert loss.read(formula).shape == ()


# formulas


def test_matrix_fields_are_products():
    loss = find("matrix-factorisation").loss
    fields = derive(loss).generators
    shown = [unicode_products(products(loss, field)) for field in fields]
    assert shown[2:] == ["δU = U·E₀₁, δV = -E₀₁·V", "δU = U·E₁₀, δV = -E₁₀·V"]
    assert latex_products(loss, products(loss, fields[2])) == r"\delta U = U\, E_{01},\quad \delta V = -E_{01}\, V"


def test_a_skew_matrix_is_a_difference_of_units():
    loss = find("symmetric-factorisation").loss
    (field,) = derive(loss).generators
    assert unicode_products(products(loss, field)) == "δU = U·(E₁₀ - E₀₁)"


def test_fields_that_are_no_products_are_written_entry_by_entry():
    loss = Loss.parse("sum((U - 1)**2) * 0 + (U[0,0]*U[1,1])", {"U": (2, 2)})
    field = next(one for one in derive(loss).generators if set(one.components) == {"U[0,0]", "U[1,1]"})
    assert products(loss, field) is None
    assert short_field(loss, field) in ("U₀₀ ∂U₀₀ - U₁₁ ∂U₁₁", "-U₀₀ ∂U₀₀ + U₁₁ ∂U₁₁")


def test_rosenbrock_in_latex():
    loss = find("rosenbrock").loss
    (field,) = derive(loss).generators
    assert latex_field(loss, field) == (
        r"\left(-100 x^{2} + 100 y\right)\,\partial_{x} "
        r"{} + \left(-200 x^{3} + 200 x y - x + 1\right)\,\partial_{y}"
    )


def test_a_subscript_below_a_subscript_is_in_braces():
    assert tidy(r"W_{1}_{0, 1}^{2}") == r"{W_{1}}_{01}^{2}"


@pytest.mark.parametrize(
    ("latex", "inside"),
    [
        ("x^{2}", "<msup><mi>x</mi><mn>2</mn></msup>"),
        (r"{W_{1}}_{01}", "<msub><msub><mi>W</mi><mn>1</mn></msub><mn>01</mn></msub>"),
        (r"U_{1}^{\top}", "<msubsup><mi>U</mi><mn>1</mn><mo>⊤</mo></msubsup>"),
        (r"\theta", "<mi>θ</mi>"),
        (r"\mathrm{rate\_1}", '<mi mathvariant="normal">rate_1</mi>'),
        (r"\begin{bmatrix}1 & 2 \\ 3 & 4\end{bmatrix}", "<mtr><mtd><mn>3</mn></mtd><mtd><mn>4</mn></mtd></mtr>"),
        (r"x < y", "<mo>&lt;</mo>"),
    ],
)
def test_latex_becomes_mathml(latex, inside):
    assert inside in mathml(latex)


@pytest.mark.parametrize("latex", [r"\unknown{x}", "{x", "x}", "^2", r"\begin{array}1\end{array}", "{" * 5000])
def test_latex_that_is_not_known_is_shown_as_text(latex):
    assert mathml(latex).startswith("<code>")
