"""Remedies: what each of them repairs, by paths under linear maps and by slopes under nonlinear ones."""

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.naturality.linear_maps import general_linear, orthogonal
from solvers.naturality.naturalise import REMEDIES, naturalise
from solvers.naturality.nonlinear_maps import coordinatewise, generic
from solvers.naturality.problem import Problem
from solvers.naturality.problems import start_point, vector_problems
from solvers.naturality.registry import read_optimizer
from solvers.naturality.remedies.charts import balanced_slice, eigenframe, in_chart
from solvers.naturality.remedies.discretisation import METHODS
from solvers.naturality.remedies.inertia import connected, natural_inertia, natural_momentum
from solvers.naturality.remedies.metrics import METRICS, christoffel, metric_at
from solvers.naturality.spec import OptimizerSpec, run
from solvers.naturality.trajectory import trajectory

NGD = naturalise("gradient-descent", by="metric")


def levels(spec):
    """Natural classes of a spec."""
    return set(trajectory(spec, maps=2).natural)


ALL = {"translation", "permutation", "sign", "orthogonal", "scalar", "diagonal", "block-rotation", "general"}


@pytest.mark.parametrize(
    ("rule", "by", "options", "gained"),
    [
        ("sign-descent", "declare", {}, {"scalar", "diagonal"}),
        ("gradient-descent", "metric", {}, {"scalar", "diagonal", "general"}),
        ("heavy-ball", "metric", {"metric": "gauss-newton"}, {"scalar", "diagonal", "general"}),
        ("normalised-gradient-descent", "frame", {"frame": "cholesky"}, {"scalar", "diagonal", "general"}),
        (
            "sign-descent",
            "frame",
            {"frame": "eigenframe"},
            {"orthogonal", "block-rotation", "scalar", "diagonal", "general"},
        ),
        ("adam", "frame", {"frame": "eigenframe"}, {"orthogonal", "block-rotation", "scalar", "diagonal", "general"}),
        ("sign-descent", "frame", {"frame": "root"}, {"scalar"}),
        ("adam", "metric", {}, set()),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_what_a_remedy_adds(rule, by, options, gained):
    before, after = levels(read_optimizer(rule)), levels(naturalise(rule, by=by, **options))
    assert after - before == gained
    if by != "metric" or gained:
        assert before <= after


def one_step(spec, rate, maps=generic):
    """The defects of one step on five problems."""
    defects = []
    for seed, problem in enumerate(vector_problems(4)):
        phi, theta = maps(4, seed), start_point(4, np.random.default_rng(seed))
        above = run(spec, problem, theta, rate=rate)["point"]
        below = run(spec, problem.push(phi), phi.apply(theta), rate=rate)["point"]
        defects.append(np.linalg.norm(phi.apply(above) - below))
    return np.array(defects)


def slope(spec, maps=generic, rates=(1e-2, 1e-3)):
    coarse, fine = (one_step(spec, rate, maps) for rate in rates)
    return float(np.median(np.log(coarse / fine)) / np.log(rates[0] / rates[1]))


@pytest.mark.parametrize(("method", "order"), [("midpoint", 3.0), ("geodesic", 3.0), ("runge-kutta", 5.0)])
def test_better_methods_raise_the_order(method, order):
    assert abs(slope(NGD) - 2) < 0.25
    rates = (0.2, 0.05) if order > 4 else (1e-2, 1e-3)
    found = slope(naturalise(NGD, by="discretisation", method=method), rates=rates)
    assert abs(found - order) < (0.6 if order > 4 else 0.3)


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_the_exponential_is_exact_at_every_rate(rate):
    assert one_step(naturalise(NGD, by="discretisation", method="exponential"), rate).max() <= 1e-12


@pytest.mark.parametrize("method", ["midpoint", "runge-kutta"])
def test_no_method_repairs_an_unnatural_field(method):
    assert abs(slope(naturalise("gradient-descent", by="discretisation", method=method)) - 1) < 0.1


@pytest.mark.parametrize(
    ("rule", "options", "natural"),
    [
        ("sign-descent", {"frame": "eigenframe"}, True),
        ("normalised-gradient-descent", {"frame": "cholesky"}, True),
        ("sign-descent", {"frame": "root"}, False),
        ("sign-descent", {"frame": "cholesky"}, False),
    ],
)
def test_frames_under_nonlinear_maps(rule, options, natural):
    found = slope(naturalise(rule, by="frame", **options))
    assert abs(found - (2 if natural else 1)) < 0.15


def test_declared_rates_follow_coordinatewise_scalings_alone():
    spec = naturalise("sign-descent", by="declare")
    ones = ("diag_con2", np.ones(4))
    for make, natural in ((coordinatewise, True), (orthogonal, False)):
        problem, theta = vector_problems(4)[0], start_point(4, np.random.default_rng(0))
        declared = Problem(problem._loss, size=4, hidden={"squared rates": ones})
        phi = make(4, 1)
        try:
            moved = run(spec, declared.push(phi), phi.apply(theta), rate=1e-5)["point"]
        except InputError:
            assert not natural
            continue
        image = phi.apply(run(spec, declared, theta, rate=1e-5)["point"])
        assert (np.linalg.norm(moved - image) / np.linalg.norm(image - phi.apply(theta)) < 1e-3) == natural


def paths_apart(spec, rate, time=2.0):
    """Median relative distance of paths of a fixed time, over three problems."""
    found = []
    for seed, problem in enumerate(vector_problems(4)[:3]):
        phi, theta = generic(4, seed), 1.5 * start_point(4, np.random.default_rng(seed))
        steps = round(time / rate)
        above = phi.apply(run(spec, problem, theta, rate=rate, steps=steps)["point"])
        below = run(spec, problem.push(phi), phi.apply(theta), rate=rate, steps=steps)["point"]
        found.append(np.linalg.norm(above - below) / np.linalg.norm(above - phi.apply(theta)))
    return float(np.median(found))


@pytest.mark.parametrize(
    ("spec", "expected", "margin"),
    [
        (NGD, 1.0, 0.1),
        (natural_momentum(), 1.0, 0.15),
        (natural_inertia(friction=0.3), 0.0, 0.1),
        (naturalise(natural_inertia(friction=0.3), by="connection"), 1.0, 0.1),
    ],
    ids=["natural gradient", "adiabatic", "inertial", "inertial with connection"],
)
def test_inertia_needs_its_connection(spec, expected, margin):
    coarse, fine = paths_apart(spec, 0.02), paths_apart(spec, 0.005)
    assert abs(np.log(coarse / fine) / np.log(4) - expected) < margin
    if expected == 0:
        assert fine > 0.05
    else:
        assert fine < 0.02


def test_all_of_them_are_exact_under_linear_maps():
    for spec in (natural_momentum(), natural_inertia(), connected(natural_inertia())):
        assert levels(spec) == ALL


# the gauge


def linear_network(seed=0):
    """A two-layer linear regression with 3 inputs, 2 hidden units and 2 outputs."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((7, 3)), rng.standard_normal((7, 2))

    def model(theta):
        return (x @ theta[:6].reshape(2, 3).T @ theta[6:].reshape(2, 2).T).reshape(-1)

    problem = Problem(size=10, model=model, output_loss=lambda z: 0.5 * (z - y.reshape(-1)) ** 2 / 7)
    return problem, rng.standard_normal(10)


def moved_by(g, theta):
    return np.concatenate([(g @ theta[:6].reshape(2, 3)).ravel(), (theta[6:].reshape(2, 2) @ np.linalg.inv(g)).ravel()])


def test_a_fixed_gauge_makes_the_loss_the_same_along_the_orbit():
    problem, theta = linear_network()
    g = np.array([[1.5, 0.4], [-0.3, 0.8]])
    fixed = naturalise("gradient-descent", by="gauge", slice=balanced_slice((3, 2, 2)))

    def losses(spec, start):
        return np.array([problem.value(run(spec, problem, start, rate=0.05, steps=k)["point"]) for k in range(1, 6)])

    plain = read_optimizer("gradient-descent")
    np.testing.assert_allclose(losses(fixed, moved_by(g, theta)), losses(fixed, theta), rtol=1e-10)
    assert np.abs(losses(plain, moved_by(g, theta)) - losses(plain, theta)).max() > 1e-3


def test_the_slice_is_balanced():
    theta = linear_network()[1]
    balanced = np.linalg.inv(balanced_slice((3, 2, 2))(None, theta)) @ theta
    W1, W2 = balanced[:6].reshape(2, 3), balanced[6:].reshape(2, 2)
    np.testing.assert_allclose(W1 @ W1.T, W2.T @ W2, atol=1e-12)
    np.testing.assert_allclose(W2 @ W1, theta[6:].reshape(2, 2) @ theta[:6].reshape(2, 3), atol=1e-12)


# the pieces


def test_the_connection_is_that_of_the_metric():
    """Christoffel symbols from derivatives of G, an independent formula."""
    problem, theta, h = vector_problems(3)[0], np.array([0.4, -0.7, 0.9]), 1e-5
    G = problem.fisher(theta)
    dG = np.array([(problem.fisher(theta + h * e) - problem.fisher(theta - h * e)) / (2 * h) for e in np.eye(3)])
    lower = 0.5 * (np.einsum("kij->ijk", dG) * -1 + np.einsum("ikj->ijk", dG) + np.einsum("jki->ijk", dG))
    u, v = np.array([1.0, 2.0, -1.0]), np.array([0.5, 0.1, 0.3])
    expected = np.linalg.solve(G, np.einsum("ijk,i,j->k", lower, u, v))
    np.testing.assert_allclose(christoffel(problem, theta)(u, v), expected, rtol=1e-6)


def test_the_exponential_of_a_flat_metric_is_a_straight_line_in_the_outputs():
    bend = Problem(lambda x: (x**2).sum(), size=2, model=lambda x: np.stack([np.sinh(x[0]), x[1] + x[0] ** 2]))
    theta, spec = np.array([0.3, -0.2]), naturalise("gradient-descent", by="metric")
    end = run(naturalise(spec, by="discretisation", method="exponential"), bend, theta, rate=0.2)["point"]
    V = run(spec, bend, theta, rate=0.2)["point"] - theta
    line = bend.model_value(theta) + bend.model_jacobian(theta) @ V
    np.testing.assert_allclose(bend.model_value(end), line, rtol=1e-11)


def test_a_crossing_of_eigenvalues_is_refused():
    same = eigenframe(METRICS["fisher"], METRICS["fisher"])
    with pytest.raises(InputError, match="eigenframe"):
        same(vector_problems(3)[0], np.ones(3))


def test_a_singular_metric_is_refused():
    few = Problem(lambda x: x[0], size=2, model=lambda x: np.stack([x[0]]))
    with pytest.raises(InputError, match="metric"):
        metric_at(METRICS["fisher"], few, np.ones(2))
    with pytest.raises(InputError, match="metric"):
        run(NGD, few, np.ones(2))


def test_metrics_follow_the_coordinates():
    problem, theta, phi = vector_problems(3)[1], np.array([0.4, -0.7, 0.9]), general_linear(3, 0)
    inverse = np.linalg.inv(phi.jacobian(theta))
    for metric in METRICS.values():
        np.testing.assert_allclose(
            metric(problem.push(phi), phi.apply(theta)), inverse.T @ metric(problem, theta) @ inverse, rtol=1e-10
        )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"by": "magic"}, "remedy"),
        ({"by": "metric", "frame": "root"}, "option"),
        ({"by": "metric", "metric": "euclid"}, "metric"),
        ({"by": "frame", "frame": "wheel"}, "frame"),
        ({"by": "gauge"}, "slice"),
        ({"by": "discretisation", "method": "leap"}, "method"),
        ({"by": "connection"}, "no vector"),
    ],
)
def test_bad_input(options, match):
    with pytest.raises(InputError, match=match):
        naturalise("gradient-descent", **options)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="memory"):
        naturalise("adam", by="discretisation")
    with pytest.raises(InputError, match="connection"):
        naturalise(natural_inertia(), by="connection", metric="gauss-newton")
    hidden = OptimizerSpec(
        name="hidden",
        init=lambda p, theta: {"point": theta, "x": theta},
        step=lambda p, state, rate: state,
        slots={"point": "point", "x": "opaque"},
    )
    with pytest.raises(InputError, match="opaque"):
        in_chart(hidden, lambda p, theta: (np.eye(2), theta), name="", notes="")
    with pytest.raises(InputError, match="factors"):
        balanced_slice((3, 2, 2))(None, np.zeros(10))


METRIC = {"by": "metric"}
FRAME = {"by": "frame"}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (METRIC | {"metric": lambda p, theta: np.zeros((2, 2))}, "metric"),
        (METRIC | {"metric": lambda p, theta: np.diag([1.0, -1.0])}, "metric"),
        (METRIC | {"metric": lambda p, theta: np.eye(3)}, "metric"),
        (FRAME | {"metric": lambda p, theta: -np.eye(2)}, "metric"),
        (FRAME | {"frame": "root", "metric": lambda p, theta: -np.eye(2)}, "metric"),
        (FRAME | {"frame": lambda p, theta: np.zeros((2, 2))}, "frame"),
        (FRAME | {"frame": lambda p, theta: np.eye(3)}, "frame"),
    ],
)
def test_matrices_that_are_no_metrics_and_no_frames_are_refused(options, match):
    with pytest.raises(InputError, match=match):
        run(naturalise("gradient-descent", **options), vector_problems(2)[0], np.ones(2))


def test_slices_of_other_networks_and_remedies_without_a_name_are_refused():
    for call in (
        lambda: balanced_slice((1, 1)),
        lambda: balanced_slice((0, 1, 1)),
        lambda: balanced_slice((1, 1, 1))(None, np.ones(3)),
        lambda: naturalise("adam", by=[]),
    ):
        with pytest.raises(InputError):
            call()


def test_every_remedy_is_in_the_table_of_the_documentation():
    assert all(f"``{name}``" in naturalise.__doc__ for name in REMEDIES)
    assert all(name in naturalise.__doc__ for name in METHODS)


def test_a_chart_changes_nothing_for_what_is_natural_there():
    """Newton's step is the same in every affine chart."""
    spec = naturalise("newton", by="frame", frame=lambda problem, theta: np.diag([2.0, 3.0, 0.5]))
    problem, theta = vector_problems(3)[3], np.array([0.4, -0.7, 0.9])
    plain = run(read_optimizer("newton"), problem, theta, rate=0.5, steps=3)["point"]
    np.testing.assert_allclose(run(spec, problem, theta, rate=0.5, steps=3)["point"], plain, rtol=1e-10)
