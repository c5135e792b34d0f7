"""Balanced and canonical representatives, and models aligned with each other."""

from __future__ import annotations

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch")

from module_symmetry_cases import ACTIVATIONS, by_hand, dense  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.symmetry.balancing import balance  # noqa: E402
from solvers.pytorch.symmetry.canonical import canonical  # noqa: E402
from solvers.pytorch.symmetry.matching import align  # noqa: E402

WIDTHS = (6, 4, 4, 7)
KINDS = sorted(ACTIVATIONS)


def pair(kind, seed):
    """A network and another point of its orbit, with their groups and an input."""
    first = dense(WIDTHS, ACTIVATIONS[kind], seed=seed)
    second = deepcopy(first)
    groups = by_hand(first, WIDTHS, kind), by_hand(second, WIDTHS, kind)
    groups[1].apply_(groups[1].random_element(seed + 1))
    inputs = torch.randn(9, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return first, second, groups, inputs


def square(net):
    """The sum of the squares of the parameters."""
    return sum(float(one.detach().square().sum()) for one in net.parameters())


def distance(first, second):
    """The largest difference of two parameters."""
    return max(
        float((one - other).detach().abs().max())
        for one, other in zip(first.parameters(), second.parameters(), strict=True)
    )


@pytest.mark.parametrize("kind", ["matrices", "scalings"])
@pytest.mark.parametrize("seed", range(3))
def test_the_balanced_point_has_the_least_norm_of_its_orbit(kind, seed):
    first, second, groups, inputs = pair(kind, seed)
    outputs = first(inputs).detach()
    results = [balance(net, symmetry=group) for net, group in zip((first, second), groups, strict=True)]
    assert all(result.converged and not result.skipped for result in results)
    assert results[0].norm_after == pytest.approx(results[1].norm_after, rel=1e-12)
    assert torch.allclose(second(inputs), outputs, rtol=1e-10, atol=1e-12)
    least = square(first)
    assert results[0].norm_after == pytest.approx(least**0.5, rel=1e-12)
    for trial in range(20):
        other = deepcopy(first)
        by_hand(other, WIDTHS, kind).apply_(groups[0].random_element(trial, scale=0.3, discrete=False))
        assert square(other) > least


def test_units_in_balance_have_equal_norms_on_both_sides():
    net = dense(WIDTHS, ACTIVATIONS["scalings"])
    balance(net, symmetry=by_hand(net, WIDTHS, "scalings"))
    before = net[0].weight.detach().square().sum(1) + net[0].bias.detach().square()
    assert torch.allclose(before, net[2].weight.detach().square().sum(0), rtol=1e-10)


def test_the_gradient_of_least_norm_has_vanishing_slope_along_the_orbit():
    net = dense(WIDTHS, ACTIVATIONS["scalings"])
    symmetry = by_hand(net, WIDTHS, "scalings")
    inputs = torch.randn(9, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def gradients():
        return torch.autograd.grad(net(inputs).square().sum(), list(net.parameters()))

    names = [name for name, _ in net.named_parameters()]
    result = balance(net, symmetry=symmetry, of="gradient", gradient=dict(zip(names, gradients(), strict=True)))
    size = sum(float(one.square().sum()) for one in gradients())
    assert size**0.5 == pytest.approx(result.norm_after, rel=1e-10)
    assert result.norm_after < result.norm_before
    for trial in range(10):
        other = deepcopy(net)
        by_hand(other, WIDTHS, "scalings").apply_(symmetry.random_element(trial, scale=0.2, discrete=False))
        moved = torch.autograd.grad(other(inputs).square().sum(), list(other.parameters()))
        assert sum(float(one.square().sum()) for one in moved) > size


def test_translations_are_left_out_where_gradients_are_balanced():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.LayerNorm(5), torch.nn.Linear(5, 2)).double()
    x, y = torch.randn(30, 4).double(), torch.randn(30, 2).double()

    def gradient_norm():
        net.zero_grad()
        torch.nn.functional.mse_loss(net(x), y).backward()
        return float(torch.cat([one.grad.ravel() for one in net.parameters()]).norm())

    before = gradient_norm()
    result = balance(net, x, of="gradient")
    assert any("shift" in name for name in result.skipped)
    assert result.norm_before == pytest.approx(before, rel=1e-12)
    assert result.norm_after == pytest.approx(gradient_norm(), rel=1e-9)
    assert result.norm_after < 0.999 * before


def test_a_missing_gradient_and_an_unknown_norm_are_refused():
    net = dense(WIDTHS, ACTIVATIONS["scalings"])
    symmetry = by_hand(net, WIDTHS, "scalings")
    with pytest.raises(InputError, match=r"the gradient of '0.weight' is missing"):
        balance(net, symmetry=symmetry, of="gradient")
    with pytest.raises(InputError, match="of='weights'"):
        balance(net, symmetry=symmetry, of="weights")


def test_a_minimum_that_is_not_attained_is_named():
    net = dense((2, 5, 4), ACTIVATIONS["matrices"])  # five units from two inputs: the rank is short
    result = balance(net, symmetry=by_hand(net, (2, 5, 4), "matrices"))
    assert "full rank" in result.skipped["0 matrices"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_two_points_of_one_orbit_have_one_canonical_representative(kind, seed):
    first, second, groups, inputs = pair(kind, seed)
    outputs = first(inputs).detach()
    results = [canonical(net, symmetry=group) for net, group in zip((first, second), groups, strict=True)]
    assert results[0].unresolved == results[1].unresolved == {}
    assert distance(first, second) <= 1e-9
    assert torch.allclose(first(inputs), outputs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_a_model_is_aligned_with_another_point_of_its_orbit(kind, seed):
    first, second, groups, inputs = pair(kind, seed)
    outputs, still = second(inputs).detach(), deepcopy(first)
    result = align(first, second, symmetry=groups[1], rng=seed)
    assert result.distance_after <= 1e-6 < result.distance_before
    assert distance(first, second) <= 1e-6
    assert distance(first, still) == 0.0
    assert torch.allclose(second(inputs), outputs, rtol=1e-10, atol=1e-12)


def test_alignment_never_increases_the_distance_of_two_strangers():
    first, second = (dense(WIDTHS, ACTIVATIONS["signs"], seed=seed) for seed in (3, 4))
    inputs = torch.randn(9, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    outputs = second(inputs).detach()
    result = align(first, second, symmetry=by_hand(second, WIDTHS, "signs"))
    assert result.distance_after < result.distance_before
    assert torch.allclose(second(inputs), outputs, rtol=1e-10, atol=1e-12)
    again = align(first, second, symmetry=by_hand(second, WIDTHS, "signs"))
    assert again.distance_after <= result.distance_after


def test_one_hidden_layer_is_matched_as_well_as_by_trying_all_permutations_and_signs():
    from itertools import permutations, product

    widths = (3, 3, 2)
    first, second = (dense(widths, ACTIVATIONS["signs"], seed=seed) for seed in (5, 6))
    start = {name: one.detach().clone() for name, one in second.named_parameters()}
    result = align(first, second, symmetry=by_hand(second, widths, "signs"))
    best = min(
        sum(
            float((moved - still.detach()).square().sum())
            for moved, still in zip(turned(start, order, signs), first.parameters(), strict=True)
        )
        for order in permutations(range(3))
        for signs in product((-1.0, 1.0), repeat=3)
    )
    assert result.distance_after == pytest.approx(best**0.5, rel=1e-12)


def turned(start, order, signs):
    """The parameters of a network of one hidden layer with its units permuted and their signs changed."""
    order, signs = list(order), torch.tensor(signs, dtype=torch.float64)
    return (
        start["0.weight"][order] * signs[:, None],
        start["0.bias"][order] * signs,
        start["2.weight"][:, order] * signs,
        start["2.bias"],
    )


def test_models_of_different_shapes_are_refused():
    first, second = dense((6, 5, 7), ACTIVATIONS["signs"]), dense((6, 4, 7), ACTIVATIONS["signs"])
    with pytest.raises(InputError, match=r"'0.weight' has the shapes"):
        align(first, second, symmetry=by_hand(second, (6, 4, 7), "signs"))
