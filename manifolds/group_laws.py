"""The laws of a matrix group, each as the largest residual over random elements; `manifolds.testing` runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from manifolds.checks import Array
from manifolds.errors import InputError
from manifolds.groups import MatrixGroup
from manifolds.linalg import phi

_STEP = 1e-3  # of the fourth-order difference quotients, whose error is about step^4 / 30 plus rounding over the step
_LARGEST_TABLE = 100  # the largest dimension of which the structure constants are looked at
_OFF = 1e-3  # how far the matrices are from the identity that must be told from elements


@final
@dataclass(frozen=True)
class Sample:
    """Random elements and algebra elements of a group, for its laws.

    Parameters
    ----------
    group : MatrixGroup
    g, h, k : arrays of shape (samples, n, n)
        Elements, of all components.
    X, Y : arrays of shape (samples, n, n)
        Algebra elements of bounded spectral norm.
    noise : array of shape (samples, n, n)
        Any matrices, of norm about 1.
    """

    group: MatrixGroup
    g: Array
    h: Array
    k: Array
    X: Array
    Y: Array
    noise: Array

    @classmethod
    def draw(cls, group: MatrixGroup, rng: np.random.Generator, *, samples: int, scale: float) -> Sample:
        """Draw them; the algebra elements have spectral norms below `scale`."""
        X, Y, *others = (_bounded(group.random_algebra(rng, shape=samples), rng, scale) for _ in range(5))
        pieces = [group.random(rng, shape=samples, scale=0.0) for _ in others]  # one point of a random component each
        g, h, k = (piece @ group.exp(other) for piece, other in zip(pieces, others, strict=True))
        noise = rng.standard_normal((samples, group.size, group.size)) / group.size
        return cls(group, g, h, k, X, Y, noise)


def _bounded(X: Array, rng: np.random.Generator, scale: float) -> Array:
    norm = np.linalg.norm(X, 2, axis=(-2, -1))
    wanted = scale * rng.uniform(0.1, 1.0, size=norm.shape)
    return X * (wanted / np.where(norm > 0, norm, 1.0))[:, None, None]


def difference(a: Array, b: Array) -> float:
    """The largest entry of |a - b|, over the largest of |b| where that is above 1; infinite where shapes differ.

    Examples
    --------
    >>> difference(np.array([2.0]), np.array([4.0]))
    0.5
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return np.inf
    worst = float(np.abs(a - b).max(initial=0.0)) / max(1.0, float(np.abs(b).max(initial=0.0)))
    return worst if worst == worst else np.inf


def _outside(group: MatrixGroup, g: Array) -> float:
    return float(np.max(group.defect(g), initial=0.0))


def identity(s: Sample) -> float:
    """e is an element, and e g = g e = g."""
    e = s.group.identity
    return max(
        _outside(s.group, e),
        difference(s.group.compose(e, s.g), s.g),
        difference(s.group.compose(s.g, e), s.g),
        difference(s.group.inverse(e), e),
    )


def closure(s: Sample) -> float:
    """Random matrices, their products and their inverses are elements."""
    G = s.group
    spread = 1.0 / max(1.0, G.dimension**0.5)
    matrices = [s.g, s.g @ s.h, G.compose(s.g, s.h, s.k), G.inverse(s.g), G.random(7, shape=4, scale=spread)]
    return max(_outside(G, g) for g in matrices)


def associativity(s: Sample) -> float:
    """(g h) k = g (h k), and g h is the product of the matrices."""
    compose = s.group.compose
    left = compose(compose(s.g, s.h), s.k)
    return max(
        difference(left, compose(s.g, compose(s.h, s.k))),
        difference(left, compose(s.g, s.h, s.k)),
        difference(compose(s.g, s.h), s.g @ s.h),
    )


def inverses(s: Sample) -> float:
    """g g^-1 = g^-1 g = e and (g h)^-1 = h^-1 g^-1."""
    G = s.group
    one = np.broadcast_to(G.identity, s.g.shape)
    return max(
        difference(s.g @ G.inverse(s.g), one),
        difference(G.inverse(s.g) @ s.g, one),
        difference(G.inverse(s.g @ s.h), G.inverse(s.h) @ G.inverse(s.g)),
    )


def basis(s: Sample) -> float:
    """The basis is linearly independent and in the algebra, coordinates and combinations are inverse to each other."""
    G = s.group
    if np.linalg.matrix_rank(G.basis.reshape(G.dimension, G.size**2)) != G.dimension:
        return np.inf
    x = G.coordinates(s.X)
    return max(
        difference(G.coordinates(G.basis), np.eye(G.dimension)),
        difference(G.combine(x), s.X),
        difference(G.project_algebra(s.X), s.X),
    )


def bracket(s: Sample) -> float:
    """[X, Y] lies in the algebra, the structure constants give it, and ad_X is its matrix."""
    G = s.group
    Z = s.X @ s.Y - s.Y @ s.X
    x, y = G.coordinates(s.X), G.coordinates(s.Y)
    worst = 0.0
    if G.dimension <= _LARGEST_TABLE:
        worst = difference(G.combine(np.einsum("...i,...j,ijk->...k", x, y, G.structure_constants)), Z)
    return max(
        worst,
        difference(G.bracket(s.X, s.Y), Z),
        difference(G.project_algebra(Z), Z),
        difference(G.combine((G.adjoint_algebra(s.X) @ y[..., None])[..., 0]), Z),
    )


