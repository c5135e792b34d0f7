"""Parts of the symmetry algebra of a family: gl, so, scalings and shifts, each as matrix words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, count
from math import lcm
from typing import final

from symmetries.sizes.family import Length, LossFamily
from symmetries.sizes.family_words import (
    Place,
    Weights,
    independent_of,
    matrix_weights,
    places_of,
    shift_weights,
    spaces_of,
    whole_places,
    whole_weights,
)
from symmetries.sizes.matrix_field import FamilyAction, FamilyField
from symmetries.sizes.matrix_text import Part as Text

GROUPS = {"gl": ("g", "invertible"), "so": ("q", "orthogonal"), "scaling": ("d", "positive diagonal")}
"""The letter and the kind of the group elements, by the kind of a part."""


@final
@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the algebra.

    Parameters
    ----------
    size: the index space on which it acts; empty for numbers.
    kind: ``gl``, ``so``, ``symmetric``, ``scaling``, ``number``, ``shift`` or ``number shift``.
    field: its fields as matrix words.
    action: the transformations, None where they are not powers of one matrix.
    places: the axes on which it acts.
    closed: whether its fields are closed under brackets, as those of its name are.
    """

    size: Length | None
    kind: str
    field: FamilyField
    action: FamilyAction | None
    places: tuple[Place, ...]
    closed: bool = True

    @property
    def name(self) -> str:
        """Its name, such as gl(k).

        Fields that are no algebra have none, such as those of symmetric matrices alone.
        """
        if not self.closed:
            return "?"
        return {"gl": f"gl({self.size})", "so": f"so({self.size})"}.get(
            self.kind, "R" if self.size is None else f"R^{self.size}"
        )

    @property
    def dimension(self) -> str:
        """Its dimension, as a formula in the sizes."""
        size = self.size
        formulas = {"gl": f"{size}**2", "so": f"{size}*({size} - 1)/2", "symmetric": f"{size}*({size} + 1)/2"}
        return formulas.get(self.kind, "1" if size is None else str(size))

    @property
    def is_shift(self) -> bool:
        """Whether its fields are constant."""
        return self.kind.endswith("shift")

    @property
    def is_diagonal(self) -> bool:
        """Whether all its fields commute with each other."""
        return self.kind not in ("gl", "so", "symmetric")

    def value(self, sizes: Mapping[str, int]) -> int:
        """Its dimension at given sizes."""
        size = sizes[self.size] if isinstance(self.size, str) else (self.size or 1)
        return {"gl": size * size, "so": size * (size - 1) // 2, "symmetric": size * (size + 1) // 2}.get(
            self.kind, size
        )


def parts_of(family: LossFamily) -> list[Part]:
    """All parts that the rules for matrices see, for every size."""
    parts: list[Part] = []
    for size in spaces_of(family):
        parts += matrix_parts(family, size)
    parts += number_parts(family, parts, shift=False)
    for size in spaces_of(family):
        places = places_of(family, size)
        for weights in shift_weights(family, size):
            parts.append(shift_part(family, size, places, weights))
    return parts + number_parts(family, parts, shift=True)


def matrix_parts(family: LossFamily, size: Length) -> list[Part]:
    """The parts that act by matrices on one index space."""
    even = matrix_weights(family, size, "symmetric")
    odd = matrix_weights(family, size, "skew")
    diagonal = independent_of(matrix_weights(family, size, "diagonal"), even)
    parts = []
    left = list(odd)
    for weights in even:
        partner = next((one for one in left if support(one) == support(weights)), None)
        if partner is not None:
            left.remove(partner)
        parts.append(matrix_part(family, size, "gl" if partner else "symmetric", weights, partner))
    parts += [matrix_part(family, size, "so", None, weights) for weights in left]
    return parts + [matrix_part(family, size, "scaling", weights, None) for weights in diagonal]


def free_name(family: LossFamily, letter: str) -> str:
    """A letter, with a number where the family has something of that name.

    >>> free_name(LossFamily.parse("sum(t*U)", {"U": ("n", "k"), "t": ()}), "t")
    't1'
    """
    taken = {*family.parameters, *family.data, *family.constants, *family.sizes}
    return next(name for name in chain([letter], (f"{letter}{k}" for k in count(1))) if name not in taken)


