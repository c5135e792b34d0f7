r"""The components of the symmetry group: its discrete part modulo what a flow reaches.

Let D be the finite group and :math:`\mathfrak g` the algebra of linear symmetries, G_0 the connected group of
:math:`\mathfrak g`.  Every d in D normalises G_0, and the components of D G_0 are :math:`D/(D\cap G_0)`.

When :math:`\mathfrak g` is closed under transposition, an orthogonal d of finite order lies in G_0 exactly when
:math:`d = \exp X` for a skew X in :math:`\mathfrak g` that commutes with d, and X may be taken from any one maximal
torus of these: there :math:`\exp X = d` is a question about a lattice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from flint import fmpq, fmpq_mat

from manifolds.errors import InputError
from symmetries.algebra import SymmetryAlgebra
from symmetries.certificate import Claim, Verdict, overall
from symmetries.discrete import DiscreteGroup
from symmetries.permutations.group_names import name_group
from symmetries.permutations.permutation_group import PermutationGroup
from symmetries.permutations.signed_permutation import SignedPermutation
from symmetries.permutations.torus import Decision, combinations, decide, matrices_of, vanishing

LIMIT = 2_000
"""Discrete groups of at most that order are gone through element by element."""

MAX_COORDINATES = 60


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ComponentGroup:
    r"""The group of connected components of the symmetries, :math:`D/(D\cap G_0)`.

    Parameters
    ----------
    discrete: the finite group D.
    algebra: the algebra of the connected group G_0.
    order: number of components; None where it is not decided.
    name: name of the group of components, None where it is not recognised.
    connected: the elements of D that lie in G_0; None where they are not decided.
    claims: that D normalises G_0, and what lies in it.

    >>> from symmetries import Loss, derive
    >>> from symmetries.discrete import discrete_symmetries
    >>> circle = Loss.parse("x**2 + y**2")
    >>> parts = component_group(discrete_symmetries(circle), derive(circle))
    >>> parts.order, parts.name, len(parts.connected), parts.verdict
    (2, 'Z_2', 4, 'proved')
    """

    discrete: DiscreteGroup
    algebra: SymmetryAlgebra
    order: int | None
    name: str | None
    connected: tuple[SignedPermutation, ...] | None
    claims: tuple[Claim, ...]

    @property
    def verdict(self) -> Verdict:
        """Verdict of all claims together."""
        return overall(claim.verdict for claim in self.claims)


def component_group(discrete: DiscreteGroup, algebra: SymmetryAlgebra) -> ComponentGroup:
    r"""The components of the group that discrete and continuous symmetries generate, :math:`D/(D\cap G_0)`.

    Parameters
    ----------
    discrete: what :func:`symmetries.discrete.discrete_symmetries` returned.
    algebra: linear symmetries of the same loss, as :func:`symmetries.derive` returned them.

    Raises
    ------
    InputError: the two belong to different losses.

    Examples
    --------
    >>> from symmetries import Loss, derive
    >>> from symmetries.discrete import discrete_symmetries
    >>> hyperbola = Loss.parse("x*y")
    >>> parts = component_group(discrete_symmetries(hyperbola), derive(hyperbola))
    >>> parts.order, parts.name
    (4, 'Z_2^2')

    Source: A. W. Knapp, "Lie Groups Beyond an Introduction" (2002), theorem 6.31 and proposition 4.36.
    """
    if discrete.loss != algebra.loss:
        why, cure = "they belong to different losses", "derive both from one loss"
        raise InputError("component_group was given a group and an algebra", why=why, cure=cure)
    matrices = matrices_of(algebra, discrete.coordinates)
    statement = "every discrete symmetry normalises the connected group"
    if matrices is None or (len(discrete.coordinates) > MAX_COORDINATES and matrices):
        reason = "the fields are not linear with rational coefficients, or there are too many coordinates"
        claim = Claim(statement=statement, verdict="undecided", reason=reason)
        return _undecided(discrete, algebra, claim)
    normal = normalises(discrete.generators, matrices)
    reason = "Ad(d) sends every generator into the span of all" if normal else "some Ad(d) X leaves the span"
    claim = Claim(statement=statement, verdict="proved" if normal else "undecided", reason=reason)
    if not normal:
        return _undecided(discrete, algebra, claim)
    return _components(discrete, algebra, matrices, claim)


def _undecided(discrete: DiscreteGroup, algebra: SymmetryAlgebra, claim: Claim) -> ComponentGroup:
    return ComponentGroup(discrete=discrete, algebra=algebra, order=None, name=None, connected=None, claims=(claim,))


def matrix_of(element: SignedPermutation) -> fmpq_mat:
    """The matrix of a signed permutation, over the rationals."""
    rows = element.matrix.tolist()
    return fmpq_mat(len(rows), len(rows), [fmpq(value) for row in rows for value in row])


def normalises(elements: Sequence[SignedPermutation], matrices: Sequence[fmpq_mat]) -> bool:
    r"""Whether :math:`d X d^{-1}` lies in the span of the matrices for every X among them and every element d."""
    for element in elements:
        d = matrix_of(element)
        images = [d * x * d.transpose() for x in matrices]
        if len(combinations([*matrices, *images])) != len(images):
            return False
    return True


def _components(
    discrete: DiscreteGroup, algebra: SymmetryAlgebra, matrices: Sequence[fmpq_mat], normal: Claim
) -> ComponentGroup:
    statement = "these discrete symmetries, and no others of the group, lie in the connected group"
    identity = SignedPermutation.identity(discrete.coordinates)
    if all(is_diagonal(x) for x in matrices):
        reason = "the connected group consists of diagonal matrices with positive entries"
        claim = Claim(statement=statement, verdict="proved", reason=reason)
        return _quotient(discrete, algebra, (identity,), (normal, claim))
    if discrete.order > LIMIT:
        reason = f"the discrete group has more than {LIMIT} elements"
        return _open(discrete, algebra, normal, Claim(statement=statement, verdict="undecided", reason=reason))
    skew = vanishing(matrices, [x + x.transpose() for x in matrices])
    adjoint = len(combinations([*matrices, *(x.transpose() for x in matrices)])) == len(matrices)
    decisions: dict[SignedPermutation, Decision] = {}
    for element in discrete.elements():
        decision = decisions[element] = decide(element, matrix_of(element), matrices, skew, self_adjoint=adjoint)
        if decision.inside is None:
            reason = f"it is not decided whether {element} lies in the connected group: {decision.reason}"
            return _open(discrete, algebra, normal, Claim(statement=statement, verdict="undecided", reason=reason))
    exact = follows(discrete, decisions)
    reason = "each is a product of exponentials of the algebra; the others turn an invariant subspace over, or leave it"
    reason = reason if exact else "logarithms in a maximal torus, in part by numbers"
    claim = Claim(statement=statement, verdict="proved" if exact else "measured", reason=reason)
    inside = tuple(element for element, decision in decisions.items() if decision.inside)
    return _quotient(discrete, algebra, inside, (normal, claim))


def follows(discrete: DiscreteGroup, decisions: Mapping[SignedPermutation, Decision]) -> bool:
    """Whether all decisions follow from the exact ones: what is inside is a group, and so are its cosets outside."""
    exact = [element.points for element, one in decisions.items() if one.inside and one.exact]
    known = PermutationGroup.from_generators(2 * len(discrete.coordinates), exact)
    outside = [element.inverse() for element, one in decisions.items() if not one.inside and one.exact]
    for element, one in decisions.items():
        if one.exact:
            continue
        if one.inside and element.points not in known:
            return False
        if not one.inside and not any(other.compose(element).points in known for other in outside):
            return False
    return True


def _open(discrete: DiscreteGroup, algebra: SymmetryAlgebra, normal: Claim, claim: Claim) -> ComponentGroup:
    return ComponentGroup(
        discrete=discrete, algebra=algebra, order=None, name=None, connected=None, claims=(normal, claim)
    )


def is_diagonal(x: fmpq_mat) -> bool:
    """Whether a matrix is diagonal."""
    return all(x[i, j] == 0 for i in range(x.nrows()) for j in range(x.ncols()) if i != j)


def _quotient(
    discrete: DiscreteGroup,
    algebra: SymmetryAlgebra,
    connected: tuple[SignedPermutation, ...],
    claims: tuple[Claim, ...],
) -> ComponentGroup:
    order, rest = divmod(discrete.order, len(connected))
    if rest:
        raise ArithmeticError("the elements of the connected group are no subgroup")
    name = discrete.name if len(connected) == 1 else quotient_name(discrete, connected)
    return ComponentGroup(
        discrete=discrete,
        algebra=algebra,
        order=order,
        name=name,
        connected=connected,
        claims=(*claims, *_inherited(discrete, algebra)),
    )


def _inherited(discrete: DiscreteGroup, algebra: SymmetryAlgebra) -> tuple[Claim, ...]:
    """What the components rest on: both parts are all that there is."""
    return (*discrete.claims, algebra.completeness)


def quotient_name(discrete: DiscreteGroup, connected: Sequence[SignedPermutation]) -> str | None:
    """Name of the group modulo a normal subgroup, from its action on the cosets."""
    coset: dict[tuple[int, ...], int] = {}
    representatives: list[SignedPermutation] = []
    for element in discrete.elements():
        if element.points not in coset:
            representatives.append(element)
            for one in connected:
                coset[element.compose(one).points] = len(representatives) - 1
    size = len(representatives)
    generators = []
    for element in discrete.generators:
        images = [coset[element.compose(one).points] for one in representatives]
        generators.append((*images, *(size + image for image in images)))
    return name_group(PermutationGroup.from_generators(2 * size, generators))
