"""The loss of a module as an objective of this package: flat vectors in double precision, exact products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from solvers.objective import Objective
from solvers.pytorch.meters.flat import Parameters
from solvers.pytorch.meters.functional import Loss
from solvers.pytorch.teleporting.batches import read_batches
from solvers.pytorch.teleporting.measured_loss import MeasuredLoss, Product
from symmetries.actions.parameter_space import FloatArray, ParameterSpace


@final
class ModuleObjective(Objective):
    r"""The mean loss of a module over batches, as a function of its trainable parameters in one vector.

    Use :func:`module_objective`.

    Parameters
    ----------
    loss: of the module.
    """

    def __init__(self, loss: MeasuredLoss) -> None:
        super().__init__(ParameterSpace({name: tuple(one.shape) for name, one in loss.parameters.items()}))
        self.measured = loss
        self.ledger = loss.ledger
        self._beside: Parameters = {}
        self._keeps_graphs = False
        self._product: tuple[FloatArray, Product] | None = None

    @contextmanager
    def keeping_graphs(self) -> Iterator[None]:
        """Products at the point of the last gradient use its graph, where one batch is measured on one process."""
        self._keeps_graphs = len(self.measured.batches) == 1 and self.measured.ranks.size == 1
        try:
            yield
        finally:
            self._keeps_graphs, self._product = False, None

    def set_beside(self, tensors: Mapping[str, Tensor]) -> None:
        """Evaluate with these buffers from now on, such as statistics that a group moves with the parameters.

        Parameters
        ----------
        tensors: by name; parameters among them do not matter, and buffers that are missing are those of the module.
        """
        self._product = None
        self._beside = {name: one for name, one in tensors.items() if name not in self.space.shapes}

    def vector(self, parameters: Mapping[str, Tensor] | None = None) -> FloatArray:
        """Parameters by name in one vector; those of the module by default."""
        given = self.measured.parameters if parameters is None else parameters
        flat = torch.cat([given[name].detach().reshape(-1) for name in self.space.shapes])
        return np.asarray(flat.to("cpu", torch.float64).numpy())

    def parameters(self, w: FloatArray) -> Parameters:
        """A vector as parameters by name, in the precision of the evaluations and on the device of the module."""
        vector = torch.from_numpy(np.ascontiguousarray(w)).to(self.measured.device, self.measured.dtype)
        return self.measured.flat.split(vector)

    def _tensors(self, w: FloatArray) -> Parameters:
        """The parameters, and the buffers beside them."""
        return {**self._beside, **self.parameters(w)}

    def _value(self, w: FloatArray) -> float:
        self.ledger.count(values=-1)  # the loss counts it
        return self.measured.value(self._tensors(w))

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        self.ledger.count(gradients=-1)
        if not self._keeps_graphs:
            value, gradient = self.measured.value_and_gradient(self._tensors(w))
            return value, self.vector(gradient)
        self._product = None
        value, gradient, product = self.measured.gradient_and_products(self._tensors(w))
        self._product = w.copy(), product
        return value, self.vector(gradient)

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        self.ledger.count(hvps=-1)
        if self._product is not None and np.array_equal(self._product[0], w):
            return self.vector(self._product[1](self.parameters(v)))
        return self.vector(self.measured.hvp(self._tensors(w), self.parameters(v)))


def module_objective(
    module: nn.Module, loss_fn: Loss, batch: Any, *, dtype: torch.dtype | None = torch.float64
) -> ModuleObjective:
    r"""The loss of a module on one or several batches, with exact gradients and Hessian-vector products.

    The module is left bit for bit as it was; its copy is evaluated in double precision, without autocast.  What is
    found is written back by ``torch.nn.utils.vector_to_parameters``, or by a :class:`~solvers.pytorch.Teleporter`.

    Parameters
    ----------
    module: with trainable parameters, which are the variables, in the order of ``named_parameters``.
    loss_fn: function of outputs and targets, with one number as its value.
    batch: a pair of inputs and targets, or a list of pairs; the inputs are a tensor, a tuple of positional or a dict of
        named arguments.
    dtype: precision of the evaluations; None is that of the module, at least single.

    Raises
    ------
    InputError: there are no trainable parameters, the loss is no scalar, the batch is no pair.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> objective = module_objective(layer, nn.functional.mse_loss, (torch.eye(2), torch.zeros(2, 1)))
    >>> value, gradient = objective.value_and_grad([3.0, 4.0])
    >>> value, gradient.tolist(), objective.hvp([3.0, 4.0], [1.0, 0.0]).tolist()
    (12.5, [3.0, 4.0], [1.0, 0.0])
    """
    return ModuleObjective(MeasuredLoss(module, loss_fn, read_batches(batch), dtype=dtype))
