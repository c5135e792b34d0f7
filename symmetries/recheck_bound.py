"""The second check of completeness: all unknowns at once, no grading, rank by plain elimination."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, final

import numpy as np

from symmetries.compiled import Tape
from symmetries.directional import free_shapes, movable
from symmetries.dual import HOLE, Arithmetic, Dual, Unsupported, evaluate
from symmetries.dual_numbers import Fractions, Residues
from symmetries.expression import Node
from symmetries.loss import Loss
from symmetries.recheck_numbers import field_values, random_inputs, random_prime, rank, residue, small_inputs

MAX_UNKNOWNS = 600
WORD_BITS = 31
"""Primes of the bound: products of residues fit in a machine word."""

SINGULAR = 1e-9
ROUNDING = 1e-12
BRANCH_POINTS = 12


@final
@dataclass(frozen=True)
class Bound:
    """Dimension that no algebra inside an ansatz can exceed, and whether it was found exactly."""

    dimension: int
    unknowns: int
    rows: int
    exact: bool
    prime: int | None = None

    @property
    def evidence(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {"upper_bound": self.dimension, "unknowns": self.unknowns, "points": self.rows, "prime": self.prime}


def monomials(name: str, size: int) -> list[tuple[int, tuple[int, ...]]] | None:
    """Pairs (component, positions of the factors) of an ansatz by its name; None for one that is not known.

    >>> monomials("diagonal", 2)
    [(0, (0,)), (1, (1,))]
    """
    if name == "diagonal":
        return [(i, (i,)) for i in range(size)]
    head, _, tail = name.partition(":")
    ranges = {"linear": range(1, 2), "affine": range(2)}
    if head == "polynomial" and tail.isdecimal() and int(tail) <= 20:
        ranges[head] = range(int(tail) + 1)
    if head not in ranges:
        return None
    products = [m for degree in ranges[head] for m in combinations_with_replacement(range(size), degree)]
    return [(i, m) for i in range(size) for m in products]


def upper_bound(loss: Loss, name: str, rng: np.random.Generator) -> Bound | str:
    """The bound for an ansatz, or why it was not computed."""
    entries = tuple(movable(loss))
    size = len(entries)
    small = size <= MAX_UNKNOWNS and (not name.startswith("polynomial") or size**2 <= MAX_UNKNOWNS)
    unknowns = monomials(name, size) if small else []
    if unknowns is None:
        return f"not rechecked: the ansatz {name} is not written out in the certificate"
    if not unknowns or len(unknowns) > MAX_UNKNOWNS:
        return "not rechecked: too large"
    for exact in (_modular_rows, _branch_rows):
        try:
            rows, prime = exact(loss, entries, unknowns, rng)
        except Unsupported:
            continue
        if len(rows) < len(unknowns):
            return "not rechecked: too few points have a value"
        return Bound(len(unknowns) - rank(rows, prime), len(unknowns), len(rows), True, prime)
    return _float_bound(loss, entries, unknowns, rng)


def _modular_rows(
    loss: Loss, entries: tuple[str, ...], unknowns: list[tuple[int, tuple[int, ...]]], rng: np.random.Generator
) -> tuple[list[list[int]], int]:
    prime = random_prime(rng, bits=WORD_BITS)
    inputs = random_inputs(loss, len(unknowns) + 8, rng, prime)
    return _rows(loss, entries, unknowns, Residues(prime), inputs, prime), prime


def _branch_rows(
    loss: Loss, entries: tuple[str, ...], unknowns: list[tuple[int, tuple[int, ...]]], rng: np.random.Generator
) -> tuple[list[list[int]], int]:
    prime = random_prime(rng, bits=WORD_BITS)
    inputs = small_inputs(loss, 2 * len(unknowns) + 24, rng)
    return _rows(loss, entries, unknowns, Fractions(), inputs, prime), prime


def _rows(
    loss: Loss,
    entries: tuple[str, ...],
    unknowns: list[tuple[int, tuple[int, ...]]],
    arithmetic: Arithmetic,
    inputs: dict[str, Dual],
    prime: int,
) -> list[list[int]]:
    """One equation a sample: coefficient of each unknown in X.L."""
    slopes = gradient(loss, arithmetic, inputs)
    names = movable(loss)
    samples = len(slopes[0])
    points = [inputs[names[entry][0]].values.reshape(samples, -1)[:, names[entry][1]] for entry in entries]
    rows = []
    for k in range(samples):
        g = [residue(slope[k], prime) for slope in slopes]
        x = [residue(point[k], prime) for point in points]
        if None in g or None in x:
            continue
        row = []
        for component, factors in unknowns:
            value = g[component]
            for factor in factors:
                value = value * x[factor] % prime  # type: ignore[operator]
            row.append(value)
        rows.append(row)
    return rows  # type: ignore[return-value]


def gradient(loss: Loss, arithmetic: Arithmetic, inputs: dict[str, Dual]) -> list[Any]:
    """Derivative of the loss in each movable entry at every sample, by forward mode."""
    slopes = []
    for name, k in movable(loss).values():
        tangent = np.empty(inputs[name].values.shape, dtype=object)
        tangent.fill(arithmetic.constant(0))
        tangent.reshape(len(tangent), -1)[:, k] = arithmetic.constant(1)
        moved = {**inputs, name: Dual(inputs[name].values, tangent)}
        result = evaluate(loss.expression, arithmetic, moved)
        samples = len(tangent)
        slope = [arithmetic.constant(0)] * samples if result.tangents is None else list(result.tangents)
        slopes.append([HOLE if v is HOLE else s for v, s in zip(result.values, slope, strict=True)])
    return slopes


def _float_bound(
    loss: Loss, entries: tuple[str, ...], unknowns: list[tuple[int, tuple[int, ...]]], rng: np.random.Generator
) -> Bound | str:
    """The bound in double precision: singular values that are zero but for rounding."""
    shapes, places = free_shapes(loss), movable(loss)
    tape = Tape(loss.expression, tuple(dict.fromkeys(name for name, _ in places.values())))
    fixed = {name: np.asarray(np.abs(rng.normal()) + 0.5) for name in loss.constants}
    rows: list[list[float]] = []
    wanted = 3 * len(unknowns) + 40
    with np.errstate(all="ignore"):
        for attempt in range(6 * wanted):
            point = {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()}
            if attempt % 2:
                point = {name: np.abs(value) for name, value in point.items()}
            point |= fixed
            values = tape.values(point)
            g = _entries(clean_gradient(tape, values), places)
            x = _entries(point, places)
            if np.isfinite(values[-1]) and np.isfinite(g).all():
                top = max(map(abs, g)) or 1.0
                rows.append([float(g[c] / top * np.prod([x[f] for f in factors])) for c, factors in unknowns])
            if len(rows) >= wanted:
                break
    if len(rows) < len(unknowns) + 5:
        return "not rechecked: too few points have a value"
    matrix = np.array(rows)
    norms = np.linalg.norm(matrix, axis=0)
    used = matrix[:, norms > 0] / norms[norms > 0]
    singular = np.linalg.svd(used, compute_uv=False) if used.size else np.zeros(0)
    nullity = int((norms == 0).sum()) + int((singular < SINGULAR * max(singular, default=1.0)).sum())
    return Bound(nullity, len(unknowns), len(rows), False)


def clean_gradient(tape: Tape, values: list[Any]) -> dict[str, Any]:
    """The gradient in double precision, with what is only rounding set to zero."""
    found, sizes = tape.gradient(values), tape.magnitudes(values)
    return {name: np.where(np.abs(g) <= ROUNDING * sizes[name], 0.0, g) for name, g in found.items()}


def _entries(values: dict[str, Any], places: dict[str, tuple[str, int]]) -> list[float]:
    return [float(np.reshape(values[name], -1)[k]) if name in values else 0.0 for name, k in places.values()]


def gradient_rank(loss: Loss, rng: np.random.Generator, *, enough: int) -> int | None:
    """Dimension that the gradients at one random point span, for all data; None when too few points have a value.

    With absolute values several points are tried until the dimension is ``enough``.
    """
    size = len(movable(loss))
    prime = random_prime(rng)
    options: list[tuple[Arithmetic, dict[str, Dual]]] = [
        (Residues(prime), random_inputs(loss, size + 8, rng, prime)),
        (Fractions(), small_inputs(loss, 4 * size + 24, rng)),
    ]
    for arithmetic, inputs in options:
        try:
            ranks = [_gradient_rank_at(loss, arithmetic, inputs, prime)]
            for _ in range(0 if isinstance(arithmetic, Residues) else BRANCH_POINTS):
                if ranks[-1] is not None and ranks[-1] >= enough:
                    break
                ranks.append(_gradient_rank_at(loss, arithmetic, small_inputs(loss, 4 * size + 24, rng), prime))
        except Unsupported:
            continue
        return max((one for one in ranks if one is not None), default=None)
    return _float_gradient_rank(loss, size, rng)


def _gradient_rank_at(loss: Loss, arithmetic: Arithmetic, inputs: dict[str, Dual], prime: int) -> int | None:
    for name, one in inputs.items():
        if name in loss.parameters:
            one.values[:] = one.values[0]
    columns = [[residue(value, prime) for value in slope] for slope in gradient(loss, arithmetic, inputs)]
    kept = [[value for value in row if value is not None] for row in zip(*columns, strict=True)]
    rows = [row for row in kept if len(row) == len(columns)]
    return rank(rows, prime) if len(rows) >= len(columns) else None


def _float_gradient_rank(loss: Loss, size: int, rng: np.random.Generator) -> int | None:
    places, shapes = movable(loss), free_shapes(loss)
    tape = Tape(loss.expression, tuple(dict.fromkeys(name for name, _ in places.values())))
    fixed = [*loss.parameters, *loss.constants]
    point = {name: np.asarray(np.abs(rng.normal(size=shapes[name])) + 0.2) for name in fixed}
    rows = []
    with np.errstate(all="ignore"):
        for _ in range(4 * size + 24):
            values = tape.values({name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()} | point)
            row = _entries(clean_gradient(tape, values), places)
            if np.isfinite(values[-1]) and np.isfinite(row).all():
                rows.append(np.array(row) / (np.abs(row).max() or 1.0))
    return int(np.linalg.matrix_rank(np.array(rows), tol=None)) if len(rows) >= size else None


def independent(loss: Loss, fields: list[dict[str, Node]], rng: np.random.Generator) -> bool:
    """Whether fields are linearly independent over the rationals: their values at random points have full rank."""
    return value_rank(loss, fields, rng, samples=len(fields) + 8, together=True) == len(fields)


def value_rank(
    loss: Loss, fields: list[dict[str, Node]], rng: np.random.Generator, *, samples: int, together: bool
) -> int:
    """Rank of the fields' values: of all samples together, or at the first one."""
    entries = tuple(movable(loss))
    try:
        prime = random_prime(rng)
        arithmetic: Arithmetic = Residues(prime)
        inputs = random_inputs(loss, samples, rng, prime)
        tables = [field_values(field, arithmetic, inputs, entries) for field in fields]
    except Unsupported:
        return _float_rank(loss, fields, rng, samples if together else 1)
    kept = tables if together else [table[:1] for table in tables]
    rows = [[0 if value is HOLE else value for row in table for value in row] for table in kept]
    return rank(rows, prime)


def _float_rank(loss: Loss, fields: list[dict[str, Node]], rng: np.random.Generator, samples: int) -> int:
    rows: list[list[float]] = [[] for _ in fields]
    entries = tuple(movable(loss))
    for _ in range(samples):
        point = {name: np.abs(rng.normal(size=shape)) + 0.1 for name, shape in free_shapes(loss).items()}
        for row, field in zip(rows, fields, strict=True):
            row.extend(float(Tape(field[e], ()).values(point)[-1]) if e in field else 0.0 for e in entries)
    return int(np.linalg.matrix_rank(np.nan_to_num(np.array(rows))))
