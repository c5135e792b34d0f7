"""One entry of the catalogue: a loss and what is known of its symmetries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

from symmetries.expression import Shape
from symmetries.loss import Loss


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class CatalogEntry:
    """A ready loss with what is known of its symmetries inside one ansatz.

    Parameters
    ----------
    name: its name in kebab-case, as the command line takes it.
    title: what it is, in words.
    formula: the loss in the formula language.
    parameters: shape of each parameter, ``()`` for a scalar.
    data: as :class:`symmetries.Loss` takes it: a shape (for all data), values (for given data) or a table.
    constants: structural constants.
    ansatz: the family of fields of the statements below, such as ``polynomial:3``.
    dimension: of all symmetries in the ansatz, f(theta) v for the null directions v included.
    null_directions: number of independent constant directions along which the loss does not change.
    essential_dimension: dimension on the slice that cuts off the null directions.
    algebra: name of the whole algebra as people write it, None where it has none or is not closed under brackets.
    note: why the symmetries are what they are.
    source: where the loss comes from.
    """

    name: str
    title: str
    formula: str
    parameters: Mapping[str, Shape]
    data: Mapping[str, Any] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    ansatz: str = "linear"
    dimension: int
    null_directions: int = 0
    essential_dimension: int
    algebra: str | None = None
    note: str
    source: str

    @cached_property
    def loss(self) -> Loss:
        """The loss, with the entry's name and ansatz."""
        return Loss.parse(
            self.formula,
            dict(self.parameters),
            data=dict(self.data),
            constants=list(self.constants),
            name=self.name,
            ansatz=self.ansatz,
        )
