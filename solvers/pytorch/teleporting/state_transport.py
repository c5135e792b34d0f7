r"""The state of an optimizer of PyTorch under a teleport: transported, kept, or reset.

At :math:`w \mapsto g\cdot w` with Jacobian J sums and averages of gradients become :math:`J^{-T}m`, those of squared
gradients :math:`(J^{-T})^{\circ 2}v`, displacements Jd: a scaling by s divides by s, by :math:`s^2`, multiplies by s.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final, get_args

import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.teleporting.carrying import Carrier

Kind: TypeAlias = Literal["covector", "vector", "square", "vector-square", "size", "step-size", "point", "invariant"]
"""How a tensor of a state moves: ``size`` is the length of a gradient entry and ``step-size`` that of a displacement
entry, both non-negative; a ``point`` moves as the parameters do; what is ``invariant`` stays."""

States: TypeAlias = dict[str, dict[str, Any]]
"""The state of each parameter, by the name of the parameter."""

KINDS: Mapping[str, Kind] = {
    "momentum_buffer": "covector",
    "exp_avg": "covector",
    "exp_avg_sq": "square",
    "max_exp_avg_sq": "square",
    "exp_inf": "size",
    "sum": "square",
    "square_avg": "square",
    "grad_avg": "covector",
    "acc_delta": "vector-square",
    "prev": "covector",
    "step_size": "step-size",
    "ax": "point",
}
"""Names of tensors in the states of PyTorch's optimizers; users' optimizers often take the same names."""

COUNTERS = ("step", "mu_product", "eta", "mu")
"""Numbers that count or depend on steps alone."""

BY_CLASS: Mapping[str, Mapping[str, Kind]] = {"RMSprop": {"momentum_buffer": "vector"}}
"""Where a class uses a name in another sense: the buffer of RMSprop holds quotients, which are displacements."""


@final
@dataclass(frozen=True, kw_only=True)
class StateRule:
    """What becomes of the state.

    Parameters
    ----------
    mode: ``transport``, ``keep`` or ``reset``.
    kinds: how tensors of other names move, for optimizers of users.

    Raises
    ------
    InputError: there is no such mode or kind.

    >>> StateRule(mode="transport", kinds={"slow": "point"}).kinds["slow"]
    'point'
    """

    mode: Literal["transport", "keep", "reset"] = "transport"
    kinds: Mapping[str, Kind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mode not in ("transport", "keep", "reset"):
            raise InputError(
                f"state={self.mode!r}",
                why="there is no such treatment of the optimizer's state",
                cure="use 'transport', 'keep' or 'reset', or name how tensors move: {'my_average': 'covector'}",
            )
        for name, kind in self.kinds.items():
            if kind not in get_args(Kind):
                raise InputError(
                    f"state={{{name!r}: {kind!r}}}",
                    why="there is no such kind of tensor",
                    cure=f"use one of {', '.join(get_args(Kind))}",
                )


def read_state_rule(given: Any, *, has_element: bool) -> StateRule:
    """The treatment that an argument names; None transports where there is a group and keeps elsewhere.

    Raises
    ------
    InputError: there is no such treatment, or a state is to be transported by a move without a group.

    >>> read_state_rule(None, has_element=False).mode
    'keep'
    """
    if given is None:
        return StateRule(mode="transport" if has_element else "keep")
    rule = StateRule(kinds=given) if isinstance(given, Mapping) else given
    rule = rule if isinstance(rule, StateRule) else StateRule(mode=rule)
    if rule.mode == "transport" and not has_element:
        raise InputError(
            "state='transport' for a move without a group",
            why="the Jacobian of a group element carries the state, and this move has no element",
            cure="use state='keep' or state='reset', or teleport along='group'",
        )
    return rule


def states_of(optimizer: torch.optim.Optimizer, named: Mapping[str, nn.Parameter]) -> States:
    """The state of each named parameter that has one."""
    return {name: dict(optimizer.state[one]) for name, one in named.items() if one in optimizer.state}


def transported(
    states: States,
    element: Element,
    tensors: Mapping[str, Tensor],
    *,
    optimizer: torch.optim.Optimizer,
    rule: StateRule | None = None,
    rng: int = 0,
) -> States:
    """The states at g.w, as new tensors; differentiable in the element.

    Parameters
    ----------
    states: at w, by name of the parameter.
    element: g.
    tensors: parameters and buffers at w on which g acts.
    optimizer: whose class tells what its tensors are.
    rule: with the kinds of others.
    rng: seed of the signs from which squares are estimated where g is no scaling.

    Raises
    ------
    InputError: a state has a tensor of a kind that is not known.
    """
    carrier = Carrier(element, tensors)
    moved: States = {name: dict(state) for name, state in states.items()}
    moving = set(element.tensors)
    slots: dict[tuple[str, Kind], dict[str, Tensor]] = {}
    for name, state in states.items():
        if name not in moving:
            continue
        for key, value in state.items():
            if key in COUNTERS or not (isinstance(value, list | tuple) or _is_array(value)):
                continue
            kind = _kind(key, optimizer, rule)
            if not isinstance(value, Tensor) or value.shape != tensors[name].shape:
                raise _unknown(key, optimizer)
            slots.setdefault((key, kind), {})[name] = value.detach().to_dense().to(tensors[name].dtype)
    for (key, kind), values in slots.items():
        for name, value in _carried(carrier, kind, values, tensors, rng).items():
            if name in values:
                moved[name][key] = value.to(states[name][key].dtype)
    return moved


def _kind(key: str, optimizer: torch.optim.Optimizer, rule: StateRule | None) -> Kind:
    """How a tensor of a name moves."""
    if rule is not None and key in rule.kinds:
        return rule.kinds[key]
    special = (BY_CLASS[one.__name__].get(key) for one in type(optimizer).__mro__ if one.__name__ in BY_CLASS)
    kind = next((one for one in special if one is not None), None) or KINDS.get(key)
    if kind is None:
        raise _unknown(key, optimizer)
    return kind


def _is_array(value: Any) -> bool:
    """Whether something is a tensor of more than a number."""
    return isinstance(value, Tensor) and value.ndim > 0


def _unknown(key: str, optimizer: torch.optim.Optimizer) -> InputError:
    """The error of a tensor that is not known to move in some way."""
    return InputError(
        f"the state {key!r} of the optimizer {type(optimizer).__name__}",
        why="it is not known how it moves with the parameters",
        cure=f"say so if it has their shape, state={{{key!r}: 'covector'}}, or use state='keep' or state='reset'",
    )


def _carried(
    carrier: Carrier, kind: Kind, values: dict[str, Tensor], tensors: Mapping[str, Tensor], rng: int
) -> Mapping[str, Tensor]:
    """Tensors of one kind at g.w."""
    if kind == "covector":
        return carrier.covector(values)
    if kind == "vector":
        return carrier.vector(values)
    if kind == "square":
        return carrier.square(values, rng=rng)
    if kind == "vector-square":
        return carrier.vector_square(values, rng=rng)
    if kind == "size":
        squares = carrier.square({name: one.square() for name, one in values.items()}, rng=rng)
        return {name: one.sqrt() for name, one in squares.items()}
    if kind == "step-size":
        squares = carrier.vector_square({name: one.square() for name, one in values.items()}, rng=rng)
        return {name: one.sqrt() for name, one in squares.items()}
    if kind == "point":
        return carrier.point({**tensors, **values})
    return values


def fresh(states: States, optimizer: torch.optim.Optimizer, named: Mapping[str, nn.Parameter]) -> States:
    """The states as before the first step, in the tensors' own shapes: what a new optimizer would begin with."""
    made: States = {}
    first = {id(one): group for group in optimizer.param_groups for one in group["params"]}
    for name, state in states.items():
        group = first.get(id(named[name]), {})
        if "initial_accumulator_value" in group or type(optimizer).__name__ == "Adagrad":
            start = float(group.get("initial_accumulator_value", 0.0))
            made[name] = {
                key: torch.full_like(one, 0.0 if key == "step" else start) if isinstance(one, Tensor) else one
                for key, one in state.items()
            }
        else:
            made[name] = {}
    return made


