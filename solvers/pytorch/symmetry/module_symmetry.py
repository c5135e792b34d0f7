"""The symmetry group of a PyTorch module: all elements keep the function that the module computes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, final

import networkx as nx
import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.pytorch.symmetry.component import Component, Tensors
from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.hidden_space import HiddenSpace
from symmetries.arguments import read_generator
from symmetries.certificate import Certificate


@final
@dataclass(frozen=True, kw_only=True)
class ModuleSymmetry:
    r"""A group G with :math:`f(x; g\cdot w) = f(x; w)` for every input x.

    It is what :func:`~solvers.pytorch.symmetries_of` returns; a symmetry known by hand is made from its components.

    Parameters
    ----------
    module: whose parameters w are acted on.
    spaces: the hidden spaces, each with its group.
    notes: operations that lowered the claim, in words.
    approximate: symmetries that hold only approximately, with their defects; no part of the group.
    certificate: how the group was checked.

    >>> from solvers.pytorch.symmetry.legs import Leg
    >>> from solvers.pytorch.symmetry.scalings import Scalings
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> legs = (Leg(tensor="0.weight", shape=(3, 2), axes=(0,)), Leg(tensor="0.bias", shape=(3,), axes=(0,)),
    ...         Leg(tensor="2.weight", shape=(1, 3), axes=(1,), exponent=-1))
    >>> space = HiddenSpace(name="0", size=3, components=(Scalings("0", legs, shape=(3,)),))
    >>> symmetry = ModuleSymmetry(module=net, spaces=(space,))
    >>> x, before = torch.ones(1, 2), net(torch.ones(1, 2))
    >>> symmetry.apply_(symmetry.random_element(0))
    >>> symmetry.dimension, bool(torch.allclose(net(x), before))
    (3, True)
    """

    module: nn.Module
    spaces: tuple[HiddenSpace, ...]
    notes: tuple[str, ...] = ()
    approximate: tuple[Any, ...] = ()
    certificate: Certificate | None = None

    @property
    def components(self) -> tuple[Component, ...]:
        """The factors of the group, space by space."""
        return tuple(component for space in self.spaces for component in space.components)

    @property
    def dimension(self) -> int:
        """Dimension of the group: the number of Lie algebra coordinates."""
        return sum(space.dimension for space in self.spaces)

    coordinates = dimension

    @property
    def discrete_order(self) -> int:
        """Number of its connected components."""
        return prod(space.discrete_order for space in self.spaces)

    @property
    def group(self) -> str:
        """The groups of the spaces, as a product."""
        return " x ".join(space.group for space in self.spaces if space.components) or "1"

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """Names of the tensors on which the group acts."""
        return tuple(dict.fromkeys(name for space in self.spaces for name in space.tensors))

    def identity(self) -> Element:
        """The neutral element."""
        return Element()

    def element(self, coordinates: Tensor) -> Element:
        r"""The element :math:`\prod_c\exp(\xi_c)` of Lie algebra coordinates, differentiable in them.

        Parameters
        ----------
        coordinates: shape (dimension,), component after component in their order.

        Raises
        ------
        InputError: their number is wrong.
        """
        if coordinates.shape != (self.dimension,):
            raise InputError(
                f"coordinates of the shape {list(coordinates.shape)}",
                why=f"the Lie algebra has the dimension {self.dimension}",
                cure=f"give a tensor of the shape [{self.dimension}]",
            )
        continuous = [component for component in self.components if component.dimension]
        parts = coordinates.split([component.dimension for component in continuous])
        return Element(
            tuple((component, component.exponential(part)) for component, part in zip(continuous, parts, strict=True))
        )

    def random_element(self, rng: Any = 0, *, scale: float = 1.0, discrete: bool = True) -> Element:
        """A random element.

        Parameters
        ----------
        rng: seed or NumPy generator.
        scale: bound of the logarithm of each continuous component.
        discrete: whether permutations and signs take part.
        """
        generator = read_generator(rng)
        chosen = [component for component in self.components if discrete or component.dimension]
        return Element(tuple((component, component.random(generator, scale=scale)) for component in chosen))

    def tensors(self) -> dict[str, Tensor]:
        """The parameters and buffers of the module that the group moves or reads, by name."""
        needed = dict.fromkeys(name for component in self.components for name in component.reads)
        named = dict(self.module.named_parameters()) | dict(self.module.named_buffers())
        missing = [name for name in needed if name not in named]
        if missing:
            raise InputError(
                f"the module has no tensor {missing[0]!r}",
                why="its symmetry was found when it had one: the module was changed since",
                cure="find the symmetry again with `symmetries_of`",
            )
        return {name: named[name] for name in needed}

    def apply_(self, element: Element) -> None:
        r"""Move the parameters of the module to :math:`g\cdot w`, in place; the function stays the same.

        Storage and identity of the tensors stay, so that optimizers and compiled models go on; gradients do not move.

        Parameters
        ----------
        element: of this group.

        Raises
        ------
        InputError: a parameter would become infinite or NaN, or it acts in multiples of the entries of a vector some of
            which are zero by now; nothing is changed then.
        """
        with torch.no_grad():
            tensors = self.tensors()
            for name in dict.fromkeys(name for component, _ in element.factors for name in component.frames):
                _require_frame(name, tensors[name])
            changes = element.changes(tensors)
            for name, moved in changes.items():
                if moved.is_floating_point() and not bool(torch.isfinite(moved).all()):
                    raise InputError(
                        f"the element moves {name!r} to infinity or NaN",
                        why="it is too far from the identity for the precision of the module",
                        cure="take an element of smaller logarithm",
                    )
            for name, moved in changes.items():
                tensors[name].copy_(moved)

    def transformed(self, parameters: Tensors, coordinates: Tensor) -> dict[str, Tensor]:
        r"""All of the given tensors at :math:`\exp(\xi)\cdot w`, as new tensors; differentiable in both arguments.

        Parameters
        ----------
        parameters: tensors by name, as ``torch.func.functional_call`` takes them; buffers that the group moves and
            that are not given are those of the module.
        coordinates: shape (dimension,).
        """
        element = self.element(coordinates)
        absent = [name for name in element.reads if name not in parameters]
        tensors = dict(parameters)
        if absent:
            own = self.tensors()
            tensors |= {name: own[name] for name in absent}
        return element.transform(tensors)

    def table(self) -> str:
        """The spaces as a readable table, with notes and approximate symmetries below."""
        header = ("space", "size", "group", "dimension", "acts on")
        rows = [
            (space.name, str(space.size), space.group, str(space.dimension), ", ".join(space.tensors))
            for space in self.spaces
        ]
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(4)]
        widths.append(0)
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (header, *rows)
        ]
        total = f"dimension {self.dimension}"
        below = [f"note: {note}" for note in self.notes] + [f"approximate: {one}" for one in self.approximate]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], total, *below])

    @property
    def graph(self) -> nx.Graph:
        """Spaces and tensors as nodes (``kind``), joined where a group acts on a tensor."""
        graph = nx.Graph()
        for space in self.spaces:
            graph.add_node(space.name, kind="space", size=space.size, group=space.group, dimension=space.dimension)
            for name in space.tensors:
                graph.add_node(("tensor", name), kind="tensor", label=name)
                graph.add_edge(space.name, ("tensor", name))
        return graph


def _require_frame(name: str, vector: Tensor) -> None:
    """Refuse a vector with entries so near to zero that quotients by them tell nothing."""
    sizes = vector.abs().double()
    limit = torch.finfo(torch.promote_types(vector.dtype, torch.float32)).eps ** 0.5
    if vector.numel() and not bool(sizes.amin() > limit * sizes.amax()):
        raise InputError(
            f"{name!r} has entries that are zero, nearly zero or not finite",
            why="the element acts on other tensors in multiples of its entries, which were further from zero",
            cure="find the symmetry again with `symmetries_of`: it holds such weights where they are",
        )
