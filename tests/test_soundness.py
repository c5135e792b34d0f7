"""Losses where a tempting field is no symmetry: nothing false is ever proved, derived or rechecked as true."""

import pytest

from manifolds import InputError
from symmetries import Affine, FiniteAction, Loss, VectorField, derive, recheck, verify

P = "(a**2 + 3*a + 2)"

TEMPTING = [
    # jumps: the derivative vanishes almost everywhere
    ("where(x > 0, 1, 0) + y**2", {"x": "1"}),
    ("where(x > 0, 1, 0) + y**2", {"x": "x*(1 + 1/x)"}),
    ("where(x > y, 1, 0)*z**2", {"x": "1"}),
    ("sign(x)*z", {"x": "1"}),
    ("Heaviside(x - 1)*y**2", {"x": "x"}),
    ("sign(relu(x))**2*y", {"x": "1"}),
    ("where(relu(x) > 0, 1, y)", {"y": "1"}),
    ("where(abs(x) - x > 0, y, z)", {"y": "1"}),
    ("where(maximum(x, 0) > 0, y, z)", {"z": "1"}),
    ("where(x > 0, y, y + 1)", {"x": "1"}),
    ("where(x*y > 0, 1, 0) + z", {"x": "y", "y": "-x"}),
    # conditions that hold with equality on an open set
    ("where(relu(x) > 0, y, -y) - where(relu(x) >= 0, y, -y) + z**2", {"y": "1"}),
    ("y*sign(relu(x)) - where(relu(x) > 0, y, -y) + z**2", {"y": "1"}),
    ("y*Heaviside(relu(x)) - y*where(relu(x) > 0, 1, 0) + z**2", {"y": "1"}),
    # a sign that even roots make, of a square that the normal form does not see
    ("(sqrt(x - 1) - 1)/sqrt(x - 2*sqrt(x - 1)) + y**2", {"x": "1"}),
    ("(1 - sqrt(x))/sqrt(1 - 2*sqrt(x) + x) + y**2", {"x": "1"}),
    ("sinh(x)/sqrt(cosh(x)**2 - 1) + y**2", {"x": "1"}),
    ("tanh(x)/sqrt(1 - 1/cosh(x)**2) + y**2", {"x": "1"}),
    ("(x**2*sqrt(y) - 1)/sqrt(x**4*y - 2*x**2*sqrt(y) + 1)", {"x": "1"}),
    ("exp(log(x - 2*sqrt(x - 1))/2)/(sqrt(x - 1) - 1) + y**2", {"x": "1"}),
    ("sqrt(x*(x + 1))*sqrt(x*(x + 2))/(x*sqrt((x + 1)*(x + 2))) + y**2", {"x": "1"}),
    ("(sqrt(x + y) - sqrt(x - y))/sqrt(2*x - 2*sqrt(x**2 - y**2))", {"y": "1"}),
    ("sin(atan(1/x))*sqrt(1 + x**2) + y**2", {"x": "1"}),
    # absolute values on one side only
    ("abs(x) - x", {"x": "1"}),
    ("sqrt(x**2) - x", {"x": "1"}),
    ("maximum(x, 0) + minimum(x, 0) - abs(x)", {"x": "1"}),
    ("relu(x) - relu(-x)", {"x": "1"}),
    ("relu(x)*relu(-y) + x*y", {"x": "x", "y": "-2*y"}),
    ("leaky_relu(x, 1/100) - x/100", {"x": "1"}),
    ("abs(x)*abs(y) - x*y", {"x": "x", "y": "y"}),
    ("sqrt(x**2*y**2)*z - x*y*z", {"z": "1"}),
    ("(x**4)**(1/4) - x", {"x": "1"}),
    ("relu(x)", {"x": "x"}),
    # logarithms and powers of negative numbers
    ("exp(log(abs(x))) - x", {"x": "1"}),
    ("exp(log(x**2)/2) - x", {"x": "1"}),
    ("log(x**2) - 2*log(abs(x)) + relu(x)", {"x": "1"}),
    ("log(abs(x*y)) - log(abs(x))", {"x": "x", "y": "y"}),
    ("(x**2)**y - x", {"x": "x"}),
    # related exponentials and angles, almost the same
    ("cosh(2*x) - 2*cosh(x)**2 + x/10000000", {"x": "1"}),
    ("sin(x)**2 + cos(x)**2*1.0000001", {"x": "1"}),
    ("tanh(x) - (exp(2*x) - 1)/(exp(2*x) + 1000001/1000000)", {"x": "1"}),
    ("exp(x + 1) - 2.718281828459045*exp(x)", {"x": "1"}),
    ("exp(x)*exp(y) - exp(x - y)", {"x": "1", "y": "-1"}),
    ("sin(x + pi) - sin(x)", {"x": "1"}),
    ("cos(x + 3.141592653589793) + cos(x)", {"x": "1"}),
    ("softplus(x) - softplus(-x)", {"x": "1"}),
    ("sigmoid(x) - sigmoid(-x)", {"x": "1"}),
    ("atan(x) + atan(y)", {"x": "1 + x**2", "y": "1 + y**2"}),
    ("erf(x) - normal_cdf(x)", {"x": "1"}),
    ("gelu(x) - x*sigmoid(1.702*x)", {"x": "1"}),
    # constants close to each other
    ("(sqrt(2)*x)**2 - 2.000000000000001*x**2", {"x": "1"}),
    ("x*(sqrt(2)*sqrt(3) - sqrt(6) + 1/1000000000000)", {"x": "1"}),
    ("x*(pi - 355/113)", {"x": "1"}),
    ("x*(e - 2.718281828459045235360287471352662497757)", {"x": "1"}),
    ("x*(exp(pi*sqrt(163)) - 262537412640768744)", {"x": "1"}),
    ("x*(log(2) + log(3) - log(7))", {"x": "1"}),
    ("sqrt(2)*x**2 + y**2", {"x": "-y", "y": "2*x"}),
    ("pi*x**2 + y**2", {"x": "-y", "y": "22*x/7"}),
    # unlucky primes: coefficients that are 1 modulo 2**31 - 1 and modulo 2**61 - 1
    ("x**2 + 2147483648*y**2", {"x": "-y", "y": "x"}),
    ("x**2 + (1 + 2147483647*2305843009213693951)*y**2", {"x": "-y", "y": "x"}),
    # 0/0 on an open set: a denominator that vanishes where relu is dead
    (f"z*sqrt(relu({P})) + y*minimum({P}, 0)", {"a": "(a + 1)*(a + 2)", "z": "-z*(2*a + 3)/2", "y": "y"}),
    (
        f"sqrt(relu({P})) - w + y*minimum({P}, 0)",
        {"a": "(a + 1)*(a + 2)", "w": f"sqrt(relu({P}))*(2*a + 3)/2", "y": "y"},
    ),
    ("y*minimum(x, 0) + z*sqrt(relu(x))", {"x": "2*x", "z": "-z", "y": "y"}),
    # close to a symmetry
    ("x**2 + 1.0000000000001*y**2", {"x": "-y", "y": "x"}),
    ("x**4 + 2.0000001*x**2*y**2 + y**4", {"x": "-y", "y": "x"}),
    ("logsumexp([x, y, z]) - 0.33333333333333*(x + y + z)", {"x": "1", "y": "1", "z": "1"}),
    ("(x*y - 1)**2", {"x": "x", "y": "-1.00000000000001*y"}),
]


