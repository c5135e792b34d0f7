"""Steps of PyTorch's optimizers as differentiable functions, by the rules of this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from solvers.pytorch.teleporting.state_transport import States
from solvers.rule import Rule
from solvers.rules import AdaGrad, Adam, AdamW, GradientDescent, HeavyBall, Nesterov, RMSProp

SLOTS = {"momentum_buffer": "momentum", "sum": "square", "square_avg": "square"}
"""Names of PyTorch's tensors and of the slots of the rules; Adam's follow."""

MOMENTS = {"exp_avg": "average", "exp_avg_sq": "square"}

TINY = 1e-18
"""What stands for a gradient of zero, where the root of its square has no derivative."""


@final
@dataclass(frozen=True, kw_only=True)
class GroupRule:
    """The rule of one group of parameters.

    Parameters
    ----------
    rule: of this package.
    rate: learning rate.
    decay: weight decay that is added to the gradient.
    sign: -1 where the optimizer maximises.
    """

    rule: Rule
    rate: float
    decay: float = 0.0
    sign: float = 1.0


@final
class DifferentiableSteps:
    """An optimizer of PyTorch as functions that derivatives go through.

    Parameters
    ----------
    rules: of the parameters by name; :meth:`of` reads them off SGD, Adagrad, RMSprop, Adam and AdamW.
    """

    def __init__(self, rules: Mapping[str, GroupRule]) -> None:
        self._rules = rules

    @classmethod
    def of(cls, optimizer: torch.optim.Optimizer, named: Mapping[str, nn.Parameter]) -> DifferentiableSteps | None:
        """The steps of an optimizer with its present rates and options; None where its formulas are not known.

        >>> layer = nn.Linear(1, 1)
        >>> DifferentiableSteps.of(torch.optim.Rprop(layer.parameters()), dict(layer.named_parameters())) is None
        True
        """
        rules: dict[str, GroupRule] = {}
        names = {id(one): name for name, one in named.items()}
        for group in optimizer.param_groups:
            rule = _rule(optimizer, group)
            if rule is None:
                return None
            rules |= {names[id(one)]: rule for one in group["params"] if id(one) in names}
        return cls(rules)

    def states(self, states: States, like: Mapping[str, Tensor]) -> tuple[dict[str, dict[str, Tensor]], int]:
        """The slots of the rules from a state of the optimizer, and the number of steps done."""
        made: dict[str, dict[str, Tensor]] = {}
        count = 0
        for name, rule in self._rules.items():
            own = states.get(name, {})
            names = MOMENTS if isinstance(rule.rule, Adam | AdamW) else SLOTS
            slots = dict(rule.rule.start(torch.zeros_like(like[name])))
            for key, slot in names.items():
                if isinstance(own.get(key), Tensor):
                    slots[slot] = own[key].to_dense().to(like[name].dtype)
            made[name] = slots
            count = max(count, int(own.get("step", 0)))
        return made, count

    def step(
        self,
        point: Mapping[str, Tensor],
        gradient: Mapping[str, Tensor],
        states: Mapping[str, dict[str, Tensor]],
        count: int,
    ) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
        """The point and the states after one step.

        Parameters
        ----------
        point, gradient: tensors by name.
        states: slots by name.
        count: number of the step, from 1.
        """
        moved, following = dict(point), dict(states)
        for name, one in self._rules.items():
            if name not in gradient:
                continue
            slope = one.sign * gradient[name]
            slope = slope + one.decay * point[name] if one.decay else slope
            slope = torch.where(slope == 0, torch.full_like(slope, TINY), slope)
            step, following[name] = one.rule.step(slope, states[name], count=count, rate=one.rate, point=point[name])
            moved[name] = point[name] + step
        return moved, following


def _rule(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> GroupRule | None:
    """The rule of a group, None where its options have none."""
    kind, rate = type(optimizer), float(group["lr"])
    rule: Rule | None = None
    decay = float(group.get("weight_decay", 0.0))
    if kind is torch.optim.SGD and not (group["momentum"] and group["dampening"]):
        momentum = group["momentum"]
        made = Nesterov if group["nesterov"] else HeavyBall
        rule = made(learning_rate=rate, momentum=momentum) if momentum else GradientDescent(learning_rate=rate)
    elif kind is torch.optim.Adagrad and not group["lr_decay"]:
        rule = AdaGrad(learning_rate=rate, epsilon=group["eps"])
    elif kind is torch.optim.RMSprop and not group["centered"]:
        rule = RMSProp(learning_rate=rate, decay=group["alpha"], epsilon=group["eps"], momentum=group["momentum"])
    elif kind in (torch.optim.Adam, torch.optim.AdamW) and not group["amsgrad"]:
        beta1, beta2 = map(float, group["betas"])
        options: dict[str, Any] = {"learning_rate": rate, "beta1": beta1, "beta2": beta2, "epsilon": group["eps"]}
        if kind is torch.optim.AdamW or group.get("decoupled_weight_decay"):
            rule, decay = AdamW(**options, weight_decay=decay), 0.0
        else:
            rule = Adam(**options)
    if rule is None:
        return None
    return GroupRule(rule=rule, rate=rate, decay=decay, sign=-1.0 if group.get("maximize") else 1.0)
