r"""Conserved quantities of gradient flow.

Along :math:`\dot\theta = -G^{-1}\nabla L(\theta; \text{data})` a function Q changes by
:math:`\dot Q = -\langle\nabla Q, G^{-1}\nabla L\rangle`, so it is conserved for all data exactly when the field
:math:`X = G^{-1}\nabla Q` is a symmetry of the loss.  The conserved quantities are the symmetries that are gradients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.algebra import SymmetryAlgebra
from symmetries.ansatz import Ansatz, Basis
from symmetries.arguments import read_seed, require_loss
from symmetries.certificate import Certificate, Claim, Verdict, overall
from symmetries.compiled import CompiledLoss, compile_loss
from symmetries.conserved.activation_integrals import ActivationIntegral, activation_integrals
from symmetries.conserved.bottleneck import one_directional_groups
from symmetries.conserved.conservation_count import Patterns, check_patterns, count_claim, gradient_rank
from symmetries.conserved.conservation_search import Progress, choose_ansatz, search, still_system, within_algebra
from symmetries.conserved.conservation_solve import Law, degree
from symmetries.conserved.metric import Metric
from symmetries.derive import derive
from symmetries.domain import require_defined
from symmetries.fields import VectorField, polynomial_text
from symmetries.loss import Loss
from symmetries.system import DeterminingSystem

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ConservedQuantity:
    r"""A function Q of the parameters that gradient flow keeps, for all data.

    Parameters
    ----------
    loss: the loss.
    expression: Q in the formula language.
    kind: ``linear``, ``quadratic``, ``polynomial`` or ``activation integral``.
    field: the symmetry :math:`X = G^{-1}\nabla Q` that it comes from.
    claim: that it is conserved, with verdict and reason.
    inverse_metric: :math:`G^{-1}` in double precision, its diagonal alone when it is diagonal.

    >>> quantity = conserved_quantities(Loss.parse("(y - u*v*x)**2", ["u", "v"], data=["x", "y"]))[0]
    >>> quantity.expression, quantity.verdict, quantity.value([3.0, 1.0])
    ('u**2 - v**2', 'proved', 8.0)
    """

    loss: Loss
    expression: str
    kind: str
    field: VectorField
    claim: Claim
    inverse_metric: FloatArray

    @property
    def verdict(self) -> str:
        """Whether conservation is proved."""
        return self.claim.verdict

    @cached_property
    def compiled(self) -> CompiledLoss:
        """Q as array functions: value, gradient and Hessian-vector product."""
        constants = list(self.loss.constants)
        return compile_loss(Loss.parse(self.expression, dict(self.loss.parameters), constants=constants))

    def value(self, w: Any, constants: Mapping[str, Any] | None = None) -> float:
        """Q at the flat vector w of the parameters."""
        return self.compiled.value(w, constants)

    def gradient(self, w: Any, constants: Mapping[str, Any] | None = None) -> FloatArray:
        """Gradient of Q at w."""
        return self.compiled.gradient(w, constants)

    def raised(self, covector: Any) -> FloatArray:
        """G^{-1} times a covector."""
        inverse = self.inverse_metric
        return inverse * covector if inverse.ndim == 1 else inverse @ covector

    def __str__(self) -> str:
        return self.expression


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ConservationLaws:
    """The conserved quantities of a loss with what is known of others.

    Parameters
    ----------
    loss: the loss.
    searched: what was searched, in words.
    quantities: proved quantities; products of others are left out.
    independent: how many of them are independent at a generic point.
    completeness: the claim that there are no others among the polynomials that were searched.
    count: the claim about the number of all independent conserved quantities, whatever their form.
    remarks: what was left out, and why.
    """

    loss: Loss
    searched: str
    quantities: tuple[ConservedQuantity, ...]
    independent: int
    completeness: Claim
    count: Claim
    remarks: tuple[str, ...] = ()

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All claims: the quantities', completeness, count."""
        return (*(quantity.claim for quantity in self.quantities), self.completeness, self.count)

    @property
    def verdict(self) -> Verdict:
        """Verdict of all claims together."""
        return overall(claim.verdict for claim in self.claims)

    @property
    def certificate(self) -> Certificate:
        """The gradient fields of the quantities, in a form that can be stored and checked again."""
        return Certificate(
            loss=self.loss.to_dict(),
            fields=tuple(dict(quantity.field.components) for quantity in self.quantities),
            claims=tuple(replace(one.claim, statement=f"({one.field}) L = 0") for one in self.quantities),
        )

    def __str__(self) -> str:
        head = (
            f"{len(self.quantities)} conserved quantities, {self.independent} independent (count {self.count.verdict})"
        )
        return "\n".join([head, *(f"  {quantity}" for quantity in self.quantities)])


