"""Functions that are related: derive sees the relation, or says that it cannot decide; it never claims a wrong answer.

Each case adds a term that is identically constant to a loss whose symmetries are known, so that the parameters of the
term become null directions.
"""

from __future__ import annotations

import pytest
from oracle import nullity, residual

from symmetries import Linear, Loss, derive

IDENTITIES = """
cosh(2*x) - 2*cosh(x)**2
sinh(2*x) - 2*sinh(x)*cosh(x)
exp(2*x) - exp(x)**2
exp(x)*exp(-x)
exp(x)*exp(y) - exp(x + y)
exp(x/2)*exp(y/3) - exp(x/2 + y/3)
exp(2*exp(x)) - exp(exp(x))**2
exp(exp(x + y)) - exp(exp(x)*exp(y))
exp(sin(x)**2)*exp(cos(x)**2)
tanh(2*x) - 2*tanh(x)/(1 + tanh(x)**2)
tanh(x + y) - (tanh(x) + tanh(y))/(1 + tanh(x)*tanh(y))
tanh(x/2) - (exp(x) - 1)/(exp(x) + 1)
sin(2*x) - 2*sin(x)*cos(x)
sin(3*x) - 3*sin(x) + 4*sin(x)**3
cos(3*x) - 4*cos(x)**3 + 3*cos(x)
sin(x + pi) + sin(x)
sin(x + pi/2) - cos(x)
sin(x + 1) - sin(x)*cos(1) - cos(x)*sin(1)
cos(x + y) - cos(x)*cos(y) + sin(x)*sin(y)
sin(x)**2*sin(y)**2 + sin(x)**2*cos(y)**2 + cos(x)**2
log(x**2*y**2) - 2*log(abs(x)) - 2*log(abs(y))
log((x - y)**2) - 2*log(abs(x - y))
log(abs(x**2 - y**2)) - log(abs(x - y)) - log(abs(x + y))
log(sigmoid(x)) - log(sigmoid(-x)) - x
log(cosh(x)) - x - log(1 + exp(-2*x))
exp(log(x**2)/2) - abs(x)
sqrt(x**4 + 2*x**2*y**2 + y**4) - x**2 - y**2
sqrt(x**2 - 2*x*y + y**2) - abs(y - x)
sqrt(x**2/y**2 + 2*x/y + 1) - abs(x/y + 1)
sqrt(1 - tanh(x)**2) - 1/cosh(x)
sqrt(1 - sin(x)**2) - abs(cos(x))
sqrt(exp(2*x) + 2 + exp(-2*x)) - exp(x) - exp(-x)
abs(x*y) - abs(x)*abs(y)
abs(abs(x) - abs(y)) + abs(abs(x) + abs(y)) - 2*maximum(abs(x), abs(y))
sign(x*y) - sign(x)*sign(y)
relu(3*x) - 3*relu(x)
relu(x) - relu(-x) - x
relu(relu(x)) - relu(x)
relu(x + relu(x)) - 2*relu(x)
relu(x)**2 + relu(-x)**2 - x**2
relu(x)*relu(-x)
sqrt(relu(x)**2) - relu(x)
leaky_relu(leaky_relu(x, 1/2), 1/2) - leaky_relu(x, 1/4)
where(x > 0, x, x/10) - leaky_relu(x, 1/10)
where(x > 0, x**2, -x**2) - x*abs(x)
where(x > y, x, y) - maximum(x, y)
maximum(x, y) + minimum(x, y) - x - y
maximum(x, y)*minimum(x, y) - x*y
softplus(x) - softplus(-x) - x
softplus(x) - log(1 + exp(x))
sigmoid(x) + sigmoid(-x)
sigmoid(2*x) - (1 + tanh(x))/2
sigmoid(x)/sigmoid(-x) - exp(x)
logsumexp([x, y]) - y - softplus(x - y)
softmax([x, y])[0] - sigmoid(x - y)
cross_entropy([[x, y]], [[1, 0]]) - softplus(y - x)
atan(x) + atan(-x)
erf(x) + erf(-x)
gelu(x) - gelu(-x) - x
gelu(x) - x/2*(1 + erf(x/sqrt(2)))
""".strip().splitlines()

DIFFERENT = """
gelu(2*x) - 2*gelu(x)
gelu(x) + gelu(-x)
tanh(2*x) - 2*tanh(x)
relu(x)*relu(y) - relu(x*y)
sqrt(x**2) - x
sqrt(x**6) - x**3
exp(log(x**2)/2) - x
sin(2*x) - 2*sin(x)
softplus(2*x) - 2*softplus(x)
maximum(x, y) - minimum(x, y)
abs(abs(x) - 2*x)
atan(2*x) - 2*atan(x)
cosh(2*x) - 2*cosh(x)**2 + x**3/10
erf(x/sqrt(2)) - tanh(x)
sigmoid(x) - (1 + tanh(x))/2
""".strip().splitlines()

