"""`symport minimize`: an optimizer, with teleportations on the way."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError
from symport import starts
from symport.answers import DONE, INTERRUPTED, UNDECIDED, Answer, to_json
from symport.figure_files import check_figure, write_figure
from symport.payloads import loss_payload

if TYPE_CHECKING:
    from solvers.results import MinimizeResult
    from symport.session import Session
    from symport.starts import Start
    from symport.tables import Block

SHOWN = 12
"""Records of the history that people see."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    starts.add_arguments(parser)
    how = parser.add_argument_group("the optimizer")
    how.add_argument("--rule", metavar="RULE", default="adam", help="its name, such as adam, adagrad or l-bfgs-b")
    how.add_argument("--learning-rate", metavar="ETA", type=float, help="default: the rule's own")
    how.add_argument("--steps", metavar="N", type=int, default=1000, help="largest number of steps; default: 1000")
    starts.add_move_arguments(parser, along=None)
    when = parser.add_argument_group("when to teleport")
    when.add_argument("--teleport-at", metavar="STEPS", help="after how many steps, such as 5 or 5,50")
    when.add_argument(
        "--teleport-every", metavar="N", type=int, help="at the start, and after every N steps from there"
    )
    parser.add_argument("--plot", metavar="FILE", help="draw the loss against the steps (.png, .svg, .pdf)")


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Minimise, with exit code 3 when the run failed."""
    from solvers.minimize import minimize

    check_figure(options.plot)
    check_schedule(options)
    start = starts.read_start(options, session)
    result = minimize(
        start.objective,
        start.point,
        rule=read_rule(options),
        steps=options.steps,
        teleport=read_schedule(start, options, session),
        rng=session.seed,
    )
    payload = {"loss": loss_payload(start.spec.loss), "rule": options.rule} | minimize_payload(result, start)
    if options.plot is not None:
        from symport.move_plots import plot_run

        write_figure(options.plot, lambda: plot_run(result))

    def blocks() -> list[Any]:
        """What is shown to people."""
        from symport.sections import loss_blocks

        return [*loss_blocks(start.spec), *minimize_blocks(result, payload)]

    def files(whole: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {"minimize.json": to_json(whole).encode()}

    return Answer(payload=payload, blocks=blocks, code=code_of(result), files=files)


def code_of(result: MinimizeResult) -> int:
    """The exit code of a run."""
    if result.status.value == "interrupted":
        return INTERRUPTED
    return UNDECIDED if result.status.is_failure else DONE


def check_schedule(options: argparse.Namespace) -> None:
    """Refuse words that say how to teleport but not when, or both ways of saying when."""
    if options.teleport_at is not None and options.teleport_every is not None:
        raise InputError(
            "--teleport-at beside --teleport-every", why="they are two answers to one question", cure="give one of them"
        )
    when = options.teleport_at is not None or options.teleport_every is not None
    how = (options.along, options.target, options.radius, options.ansatz, options.minimize_target or None)
    if not when and any(word is not None for word in how):
        raise InputError("a way to teleport without a time", why="no teleport is planned", cure="add --teleport-at 5")


def read_rule(options: argparse.Namespace) -> Any:
    """The rule that the words name."""
    from solvers.rules import make_rule

    return make_rule(options.rule, learning_rate=options.learning_rate)


def read_schedule(start: Start, options: argparse.Namespace, session: Session) -> Any:
    """When to teleport and how; None where no time was given."""
    if options.teleport_at is None and options.teleport_every is None:
        return None
    from solvers.schedules import At, Every

    if options.along is None:
        options.along = "orbit"
    given = {"along": starts.read_way(start, options, session), **starts.teleport_options(options)}
    if options.teleport_every is not None:
        return Every(options.teleport_every, **given)
    return At(read_steps(options.teleport_at), **given)


def read_steps(text: str) -> list[int]:
    """Numbers of steps, separated by commas.

    >>> read_steps("5, 50")
    [5, 50]
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"--teleport-at {text!r}", why="it is no list of steps", cure="write --teleport-at 5 or 5,50"
        ) from None


def minimize_payload(result: MinimizeResult, start: Start) -> dict[str, Any]:
    """The result as programs read it."""
    history = [
        {
            "step": record.step,
            "loss": record.loss,
            "gradient_norm": record.gradient_norm,
            "teleported": record.teleported,
            "gradient_equivalents": record.gradient_equivalents,
        }
        for record in result.history
    ]
    teleports = [
        {
            "gain": one.gain,
            "relative_drift": one.relative_drift,
            "status": one.status.value,
            "rejected": one.evidence.get("rejected"),
        }
        for one in result.teleports
    ]
    return {
        "point": starts.listed(result.point),
        "value": result.value,
        "steps": result.steps,
        "status": result.status.value,
        "advice": result.status.advice,
        "data": starts.listed(start.data),
        "teleports": teleports,
        "cost": starts.cost_payload(result.cost),
        "history": history,
    }


def minimize_blocks(result: MinimizeResult, payload: Mapping[str, Any]) -> list[Block]:
    """What the command says to people."""
    from symport.tables import Heading, Table

    records = list(result.history)
    shown = records if len(records) <= SHOWN else _spread(records)
    rows = [
        [str(one.step), f"{one.loss:.8g}", f"{one.gradient_norm:.4g}", "teleported" if one.teleported else ""]
        for one in shown
    ]
    tail = [
        ["value", f"{result.value:.12g}"],
        ["status", f"{result.status.value}: {result.status.advice}"],
        ["cost", f"{result.cost.gradient_equivalents:.1f} gradient equivalents"],
    ]
    if result.teleports:
        tail += teleport_rows(result)
    if payload["data"]:
        tail.append(["data", ", ".join(payload["data"]) + ": as the point says, else drawn from the seed"])
    entries = [[name, str(value)] for name, value in payload["point"].items()]
    return [
        Heading("history"),
        Table(rows, columns=["step", "loss", "|grad L|", ""]),
        Heading("best point"),
        Table(entries),
        Table(tail),
    ]


def teleport_rows(result: MinimizeResult) -> list[list[str]]:
    """What is said about the teleports: how many were taken, and why the last rejected one was not."""
    taken = sum(record.teleported for record in result.history)
    reasons = [str(one.evidence["rejected"]) for one in result.teleports if "rejected" in one.evidence]
    rows = [["teleports", f"{taken} taken of {len(result.teleports)}, {len(reasons)} rejected"]]
    return [*rows, ["last rejection", reasons[-1]]] if reasons else rows


def _spread(records: list[Any]) -> list[Any]:
    """Some records: evenly spread over the run, the first and the last among them, and where it teleported."""
    last = len(records) - 1
    places = {round(k * last / (SHOWN - 1)) for k in range(SHOWN)}
    jumps = [k for k, one in enumerate(records) if one.teleported][:SHOWN]
    return [records[k] for k in sorted(places | set(jumps))]
