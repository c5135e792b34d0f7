"""Null directions of a large loss: constant fields v with v.L = 0, found group by group."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from symmetries.expression import entry_names
from symmetries.fields import VectorField
from symmetries.large.block_grading import Grading
from symmetries.large.block_moments import TooFewPoints
from symmetries.large.moment_elimination import IntArray, null_spaces
from symmetries.large.moment_field import FloatArray
from symmetries.large.moment_sampler import MomentSampler
from symmetries.nullspace import rational_from_residue

LARGEST_GROUP = 300
ENTRIES = 40_000_000
SPARE_ROWS = 6
BENT_ROWS = 60
CHECK_ROWS = 60


@final
@dataclass(frozen=True)
class NullDirections:
    """Constant fields that annihilate the loss.

    Parameters
    ----------
    fields: the fields.
    reason: why there may be more, empty when all were looked for.
    """

    fields: tuple[VectorField, ...]
    reason: str = ""


def null_directions(sampler: MomentSampler, check: MomentSampler, grading: Grading) -> NullDirections:
    """Null directions modulo a prime, read as rational ones and held against points modulo another prime.

    Entries of different characters are never mixed, so each group of entries of one character is solved alone.
    """
    groups = _groups(sampler, grading)
    largest = max(len(group) for group in groups)
    rows = min(largest, LARGEST_GROUP) + SPARE_ROWS
    rows = max(2 * rows, BENT_ROWS) if sampler.bent else rows
    if rows * sum(map(len, groups)) > ENTRIES:
        return NullDirections((), "there are too many parameters to look for null directions")
    tables = [np.stack([group for group in groups if len(group) == size]) for size in sorted(set(map(len, groups)))]
    names = np.concatenate([np.array(entry_names(n, s), dtype=object) for n, s in sampler.shapes.items()])
    found = []
    try:
        found = _solved(sampler, [table for table in tables if table.shape[1] <= LARGEST_GROUP], rows)
        found = _held(check, found)
    except TooFewPoints:
        return NullDirections((), "too few points could be sampled")
    found.sort(key=min)
    fields = tuple(
        VectorField.from_polynomials({str(names[c]): {(): v} for c, v in sorted(one.items())}) for one in found
    )
    reason = "seen at random points, not proved" if fields else ""
    reason = "entries of one character are too many to look for null directions" if largest > LARGEST_GROUP else reason
    return NullDirections(fields, reason)


def _groups(sampler: MomentSampler, grading: Grading) -> list[IntArray]:
    """Entries of all arrays by character."""
    words = []
    for name, shape in sampler.shapes.items():
        rng = np.random.default_rng([sampler.field.prime, len(sampler.shapes)])
        words.append(grading.words(name, shape, rng).ravel())
    keys = np.concatenate(words)
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]]))
    return np.split(order, starts[1:])


def _gradients(sampler: MomentSampler, rows: int) -> FloatArray:
    """Gradients at fresh points, one per row."""
    parts = [
        np.concatenate([batch.gradients[name].reshape(batch.count, -1) for name in sampler.shapes], axis=1)
        for batch in sampler.batches(rows)
    ]
    if sum(map(len, parts)) < rows:
        raise TooFewPoints
    return np.concatenate(parts)[:rows]


def _solved(sampler: MomentSampler, tables: list[IntArray], rows: int) -> list[dict[int, Fraction]]:
    """Null vectors of all groups, with more points until none falls; units of a network are off at many points."""
    gradients = _gradients(sampler, rows)
    held = [gradients[:, table].transpose(1, 0, 2) for table in tables]
    solved = [null_spaces(part, sampler.field) for part in held]
    passed, wanted = 0, 4 if sampler.bent else 1
    while passed < wanted and any(len(which) for which, _ in solved):
        before = sum(len(which) for which, _ in solved)
        suspects = [np.unique(which) for which, _ in solved]
        fresh = _gradients(sampler, rows)
        tables = [table[some] for table, some in zip(tables, suspects, strict=True)]
        more = [fresh[:, table].transpose(1, 0, 2) for table in tables]
        held = [np.concatenate([part[some], new], axis=1) for part, some, new in zip(held, suspects, more, strict=True)]
        solved = [null_spaces(part, sampler.field) for part in held]
        passed = passed + 1 if sum(len(which) for which, _ in solved) == before else 0
    prime = sampler.field.prime
    found: list[dict[int, Fraction]] = []
    for table, (which, vectors) in zip(tables, solved, strict=True):
        for k, vector in zip(which.tolist(), vectors.tolist(), strict=True):
            values = {int(table[k, c]): rational_from_residue(v, prime) for c, v in enumerate(vector) if v}
            if all(value is not None for value in values.values()):
                found.append({c: Fraction(int(v.p), int(v.q)) for c, v in values.items() if v is not None})
    return found


def _held(check: MomentSampler, found: list[dict[int, Fraction]]) -> list[dict[int, Fraction]]:
    """The vectors that also annihilate gradients modulo another prime."""
    if not found:
        return []
    field = check.field
    gradients = _gradients(check, CHECK_ROWS)
    kept = []
    for vector in found:
        factors = field.residues(list(vector.values()))
        if field.is_zero(field.reduce(gradients[:, list(vector)] * factors).sum(axis=1)).all():
            kept.append(vector)
    return kept
