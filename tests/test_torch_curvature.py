"""Curvature of orbits through the parameters of modules, beside closed forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import leaky_relu  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.meters import CurvatureTarget, curvature, curve_curvature  # noqa: E402

ACTIVATIONS: dict[str, tuple[Any, Any, Any, Any]] = {
    "leaky_relu": (
        lambda z: leaky_relu(z, 0.1),
        lambda s: leaky_relu(s, 10.0),
        lambda z: 0.1 + 0.9 * (z > 0).to(z),
        torch.zeros_like,
    ),
    "sinh": (torch.sinh, torch.asinh, torch.cosh, torch.sinh),
    "softplus": (
        lambda z: torch.log1p(torch.exp(z)),
        lambda s: torch.log(torch.expm1(s)),
        torch.sigmoid,
        lambda z: torch.sigmoid(z) * torch.sigmoid(-z),
    ),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network(rng: Any, widths: tuple[int, ...] = (12, 6, 4), samples: int = 5) -> tuple[dict[str, Any], Any]:
    """Weights V, U of a network of two layers, and inputs."""
    made = [torch.from_numpy(rng.standard_normal(shape) / shape[1] ** 0.5) for shape in pairwise(reversed(widths))][
        ::-1
    ]
    return dict(zip("VU", made, strict=True)), torch.from_numpy(rng.standard_normal((widths[0], samples)))


def hidden_curve(X: Any, name: str) -> Any:
    """The action of exp(tM) on the hidden states of a network of two layers with inputs X."""
    value, inverse, _, _ = ACTIVATIONS[name]
    left = torch.linalg.pinv(X)

    def curve(parameters: Any, M: Any, t: Any) -> Any:
        z = parameters["V"] @ X
        goal = torch.linalg.matrix_exp(t * M) @ value(z)
        U = parameters["U"] @ torch.linalg.matrix_exp(-t * M)
        return {"V": parameters["V"] + (inverse(goal) - z) @ left, "U": U}

    return curve


def closed_form(parameters: Any, X: Any, M: Any, name: str) -> list[Any]:
    """Velocity and acceleration of the curve, and for a piecewise linear activation its third derivative."""
    value, _, slope, bend = ACTIVATIONS[name]
    V, U = parameters["V"], parameters["U"]
    z, left = V @ X, torch.linalg.pinv(X)
    s, d, b = value(z), slope(z), bend(z)
    first = [(M @ s / d) @ left, -U @ M]
    second = [(M @ M @ s / d - b / d**3 * (M @ s) ** 2) @ left, U @ M @ M]
    third = [(M @ M @ M @ s / d) @ left, -U @ M @ M @ M]
    return [torch.cat([part.ravel() for part in parts]).numpy() for parts in (first, second, third)]


def curvature_and_slope(v: Any, a: Any, j: Any) -> tuple[float, float]:
    r"""The textbook formula, and its derivative by the quotient rule."""
    vv, va, aa, vj, aj = v @ v, v @ a, a @ a, v @ j, a @ j
    area = vv * aa - va**2
    value = np.sqrt(area) / vv**1.5
    area_slope = 2 * va * aa + 2 * vv * aj - 2 * va * (aa + vj)
    return value, area_slope / (2 * np.sqrt(area) * vv**1.5) - 3 * value * va / vv


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_the_action_on_hidden_states_has_the_curvature_of_the_closed_form(name, seed):
    rng = np.random.default_rng(seed)
    parameters, X = network(rng)
    if name == "softplus":  # keeps hidden states well within the range
        parameters["V"] = parameters["V"] * 0.3
    M = torch.from_numpy(rng.standard_normal((6, 6)))
    M /= M.norm()
    found = curve_curvature(hidden_curve(X, name), parameters, M)
    v, a, j = closed_form(parameters, X, M, name)
    value, slope = curvature_and_slope(v, a, j)
    assert found.method == "nested forward mode"
    assert found.value == pytest.approx(value, rel=1e-8)
    assert found.speed == pytest.approx(np.linalg.norm(v), rel=1e-8)
    if name == "leaky_relu":
        assert found.slope == pytest.approx(slope, rel=1e-8)
    else:
        curve = hidden_curve(X, name)
        ends = [curve(parameters, M, torch.tensor(t, dtype=torch.float64)) for t in (1e-4, -1e-4)]
        values = [curvature_and_slope(*closed_form(end, X, M, name))[0] for end in ends]
        assert found.slope == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-5, abs=1e-7)


def test_a_network_of_the_size_in_the_literature():
    """784-16-10-10, the pair of the last two layers, with the hidden states of eight samples."""
    rng = np.random.default_rng(0)
    below, X = network(rng, (784, 16, 10), samples=8)
    hidden = leaky_relu(below["V"] @ X, 0.1)
    parameters, _ = network(rng, (16, 10, 10))
    M = torch.from_numpy(rng.standard_normal((10, 10)))
    M /= M.norm()
    found = curve_curvature(hidden_curve(hidden, "leaky_relu"), parameters, M)
    value, slope = curvature_and_slope(*closed_form(parameters, hidden, M, "leaky_relu"))
    assert found.value == pytest.approx(value, rel=1e-8)
    assert found.slope == pytest.approx(slope, rel=1e-8)


def scaled(parameters: Any, m: Any, t: Any) -> Any:
    """Positive scalings of hidden units."""
    return {"V": torch.exp(t * m)[:, None] * parameters["V"], "U": parameters["U"] * torch.exp(-t * m)}


@pytest.mark.parametrize("seed", range(4))
def test_scalings_have_the_curvature_of_the_closed_form(seed):
    rng = np.random.default_rng(seed)
    parameters, _ = network(rng)
    m = torch.from_numpy(rng.standard_normal(6))
    V, U = parameters["V"], parameters["U"]
    ways = [torch.cat([(m[:, None] ** k * V).ravel(), ((-m) ** k * U).ravel()]).numpy() for k in (1, 2, 3)]
    value, slope = curvature_and_slope(*ways)
    found = curve_curvature(scaled, parameters, m)
    assert found.value == pytest.approx(value, rel=1e-8)
    assert found.slope == pytest.approx(slope, rel=1e-8)


@dataclass
class Scalings:
    """What a symmetry of a module looks like from here."""

    coordinates: int = 6

    def transformed(self, parameters: Any, coordinates: Any) -> Any:
        return scaled(parameters, coordinates, torch.ones((), dtype=coordinates.dtype))


def test_the_mean_is_over_uniform_elements_and_has_an_honest_error():
    parameters, _ = network(np.random.default_rng(1))
    means = [curvature(Scalings(), parameters, elements=4, rng=seed) for seed in range(24)]
    reference = curvature(Scalings(), parameters, elements=100, rng=1000)
    scores = [(one.value - reference.value) / np.hypot(one.standard_error, reference.standard_error) for one in means]
    assert abs(np.mean(scores)) < 1
    assert 0.5 < np.std(scores) < 2.5
    assert reference.evidence == {"derivatives": "nested forward mode", "coordinates": 6}


def test_symmetry_and_function_agree():
    parameters, _ = network(np.random.default_rng(1))
    with torch.no_grad():
        assert curvature(Scalings(), parameters, elements=3) is not None
        assert CurvatureTarget(Scalings(), parameters).value_and_gradient(parameters)[1]["V"].abs().max() > 0
    one = curvature(Scalings(), parameters, elements=3)
    two = curvature(scaled, parameters, shape=(6,), elements=3)
    assert one.value == pytest.approx(two.value, rel=1e-13)
    assert one.value == curvature(Scalings(), parameters, elements=3).value


def test_elements_of_several_matrices_have_unit_length_together():
    parameters, _ = network(np.random.default_rng(1))

    def curve(parameters, element, t):
        row, column = element
        return {"V": torch.linalg.matrix_exp(t * row) @ parameters["V"] @ torch.diag(torch.exp(t * column))}

    target = CurvatureTarget(curve, parameters, shape=[(6, 6), (12,)], elements=2)
    for row, column in target.elements:
        assert row.square().sum() + column.square().sum() == pytest.approx(1, rel=1e-13)
    assert target.dimension == 48


@pytest.mark.parametrize("kind", ["scalings", "hidden"])
def test_gradient_of_the_mean_curvature(kind):
    parameters, X = network(np.random.default_rng(2))
    orbit, shape = (Scalings(), None) if kind == "scalings" else (hidden_curve(X, "sinh"), (6, 6))
    target = CurvatureTarget(orbit, parameters, shape=shape, elements=2)
    value, gradient = target.value_and_gradient(parameters)
    assert float(value) == pytest.approx(curvature(orbit, parameters, shape=shape, elements=2).value, rel=1e-12)
    by_functions = torch.func.grad(target)(parameters)
    for name, one in parameters.items():
        move = torch.from_numpy(np.random.default_rng(3).standard_normal(one.shape))
        ends = [float(target({**parameters, name: one + sign * 1e-6 * move})) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(float((gradient[name] * move).sum()), rel=1e-6)
        assert torch.allclose(by_functions[name], gradient[name], rtol=1e-10)


class Backward(torch.autograd.Function):
    """An exponential without forward mode."""

    @staticmethod
    def forward(ctx, x):
        return torch.exp(x)

    @staticmethod
    def backward(ctx, slope):
        return slope


def test_curves_without_forward_mode_are_differentiated_by_their_values():
    parameters, _ = network(np.random.default_rng(0))
    m = torch.from_numpy(np.random.default_rng(0).standard_normal(6))

    def odd(parameters, m, t):
        s = Backward.apply(t * m)
        return {"V": s[:, None] * parameters["V"], "U": parameters["U"] / s}

    found, exact = curve_curvature(odd, parameters, m), curve_curvature(scaled, parameters, m)
    assert "forward mode fails" in found.method
    assert found.value == pytest.approx(exact.value, rel=1e-8)
    assert found.slope == pytest.approx(exact.slope, rel=1e-5)
    assert "forward mode fails" in curvature(odd, parameters, shape=(6,), elements=2).evidence["derivatives"]


def test_a_straight_line_has_no_curvature():
    point = {"w": torch.ones(3, dtype=torch.float64)}
    found = curve_curvature(lambda p, m, t: {"w": p["w"] * torch.exp(t)}, point, None)
    assert found.value < 1e-15
    assert abs(found.slope) < 1e-14


def test_refused_orbits():
    parameters, _ = network(np.random.default_rng(0))
    with pytest.raises(InputError, match="does not move the parameters"):
        curve_curvature(lambda p, m, t: p, parameters, None)
    with pytest.raises(InputError, match="not finite"):
        curve_curvature(lambda p, m, t: {"V": p["V"] / t}, parameters, None)
    with pytest.raises(InputError, match="shape=None"):
        curvature(scaled, parameters)
    with pytest.raises(InputError, match="an orbit of the type int"):
        curvature(3, parameters)
    with pytest.raises(InputError, match="trivial"):
        curvature(Scalings(coordinates=0), parameters)
    with pytest.raises(InputError, match="elements=0"):
        curvature(Scalings(), parameters, elements=0)
    with pytest.raises(InputError, match="no parameters"):
        curvature(Scalings(), {})

    def refuses(parameters, m, t):
        raise InputError("an element", why="it is outside of the domain", cure="take another")

    with pytest.raises(InputError, match="an element"):
        curve_curvature(refuses, parameters, None)


def test_the_symmetries_of_a_module_are_an_orbit():
    """A linear network: GL(5) by matrices; a ReLU network: scalings, with the curvature of the closed form."""
    from solvers.pytorch import symmetries_of

    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, second = torch.nn.Linear(3, 5, bias=False).double(), torch.nn.Linear(5, 2, bias=False).double()
    inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parameters = {"0.weight": first.weight.detach(), "1.weight": second.weight.detach()}
    found = symmetries_of(torch.nn.Sequential(first, second), inputs)
    assert curvature(found, parameters, elements=2).evidence["coordinates"] == 25
    found = symmetries_of(torch.nn.Sequential(first, torch.nn.ReLU(), second), inputs)
    parameters = {"0.weight": first.weight.detach(), "2.weight": second.weight.detach()}
    own = {"V": parameters["0.weight"], "U": parameters["2.weight"]}
    ours, theirs = curvature(scaled, own, shape=(5,), elements=25), curvature(found, parameters, elements=25)
    assert abs(ours.value - theirs.value) < 4 * np.hypot(ours.standard_error, theirs.standard_error)
