"""What the training scripts share: threads, a bar of progress, and a result in JSON."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from manifolds.errors import InputError

MOST_THREADS = 1024


def parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options of all scripts."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--seed", type=int, default=0, help="of the start, and of the order of the samples")
    made.add_argument("--threads", type=int, default=1, help="of PyTorch; results repeat bit by bit on one")
    made.add_argument("--output", type=Path, metavar="FILE", help="write the JSON there, not to standard output")
    made.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return made


def tracker(*, total: int, quiet: bool) -> Progress:
    """A bar on standard error with a line of words beside it.

    Parameters
    ----------
    total : int
        Of its one task.
    quiet : bool
        Whether nothing is shown.
    """
    columns = (
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    bar = Progress(*columns, console=Console(stderr=True), disable=quiet)
    bar.add_task("", total=total)
    return bar


def run_script(work: Callable[[argparse.Namespace], dict[str, Any]], options: argparse.Namespace) -> int:
    """Do the work of a script and deliver its result; the exit code is 0, 2 for bad input, 130 for an interruption.

    Parameters
    ----------
    work : callable
        From the options to an object for JSON.
    options : argparse.Namespace
    """
    try:
        if not 1 <= options.threads <= MOST_THREADS:
            raise InputError(
                f"--threads {options.threads}",
                why="that many do not work",
                cure=f"give a number from 1 to {MOST_THREADS}",
            )
        if options.seed < 0:
            raise InputError(f"--seed {options.seed}", why="a seed is from 0 up", cure="give such a number")
        if options.output is not None:
            _check(options.output)
        torch.set_num_threads(options.threads)
        text = json.dumps(plain(work(options)), indent=2, allow_nan=False) + "\n"
        if options.output is None:
            sys.stdout.write(text)
        else:
            write_whole(options.output, text)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written\n")
        return 130
    return 0


def plain(value: Any) -> Any:
    """The same with null for numbers that are not finite.

    >>> plain({"loss": float("nan"), "errors": (1.5, float("inf"))})
    {'loss': None, 'errors': [1.5, None]}
    """
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_whole(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    descriptor, beside = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _check(path: Path) -> None:
    """Refuse a file that cannot be written, before any work is done.

    Raises
    ------
    InputError: there is no such directory, or the file is one.
    """
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"--output {path}", why="no file can be written there", cure="name a file in a directory")
