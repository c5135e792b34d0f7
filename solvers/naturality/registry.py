"""Optimizers by name, and from whatever a caller has in hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from inspect import signature
from types import MappingProxyType
from typing import Any

from manifolds.errors import InputError
from solvers.naturality.adapters import ScipyAdapter, from_rule
from solvers.naturality.optimizers import (
    adafactor,
    adaptive,
    averaging,
    full_matrix,
    gradient_descent,
    kronecker,
    matrix_norms,
    mirror,
    natural_gradient,
    quasi_newton,
    second_order,
    shampoo,
    sign_based,
)
from solvers.naturality.spec import OptimizerSpec
from solvers.rules import RULES, AdaGrad, Adam, AdamW, AMSGrad, NAdam, RMSProp, Rule, SciPy, make_rule

EPSILON = 1e-2
"""Of the entries with an epsilon: large enough to be seen beside gradients of order one."""

_RULES = (
    *(from_rule(make_rule(name)) for name in ("gradient-descent", "heavy-ball", "nesterov", "sign-descent", "lion")),
    *(from_rule(rule(epsilon=0.0), notes="without epsilon") for rule in (AdaGrad, RMSProp, Adam, AMSGrad, NAdam)),
    from_rule(make_rule("adadelta")),
    from_rule(Adam(epsilon=EPSILON), name="adam-epsilon", notes=f"epsilon {EPSILON}"),
    from_rule(AdamW(epsilon=0.0, weight_decay=0.1), notes="without epsilon"),
)

_VECTOR = (
    gradient_descent.normalised_gradient_descent(),
    gradient_descent.polyak_step(),
    gradient_descent.barzilai_borwein(),
    gradient_descent.lars(),
    gradient_descent.distance_over_gradients(),
    gradient_descent.distance_over_gradients_transported(),
    sign_based.rprop(),
    sign_based.rprop_typed(),
    sign_based.madam(),
    sign_based.multiplicative_gradient(),
    adaptive.adam_l2(),
    adaptive.adam_declared_rates(),
    adaptive.adadelta_typed(),
    adaptive.root_free_rmsprop(),
    adaptive.root_free_adam(),
    adaptive.vector_adam(),
    adaptive.adahessian(),
    full_matrix.full_matrix_adagrad(),
    full_matrix.online_newton_step(),
    full_matrix.online_newton_step(epsilon=EPSILON, name="online-newton-step-epsilon"),
    second_order.newton(),
    second_order.damped_newton(),
    second_order.saddle_free_newton(),
    second_order.diagonal_newton(),
    natural_gradient.natural_gradient(),
    natural_gradient.natural_gradient_damped(),
    natural_gradient.natural_gradient_pseudo_inverse(),
    natural_gradient.gauss_newton(),
    natural_gradient.empirical_fisher(),
    natural_gradient.levenberg_marquardt(),
    natural_gradient.levenberg_marquardt_scaled(),
    quasi_newton.bfgs(),
    quasi_newton.bfgs_natural(),
    quasi_newton.lbfgs(),
    mirror.mirror_transported(),
    mirror.exponentiated_gradient(),
    mirror.burg_mirror(),
    averaging.averaged(second_order.newton()),
    averaging.exponentially_averaged(second_order.newton()),
    averaging.lookahead(second_order.newton()),
)

_MATRIX = (
    matrix_norms.muon_exact(),
    matrix_norms.muon_newton_schulz(),
    matrix_norms.row_normalised(),
    shampoo.shampoo(),
    shampoo.shampoo(epsilon=EPSILON, name="shampoo-quarter-epsilon"),
    shampoo.shampoo(exponent=0.5, name="shampoo-half"),
    shampoo.soap(),
    shampoo.kl_shampoo(),
    shampoo.kl_shampoo(exponent=1.0, name="kl-shampoo-root-free"),
    shampoo.kl_shampoo(exponent=1.0, epsilon=EPSILON, name="kl-shampoo-root-free-epsilon"),
    adafactor.adafactor(),
    adafactor.adafactor(relative=True),
    kronecker.kfac(),
    kronecker.kfac(damping=EPSILON, name="kfac-damped"),
    kronecker.ekfac(),
)

OPTIMIZERS: Mapping[str, OptimizerSpec] = MappingProxyType({spec.name: spec for spec in (*_RULES, *_VECTOR, *_MATRIX)})
"""Specs by name; those of matrices have ``matrix`` set, and several read what
:func:`~solvers.naturality.structures.declare` adds to a problem."""

SYNONYMS = {"gd": "gradient-descent", "sgd": "gradient-descent", "momentum": "heavy-ball", "ngd": "natural-gradient"}
"""Other names of optimizers."""


def read_optimizer(optimizer: Any) -> OptimizerSpec:
    """The spec of an optimizer.

    Parameters
    ----------
    optimizer: a spec; a name of :data:`OPTIMIZERS`; ``torch:Adam`` or ``scipy:BFGS``; a rule of
        :mod:`solvers.rules`, or the class of one; a class of PyTorch optimizers, or an optimizer of one,
        whose settings are taken.

    Raises
    ------
    InputError: the name is unknown, PyTorch is asked for and not installed, it is no optimizer, or one of PyTorch whose
        groups of parameters have different settings.

    >>> read_optimizer("Adam").name, read_optimizer("scipy:bfgs").name
    ('adam', 'scipy:BFGS')
    """
    if isinstance(optimizer, OptimizerSpec):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Rule):
        optimizer = optimizer()
    if isinstance(optimizer, Rule | SciPy):
        return from_rule(optimizer)
    if isinstance(optimizer, str):
        return _read_name(optimizer)
    kind = optimizer if isinstance(optimizer, type) else type(optimizer)
    if any(base.__module__.startswith("torch.optim") for base in kind.__mro__):
        from solvers.pytorch.naturality import TorchAdapter

        return TorchAdapter(kind, **({} if optimizer is kind else _settings_of(optimizer)))
    raise InputError(
        f"{type(optimizer).__name__} given as an optimizer",
        why="it is neither a name nor a spec, a rule or an optimizer of PyTorch",
        cure="write an OptimizerSpec(name=..., init=..., step=..., slots=...)",
    )


def _read_name(name: str) -> OptimizerSpec:
    """The spec of a name."""
    house, colon, rest = name.partition(":")
    if colon and house.lower() == "torch":
        from solvers.pytorch.naturality import TorchAdapter

        return TorchAdapter(rest)
    if colon and house.lower() == "scipy":
        return ScipyAdapter(rest)
    bare = _bare(SYNONYMS.get(name.strip().lower(), name))
    for known in (known for known in OPTIMIZERS if _bare(known) == bare):
        return OPTIMIZERS[known]
    for known in (known for known in RULES if _bare(known) == bare):
        return from_rule(make_rule(known))
    names = {_bare(known): known for known in (*OPTIMIZERS, *RULES)}
    near = get_close_matches(bare, names, n=1, cutoff=0.5)
    raise InputError(
        f"the optimizer {name!r}",
        why="none has this name" + (f"; the nearest is {names[near[0]]!r}" if near else ""),
        cure=f"use torch:NAME, scipy:NAME, an OptimizerSpec, or one of {', '.join(OPTIMIZERS)}",
    )


def _bare(name: str) -> str:
    """A name in small letters without hyphens, underscores and spaces, for comparison."""
    return re.sub("[-_ ]", "", name.lower())


def _settings_of(optimizer: Any) -> dict[str, Any]:
    """The settings of an optimizer of PyTorch, as its first group has them, that its class takes."""
    taken = signature(type(optimizer).__init__).parameters
    first, *others = (
        {key: value for key, value in group.items() if key in taken and key != "params"}
        for group in optimizer.param_groups
    )
    if any(other != first for other in others):
        raise InputError(
            f"the groups of {type(optimizer).__name__}",
            why="their settings differ, and one group is tested",
            cure="give an optimizer with one group of parameters",
        )
    return first
