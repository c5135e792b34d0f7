"""Extreme eigenvalues of the Hessian of a module's loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import torch

from manifolds.errors import InputError
from solvers.cost import Cost
from solvers.pytorch.meters.estimate import read_samples
from solvers.pytorch.meters.flat import Parameters
from solvers.pytorch.meters.functional import FunctionalLoss, Loss
from solvers.pytorch.meters.hessian_products import HessianProducts
from solvers.pytorch.meters.lanczos import Krylov
from symmetries.arguments import read_seed

ENDS = ("largest", "smallest", "magnitude")


@final
@dataclass(frozen=True, kw_only=True)
class Eigenvalues:
    r"""Approximate eigenvalues :math:`\theta` with unit vectors x, and :math:`|Hx - \theta x|` for each.

    Parameters
    ----------
    values: the eigenvalues, in the order asked for.
    vectors: the eigenvectors by parameter name.
    residuals: measured lengths :math:`|Hx - \theta x|`; some eigenvalue of H lies within this distance of each value.
    converged: whether all residuals are below the tolerance relative to the largest Ritz value.  That the values are
        the extreme ones is certain only when `steps` is the number of parameters; a random start misses one with
        probability zero in exact arithmetic.
    steps: steps of Lanczos' recurrence.
    cost: evaluations.
    evidence: how it was computed, JSON-ready.
    """

    values: tuple[float, ...]
    vectors: tuple[Parameters, ...]
    residuals: tuple[float, ...]
    converged: bool
    steps: int
    cost: Cost
    evidence: Mapping[str, Any] = field(default_factory=dict)


def top_eigenvalues(
    model: torch.nn.Module,
    loss_fn: Loss,
    batch: Any,
    *,
    count: int = 1,
    which: str = "largest",
    tolerance: float = 1e-6,
    most_steps: int = 100,
    rng: Any = 0,
) -> Eigenvalues:
    r"""Extreme eigenvalues of :math:`\nabla^2 L(w)` by Lanczos' recurrence with full reorthogonalisation.

    Parameters
    ----------
    model: a module; it is left bit for bit as it was.
    loss_fn: function of outputs and targets, with one number as its value.
    batch: inputs and targets.
    count: how many eigenvalues; no more than there are parameters.
    which: ``"largest"``, ``"smallest"``, or ``"magnitude"`` for the largest absolute values.
    tolerance: of the residuals, relative to the largest absolute Ritz value.
    most_steps: of the recurrence; each costs one Hessian-vector product and keeps one vector.
    rng: seed of the first vector, and of random layers.

    Raises
    ------
    InputError: there are no trainable parameters, the loss is no finite scalar, an option does not serve.

    >>> layer = torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)
    >>> batch = torch.tensor([[1.0, 3.0]], dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    >>> found = top_eigenvalues(layer, torch.nn.functional.mse_loss, batch)
    >>> round(found.values[0], 9), found.converged, found.steps  # 2 |x|^2
    (20.0, True, 2)

    Source: B. N. Parlett, "The Symmetric Eigenvalue Problem" (1998), chapter 13.
    """
    count = read_samples(count, name="count", example=1)
    most = read_samples(most_steps, name="most_steps", example=100)
    if which not in ENDS:
        raise InputError(f"which={which!r}", why="it is no end of the spectrum", cure=f"write one of {', '.join(ENDS)}")
    if not isinstance(tolerance, float | int) or not tolerance > 0:
        raise InputError(f"tolerance={tolerance!r}", why="it is not positive", cure="write tolerance=1e-6")
    seed = read_seed(rng)
    products = HessianProducts(FunctionalLoss(model, loss_fn, batch, seed=seed))
    if count > min(products.size, most):
        raise InputError(
            f"count={count}",
            why=f"there are {products.size} parameters, and at most {most} steps",
            cure="ask for fewer eigenvalues, or give more steps",
        )
    krylov = Krylov(lambda vector: products(vector[None])[0], gaussian_draw(products, seed))
    chosen = _grown(krylov, count, which, tolerance, min(most, products.size))
    return _result(krylov, products, chosen, tolerance)


def gaussian_draw(products: HessianProducts, seed: int) -> Any:
    """A function that draws standard normal vectors."""
    generator = torch.Generator().manual_seed(seed)

    def draw() -> torch.Tensor:
        """The next vector."""
        vector = torch.randn(products.size, generator=generator, dtype=torch.float64)
        return vector.to(products.device, products.dtype)

    return draw


def _grown(krylov: Krylov, count: int, which: str, tolerance: float, most: int) -> list[int]:
    """Grow the space until the wanted Ritz values are converged; their places among all."""
    while True:
        krylov.step()
        steps = len(krylov.diagonal)
        if steps < count or (steps % 4 and steps < most):
            continue
        values, _, bounds = krylov.ritz()
        order = values.abs() if which == "magnitude" else values
        chosen = torch.argsort(order, descending=which != "smallest")[:count].tolist()
        scale = float(values.abs().max())
        bounded = all(float(bounds[k]) <= 0.5 * tolerance * scale for k in chosen)
        if steps >= most or (bounded and krylov.following is not None):
            return chosen


def _result(krylov: Krylov, products: HessianProducts, chosen: list[int], tolerance: float) -> Eigenvalues:
    """The wanted pairs with their residuals measured anew."""
    values, coefficients, _ = krylov.ritz()
    vectors = torch.stack([krylov.lifted(coefficients[:, k]) for k in chosen])
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    images = products(vectors)
    wanted = values[chosen]
    shifts = wanted.to(vectors.device, vectors.dtype)[:, None] * vectors
    residuals = (images - shifts).norm(dim=1).tolist()
    scale = float(values.abs().max())
    return Eigenvalues(
        values=tuple(wanted.tolist()),
        vectors=tuple(products.loss.flat.split(vector) for vector in vectors),
        residuals=tuple(residuals),
        converged=max(residuals) <= tolerance * scale if scale else max(residuals) == 0,
        steps=len(krylov.diagonal),
        cost=products.cost,
        evidence={**products.evidence, "parameters": products.size, "tolerance": float(tolerance)},
    )
