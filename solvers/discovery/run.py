"""A discovery from a subject and its points to the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.discovery.axes import AxisAnsatz, AxisFamily
from solvers.discovery.candidates import candidate_claims
from solvers.discovery.checks import defect
from solvers.discovery.claims import claims_of
from solvers.discovery.equations import Equations
from solvers.discovery.family import Family
from solvers.discovery.generator import Generator
from solvers.discovery.given import GivenFamily
from solvers.discovery.graded import GradedFamily
from solvers.discovery.points import PointSource
from solvers.discovery.reduction import cleaned
from solvers.discovery.result import Discovery
from solvers.discovery.search import Found, refined, search
from solvers.discovery.spectrum import Precision
from solvers.discovery.subject import Subject
from solvers.steps.hyperparameters import Interval, read_number
from symmetries.ansatz import Affine, Ansatz, Basis, Blocks, Diagonal, Linear, Polynomial
from symmetries.arguments import read_generator
from symmetries.certificate import Certificate
from symmetries.expression import Shape

MAX_UNKNOWNS = 6_000
"""Unknown coefficients that are taken at most: beyond, the triangle of the equations is too large."""

FOLLOWING = 16
"""Rejected combinations that are looked at as approximate symmetries."""

CLEAN = 1e-9
"""Relative distance up to which a coefficient is set to the fraction beside it, or more where the defect is larger."""

SLACK = 100.0
"""Factor by which a cleaned field may be off more than the field itself, while below the tolerance."""

ROUGH = 1e-3
"""Largest relative distance at which a coefficient is set to a fraction."""


def run(
    subject: Subject,
    source: PointSource,
    *,
    ansatz: Any,
    candidates: Sequence[Any],
    tolerance: float | None,
    gap: float | None,
    approximate: float,
    rng: int | np.random.Generator,
) -> Discovery:
    """Sample, solve, check and describe."""
    for name, value, least in (("tolerance", tolerance, 0.0), ("gap", gap, 1.0), ("approximate", approximate, 0.0)):
        if value is not None:
            read_number(value, name=name, interval=Interval(least, open_low=True))
    if not isinstance(candidates, Sequence | np.ndarray) or isinstance(candidates, str):
        raise InputError(f"candidates={candidates!r}", why="they are no list", cure="write candidates=[field]")
    generator = read_generator(rng)
    equations = Equations(subject, make_family(ansatz, subject.shapes), generator)
    precision = Precision.of(subject.unit, tolerance=tolerance, gap=gap)
    found = search(equations, source.points(generator), precision, endless=source.endless, following=FOLLOWING)
    return assemble(found, equations, refined(precision, equations), approximate=approximate, candidates=candidates)


def make_family(ansatz: Any, shapes: Mapping[str, Shape]) -> Family:
    """The fields of an ansatz on arrays of these shapes, refused before anything is built when they are too many."""
    chosen = Linear() if ansatz is None else ansatz
    if isinstance(chosen, AxisAnsatz | Blocks):
        axes = [length for shape in shapes.values() for length in shape or (1,)]
        full = [length**2 if isinstance(chosen, Blocks) or chosen.is_matrix(length) else length for length in axes]
        _require_few(sum(full), chosen.name)
        return AxisFamily(shapes, None if isinstance(chosen, Blocks) else chosen)
    if isinstance(chosen, Linear | Affine | Polynomial | Diagonal):
        _require_few(chosen.count(sum(int(np.prod(shape)) for shape in shapes.values())), chosen.name)
        return GradedFamily(shapes, chosen)
    if isinstance(chosen, Basis):
        return GivenFamily(shapes, chosen.fields)
    if isinstance(chosen, Ansatz) or not isinstance(chosen, Sequence) or isinstance(chosen, str):
        raise InputError(
            f"the ansatz {chosen!r}",
            why="it is not one that gradients can be put into",
            cure="use Linear(), Affine(), Polynomial(3), Diagonal(), Blocks(), AxisScalings(), AxisMatrices(16), "
            "Basis([...]) or a list of functions w -> X(w)",
        )
    return GivenFamily(shapes, chosen)


def _require_few(unknowns: int, name: str) -> None:
    """Refuse too many unknowns."""
    if unknowns > MAX_UNKNOWNS:
        raise InputError(
            f"the ansatz {name} has {unknowns:,} unknown coefficients",
            why=f"at most {MAX_UNKNOWNS:,} are taken, as each needs a gradient and a column of a dense matrix",
            cure="use AxisScalings() or AxisMatrices(16) on arrays, or Diagonal()",
        )


def assemble(
    found: Found, equations: Equations, precision: Precision, *, approximate: float, candidates: Sequence[Any]
) -> Discovery:
    """The result of a search."""
    claims = claims_of(found, equations, precision)
    scales = equations.scales(precision.floor) if len(found.values) else np.ones(equations.family.count)
    rows = [*(found.basis if found.doubt else []), *found.near]
    near = [_generator(row, equations, scales, precision) for row in rows]
    close = sorted((one for one in near if found.doubt or one.defect <= approximate), key=lambda one: one.defect)
    return Discovery(
        ansatz=equations.family.name,
        unknowns=equations.family.count,
        dimension=None if found.doubt else len(found.basis),
        generators=()
        if found.doubt
        else tuple(_generator(row, equations, scales, precision, clean=True) for row in found.basis),
        singular_values=found.values,
        gap=found.gap,
        approximate=tuple(close[:FOLLOWING]),
        null_directions=found.null_directions,
        certificate=Certificate(loss={"black_box": equations.subject.name}, claims=claims),
        candidates=candidate_claims(candidates, equations, precision),
        tolerance=precision.tolerance,
    )


def _generator(
    row: np.ndarray, equations: Equations, scales: np.ndarray, precision: Precision, *, clean: bool = False
) -> Generator:
    """A field with its defect; with rounding removed where the field does not get worse by that."""
    size = defect(row, equations, scales)
    if clean:
        kept = cleaned(row, min(max(CLEAN, SLACK * size), ROUGH))
    else:
        kept = np.where(np.abs(row) <= ROUGH * size, 0.0, row)
    after = defect(kept, equations, scales)
    if after <= max(SLACK * size, SLACK * precision.unit) and after <= max(size, precision.tolerance):
        return Generator(kept, after, equations.family)
    return Generator(row, size, equations.family)
