r"""Covectors, squares and vectors carried along by a group element: :math:`J^{-T}m`, :math:`(J^{-T})^{\circ 2}v`, ...

J is the Jacobian of the action of the element where the module is; its dual is taken from the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, final

import numpy as np
import torch
from torch import Tensor

from solvers.pytorch.symmetry.element import Element
from solvers.pytorch.symmetry.scalings import Scalings, Signs

Carry: TypeAlias = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]

PROBES = 32
"""Random signs from which squares are estimated where J mixes entries."""


@final
class Carrier:
    r"""The dual of an element's action on the tensors of a module.

    Parameters
    ----------
    element: g, of the symmetry group of the module.
    tensors: parameters and buffers by name, where g acts.

    >>> from solvers.pytorch.symmetry.legs import Leg
    >>> from solvers.pytorch.symmetry.scalings import Scalings
    >>> scalings = Scalings("hidden", (Leg(tensor="w", shape=(2, 1), axes=(0,)),), shape=(2,))
    >>> carrier = Carrier(Element(((scalings, torch.tensor([2.0, 4.0]).log()),)), {"w": torch.ones(2, 1)})
    >>> carrier.covector({"w": torch.tensor([[2.0], [2.0]])})["w"].tolist()
    [[1.0], [0.5]]
    >>> carrier.square({"w": torch.tensor([[4.0], [16.0]])}, rng=0)["w"].tolist()
    [[1.0], [1.0]]
    """

    def __init__(self, element: Element, tensors: Mapping[str, Tensor]) -> None:
        self._back, self._forth = element.inverse(), element
        self._tensors = {name: one.detach() for name, one in tensors.items()}
        self._is_affine = not any(leg.frame for component, _ in element.factors for leg in component.legs)
        self._is_diagonal = all(
            isinstance(component, Scalings | Signs) and not any(leg.length for leg in component.legs)
            for component, _ in element.factors
        )

    def covector(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        r"""Gradients at g.w from gradients at w, :math:`J^{-T}m`; differentiable in the element and the values.

        Parameters
        ----------
        values: tensors of the shapes of the parameters, by name; what is missing counts as zero and is not carried.
        """
        moving = {name: self._tensors[name] for name in self._back.reads}
        if self._is_diagonal:
            given = {**moving, **{name: one for name, one in values.items() if name in moving}}
            moved = self._back.transform(given)
            return {**values, **{name: moved[name] for name in moving if name in values}}
        if not self._is_affine:
            moving = self._forth.transform(moving)  # the Jacobian of the way back where it starts
        leaves = {name: one.detach().requires_grad_() for name, one in moving.items() if name in values}
        with torch.enable_grad():
            moved = self._back.transform({**moving, **leaves})
            ends = [name for name in leaves if moved[name].requires_grad]
            found = torch.autograd.grad(
                [moved[name] for name in ends],
                list(leaves.values()),
                [values[name] for name in ends],
                create_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
        return {**values, **dict(zip(leaves, found, strict=True))}

    def vector(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Displacements at g.w from displacements at w, J times them."""
        moving = {name: self._tensors[name] for name in self._forth.reads}
        at = {name: one.to(values[name].dtype) if name in values else one for name, one in moving.items()}
        along = {name: values.get(name, torch.zeros_like(one)) for name, one in at.items()}
        moved = torch.func.jvp(self._forth.transform, (at,), (along,))[1]
        return {**values, **{name: moved[name] for name in moving if name in values}}

    def point(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The point g.w of a point w."""
        return self._forth.transform(values)

    def square(self, values: Mapping[str, Tensor], *, rng: int) -> dict[str, Tensor]:
        r"""Squares of covectors, entry by entry :math:`(J^{-T})^{\circ 2}v`.

        With random signs r it is the mean of :math:`(J^{-T}(r\sqrt v))^2`: exact from one draw where each row of J has
        one entry (scalings, permutations, signs), an unbiased estimate elsewhere.

        Parameters
        ----------
        values: non-negative tensors by name.
        rng: seed of the signs.
        """
        return self._squared(values, np.random.default_rng(rng), self.covector)

    def vector_square(self, values: Mapping[str, Tensor], *, rng: int) -> dict[str, Tensor]:
        r"""Squares of displacements, :math:`J^{\circ 2}v`."""
        return self._squared(values, np.random.default_rng(rng), self.vector)

    def _squared(self, values: Mapping[str, Tensor], rng: np.random.Generator, carry: Carry) -> dict[str, Tensor]:
        """The mean over signs; one draw when another one gives the same."""
        roots = {name: one.clamp_min(0).sqrt() for name, one in values.items()}

        def draw() -> dict[str, Tensor]:
            """The squares for one draw of signs."""
            moved = carry({name: one * _signs(one, rng) for name, one in roots.items()})
            return {name: moved[name].square() for name in values}

        first, second = draw(), draw()
        if all(torch.allclose(first[name], second[name], rtol=1e-4, atol=0.0) for name in values):
            return first
        total = {name: first[name] + second[name] for name in values}
        for _ in range(PROBES - 2):
            more = draw()
            total = {name: total[name] + more[name] for name in values}
        return {name: one / PROBES for name, one in total.items()}


def _signs(like: Tensor, rng: np.random.Generator) -> Tensor:
    """Random signs of a shape."""
    return torch.from_numpy(rng.choice([-1.0, 1.0], size=tuple(like.shape))).to(like)