def support(weights: Weights) -> tuple[int, ...]:
    """Where weights are not zero."""
    return tuple(number for number, weight in enumerate(weights) if weight)


def normalised(weights: Weights, places: Sequence[Place]) -> Weights:
    """Weights that are whole numbers, 1 at the first axis of rows, else at the first of columns."""
    chosen = support(weights)
    rows = [number for number in chosen if places[number].axis == 0]
    first = (rows or list(chosen))[0]
    scaled = [weight / abs(weights[first]) * (1 if weights[first] > 0 else -1) for weight in weights]
    common = lcm(*(weight.denominator for weight in scaled))
    return tuple(weight * common for weight in scaled)


def matrix_part(family: LossFamily, size: Length, kind: str, even: Weights | None, odd: Weights | None) -> Part:
    """A part from the weights of symmetric and of skew matrices."""
    places = places_of(family, size)
    zeros = (Fraction(0),) * len(places)
    a = normalised(even, places) if even else zeros
    b = normalised(odd, places) if odd else zeros
    letter = free_name(family, {"scaling": "D", "so": "A"}.get(kind, "S"))
    element, element_kind = GROUPS.get(kind, ("g", ""))
    element = free_name(family, element)
    if kind == "gl":
        plain, turned = (
            [(x + y) / 2 for x, y in zip(a, b, strict=True)],
            [(x - y) / 2 for x, y in zip(a, b, strict=True)],
        )
    else:
        plain, turned = list(a if even else b), list(zeros)
    fields: dict[str, list[str]] = {}
    images: dict[str, str] = {}
    finite = True
    for place, one, other in zip(places, plain, turned, strict=True):
        for weight, word in ((one, letter), (other, f"{letter}.T")):
            if weight:
                text = f"{word}@{place.parameter}" if place.axis == 0 else f"{place.parameter}@{word}"
                fields.setdefault(place.parameter, []).append(times(weight, text))
        factor = group_word(one, other, kind, element)
        finite = finite and factor is not None
        if factor and (one or other):
            known = images.get(place.parameter, place.parameter)
            images[place.parameter] = f"{factor}@{known}" if place.axis == 0 else f"{known}@{factor}"
    letters = {letter: {"gl": "generic", "so": "skew", "scaling": "diagonal"}.get(kind, "symmetric")}
    field = FamilyField({name: join(words) for name, words in fields.items()}, letters)
    action = FamilyAction(images, {element: element_kind}) if finite and element_kind else None
    moved = tuple(place for place, one, other in zip(places, plain, turned, strict=True) if one or other)
    closed = kind == "scaling" or (kind != "symmetric" and is_representation(places, plain, turned))
    return Part(size=size, kind=kind, field=field, action=action, places=moved, closed=closed)


def is_representation(places: Sequence[Place], plain: Sequence[Fraction], turned: Sequence[Fraction]) -> bool:
    """Whether S -> the sum of plain S and turned S^T on all places sends brackets to brackets, up to S -> -S^T.

    On rows S and -S^T do, on columns -S and S^T; a weight other than 1 and -1, or both on one axis, does not.

    >>> rows, columns = Place("U", 0), Place("V", 1)
    >>> one, zero = Fraction(1), Fraction(0)
    >>> is_representation([rows, columns], [one, -one], [zero, zero])
    True
    >>> is_representation([rows, columns], [one, one], [zero, zero])
    False
    """
    signs = set()
    for place, one, other in zip(places, plain, turned, strict=True):
        if one and other:
            return False
        signs.add((one - other) * (1 if place.axis == 0 else -1))
    return signs - {Fraction(0)} in ({Fraction(1)}, {Fraction(-1)})


def group_word(one: Fraction, other: Fraction, kind: str, name: str) -> str | None:
    """What exp of one S + other S^T is in the letter of the group; None where it is no such word."""
    weight = one or other
    if (
        kind not in GROUPS
        or (one and other)
        or weight.denominator != 1
        or abs(weight) > (3 if kind == "scaling" else 1)
    ):
        return None
    base = name if weight > 0 else f"inv({name})"
    return "@".join([base] * int(abs(weight))) + (".T" if other else "")


