"""The Lie algebra of the linear maps that an optimizer follows, as the null space of a matrix of derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from solvers.convergence.theorem_check import TheoremCheck, figure
from solvers.naturality.equations import Equations
from solvers.naturality.linear_algebras import closure_defect, name_algebra
from solvers.naturality.problem import Problem
from solvers.naturality.registry import read_optimizer
from solvers.naturality.runs import Unfit, default_problems, reference_runs
from solvers.naturality.slots import NoLift
from solvers.naturality.spec import OptimizerSpec
from solvers.steps.hyperparameters import POSITIVE, read_count, read_number
from symmetries.actions.parameter_space import FloatArray
from symmetries.arguments import read_seed
from symmetries.certificate import Claim, Verdict

STEPS, STEP_SIZE = 3, 1e-4
"""Steps of the paths, and of the differences along a group, unless something else is said."""

GAP, CLOSURE = 1e4, 1e-5
"""Least gap between the singular values that are kept and those that count as zero; largest defect of closure."""

ZERO = 1e-6
"""Singular values below this part of the largest, or of ``PLAIN``, count as zero."""

PLAIN = 0.1
"""A size that rates of change of an optimizer that notices a map have at least, since rows are relative."""

ABOVE = 30.0
"""Singular values that are kept stand this far above the disagreement of differences over one step and over two."""


@final
@dataclass(frozen=True, kw_only=True)
class AlgebraTest:
    """The Lie algebra of an optimizer's linear maps.

    Parameters
    ----------
    optimizer: its name.
    shape: of the parameters.
    name: of the algebra; empty where the dictionary holds none, or where it is undecided.
    dimension: of the linear part; -1 where it is undecided.
    basis: of the linear part, orthonormal, shape (dimension, n, n).
    translations: dimension of the translations, None where they were not asked for.
    orbital: whether a factor of the learning rate was allowed.
    gap: between the singular values that are kept and those that count as zero.
    closure: the largest part of a bracket outside the algebra.
    singular_values: all of them, from large to small.
    reason: why it is what it is.
    verdict: ``measured`` or ``undecided``.
    """

    optimizer: str
    shape: tuple[int, ...]
    name: str
    dimension: int
    basis: FloatArray
    translations: int | None
    orbital: bool
    gap: float
    closure: float
    singular_values: tuple[float, ...]
    reason: str
    verdict: Verdict

    @property
    def claim(self) -> Claim:
        """The statement with its evidence."""
        called = self.name or f"an algebra of dimension {self.dimension}"
        up_to = " up to a factor of the learning rate" if self.orbital else ""
        evidence: dict[str, Any] = {
            "name": self.name,
            "dimension": self.dimension,
            "gap": figure(self.gap),
            "closure": figure(self.closure),
            "singular_values": figure(self.singular_values),
        }
        if self.translations is not None:
            evidence["translations"] = self.translations
        if self.verdict == "measured" and not self.name:
            evidence["basis"] = figure(self.basis)
        statement = f"the linear maps that {self.optimizer} follows{up_to} have the Lie algebra {called}"
        if self.verdict == "undecided":
            statement = f"the linear maps that {self.optimizer} follows{up_to} have a Lie algebra that this test finds"
        return Claim(statement=statement, verdict=self.verdict, reason=self.reason, evidence=evidence)

    @property
    def certificate(self) -> TheoremCheck:
        """The claim as a check."""
        return TheoremCheck(theorem=f"Lie algebra of {self.optimizer}", claims=(self.claim,))

    def __str__(self) -> str:
        called = self.name or f"unnamed, dimension {self.dimension}"
        return f"{self.optimizer}: {called if self.verdict == 'measured' else 'undecided: ' + self.reason}"


def lie_algebra(
    spec: Any,
    *,
    problems: Sequence[Problem] | None = None,
    rate: float | None = None,
    steps: int = STEPS,
    step_size: float = STEP_SIZE,
    orbital: bool = False,
    affine: bool = False,
    rng: int | np.random.Generator = 0,
) -> AlgebraTest:
    r"""The matrices X for which the path does not notice :math:`e^{tX}` to first order in t.

    .. math:: D(X) = \frac{d}{dt}\Big|_0 e^{-tX}\,\theta_K(e^{tX}) = 0

    The path :math:`\theta_K(A)` starts at :math:`A\theta_0` on the loss composed with the inverse of A.  Each equation
    is divided by how far the path leads; the null space of all of them is the algebra.

    Parameters
    ----------
    spec: the optimizer, or whatever :func:`~solvers.naturality.registry.read_optimizer` reads.
    problems: where it is run; the ready ones by default.
    rate: the learning rate; that of the spec by default.
    steps: K.
    step_size: of the differences in t.  Where that settles nothing, a tenth of it is tried, and then more starts.
    orbital: whether a factor of the learning rate may make up for the change.
    affine: whether translations are columns too.
    rng: seed or generator.

    Raises
    ------
    InputError: there is no problem, or a number is out of its range.

    >>> descent = OptimizerSpec(
    ...     name="gradient descent",
    ...     init=lambda problem, theta: {"point": theta},
    ...     step=lambda problem, state, rate: {"point": state["point"] - rate * problem.gradient(state["point"])},
    ...     slots={"point": "point"},
    ... )
    >>> print(lie_algebra(descent))
    gradient descent: so(4)
    >>> print(lie_algebra(descent, orbital=True))
    gradient descent: R + so(4)

    Source: the null space of a matrix of Lie derivatives: S. E. Otto, N. Zolman, J. N. Kutz and S. L. Brunton, "A
    unified framework to enforce, discover, and promote symmetry in machine learning" (2023).
    """
    spec = read_optimizer(spec)
    chosen = default_problems(spec, problems)
    speed = spec.rate if rate is None else read_number(rate, name="rate", interval=POSITIVE)
    step = read_number(step_size, name="step_size", interval=POSITIVE)
    return _algebras(spec, (orbital,), chosen, speed, read_count(steps, name="steps"), step, affine, rng)[0]


def lie_algebras(
    spec: OptimizerSpec,
    *,
    problems: Sequence[Problem] | None = None,
    rng: int | np.random.Generator = 0,
) -> tuple[AlgebraTest, AlgebraTest]:
    """The strict and the orbital algebra from the same paths; see :func:`lie_algebra`.

    >>> from solvers.naturality.optimizers.gradient_descent import polyak_step
    >>> [found.dimension for found in lie_algebras(polyak_step())]
    [7, 7]
    """
    chosen = default_problems(spec, problems)
    strict, orbital = _algebras(spec, (False, True), chosen, spec.rate, STEPS, STEP_SIZE, False, rng)
    return strict, orbital


def _algebras(
    spec: OptimizerSpec,
    kinds: tuple[bool, ...],
    chosen: Sequence[Problem],
    rate: float,
    steps: int,
    step_size: float,
    affine: bool,
    rng: Any,
) -> list[AlgebraTest]:
    """The algebras, strict or orbital, each from the first attempt that settles it."""
    size, seed = chosen[0].size, read_seed(rng)
    count = max(len(chosen), -(-2 * (size * size + affine * size + 1) // size))
    found: dict[bool, AlgebraTest] = {}
    try:
        for more, step in ((1, step_size), (1, step_size / 10), (4, step_size / 10), (4, step_size)):
            left = [kind for kind in kinds if kind not in found or found[kind].verdict == "undecided"]
            if not left:
                break
            random = np.random.default_rng(seed)
            runs = reference_runs(spec, chosen, rate=rate, steps=steps, rng=random, count=more * count)
            equations = Equations(spec, runs, rate, affine=affine)
            matrix, generators = equations.matrix(step)
            for kind in left:
                column = equations.by_rate(step) if kind else matrix[:, :0]
                found[kind] = _solve(equations, np.column_stack([matrix, column]), generators, kind)
    except (Unfit, NoLift) as error:
        return [_nothing(spec, chosen[0].shape, kind, str(error)) for kind in kinds]
    return [found[kind] for kind in kinds]


def _nothing(spec: OptimizerSpec, shape: tuple[int, ...], orbital: bool, reason: str) -> AlgebraTest:
    """The outcome where nothing could be compared."""
    size = int(np.prod(shape))
    return AlgebraTest(
        optimizer=spec.name,
        shape=shape,
        name="",
        dimension=-1,
        basis=np.zeros((0, size, size)),
        translations=None,
        orbital=orbital,
        gap=float("nan"),
        closure=float("nan"),
        singular_values=(),
        reason=reason,
        verdict="undecided",
    )


def _solve(
    equations: Equations, matrix: FloatArray, generators: list[tuple[FloatArray, FloatArray]], orbital: bool
) -> AlgebraTest:
    """Read the algebra off the null space of the derivatives."""
    if not np.isfinite(matrix).all():
        raise Unfit("a run near the start is not finite")
    _, values, right = np.linalg.svd(matrix, full_matrices=False)
    bound = ZERO * max(PLAIN, float(values[0]))
    rank = int((values > bound).sum())
    smallest = float(values[rank - 1]) if rank else PLAIN
    largest_zero = float(values[rank]) if rank < len(values) else bound * ZERO
    gap = smallest / max(largest_zero, 1e-300)
    return _read(equations, right[rank:], generators, orbital, gap, values, drowned=smallest < ABOVE * equations.noise)


def _read(
    equations: Equations,
    null: FloatArray,
    generators: list[tuple[FloatArray, FloatArray]],
    orbital: bool,
    gap: float,
    values: FloatArray,
    *,
    drowned: bool,
) -> AlgebraTest:
    """The algebra of the null vectors; it is not settled where values that are kept drown in errors."""
    size = equations.size
    linear = sum(1 for X, _ in generators if X.any())
    units = np.array([X.reshape(-1) for X, _ in generators[:linear]])
    _, sizes, rows = np.linalg.svd(null[:, :linear] @ units, full_matrices=False)
    rows = rows[sizes > 1e-6]  # null vectors without a linear part are translations, or rates that do nothing
    basis = rows.reshape(-1, size, size)
    closure = closure_defect(basis)
    name, cosine = name_algebra(basis, equations.shape)
    if drowned:
        reason = "its paths are no smooth functions of the map: low precision or a branch hides derivatives"
    elif gap < GAP:
        reason = f"the gap {gap:.1e} is below {GAP:.0e}; take a smaller step of the differences"
    elif not closure <= CLOSURE:
        reason = f"brackets leave the space by {closure:.1e}; take a smaller step of the differences"
    else:
        reason = f"gap {gap:.1e}, brackets close to {closure:.1e}{equations.within}"
        if name and len(basis) not in (0, size**2):
            reason += f", cosine to {name} 1 - {max(0.0, 1 - cosine):.1e}"
    settled = gap >= GAP and closure <= CLOSURE and not drowned
    found = AlgebraTest(
        optimizer=equations.spec.name,
        shape=equations.shape,
        name=name,
        dimension=len(basis),
        basis=basis,
        translations=len(null) - len(rows) if equations.affine else None,
        orbital=orbital,
        gap=gap,
        closure=closure,
        singular_values=tuple(values.tolist()),
        reason=reason,
        verdict="measured",
    )
    return found if settled else replace(found, name="", dimension=-1, verdict="undecided")