def conserved_quantities(
    loss_or_algebra: Loss | SymmetryAlgebra,
    *,
    ansatz: Ansatz | None = None,
    metric: Any = None,
    rng: int | np.random.Generator = 0,
) -> tuple[ConservedQuantity, ...]:
    r"""The quantities that gradient flow :math:`\dot\theta = -G^{-1}\nabla L` conserves for all data, each proved.

    Parameters
    ----------
    loss_or_algebra: a loss, or an algebra of symmetries in which gradient fields are looked for.
    ansatz: fields among which the gradients are searched: ``Affine()`` by default, or the one of the loss where it is
        larger.
    metric: the constant metric G; see :class:`symmetries.conserved.metric.Metric`.  The identity by default.
    rng: seed or generator of the sampling; the answer does not depend on it.

    Raises
    ------
    InputError: the metric does not fit, the search is too large, or the loss is undefined at every sampled point.

    Examples
    --------
    >>> loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 1), "V": (1, 2)}, data={"Y": (2, 2)})
    >>> for quantity in conserved_quantities(loss):
    ...     print(quantity, quantity.verdict)
    U[0,0]**2 + U[1,0]**2 - V[0,0]**2 - V[0,1]**2 proved

    Source: S. Marcotte, R. Gribonval, G. Peyré, arXiv:2307.00144 (2023), proposition 2.5.
    """
    return conservation_laws(loss_or_algebra, ansatz=ansatz, metric=metric, rng=rng, counted=False).quantities


def conservation_laws(
    loss_or_algebra: Loss | SymmetryAlgebra,
    *,
    ansatz: Ansatz | None = None,
    metric: Any = None,
    patterns: Patterns = "realised",
    counted: bool = True,
    rng: int | np.random.Generator = 0,
    progress: Progress | None = None,
) -> ConservationLaws:
    r"""The conserved quantities of gradient flow, and the number of all of them.

    The number of independent conserved quantities near a generic point is n - r, where r is the dimension of the Lie
    algebra that the fields :math:`G^{-1}\nabla L(\cdot; \text{data})` generate, evaluated there.

    Parameters
    ----------
    loss_or_algebra, ansatz, metric, rng: as in :func:`conserved_quantities`.
    patterns: what the count takes for the branches of units such as relu: those that sampled data reach
        (``realised``), or every combination (``all``), which is an assumption.
    counted: whether to count; the count claim is undecided otherwise.
    progress: called with (stage, done, total) during long work.

    Raises
    ------
    InputError: as in :func:`conserved_quantities`, or the patterns are not known.

    Examples
    --------
    >>> loss = Loss.parse("sum((y - B@(A@x))**2)", {"A": (3, 2), "B": (2, 3)}, data={"x": (2,), "y": (2,)})
    >>> laws = conservation_laws(loss)
    >>> laws.independent, laws.count.verdict
    (6, 'proved')

    Source: S. Marcotte, R. Gribonval, G. Peyré, arXiv:2307.00144 (2023), theorem 3.3.
    """
    algebra = loss_or_algebra if isinstance(loss_or_algebra, SymmetryAlgebra) else None
    loss = algebra.loss if algebra else require_loss(loss_or_algebra, where="conserved_quantities")
    _refuse_both(algebra, ansatz)
    check_patterns(patterns)
    chosen = algebra.ansatz if algebra else choose_ansatz(loss, ansatz)
    shape, seed = Metric(loss, metric), read_seed(rng)
    require_defined(loss, seed=seed)
    system = still_system(loss, seed=seed)
    if algebra is not None or isinstance(chosen, Basis):
        found = within_algebra(algebra or derive(loss, ansatz=chosen, rng=seed), system, shape)
    else:
        found = search(system, shape, chosen, progress)
    quantities = [_quantity(loss, shape, law) for law in found.laws]
    fields = [law.field for law in found.laws]
    integrals, remarks = _integrals(loss, system, shape, fields) if algebra is None else ((), ())
    quantities += [_integral(loss, shape, one) for one in integrals if one.expression]
    open_ones = [one for one in integrals if not one.expression]
    independent = gradient_rank(system, fields, [one.components for one in integrals if one.expression])
    known = gradient_rank(system, fields, [one.components for one in integrals]) if open_ones else independent

    def existing() -> int:
        """The number with laws that exist without a formula."""
        groups = one_directional_groups(loss, system, shape)
        nodes = [one.components for one in integrals]
        return gradient_rank(system, fields, nodes, metric=shape, groups=groups) if groups else known

    return ConservationLaws(
        loss=loss,
        searched=found.searched,
        quantities=tuple(quantities),
        independent=independent,
        completeness=found.completeness,
        count=count_claim(system, shape, known, patterns=patterns, more=existing) if counted else NOT_COUNTED,
        remarks=(*found.remarks, *remarks, *map(_not_closed, open_ones)),
    )


