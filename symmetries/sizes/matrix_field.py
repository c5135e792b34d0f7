r"""Fields written as matrix words, and their proof on the array expression of a loss.

A field such as ``{"U": "-U@S", "V": "S@V"}`` with ``letters={"S": "generic"}`` stands for one field for every matrix S
of that kind.  The proof never looks at an entry, so that its cost does not depend on the sizes; it is the one that
:mod:`symmetries.sizes.family_proof` uses for all sizes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, final

from manifolds.errors import InputError
from symmetries.certificate import Claim, Verdict
from symmetries.expression import Node
from symmetries.sizes.equivariance import Derivation
from symmetries.sizes.matrix_algebra import MatrixAlgebra
from symmetries.sizes.matrix_forms import Form, NotDecided
from symmetries.sizes.matrix_letters import ALGEBRA_KINDS, GROUP_KINDS, Kind, check_kinds, letter_atom
from symmetries.sizes.matrix_reading import Quantity, Reading, matrix_shape, plain_number
from symmetries.sizes.matrix_text import Component, build, infer, read_component
from symmetries.sizes.matrix_words import Measure, plain

if TYPE_CHECKING:
    from symmetries.loss import Loss


DEEP = "the rules for matrices do not decide: functions are nested too deeply"


@final
@dataclass(frozen=True)
class FamilyField:
    r"""A family of vector fields: a matrix word for each parameter, for every matrix of the kind of each letter.

    Parameters
    ----------
    components: a sum of matrix products for each parameter that moves, with ``@``, ``.T``, ``*``, ``ones`` (a column).
    letters: kind of each letter: generic, skew, symmetric, diagonal, scalar or traceless; sizes are inferred.

    Raises
    ------
    InputError: a component cannot be read, or a kind is not known.

    >>> print(FamilyField({"U": "-U@S", "V": "S@V"}, letters={"S": "generic"}))
    δU = -U@S, δV = S@V for every matrix S
    """

    components: Mapping[str, str]
    letters: Mapping[str, str] = field(default_factory=dict)
    parsed: Mapping[str, Component] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", check_components(self.components, "a field"))
        object.__setattr__(self, "letters", check_kinds(self.letters, self.kinds, "a field"))
        object.__setattr__(self, "parsed", parse_components(self.components))

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kinds that its letters may have."""
        return ALGEBRA_KINDS

    @property
    def quantifier(self) -> str:
        """For which letters it is meant."""
        return quantifier(self.letters, self.kinds)

    def __str__(self) -> str:
        moves = ", ".join(f"δ{name} = {text}" for name, text in self.components.items())
        return f"{moves} {self.quantifier}".strip()


@final
@dataclass(frozen=True)
class FamilyAction:
    r"""A family of transformations: what each parameter becomes, for every matrix of the kind of each letter.

    Parameters
    ----------
    components: the image of each parameter that moves; ``inv(g)`` is the inverse of a letter.
    letters: kind of each letter: invertible, orthogonal, positive diagonal, positive or number (both are
        numbers) or shift (any matrix).

    Raises
    ------
    InputError: a component cannot be read, or a kind is not known.

    >>> print(FamilyAction({"U": "U@inv(g)", "V": "g@V"}, letters={"g": "invertible"}))
    U → U@inv(g), V → g@V for every invertible matrix g
    """

    components: Mapping[str, str]
    letters: Mapping[str, str] = field(default_factory=dict)
    parsed: Mapping[str, Component] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", check_components(self.components, "an action"))
        object.__setattr__(self, "letters", check_kinds(self.letters, self.kinds, "an action"))
        object.__setattr__(self, "parsed", parse_components(self.components))

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kinds that its letters may have."""
        return GROUP_KINDS

    @property
    def quantifier(self) -> str:
        """For which letters it is meant."""
        return quantifier(self.letters, self.kinds)

    def __str__(self) -> str:
        moves = ", ".join(f"{name} → {text}" for name, text in self.components.items())
        return f"{moves} {self.quantifier}".strip()


def quantifier(letters: Mapping[str, str], kinds: Mapping[str, Kind]) -> str:
    """For which letters a family is meant.

    >>> quantifier({"S": "skew", "t": "scalar"}, ALGEBRA_KINDS)
    'for every skew-symmetric matrix S and every number t'
    """
    parts = [f"every {kinds[kind].words} {name}" for name, kind in letters.items()]
    return f"for {' and '.join(parts)}" if parts else ""


def check_components(components: object, what: str) -> Mapping[str, str]:
    """Components by name, as text."""
    cure = 'write {"U": "-U@S", "V": "S@V"}'
    if not isinstance(components, Mapping) or not components:
        raise InputError(f"{what} without components", why="nothing would move", cure=cure)
    for name, text in components.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise InputError(f"{what} has the component {name!r}", why="it is no name with a text", cure=cure)
    return MappingProxyType(dict(components))


def parse_components(components: Mapping[str, str]) -> Mapping[str, Component]:
    """The components, read."""
    return MappingProxyType({name: read_component(text, name) for name, text in components.items()})


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """An array expression and what its lengths and numbers are.

    Parameters
    ----------
    root: the expression.
    shapes: shape of each symbol.
    movable: the symbols that may move.
    measure, quantity: what a length and a number node is: a number times powers of sizes.
    length_name: how a length is called in an error.
    """

    root: Node
    shapes: Mapping[str, tuple[int, ...]]
    movable: tuple[str, ...]
    measure: Measure = plain
    quantity: Quantity = plain_number
    length_name: Callable[[int], str] = str

    @classmethod
    def of(cls, loss: Loss) -> Setting:
        """The setting of a loss."""
        data = {name: item.shape for name, item in loss.data.items()}
        shapes = {**loss.parameters, **data, **dict.fromkeys(loss.constants, ())}
        moving = [name for name, item in loss.data.items() if item.moves]
        return cls(root=loss.expression, shapes=shapes, movable=(*loss.parameters, *moving))

    def matrices(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of each symbol."""
        return {name: matrix_shape(shape) for name, shape in self.shapes.items() if len(shape) <= 2}

    def require_movable(self, names: Mapping[str, object], what: str) -> None:
        """Refuse a component for a name that does not move."""
        for name in names:
            if name not in self.movable:
                why = "it is not a parameter of the loss" if name not in self.shapes else "it is no parameter"
                cure = f"use {', '.join(self.movable)}"
                raise InputError(f"{what} has a component for {name!r}", why=why, cure=cure)
            if len(self.shapes[name]) > 2:
                why = f"it has {len(self.shapes[name])} axes, and words are products of matrices"
                raise InputError(f"{what} moves {name!r}", why=why, cure="use arrays of at most two axes")


