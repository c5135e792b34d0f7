"""Ready losses, each with what is known of its symmetries.

>>> find("matrix-factorisation").algebra
'gl(2,R)'
>>> print(get("rosenbrok"))
Traceback (most recent call last):
manifolds.errors.InputError: the loss 'rosenbrok' is not in the catalogue
  why: the catalogue knows losses by their names in kebab-case
  try: use rosenbrock, rosenbrock-n
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache

from manifolds.errors import InputError
from symmetries.catalogue import factorisations, functions, geometry, layers, networks
from symmetries.catalogue.entry import CatalogEntry
from symmetries.refusal import shorten

__all__ = ["CatalogEntry", "catalog", "find", "get"]

SHOWN = 3
"""How many close names are offered."""


@cache
def catalog() -> tuple[CatalogEntry, ...]:
    """All entries: test functions, factorisations, networks, layers, losses of classical groups.

    >>> [entry.name for entry in catalog()[:2]]
    ['rosenbrock', 'rosenbrock-n']
    """
    return (
        *functions.ENTRIES,
        *factorisations.ENTRIES,
        *networks.ENTRIES,
        *layers.ENTRIES,
        *geometry.ENTRIES,
    )


@cache
def _by_name() -> dict[str, CatalogEntry]:
    return {entry.name: entry for entry in catalog()}


def find(name: str) -> CatalogEntry | None:
    """The entry of a name, None when there is none.

    >>> find("booth").ansatz
    'affine'
    """
    return _by_name().get(name)


def get(name: str) -> CatalogEntry:
    """The entry of a name, refused with close names when there is none."""
    entry = find(name)
    if entry is not None:
        return entry
    known = list(_by_name())
    tidy = str(name).strip().lower().replace("_", "-").replace(" ", "-")
    close = get_close_matches(tidy, known, n=SHOWN, cutoff=0.5)
    close += [other for other in known if len(tidy) > 2 and tidy in other and other not in close][:SHOWN]
    raise InputError(
        f"the loss {shorten(repr(name))} is not in the catalogue",
        why="the catalogue knows losses by their names in kebab-case",
        cure=f"use {', '.join(close)}" if close else "list the names with catalog()",
    )
