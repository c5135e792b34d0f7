"""Optimizers that divide by squares of gradients entry by entry, without the root that makes them unnatural or with it.

Adam, AdamW, AMSGrad, NAdam, RMSProp, AdaGrad and Adadelta themselves are rules of :mod:`solvers.rules`.
"""

from __future__ import annotations

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.optimizers.build import specify
from solvers.naturality.problem import Problem
from solvers.naturality.spec import OptimizerSpec, State
from symmetries.actions.parameter_space import FloatArray

MOMENTS = {"average": "covector", "square": "diag_cov2", "count": "scalar"}
BETA1, BETA2 = 0.9, 0.999


def moments(gradient: FloatArray, state: State, beta1: float, beta2: float) -> tuple[State, FloatArray, FloatArray]:
    r"""The next averages of the gradient and of its square, and both corrected for their start at zero.

    .. math:: m' = \beta_1 m + (1-\beta_1)g,\quad v' = \beta_2 v + (1-\beta_2)g^2,\quad
        \hat m = m'/(1-\beta_1^t),\quad \hat v = v'/(1-\beta_2^t)

    >>> zero = {"average": 0.0, "square": 0.0, "count": 0.0}
    >>> [x.tolist() for x in moments(np.array([2.0]), zero, 0.5, 0.5)[1:]]
    [[2.0], [4.0]]

    Source: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
    """
    count = state["count"] + 1
    average = beta1 * state["average"] + (1 - beta1) * gradient
    square = beta2 * state["square"] + (1 - beta2) * gradient**2
    kept = {"average": average, "square": square, "count": count}
    return kept, average / (1 - beta1**count), square / (1 - beta2**count)


def adam_l2(*, beta1: float = BETA1, beta2: float = BETA2, penalty: float = 0.1) -> OptimizerSpec:
    r"""Adam with the gradient :math:`g + \lambda\theta` of a penalty that is not part of the problem.

    Parameters
    ----------
    beta1, beta2: weights of the past in the averages.
    penalty: :math:`\lambda`.

    >>> adam_l2().name
    'adam-l2'

    Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization" (2019), algorithm 2, first variant.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        gradient = problem.gradient(state["point"]) + penalty * state["point"]
        kept, average, square = moments(gradient, state, beta1, beta2)
        return {**kept, "point": state["point"] - rate * average / np.sqrt(square)}

    return specify("adam-l2", step, MOMENTS)


def adam_declared_rates(*, beta1: float = BETA1, beta2: float = BETA2) -> OptimizerSpec:
    r"""Adam with a rate for every coordinate that is part of the problem.

    .. math:: \theta' = \theta - \eta\,\ell\,\hat m/\sqrt{\hat v}

    The squares :math:`\ell^2` follow a change of coordinates as the squares of the entries of a vector.

    Parameters
    ----------
    beta1, beta2: weights of the past in the averages.

    >>> adam_declared_rates().slots["square"]
    'diag_cov2'

    Source: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        kept, average, square = moments(problem.gradient(state["point"]), state, beta1, beta2)
        rates = np.sqrt(problem.structure("squared rates", state["point"]))
        return {**kept, "point": state["point"] - rate * rates * average / np.sqrt(square)}

    return specify("adam-declared-rates", step, MOMENTS)


def adadelta_typed(*, decay: float = 0.9) -> OptimizerSpec:
    r"""Adadelta with the two regularisers declared by the problem, each with the type of what it is added to.

    .. math:: \theta' = \theta - \eta\,d,\quad d = g\sqrt{(u + \epsilon_u)/(v' + \epsilon_v)},\quad
        u' = \rho u + (1-\rho)d^2

    Parameters
    ----------
    decay: :math:`\rho`.

    >>> adadelta_typed().slots["displacement_square"]
    'diag_con2'

    Source: M. D. Zeiler, "ADADELTA: an adaptive learning rate method" (2012), algorithm 1, which has one number
    :math:`\epsilon` for both.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        point, past = state["point"], state["displacement_square"]
        gradient = problem.gradient(point)
        square = decay * state["square"] + (1 - decay) * gradient**2
        above, below = (problem.structure(f"regulariser of {what}", point) for what in ("displacements", "gradients"))
        moved = np.sqrt((past + above) / (square + below)) * gradient
        past = decay * past + (1 - decay) * moved**2
        return {"point": point - rate * moved, "square": square, "displacement_square": past}

    return specify("adadelta-typed", step, {"square": "diag_cov2", "displacement_square": "diag_con2"}, rate=1.0)


def root_free_rmsprop(*, decay: float = 0.9) -> OptimizerSpec:
    r"""RMSProp without its root, :math:`v' = \rho v + (1-\rho)g^2,\; \theta' = \theta - \eta\,g/v'`.

    Parameters
    ----------
    decay: :math:`\rho`.

    >>> root_free_rmsprop().slots["square"]
    'diag_cov2'

    Source: W. Lin et al., "Can we remove the square-root in adaptive gradient methods?" (2024), formula (4).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        gradient = problem.gradient(state["point"])
        square = decay * state["square"] + (1 - decay) * gradient**2
        return {"point": state["point"] - rate * gradient / square, "square": square}

    return specify("root-free-rmsprop", step, {"square": "diag_cov2"}, rate=0.01)


