"""Which discrete symmetries a flow reaches."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm, logm

from manifolds.errors import InputError
from symmetries.ansatz import Affine, Polynomial
from symmetries.derive import derive
from symmetries.discrete import discrete_symmetries
from symmetries.loss import Loss
from symmetries.permutations.component_group import component_group
from symmetries.permutations.torus import matrices_of, to_floats


def factorisation(r: int) -> Loss:
    return Loss.parse("sum((Y - U@V)**2)", {"U": (2, r), "V": (r, 2)}, data={"Y": (2, 2)})


CASES = [
    ("x**2 + y**2", 8, 2, "Z_2"),  # O(2)
    ("x**2 + y**2 + z**2", 48, 2, "Z_2"),  # O(3)
    ("x**2 + y**2 + z**2 + w**2", 384, 2, "Z_2"),  # O(4)
    ("x**2 + 9*y**2", 4, 2, "Z_2"),  # an ellipse: half a turn is reached, through a generator that is not skew
    ("x*y", 4, 4, "Z_2^2"),  # O(1, 1)
    ("x**2 - y**2", 4, 4, "Z_2^2"),
    ("x**2 + y**2 - z**2", 16, 4, "Z_2^2"),  # O(2, 1)
    ("x**4 + y**4", 8, 8, "D_4"),
    ("(x**2 + y**2)*(z**2 + w**2)", 128, 8, None),  # O(2) x O(2), and the swap
    ("a*d - b*c", 32, 4, "Z_2^2"),  # O(2, 2)
    ("x**2*y**2", 8, 8, "D_4"),
]


@pytest.mark.parametrize(("formula", "order", "components", "name"), CASES, ids=[case[0] for case in CASES])
def test_components(formula: str, order: int, components: int, name: str | None) -> None:
    loss = Loss.parse(formula)
    discrete = discrete_symmetries(loss)
    parts = component_group(discrete, derive(loss))
    assert discrete.order == order
    if parts.order is None:
        assert parts.verdict == "undecided"
        assert formula in {"x**2 + 9*y**2"}
        return
    assert (parts.order, parts.verdict) == (components, "proved")
    assert parts.name == name or name is None


@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_general_linear_group_has_two_components(r: int) -> None:
    loss = factorisation(r)
    parts = component_group(discrete_symmetries(loss), derive(loss))
    assert (parts.order, parts.name) == (2, "Z_2")
    assert parts.verdict in {"proved", "measured"}
    for element in parts.connected or ():
        assert np.linalg.det(element.matrix[: 2 * r, : 2 * r][:r, :r].astype(float)) > 0


def test_scalings_of_neurons_reach_no_permutation() -> None:
    loss = Loss.parse("sum((y - V@relu(W@x))**2)", {"W": (3, 2), "V": (2, 3)}, data={"x": (2,), "y": (2,)})
    parts = component_group(discrete_symmetries(loss), derive(loss))
    assert (parts.order, parts.name, parts.verdict) == (6, "S_3", "proved")


def test_without_a_continuous_part_every_element_is_a_component() -> None:
    shapes = {"W1": (12, 2), "b1": (12,), "W2": (2, 12), "b2": (2,)}
    loss = Loss.parse("sum((y - W2@tanh(W1@x + b1) - b2)**2)", shapes, data={"x": (2,), "y": (2,)})
    discrete = discrete_symmetries(loss)
    algebra = derive(Loss.parse("x**4 + y**4"))
    with pytest.raises(InputError, match="they belong to different losses"):
        component_group(discrete, algebra)
    parts = component_group(discrete, derive(loss))
    assert parts.order == discrete.order
    assert parts.name == "Z_2 wr S_12"


@pytest.mark.parametrize("formula", ["x**2 + y**2 + z**2", "x**2 + y**2 - z**2"])
def test_what_is_reached_is_an_exponential_and_the_rest_is_not(formula: str) -> None:
    loss = Loss.parse(formula)
    discrete, algebra = discrete_symmetries(loss), derive(loss)
    parts = component_group(discrete, algebra)
    matrices = matrices_of(algebra, discrete.coordinates)
    assert matrices is not None
    basis = np.array([to_floats(x).ravel() for x in matrices]).T
    connected = set(parts.connected or ())
    for element in discrete.elements():
        d = element.matrix.astype(float)
        turned = np.abs(np.linalg.eigvals(d) + 1).min() < 1e-9
        if turned:  # the principal logarithm does not exist
            continue
        x = np.real(logm(d))
        rest = x.ravel() - basis @ np.linalg.lstsq(basis, x.ravel(), rcond=None)[0]
        assert (np.abs(rest).max() < 1e-9) == (element in connected)
        assert np.abs(expm(x) - d).max() < 1e-9


def test_fields_that_are_not_linear_are_not_decided() -> None:
    loss = Loss.parse("(x - y)**2 + z**4")
    discrete = discrete_symmetries(loss)
    assert component_group(discrete, derive(loss, ansatz=Affine())).verdict == "undecided"
    rosenbrock = Loss.parse("(1 - x)**2 + 100*(y - x**2)**2")
    parts = component_group(discrete_symmetries(rosenbrock), derive(rosenbrock, ansatz=Polynomial(3)))
    assert (parts.order, parts.verdict) == (None, "undecided")
