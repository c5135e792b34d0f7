"""The triangular factor of a tall matrix whose rows come one after the other."""

from __future__ import annotations

from typing import final

import numpy as np
import scipy.linalg

from symmetries.actions.parameter_space import FloatArray

LEAST_ROWS = 64


@final
class Triangle:
    r"""R with :math:`R^TR = M^TM` for the rows M seen so far, without forming :math:`M^TM`.

    Householder factorisations of R over the next rows keep the small singular values to
    :math:`\varepsilon\,\sigma_{\max}`; the normal equations would lose them below
    :math:`\sqrt\varepsilon\,\sigma_{\max}`.  The memory is that of a few matrices of shape (columns, columns), for
    any number of rows.

    Parameters
    ----------
    columns: length of a row.

    >>> triangle = Triangle(2)
    >>> for row in ([3.0, 0.0], [4.0, 0.0], [0.0, 2.0]):
    ...     triangle.add(np.array(row))
    >>> np.abs(triangle.factor()).round(12).tolist()
    [[5.0, 0.0], [0.0, 2.0]]

    Source: J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and LU
    factorizations", SIAM Journal on Scientific Computing 34 (2012).
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows = 0
        self._factor = np.zeros((0, columns))
        self._buffer = np.empty((max(LEAST_ROWS, columns // 2), columns))
        self._filled = 0

    def add(self, row: FloatArray) -> None:
        """Take one more row."""
        self._buffer[self._filled] = row
        self._filled += 1
        self.rows += 1
        if self._filled == len(self._buffer):
            self._absorb()

    def _absorb(self) -> None:
        """Factorise R over the rows that wait."""
        stacked = np.concatenate([self._factor, self._buffer[: self._filled]])
        self._filled = 0
        (factor,) = scipy.linalg.qr(stacked, mode="r", overwrite_a=True, check_finite=False)
        self._factor = np.array(factor[: self.columns])

    def factor(self) -> FloatArray:
        """R, with at most ``columns`` rows."""
        if self._filled:
            self._absorb()
        return self._factor
