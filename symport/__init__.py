"""The front of Symport: the command line, reports and plots. Nothing imports it; the engine is in `symmetries`."""

from __future__ import annotations

__all__ = ["__version__"]

RELEASE = "0.1.0"
"""The version of this source tree, for a checkout that is not installed."""


def __getattr__(name: str) -> str:
    """The version of the installed distribution, looked up only when it is asked for."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("symport")
    except PackageNotFoundError:
        return RELEASE
