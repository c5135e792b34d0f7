r"""Discrete symmetries of a loss: permutations of its parameters with signs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from symmetries.arguments import read_seed, require_loss
from symmetries.certificate import Claim, Verdict, overall
from symmetries.domain import require_defined
from symmetries.loss import Loss
from symmetries.permutations.automorphisms import DEFAULT_BUDGET, Automorphisms, AutomorphismSearch, Images, Level
from symmetries.permutations.discrete_bound import BoundSearch
from symmetries.permutations.discrete_expansion import expanded
from symmetries.permutations.discrete_invariance import Invariance
from symmetries.permutations.group_names import name_group
from symmetries.permutations.permutation_group import PermutationGroup
from symmetries.permutations.sign_flips import sign_flips
from symmetries.permutations.signed_graph import SignedGraph
from symmetries.permutations.signed_permutation import SignedPermutation

WORK = 100_000_000
"""Vertices visited by refinements before the search of a large graph gives up."""

MOST_REPRESENTATIVES = 80
"""Known maps are handed to a second search where their chain of stabilisers has up to so many representatives."""

MAX_ROUNDS = 40
"""Further maps that are added one by one, beyond those that the formula shows."""

FEW = 5
"""Up to so many coordinates all signed permutations are tried where nothing else decides."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class DiscreteGroup:
    r"""The signed permutations g of the parameter entries with :math:`L(g\cdot w) = L(w)`, as a group.

    Parameters
    ----------
    loss: the loss.
    coordinates: the entries that are moved: parameters, and data that moves.
    generators: maps that generate the group.
    generator_claims: one claim for each.
    group: the group as permutations of the points +e_0, ..., +e_(n-1), -e_0, ..., -e_(n-1).
    name: its name, such as ``S_3`` or ``Z_2 wr S_64``; None when it is not recognised.
    completeness: the claim that no other signed permutation keeps the loss.

    >>> group = discrete_symmetries(Loss.parse("x**4 + y**4"))
    >>> group.order, group.name, group.verdict
    (8, 'D_4', 'proved')
    """

    loss: Loss
    coordinates: tuple[str, ...]
    generators: tuple[SignedPermutation, ...]
    generator_claims: tuple[Claim, ...]
    group: PermutationGroup
    name: str | None
    completeness: Claim

    @property
    def order(self) -> int:
        """Number of elements."""
        return self.group.order

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All claims: the generators' and completeness."""
        return (*self.generator_claims, self.completeness)

    @property
    def verdict(self) -> Verdict:
        """Verdict of all claims together."""
        return overall(claim.verdict for claim in self.claims)

    def __contains__(self, element: object) -> bool:
        return isinstance(element, SignedPermutation) and element.points in self.group

    def random(self, rng: int | np.random.Generator = 0) -> SignedPermutation:
        """An element, all equally likely.

        >>> group = discrete_symmetries(Loss.parse("x**4 + y**4"))
        >>> group.random(1) in group
        True
        """
        generator = rng if isinstance(rng, np.random.Generator) else np.random.default_rng(read_seed(rng))
        return SignedPermutation.from_points(self.coordinates, self.group.random(generator))

    def elements(self) -> Iterator[SignedPermutation]:
        """All elements, one after the other.

        >>> group = discrete_symmetries(Loss.parse("x**2 + y**4"))
        >>> sorted(str(one) for one in group.elements())
        ['identity', 'x -> -x', 'x -> -x, y -> -y', 'y -> -y']
        """
        return (SignedPermutation.from_points(self.coordinates, images) for images in self.group.elements())

    def __str__(self) -> str:
        title = self.name or f"{len(self.generators)} generators"
        head = f"group of order {self.order} ({title}; completeness {self.completeness.verdict})"
        return "\n".join([head, *(f"  {one}" for one in self.generators)])


def discrete_symmetries(loss: Loss, *, rng: int | np.random.Generator = 0) -> DiscreteGroup:
    r"""Find the permutations of the parameter entries, with signs, that leave a loss unchanged for all free data.

    They are automorphisms of the graph of its formula; a rational loss is written out first, so that there are no
    others.  Where it has functions, others are excluded by values of the loss that differ in spite of rounding.
    Parameters are permuted among themselves, and so is data that moves.

    Parameters
    ----------
    loss: the loss.
    rng: seed or generator of the points at which maps are excluded.

    Returns
    -------
    DiscreteGroup with order, generators and name; each generator is verified, and completeness has its claim.

    Raises
    ------
    InputError: the argument is no loss, or has no value at any sampled point.

    Examples
    --------
    >>> from symmetries import Loss
    >>> network = Loss.parse("sum((y - V@tanh(W@x))**2)", {"W": (3, 2), "V": (2, 3)}, data={"x": (2,), "y": (2,)})
    >>> group = discrete_symmetries(network)
    >>> group.order, group.name, group.completeness.verdict
    (48, 'Z_2 wr S_3', 'proved')

    Source: A. M. Chen, H. Lu, R. Hecht-Nielsen, "On the geometry of feedforward neural network error surfaces" (1993).
    """
    loss = require_loss(loss, where="discrete_symmetries")
    seed = read_seed(rng)
    require_defined(loss, seed=seed)
    return _Finder(loss, seed).find()


