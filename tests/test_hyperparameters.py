"""Hyperparameters: what is a number of an interval, and what is refused."""

import math
from fractions import Fraction

import numpy as np
import pytest

from manifolds import InputError
from solvers.steps.hyperparameters import NON_NEGATIVE, POSITIVE, UNIT, Interval, read_count, read_number


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.int64(0), Fraction(1, 3)])
def test_numbers_become_floats(value):
    number = read_number(value, name="x", interval=NON_NEGATIVE)
    assert type(number) is float
    assert number == float(value)


@pytest.mark.parametrize(
    ("value", "interval"),
    [
        (True, NON_NEGATIVE),
        (np.True_, NON_NEGATIVE),
        ("1", NON_NEGATIVE),
        (None, NON_NEGATIVE),
        (1j, NON_NEGATIVE),
        (np.ones(1), NON_NEGATIVE),
        (math.nan, NON_NEGATIVE),
        (math.inf, NON_NEGATIVE),
        (-1e-300, NON_NEGATIVE),
        (0, POSITIVE),
        (1, UNIT),
        (-math.inf, Interval(-math.inf, open_low=True)),
    ],
)
def test_what_lies_outside_is_refused_by_name(value, interval):
    with pytest.raises(InputError) as error:
        read_number(value, name="momentum", interval=interval)
    assert "momentum" in error.value.what
    assert "momentum" in error.value.cure


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3", None, np.arange(3), math.nan])
def test_counts_are_whole_numbers_from_one_up(value):
    with pytest.raises(InputError, match="steps"):
        read_count(value, name="steps")
    assert read_count(np.int32(3), name="steps") == 3
    assert read_count(0, name="warmup", low=0) == 0
