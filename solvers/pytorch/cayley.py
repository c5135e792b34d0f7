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
_SMALL = 16  # up to this many columns a product of two small matrices takes as long as one of a small and a long one


def rows_of(n: int) -> int:
    """How many rows frames of n columns take up together with their gradients, with empty ones up to a fast size.

    >>> rows_of(3), rows_of(7), rows_of(8)
    (6, 16, 16)
    """
    return 2 * n + 2 if n <= _SMALL and n % 8 == 7 else 2 * n


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
        self._section: Tensor | None = None  # the inverse of K; times the transpose of P where this is as fast
        self._room: Tensor | None = None

    def lift(self, both: Tensor, *, out: Tensor) -> bool:
        r"""Write the transposed coordinates of the gradients, and overwrite the frames by :math:`E + Y`.

        Parameters
        ----------
        both : tensor of shape (b, rows_of(n), N)
            The transposed frames, below them their transposed Euclidean gradients, and below these zeros.
        out : tensor of shape (b, n, N)
            Where the coordinates are written.

        Returns
        -------
        bool
            False, with the frames as they were, where the section is ill conditioned and that can be seen without
            waiting for a device.
        """
        n, half = out.shape[-2], both.shape[-2] // 2
        p, g = both.narrow(1, 0, n), both.narrow(1, n, n)
        head = p.narrow(-1, 0, n)
        difference = head - head.mT
        _diagonal(head).add_(1.0)
        products = torch.bmm(both.narrow(1, 0, half), both.mT).narrow(1, 0, n)
        inverse = _inverse(difference.add_(products.narrow(-1, 0, n)).mul_(0.5))
        if both.device.type == "cpu" and not _largest(inverse) <= _WORST:
            _diagonal(head).sub_(1.0)
            return False
        factor = products.narrow(-1, n, n).mT
        if n <= _SMALL:
            self._section = torch.bmm(inverse, p, out=self._place(out))
            torch.baddbmm(g, factor, self._section, alpha=-1, out=out)
        else:
            self._section = inverse
            torch.baddbmm(g, torch.bmm(factor, inverse), p, alpha=-1, out=out)
        head = out.narrow(-1, 0, n)
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
        section, self._section = self._section, None
        if section is None:
            raise RuntimeError("no gradient was lifted")
        n, N = w.shape[-2:]
        head, tail = w.narrow(-1, 0, n), w.narrow(-1, n, N - n)
        C = torch.baddbmm(head, tail, tail.mT, beta=0.0 if self.flat else -0.5, alpha=0.25)
        _diagonal(C).add_(1.0)
        inverse = _inverse(C)
        _diagonal(head.copy_(C)).sub_(2.0)
        if w.device.type == "cpu" and not _largest(C) <= _LONG:
            w.copy_(_rounded_off(torch.bmm(inverse, w)))
            inverse = torch.eye(n, dtype=w.dtype, device=w.device).expand_as(C)
        c = torch.bmm(w if n <= _SMALL else torch.bmm(w, p.mT), section.mT)
        return torch.bmm(inverse, w.baddbmm_(c, p, alpha=-1), out=out)

    def _place(self, like: Tensor) -> Tensor:
        """A tensor for products with long rows, kept from step to step."""
        old = self._room
        if old is None or old.shape != like.shape or old.dtype != like.dtype or old.device != like.device:
            self._room = old = torch.empty_like(like, memory_format=torch.contiguous_format)
        return old


def _diagonal(A: Tensor) -> Tensor:
    """The diagonals of matrices, to be written to."""
    return A.diagonal(dim1=-2, dim2=-1)


def _inverse(A: Tensor) -> Tensor:
    """The inverses of matrices, through their transposes: these lie in memory as LAPACK wants them."""
    return torch.linalg.inv_ex(A.mT)[0].mT


def _rounded_off(v: Tensor) -> Tensor:
    """Transposed frames after two Newton steps, which take back what rounding did in a long step."""
    one = torch.eye(v.shape[-2], dtype=v.dtype, device=v.device)
    for _ in range(2):
        v = torch.bmm(1.5 * one - 0.5 * torch.bmm(v, v.mT), v)
    return v


def _largest(A: Tensor) -> float:
    """The largest absolute value of an entry; NaN where one is."""
    low, high = torch.aminmax(A)
    return max(-float(low), float(high)) if low == low else float("nan")
