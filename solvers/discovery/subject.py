"""What is examined: a black box with its gradient, where its points come from, and how exact it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.discovery.family import Arrays
from solvers.function_answers import read_numbers
from solvers.objective import Objective
from symmetries import Loss, compile_loss
from symmetries.actions.parameter_space import FloatArray, ParameterSpace
from symmetries.expression import Shape

Function: TypeAlias = Callable[..., Any]

EXACT = float(np.finfo(np.float64).eps)

DIFFERENCES = 330.0
r"""Relative error that differences of fourth order of a function with the unit :math:`\varepsilon` are trusted to, in
units of :math:`\varepsilon^{4/5}`."""

CONSTANTS = 16
"""Denominator of the values of structural constants."""

RANDOM = 1e-12
"""Relative difference of two values at one point that shows a random function."""

MISMATCH = 1e-2
"""Relative difference from which on a given gradient is none of the function."""

KINK = 1e-3
"""Two step sizes that differ by this share of the gradient show a kink between them."""


class Subject(ABC):
    """A function of arrays with its gradient.

    Parameters
    ----------
    shapes: the shape of each parameter.
    unit: relative error of a gradient.
    name: what the function is called in claims.
    """

    def __init__(self, shapes: Mapping[str, Shape], *, unit: float, name: str) -> None:
        self.shapes, self.unit, self.name = dict(shapes), unit, name

    @abstractmethod
    def gradient(self, point: Arrays, rng: np.random.Generator) -> Arrays:
        """The gradient at a point; the generator draws data where the function has some."""

    def drawn(self, rng: np.random.Generator, scale: float) -> Arrays:
        """A random point: independent normal numbers of standard deviation ``scale``."""
        return {name: scale * rng.standard_normal(shape) for name, shape in self.shapes.items()}


@final
class ObjectiveSubject(Subject):
    """An objective; every gradient is counted in its ledger."""

    def __init__(self, objective: Objective) -> None:
        super().__init__(objective.space.shapes, unit=EXACT, name=type(objective).__name__)
        self._objective = objective

    def gradient(self, point: Arrays, rng: np.random.Generator) -> Arrays:
        """The gradient at a point."""
        space = self._objective.space
        return space.split(self._objective.gradient(space.flat(point)))


@final
class LossSubject(Subject):
    """A declared loss; free data are drawn anew for every gradient, structural constants once."""

    def __init__(self, loss: Loss, rng: np.random.Generator) -> None:
        if any(item.moves for item in loss.data.values()):
            raise InputError(
                "a loss whose data move", why="only the parameters are moved here", cure="use symmetries.derive"
            )
        super().__init__(loss.parameters, unit=EXACT, name=loss.name or "L")
        self._compiled, self._space = compile_loss(loss), ParameterSpace(dict(loss.parameters))
        self._free = {name: item.shape for name, item in loss.data.items() if item.values is None}
        self._constants = independent_constants(loss.constants, rng)

    def gradient(self, point: Arrays, rng: np.random.Generator) -> Arrays:
        """The gradient at a point, on random data."""
        data = {name: rng.standard_normal(shape) for name, shape in self._free.items()}
        return self._space.split(self._compiled.gradient(self._space.flat(point), data | self._constants))


def independent_constants(names: Sequence[str], rng: np.random.Generator) -> dict[str, float]:
    """Fractions between 1/3 and 3.5 for constants; no three of them and 1 are in a linear relation of small factors.

    Constants that are equal by chance, say, would add symmetries that the loss has for no others.

    >>> independent_constants(["a", "b"], np.random.default_rng(0))
    {'a': 3.0625, 'b': 2.375}
    """
    chosen: list[int] = [CONSTANTS]
    few, more = np.arange(-2, 3), np.arange(-4, 5)
    for _ in names:
        sums = [np.add.outer(one * few, other * few).ravel() for one, other in combinations(chosen, 2)]
        of_two, of_one = np.concatenate([[0], *sums]), np.outer(chosen, more)
        left = [
            k
            for k in range(CONSTANTS // 3, 7 * CONSTANTS // 2)
            if not (np.isin(k * few[3:], of_two).any() or np.isin(k * more[5:], of_one).any())
        ]
        free = left or [k for k in range(CONSTANTS // 3, 9 * CONSTANTS + len(names)) if k not in chosen]
        chosen.append(int(rng.choice(free)))
    return {name: value / CONSTANTS for name, value in zip(names, chosen[1:], strict=True)}


@final
class FunctionSubject(Subject):
    """A function of NumPy arrays, with a gradient or with differences in its place.

    Parameters
    ----------
    value: w -> f(w), or (w, batch) -> f; may be None where a gradient is given.
    gradient: its gradient, in the form of the point; None for differences.
    shapes: the shape of each parameter.
    named: whether the functions take arrays by name; else one flat vector.
    data: draws a batch, a second argument of both functions.
    """

    def __init__(
        self,
        value: Function | None,
        gradient: Function | None,
        shapes: Mapping[str, Shape],
        *,
        named: bool,
        data: Function | None,
    ) -> None:
        unit = EXACT if gradient is not None else differences_unit(EXACT)
        super().__init__(shapes, unit=unit, name=getattr(value or gradient, "__name__", "f"))
        self._value, self._gradient, self._named, self._data = value, gradient, named, data
        self._space, self._digits = ParameterSpace(dict(shapes)), EXACT

    def gradient(self, point: Arrays, rng: np.random.Generator) -> Arrays:
        """The gradient at a point."""
        batch = () if self._data is None else (self._data(rng),)
        if self._gradient is not None:
            return self._read(self._gradient(self._argument(self._space.flat(point)), *batch))
        value = partial(self._number, batch=batch)
        return self._space.split(differences(value, self._space.flat(point), unit=self._digits))

    def _argument(self, w: FloatArray) -> Any:
        """A flat vector in the form that the functions take."""
        return self._space.split(w.copy()) if self._named else w.copy()

    def _number(self, w: FloatArray, batch: tuple[Any, ...]) -> float:
        """The value at a flat vector."""
        assert self._value is not None
        answer = self._value(self._argument(w), *batch)
        kind = getattr(answer, "dtype", None)
        if isinstance(kind, np.dtype) and kind.kind == "f":
            self._digits = max(self._digits, float(np.finfo(kind).eps))
        return float(read_numbers(answer, "function", size=1).item())

    def _read(self, answer: Any) -> Arrays:
        """A gradient that the user's function returned; its precision is that of its numbers."""
        parts = answer if isinstance(answer, Mapping) else {"w": answer}
        if parts.keys() != self.shapes.keys():
            raise InputError(
                f"a gradient with {', '.join(map(repr, parts)) or 'no names'}",
                why=f"the parameters are {', '.join(map(repr, self.shapes))}",
                cure="return one array for each parameter, in the form of the point",
            )
        for part in parts.values():
            kind = np.asarray(part).dtype
            if kind.kind == "f":
                self.unit = max(self.unit, float(np.finfo(kind).eps))
        read = {name: read_numbers(part, "gradient") for name, part in parts.items()}
        for name, part in read.items():
            if part.shape != self.shapes[name]:
                raise InputError(
                    f"the gradient in {name!r} has the shape {list(part.shape)}",
                    why=f"the parameter has the shape {list(self.shapes[name])}",
                    cure="return a gradient of the shape of the point",
                )
        return read

    def require_values(self, point: Arrays, rng: np.random.Generator) -> None:
        """Where differences are taken: see in how many digits the values are, and refuse random ones."""
        if self._value is None or self._gradient is not None:
            return
        batch = () if self._data is None else (self._data(rng),)
        w = self._space.flat(point)
        one, other = self._number(w, batch), self._number(w, batch)
        self.unit = max(self.unit, differences_unit(self._digits))
        if np.isfinite(one) and abs(one - other) > RANDOM * abs(one):
            raise InputError(
                f"the function {self.name}",
                why="it has two values at one point, and differences of random values are no gradient",
                cure="let `data=` draw what is random, or give the gradient",
            )

    def mismatch(self, point: Arrays, rng: np.random.Generator) -> float | None:
        """Relative difference of the gradient and of differences of f along a direction; None where f has no say."""
        if self._value is None or self._gradient is None or self._data is not None:
            return None
        w = self._space.flat(point)
        if self._number(w, ()) != self._number(w, ()):
            return None  # a random function
        gradient = self._space.flat(dict(self.gradient(point, rng)))
        direction = rng.standard_normal(w.size)
        along = float(np.linalg.norm(direction)) / (float(np.linalg.norm(gradient)) or 1.0)
        direction = direction + along * gradient  # across the gradient, multiples of it would not be told apart
        slope = float(gradient @ direction)
        step = (
            max(1e-4, self._digits ** (1 / 3))
            * (1 + float(np.abs(w).max(initial=0.0)))
            / float(np.linalg.norm(direction))
        )
        rise = (self._number(w + step * direction, ()) - self._number(w - step * direction, ())) / (2 * step)
        size = float(np.linalg.norm(gradient) * np.linalg.norm(direction)) + abs(rise)
        return abs(slope - rise) / size if size and np.isfinite(slope + rise) else None


