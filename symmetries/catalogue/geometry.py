"""Losses that classical groups leave as they are."""

from __future__ import annotations

from symmetries.catalogue.entry import CatalogEntry

WEYL = 'H. Weyl, "The Classical Groups" (1939)'
SYMPLECTIC = [[0, 0, 1, 0], [0, 0, 0, 1], [-1, 0, 0, 0], [0, -1, 0, 0]]
MINKOWSKI = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, -1]]
PAIR = {"a": (2,), "b": (2,), "c": (2,), "d": (2,)}

ENTRIES = (
    CatalogEntry(
        name="symplectic-products",
        title="Symplectic products of three vectors",
        formula="(dot(a, J@b) - 1)**2 + (dot(a, J@c) - 2)**2 + (dot(b, J@c) - 3)**2",
        parameters={"a": (4,), "b": (4,), "c": (4,)},
        data={"J": SYMPLECTIC},
        dimension=11,
        essential_dimension=11,
        algebra="sp(4,R) + so(2)",
        note=(
            "Sp(4,R) acts on the vectors and keeps their products; the products, as a skew 3 x 3 matrix, are a vector "
            "in space whose rotations about the target mix a, b and c: the loss is a distance from one point."
        ),
        source=WEYL,
    ),
    CatalogEntry(
        name="lorentz-products",
        title="Minkowski products of two vectors",
        formula="(dot(x, M@x) - 1)**2 + (dot(y, M@y) - 2)**2 + 2*(dot(x, M@y) - 3)**2",
        parameters={"x": (4,), "y": (4,)},
        data={"M": MINKOWSKI},
        dimension=6,
        essential_dimension=6,
        algebra="so(3,1)",
        note="The Lorentz group keeps the three products; the targets allow no rotation of x into y.",
        source=WEYL,
    ),
    CatalogEntry(
        name="hermitian-products",
        title="Hermitian products of two complex vectors",
        formula=(
            "3*(sum(a**2) + sum(b**2) - 3)**2 + 5*(sum(c**2) + sum(d**2) - 4)**2"
            " + (dot(a, c) + dot(b, d) - 1)**2 + 2*(dot(a, d) - dot(b, c) - 2)**2"
        ),
        parameters=PAIR,
        dimension=4,
        essential_dimension=4,
        algebra="u(2)",
        note="The vectors are a + ib and c + id; U(2) keeps their Hermitian products, and nothing else does here.",
        source=WEYL,
    ),
    CatalogEntry(
        name="cubic-discriminant",
        title="Discriminant of a binary cubic",
        formula="b**2*c**2 - 4*a*c**3 - 4*b**3*d - 27*a**2*d**2 + 18*a*b*c*d",
        parameters={"a": (), "b": (), "c": (), "d": ()},
        dimension=3,
        essential_dimension=3,
        algebra="sl(2,R)",
        note=(
            "SL(2,R) changes the two variables of the cubic form; its action on the four coefficients is the "
            "irreducible one of dimension four."
        ),
        source=WEYL,
    ),
    CatalogEntry(
        name="hidden-rotation",
        title="A sum of squares, expanded",
        formula="x**2 + 2*x*y**2 + y**4 + y**2",
        parameters={"x": (), "y": ()},
        ansatz="polynomial:3",
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note=(
            "(x + y**2)**2 + y**2: rotations of (x + y**2, y), whose fields are cubic. The expansion hides the "
            "residuals; the flow is found on a space of polynomials that the field keeps."
        ),
        source=WEYL,
    ),
    CatalogEntry(
        name="two-heads",
        title="Queries and keys of two attention heads",
        formula="sum((Y - softmax(X@A@B.T@X.T)@X@C - softmax(X@D@E.T@X.T)@X@F)**2)",
        parameters={"A": (3, 2), "B": (3, 2), "C": (3, 2), "D": (3, 2), "E": (3, 2), "F": (3, 2)},
        data={"X": (2, 3), "Y": (2, 2)},
        dimension=8,
        essential_dimension=8,
        algebra="gl(2,R) + gl(2,R)",
        note="In each head GL(2) acts on queries and keys, A -> A g^-1, B -> B g^T; the heads are independent.",
        source='A. Vaswani et al., "Attention Is All You Need" (2017)',
    ),
    CatalogEntry(
        name="leading-eigenspace",
        title="Trace of a matrix on a plane, for orthonormal columns",
        formula="-trace(Y.T@A@Y)",
        parameters={"Y": (4, 2)},
        data={"A": (4, 4)},
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note="Y -> Y Q: the cost is a function on the Grassmann manifold of the planes that the columns span.",
        source='P.-A. Absil, R. Mahony, R. Sepulchre, "Optimization Algorithms on Matrix Manifolds" (2008)',
    ),
)
