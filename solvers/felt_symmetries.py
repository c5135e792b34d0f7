"""Which part of a symmetry algebra a rule can feel: along the rest a teleport changes none of its losses."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from solvers.rule import Rule
from solvers.rules import (
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    GradientDescent,
    HeavyBall,
    Lion,
    NAdam,
    Nesterov,
    Newton,
    RMSProp,
    SignDescent,
)
from solvers.steps.step_size import StepSize
from symmetries.action import GroupAction
from symmetries.actions.parameter_space import FloatArray
from symmetries.algebra import SymmetryAlgebra, components
from symmetries.certificate import Claim
from symmetries.conserved.closed_fields import combinations
from symmetries.fields import VectorField

Unfelt: TypeAlias = Literal["skew", "none", "all"]
"""The linear fields whose flows a rule commutes with: skew ones, none, or all."""

LARGEST = 64
"""Symmetry algebras of a larger dimension are not looked at before a minimisation."""

ENTRIES = 400
"""Parameters beyond which no algebra is looked at before a minimisation."""

_ROTATION_RULES = (GradientDescent, HeavyBall, Nesterov)
_ENTRY_RULES = (SignDescent, Lion, AdaGrad, RMSProp, AdaDelta, Adam, AdamW, AMSGrad, NAdam)


class UselessTeleport(UserWarning):
    """A teleport along a group that the rule cannot feel: it changes no loss of the run."""


@final
@dataclass(frozen=True, kw_only=True)
class FeltSymmetries:
    """The parts of a symmetry algebra.

    Parameters
    ----------
    rule: name of the optimizer.
    dimension: of the algebra.
    felt: matrices of the part that is felt, a basis: for gradient descent the symmetric parts of the generators; None
        where some field is not linear, or holds structural constants.
    unfelt: a basis of the part that is not felt, as coefficients of the generators, shape (k, dimension).
    claim: what is known, and how.
    """

    rule: str
    dimension: int
    felt: tuple[FloatArray, ...] | None
    unfelt: FloatArray
    claim: Claim

    @property
    def felt_dimension(self) -> int:
        """Dimension of the algebra modulo the part that is not felt."""
        return self.dimension - len(self.unfelt)

    @property
    def can_help(self) -> bool | None:
        """Whether a teleport along the connected group can change the losses of a run; None where it is undecided.

        False is a theorem about every loss with this symmetry; True says that it is none.
        """
        return None if self.claim.verdict == "undecided" else self.felt_dimension > 0


def unfelt_fields(rule: Any) -> Unfelt | None:
    """The linear fields whose flows a rule commutes with on every loss; None where it is not known exactly.

    >>> unfelt_fields(HeavyBall()), unfelt_fields(Adam())
    ('skew', 'none')
    """
    if not isinstance(rule, Rule) or isinstance(rule.learning_rate, StepSize):
        return None
    if isinstance(rule, _ROTATION_RULES):
        return "skew"
    if isinstance(rule, Newton):
        return "all" if rule.damping == 0 and rule.indefinite == "refuse" else None
    if isinstance(rule, _ENTRY_RULES):
        return "none"
    return None


def felt_symmetries(rule: Any, symmetry: SymmetryAlgebra | GroupAction | Sequence[VectorField]) -> FeltSymmetries:
    r"""The part of an algebra of exact symmetries that a rule can feel.

    Where :math:`L(e^{tX}\theta) = L(\theta)` and the rule commutes with :math:`e^{tX}`, runs from :math:`\theta` and
    from :math:`e^{tX}\theta` have the same losses.  Gradient descent commutes with isometries alone,

    .. math:: \frac{d}{dt}|\nabla L(e^{tX}\theta)|^2 = -\nabla L^{\mathsf T}(X + X^{\mathsf T})\nabla L,

    so it feels the symmetric parts.  :func:`solvers.rates.cannot_help` asks the same of each generator for the decay
    rate in a metric of learning rates; this function asks it of the whole algebra, for the run of a rule.

    Parameters
    ----------
    rule: of :mod:`solvers.rules`.
    symmetry: what :func:`symmetries.derive` returned, an action with exact fields, or polynomial fields, in which every
        name is a parameter.

    Raises
    ------
    InputError: it is no symmetry of these kinds.

    >>> from symmetries import Loss, derive
    >>> algebra = derive(Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)}))
    >>> found = felt_symmetries(GradientDescent(), algebra)
    >>> found.dimension, found.felt_dimension, found.can_help, found.claim.verdict
    (4, 3, True, 'proved')
    """
    fields, names, why = _read(symmetry)
    name, kind = type(rule).__name__, unfelt_fields(rule)
    if why is None and kind is None:
        why = "the fields with which this rule commutes are not known exactly"
    if why is None and isinstance(rule, Newton) and len(names) > rule.dense_limit:
        why = "above its dense limit the rule solves by conjugate gradients, up to a tolerance"
    if why is not None or fields is None or kind is None:
        return undecided(name, len(fields or ()), why or "")
    decays = bool(getattr(rule, "weight_decay", 0))
    vectors = combinations([_conditions(field, names, kind, decays) for field in fields])
    unfelt = np.zeros((len(vectors), len(fields)))
    for row, vector in enumerate(vectors):
        for column, factor in vector.items():
            unfelt[row, column] = factor
    return FeltSymmetries(
        rule=name,
        dimension=len(fields),
        felt=felt_matrices([_matrix(field, names) for field in fields], kind),
        unfelt=unfelt,
        claim=_claim(name, len(fields), len(vectors), kind, has_memory=bool(rule.slots)),
    )


def felt_matrices(matrices: Sequence[FloatArray | None], kind: Unfelt) -> tuple[FloatArray, ...] | None:
    """A basis of what is felt of linear generators: symmetric parts, all, or nothing.

    >>> [m.tolist() for m in felt_matrices([np.array([[0.0, 2.0], [0.0, 0.0]])], "skew")]
    [[[0.0, 1.0], [1.0, 0.0]]]
    """
    chosen: list[FloatArray] = []
    for matrix in matrices:
        if matrix is None:
            return None
        part = {"skew": (matrix + matrix.T) / 2, "none": matrix, "all": 0 * matrix}[kind]
        stacked = np.array([one.ravel() for one in (*chosen, part)])
        if np.linalg.matrix_rank(stacked) > len(chosen):
            chosen.append(part)
    return tuple(chosen)


def why_useless(rule: Any, action: GroupAction | None, *, transports: bool = True) -> str | None:
    """Why teleports along an action change no loss of a run of a rule, where that is proved; None elsewhere.

    Parameters
    ----------
    rule: of the run.
    action: None where teleports follow no group.
    transports: whether the state of the rule goes with the point.

    >>> from symmetries import Loss, derive
    >>> turn = GroupAction.from_algebra(derive(Loss.parse("x**2 + y**2")))
    >>> why_useless(GradientDescent(), turn) is None, why_useless(Adam(), turn) is None
    (False, True)
    """
    if action is None or not isinstance(rule, Rule) or unfelt_fields(rule) in (None, "none"):
        return None
    if not 0 < action.dimension <= LARGEST or action.space.size > ENTRIES or (rule.slots and not transports):
        return None
    found = felt_symmetries(rule, action)
    if found.can_help is not False or found.claim.verdict != "proved" or found.dimension != action.dimension:
        return None
    return f"{found.rule} cannot feel this group: {found.claim.statement}"


def warn_of_useless_teleport(rule: Any, action: GroupAction | None, *, transports: bool, stacklevel: int) -> str | None:
    """Warn where it is proved that teleports along an action change no loss of a run, and return the reason.

    Parameters
    ----------
    rule, action, transports: as for :func:`why_useless`.
    stacklevel: frames above this one, for the warning.
    """
    reason = why_useless(rule, action, transports=transports)
    if reason is not None:
        warnings.warn(reason, UselessTeleport, stacklevel=stacklevel + 1)
    return reason


def _read(symmetry: Any) -> tuple[tuple[VectorField, ...] | None, tuple[str, ...], str | None]:
    """The exact fields of a symmetry, the names of the entries, and why they do not do where they do not."""
    if isinstance(symmetry, GroupAction):
        fields, loss = symmetry.exact_fields(), symmetry.loss
        if fields is None:
            return None, (), "the fields of the action are not known exactly"
        if not fields:
            return (), tuple(loss.entries), "the group is finite, so it has no generators"
    elif isinstance(symmetry, SymmetryAlgebra):
        fields, loss = tuple(symmetry.generators), symmetry.loss
    elif isinstance(symmetry, Sequence) and symmetry and all(isinstance(one, VectorField) for one in symmetry):
        return _read_fields(tuple(symmetry))
    else:
        raise InputError(
            f"a symmetry of the type {type(symmetry).__name__}",
            why="it is no symmetry algebra, no group action and no list of fields",
            cure="give derive(loss), GroupAction.from_algebra(...) or VectorFields",
        )
    if loss.moving_entries:
        return fields, tuple(loss.entries), "the symmetry moves data"
    known = all(field.polynomials is not None for field in fields)
    return fields, tuple(loss.entries), None if known else "the components of a field are not polynomials"


def _read_fields(fields: tuple[VectorField, ...]) -> tuple[tuple[VectorField, ...], tuple[str, ...], str | None]:
    """Fields without a loss: every name in their coefficients counts as a parameter."""
    if any(field.polynomials is None for field in fields):
        return fields, (), "the components of a field are not polynomials"
    read = {name for field in fields for _, monomial in components(field) for name, _ in monomial}
    return fields, tuple(sorted(read.union(*(field.components for field in fields)))), None


def _degree(monomial: Any, names: tuple[str, ...]) -> int:
    """Degree of a monomial in the parameters."""
    return sum(exponent for name, exponent in monomial if name in names)


def _conditions(field: VectorField, names: tuple[str, ...], kind: Unfelt, decays: bool) -> dict[Hashable, Fraction]:
    """What must vanish for the flow of a field to commute with the rule."""
    result: dict[Hashable, Fraction] = {}
    for (entry, monomial), value in components(field).items():
        degree = _degree(monomial, names)
        key: Hashable | None = (entry, monomial)
        factor = 1
        if degree == 0 and not decays:
            key = None  # translations
        elif degree == 1 and kind == "all":
            key = None
        elif degree == 1 and kind == "skew":
            other = next(name for name, _ in monomial if name in names)
            constants = tuple(pair for pair in monomial if pair[0] not in names)
            key, factor = (*sorted((entry, other)), constants), 2 if entry == other else 1
        if key is not None:
            result[key] = result.get(key, Fraction(0)) + factor * value
    return {key: value for key, value in result.items() if value}


def _matrix(field: VectorField, names: tuple[str, ...]) -> FloatArray | None:
    """The matrix of a linear field; None for other fields and with structural constants."""
    order = {name: k for k, name in enumerate(names)}
    matrix = np.zeros((len(order), len(order)))
    for (entry, monomial), value in components(field).items():
        if len(monomial) != 1 or _degree(monomial, names) != 1:
            return None
        matrix[order[entry], order[monomial[0][0]]] = float(value)
    return matrix


def _claim(name: str, dimension: int, unfelt: int, kind: Unfelt, *, has_memory: bool) -> Claim:
    """What the two dimensions say."""
    flows = {"skew": "isometries", "none": "translations", "all": "affine maps"}[kind]
    if unfelt == dimension:
        statement = f"all {dimension} dimensions of the algebra generate {flows}: teleports change no loss of a run"
    else:
        statement = f"{name} can feel {dimension - unfelt} of {dimension} dimensions, on losses in general"
    assumptions = ("the state of the rule is carried along by the teleport",) if has_memory else ()
    return Claim(
        statement=statement,
        verdict="proved",
        reason=f"of linear flows {name} commutes with {flows} alone; linear algebra over the rationals",
        assumptions=assumptions,
        evidence={"dimension": dimension, "unfelt": unfelt, "commutes_with": flows},
    )


def undecided(name: str, dimension: int, why: str) -> FeltSymmetries:
    """Nothing is claimed."""
    claim = Claim(statement=f"{name} can feel the algebra", verdict="undecided", reason=why)
    return FeltSymmetries(rule=name, dimension=dimension, felt=None, unfelt=np.zeros((0, dimension)), claim=claim)
