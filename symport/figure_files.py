"""Pictures that a command writes into one file: checked before the work, written whole or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError
from symport.files import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = (".png", ".svg", ".pdf")
"""Endings of picture files."""


def check_figure(file: str | None) -> None:
    """Refuse a place where no picture can be written, before any work is done.

    >>> check_figure("jump.txt")
    Traceback (most recent call last):
    manifolds.errors.InputError: --plot 'jump.txt'
      why: the ending names no kind of picture
      try: end the name with .png, .svg or .pdf
    """
    if file is None:
        return
    path, what = Path(file), f"--plot {file!r}"
    if path.suffix.lower() not in KINDS:
        raise InputError(what, why="the ending names no kind of picture", cure="end the name with .png, .svg or .pdf")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(what, why="it is no file in a directory that exists", cure="name a file in another directory")
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise InputError(what, why=f"{path.absolute().parent} may not be written", cure="name another directory")


def write_figure(file: str, draw: Callable[[], Axes]) -> None:
    """Draw and write a picture; an interruption leaves nothing half-written."""
    import matplotlib.pyplot as plt

    figure: Any = draw().figure
    picture = io.BytesIO()
    try:
        figure.savefig(picture, format=Path(file).suffix[1:].lower(), dpi=150, bbox_inches="tight")
        write_file(file, picture.getvalue())
    except OSError as error:
        raise InputError(f"--plot {file!r}", why=error.strerror or str(error), cure="name another file") from None
    finally:
        plt.close(figure)
