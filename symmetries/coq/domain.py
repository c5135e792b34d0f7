"""Where an exported loss is defined: what must be assumed of a point, and what is proved to be positive anyway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from symmetries.coq.layout import TIGHT, Layout
from symmetries.coq.satisfied import Assumption
from symmetries.coq.terms import Key

NEEDS_POSITIVE = {"sqrt", "ln", "rpower"}


@final
class Domain:
    """Facts ``0 < u`` and ``u <> 0`` about arguments: hypotheses where they are not seen, lemmas where they are.

    ``positive`` and ``nonzero`` give the name of the fact about a term.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.positive: dict[Key, str] = {}
        self.nonzero: dict[Key, str] = {}
        self.hypotheses: dict[str, str] = {}
        self.subjects: dict[str, Key] = {}
        self.assumed: list[Assumption] = []
        self.lines: list[str] = []
        for key in layout.keys:
            term = layout.pool[key]
            if term.operation in NEEDS_POSITIVE:
                self._require_positive(term.arguments[0])
            if term.operation == "inv":
                self._require_nonzero(term.arguments[0])

    def described(self, labels: Mapping[Key, str]) -> list[str]:
        """The hypotheses with what the names in them stand for."""
        return [explained(self.layout, self.subjects[text], text, labels) for text in self.hypotheses.values()]

    def _require_positive(self, key: Key) -> None:
        if key in self.positive:
            return
        statement = f"0 < {self.layout.text(key, TIGHT)}"
        proof = self._positive(key)
        self.positive[key] = self._fact(key, f"P_{self._label(key)}", statement, proof)

    def _require_nonzero(self, key: Key) -> None:
        if key in self.nonzero:
            return
        statement = f"{self.layout.text(key, TIGHT)} <> 0"
        proof = self._positive(key)
        why = None if proof is None else f"positive_nonzero _ {proof}"
        self.nonzero[key] = self._fact(key, f"O_{self._label(key)}", statement, why)

    def _fact(self, key: Key, name: str, statement: str, proof: str | None) -> str:
        if proof is None:
            name = f"H_{name}"
            self.hypotheses[name] = statement
            self.subjects[statement] = key
            self.assumed.append(Assumption(key, statement.startswith("0 <")))
            self.lines.append(f"Hypothesis {name} : {statement}.")
        else:
            self.lines.append(f"Lemma {name} : {statement}.\nProof. exact ({proof}). Qed.")
        return name

    def _label(self, key: Key) -> str:
        layout = self.layout
        if key in layout.names:
            return layout.names[key]
        term = layout.pool[key]
        return layout.identifiers[str(term.payload)] if term.operation == "symbol" else f"c{key}"

    def positive_proof(self, key: Key) -> str:
        """A proof that a scale is positive."""
        proof = self._positive(key)
        assert proof is not None
        return proof

    def _positive(self, key: Key) -> str | None:
        """A proof that a term is positive, None where that is not seen."""
        if key in self.positive:
            return self.positive[key]
        pool = self.layout.pool
        term = pool[key]
        inner = [self._positive(k) for k in term.arguments] if term.operation in {"mul", "pow", "inv"} else []
        match term.operation:
            case "number":
                return f"(ltac:(lra) : 0 < {self.layout.text(key)})" if (pool.value(key) or 0) > 0 else None
            case "pi":
                return "PI_RGT_0"
            case "exp" | "rpower":
                return "(exp_pos _)"
            case "sqrt":
                below = self._positive(term.arguments[0])
                return None if below is None else f"(sqrt_lt_R0 _ {below})"
            case "inv":
                return None if inner[0] is None else f"(Rinv_0_lt_compat _ {inner[0]})"
            case "pow":
                return None if inner[0] is None else f"(pow_lt _ {term.payload} {inner[0]})"
            case "mul":
                return self._product(key, strict=True)
            case "add":
                return self._sum(term.arguments)
        return None

    def _nonnegative(self, key: Key) -> str | None:
        """A proof that a term is not negative, None where that is not seen."""
        positive = self._positive(key)
        if positive is not None:
            return f"(Rlt_le _ _ {positive})"
        term = self.layout.pool[key]
        match term.operation:
            case "sqrt":
                return "(sqrt_pos _)"
            case "abs":
                return "(Rabs_pos _)"
            case "max0":
                return "(max0_nonnegative _)"
            case "pow" if int(str(term.payload)) == 2:
                return "(pow2_ge_0 _)"
            case "mul":
                return self._product(key, strict=False)
            case "add":
                return self._sum(term.arguments, strict=False)
        return None

    def _product(self, key: Key, *, strict: bool) -> str | None:
        """The factors in the order in which they are written: the number, what is fixed, what moves."""
        front, fixed, moving = self.layout.parts(self.layout.pool[key].arguments)
        prove = self._positive if strict else self._nonnegative
        rule = "Rmult_lt_0_compat" if strict else "Rmult_le_pos"
        sides = []
        for group in ([*([] if front is None else [front]), *fixed], moving):
            proof = None
            for factor in group:
                one = prove(factor)
                if one is None:
                    return None
                proof = one if proof is None else f"({rule} _ _ {proof} {one})"
            if proof is not None:
                sides.append(proof)
        return sides[0] if len(sides) == 1 else f"({rule} _ _ {sides[0]} {sides[1]})"

    def _sum(self, xs: tuple[Key, ...], *, strict: bool = True) -> str | None:
        total, sure = None, False
        for inner in xs:
            positive = self._positive(inner)
            one = positive or self._nonnegative(inner)
            if one is None:
                return None
            if total is None:
                total, sure = one, positive is not None
                continue
            rule = {
                (True, True): "Rplus_lt_0_compat",
                (True, False): "Rplus_lt_le_0_compat",
                (False, True): "Rplus_le_lt_0_compat",
                (False, False): "Rplus_le_le_0_compat",
            }[sure, positive is not None]
            total = f"({rule} _ _ {total} {one})"
            sure = sure or positive is not None
        return total if sure or not strict else None


def explained(layout: Layout, key: Key, statement: str, labels: Mapping[Key, str]) -> str:
    """A condition with the formula that the name in it stands for."""
    name, label = layout.names.get(key), labels.get(key)
    return f"{statement}   where {name} is {label}" if name and label else statement
