"""Taylor expansions of second order that answer NumPy's functions, so that a composition is differentiated exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, final

import numpy as np

from manifolds.errors import InputError
from solvers.naturality.jet_functions import FUNCTIONS, UFUNCS
from symmetries.actions.parameter_space import FloatArray


@final
class Jet:
    r"""An array with its first and second derivatives with respect to n parameters.

    NumPy's ufuncs, ``@``, indexing, sums, reshapes, transposes and inverses of jets are jets.

    Parameters
    ----------
    value: shape S.
    first: derivatives, shape (n, \*S).
    second: second derivatives, shape (n, n, \*S); None carries first derivatives alone.

    >>> x = Jet.variable(np.array([2.0, 3.0]))
    >>> y = np.sum(x**3)
    >>> float(y.value), y.first.tolist(), np.diag(y.second).tolist()
    (35.0, [12.0, 27.0], [12.0, 18.0])
    """

    __slots__ = ("first", "second", "value")

    def __init__(self, value: FloatArray, first: FloatArray, second: FloatArray | None) -> None:
        self.value, self.first, self.second = value, first, second

    @classmethod
    def variable(cls, theta: FloatArray, *, order: int = 2) -> Jet:
        """The parameters themselves, shape (n,), to first or second order."""
        size = len(theta)
        return cls(theta, np.eye(size), np.zeros((size, size, size)) if order > 1 else None)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Number of axes of the value."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """Number of entries of the value."""
        return self.value.size

    @property
    def T(self) -> Jet:
        """The transpose."""
        return self.map(lambda part, lead: part.transpose(*range(lead), *range(part.ndim - 1, lead - 1, -1)))

    def map(self, linear: Callable[[FloatArray, int], FloatArray]) -> Jet:
        """Apply one linear operation, told how many axes of derivatives lead, to the value and the derivatives."""
        second = None if self.second is None else linear(self.second, 2)
        return Jet(linear(self.value, 0), linear(self.first, 1), second)

    def apply(self, value: FloatArray, slope: FloatArray, bend: FloatArray) -> Jet:
        """A function entry by entry, from its values and its first and second derivatives there."""
        second = None
        if self.second is not None:
            second = slope * self.second + bend * (self.first[:, None] * self.first[None, :])
        return Jet(value, slope * self.first, second)

    def padded(self, ndim: int) -> Jet:
        """The same with axes of length one in front, so that two jets broadcast."""
        if self.ndim == ndim:
            return self
        extra = (1,) * (ndim - self.ndim)
        return self.map(lambda part, lead: part.reshape(part.shape[:lead] + extra + part.shape[lead:]))

    def reshape(self, *shape: Any) -> Jet:
        """The entries in another shape."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        wanted = self.value.reshape(tuple(wanted)).shape
        return self.map(lambda part, lead: part.reshape(part.shape[:lead] + wanted))

    def ravel(self) -> Jet:
        """The entries in a row."""
        return self.reshape(-1)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Jet:
        """The sum over axes."""
        axes = tuple(range(self.ndim)) if axis is None else tuple(np.atleast_1d(axis))
        back = tuple(int(one) - self.ndim if one >= 0 else int(one) for one in axes)
        return self.map(lambda part, _: part.sum(axis=back, keepdims=keepdims))

    def mean(self, axis: Any = None, keepdims: bool = False) -> Jet:
        """The mean over axes."""
        total = self.sum(axis, keepdims)
        return total * (total.size / self.size)

    def dot(self, other: Any) -> Any:
        """The product of vectors or matrices."""
        return self @ other

    def trace(self) -> Jet:
        """The trace of a matrix."""
        return self.map(lambda part, _: np.trace(part, axis1=-2, axis2=-1))

    def __getitem__(self, key: Any) -> Jet:
        keys = key if isinstance(key, tuple) else (key,)
        return self.map(lambda part, lead: np.asarray(part[(slice(None),) * lead + keys]))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Jet]:
        return (self[place] for place in range(len(self.value)))

    def __float__(self) -> float:
        raise InputError(
            "a loss or a map turned its argument into a number",
            why="its derivatives would be lost",
            cure="write it with NumPy functions of the array",
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise _unknown(name)

    def _compared(self, _other: Any) -> Any:
        """Refuse a comparison, whose outcome has no derivatives."""
        raise InputError(
            "a loss or a map compares its argument",
            why="its branches have no derivatives here",
            cure="write it with np.maximum, np.minimum or np.abs",
        )

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.__float__()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        known = UFUNCS.get(ufunc)
        if method == "reduce" and ufunc is np.add:
            return inputs[0].sum(options.get("axis", 0))
        if method != "__call__" or known is None or any(value is not None for value in options.values()):
            raise _unknown(ufunc.__name__)
        return known(*inputs)

    def __array_function__(self, function: Any, _types: Any, inputs: Any, options: Any) -> Any:
        known = FUNCTIONS.get(function)
        if known is None:
            raise _unknown(function.__name__)
        return known(*inputs, **options)

    def __add__(self, other: Any) -> Any:
        return np.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return np.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return np.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return np.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return np.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return np.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return np.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return np.divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return np.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return np.power(other, self)

    def __pos__(self) -> Any:
        return self

    def __matmul__(self, other: Any) -> Any:
        return np.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return np.matmul(other, self)

    def __neg__(self) -> Any:
        return np.negative(self)

    def __abs__(self) -> Any:
        return np.absolute(self)


def derivatives(function: Callable[[Any], Any], theta: FloatArray, *, order: int = 2) -> Jet:
    """The value of a function of a flat array with its derivatives at a point.

    Parameters
    ----------
    function: of an array of shape (n,), written with NumPy functions.
    theta: the point, shape (n,).
    order: 1 or 2.

    Raises
    ------
    InputError: the function uses what jets do not know.

    >>> derivatives(lambda x: np.sin(x[0]) * x[1], np.array([0.0, 2.0])).first.tolist()
    [2.0, 0.0]
    """
    found = function(Jet.variable(np.asarray(theta, dtype=float), order=order))
    if isinstance(found, Jet):
        return found
    value, size = np.asarray(found, dtype=float), len(theta)
    return Jet(value, np.zeros((size, *value.shape)), np.zeros((size, size, *value.shape)) if order > 1 else None)


def _unknown(name: str) -> InputError:
    """The error for a function without a rule."""
    return InputError(
        f"the NumPy function {name!r} of a jet",
        why="there is no rule for its derivatives",
        cure="write the loss, the model or the map with elementary functions, sums, products, inverses and reshapes",
    )
