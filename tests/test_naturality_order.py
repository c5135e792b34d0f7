"""Orders of defects: Euler, midpoint and higher, pseudogroups of nonlinear maps, inertia."""

import numpy as np
import pytest

from manifolds import InputError
from solvers.naturality.morphism import Morphism
from solvers.naturality.nonlinear_maps import complex_exponential, generic
from solvers.naturality.problems import start_point, vector_problems
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.spec import OptimizerSpec, run
from solvers.naturality.step_order import flow_order, leading_coefficient, step_order


def field(problem, point):
    return -np.linalg.solve(problem.gauss_newton(point), problem.gradient(point))


def method(name, step, rate=0.1):
    return OptimizerSpec(
        name=name,
        init=lambda problem, theta: {"point": theta},
        step=lambda problem, state, speed: {"point": step(problem, state["point"], speed)},
        slots={"point": "point"},
        rate=rate,
    )


def midpoint(problem, point, rate):
    return point + rate * field(problem, point + rate / 2 * field(problem, point))


def heun(problem, point, rate):
    first = field(problem, point)
    return point + rate / 2 * (first + field(problem, point + rate * first))


def runge_kutta(problem, point, rate):
    a = field(problem, point)
    b = field(problem, point + rate / 2 * a)
    c = field(problem, point + rate / 2 * b)
    d = field(problem, point + rate * c)
    return point + rate / 6 * (a + 2 * b + 2 * c + d)


RATES = (1.0, 0.5, 0.25, 0.125)


@pytest.mark.parametrize(
    ("step", "order"),
    [(lambda p, x, r: x + r * field(p, x), 1), (midpoint, 2), (heun, 2), (runge_kutta, 4)],
    ids=["euler", "midpoint", "heun", "runge-kutta"],
)
def test_slopes_are_the_orders_of_the_methods(step, order):
    found = step_order(method("integrator", step), generic(4, 2), rates=RATES)
    assert found.flow == "natural"
    assert found.slope == pytest.approx(order, abs=0.3 if order < 4 else 0.6)  # one less than that of the defect itself


def test_a_method_that_moves_along_the_path_itself_is_exact():
    def exact(problem, point, rate):
        """Gauss-Newton in the outputs of a square model, mapped back: what no coordinates change."""
        start, outputs = point, problem.model_value(point)
        goal = outputs * np.exp(-rate)
        for _ in range(30):
            start = start - np.linalg.solve(problem.model_jacobian(start), problem.model_value(start) - goal)
        return start

    from solvers.naturality.problem import Problem

    mixed = np.array([[1.0, 0.3], [-0.2, 1.1]])
    square = Problem(size=2, model=lambda x: np.sinh(mixed @ x), output_loss=lambda y: 0.5 * y**2, name="square model")
    other = Problem(size=2, model=lambda x: mixed.T @ x + 0.1 * x**3, output_loss=lambda y: y**2, name="another")
    found = step_order(method("exact", exact), generic(2, 1), problems=[square, other], rates=RATES)
    assert found.flow == "exact"
    assert max(found.defects) <= 1e-12


@pytest.mark.parametrize("name", ["natural-gradient", "gauss-newton", "empirical-fisher"])
def test_the_defect_of_a_natural_step_has_the_coefficient_of_the_theory(name):
    theta = start_point(4, np.random.default_rng(0))
    for rate, bound in ((1e-3, 5e-3), (1e-4, 5e-4)):
        seen, limit = leading_coefficient(OPTIMIZERS[name], vector_problems(4)[0], theta, generic(4, 3), rate)
        assert seen == pytest.approx(limit, rel=bound)


PAIRS = [
    ("root-free-rmsprop", "coordinatewise", 1),
    ("root-free-rmsprop", "generic", 0),
    ("levenberg-marquardt-scaled", "coordinatewise", 1),
    ("levenberg-marquardt-scaled", "generic", 0),
    ("diagonal-newton", "coordinatewise", 0),
    ("gradient-descent", "coordinatewise", 0),
    ("gradient-descent", "conformal", 0),
    ("polyak-step", "conformal", 1),
    ("polyak-step", "generic", 0),
    ("newton", "generic", 0),
    ("newton", "conformal", 0),
    ("adam", "coordinatewise", 0),
    ("natural-gradient", "generic", 1),
    ("natural-gradient", "lower-triangular", 1),
    ("online-newton-step", "generic", 1),
    ("empirical-fisher", "generic", 1),
    ("levenberg-marquardt", "generic", 0),
    ("kl-shampoo-root-free", "moebius", 1),
    ("kl-shampoo-root-free", "generic", 0),
]


@pytest.mark.parametrize(("name", "maps", "slope"), PAIRS)
def test_pseudogroups_of_nonlinear_maps(name, maps, slope):
    found = step_order(OPTIMIZERS[name], maps)
    assert found.slope == pytest.approx(slope, abs=0.05 if slope else 0.1)
    assert found.flow == ("natural" if slope else "unnatural")


