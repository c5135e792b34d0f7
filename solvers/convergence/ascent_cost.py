r"""What one step of a search for the longest gradient of an orbit costs, in gradients and in products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from manifolds.errors import InputError
from solvers.aims.target_norms import GradientNorm
from solvers.convergence.paths import require_positive
from solvers.convergence.theorem_check import TheoremCheck, compared, figure, vanishing
from solvers.network import Network
from symmetries import GroupAction
from symmetries.arguments import read_generator
from symmetries.certificate import Claim

SOURCE = "B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 3.3"

WIDTHS: tuple[tuple[int, ...], ...] = ((4, 4, 3), (16, 16, 3), (4, 4, 4, 4, 4, 3), (32, 8, 8, 3))
SAMPLES = 8
LIMIT = 4.0


def ascent_step_cost(
    widths: Sequence[Sequence[int]] = WIDTHS, *, samples: int = SAMPLES, rng: int | np.random.Generator = 0
) -> TheoremCheck:
    r"""One step of ascent of :math:`|\nabla L(g\cdot w)|^2` costs a fixed number of gradients, whatever the network.

    The derivative along a generator is :math:`2\langle H\nabla L, X_k\rangle`: a gradient and one Hessian-vector
    product, and inner products with the velocities.  A gradient of a dense network takes
    :math:`2n\,(3\sum_m d_{m-1}d_m - d_0d_1)` operations on n samples: affine in the depth, quadratic in the widths.
    The scalings of its units add a number of operations that does not grow with n.

    Parameters
    ----------
    widths: widths of networks with leaky rectified units.
    samples: number n of samples.
    rng: seed or generator of the weights and data.

    Returns
    -------
    Claims: the ledger counts the same number of gradient equivalents for every network, at most 4; the derivatives
    along the generators agree with differences; operations are affine in the depth.

    Raises
    ------
    InputError: no widths are given, or a network has no hidden layer.

    Examples
    --------
    >>> check = ascent_step_cost()
    >>> check.verdict, check.claims[0].evidence["gradient_equivalents"]
    ('measured', [3.0, 3.0, 3.0, 3.0])

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, arXiv:2205.10637 (2022), section 3.3.
    """
    if not isinstance(widths, Sequence) or not widths or any(np.ndim(one) != 1 or len(one) < 3 for one in widths):
        raise InputError(
            f"widths={widths!r}", why="networks with a hidden layer are needed", cure="give [(4, 4, 3)], for example"
        )
    require_positive(samples, "samples", integer=True)
    generator = read_generator(rng)
    costs, errors = [], []
    for one in widths:
        cost, error = _step(tuple(map(int, one)), samples, generator)
        costs.append(cost)
        errors.append(error)
    statement = "one step of ascent costs the same number of gradients for every width and depth"
    count = compared(statement, max(costs), min(LIMIT, *costs), gradient_equivalents=costs, widths=list(widths))
    slopes = vanishing("2 <H grad L, X_k> is the derivative along X_k", max(errors), tolerance=1e-5)
    return TheoremCheck(theorem="cost of a step of ascent", claims=(count, slopes, _operations(samples)), source=SOURCE)


def gradient_operations(widths: Sequence[int], samples: int) -> int:
    """Multiplications and additions in the products of matrices of one gradient of a dense network.

    One product forward in each layer, one for its weights, and one for its inputs except in the first.

    >>> gradient_operations((4, 4, 3), 8)
    1088
    """
    products = [a * b for a, b in pairwise(widths)]
    return 2 * samples * (3 * sum(products) - products[0])


def _step(widths: tuple[int, ...], samples: int, rng: np.random.Generator) -> tuple[float, float]:
    """Gradient equivalents of one step, and the error of its slopes against a difference along one generator."""
    network = Network(
        widths=widths,
        inputs=rng.standard_normal((widths[0], samples)),
        targets=rng.integers(widths[-1], size=samples),
    )
    action = GroupAction.catalogued("homogeneous-network", widths=widths, activation="leaky_relu")
    w, target = network.initial(rng), GradientNorm()
    before = network.ledger.total()
    _, slope = target.value_and_grad(network, w)
    rates = action.field(w) @ slope
    cost = (network.ledger.total() - before).gradient_equivalents
    t = 1e-5 * np.eye(action.dimension)[0]
    up, down = (target.value(network, action.apply(sign * t, w)) for sign in (1, -1))
    error = abs((up - down) / 2e-5 - rates[0]) / max(float(np.abs(rates).max()), 1e-300)
    return cost, error


def _operations(samples: int) -> Claim:
    """The claim that the operations of a gradient are affine in the depth and at most quadratic in the width."""
    deep = [gradient_operations((8,) * (depth + 1), samples) for depth in range(2, 8)]
    wide = [gradient_operations((width,) * 4, samples) for width in (8, 16, 24, 32)]
    holds = not np.diff(deep, 2).any() and not np.diff(wide, 3).any()
    return Claim(
        statement="operations of a gradient are affine in the depth and quadratic in the width",
        verdict="measured" if holds else "refuted",
        reason="in the count of the products of matrices second differences in depth and third in width vanish",
        evidence={"by_depth": figure(deep), "by_width": figure(wide)},
    )