def declared(text):
    return Loss.parse(text)


@pytest.mark.parametrize(("text", "field"), TEMPTING)
def test_no_tempting_field_passes(text, field):
    loss = declared(text)
    try:
        certificate = verify(loss, VectorField(field), samples=16)
    except InputError:
        return
    assert certificate.verdict in {"refuted", "undecided"}
    assert certificate.verdict == "refuted" or "jump" in certificate.claims[0].reason
    assert recheck(certificate).verdict in {"refuted", "undecided"}


HIDDEN_REGION = (
    f"sqrt(relu({P})) - w + y*minimum({P}, 0)*minimum(b, 0)*minimum(c, 0)*minimum(d, 0)",
    {"a": "(a + 1)*(a + 2)", "w": f"sqrt(relu({P}))*(2*a + 3)/2", "y": "y"},
)


def test_a_term_that_lives_on_a_sixty_fourth_of_space_is_never_proved_away():
    text, field = HIDDEN_REGION
    for seed in range(3):
        certificate = verify(declared(text), VectorField(field), samples=4, rng=seed)
        assert certificate.verdict != "proved"
        assert recheck(certificate, rng=seed).verdict != "proved"


TRUE = [
    ("where(x > 0, 1, 0) + y**2", {"x": "x"}),
    ("where(x > 0, x, 0) - relu(x) + y", {"x": "1"}),
    ("where(x**2 + 1 > 0, y, z)", {"x": "1"}),
    ("sign(x)*y", {"x": "x*y"}),
    ("abs(x)*y", {"x": "x", "y": "-y"}),
    ("sqrt(x**2)*y - abs(x)*y + z", {"y": "1"}),
    ("relu(x*y)", {"x": "x", "y": "-y"}),
    ("sqrt(relu(x))*y", {"x": "2*x", "y": "-y"}),
    ("cosh(2*x) - 2*cosh(x)**2 + y", {"x": "1"}),
    ("sin(2*x) - 2*sin(x)*cos(x) + y", {"x": "1"}),
    ("tanh(x) - (exp(2*x) - 1)/(exp(2*x) + 1) + y", {"x": "1"}),
    ("softplus(x) - softplus(-x) - x + y", {"x": "1"}),
    ("exp(x)*exp(y)", {"x": "1", "y": "-1"}),
    ("sqrt(2)*x**2 + y**2", {"x": "-y", "y": "sqrt(2)*x"}),
    ("x*(sqrt(2)*sqrt(3) - sqrt(6)) + y", {"x": "1"}),
    ("log(x*y) - log(x) - log(y) + z", {"x": "1", "y": "y"}),
    ("pi*x**2 + y**2", {"x": "-y", "y": "pi*x"}),
    ("(x**2 + y**2)**(3/2)", {"x": "-y", "y": "x"}),
    ("maximum(x, y) + minimum(x, y) - x - y + z", {"x": "1", "y": "z"}),
    ("x/sqrt(x**2 + y**2)", {"x": "x", "y": "y"}),
    ("(y - x**2/y)/sqrt(y**2 + x**4/y**2 - 2*x**2)", {"x": "x", "y": "y"}),
    ("tanh(x)*y/sqrt(tanh(x)**2*y**2 + z**2)", {"y": "y", "z": "z"}),
]


