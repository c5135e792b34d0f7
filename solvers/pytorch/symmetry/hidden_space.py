"""Hidden spaces of a network and the groups that act on them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import final

from solvers.pytorch.symmetry.component import Component

ABELIAN = ("R", "R+", "{+-1}")
"""Groups of which products are written as powers."""


@final
@dataclass(frozen=True, kw_only=True)
class HiddenSpace:
    """A space between the operations of a network, with the group that acts on it unnoticed.

    Parameters
    ----------
    name: from the tensors that write to it.
    size: its dimension.
    components: factors of the group.
    note: why the group is no larger, where an operation that is not known lowers the claim.
    """

    name: str
    size: int
    components: tuple[Component, ...]
    note: str = ""

    @property
    def group(self) -> str:
        """The groups of its components, as a semidirect product: ``R+^16 |x S_16``."""
        powers: dict[str, int] = {}
        for component in self.generating:
            base, _, power = component.group.rpartition("^")
            power = power if base in ABELIAN else ""
            powers[base if power else component.group] = powers.get(base, 0) + int(power or 0)
        return " |x ".join(f"{base}^{power}" if power else base for base, power in powers.items()) or "1"

    @property
    def dimension(self) -> int:
        """Dimension of the group."""
        return sum(component.dimension for component in self.components)

    @property
    def discrete_order(self) -> int:
        """Number of its connected components."""
        return prod(component.discrete_order for component in self.generating)

    @property
    def generating(self) -> tuple[Component, ...]:
        """The components without those that the others imply."""
        return tuple(component for component in self.components if not component.implied)

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors on which the group acts."""
        return tuple(dict.fromkeys(name for component in self.components for name in component.tensors))
