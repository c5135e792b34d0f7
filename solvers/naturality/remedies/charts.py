"""Canonical charts: an optimizer run in coordinates that the problem itself singles out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.morphism import Morphism
from solvers.naturality.problem import Problem
from solvers.naturality.remedies.metrics import Metric, metric_at
from solvers.naturality.slots import push_slot
from solvers.naturality.spec import OptimizerSpec, State
from solvers.steps.hyperparameters import read_count
from symmetries.actions.parameter_space import FloatArray

Chart: TypeAlias = Callable[[Problem, FloatArray], tuple[FloatArray, FloatArray]]
"""(problem, point) -> (E, origin): the coordinates y of the point origin + E y."""

Frame: TypeAlias = Callable[[Problem, FloatArray], FloatArray]
"""(problem, point) -> E, shape (n, n), with the vectors of the frame as columns."""

CARRIED = ("covector", "vector", "cov2", "con2", "scalar", "tt")
KEPT = ("diag_cov2", "diag_con2", "frame_scalar")

GAP = 1e-9
"""Smallest relative distance of the eigenvalues that order an eigenframe."""


def in_chart(spec: OptimizerSpec, chart: Chart, *, name: str, notes: str) -> OptimizerSpec:
    r"""The optimizer :math:`\theta' = o + E\,U(y)` that takes its steps in the coordinates :math:`\theta = o + Ey`.

    Slots that are tensors are carried into the chart and back; squares of entries stay as numbers of the chart.

    Parameters
    ----------
    spec: the optimizer.
    chart: for each problem and point.
    name, notes: of the new spec.

    Raises
    ------
    InputError: a slot has a type that neither can be carried nor belongs to the chart.
    """
    for slot, kind in spec.slots.items():
        if slot != "point" and kind not in CARRIED + KEPT:
            raise InputError(
                f"the slot {slot!r} of {spec.name}, of type {kind}",
                why="it cannot be carried into another chart",
                cure=f"declare it as one of {', '.join(CARRIED + KEPT)}",
            )
    kinds = {slot: kind for slot, kind in spec.slots.items() if slot != "point"}

    def init(problem: Problem, theta: FloatArray) -> State:
        """The first state in the chart, carried back."""
        into, back = _maps(chart, problem, theta)
        return _carried(spec.start(problem.push(into, "chain"), into.apply(theta)), kinds, back)

    def step(problem: Problem, state: State, rate: float) -> State:
        """A step in the chart."""
        into, back = _maps(chart, problem, state["point"])
        return _carried(spec.step(problem.push(into, "chain"), _carried(state, kinds, into), rate), kinds, back)

    slots = {slot: "frame_scalar" if kind in KEPT else kind for slot, kind in kinds.items()}
    return OptimizerSpec(
        name=name,
        init=init,
        step=step,
        slots={"point": "point", **slots},
        scaling=spec.scaling,
        rate=spec.rate,
        notes=notes,
    )


def _maps(chart: Chart, problem: Problem, theta: FloatArray) -> tuple[Morphism, Morphism]:
    """The maps into the chart and back."""
    E, origin = chart(problem, theta)
    size = len(theta)
    if E.shape != (size, size) or not np.isfinite(E).all() or not np.linalg.cond(E) < 1 / np.finfo(float).eps:
        raise InputError(
            f"a frame of the shape {list(E.shape)} at a point",
            why=f"the columns are no {size} independent vectors of {size} finite numbers",
            cure="return an invertible matrix",
        )
    inverse = np.linalg.inv(E)
    return Morphism.linear(inverse, -inverse @ origin), Morphism.linear(E, origin)


def _carried(state: State, kinds: Mapping[str, str], morphism: Morphism) -> State:
    """The tensors of a state pushed along a map."""
    moved = {"point": morphism.apply(state["point"])}
    for slot, kind in kinds.items():
        moved[slot] = push_slot(kind, state[slot], state["point"], morphism) if kind in CARRIED else state[slot]
    return moved


def cholesky_frame(metric: Metric) -> Frame:
    r"""The frame :math:`E = L^{-\mathsf T}` of a metric :math:`G = LL^{\mathsf T}`; it follows triangular maps."""

    def frame(problem: Problem, theta: FloatArray) -> FloatArray:
        """Its columns."""
        return np.linalg.inv(np.linalg.cholesky(metric_at(metric, problem, theta))).T

    return frame


def root_frame(metric: Metric) -> Frame:
    r"""The frame :math:`E = G^{-1/2}`, orthonormal for the metric, chosen by the coordinates."""

    def frame(problem: Problem, theta: FloatArray) -> FloatArray:
        """Its columns."""
        values, vectors = np.linalg.eigh(metric_at(metric, problem, theta))
        return (vectors / np.sqrt(values)) @ vectors.T

    return frame


def eigenframe(metric: Metric, other: Metric) -> Frame:
    r"""The generalised eigenvectors :math:`He = \lambda Ge` with :math:`e^{\mathsf T}Ge = 1`, by increasing eigenvalue.

    Two metrics that both follow the coordinates determine it up to signs.
    """

    def frame(problem: Problem, theta: FloatArray) -> FloatArray:
        """Its columns."""
        from scipy.linalg import eigh

        G, H = metric_at(metric, problem, theta), np.asarray(other(problem, theta), dtype=float)
        values, vectors = eigh(H, G)
        if len(values) > 1 and np.diff(values).min() <= GAP * np.abs(values).max():
            raise InputError(
                "the eigenframe at a point",
                why="two generalised eigenvalues are equal to rounding, so their eigenvectors are not determined",
                cure="use other metrics, or a rule that is natural under rotations with a Cholesky frame",
            )
        return vectors

    return frame


def balanced_slice(widths: tuple[int, int, int]) -> Frame:
    r"""For two-layer linear networks: the map from the balanced factors of the same product to the given ones.

    With :math:`T: (W_1, W_2) \mapsto (gW_1, W_2g^{-1})` and g positive definite, :math:`T^{-1}\theta` is balanced:
    :math:`W_1W_1^{\mathsf T} = W_2^{\mathsf T}W_2`.

    Parameters
    ----------
    widths: inputs, hidden units, outputs; at most as many hidden units as inputs and as outputs.

    >>> T = balanced_slice((1, 1, 1))(None, np.array([4.0, 1.0]))
    >>> (np.linalg.inv(T) @ [4.0, 1.0]).round(12).tolist()
    [2.0, 2.0]
    """
    if len(widths) != 3:
        raise InputError(f"widths={widths!r}", why="they are not three", cure="give inputs, hidden units and outputs")
    inputs, hidden, outputs = (read_count(width, name="a width") for width in widths)

    def frame(_problem: Any, theta: FloatArray) -> FloatArray:
        """The matrix of T."""
        if len(theta) != hidden * (inputs + outputs):
            raise InputError(
                f"a point of {len(theta)} parameters",
                why=f"a network of the widths {widths} has {hidden * (inputs + outputs)}",
                cure="give the widths of the network",
            )
        W1 = theta[: hidden * inputs].reshape(hidden, inputs)
        W2 = theta[hidden * inputs :].reshape(outputs, hidden)
        A, B = W1 @ W1.T, W2.T @ W2
        if min(np.linalg.matrix_rank(A), np.linalg.matrix_rank(B)) < hidden:
            raise InputError(
                "the factors of a network",
                why="they have not full rank, so no balanced ones are near",
                cure="move away",
            )
        root = _power(A, 0.5)
        inverse = _power(A, -0.5)
        # P = g^-2 balances: P^(1/2) A P^(1/2) = P^(-1/2) B P^(-1/2), so P A P = B
        P = inverse @ _power(root @ B @ root, 0.5) @ inverse
        g = _power(P, -0.5)
        top, bottom = np.kron(g, np.eye(inputs)), np.kron(np.eye(outputs), np.linalg.inv(g).T)
        zero = np.zeros((len(top), len(bottom)))
        return np.block([[top, zero], [zero.T, bottom]])

    return frame


def _power(matrix: FloatArray, exponent: float) -> FloatArray:
    """A power of a positive definite matrix."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values**exponent) @ vectors.T
