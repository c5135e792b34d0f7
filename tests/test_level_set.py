"""Level-set teleportation: how far it gets on known problems, feasibility, and honest statuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_problems import LogisticRegression, SoftplusNetwork

from manifolds.errors import InputError
from solvers.aims.target_norms import GradientNorm, PreconditionedGradientNorm
from solvers.level_set import LevelSetMove
from solvers.move import Destination
from solvers.network import Network
from solvers.objective import Objective
from solvers.status import Status
from solvers.target import Target
from solvers.targets import FunctionTarget
from symmetries import Loss

BOOTH = "(x + 2*y - 7)**2 + (2*x + y - 5)**2"
ROSENBROCK = "100*(x**2 - y)**2 + (x - 1)**2"
GOLDSTEIN_PRICE = (
    "(1 + (x + y + 1)**2*(19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2))"
    "*(30 + (2*x - 3*y)**2*(18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))"
)


def from_text(text: str) -> Objective:
    return Objective.from_loss(Loss.parse(text))


def search(
    objective: Objective, start: Any, target: Target | None = None, *, maximize: bool = True, **options: Any
) -> tuple[Destination, float, float]:
    """The destination, the ratio of the targets and the relative change of the loss."""
    w, target = np.array(start, dtype=float), target or GradientNorm()
    kept = w.copy()
    found = LevelSetMove(**options).search(objective, w, target, maximize=maximize, rng=np.random.default_rng(0))
    assert (w == kept).all()
    before, after = objective.value(w), objective.value(found.point)
    gain = target.value(objective, found.point) / (target.value(objective, w) or np.nan)
    return found, gain, (after - before) / (abs(before) or 1.0)


@pytest.mark.parametrize("form", ["equality", "sub-level"])
@pytest.mark.parametrize(
    ("text", "start", "best", "hvps"),
    [(BOOTH, (5, -5), 1.8, 15), (ROSENBROCK, (-1, -1), 70.6988, 20), (GOLDSTEIN_PRICE, (0, 0), 32.531, 20)],
)
def test_known_maxima_of_two_parameters(
    text: str, start: tuple[float, float], best: float, hvps: int, form: str
) -> None:
    objective = from_text(text)
    before = objective.ledger.total()
    found, gain, drift = search(objective, start, form=form, hvps=hvps)
    cost = objective.ledger.total() - before
    assert gain > 0.999 * best
    assert drift <= 1e-12
    assert form == "sub-level" or drift >= -1e-12
    assert cost.hvps <= hvps
    assert not found.status.is_failure


def quadratic(values: np.ndarray) -> Objective:
    return Objective.from_functions(
        lambda w: w @ (values * w) / 2, lambda w: values * w, lambda w, v: values * v, size=len(values)
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("form", ["equality", "sub-level"])
def test_badly_conditioned_quadratic_within_ten_products(form: str, seed: int) -> None:
    values = np.logspace(0, 3, 50)
    objective, w = quadratic(values), np.random.default_rng(seed).standard_normal(50)
    before = objective.ledger.total()
    found, _, drift = search(objective, w, form=form, steps=10)
    slope = values * found.point
    assert slope @ slope >= 0.99 * 2 * values[-1] * objective.value(w)
    assert drift <= 1e-12
    assert (objective.ledger.total() - before).hvps <= 10


@pytest.mark.parametrize("form", ["equality", "sub-level"])
@pytest.mark.parametrize(("problem", "least"), [(LogisticRegression(), 11), (SoftplusNetwork(), 60)])
def test_learning_problems_within_ten_products(problem: Any, least: float, form: str) -> None:
    """Five seeds here; the benchmark has ten."""
    gains = []
    for seed in range(5):
        before = problem.ledger.total()
        _, gain, drift = search(problem, problem.initial(seed), form=form, steps=10)
        cost = problem.ledger.total() - before
        assert cost.hvps <= 10
        assert cost.gradients <= 90 + 4  # four are this test's
        assert drift <= 1e-12 if form == "sub-level" else abs(drift) <= 1e-12
        gains.append(gain)
    assert np.median(gains) >= least


@settings(deadline=None, derandomize=True, max_examples=25)
@given(seed=st.integers(0, 10**6), size=st.integers(2, 8), maximize=st.booleans())
def test_what_converges_satisfies_the_condition_of_first_order(seed: int, size: int, maximize: bool) -> None:
    """On random quartics: feasible, never worse, and Hu parallel to u where the search says so, by dense matrices."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((size, size))
    A = A @ A.T / size + 0.1 * np.eye(size)
    b = rng.standard_normal(size)
    objective = Objective.from_functions(
        lambda w: w @ A @ w / 2 + b @ w + (w**4).sum() / 4,
        lambda w: A @ w + b + w**3,
        lambda w, v: A @ v + 3 * w**2 * v,
        size=size,
    )
    found, gain, drift = search(objective, rng.standard_normal(size) * 2, maximize=maximize, steps=60)
    assert abs(drift) <= 1e-12
    assert gain >= 1 if maximize else gain <= 1
    assert found.status in (Status.CONVERGED, Status.MAX_STEPS)
    u = objective.gradient(found.point)
    product = (A + np.diag(3 * found.point**2)) @ u
    off = np.linalg.norm(product - (product @ u) / (u @ u) * u) / np.linalg.norm(product)
    if found.status == Status.CONVERGED:
        assert off <= 1e-3
    if found.evidence["reason"].endswith("normal to the feasible set"):
        assert off <= 1.01e-6


