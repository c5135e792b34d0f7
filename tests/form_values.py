"""Forms of the free algebra of matrices evaluated in NumPy, atom by atom: an oracle for its normal form."""

from __future__ import annotations

import math

import numpy as np

from symmetries.sizes.matrix_algebra import MatrixAlgebra
from symmetries.sizes.matrix_forms import Form

FUNCTIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu'": lambda x: (x > 0) * 1.0,
    "exp": np.exp,
    "tanh": np.tanh,
    "tanh'": lambda x: 1 - np.tanh(x) ** 2,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sigmoid'": lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "sin": np.sin,
    "cos": np.cos,
    "sign": np.sign,
    "log": np.log,
    "indicator:>": lambda x: (x > 0) * 1.0,
}


def softmax(x):
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


class Values:
    """Values of forms where symbols and letters have values."""

    def __init__(self, algebra: MatrixAlgebra, symbols: dict[str, np.ndarray], units: dict[str, float] | None = None):
        self.algebra, self.symbols, self.units = algebra, symbols, units or {}
        self.known: dict[int, np.ndarray] = {}

    def form(self, form: Form) -> np.ndarray:
        total = np.zeros((form.rows, form.columns))
        for (units, scalars, word), value in form.terms.items():
            factor = float(value) * math.prod(self.units[name] ** float(power) for name, power in units)
            for index in scalars:
                factor *= self.atom(index)[0, 0]
            total = total + factor * self.word(word, form.rows)
        return total

    def word(self, word, rows) -> np.ndarray:
        result = np.eye(rows)
        for index, transposed in word:
            value = self.atom(index)
            result = result @ (value.T if transposed else value)
        return result

    def frozen(self, terms, rows, columns) -> np.ndarray:
        return self.form(Form(rows, columns, dict(terms)))

    def atom(self, index) -> np.ndarray:
        if index not in self.known:
            self.known[index] = self.fresh(index)
        return self.known[index]

    def fresh(self, index) -> np.ndarray:
        atom = self.algebra.atoms[index]
        key, rows, columns = atom.key, atom.rows, atom.columns
        match atom.kind:
            case "symbol":
                return self.symbols[key]
            case "letter":
                return self.symbols[key[0]]
            case "ones":
                return np.ones((rows, 1))
            case "constant":
                return np.array([float(value) for value in key]).reshape(rows, columns)
            case "trace":
                return np.array([[np.trace(self.word(key[1], self.algebra.shape(key[1][0])[0]))]])
            case "diag":
                return np.diag(self.word(key, rows)[:, 0])
            case "diagonal":
                return np.diag(self.word(key, rows)).reshape(-1, 1)
            case "hadamard":
                return math.prod(self.word(word, rows) for word in key)
            case "function":
                inner = self.frozen(key[1], rows, columns)
                name = key[0]
                return inner ** float(eval_fraction(name)) if name.startswith("power:") else FUNCTIONS[name](inner)
            case "block":
                return self.frozen(*key)
            case "softmax":
                return softmax(self.frozen(key, rows, columns))
            case "logsumexp":
                return np.log(np.exp(self.frozen(key[0], rows, key[1])).sum(axis=1, keepdims=True))
        raise AssertionError(atom.kind)


def eval_fraction(name: str) -> float:
    """The exponent in the name of a power."""
    top, _, bottom = name.removeprefix("power:").partition("/")
    return int(top) / int(bottom or 1)
