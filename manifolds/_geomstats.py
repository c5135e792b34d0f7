"""The only importer of geomstats, so that its import works on every supported NumPy.

geomstats 2.8.0 imports `numpy.trapz`, which NumPy 2.4 removed in favour of `numpy.trapezoid`. The adapter lends
the missing name for the moment of that import and takes it back afterwards, so that no other library ever sees it.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from manifolds.errors import InputError

BACKEND_VARIABLE = "GEOMSTATS_BACKEND"
BACKEND = "numpy"

_LOCK = threading.RLock()


def load_geomstats(submodule: str = "") -> ModuleType:
    """Import geomstats with its NumPy backend, or one of its submodules.

    The first call imports pandas and scikit-learn and takes about a second; later calls are look-ups.

    Parameters
    ----------
    submodule : str
        A dotted name below `geomstats`, such as `"geometry.special_orthogonal"`; empty for the package itself.

    Returns
    -------
    ModuleType
        The imported module.

    Raises
    ------
    InputError
        If another backend of geomstats was asked for or is already loaded, if geomstats is not installed, or if it
        has no such submodule.

    Examples
    --------
    >>> load_geomstats().__name__
    'geomstats'
    >>> so3 = load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(3)
    >>> so3.dim
    3
    """
    chosen = os.environ.get(BACKEND_VARIABLE, BACKEND)
    _check_backend(chosen, source=f"the environment variable {BACKEND_VARIABLE}")
    with _LOCK:
        loaded = sys.modules.get("geomstats._backend")
        if loaded is not None:
            _check_backend(loaded.BACKEND_NAME, source="an earlier import of geomstats")
        with _lent_trapz(), warnings.catch_warnings():
            # geomstats 2.8.0 finds its backend by an import hook of the kind that Python deprecates.
            warnings.filterwarnings("ignore", message="BackendImporter", category=ImportWarning)
            return _import(f"geomstats.{submodule}" if submodule else "geomstats")


def _check_backend(name: str, *, source: str) -> None:
    if name != BACKEND:
        raise InputError(
            f"geomstats cannot be used with its backend {name!r}",
            why=f"Symport needs the backend {BACKEND!r} of geomstats, and {source} chose {name!r}",
            cure=f"unset {BACKEND_VARIABLE}, or set {BACKEND_VARIABLE}={BACKEND}, and start Python again",
        )


@contextmanager
def _lent_trapz() -> Iterator[None]:
    import numpy as np  # here, so that `import manifolds` stays instantaneous

    if hasattr(np, "trapz"):
        yield
        return
    vars(np)["trapz"] = np.trapezoid
    try:
        yield
    finally:
        del vars(np)["trapz"]


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        raise InputError(
            f"{name} cannot be imported",
            why=f"there is no module {missing!r}",
            cure="check the spelling" if missing.startswith("geomstats.") else "run `pip install 'geomstats>=2.8.0'`",
        ) from error
