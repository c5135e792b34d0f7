"""Guesses, by numbers, which terms a field multiplies by a number: X.u = k u, with k = 0 for an invariant.

A guess is only a hint for cutting a proof into pieces; each is proved afterwards, exactly, or dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symmetries.coq.terms import Key, TermPool
from symmetries.numbers import as_float

Array = Any
TRIES, POINTS = 256, 6
NEAR = 1e-7
DENOMINATOR = 24


def relative_invariants(
    pool: TermPool, keys: Sequence[Key], fields: Sequence[Mapping[str, Key]], wanted: Sequence[Key], *, seed: int = 0
) -> list[dict[Key, Fraction]]:
    """For each field the factors k of the wanted terms for which X.u = k u seems to hold.

    Parameters
    ----------
    pool: the terms.
    keys: all that are needed, ascending.
    fields: the components of each field, by entry.
    wanted: terms for which a guess is of use.
    """
    values = finite_values(pool, keys, np.random.default_rng(seed))
    if values is None:
        return [{} for _ in fields]
    slopes, scales = _tangents(pool, keys, fields, values)
    found: list[dict[Key, Fraction]] = [{} for _ in fields]
    for key in wanted:
        if key not in slopes:
            for one in found:
                one[key] = Fraction(0)
            continue
        for one, slope, scale in zip(found, slopes[key], scales[key], strict=True):
            factor = _factor(values[key], slope, scale)
            if factor is not None:
                one[key] = factor
    return found


def _factor(value: Array, slope: Array, scale: Array) -> Fraction | None:
    if np.all(np.abs(slope) <= NEAR * (scale + 1e-30)):
        return Fraction(0)
    used = np.abs(value) > 1e-6
    if not used.any() or np.any(np.abs(slope[~used]) > 1e-5):
        return None
    ratios = slope[used] / value[used]
    guess = Fraction(float(ratios[0])).limit_denominator(DENOMINATOR)
    return guess if np.all(np.abs(ratios - float(guess)) <= NEAR * (1 + abs(float(guess)))) else None


def finite_values(
    pool: TermPool, keys: Sequence[Key], rng: np.random.Generator, *, small: str = ""
) -> dict[Key, Array] | None:
    """Values of all terms at a few points where they are finite; the entry ``small`` stays between 0.1 and 0.4."""
    names = [str(pool[key].payload) for key in keys if pool[key].operation == "symbol"]
    signs = np.where(rng.random((len(names), TRIES)) < np.linspace(0, 0.5, TRIES), -1.0, 1.0)
    point = dict(zip(names, signs * rng.uniform(0.3, 1.7, (len(names), TRIES)), strict=True))
    if small:
        point[small] = rng.uniform(0.1, 0.4, TRIES)
    values = values_at(pool, keys, point)
    chosen = np.flatnonzero(np.all([np.isfinite(value) for value in values.values()], axis=0))
    if not len(chosen):
        return None
    picks = chosen[np.linspace(0, len(chosen) - 1, min(POINTS, len(chosen))).astype(int)]
    return {key: value[picks] for key, value in values.items()}


def values_at(pool: TermPool, keys: Sequence[Key], point: Mapping[str, Array]) -> dict[Key, Array]:
    """Values of terms at points."""
    values: dict[Key, Array] = {}
    size = max((len(value) for value in point.values()), default=1)
    with np.errstate(all="ignore"):
        for key in keys:
            values[key] = np.broadcast_to(_value(pool, key, values, point), (size,))
    return values


FUNCTIONS: Mapping[str, Any] = {
    "inv": lambda x: 1 / x,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "ln": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "atan": np.arctan,
    "abs": np.abs,
    "max0": lambda x: np.maximum(x, 0),
    "min0": lambda x: np.minimum(x, 0),
    "max": np.maximum,
    "min": np.minimum,
    "sub": np.subtract,
    "step": lambda x: (x > 0) * 1.0,
}


def _value(pool: TermPool, key: Key, values: Mapping[Key, Array], point: Mapping[str, Array]) -> Array:
    term = pool[key]
    xs = [values[inner] for inner in term.arguments]
    match term.operation:
        case "number":
            return np.array(as_float(Fraction(str(term.payload))))
        case "pi":
            return np.array(np.pi)
        case "symbol":
            return point[str(term.payload)]
        case "add":
            return np.sum(xs, axis=0)
        case "mul":
            return np.prod(xs, axis=0)
        case "pow":
            return xs[0] ** int(str(term.payload))
        case "rpower":
            return xs[0] ** float(Fraction(str(term.payload)))
        case operation:
            return FUNCTIONS[operation](*xs)


def _tangents(
    pool: TermPool, keys: Sequence[Key], fields: Sequence[Mapping[str, Key]], values: Mapping[Key, Array]
) -> tuple[dict[Key, Array], dict[Key, Array]]:
    """Derivatives along the fields, and the sums of the absolute values of their summands."""
    slopes: dict[Key, Array] = {}
    scales: dict[Key, Array] = {}
    for key in keys:
        term = pool[key]
        if term.operation == "symbol":
            given = [field.get(str(term.payload)) for field in fields]
            if any(one is not None for one in given):
                zero = np.zeros_like(values[key])
                slopes[key] = np.array([zero if one is None else values[one] for one in given])
                scales[key] = np.abs(slopes[key])
            continue
        moving = [(place, inner) for place, inner in enumerate(term.arguments) if inner in slopes]
        if moving and term.operation != "step":
            partials = [_partial(pool, key, place, values) for place, _ in moving]
            slopes[key] = sum(p * slopes[inner] for p, (_, inner) in zip(partials, moving, strict=True))
            scales[key] = sum(np.abs(p) * scales[inner] for p, (_, inner) in zip(partials, moving, strict=True))
    return slopes, scales


def _partial(pool: TermPool, key: Key, place: int, values: Mapping[Key, Array]) -> Array:
    """The derivative of a term by one of its arguments."""
    term = pool[key]
    xs = [values[inner] for inner in term.arguments]
    x, y = xs[0], values[key]
    match term.operation:
        case "add":
            return np.ones_like(x)
        case "sub":
            return np.ones_like(x) * (1 - 2 * place)
        case "mul":
            return np.prod([one for k, one in enumerate(xs) if k != place], axis=0)
        case "pow":
            exponent = int(str(term.payload))
            return exponent * x ** (exponent - 1)
        case "rpower":
            return float(Fraction(str(term.payload))) * y / x
        case "inv":
            return -y * y
        case "sqrt":
            return 0.5 / y
        case "exp":
            return y
        case "ln":
            return 1 / x
        case "sin":
            return np.cos(x)
        case "cos":
            return -np.sin(x)
        case "tanh":
            return 1 - y * y
        case "atan":
            return 1 / (1 + x * x)
        case "abs":
            return np.sign(x)
        case "max0":
            return (x > 0) * 1.0
        case "min0":
            return (x <= 0) * 1.0
        case _:
            first = (x > xs[1]) == (term.operation == "max")
            return (first if place == 0 else ~first) * 1.0
