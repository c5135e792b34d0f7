"""`symport sweep`: an experiment at all points of a grid, on one machine or many."""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError
from symport.answers import DONE, UNDECIDED, Answer, to_json
from symport.figure_files import check_figure, write_figure

if TYPE_CHECKING:
    from symport.session import Session
    from symport.sweep import SweepResult
    from symport.sweeps.reading import Declaration
    from symport.sweeps.records import Failure, Record
    from symport.tables import Block

MOST_ROWS = 60
"""Records that people see."""

MOST_COLUMNS = 5
"""Entries of the results that people see, unless they name others."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    about = "a sweep file (.toml): an experiment, such as minimize, its parameters, and a grid"
    parser.add_argument("file", metavar="FILE", help=about)
    about = "where tasks run: process, serial, or dask:ADDRESS; default: process"
    parser.add_argument("--executor", metavar="WHERE", default="process", help=about)
    about = "tasks at a time; default: as many as the machine or the cluster has cores"
    parser.add_argument("--workers", metavar="N", type=int, help=about)
    about = "how often a task that failed is tried again; default: what the file says, else 1"
    parser.add_argument("--retries", metavar="N", type=int, help=about)
    parser.add_argument("--timeout", metavar="SECONDS", type=float, help="time limit for one attempt at one task")
    parser.add_argument("--plot", metavar="FILE", help="draw the first result against the grid (.png, .svg, .pdf)")


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Run what is missing, with exit code 3 when a task failed."""
    from symport.sweep import RETRIES, sweep
    from symport.sweeps.reading import read_sweep_file

    check_figure(options.plot)
    declared = read_sweep_file(options.file)
    plan = declared.plan
    directory = options.output or f"symport-sweep-{Path(options.file).stem}"
    retries = options.retries if options.retries is not None else declared.retries
    kept = 0
    with session.progress() as report:

        def tell(outcome: Record | Failure) -> None:
            """Move the bar on."""
            nonlocal kept
            kept += 1
            if report is not None:
                report(plan.experiment, kept, plan.size)

        try:
            result = sweep(
                plan.experiment,
                plan.grid,
                parameters=plan.parameters,
                repeats=plan.repeats,
                executor=options.executor,
                workers=options.workers,
                retries=RETRIES if retries is None else retries,
                timeout=options.timeout if options.timeout is not None else declared.timeout,
                folder=directory,
                rng=session.seed,
                callback=tell,
            )
        except KeyboardInterrupt:
            session.say(f"records of finished tasks are kept in {directory}; the same command goes on from them")
            raise
    if options.plot is not None:
        from symport.sweep_plots import plot_sweep

        write_figure(options.plot, lambda: plot_sweep(result, value=declared.show[0] if declared.show else None))
    return Answer(
        payload={"name": declared.name, "executor": options.executor, **result.to_dict()},
        blocks=lambda: blocks(result, declared),
        code=UNDECIDED if result.failed else DONE,
        files=lambda payload: files(result, declared, payload),
        directory=directory,
    )


def files(result: SweepResult, declared: Declaration, payload: dict[str, Any]) -> Mapping[str, bytes]:
    """The whole result, and a picture where there is something to draw."""
    written = {"sweep.json": to_json(payload).encode()}
    picture = drawn(result, declared)
    return written if picture is None else {**written, "sweep.png": picture}


def drawn(result: SweepResult, declared: Declaration) -> bytes | None:
    """The picture as PNG; None without numbers or without a grid."""
    import matplotlib.pyplot as plt

    from symport.sweep_plots import plot_sweep

    try:
        ax = plot_sweep(result, value=declared.show[0] if declared.show else None)
    except InputError:
        return None
    figure: Any = ax.figure
    picture = io.BytesIO()
    try:
        figure.savefig(picture, format="png", dpi=150, bbox_inches="tight")
    finally:
        plt.close(figure)
    return picture.getvalue()


def blocks(result: SweepResult, declared: Declaration) -> list[Block]:
    """What the command says to people."""
    from symport.sweep_plots import numbers_of
    from symport.sweeps.task import short
    from symport.tables import Heading, Line, Table

    plan = result.plan
    axes = [name for name, values in plan.grid.items() if len(values) > 1] or list(plan.grid)
    status = ["status"] if any("status" in one.result for one in result.records) else []
    shown = list(declared.show) or [*numbers_of(result.records)[:MOST_COLUMNS], *status]
    again = ["repetition"] if plan.repeats > 1 else []
    rows = [
        [
            *(short(one.task.parameters[name], 30).strip('"') for name in axes),
            *(str(one.task.repeat) for _ in again),
            *(cell(one.result.get(name)) for name in shown),
            f"{one.seconds:.2f}",
        ]
        for one in result.records[:MOST_ROWS]
    ]
    counted = f"{len(result.records)} of {plan.size} tasks finished, {result.resumed} of them in an earlier run"
    said: list[Block] = [Heading(declared.name), Line(f"{plan.experiment}: {counted}, {len(result.failed)} failed")]
    if rows:
        said.append(Table(rows, [*axes, *again, *shown, "seconds"]))
    if len(result.records) > MOST_ROWS:
        said.append(Line(f"and {len(result.records) - MOST_ROWS} more, in sweep.json"))
    if result.failed:
        lines = [[one.kind, str(one.attempts), one.error.what, one.error.why] for one in result.failed[:MOST_ROWS]]
        said += [Heading("failed"), Table(lines, ["kind", "attempts", "task", "why"])]
        said.append(Line("the same command tries them again"))
    return said


def cell(value: Any) -> str:
    """An entry of a result in the table.

    >>> cell(0.123456789), cell(None), cell("converged")
    ('0.123457', '-', 'converged')
    """
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:40]
