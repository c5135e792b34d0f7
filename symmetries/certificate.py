"""Claims and certificates: what is said of a loss, how sure it is, and on what evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, final

from manifolds.errors import InputError

Verdict: TypeAlias = Literal["proved", "measured", "refuted", "undecided"]

WEIGHT: Mapping[str, int] = {"proved": 0, "measured": 1, "undecided": 2, "refuted": 3}
"""The verdicts by weight: together, several claims have the heaviest of their verdicts."""

SCHEMA = "symport/certificate/1"


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Verdict of several claims together: refuted over undecided over measured over proved.

    >>> overall(["proved", "measured"])
    'measured'
    """
    return max(verdicts, key=WEIGHT.__getitem__, default="proved")


@final
@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement with its verdict.

    Parameters
    ----------
    statement: what is claimed, as a formula or a sentence.
    verdict: ``proved`` (exactly), ``measured`` (numbers only), ``refuted`` (with a counterexample) or ``undecided``.
    reason: why the verdict is what it is, in a sentence.
    assumptions: what a conditional proof rests on; empty when it is unconditional.
    evidence: numbers and names behind the verdict, JSON-ready.

    >>> Claim(statement="x d/dx annihilates L", verdict="proved").verdict
    'proved'
    """

    statement: str
    verdict: Verdict
    reason: str = ""
    assumptions: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.verdict not in WEIGHT:
            raise InputError(
                f"the verdict {self.verdict!r}", why="it is not known", cure=f"use one of {', '.join(WEIGHT)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """The claim as JSON-ready data."""
        return {**asdict(self), "assumptions": list(self.assumptions), "evidence": dict(self.evidence)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Claim:
        """The claim that :meth:`to_dict` wrote."""
        try:
            assumptions = _of_type(data.get("assumptions", []), list, "the assumptions of a claim")
            return cls(
                statement=_of_type(data["statement"], str, "the statement of a claim"),
                verdict=_of_type(data["verdict"], str, "the verdict of a claim"),
                reason=_of_type(data.get("reason", ""), str, "the reason of a claim"),
                assumptions=tuple(_of_type(one, str, "an assumption") for one in assumptions),
                evidence=_of_type(data.get("evidence", {}), dict, "the evidence of a claim"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "a claim of the certificate cannot be read",
                why=f"{type(error).__name__}: {error}",
                cure="use a file that `symport verify --certificate` wrote, unchanged",
            ) from error


@final
@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Claims about one loss, with everything that is needed to check them again.

    Parameters
    ----------
    loss: the declaration of the loss, as :meth:`symmetries.Loss.to_dict` gives it.
    fields: the vector fields spoken of, each a mapping from parameter entry to formula.
    action: the finite action spoken of, a mapping from parameter entry to formula, empty when there is none.
    claims: the statements.

    Raises
    ------
    InputError: from :meth:`from_json`, when the text is no certificate or contradicts itself.

    >>> from symmetries import Loss, derive
    >>> certificate = derive(Loss.parse("x**2 + 9*y**2")).certificate
    >>> certificate.verdict, certificate.fields[0]["x"]
    ('proved', '9*y')
    >>> Certificate.from_json(certificate.to_json()).verdict
    'proved'
    """

    loss: Mapping[str, Any]
    claims: tuple[Claim, ...]
    fields: tuple[Mapping[str, str], ...] = ()
    action: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Verdict of all claims together."""
        return overall(claim.verdict for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """The certificate as JSON-ready data."""
        return {
            "schema": SCHEMA,
            "loss": dict(self.loss),
            "fields": [dict(components) for components in self.fields],
            "action": dict(self.action),
            "verdict": self.verdict,
            "claims": [claim.to_dict() for claim in self.claims],
        }

    def to_json(self) -> str:
        """The certificate as JSON text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def to_coq(self) -> str:
        r"""A Coq file whose kernel checks that each field annihilates the loss, or that the action leaves it as it is.

        Every claim is proved again first.  For a field X it proves :math:`\frac{d}{dt} L(\theta + tX(\theta)) = 0`
        at t = 0, for an action :math:`L(g_t\theta) = L(\theta)`, from the standard library of Coq 8.16 alone.

        Raises
        ------
        InputError: a claim is not proved, the claims contradict the fields, or a function of the loss has no
            differential rule in Coq's standard library.

        >>> from symmetries import Loss, derive
        >>> text = derive(Loss.parse("x**2 + 9*y**2")).certificate.to_coq()
        >>> "Theorem symmetry_1" in text, "Admitted" in text
        (True, False)
        """
        from symmetries.coq.export import export

        return export(self)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The certificate that :meth:`to_json` wrote; its verdict must agree with its claims."""
        try:
            data = json.loads(text)
            if not isinstance(data, dict) or data.get("schema") != SCHEMA:
                raise ValueError(f"the schema is not {SCHEMA}")
            claims = _of_type(data["claims"], list, "the list of claims")
            fields = _of_type(data["fields"], list, "the list of fields")
            certificate = cls(
                loss=_of_type(data["loss"], dict, "the loss"),
                claims=tuple(Claim.from_dict(_of_type(claim, dict, "a claim")) for claim in claims),
                fields=tuple(_components(one, "a field") for one in fields),
                action=_components(data["action"], "the action"),
            )
            if data["verdict"] != certificate.verdict:
                raise ValueError(f"it says {data['verdict']!r} and its claims say {certificate.verdict!r}")
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InputError(
                "the certificate cannot be read",
                why=f"{type(error).__name__}: {error}",
                cure="use a file that `symport verify --certificate` wrote, unchanged",
            ) from error
        return certificate


def _of_type(value: Any, kind: type, what: str) -> Any:
    """The value, which must be of a type of JSON."""
    if not isinstance(value, kind):
        raise TypeError(f"{what} is {type(value).__name__} and not {kind.__name__}")
    return value


def _components(data: Any, what: str) -> dict[str, str]:
    """The formulas of a field or an action, by entry."""
    components = _of_type(data, dict, what)
    return {entry: _of_type(formula, str, f"the component {entry} of {what}") for entry, formula in components.items()}
