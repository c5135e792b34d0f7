"""Optimizers of PyTorch that move parameters on spaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import torch
from torch import Tensor

from manifolds.errors import InputError
from manifolds.homogeneous import Homogeneous
from manifolds.space import Space
from solvers.pytorch.cayley import has_kernel
from solvers.pytorch.groups import check_group, read_group
from solvers.pytorch.moments import as_real
from solvers.pytorch.parameter import space_of
from solvers.pytorch.saving import plain_groups, read_groups, restored
from solvers.pytorch.stacks import CayleyStack, FrameStack, Stack, VectorStack, working_type
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
    does not wait: a step with such gradients leaves all parameters and moments on that device as they were. True
    always looks, False never does.

    Half-precision parameters have a copy in single precision in the state, which is what moves.

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
        self._stacks: dict[int, list[Stack]] = {}
        super().__init__(params, {})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take in another group, see the class.

        Raises
        ------
        InputError
            As the class does.
        """
        written = {**self._options, **param_group}
        group = read_group(written, rule=self._rule, hyperparameters=self._hyperparameters, lr=self._lr)
        group["params"] = _listed(group["params"])
        check_group(group, len(self.param_groups), project=bool(written["project"]))
        super().add_param_group(group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
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
        """One step of all parameters that have a gradient."""
        work = []
        for index, group in enumerate(self.param_groups):
            if group["schedule"] is not None:
                first = next((self.state[p]["step"] for p in group["params"] if self.state.get(p)), 0)
                group["lr"] = float(group["schedule"](first + 1))
            stacks = self._stacks_of(index, group)
            for stack in stacks:
                stack.load([param.grad for param in stack.params], maximize=group["maximize"])
            work.append((group, stacks))
        masks = self._checked(work)
        for group, stacks in work:
            for stack in stacks:
                stack.propose(group["lr"], group["trust_radius"])
        for group, stacks in work:
            for stack in stacks:
                mask = masks.get(stack.device) if group["check_finite"] == "auto" else None
                stack.finish(group["lr"], group["trust_radius"], mask=mask)

    def _stacks_of(self, index: int, group: dict[str, Any]) -> list[Stack]:
        """The parameters of a group that have a gradient, in the stacks of the last step where they still fit."""
        active = [param for param in group["params"] if param.grad is not None]
        states = [self.state[param] for param in active]
        old = self._stacks.get(index)
        if old is not None and _fit(old, active, states, group["rule"]):
            return old
        for k, param in enumerate(active):
            if param.grad.layout != torch.strided:
                raise InputError(
                    f"the gradient of parameter {k} of group {index} is sparse",
                    why="coordinates of a step have an entry for each entry of the parameter",
                    cure="make it dense, such as with sparse=False in torch.nn.Embedding",
                )
        made: dict[Any, list[Tensor]] = {}
        for param in active:
            space = space_of(param, group["space"])
            self._start(param, space, group["rule"])
            homogeneous = isinstance(space, Homogeneous)
            shape = tuple(param.shape) if homogeneous else None
            key = (space if homogeneous else None, shape, param.dtype, param.device, self.state[param]["step"])
            made.setdefault(key, []).append(param)
        stacks = [self._stack(key[0], params, group["rule"]) for key, params in made.items()]
        self._stacks[index] = stacks
        return stacks

    def _stack(self, space: Space | None, params: Sequence[Tensor], rule: Rule) -> Stack:
        """A stack of the kind that a space needs."""
        kind: Any = FrameStack
        if space is None:
            kind = VectorStack
        elif self._in_place and has_kernel(space):
            kind = CayleyStack
        return kind(params, [self.state[param] for param in params], rule, space)

    def _start(self, param: Tensor, space: Space | None, rule: Rule) -> None:
        """The state of a parameter before its first step; one that is there already is left alone."""
        state = self.state[param]
        wide = param.detach().to(working_type(param.dtype))
        if "step" not in state:
            state["step"] = 0
            for name, value in rule.start(as_real(torch.zeros_like(wide))).items():
                state[name] = torch.view_as_complex(value.contiguous()) if param.is_complex() else value
        if wide.dtype != param.dtype and "master" not in state:
            state["master"] = space.project(wide) if isinstance(space, Homogeneous) else wide.clone()
        if isinstance(space, Homogeneous) and space.section_kind == "transported" and "section" not in state:
            state["section"] = space.section(wide, check=False).section.matrix  # type: ignore[attr-defined]

    def _checked(self, work: Sequence[tuple[dict[str, Any], list[Stack]]]) -> dict[torch.device, Tensor]:
        """Refuse gradients that are not finite; for other devices than the processor, a truth value for each."""
        masks: dict[torch.device, Tensor] = {}
        for index, (group, stacks) in enumerate(work):
            for stack in stacks:
                if group["check_finite"] is False:
                    continue
                finite = stack.all_finite()
                if group["check_finite"] is True or stack.device.type == "cpu":
                    if not finite:
                        raise _not_finite(index, group["params"])
                elif stack.device in masks:
                    masks[stack.device] = masks[stack.device] & finite
                else:
                    masks[stack.device] = finite
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
        groups = read_groups(state_dict["param_groups"], self.param_groups)
        params = [param for group in self.param_groups for param in group["params"]]
        numbers = [number for group in groups for number in group["params"]]
        super().load_state_dict({**state_dict, "param_groups": groups})
        restored(self.state, {k: state_dict["state"].get(n, {}) for k, n in enumerate(numbers)}, params)
        self._stacks = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what pickle kept."""
        super().__setstate__(state)
        self._stacks = {}


def _listed(params: Any) -> Any:
    """The parameters of a group as a list; names beside them are left to PyTorch."""
    return [params] if isinstance(params, Tensor) else list(params)


def _fit(stacks: Sequence[Stack], active: Sequence[Tensor], states: Sequence[dict[str, Any]], rule: Rule) -> bool:
    """Whether stacks hold just these parameters with these states."""
    if len(stacks) == 1:
        return stacks[0].fits(active, states, rule)
    place = {id(param): state for param, state in zip(active, states, strict=True)}
    held = [param for stack in stacks for param in stack.params]
    if len(held) != len(active) or any(id(param) not in place for param in held):
        return False
    return all(stack.fits(stack.params, [place[id(param)] for param in stack.params], rule) for stack in stacks)


def _not_finite(index: int, params: Sequence[Tensor]) -> InputError:
    """The error on gradients that are not finite."""
    bad = [k for k, p in enumerate(params) if p.grad is not None and not torch.isfinite(p.grad).all()]
    names = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
    return InputError(
        f"the gradient of parameter {names} of group {index} is not finite",
        why="a step along it would lead to no point; no parameter and no moment was changed",
        cure="leave the step out, and look where the loss overflows; torch.amp.GradScaler does so in half precision",
    )
