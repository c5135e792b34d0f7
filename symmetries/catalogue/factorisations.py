"""Factorisations of matrices and tensors, and inverse problems."""

from __future__ import annotations

from symmetries.catalogue.entry import CatalogEntry

MATRIX_PAIR = {"U": (3, 2), "V": (2, 4)}
SREBRO = 'N. Srebro, "Learning with Matrix Factorizations" (2004)'
KOLDA = 'T. G. Kolda, B. W. Bader, "Tensor Decompositions and Applications" (2009)'

ENTRIES = (
    CatalogEntry(
        name="matrix-factorisation",
        title="Matrix factorisation",
        formula="sum((Y - U@V)**2)",
        parameters=MATRIX_PAIR,
        data={"Y": (3, 4)},
        dimension=4,
        essential_dimension=4,
        algebra="gl(2,R)",
        note="U -> U g^-1, V -> g V for any invertible g of the inner size.",
        source=SREBRO,
    ),
    CatalogEntry(
        name="matrix-factorisation-l2",
        title="Matrix factorisation with weight decay",
        formula="sum((Y - U@V)**2) + 1/10*(sum(U**2) + sum(V**2))",
        parameters=MATRIX_PAIR,
        data={"Y": (3, 4)},
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note=(
            "Of gl(2,R) the squared norms leave the rotations. Nonlinear symmetries remain: U V and the norms are 11 "
            "functions of 14 parameters."
        ),
        source=SREBRO,
    ),
    CatalogEntry(
        name="symmetric-factorisation",
        title="Symmetric matrix factorisation",
        formula="sum((Y - U@U.T)**2)",
        parameters={"U": (4, 2)},
        data={"Y": (4, 4)},
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note="U -> U g^T with g orthogonal.",
        source=(
            'S. Burer, R. D. C. Monteiro, "A nonlinear programming algorithm for solving semidefinite programs" (2003)'
        ),
    ),
    CatalogEntry(
        name="matrix-completion",
        title="Matrix completion with a given mask",
        formula="sum((M*(Y - U@V))**2)",
        parameters={"U": (4, 2), "V": (2, 4)},
        data={"Y": (4, 4), "M": [[1, 1, 1, 0], [1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]]},
        dimension=4,
        essential_dimension=4,
        algebra="gl(2,R)",
        note=(
            "The 12 entries that are seen determine U V up to a discrete choice: the symmetries are those of the "
            "full matrix."
        ),
        source='E. J. Candès, B. Recht, "Exact Matrix Completion via Convex Optimization" (2009)',
    ),
    CatalogEntry(
        name="nonnegative-factorisation",
        title="Nonnegative matrix factorisation by squares",
        formula="sum((Y - U**2@V**2)**2)",
        parameters={"U": (3, 2), "V": (2, 3)},
        data={"Y": (3, 3)},
        dimension=2,
        essential_dimension=2,
        algebra="R^2",
        note="Each inner index scales; the rest of gl(2,R) acts on the squares, hence nonlinearly on U and V.",
        source='D. D. Lee, H. S. Seung, "Learning the parts of objects by non-negative matrix factorization" (1999)',
    ),
    CatalogEntry(
        name="tensor-factorisation",
        title="CP tensor factorisation of rank 2",
        formula="sum((Y - sum(A[:,None,None,:]*B[None,:,None,:]*C[None,None,:,:], axis=3))**2)",
        parameters={"A": (2, 2), "B": (3, 2), "C": (2, 2)},
        data={"Y": (2, 3, 2)},
        dimension=4,
        essential_dimension=4,
        algebra="R^4",
        note="Two scalings for each rank-one term; Kruskal's theorem leaves no others.",
        source=KOLDA,
    ),
    CatalogEntry(
        name="tri-factorisation",
        title="Matrix tri-factorisation (Tucker in two modes)",
        formula="sum((Y - U@S@V)**2)",
        parameters={"U": (3, 2), "S": (2, 2), "V": (2, 3)},
        data={"Y": (3, 3)},
        dimension=8,
        essential_dimension=8,
        algebra="gl(2,R) + gl(2,R)",
        note="One invertible matrix on each side of the core S.",
        source=KOLDA,
    ),
    CatalogEntry(
        name="scalar-product",
        title="Fitting a scalar product",
        formula="(y - u@v)**2",
        parameters={"u": (2,), "v": (2,)},
        data={"y": ()},
        dimension=6,
        essential_dimension=6,
        algebra="so(2,2)",
        note=(
            "More than the gl(2,R) of a factorisation: u.v is a quadratic form of signature (2, 2) in all four "
            "parameters."
        ),
        source=SREBRO,
    ),
    CatalogEntry(
        name="moving-data",
        title="A linear layer whose inputs may move too",
        formula="sum((Y - W@X)**2)",
        parameters={"W": (3, 2)},
        data={"Y": (3, 3), "X": {"shape": [2, 3], "moves": True}},
        dimension=4,
        essential_dimension=4,
        algebra="gl(2,R)",
        note="W -> W g^-1 together with X -> g X; with X as ordinary data there is no symmetry.",
        source='B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022)',
    ),
    CatalogEntry(
        name="least-squares-deficient",
        title="Least squares with dependent rows",
        formula="sum((y - A@w)**2)",
        parameters={"w": (3,)},
        data={"A": [[1, 2, 3], [2, 4, 6]], "y": (2,)},
        ansatz="affine",
        dimension=8,
        null_directions=2,
        essential_dimension=0,
        note=(
            "The given matrix has rank 1: its kernel gives two null directions v, and f v for the four affine "
            "functions f."
        ),
        source='G. H. Golub, C. F. Van Loan, "Matrix Computations" (2013), section 5.5',
    ),
    CatalogEntry(
        name="distance-geometry",
        title="Multidimensional scaling: points from their distances",
        formula="sum((D - sum((P[:,None,:] - P[None,:,:])**2, axis=2))**2)",
        parameters={"P": (4, 2)},
        data={"D": (4, 4)},
        ansatz="affine",
        dimension=19,
        null_directions=2,
        essential_dimension=1,
        note=(
            "Translations of all points are null directions and give f v for the nine affine functions f; on the "
            "slice so(2) is left."
        ),
        source=(
            'J. B. Kruskal, "Multidimensional scaling by optimizing goodness of fit to a nonmetric hypothesis" (1964)'
        ),
    ),
    CatalogEntry(
        name="phase-retrieval",
        title="Phase retrieval of a complex signal",
        formula="sum((y - (P@u - Q@v)**2 - (P@v + Q@u)**2)**2)",
        parameters={"u": (2,), "v": (2,)},
        data={"P": (3, 2), "Q": (3, 2), "y": (3,)},
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note=(
            "|(P + i Q)(u + i v)|**2 is measured: the global phase of u + i v is lost. A real signal loses only its "
            "sign."
        ),
        source='E. J. Candès, X. Li, M. Soltanolkotabi, "Phase Retrieval via Wirtinger Flow" (2015)',
    ),
)
