"""What a task runs: a verb of the command line, a function of the caller, or one that another package registers."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, final

from manifolds.errors import InputError
from symport.answers import readable
from symport.sweeps.task import Task
from symport.sweeps.verb_words import VERBS, check_words, run_verb

GROUP = "symport.experiments"
"""The group of entry points by which installed packages register functions as experiments."""

SEEDS = 2**63
"""Seeds are below this."""


class Experiment(ABC):
    """An experiment: a function of parameters and a seed.

    Parameters
    ----------
    name: by which records know it.
    seed_name: the parameter that fixes the seed where the sweep sets it.
    """

    name: str
    seed_name: str

    @abstractmethod
    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse parameters that the experiment does not take.

        Raises
        ------
        InputError: a name or a value is wrong.
        """

    @abstractmethod
    def run(self, parameters: Mapping[str, Any], seed: int) -> Any:
        """Run it."""

    def stamp(self, parameters: Mapping[str, Any]) -> str:
        """What the result depends on beside the parameters: the content of a file that they name, for example."""
        return ""

    def seed_of(self, task: Task) -> int:
        """The seed of a task: the value of the parameter that fixes it, else the derived one.

        Raises
        ------
        InputError: the parameter is no seed.
        """
        seed = task.parameters.get(self.seed_name, task.seed)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEEDS:
            cure = f"give an integer from 0 up, or leave {self.seed_name} away"
            raise InputError(f"{self.seed_name} = {seed!r}", why="it is no seed", cure=cure)
        return seed


@final
@dataclass(frozen=True)
class VerbExperiment(Experiment):
    """A verb of the command line; its parameters are the verb's own options, with ``_`` for ``-``.

    Parameters
    ----------
    name: of the verb.
    """

    name: str
    seed_name: str = "seed"

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Read the parameters as the verb does."""
        check_words(self.name, self._without_seed(parameters))

    def run(self, parameters: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Run the verb; what it found without its long lists."""
        return run_verb(self.name, self._without_seed(parameters), seed)

    def stamp(self, parameters: Mapping[str, Any]) -> str:
        """The digest of the loss file, where the loss is one."""
        spec = str(parameters.get("spec", "")).strip()
        try:
            return sha256(Path(spec).read_bytes()).hexdigest() if spec.lower().endswith(".toml") else ""
        except (OSError, ValueError):
            return ""

    def _without_seed(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of the verb alone."""
        return {name: value for name, value in parameters.items() if name != self.seed_name}


@final
@dataclass(frozen=True)
class FunctionExperiment(Experiment):
    """A function ``(**parameters, rng=seed)`` -> a number, or values by name; ``rng`` where it takes one.

    Parameters
    ----------
    function: it must be importable by its name where other processes run it.
    name: by which records know it.
    """

    function: Callable[..., Any]
    name: str
    seed_name: str = "rng"

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse names that the function does not have, and ask for those that it needs."""
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):
            return
        given = {**parameters, **({self.seed_name: 0} if self._takes_seed() else {})}
        try:
            signature.bind(**given)
        except TypeError as error:
            cure = f"it takes {', '.join(signature.parameters) or 'nothing'}"
            raise InputError(f"the parameters of {self.name}", why=str(error), cure=cure) from None

    def run(self, parameters: Mapping[str, Any], seed: int) -> Any:
        """Call the function."""
        return self.function(**{**({self.seed_name: seed} if self._takes_seed() else {}), **parameters})

    def _takes_seed(self) -> bool:
        """Whether the function has a parameter for the seed."""
        try:
            known = inspect.signature(self.function).parameters
        except (TypeError, ValueError):
            return True
        return self.seed_name in known or any(one.kind is one.VAR_KEYWORD for one in known.values())


def find_experiment(name: str) -> Experiment:
    """The registered experiment of a name: a verb, or an entry point of the group ``symport.experiments``.

    A file names experiments, it never names code: what is not registered is refused.

    Raises
    ------
    InputError: there is none, or it cannot be loaded.

    >>> find_experiment("minimize").name
    'minimize'
    >>> find_experiment("os:system")
    Traceback (most recent call last):
    manifolds.errors.InputError: the experiment 'os:system'
      why: no experiment is registered under this name
      try: use act, conserved, derive, discrete, minimize, newton, teleport, verify...
    """
    if name in VERBS:
        return VerbExperiment(name)
    registered = {one.name: one for one in entry_points(group=GROUP)}
    if name not in registered:
        cure = f"use {', '.join([*VERBS, *sorted(registered)])}"
        raise InputError(f"the experiment {name!r}", why="no experiment is registered under this name", cure=cure)
    try:
        function = registered[name].load()
    except Exception as error:  # noqa: BLE001 - whatever the import of another package raises
        why = f"{type(error).__name__}: {error}"
        raise InputError(f"the experiment {name!r} cannot be loaded", why=why, cure="repair its package") from None
    return FunctionExperiment(function, name)


def experiment_of(function: Any) -> Experiment:
    """A function, or the name of a registered experiment, as an experiment.

    Raises
    ------
    InputError: it is neither.
    """
    if isinstance(function, Experiment):
        return function
    if isinstance(function, str):
        return find_experiment(function)
    if not callable(function):
        raise InputError(
            f"the experiment {function!r}", why="it is no function", cure="give a function, or a registered name"
        )
    module = getattr(function, "__module__", type(function).__module__)
    return FunctionExperiment(function, f"{module}:{getattr(function, '__qualname__', type(function).__qualname__)}")


def read_result(result: Any, name: str) -> dict[str, Any]:
    """What an experiment returned, as a record keeps it; a number alone is called ``value``.

    Raises
    ------
    InputError: it is no number and no table.

    >>> read_result(2.5, "f"), read_result({"loss": float("inf")}, "f")
    ({'value': 2.5}, {'loss': None})
    """
    if isinstance(result, Mapping):
        kept: dict[str, Any] = readable(result)
        return kept
    if isinstance(result, int | float) or getattr(result, "ndim", None) == 0:
        return {"value": readable(result)}
    raise InputError(
        f"the result of {name} is of the type {type(result).__name__}",
        why="a record holds values by name",
        cure="return a dict, or one number",
    )
