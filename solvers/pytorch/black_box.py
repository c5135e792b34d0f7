r"""Functions of tensors as black boxes: their points, their gradients by backward differentiation, their precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from manifolds.errors import InputError
from solvers.discovery.family import Arrays
from solvers.discovery.points import FLAT, PointSource
from solvers.discovery.subject import MISMATCH, Subject
from solvers.pytorch.tensor_gradients import (
    Tensors,
    apart,
    backward,
    called,
    functional,
    normal,
    precision_of,
    shapes_of_tensors,
    unit_of,
)
from symmetries.expression import Shape


@final
class TorchSubject(Subject):
    """A function of one flat tensor or of tensors by name.

    Parameters
    ----------
    function: w -> f(w), or (w, batch) -> f; a module is a function of its input, and all its outputs are meant.
    like: tensors that tell shapes, precision and device.
    named: whether the function takes tensors by name.
    data: draws a batch.
    gradient: the gradient, where it is given; else by backward differentiation.
    """

    def __init__(
        self,
        function: Callable[..., Any] | None,
        like: Tensors,
        *,
        named: bool,
        data: Callable[[np.random.Generator], Any] | None,
        gradient: Callable[..., Any] | None,
    ) -> None:
        known = function if function is not None else gradient
        name = getattr(known, "__name__", type(known).__name__)
        super().__init__(shapes_of_tensors(like), unit=unit_of(like), name=name)
        self._function, self._named, self._data, self._gradient = function, named, data, gradient
        self._like = {name: tensor.detach() for name, tensor in like.items()}

    def gradient(self, point: Arrays, rng: np.random.Generator) -> Arrays:
        """The gradient at a point."""
        with apart(next(iter(self._like.values())).device, rng):
            batch = () if self._data is None else (self._data(rng),)
            leaves = {name: point[name].detach().clone().requires_grad_() for name in self.shapes}
            argument = leaves if self._named else leaves[FLAT]
            if self._gradient is None:
                return self._differentiated(argument, batch, leaves, rng)
            return _read_gradient(self._gradient(argument, *batch), self._like, named=self._named)

    def _differentiated(self, argument: Any, batch: Sequence[Any], leaves: Tensors, rng: np.random.Generator) -> Arrays:
        """The gradient of the function, of a random functional of the outputs where it is a module."""
        if isinstance(self._function, torch.nn.Module):
            value: Any = functional(called(self._function, {}, (argument, *batch), what="the points"), rng)
        else:
            assert self._function is not None
            value = self._function(argument, *batch)
        self.unit = max(self.unit, precision_of(value))
        return backward(value, leaves)

    def is_mismatched(self, point: Arrays, rng: np.random.Generator) -> bool:
        """Whether a given gradient is another one than that of the function; False where there is one of them."""
        if self._gradient is None or self._function is None or self._data is not None:
            return False
        plain = TorchSubject(self._function, self._like, named=self._named, data=None, gradient=None)
        given, exact = self.gradient(point, rng), plain.gradient(point, rng)
        pairs = [(given[name].double(), exact[name].double()) for name in self.shapes]
        size = max(float(one.norm() + other.norm()) for one, other in pairs)
        return any(float((one - other).norm()) > MISMATCH * size for one, other in pairs)

    def drawn(self, rng: np.random.Generator, scale: float) -> Arrays:
        """A random point of normal numbers, in the precision and on the device of the tensors."""
        return normal(self._like, rng, dict.fromkeys(self._like, scale))


def read(
    f: Any,
    points: Any,
    gradient: Callable[..., Any] | None,
    *,
    sample: Callable[[np.random.Generator], Any] | None,
    scale: float,
    data: Callable[[np.random.Generator], Any] | None,
    rng: np.random.Generator,
) -> tuple[Subject, PointSource]:
    """A function of tensors with its points: a list of them, or one that says what they are like."""
    for name, function in (("f", f), ("gradient", gradient), ("data", data), ("sample", sample)):
        if function is not None and not callable(function):
            raise InputError(f"{name}={function!r}", why="it is no function", cure="give a function of tensors")
    if f is None and gradient is None:
        raise InputError("f=None", why="there is no function and no gradient", cure="give one of them")
    listed, named = _listed(points)
    like = listed[0] if listed is not None else points if named else {FLAT: points}
    subject = TorchSubject(f, like, named=named, data=data, gradient=gradient)
    if listed is not None and sample is not None:
        raise InputError("points beside sample", why="both say where to look", cure="leave one of them out")
    for one in listed or ():
        _require_like(one, subject.shapes, "the points")

    def draw(generator: np.random.Generator) -> Arrays:
        """A point like the others, or one of the user's function."""
        if sample is None:
            return subject.drawn(generator, scale)
        point = sample(generator)
        point = point if isinstance(point, Mapping) else {FLAT: point}
        _require_like(point, subject.shapes, "a point that sample drew")
        return point

    source = PointSource(listed, draw)
    own = np.random.default_rng(int(rng.integers(2**31)))
    first = [point for _, point in zip(range(4), source.points(own), strict=False)]
    if all(subject.is_mismatched(point, own) for point in first):
        raise InputError(
            "the gradient",
            why="it differs from that of the function at all of the first points",
            cure="check it; give None to have it differentiated",
        )
    return subject, source


