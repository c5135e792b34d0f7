"""Packages that import their public names when these are first asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, final


@final
class LazyPackage(ModuleType):
    """A package that knows in which of its modules each public name is.

    A module named like its function does not hide the function once it is imported.
    """

    def __getattr__(self, name: str) -> Any:
        """Import the module of a public name when it is first asked for."""
        module = self.__dict__["_module_of"].get(name)
        if module is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{self.__name__}.{module}"), name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        """All names, those of modules that are not loaded yet included."""
        return sorted({*self.__dict__, *self.__dict__["_module_of"]})

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep the function where the import system would put its module."""
        if isinstance(value, ModuleType) and self.__dict__["_module_of"].get(name) == name:
            value = getattr(value, name, value)
        super().__setattr__(name, value)


def import_on_demand(package: str, modules: Mapping[str, Iterable[str]]) -> None:
    """Let a package import its public names when they are first asked for.

    Parameters
    ----------
    package: its name, ``__name__`` in its ``__init__``.
    modules: the names in each module, the module named from the package on.

    >>> toy = sys.modules["toy"] = ModuleType("toy")
    >>> import_on_demand("toy", {"words": ("speak",)})
    >>> "speak" in dir(toy), hasattr(toy, "sing")
    (True, False)
    >>> del sys.modules["toy"]
    """
    module = sys.modules[package]
    module.__dict__["_module_of"] = {name: place for place, names in modules.items() for name in names}
    module.__class__ = LazyPackage
