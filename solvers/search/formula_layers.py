r"""The layers of a loss that is a formula: parameters that enter only through products :math:`Wh` or :math:`hW`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from solvers.objective import LossObjective
from symmetries import Loss
from symmetries.actions.parameter_space import FloatArray
from symmetries.compiled import Tape
from symmetries.expression import Node, walk


@final
@dataclass(frozen=True)
class Product:
    """One product of a matrix parameter with what stands beside it.

    Parameters
    ----------
    name: of the parameter.
    factor: the other factor.
    from_right: whether the parameter is the right one, as in h W.
    """

    name: str
    factor: Node
    from_right: bool

    def columns(self, value: FloatArray) -> FloatArray:
        """The inputs of the layer, one column a sample."""
        if value.ndim == 1:
            return value[:, None]
        return value.T if self.from_right else value


def layer_products(loss: Loss) -> dict[str, tuple[Product, ...]]:
    """The matrix parameters that enter the loss through products alone, each with its products.

    When W h and h stay for all of them, every value in the formula stays.  A parameter that is used in another way (its
    norm, its transpose, an entry) is no layer: the batch sees all of it.  Of two parameters that multiply each other
    the first declared is none either: it must stay for the other's inputs to stay.

    >>> from symmetries import Loss
    >>> shapes = {"W1": (3, 2), "W2": (1, 3), "c": ()}
    >>> loss = Loss.parse("sum((Y - W2@tanh(W1@X) - c)**2)", shapes, data={"X": (2, 4), "Y": (1, 4)})
    >>> sorted(layer_products(loss))
    ['W1', 'W2']
    """
    matrices = {name for name, shape in loss.parameters.items() if len(shape) == 2}
    products: dict[str, list[Product]] = {name: [] for name in matrices}
    for node in walk(loss.expression):
        for place, argument in enumerate(node.arguments):
            if argument.operation != "symbol" or argument.payload not in products:
                continue
            name, other = str(argument.payload), node.arguments[1 - place] if len(node.arguments) == 2 else None
            if node.operation == "matmul" and other is not None and not _depends(other, name):
                products[name].append(Product(name, other, from_right=place == 1))
            else:
                del products[name]
    layers = {name: tuple(products[name]) for name in loss.parameters if _one_side(products.get(name, []))}
    for name in loss.parameters:
        if any(one.factor.payload == name for found in layers.values() for one in found if _is_symbol(one.factor)):
            layers.pop(name, None)
    return layers


def layer_inputs(objective: LossObjective, w: FloatArray) -> dict[str, tuple[FloatArray, bool]]:
    """For each layer its inputs at a point, one column a sample, and whether it multiplies from the right.

    Parameters
    ----------
    objective: of a loss.
    w: the point, shape (n,).
    """
    assert objective.loss is not None
    values = {**objective.space.split(w), **objective.data}
    found: dict[str, tuple[FloatArray, bool]] = {}
    with np.errstate(all="ignore"):
        for name, products in layer_products(objective.loss).items():
            parts = [one.columns(np.asarray(Tape(one.factor, ()).values(values)[-1])) for one in products]
            found[name] = np.concatenate(parts, axis=1), products[0].from_right
    return found


def _one_side(products: list[Product]) -> bool:
    """Whether there are products, with the parameter on the same side in all of them."""
    return len({one.from_right for one in products}) == 1


def _is_symbol(node: Node) -> bool:
    """Whether an expression is a name."""
    return node.operation == "symbol"


def _depends(node: Node, name: str) -> bool:
    """Whether an expression contains a parameter."""
    return any(one.operation == "symbol" and one.payload == name for one in walk(node))
