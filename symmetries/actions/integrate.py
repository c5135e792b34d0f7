"""From the Lie algebra to the group: which action the generators of a loss integrate to."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symmetries.action import GroupAction, makes_actions_from
from symmetries.algebra import require_polynomials
from symmetries.fields import VectorField

if TYPE_CHECKING:
    from symmetries.actions.conjugated_action import ConjugatedAction
    from symmetries.algebra import SymmetryAlgebra


@makes_actions_from("algebra")
def integrate(algebra: SymmetryAlgebra, *, constants: Mapping[str, float] | None = None) -> GroupAction:
    """The action of a derived algebra.

    By matrices when all fields are affine; by matrices after a change of variables when one makes them linear, or on a
    larger space of polynomials when there is one; else by numeric flows.

    >>> from symmetries import Loss, derive
    >>> integrate(derive(Loss.parse("(x*y - 1)**2"))).dimension
    1
    """
    from symmetries.actions.embedded_action import embed
    from symmetries.actions.flow_action import FlowAction
    from symmetries.actions.linear_action import LinearAction
    from symmetries.actions.parameter_space import ParameterSpace

    coordinates = set(ParameterSpace.of(algebra.loss).entries)
    if all(is_affine(field, coordinates) for field in algebra.generators):
        return LinearAction(algebra.loss, algebra.generators, constants=constants)
    if constants or algebra.loss.constants:
        return FlowAction(algebra.loss, algebra.generators, constants=constants)
    exact = rotations(algebra) or embed(algebra.loss, algebra.generators)
    return exact or FlowAction(algebra.loss, algebra.generators)


def rotations(algebra: SymmetryAlgebra) -> ConjugatedAction | None:
    """The action in coordinates where the fields are linear: the residuals of a sum of squares.

    None where the loss is no sum of squares of invertible coordinates, or the fields are not linear in them.
    """
    from symmetries.actions.conjugated_action import ConjugatedAction, matrices_of
    from symmetries.modules.sum_of_squares import sum_of_squares_symmetries

    squares = sum_of_squares_symmetries(algebra.loss)
    if squares.change is None or squares.change.inverse is None:
        return None
    change = squares.change
    matrices = matrices_of(algebra.generators, change.forward)
    if matrices is None:
        return None
    kept = len(change.names) - len(squares.coefficients)
    weights = (*squares.coefficients, *[Fraction(0)] * kept)
    return ConjugatedAction(algebra.loss, change=change, weights=weights, matrices=matrices)


def is_affine(field: VectorField, coordinates: set[str]) -> bool:
    """Whether every component is of degree one at most in the coordinates."""
    return all(
        sum(exponent for name, exponent in monomial if name in coordinates) <= 1
        for polynomial in require_polynomials(field).values()
        for monomial in polynomial
    )


@makes_actions_from("catalogue")
def from_catalogue(name: str, **sizes: Any) -> GroupAction:
    """The ready action of a name; see :meth:`symmetries.GroupAction.catalogued`."""
    from symmetries.actions.catalogued_actions import catalogued

    return catalogued(name, **sizes)
