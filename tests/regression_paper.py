"""The three-layer regression of the paper on teleportation, with its own random numbers.

The half squared error of W3 s(W2 s(W1 X)), s a leaky ReLU of slope 1/10, for X of shape 5 x 4 and weights 6 x 5, 7 x 6,
8 x 7, every entry uniform on [0, 1], drawn in single precision by a Mersenne twister from the seeds n^2 12345 for
n = 0, ..., 4 in the order W1, W2, W3, X, Y.  The same generator is in NumPy: a number is the low 24 bits of the next 32
over 2^24.

Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022),
arXiv:2205.10637, section 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from solvers.network import Network
from symmetries import GroupAction

SEEDS = [n * n * 12345 for n in range(5)]
SHAPES = {"W1": (6, 5), "W2": (7, 6), "W3": (8, 7), "X": (5, 4), "Y": (8, 4)}


def problem(seed: int) -> tuple[Network, Any, GroupAction]:
    """The objective, the start, and the action on the hidden states."""
    state = np.random.RandomState(seed)

    def uniform(shape: tuple[int, ...]) -> Any:
        raw = state.randint(0, 2**32, size=shape, dtype=np.uint32)
        return (raw & 0xFFFFFF) / 2.0**24

    drawn = {name: uniform(shape) for name, shape in SHAPES.items()}
    network = Network(widths=(5, 6, 7, 8), inputs=drawn["X"], targets=drawn["Y"], loss="squared", half=True)
    start = np.concatenate([drawn[name].ravel() for name in ("W1", "W2", "W3")])
    action = GroupAction.catalogued("mlp-data", widths=(5, 6, 7, 8), inputs=drawn["X"], activation="leaky_relu")
    return network, start, action
