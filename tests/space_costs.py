"""Costs on spaces for the tests of minimisation: functions of points with their Euclidean gradients; the rules."""

import numpy as np
from space_table import GEODESIC, HOMOGENEOUS, OTHERS, TRANSPORTED

from manifolds.homogeneous import Homogeneous
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, SymplecticGrassmann, SymplecticStiefel
from manifolds.vector_spaces import Euclidean
from solvers.manifold_objectives import objective_on
from solvers.rule import Rule, SecondOrderRule
from solvers.rules import RULES, make_rule

PRODUCT = Product({"U": SymplecticStiefel(4, 1), "Y": Grassmann(7, 2, field="complex"), "b": Euclidean(3)})
SPACES = [*HOMOGENEOUS, *GEODESIC, *TRANSPORTED, *OTHERS[:-1], PRODUCT]
POINTS_MOVE = [space for space in SPACES if space.dimension]
NAMES = [
    name
    for name, make in RULES.items()
    if isinstance(make, type) and issubclass(make, Rule) and not issubclass(make, SecondOrderRule)
]
WITHOUT_DECAY = {"adamw": {"weight_decay": 0.0}}
MOMENTUM = {"heavy-ball", "nesterov"}


def rule_of(name, **more):
    """A rule with the one rate that all of them run with here, shorter by 1 - momentum where steps add up."""
    rate = {"l-bfgs": 1.0, "adadelta": 1.0}.get(name, 1e-3 if name in MOMENTUM else 1e-2)
    return make_rule(name, learning_rate=rate, **{**WITHOUT_DECAY.get(name, {}), **more})


def distance_cost(space, batch=()):
    """Half the squared distance to another point of the space."""
    target = space.random(5, batch)
    return lambda Y: 0.5 * float(np.sum(np.abs(Y - target) ** 2)), lambda Y: Y - target


def hermitian(size, field):
    """A Hermitian matrix with a spread of eigenvalues."""
    rng = np.random.default_rng(3)
    A = rng.standard_normal((size, size)) + (1j * rng.standard_normal((size, size)) if field == "complex" else 0)
    return A + A.conj().T


def trace_cost(space):
    """The trace of Y* A Y, the same for all frames of a subspace."""
    A = hermitian(space.N, space.field)
    return lambda Y: float(np.sum(np.conj(Y) * (A @ Y)).real), lambda Y: 2 * A @ Y


def projection_cost(space):
    """The error of the symplectic projection of data onto the subspace of a frame, half its square."""
    X = np.random.default_rng(4).standard_normal((2 * space.N, 8))
    J, K = (np.kron([[0, 1], [-1, 0]], np.eye(size)) for size in (space.N, space.n))

    def rest(U):
        return X - U @ (K.T @ U.mT @ J @ X)

    def gradient(U):
        R = rest(U)
        return -(R @ X.T @ J.T @ U @ K) - J @ X @ R.T @ U @ K.T

    return lambda U: 0.5 * float(np.sum(rest(U) ** 2)), gradient


def cost_on(space):
    """A cost that makes sense on the space, and its gradient."""
    if isinstance(space, Product):
        costs = {name: cost_on(factor) for name, factor in space.factors.items()}
        return (
            lambda Y: sum(value(Y[name]) for name, (value, _) in costs.items()),
            lambda Y: {name: gradient(Y[name]) for name, (_, gradient) in costs.items()},
        )
    if isinstance(space, Grassmann):
        return trace_cost(space)
    return projection_cost(space) if isinstance(space, SymplecticGrassmann) else distance_cost(space)


def problem_on(space):
    """The objective of that cost."""
    return objective_on(space, *cost_on(space))


def error_of(space, Y):
    """By how much a point misses the space; of symplectic frames in units of their squared norm."""
    if isinstance(space, Product):
        return max(error_of(factor, Y[name]) for name, factor in space.factors.items())
    return float(np.max(space.relative_error(Y) if isinstance(space, Homogeneous) else space.error(Y)))
