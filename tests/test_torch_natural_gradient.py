"""The natural gradient of PyTorch modules."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from manifolds.errors import InputError  # noqa: E402
from solvers.naturality.remedies.natural_gradient_rule import NaturalGradient as Rule  # noqa: E402
from solvers.network import Network  # noqa: E402
from solvers.pytorch.natural_gradient import NaturalGradient, conjugate_gradients  # noqa: E402
from solvers.rules import Adam, HeavyBall, Nesterov  # noqa: E402


def data(seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(0, 2, (12,), generator=generator)


def module(seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = torch.nn.Sequential(torch.nn.Linear(3, 4, bias=False), torch.nn.Tanh(), torch.nn.Linear(4, 2, bias=False))
    made = made.double()
    with torch.no_grad():
        for one in made.parameters():
            one.copy_(torch.randn(one.shape, generator=generator, dtype=torch.float64))
    return made


def flat(made):
    return torch.cat([one.detach().reshape(-1) for one in made.parameters()]).numpy()


def test_the_step_is_that_of_the_rule_on_the_same_network():
    inputs, targets = data()
    made = module()
    net = Network(widths=(3, 4, 2), inputs=inputs.numpy().T, targets=targets.numpy(), activation="tanh")
    w = flat(made)
    step = NaturalGradient(made, torch.nn.functional.cross_entropy, lr=0.3, damping=0.1, tolerance=1e-12)
    value = step(inputs, targets)
    expected = Rule(damping=0.1, tolerance=1e-12).displacement(net, w, net.gradient(w), rate=0.3)
    np.testing.assert_allclose(flat(made) - w, expected, rtol=1e-7, atol=1e-11)
    assert abs(float(value) - net.value(w)) < 1e-12


def test_it_trains_and_leaves_what_is_frozen():
    inputs, targets = data(1)
    made = module(1)
    made[0].weight.requires_grad_(False)
    before = made[0].weight.clone()
    step = NaturalGradient(made, torch.nn.functional.cross_entropy, lr=0.5, damping=1e-2)
    losses = [float(step(inputs, targets)) for _ in range(10)]
    assert losses[-1] < 0.7 * losses[0]
    assert torch.equal(made[0].weight, before)


class Scaled(torch.nn.Module):
    """A linear model whose weights are stored in other coordinates."""

    def __init__(self, matrix, weight):
        super().__init__()
        self.register_buffer("inverse", torch.linalg.inv(matrix))
        self.weight = torch.nn.Parameter(matrix @ weight)

    def forward(self, inputs):
        return torch.tanh(inputs @ (self.inverse @ self.weight))


def test_losses_do_not_depend_on_linear_coordinates():
    inputs, targets = data(2)[0], torch.linspace(-0.5, 0.5, 12, dtype=torch.float64)
    weight = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)
    matrix = torch.tensor([[3.0, 1.0, 0.0], [0.0, 0.2, 0.4], [1.0, 0.0, 1.0]], dtype=torch.float64)
    curves = []
    for coordinates in (torch.eye(3, dtype=torch.float64), matrix):
        made = Scaled(coordinates, weight)
        step = NaturalGradient(made, torch.nn.functional.mse_loss, lr=0.3, tolerance=1e-13)
        curves.append([float(step(inputs, targets)) for _ in range(6)])
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-9)


@pytest.mark.parametrize("rule", [HeavyBall(momentum=0.5), Nesterov(momentum=0.5)])
def test_momentum_is_raised_by_the_metric(rule):
    """Losses do not depend on linear coordinates, and are not those without momentum."""
    inputs, targets = data(2)[0], torch.linspace(-0.5, 0.5, 12, dtype=torch.float64)
    weight = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)
    curves = []
    for matrix in (torch.eye(3, dtype=torch.float64), torch.diag(torch.tensor([2.0, 0.3, 5.0], dtype=torch.float64))):
        made = Scaled(matrix, weight)
        step = NaturalGradient(made, torch.nn.functional.mse_loss, lr=0.2, rule=rule, tolerance=1e-13)
        curves.append([float(step(inputs, targets)) for _ in range(6)])
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-9)
    plain = Scaled(torch.eye(3, dtype=torch.float64), weight)
    step = NaturalGradient(plain, torch.nn.functional.mse_loss, lr=0.2, tolerance=1e-13)
    assert abs(curves[0][2] - [float(step(inputs, targets)) for _ in range(3)][2]) > 1e-6


def test_conjugate_gradients_end_at_zero_curvature():
    found = conjugate_gradients(lambda v: {"w": 0 * v["w"]}, {"w": torch.ones(2)}, tolerance=1e-6, iterations=5)
    assert found["w"].tolist() == [0.0, 0.0]


def test_bad_input():
    with pytest.raises(InputError, match="parameters"):
        NaturalGradient(torch.nn.Tanh(), torch.nn.functional.mse_loss)
    with pytest.raises(InputError, match="Adam"):
        NaturalGradient(module(), torch.nn.functional.mse_loss, rule=Adam())
    with pytest.raises(InputError, match="damping"):
        NaturalGradient(module(), torch.nn.functional.mse_loss, damping=-1)