def _not_closed(one: ActivationIntegral) -> str:
    """The remark on a law that exists and was not written down."""
    return f"a law with {_derivatives(one)} was not integrated in closed form"


def _refuse_both(algebra: SymmetryAlgebra | None, ansatz: Ansatz | None) -> None:
    """Refuse an algebra together with an ansatz."""
    if algebra is not None and ansatz is not None:
        cure = "give the loss with ansatz=..., or the algebra alone"
        raise InputError("an algebra and an ansatz", why="an algebra is searched as it is", cure=cure)


def _integrals(
    loss: Loss, system: DeterminingSystem, metric: Metric, fields: Sequence[VectorField]
) -> tuple[tuple[ActivationIntegral, ...], tuple[str, ...]]:
    """The activation integrals that are independent of the polynomial quantities, and remarks."""
    found, remarks = activation_integrals(loss, system, metric)
    kept: list[ActivationIntegral] = []
    rank = gradient_rank(system, fields, []) if found else 0
    for one in sorted(found, key=lambda one: one.expression is None):
        larger = gradient_rank(system, fields, [*(other.components for other in kept), one.components])
        if larger > rank:
            kept.append(one)
            rank = larger
    return tuple(kept), remarks


def _derivatives(one: ActivationIntegral) -> str:
    return ", ".join(f"dQ/d{name} = {text}" for name, text in one.derivatives.items())


NOT_COUNTED = Claim(statement="the number of conserved quantities", verdict="undecided", reason="it was not asked for")


def _quantity(loss: Loss, metric: Metric, law: Law) -> ConservedQuantity:
    power = degree(law.polynomial)
    proof = law.proof
    method = "after expansion" if proof.expansions else "in normal form"
    text = polynomial_text(law.polynomial)
    claim = Claim(
        statement=f"{text} is conserved",
        verdict="proved",
        reason=f"its gradient field annihilates the loss, {method}",
        evidence={"invariants": proof.invariants, "expansions": proof.expansions},
    )
    kind = {1: "linear", 2: "quadratic"}.get(power, "polynomial")
    return ConservedQuantity(
        loss=loss, expression=text, kind=kind, field=law.field, claim=claim, inverse_metric=metric.inverse_floats
    )


def _integral(loss: Loss, metric: Metric, one: ActivationIntegral) -> ConservedQuantity:
    assert one.expression is not None
    return ConservedQuantity(
        loss=loss,
        expression=one.expression,
        kind="activation integral",
        field=one.field,
        claim=one.claim,
        inverse_metric=metric.inverse_floats,
    )
