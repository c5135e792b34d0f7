"""What the tests of symmetries of modules have in common."""

from __future__ import annotations

import copy

import numpy as np
import torch

from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.finder import symmetries_of
from solvers.pytorch.symmetry.linear_maps import LinearMaps
from solvers.pytorch.symmetry.permutations import Permutations
from solvers.pytorch.symmetry.scalings import Scalings, Signs
from solvers.pytorch.symmetry.shifts import Shifts


def dimensions(symmetry):
    """Dimensions of matrices, scalings and translations, and what is finite."""
    kinds = {LinearMaps: 0, Scalings: 0, Shifts: 0}
    for component in symmetry.components:
        if type(component) in kinds:
            kinds[type(component)] += component.dimension
    finite = sorted(one.group for one in symmetry.components if isinstance(one, Permutations | Signs))
    return (*kinds.values(), finite)


def defect(module, symmetry, make, *, scale=1.0):
    """Largest relative change of the outputs on unseen inputs, of all components together and of each alone."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    rng = np.random.default_rng(5)
    words = [symmetry.components, *[(one,) for one in symmetry.components]]
    worst = 0.0
    for components in words:
        element = Element(tuple((one, one.random(rng, scale=scale)) for one in components))
        with torch.no_grad():
            moved = element.transform(tensors)
            for _ in range(2):
                inputs = make()
                before, after = (plain(call(module, where, inputs)) for where in (tensors, moved))
                worst = max(worst, float((before - after).abs().max() / before.abs().max()))
    return worst


def call(module, tensors, inputs):
    """The module at other parameters; what it overwrites is a copy."""
    copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.func.functional_call(module, copies, inputs)


def plain(result):
    """The first tensor of a result."""
    if hasattr(result, "logits"):
        return result.logits
    if hasattr(result, "last_hidden_state"):
        return result.last_hidden_state
    return result[0] if isinstance(result, tuple) else result


def kept(module, make):
    """The symmetry, after the module was seen to be as it was and its function to stay under all elements."""
    before = copy.deepcopy(module.state_dict())
    symmetry = symmetries_of(module, make())
    assert all(torch.equal(before[name], one) for name, one in module.state_dict().items())
    assert not [note for note in symmetry.notes if note.startswith("dropped")], symmetry.notes
    assert defect(module, symmetry, make) < 1e-12
    return symmetry


def normal(*shape):
    """Random inputs of a shape."""
    return lambda: (torch.randn(*shape, dtype=torch.float64),)


def words(number, *shape):
    """Random integers."""
    return lambda: (torch.randint(0, number, shape),)