def triangular_sign(upper):
    """Sign steps in a frame that a natural metric fixes up to triangular maps of one kind."""

    def step(problem, point, rate):
        metric = problem.gauss_newton(point)
        flip = slice(None, None, -1) if upper else slice(None)
        frame = np.linalg.inv(np.linalg.cholesky(metric[flip, flip])[flip, flip]).T
        return point - rate * frame @ np.sign(frame.T @ problem.gradient(point))

    return method("sign in a frame", step)


@pytest.mark.parametrize("upper", [False, True])
def test_a_triangular_frame_follows_triangular_maps_of_one_kind(upper):
    slopes = {maps: step_order(triangular_sign(upper), maps).slope for maps in ("lower-triangular", "upper-triangular")}
    natural = max(slopes, key=slopes.get)
    assert sorted(slopes.values()) == pytest.approx([0, 1], abs=0.05)
    assert natural == ("lower-triangular" if upper else "upper-triangular")


def test_polyak_steps_follow_holomorphic_maps_of_the_plane():
    problems = vector_problems(2)
    assert step_order(OPTIMIZERS["polyak-step"], complex_exponential(), problems=problems).slope == pytest.approx(
        1, abs=0.05
    )
    assert step_order(OPTIMIZERS["newton"], complex_exponential(), problems=problems).slope == pytest.approx(0, abs=0.1)


def test_affine_maps_are_followed_exactly_from_a_warm_state():
    found = step_order(OPTIMIZERS["heavy-ball"], "orthogonal", warm=3)
    assert found.flow == "exact"
    assert max(found.slots.values()) <= 1e-12


def test_differences_of_gradients_are_no_covectors_along_curves():
    assert step_order(OPTIMIZERS["bfgs-natural"], "generic", steps=1).flow == "natural"
    assert step_order(OPTIMIZERS["bfgs-natural"], "generic", steps=3).flow == "unnatural"


def test_slots_without_a_lift_and_steps_without_a_rate_are_undecided():
    found = step_order(OPTIMIZERS["adam"], "orthogonal", warm=2)
    assert (found.flow, found.claim.verdict) == ("undecided", "undecided")
    assert "lift" in found.reason
    fixed = method("fixed", lambda p, x, r: x - 0.1 * p.gradient(x))
    assert "no flow" in step_order(fixed, "generic").reason


def average(inertial, connection=False):
    """Natural gradient with a velocity; decay by step or by time, with the Levi-Civita term or without."""

    def step(problem, state, rate):
        point, v = state["point"], state["velocity"]
        share = 1.0 - 2.0 * rate if inertial else 0.5
        force = field(problem, point)
        if connection:
            J, metric = problem.model_jacobian(point), problem.fisher(point)
            bend = np.einsum("mij,i,j->m", problem.model_second(point), v, v)
            v = v - rate * np.linalg.solve(metric, J.T @ bend)
            force = -np.linalg.solve(metric, problem.gradient(point))
        v = share * v + (rate if inertial else 1 - share) * (4 * force if inertial else force)
        return {"point": point + rate * v, "velocity": v}

    return OptimizerSpec(
        name="with velocity",
        init=lambda problem, theta: {"point": theta, "velocity": np.zeros(len(theta))},
        step=step,
        slots={"point": "point", "velocity": "tt" if inertial else "vector"},
        scaling="inertial" if inertial else "adiabatic",
    )


@pytest.mark.parametrize(("inertial", "connection", "slope"), [(False, False, 1), (True, False, 0), (True, True, 1)])
def test_inertia_needs_the_connection(inertial, connection, slope):
    least_squares = vector_problems(4)[:2]
    spec = average(inertial, connection)
    found = flow_order(spec, generic(4, 4), time=1.0, steps=(40, 80, 160), problems=least_squares)
    assert found.slope == pytest.approx(slope, abs=0.15)
    if slope == 0:
        assert min(found.defects) > 0.01


@pytest.mark.parametrize(
    "call",
    [
        lambda spec: step_order(spec, "generic", rates=[1e-2]),
        lambda spec: step_order(spec, "generic", rates=[1e-3, 1e-2]),
        lambda spec: step_order(spec, "generic", rates=[1e-2, -1e-3]),
        lambda spec: step_order(spec, Morphism(np.sinh, np.sinh, name="wrong")),
        lambda spec: flow_order(spec, "generic", time=-1.0),
        lambda spec: flow_order(spec, "generic", time="long"),
        lambda spec: run(spec, vector_problems(2)[0], [1.0, 2.0], steps=-1),
        lambda spec: run(spec, vector_problems(2)[0], [1.0, 2.0], rate=0.0),
        lambda spec: step_order(spec, "curly"),
    ],
)
def test_bad_arguments_are_refused(call):
    with pytest.raises(InputError):
        call(OPTIMIZERS["gradient-descent"])
