"""Conformance suites: run them on the groups of this library or on your own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from manifolds.checks import Seed, generator, whole_number
from manifolds.errors import InputError
from manifolds.frame_laws import FRAME_LAWS
from manifolds.group_laws import LAWS, Sample
from manifolds.groups import MatrixGroup
from manifolds.space import Space
from manifolds.space_laws import LAWS as SPACE_LAWS
from manifolds.space_laws import SpaceSample


@final
@dataclass(frozen=True)
class LawResult:
    """What became of one law.

    Parameters
    ----------
    law : str
        Its name, such as `one_parameter`.
    statement : str
        What it says.
    residual : float
        By how much it failed at worst, relative to the size of what is compared; infinite where it cannot be said.
    tolerance : float
        The largest residual that passes.
    problem : str
        The error that was raised instead, if one was.
    """

    law: str
    statement: str
    residual: float
    tolerance: float
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the residual is within the tolerance."""
        return self.residual <= self.tolerance

    def __str__(self) -> str:
        mark = "ok  " if self.passed else "FAIL"
        line = f"{mark} {self.law:14} {self.residual:8.1e}  {self.statement}"
        return f"{line}\n     raised: {self.problem}" if self.problem else line


class LawReport(ABC):
    """Laws, each with its result."""

    laws: tuple[LawResult, ...]

    @property
    @abstractmethod
    def subject(self) -> str:
        """The name of what was checked."""

    @property
    def passed(self) -> bool:
        """Whether every law holds."""
        return not self.failures

    @property
    def failures(self) -> tuple[LawResult, ...]:
        """The laws that do not hold."""
        return tuple(law for law in self.laws if not law.passed)

    @property
    def worst_residual(self) -> float:
        """The largest residual of all laws."""
        return max(law.residual for law in self.laws)

    def __str__(self) -> str:
        verdict = "holds all laws" if self.passed else f"breaks {len(self.failures)} of {len(self.laws)} laws"
        return "\n".join([f"{self.subject} {verdict}", *map(str, self.laws)])


@final
@dataclass(frozen=True)
class GroupReport(LawReport):
    """The laws of a group, each with its result.

    Parameters
    ----------
    group : str
        The name of the group.
    laws : tuple of LawResult
    """

    group: str
    laws: tuple[LawResult, ...]

    @property
    def subject(self) -> str:
        """The name of the group."""
        return self.group


@final
@dataclass(frozen=True)
class SpaceReport(LawReport):
    """The laws of a space, each with its result.

    Parameters
    ----------
    space : str
        The name of the space.
    laws : tuple of LawResult
    """

    space: str
    laws: tuple[LawResult, ...]

    @property
    def subject(self) -> str:
        """The name of the space."""
        return self.space


