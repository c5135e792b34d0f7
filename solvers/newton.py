r"""Newton equivalence: on a convex quadratic the steepest point of a level set is one gradient step from the minimiser.

There the gradient u satisfies :math:`Hu = \lambda u`, so it is parallel to the Newton direction
:math:`H^{-1}u = u/\lambda`, and the step with the rate :math:`1/\lambda` is Newton's.  Every hypothesis is checked, and
where one fails the answer is undecided.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from solvers.convergence.theorem_check import Checked, checked
from solvers.equivalence.certified_minimiser import certified_minimiser
from solvers.equivalence.convexity import Convexity, convex_as_written, exact_convexity, measured_convexity
from solvers.equivalence.newton_contraction import check_newton_contraction
from solvers.equivalence.newton_order import ObservedOrder, observed_order
from solvers.equivalence.other_claims import other_claims, residual_action, steepest_by_search
from solvers.equivalence.quadratic_claims import claims_at, searched, undecided_rest
from solvers.equivalence.steepest import steepest_point
from solvers.equivalence.subject import Subject, read_minimiser, read_subject
from solvers.equivalence.transitive import (
    given_group,
    own_group,
    require_action,
    residual_group,
    residual_minimiser,
    rotated_residuals,
)
from solvers.objective import Objective
from symmetries import GroupAction, Loss
from symmetries.actions.parameter_space import FloatArray, Point
from symmetries.arguments import read_generator
from symmetries.certificate import Claim

__all__ = [
    "ObservedOrder",
    "angle_to_newton",
    "check_newton_contraction",
    "check_newton_equivalence",
    "is_transitive",
    "named_claim",
    "observed_order",
]

SOURCE = "B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 4.3"

THEOREM = "Newton equivalence"


def check_newton_equivalence(
    problem: Objective | Loss | Any,
    w: Point | None = None,
    *,
    action: GroupAction | None = None,
    minimiser: Point | None = None,
    data: Mapping[str, Any] | None = None,
    rng: int | np.random.Generator = 0,
) -> Checked:
    r"""Whether a teleport to the steepest point of the level set and one step are a Newton step to the minimiser.

    For :math:`L = \tfrac12 w^\top A w + b^\top w + c` with A positive semidefinite,

    .. math:: \arg\max_{L(v)=L(w)} |\nabla L(v)| = w^* + \sqrt{2(L(w)-L^*)/\lambda}\;q, \quad Aq = \lambda q,\ |q| = 1,

    with the largest eigenvalue :math:`\lambda`, and :math:`v - \nabla L(v)/\lambda = w^*`.

    Parameters
    ----------
    problem: a loss, an objective, or a symmetric matrix A of shape (n, n), which stands for half of w.A w.
    w: the start; the point that the loss declares, or a random one, by default.
    action: the group that teleports; by default all that keep the quadratic.
    minimiser: where the minimum of a loss that is not quadratic is, if that is known.
    data: values of the data of a loss that are free.
    rng: seed or generator of the random point and of searches.

    Returns
    -------
    A certificate, or a ``TheoremCheck`` without a declared loss, with the
    claims ``quadratic``, ``definite``, ``minimum``, ``transitive``, ``maximiser``, ``eigenvector``, ``parallel``,
    ``landing`` and ``search`` as far as they apply; ``named_claim`` finds them.  A loss that is not quadratic is
    refuted, and the landing measured from the steepest point that a search finds.

    Raises
    ------
    InputError: the problem, the point or the data are none, or the action belongs to another loss.

    Examples
    --------
    >>> check = check_newton_equivalence(Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2"), [5.0, -5.0])
    >>> check.verdict, is_transitive(check), angle_to_newton(check) < 1e-15
    ('measured', True, True)
    >>> check_newton_equivalence(Loss.parse("x**2 - y**2")).verdict
    'undecided'
    >>> check_newton_equivalence(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2"), [-1.0, -1.0]).verdict
    'refuted'

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 4.3; the decisions are ours.
    """
    generator = read_generator(rng)
    with np.errstate(all="ignore"):  # what overflows is not finite, and is looked at
        subject = read_subject(problem, w, data, generator)
    if action is not None:
        require_action(action, subject.objective, subject.loss)
    goal = None if minimiser is None or subject.objective is None else read_minimiser(subject.objective, minimiser)
    with np.errstate(all="ignore"):
        claims = _claims(subject, action, goal, generator)
    return checked(subject.loss, claims, theorem=THEOREM, source=SOURCE)


def named_claim(check: Checked, name: str) -> Claim | None:
    """The claim of a name in a check of Newton equivalence, None where it was not reached.

    >>> named_claim(check_newton_equivalence(Loss.parse("x**2 + y**2")), "landing").verdict
    'measured'
    """
    return next((claim for claim in check.claims if claim.evidence.get("name") == name), None)


def angle_to_newton(check: Checked) -> float | None:
    """The angle between the gradient at the maximiser and the Newton direction, in radians; None where unknown.

    >>> angle_to_newton(check_newton_equivalence(Loss.parse("x**2 + 9*y**2"), [1.0, 1.0])) < 1e-15
    True
    """
    claim = named_claim(check, "parallel")
    value = claim.evidence.get("angle") if claim is not None else None
    return None if value is None else float(value)


def is_transitive(check: Checked) -> bool | None:
    """Whether the group fills the level set; None where that is not known.

    >>> is_transitive(check_newton_equivalence(Loss.parse("x**2 + 9*y**2"), [1.0, 1.0]))
    True
    """
    claim = named_claim(check, "transitive")
    return claim.evidence.get("transitive") if claim is not None else None


def _claims(
    subject: Subject, action: GroupAction | None, minimiser: FloatArray | None, rng: np.random.Generator
) -> list[Claim]:
    """All claims."""
    decision = subject.decision
    if subject.objective is None:
        reason = f"{decision.missing}: give values to decide this" if decision.missing else "data have no values"
        convex = [convex_as_written()] if decision.is_convex else []
        return [decision.claim, *convex, *undecided_rest(reason)]
    if decision.claim.verdict == "refuted":
        return [decision.claim, *_without_quadratic(subject, subject.objective, action, minimiser, rng)]
    if decision.claim.verdict == "undecided":
        return [decision.claim, *undecided_rest("it is not known whether the loss is quadratic")]
    exact = decision.quadratic is not None
    if exact:
        loss = subject.loss
        convexity = exact_convexity(decision, has_doubles=loss is None or bool(loss.data))
    else:
        convexity = measured_convexity(subject.objective, subject.w, decision)
    claims = [decision.claim, *convexity.claims]
    if convexity.minimiser is None or convexity.quadratic is None:
        return [*claims, *undecided_rest(convexity.failure)]
    return [*claims, *_with_quadratic(subject, subject.objective, convexity, action, rng)]


def _with_quadratic(
    subject: Subject,
    objective: Objective,
    convexity: Convexity,
    action: GroupAction | None,
    rng: np.random.Generator,
) -> list[Claim]:
    """The claims on a convex quadratic with a minimiser."""
    quadratic, w = convexity.quadratic, subject.w
    assert quadratic is not None
    assert convexity.minimiser is not None
    slope = quadratic.gradient([Fraction(value) for value in w.tolist()])
    if not any(slope):
        return undecided_rest("the start is a minimiser already: its level set has no direction, and its gradient is 0")
    if action is None:
        group = own_group(len(w), convexity)
    else:
        group = given_group(action, objective, subject.loss, w, convexity, rng)
        if not group.evidence["transitive"] or group.verdict == "refuted":
            return [group, *undecided_rest("the group does not fill the level set, which the theorem needs")]
    found = steepest_point(quadratic, w, convexity.minimiser, convexity.rank)
    if found is None:
        return [group, *undecided_rest("numbers leave the range of double precision, or the start is a minimiser")]
    claims = [group, *claims_at(found, convexity, objective)]
    return claims if len(w) == 1 else [*claims, searched(found, objective, w, action, rng)]


def _without_quadratic(
    subject: Subject,
    objective: Objective,
    action: GroupAction | None,
    minimiser: FloatArray | None,
    rng: np.random.Generator,
) -> list[Claim]:
    """The claims on a loss that is not quadratic."""
    claims = []
    squares = rotated_residuals(subject.loss)
    if action is not None:
        claims.append(given_group(action, objective, subject.loss, subject.w, None, rng))
    elif squares is not None:
        claims.append(residual_group(objective.size))
        action = residual_action(squares)
    centre: Any = None
    if minimiser is not None:
        centre = minimiser
    elif squares is not None:
        centre = residual_minimiser(squares)
    elif subject.loss is not None:
        centre = certified_minimiser(subject.loss, objective, subject.w)
    found = steepest_by_search(objective, subject.w, action, rng)
    return [*claims, *other_claims(objective, subject.w, found, centre)]
