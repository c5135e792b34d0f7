"""From what a user names to an optimizer that can be tested: a spec, a rule, a name, a class of PyTorch."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

from manifolds.errors import InputError
from solvers.naturality.adapters import ScipyAdapter, from_rule
from solvers.naturality.registry import OPTIMIZERS
from solvers.naturality.spec import OptimizerSpec
from solvers.rule import Rule
from solvers.rules import RULES, make_rule

SYNONYMS = {"gd": "gradient-descent", "sgd": "gradient-descent", "momentum": "heavy-ball", "ngd": "natural-gradient"}
"""Other names of optimizers."""


def resolve(optimizer: Any) -> OptimizerSpec:
    """The spec of an optimizer.

    Parameters
    ----------
    optimizer: a spec, a rule of this package, a name of the registry (``adam``), of PyTorch (``torch:Adam``) or SciPy
        (``scipy:BFGS``), or a class of ``torch.optim``.

    Raises
    ------
    InputError: nothing is known under the name, or PyTorch is not installed.

    >>> resolve("adam").name, resolve("scipy:bfgs").name
    ('adam', 'scipy:BFGS')
    >>> resolve("adm")
    Traceback (most recent call last):
    manifolds.errors.InputError: the optimizer 'adm'
      why: it is not known; the nearest is 'adam'
      try: name one of `symport naturality --all`, "torch:Adam" or "scipy:BFGS", or give a spec
    """
    if isinstance(optimizer, OptimizerSpec):
        return optimizer
    if isinstance(optimizer, Rule):
        return from_rule(optimizer)
    if isinstance(optimizer, type) and optimizer.__module__.partition(".")[0] == "torch":
        return _of_torch(optimizer)
    if not isinstance(optimizer, str):
        raise InputError(
            f"{type(optimizer).__name__} given as an optimizer",
            why="it is no spec, no rule and no name",
            cure='give an OptimizerSpec, a rule of solvers.rules, or a name such as "adam"',
        )
    library, _, name = optimizer.strip().partition(":")
    if name and library.lower() == "torch":
        return _of_torch(name)
    if name and library.lower() == "scipy":
        return ScipyAdapter(name)
    return _of_name(optimizer)


def _of_name(name: str) -> OptimizerSpec:
    """An optimizer of the registry, or one of our rules."""
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    plain = SYNONYMS.get(plain, plain)
    if plain in OPTIMIZERS:
        return OPTIMIZERS[plain]
    if plain in RULES:
        return from_rule(make_rule(plain))
    near = get_close_matches(plain, [*OPTIMIZERS, *RULES], n=1)
    raise InputError(
        f"the optimizer {name!r}",
        why="it is not known" + (f"; the nearest is {near[0]!r}" if near else ""),
        cure='name one of `symport naturality --all`, "torch:Adam" or "scipy:BFGS", or give a spec',
    )


def _of_torch(kind: Any) -> OptimizerSpec:
    """An optimizer of PyTorch, which is imported only now."""
    try:
        adapter = import_module("solvers.pytorch.naturality").TorchAdapter
    except ImportError:
        raise InputError(
            f"the optimizer of PyTorch {kind!r}", why="PyTorch is not installed", cure="install symport[torch]"
        ) from None
    return adapter(kind)