def times(weight: Fraction, text: str) -> str:
    """A weight in front of a word.

    >>> times(Fraction(-1), "S@W"), times(Fraction(3, 2), "S@W")
    ('-S@W', '3/2*(S@W)')
    """
    if abs(weight) == 1:
        return f"-{text}" if weight < 0 else text
    return f"{weight}*({text})" if weight > 0 else f"-{-weight}*({text})"


def join(words: Sequence[str]) -> str:
    """A sum of words."""
    return " + ".join(words).replace("+ -", "- ")


def shift_part(family: LossFamily, size: Length, places: Sequence[Place], weights: Weights) -> Part:
    """A part that adds a column or a row."""
    words: dict[str, list[str]] = {}
    c = free_name(family, "c")
    for place, weight in zip(places, normalised(weights, places), strict=True):
        if weight:
            flat = len(family.parameters[place.parameter]) == 1
            text = c if flat else f"{c}@ones.T" if place.axis == 0 else f"ones@{c}.T"
            words.setdefault(place.parameter, []).append(times(weight, text))
    moved = tuple(place for place, weight in zip(places, weights, strict=True) if weight)
    field = FamilyField({name: join(texts) for name, texts in words.items()}, {c: "generic"})
    action = FamilyAction({name: join([name, *texts]) for name, texts in words.items()}, {c: "shift"})
    return Part(size=size, kind="shift", field=field, action=action, places=moved)


def number_parts(family: LossFamily, parts: Sequence[Part], *, shift: bool) -> list[Part]:
    """The parts with one number, where those with matrices do not contain them."""
    places, t = whole_places(family), free_name(family, "t")
    known = [whole(part, places) for part in parts if part.is_shift == shift and part.kind != "so"]
    result = []
    for weights in independent_of(whole_weights(family, shift=shift), known):
        moved = tuple(place for place, weight in zip(places, weights, strict=True) if weight)
        scaled = normalised(weights, places)
        pairs = [(place.parameter, weight) for place, weight in zip(places, scaled, strict=True) if weight]
        ones = {name: all_ones(family, name) for name, _ in pairs}
        field = {name: times(weight, f"{t}*{ones[name] if shift else name}") for name, weight in pairs}
        images = {name: f"{name} + {field[name]}".replace("+ -", "- ") for name, _ in pairs}
        action: FamilyAction | None = FamilyAction(images, {t: "number"})
        if not shift:
            whole_numbers = all(weight.denominator == 1 and abs(weight) <= 3 for _, weight in pairs)
            powers = {name: "*".join([t if w > 0 else f"inv({t})"] * int(abs(w))) for name, w in pairs}
            images = {name: f"{powers[name]}*{name}" for name, _ in pairs}
            action = FamilyAction(images, {t: "positive"}) if whole_numbers else None
        kind = "number shift" if shift else "number"
        part = Part(size=None, kind=kind, field=FamilyField(field, {t: "scalar"}), action=action, places=moved)
        result.append(part)
    return result


def all_ones(family: LossFamily, name: str) -> str:
    """The word for ones in the shape of a parameter."""
    return {0: "1", 1: "ones"}.get(len(family.parameters[name]), "(ones@ones.T)")


def whole(part: Part, places: Sequence[Place]) -> Weights:
    """What a part does when its matrix is the identity, or its column is all ones."""
    found = dict.fromkeys((place.parameter for place in places), Fraction(0))
    for name, component in part.field.parsed.items():
        found[name] = total_weight(component.root)
    return tuple(found[place.parameter] for place in places)


def total_weight(part: Text) -> Fraction:
    """Sum of the weights of the words of a component."""
    if part.kind == "sum":
        return sum((total_weight(inner) for inner in part.parts), Fraction(0))
    if part.kind == "number":
        return part.value
    result = part.value
    for inner in part.parts:
        result *= total_weight(inner)
    return result
