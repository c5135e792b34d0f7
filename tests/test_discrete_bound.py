"""Error bounds of double precision, and maps that are excluded by them."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symmetries.loss import Loss
from symmetries.permutations.balls import output_balls
from symmetries.permutations.discrete_bound import BoundSearch
from symmetries.permutations.discrete_expansion import expanded
from symmetries.permutations.discrete_invariance import Invariance
from symmetries.permutations.permutation_group import PermutationGroup
from symmetries.permutations.signed_permutation import SignedPermutation
from symmetries.scalar import ScalarGraph
from symmetries.straight_line import compile_program

FUNCTIONS = {
    "exp": mpmath.exp,
    "tanh": mpmath.tanh,
    "cos": mpmath.cos,
    "sin": mpmath.sin,
    "abs": abs,
    "log(1 + (%s)**2)": lambda u: mpmath.log(1 + u * u),
    "sqrt(1 + (%s)**2)": lambda u: mpmath.sqrt(1 + u * u),
    "gelu": lambda u: u * mpmath.ncdf(u),
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "1/(3 + (%s)**2)": lambda u: 1 / (3 + u * u),
}


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.sampled_from(sorted(FUNCTIONS)),
    st.floats(-3, 3),
    st.floats(-3, 3),
)
def test_the_exact_value_lies_in_the_ball(outer: str, inner: str, x: float, y: float) -> None:
    def applied(name: str, text: str) -> str:
        return name % text if "%s" in name else f"{name}({text})"

    formula = f"{applied(outer, applied(inner, 'x*y - x/3'))} - x*y**2"
    loss = Loss.parse(formula, ["x", "y"])
    made = Invariance(loss)
    program = compile_program(made.graph, [made.root], ["x", "y"])
    values, radii = output_balls(program, np.array([[x], [y]]))
    with mpmath.workdps(60):
        a, b = mpmath.mpf(x), mpmath.mpf(y)
        exact = FUNCTIONS[outer](FUNCTIONS[inner](a * b - a / 3)) - a * b**2
        assert abs(exact - mpmath.mpf(float(values[0, 0]))) <= float(radii[0, 0])
    if abs(x) < 2 and abs(y) < 2 and "exp" not in {outer, inner} and not np.isinf(radii[0, 0]):
        assert radii[0, 0] < 1e-6 * (1 + abs(values[0, 0])) or "sin" in formula or "cos" in formula


def test_nothing_is_known_at_poles_and_jumps() -> None:
    for formula in ("1/x", "log(abs(x))", "sign(x)*(x + 1)"):
        made = Invariance(Loss.parse(formula))
        program = compile_program(made.graph, [made.root], ["x"])
        assert np.isinf(output_balls(program, np.zeros((1, 1)))[1][0, 0])


def bound(formula: str, *known: dict[str, str], **options: object) -> tuple[str, SignedPermutation | None]:
    loss = Loss.parse(formula)
    made = Invariance(loss)
    n = len(loss.entries)
    points = [SignedPermutation.from_map(loss.entries, one).points for one in known]

    def refuted(images: tuple[int, ...]) -> bool:
        return made.claim(SignedPermutation.from_points(loss.entries, images)).verdict == "refuted"

    search = BoundSearch(made, [0] * n, refuted, **options)  # type: ignore[arg-type]
    found = search.run(PermutationGroup.from_generators(2 * n, points))
    candidate = None if found.candidate is None else SignedPermutation.from_points(loss.entries, found.candidate)
    return found.outcome, candidate


SWAP = {"x": "y", "y": "x"}


def test_a_known_group_is_complete() -> None:
    assert bound("tanh(x) + tanh(y)", SWAP) == ("complete", None)
    assert bound("cos(x) + cos(y)", SWAP, {"x": "-x"})[0] == "complete"


@pytest.mark.parametrize("formula", ["tanh(x) + tanh(y)", "exp(x)*exp(y)", "abs(x + y)", "log(x) + log(y)"])
def test_a_missing_map_turns_up(formula: str) -> None:
    outcome, candidate = bound(formula)
    assert outcome == "candidate"
    assert candidate is not None
    assert Invariance(Loss.parse(formula)).claim(candidate).verdict == "proved"


def test_guarded_logarithms_are_not_tried_one_by_one() -> None:
    loss = Loss.parse("where(x > 0, log(y), 0)")
    search = BoundSearch(Invariance(loss), [0, 0], lambda images: True)
    assert search.run_all(PermutationGroup(4, [])).outcome == "unknown"


def test_the_search_gives_up() -> None:
    assert bound("tanh(x) + tanh(y)", SWAP, budget=10)[0] == "unknown"
    assert bound("where(x > 0, log(y), 0)")[0] == "unknown"


# exact verification


CLAIMS = [
    ("x**2 + y**2", SWAP, "proved"),
    ("x**2 + y**3", {"y": "-y"}, "refuted"),
    ("x**2 + 1.0000000001*y**2", SWAP, "refuted"),
    ("log(x)**2", {"x": "-x"}, "undecided"),
    ("sqrt(x)*0 + y", {"x": "-x"}, "undecided"),
    ("log(1 + exp(x)) - x/2", {"x": "-x"}, "proved"),
    ("sin(2*x)*sin(y)*cos(y) + z", SWAP, "proved"),
    ("where(x > 0, log(y)**2, log(-y)**2)", {"y": "-y"}, "undecided"),
    ("abs(x - y) + x + y", SWAP, "proved"),
]


@pytest.mark.parametrize(("formula", "moved", "verdict"), CLAIMS, ids=[f"{one[0]}" for one in CLAIMS])
def test_claims(formula: str, moved: dict[str, str], verdict: str) -> None:
    loss = Loss.parse(formula)
    claim = Invariance(loss).claim(SignedPermutation.from_map(loss.entries, moved))
    assert claim.verdict == verdict
    if verdict == "refuted":
        assert claim.evidence["counterexample"]["point"]


def test_a_refuted_claim_has_a_point_that_shows_it() -> None:
    loss = Loss.parse("x**2 + y**3")
    claim = Invariance(loss).claim(SignedPermutation.from_map(loss.entries, {"y": "-y"}))
    assert claim.evidence["counterexample"]["value"] != "0"


def test_expansion() -> None:
    graph = ScalarGraph()
    x, y = graph.symbol("x"), graph.symbol("y")
    difference = graph.subtract(graph.power(x, 2), graph.power(y, 2))
    assert expanded(graph, graph.divide(difference, graph.subtract(x, y))) == graph.add(x, y)
    assert expanded(graph, graph.atom("tanh", x)) is None
    assert expanded(graph, graph.power(graph.linear([(x, 1), (y, 1)], 1), 90)) is None
