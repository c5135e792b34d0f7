"""Symmetries of any PyTorch module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.pytorch.symmetry.approximate import ApproximateSymmetry, approximate_symmetries
from solvers.pytorch.symmetry.component import Component
from solvers.pytorch.symmetry.finding.checking import Check, key
from solvers.pytorch.symmetry.finding.compiling import compiled, concluded
from solvers.pytorch.symmetry.finding.interpreter import Interpreter
from solvers.pytorch.symmetry.finding.shift_rules import ShiftPass
from solvers.pytorch.symmetry.finding.trace import Trace, operation_name, traced
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from symmetries.arguments import read_generator
from symmetries.certificate import Certificate, Claim


def symmetries_of(
    module: nn.Module,
    example_inputs: Any,
    *,
    kwargs: Mapping[str, Any] | None = None,
    rng: Any = 0,
    check: bool = True,
) -> ModuleSymmetry:
    r"""The group that acts on the parameters of a module and leaves the function that it computes as it is.

    .. math:: f(x; g\cdot w) = f(x; w)\quad\text{for all inputs } x

    Parameters
    ----------
    module: whose operations do not depend on values of tensors; it is left as it is.
    example_inputs: a tensor, or a tuple of the positional arguments of the module.
        The claim is about inputs of these shapes, and of the mode, training or evaluation, that the module is in.
    kwargs: its other arguments.
    rng: seed or NumPy generator, for the check.
    check: whether random elements are tried on the example inputs and on others before they are returned.

    Raises
    ------
    InputError: it is no module, has no parameters, or cannot be traced.

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    >>> symmetry = symmetries_of(net, torch.ones(4, 3))
    >>> symmetry.dimension, symmetry.group
    (5, 'R+^5 |x S_5')
    """
    module = _unwrapped(module)
    args = _read(module, example_inputs)
    named = dict(kwargs or {})
    generator = read_generator(rng)
    trace = traced(module, args, named)
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    held, notes = _held(module, trace)
    moving = _moving(trace)
    interpreter = Interpreter(trace, tensors, held=held, moving=moving)
    spaces = _spaces(interpreter) + _shifts(trace, tensors, held)
    notes += interpreter.atlas.notes
    certificate: Certificate | None = None
    approximate: tuple[ApproximateSymmetry, ...] = ()
    if check:
        judge = Check(module, args, named, generator)
        spaces, dropped, certificate = _checked(spaces, judge)
        notes += dropped
        if _normalises(trace):
            loose = Interpreter(trace, tensors, held=held, moving=moving, without_epsilon=True)
            approximate = approximate_symmetries(_spaces(loose), spaces, judge)
    return ModuleSymmetry(
        module=module, spaces=spaces, notes=tuple(notes), approximate=approximate, certificate=certificate
    )


def group_of(model: nn.Module, example_inputs: Any, symmetry: ModuleSymmetry | None) -> ModuleSymmetry:
    """The symmetry group that was given, or that is found from example inputs.

    Raises
    ------
    InputError: there are neither.
    """
    if symmetry is not None:
        return symmetry
    if example_inputs is None:
        raise InputError(
            f"no example inputs for {type(model).__name__}",
            why="its symmetry group is found by following them through its operations",
            cure="give example inputs, or the group: symmetry=symmetries_of(model, example_inputs)",
        )
    return symmetries_of(model, example_inputs)


def _unwrapped(module: Any) -> Any:
    """The module inside one that only compiles or distributes it; the parameters are the same."""
    inner = getattr(module, "_orig_mod", module)
    return inner.module if isinstance(inner, nn.parallel.DistributedDataParallel) else inner


def _read(module: Any, example_inputs: Any) -> tuple[Any, ...]:
    """The positional arguments, after the module was looked at."""
    if not isinstance(module, nn.Module):
        raise InputError(
            f"symmetries_of was given {type(module).__name__}",
            why="only a module has parameters to act on",
            cure="give a torch.nn.Module; for any other function there is solvers.discover",
        )
    if not any(True for _ in module.parameters()):
        raise InputError(
            f"{type(module).__name__} has no parameters",
            why="a symmetry moves parameters",
            cure="give a module with at least one layer",
        )
    devices = {str(tensor.device) for tensor in (*module.parameters(), *module.buffers())}
    if len(devices) > 1:
        raise InputError(
            f"the tensors of {type(module).__name__} are on several devices: {', '.join(sorted(devices))}",
            why="an element acts on tensors together",
            cure="move the module to one device: module.to(device)",
        )
    return tuple(example_inputs) if isinstance(example_inputs, tuple | list) else (example_inputs,)


def _held(module: nn.Module, trace: Trace) -> tuple[frozenset[str], list[str]]:
    """The tensors that are not moved, with the reasons."""
    frozen = [name for name, one in module.named_parameters() if not one.requires_grad]
    notes = [f"frozen, and not moved: {', '.join(frozen)}"] if frozen else []
    shared: dict[int, list[str]] = {}
    for name, one in module.named_parameters():
        if one.numel():
            shared.setdefault(one.untyped_storage().data_ptr(), []).append(name)
    overlapping = [name for names in shared.values() if len(names) > 1 for name in names]
    if overlapping:
        notes.append(f"sharing memory, and not moved: {', '.join(overlapping)}")
    notes += [f"results of the class {name} are not looked at" for name in trace.ignored]
    return frozenset(frozen + overlapping), notes


def _spaces(interpreter: Interpreter) -> tuple[HiddenSpace, ...]:
    """The hidden spaces that are left after all operations made their demands."""
    interpreter.run()
    concluded(interpreter.atlas, interpreter.parameters)
    return compiled(interpreter.atlas, interpreter.parameters, interpreter.trace.lengths)


def _normalises(trace: Trace) -> bool:
    """Whether there are normalisations, whose epsilon may be what forbids a scaling."""
    return any(node.op == "call_function" and "norm" in operation_name(node.target) for node in trace.graph.nodes)


def _shifts(trace: Trace, tensors: Mapping[str, Tensor], held: frozenset[str]) -> tuple[HiddenSpace, ...]:
    """Translations of biases that nothing sees, each as a space."""
    means = {name for name in _moving(trace) if name.endswith("mean")}
    floating = {name for name, one in tensors.items() if isinstance(one, nn.Parameter) and one.is_floating_point()}
    found = ShiftPass(trace, tensors, movable=frozenset((floating | means) - held)).run()
    return tuple(HiddenSpace(name=one.name, size=one.size, components=(one,)) for one in found)


def _moving(trace: Trace) -> frozenset[str]:
    """The running statistics of normalisations, which move with the parameters."""
    names = set()
    for node in trace.graph.nodes:
        if node.op == "call_function" and "norm" in operation_name(node.target):
            schema = getattr(node.target, "_schema", None)
            for argument, given in zip(schema.arguments if schema else (), node.args, strict=False):
                if argument.name in ("running_mean", "running_var") and getattr(given, "name", None) in trace.tensors:
                    names.add(trace.tensors[given.name])
    return frozenset(names)


def _checked(spaces: tuple[HiddenSpace, ...], check: Check) -> tuple[tuple[HiddenSpace, ...], list[str], Certificate]:
    """The spaces whose components passed the check, and what was dropped."""
    components = [component for space in spaces for component in space.components]
    failing = check.failing(components)
    notes = [f"dropped: {name} changes the outputs by {defect:.1e}" for name, defect in failing.items()]

    def passed(found: tuple[Component, ...]) -> tuple[Component, ...]:
        return tuple(one for one in found if key(one) not in failing)

    kept = tuple(replace(space, components=passed(space.components)) for space in spaces)
    kept = tuple(space for space in kept if space.components)
    claim = Claim(
        statement="the outputs of the module are the same at w and at g w",
        verdict="measured",
        reason="random elements were applied, all components together, on the example inputs and on others",
        evidence={"components": len(components), "dropped": len(failing), "precision": str(check.dtype)},
    )
    return kept, notes, Certificate(loss={}, claims=(claim,))
