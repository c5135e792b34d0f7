"""Floor 1 of Symport: geometry that knows nothing of losses.

Importing this package is cheap: NumPy, SciPy and geomstats are loaded only by the name that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifolds._geomstats import load_geomstats
from manifolds.errors import InputError
from manifolds.lazy_package import import_on_demand

if TYPE_CHECKING:
    from manifolds.affine import AffineGroup, SemidirectProduct, SpecialEuclidean
    from manifolds.conditions import Condition
    from manifolds.general_linear import GeneralLinear, PositiveDiagonal, SpecialLinear
    from manifolds.geomstats_border import from_geomstats, matrices_from_geomstats, matrices_to_geomstats
    from manifolds.geomstats_spaces import (
        points_from_geomstats,
        points_to_geomstats,
        space_from_geomstats,
        space_to_geomstats,
        tangents_from_geomstats,
        tangents_to_geomstats,
    )
    from manifolds.groups import MatrixGroup
    from manifolds.homogeneous import Homogeneous
    from manifolds.orthogonal import IndefiniteOrthogonal, Orthogonal, SpecialOrthogonal
    from manifolds.products import DirectProduct
    from manifolds.projectors import Projectors
    from manifolds.rotations import Rotations
    from manifolds.space import Space
    from manifolds.space_products import Product
    from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
    from manifolds.symplectic import Symplectic
    from manifolds.unipotent import Heisenberg, Translations, Unipotent
    from manifolds.unitary import SpecialUnitary, Unitary
    from manifolds.vector_spaces import Euclidean

__all__ = [
    "AffineGroup",
    "Condition",
    "DirectProduct",
    "Euclidean",
    "GeneralLinear",
    "Grassmann",
    "Heisenberg",
    "Homogeneous",
    "IndefiniteOrthogonal",
    "InputError",
    "MatrixGroup",
    "Orthogonal",
    "PositiveDiagonal",
    "Product",
    "Projectors",
    "Rotations",
    "SemidirectProduct",
    "Space",
    "SpecialEuclidean",
    "SpecialLinear",
    "SpecialOrthogonal",
    "SpecialUnitary",
    "Stiefel",
    "Symplectic",
    "SymplecticGrassmann",
    "SymplecticStiefel",
    "Translations",
    "Unipotent",
    "Unitary",
    "from_geomstats",
    "load_geomstats",
    "matrices_from_geomstats",
    "matrices_to_geomstats",
    "points_from_geomstats",
    "points_to_geomstats",
    "space_from_geomstats",
    "space_to_geomstats",
    "tangents_from_geomstats",
    "tangents_to_geomstats",
]

_ROOMS = {
    "affine": ("AffineGroup", "SemidirectProduct", "SpecialEuclidean"),
    "conditions": ("Condition",),
    "general_linear": ("GeneralLinear", "PositiveDiagonal", "SpecialLinear"),
    "geomstats_border": ("from_geomstats", "matrices_from_geomstats", "matrices_to_geomstats"),
    "geomstats_spaces": (
        "points_from_geomstats",
        "points_to_geomstats",
        "space_from_geomstats",
        "space_to_geomstats",
        "tangents_from_geomstats",
        "tangents_to_geomstats",
    ),
    "groups": ("MatrixGroup",),
    "homogeneous": ("Homogeneous",),
    "orthogonal": ("IndefiniteOrthogonal", "Orthogonal", "SpecialOrthogonal"),
    "products": ("DirectProduct",),
    "projectors": ("Projectors",),
    "rotations": ("Rotations",),
    "space": ("Space",),
    "space_products": ("Product",),
    "spaces": ("Grassmann", "Stiefel", "SymplecticGrassmann", "SymplecticStiefel"),
    "symplectic": ("Symplectic",),
    "unipotent": ("Heisenberg", "Translations", "Unipotent"),
    "unitary": ("SpecialUnitary", "Unitary"),
    "vector_spaces": ("Euclidean",),
}
import_on_demand(__name__, _ROOMS)
