"""`symport newton`: is the steepest point of a level set one gradient step from the minimum?"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError
from symport import spec as specs
from symport import starts
from symport.answers import CODES, Answer, to_json
from symport.figure_files import check_figure, write_figure
from symport.pairs import read_point
from symport.payloads import claim_payload, loss_payload

if TYPE_CHECKING:
    from solvers.convergence.theorem_check import Checked
    from symmetries.loss import Loss
    from symport.session import Session
    from symport.tables import Block


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    starts.add_arguments(parser)
    known = 'where the minimum is, such as "x=1, y=1", for a loss that is not quadratic'
    parser.add_argument("--minimiser", metavar="PAIRS", help=known)
    about = "draw the gradient and the Newton direction, before and after, into this file (.png, .svg or .pdf)"
    parser.add_argument("--plot", metavar="FILE", help=about)


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Check Newton equivalence, with exit code 1 when a claim is refuted and 3 when one is undecided."""
    import numpy as np

    from solvers.newton import check_newton_equivalence

    check_figure(options.plot)
    spec = specs.resolve_at(options)
    rng = np.random.default_rng(session.seed)
    point = start_of(spec.loss, rng)
    refuse_picture(options.plot, spec.loss)
    minimiser = None
    if options.minimiser is not None:
        minimiser = values_of(spec.loss, read_point(options.minimiser, "--minimiser"), "--minimiser")
    check = check_newton_equivalence(spec.loss, point, minimiser=minimiser, rng=rng)
    payload = {"loss": loss_payload(spec.loss), "at": starts.listed(point), **newton_payload(check, spec.loss)}
    if options.plot is not None:
        draw(options.plot, spec.loss, point, payload)

    def blocks() -> list[Any]:
        """What is shown to people."""
        from symport.sections import loss_blocks

        return [*loss_blocks(spec), *newton_blocks(check, payload)]

    def files(whole: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {"newton.json": to_json(whole).encode()}

    return Answer(payload=payload, blocks=blocks, code=CODES[check.verdict], files=files)


def start_of(loss: Loss, rng: Any) -> dict[str, Any]:
    """The point that the command or the loss names, or a random one where neither names any."""
    given = {name: value for name, value in (loss.at or {}).items() if name in loss.parameters}
    if given:
        return values_of(loss, given, "--at")
    return {name: rng.standard_normal(shape) for name, shape in loss.parameters.items()}


def values_of(loss: Loss, given: Mapping[str, Any], option: str) -> dict[str, Any]:
    """Values of all parameters as arrays of doubles."""
    from symmetries.arguments import read_reals

    missing = [name for name in loss.parameters if name not in given]
    if missing:
        cure = f'write {option} "{"; ".join(f"{name}=..." for name in loss.parameters)}"'
        raise InputError(f"{option} gives no value for {', '.join(missing)}", why="it is one point", cure=cure)
    point = loss.with_point(given).at or {}
    return {name: read_reals(point[name], what=f"{option} with {name!r}") for name in loss.parameters}


def refuse_picture(file: str | None, loss: Loss) -> None:
    """Refuse a picture of a loss that is not one of two parameters with all its data."""
    free = [*loss.constants, *(name for name, item in loss.data.items() if item.values is None)]
    free = [name for name in free if name not in (loss.at or {})]
    if file is None or (len(loss.entries) == 2 and not free):
        return
    why = f"it is drawn in the plane, and the loss has {len(loss.entries)} parameters"
    why = f"the loss depends on {', '.join(free)}, which have no values" if free else why
    raise InputError(f"--plot {file!r}", why=why, cure="remove --plot, or fix all but two parameters and all data")


def newton_payload(check: Checked, loss: Loss) -> dict[str, Any]:
    """What was found, as programs read it."""
    from solvers.newton import angle_to_newton, is_transitive, named_claim

    found = named_claim(check, "maximiser")
    if found is None or "point" not in found.evidence:
        found = named_claim(check, "eigenvector")
    landing = named_claim(check, "landing")
    reached = found.evidence.get("point") if found is not None else None
    return {
        "verdict": check.verdict,
        "claims": [claim_payload(claim) for claim in check.claims],
        "transitive": is_transitive(check),
        "angle_to_newton": angle_to_newton(check),
        "eigenvalue": found.evidence.get("eigenvalue") if found is not None else None,
        "distance": landing.evidence.get("distance") if landing is not None else None,
        "relative_distance": landing.evidence.get("relative_distance") if landing is not None else None,
        "point": by_name(loss, reached) if reached is not None else None,
    }


def by_name(loss: Loss, flat: Any) -> dict[str, Any]:
    """A flat point as lists by name."""
    import numpy as np

    from symmetries.actions.parameter_space import ParameterSpace

    return starts.listed(ParameterSpace(dict(loss.parameters)).split(np.asarray(flat, dtype=float)))


def draw(file: str, loss: Loss, point: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
    """The picture of the directions at the start and at the point that was found."""
    from solvers.objective import Objective
    from symport.newton_plots import plot_directions

    objective = Objective.from_loss(loss)
    found = payload["point"]
    write_figure(file, lambda: plot_directions(objective, point, found, payload["eigenvalue"]))


def newton_blocks(check: Checked, payload: Mapping[str, Any]) -> list[Block]:
    """What the command says to people."""
    from symport.sections import cut
    from symport.tables import Heading, Line, Table

    rows = [[claim.verdict, cut(claim.statement)] for claim in check.claims]
    blocks: list[Block] = [Heading(f"Newton equivalence: {payload['verdict']}"), Table(rows)]
    why = {claim.reason: None for claim in check.claims if claim.verdict in ("refuted", "undecided") and claim.reason}
    blocks += [Line(cut(f"why: {reason}")) for reason in why]
    numbers = {
        "eigenvalue": "largest eigenvalue",
        "angle_to_newton": "angle to the Newton direction",
        "distance": "distance to the minimiser after the step",
        "relative_distance": "relative to the distance before it",
    }
    shown = [[about, f"{payload[name]:.6g}"] for name, about in numbers.items() if payload[name] is not None]
    if payload["transitive"] is not None:
        shown.insert(0, ["the group fills the level set", "yes" if payload["transitive"] else "no"])
    if payload["point"] is not None:
        shown += [[f"steepest point, {name}", cut(str(value))] for name, value in payload["point"].items()]
    return [*blocks, Heading("numbers"), Table(shown)] if shown else blocks
