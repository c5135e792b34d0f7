"""Symmetry groups of modules: the group laws, and the function that stays."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import numpy as np  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from module_symmetry_cases import ACTIVATIONS, by_hand, dense, shifts_of  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.symmetry.element import Element  # noqa: E402
from solvers.pytorch.symmetry.hidden_space import HiddenSpace  # noqa: E402
from solvers.pytorch.symmetry.legs import Leg  # noqa: E402
from solvers.pytorch.symmetry.linear_maps import LinearMaps  # noqa: E402
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry  # noqa: E402
from solvers.pytorch.symmetry.permutations import Permutations  # noqa: E402

WIDTHS = (4, 6, 5, 3)
NARROW = (6, 4, 5, 7)  # matrices act freely where spaces are narrower than what they come from
KINDS = sorted(ACTIVATIONS)


def copies(net):
    """The parameters of a network, as they are."""
    return {name: one.detach().clone() for name, one in net.named_parameters()}


def furthest(first, second):
    """The largest difference of two dictionaries of tensors."""
    return max(float((first[name] - second[name]).abs().max()) for name in first)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_elements_keep_the_function_and_obey_the_group_laws(kind, seed):
    net = dense(WIDTHS, ACTIVATIONS[kind], seed=seed)
    symmetry = by_hand(net, WIDTHS, kind)
    inputs = torch.randn(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    before, start = net(inputs).detach(), copies(net)
    g, h = symmetry.random_element(seed), symmetry.random_element(seed + 1)

    symmetry.apply_(g)
    assert float((net(inputs).detach() - before).abs().max()) <= 1e-12 * float(before.abs().max())
    assert furthest(copies(net), start) > 1e-3

    composed, stepwise = (h @ g).transform(start), h.transform(g.transform(start))
    assert furthest(composed, stepwise) <= 1e-12
    assert furthest(g.inverse().transform(g.transform(start)), start) <= 1e-12
    assert furthest(symmetry.identity().transform(start), start) == 0.0


@pytest.mark.parametrize("kind", ["matrices", "scalings"])
def test_exponentials_add_along_a_line(kind):
    net = dense(WIDTHS, ACTIVATIONS[kind])
    symmetry = by_hand(net, WIDTHS, kind)
    direction = torch.zeros(symmetry.dimension, dtype=torch.float64)
    size = symmetry.components[0].dimension
    direction[:size] = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    start = copies(net)
    twice = symmetry.element(0.3 * direction).transform(symmetry.transformed(start, 0.4 * direction))
    assert furthest(twice, symmetry.transformed(start, 0.7 * direction)) <= 1e-12


@pytest.mark.parametrize("kind", ["matrices", "scalings"])
def test_generators_are_orthogonal_to_the_gradient_of_every_output(kind):
    net = dense(NARROW, ACTIVATIONS[kind])
    symmetry = by_hand(net, NARROW, kind)
    start = copies(net)
    inputs = torch.randn(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def output(coordinates):
        moved = symmetry.transformed(start, coordinates)
        return torch.func.functional_call(net, moved, (inputs,))

    zero = torch.zeros(symmetry.dimension, dtype=torch.float64)
    slopes = torch.func.jacrev(output)(zero)
    assert float(slopes.abs().max()) <= 1e-13

    def point(coordinates):
        return torch.cat([one.reshape(-1) for one in symmetry.transformed(start, coordinates).values()])

    assert torch.linalg.matrix_rank(torch.func.jacfwd(point)(zero)) == symmetry.dimension


def test_orders_and_dimensions():
    net = dense(WIDTHS, ACTIVATIONS["signs"])
    signs = by_hand(net, WIDTHS, "signs")
    assert signs.dimension == 0
    assert signs.discrete_order == 2**6 * 720 * 2**5 * 120
    matrices = by_hand(net, WIDTHS, "matrices")
    assert matrices.dimension == 36 + 6 + 25 + 5
    assert matrices.group == "GL(6) |x R^6 x GL(5) |x R^5"


def test_storage_stays_and_table_and_graph_name_all():
    net = dense(WIDTHS, ACTIVATIONS["scalings"])
    symmetry = by_hand(net, WIDTHS, "scalings")
    places = [parameter.data_ptr() for parameter in net.parameters()]
    symmetry.apply_(symmetry.random_element(2))
    assert places == [parameter.data_ptr() for parameter in net.parameters()]
    assert "R+^6 |x S_6" in symmetry.table()
    assert symmetry.graph.number_of_nodes() == 2 + 5


def test_an_element_that_leads_to_infinity_is_refused_and_nothing_moves():
    net = dense(WIDTHS, ACTIVATIONS["scalings"]).float()
    symmetry = by_hand(net, WIDTHS, "scalings")
    start = copies(net)
    far = symmetry.element(torch.full((symmetry.dimension,), 200.0))
    with pytest.raises(InputError, match="infinity or NaN"):
        symmetry.apply_(far)
    assert furthest(copies(net), start) == 0.0


def test_a_wrong_number_of_coordinates_is_refused():
    symmetry = by_hand(dense(WIDTHS, ACTIVATIONS["scalings"]), WIDTHS, "scalings")
    with pytest.raises(InputError, match="coordinates of the shape"):
        symmetry.element(torch.zeros(3))


def test_narrowed_legs_touch_their_part_only():
    packed = torch.arange(48.0, dtype=torch.float64).reshape(12, 4)
    leg = Leg(tensor="w", narrow=((0, 4, 4),), shape=(2, 2, 4), axes=(0, 1))
    maps = LinearMaps("heads", (leg,), size=2, copies=(2,))
    value = maps.of_matrix(torch.stack([2 * torch.eye(2), 3 * torch.eye(2)]).double())
    moved = maps.transform({"w": packed}, value)["w"]
    assert torch.equal(moved[:4], packed[:4])
    assert torch.equal(moved[8:], packed[8:])
    assert torch.equal(moved[4:6], 2 * packed[4:6])
    assert torch.equal(moved[6:8], 3 * packed[6:8])


def test_heads_and_the_matrices_of_heads_compose():
    leg = Leg(tensor="w", shape=(3, 2, 4), axes=(0,))
    heads = Permutations("heads", (leg,), size=3)
    maps = LinearMaps("in heads", (Leg(tensor="w", shape=(3, 2, 4), axes=(0, 1)),), size=2, copies=(3,))
    generator = np.random.default_rng(0)
    g = Element(((maps, maps.random(generator, scale=1.0)), (heads, torch.tensor([2, 0, 1]))))
    start = {"w": torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))}
    back = (g @ g).inverse().transform(g.transform(g.transform(start)))
    assert furthest(back, start) <= 1e-13


def test_orthogonal_and_algebra_groups_stay_in_their_groups():
    generator = np.random.default_rng(1)
    rotations = LinearMaps("o", (), size=4, kind="O")
    g, dual = rotations.random(generator, scale=1.0)
    assert torch.allclose(g, dual)
    assert torch.allclose(g @ g.mT, torch.eye(4, dtype=torch.float64))
    complex_numbers = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, -1.0], [1.0, 0.0]]], dtype=torch.float64)
    scalars = LinearMaps("c", (), size=2, kind="algebra", basis=complex_numbers, label="C*")
    z, _ = scalars.random(generator, scale=1.0)
    assert torch.allclose(z @ complex_numbers[1], complex_numbers[1] @ z)
    assert scalars.dimension == 2


def test_a_translation_through_weights_that_no_group_moves_finds_them():
    net = dense((3, 2, 4), ACTIVATIONS["matrices"])
    symmetry = ModuleSymmetry(module=net, spaces=(HiddenSpace(name="0", size=2, components=(shifts_of(0, 2, 4),)),))
    inputs = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before = net(inputs).detach()
    symmetry.apply_(symmetry.random_element(0))
    assert torch.allclose(net(inputs), before, rtol=1e-12, atol=1e-13)
    assert "2.weight" not in symmetry.tensor_names


@pytest.mark.parametrize("kind", ["GL", "O"])
def test_matrices_and_their_duals_are_inverse_to_rounding(kind):
    maps, rng = LinearMaps("m", (), size=3, copies=(200,), kind=kind), np.random.default_rng(5)
    for scale in (0.01, 0.1, 1.0, 3.0):
        matrix, dual = maps.random(rng, scale=scale)  # the exponential of PyTorch alone is off by 1e-12 at some norms
        assert float((matrix.mT @ dual - torch.eye(3, dtype=torch.float64)).abs().max()) <= 2e-14