def test_restarts_reach_another_maximum() -> None:
    objective = from_text(ROSENBROCK)
    best = max(
        GradientNorm().value(
            objective,
            LevelSetMove(restarts=5)
            .search(objective, np.array([-1.0, -1.0]), GradientNorm(), maximize=True, rng=np.random.default_rng(seed))
            .point,
        )
        for seed in range(3)
    )
    assert best / GradientNorm().value(objective, np.array([-1.0, -1.0])) == pytest.approx(93.5616, rel=1e-4)


def test_restarts_share_the_budget_and_keep_the_best() -> None:
    objective = from_text(GOLDSTEIN_PRICE)
    _, once, _ = search(objective, (0, 0))
    before = objective.ledger.total()
    found, gain, drift = search(objective, (0, 0), restarts=8, hvps=60)
    assert (objective.ledger.total() - before).hvps <= 60
    assert gain >= once
    assert abs(drift) <= 1e-12
    assert found.evidence["ascents"] > 1
    again, _, _ = search(objective, (0, 0), restarts=8, hvps=60)
    assert (again.point == found.point).all()


@pytest.mark.parametrize("text", ["x*y", "x**2*y**2"])
def test_growth_without_bound_is_named(text: str) -> None:
    found, gain, drift = search(from_text(text), (1, 2), steps=40)
    assert found.status == Status.UNBOUNDED
    assert gain > 1e6
    assert abs(drift) <= 1e-12


@pytest.mark.parametrize("form", ["equality", "sub-level"])
def test_trust_region_ends_at_its_border(form: str) -> None:
    objective = from_text("x*y")
    found, gain, drift = search(objective, (1, 2), radius=10.0, form=form)
    assert found.status == Status.TRUST_RADIUS
    assert 9.5 <= np.linalg.norm(found.point - [1, 2]) <= 10
    assert gain > 20
    assert drift <= 1e-12


