"""The losses that the benchmarks run on, by family and size."""

from __future__ import annotations

import json
from pathlib import Path

from symmetries import Loss

PUBLIC = Path(__file__).parent.parent / "tests" / "data" / "losses_public.json"


def matrix_factorisation(size: int) -> Loss:
    """|Y - U V|^2 for square factors: 2 size^2 parameters, gl(size)."""
    shape = (size, size)
    return Loss.parse("sum((Y - U@V)**2)", {"U": shape, "V": shape}, data={"Y": shape})


def linear_network(size: int) -> Loss:
    """|Y - U V W|^2: 3 size^2 parameters, gl(size) twice."""
    shape = (size, size)
    return Loss.parse("sum((Y - U@V@W)**2)", {"U": shape, "V": shape, "W": shape}, data={"Y": shape})


def network(activation: str, inputs: int, hidden: int, outputs: int) -> Loss:
    """Squared error of a network with one hidden layer and biases."""
    return Loss.parse(
        f"sum((y - W2@{activation}(W1@x + b1) - b2)**2)",
        {"W1": (hidden, inputs), "b1": (hidden,), "W2": (outputs, hidden), "b2": (outputs,)},
        data={"x": (inputs,), "y": (outputs,)},
    )


def attention(width: int, keys: int, tokens: int = 2) -> Loss:
    """Squared error of one head of softmax attention, query and key weights."""
    return Loss.parse(
        "sum((Y - softmax((X@Q)@(X@K).T)@X)**2)",
        {"Q": (width, keys), "K": (width, keys)},
        data={"X": (tokens, width), "Y": (tokens, width)},
    )


def softmax_regression(features: int, classes: int) -> Loss:
    """Cross-entropy of a linear classifier with targets that need not sum to one."""
    return Loss.parse(
        "logsumexp(W@x + b) - dot(y, W@x + b)",
        {"W": (classes, features), "b": (classes,)},
        data={"x": (features,), "y": (classes,)},
    )


def public_losses() -> list[tuple[Loss, str, int]]:
    """The public table: loss, ansatz, dimension."""
    rows = json.loads(PUBLIC.read_text(encoding="utf-8"))
    return [
        (
            Loss.parse(row["expr"], row["params"], data=row["data"], constants=row["constants"]),
            row["ansatz"],
            row["expected_dim"],
        )
        for row in rows
    ]
