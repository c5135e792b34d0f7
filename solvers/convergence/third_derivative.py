r"""Third derivatives along the gradient, :math:`D^3L[u, u, \cdot]`: by formulas where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from solvers.objective import LossObjective, Objective
from symmetries.actions.parameter_space import FloatArray
from symmetries.loss import Loss
from symmetries.sympy_border import to_sympy

LARGEST = 8
"""Most parameters for which formulas are made."""

LONGEST = 4000
"""Most operations of a formula that is differentiated three times."""


def third_derivative(objective: Objective, w: FloatArray, u: FloatArray) -> tuple[FloatArray, str]:
    r"""The vector :math:`D^3L(w)[u, u, \cdot]`, shape (n,), and how it was found: ``formulas`` or ``differences``.

    Formulas are made by SymPy for declared losses of few parameters; otherwise Hessian-vector products are differenced,
    with one extrapolation.

    >>> objective = Objective.from_loss(Loss.parse("x**3 + x*y**2"))
    >>> third_derivative(objective, np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    (array([8., 4.]), 'formulas')
    """
    if isinstance(objective, LossObjective) and objective.loss is not None and objective.size <= LARGEST:
        function = _formulas(objective.loss)
        if function is not None:
            data = [np.ravel(objective.data[name]) for name in sorted(objective.data)]
            numbers = np.concatenate([w, u, *data])
            with np.errstate(all="ignore"):
                return np.array(function(*numbers), dtype=float).ravel(), "formulas"
    return _differences(objective, w, u), "differences"


@lru_cache(maxsize=32)
def _formulas(loss: Loss) -> Callable[..., Any] | None:
    """D^3L[u, u, .] as a function of w, u and the data by sorted names; None where the formula is too long."""
    import sympy

    expression = to_sympy(loss.expression)
    if expression.count_ops() > LONGEST or expression.has(sympy.Piecewise, sympy.Max, sympy.Min, sympy.Abs):
        return None
    symbols = [sympy.Symbol(name, real=True) for name in loss.entries]
    directions = [sympy.Symbol(f"_u{k}", real=True) for k in range(len(symbols))]
    rest = sorted({name for name, item in loss.data.items() if item.values is None} | set(loss.constants))
    shapes = {name: loss.data[name].shape if name in loss.data else () for name in rest}
    data = [
        sympy.Symbol(f"{name}[{','.join(map(str, at))}]" if shapes[name] else name, real=True)
        for name in rest
        for at in np.ndindex(shapes[name])
    ]
    once = sum(u * expression.diff(x) for u, x in zip(directions, symbols, strict=True))
    twice = sum(u * once.diff(x) for u, x in zip(directions, symbols, strict=True))
    thrice = [twice.diff(x) for x in symbols]
    arguments = [sympy.Dummy(f"a{k}") for k in range(len(symbols) * 2 + len(data))]
    given = dict(zip([*symbols, *directions, *data], arguments, strict=True))
    function: Callable[..., Any] = sympy.lambdify(arguments, [one.xreplace(given) for one in thrice], "numpy", cse=True)
    return function


def _differences(objective: Objective, w: FloatArray, u: FloatArray) -> FloatArray:
    """The same by central differences of Hessian-vector products, extrapolated once."""
    length = float(np.linalg.norm(u))
    if length == 0:
        return np.zeros_like(w)
    unit = u / length
    power = 0.2 if objective.has_exact_hvp else 0.1
    step = np.finfo(float).eps ** power * (1 + float(np.linalg.norm(w))) * 0.1

    def difference(h: float) -> FloatArray:
        """The central difference with the step h."""
        return (objective.hvp(w + h * unit, u) - objective.hvp(w - h * unit, u)) / (2 * h)

    return length * (4 * difference(step / 2) - difference(step)) / 3