def derivative_along(setting: Setting, family: FamilyField) -> Form:
    """X.L in normal form; NotDecided where a rule is missing."""
    algebra = MatrixAlgebra(setting.measure)
    forms, derivation = start(setting, family, algebra)
    reading = Reading(algebra, quantity=setting.quantity)
    return derivation.of(reading.read(setting.root)) if forms else Form(1, 1)


def start(setting: Setting, family: FamilyField, algebra: MatrixAlgebra) -> tuple[dict[str, Form], Derivation]:
    """The components of a family as forms, and the derivation along them."""
    setting.require_movable(family.components, "the field")
    shapes = infer(family.parsed, family.letters, family.kinds, setting.matrices(), setting.length_name)
    forms = {
        name: build(algebra, component, family.letters, shapes, setting.matrices())
        for name, component in family.parsed.items()
    }
    letters = tuple(letter_atom(algebra, name, kind, *shapes.letters[name]) for name, kind in family.letters.items())
    return forms, Derivation(algebra, forms, letters)


def decide(setting: Setting, family: FamilyField) -> tuple[Verdict, str]:
    """Whether the rules prove X.L = 0, and the reason."""
    try:
        left = derivative_along(setting, family)
    except NotDecided as error:
        return "undecided", f"the rules for matrices do not decide: {error}"
    except RecursionError:
        return "undecided", DEEP
    if left:
        return "undecided", f"the rules for matrices leave {len(left.terms)} terms of X.L that do not cancel"
    return "proved", "Leibniz' rule on matrix words leaves nothing, whatever the entries are"


def prove_matrix_field(loss: Loss, family: FamilyField) -> Claim:
    r"""Prove X.L = 0 for every field of a family, without looking at an entry.

    Parameters
    ----------
    loss: the loss, of any size.
    family: the fields, as matrix words.

    Returns
    -------
    Claim: ``proved``, or ``undecided`` with the operation that stopped the rules; never ``refuted``.

    Raises
    ------
    InputError: the family does not fit the loss.

    >>> from symmetries import Loss
    >>> loss = Loss.parse("sum((Y - U@V)**2)", {"U": (256, 192), "V": (192, 256)}, data={"Y": (256, 256)})
    >>> prove_matrix_field(loss, FamilyField({"U": "-U@S", "V": "S@V"}, letters={"S": "generic"})).verdict
    'proved'
    """
    from symmetries.loss import Loss

    if not isinstance(loss, Loss) or not isinstance(family, FamilyField):
        what = f"prove_matrix_field was given {type(loss).__name__} and {type(family).__name__}"
        why = "it proves a FamilyField for a Loss"
        raise InputError(what, why=why, cure="use prove_family for a FamilyAction or a LossFamily")
    verdict, reason = decide(Setting.of(loss), family)
    statement = f"X L = 0 for {family}"
    return Claim(statement=statement, verdict=verdict, reason=reason, evidence={"method": "matrix words"})
