"""What the experiments with networks share: options, runs that are kept at once, progress, tables, pictures."""

from __future__ import annotations

import argparse
import io
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any, final

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from training import load

from manifolds.errors import InputError
from symport.answers import DONE, INTERRUPTED, UNDECIDED, to_json
from symport.files import check_directory, write_file
from symport.sweep import sweep
from symport.sweeps.experiment import FunctionExperiment
from symport.tables import Block, Heading, Line, Table, plain

BAD_INPUT = 2


@final
@dataclass(frozen=True, kw_only=True)
class Report:
    """What a study found.

    Parameters
    ----------
    title: of the study.
    tables: titles of columns and rows by heading.
    remarks: sentences under the tables.
    findings: numbers for programs, JSON-ready.
    draw: draws the picture into a new figure and returns it.
    """

    title: str
    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str]]]]
    remarks: Sequence[str] = ()
    findings: Mapping[str, Any] = field(default_factory=dict)
    draw: Callable[[], Any] | None = None


@final
class Lab:
    """What a study works with: its options, and runs of which each is kept as soon as it is finished.

    Parameters
    ----------
    name: of the study.
    options: of the command.
    """

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.name, self.options = name, options
        self.folder = options.output if options.output is not None else Path(f"networks-{name}")
        self.failed: list[str] = []
        self.resumed = self.finished = 0

    @property
    def data(self) -> str | None:
        """The folder of the images, by a path that other processes know; None for the stretched digits."""
        return None if self.options.data is None else str(self.options.data.resolve())

    @property
    def seeds(self) -> list[int]:
        """The seeds of the runs: the same for all arms, so that they are compared run by run."""
        return list(range(self.options.seeds))

    def runs(
        self, function: Callable[..., Any], grid: Mapping[str, Sequence[Any]], words: str, **fixed: Any
    ) -> list[dict[str, Any]]:
        """Run a function at all points of a grid; parameters and result of each run that finished, in one table.

        Parameters
        ----------
        function: called with the parameters by name.
        grid: values of those that vary.
        words: beside the bar of progress.
        fixed: parameters that stay.
        """
        total = math.prod(len(values) for values in grid.values())
        with self._bar(words, total) as bar:
            found = sweep(
                FunctionExperiment(function, self.name),
                grid,
                parameters=fixed,
                executor=self.options.executor,
                workers=self.options.workers,
                retries=0,
                folder=self.folder,
                callback=lambda _: bar.advance(bar.task_ids[0]),
            )
        self.finished += len(found.records)
        self.resumed += found.resumed
        self.failed += [str(one.error) for one in found.failed]
        return [{**one.task.parameters, **one.result, "seconds": one.seconds} for one in found.records]

    def _bar(self, words: str, total: int) -> Progress:
        """A bar of progress on standard error."""
        columns = (BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn(), TextColumn(words))
        bar = Progress(*columns, console=Console(stderr=True), disable=self.options.quiet, transient=True)
        bar.add_task("", total=total)
        return bar


def parser(description: str, *, seeds: int = 5, epochs: int | None = 15) -> argparse.ArgumentParser:
    """The options of all studies.

    Parameters
    ----------
    description: of the study.
    seeds: by default.
    epochs: by default; None for studies without.
    """
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--seeds", type=int, default=seeds, metavar="N", help="runs of each kind")
    if epochs is not None:
        made.add_argument("--epochs", type=int, default=epochs, metavar="N", help="passes over the training data")
        about = "a folder with the files of MNIST, Fashion-MNIST or CIFAR-10; without it stretched digits"
        made.add_argument("--data", type=Path, metavar="DIR", help=about)
    made.add_argument("--smoke", action="store_true", help="the smallest study that runs through")
    made.add_argument("--full", action="store_true", help="the published size")
    made.add_argument("--output", type=Path, metavar="DIR", help="where records, tables and pictures go")
    made.add_argument("--resume", action="store_true", help="go on from the records of an earlier run")
    made.add_argument("--executor", default="serial", metavar="WHERE", help="serial, process or dask:ADDRESS")
    made.add_argument("--workers", type=int, metavar="N", help="runs at a time")
    made.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return made


def main(name: str, study: Callable[[Lab], Report], options: argparse.Namespace) -> int:
    """Run a study and write what it found; the exit code is 0, 2 for bad input, 3 with failed runs, 130 interrupted.

    Parameters
    ----------
    name: of the study.
    study: from a lab to a report.
    options: of the command.
    """
    torch.set_num_threads(1)
    lab = Lab(name, options)
    try:
        check(lab)
        report = study(lab)
        write(lab, report)
    except InputError as error:
        sys.stderr.write("\n".join([*lab.failed, f"{error}\n"]))
        return UNDECIDED if lab.failed else BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; finished runs are kept in {lab.folder}, and --resume goes on from them\n")
        return INTERRUPTED
    return UNDECIDED if lab.failed else DONE