def differences_unit(digits: float) -> float:
    """Relative error of differences of fourth order of values with a unit of rounding.

    >>> round(differences_unit(2.0**-52) * 1e10, 1)
    1.0
    """
    return DIFFERENCES * float(digits**0.8)


def differences(value: Callable[[FloatArray], float], w: FloatArray, *, unit: float = EXACT) -> FloatArray:
    r"""Central differences of fourth order, :math:`(8(f_1 - f_{-1}) - (f_2 - f_{-2}))/12h`; 4 n values.

    An entry is NaN where two step sizes disagree, as they do at a kink; ``unit`` is the unit of rounding of the values.

    >>> differences(lambda w: float(w[0] ** 3 + w[1]), np.array([2.0, 1.0])).round(9).tolist()
    [12.0, 1.0]
    """
    near, far, noise = (np.empty(w.size) for _ in range(3))
    for k in range(w.size):
        step = unit**0.2 * (1 + abs(float(w[k])))
        moved = [value(w + step * factor * np.eye(1, w.size, k)[0]) for factor in (1, -1, 2, -2)]
        near[k], far[k] = (moved[0] - moved[1]) / (2 * step), (moved[2] - moved[3]) / (4 * step)
        noise[k] = unit * max(map(abs, moved)) / step
    answer = (4 * near - far) / 3
    doubtful = np.abs(near - far) > KINK * np.max(np.abs(answer), initial=0.0) + 100 * noise
    return np.where(doubtful, np.nan, answer)
