"""Writing the files of a command: all of them whole, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from manifolds.errors import InputError


def check_directory(directory: str) -> None:
    """Refuse a place where no directory can be made, before any work is done.

    Raises
    ------
    InputError: the place is a file, lies in one, or must not be written.
    """
    path = Path(directory)
    what = f"--output {directory!r}"
    if not directory or "\0" in directory:
        raise InputError(what, why="it is no path", cure="name a directory")
    try:
        existing = next(one for one in (path, *path.absolute().parents) if one.exists())
    except (OSError, ValueError) as error:
        raise InputError(what, why=getattr(error, "strerror", None) or str(error), cure="check the path") from None
    if not existing.is_dir():
        raise InputError(what, why=f"{existing} is a file", cure="name a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(what, why=f"{existing} may not be written", cure="name another directory")


def write_files(directory: str, files: Mapping[str, bytes]) -> None:
    """Write files into a directory, made when it is not there; an interruption leaves nothing half-written.

    They are written elsewhere on the same disk first, and moved in place when all of them are complete.
    """
    target = Path(directory).absolute()
    home = target if target.exists() else target.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".symport-", dir=home))
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"--output {directory!r}", why=why, cure="name another directory") from None
    try:
        for name, content in files.items():
            (beside / name).write_bytes(content)
        beside.chmod(0o777 & ~umask())
        place(beside, target, list(files))
    except OSError as error:
        raise InputError(
            f"--output {directory!r}", why=error.strerror or str(error), cure="name another directory"
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def place(beside: Path, target: Path, names: list[str]) -> None:
    """Move a finished directory to its place; in one that is there already, its files one by one."""
    if not target.exists():
        beside.rename(target)
        return
    for name in names:
        (beside / name).replace(target / name)


def write_file(path: str, content: bytes) -> None:
    """Write one file whole, or leave what was there."""
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.absolute().parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o666 & ~umask())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def umask() -> int:
    """The permissions that new files are denied."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
