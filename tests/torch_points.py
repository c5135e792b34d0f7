"""Parameters on spaces with the same random gradients, for the tests of the optimizer of PyTorch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def one_thread():
    """The matrices are too small for several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def points(space, count=3, dtype=torch.float64, seed=0):
    """Parameters on a space."""
    return [torch.nn.Parameter(Y.clone()) for Y in space.random(seed, count, like=torch.empty(0, dtype=dtype))]


def give_gradients(*lists, seed=0, scale=1.0):
    """The same random gradients to the parameters of each list."""
    random = torch.Generator().manual_seed(seed)
    for params in zip(*lists, strict=True):
        gradient = scale * torch.randn(params[0].shape, generator=random, dtype=params[0].dtype)
        for param in params:
            param.grad = gradient.clone()


def values(params):
    """Copies of the parameters."""
    return [param.detach().clone() for param in params]


def largest_difference(one, other):
    """Between two lists of parameters, or of parameters and arrays."""
    return max(
        float(np.abs(a.detach().numpy() - (b.detach().numpy() if isinstance(b, torch.Tensor) else b)).max())
        for a, b in zip(one, other, strict=True)
    )


def alone(space, rule, Y, gradients, rate):
    """The steps of one point by the methods of the space, in NumPy."""
    Y, state, carried = Y.detach().numpy().copy(), None, None
    for count, G in enumerate(gradients, start=1):
        context = space.section(Y, carried=carried)
        D = space.lift(context, G)
        real = np.stack([D.real, D.imag], axis=-1) if np.iscomplexobj(D) else D
        state = rule.start(real) if state is None else state
        W, state = rule.step(real, state, count=count, rate=rate)
        Y, carried = space.advance(context, W[..., 0] + 1j * W[..., 1] if np.iscomplexobj(D) else W)
    return Y
