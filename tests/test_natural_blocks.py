"""Large algebras of linear fields are named by their action on blocks of coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symmetries import Loss, derive
from symmetries.structure.natural_blocks import NaturalImage, identify_by_blocks

CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("sum(x**2)", {"x": (7,)}, {}, "so(7)"),
    ("sum(x**2) + (y*z)**2", {"x": (5,), "y": (), "z": ()}, {}, "so(5) + R^1"),
    ("sum(x**2) - sum(y**2)", {"x": (3,), "y": (5,)}, {}, "so(5,3)"),
    ("sum((Y - U@V)**2)", {"U": (3, 3), "V": (3, 3)}, {"Y": (3, 3)}, "gl(3,R)"),
    ("sum((Y - A@B@C)**2)", {"A": (3, 3), "B": (3, 3), "C": (3, 3)}, {"Y": (3, 3)}, "gl(3,R) + gl(3,R)"),
    ("sum((Y - U@U.T)**2)", {"U": (6, 5)}, {"Y": (6, 6)}, "so(5)"),
]


@pytest.mark.parametrize(("formula", "parameters", "data", "name"), CASES)
def test_agrees_with_the_identification_by_structure_constants(
    formula: str, parameters: dict[str, Any], data: dict[str, Any], name: str
) -> None:
    algebra = derive(Loss.parse(formula, parameters, data=data))
    found = identify_by_blocks(algebra.generators, algebra.loss.entries)
    assert found is not None
    assert found.name == name == algebra.name
    assert found.killing_signature == algebra.killing_signature
    assert found.levi == algebra.levi
    assert found.centre == algebra.identity.centre
    assert sorted(found.simple_ideals) == sorted(algebra.identity.simple_ideals)


def test_beyond_the_structure_constants() -> None:
    algebra = derive(Loss.parse("sum(x**2) - 2*sum(y**2)", {"x": (10,), "y": (9,)}))
    assert (algebra.dimension, algebra.name) == (171, "so(10,9)")
    assert algebra.killing_signature == (90, 81, 0)


def test_a_tensor_product_is_not_taken_for_a_natural_action() -> None:
    algebra = derive(Loss.parse("det(A)", {"A": (3, 3)}))
    assert identify_by_blocks(algebra.generators, algebra.loss.entries) is None


@pytest.mark.parametrize("n", [3, 4, 5, 6])
@pytest.mark.parametrize("kind", ["gl", "sl", "so", "sp"])
def test_killing_signatures_against_traces(kind: str, n: int) -> None:
    size = 2 * n if kind == "sp" else n
    form = np.diag([1.0] * (n - 1) + [-1.0])
    skew = np.kron(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.eye(n))
    units = np.eye(size * size).reshape(-1, size, size)
    matrices = {
        "gl": units,
        "sl": [u - np.trace(u) / size * np.eye(size) for u in units],
        "so": [form @ (u - u.T) for u in units] if kind == "so" else [],
        "sp": [-skew @ (u + u.T) for u in units] if kind == "sp" else [],
    }[kind]
    flat = np.array(matrices).reshape(len(matrices), -1)
    _, values, rows = np.linalg.svd(flat, full_matrices=False)
    basis = rows[: int((values > 1e-9).sum())].reshape(-1, size, size)
    adjoint = np.array([[np.tensordot(basis, x @ y - y @ x, axes=2) for y in basis] for x in basis])
    eigenvalues = np.linalg.eigvalsh(np.einsum("ijk,lkj->il", adjoint, adjoint))
    signature = tuple(int(count) for count in ((eigenvalues > 1e-6).sum(), (eigenvalues < -1e-6).sum()))
    image = NaturalImage(kind, size, (n - 1, 1) if kind == "so" else (0, 0))
    assert image.killing[:2] == signature
    assert sum(image.killing) == len(basis)
