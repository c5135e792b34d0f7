r"""Actions on networks that depend on their inputs: they keep the outputs on given data and nothing else.

For inputs X, weights W_1, ..., W_L and an activation s, put z_m = W_m h_{m-1}, h_m = s(z_m), h_0 = X.  An element g_m
of GL(d_m) acts on the hidden states, h_m -> g_m h_m, or on the pre-activations, z_m -> g_m z_m; the weights follow so
that all later layers see what they saw before.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.action import GroupAction
from symmetries.actions.activations import Activation
from symmetries.actions.parameter_space import FloatArray
from symmetries.actions.representations import block_bases
from symmetries.arguments import read_generator

if TYPE_CHECKING:
    from symmetries.loss import Loss

AnyArray: TypeAlias = np.ndarray[Any, Any]
Elements: TypeAlias = tuple[FloatArray, ...]

STEP = 1e-100
"""Imaginary step of derivatives: it leaves real parts as they are, and imaginary parts are linear in it."""

SMALLEST = 1e-11
"""Ratio of extreme singular values below which a hidden state is said to lack rank."""


class NetworkAction(GroupAction):
    r"""An action of :math:`\prod_m GL(d_m)` on the weights of a network with given inputs.

    Parameters
    ----------
    loss: a loss whose parameters are the weights W_1, ..., W_L, in order.
    inputs: X, shape (d_0, n), one column a sample.
    activation: the activation function.
    domain: where the action is defined.
    """

    def __init__(self, loss: Loss, *, inputs: Any, activation: Activation, domain: str) -> None:
        from manifolds import GeneralLinear

        self.activation = activation
        self.inputs = np.asarray(inputs, dtype=float)
        self.groups = tuple(GeneralLinear(shape[0]) for shape in list(loss.parameters.values())[:-1])
        super().__init__(loss, dimension=sum(group.dimension for group in self.groups), domain=domain)

    @property
    def identity(self) -> Elements:
        """The identity matrices."""
        return tuple(group.identity for group in self.groups)

    def exp(self, t: Any) -> Elements:
        """The exponentials, one for each hidden layer."""
        return tuple(group.exp(x) for group, x in zip(self.groups, self._algebra(self.coordinates(t)), strict=True))

    def _algebra(self, t: FloatArray) -> list[FloatArray]:
        """Lie algebra matrices, one for each hidden layer."""
        parts, start = [], 0
        for group in self.groups:
            parts.append(group.combine(t[start : start + group.dimension]))
            start += group.dimension
        return parts

    def compose(self, g: Any, h: Any) -> Elements:
        """The products, layer by layer."""
        pairs = zip(self.groups, self._checked(g), self._checked(h), strict=True)
        return tuple(group.compose(left, right) for group, left, right in pairs)

    def inverse(self, g: Any) -> Elements:
        """The inverses, layer by layer."""
        return tuple(group.inverse(one) for group, one in zip(self.groups, self._checked(g), strict=True))

    def _is_coordinates(self, g_or_t: Any) -> bool:
        if isinstance(g_or_t, tuple | list) and any(np.ndim(part) == 2 for part in g_or_t):
            return False
        return super()._is_coordinates(g_or_t)

    def representation(self) -> FloatArray | None:
        """The matrix units of all hidden layers in the blocks of one matrix."""
        return block_bases(self.groups)

    @abstractmethod
    def _moved(self, g: Sequence[AnyArray], weights: Sequence[AnyArray]) -> list[AnyArray]:
        """The new weights, analytic in all arguments."""

    def _act(self, g: Any, w: FloatArray) -> FloatArray:
        elements = self._checked(g)
        if w.ndim > 1:
            return np.array([self._act(elements, row) for row in w]).reshape(w.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            return _joined(self._moved(elements, self._weights(w)))

    def _fields(self, w: FloatArray) -> FloatArray:
        rows = []
        for t in np.eye(self.dimension):
            near = [np.eye(len(x)) + 1j * STEP * x for x in self._algebra(t)]
            rows.append(_joined(self._moved(near, self._weights(w))).imag / STEP)
        return np.array(rows).reshape(self.dimension, self.space.size)

    def _jacobian(self, g: Any, w: FloatArray) -> FloatArray:
        elements = self._checked(g)
        columns = []
        for direction in np.eye(self.space.size):
            near = self._weights(w + 1j * STEP * direction)
            columns.append(_joined(self._moved(elements, near)).imag / STEP)
        return np.array(columns).T

    def _weights(self, w: AnyArray) -> list[AnyArray]:
        return list(self.space.split(w).values())

    def _checked(self, g: Any) -> Elements:
        """The matrices of an element."""
        given = (g,) if isinstance(g, np.ndarray) else g
        if not isinstance(given, tuple | list) or len(given) != len(self.groups):
            raise InputError(
                f"a group element of the type {type(g).__name__}",
                why=f"the network has {len(self.groups)} hidden layers",
                cure=f"give a tuple of {len(self.groups)} invertible matrices, or {self.dimension} coordinates",
            )
        return tuple(
            group.check(one, what=f"g on layer {k + 1}")
            for k, (group, one) in enumerate(zip(self.groups, given, strict=True))
        )


@final
class HiddenStateAction(NetworkAction):
    r"""The action :math:`h_m \mapsto g_m h_m` on the hidden states of a network with a one-to-one activation.

    .. math:: W_m \mapsto \bigl[W_m + (\sigma^{-1}(g_m\sigma(z_m)) - z_m) H_{m-1}\bigr] g_{m-1}^{-1}

    with the left inverse :math:`H_{m-1} = (R_m z_m)^{-1} R_m W_m` of :math:`h_{m-1}`, for fixed matrices R_m of shape
    (n, d_m).  It is a left action on the whole stack; the Moore-Penrose inverse in the place of H is none.

    Parameters
    ----------
    loss, inputs, activation: as for :class:`NetworkAction`; there are no more samples than units in each hidden layer.
    rng: seed of the matrices R_m.

    Source: B. Zhao et al., "Symmetry Teleportation for Accelerated Optimization" (2022), arXiv:2205.10637, section 5;
    the left inverse is ours.
    """

    def __init__(self, loss: Loss, *, inputs: Any, activation: Activation, rng: int | np.random.Generator = 0) -> None:
        low, high = activation.range
        super().__init__(
            loss,
            inputs=inputs,
            activation=activation,
            domain="where every R_m z_m is invertible"
            + ("" if low == -np.inf else f" and g_m s(z_m) stays between {low:g} and {high:g}"),
        )
        if activation.inverse is None:
            raise InputError(
                f"the activation {activation.name!r}",
                why="it is not one-to-one, and the action on hidden states needs its inverse",
                cure="use the action on pre-activations, or leaky_relu, tanh, sigmoid, sinh or softplus",
            )
        self._inverse_activation = activation.inverse
        samples = self.inputs.shape[1]
        generator = read_generator(rng)
        self._projections = []
        for group in self.groups:
            if samples > group.size:
                raise InputError(
                    f"{samples} samples in a network with a hidden layer of {group.size} units",
                    why="the action on hidden states needs a left inverse of each of them",
                    cure=f"give at most {group.size} samples",
                )
            square = generator.standard_normal((group.size, group.size))
            self._projections.append(np.linalg.qr(square)[0][:samples])

    @property
    def projections(self) -> Elements:
        """The matrices R_m, shape (n, d_m)."""
        return tuple(self._projections)

    def _moved(self, g: Sequence[AnyArray], weights: Sequence[AnyArray]) -> list[AnyArray]:
        hidden: AnyArray = self.inputs
        before: AnyArray | None = None
        result = []
        for k, (weight, element) in enumerate(zip(weights, g, strict=False)):
            z = weight @ hidden
            projected = self._projections[k] @ z
            _require_rank(projected, f"the pre-activations of layer {k + 1}")
            left = np.linalg.solve(projected, self._projections[k] @ weight)
            goal = element @ self.activation.value(z)
            self._require_range(goal, k + 1)
            moved = weight + (self._inverse_activation(goal) - z) @ left
            result.append(moved if before is None else moved @ np.linalg.inv(before))
            hidden, before = self.activation.value(z), element
        assert before is not None
        result.append(weights[-1] @ np.linalg.inv(before))
        return result

    def _require_range(self, goal: AnyArray, layer: int) -> None:
        """Refuse hidden states that the activation does not reach."""
        low, high = self.activation.range
        off = max(float((low - goal.real).max()), float((goal.real - high).max()))
        if off >= 0:
            raise InputError(
                f"the group element moves the hidden state of layer {layer} out of the range of {self.activation.name}",
                why=f"an entry is {off:.3g} beyond the interval from {low:g} to {high:g}",
                cure="take an element nearer to the identity",
            )


@final
class PreactivationAction(NetworkAction):
    r"""The action :math:`z_m \mapsto g_m z_m` on the pre-activations of a network with any activation.

    .. math:: W_m \mapsto g_m W_m R(\sigma(z_{m-1}))\, R(\sigma(g_{m-1} z_{m-1}))^{-1}

    where :math:`R(A) = [A, (I - A A^+) E]` completes a matrix of full column rank to an invertible one.

    Parameters
    ----------
    loss, inputs, activation: as for :class:`NetworkAction`; there are no more samples than units in each hidden layer.
    rng: seed of the matrices E.

    Source: B. Zhao et al., "Symmetries, flat minima, and the conserved quantities of gradient flow" (2022),
    arXiv:2210.17216, section 4, for one sample; the completion for a batch is ours.
    """

    def __init__(self, loss: Loss, *, inputs: Any, activation: Activation, rng: int | np.random.Generator = 0) -> None:
        super().__init__(
            loss, inputs=inputs, activation=activation, domain="where the hidden states before and after have full rank"
        )
        samples = self.inputs.shape[1]
        generator = read_generator(rng)
        self._completions = []
        for group in self.groups:
            if samples > group.size:
                raise InputError(
                    f"{samples} samples in a network with a hidden layer of {group.size} units",
                    why="the hidden states must have full column rank",
                    cure=f"give at most {group.size} samples",
                )
            square = generator.standard_normal((group.size, group.size))
            self._completions.append(np.linalg.qr(square)[0][:, : group.size - samples])

    def _moved(self, g: Sequence[AnyArray], weights: Sequence[AnyArray]) -> list[AnyArray]:
        hidden: AnyArray = self.inputs
        right: AnyArray | None = None
        result = []
        for k, weight in enumerate(weights):
            moved = weight if right is None else weight @ right
            if k == len(g):
                result.append(moved)
                break
            z = weight @ hidden
            hidden = self.activation.value(z)
            other = self._completed(self.activation.value(g[k] @ z), k)
            right = np.linalg.solve(other.T, self._completed(hidden, k).T).T
            result.append(g[k] @ moved)
        return result

    def _completed(self, hidden: AnyArray, k: int) -> AnyArray:
        """The invertible matrix whose first columns are the hidden states."""
        _require_rank(hidden, f"the hidden states of layer {k + 1}")
        complement = self._completions[k]
        rest = complement - hidden @ np.linalg.solve(hidden.T @ hidden, hidden.T @ complement)
        whole = np.concatenate([hidden, rest], axis=1)
        _require_rank(whole, f"the completed hidden states of layer {k + 1}")
        return whole


def _joined(weights: Sequence[AnyArray]) -> AnyArray:
    """Weights as one vector."""
    return np.concatenate([weight.ravel() for weight in weights])


def _require_rank(matrix: AnyArray, what: str) -> None:
    """Refuse a matrix without full rank, with the ratio of its singular values."""
    if not np.isfinite(matrix).all():
        raise InputError(
            f"{what} are not finite", why="they contain NaN or overflow", cure="take smaller finite weights"
        )
    values = np.linalg.svd(matrix.real, compute_uv=False)
    ratio = float(values[-1] / values[0]) if values[0] > 0 else 0.0
    if not ratio > SMALLEST:
        raise InputError(
            f"{what} lack rank",
            why=f"the ratio of its extreme singular values is {ratio:.1e}",
            cure="use fewer or less dependent samples, or other weights",
        )