@final
class ConformanceError(AssertionError):
    """A group or a space breaks a law; `report` says which.

    Parameters
    ----------
    report : GroupReport or SpaceReport
    """

    def __init__(self, report: LawReport) -> None:
        super().__init__("\n".join([str(report).partition("\n")[0], *map(str, report.failures)]))
        self.report = report

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the report, so that the error crosses a process boundary."""
        return (type(self), (self.report,))


def check_group(
    group: MatrixGroup,
    *,
    rng: Seed = 0,
    samples: int = 4,
    scale: float = 1.0,
    tolerance: float = 1e-9,
    on_failure: Literal["raise", "report"] = "raise",
) -> GroupReport:
    r"""Check the laws of a matrix group on random elements, in floating point.

    They are the axioms, :math:`e g = g e = g`, :math:`g g^{-1} = e`, :math:`(gh)k = g(hk)`, closure; a basis closed
    under brackets; `exp` as the matrix exponential, with values in the group; :math:`\exp((s + t)X) =
    \exp(sX)\exp(tX)`; `log` as its inverse near the identity; the adjoint; `dexp` against difference quotients and
    against :math:`\varphi(-\mathrm{ad}_X) = \sum_k (-\mathrm{ad}_X)^k / (k + 1)!`; the projection; that matrices beside
    the group are told from its elements; repeatable random elements. One matrix and a batch must agree. Numbers support
    a law; they do not prove it.

    Parameters
    ----------
    group : MatrixGroup
    rng : int or numpy.random.Generator
    samples : int
        How many random elements of each kind.
    scale : float
        The largest spectral norm of the algebra elements, below :math:`\pi` so that logarithms exist.
    tolerance : float
        The largest residual that passes, relative to the largest entry of what is compared.
    on_failure : "raise" or "report"
        Whether a broken law raises, or is only told in the report.

    Returns
    -------
    GroupReport

    Raises
    ------
    ConformanceError
        An AssertionError, if a law is broken and `on_failure` is `"raise"`; it lists the broken laws.
    InputError
        If an option is none.

    Examples
    --------
    >>> from manifolds import SpecialOrthogonal
    >>> report = check_group(SpecialOrthogonal(3))
    >>> report.passed, report.worst_residual < 1e-11
    (True, True)
    """
    _check_options(group, scale)
    _check_failure(on_failure)
    samples, rng = whole_number(samples, name="samples"), generator(rng)
    laws = _checked(lambda: Sample.draw(group, rng, samples=samples, scale=scale), LAWS, tolerance, kind="elements")
    report = GroupReport(group.name, laws)
    if on_failure == "raise" and not report.passed:
        raise ConformanceError(report)
    return report


def _check_failure(on_failure: str) -> None:
    """Refuse another word than the two."""
    if on_failure not in ("raise", "report"):
        raise InputError(
            f"on_failure = {on_failure!r} is unknown", why="a broken law is raised or reported", cure='give "raise"'
        )


def _check_options(group: object, scale: float) -> None:
    """Refuse what is no group, and options that are none."""
    if not isinstance(group, MatrixGroup):
        raise InputError(
            f"{group!r} is no matrix group",
            why="the laws are those of a subclass of manifolds.MatrixGroup",
            cure="subclass it; a group object of geomstats goes through manifolds.from_geomstats first",
        )
    if not 0 < scale < np.pi:
        raise InputError(
            f"scale = {scale!r} is out of range",
            why="for algebra elements of spectral norm below pi the logarithm inverts the exponential",
            cure="give a number between 0 and pi, such as 1.0",
        )


def check_space(
    space: Space,
    *,
    rng: Seed = 0,
    samples: int = 3,
    namespace: Any = None,
    tolerance: float = 1e-9,
    on_failure: Literal["raise", "report"] = "raise",
) -> SpaceReport:
    r"""Check the laws of a space on random points, in double precision.

    Random points lie on it, `project` leads to it and `belongs` tells what lies beside; coordinates have its dimension
    and a positive inner product; `retract` fixes the point at 0 and its differential there is `tangent`, of which
    `coordinates` is the inverse; the lift of a gradient has with W the inner product
    :math:`\mathrm{Re} \langle G, \frac{d}{dt} R(tW) \rangle`; steps lead to points; a distance agrees with the
    length; a batch is treated as its points one by one; results are the same bit for bit, and no argument is written
    to. Of homogeneous spaces, and of such factors of a product: the section lies in the group and takes E to Y,
    coordinates are columns of elements of the Lie algebra without a part in the stabiliser, and a step is the one that
    the group element made in full gives. Numbers support a law; they do not prove it.

    Parameters
    ----------
    space : Space
    rng : int or numpy.random.Generator
    samples : int
        How many random points.
    namespace : module
        An array library, such as `torch`, in which all is computed; NumPy without it.
    tolerance : float
        The largest residual that passes, relative to the largest entry of what is compared.
    on_failure : "raise" or "report"
        Whether a broken law raises, or is only told in the report.

    Returns
    -------
    SpaceReport

    Raises
    ------
    ConformanceError
        An AssertionError, if a law is broken and `on_failure` is `"raise"`; it lists the broken laws.
    InputError
        If an option is none.

    Examples
    --------
    >>> from manifolds.spaces import Stiefel
    >>> report = check_space(Stiefel(5, 2))
    >>> report.passed, report.worst_residual < 1e-11
    (True, True)
    """
    if not isinstance(space, Space):
        raise InputError(
            f"{space!r} is no space",
            why="the laws are those of a subclass of manifolds.Space",
            cure="subclass it; an object of geomstats goes through manifolds.space_from_geomstats first",
        )
    _check_failure(on_failure)
    samples, rng = whole_number(samples, name="samples"), generator(rng)
    like = None if namespace is None else namespace.zeros(1, dtype=namespace.float64)
    laws = (*SPACE_LAWS, *FRAME_LAWS)
    results = _checked(lambda: SpaceSample.draw(space, rng, samples=samples, like=like), laws, tolerance, kind="points")
    report = SpaceReport(space.name, results)
    if on_failure == "raise" and not report.passed:
        raise ConformanceError(report)
    return report


def _checked(draw: Callable[[], Any], laws: Any, tolerance: float, *, kind: str) -> tuple[LawResult, ...]:
    """The laws on a sample, or that none can be drawn."""
    try:
        sample = draw()
    except (InputError, ArithmeticError, ValueError) as error:
        return (LawResult("sampling", f"Random {kind} can be drawn.", np.inf, tolerance, _told(error)),)
    return tuple(_result(law, sample, tolerance) for law in laws)


def _result(law: Callable[[Any], float], sample: Any, tolerance: float) -> LawResult:
    name, statement = getattr(law, "__name__", ""), (law.__doc__ or "").strip()
    try:
        residual, problem = float(law(sample)), ""
    except (InputError, ArithmeticError, ValueError) as error:
        residual, problem = np.inf, _told(error)
    return LawResult(name, statement, residual if residual == residual else np.inf, tolerance, problem)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", "\n     ")
