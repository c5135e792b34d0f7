"""Second-order jets against central differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds import InputError
from solvers.naturality.jets import Jet, derivatives

A = np.array([[0.7, -0.4, 0.2], [0.3, 0.9, -0.5], [-0.6, 0.1, 0.8]])
FUNCTIONS = {
    "sums and products": lambda x: np.sum(x**3) * x[0] - x[1] / (x[2] + 3),
    "elementary": lambda x: np.sum(np.exp(x) + np.log(x + 2) + np.tanh(x) + np.sin(x) * np.cos(x) + np.sqrt(x + 2)),
    "hyperbolic": lambda x: np.sum(np.sinh(x) - np.cosh(x) * np.arcsinh(x) + np.arctan(x) + np.log1p(x**2)),
    "inverse": lambda x: np.sum(np.arctanh(x / 3) + np.arcsin(x / 4) + np.tan(x / 2) + np.expm1(x)),
    "matrix": lambda x: np.sum((A @ x) ** 2 * (x @ A)) + x @ A @ x,
    "vectors": lambda x: np.dot(x, A[0]) + np.linalg.norm(x + 2) + np.outer(x, x).trace() + np.mean(x * x),
    "inverse of a matrix": lambda x: (
        np.linalg.inv(A + 0.1 * np.outer(x, x)).sum() + np.trace(np.linalg.solve(A, A * x))
    ),
    "parts": lambda x: np.concatenate([x[:2], x[1:] ** 2]) @ np.arange(4.0) + np.stack([x, x**2]).T.sum(0) @ np.ones(2),
    "shapes": lambda x: (x.reshape(3, 1) * x.reshape(1, 3)).ravel() @ np.arange(9.0) + np.reshape(x, (1, 3)).mean(0)[1],
    "choices": lambda x: np.sum(np.maximum(x, 0.25) + np.minimum(x, 2 * x) * np.abs(x)),
    "powers": lambda x: np.sum((x + 2) ** 1.5) + 2.0 ** x[0] + (x[0] + 2) ** x[1] + np.sum(x**1 + x**0 + 1 / (x + 2)),
    "angle": lambda x: np.arctan2(x[0] - 2, x[1]) * x[2] + np.arctan2(x[1], x[0] + 3),
    "constants": lambda x: np.sum(2 - x) + np.sum(np.array([1.0, 2.0, 3.0]) * x) + np.sum(+x - (-x)),
}


def differences(function, x, h=1e-4):
    """Gradient and Hessian by central differences of the plain function."""
    steps = h * np.eye(len(x))
    gradient = np.array([(function(x + e) - function(x - e)) / (2 * h) for e in steps])
    hessian = [
        [function(x + e + f) - function(x + e - f) - function(x - e + f) + function(x - e - f) for f in steps]
        for e in steps
    ]
    return gradient, np.array(hessian) / (4 * h * h)


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_derivatives_are_those_of_central_differences(name, seed):
    x = np.random.default_rng(seed).uniform(0.3, 1.0, 3) * [1, -1, 1]
    jet, function = derivatives(FUNCTIONS[name], x), FUNCTIONS[name]
    gradient, hessian = differences(function, x)
    assert jet.value == pytest.approx(function(x), rel=1e-14)
    assert np.allclose(jet.first, gradient, rtol=1e-6, atol=1e-6)
    assert np.allclose(jet.second, hessian, rtol=1e-4, atol=1e-5)
    assert np.array_equal(jet.first, derivatives(function, x, order=1).first)
    assert derivatives(function, x, order=1).second is None


def test_a_function_without_the_parameters_has_no_derivatives():
    jet = derivatives(lambda x: 3.0, np.ones(2))
    assert (float(jet.value), jet.first.tolist(), jet.second.tolist()) == (3.0, [0, 0], [[0, 0], [0, 0]])


@pytest.mark.parametrize(
    "function",
    [lambda x: np.floor(x).sum(), lambda x: np.sort(x)[0], lambda x: float(x[0]), np.asarray, np.cumsum],
)
def test_what_has_no_rule_is_refused(function):
    with pytest.raises(InputError):
        derivatives(function, np.ones(2))


def test_jets_have_a_length_and_parts():
    x = Jet.variable(np.array([1.0, 2.0]))
    assert (len(x), x.size, x.ndim, x.shape) == (2, 2, 1, (2,))
    assert [float(part.value) for part in x] == [1.0, 2.0]
    assert np.shape(x) == (2,)
