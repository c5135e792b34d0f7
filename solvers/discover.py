r"""Symmetries of a black box: the fields of an ansatz that annihilate its gradients at sampled points."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.discovery.axes import AxisMatrices, AxisScalings
from solvers.discovery.points import FLAT, PointSource, read_points, sampler, shapes_of
from solvers.discovery.result import Discovery
from solvers.discovery.run import run
from solvers.discovery.subject import MISMATCH, FunctionSubject, LossSubject, ObjectiveSubject, Subject
from solvers.objective import Objective
from symmetries import Loss
from symmetries.ansatz import Ansatz, read_ansatz
from symmetries.arguments import read_generator
from symmetries.expression import Shape

__all__ = ["AxisMatrices", "AxisScalings", "Discovery", "discover"]


def discover(
    f: Any,
    points: Any = None,
    *,
    gradient: Callable[..., Any] | None = None,
    ansatz: Ansatz | Sequence[Callable[[Any], Any]] | None = None,
    size: int | None = None,
    shapes: Mapping[str, Shape] | None = None,
    sample: Callable[[np.random.Generator], Any] | None = None,
    scale: float = 1.0,
    data: Callable[[np.random.Generator], Any] | None = None,
    candidates: Sequence[Any] = (),
    tolerance: float | None = None,
    gap: float | None = None,
    approximate: float = 1e-2,
    rng: int | np.random.Generator = 0,
) -> Discovery:
    r"""Find the fields X of an ansatz with :math:`\nabla f(w)\cdot X(w) = 0` at sampled points, in numbers.

    Every gradient gives one linear equation for the coefficients of X.  The equations are scaled by the size of their
    terms, factorised row by row without forming normal equations, and their null space is accepted when a gap in the
    singular values, points that were held out, and the brackets of the fields all agree.  The verdict is ``measured``
    or ``undecided``, never ``proved``.

    Parameters
    ----------
    f: an objective, a loss, or a function w -> f(w) of a flat vector or of arrays by name, or of tensors of PyTorch,
        where it is differentiated.  A module of PyTorch is a function of its input, and all its outputs are meant; for
        its parameters use :func:`solvers.pytorch.discovery.discover_module`.
    points: points, shape (m, n), or a list of mappings from names to arrays; None to draw them.  They may be tensors;
        one vector, or one mapping, of tensors stands for points like it.
    gradient: the gradient of f in the form of the point; without it, and without PyTorch, differences of fourth order
        (4n values each) in the precision of the values.
    ansatz: ``Linear()`` (default, unless the loss names one), ``Affine()``, ``Polynomial(d)``, ``Diagonal()``; for
        arrays ``Blocks()``, :class:`solvers.discovery.axes.AxisScalings`,
        :class:`solvers.discovery.axes.AxisMatrices`; or ``Basis([...])``, or a list of functions w -> X(w).
    size: number n of coordinates, or
    shapes: shapes by name, where neither the points nor f tell.
    sample: draws a point from a generator; by default independent normal numbers.
    scale: their standard deviation.
    data: draws a batch from a generator, the second argument of f and of the gradient: what is found then holds for
        all batches.
    candidates: fields to be tested: matrices of shape (n, n) or (n, n + 1), functions w -> X(w), or vector fields.
    tolerance: singular values up to it count as zero; by default :math:`\varepsilon^{0.7}` for gradients with the unit
        :math:`\varepsilon`; give the relative noise of your gradients where they are less exact than their digits.
    gap: least ratio of the first rejected to the last accepted singular value.
    approximate: largest defect of the fields that are reported as approximate symmetries.
    rng: seed or generator of points and data.

    Raises
    ------
    InputError: the points, the gradient or the ansatz cannot be used, or there are too many unknowns.

    >>> found = discover(lambda w: (w[0] * w[1] - 1) ** 2, size=2)
    >>> found.dimension, found.generators[0].parts.round(9).tolist()
    (1, [[1.0, 0.0], [0.0, -1.0]])
    >>> discover(lambda w: w @ w, np.eye(2), gradient=lambda w: 2 * w).reason
    '2 gradients say something; 4 unknowns need 28'

    Source: S. E. Otto, N. Zolman, J. N. Kutz, S. L. Brunton, "A unified framework to enforce, discover, and promote
    symmetry in machine learning" (2023), section 5.
    """
    generator = read_generator(rng)
    _refuse(_is_torch(points) or isinstance(f, Loss | Objective), size=size, shapes=shapes)
    subject: Subject
    if isinstance(f, Loss | Objective):
        _refuse(known=True, gradient=gradient, data=data)
        subject = LossSubject(f, generator) if isinstance(f, Loss) else ObjectiveSubject(f)
        source = _source(points, subject.shapes, sample, scale)
        if ansatz is None and isinstance(f, Loss) and f.ansatz:
            ansatz = read_ansatz(f.ansatz)
    else:
        subject, source = _black_box(f, points, gradient, size, shapes, sample, scale, data, generator)
    return run(
        subject,
        source,
        ansatz=ansatz,
        candidates=candidates,
        tolerance=tolerance,
        gap=gap,
        approximate=approximate,
        rng=generator,
    )


def _refuse(known: bool, **options: Any) -> None:
    """Refuse options that say what is known already."""
    for name, value in options.items():
        if known and value is not None:
            raise InputError(f"the option {name}", why="what is examined has it already", cure="leave it out")


def _source(
    points: Any, shapes: Mapping[str, Shape], sample: Callable[[np.random.Generator], Any] | None, scale: float
) -> PointSource:
    """The given points, or the function that draws them."""
    draw = sampler(sample, scale, shapes)
    if points is not None and sample is not None:
        raise InputError("points beside sample", why="both say where to look", cure="leave one of them out")
    return PointSource(None if points is None else read_points(points, shapes), draw)


def _black_box(
    f: Any,
    points: Any,
    gradient: Callable[..., Any] | None,
    size: int | None,
    shapes: Mapping[str, Shape] | None,
    sample: Callable[[np.random.Generator], Any] | None,
    scale: float,
    data: Callable[[np.random.Generator], Any] | None,
    rng: np.random.Generator,
) -> tuple[Subject, PointSource]:
    """A function of arrays, or of tensors where the points are tensors or f takes no arrays, and where to look."""
    _require_functions(f=f, gradient=gradient, data=data)
    given = points
    if not _is_torch(points):
        read = shapes_of(points, size, shapes)
        named = shapes is not None or (points is not None and not isinstance(points, np.ndarray) and _has_names(points))
        source = _source(points, read, sample, scale)
        own = np.random.default_rng(int(rng.integers(2**31)))
        example = source.listed[0] if source.listed else {name: own.standard_normal(read[name]) for name in read}
        argument, batch = example if named else example[FLAT], () if data is None else (data(own),)
        if not _takes_tensors(gradient if f is None else f, argument, named, batch):
            return _checked(FunctionSubject(f, gradient, read, named=named, data=data), source, rng)
        tensors = [_front().as_tensors(one, f) for one in source.listed or [example]]
        tensors = tensors if named else [one[FLAT] for one in tensors]
        given = tensors if source.listed else tensors[0]
    subject, found = _front().read(f, given, gradient, sample=sample, scale=scale, data=data, rng=rng)
    return subject, found


def _require_functions(*, f: Any, gradient: Any, data: Any) -> None:
    """Refuse what cannot be called, and a black box without a function and a gradient."""
    for name, function in (("f", f), ("gradient", gradient), ("data", data)):
        if function is not None and not callable(function):
            raise InputError(f"{name}={function!r}", why="it is no function", cure="give a function of the point")
    if f is None and gradient is None:
        raise InputError("f=None", why="there is no function and no gradient", cure="give one of them")


def _front() -> Any:
    """The part that knows PyTorch, imported where there are tensors."""
    return importlib.import_module("solvers.pytorch.black_box")


def _checked(
    subject: FunctionSubject, source: PointSource, rng: np.random.Generator
) -> tuple[FunctionSubject, PointSource]:
    """The same, when the function is none of chance and the gradient is one of the function."""
    with np.errstate(all="ignore"):
        differing = [subject.mismatch(one, rng) for one in _some(source, rng)]
        for one in _some(source, rng):
            subject.require_values(one, rng)
    seen = [one for one in differing if one is None or one <= MISMATCH]
    if not seen:
        raise InputError(
            "the gradient",
            why="it differs from differences of the function at all of the first points",
            cure="check it; give None to have differences",
        )
    return subject, source


def _has_names(points: Any) -> bool:
    """Whether points are arrays by name."""
    return bool(len(points)) and isinstance(points[0], Mapping)


def _some(source: PointSource, rng: np.random.Generator) -> Iterator[Any]:
    """A few points, to see whether the gradient is one of the function; the supply stays as it is."""
    own = np.random.default_rng(int(rng.integers(2**31)))
    for _, point in zip(range(4), source.points(own), strict=False):
        yield point


def _takes_tensors(function: Any, argument: Any, named: bool, batch: Sequence[Any]) -> bool:
    """Whether a function is one of tensors; without PyTorch imported by someone there are none."""
    if _is_torch(function):
        return True
    if "torch" not in sys.modules:
        return False
    return bool(_front().takes_tensors(function, argument, named, batch))


def _is_torch(thing: Any) -> bool:
    """Whether something is a tensor, a module or a list of tensors, without importing PyTorch."""
    if isinstance(thing, Sequence) and not isinstance(thing, str) and len(thing):
        return _is_torch(thing[0])
    if isinstance(thing, Mapping) and thing:
        return _is_torch(next(iter(thing.values())))
    return any(base.__module__.partition(".")[0] == "torch" for base in type(thing).__mro__)
