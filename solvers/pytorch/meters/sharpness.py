"""Sharpness of a module: how high its loss is on spheres around its parameters."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, final

import torch

from manifolds.errors import InputError
from solvers.cost import Cost
from solvers.pytorch.meters.estimate import Estimate, read_samples
from solvers.pytorch.meters.failing_layer import REFUSALS, attempt_batch, failing_layer
from solvers.pytorch.meters.flat import Parameters
from solvers.pytorch.meters.functional import FunctionalLoss, Loss
from solvers.pytorch.meters.hessian_products import first_line
from symmetries.arguments import read_reals, read_seed

RADII = (0.1, 0.3, 0.5)
MOST_AT_ONCE = 128
NUMBERS_AT_ONCE = 2**22


def sharpness(
    model: torch.nn.Module,
    loss_fn: Loss,
    batch: Any,
    *,
    radii: Sequence[float] = RADII,
    directions: int = 100,
    rng: Any = 0,
    chunk: int | None = None,
) -> Estimate:
    r"""The mean :math:`\varphi(w) = \operatorname{E}_{t, d}\,\tfrac12[L(w + td) + L(w - td)]` of the loss on spheres.

    The directions d are uniform on the unit sphere of all trainable parameters together, independent, and taken with
    both signs.  So the mean is an unbiased estimate of that over the spheres, and the standard error comes from the
    spread over the directions.  Displaced copies are evaluated many at once.

    Parameters
    ----------
    model: a module; it is left bit for bit as it was.
    loss_fn: function of outputs and targets, with one number as its value.
    batch: inputs and targets.
    radii: the distances t, equally weighted, in units of the parameters.
    directions: how many directions; each costs two values of the loss for every radius; three more are for
        checks.
    rng: seed of the directions, and of random layers.
    chunk: displaced copies evaluated at once; by default as many as 32 MB of parameters in double precision allow.

    Raises
    ------
    InputError: there are no trainable parameters, the loss is no finite scalar, a radius or count is not positive.

    >>> layer = torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)
    >>> batch = torch.eye(3, dtype=torch.float64), layer.weight.detach().T
    >>> found = sharpness(layer, torch.nn.functional.mse_loss, batch, radii=[0.3], directions=4)
    >>> round(found.value, 12), found.standard_error < 1e-12, found.cost.values  # t^2/3, the same in all directions
    (0.03, True, 11)

    Source: B. Zhao, R. Gower, R. Walters, R. Yu, "Improving Convergence and Generalization Using Parameter Symmetries"
    (2023), arXiv:2305.13404, section 4.1; the directions there have one sign.
    """
    began = time.perf_counter()
    target = SharpnessTarget(model, loss_fn, batch, radii=radii, directions=directions, rng=rng, chunk=chunk)
    with torch.no_grad():
        means = torch.cat(list(target.means()))
    cost = Cost(values=3 + target.values, seconds=time.perf_counter() - began)
    return Estimate.of(means, cost=cost, evidence={**target.evidence, "loss": target.loss.value})


@final
class SharpnessTarget:
    """Sharpness as a smooth function of parameters: the same directions at all of them.

    Parameters
    ----------
    model, loss_fn, batch, radii, directions, rng, chunk: as for :func:`sharpness`.

    Raises
    ------
    InputError: as for :func:`sharpness`.

    >>> layer = torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)
    >>> batch = torch.eye(3, dtype=torch.float64), layer.weight.detach().T
    >>> target = SharpnessTarget(layer, torch.nn.functional.mse_loss, batch, radii=[0.3], directions=4)
    >>> value, gradient = target.value_and_gradient({"weight": layer.weight.detach() + 1.0})
    >>> round(float(value), 12), gradient["weight"].numpy().round(12).tolist()
    (1.03, [[0.666666666667, 0.666666666667, 0.666666666667]])
    """

    name = "sharpness"

    def __init__(
        self,
        model: torch.nn.Module,
        loss_fn: Loss,
        batch: Any,
        *,
        radii: Sequence[float] = RADII,
        directions: int = 16,
        rng: Any = 0,
        chunk: int | None = None,
    ) -> None:
        self.radii = _read_radii(radii)
        self.directions = read_samples(directions, name="directions", example=16)
        self._seed = read_seed(rng)
        self.loss = FunctionalLoss(model, loss_fn, batch, seed=self._seed)
        most = max(1, min(MOST_AT_ONCE, NUMBERS_AT_ONCE // self.loss.flat.size))
        self.chunk = most if chunk is None else read_samples(chunk, name="chunk", example=64)
        self.evidence: dict[str, Any] = {"radii": list(self.radii), "signs": 2, "vectorised": True}
        self._try_batch()

    @property
    def values(self) -> int:
        """Values of the loss in one value of the target."""
        return 2 * len(self.radii) * self.directions

    def __call__(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The value; differentiable in the parameters, also under the transformations of torch.func."""
        return torch.cat(list(self.means(parameters))).mean()

    def value_and_gradient(self, parameters: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, Parameters]:
        """The value and its gradient by name, piece by piece, so that memory does not grow with the directions."""
        flat = self.loss.flat
        with torch.enable_grad():
            vector = flat.join(parameters).detach().requires_grad_()
            total, slope = vector.new_zeros(()), torch.zeros_like(vector)
            for means in self._means_at(vector):
                part = means.sum() / self.directions
                slope += torch.autograd.grad(part, vector)[0]
                total += part.detach()
        return total, flat.split(slope)

    def means(self, parameters: Mapping[str, torch.Tensor] | None = None) -> Iterator[torch.Tensor]:
        """The mean loss along each direction, some directions at a time."""
        return self._means_at(self.loss.vector if parameters is None else self.loss.flat.join(parameters))

    def _means_at(self, vector: torch.Tensor) -> Iterator[torch.Tensor]:
        """The mean loss along each direction around a vector."""
        factors = torch.tensor(
            [sign * t for t in self.radii for sign in (1, -1)], dtype=vector.dtype, device=vector.device
        )
        at_once = max(1, self.chunk // len(factors))
        generator = torch.Generator().manual_seed(self._seed)
        for start in range(0, self.directions, at_once):
            count = min(at_once, self.directions - start)
            units = torch.stack([self._unit(generator) for _ in range(count)])
            moves = (factors[None, :, None] * units[:, None, :]).reshape(-1, units.shape[1])
            pieces = [self._displaced(vector, piece) for piece in moves.split(self.chunk)]
            yield torch.cat(pieces).reshape(count, len(factors)).mean(dim=1)

    def _unit(self, generator: torch.Generator) -> torch.Tensor:
        """One uniform unit vector."""
        flat = self.loss.flat
        direction = torch.randn(flat.size, generator=generator, dtype=torch.float64)
        return (direction / direction.norm()).to(flat.device, flat.dtype)

    def _displaced(self, vector: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
        """The losses at displaced parameters, all at once where the module allows it."""

        def at(move: torch.Tensor) -> torch.Tensor:
            """The loss at one of them."""
            return self.loss.at(vector + move)

        if self.evidence["vectorised"]:
            return torch.func.vmap(at, randomness="same")(moves)
        return torch.stack([at(move) for move in moves])

    def _try_batch(self) -> None:
        """Evaluate twice where the loss is known, and go over to a loop where that fails or gives another loss."""
        vector = self.loss.vector
        try:
            with torch.no_grad():
                found = self._displaced(vector, torch.zeros(2, len(vector), dtype=vector.dtype, device=vector.device))
        except torch.OutOfMemoryError:
            raise
        except REFUSALS as error:
            layer = failing_layer(self.loss, attempt_batch)
            self.evidence.update({"vectorised": False, "layer": layer, "reason": first_line(error)})
            return
        allowed = torch.finfo(vector.dtype).eps ** 0.5 * max(1.0, abs(self.loss.value))
        if not bool(((found - self.loss.value).abs() <= allowed).all()):
            reason = "random layers draw other numbers when several copies are evaluated at once"
            self.evidence.update({"vectorised": False, "reason": reason})


def _read_radii(radii: Any) -> tuple[float, ...]:
    """Positive radii."""
    read = read_reals(radii, what="the radii of the sharpness").ravel()
    if not read.size or not all(math.isfinite(t) and t > 0 for t in read):
        raise InputError(
            f"radii={radii!r}", why="they are no positive numbers", cure="write radii=(0.1, 0.3), for example"
        )
    return tuple(float(t) for t in read)