def test_a_search_slides_along_the_border_of_the_trust_region() -> None:
    """On the plane z = 0, against a dense search on the circle to which trials are pulled back."""
    objective = Objective.from_loss(Loss.parse("z", ["x", "y", "z"]))
    goal = np.array([5.0, 1.0, 0.0])
    scale = np.array([1.0, 10.0, 0.0])
    target = FunctionTarget(
        lambda objective, w: (-float(scale @ (w - goal) ** 2), -2 * scale * (w - goal)), has_gradient=True
    )
    start = np.array([0.5, -2.0, 0.0])
    found, _, drift = search(objective, start, target, radius=1.0, steps=40)
    angles = np.linspace(0, 2 * np.pi, 10001)
    circle = start + 0.99 * np.column_stack([np.cos(angles), np.sin(angles), 0 * angles])
    best = (-((circle - goal) ** 2) @ scale).max()
    assert found.status == Status.TRUST_RADIUS
    assert drift == 0
    assert np.linalg.norm(found.point - start) <= 1
    assert target.value(objective, found.point) >= best - 1e-6 * abs(best)


def test_minimum_of_the_gradient_norm() -> None:
    found, gain, drift = search(from_text(BOOTH), (5, -5), maximize=False)
    assert found.status == Status.CONVERGED
    assert gain == pytest.approx(0.2, rel=1e-9)
    assert abs(drift) <= 1e-12


def test_sub_level_minimum_is_the_critical_point() -> None:
    found, gain, _ = search(from_text("x*y"), (1, 2), maximize=False, form="sub-level")
    assert found.status == Status.CONVERGED
    assert gain < 1e-28


def test_a_critical_start_stays() -> None:
    found, _, _ = search(from_text("x**2 + y**2"), (0, 0))
    assert (found.status, found.point.tolist()) == (Status.NO_IMPROVEMENT, [0, 0])


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1.0, 1e150])
def test_scale_of_the_loss_does_not_matter(scale: float) -> None:
    values = np.array([2.0, 18.0])
    objective = Objective.from_functions(
        lambda w: scale * (w @ (values * w)) / 2,
        lambda w: scale * (values * w),
        lambda w, v: scale * (values * v),
        size=2,
    )
    found = LevelSetMove().search(
        objective, np.array([1.0, 0.1]), GradientNorm(), maximize=True, rng=np.random.default_rng(0)
    )
    assert found.status == Status.CONVERGED
    np.testing.assert_allclose(np.abs(found.point), [0, np.sqrt(1.09 / 9)], atol=1e-6)


def test_level_zero_has_a_scale_of_its_own() -> None:
    found, gain, drift = search(from_text("x**2 - y"), (1, 1), radius=5.0)
    assert found.status == Status.TRUST_RADIUS
    assert gain > 4
    assert abs(drift) <= 1e-13


def test_a_loss_that_is_not_defined_everywhere() -> None:
    objective = from_text("-log(1 - x**2 - 3*y**2) + x/5")
    for maximize in (True, False):
        found, gain, drift = search(objective, (0.5, 0.2), maximize=maximize)
        assert (gain > 2) if maximize else (gain < 0.65)
        assert abs(drift) <= 1e-12
        assert found.status == Status.CONVERGED


@pytest.mark.parametrize("text", ["abs(x)*(1 + x**2) + 2*abs(y) + x*y/3", "relu(x)**2 + relu(y - x) + y**2/7"])
def test_kinks_do_no_harm(text: str) -> None:
    objective = from_text(text)
    _, gain, drift = search(objective, (1, 2))
    assert gain > 2
    assert abs(drift) <= 1e-12


def test_relu_network() -> None:
    rng = np.random.default_rng(0)
    network = Network(
        widths=(6, 8, 3), inputs=rng.standard_normal((6, 20)), targets=rng.integers(3, size=20), activation="relu"
    )
    for form in ("equality", "sub-level"):
        _, gain, drift = search(network, network.initial(1), form=form)
        assert gain > 2
        assert drift <= 1e-12


def test_a_hessian_that_is_not_finite_is_named() -> None:
    objective = Objective.from_functions(lambda w: w @ w, lambda w: 2 * w, lambda w, v: np.full(2, np.nan), size=2)
    found, gain, _ = search(objective, (1, 2))
    assert (found.status, gain, found.point.tolist()) == (Status.NON_FINITE, 1.0, [1, 2])


