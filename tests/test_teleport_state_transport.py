"""States of optimizers at a teleport: transported like gradients, squares and displacements, kept, or reset."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from teleporter_cases import LOSS, OPTIMIZERS, Lion, batch, bits, network, scalings, train  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.symmetry.element import Element  # noqa: E402
from solvers.pytorch.symmetry.legs import Leg  # noqa: E402
from solvers.pytorch.symmetry.linear_maps import LinearMaps  # noqa: E402
from solvers.pytorch.symmetry.permutations import Permutations  # noqa: E402
from solvers.pytorch.teleporter import Teleporter  # noqa: E402
from solvers.pytorch.teleporting.carrying import Carrier  # noqa: E402
from solvers.pytorch.teleporting.state_transport import (  # noqa: E402
    read_state_rule,
    states_of,
    transported,
    write_states,
)

LEGS = (
    Leg(tensor="0.weight", shape=(8, 6), axes=(0,)),
    Leg(tensor="0.bias", shape=(8,), axes=(0,)),
    Leg(tensor="2.weight", shape=(5, 8), axes=(1,), exponent=-1),
)


def moved(model, optimizer, element):
    """Model and state at g.w."""
    named = dict(model.named_parameters())
    tensors = {name: one.detach() for name, one in named.items()}
    states = transported(states_of(optimizer, named), element, tensors, optimizer=optimizer)
    with torch.no_grad():
        for name, one in element.changes(tensors).items():
            named[name].copy_(one)
    write_states({n: {k: _plain(v) for k, v in state.items()} for n, state in states.items()}, optimizer, named)


def _plain(value):
    """A value without a graph."""
    return value.detach() if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_permuting_and_training_commute_for_every_optimizer(name):
    units = Permutations("hidden", LEGS, size=8)
    element = Element(((units, torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])),))
    data = batch()
    models = [network(), network()]
    optimizers = [OPTIMIZERS[name](model.parameters()) for model in models]
    for model, optimizer in zip(models, optimizers, strict=True):
        train(model, optimizer, 3, data)
    moved(models[0], optimizers[0], element)
    for model, optimizer in zip(models, optimizers, strict=True):
        train(model, optimizer, 4, data)
    moved(models[1], optimizers[1], element)
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_transport_back_is_the_state_of_before(name):
    model, data = network(), batch()
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 3, data)
    symmetry, before = scalings(model), {}
    before = {key: dict(value) for key, value in states_of(optimizer, dict(model.named_parameters())).items()}
    before = {n: {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in s.items()} for n, s in before.items()}
    element = symmetry.random_element(0)
    moved(model, optimizer, element)
    moved(model, optimizer, element.inverse())
    after = states_of(optimizer, dict(model.named_parameters()))
    for parameter, state in before.items():
        for key, value in state.items():
            if isinstance(value, torch.Tensor):
                torch.testing.assert_close(after[parameter][key], value, rtol=1e-9, atol=1e-14)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_scalings_divide_covectors_by_s_and_squares_by_its_square(seed):
    model = network(seed=seed % 7)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    train(model, optimizer, 2, batch(seed=seed % 5))
    named = dict(model.named_parameters())
    symmetry = scalings(model)
    coordinates = torch.randn(13, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    states = states_of(optimizer, named)
    tensors = {name: one.detach() for name, one in named.items()}
    found = transported(states, symmetry.element(coordinates), tensors, optimizer=optimizer)
    first, second = coordinates[:8].exp(), coordinates[8:].exp()
    factors = {"0.weight": first[:, None], "2.weight": second[:, None] / first[None], "4.weight": 1 / second[None]}
    for name, factor in factors.items():
        torch.testing.assert_close(found[name]["exp_avg"], states[name]["exp_avg"] / factor)
        torch.testing.assert_close(found[name]["exp_avg_sq"], states[name]["exp_avg_sq"] / factor**2)
        assert float(found[name]["step"]) == 2.0


def dense(element, tensors):
    """The Jacobian of the action as a matrix."""
    names = list(tensors)
    sizes = [tensors[name].numel() for name in names]

    def act(vector):
        pieces = {n: p.reshape(tensors[n].shape) for n, p in zip(names, vector.split(sizes), strict=True)}
        return torch.cat([element.transform(pieces)[name].reshape(-1) for name in names])

    start = torch.cat([tensors[name].reshape(-1) for name in names])
    return torch.func.jacrev(act)(start), names, sizes


def test_carried_tensors_are_those_of_the_dense_jacobian():
    model = network()
    tensors = {name: one.detach() for name, one in model.named_parameters() if name.startswith(("0", "2"))}
    maps = LinearMaps("hidden", LEGS, size=8)
    element = Element(((maps, maps.random(np.random.default_rng(1), scale=1.0)),))
    jacobian, names, _ = dense(element, tensors)
    generator = torch.Generator().manual_seed(0)
    values = {name: torch.randn(tensors[name].shape, generator=generator, dtype=torch.float64) for name in names}
    flat = torch.cat([values[name].reshape(-1) for name in names])
    inverse = torch.linalg.inv(jacobian)
    carrier = Carrier(element, tensors)

    def joined(found):
        return torch.cat([found[name].reshape(-1) for name in names]).detach()

    torch.testing.assert_close(joined(carrier.covector(values)), inverse.T @ flat)
    torch.testing.assert_close(joined(carrier.vector(values)), jacobian @ flat)
    squares = {name: one.square() for name, one in values.items()}
    estimates = torch.stack([joined(carrier.square(squares, rng=k)) for k in range(40)])
    error = (estimates.mean(0) - inverse.T.square() @ flat.square()).abs()
    assert bool((error <= 6 * estimates.std(0) / 40**0.5 + 1e-12).all())  # unbiased, entry by entry


def test_gradients_after_a_teleport_are_the_transported_gradients():
    model, data = network(), batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
    train(model, optimizer, 1, data)  # the buffer is the gradient
    Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model)).step(data)
    optimizer.zero_grad()
    LOSS(model(data[0]), data[1]).backward()
    for one in model.parameters():
        torch.testing.assert_close(optimizer.state[one]["momentum_buffer"], one.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["momentum", "adagrad", "rmsprop-centered", "adam", "nadam", "lion"])
def test_a_reset_state_steps_like_that_of_a_new_optimizer(name):
    model, other, data = network(), network(), batch()
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 3, data)
    teleporter = Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), state="reset")
    assert teleporter.step(data).gain > 1
    other.load_state_dict(model.state_dict())
    fresh = OPTIMIZERS[name](other.parameters())
    train(model, optimizer, 3, data)
    train(other, fresh, 3, data)
    assert bits(model) == bits(other)


def test_a_kept_state_stays_bit_for_bit():
    model, data = network(), batch()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    train(model, optimizer, 3, data)
    before = {key: value.clone() for one in model.parameters() for key, value in optimizer.state[one].items()}
    Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), state="keep").step(data)
    after = {key: value for one in model.parameters() for key, value in optimizer.state[one].items()}
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_tensors_of_the_state_keep_their_storage():
    model, data = network(), batch()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    train(model, optimizer, 3, data)
    places = [optimizer.state[one]["exp_avg"].data_ptr() for one in model.parameters()]
    Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model)).step(data)
    assert places == [optimizer.state[one]["exp_avg"].data_ptr() for one in model.parameters()]


class Slow(Lion):
    """A user's optimizer with a tensor that nobody knows."""

    def step(self, closure=None):
        """One step."""
        super().step(closure)
        for group in self.param_groups:
            for one in group["params"]:
                self.state[one]["slow"] = one.detach().clone()


