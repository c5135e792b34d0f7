"""The check of objectives: right ones pass, every sabotage is caught, and where nothing can be seen it says so."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from solvers.objective import Objective
from solvers.objective_check import check_objective
from symmetries import Loss

N = 12
RNG = np.random.default_rng(0)
SQUARE = RNG.normal(size=(N, N))
MATRIX, POINT = SQUARE @ SQUARE.T / N, RNG.normal(size=N)
LEFT, RIGHT = RNG.normal(size=(3, 3)), RNG.normal(size=(4, 4))


def value(w):
    return float(np.log(np.cosh(w)).sum() + w @ MATRIX @ w / 2)


def gradient(w):
    return np.tanh(w) + MATRIX @ w


def hvp(w, v):
    return v / np.cosh(w) ** 2 + MATRIX @ v


def check(value=value, gradient=gradient, hvp=hvp, w=POINT):
    return check_objective(Objective.from_functions(value, gradient, hvp, size=N), w)


def entry(k, size=1.0):
    return size * np.eye(N)[k]


def of_layout(v, *, transposed):
    block = v.reshape(4, 3).T if transposed else v.reshape(3, 4)
    return (LEFT.T @ LEFT @ block @ RIGHT @ RIGHT.T).ravel()


def test_a_right_objective_passes_with_the_slopes_two_three_and_two():
    found = check()
    assert found.verdict == "measured"
    assert found.slopes["gradient"] == pytest.approx(2, abs=0.05)
    assert found.slopes["hvp"] == pytest.approx(3, abs=0.1)
    assert found.slopes["hvp of the gradient"] == pytest.approx(2, abs=0.05)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["verdict"] == "measured"


@pytest.mark.parametrize(
    ("claim", "sabotage"),
    [
        (1, {"gradient": lambda w: 2 * gradient(w)}),
        (1, {"gradient": lambda w: -gradient(w)}),
        (1, {"gradient": lambda w: 1.0001 * gradient(w)}),
        (1, {"gradient": lambda w: gradient(w) + entry(3)}),
        (1, {"gradient": lambda w: gradient(w) + entry(3, 1e-4)}),
        (1, {"gradient": lambda w: gradient(w) * (1 - entry(5))}),
        (1, {"gradient": lambda w: gradient(w)[::-1]}),
        (1, {"value": lambda w: 3 * value(w)}),
        (3, {"hvp": lambda w, v: 2 * hvp(w, v)}),
        (3, {"hvp": lambda w, v: 1.001 * hvp(w, v)}),
        (3, {"hvp": lambda w, v: hvp(w, v) + entry(2, 0.01) * v[2]}),
        (3, {"hvp": lambda w, v: hvp(w, v) + entry(2, 0.01) * v[7]}),
        (4, {"hvp": lambda w, v: hvp(w, v) + entry(2, 0.01) * v[7]}),
        (4, {"hvp": lambda w, v: hvp(w, v) + entry(2) * np.linalg.norm(v)}),
        (2, {"hvp": lambda w, v: MATRIX @ v}),
        (3, {"hvp": lambda w, v: 0 * v}),
        (4, {"hvp": lambda w, v: SQUARE @ v}),
    ],
)
def test_every_sabotage_is_caught(claim, sabotage):
    found = check(**sabotage)
    assert found.verdict == "refuted"
    refuted = found.claims[claim]
    assert refuted.verdict == "refuted"
    assert any(character.isdigit() for character in refuted.reason)
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_direction_that_shows_it_is_named():
    found = check(gradient=lambda w: gradient(w) + entry(3))
    evidence = found.claims[1].evidence
    direction = np.array(evidence["counterexample"]["direction"])
    h = 1e-5
    difference = (value(POINT + h * direction) - value(POINT - h * direction)) / (2 * h)
    assert abs(difference - (gradient(POINT) + entry(3)) @ direction) > 0.01
    assert found.slopes["gradient"] == pytest.approx(1, abs=0.1)


def test_a_transposed_layout_is_caught():
    def kron(w):
        return float(np.sum((LEFT @ w.reshape(3, 4) @ RIGHT) ** 2)) / 2

    def turn(w):
        return of_layout(w, transposed=False)

    right = check(kron, turn, lambda w, v: of_layout(v, transposed=False))
    wrong = check(kron, turn, lambda w, v: of_layout(v, transposed=True))
    factors = check(kron, turn, lambda w, v: (LEFT @ LEFT.T @ v.reshape(3, 4) @ RIGHT.T @ RIGHT).ravel())
    assert (right.verdict, wrong.verdict, factors.verdict) == ("measured", "refuted", "refuted")
    assert right.slopes["hvp"] is None
    assert wrong.claims[4].verdict == "refuted"
    assert factors.claims[4].verdict == "measured"  # symmetric, and yet of another function


class Shifted(Objective):
    """An objective whose value alone has another constant."""

    def __init__(self, shift):
        super().__init__(Objective.from_functions(value, gradient, size=N).space)
        self.shift = shift

    def _value(self, w):
        return value(w) + self.shift

    def _value_and_grad(self, w):
        return value(w), gradient(w)

    def _hvp(self, w, v):
        return hvp(w, v)


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "measured"), (1e-8, "refuted"), (1.0, "refuted")])
def test_a_constant_between_the_two_values_is_caught(shift, verdict):
    found = check_objective(Shifted(shift), POINT)
    assert found.verdict == found.claims[0].verdict == verdict


def test_a_value_that_is_nan_alone_is_caught():
    assert check_objective(Shifted(float("nan")), POINT).claims[0].verdict == "refuted"


@pytest.mark.parametrize("text", ["x**2 + 9*y**2", "3*x - y", "exp(x*y) + sin(x)**2", "100*(x**2 - y)**2 + (x - 1)**2"])
def test_losses_pass(text):
    assert check_objective(Loss.parse(text), [0.7, -0.3]).verdict == "measured"


def test_matrix_losses_pass():
    loss = Loss.parse("sum((Y - tanh(U)@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)})
    objective = Objective.from_loss(loss, {"Y": RNG.normal(size=(3, 4))})
    assert check_objective(objective, RNG.normal(size=14)).verdict == "measured"


def test_differenced_products_pass():
    objective = Objective.from_functions(value, gradient, size=N)
    assert check_objective(objective, POINT).verdict == "measured"


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 10_000))
def test_scales_and_sizes(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 20))
    factor = rng.normal(size=(n, n)) * 10 ** rng.uniform(-2, 2)
    matrix, c = factor @ factor.T, 10 ** rng.uniform(-2, 2)

    def slope(w):
        return matrix @ w + 3 * c * np.sin(6 * w)

    def build(bump):
        return Objective.from_functions(
            lambda w: float(w @ matrix @ w) / 2 + c * float(np.sum(np.sin(3 * w) ** 2)),
            lambda w: slope(w) + bump * np.linalg.norm(slope(w)) * np.eye(n)[0],
            lambda w, v: matrix @ v + 18 * c * np.cos(6 * w) * v,
            size=n,
        )

    w = rng.normal(size=n) * 10 ** rng.uniform(-1, 1)
    assert check_objective(build(0.0), w, rng=seed).verdict in ("measured", "undecided")
    assert check_objective(build(1e-3), w, rng=seed).verdict == "refuted"


def test_kinks_and_rounding_are_undecided_and_never_refuted():
    def at_zero(value, gradient, hvp):
        return check(value, gradient, hvp, w=np.zeros(N))

    relu = at_zero(lambda w: float(np.maximum(w, 0).sum()), lambda w: (w > 0) * 1.0, lambda w, v: 0 * v)
    bend = at_zero(
        lambda w: float((np.maximum(w, 0) ** 2).sum()), lambda w: 2 * np.maximum(w, 0), lambda w, v: 2 * (w > 0) * v
    )
    large = check(value=lambda w: value(w) + 1e12)
    assert (relu.verdict, bend.verdict, large.verdict) == ("undecided",) * 3
    assert "kink" in relu.claims[1].reason
    assert "kink" in bend.claims[3].reason
    assert "rounding" in large.claims[1].reason


def test_a_ripple_finer_than_most_steps_is_no_error():
    # Quadratic at large steps, with a small fast ripple that only small steps resolve.
    weights = np.array([60.0, 5.0, 1.0])
    w = np.array([-2.1, -0.9, -98.0])
    objective = Objective.from_functions(
        lambda w: float(w @ (weights * w)) / 2 + 5e-3 * float(np.sum(np.sin(3 * w) ** 2)),
        lambda w: weights * w + 1.5e-2 * np.sin(6 * w),
        lambda w, v: weights * v + 9e-2 * np.cos(6 * w) * v,
        size=3,
    )
    assert check_objective(objective, w).verdict != "refuted"


def test_stationary_points_and_constants_pass():
    assert check(w=np.zeros(N)).verdict == "measured"
    assert check(lambda w: 3.0, lambda w: 0 * w, lambda w, v: 0 * v).verdict == "measured"
    assert check(gradient=lambda w: gradient(w) + entry(3, 1e-3), w=np.zeros(N)).verdict == "refuted"


def test_the_border_of_the_domain_is_near():
    with np.errstate(all="ignore"):
        objective = Objective.from_loss(Loss.parse("-log(x) + y**2"))
    assert check_objective(objective, [1e-3, 1.0]).verdict == "measured"


def test_the_same_seed_gives_the_same_answer_and_bad_starts_are_refused():
    assert check().to_dict() == check().to_dict()
    with pytest.raises(InputError):
        check(w=np.full(N, np.nan))
    with pytest.raises(InputError):
        check_objective(Objective.from_functions(value, gradient, size=N), POINT, rng=-1)
    with pytest.raises(InputError):
        check_objective(value, POINT)
