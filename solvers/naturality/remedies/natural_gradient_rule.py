"""The natural gradient as a rule for `minimize`: conjugate gradients on Gauss-Newton products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

from manifolds.errors import InputError
from solvers.naturality.remedies.output_products import gauss_newton_product
from solvers.objective import Objective
from solvers.rule import SecondOrderRule
from solvers.steps.hyperparameters import NON_NEGATIVE, POSITIVE, Interval, read_count
from solvers.steps.newton_rule import Newton
from symmetries.actions.parameter_space import FloatArray

DENSE = 2000
"""No matrix is formed for more parameters than this."""


@final
@dataclass(frozen=True, kw_only=True)
class NaturalGradient(SecondOrderRule):
    r"""The natural gradient in the Gauss-Newton metric.

    .. math:: W = -\eta\,(J^{\mathsf T}\nabla^2\ell\,J + \delta I)^{-1}g

    For squared errors and cross-entropies the metric is the Fisher matrix.  Conjugate gradients solve with products
    alone; from zero they stay in the range of the metric, so on models with redundant parameters and
    :math:`\delta = 0` they give the pseudo-inverse, which is natural in function space.

    Parameters
    ----------
    learning_rate: :math:`\eta`.
    damping: :math:`\delta`, at least 0; it is measured in the coordinates and breaks naturality in proportion.
    tolerance: of the conjugate gradients, residual over gradient.
    iterations: most products in one step.
    dense_limit: most parameters for which the matrix is formed, at most 2,000; 0 never forms it.

    >>> import numpy as np
    >>> from solvers.network import Network
    >>> network = Network(widths=(1, 1), inputs=[[1.0, 2.0]], targets=[[3.0, 6.0]], loss="squared", half=True)
    >>> rule = NaturalGradient()
    >>> rule.displacement(network, np.zeros(1), network.gradient(np.zeros(1)), rate=1.0).round(12).tolist()
    [3.0]

    Source: S. Amari, "Natural gradient works efficiently in learning" (1998); J. Martens, "Deep learning via
    Hessian-free optimization" (2010), section 4.
    """

    damping: float = 0.0
    tolerance: float = 1e-8
    iterations: int = 500
    dense_limit: int = 0

    ranges: ClassVar[Mapping[str, Interval]] = {"damping": NON_NEGATIVE, "tolerance": POSITIVE}

    def __post_init__(self) -> None:
        super().__post_init__()
        read_count(self.iterations, name="iterations")
        read_count(self.dense_limit, name="dense_limit", low=0)
        if self.dense_limit > DENSE:
            raise InputError(
                f"dense_limit={self.dense_limit}",
                why=f"no matrix is formed for more than {DENSE} parameters",
                cure="leave it away: conjugate gradients need products alone",
            )

    def displacement(self, objective: Objective, w: FloatArray, gradient: FloatArray, *, rate: float) -> FloatArray:
        """The displacement W, shape (n,).

        Parameters
        ----------
        objective: a network or a model objective; its ledger counts each product as a Hessian-vector product.
        w: the point, shape (n,).
        gradient: there, shape (n,).
        rate: the learning rate of this step.

        Raises
        ------
        InputError: the objective says nothing of its outputs.
        """
        product = gauss_newton_product(objective, w)

        def counted(_: FloatArray, v: FloatArray) -> FloatArray:
            """The product, counted."""
            objective.ledger.count(hvps=1)
            return product(v)

        metric = Objective.from_functions(lambda _: 0.0, lambda _: gradient, counted, size=objective.size)
        solver = Newton(
            damping=self.damping,
            tolerance=self.tolerance,
            iterations=self.iterations,
            dense_limit=self.dense_limit,
        )
        return solver.displacement(metric, w, gradient, rate=rate)
