"""Answers of functions: real numbers are taken as they come, all else is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.objective import Objective

POINT = np.array([1.0, 2.0])


def objective(value=lambda w: float(w @ w), gradient=lambda w: 2 * w, hvp=None):
    return Objective.from_functions(value, gradient, hvp, size=2)


@pytest.mark.parametrize("answer", ["1", None, 1j, True, [1.0, 2.0], np.ones(2), [[1], [1, 2]]])
def test_values_that_are_no_numbers(answer):
    with pytest.raises(InputError, match="the value is of the type"):
        objective(value=lambda _: answer).value(POINT)


@pytest.mark.parametrize("answer", [5, np.float32(5.0), np.array([5.0]), np.array(5)])
def test_numbers_of_any_kind(answer):
    assert objective(value=lambda _: answer).value_and_grad(POINT)[0] == 5.0


@pytest.mark.parametrize("answer", [["a", "b"], None, 1j * POINT, [[1], [1, 2]], 1.0, POINT[:, None], [True, False]])
def test_gradients_and_products_that_are_no_vectors(answer):
    with pytest.raises(InputError, match="gradient"):
        objective(gradient=lambda _: answer).gradient(POINT)
    with pytest.raises(InputError, match="hvp"):
        objective(hvp=lambda _w, _v: answer).hvp(POINT, POINT)


def test_gradients_of_any_kind_and_scale():
    assert objective(gradient=lambda _: [1, 2]).gradient(POINT).tolist() == [1.0, 2.0]
    rows = np.arange(8.0).reshape(2, 4)
    assert objective(gradient=lambda _: rows[:, 1]).gradient(POINT).tolist() == [1.0, 5.0]


def test_functions_that_write_into_their_argument_leave_the_point_alone():
    def spoil(w, *_):
        w[:] = 99.0
        return w

    w, v = POINT.copy(), POINT.copy()
    spoiled = objective(lambda w: float(spoil(w)[0]), spoil, spoil)
    spoiled.value_and_grad(w)
    spoiled.hvp(w, v)
    assert w.tolist() == v.tolist() == POINT.tolist()


def test_answers_that_share_memory_are_copied():
    memory = np.zeros(2)

    def gradient(w):
        memory[:] = 2 * w
        return memory

    shared = objective(gradient=gradient)
    first = shared.gradient(POINT)
    shared.gradient(5 * POINT)
    assert first.tolist() == [2.0, 4.0]


def test_the_product_with_zero_costs_nothing_where_it_is_differenced():
    counted = objective()
    assert counted.hvp(POINT, np.zeros(2)).tolist() == [0.0, 0.0]
    assert counted.ledger.total().gradient_equivalents == 0
    counted.hvp(POINT, POINT)
    assert counted.ledger.total().gradient_equivalents == 2


@pytest.mark.parametrize("shape", ["ab", 3, (0,), (-1, 2), (1.5,), (True,)])
def test_shapes_that_are_none(shape):
    with pytest.raises(InputError, match="'W'"):
        Objective.from_functions(lambda _: 1.0, lambda w: w, shapes={"W": shape})
