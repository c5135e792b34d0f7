"""`symport teleport`: a better point of the same level set, with the loss before and after and the cost."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symport import starts
from symport.answers import DONE, UNDECIDED, Answer, to_json
from symport.figure_files import check_figure, write_figure
from symport.payloads import loss_payload

if TYPE_CHECKING:
    from solvers.results import TeleportResult
    from symport.session import Session
    from symport.tables import Block


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    starts.add_arguments(parser)
    starts.add_move_arguments(parser, along="orbit")
    parser.add_argument("--plot", metavar="FILE", help="draw the jump into this file (.png, .svg or .pdf)")


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Teleport, with exit code 3 when the search failed."""
    from solvers.teleport import teleport

    check_figure(options.plot)
    start = starts.read_start(options, session)
    way = starts.read_way(start, options, session)
    given = starts.teleport_options(options)
    result = teleport(start.objective, start.point, along=way, rng=session.seed, **given)
    payload = {"loss": loss_payload(start.spec.loss), "along": options.along} | teleport_payload(result, start.data)
    if options.plot is not None:
        from symport.move_plots import plot_jump

        write_figure(options.plot, lambda: plot_jump(start.objective, start.point, result))

    def blocks() -> list[Any]:
        """What is shown to people."""
        from symport.sections import loss_blocks

        return [*loss_blocks(start.spec), *teleport_blocks(result, payload)]

    def files(whole: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {"teleport.json": to_json(whole).encode()}

    code = UNDECIDED if result.status.is_failure else DONE
    return Answer(payload=payload, blocks=blocks, code=code, files=files)


def teleport_payload(result: TeleportResult, data: Mapping[str, Any]) -> dict[str, Any]:
    """The result as programs read it."""
    return {
        "target": result.target,
        "point": starts.listed(result.point),
        "loss_before": result.loss_before,
        "loss_after": result.loss_after,
        "relative_drift": result.relative_drift,
        "gradient_norm_before": result.gradient_norm_before,
        "gradient_norm_after": result.gradient_norm_after,
        "target_before": result.target_before,
        "target_after": result.target_after,
        "gain": result.gain,
        "status": result.status.value,
        "advice": result.status.advice,
        "steps": result.steps,
        "data": starts.listed(data),
        "cost": starts.cost_payload(result.cost),
        "evidence": dict(result.evidence),
    }


def teleport_blocks(result: TeleportResult, payload: Mapping[str, Any]) -> list[Block]:
    """What the command says to people."""
    from symport.tables import Heading, Table

    rows = [
        ["loss", f"{result.loss_before:.12g}", f"{result.loss_after:.12g}"],
        ["gradient norm", f"{result.gradient_norm_before:.8g}", f"{result.gradient_norm_after:.8g}"],
        [result.target, f"{result.target_before:.8g}", f"{result.target_after:.8g}"],
    ]
    cost = result.cost
    spent = f"{cost.gradients} gradients, {cost.hvps} Hessian-vector products, {cost.values} values"
    tail = [
        ["gain", f"{result.gain:.10g}"],
        ["relative drift", f"{result.relative_drift:.1e}"],
        ["status", f"{result.status.value}: {result.status.advice}"],
        ["cost", f"{cost.gradient_equivalents:.1f} gradient equivalents ({spent})"],
    ]
    if payload["data"]:
        tail.append(["data", ", ".join(payload["data"]) + ": as the point says, else drawn from the seed"])
    entries = [[name, str(value)] for name, value in payload["point"].items()]
    return [
        Heading("teleported point"),
        Table(entries),
        Heading(f"along {payload['along']}"),
        Table(rows, columns=["", "before", "after"]),
        Table(tail),
    ]
