"""Certificates as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from manifolds.errors import InputError
from symport.files import write_file

if TYPE_CHECKING:
    from symmetries.certificate import Certificate
    from symmetries.loss import Loss

LARGEST = 500_000_000
"""Largest size of a certificate in bytes."""

DECLARED = ("parameters", "data", "constants")


def load(path: str) -> Certificate:
    """The certificate in a file.

    Raises
    ------
    InputError: the file cannot be read, or holds no certificate.
    """
    from symmetries.certificate import Certificate

    place = Path(path)
    try:
        if place.stat().st_size > LARGEST:
            raise InputError(
                f"{path}: the file is too large", why=f"the limit is {LARGEST:,} bytes", cure="name another file"
            )
        text = place.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        if isinstance(error, UnicodeDecodeError):
            why, cure = "it is no text", "use a file that `symport verify --certificate` wrote, unchanged"
            raise InputError(f"{path}: the file is not a certificate", why=why, cure=cure) from None
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"the certificate {path!r} cannot be opened", why=why, cure="check the path") from None
    try:
        return Certificate.from_json(text)
    except InputError as error:
        raise InputError(f"{path}: {error.what}", why=error.why, cure=error.cure) from None


def loss_of(certificate: Certificate) -> Loss:
    """The loss that a certificate speaks of."""
    from symmetries.loss import Loss

    return Loss.from_dict(dict(certificate.loss))


def check_place(path: str) -> None:
    """Refuse to write a certificate over a file that is something else, or where no file can be."""
    place = Path(path)
    if place.is_dir() or not place.absolute().parent.is_dir():
        why = "it is a directory" if place.is_dir() else "its directory is not there"
        raise InputError(f"--certificate {path!r}", why=why, cure="name a file in a directory that exists")
    if place.exists():
        try:
            load(path)
        except InputError:
            why = "the file exists and is no certificate"
            raise InputError(f"--certificate {path!r}", why=why, cure="name another file") from None


def store(path: str, certificate: Certificate) -> None:
    """Write a certificate."""
    try:
        write_file(path, (certificate.to_json() + "\n").encode())
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"--certificate {path!r}", why=why, cure="name another file") from None


def check_same(wanted: Loss, stored: Loss, path: str) -> None:
    """Refuse a certificate that is about another loss than the one that the command names."""
    from symmetries.printing import formula_text

    one, other = wanted.to_dict(), stored.to_dict()
    same = all(one[key] == other[key] for key in DECLARED)
    if not same or formula_text(wanted.expression) != formula_text(stored.expression):
        cure = "remove SPEC, or name the certificate of this loss"
        raise InputError(f"{path} is about another loss", why=f"it is about {stored.formula[:200]}", cure=cure)
