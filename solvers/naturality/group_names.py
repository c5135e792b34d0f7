"""The name of the group of linear maps that an optimizer follows, from its algebra and from single classes of maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from solvers.naturality.trajectory import ClassDefect

WORDS = {
    "GL": "all invertible linear maps",
    "two-sided": "invertible linear maps of rows and of columns",
    "O": "rotations, reflections",
    "SO": "rotations",
    "left": "orthogonal maps of the rows",
    "right": "orthogonal maps of the columns",
    "O x O": "orthogonal maps of rows and of columns",
    "wreath": "orthogonal maps of {block}, permutations of these",
    "blocks": "rotations of blocks of {block} coordinates",
    "monomial": "permutations, sign changes, scalings of the coordinates",
    "positive monomial": "permutations, scalings of the coordinates",
    "signed diagonal": "sign changes, scalings of the coordinates",
    "diagonal": "scalings of the coordinates",
    "signed": "signed permutations",
    "signed entries": "sign changes of the entries, permutations of rows and of columns",
    "signed sides": "signed permutations of rows and of columns",
    "permutations": "permutations",
    "signs": "sign changes",
    "permutations and minus": "permutations, minus the identity",
    "minus": "minus the identity",
    "trivial": "no linear maps but the identity",
}
"""The groups in words, as lists."""


@final
@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of affine maps.

    Parameters
    ----------
    name: in symbols, for the size at which it was found.
    words: the linear part in words.
    translations: whether all translations belong to it.
    scalings: whether uniform scalings are a factor of their own.

    >>> str(Group(name="O(4)", words="rotations, reflections", translations=True))
    'O(4) ⋉ translations'
    >>> Group(name="O(4)", words="rotations, reflections", translations=True).sentence
    'rotations, reflections and translations'
    """

    name: str
    words: str
    translations: bool = False
    scalings: bool = False

    def __str__(self) -> str:
        return f"{self.name} ⋉ translations" if self.translations else self.name

    @property
    def sentence(self) -> str:
        """The group in words, with scalings and translations."""
        parts = self.words.split(", ")
        if self.scalings:
            parts.append("uniform scalings")
        if self.translations:
            parts.append("translations")
        if parts == [WORDS["GL"], "translations"]:
            return "all affine maps"
        if self.words == WORDS["trivial"] and len(parts) > 1:
            parts = parts[1:]
        return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def name_group(algebra: str, shape: tuple[int, ...], levels: Mapping[str, ClassDefect]) -> Group | None:
    """The group of an algebra with its discrete part; None where single classes contradict the algebra, or it has none.

    Parameters
    ----------
    algebra: a name of :func:`~solvers.naturality.linear_algebras.dictionary`.
    shape: of the parameters.
    levels: outcome of the trajectory test by class, discrete classes included.

    >>> from solvers.naturality.trajectory import ClassDefect
    >>> seen = {name: ClassDefect(name=name, level="natural", defect=0.0) for name in ("permutation", "sign")}
    >>> str(name_group("0", (4,), seen))
    'B(4)'
    """
    natural = {name for name, found in levels.items() if found.level == "natural"}
    scaled, _, plain = algebra.partition(" + ") if algebra.startswith("R + ") else ("", "", algebra)
    if algebra == "R":
        scaled, plain = "R", "0"
    found = _vector_group(plain, shape[0], natural) if len(shape) == 1 else _matrix_group(plain, shape, natural)
    if found is None or (scaled and "scalar" not in natural) or (not scaled and plain == "0" and "scalar" in natural):
        return None
    name, words = found
    if scaled:
        factor = f"({name})" if any(sign in name for sign in "×⋊≀") else name
        name = "R₊" if name == "1" else f"R₊·{factor}"
    return Group(name=name, words=words, translations="translation" in natural, scalings=bool(scaled))


def _finite(size: int, natural: set[str], permutation: str, sign: str) -> tuple[str, str]:
    """The finite group of permutations and signs of coordinates."""
    if {permutation, sign} <= natural:
        return f"B({size})", WORDS["signed"]
    if sign in natural:
        return f"{{±1}}^{size}", WORDS["signs"]
    minus = "minus" in natural
    if permutation in natural:
        if minus:
            return f"S({size}) × {{±1}}", WORDS["permutations and minus"]
        return f"S({size})", WORDS["permutations"]
    return ("{±1}", WORDS["minus"]) if minus else ("1", WORDS["trivial"])


