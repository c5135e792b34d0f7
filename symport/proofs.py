"""Proofs for Coq as files."""

from __future__ import annotations

from pathlib import Path

from manifolds.errors import InputError
from symport.files import write_file

TOP = "(*\n  Invariance of "
"""How an exported file begins: only such a file is written over."""


def check_place(path: str) -> None:
    """Refuse a place that is no file of Coq, or a file that was not exported."""
    place = Path(path)
    what = f"--coq {path!r}"
    if place.suffix != ".v" or not place.stem.isidentifier():
        why = "coqc takes files whose names are identifiers with the ending .v"
        raise InputError(what, why=why, cure="name it like invariance.v")
    if place.is_dir() or not place.absolute().parent.is_dir():
        why = "it is a directory" if place.is_dir() else "its directory is not there"
        raise InputError(what, why=why, cure="name a file in a directory that exists")
    if place.exists():
        try:
            with place.open(encoding="utf-8") as file:
                known = file.read(len(TOP)) == TOP
        except (OSError, ValueError):
            known = False
        if not known:
            raise InputError(what, why="the file exists and is no exported proof", cure="name another file")


def store(path: str, text: str) -> None:
    """Write a proof, whole or not at all."""
    try:
        write_file(path, text.encode())
    except OSError as error:
        raise InputError(f"--coq {path!r}", why=error.strerror or str(error), cure="name another file") from None