@final
@dataclass
class _Finder:
    """The steps of the search."""

    loss: Loss
    seed: int
    invariance: Invariance = field(init=False)
    claims: dict[Images, Claim] = field(default_factory=dict)
    doubtful: bool = False

    def __post_init__(self) -> None:
        self.invariance = Invariance(self.loss)
        self.names = self.invariance.coordinates
        self.degree = 2 * len(self.names)
        self.classes = [0] * len(self.loss.entries) + [1] * len(self.loss.moving_entries)

    def find(self) -> DiscreteGroup:
        """The group with its claims."""
        signed, found = self._automorphisms(None)
        group = PermutationGroup(self.degree, found.levels)
        if not signed.faithful or (not found.complete and sum(group.orbit_lengths) <= MOST_REPRESENTATIVES):
            group = self._with_flips(group)
        root = expanded(self.invariance.graph, self.invariance.root)
        if root is not None:
            if root != self.invariance.root:
                self.invariance = self.invariance.rewritten(root)
                signed, found = self._automorphisms(group)
            if signed.faithful and found.complete and not self.doubtful:
                reason = "the loss is rational, and these are all exchanges of the terms of its coprime polynomials"
                return self._result(PermutationGroup(self.degree, found.levels), "proved", reason)
        return self._beyond(group)

    def _automorphisms(self, known: PermutationGroup | None) -> tuple[SignedGraph, Automorphisms]:
        """Automorphisms of the graph of the formula, beside those that are known."""
        signed = SignedGraph(self.invariance.graph, self.invariance.root, self.names, self.classes)

        def chain(bases: Sequence[int]) -> Sequence[Level]:
            """The known ones, for other base points."""
            assert known is not None
            return PermutationGroup.from_generators(self.degree, known.generators, bases).levels

        search = AutomorphismSearch(
            signed.adjacency,
            signed.colours,
            self.degree,
            self._accept,
            budget=max(200, min(DEFAULT_BUDGET, WORK // max(1, len(signed.colours)))),
            known=chain if known is not None and sum(known.orbit_lengths) <= MOST_REPRESENTATIVES else None,
        )
        return signed, search.run()

    def _map(self, images: Images) -> SignedPermutation:
        return SignedPermutation.from_points(self.names, images)

    def _accept(self, images: Images) -> bool:
        """Whether a map is proved to keep the loss; its claim is kept."""
        permutation = self._map(images)
        if permutation.points != images:
            return False
        new = self.invariance.image(permutation)
        if not self.invariance.keeps_value(new):
            return False
        if not self.invariance.keeps_domain(new):
            self.doubtful = True
            return False
        self.claims[images] = self.invariance.proved_claim(permutation)
        return True

    def _with_flips(self, group: PermutationGroup) -> PermutationGroup:
        """The group with the sign flips that linear algebra finds, where the graph does not hold all of them."""
        new: list[Images] = []
        for flipped in sign_flips(self.invariance.graph, self.invariance.root, self.names):
            signs = tuple(-1 if k in flipped else 1 for k in range(len(self.names)))
            images = SignedPermutation(self.names, tuple(range(len(self.names))), signs).points
            if images not in group and self._accept(images):
                new.append(images)
        return PermutationGroup.from_generators(self.degree, [*group.generators, *new]) if new else group

    def _beyond(self, group: PermutationGroup) -> DiscreteGroup:
        """Exclude other maps, or add those that turn up."""
        seen: dict[Images, Claim] = {}

        def refuted(images: Images) -> bool:
            """Whether a map certainly does not keep the loss."""
            if images not in seen:
                seen[images] = self.invariance.claim(self._map(images), rng=self.seed)
            return seen[images].verdict == "refuted"

        for _ in range(MAX_ROUNDS):
            search = BoundSearch(self.invariance, self.classes, refuted, rng=self.seed)
            bound = search.run(group)
            if bound.outcome == "unknown" and len(self.names) <= FEW:
                bound = search.run_all(group)
            if bound.outcome == "complete":
                return self._result(group, "proved", bound.reason, bound.assumptions)
            if bound.candidate is None:
                return self._result(group, "undecided", bound.reason)
            claim = seen[bound.candidate]
            if claim.verdict == "undecided":
                reason = f"it is not decided whether {self._map(bound.candidate)} keeps the loss"
                return self._result(group, "undecided", reason)
            self.claims[bound.candidate] = claim
            group = PermutationGroup.from_generators(self.degree, [*group.generators, bound.candidate])
        return self._result(group, "undecided", f"more than {MAX_ROUNDS} maps turned up that the formula does not show")

    def _result(
        self, group: PermutationGroup, verdict: Verdict, reason: str, assumptions: tuple[str, ...] = ()
    ) -> DiscreteGroup:
        used = self._used(group)
        statement = f"no other signed permutation of the {len(self.names)} coordinates keeps the loss"
        evidence: Mapping[str, Any] = {"order": str(group.order), "coordinates": len(self.names)}
        return DiscreteGroup(
            loss=self.loss,
            coordinates=self.names,
            generators=tuple(self._map(images) for images in used),
            generator_claims=tuple(self.claims[images] for images in used),
            group=group,
            name=name_group(group),
            completeness=Claim(
                statement=statement, verdict=verdict, reason=reason, assumptions=assumptions, evidence=evidence
            ),
        )

    def _used(self, group: PermutationGroup) -> list[Images]:
        """Generators with claims: those of the chain, or where that has words in them, those it was made from."""
        if all(images in self.claims for images in group.generators):
            return list(group.generators)
        return list(self.claims)
