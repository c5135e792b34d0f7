"""Rates where the Hessian is stable, on logistic regression."""

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.rates import hessian_stability_rate, logistic_stability
from symmetries import Loss

RNG = np.random.default_rng(3)
FEATURES = RNG.standard_normal((40, 3))
LABELS = np.sign(FEATURES @ [1, 2, -1.0] + 0.5 * RNG.standard_normal(40))
LOGISTIC = Loss.parse(
    "mean(softplus(-y*(X@w))) + 0.005*sum(w**2)",
    {"w": (3,)},
    data={"X": FEATURES.tolist(), "y": LABELS.tolist()},
)
SMOOTHNESS = float(np.linalg.eigvalsh(FEATURES.T @ FEATURES / 160)[-1]) + 0.01


@pytest.mark.parametrize("teleports", ["every", "every-other", {1, 2, 5}])
def test_rates_of_a_logistic_loss(teleports):
    check = hessian_stability_rate(LOGISTIC, [1.0, -0.5, 1.0], smoothness=SMOOTHNESS, steps=8, teleports=teleports)
    assert check.verdict == "measured"
    assert len(check.claims) == (5 if teleports == "every-other" else 4)
    factors, evidence = check.claims[2].evidence["factors"], check.claims[2].evidence
    assert max(factors) <= 1 - evidence["mu"] / evidence["constant"] + 1e-9


def test_constants_from_the_samples_are_rigorous():
    check = logistic_stability(FEATURES, 0.4)
    mu, upper = (check.claims[0].evidence[name] for name in ("mu", "lambda"))
    assert 0 < mu < 1 < upper
    weight = lambda z: np.logaddexp(0, z)  # noqa: E731
    for _ in range(200):
        x = RNG.standard_normal(3)
        d = RNG.standard_normal(3)
        d *= 0.4 / np.linalg.norm(d)
        z, dz = FEATURES @ x, FEATURES @ d
        s = 1 / (1 + np.exp(-z))
        rest = np.mean(weight(z + dz) - weight(z) - s * dz)
        bend = np.mean(s * (1 - s) * dz**2) / 2
        assert mu * bend <= rest + 1e-15
        assert rest <= upper * bend + 1e-15
    assert logistic_stability(FEATURES, 1e-6).claims[0].evidence["mu"] == pytest.approx(1, abs=1e-5)


def test_rigorous_constants_give_the_rate_too():
    start = np.array([0.5, 0.5, 0.0])
    spread = 2 * np.linalg.norm(start) + 4
    pair = tuple(logistic_stability(FEATURES, spread).claims[0].evidence[name] for name in ("mu", "lambda"))
    check = hessian_stability_rate(LOGISTIC, start, smoothness=SMOOTHNESS, steps=4, constants=pair)
    assert check.verdict == "measured"


def test_constants_that_are_too_good_are_found_out():
    check = hessian_stability_rate(
        LOGISTIC, [1.0, -0.5, 1.0], smoothness=SMOOTHNESS, steps=4, teleports="every", constants=(1.0, 1.0)
    )
    assert check.claims[0].verdict == check.verdict == "refuted"


def test_bad_input():
    for options in ({"teleports": "never"}, {"constants": (2.0, 1.0)}, {"steps": 0}, {"smoothness": -1.0}):
        with pytest.raises(InputError):
            hessian_stability_rate(LOGISTIC, [1.0, 0.0, 0.0], **{"smoothness": 1.0, **options})
    with pytest.raises(InputError, match="features"):
        logistic_stability([1.0, 2.0], 1.0)


def test_a_loss_without_a_minimum_is_undecided():
    loss = Loss.parse("log(1 + exp(-x))")
    assert hessian_stability_rate(loss, [0.0], smoothness=0.25).verdict == "undecided"


def test_a_loss_that_is_not_convex_on_the_way_is_undecided():
    loss = Loss.parse("(x**2 - 1)**2 + y**2 + 3*x")
    check = hessian_stability_rate(loss, [1.3, 0.7], smoothness=40.0, steps=4, minimiser=[-1.2469796, 0.0])
    assert [claim.verdict for claim in check.claims] == ["undecided", "measured", "undecided"]


@pytest.mark.parametrize(
    "options",
    [{"teleports": [1.5]}, {"teleports": 3}, {"constants": "ab"}, {"constants": (1.0,)}, {"teleports": [True]}],
)
def test_options_that_make_no_sense(options):
    with pytest.raises(InputError, match=next(iter(options))):
        hessian_stability_rate(Loss.parse("x**2 + y**2"), [1.0, 1.0], smoothness=2.0, steps=4, **options)


def test_many_perfect_steps_do_not_overflow():
    bowl = Loss.parse("x**2/2 + 5*y**2")
    options = {"smoothness": 10.0, "steps": 60, "teleports": "every", "constants": (1.0, 1.0)}
    assert hessian_stability_rate(bowl, [1.0, 1.0], **options).verdict == "measured"


@pytest.mark.parametrize(
    ("formula", "w", "options", "why"),
    [
        ("x**2 + 9*y**2", [1.0, 1.0], {"smoothness": 18.0, "minimiser": [1.0, 0.0]}, "at the minimiser"),
        ("x**4 - x**2 + y**2", [0.1, 0.5], {"smoothness": 20.0, "minimiser": [0.0, 0.0]}, "below the loss"),
        ("x**2 + 9*y**2", [1.0, 1.0], {"smoothness": 0.5}, "not Lipschitz"),
    ],
)
def test_a_wrong_minimiser_or_smoothness_decides_nothing(formula, w, options, why):
    check = hessian_stability_rate(Loss.parse(formula), w, steps=12, **options)
    assert (check.claims[-1].verdict, why in check.claims[-1].reason) == ("undecided", True)


def test_a_teleport_to_nowhere_measures_nothing():
    bowl = Loss.parse("x**2 + y**2")
    check = hessian_stability_rate(bowl, [1.0, 1.0], smoothness=2.0, steps=4, teleport=lambda w: w * np.nan)
    assert check.claims[0].verdict == "undecided"
    assert check.verdict == "undecided"
