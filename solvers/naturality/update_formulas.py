"""Update formulas of known optimizers, on which the exact test proves their linear naturality algebras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import sympy as sp

from manifolds.errors import InputError
from solvers.naturality.symbolic import SymbolicAlgebra, symbolic
from solvers.naturality.typed_symbols import TypedSymbols

Formula: TypeAlias = Callable[[int], tuple[sp.Matrix, list[TypedSymbols]]]

EPSILON = sp.Symbol("epsilon", positive=True)
DAMPING = sp.Symbol("lambda", positive=True)
DECAY = sp.Symbol("beta", positive=True)


def _gradient(size: int) -> TypedSymbols:
    """The gradient."""
    return TypedSymbols("g", "covector", size)


def _past(size: int) -> TypedSymbols:
    """The gradient of an earlier step."""
    return TypedSymbols("a", "covector", size)


def _from_gradient(update: Callable[[sp.Matrix], sp.Matrix]) -> Formula:
    """A formula of the gradient alone."""
    return lambda size: (update(_gradient(size).matrix), [_gradient(size)])


def _entrywise(update: Callable[[sp.Expr, sp.Expr], sp.Expr]) -> Formula:
    """A formula, entry by entry, of two gradients."""

    def make(size: int) -> tuple[sp.Matrix, list[TypedSymbols]]:
        """The update of the second step."""
        pairs = zip(_gradient(size).matrix, _past(size).matrix, strict=True)
        return sp.Matrix([update(g, a) for g, a in pairs]), [_gradient(size), _past(size)]

    return make


def _average(g: sp.Expr, a: sp.Expr, power: int = 1) -> sp.Expr:
    """An average of powers of two gradients, up to a factor."""
    return g**power + DECAY * a**power


def _in_metric(metric: Callable[[sp.Matrix], sp.Matrix]) -> Formula:
    """A gradient in a metric made from a covariant matrix: a Hessian, a Fisher matrix, a sum of outer products."""

    def make(size: int) -> tuple[sp.Matrix, list[TypedSymbols]]:
        """The update."""
        H = TypedSymbols("H", "cov2", size)
        return -metric(H.matrix).inv() * _gradient(size).matrix, [_gradient(size), H]

    return make


def _polyak(size: int) -> tuple[sp.Matrix, list[TypedSymbols]]:
    """The step of Polyak, which reads the loss."""
    g, f = _gradient(size), TypedSymbols("f", "scalar", size)
    return -f.matrix[0] * g.matrix / (g.matrix.T * g.matrix)[0], [g, f]


def _full_adagrad(size: int) -> tuple[sp.Matrix, list[TypedSymbols]]:
    """The gradient over the root of a covariant matrix."""
    S = TypedSymbols("S", "root-of-cov2", size)
    return -S.matrix.inv() * _gradient(size).matrix, [_gradient(size), S]


def _diagonal(matrix: sp.Matrix) -> sp.Matrix:
    """The diagonal part."""
    return sp.diag(*matrix.diagonal())


def _same(matrix: sp.Matrix) -> sp.Matrix:
    """The matrix itself."""
    return matrix


def _damped(matrix: sp.Matrix) -> sp.Matrix:
    """The matrix plus a multiple of the identity."""
    return matrix + DAMPING * sp.eye(matrix.shape[0])


FORMULAS: Mapping[str, Formula] = {
    "gradient-descent": _from_gradient(lambda g: -g),
    "heavy-ball": _entrywise(lambda g, a: -_average(g, a)),
    "normalised-gradient-descent": _from_gradient(lambda g: -g / sp.sqrt((g.T * g)[0])),
    "polyak-step": _polyak,
    "sign-descent": _from_gradient(lambda g: -g.applyfunc(sp.sign)),
    "lion": _from_gradient(lambda m: -m.applyfunc(sp.sign)),  # an average of gradients is a covector as good as any
    "adagrad": _entrywise(lambda g, a: -g / sp.sqrt(g**2 + a**2)),
    "rmsprop": _entrywise(lambda g, a: -g / sp.sqrt(_average(g, a, 2))),
    "adam": _entrywise(lambda g, a: -_average(g, a) / sp.sqrt(_average(g, a, 2))),
    "adam-epsilon": _entrywise(lambda g, a: -_average(g, a) / (sp.sqrt(_average(g, a, 2)) + EPSILON)),
    "root-free-rmsprop": _entrywise(lambda g, a: -g / _average(g, a, 2)),
    "root-free-adam": _entrywise(lambda g, a: -_average(g, a) / _average(g, a, 2)),
    "newton": _in_metric(_same),
    "newton-damped": _in_metric(_damped),
    "diagonal-newton": _in_metric(_diagonal),
    "natural-gradient": _in_metric(_same),
    "gauss-newton": _in_metric(_same),
    "empirical-fisher": _in_metric(_same),
    "natural-gradient-damped": _in_metric(_damped),
    "levenberg-marquardt": _in_metric(_damped),
    "levenberg-marquardt-scaled": _in_metric(lambda H: H + DAMPING * _diagonal(H)),
    "full-matrix-adagrad": _full_adagrad,
    "online-newton-step": _in_metric(_same),
    "online-newton-step-epsilon": _in_metric(_damped),
}
"""Formulas by the names of the registry: the displacement over the learning rate, from typed generic data."""


def exact_algebra(name: str, *, size: int = 2) -> SymbolicAlgebra:
    r"""The exact linear naturality algebra of a known optimizer's update formula.

    For optimizers with averages the formula is that of a second step, from two gradients; so the algebra of the whole
    optimizer is no larger.

    Parameters
    ----------
    name: one of :data:`FORMULAS`.
    size: number n of coordinates; 2 takes fractions of a second, 3 seconds for matrices and longer for their roots.

    Raises
    ------
    InputError: no formula of this name is known.

    >>> exact_algebra("adam").name, exact_algebra("root-free-adam").name, exact_algebra("newton").name
    ('0', 'diag(2)', 'gl(2)')
    """
    if name not in FORMULAS:
        raise InputError(f"the formula of {name!r}", why="none is known", cure=f"use {', '.join(FORMULAS)}")
    return symbolic(*FORMULAS[name](size))
