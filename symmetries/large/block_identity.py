"""What the algebra of several families is: a direct sum of gl(n,R), sl(n,R), so(n) and R^k."""

from __future__ import annotations

from collections.abc import Sequence

from symmetries.large.block_families import Family, SpaceFamily, families_name
from symmetries.structure.algebra_identity import AlgebraIdentity, reductive_sum

SMALL = 30
"""Up to that dimension an algebra is identified by its structure constants."""


def identify_families(families: Sequence[Family]) -> AlgebraIdentity | None:
    """The identity of the direct sum of the families of a large algebra; None where it is small or not known.

    Killing form: sl(n,R) has (n - 1)(n + 2)/2 positive and n(n - 1)/2 negative squares, so(n) negative ones alone.
    """
    name = families_name(families)
    dimension = sum(one.dimension for one in families)
    if name is None or dimension <= SMALL:
        return None
    ideals: list[str] = []
    positive = negative = 0
    for one in families:
        size = one.length if isinstance(one, SpaceFamily) else 1
        if one.pattern in {"gl", "sl"} and size > 1:
            ideals.append(f"sl({size},R)")
            positive += (size - 1) * (size + 2) // 2
            negative += size * (size - 1) // 2
        elif one.pattern == "so" and size > 2:
            ideals += ["so(3)", "so(3)"] if size == 4 else [f"so({size})"]
            negative += size * (size - 1) // 2
    centre = dimension - positive - negative
    return reductive_sum(name, ideals, positive=positive, negative=negative, centre=centre)
