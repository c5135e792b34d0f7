"""How a derived algebra acts on the parameters: what moves together, what stays, which directions turn or scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from manifolds.errors import InputError
from symmetries.structure.representation import ONE, Representation, fields_representation
from symmetries.structure.spectra import Spectrum

if TYPE_CHECKING:
    from symmetries.algebra import SymmetryAlgebra


@final
@dataclass(frozen=True)
class InvariantBlock:
    """Parameters on which the algebra acts among themselves.

    Parameters
    ----------
    entries: the parameter entries of the first copy.
    copies: number of sets of parameters that move in the same way.
    is_affine: whether translations are among the motions.
    """

    entries: tuple[str, ...]
    copies: int
    is_affine: bool


@final
@dataclass(frozen=True)
class ParameterAction:
    """An algebra of linear or affine fields as motions of the parameters.

    Parameters
    ----------
    blocks: sets of parameters that move among themselves; different ones do not mix.
    fixed: entries that no generator moves and on which none depends.
    spectra: for each generator what it is: ``compact`` (a rotation), ``scaling`` (real eigenvalues, semisimple),
        ``nilpotent`` (a shear or a translation) or ``mixed``.
    """

    blocks: tuple[InvariantBlock, ...]
    fixed: tuple[str, ...]
    spectra: tuple[Spectrum, ...]


def parameter_action(algebra: SymmetryAlgebra) -> ParameterAction:
    """The action of a derived algebra on the parameters.

    Raises
    ------
    InputError: the generators are not linear or affine with rational coefficients.

    >>> from symmetries import Loss, derive
    >>> action = parameter_action(derive(Loss.parse("(y - u*v)**2 + z**2", ["u", "v", "z"], data=["y"])))
    >>> [block.entries for block in action.blocks], action.fixed, action.spectra
    ([('u',), ('v',)], ('z',), ('scaling',))
    """
    representation = linear_representation(algebra)
    moving = {name for field in algebra.generators for name in names_in(field.polynomials or {})}
    names = (*algebra.loss.entries, *algebra.loss.moving_entries)
    unit = np.eye(algebra.dimension, dtype=np.int64)
    return ParameterAction(
        blocks=tuple(
            InvariantBlock(tuple(name for name in block.names if name != ONE), block.copies, ONE in block.names)
            for block in representation.blocks
        ),
        fixed=tuple(name for name in names if name not in moving),
        spectra=tuple(representation.spectrum(row) for row in unit),
    )


def names_in(polynomials: object) -> set[str]:
    """Entries that occur in the components of a field."""
    assert isinstance(polynomials, dict)
    inside = {name for polynomial in polynomials.values() for monomial in polynomial for name, _ in monomial}
    return inside | set(polynomials)


def linear_representation(algebra: SymmetryAlgebra) -> Representation:
    """The matrices of the generators on the functions 1 and theta_i."""
    names = (*algebra.loss.entries, *algebra.loss.moving_entries)
    for field in algebra.generators:
        monomials = [m for polynomial in (field.polynomials or {}).values() for m in polynomial]
        straight = all(sum(e for _, e in m) <= 1 and all(name in names for name, _ in m) for m in monomials)
        if field.polynomials is None or not straight:
            raise InputError(
                f"the generator {field}",
                why="it is not linear or affine with rational coefficients, so it has no matrix",
                cure="derive with the ansatz Linear() or Affine()",
            )
    return fields_representation(algebra.generators, names)