def test_wrong_derivatives_make_nothing_worse() -> None:
    objective = Objective.from_functions(
        lambda w: w @ (w * [1, 9]), lambda w: 2 * w * [1, 9], lambda w, v: -2 * v * [1, 9], size=2
    )
    found, gain, drift = search(objective, (1, 2))
    assert (found.status, gain, drift) == (Status.NO_IMPROVEMENT, 1.0, 0.0)


class Interrupted(Objective):
    """A bowl whose evaluations are broken off after a number of them."""

    def __init__(self, calls: int) -> None:
        super().__init__(quadratic(np.array([1.0, 9.0])).space)
        self.calls = calls

    def _value(self, w: np.ndarray) -> float:
        return float(w @ (w * [1, 9]))

    def _value_and_grad(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls -= 1
        if self.calls == 0:
            raise KeyboardInterrupt
        return self._value(w), 2 * w * [1, 9]

    def _hvp(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        return 2 * v * [1, 9]


def test_interruption_returns_the_best_so_far() -> None:
    found, gain, drift = search(Interrupted(12), (1, 0.1))
    assert found.status == Status.INTERRUPTED
    assert gain > 1
    assert abs(drift) <= 1e-12


def test_other_targets() -> None:
    objective = from_text("x**2 + y**2 + z**2")
    c = np.array([1.0, 2.0, -2.0])
    linear = FunctionTarget(lambda objective, w: (float(c @ w), c), has_gradient=True)
    for sign in (1, -1):
        found, _, _ = search(objective, (3, 0, 0.5), linear, maximize=sign > 0)
        np.testing.assert_allclose(found.point, sign * c / 3 * np.sqrt(9.25), atol=1e-6)
    booth = from_text(BOOTH)
    _, gain, _ = search(booth, (5, -5), PreconditionedGradientNorm([1.0, 1.0]), hvps=15)
    assert gain == pytest.approx(1.8, rel=1e-6)


def test_a_target_without_gradient_is_refused() -> None:
    with pytest.raises(InputError, match="gradient"):
        search(from_text(BOOTH), (5, -5), FunctionTarget(lambda objective, w: float(w[0])))


def test_budget_and_steps_are_kept() -> None:
    objective = quadratic(np.logspace(0, 4, 30))
    w = np.ones(30)
    for options, hvps, steps in (({"hvps": 3}, 3, 3), ({"steps": 4}, 4, 4)):
        before = objective.ledger.total()
        found, _, _ = search(objective, w, **options)
        assert (objective.ledger.total() - before).hvps == hvps
        assert (found.steps, found.status) == (steps, Status.MAX_STEPS)


def test_a_start_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError, match="starting point"):
        search(from_text("log(x) + y"), (-1, 0))


def test_options_out_of_range_are_refused() -> None:
    wrong: list[dict[str, Any]] = [
        {"form": "inside"},
        {"steps": 0},
        {"hvps": 1.5},
        {"radius": -1.0},
        {"tolerance": 2.0},
        {"optimality": 0},
        {"restarts": -1},
        {"restarts": True},
    ]
    for options in wrong:
        with pytest.raises(InputError, match=next(iter(options))):
            LevelSetMove(**options)


def test_the_learning_problem_is_that_of_the_network_objective() -> None:
    """Two implementations of the softplus network."""
    problem = SoftplusNetwork()
    network = Network(
        widths=(64, 50, 10), inputs=problem.images.T, targets=problem.classes, activation="softplus", bias=True
    )
    w, v = problem.initial(0), problem.initial(1)
    assert network.value(w) == pytest.approx(problem.value(w), rel=1e-13)
    np.testing.assert_allclose(network.gradient(w), problem.gradient(w), atol=1e-14)
    np.testing.assert_allclose(network.hvp(w, v), problem.hvp(w, v), atol=1e-13)
