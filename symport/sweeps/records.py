"""Records of finished tasks and of failures, and the folder in which each finished one is kept at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from manifolds.errors import InputError
from symport import __version__
from symport.answers import to_json
from symport.files import check_directory, write_file
from symport.sweeps.task import Task

SCHEMA = "symport/sweep-record/1"


@final
@dataclass(frozen=True, kw_only=True)
class Record:
    """A finished task.

    Parameters
    ----------
    task: what was run.
    seed: the seed that the experiment was given.
    result: what it returned, as JSON holds it.
    seconds: how long it took; no part of the result.
    attempts: how often it was begun.
    version: of Symport.
    """

    task: Task
    seed: int
    result: Mapping[str, Any]
    seconds: float
    attempts: int
    version: str

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-ready data."""
        return {
            "digest": self.task.digest,
            "parameters": dict(self.task.parameters),
            "repeat": self.task.repeat,
            "seed": self.seed,
            "result": dict(self.result),
            "seconds": self.seconds,
            "attempts": self.attempts,
            "version": self.version,
        }


@final
@dataclass(frozen=True, kw_only=True)
class Failure:
    """A task that did not finish.

    Parameters
    ----------
    task: what was run.
    kind: ``input`` (the experiment refused its parameters), ``error`` (it raised), ``timeout`` (it took too long) or
        ``worker`` (the process that ran it ended).
    error: the three parts of the message: what, why, and a cure.
    attempts: how often it was begun.
    trace: where it was raised; empty where nothing was.
    """

    task: Task
    kind: str
    error: InputError
    attempts: int
    trace: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The failure as JSON-ready data."""
        return {
            "digest": self.task.digest,
            "parameters": dict(self.task.parameters),
            "repeat": self.task.repeat,
            "kind": self.kind,
            "attempts": self.attempts,
            "error": str(self.error),
            "what": self.error.what,
            "why": self.error.why,
            "cure": self.error.cure,
            "trace": self.trace,
        }


@final
class RecordFolder:
    """A folder with one file for each finished task, named by its digest and written whole or not at all.

    Parameters
    ----------
    folder: where it is; made with the first record.
    """

    def __init__(self, folder: str | Path) -> None:
        check_directory(str(folder))
        self.folder = Path(folder) / "records"

    def write(self, record: Record) -> None:
        """Keep a record.

        Raises
        ------
        InputError: the file cannot be written.
        """
        content = {"schema": SCHEMA, "experiment": record.task.experiment, **record.to_dict()}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_file(str(self._path(record.task)), (to_json(content) + "\n").encode())
        except OSError as error:
            why = error.strerror or str(error)
            raise InputError(f"the folder {self.folder}", why=why, cure="make room, or name another folder") from None

    def read(self, task: Task) -> Record | None:
        """The record of a task; None where the task has to run: no file, a damaged one, or one of another version."""
        try:
            found = json.loads(self._path(task).read_bytes())
            same = (found["schema"], found["digest"], found["version"]) == (SCHEMA, task.digest, __version__)
            if not (same and found["parameters"] == dict(task.parameters) and isinstance(found["result"], dict)):
                return None
            return Record(
                task=task,
                seed=int(found["seed"]),
                result=found["result"],
                seconds=float(found["seconds"]),
                attempts=int(found["attempts"]),
                version=str(found["version"]),
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _path(self, task: Task) -> Path:
        """The file of a task."""
        return self.folder / f"{task.digest}.json"
