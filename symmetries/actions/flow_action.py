r"""The flows of nonlinear fields, integrated numerically and held on the level set.

The flow of X = sum_k t_k X_k for the time 1 solves w' = X(w).  It may leave every bounded set before that time; the
time at which it does is found and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.action import GroupAction
from symmetries.actions.numeric_fields import NumericPolynomials, constant_values, foreign_names
from symmetries.actions.one_parameter import one_parameter_group
from symmetries.actions.parameter_space import FloatArray
from symmetries.algebra import require_polynomials
from symmetries.compiled import compile_loss
from symmetries.fields import VectorField

if TYPE_CHECKING:
    from symmetries.finite_action import FiniteAction
    from symmetries.loss import Loss

Word: TypeAlias = tuple[FloatArray, ...]
"""A product exp(t_1) exp(t_2) ... of flows, the last one first."""

RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 3e-14, 1e-15

FAR = 1e150
"""A flow that gets so many times farther from the origin than it started is given up: numbers overflow soon."""

PROJECTIONS = 4

MOST_EVALUATIONS = 100_000
"""Evaluations of the field in one flow."""


@final
class FlowAction(GroupAction):
    r"""The local action of the flows of polynomial fields, :math:`\exp(X)\cdot w = w(1)` with :math:`w' = X(w)`.

    Elements are words of Lie algebra coordinates; composition joins them.  After each flow the point is moved along the
    gradient back to the level set where it started, when the loss has no free data.

    Parameters
    ----------
    loss: the loss.
    generators: polynomial fields.
    constants: values of structural constants.
    """

    def __init__(
        self, loss: Loss, generators: Sequence[VectorField], *, constants: Mapping[str, float] | None = None
    ) -> None:
        super().__init__(
            loss,
            dimension=len(generators),
            domain="where the flow does not blow up before the asked time; a blow-up is an error that names its time",
            constants=constants,
        )
        self.generators = tuple(generators)
        entries = self.space.entries
        values = constant_values(foreign_names(self.generators, set(entries)), constants)
        self._parts = [
            NumericPolynomials([require_polynomials(field).get(entry, {}) for entry in entries], entries, values)
            for field in self.generators
        ]
        free = [name for name, item in loss.data.items() if item.values is None]
        self._level = None if free else compile_loss(loss)

    @property
    def identity(self) -> Word:
        """The empty word."""
        return ()

    def exp(self, t: Any) -> Word:
        """The word of one flow."""
        coordinates = self.coordinates(t)
        return (coordinates,) if coordinates.any() else ()

    def compose(self, g: Word, h: Word) -> Word:
        """The words one after the other."""
        return (*self._checked(g), *self._checked(h))

    def inverse(self, g: Word) -> Word:
        """The word of the opposite flows in the opposite order."""
        return tuple(-t for t in reversed(self._checked(g)))

    def exact_fields(self) -> tuple[VectorField, ...]:
        """The generators."""
        return self.generators

    def closed_form(self, k: int) -> FiniteAction | None:
        """The flow of generator k in formulas, where its moved entries enter linearly."""
        return one_parameter_group(self.generators[self._number(k)], time=self.time)

    def _is_coordinates(self, g_or_t: Any) -> bool:
        is_word = isinstance(g_or_t, tuple) and all(isinstance(t, np.ndarray) for t in g_or_t)
        return not is_word and super()._is_coordinates(g_or_t)

    def _act(self, g: Word, w: FloatArray) -> FloatArray:
        if w.ndim > 1:
            return np.array([self._act(g, row) for row in w]).reshape(w.shape)
        for t in reversed(self._checked(g)):
            w = self._on_level(self._flow(t, w), w)
        return w

    def _fields(self, w: FloatArray) -> FloatArray:
        return np.array([part.values(w) for part in self._parts]).reshape(self.dimension, self.space.size)

    def _jacobian(self, g: Word, w: FloatArray) -> FloatArray:
        size = self.space.size
        result = np.eye(size)
        for t in reversed(self._checked(g)):
            moved = self._flow(t, np.concatenate([w, np.eye(size).ravel()]))
            result = moved[size:].reshape(size, size) @ result
            w = self._on_level(moved[:size], w)
        return result

    def _velocity(self, t: FloatArray, state: FloatArray) -> FloatArray:
        """Velocity of the point and, where it follows in the state, of the derivative by the starting point."""
        size = self.space.size
        w = state[:size]
        velocity = sum((c * part.values(w) for c, part in zip(t, self._parts, strict=True) if c), np.zeros(size))
        if len(state) == size:
            return velocity
        slope = sum((c * part.jacobian(w) for c, part in zip(t, self._parts, strict=True) if c), np.zeros((size, size)))
        return np.concatenate([velocity, (slope @ state[size:].reshape(size, size)).ravel()])

    def _flow(self, t: FloatArray, state: FloatArray) -> FloatArray:
        """The state at the time 1."""
        from scipy.integrate import solve_ivp

        if not np.isfinite(state).all():
            raise InputError("the point of a flow", why="it contains NaN or infinity", cure="give finite numbers")
        size = self.space.size
        bound = FAR * (1 + float(np.linalg.norm(state[:size])))

        def leaves(time: float, now: FloatArray) -> float:
            """Negative when the point is far away."""
            del time
            return bound - float(np.linalg.norm(now[:size]))

        leaves.terminal = True  # type: ignore[attr-defined]
        listed = ", ".join(f"{value:.4g}" for value in t)
        evaluations = 0

        def velocity(time: float, now: FloatArray) -> FloatArray:
            """The velocity, counted."""
            nonlocal evaluations
            evaluations += 1
            if evaluations > MOST_EVALUATIONS:
                raise InputError(
                    f"the flow of the Lie algebra element ({listed}) for the time 1",
                    why=f"at the time {time:.6g} it has taken {MOST_EVALUATIONS:,} evaluations of the field",
                    cure="take a smaller element, or several in turn",
                )
            return self._velocity(t, now)

        with np.errstate(all="ignore"):
            solution = solve_ivp(
                velocity,
                (0.0, 1.0),
                state,
                method="DOP853",
                rtol=RELATIVE_TOLERANCE,
                atol=ABSOLUTE_TOLERANCE * (1 + float(np.abs(state).max())),
                events=leaves,
            )
        if solution.status == 0 and np.isfinite(solution.y[:, -1]).all():
            return solution.y[:, -1]
        raise InputError(
            f"the flow of the Lie algebra element ({listed}) for the time 1",
            why=f"at the time {solution.t[-1]:.6g} the point is {FAR:.0e} times farther from the origin"
            if solution.status == 1
            else f"it blows up: at the time {solution.t[-1]:.6g} the point leaves every bounded set",
            cure=f"take the element less than {solution.t[-1]:.4g} times as large, or start from another point",
        )

    def _on_level(self, w: FloatArray, start: FloatArray) -> FloatArray:
        """The point moved along the gradient to the level of the start, by Newton's method."""
        if self._level is None:
            return w
        data = self.constants or None
        target = self._level.value(start, data)
        best, defect = w, abs(self._level.value(w, data) - target)
        for _ in range(PROJECTIONS):
            value, gradient = self._level.value_and_gradient(best, data)
            square = float(gradient @ gradient)
            if not defect or not square > 0:
                break
            moved = best - (value - target) / square * gradient
            new = abs(self._level.value(moved, data) - target)
            if not new < defect:
                break
            best, defect = moved, new
        return best

    def _checked(self, g: Any) -> Word:
        """A word, refused when it is none."""
        if not isinstance(g, tuple) or any(np.shape(t) != (self.dimension,) for t in g):
            raise InputError(
                f"a group element of the type {type(g).__name__}",
                why=f"elements are tuples of coordinate vectors of length {self.dimension}",
                cure="take elements from exp(), compose() and inverse() of this action, or give coordinates",
            )
        return g
