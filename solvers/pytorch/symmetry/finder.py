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
from solvers.pytorch.symmetry.finding.parts import parts_of
from solvers.pytorch.symmetry.finding.reading import read_arguments, unwrapped
from solvers.pytorch.symmetry.finding.recording import run
from solvers.pytorch.symmetry.finding.renaming import renamed
from solvers.pytorch.symmetry.finding.shift_rules import ShiftPass
from solvers.pytorch.symmetry.finding.streams import with_streams
from solvers.pytorch.symmetry.finding.trace import Trace, operation_name, reason, traced, undisturbed
from solvers.pytorch.symmetry.finding.watching import place_of
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from symmetries.arguments import read_generator
from symmetries.certificate import Certificate, Claim

TRIES = 3
"""Number of checks of the whole of a module whose parts alone were traced, each on other inputs."""


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
    module: it is left as it is.  Where its operations depend on values of tensors, the group is that of the parts of
        it whose operations do not, as a note says.
    example_inputs: a tensor, or a tuple of the positional arguments of the module.
        The claim is about inputs of these shapes, and of the mode, training or evaluation, that the module is in.
    kwargs: its other arguments.
    rng: seed or NumPy generator, for the check.
    check: whether random elements are tried on the example inputs and on others before they are returned.

    Raises
    ------
    InputError: it is no module, has no parameters, does not run, or neither it nor any part of it can be traced.

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    >>> symmetry = symmetries_of(net, torch.ones(4, 3))
    >>> symmetry.dimension, symmetry.group
    (5, 'R+^5 |x S_5')
    """
    module = unwrapped(module)
    args = read_arguments(module, example_inputs, check=check)
    named = dict(kwargs or {})
    generator = read_generator(rng)
    with undisturbed(module):
        try:
            trace = traced(module, args, named)
        except InputError as error:
            return _of_parts(module, args, named, error, rng=generator, check=check)
        return _of_whole(module, args, named, trace, rng=generator, check=check)


def _of_whole(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], trace: Trace, *, rng: Any, check: bool
) -> ModuleSymmetry:
    """The symmetries of a module that was traced."""
    if check:
        run(module, args, kwargs)
    spaces, notes = _found(module, trace)
    spaces = with_streams(spaces, _found(module, trace, framing=True)[0])
    certificate: Certificate | None = None
    approximate: tuple[ApproximateSymmetry, ...] = ()
    if check:
        judge = _judge(module, args, kwargs, rng)
        spaces, dropped, certificate = _checked(spaces, judge)
        notes += dropped
        if _normalises(trace):
            loose, _ = _found(module, trace, without_epsilon=True)
            approximate = approximate_symmetries(loose, spaces, judge)
    return ModuleSymmetry(
        module=module, spaces=spaces, notes=tuple(notes), approximate=approximate, certificate=certificate
    )


def _of_parts(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], error: InputError, *, rng: Any, check: bool
) -> ModuleSymmetry:
    """The symmetries of the parts of a module that could not be traced for the reason given, tried on the whole."""
    parts, notes = parts_of(module, args, kwargs)
    if not parts:
        raise error
    spaces: tuple[HiddenSpace, ...] = ()
    for part in parts:
        found, said = _found(part.module, part.trace, shared=part.held)
        found = with_streams(found, _found(part.module, part.trace, shared=part.held, framing=True)[0])
        for given, named in part.calls if check else ():
            found, dropped, _ = _checked(found, _judge(part.module, given, named, rng))
            said += dropped
        spaces += tuple(renamed(space, part.name, part.names) for space in found)
        notes += [f"{part.name}: {note}" for note in said]
    certificate: Certificate | None = None
    if check:
        for _ in range(TRIES):
            spaces, dropped, certificate = _checked(spaces, _judge(module, args, kwargs, rng))
            notes += dropped
    return ModuleSymmetry(module=module, spaces=spaces, notes=tuple(dict.fromkeys(notes)), certificate=certificate)


def _judge(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], rng: Any) -> Check:
    """The check of a module, or the reason why it does not run."""
    try:
        return Check(module, args, kwargs, rng)
    except Exception as error:
        run(module, args, kwargs)
        raise InputError(
            f"the symmetries of {type(module).__name__} cannot be checked",
            why=reason(error),
            cure="it must run without gradients, on copies of its tensors; otherwise give check=False",
        ) from error


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


def _held(module: nn.Module, trace: Trace) -> tuple[frozenset[str], list[str]]:
    """The tensors that are not moved, with the reasons."""
    frozen = [name for name, one in module.named_parameters() if not one.requires_grad]
    notes = [f"frozen, and not moved: {', '.join(frozen)}"] if frozen else []
    shared: dict[int, list[str]] = {}
    for name, one in module.named_parameters():
        if place_of(one):
            shared.setdefault(place_of(one), []).append(name)
    overlapping = [name for names in shared.values() if len(names) > 1 for name in names]
    overlapping += [name for name, one in module.named_parameters() if _repeats(one) and name not in overlapping]
    if overlapping:
        notes.append(f"sharing memory, and not moved: {', '.join(overlapping)}")
    notes += [f"results of the class {name} are not looked at" for name in trace.ignored]
    return frozenset(frozen + overlapping), notes


def _repeats(tensor: Tensor) -> bool:
    """Whether entries of a tensor are one in memory, as after ``expand``."""
    return any(step == 0 and size > 1 for step, size in zip(tensor.stride(), tensor.shape, strict=True))


def _found(
    module: nn.Module,
    trace: Trace,
    *,
    shared: frozenset[str] = frozenset(),
    without_epsilon: bool = False,
    framing: bool = False,
) -> tuple[tuple[HiddenSpace, ...], list[str]]:
    """The hidden spaces that are left after all operations made their demands, and notes.

    Parameters
    ----------
    shared: names of tensors that are not moved since others use them.
    without_epsilon: whether normalisations are taken to divide by variances with nothing added.
    framing: whether weights of normalisations are taken for frames, in which linear maps may act.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    held, notes = _held(module, trace)
    held |= shared
    if shared:
        notes.append(f"used elsewhere or not at all, and not moved: {', '.join(sorted(shared))}")
    ways = {"without_epsilon": without_epsilon, "framing": framing}
    interpreter = Interpreter(trace, tensors, held=held, moving=_moving(trace) - held, **ways)
    interpreter.run()
    concluded(interpreter.atlas, interpreter.parameters)
    spaces = compiled(interpreter.atlas, interpreter.parameters, trace.lengths)
    if not without_epsilon and not framing:
        spaces += _shifts(trace, tensors, held)
    return spaces, notes + list(interpreter.atlas.notes)


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
        """Those of some components that did not fail."""
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
