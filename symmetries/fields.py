"""Vector fields on parameter space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import TypeAlias, final

from manifolds.errors import InputError

Monomial: TypeAlias = tuple[tuple[str, int], ...]
"""Powers of named quantities, sorted by name: x**2*y is (("x", 2), ("y", 1)); the empty tuple is 1."""

Polynomial: TypeAlias = Mapping[Monomial, Fraction]


def multiply_monomials(left: Monomial, right: Monomial) -> Monomial:
    """Product of two monomials."""
    powers = dict(left)
    for name, exponent in right:
        powers[name] = powers.get(name, 0) + exponent
    return tuple(sorted((name, exponent) for name, exponent in powers.items() if exponent))


def term_text(monomial: Monomial, coefficient: Fraction) -> str:
    """One term in the formula language, with its sign in front.

    >>> term_text((("x", 2), ("y", 1)), Fraction(-3, 2))
    '-3/2*x**2*y'
    """
    powers = "*".join(power_text(name, exponent) for name, exponent in monomial)
    if not powers:
        return str(coefficient)
    if abs(coefficient) == 1:
        return f"-{powers}" if coefficient < 0 else powers
    return f"{coefficient}*{powers}"


def power_text(name: str, exponent: int) -> str:
    """A power of a named quantity, bracketed when its name is a power itself.

    >>> power_text("x", 2), power_text("(2)**(1/3)", 2)
    ('x**2', '((2)**(1/3))**2')
    """
    if exponent == 1:
        return name
    return f"({name})**{exponent}" if "**" in name else f"{name}**{exponent}"


def polynomial_text(polynomial: Polynomial) -> str:
    """A polynomial in the formula language.

    >>> polynomial_text({(("y", 1),): Fraction(-9), (): Fraction(1)})
    '-9*y + 1'
    """
    ordered = sorted(polynomial.items(), key=lambda term: (-sum(exponent for _, exponent in term[0]), term[0]))
    text = " + ".join(term_text(monomial, coefficient) for monomial, coefficient in ordered)
    return text.replace("+ -", "- ") or "0"


@final
@dataclass(frozen=True)
class VectorField:
    r"""A vector field on parameter space, :math:`X = \sum_i X_i(\theta)\,\partial/\partial\theta_i`.

    Parameters
    ----------
    components: formula of each component by parameter entry (``x``, ``U[0,1]``); absent entries are 0.
    polynomials: the same components as polynomials where they are known to be; filled by the derivation.

    >>> print(VectorField({"x": "-9*y", "y": "x"}))
    -9*y d/dx + x d/dy
    """

    components: Mapping[str, str]
    polynomials: Mapping[str, Polynomial] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.components, Mapping):
            raise InputError(
                f"a vector field was given {type(self.components).__name__}",
                why="it needs a formula for each parameter entry",
                cure='write VectorField({"x": "-9*y", "y": "x"})',
            )
        object.__setattr__(
            self,
            "components",
            MappingProxyType({name.replace(" ", ""): str(formula) for name, formula in self.components.items()}),
        )

    def __reduce__(self) -> tuple[type[VectorField], tuple[dict[str, str], Mapping[str, Polynomial] | None]]:
        return (VectorField, (dict(self.components), self.polynomials))

    @classmethod
    def from_polynomials(cls, polynomials: Mapping[str, Polynomial]) -> VectorField:
        """The field with polynomial components, zero ones left out."""
        kept = {
            entry: {monomial: Fraction(value) for monomial, value in polynomial.items() if value}
            for entry, polynomial in polynomials.items()
        }
        kept = {entry: polynomial for entry, polynomial in kept.items() if polynomial}
        return cls({entry: polynomial_text(polynomial) for entry, polynomial in kept.items()}, kept)

    def __str__(self) -> str:
        parts = []
        for entry, formula in self.components.items():
            single = formula.count(" ") == 0
            factor = "" if formula == "1" else "-" if formula == "-1" else f"{formula} " if single else f"({formula}) "
            parts.append(f"{factor}d/d{entry}")
        return " + ".join(parts).replace("+ -", "- ") or "0"

    def __iter__(self) -> Iterator[str]:
        return iter(self.components)
