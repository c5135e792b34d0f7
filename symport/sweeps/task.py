"""One task of a sweep: the values of its parameters, a digest that names it, and a seed that follows from them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, final

from manifolds.errors import InputError

SEED_BYTES = 6
"""Length of a derived seed: such integers are exact in every reader of JSON."""

LONGEST = 10_000
"""Letters of a value, written as JSON."""


@final
@dataclass(frozen=True, kw_only=True)
class Task:
    r"""The experiment at one point of the grid.

    The seed follows from the seed of the sweep and from the parameters, so neither the order of the tasks nor other
    values on the grid change it:

    .. math:: \text{seed} = \operatorname{SHA256}(\text{experiment},\ \text{parameters},\ \text{repeat},\ s)
        \bmod 2^{48}

    Parameters
    ----------
    experiment: its name.
    parameters: their values by name.
    repeat: which repetition this is, from 0.
    sweep_seed: seed of the sweep, s.
    stamp: what else the result depends on, such as the content of a file that a parameter names; no part of the seed.
    """

    experiment: str
    parameters: Mapping[str, Any]
    repeat: int = 0
    sweep_seed: int = 0
    stamp: str = ""

    @property
    def digest(self) -> str:
        """What names the task: the same for the same experiment, parameters, repetition, seed of the sweep and stamp.

        >>> first = Task(experiment="f", parameters={"a": 1, "b": 2})
        >>> first.digest == Task(experiment="f", parameters={"b": 2, "a": 1}).digest
        True
        """
        return self._hash(self.stamp).hex()[:32]

    @property
    def seed(self) -> int:
        """The derived seed, from 0 to 2**48 - 1."""
        return int.from_bytes(self._hash()[-SEED_BYTES:], "big")

    def describe(self) -> str:
        """The task in words.

        >>> Task(experiment="minimize", parameters={"rule": "adam", "steps": 10}).describe()
        'minimize with rule="adam", steps=10'
        """
        values = [f"{name}={short(value)}" for name, value in self.parameters.items()]
        again = f", repetition {self.repeat}" if self.repeat else ""
        return f"{self.experiment} with {', '.join(values) or 'no parameters'}{again}"

    def _hash(self, *more: str) -> bytes:
        """The bytes from which digest and seed are taken."""
        content = [self.experiment, self.parameters, self.repeat, self.sweep_seed, *more]
        return sha256(canonical(content).encode()).digest()


def canonical(value: Any) -> str:
    """JSON in which the order of names says nothing.

    >>> canonical({"b": [1, 2.5], "a": None})
    '{"a":null,"b":[1,2.5]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def short(value: Any, length: int = 60) -> str:
    """A value as JSON, cut when it is long."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= length else f"{text[: length - 3]}..."


def read_value(value: Any, what: str) -> Any:
    """A value of a parameter, made of what JSON holds exactly: text, integers, finite numbers, lists and tables.

    Raises
    ------
    InputError: it is something else, or longer than 10,000 letters.

    >>> read_value((1, 2.5), "sizes")
    [1, 2.5]
    """
    plain = _plain(value, what)
    if len(canonical(plain)) > LONGEST:
        raise InputError(
            f"{what} = {short(value)}", why=f"it is longer than {LONGEST} letters", cure="name a file instead"
        )
    return plain


def _plain(value: Any, what: str, depth: int = 0) -> Any:
    """The value without tuples and numbers of NumPy."""
    if value is None or isinstance(value, str | bool):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping) and depth < 8 and all(isinstance(name, str) for name in value):
        return {str(name): _plain(item, what, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple) and depth < 8:
        return [_plain(item, what, depth + 1) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return _plain(value.item(), what, depth + 1)
    why = "a value is text, a finite number, true or false, or a list or table of such"
    raise InputError(f"{what} = {short(value)}", why=why, cure="write it as one of these")
