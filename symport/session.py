"""What a command is given besides its arguments: where to say that work goes on, and the version."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO, TypeAlias, final

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with the stage of the work, how much of it is done, and of how much."""

PATIENCE = 0.5
"""Seconds of silence before a progress bar appears."""

TALK_FROM = 5_000
"""Unknown coefficients from which their number is announced before the work."""


@final
@dataclass(kw_only=True)
class Session:
    """One run of the command.

    Parameters
    ----------
    errors: the stream for people who wait.
    quiet: whether nothing is said there.
    seed: seed of all sampling.
    """

    errors: TextIO
    quiet: bool = False
    seed: int = 0
    started: float = field(default_factory=time.perf_counter, init=False)

    def head(self, verb: str) -> dict[str, Any]:
        """What every object that a program reads begins with."""
        from symport import __version__

        seconds = round(time.perf_counter() - self.started, 4)
        return {"schema": f"symport/{verb}/1", "version": __version__, "seconds": seconds}

    def say(self, text: str) -> None:
        """Tell people who wait."""
        if not self.quiet:
            self.errors.write(f"{text}\n")
            self.errors.flush()

    def announce(self, unknowns: int, ansatz: str) -> None:
        """Say how large the work is before it begins, when it is large."""
        if unknowns >= TALK_FROM:
            self.say(f"{unknowns:,} unknown coefficients ({ansatz} fields)")

    @contextmanager
    def progress(self) -> Iterator[Report | None]:
        """A progress bar in a terminal, which appears only when the work is long; None elsewhere."""
        if self.quiet or not self.errors.isatty():
            yield None
            return
        bar = _Bar(self.errors)
        try:
            yield bar.report
        finally:
            bar.close()


@final
class _Bar:
    """A progress bar of rich that waits before it appears."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.started = time.monotonic()
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}

    def report(self, stage: str, done: int, total: int) -> None:
        """Show how far the work is, once it takes long."""
        if self.bar is None and time.monotonic() - self.started < PATIENCE:
            return
        if self.bar is None:
            from rich.console import Console
            from rich.progress import Progress

            self.bar = Progress(console=Console(file=self.stream), transient=True)
            self.bar.start()
        if stage not in self.tasks:
            self.tasks[stage] = self.bar.add_task(stage, total=total)
        self.bar.update(self.tasks[stage], completed=done, total=total)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
