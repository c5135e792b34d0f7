r"""Dense networks :math:`W_L\,\sigma(\cdots\sigma(W_1 X))` as objectives, with exact Hessian-vector products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.objective import Objective
from solvers.output_losses import OutputLoss, output_loss
from solvers.steps.hyperparameters import NON_NEGATIVE, read_number
from solvers.unit_functions import unit_function
from symmetries.actions.parameter_space import FloatArray, ParameterSpace, Point
from symmetries.arguments import read_generator, read_reals


@final
class Network(Objective):
    r"""The loss of a dense network on data, plus :math:`\tfrac{\lambda}{2}\|w\|^2`.

    The parameters are W1, ..., WL (with biases W1, b1, ..., WL, bL), row by row, as in the catalogued actions of
    networks.  Gradients go backwards once; Hessian-vector products carry a tangent through both passes, which doubles
    the products of matrices.

    Parameters
    ----------
    widths: the widths d_0, ..., d_L.
    inputs: X, shape (d_0, n), one column a sample.
    targets: classes, shape (n,), or Y, shape (d_L, n).
    activation: ``identity``, ``relu``, ``leaky_relu`` (slope 1/10), ``tanh``, ``sigmoid`` or ``softplus``.
    loss: ``cross-entropy`` (mean over samples) or ``squared`` (sum over entries).
    half: whether the squared error is halved.
    l2: the factor lambda.
    bias: whether layers have biases.

    Raises
    ------
    InputError: a shape does not fit, or a name is not known.

    >>> network = Network(widths=(2, 3, 1), inputs=np.eye(2), targets=np.ones((1, 2)), loss="squared")
    >>> network.size, network.value(np.zeros(9))
    (9, 2.0)

    Source: B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).
    """

    def __init__(
        self,
        *,
        widths: Sequence[int],
        inputs: Any,
        targets: Any,
        activation: str = "leaky_relu",
        loss: str = "cross-entropy",
        half: bool = False,
        l2: float = 0.0,
        bias: bool = False,
    ) -> None:
        self.widths = _read_widths(widths)
        self.l2 = read_number(l2, name="l2", interval=NON_NEGATIVE)
        self.bias, self.activation = bool(bias), activation
        super().__init__(ParameterSpace(_shapes(self.widths, self.bias)))
        self._unit = unit_function(activation)
        self.inputs = self._read_inputs(inputs)
        samples = self.inputs.shape[1]
        self._loss: OutputLoss = output_loss(loss, targets, outputs=self.widths[-1], samples=samples, half=half)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.inputs.shape[1])

    def on(self, indices: Any) -> Network:
        """The same network on some of the samples; its evaluations count in the same ledger.

        Parameters
        ----------
        indices: which samples: a slice, integers or a mask.

        Raises
        ------
        InputError: they choose no samples of the network.
        """
        chosen = self._read_indices(indices)
        part = Network.__new__(Network)
        part.__dict__.update(self.__dict__)
        part.inputs, part._loss = np.ascontiguousarray(self.inputs[:, chosen]), self._loss.on(chosen)
        return part

    def initial(self, rng: int | np.random.Generator = 0, *, scale: float = 1.0) -> FloatArray:
        """A start whose entries are uniform in [-scale, scale] / sqrt(number of inputs of the layer)."""
        generator, parts = read_generator(rng), []
        scale = read_number(scale, name="scale", interval=NON_NEGATIVE)
        for name, shape in self.space.shapes.items():
            bound = scale / np.sqrt(self.widths[int(name[1:]) - 1])
            parts.append(generator.uniform(-bound, bound, size=shape).ravel())
        return np.concatenate(parts)

    def layers(self, w: FloatArray) -> list[tuple[FloatArray, FloatArray | None]]:
        """The matrix of each layer, and its bias as a column."""
        parts = self.space.split(w)
        count = len(self.widths)
        return [(parts[f"W{m}"], parts[f"b{m}"][:, None] if self.bias else None) for m in range(1, count)]

    def layer_inputs(self, w: Point) -> list[FloatArray]:
        """The inputs h_0, ..., h_(L-1) of the layers, one column a sample."""
        return self._forward(self.layers(self.point(w)))[0]

    def outputs(self, w: Point, inputs: Any = None) -> FloatArray:
        """The outputs, shape (d_L, samples), on the network's inputs or on others."""
        network = self
        if inputs is not None:
            network = Network.__new__(Network)
            network.__dict__.update(self.__dict__)
            network.inputs = self._read_inputs(inputs)
        return network._forward(network.layers(network.point(w)))[1][-1]

    def accuracy(self, w: Point, inputs: Any, classes: Any) -> float:
        """Share of samples whose largest output is that of their class."""
        found, wanted = self.outputs(w, inputs).argmax(axis=0), read_reals(classes, what="the classes")
        if wanted.shape != found.shape:
            why = f"there are {len(found)} samples"
            raise InputError(f"classes of the shape {list(wanted.shape)}", why=why, cure="give one class a sample")
        return float(np.mean(found == wanted))

    def _forward(self, layers: list[tuple[FloatArray, FloatArray | None]]) -> tuple[list[FloatArray], list[FloatArray]]:
        """Inputs h_0, ... and pre-activations z_1, ... of the layers; the last z are the outputs."""
        hidden, before = [self.inputs], []
        for m, (matrix, bias) in enumerate(layers, start=1):
            z = matrix @ hidden[-1]
            if bias is not None:
                z += bias
            before.append(z)
            if m < len(layers):
                hidden.append(self._unit.value(z))
        return hidden, before

    def _value(self, w: FloatArray) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            value = self._loss.value(self._forward(self.layers(w))[1][-1])
            return value + self.l2 / 2 * float(w @ w) if self.l2 else value

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        with np.errstate(over="ignore", invalid="ignore"):
            layers = self.layers(w)
            hidden, before = self._forward(layers)
            value, slope = self._loss.value(before[-1]), self._loss.slope(before[-1])
            parts: list[FloatArray] = []
            for m in range(len(layers) - 1, -1, -1):
                matrix = slope @ hidden[m].T
                parts += [slope.sum(axis=1), matrix.ravel()] if self.bias else [matrix.ravel()]
                if m:
                    slope = (layers[m][0].T @ slope) * self._unit.slope(before[m - 1], hidden[m])
            gradient = np.concatenate(parts[::-1])
            if self.l2:
                value, gradient = value + self.l2 / 2 * float(w @ w), gradient + self.l2 * w
            return value, gradient

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):
            layers, moves = self.layers(w), self.layers(v)
            hidden, before = self._forward(layers)
            hidden_moves, before_moves = self._tangents(layers, moves, hidden, before)
            slope = self._loss.slope(before[-1])
            change = self._loss.slope_change(before[-1], before_moves[-1])
            parts: list[FloatArray] = []
            for m in range(len(layers) - 1, -1, -1):
                matrix = change @ hidden[m].T
                if m:
                    matrix += slope @ hidden_moves[m].T
                parts += [change.sum(axis=1), matrix.ravel()] if self.bias else [matrix.ravel()]
                if m:
                    slope, change = self._pulled(m, layers, moves, slope, change, before, hidden, before_moves)
            product = np.concatenate(parts[::-1])
            return product + self.l2 * v if self.l2 else product

    def _tangents(
        self,
        layers: list[tuple[FloatArray, FloatArray | None]],
        moves: list[tuple[FloatArray, FloatArray | None]],
        hidden: list[FloatArray],
        before: list[FloatArray],
    ) -> tuple[list[FloatArray], list[FloatArray]]:
        """Tangents of the layers' inputs and pre-activations; the data do not move."""
        hidden_moves: list[FloatArray] = [np.zeros(1)]
        before_moves: list[FloatArray] = []
        for m, ((matrix, _), (move, bias_move)) in enumerate(zip(layers, moves, strict=True)):
            z = move @ hidden[m]
            if m:
                z += matrix @ hidden_moves[m]
            if bias_move is not None:
                z += bias_move
            before_moves.append(z)
            if m < len(layers) - 1:
                hidden_moves.append(self._unit.slope(before[m], hidden[m + 1]) * z)
        return hidden_moves, before_moves

    def _pulled(
        self,
        m: int,
        layers: list[tuple[FloatArray, FloatArray | None]],
        moves: list[tuple[FloatArray, FloatArray | None]],
        slope: FloatArray,
        change: FloatArray,
        before: list[FloatArray],
        hidden: list[FloatArray],
        before_moves: list[FloatArray],
    ) -> tuple[FloatArray, FloatArray]:
        """The slope and its change, taken from layer m + 1 to the pre-activations of layer m."""
        matrix, move = layers[m][0], moves[m][0]
        unit_slope = self._unit.slope(before[m - 1], hidden[m])
        pulled = matrix.T @ slope
        change = (move.T @ slope + matrix.T @ change) * unit_slope
        if self._unit.bend is not None:
            change += pulled * self._unit.bend(before[m - 1], hidden[m]) * before_moves[m - 1]
        return pulled * unit_slope, change

    def _read_inputs(self, inputs: Any) -> FloatArray:
        """The inputs, checked."""
        values = read_reals(inputs, what="the inputs")
        if values.ndim != 2 or values.shape[0] != self.widths[0] or not values.size or not np.isfinite(values).all():
            raise InputError(
                f"inputs of the shape {list(values.shape)}",
                why=f"the network has {self.widths[0]} inputs, each sample is a column, and numbers must be finite",
                cure=f"give an array of the shape [{self.widths[0]}, number of samples]",
            )
        return values

    def _read_indices(self, indices: Any) -> Any:
        """Indices of samples that leave at least one of them."""
        try:
            chosen = np.arange(self.samples)[indices]
        except (IndexError, TypeError, ValueError):
            chosen = np.zeros(())
        if chosen.ndim != 1 or not chosen.size:
            raise InputError(
                f"indices of the type {type(indices).__name__}",
                why=f"they choose none of the {self.samples} samples",
                cure="give a slice, a list of integers or a mask with one entry a sample",
            )
        return chosen


def _shapes(widths: tuple[int, ...], bias: bool) -> dict[str, tuple[int, ...]]:
    """The shapes of the parameters by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for m in range(1, len(widths)):
        shapes[f"W{m}"] = (widths[m], widths[m - 1])
        if bias:
            shapes[f"b{m}"] = (widths[m],)
    return shapes


def _read_widths(widths: Any) -> tuple[int, ...]:
    """The widths, checked."""
    given = tuple(widths) if isinstance(widths, Sequence) and not isinstance(widths, str) else ()
    if len(given) < 2 or any(isinstance(d, bool) or not isinstance(d, int | np.integer) or d < 1 for d in given):
        raise InputError(
            f"widths={widths!r}", why="they are no two or more positive integers", cure="write widths=(4, 8, 2)"
        )
    return tuple(int(d) for d in given)
