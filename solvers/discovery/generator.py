"""One vector field that was found in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, final

import numpy as np

from solvers.discovery.family import Family
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.fields import Monomial, VectorField

SHOWN = 6
"""Terms of a field that are printed."""


@final
@dataclass(frozen=True, eq=False)
class Generator:
    r"""A vector field :math:`X = \sum_k c_k X_k` of an ansatz, with numbers as coefficients.

    Parameters
    ----------
    coefficients: :math:`c_k`, shape (unknowns,), the largest 1 in absolute value.
    defect: rms of :math:`\nabla f\cdot X` on held-out points, relative to the terms of the product.
    family: the fields :math:`X_k`.

    >>> from solvers.discover import discover
    >>> turn = discover(lambda w: w @ w, size=2, gradient=lambda w: 2 * w).generators[0]
    >>> turn.parts.round(9).tolist(), turn.at([1.0, 0.0]).round(9).tolist()
    ([[0.0, 1.0], [-1.0, 0.0]], [0.0, -1.0])
    """

    coefficients: FloatArray
    defect: float
    family: Family = field(repr=False)

    @property
    def parts(self) -> Any:
        """The field as people write it.

        A matrix A of shape (n, n) for linear fields, (A, b) of shape (n, n + 1) for affine ones, the factors for
        scalings, and for fields on axes the matrix or the factors of each axis that moves, by (array, axis).
        """
        return self.family.parts(self.coefficients)

    def at(self, w: Point) -> FloatArray:
        """X at a point, a vector of shape (n,)."""
        space = self.family.space
        return self.family.field(self.coefficients, space.split(space.flat(w)))

    @cached_property
    def field(self) -> VectorField | None:
        """The field as a formula with the coefficients as exact decimals; None where it is no polynomial one."""
        found = self.family.polynomials(self.coefficients)
        if found is None:
            return None
        components: dict[str, dict[Monomial, Fraction]] = {}
        for (entry, monomial), value in found.items():
            components.setdefault(entry, {})[monomial] = Fraction(value).limit_denominator(10**9)
        return VectorField.from_polynomials(components)

    def __str__(self) -> str:
        parts = self.parts
        if isinstance(parts, Mapping):
            return "; ".join(_axis_text(name, axis, own) for (name, axis), own in list(parts.items())[:SHOWN])
        found = self.family.polynomials(self.coefficients)
        if found is None:
            return " + ".join(f"{value:.4g} X{k}" for k, value in enumerate(self.coefficients) if value) or "0"
        ordered = sorted(found.items(), key=lambda item: -abs(item[1]))
        terms = [f"{value:.4g}{_times(monomial)} d/d{entry}" for (entry, monomial), value in ordered[:SHOWN]]
        return " + ".join(terms).replace("+ -", "- ") + (" + ..." if len(ordered) > SHOWN else "")


def _times(monomial: Monomial) -> str:
    """A monomial behind its coefficient."""
    return "".join(f"*{name}" if exponent == 1 else f"*{name}**{exponent}" for name, exponent in monomial)


def _axis_text(name: str, axis: int, own: FloatArray) -> str:
    """What happens to one axis, in words."""
    places = np.argwhere(own)
    where = ", ".join(
        f"{own[tuple(place)]:.4g} at {','.join(map(str, place))}" for place in places[: SHOWN // 2].tolist()
    )
    more = f" and {len(places) - SHOWN // 2} more" if len(places) > SHOWN // 2 else ""
    return f"{name} axis {axis}: {where}{more}"
