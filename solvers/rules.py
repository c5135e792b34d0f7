"""The rules by the names under which the command line knows them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from types import MappingProxyType
from typing import Any

from manifolds.errors import InputError
from solvers.rule import Rule, SecondOrderRule
from solvers.scipy_methods import METHODS, SciPy
from solvers.steps.limited_memory import LBFGS
from solvers.steps.newton_rule import Newton
from solvers.steps.rules_adaptive import AdaDelta, AdaGrad, RMSProp
from solvers.steps.rules_moments import Adam, AdamW, AMSGrad, NAdam
from solvers.steps.rules_momentum import GradientDescent, HeavyBall, Lion, Nesterov, SignDescent

__all__ = [
    "LBFGS",
    "RULES",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "GradientDescent",
    "HeavyBall",
    "Lion",
    "NAdam",
    "Nesterov",
    "Newton",
    "RMSProp",
    "Rule",
    "SciPy",
    "SecondOrderRule",
    "SignDescent",
    "make_rule",
]

RULES: Mapping[str, Any] = MappingProxyType(
    {
        "gradient-descent": GradientDescent,
        "heavy-ball": HeavyBall,
        "nesterov": Nesterov,
        "sign-descent": SignDescent,
        "lion": Lion,
        "adagrad": AdaGrad,
        "rmsprop": RMSProp,
        "adadelta": AdaDelta,
        "adam": Adam,
        "adamw": AdamW,
        "amsgrad": AMSGrad,
        "nadam": NAdam,
        "newton": Newton,
        "l-bfgs": LBFGS,
        **{method.lower(): partial(SciPy, method) for method in METHODS},
    }
)
"""Constructors by name: of a :class:`~solvers.rule.Rule`, or of a :class:`~solvers.scipy_methods.SciPy` method."""


def make_rule(name: str, *, learning_rate: Any = None, **hyperparameters: Any) -> Rule | SciPy:
    """The rule of a name.

    Parameters
    ----------
    name: one of :data:`RULES`.
    learning_rate: a number, a schedule or a step-size policy; the default of the rule where None is given.
    hyperparameters: by name, as the class of the rule documents them; SciPy's methods take ``options`` alone, since
        they choose their own steps.

    Raises
    ------
    InputError: the name is unknown, or a hyperparameter is unknown to the rule or nonsense.

    >>> make_rule("heavy-ball", learning_rate=0.1, momentum=0.5)
    HeavyBall(learning_rate=0.1, momentum=0.5)
    """
    if not isinstance(name, str) or name not in RULES:
        plain = {known.replace("-", ""): known for known in RULES}
        near = difflib.get_close_matches(re.sub("[-_ ]", "", str(name).lower()), plain, n=1, cutoff=0.5)
        raise InputError(
            f"the rule {name!r}",
            why="no rule has this name" + (f"; the nearest is {plain[near[0]]!r}" if near else ""),
            cure=f"use one of {', '.join(RULES)}",
        )
    make = RULES[name]
    given = hyperparameters if learning_rate is None else {"learning_rate": learning_rate, **hyperparameters}
    known = ["options"] if isinstance(make, partial) else [one.name for one in fields(make)]
    for unknown in (field for field in given if field not in known):
        near = difflib.get_close_matches(unknown, known, n=1)
        raise InputError(
            f"the hyperparameter {unknown!r} of the rule {name!r}",
            why="the rule has none of this name" + (f"; the nearest is {near[0]!r}" if near else ""),
            cure=f"use {', '.join(known)}",
        )
    return make(**given)
