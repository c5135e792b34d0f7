"""A progress bar on the terminal, for those who ask for one."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, final


@final
class Progress:
    """A bar that shows the step and the loss; silent unless asked for and standard error is a terminal.

    Parameters
    ----------
    asked: whether a bar is wanted.
    steps: how many steps there are.

    >>> with Progress(False, steps=10) as progress:
    ...     progress.show(3, 0.5)
    """

    def __init__(self, asked: bool, *, steps: int) -> None:
        self._asked = bool(asked) and sys.stderr.isatty()
        self._steps = steps
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if self._asked:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=self._steps)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, step: int, loss: float) -> None:
        """Show the number of steps done and the loss."""
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=f"loss {loss:.6g}")
