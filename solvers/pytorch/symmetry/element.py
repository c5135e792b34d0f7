"""Elements of the symmetry group of a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Tensor

from solvers.pytorch.symmetry.component import Component, Tensors, Value


@final
class Element:
    r"""A word of factors, each an element of one component; the first factor acts last.

    Products are words one behind the other and inverses are words of inverses in reverse, so that the group laws hold
    however the components interact; neighbours of one component are multiplied out.

    Parameters
    ----------
    factors: pairs of a component and one of its elements.
    """

    def __init__(self, factors: tuple[tuple[Component, Value], ...] = ()) -> None:
        merged: list[tuple[Component, Value]] = []
        for component, value in factors:
            if merged and merged[-1][0] is component:
                merged[-1] = (component, component.compose(merged[-1][1], value))
            else:
                merged.append((component, value))
        self.factors = tuple(merged)

    def __matmul__(self, other: Element) -> Element:
        """The product: first the other, then this."""
        return self.compose(other)

    def compose(self, other: Element) -> Element:
        """The product: first the other, then this."""
        return Element(self.factors + other.factors)

    def inverse(self) -> Element:
        """The element that undoes this one."""
        return Element(tuple((component, component.inverse(value)) for component, value in reversed(self.factors)))

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that it may change."""
        return tuple(dict.fromkeys(name for component, _ in self.factors for name in component.tensors))

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors that it needs."""
        return tuple(dict.fromkeys(name for component, _ in self.factors for name in component.reads))

    def transform(self, tensors: Tensors) -> dict[str, Tensor]:
        """All tensors, those that the element changes replaced; differentiable."""
        moved: dict[str, Tensor] = dict(tensors)
        for component, value in reversed(self.factors):
            moved |= component.transform(moved, value)
        return moved

    def changes(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors that the element changes, changed."""
        moved = self.transform(tensors)
        return {name: moved[name] for name in self.tensors}

    def __repr__(self) -> str:
        return f"Element({', '.join(f'{component.name}: {component.group}' for component, _ in self.factors)})"
