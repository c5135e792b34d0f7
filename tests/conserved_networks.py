"""Random networks and the number of their conservation laws, by formulas and floats that share nothing with the engine.

The known laws are balancedness: W_{l+1}^T W_{l+1} - W_l W_l^T for linear layers, its diagonal for relu layers.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from symmetries import Loss


def layers(widths: tuple[int, ...], activation: str, *, biases: bool = False) -> Loss:
    """Squared error of a fully connected network."""
    shapes: dict[str, tuple[int, ...]] = {}
    text = "x"
    depth = len(widths) - 1
    for k in range(1, depth + 1):
        shapes[f"W{k}"] = (widths[k], widths[k - 1])
        text = f"W{k}@{text}" if k == 1 else f"W{k}@({text})"
        if biases:
            shapes[f"b{k}"] = (widths[k],)
            text = f"{text} + b{k}"
        if activation and k < depth:
            text = f"{activation}({text})"
    return Loss.parse(f"sum((y - ({text}))**2)", shapes, data={"x": (widths[0],), "y": (widths[-1],)})


def random_widths(rng: np.random.Generator) -> tuple[int, ...]:
    """Depth 2 to 6, widths 1 to 8."""
    depth = int(rng.integers(2, 7))
    return tuple(int(width) for width in rng.integers(1, 9, size=depth + 1))


def balancedness(weights: list[np.ndarray], *, diagonal: bool = False) -> np.ndarray:
    """Gradients of the entries of all W_{l+1}^T W_{l+1} - W_l W_l^T, one a row."""
    rows = []
    for k in range(len(weights) - 1):
        for i in range(len(weights[k])):
            for j in range(i, i + 1) if diagonal else range(i + 1):
                gradient = [np.zeros_like(weight) for weight in weights]
                gradient[k][i] -= weights[k][j]
                gradient[k][j] -= weights[k][i]
                gradient[k + 1][:, i] += weights[k + 1][:, j]
                gradient[k + 1][:, j] += weights[k + 1][:, i]
                rows.append(np.concatenate([part.ravel() for part in gradient]))
    return np.array(rows)


def scalar_chains(widths: tuple[int, ...]) -> list[tuple[int, int]]:
    """First and last position of the stretches between neighbouring layers of width 1: networks from R to R."""
    ones = [k for k, width in enumerate(widths) if width == 1]
    return list(pairwise(ones))


def known_linear(widths: tuple[int, ...], seed: int = 0) -> int:
    """Number of laws of a linear network: rank of balancedness, and of all functions along one direction in the
    stretches from width 1 to width 1, on which the network depends through one number only.
    """
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(widths[k + 1], widths[k])) for k in range(len(widths) - 1)]
    rows = [balancedness(weights)] if len(weights) > 1 else []
    starts = np.cumsum([0, *(weight.size for weight in weights)])
    for first, last in scalar_chains(widths):
        inside = slice(starts[first], starts[last])
        direction = chain_gradient(weights[first:last])
        complement = np.linalg.svd(direction[None])[2][1:]
        block = np.zeros((len(complement), starts[-1]))
        block[:, inside] = complement
        rows.append(block)
    return int(np.linalg.matrix_rank(np.concatenate(rows), tol=1e-8))


def chain_gradient(weights: list[np.ndarray]) -> np.ndarray:
    """Gradient of the number W_k ... W_1."""
    parts = []
    for k in range(len(weights)):
        before, after = np.eye(1), np.eye(len(weights[k]))
        for weight in weights[:k]:
            before = weight @ before
        for weight in weights[k + 1 :]:
            after = weight @ after
        parts.append((after.T @ before.T).ravel())
    return np.concatenate(parts)