def following(
    element: Element | None,
    tensors: Mapping[str, Tensor],
    *,
    optimizer: torch.optim.Optimizer,
    named: Mapping[str, nn.Parameter],
    rule: StateRule,
    rng: int,
) -> States:
    """The states that a teleport leaves: transported, kept or reset.

    Parameters
    ----------
    element: g; None for a move without a group, which keeps or resets.
    tensors, optimizer, rule, rng: as for :func:`transported`.
    named: the parameters of the module by name.

    Raises
    ------
    InputError: a transported state is not finite.
    """
    states = states_of(optimizer, named)
    if rule.mode == "reset":
        return fresh(states, optimizer, named)
    if rule.mode == "keep" or element is None:
        return states
    moved = transported(states, element, tensors, optimizer=optimizer, rule=rule, rng=rng)
    for name, state in moved.items():
        for key, one in state.items():
            if isinstance(one, Tensor):
                state[key] = one.detach()
                if not bool(torch.isfinite(one).all()):
                    raise InputError(
                        f"the transported state {key!r} of {name!r}",
                        why="it is not finite at the new point",
                        cure="lower the radius of the teleport, or use state='reset'",
                    )
    return moved


def write_states(states: States, optimizer: torch.optim.Optimizer, named: Mapping[str, nn.Parameter]) -> None:
    """Put states into an optimizer, into the tensors that it has where shapes and types agree."""
    with torch.no_grad():
        for name, state in states.items():
            own = optimizer.state[named[name]]
            for key in [key for key in own if key not in state]:
                del own[key]
            for key, value in state.items():
                held = own.get(key)
                are_tensors = isinstance(held, Tensor) and isinstance(value, Tensor)
                if are_tensors and held.shape == value.shape and held.layout == value.layout == torch.strided:
                    held.copy_(value)
                else:
                    own[key] = value.clone() if isinstance(value, Tensor) else value


def copied(states: States) -> States:
    """The states in tensors, lists and dicts of their own."""
    return {
        name: {
            key: one.detach().clone() if isinstance(one, Tensor) else copy.deepcopy(one) for key, one in state.items()
        }
        for name, state in states.items()
    }
