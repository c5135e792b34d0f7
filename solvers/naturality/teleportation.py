"""Teleportation and naturality: a teleport helps only along symmetries that the optimizer does not commute with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from manifolds.errors import InputError
from solvers.felt_symmetries import FeltSymmetries, felt_matrices, felt_symmetries, undecided, unfelt_fields
from solvers.naturality.lie_algebra import lie_algebra
from solvers.naturality.problem import Problem
from solvers.naturality.problems import vector_problems
from solvers.naturality.registry import read_optimizer
from solvers.naturality.spec import OptimizerSpec, run
from solvers.naturality.structures import declare
from solvers.naturality.submersion import velocity
from solvers.rule import Rule
from solvers.rules import RULES, Newton, SignDescent, make_rule
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.action import GroupAction
from symmetries.actions.parameter_space import FloatArray
from symmetries.algebra import SymmetryAlgebra
from symmetries.arguments import read_reals
from symmetries.certificate import Claim
from symmetries.fields import VectorField

LARGEST = 8
"""Most parameters for which the algebra of an optimizer is measured."""

INSIDE = 1e-6
"""Part of a unit generator outside a measured algebra up to which it counts as inside."""

ROUNDING = 1e-12
"""Part of a unit generator outside a known algebra up to which it counts as inside."""


def can_teleportation_help(optimizer: Any, symmetry: Any) -> FeltSymmetries:
    r"""The part of a symmetry algebra that an optimizer can feel.

    If :math:`T_g` keeps the loss and lies in the naturality group of the optimizer, :math:`\Phi\circ T_g =
    T_g\circ\Phi` and a teleport along it gives the same losses.  What is felt is the rest: for gradient descent the
    symmetric parts of the generators.

    Parameters
    ----------
    optimizer: a rule or its name, for which the answer is exact; a spec, whose algebra is measured.
    symmetry: what :func:`symmetries.derive` returned, a group action, or generator matrices of shape (k, n, n).

    Returns
    -------
    The parts, ``.can_help``, and a claim: ``proved`` for rules with exact fields, ``measured`` for matrices of floating
    point numbers and for specs, ``undecided`` where an algebra is not known.

    Raises
    ------
    InputError: the optimizer or the symmetry is none.

    >>> turn = np.array([[[0.0, 1.0], [-1.0, 0.0]]])
    >>> can_teleportation_help("gradient-descent", turn).can_help, can_teleportation_help("adam", turn).can_help
    (False, True)
    """
    subject: Any = make_rule(optimizer) if isinstance(optimizer, str) and optimizer in RULES else optimizer
    if isinstance(symmetry, SymmetryAlgebra | GroupAction) or _are_fields(symmetry):
        if isinstance(subject, Rule):
            return felt_symmetries(subject, symmetry)
        return _measured(read_optimizer(subject), _matrices_of(symmetry))
    matrices = _read_matrices(symmetry)
    kind = unfelt_fields(subject) if isinstance(subject, Rule) else None
    if isinstance(subject, Newton) and subject.indefinite == "absolute":
        return undecided("Newton", len(matrices), "its step is another one where the Hessian is not positive definite")
    if kind is None:
        return _measured(read_optimizer(subject), matrices)
    size = matrices.shape[1]
    basis = {
        "skew": _skew_basis(size),
        "none": np.zeros((0, size, size)),
        "all": np.eye(size**2).reshape(-1, size, size),
    }
    return _parts(type(subject).__name__, matrices, basis[kind], "its algebra is known", inside=ROUNDING)


def _are_fields(symmetry: Any) -> bool:
    """Whether it is a list of vector fields."""
    return isinstance(symmetry, Sequence) and bool(symmetry) and all(isinstance(one, VectorField) for one in symmetry)


def _matrices_of(symmetry: Any) -> FloatArray:
    """The matrices of linear generators, refused where they are none."""
    found = felt_symmetries(SignDescent(), symmetry)
    if found.felt is None or len(found.felt) != found.dimension:
        raise InputError(
            "the generators of the symmetry",
            why="they are not linear, or not independent as matrices, so they are no algebra of matrices",
            cure="give matrices of shape (k, n, n), or a rule of solvers.rules, which needs none",
        )
    return np.array(found.felt)


def _read_matrices(symmetry: Any) -> FloatArray:
    """Generator matrices, checked."""
    matrices = read_reals(symmetry, what="the generators of a symmetry")
    if (
        matrices.ndim != 3
        or matrices.shape[1] != matrices.shape[2]
        or not len(matrices)
        or not np.isfinite(matrices).all()
    ):
        raise InputError(
            f"generators of the shape {list(matrices.shape)}",
            why="they are no square matrices of finite numbers",
            cure="give an array of the shape [generators, n, n], derive(loss) or a group action",
        )
    return matrices


def _skew_basis(size: int) -> FloatArray:
    """A basis of the skew matrices."""
    pairs = [(i, j) for i in range(size) for j in range(i)]
    basis = np.zeros((len(pairs), size, size))
    for k, (i, j) in enumerate(pairs):
        basis[k, i, j], basis[k, j, i] = 1.0, -1.0
    return basis


def _measured(spec: OptimizerSpec, matrices: FloatArray) -> FeltSymmetries:
    """The parts for a spec, by its measured algebra."""
    size = matrices.shape[1]
    if size > LARGEST or spec.matrix:
        why = "it reads the parameters as a matrix" if spec.matrix else f"its algebra is measured up to n = {LARGEST}"
        return undecided(spec.name, len(matrices), why)
    found = lie_algebra(spec, problems=[declare(problem) for problem in vector_problems(size)])
    if found.verdict == "undecided":
        return undecided(spec.name, len(matrices), found.reason)
    how = f"its algebra was measured as {found.name or 'unnamed'}"
    return _parts(spec.name, matrices, np.asarray(found.basis), how, inside=INSIDE)


def _parts(name: str, matrices: FloatArray, natural: FloatArray, how: str, *, inside: float) -> FeltSymmetries:
    """The parts of generator matrices inside and outside an algebra, by singular values of generators of length one."""
    flat = matrices.reshape(len(matrices), -1)
    sizes = np.max(np.abs(flat), axis=1, keepdims=True)
    flat = flat / np.where(sizes > 0, sizes, 1.0)  # before the lengths: their squares may underflow
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    flat = flat / np.where(lengths > 0, lengths, 1.0)
    outside = flat
    if len(natural):
        frame = np.linalg.qr(natural.reshape(len(natural), -1).T)[0]
        outside = flat - (flat @ frame) @ frame.T
    left, values, _ = np.linalg.svd(outside, full_matrices=True)
    rank = int((values > inside).sum())
    sizes = np.where(sizes > 0, sizes * lengths, 1.0)
    unfelt = left[:, rank:].T * (sizes.min() / sizes).T
    unfelt /= np.linalg.norm(unfelt, axis=1, keepdims=True)
    felt = felt_matrices([one.reshape(matrices.shape[1:]) for one in outside if np.abs(one).max() > inside], "none")
    claim = Claim(
        statement=f"{name} can feel {rank} of {len(matrices)} dimensions of the algebra",
        verdict="measured",
        reason=f"{how}; singular values on floating point generators",
        evidence={"dimension": len(matrices), "unfelt": len(unfelt), "singular_values": [float(v) for v in values]},
    )
    return FeltSymmetries(rule=name, dimension=len(matrices), felt=felt, unfelt=unfelt, claim=claim)


def teleport_effect(
    spec: OptimizerSpec,
    problem: Problem,
    theta: Any,
    transformation: Any,
    *,
    rate: float | None = None,
    steps: int = 20,
) -> float:
    r"""The largest difference of the losses of two runs, one from a point and one from its teleported image.

    It is infinite where a run leaves the finite numbers.

    Parameters
    ----------
    spec: the optimizer.
    problem: with the symmetry.
    theta: the point, shape (n,).
    transformation: the matrix of the symmetry, shape (n, n).
    rate: the learning rate; that of the spec by default.
    steps: their number.

    Raises
    ------
    InputError: the transformation changes the loss, or does not fit the point.

    >>> from solvers.naturality.registry import OPTIMIZERS
    >>> bowl = Problem(lambda x: (x**2).sum(), size=2)
    >>> teleport_effect(OPTIMIZERS["gradient-descent"], bowl, [1.0, 2.0], [[0.6, 0.8], [-0.8, 0.6]]) < 1e-14
    True
    """
    start, T = _point_and_matrix(problem, theta, transformation, "the transformation")
    read_count(steps, name="steps")
    value = problem.value(start)
    if not abs(problem.value(T @ start) - value) <= 1e-9 * (1 + abs(value)):
        raise InputError("the transformation", why="it changes the loss", cure="give a symmetry of the problem")
    chosen = spec.rate if rate is None else read_number(rate, name="rate", interval=POSITIVE)
    states = [spec.start(problem, start), spec.start(problem, T @ start)]
    worst = 0.0
    for _ in range(steps):
        with np.errstate(all="ignore"):
            states = [spec.step(problem, state, chosen) for state in states]
            first, second = (problem.value(state["point"]) for state in states)
        if not (np.isfinite(first) and np.isfinite(second)):
            return float("inf")
        worst = max(worst, abs(first - second))
    return worst


def _point_and_matrix(problem: Problem, theta: Any, matrix: Any, what: str) -> tuple[FloatArray, FloatArray]:
    """A point of a problem and a square matrix of its size, of finite numbers."""
    start, read = read_reals(theta, what="the point").reshape(-1), read_reals(matrix, what=what)
    shape = (problem.size, problem.size)
    finite = np.isfinite(start).all() and np.isfinite(read).all()
    if len(start) != problem.size or read.shape[-2:] != shape or not finite:
        raise InputError(
            f"{what} of the shape {list(read.shape)} at a point of {len(start)} numbers",
            why=f"the problem has {problem.size} parameters, and the numbers must be finite",
            cure=f"give a point of {problem.size} numbers and matrices of the shape {list(shape)}",
        )
    return start, read


def orbit_cosine(spec: OptimizerSpec, problem: Problem, theta: Any, generators: Any, *, rate: float = 1e-6) -> float:
    r"""The cosine between the velocity of an optimizer and the orbit of a group.

    .. math:: \max_X \frac{|\langle X\theta, V\rangle|}{|X\theta|\,|V|}

    The symmetric generators of a loss are conserved by every optimizer whose velocity is orthogonal to their fields.
    Fields and velocities that are zero are orthogonal.

    Parameters
    ----------
    spec: the optimizer.
    problem: with the symmetry.
    theta: the point.
    generators: symmetric matrices, shape (k, n, n).
    rate: at which the velocity is taken.

    >>> from solvers.naturality.registry import OPTIMIZERS
    >>> product = Problem(lambda x: (x[0] * x[1] - 1) ** 2, size=2)
    >>> orbit_cosine(OPTIMIZERS["gradient-descent"], product, [2.0, 3.0], [np.diag([1.0, -1.0])]) < 1e-9
    True
    """
    point, matrices = _point_and_matrix(problem, theta, _read_matrices(generators), "the generators")
    V = velocity(spec, problem, point, rate)
    fields = matrices @ point
    sizes = np.linalg.norm(fields, axis=1) * np.linalg.norm(V)
    return float(np.max(np.abs(fields @ V) / np.where(sizes > 0, sizes, 1.0)))


def charge_drift(
    spec: OptimizerSpec, problem: Problem, theta: Any, generator: Any, *, rate: float, time: float
) -> float:
    r"""The change of :math:`Q = \tfrac12\theta^{\mathsf T}X\theta` along a run of a fixed time.

    Parameters
    ----------
    spec: the optimizer.
    problem: with the symmetry X.
    theta: the start.
    generator: X, symmetric, shape (n, n).
    rate: the learning rate.
    time: rate times number of steps.

    Raises
    ------
    InputError: the generator does not fit the point, or no step fits into the time.

    >>> from solvers.naturality.registry import OPTIMIZERS
    >>> product = Problem(lambda x: (x[0] * x[1] - 1) ** 2, size=2)
    >>> X, descent = np.diag([1.0, -1.0]), OPTIMIZERS["gradient-descent"]
    >>> drifts = [charge_drift(descent, product, [1.0, 0.2], X, rate=r, time=0.5) for r in (1e-3, 5e-4)]
    >>> round(drifts[0] / drifts[1], 1)
    2.0
    """
    start, X = _point_and_matrix(problem, theta, generator, "the generator")
    rate, time = (read_number(one, name=name, interval=POSITIVE) for name, one in (("rate", rate), ("time", time)))
    steps = round(time / rate)
    if not steps:
        raise InputError(f"time={time:g}", why=f"no step of the rate {rate:g} fits into it", cure="lower the rate")
    end = np.asarray(run(spec, problem, start, rate=rate, steps=steps)["point"], dtype=float)
    return float(end @ X @ end - start @ X @ start) / 2