def _with_scalings(size: int, natural: set[str], permutation: str, sign: str) -> tuple[str, str]:
    """Scalings of the coordinates with those permutations and signs that were followed."""
    scalings = f"R₊^{size}"
    if {permutation, sign} <= natural:
        return f"{scalings} ⋊ B({size})", WORDS["monomial"]
    if permutation in natural:
        return f"{scalings} ⋊ S({size})", WORDS["positive monomial"]
    return (
        (f"{scalings} ⋊ {{±1}}^{size}", WORDS["signed diagonal"]) if sign in natural else (scalings, WORDS["diagonal"])
    )


def _line_group(algebra: str, natural: set[str]) -> tuple[str, str] | None:
    """The group of an algebra on a single number: with minus one or without."""
    if algebra == "0":
        return ("O(1)", "a change of sign") if "sign" in natural else ("1", WORDS["trivial"])
    return ("GL(1)", WORDS["GL"]) if "general" in natural else None


def _vector_group(algebra: str, n: int, natural: set[str]) -> tuple[str, str] | None:
    """The group of an algebra on vectors."""
    if n == 1:
        return _line_group(algebra, natural)
    if algebra == "0":
        return _finite(n, natural, "permutation", "sign")
    if algebra == f"gl({n})":
        return (f"GL({n})", WORDS["GL"]) if "general" in natural else None
    if algebra == f"so({n})":
        if "orthogonal" in natural:
            return f"O({n})", WORDS["O"]
        return (f"SO({n})", WORDS["SO"]) if "rotation" in natural else None
    if algebra == f"diag({n})":
        return _with_scalings(n, natural, "permutation", "sign") if "diagonal" in natural else None
    block = int(algebra[3 : algebra.index(")")]) if algebra.startswith("so(") and "^" in algebra else 0
    if block > 2:  # reflections and permutations of these blocks are not tried
        return f"SO({block})^{n // block}", WORDS["blocks"].format(block=block)
    if block and "block-rotation" in natural:
        return f"O(2) ≀ S({n // 2})", WORDS["wreath"].format(block="blocks of 2 coordinates")
    return None


def _matrix_group(algebra: str, shape: tuple[int, ...], natural: set[str]) -> tuple[str, str] | None:
    """The group of an algebra on matrices."""
    m, k = shape
    swap = " ⋊ transpose" if "transpose" in natural else ""
    if algebra == "0":
        if {"entry-permutation", "entry-sign"} <= natural:
            return _finite(m * k, natural, "entry-permutation", "entry-sign")
        if {"permutation", "entry-sign"} <= natural:
            return f"{{±1}}^{m * k} ⋊ (S({m})×S({k}))", WORDS["signed entries"]
        if {"permutation", "sign"} <= natural:
            return f"B({m})×B({k}){swap}", WORDS["signed sides"]
        return ("1", WORDS["trivial"]) if not {"permutation", "sign"} & natural else None
    if algebra == f"diag({m * k})":
        return _with_scalings(m * k, natural, "entry-permutation", "entry-sign") if "diagonal" in natural else None
    table = {
        f"gl({m * k})": ("general", f"GL({m * k})", WORDS["GL"]),
        f"so({m * k})": ("entry-orthogonal", f"O({m * k})", WORDS["O"]),
        f"gl({m}) + gl({k}) / R": ("two-sided", f"GL({m})×GL({k}){swap}", WORDS["two-sided"]),
        f"so({m}) + so({k})": ("orthogonal", f"O({m})×O({k}){swap}", WORDS["O x O"]),
        f"so({m}) on rows": ("left-orthogonal", f"O({m})", WORDS["left"]),
        f"so({k}) on columns": ("right-orthogonal", f"O({k})", WORDS["right"]),
        f"so({k})^{m}": ("rows-apart", f"O({k}) ≀ S({m})", WORDS["wreath"].format(block="each row")),
    }
    if algebra not in table:
        return None
    needed, name, words = table[algebra]
    return (name, words) if needed in natural else None
