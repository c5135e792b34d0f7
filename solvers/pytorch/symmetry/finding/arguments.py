"""Arguments of an operation by the names of its schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

from solvers.pytorch.symmetry.finding.spaces import Atlas
from solvers.pytorch.symmetry.finding.values import Value, constant


@final
@dataclass(frozen=True)
class Arguments:
    """What an operation was called with.

    Parameters
    ----------
    operation: its name.
    named: arguments by name, tensors as values; those left out have their defaults.
    shapes: of its results.
    """

    operation: str
    named: Mapping[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first result."""
        return self.shapes[0]

    def get(self, *names: str, default: Any = None) -> Any:
        """The first argument of one of these names that is there."""
        for name in names:
            if self.named.get(name) is not None:
                return self.named[name]
        return default

    def value(self, *names: str) -> Value:
        """An argument as a value, numbers as constants; without a name, the first."""
        found = self.get(*names) if names else next(iter(self.named.values()))
        return as_value(found)

    def optional(self, *names: str) -> Value | None:
        """An argument as a value, where it was given."""
        found = self.get(*names)
        return None if found is None else as_value(found)

    @property
    def values(self) -> tuple[Value, ...]:
        """All arguments that are tensors, those in lists too."""
        found: list[Value] = []
        for one in self.named.values():
            found.extend(part for part in (one if isinstance(one, Sequence) else [one]) if isinstance(part, Value))
        return tuple(found)

    def dimension(self, value: Value, name: str = "dim", default: int = -1) -> int:
        """An argument that names an axis of a value, counted from the front."""
        return int(self.named.get(name, default)) % max(value.ndim, 1)

    def dimensions(self, value: Value, name: str = "dim") -> tuple[int, ...]:
        """An argument that names axes of a value; without it, all."""
        found = self.named.get(name)
        if found is None or found == []:
            return tuple(range(value.ndim))
        return tuple(one % max(value.ndim, 1) for one in (found if isinstance(found, Sequence) else [found]))


def as_value(found: Any) -> Value:
    """A tensor argument as it is, a number as a constant."""
    return found if isinstance(found, Value) else constant((), uniform=True, zero=found == 0)


Rule: TypeAlias = Callable[[Atlas, Arguments], Any]
"""What an operation makes of the values it is given, after its demands were made; several results as a tuple."""
