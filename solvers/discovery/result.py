"""What a discovery found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

from solvers.discovery.generator import Generator
from solvers.discovery.naming import identity_of
from symmetries.actions.parameter_space import FloatArray
from symmetries.algebra import SymmetryAlgebra
from symmetries.certificate import Certificate, Claim, Verdict
from symmetries.structure.algebra_identity import AlgebraIdentity
from symmetries.structure.naming import unknown

ROWS = 12
"""Generators that a table shows."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Discovery:
    r"""The symmetries of a black box in an ansatz, measured; use :func:`solvers.discover.discover`.

    Parameters
    ----------
    ansatz: name of the family that was searched.
    unknowns: number of its unknown coefficients, those of fields that are zero everywhere included.
    dimension: number of independent symmetries; None when nothing was decided.
    generators: a basis of them; empty when nothing was decided.
    singular_values: of the sampled equations in increasing order, relative to their terms.
    gap: ratio of the first rejected to the last accepted singular value; to the unit of the gradients where none is
        accepted or the last one is smaller.
    approximate: further fields with a small defect, the smallest first; when nothing was decided, the candidates.
    null_directions: constant directions in which the function does not change, as rows of shape (n,); None where
        they were not looked for.
    certificate: the claims, none of them ``proved``.
    candidates: one claim for each field that was given to be tested.
    tolerance: largest singular value that counted as zero.

    >>> from solvers.discover import discover
    >>> found = discover(lambda w: w[0] ** 2 + 9 * w[1] ** 2, size=2)
    >>> found.dimension, found.name, found.verdict
    (1, 'so(2)', 'measured')
    """

    ansatz: str
    unknowns: int
    dimension: int | None
    generators: tuple[Generator, ...]
    singular_values: FloatArray
    gap: float
    approximate: tuple[Generator, ...]
    null_directions: FloatArray | None
    certificate: Certificate
    candidates: tuple[Claim, ...]
    tolerance: float

    @property
    def verdict(self) -> Verdict:
        """``measured`` or ``undecided``."""
        return self.certificate.verdict

    @property
    def reason(self) -> str:
        """Why the verdict is what it is."""
        return self.certificate.claims[0].reason

    @cached_property
    def identity(self) -> AlgebraIdentity:
        """What the algebra is: its name where its numbers are near fractions, else its invariants."""
        if self.dimension is None:
            return unknown(0, "nothing was decided")
        return identity_of(self.generators)

    @property
    def name(self) -> str | None:
        """Name of the algebra; None where none is certain."""
        return self.identity.name

    def agrees_with(self, algebra: SymmetryAlgebra) -> bool:
        """Whether the dimension is that of a derived algebra."""
        return self.dimension == algebra.dimension

    def table(self) -> str:
        """The generators with their defects, as text for people."""
        head = "undecided" if self.dimension is None else f"dimension {self.dimension}, {self.name or 'no name'}"
        lines = [f"{self.ansatz} symmetries: {head} ({self.verdict}; gap {self.gap:.1e})", f"  {self.reason}"]
        for title, rows in (("symmetry", self.generators), ("approximate", self.approximate)):
            lines += [f"  {title:<11} {one.defect:8.1e}  {one}" for one in rows[:ROWS]]
            lines += [f"  and {len(rows) - ROWS} more"] if len(rows) > ROWS else []
        if self.null_directions is not None and len(self.null_directions):
            lines.append(f"  constant directions without any change: {len(self.null_directions)}")
        lines += [f"  candidate   {claim.verdict}: {claim.reason}" for claim in self.candidates]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()
