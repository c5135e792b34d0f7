"""Floor 1 of Symport: geometry that knows nothing of losses.

Importing this package is cheap: geomstats and SciPy are loaded only by the function that needs them.
"""

from __future__ import annotations

from manifolds._geomstats import load_geomstats
from manifolds.errors import InputError

__all__ = ["InputError", "load_geomstats"]
