r"""An objective in other linear coordinates, :math:`w' = Aw`, with the products that its metric needs."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.remedies.output_products import ModelObjective, Product, gauss_newton_product
from solvers.objective import Objective
from solvers.steps.hyperparameters import read_count
from symmetries.actions.parameter_space import FloatArray, ParameterSpace
from symmetries.arguments import read_generator, read_reals


@final
class Reparameterised(ModelObjective):
    r"""The objective :math:`w' \mapsto L(A^{-1}w')`.

    Gradients are :math:`A^{-\mathsf T}\nabla L`, Hessians and Gauss-Newton matrices
    :math:`A^{-\mathsf T}HA^{-1}`; evaluations are counted here.

    Parameters
    ----------
    objective: L.
    matrix: A, shape (n, n).

    Raises
    ------
    InputError: the matrix does not fit, or is singular to rounding.

    >>> bowl = Objective.from_functions(lambda w: float(w @ w), lambda w: 2 * w, lambda w, v: 2 * v, size=2)
    >>> stretched = Reparameterised(bowl, np.diag([2.0, 1.0]))
    >>> stretched.value([2.0, 1.0]), stretched.gradient([2.0, 1.0]).tolist(), stretched.hvp([0, 0], [1, 0]).tolist()
    (2.0, [1.0, 2.0], [0.5, 0.0])
    """

    def __init__(self, objective: Objective, matrix: Any) -> None:
        A = read_reals(matrix, what="the matrix of a reparameterisation")
        if A.shape != (objective.size, objective.size) or not np.linalg.cond(A) < 1 / np.finfo(float).eps:
            raise InputError(
                f"a matrix of the shape {list(A.shape)}",
                why=f"the objective has {objective.size} parameters, and the matrix must be invertible",
                cure="give an invertible square matrix of this size",
            )
        super().__init__(ParameterSpace({"w": (objective.size,)}))
        self.has_exact_hvp = objective.has_exact_hvp
        self.matrix, self.inverse, self._objective = A, np.linalg.inv(A), objective

    def _value(self, w: FloatArray) -> float:
        """L at the old point."""
        return self._objective._value(self.inverse @ w)

    def _value_and_grad(self, w: FloatArray) -> tuple[float, FloatArray]:
        """L and the carried gradient."""
        value, gradient = self._objective._value_and_grad(self.inverse @ w)
        return value, self.inverse.T @ gradient

    def _hvp(self, w: FloatArray, v: FloatArray) -> FloatArray:
        """The carried product."""
        return self.inverse.T @ self._objective._hvp(self.inverse @ w, self.inverse @ v)

    def gauss_newton_product(self, w: FloatArray) -> Product:
        """The product at a point, carried from the old coordinates."""
        product = gauss_newton_product(self._objective, self.inverse @ w)
        return lambda v: self.inverse.T @ product(self.inverse @ v)


def ill_conditioned(size: int, *, condition: float, rng: int | np.random.Generator = 0) -> FloatArray:
    """A random matrix with singular values spread evenly in their logarithms, of determinant one in size.

    Parameters
    ----------
    size: n.
    condition: largest over smallest singular value.
    rng: seed or generator.

    >>> round(float(np.linalg.cond(ill_conditioned(4, condition=100.0))), 6)
    100.0
    """
    read_count(size, name="size")
    if not (np.isfinite(condition) and condition >= 1):
        raise InputError(f"condition={condition!r}", why="it is a ratio of at least 1", cure="give 100.0")
    generator = read_generator(rng)
    left, right = (np.linalg.qr(generator.standard_normal((size, size)))[0] for _ in range(2))
    half = np.log(condition) / 2
    return (left * np.exp(np.linspace(half, -half, size))) @ right