UNDECIDED = """
sqrt(cosh(x)**2 - 1) - abs(sinh(x))
sqrt(1 + sin(2*x)) - abs(sin(x) + cos(x))
sqrt((x + 1/x)**2 - 4) - abs(x - 1/x)
sqrt(relu(x)**2 + 2*relu(x)*abs(y) + y**2) - relu(x) - abs(y)
sqrt(x**2*y**2 + x**2 + y**2 + 1) - sqrt(x**2 + 1)*sqrt(y**2 + 1)
sin(x + pi/3) - sin(x)/2 - sqrt(3)/2*cos(x)
tan(atan(x)) - x
sin(atan(x)) - x/sqrt(1 + x**2)
exp(abs(x)) + exp(-abs(x)) - exp(x) - exp(-x)
abs(tanh(x)) - tanh(abs(x))
maximum(exp(x), exp(y)) - exp(maximum(x, y))
abs(x**2 + x*y + y**2) - x**2 - x*y - y**2
sign(x**2 + y**2)
x*(sin(2) - 2*sin(1)*cos(1))
x*(4*atan(1) - pi)
x*(cos(pi/5) - (1 + sqrt(5))/4)
x*(sqrt(5 + 2*sqrt(6)) - sqrt(2) - sqrt(3))
""".strip().splitlines()

PARAMETERS = ["x", "y", "z", "w"]


def widened(term: str) -> Loss:
    return Loss.parse(f"{term} + z**2 + w**2", PARAMETERS)


@pytest.mark.parametrize("term", IDENTITIES)
def test_an_identity_gives_null_directions(term: str) -> None:
    loss = widened(term)
    algebra = derive(loss)
    assert (algebra.null_directions, algebra.dimension) == (2, 9)
    assert algebra.essential.dimension == 1
    assert algebra.completeness.verdict == "proved"


@pytest.mark.parametrize("term", DIFFERENT)
def test_functions_that_only_look_related(term: str) -> None:
    loss = widened(term)
    algebra = derive(loss)
    assert algebra.completeness.verdict == "proved"
    assert algebra.dimension == nullity(loss, Linear())
    assert all(residual(loss, field) < 1e-12 for field in algebra.generators)


@pytest.mark.parametrize("term", UNDECIDED)
def test_a_relation_that_is_not_seen_is_not_denied(term: str) -> None:
    algebra = derive(widened(term))
    assert algebra.dimension == 9 or algebra.completeness.verdict == "undecided"
    assert algebra.dimension == 9 or algebra.completeness.reason


POSITIVE = """
log(x*y) - log(x) - log(y)
log(x**2) - 2*log(x)
sqrt(x**2*y) - x*sqrt(y)
sqrt(2)*sqrt(x) - sqrt(2*x)
x**y - exp(y*log(x))
x**(1/3)*x**(2/3) - x
log(1 + 1/x) - log(1 + x) + log(x)
sin(log(x*y)) - sin(log(x) + log(y))
""".strip().splitlines()


@pytest.mark.parametrize("term", POSITIVE)
def test_identities_of_positive_numbers(term: str) -> None:
    """sqrt(x**2 y) is |x| sqrt(y): where both signs of x are allowed it is no identity."""
    algebra = derive(widened(term))
    assert algebra.completeness.verdict == "proved"
    expected = {"sqrt(x**2*y) - x*sqrt(y)": 0, "sqrt(2)*sqrt(x) - sqrt(2*x)": 2}.get(term, 2)
    assert algebra.null_directions == expected


@pytest.mark.parametrize("term", ["cosh(log(x)) - (x + 1/x)/2", "exp(3*log(x*y)) - x**3*y**3"])
def test_identities_that_hold_where_a_logarithm_is_defined(term: str) -> None:
    """log u is held as log|u|, and its domain beside it: the loss is not continued to where it has no value."""
    algebra = derive(widened(term))
    if term.startswith("cosh"):
        assert algebra.completeness.verdict == "proved"
        assert algebra.null_directions == 2
    else:
        assert algebra.completeness.verdict == "undecided"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("log((relu(3*x - 2*y)*relu(x + 3*y - 2*z))**2) + 0*w", 9), ("log(relu(x)) + log(relu(y)) + z**2 + w**2", 2)],
)
def test_only_points_where_the_loss_is_defined_count(text: str, expected: int) -> None:
    """The logarithm of a ReLU exists on one branch; the other one says nothing about symmetries."""
    assert derive(Loss.parse(text, PARAMETERS)).dimension == expected
