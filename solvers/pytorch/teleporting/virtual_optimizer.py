"""Copies of an optimizer that move copies of the parameters, so that steps can be tried."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.pytorch.teleporting.batches import Batch
from solvers.pytorch.teleporting.measured_loss import MeasuredLoss
from solvers.pytorch.teleporting.state_transport import States, copied

HOOKS = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)
"""Where an optimizer keeps what others asked it to call."""


@final
class VirtualOptimizer:
    """An optimizer with its state, on parameters of its own.

    Parameters
    ----------
    optimizer: of the run; it is not changed, and its hooks are not called.
    named: the parameters of the module by name.
    loss: whose evaluations give the gradients.
    point: where the copy starts, by name; tensors that the optimizer does not own stay there.
    states: tensors of the state at that point by name of the parameter, where they are others than in the run.

    Raises
    ------
    InputError: the optimizer cannot be copied.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        named: Mapping[str, nn.Parameter],
        loss: MeasuredLoss,
        *,
        point: Mapping[str, Tensor],
        states: States | None = None,
    ) -> None:
        self.loss = loss
        self.tensors = {name: one.detach().clone() for name, one in point.items()}
        self.leaves: dict[str, nn.Parameter] = {}
        memo: dict[int, Any] = {}
        for name, one in named.items():
            if name in self.tensors:
                leaf = nn.Parameter(self.tensors[name].to(one.dtype), requires_grad=one.requires_grad)
                self.leaves[name] = leaf
                memo[id(one)] = leaf
        self.optimizer = _copied(optimizer, memo)
        for name, state in (states or {}).items():
            if name not in self.leaves:
                continue  # frozen since: it has a state, but takes no part
            own = self.optimizer.state[self.leaves[name]]
            held = copied({name: state})[name]
            own |= {key: one.to_dense() if isinstance(one, Tensor) else one for key, one in held.items()}
            for key in [key for key in own if key not in state]:
                del own[key]

    def step(self, batches: Sequence[Batch]) -> None:
        """One step on the mean loss over some batches of each process."""
        loss = self.loss.on(batches)

        def closure() -> Any:
            """The loss, whose gradient is given to the parameters."""
            value, gradient = loss.value_and_gradient(self.point())
            for name, leaf in self.leaves.items():
                if name in gradient:
                    slope = gradient[name].to(leaf.dtype)
                    leaf.grad = slope.to_sparse(1) if isinstance(self.optimizer, torch.optim.SparseAdam) else slope
            return torch.tensor(value)

        self.optimizer.step(closure)

    def run(self, batches: Sequence[Batch], *, steps: int) -> dict[str, Tensor]:
        """The parameters after steps that go through the batches in turn."""
        for step in range(steps):
            self.step([batches[step % len(batches)]])
        return self.point()

    def point(self) -> dict[str, Tensor]:
        """The tensors now, in the precision of the evaluations."""
        moved = {name: leaf.detach().to(self.loss.dtype) for name, leaf in self.leaves.items()}
        return {**self.tensors, **moved}


def _copied(optimizer: torch.optim.Optimizer, memo: dict[int, Any]) -> torch.optim.Optimizer:
    """The optimizer on other parameters, with copied state, without hooks and without the marks of schedulers."""
    try:
        other = copy.deepcopy(optimizer, memo)
        for name, value in vars(optimizer).items():
            if name not in vars(other) and name != "step" and name not in HOOKS:
                setattr(other, name, copy.deepcopy(value, memo))
    except (TypeError, RuntimeError, AttributeError) as error:
        raise InputError(
            f"the optimizer {type(optimizer).__name__} cannot be copied",
            why=f"{str(error).splitlines()[0] if str(error) else type(error).__name__}; virtual steps need a copy",
            cure="use accept=None and a target other than 'lookahead'",
        ) from error
    for name in HOOKS:
        getattr(other, name).clear()
    return other
