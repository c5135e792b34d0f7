r"""The null spaces of the inputs of a module's layers: weights that move without the batch noticing.

Source: C. Wu, J. Dong, O. Aloui, V. Tarokh, "Teleportation With Null Space Gradient Projection for Optimization
Acceleration" (2025), arXiv:2502.11362.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.aims.target_norms import GradientNorm
from solvers.move import Destination
from solvers.null_space import EXACT_DRIFT, INEXACT_DRIFT
from solvers.pytorch.objective import ModuleObjective
from solvers.pytorch.teleporting.narrowing import WORTH, Narrowed, narrowed
from solvers.search.level_set_ascent import Ascent, Limits
from solvers.search.level_set_merit import make_merit
from solvers.search.null_space_batch import Unseen
from solvers.search.null_space_layers import Layer, NullSpaces, leading_subspace
from solvers.status import Status
from solvers.target import Target


@final
@dataclass(frozen=True, kw_only=True)
class SeenInputs:
    """What a layer saw.

    Parameters
    ----------
    columns: its inputs, one column a sample or a patch.
    is_data: whether they do not depend on parameters.
    calls: how often the layer was called.
    is_flat: whether each sample is one column.
    """

    columns: Tensor
    is_data: bool
    calls: int = 1
    is_flat: bool = True


def layer_inputs(objective: ModuleObjective) -> dict[str, SeenInputs]:
    """The inputs of the linear and convolution layers of a module on its batches, by the name of the layer.

    Layers whose weight is used by another module too are left out, and those that take part without being called.
    """
    loss = objective.measured
    uses = Counter(id(one) for module in loss.module.modules() for one in module.parameters(recurse=False))
    seen: dict[str, list[Tensor]] = {}
    is_data: dict[str, bool] = {}
    is_flat: dict[str, bool] = {}
    handles = []
    for name, module in loss.module.named_modules():
        if _rows(module) is None or any(uses[id(one)] > 1 for one in module.parameters(recurse=False)):
            continue

        def note(module: nn.Module, args: tuple[Any, ...], name: str = name) -> None:
            """Keep the inputs of a layer and what is known of them."""
            columns = _columns(module, args[0])
            seen.setdefault(name, []).append(columns.detach())
            is_flat[name] = args[0].ndim == 2
            is_data[name] = is_data.get(name, True) and not args[0].requires_grad

        handles.append(module.register_forward_pre_hook(note))
    try:
        with loss.measuring():
            loss.differentiable({name: one.detach().requires_grad_() for name, one in loss.parameters.items()})
    finally:
        for handle in handles:
            handle.remove()
    return {
        name: SeenInputs(
            columns=torch.cat(parts, dim=1), is_data=is_data[name], calls=len(parts), is_flat=is_flat[name]
        )
        for name, parts in seen.items()
    }


def _rows(module: nn.Module) -> int | None:
    """The number of outputs of a layer that is a matrix; None for other modules."""
    if type(module) is nn.Linear:
        return module.out_features
    if type(module) is nn.Conv2d and module.groups == 1 and module.padding_mode == "zeros":
        return module.out_channels if not isinstance(module.padding, str) else None
    return None


def _columns(module: nn.Module, inputs: Tensor) -> Tensor:
    """The inputs of a layer as columns: samples of a linear layer, patches of a convolution."""
    if isinstance(module, nn.Conv2d):
        image = inputs if inputs.ndim == 4 else inputs[None]
        patches = nn.functional.unfold(image, module.kernel_size, module.dilation, _pair(module.padding), module.stride)
        return patches.transpose(0, 1).reshape(patches.shape[1], -1)
    return inputs.reshape(-1, inputs.shape[-1]).T


def _pair(padding: Any) -> tuple[int, int]:
    """The padding in both directions."""
    return (padding, padding) if isinstance(padding, int) else (padding[0], padding[1])


def null_spaces(
    objective: ModuleObjective, seen_by: Mapping[str, SeenInputs], *, energy: float, fixed: bool
) -> tuple[list[Layer], list[dict[str, Any]]]:
    """The layers with their null spaces, and the rank table.

    Parameters
    ----------
    objective: of a module.
    seen_by: the inputs of its layers.
    energy: the share of the squared singular values that counts as seen; 1 is the numerical rank.
    fixed: whether layers on data stay as they are, since the target does not see what the batch does not.

    Raises
    ------
    InputError: the module has no layer of a known kind.
    """
    places = _places(objective)
    layers, table = [], []
    for name, seen in seen_by.items():
        layer = objective.measured.module.get_submodule(name)
        weight, bias = f"{name}.weight" if name else "weight", f"{name}.bias" if name else "bias"
        if weight not in places or (layer.bias is not None and bias not in places):
            continue
        rows = seen.columns.to("cpu", torch.float64).numpy()
        inputs, outputs = rows.shape[0], _rows(layer) or 0
        if layer.bias is not None:
            rows = np.vstack([rows, np.ones(rows.shape[1])])
        basis, share = leading_subspace(rows, energy=energy)
        made = Layer(
            name=weight,
            start=places[weight],
            outputs=outputs,
            inputs=inputs,
            bias=places.get(bias) if layer.bias is not None else None,
            basis=basis,
            share=share,
            samples=rows.shape[1],
        )
        table.append(made.to_dict() | {"moves": not (fixed and seen.is_data)})
        if not (fixed and seen.is_data):
            layers.append(made)
    if not table:
        raise InputError(
            "a module without layers whose inputs are known",
            why="null-space moves need trainable Linear or Conv2d layers that are called as modules",
            cure='use along="group" or along="level-set"',
        )
    return layers, table


def _places(objective: ModuleObjective) -> dict[str, int]:
    """The index of the first entry of every parameter."""
    places, first = {}, 0
    for name, shape in objective.space.shapes.items():
        places[name] = first
        first += int(np.prod(shape))
    return places


def search_null_space(
    objective: ModuleObjective,
    target: Target,
    *,
    maximize: bool,
    steps: int,
    radius: float | None,
    energy: float = 1.0,
    held_out: ModuleObjective | None = None,
) -> Destination:
    """The best point that was found among those that the batch does not tell from the start.

    Parameters
    ----------
    objective: in double precision.
    target, maximize: what is made large or small.
    steps: accepted steps at most.
    radius: largest distance from the start; None is the length of the start.
    energy: the share of the squared singular values of a layer's inputs that counts as seen.
    held_out: the same module on other batches, where the drift is reported.
    """
    start = objective.vector()
    exact, seen = energy == 1, layer_inputs(objective)
    layers, table = null_spaces(objective, seen, energy=energy, fixed=exact and isinstance(target, GradientNorm))
    evidence: dict[str, Any] = {"energy": energy, "ranks": table}
    if not NullSpaces(tuple(layers)).dimension:
        reason = "the inputs of every layer span all of its width; take fewer samples, or less energy"
        evidence["reason"] = reason
        return Destination(point=start, status=Status.NO_IMPROVEMENT, steps=0, evidence=evidence)
    place = _place(objective, seen, layers, target, exact=exact)
    begin = place.objective.vector()
    spaces = NullSpaces(tuple(place.layers))
    reach = float(np.linalg.norm(start)) if radius is None else radius
    limits = Limits(steps=steps, hvps=np.inf, radius=reach, optimality=1e-6)
    with place.objective.keeping_graphs():
        unseen = Unseen(place.objective, begin, spaces, tolerance=EXACT_DRIFT if exact else INEXACT_DRIFT)
        ascent = Ascent(unseen, make_merit(place.objective, target, unseen.start, maximize=maximize), limits)
        status = ascent.run()
    end = place.widened(ascent.at.point)
    evidence["reason"] = ascent.reason
    evidence["drift_in_double_precision"] = (ascent.at.value - unseen.level) / max(abs(unseen.level), 1e-300)
    if held_out is not None:
        before, after = held_out.value(start), held_out.value(end)
        drift = (after - before) / max(abs(before), abs(after), 1e-300)
        evidence["held_out"] = {"loss_before": before, "loss_after": after, "relative_drift": drift}
    return Destination(point=end, status=status, steps=ascent.steps, evidence=evidence)


def _place(
    objective: ModuleObjective, seen: Mapping[str, SeenInputs], layers: list[Layer], target: Target, *, exact: bool
) -> Narrowed:
    """Where the ascent works: a smaller module where there is one."""
    whole = Narrowed(objective=objective, layers=layers, original=objective.vector())
    if not (exact and isinstance(target, GradientNorm) and objective.measured.ranks.size == 1):
        return whole
    places, moving = _places(objective), {one.name for one in layers}
    for name, one in seen.items():
        weight = f"{name}.weight"
        layer = objective.measured.module.get_submodule(name)
        is_small = one.columns.shape[1] <= WORTH * one.columns.shape[0]
        known = name and weight in places and weight not in moving and type(layer) is nn.Linear
        if known and one.is_data and one.calls == 1 and one.is_flat and is_small:
            return narrowed(objective, layers, name=name, columns=one.columns, first=places[weight])
    return whole
