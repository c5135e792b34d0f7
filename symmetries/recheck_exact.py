"""The exact part of the second check: a quantity as a quotient of polynomials."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from symmetries.directional import Difference, FieldDerivative, Quantity, along
from symmetries.dual import Dual, Unsupported, evaluate
from symmetries.loss import Loss
from symmetries.ratio import Ratio, TooLarge
from symmetries.ratio_atoms import Quotients, functions_needed
from symmetries.ratio_continuity import Continuity

Outcome: TypeAlias = Literal["zero", "jumps", "unknown"]

MAX_SYMBOLS = 250
MAX_FUNCTIONS = 120


def exactly(loss: Loss, quantity: Quantity) -> Outcome:
    """Whether polynomials show that the quantity is zero, or zero but for jumps that could not be excluded.

    Where the loss jumps, a field must also pass with signs of which nothing is assumed: at the jump a sign is 0.
    """
    quotients = _arithmetic(loss, quantity, free_signs=False)
    if quotients is None:
        return "unknown"
    try:
        if not quotients.is_zero(_quotient(loss, quantity, quotients)):
            return "unknown"
    except (Unsupported, TooLarge):
        return "unknown"
    try:
        continuity = Continuity(quotients)
        if isinstance(quantity, Difference):
            return "zero" if continuity.holds_on_jumps() else "jumps"
        if not continuity.continuous():
            return "jumps"
        return "zero" if not quotients.jumps or _holds_for_free_signs(loss, quantity) else "jumps"
    except (Unsupported, TooLarge):
        return "jumps"


def _holds_for_free_signs(loss: Loss, quantity: Quantity) -> bool:
    quotients = _arithmetic(loss, quantity, free_signs=True)
    return quotients is not None and quotients.is_zero(_quotient(loss, quantity, quotients))


def _arithmetic(loss: Loss, quantity: Quantity, *, free_signs: bool) -> Quotients | None:
    """Quotients with room for the symbols and functions of a quantity, None when there are too many symbols."""
    size = sum(int(np.prod(shape, dtype=int)) for shape in quantity.shapes.values())
    if size > MAX_SYMBOLS:
        return None
    roots = [quantity.left, quantity.right] if isinstance(quantity, Difference) else [loss.expression]
    if isinstance(quantity, FieldDerivative):
        roots += list(quantity.components.values())
    return Quotients(size, min(MAX_FUNCTIONS, 3 * sum(map(functions_needed, roots))), free_signs=free_signs)


def _quotient(loss: Loss, quantity: Quantity, quotients: Quotients) -> Ratio:
    """The quantity over the quotients; for a field the rates of the symbols are left with them."""
    inputs = _inputs(quantity, quotients)
    if isinstance(quantity, Difference):
        left = evaluate(quantity.left, quotients, inputs).values[0]
        return left - evaluate(quantity.right, quotients, inputs).values[0]
    assert isinstance(quantity, FieldDerivative)
    moved = along(loss, quantity.components, quotients, inputs)
    for name, one in moved.items():
        if one.tangents is not None:
            places = [symbol.numerator.monoms()[0].index(1) for symbol in np.ravel(inputs[name].values)]
            quotients.rates |= dict(zip(places, np.ravel(one.tangents), strict=True))
    result = evaluate(loss.expression, quotients, moved)
    return quotients.constant(0) if result.tangents is None else result.tangents[0]


def _inputs(quantity: Quantity, quotients: Quotients) -> dict[str, Dual]:
    inputs, start = {}, 0
    for name, shape in quantity.shapes.items():
        stop = start + int(np.prod(shape, dtype=int))
        array = np.empty(stop - start, dtype=object)
        array[:] = quotients.symbols[start:stop]
        inputs[name] = Dual(array.reshape(1, *shape), None)
        start = stop
    return inputs