def as_tensors(arrays: Mapping[str, Any], f: Any) -> dict[str, Tensor]:
    """Arrays as tensors in the precision and on the device of a module, as doubles for functions."""
    parameters = [*f.parameters(), *f.buffers()] if isinstance(f, torch.nn.Module) else []
    like = next((one for one in parameters if one.is_floating_point()), torch.zeros((), dtype=torch.float64))
    return {name: torch.as_tensor(array).to(like) for name, array in arrays.items()}


def takes_tensors(function: Callable[..., Any], argument: Any, named: bool, batch: Sequence[Any]) -> bool:
    """Whether a function that refuses arrays, or answers them with a tensor, takes tensors."""
    given = {name: one.copy() for name, one in argument.items()} if named else argument.copy()
    try:
        answer = function(given, *batch)
    except Exception:  # noqa: BLE001 - of the user's function, whatever it is
        answer = None
    if answer is not None:
        return isinstance(answer, Tensor)
    tensors = {name: torch.from_numpy(one) for name, one in argument.items()} if named else torch.from_numpy(argument)
    try:
        answer = function(tensors, *batch)
    except Exception:  # noqa: BLE001 - of the user's function, whatever it is
        return False
    return isinstance(answer, Tensor | Mapping)


def _listed(points: Any) -> tuple[list[Tensors] | None, bool]:
    """The points that were given, repeated ones left out, None for a template; and whether they go by name."""
    if isinstance(points, Mapping):
        _require_like(points, None, "the points")
        return None, True
    if isinstance(points, Tensor):
        if points.ndim == 1 and len(points):
            return None, False
        if points.ndim != 2 or not points.numel():
            raise InputError(
                f"points of the shape {list(points.shape)}",
                why="points have the shape [points, coordinates]",
                cure="give one row for each point, or one vector to draw points like it",
            )
        return [{FLAT: row} for row in torch.unique(points.detach(), dim=0)], False
    items = list(points)
    if all(isinstance(one, Mapping) for one in items):
        for one in items:
            _require_like(one, None if one is items[0] else shapes_of_tensors(items[0]), "the points")
        keys = [b"".join(one[name].detach().cpu().double().numpy().tobytes() for name in items[0]) for one in items]
        return list(dict(zip(keys, items, strict=True)).values()), True
    for one in items:
        _require_like({FLAT: one}, None if one is items[0] else {FLAT: tuple(items[0].shape)}, "the points")
    return _listed(torch.stack(items))


def _require_like(tensors: Any, shapes: Mapping[str, Shape] | None, what: str) -> None:
    """Refuse what is no mapping to finite tensors of these shapes; shapes None stands for any."""
    good = isinstance(tensors, Mapping) and tensors and all(isinstance(one, Tensor) for one in tensors.values())
    if not good or (shapes is not None and shapes_of_tensors(tensors) != shapes):
        raise InputError(what, why="they are no tensors, or differ in names or shapes", cure="give equal tensors")
    if not all(bool(torch.isfinite(one).all()) for one in tensors.values()):
        raise InputError(what, why="they contain NaN or infinity", cure="give finite numbers")


def _read_gradient(answer: Any, like: Tensors, *, named: bool) -> dict[str, Tensor]:
    """A gradient that the user's function returned, of the names and shapes of the point."""
    parts = dict(answer) if named and isinstance(answer, Mapping) else {} if named else {FLAT: answer}
    try:
        read = {name: torch.as_tensor(part).detach().to(like[name].device) for name, part in parts.items()}
    except (TypeError, ValueError, RuntimeError, KeyError):
        read = {}
    if shapes_of_tensors(read) != shapes_of_tensors(like):
        raise InputError(
            f"the gradient of the type {type(answer).__name__}",
            why=f"the point has the shapes {shapes_of_tensors(like)}",
            cure="return a gradient of the form and the shape of the point",
        )
    return read
