"""Ansatz families: the space of vector fields in which symmetries are looked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from manifolds.errors import InputError
from symmetries.fields import VectorField

if TYPE_CHECKING:
    from symmetries.loss import Loss

IntArray: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

MAX_UNKNOWNS = 20_000_000


@final
@dataclass(frozen=True)
class Unknowns:
    """The fields m(theta) d/dtheta_i that an ansatz is spanned by.

    Parameters
    ----------
    monomials: exponents of the coordinates, shape (monomials, coordinates), or None for the coordinates themselves.
    component: coordinate i that each unknown moves, shape (unknowns,).
    monomial: row of ``monomials`` of each unknown, shape (unknowns,).
    """

    monomials: IntArray | None
    component: IntArray
    monomial: IntArray

    @property
    def count(self) -> int:
        """Number of unknown coefficients."""
        return len(self.component)


class Ansatz(ABC):
    r"""A family of vector fields in which symmetries are searched, the span of :math:`m_k(\theta)\,\partial_{i(k)}`.

    The families are :class:`symmetries.Linear`, :class:`symmetries.Affine`, :class:`symmetries.Polynomial`,
    :class:`symmetries.Diagonal`, :class:`symmetries.Blocks` and :class:`symmetries.Basis`.  Completeness is always said
    of one of them.

    >>> [ansatz.count(2) for ansatz in (Diagonal(), Linear(), Affine(), Polynomial(3))]
    [2, 4, 6, 20]
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Name as the command line writes it."""

    @abstractmethod
    def count(self, coordinates: int) -> int:
        """Number of unknown coefficients for that many coordinates."""

    def count_in(self, loss: Loss) -> int:
        """Number of unknown coefficients for a loss."""
        return self.count(len(loss.entries) + len(loss.moving_entries))

    @abstractmethod
    def unknowns(self, coordinates: int) -> Unknowns:
        """The spanning fields."""

    def inflation(self, coordinates: int) -> int:
        """Number of functions f such that f(theta) v lies in the ansatz for a constant v.

        0 when it is no such family.
        """
        return 0


class _Graded(Ansatz):
    """All fields whose components are polynomials of some degrees."""

    @abstractmethod
    def degrees(self) -> range:
        """Degrees of the monomials."""

    def inflation(self, coordinates: int) -> int:
        """Number of monomials."""
        return sum(comb(coordinates + degree - 1, degree) for degree in self.degrees())

    def count(self, coordinates: int) -> int:
        """Number of unknown coefficients for that many coordinates."""
        return coordinates * self.inflation(coordinates)

    def unknowns(self, coordinates: int) -> Unknowns:
        """The spanning fields."""
        if self.degrees() == range(1, 2):
            monomials, size = None, coordinates
        else:
            monomials = monomial_exponents(coordinates, self.degrees())
            size = len(monomials)
        return Unknowns(
            monomials=monomials,
            component=np.repeat(np.arange(coordinates), size),
            monomial=np.tile(np.arange(size), coordinates),
        )


def monomial_exponents(coordinates: int, degrees: Sequence[int]) -> IntArray:
    """Exponents of all monomials of the given degrees.

    >>> monomial_exponents(2, range(2)).tolist()
    [[0, 0], [1, 0], [0, 1]]
    """
    rows = [
        np.bincount(np.array(choice, dtype=np.int64), minlength=coordinates)
        for degree in degrees
        for choice in combinations_with_replacement(range(coordinates), degree)
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, coordinates)


@final
@dataclass(frozen=True)
class Linear(_Graded):
    r"""Linear fields, :math:`X = (A\theta)\cdot\partial_\theta` with any matrix A of shape (n, n): n**2 unknowns.

    Their flows are the linear maps :math:`\exp(tA)`.  They are closed under brackets.

    >>> Linear().count(3)
    9
    """

    @property
    def name(self) -> str:
        """Name as the command line writes it."""
        return "linear"

    def degrees(self) -> range:
        """Degrees of the monomials."""
        return range(1, 2)


@final
@dataclass(frozen=True)
class Affine(_Graded):
    r"""Affine fields, :math:`X = (A\theta + b)\cdot\partial_\theta` with n(n + 1) unknowns.

    A has the shape (n, n) and b the shape (n,).  They hold the linear fields and the
    translations, and are closed under brackets.

    >>> Affine().count(3)
    12
    """

    @property
    def name(self) -> str:
        """Name as the command line writes it."""
        return "affine"

    def degrees(self) -> range:
        """Degrees of the monomials."""
        return range(2)


@final
@dataclass(frozen=True)
class Polynomial(_Graded):
    r"""Fields whose components are polynomials of degree at most :math:`\delta`.

    There are :math:`n\binom{n+\delta}{\delta}` unknowns.  From degree 2 on they are not closed
    under brackets, and what is found need not be an algebra.

    Parameters
    ----------
    degree: the largest degree, from 0 (translations) to 50.

    Raises
    ------
    InputError: the degree is no integer in this range.

    >>> Polynomial(3).count(2)
    20
    """

    degree: int

    def __post_init__(self) -> None:
        if isinstance(self.degree, bool) or not isinstance(self.degree, int) or not 0 <= self.degree <= 50:
            raise InputError(
                f"the ansatz Polynomial({self.degree!r})",
                why="the degree must be an integer from 0 to 50",
                cure="write Polynomial(3)",
            )

    @property
    def name(self) -> str:
        """Name as the command line writes it."""
        return f"polynomial:{self.degree}"

    def degrees(self) -> range:
        """Degrees of the monomials."""
        return range(self.degree + 1)


@final
@dataclass(frozen=True)
class Diagonal(Ansatz):
    r"""Scalings of single coordinates, :math:`X = \sum_i c_i\theta_i\,\partial/\partial\theta_i`: n unknowns.

    >>> Diagonal().count(3)
    3
    """

    @property
    def name(self) -> str:
        """Name as the command line writes it."""
        return "diagonal"

    def count(self, coordinates: int) -> int:
        """Number of unknown coefficients for that many coordinates."""
        return coordinates

    def unknowns(self, coordinates: int) -> Unknowns:
        """The spanning fields."""
        every = np.arange(coordinates)
        return Unknowns(monomials=None, component=every, monomial=every)


@final
class Basis(Ansatz):
    r"""Linear combinations :math:`X = \sum_k c_k X_k` of fields that the user gives, with components of any kind.

    Parameters
    ----------
    fields: the fields :math:`X_k`, independent of each other.

    Raises
    ------
    InputError: there is no field, or one of them is none.

    >>> Basis([VectorField({"x": "y"}), VectorField({"y": "x"})]).count(2)
    2
    """

    def __init__(self, fields: Sequence[VectorField]) -> None:
        self.fields = tuple(fields) if isinstance(fields, Sequence) else ()
        if not self.fields or not all(isinstance(one, VectorField) for one in self.fields):
            raise InputError(
                "the ansatz Basis(...)",
                why="it needs a list of at least one VectorField",
                cure='write Basis([VectorField({"x": "y"}), ...])',
            )

    @property
    def name(self) -> str:
        """Name as the command line writes it."""
        return "basis"

    def count(self, coordinates: int) -> int:
        """Number of unknown coefficients for that many coordinates."""
        return len(self.fields)

    def unknowns(self, coordinates: int) -> Unknowns:
        """The spanning fields."""
        raise TypeError("a basis of given fields has no monomials")


@final
@dataclass(frozen=True)
class Blocks(Ansatz):
    r"""Matrices on the axes of each array, :math:`X = \sum_W (A_W W + W B_W)\cdot\partial_W`, for large networks.

    A matrix parameter W of shape (m, k) gives m**2 + k**2 unknowns (A = c, B = -c moves nothing); a vector, as a
    column, A b; a scalar, its scaling; an array with more axes has one matrix for each of them.  Their flows are
    :math:`W \mapsto e^{tA} W e^{tB}`.  They are closed under brackets, and lie inside :class:`symmetries.Linear`.

    >>> from symmetries import Loss
    >>> Blocks().count_in(Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)}))
    33
    """

    @property
    def name(self) -> str:
        """Name as the command line writes it."""
        return "blocks"

    def count(self, coordinates: int) -> int:
        """Number of unknown coefficients when every coordinate is a scalar; see :meth:`count_in`."""
        return coordinates

    def count_in(self, loss: Loss) -> int:
        """Number of unknown coefficients for a loss."""
        shapes = [*loss.parameters.values(), *(item.shape for item in loss.data.values() if item.moves)]
        return sum(length**2 for shape in shapes for length in shape or (1,))

    def unknowns(self, coordinates: int) -> Unknowns:
        """The spanning fields."""
        raise TypeError("block fields are no single monomials")


def read_ansatz(text: str) -> Ansatz:
    """Ansatz from its name: linear, affine, polynomial:3 (or poly:3), diagonal, blocks.

    >>> read_ansatz("polynomial:3")
    Polynomial(degree=3)
    """
    name, _, degree = text.strip().lower().partition(":")
    if name in {"poly", "polynomial"} and degree.isdecimal() and len(degree) <= 3:
        return Polynomial(int(degree))
    simple: dict[str, type[Linear] | type[Affine] | type[Diagonal] | type[Blocks]] = {
        "linear": Linear,
        "affine": Affine,
        "diagonal": Diagonal,
        "blocks": Blocks,
    }
    if degree or name not in simple:
        raise InputError(
            f"the ansatz {text!r}", why="it is not known", cure="use linear, affine, diagonal, blocks or polynomial:3"
        )
    return simple[name]()


def check_size(ansatz: Ansatz, coordinates: int) -> None:
    """Refuse an ansatz whose unknowns would not fit in memory, before anything is built."""
    unknowns = ansatz.count(coordinates)
    if unknowns > MAX_UNKNOWNS:
        raise InputError(
            f"the ansatz {ansatz.name} has {unknowns:,} unknown coefficients for {coordinates:,} coordinates",
            why=f"at most {MAX_UNKNOWNS:,} are taken (about {unknowns * 48 / 1e9:.1f} GB would be needed)",
            cure="use a smaller ansatz (diagonal, linear), a lower degree, or smaller sizes",
        )
