"""Checkpoints: a run in one JSON file, written whole or not at all, from which it goes on with the same bits."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.cost import Cost
from solvers.results import Record, TeleportResult
from solvers.running.run_state import RunState, Snapshot
from solvers.status import Status
from solvers.steps.hyperparameters import read_count

_COLUMNS = {
    "step": int,
    "loss": float,
    "gradient_norm": float,
    "teleported": bool,
    "gradient_equivalents": float,
    "seconds": float,
    "learning_rate": float,
}
"""The fields of a record, each a column of the file."""

FORMAT = "symport-checkpoint/2"
"""What the file says it is."""


@final
@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a checkpoint holds.

    Parameters
    ----------
    run: the state of the run.
    history, teleports: up to this state.
    """

    run: RunState
    history: list[Record]
    teleports: list[TeleportResult]


@final
@dataclass(frozen=True)
class Checkpoint:
    """A file that a minimisation writes now and then, and at its end or interruption.

    Parameters
    ----------
    path: the file; it is replaced whole, so that at each moment it is valid.
    every: steps between two writes.

    Raises
    ------
    InputError: the path cannot be written, or is a file that is no checkpoint.

    >>> Checkpoint("run.json", every=50)
    Checkpoint(path=...'run.json'..., every=50)
    """

    path: str | os.PathLike[str]
    every: int = 100

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | os.PathLike):
            raise InputError(
                f"checkpoint={self.path!r}", why="it is no path", cure="give the name of a file, as in 'run.json'"
            )
        read_count(self.every, name="every")

    def require_writable(self) -> None:
        """Refuse a path to which nothing can be written, before any work is done; nothing is left behind."""
        path = Path(self.path)
        if path.is_dir() or not path.parent.is_dir():
            raise self._unwritable("it is a directory" if path.is_dir() else f"there is no directory {path.parent}")
        if path.exists():
            self._parsed()
        try:
            descriptor, probe = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
        except OSError as error:
            raise self._unwritable(str(error.strerror or error)) from None
        os.close(descriptor)
        os.unlink(probe)

    def exists(self) -> bool:
        """Whether there is a file."""
        return Path(self.path).exists()

    def write(self, saved: Saved, *, problem: Mapping[str, Any]) -> None:
        """Write a run and the description of its problem; the old file stays until the new one is complete.

        Raises
        ------
        InputError: the file system refuses.
        """
        columns = {name: [getattr(one, name) for one in saved.history] for name in _COLUMNS}
        history: dict[str, Any] = {name: np.array(column, dtype=_COLUMNS[name]) for name, column in columns.items()}
        content = encode({"problem": dict(problem), **_fields(saved), "history": history})
        whole = {"format": FORMAT, "digest": _digest(content), "content": content}
        path = Path(self.path)
        part = None
        try:
            descriptor, part = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(whole, file, allow_nan=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
            part = None
        except OSError as error:
            raise self._unwritable(str(error.strerror or error)) from None
        finally:
            if part is not None:
                Path(part).unlink(missing_ok=True)

    def read(self, *, problem: Mapping[str, Any]) -> Saved:
        """The run that was saved.

        Raises
        ------
        InputError: there is no such file, it is no checkpoint, or it is one of another problem.
        """
        if not self.exists():
            raise InputError(
                f"the checkpoint {os.fspath(self.path)!r}",
                why="there is no such file to resume from",
                cure="check the path, or start with resume=False",
            )
        content = self._parsed()
        saved, asked = content["problem"], decode(encode(dict(problem)))
        for key, value in asked.items():
            if not _same(saved.get(key), value):
                raise InputError(
                    f"the checkpoint {os.fspath(self.path)!r}",
                    why=f"it belongs to another problem: its {key} {_shown(saved.get(key))} is not {_shown(value)}",
                    cure="resume with the same objective, start, rule and options, or start with resume=False",
                )
        return _restored(content)

    def _parsed(self) -> dict[str, Any]:
        """The content of the file, refused when it is no checkpoint."""
        try:
            whole = json.loads(Path(self.path).read_text(encoding="utf-8"))
            if whole["format"] == FORMAT and whole["digest"] == _digest(whole["content"]):
                return dict(decode(whole["content"]))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            raise self._no_checkpoint() from None
        raise self._no_checkpoint()

    def _no_checkpoint(self) -> InputError:
        """The error of a file that is something else."""
        return InputError(
            f"the file {os.fspath(self.path)!r}",
            why="it exists and is no checkpoint of this format, or is damaged",
            cure="give another path, or remove the file",
        )

    def _unwritable(self, why: str) -> InputError:
        """The error of a path that cannot be written."""
        return InputError(
            f"the checkpoint {os.fspath(self.path)!r}",
            why=f"it cannot be written: {why}",
            cure="give a file in a directory that exists and is writable",
        )


def read_checkpoint(checkpoint: Any) -> Checkpoint | None:
    """The checkpoint of a path or of itself.

    >>> read_checkpoint(None) is None
    True
    """
    return checkpoint if checkpoint is None or isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)


