"""Networks with symmetries written by hand, batches and optimizers for the tests of the teleporter."""

from itertools import pairwise

import torch
from torch import nn

from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.legs import Leg
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.symmetry.scalings import Scalings

torch.set_num_threads(1)  # the networks are small, and threads that wait for each other take longer

LOSS = nn.functional.cross_entropy


def network(widths=(6, 8, 5, 3), *, seed=0, bias=True, dtype=torch.float64, activation=None, dropout=0.0):
    """A dense network of leaky ReLU units."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for k, (inputs, outputs) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(inputs, outputs, bias=bias, dtype=dtype))
        if k < len(widths) - 2:
            layers.append(activation or nn.LeakyReLU(0.1))
            if dropout:
                layers.append(nn.Dropout(dropout))
    model = nn.Sequential(*layers)
    with torch.no_grad():
        for one in model.parameters():
            one.copy_((torch.rand(one.shape, generator=generator, dtype=torch.float64) * 2 - 1) / one.shape[-1] ** 0.5)
    return model


def scalings(model, prefix=""):
    """Positive scalings of its hidden units."""
    layers = [(f"{prefix}{name}", one) for name, one in model.named_children() if isinstance(one, nn.Linear)]
    spaces = []
    for (name, one), (after, following) in pairwise(layers):
        size = one.out_features
        legs = [
            Leg(tensor=f"{name}.weight", shape=(size, one.in_features), axes=(0,)),
            Leg(tensor=f"{after}.weight", shape=(following.out_features, size), axes=(1,), exponent=-1),
        ]
        if one.bias is not None:
            legs.append(Leg(tensor=f"{name}.bias", shape=(size,), axes=(0,)))
        spaces.append(HiddenSpace(name=name, size=size, components=(Scalings(name, tuple(legs), shape=(size,)),)))
    return ModuleSymmetry(module=model, spaces=tuple(spaces))


def batch(count=20, *, inputs=6, classes=3, seed=1, dtype=torch.float64):
    """Random inputs and classes."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, inputs, generator=generator, dtype=torch.float64).to(dtype)
    return x, torch.randint(classes, (count,), generator=generator)


class Lion(torch.optim.Optimizer):
    """Sign descent on an average of gradients, as users write it."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99)):
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure=None):
        """One step."""
        for group in self.param_groups:
            first, second = group["betas"]
            for one in group["params"]:
                state = self.state[one]
                average = state.setdefault("exp_avg", torch.zeros_like(one))
                one.add_(torch.sign(average * first + one.grad * (1 - first)), alpha=-group["lr"])
                average.mul_(second).add_(one.grad, alpha=1 - second)


OPTIMIZERS = {
    "sgd": lambda params: torch.optim.SGD(params, lr=0.05),
    "momentum": lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.9),
    "nesterov": lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adagrad": lambda params: torch.optim.Adagrad(params, lr=0.05),
    "rmsprop": lambda params: torch.optim.RMSprop(params, lr=0.005),
    "rmsprop-centered": lambda params: torch.optim.RMSprop(params, lr=0.005, centered=True, momentum=0.5),
    "adam": lambda params: torch.optim.Adam(params, lr=0.01),
    "adam-amsgrad": lambda params: torch.optim.Adam(params, lr=0.01, amsgrad=True),
    "adamw": lambda params: torch.optim.AdamW(params, lr=0.01),
    "adam-fused": lambda params: torch.optim.Adam(params, lr=0.01, fused=True),
    "adam-foreach": lambda params: torch.optim.Adam(params, lr=0.01, foreach=True),
    "adam-capturable": lambda params: torch.optim.Adam(params, lr=torch.tensor(0.01), foreach=False),
    "nadam": lambda params: torch.optim.NAdam(params, lr=0.01),
    "radam": lambda params: torch.optim.RAdam(params, lr=0.01),
    "adamax": lambda params: torch.optim.Adamax(params, lr=0.01),
    "adadelta": torch.optim.Adadelta,
    "rprop": lambda params: torch.optim.Rprop(params, lr=0.01),
    "asgd": lambda params: torch.optim.ASGD(params, lr=0.01),
    "lion": Lion,
}


def train(model, optimizer, steps, given, *, loss=LOSS):
    """Some steps on one batch."""
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(given[0]), given[1]).backward()
        optimizer.step()


def bits(model, optimizer=None):
    """Everything that a teleport may change, as bytes."""
    tensors = [one.detach() for one in (*model.parameters(), *model.buffers())]
    if optimizer is not None:
        for one in model.parameters():
            state = optimizer.state.get(one, {})
            tensors += [state[key].detach() for key in sorted(state) if isinstance(state[key], torch.Tensor)]
    return b"".join(one.cpu().contiguous().numpy().tobytes() for one in tensors)