def root_free_adam(*, beta1: float = BETA1, beta2: float = BETA2) -> OptimizerSpec:
    r"""Adam without its root, :math:`\theta' = \theta - \eta\,\hat m/\hat v`.

    Parameters
    ----------
    beta1, beta2: weights of the past in the averages.

    >>> root_free_adam().slots["average"]
    'covector'

    Source: W. Lin et al., "Can we remove the square-root in adaptive gradient methods?" (2024).
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        kept, average, square = moments(problem.gradient(state["point"]), state, beta1, beta2)
        return {**kept, "point": state["point"] - rate * average / square}

    return specify("root-free-adam", step, MOMENTS, rate=0.05)


def vector_adam(*, block: int = 2, beta1: float = BETA1, beta2: float = BETA2) -> OptimizerSpec:
    r"""Adam with one average of :math:`|g_b|^2` for each block b of coordinates, the entries of a vector in space.

    Parameters
    ----------
    block: coordinates in a block; it divides their number.
    beta1, beta2: weights of the past in the averages.

    Raises
    ------
    InputError: at the start, that the blocks do not divide the coordinates.

    >>> vector_adam().slots["square"]
    'frame_scalar'

    Source: S. Ling, N. Sharp and A. Jacobson, "VectorAdam for rotation equivariant geometry optimization" (2022),
    algorithm 1.
    """

    def start(problem: Problem, point: FloatArray) -> State:
        """The slots that do not start at zero."""
        if point.size % block:
            why = f"{point.size} coordinates are no blocks of {block}"
            raise InputError(f"block={block}", why=why, cure="give a divisor of their number")
        return {"square": np.zeros(point.size // block)}

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        gradient, count = problem.gradient(state["point"]), state["count"] + 1
        average = beta1 * state["average"] + (1 - beta1) * gradient
        square = beta2 * state["square"] + (1 - beta2) * (gradient.reshape(-1, block) ** 2).sum(axis=1)
        root = np.repeat(np.sqrt(square / (1 - beta2**count)), block)
        point = state["point"] - rate * average / (1 - beta1**count) / root
        return {"point": point, "average": average, "square": square, "count": count}

    slots = {"average": "covector", "square": "frame_scalar", "count": "scalar"}
    return specify("vector-adam", step, slots, start=start)


def adahessian(*, beta1: float = BETA1, beta2: float = BETA2) -> OptimizerSpec:
    r"""Adam with the diagonal of the Hessian in place of the gradient under the root.

    .. math:: v' = \beta_2 v + (1-\beta_2)\,\mathrm{diag}(H)^2,\quad \theta' = \theta - \eta\,\hat m/\sqrt{\hat v}

    The published method estimates the diagonal by random signs; this is its expectation, without spatial averages.

    Parameters
    ----------
    beta1, beta2: weights of the past in the averages.

    >>> adahessian().name
    'adahessian'

    Source: Z. Yao et al., "ADAHESSIAN: an adaptive second order optimizer for machine learning" (2021), algorithm 1.
    """

    def step(problem: Problem, state: State, rate: float) -> State:
        """The next state."""
        count = state["count"] + 1
        average = beta1 * state["average"] + (1 - beta1) * problem.gradient(state["point"])
        square = beta2 * state["square"] + (1 - beta2) * np.diag(problem.hessian(state["point"])) ** 2
        root = np.sqrt(square / (1 - beta2**count))
        point = state["point"] - rate * average / (1 - beta1**count) / root
        return {"point": point, "average": average, "square": square, "count": count}

    slots = {"average": "covector", "square": "opaque", "count": "scalar"}
    return specify("adahessian", step, slots, rate=0.3)
