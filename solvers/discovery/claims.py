"""What is claimed of a discovery, and how sure it is."""

from __future__ import annotations

from typing import Any

from solvers.convergence.theorem_check import figure
from solvers.discovery.equations import Equations
from solvers.discovery.search import Found, needed
from solvers.discovery.spectrum import Precision
from symmetries.certificate import Claim

SHOWN = 64
"""Singular values that are kept in the evidence."""


def claims_of(found: Found, equations: Equations, precision: Precision) -> tuple[Claim, ...]:
    """The claims on the fields, on their number and on their brackets; ``measured`` or ``undecided``."""
    evidence = evidence_of(found, equations, precision)
    name, family = equations.subject.name, equations.family.name
    if found.doubt:
        statement = f"the {family} symmetries of {name} are counted"
        return (Claim(statement=statement, verdict="undecided", reason=found.doubt, evidence=evidence),)
    dimension = len(found.basis)
    count, rows, bound = len(equations.held), equations.triangle.rows, f"{precision.tolerance:.1e}"
    reason = (
        f"{rows} gradients; singular values up to {bound} count as zero, and the next one is {found.gap:.1e} times the "
        f"last of them; on {count} other points the defect is at most {found.residual:.1e}"
        if dimension
        else f"{rows} gradients; the smallest singular value is {found.values[0]:.1e}, and {bound} would count as zero"
    )
    idle = int(equations.idle().sum())
    if idle:
        reason += f"; {idle} unknowns move nothing that matters at any point"
    first = Claim(
        statement=f"{name} has {dimension} independent {family} symmetries on the sampled points",
        verdict="measured",
        reason=reason,
        evidence=evidence,
    )
    if found.closure is None:
        return (first,)
    second = Claim(
        statement="the brackets of the symmetries are in their span",
        verdict="measured",
        reason=f"a part of at most {found.closure:.1e} of a bracket is outside",
        evidence={"closure": found.closure},
    )
    return first, second


def evidence_of(found: Found, equations: Equations, precision: Precision) -> dict[str, Any]:
    """The numbers behind the claims."""
    train, hold = needed(equations.family.count)
    values = found.values
    accepted = len(found.basis)
    around = values[max(0, accepted - SHOWN // 2) : accepted + SHOWN // 2]
    return {
        "unknowns": equations.family.count,
        "equations": equations.triangle.rows,
        "held_out": len(equations.held),
        "needed": train + hold,
        "zero_gradients": equations.flat_points,
        "non_finite_gradients": equations.non_finite,
        "tolerance": precision.tolerance,
        "gap": figure(found.gap),
        "least_gap": precision.gap,
        "singular_values": around.tolist(),
        "worst_residual": figure(found.residual),
    }