def check(lab: Lab) -> None:
    """Refuse options that make no sense, before anything runs.

    Raises
    ------
    InputError: a number is too small, two sizes are asked for, the data cannot be read, or the folder holds runs and
        nobody said to go on.
    """
    options = lab.options
    for name in ("seeds", "epochs"):
        if getattr(options, name, 1) < 1:
            raise InputError(f"--{name} {getattr(options, name)}", why="there is nothing to run", cure="give 1 or more")
    if options.smoke and options.full:
        raise InputError("--smoke beside --full", why="they are two sizes", cure="give one of them")
    if getattr(options, "data", None) is not None:
        load(str(options.data.resolve()))
    check_directory(str(lab.folder))
    if not options.resume and any(lab.folder.glob("records/*.json")):
        raise InputError(
            f"the folder {lab.folder}",
            why="it holds the runs of an earlier study",
            cure="add --resume to go on from them, or name another folder by --output",
        )


def write(lab: Lab, report: Report) -> None:
    """The tables on standard output, and tables, numbers and picture in the folder."""
    blocks: list[Block] = [Heading(report.title)]
    for heading, (columns, rows) in report.tables.items():
        blocks += [Heading(heading), Table(rows, columns)] if rows else [Heading(heading), Line("no run finished")]
    blocks += [Heading("remarks"), *map(Line, report.remarks)] if report.remarks else []
    blocks += [Heading("failed"), *map(Line, "\n".join(lab.failed).splitlines())] if lab.failed else []
    text = plain(blocks)
    payload = {
        "schema": f"symport/networks/{lab.name}/1",
        "options": {name: value for name, value in vars(lab.options).items() if name not in ("output", "resume")},
        "runs": lab.finished,
        "failed": lab.failed,
        "tables": {name: [dict(zip(columns, row, strict=True)) for row in rows]
                   for name, (columns, rows) in report.tables.items()},
        "remarks": list(report.remarks),
        **report.findings,
    }  # fmt: skip
    lab.folder.mkdir(parents=True, exist_ok=True)
    write_file(str(lab.folder / "result.json"), (to_json(payload) + "\n").encode())
    write_file(str(lab.folder / "table.txt"), text.encode())
    if report.draw is not None:
        write_file(str(lab.folder / "picture.png"), picture(report.draw))
    sys.stdout.write(text + f"\nwritten\n  {lab.folder}\n")
    sys.stdout.flush()


def picture(draw: Callable[[], Any]) -> bytes:
    """A figure as PNG."""
    import matplotlib as mpl

    mpl.use("agg", force=False)
    import matplotlib.pyplot as plt

    figure = draw()
    try:
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=150, bbox_inches="tight")
        return content.getvalue()
    finally:
        plt.close(figure)


# numbers of tables


def having(runs: Sequence[Mapping[str, Any]], **values: Any) -> list[Mapping[str, Any]]:
    """The runs with these values.

    >>> having([{"a": 1, "b": 2}, {"a": 2, "b": 2}], a=2)
    [{'a': 2, 'b': 2}]
    """
    return [run for run in runs if all(run[name] == value for name, value in values.items())]


def average(runs: Sequence[Mapping[str, Any]], name: str) -> float:
    """The mean of a number over runs; infinite where it is missing from a run, NaN without runs.

    >>> average([{"a": 1.0}, {"a": 3.0}], "a"), average([{"a": None}], "a")
    (2.0, inf)
    """
    values = [run[name] if run[name] is not None else math.inf for run in runs]
    return mean(values) if values else math.nan


def spread(runs: Sequence[Mapping[str, Any]], name: str) -> float:
    """The standard deviation over runs; NaN for fewer than two, or where a number is missing."""
    values = [run[name] for run in runs]
    return stdev(values) if len(values) > 1 and None not in values else math.nan


def paired(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]], name: str) -> tuple[float, float]:
    """Mean and standard error of first - second over the seeds that both have; NaN where there are fewer than two.

    >>> paired([{"seed": 0, "a": 3.0}, {"seed": 1, "a": 5.0}], [{"seed": 1, "a": 1.0}, {"seed": 0, "a": 1.0}], "a")
    (3.0, 1.0)
    """
    other = {run["seed"]: run[name] for run in second}
    pairs = [(run[name], other.get(run["seed"])) for run in first]
    differences = [a - b for a, b in pairs if a is not None and b is not None]
    if len(differences) < 2:
        return (differences[0] if differences else math.nan), math.nan
    return mean(differences), stdev(differences) / math.sqrt(len(differences))


def shown(value: float, form: str = ".4g") -> str:
    """A number in a table; what is not finite in words.

    >>> shown(0.123456), shown(float("inf")), shown(float("nan"))
    ('0.1235', 'diverged', '-')
    """
    if math.isnan(value):
        return "-"
    return "diverged" if math.isinf(value) else format(value, form)
