"""The verdict on an optimizer: which changes of coordinates it does not notice, as a sentence and as data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, final

from solvers.convergence.theorem_check import TheoremCheck
from solvers.naturality.group_names import Group
from symmetries.certificate import Verdict as Settled

NONLINEAR_WORDS = {
    "coordinatewise": "coordinatewise maps",
    "conformal": "conformal maps",
    "lower-triangular": "lower triangular maps",
    "upper-triangular": "upper triangular maps",
    "moebius": "Möbius maps of matrices",
    "generic": "general smooth maps",
}
"""Classes of nonlinear maps in words."""


@final
@dataclass(frozen=True, kw_only=True)
class Transported:
    """What an optimizer follows once hidden structure is declared and carried along.

    Parameters
    ----------
    structure: what is carried along, in words.
    optimizer: the name of the variant that reads it.
    group: the linear maps that the variant follows.
    """

    structure: str
    optimizer: str
    group: Group


@final
@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Which changes of coordinates an optimizer does not notice.

    Parameters
    ----------
    optimizer: its name.
    shape: of the parameters at which it was tested.
    strict: the affine maps that its paths follow; None where this is undecided.
    orbital: those that they follow once the learning rate is adapted to the map.
    algebra: name and dimension of the Lie algebra of the linear part; the name is empty where it has none.
    orbital_algebra: the same for the orbital group.
    discrete: classes of single maps (permutations, signs, reflections, transposes) that its paths follow.
    followed: all classes of affine maps that its paths follow.
    approximate: classes that they follow up to a small defect.
    nonlinear: classes of nonlinear maps that its first steps follow in the limit of small learning rates.
    lasting: those of them that its paths follow over a fixed time too; an optimizer that remembers gradients of other
        points may lose the map on the way, or be open here where its memory is longer than the paths.
    transported: what is followed once hidden structure is declared and transported.
    loss_gauge: the changes of the loss that its paths do not notice; empty where this was not asked for.
    scaling: what is held when the learning rate shrinks, ``adiabatic`` or ``inertial``.
    verdict: ``measured``, or ``undecided``.
    reasons: why it is undecided.
    evidence: the checks behind it.

    >>> from solvers.naturality.classify import classify
    >>> print(classify("polyak-step"))
    polyak-step: rotations, reflections, uniform scalings and translations only; conformal maps in the limit of \
small steps
    """

    optimizer: str
    shape: tuple[int, ...]
    strict: Group | None
    orbital: Group | None
    algebra: tuple[str, int]
    orbital_algebra: tuple[str, int]
    discrete: tuple[str, ...]
    followed: tuple[str, ...]
    approximate: dict[str, float]
    nonlinear: tuple[str, ...]
    lasting: tuple[str, ...]
    transported: Transported | None
    loss_gauge: str
    scaling: str
    verdict: Settled
    reasons: tuple[str, ...]
    evidence: tuple[TheoremCheck, ...]

    @property
    def certificates(self) -> tuple[TheoremCheck, ...]:
        """The checks behind the verdict, one for each test."""
        return self.evidence

    @property
    def sentence(self) -> str:
        """The verdict as a sentence."""
        if self.strict is None:
            seen = f"; it follows at least: {', '.join(self.followed)}" if self.followed else ""
            return f"{self.optimizer}: undecided, {'; '.join(self.reasons) or 'the evidence does not settle it'}{seen}"
        affine = self.strict.sentence == "all affine maps"
        parts = [self.strict.sentence if affine else f"{self.strict.sentence} only"]
        if self.orbital is not None and self.orbital.scalings and not self.strict.scalings and not affine:
            parts.append("uniform scalings once the learning rate is scaled too")
        if self.transported is not None and self.transported.group.name != self.strict.name:
            carried = self.transported.structure
            parts.append(f"{_beyond(self.transported.group, self.strict)} once {carried} transported")
        return f"{self.optimizer}: {'; '.join([*parts, self._curved()])}{self._remarks()}"

    def _curved(self) -> str:
        """The nonlinear maps in words."""
        if not self.nonlinear:
            return "no nonlinear maps"
        everything = "generic" in self.nonlinear
        names = ["all smooth maps"] if everything else [NONLINEAR_WORDS[name] for name in self.nonlinear]
        kept = set(self.nonlinear) <= set(self.lasting)
        when = "in the limit of small steps" if kept else "for the first steps, in the limit of small steps"
        return f"{' and '.join(names)} {when}"

    def _remarks(self) -> str:
        """What holds only nearly, and what is open."""
        near = [f"{name} to {defect:.0e}" for name, defect in self.approximate.items()]
        remarks = [f"nearly: {', '.join(near)}"] if near else []
        if self.verdict == "undecided":
            remarks.append(f"undecided: {'; '.join(self.reasons)}")
        return f" ({'; '.join(remarks)})" if remarks else ""

    def __str__(self) -> str:
        return self.sentence

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON-ready data."""
        transported = None
        if self.transported is not None:
            transported = {
                "structure": self.transported.structure,
                "optimizer": self.transported.optimizer,
                "group": str(self.transported.group),
            }
        return {
            "optimizer": self.optimizer,
            "shape": list(self.shape),
            "verdict": self.verdict,
            "sentence": self.sentence,
            "strict_group": None if self.strict is None else str(self.strict),
            "lie_algebra": {"name": self.algebra[0], "dimension": self.algebra[1]},
            "orbital_group": None if self.orbital is None else str(self.orbital),
            "orbital_lie_algebra": {"name": self.orbital_algebra[0], "dimension": self.orbital_algebra[1]},
            "discrete": list(self.discrete),
            "followed": list(self.followed),
            "approximate": dict(self.approximate),
            "nonlinear": list(self.nonlinear),
            "nonlinear_over_time": list(self.lasting),
            "transported": transported,
            "loss_gauge": self.loss_gauge or None,
            "scaling": self.scaling,
            "reasons": list(self.reasons),
            "evidence": [check.to_dict() for check in self.evidence],
        }

    def to_json(self) -> str:
        """The verdict as JSON text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)


def _beyond(group: Group, other: Group) -> str:
    """What a group has in words; where it is one of scalings of coordinates beside signed permutations, those."""
    if "⋊ B(" in group.name and other.name.startswith("B("):
        return "diagonal scalings"
    if group.scalings and not other.scalings and group.words == other.words:
        return "uniform scalings"
    return group.sentence
