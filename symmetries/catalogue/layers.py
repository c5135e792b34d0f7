"""Attention and normalisation layers."""

from __future__ import annotations

from symmetries.catalogue.entry import CatalogEntry

ATTENTION = 'A. Vaswani et al., "Attention Is All You Need" (2017)'

ENTRIES = (
    CatalogEntry(
        name="attention",
        title="Softmax attention, query and key",
        formula="sum((Y - softmax(X@Q@K.T@X.T)@X)**2)",
        parameters={"Q": (3, 2), "K": (3, 2)},
        data={"X": (2, 3), "Y": (2, 3)},
        dimension=4,
        essential_dimension=4,
        algebra="gl(2,R)",
        note="Only Q K^T is seen: Q -> Q g^T, K -> K g^-1.",
        source=ATTENTION,
    ),
    CatalogEntry(
        name="attention-value-output",
        title="Softmax attention, query, key, value and output",
        formula="sum((Y - softmax(X@Q@K.T@X.T)@X@V@O)**2)",
        parameters={"Q": (2, 2), "K": (2, 2), "V": (2, 2), "O": (2, 2)},
        data={"X": (2, 2), "Y": (2, 2)},
        dimension=8,
        essential_dimension=8,
        algebra="gl(2,R) + gl(2,R)",
        note="Only Q K^T and V O are seen.",
        source=ATTENTION,
    ),
    CatalogEntry(
        name="batch-normalisation",
        title="Batch normalisation",
        formula=(
            "sum((Y - g*(X@W + b - mean(X@W + b, axis=0))"
            "/sqrt(mean((X@W + b - mean(X@W + b, axis=0))**2, axis=0)) - h)**2)"
        ),
        parameters={"W": (2, 2), "b": (2,), "g": (2,), "h": (2,)},
        data={"X": (4, 2), "Y": (4, 2)},
        dimension=22,
        null_directions=2,
        essential_dimension=2,
        note=(
            "The bias before the normalisation is lost (two null directions, f v for ten linear f), and each column "
            "of W scales. A number added under the root would leave only the null directions."
        ),
        source='S. Ioffe, C. Szegedy, "Batch Normalization" (2015)',
    ),
    CatalogEntry(
        name="layer-normalisation",
        title="Layer normalisation",
        formula="sum((y - g*(W@x + b - mean(W@x + b))/sqrt(mean((W@x + b - mean(W@x + b))**2)))**2)",
        parameters={"W": (3, 2), "b": (3,), "g": (3,)},
        data={"x": (2,), "y": (3,)},
        dimension=37,
        null_directions=3,
        essential_dimension=1,
        note=(
            "The mean over the features is lost (three null directions, f v for twelve linear f), and (W, b) scales "
            "as a whole."
        ),
        source='J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization" (2016)',
    ),
    CatalogEntry(
        name="rms-normalisation",
        title="Root mean square normalisation",
        formula="sum((y - g*(W@x)/sqrt(mean((W@x)**2)))**2)",
        parameters={"W": (3, 2), "g": (3,)},
        data={"x": (2,), "y": (3,)},
        dimension=1,
        essential_dimension=1,
        algebra="R^1",
        note="W scales as a whole; its mean is seen.",
        source='B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization" (2019)',
    ),
    CatalogEntry(
        name="weight-normalisation",
        title="Weight normalisation of one neuron",
        formula="(y - g*(v@x)/norm(v))**2",
        parameters={"g": (), "v": (3,)},
        data={"x": (3,), "y": ()},
        dimension=1,
        essential_dimension=1,
        algebra="R^1",
        note="The length of v is redundant.",
        source='T. Salimans, D. P. Kingma, "Weight Normalization" (2016)',
    ),
)
