"""Does a continuous symmetry outside the ansatz have to exist?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import nmod_mat

from symmetries.certificate import Claim
from symmetries.fields import VectorField
from symmetries.modular import BRANCHING, CHUNK_ENTRIES, ModularProgram, Points, Residues
from symmetries.straight_line import compile_program
from symmetries.system import DeterminingSystem

SPARE = 8
BRANCH_POINTS = 32
TRIES = 64
MAX_COORDINATES = 2_000


def redundancy_claim(system: DeterminingSystem, fields: Sequence[VectorField]) -> Claim:
    r"""Compare the fibre of equal losses with the orbit of the symmetries found.

    At a generic theta the gradients for all data span n - r dimensions: r is the dimension of the set of parameters
    with the same loss for all data.  The symmetries found explain a part as large as the rank of their values at
    theta.  When the rank is smaller than r, a continuous symmetry outside the ansatz exists.
    """
    statement = "the symmetries found explain every continuous redundancy of the parameters"
    if len(system.coordinates) > MAX_COORDINATES:
        return Claim(statement=statement, verdict="undecided", reason=f"more than {MAX_COORDINATES} coordinates")
    if any(field.polynomials is None for field in fields):
        return Claim(statement=statement, verdict="undecided", reason="the fields are no polynomials")
    ranks = _ranks(system, fields)
    if ranks is None:
        return Claim(statement=statement, verdict="undecided", reason="too few points could be sampled")
    redundancy, explained = ranks
    hidden = redundancy - explained
    evidence = {"redundancy": redundancy, "explained": explained, "hidden": hidden}
    if hidden > 0 and system.program.kinds & BRANCHING:
        reason = f"{hidden} more dimension(s) give the same loss where it was tried; elsewhere more may be switched on"
        return Claim(statement=statement, verdict="undecided", reason=reason, evidence=evidence)
    if hidden > 0:
        reason = f"{hidden} more dimension(s) of parameters give the same loss: a symmetry outside the ansatz exists"
        return Claim(statement=statement, verdict="refuted", reason=reason, evidence=evidence)
    reason = f"both have dimension {redundancy} at a random point of a prime field"
    return Claim(statement=statement, verdict="measured", reason=reason, evidence=evidence)


def _ranks(system: DeterminingSystem, fields: Sequence[VectorField]) -> tuple[int, int] | None:
    """(dimension of the fibre, rank of the fields) at a generic point modulo a prime.

    With absolute values a point can lie where part of the loss is switched off; the best of several points counts.  A
    square root has a value modulo a prime at every second point only, so a point may need several tries.
    """
    best: tuple[int, int] | None = None
    for prime, sampler in system.samplers():
        several = bool(system.program.kinds & BRANCHING)
        for attempt in range(TRIES):
            if best is not None and (best[0] == best[1] or not several or attempt >= BRANCH_POINTS):
                break
            rng = np.random.default_rng([system.seed, prime, attempt])
            ranks = _ranks_at(system, fields, sampler.modular, rng)
            if ranks is not None and (best is None or ranks[0] - ranks[1] < best[0] - best[1]):
                best = ranks
        break
    return best


def _ranks_at(
    system: DeterminingSystem, fields: Sequence[VectorField], modular: ModularProgram, rng: np.random.Generator
) -> tuple[int, int] | None:
    size = len(system.coordinates)
    wanted = (4 if system.program.kinds & BRANCHING else 1) * size + SPARE
    point = Points.random(len(system.inputs), 1, rng).numerators
    gradients: list[Residues] = []
    found = 0
    batch = min(wanted + SPARE, max(8, CHUNK_ENTRIES // system.program.slots))
    for _ in range(20 * (1 + wanted // batch)):
        candidates = Points.random(len(system.inputs), batch, rng).numerators
        candidates[:size] = point[:size]
        candidates[size + len(system.data) :] = point[size + len(system.data) :]
        values, good = modular.evaluate(Points(candidates))
        if good.any():
            gradients.append(modular.gradient(values[:, good])[:size])
            found += int(good.sum())
        if found >= wanted:
            break
    if found < size + SPARE:
        return None
    rank = _rank(np.concatenate(gradients, axis=1).T, modular.prime)
    return size - rank, _field_rank(system, fields, Points(point), modular.prime)


def _rank(matrix: Residues, prime: int) -> int:
    rows, columns = matrix.shape
    return int(nmod_mat(rows, columns, matrix.ravel().tolist(), prime).rank()) if matrix.size else 0


def _field_rank(system: DeterminingSystem, fields: Sequence[VectorField], point: Points, prime: int) -> int:
    """Rank of the values of the fields at a point."""
    if not fields:
        return 0
    position = {name: k for k, name in enumerate(system.coordinates)}
    matrix = np.zeros((len(fields), len(position)), dtype=np.uint64)
    roots, places = [], []
    for row, field in enumerate(fields):
        assert field.polynomials is not None
        for entry, polynomial in field.polynomials.items():
            roots.append(system.component_node(polynomial))
            places.append((row, position[entry]))
    program = compile_program(system.graph, roots, system.inputs)
    values, _ = ModularProgram(program, prime).evaluate(point)
    for place, slot in zip(places, program.outputs, strict=True):
        matrix[place] = values[slot, 0]
    return _rank(matrix, prime)
