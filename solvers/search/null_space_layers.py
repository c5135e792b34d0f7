r"""Null spaces of the inputs of layers: the changes of the weights that a batch does not see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, final, runtime_checkable

import numpy as np

from manifolds.errors import InputError
from solvers.objective import LossObjective, Objective
from solvers.search.formula_layers import layer_inputs
from solvers.search.level_set_constraint import TangentSpace
from symmetries.actions.parameter_space import FloatArray, ParameterSpace


@runtime_checkable
class Layered(Protocol):
    """An objective whose parameters are matrices W1, ..., WL and perhaps biases b1, ..., bL of layers W h + b.

    The layers may do anything between: all that is asked for are the inputs h of each on the batch.
    """

    space: ParameterSpace

    def layer_inputs(self, w: FloatArray) -> list[FloatArray]:
        """The inputs of the layers, one column a sample."""


@final
@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer: where its parameters are, and the directions of its inputs that count.

    Parameters
    ----------
    name: of its matrix.
    start: index of the first entry of the matrix in the vector of parameters.
    outputs, inputs: its shape.
    bias: index of the first entry of the bias, which counts as an input that is one; None without bias.
    basis: of the span of the leading left singular vectors of the inputs, orthonormal, in columns.
    share: the share of the squared singular values that they carry.
    samples: number of columns of the inputs.
    from_right: whether the matrix is the right factor, as in h W: then its rows are the inputs.
    """

    name: str
    start: int
    outputs: int
    inputs: int
    bias: int | None
    basis: FloatArray
    share: float
    samples: int
    from_right: bool = False

    @property
    def width(self) -> int:
        """Number of inputs, the bias included."""
        return self.inputs + (self.bias is not None)

    @cached_property
    def unseen(self) -> FloatArray:
        """An orthonormal basis of the directions that do not count, in columns."""
        rank = self.basis.shape[1]
        if rank == self.width:
            return np.zeros((rank, 0))
        return np.linalg.qr(self.basis, mode="complete").Q[:, rank:]

    def keep(self, vector: FloatArray, part: FloatArray) -> None:
        r"""Write the layer's :math:`D(I-BB^T)`, for its part D of a vector, into another one."""
        end = self.start + self.outputs * self.inputs
        shape = (self.inputs, self.outputs) if self.from_right else (self.outputs, self.inputs)
        block = vector[self.start : end].reshape(shape)
        block = block.T if self.from_right else block
        rows = block if self.bias is None else np.column_stack([block, vector[self.bias : self.bias + self.outputs]])
        rank = self.basis.shape[1]
        is_thin = 2 * rank > self.width
        rows = (rows @ self.unseen) @ self.unseen.T if is_thin else rows - (rows @ self.basis) @ self.basis.T
        matrix = rows[:, : self.inputs]
        part[self.start : end] = (matrix.T if self.from_right else matrix).ravel()
        if self.bias is not None:
            part[self.bias : self.bias + self.outputs] = rows[:, -1]

    def to_dict(self) -> dict[str, Any]:
        """One line of the rank table, JSON-ready."""
        rank = self.basis.shape[1]
        return {
            "layer": self.name,
            "width": self.width,
            "samples": self.samples,
            "rank": rank,
            "nullity": self.width - rank,
            "free_parameters": self.outputs * (self.width - rank),
            "share": self.share,
        }


@final
class NullSpaces(TangentSpace):
    r"""The product over layers of the changes D with :math:`D B = 0`.

    When B spans all inputs of a layer, its outputs on the batch do not change, hence neither do the inputs of the next:
    one singular value decomposition a layer serves a whole search.

    Parameters
    ----------
    layers: the layers with their subspaces, as :meth:`of` reads them.

    >>> from solvers.network import Network
    >>> network = Network(widths=(4, 3, 1), inputs=np.eye(4)[:, :2], targets=np.ones((1, 2)), loss="squared")
    >>> spaces = NullSpaces.of(network, network.initial(0))
    >>> [(line["layer"], line["width"], line["rank"], line["nullity"]) for line in spaces.table()]
    [('W1', 4, 2, 2), ('W2', 3, 2, 1)]

    Source: C. Wu, J. Dong, O. Aloui, V. Tarokh, "Teleportation With Null Space Gradient Projection for Optimization
    Acceleration" (2025), arXiv:2502.11362.
    """

    name = "null spaces"

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self.layers = layers

    @classmethod
    def of(cls, objective: Objective, w: FloatArray, *, energy: float = 1.0) -> NullSpaces:
        """The null spaces of an objective's layers.

        Parameters
        ----------
        objective: with the inputs of its layers.
        w: where they are taken, shape (n,).
        energy: the share of the squared singular values that B has to carry; 1 is the numerical rank.

        Raises
        ------
        InputError: the objective is not layered.
        """
        return cls(_read_layers(objective, w, energy))

    @property
    def dimension(self) -> int:
        """Number of free parameters."""
        return sum(layer.outputs * (layer.width - layer.basis.shape[1]) for layer in self.layers)

    def project(self, vector: FloatArray) -> FloatArray:
        """The part of a vector that the batch does not see, layer by layer; parameters of no layer do not move."""
        part = np.zeros_like(vector)
        for layer in self.layers:
            layer.keep(vector, part)
        return part

    def table(self) -> list[dict[str, Any]]:
        """Width, rank and nullity of every layer."""
        return [layer.to_dict() for layer in self.layers]