def encode(value: Any) -> Any:
    """A value as JSON: arrays by their bytes, what is not finite and what is no JSON by a tag.

    >>> decode(encode({"a": (1, float("inf")), "b": np.array([1.0, np.nan])}))
    {'a': (1, inf), 'b': array([ 1., nan])}
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc":
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {"#": "array", "shape": list(value.shape), "dtype": value.dtype.str, "data": data}
    if isinstance(value, Mapping):
        return {"#": "dict", "items": [[encode(key), encode(one)] for key, one in value.items()]}
    if isinstance(value, tuple | list):
        return {"#": type(value).__name__ if type(value) is list else "tuple", "items": [encode(one) for one in value]}
    if isinstance(value, Status):
        return {"#": "status", "name": str(value)}
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return {"#": "float", "name": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return encode(_fields(value))
    return {"#": "lost", "name": type(value).__name__}


def decode(value: Any) -> Any:
    """The value that :func:`encode` wrote."""
    if not isinstance(value, dict):
        return value
    kind = value["#"]
    if kind == "array":
        flat = np.frombuffer(base64.b64decode(value["data"], validate=True), dtype=np.dtype(value["dtype"]))
        return flat.reshape(value["shape"]).copy()
    if kind == "dict":
        return {decode(key): decode(one) for key, one in value["items"]}
    if kind in ("tuple", "list"):
        return (tuple if kind == "tuple" else list)(decode(one) for one in value["items"])
    if kind == "status":
        return Status(value["name"])
    return float(value["name"]) if kind == "float" else None


def describe(value: Any) -> str:
    """What something is, the same in every run: numbers and names as they are, arrays by a digest.

    >>> describe({"rate": 0.1, "by": math.sqrt})
    "{'rate': 0.1, 'by': sqrt}"
    """
    if isinstance(value, np.ndarray):
        return f"array{list(value.shape)}:{hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {describe(one)}" for key, one in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(describe, value)) + ")"
    if value is None or isinstance(value, bool | int | float | str | np.generic):
        return repr(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__ + describe(_fields(value))
    return getattr(value, "__qualname__", None) or type(value).__qualname__


def _digest(content: Any) -> str:
    """What tells whether something in the file was changed."""
    return hashlib.sha256(json.dumps(content, allow_nan=False).encode()).hexdigest()


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _restored(content: Mapping[str, Any]) -> Saved:
    """The run of a parsed file."""
    run = dict(content["run"])
    run["snapshots"] = tuple(Snapshot(**one) for one in run["snapshots"])
    run["cost"] = Cost(**run["cost"])
    return Saved(
        run=RunState(**run),
        history=[
            Record(**dict(zip(_COLUMNS, row, strict=True)))
            for row in zip(*(content["history"][name].tolist() for name in _COLUMNS), strict=True)
        ],
        teleports=[TeleportResult(**{**one, "cost": Cost(**one["cost"])}) for one in content["teleports"]],
    )


def _same(saved: Any, asked: Any) -> bool:
    """Whether two parts of the description of a problem agree; numbers to rounding."""
    if isinstance(asked, np.ndarray | float) and isinstance(saved, np.ndarray | float):
        left, right = np.asarray(saved), np.asarray(asked)
        return left.shape == right.shape and np.allclose(left, right, rtol=1e-9, atol=1e-12 * (1 + abs(right).max()))
    return bool(saved == asked)


def _shown(value: Any) -> str:
    """A part of the description, short."""
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