@pytest.mark.parametrize(("text", "field"), TRUE)
def test_true_symmetries_of_the_same_kinds_are_proved(text, field):
    certificate = verify(declared(text), VectorField(field), samples=16)
    assert certificate.verdict == "proved"
    assert recheck(certificate).verdict in {"proved", "measured"}


@pytest.mark.parametrize("text", sorted({text for text, _ in TEMPTING}))
def test_everything_that_is_derived_stands_a_second_check(text):
    loss = declared(text)
    try:
        algebra = derive(loss, ansatz=Affine())
    except InputError:
        return
    again = recheck(algebra.certificate)
    for claim in again.claims[: algebra.dimension]:
        assert claim.verdict in {"proved", "measured"}, (claim.statement, claim.reason)


FAR_AWAY = [
    ("where(x > 100, y, 0)", {"y": "y + t"}, 0),
    ("relu(x - 1000000)*y", {"y": "y*exp(t)"}, 0),
    ("y + x*0", {"x": "x + relu(t - 50)"}, 2),
    ("y + x*0", {"x": "where(t >= -100, x + t, x + t + 1)"}, 2),
]


@pytest.mark.parametrize(("text", "components", "which"), FAR_AWAY)
def test_an_action_that_fails_far_away_is_refuted(text, components, which):
    certificate = verify(Loss.parse(text, ["x", "y"]), FiniteAction(components))
    assert certificate.claims[which].verdict == "refuted"
