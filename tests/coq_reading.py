"""A reader of the definitions in an exported file, which shares nothing with their writer."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

FUNCTIONS: Mapping[str, tuple[int, Callable[..., float]]] = {
    "exp": (1, math.exp),
    "ln": (1, math.log),
    "sqrt": (1, math.sqrt),
    "sin": (1, math.sin),
    "cos": (1, math.cos),
    "tanh": (1, math.tanh),
    "atan": (1, math.atan),
    "Rabs": (1, abs),
    "step": (1, lambda x: float(x > 0)),
    "Rmax": (2, max),
    "Rmin": (2, min),
    "Rpower": (2, lambda x, y: x**y),
}
TOKEN = re.compile(r"\s*(\d+|[A-Za-z_]\w*|[-+*/^()])")
DEFINITION = re.compile(r"^Definition (\w+)((?: \([\w ]+ : \w+\))*) : R :=\s(.*?)\.$", re.MULTILINE | re.DOTALL)
POINTS = ("given", "theta", "t")


class Reading:
    """The definitions of real numbers in a file, at one point.

    Parameters
    ----------
    text: the file.
    entries: the value of each field of the records.
    """

    def __init__(self, text: str, entries: Mapping[str, float]) -> None:
        text = re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)
        self.bodies = {name: body for name, binders, body in DEFINITION.findall(text) if "velocity" not in binders}
        self.entries = entries
        self.done: dict[str, float] = {}

    def value(self, name: str) -> float:
        if name not in self.done:
            tokens = TOKEN.findall(self.bodies[name])
            assert "".join(tokens) == "".join(self.bodies[name].split())
            value, rest = self.sum(tokens)
            assert rest == []
            self.done[name] = value
        return self.done[name]

    def sum(self, tokens: list[str]) -> tuple[float, list[str]]:
        value, tokens = self.product(tokens)
        while tokens and tokens[0] in "+-":
            other, rest = self.product(tokens[1:])
            value, tokens = (value + other if tokens[0] == "+" else value - other), rest
        return value, tokens

    def product(self, tokens: list[str]) -> tuple[float, list[str]]:
        value, tokens = self.prefixed(tokens)
        while tokens and tokens[0] in "*/":
            other, rest = self.prefixed(tokens[1:])
            value, tokens = (value * other if tokens[0] == "*" else value / other), rest
        return value, tokens

    def prefixed(self, tokens: list[str]) -> tuple[float, list[str]]:
        """- x and / x bind tighter than products and less tightly than powers."""
        if tokens[0] in "-/":
            value, rest = self.prefixed(tokens[1:])
            return (-value if tokens[0] == "-" else 1 / value), rest
        value, tokens = self.application(tokens)
        if tokens and tokens[0] == "^":
            return value ** int(tokens[1]), tokens[2:]
        return value, tokens

    def application(self, tokens: list[str]) -> tuple[float, list[str]]:
        head, rest = tokens[0], tokens[1:]
        if head in FUNCTIONS:
            count, function = FUNCTIONS[head]
            values: list[Any] = []
            for _ in range(count):
                value, rest = self.atom(rest)
                values.append(value)
            return function(*values), rest
        value, rest = self.atom(tokens)
        while rest and rest[0] in POINTS:
            rest = rest[1:]
        return value, rest

    def atom(self, tokens: list[str]) -> tuple[float, list[str]]:
        head, rest = tokens[0], tokens[1:]
        if head == "(":
            value, rest = self.sum(rest)
            assert rest[0] == ")"
            return value, rest[1:]
        if head.isdigit():
            return float(head), rest
        if head == "PI":
            return math.pi, rest
        return (self.entries[head] if head in self.entries else self.value(head)), rest
