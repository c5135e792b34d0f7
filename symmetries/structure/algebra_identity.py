"""What is known of a Lie algebra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class LeviDecomposition:
    """An algebra as a semisimple subalgebra and its radical, the largest solvable ideal.

    Parameters
    ----------
    radical: name of the radical, None when it has none.
    semisimple: name of the semisimple part, None when it has none.
    radical_dimension: dimension of the radical.
    semisimple_dimension: dimension of the semisimple part.
    """

    radical: str | None
    semisimple: str | None
    radical_dimension: int
    semisimple_dimension: int


@final
@dataclass(frozen=True, kw_only=True)
class AlgebraIdentity:
    """What is known of a Lie algebra, up to isomorphism of real Lie algebras.

    Parameters
    ----------
    dimension: its dimension.
    name: in the printed grammar; None where nothing that was checked determines the algebra.
    synonyms: other names of the same algebra.
    reason: why there is no name.
    description: the structure in words.
    abelian, nilpotent, solvable, reductive, semisimple, perfect, unimodular: what holds of it.
    killing_signature: positive, negative and zero squares of the Killing form.
    centre: dimension of the centre.
    derived_series: dimensions of g, [g, g], [[g, g], [g, g]] and so on.
    lower_central_series: dimensions of g, [g, g], [g, [g, g]] and so on.
    levi: the Levi decomposition.
    simple_ideals: names of the simple ideals of the semisimple part.
    assumptions: what it holds under, such as constants that are not zero.
    """

    dimension: int
    name: str | None
    synonyms: tuple[str, ...] = ()
    reason: str = ""
    description: str = ""
    abelian: bool | None = None
    nilpotent: bool | None = None
    solvable: bool | None = None
    reductive: bool | None = None
    semisimple: bool | None = None
    perfect: bool | None = None
    unimodular: bool | None = None
    killing_signature: tuple[int, int, int] | None = None
    centre: int | None = None
    derived_series: tuple[int, ...] = ()
    lower_central_series: tuple[int, ...] = ()
    levi: LeviDecomposition | None = None
    simple_ideals: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name if self.name is not None else self.description


def reductive_sum(name: str, ideals: Sequence[str], *, positive: int, negative: int, centre: int) -> AlgebraIdentity:
    """The identity of a direct sum of simple ideals and a centre, whose Killing form has these squares.

    >>> reductive_sum("gl(2,R)", ["sl(2,R)"], positive=2, negative=1, centre=1).killing_signature
    (2, 1, 1)
    """
    dimension = positive + negative + centre
    series = (dimension,) if not centre else (dimension, dimension - centre)
    return AlgebraIdentity(
        dimension=dimension,
        name=name,
        description=f"direct sum of {', '.join([*ideals, *([f'R^{centre}'] if centre else [])])}",
        abelian=not ideals,
        nilpotent=not ideals,
        solvable=not ideals,
        reductive=True,
        semisimple=not centre,
        perfect=not centre,
        unimodular=True,
        killing_signature=(positive, negative, centre),
        centre=centre,
        derived_series=series,
        lower_central_series=series,
        levi=LeviDecomposition(
            radical=f"R^{centre}" if centre else "0",
            semisimple=" + ".join(ideals) or "0",
            radical_dimension=centre,
            semisimple_dimension=dimension - centre,
        ),
        simple_ideals=tuple(ideals),
    )
