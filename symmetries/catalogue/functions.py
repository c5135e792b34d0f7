"""Test functions of optimisation, and quadratics."""

from __future__ import annotations

from symmetries.catalogue.entry import CatalogEntry

SURVEY = 'M. Jamil, X.-S. Yang, "A literature survey of benchmark functions" (2013)'
TELEPORTATION = 'B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022)'
ALGEBRA = 'S. Lang, "Algebra" (2002), chapter XV'
PLANE = {"x": (), "y": ()}

ENTRIES = (
    CatalogEntry(
        name="rosenbrock",
        title="Rosenbrock's banana",
        formula="(1 - x)**2 + 100*(y - x**2)**2",
        parameters=PLANE,
        ansatz="polynomial:3",
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note=(
            "L = f**2 + g**2 with f = 1 - x and g = 10 (y - x**2); (f, g) has a constant Jacobian determinant, so "
            "rotations of (f, g) are polynomial fields on the plane. Degrees 3, 4, 5 give 1, 3, 6 dimensions: "
            "multiples by polynomials."
        ),
        source=(
            'H. H. Rosenbrock, "An automatic method for finding the greatest or least value of a function" (1960); '
            f"{TELEPORTATION}"
        ),
    ),
    CatalogEntry(
        name="rosenbrock-n",
        title="Rosenbrock's function in 4 variables",
        formula="sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)",
        parameters={"x": (4,)},
        ansatz="polynomial:3",
        dimension=6,
        essential_dimension=6,
        note=(
            "The six fields dL/dx_j d/dx_i - dL/dx_i d/dx_j, which annihilate any loss and have degree 3 for a "
            "quartic; there is no other. Their brackets have higher degrees."
        ),
        source=SURVEY,
    ),
    CatalogEntry(
        name="booth",
        title="Booth's function",
        formula="(x + 2*y - 7)**2 + (2*x + y - 5)**2",
        parameters=PLANE,
        ansatz="affine",
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note=(
            "A definite quadratic about (1, 3): one rotation in sheared coordinates, affine because the minimum is "
            "not at 0."
        ),
        source=f"{SURVEY}; {TELEPORTATION}",
    ),
    CatalogEntry(
        name="matyas",
        title="Matyas' function",
        formula="0.26*(x**2 + y**2) - 0.48*x*y",
        parameters=PLANE,
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note=(
            "A definite quadratic form in two variables; its coefficients are read as the exact decimals 13/50 and "
            "12/25."
        ),
        source=SURVEY,
    ),
    CatalogEntry(
        name="himmelblau",
        title="Himmelblau's function",
        formula="(x**2 + y - 11)**2 + (x + y**2 - 7)**2",
        parameters=PLANE,
        ansatz="polynomial:3",
        dimension=1,
        essential_dimension=1,
        algebra="R^1",
        note=(
            "The field dL/dy d/dx - dL/dx d/dy, which annihilates any loss in two variables and has degree 3 for a "
            "quartic; there is no other. Its orbits are the level curves, with periods that differ from curve to "
            "curve."
        ),
        source=f'D. M. Himmelblau, "Applied Nonlinear Programming" (1972); {SURVEY}',
    ),
    CatalogEntry(
        name="goldstein-price",
        title="Goldstein and Price's function",
        formula=(
            "(1 + (x + y + 1)**2*(19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2))"
            "*(30 + (2*x - 3*y)**2*(18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))"
        ),
        parameters=PLANE,
        ansatz="affine",
        dimension=0,
        essential_dimension=0,
        algebra="0",
        note=(
            "A quartic in x + y times a quartic in 2 x - 3 y: no affine field annihilates it, only one of degree 7 "
            "and its multiples."
        ),
        source=f'A. A. Goldstein, J. F. Price, "On descent from local minima" (1971); {SURVEY}',
    ),
    CatalogEntry(
        name="beale",
        title="Beale's function",
        formula="(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
        parameters=PLANE,
        ansatz="affine",
        dimension=0,
        essential_dimension=0,
        algebra="0",
        note="Three residuals in two variables leave no affine field.",
        source=f'E. M. L. Beale, "On an iterative method for finding a local minimum" (1958); {SURVEY}',
    ),
    CatalogEntry(
        name="ellipse",
        title="An elliptic bowl",
        formula="x**2 + 9*y**2",
        parameters=PLANE,
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note="9 y d/dx - x d/dy turns the ellipses x**2 + 9 y**2 = const.",
        source=ALGEBRA,
    ),
    CatalogEntry(
        name="ellipse-constants",
        title="An elliptic bowl with symbolic axes",
        formula="(x/a)**2 + (y/b)**2",
        parameters=PLANE,
        constants=("a", "b"),
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note=(
            "The coefficients of the field may depend on a and b: a**2 y d/dx - b**2 x d/dy. With a and b as data "
            "there is none."
        ),
        source=ALGEBRA,
    ),
    CatalogEntry(
        name="quadratic",
        title="A definite quadratic form",
        formula="w @ [[14, 3, -5], [3, 9, 2], [-5, 2, 11]] @ w",
        parameters={"w": (3,)},
        dimension=3,
        essential_dimension=3,
        algebra="so(3)",
        note="w.H w with H definite is kept by {A : A^T H + H A = 0}, which is so(n), of dimension n (n-1)/2.",
        source=ALGEBRA,
    ),
    CatalogEntry(
        name="sphere",
        title="The sphere function",
        formula="sum(x**2)",
        parameters={"x": (4,)},
        dimension=6,
        essential_dimension=6,
        algebra="so(4)",
        note="All rotations.",
        source=SURVEY,
    ),
    CatalogEntry(
        name="quadratic-semidefinite",
        title="A quadratic form of rank 2 in 3 variables",
        formula="(x - y)**2 + (x + y + z)**2",
        parameters={"x": (), "y": (), "z": ()},
        dimension=4,
        null_directions=1,
        essential_dimension=1,
        note=(
            "The kernel v = (1, 1, -2) of the form is a null direction, which gives the three fields f v; on a slice "
            "so(2) is left."
        ),
        source=ALGEBRA,
    ),
    CatalogEntry(
        name="quadratic-indefinite",
        title="A quadratic form of signature (2, 1)",
        formula="x**2 + 4*y**2 - 9*z**2 + 2*x*y",
        parameters={"x": (), "y": (), "z": ()},
        dimension=3,
        essential_dimension=3,
        algebra="so(2,1)",
        note="An indefinite form of rank n has so(p,q); its orbits are not compact.",
        source=ALGEBRA,
    ),
    CatalogEntry(
        name="determinant",
        title="Distance of a determinant from one",
        formula="(det(A) - 1)**2",
        parameters={"A": (2, 2)},
        dimension=6,
        essential_dimension=6,
        algebra="so(2,2)",
        note=(
            "A -> P A Q with det P = det Q = 1: sl(2,R) + sl(2,R), which is so(2,2): the determinant is a form of "
            "signature (2, 2)."
        ),
        source=ALGEBRA,
    ),
    CatalogEntry(
        name="rayleigh-quotient",
        title="Rayleigh quotient of any matrix",
        formula="(w @ A @ w)/(w @ w)",
        parameters={"w": (3,)},
        data={"A": (3, 3)},
        dimension=1,
        essential_dimension=1,
        algebra="R^1",
        note="Only the length of w is redundant when A is any matrix.",
        source='G. H. Golub, C. F. Van Loan, "Matrix Computations" (2013), section 8.2',
    ),
    CatalogEntry(
        name="log-sum-exp",
        title="Log-sum-exp of linear functions",
        formula="logsumexp(A @ x)",
        parameters={"x": (3,)},
        data={"A": (3, 3)},
        ansatz="affine",
        dimension=0,
        essential_dimension=0,
        algebra="0",
        note=(
            "All of A x moved by a number moves the loss by it; no affine field leaves the loss unchanged for every A."
        ),
        source='S. Boyd, L. Vandenberghe, "Convex Optimization" (2004), section 3.1.5',
    ),
    CatalogEntry(
        name="sum-of-exponentials",
        title="Sum of two exponentials with its minimum at the origin",
        formula="exp(2*x + y) - 2*x - y + exp(x - y) - x + y",
        parameters=PLANE,
        ansatz="affine",
        dimension=0,
        essential_dimension=0,
        algebra="0",
        note="Smooth and strictly convex, without a symmetry: a teleport goes along the level set.",
        source='S. Boyd, L. Vandenberghe, "Convex Optimization" (2004), section 9.2',
    ),
)
