"""Products of the Hessian of a module's loss with vectors."""

from __future__ import annotations

import time
from typing import Any, final

import torch

from solvers.cost import Cost
from solvers.pytorch.meters.failing_layer import REFUSALS, failing_layer
from solvers.pytorch.meters.functional import FunctionalLoss
from solvers.pytorch.meters.second_derivatives import (
    attempt_second_derivative,
    custom_functions,
    difference_of_gradients,
    gradient_of,
)

MOST_AT_ONCE = 16
NUMBERS_AT_ONCE = 2**22


@final
class HessianProducts:
    r"""The products :math:`Hv`, :math:`H = \nabla^2 L(w)`, at the parameters of a module.

    Reverse mode runs through the gradient, whose graph is built once.  Where a layer has no second derivative, or loses
    it in a backward that is written by hand, the product is the central difference of gradients, and the evidence names
    the layer.

    Parameters
    ----------
    loss: the loss of a module.
    chunk: vectors multiplied at once; by default sixteen, and fewer for more than 260,000 parameters.

    >>> layer = torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)
    >>> batch = torch.tensor([[1.0, 3.0]], dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    >>> products = HessianProducts(FunctionalLoss(layer, torch.nn.functional.mse_loss, batch))
    >>> products(torch.eye(2, dtype=torch.float64)).tolist()
    [[2.0, 6.0], [6.0, 18.0]]
    """

    def __init__(self, loss: FunctionalLoss, *, chunk: int | None = None) -> None:
        self.loss = loss
        self.size, self.dtype, self.device = loss.flat.size, loss.flat.dtype, loss.flat.device
        self.evidence: dict[str, Any] = {"products": "reverse mode twice", "loss": loss.value}
        self.chunk = max(1, min(MOST_AT_ONCE, NUMBERS_AT_ONCE // self.size)) if chunk is None else chunk
        self._began = time.perf_counter()
        self._cost = Cost(values=1, gradients=1)
        self._leaf = loss.vector.requires_grad_()
        self._slope = torch.zeros_like(self._leaf)
        self._batched = True
        try:
            with torch.enable_grad():
                value = loss.at(self._leaf)
                if value.requires_grad:
                    self._slope = torch.autograd.grad(value, self._leaf, create_graph=True)[0]
            self._exact(torch.ones_like(self._leaf)[None])
            if custom_functions(value):
                attempt_second_derivative(loss.at, loss.vector)
        except torch.OutOfMemoryError:
            raise
        except REFUSALS as error:
            self._differ(error)

    @property
    def cost(self) -> Cost:
        """What the products cost, and the seconds since the start."""
        return self._cost + Cost(seconds=time.perf_counter() - self._began)

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """The products with vectors in rows."""
        return torch.cat([self._some(piece) for piece in vectors.split(self.chunk)])

    def _some(self, vectors: torch.Tensor) -> torch.Tensor:
        """The products with few vectors."""
        if "layer" in self.evidence:
            return torch.stack([self._difference(one) for one in vectors])
        self._cost += Cost(hvps=len(vectors))
        return self._exact(vectors)

    def _exact(self, vectors: torch.Tensor) -> torch.Tensor:
        """The products by reverse mode through the gradient."""
        if not self._slope.requires_grad:
            return torch.zeros_like(vectors)
        options: dict[str, Any] = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
        if self._batched and len(vectors) > 1:
            try:
                return torch.autograd.grad(self._slope, self._leaf, vectors, is_grads_batched=True, **options)[0]
            except torch.OutOfMemoryError:
                raise
            except REFUSALS as error:
                self._batched = False
                self.evidence.update({"vectorised": False, "reason": first_line(error)})
        return torch.stack([torch.autograd.grad(self._slope, self._leaf, one, **options)[0] for one in vectors])

    def _differ(self, error: Exception) -> None:
        """Go over to differences of gradients."""
        layer = failing_layer(self.loss, attempt_second_derivative)
        self.evidence.update(
            {"products": "central differences of gradients", "layer": layer, "reason": first_line(error)}
        )

    def _difference(self, vector: torch.Tensor) -> torch.Tensor:
        """The product by a central difference."""
        self._cost += Cost(gradients=2)
        return difference_of_gradients(lambda at: gradient_of(self.loss.at, at), self._leaf.detach(), vector)


def first_line(error: Exception) -> str:
    """The first line of an error's message.

    >>> first_line(ValueError())
    'ValueError'
    """
    return str(error).splitlines()[0] if str(error) else type(error).__name__
