"""Linear spans of sparse rational vectors, exactly."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from fractions import Fraction
from typing import Any, final


@final
class Span:
    """The span of sparse rational vectors, in echelon form.

    >>> span = Span([{"a": 1, "b": 1}])
    >>> span.contains({"a": 2, "b": 2}), span.contains({"a": 1})
    (True, False)
    """

    def __init__(self, vectors: Iterable[Mapping[Any, Fraction | int]] = ()) -> None:
        self._rows: dict[Hashable, dict[Any, Fraction]] = {}
        for vector in vectors:
            self.add(vector)

    @property
    def dimension(self) -> int:
        """Dimension of the span."""
        return len(self._rows)

    def rows(self) -> list[dict[Any, Fraction]]:
        """A basis of the span."""
        return list(self._rows.values())

    def add(self, vector: Mapping[Any, Fraction | int]) -> bool:
        """Enlarge the span; False when the vector was inside already."""
        rest = self._reduced(vector)
        if not rest:
            return False
        pivot = next(iter(rest))
        self._rows[pivot] = {key: value / rest[pivot] for key, value in rest.items()}
        return True

    def contains(self, vector: Mapping[Any, Fraction | int]) -> bool:
        """Whether the vector is in the span."""
        return not self._reduced(vector)

    def _reduced(self, vector: Mapping[Any, Fraction | int]) -> dict[Any, Fraction]:
        rest = {key: Fraction(value) for key, value in vector.items() if value}
        for pivot, row in self._rows.items():
            factor = rest.get(pivot)
            if not factor:
                continue
            for key, value in row.items():
                new = rest.get(key, Fraction(0)) - factor * value
                if new:
                    rest[key] = new
                else:
                    rest.pop(key, None)
        return rest