def exponential(s: Sample) -> float:
    """exp X is an element and the sum of X^k / k!, for one matrix as for many; exp 0 = e."""
    from scipy.linalg import expm

    G = s.group
    batch = G.exp(s.X)
    return max(
        _outside(G, batch),
        difference(G.exp(0.0 * G.identity), G.identity),
        difference(batch, np.stack([expm(X) for X in s.X])),
        difference(np.stack([G.exp(X) for X in s.X]), batch),
    )


def one_parameter(s: Sample) -> float:
    """exp((s + t) X) = exp(s X) exp(t X), and exp(-X) is the inverse of exp X."""
    G = s.group
    worst = difference(G.exp(-s.X), G.inverse(G.exp(s.X)))
    for a, b in [(0.3, 0.7), (1.0, -0.4), (2.0, 0.5)]:
        worst = max(worst, difference(G.exp((a + b) * s.X), G.exp(a * s.X) @ G.exp(b * s.X)))
        worst = max(worst, difference(G.exp((a + b) * s.X[0]), G.exp(a * s.X[0]) @ G.exp(b * s.X[0])))
    return worst


def logarithm(s: Sample) -> float:
    """log exp X = X and exp log g = g near the identity, for one matrix as for many; log e = 0."""
    G = s.group
    g = G.exp(s.X)
    X = G.log(g)
    return max(
        difference(X, s.X),
        difference(G.exp(X), g),
        difference(np.stack([G.log(element) for element in g]), X),
        difference(G.log(G.identity), 0.0 * G.identity),
    )


def adjoint(s: Sample) -> float:
    """Ad_g X = g X g^-1 lies in the algebra, Ad_gh = Ad_g Ad_h, Ad_exp X = exp ad_X, g exp(X) g^-1 = exp Ad_g X."""
    from scipy.linalg import expm

    G = s.group
    if G.dimension == 0:
        return 0.0
    x, inverse = G.coordinates(s.X), np.linalg.inv(s.g)
    moved = s.g @ s.X @ inverse
    image = G.combine((G.adjoint(s.g) @ x[..., None])[..., 0])
    ads = np.stack([expm(ad) for ad in G.adjoint_algebra(s.X)])
    return max(
        difference(image, moved),
        difference(G.adjoint(s.g @ s.h), G.adjoint(s.g) @ G.adjoint(s.h)),
        difference(G.adjoint(G.exp(s.X)), ads),
        difference(G.exp(image), s.g @ G.exp(s.X) @ inverse),
    )


def differential(s: Sample) -> float:
    """dexp_X Y = exp(-X) d/dt exp(X + t Y) by difference quotients, and = phi(-ad_X) Y; at X = 0 it is Y."""
    G, h = s.group, _STEP
    computed = G.dexp(s.X, s.Y)
    near = (8 * (G.exp(s.X + h * s.Y) - G.exp(s.X - h * s.Y)) - G.exp(s.X + 2 * h * s.Y) + G.exp(s.X - 2 * h * s.Y)) / (
        12 * h
    )
    worst = max(difference(computed, np.linalg.inv(G.exp(s.X)) @ near), difference(G.dexp(0.0 * s.X, s.Y), s.Y))
    if G.dimension:
        y = G.coordinates(s.Y)[..., None]
        worst = max(worst, difference(G.combine((phi(-G.adjoint_algebra(s.X)) @ y)[..., 0]), computed))
    return worst


def projection(s: Sample) -> float:
    """project keeps elements; near the identity it gives elements, whose logarithms lie in the algebra."""
    G = s.group
    projected = G.project(G.identity + _OFF * s.noise)
    X = np.stack([G.log(g) for g in projected])
    return max(
        difference(G.project(s.g), s.g),
        _outside(G, projected),
        difference(G.exp(X), projected),
        difference(G.project_algebra(X), X),
    )


def outsiders(s: Sample) -> float:
    """Matrices beside the group, those that differ from e by a matrix orthogonal to the algebra, do not belong."""
    G = s.group
    if bool(np.any(G.belongs(np.zeros((G.size, G.size))))):
        return np.inf
    directions = np.concatenate([s.noise, _plain_directions(G.size)])
    across = directions - G.project_algebra(directions)
    size = np.abs(across).max(axis=(-2, -1))
    across = across[size > 1e-9]
    if len(across) == 0:  # the group is open in the space of matrices
        return 0.0
    across /= np.abs(across).max(axis=(-2, -1), keepdims=True)
    # Where an equation is forgotten, the others are missed by the square of the distance at most.
    return np.inf if np.any(G.defect(G.identity + _OFF * across) < 0.03 * _OFF) else 0.0


def _plain_directions(n: int) -> Array:
    """E_ij, E_ij + E_ji, E_ij - E_ji and E_ii - E_jj: where a forgotten equation shows, when it does not in noise."""
    units = np.eye(n * n).reshape(n * n, n, n)
    diagonal = units[:: n + 1]
    differences = (diagonal[:, None] - diagonal[None]).reshape(-1, n, n)
    return np.concatenate([units, units + units.mT, units - units.mT, differences])


def randomness(s: Sample) -> float:
    """The same seed gives the same elements, and every component is an element."""
    G = s.group
    try:
        components = G.components
    except InputError:  # too many to be listed
        components = G.identity[None]
    return max(
        difference(G.random(5, shape=(2, 3)), G.random(5, shape=(2, 3))),
        difference(components[0], G.identity),
        _outside(G, components),
    )


LAWS: tuple[Callable[[Sample], float], ...] = (
    identity,
    closure,
    associativity,
    inverses,
    basis,
    bracket,
    exponential,
    one_parameter,
    logarithm,
    adjoint,
    differential,
    projection,
    outsiders,
    randomness,
)
