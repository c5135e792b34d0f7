"""Recurrent layers, by the formulas of their cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from solvers.pytorch.symmetry.finding.arguments import Arguments, Rule
from solvers.pytorch.symmetry.finding.characters import Character
from solvers.pytorch.symmetry.finding.rules_linear import added, linear, product
from solvers.pytorch.symmetry.finding.rules_shape import concatenated, segmented, selected
from solvers.pytorch.symmetry.finding.spaces import Atlas, Cases, Choice, Fixed, Items, Occurrence, items_size
from solvers.pytorch.symmetry.finding.values import Value, constant, joined, mapped, settled

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


@final
@dataclass(frozen=True)
class Weights:
    """The parameters of one direction of one layer."""

    inputs: Value
    hidden: Value
    input_bias: Value | None
    hidden_bias: Value | None
    projection: Value | None


@final
@dataclass(frozen=True)
class Cell:
    """A recurrent cell, as a map of the input and the states before to the states after.

    Parameters
    ----------
    atlas: of the hidden spaces.
    kind: ``lstm``, ``gru``, ``rnn_tanh`` or ``rnn_relu``.
    weights: its parameters.
    """

    atlas: Atlas
    kind: str
    weights: Weights

    def states(self, value: Value) -> tuple[Value, ...]:
        """States of which nothing is known yet, one for each step."""
        sizes = [self.weights.hidden.shape[1]]
        if self.kind == "lstm":
            sizes.append(self.weights.hidden.shape[0] // 4)
        found = []
        for size in sizes:
            space = self.atlas.fresh(size, "state")
            axis: Items = (Occurrence(space, Character.of(space.variables[0])),)
            steps: tuple[Items, ...] = tuple((Fixed(items_size(one)),) for one in value.axes[:-1])
            found.append(Value((*steps, axis)))
        return tuple(found)

    def step(self, value: Value, states: Sequence[Value]) -> tuple[Value, ...]:
        """The states after one step."""
        weights, number = self.weights, GATES[self.kind]
        given = linear(self.atlas, value, weights.inputs, weights.input_bias)
        kept = linear(self.atlas, states[0], weights.hidden, weights.hidden_bias)
        if self.kind.startswith("rnn"):
            return (mapped(self.atlas, added(self.atlas, given, kept), "odd" if "tanh" in self.kind else "positive"),)
        if self.kind == "gru":
            return (self._gated(given, kept, states[0]),)
        gates = added(self.atlas, given, kept)
        parts = segmented(self.atlas, gates, gates.ndim - 1, (gates.shape[-1] // number,) * number)
        enter, forget, out = (mapped(self.atlas, parts[place], "any") for place in (0, 1, 3))
        fresh = product(self.atlas, enter, mapped(self.atlas, parts[2], "odd"))
        cell = added(self.atlas, product(self.atlas, forget, states[1]), fresh)
        hidden = product(self.atlas, out, mapped(self.atlas, cell, "odd"))
        if weights.projection is not None:
            hidden = linear(self.atlas, hidden, weights.projection, None)
        return hidden, cell

    def _gated(self, given: Value, kept: Value, state: Value) -> Value:
        """The state of a gated recurrent unit after one step."""
        sizes = (given.shape[-1] // 3,) * 3
        one = segmented(self.atlas, given, given.ndim - 1, sizes)
        other = segmented(self.atlas, kept, kept.ndim - 1, sizes)
        reset, update = (
            mapped(self.atlas, added(self.atlas, a, b), "any") for a, b in zip(one[:2], other[:2], strict=True)
        )
        fresh = mapped(self.atlas, added(self.atlas, one[2], product(self.atlas, reset, other[2])), "odd")
        return added(self.atlas, product(self.atlas, update, fresh), product(self.atlas, update, state))

    def run(self, value: Value, start: Sequence[Value]) -> tuple[Value, ...]:
        """The states of all steps, the same action on each."""
        states = self.states(value)
        after = self.step(value, states)
        found = [joined(self.atlas, (one, other)) for one, other in zip(states, after, strict=True)]
        for place, first in enumerate(start):
            if not first.zero:
                last = Value(((), found[place].axes[-1]))
                joined(self.atlas, (last, replace(first, axes=((), first.axes[-1]))))
        return tuple(settled(self.atlas, one) for one in found)


def _layers(atlas: Atlas, args: Arguments, starts: Sequence[Value]) -> tuple[Value, ...]:
    """All layers of a recurrent network, and the last states of each."""
    value, kind = args.value("input"), args.operation
    packed = list(args.named["params"])
    directions = 2 if args.get("bidirectional") else 1
    layers = int(args.get("num_layers", default=1))
    each = len(packed) // (directions * layers)
    biased = bool(args.get("has_biases"))
    states: list[tuple[Value, ...]] = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            place = layer * directions + direction
            own = packed[place * each : (place + 1) * each]
            first_bias, second_bias = (own[2], own[3]) if biased else (None, None)
            projection = own[-1] if each in (3, 5) else None
            cell = Cell(atlas, kind, Weights(own[0], own[1], first_bias, second_bias, projection))
            first = [one if one.zero else selected(atlas, one, 0, place) for one in starts]
            states.append(cell.run(value, first))
            outputs.append(states[-1][0])
        value = concatenated(atlas, outputs, outputs[0].ndim - 1) if directions > 1 else outputs[0]
        if args.get("train") and args.get("dropout", default=0.0) > 0 and layer < layers - 1:
            atlas.note("dropout in training mode: units keep their places, so that the same draw gives the same output")
            atlas.pin(value.items)
    used = args.extra.get("used", range(len(args.shapes)))
    last = [
        _last(atlas, [one[number] for one in states], shape) if number + 1 in used else constant(shape)
        for number, shape in enumerate(args.shapes[1:])
    ]
    return (settled(atlas, value), *last)


def _last(atlas: Atlas, states: Sequence[Value], shape: Sequence[int]) -> Value:
    """The last states of all layers and directions."""
    middle: tuple[Items, ...] = tuple((Fixed(size),) for size in shape[1:-1])
    options = tuple(atlas.resolved(one.axes[-1]) for one in states)
    if len(options) == 1:
        return settled(atlas, Value(((), *middle, options[0])))
    return settled(atlas, Value(((Choice(len(options)),), *middle, (Cases(options),))))


def _recurrent(atlas: Atlas, args: Arguments) -> tuple[Value, ...]:
    """A recurrent network of several layers."""
    start = args.named["hx"]
    return _layers(atlas, args, list(start) if isinstance(start, list | tuple) else [start])


def _cell(atlas: Atlas, args: Arguments) -> Value | tuple[Value, ...]:
    """One step of a recurrent network, from states that are given."""
    start = args.named["hx"]
    kind = args.operation.removesuffix("_cell")
    biases = args.optional("b_ih"), args.optional("b_hh")
    cell = Cell(atlas, kind, Weights(args.value("w_ih"), args.value("w_hh"), *biases, None))
    states = list(start) if isinstance(start, list | tuple) else [start]
    found = cell.step(args.value("input"), states)
    return found if len(args.shapes) > 1 else found[0]


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(GATES, _recurrent),
    **dict.fromkeys([f"{kind}_cell" for kind in GATES], _cell),
}
