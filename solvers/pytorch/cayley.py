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
    >>> Y = torch.eye(6, dtype=torch.float64)[None, :, :1]
    >>> kernel = CayleyKernel(flat=False)
    >>> frame, D = Y.mT.clone(), torch.ones(1, 1, 6, dtype=torch.float64)
    >>> kernel.lift(frame, D)
    True
    >>> D.mul_(-0.1)
    tensor([[[-0.0000, -0.1000, -0.1000, -0.1000, -0.1000, -0.1000]]], dtype=torch.float64)
    >>> round(float(kernel.retract(frame, D).norm()), 12)
    1.0
    """

    def __init__(self, *, flat: bool) -> None:
        self.flat = flat
        self._inverse: Tensor | None = None
        self._one: Tensor | None = None

    def lift(self, y: Tensor, g: Tensor) -> bool:
        r"""Overwrite the transposed gradients by the transposed coordinates, and the frames by :math:`E + Y`.

        Parameters
        ----------
        y : tensor of shape (b, n, N)
            Transposed frames.
        g : tensor of shape (b, n, N)
            Transposed Euclidean gradients.

        Returns
        -------
        bool
            False, with both tensors as they were, where the section is ill conditioned and that can be seen without
            waiting for a device.
        """
        n = y.shape[-2]
        one = self._identity(y)
        head = y[..., :n]
        difference = head.mT - head
        head += one
        K = torch.baddbmm(difference, y, y.mT, beta=-0.5, alpha=0.5)
        inverse = torch.linalg.inv_ex(K)[0]
        if y.device.type == "cpu" and not _largest(inverse) <= _WORST:
            head -= one
            return False
        self._inverse = inverse
        c = torch.bmm(torch.bmm(g, y.mT), inverse)
        g.baddbmm_(c, y, alpha=-1)
        head = g[..., :n]
        if self.flat:
            head.zero_()
        else:
            head.copy_(head.mT - head)
        return True

    def retract(self, p: Tensor, w: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The transposed frames that the steps lead to.

        Parameters
        ----------
        p : tensor of shape (b, n, N)
            What `lift` made of the frames.
        w : tensor of shape (b, n, N)
            Transposed coordinates of the steps.
        out : tensor of shape (b, n, N) or None
            Where the frames are written; not w.
        """
        if self._inverse is None:
            raise RuntimeError("no gradient was lifted")
        n, one = p.shape[-2], self._identity(p)
        tail = w[..., n:]
        C = torch.baddbmm(one, tail, tail.mT, alpha=0.25)
        if not self.flat:
            C -= 0.5 * w[..., :n]
        inverse = torch.linalg.inv_ex(C)[0]
        v = torch.empty_like(w) if out is None else out
        torch.bmm(inverse, w, out=v)
        v[..., :n] = 2.0 * inverse - one
        if v.device.type == "cpu" and not _largest(C) <= _LONG:
            for _ in range(2):
                v.copy_(torch.bmm(1.5 * one - 0.5 * torch.bmm(v, v.mT), v))
        v[..., :n].neg_()
        c = torch.bmm(torch.bmm(v, p.mT), self._inverse.mT)
        self._inverse = None
        return v.baddbmm_(c, p, alpha=-1)

    def _identity(self, like: Tensor) -> Tensor:
        """The small identity matrix."""
        old, n = self._one, like.shape[-2]
        if old is None or old.shape[-1] != n or old.dtype != like.dtype or old.device != like.device:
            self._one = old = torch.eye(n, dtype=like.dtype, device=like.device)
        return old


def _largest(A: Tensor) -> float:
    """The largest absolute value of an entry; NaN where one is."""
    low, high = torch.aminmax(A)
    return max(-float(low), float(high)) if low == low else float("nan")
