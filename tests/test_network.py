"""Networks as objectives: against a compiled loss, PyTorch and dense formulas."""

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.network import Network
from solvers.objective import Objective
from symmetries import GroupAction, Loss

UNITS = ("identity", "relu", "leaky_relu", "tanh", "sigmoid", "softplus")
FORMULAS = {"identity": "{0}", "leaky_relu": "leaky_relu({0}, 1/10)"}


def problem(activation="tanh", *, widths=(4, 5, 3, 2), samples=7, seed=0, **options):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((widths[0], samples)), rng.standard_normal((widths[-1], samples))
    if options.get("loss") == "cross-entropy":
        y = rng.integers(widths[-1], size=samples)
    network = Network(widths=widths, inputs=x, targets=y, activation=activation, **{"loss": "squared", **options})
    return network, network.initial(rng), rng


@pytest.mark.parametrize("activation", UNITS)
def test_agrees_with_the_compiled_loss(activation):
    network, w, rng = problem(activation)
    unit = FORMULAS.get(activation, f"{activation}({{0}})")
    first = unit.format("(W1@X)")
    second = unit.format(f"(W2@{first})")
    text = f"sum((Y - W3@{second})**2)"
    shapes = dict(network.space.shapes)
    loss = Loss.parse(text, shapes, data={"X": network.inputs.shape, "Y": (2, 7)})
    oracle = Objective.from_loss(loss, {"X": network.inputs, "Y": network._loss.targets})
    v = rng.standard_normal(network.size)
    assert network.value(w) == pytest.approx(oracle.value(w), rel=1e-14)
    np.testing.assert_allclose(network.gradient(w), oracle.gradient(w), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(network.hvp(w, v), oracle.hvp(w, v), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", UNITS)
def test_agrees_with_pytorch(activation, bias):
    torch = pytest.importorskip("torch")
    network, w, rng = problem(activation, loss="cross-entropy", l2=0.3, bias=bias)
    unit = {
        "identity": lambda z: z,
        "relu": torch.relu,
        "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.1),
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "softplus": torch.nn.functional.softplus,
    }[activation]

    def loss(flat):
        h, start = torch.tensor(network.inputs), 0
        for m, (rows, columns) in enumerate(zip(network.widths[1:], network.widths, strict=False)):
            z = flat[start : start + rows * columns].reshape(rows, columns) @ h
            start += rows * columns
            if bias:
                z, start = z + flat[start : start + rows, None], start + rows
            h = z if m == 2 else unit(z)
        return torch.nn.functional.cross_entropy(h.T, torch.tensor(network._loss.classes)) + 0.15 * (flat**2).sum()

    flat, v = torch.tensor(w), torch.tensor(rng.standard_normal(network.size))
    np.testing.assert_allclose(network.value(w), loss(flat).item(), rtol=1e-13)
    value, product = torch.autograd.functional.hvp(loss, flat, v)
    assert float(value) == pytest.approx(network.value(w))
    np.testing.assert_allclose(
        network.gradient(w), torch.autograd.functional.jacobian(loss, flat).numpy(), rtol=1e-11, atol=1e-13
    )
    np.testing.assert_allclose(network.hvp(w, v.numpy()), product.numpy(), rtol=1e-10, atol=1e-12)


def test_a_mini_batch_is_the_network_of_its_samples_and_counts_in_the_same_ledger():
    network, w, _ = problem("leaky_relu", loss="cross-entropy")
    batches = [network.on(np.arange(7) == k) for k in range(7)]
    mean = np.mean([batch.gradient(w) for batch in batches], axis=0)
    np.testing.assert_allclose(mean, network.gradient(w), atol=1e-14)
    assert network.ledger.total().gradients == 8


def test_catalogued_actions_share_the_layout():
    network, w, rng = problem("leaky_relu")
    action = GroupAction.catalogued("homogeneous-network", widths=network.widths, activation="leaky_relu")
    assert dict(action.space.shapes) == dict(network.space.shapes)
    moved = action.apply(action.random(rng), w)
    assert network.value(moved) == pytest.approx(network.value(w), rel=1e-12)


def test_outputs_accuracy_and_layer_inputs():
    network, w, _ = problem("relu", loss="cross-entropy")
    outputs = network.outputs(w)
    assert network.accuracy(w, network.inputs, outputs.argmax(axis=0)) == 1.0
    inputs = network.layer_inputs(w)
    assert [h.shape for h in inputs] == [(4, 7), (5, 7), (3, 7)]
    np.testing.assert_allclose(network.layers(w)[-1][0] @ inputs[-1], outputs)
    assert network.outputs(w, np.zeros((4, 2))).shape == (2, 2)


def test_large_outputs_do_not_overflow():
    network, w, _ = problem("relu", loss="cross-entropy")
    assert np.isfinite(network.value(1e3 * w))
    assert np.isfinite(network.gradient(1e3 * w)).all()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"widths": (4,)}, "widths"),
        ({"widths": (4, True)}, "widths"),
        ({"widths": "45"}, "widths"),
        ({"inputs": np.zeros((3, 7))}, "inputs"),
        ({"inputs": np.full((4, 7), np.nan)}, "inputs"),
        ({"targets": np.zeros((2, 6))}, "targets"),
        ({"targets": np.arange(7), "loss": "cross-entropy"}, "the class 6"),
        ({"targets": np.zeros(7), "loss": "cross-entropy"}, "targets"),
        ({"activation": "gelu"}, "activation"),
        ({"loss": "hinge"}, "loss='hinge'"),
        ({"l2": -1.0}, "l2"),
    ],
)
def test_bad_input(options, what):
    given = {"widths": (4, 5, 2), "inputs": np.zeros((4, 7)), "targets": np.zeros((2, 7)), "loss": "squared", **options}
    with pytest.raises(InputError, match=what):
        Network(**given)


@pytest.mark.parametrize("indices", [0, [], [9], "a", [True], [0.5], None])
def test_indices_that_choose_no_samples_are_refused(indices):
    network = Network(widths=(2, 2), inputs=np.eye(2), targets=[0, 1])
    with pytest.raises(InputError, match="samples"):
        network.on(indices)


@pytest.mark.parametrize("indices", [[1], slice(0, 2), np.array([False, True])])
def test_indices_of_every_kind_choose_samples(indices):
    network = Network(widths=(2, 2), inputs=np.eye(2), targets=[0, 1])
    chosen = network.on(indices)
    assert chosen.inputs.tolist() == np.eye(2)[:, indices].tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"targets": "ab", "loss": "squared"},
        {"targets": [[1, 2], [3]], "loss": "squared"},
        {"targets": [[1, 2], [3]]},
        {"targets": np.zeros(0, dtype=int), "inputs": np.zeros((2, 0))},
        {"l2": "a"},
        {"l2": -1.0},
    ],
)
def test_targets_and_inputs_that_are_none_are_refused(options):
    with pytest.raises(InputError):
        Network(**{"widths": (2, 2), "inputs": np.eye(2), "targets": [0, 1], **options})


def test_nonsense_of_other_methods_is_refused():
    network = Network(widths=(2, 2), inputs=np.eye(2), targets=[0, 1])
    for call in (lambda: network.initial(0, scale="a"), lambda: network.accuracy(np.zeros(4), np.eye(2), [0, 1, 1])):
        with pytest.raises(InputError):
            call()
