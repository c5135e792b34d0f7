"""Null directions of a large loss: constant fields v with v.L = 0, found group by group."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from symmetries.block_grading import Grading
from symmetries.expression import entry_names
from symmetries.fields import VectorField
from symmetries.moment_elimination import IntArray, null_spaces
from symmetries.moment_field import FloatArray
from symmetries.moment_sampler import MomentSampler
from symmetries.nullspace import rational_from_residue

LARGEST_GROUP = 300
ENTRIES = 40_000_000
SPARE_ROWS = 6
BENT_ROWS = 40


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


def null_directions(sampler: MomentSampler, grading: Grading) -> NullDirections:
    """Null directions modulo a prime, read as rational ones.

    Entries of different characters are never mixed, so each group of entries of one character is solved alone.
    """
    rng = np.random.default_rng([sampler.field.prime, len(sampler.shapes)])
    words = []
    for position, (name, shape) in enumerate(sampler.shapes.items()):
        if position == 0:
            state = rng.bit_generator.state
        rng.bit_generator.state = state
        words.append(grading.words(name, shape, rng).ravel())
    keys = np.concatenate(words)
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]]))
    groups = np.split(order, starts[1:])
    largest = max(len(group) for group in groups)
    rows = min(largest, LARGEST_GROUP) + SPARE_ROWS
    rows = max(2 * rows, BENT_ROWS) if sampler.bent else rows
    if rows * len(keys) > ENTRIES:
        return NullDirections((), "there are too many parameters to look for null directions")
    parts: list[FloatArray] = [
        np.concatenate([batch.gradients[name].reshape(batch.count, -1) for name in sampler.shapes], axis=1)
        for batch in sampler.batches(rows)
    ]
    gradients = np.concatenate(parts)
    if len(gradients) < rows:
        return NullDirections((), "too few points could be sampled")
    names = np.concatenate([np.array(entry_names(n, s), dtype=object) for n, s in sampler.shapes.items()])
    by_size: dict[int, list[IntArray]] = {}
    for group in groups:
        if len(group) <= LARGEST_GROUP:
            by_size.setdefault(len(group), []).append(group)
    found: list[dict[int, Fraction]] = []
    for members in by_size.values():
        table = np.stack(members)
        which, vectors = null_spaces(gradients[:, table].transpose(1, 0, 2), sampler.field)
        for k, vector in zip(which.tolist(), vectors.tolist(), strict=True):
            values = {
                int(table[k, c]): rational_from_residue(v, sampler.field.prime) for c, v in enumerate(vector) if v
            }
            if all(value is not None for value in values.values()):
                found.append({c: Fraction(int(v.p), int(v.q)) for c, v in values.items() if v is not None})
    found.sort(key=min)
    fields = tuple(
        VectorField.from_polynomials({str(names[c]): {(): v} for c, v in sorted(one.items())}) for one in found
    )
    reason = "entries of one character are too many to look for null directions" if largest > LARGEST_GROUP else ""
    return NullDirections(fields, reason)