def _read_layers(objective: Objective, w: FloatArray, energy: float) -> tuple[Layer, ...]:
    """The layers of an objective with the singular vectors of their inputs."""
    if isinstance(objective, LossObjective):
        return _formula_layers(objective, w, energy)
    if not isinstance(objective, Layered):
        raise _not_layered(f"an objective of the type {type(objective).__name__}")
    places = _places(objective.space)
    inputs = objective.layer_inputs(w)
    layers = []
    for m, hidden in enumerate(inputs, start=1):
        if f"W{m}" not in places or places[f"W{m}"][1][1:] != (hidden.shape[0],):
            raise _not_layered(f"the parameter 'W{m}'")
        start, (outputs, width) = places[f"W{m}"]
        bias = places[f"b{m}"][0] if f"b{m}" in places else None
        rows = hidden if bias is None else np.vstack([hidden, np.ones(hidden.shape[1])])
        basis, share = leading_subspace(rows, energy=energy)
        layers.append(
            Layer(
                name=f"W{m}",
                start=start,
                outputs=outputs,
                inputs=width,
                bias=bias,
                basis=basis,
                share=share,
                samples=hidden.shape[1],
            )
        )
    return tuple(layers)


def _formula_layers(objective: LossObjective, w: FloatArray, energy: float) -> tuple[Layer, ...]:
    """The layers of a declared loss: its parameters that enter through products alone."""
    places, layers = _places(objective.space), []
    for name, (inputs, from_right) in layer_inputs(objective, w).items():
        start, shape = places[name]
        basis, share = leading_subspace(inputs, energy=energy)
        layers.append(
            Layer(
                name=name,
                start=start,
                outputs=shape[1] if from_right else shape[0],
                inputs=inputs.shape[0],
                bias=None,
                basis=basis,
                share=share,
                samples=inputs.shape[1],
                from_right=from_right,
            )
        )
    if not layers:
        raise _not_layered("a loss in which no matrix enters through products W @ h or h @ W alone")
    return tuple(layers)


def leading_subspace(rows: FloatArray, *, energy: float) -> tuple[FloatArray, float]:
    r"""An orthonormal basis of the span of the fewest left singular vectors that carry a share, and that share.

    The share is of :math:`\sum_i\sigma_i^2`.  Columns that are independent beyond rounding, all of which count, span
    what their singular vectors do, so that a QR factorisation is enough.

    Parameters
    ----------
    rows: a matrix of shape (d, n).
    energy: the share; 1 takes every singular value above rounding, :math:`\sigma_1\max(d,n)u`.

    >>> basis, share = leading_subspace(np.diag([3.0, 1.0, 0.0]), energy=0.85)
    >>> basis.shape, round(share, 12)
    ((3, 1), 0.9)
    """
    if energy >= 1 and 0 < rows.shape[1] < rows.shape[0]:
        basis, triangle = np.linalg.qr(rows)
        values = np.linalg.svd(triangle, compute_uv=False)
        if values[-1] > values[0] * max(rows.shape) * np.finfo(float).eps:
            return basis, 1.0
    vectors, values, _ = np.linalg.svd(rows, full_matrices=False)
    numerical = int((values > values.max(initial=0.0) * max(rows.shape) * np.finfo(float).eps).sum())
    if not numerical:
        return vectors[:, :0], 1.0
    shares = np.cumsum(values[:numerical] ** 2) / np.sum(values[:numerical] ** 2)
    rank = numerical if energy >= 1 else min(numerical, int(np.searchsorted(shares, energy)) + 1)
    return vectors[:, :rank], float(shares[rank - 1])


def _places(space: ParameterSpace) -> dict[str, tuple[int, tuple[int, ...]]]:
    """The index of the first entry and the shape of every parameter."""
    places, first = {}, 0
    for name, shape in space.shapes.items():
        places[name] = first, tuple(shape)
        first += int(np.prod(shape))
    return places


def _not_layered(what: str) -> InputError:
    """The error of an objective without layers."""
    return InputError(
        what,
        why="null-space moves need layers: matrices that enter through products with inputs alone",
        cure='use a solvers.network.Network, a loss such as "sum((Y - W2@tanh(W1@X))**2)", or along="level-set"',
    )
