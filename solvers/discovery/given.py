r"""Fields that the user gives as functions, :math:`X = \sum_k c_k X_k`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.discovery.family import Arrays, Equation, Family, flat
from solvers.function_answers import read_numbers
from symmetries import Loss, VectorField, compile_loss
from symmetries.actions.parameter_space import FloatArray
from symmetries.expression import entry_names

FieldFunction: TypeAlias = Callable[[Any], Any]


def field_function(field: FieldFunction | VectorField, shapes: Mapping[str, tuple[int, ...]]) -> FieldFunction:
    """A field of formulas as a function of the flat vector; functions stay as they are.

    Parameters
    ----------
    field: a function w -> X(w), or a :class:`symmetries.VectorField`.
    shapes: the shape of each parameter.

    Raises
    ------
    InputError: a component is none of the coordinates, or a formula cannot be read.

    >>> field_function(VectorField({"w[0]": "-w[1]", "w[1]": "w[0]"}), {"w": (2,)})(np.array([1.0, 2.0])).tolist()
    [-2.0, 1.0]
    """
    if not isinstance(field, VectorField):
        return field
    names = [entry for name, shape in shapes.items() for entry in entry_names(name, shape)]
    unknown = [entry for entry in field.components if entry not in names]
    if unknown:
        raise InputError(
            f"the component {unknown[0]!r} of a field",
            why=f"the coordinates are {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}",
            cure="name the component after a coordinate",
        )
    parts = {
        names.index(entry): compile_loss(Loss.parse(formula, dict(shapes)))
        for entry, formula in field.components.items()
    }

    def value(w: FloatArray) -> FloatArray:
        """The field at a point."""
        answer = np.zeros(len(names))
        for place, part in parts.items():
            answer[place] = part.value(w)
        return answer

    return value


@final
class GivenFamily(Family):
    """The span of functions w -> X_k(w) of the flat vector w.

    Parameters
    ----------
    shapes: the shape of each parameter.
    fields: the functions; each answers with a vector of shape (n,).  Fields of formulas are taken too.

    Raises
    ------
    InputError: there is no function, or one of them answers with something else.

    >>> GivenFamily({"w": (2,)}, [lambda w: np.array([-w[1], w[0]])]).count
    1
    """

    name = "basis"

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], fields: Sequence[FieldFunction | VectorField]) -> None:
        super().__init__(shapes)
        self.fields = tuple(field_function(one, self.space.shapes) for one in fields)
        if not self.fields or not all(callable(one) for one in self.fields):
            raise InputError(
                "the ansatz of given fields",
                why="it needs a list of at least one function w -> X(w)",
                cure="write ansatz=[lambda w: np.array([-w[1], w[0]])]",
            )

    @property
    def count(self) -> int:
        """Number of unknown coefficients."""
        return len(self.fields)

    def _values(self, w: FloatArray) -> FloatArray:
        """The fields at a point, shape (fields, n)."""
        rows = []
        for number, one in enumerate(self.fields):
            value = read_numbers(one(w.copy()), f"field {number} of the ansatz").ravel()
            if value.shape != w.shape or not np.isfinite(value).all():
                raise InputError(
                    f"field {number} of the ansatz answers with {value.size} numbers",
                    why=f"a finite vector of {w.size} numbers is needed at every point",
                    cure="return an array of the shape of the point",
                )
            rows.append(value)
        return np.array(rows)

    def equation(self, point: Arrays, gradient: Arrays, *, length: float) -> Equation:
        """The equation of a point, whose gradient is divided by its length."""
        fields = self._values(flat(point, self.space))
        terms = fields * (flat(gradient, self.space) / length)
        return Equation(terms.sum(axis=1), (terms**2).sum(axis=1), (fields**2).sum(axis=1))

    def field(self, coefficients: FloatArray, point: Arrays) -> FloatArray:
        """X at a point as a vector of shape (n,)."""
        return coefficients @ self._values(flat(point, self.space))

    def observed(self, points: FloatArray) -> float:
        """The least singular value of the fields at the points, each divided by its length."""
        table = np.array([self._values(w) for w in points]).transpose(0, 2, 1).reshape(-1, self.count)
        lengths = np.linalg.norm(table, axis=0)
        if not lengths.all():
            return 0.0
        return float(np.linalg.svd(table / lengths, compute_uv=False)[-1]) if len(table) >= self.count else 0.0
