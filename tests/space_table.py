"""The spaces that the tests run on, and what they need to make group elements in full."""

import numpy as np

from manifolds.form import OrthogonalForm, SymplecticForm, UnitaryForm
from manifolds.projectors import Projectors
from manifolds.rotations import Rotations
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticGrassmann, SymplecticStiefel
from manifolds.vector_spaces import Euclidean

FORMS = [OrthogonalForm, UnitaryForm, SymplecticForm]

HOMOGENEOUS = [
    Stiefel(12, 3),
    Stiefel(9, 6),
    Stiefel(5, 5),
    Stiefel(3, 1),
    Grassmann(12, 3),
    Grassmann(9, 6),
    SymplecticStiefel(9, 2),
    SymplecticStiefel(5, 4),
    SymplecticStiefel(3, 3),
    SymplecticGrassmann(9, 2),
    SymplecticGrassmann(5, 4),
    Stiefel(12, 3, field="complex"),
    Stiefel(4, 4, field="complex"),
    Grassmann(7, 4, field="complex"),
    Rotations(4),
]
GEODESIC = [
    Stiefel(12, 3, retraction="geodesic"),
    Grassmann(9, 6, retraction="geodesic"),
    SymplecticStiefel(9, 2, retraction="geodesic"),
    SymplecticGrassmann(5, 4, retraction="geodesic"),
    Stiefel(7, 3, field="complex", retraction="geodesic"),
]
TRANSPORTED = [
    Stiefel(8, 3, section="transported"),
    Grassmann(8, 5, section="transported", retraction="geodesic"),
    SymplecticStiefel(6, 2, section="transported"),
    SymplecticGrassmann(6, 2, section="transported", retraction="geodesic"),
]
OTHERS = [
    Stiefel(1, 1),
    Grassmann(3, 3),
    SymplecticGrassmann(2, 2),
    Euclidean(()),
    Euclidean((3, 2)),
    Euclidean(4, field="complex"),
    Projectors(6, 2),
    Product({"W": Stiefel(7, 2), "b": Euclidean(3), "inner": Product({"V": Grassmann(5, 2, field="complex")})}),
]
ALL = [*HOMOGENEOUS, *GEODESIC, *TRANSPORTED, *OTHERS]


def random_point(form, seed):
    """A random frame of a form."""
    if isinstance(form, SymplecticForm):
        return SymplecticStiefel(form.N, form.n).random(seed)
    return Stiefel(form.N, form.n, field=form.field).random(seed)


def dense(form, section, dtype):
    """The section as a matrix of the size of the group."""
    return section.apply(np.eye(form.rows, dtype=dtype))


def symplectic_unit(n):
    """J in full."""
    return np.block([[np.zeros((n, n)), np.eye(n)], [-np.eye(n), np.zeros((n, n))]])