def test_an_unknown_tensor_is_refused_by_name_and_may_be_declared():
    model, data = network(), batch()
    optimizer = Slow(model.parameters())
    train(model, optimizer, 2, data)
    before = bits(model, optimizer)
    with pytest.raises(InputError, match="'slow'") as caught:
        Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model)).step(data)
    assert "covector" in caught.value.cure
    assert bits(model, optimizer) == before
    declared = {"slow": "point"}
    Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), state=declared).step(data)
    for one in model.parameters():
        torch.testing.assert_close(optimizer.state[one]["slow"], one.detach(), rtol=1e-12, atol=1e-14)


def test_curvature_pairs_are_refused():
    model, data = network(), batch()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)

    def closure():
        optimizer.zero_grad()
        loss = LOSS(model(data[0]), data[1])
        loss.backward()
        return loss

    optimizer.step(closure)
    with pytest.raises(InputError, match="LBFGS"):
        Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model)).step(data)
    assert Teleporter(model, LOSS, optimizer=optimizer, symmetry=scalings(model), state="reset").step(data).gain > 1


@pytest.mark.parametrize("wrong", ["carry", {"m": "tensor"}, 3])
def test_treatments_that_are_none_are_refused(wrong):
    with pytest.raises(InputError) as caught:
        read_state_rule(wrong, has_element=True)
    assert caught.value.cure


def test_a_move_without_a_group_transports_nothing():
    with pytest.raises(InputError, match="without a group"):
        read_state_rule("transport", has_element=False)
