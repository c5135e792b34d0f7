"""Signs of the arguments of bent functions at real points, found in double precision where they are certain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from symmetries.array_algebra import RULES, LogSumExp, Softmax
from symmetries.array_functions import FloatArray
from symmetries.array_rules import Entrywise, Linear
from symmetries.expression import Node, walk
from symmetries.large.moment_functions import is_bent
from symmetries.numbers import as_float

CERTAIN = 1e-9
"""An argument that is this much larger than the bound of what cancelled in it has a certain sign."""


@final
class BranchSigns:
    """The branches of a loss at real points.

    Parameters
    ----------
    root: the loss.
    whole: whether the loss has to have a value at the point too, since it is not defined everywhere.
    """

    def __init__(self, root: Node, *, whole: bool) -> None:
        nodes = list(walk(root))
        self.whole = whole
        self.bent = [node for node in nodes if is_bent(node)]
        needed: set[int] = {id(node) for node in self.bent}
        for node in reversed(nodes):
            if id(node) in needed:
                needed.update(id(argument) for argument in node.arguments)
        self.nodes = nodes if whole else [node for node in nodes if id(node) in needed]
        self.root = root

    def at(self, inputs: Mapping[str, FloatArray]) -> dict[int, FloatArray] | None:
        """Sign of the branch argument of every bent node by its identity, None where one is not certain."""
        values: dict[int, FloatArray] = {}
        scales: dict[int, FloatArray] = {}
        signs: dict[int, FloatArray] = {}
        with np.errstate(all="ignore"):
            for node in self.nodes:
                xs = [values[id(argument)] for argument in node.arguments]
                ms = [scales[id(argument)] for argument in node.arguments]
                if is_bent(node):
                    difference = node.operation in {"maximum", "minimum"}
                    argument = xs[0] - xs[1] if difference else xs[0]
                    scale = ms[0] + ms[1] if difference else ms[0]
                    if not (np.abs(argument) > CERTAIN * scale).all():
                        return None
                    signs[id(node)] = np.sign(argument)
                values[id(node)], scales[id(node)] = self._step(node, xs, ms, inputs)
        if self.whole and not np.isfinite(values[id(self.root)]).all():
            return None
        return signs

    def _step(
        self, node: Node, xs: list[FloatArray], ms: list[FloatArray], inputs: Mapping[str, FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        """Value of a node, and a bound of the numbers that were added to make it."""
        if not node.arguments:
            value = _leaf(node, inputs)
            return value, np.abs(value)
        rule = RULES[node.operation]
        value = rule.value(node, xs)
        if isinstance(rule, Linear) or node.operation in {"multiply", "matmul"}:
            return value, rule.value(node, ms)
        if isinstance(rule, Entrywise):
            scale = np.abs(value)
            for k, m in enumerate(ms):
                scale = scale + np.abs(rule.first(node, xs, k)) * m
            return value, scale
        if isinstance(rule, Softmax):
            axes: Any = node.payload
            return value, value * (1 + ms[0] + (value * ms[0]).sum(axis=axes, keepdims=True))
        if isinstance(rule, LogSumExp):
            return value, np.abs(value) + rule.tangent(node, xs, value, [ms[0]])
        return value, np.full(node.shape, np.inf)


def _leaf(node: Node, inputs: Mapping[str, FloatArray]) -> FloatArray:
    payload: Any = node.payload
    if node.operation == "number":
        return np.asarray(as_float(payload))
    if node.operation == "array":
        return np.array([as_float(value) for value in payload]).reshape(node.shape)
    return np.asarray(math.pi) if node.operation == "pi" else inputs[payload]
