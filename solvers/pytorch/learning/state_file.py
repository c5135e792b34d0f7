"""The file from which the training of a learned optimizer goes on."""

from __future__ import annotations

import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import torch

from manifolds.errors import InputError
from solvers.pytorch.learning.settings import MetaSettings
from solvers.pytorch.learning.training import MetaTraining

FORMAT = "symport-learned-optimizer/1"


def write_state(path: Path, training: MetaTraining) -> None:
    """Write the state of a training, as a whole or not at all."""
    content = {"format": FORMAT, "settings": training.settings.to_dict(), "state": training.state()}
    descriptor, part = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            torch.save(content, file)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def read_state(path: Path, training: MetaTraining) -> None:
    """Bring a training to the state of a file.

    Raises
    ------
    InputError: the file is none of these, or was written with other settings; more rounds are allowed.
    """
    try:
        content = torch.load(path, weights_only=True)
        found, state = content["settings"], content["state"]
        if content["format"] != FORMAT:
            raise KeyError(FORMAT)
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(
            f"the state file {path}",
            why=f"it holds no training of a learned optimizer ({type(error).__name__})",
            cure="remove it to begin anew, or name another file",
        ) from error
    _require_same(path, found, training.settings)
    try:
        training.restore(state)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the state file {path}", why="its network has other sizes", cure="give the tasks that it was trained on"
        ) from error


def _require_same(path: Path, found: dict[str, Any], settings: MetaSettings) -> None:
    """Refuse a file with other settings."""
    wanted = settings.to_dict()
    other = [name for name in wanted if name != "rounds" and found.get(name) != wanted[name]]
    if other:
        words = ", ".join(f"{name}={found.get(name)!r}" for name in other)
        raise InputError(
            f"the state file {path} was written with {words}",
            why="a training goes on with the settings that it began with",
            cure="give these settings, or another file",
        )
