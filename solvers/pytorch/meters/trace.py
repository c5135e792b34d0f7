"""The trace of the Hessian of a module's loss, from random probes."""

from __future__ import annotations

from typing import Any

import torch

from manifolds.errors import InputError
from solvers.pytorch.meters.estimate import Estimate, read_samples
from solvers.pytorch.meters.functional import FunctionalLoss, Loss
from solvers.pytorch.meters.hessian_products import HessianProducts
from symmetries.arguments import read_seed

METHODS = ("hutchinson", "hutch++")


def hessian_trace(
    model: torch.nn.Module,
    loss_fn: Loss,
    batch: Any,
    *,
    probes: int = 60,
    method: str = "hutchinson",
    rng: Any = 0,
    chunk: int | None = None,
) -> Estimate:
    r"""The trace :math:`\operatorname{tr} H = \operatorname{E} v^{\mathsf T} H v`, v with independent random signs.

    With ``method="hutch++"`` a third of the products finds a subspace Q in which H is large; the trace in Q is exact,
    and the rest :math:`(I - QQ^{\mathsf T})H(I - QQ^{\mathsf T})` is left to random signs.  Both are unbiased; the
    second is better when few eigenvalues make most of the trace, and exact when a third of the probes spans all of H.

    Parameters
    ----------
    model: a module; it is left bit for bit as it was.
    loss_fn: function of outputs and targets, with one number as its value.
    batch: inputs and targets.
    probes: Hessian-vector products altogether; at least 6 for ``"hutch++"``.
    method: ``"hutchinson"`` or ``"hutch++"``.
    rng: seed of the probes, and of random layers.
    chunk: products computed at once; by default sixteen, and fewer for more than 260,000 parameters.

    Raises
    ------
    InputError: there are no trainable parameters, the loss is no finite scalar, probes or method do not serve.

    >>> layer = torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)
    >>> batch = torch.eye(3, dtype=torch.float64), torch.zeros(3, 1, dtype=torch.float64)
    >>> found = hessian_trace(layer, torch.nn.functional.mse_loss, batch, probes=4)  # of a diagonal matrix: exact
    >>> round(found.value, 12), round(found.standard_error, 12), found.cost.hvps
    (2.0, 0.0, 4)

    Source: M. F. Hutchinson, "A stochastic estimator of the trace of the influence matrix" (1990); R. A. Meyer,
    C. Musco, C. Musco, D. P. Woodruff, "Hutch++: Optimal Stochastic Trace Estimation" (2021), arXiv:2010.09649.
    """
    count = read_samples(probes, name="probes", example=60)
    at_once = None if chunk is None else read_samples(chunk, name="chunk", example=16)
    if method not in METHODS:
        raise InputError(f"method={method!r}", why="it is none of the two", cure="write 'hutchinson' or 'hutch++'")
    if method == "hutch++" and count < 6:
        raise InputError(f"probes={count}", why="hutch++ divides them by three", cure="give 6 or more")
    seed = read_seed(rng)
    products = HessianProducts(FunctionalLoss(model, loss_fn, batch, seed=seed), chunk=at_once)
    generator = torch.Generator().manual_seed(seed)
    if method == "hutchinson":
        values = [_forms(products, _signs(products, k, generator)) for k in _portions(count, products.chunk)]
        samples = torch.cat(values)
    else:
        samples = _after_sketch(products, count, generator)
    evidence = {**products.evidence, "method": method, "parameters": products.size}
    return Estimate.of(samples, cost=products.cost, evidence=evidence)


def _after_sketch(products: HessianProducts, count: int, generator: torch.Generator) -> torch.Tensor:
    """The exact trace in a subspace plus random forms of the rest."""
    third = min(count // 3, products.size)
    basis = torch.linalg.qr(products(_signs(products, third, generator)).T).Q
    inside = (basis * products(basis.T.contiguous()).T).sum()
    samples = []
    for k in _portions(count - 2 * third, products.chunk):
        probes = _signs(products, k, generator)
        rest = probes - (probes @ basis) @ basis.T
        samples.append(_forms(products, rest))
    return inside + torch.cat(samples)


def _forms(products: HessianProducts, probes: torch.Tensor) -> torch.Tensor:
    """The values of the quadratic form of the Hessian."""
    return (probes * products(probes)).sum(dim=1)


def _signs(products: HessianProducts, count: int, generator: torch.Generator) -> torch.Tensor:
    """Vectors of independent random signs in rows."""
    bits = torch.randint(0, 2, (count, products.size), generator=generator, dtype=torch.int8)
    return (2 * bits - 1).to(products.device, products.dtype)


def _portions(count: int, most: int) -> list[int]:
    """A number as a sum of parts of a largest size.

    >>> _portions(5, 2)
    [2, 2, 1]
    """
    return [min(most, count - start) for start in range(0, count, most)]
