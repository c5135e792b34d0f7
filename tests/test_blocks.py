"""The determining equations in blocks: nothing is lost by splitting them."""

from __future__ import annotations

import numpy as np
import pytest

from manifolds import InputError
from symmetries import Affine, Ansatz, Linear, Loss, Polynomial
from symmetries.blocks import MAX_BLOCK, ModularSystem, Partition, check_largest, partition
from symmetries.system import DeterminingSystem

CASES = [
    ("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, {"Y": (2, 2)}, Linear(), 4),
    ("sum((Y - U@V)**2) + sum(U**2) + sum(V**2)", {"U": (2, 2), "V": (2, 2)}, {"Y": (2, 2)}, Affine(), 1),
    ("sum((y - B@relu(A@x))**2)", {"A": (2, 2), "B": (1, 2)}, {"x": (2,), "y": (1,)}, Linear(), 2),
    ("sum((y - B@tanh(A@x))**2)", {"A": (2, 2), "B": (1, 2)}, {"x": (2,), "y": (1,)}, Affine(), 0),
    ("(1 - x)**2 + 100*(y - x**2)**2", {"x": (), "y": ()}, {}, Polynomial(5), 6),
    ("sum(w**2)", {"w": (5,)}, {}, Linear(), 10),
    (
        "sum((y - B@relu(A2@relu(A1@x)))**2)",
        {"A1": (3, 2), "A2": (3, 3), "B": (1, 3)},
        {"x": (2,), "y": (1,)},
        Linear(),
        6,
    ),
]
every_case = pytest.mark.parametrize(("text", "parameters", "data", "ansatz", "expected"), CASES)


def modular(loss: Loss, ansatz: Ansatz) -> tuple[DeterminingSystem, ModularSystem]:
    system = DeterminingSystem.of(loss, seed=0)
    prime, sampler = next(iter(system.samplers()))
    return system, ModularSystem(system, ansatz.unknowns(len(system.coordinates)), prime, sampler)


@every_case
def test_the_blocks_hold_every_unknown_once(
    text: str, parameters: dict[str, tuple[int, ...]], data: dict[str, tuple[int, ...]], ansatz: Ansatz, expected: int
) -> None:
    system, equations = modular(Loss.parse(text, parameters, data=data), ansatz)
    parts = partition(system, equations.unknowns)
    together = np.sort(np.concatenate([*parts.blocks, parts.single]))
    assert together.tolist() == list(range(equations.unknowns.count))
    assert all(len(block) > 1 for block in parts.blocks)
    assert parts.count == len(parts.blocks) + len(parts.single)


@every_case
def test_the_blocks_have_the_null_space_of_the_whole(
    text: str, parameters: dict[str, tuple[int, ...]], data: dict[str, tuple[int, ...]], ansatz: Ansatz, expected: int
) -> None:
    system, equations = modular(Loss.parse(text, parameters, data=data), ansatz)
    parts = partition(system, equations.unknowns)
    whole = equations.solve(np.arange(equations.unknowns.count))
    assert whole.stable
    split = sum(len(equations.solve(block).basis) for block in parts.blocks)
    equations.sampler.draw(40)
    assert len(whole.basis) == split + len(equations.unused(parts.single)) == expected


@every_case
def test_blocks_without_a_solution_are_told_apart(
    text: str, parameters: dict[str, tuple[int, ...]], data: dict[str, tuple[int, ...]], ansatz: Ansatz, expected: int
) -> None:
    system, equations = modular(Loss.parse(text, parameters, data=data), ansatz)
    blocks = partition(system, equations.unknowns).blocks
    kept = {tuple(block.tolist()) for block in equations.with_solutions(blocks)}
    for block in blocks:
        if equations.solve(block).basis:
            assert tuple(block.tolist()) in kept


def test_splitting_makes_blocks_small() -> None:
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (5, 5), "V": (5, 5)}, data={"Y": (5, 5)})
    system, equations = modular(loss, Linear())
    parts = partition(system, equations.unknowns)
    assert equations.unknowns.count == 2_500
    assert parts.largest <= 50


def test_a_block_too_large_for_memory_is_refused() -> None:
    check_largest(Partition((np.arange(MAX_BLOCK),), np.arange(0)))
    with pytest.raises(InputError, match=f"{MAX_BLOCK + 1:,}"):
        check_largest(Partition((np.arange(MAX_BLOCK + 1),), np.arange(0)))
