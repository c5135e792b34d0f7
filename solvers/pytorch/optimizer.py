"""Optimizers of PyTorch that move parameters on spaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import torch
from torch import Tensor

from manifolds.space import Space
from solvers.pytorch.groups import check_group, check_rate, read_group, read_rate
from solvers.pytorch.lists import read_mapping, read_params
from solvers.pytorch.plan import Entries, Plan, not_finite
from solvers.pytorch.saving import plain_groups, read_groups, read_saved, restored
from solvers.pytorch.stacks import Stack
from solvers.rule import Rule


@final
class ManifoldOptimizer(torch.optim.Optimizer):
    r"""An optimizer of PyTorch for parameters on homogeneous spaces and in vector spaces, by one rule for all.

    Each step lifts the gradient G of a parameter Y to coordinates :math:`D` in one fixed vector space, lets the rule
    make a displacement W of them, and moves to :math:`\lambda(Y) R(W) E`. Parameters without a space make the steps of
    the rule itself: with `rule="adam"` those of `torch.optim.Adam`. Parameters of one space, shape, type and device are
    updated together.

    Parameters
    ----------
    params : iterable
        Parameters, or groups `{"params": [...], "space": Stiefel(49, 7)}`; a `ManifoldParameter` carries its space. A
        group may have its own `lr`, `rule`, hyperparameters and options.
    rule : str or Rule
        Such as `"adam"`, `"heavy-ball"`, or `Adam(beta2=0.99)` of `solvers.rules`.
    lr : float, Tensor, or function from the number of a step, from 1, to its rate
        1e-3 unless given, or that of a rule that is given as an object.
    space, retraction, trust_radius, maximize, check_finite, project
        Options of every group that does not say: the `space`; its `retraction`; the largest length of a step,
        `trust_radius`, for parameters on homogeneous spaces; whether to `maximize`; what to do about gradients that
        are not finite; whether to `project` parameters to their space first.
    in_place : bool
        Whether to use the kernel that works in place, for real Stiefel and Grassmann manifolds.
    **hyperparameters
        Those of the rule, such as `beta1`.

    Raises
    ------
    InputError
        If a parameter is not on its space, or an option does not fit; at a step, if a gradient is sparse, or not
        finite: then no parameter and no state is changed.

    Notes
    -----
    `check_finite="auto"` looks at gradients in the memory of the processor and refuses the step. On another device it
    does not wait: a step with such gradients leaves all parameters and moments on that device as they were, and only
    the number of steps goes on; likewise for the parameters of one space where their step leads to no point. True
    always looks, False never does.

    With the Cayley transform, no step waits for a device, but for the first of half-precision parameters. These have a
    copy in single precision in the state, which is what moves.

    Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.

    Examples
    --------
    >>> from manifolds.spaces import Stiefel
    >>> A, space = torch.diag(torch.tensor([3.0, 2.0, 1.0, 0.5, 0.1])), Stiefel(5, 1)
    >>> Y = torch.nn.Parameter(space.random(0, like=A))
    >>> optimizer = ManifoldOptimizer([{"params": [Y], "space": space}], rule="adam", lr=0.05)
    >>> for step in range(300):
    ...     optimizer.zero_grad()
    ...     (-(Y.T @ A @ Y).trace()).backward()
    ...     optimizer.step()
    >>> round(float((Y.T @ A @ Y).detach()), 3)
    3.0
    """

    def __init__(
        self,
        params: Iterable[Any],
        rule: str | Rule = "adam",
        lr: Any = None,
        *,
        space: Space | None = None,
        retraction: str | None = None,
        trust_radius: float | None = None,
        maximize: bool = False,
        check_finite: bool | str = "auto",
        project: bool = False,
        in_place: bool = True,
        **hyperparameters: Any,
    ) -> None:
        self._rule, self._lr, self._hyperparameters, self._in_place = rule, lr, hyperparameters, in_place
        self._options = {
            "space": space,
            "retraction": retraction,
            "trust_radius": trust_radius,
            "maximize": maximize,
            "check_finite": check_finite,
            "project": project,
        }
        self._plans: dict[int, Plan] = {}
        self._entries: Entries | None = None
        super().__init__(read_params(params), {})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take in another group, see the class.

        Raises
        ------
        InputError
            As the class does.
        """
        written = {**self._options, **read_mapping(param_group, len(self.param_groups), self.param_groups)}
        if written["space"] is None and "retraction" not in param_group:
            written["retraction"] = None
        group = read_group(written, rule=self._rule, hyperparameters=self._hyperparameters, lr=self._lr)
        held = {id(param) for one in self.param_groups for param in one["params"]}
        check_group(group, len(self.param_groups), held=held, project=bool(written["project"]))
        super().add_param_group(group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step; with a closure, which computes the loss and its gradients anew, return the loss.

        Raises
        ------
        InputError
            If a gradient cannot be used; then nothing is changed.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._update()
        return loss

    @torch.compiler.disable
    def _update(self) -> None:
        """One step of all parameters that have a gradient: everything that can fail comes before any change."""
        work: list[tuple[dict[str, Any], list[Stack]]] = []
        entries = self._entries
        if entries is None or entries.state is not self.state:
            entries = self._entries = Entries(self.state)
            self._plans = {}
        same = entries.same()
        for index, group in enumerate(self.param_groups):
            if index not in self._plans:
                self._plans[index] = Plan(index, self.state, kernel=self._in_place)
            work.append((group, self._plans[index].load(group, same=same)))
        entries.keep()
        masks = self._checked(work)
        for index, (group, stacks) in enumerate(work):
            if group["schedule"] is not None and stacks:
                group["lr"] = read_rate(group["schedule"](stacks[0].count + 1))
            check_rate(group["lr"], index)
            for stack in stacks:
                stack.guard(masks.get(stack.device) if group["check_finite"] == "auto" else None)
                stack.propose(group["lr"], group["trust_radius"])
        for group, stacks in work:
            for stack in stacks:
                stack.finish(group["lr"], group["trust_radius"])

    def _checked(self, work: Sequence[tuple[dict[str, Any], list[Stack]]]) -> dict[torch.device, Tensor]:
        """Refuse gradients that are not finite; for other devices than the processor, a truth value for each."""
        masks: dict[torch.device, Tensor] = {}
        for index, (group, stacks) in enumerate(work):
            for stack in stacks if group["check_finite"] is not False else ():
                if group["check_finite"] is True or stack.device.type == "cpu":
                    if not stack.finite():
                        raise not_finite(index, group["params"])
                else:
                    finite, before = stack.finite_on_device(), masks.get(stack.device)
                    masks[stack.device] = finite if before is None else before & finite
        return masks

    def state_dict(self) -> dict[str, Any]:
        """The state as numbers, texts and tensors; the same bits follow from it as from the optimizer itself."""
        saved = super().state_dict()
        return {**saved, "param_groups": plain_groups(saved["param_groups"], self.param_groups)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a saved state.

        Raises
        ------
        InputError
            If it belongs to other groups, spaces or rules; then nothing is changed.
        """
        read_saved(state_dict)
        state_dict = dict(state_dict)
        for before in self._optimizer_load_state_dict_pre_hooks.values():
            changed = before(self, state_dict)
            state_dict = state_dict if changed is None else changed
        saved, states = read_saved(state_dict)
        groups = read_groups(saved, self.param_groups)
        self.__setstate__({"state": restored(saved, states, groups), "param_groups": groups})
        for after in self._optimizer_load_state_dict_post_hooks.values():
            after(self)

    def __getstate__(self) -> dict[str, Any]:
        """What pickle and copies keep: all but the tensors that parameters share, which are built anew."""
        own = ("_rule", "_lr", "_hyperparameters", "_in_place", "_options")
        return {**super().__getstate__(), **{name: getattr(self, name) for name in own}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what pickle kept."""
        super().__setstate__(state)
        self._plans, self._entries = {}, None
