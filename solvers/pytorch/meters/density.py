"""The density of the eigenvalues of the Hessian of a module's loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch

from manifolds.errors import InputError
from solvers.cost import Cost
from solvers.pytorch.meters.eigenvalues import gaussian_draw
from solvers.pytorch.meters.estimate import read_samples
from solvers.pytorch.meters.functional import FunctionalLoss, Loss
from solvers.pytorch.meters.hessian_products import HessianProducts
from solvers.pytorch.meters.lanczos import Krylov
from symmetries.arguments import read_reals, read_seed


@final
@dataclass(frozen=True, kw_only=True)
class SpectralDensity:
    r"""Nodes and weights with :math:`\frac1n\operatorname{tr} f(H) \approx \sum_i \omega_i f(\theta_i)`.

    Parameters
    ----------
    nodes: the Ritz values of all probes.
    weights: their weights, which add up to one.
    probes: how many random starts.
    cost: evaluations.
    evidence: how it was computed, JSON-ready.
    """

    nodes: np.ndarray[Any, np.dtype[np.float64]]
    weights: np.ndarray[Any, np.dtype[np.float64]]
    probes: int
    cost: Cost
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def smoothed(self, at: Any, *, width: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The density at some eigenvalues, each node a normal distribution of this width.

        >>> density = SpectralDensity(nodes=np.array([0.0]), weights=np.array([1.0]), probes=1, cost=Cost())
        >>> density.smoothed([0.0], width=1.0).round(4).tolist()
        [0.3989]
        """
        if not width > 0:
            raise InputError(f"width={width!r}", why="it is not positive", cure="write width=0.1, for example")
        distances = (read_reals(at, what="the eigenvalues")[..., None] - self.nodes) / width
        return np.exp(-(distances**2) / 2) @ self.weights / (width * np.sqrt(2 * np.pi))


def spectral_density(
    model: torch.nn.Module,
    loss_fn: Loss,
    batch: Any,
    *,
    probes: int = 4,
    steps: int = 40,
    rng: Any = 0,
) -> SpectralDensity:
    r"""The density of the eigenvalues of :math:`\nabla^2 L(w)` by stochastic Lanczos quadrature.

    A probe with k steps integrates polynomials up to the degree 2k - 1 exactly for its own start.

    Parameters
    ----------
    model: a module; it is left bit for bit as it was.
    loss_fn: function of outputs and targets, with one number as its value.
    batch: inputs and targets.
    probes: random starts.
    steps: of Lanczos' recurrence for each; a Hessian-vector product each.
    rng: seed of the starts, and of random layers.

    Raises
    ------
    InputError: there are no trainable parameters, the loss is no finite scalar, a count is not positive.

    >>> layer = torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)
    >>> batch = torch.eye(3, dtype=torch.float64), torch.zeros(3, 1, dtype=torch.float64)
    >>> found = spectral_density(layer, torch.nn.functional.mse_loss, batch, probes=2)
    >>> found.nodes.round(6).tolist(), found.weights.tolist()
    ([0.666667, 0.666667], [0.5, 0.5])

    Source: G. H. Golub, G. Meurant, "Matrices, Moments and Quadrature with Applications" (2010), chapter 7.
    """
    count = read_samples(probes, name="probes", example=4)
    most = read_samples(steps, name="steps", example=40)
    seed = read_seed(rng)
    products = HessianProducts(FunctionalLoss(model, loss_fn, batch, seed=seed))
    draw = gaussian_draw(products, seed)
    nodes, weights = [], []
    for _ in range(count):
        krylov = Krylov(lambda vector: products(vector[None])[0], draw)
        for _ in range(min(most, products.size)):
            krylov.step()
            if krylov.following is None:
                break
        values, vectors, _ = krylov.ritz()
        nodes.append(values.numpy())
        weights.append(vectors[0].square().numpy() / count)
    return SpectralDensity(
        nodes=np.concatenate(nodes),
        weights=np.concatenate(weights),
        probes=count,
        cost=products.cost,
        evidence={**products.evidence, "steps": most, "parameters": products.size},
    )
