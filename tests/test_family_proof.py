"""Theorems for every size: the true ones are proved in a tenth of a second, the false ones refuted with numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest

from manifolds.errors import InputError
from symmetries import compile_loss, verify
from symmetries.sizes.family import LossFamily
from symmetries.sizes.family_instance import member, random_letters, sizes_of, written_out
from symmetries.sizes.family_proof import move, prove_family, random_point, small_sizes, value_at
from symmetries.sizes.family_structure import monomial
from symmetries.sizes.matrix_field import FamilyAction, FamilyField, decide

LIMIT = 0.1
"""Seconds that a proof may take."""


@dataclass(frozen=True)
class Case:
    formula: str
    parameters: dict
    data: dict
    components: dict
    letters: dict

    @property
    def family(self) -> LossFamily:
        return LossFamily.parse(self.formula, self.parameters, data=self.data)

    @property
    def field(self) -> FamilyField:
        return FamilyField(self.components, self.letters)


G, A, D, T, C = {"S": "generic"}, {"S": "skew"}, {"D": "diagonal"}, {"t": "scalar"}, {"c": "generic"}
MF = {"U": ("n", "k"), "V": ("k", "m")}
Y = {"Y": ("n", "m")}
NET = {"W1": ("p", "h"), "b": ("h",), "W2": ("h", "q"), "c": ("q",)}
XY = {"X": ("N", "p"), "Y": ("N", "q")}
HEADS = {"Q": ("p", "d"), "K": ("p", "d"), "V": ("p", "f"), "O": ("f", "q")}
ATTENTION = "softmax(X@Q@K.T@X.T/2, axis=1)@X@V@O"
TWO = {
    f"{name}{k}": (shape[0], f"{shape[1]}{k}")
    for k in (1, 2)
    for name, shape in {"Q": ("p", "d"), "K": ("p", "d")}.items()
}
TWO |= {"V1": ("p", "f1"), "V2": ("p", "f2"), "O1": ("f1", "q"), "O2": ("f2", "q")}
TWO_HEADS = " + ".join(f"softmax(X@Q{k}@K{k}.T@X.T, axis=1)@X@V{k}@O{k}" for k in (1, 2))


def batch_norm(z: str, eps: str = "") -> str:
    centred = f"({z} - mean({z}, axis=0))"
    return f"{centred}/sqrt(mean({centred}**2, axis=0){eps})"


def layer_norm(z: str, eps: str = "") -> str:
    centred = f"({z} - mean({z}, axis=1, keepdims=True))"
    return f"{centred}/sqrt(mean({centred}**2, axis=1, keepdims=True){eps})"


COSINE = "((A@W)@(B@W).T)/sqrt(sum((A@W)**2, axis=1, keepdims=True))/sqrt(sum((B@W)**2, axis=1))"
WEIGHT_NORM = "W/sqrt(sum(W**2, axis=1, keepdims=True))"

TRUE = {
    "factorisation, gl": Case("sum((Y - U@V)**2)", MF, Y, {"U": "-U@S", "V": "S@V"}, G),
    "factorisation with decay, so": Case(
        "sum((Y - U@V)**2) + 0.1*sum(U**2) + 0.1*sum(V**2)", MF, Y, {"U": "-U@S", "V": "S@V"}, A
    ),
    "norm of a factorisation": Case("norm(Y - U@V) + norm(U)", MF, Y, {"U": "-U@S", "V": "S@V"}, A),
    "three layers": Case(
        "mean((Y - X@A@B@C)**2)",
        {"A": ("p", "k"), "B": ("k", "l"), "C": ("l", "q")},
        XY,
        {"A": "-A@S", "B": "S@B - B@R", "C": "R@C"},
        {"S": "generic", "R": "generic"},
    ),
    "four layers": Case(
        "sum((Y - X@A@B@C@F)**2)",
        {"A": ("p", "k"), "B": ("k", "l"), "C": ("l", "r"), "F": ("r", "q")},
        XY,
        {"C": "-C@S", "F": "S@F"},
        G,
    ),
    "relu": Case(
        "mean((Y - relu(X@W1 + b)@W2 - c)**2)", NET, XY, {"W1": "W1@D", "b": "D@b", "W2": "-D@W2"}, D
    ),
    "leaky relu": Case(
        "mean((Y - leaky_relu(X@W1 + b, 1/10)@W2 - c)**2)", NET, XY, {"W1": "W1@D", "b": "D@b", "W2": "-D@W2"}, D
    ),
    "relu squared": Case(
        "mean((Y - relu(X@W1 + b)**2@W2 - c)**2)", NET, XY, {"W1": "W1@D", "b": "D@b", "W2": "-2*D@W2"}, D
    ),
    "absolute values": Case("sum((Y - abs(X@W1 + b)@W2)**2)", NET, XY, {"W1": "W1@D", "b": "D@b", "W2": "-D@W2"}, D),
    "deep relu": Case(
        "mean((Y - relu(relu(X@A)@B)@C)**2)",
        {"A": ("p", "k"), "B": ("k", "l"), "C": ("l", "q")},
        XY,
        {"A": "A@D", "B": "-D@B + B@E", "C": "-E@C"},
        {"D": "diagonal", "E": "diagonal"},
    ),
    "cross entropy network": Case(
        "cross_entropy(relu(X@W1 + b)@W2 + c, Y)", NET, XY, {"W1": "W1@D", "b": "D@b", "W2": "-D@W2"}, D
    ),
    "queries and keys": Case(f"sum((Y - {ATTENTION})**2)", HEADS, XY, {"Q": "Q@S", "K": "-K@S.T"}, G),
    "values and outputs": Case(f"sum((Y - {ATTENTION})**2)", HEADS, XY, {"V": "V@S", "O": "-S@O"}, G),
    "two heads": Case(
        f"mean((Y - {TWO_HEADS})**2)",
        TWO,
        XY,
        {"Q2": "Q2@S", "K2": "-K2@S.T", "V1": "V1@R", "O1": "-R@O1"},
        G | {"R": "generic"},
    ),
    "residual block": Case(
        "sum((Y - (X + relu(X@A)@B)@C)**2)",
        {"A": ("p", "h"), "B": ("h", "p"), "C": ("p", "q")},
        XY,
        {"A": "A@D", "B": "-D@B"},
        D,
    ),
    "softmax, shift of a row": Case(
        "cross_entropy(X@W + b, Y)", {"W": ("p", "q"), "b": ("q",)}, XY, {"W": "c@ones.T", "b": "t*ones"}, C | T
    ),
    "softmax of squares": Case(
        "sum((Y - softmax(X@W, axis=1))**2)", {"W": ("p", "q")}, XY, {"W": "c@ones.T"}, C
    ),
    "batch norm, scale": Case(
        f"mean((Y - relu({batch_norm('(X@W + b)')})@V)**2)",
        {"W": ("p", "h"), "b": ("h",), "V": ("h", "q")},
        XY,
        {"W": "W@D", "b": "D@b"},
        D,
    ),
    "batch norm, shift": Case(
        f"mean((Y - relu({batch_norm('(X@W + b)')})@V)**2)",
        {"W": ("p", "h"), "b": ("h",), "V": ("h", "q")},
        XY,
        {"b": "c"},
        C,
    ),
    "batch norm with eps, shift": Case(
        f"mean((Y - relu({batch_norm('(X@W + b)', ' + 1/1000')})@V)**2)",
        {"W": ("p", "h"), "b": ("h",), "V": ("h", "q")},
        XY,
        {"b": "c"},
        C,
    ),
    "layer norm, scale and shift": Case(
        f"mean((Y - ({layer_norm('(X@W)')})@V)**2)",
        {"W": ("p", "h"), "V": ("h", "q")},
        XY,
        {"W": "t*W + c@ones.T"},
        T | C,
    ),
    "root mean square norm": Case(
        "mean((Y - ((X@W)/sqrt(mean((X@W)**2, axis=1, keepdims=True)))@V)**2)",
        {"W": ("p", "h"), "V": ("h", "q")},
        XY,
        {"W": "t*W"},
        T,
    ),
    "weight norm": Case(
        f"sum((Y - ({WEIGHT_NORM})@X)**2)", {"W": ("n", "k")}, {"X": ("k", "m"), "Y": ("n", "m")}, {"W": "D@W"}, D
    ),
    "symmetric factorisation": Case("sum((Y - U@U.T)**2)", {"U": ("n", "k")}, {"Y": ("n", "n")}, {"U": "U@S"}, A),
    "tied autoencoder": Case("sum((X - X@W@W.T)**2)", {"W": ("p", "k")}, {"X": ("N", "p")}, {"W": "W@S"}, A),
    "bilinear, three factors": Case(
        "sum((Y - A@G@B.T)**2)",
        {"A": ("n", "k"), "G": ("k", "l"), "B": ("m", "l")},
        Y,
        {"A": "A@S", "G": "-S@G + G@R", "B": "-B@R.T"},
        {"S": "generic", "R": "generic"},
    ),
    "singular values": Case(
        "sum((Y - U@diag(s)@V)**2)",
        MF | {"s": ("k",)},
        Y,
        {"U": "U@D", "s": "-D@s - E@s", "V": "E@V"},
        D | {"E": "diagonal"},
    ),
    "contrastive": Case(
        f"cross_entropy({COSINE}/2, Y)",
        {"W": ("p", "k")},
        {"A": ("N", "p"), "B": ("N", "p"), "Y": ("N", "N")},
        {"W": "W@S"},
        A,
    ),
    "inner product": Case("(y - u@v)**2", {"u": ("k",), "v": ("k",)}, {"y": ()}, {"u": "S@u", "v": "-S.T@v"}, G),
    "determinant": Case(
        "log(det(W.T@W)) + trace(inv(W.T@W)@B)", {"W": ("n", "k")}, {"B": ("k", "k")}, {"W": "S@W"}, A
    ),
    "a penalty on what is not orthogonal": Case(
        "sum((U.T@U - eye(k))**2)/n", {"U": ("n", "k")}, {}, {"U": "S@U - U@R"}, A | {"R": "skew"}
    ),
}  # fmt: skip

FALSE = {
    "factorisation, wrong sign": Case("sum((Y - U@V)**2)", MF, Y, {"U": "U@S", "V": "S@V"}, G),
    "factorisation, transposed": Case("sum((Y - U@V)**2)", MF, Y, {"U": "-U@S.T", "V": "S@V"}, G),
    "decay breaks gl": Case("sum((Y - U@V)**2) + sum(U**2)", MF, Y, {"U": "-U@S", "V": "S@V"}, G),
    "decay breaks scalings": Case(
        "mean((Y - relu(X@W1 + b)@W2 - c)**2) + sum(W1**2)", NET, XY, {"W1": "W1@D", "b": "D@b", "W2": "-D@W2"}, D
    ),
    "tanh": Case("mean((Y - tanh(X@W1 + b)@W2)**2)", NET, XY, {"W1": "W1@D", "b": "D@b", "W2": "-D@W2"}, D),
    "sigmoid": Case("mean((Y - sigmoid(X@W1 + b)@W2)**2)", NET, XY, {"W1": "W1@D", "b": "D@b", "W2": "-D@W2"}, D),
    "elu": Case("mean((Y - elu(X@W1 + b, 1)@W2)**2)", NET, XY, {"W1": "W1@D", "b": "D@b", "W2": "-D@W2"}, D),
    "relu, no diagonal": Case("mean((Y - relu(X@W1)@W2)**2)", NET, XY, {"W1": "W1@S", "W2": "-S@W2"}, G),
    "relu, no bias": Case("mean((Y - relu(X@W1 + b)@W2)**2)", NET, XY, {"W1": "W1@D", "W2": "-D@W2"}, D),
    "relu squared, wrong weight": Case("mean((Y - relu(X@W1)**2@W2)**2)", NET, XY, {"W1": "W1@D", "W2": "-D@W2"}, D),
    "keys without transpose": Case(f"sum((Y - {ATTENTION})**2)", HEADS, XY, {"Q": "Q@S", "K": "-K@S"}, G),
    "heads mixed": Case(
        f"mean((Y - {TWO_HEADS})**2)", TWO, XY, {"Q1": "Q1@S", "K1": "K1@S.T"}, G
    ),
    "residual linear layer": Case(
        "sum((Y - (X + X@A)@B)**2)", {"A": ("p", "p"), "B": ("p", "q")}, XY, {"A": "A@S", "B": "-S@B"}, G
    ),
    "softmax, shift of a column": Case(
        "cross_entropy(X@W + b, Y)", {"W": ("p", "q"), "b": ("q",)}, XY, {"b": "c"}, C
    ),
    "batch norm with eps, scale": Case(
        f"mean((Y - relu({batch_norm('(X@W + b)', ' + 1/10')})@V)**2)",
        {"W": ("p", "h"), "b": ("h",), "V": ("h", "q")},
        XY,
        {"W": "W@D", "b": "D@b"},
        D,
    ),
    "layer norm, scale of columns": Case(
        f"mean((Y - ({layer_norm('(X@W)')})@V)**2)",
        {"W": ("p", "h"), "V": ("h", "q")},
        XY,
        {"W": "W@D", "V": "-D@V"},
        D,
    ),
    "weight norm, other side": Case(
        f"sum((Y - ({WEIGHT_NORM})@X)**2)", {"W": ("n", "k")}, {"X": ("k", "m"), "Y": ("n", "m")}, {"W": "W@D"}, D
    ),
    "symmetric factorisation, gl": Case("sum((Y - U@U.T)**2)", {"U": ("n", "k")}, {"Y": ("n", "n")}, {"U": "U@S"}, G),
    "tied relu autoencoder": Case("sum((X - relu(X@W)@W.T)**2)", {"W": ("p", "k")}, {"X": ("N", "p")}, {"W": "W@S"}, A),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_true_statements_are_proved_at_once(name):
    case = TRUE[name]
    setting, words = case.family.setting, case.field
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        verdict, reason = decide(setting, words)
        seconds.append(time.perf_counter() - start)
    assert verdict == "proved", reason
    assert min(seconds) <= LIMIT


@pytest.mark.parametrize("name", FALSE)
def test_false_statements_are_refused_at_once_and_refuted(name):
    case = FALSE[name]
    family = case.family
    start = time.perf_counter()
    verdict, _ = decide(family.setting, case.field)
    assert verdict == "undecided"
    assert time.perf_counter() - start <= 5 * LIMIT
    loss, rng = family.at(**next(small_sizes(family))), np.random.default_rng(0)
    letters = random_letters(case.field, sizes_of(loss, case.field), rng)
    assert worst_residual(loss, case.field, letters, rng) > 1e-6


def worst_residual(loss, words, letters, rng) -> float:
    """Largest |X.L| at a few points, beside L and what X.L is made of."""
    compiled = compile_loss(loss)
    field = member(loss, words, letters)
    worst = 0.0
    for _ in range(4):
        point = {name: rng.standard_normal(shape) for name, shape in loss.parameters.items()}
        data = {name: rng.standard_normal(item.shape) for name, item in loss.data.items()}
        w = np.concatenate([np.ravel(point[name]) for name in loss.parameters])
        place = dict(zip(loss.entries, w, strict=True))
        direction = np.array([polynomial(field, entry, place) for entry in loss.entries])
        gradient = compiled.gradient(w, data or None)
        size = abs(compiled.value(w, data or None)) + np.abs(gradient) @ np.abs(direction)
        worst = max(worst, abs(gradient @ direction) / size)
    return worst


def polynomial(field, entry, place) -> float:
    total = 0.0
    for monomial_, value in (field.polynomials or {}).get(entry, {}).items():
        total += float(value) * np.prod([place[name] ** power for name, power in monomial_])
    return total


@pytest.mark.parametrize("name", TRUE)
@pytest.mark.parametrize("seed", range(2))
def test_proved_statements_hold_at_random_sizes(name, seed):
    case = TRUE[name]
    rng = np.random.default_rng([seed, len(name)])
    family = case.family
    sizes = {size: int(rng.integers(1 if seed else 2, 6)) for size in family.sizes}
    if name == "determinant":
        sizes |= {"n": 5}
    if "batch norm" in name:
        sizes |= {"N": 4}
    if "layer norm" in name:
        sizes |= {"h": 4}
    loss = family.at(**sizes)
    letters = random_letters(case.field, sizes_of(loss, case.field), rng)
    assert worst_residual(loss, case.field, letters, rng) < 1e-10


SLOW = {
    "batch norm, scale",
    "batch norm, shift",
    "batch norm with eps, shift",
    "layer norm, scale and shift",
    "two heads",
    "contrastive",
}


@pytest.mark.parametrize("name", [name for name in TRUE if name not in SLOW])
def test_the_entries_agree_at_a_small_size(name):
    case = TRUE[name]
    family, rng = case.family, np.random.default_rng(1)
    sizes = dict.fromkeys(family.sizes, 2) | ({"n": 3} if name == "determinant" else {})
    loss = family.at(**sizes)
    letters = random_letters(case.field, sizes_of(loss, case.field), rng)
    assert verify(loss, member(loss, case.field, letters)).verdict == "proved"


@pytest.mark.parametrize("name", ["factorisation, wrong sign", "decay breaks gl", "symmetric factorisation, gl"])
def test_a_refutation_shows_sizes_letters_and_a_point(name):
    claim = prove_family(FALSE[name].family, FALSE[name].field)
    assert claim.verdict == "refuted"
    found = claim.evidence["counterexample"]
    assert set(found["sizes"]) == set(FALSE[name].family.sizes)
    assert found["letters"]["S"]
    assert found["at"]["point"]
    assert float(found["at"]["value"]) != 0


# finite actions

g, q, d = {"g": "invertible"}, {"q": "orthogonal"}, {"d": "positive diagonal"}

ACTIONS = {
    "factorisation, gl": ({"U": "U@inv(g)", "V": "g@V"}, g),
    "factorisation with decay, so": ({"U": "U@q.T", "V": "q@V"}, q),
    "relu": ({"W1": "W1@d", "b": "d@b", "W2": "inv(d)@W2"}, d),
    "leaky relu": ({"W1": "W1@d", "b": "d@b", "W2": "inv(d)@W2"}, d),
    "relu squared": ({"W1": "W1@d", "b": "d@b", "W2": "inv(d)@inv(d)@W2"}, d),
    "cross entropy network": ({"W1": "W1@d", "b": "d@b", "W2": "inv(d)@W2"}, d),
    "queries and keys": ({"Q": "Q@g", "K": "K@inv(g).T"}, g),
    "values and outputs": ({"V": "V@g", "O": "inv(g)@O"}, g),
    "softmax, shift of a row": ({"W": "W + c@ones.T", "b": "b + t*ones"}, {"c": "shift", "t": "number"}),
    "batch norm, scale": ({"W": "W@d", "b": "d@b"}, d),
    "batch norm, shift": ({"b": "b + c"}, {"c": "shift"}),
    "layer norm, scale and shift": ({"W": "t*W"}, {"t": "positive"}),
    "weight norm": ({"W": "d@W"}, d),
    "symmetric factorisation": ({"U": "U@q"}, q),
    "bilinear, three factors": ({"A": "A@g", "G": "inv(g)@G@h", "B": "B@inv(h).T"}, g | {"h": "invertible"}),
    "inner product": ({"u": "g@u", "v": "inv(g).T@v"}, g),
    "contrastive": ({"W": "W@q"}, q),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_finite_actions_are_proved_and_hold(name):
    family, action = TRUE[name].family, FamilyAction(*ACTIONS[name])
    claim = prove_family(family, action)
    assert claim.verdict == "proved", claim.reason
    rng = np.random.default_rng(3)
    loss = family.at(**next(small_sizes(family)))
    letters = random_letters(action, sizes_of(loss, action), rng)
    values = []
    while not values or values[0] is None:
        point = random_point(loss, rng)
        values = [value_at(loss, one) for one in (point, move(loss, written_out(loss, action, letters), point))]
    assert abs(values[1] - values[0]) <= 1e-25 * (1 + abs(values[0]))


@pytest.mark.parametrize(
    ("name", "components", "letters"),
    [
        ("factorisation, gl", {"U": "U@g", "V": "g@V"}, g),
        ("factorisation with decay, so", {"U": "U@inv(g)", "V": "g@V"}, g),
        ("relu", {"W1": "W1@g", "W2": "inv(g)@W2"}, g),
        ("queries and keys", {"Q": "Q@g", "K": "K@inv(g)"}, g),
        ("weight norm", {"W": "W@d"}, d),
        ("softmax, shift of a row", {"b": "b + c"}, {"c": "shift"}),
    ],
)
def test_false_finite_actions_are_refuted(name, components, letters):
    claim = prove_family(TRUE[name].family, FamilyAction(components, letters))
    assert claim.verdict == "refuted"
    at = claim.evidence["counterexample"]["at"]
    assert at["before"] != at["after"]


def test_what_is_true_and_not_proved_is_undecided():
    """exp(log(x)) = x is not among the rules."""
    other = LossFamily.parse("sum(exp(log(W*W + 1)))", {"W": ("n", "k")})
    claim = prove_family(other, FamilyField({"W": "S@W"}, {"S": "skew"}))
    assert claim.verdict == "undecided"
    assert "holds at the sizes tried" in claim.reason
    assert claim.evidence["holds_at"]


# numbers that depend on sizes


def test_a_mean_is_divided_by_sizes():
    from fractions import Fraction

    assert monomial(Fraction(3, 11), Fraction(3, 17), {"n": 11}, {"n": 17}) == (3, (("n", Fraction(-1)),))
    assert monomial(Fraction(12), Fraction(18), {"n": 11}, {"n": 17}) is None


# bad input


@pytest.mark.parametrize(
    ("components", "letters", "what", "why"),
    [
        ({"U": "-U@S", "V": "S@V@S"}, {"S": "generic"}, "the sizes m and k do not agree", "S@V@S"),
        ({"U": "U@V"}, {}, "the sizes k and m do not agree", "U@V"),
        (
            {"U": "t*U"},
            {"t": "scalar", "R": "generic"},
            "the size of the letter 'R' cannot be inferred",
            "no parameter",
        ),
        ({"U": "S@R@U"}, {"S": "generic", "R": "generic"}, "the size of the letter 'S' cannot be inferred", "open"),
        ({"Z": "S@Z"}, {"S": "generic"}, "a component for 'Z'", "not a parameter"),
        ({"Y": "S@Y"}, {"S": "generic"}, "a component for 'Y'", "no parameter"),
        ({"U": "S@Q"}, {"S": "generic"}, "the name 'Q'", "no letter"),
        ({"U": "U@n"}, {"n": "generic"}, "the letter 'n' has a taken name", "a size of that name"),
        ({"U": "U@V"}, {"V": "generic"}, "the letter 'V' has a taken name", "the loss has that name"),
    ],
)
def test_words_that_do_not_fit_are_refused(components, letters, what, why):
    family = LossFamily.parse("sum((Y - U@V)**2)", MF, data=Y)
    with pytest.raises(InputError) as caught:
        prove_family(family, FamilyField(components, letters))
    assert what in caught.value.what
    assert why in caught.value.why
    assert caught.value.cure


@pytest.mark.parametrize(
    ("components", "letters", "what"),
    [
        ({}, {}, "without components"),
        ({"U": 3}, {}, "the component 'U'"),
        ({"U": "U@"}, {}, "cannot be read"),
        ({"U": "__import__('os')"}, {}, "is refused"),
        ({"U": "U.shape"}, {}, "is refused"),
        ({"U": "U**2"}, {}, "is refused"),
        ({"U": "U/V"}, {}, "is refused"),
        ({"U": "-" * 1001 + "U"}, {}, "is too long"),
        ({"U": "(" * 300 + "U" + ")" * 300}, {}, "cannot be read"),
        ({"U": "S@U"}, {"S": "unitary"}, "is 'unitary'"),
        ({"U": "S@U"}, {"a b": "generic"}, "the letter 'a b'"),
        ({"U": "S@U"}, ["S"], "the letters of a field"),
    ],
)
def test_fields_that_cannot_be_read_are_refused(components, letters, what):
    with pytest.raises(InputError) as caught:
        FamilyField(components, letters)
    assert what in caught.value.what
    assert caught.value.why
    assert caught.value.cure


def test_only_families_are_proved():
    with pytest.raises(InputError, match="prove_family was given str"):
        prove_family("x", FamilyField({"U": "U"}))  # type: ignore[arg-type]
