r"""One step on many orthonormal frames in place: the closed section and the Cayley transform, on transposed frames.

With :math:`P = E + Y` and :math:`K + K^{\mathsf T} = P^{\mathsf T} P` the section is :math:`\lambda = (I - P K^{-1}
P^{\mathsf T})\,\mathrm{diag}(-I, I)`. All tall matrices are kept as their transposes, with rows as long as the space
is large, since small frames multiply several times faster in that form.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from manifolds.space import Space
from manifolds.spaces import Grassmann, Stiefel

_WORST = 100.0  # the largest entry of K^-1 for which this section is used where it can be looked at
_LONG = 4.0  # the largest entry of C for which rounding needs no correction


def has_kernel(space: Space | None) -> bool:
    """Whether the steps on a space can be made in place: real frames with room for the section, Cayley transform.

    >>> has_kernel(Stiefel(49, 7)), has_kernel(Stiefel(8, 7)), has_kernel(Stiefel(49, 7, retraction="geodesic"))
    (True, False, False)
    """
    return (
        isinstance(space, Stiefel | Grassmann)
        and space.field == "real"
        and space.retraction == "cayley"
        and space.section_kind == "closed"
        and space.N - space.n >= max(space.n, 4)
    )


@final
class CayleyKernel:
    """A step on a batch of transposed frames: `lift`, then the rule, then `retract`.

    Parameters
    ----------
    flat : bool
        Whether the frames stand for the subspaces that they span: then heads of coordinates are zero.

    Examples
    --------
    >>> both = torch.zeros(1, 2, 6, dtype=torch.float64)
    >>> both[0, 0, 0], both[0, 1] = 1.0, 1.0  # the frame E and a gradient of ones
    >>> kernel, D = CayleyKernel(flat=False), torch.empty(1, 1, 6, dtype=torch.float64)
    >>> kernel.lift(both, out=D)
    True
    >>> D
    tensor([[[0., 1., 1., 1., 1., 1.]]], dtype=torch.float64)
    >>> round(float(kernel.retract(both[:, :1], -0.1 * D, out=D).norm()), 12)
    1.0
    """

    def __init__(self, *, flat: bool) -> None:
        self.flat = flat
        self._inverse: Tensor | None = None
        self._one: Tensor | None = None

    def lift(self, both: Tensor, *, out: Tensor) -> bool:
        r"""Write the transposed coordinates of the gradients, and overwrite the frames by :math:`E + Y`.

        Parameters
        ----------
        both : tensor of shape (b, 2n, N)
            The transposed frames, and below them their transposed Euclidean gradients.
        out : tensor of shape (b, n, N)
            Where the coordinates are written.

        Returns
        -------
        bool
            False, with the frames as they were, where the section is ill conditioned and that can be seen without
            waiting for a device.
        """
        n = both.shape[-2] // 2
        p, g = both[:, :n], both[:, n:]
        one = self._identity(p)
        head = p[..., :n]
        difference = head - head.mT
        head += one
        products = torch.bmm(both, p.mT)
        inverse = torch.linalg.inv_ex(difference.add_(products[:, :n]).mul_(0.5))[0]
        if both.device.type == "cpu" and not _largest(inverse) <= _WORST:
            head -= one
            return False
        self._inverse = inverse.contiguous()
        torch.baddbmm(g, torch.bmm(products[:, n:], inverse), p, alpha=-1, out=out)
        head = out[..., :n]
        if self.flat:
            head.zero_()
        else:
            head.copy_(head.mT - head)
        return True

    def retract(self, p: Tensor, w: Tensor, *, out: Tensor) -> Tensor:
        r"""The transposed frames that the steps lead to.

        With :math:`C = I - \frac12 A + \frac14 Q` for the step with the head A and the Gram matrix Q of the tail, the
        new frame before the section is :math:`W' C^{-1}`, where W' is the step with the head :math:`2 I - C`.

        Parameters
        ----------
        p : tensor of shape (b, n, N)
            What `lift` made of the frames.
        w : tensor of shape (b, n, N)
            The transposed coordinates of the steps, which are overwritten.
        out : tensor of shape (b, n, N)
            Where the frames are written; it is not w.
        """
        if self._inverse is None:
            raise RuntimeError("no gradient was lifted")
        n, one = w.shape[-2], self._identity(w)
        head, tail = w[..., :n], w[..., n:]
        C = torch.baddbmm(one, tail, tail.mT, alpha=0.25)
        if not self.flat:
            C.sub_(head, alpha=0.5)
        inverse = torch.linalg.inv_ex(C)[0]
        head.copy_(C).sub_(one, alpha=2.0)
        if w.device.type == "cpu" and not _largest(C) <= _LONG:
            w.copy_(_rounded_off(torch.bmm(inverse, w), one))
            inverse = one.expand_as(C)
        c = torch.bmm(torch.bmm(w, p.mT), self._inverse.mT)
        self._inverse = None
        return torch.bmm(inverse, w.baddbmm_(c, p, alpha=-1), out=out)

    def _identity(self, like: Tensor) -> Tensor:
        """The small identity matrix."""
        old, n = self._one, like.shape[-2]
        if old is None or old.shape[-1] != n or old.dtype != like.dtype or old.device != like.device:
            self._one = old = torch.eye(n, dtype=like.dtype, device=like.device)
        return old


def _rounded_off(v: Tensor, one: Tensor) -> Tensor:
    """Transposed frames after two Newton steps, which take back what rounding did in a long step."""
    for _ in range(2):
        v = torch.bmm(1.5 * one - 0.5 * torch.bmm(v, v.mT), v)
    return v


def _largest(A: Tensor) -> float:
    """The largest absolute value of an entry; NaN where one is."""
    low, high = torch.aminmax(A)
    return max(-float(low), float(high)) if low == low else float("nan")
